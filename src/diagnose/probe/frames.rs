//! Ethernet frames as a probe speaks them: TCP and UDP over IPv4 and IPv6, in tunnels where servers
//! are behind one, and the ICMP errors that say why a packet was not taken. Questions for hardware
//! addresses are in [`resolution`](super::resolution). All numbers are in network byte order there.
//!
//! [`read`] takes apart what is heard; [`Packet`] makes what is sent.
#![forbid(unsafe_code)]

use std::net::IpAddr;

use super::resolution::Resolution;
use crate::diagnose::facts::HardwareAddress;
use crate::diagnose::listen::packets::IcmpReason;
use crate::model::{Encapsulation, TunnelChecksum};

pub const ETHERTYPE_IPV4: u16 = libc::ETH_P_IP as u16;
pub const ETHERTYPE_IPV6: u16 = libc::ETH_P_IPV6 as u16;
pub const ETHERTYPE_ARP: u16 = libc::ETH_P_ARP as u16;
pub const ETHERNET_HEADER: usize = 14;
pub const IPV4_HEADER: usize = 20;
pub const IPV6_HEADER: usize = 40;
/// A TCP header, and that of a SYN, with the option for the largest segment.
const TCP_HEADER: usize = 20;
const TCP_SYN_HEADER: usize = 24;
const UDP_HEADER: usize = 8;
const ICMP_HEADER: usize = 8;
const TCP: u8 = libc::IPPROTO_TCP as u8;
const UDP: u8 = libc::IPPROTO_UDP as u8;
const ICMP: u8 = libc::IPPROTO_ICMP as u8;
pub const ICMPV6: u8 = libc::IPPROTO_ICMPV6 as u8;
const GRE: u8 = libc::IPPROTO_GRE as u8;
/// An IPv4 packet, or an IPv6 packet, inside another one.
const IPV4_INSIDE: u8 = libc::IPPROTO_IPIP as u8;
const IPV6_INSIDE: u8 = libc::IPPROTO_IPV6 as u8;
/// Source: `<linux/icmp.h>`; RFC 4861 and RFC 4443 for those of ICMPv6.
pub const ICMP_DEST_UNREACH: u8 = 3;
pub const ICMPV6_DEST_UNREACH: u8 = 1;
pub const ICMPV6_PARAMETER_PROBLEM: u8 = 4;
pub const NEIGHBOUR_SOLICITATION: u8 = 135;
pub const NEIGHBOUR_ADVERTISEMENT: u8 = 136;

const FLAG_SYN: u8 = 0x02;
const FLAG_RST: u8 = 0x04;
const FLAG_ACK: u8 = 0x10;

/// A frame that a probe listens for, with the hardware address that sent it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Received {
    Resolution(Resolution),
    Packet(HardwareAddress, Packet),
    Unreachable(Unreachable),
}

/// Reads a frame. Returns `None` for what is no concern of a probe.
pub fn read(frame: &[u8]) -> Option<Received> {
    let (header, payload) = frame.split_first_chunk::<ETHERNET_HEADER>()?;
    let (_, header) = header.split_first_chunk::<6>()?;
    let (sender, ethertype) = header.split_first_chunk::<6>()?;
    if ethertype == ETHERTYPE_ARP.to_be_bytes() {
        return Some(Received::Resolution(Resolution::read_arp(payload)?));
    }
    let (header, payload) = Header::read(payload)?;
    match (header.protocol, *payload.first()?) {
        (ICMPV6, NEIGHBOUR_SOLICITATION | NEIGHBOUR_ADVERTISEMENT) => {
            let resolution = Resolution::read_discovery(*sender, &header, payload)?;
            Some(Received::Resolution(resolution))
        }
        (ICMP | ICMPV6, _) => Some(Received::Unreachable(Unreachable::read(&header, payload)?)),
        _ => Some(Received::Packet(*sender, Packet::read(&header, payload)?)),
    }
}

