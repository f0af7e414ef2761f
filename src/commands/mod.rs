//! The commands, in which request, kernel and text meet: one file for each that is more than a
//! single change.
//!
//! [`run`] is the whole program except the process. It picks the command by the program's name and
//! words, and prints the fault that the command ends with.

#![forbid(unsafe_code)]

mod complete;
mod console;
mod daemons;
mod diagnose;
mod drain;
mod entries;
mod execute_rules;
mod executor;
mod help;
mod hints;
mod keep;
mod list;
mod netns;
mod ramp;
mod replace;
pub mod restore;
mod save;
mod walk;
mod watch;

use std::ffi::{OsStr, OsString};

pub use console::{InputKind, Streams};
use nix::errno::Errno;

use crate::cli;
use crate::cli::helper::HelperRequest;
use crate::edit::Instead;
use crate::error::{Error, KernelError, Operation, UsageError};
use crate::ipvs::Ipvs;
use crate::model::Change;
use crate::options::Helper;
use crate::request::Request;
use console::Console;

/// Runs a command line and returns its exit status. `program` is the name as it was typed; by its
/// last part, `ipvsadm-save` and `ipvsadm-restore` are known from `ipvsadm`.
pub fn run(program: &OsStr, arguments: &[OsString], streams: Streams<'_>) -> u8 {
    let mut console = Console::new(program, streams);
    let helper = Helper::of_program(program);
    if let Some(words) = complete::asked_words(arguments) {
        complete::write_answer(console.text(), helper, words);
        return u8::from(console.flush().is_err());
    }
    let outcome = match helper {
        Some(helper) => run_helper(&mut console, helper, arguments),
        None => run_command(&mut console, arguments),
    };
    if let Err(Error::Rule(_, line) | Error::NotARule(_, line)) = &outcome {
        console.keep_hint(hints::rule_line::about(line.text()));
    }
    // What a command wrote before its fault comes out before it.
    let outcome = console.flush().and(outcome);
    let status = outcome.map_or_else(
        |fault| {
            console.report(&fault);
            fault.status()
        },
        |()| 0,
    );
    console.report_hint();
    status
}

fn run_helper(
    console: &mut Console<'_>,
    helper: Helper,
    arguments: &[OsString],
) -> Result<(), Error> {
    if helper == Helper::Restore {
        // The reference's helper is a script around `ipvsadm`, which is the name in its messages.
        console.rename("ipvsadm");
    }
    let options = match cli::helper::read(helper, arguments)? {
        HelperRequest::Help => {
            help::write_helper_usage(console.text(), helper);
            return Ok(());
        }
        HelperRequest::Version => {
            help::write_version(console.text());
            return Ok(());
        }
        HelperRequest::Run(options) => options,
    };
    let word = options.namespace.as_deref();
    console.keep_namespace(word.map(netns::enter).transpose()?);
    match helper {
        Helper::Save => save::run_helper(console, &options),
        Helper::Restore => restore::run_helper(console, &options),
    }
}

fn run_command(console: &mut Console<'_>, arguments: &[OsString]) -> Result<(), Error> {
    console.keep_namespace(netns::enter_named(arguments)?);
    let request = match cli::parse_arguments(arguments) {
        Ok(request) => request,
        Err(fault) => {
            // The reference tries the kernel before it reads its words, so that fault comes first.
            let mut ipvs = open_checked(console)?;
            if console.is_interactive() {
                console.keep_hint(hints::after_usage_fault(&mut ipvs, &fault, arguments));
            }
            return Err(fault.into());
        }
    };
    if help::answer(console.text(), &request) {
        return Ok(());
    }
    match &request {
        Request::List(request) => console.choose_colours(request.colours),
        Request::Diagnose(request) => console.choose_colours(request.colours),
        _ => {}
    }
    if let Request::Diagnose(request) = &request {
        return diagnose::run(console, request);
    }
    let mut ipvs = match request {
        // A change needs no permission check: its refusal says the same.
        Request::Change(_) | Request::Exist(_) | Request::Keep(_) | Request::AddMissing(_) => {
            open(console)?
        }
        _ => open_checked(console)?,
    };
    if console.is_interactive() {
        execute_with_hints(console, &mut ipvs, &request, arguments)
    } else {
        execute(console, &mut ipvs, &request)
    }
}

