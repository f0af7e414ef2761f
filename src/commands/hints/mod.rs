//! Hints: one line that gets a person on after a fault, or warns of what a command has just done.
//!
//! Only for a terminal; scripts see the reference's words and nothing else
//! (`tests/parity/ipvsadm-1.31.md`, section 10). A hint never changes what a command does, and
//! where it cannot be sure it says nothing. It is broken between words where the terminal ends;
//! [`whole`] keeps a command in one piece.

#![forbid(unsafe_code)]

mod as_typed;
mod endpoint;
pub mod losses;
mod modules;
pub mod restore;
pub mod rule_line;
pub mod setup;

use std::ffi::OsString;
use std::fs;
use std::net::Ipv4Addr;

use nix::errno::Errno;
use nix::ifaddrs::getifaddrs;
use nix::net::if_::InterfaceFlags;
use nix::unistd::geteuid;

use crate::cli::address;
use crate::edit::{Addition, Edit};
use crate::error::{KernelError, UsageError};
use crate::ipvs::{Detail, Ipvs};
use crate::model::{
    AddressFamily, Change, DestinationIdentity, DestinationState, Encapsulation, ForwardingMethod,
    KernelName, Netmask, Protocol, SchedulerFlags, ServiceIdentity, ServiceState, Standstill,
    VirtualService,
};
use crate::options::matrix::Owner;
use crate::options::{Command, Modifier};
use crate::render::endpoints::EndpointWriter;
use crate::render::phrases::whole;
use crate::render::rules;
use crate::request::{DrainRequest, NamedServer, Request, Returning, Subject};
use crate::schedulers::DEFAULT_SCHEDULER;
use crate::selection::States;
use as_typed::OptionsAsTyped;
use losses::Loss;

/// The most services or servers that a hint names as perhaps meant.
const MOST_NAMED: usize = 3;

/// Returns the hint after a fault in the words, for which the table may be looked at.
pub fn after_usage_fault(
    ipvs: &mut Ipvs,
    fault: &UsageError,
    arguments: &[OsString],
) -> Option<String> {
    match fault {
        UsageError::FirewallMark(word) => about_mark(ipvs, word),
        _ => about_words(fault, arguments),
    }
}

/// Returns the hint after a fault that the words themselves explain.
fn about_words(fault: &UsageError, arguments: &[OsString]) -> Option<String> {
    let given = OptionsAsTyped::read(arguments);
    match fault {
        UsageError::UnknownOption(word) | UsageError::UnexpectedArgument(word)
            if asks_for_a_format(word) =>
        {
            Some("--json lists it for programs, --table for people".to_owned())
        }
        UsageError::UnknownOption(_) => similar_option(arguments),
        UsageError::UnexpectedArgument(word) => endpoint::about_bare(word, &given),
        UsageError::ConnectionState(_) => {
            Some(format!("the states are {}", States::NAMES.join(" ")))
        }
        UsageError::SchedulerFlag(_) | UsageError::SchedulerFlagOfAnother(_) => about_flags(&given),
        UsageError::NetmaskIpv4 => {
            Some("a mask is written in full, like -M 255.255.255.0".to_owned())
        }
        UsageError::ListConflict => {
            let (option, rival) = given.rivals()?;
            Some(format!("{option} does not go with {rival}"))
        }
        UsageError::Illegal(modifier, owner)
            if *owner == Owner::Command(Command::List)
                && modifier.row().is_of_use_to(Owner::CONNECTIONS) =>
        {
            Some("that goes with -c".to_owned())
        }
        UsageError::Illegal(
            Modifier::Keep,
            Owner::Command(Command::AddService | Command::AddServer),
        ) => Some("that goes with --exist".to_owned()),
        UsageError::Conflict(Modifier::Drain, ..) => {
            Some("--drain sets the weight to 0 and leaves the rest as it is".to_owned())
        }
        // A command that is misspelled is none.
        UsageError::TryHelp => similar_option(arguments).or_else(|| {
            Some(format!(
                "the commands are {}; ipvsadm -h shows all",
                as_typed::commands()
            ))
        }),
        UsageError::ServiceAddress => {
            let (protocol, word) = given.service()?;
            endpoint::about(&word, protocol)
        }
        UsageError::ServerAddress => {
            // With a mark, the port has a name of TCP.
            let service = given.service();
            let protocol = service.map(|(protocol, _)| protocol.unwrap_or(Protocol::Tcp));
            endpoint::about(&given.value_of(Modifier::RealServer)?, protocol)
        }
        UsageError::ZeroPort => {
            let (_, word) = given.service()?;
            Some(endpoint::about_missing_port(&word))
        }
        UsageError::TunnelOptionsWithoutTunnel => Some("tunnels take -i".to_owned()),
        UsageError::FamilyWithoutTunnel => {
            Some("only a tunnel, -i, leads from one address family to the other".to_owned())
        }
        _ => None,
    }
}

