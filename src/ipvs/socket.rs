//! The netlink socket: requests out, replies back, and what netlink does in between. What a message
//! says is not known here.
//!
//! Interrupted calls are repeated. A dump that was interrupted, cut short or overrun is thrown away
//! and started over. Messages that answer something else are skipped.
//!
//! The reply to a question is one message, and needs no acknowledgement. That to a dump has a
//! message at its end.
//!
//! Nothing here waits: the kernel answers a request before `send` returns, and continues a dump
//! before `recv` returns. So a reply can be read at once, or it is lost.
//!
//! Messages are framed by hand: reading one with neli's `Nlmsghdr` copies its payload into a value
//! first.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};

use neli::consts::nl::{NlmF, Nlmsg};
use neli::consts::socket::{Msg, NlFamily};
use neli::socket::NlSocket;
use neli::utils::Groups;
use nix::errno::Errno;
use nix::sys::socket::{MsgFlags, getsockopt, recv, sockopt};

use crate::error::KernelError;
use crate::ipvs::attributes::{Attributes, Writer, align};
use crate::ipvs::replies::read_verdict;
use crate::ipvs::requests::{
    GENL_HEADER_LENGTH, LONGEST_REQUEST, NLMSG_HEADER_LENGTH, write_message, write_request,
};
use crate::ipvs::steady::Datagrams;

/// The receive buffer. The kernel makes, and zeroes, each datagram of a dump as large as the
/// largest buffer it has seen: a power of two, less its own 320 bytes (`SKB_WITH_OVERHEAD`).
/// Measured with 2 000 services of ten servers, 8 KiB are 4 % cheaper than 16, 32 KiB 5 % dearer.
/// But servers of one service that do not fit one datagram are dumped twice, and 8 KiB hold some
/// 20, 16 KiB some 40.
const BUFFER_LENGTH: usize = 16 * 1024 - 320;
/// The bytes that a datagram of a dump holds in a socket that nothing has been received from: the
/// least that the kernel makes (`NLMSG_GOODSIZE`), less its own; more where pages are larger.
const FIRST_CAPACITY: usize = 4096 - 320;
/// More than any service or destination takes in a dump: an IPv6 address, a scheduler, an engine,
/// and all counters in 32 and in 64 bits come to 404 bytes.
const LONGEST_ENTRY: usize = 512;
/// The most tries of a dump. Each fault is rare; 100 in a row are no accident.
const MOST_TRIES: usize = 100;
/// The most that one refusal takes of the kernel's receive buffer: our longest request, echoed,
/// and the kernel's book-keeping. Measured at 852 bytes; doubled to be safe.
const REFUSAL_LENGTH: usize = 1704;
/// The part of the send buffer that the kernel keeps for itself (`netlink_sendmsg`).
const SEND_OVERHEAD: usize = 32;

const NO_ANSWER: KernelError = KernelError::Malformed("it never came");

/// Carries datagrams to the kernel and back: a socket, or a script in the tests of what can go
/// wrong.
pub trait Wire {
    /// Sends one datagram.
    fn send(&self, bytes: &[u8]) -> io::Result<()>;

    /// Receives one datagram without waiting. Returns its whole length, of which the buffer may
    /// hold less.
    fn receive(&self, buffer: &mut [u8]) -> io::Result<usize>;
}

impl Wire for NlSocket {
    fn send(&self, bytes: &[u8]) -> io::Result<()> {
        NlSocket::send(self, bytes, Msg::empty()).map(drop)
    }

    fn receive(&self, buffer: &mut [u8]) -> io::Result<usize> {
        // neli's own also asks for the sender's groups and allocates a list of them each time.
        Ok(recv(
            self.as_raw_fd(),
            buffer,
            MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_TRUNC,
        )?)
    }
}

/// A netlink socket, generic but for [`Socket::ask`].
pub struct Socket<W = NlSocket> {
    wire: W,
    sequence: u32,
    buffer: Vec<u8>,
    /// The part of the buffer that the next receive offers, if not all of it.
    next_length: Option<usize>,
    /// The bytes that a datagram of a dump holds if the kernel makes it now: the most that any
    /// receive has offered, unless it finds no memory in one piece.
    capacity: usize,
    request: Vec<u8>,
}

/// A message of a reply.
struct Message<'a> {
    kind: u16,
    flags: u16,
    sequence: u32,
    payload: &'a [u8],
}

