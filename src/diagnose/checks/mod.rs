//! The meaning of facts: a row and a pure function for each kind of finding.
//!
//! A check looks at the facts and at nothing else, and states what it saw, on which basis and how
//! far that goes. How bad it is, and whether it may be said of somebody whose clients are answered,
//! is the [`ladder`]'s to decide. A false alarm costs more than a missed finding.

#![forbid(unsafe_code)]

mod address;
mod answers;
mod clients;
mod director;
mod listened;
mod probes;
mod service;
mod shares;
mod sync;
mod ways;

#[cfg(test)]
pub mod samples;

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fmt::Display;
use std::net::IpAddr;

use crate::diagnose::facts::{Facts, Interface, Server, Service, Way};
use crate::diagnose::findings::{Basis, Claim, Finding, Level};
use crate::diagnose::ladder;
use crate::model::{Change, Destination, DestinationIdentity, ForwardingMethod, ServiceIdentity};
use crate::render::phrases::{counted, endpoint, service_in_sentence as name};
use crate::schedulers::TurningAway;

/// A kind of finding.
pub struct Check {
    /// Its heading in the manual; stable once published.
    pub id: &'static str,
    find: fn(&Facts) -> Vec<Finding>,
    /// Faults and risks that explain what this one sees, so that it keeps silent beside them.
    unless: &'static [&'static str],
}

