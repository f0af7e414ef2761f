//! Finds the real server of the table that a connection belongs to.
//!
//! The kernel's file of connections names the address that a connection came to, not the service.
//! The service is the one at that address. If there is none, it may have been one of a firewall
//! mark, which has no address; where several marks have the server, nothing says which. Knows the
//! table that it is given, and asks nobody.
#![forbid(unsafe_code)]

use std::collections::BTreeMap;
use std::net::IpAddr;

use crate::model::{AddressFamily, Connection, DestinationIdentity, Protocol, ServiceIdentity};

/// FTP's port for commands, its port for data, and the first port that others than root may serve,
/// to which other data go.
const FTP: u16 = 21;
const FTP_DATA: u16 = 20;
const FIRST_FREE_PORT: u16 = 1024;

/// The place of a server: the number of its service, and its own among that service's servers, in
/// the order in which they were inserted.
pub type ServerPlace = (usize, usize);

/// The real server of a connection, as far as it can be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whose<'s> {
    /// It is this one.
    Of(ServerPlace),
    /// It is one of these, that several firewall marks have.
    OneOf(&'s [MarkedServer]),
}

/// A server of a firewall mark.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MarkedServer {
    /// Its port, host byte order.
    port: u16,
    pub place: ServerPlace,
}

/// A connection's real server is none of its service any more, or its service is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lost {
    /// The service, if it is there.
    pub service: Option<ServiceIdentity>,
}

/// The real servers of each service.
#[derive(Default)]
pub struct Servers {
    services: BTreeMap<ServiceIdentity, ServersOfOne>,
    /// The servers of firewall marks at each address, by the family of the packets.
    of_marks: BTreeMap<(AddressFamily, IpAddr), Vec<MarkedServer>>,
}

impl Servers {
    /// Adds a service with its servers.
    pub fn insert(
        &mut self,
        service: ServiceIdentity,
        servers: impl IntoIterator<Item = DestinationIdentity>,
    ) {
        let number = self.services.len();
        let mut known = ServersOfOne::default();
        for (server, identity) in servers.into_iter().enumerate() {
            let place = (number, server);
            known.by_endpoint.insert(identity, place);
            known.by_address.entry(identity.address).or_insert(place);
            if let ServiceIdentity::FirewallMark { family, .. } = service {
                let marked = self.of_marks.entry((family, identity.address)).or_default();
                marked.push(MarkedServer {
                    port: identity.port,
                    place,
                });
            }
        }
        self.services.insert(service, known);
    }

    /// Returns the server that a connection goes to.
    ///
    /// # Errors
    ///
    /// [`Lost`] if that is none of its service's.
    pub fn server_of(&self, connection: &Connection<'_>) -> Result<Whose<'_>, Lost> {
        let (address, port) = connection.destination;
        let family = AddressFamily::of(connection.client.0);
        let Some(protocol) = connection.named_protocol() else {
            // A persistence entry of a firewall mark has the mark in its address.
            let mark = mark_in(connection.service.0);
            let service = ServiceIdentity::FirewallMark { mark, family };
            let Some(servers) = self.services.get(&service) else {
                return Err(Lost { service: None });
            };
            return servers.at(address, None).map(Whose::Of).ok_or(Lost {
                service: Some(service),
            });
        };
        match self.service_at(protocol, connection.service) {
            Some((service, servers, has_port)) => {
                let server = servers.at(address, has_port.then_some(port));
                server.map(Whose::Of).ok_or(Lost {
                    service: Some(service),
                })
            }
            None => match self.of_marks.get(&(family, address)) {
                Some(marked) => Ok(one_of(marked, port)),
                None => Err(Lost { service: None }),
            },
        }
    }

    /// Finds the service that takes what comes to an address and port, as the kernel does: the one
    /// with that port, that of FTP, the one for all ports. Returns it with its servers, and true if
    /// a connection's port at the server is the one in the table; else it is the client's choice.
    fn service_at(
        &self,
        protocol: Protocol,
        (address, port): (IpAddr, u16),
    ) -> Option<(ServiceIdentity, &ServersOfOne, bool)> {
        let may_be_ftp =
            protocol == Protocol::Tcp && (matches!(port, 0 | FTP_DATA) || port >= FIRST_FREE_PORT);
        let ports = [Some(port), may_be_ftp.then_some(FTP), Some(0)];
        ports.into_iter().flatten().find_map(|of_service| {
            let identity = ServiceIdentity::Endpoint {
                protocol,
                address,
                port: of_service,
            };
            let servers = self.services.get(&identity)?;
            Some((identity, servers, of_service == port && port != 0))
        })
    }
}

/// Returns the one of marks' servers that takes the connection's port, if only one does.
fn one_of(marked: &[MarkedServer], port: u16) -> Whose<'_> {
    let takes_it = |server: &&MarkedServer| server.port == 0 || server.port == port;
    let mut takers = marked.iter().filter(takes_it);
    match (marked, takers.next(), takers.next()) {
        ([only], ..) | (_, Some(only), None) => Whose::Of(only.place),
        _ => Whose::OneOf(marked),
    }
}

