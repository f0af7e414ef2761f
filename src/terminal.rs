//! A terminal that is taken over for as long as a listing goes on, and given back as it was
//! whatever ends that: a key, a signal, a panic.
//!
//! The listing is drawn on the alternate screen. Keys are read one by one and not shown; what
//! Ctrl-C and Ctrl-Z send are still signals. Ctrl-C ends the listing at any moment, while a name is
//! looked up, too; Ctrl-Z waits until the listing is drawn. What a handler of signals needs is in
//! statics: it reaches nothing else.
//!
//! In the background the terminal belongs to others: there its settings are left alone, and the
//! kernel stops whoever tries to take it (SIGTTOU) until it is in the foreground.

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

use crate::unbuffered::Unbuffered;

/// To the alternate screen, without a cursor. A line that is wider than was thought, for some
/// characters take two cells, ends at the border: it would push all others up.
const BEGIN: &[u8] = b"\x1b[?1049h\x1b[?25l\x1b[?7l";
/// Colours off, lines are continued and the cursor back, and the screen that was there before.
const END: &[u8] = b"\x1b[m\x1b[?7h\x1b[?25h\x1b[?1049l";

/// Returns true for a signal that, left to its default, ends the program and can be caught. SIGINT
/// ends it with 0: it is one of the two ways to say that one has seen enough. The others end it as
/// they would have.
fn is_ending(signal: Signal) -> bool {
    !matches!(
        signal,
        Signal::SIGKILL
            | Signal::SIGSTOP
            | Signal::SIGTSTP
            | Signal::SIGTTIN
            | Signal::SIGTTOU
            | Signal::SIGCONT
            | Signal::SIGCHLD
            | Signal::SIGURG
            | Signal::SIGWINCH
    )
}

/// The signals that only interrupt waiting.
const WAKING: [Signal; 2] = [Signal::SIGWINCH, Signal::SIGTSTP];

/// The terminal's settings before it was taken over.
static BEFORE: OnceLock<libc::termios> = OnceLock::new();
/// True while the terminal is to be given back.
static IS_TAKEN: AtomicBool = AtomicBool::new(false);
/// True once Ctrl-Z was pressed.
static IS_TO_STOP: AtomicBool = AtomicBool::new(false);

/// Why waiting has ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Waking {
    /// The time has come.
    Due,
    /// The screen has another size, or nothing of ours is on it any more.
    Redraw,
    /// These bytes have been typed.
    Typed(Vec<u8>),
}

/// The terminal behind standard output, taken over. Dropping it gives it back.
#[derive(Debug)]
pub struct Terminal {
    /// The signals that are blocked while waiting: those that were before.
    blocked_while_waiting: SigSet,
    has_keys: bool,
}

impl Terminal {
    /// Takes the terminal over. Returns `None` where standard output is none, or one that has no
    /// alternate screen.
    ///
    /// # Errors
    /// Refusals of the terminal, or of the kernel.
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
        for signal in Signal::iterator().filter(|signal| is_ending(*signal)) {
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
        // Made first: should the terminal be taken over in part, it is dropped, and gives that
        // back.
        let terminal = Terminal {
            blocked_while_waiting,
            has_keys: io::stdin().is_terminal(),
        };
        begin()?;
        Ok(Some(terminal))
    }

    /// Returns true if there are keys to be pressed.
    pub fn has_keys(&self) -> bool {
        self.has_keys
    }

    /// Waits until something is to be done, at the latest at this moment if there is one.
    ///
    /// # Errors
    /// Refusals of the kernel.
    pub fn wait(&mut self, until: Option<Instant>) -> io::Result<Waking> {
        loop {
            let left = until.map(|until| until.saturating_duration_since(Instant::now()));
            let input = io::stdin();
            let mut keys = [PollFd::new(input.as_fd(), PollFlags::POLLIN)];
            let awaited = if self.has_keys {
                &mut keys[..]
            } else {
                &mut []
            };
            match ppoll(
                awaited,
                left.map(TimeSpec::from_duration),
                Some(self.blocked_while_waiting),
            ) {
                Err(Errno::EINTR) => {
                    if IS_TO_STOP.swap(false, Ordering::Relaxed) {
                        give_back();
                        stop()?;
                        begin()?;
                    }
                    return Ok(Waking::Redraw);
                }
                Err(fault) => return Err(fault.into()),
                Ok(0) => return Ok(Waking::Due),
                Ok(_) => {
                    if let Some(typed) = self.read_typed() {
                        return Ok(Waking::Typed(typed));
                    }
                }
            }
        }
    }

