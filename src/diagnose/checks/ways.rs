//! Of the ways from the director to its real servers, and of their answers through it.

#![forbid(unsafe_code)]

use std::collections::BTreeSet;
use std::net::IpAddr;

use crate::diagnose::facts::{Facts, Route, Server, Service, Way, is_in};
use crate::diagnose::findings::{Basis, Claim, Finding};
use crate::diagnose::ladder::has_answered_nothing;
use crate::diagnose::probe::Probed;
use crate::model::{
    Change, Destination, Encapsulation, ForwardingMethod, ServiceIdentity, TunnelChecksum,
};

use super::{
    about, forwards, interface, is_directly_routed, is_masqueraded, is_own, listed, servers_in_use,
    way_to,
};

/// The bytes that a packet grows by: an IP header of either version; UDP and GUE headers, and the
/// option for a remote checksum; a GRE header and its checksum.
const IPV4_HEADER: u32 = 20;
const IPV6_HEADER: u32 = 40;
const TCP_HEADER: u32 = 20;
const GUE_HEADERS: u32 = 8 + 4;
const GUE_REMOTE_CHECKSUM: u32 = 8;
const GRE_HEADER: u32 = 4;
const GRE_CHECKSUM: u32 = 4;

/// One finding for each interface that does not forward, whichever services it carries.
pub fn forwarding_off(facts: &Facts) -> Vec<Finding> {
    let mut findings = Vec::new();
    for interface in &facts.director.interfaces {
        for is_ipv4 in [true, false] {
            let behind: Vec<(&Service, &Server)> = servers_in_use(facts)
                .filter(|(_, server)| {
                    is_masqueraded(server)
                        && server.identity().address.is_ipv4() == is_ipv4
                        && way_to(facts, server)
                            .is_some_and(|(way, _)| way.interface == interface.index)
                        && !forwards(facts, server)
                        && !clients_are_here(facts, server)
                })
                .collect();
            let Some((service, _)) = behind.first() else {
                continue;
            };
            let mut addresses: Vec<IpAddr> = behind
                .iter()
                .map(|(_, server)| server.identity().address)
                .collect();
            addresses.sort();
            addresses.dedup();
            let text = format!(
                "The director does not forward what comes in by {}, so the answers of its \
                 masqueraded servers are dropped there: of {}.",
                interface.name,
                listed(&addresses)
            );
            let setting = match is_ipv4 {
                true if facts.director.settings.forwards_ipv4 => {
                    // sysctl takes dots for slashes, and a name may have some.
                    format!("net/ipv4/conf/{}/forwarding", interface.name)
                }
                true => "net.ipv4.ip_forward".to_owned(),
                false => "net.ipv6.conf.all.forwarding".to_owned(),
            };
            let finding = Finding::new(Basis::State, Claim::MayHinder, text)
                .seen("interface", interface.name.as_str())
                .seen(
                    "servers",
                    addresses
                        .iter()
                        .map(ToString::to_string)
                        .collect::<Vec<_>>(),
                )
                .by_setting(&setting, 1);
            let finding = finding.touching_servers(behind.iter().copied());
            // It is a service's own affair where no other is touched by it.
            let is_of_one = behind
                .iter()
                .all(|(other, _)| other.identity() == service.identity());
            // Counted anew, what was not answered till now tells nothing of what comes.
            let mut unanswered: Vec<ServiceIdentity> = behind
                .iter()
                .filter(|(service, server)| has_answered_nothing(service, server))
                .map(|(service, _)| service.identity())
                .collect();
            unanswered.dedup();
            let finding = match unanswered.as_slice() {
                [] => finding,
                [service] => finding.by(&Change::Zero(Some(*service))),
                _ => finding.by(&Change::Zero(None)),
            };
            findings.push(match is_of_one {
                true => finding.about(service.identity()),
                false => finding,
            });
        }
    }
    findings
}

/// Returns true where clients are known, and all of them are on the director: answers to them are
/// not forwarded.
fn clients_are_here(facts: &Facts, server: &Server) -> bool {
    let traffic = &server.traffic;
    let mut clients = traffic
        .waiting
        .addresses
        .union(&traffic.heard.addresses)
        .peekable();
    clients.peek().is_some() && clients.all(|client| is_own(&facts.director, *client))
}

