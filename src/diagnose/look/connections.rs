//! The kernel's connections, summed up by real server.

#![forbid(unsafe_code)]

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::net::IpAddr;
use std::ops::RangeInclusive;

use crate::attribution::{Lost, ServerPlace, Servers, Whose};
use crate::diagnose::facts::{Clients, Crowd, Director, Server, Service, Strays, Traffic};
use crate::ipvs::connections::{Connections, LONGEST_LOOK};
use crate::model::{
    Connection, DestinationIdentity, ForwardingMethod, Netmask, Protocol, ServiceIdentity,
    SyncDaemonRole, Timeouts,
};

/// The most connections that are looked at.
pub const MOST_CONNECTIONS: usize = 200_000;
/// The kernel keeps a connection in `SYN_RECV` for a minute after its last packet. Where that is
/// more than half a minute ago, it tells of what may have been repaired since; where it is less
/// than a second, its answer may be on the way.
const SYN_RECV_SECONDS: u64 = 60;
const WAITING_SECONDS: RangeInclusive<u64> = 1..=30;
/// For so many seconds after its last datagram, a flow of UDP counts as one that goes on. The kernel
/// keeps it for minutes, and most are a question and its answer.
const FRESH_SECONDS: u64 = 10;
/// The seconds for which the kernel keeps an association of SCTP: after its client has repeated its
/// first packet or waits for the next, once it is open, and once it is closed (`net/netfilter/ipvs/ip_vs_proto_sctp.c`).
const INIT_SECONDS: u64 = 61;
const SCTP_SECONDS: u64 = 15 * 60;
const CLOSED_SECONDS: u64 = 61;
/// The seconds that some client must have waited: a first handshake by satellite takes two, and what
/// is not answered is repeated after one, two and four.
const PATIENCE_SECONDS: u64 = 3;
/// The seconds that the kernel keeps connections in states that it has no setting for.
const TIME_WAIT_SECONDS: u64 = 120;
const CLOSE_WAIT_SECONDS: u64 = 60;
const LAST_ACK_SECONDS: u64 = 30;
/// So many connections of a client's show whether it asks one at a time.
const ENOUGH_TO_TELL: usize = 3;
/// The most firewall marks that are each given what is of one of them.
const MOST_SHARERS: usize = 8;
/// The most clients of a server that are told apart.
const MOST_CLIENTS: usize = 1000;

/// Sums up the connections for `services`, which are all of the table, and gives those that lead to
/// no server of their service. What cannot be read, or not be understood, is passed over and noted.
pub fn sum_up(director: &mut Director, services: &mut [Service]) -> Vec<Strays> {
    let Ok(connections) = Connections::open() else {
        director.unread.push("connections");
        return Vec::new();
    };
    let is_backup = director.daemon(SyncDaemonRole::Backup).is_some();
    let mut sums = Sums::new(services, director.timeouts, is_backup);
    let (mut count, mut is_understood) = (0, true);
    let cut = connections.each_within(MOST_CONNECTIONS, LONGEST_LOOK, |connection| {
        count += 1;
        match connection {
            Ok(connection) => sums.add(&connection),
            Err(_) => is_understood = false,
        }
    });
    if cut.is_err() || !is_understood {
        director.unread.push("connections");
    }
    director.connections_cut_at = cut.ok().flatten();
    sums.share_out(services);
    let checkers = sums.checkers();
    director.connections.get_or_insert(count);
    for ((service, server), seen) in sums.seen {
        let is_checker = |client| checkers.contains(&(service, client));
        let server = &mut services[service].servers[server];
        let method = server.state.destination.forwarding_method;
        let mut traffic = seen.traffic(method == ForwardingMethod::Masquerading, is_checker);
        traffic.growth = server.traffic.growth;
        // Who is answered resets the answer: here is none.
        if method == ForwardingMethod::Masquerading && server.state.statistics.outgoing_packets == 0
        {
            traffic.waiting_like_checks = 0;
        }
        server.traffic = traffic;
    }
    let strays = sums.strays.into_iter();
    strays
        .map(|((service, server), [count, datagrams])| Strays {
            service,
            server,
            count,
            datagrams,
        })
        .collect()
}

