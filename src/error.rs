//! Every fault that ends a command or a line of rules: its text and its exit status. Nothing is
//! printed here.
//!
//! A text that the reference has is the same here, since scripts read it
//! (`tests/parity/ipvsadm-1.31.md`, sections 1, 2 and 7). Words from the command line go into it
//! byte for byte, so `text` gives bytes; `Display` replaces what is not UTF-8.

#![forbid(unsafe_code)]

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::io;
use std::os::unix::ffi::OsStrExt;

use nix::errno::Errno;
use thiserror::Error;

use crate::model::Change;
use crate::options::{self, Helper, Meaning, Modifier, Owner};

/// The kernel refused, or an option is unknown or misses its value.
pub const STATUS_REFUSED: u8 = 255;
/// The words make no valid command, or the kernel has no IPVS.
const STATUS_CHECK: u8 = 2;
/// A drain or a ramp was begun, and did not come to its end.
const STATUS_UNFINISHED: u8 = 3;
/// A dry run has found something to do, and is to say so by its status.
pub const STATUS_DIFFERS: u8 = 3;
/// A diagnosis has found a fault, or clients wait in vain.
pub const STATUS_FAULT: u8 = 1;
/// The status to which a signal's number is added, as shells do.
const STATUS_SIGNAL: u32 = 128;
/// A listing could not be made, or input or output failed.
const STATUS_FAILED: u8 = 1;

/// U+FEFF in UTF-8, which editors of other systems put before the first word of a file.
pub const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// A fault in the words of a command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UsageError {
    /// There is no command.
    TryHelp,
    /// `-R` in a line of rules.
    RestoreAmongRules,
    UnknownOption(Vec<u8>),
    MissingArgument(Vec<u8>),
    UnwantedArgument(Vec<u8>),
    SecondCommand(Vec<u8>),
    Repeated(Modifier),
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
    ProbeFrom(Vec<u8>),
    Listen(Vec<u8>),
    TunnelType,
    TunnelPort,
    StartDaemon,
    StopDaemon,
    TimeoutCount,
    SchedulerFlag(Vec<u8>),
    SchedulerFlagOfAnother(Vec<u8>),
    Needed(Modifier, Owner),
    Illegal(Modifier, Owner),
    /// `--force` without what it is to force.
    ForceWithoutDrain,
    /// It stands in a line of rules, and goes on a command line only.
    AmongRules(Meaning),
    Conflict(Modifier, Modifier, Owner),
    ZeroPort,
    OnePacketWithoutUdp,
    FamilyWithoutTunnel,
    TunnelOptionsWithoutTunnel,
    ListConflict,
    ClientNetwork,
    ConnectionState(Vec<u8>),
    Origin(Vec<u8>),
    CountKey(Vec<u8>),
    FirewallMarkOfConnections,
    WatchInterval(Vec<u8>),
    ServiceOrder(Vec<u8>),
    ConnectionOrder(Vec<u8>),
    /// `--order` of a listing that scripts read.
    OrderOfPlainListing,
    /// A rate, which only looks that follow each other measure.
    RateWithoutWatch,
    Colours(Vec<u8>),
}

