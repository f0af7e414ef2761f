//! Of what real servers answer, as far as the director sees it: by sockets, counters and
//! connections.

use std::net::IpAddr;

use crate::diagnose::facts::{Facts, Route, Server, Service, is_in};
use crate::diagnose::findings::{Basis, Claim, Finding};
use crate::diagnose::probe::{PortAnswer, Probed, WayBack};
use crate::model::{Change, ForwardingMethod, Protocol, ServiceIdentity};

use super::{
    about, counted, endpoint, forwards, ip, is_masqueraded, listed, name, servers_in_use, way_to,
    whole_length,
};

/// So many packets without an answer are no beginning any more.
const UNANSWERED_PACKETS: u64 = 10;
/// So many connections that are not opened are no accident.
const STUCK_CONNECTIONS: u64 = 5;

pub fn nobody_listens(facts: &Facts) -> Vec<Finding> {
    servers_in_use(facts)
        .filter(|(_, server)| server.listens == Some(false))
        .map(|(service, server)| {
            let place = match server.state.destination.forwarding_method {
                ForwardingMethod::Masquerading => endpoint(server.identity()),
                // The packet keeps the service's address.
                _ => name(service.identity()),
            };
            let text = format!(
                "{} is the director itself, and no socket here takes what comes for {place}.",
                server.identity().address
            );
            about(Basis::State, Claim::MayHinder, service, server, text).seen("socket", "none")
        })
        .collect()
}

