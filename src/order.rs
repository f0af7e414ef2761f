//! The orders that a person may ask for with `--order`: the busiest services first, or connections
//! by what is looked for. The order that listings have by themselves is [`crate::render::order`]'s.
//!
//! Plain values, and comparisons of them. Whatever is equal keeps its place, so services that carry
//! nothing stay in the order of their addresses.

#![forbid(unsafe_code)]

use std::cmp::Reverse;
use std::net::IpAddr;

use crate::model::{Connection, DestinationState, KernelName, ServiceState};
use crate::rates::{Meter, Rates};

/// A virtual service and its destinations.
pub type ServiceEntry = (ServiceState, Vec<DestinationState>);

/// The order of virtual services, and of the destinations of each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ServiceOrder {
    /// The order of every listing.
    #[default]
    Address,
    /// The most active connections first.
    Active,
    /// The most connections first, active and inactive.
    Connections,
    /// The most bytes a second first, as looks that follow each other have measured them.
    Rate,
}

impl ServiceOrder {
    /// Every order, each followed by the next.
    pub const ALL: [ServiceOrder; 4] = [
        ServiceOrder::Address,
        ServiceOrder::Active,
        ServiceOrder::Connections,
        ServiceOrder::Rate,
    ];

    /// The word for each, in the order of [`ServiceOrder::ALL`], with what it means.
    pub const WORDS: [(&str, &str); 4] = [
        ("address", "as every listing is"),
        ("active", "the most active connections first"),
        ("connections", "the most connections first"),
        ("rate", "the most bytes a second first"),
    ];

    /// Returns the order that a word names.
    pub fn from_word(word: &[u8]) -> Option<ServiceOrder> {
        ServiceOrder::ALL
            .into_iter()
            .find(|order| order.word().as_bytes() == word)
    }

    /// Returns the word for it.
    pub fn word(self) -> &'static str {
        ServiceOrder::WORDS[self as usize].0
    }

    /// Returns what it means.
    pub fn meaning(self) -> &'static str {
        ServiceOrder::WORDS[self as usize].1
    }

    /// Sorts services that are in the order of every listing, and the destinations of each.
    /// `rates` are what [`ServiceOrder::Rate`] goes by.
    pub fn sort(self, services: &mut [ServiceEntry], rates: Option<&Rates>) {
        if self == ServiceOrder::Address {
            return;
        }
        services.sort_by_cached_key(|entry| Reverse(self.busyness(entry, rates)));
        for (service, servers) in services {
            self.sort_servers(service, servers, rates);
        }
    }

    /// Sorts the places of services that are in the order of every listing.
    pub fn sort_places(
        self,
        places: &mut [usize],
        services: &[ServiceEntry],
        rates: Option<&Rates>,
    ) {
        if self != ServiceOrder::Address {
            places.sort_by_cached_key(|place| Reverse(self.busyness(&services[*place], rates)));
        }
    }

    /// Sorts the destinations of a service.
    pub fn sort_servers(
        self,
        service: &ServiceState,
        servers: &mut [DestinationState],
        rates: Option<&Rates>,
    ) {
        if self != ServiceOrder::Address {
            servers.sort_by_cached_key(|server| {
                Reverse(self.busyness_of_server(service, server, rates))
            });
        }
    }

    /// Returns the sort key of a service; larger keys come first.
    fn busyness(self, (service, servers): &ServiceEntry, rates: Option<&Rates>) -> u64 {
        let identity = &service.service.identity;
        match self {
            ServiceOrder::Rate => standing(rates.and_then(|rates| rates.of_service(identity))),
            _ => servers
                .iter()
                .map(|server| self.busyness_of_server(service, server, rates))
                .sum(),
        }
    }

    fn busyness_of_server(
        self,
        service: &ServiceState,
        server: &DestinationState,
        rates: Option<&Rates>,
    ) -> u64 {
        let service = &service.service.identity;
        let identity = &server.destination.identity;
        match self {
            ServiceOrder::Address => 0,
            ServiceOrder::Active => u64::from(server.active_connections),
            ServiceOrder::Connections => server.connections(),
            ServiceOrder::Rate => {
                standing(rates.and_then(|rates| rates.of_server(service, identity)))
            }
        }
    }

    /// Returns the order that follows this one, and the first after the last.
    pub fn next(self) -> ServiceOrder {
        ServiceOrder::ALL[(self as usize + 1) % ServiceOrder::ALL.len()]
    }
}

