//! The director's network, by rtnetlink: interfaces and their addresses, neighbours, and the routes
//! to single addresses. Source: `<linux/rtnetlink.h>`, `<linux/if_link.h>`, `<linux/if_addr.h>`,
//! `<linux/neighbour.h>`.

#![forbid(unsafe_code)]

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use neli::consts::nl::NlmF;
use neli::consts::socket::NlFamily;
use nix::errno::Errno;

use crate::diagnose::facts::{HardwareAddress, Interface, Neighbour, Route, Way};
use crate::error::KernelError;
use crate::ipvs::attributes::{Attributes, Payload, Writer};
use crate::ipvs::socket::Socket;
use crate::model::AddressFamily;

/// The bytes of a `struct ifinfomsg`, a `struct ifaddrmsg`, a `struct ndmsg`, a `struct rtmsg`.
const LINK_HEADER: usize = 16;
const ADDRESS_HEADER: usize = 8;
const NEIGHBOUR_HEADER: usize = 12;
const ROUTE_HEADER: usize = 12;

/// The flag of an interface with a link; libc has no name for it.
const IFF_LOWER_UP: u32 = 0x10000;
const IFLA_ADDRESS: u16 = 1;
const IFLA_IFNAME: u16 = 3;
const IFLA_MTU: u16 = 4;
const IFLA_LINKINFO: u16 = 18;
const IFLA_INFO_KIND: u16 = 1;
const IFA_ADDRESS: u16 = 1;
const IFA_LOCAL: u16 = 2;
const NDA_DST: u16 = 1;
const NDA_LLADDR: u16 = 2;
const NDA_CACHEINFO: u16 = 3;
const RTA_DST: u16 = 1;
const RTA_OIF: u16 = 4;
const RTA_GATEWAY: u16 = 5;
const RTA_PREFSRC: u16 = 7;
const RTA_METRICS: u16 = 8;
const RTAX_MTU: u16 = 2;

/// The kernel keeps what it believes of a neighbour until it has a packet for it again: for so
/// long, in hundredths of a second, an answer that was missed tells of now.
const RECENT: u32 = 60 * 100;

const SHORT: KernelError = KernelError::Malformed("a message is shorter than its header");

/// A connection to the kernel's network.
pub struct Rtnetlink {
    socket: Socket,
}

impl Rtnetlink {
    pub fn open() -> Result<Rtnetlink, KernelError> {
        let socket = Socket::open_family(NlFamily::Route)?;
        Ok(Rtnetlink { socket })
    }

    /// The interfaces, with their addresses, and without their settings.
    pub fn interfaces(&mut self) -> Result<Vec<Interface>, KernelError> {
        let mut interfaces = self.dump(libc::RTM_GETLINK, LINK_HEADER, read_link)?;
        let addresses = self.dump(libc::RTM_GETADDR, ADDRESS_HEADER, read_address_message)?;
        for (index, address, length) in addresses.into_iter().flatten() {
            let interface = interfaces
                .iter_mut()
                .find(|interface| interface.index == index);
            if let Some(interface) = interface {
                interface.addresses.push((address, length));
            }
        }
        Ok(interfaces)
    }

    /// What the director knows of its neighbours.
    pub fn neighbours(&mut self) -> Result<Vec<Neighbour>, KernelError> {
        let neighbours = self.dump(libc::RTM_GETNEIGH, NEIGHBOUR_HEADER, read_neighbour)?;
        Ok(neighbours.into_iter().flatten().collect())
    }

    /// How the kernel would send to an address.
    pub fn route(&mut self, address: IpAddr) -> Result<Route, KernelError> {
        let family = AddressFamily::of(address);
        let mut routes = Vec::with_capacity(1);
        let asked = self.socket.ask(
            libc::RTM_GETROUTE,
            NlmF::ACK,
            |buffer| {
                let mut header = [0; ROUTE_HEADER];
                header[0] = family.number() as u8;
                header[1] = match family {
                    AddressFamily::Ipv4 => 32,
                    AddressFamily::Ipv6 => 128,
                };
                buffer.extend_from_slice(&header);
                let mut attributes = Writer::new(buffer);
                match address {
                    IpAddr::V4(address) => attributes.bytes(RTA_DST, address.octets()),
                    IpAddr::V6(address) => attributes.bytes(RTA_DST, address.octets()),
                }
            },
            &mut routes,
            read_route,
        );
        match asked {
            Ok(()) => Ok(routes.pop().unwrap_or_default()),
            // What the kernel says to a route that leads nowhere, to each kind that is meant to
            // (unreachable, blackhole, prohibit), and without IPv6.
            Err(KernelError::Errno(
                Errno::ENETUNREACH
                | Errno::EHOSTUNREACH
                | Errno::EINVAL
                | Errno::EACCES
                | Errno::EAFNOSUPPORT
                | Errno::EOPNOTSUPP,
            )) => Ok(Route::Nowhere),
            Err(fault) => Err(fault),
        }
    }