/// Masqueraded servers answer, and the director has no route to those who wait for that.
pub fn clients_unrouted(facts: &Facts) -> Vec<Finding> {
    let mut clients: BTreeSet<IpAddr> = BTreeSet::new();
    let mut asked: Vec<(&Service, &Server)> = Vec::new();
    for (service, server) in servers_in_use(facts).filter(|(_, server)| forwards(facts, server)) {
        let lost = server.lost_clients.iter();
        let mut lost = lost
            .filter(|(_, route)| *route == Route::Nowhere)
            .peekable();
        if lost.peek().is_some() {
            asked.push((service, server));
        }
        clients.extend(lost.map(|(client, _)| *client));
    }
    if clients.is_empty() {
        return Vec::new();
    }
    let names: Vec<String> = clients.iter().map(ToString::to_string).collect();
    let text = format!(
        "The director has no route to {}, who {} for masqueraded servers: answers end here.",
        listed(&names),
        if names.len() == 1 { "waits" } else { "wait" }
    );
    vec![
        Finding::new(Basis::State, Claim::MayHinder, text)
            .touching_servers(asked)
            .seen("clients", names),
    ]
}

/// The kernel masquerades no packet from elsewhere to its loopback addresses (`ip_vs_nat_xmit`).
pub fn loopback_masqueraded(facts: &Facts) -> Vec<Finding> {
    servers_in_use(facts)
        .filter(|(service, server)| {
            let is_for_others = service
                .virtual_address()
                .is_none_or(|own| !own.is_loopback());
            is_masqueraded(server)
                && server.identity().address.is_loopback()
                && is_for_others
                && !clients_are_here(facts, server)
        })
        .map(|(service, server)| {
            let text = format!(
                "The kernel does not masquerade what comes from elsewhere to {}: only clients on \
                 the director itself get there. An address of another interface, or -g, leads to \
                 a program here.",
                server.identity().address
            );
            about(Basis::State, Claim::Hinders, service, server, text)
                .seen("server", server.identity().address.to_string())
        })
        .collect()
}

/// Whose ARP questions the servers take for their own: those that come from an address they have.
pub fn asks_from_the_address(facts: &Facts) -> Vec<Finding> {
    let find = |service: &Service| {
        let address = service.virtual_address()?;
        let asked: Vec<String> = service
            .servers
            .iter()
            .filter(|server| {
                let has_address = !is_masqueraded(server)
                    && server.state.destination.forwarding_method != ForwardingMethod::Local;
                server.is_in_use() && has_address && asked_from(facts, server) == Some(address)
            })
            .map(|server| server.identity().address.to_string())
            .collect();
        if asked.is_empty() {
            return None;
        }
        let text = format!(
            "The director asks for {} from {address}, which the servers have, too: they take the \
             question for their own and do not answer it. It needs an address of its own in that \
             network.",
            listed(&asked)
        );
        Some(
            Finding::new(Basis::State, Claim::MayHinder, text)
                .about(service.identity())
                .seen("asks_from", address.to_string())
                .seen("servers", asked),
        )
    };
    facts.services.iter().filter_map(find).collect()
}

/// Returns the address that the kernel asks for a server from: the first of the interface in whose
/// network the server is, else the first (`inet_select_addr`).
fn asked_from(facts: &Facts, server: &Server) -> Option<IpAddr> {
    let (way, interface) = way_to(facts, server)?;
    let address = server.identity().address;
    if way.gateway.is_some() || !address.is_ipv4() {
        return None;
    }
    let own = || interface.addresses.iter().filter(|(own, _)| own.is_ipv4());
    let in_network = own().find(|(own, length)| is_in(address, *own, *length));
    in_network.or_else(|| own().next()).map(|(own, _)| *own)
}

pub fn no_route(facts: &Facts) -> Vec<Finding> {
    servers_in_use(facts)
        .filter(|(_, server)| server.route == Route::Nowhere)
        .map(|(service, server)| {
            let address = server.identity().address;
            // Where an interface leads to it but is down, that is why.
            let down = facts
                .director
                .interfaces
                .iter()
                .find(|interface| !interface.is_up && interface.has_on_link(address));
            let why = match down {
                Some(interface) => format!(": {} is down", interface.name),
                None => String::new(),
            };
            let text = format!("The director has no route to {address}{why}.");
            let finding =
                about(Basis::State, Claim::MayHinder, service, server, text).seen("route", "none");
            match down {
                Some(interface) => finding.here(format!("ip link set {} up", interface.name)),
                None => finding,
            }
        })
        .collect()
}