/// Returns the place of what has been measured; what has not carries nothing.
fn standing(meter: Option<&Meter>) -> u64 {
    meter.map_or(0, Meter::standing)
}

/// The order of connections.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ConnectionOrder {
    /// The order in which the kernel lists them.
    #[default]
    Kernel,
    /// Those first that are kept for the shortest time.
    Expire,
    /// By the clients' addresses and ports.
    Client,
    /// By the names of their states.
    State,
}

impl ConnectionOrder {
    /// Every order, each followed by the next.
    pub const ALL: [ConnectionOrder; 4] = [
        ConnectionOrder::Kernel,
        ConnectionOrder::Expire,
        ConnectionOrder::Client,
        ConnectionOrder::State,
    ];

    /// The words for those that can be asked for, with what each means.
    pub const WORDS: [(&str, &str); 3] = [
        ("expire", "those first that expire first"),
        ("client", "by the clients' addresses"),
        ("state", "by the names of their states"),
    ];

    /// Returns the order that a word names.
    pub fn from_word(word: &[u8]) -> Option<ConnectionOrder> {
        let asked_for = &ConnectionOrder::ALL[1..];
        let named = ConnectionOrder::WORDS.iter().zip(asked_for);
        let mut named = named.filter(|((name, _), _)| name.as_bytes() == word);
        named.next().map(|(_, order)| *order)
    }

    /// Returns the word for it; none for the kernel's.
    pub fn word(self) -> Option<&'static str> {
        self.named().map(|(word, _)| word)
    }

    /// Returns what it means; nothing for the kernel's.
    pub fn meaning(self) -> Option<&'static str> {
        self.named().map(|(_, meaning)| meaning)
    }

    fn named(self) -> Option<(&'static str, &'static str)> {
        let asked_for = (self as usize).checked_sub(1)?;
        Some(ConnectionOrder::WORDS[asked_for])
    }

    /// Returns the order that follows this one, and the first after the last.
    pub fn next(self) -> ConnectionOrder {
        ConnectionOrder::ALL[(self as usize + 1) % ConnectionOrder::ALL.len()]
    }

    /// Returns the key by which a connection is sorted; none in the kernel's order.
    pub fn key(self, connection: &Connection<'_>) -> Option<ConnectionKey> {
        match self {
            ConnectionOrder::Kernel => None,
            ConnectionOrder::Expire => Some(ConnectionKey::Seconds(connection.seconds)),
            ConnectionOrder::Client => {
                let (address, port) = connection.client;
                Some(ConnectionKey::Client(address, port))
            }
            ConnectionOrder::State => {
                let state = KernelName::truncated(connection.state);
                Some(ConnectionKey::State(state))
            }
        }
    }
}