    fn dump<T>(
        &mut self,
        kind: u16,
        header_length: usize,
        read: impl FnMut(&[u8]) -> Result<T, KernelError>,
    ) -> Result<Vec<T>, KernelError> {
        let mut items = Vec::new();
        self.socket.ask(
            kind,
            NlmF::DUMP,
            |buffer| buffer.resize(buffer.len() + header_length, 0),
            &mut items,
            read,
        )?;
        Ok(items)
    }
}

fn read_link(payload: &[u8]) -> Result<Interface, KernelError> {
    let (header, attributes) = payload.split_first_chunk::<LINK_HEADER>().ok_or(SHORT)?;
    let [_, _, t0, t1, i0, i1, i2, i3, f0, f1, f2, f3, ..] = *header;
    let kind = u16::from_ne_bytes([t0, t1]);
    let flags = u32::from_ne_bytes([f0, f1, f2, f3]);
    let mut interface = Interface {
        index: u32::from_ne_bytes([i0, i1, i2, i3]),
        is_up: flags & libc::IFF_UP as u32 != 0,
        has_link: flags & IFF_LOWER_UP != 0,
        is_loopback: flags & libc::IFF_LOOPBACK as u32 != 0,
        ..Interface::default()
    };
    for attribute in Attributes::new(attributes) {
        let (name, value) = attribute?;
        match name {
            IFLA_IFNAME => interface.name = String::from_utf8_lossy(value.string()).into_owned(),
            IFLA_MTU => interface.mtu = value.u32()?,
            // One without ports has no link, and may be there for its addresses.
            IFLA_LINKINFO => {
                for part in value.nested() {
                    let (name, value) = part?;
                    interface.has_link |= name == IFLA_INFO_KIND && value.string() == b"bridge";
                }
            }
            IFLA_ADDRESS if kind == libc::ARPHRD_ETHER => interface.hardware = value.first().ok(),
            _ => {}
        }
    }
    Ok(interface)
}

/// An interface's index, an address of it, and the length of its prefix.
fn read_address_message(payload: &[u8]) -> Result<Option<(u32, IpAddr, u8)>, KernelError> {
    let (header, attributes) = payload.split_first_chunk::<ADDRESS_HEADER>().ok_or(SHORT)?;
    let [family, length, _, _, i0, i1, i2, i3] = *header;
    let mut address = None;
    for attribute in Attributes::new(attributes) {
        let (name, value) = attribute?;
        match name {
            // Of a point-to-point interface, the other one is the peer's.
            IFA_LOCAL => address = read_address(family, value),
            IFA_ADDRESS => address = address.or(read_address(family, value)),
            _ => {}
        }
    }
    Ok(address.map(|address| (u32::from_ne_bytes([i0, i1, i2, i3]), address, length)))
}

fn read_neighbour(payload: &[u8]) -> Result<Option<Neighbour>, KernelError> {
    let (header, attributes) = payload
        .split_first_chunk::<NEIGHBOUR_HEADER>()
        .ok_or(SHORT)?;
    let [family, _, _, _, i0, i1, i2, i3, s0, s1, ..] = *header;
    let state = u16::from_ne_bytes([s0, s1]);
    let (mut address, mut hardware): (_, Option<HardwareAddress>) = (None, None);
    let mut is_recent = true;
    for attribute in Attributes::new(attributes) {
        let (name, value) = attribute?;
        match name {
            NDA_DST => address = read_address(family, value),
            NDA_LLADDR => hardware = value.first().ok(),
            // Since when it was confirmed, used, and as it is now.
            NDA_CACHEINFO => {
                if let Ok([.., u0, u1, u2, u3]) = value.first::<12>() {
                    is_recent = u32::from_ne_bytes([u0, u1, u2, u3]) < RECENT;
                }
            }
            _ => {}
        }
    }
    Ok(address.map(|address| Neighbour {
        address,
        interface: u32::from_ne_bytes([i0, i1, i2, i3]),
        hardware,
        is_silent: is_recent && state & (libc::NUD_FAILED | libc::NUD_INCOMPLETE) != 0,
    }))
}

