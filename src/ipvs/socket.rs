//! The netlink socket: requests out, replies back, and all that netlink does in between.
//!
//! Interrupted calls are repeated; a dump that was interrupted, cut short or overrun is thrown away and started over;
//! messages that answer something else are passed over. This module knows headers and sequence numbers, not what a
//! message says.
//!
//! The kernel answers a request before `send` returns, and goes on with a dump before `recv` returns, so whatever a
//! request will ever be answered with can be read without waiting. Nothing here waits: a reply that was lost is seen to
//! be missing, and a fault leaves a socket that can be emptied.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};

use neli::consts::nl::{NlmF, Nlmsg};
use neli::consts::socket::{Msg, NlFamily};
use neli::socket::NlSocket;
use neli::utils::Groups;
use nix::errno::Errno;
use nix::sys::socket::{getsockopt, sockopt};

use crate::error::KernelError;
use crate::ipvs::attributes::{Attributes, Writer, align};
use crate::ipvs::messages::{HEADERS_LENGTH, read_verdict, write_request};

const NLMSG_HEADER_LENGTH: usize = 16;
/// The most that the kernel puts into one datagram of a dump (`netlink_recvmsg` caps its buffers at this).
const RECEIVE_BUFFER_LENGTH: usize = 32 * 1024;
/// How often a dump is tried before it is given up: each fault is rare, and 100 in a row are no accident.
const MOST_TRIES: usize = 100;
/// What one refusal takes of the receive buffer at the most: our largest request, echoed, and the kernel's own
/// book-keeping. Measured at 852 bytes; doubled to be safe.
const REFUSAL_LENGTH: usize = 1704;

const NO_ANSWER: KernelError = KernelError::Malformed("it never came");

/// A generic netlink socket.
pub struct Socket {
    socket: NlSocket,
    sequence: u32,
    buffer: Vec<u8>,
    request: Vec<u8>,
}

/// A message of a reply.
struct Message<'a> {
    kind: u16,
    flags: u16,
    sequence: u32,
    payload: &'a [u8],
}

/// What came of a try to read a reply.
enum Reading {
    /// All of it is here; it came in so many pieces.
    Complete(usize),
    /// Something was lost or changed on the way.
    StartOver(KernelError),
}

impl Socket {
    /// Opens a socket and lets the kernel choose its port id.
    pub fn open() -> Result<Socket, KernelError> {
        let socket =
            NlSocket::connect(NlFamily::Generic, None, Groups::empty()).map_err(errno_of)?;
        Ok(Socket {
            socket,
            sequence: 0,
            buffer: vec![0; RECEIVE_BUFFER_LENGTH],
            request: Vec::new(),
        })
    }

    /// How many refusals the receive buffer holds for certain. A batch must not be longer, or the kernel drops some.
    pub fn refusals_held(&self) -> usize {
        // SAFETY: the descriptor belongs to `self.socket`, which outlives the borrow.
        let descriptor = unsafe { BorrowedFd::borrow_raw(self.socket.as_raw_fd()) };
        let length = getsockopt(&descriptor, sockopt::RcvBuf).unwrap_or(0);
        (length / REFUSAL_LENGTH).max(1)
    }

    /// A sequence number that no request of this socket has had.
    pub fn next_sequence(&mut self) -> u32 {
        self.sequence = self.sequence.wrapping_add(1);
        self.sequence
    }

