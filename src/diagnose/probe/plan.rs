//! Whom to ask what: a question for each server that TCP over Ethernet leads to, and a check of
//! each virtual address that is the director's.

#![forbid(unsafe_code)]

use std::collections::{BTreeMap, HashSet};
use std::net::{IpAddr, Ipv4Addr};

use crate::diagnose::facts::{Facts, HardwareAddress, Interface, Route, Server, Service, Way};
use crate::diagnose::probe::Reason;
use crate::model::{ForwardingMethod, Protocol, ServiceIdentity};

/// A SYN for a server, or two.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// The interface's index.
    pub interface: u32,
    /// The interface's address.
    pub hardware: HardwareAddress,
    /// The director's address that it is asked from.
    pub source: Ipv4Addr,
    /// The neighbour that the frame is sent to.
    pub next_hop: Ipv4Addr,
    /// The address that the packet is for.
    pub destination: Ipv4Addr,
    pub port: u16,
    /// Whether it is asked as from a client, too.
    pub wants_way_back: bool,
    /// Whose question it is, each by the numbers of its service and its own.
    pub servers: Vec<(usize, usize)>,
}

/// An address that nobody else should have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Check {
    /// The index of the interface to ask at.
    pub interface: u32,
    pub hardware: HardwareAddress,
    pub address: Ipv4Addr,
}

/// All that is to be asked.
#[derive(Debug, Default)]
pub struct ProbePlan {
    pub questions: Vec<Question>,
    pub checks: Vec<Check>,
    /// The servers that are not asked, by the numbers of their service and their own.
    pub skipped: Vec<(usize, usize, Reason)>,
    pub own_hardware: HashSet<HardwareAddress>,
    pub own_addresses: HashSet<Ipv4Addr>,
}

impl ProbePlan {
    pub fn of(facts: &Facts) -> ProbePlan {
        let mut plan = ProbePlan::default();
        for interface in &facts.director.interfaces {
            plan.own_hardware.extend(interface.hardware);
            plan.own_addresses.extend(
                interface
                    .addresses
                    .iter()
                    .filter_map(|(address, _)| ipv4(*address)),
            );
        }
        let mut questions: BTreeMap<_, usize> = BTreeMap::new();
        for (service_place, service) in facts.services.iter().enumerate() {
            plan.check(facts, service);
            for (place, server) in service.servers.iter().enumerate() {
                match question(facts, service, server) {
                    Ok(None) => {}
                    Err(reason) => plan.skipped.push((service_place, place, reason)),
                    Ok(Some(question)) => {
                        let key = (
                            question.interface,
                            question.next_hop,
                            question.destination,
                            question.port,
                            question.wants_way_back,
                        );
                        let index = *questions.entry(key).or_insert(plan.questions.len());
                        if index == plan.questions.len() {
                            plan.questions.push(question);
                        }
                        plan.questions[index].servers.push((service_place, place));
                    }
                }
            }
        }
        plan.checks.sort();
        plan.checks.dedup();
        plan
    }

    /// Has the address of a service looked for wherever clients look for it.
    fn check(&mut self, facts: &Facts, service: &Service) {
        let Some(address) = service.virtual_address().and_then(ipv4) else {
            return;
        };
        if service.address != Some(Route::Local) {
            return;
        }
        let interfaces = &facts.director.interfaces;
        let is_on_a_network = interfaces
            .iter()
            .any(|interface| !interface.is_loopback && interface.has(address.into()));
        for interface in interfaces {
            let Some(hardware) = interface.hardware.filter(|_| interface.is_up) else {
                continue;
            };
            let leads_to_server = service.servers.iter().any(|server| {
                server.state.destination.forwarding_method == ForwardingMethod::DirectRouting
                    && server
                        .route
                        .way()
                        .is_some_and(|way| way.interface == interface.index)
            });
            let is_looked_for = interface.has(address.into())
                || interface.has_on_link(address.into())
                || leads_to_server;
            // Whoever hides it from this network is not the one who is to answer there.
            let answers = interface.has(address.into())
                || !interface.hides_others
                || (is_on_a_network && leads_to_server);
            if is_looked_for && answers {
                self.checks.push(Check {
                    interface: interface.index,
                    hardware,
                    address,
                });
            }
        }
    }
}

