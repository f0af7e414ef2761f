//! Checks of what each real server says to this director when `--probe` asks it.
#![forbid(unsafe_code)]

use std::net::IpAddr;

use crate::diagnose::facts::{Facts, HardwareAddress, Rival, Route, Server, Service, whole_length};
use crate::diagnose::findings::{Basis, Claim, Finding};
use crate::diagnose::probe::{PortAnswer, Probed, WayBack};
use crate::model::{Encapsulation, ForwardingMethod, Protocol};

use super::answers::default_route;
use super::{about, endpoint, ip, is_directly_routed, name, resolution, servers};

/// The settings that a real server needs before it may have the service's address.
pub const HIDE_ADDRESSES: [&str; 2] = [
    "sysctl -w net.ipv4.conf.all.arp_ignore=1",
    "sysctl -w net.ipv4.conf.all.arp_announce=2",
];

/// Adds the settings by which a real server hides an address; IPv6 has none.
pub fn hide_address(finding: Finding, address: IpAddr) -> Finding {
    match address {
        IpAddr::V4(_) => HIDE_ADDRESSES.into_iter().fold(finding, Finding::there),
        IpAddr::V6(_) => finding,
    }
}

pub fn duplicate_address(facts: &Facts) -> Vec<Finding> {
    let mut findings = Vec::new();
    for service in &facts.services {
        // Where the director lacks it, another may have it: see `address-not-local`.
        let Some(address) = service
            .virtual_address()
            .filter(|_| service.address == Some(Route::Local))
        else {
            continue;
        };
        for rival in &service.rivals {
            findings.push(duplicate(service, address, rival));
        }
    }
    findings
}

fn duplicate(service: &Service, address: IpAddr, rival: &Rival) -> Finding {
    let hardware = hardware_text(rival.hardware);
    let who = match rival.server {
        Some(server) => format!("{server} ({hardware})"),
        None => format!("Another machine ({hardware})"),
    };
    let protocol = resolution(address);
    let text = match rival.asks_for {
        None => format!(
            "{who} answers {protocol} for {address}: clients that hear it first go there, past \
             this director."
        ),
        Some(target) => format!(
            "{who} asks by {protocol} for {target} as from {address}: who hears that sends what is for \
             {address} there, past this director."
        ),
    };
    let finding = Finding::new(Basis::Probe, Claim::HurtsSome, text)
        .about(service.identity())
        .seen("address", address.to_string())
        .seen("hardware_address", hardware);
    let finding = match rival.asks_for {
        Some(target) => finding.seen("asks_for", target.to_string()),
        None => finding,
    };
    let server = rival.server.and_then(|server| {
        let mut servers = service.servers.iter();
        servers.find(|known| known.identity().address == server)
    });
    match server {
        Some(server) => hide_address(finding.of_server(server.identity()), address),
        None => finding,
    }
}

pub fn prefix_on_loopback(facts: &Facts) -> Vec<Finding> {
    servers(facts)
        .filter_map(|(service, server)| {
            let (own, seen) = match server.probed? {
                Probed::ShunsDirector(own) => (own, "does not answer ARP that comes from"),
                Probed::TakesForItself(own) => (own, "answers ARP for"),
                _ => return None,
            };
            let address = server.identity().address;
            let text = format!(
                "{address} {seen} {own}, this director's own address, as if that were its own: \
                 an address of its lo has a prefix that covers the network, or it has {own} itself."
            );
            let finding = about(Basis::Probe, Claim::Hinders, service, server, text)
                .seen("address", own.to_string());
            let way = server.route.way()?;
            let prefix = facts
                .director
                .interface(way.interface)
                .into_iter()
                .flat_map(|interface| &interface.addresses)
                .find(|(known, length)| *known == own && *length < whole_length(own));
            Some(match (service.virtual_address(), prefix) {
                (Some(address), Some((_, length))) if !server.is_masqueraded() => finding
                    .there(format!(
                        "ip address replace {address}/{} dev lo",
                        whole_length(address)
                    ))
                    .there(format!("ip address del {address}/{length} dev lo")),
                _ => finding,
            })
        })
        .collect()
}