/// The servers of one service.
#[derive(Default)]
struct ServersOfOne {
    by_endpoint: BTreeMap<DestinationIdentity, ServerPlace>,
    by_address: BTreeMap<IpAddr, ServerPlace>,
}

impl ServersOfOne {
    /// Returns the server with this address, and this port if that counts.
    fn at(&self, address: IpAddr, port: Option<u16>) -> Option<ServerPlace> {
        let place = match port {
            Some(port) => self.by_endpoint.get(&DestinationIdentity { address, port }),
            None => self.by_address.get(&address),
        };
        place.copied()
    }
}

/// Returns the mark that stands in an address: the kernel puts its number in the first four bytes.
fn mark_in(address: IpAddr) -> u32 {
    match address {
        IpAddr::V4(address) => u32::from(address),
        IpAddr::V6(address) => {
            let [high, low, ..] = address.segments();
            u32::from(high) << 16 | u32::from(low)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_stands_in_the_first_four_bytes_of_an_address() {
        let mark = |address: &str| mark_in(address.parse().unwrap());
        assert_eq!(mark("18.52.5.103"), 0x1234_0567);
        assert_eq!(mark("1234:567:89ab::"), 0x1234_0567);
    }

    fn servers(table: &[(ServiceIdentity, &[(&str, u16)])]) -> Servers {
        let mut servers = Servers::default();
        for (service, destinations) in table {
            let identity = |(address, port): &(&str, u16)| DestinationIdentity {
                address: address.parse().unwrap(),
                port: *port,
            };
            servers.insert(*service, destinations.iter().map(identity));
        }
        servers
    }

    fn at(protocol: Protocol, address: &str, port: u16) -> ServiceIdentity {
        ServiceIdentity::Endpoint {
            protocol,
            address: address.parse().unwrap(),
            port,
        }
    }

    fn is_stale(servers: &Servers, protocol: &[u8], service: (&str, u16), to: (&str, u16)) -> bool {
        let address = |text: &str| text.parse::<IpAddr>().unwrap();
        let client = if service.0.contains(':') {
            "::9"
        } else {
            "192.0.2.9"
        };
        let connection = Connection {
            protocol,
            client: (address(client), 40000),
            service: (address(service.0), service.1),
            destination: (address(to.0), to.1),
            state: b"ESTABLISHED",
            origin: None,
            seconds: 1,
            engine: None,
        };
        servers.server_of(&connection).is_err()
    }

    #[test]
    fn a_connection_is_stale_when_its_service_has_its_server_no_more() {
        let table = servers(&[
            (at(Protocol::Tcp, "192.0.2.1", 80), &[("10.0.0.1", 8080)]),
            (at(Protocol::Udp, "192.0.2.1", 80), &[("10.0.0.2", 8080)]),
            (at(Protocol::Sctp, "2001:db8::1", 80), &[("10.0.0.1", 80)]),
        ]);
        for (protocol, service, to, stale) in [
            (&b"TCP"[..], ("192.0.2.1", 80), ("10.0.0.1", 8080), false),
            (b"TCP", ("192.0.2.1", 80), ("10.0.0.1", 80), true),
            (b"TCP", ("192.0.2.1", 80), ("10.0.0.2", 8080), true),
            (b"UDP", ("192.0.2.1", 80), ("10.0.0.2", 8080), false),
            (b"SCTP", ("2001:db8::1", 80), ("10.0.0.1", 80), false),
            (b"SCTP", ("2001:db8::1", 81), ("10.0.0.1", 80), true),
        ] {
            assert_eq!(
                is_stale(&table, protocol, service, to),
                stale,
                "{service:?} {to:?}"
            );
        }
    }

    #[test]
    fn a_service_of_all_ports_knows_its_servers_by_their_addresses() {
        let table = servers(&[
            (
                at(Protocol::Tcp, "192.0.2.1", 0),
                &[("10.0.0.1", 0), ("10.0.0.2", 8080)],
            ),
            (at(Protocol::Tcp, "192.0.2.1", 443), &[("10.0.0.3", 443)]),
        ]);
        let stale = |port, to| is_stale(&table, b"TCP", ("192.0.2.1", port), to);
        assert!(!stale(80, ("10.0.0.1", 80)) && !stale(80, ("10.0.0.2", 80)));
        assert!(!stale(0, ("10.0.0.1", 0)) && stale(80, ("10.0.0.3", 80)));
        // Its own service takes what comes to a port.
        assert!(!stale(443, ("10.0.0.3", 443)) && stale(443, ("10.0.0.1", 443)));
    }

    #[test]
    fn the_data_of_ftp_belong_to_its_service() {
        let table = servers(&[(at(Protocol::Tcp, "192.0.2.1", 21), &[("10.0.0.1", 21)])]);
        let stale = |port, to| is_stale(&table, b"TCP", ("192.0.2.1", port), to);
        for port in [0, 20, 21, 1024, 40000] {
            let to = if port == 21 { 21 } else { port };
            assert!(!stale(port, ("10.0.0.1", to)), "{port}");
            assert!(stale(port, ("10.0.0.2", to)), "{port}");
        }
        for port in [22, 1023] {
            assert!(stale(port, ("10.0.0.1", port)), "{port}");
        }
        // Of FTP itself, not of another protocol.
        let other = servers(&[(at(Protocol::Udp, "192.0.2.1", 21), &[("10.0.0.1", 21)])]);
        assert!(is_stale(
            &other,
            b"UDP",
            ("192.0.2.1", 20),
            ("10.0.0.1", 20)
        ));
    }

    #[test]
    fn what_a_firewall_mark_may_have_brought_is_not_called_stale() {
        let mark = |mark, family| ServiceIdentity::FirewallMark { mark, family };
        let table = servers(&[
            (mark(7, AddressFamily::Ipv4), &[("10.0.0.1", 0)]),
            (mark(8, AddressFamily::Ipv6), &[("2001:db8::7", 80)]),
            (at(Protocol::Tcp, "192.0.2.1", 80), &[("10.0.0.2", 80)]),
        ]);
        for (protocol, service, to, stale) in [
            (&b"TCP"[..], ("192.0.2.1", 80), ("10.0.0.1", 80), true),
            (b"TCP", ("192.0.2.5", 80), ("10.0.0.1", 80), false),
            (b"TCP", ("192.0.2.5", 80), ("10.0.0.2", 80), true),
            (b"TCP", ("2001:db8::1", 80), ("2001:db8::7", 80), false),
            (b"TCP", ("2001:db8::1", 80), ("10.0.0.1", 80), true),
            // What persistence remembers names the mark.
            (b"IP", ("0.0.0.7", 0), ("10.0.0.1", 0), false),
            (b"IP", ("0.0.0.9", 0), ("10.0.0.1", 0), true),
            (b"IP", ("0:8::", 0), ("2001:db8::7", 0), false),
        ] {
            assert_eq!(
                is_stale(&table, protocol, service, to),
                stale,
                "{service:?} {to:?}"
            );
        }
    }

    #[test]
    fn where_marks_share_a_server_its_port_may_tell_them_apart() {
        let mark = |mark| ServiceIdentity::FirewallMark {
            mark,
            family: AddressFamily::Ipv4,
        };
        let table = servers(&[
            (
                mark(1),
                &[("10.0.0.1", 0), ("10.0.0.2", 8080), ("10.0.0.3", 0)],
            ),
            (mark(2), &[("10.0.0.2", 8443), ("10.0.0.3", 0)]),
        ]);
        let whose = |address: &str, port| {
            let connection = Connection {
                protocol: b"TCP",
                client: ([192, 0, 2, 9].into(), 40000),
                service: ([192, 0, 2, 1].into(), 80),
                destination: (address.parse().unwrap(), port),
                state: b"ESTABLISHED",
                origin: None,
                seconds: 1,
                engine: None,
            };
            match table.server_of(&connection).unwrap() {
                Whose::Of(place) => vec![place],
                Whose::OneOf(several) => several.iter().map(|server| server.place).collect(),
            }
        };
        assert_eq!(whose("10.0.0.1", 80), [(0, 0)]);
        assert_eq!(whose("10.0.0.2", 8080), [(0, 1)]);
        assert_eq!(whose("10.0.0.2", 8443), [(1, 0)]);
        assert_eq!(whose("10.0.0.3", 80), [(0, 2), (1, 1)]);
    }
}