fn similar_option(arguments: &[OsString]) -> Option<String> {
    let option = as_typed::similar_option(arguments)?;
    Some(format!("did you mean --{option}?"))
}

/// Returns true if this unknown word asks for output that programs read.
fn asks_for_a_format(word: &[u8]) -> bool {
    let word = word.strip_prefix(b"--").unwrap_or(word);
    let name = word.split(|byte| *byte == b'=').next().unwrap_or_default();
    [&b"xml"[..], b"json", b"yaml", b"csv", b"output", b"format"].contains(&name)
}

/// Returns the flags that the scheduler has; `None` where that is the one that is there.
fn about_flags(given: &OptionsAsTyped<'_>) -> Option<String> {
    let scheduler = match given.value_of(Modifier::Scheduler) {
        Some(named) => named,
        None if given.has(Modifier::Keep) => return None,
        None => DEFAULT_SCHEDULER.to_owned(),
    };
    let all = SchedulerFlags::from_bits(u8::MAX);
    let flags: Vec<_> = all.words(KernelName::from(scheduler.as_str())).collect();
    Some(format!("the flags of {scheduler} are {}", flags.join(" ")))
}

/// Returns the hint about a word that is no firewall mark. iptables and nft show marks in base 16.
fn about_mark(ipvs: &mut Ipvs, word: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(word);
    let digits = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X"));
    let mark = digits.and_then(|digits| u32::from_str_radix(digits, 16).ok());
    let Some(mark) = mark.filter(|mark| *mark > 0) else {
        return Some(format!("a mark is a number from 1 to {}", u32::MAX));
    };
    let family = AddressFamily::Ipv4;
    let services = ipvs.services(Detail::WithoutStatistics).unwrap_or_default();
    let there = services_like(&services, &ServiceIdentity::FirewallMark { mark, family });
    Some(match there {
        Some(there) => format!("{text} is {mark}: {there}"),
        None => format!("{text} is {mark}: {}", whole(&format!("-f {mark}"))),
    })
}

/// Returns the hint after the kernel refused to be opened.
pub fn after_initialize(fault: KernelError) -> Option<String> {
    match fault {
        KernelError::Errno(Errno::EPERM) if !geteuid().is_root() => Some(format!(
            "it takes root, for example {}",
            whole("sudo ipvsadm ...")
        )),
        KernelError::Errno(Errno::EPERM) if is_in_user_namespace() => Some(format!(
            "root of a user namespace is not root for IPVS; on the host, {} works in the network \
             namespace of the process PID",
            whole("ipvsadm --netns PID")
        )),
        KernelError::Errno(Errno::EPERM) => {
            Some("this root lacks the capability CAP_NET_ADMIN".to_owned())
        }
        KernelError::Errno(Errno::ENOPROTOOPT) => Some(format!(
            "{} says why the module is not there",
            whole("modprobe ip_vs")
        )),
        _ => None,
    }
}

/// Returns true if the numbers of users here are not all those of the machine.
fn is_in_user_namespace() -> bool {
    fs::read_to_string("/proc/self/uid_map").is_ok_and(|map| {
        let mut words = map.split_whitespace();
        !words.by_ref().take(3).eq(["0", "0", "4294967295"]) || words.next().is_some()
    })
}

