//! Ethernet frames of the two kinds that a probe speaks: ARP (RFC 826) and TCP over IPv4 (RFC 9293,
//! RFC 791). All numbers are in network byte order there.

#![forbid(unsafe_code)]

use std::net::Ipv4Addr;

use crate::diagnose::facts::HardwareAddress;

const BROADCAST: HardwareAddress = [0xff; 6];
pub const ETHERTYPE_IPV4: u16 = 0x0800;
pub const ETHERTYPE_ARP: u16 = 0x0806;
const ETHERNET_HEADER: usize = 14;
const IPV4_HEADER: usize = 20;
/// A TCP header, and that of a SYN, with the option for the largest segment.
const TCP_HEADER: usize = 20;
const TCP_SYN_HEADER: usize = 24;
const PROTOCOL_TCP: u8 = 6;
/// Hardware type Ethernet, protocol type IPv4, and the lengths of their addresses.
const ARP_FIXED: [u8; 6] = [0, 1, 8, 0, 6, 4];
const ARP_REQUEST: u16 = 1;

const FLAG_SYN: u8 = 0x02;
const FLAG_RST: u8 = 0x04;
const FLAG_ACK: u8 = 0x10;

/// A frame that a probe listens for; of ARP, with the index of the interface that it came by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Received {
    Arp(u32, Arp),
    Tcp(Tcp),
}

/// What a frame says.
pub fn read(interface: u32, frame: &[u8]) -> Option<Received> {
    let (header, payload) = frame.split_first_chunk::<ETHERNET_HEADER>()?;
    match u16::from_be_bytes([header[12], header[13]]) {
        ETHERTYPE_ARP => Some(Received::Arp(interface, Arp::read(payload)?)),
        ETHERTYPE_IPV4 => Some(Received::Tcp(Tcp::read(payload)?)),
        _ => None,
    }
}

fn write_header(
    frame: &mut Vec<u8>,
    source: HardwareAddress,
    destination: HardwareAddress,
    ethertype: u16,
) {
    frame.extend_from_slice(&destination);
    frame.extend_from_slice(&source);
    frame.extend_from_slice(&ethertype.to_be_bytes());
}

/// A question for a hardware address, or the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arp {
    operation: u16,
    pub sender_hardware: HardwareAddress,
    pub sender: Ipv4Addr,
    pub target: Ipv4Addr,
}

impl Arp {
    pub fn request(hardware: HardwareAddress, sender: Ipv4Addr, target: Ipv4Addr) -> Arp {
        Arp {
            operation: ARP_REQUEST,
            sender_hardware: hardware,
            sender,
            target,
        }
    }

    pub fn is_request(&self) -> bool {
        self.operation == ARP_REQUEST
    }

    /// The frame to everybody that asks it.
    pub fn frame(&self) -> Vec<u8> {
        let mut frame = Vec::with_capacity(64);
        write_header(&mut frame, self.sender_hardware, BROADCAST, ETHERTYPE_ARP);
        frame.extend_from_slice(&ARP_FIXED);
        frame.extend_from_slice(&self.operation.to_be_bytes());
        frame.extend_from_slice(&self.sender_hardware);
        frame.extend_from_slice(&self.sender.octets());
        frame.extend_from_slice(&[0; 6]);
        frame.extend_from_slice(&self.target.octets());
        frame
    }

    fn read(payload: &[u8]) -> Option<Arp> {
        let payload = payload.strip_prefix(&ARP_FIXED)?;
        let (operation, payload) = payload.split_first_chunk::<2>()?;
        let (sender_hardware, payload) = payload.split_first_chunk::<6>()?;
        let (sender, payload) = payload.split_first_chunk::<4>()?;
        let (_, payload) = payload.split_first_chunk::<6>()?;
        let target = payload.first_chunk::<4>()?;
        Some(Arp {
            operation: u16::from_be_bytes(*operation),
            sender_hardware: *sender_hardware,
            sender: Ipv4Addr::from(*sender),
            target: Ipv4Addr::from(*target),
        })
    }
}

/// A TCP packet without data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tcp {
    pub source: Ipv4Addr,
    pub destination: Ipv4Addr,
    pub source_port: u16,
    pub destination_port: u16,
    pub sequence: u32,
    pub acknowledged: u32,
    flags: u8,
}

impl Tcp {
    /// A packet from one address and port to another, still without flags.
    pub fn new(source: (Ipv4Addr, u16), destination: (Ipv4Addr, u16), sequence: u32) -> Tcp {
        Tcp {
            source: source.0,
            destination: destination.0,
            source_port: source.1,
            destination_port: destination.1,
            sequence,
            acknowledged: 0,
            flags: 0,
        }
    }

    /// The packet as the beginning of a connection.
    pub fn syn(mut self) -> Tcp {
        self.flags = FLAG_SYN;
        self
    }

    /// The packet that ends what the SYN of the same sequence number began.
    pub fn reset(mut self) -> Tcp {
        self.flags = FLAG_RST;
        self.sequence = self.sequence.wrapping_add(1);
        self
    }

    pub fn is_reset(&self) -> bool {
        self.flags & FLAG_RST != 0
    }

    /// Whether it agrees to a connection.
    pub fn is_syn(&self) -> bool {
        self.flags & (FLAG_SYN | FLAG_ACK) == FLAG_SYN | FLAG_ACK
    }

