//! The director's network, by rtnetlink: interfaces and their addresses, neighbours, the marks of
//! routing rules, and the routes to single addresses. What it means is judged elsewhere. Source:
//! `<linux/rtnetlink.h>`, `<linux/if_link.h>`, `<linux/if_addr.h>`, `<linux/neighbour.h>`,
//! `<linux/fib_rules.h>`.

#![forbid(unsafe_code)]

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use libc::{
    IFA_ADDRESS, IFA_LOCAL, IFLA_ADDRESS, IFLA_IFNAME, IFLA_INFO_KIND, IFLA_LINKINFO, IFLA_MASTER,
    IFLA_MTU, NDA_CACHEINFO, NDA_DST, NDA_LLADDR, RTA_DST, RTA_GATEWAY, RTA_IIF, RTA_MARK,
    RTA_METRICS, RTA_OIF, RTA_PREFSRC, RTA_SRC,
};
use neli::consts::nl::NlmF;
use neli::consts::rtnl::Frattr;
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

/// The bytes of a `struct fib_rule_hdr`, and the metric of a route that is its MTU
/// (`<linux/rtnetlink.h>`): neither library has a name for it.
const RULE_HEADER: usize = 12;
const RTAX_MTU: u16 = 2;
/// A gateway of another family than the route (`<linux/rtnetlink.h>`), which libc names for glibc
/// only.
const RTA_VIA: u16 = 18;

/// The time, in hundredths of a second, for which a missed answer says something about now: the
/// kernel keeps a neighbour's state until it has a packet for it again.
const RECENT: u32 = 60 * 100;

const SHORT: KernelError = KernelError::Malformed("a message is shorter than its header");

