//! Draws what `--table` prints: the listings for people, as wide as the screen.
//!
//! A drawing shows what the plain listing with the same options shows, in quantities that can be
//! read at a glance. It is not for programs and may change. [`services`], [`connections`],
//! [`counts`] and [`timeouts_and_daemons`] say what is in a table, [`sheet`] draws it,
//! [`quantities`] writes numbers.
#![forbid(unsafe_code)]

pub mod connections;
pub mod counts;
pub mod quantities;
pub mod services;
pub mod sheet;
pub mod timeouts_and_daemons;

use std::net::IpAddr;

use crate::model::Protocol;
use crate::render::endpoints::EndpointWriter;

/// Returns a text of others with question marks for what is not printable ASCII. Name services and
/// kernel modules may say anything: it could move the cursor or have any width.
fn foreign(text: &[u8]) -> String {
    let shown = |byte: &u8| match byte {
        b' '..=b'~' => char::from(*byte),
        _ => '?',
    };
    text.iter().map(shown).collect()
}

/// Formats an address and port, with question marks for what is not printable ASCII in its names.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_printable_ascii_becomes_a_question_mark() {
        assert_eq!(foreign(b" a~\x7f\x1f\x1b[m\xc3\xa4"), " a~???[m??");
    }
}