pub fn ethernet(
    source: HardwareAddress,
    destination: HardwareAddress,
    ethertype: u16,
    payload: &[u8],
) -> Vec<u8> {
    let mut frame = Vec::with_capacity(ETHERNET_HEADER + payload.len());
    frame.extend_from_slice(&destination);
    frame.extend_from_slice(&source);
    frame.extend_from_slice(&ethertype.to_be_bytes());
    frame.extend_from_slice(payload);
    frame
}

/// A TCP packet without data, or an empty UDP datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Packet {
    pub source: IpAddr,
    pub destination: IpAddr,
    pub source_port: u16,
    pub destination_port: u16,
    /// A number that an ICMP error about the packet brings back: the identification of IPv4, the
    /// flow label of IPv6.
    pub tag: u16,
    /// The TCP header's own fields; none in a datagram.
    pub tcp: Option<Tcp>,
}

/// The fields of a TCP header that a probe needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tcp {
    pub sequence: u32,
    pub acknowledged: u32,
    flags: u8,
}

impl Tcp {
    /// Begins a connection.
    pub fn syn(sequence: u32) -> Tcp {
        Tcp {
            sequence,
            acknowledged: 0,
            flags: FLAG_SYN,
        }
    }

    /// Ends what the SYN of this sequence number began.
    pub fn reset(sequence: u32) -> Tcp {
        Tcp {
            sequence: sequence.wrapping_add(1),
            acknowledged: 0,
            flags: FLAG_RST,
        }
    }

    pub fn is_reset(&self) -> bool {
        self.flags & FLAG_RST != 0
    }

    /// Returns true for a packet that begins a connection.
    pub fn is_first(&self) -> bool {
        self.flags & (FLAG_SYN | FLAG_ACK) == FLAG_SYN
    }

    /// Returns true for a packet that agrees to a connection.
    pub fn is_consent(&self) -> bool {
        self.flags & (FLAG_SYN | FLAG_ACK) == FLAG_SYN | FLAG_ACK
    }

    fn segment(&self, packet: &Packet) -> Vec<u8> {
        let length = match self.flags & FLAG_SYN {
            0 => TCP_HEADER,
            _ => TCP_SYN_HEADER,
        };
        let mut segment = Vec::with_capacity(length);
        segment.extend_from_slice(&packet.source_port.to_be_bytes());
        segment.extend_from_slice(&packet.destination_port.to_be_bytes());
        segment.extend_from_slice(&self.sequence.to_be_bytes());
        segment.extend_from_slice(&self.acknowledged.to_be_bytes());
        // The header's length in words; flags; the window; room for the checksum; nothing urgent.
        segment.extend_from_slice(&[
            ((length / 4) as u8) << 4,
            self.flags,
            0xfa,
            0xf0,
            0,
            0,
            0,
            0,
        ]);
        if length == TCP_SYN_HEADER {
            // The largest segment: what fits everywhere.
            segment.extend_from_slice(&[2, 4]);
            segment.extend_from_slice(&1220u16.to_be_bytes());
        }
        put_checksum(
            &mut segment,
            16,
            pseudo_header(packet.source, packet.destination, TCP),
        );
        segment
    }
}

impl Packet {
    /// Makes the frame that carries the packet to a neighbour. In a tunnel, the packet around it
    /// goes from `outer.0` to `outer.1`.
    pub fn frame(
        &self,
        hardware: HardwareAddress,
        to: HardwareAddress,
        tunnel: Option<(Encapsulation, (IpAddr, IpAddr))>,
    ) -> Vec<u8> {
        let (protocol, content) = match &self.tcp {
            Some(tcp) => (TCP, tcp.segment(self)),
            None => (
                UDP,
                datagram(
                    (self.source, self.source_port),
                    (self.destination, self.destination_port),
                    &[],
                ),
            ),
        };
        let (source, destination) = (self.source, self.destination);
        let packet = ip(source, destination, protocol, 64, self.tag, &content);
        match tunnel {
            None => ethernet(hardware, to, ethertype(destination), &packet),
            Some((encapsulation, outer)) => {
                let packet = self.wrapped(encapsulation, outer, &packet);
                ethernet(hardware, to, ethertype(outer.1), &packet)
            }
        }
    }