pub fn not_adjacent(facts: &Facts) -> Vec<Finding> {
    servers_in_use(facts)
        .filter(|(_, server)| is_directly_routed(server))
        .filter_map(|(service, server)| {
            let gateway = server.route.way()?.gateway?;
            let text = format!(
                "{} is behind the router {gateway}, and direct routing (-g) ends at the next \
                 machine: the router gets packets for the service's address. A tunnel (-i) \
                 leads there, once the server unpacks it.",
                server.identity().address
            );
            let tunnelled = Destination {
                forwarding_method: ForwardingMethod::Tunnel(Encapsulation::Ipip),
                ..server.state.destination
            };
            Some(
                about(Basis::State, Claim::MayHinder, service, server, text)
                    .seen("gateway", gateway.to_string())
                    .by(&Change::EditDestination(service.identity(), tunnelled)),
            )
        })
        .collect()
}

pub fn neighbour_failed(facts: &Facts) -> Vec<Finding> {
    servers_in_use(facts)
        .filter(|(_, server)| match server.probed {
            Some(Probed::NoNeighbour) => true,
            Some(Probed::Asked { .. }) => false,
            _ => server.next_hop.is_some_and(|next_hop| next_hop.is_silent),
        })
        .filter_map(|(service, server)| {
            let (Way { gateway, .. }, interface) = way_to(facts, server)?;
            let address = server.identity().address;
            let (asked, protocol) = (
                gateway.unwrap_or(address),
                match gateway.unwrap_or(address) {
                    IpAddr::V4(_) => "ARP",
                    IpAddr::V6(_) => "neighbour discovery",
                },
            );
            let text = match gateway {
                _ if !interface.has_link => format!(
                    "{asked} cannot be asked by {protocol}: {} has no link. Is its cable in?",
                    interface.name
                ),
                None => format!(
                    "{address} does not answer {protocol} on {}: it is off, its link is down, or \
                     the address is not its own.",
                    interface.name
                ),
                Some(gateway) => format!(
                    "The router {gateway} to {address} does not answer {protocol} on {}.",
                    interface.name
                ),
            };
            let basis = match server.probed {
                Some(Probed::NoNeighbour) => Basis::Probe,
                _ => Basis::State,
            };
            Some(
                about(basis, Claim::MayHinder, service, server, text)
                    .seen("neighbour", asked.to_string())
                    .seen("interface", interface.name.as_str())
                    .seen("has_link", interface.has_link),
            )
        })
        .collect()
}

pub fn mtu(facts: &Facts) -> Vec<Finding> {
    let find = |service: &Service| {
        let address = service.virtual_address()?;
        let of_clients = facts
            .director
            .interfaces
            .iter()
            .find(|interface| !interface.is_loopback && interface.has(address))?
            .mtu;
        let narrowest = service
            .servers
            .iter()
            .filter(|server| server.is_in_use())
            .filter_map(|server| {
                let overhead = overhead(server)?;
                let way = server.route.way()?;
                let whole = match way.mtu {
                    Some(mtu) => mtu,
                    None => interface(&facts.director, way.interface)?.mtu,
                };
                Some((whole.saturating_sub(overhead), server))
            })
            .min_by_key(|(room, _)| *room);
        let (room, server) = narrowest.filter(|(room, _)| *room < of_clients)?;
        let text = format!(
            "The tunnel to {} has room for packets of {room} bytes, and clients may send \
             {of_clients}: they are asked for smaller ones (ICMP), and where a firewall drops \
             that, large requests hang. Segments of {} bytes fit.",
            server.identity().address,
            largest_segment(room, address)
        );
        Some(
            about(Basis::State, Claim::Informs, service, server, text)
                .seen("room_in_bytes", room)
                .seen("mtu_of_clients_in_bytes", of_clients)
                .seen("largest_segment_in_bytes", largest_segment(room, address)),
        )
    };
    facts.services.iter().filter_map(find).collect()
}

/// The most data of TCP in a packet of so many bytes to an address, as `advmss` and TCPMSS count
/// it.
fn largest_segment(room: u32, address: IpAddr) -> u32 {
    let header = match address {
        IpAddr::V4(_) => IPV4_HEADER,
        IpAddr::V6(_) => IPV6_HEADER,
    };
    room.saturating_sub(header + TCP_HEADER)
}

