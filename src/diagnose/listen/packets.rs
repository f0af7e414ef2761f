//! Reads from a packet what an attempt is made of: who speaks to whom, and how far they are. Reads
//! headers, from the network's on, and judges nothing. A probe reads with it, too.
//!
//! A packet in a tunnel is read as what it carries, with the tunnel's end beside it; an ICMP error
//! as what it quotes. A fragment says nothing. Numbers are in host byte order once they are read.

#![forbid(unsafe_code)]

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use etherparse::icmpv6::{TYPE_NEIGHBOR_ADVERTISEMENT, TYPE_NEIGHBOR_SOLICITATION};
use etherparse::{
    ArpOperation, ArpPacketSlice, EtherType, IpNumber, LaxNetSlice, LaxSlicedPacket, TransportSlice,
};

use crate::diagnose::facts::HardwareAddress;
use crate::model::Protocol;

/// The flags of GRE that make its header longer by four bytes each: checksum, key, sequence.
const GRE_LENGTHENING: [u16; 3] = [0x8000, 0x2000, 0x1000];
/// The most headers of IP in each other: tunnels, and an ICMP error around them.
const MOST_LAYERS: u8 = 3;

/// A packet of interest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Packet {
    /// The end of the tunnel that it is in, the outermost.
    pub tunnel: Option<IpAddr>,
    pub content: Content,
}

/// The part of a packet that is of interest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content {
    Segment(Segment),
    /// A datagram of UDP.
    Datagram(Flow),
    Error(IcmpError),
    Neighbour(NeighbourTalk),
}

/// From whom to whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Flow {
    pub protocol: Protocol,
    pub source: SocketAddr,
    pub destination: SocketAddr,
}

impl Flow {
    /// The way back.
    pub fn reversed(self) -> Flow {
        Flow {
            source: self.destination,
            destination: self.source,
            ..self
        }
    }
}

/// A segment of TCP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Segment {
    pub flow: Flow,
    pub sequence: u32,
    /// `None` without the flag ACK.
    pub acknowledged: Option<u32>,
    pub is_syn: bool,
    pub is_reset: bool,
}

/// An ICMP error: a packet was not delivered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IcmpError {
    pub reporter: IpAddr,
    pub reason: IcmpReason,
    /// The packet that it is about, and the end of the tunnel that this was in.
    pub flow: Flow,
    pub tunnel: Option<IpAddr>,
    /// The sequence number, of TCP.
    pub sequence: Option<u32>,
}

/// Why, by type and code of ICMP, or of ICMPv6 where `is_ipv6`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct IcmpReason {
    pub is_ipv6: bool,
    pub kind: u8,
    pub code: u8,
}

impl IcmpReason {
    /// Returns true for a port at which nobody listens.
    pub fn is_port_unreachable(self) -> bool {
        match self.is_ipv6 {
            false => (self.kind, self.code) == (3, 3),
            true => (self.kind, self.code) == (1, 4),
        }
    }

    /// Returns true for a packet that was under way for too long.
    pub fn is_time_exceeded(self) -> bool {
        self.kind == if self.is_ipv6 { 3 } else { 11 }
    }

    /// Returns true where somebody did not take the packet: found no way on, or did not want it.
    pub fn is_rejection(self) -> bool {
        match self.is_ipv6 {
            false => self.kind == 3 && matches!(self.code, 0..=3 | 6 | 7 | 9..=13),
            true => matches!((self.kind, self.code), (1, 0 | 1 | 3..=6) | (4, 1)),
        }
    }

    /// Returns true where nothing more comes of the packet: unreachable, or underway for too long.
    /// That it is too large only makes the sender send smaller ones.
    fn is_final(self) -> bool {
        match self.is_ipv6 {
            false => (self.kind == 3 && self.code != 4) || self.kind == 11,
            true => self.kind == 1 || self.kind == 3,
        }
    }

    /// The name, as RFC 792, 1122, 1812 and 4443 have it.
    pub fn text(self) -> String {
        let name = match (self.is_ipv6, self.kind, self.code) {
            (false, 3, 0) => "network unreachable",
            (false, 3, 1) => "host unreachable",
            (false, 3, 2) => "protocol unreachable",
            (false, 3, 3) | (true, 1, 4) => "port unreachable",
            (false, 3, 5) => "source route failed",
            (false, 3, 6) => "destination network unknown",
            (false, 3, 7) => "destination host unknown",
            // To a network, to a host, or altogether: a firewall is told which of them to say.
            (false, 3, 9 | 10 | 13) | (true, 1, 1) => "administratively prohibited",
            (false, 3, 11) => "network unreachable for type of service",
            (false, 3, 12) => "host unreachable for type of service",
            (false, 11, 0) | (true, 3, 0) => "time exceeded on the way",
            (true, 1, 0) => "no route to destination",
            (true, 1, 3) => "address unreachable",
            (true, 1, 5) => "source address failed policy",
            (true, 1, 6) => "reject route to destination",
            (true, 4, 1) => "unrecognized next header",
            _ => return format!("type {} code {}", self.kind, self.code),
        };
        name.to_owned()
    }
}