/// All kinds. An id that is found in more than one way has a row for each.
pub static CHECKS: &[Check] = &[
    check("module-missing", director::module_missing),
    check("lo-down", director::lo_down),
    check("conntrack-full", director::conntrack_full),
    check("connections-full", director::connections_full),
    check("table-crowded", director::table_crowded),
    check("dropped-on-purpose", director::dropped_on_purpose),
    check("neighbour-table-full", director::neighbour_table_full),
    check("prefix-on-loopback", address::prefix_on_loopback),
    check("forwarding-off", ways::forwarding_off),
    check("clients-unrouted", ways::clients_unrouted),
    check("rp-filter", director::rp_filter),
    check("idle-timeout", director::idle_timeout),
    check("counters-stopped", director::counters_stopped),
    check("sync-overflow", sync::overflow),
    check("sync-alone", sync::alone),
    check("sync-unheard", sync::unheard).unless(&["sync-alone"]),
    check("not-read", director::not_read),
    check("connections-unread", director::connections_unread),
    check("no-server", service::no_server),
    check("maybe-full", service::maybe_full).unless(&["no-server"]),
    check("address-not-local", address::address_not_local).unless(&["lo-down"]),
    check("address-without-link", address::address_without_link),
    check("address-unanswered", address::address_unanswered),
    check("address-unanswered", listened::address_unanswered),
    check("backup-only", address::backup_only),
    check("ops-masquerading", service::ops_masquerading),
    check("hash-turns-away", service::hash_turns_away).unless(&["no-server"]),
    check("held-at-draining", service::held_at_draining),
    check("stale-connections", service::stale_connections),
    check("stale-connections", listened::stale_connections),
    check("duplicate-address", probes::duplicate_address),
    check("prefix-on-loopback", probes::prefix_on_loopback),
    check("duplicate-address", listened::duplicate_address),
    check("dropped-before-ipvs", listened::dropped_before_ipvs).unless(&[
        "lo-down",
        "conntrack-full",
        "connections-full",
        "dropped-on-purpose",
        "no-server",
        "maybe-full",
        "address-not-local",
        "backup-only",
        "hash-turns-away",
    ]),
    check("loopback-masqueraded", ways::loopback_masqueraded),
    check("no-route", ways::no_route).unless(&["lo-down"]),
    check("not-adjacent", ways::not_adjacent),
    check("asks-from-the-address", ways::asks_from_the_address),
    check("neighbour-failed", ways::neighbour_failed).unless(&[
        "asks-from-the-address",
        "neighbour-table-full",
        "prefix-on-loopback",
    ]),
    check("mtu", ways::mtu),
    check("nobody-listens", answers::nobody_listens)
        .unless(&["prefix-on-loopback", "loopback-masqueraded"]),
    check("not-forwarded", listened::not_forwarded).unless(HINDERS_LEAVING),
    check("client-on-director", clients::client_on_director),
    check("server-is-client", clients::server_is_client),
    check("sent-in-circles", clients::sent_in_circles),
    check("port-refused", probes::port_refused),
    check("port-refused", answers::port_refused),
    check("port-refused", listened::port_refused).unless(&["nobody-listens", "prefix-on-loopback"]),
    check("icmp-error", listened::icmp_error).unless(HINDERS_LEAVING),
    check("address-missing", probes::address_missing),
    check("port-silent", probes::port_silent),
    check("tunnel-refused", probes::tunnel_refused),
    check("tunnel-silent", probes::tunnel_silent),
    check("client-beside-server", clients::client_beside_server).unless(&["port-silent"]),
    check("wrong-gateway", probes::wrong_gateway).unless(&[
        "forwarding-off",
        "clients-unrouted",
        "client-beside-server",
        "server-is-client",
    ]),
    check("answer-held", answers::answer_held).unless(HINDERS_ANSWERS),
    check("answer-held", listened::answer_held).unless(&[
        "forwarding-off",
        "clients-unrouted",
        "rp-filter",
        "ops-masquerading",
        "server-is-client",
    ]),
    check("server-silent", listened::server_silent).unless(&[
        "nobody-listens",
        "prefix-on-loopback",
        "ops-masquerading",
        "client-beside-server",
        "server-is-client",
        "wrong-gateway",
    ]),
    check("client-unheard", listened::client_unheard).unless(&[
        "not-adjacent",
        "client-on-director",
        "server-is-client",
        "sent-in-circles",
        "address-missing",
        "port-silent",
        "port-refused",
    ]),
    check("answers-unseen", listened::answers_unseen).unless(&["port-refused", "address-missing"]),
    check("answers-elsewhere", answers::answers_elsewhere).unless(HINDERS_ANSWERS),
    check("handshake-stuck", answers::handshake_stuck).unless(&[
        "dropped-on-purpose",
        "neighbour-table-full",
        "prefix-on-loopback",
        "clients-unrouted",
        "backup-only",
        "ops-masquerading",
        "loopback-masqueraded",
        "no-route",
        "not-adjacent",
        "asks-from-the-address",
        "neighbour-failed",
        "nobody-listens",
        "client-beside-server",
        "client-on-director",
        "server-is-client",
        "sent-in-circles",
        "answer-held",
        "answers-elsewhere",
        "dropped-before-ipvs",
        "not-forwarded",
        "icmp-error",
        "server-silent",
        "client-unheard",
        "port-refused",
        "address-missing",
        "port-silent",
        "tunnel-refused",
        "tunnel-silent",
        "wrong-gateway",
    ]),
    check("mark-unseen", address::mark_unseen).unless(HINDERS_ARRIVAL),
    check("nothing-arrives", address::nothing_arrives).unless(HINDERS_ARRIVAL),
    check("nothing-arrives", listened::nothing_arrives).unless(HINDERS_ARRIVAL),
    check("uneven", shares::uneven),
    check("not-probed", probes::not_probed),
];

/// The findings that keep packets from leaving for a server.
const HINDERS_LEAVING: &[&str] = &[
    "lo-down",
    "neighbour-table-full",
    "prefix-on-loopback",
    "loopback-masqueraded",
    "no-route",
    "not-adjacent",
    "asks-from-the-address",
    "neighbour-failed",
];

/// The ids of whatever keeps packets from being counted.
const HINDERS_ARRIVAL: &[&str] = &[
    "lo-down",
    "no-server",
    "address-not-local",
    "address-without-link",
    "address-unanswered",
    "backup-only",
    "duplicate-address",
];

/// The ids of whatever keeps answers of masqueraded servers from coming back, or from going on.
const HINDERS_ANSWERS: &[&str] = &[
    "prefix-on-loopback",
    "forwarding-off",
    "clients-unrouted",
    "rp-filter",
    "ops-masquerading",
    "no-route",
    "neighbour-failed",
    "client-beside-server",
    "server-is-client",
    "port-refused",
    "port-silent",
    "wrong-gateway",
];

const fn check(id: &'static str, find: fn(&Facts) -> Vec<Finding>) -> Check {
    Check {
        id,
        find,
        unless: &[],
    }
}