/// Returns the bytes that a packet grows by on its way to a server; none without a tunnel.
fn overhead(server: &Server) -> Option<u32> {
    let ForwardingMethod::Tunnel(encapsulation) = server.state.destination.forwarding_method else {
        return None;
    };
    let outer = match server.identity().address {
        IpAddr::V4(_) => IPV4_HEADER,
        IpAddr::V6(_) => IPV6_HEADER,
    };
    Some(
        outer
            + match encapsulation {
                Encapsulation::Ipip => 0,
                Encapsulation::Gue {
                    checksum: TunnelChecksum::Remote,
                    ..
                } => GUE_HEADERS + GUE_REMOTE_CHECKSUM,
                Encapsulation::Gue { .. } => GUE_HEADERS,
                Encapsulation::Gre {
                    checksum: TunnelChecksum::None,
                } => GRE_HEADER,
                Encapsulation::Gre { .. } => GRE_HEADER + GRE_CHECKSUM,
            },
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnose::checks::samples::{
        INNER, NONE, asked, commands, findings, first, forward_by, found, keep_waiting, service,
    };
    use crate::diagnose::facts::Neighbour;
    use crate::diagnose::findings::Level;
    use crate::diagnose::probe::PortAnswer;
    use crate::model::Protocol;

    fn route_through(facts: &mut Facts, gateway: &str) {
        for server in &mut facts.services[0].servers {
            server.route = through(gateway);
        }
    }

    fn through(gateway: &str) -> Route {
        Route::Out(Way {
            interface: INNER,
            gateway: Some(gateway.parse().unwrap()),
            source: None,
            mtu: None,
        })
    }

    #[test]
    fn forwarding_is_missed_by_masquerading_only() {
        let no_forwarding = |facts: &mut Facts| {
            facts.director.settings.forwards_ipv4 = false;
            facts
                .director
                .interfaces
                .iter_mut()
                .for_each(|interface| interface.forwards_ipv4 = false);
        };
        let masqueraded = findings(no_forwarding);
        assert_eq!(masqueraded.len(), 1, "{masqueraded:?}");
        assert_eq!(masqueraded[0].id, "forwarding-off");
        assert_eq!(
            commands(&masqueraded[0]),
            ["sysctl -w net.ipv4.ip_forward=1"]
        );
        let by_interface = findings(|facts| facts.director.interfaces[1].forwards_ipv4 = false);
        assert_eq!(
            commands(&by_interface[0]),
            ["sysctl -w net/ipv4/conf/inner/forwarding=1"]
        );
        let routed = found(|facts| {
            no_forwarding(facts);
            forward_by(facts, ForwardingMethod::DirectRouting);
        });
        assert_eq!(routed, NONE);
        let elsewhere = found(|facts| facts.director.interfaces[2].forwards_ipv4 = false);
        assert_eq!(elsewhere, NONE);
    }

    #[test]
    fn clients_on_the_director_need_no_forwarding() {
        let with = |client: [u8; 4]| {
            found(|facts| {
                facts.director.interfaces[1].forwards_ipv4 = false;
                for server in &mut facts.services[0].servers {
                    keep_waiting(server, 5);
                    server.traffic.waiting.addresses = [client.into()].into();
                }
            })
        };
        let told = |found: Vec<(&str, Level)>| found.iter().any(|(id, _)| *id == "forwarding-off");
        assert!(!told(with([192, 0, 2, 1])));
        assert!(told(with([192, 0, 2, 9])));
    }

    #[test]
    fn clients_that_no_route_leads_to_wait_for_answers() {
        let lost = findings(|facts| {
            keep_waiting(first(facts), 5);
            first(facts).lost_clients = vec![([198, 51, 100, 7].into(), Route::Nowhere)];
        });
        assert_eq!(
            (lost[0].id, lost[0].level),
            ("clients-unrouted", Level::Fault)
        );
        assert_eq!(lost.len(), 1, "{lost:?}");
    }

    #[test]
    fn what_comes_from_elsewhere_is_not_masqueraded_to_lo() {
        let with = |service_address: [u8; 4]| {
            found(|facts| {
                facts.services[0].state.service.identity = ServiceIdentity::Endpoint {
                    protocol: Protocol::Tcp,
                    address: service_address.into(),
                    port: 80,
                };
                first(facts).state.destination.identity.address = [127, 0, 0, 1].into();
                first(facts).route = Route::Local;
            })
        };
        assert_eq!(
            with([192, 0, 2, 1]),
            [("loopback-masqueraded", Level::Fault)]
        );
        assert_eq!(with([127, 0, 0, 9]), NONE);
    }

    #[test]
    fn servers_do_not_answer_what_is_asked_from_their_own_address() {
        let with = |spoil: fn(&mut Facts)| {
            found(|facts| {
                forward_by(facts, ForwardingMethod::DirectRouting);
                let inner = &mut facts.director.interfaces[1].addresses;
                *inner = vec![([192, 0, 2, 1].into(), 24)];
                keep_waiting(first(facts), 5);
                spoil(facts);
            })
        };
        assert_eq!(with(|_| ()), [("asks-from-the-address", Level::Fault)]);
        let has_another = with(|facts| {
            let inner = &mut facts.director.interfaces[1].addresses;
            inner.push(([10, 0, 0, 1].into(), 24));
        });
        assert_eq!(has_another, [("handshake-stuck", Level::Fault)]);
    }

    #[test]
    fn what_concerns_several_services_is_said_once() {
        let findings = findings(|facts| {
            let mut other = service("-t 192.0.2.1:443");
            other.servers = facts.services[0].servers.clone();
            facts.services.push(other);
            facts.director.settings.forwards_ipv4 = false;
            facts.director.interfaces[1].forwards_ipv4 = false;
        });
        assert_eq!(findings.len(), 1, "{findings:?}");
        assert_eq!(findings[0].service, None);
    }

    #[test]
    fn a_server_without_a_route_is_out_of_reach_unless_it_is_out_of_use() {
        let with = |weight| {
            findings(|facts| {
                first(facts).route = Route::Nowhere;
                first(facts).state.destination.weight = weight;
                facts.director.interfaces[1].is_up = false;
            })
        };
        assert_eq!(with(1)[0].id, "no-route");
        assert_eq!(commands(&with(1)[0]), ["ip link set inner up"]);
        assert_eq!(with(0), []);
        let drained = |change: fn(&mut Server)| {
            found(|facts| {
                first(facts).route = Route::Nowhere;
                first(facts).state.destination.weight = 0;
                change(first(facts));
            })
        };
        assert_eq!(drained(|server| server.traffic.waiting.count = 9), NONE);
        assert_eq!(
            drained(|server| server.traffic.open = 1),
            [("no-route", Level::Risk)]
        );
    }

    #[test]
    fn direct_routing_ends_at_the_next_machine() {
        let findings = findings(|facts| {
            forward_by(facts, ForwardingMethod::DirectRouting);
            route_through(facts, "10.0.0.254");
            facts.services[0].servers.truncate(1);
        });
        assert_eq!(findings[0].id, "not-adjacent");
        assert_eq!(
            commands(&findings[0]),
            ["ipvsadm -e -t 192.0.2.1:80 -r 10.0.0.10:80 -i -w 1 --tun-type ipip"]
        );
        let masqueraded = found(|facts| route_through(facts, "10.0.0.254"));
        assert_eq!(masqueraded, NONE);
    }

    #[test]
    fn a_silent_neighbour_is_a_fault_until_it_answers_the_probe() {
        let with = |probed| {
            found(|facts| {
                let server = first(facts);
                server.probed = probed;
                server.next_hop = Some(Neighbour {
                    address: server.identity().address,
                    interface: INNER,
                    hardware: None,
                    is_silent: true,
                });
            })
        };
        assert_eq!(with(None), [("neighbour-failed", Level::Risk)]);
        assert_eq!(with(asked(PortAnswer::Taken, None)), NONE);
        // The probe found nobody, whatever the kernel remembers.
        let unknown = found(|facts| first(facts).probed = Some(Probed::NoNeighbour));
        assert_eq!(unknown, [("neighbour-failed", Level::Risk)]);
    }

    #[test]
    fn a_tunnel_narrows_what_clients_may_send() {
        let with = |encapsulation, mtu| {
            findings(|facts| {
                facts.director.interfaces[1].mtu = mtu;
                forward_by(facts, ForwardingMethod::Tunnel(encapsulation));
            })
        };
        let narrow = with(Encapsulation::Ipip, 1500);
        assert_eq!((narrow[0].id, narrow[0].level), ("mtu", Level::Note));
        assert!(narrow[0].text.contains(" 1480 "), "{}", narrow[0].text);
        assert!(narrow[0].text.contains(" 1440 "), "{}", narrow[0].text);
        assert_eq!(with(Encapsulation::Ipip, 1520), []);
        let gue = Encapsulation::Gue {
            port: 5555,
            checksum: TunnelChecksum::Remote,
        };
        assert!(with(gue, 1500)[0].text.contains(" 1460 "));
    }
}