fn execute_with_hints(
    console: &mut Console<'_>,
    ipvs: &mut Ipvs,
    request: &Request,
    arguments: &[OsString],
) -> Result<(), Error> {
    let losses = match request {
        Request::Change(change) => hints::losses::of(ipvs, change, arguments),
        Request::Exist(change) => match Instead::of(change, Errno::EEXIST) {
            Some(Instead::Edit(edit)) => hints::losses::of(ipvs, &edit, arguments),
            _ => Vec::new(),
        },
        _ => Vec::new(),
    };
    let outcome = execute(console, ipvs, request);
    console.keep_hint(match &outcome {
        Ok(()) => match request {
            Request::Change(change) | Request::Exist(change) => {
                hints::after_change(change, &losses, arguments)
                    .or_else(|| hints::setup::after_change(ipvs, change, console.command_prefix()))
            }
            Request::AddMissing(addition) => {
                hints::after_addition(ipvs, addition, arguments, console.command_prefix())
            }
            Request::Keep(edit) => hints::after_edit(ipvs, edit, arguments),
            _ => None,
        },
        Err(Error::Initialize(fault)) => hints::after_initialize(*fault),
        Err(Error::Kernel(_, KernelError::Errno(errno))) => {
            hints::after_refusal(ipvs, request, *errno)
        }
        // A rule's words are none of the command line's.
        Err(Error::Usage(fault)) if !matches!(request, Request::ExecuteRules) => {
            hints::after_usage_fault(ipvs, fault, arguments)
        }
        Err(_) => None,
    });
    outcome
}

fn open(console: &mut Console<'_>) -> Result<Ipvs, Error> {
    Ipvs::open().map_err(|fault| not_initialized(console, fault))
}

/// Opens the kernel client and checks that we are allowed to use it.
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

/// Makes one change. Without permission the message is that of a kernel that cannot be opened, as
/// in the reference, which checks first.
fn make_change(ipvs: &mut Ipvs, change: &Change) -> Result<(), Error> {
    ipvs.change(change)
        .map_err(|fault| refused(Operation::from(change), fault))
}

fn refused(operation: Operation, fault: KernelError) -> Error {
    match fault {
        KernelError::Errno(Errno::EPERM) => Error::Initialize(fault),
        fault => Error::Kernel(operation, fault),
    }
}

fn refused_listing(fault: KernelError) -> Error {
    Error::Kernel(Operation::List, fault)
}

/// Executes a request that is about the table.
fn execute(console: &mut Console<'_>, ipvs: &mut Ipvs, request: &Request) -> Result<(), Error> {
    match request {
        Request::List(request) => match request.watch {
            None => list::list(console, ipvs, request, None),
            Some(interval) => watch::watch(console, ipvs, request, interval),
        },
        Request::Save { numeric } => save::save(console, ipvs, *numeric),
        Request::Change(change) => make_change(ipvs, change),
        Request::Exist(change) => keep::exist(ipvs, change),
        Request::Keep(edit) => keep::edit(ipvs, edit),
        Request::AddMissing(addition) => keep::add_missing(ipvs, addition),
        Request::Drain(request) => drain::drain(console, ipvs, request),
        Request::Ramp(request) => ramp::ramp(console, ipvs, request),
        Request::ExecuteRules => execute_rules::execute_rules(console, ipvs),
        // Callers answer these before it comes to the table, and rules cannot diagnose.
        Request::Help(_) | Request::Version | Request::Diagnose(_) => {
            Err(UsageError::TryHelp.into())
        }
    }
}
