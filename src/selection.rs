//! A selection of the kernel's connections, and the key by which they are counted.
//!
//! Plain values, and the comparison of a connection with them; it asks nobody. It takes the
//! kernel's table to find out if a connection's real server is still one of its service's: see
//! [`crate::attribution`].

#![forbid(unsafe_code)]

use std::net::IpAddr;

use crate::model::{AddressFamily, Connection, Origin, Protocol};

/// The connections that a listing is of: those that fit everything here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Selection {
    /// The virtual service that they came to.
    pub service: Option<SelectedService>,
    /// The real server that they go to.
    pub server: Option<SelectedEndpoint>,
    /// The network that their clients are in.
    pub clients: Option<Network>,
    /// The states that they may be in.
    pub states: Option<States>,
    /// The director that made them: this one or another.
    pub origin: Option<Origin>,
    /// Only those whose real server is none of their service any more.
    pub is_stale: bool,
}

/// A virtual service, or all of a protocol at an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SelectedService {
    pub protocol: Protocol,
    pub endpoint: SelectedEndpoint,
}

/// An address, and one of its ports or all of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SelectedEndpoint {
    pub address: IpAddr,
    /// The port, host byte order; `None` for all ports.
    pub port: Option<u16>,
}

impl SelectedEndpoint {
    /// Makes an endpoint as the table names them: there, port 0 means all ports.
    pub fn new(address: IpAddr, port: u16) -> SelectedEndpoint {
        SelectedEndpoint {
            address,
            port: Some(port).filter(|port| *port != 0),
        }
    }

    fn takes(self, (address, port): (IpAddr, u16)) -> bool {
        self.address == address && self.port.is_none_or(|wanted| wanted == port)
    }
}

impl Selection {
    /// Returns true if a connection fits, staleness aside.
    pub fn takes(&self, connection: &Connection<'_>) -> bool {
        self.service.is_none_or(|service| {
            service.endpoint.takes(connection.service)
                && service.protocol.label().as_bytes() == connection.protocol
        }) && self
            .server
            .is_none_or(|server| server.takes(connection.destination))
            && self
                .clients
                .is_none_or(|network| network.has(connection.client.0))
            && self
                .states
                .is_none_or(|states| states.has(connection.state))
            && self
                .origin
                .is_none_or(|origin| connection.origin == Some(origin))
    }
}

/// The addresses that begin with the same bits. An IPv4 address is in no network of IPv6, also when
/// one of its addresses is IPv4-mapped (`::ffff:192.0.2.1`): to the kernel, too, they are
/// different.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    family: AddressFamily,
    /// The bits that count, in the lowest place the last of the address.
    bits: u128,
    mask: u128,
}

impl Network {
    /// Makes the network of an address, so many bits long; `None` for more bits than the address
    /// has.
    pub fn new(address: IpAddr, length: u32) -> Option<Network> {
        let family = AddressFamily::of(address);
        let width = width(family);
        let host_bits = width.checked_sub(length)?;
        let mask = u128::MAX.checked_shl(host_bits).unwrap_or(0);
        Some(Network {
            family,
            bits: number(address) & mask,
            mask,
        })
    }

    /// Returns a single address.
    pub fn of_host(address: IpAddr) -> Network {
        Network {
            family: AddressFamily::of(address),
            bits: number(address),
            mask: u128::MAX,
        }
    }

    pub fn has(self, address: IpAddr) -> bool {
        AddressFamily::of(address) == self.family && number(address) & self.mask == self.bits
    }
}

fn width(family: AddressFamily) -> u32 {
    match family {
        AddressFamily::Ipv4 => u32::BITS,
        AddressFamily::Ipv6 => u128::BITS,
    }
}

fn number(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => u128::from(u32::from(address)),
        IpAddr::V6(address) => u128::from(address),
    }
}

/// A set of states of connections, a bit for each of [`States::NAMES`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct States(u32);

impl States {
    /// The states that kernels know, as they spell them (`net/netfilter/ipvs/ip_vs_proto*.c`):
    /// those of TCP, of UDP, of SCTP, of what persistence remembers, of protocols without states.
    pub const NAMES: [&str; 26] = [
        "ESTABLISHED",
        "SYN_SENT",
        "SYN_RECV",
        "FIN_WAIT",
        "TIME_WAIT",
        "CLOSE",
        "CLOSE_WAIT",
        "LAST_ACK",
        "LISTEN",
        "SYNACK",
        "UDP",
        "INIT1",
        "INIT",
        "C-SENT",
        "C-REPLIED",
        "C-WAIT",
        "COOKIE",
        "C-ECHOED",
        "S-SENT",
        "S-RECEIVED",
        "S-ACK-SENT",
        "REJECTED",
        "CLOSED",
        "NONE",
        "ASSURED",
        "ERR!",
    ];

    /// Adds the state with a name, in upper or lower case, words joined by `-` or by `_` (ss(8) has
    /// `time-wait`); `false` where none has it.
    pub fn insert(&mut self, name: &[u8]) -> bool {
        let plain = |byte: &u8| match byte {
            b'-' => b'_',
            byte => byte.to_ascii_uppercase(),
        };
        let is_named = |state: &&str| {
            state
                .bytes()
                .map(|byte| plain(&byte))
                .eq(name.iter().map(plain))
        };
        let place = States::NAMES.iter().position(is_named);
        if let Some(place) = place {
            self.0 |= 1 << place;
        }
        place.is_some()
    }

    /// Returns true if the state with this name, as the kernel spells it, is among them.
    pub fn has(self, name: &[u8]) -> bool {
        let mut rest = self.0;
        while rest != 0 {
            if States::NAMES[rest.trailing_zeros() as usize].as_bytes() == name {
                return true;
            }
            rest &= rest - 1;
        }
        false
    }
}

