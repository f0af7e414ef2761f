//! A terminal that is taken over for as long as a listing goes on, and given back as it was
//! whatever ends that: a key, a signal, a panic.
//!
//! The listing is drawn on the alternate screen. Keys are read one by one and not shown; what
//! Ctrl-C and Ctrl-Z send are still signals, so that they work while a name is looked up, too. What
//! a handler of signals needs is in statics, for it has nothing else.

use std::env;
use std::io::{self, IsTerminal, Write};
use std::os::fd::AsFd;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, ppoll};
use nix::sys::signal::{
    SaFlags, SigAction, SigHandler, SigSet, SigmaskHow, Signal, pthread_sigmask, raise, sigaction,
};
use nix::sys::termios::{
    LocalFlags, SetArg, SpecialCharacterIndices, Termios, tcgetattr, tcsetattr,
};
use nix::sys::time::TimeSpec;
use nix::unistd::read;

/// To the alternate screen, without a cursor.
const BEGIN: &[u8] = b"\x1b[?1049h\x1b[?25l";
/// Colours off, the cursor back, and the screen that was there before.
const END: &[u8] = b"\x1b[m\x1b[?25h\x1b[?1049l";

/// What ends the program. SIGINT does so with 0: it is one of the two ways to say that one has seen
/// enough. The others end it as they would have.
const ENDING: [Signal; 5] = [
    Signal::SIGINT,
    Signal::SIGTERM,
    Signal::SIGHUP,
    Signal::SIGQUIT,
    Signal::SIGABRT,
];
/// What only interrupts waiting.
const WAKING: [Signal; 2] = [Signal::SIGWINCH, Signal::SIGTSTP];

/// What the terminal was like.
static BEFORE: OnceLock<libc::termios> = OnceLock::new();
/// Whether it is to be given back.
static IS_TAKEN: AtomicBool = AtomicBool::new(false);
/// Whether Ctrl-Z was pressed.
static IS_TO_STOP: AtomicBool = AtomicBool::new(false);

/// Why waiting has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Waking {
    /// The time has come.
    Due,
    /// The screen has another size, or nothing of ours is on it any more.
    Redraw,
    /// The person has seen enough.
    Enough,
}

/// The terminal behind standard output, taken over. Dropping it gives it back.
#[derive(Debug)]
pub struct Terminal {
    /// The signals that are blocked while waiting: those that were before.
    blocked_while_waiting: SigSet,
    has_keys: bool,
}

impl Terminal {
    /// Takes the terminal over. `None` where standard output is none, or one that has no alternate
    /// screen.
    ///
    /// # Errors
    /// What the terminal, or the kernel, refuses.
    pub fn take() -> io::Result<Option<Terminal>> {
        let kind = env::var_os("TERM").unwrap_or_default();
        if !io::stdout().is_terminal() || kind.is_empty() || kind == "dumb" {
            return Ok(None);
        }
        let settings = tcgetattr(io::stdout())?;
        BEFORE.get_or_init(|| settings.into());
        let report = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            give_back();
            report(panic);
        }));
        let handle = |signal, handler, flags| {
            let action = SigAction::new(SigHandler::Handler(handler), flags, SigSet::empty());
            // SAFETY: both handlers call only functions that may be called in one.
            unsafe { sigaction(signal, &action) }
        };
        for signal in ENDING {
            handle(signal, end, SaFlags::SA_RESETHAND)?;
        }
        for signal in WAKING {
            handle(signal, wake, SaFlags::empty())?;
        }
        let mut blocked_while_waiting = SigSet::empty();
        pthread_sigmask(
            SigmaskHow::SIG_BLOCK,
            Some(&WAKING.into_iter().collect()),
            Some(&mut blocked_while_waiting),
        )?;
        begin()?;
        Ok(Some(Terminal {
            blocked_while_waiting,
            has_keys: io::stdin().is_terminal(),
        }))
    }

    /// Waits until something is to be done, at the latest at this moment.
    ///
    /// # Errors
    /// What the kernel refuses.
    pub fn wait(&mut self, until: Instant) -> io::Result<Waking> {
        loop {
            let left = until.saturating_duration_since(Instant::now());
            let input = io::stdin();
            let mut keys = [PollFd::new(input.as_fd(), PollFlags::POLLIN)];
            let awaited = if self.has_keys {
                &mut keys[..]
            } else {
                &mut []
            };
            match ppoll(
                awaited,
                Some(TimeSpec::from_duration(left)),
                Some(self.blocked_while_waiting),
            ) {
                Err(Errno::EINTR) => {
                    if IS_TO_STOP.swap(false, Ordering::Relaxed) {
                        give_back();
                        raise(Signal::SIGSTOP)?;
                        begin()?;
                    }
                    return Ok(Waking::Redraw);
                }
                Err(fault) => return Err(fault.into()),
                Ok(0) => return Ok(Waking::Due),
                Ok(_) if self.reads_the_last_key() => return Ok(Waking::Enough),
                Ok(_) => {}
            }
        }
    }

    /// Reads what has been typed; whether a key that ends the listing is among it.
    fn reads_the_last_key(&mut self) -> bool {
        let mut typed = [0; 64];
        match read(io::stdin(), &mut typed) {
            Ok(0) | Err(_) => {
                self.has_keys = false;
                false
            }
            Ok(length) => typed[..length].iter().any(|key| matches!(key, b'q' | b'Q')),
        }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        give_back();
    }
}

