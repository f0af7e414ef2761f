//! The target `packets`: whatever comes to an interface, `--listen` reads.

#![forbid(unsafe_code)]

use crate::diagnose::listen::capture::{Direction, Frame};
use crate::diagnose::listen::packets::read;
use crate::diagnose::listen::sync::Groups;

/// The port at which tunnels of the kind GUE end; the seeds have it, too.
const GUE_PORT: u16 = 6080;

/// Reads bytes as a packet from its network header on, which has come in where sync daemons are,
/// and the first half of it, for a capture cuts packets: of that is read the same, or nothing.
pub fn packets(bytes: &[u8]) {
    let half = &bytes[..bytes.len() / 2];
    let packet = |bytes| read(bytes, &[GUE_PORT]);
    if let Some(cut) = packet(half) {
        assert_eq!(Some(cut), packet(bytes));
    }
    let groups = Groups::samples();
    for interface in [3, 4] {
        let frame = Frame {
            interface,
            direction: Direction::In,
            hardware: None,
            mark: None,
        };
        let master = |bytes| groups.master(&frame, bytes);
        if let Some(cut) = master(half) {
            assert_eq!(Some(cut), master(bytes));
        }
    }
}