/// Returns the hint after the kernel refused a request.
pub fn after_refusal(ipvs: &mut Ipvs, request: &Request, errno: Errno) -> Option<String> {
    let change = match request {
        Request::Change(change) | Request::Exist(change) => change,
        Request::Drain(DrainRequest {
            service: Some(service),
            server,
            ..
        }) => {
            return match (errno, server) {
                (Errno::ESRCH, _) => other_services(ipvs, service),
                (Errno::ENOENT, Some(NamedServer { address, port })) => {
                    let (address, port) = (*address, port.unwrap_or(service.port()));
                    other_destinations(ipvs, service, DestinationIdentity { address, port })
                }
                _ => None,
            };
        }
        Request::Ramp(request) => {
            return match (&request.returning, errno) {
                (Returning::Added(..), Errno::EEXIST) => {
                    Some("-e in place of -a ramps one that is there".to_owned())
                }
                (Returning::Added(service, _), Errno::ESRCH) => other_services(ipvs, service),
                (Returning::Edited(edit), _) => {
                    after_refused_edit(ipvs, &Edit::Destination(*edit), errno)
                }
                _ => None,
            };
        }
        Request::Keep(edit) => return after_refused_edit(ipvs, edit, errno),
        Request::AddMissing(addition) => match change_of(addition) {
            Some(change) => &change.clone(),
            None => return None,
        },
        Request::List(request) if errno == Errno::ESRCH => {
            return match &request.subject {
                Subject::Table(Some(service)) => other_services(ipvs, service),
                _ => None,
            };
        }
        _ => return None,
    };
    match (change, errno) {
        (Change::AddService(_), Errno::EEXIST) => {
            Some("-E changes it; with --exist, -A does, too".to_owned())
        }
        (Change::AddDestination(..), Errno::EEXIST) => {
            Some("-e changes it; with --exist, -a does, too".to_owned())
        }
        (Change::StartDaemon(_), Errno::EEXIST) => Some(match request {
            Request::Exist(_) => "it runs with other settings: -L --daemon shows them".to_owned(),
            _ => "-L --daemon shows it; with --exist, one with these settings will do".to_owned(),
        }),
        (Change::StopDaemon(..), Errno::ESRCH) => {
            Some("none runs in this role; with --exist that is no fault".to_owned())
        }
        (Change::AddService(service) | Change::EditService(service), Errno::ENOENT) => {
            modules::about_missing(service.scheduler, service.persistence_engine)
        }
        (Change::EditService(service), Errno::ESRCH) => other_services(ipvs, &service.identity),
        (
            Change::DeleteService(service)
            | Change::Zero(Some(service))
            | Change::AddDestination(service, _)
            | Change::EditDestination(service, _)
            | Change::DeleteDestination(service, _),
            Errno::ESRCH,
        ) => other_services(ipvs, service),
        (Change::EditDestination(service, destination), Errno::ENOENT) => {
            other_destinations(ipvs, service, destination.identity)
        }
        (Change::DeleteDestination(service, destination), Errno::ENOENT) => {
            other_destinations(ipvs, service, *destination)
        }
        // Only of real servers the kernel asks what kind of address they have.
        (Change::AddDestination(..) | Change::EditDestination(..), Errno::EINVAL)
            if !is_loopback_up() =>
        {
            Some(format!(
                "lo is down here, so no address counts as unicast: {}",
                whole("ip link set lo up")
            ))
        }
        (Change::AddDestination(..) | Change::EditDestination(..), Errno::ERANGE) => {
            Some("-y cannot be more than -x".to_owned())
        }
        (Change::StartDaemon(daemon), Errno::ENODEV) => Some(format!(
            "there is no interface {}; --mcast-interface names another",
            daemon.interface
        )),
        _ => None,
    }
}