/// The connections of a server, as far as they were read.
#[derive(Clone, Default)]
struct Seen {
    traffic: Traffic,
    /// The client and the age of the last packet of each that waits, in seconds.
    waiting: Vec<(IpAddr, u64)>,
    /// The age of the last packet that was heard, in seconds.
    youngest_heard: Option<u64>,
    /// The opened connections of each client.
    by_client: HashMap<IpAddr, u64>,
    /// The connections that were reset, by the port that they were for.
    reset: HashMap<u16, u64>,
    /// The client and the age of the last packet of each that was closed, in seconds.
    closed: Vec<(IpAddr, u64)>,
}

impl Seen {
    /// The last packet of one that waits for a masqueraded server may be a SYN/ACK repeated: a scan
    /// from before the last that was heard looks as young as what came after it. Until it is too
    /// old to be looked at, only clients that were heard themselves are known to wait since.
    fn traffic(mut self, is_masqueraded: bool, is_checker: impl Fn(IpAddr) -> bool) -> Traffic {
        // Who is turned away past the director is not closed here.
        if !is_masqueraded {
            for (client, age) in std::mem::take(&mut self.closed) {
                self.hear(client, age);
            }
        }
        let heard = &self.traffic.heard.addresses;
        let is_since = |(client, age): &&(IpAddr, u64)| {
            self.youngest_heard.is_none_or(|youngest| {
                let is_long_ago = youngest > *WAITING_SECONDS.end();
                *age < youngest && (!is_masqueraded || is_long_ago || heard.contains(client))
            })
        };
        let has_had_time = self.waiting.iter().any(|(_, age)| *age >= PATIENCE_SECONDS);
        let since = || {
            let waiting = self.waiting.iter();
            waiting.filter(|waits| has_had_time && is_since(waits))
        };
        Traffic {
            waiting_since_heard: since().count() as u64,
            waiting_like_checks: since().filter(|(client, _)| is_checker(*client)).count() as u64,
            crowd: self.crowd(),
            reset: self.reset_at_one_port(),
            ..self.traffic
        }
    }

    /// Takes in a connection. `mask` has the bits of clients' addresses that count for persistence.
    fn count(&mut self, connection: &Connection<'_>, mask: Option<Netmask>, shown: Shown) {
        let (client, _) = connection.client;
        let (_, port) = connection.service;
        if matches!(shown, Shown::Heard { .. } | Shown::Datagrams { .. }) {
            let one = mask.map_or(client, |mask| mask.applied_to(client));
            *self.by_client.entry(one).or_default() += 1;
        }
        match shown {
            Shown::Waits(age) => {
                self.waiting.push((client, age));
                add_client(&mut self.traffic.waiting, client);
            }
            Shown::Heard { age, is_open } => {
                self.traffic.open += u64::from(is_open);
                self.hear(client, age);
            }
            Shown::Datagrams { is_fresh } => {
                self.traffic.datagrams += 1;
                self.traffic.open += u64::from(is_fresh);
            }
            Shown::Reset => *self.reset.entry(port).or_default() += 1,
            Shown::Closed { age } => self.closed.push((client, age)),
        }
    }

    /// Takes note of a client that went on; its last packet is so many seconds old.
    fn hear(&mut self, client: IpAddr, age: u64) {
        let youngest = self.youngest_heard.map_or(age, |other| other.min(age));
        self.youngest_heard = Some(youngest);
        add_client(&mut self.traffic.heard, client);
    }

    /// Returns the most that were reset at one port, if those are most of all: who looks for open ports
    /// is reset at each.
    fn reset_at_one_port(&self) -> u64 {
        let all: u64 = self.reset.values().sum();
        let most = self.reset.values().copied().max().unwrap_or_default();
        if 2 * most > all { most } else { 0 }
    }

    /// Adds up what was seen of one server.
    fn and(mut self, other: Seen) -> Seen {
        let traffic = &mut self.traffic;
        for (all, more) in [
            (&mut traffic.waiting, other.traffic.waiting),
            (&mut traffic.heard, other.traffic.heard),
        ] {
            all.count += more.count;
            all.addresses.extend(more.addresses);
        }
        traffic.open += other.traffic.open;
        traffic.datagrams += other.traffic.datagrams;
        self.waiting.extend(other.waiting);
        let youngest = self.youngest_heard.into_iter().chain(other.youngest_heard);
        self.youngest_heard = youngest.min();
        for (client, count) in other.by_client {
            *self.by_client.entry(client).or_default() += count;
        }
        for (port, count) in other.reset {
            *self.reset.entry(port).or_default() += count;
        }
        self.closed.extend(other.closed);
        self
    }