impl UsageError {
    /// Returns the text, without the last newline. `program` is the program's name as it was typed.
    pub fn text(&self, program: &[u8]) -> Vec<u8> {
        let around = |before: &str, word: &[u8], after: &str| {
            [before.as_bytes(), word, after.as_bytes()].concat()
        };
        let plain = |text: &str| text.as_bytes().to_vec();
        match self {
            UsageError::TryHelp | UsageError::RestoreAmongRules => [
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
            UsageError::Repeated(modifier) => {
                format!("multiple '{}' options specified", modifier.row().name).into_bytes()
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
            UsageError::Listen(word) => around(
                "illegal time `",
                word,
                "' to listen specified: 1 to 300 seconds",
            ),
            UsageError::ProbeFrom(word) => {
                around("illegal IPv4 address `", word, "' to probe from specified")
            }
            UsageError::TunnelType => plain("illegal tunnel type specified"),
            UsageError::TunnelPort => plain("illegal tunnel port specified"),
            UsageError::StartDaemon => plain("illegal start-daemon parameter specified"),
            UsageError::StopDaemon => plain("illegal start_daemon specified"),
            UsageError::TimeoutCount => plain("--set option requires 3 timeout values"),
            UsageError::SchedulerFlag(word) => around("invalid scheduler flag `", word, "'"),
            UsageError::SchedulerFlagOfAnother(word) => {
                around("incompatible scheduler flag `", word, "'")
            }
            UsageError::Needed(modifier, owner) => format!(
                "You need to supply the '{}' option for the {}",
                modifier.row().name,
                owner.text()
            )
            .into_bytes(),
            UsageError::Illegal(modifier, owner) => format!(
                "Illegal '{}' option with the {}",
                modifier.row().name,
                owner.text()
            )
            .into_bytes(),
            UsageError::ForceWithoutDrain => {
                plain("You need to supply the 'drain' option for the 'force' option")
            }
            UsageError::AmongRules(meaning) => {
                let kind = match meaning {
                    Meaning::Command(_) => "command",
                    Meaning::Modifier(_) => "option",
                };
                format!("Illegal '{}' {kind} in a line of rules", meaning.row().name).into_bytes()
            }
            UsageError::Conflict(modifier, other, owner) => format!(
                "The option '{}' conflicts with the '{}' option in the {}",
                modifier.row().name,
                other.row().name,
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
            UsageError::ClientNetwork => plain("illegal client address[/length] specified"),
            UsageError::ConnectionState(word) => around("invalid connection state `", word, "'"),
            UsageError::Origin(word) => around("invalid origin `", word, "': it is local or sync"),
            UsageError::CountKey(word) => around(
                "invalid count key `",
                word,
                "': it is client, server, service, state, origin or total",
            ),
            UsageError::WatchInterval(word) => around(
                "invalid watch interval `",
                word,
                "': seconds from 0.1 to 2678400",
            ),
            UsageError::ServiceOrder(word) => around(
                "invalid order of services `",
                word,
                "': it is address, active, connections or rate",
            ),
            UsageError::ConnectionOrder(word) => around(
                "invalid order of connections `",
                word,
                "': it is expire, client or state",
            ),
            UsageError::OrderOfPlainListing => plain(
                "the plain listing of services has one order: --order needs --table or --watch",
            ),
            UsageError::RateWithoutWatch => {
                plain("rates are measured from one look to the next: --order rate needs --watch")
            }
            UsageError::Colours(word) => around(
                "invalid choice of colours `",
                word,
                "': always, never or auto",
            ),
            UsageError::FirewallMarkOfConnections => {
                plain("the kernel does not tell which firewall mark a connection came with")
            }
        }
    }

    /// Returns the exit status of a command line that is at fault.
    pub fn status(&self) -> u8 {
        match self {
            UsageError::TryHelp | UsageError::RestoreAmongRules => STATUS_REFUSED,
            fault if fault.lets_restore_go_on() => STATUS_REFUSED,
            _ => STATUS_CHECK,
        }
    }

    /// Returns true if `-R` reports it and reads on. All other faults end the program.
    pub fn lets_restore_go_on(&self) -> bool {
        matches!(
            self,
            UsageError::UnknownOption(_)
                | UsageError::MissingArgument(_)
                | UsageError::UnwantedArgument(_)
        )
    }
}

impl fmt::Display for UsageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&String::from_utf8_lossy(&self.text(b"ipvsadm")))
    }
}

impl std::error::Error for UsageError {}

/// The operation that the kernel refused: one errno means several things.
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

/// Returns the reference's text for an errno of the kernel.
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
        // For these the reference has no words of its own, but musl has others than glibc.
        (_, Errno::ERANGE) => "Numerical result out of range",
        (_, Errno::EBUSY) => "Device or resource busy",
        (_, Errno::EADDRINUSE) => "Address already in use",
        (_, Errno::EADDRNOTAVAIL) => "Cannot assign requested address",
        _ => return errno_text(errno as i32),
    };
    text.to_owned()
}

