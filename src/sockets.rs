//! Reads the kernel's lists of sockets, `/proc/net/tcp` and its siblings: those of this process'
//! own network namespace. Source of the format: the kernel's
//! `Documentation/networking/proc_net_tcp.rst`, and `net/ipv4/udp.c` for what UDP has besides.

#![forbid(unsafe_code)]

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::net::IpAddr;

/// A socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Socket {
    /// Its own address.
    pub address: IpAddr,
    /// Its own port.
    pub port: u16,
    /// The kernel's number of its state.
    pub state: u8,
    /// The datagrams that it could not take, mostly for want of room; of UDP alone.
    pub drops: Option<u64>,
}

/// Returns the sockets of one list, `tcp`, `udp6` and so on; `None` where it cannot be read.
pub fn list(name: &str) -> Option<impl Iterator<Item = Socket> + use<>> {
    let file = File::open(format!("/proc/net/{name}")).ok()?;
    let lines = BufReader::new(file).lines().skip(1);
    let lines = lines.map_while(Result::ok);
    Some(lines.filter_map(|line| parse(&line)))
}

fn parse(line: &str) -> Option<Socket> {
    let words: Vec<&str> = line.split_ascii_whitespace().collect();
    let (address, port) = words.get(1)?.split_once(':')?;
    Some(Socket {
        address: parse_address(address)?,
        port: u16::from_str_radix(port, 16).ok()?,
        state: u8::from_str_radix(words.get(3)?, 16).ok()?,
        drops: match words.len() {
            13 => words[12].parse().ok(),
            _ => None,
        },
    })
}

/// Reads an address, each four bytes of which stand there as a number in host byte order.
fn parse_address(digits: &str) -> Option<IpAddr> {
    let word = |start: usize| {
        let digits = digits.get(start..start + 8)?;
        Some(u32::from_str_radix(digits, 16).ok()?.to_ne_bytes())
    };
    match digits.len() {
        8 => Some(word(0)?.into()),
        32 => {
            let mut octets = [0; 16];
            for (index, octets) in octets.chunks_exact_mut(4).enumerate() {
                octets.copy_from_slice(&word(8 * index)?);
            }
            Some(octets.into())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, Ipv6Addr};

    use super::*;

    /// Returns an address as it stands there on this machine.
    fn shown(octets: &[u8]) -> String {
        let words = octets.as_chunks::<4>().0.iter();
        words
            .map(|word| format!("{:08X}", u32::from_ne_bytes(*word)))
            .collect()
    }

    #[test]
    fn a_socket_has_an_address_and_a_port() {
        let address = shown(&Ipv4Addr::LOCALHOST.octets());
        let line = format!(
            "   0: {address}:0050 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0 \
             0 11 1 0000000000000000 100 0 0 10 0"
        );
        let expected = Socket {
            address: Ipv4Addr::LOCALHOST.into(),
            port: 80,
            state: 10,
            drops: None,
        };
        assert_eq!(parse(&line), Some(expected));
        assert_eq!(parse(&line.replace(":0050", " 0050")), None);
    }

    #[test]
    fn one_of_udp_has_what_it_dropped() {
        let group: Ipv6Addr = "ff02::51".parse().unwrap();
        let (address, any) = (shown(&group.octets()), shown(&[0; 16]));
        let line = format!(
            "  17: {address}:2290 {any}:0000 07 00000000:00000900 00:00000000 00000000     0        \
             0 8195 2 0000000000000000 23"
        );
        let expected = Socket {
            address: group.into(),
            port: 8848,
            state: 7,
            drops: Some(23),
        };
        assert_eq!(parse(&line), Some(expected));
    }
}