/// The outcome of reading a reply.
enum Reading {
    /// The whole reply was read, from datagrams cut like this.
    Complete(Datagrams),
    /// Something was lost, or the table changed meanwhile.
    StartOver(KernelError),
}

impl Socket {
    /// Opens a socket and lets the kernel choose its port id.
    pub fn open() -> Result<Socket, KernelError> {
        Socket::open_family(NlFamily::Generic)
    }

    /// Opens a socket of any family.
    pub fn open_family(family: NlFamily) -> Result<Socket, KernelError> {
        let socket = NlSocket::connect(family, None, Groups::empty())?;
        Ok(Socket::over(socket))
    }

    /// Returns the number of changes that can be sent together: the send buffer must hold the
    /// requests, and the receive buffer all their refusals, of which the kernel drops what it has
    /// no room for.
    pub fn changes_held(&self) -> usize {
        // SAFETY: the descriptor belongs to `self.wire`, which outlives the borrow.
        let descriptor = unsafe { BorrowedFd::borrow_raw(self.wire.as_raw_fd()) };
        let receive_buffer = getsockopt(&descriptor, sockopt::RcvBuf).unwrap_or(0);
        let send_buffer = getsockopt(&descriptor, sockopt::SndBuf).unwrap_or(0);
        let refusals = receive_buffer / REFUSAL_LENGTH;
        let fence = NLMSG_HEADER_LENGTH;
        let requests = send_buffer.saturating_sub(SEND_OVERHEAD + fence) / LONGEST_REQUEST;
        refusals.min(requests).max(1)
    }
}

impl<W: Wire> Socket<W> {
    pub fn over(wire: W) -> Socket<W> {
        Socket {
            wire,
            sequence: 0,
            buffer: vec![0; BUFFER_LENGTH],
            next_length: None,
            capacity: FIRST_CAPACITY,
            request: Vec::new(),
        }
    }

    /// Cuts the first dump into datagrams at other entries than that of a socket in use. The kernel
    /// makes a socket's first datagram as small as can be, and the next one as large as the first
    /// receive offers; from the third on all are of the usual size, but shifted. `shift` picks one
    /// of eight ways.
    pub fn with_shifted_datagrams(mut self, shift: usize) -> Socket<W> {
        self.next_length = Some(BUFFER_LENGTH / 2 + shift % 8 * (BUFFER_LENGTH / 16));
        self
    }

    /// Returns a sequence number that was not used before.
    pub fn next_sequence(&mut self) -> u32 {
        self.sequence = self.sequence.wrapping_add(1);
        self.sequence
    }