/// Returns the C library's text for an errno, which is what the reference prints.
fn errno_text(errno: i32) -> String {
    io_text(&io::Error::from_raw_os_error(errno))
}

/// Returns the errno of a fault of a system call; all of those have one.
pub fn errno_of(fault: &io::Error) -> i32 {
    fault.raw_os_error().unwrap_or(libc::EIO)
}

/// Returns the system's text for a fault. Rust puts the number of the errno behind it.
fn io_text(fault: &io::Error) -> String {
    let text = fault.to_string();
    let number = fault
        .raw_os_error()
        .map(|errno| format!(" (os error {errno})"));
    match number.and_then(|number| text.strip_suffix(&number)) {
        Some(text) => text.to_owned(),
        None => text,
    }
}

/// A fault between us and the kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum KernelError {
    /// The kernel answered with an errno, or the socket did.
    #[error("{}", refusal_text(None, *.0))]
    Errno(Errno),
    /// An errno that `nix` has no name for.
    #[error("{}", errno_text(*.0))]
    UnnamedErrno(i32),
    /// A reply lacks an attribute without which it makes no sense.
    #[error("the kernel's reply lacks the attribute {0}")]
    MissingAttribute(&'static str),
    /// A reply does not hold what its headers say.
    #[error("the kernel's reply is malformed ({0})")]
    Malformed(&'static str),
    /// However often the table was read, it changed meanwhile.
    #[error("the table kept changing while it was read")]
    Unsteady,
}

impl KernelError {
    /// Returns the fault that an errno stands for, a positive number.
    pub fn from_errno(errno: i32) -> KernelError {
        match Errno::from_raw(errno) {
            Errno::UnknownErrno => KernelError::UnnamedErrno(errno),
            errno => KernelError::Errno(errno),
        }
    }
}

impl From<Errno> for KernelError {
    fn from(errno: Errno) -> KernelError {
        KernelError::Errno(errno)
    }
}

impl From<io::Error> for KernelError {
    /// Takes the fault of a system call.
    fn from(fault: io::Error) -> KernelError {
        KernelError::from_errno(errno_of(&fault))
    }
}

/// A drain, or a ramp, that was not begun or did not come to its end: the lines that say so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unfinished {
    /// A drain that was not begun, for new clients would have missed the server.
    DrainRefused(Vec<Vec<u8>>),
    /// A ramp that was not begun, for it would not have done what it is for.
    RampRefused(Vec<Vec<u8>>),
    /// The time is up.
    TimeIsUp(Vec<Vec<u8>>),
    /// Somebody else had other plans.
    GivenUp(Vec<Vec<u8>>),
    /// The signal of this number came.
    Interrupted(u32, Vec<Vec<u8>>),
}

impl Unfinished {
    fn lines(&self) -> &[Vec<u8>] {
        match self {
            Unfinished::DrainRefused(lines)
            | Unfinished::RampRefused(lines)
            | Unfinished::TimeIsUp(lines)
            | Unfinished::GivenUp(lines)
            | Unfinished::Interrupted(_, lines) => lines,
        }
    }

    fn status(&self) -> u8 {
        match self {
            Unfinished::DrainRefused(_) => STATUS_REFUSED,
            Unfinished::RampRefused(_) => STATUS_CHECK,
            Unfinished::TimeIsUp(_) | Unfinished::GivenUp(_) => STATUS_UNFINISHED,
            Unfinished::Interrupted(signal, _) => {
                u8::try_from(STATUS_SIGNAL + signal).unwrap_or(STATUS_UNFINISHED)
            }
        }
    }
}

impl From<Unfinished> for Error {
    fn from(fault: Unfinished) -> Error {
        Error::Unfinished(fault)
    }
}

