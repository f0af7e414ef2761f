//! Letting time pass until a signal comes.
//!
//! The signals are held back from the moment on when they are asked for here, so that none falls
//! between two looks: what is begun in between is done. They stay so until the program ends, or
//! until the waiting is ended because long work follows. The clock that counts is the monotonic
//! one: nobody sets it.

#![forbid(unsafe_code)]

use std::fs;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};

/// The signals that end the waiting.
const SIGNALS: [Signal; 3] = [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP];

/// A wait that a signal ends.
pub struct Waiting {
    signals: SignalFd,
    awaited: SigSet,
}

impl Waiting {
    /// Holds the signals back from now on, but for those that the caller wants ignored, as `nohup`
    /// does and shells do in the background: once held back, they would be seen here.
    pub fn begin() -> Result<Waiting, Errno> {
        let ignored = ignored_signals();
        let awaited: SigSet = SIGNALS
            .into_iter()
            .filter(|signal| ignored & (1 << (*signal as i32 - 1)) == 0)
            .collect();
        awaited.thread_block()?;
        let flags = SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK;
        let signals = SignalFd::with_flags(&awaited, flags)?;
        Ok(Waiting { signals, awaited })
    }

    /// Lets the signals end the program again; one that is held back does so at once.
    pub fn end(self) {
        // What was blocked can be unblocked: no fault is known.
        let _ = self.awaited.thread_unblock();
    }

    /// Waits for `length`, or until a signal comes. Returns the signal's number.
    pub fn pause(&mut self, length: Duration) -> Option<u32> {
        self.wait(length, None)
    }

    /// Waits as [`Waiting::pause`] does, or until there is something to read.
    pub fn pause_or_read(&mut self, length: Duration, from: BorrowedFd<'_>) -> Option<u32> {
        self.wait(length, Some(from))
    }

    fn wait(&mut self, length: Duration, from: Option<BorrowedFd<'_>>) -> Option<u32> {
        // Rounded up: what is left of a millisecond would be spent in looks.
        let length = length + Duration::from_millis(1);
        let length = PollTimeout::try_from(length).unwrap_or(PollTimeout::MAX);
        let awaited = [Some(self.signals.as_fd()), from].into_iter().flatten();
        let mut awaited: Vec<PollFd<'_>> = awaited
            .map(|descriptor| PollFd::new(descriptor, PollFlags::POLLIN))
            .collect();
        // A fault, like a stop by SIGSTOP, only makes this wait shorter.
        let _ = poll(&mut awaited, length);
        let signal = self.signals.read_signal().ok().flatten()?;
        Some(signal.ssi_signo)
    }
}

/// The signals that are ignored, a bit each, the first in the lowest.
fn ignored_signals() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status
        .lines()
        .find_map(|line| line.strip_prefix("SigIgn:"))
        .unwrap_or_default();
    u64::from_str_radix(mask.trim(), 16).unwrap_or(0)
}
