//! Every fault the program tells of: its text and its exit status.
//!
//! Texts are the reference's where it has one (contract, sections 1, 2 and 7), because scripts read them. Words from
//! the command line go into them byte for byte, so a text is bytes and need not be UTF-8. Nothing is printed here:
//! [`crate::run`] does that, in one place.

use std::ffi::OsStr;
use std::io;
use std::os::unix::ffi::OsStrExt;

use nix::errno::Errno;
use thiserror::Error;

use crate::model::Change;
use crate::options::matrix::{Group, Owner};

/// The status for the reader of words and for the kernel's refusals.
pub const STATUS_REFUSED: u8 = 255;
/// The status for the program's own checks and for a kernel without IPVS.
const STATUS_CHECK: u8 = 2;
/// The status for a listing that could not be made, and for faults of the program's own input and output.
const STATUS_FAILED: u8 = 1;

/// A fault in the words of a command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UsageError {
    /// No command.
    TryHelp,
    UnknownOption(Vec<u8>),
    MissingArgument(Vec<u8>),
    UnwantedArgument(Vec<u8>),
    /// A second command; the word that the reader of words stood on.
    SecondCommand(Vec<u8>),
    Repeated(Group),
    UnexpectedArgument(Vec<u8>),
    ServiceAddress,
    ServerAddress,
    FirewallMark(Vec<u8>),
    Ipv6WithoutFirewallMark,
    Timeout(Vec<u8>),
    NetmaskIpv4,
    NetmaskIpv6,
    Weight,
    UpperThreshold,
    LowerThreshold,
    SyncId,
    McastPort,
    McastTtl,
    McastGroupIpv4(Vec<u8>),
    McastGroupIpv6(Vec<u8>),
    SyncMaxLength,
    TunnelType,
    TunnelPort,
    StartDaemon,
    StopDaemon,
    TimeoutCount,
    SchedulerFlag(Vec<u8>),
    SchedulerFlagOfAnother(Vec<u8>),
    /// An option that a command or a tunnel type needs.
    Needed(Group, Owner),
    /// An option that does not go with a command or a tunnel type.
    Illegal(Group, Owner),
    /// Two options of which a command or a tunnel type takes one.
    Conflict(Group, Group, Owner),
    ZeroPort,
    OnePacketWithoutUdp,
    FamilyWithoutTunnel,
    TunnelOptionsWithoutTunnel,
    ListConflict,
}

impl UsageError {
    /// The text, without the last newline. `program` is the program's name as it was typed.
    pub fn text(&self, program: &[u8]) -> Vec<u8> {
        let around = |before: &str, word: &[u8], after: &str| {
            [before.as_bytes(), word, after.as_bytes()].concat()
        };
        let plain = |text: &str| text.as_bytes().to_vec();
        match self {
            UsageError::TryHelp => [
                b"Try `".as_slice(),
                program,
                b" -h' or '",
                program,
                b" --help' for more information.",
            ]
            .concat(),
            UsageError::UnknownOption(word) => around("", word, ": unknown option"),
            UsageError::MissingArgument(word) => around("", word, ": missing argument"),
            UsageError::UnwantedArgument(word) => {
                around("", word, ": option does not take an argument")
            }
            UsageError::SecondCommand(word) => around("invalid option `", word, "'"),
            UsageError::Repeated(group) => {
                format!("multiple '{}' options specified", group.name()).into_bytes()
            }
            UsageError::UnexpectedArgument(word) => around("unexpected argument ", word, ""),
            UsageError::ServiceAddress => plain("illegal virtual server address[:port] specified"),
            UsageError::ServerAddress => plain("illegal real server address[:port] specified"),
            UsageError::FirewallMark(word) => around("invalid fwmark value `", word, "' specified"),
            // The empty line is the reference's.
            UsageError::Ipv6WithoutFirewallMark => plain("-6 used before -f\n"),
            UsageError::Timeout(word) => around("invalid timeout value `", word, "' specified"),
            UsageError::NetmaskIpv4 => plain("illegal virtual server persistent mask specified"),
            UsageError::NetmaskIpv6 => plain("illegal ipv6 netmask specified"),
            UsageError::Weight => plain("illegal weight specified"),
            UsageError::UpperThreshold => plain("illegal u_threshold specified"),
            UsageError::LowerThreshold => plain("illegal l_threshold specified"),
            UsageError::SyncId => plain("illegal syncid specified"),
            UsageError::McastPort => plain("illegal mcast-port specified"),
            UsageError::McastTtl => plain("illegal mcast-ttl specified"),
            UsageError::McastGroupIpv4(word) => around("invalid IPv4 mcast-group `", word, "'"),
            UsageError::McastGroupIpv6(word) => around("invalid IPv6 mcast-group `", word, "'"),
            UsageError::SyncMaxLength => plain("illegal sync-maxlen specified"),
            UsageError::TunnelType => plain("illegal tunnel type specified"),
            UsageError::TunnelPort => plain("illegal tunnel port specified"),
            UsageError::StartDaemon => plain("illegal start-daemon parameter specified"),
            UsageError::StopDaemon => plain("illegal start_daemon specified"),
            UsageError::TimeoutCount => plain("--set option requires 3 timeout values"),
            UsageError::SchedulerFlag(word) => around("invalid scheduler flag `", word, "'"),
            UsageError::SchedulerFlagOfAnother(word) => {
                around("incompatible scheduler flag `", word, "'")
            }
            UsageError::Needed(group, owner) => format!(
                "You need to supply the '{}' option for the {}",
                group.name(),
                owner.text()
            )
            .into_bytes(),
            UsageError::Illegal(group, owner) => format!(
                "Illegal '{}' option with the {}",
                group.name(),
                owner.text()
            )
            .into_bytes(),
            UsageError::Conflict(group, other, owner) => format!(
                "The option '{}' conflicts with the '{}' option in the {}",
                group.name(),
                other.name(),
                owner.text()
            )
            .into_bytes(),
            UsageError::ZeroPort => plain("Zero port specified for non-persistent service"),
            UsageError::OnePacketWithoutUdp => {
                plain("One-Packet Scheduling is only for UDP virtual services")
            }
            UsageError::FamilyWithoutTunnel => {
                plain("Different address family is allowed only for tunneling servers")
            }
            UsageError::TunnelOptionsWithoutTunnel => {
                plain("Tunnel options conflict with forward method")
            }
            UsageError::ListConflict => plain("options conflicts in the list command"),
        }
    }

