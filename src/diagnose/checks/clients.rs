//! Checks of clients whose place keeps them from being answered.

#![forbid(unsafe_code)]

use std::net::IpAddr;

use crate::diagnose::facts::{Facts, Route, Server, Service, is_in, whole_length};
use crate::diagnose::findings::{Basis, Claim, Finding};
use crate::diagnose::ladder::has_answered_nothing;

use super::answers::{counted_anew, source_to};
use super::{about, listed, servers_in_use, way_to};

/// The most clients for which a route is written out; the evidence has all of them.
const MOST_ROUTES: usize = 4;

pub fn client_beside_server(facts: &Facts) -> Vec<Finding> {
    servers_in_use(facts)
        .filter_map(|(service, server)| {
            let beside = clients_beside(facts, service, server);
            let (client, source) = (beside.first()?, source_to(facts, server)?);
            let address = server.identity().address;
            let (_, interface) = way_to(facts, server)?;
            let text = format!(
                "{} in the network of {address}, which answers past the director, from an \
                 address that was not asked: the client drops that.",
                match beside.len() {
                    1 => format!("The client {client} is"),
                    _ => format!("The clients {} are", listed(&beside)),
                }
            );
            // With entries of the firewall, it may translate the source, so that the server answers
            // the director.
            let claim = match facts.director.settings.conntrack {
                true => Claim::Informs,
                false => Claim::Hinders,
            };
            let finding = about(Basis::Traffic, claim, service, server, text).seen(
                "clients",
                beside.iter().map(ToString::to_string).collect::<Vec<_>>(),
            );
            // Else the director itself would tell the server of the shorter way.
            let finding = match address {
                IpAddr::V4(_) => finding
                    .by_setting("net.ipv4.conf.all.send_redirects", 0)
                    .by_setting(
                        &format!("net/ipv4/conf/{}/send_redirects", interface.name),
                        0,
                    ),
                IpAddr::V6(_) => finding,
            };
            let finding = beside
                .iter()
                .take(MOST_ROUTES)
                .fold(finding, |finding, client| {
                    finding.there(format!(
                        "ip route replace {client}/{} via {source}",
                        whole_length(*client)
                    ))
                });
            Some(match has_answered_nothing(service, server) {
                true => counted_anew(finding, service),
                false => finding,
            })
        })
        .collect()
}

/// Returns the clients that wait for a masqueraded server and are in its network. Where one of that
/// network is served, by this server or another, answers find their way.
fn clients_beside(facts: &Facts, service: &Service, server: &Server) -> Vec<IpAddr> {
    let Some((way, interface)) = way_to(facts, server) else {
        return Vec::new();
    };
    if !server.is_masqueraded() || way.gateway.is_some() {
        return Vec::new();
    }
    let address = server.identity().address;
    let is_beside = |client: &&IpAddr| {
        !facts.director.has(**client)
            && **client != address
            && interface.addresses.iter().any(|(own, length)| {
                is_in(address, *own, *length) && is_in(**client, *own, *length)
            })
    };
    let mut heard = service
        .servers
        .iter()
        .filter(|other| other.is_masqueraded())
        .flat_map(|server| &server.traffic.heard.addresses);
    if heard.any(|client| is_beside(&client)) {
        return Vec::new();
    }
    let waiting = &server.traffic.waiting.addresses;
    waiting.iter().filter(is_beside).copied().collect()
}

/// With direct routing and tunnels, the director is no client: what it asks from the service's
/// address the servers drop, since they have that, too, and an answer from there it drops itself.
pub fn client_on_director(facts: &Facts) -> Vec<Finding> {
    servers_in_use(facts)
        .filter(|(_, server)| !server.is_masqueraded() && server.route != Route::Local)
        .filter_map(|(service, server)| {
            let waiting = &server.traffic.waiting.addresses;
            let address = service.virtual_address();
            let mut own = waiting.iter().filter(|client| facts.director.has(**client));
            let client = own.next()?;
            let why = match Some(*client) == address {
                true => "the servers have that address, too, and drop what comes from it",
                false => {
                    "the answers come from an address that is the director's own, so that it \
                          drops them"
                }
            };
            let text = format!(
                "A client on the director itself, {client}, waits: {why}. Other clients are not \
                 touched by that."
            );
            Some((service, client, text))
        })
        .fold(
            Vec::new(),
            |mut findings: Vec<Finding>, (service, client, text)| {
                let is_said = |finding: &Finding| finding.service == Some(service.identity());
                if !findings.iter().any(is_said) {
                    findings.push(
                        Finding::new(Basis::Traffic, Claim::Hinders, text)
                            .about(service.identity())
                            .seen("client", client.to_string()),
                    );
                }
                findings
            },
        )
}