    pub fn frame(&self, hardware: HardwareAddress, to: HardwareAddress) -> Vec<u8> {
        let is_syn = self.flags & FLAG_SYN != 0;
        let tcp_length = if is_syn { TCP_SYN_HEADER } else { TCP_HEADER };
        let mut frame = Vec::with_capacity(64);
        write_header(&mut frame, hardware, to, ETHERTYPE_IPV4);
        let start = frame.len();
        // Version and header length; type of service.
        frame.extend_from_slice(&[0x45, 0]);
        frame.extend_from_slice(&((IPV4_HEADER + tcp_length) as u16).to_be_bytes());
        // No identification; not to be fragmented; time to live; protocol; room for the checksum.
        frame.extend_from_slice(&[0, 0, 0x40, 0, 64, PROTOCOL_TCP, 0, 0]);
        frame.extend_from_slice(&self.source.octets());
        frame.extend_from_slice(&self.destination.octets());
        let sum = checksum(&frame[start..], 0);
        frame[start + 10..start + 12].copy_from_slice(&sum.to_be_bytes());

        let start = frame.len();
        frame.extend_from_slice(&self.source_port.to_be_bytes());
        frame.extend_from_slice(&self.destination_port.to_be_bytes());
        frame.extend_from_slice(&self.sequence.to_be_bytes());
        frame.extend_from_slice(&[0; 4]);
        // The header's length in words; flags; the window; room for the checksum; nothing urgent.
        let words = (tcp_length / 4) as u8;
        frame.extend_from_slice(&[words << 4, self.flags, 0xfa, 0xf0, 0, 0, 0, 0]);
        if is_syn {
            // The largest segment: what fits an Ethernet.
            frame.extend_from_slice(&[2, 4]);
            frame.extend_from_slice(&1460u16.to_be_bytes());
        }
        // Addresses, protocol and length are summed up with it.
        let mut pseudo_header = Vec::with_capacity(12);
        pseudo_header.extend_from_slice(&self.source.octets());
        pseudo_header.extend_from_slice(&self.destination.octets());
        pseudo_header.extend_from_slice(&[0, PROTOCOL_TCP]);
        pseudo_header.extend_from_slice(&(tcp_length as u16).to_be_bytes());
        let sum = checksum(&frame[start..], sum_of(&pseudo_header));
        frame[start + 16..start + 18].copy_from_slice(&sum.to_be_bytes());
        frame
    }

    fn read(packet: &[u8]) -> Option<Tcp> {
        let header = packet.first_chunk::<IPV4_HEADER>()?;
        let length = usize::from(header[0] & 0xf) * 4;
        let is_tcp = header[0] >> 4 == 4 && header[9] == PROTOCOL_TCP;
        let is_whole = u16::from_be_bytes([header[6], header[7]]) & 0x1fff == 0;
        if !is_tcp || !is_whole || length < IPV4_HEADER {
            return None;
        }
        let segment = packet.get(length..)?.first_chunk::<TCP_HEADER>()?;
        let port = |at: usize| u16::from_be_bytes([segment[at], segment[at + 1]]);
        let number = |at: usize| {
            u32::from_be_bytes([
                segment[at],
                segment[at + 1],
                segment[at + 2],
                segment[at + 3],
            ])
        };
        let address =
            |at: usize| Ipv4Addr::new(header[at], header[at + 1], header[at + 2], header[at + 3]);
        Some(Tcp {
            source: address(12),
            destination: address(16),
            source_port: port(0),
            destination_port: port(2),
            sequence: number(4),
            acknowledged: number(8),
            flags: segment[13],
        })
    }
}

/// The checksum of the internet protocols (RFC 1071) over an even number of bytes, and a sum before
/// them.
fn checksum(bytes: &[u8], before: u32) -> u16 {
    let mut sum = before + sum_of(bytes);
    while sum >> 16 != 0 {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !(sum as u16)
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

    fn packet() -> Tcp {
        let (source, destination) = ([10, 0, 0, 1].into(), [10, 0, 0, 10].into());
        Tcp::new((source, 40000), (destination, 80), u32::MAX)
    }

    #[test]
    fn what_is_written_is_read_again() {
        for tcp in [packet().syn(), packet().reset()] {
            assert_eq!(read(7, &tcp.frame(HERE, THERE)), Some(Received::Tcp(tcp)));
        }
        let arp = Arp::request(HERE, Ipv4Addr::UNSPECIFIED, Ipv4Addr::new(10, 0, 0, 10));
        assert_eq!(read(7, &arp.frame()), Some(Received::Arp(7, arp)));
        assert!(arp.is_request());
    }

    #[test]
    fn a_checksum_makes_the_sum_of_all_words_vanish() {
        let frame = packet().syn().frame(HERE, THERE);
        let (header, segment) = frame[ETHERNET_HEADER..].split_at(IPV4_HEADER);
        assert_eq!(checksum(header, 0), 0);
        let pseudo_header = [&header[12..20], &[0, PROTOCOL_TCP, 0, TCP_SYN_HEADER as u8]].concat();
        assert_eq!(checksum(segment, sum_of(&pseudo_header)), 0);
    }

    #[test]
    fn a_reset_follows_the_syn() {
        assert_eq!(packet().reset().sequence, 0);
        assert!(packet().reset().is_reset());
        assert!(!packet().syn().is_syn());
    }

    #[test]
    fn a_frame_that_is_cut_short_is_none() {
        let frame = packet().syn().frame(HERE, THERE);
        let needed = ETHERNET_HEADER + IPV4_HEADER + TCP_HEADER;
        for length in 0..needed {
            assert_eq!(read(1, &frame[..length]), None);
        }
        let arp = Arp::request(HERE, Ipv4Addr::UNSPECIFIED, Ipv4Addr::new(10, 0, 0, 10)).frame();
        for length in 0..arp.len() {
            assert_eq!(read(1, &arp[..length]), None);
        }
    }
}