pub fn port_refused(facts: &Facts) -> Vec<Finding> {
    asked(facts)
        .filter_map(|(service, server, answers)| {
            let address = server.identity().address;
            let place = place(service, server);
            let (text, answer) = match answers.port {
                PortAnswer::Refused => {
                    let (asked, answer) = match is_udp(service) {
                        true => ("datagram", "ICMP port unreachable"),
                        false => ("SYN", "RST"),
                    };
                    let text = match server.is_masqueraded() {
                        true => format!(
                            "{place} refuses this director's {asked} ({answer}): usually, nobody \
                             listens there."
                        ),
                        false => format!(
                            "{address} refuses this director's {asked} for {place} ({answer}): it \
                             has the address, and usually nobody listens there."
                        ),
                    };
                    (text, answer.to_owned())
                }
                PortAnswer::Rejected(reason, from) => {
                    let answer = format!("ICMP {}", reason.text());
                    let text = match from == address || service.virtual_address() == Some(from) {
                        true => format!(
                            "{address} rejects what this director sends for {place} ({answer}): \
                             its firewall does not let that in."
                        ),
                        false => format!(
                            "{from}, on the way to {address}, rejects what this director sends \
                             for {place} ({answer}): a firewall there, or no way on."
                        ),
                    };
                    (text, answer)
                }
                _ => return None,
            };
            Some(about(Basis::Probe, Claim::Hinders, service, server, text).seen("answer", answer))
        })
        .collect()
}

pub fn address_missing(facts: &Facts) -> Vec<Finding> {
    silent(facts)
        .filter(|(_, server, answers)| {
            // Who answers a client has the address, wherever the answer goes.
            is_directly_routed(server)
                && answers.own_address_answers == Some(true)
                && matches!(answers.way_back, None | Some(WayBack::Unseen))
        })
        .filter_map(|(service, server, _)| {
            let address = service.virtual_address()?;
            let own = server.identity().address;
            // Datagrams may be let in where a SYN is not.
            let (claim, answered, place) = match is_udp(service) {
                true => (
                    Claim::Explains,
                    "a SYN of this director",
                    address.to_string(),
                ),
                false => (Claim::Hinders, "this director", name(service.identity())),
            };
            let text = format!(
                "{own} has answered {answered} for its own address, and not for {place}: it lacks \
                 the address, or filters what comes for it."
            );
            let finding = about(Basis::Probe, claim, service, server, text).seen("answer", "none");
            Some(hide_address(finding, address).there(format!(
                "{} address add {address}/{} dev lo",
                ip(address),
                whole_length(address)
            )))
        })
        .collect()
}

pub fn port_silent(facts: &Facts) -> Vec<Finding> {
    silent(facts)
        .filter_map(|(service, server, answers)| {
            let address = server.identity().address;
            let place = place(service, server);
            let text = if server.is_masqueraded() {
                // Whoever answers a client's address is not silent.
                if answers.way_back == Some(WayBack::Here) {
                    return None;
                }
                format!(
                    "{place} has not answered this director: the machine is there, and filters \
                     what comes from here, or its program takes no more connections."
                )
            } else if is_directly_routed(server) && answers.own_address_answers == Some(false) {
                format!(
                    "{address} has answered this director neither for {place} nor for its own \
                     address: it filters what comes from here, or an address of its lo has a \
                     prefix that covers the network."
                )
            } else {
                return None;
            };
            Some(about(Basis::Probe, Claim::Hinders, service, server, text).seen("answer", "none"))
        })
        .collect()
}

pub fn tunnel_refused(facts: &Facts) -> Vec<Finding> {
    asked(facts)
        .filter_map(|(service, server, answers)| {
            let PortAnswer::TunnelRejected(reason) = answers.port else {
                return None;
            };
            let ForwardingMethod::Tunnel(encapsulation) =
                server.state.destination.forwarding_method
            else {
                return None;
            };
            let address = server.identity().address;
            let (tunnel, remedy) = unwrapping(encapsulation, address);
            let answer = format!("ICMP {}", reason.text());
            let text = format!(
                "{address} does not unpack what this director sends through the {tunnel} tunnel \
                 ({answer})."
            );
            let finding =
                about(Basis::Probe, Claim::Hinders, service, server, text).seen("answer", answer);
            Some(remedy.into_iter().fold(finding, Finding::there))
        })
        .collect()
}

/// Returns the name of a tunnel, and the commands that have a server unpack it.
fn unwrapping(encapsulation: Encapsulation, server: IpAddr) -> (&'static str, Vec<String>) {
    let commands = |commands: &[&str]| commands.iter().map(ToString::to_string).collect();
    match (encapsulation, server) {
        (Encapsulation::Ipip, IpAddr::V4(_)) => {
            ("ipip", commands(&["modprobe ipip", "ip link set tunl0 up"]))
        }
        (Encapsulation::Ipip, IpAddr::V6(_)) => ("ipip", Vec::new()),
        (Encapsulation::Gre { .. }, IpAddr::V4(_)) => {
            ("gre", commands(&["modprobe ip_gre", "ip link set gre0 up"]))
        }
        (Encapsulation::Gre { .. }, IpAddr::V6(_)) => (
            "gre",
            commands(&["modprobe ip6_gre", "ip link set ip6gre0 up"]),
        ),
        (Encapsulation::Gue { port, .. }, IpAddr::V4(_)) => (
            "gue",
            vec![
                "modprobe fou".to_owned(),
                format!("ip fou add port {port} gue"),
            ],
        ),
        (Encapsulation::Gue { port, .. }, IpAddr::V6(_)) => (
            "gue",
            vec![
                "modprobe fou6".to_owned(),
                format!("ip fou add port {port} gue -6"),
            ],
        ),
    }
}

