//! Ethernet frames as a probe speaks them: TCP and UDP over IPv4 and IPv6, in tunnels where servers
//! are behind one; questions for hardware addresses, by ARP (RFC 826) or, for IPv6, by neighbour
//! discovery (RFC 4861); and the ICMP errors that say why a packet was not taken.
//!
//! [`read`] takes apart what is heard; [`Packet`] and [`Solicitation`] make what is sent.
#![forbid(unsafe_code)]

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use etherparse::checksum::Sum16BitWords;
use etherparse::{
    ArpEthIpv4Packet, ArpOperation, EtherType, Ethernet2Header, Icmpv6Type, IpHeaders, IpNumber,
    Ipv4Header, Ipv6Header, LaxNetSlice, LaxSlicedPacket, PacketBuilder, PacketBuilderStep,
    TcpOptionElement, UdpHeaderSlice,
};

use crate::diagnose::facts::HardwareAddress;
use crate::diagnose::listen::packets::{
    self, Content, Flow, IcmpReason, NeighbourTalk, Segment, addresses, read_icmp,
};
use crate::model::{Encapsulation, Protocol, TunnelChecksum};

const BROADCAST: HardwareAddress = [0xff; 6];
const TIME_TO_LIVE: u8 = 64;
const WINDOW: u16 = 64240;
/// The largest that fits everywhere, in bytes.
const LARGEST_SEGMENT: u16 = 1220;

/// The word of a frame to a probe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Received {
    /// With the hardware address of who says it.
    Neighbour(HardwareAddress, NeighbourTalk),
    Segment(Segment),
    Datagram(Datagram),
    Unreachable(Unreachable),
}

/// A datagram of UDP, or the first of its fragments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Datagram {
    /// The hardware address that sent it.
    pub hardware: HardwareAddress,
    pub flow: Flow,
    /// See [`Packet::tag`].
    pub tag: u16,
}

/// An ICMP error that says that a packet was rejected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unreachable {
    pub sender: IpAddr,
    pub reason: IcmpReason,
    /// The address that the packet was for which the error is about, and its [`Packet::tag`].
    pub destination: IpAddr,
    pub tag: u16,
}

/// Reads a frame that the filters of a probe's sockets let in. Returns `None` for what is no concern
/// of a probe.
pub fn read(frame: &[u8]) -> Option<Received> {
    let (header, packet) = Ethernet2Header::from_slice(frame).ok()?;
    if let Some(received) = read_tagged(header.source, packet) {
        return Some(received);
    }
    match packets::read(packet, &[])?.content {
        Content::Segment(segment) => Some(Received::Segment(segment)),
        Content::Neighbour(talk) => {
            let said = talk.sender_hardware.or_else(|| read_option(packet));
            Some(Received::Neighbour(said.unwrap_or(header.source), talk))
        }
        // Without a tag, they lead back to no question.
        Content::Datagram(_) | Content::Error(_) => None,
    }
}

/// Reads what a tag leads back from: a datagram, or an ICMP error.
fn read_tagged(hardware: HardwareAddress, packet: &[u8]) -> Option<Received> {
    let sliced = LaxSlicedPacket::from_ip(packet).ok()?;
    let (source, destination) = addresses(&sliced)?;
    let load = sliced.ip_payload()?;
    if load.ip_number == IpNumber::UDP {
        let udp = UdpHeaderSlice::from_slice(load.payload).ok()?;
        return Some(Received::Datagram(Datagram {
            hardware,
            flow: Flow {
                protocol: Protocol::Udp,
                source: SocketAddr::new(source, udp.source_port()),
                destination: SocketAddr::new(destination, udp.destination_port()),
            },
            tag: tag(&sliced)?,
        }));
    }
    let (reason, quoted) = read_icmp(sliced.transport.as_ref()?)?;
    if !reason.is_rejection() {
        return None;
    }
    let quoted = LaxSlicedPacket::from_ip(quoted).ok()?;
    Some(Received::Unreachable(Unreachable {
        sender: source,
        reason,
        destination: addresses(&quoted)?.1,
        tag: tag(&quoted)?,
    }))
}

/// Returns the [`Packet::tag`].
fn tag(sliced: &LaxSlicedPacket<'_>) -> Option<u16> {
    match sliced.net.as_ref()? {
        LaxNetSlice::Ipv4(ip) => Some(ip.header().identification()),
        LaxNetSlice::Ipv6(ip) => Some(ip.header().flow_label().value() as u16),
        LaxNetSlice::Arp(_) => None,
    }
}

