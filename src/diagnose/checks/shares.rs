//! Checks of how connections are shared among the servers of a service.

#![forbid(unsafe_code)]

use std::net::IpAddr;

use crate::diagnose::facts::{Facts, Server, Service};
use crate::diagnose::findings::{Basis, Claim, Finding};
use crate::schedulers::{self, Promise};

use super::{about, counted, endpoint};

/// The fewest connections of a service, and the least difference of a server's, that prove anything.
const FEWEST: u64 = 20;
const LEAST_DIFFERENCE: f64 = 10.0;
/// The factor from which on a share is far from what is promised.
const FAR: f64 = 2.0;
/// The most clients for each server that are few for a hash.
const FEW_CLIENTS: u64 = 16;

/// Notes a server that has far more connections than promised, or far less, if a cause can be proved.
pub fn uneven(facts: &Facts) -> Vec<Finding> {
    if facts.director.connections_cut_at.is_some() {
        return Vec::new();
    }
    facts.services.iter().filter_map(uneven_service).collect()
}

fn uneven_service(service: &Service) -> Option<Finding> {
    // What keeps a server from its clients, or clients from it, is told by others.
    let is_held_up = |server: &Server| {
        server.traffic.waiting.count > 0 || server.state.is_full() || server.state.may_be_full()
    };
    if service.servers.iter().any(is_held_up) {
        return None;
    }
    let shares = Shares::of(service)?;
    shares
        .is_uneven()
        .then(|| by_clients(service, &shares).or_else(|| by_age(service, &shares)))?
}

/// The connections that servers have, beside those that they were promised. Servers that take none
/// are left out.
struct Shares<'f> {
    servers: Vec<(&'f Server, f64)>,
    all: u64,
    weights: f64,
}