pub fn tunnel_silent(facts: &Facts) -> Vec<Finding> {
    silent(facts)
        .filter(|(_, server, _)| {
            matches!(
                server.state.destination.forwarding_method,
                ForwardingMethod::Tunnel(_)
            )
        })
        .map(|(service, server, _)| {
            let text = format!(
                "{} has not answered this director through the tunnel for {}: it does not unpack \
                 it, drops what comes out (rp_filter), lacks the address, or filters what comes \
                 from here.",
                server.identity().address,
                name(service.identity())
            );
            about(Basis::Probe, Claim::Hinders, service, server, text).seen("answer", "none")
        })
        .collect()
}

pub fn wrong_gateway(facts: &Facts) -> Vec<Finding> {
    asked(facts)
        .filter_map(|(service, server, answers)| match server.is_masqueraded() {
            true => past_the_director(facts, service, server, &answers),
            false => nowhere(service, server, &answers),
        })
        .collect()
}

/// Finds a masqueraded server whose answer to a client did not come past the director.
fn past_the_director(
    facts: &Facts,
    service: &Service,
    server: &Server,
    answers: &Answers,
) -> Option<Finding> {
    let address = server.identity().address;
    let finding = match answers.way_back? {
        WayBack::Here => return None,
        WayBack::Through { gateway, .. } => {
            let text = format!(
                "{address} asks for {gateway} when it answers a client: its answers leave that \
                 way, past this director."
            );
            about(Basis::Probe, Claim::Explains, service, server, text)
                .seen("gateway", gateway.to_string())
        }
        // Whoever is silent altogether is not judged by this.
        WayBack::Unseen if answers.port != PortAnswer::Taken => return None,
        WayBack::Unseen => {
            let text = format!(
                "{address} answers the director, and not a client elsewhere: its answers leave by \
                 another way, or it filters that client."
            );
            about(Basis::Probe, Claim::Explains, service, server, text)
                .seen("gateway", serde_json::Value::Null)
        }
    };
    Some(match default_route(facts, server) {
        Some(route) => finding.there(route),
        None => finding,
    })
}

/// Finds a server that answers clients itself, and whose gateway takes the answer nowhere.
fn nowhere(service: &Service, server: &Server, answers: &Answers) -> Option<Finding> {
    let address = server.identity().address;
    let (text, gateway) = match answers.way_back? {
        WayBack::Here => {
            let own = service.virtual_address()?;
            let text = format!(
                "{address} sends its answers to clients to this director, which takes none that \
                 come from {own}, its own address: the server needs another gateway."
            );
            (text, serde_json::Value::Null)
        }
        WayBack::Through {
            gateway,
            is_there: false,
        } => {
            let text = format!(
                "{address} asks for {gateway} when it answers a client, and {gateway} has not \
                 said its hardware address to this director either."
            );
            (text, gateway.to_string().into())
        }
        WayBack::Through { .. } | WayBack::Unseen => return None,
    };
    Some(about(Basis::Probe, Claim::Explains, service, server, text).seen("gateway", gateway))
}

pub fn not_probed(facts: &Facts) -> Vec<Finding> {
    let mut findings: Vec<Finding> = Vec::new();
    for (service, server) in servers(facts) {
        let Some(Probed::Skipped(reason)) = server.probed else {
            continue;
        };
        // Most often it is the same for all servers of a service, and said once.
        let is_said = findings.iter().any(|finding| {
            finding.service == Some(service.identity()) && finding.evidence[0].1 == reason.word()
        });
        if !is_said {
            findings.push(
                Finding::new(
                    Basis::State,
                    Claim::Informs,
                    format!("Not probed: {}.", reason.text()),
                )
                .about(service.identity())
                .seen("reason", reason.word()),
            );
        }
    }
    findings
}

/// The answers of a server that was asked.
struct Answers {
    port: PortAnswer,
    own_address_answers: Option<bool>,
    way_back: Option<WayBack>,
}

/// Returns the servers that were asked, with what they said.
fn asked(facts: &Facts) -> impl Iterator<Item = (&Service, &Server, Answers)> {
    servers(facts).filter_map(|(service, server)| match server.probed? {
        Probed::Asked {
            port,
            own_address_answers,
            way_back,
        } => {
            let answers = Answers {
                port,
                own_address_answers,
                way_back,
            };
            Some((service, server, answers))
        }
        _ => None,
    })
}

