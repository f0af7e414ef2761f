//! The connections that a listing is of, picked out of all before anything is done with them: none
//! of the others is written, measured or looked up by name.

use std::collections::{HashMap, HashSet};
use std::net::IpAddr;

use crate::commands::walk::Walk;
use crate::error::Error;
use crate::ipvs::connections::Connections;
use crate::ipvs::{Detail, Ipvs};
use crate::model::{
    AddressFamily, Connection, DestinationIdentity, DestinationState, Protocol, ServiceIdentity,
};
use crate::selection::Selection;

/// The connections that are meant.
pub struct SelectedConnections<'s> {
    entries: Connections,
    selection: &'s Selection,
    servers: Option<Servers>,
}

impl<'s> SelectedConnections<'s> {
    pub fn open(
        ipvs: &mut Ipvs,
        selection: &'s Selection,
    ) -> Result<SelectedConnections<'s>, Error> {
        let servers = match selection.is_stale {
            true => Some(Servers::read(ipvs)?),
            false => None,
        };
        Ok(SelectedConnections {
            entries: Connections::open()?,
            selection,
            servers,
        })
    }

    /// Calls `visit` for each of them, in the kernel's order, with its line of the kernel's file.
    pub fn for_each(
        mut self,
        mut visit: impl FnMut(&Connection<'_>, &[u8]) -> Result<(), Error>,
    ) -> Result<(), Error> {
        while self.entries.advance()? {
            let connection = self.entries.connection()?;
            let servers = self.servers.as_ref();
            if self.selection.takes(&connection)
                && servers.is_none_or(|servers| servers.have_lost(&connection))
            {
                visit(&connection, self.entries.line())?;
            }
        }
        Ok(())
    }
}

/// Who the real servers of each service are, to find connections that go to none of them.
///
/// The kernel's file tells the address that a connection came to, not the service. That is the one
/// at that address; where none is, it may have been one of a firewall mark, which has no address.
struct Servers {
    services: HashMap<ServiceIdentity, ServersOfOne>,
    /// The servers of all services of firewall marks, by the family of the packets.
    of_marks: HashSet<(AddressFamily, IpAddr)>,
}

/// Where FTP is controlled, and where its data come from; other data go to ports above those that
/// only root may serve.
const FTP: u16 = 21;
const FTP_DATA: u16 = 20;
const FIRST_FREE_PORT: u16 = 1024;

impl Servers {
    fn read(ipvs: &mut Ipvs) -> Result<Servers, Error> {
        let mut servers = Servers {
            services: HashMap::new(),
            of_marks: HashSet::new(),
        };
        let mut walk = Walk::begin(ipvs, None, Detail::WithoutStatistics, false)?;
        while let Some((service, destinations)) = walk.next(ipvs)? {
            servers.insert(service.service.identity, destinations);
        }
        Ok(servers)
    }

    fn insert(&mut self, service: ServiceIdentity, destinations: &[DestinationState]) {
        let known = self.services.entry(service).or_default();
        for state in destinations {
            let server = state.destination.identity;
            known.endpoints.insert(server);
            known.addresses.insert(server.address);
            if let ServiceIdentity::FirewallMark { family, .. } = service {
                self.of_marks.insert((family, server.address));
            }
        }
    }

    /// Whether a connection goes to a server that its service has no more, or its service is gone.
    fn have_lost(&self, connection: &Connection<'_>) -> bool {
        let (address, port) = connection.destination;
        let family = AddressFamily::of(connection.client.0);
        let Some(protocol) = connection.named_protocol() else {
            // What the persistence of a firewall mark remembers: the mark is in the address.
            let mark = mark_in(connection.service.0);
            let servers = self
                .services
                .get(&ServiceIdentity::FirewallMark { mark, family });
            return !servers.is_some_and(|servers| servers.have(address, None));
        };
        match self.service_at(protocol, connection.service) {
            Some((servers, has_port)) => !servers.have(address, has_port.then_some(port)),
            None => !self.of_marks.contains(&(family, address)),
        }
    }

    /// The servers of the service that takes what comes to an address and port, as the kernel finds
    /// it: the one with that port, that of FTP, the one for all ports. Besides, whether a
    /// connection's port at the server is the one in the table; else it is the client's choice.
    fn service_at(
        &self,
        protocol: Protocol,
        (address, port): (IpAddr, u16),
    ) -> Option<(&ServersOfOne, bool)> {
        let at = |port| {
            self.services.get(&ServiceIdentity::Endpoint {
                protocol,
                address,
                port,
            })
        };
        let may_be_ftp =
            protocol == Protocol::Tcp && (matches!(port, 0 | FTP_DATA) || port >= FIRST_FREE_PORT);
        at(port)
            .map(|servers| (servers, port != 0))
            .or_else(|| Some((at(FTP).filter(|_| may_be_ftp)?, false)))
            .or_else(|| Some((at(0)?, false)))
    }
}

/// The servers of one service.
#[derive(Default)]
struct ServersOfOne {
    endpoints: HashSet<DestinationIdentity>,
    addresses: HashSet<IpAddr>,
}

impl ServersOfOne {
    /// Whether one has this address, and this port if that counts.
    fn have(&self, address: IpAddr, port: Option<u16>) -> bool {
        match port {
            Some(port) => self
                .endpoints
                .contains(&DestinationIdentity { address, port }),
            None => self.addresses.contains(&address),
        }
    }
}

/// The mark that stands in an address: the kernel puts its number into the first four bytes.
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
    use crate::model::{Destination, ForwardingMethod, Statistics};

    fn servers(table: &[(ServiceIdentity, &[(&str, u16)])]) -> Servers {
        let mut servers = Servers {
            services: HashMap::new(),
            of_marks: HashSet::new(),
        };
        for (service, destinations) in table {
            let state = |(address, port): &(&str, u16)| DestinationState {
                destination: Destination {
                    identity: DestinationIdentity {
                        address: address.parse().unwrap(),
                        port: *port,
                    },
                    forwarding_method: ForwardingMethod::Masquerading,
                    weight: 0,
                    upper_threshold: 0,
                    lower_threshold: 0,
                },
                active_connections: 0,
                inactive_connections: 0,
                persistent_connections: 0,
                statistics: Statistics::default(),
            };
            let states: Vec<_> = destinations.iter().map(state).collect();
            servers.insert(*service, &states);
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
        servers.have_lost(&Connection {
            protocol,
            client: (address(client), 40000),
            service: (address(service.0), service.1),
            destination: (address(to.0), to.1),
            state: b"ESTABLISHED",
            seconds: 1,
            engine: None,
        })
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
        for port in [0, 20, 21, 40000] {
            let to = if port == 21 { 21 } else { port };
            assert!(!stale(port, ("10.0.0.1", to)), "{port}");
            assert!(stale(port, ("10.0.0.2", to)), "{port}");
        }
        assert!(stale(22, ("10.0.0.1", 22)));
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
}
