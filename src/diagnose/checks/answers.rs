//! Checks of what real servers answer, as far as the director sees it: by sockets, counters and
//! connections.

#![forbid(unsafe_code)]

use std::net::IpAddr;

use crate::diagnose::facts::{Facts, Route, Server, Service, is_in};
use crate::diagnose::findings::{Basis, Claim, Finding};
use crate::diagnose::ladder::{
    WAITING_IN_VAIN, counts_no_answer, has_answered_nothing, has_turned_all_away,
};
use crate::diagnose::probe::{PortAnswer, Probed, WayBack};
use crate::model::{Change, ForwardingMethod, Protocol, ServiceIdentity};

use super::{about, counted, endpoint, forwards, ip, listed, name, servers_in_use, way_to};

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

/// The director's address that a server would send its answers to.
pub fn source_to(facts: &Facts, server: &Server) -> Option<IpAddr> {
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

/// Leaves out servers whose clients wait before anything was asked: answers may be held here. That
/// is left to `handshake-stuck`.
pub fn answers_elsewhere(facts: &Facts) -> Vec<Finding> {
    servers_in_use(facts)
        .filter(|(service, server)| {
            let traffic = &server.traffic;
            server.is_masqueraded()
                && matches!(server.route, Route::Out(_))
                && !service.state.service.one_packet
                && has_no_answer(service, server)
                && traffic.heard.count == 0
                && (traffic.waiting.count == 0 || takes_connections(server))
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
                _ if is_of_datagrams(service, server) => Claim::Informs,
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

/// Returns true where none came back of enough packets for what is said of them.
fn has_no_answer(service: &Service, server: &Server) -> bool {
    let counted = &server.state.statistics;
    match is_of_datagrams(service, server) {
        true => counted.incoming_packets > 0 && counted.outgoing_packets == 0,
        false => counts_no_answer(server),
    }
}

/// Returns true for a service of UDP, and where a mark's server has had datagrams, and nobody waits.
fn is_of_datagrams(service: &Service, server: &Server) -> bool {
    let traffic = &server.traffic;
    match service.identity() {
        ServiceIdentity::Endpoint { protocol, .. } => protocol == Protocol::Udp,
        ServiceIdentity::FirewallMark { .. } => traffic.datagrams > 0 && traffic.waiting.count == 0,
    }
}

/// Counters show it without a question: services of a mark, of all ports and of SCTP cannot be asked.
pub fn port_refused(facts: &Facts) -> Vec<Finding> {
    servers_in_use(facts)
        .filter(|(service, server)| has_turned_all_away(service, server))
        // Those that were heard are told of by themselves.
        .filter(|(_, server)| server.traffic.attempts.refused == 0)
        .map(|(service, server)| {
            let count = server.state.statistics.connections;
            let text = format!(
                "{} to {}, and no client sent more than its first packet: usually, nobody listens \
                 there, and the server turns them away.",
                counted(count, "connection"),
                endpoint(server.identity())
            );
            let finding = about(Basis::Traffic, Claim::Hinders, service, server, text);
            counted_anew(finding.seen("connections", count), service)
        })
        .collect()
}

/// Adds the command that zeroes the counters: what went unanswered so far says nothing of what
/// comes.
pub fn counted_anew(finding: Finding, service: &Service) -> Finding {
    finding.by(&Change::Zero(Some(service.identity())))
}

/// The probe's answer comes back here, and the clients' do not get out again.
pub fn answer_held(facts: &Facts) -> Vec<Finding> {
    servers_in_use(facts)
        .filter(|(service, server)| {
            server.is_masqueraded()
                && comes_back(server)
                && takes_connections(server)
                && !has_client_here(facts, server)
                && (server.traffic.waiting_in_vain() >= WAITING_IN_VAIN
                    || has_answered_nothing(service, server))
        })
        .map(|(service, server)| {
            let text = format!(
                "{} answers, and its answers to an address elsewhere come back here, but clients \
                 get none: this director's firewall holds them (FORWARD) or what clients send \
                 (INPUT, OUTPUT), the server has another way to these clients, or it has just come back.",
                endpoint(server.identity())
            );
            about(Basis::Probe, Claim::Suspects, service, server, text)
                .seen("answers_come_back", true)
        })
        .collect()
}

/// Returns true if some client that waits is the director itself: its answers are not forwarded.
fn has_client_here(facts: &Facts, server: &Server) -> bool {
    let waiting = &server.traffic.waiting.addresses;
    waiting.iter().any(|client| facts.director.has(*client))
}

/// Returns true if the probe has seen an answer come back.
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
            traffic.waiting_since_heard > 0
                // Connections may be left from before those that were listened to.
                && traffic.attempts.served == 0
                && (!server.is_masqueraded() || forwards(facts, server))
        })
        .map(|(service, server)| {
            let in_vain = server.traffic.waiting_in_vain();
            if in_vain == 0 {
                return half_open_checks(service, server);
            }
            // A few may be clients that are gone, or far away.
            let claim = match in_vain >= WAITING_IN_VAIN {
                true => Claim::MayHinder,
                false => Claim::Informs,
            };
            let why = match comes_back(server) && takes_connections(server) {
                true => ", although the server answers the probe".to_owned(),
                false => format!(": {}", why_stuck(service, server)),
            };
            let more = match facts.is_probed {
                true => "",
                false => " --probe may tell which.",
            };
            let text = format!(
                "{} to {} {} to be opened ({}), and none was opened since{why}.{more}",
                counted(in_vain, "connection"),
                endpoint(server.identity()),
                if in_vain == 1 { "waits" } else { "wait" },
                state_of_who_waits(service),
            );
            about(Basis::Traffic, claim, service, server, text)
                .seen("waiting", in_vain)
                .seen("open", server.traffic.open)
        })
        .collect()
}

/// Notes half-open connections that health checks may have left: to the kernel, a client that resets
/// the answer waits as one does that gets none.
fn half_open_checks(service: &Service, server: &Server) -> Finding {
    let waiting = server.traffic.waiting_since_heard;
    let clients: Vec<_> = server.traffic.waiting.addresses.iter().collect();
    let text = format!(
        "{} of {} to {} wait to be opened ({}), begun one after the other: so do health checks \
         that reset what they are answered. --listen tells whether they are answered.",
        counted(waiting, "connection"),
        listed(&clients),
        endpoint(server.identity()),
        state_of_who_waits(service),
    );
    about(Basis::Traffic, Claim::Informs, service, server, text).seen("waiting", waiting)
}

/// Returns the kernel's name for the state of a connection whose handshake is not over.
fn state_of_who_waits(service: &Service) -> &'static str {
    match service.identity() {
        ServiceIdentity::Endpoint {
            protocol: Protocol::Sctp,
            ..
        } => "INIT or further",
        _ => "SYN_RECV",
    }
}

