//! Hints: one line that gets a person on after a fault, or warns of what a command has just done.
//!
//! Only for a terminal; scripts see the reference's words and nothing else (contract, section 10). A hint never changes
//! what a command does, and where it cannot be sure it says nothing.

mod endpoint;

use std::ffi::OsString;
use std::fs;
use std::os::unix::ffi::OsStrExt;

use nix::errno::Errno;
use nix::ifaddrs::getifaddrs;
use nix::net::if_::InterfaceFlags;

use crate::cli::{self, words};
use crate::error::{KernelError, UsageError};
use crate::ipvs::{Detail, Ipvs};
use crate::model::{
    Change, DestinationIdentity, DestinationState, Encapsulation, ForwardingMethod, KernelName,
    Protocol, ServiceIdentity,
};
use crate::options::{Choice, Meaning, SCHEDULERS};
use crate::render::endpoints::EndpointWriter;
use crate::render::rules;
use crate::request::{ListRequest, Request, Subject};

/// How many of the services or servers that were perhaps meant are named.
const MOST_NAMED: usize = 3;

/// What helps after a fault in the words.
pub fn after_usage_fault(fault: &UsageError, arguments: &[OsString]) -> Option<String> {
    let words = Words::read(arguments);
    match fault {
        UsageError::UnknownOption(_) => similar_option(arguments),
        // A command that is misspelled is none.
        UsageError::TryHelp => similar_option(arguments).or_else(|| {
            let commands = "the commands are -A -E -D -a -e -d -L -C -Z -S -R";
            Some(format!("{commands}; ipvsadm -h shows all"))
        }),
        UsageError::ServiceAddress => {
            let (protocol, word) = words.service()?;
            endpoint::about(&word, protocol)
        }
        UsageError::ServerAddress => {
            let protocol = words.service().and_then(|(protocol, _)| protocol);
            endpoint::about(&words.value_of(Choice::RealServer)?, protocol)
        }
        UsageError::ZeroPort => {
            let (_, word) = words.service()?;
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
    cli::similar_option(arguments).map(|option| format!("did you mean {option}?"))
}

/// What helps after the kernel refused to be opened.
pub fn after_initialize(fault: KernelError) -> Option<String> {
    match fault {
        KernelError::Errno(Errno::EPERM) => {
            Some("it takes root, for example sudo ipvsadm ...".to_owned())
        }
        KernelError::Errno(Errno::ENOPROTOOPT) => {
            Some("modprobe ip_vs says why the module is not there".to_owned())
        }
        _ => None,
    }
}

/// What helps after the kernel refused a request.
pub fn after_refusal(ipvs: &mut Ipvs, request: &Request, errno: Errno) -> Option<String> {
    let change = match request {
        Request::Change(change) => change,
        Request::List(ListRequest {
            subject: Subject::Table(Some(service)),
            ..
        }) if errno == Errno::ESRCH => {
            return other_services(ipvs, service);
        }
        _ => return None,
    };
    match (change, errno) {
        (Change::AddService(_), Errno::EEXIST) => Some("-E changes it".to_owned()),
        (Change::AddDestination(..), Errno::EEXIST) => Some("-e changes it".to_owned()),
        (Change::AddService(service) | Change::EditService(service), Errno::ENOENT) => {
            missing_module(service.scheduler, service.persistence_engine)
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
            Some("lo is down here, so no address counts as unicast: ip link set lo up".to_owned())
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

/// A forwarding method that an edit changes without being asked to.
pub struct MethodAtRisk {
    was: ForwardingMethod,
    becomes: ForwardingMethod,
}

/// The forwarding method that an edit is about to change without being asked to: `-e` without `-m` or `-i` means direct
/// routing, `-i` without `--tun-type` means ipip. To be asked before the edit, and told of with [`about_lost_method`]
/// after it.
pub fn method_at_risk(
    ipvs: &mut Ipvs,
    change: &Change,
    arguments: &[OsString],
) -> Option<MethodAtRisk> {
    use ForwardingMethod::{DirectRouting, Masquerading, Tunnel};
    let Change::EditDestination(service, wanted) = change else {
        return None;
    };
    let becomes = wanted.forwarding_method;
    let words = Words::read(arguments);
    let is_asked_for = match becomes {
        DirectRouting => words.has(Choice::Gatewaying),
        Tunnel(Encapsulation::Ipip) => words.has(Choice::TunnelType),
        _ => true,
    };
    if is_asked_for {
        return None;
    }
    let there = find_destination(ipvs, service, wanted.identity)?;
    let was = there.destination.forwarding_method;
    let is_lost = match (was, becomes) {
        (Masquerading | Tunnel(_), DirectRouting) => true,
        (Tunnel(_), Tunnel(_)) => was != becomes,
        _ => false,
    };
    is_lost.then_some(MethodAtRisk { was, becomes })
}

/// Tells of a method that an edit has changed without being asked to.
pub fn about_lost_method(lost: MethodAtRisk) -> String {
    let MethodAtRisk { was, becomes } = lost;
    let options = options_of(was);
    match becomes {
        ForwardingMethod::Tunnel(_) => {
            format!("the server's tunnel is of type ipip now; {options} keeps it as it was")
        }
        _ => {
            let was = match was {
                ForwardingMethod::Tunnel(_) => "tunnelled",
                _ => "masqueraded",
            };
            format!("the server was {was} and is now directly routed; {options} keeps it as it was")
        }
    }
}

/// The options that ask for a forwarding method.
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

fn find_destination(
    ipvs: &mut Ipvs,
    service: &ServiceIdentity,
    identity: DestinationIdentity,
) -> Option<DestinationState> {
    let mut destinations = Vec::new();
    ipvs.destinations(service, Detail::WithoutStatistics, &mut destinations)
        .ok()?;
    destinations
        .into_iter()
        .find(|state| state.destination.identity == identity)
}

/// Services that were perhaps meant: those of the same address, or of the same mark and the other family.
fn other_services(ipvs: &mut Ipvs, missing: &ServiceIdentity) -> Option<String> {
    let services = ipvs.services(Detail::WithoutStatistics).ok()?;
    if services.is_empty() {
        return Some("the table is empty".to_owned());
    }
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
        rules::write_service_name(&mut name, &mut EndpointWriter::for_rules(true), &identity);
        name
    }))
}

/// Servers of a service that were perhaps meant: those of the same address.
fn other_destinations(
    ipvs: &mut Ipvs,
    service: &ServiceIdentity,
    missing: DestinationIdentity,
) -> Option<String> {
    let mut destinations = Vec::new();
    ipvs.destinations(service, Detail::WithoutStatistics, &mut destinations)
        .ok()?;
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
        EndpointWriter::for_rules(true).write(&mut name, address, port, None);
        name.push(b' ');
        name.extend_from_slice(options_of(destination.forwarding_method).as_bytes());
        name
    }))
}