impl Check {
    const fn unless(mut self, ids: &'static [&'static str]) -> Check {
        self.unless = ids;
        self
    }
}

/// All that the facts give reason to say, in the order of the checks.
pub fn judge(facts: &Facts) -> Vec<Finding> {
    let mut found: Vec<Finding> = CHECKS
        .iter()
        .flat_map(|check| {
            (check.find)(facts).into_iter().map(|finding| Finding {
                id: check.id,
                unless: check.unless,
                ..finding
            })
        })
        .collect();
    ladder::rank(facts, &mut found);
    let found = without_weaker(found);
    let unexplained: Vec<Finding> = {
        let by_service = ByService::of(&found);
        let is_explained = |finding: &&Finding| {
            by_service.that_concern(finding.service).any(|other| {
                finding.unless.contains(&other.id)
                    && other.level <= finding.level
                    && other.covers(finding)
            })
        };
        let unexplained = found.iter().filter(|finding| !is_explained(finding));
        unexplained.cloned().collect()
    };
    told_once(offer_to_do_without(facts, unexplained))
}

/// The most services that each get a finding of their own about one machine.
const MOST_TOLD_EACH: usize = 2;

/// Tells what is the same of one machine in many services once, with their number, as bad as it is in
/// the worst.
fn told_once(findings: Vec<Finding>) -> Vec<Finding> {
    type Kind = (&'static str, IpAddr);
    let kind_of = |finding: &Finding| -> Option<Kind> {
        let server = finding.real_server?;
        finding.service?;
        Some((finding.id, server.address))
    };
    let mut counts: HashMap<Kind, usize> = HashMap::new();
    for kind in findings.iter().filter_map(kind_of) {
        *counts.entry(kind).or_default() += 1;
    }
    let mut places: HashMap<Kind, usize> = HashMap::new();
    let mut told: Vec<Finding> = Vec::new();
    for finding in findings {
        let kind = kind_of(&finding).filter(|kind| counts[kind] > MOST_TOLD_EACH);
        let Some(kind) = kind else {
            told.push(finding);
            continue;
        };
        match places.entry(kind) {
            Entry::Occupied(place) => told[*place.get()].take_in(finding),
            Entry::Vacant(place) => {
                place.insert(told.len());
                told.push(finding.of_many(counts[&kind]));
            }
        }
    }
    told
}

/// Leaves out what is found in two ways and no worse in the stronger one.
fn without_weaker(found: Vec<Finding>) -> Vec<Finding> {
    let key = |finding: &Finding| (finding.id, finding.service, finding.real_server);
    let mut by_key: HashMap<_, Vec<(Basis, Level)>> = HashMap::new();
    for finding in &found {
        let ways = by_key.entry(key(finding)).or_default();
        ways.push((finding.basis, finding.level));
    }
    let is_weaker = |finding: &Finding| {
        let ways = by_key.get(&key(finding)).into_iter().flatten();
        ways.into_iter()
            .any(|(basis, level)| *basis < finding.basis && *level <= finding.level)
    };
    found
        .into_iter()
        .filter(|finding| !is_weaker(finding))
        .collect()
}

/// Faults and risks by the service that they are about.
struct ByService<'f>(HashMap<Option<ServiceIdentity>, Vec<&'f Finding>>);