/// By what connections are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CountKey {
    /// Their clients' addresses.
    Client,
    /// The addresses and ports of real servers.
    Server,
    /// Protocols, addresses and ports of services.
    Service,
    State,
    /// The director that made them: this one or another.
    Origin,
    /// By nothing: all are one.
    Total,
}

impl CountKey {
    const ALL: [CountKey; 6] = [
        CountKey::Client,
        CountKey::Server,
        CountKey::Service,
        CountKey::State,
        CountKey::Origin,
        CountKey::Total,
    ];

    /// The word for each, in the order of [`CountKey::ALL`], with what is counted.
    pub const WORDS: [(&str, &str); 6] = [
        ("client", "the connections of each client"),
        ("server", "those to each real server"),
        ("service", "those of each virtual service"),
        ("state", "those in each state"),
        ("origin", "those made here, and those learnt"),
        ("total", "all of them, in one line"),
    ];

    pub fn from_word(word: &[u8]) -> Option<CountKey> {
        CountKey::ALL
            .into_iter()
            .find(|key| key.word().as_bytes() == word)
    }

    /// Returns the word for it, on the command line and in documents.
    pub fn word(self) -> &'static str {
        CountKey::WORDS[self as usize].0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn a_network_has_the_addresses_that_begin_as_it_does() {
        for (of, length, inside, outside) in [
            ("10.1.2.3", 8, "10.255.255.255", "11.0.0.0"),
            ("10.1.2.3", 32, "10.1.2.3", "10.1.2.2"),
            ("10.1.2.3", 31, "10.1.2.2", "10.1.2.4"),
            ("128.0.0.0", 1, "255.255.255.255", "127.255.255.255"),
            ("10.1.2.3", 0, "255.255.255.255", "::"),
            ("::", 0, "ffff::", "0.0.0.0"),
            ("2001:db8::1", 32, "2001:db8:ffff::", "2001:db9::"),
            ("2001:db8::1", 128, "2001:db8::1", "2001:db8::2"),
            ("::ffff:10.0.0.0", 104, "::ffff:10.9.9.9", "10.0.0.1"),
        ] {
            let network = Network::new(address(of), length).unwrap();
            assert!(network.has(address(inside)), "{of}/{length} {inside}");
            assert!(!network.has(address(outside)), "{of}/{length} {outside}");
        }
        assert_eq!(Network::new(address("10.0.0.0"), 33), None);
        assert_eq!(Network::new(address("::"), 129), None);
        assert!(Network::of_host(address("10.0.0.1")).has(address("10.0.0.1")));
        assert!(!Network::of_host(address("10.0.0.1")).has(address("::a00:1")));
    }

    #[test]
    fn states_are_named_in_either_case_and_whole() {
        let mut states = States::default();
        assert!(states.insert(b"established") && states.insert(b"Assured"));
        assert!(!states.insert(b"ESTABLISH") && !states.insert(b""));
        for (name, is_there) in [("ESTABLISHED", true), ("ASSURED", true), ("UDP", false)] {
            assert_eq!(states.has(name.as_bytes()), is_there, "{name}");
        }
        assert!(!states.has(b"ESTABLISH") && !States::default().has(b""));
    }

    #[test]
    fn all_that_is_asked_for_must_fit() {
        let connection = Connection {
            protocol: b"SCTP",
            client: (address("10.0.0.2"), 40000),
            service: (address("192.0.2.1"), 80),
            destination: (address("10.0.0.9"), 8080),
            state: b"ESTABLISHED",
            origin: Some(Origin::Sync),
            seconds: 9,
            engine: None,
        };
        let fitting = Selection {
            service: Some(SelectedService {
                protocol: Protocol::Sctp,
                endpoint: SelectedEndpoint::new(address("192.0.2.1"), 0),
            }),
            server: Some(SelectedEndpoint::new(address("10.0.0.9"), 8080)),
            clients: Network::new(address("10.0.0.0"), 24),
            origin: Some(Origin::Sync),
            ..Selection::default()
        };
        assert!(fitting.takes(&connection) && Selection::default().takes(&connection));
        let with_service = |protocol, port| Selection {
            service: Some(SelectedService {
                protocol,
                endpoint: SelectedEndpoint::new(address("192.0.2.1"), port),
            }),
            ..fitting
        };
        assert!(with_service(Protocol::Sctp, 80).takes(&connection));
        let in_states = |names: [&[u8]; 2]| {
            let mut states = States::default();
            assert!(names.iter().all(|name| states.insert(name)));
            Selection {
                states: Some(states),
                ..fitting
            }
        };
        let fitting_states = in_states([b"CLOSE", b"ESTABLISHED"]);
        assert!(fitting_states.takes(&connection));
        for other in [
            with_service(Protocol::Tcp, 80),
            with_service(Protocol::Sctp, 81),
            Selection {
                server: Some(SelectedEndpoint::new(address("10.0.0.9"), 80)),
                ..fitting
            },
            Selection {
                clients: Network::new(address("10.0.1.0"), 24),
                ..fitting
            },
            Selection {
                states: Some(States::default()),
                ..fitting
            },
            in_states([b"CLOSE", b"UDP"]),
            Selection {
                origin: Some(Origin::Local),
                ..fitting
            },
            Selection {
                server: Some(SelectedEndpoint::new(address("10.0.0.8"), 8080)),
                ..Selection::default()
            },
        ] {
            assert!(!other.takes(&connection), "{other:?}");
        }
    }
}
