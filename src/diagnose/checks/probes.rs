//! Of what real servers say when they are asked, by `--probe`.

use std::net::IpAddr;

use crate::diagnose::facts::{Facts, HardwareAddress, Server, Service};
use crate::diagnose::findings::{Basis, Claim, Finding};
use crate::diagnose::probe::{PortAnswer, Probed, WayBack};

use super::answers::default_route;
use super::{about, endpoint, is_masqueraded, name, servers, whole_length};

/// What a real server needs before it may have the service's address.
const HIDE_ADDRESSES: [&str; 2] = [
    "sysctl -w net.ipv4.conf.all.arp_ignore=1",
    "sysctl -w net.ipv4.conf.all.arp_announce=2",
];

pub fn duplicate_address(facts: &Facts) -> Vec<Finding> {
    let mut findings = Vec::new();
    for service in &facts.services {
        let Some(address) = service.virtual_address() else {
            continue;
        };
        for rival in &service.rivals {
            let hardware = hardware_text(rival.hardware);
            let who = match rival.server {
                Some(server) => format!("{server} ({hardware})"),
                None => format!("Another machine ({hardware})"),
            };
            let text = format!(
                "{who} answers ARP for {address}: clients that hear it first go there, past this \
                 director."
            );
            let mut finding = Finding::new(Basis::Probe, Claim::Hinders, text)
                .about(service.identity())
                .seen("address", address.to_string())
                .seen("hardware_address", hardware);
            let server = rival.server.map(IpAddr::from).and_then(|server| {
                let mut servers = service.servers.iter();
                servers.find(|known| known.identity().address == server)
            });
            if let Some(server) = server {
                finding = HIDE_ADDRESSES
                    .into_iter()
                    .fold(finding.of_server(server.identity()), Finding::there);
            }
            findings.push(finding);
        }
    }
    findings
}

pub fn port_refused(facts: &Facts) -> Vec<Finding> {
    asked(facts)
        .filter(|(_, _, port, _)| *port == PortAnswer::Refused)
        .map(|(service, server, ..)| {
            let address = server.identity().address;
            let text = match is_masqueraded(server) {
                true => format!(
                    "{} refuses connections: nobody listens there.",
                    endpoint(server.identity())
                ),
                false => format!(
                    "{address} refuses {}: it has the address, and nobody listens there.",
                    name(service.identity())
                ),
            };
            about(Basis::Probe, Claim::Hinders, service, server, text).seen("answer", "RST")
        })
        .collect()
}

pub fn address_missing(facts: &Facts) -> Vec<Finding> {
    asked(facts)
        .filter(|(_, server, port, _)| *port == PortAnswer::Silent && !is_masqueraded(server))
        .filter_map(|(service, server, ..)| {
            let address = service.virtual_address()?;
            let text = format!(
                "{} does not answer for {}: it lacks the address, or filters what comes for it.",
                server.identity().address,
                name(service.identity())
            );
            let finding =
                about(Basis::Probe, Claim::Hinders, service, server, text).seen("answer", "none");
            Some(
                HIDE_ADDRESSES
                    .into_iter()
                    .fold(finding, Finding::there)
                    .there(format!(
                        "ip address add {address}/{} dev lo",
                        whole_length(address)
                    )),
            )
        })
        .collect()
}

pub fn port_silent(facts: &Facts) -> Vec<Finding> {
    asked(facts)
        .filter(|(_, server, port, _)| *port == PortAnswer::Silent && is_masqueraded(server))
        .map(|(service, server, ..)| {
            let text = format!(
                "{} does not answer the director: the machine is there, and filters what comes \
                 for this port.",
                endpoint(server.identity())
            );
            about(Basis::Probe, Claim::Hinders, service, server, text).seen("answer", "none")
        })
        .collect()
}