    /// Reads what has been typed; `None` if nothing will be any more.
    fn read_typed(&mut self) -> Option<Vec<u8>> {
        let mut typed = [0; 64];
        match read(io::stdin(), &mut typed) {
            Ok(0) | Err(_) => {
                self.has_keys = false;
                None
            }
            Ok(length) => Some(typed[..length].to_vec()),
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
        tcsetattr(io::stdout(), SetArg::TCSADRAIN, &settings)?;
        // Not before: in the background that call waits for the foreground, and a signal that ends
        // the wait finds nothing to give back.
        IS_TAKEN.store(true, Ordering::Relaxed);
    }
    Unbuffered(io::stdout()).write_all(BEGIN)
}

/// Gives the terminal back, once. It may be called at any moment, in a handler of signals, too.
fn give_back() {
    if !IS_TAKEN.load(Ordering::Relaxed) {
        return;
    }
    // SAFETY: all four functions may be called in a handler. The text outlives the call, and so do
    // the settings, which were read from this terminal. Where that has gone, nothing is to be done.
    unsafe {
        // In the background, others have set the terminal as they want it. One that is not our
        // controlling terminal has no foreground for us, and is ours as before.
        let foreground = libc::tcgetpgrp(libc::STDOUT_FILENO);
        if let Some(before) = BEFORE.get()
            && (foreground == -1 || foreground == libc::getpgrp())
        {
            libc::tcsetattr(libc::STDOUT_FILENO, libc::TCSANOW, before);
        }
        libc::write(libc::STDOUT_FILENO, END.as_ptr().cast(), END.len());
    }
    // Only now: a signal that ends the program before has it given back twice rather than not.
    IS_TAKEN.store(false, Ordering::Relaxed);
}

/// Installs the handler of a signal. Leaves a signal alone that the caller ignores, except Ctrl-C
/// and the change of size: those belong to the terminal that is taken over.
fn handle(
    signal: Signal,
    handler: extern "C" fn(libc::c_int),
    flags: SaFlags,
) -> Result<(), Errno> {
    // No other signal interrupts a handler, and in none is SIGTTOU able to stop the program.
    let action = SigAction::new(SigHandler::Handler(handler), flags, SigSet::all());
    // SAFETY: both handlers call only functions that may be called in one.
    let before = unsafe { sigaction(signal, &action) }?;
    let is_ours = matches!(signal, Signal::SIGINT | Signal::SIGWINCH);
    if !is_ours && !matches!(before.handler(), SigHandler::SigDfl) {
        // SAFETY: this is what was there.
        unsafe { sigaction(signal, &before) }?;
    }
    Ok(())
}

/// Stops as a program without a handler does, and returns when it is continued. The kernel knows
/// whether there is a shell that can continue it; where there is none, it returns at once.
fn stop() -> Result<(), Errno> {
    let stops = SigAction::new(SigHandler::SigDfl, SaFlags::empty(), SigSet::empty());
    let signal = SigSet::from(Signal::SIGTSTP);
    // SAFETY: the default action is no function.
    let handled = unsafe { sigaction(Signal::SIGTSTP, &stops) }?;
    signal.thread_unblock()?;
    raise(Signal::SIGTSTP)?;
    signal.thread_block()?;
    // SAFETY: this is what was there, and fit to be called then.
    unsafe { sigaction(Signal::SIGTSTP, &handled) }?;
    Ok(())
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

/// Waits for a moment, or until nobody reads standard output any more. Returns true if somebody
/// still does.
///
/// # Errors
/// Refusals of the kernel.
pub fn wait_for_moment_or_reader(until: Instant) -> io::Result<bool> {
    loop {
        let left = until.saturating_duration_since(Instant::now());
        let output = io::stdout();
        // That nobody reads is reported without being asked for.
        let mut reader = [PollFd::new(output.as_fd(), PollFlags::empty())];
        match ppoll(&mut reader, Some(TimeSpec::from_duration(left)), None) {
            Err(Errno::EINTR) => {}
            Err(fault) => return Err(fault.into()),
            Ok(0) => return Ok(true),
            Ok(_) => return Ok(false),
        }
    }
}
