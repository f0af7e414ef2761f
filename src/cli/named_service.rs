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