/// Returns those who were silent although a packet like theirs needs an answer.
fn silent(facts: &Facts) -> impl Iterator<Item = (&Service, &Server, Answers)> {
    asked(facts).filter(|(_, _, answers)| answers.port == PortAnswer::Silent)
}

fn is_udp(service: &Service) -> bool {
    service.identity().protocol() == Some(Protocol::Udp)
}

/// Returns the address and port that a server gets its clients' packets for.
fn place(service: &Service, server: &Server) -> String {
    match server.is_masqueraded() {
        true => endpoint(server.identity()),
        false => name(service.identity()),
    }
}

/// `02:00:00:00:00:01`.
pub fn hardware_text(address: HardwareAddress) -> String {
    address.map(|byte| format!("{byte:02x}")).join(":")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnose::checks::samples::{
        NONE, asked, commands, findings, first, forward_by, found, identity, keep_waiting, quiet,
        rival,
    };
    use crate::diagnose::findings::Level;
    use crate::diagnose::listen::packets::IcmpReason;
    use crate::diagnose::probe::Reason;

    fn answer(
        method: ForwardingMethod,
        port: PortAnswer,
        way_back: Option<WayBack>,
    ) -> Vec<(&'static str, Level)> {
        found(|facts| {
            quiet(facts);
            forward_by(facts, method);
            first(facts).probed = asked(port, way_back);
        })
        .into_iter()
        // Nobody has tried, which is not what this is about.
        .filter(|(id, _)| *id != "nothing-arrives")
        .collect()
    }

    /// Destination unreachable, of IPv4.
    fn unreachable(code: u8) -> IcmpReason {
        IcmpReason {
            is_ipv6: false,
            kind: 3,
            code,
        }
    }

    const HERE: Option<WayBack> = Some(WayBack::Here);
    const UNSEEN: Option<WayBack> = Some(WayBack::Unseen);

    fn through(is_there: bool) -> Option<WayBack> {
        let gateway = [10, 0, 0, 254].into();
        Some(WayBack::Through { gateway, is_there })
    }

    #[test]
    fn a_masqueraded_server_s_answers_are_to_come_back_here() {
        use ForwardingMethod::Masquerading;
        use PortAnswer::{Refused, SentBack, Silent, Taken};
        for (port, way_back, expected) in [
            (Taken, HERE, vec![]),
            (Refused, HERE, vec![("port-refused", Level::Risk)]),
            (Silent, UNSEEN, vec![("port-silent", Level::Risk)]),
            // It lets clients in, and not the director.
            (Silent, HERE, vec![]),
            (SentBack, UNSEEN, vec![]),
            (Taken, UNSEEN, vec![("wrong-gateway", Level::Note)]),
            (Taken, through(true), vec![("wrong-gateway", Level::Note)]),
        ] {
            assert_eq!(answer(Masquerading, port, way_back), expected, "{port:?}");
        }
    }

    #[test]
    fn a_directly_routed_server_needs_a_gateway_that_is_there() {
        use ForwardingMethod::DirectRouting;
        use PortAnswer::{Refused, SentBack, Taken};
        for (port, way_back, expected) in [
            (Taken, UNSEEN, vec![]),
            (Taken, through(true), vec![]),
            (Taken, through(false), vec![("wrong-gateway", Level::Note)]),
            (Taken, HERE, vec![("wrong-gateway", Level::Note)]),
            (Refused, UNSEEN, vec![("port-refused", Level::Risk)]),
            (SentBack, UNSEEN, vec![]),
        ] {
            assert_eq!(answer(DirectRouting, port, way_back), expected, "{port:?}");
        }
    }

    #[test]
    fn a_server_lacks_the_address_only_where_it_answers_for_its_own() {
        let with = |own_address_answers| {
            found(|facts| {
                forward_by(facts, ForwardingMethod::DirectRouting);
                first(facts).probed = Some(Probed::Asked {
                    port: PortAnswer::Silent,
                    own_address_answers,
                    way_back: None,
                });
            })
        };
        assert_eq!(with(Some(true)), [("address-missing", Level::Risk)]);
        assert_eq!(with(Some(false)), [("port-silent", Level::Risk)]);
        assert_eq!(with(None), NONE);
    }

    #[test]
    fn a_probe_accuses_whom_clients_wait_for_and_nobody_who_answers_them() {
        let with = |spoil: fn(&mut Facts)| {
            let found = found(|facts| {
                forward_by(facts, ForwardingMethod::DirectRouting);
                first(facts).probed = asked(PortAnswer::Refused, None);
                spoil(facts);
            });
            let mut found = found.into_iter();
            found.find(|(id, _)| *id == "port-refused").unwrap().1
        };
        assert_eq!(with(|_| ()), Level::Risk);
        assert_eq!(with(|facts| keep_waiting(first(facts), 5)), Level::Fault);
        assert_eq!(
            with(|facts| first(facts).traffic.heard.count = 1),
            Level::Note
        );
    }

    #[test]
    fn silence_is_no_answer_to_a_datagram() {
        let with = |port| {
            found(|facts| {
                forward_by(facts, ForwardingMethod::DirectRouting);
                facts.services[0].state.service.identity = identity("-u 192.0.2.1:53");
                first(facts).probed = asked(port, None);
            })
        };
        assert_eq!(with(PortAnswer::Unknown), NONE);
        assert_eq!(with(PortAnswer::Taken), NONE);
        assert_eq!(with(PortAnswer::Refused), [("port-refused", Level::Risk)]);
    }

    #[test]
    fn an_icmp_error_is_told_as_it_is() {
        let rejected = PortAnswer::Rejected(unreachable(13), [10, 0, 0, 10].into());
        let findings = findings(|facts| first(facts).probed = asked(rejected, None));
        assert_eq!(findings[0].id, "port-refused");
        assert!(
            findings[0]
                .text
                .contains("ICMP administratively prohibited"),
            "{findings:?}"
        );
    }

    #[test]
    fn a_tunnel_that_is_not_unpacked_is_set_up() {
        use Encapsulation::{Gue, Ipip};
        let gue = Gue {
            port: 6080,
            checksum: crate::model::TunnelChecksum::None,
        };
        for (encapsulation, last) in [
            (Ipip, "ip link set tunl0 up"),
            (gue, "ip fou add port 6080 gue"),
        ] {
            let tunnel = ForwardingMethod::Tunnel(encapsulation);
            let refused = PortAnswer::TunnelRejected(unreachable(2));
            let findings = findings(|facts| {
                forward_by(facts, tunnel);
                first(facts).probed = asked(refused, None);
            });
            let refused = findings
                .iter()
                .find(|finding| finding.id == "tunnel-refused");
            assert_eq!(commands(refused.unwrap()).last(), Some(&last));
            let ids = answer(tunnel, PortAnswer::Silent, UNSEEN);
            assert!(ids.contains(&("tunnel-silent", Level::Risk)), "{ids:?}");
        }
    }

    #[test]
    fn a_server_that_takes_the_whole_network_is_given_a_shorter_one() {
        let own: IpAddr = [10, 0, 0, 1].into();
        for probed in [Probed::ShunsDirector(own), Probed::TakesForItself(own)] {
            let findings = findings(|facts| {
                forward_by(facts, ForwardingMethod::DirectRouting);
                first(facts).probed = Some(probed);
            });
            assert_eq!(findings.len(), 1, "{findings:?}");
            assert_eq!(findings[0].id, "prefix-on-loopback");
            assert_eq!(
                commands(&findings[0]),
                [
                    "ip address replace 192.0.2.1/32 dev lo",
                    "ip address del 192.0.2.1/24 dev lo"
                ]
            );
        }
        // The prefix is that of the address which the server takes for its own.
        let with = |length: u8| {
            let findings = findings(|facts| {
                forward_by(facts, ForwardingMethod::DirectRouting);
                let addresses = [([10, 9, 9, 9].into(), 16), (own, length)];
                facts.director.interfaces[1].addresses = addresses.to_vec();
                first(facts).probed = Some(Probed::TakesForItself(own));
            });
            let commands = commands(&findings[0]);
            commands.get(1).map(|command| (*command).to_owned())
        };
        let shortened = with(23);
        assert_eq!(
            shortened.as_deref(),
            Some("ip address del 192.0.2.1/23 dev lo")
        );
        assert_eq!(with(32), None);
    }

    #[test]
    fn another_machine_at_the_address_is_named_where_it_is_known() {
        let with = |server, asks_for| {
            findings(|facts| {
                facts.services[0].rivals.push(Rival {
                    asks_for,
                    ..rival(server)
                });
            })
        };
        let known = with(Some([10, 0, 0, 10]), None);
        assert!(
            known[0]
                .text
                .starts_with("10.0.0.10 (02:00:00:00:00:bc) answers ARP")
        );
        assert!(!known[0].remedy.is_empty());
        let unknown = with(None, None);
        assert!(unknown[0].text.starts_with("Another machine"));
        assert_eq!(unknown[0].remedy, []);
        let asks = with(Some([10, 0, 0, 10]), Some([10, 0, 0, 254].into()));
        assert!(
            asks[0]
                .text
                .contains("asks by ARP for 10.0.0.254 as from 192.0.2.1"),
            "{asks:?}"
        );
    }

    #[test]
    fn what_is_not_probed_is_said_once_a_service() {
        let notes = found(|facts| {
            for server in &mut facts.services[0].servers {
                server.probed = Some(Probed::Skipped(Reason::Protocol));
            }
        });
        assert_eq!(notes, [("not-probed", Level::Note)]);
        let reasons = findings(|facts| {
            let reasons = [Reason::Protocol, Reason::Link];
            for (server, reason) in facts.services[0].servers.iter_mut().zip(reasons) {
                server.probed = Some(Probed::Skipped(reason));
            }
            let mut other = facts.services[0].clone();
            other.state.service.identity = identity("-t 192.0.2.1:443");
            facts.services.push(other);
        });
        let said: Vec<_> = reasons
            .iter()
            .map(|finding| (finding.service, finding.evidence[0].1.as_str()))
            .collect();
        let [one, other] = [Reason::Protocol, Reason::Link].map(|reason| Some(reason.word()));
        let [http, https] = ["-t 192.0.2.1:80", "-t 192.0.2.1:443"].map(|it| Some(identity(it)));
        assert_eq!(
            said,
            [(http, one), (http, other), (https, one), (https, other)]
        );
    }

    #[test]
    fn who_refuses_what_is_said_in_the_words_of_the_protocol() {
        use ForwardingMethod::{DirectRouting, Masquerading};
        let with = |words: &str, method, port| {
            let all = findings(|facts| {
                facts.services[0].state.service.identity = identity(words);
                forward_by(facts, method);
                facts.services[0].servers.truncate(1);
                first(facts).state.destination.identity.port = 8080;
                first(facts).probed = asked(port, None);
            });
            let refused = all.into_iter().find(|it| it.id == "port-refused").unwrap();
            let [("answer", answer)] = &refused.evidence[..] else {
                unreachable!()
            };
            (refused.text, answer.as_str().unwrap().to_owned())
        };
        let refused = PortAnswer::Refused;
        let from = |reason, who: [u8; 4]| PortAnswer::Rejected(reason, who.into());
        let (tcp, udp) = ("-t 192.0.2.1:80", "-u 192.0.2.1:53");
        for (words, method, port, start, given) in [
            (
                tcp,
                Masquerading,
                refused,
                "10.0.0.10:8080 refuses this director's SYN (RST): usually,",
                "RST",
            ),
            (
                udp,
                Masquerading,
                refused,
                "10.0.0.10:8080 refuses this director's datagram (ICMP port unreachable): usually,",
                "ICMP port unreachable",
            ),
            (
                tcp,
                DirectRouting,
                refused,
                "10.0.0.10 refuses this director's SYN for 192.0.2.1:80 (RST): it has the",
                "RST",
            ),
            (
                tcp,
                Masquerading,
                from(unreachable(1), [10, 0, 0, 10]),
                "10.0.0.10 rejects what this director sends for 10.0.0.10:8080 (ICMP host \
                 unreachable): its firewall",
                "ICMP host unreachable",
            ),
            (
                tcp,
                DirectRouting,
                from(unreachable(2), [192, 0, 2, 1]),
                "10.0.0.10 rejects what this director sends for 192.0.2.1:80 (ICMP protocol \
                 unreachable): its firewall",
                "ICMP protocol unreachable",
            ),
            (
                tcp,
                Masquerading,
                from(unreachable(0), [10, 0, 0, 254]),
                "10.0.0.254, on the way to 10.0.0.10, rejects what this director sends for \
                 10.0.0.10:8080 (ICMP network unreachable): a firewall",
                "ICMP network unreachable",
            ),
        ] {
            let (text, answer) = with(words, method, port);
            assert!(text.starts_with(start), "{text}");
            assert_eq!(answer, given);
        }
    }

    /// Returns the finding of an id where the first server is the only one and this is its answer.
    fn the(id: &str, probed: Option<Probed>, spoil: impl FnOnce(&mut Facts)) -> Option<Finding> {
        let all = findings(|facts| {
            facts.services[0].servers.truncate(1);
            first(facts).probed = probed;
            spoil(facts);
        });
        all.into_iter().find(|finding| finding.id == id)
    }

    /// Makes the first service and its first server ones of IPv6.
    fn use_ipv6(facts: &mut Facts) {
        facts.services[0].state.service.identity = identity("-t [2001:db8::1]:80");
        first(facts).state.destination.identity.address = "fd00::10".parse().unwrap();
    }

    #[test]
    fn each_kind_of_tunnel_has_its_own_commands() {
        use crate::model::TunnelChecksum::{Full, None as Plain};
        use Encapsulation::{Gre, Gue, Ipip};
        let gre = Gre { checksum: Full };
        let gue = Gue {
            port: 6083,
            checksum: Plain,
        };
        let refused = PortAnswer::TunnelRejected(unreachable(2));
        let of = |encapsulation, spoil: fn(&mut Facts)| {
            let refused = the("tunnel-refused", asked(refused, None), |facts| {
                spoil(facts);
                forward_by(facts, ForwardingMethod::Tunnel(encapsulation));
            });
            refused.unwrap()
        };
        for (encapsulation, name, ipv4, ipv6) in [
            (
                Ipip,
                "ipip",
                ["modprobe ipip", "ip link set tunl0 up"],
                &[][..],
            ),
            (
                gre,
                "gre",
                ["modprobe ip_gre", "ip link set gre0 up"],
                &["modprobe ip6_gre", "ip link set ip6gre0 up"],
            ),
            (
                gue,
                "gue",
                ["modprobe fou", "ip fou add port 6083 gue"],
                &["modprobe fou6", "ip fou add port 6083 gue -6"],
            ),
        ] {
            let by_ipv4 = of(encapsulation, |_| ());
            let text = format!(
                "10.0.0.10 does not unpack what this director sends through the {name} tunnel \
                 (ICMP protocol unreachable)."
            );
            assert_eq!(by_ipv4.text, text);
            assert_eq!(commands(&by_ipv4), ipv4);
            let by_ipv6 = of(encapsulation, use_ipv6);
            assert!(by_ipv6.text.contains(&format!(" the {name} tunnel ")));
            assert_eq!(commands(&by_ipv6), ipv6);
        }
        assert_eq!(the("tunnel-refused", asked(refused, None), |_| ()), None);
        let silent = asked(PortAnswer::Silent, None);
        let tunnel = ForwardingMethod::Tunnel(Ipip);
        let is_silent =
            |method| the("tunnel-silent", silent, |facts| forward_by(facts, method)).is_some();
        assert!(is_silent(tunnel));
        assert!(!is_silent(ForwardingMethod::DirectRouting));
    }

    #[test]
    fn a_silent_server_is_accused_of_what_its_method_leaves_open() {
        let silent = |own_address_answers, way_back| {
            Some(Probed::Asked {
                port: PortAnswer::Silent,
                own_address_answers,
                way_back,
            })
        };
        let text = |id, probed, method| {
            let found = the(id, probed, |facts| forward_by(facts, method));
            found.map(|finding| finding.text)
        };
        let starts = |text: Option<String>, start: &str| {
            assert!(text.as_ref().unwrap().starts_with(start), "{text:?}");
        };
        use ForwardingMethod::{DirectRouting, Masquerading};
        starts(
            text("port-silent", silent(None, UNSEEN), Masquerading),
            "10.0.0.10:80 has not answered this director: the machine is there,",
        );
        let neither = silent(Some(false), None);
        starts(
            text("port-silent", neither, DirectRouting),
            "10.0.0.10 has answered this director neither for 192.0.2.1:80 nor for its own",
        );
        let tunnel = ForwardingMethod::Tunnel(Encapsulation::Ipip);
        assert_eq!(text("port-silent", neither, tunnel), None);
        let own = silent(Some(true), None);
        starts(
            text("address-missing", own, DirectRouting),
            "10.0.0.10 has answered this director for its own address, and not for 192.0.2.1:80:",
        );
        assert_eq!(text("address-missing", own, tunnel), None);
        assert_eq!(text("address-missing", own, Masquerading), None);
        let lacks_it = |spoil: fn(&mut Facts)| {
            let lacks = the("address-missing", own, |facts| {
                spoil(facts);
                forward_by(facts, DirectRouting);
            });
            lacks.map(|it| commands(&it).join("; "))
        };
        assert_eq!(
            lacks_it(|_| ()).as_deref(),
            Some(
                "sysctl -w net.ipv4.conf.all.arp_ignore=1; \
                 sysctl -w net.ipv4.conf.all.arp_announce=2; ip address add 192.0.2.1/32 dev lo"
            )
        );
        assert_eq!(
            lacks_it(use_ipv6).as_deref(),
            Some("ip -6 address add 2001:db8::1/128 dev lo")
        );
        let marked: fn(&mut Facts) =
            |facts| facts.services[0].state.service.identity = identity("-f 7");
        assert_eq!(lacks_it(marked), None);
    }

    #[test]
    fn which_gateway_is_wrong_is_shown() {
        use ForwardingMethod::{DirectRouting, Masquerading};
        let with = |method, port, way_back| {
            the("wrong-gateway", asked(port, way_back), |facts| {
                forward_by(facts, method);
            })
        };
        let taken = PortAnswer::Taken;
        let default_route = "ip route replace default via 10.0.0.1";
        for (method, way_back, start, gateway, remedy) in [
            (
                Masquerading,
                through(true),
                "10.0.0.10 asks for 10.0.0.254 when it answers a client: its answers leave",
                serde_json::json!("10.0.0.254"),
                &[default_route][..],
            ),
            (
                Masquerading,
                UNSEEN,
                "10.0.0.10 answers the director, and not a client elsewhere: its answers leave",
                serde_json::Value::Null,
                &[default_route],
            ),
            (
                DirectRouting,
                HERE,
                "10.0.0.10 sends its answers to clients to this director, which takes none that \
                 come from 192.0.2.1,",
                serde_json::Value::Null,
                &[],
            ),
            (
                DirectRouting,
                through(false),
                "10.0.0.10 asks for 10.0.0.254 when it answers a client, and 10.0.0.254 has not",
                serde_json::json!("10.0.0.254"),
                &[],
            ),
        ] {
            let wrong = with(method, taken, way_back).unwrap();
            assert!(wrong.text.starts_with(start), "{wrong:?}");
            assert_eq!(wrong.evidence, [("gateway", gateway)]);
            assert_eq!(commands(&wrong), remedy);
        }
        assert_eq!(with(Masquerading, PortAnswer::Refused, UNSEEN), None);
        assert_eq!(with(Masquerading, taken, HERE), None);
        assert_eq!(with(DirectRouting, taken, through(true)), None);
        assert_eq!(with(DirectRouting, taken, UNSEEN), None);
    }

    #[test]
    fn a_rival_is_one_where_the_director_has_the_address_and_hides_it_if_it_is_a_server() {
        let with = |words: &str, server: Option<&str>, asks_for: Option<&str>, route| {
            the("duplicate-address", None, |facts| {
                let service = &mut facts.services[0];
                service.state.service.identity = identity(words);
                service.address = Some(route);
                service.servers[0].state.destination.identity.address = match words {
                    "-t 192.0.2.1:80" => [10, 0, 0, 10].into(),
                    _ => "fd00::10".parse().unwrap(),
                };
                service.rivals.push(Rival {
                    server: server.map(|server| server.parse().unwrap()),
                    asks_for: asks_for.map(|target| target.parse().unwrap()),
                    ..rival(None)
                });
            })
        };
        let (ipv4, ipv6) = ("-t 192.0.2.1:80", "-t [2001:db8::1]:80");
        let known = with(ipv4, Some("10.0.0.10"), None, Route::Local).unwrap();
        assert_eq!(commands(&known), HIDE_ADDRESSES);
        assert!(known.real_server.is_some());
        assert_eq!(
            known.evidence,
            [
                ("address", "192.0.2.1".into()),
                ("hardware_address", "02:00:00:00:00:bc".into())
            ]
        );
        let of_others = with(ipv4, Some("10.0.0.77"), Some("10.0.0.254"), Route::Local).unwrap();
        assert_eq!(commands(&of_others), [""; 0]);
        assert_eq!(of_others.real_server, None);
        assert_eq!(of_others.evidence[2], ("asks_for", "10.0.0.254".into()));
        let by_ipv6 = with(ipv6, Some("fd00::10"), None, Route::Local).unwrap();
        assert!(
            by_ipv6
                .text
                .starts_with("fd00::10 (02:00:00:00:00:bc) answers neighbour discovery for"),
            "{by_ipv6:?}"
        );
        assert_eq!(commands(&by_ipv6), [""; 0]);
        assert!(by_ipv6.real_server.is_some());
        let asks = with(ipv6, None, Some("fd00::7"), Route::Local).unwrap();
        assert!(
            asks.text
                .contains(" asks by neighbour discovery for fd00::7 as from 2001:db8::1:"),
            "{asks:?}"
        );
        assert_eq!(asks.real_server, None);
        assert_eq!(with(ipv4, Some("10.0.0.10"), None, Route::Nowhere), None);
    }

    #[test]
    fn a_server_that_takes_an_address_for_itself_is_said_to_by_what_it_answers() {
        let own: IpAddr = [10, 0, 0, 1].into();
        let with = |probed, method| {
            the("prefix-on-loopback", Some(probed), |facts| {
                forward_by(facts, method);
            })
        };
        use ForwardingMethod::{DirectRouting, Masquerading};
        for (probed, start) in [
            (
                Probed::ShunsDirector(own),
                "10.0.0.10 does not answer ARP that comes from 10.0.0.1,",
            ),
            (
                Probed::TakesForItself(own),
                "10.0.0.10 answers ARP for 10.0.0.1,",
            ),
        ] {
            let found = with(probed, Masquerading).unwrap();
            assert!(found.text.starts_with(start), "{found:?}");
            assert_eq!(found.evidence, [("address", "10.0.0.1".into())]);
            assert_eq!(commands(&found), [""; 0]);
            assert_eq!(with(probed, DirectRouting).unwrap().remedy.len(), 2);
        }
        assert_eq!(with(Probed::NoNeighbour, DirectRouting), None);
    }
}