    /// Asks for one message and reads its attributes with `read`.
    pub fn query<T>(
        &mut self,
        family: u16,
        command: u8,
        fill: impl Fn(&mut Writer<'_>),
        read: impl FnMut(Attributes<'_>) -> Result<T, KernelError>,
    ) -> Result<T, KernelError> {
        let mut items = Vec::with_capacity(1);
        self.collect(
            NlmF::REQUEST,
            &|buffer, flags, sequence| {
                write_request(buffer, family, flags, sequence, command, &fill)
            },
            &mut items,
            behind_generic_header(read),
        )?;
        items.pop().ok_or(KernelError::Malformed("it is empty"))
    }

    /// Asks for all messages of a kind and replaces `items` by what `read` makes of their
    /// attributes, in the kernel's order.
    ///
    /// Returns how they were cut into datagrams: the table may change from one to the next.
    pub fn dump<T>(
        &mut self,
        family: u16,
        command: u8,
        fill: impl Fn(&mut Writer<'_>),
        items: &mut Vec<T>,
        read: impl FnMut(Attributes<'_>) -> Result<T, KernelError>,
    ) -> Result<Datagrams, KernelError> {
        self.collect(
            NlmF::REQUEST | NlmF::DUMP,
            &|buffer, flags, sequence| {
                write_request(buffer, family, flags, sequence, command, &fill)
            },
            items,
            behind_generic_header(read),
        )
    }

    /// Asks for messages of a family that is not generic, one or all by `flags` (none or DUMP), and
    /// replaces `items` by what `read` makes of their payloads. `fill` appends the payload of the
    /// request: the family's own header, and attributes.
    pub fn ask<T>(
        &mut self,
        kind: u16,
        flags: NlmF,
        fill: impl Fn(&mut Vec<u8>),
        items: &mut Vec<T>,
        read: impl FnMut(&[u8]) -> Result<T, KernelError>,
    ) -> Result<(), KernelError> {
        let write = |buffer: &mut Vec<u8>, flags, sequence| {
            write_message(buffer, kind, flags, sequence, &fill)
        };
        self.collect(NlmF::REQUEST | flags, &write, items, read)
            .map(drop)
    }

    /// Collects the entries of a dump, and repeats one that is not whole. `write` appends a request
    /// with these flags and this sequence number.
    fn collect<T>(
        &mut self,
        flags: NlmF,
        write: &impl Fn(&mut Vec<u8>, u16, u32),
        items: &mut Vec<T>,
        mut read: impl FnMut(&[u8]) -> Result<T, KernelError>,
    ) -> Result<Datagrams, KernelError> {
        let mut fault = KernelError::Unsteady;
        for _ in 0..MOST_TRIES {
            items.clear();
            let sequence = self.next_sequence();
            let mut request = std::mem::take(&mut self.request);
            request.clear();
            write(&mut request, flags.bits(), sequence);
            let sent = self.send(&request);
            self.request = request;
            sent?;
            let is_dump = flags.contains(NlmF::DUMP);
            match self.read_reply(sequence, is_dump, items, &mut read) {
                Ok(Reading::Complete(datagrams)) => return Ok(datagrams),
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
        is_dump: bool,
        items: &mut Vec<T>,
        read: &mut impl FnMut(&[u8]) -> Result<T, KernelError>,
    ) -> Result<Reading, KernelError> {
        let mut is_interrupted = false;
        let mut datagrams = Datagrams::default();
        loop {
            let (offered, capacity) = (self.offered(), self.capacity);
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
            if length > offered {
                self.buffer.resize(length.max(self.buffer.len()), 0);
                return Ok(Reading::StartOver(KernelError::Malformed(
                    "it is cut short",
                )));
            }
            for message in Messages::new(&self.buffer[..length]) {
                let message = message?;
                if message.sequence != sequence {
                    continue;
                }
                is_interrupted |= NlmF::from_bits_retain(message.flags).contains(NlmF::DUMP_INTR);
                if message.kind == u16::from(Nlmsg::Done) || message.kind == u16::from(Nlmsg::Error)
                {
                    read_verdict(message.payload)?;
                    datagrams.push(items.len(), has_room(length, capacity));
                    return Ok(match is_interrupted {
                        true => Reading::StartOver(KernelError::Unsteady),
                        false => Reading::Complete(datagrams),
                    });
                }
                if message.kind > u16::from(Nlmsg::Overrun) {
                    items.push(read(message.payload)?);
                    if !is_dump {
                        return Ok(Reading::Complete(datagrams));
                    }
                }
            }
            datagrams.push(items.len(), has_room(length, capacity));
        }
    }

    /// Sends requests with the sequence numbers `first` to `last`, of which only the last asks for
    /// an acknowledgement. Calls `refused(index, error)` for each rejected one, in order.
    pub fn send_batch(
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
                // Something overran the buffer. It was nothing of ours: a batch has room for all
                // its refusals.
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
        repeat_interrupted(|| self.wire.send(bytes))
    }

    fn receive(&mut self) -> Result<usize, KernelError> {
        let offered = self.offered();
        let received = repeat_interrupted(|| self.wire.receive(&mut self.buffer[..offered]));
        self.next_length = None;
        self.capacity = self.capacity.max(offered);
        received
    }

    /// Returns how much of the buffer the next receive offers.
    fn offered(&self) -> usize {
        self.next_length.unwrap_or(self.buffer.len())
    }

    /// Empties the socket. While a dump is under way, the kernel refuses the next one.
    fn discard_replies(&mut self) {
        loop {
            match self.receive() {
                Ok(_) | Err(KernelError::Errno(Errno::ENOBUFS)) => {}
                Err(_) => return,
            }
        }
    }
}

/// Returns true if the kernel ended a datagram of this length because nothing was left, and not
/// because another entry did not fit.
fn has_room(length: usize, capacity: usize) -> bool {
    length + LONGEST_ENTRY <= capacity
}

/// Turns a reader of attributes into one of generic messages, whose header stands before them.
fn behind_generic_header<T>(
    mut read: impl FnMut(Attributes<'_>) -> Result<T, KernelError>,
) -> impl FnMut(&[u8]) -> Result<T, KernelError> {
    move |payload| {
        let attributes = payload
            .get(GENL_HEADER_LENGTH..)
            .ok_or(KernelError::Malformed(
                "a message is shorter than its header",
            ))?;
        read(Attributes::new(attributes))
    }
}

fn repeat_interrupted<T>(mut call: impl FnMut() -> io::Result<T>) -> Result<T, KernelError> {
    loop {
        match call() {
            Err(fault) if fault.kind() == io::ErrorKind::Interrupted => {}
            outcome => return Ok(outcome?),
        }
    }
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

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::collections::VecDeque;

    use super::*;

    const FAMILY: u16 = 20;
    const DONE: u16 = 3;
    const ERROR: u16 = 2;
    const MULTI: u16 = 2;
    const DUMP_INTR: u16 = 16;

    /// The outcome of one receive.
    enum Step {
        Datagram(Vec<Reply>),
        /// A datagram of which only so many bytes fit.
        Cut(Vec<Reply>, usize),
        Fault(Errno),
    }

    /// A message: its kind, its flags, how far its sequence number is off, its payload.
    #[derive(Clone)]
    struct Reply(u16, u16, u32, Vec<u8>);

    fn item(value: u8) -> Reply {
        Reply(
            FAMILY,
            MULTI,
            0,
            vec![0, 1, 0, 0, 8, 0, 1, 0, value, 0, 0, 0],
        )
    }

    fn done(errno: i32) -> Reply {
        Reply(DONE, MULTI, 0, errno.to_ne_bytes().to_vec())
    }

    fn verdict(errno: i32, offset: u32) -> Reply {
        Reply(ERROR, 0, offset, errno.to_ne_bytes().to_vec())
    }

    /// Answers one request after another, each with its own steps.
    #[derive(Default)]
    struct Script {
        answers: RefCell<VecDeque<Vec<Step>>>,
        waiting: RefCell<VecDeque<Step>>,
        sequence: RefCell<u32>,
        receives: RefCell<usize>,
    }

    impl Wire for Script {
        fn send(&self, bytes: &[u8]) -> io::Result<()> {
            let sequence = u32::from_ne_bytes(*bytes[8..].first_chunk().unwrap());
            self.sequence.replace(sequence);
            self.waiting
                .borrow_mut()
                .extend(self.answers.borrow_mut().pop_front().unwrap());
            Ok(())
        }

        fn receive(&self, buffer: &mut [u8]) -> io::Result<usize> {
            *self.receives.borrow_mut() += 1;
            let encode = |replies: Vec<Reply>| -> Vec<u8> {
                replies
                    .into_iter()
                    .flat_map(|Reply(kind, flags, offset, payload)| {
                        let length = (16 + payload.len()) as u32;
                        let sequence = self.sequence.borrow().wrapping_add(offset);
                        [
                            &length.to_ne_bytes()[..],
                            &kind.to_ne_bytes(),
                            &flags.to_ne_bytes(),
                            &sequence.to_ne_bytes(),
                            &[0; 4],
                            &payload,
                        ]
                        .concat()
                    })
                    .collect()
            };
            let (datagram, fits) = match self.waiting.borrow_mut().pop_front() {
                None => return Err(Errno::EAGAIN.into()),
                Some(Step::Fault(errno)) => return Err(errno.into()),
                Some(Step::Datagram(replies)) => (encode(replies), usize::MAX),
                Some(Step::Cut(replies, fits)) => (encode(replies), fits),
            };
            let copied = datagram.len().min(fits).min(buffer.len());
            buffer[..copied].copy_from_slice(&datagram[..copied]);
            Ok(if fits < datagram.len() {
                buffer.len() + 1
            } else {
                datagram.len()
            })
        }
    }

    fn socket(answers: Vec<Vec<Step>>) -> Socket<Script> {
        Socket::over(Script {
            answers: RefCell::new(answers.into()),
            ..Script::default()
        })
    }

    fn dump(answers: Vec<Vec<Step>>) -> Result<(Datagrams, Vec<u8>), KernelError> {
        let mut items = Vec::new();
        let datagrams = socket(answers).dump(
            FAMILY,
            1,
            |_| {},
            &mut items,
            |mut attributes| attributes.next().ok_or(NO_ANSWER)??.1.u8(),
        )?;
        Ok((datagrams, items))
    }

    /// Datagrams with room left, that end at these entries.
    fn datagrams(ends: &[usize]) -> Datagrams {
        let mut datagrams = Datagrams::default();
        ends.iter().for_each(|end| datagrams.push(*end, true));
        datagrams
    }

    fn good() -> Vec<Step> {
        vec![
            Step::Datagram(vec![item(1), item(2)]),
            Step::Datagram(vec![item(3), done(0)]),
        ]
    }

    #[test]
    fn a_dump_of_two_datagrams_is_read_to_its_end() {
        assert_eq!(dump(vec![good()]), Ok((datagrams(&[2, 3]), vec![1, 2, 3])));
    }

    #[test]
    fn a_question_is_answered_by_one_message() {
        let answers = [7, 9].map(|value| vec![Step::Datagram(vec![item(value)])]);
        let mut socket = socket(answers.into());
        for value in [7, 9] {
            let answer = socket.query(
                FAMILY,
                1,
                |_| {},
                |mut attributes| attributes.next().ok_or(NO_ANSWER)??.1.u8(),
            );
            assert_eq!(answer, Ok(value));
        }
        assert_eq!(*socket.wire.receives.borrow(), 2);
    }

    #[test]
    fn interrupted_calls_are_repeated() {
        let mut steps = good();
        steps.insert(1, Step::Fault(Errno::EINTR));
        steps.insert(0, Step::Fault(Errno::EINTR));
        assert_eq!(dump(vec![steps]), Ok((datagrams(&[2, 3]), vec![1, 2, 3])));
    }

    #[test]
    fn a_dump_that_was_overrun_cut_short_interrupted_or_left_unanswered_is_started_over() {
        let of_another_moment = Reply(FAMILY, MULTI | DUMP_INTR, 0, item(9).3);
        let faulty: Vec<Vec<Step>> = vec![
            vec![Step::Datagram(vec![item(9)]), Step::Fault(Errno::ENOBUFS)],
            vec![
                Step::Datagram(vec![item(9)]),
                Step::Fault(Errno::ENOBUFS),
                Step::Datagram(vec![item(8), done(0)]),
            ],
            vec![Step::Cut(vec![item(9), done(0)], 24)],
            vec![Step::Datagram(vec![of_another_moment, done(0)])],
            vec![Step::Datagram(vec![item(9)])],
            vec![],
        ];
        for steps in faulty {
            assert_eq!(
                dump(vec![steps, good()]),
                Ok((datagrams(&[2, 3]), vec![1, 2, 3]))
            );
        }
    }

    #[test]
    fn messages_of_another_request_are_passed_over() {
        let strange = |reply: Reply| Reply(reply.0, reply.1, 7, reply.3);
        let steps = vec![
            Step::Datagram(vec![strange(item(9)), strange(done(0))]),
            Step::Datagram(vec![item(1), strange(item(9)), item(2), done(0)]),
        ];
        assert_eq!(dump(vec![steps]), Ok((datagrams(&[2]), vec![1, 2])));
    }

    #[test]
    fn a_dump_that_ends_in_an_error_is_that_error() {
        let steps = vec![Step::Datagram(vec![item(1), done(-libc::ENOMEM)])];
        assert_eq!(dump(vec![steps]), Err(KernelError::Errno(Errno::ENOMEM)));
        let steps = vec![Step::Datagram(vec![verdict(-libc::EPERM, 0)])];
        assert_eq!(dump(vec![steps]), Err(KernelError::Errno(Errno::EPERM)));
    }

    #[test]
    fn a_table_that_never_holds_still_is_given_up() {
        let interrupted = || {
            let last = Reply(DONE, MULTI | DUMP_INTR, 0, vec![0; 4]);
            vec![Step::Datagram(vec![item(1), last])]
        };
        let answers = (0..MOST_TRIES).map(|_| interrupted()).collect();
        assert_eq!(dump(answers), Err(KernelError::Unsteady));
    }

    #[test]
    fn a_malformed_reply_is_a_fault_not_a_panic() {
        let without_header = Reply(FAMILY, MULTI, 0, vec![0, 1]);
        let malformed = dump(vec![vec![Step::Datagram(vec![without_header])]]);
        assert!(matches!(malformed, Err(KernelError::Malformed(_))));
        for length in [0u32, 15, 17, u32::MAX] {
            let mut datagram = [0; 16];
            datagram[..4].copy_from_slice(&length.to_ne_bytes());
            let read: Vec<_> = Messages::new(&datagram).collect();
            assert!(
                matches!(read[..], [Err(KernelError::Malformed(_))]),
                "{length}"
            );
        }
    }

    #[test]
    fn a_datagram_is_full_where_another_entry_might_not_have_fitted() {
        // The first has what a new socket is given, the second what the first receive offered.
        let items = |count| vec![item(1); count];
        let length = items(1)[0].3.len() + 16;
        let fitting = |capacity: usize| (capacity - LONGEST_ENTRY) / length;
        for (counts, is_ended) in [
            ([fitting(FIRST_CAPACITY), 0], true),
            ([fitting(FIRST_CAPACITY) + 1, 0], false),
            ([9, fitting(BUFFER_LENGTH) - 1], true),
            ([9, fitting(BUFFER_LENGTH) + 1], false),
        ] {
            let mut steps: Vec<_> = counts
                .map(|count| Step::Datagram(items(count)))
                .into_iter()
                .collect();
            steps.push(Step::Datagram(vec![done(0)]));
            let mut expected = Datagrams::default();
            let mut end = 0;
            for count in counts {
                end += count;
                expected.push(end, is_ended);
            }
            let (read, _) = dump(vec![steps]).unwrap();
            assert_eq!(read, expected, "{counts:?}");
        }
    }

    #[test]
    fn a_shifted_dump_offers_less_for_its_first_datagram_only() {
        struct Offers(RefCell<Vec<usize>>);
        impl Wire for Offers {
            fn send(&self, _: &[u8]) -> io::Result<()> {
                Ok(())
            }

            fn receive(&self, buffer: &mut [u8]) -> io::Result<usize> {
                self.0.borrow_mut().push(buffer.len());
                match self.0.borrow().len() {
                    1 | 2 => Ok(0),
                    _ => Err(Errno::EPIPE.into()),
                }
            }
        }
        let offers = |shift| {
            let wire = Offers(RefCell::default());
            let mut socket = Socket::over(wire).with_shifted_datagrams(shift);
            let read = |_: Attributes<'_>| Ok(());
            let _ = socket.dump(FAMILY, 1, |_| {}, &mut Vec::new(), read);
            socket.wire.0.into_inner()
        };
        assert_eq!(offers(0)[..3], [8032, 16_064, 16_064]);
        assert_eq!(offers(7)[..3], [15_060, 16_064, 16_064]);
        assert_eq!(offers(9)[0], 9036);
    }

    fn send_batch(steps: Vec<Step>) -> (Result<(), KernelError>, Vec<(usize, KernelError)>) {
        let mut socket = socket(vec![steps]);
        let mut request = Vec::new();
        write_request(&mut request, FAMILY, 1, 5, 1, |_| {});
        let mut refusals = Vec::new();
        let outcome =
            socket.send_batch(&request, 5, 7, |place, fault| refusals.push((place, fault)));
        (outcome, refusals)
    }

    #[test]
    fn a_batch_is_done_when_its_last_request_is_answered() {
        let exists = KernelError::Errno(Errno::EEXIST);
        let steps = vec![
            Step::Datagram(vec![verdict(-libc::EEXIST, 0)]),
            Step::Fault(Errno::EINTR),
            Step::Datagram(vec![verdict(-libc::EEXIST, 100), verdict(0, 2)]),
        ];
        assert_eq!(send_batch(steps), (Ok(()), vec![(0, exists)]));
        let steps = vec![Step::Datagram(vec![verdict(-libc::EEXIST, 2)])];
        assert_eq!(send_batch(steps), (Ok(()), vec![(2, exists)]));
    }

    #[test]
    fn a_batch_whose_answers_were_overrun_tells_the_others_and_never_waits() {
        let exists = KernelError::Errno(Errno::EEXIST);
        let steps = vec![
            Step::Datagram(vec![verdict(-libc::EEXIST, 1)]),
            Step::Fault(Errno::ENOBUFS),
            Step::Datagram(vec![verdict(0, 2)]),
        ];
        assert_eq!(send_batch(steps), (Ok(()), vec![(1, exists)]));
        let steps = vec![Step::Fault(Errno::ENOBUFS)];
        assert_eq!(send_batch(steps), (Err(NO_ANSWER), vec![]));
    }
}