/// ARP, or what IPv6 has in its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NeighbourTalk {
    /// Asks for the hardware address of `target`; else says its own to it.
    pub is_question: bool,
    pub sender: IpAddr,
    /// Only in ARP.
    pub sender_hardware: Option<HardwareAddress>,
    pub target: IpAddr,
}

/// Reads a packet from its network header on; it may be cut behind the headers. `gue_ports` are the
/// UDP ports at which tunnels of the kind GUE end. `None` where it says nothing of interest.
pub fn read(packet: &[u8], gue_ports: &[u16]) -> Option<Packet> {
    match packet.first()? >> 4 {
        4 | 6 => read_ip(packet, gue_ports, MOST_LAYERS),
        _ => {
            let arp = ArpPacketSlice::from_slice(packet).ok()?;
            Some(Packet {
                tunnel: None,
                content: Content::Neighbour(read_arp(&arp)?),
            })
        }
    }
}

fn read_ip(packet: &[u8], gue_ports: &[u16], layers: u8) -> Option<Packet> {
    let layers = layers.checked_sub(1)?;
    let sliced = LaxSlicedPacket::from_ip(packet).ok()?;
    let (source, destination) = addresses(&sliced)?;
    let load = sliced.ip_payload()?;
    if load.fragmented {
        return None;
    }
    let flow = |protocol, source_port, destination_port| Flow {
        protocol,
        source: SocketAddr::new(source, source_port),
        destination: SocketAddr::new(destination, destination_port),
    };
    // All that there is, whatever the length in the header: what a tunnel carries has its own.
    let start = load.payload.as_ptr() as usize - packet.as_ptr() as usize;
    let rest = packet.get(start..)?;
    let inner = match load.ip_number {
        IpNumber::IPV4 | IpNumber::IPV6 => Some(rest),
        IpNumber::GRE => Some(read_gre(rest)?),
        IpNumber::UDP => {
            let port = rest.get(2..4)?;
            let port = u16::from_be_bytes([port[0], port[1]]);
            match gue_ports.contains(&port) {
                true => Some(read_gue(rest.get(8..)?)?),
                false => None,
            }
        }
        _ => None,
    };
    if let Some(inner) = inner {
        let packet = read_ip(inner, gue_ports, layers)?;
        return Some(Packet {
            tunnel: Some(destination),
            ..packet
        });
    }
    let content = match sliced.transport {
        Some(TransportSlice::Tcp(tcp)) => Content::Segment(Segment {
            flow: flow(Protocol::Tcp, tcp.source_port(), tcp.destination_port()),
            sequence: tcp.sequence_number(),
            acknowledged: tcp.ack().then(|| tcp.acknowledgment_number()),
            is_syn: tcp.syn(),
            is_reset: tcp.rst(),
        }),
        Some(TransportSlice::Udp(udp)) => Content::Datagram(flow(
            Protocol::Udp,
            udp.source_port(),
            udp.destination_port(),
        )),
        Some(transport) => {
            let (reason, load) = read_icmp(&transport)?;
            match (reason.is_ipv6, reason.kind) {
                (true, kind @ (TYPE_NEIGHBOR_SOLICITATION | TYPE_NEIGHBOR_ADVERTISEMENT)) => {
                    let about = IpAddr::from(*load.first_chunk::<16>()?);
                    let is_question = kind == TYPE_NEIGHBOR_SOLICITATION;
                    let (sender, target) = match is_question {
                        true => (source, about),
                        false => (about, destination),
                    };
                    Content::Neighbour(NeighbourTalk {
                        is_question,
                        sender,
                        sender_hardware: None,
                        target,
                    })
                }
                _ => read_error(source, reason, load, gue_ports, layers)?,
            }
        }
        None => return None,
    };
    Some(Packet {
        tunnel: None,
        content,
    })
}

/// Returns the type and code of ICMP or ICMPv6, as those of an error, and what follows the header.
pub fn read_icmp<'a>(transport: &TransportSlice<'a>) -> Option<(IcmpReason, &'a [u8])> {
    let (is_ipv6, kind, code, load) = match transport {
        TransportSlice::Icmpv4(icmp) => (false, icmp.type_u8(), icmp.code_u8(), icmp.payload()),
        TransportSlice::Icmpv6(icmp) => (true, icmp.type_u8(), icmp.code_u8(), icmp.payload()),
        _ => return None,
    };
    let reason = IcmpReason {
        is_ipv6,
        kind,
        code,
    };
    Some((reason, load))
}