impl<'f> Shares<'f> {
    fn of(service: &'f Service) -> Option<Shares<'f>> {
        let promise = Promise::by(service.state.service.scheduler.as_bytes())?;
        let takers = service.servers.iter();
        let takers = takers.filter(|server| server.state.destination.weight > 0);
        let servers: Vec<(&Server, f64)> = takers
            .map(|server| match promise {
                Promise::ByWeight => (server, f64::from(server.state.destination.weight)),
                Promise::Equal => (server, 1.0),
            })
            .collect();
        let connections = servers.iter().map(|(server, _)| connections(server));
        Some(Shares {
            all: connections.sum(),
            weights: servers.iter().map(|(_, weight)| weight).sum(),
            servers,
        })
    }

    /// Returns what of so many connections was promised to a server.
    fn promised(&self, weight: f64, all: u64) -> f64 {
        all as f64 * weight / self.weights
    }

    fn is_uneven(&self) -> bool {
        self.is_uneven_without(None)
    }

    /// Returns true if some server is far from what it was promised, were it not for so many
    /// connections of this one.
    fn is_uneven_without(&self, some: Option<(&Server, u64)>) -> bool {
        let of_some = |server: &Server| match some {
            Some((other, number)) if other.identity() == server.identity() => number,
            _ => 0,
        };
        let all = self.all - some.map_or(0, |(_, number)| number);
        all >= FEWEST
            && self.servers.iter().any(|(server, weight)| {
                let has = (connections(server) - of_some(server)) as f64;
                let promised = self.promised(*weight, all);
                (has - promised).abs() >= LEAST_DIFFERENCE
                    && (has >= promised * FAR || has * FAR <= promised)
            })
    }

    /// Returns the server with the most connections beyond what it was promised, times `sign`.
    fn farthest(&self, sign: f64) -> Option<(&'f Server, f64)> {
        let beyond = self.servers.iter().map(|(server, weight)| {
            let promised = self.promised(*weight, self.all);
            (*server, sign * (connections(server) as f64 - promised))
        });
        beyond.max_by(|(_, one), (_, other)| one.total_cmp(other))
    }

    /// Begins a finding about a server.
    fn finding(
        &self,
        service: &Service,
        server: &Server,
        cause: &'static str,
        why: &str,
    ) -> Finding {
        let weight = self
            .servers
            .iter()
            .find(|(it, _)| it.identity() == server.identity());
        let promised = weight
            .map_or(0.0, |(_, weight)| 100.0 * weight / self.weights)
            .round();
        let text = format!(
            "{} has {} of {}, and was promised {promised}%: {why}",
            endpoint(server.identity()),
            connections(server),
            counted(self.all, "connection"),
        );
        about(Basis::Traffic, Claim::Informs, service, server, text)
            .seen("cause", cause)
            .seen("connections", connections(server))
            .seen("of", self.all)
            .seen("promised_percent", promised as u64)
    }
}

fn connections(server: &Server) -> u64 {
    server.traffic.crowd.connections
}

/// Finds a cause in who the clients are, where all connections of one go to the same server.
fn by_clients(service: &Service, shares: &Shares<'_>) -> Option<Finding> {
    let settings = &service.state.service;
    // An engine tells clients apart by more than their addresses.
    let is_persistent =
        settings.persistence_timeout.is_some() && settings.persistence_engine.is_empty();
    let is_hashed = schedulers::hashes_clients(settings);
    let keeper = match (is_persistent, is_hashed) {
        (true, _) => "persistence".to_owned(),
        (false, true) => settings.scheduler.to_string(),
        (false, false) => return None,
    };
    let (server, excess) = shares.farthest(1.0)?;
    let crowd = server.traffic.crowd;
    let (client, most) = crowd.largest?;
    if 2 * most >= crowd.connections && !shares.is_uneven_without(Some((server, most))) {
        return Some(of_one_client(
            service,
            shares,
            server,
            (client, most),
            &keeper,
        ));
    }
    let brought_back = crowd.connections - crowd.clients;
    if is_persistent && brought_back as f64 >= excess {
        let why = format!(
            "persistence brought {brought_back} of them, of clients that had one there already."
        );
        let finding = shares.finding(service, server, "persistence", &why);
        return Some(finding.seen("brought_back", brought_back));
    }
    let clients = shares
        .servers
        .iter()
        .map(|(server, _)| server.traffic.crowd.clients);
    let clients: u64 = clients.sum();
    let is_few = clients <= FEW_CLIENTS * shares.servers.len() as u64;
    (!is_persistent && is_few).then(|| {
        let why = format!(
            "{keeper} sends all connections of a client to one server, and there are only {}.",
            counted(clients, "client")
        );
        let finding = shares.finding(service, server, "few-clients", &why);
        finding.seen("clients", clients)
    })
}

fn of_one_client(
    service: &Service,
    shares: &Shares<'_>,
    server: &Server,
    (client, most): (IpAddr, u64),
    keeper: &str,
) -> Finding {
    let mask = service.state.service.netmask;
    let who = match keeper {
        "persistence" if !mask.is_single_host() => "The clients of one network",
        _ => "One client",
    };
    let why = format!("{who}, {client}, made {most} of them, which {keeper} keeps together.");
    shares
        .finding(service, server, "large-client", &why)
        .seen("client", client.to_string())
        .seen("client_connections", most)
}

/// Finds that the others' connections are older than a server's part in the service: than the server,
/// its weight or the scheduler. Had they been scheduled since, it would have counted its share.
fn by_age(service: &Service, shares: &Shares<'_>) -> Option<Finding> {
    let settings = &service.state.service;
    if settings.persistence_timeout.is_some() || schedulers::hashes_clients(settings) {
        return None;
    }
    let (server, lack) = shares.farthest(-1.0)?;
    let counted_by = |server: &Server| server.state.statistics.connections;
    // Counters that were zeroed, or do not move, and connections learnt from another director.
    let is_counted = |(server, _): &(&Server, f64)| counted_by(server) >= connections(server);
    let promised = lack + connections(server) as f64;
    let given = counted_by(server);
    let is_new = FAR * given as f64 <= promised;
    (shares.servers.iter().all(is_counted) && is_new).then(|| {
        let why = format!(
            "it was given only {given} so far, so the others' are from before it took its share."
        );
        let finding = shares.finding(service, server, "older-connections", &why);
        finding.seen("given", given)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnose::checks::samples::findings;
    use crate::diagnose::facts::Crowd;
    use crate::diagnose::findings::Level;
    use crate::model::{KernelName, SchedulerFlags};

    /// Returns the causes found where two servers have connections of so many clients, the most of
    /// them of one, and have counted so many.
    fn causes(
        servers: [(u64, u64, u64, u64); 2],
        spoil: impl FnOnce(&mut Service),
    ) -> Vec<(u64, String)> {
        let found = findings(|facts| {
            let service = &mut facts.services[0];
            for (server, (connections, clients, most, counted)) in
                service.servers.iter_mut().zip(servers)
            {
                server.traffic.crowd = Crowd {
                    connections,
                    clients,
                    largest: (most > 0).then_some(([198, 51, 100, 7].into(), most)),
                };
                server.state.statistics.connections = counted;
            }
            spoil(service);
        });
        let uneven = found.into_iter().filter(|finding| finding.id == "uneven");
        uneven
            .map(|finding| {
                assert_eq!(finding.level, Level::Note);
                let seen = |name| {
                    let mut evidence = finding.evidence.iter();
                    evidence.find(|(it, _)| *it == name).unwrap().1.clone()
                };
                let cause = seen("cause").as_str().unwrap().to_owned();
                (seen("connections").as_u64().unwrap(), cause)
            })
            .collect()
    }

    fn persistent(service: &mut Service) {
        service.state.service.persistence_timeout = Some(300);
    }

    fn scheduled_by(service: &mut Service, scheduler: &str) {
        service.state.service.scheduler = KernelName::from(scheduler);
    }

    fn is(connections: u64, cause: &str) -> Vec<(u64, String)> {
        vec![(connections, cause.to_owned())]
    }

    #[test]
    fn nothing_is_said_that_cannot_be_proved() {
        // Of one scheduler that shares evenly, and of servers that counted what they have.
        assert_eq!(causes([(30, 5, 9, 40), (3, 3, 1, 41)], |_| ()), []);
        // An address and a port are hashed; weights promise as much; there are too few.
        let with_ports = |service: &mut Service| {
            scheduled_by(service, "sh");
            service.state.service.scheduler_flags = SchedulerFlags::from_bits(0b10);
        };
        assert_eq!(causes([(30, 5, 9, 40), (3, 3, 1, 41)], with_ports), []);
        let by_weight = |service: &mut Service| {
            persistent(service);
            scheduled_by(service, "wrr");
            service.servers[0].state.destination.weight = 10;
        };
        assert_eq!(causes([(30, 5, 9, 40), (3, 3, 1, 41)], by_weight), []);
        assert_eq!(causes([(17, 5, 5, 40), (2, 2, 1, 41)], persistent), []);
        // Clients that never had one there.
        assert_eq!(causes([(30, 28, 2, 40), (3, 3, 1, 41)], persistent), []);
    }

    #[test]
    fn persistence_and_large_clients_are_told_apart() {
        let of_many = causes([(30, 5, 9, 40), (3, 3, 1, 41)], persistent);
        assert_eq!(of_many, is(30, "persistence"));
        let of_one = causes([(30, 5, 21, 40), (8, 7, 2, 41)], persistent);
        assert_eq!(of_one, is(30, "large-client"));
        // Without its connections, the servers have as many: 29 each.
        let of_most = causes([(90, 5, 61, 95), (29, 7, 2, 41)], persistent);
        assert_eq!(of_most, is(90, "large-client"));
        // Without it, they would still be uneven.
        let of_both = causes([(60, 5, 31, 70), (3, 3, 1, 71)], persistent);
        assert_eq!(of_both, is(60, "persistence"));
        let waits = |service: &mut Service| {
            persistent(service);
            service.servers[1].traffic.waiting.count = 1;
        };
        let held_up = causes([(30, 5, 9, 40), (3, 3, 1, 41)], waits);
        assert_eq!(held_up, []);
        // At its upper threshold, or somewhere below it, where it may still count as full.
        for (upper, is_told) in [(30, false), (39, false), (41, true)] {
            let with_threshold = |service: &mut Service| {
                persistent(service);
                let state = &mut service.servers[0].state;
                state.destination.upper_threshold = upper;
                (state.active_connections, state.inactive_connections) = (19, 11);
            };
            let found = causes([(30, 5, 9, 40), (3, 3, 1, 41)], with_threshold);
            assert_eq!(!found.is_empty(), is_told, "{upper}");
        }
    }

    #[test]
    fn shares_are_those_of_the_weights_and_of_servers_that_take_connections() {
        let weighted = |weights: [u32; 2]| {
            move |service: &mut Service| {
                persistent(service);
                scheduled_by(service, "wrr");
                for (server, weight) in service.servers.iter_mut().zip(weights) {
                    server.state.destination.weight = weight;
                }
            }
        };
        let servers = [(45, 6, 9, 50), (15, 4, 3, 51)];
        assert_eq!(causes(servers, weighted([3, 1])), []);
        assert_eq!(causes(servers, weighted([1, 3])), is(45, "persistence"));
        assert_eq!(causes(servers, weighted([0, 7])), []);
    }

    #[test]
    fn a_hash_needs_many_clients() {
        let hashed = |service: &mut Service| scheduled_by(service, "mh");
        let few = causes([(60, 29, 3, 70), (7, 3, 2, 71)], hashed);
        assert_eq!(few, is(60, "few-clients"));
        assert_eq!(causes([(60, 30, 3, 70), (7, 3, 2, 71)], hashed), []);
        let one = causes([(30, 5, 21, 40), (8, 7, 2, 41)], hashed);
        assert_eq!(one, is(30, "large-client"));
    }

    #[test]
    fn a_new_server_has_none_of_the_older_connections() {
        let new = causes([(30, 9, 9, 40), (2, 2, 1, 8)], |_| ());
        assert_eq!(new, is(2, "older-connections"));
        // It was given as many, which have ended; or counters were zeroed.
        assert_eq!(causes([(30, 9, 9, 40), (2, 2, 1, 9)], |_| ()), []);
        assert_eq!(causes([(30, 9, 9, 29), (2, 2, 1, 8)], |_| ()), []);
        let overflow = |service: &mut Service| scheduled_by(service, "ovf");
        assert_eq!(causes([(30, 9, 9, 40), (2, 2, 1, 8)], overflow), []);
    }
}