/// Returns true if the server took the probe's connection.
fn takes_connections(server: &Server) -> bool {
    matches!(
        server.probed,
        Some(Probed::Asked {
            port: PortAnswer::Taken,
            ..
        })
    )
}

/// Returns what keeps a connection from being opened, by forwarding method.
fn why_stuck(service: &Service, server: &Server) -> String {
    let address = match service.virtual_address() {
        Some(address) => address.to_string(),
        None => "the service's address".to_owned(),
    };
    match server.state.destination.forwarding_method {
        ForwardingMethod::Masquerading => "the server is silent, its answers do not come back \
             through the director, or the director's firewall holds what clients or \
             server send"
            .to_owned(),
        ForwardingMethod::DirectRouting => format!(
            "the server lacks {address}, nobody listens there, its answers do not reach the \
             clients, or the director's firewall holds what they send"
        ),
        ForwardingMethod::Tunnel(_) => format!(
            "the server does not unpack the tunnel or drops what came in it (rp_filter), lacks \
             {address}, its answers do not reach the clients, or the director's firewall holds what \
             they send"
        ),
        ForwardingMethod::Local => "nobody takes them here".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnose::checks::samples::{
        NONE, asked, commands, findings, first, forward_by, found, identity, keep_waiting,
    };
    use crate::diagnose::findings::Level;
    use crate::model::Encapsulation;

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
        let place = |method| {
            let findings = findings(|facts| {
                facts.services[0].state.service.identity = identity("-t 192.0.2.1:443");
                first(facts).state.destination.forwarding_method = method;
                first(facts).route = Route::Local;
                first(facts).listens = Some(false);
            });
            let (_, rest) = findings[0].text.split_once(" what comes for ").unwrap();
            let (place, _) = rest.split_once(". ").unwrap();
            place.to_owned()
        };
        assert_eq!(place(ForwardingMethod::Masquerading), "10.0.0.10:80");
        assert_eq!(place(ForwardingMethod::DirectRouting), "192.0.2.1:443");
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
            first(facts).state.statistics.incoming_packets = 9;
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
        assert_eq!(seen_to_come_back, [("answer-held", Level::Risk)]);
    }

    #[test]
    fn a_server_that_answers_the_probe_is_not_said_to_be_silent() {
        let text = |way_back| {
            let findings = findings(|facts| {
                unanswered(facts);
                keep_waiting(first(facts), 5);
                facts.is_probed = true;
                first(facts).probed = asked(PortAnswer::Taken, way_back);
            });
            let mut stuck = findings
                .iter()
                .filter(|found| found.id == "handshake-stuck");
            stuck.next().map(|found| found.text.contains("is silent"))
        };
        assert_eq!(text(Some(WayBack::Here)), Some(false));
        assert_eq!(text(None), None, "answers-elsewhere says it");
    }

    #[test]
    fn what_never_answers_is_no_fault_of_udp() {
        let udp = found(|facts| {
            unanswered(facts);
            facts.services[0].state.service.identity = identity("-u 192.0.2.1:514");
        });
        assert_eq!(udp, [("answers-elsewhere", Level::Note)]);
    }

    #[test]
    fn a_mark_may_be_of_what_never_answers_where_its_connections_show_it() {
        let of_mark = |datagrams, waiting| {
            found(|facts| {
                unanswered(facts);
                facts.services[0].state.service.identity = identity("-f 7");
                first(facts).traffic.heard.count = 0;
                first(facts).traffic.datagrams = datagrams;
                first(facts).traffic.waiting.count = waiting;
                if waiting > 0 {
                    first(facts).probed = asked(PortAnswer::Taken, None);
                }
            })
        };
        assert_eq!(of_mark(12, 0), [("answers-elsewhere", Level::Note)]);
        assert_eq!(of_mark(0, 0), [("answers-elsewhere", Level::Risk)]);
        assert_eq!(of_mark(12, 1), [("answers-elsewhere", Level::Risk)]);
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
        assert_eq!(few, [("handshake-stuck", Level::Note)]);
        let checked = found(|facts| {
            spoil(facts);
            first(facts).traffic.waiting_like_checks = 1;
        });
        assert_eq!(checked, [("handshake-stuck", Level::Note)]);
        let seldom_checked = found(|facts| {
            spoil(facts);
            keep_waiting(first(facts), 2);
            first(facts).traffic.waiting_like_checks = 2;
        });
        assert_eq!(seldom_checked, [("handshake-stuck", Level::Note)]);
        let left_from_before = found(|facts| {
            spoil(facts);
            first(facts).traffic.attempts.served = 1;
        });
        assert_eq!(left_from_before, NONE);
    }

    #[test]
    fn why_connections_are_not_opened_hangs_on_the_forwarding_method() {
        let text = |words: &str, method, is_probed| {
            let findings = findings(|facts| {
                facts.services[0].state.service.identity = identity(words);
                forward_by(facts, method);
                facts.services[0].servers.truncate(1);
                facts.is_probed = is_probed;
                keep_waiting(first(facts), 6);
                first(facts).traffic.open = 4;
            });
            let mut stuck = findings.iter().filter(|it| it.id == "handshake-stuck");
            let stuck = stuck.next().unwrap();
            assert_eq!(stuck.evidence, [("waiting", 6.into()), ("open", 4.into())]);
            stuck.text.clone()
        };
        let tunnel = ForwardingMethod::Tunnel(Encapsulation::Ipip);
        for (words, method, why) in [
            (
                "-t 192.0.2.1:80",
                ForwardingMethod::Masquerading,
                "since: the server is silent, its answers do not come back",
            ),
            (
                "-t 192.0.2.1:80",
                ForwardingMethod::DirectRouting,
                "since: the server lacks 192.0.2.1, nobody listens",
            ),
            (
                "-f 7",
                ForwardingMethod::DirectRouting,
                "since: the server lacks the service's address, nobody listens",
            ),
            (
                "-t 192.0.2.1:80",
                tunnel,
                "since: the server does not unpack the tunnel or drops what came in it \
                 (rp_filter), lacks 192.0.2.1,",
            ),
            (
                "-t 192.0.2.1:80",
                ForwardingMethod::Local,
                "since: nobody takes them here.",
            ),
        ] {
            let unasked = text(words, method, false);
            assert!(unasked.contains(why), "{unasked}");
            assert!(unasked.ends_with(". --probe may tell which."), "{unasked}");
            assert!(!text(words, method, true).contains("--probe"));
        }
    }
}
