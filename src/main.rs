//! The process: argv, standard streams, SIGPIPE, exit status; nothing else.

use std::io::{self, IsTerminal};
use std::process::ExitCode;
use std::ptr;
use std::sync::atomic::{AtomicBool, Ordering};

use ipvsadm::InputKind;
use ipvsadm::screen::Screen;
use nix::sys::signal::{SigHandler, Signal, signal};

fn main() -> ExitCode {
    restore_sigpipe();
    let mut arguments = std::env::args_os();
    let program = arguments.next().unwrap_or_default();
    let arguments: Vec<_> = arguments.collect();
    let is_interactive = io::stderr().is_terminal();
    let status = ipvsadm::run(
        &program,
        &arguments,
        ipvsadm::Streams {
            input: &mut io::stdin().lock(),
            output: &mut io::stdout().lock(),
            errors: &mut io::stderr().lock(),
            is_interactive,
            input_kind: || InputKind::of(&io::stdin()),
            screen: Screen::of_standard_output,
        },
    );
    ExitCode::from(status)
}

/// Whether whoever started the program had SIGPIPE ignored, as systemd does for its services.
static SIGPIPE_WAS_IGNORED: AtomicBool = AtomicBool::new(false);

/// Gives SIGPIPE back the meaning that the caller gave it: mostly that `ipvsadm -ln | head` ends
/// with `head`. Rust's runtime ignores the signal before `main`, and does not tell what it found.
fn restore_sigpipe() {
    if !SIGPIPE_WAS_IGNORED.load(Ordering::Relaxed) {
        // SAFETY: the default action is no function of ours. That it cannot be set is no fault
        // that the kernel knows.
        let _ = unsafe { signal(Signal::SIGPIPE, SigHandler::SigDfl) };
    }
}

/// Looks at SIGPIPE before the runtime changes it.
extern "C" fn look_at_sigpipe() {
    let mut action = std::mem::MaybeUninit::<libc::sigaction>::zeroed();
    // SAFETY: without a new action, sigaction changes nothing and writes one struct to the last
    // pointer; all zeros are a valid one, should it fail.
    let action = unsafe {
        libc::sigaction(libc::SIGPIPE, ptr::null(), action.as_mut_ptr());
        action.assume_init()
    };
    SIGPIPE_WAS_IGNORED.store(action.sa_sigaction == libc::SIG_IGN, Ordering::Relaxed);
}

// SAFETY: the C library calls each function that this section points to once, before `main`. This
// one needs nothing that is set up later.
#[unsafe(link_section = ".init_array")]
#[used]
static LOOK_AT_SIGPIPE: extern "C" fn() = look_at_sigpipe;
