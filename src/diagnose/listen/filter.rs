//! The filter that the kernel runs over every frame, so that only those of interest are copied:
//! TCP, UDP and tunnels from and to the addresses of services and servers, ARP, and ICMP. Source:
//! `<linux/filter.h>`, the kernel's `Documentation/networking/filter.rst`.
//!
//! It reads from the network's header on, whatever stands before that. Of an IPv6 address it looks
//! at the last four bytes; who else has those is left to the reader of packets.
#![forbid(unsafe_code)]

use std::collections::BTreeSet;
use std::net::IpAddr;

use libc::{
    BPF_ABS, BPF_ALU, BPF_B, BPF_H, BPF_JA, BPF_JEQ, BPF_JMP, BPF_K, BPF_LD, BPF_RET, BPF_RSH,
    BPF_W, IPPROTO_ICMP, IPPROTO_ICMPV6, sock_filter,
};

/// As much of a frame as is copied: the headers of a packet in a tunnel, or in an ICMP error.
pub const LONGEST: usize = 256;
/// The most steps that the kernel takes (`BPF_MAXINSNS`).
const MOST_STEPS: usize = 4096;
/// The farthest jump of a comparison is 255.
const MOST_COMPARED: usize = 250;
/// The place where the network's header begins.
const NETWORK: u32 = libc::SKF_NET_OFF as u32;

/// Which packets are of interest.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Interest {
    pub addresses: BTreeSet<IpAddr>,
    /// Every packet of the family, for services of firewall marks, which may be at any address.
    pub all_ipv4: bool,
    pub all_ipv6: bool,
}

impl Interest {
    /// The program; where there are too many addresses for one, it lets everything pass.
    pub fn program(&self) -> Vec<sock_filter> {
        let mut words4 = BTreeSet::new();
        let mut words6 = BTreeSet::new();
        for address in &self.addresses {
            match address {
                IpAddr::V4(address) => words4.insert(u32::from(*address)),
                IpAddr::V6(address) => words6.insert(u128::from(*address) as u32),
            };
        }
        let ipv4 = match self.all_ipv4 {
            true => vec![accept()],
            // The protocol, source and destination of an IPv4 header.
            false => family(9, IPPROTO_ICMP, [12, 16], &words4),
        };
        let ipv6 = match self.all_ipv6 {
            true => vec![accept()],
            // The next header, and the last words of source and destination.
            false => family(6, IPPROTO_ICMPV6, [20, 36], &words6),
        };
        // The version of IP; ARP begins with the kind of its hardware, Ethernet, and has IPv4's
        // number behind it.
        let arp = [
            load(BPF_H, 0),
            jump_unless(1, 3),
            load(BPF_H, 2),
            jump_unless(0x0800, 1),
            accept(),
            reject(),
        ];
        let mut program = vec![load(BPF_B, 0), step(BPF_ALU | BPF_RSH | BPF_K, 4, 0, 0)];
        for (version, part) in [(4, ipv4), (6, ipv6)] {
            program.push(step(BPF_JMP | BPF_JEQ | BPF_K, version, 0, 1));
            // Over the jump that passes the part.
            program.push(step(BPF_JMP | BPF_JA, 1, 0, 0));
            program.push(step(BPF_JMP | BPF_JA, part.len() as u32, 0, 0));
            program.extend(part);
        }
        program.extend(arp);
        match program.len() <= MOST_STEPS {
            true => program,
            false => vec![accept()],
        }
    }
}

/// Returns the part for packets of one family: one passes if its protocol, in this byte, is ICMP, or
/// one of the words at these places is among those wanted.
fn family(
    protocol_at: u32,
    icmp: i32,
    words_at: [u32; 2],
    words: &BTreeSet<u32>,
) -> Vec<sock_filter> {
    let mut program = vec![
        load(BPF_B, protocol_at),
        jump_unless(icmp as u32, 1),
        accept(),
    ];
    let words: Vec<u32> = words.iter().copied().collect();
    for at in words_at {
        program.push(load(BPF_W, at));
        for some in words.chunks(MOST_COMPARED) {
            for (index, word) in some.iter().enumerate() {
                // Over the other comparisons and the jump behind them.
                let distance = (some.len() - index) as u8;
                program.push(step(BPF_JMP | BPF_JEQ | BPF_K, *word, distance, 0));
            }
            program.push(step(BPF_JMP | BPF_JA, 1, 0, 0));
            program.push(accept());
        }
    }
    program.push(reject());
    program
}

/// Loads what stands so far behind the beginning of the network's header. A frame that is too short
/// for it does not pass.
fn load(size: u32, at: u32) -> sock_filter {
    step(BPF_LD | size | BPF_ABS, NETWORK.wrapping_add(at), 0, 0)
}

/// Passes over so many steps unless this is what was loaded.
fn jump_unless(value: u32, distance: u8) -> sock_filter {
    step(BPF_JMP | BPF_JEQ | BPF_K, value, 0, distance)
}

fn accept() -> sock_filter {
    step(BPF_RET | BPF_K, LONGEST as u32, 0, 0)
}

fn reject() -> sock_filter {
    step(BPF_RET | BPF_K, 0, 0, 0)
}