/// Whatever ends a command with a message.
#[derive(Debug)]
pub enum Error {
    /// The words make no valid command.
    Usage(UsageError),
    /// IPVS cannot be reached.
    Initialize(KernelError),
    /// The kernel refused, or answered nonsense.
    Kernel(Operation, KernelError),
    /// The network namespace at this path cannot be entered, for this reason.
    Namespace(OsString, String),
    /// The file at this path cannot be opened.
    CannotOpen(&'static str),
    /// The file at this path does not hold what it should.
    UnexpectedInput(&'static str),
    /// Input cannot be read; the string is its name in messages.
    Read(&'static str, io::Error),
    /// The file that the words name cannot be read.
    ReadFile(OsString, io::Error),
    /// Standard output cannot be written.
    Write(io::Error),
    /// The file that the words name cannot be written; it is what it was.
    WriteFile(OsString, io::Error),
    /// The terminal cannot be taken over, or waited for.
    Terminal(io::Error),
    /// There is no rule where rules were expected: in this file, or on standard input.
    NoRules(Option<OsString>),
    /// A `<` or `>` that reached the program: what was to be its input or output is not.
    UnreadRedirection(char),
    /// `--exit-code` without the dry run whose status it is about, or beside `--test`, which has a
    /// status of its own.
    ExitCodeWithoutDryRun,
    /// Rules that are run one after the other, and would clear the weights that are to be kept.
    WeightsNotKept,
    /// The facts that a diagnosis needs cannot be read.
    NotDiagnosed(KernelError),
    /// A diagnosis may not, or cannot, send packets.
    NotProbed(KernelError),
    /// A diagnosis may not, or cannot, hear packets.
    NotListened(KernelError),
    /// The kernel refused an addition, so what was to be removed has stayed.
    NothingRemoved,
    /// A line of rules makes no valid command; nothing was changed.
    Rule(UsageError, OwnedRuleLine),
    /// The same of a line that is not shown.
    NotARule(UsageError, OwnedRuleLine),
    /// The kernel refused what a line of rules asks for.
    RefusedRule(Operation, KernelError, OwnedRuleLine),
    /// A drain or a ramp did not come to its end.
    Unfinished(Unfinished),
    /// Nothing is left to say; the command ends with this status.
    Status(u8),
    /// A word that `ipvsadm-save` or `ipvsadm-restore` does not know.
    HelperUsage(Helper),
}

/// A line of rules, for the message about its fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RuleLine<'t> {
    /// Counted from 1.
    pub number: usize,
    /// The line without its newline.
    pub text: &'t [u8],
}

impl RuleLine<'_> {
    /// Returns a copy that outlives the input.
    pub fn to_owned(self) -> OwnedRuleLine {
        OwnedRuleLine {
            number: self.number,
            text: self.text.trim_ascii().to_vec(),
        }
    }
}

/// A [`RuleLine`] with a copy of its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnedRuleLine {
    number: usize,
    text: Vec<u8>,
}

impl OwnedRuleLine {
    pub fn text(&self) -> &[u8] {
        &self.text
    }

    /// Returns true if the line begins with an option, as every rule does.
    fn begins_as_rule(&self) -> bool {
        let text = self.text.strip_prefix(BYTE_ORDER_MARK);
        let words = text.unwrap_or(&self.text).split(u8::is_ascii_whitespace);
        let mut words = words.filter(|word| !word.is_empty() && *word != b"ipvsadm");
        match words.next() {
            Some([b'-', b'-', long @ ..]) => {
                let name = long.split(|byte| *byte == b'=').next();
                name.is_some_and(|name| options::by_long(name).is_some())
            }
            Some([b'-', letter, ..]) => options::by_short(*letter).is_some(),
            _ => false,
        }
    }

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
    /// Returns the fault of a change that the kernel refused; it quotes the line that asked for the
    /// change, if one did.
    pub fn of_refusal(
        operation: Operation,
        fault: KernelError,
        line: Option<RuleLine<'_>>,
    ) -> Error {
        match line {
            None => Error::Kernel(operation, fault),
            Some(line) => Error::RefusedRule(operation, fault, line.to_owned()),
        }
    }