/// Returns the hint after the kernel refused an edit that names only what is to change.
fn after_refused_edit(ipvs: &mut Ipvs, edit: &Edit, errno: Errno) -> Option<String> {
    match (edit, errno) {
        (Edit::Service(edit), Errno::ESRCH) => other_services(ipvs, &edit.identity),
        (Edit::Service(edit), Errno::ENOENT) => {
            modules::about_missing(edit.scheduler?, edit.persistence_engine.unwrap_or_default())
        }
        (Edit::Destination(edit), Errno::ESRCH) => other_services(ipvs, &edit.service),
        (Edit::Destination(edit), Errno::ENOENT) => {
            other_destinations(ipvs, &edit.service, edit.identity)
        }
        (Edit::Destination(_), Errno::ERANGE) => Some("-y cannot be more than -x".to_owned()),
        _ => None,
    }
}

/// Returns the hint below counters that stand still.
pub fn counters_stand_still(standstill: Standstill) -> String {
    format!(
        "the counters stand still: net.ipv4.vs.{}",
        standstill.reason()
    )
}

/// Returns the hint after a change that did more, or other, than was perhaps meant.
pub fn after_change(change: &Change, losses: &[Loss], arguments: &[OsString]) -> Option<String> {
    let given = OptionsAsTyped::read(arguments);
    losses::text(losses)
        .or_else(|| about_overruled_port(change, &given))
        .or_else(|| about_prefix_length(change, &given))
        .or_else(|| match change {
            Change::AddService(service) | Change::EditService(service) => {
                about_persistence(service, &given)
            }
            _ => None,
        })
}

/// Returns the hint after an edit that names only what is to change.
pub fn after_edit(ipvs: &mut Ipvs, edit: &Edit, arguments: &[OsString]) -> Option<String> {
    let Edit::Service(edit) = edit else {
        return None;
    };
    let is = ipvs.service(&edit.identity).ok()?;
    about_persistence(&is.service, &OptionsAsTyped::read(arguments))
}

/// Returns the hint about options that have no effect: they say which clients count as one, and no
/// client stays with its real server.
fn about_persistence(service: &VirtualService, given: &OptionsAsTyped<'_>) -> Option<String> {
    let named = [
        (Modifier::Netmask, "-M"),
        (Modifier::PersistenceEngine, "--pe"),
    ];
    let named = named
        .into_iter()
        .filter(|(modifier, _)| given.has(*modifier));
    let named: Vec<&str> = named.map(|(_, word)| word).collect();
    if named.is_empty() || service.persistence_timeout.is_some() {
        return None;
    }
    let verb = if named.len() > 1 { "have" } else { "has" };
    Some(format!(
        "{} {verb} no effect without -p",
        named.join(" and ")
    ))
}

/// Warns of an addition that did something else than was typed, or cannot work yet; `prefix` stands
/// before commands.
pub fn after_addition(
    ipvs: &mut Ipvs,
    addition: &Addition,
    arguments: &[OsString],
    prefix: &str,
) -> Option<String> {
    let change = change_of(addition)?;
    if let Addition::Destination(addition) = addition
        && find_destination(ipvs, &addition.edit.service, addition.edit.identity).is_some()
    {
        // With the port that was typed.
        return setup::after_change(ipvs, &change, prefix);
    }
    after_change(&change, &[], arguments).or_else(|| setup::after_change(ipvs, &change, prefix))
}

/// Returns the change that adds the entry where it is missing.
fn change_of(addition: &Addition) -> Option<Change> {
    Some(match addition {
        Addition::Service(addition) => Change::AddService(*addition.whole.as_ref().ok()?),
        Addition::Destination(addition) => {
            Change::AddDestination(addition.edit.service, *addition.whole.as_ref().ok()?)
        }
    })
}

/// Returns the hint about a port that does not count: without `-m`, a real server has its service's
/// port, whatever was typed.
fn about_overruled_port(change: &Change, given: &OptionsAsTyped<'_>) -> Option<String> {
    let (Change::AddDestination(service, wanted) | Change::EditDestination(service, wanted)) =
        change
    else {
        return None;
    };
    let word = given.value_of(Modifier::RealServer)?;
    let (_, typed) = word.rsplit_once(':')?;
    let typed = address::port(typed.as_bytes(), service.protocol())?;
    let port = wanted.identity.port;
    let is_endpoint = word.starts_with('[') || word.matches(':').count() == 1;
    (is_endpoint && typed != port)
        .then(|| format!("the real server's port is the service's, {port}; {typed} takes -m"))
}