    fn wrapped(
        &self,
        encapsulation: Encapsulation,
        (source, destination): (IpAddr, IpAddr),
        packet: &[u8],
    ) -> Vec<u8> {
        let inside = match self.destination {
            IpAddr::V4(_) => IPV4_INSIDE,
            IpAddr::V6(_) => IPV6_INSIDE,
        };
        let (protocol, content) = match encapsulation {
            Encapsulation::Ipip => (inside, packet.to_vec()),
            Encapsulation::Gre { checksum } => {
                let has_checksum = checksum != TunnelChecksum::None;
                let mut content = vec![u8::from(has_checksum) << 7, 0];
                content.extend_from_slice(&ethertype(self.destination).to_be_bytes());
                if has_checksum {
                    content.extend_from_slice(&[0; 4]);
                }
                content.extend_from_slice(packet);
                if has_checksum {
                    put_checksum(&mut content, 4, 0);
                }
                (GRE, content)
            }
            // A receiver takes a datagram with a whole checksum whatever was agreed.
            Encapsulation::Gue { port, .. } => {
                let content = [&[0, inside, 0, 0], packet].concat();
                let (source, destination) = ((source, self.source_port), (destination, port));
                (UDP, datagram(source, destination, &content))
            }
        };
        ip(source, destination, protocol, 64, self.tag, &content)
    }

    fn read(header: &Header, payload: &[u8]) -> Option<Packet> {
        let port = |at: usize| Some(u16::from_be_bytes(*payload.get(at..)?.first_chunk()?));
        let number = |at: usize| Some(u32::from_be_bytes(*payload.get(at..)?.first_chunk()?));
        let tcp = match header.protocol {
            TCP if payload.len() >= TCP_HEADER => Some(Tcp {
                sequence: number(4)?,
                acknowledged: number(8)?,
                flags: payload[13],
            }),
            UDP if payload.len() >= UDP_HEADER => None,
            _ => return None,
        };
        Some(Packet {
            source: header.source,
            destination: header.destination,
            source_port: port(0)?,
            destination_port: port(2)?,
            tag: header.tag,
            tcp,
        })
    }
}

/// An ICMP error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unreachable {
    pub sender: IpAddr,
    pub reason: IcmpReason,
    /// The address that the packet was for which the error is about, and its [`Packet::tag`].
    pub destination: IpAddr,
    pub tag: u16,
}

impl Unreachable {
    fn read(header: &Header, payload: &[u8]) -> Option<Unreachable> {
        let (message, about) = payload.split_first_chunk::<ICMP_HEADER>()?;
        let reason = IcmpReason {
            is_ipv6: header.protocol == ICMPV6,
            kind: message[0],
            code: message[1],
        };
        if !reason.is_rejection() {
            return None;
        }
        let (about, _) = Header::read(about)?;
        Some(Unreachable {
            sender: header.source,
            reason,
            destination: about.destination,
            tag: about.tag,
        })
    }
}

/// The fields of an IP header that a probe needs.
pub struct Header {
    pub source: IpAddr,
    pub destination: IpAddr,
    protocol: u8,
    tag: u16,
}