    fn crowd(&self) -> Crowd {
        let clients = self.by_client.iter();
        let clients = clients.map(|(client, connections)| (*client, *connections));
        Crowd {
            connections: self.by_client.values().sum(),
            clients: self.by_client.len() as u64,
            largest: clients.max_by_key(|(client, connections)| (*connections, Reverse(*client))),
        }
    }
}

/// Returns true for connections that were begun one after the other, by their ages in seconds. Who is
/// not answered in a hurry begins several at once, or the same one anew.
fn is_one_at_a_time(mut ages: Vec<u64>) -> bool {
    ages.sort_unstable();
    let (Some(first), Some(last)) = (ages.first(), ages.last()) else {
        return false;
    };
    // What comes once a second may, by a hair, come twice in one.
    let is_spread = last - first + 1 >= ages.len() as u64;
    ages.len() >= ENOUGH_TO_TELL && is_spread && ages.windows(3).all(|near| near[0] != near[2])
}

/// The connections of one port to a server that several firewall marks have.
#[derive(Default)]
struct Shared {
    /// All of them, whatever they show.
    count: u64,
    seen: Seen,
}

/// The meaning of a connection's state.
enum Shown {
    /// The handshake is not over; with its age in seconds.
    Waits(u64),
    /// The client went on behind the handshake.
    Heard { age: u64, is_open: bool },
    /// It is a flow of UDP, which may go on, or not.
    Datagrams { is_fresh: bool },
    /// It was reset a moment ago.
    Reset,
    /// It is one of SCTP that was closed, be it that its client went on before, or that the server
    /// turned it away.
    Closed { age: u64 },
}

/// The sums so far.
struct Sums {
    servers: Servers,
    /// Of each service, the bits of clients' addresses that count for its persistence.
    masks: Vec<Option<Netmask>>,
    timeouts: Timeouts,
    is_backup: bool,
    seen: HashMap<ServerPlace, Seen>,
    /// The same of servers that several firewall marks have, by the port that clients asked for.
    shared: HashMap<Vec<ServerPlace>, BTreeMap<u16, Shared>>,
    /// All of them, and those of UDP.
    strays: BTreeMap<(Option<ServiceIdentity>, DestinationIdentity), [u64; 2]>,
}

impl Sums {
    fn new(services: &[Service], timeouts: Timeouts, is_backup: bool) -> Sums {
        let mut servers = Servers::default();
        for service in services {
            let identities = service.servers.iter().map(Server::identity);
            servers.insert(service.identity(), identities);
        }
        let mask = |service: &Service| {
            let service = &service.state.service;
            service.persistence_timeout.map(|_| service.netmask)
        };
        Sums {
            servers,
            masks: services.iter().map(mask).collect(),
            timeouts,
            is_backup,
            seen: HashMap::new(),
            shared: HashMap::new(),
            strays: BTreeMap::new(),
        }
    }

    fn add(&mut self, connection: &Connection<'_>) {
        // Port 0 is what persistence remembers; where that leads to no server, the next connection
        // of the client is scheduled anew.
        if connection.client.1 == 0 {
            return;
        }
        let shown = self.shown_by(connection);
        match self.servers.server_of(connection) {
            Ok(Whose::Of(place)) => {
                let Some(shown) = shown else { return };
                let mask = self.masks.get(place.0).copied().flatten();
                let seen = self.seen.entry(place).or_default();
                seen.count(connection, mask, shown);
            }
            Ok(Whose::OneOf(marked)) => {
                let places = marked.iter().map(|server| server.place).collect();
                let by_port = self.shared.entry(places).or_default();
                let shared = by_port.entry(connection.service.1).or_default();
                shared.count += 1;
                if let Some(shown) = shown {
                    shared.seen.count(connection, None, shown);
                }
            }
            // A backup is told of the connections of services that it need not have.
            Err(Lost { service: None }) if self.is_backup => {}
            Err(Lost { service }) => {
                let is_datagram = match shown {
                    Some(Shown::Waits(_) | Shown::Heard { is_open: true, .. }) => false,
                    Some(Shown::Datagrams { .. }) => true,
                    // It is over.
                    _ => return,
                };
                self.stray(service, connection, is_datagram);
            }
        }
    }

