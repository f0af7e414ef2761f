//! Plans the probing: a question for each server that TCP or UDP over Ethernet leads to, and a check
//! of each address that is the director's alone.

#![forbid(unsafe_code)]

use std::collections::{BTreeMap, HashSet};
use std::net::{IpAddr, Ipv4Addr};

use crate::diagnose::facts::{
    Facts, HardwareAddress, Interface, Route, Server, Service, Way, is_in, whole_length,
};
use crate::diagnose::probe::Reason;
use crate::model::{Encapsulation, ForwardingMethod, Protocol, ServiceIdentity};

/// Something to ask of a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// The interface's index.
    pub interface: u32,
    /// The interface's address.
    pub hardware: HardwareAddress,
    /// The director's address that it is asked from.
    pub source: IpAddr,
    /// The director's address that the neighbour is asked from, of the neighbour's family.
    pub solicits_from: IpAddr,
    /// The neighbour that the frame is sent to.
    pub next_hop: IpAddr,
    /// The wrapping of the packet; the director's address around it, and the server's.
    pub tunnel: Option<(Encapsulation, (IpAddr, IpAddr))>,
    pub transport: Transport,
    /// The address that the packet is for.
    pub destination: IpAddr,
    pub port: u16,
    /// The server's own address, which is asked as well where that of the service is silent.
    pub own_address: Option<IpAddr>,
    /// Set where it is asked as from a client, too.
    pub from_client: Option<FromClient>,
    /// Whose question it is, each by the numbers of its service and its own.
    pub servers: Vec<(usize, usize)>,
}

/// The protocol of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Transport {
    Tcp,
    Udp,
}

/// The use of asking as from a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FromClient {
    /// The answer comes back through the director.
    Answer,
    /// Which neighbour the server asks for to answer, and as whom.
    Neighbour,
}

/// An address that nobody else should have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct AddressCheck {
    /// The index of the interface to ask at.
    pub interface: u32,
    pub hardware: HardwareAddress,
    pub address: IpAddr,
    /// The director's address that asks; unspecified for IPv4, so that no neighbour learns of it.
    /// In IPv6 a request without a sender would be answered to everybody.
    pub solicits_from: IpAddr,
}

/// All that is to be asked.
#[derive(Debug, Default)]
pub struct ProbePlan {
    pub questions: Vec<Question>,
    pub checks: Vec<AddressCheck>,
    /// The servers that are not asked, by the numbers of their service and their own.
    pub skipped: Vec<(usize, usize, Reason)>,
    pub own_hardware: HashSet<HardwareAddress>,
    pub own_addresses: HashSet<IpAddr>,
    /// The addresses of services that servers have, too.
    pub shared_addresses: HashSet<IpAddr>,
}