/// A packet that comes in, as routing sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Incoming {
    /// The index of the interface.
    pub interface: u32,
    /// The address that it is from; IPv4 asks for one.
    pub source: Option<IpAddr>,
    /// The firewall's mark; 0 for none.
    pub mark: u32,
    /// The interface is strict about senders (`rp_filter` 1).
    pub is_strict: bool,
}

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

    /// Returns the neighbours that the director knows.
    pub fn neighbours(&mut self) -> Result<Vec<Neighbour>, KernelError> {
        let neighbours = self.dump(libc::RTM_GETNEIGH, NEIGHBOUR_HEADER, read_neighbour)?;
        Ok(neighbours.into_iter().flatten().collect())
    }

    /// Returns the marks that some rule of routing asks for, each once.
    pub fn marks_of_rules(&mut self) -> Result<Vec<u32>, KernelError> {
        let marks = self.dump(libc::RTM_GETRULE, RULE_HEADER, read_mark_of_rule)?;
        let mut marks: Vec<u32> = marks.into_iter().flatten().collect();
        marks.sort_unstable();
        marks.dedup();
        Ok(marks)
    }

    /// Returns how the kernel would send a packet of its own to an address.
    pub fn route(&mut self, address: IpAddr) -> Result<Route, KernelError> {
        self.ask_route(address, None)
    }

    /// Returns where the kernel would take a packet that comes in.
    pub fn route_in(&mut self, address: IpAddr, incoming: Incoming) -> Result<Route, KernelError> {
        self.ask_route(address, Some(incoming))
    }

    fn ask_route(
        &mut self,
        address: IpAddr,
        incoming: Option<Incoming>,
    ) -> Result<Route, KernelError> {
        let family = AddressFamily::of(address);
        let mut routes = Vec::with_capacity(1);
        let asked = self.socket.ask(
            libc::RTM_GETROUTE,
            NlmF::empty(),
            |buffer| {
                let mut header = [0; ROUTE_HEADER];
                header[0] = family.number() as u8;
                header[1] = length_of(address);
                if let Some(Incoming {
                    source: Some(source),
                    ..
                }) = incoming
                {
                    header[2] = length_of(source);
                }
                buffer.extend_from_slice(&header);
                let mut attributes = Writer::new(buffer);
                write_address(&mut attributes, RTA_DST, address);
                if let Some(incoming) = incoming {
                    attributes.u32(RTA_IIF, incoming.interface);
                    if let Some(source) = incoming.source {
                        write_address(&mut attributes, RTA_SRC, source);
                    }
                    if incoming.mark != 0 {
                        attributes.u32(RTA_MARK, incoming.mark);
                    }
                }
            },
            &mut routes,
            read_route,
        );
        match asked {
            Ok(()) => Ok(routes.pop().unwrap_or_default()),
            Err(KernelError::Errno(Errno::EXDEV)) => Ok(Route::Refused),
            // From Linux 6.13 on, this is said of everything that is not taken in. Where there is a way
            // on, and the interface is strict, it is the sender that is not taken.
            Err(KernelError::Errno(Errno::EINVAL))
                if incoming.is_some_and(|incoming| incoming.is_strict) =>
            {
                match self.ask_route(address, None)? {
                    Route::Out(_) => Ok(Route::Refused),
                    _ => Ok(Route::Nowhere),
                }
            }
            // What the kernel says to a route that leads nowhere, to each kind that is meant to
            // (unreachable, blackhole, prohibit), without IPv6, and of an interface that takes no
            // packets of this family.
            Err(KernelError::Errno(
                Errno::ENETUNREACH
                | Errno::EHOSTUNREACH
                | Errno::EINVAL
                | Errno::EACCES
                | Errno::EAFNOSUPPORT
                | Errno::EOPNOTSUPP
                | Errno::ENODEV,
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
        has_link: flags & libc::IFF_LOWER_UP as u32 != 0,
        is_loopback: flags & libc::IFF_LOOPBACK as u32 != 0,
        asks_neighbours: flags & libc::IFF_NOARP as u32 == 0,
        ..Interface::default()
    };
    for attribute in Attributes::new(attributes) {
        let (name, value) = attribute?;
        match name {
            IFLA_IFNAME => interface.name = String::from_utf8_lossy(value.string()).into_owned(),
            IFLA_MTU => interface.mtu = value.u32()?,
            IFLA_MASTER => interface.master = Some(value.u32()?),
            IFLA_LINKINFO => {
                for part in value.nested() {
                    let (name, value) = part?;
                    if name == IFLA_INFO_KIND {
                        interface.kind = String::from_utf8_lossy(value.string()).into_owned();
                    }
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
            RTA_VIA => gateway = read_via(value),
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

/// A gateway of another family than the route's (`struct rtvia`): its family, and its address.
fn read_via(value: Payload<'_>) -> Option<IpAddr> {
    let family = u16::from_ne_bytes(value.first().ok()?);
    match AddressFamily::from_number(family)? {
        AddressFamily::Ipv4 => {
            let [_, _, octets @ ..] = value.first::<6>().ok()?;
            Some(IpAddr::from(octets))
        }
        AddressFamily::Ipv6 => {
            let [_, _, octets @ ..] = value.first::<18>().ok()?;
            Some(IpAddr::from(octets))
        }
    }
}

/// The mark that a rule asks for.
fn read_mark_of_rule(payload: &[u8]) -> Result<Option<u32>, KernelError> {
    let (_, attributes) = payload.split_first_chunk::<RULE_HEADER>().ok_or(SHORT)?;
    for attribute in Attributes::new(attributes) {
        let (name, value) = attribute?;
        if name == u16::from(Frattr::Fwmark) {
            return value.u32().map(Some);
        }
    }
    Ok(None)
}

fn write_address(attributes: &mut Writer<'_>, kind: u16, address: IpAddr) {
    match address {
        IpAddr::V4(address) => attributes.bytes(kind, address.octets()),
        IpAddr::V6(address) => attributes.bytes(kind, address.octets()),
    }
}

/// The length of an address in bits.
fn length_of(address: IpAddr) -> u8 {
    match address {
        IpAddr::V4(_) => 32,
        IpAddr::V6(_) => 128,
    }
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
    fn a_gateway_may_be_of_another_family() {
        let gateway: Ipv6Addr = "fe80::e".parse().unwrap();
        let mut via = (libc::AF_INET6 as u16).to_ne_bytes().to_vec();
        via.extend(gateway.octets());
        let header = [2, 32, 0, 0, 254, 0, 0, libc::RTN_UNICAST, 0, 0, 0, 0];
        let index = 7u32.to_ne_bytes();
        let route = read_route(&message(&header, &[(RTA_OIF, &index), (RTA_VIA, &via)]));
        let way = route.unwrap().way().unwrap();
        assert_eq!(way.gateway, Some(gateway.into()));
    }

    #[test]
    fn a_rule_may_ask_for_a_mark() {
        let mark = 258u32.to_ne_bytes();
        let rule = message(&[0; RULE_HEADER], &[(Frattr::Fwmark.into(), &mark)]);
        assert_eq!(read_mark_of_rule(&rule), Ok(Some(258)));
        let other = message(&[0; RULE_HEADER], &[(Frattr::Table.into(), &mark)]);
        assert_eq!(read_mark_of_rule(&other), Ok(None));
    }

    #[test]
    fn an_interface_is_read_with_its_kind_and_master() {
        let mut header = [0; LINK_HEADER];
        header[4..8].copy_from_slice(&9u32.to_ne_bytes());
        header[8..12].copy_from_slice(&((libc::IFF_UP | libc::IFF_NOARP) as u32).to_ne_bytes());
        let kind = message(&[], &[(IFLA_INFO_KIND, b"dummy\0")]);
        let link = read_link(&message(
            &header,
            &[
                (IFLA_IFNAME, b"kube\0"),
                (IFLA_MASTER, &5u32.to_ne_bytes()),
                (IFLA_LINKINFO, &kind),
            ],
        ))
        .unwrap();
        assert_eq!(
            (link.index, link.name.as_str(), link.is_up),
            (9, "kube", true)
        );
        assert_eq!((link.kind.as_str(), link.master), ("dummy", Some(5)));
        assert!(!link.asks_neighbours && !link.has_link);
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