/// The key of a connection in one of the orders.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ConnectionKey {
    /// For how long it is kept.
    Seconds(u64),
    /// Its client.
    Client(IpAddr, u16),
    /// Its state.
    State(KernelName),
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;
    use crate::model::{ServiceIdentity, Statistics};
    use crate::samples;

    /// Returns a service at a port, with destinations of so many active and inactive connections.
    fn service(port: u16, servers: &[(u32, u32)]) -> ServiceEntry {
        let mut service = samples::service();
        if let ServiceIdentity::Endpoint { port: of, .. } = &mut service.service.identity {
            *of = port;
        }
        let servers = servers.iter().zip(1..).map(|((active, inactive), port)| {
            let mut server = samples::destination();
            server.destination.identity.port = port;
            server.active_connections = *active;
            server.inactive_connections = *inactive;
            server
        });
        (service, servers.collect())
    }

    /// Returns the ports of services, each with those of its destinations.
    fn ports(services: &[ServiceEntry]) -> Vec<(u16, Vec<u16>)> {
        let of_servers = |servers: &[DestinationState]| {
            let ports = servers
                .iter()
                .map(|server| server.destination.identity.port);
            ports.collect()
        };
        services
            .iter()
            .map(|(service, servers)| (service.service.identity.port(), of_servers(servers)))
            .collect()
    }

    #[test]
    fn the_busiest_come_first_and_equals_keep_their_places() {
        let services = [
            service(80, &[(3, 9), (4, 2)]),
            service(81, &[]),
            service(82, &[(1, 0), (7, 1), (1, 30)]),
            service(83, &[(5, 0), (2, 11)]),
        ];
        for (order, expected) in [
            (
                ServiceOrder::Address,
                [
                    (80, vec![1, 2]),
                    (81, vec![]),
                    (82, vec![1, 2, 3]),
                    (83, vec![1, 2]),
                ],
            ),
            (
                ServiceOrder::Active,
                [
                    (82, vec![2, 1, 3]),
                    (80, vec![2, 1]),
                    (83, vec![1, 2]),
                    (81, vec![]),
                ],
            ),
            (
                ServiceOrder::Connections,
                [
                    (82, vec![3, 2, 1]),
                    (80, vec![1, 2]),
                    (83, vec![2, 1]),
                    (81, vec![]),
                ],
            ),
            // Nothing has been measured.
            (
                ServiceOrder::Rate,
                [
                    (80, vec![1, 2]),
                    (81, vec![]),
                    (82, vec![1, 2, 3]),
                    (83, vec![1, 2]),
                ],
            ),
        ] {
            let mut sorted = services.clone();
            order.sort(&mut sorted, None);
            assert_eq!(ports(&sorted), expected, "{order:?}");
            let mut places = [0, 1, 2, 3];
            order.sort_places(&mut places, &services, None);
            let first = |place: &usize| services[*place].0.service.identity.port();
            let expected: Vec<u16> = expected.iter().map(|(port, _)| *port).collect();
            assert_eq!(places.iter().map(first).collect::<Vec<_>>(), expected);
        }
    }

    #[test]
    fn by_rate_the_most_bytes_a_second_come_first() {
        let mut services = vec![
            service(80, &[(9, 9), (1, 1)]),
            service(81, &[(8, 8)]),
            service(82, &[(7, 7), (2, 2), (3, 3)]),
        ];
        // The bytes of each service and of its destinations that came between two looks.
        let bytes: [(u64, &[u64]); 3] = [(70, &[20, 50]), (10, &[12]), (300, &[90, 30, 160])];
        let begin = Instant::now();
        let mut rates = Rates::new(Duration::from_secs(2));
        for (look, now) in [(0, begin), (1, begin + Duration::from_secs(2))] {
            rates.begin(now, None);
            let counted = |bytes: u64| Statistics {
                outgoing_bytes: 5000 + look * bytes,
                ..Statistics::default()
            };
            for ((service, servers), (of_service, of_servers)) in services.iter().zip(bytes) {
                let identity = service.service.identity;
                rates.note_service(identity, &counted(of_service));
                for (server, of_server) in servers.iter().zip(of_servers) {
                    let destination = server.destination.identity;
                    rates.note_server(identity, destination, &counted(*of_server));
                }
            }
            rates.end();
        }
        ServiceOrder::Rate.sort(&mut services, Some(&rates));
        let expected = [(82, vec![3, 1, 2]), (80, vec![2, 1]), (81, vec![1])];
        assert_eq!(ports(&services), expected);
    }

    #[test]
    fn orders_follow_each_other_in_a_circle() {
        for order in ServiceOrder::ALL {
            assert_eq!(order.next().next().next().next(), order);
            assert_ne!(order.next().next(), order);
        }
        for order in ConnectionOrder::ALL {
            assert_eq!(order.next().next().next().next(), order);
            assert_ne!(order.next().next(), order);
            let named = order
                .word()
                .map(|word| ConnectionOrder::from_word(word.as_bytes()));
            assert_eq!(named.flatten().unwrap_or_default(), order);
        }
    }

    #[test]
    fn each_order_has_its_word() {
        for (word, order) in [
            ("address", Some(ServiceOrder::Address)),
            ("active", Some(ServiceOrder::Active)),
            ("connections", Some(ServiceOrder::Connections)),
            ("rate", Some(ServiceOrder::Rate)),
            ("expire", None),
            ("", None),
        ] {
            assert_eq!(ServiceOrder::from_word(word.as_bytes()), order, "{word}");
        }
        for (word, order) in [
            ("expire", Some(ConnectionOrder::Expire)),
            ("client", Some(ConnectionOrder::Client)),
            ("state", Some(ConnectionOrder::State)),
            ("active", None),
            ("", None),
        ] {
            assert_eq!(ConnectionOrder::from_word(word.as_bytes()), order, "{word}");
        }
        for order in ConnectionOrder::ALL {
            let named = order.word().zip(order.meaning());
            let known = ConnectionOrder::WORDS
                .into_iter()
                .find(|known| Some(*known) == named);
            assert_eq!(
                known.is_some(),
                order != ConnectionOrder::Kernel,
                "{order:?}"
            );
        }
    }
}