/// `there is A, B, C`, or nothing of nothing.
fn list_of(names: impl Iterator<Item = Vec<u8>>) -> Option<String> {
    let mut names: Vec<String> = names
        .take(MOST_NAMED + 1)
        .map(|name| String::from_utf8_lossy(&name).into_owned())
        .collect();
    if names.is_empty() {
        return None;
    }
    if names.len() > MOST_NAMED {
        names.truncate(MOST_NAMED);
        names.push("more".to_owned());
    }
    Some(format!("there is {}", names.join(", ")))
}

/// Which scheduler or engine is missing, and how to load its module.
fn missing_module(scheduler: KernelName, engine: KernelName) -> Option<String> {
    let is_known = SCHEDULERS
        .iter()
        .any(|(name, _)| name.as_bytes() == scheduler.as_bytes());
    if !is_known {
        let names: Vec<&str> = SCHEDULERS.iter().map(|(name, _)| *name).collect();
        return Some(format!("the kernel's schedulers are {}", names.join(" ")));
    }
    let modules = [format!("ip_vs_{scheduler}"), format!("ip_vs_pe_{engine}")];
    let asked_for = if engine.is_empty() {
        &modules[..1]
    } else {
        &modules[..]
    };
    let is_missing =
        |module: &&String| !fs::exists(format!("/sys/module/{module}")).unwrap_or(true);
    let missing = asked_for.iter().find(is_missing)?;
    Some(format!(
        "the module {missing} is not loaded; modprobe {missing} loads it, or says why not"
    ))
}

/// Whether the loopback interface of this network namespace is up; where that cannot be told it counts as up.
fn is_loopback_up() -> bool {
    let Ok(mut interfaces) = getifaddrs() else {
        return true;
    };
    interfaces
        .find(|interface| interface.flags.contains(InterfaceFlags::IFF_LOOPBACK))
        .is_none_or(|interface| interface.flags.contains(InterfaceFlags::IFF_UP))
}

/// The options among the words, as far as they can be read.
struct Words<'a>(Vec<words::Event<'a>>);

impl<'a> Words<'a> {
    fn read(arguments: &'a [OsString]) -> Words<'a> {
        let (events, _) = words::read(arguments.iter().map(|argument| argument.as_bytes()));
        Words(events)
    }

    /// The options with their values, in order.
    fn options(&self) -> impl Iterator<Item = (Choice, Option<&'a [u8]>)> {
        self.0.iter().filter_map(|event| match *event {
            words::Event::Option {
                meaning: Meaning::Choice(choice),
                value,
                ..
            } => Some((choice, value)),
            _ => None,
        })
    }

    fn has(&self, wanted: Choice) -> bool {
        self.options().any(|(choice, _)| choice == wanted)
    }

    /// The value of an option, of its first if it stands there twice.
    fn value_of(&self, wanted: Choice) -> Option<String> {
        let (_, value) = self.options().find(|(choice, _)| *choice == wanted)?;
        value.map(|value| String::from_utf8_lossy(value).into_owned())
    }

    /// The word that names the service, and the protocol in which it does; a mark has none.
    fn service(&self) -> Option<(Option<Protocol>, String)> {
        let of_protocol = |choice| match choice {
            Choice::TcpService => Some(Some(Protocol::Tcp)),
            Choice::UdpService => Some(Some(Protocol::Udp)),
            Choice::SctpService => Some(Some(Protocol::Sctp)),
            Choice::FirewallMarkService => Some(None),
            _ => None,
        };
        self.options().find_map(|(choice, value)| {
            let protocol = of_protocol(choice)?;
            Some((protocol, String::from_utf8_lossy(value?).into_owned()))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hint(fault: UsageError, line: &str) -> Option<String> {
        let arguments: Vec<OsString> = line.split(' ').map(OsString::from).collect();
        after_usage_fault(&fault, &arguments)
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
                "-a -f 7 -r 192.0.2.9:http",
                "not a port from 0 to 65535",
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
}
