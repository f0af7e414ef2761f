//! The process: argv, standard streams, exit status; nothing else.

use std::io::{self, IsTerminal};
use std::process::ExitCode;

use nix::sys::signal::{SigHandler, Signal, signal};

fn main() -> ExitCode {
    // SAFETY: no handler is installed, only the default put back, and no other thread runs. Rust ignores SIGPIPE; a
    // program whose listing is piped into `head` is expected to end by it, as the reference does.
    let _ = unsafe { signal(Signal::SIGPIPE, SigHandler::SigDfl) };
    let mut arguments = std::env::args_os();
    let program = arguments.next().unwrap_or_default();
    let arguments: Vec<_> = arguments.collect();
    let is_interactive = io::stderr().is_terminal();
    ExitCode::from(ipvsadm::run(
        &program,
        &arguments,
        ipvsadm::Streams {
            input: &mut io::stdin().lock(),
            output: &mut io::stdout().lock(),
            errors: &mut io::stderr().lock(),
            is_interactive,
        },
    ))
}