/// Returns the hint about a prefix length: for IPv4, a mask is an address, and so is a number.
fn about_prefix_length(change: &Change, given: &OptionsAsTyped<'_>) -> Option<String> {
    let (Change::AddService(service) | Change::EditService(service)) = change else {
        return None;
    };
    let word = given.value_of(Modifier::Netmask)?;
    let length = word
        .parse::<u32>()
        .ok()
        .filter(|length| (1..=32).contains(length))?;
    let Netmask::Ipv4(mask) = service.netmask else {
        return None;
    };
    let meant = Ipv4Addr::from(u32::MAX << (32 - length));
    Some(format!(
        "-M {word} is the mask {mask}; the prefix length {length} is -M {meant}"
    ))
}

/// Services that were perhaps meant: those of the same address, or of the same mark and the other
/// family.
fn other_services(ipvs: &mut Ipvs, missing: &ServiceIdentity) -> Option<String> {
    let services = ipvs.services(Detail::WithoutStatistics).ok()?;
    match services.is_empty() {
        true => Some("the table is empty".to_owned()),
        false => services_like(&services, missing),
    }
}

/// Names the services of the same address, or of the same mark; `None` if there are none.
fn services_like(services: &[ServiceState], missing: &ServiceIdentity) -> Option<String> {
    let is_like = |service: &ServiceIdentity| match (service, missing) {
        (
            ServiceIdentity::Endpoint { address, .. },
            ServiceIdentity::Endpoint {
                address: wanted, ..
            },
        ) => address == wanted,
        (
            ServiceIdentity::FirewallMark { mark, .. },
            ServiceIdentity::FirewallMark { mark: wanted, .. },
        ) => mark == wanted,
        _ => false,
    };
    let alike = services
        .iter()
        .map(|state| state.service.identity)
        .filter(is_like);
    list_of(alike.map(|identity| {
        let mut name = Vec::new();
        rules::write_service_name(&mut name, &mut EndpointWriter::numeric(), &identity);
        name
    }))
}

/// Servers of a service that were perhaps meant: those of the same address.
fn other_destinations(
    ipvs: &mut Ipvs,
    service: &ServiceIdentity,
    missing: DestinationIdentity,
) -> Option<String> {
    let destinations = destinations(ipvs, service)?;
    if destinations.is_empty() {
        return Some("the service has no real servers".to_owned());
    }
    let alike = destinations
        .iter()
        .map(|state| state.destination)
        .filter(|destination| destination.identity.address == missing.address);
    list_of(alike.map(|destination| {
        let mut name = Vec::new();
        let DestinationIdentity { address, port } = destination.identity;
        EndpointWriter::numeric().write(&mut name, address, port, None);
        name.push(b' ');
        name.extend_from_slice(options_of(destination.forwarding_method).as_bytes());
        name
    }))
}

/// Returns the options that ask for a forwarding method.
fn options_of(method: ForwardingMethod) -> String {
    match method {
        ForwardingMethod::Masquerading => "-m".to_owned(),
        ForwardingMethod::Tunnel(Encapsulation::Ipip) => "-i".to_owned(),
        ForwardingMethod::Tunnel(encapsulation) => {
            let mut options = b"-i".to_vec();
            rules::write_encapsulation(&mut options, encapsulation);
            String::from_utf8_lossy(&options).into_owned()
        }
        ForwardingMethod::Local | ForwardingMethod::DirectRouting => "-g".to_owned(),
    }
}

/// Finds a destination that is there.
fn find_destination(
    ipvs: &mut Ipvs,
    service: &ServiceIdentity,
    identity: DestinationIdentity,
) -> Option<DestinationState> {
    destinations(ipvs, service)?
        .into_iter()
        .find(|state| state.destination.identity == identity)
}