    /// Returns the fault of a file that the caller named. A line of it is shown only where it
    /// begins as a rule does: who may restore a file, by way of sudo, need not be allowed to read
    /// it.
    pub fn in_named_file(self) -> Error {
        match self {
            Error::Rule(fault, line) if !line.begins_as_rule() => Error::NotARule(fault, line),
            fault => fault,
        }
    }

    /// Returns the text, with its last newline; empty where everything has been said. `program` is
    /// the program's name as it was typed.
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
            Error::Namespace(path, reason) => [
                b"cannot enter the network namespace ",
                path.as_bytes(),
                b": ",
                reason.as_bytes(),
            ]
            .concat(),
            Error::CannotOpen(path) => format!("cannot open file {path}").into_bytes(),
            Error::Read(what, fault) => {
                format!("cannot read {what}: {}", io_text(fault)).into_bytes()
            }
            Error::ReadFile(path, fault) => [
                b"cannot read ",
                path.as_bytes(),
                b": ",
                io_text(fault).as_bytes(),
            ]
            .concat(),
            Error::NoRules(file) => {
                let place = match file {
                    None => b"on standard input".to_vec(),
                    Some(path) => [b"in ", path.as_bytes()].concat(),
                };
                [
                    b"no rules ",
                    &place[..],
                    b": nothing was changed (-C clears the table)",
                ]
                .concat()
            }
            Error::UnreadRedirection(sign) => format!(
                "no shell read the '{sign}': name the file without it, or run the line with sh -c"
            )
            .into_bytes(),
            Error::ExitCodeWithoutDryRun => {
                b"--exit-code takes --dry-run, and does not go with --test".to_vec()
            }
            Error::WeightsNotKept => {
                b"--keep-weights takes rules that only describe a table: these \
                list or zero as well, or change services that --noflush leaves"
                    .to_vec()
            }
            Error::NotDiagnosed(fault) => kernel_text(Operation::List, *fault).into_bytes(),
            Error::NotProbed(KernelError::Errno(Errno::EPERM)) => {
                b"--probe sends packets of its own, which takes root or the capability CAP_NET_RAW"
                    .to_vec()
            }
            Error::NotProbed(fault) => format!("cannot probe: {fault}").into_bytes(),
            Error::NotListened(KernelError::Errno(Errno::EPERM)) => {
                b"--listen hears what others send, which takes root or the capability CAP_NET_RAW"
                    .to_vec()
            }
            Error::NotListened(fault) => format!("cannot listen: {fault}").into_bytes(),
            Error::NothingRemoved => b"nothing was removed".to_vec(),
            Error::Write(fault) => {
                format!("cannot write to standard output: {}", io_text(fault)).into_bytes()
            }
            Error::WriteFile(path, fault) => [
                b"cannot write ",
                path.as_bytes(),
                b": ",
                io_text(fault).as_bytes(),
            ]
            .concat(),
            Error::Terminal(fault) => {
                format!("cannot use the terminal: {}", io_text(fault)).into_bytes()
            }
            Error::NotARule(fault, line) => {
                // The fault's own text may quote words of the line.
                let what = match fault {
                    UsageError::TryHelp => "no command",
                    _ => "it does not begin as a rule does",
                };
                format!("line {}: {what}", line.number).into_bytes()
            }
            Error::Rule(UsageError::TryHelp, line) => line.text_with(b"no command"),
            Error::Rule(fault, line) => line.text_with(&fault.text(program.as_bytes())),
            Error::RefusedRule(operation, fault, line) => {
                line.text_with(kernel_text(*operation, *fault).as_bytes())
            }
            Error::Unfinished(fault) => fault.lines().join(&b'\n'),
            Error::Status(_) => return Vec::new(),
            Error::HelperUsage(helper) => helper.usage().into_bytes(),
        };
        text.push(b'\n');
        text
    }

    /// Returns the exit status of a command that ends with this fault.
    pub fn status(&self) -> u8 {
        match self {
            Error::Usage(fault) => fault.status(),
            Error::Initialize(_) => STATUS_CHECK,
            Error::Kernel(Operation::List, _) => STATUS_FAILED,
            Error::Kernel(..) | Error::RefusedRule(..) | Error::NothingRemoved => STATUS_REFUSED,
            Error::UnreadRedirection(_)
            | Error::ExitCodeWithoutDryRun
            | Error::WeightsNotKept
            | Error::Namespace(..)
            | Error::NotDiagnosed(_)
            | Error::NotProbed(_)
            | Error::NotListened(_) => STATUS_CHECK,
            Error::CannotOpen(_)
            | Error::UnexpectedInput(_)
            | Error::Read(..)
            | Error::ReadFile(..)
            | Error::Write(_)
            | Error::WriteFile(..)
            | Error::Terminal(_)
            | Error::NoRules(_)
            | Error::HelperUsage(_) => STATUS_FAILED,
            Error::Rule(fault, _) | Error::NotARule(fault, _) => fault.status(),
            Error::Unfinished(fault) => fault.status(),
            Error::Status(status) => *status,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.text(OsStr::new("ipvsadm"));
        f.write_str(String::from_utf8_lossy(&text).trim_end())
    }
}