    /// The exit status.
    pub fn status(&self) -> u8 {
        match self {
            UsageError::TryHelp => STATUS_REFUSED,
            fault if fault.lets_restore_go_on() => STATUS_REFUSED,
            _ => STATUS_CHECK,
        }
    }

    /// Whether `-R` tells of it and reads the next line; all others end the program (contract, section 6).
    pub fn lets_restore_go_on(&self) -> bool {
        matches!(
            self,
            UsageError::UnknownOption(_)
                | UsageError::MissingArgument(_)
                | UsageError::UnwantedArgument(_)
        )
    }
}

/// What the kernel was asked for when it refused; its errno means a different thing for each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    AddService,
    EditService,
    DeleteService,
    Flush,
    Zero,
    AddDestination,
    EditDestination,
    DeleteDestination,
    SetTimeouts,
    StartDaemon,
    StopDaemon,
    List,
}

impl From<&Change> for Operation {
    fn from(change: &Change) -> Operation {
        match change {
            Change::AddService(_) => Operation::AddService,
            Change::EditService(_) => Operation::EditService,
            Change::DeleteService(_) => Operation::DeleteService,
            Change::Flush => Operation::Flush,
            Change::Zero(_) => Operation::Zero,
            Change::AddDestination(..) => Operation::AddDestination,
            Change::EditDestination(..) => Operation::EditDestination,
            Change::DeleteDestination(..) => Operation::DeleteDestination,
            Change::SetTimeouts(_) => Operation::SetTimeouts,
            Change::StartDaemon(_) => Operation::StartDaemon,
            Change::StopDaemon(..) => Operation::StopDaemon,
        }
    }
}

/// The text for an errno that the kernel answered a request with (contract, section 7).
fn refusal_text(operation: Option<Operation>, errno: Errno) -> String {
    use Operation::{
        AddDestination, AddService, DeleteDestination, DeleteService, EditDestination, EditService,
        List, StartDaemon, StopDaemon, Zero,
    };
    let text = match (operation, errno) {
        (Some(AddService), Errno::EEXIST) => "Service already exists",
        (Some(AddService | EditService), Errno::ENOENT) => {
            "Scheduler or persistence engine not found"
        }
        (Some(EditService | DeleteService | Zero | List), Errno::ESRCH) => "No such service",
        (Some(AddDestination | EditDestination | DeleteDestination), Errno::ESRCH) => {
            "Service not defined"
        }
        (Some(AddDestination), Errno::EEXIST) => "Destination already exists",
        (Some(EditDestination | DeleteDestination), Errno::ENOENT) => "No such destination",
        (Some(StartDaemon), Errno::EEXIST) => "Daemon has already run",
        (Some(StopDaemon), Errno::ESRCH) => "No daemon is running",
        (_, Errno::EPERM) => "Permission denied (you must be root)",
        (_, Errno::EINVAL) => {
            "Invalid operation.  Possibly wrong module version, address not unicast, ..."
        }
        (_, Errno::ENOPROTOOPT) => "Protocol not available",
        (_, Errno::ENOMEM) => "Memory allocation problem",
        (_, Errno::EOPNOTSUPP) => "Operation not supported with IPv6",
        (_, Errno::EAFNOSUPPORT) => "Operation not supported with specified address family",
        (_, Errno::EMSGSIZE) => "Module is wrong version",
        _ => return crate::names::errno_text(errno),
    };
    text.to_owned()
}

