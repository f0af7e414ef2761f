//! The messages of sync daemons: which masters speak in the groups of the daemons here. Source of
//! the format: `net/netfilter/ipvs/ip_vs_sync.c` of the kernel.

#![forbid(unsafe_code)]

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::os::fd::OwnedFd;

use etherparse::{LaxNetSlice, LaxSlicedPacket, TransportSlice};
use serde::Serialize;

use super::capture::{Direction, Frame, join};
use crate::diagnose::facts::Director;
use crate::ipvs::sync_daemons::group_and_port;

/// With `sync_ports`, a master speaks at so many ports on end, at most (`IPVS_SYNC_PORTS_MAX`).
const MOST_PORTS: u16 = 64;

/// A master that was heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Master {
    pub address: IpAddr,
    /// The number of its group of directors.
    pub sync_id: u8,
    /// The version of its messages.
    pub version: u8,
    /// The multicast group, and its first port.
    pub group: IpAddr,
    pub port: u16,
}

/// The groups of the daemons here, joined for as long as this is there.
pub struct Groups {
    /// The interface, the group and the first port of each.
    groups: BTreeSet<(u32, IpAddr, u16)>,
    _memberships: Vec<OwnedFd>,
}

impl Groups {
    /// Joins the groups. A backup's the kernel has joined already; where it lets us not, there is
    /// nothing to be heard.
    pub fn join(director: &Director) -> Groups {
        let groups = director.daemons.iter().filter_map(|daemon| {
            let mut interfaces = director.interfaces.iter();
            let name = daemon.interface.as_bytes();
            let interface = interfaces.find(|interface| interface.name.as_bytes() == name)?;
            let (group, port) = group_and_port(daemon);
            Some((interface.index, group, port))
        });
        let groups: BTreeSet<(u32, IpAddr, u16)> = groups.collect();
        let joined = groups
            .iter()
            .filter_map(|(interface, group, _)| join(*group, *interface).ok());
        Groups {
            _memberships: joined.collect(),
            groups,
        }
    }

    /// Returns groups to try packets on, joined by nobody.
    #[cfg(any(fuzzing, test))]
    pub fn samples() -> Groups {
        let groups = [
            (3, IpAddr::from([224, 0, 0, 81]), 8848),
            (4, IpAddr::from([0xff02, 0, 0, 0, 0, 0, 0, 0x51]), 8850),
        ];
        Groups {
            groups: groups.into(),
            _memberships: Vec::new(),
        }
    }

    /// Returns the groups' addresses.
    pub fn addresses(&self) -> impl Iterator<Item = IpAddr> {
        self.groups.iter().map(|(_, group, _)| *group)
    }

    /// Returns the master of another director that a packet is from. Those from here go out.
    pub fn master(&self, frame: &Frame, packet: &[u8]) -> Option<Master> {
        if self.groups.is_empty() || frame.direction != Direction::In {
            return None;
        }
        let sliced = LaxSlicedPacket::from_ip(packet).ok()?;
        let (address, destination): (IpAddr, IpAddr) = match sliced.net.as_ref()? {
            LaxNetSlice::Ipv4(ip) => (
                ip.header().source_addr().into(),
                ip.header().destination_addr().into(),
            ),
            LaxNetSlice::Ipv6(ip) => (
                ip.header().source_addr().into(),
                ip.header().destination_addr().into(),
            ),
            LaxNetSlice::Arp(_) => return None,
        };
        let Some(TransportSlice::Udp(udp)) = sliced.transport else {
            return None;
        };
        let is_its = |(interface, group, port): &&(u32, IpAddr, u16)| {
            let offset = udp.destination_port().checked_sub(*port);
            *interface == frame.interface
                && *group == destination
                && offset.is_some_and(|offset| offset < MOST_PORTS)
        };
        let (_, group, port) = *self.groups.iter().find(is_its)?;
        let (sync_id, version) = read(udp.payload(), udp.length().checked_sub(8)?)?;
        Some(Master {
            address,
            sync_id,
            version,
            group,
            port,
        })
    }
}

/// Returns the number and the version of a message of this length, which may be cut.
fn read(message: &[u8], length: u16) -> Option<(u8, u8)> {
    let [first, sync_id, size_high, size_low, _, version, _, _] = *message.first_chunk::<8>()?;
    if u16::from_be_bytes([size_high, size_low]) != length {
        return None;
    }
    // Version 0 begins with the number of its connections.
    match (first, version) {
        (0, 1) => Some((sync_id, 1)),
        (0, _) => None,
        _ => Some((sync_id, 0)),
    }
}

#[cfg(test)]
mod tests {
    use etherparse::PacketBuilder;

    use super::*;

    fn frame(interface: u32, direction: Direction) -> Frame {
        Frame {
            interface,
            direction,
            hardware: None,
            mark: None,
        }
    }

    fn packet(port: u16, message: &[u8]) -> Vec<u8> {
        let builder = PacketBuilder::ipv4([1, 1, 1, 25], [224, 0, 0, 81], 1).udp(32770, port);
        let mut packet = Vec::new();
        builder.write(&mut packet, message).unwrap();
        packet
    }

    #[test]
    fn a_master_is_known_by_its_message() {
        let [new, old] = [
            [0, 7, 0, 12, 3, 1, 0, 0, 9, 9, 9, 9],
            [2, 31, 0, 12, 0, 6, 0, 0, 9, 9, 9, 9],
        ];
        for (message, port, sync_id, version) in [(new, 8848, 7, 1), (old, 8911, 31, 0)] {
            let heard = Groups::samples().master(&frame(3, Direction::In), &packet(port, &message));
            let expected = Master {
                address: [1, 1, 1, 25].into(),
                sync_id,
                version,
                group: [224, 0, 0, 81].into(),
                port: 8848,
            };
            assert_eq!(heard, Some(expected));
        }
        for (interface, direction, port, message) in [
            (4, Direction::In, 8848, &new[..]),
            (3, Direction::Out, 8848, &new),
            (3, Direction::In, 8847, &new),
            (3, Direction::In, 8912, &new),
            (3, Direction::In, 8848, &new[..11]),
            (3, Direction::In, 8848, &[0, 7, 0, 8, 3, 2, 0, 0]),
            (3, Direction::In, 8848, b"short"),
        ] {
            let heard =
                Groups::samples().master(&frame(interface, direction), &packet(port, message));
            assert_eq!(heard, None, "{interface} {direction:?} {port} {message:?}");
        }
    }

    #[test]
    fn a_group_of_ipv6_is_heard_too_and_a_message_may_be_cut() {
        let source: std::net::Ipv6Addr = "fe80::25".parse().unwrap();
        let group: std::net::Ipv6Addr = "ff02::51".parse().unwrap();
        let builder = PacketBuilder::ipv6(source.octets(), group.octets(), 1).udp(32770, 8850);
        let message = [&[0, 9, 4, 0, 30, 1, 0, 0][..], &[0; 1016]].concat();
        let mut packet = Vec::new();
        builder.write(&mut packet, &message).unwrap();
        let heard = Groups::samples().master(&frame(4, Direction::In), &packet[..200]);
        assert_eq!(
            heard.map(|master| (master.address, master.sync_id, master.version)),
            Some((source.into(), 9, 1))
        );
    }
}