    fn shown_by(&self, connection: &Connection<'_>) -> Option<Shown> {
        let age_of = |timeout: u64| timeout.saturating_sub(connection.seconds);
        let waits = |timeout| {
            let age = age_of(timeout);
            WAITING_SECONDS.contains(&age).then_some(Shown::Waits(age))
        };
        let ended = |timeout| {
            Some(Shown::Heard {
                age: age_of(timeout),
                is_open: false,
            })
        };
        match connection.state {
            b"SYN_RECV" => waits(SYN_RECV_SECONDS),
            b"INIT" | b"C-SENT" | b"C-REPLIED" => waits(INIT_SECONDS),
            b"ESTABLISHED" => {
                let timeout = match connection.named_protocol() {
                    Some(Protocol::Sctp) => SCTP_SECONDS,
                    _ => self.timeouts.tcp.into(),
                };
                Some(Shown::Heard {
                    age: age_of(timeout),
                    is_open: true,
                })
            }
            b"FIN_WAIT" => ended(self.timeouts.tcp_fin.into()),
            b"TIME_WAIT" => ended(TIME_WAIT_SECONDS),
            b"CLOSE_WAIT" => ended(CLOSE_WAIT_SECONDS),
            b"LAST_ACK" => ended(LAST_ACK_SECONDS),
            b"UDP" => Some(Shown::Datagrams {
                is_fresh: age_of(self.timeouts.udp.into()) <= FRESH_SECONDS,
            }),
            b"CLOSE" => Some(Shown::Reset),
            b"CLOSED" => Some(Shown::Closed {
                age: age_of(CLOSED_SECONDS),
            }),
            _ => None,
        }
    }

    /// Gives out what is of one of several marks: what came for a port to the one that has so many
    /// connections by the kernel's count; or where that does not tell and nobody at all is heard, to
    /// each that has some.
    fn share_out(&mut self, services: &[Service]) {
        let counted = |(service, server): &ServerPlace| {
            let state = &services[*service].servers[*server].state;
            u64::from(state.active_connections) + u64::from(state.inactive_connections)
        };
        for (places, by_port) in std::mem::take(&mut self.shared) {
            let carrying = places.into_iter().filter(|place| counted(place) > 0);
            let carrying: Vec<ServerPlace> = carrying.collect();
            let mut counts: Vec<u64> = carrying.iter().map(counted).collect();
            let mut counts_of_ports: Vec<u64> = by_port.values().map(|port| port.count).collect();
            counts.sort_unstable();
            counts_of_ports.sort_unstable();
            let all_differ = counts.windows(2).all(|pair| pair[0] != pair[1]);
            if all_differ && counts == counts_of_ports {
                for shared in by_port.into_values() {
                    let mut owners = carrying.iter().copied();
                    if let Some(owner) = owners.find(|place| counted(place) == shared.count) {
                        self.take_in(owner, shared.seen);
                    }
                }
                continue;
            }
            let all = by_port.into_values().map(|shared| shared.seen);
            let mut all = all.fold(Seen::default(), Seen::and);
            if carrying.len() > 1 && all.youngest_heard.is_some() {
                // Whose all were reset, its counters show.
                all = Seen {
                    reset: all.reset,
                    ..Seen::default()
                };
            }
            if carrying.len() <= MOST_SHARERS {
                for place in carrying {
                    self.take_in(place, all.clone());
                }
            }
        }
    }

    fn take_in(&mut self, place: ServerPlace, seen: Seen) {
        let own = self.seen.entry(place).or_default();
        *own = std::mem::take(own).and(seen);
    }

    /// The clients of each service that wait as health checks do: one half-open connection after the
    /// other. To the kernel, one whose client resets the answer waits on.
    fn checkers(&self) -> HashSet<(usize, IpAddr)> {
        let mut ages: HashMap<(usize, IpAddr), Vec<u64>> = HashMap::new();
        for ((service, _), seen) in &self.seen {
            for (client, age) in &seen.waiting {
                ages.entry((*service, *client)).or_default().push(*age);
            }
        }
        let ages = ages.into_iter();
        ages.filter_map(|(client, ages)| is_one_at_a_time(ages).then_some(client))
            .collect()
    }

    fn stray(
        &mut self,
        service: Option<ServiceIdentity>,
        connection: &Connection<'_>,
        is_datagram: bool,
    ) {
        let (address, port) = connection.destination;
        let server = DestinationIdentity { address, port };
        let [count, datagrams] = self.strays.entry((service, server)).or_default();
        *count += 1;
        *datagrams += u64::from(is_datagram);
    }
}