fn destinations(ipvs: &mut Ipvs, service: &ServiceIdentity) -> Option<Vec<DestinationState>> {
    let mut destinations = Vec::new();
    let read = ipvs.destinations(service, Detail::WithoutStatistics, &mut destinations);
    read.ok().map(|()| destinations)
}

/// Returns `there is A, B, C`; `None` without names.
fn list_of(names: impl Iterator<Item = Vec<u8>>) -> Option<String> {
    let names = named(names);
    (!names.is_empty()).then(|| format!("there is {}", names.join(", ")))
}

/// Returns the first names, and `more` behind them if there are.
fn named(names: impl Iterator<Item = Vec<u8>>) -> Vec<String> {
    let mut names: Vec<String> = names
        .take(MOST_NAMED + 1)
        .map(|name| whole(&String::from_utf8_lossy(&name)))
        .collect();
    if names.len() > MOST_NAMED {
        names.truncate(MOST_NAMED);
        names.push("more".to_owned());
    }
    names
}

/// Returns true if the loopback interface of this network namespace is up, or cannot be read.
fn is_loopback_up() -> bool {
    let Ok(mut interfaces) = getifaddrs() else {
        return true;
    };
    interfaces
        .find(|interface| interface.flags.contains(InterfaceFlags::IFF_LOOPBACK))
        .is_none_or(|interface| interface.flags.contains(InterfaceFlags::IFF_UP))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hint(fault: UsageError, line: &str) -> Option<String> {
        let arguments: Vec<OsString> = line.split(' ').map(OsString::from).collect();
        about_words(&fault, &arguments)
    }

    #[test]
    fn a_misspelled_option_is_named() {
        let fault = UsageError::UnknownOption(b"--stat".to_vec());
        assert_eq!(
            hint(fault, "-L --stat"),
            Some("did you mean --stats?".to_owned())
        );
    }

    #[test]
    fn a_misspelled_command_is_named() {
        assert_eq!(
            hint(UsageError::TryHelp, "--lsit"),
            Some("did you mean --list?".to_owned())
        );
        let commands = hint(UsageError::TryHelp, "show").unwrap_or_default();
        assert!(commands.contains("-h shows all"), "{commands}");
    }

    #[test]
    fn the_word_that_is_at_fault_is_told_of() {
        for (fault, line, words) in [
            (UsageError::ServiceAddress, "-A -t 80", "comes first"),
            (
                UsageError::ServiceAddress,
                "-A -u 192.0.2.1:no-such-port",
                "for UDP",
            ),
            (
                UsageError::ServerAddress,
                "-a -t 192.0.2.1:80 -r 192.0.2.9:no-such-port",
                "for TCP",
            ),
            (
                UsageError::ServerAddress,
                "-a -f 7 -r 192.0.2.9:no-such-port",
                "for TCP",
            ),
            (
                UsageError::ServerAddress,
                "-a -f 7 -r nohost:http",
                "'nohost' does not resolve",
            ),
            (
                UsageError::ZeroPort,
                "-A -t 2001:db8::1:80",
                "[2001:db8::1]:80",
            ),
        ] {
            let hint = hint(fault, line).unwrap_or_default();
            assert!(hint.contains(words), "{line}: {hint}");
        }
    }

    #[test]
    fn the_flags_are_those_of_the_scheduler_that_is_named_or_taken_in_its_place() {
        let hint = |line: &str| hint(UsageError::SchedulerFlag(b"x".to_vec()), line);
        for (line, scheduler) in [
            ("-E -t 192.0.2.1:80 -b x", "wlc"),
            ("-E -t 192.0.2.1:80 -s sh -b x", "sh"),
            ("-E -t 192.0.2.1:80 -s sh --keep -b x", "sh"),
        ] {
            let hint = hint(line).unwrap_or_default();
            let start = format!("the flags of {scheduler} are ");
            assert!(hint.starts_with(&start), "{line}: {hint}");
        }
        assert_eq!(hint("-E -t 192.0.2.1:80 --keep -b x"), None);
    }
}