/// Returns the hardware address that neighbour discovery says in an option, which mostly is the
/// first behind its 24 bytes.
fn read_option(packet: &[u8]) -> Option<HardwareAddress> {
    match packet.get(Ipv6Header::LEN + 24..)?.first_chunk::<8>()? {
        [1 | 2, 1, hardware @ ..] => Some(*hardware),
        _ => None,
    }
}

/// A packet that a probe sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Packet {
    pub source: SocketAddr,
    pub destination: SocketAddr,
    /// A number that an ICMP error about the packet brings back: the identification of IPv4, the
    /// flow label of IPv6.
    pub tag: u16,
    pub kind: PacketKind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PacketKind {
    /// Begins a connection of TCP with a sequence number.
    Syn(u32),
    /// Ends what the SYN of this sequence number began.
    Reset(u32),
    /// An empty datagram of UDP.
    Datagram,
}

impl Packet {
    /// Makes the frame that carries the packet to a neighbour. In a tunnel, the packet around it
    /// goes from `outer.0` to `outer.1`. `None` where one address is of IPv4, the other of IPv6.
    pub fn frame(
        &self,
        hardware: HardwareAddress,
        to: HardwareAddress,
        tunnel: Option<(Encapsulation, (IpAddr, IpAddr))>,
    ) -> Option<Vec<u8>> {
        let ethernet = PacketBuilder::ethernet2(hardware, to);
        let (source, destination) = (self.source.ip(), self.destination.ip());
        let inner = ip(source, destination, TIME_TO_LIVE, self.tag)?;
        let Some((encapsulation, outer)) = tunnel else {
            return self.behind(ethernet.ip(inner));
        };
        let packet = self.behind(PacketBuilder::ip(inner))?;
        let outer = ip(outer.0, outer.1, TIME_TO_LIVE, self.tag)?;
        self.wrapped(encapsulation, ethernet.ip(outer), &packet)
    }

    /// Writes the packet behind the headers up to that of IP.
    fn behind(&self, headers: PacketBuilderStep<IpHeaders>) -> Option<Vec<u8>> {
        let (source, destination) = (self.source.port(), self.destination.port());
        let mut bytes = Vec::new();
        match self.kind {
            PacketKind::Syn(sequence) => headers
                .tcp(source, destination, sequence, WINDOW)
                .syn()
                .options(&[TcpOptionElement::MaximumSegmentSize(LARGEST_SEGMENT)])
                .ok()?
                .write(&mut bytes, &[]),
            PacketKind::Reset(sequence) => headers
                .tcp(source, destination, sequence.wrapping_add(1), WINDOW)
                .rst()
                .write(&mut bytes, &[]),
            PacketKind::Datagram => headers.udp(source, destination).write(&mut bytes, &[]),
        }
        .ok()?;
        Some(bytes)
    }

    /// Writes a tunnel's header and the packet in it behind the headers around both.
    fn wrapped(
        &self,
        encapsulation: Encapsulation,
        headers: PacketBuilderStep<IpHeaders>,
        packet: &[u8],
    ) -> Option<Vec<u8>> {
        let (inside, ethertype) = match self.destination {
            SocketAddr::V4(_) => (IpNumber::IPV4, EtherType::IPV4),
            SocketAddr::V6(_) => (IpNumber::IPV6, EtherType::IPV6),
        };
        let mut bytes = Vec::new();
        match encapsulation {
            Encapsulation::Ipip => headers.write(&mut bytes, inside, packet),
            Encapsulation::Gre { checksum } => {
                let [high, low] = ethertype.0.to_be_bytes();
                let gre = match checksum {
                    TunnelChecksum::None => [&[0, 0, high, low], packet].concat(),
                    _ => {
                        let start = [0x80, 0, high, low];
                        let sum = Sum16BitWords::new().add_4bytes(start).add_slice(packet);
                        let [first, second] = sum.ones_complement().to_ne_bytes();
                        [&start[..], &[first, second, 0, 0], packet].concat()
                    }
                };
                headers.write(&mut bytes, IpNumber::GRE, &gre)
            }
            // A receiver takes a datagram with a whole checksum whatever was agreed.
            Encapsulation::Gue { port, .. } => {
                let gue = [&[0, inside.0, 0, 0], packet].concat();
                headers
                    .udp(self.source.port(), port)
                    .write(&mut bytes, &gue)
            }
        }
        .ok()?;
        Some(bytes)
    }
}