pub fn wrong_gateway(facts: &Facts) -> Vec<Finding> {
    asked(facts)
        .filter_map(|(service, server, port, way_back)| {
            let address = server.identity().address;
            let finding = match way_back? {
                WayBack::Here => return None,
                WayBack::Through(gateway) => about(
                    Basis::Probe,
                    Claim::Explains,
                    service,
                    server,
                    format!(
                        "{address} asks for {gateway} when it answers a client: its answers leave \
                         that way, past this director."
                    ),
                )
                .seen("gateway", gateway.to_string()),
                // Whoever is silent altogether is not judged by this.
                WayBack::Unseen if port == PortAnswer::Silent => return None,
                WayBack::Unseen => about(
                    Basis::Probe,
                    Claim::Explains,
                    service,
                    server,
                    format!(
                        "{address} answers the director, and not a client elsewhere: its answers \
                         leave by another way, or it filters that client."
                    ),
                )
                .seen("gateway", serde_json::Value::Null),
            };
            Some(match default_route(facts, server) {
                Some(route) => finding.there(route),
                None => finding,
            })
        })
        .collect()
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

/// The servers that were asked, with what they said.
fn asked(facts: &Facts) -> impl Iterator<Item = (&Service, &Server, PortAnswer, Option<WayBack>)> {
    servers(facts).filter_map(|(service, server)| match server.probed? {
        Probed::Asked { port, way_back } => Some((service, server, port, way_back)),
        Probed::Skipped(_) | Probed::NoNeighbour => None,
    })
}

/// `02:00:00:00:00:01`.
fn hardware_text(address: HardwareAddress) -> String {
    address.map(|byte| format!("{byte:02x}")).join(":")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnose::checks::samples::{
        NONE, asked, findings, first, forward_by, found, keep_waiting, rival,
    };
    use crate::diagnose::findings::Level;
    use crate::diagnose::probe::Reason;
    use crate::model::ForwardingMethod;

    fn answer(
        method: ForwardingMethod,
        port: PortAnswer,
        way_back: Option<WayBack>,
    ) -> Vec<(&'static str, Level)> {
        found(|facts| {
            forward_by(facts, method);
            keep_waiting(first(facts), 2);
            first(facts).probed = asked(port, way_back);
        })
    }

    #[test]
    fn each_answer_means_something_by_the_forwarding_method() {
        use ForwardingMethod::{DirectRouting, Masquerading};
        use PortAnswer::{Refused, Silent, Taken};
        assert_eq!(answer(DirectRouting, Taken, None), NONE);
        assert_eq!(
            answer(DirectRouting, Refused, None),
            [("port-refused", Level::Fault)]
        );
        assert_eq!(
            answer(DirectRouting, Silent, None),
            [("address-missing", Level::Fault)]
        );
        let here = Some(WayBack::Here);
        assert_eq!(
            answer(Masquerading, Taken, here),
            [("answer-held", Level::Fault)]
        );
        assert_eq!(
            answer(Masquerading, Refused, here),
            [("port-refused", Level::Fault)]
        );
        let unseen = Some(WayBack::Unseen);
        assert_eq!(
            answer(Masquerading, Silent, unseen),
            [("port-silent", Level::Fault)]
        );
        assert_eq!(
            answer(Masquerading, Taken, unseen),
            [("wrong-gateway", Level::Fault)]
        );
        let other = Some(WayBack::Through([10, 0, 0, 254].into()));
        assert_eq!(
            answer(Masquerading, Taken, other),
            [("wrong-gateway", Level::Fault)]
        );
    }

    #[test]
    fn another_machine_at_the_address_is_named_where_it_is_known() {
        let with = |server| findings(|facts| facts.services[0].rivals.push(rival(server)));
        let known = with(Some([10, 0, 0, 10]));
        assert!(
            known[0]
                .text
                .starts_with("10.0.0.10 (02:00:00:00:00:bc) answers ARP")
        );
        assert!(!known[0].remedy.is_empty());
        let unknown = with(None);
        assert!(unknown[0].text.starts_with("Another machine"));
        assert_eq!(unknown[0].remedy, []);
    }

    #[test]
    fn what_is_not_probed_is_said_once_a_service() {
        let notes = found(|facts| {
            for server in &mut facts.services[0].servers {
                server.probed = Some(Probed::Skipped(Reason::Protocol));
            }
        });
        assert_eq!(notes, [("not-probed", Level::Note)]);
    }
}