fn add_client(clients: &mut Clients, client: IpAddr) {
    clients.count += 1;
    if clients.addresses.len() < MOST_CLIENTS {
        clients.addresses.insert(client);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnose::checks::samples::{identity, server, service};
    use crate::ipvs::connections::parse_connection;

    /// Sums up lines of the kernel's file, for one service with one server.
    fn sums(lines: &[&str], is_backup: bool) -> Sums {
        sums_of("-t 10.0.0.1:80", lines, is_backup)
    }

    fn sums_of(named: &str, lines: &[&str], is_backup: bool) -> Sums {
        let mut service = service(named);
        let port = named.rsplit(':').next().unwrap();
        service.servers = vec![server(&format!("192.168.0.2:{port}"))];
        let timeouts = Timeouts {
            tcp: 900,
            tcp_fin: 120,
            udp: 300,
        };
        let mut sums = Sums::new(&[service], timeouts, is_backup);
        for line in lines {
            sums.add(&parse_connection(line.as_bytes()).unwrap());
        }
        sums
    }

    fn traffic_of(lines: &[&str], is_masqueraded: bool) -> Traffic {
        traffic_of_service("-t 10.0.0.1:80", lines, is_masqueraded)
    }

    fn traffic_of_service(named: &str, lines: &[&str], is_masqueraded: bool) -> Traffic {
        let seen = sums_of(named, lines, false).seen.remove(&(0, 0)).unwrap();
        seen.traffic(is_masqueraded, |_| false)
    }

    #[test]
    fn connections_are_counted_for_their_server() {
        let traffic = |lines: &[&str]| traffic_of(lines, false);
        let waiting = [
            "TCP 0A000002 9C42 0A000001 0050 C0A80002 0050 SYN_RECV     59",
            "TCP 0A000002 9C43 0A000001 0050 C0A80002 0050 SYN_RECV     55",
            "TCP 0A000003 9C44 0A000001 0050 C0A80002 0050 SYN_RECV     30",
            "TCP 0A000002 9C45 0A000001 0050 C0A80002 0050 SYN_RECV     29",
            "TCP 0A000002 9C46 0A000001 0050 C0A80002 0050 SYN_RECV     60",
            "TCP 0A000002 0000 0A000001 0050 C0A80002 0050 NONE     59",
        ];
        let seen = traffic(&waiting);
        assert_eq!((seen.waiting.count, seen.waiting_since_heard), (3, 3));
        assert_eq!(seen.waiting.addresses.len(), 2);
        assert_eq!((seen.heard.count, seen.open), (0, 0));
        for (heard, since, open) in [("ESTABLISHED 896", 1, 1), ("FIN_WAIT 114", 2, 0)] {
            let heard = format!("TCP 0A000004 9C47 0A000001 0050 C0A80002 0050 {heard}");
            let seen = traffic(&[&waiting[..], &[heard.as_str()]].concat());
            assert_eq!((seen.waiting.count, seen.waiting_since_heard), (3, since));
            assert_eq!((seen.heard.count, seen.open), (1, open));
        }
    }

    #[test]
    fn who_has_had_no_time_for_a_handshake_by_satellite_waits_for_nothing_yet() {
        for (seconds, since) in [([59, 58, 58], 0), ([59, 58, 57], 3), ([56, 58, 59], 3)] {
            let lines = seconds.map(|seconds| {
                format!("TCP 0A000002 9C42 0A000001 0050 C0A80002 0050 SYN_RECV     {seconds}")
            });
            let seen = traffic_of(&lines.each_ref().map(String::as_str), true);
            assert_eq!((seen.waiting.count, seen.waiting_since_heard), (3, since));
        }
    }

    #[test]
    fn clients_are_told_apart_as_persistence_does() {
        let lines = [
            "TCP 0A000102 9C42 0A000001 0050 C0A80002 0050 ESTABLISHED 896",
            "TCP 0A000102 9C43 0A000001 0050 C0A80002 0050 TIME_WAIT 96",
            "TCP 0A000103 9C43 0A000001 0050 C0A80002 0050 ESTABLISHED 896",
            "TCP 0A000203 9C43 0A000001 0050 C0A80002 0050 FIN_WAIT 96",
            "TCP 0A000204 9C43 0A000001 0050 C0A80002 0050 SYN_RECV 55",
        ];
        let crowd = |mask: Option<Netmask>| {
            let mut sums = sums(&[], false);
            sums.masks = vec![mask];
            for line in lines {
                sums.add(&parse_connection(line.as_bytes()).unwrap());
            }
            let crowd = sums
                .seen
                .remove(&(0, 0))
                .unwrap()
                .traffic(false, |_| false)
                .crowd;
            let (client, most) = crowd.largest.unwrap();
            (crowd.connections, crowd.clients, client.to_string(), most)
        };
        assert_eq!(crowd(None), (4, 3, "10.0.1.2".to_owned(), 2));
        let mask = Netmask::Ipv4([255, 255, 255, 0].into());
        assert_eq!(crowd(Some(mask)), (4, 2, "10.0.1.0".to_owned(), 3));
    }

    #[test]
    fn a_masqueraded_server_repeats_its_answers_to_a_scan_while_others_are_served() {
        let since = |waiting: &str, heard: u64, is_masqueraded| {
            let lines = [
                format!("TCP 0A00000{waiting} 9C42 0A000001 0050 C0A80002 0050 SYN_RECV     57"),
                format!("TCP 0A000002 9C43 0A000001 0050 C0A80002 0050 ESTABLISHED {heard}"),
            ];
            traffic_of(&lines.each_ref().map(String::as_str), is_masqueraded).waiting_since_heard
        };
        assert_eq!(since("3", 893, true), 0);
        assert_eq!(since("3", 893, false), 1);
        assert_eq!(since("2", 893, true), 1, "a client that was served before");
        assert_eq!(
            since("3", 869, true),
            1,
            "nobody was served for half a minute"
        );
    }

    #[test]
    fn who_asks_one_at_a_time_may_be_a_health_checker() {
        assert!(is_one_at_a_time(vec![9, 3, 5, 7]));
        assert!(is_one_at_a_time(vec![3, 4, 4, 6, 7]));
        for ages in [
            &[][..],
            &[9, 5],
            // Many at once, or again and again.
            &[4, 4, 4],
            &[4, 4, 5],
            &[2, 2, 2, 12, 22],
        ] {
            assert!(!is_one_at_a_time(ages.to_vec()), "{ages:?}");
        }
        let line = |client: &str, seconds: u64| {
            format!("TCP {client} 9C42 0A000001 0050 C0A80002 0050 SYN_RECV     {seconds}")
        };
        let lines = [
            line("0A000002", 57),
            line("0A000003", 55),
            line("0A000002", 52),
            line("0A000003", 55),
            line("0A000002", 47),
            line("0A000003", 55),
        ];
        let checkers = sums(&lines.each_ref().map(String::as_str), false).checkers();
        assert_eq!(checkers, [(0, IpAddr::from([10, 0, 0, 2]))].into());
        let seen = sums(&lines.each_ref().map(String::as_str), false).seen;
        let seen = seen.into_values().next().unwrap();
        let traffic = seen.traffic(false, |client| checkers.contains(&(0, client)));
        assert_eq!(
            (traffic.waiting_since_heard, traffic.waiting_like_checks),
            (6, 3)
        );
        assert_eq!(traffic.waiting_in_vain(), 3);
    }

    #[test]
    fn of_marks_that_share_a_server_the_one_that_has_connections_gets_them_or_all_that_are_unheard()
    {
        let line = |state: &str| format!("TCP 0A000002 9C42 0A000001 0050 C0A80002 0050 {state}");
        let (waits, heard) = (line("SYN_RECV     55"), line("ESTABLISHED     899"));
        let waiting = |connections: [u32; 2], lines: &[&String]| {
            let mut services = ["-f 1", "-f 2"].map(service);
            for (service, count) in services.iter_mut().zip(connections) {
                let mut server = server("192.168.0.2:0");
                server.state.active_connections = count;
                server.state.inactive_connections = 0;
                service.servers = vec![server];
            }
            let timeouts = Timeouts {
                tcp: 900,
                tcp_fin: 120,
                udp: 300,
            };
            let mut sums = Sums::new(&services, timeouts, false);
            for line in lines {
                sums.add(&parse_connection(line.as_bytes()).unwrap());
            }
            sums.share_out(&services);
            [0, 1].map(|service| {
                let seen = sums.seen.get(&(service, 0));
                seen.map_or(0, |seen| seen.waiting.len())
            })
        };
        assert_eq!(waiting([0, 2], &[&waits, &heard]), [0, 1]);
        assert_eq!(waiting([1, 1], &[&waits, &heard]), [0, 0]);
        assert_eq!(waiting([1, 1], &[&waits, &waits]), [2, 2]);
        // Those of each port are as many as the kernel counts for one of the marks.
        let at_443 = line("SYN_RECV     56").replace(" 0050 ", " 01BB ");
        let lines = [&heard, &at_443, &at_443];
        assert_eq!(waiting([1, 2], &lines), [0, 2]);
        assert_eq!(waiting([2, 1], &lines), [2, 0]);
        assert_eq!(waiting([2, 2], &lines), [0, 0]);
    }

    #[test]
    fn open_connections_to_another_server_are_strays_and_what_persistence_remembers_is_none() {
        let lines = [
            "TCP 0A000002 9C40 0A000001 0050 C0A80003 0050 ESTABLISHED     899",
            "TCP 0A000002 9C41 0A000001 0050 C0A80003 0050 TIME_WAIT     59",
            "TCP 0A000002 0000 0A000001 0050 C0A80003 0050 NONE     59",
        ];
        let strays = sums(&lines, true).strays;
        let service = identity("-t 10.0.0.1:80");
        assert_eq!(
            strays.into_iter().next().unwrap(),
            ((Some(service), server("192.168.0.3:80").identity()), [1, 0])
        );
    }

    #[test]
    fn a_flow_of_udp_is_open_while_it_is_fresh_and_a_stray_of_its_own() {
        let line = |server: &str, seconds: u64| {
            format!("UDP 0A000002 9C40 0A000001 0050 C0A8000{server} 0050 UDP     {seconds}")
        };
        for (seconds, open) in [(300, 1), (290, 1), (289, 0)] {
            let seen = traffic_of_service("-u 10.0.0.1:80", &[&line("2", seconds)], true);
            assert_eq!((seen.open, seen.datagrams), (open, 1), "{seconds}");
        }
        let strays = sums_of("-u 10.0.0.1:80", &[&line("3", 299)], false).strays;
        assert_eq!(strays.into_values().next(), Some([1, 1]));
    }

    #[test]
    fn connections_that_were_reset_are_counted_by_their_ports() {
        let line =
            |port: &str| format!("TCP 0A000002 9C40 0A000001 {port} C0A80002 {port} CLOSE       9");
        for (ports, reset) in [
            (&["0050", "01BB", "01BB", "01BB", "0051"][..], 3),
            (&["0050", "01BB", "01BB", "0051"], 0),
        ] {
            let lines: Vec<String> = ports.iter().map(|port| line(port)).collect();
            let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
            let seen = traffic_of_service("-t 10.0.0.1:0", &lines, true);
            assert_eq!(
                (seen.reset, seen.crowd.connections),
                (reset, 0),
                "{ports:?}"
            );
        }
    }

    #[test]
    fn associations_wait_while_they_are_begun_and_have_a_time_of_their_own() {
        let line = |state: &str| format!("SCTP 0A000002 9C40 0A000001 0050 C0A80002 0050 {state}");
        for (lines, since) in [
            (&["INIT       58", "INIT       59"][..], 2),
            // Who has sent one packet alone may be a scan.
            (&["INIT1       1", "ESTABLISHED     500"], 0),
            (&["C-SENT     57", "C-REPLIED  58"], 2),
            (&["INIT       57", "CLOSED     60"], 0),
            (&["INIT       57", "CLOSED     50"], 1),
            (&["INIT       30", "ESTABLISHED     500"], 0),
            // That one went on a second ago.
            (&["INIT       57", "ESTABLISHED     899"], 0),
            (&["INIT       57", "ESTABLISHED     891"], 1),
        ] {
            let lines: Vec<String> = lines.iter().map(|state| line(state)).collect();
            let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
            assert_eq!(
                traffic_of_service("--sctp-service 10.0.0.1:80", &lines, false).waiting_since_heard,
                since,
                "{lines:?}"
            );
        }
    }

    #[test]
    fn a_backup_knows_connections_of_services_that_it_lacks() {
        let lines = ["TCP 0A000002 9C40 0A000009 0035 C0A80003 0035 ESTABLISHED     299"];
        assert!(sums(&lines, true).strays.is_empty());
        assert_eq!(sums(&lines, false).strays.len(), 1);
    }
}