impl Header {
    /// Reads the header of an IPv4 packet that is the first of its fragments, or of an IPv6 packet
    /// without further headers. Returns it with what stands behind it.
    fn read(packet: &[u8]) -> Option<(Header, &[u8])> {
        match packet.first()? >> 4 {
            4 => {
                let header = packet.first_chunk::<IPV4_HEADER>()?;
                let length = usize::from(header[0] & 0xf) * 4;
                let is_first = u16::from_be_bytes([header[6], header[7]]) & 0x1fff == 0;
                if !is_first || length < IPV4_HEADER {
                    return None;
                }
                let address =
                    |at: usize| Some(IpAddr::from(*header.get(at..)?.first_chunk::<4>()?));
                let header = Header {
                    source: address(12)?,
                    destination: address(16)?,
                    protocol: header[9],
                    tag: u16::from_be_bytes([header[4], header[5]]),
                };
                Some((header, packet.get(length..)?))
            }
            6 => {
                let (header, payload) = packet.split_first_chunk::<IPV6_HEADER>()?;
                let address =
                    |at: usize| Some(IpAddr::from(*header.get(at..)?.first_chunk::<16>()?));
                let header = Header {
                    source: address(8)?,
                    destination: address(24)?,
                    protocol: header[6],
                    tag: u16::from_be_bytes([header[2], header[3]]),
                };
                Some((header, payload))
            }
            _ => None,
        }
    }
}

/// Puts an IP header before content.
pub fn ip(
    source: IpAddr,
    destination: IpAddr,
    protocol: u8,
    hop_limit: u8,
    tag: u16,
    content: &[u8],
) -> Vec<u8> {
    let [tag_0, tag_1] = tag.to_be_bytes();
    let mut packet = Vec::with_capacity(IPV6_HEADER + content.len());
    match destination {
        IpAddr::V4(_) => {
            // Version and header length; type of service.
            packet.extend_from_slice(&[0x45, 0]);
            packet.extend_from_slice(&((IPV4_HEADER + content.len()) as u16).to_be_bytes());
            // Not to be fragmented; room for the checksum.
            packet.extend_from_slice(&[tag_0, tag_1, 0x40, 0, hop_limit, protocol, 0, 0]);
            packet.extend_from_slice(&octets(source));
            packet.extend_from_slice(&octets(destination));
            put_checksum(&mut packet, 10, 0);
        }
        IpAddr::V6(_) => {
            packet.extend_from_slice(&[0x60, 0, tag_0, tag_1]);
            packet.extend_from_slice(&(content.len() as u16).to_be_bytes());
            packet.extend_from_slice(&[protocol, hop_limit]);
            packet.extend_from_slice(&octets(source));
            packet.extend_from_slice(&octets(destination));
        }
    }
    packet.extend_from_slice(content);
    packet
}

fn datagram(source: (IpAddr, u16), destination: (IpAddr, u16), content: &[u8]) -> Vec<u8> {
    let mut datagram = Vec::with_capacity(UDP_HEADER + content.len());
    datagram.extend_from_slice(&source.1.to_be_bytes());
    datagram.extend_from_slice(&destination.1.to_be_bytes());
    datagram.extend_from_slice(&((UDP_HEADER + content.len()) as u16).to_be_bytes());
    datagram.extend_from_slice(&[0; 2]);
    datagram.extend_from_slice(content);
    put_checksum(
        &mut datagram,
        6,
        pseudo_header(source.0, destination.0, UDP),
    );
    // 0 would say that there is no checksum.
    if datagram[6..8] == [0, 0] {
        datagram[6..8].copy_from_slice(&[0xff; 2]);
    }
    datagram
}

fn ethertype(address: IpAddr) -> u16 {
    match address {
        IpAddr::V4(_) => ETHERTYPE_IPV4,
        IpAddr::V6(_) => ETHERTYPE_IPV6,
    }
}

pub fn octets(address: IpAddr) -> Vec<u8> {
    match address {
        IpAddr::V4(address) => address.octets().to_vec(),
        IpAddr::V6(address) => address.octets().to_vec(),
    }
}

/// Returns the sum of what a checksum above IP covers besides its own bytes and their number.
pub fn pseudo_header(source: IpAddr, destination: IpAddr, protocol: u8) -> u32 {
    sum_of(&octets(source)) + sum_of(&octets(destination)) + u32::from(protocol)
}