/// A question for the hardware address of a neighbour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Solicitation {
    pub hardware: HardwareAddress,
    /// The address that it comes from; unspecified to ask as nobody, which no neighbour remembers.
    pub sender: IpAddr,
    /// The address that is asked for, of the same family.
    pub target: IpAddr,
}

impl Solicitation {
    /// Makes the frame: ARP to everybody, or neighbour discovery to the group of the address.
    /// `None` where one address is of IPv4, the other of IPv6.
    pub fn frame(&self) -> Option<Vec<u8>> {
        let mut frame = Vec::new();
        match (self.sender, self.target) {
            (IpAddr::V4(sender), IpAddr::V4(target)) => {
                let arp = ArpEthIpv4Packet {
                    operation: ArpOperation::REQUEST,
                    sender_mac: self.hardware,
                    sender_ipv4: sender.octets(),
                    target_mac: [0; 6],
                    target_ipv4: target.octets(),
                };
                PacketBuilder::ethernet2(self.hardware, BROADCAST)
                    .arp(arp.into())
                    .write(&mut frame)
            }
            (sender, IpAddr::V6(target)) => {
                // ff02::1:ffXX:XXXX, of the last three bytes of the address.
                let [.., a, b, c] = target.octets();
                let mut group = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 1, 0xff00, 0).octets();
                group[13..].copy_from_slice(&[a, b, c]);
                // The option that says the sender's hardware address.
                let load = [&target.octets()[..], &[1, 1], &self.hardware].concat();
                // Only a neighbour's packet has its whole time to live.
                let ip = ip(sender, group.into(), u8::MAX, 0)?;
                PacketBuilder::ethernet2(self.hardware, [0x33, 0x33, 0xff, a, b, c])
                    .ip(ip)
                    .icmpv6(Icmpv6Type::NeighborSolicitation)
                    .write(&mut frame, &load)
            }
            _ => return None,
        }
        .ok()?;
        Some(frame)
    }
}