/// What can go wrong between us and the kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum KernelError {
    /// The kernel answered with an errno, or the socket did.
    #[error("{}", refusal_text(None, *.0))]
    Errno(Errno),
    /// A reply lacks an attribute that it must have.
    #[error("the kernel's reply lacks the attribute {0}")]
    MissingAttribute(&'static str),
    /// A reply that is not what its header says.
    #[error("the kernel's reply is malformed ({0})")]
    Malformed(&'static str),
    /// A listing was interrupted by changes each time it was tried.
    #[error("the table kept changing while it was read")]
    Unsteady,
}

impl From<Errno> for KernelError {
    fn from(errno: Errno) -> KernelError {
        KernelError::Errno(errno)
    }
}

/// Whatever ends a command with a message.
#[derive(Debug)]
pub enum Error {
    /// A fault in the words.
    Usage(UsageError),
    /// IPVS cannot be reached.
    Initialize(KernelError),
    /// The kernel refused, or answered nonsense.
    Kernel(Operation, KernelError),
    /// A file that could not be opened.
    CannotOpen(&'static str),
    /// A file that does not hold what it should.
    UnexpectedInput(&'static str),
    /// A file or standard input that could not be read.
    Read(&'static str, io::Error),
    /// Standard output took no more.
    Write(io::Error),
    /// A fault in a line of rules, found before anything was changed.
    Rule(UsageError, OwnedRuleLine),
    /// The kernel refused what a line of rules asks for.
    RefusedRule(Operation, KernelError, OwnedRuleLine),
    /// Something was told already; only the status is left to say.
    AlreadyReported(u8),
    /// A word that `ipvsadm-save` or `ipvsadm-restore` does not know; its help.
    HelperUsage(&'static str),
}

/// A line of rules, to be told with its fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RuleLine<'t> {
    /// Its number, counted from 1.
    pub number: usize,
    /// The line without its newline.
    pub text: &'t [u8],
}

impl RuleLine<'_> {
    /// A copy that outlives the text.
    pub fn to_owned(self) -> OwnedRuleLine {
        OwnedRuleLine {
            number: self.number,
            text: self.text.trim_ascii().to_vec(),
        }
    }
}

/// A [`RuleLine`] that holds its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnedRuleLine {
    number: usize,
    text: Vec<u8>,
}

impl OwnedRuleLine {
    fn text_with(&self, fault: &[u8]) -> Vec<u8> {
        let number = self.number;
        [
            format!("line {number}: ").as_bytes(),
            fault.trim_ascii_end(),
            b": ",
            &self.text,
        ]
        .concat()
    }
}

fn kernel_text(operation: Operation, fault: KernelError) -> String {
    match fault {
        KernelError::Errno(errno) => refusal_text(Some(operation), errno),
        fault => fault.to_string(),
    }
}

impl Error {
    /// The text, with its last newline; empty where there is nothing more to say.
    pub fn text(&self, program: &OsStr) -> Vec<u8> {
        let mut text = match self {
            Error::Usage(fault) => fault.text(program.as_bytes()),
            Error::Initialize(fault) => format!(
                "Can't initialize ipvs: {fault}\n\
                 Are you sure that IP Virtual Server is built in the kernel or as module?"
            )
            .into_bytes(),
            Error::Kernel(operation, fault) => kernel_text(*operation, *fault).into_bytes(),
            Error::UnexpectedInput(path) => format!("unexpected input from {path}").into_bytes(),
            Error::CannotOpen(path) => format!("cannot open file {path}").into_bytes(),
            Error::Read(what, fault) => {
                format!("cannot read {what}: {}", io_text(fault)).into_bytes()
            }
            Error::Write(fault) => {
                format!("cannot write to standard output: {}", io_text(fault)).into_bytes()
            }
            Error::Rule(fault, line) => line.text_with(&fault.text(program.as_bytes())),
            Error::RefusedRule(operation, fault, line) => {
                line.text_with(kernel_text(*operation, *fault).as_bytes())
            }
            Error::AlreadyReported(_) => return Vec::new(),
            Error::HelperUsage(help) => help.as_bytes().to_vec(),
        };
        text.push(b'\n');
        text
    }

    /// The exit status.
    pub fn status(&self) -> u8 {
        match self {
            Error::Usage(fault) => fault.status(),
            Error::Initialize(_) => STATUS_CHECK,
            Error::Kernel(Operation::List, _) => STATUS_FAILED,
            Error::Kernel(..) | Error::RefusedRule(..) => STATUS_REFUSED,
            Error::CannotOpen(_)
            | Error::UnexpectedInput(_)
            | Error::Read(..)
            | Error::Write(_)
            | Error::HelperUsage(_) => STATUS_FAILED,
            Error::Rule(fault, _) => fault.status(),
            Error::AlreadyReported(status) => *status,
        }
    }
}

/// The system's text for a fault, without Rust's addition of its number.
fn io_text(fault: &io::Error) -> String {
    match fault.raw_os_error() {
        Some(errno) => crate::names::errno_text(Errno::from_raw(errno)),
        None => fault.to_string(),
    }
}

impl From<UsageError> for Error {
    fn from(fault: UsageError) -> Error {
        Error::Usage(fault)
    }
}
