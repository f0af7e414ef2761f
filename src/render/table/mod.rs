//! What `--table` prints: the listings drawn for people, as wide as the screen.
//!
//! Shows what the plain listing with the same options shows, in quantities that can be read at a
//! glance. It is not for programs and may change. [`services`], [`connections`], [`counts`] and
//! [`timeouts_and_daemons`] say what is in a table, [`sheet`] draws it, [`quantities`] writes
//! numbers.

pub mod connections;
pub mod counts;
pub mod quantities;
pub mod services;
pub mod sheet;
pub mod timeouts_and_daemons;

use std::net::IpAddr;

use crate::model::Protocol;
use crate::render::endpoints::EndpointWriter;

/// A text that comes from elsewhere. Name services and kernel modules may say anything; what is not
/// printable ASCII could move the cursor or have any width, and becomes a question mark.
fn foreign(text: &[u8]) -> String {
    let shown = |byte: &u8| match byte {
        b' '..=b'~' => char::from(*byte),
        _ => '?',
    };
    text.iter().map(shown).collect()
}

fn endpoint(
    endpoints: &mut EndpointWriter,
    address: IpAddr,
    port: u16,
    protocol: Option<Protocol>,
) -> String {
    let mut text = Vec::new();
    endpoints.write(&mut text, address, port, protocol);
    foreign(&text)
}