/// Makes the header of IP; its lengths and checksums are filled in as it is written.
fn ip(source: IpAddr, destination: IpAddr, hop_limit: u8, tag: u16) -> Option<IpHeaders> {
    match (source, destination) {
        (IpAddr::V4(source), IpAddr::V4(destination)) => {
            let header = Ipv4Header {
                identification: tag,
                dont_fragment: true,
                time_to_live: hop_limit,
                source: source.octets(),
                destination: destination.octets(),
                ..Ipv4Header::default()
            };
            Some(IpHeaders::Ipv4(header, Default::default()))
        }
        (IpAddr::V6(source), IpAddr::V6(destination)) => {
            let header = Ipv6Header {
                flow_label: u32::from(tag).try_into().ok()?,
                hop_limit,
                source: source.octets(),
                destination: destination.octets(),
                ..Ipv6Header::default()
            };
            Some(IpHeaders::Ipv6(header, Default::default()))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: HardwareAddress = [2, 0, 0, 0, 0, 1];
    const THERE: HardwareAddress = [2, 0, 0, 0, 0, 2];

    fn packet(source: &str, destination: &str, kind: PacketKind) -> Packet {
        Packet {
            source: source.parse().unwrap(),
            destination: destination.parse().unwrap(),
            tag: 0x1234,
            kind,
        }
    }

    fn packets() -> Vec<Packet> {
        use PacketKind::{Datagram, Reset, Syn};
        let mut packets = Vec::new();
        for (source, destination) in [
            ("10.0.0.1:40001", "10.0.0.10:80"),
            ("[2001:db8::1]:40001", "[2001:db8::10]:80"),
        ] {
            for kind in [Datagram, Syn(u32::MAX), Reset(u32::MAX)] {
                packets.push(packet(source, destination, kind));
            }
        }
        packets
    }

    fn question(sender: &str, target: &str) -> Solicitation {
        Solicitation {
            hardware: HERE,
            sender: sender.parse().unwrap(),
            target: target.parse().unwrap(),
        }
    }

    #[test]
    fn what_is_written_is_read_again() {
        for packet in packets() {
            let flow = Flow {
                protocol: match packet.kind {
                    PacketKind::Datagram => Protocol::Udp,
                    _ => Protocol::Tcp,
                },
                source: packet.source,
                destination: packet.destination,
            };
            let segment = |sequence, is_syn| {
                Received::Segment(Segment {
                    flow,
                    sequence,
                    acknowledged: None,
                    is_syn,
                    is_reset: !is_syn,
                })
            };
            let expected = match packet.kind {
                PacketKind::Syn(sequence) => segment(sequence, true),
                // It follows the SYN.
                PacketKind::Reset(_) => segment(0, false),
                PacketKind::Datagram => Received::Datagram(Datagram {
                    hardware: HERE,
                    flow,
                    tag: packet.tag,
                }),
            };
            let frame = packet.frame(HERE, THERE, None).unwrap();
            assert_eq!(read(&frame), Some(expected));
        }
    }

    #[test]
    fn a_syn_is_made_byte_by_byte() {
        let frame = packets()[1].frame(HERE, THERE, None).unwrap();
        let (ethernet, packet) = frame.split_at(Ethernet2Header::LEN);
        let (ip, tcp) = packet.split_at(Ipv4Header::MIN_LEN);
        assert_eq!(ethernet, [2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0]);
        let expected = [
            0x45, 0x00, 0x00, 0x2c, 0x12, 0x34, 0x40, 0x00, 0x40, 0x06, 0x14, 0x8e, 0x0a, 0x00,
            0x00, 0x01, 0x0a, 0x00, 0x00, 0x0a,
        ];
        assert_eq!(ip, expected);
        let expected = [
            0x9c, 0x41, 0x00, 0x50, 0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00, 0x60, 0x02,
            0xfa, 0xf0, 0xed, 0x89, 0x00, 0x00, 0x02, 0x04, 0x04, 0xc4,
        ];
        assert_eq!(tcp, expected);
    }

    #[test]
    fn the_first_fragment_of_a_datagram_is_one() {
        let mut frame = packets()[0].frame(HERE, THERE, None).unwrap();
        let whole = read(&frame);
        // More fragments follow.
        frame[Ethernet2Header::LEN + 6] |= 0x20;
        assert!(matches!(whole, Some(Received::Datagram(_))));
        assert_eq!(read(&frame), whole);
    }

    #[test]
    fn two_families_make_no_packet() {
        let mixed = packet("10.0.0.1:40001", "[2001:db8::10]:80", PacketKind::Datagram);
        assert_eq!(mixed.frame(HERE, THERE, None), None);
        assert_eq!(question("10.0.0.1", "2001:db8::10").frame(), None);
        assert_eq!(question("2001:db8::1", "10.0.0.10").frame(), None);
    }

    /// Returns the checksum of what has an even length; with its own in place, 0.
    fn checksum(parts: &[&[u8]]) -> u16 {
        let sum = |sum: Sum16BitWords, part: &&[u8]| sum.add_slice(part);
        let sum = parts.iter().fold(Sum16BitWords::new(), sum);
        sum.ones_complement()
    }

    #[test]
    fn a_tunnel_wraps_the_packet_as_it_is() {
        let outer = ("10.0.0.1".parse().unwrap(), "10.0.0.10".parse().unwrap());
        let inner = packet("10.0.0.1:40001", "192.0.2.1:80", PacketKind::Syn(9));
        let plain = inner.frame(HERE, THERE, None).unwrap()[Ethernet2Header::LEN..].to_vec();
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
            let frame = inner
                .frame(HERE, THERE, Some((encapsulation, outer)))
                .unwrap();
            let packet = &frame[Ethernet2Header::LEN..];
            assert_eq!(packet[9], protocol, "{encapsulation:?}");
            assert_eq!(packet[16..20], [10, 0, 0, 10]);
            assert_eq!(
                packet[Ipv4Header::MIN_LEN + header..],
                plain,
                "{encapsulation:?}"
            );
            let content = &packet[Ipv4Header::MIN_LEN..];
            match encapsulation {
                Encapsulation::Gue { .. } => {
                    assert_eq!(content[2..4], [0x17, 0xc0]);
                    assert_eq!(content[8..12], [0, 4, 0, 0]);
                    let pseudo = [&packet[12..20], &[0, 17], &content[4..6]].concat();
                    assert_eq!(checksum(&[&pseudo, content]), 0);
                }
                Encapsulation::Gre {
                    checksum: TunnelChecksum::Full,
                } => {
                    assert_eq!(content[..4], [0x80, 0, 8, 0]);
                    assert_eq!(checksum(&[content]), 0);
                }
                _ => {}
            }
        }
        let outer = (
            "2001:db8::1".parse().unwrap(),
            "2001:db8::2".parse().unwrap(),
        );
        let frame = inner
            .frame(HERE, THERE, Some((Encapsulation::Ipip, outer)))
            .unwrap();
        assert_eq!(frame[12..14], [0x86, 0xdd]);
        assert_eq!(frame[Ethernet2Header::LEN + 6], 4);
    }

    #[test]
    fn an_icmp_error_leads_back_to_its_packet() {
        let [udp, tcp, _, udp6, tcp6, _] = packets()[..] else {
            unreachable!()
        };
        for (packet, protocol, message, text) in [
            (udp, IpNumber::ICMP, [3, 3], Some("port unreachable")),
            (udp, IpNumber::ICMP, [3, 2], Some("protocol unreachable")),
            (
                tcp,
                IpNumber::ICMP,
                [3, 7],
                Some("destination host unknown"),
            ),
            (
                tcp,
                IpNumber::ICMP,
                [3, 10],
                Some("administratively prohibited"),
            ),
            (
                tcp,
                IpNumber::ICMP,
                [3, 11],
                Some("network unreachable for type of service"),
            ),
            (udp6, IpNumber::IPV6_ICMP, [1, 4], Some("port unreachable")),
            (
                tcp6,
                IpNumber::IPV6_ICMP,
                [1, 3],
                Some("address unreachable"),
            ),
            (
                tcp6,
                IpNumber::IPV6_ICMP,
                [4, 1],
                Some("unrecognized next header"),
            ),
            // A packet that is too large, a source route that failed, an erroneous header.
            (tcp, IpNumber::ICMP, [3, 4], None),
            (tcp, IpNumber::ICMP, [3, 5], None),
            (tcp6, IpNumber::IPV6_ICMP, [4, 0], None),
        ] {
            let about = packet.frame(HERE, THERE, None).unwrap();
            let [kind, code] = message;
            let message = [
                &[kind, code, 0, 0, 0, 0, 0, 0],
                &about[Ethernet2Header::LEN..],
            ]
            .concat();
            let (from, to) = (packet.destination.ip(), packet.source.ip());
            let mut frame = Vec::new();
            PacketBuilder::ethernet2(THERE, HERE)
                .ip(ip(from, to, 64, 0).unwrap())
                .write(&mut frame, protocol, &message)
                .unwrap();
            let expected = text.map(|text| {
                let reason = IcmpReason {
                    is_ipv6: protocol == IpNumber::IPV6_ICMP,
                    kind,
                    code,
                };
                assert_eq!(reason.text(), text);
                Received::Unreachable(Unreachable {
                    sender: from,
                    reason,
                    destination: from,
                    tag: 0x1234,
                })
            });
            assert_eq!(read(&frame), expected, "{message:?}");
        }
    }

    #[test]
    fn a_question_for_a_hardware_address_is_read_again() {
        for (sender, target, sender_hardware) in [
            ("0.0.0.0", "10.0.0.10", Some(HERE)),
            ("2001:db8::1", "2001:db8::12:3456", None),
        ] {
            let asked = question(sender, target);
            let talk = NeighbourTalk {
                is_question: true,
                sender: asked.sender,
                sender_hardware,
                target: asked.target,
            };
            let mut frame = asked.frame().unwrap();
            // It may come from another network card than it says.
            frame[6..12].copy_from_slice(&THERE);
            assert_eq!(read(&frame), Some(Received::Neighbour(HERE, talk)));
        }
    }

    #[test]
    fn neighbours_are_asked_by_their_group() {
        let frame = question("fe80::1", "2001:db8::12:3456").frame().unwrap();
        assert_eq!(frame[..6], [0x33, 0x33, 0xff, 0x12, 0x34, 0x56]);
        let group: Ipv6Addr = "ff02::1:ff12:3456".parse().unwrap();
        assert_eq!(frame[Ethernet2Header::LEN + 24..][..16], group.octets());
        assert_eq!(frame[Ethernet2Header::LEN + 7], 255);
    }

    #[test]
    fn a_frame_that_is_cut_short_is_none() {
        for packet in packets() {
            let frame = packet.frame(HERE, THERE, None).unwrap();
            for length in 0..frame.len() {
                assert_eq!(read(&frame[..length]), None);
            }
        }
        // Neighbour discovery does without its option.
        for (sender, target, option) in [("0.0.0.0", "10.0.0.10", 0), ("::", "2001:db8::1", 8)] {
            let frame = question(sender, target).frame().unwrap();
            for length in 0..frame.len() - option {
                assert_eq!(read(&frame[..length]), None);
            }
        }
    }
}