/// What a server is to be asked; nothing where other findings say that nobody gets to it, or where
/// nobody is sent to it.
fn question(facts: &Facts, service: &Service, server: &Server) -> Result<Option<Question>, Reason> {
    let Route::Out(way) = server.route else {
        return Ok(None);
    };
    if !server.is_in_use() {
        return Ok(None);
    }
    let (address, port) = match service.identity() {
        ServiceIdentity::FirewallMark { .. } => return Err(Reason::Mark),
        ServiceIdentity::Endpoint {
            protocol: Protocol::Udp | Protocol::Sctp,
            ..
        } => return Err(Reason::Protocol),
        ServiceIdentity::Endpoint { port: 0, .. } => return Err(Reason::AnyPort),
        ServiceIdentity::Endpoint { address, port, .. } => (address, port),
    };
    let is_masqueraded = match server.state.destination.forwarding_method {
        ForwardingMethod::Tunnel(_) => return Err(Reason::Tunnel),
        ForwardingMethod::Local => return Ok(None),
        ForwardingMethod::Masquerading => true,
        ForwardingMethod::DirectRouting => false,
    };
    if !is_masqueraded && way.gateway.is_some() {
        return Ok(None);
    }
    let identity = server.identity();
    let (Some(address), Some(server_address)) = (ipv4(address), ipv4(identity.address)) else {
        return Err(Reason::Ipv6);
    };
    let interface = facts
        .director
        .interfaces
        .iter()
        .find(|interface| interface.index == way.interface);
    let interface = interface.ok_or(Reason::Link)?;
    let hardware = interface.hardware.ok_or(Reason::Link)?;
    let (destination, port) = match is_masqueraded {
        true => (server_address, identity.port),
        false => (address, port),
    };
    let source = source(&way, interface, destination).ok_or(Reason::Link)?;
    Ok(Some(Question {
        interface: way.interface,
        hardware,
        source,
        next_hop: way.gateway.and_then(ipv4).unwrap_or(server_address),
        destination,
        port,
        wants_way_back: is_masqueraded,
        servers: Vec::new(),
    }))
}

/// The director's address to ask from. It must not be what is asked for: a server that has that
/// address, too, would take the packet for its own.
fn source(way: &Way, interface: &Interface, destination: Ipv4Addr) -> Option<Ipv4Addr> {
    let of_interface = interface.addresses.iter().map(|(address, _)| *address);
    way.source
        .into_iter()
        .chain(of_interface)
        .filter_map(ipv4)
        .find(|source| *source != destination)
}

fn ipv4(address: IpAddr) -> Option<Ipv4Addr> {
    match address {
        IpAddr::V4(address) => Some(address),
        IpAddr::V6(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnose::checks::samples::{endpoint, forward_by, healthy, service};

    fn plan(spoil: impl FnOnce(&mut Facts)) -> ProbePlan {
        let mut facts = healthy();
        spoil(&mut facts);
        ProbePlan::of(&facts)
    }

    #[test]
    fn a_masqueraded_server_is_asked_for_its_own_address_and_the_way_back() {
        let plan = plan(|_| ());
        assert_eq!(plan.questions.len(), 2);
        let question = &plan.questions[0];
        assert_eq!(question.destination.to_string(), "10.0.0.10");
        assert_eq!(question.next_hop, question.destination);
        assert_eq!(question.source.to_string(), "10.0.0.1");
        assert!(question.wants_way_back);
    }

    #[test]
    fn a_directly_routed_server_is_asked_for_the_service_s_address() {
        let plan = plan(|facts| {
            forward_by(facts, ForwardingMethod::DirectRouting);
        });
        let question = &plan.questions[1];
        assert_eq!(question.destination.to_string(), "192.0.2.1");
        assert_eq!(question.next_hop.to_string(), "10.0.0.20");
        assert!(!question.wants_way_back);
        // Its clients' network, and the servers'.
        assert_eq!(plan.checks.len(), 2);
    }

    #[test]
    fn a_server_of_several_services_is_asked_once_a_port() {
        let plan = plan(|facts| {
            let mut other = service("-t 192.0.2.1:443");
            other.servers = facts.services[0].servers.clone();
            facts.services.push(other);
        });
        assert_eq!(plan.questions.len(), 2);
        assert_eq!(plan.questions[0].servers, [(0, 0), (1, 0)]);
    }

    #[test]
    fn what_cannot_be_asked_is_said() {
        for (words, reason) in [
            ("-u 192.0.2.1:53", Reason::Protocol),
            ("-f 7", Reason::Mark),
            ("-t 192.0.2.1:0", Reason::AnyPort),
        ] {
            let plan = plan(|facts| facts.services[0].state.service.identity = endpoint(words));
            assert_eq!(plan.questions, []);
            assert_eq!(plan.skipped, [(0, 0, reason), (0, 1, reason)], "{words}");
        }
        let drained = plan(|facts| {
            for server in &mut facts.services[0].servers {
                server.state.destination.weight = 0;
            }
        });
        assert_eq!((drained.questions.len(), drained.skipped.len()), (0, 0));
    }

    #[test]
    fn an_address_that_the_director_hides_or_lacks_is_not_looked_for() {
        let hidden = plan(|facts| {
            let address = facts.director.interfaces[2].addresses.remove(0);
            facts.director.interfaces[0].addresses.push(address);
            for interface in &mut facts.director.interfaces {
                interface.hides_others = true;
            }
            forward_by(facts, ForwardingMethod::DirectRouting);
        });
        assert_eq!(hidden.checks, []);
        let missing = plan(|facts| facts.services[0].address = Some(Route::Nowhere));
        assert_eq!(missing.checks, []);
    }
}
