//! Hints: one line that gets a person on after a fault, or warns of what a command has just done.
//!
//! Only for a terminal; scripts see the reference's words and nothing else (contract, section 10). A hint never changes
//! what a command does, and where it cannot be sure it says nothing.

use std::ffi::OsString;
use std::fs;
use std::net::IpAddr;
use std::os::unix::ffi::OsStrExt;

use nix::errno::Errno;
use nix::ifaddrs::getifaddrs;
use nix::net::if_::InterfaceFlags;

use crate::cli::{self, ListRequest, Request, Subject, words};
use crate::error::{KernelError, UsageError};
use crate::ipvs::{Detail, Ipvs};
use crate::model::{
    Change, DestinationIdentity, DestinationState, ForwardingMethod, KernelName, ServiceIdentity,
};
use crate::options::{Choice, Meaning, SCHEDULERS};
use crate::render::labels::Labels;
use crate::render::rules;

/// How many of the services or servers that were perhaps meant are named.
const MOST_NAMED: usize = 3;

/// What helps after a fault in the words.
pub fn after_usage_fault(fault: &UsageError, arguments: &[OsString]) -> Option<String> {
    match fault {
        UsageError::UnknownOption(_) => {
            cli::similar_option(arguments).map(|option| format!("did you mean {option}?"))
        }
        UsageError::TryHelp => Some(
            "the commands are -A -E -D -a -e -d -L -C -Z -S -R; ipvsadm -h shows all".to_owned(),
        ),
        UsageError::ServiceAddress => {
            let service = [Choice::TcpService, Choice::UdpService, Choice::SctpService];
            value_of(arguments, &service).and_then(|word| about_address(&word))
        }
        UsageError::ServerAddress => {
            value_of(arguments, &[Choice::RealServer]).and_then(|word| about_address(&word))
        }
        UsageError::ZeroPort => Some(about_port(arguments)),
        UsageError::TunnelOptionsWithoutTunnel => Some("tunnels take -i".to_owned()),
        UsageError::FamilyWithoutTunnel => {
            Some("only a tunnel, -i, leads from one address family to the other".to_owned())
        }
        _ => None,
    }
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
        (_, Errno::EINVAL) if !is_loopback_up() => {
            Some("lo is down here, so no address counts as unicast: ip link set lo up".to_owned())
        }
        (Change::StartDaemon(daemon), Errno::ENODEV) => Some(format!(
            "there is no interface {}; --mcast-interface names another",
            daemon.interface
        )),
        _ => None,
    }
}

/// The forwarding method that an edit is about to change without being asked to: `-e` without `-m` or `-i` means direct
/// routing. To be asked before the edit, and told of with [`about_lost_method`] after it.
pub fn method_at_risk(
    ipvs: &mut Ipvs,
    change: &Change,
    arguments: &[OsString],
) -> Option<ForwardingMethod> {
    let Change::EditDestination(service, wanted) = change else {
        return None;
    };
    if wanted.forwarding_method != ForwardingMethod::DirectRouting
        || has_option(arguments, Choice::Gatewaying)
    {
        return None;
    }
    let there = find_destination(ipvs, service, wanted.identity)?;
    match there.destination.forwarding_method {
        method @ (ForwardingMethod::Masquerading | ForwardingMethod::Tunnel(_)) => Some(method),
        _ => None,
    }
}

/// Tells of a method that an edit has changed without being asked to.
pub fn about_lost_method(lost: ForwardingMethod) -> String {
    let (was, option) = describe(lost);
    format!("the server was {was} and is now directly routed; {option} keeps it as it was")
}

fn describe(method: ForwardingMethod) -> (&'static str, &'static str) {
    match method {
        ForwardingMethod::Masquerading => ("masqueraded", "-m"),
        ForwardingMethod::Tunnel(_) => ("tunnelled", "-i"),
        ForwardingMethod::Local | ForwardingMethod::DirectRouting => ("directly routed", "-g"),
    }
}

fn find_destination(
    ipvs: &mut Ipvs,
    service: &ServiceIdentity,
    identity: DestinationIdentity,
) -> Option<DestinationState> {
    let mut destinations = Vec::new();
    ipvs.destinations(service, Detail::Plain, &mut destinations)
        .ok()?;
    destinations
        .into_iter()
        .find(|state| state.destination.identity == identity)
}

