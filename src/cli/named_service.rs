//! The virtual service that a command line names. It is found before the fold begins, since other
//! options depend on it and may stand before it.

#![forbid(unsafe_code)]

use crate::cli::address::{self, Endpoint, Hosts};
use crate::cli::popt::Event;
use crate::cli::values;
use crate::model::{AddressFamily, Protocol, ServiceIdentity};
use crate::options::{Meaning, Modifier};

/// The virtual service as the words name it.
#[derive(Clone, Copy)]
pub enum NamedService {
    /// None is named.
    Missing,
    /// An unreadable one, with its protocol; without a protocol it is a firewall mark.
    Illegal(Option<Protocol>),
    /// A readable one.
    Known(ServiceIdentity),
}

/// The option that names a virtual service, with its word, and whether `-6` stands beside it.
type NamingWords<'a> = (Modifier, &'a [u8], bool);

/// The virtual service that was named last. In a file of rules, most lines name the same service as
/// the line before them, in the same word: this saves reading it, and asking for its name, again.
#[derive(Default)]
pub struct LastService<'a>(Option<(NamingWords<'a>, NamedService)>);

impl<'a> LastService<'a> {
    /// Returns the service that the words name.
    pub fn look_up(&mut self, events: &[Event<'a>], hosts: &mut Hosts) -> NamedService {
        let mut naming = None;
        let mut is_ipv6 = false;
        for event in events {
            let Event::Option {
                meaning: Meaning::Modifier(modifier),
                value,
                ..
            } = event
            else {
                continue;
            };
            is_ipv6 |= *modifier == Modifier::Ipv6;
            if naming.is_none() && modifier.names_service() {
                naming = Some((*modifier, value.unwrap_or_default()));
            }
        }
        let Some((modifier, word)) = naming else {
            return NamedService::Missing;
        };
        let words = (modifier, word, is_ipv6);
        match self.0 {
            Some((last_words, service)) if last_words == words => service,
            _ => {
                let service = NamedService::of(words, hosts);
                self.0 = Some((words, service));
                service
            }
        }
    }
}

impl NamedService {
    fn of((modifier, word, is_ipv6): NamingWords<'_>, hosts: &mut Hosts) -> NamedService {
        let Some(protocol) = modifier.protocol() else {
            let family = if is_ipv6 {
                AddressFamily::Ipv6
            } else {
                AddressFamily::Ipv4
            };
            return match values::number_u32(word, 1..=u32::MAX) {
                Some(mark) => NamedService::Known(ServiceIdentity::FirewallMark { mark, family }),
                None => NamedService::Illegal(None),
            };
        };
        match address::endpoint(word, Some(protocol), hosts) {
            Some(Endpoint { address, port }) => NamedService::Known(ServiceIdentity::Endpoint {
                protocol,
                address,
                port: port.unwrap_or(0),
            }),
            None => NamedService::Illegal(Some(protocol)),
        }
    }

    /// Returns its identity, if that can be read.
    pub fn identity(self) -> Option<ServiceIdentity> {
        match self {
            NamedService::Known(identity) => Some(identity),
            _ => None,
        }
    }

    /// Returns its family; IPv4 if that is not known.
    pub fn family(self) -> AddressFamily {
        self.identity()
            .map_or(AddressFamily::Ipv4, |identity| identity.family())
    }

    /// Returns the protocol whose names a real server's port may have. With a firewall mark the
    /// reference reads those of TCP.
    pub fn port_names(self) -> Option<Protocol> {
        match self {
            NamedService::Missing => None,
            NamedService::Illegal(protocol) => protocol.or(Some(Protocol::Tcp)),
            NamedService::Known(identity) => identity.protocol().or(Some(Protocol::Tcp)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::LineReader;
    use crate::model::Change;
    use crate::request::Request;

    #[test]
    fn a_line_names_its_own_service_whatever_the_last_one_named() {
        let address = "192.0.2.1".parse().unwrap();
        let endpoint = |protocol, port| ServiceIdentity::Endpoint {
            protocol,
            address,
            port,
        };
        let mark = |mark, family| ServiceIdentity::FirewallMark { mark, family };
        let mut reader = LineReader::default();
        for (line, identity) in [
            ("-D -t 192.0.2.1:80", endpoint(Protocol::Tcp, 80)),
            ("-D -t 192.0.2.1:80", endpoint(Protocol::Tcp, 80)),
            ("-D -u 192.0.2.1:80", endpoint(Protocol::Udp, 80)),
            ("-D -u 192.0.2.1:81", endpoint(Protocol::Udp, 81)),
            ("-D --sctp-service 192.0.2.1", endpoint(Protocol::Sctp, 0)),
            ("-D -f 7", mark(7, AddressFamily::Ipv4)),
            ("-D -6 -f 7", mark(7, AddressFamily::Ipv6)),
            ("-D -f 4294967295", mark(u32::MAX, AddressFamily::Ipv4)),
        ] {
            let expected = Request::Change(Change::DeleteService(identity));
            assert_eq!(reader.read(line.as_bytes()), Ok(Some(expected)), "{line}");
        }
    }

    #[test]
    fn ports_have_the_names_of_the_services_protocol_and_of_tcp_with_a_mark() {
        let mark = ServiceIdentity::FirewallMark {
            mark: 7,
            family: AddressFamily::Ipv6,
        };
        let endpoint = ServiceIdentity::Endpoint {
            protocol: Protocol::Udp,
            address: "192.0.2.1".parse().unwrap(),
            port: 53,
        };
        for (service, protocol, family) in [
            (NamedService::Missing, None, AddressFamily::Ipv4),
            (
                NamedService::Illegal(None),
                Some(Protocol::Tcp),
                AddressFamily::Ipv4,
            ),
            (
                NamedService::Illegal(Some(Protocol::Sctp)),
                Some(Protocol::Sctp),
                AddressFamily::Ipv4,
            ),
            (
                NamedService::Known(mark),
                Some(Protocol::Tcp),
                AddressFamily::Ipv6,
            ),
            (
                NamedService::Known(endpoint),
                Some(Protocol::Udp),
                AddressFamily::Ipv4,
            ),
        ] {
            assert_eq!(service.port_names(), protocol);
            assert_eq!(service.family(), family);
        }
    }
}