/// A masqueraded server that is sent to itself sees its own address as the client's, and answers
/// itself.
pub fn server_is_client(facts: &Facts) -> Vec<Finding> {
    servers_in_use(facts)
        .filter(|(_, server)| {
            let waiting = &server.traffic.waiting.addresses;
            server.is_masqueraded()
                && server.route != Route::Local
                && waiting.contains(&server.identity().address)
        })
        .map(|(service, server)| {
            let address = server.identity().address;
            let text = format!(
                "{address} is a client of this service, and was sent to itself: source and \
                 destination are one, and no route changes that. It may ask its own program at \
                 once, or another service without itself."
            );
            about(Basis::Traffic, Claim::Hinders, service, server, text)
                .seen("client", address.to_string())
        })
        .collect()
}

/// So many packets of a connection that is not opened are more than a client repeats.
const PACKETS_IN_A_CIRCLE: u64 = 20;

/// Two directors that are each other's servers hand packets to and fro until they are too old.
pub fn sent_in_circles(facts: &Facts) -> Vec<Finding> {
    let find = |(service, server): (&Service, &Server)| {
        let (packets, connections) = circled(server)?;
        let address = server.identity().address;
        let text = format!(
            "{} of {} went to {address}, and none was opened: {address} sends them back, as \
             another director does that has this one among its servers.",
            super::counted(packets, "packet"),
            super::counted(connections, "connection"),
        );
        Some(
            about(Basis::Traffic, Claim::Hinders, service, server, text)
                .seen("incoming_packets", packets)
                .seen("connections", connections),
        )
    };
    servers_in_use(facts).filter_map(find).collect()
}