/// Services that were perhaps meant: those of the same address, or of the same mark and the other family.
fn other_services(ipvs: &mut Ipvs, missing: &ServiceIdentity) -> Option<String> {
    let services = ipvs.services().ok()?;
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
        .map(|service| service.identity)
        .filter(is_like);
    list_of(alike.map(|identity| {
        let mut name = Vec::new();
        rules::write_service_name(&mut name, &mut Labels::for_rules(true), &identity);
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
    ipvs.destinations(service, Detail::Plain, &mut destinations)
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
        Labels::for_rules(true).endpoint(&mut name, address, port, None);
        name.extend_from_slice(
            format!(" {}", describe(destination.forwarding_method).1).as_bytes(),
        );
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

fn about_address(word: &str) -> Option<String> {
    if word.bytes().all(|byte| byte.is_ascii_digit()) {
        return Some("an address comes first: ADDRESS:PORT".to_owned());
    }
    if let Some(inner) = word.strip_prefix('[') {
        return match inner.split_once(']') {
            None => Some("the closing bracket is missing: [ADDRESS]:PORT".to_owned()),
            Some((_, "")) => Some("an address in brackets takes a port: [ADDRESS]:PORT".to_owned()),
            Some(_) => None,
        };
    }
    let looks_like_ipv6 = word.bytes().filter(|byte| *byte == b':').count() > 1;
    if looks_like_ipv6 {
        return Some("an IPv6 address with a port takes brackets: [ADDRESS]:PORT".to_owned());
    }
    let (host, port) = word.rsplit_once(':').unwrap_or((word, "0"));
    if host.parse::<IpAddr>().is_ok() {
        return Some(format!(
            "'{port}' is neither a port from 0 to 65535 nor a service of this protocol"
        ));
    }
    Some(format!("the name '{host}' does not resolve"))
}

/// A service without a port: a port was forgotten, or stands in an IPv6 address for want of brackets.
fn about_port(arguments: &[OsString]) -> String {
    let service = [Choice::TcpService, Choice::UdpService, Choice::SctpService];
    let word = value_of(arguments, &service).unwrap_or_default();
    let split = word
        .rsplit_once(':')
        .filter(|_| word.parse::<std::net::Ipv6Addr>().is_ok());
    match split {
        Some((address, port)) if address.parse::<std::net::Ipv6Addr>().is_ok() => {
            format!("did you mean [{address}]:{port}? Port 0, every port, takes -p")
        }
        _ => "a port is missing; port 0, every port, takes -p".to_owned(),
    }
}

/// The value of the first of these options among the words.
fn value_of(arguments: &[OsString], choices: &[Choice]) -> Option<String> {
    let (events, _) = words::read(arguments.iter().map(|argument| argument.as_bytes()));
    events.iter().find_map(|event| match event {
        words::Event::Option {
            meaning: Meaning::Choice(choice),
            value: Some(value),
            ..
        } if choices.contains(choice) => Some(String::from_utf8_lossy(value).into_owned()),
        _ => None,
    })
}

fn has_option(arguments: &[OsString], wanted: Choice) -> bool {
    let (events, _) = words::read(arguments.iter().map(|argument| argument.as_bytes()));
    events.iter().any(|event| match event {
        words::Event::Option {
            meaning: Meaning::Choice(choice),
            ..
        } => *choice == wanted,
        _ => false,
    })
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
    fn a_forgotten_bracket_or_port_is_pointed_at() {
        for (line, words) in [
            ("-A -t 80", "an address comes first"),
            ("-A -t [2001:db8::1]", "takes a port"),
            ("-A -t [2001:db8::1:80", "closing bracket"),
            ("-A -t 2001:db8:::1:80", "takes brackets"),
            ("-A -t 192.0.2.1:99999", "'99999' is neither"),
            ("-A -t no-such.invalid:80", "does not resolve"),
        ] {
            let hint = hint(UsageError::ServiceAddress, line).unwrap_or_default();
            assert!(hint.contains(words), "{line}: {hint}");
        }
        let hint = hint(UsageError::ZeroPort, "-A -t 2001:db8::1:80").unwrap_or_default();
        assert!(hint.contains("[2001:db8::1]:80"), "{hint}");
    }
}
