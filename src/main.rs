//! The process: argv, standard streams, exit status; nothing else.
//!
//! It starts without Rust's runtime. The runtime reads `/proc/self/maps` and sets up a signal stack before `main`, a
//! tenth of all that a single `ipvsadm -A` costs, and it ignores `SIGPIPE`, by which a program whose listing is piped into
//! `head` is expected to end. What else it does for us, opening closed standard streams, is done here.
#![no_main]

use std::ffi::{c_char, c_int};
use std::fs::OpenOptions;
use std::io::{self, IsTerminal};
use std::os::fd::IntoRawFd;

use ipvsadm::screen::Screen;
use nix::fcntl::{FcntlArg, fcntl};

// The unwinder that the standard library's backtraces ask for, out of the compiler's archive. As a shared library it would
// be loaded at every start.
// SAFETY: nothing of it is declared, so nothing of it can be called from here.
#[cfg(target_env = "gnu")]
#[link(name = "gcc_eh", kind = "static", modifiers = "-bundle")]
unsafe extern "C" {}

/// The C library's entry point. The arguments are read with [`std::env::args_os`], which needs no runtime on Linux.
// SAFETY: nothing else in the program is called `main`, and the C library calls it as it is declared.
#[unsafe(no_mangle)]
extern "C" fn main(_count: c_int, _arguments: *const *const c_char) -> c_int {
    open_standard_streams();
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
            screen: Screen::of_standard_output,
        },
    );
    c_int::from(status)
}

/// Opens `/dev/null` in place of each standard stream that is closed, so that no socket takes its number and a listing
/// goes to the kernel.
fn open_standard_streams() {
    for stream in [
        &io::stdin() as &dyn std::os::fd::AsFd,
        &io::stdout(),
        &io::stderr(),
    ] {
        if fcntl(stream.as_fd(), FcntlArg::F_GETFD).is_err()
            && let Ok(null) = OpenOptions::new().read(true).write(true).open("/dev/null")
        {
            // The lowest free number is the closed stream's; it stays open to the end.
            let _ = null.into_raw_fd();
        }
    }
}