impl<'f> ByService<'f> {
    fn of(findings: &'f [Finding]) -> ByService<'f> {
        let mut by_service: HashMap<_, Vec<&Finding>> = HashMap::new();
        for finding in findings {
            if finding.level != Level::Note {
                by_service.entry(finding.service).or_default().push(finding);
            }
        }
        ByService(by_service)
    }

    /// Those about a service, and those about the director.
    fn that_concern(
        &self,
        service: Option<ServiceIdentity>,
    ) -> impl Iterator<Item = &'f Finding> + '_ {
        let of = |service| self.0.get(&service).into_iter().flatten().copied();
        let of_director = of(None).filter(move |_| service.is_some());
        of(service).chain(of_director)
    }
}

/// Offers weight 0 for a server at fault that no command repairs: its service can do without it, as
/// long as another server is well.
fn offer_to_do_without(facts: &Facts, findings: Vec<Finding>) -> Vec<Finding> {
    let changes: Vec<Option<Change>> = {
        let by_service = ByService::of(&findings);
        let services: HashMap<ServiceIdentity, &Service> = facts
            .services
            .iter()
            .map(|service| (service.identity(), service))
            .collect();
        let change = |finding: &Finding| {
            let is_sure = match finding.level {
                Level::Fault => true,
                Level::Risk => finding.basis != Basis::Probe,
                Level::Note => false,
            };
            if !is_sure || !finding.remedy.is_empty() {
                return None;
            }
            let service = services.get(&finding.service?)?;
            without_server(service, finding.real_server?, &by_service)
        };
        findings.iter().map(change).collect()
    };
    let findings = findings.into_iter().zip(changes);
    findings
        .map(|(mut finding, change)| match change {
            Some(change) => {
                finding.text += " With weight 0, its clients go to the others.";
                finding.by(&change)
            }
            None => finding,
        })
        .collect()
}

/// The change that has a service do without a server, if others take its clients then.
fn without_server(
    service: &Service,
    server: DestinationIdentity,
    by_service: &ByService<'_>,
) -> Option<Change> {
    let identity = service.identity();
    let mut servers = service.servers.iter();
    let destination = servers
        .find(|known| known.identity() == server)?
        .state
        .destination;
    let is_well = |other: &Server| {
        let mut findings = by_service.that_concern(Some(identity));
        !findings.any(|finding| {
            finding.level == Level::Fault
                && finding
                    .real_server
                    .is_none_or(|own| own == other.identity())
        })
    };
    let mut others = service
        .servers
        .iter()
        .filter(|other| other.identity() != server);
    let has_another = others.any(|other| other.takes_connections() && is_well(other));
    let helps =
        has_another && destination.weight > 0 && TurningAway::by(&service.state.service).is_none();
    helps.then_some(Change::EditDestination(
        identity,
        Destination {
            weight: 0,
            ..destination
        },
    ))
}

/// Each server of each service.
fn servers(facts: &Facts) -> impl Iterator<Item = (&Service, &Server)> {
    facts
        .services
        .iter()
        .flat_map(|service| service.servers.iter().map(move |server| (service, server)))
}

/// Each that packets are sent to.
fn servers_in_use(facts: &Facts) -> impl Iterator<Item = (&Service, &Server)> {
    servers(facts).filter(|(_, server)| server.is_in_use())
}

/// A finding about a server of a service.
fn about(basis: Basis, claim: Claim, service: &Service, server: &Server, text: String) -> Finding {
    Finding::new(basis, claim, text)
        .about(service.identity())
        .of_server(server.identity())
}

fn is_directly_routed(server: &Server) -> bool {
    server.state.destination.forwarding_method == ForwardingMethod::DirectRouting
}

/// The way to a server and the interface that it begins at; none to the director itself.
fn way_to<'f>(facts: &'f Facts, server: &Server) -> Option<(Way, &'f Interface)> {
    let way = server.route.way()?;
    Some((way, facts.director.interface(way.interface)?))
}

/// Returns true if the director forwards the server's answers.
fn forwards(facts: &Facts, server: &Server) -> bool {
    let Some((_, interface)) = way_to(facts, server) else {
        return true;
    };
    match server.identity().address {
        IpAddr::V4(_) => interface.forwards_ipv4,
        IpAddr::V6(_) => facts.director.settings.forwards_ipv6,
    }
}

/// A list in words, of which the first few are named.
pub fn listed<T: Display>(items: &[T]) -> String {
    const MOST_NAMED: usize = 3;
    let mut names: Vec<String> = items
        .iter()
        .take(MOST_NAMED)
        .map(ToString::to_string)
        .collect();
    if items.len() > MOST_NAMED {
        names.push(format!("{} more", items.len() - MOST_NAMED));
    }
    match names.split_last() {
        Some((last, others)) if !others.is_empty() => format!("{} and {last}", others.join(", ")),
        _ => names.concat(),
    }
}

/// `ip`, or `ip -6` where a command does not see the family by its words.
fn ip(address: IpAddr) -> &'static str {
    match address {
        IpAddr::V4(_) => "ip",
        IpAddr::V6(_) => "ip -6",
    }
}

