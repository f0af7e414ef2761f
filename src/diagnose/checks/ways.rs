//! Checks of the ways from the director to its real servers, and of their answers through it.

#![forbid(unsafe_code)]

use std::collections::BTreeSet;
use std::net::IpAddr;

use crate::diagnose::facts::{Facts, Route, Server, Service, is_in};
use crate::diagnose::findings::{Basis, Claim, Finding};
use crate::diagnose::ladder::has_answered_nothing;
use crate::diagnose::probe::Probed;
use crate::model::{
    Change, Destination, Encapsulation, ForwardingMethod, ServiceIdentity, TunnelChecksum,
};

use super::{about, forwards, is_directly_routed, listed, resolution, servers_in_use, way_to};

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
                    server.is_masqueraded()
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
    clients.peek().is_some() && clients.all(|client| facts.director.has(*client))
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
            server.is_masqueraded()
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
                let has_address = !server.is_masqueraded()
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
            let (way, interface) = way_to(facts, server)?;
            let address = server.identity().address;
            let asked = way.next_hop(address);
            let protocol = resolution(asked);
            let text = match way.gateway {
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
                    None => facts.director.interface(way.interface)?.mtu,
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
        INNER, NONE, asked, commands, findings, first, forward_by, found, identity, keep_waiting,
        server, service,
    };
    use crate::diagnose::facts::{Neighbour, Way};
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

    /// Returns the finding of an id where the first server is the only one.
    fn the(id: &str, spoil: impl FnOnce(&mut Facts)) -> Option<Finding> {
        let all = findings(|facts| {
            facts.services[0].servers.truncate(1);
            spoil(facts);
        });
        all.into_iter().find(|finding| finding.id == id)
    }

    fn way(server: &mut Server) -> &mut Way {
        let Route::Out(way) = &mut server.route else {
            unreachable!()
        };
        way
    }

    #[test]
    fn a_tunnel_s_headers_are_counted_by_its_kind_and_the_server_s_address() {
        let checksums = [
            TunnelChecksum::None,
            TunnelChecksum::Full,
            TunnelChecksum::Remote,
        ];
        let gue = checksums.map(|checksum| Encapsulation::Gue {
            port: 6081,
            checksum,
        });
        let gre = checksums.map(|checksum| Encapsulation::Gre { checksum });
        for (encapsulation, ipv4, ipv6) in [
            (Encapsulation::Ipip, 20, 40),
            (gue[0], 32, 52),
            (gue[1], 32, 52),
            (gue[2], 40, 60),
            (gre[0], 24, 44),
            (gre[1], 28, 48),
        ] {
            let mut server = server("10.0.0.10:80");
            server.state.destination.forwarding_method = ForwardingMethod::Tunnel(encapsulation);
            assert_eq!(overhead(&server), Some(ipv4));
            server.state.destination.identity.address = "fd00::10".parse().unwrap();
            assert_eq!(overhead(&server), Some(ipv6));
        }
        let plain = server("10.0.0.10:80");
        assert_eq!(overhead(&plain), None);
        assert_eq!(largest_segment(1473, [192, 0, 2, 1].into()), 1433);
        assert_eq!(largest_segment(1473, "2001:db8::1".parse().unwrap()), 1413);
    }

    #[test]
    fn the_narrowest_tunnel_is_told_of_and_what_fits() {
        let with = |spoil: fn(&mut Facts)| {
            let all = findings(|facts| {
                forward_by(facts, ForwardingMethod::Tunnel(Encapsulation::Ipip));
                spoil(facts);
            });
            let narrow = all.into_iter().find(|it| it.id == "mtu");
            narrow.map(|it| {
                it.evidence
                    .iter()
                    .map(|(_, it)| it.as_u64().unwrap())
                    .collect()
            })
        };
        let seen = |room, of_clients, segment| Some(vec![room, of_clients, segment]);
        assert_eq!(with(|_| ()), seen(1480, 1500, 1440));
        let second_is_narrower: fn(&mut Facts) =
            |facts| way(&mut facts.services[0].servers[1]).mtu = Some(1400);
        assert_eq!(with(second_is_narrower), seen(1380, 1500, 1340));
        let it_is_out_of_use: fn(&mut Facts) = |facts| {
            way(&mut facts.services[0].servers[1]).mtu = Some(1400);
            facts.services[0].servers[1].state.destination.weight = 0;
        };
        assert_eq!(with(it_is_out_of_use), seen(1480, 1500, 1440));
        let public_is_wide: fn(&mut Facts) = |facts| facts.director.interfaces[2].mtu = 1481;
        assert_eq!(with(public_is_wide), seen(1480, 1481, 1440));
        let public_is_narrow: fn(&mut Facts) = |facts| facts.director.interfaces[2].mtu = 1480;
        assert_eq!(with(public_is_narrow), None);
        // Where it is on lo, too, its packets come by the other.
        let on_lo_too: fn(&mut Facts) = |facts| {
            let lo = &mut facts.director.interfaces[0];
            lo.mtu = 1100;
            lo.addresses.push(([192, 0, 2, 1].into(), 32));
        };
        assert_eq!(with(on_lo_too), seen(1480, 1500, 1440));
        let plain: fn(&mut Facts) = |facts| forward_by(facts, ForwardingMethod::DirectRouting);
        assert_eq!(with(plain), None);
    }

    #[test]
    fn a_silent_neighbour_is_named_with_what_asked_it() {
        let with = |spoil: fn(&mut Facts)| {
            let failed = the("neighbour-failed", |facts| {
                first(facts).probed = Some(Probed::NoNeighbour);
                spoil(facts);
            });
            let failed = failed.unwrap();
            let neighbour = failed.evidence[0].1.as_str().unwrap().to_owned();
            (failed.text, failed.basis, neighbour)
        };
        let (text, basis, neighbour) = with(|_| ());
        assert!(text.starts_with("10.0.0.10 does not answer ARP on inner: it is off,"));
        assert_eq!((basis, &neighbour[..]), (Basis::Probe, "10.0.0.10"));
        let by_ipv6: fn(&mut Facts) = |facts| {
            first(facts).state.destination.identity.address = "fd00::10".parse().unwrap();
        };
        let (text, _, neighbour) = with(by_ipv6);
        assert!(text.starts_with("fd00::10 does not answer neighbour discovery on inner:"));
        assert_eq!(neighbour, "fd00::10");
        let (text, _, neighbour) = with(|facts| first(facts).route = through("10.0.0.254"));
        assert_eq!(
            text,
            "The router 10.0.0.254 to 10.0.0.10 does not answer ARP on inner."
        );
        assert_eq!(neighbour, "10.0.0.254");
        let known_to_be_silent: fn(&mut Facts) = |facts| {
            facts.director.interfaces[1].has_link = false;
            first(facts).probed = None;
            first(facts).next_hop = Some(Neighbour {
                address: [10, 0, 0, 10].into(),
                interface: INNER,
                hardware: None,
                is_silent: true,
            });
        };
        let (text, basis, _) = with(known_to_be_silent);
        assert_eq!(
            text,
            "10.0.0.10 cannot be asked by ARP: inner has no link. Is its cable in?"
        );
        assert_eq!(basis, Basis::State);
        let known_to_speak = the("neighbour-failed", |facts| {
            known_to_be_silent(facts);
            first(facts).next_hop.as_mut().unwrap().is_silent = false;
        });
        assert_eq!(known_to_speak, None);
    }

    #[test]
    fn an_interface_that_is_down_is_why_there_is_no_route_only_to_its_network() {
        let text = |spoil: fn(&mut Facts)| {
            let lost = the("no-route", |facts| {
                first(facts).route = Route::Nowhere;
                spoil(facts);
            });
            lost.map(|finding| finding.text)
        };
        let without_reason = Some("The director has no route to 10.0.0.10.".to_owned());
        assert_eq!(text(|_| ()), without_reason);
        assert_eq!(
            text(|facts| facts.director.interfaces[2].is_up = false),
            without_reason
        );
        assert_eq!(
            text(|facts| facts.director.interfaces[1].is_up = false).as_deref(),
            Some("The director has no route to 10.0.0.10: inner is down.")
        );
        assert_eq!(text(|facts| first(facts).route = Route::Refused), None);
    }

    #[test]
    fn it_is_asked_from_the_first_address_of_the_server_s_network_or_else_the_first() {
        let with = |spoil: fn(&mut Facts)| {
            let asks = the("asks-from-the-address", |facts| {
                forward_by(facts, ForwardingMethod::DirectRouting);
                let inner = &mut facts.director.interfaces[1].addresses;
                *inner = vec![
                    ("fe80::1".parse().unwrap(), 64),
                    ([192, 0, 2, 1].into(), 24),
                    ([192, 0, 2, 8].into(), 24),
                ];
                spoil(facts);
            });
            asks.map(|finding| finding.evidence)
        };
        let of_it = [
            ("asks_from", serde_json::json!("192.0.2.1")),
            ("servers", serde_json::json!(["10.0.0.10"])),
        ];
        assert_eq!(with(|_| ()).unwrap(), of_it);
        let tunnel: fn(&mut Facts) =
            |facts| forward_by(facts, ForwardingMethod::Tunnel(Encapsulation::Ipip));
        assert_eq!(with(tunnel).unwrap(), of_it);
        let masqueraded: fn(&mut Facts) = |facts| forward_by(facts, ForwardingMethod::Masquerading);
        let local: fn(&mut Facts) = |facts| forward_by(facts, ForwardingMethod::Local);
        let out_of_use: fn(&mut Facts) = |facts| first(facts).state.destination.weight = 0;
        let behind_a_router: fn(&mut Facts) = |facts| first(facts).route = through("10.0.0.254");
        let of_ipv6: fn(&mut Facts) = |facts| {
            first(facts).state.destination.identity.address = "fd00::10".parse().unwrap();
        };
        let after_another: fn(&mut Facts) =
            |facts| facts.director.interfaces[1].addresses.swap(1, 2);
        for spoil in [
            masqueraded,
            local,
            out_of_use,
            behind_a_router,
            of_ipv6,
            after_another,
        ] {
            assert_eq!(with(spoil), None);
        }
    }

    #[test]
    fn lost_clients_are_named_and_those_of_who_does_not_forward_are_not() {
        let with = |lost: &[([u8; 4], Route)], forwards| {
            the("clients-unrouted", |facts| {
                facts.director.interfaces[1].forwards_ipv4 = forwards;
                let lost = lost.iter();
                first(facts).lost_clients = lost
                    .map(|(client, route)| ((*client).into(), *route))
                    .collect();
            })
        };
        let (seven, nine) = ([198, 51, 100, 7], [198, 51, 100, 9]);
        let one = with(&[(nine, Route::Refused), (seven, Route::Nowhere)], true).unwrap();
        assert!(
            one.text
                .starts_with("The director has no route to 198.51.100.7, who waits for"),
            "{one:?}"
        );
        assert_eq!(
            one.evidence,
            [("clients", serde_json::json!(["198.51.100.7"]))]
        );
        assert_eq!(one.servers.len(), 1);
        let two = with(&[(nine, Route::Nowhere), (seven, Route::Nowhere)], true).unwrap();
        assert!(
            two.text.starts_with(
                "The director has no route to 198.51.100.7 and 198.51.100.9, who wait"
            ),
            "{two:?}"
        );
        assert_eq!(with(&[(nine, Route::Refused)], true), None);
        assert_eq!(with(&[(seven, Route::Nowhere)], false), None);
    }

    #[test]
    fn who_does_not_forward_is_told_by_family_and_counted_anew_where_nothing_was_answered() {
        let with = |spoil: fn(&mut Facts)| {
            let all = findings(|facts| {
                facts.director.interfaces[1].forwards_ipv4 = false;
                facts.director.settings.forwards_ipv6 = false;
                spoil(facts);
            });
            let all = all.into_iter().filter(|it| it.id == "forwarding-off");
            all.collect::<Vec<_>>()
        };
        let by_interface = "sysctl -w net/ipv4/conf/inner/forwarding=1";
        let [two] = &with(|_| ())[..] else {
            unreachable!()
        };
        assert!(
            two.text
                .ends_with("are dropped there: of 10.0.0.10 and 10.0.0.20."),
            "{two:?}"
        );
        assert_eq!(commands(two), [by_interface]);
        assert_eq!(
            two.evidence,
            [
                ("interface", serde_json::json!("inner")),
                ("servers", serde_json::json!(["10.0.0.10", "10.0.0.20"]))
            ]
        );
        assert!(two.service.is_some());
        let in_vain: fn(&mut Facts) = |facts| {
            for service in &mut facts.services {
                for server in &mut service.servers {
                    server.state.statistics.outgoing_packets = 0;
                }
            }
        };
        assert_eq!(
            commands(&with(in_vain)[0]),
            [by_interface, "ipvsadm -Z -t 192.0.2.1:80"]
        );
        let of_two_in_vain: fn(&mut Facts) = |facts| {
            first(facts).state.statistics.outgoing_packets = 0;
            let mut other = facts.services[0].clone();
            other.state.service.identity = identity("-t 192.0.2.1:443");
            facts.services.push(other);
        };
        let told = with(of_two_in_vain);
        assert_eq!(commands(&told[0]), [by_interface, "ipvsadm -Z"]);
        assert_eq!(told[0].service, None);
        assert_eq!(told[0].evidence, two.evidence);
        let by_ipv6: fn(&mut Facts) = |facts| {
            first(facts).state.destination.identity.address = "fd00::10".parse().unwrap();
        };
        let families = with(by_ipv6);
        let families: Vec<_> = families.iter().flat_map(commands).collect();
        assert_eq!(
            families,
            [by_interface, "sysctl -w net.ipv6.conf.all.forwarding=1"]
        );
    }

    #[test]
    fn on_lo_clients_of_the_director_alone_are_masqueraded() {
        let with = |spoil: fn(&mut Facts)| {
            the("loopback-masqueraded", |facts| {
                first(facts).state.destination.identity.address = [127, 0, 0, 5].into();
                first(facts).route = Route::Local;
                spoil(facts);
            })
        };
        let found = with(|_| ()).unwrap();
        assert_eq!(found.evidence, [("server", "127.0.0.5".into())]);
        let marked: fn(&mut Facts) = |facts| {
            facts.services[0].state.service.identity = identity("-f 7");
        };
        assert!(with(marked).is_some());
        let some_are_elsewhere: fn(&mut Facts) = |facts| {
            first(facts).traffic.waiting.addresses = [[10, 0, 0, 1].into()].into();
            first(facts).traffic.heard.addresses = [[10, 0, 0, 99].into()].into();
        };
        assert!(with(some_are_elsewhere).is_some());
        let all_are_here: fn(&mut Facts) = |facts| {
            first(facts).traffic.waiting.addresses = [[10, 0, 0, 1].into()].into();
            first(facts).traffic.heard.addresses = [[192, 0, 2, 1].into()].into();
        };
        let local: fn(&mut Facts) = |facts| forward_by(facts, ForwardingMethod::Local);
        let on_a_card: fn(&mut Facts) = |facts| {
            first(facts).state.destination.identity.address = [10, 0, 0, 1].into();
        };
        for spoil in [all_are_here, local, on_a_card] {
            assert_eq!(with(spoil), None);
        }
    }
}