    /// Asks for one message and reads it with `read`.
    pub fn query<T>(
        &mut self,
        family: u16,
        command: u8,
        fill: impl Fn(&mut Writer<'_>),
        read: impl FnMut(Attributes<'_>) -> Result<T, KernelError>,
    ) -> Result<T, KernelError> {
        let mut items = Vec::with_capacity(1);
        self.collect(
            family,
            NlmF::REQUEST | NlmF::ACK,
            command,
            &fill,
            &mut items,
            read,
        )?;
        items.pop().ok_or(KernelError::Malformed("it is empty"))
    }

    /// Asks for every message of a kind and reads them into `items`, in the kernel's order. What `items` held is gone.
    ///
    /// Gives the number of datagrams that they came in: each is of one moment, several are of several.
    pub fn dump<T>(
        &mut self,
        family: u16,
        command: u8,
        fill: impl Fn(&mut Writer<'_>),
        items: &mut Vec<T>,
        read: impl FnMut(Attributes<'_>) -> Result<T, KernelError>,
    ) -> Result<usize, KernelError> {
        self.collect(
            family,
            NlmF::REQUEST | NlmF::DUMP,
            command,
            &fill,
            items,
            read,
        )
    }

    fn collect<T>(
        &mut self,
        family: u16,
        flags: NlmF,
        command: u8,
        fill: &impl Fn(&mut Writer<'_>),
        items: &mut Vec<T>,
        mut read: impl FnMut(Attributes<'_>) -> Result<T, KernelError>,
    ) -> Result<usize, KernelError> {
        let mut fault = KernelError::Unsteady;
        for _ in 0..MOST_TRIES {
            items.clear();
            let sequence = self.next_sequence();
            let mut request = std::mem::take(&mut self.request);
            request.clear();
            write_request(&mut request, family, flags.bits(), sequence, command, fill);
            let sent = self.send(&request);
            self.request = request;
            sent?;
            match self.read_reply(sequence, items, &mut read) {
                Ok(Reading::Complete(pieces)) => return Ok(pieces),
                Ok(Reading::StartOver(why)) => fault = why,
                Err(fault) => {
                    self.discard_replies();
                    return Err(fault);
                }
            }
            self.discard_replies();
        }
        Err(fault)
    }

    fn read_reply<T>(
        &mut self,
        sequence: u32,
        items: &mut Vec<T>,
        read: &mut impl FnMut(Attributes<'_>) -> Result<T, KernelError>,
    ) -> Result<Reading, KernelError> {
        let mut is_interrupted = false;
        let mut pieces = 0;
        loop {
            let length = match self.receive() {
                Ok(length) => length,
                Err(fault @ KernelError::Errno(Errno::ENOBUFS)) => {
                    return Ok(Reading::StartOver(fault));
                }
                Err(KernelError::Errno(Errno::EAGAIN)) => {
                    return Ok(Reading::StartOver(NO_ANSWER));
                }
                Err(fault) => return Err(fault),
            };
            if length > self.buffer.len() {
                self.buffer.resize(length, 0);
                return Ok(Reading::StartOver(KernelError::Malformed(
                    "it is cut short",
                )));
            }
            let items_before = items.len();
            for message in Messages::new(&self.buffer[..length]) {
                let message = message?;
                if message.sequence != sequence {
                    continue;
                }
                is_interrupted |= NlmF::from_bits_retain(message.flags).contains(NlmF::DUMP_INTR);
                if message.kind == u16::from(Nlmsg::Done) || message.kind == u16::from(Nlmsg::Error)
                {
                    read_verdict(message.payload)?;
                    pieces += usize::from(items.len() > items_before);
                    return Ok(match is_interrupted {
                        true => Reading::StartOver(KernelError::Unsteady),
                        false => Reading::Complete(pieces),
                    });
                }
                if message.kind > u16::from(Nlmsg::Overrun) {
                    let attributes = message
                        .payload
                        .get(HEADERS_LENGTH - NLMSG_HEADER_LENGTH..)
                        .ok_or(KernelError::Malformed(
                            "a message is shorter than its header",
                        ))?;
                    items.push(read(Attributes::new(attributes))?);
                }
            }
            pieces += usize::from(items.len() > items_before);
        }
    }

    /// Sends requests whose sequence numbers run from `first` to `last`, of which the last alone asks for an
    /// acknowledgement, and tells `refused` of each that the kernel refused, by its place, in their order.
    pub fn carry_out(
        &mut self,
        requests: &[u8],
        first: u32,
        last: u32,
        mut refused: impl FnMut(usize, KernelError),
    ) -> Result<(), KernelError> {
        self.send(requests)?;
        let of_this_batch = last.wrapping_sub(first);
        loop {
            let length = match self.receive() {
                Ok(length) => length.min(self.buffer.len()),
                // What overran the buffer is gone; batches are short enough that it was nothing of theirs.
                Err(KernelError::Errno(Errno::ENOBUFS)) => continue,
                Err(KernelError::Errno(Errno::EAGAIN)) => return Err(NO_ANSWER),
                Err(fault) => return Err(fault),
            };
            for message in Messages::new(&self.buffer[..length]) {
                let message = message?;
                let at = message.sequence.wrapping_sub(first);
                if message.kind != u16::from(Nlmsg::Error) || at > of_this_batch {
                    continue;
                }
                if let Err(fault) = read_verdict(message.payload) {
                    refused(at as usize, fault);
                }
                if at == of_this_batch {
                    return Ok(());
                }
            }
        }
    }

    fn send(&self, bytes: &[u8]) -> Result<(), KernelError> {
        loop {
            match self.socket.send(bytes, Msg::empty()).map_err(errno_of) {
                Ok(_) => return Ok(()),
                Err(KernelError::Errno(Errno::EINTR)) => {}
                Err(fault) => return Err(fault),
            }
        }
    }

    /// Receives one datagram and gives its whole length, which may be more than the buffer holds.
    fn receive(&mut self) -> Result<usize, KernelError> {
        loop {
            match self
                .socket
                .recv(&mut self.buffer, Msg::DONTWAIT | Msg::TRUNC)
                .map_err(errno_of)
            {
                Ok((length, _)) => return Ok(length),
                Err(KernelError::Errno(Errno::EINTR)) => {}
                Err(fault) => return Err(fault),
            }
        }
    }

    /// Empties the socket, so that the next request is not refused for a dump that is still under way.
    fn discard_replies(&mut self) {
        loop {
            match self.receive() {
                Ok(_) | Err(KernelError::Errno(Errno::ENOBUFS)) => {}
                Err(_) => return,
            }
        }
    }
}

fn errno_of(fault: io::Error) -> KernelError {
    KernelError::Errno(
        fault
            .raw_os_error()
            .map_or(Errno::UnknownErrno, Errno::from_raw),
    )
}

/// The messages of a datagram.
struct Messages<'a> {
    rest: &'a [u8],
}

impl<'a> Messages<'a> {
    fn new(datagram: &'a [u8]) -> Messages<'a> {
        Messages { rest: datagram }
    }
}

impl<'a> Iterator for Messages<'a> {
    type Item = Result<Message<'a>, KernelError>;

    fn next(&mut self) -> Option<Self::Item> {
        let header = self.rest.first_chunk::<NLMSG_HEADER_LENGTH>()?;
        let [l0, l1, l2, l3, k0, k1, f0, f1, s0, s1, s2, s3, ..] = *header;
        let length = u32::from_ne_bytes([l0, l1, l2, l3]) as usize;
        if length < NLMSG_HEADER_LENGTH || length > self.rest.len() {
            self.rest = &[];
            return Some(Err(KernelError::Malformed(
                "a message is longer than its datagram",
            )));
        }
        let payload = &self.rest[NLMSG_HEADER_LENGTH..length];
        self.rest = self.rest.get(align(length)..).unwrap_or_default();
        Some(Ok(Message {
            kind: u16::from_ne_bytes([k0, k1]),
            flags: u16::from_ne_bytes([f0, f1]),
            sequence: u32::from_ne_bytes([s0, s1, s2, s3]),
            payload,
        }))
    }
}