/// Takes over what [`give_back`] gives back.
fn begin() -> io::Result<()> {
    if let Some(before) = BEFORE.get() {
        let mut settings = Termios::from(*before);
        settings
            .local_flags
            .remove(LocalFlags::ICANON | LocalFlags::ECHO);
        settings.control_chars[SpecialCharacterIndices::VMIN as usize] = 1;
        settings.control_chars[SpecialCharacterIndices::VTIME as usize] = 0;
        IS_TAKEN.store(true, Ordering::Relaxed);
        tcsetattr(io::stdout(), SetArg::TCSADRAIN, &settings)?;
    }
    let mut output = io::stdout().lock();
    output.write_all(BEGIN)?;
    output.flush()
}

/// Gives the terminal back, once. It may be called at any moment, in a handler of signals, too.
fn give_back() {
    if !IS_TAKEN.swap(false, Ordering::Relaxed) {
        return;
    }
    // SAFETY: both functions may be called in a handler. The text outlives the call, and so do the
    // settings, which were read from this terminal. Where that has gone, nothing is to be done.
    unsafe {
        if let Some(before) = BEFORE.get() {
            libc::tcsetattr(libc::STDOUT_FILENO, libc::TCSANOW, before);
        }
        libc::write(libc::STDOUT_FILENO, END.as_ptr().cast(), END.len());
    }
}

extern "C" fn end(signal: libc::c_int) {
    give_back();
    // SAFETY: both functions may be called in a handler. The signal has its own meaning again, and
    // comes when this returns.
    unsafe {
        if signal == libc::SIGINT {
            libc::_exit(0);
        }
        libc::raise(signal);
    }
}

extern "C" fn wake(signal: libc::c_int) {
    if signal == libc::SIGTSTP {
        IS_TO_STOP.store(true, Ordering::Relaxed);
    }
}

/// Waits for a moment, or until nobody reads standard output any more; whether somebody does.
///
/// # Errors
/// What the kernel refuses.
pub fn wait_for_moment_or_reader(until: Instant) -> io::Result<bool> {
    loop {
        let left = until.saturating_duration_since(Instant::now());
        let output = io::stdout();
        // That nobody reads is told without being asked for.
        let mut reader = [PollFd::new(output.as_fd(), PollFlags::empty())];
        match ppoll(&mut reader, Some(TimeSpec::from_duration(left)), None) {
            Err(Errno::EINTR) => {}
            Err(fault) => return Err(fault.into()),
            Ok(0) => return Ok(true),
            Ok(_) => return Ok(false),
        }
    }
}