/// Returns the name of the protocol that finds the hardware address of one of this family.
fn resolution(address: IpAddr) -> &'static str {
    match address {
        IpAddr::V4(_) => "ARP",
        IpAddr::V6(_) => "neighbour discovery",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnose::checks::samples::{findings, identity, keep_waiting};
    use crate::diagnose::facts::{Conntrack, Route};
    use crate::model::KernelName;

    #[test]
    fn what_explains_a_finding_is_an_id() {
        for check in CHECKS {
            for id in check.unless {
                assert!(CHECKS.iter().any(|other| other.id == *id), "{id}");
            }
        }
    }

    #[test]
    fn a_service_does_without_a_server_that_no_command_repairs_while_another_is_well() {
        let with = |spoil: fn(&mut Facts)| {
            let findings = findings(|facts| {
                facts.services[0].servers[0].route = Route::Nowhere;
                keep_waiting(&mut facts.services[0].servers[0], 6);
                spoil(facts);
            });
            let no_route = findings.iter().find(|finding| finding.id == "no-route");
            let remedy = &no_route.unwrap().remedy;
            remedy.first().map(|step| step.command.clone())
        };
        let drained = "ipvsadm -e -t 192.0.2.1:80 -r 10.0.0.10:80 -m -w 0";
        assert_eq!(with(|_| ()).as_deref(), Some(drained));
        let other_is_drained: fn(&mut Facts) =
            |facts| facts.services[0].servers[1].state.destination.weight = 0;
        let other_is_at_fault: fn(&mut Facts) = |facts| {
            facts.services[0].servers[1].route = Route::Nowhere;
            keep_waiting(&mut facts.services[0].servers[1], 7);
        };
        let all_are_at_fault: fn(&mut Facts) = |facts| {
            facts.director.conntrack = Some(Conntrack { count: 10, max: 10 });
        };
        let weight_0_turns_away: fn(&mut Facts) =
            |facts| facts.services[0].state.service.scheduler = KernelName::from("dh");
        // A risk does not keep a server from being well, and it is not another than itself.
        let there_is_no_other: fn(&mut Facts) = |facts| {
            facts.services[0].servers.truncate(1);
            facts.services[0].servers[0].traffic.waiting_since_heard = 0;
        };
        for spoil in [
            other_is_drained,
            other_is_at_fault,
            all_are_at_fault,
            weight_0_turns_away,
            there_is_no_other,
        ] {
            assert_eq!(with(spoil), None);
        }
    }

    #[test]
    fn a_machine_that_is_at_fault_in_many_services_is_told_once() {
        let with = |count: u16| {
            findings(|facts| {
                let like = facts.services[0].clone();
                facts.services = (1..=count)
                    .map(|port| {
                        let mut service = like.clone();
                        service.state.service.identity = identity(&format!("-t 192.0.2.1:{port}"));
                        service.servers[0].route = Route::Nowhere;
                        service
                    })
                    .collect();
            })
        };
        assert_eq!(with(2).len(), 2);
        let many = with(7);
        assert_eq!(many.len(), 1, "{many:?}");
        assert!(
            many[0].text.ends_with(" The same in 6 more services."),
            "{}",
            many[0].text
        );
        assert_eq!(many[0].service, None);
        assert_eq!(many[0].touches.len(), 7);
        assert_eq!(many[0].evidence.last().unwrap().1, 7);
        assert_eq!(many[0].remedy.len(), 7);
        let in_one_they_wait = findings(|facts| {
            facts.services[0].servers[0].route = Route::Nowhere;
            let like = facts.services[0].clone();
            for port in 2..5 {
                facts.services.push(like.clone());
                let identity = identity(&format!("-t 192.0.2.1:{port}"));
                facts.services[port - 1].state.service.identity = identity;
            }
            keep_waiting(&mut facts.services[3].servers[0], 6);
        });
        assert_eq!(in_one_they_wait.len(), 1, "{in_one_they_wait:?}");
        assert_eq!(in_one_they_wait[0].level, Level::Fault);
    }

    #[test]
    fn long_lists_are_cut() {
        assert_eq!(listed(&[1]), "1");
        assert_eq!(listed(&[1, 2]), "1 and 2");
        assert_eq!(listed(&[1, 2, 3, 4, 5]), "1, 2, 3 and 2 more");
    }
}
