//! Many changes in one send.
//!
//! The kernel carries out the requests of a send one after another, whatever it refuses of them.
//! Only the last asks for an acknowledgement: when that comes, all are done.
//!
//! Exception: stopping a daemon that never ran fails with `EINTR`, which netlink does not
//! acknowledge (the daemon is gone all the same). Such a batch ends with a `NOOP`, the fence.

#![forbid(unsafe_code)]

use neli::consts::nl::{NlmF, Nlmsg};

use crate::ipvs::requests::{command_of, write_change, write_message, write_request};
use crate::model::Change;

/// The most changes in a send. More gains nothing that can be measured.
const MOST_CHANGES: usize = 128;

/// Changes to be sent together, encoded one behind the other.
pub struct Batch {
    requests: Vec<u8>,
    last_request: usize,
    first_sequence: u32,
    length: u32,
    capacity: usize,
    ends_unanswered: bool,
}

impl Batch {
    /// Makes an empty batch, for a socket that holds so many changes.
    pub fn new(changes_held: usize) -> Batch {
        Batch {
            requests: Vec::new(),
            last_request: 0,
            first_sequence: 0,
            length: 0,
            capacity: changes_held.min(MOST_CHANGES),
            ends_unanswered: false,
        }
    }

    /// Returns true if it must be sent before the next change is pushed.
    pub fn is_full(&self) -> bool {
        self.length as usize >= self.capacity
    }

    /// Returns true if there is nothing to send.
    pub fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// Appends a change. `sequence` is one more than that of the change before.
    pub fn push(&mut self, family: u16, sequence: u32, change: &Change) {
        if self.is_empty() {
            self.first_sequence = sequence;
        }
        self.last_request = self.requests.len();
        write_request(
            &mut self.requests,
            family,
            NlmF::REQUEST.bits(),
            sequence,
            command_of(change),
            |writer| {
                write_change(writer, change);
            },
        );
        self.length += 1;
        self.ends_unanswered = matches!(change, Change::StopDaemon(..));
    }

    /// Returns true if the kernel may leave the last change unanswered.
    pub fn needs_fence(&self) -> bool {
        self.ends_unanswered
    }

    /// Appends a message that asks for nothing, for its acknowledgement. `sequence` is one more
    /// than that of the last change.
    pub fn push_fence(&mut self, sequence: u32) {
        self.last_request = self.requests.len();
        let flags = NlmF::REQUEST.bits();
        write_message(
            &mut self.requests,
            Nlmsg::Noop.into(),
            flags,
            sequence,
            |_| {},
        );
        self.length += 1;
        self.ends_unanswered = false;
    }

    /// Returns the encoded requests, the last of which asks for an acknowledgement, and their first
    /// and last sequence numbers.
    pub fn requests(&mut self) -> (&[u8], u32, u32) {
        let flags = (NlmF::REQUEST | NlmF::ACK).bits().to_ne_bytes();
        // Bytes 6 and 7 of a netlink header are its flags.
        if let Some(place) = self
            .requests
            .get_mut(self.last_request + 6..self.last_request + 8)
        {
            place.copy_from_slice(&flags);
        }
        (
            &self.requests,
            self.first_sequence,
            self.first_sequence
                .wrapping_add(self.length.saturating_sub(1)),
        )
    }

    /// Empties the batch.
    pub fn clear(&mut self) {
        self.requests.clear();
        self.length = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::SyncDaemonRole;

    #[test]
    fn only_the_last_request_asks_for_an_acknowledgement() {
        let mut batch = Batch::new(10);
        for sequence in 5..8 {
            batch.push(20, sequence, &Change::Flush);
        }
        let (requests, first, last) = batch.requests();
        assert_eq!((requests.len(), first, last), (3 * 20, 5, 7));
        let flags: Vec<u8> = requests.chunks(20).map(|request| request[6]).collect();
        assert_eq!(flags, [1, 1, 1 | 4]);
    }

    #[test]
    fn a_change_that_may_go_unanswered_is_followed_by_a_fence() {
        let mut batch = Batch::new(10);
        batch.push(20, 5, &Change::StopDaemon(SyncDaemonRole::Master, 0));
        assert!(batch.needs_fence());
        batch.push(20, 6, &Change::Flush);
        assert!(!batch.needs_fence());
        batch.push(20, 7, &Change::StopDaemon(SyncDaemonRole::Master, 0));
        batch.push_fence(8);
        assert!(!batch.needs_fence());
        let (requests, first, last) = batch.requests();
        assert_eq!((first, last), (5, 8));
        let mut fence = vec![16, 0, 0, 0, 1, 0, 1 | 4, 0, 8, 0, 0, 0, 0, 0, 0, 0];
        if cfg!(target_endian = "big") {
            fence = vec![0, 0, 0, 16, 0, 1, 0, 1 | 4, 0, 0, 0, 8, 0, 0, 0, 0];
        }
        assert!(requests.ends_with(&fence), "{requests:?}");
    }

    #[test]
    fn it_is_full_when_it_has_what_the_socket_holds() {
        let mut batch = Batch::new(2);
        batch.push(20, 1, &Change::Flush);
        assert!(!batch.is_full());
        batch.push(20, 2, &Change::Flush);
        assert!(batch.is_full());
        batch.clear();
        assert!(batch.is_empty());
    }
}