/// Writes the checksum (RFC 1071) over an even number of bytes to the place `at`, which holds 0.
/// With a pseudo header, whose sum is not 0, the length is summed up, too.
pub fn put_checksum(bytes: &mut [u8], at: usize, pseudo_header: u32) {
    let length = match pseudo_header {
        0 => 0,
        _ => bytes.len() as u32,
    };
    let mut sum = pseudo_header + length + sum_of(bytes);
    while sum >> 16 != 0 {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    bytes[at..at + 2].copy_from_slice(&(!(sum as u16)).to_be_bytes());
}

fn sum_of(bytes: &[u8]) -> u32 {
    bytes
        .chunks_exact(2)
        .map(|pair| u32::from(u16::from_be_bytes([pair[0], pair[1]])))
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: HardwareAddress = [2, 0, 0, 0, 0, 1];
    const THERE: HardwareAddress = [2, 0, 0, 0, 0, 2];

    fn packet(source: &str, destination: &str, tcp: Option<Tcp>) -> Packet {
        Packet {
            source: source.parse().unwrap(),
            destination: destination.parse().unwrap(),
            source_port: 40001,
            destination_port: 80,
            tag: 0x1234,
            tcp,
        }
    }

    fn packets() -> Vec<Packet> {
        let mut packets = Vec::new();
        for (source, destination) in [("10.0.0.1", "10.0.0.10"), ("2001:db8::1", "2001:db8::10")] {
            for tcp in [None, Some(Tcp::syn(u32::MAX)), Some(Tcp::reset(7))] {
                packets.push(packet(source, destination, tcp));
            }
        }
        packets
    }

    #[test]
    fn what_is_written_is_read_again() {
        for packet in packets() {
            let frame = packet.frame(HERE, THERE, None);
            assert_eq!(read(&frame), Some(Received::Packet(HERE, packet)));
        }
    }

    /// Folds the sum of all words; with its checksum in place, it is all ones.
    fn folded(mut sum: u32) -> u32 {
        while sum >> 16 != 0 {
            sum = (sum & 0xffff) + (sum >> 16);
        }
        sum
    }

    #[test]
    fn checksums_make_all_sums_vanish() {
        for packet in packets() {
            let frame = packet.frame(HERE, THERE, None);
            let (header_length, protocol) = match packet.destination {
                IpAddr::V4(_) => (IPV4_HEADER, frame[ETHERNET_HEADER + 9]),
                IpAddr::V6(_) => (IPV6_HEADER, frame[ETHERNET_HEADER + 6]),
            };
            let (header, content) = frame[ETHERNET_HEADER..].split_at(header_length);
            if packet.destination.is_ipv4() {
                assert_eq!(folded(sum_of(header)), 0xffff);
            }
            let pseudo = pseudo_header(packet.source, packet.destination, protocol);
            let sum = pseudo + content.len() as u32 + sum_of(content);
            assert_eq!(folded(sum), 0xffff, "{packet:?}");
        }
    }

    #[test]
    fn a_tunnel_wraps_the_packet_as_it_is() {
        let outer = ("10.0.0.1".parse().unwrap(), "10.0.0.10".parse().unwrap());
        let inner = packet("10.0.0.1", "192.0.2.1", Some(Tcp::syn(9)));
        let plain = inner.frame(HERE, THERE, None)[ETHERNET_HEADER..].to_vec();
        let gue = Encapsulation::Gue {
            port: 6080,
            checksum: TunnelChecksum::Remote,
        };
        let gre = |checksum| Encapsulation::Gre { checksum };
        for (encapsulation, protocol, header) in [
            (Encapsulation::Ipip, 4, 0),
            (gre(TunnelChecksum::None), 47, 4),
            (gre(TunnelChecksum::Full), 47, 8),
            (gue, 17, 12),
        ] {
            let frame = inner.frame(HERE, THERE, Some((encapsulation, outer)));
            let packet = &frame[ETHERNET_HEADER..];
            assert_eq!(packet[9], protocol, "{encapsulation:?}");
            assert_eq!(packet[16..20], [10, 0, 0, 10]);
            assert_eq!(packet[IPV4_HEADER + header..], plain, "{encapsulation:?}");
            let content = &packet[IPV4_HEADER..];
            match encapsulation {
                Encapsulation::Gue { .. } => {
                    assert_eq!(content[2..4], [0x17, 0xc0]);
                    assert_eq!(content[8..12], [0, 4, 0, 0]);
                    let sum = pseudo_header(outer.0, outer.1, UDP) + content.len() as u32;
                    assert_eq!(folded(sum + sum_of(content)), 0xffff);
                }
                Encapsulation::Gre {
                    checksum: TunnelChecksum::Full,
                } => {
                    assert_eq!(content[..4], [0x80, 0, 8, 0]);
                    assert_eq!(folded(sum_of(content)), 0xffff);
                }
                _ => {}
            }
        }
        let outer = (
            "2001:db8::1".parse().unwrap(),
            "2001:db8::2".parse().unwrap(),
        );
        let frame = inner.frame(HERE, THERE, Some((Encapsulation::Ipip, outer)));
        assert_eq!(frame[12..14], [0x86, 0xdd]);
        assert_eq!(frame[ETHERNET_HEADER + 6], 4);
    }

    #[test]
    fn an_icmp_error_leads_back_to_its_packet() {
        let [udp, tcp, _, udp6, tcp6, _] = packets()[..] else {
            unreachable!()
        };
        for (packet, protocol, message, text) in [
            (udp, 1, [3, 3], Some("port unreachable")),
            (udp, 1, [3, 2], Some("protocol unreachable")),
            (tcp, 1, [3, 7], Some("destination host unknown")),
            (tcp, 1, [3, 10], Some("administratively prohibited")),
            (
                tcp,
                1,
                [3, 11],
                Some("network unreachable for type of service"),
            ),
            (udp6, 58, [1, 4], Some("port unreachable")),
            (tcp6, 58, [1, 3], Some("address unreachable")),
            (tcp6, 58, [4, 1], Some("unrecognized next header")),
            // A packet that is too large, a source route that failed, an erroneous header.
            (tcp, 1, [3, 4], None),
            (tcp, 1, [3, 5], None),
            (tcp6, 58, [4, 0], None),
        ] {
            let about = packet.frame(HERE, THERE, None);
            let [kind, code] = message;
            let message = [&[kind, code, 0, 0, 0, 0, 0, 0], &about[ETHERNET_HEADER..]].concat();
            let (from, to) = (packet.destination, packet.source);
            let error = ip(from, to, protocol, 64, 0, &message);
            let frame = ethernet(THERE, HERE, ethertype(to), &error);
            let expected = text.map(|text| {
                let reason = IcmpReason {
                    is_ipv6: protocol == ICMPV6,
                    kind,
                    code,
                };
                assert_eq!(reason.text(), text);
                Received::Unreachable(Unreachable {
                    sender: packet.destination,
                    reason,
                    destination: packet.destination,
                    tag: 0x1234,
                })
            });
            assert_eq!(read(&frame), expected, "{message:?}");
        }
    }

    #[test]
    fn a_reset_follows_the_syn() {
        assert_eq!(Tcp::reset(u32::MAX).sequence, 0);
        assert!(Tcp::reset(1).is_reset());
        assert!(Tcp::syn(1).is_first() && !Tcp::syn(1).is_consent());
    }

    #[test]
    fn a_frame_that_is_cut_short_is_none() {
        for packet in packets() {
            let frame = packet.frame(HERE, THERE, None);
            let ip_header = match packet.destination {
                IpAddr::V4(_) => IPV4_HEADER,
                IpAddr::V6(_) => IPV6_HEADER,
            };
            let content = packet.tcp.map_or(UDP_HEADER, |_| TCP_HEADER);
            for length in 0..ETHERNET_HEADER + ip_header + content {
                assert_eq!(read(&frame[..length]), None);
            }
        }
    }
}
