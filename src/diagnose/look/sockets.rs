//! Which ports of the director itself somebody listens at.

#![forbid(unsafe_code)]

use std::collections::HashSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::model::Protocol;
use crate::sockets;

/// The states in which a socket waits for whoever comes: `TCP_LISTEN`, and for UDP `TCP_CLOSE`,
/// which is that of a socket without a peer.
const TCP_LISTENS: u8 = 10;
const UDP_LISTENS: u8 = 7;

/// The sockets of one protocol that wait for whoever comes.
pub struct Listening {
    sockets: HashSet<(IpAddr, u16)>,
}

impl Listening {
    /// `None` for a protocol of which the kernel does not tell, or where it cannot be read.
    pub fn read(protocol: Protocol) -> Option<Listening> {
        let state = match protocol {
            Protocol::Tcp => TCP_LISTENS,
            Protocol::Udp => UDP_LISTENS,
            Protocol::Sctp => return None,
        };
        // Without IPv6, there is no list for it.
        let listed = ["", "6"]
            .into_iter()
            .filter_map(|version| sockets::list(&format!("{}{version}", protocol.name())))
            .flatten()
            .filter(|socket| socket.state == state);
        Some(Listening {
            sockets: listed.map(|socket| (socket.address, socket.port)).collect(),
        })
    }

    /// Returns true if a packet to an address and port finds a socket. One for any address of IPv6
    /// may be one for IPv4 as well: the file does not say.
    pub fn has(&self, address: IpAddr, port: u16) -> bool {
        [
            address,
            Ipv4Addr::UNSPECIFIED.into(),
            Ipv6Addr::UNSPECIFIED.into(),
        ]
        .into_iter()
        .chain(mapped(address))
        .any(|address| self.sockets.contains(&(address, port)))
    }
}

/// An IPv4 address as a socket of IPv6 has it.
fn mapped(address: IpAddr) -> Option<IpAddr> {
    match address {
        IpAddr::V4(address) => Some(address.to_ipv6_mapped().into()),
        IpAddr::V6(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_socket_for_any_address_takes_every_address() {
        let any = Listening {
            sockets: HashSet::from([(Ipv6Addr::UNSPECIFIED.into(), 80)]),
        };
        assert!(any.has("192.0.2.1".parse().unwrap(), 80));
        assert!(!any.has("192.0.2.1".parse().unwrap(), 81));
    }
}