/// Returns from whom to whom a packet is.
pub fn addresses(sliced: &LaxSlicedPacket<'_>) -> Option<(IpAddr, IpAddr)> {
    match sliced.net.as_ref()? {
        LaxNetSlice::Ipv4(ip) => Some((
            ip.header().source_addr().into(),
            ip.header().destination_addr().into(),
        )),
        LaxNetSlice::Ipv6(ip) => Some((
            ip.header().source_addr().into(),
            ip.header().destination_addr().into(),
        )),
        LaxNetSlice::Arp(_) => None,
    }
}

/// Returns the load of GRE (RFC 2784, RFC 2890), if that is IP.
fn read_gre(packet: &[u8]) -> Option<&[u8]> {
    let (header, mut load) = packet.split_first_chunk::<4>()?;
    let [flags_high, flags_low, type_high, type_low] = *header;
    let flags = u16::from_be_bytes([flags_high, flags_low]);
    for flag in GRE_LENGTHENING {
        if flags & flag != 0 {
            load = load.get(4..)?;
        }
    }
    let ethertype = EtherType(u16::from_be_bytes([type_high, type_low]));
    matches!(ethertype, EtherType::IPV4 | EtherType::IPV6).then_some(load)
}

/// Returns the load of GUE (draft-ietf-intarea-gue): version 0 has a header, of which the lowest
/// five bits of the first byte say how many words of four bytes follow the first one.
fn read_gue(packet: &[u8]) -> Option<&[u8]> {
    let first = packet.first()?;
    match first >> 6 {
        0 => packet.get(4 + usize::from(first & 0x1f) * 4..),
        // IP itself, without a header.
        1 => Some(packet),
        _ => None,
    }
}

/// An error that ends what it quotes.
fn read_error(
    reporter: IpAddr,
    reason: IcmpReason,
    quoted: &[u8],
    gue_ports: &[u16],
    layers: u8,
) -> Option<Content> {
    if !reason.is_final() {
        return None;
    }
    let (flow, sequence, tunnel) = read_quoted(quoted, gue_ports, layers)?;
    Some(Content::Error(IcmpError {
        reporter,
        reason,
        flow,
        tunnel,
        sequence,
    }))
}

/// The flow of a quoted packet, which may be cut behind the first eight bytes of its load, with the
/// sequence number and the end of the tunnel.
fn read_quoted(
    quoted: &[u8],
    gue_ports: &[u16],
    layers: u8,
) -> Option<(Flow, Option<u32>, Option<IpAddr>)> {
    let layers = layers.checked_sub(1)?;
    let sliced = LaxSlicedPacket::from_ip(quoted).ok()?;
    let (source, destination) = addresses(&sliced)?;
    let load = sliced.ip_payload()?;
    let in_tunnel = |inner| {
        let (flow, sequence, _) = read_quoted(inner, gue_ports, layers)?;
        Some((flow, sequence, Some(destination)))
    };
    let protocol = match load.ip_number {
        IpNumber::TCP => Protocol::Tcp,
        IpNumber::UDP => Protocol::Udp,
        IpNumber::IPV4 | IpNumber::IPV6 => return in_tunnel(load.payload),
        IpNumber::GRE => return in_tunnel(read_gre(load.payload)?),
        _ => return None,
    };
    let first = load.payload.first_chunk::<8>()?;
    let [s0, s1, d0, d1, n0, n1, n2, n3] = *first;
    let destination_port = u16::from_be_bytes([d0, d1]);
    if protocol == Protocol::Udp && gue_ports.contains(&destination_port) {
        return in_tunnel(read_gue(load.payload.get(8..)?)?);
    }
    let flow = Flow {
        protocol,
        source: SocketAddr::new(source, u16::from_be_bytes([s0, s1])),
        destination: SocketAddr::new(destination, destination_port),
    };
    let sequence = (protocol == Protocol::Tcp).then(|| u32::from_be_bytes([n0, n1, n2, n3]));
    Some((flow, sequence, None))
}

fn read_arp(arp: &ArpPacketSlice<'_>) -> Option<NeighbourTalk> {
    let address = |octets: &[u8]| {
        let octets: [u8; 4] = octets.try_into().ok()?;
        Some(IpAddr::V4(Ipv4Addr::from(octets)))
    };
    Some(NeighbourTalk {
        is_question: match arp.operation() {
            ArpOperation::REQUEST => true,
            ArpOperation::REPLY => false,
            _ => return None,
        },
        sender: address(arp.sender_protocol_addr())?,
        sender_hardware: Some(arp.sender_hw_addr().try_into().ok()?),
        target: address(arp.target_protocol_addr())?,
    })
}

#[cfg(test)]
pub mod tests;