impl std::error::Error for Error {}

impl From<UsageError> for Error {
    fn from(fault: UsageError) -> Error {
        Error::Usage(fault)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_system_s_texts_stand_without_numbers() {
        let text = |errno| KernelError::from_errno(errno).to_string();
        assert_eq!(text(libc::ENODEV), "No such device");
        assert_eq!(text(libc::EPERM), "Permission denied (you must be root)");
        let full = Error::Write(io::Error::from_raw_os_error(libc::ENOSPC));
        assert_eq!(
            full.text(OsStr::new("ipvsadm")),
            b"cannot write to standard output: No space left on device\n"
        );
        let other = Error::Read("standard input", io::Error::other("it is gone"));
        assert_eq!(other.to_string(), "cannot read standard input: it is gone");
    }

    #[test]
    fn each_errno_that_every_command_may_meet_has_its_text() {
        for (errno, text) in [
            (Errno::EPERM, "Permission denied (you must be root)"),
            (
                Errno::EINVAL,
                "Invalid operation.  Possibly wrong module version, address not unicast, ...",
            ),
            (Errno::ENOPROTOOPT, "Protocol not available"),
            (Errno::ENOMEM, "Memory allocation problem"),
            (Errno::EOPNOTSUPP, "Operation not supported with IPv6"),
            (
                Errno::EAFNOSUPPORT,
                "Operation not supported with specified address family",
            ),
            (Errno::EMSGSIZE, "Module is wrong version"),
            (Errno::ERANGE, "Numerical result out of range"),
            (Errno::EBUSY, "Device or resource busy"),
            (Errno::EADDRINUSE, "Address already in use"),
            (Errno::EADDRNOTAVAIL, "Cannot assign requested address"),
        ] {
            let error = Error::Kernel(Operation::Flush, KernelError::Errno(errno));
            assert_eq!(error.to_string(), text);
        }
    }

    #[test]
    fn an_errno_without_a_name_keeps_its_number() {
        // ENOTSUPP, which the kernel keeps to itself but for slips.
        let fault = KernelError::from_errno(524);
        assert_eq!(fault, KernelError::UnnamedErrno(524));
        let error = Error::Kernel(Operation::AddService, fault);
        // glibc names the number, musl has one text for all of them.
        let expected = if cfg!(target_env = "gnu") {
            "Unknown error 524"
        } else {
            "No error information"
        };
        assert_eq!(error.to_string(), expected);
        assert_eq!(error.status(), STATUS_REFUSED);
    }

    #[test]
    fn display_is_the_text_as_far_as_it_is_utf_8() {
        let fault = UsageError::UnknownOption(b"-\xff".to_vec());
        assert_eq!(fault.text(b"ipvsadm"), b"-\xff: unknown option");
        assert_eq!(fault.to_string(), "-\u{fffd}: unknown option");
        let error: Box<dyn std::error::Error> = Box::new(Error::from(fault));
        assert_eq!(error.to_string(), "-\u{fffd}: unknown option");
    }
}