pub fn client_beside_server(facts: &Facts) -> Vec<Finding> {
    servers_in_use(facts)
        .filter_map(|(service, server)| {
            let beside = clients_beside(facts, server);
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
            let finding = about(Basis::Traffic, Claim::Hinders, service, server, text).seen(
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
            let finding = beside.iter().take(4).fold(finding, |finding, client| {
                finding.there(format!(
                    "ip route replace {client}/{} via {source}",
                    whole_length(*client)
                ))
            });
            Some(match is_unanswered(server) {
                true => counted_anew(finding, service),
                false => finding,
            })
        })
        .collect()
}

/// The clients that wait for an answer of a masqueraded server, and are in its network. Where one
/// of that network is served, the server knows the way.
fn clients_beside(facts: &Facts, server: &Server) -> Vec<IpAddr> {
    let Some((way, interface)) = way_to(facts, server) else {
        return Vec::new();
    };
    if !is_masqueraded(server) || way.gateway.is_some() {
        return Vec::new();
    }
    let address = server.identity().address;
    let is_beside = |client: &&IpAddr| {
        !interface.has(**client)
            && interface.addresses.iter().any(|(own, length)| {
                is_in(address, *own, *length) && is_in(**client, *own, *length)
            })
    };
    let traffic = &server.traffic;
    if traffic
        .heard
        .addresses
        .iter()
        .any(|client| is_beside(&client))
    {
        return Vec::new();
    }
    traffic
        .waiting
        .addresses
        .iter()
        .filter(is_beside)
        .copied()
        .collect()
}

/// The director's address that a server would send its answers to.
fn source_to(facts: &Facts, server: &Server) -> Option<IpAddr> {
    let (way, interface) = way_to(facts, server)?;
    let address = server.identity().address;
    way.source.or_else(|| {
        let own = interface
            .addresses
            .iter()
            .find(|(own, length)| is_in(address, *own, *length));
        own.map(|(own, _)| *own)
    })
}

/// A server's default route through the director, where they share a network.
pub fn default_route(facts: &Facts, server: &Server) -> Option<String> {
    let (way, _) = way_to(facts, server)?;
    if way.gateway.is_some() {
        return None;
    }
    let source = source_to(facts, server)?;
    Some(format!("{} route replace default via {source}", ip(source)))
}

pub fn answers_elsewhere(facts: &Facts) -> Vec<Finding> {
    servers_in_use(facts)
        .filter(|(_, server)| {
            is_masqueraded(server)
                && matches!(server.route, Route::Out(_))
                && is_unanswered(server)
                && forwards(facts, server)
                && !comes_back(server)
        })
        .map(|(service, server)| {
            let incoming = server.state.statistics.incoming_packets;
            let address = server.identity().address;
            let text = format!(
                "{} went to {}, and none came back here: its answers leave by another way, or \
                 there are none.",
                counted(incoming, "packet"),
                endpoint(server.identity())
            );
            // Some protocols over UDP never answer, and a mark may be of such.
            let claim = match service.identity() {
                ServiceIdentity::Endpoint {
                    protocol: Protocol::Udp,
                    ..
                } => Claim::Informs,
                ServiceIdentity::FirewallMark { .. } => Claim::MayHinder,
                ServiceIdentity::Endpoint { .. } => Claim::Hinders,
            };
            let finding = about(Basis::Traffic, claim, service, server, text)
                .seen("incoming_packets", incoming)
                .seen("outgoing_packets", 0)
                .seen("server", address.to_string());
            match default_route(facts, server).filter(|_| claim != Claim::Informs) {
                Some(route) => counted_anew(finding.there(route), service),
                None => finding,
            }
        })
        .collect()
}

/// Whether enough packets went to a server to tell that none came back.
pub fn is_unanswered(server: &Server) -> bool {
    let counted = server.state.statistics;
    counted.incoming_packets >= UNANSWERED_PACKETS && counted.outgoing_packets == 0
}

/// Has the counters begin anew: what was not answered till now tells nothing of what comes.
fn counted_anew(finding: Finding, service: &Service) -> Finding {
    finding.by(&Change::Zero(Some(service.identity())))
}

/// Whether the probe has seen an answer come back.
fn comes_back(server: &Server) -> bool {
    matches!(
        server.probed,
        Some(Probed::Asked {
            way_back: Some(WayBack::Here),
            ..
        })
    )
}

pub fn handshake_stuck(facts: &Facts) -> Vec<Finding> {
    servers_in_use(facts)
        .filter(|(_, server)| {
            let traffic = &server.traffic;
            traffic.waiting.count >= STUCK_CONNECTIONS
                && traffic.waiting_since_heard == traffic.waiting.count
                && (!is_masqueraded(server) || forwards(facts, server))
                && !takes_connections_when_asked(server)
        })
        .map(|(service, server)| {
            let stuck = server.traffic.waiting.count;
            let why = why_stuck(service, server);
            let more = match facts.is_probed {
                true => "",
                false => " --probe may tell which.",
            };
            let text = format!(
                "{} to {} wait to be opened (SYN_RECV), and none is open: {why}.{more}",
                counted(stuck, "connection"),
                endpoint(server.identity())
            );
            about(Basis::Traffic, Claim::MayHinder, service, server, text)
                .seen("waiting", stuck)
                .seen("open", 0)
        })
        .collect()
}

/// Whether the probe had an answer, and saw it come back where it must.
fn takes_connections_when_asked(server: &Server) -> bool {
    match server.probed {
        Some(Probed::Asked {
            port: PortAnswer::Taken,
            way_back,
        }) => way_back.is_none_or(|way| way == WayBack::Here),
        _ => false,
    }
}

/// What keeps a connection from being opened, by the way that packets take.
fn why_stuck(service: &Service, server: &Server) -> String {
    let address = match service.virtual_address() {
        Some(address) => address.to_string(),
        None => "the service's address".to_owned(),
    };
    match server.state.destination.forwarding_method {
        ForwardingMethod::Masquerading => {
            "the server is silent, or its answers do not come back through the director".to_owned()
        }
        ForwardingMethod::DirectRouting => format!(
            "the server lacks {address}, nobody listens there, or its answers do not reach the \
             clients"
        ),
        ForwardingMethod::Tunnel(_) => format!(
            "the server does not unpack the tunnel or drops what came in it (rp_filter), lacks \
             {address}, or its answers do not reach the clients"
        ),
        ForwardingMethod::Local => "nobody takes them here".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnose::checks::samples::{
        NONE, asked, commands, endpoint, findings, first, found, keep_waiting,
    };
    use crate::diagnose::findings::Level;

    #[test]
    fn a_local_server_needs_a_socket() {
        let with = |listens| {
            found(|facts| {
                first(facts).route = Route::Local;
                first(facts).listens = listens;
            })
        };
        assert_eq!(with(Some(false)), [("nobody-listens", Level::Risk)]);
        assert_eq!(with(Some(true)), NONE);
        assert_eq!(with(None), NONE);
    }

    fn unanswered(facts: &mut Facts) {
        first(facts).state.statistics.outgoing_packets = 0;
    }

    #[test]
    fn packets_without_answers_lead_to_the_server_s_gateway() {
        let findings = findings(unanswered);
        assert_eq!(findings.len(), 1, "{findings:?}");
        assert_eq!(findings[0].id, "answers-elsewhere");
        assert_eq!(
            commands(&findings[0]),
            [
                "ip route replace default via 10.0.0.1",
                "ipvsadm -Z -t 192.0.2.1:80"
            ]
        );
        let few = found(|facts| {
            unanswered(facts);
            first(facts).state.statistics.incoming_packets = UNANSWERED_PACKETS - 1;
        });
        assert_eq!(few, NONE);
        let routed = found(|facts| {
            unanswered(facts);
            first(facts).state.destination.forwarding_method = ForwardingMethod::DirectRouting;
        });
        assert_eq!(routed, NONE);
        let seen_to_come_back = found(|facts| {
            unanswered(facts);
            first(facts).probed = asked(PortAnswer::Taken, Some(WayBack::Here));
        });
        assert_eq!(seen_to_come_back, NONE);
    }

    #[test]
    fn what_never_answers_is_no_fault_of_udp() {
        let udp = found(|facts| {
            unanswered(facts);
            facts.services[0].state.service.identity = endpoint("-u 192.0.2.1:514");
        });
        assert_eq!(udp, [("answers-elsewhere", Level::Note)]);
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
    fn connections_that_are_not_opened_are_a_risk_that_faults_explain() {
        let spoil = |facts: &mut Facts| {
            first(facts).state.destination.forwarding_method = ForwardingMethod::DirectRouting;
            keep_waiting(first(facts), 5);
        };
        assert_eq!(found(spoil), [("handshake-stuck", Level::Fault)]);
        let with_a_cause = found(|facts| {
            spoil(facts);
            first(facts).route = Route::Nowhere;
        });
        assert_eq!(with_a_cause, [("no-route", Level::Fault)]);
        let of_another_server = found(|facts| {
            spoil(facts);
            facts.services[0].servers[1].route = Route::Nowhere;
        });
        assert_eq!(
            of_another_server,
            [("no-route", Level::Risk), ("handshake-stuck", Level::Fault)]
        );
        let few = found(|facts| {
            spoil(facts);
            keep_waiting(first(facts), 4);
        });
        assert_eq!(few, NONE);
    }
}