fn read_route(payload: &[u8]) -> Result<Route, KernelError> {
    let (header, attributes) = payload.split_first_chunk::<ROUTE_HEADER>().ok_or(SHORT)?;
    let [family, .., kind, _, _, _, _] = *header;
    let (mut interface, mut way_mtu) = (None, None);
    let (mut gateway, mut source) = (None, None);
    for attribute in Attributes::new(attributes) {
        let (name, value) = attribute?;
        match name {
            RTA_OIF => interface = Some(value.u32()?),
            RTA_GATEWAY => gateway = read_address(family, value),
            RTA_PREFSRC => source = read_address(family, value),
            RTA_METRICS => {
                for metric in value.nested() {
                    let (name, value) = metric?;
                    if name == RTAX_MTU {
                        way_mtu = Some(value.u32()?);
                    }
                }
            }
            _ => {}
        }
    }
    Ok(match (kind, interface) {
        // Packets to each of these go up the machine's own stack, where IPVS looks at them.
        (libc::RTN_LOCAL | libc::RTN_BROADCAST | libc::RTN_ANYCAST | libc::RTN_MULTICAST, _) => {
            Route::Local
        }
        (libc::RTN_UNICAST, Some(interface)) => Route::Out(Way {
            interface,
            gateway,
            source,
            mtu: way_mtu,
        }),
        _ => Route::Nowhere,
    })
}

fn read_address(family: u8, value: Payload<'_>) -> Option<IpAddr> {
    match AddressFamily::from_number(u16::from(family))? {
        AddressFamily::Ipv4 => value
            .first::<4>()
            .ok()
            .map(|octets| Ipv4Addr::from(octets).into()),
        AddressFamily::Ipv6 => value
            .first::<16>()
            .ok()
            .map(|octets| Ipv6Addr::from(octets).into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A message: its header, and attributes.
    fn message(header: &[u8], attributes: &[(u16, &[u8])]) -> Vec<u8> {
        let mut message = header.to_vec();
        for (kind, payload) in attributes {
            message.extend(u16::try_from(payload.len() + 4).unwrap().to_ne_bytes());
            message.extend(kind.to_ne_bytes());
            message.extend(*payload);
            message.resize(message.len().next_multiple_of(4), 0);
        }
        message
    }

    #[test]
    fn a_route_is_read_with_its_gateway_and_mtu() {
        let index = 7u32.to_ne_bytes();
        let metric = message(&[], &[(RTAX_MTU, &1400u32.to_ne_bytes())]);
        let header = [2, 32, 0, 0, 254, 0, 0, libc::RTN_UNICAST, 0, 0, 0, 0];
        let attributes: &[(u16, &[u8])] = &[
            (RTA_OIF, &index),
            (RTA_GATEWAY, &[10, 0, 0, 254]),
            (RTA_PREFSRC, &[10, 0, 0, 1]),
            (RTA_METRICS, &metric),
        ];
        let expected = Way {
            interface: 7,
            gateway: Some("10.0.0.254".parse().unwrap()),
            source: Some("10.0.0.1".parse().unwrap()),
            mtu: Some(1400),
        };
        assert_eq!(
            read_route(&message(&header, attributes)),
            Ok(Route::Out(expected))
        );
        let local = [2, 32, 0, 0, 255, 0, 0, libc::RTN_LOCAL, 0, 0, 0, 0];
        assert_eq!(
            read_route(&message(&local, &[(RTA_OIF, &index)])),
            Ok(Route::Local)
        );
    }

    #[test]
    fn a_neighbour_that_is_asked_in_vain_is_silent() {
        let mut header = [0; NEIGHBOUR_HEADER];
        header[0] = 2;
        header[8..10].copy_from_slice(&libc::NUD_FAILED.to_ne_bytes());
        let address: (u16, &[u8]) = (NDA_DST, &[10, 0, 0, 9]);
        let read = |attributes: &[(u16, &[u8])]| {
            let read = read_neighbour(&message(&header, attributes));
            read.unwrap().unwrap()
        };
        let neighbour = read(&[address]);
        assert!(neighbour.is_silent);
        assert_eq!(neighbour.address.to_string(), "10.0.0.9");
        for (age, is_silent) in [(RECENT - 1, true), (RECENT, false)] {
            let ages = [0, 0, age, 1].map(u32::to_ne_bytes).concat();
            let neighbour = read(&[address, (NDA_CACHEINFO, &ages)]);
            assert_eq!(neighbour.is_silent, is_silent, "{age}");
        }
    }

    #[test]
    fn a_message_that_is_cut_short_is_a_fault() {
        for length in 0..ADDRESS_HEADER {
            let bytes = [0; ADDRESS_HEADER];
            assert!(read_address_message(&bytes[..length]).is_err());
            assert!(read_route(&bytes[..length]).is_err());
            assert!(read_link(&bytes[..length]).is_err());
            assert!(read_neighbour(&bytes[..length]).is_err());
        }
    }
}
