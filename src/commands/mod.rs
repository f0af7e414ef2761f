//! Where request, kernel and text meet: one file for each command that is more than a single change.
//!
//! [`run`] is the whole program but for the process: it picks the command by the program's name and words, and it is
//! the one place that prints a fault.

mod apply;
mod console;
mod help;
mod hints;
mod list;
mod reload;
mod restore;
mod save;
mod walk;

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;

pub use console::Streams;

use crate::cli;
use crate::error::{Error, KernelError, Operation};
use crate::ipvs::Ipvs;
use crate::model::Change;
use crate::request::Request;
use console::Console;

/// Runs a command line and gives its exit status. `program` is the name as it was typed; by its last part
/// `ipvsadm-save` and `ipvsadm-restore` are told apart from `ipvsadm`.
pub fn run(program: &OsStr, arguments: &[OsString], streams: Streams<'_>) -> u8 {
    let mut console = Console::new(program, streams);
    let outcome = match program.as_bytes().rsplit(|&byte| byte == b'/').next() {
        Some(b"ipvsadm-save") => save::run_helper(&mut console, arguments),
        Some(b"ipvsadm-restore") => reload::run_helper(&mut console, arguments),
        _ => run_command(&mut console, arguments),
    };
    // What was written before a fault is printed before it.
    let outcome = console.flush().and(outcome);
    let status = outcome.map_or_else(
        |fault| {
            console.tell(&fault);
            fault.status()
        },
        |()| 0,
    );
    console.tell_hint();
    status
}

fn run_command(console: &mut Console<'_>, arguments: &[OsString]) -> Result<(), Error> {
    let request = match cli::parse_arguments(arguments) {
        Ok(Request::Help(command)) => {
            help::write_usage(console.text(), command);
            return Ok(());
        }
        Ok(Request::Version) => {
            help::write_version(console.text());
            return Ok(());
        }
        Ok(request) => request,
        Err(fault) => {
            // The reference looks for the kernel before it looks at its words.
            open_checked(console)?;
            if console.is_interactive() {
                console.keep_hint(hints::after_usage_fault(&fault, arguments));
            }
            return Err(fault.into());
        }
    };
    let mut ipvs = match request {
        // The kernel's refusal says as well whether we may.
        Request::Change(_) => open(console)?,
        _ => open_checked(console)?,
    };
    if console.is_interactive() {
        execute_with_hints(console, &mut ipvs, request, arguments)
    } else {
        execute(console, &mut ipvs, request)
    }
}

fn execute_with_hints(
    console: &mut Console<'_>,
    ipvs: &mut Ipvs,
    request: Request,
    arguments: &[OsString],
) -> Result<(), Error> {
    let method_at_risk = match &request {
        Request::Change(change) => hints::method_at_risk(ipvs, change, arguments),
        _ => None,
    };
    let outcome = execute(console, ipvs, request);
    console.keep_hint(match &outcome {
        Ok(()) => method_at_risk.map(hints::about_lost_method),
        Err(Error::Initialize(fault)) => hints::after_initialize(*fault),
        Err(Error::Kernel(_, KernelError::Errno(errno))) => {
            hints::after_refusal(ipvs, &request, *errno)
        }
        Err(_) => None,
    });
    outcome
}

/// Opens the kernel client.
fn open(console: &mut Console<'_>) -> Result<Ipvs, Error> {
    Ipvs::open().map_err(|fault| not_initialized(console, fault))
}

/// Opens the kernel client and makes sure that it may be used.
fn open_checked(console: &mut Console<'_>) -> Result<Ipvs, Error> {
    let mut ipvs = open(console)?;
    ipvs.info()
        .map_err(|fault| not_initialized(console, fault))?;
    Ok(ipvs)
}

fn not_initialized(console: &mut Console<'_>, fault: KernelError) -> Error {
    console.keep_hint(hints::after_initialize(fault));
    Error::Initialize(fault)
}

/// Carries out one change, without asking first whether we may: the refusal says it as well.
fn apply(ipvs: &mut Ipvs, change: &Change) -> Result<(), Error> {
    ipvs.apply(change).map_err(|fault| match fault {
        KernelError::Errno(nix::errno::Errno::EPERM) => Error::Initialize(fault),
        fault => Error::Kernel(Operation::from(change), fault),
    })
}

/// The fault of a listing that the kernel refused.
fn refused_listing(fault: KernelError) -> Error {
    Error::Kernel(Operation::List, fault)
}

/// Carries out a request.
fn execute(console: &mut Console<'_>, ipvs: &mut Ipvs, request: Request) -> Result<(), Error> {
    match request {
        Request::List(request) => list::list(console, ipvs, &request),
        Request::Save { numeric } => save::save(console, ipvs, numeric),
        Request::Help(command) => {
            help::write_usage(console.text(), command);
            Ok(())
        }
        Request::Version => {
            help::write_version(console.text());
            Ok(())
        }
        Request::Change(change) => apply(ipvs, &change),
        Request::Restore => restore::restore(console, ipvs),
    }
}