/// Returns the packets and connections that went to and fro, if there are more of those than clients
/// send who wait. Counters tell that of connections that are all still there, or as far as they grow:
/// what is over may have been opened, and carried much.
fn circled(server: &Server) -> Option<(u64, u64)> {
    let counted = &server.state.statistics;
    let traffic = &server.traffic;
    let waits = traffic.waiting_in_vain() > 0 && traffic.heard.count == 0;
    if server.is_masqueraded() || server.route == Route::Local || !waits {
        return None;
    }
    let are_all_there = counted.connections <= u64::from(server.state.active_connections);
    if are_all_there {
        let (packets, connections) = (counted.incoming_packets, counted.connections);
        let is_circled = connections > 0 && packets >= PACKETS_IN_A_CIRCLE * connections;
        return is_circled.then_some((packets, connections));
    }
    // In half a second, who waits sends a packet at most, and who comes one more.
    let growth = &traffic.growth;
    let sent = u64::from(server.state.active_connections) + growth.connections;
    let is_circled = growth.incoming_packets >= PACKETS_IN_A_CIRCLE + sent;
    is_circled.then_some((growth.incoming_packets, sent))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnose::checks::samples::{
        NONE, commands, findings, first, forward_by, found, identity, keep_waiting,
    };
    use crate::diagnose::findings::Level;
    use crate::model::ForwardingMethod;

    fn unanswered(facts: &mut Facts) {
        first(facts).state.statistics.outgoing_packets = 0;
    }

    #[test]
    fn a_client_beside_its_server_explains_why_no_answer_comes() {
        let spoil = |facts: &mut Facts| {
            unanswered(facts);
            first(facts).traffic.waiting.count = 6;
            first(facts).traffic.waiting.addresses =
                [[10, 0, 0, 99].into(), [192, 0, 2, 9].into()].into();
        };
        let beside = findings(spoil);
        assert_eq!(beside.len(), 1, "{beside:?}");
        assert_eq!(beside[0].id, "client-beside-server");
        assert!(
            commands(&beside[0]).contains(&"ip route replace 10.0.0.99/32 via 10.0.0.1"),
            "{beside:?}"
        );
        let served = found(|facts| {
            spoil(facts);
            first(facts).state.statistics.outgoing_packets = 4;
            first(facts).traffic.heard.count = 1;
            first(facts).traffic.heard.addresses = [[10, 0, 0, 98].into()].into();
        });
        assert_eq!(served, NONE);
    }

    #[test]
    fn a_source_that_is_translated_makes_it_a_note() {
        let found = found(|facts| {
            facts.director.settings.conntrack = true;
            keep_waiting(first(facts), 2);
            first(facts).traffic.waiting.addresses = [[10, 0, 0, 99].into()].into();
        });
        let note = |id| (id, Level::Note);
        assert_eq!(found, ["client-beside-server", "handshake-stuck"].map(note));
    }

    #[test]
    fn the_director_is_no_client_of_directly_routed_servers() {
        let with = |client: [u8; 4]| {
            found(|facts| {
                forward_by(facts, ForwardingMethod::DirectRouting);
                for server in &mut facts.services[0].servers {
                    keep_waiting(server, 6);
                    server.traffic.waiting.addresses = [client.into()].into();
                }
            })
        };
        assert_eq!(with([192, 0, 2, 1]), [("client-on-director", Level::Fault)]);
        assert!(
            with([192, 0, 2, 9])
                .iter()
                .all(|(id, _)| *id == "handshake-stuck")
        );
    }

    #[test]
    fn a_server_that_is_sent_to_itself_waits_for_ever() {
        let with = |client: [u8; 4]| {
            found(|facts| {
                keep_waiting(first(facts), 2);
                first(facts).traffic.waiting.addresses = [client.into()].into();
            })
        };
        assert_eq!(with([10, 0, 0, 10]), [("server-is-client", Level::Fault)]);
        assert_eq!(with([198, 51, 100, 9]), [("handshake-stuck", Level::Note)]);
    }

    #[test]
    fn packets_that_come_again_and_again_run_in_circles() {
        let with = |packets| {
            found(|facts| {
                forward_by(facts, ForwardingMethod::DirectRouting);
                let server = first(facts);
                keep_waiting(server, 5);
                server.state.active_connections = 5;
                server.state.statistics.connections = 5;
                server.state.statistics.incoming_packets = packets;
            })
        };
        assert_eq!(with(100), [("sent-in-circles", Level::Fault)]);
        assert_eq!(with(99), [("handshake-stuck", Level::Fault)]);
    }

    #[test]
    fn what_those_carried_that_are_over_runs_in_no_circle_unless_it_grows() {
        let with = |connections, packets| {
            found(|facts| {
                forward_by(facts, ForwardingMethod::DirectRouting);
                let server = first(facts);
                keep_waiting(server, 5);
                server.state.active_connections = 5;
                server.state.statistics.connections = 6;
                server.state.statistics.incoming_packets = 9000;
                server.traffic.growth.connections = connections;
                server.traffic.growth.incoming_packets = packets;
            })
        };
        let stuck = [("handshake-stuck", Level::Fault)];
        assert_eq!(with(0, 0), stuck);
        assert_eq!(with(0, 24), stuck);
        assert_eq!(with(0, 25), [("sent-in-circles", Level::Fault)]);
        assert_eq!(with(7, 31), stuck);
        assert_eq!(with(7, 32), [("sent-in-circles", Level::Fault)]);
    }

    #[test]
    fn clients_are_beside_a_server_in_its_own_network_where_none_of_that_is_served() {
        let with = |clients: &[[u8; 4]], spoil: fn(&mut Facts)| {
            let all = findings(|facts| {
                facts.services[0].servers[1].state.destination.weight = 3;
                keep_waiting(first(facts), 4);
                let clients = clients.iter().map(|client| IpAddr::from(*client));
                first(facts).traffic.waiting.addresses = clients.collect();
                spoil(facts);
            });
            let mut beside = all
                .into_iter()
                .filter(|finding| finding.id == "client-beside-server");
            beside.next()
        };
        let one = with(&[[10, 0, 0, 99]], |_| ()).unwrap();
        assert!(
            one.text
                .starts_with("The client 10.0.0.99 is in the network of 10.0.0.10,"),
            "{one:?}"
        );
        assert_eq!(
            commands(&one),
            [
                "sysctl -w net.ipv4.conf.all.send_redirects=0",
                "sysctl -w net/ipv4/conf/inner/send_redirects=0",
                "ip route replace 10.0.0.99/32 via 10.0.0.1",
            ]
        );
        let five = [95, 96, 97, 98, 99].map(|last| [10, 0, 0, last]);
        let five = with(&five, unanswered).unwrap();
        assert!(
            five.text.starts_with(
                "The clients 10.0.0.95, 10.0.0.96, 10.0.0.97 and 2 more are in the network"
            ),
            "{five:?}"
        );
        assert_eq!(
            commands(&five)[2..],
            [
                "ip route replace 10.0.0.95/32 via 10.0.0.1",
                "ip route replace 10.0.0.96/32 via 10.0.0.1",
                "ip route replace 10.0.0.97/32 via 10.0.0.1",
                "ip route replace 10.0.0.98/32 via 10.0.0.1",
                "ipvsadm -Z -t 192.0.2.1:80",
            ]
        );
        assert_eq!(
            five.evidence,
            [(
                "clients",
                serde_json::json!([
                    "10.0.0.95",
                    "10.0.0.96",
                    "10.0.0.97",
                    "10.0.0.98",
                    "10.0.0.99"
                ])
            )]
        );
        for elsewhere in [
            [10, 0, 1, 99],
            [10, 0, 0, 1],
            [10, 0, 0, 10],
            [192, 0, 2, 9],
        ] {
            assert_eq!(with(&[elsewhere], |_| ()), None, "{elsewhere:?}");
        }
        let behind_a_router: fn(&mut Facts) = |facts| {
            let Route::Out(way) = &mut first(facts).route else {
                unreachable!()
            };
            way.gateway = Some([10, 0, 0, 254].into());
        };
        let outside_the_network: fn(&mut Facts) = |facts| {
            first(facts).state.destination.identity.address = [10, 0, 7, 10].into();
        };
        let routed: fn(&mut Facts) = |facts| forward_by(facts, ForwardingMethod::DirectRouting);
        let another_is_served: fn(&mut Facts) = |facts| hear_one(&mut facts.services[0].servers[1]);
        for spoil in [
            behind_a_router,
            outside_the_network,
            routed,
            another_is_served,
        ] {
            assert_eq!(with(&[[10, 0, 0, 99]], spoil), None);
        }
        let another_is_served_past_the_director: fn(&mut Facts) = |facts| {
            let other = &mut facts.services[0].servers[1];
            hear_one(other);
            other.state.destination.forwarding_method = ForwardingMethod::DirectRouting;
        };
        assert!(with(&[[10, 0, 0, 99]], another_is_served_past_the_director).is_some());
    }

    /// Makes a client in the inner network heard to go on.
    fn hear_one(server: &mut Server) {
        server.traffic.heard.count = 1;
        server.traffic.heard.addresses = [[10, 0, 0, 98].into()].into();
    }

    #[test]
    fn beside_a_server_of_ipv6_there_is_no_redirect_to_forbid() {
        let all = findings(|facts| {
            let [server, client, own] = ["fd00::10", "fd00::99", "fd00::1"]
                .map(|address| address.parse::<IpAddr>().unwrap());
            facts.director.interfaces[1].addresses = vec![(own, 64)];
            keep_waiting(first(facts), 4);
            first(facts).state.destination.identity.address = server;
            let Route::Out(way) = &mut first(facts).route else {
                unreachable!()
            };
            way.source = Some(own);
            first(facts).traffic.waiting.addresses = [client].into();
        });
        let mut beside = all.iter().filter(|it| it.id == "client-beside-server");
        assert_eq!(
            commands(beside.next().unwrap()),
            ["ip route replace fd00::99/128 via fd00::1"]
        );
    }

    #[test]
    fn a_client_on_the_director_is_told_of_once_a_service_and_why_it_waits() {
        let texts = |client: [u8; 4], spoil: fn(&mut Facts)| -> Vec<String> {
            let all = findings(|facts| {
                let mut other = facts.services[0].clone();
                other.state.service.identity = identity("-t 192.0.2.1:443");
                facts.services.push(other);
                for service in &mut facts.services {
                    for server in &mut service.servers {
                        let method = ForwardingMethod::DirectRouting;
                        server.state.destination.forwarding_method = method;
                        server.traffic.waiting.addresses = [client.into()].into();
                    }
                }
                spoil(facts);
            });
            let found = all.into_iter().filter(|it| it.id == "client-on-director");
            found.map(|finding| finding.text).collect()
        };
        let of_the_address = texts([192, 0, 2, 1], |_| ());
        assert_eq!(of_the_address.len(), 2, "{of_the_address:?}");
        assert!(
            of_the_address[0].contains(
                ", 192.0.2.1, waits: the servers have that address, too, and drop what comes from"
            ),
            "{of_the_address:?}"
        );
        let of_another = texts([10, 0, 0, 1], |_| ());
        assert!(
            of_another[1].contains(", 10.0.0.1, waits: the answers come from an address that"),
            "{of_another:?}"
        );
        let masqueraded: fn(&mut Facts) = |facts| {
            facts.services.truncate(1);
            forward_by(facts, ForwardingMethod::Masquerading);
        };
        let local: fn(&mut Facts) = |facts| {
            facts.services.truncate(1);
            for server in &mut facts.services[0].servers {
                server.route = Route::Local;
            }
        };
        for spoil in [masqueraded, local] {
            assert_eq!(texts([192, 0, 2, 1], spoil), [""; 0]);
        }
    }

    #[test]
    fn only_a_masqueraded_machine_elsewhere_is_sent_to_itself() {
        let with = |spoil: fn(&mut Server)| {
            let all = found(|facts| {
                keep_waiting(first(facts), 2);
                first(facts).traffic.waiting.addresses = [[10, 0, 0, 10].into()].into();
                spoil(first(facts));
            });
            all.iter().any(|(id, _)| *id == "server-is-client")
        };
        assert!(with(|_| ()));
        assert!(!with(|server| server.route = Route::Local));
        assert!(!with(|server| {
            server.state.destination.forwarding_method = ForwardingMethod::DirectRouting;
        }));
    }

    #[test]
    fn nothing_runs_in_circles_where_one_is_opened_or_nobody_waits() {
        let with = |spoil: fn(&mut Server)| {
            let all = findings(|facts| {
                forward_by(facts, ForwardingMethod::DirectRouting);
                let server = first(facts);
                server.traffic.waiting_since_heard = 1;
                server.state.active_connections = 3;
                server.state.statistics.connections = 3;
                server.state.statistics.incoming_packets = 64;
                spoil(server);
            });
            let mut circles = all.into_iter().filter(|it| it.id == "sent-in-circles");
            circles.next()
        };
        let circle = with(|_| ()).unwrap();
        assert!(
            circle
                .text
                .starts_with("64 packets of 3 connections went to 10.0.0.10,"),
            "{circle:?}"
        );
        assert_eq!(
            circle.evidence,
            [("incoming_packets", 64.into()), ("connections", 3.into())]
        );
        let nobody_waits: fn(&mut Server) = |server| server.traffic.waiting_since_heard = 0;
        let one_is_heard: fn(&mut Server) = |server| server.traffic.heard.count = 1;
        let none_is_counted: fn(&mut Server) = |server| server.state.statistics.connections = 0;
        let local: fn(&mut Server) = |server| server.route = Route::Local;
        let masqueraded: fn(&mut Server) = |server| {
            server.state.destination.forwarding_method = ForwardingMethod::Masquerading;
        };
        for spoil in [
            nobody_waits,
            one_is_heard,
            none_is_counted,
            local,
            masqueraded,
        ] {
            assert_eq!(with(spoil), None);
        }
    }
}