fn step(code: u32, value: u32, jump_if: u8, jump_else: u8) -> sock_filter {
    sock_filter {
        code: code as u16,
        jt: jump_if,
        jf: jump_else,
        k: value,
    }
}

#[cfg(test)]
mod tests {
    use std::io::ErrorKind;
    use std::os::unix::net::UnixDatagram;

    use super::*;
    use crate::diagnose::listen::packets::tests::{syn, udp};
    use crate::diagnose::packet_socket::attach_filter;

    /// Which of the packets the kernel lets through, asked of it: a filter works on any socket, and
    /// on one of this kind a message begins where the network's header would.
    fn passed(interest: &Interest, packets: &[Vec<u8>]) -> Vec<bool> {
        let (sender, receiver) = UnixDatagram::pair().unwrap();
        attach_filter(&receiver, &interest.program()).unwrap();
        receiver.set_nonblocking(true).unwrap();
        let pass = |packet: &Vec<u8>| {
            // Refused by the filter, a message counts as sent.
            sender.send(packet).unwrap();
            match receiver.recv(&mut [0; 512]) {
                Ok(length) => {
                    assert_eq!(length, packet.len().min(LONGEST));
                    true
                }
                Err(fault) if fault.kind() == ErrorKind::WouldBlock => false,
                Err(fault) => panic!("{fault}"),
            }
        };
        packets.iter().map(pass).collect()
    }

    fn interest(addresses: &[&str]) -> Interest {
        Interest {
            addresses: addresses
                .iter()
                .map(|address| address.parse().unwrap())
                .collect(),
            ..Interest::default()
        }
    }

    #[test]
    fn what_has_a_wanted_address_passes_and_nothing_else() {
        let interest = interest(&["192.0.2.9", "10.0.0.14", "2001:db8:2::9"]);
        let tried = [
            (syn("198.51.100.7:40123", "192.0.2.9:80", 11), true),
            (syn("192.0.2.9:80", "198.51.100.7:40123", 12), true),
            (udp("198.51.100.7:40123", "10.0.0.14:53", &[7; 400]), true),
            (syn("198.51.100.7:40123", "192.0.2.8:80", 13), false),
            (syn("[2001:db8:7::5]:40123", "[2001:db8:2::9]:80", 14), true),
            (syn("[2001:db8:2::9]:80", "[2001:db8:7::5]:40123", 15), true),
            (
                syn("[2001:db8:7::5]:40123", "[2001:db8:2::8]:80", 16),
                false,
            ),
        ];
        let (packets, expected): (Vec<_>, Vec<_>) = tried.into_iter().unzip();
        assert_eq!(passed(&interest, &packets), expected);
    }

    #[test]
    fn errors_and_questions_for_neighbours_pass_whosever_they_are() {
        let mut error = syn("203.0.113.5:1", "203.0.113.6:2", 17);
        error[9] = IPPROTO_ICMP as u8;
        let mut error6 = syn("[2001:db8:9::5]:1", "[2001:db8:9::6]:2", 18);
        error6[6] = IPPROTO_ICMPV6 as u8;
        let arp = [&[0, 1, 8, 0, 6, 4, 0, 1][..], &[5; 20]].concat();
        // Of another network, and of another kind of hardware; and what is no packet at all.
        let strange = [&[0, 1, 0x86, 0xdd, 6, 4, 0, 1][..], &[5; 20]].concat();
        let stranger = [&[0, 6, 8, 0, 6, 4, 0, 1][..], &[5; 20]].concat();
        assert_eq!(
            passed(
                &interest(&[]),
                &[error, error6, arp, strange, stranger, vec![0x45]]
            ),
            [true, true, true, false, false, false]
        );
    }

    #[test]
    fn for_marks_all_of_the_family_passes() {
        let packets = [
            syn("198.51.100.7:40123", "192.0.2.8:80", 19),
            syn("[2001:db8:7::5]:40123", "[2001:db8:2::8]:80", 20),
        ];
        let ipv4 = Interest {
            all_ipv4: true,
            ..Interest::default()
        };
        assert_eq!(passed(&ipv4, &packets), [true, false]);
        let ipv6 = Interest {
            all_ipv6: true,
            ..Interest::default()
        };
        assert_eq!(passed(&ipv6, &packets), [false, true]);
    }

    #[test]
    fn many_addresses_are_told_apart_and_too_many_are_not() {
        let many = |count: u32| Interest {
            addresses: (0..count)
                .map(|number| IpAddr::V4((0x0a00_0001 + number).into()))
                .collect(),
            ..Interest::default()
        };
        let at = |number: u32| {
            let address = IpAddr::V4((0x0a00_0001 + number).into());
            syn("198.51.100.7:40123", &format!("{address}:80"), number)
        };
        let packets = [
            at(0),
            at(249),
            at(250),
            at(251),
            at(1899),
            at(1900),
            at(70_000),
        ];
        assert_eq!(
            passed(&many(1900), &packets),
            [true, true, true, true, true, false, false]
        );
        assert_eq!(many(2500).program().len(), 1);
        assert_eq!(passed(&many(2500), &packets), [true; 7]);
    }
}