impl ProbePlan {
    pub fn of(facts: &Facts) -> ProbePlan {
        let mut plan = ProbePlan::default();
        for interface in &facts.director.interfaces {
            plan.own_hardware.extend(interface.hardware);
            let addresses = interface.addresses.iter().map(|(address, _)| *address);
            plan.own_addresses.extend(addresses);
        }
        for service in &facts.services {
            let is_shared = service
                .servers
                .iter()
                .any(|server| keeps_address(server) && server.route.way().is_some());
            plan.shared_addresses
                .extend(service.virtual_address().filter(|_| is_shared));
        }
        let mut questions: BTreeMap<_, usize> = BTreeMap::new();
        for (service_place, service) in facts.services.iter().enumerate() {
            plan.check_service(facts, service);
            for (place, server) in service.servers.iter().enumerate() {
                match plan.question(facts, service, server) {
                    Ok(None) => {}
                    Err(reason) => plan.skipped.push((service_place, place, reason)),
                    Ok(Some(question)) => {
                        plan.check_own_address(server, &question);
                        let key = (
                            (question.interface, question.next_hop),
                            question.tunnel.map(|(_, server)| server),
                            question.transport,
                            (question.destination, question.port),
                            question.from_client,
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

    /// Plans to look for others who have the address of a service, in the networks that it is an
    /// address of: only there does anybody ask for its hardware address.
    fn check_service(&mut self, facts: &Facts, service: &Service) {
        let Some(address) = service.virtual_address() else {
            return;
        };
        let is_here = service.address == Some(Route::Local);
        for interface in &facts.director.interfaces {
            let Some(hardware) = interface.hardware.filter(|_| interface.is_up) else {
                continue;
            };
            let answers = !is_here || interface.has(address) || !interface.hides_others;
            let solicits_from = solicits_from(interface, address);
            if let Some(solicits_from) = solicits_from.filter(|_| answers)
                && is_neighbourly(interface, address)
            {
                self.checks.push(AddressCheck {
                    interface: interface.index,
                    hardware,
                    address,
                    solicits_from,
                });
            }
        }
    }

    /// Plans to look whether a server that has the service's address takes that of the director for
    /// its own, too, as it does where its prefix covers the network.
    fn check_own_address(&mut self, server: &Server, question: &Question) {
        if keeps_address(server) && question.source.is_ipv4() {
            self.checks.push(AddressCheck {
                interface: question.interface,
                hardware: question.hardware,
                address: question.source,
                solicits_from: Ipv4Addr::UNSPECIFIED.into(),
            });
        }
    }

    /// Returns what a server is to be asked; nothing where other findings say that nobody gets to
    /// it, or where nobody is sent to it.
    fn question(
        &self,
        facts: &Facts,
        service: &Service,
        server: &Server,
    ) -> Result<Option<Question>, Reason> {
        let Route::Out(way) = server.route else {
            return Ok(None);
        };
        if !server.is_in_use() {
            return Ok(None);
        }
        let (protocol, address, port) = match service.identity() {
            ServiceIdentity::FirewallMark { .. } => return Err(Reason::Mark),
            ServiceIdentity::Endpoint { port: 0, .. } => return Err(Reason::AnyPort),
            ServiceIdentity::Endpoint {
                protocol,
                address,
                port,
            } => (protocol, address, port),
        };
        let transport = match protocol {
            Protocol::Tcp => Transport::Tcp,
            Protocol::Udp => Transport::Udp,
            Protocol::Sctp => return Err(Reason::Protocol),
        };
        let identity = server.identity();
        let method = server.state.destination.forwarding_method;
        let (destination, port) = match method {
            ForwardingMethod::Local => return Ok(None),
            ForwardingMethod::DirectRouting if way.gateway.is_some() => return Ok(None),
            ForwardingMethod::Masquerading => (identity.address, identity.port),
            ForwardingMethod::DirectRouting | ForwardingMethod::Tunnel(_) => (address, port),
        };
        let interface = facts
            .director
            .interface(way.interface)
            .ok_or(Reason::Link)?;
        let hardware = interface.hardware.ok_or(Reason::Link)?;
        let source_to = |destination| {
            self.source(facts, &way, interface, destination, keeps_address(server))
                .ok_or(Reason::NoAddress)
        };
        let next_hop = way.next_hop(identity.address);
        let tunnel = match method {
            ForwardingMethod::Tunnel(encapsulation) => {
                let outer = (source_to(identity.address)?, identity.address);
                Some((encapsulation, outer))
            }
            _ => None,
        };
        let is_beside = way.gateway.is_none();
        Ok(Some(Question {
            interface: way.interface,
            hardware,
            source: source_to(destination)?,
            solicits_from: source_to(next_hop)?,
            next_hop,
            tunnel,
            transport,
            destination,
            port,
            own_address: (method == ForwardingMethod::DirectRouting).then_some(identity.address),
            from_client: match method {
                // Who answers no SYN need not be silent to datagrams.
                ForwardingMethod::Masquerading if transport == Transport::Udp => None,
                ForwardingMethod::Masquerading => Some(FromClient::Answer),
                _ => is_beside.then_some(FromClient::Neighbour),
            },
            servers: Vec::new(),
        }))
    }

    /// Returns the director's address to ask from, of the family of `destination`. Where the server
    /// has the addresses of services, it must be none of these: the server would take the packet
    /// for its own.
    fn source(
        &self,
        facts: &Facts,
        way: &Way,
        interface: &Interface,
        destination: IpAddr,
        is_shared: bool,
    ) -> Option<IpAddr> {
        let others = facts.director.interfaces.iter();
        let others = others.filter(|other| !other.is_loopback && *other != interface);
        let addresses = std::iter::once(interface)
            .chain(others)
            .flat_map(|interface| interface.addresses.iter().map(|(address, _)| *address));
        way.source.into_iter().chain(addresses).find(|source| {
            let is_apt = match (source, destination) {
                (IpAddr::V4(_), IpAddr::V4(_)) => true,
                (IpAddr::V6(source), IpAddr::V6(destination)) => {
                    !source.is_unicast_link_local() || destination.is_unicast_link_local()
                }
                _ => false,
            };
            is_apt
                && *source != destination
                && !(is_shared && self.shared_addresses.contains(source))
        })
    }
}

/// Returns true where the packets that a server gets keep the service's address.
fn keeps_address(server: &Server) -> bool {
    matches!(
        server.state.destination.forwarding_method,
        ForwardingMethod::DirectRouting | ForwardingMethod::Tunnel(_)
    )
}

/// Returns true where an address is one of an interface's network, so that its neighbours ask for
/// the hardware address.
fn is_neighbourly(interface: &Interface, address: IpAddr) -> bool {
    interface
        .addresses
        .iter()
        .any(|(own, length)| *length < whole_length(*own) && is_in(address, *own, *length))
}

/// Returns the address that asks who else has `address`.
fn solicits_from(interface: &Interface, address: IpAddr) -> Option<IpAddr> {
    match address {
        IpAddr::V4(_) => Some(Ipv4Addr::UNSPECIFIED.into()),
        IpAddr::V6(_) => interface
            .addresses
            .iter()
            .map(|(own, _)| *own)
            .find(|own| own.is_ipv6() && *own != address),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnose::checks::samples::{first, forward_by, healthy, identity, service};

    fn plan(spoil: impl FnOnce(&mut Facts)) -> ProbePlan {
        let mut facts = healthy();
        spoil(&mut facts);
        ProbePlan::of(&facts)
    }

    /// Leaves one server, reached by this method.
    fn by(facts: &mut Facts, method: ForwardingMethod) {
        forward_by(facts, method);
        facts.services[0].servers.truncate(1);
    }

    #[test]
    fn a_masqueraded_server_is_asked_for_its_own_address_and_the_way_back() {
        let plan = plan(|_| ());
        assert_eq!(plan.questions.len(), 2);
        let question = &plan.questions[0];
        assert_eq!(question.destination.to_string(), "10.0.0.10");
        assert_eq!(question.next_hop, question.destination);
        assert_eq!(question.source.to_string(), "10.0.0.1");
        assert_eq!(question.from_client, Some(FromClient::Answer));
        assert_eq!((question.own_address, question.tunnel), (None, None));
    }

    #[test]
    fn a_directly_routed_server_is_asked_for_the_service_s_address_and_its_own() {
        let plan = plan(|facts| {
            forward_by(facts, ForwardingMethod::DirectRouting);
        });
        let question = &plan.questions[1];
        assert_eq!(question.destination.to_string(), "192.0.2.1");
        assert_eq!(question.next_hop.to_string(), "10.0.0.20");
        assert_eq!(question.own_address, Some(question.next_hop));
        assert_eq!(question.from_client, Some(FromClient::Neighbour));
    }

    #[test]
    fn a_tunnel_goes_to_the_server_and_what_is_in_it_to_the_service() {
        let plan = plan(|facts| by(facts, ForwardingMethod::Tunnel(Encapsulation::Ipip)));
        let question = &plan.questions[0];
        let (_, (from, to)) = question.tunnel.unwrap();
        assert_eq!((from, to), (question.source, question.next_hop));
        assert_eq!(question.destination.to_string(), "192.0.2.1");
        assert_eq!(question.own_address, None);
    }

    #[test]
    fn a_datagram_is_not_asked_as_from_a_client() {
        let plan = plan(|facts| {
            facts.services[0].state.service.identity = identity("-u 192.0.2.1:53");
        });
        let question = &plan.questions[0];
        assert_eq!(
            (question.transport, question.from_client),
            (Transport::Udp, None)
        );
    }

    #[test]
    fn ipv6_is_asked_from_an_address_of_its_own() {
        let ipv6 = |text: &str| -> IpAddr { text.parse().unwrap() };
        let plan = plan(|facts| {
            let interface = &mut facts.director.interfaces[1];
            interface.addresses.push((ipv6("fe80::1"), 64));
            interface.addresses.push((ipv6("2001:db8:1::1"), 64));
            facts.services[0].state.service.identity = identity("-t [2001:db8::1]:80");
            by(facts, ForwardingMethod::DirectRouting);
            let server = first(facts);
            server.state.destination.identity.address = ipv6("2001:db8:1::10");
            server.route = Route::Out(Way {
                interface: 2,
                gateway: None,
                source: None,
                mtu: None,
            });
        });
        assert_eq!(plan.questions[0].source, ipv6("2001:db8:1::1"));
        assert_eq!(plan.questions[0].next_hop, ipv6("2001:db8:1::10"));
        // Nobody asks for the service's address in that network.
        assert_eq!(plan.checks, []);
    }

    #[test]
    fn an_ipv6_neighbour_on_the_way_to_an_ipv4_server_is_asked_by_ipv6() {
        let neighbour: IpAddr = "fe80::e".parse().unwrap();
        let plan = plan(|facts| {
            let own = ("fe80::d".parse().unwrap(), 64);
            facts.director.interfaces[1].addresses.push(own);
            let Route::Out(way) = &mut first(facts).route else {
                return;
            };
            way.gateway = Some(neighbour);
        });
        let question = &plan.questions[0];
        assert_eq!(question.next_hop, neighbour);
        assert_eq!(question.solicits_from.to_string(), "fe80::d");
        assert_eq!(question.source.to_string(), "10.0.0.1");
    }

    #[test]
    fn a_server_is_not_asked_from_an_address_that_it_has() {
        let other = |facts: &mut Facts| {
            by(facts, ForwardingMethod::DirectRouting);
            let mut other = facts.services[0].clone();
            other.state.service.identity = identity("-t 10.0.0.1:443");
            facts.services.push(other);
        };
        let asked = plan(|facts| {
            other(facts);
            let interface = &mut facts.director.interfaces[1];
            interface.addresses.push(([10, 0, 0, 2].into(), 24));
        });
        assert_eq!(asked.questions[0].source.to_string(), "10.0.0.2");
        let without = plan(|facts| {
            other(facts);
            facts.director.interfaces[2].addresses.clear();
        });
        assert_eq!(without.skipped[0], (0, 0, Reason::NoAddress));
        // A masqueraded server does not have it.
        let masqueraded = plan(|facts| {
            other(facts);
            facts.director.interfaces[2].addresses.clear();
            for service in &mut facts.services {
                service.servers[0].state.destination.forwarding_method =
                    ForwardingMethod::Masquerading;
            }
        });
        assert_eq!(masqueraded.skipped, []);
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
        for (words, reason) in [("-f 7", Reason::Mark), ("-t 192.0.2.1:0", Reason::AnyPort)] {
            let plan = plan(|facts| facts.services[0].state.service.identity = identity(words));
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
    fn an_address_is_looked_for_where_neighbours_ask_for_it() {
        let address: IpAddr = [192, 0, 2, 1].into();
        let places = |spoil: fn(&mut Facts)| {
            let checks = plan(spoil).checks.into_iter();
            let checks = checks.filter(|check| check.address == address);
            checks.map(|check| check.interface).collect::<Vec<_>>()
        };
        const NOWHERE: [u32; 0] = [];
        assert_eq!(places(|_| ()), [3]);
        // The servers' network is another one.
        assert_eq!(
            places(|facts| forward_by(facts, ForwardingMethod::DirectRouting)),
            [3]
        );
        // A route leads there, and nobody asks.
        assert_eq!(
            places(|facts| facts.director.interfaces[2].addresses[0].1 = 32),
            NOWHERE
        );
        assert_eq!(
            places(|facts| {
                let interface = &mut facts.director.interfaces[2];
                interface.addresses[0] = ([192, 0, 2, 7].into(), 24);
                interface.hides_others = true;
            }),
            NOWHERE
        );
        // Another director may have it.
        assert_eq!(
            places(|facts| facts.services[0].address = Some(Route::Nowhere)),
            [3]
        );
    }

    #[test]
    fn whether_a_server_takes_the_director_s_address_is_looked_at() {
        let plan = plan(|facts| by(facts, ForwardingMethod::DirectRouting));
        let own: IpAddr = [10, 0, 0, 1].into();
        assert!(plan.checks.iter().any(|check| check.address == own));
    }
}
