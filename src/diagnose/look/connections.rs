//! The kernel's connections, summed up by real server.

#![forbid(unsafe_code)]

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::time::{Duration, Instant};

use crate::attribution::{Lost, ServerPlace, Servers};
use crate::diagnose::facts::{Director, Handshakes, Server, Service, Strays};
use crate::error::Error;
use crate::ipvs::connections::Connections;
use crate::model::{Connection, DestinationIdentity, ServiceIdentity, SyncDaemonRole};

/// The most connections that are looked at.
const MOST_CONNECTIONS: usize = 200_000;
/// For how long they are looked at. Older kernels, 6.1 among them, go through their table from the
/// beginning for each page of the file: where there are many, the whole of it takes minutes.
const LONGEST: Duration = Duration::from_secs(2);
/// After how many connections the clock is looked at.
const CLOCK_STEP: usize = 64;
/// The kernel keeps a connection in `SYN_RECV` for a minute after its last packet. Where that is
/// more than half a minute ago, it tells of what may have been repaired since.
const SECONDS_LEFT_OF_RECENT: u64 = 30;
/// The most clients of a server that are told apart.
const MOST_CLIENTS: usize = 1000;

/// Sums up the connections for `services`, which are all of the table, and gives those that lead to
/// no server of their service.
pub fn sum_up(director: &mut Director, services: &mut [Service]) -> Result<Vec<Strays>, Error> {
    let Ok(mut entries) = Connections::open() else {
        return Ok(Vec::new());
    };
    let is_backup = director.daemons.contains(&SyncDaemonRole::Backup);
    let mut sums = Sums::new(services, is_backup);
    let begin = Instant::now();
    let mut count = 0;
    while entries.advance()? {
        let is_late = count % CLOCK_STEP == 0 && begin.elapsed() > LONGEST;
        if count == MOST_CONNECTIONS || is_late {
            director.connections_cut_at = Some(count);
            break;
        }
        count += 1;
        sums.add(&entries.connection()?);
    }
    for ((service, server), handshakes) in sums.handshakes {
        services[service].servers[server].handshakes = handshakes;
    }
    let strays = sums.strays.into_iter();
    Ok(strays
        .map(|((service, server), count)| Strays {
            service,
            server,
            count,
        })
        .collect())
}

/// The sums so far.
struct Sums {
    servers: Servers,
    is_backup: bool,
    handshakes: HashMap<ServerPlace, Handshakes>,
    strays: BTreeMap<(Option<ServiceIdentity>, DestinationIdentity), u64>,
}

impl Sums {
    fn new(services: &[Service], is_backup: bool) -> Sums {
        let mut servers = Servers::default();
        for service in services {
            let identities = service.servers.iter().map(Server::identity);
            servers.insert(service.identity(), identities);
        }
        Sums {
            servers,
            is_backup,
            handshakes: HashMap::new(),
            strays: BTreeMap::new(),
        }
    }

    fn add(&mut self, connection: &Connection<'_>) {
        // Port 0 is what persistence remembers; where that leads to no server, the next connection
        // of the client is scheduled anew.
        if connection.client.1 == 0 {
            return;
        }
        let is_stuck =
            connection.state == b"SYN_RECV" && connection.seconds >= SECONDS_LEFT_OF_RECENT;
        let is_open = connection.state == b"ESTABLISHED" || connection.state == b"UDP";
        if !is_stuck && !is_open {
            return;
        }
        match self.servers.server_of(connection) {
            Ok(place) => self.count(place, connection.client.0, is_stuck),
            // A backup is told of the connections of services that it need not have.
            Err(Lost { service: None }) if self.is_backup => {}
            Err(Lost { service }) => self.stray(service, connection),
        }
    }

    fn count(&mut self, place: ServerPlace, client: IpAddr, is_stuck: bool) {
        let handshakes = self.handshakes.entry(place).or_default();
        let (count, clients) = match is_stuck {
            true => (&mut handshakes.stuck, &mut handshakes.stuck_clients),
            false => (&mut handshakes.open, &mut handshakes.open_clients),
        };
        *count += 1;
        if clients.len() < MOST_CLIENTS {
            clients.insert(client);
        }
    }

    fn stray(&mut self, service: Option<ServiceIdentity>, connection: &Connection<'_>) {
        let (address, port) = connection.destination;
        let server = DestinationIdentity { address, port };
        *self.strays.entry((service, server)).or_default() += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnose::checks::samples::{endpoint, server, service};
    use crate::ipvs::connections::parse_connection;

    /// Sums up lines of the kernel's file, for one service with one server.
    fn sums(lines: &[&str], is_backup: bool) -> Sums {
        let mut service = service("-t 10.0.0.1:80");
        service.servers = vec![server("192.168.0.2:80")];
        let mut sums = Sums::new(&[service], is_backup);
        for line in lines {
            sums.add(&parse_connection(line.as_bytes()).unwrap());
        }
        sums
    }

    #[test]
    fn connections_are_counted_for_their_server() {
        let sums = sums(
            &[
                "TCP 0A000002 9C40 0A000001 0050 C0A80002 0050 ESTABLISHED     899",
                "TCP 0A000002 9C41 0A000001 0050 C0A80002 0050 SYN_RECV     59",
                "TCP 0A000002 9C42 0A000001 0050 C0A80002 0050 SYN_RECV     59",
                "TCP 0A000002 9C43 0A000001 0050 C0A80002 0050 SYN_RECV     29",
                "TCP 0A000002 9C43 0A000001 0050 C0A80002 0050 FIN_WAIT     59",
                "TCP 0A000002 0000 0A000001 0050 C0A80002 0050 NONE     59",
            ],
            false,
        );
        let handshakes = &sums.handshakes[&(0, 0)];
        assert_eq!((handshakes.open, handshakes.stuck), (1, 2));
        assert_eq!(handshakes.stuck_clients.len(), 1);
        assert!(sums.strays.is_empty());
    }

    #[test]
    fn open_connections_to_another_server_are_strays_and_what_persistence_remembers_is_none() {
        let lines = [
            "TCP 0A000002 9C40 0A000001 0050 C0A80003 0050 ESTABLISHED     899",
            "TCP 0A000002 9C41 0A000001 0050 C0A80003 0050 TIME_WAIT     59",
            "TCP 0A000002 0000 0A000001 0050 C0A80003 0050 NONE     59",
        ];
        let strays = sums(&lines, true).strays;
        let service = endpoint("-t 10.0.0.1:80");
        assert_eq!(
            strays.into_iter().next().unwrap(),
            ((Some(service), server("192.168.0.3:80").identity()), 1)
        );
    }

    #[test]
    fn a_backup_knows_connections_of_services_that_it_lacks() {
        let lines = ["UDP 0A000002 9C40 0A000009 0035 C0A80003 0035 UDP     299"];
        assert!(sums(&lines, true).strays.is_empty());
        assert_eq!(sums(&lines, false).strays.len(), 1);
    }
}
