//! Questions for hardware addresses, and what is answered: ARP (RFC 826), and neighbour discovery
//! (RFC 4861) for IPv6.
#![forbid(unsafe_code)]

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::frames::{
    ETHERTYPE_ARP, ETHERTYPE_IPV6, Header, ICMPV6, NEIGHBOUR_SOLICITATION, ethernet, ip, octets,
    pseudo_header, put_checksum,
};
use crate::diagnose::facts::HardwareAddress;

const BROADCAST: HardwareAddress = [0xff; 6];
/// Hardware type Ethernet, protocol type IPv4, and the lengths of their addresses.
const ARP_FIXED: [u8; 6] = [0, 1, 8, 0, 6, 4];
/// Source: `<linux/if_arp.h>`.
const ARP_REQUEST: u16 = 1;

/// A machine's word on a hardware address, in ARP or neighbour discovery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Resolution {
    pub hardware: HardwareAddress,
    /// The address that the sender calls its own; unspecified where it asks as nobody.
    pub sender: IpAddr,
    /// The address that is asked for; in an answer, the one that had asked.
    pub target: IpAddr,
    pub is_request: bool,
}

impl Resolution {
    pub fn read_arp(payload: &[u8]) -> Option<Resolution> {
        let payload = payload.strip_prefix(&ARP_FIXED)?;
        let (operation, payload) = payload.split_first_chunk::<2>()?;
        let (hardware, payload) = payload.split_first_chunk::<6>()?;
        let (sender, payload) = payload.split_first_chunk::<4>()?;
        let (_, payload) = payload.split_first_chunk::<6>()?;
        let target = payload.first_chunk::<4>()?;
        Some(Resolution {
            hardware: *hardware,
            sender: Ipv4Addr::from(*sender).into(),
            target: Ipv4Addr::from(*target).into(),
            is_request: *operation == ARP_REQUEST.to_be_bytes(),
        })
    }

    pub fn read_discovery(
        frame_source: HardwareAddress,
        header: &Header,
        payload: &[u8],
    ) -> Option<Resolution> {
        let (message, options) = payload.split_first_chunk::<24>()?;
        let is_request = message[0] == NEIGHBOUR_SOLICITATION;
        let target = IpAddr::from(*message[8..].first_chunk::<16>()?);
        // The option with the sender's hardware address, of eight bytes, mostly stands first.
        let hardware = match options.first_chunk::<8>() {
            Some([1 | 2, 1, hardware @ ..]) => *hardware,
            _ => frame_source,
        };
        let (sender, target) = match is_request {
            true => (header.source, target),
            false => (target, header.destination),
        };
        Some(Resolution {
            hardware,
            sender,
            target,
            is_request,
        })
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
    pub fn frame(&self) -> Vec<u8> {
        match (self.sender, self.target) {
            (IpAddr::V6(sender), IpAddr::V6(target)) => self.discovery(sender, target),
            (sender, target) => {
                let mut arp = ARP_FIXED.to_vec();
                arp.extend_from_slice(&ARP_REQUEST.to_be_bytes());
                arp.extend_from_slice(&self.hardware);
                arp.extend_from_slice(&octets(sender));
                arp.extend_from_slice(&[0; 6]);
                arp.extend_from_slice(&octets(target));
                ethernet(self.hardware, BROADCAST, ETHERTYPE_ARP, &arp)
            }
        }
    }

    fn discovery(&self, sender: Ipv6Addr, target: Ipv6Addr) -> Vec<u8> {
        // ff02::1:ffXX:XXXX, of the last three bytes of the address.
        let [.., a, b, c] = target.octets();
        let group = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 1, 0xff00 | u16::from(a), 0);
        let group = Ipv6Addr::from(u128::from(group) | u128::from(u16::from_be_bytes([b, c])));
        let mut message = vec![NEIGHBOUR_SOLICITATION, 0, 0, 0, 0, 0, 0, 0];
        message.extend_from_slice(&target.octets());
        // The option that says the sender's hardware address.
        message.extend_from_slice(&[1, 1]);
        message.extend_from_slice(&self.hardware);
        let (source, destination) = (sender.into(), group.into());
        put_checksum(&mut message, 2, pseudo_header(source, destination, ICMPV6));
        // Only a neighbour's packet has its whole time to live.
        let packet = ip(source, destination, ICMPV6, 255, 0, &message);
        let hardware = [0x33, 0x33, 0xff, a, b, c];
        ethernet(self.hardware, hardware, ETHERTYPE_IPV6, &packet)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnose::probe::frames::{ETHERNET_HEADER, Received, read};

    const HERE: HardwareAddress = [2, 0, 0, 0, 0, 1];

    #[test]
    fn a_question_for_a_hardware_address_is_read_again() {
        for (sender, target) in [
            ("0.0.0.0", "10.0.0.10"),
            ("2001:db8::1", "2001:db8::12:3456"),
        ] {
            let asked = Solicitation {
                hardware: HERE,
                sender: sender.parse().unwrap(),
                target: target.parse().unwrap(),
            };
            let heard = Resolution {
                hardware: HERE,
                sender: asked.sender,
                target: asked.target,
                is_request: true,
            };
            assert_eq!(read(&asked.frame()), Some(Received::Resolution(heard)));
        }
    }

    #[test]
    fn neighbours_are_asked_by_their_group() {
        let frame = Solicitation {
            hardware: HERE,
            sender: "fe80::1".parse().unwrap(),
            target: "2001:db8::12:3456".parse().unwrap(),
        }
        .frame();
        assert_eq!(frame[..6], [0x33, 0x33, 0xff, 0x12, 0x34, 0x56]);
        let group: Ipv6Addr = "ff02::1:ff12:3456".parse().unwrap();
        assert_eq!(frame[ETHERNET_HEADER + 24..][..16], group.octets());
        assert_eq!(frame[ETHERNET_HEADER + 7], 255);
    }

    #[test]
    fn a_frame_that_is_cut_short_is_none() {
        for (sender, target) in [("0.0.0.0", "10.0.0.10"), ("::", "2001:db8::1")] {
            let frame = Solicitation {
                hardware: HERE,
                sender: sender.parse().unwrap(),
                target: target.parse().unwrap(),
            }
            .frame();
            // Neighbour discovery does without its option.
            let needed = frame.len() - if target.contains(':') { 8 } else { 0 };
            for length in 0..needed {
                assert_eq!(read(&frame[..length]), None);
            }
        }
    }
}
