//! Which ports of the director itself somebody listens at, from `/proc/net/tcp` and its siblings.
//! Source of the format: the kernel's `Documentation/networking/proc_net_tcp.rst`.

#![forbid(unsafe_code)]

use std::collections::HashSet;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::model::Protocol;

/// The states in which a socket waits for whoever comes: `TCP_LISTEN`, and for UDP `TCP_CLOSE`,
/// which is that of a socket without a peer.
const TCP_LISTENS: &str = "0A";
const UDP_LISTENS: &str = "07";

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
        let mut sockets = HashSet::new();
        for version in ["", "6"] {
            let path = format!("/proc/net/{}{version}", protocol.name());
            // Without IPv6, there is no file for it.
            let Ok(file) = File::open(path) else { continue };
            let lines = BufReader::new(file).lines().skip(1);
            for line in lines.map_while(Result::ok) {
                sockets.extend(socket_of(&line, state));
            }
        }
        Some(Listening { sockets })
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

/// The local address and port of the socket in a line, if it is in this state.
fn socket_of(line: &str, state: &str) -> Option<(IpAddr, u16)> {
    let mut words = line.split_ascii_whitespace().skip(1);
    let (address, port) = words.next()?.split_once(':')?;
    if words.nth(1)? != state {
        return None;
    }
    let port = u16::from_str_radix(port, 16).ok()?;
    // Each four bytes of the address stand there as a number in host byte order.
    let word = |start: usize| {
        let digits = address.get(start..start + 8)?;
        Some(u32::from_str_radix(digits, 16).ok()?.to_ne_bytes())
    };
    let address = match address.len() {
        8 => IpAddr::from(word(0)?),
        32 => {
            let mut octets = [0; 16];
            for (index, octets) in octets.chunks_exact_mut(4).enumerate() {
                octets.copy_from_slice(&word(8 * index)?);
            }
            IpAddr::from(octets)
        }
        _ => return None,
    };
    Some((address, port))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An address as it stands there on this machine.
    fn shown(octets: &[u8]) -> String {
        let words = octets.as_chunks::<4>().0.iter();
        words
            .map(|word| format!("{:08X}", u32::from_ne_bytes(*word)))
            .collect()
    }

    #[test]
    fn a_listening_socket_is_found_by_address_and_port() {
        let rest = "00000000:00000000 00:00000000 00000000";
        let local = Ipv4Addr::LOCALHOST;
        let address = shown(&local.octets());
        let line = format!("   0: {address}:0050 00000000:0000 0A {rest}");
        assert_eq!(socket_of(&line, TCP_LISTENS), Some((local.into(), 80)));
        assert_eq!(socket_of(&line, UDP_LISTENS), None);
        let server: Ipv6Addr = "2001:db8::1".parse().unwrap();
        let (address, any) = (shown(&server.octets()), shown(&[0; 16]));
        let line = format!("   0: {address}:01BB {any}:0000 0A {rest}");
        assert_eq!(socket_of(&line, TCP_LISTENS), Some((server.into(), 443)));
    }

    #[test]
    fn a_socket_for_any_address_takes_every_address() {
        let any = Listening {
            sockets: HashSet::from([(Ipv6Addr::UNSPECIFIED.into(), 80)]),
        };
        assert!(any.has("192.0.2.1".parse().unwrap(), 80));
        assert!(!any.has("192.0.2.1".parse().unwrap(), 81));
    }
}
