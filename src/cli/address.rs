//! `HOST[:PORT]`, in every spelling that the reference reads (`tests/parity/ipvsadm-1.31.md`,
//! section 2, Addresses).

#![forbid(unsafe_code)]

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::cli::values;
use crate::model::{AddressFamily, Protocol};
use crate::names;
use crate::selection::Network;

/// An address, and the port (host byte order) where one was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Endpoint {
    pub address: IpAddr,
    /// The port; `None` where the word has none.
    pub port: Option<u16>,
}

/// Reads a word as a line of rules would have it read, so that a writer of rules can check it.
pub fn read_back(word: &[u8], protocol: Option<Protocol>) -> Option<(IpAddr, Option<u16>)> {
    let Endpoint { address, port } = endpoint(word, protocol, &mut Hosts::default())?;
    Some((address, port))
}

/// The answers of the name services about hosts. A name is looked up once a command and family,
/// found or not, in however many rules it stands: where the name service is down, each question
/// takes its time.
#[derive(Default)]
pub struct Hosts(BTreeMap<(AddressFamily, Vec<u8>), Option<IpAddr>>);

impl Hosts {
    /// Returns the first address of a host in a family.
    pub fn address(&mut self, name: &[u8], family: AddressFamily) -> Option<IpAddr> {
        *self
            .0
            .entry((family, name.to_vec()))
            .or_insert_with(|| names::host_address(name, family))
    }

    /// Makes answers that are known before anything is asked.
    #[cfg(test)]
    pub fn answering(answers: &[(&str, AddressFamily, Option<&str>)]) -> Hosts {
        let answers = answers.iter().map(|(name, family, address)| {
            let address = address.and_then(|address| address.parse().ok());
            ((*family, name.as_bytes().to_vec()), address)
        });
        Hosts(answers.collect())
    }
}

/// Reads an endpoint; returns `None` for what is none. Service names are those of `protocol`;
/// without one only numbers are ports.
///
/// `[V6]:PORT` and `[NAME]:PORT` need their port, a bare IPv6 address is taken whole, and a word of
/// digits only is refused, for it is more likely a forgotten address.
pub fn endpoint(word: &[u8], protocol: Option<Protocol>, hosts: &mut Hosts) -> Option<Endpoint> {
    if word.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let (host, outer_port) = match word {
        [b'[', rest @ ..] => {
            let end = rest.iter().position(|&byte| byte == b']')?;
            let port = rest[end + 1..].strip_prefix(b":")?;
            (&rest[..end], Some(port))
        }
        _ => (word, None),
    };
    let last_colon = host.iter().rposition(|&byte| byte == b':');
    let (host, port) = match last_colon.map(|at| (at, host[..at].contains(&b':'))) {
        // Only an address of IPv6 has a second colon.
        Some((at, true)) => {
            if let Some(address) = ipv6(host) {
                return Some(Endpoint {
                    address: IpAddr::V6(address),
                    port: read_port(outer_port, protocol)?,
                });
            }
            (&host[..at], Some(&host[at + 1..]))
        }
        Some((at, false)) => (&host[..at], Some(&host[at + 1..])),
        None => (host, outer_port),
    };
    // A listing writes the names of IPv6 addresses in brackets, so that is what they stand for
    // there.
    let families = match outer_port {
        Some(_) => [AddressFamily::Ipv6, AddressFamily::Ipv4],
        None => [AddressFamily::Ipv4, AddressFamily::Ipv6],
    };
    let address = match inet_aton(host) {
        Some(address) => IpAddr::V4(address),
        None => families
            .into_iter()
            .find_map(|family| hosts.address(host, family))?,
    };
    Some(Endpoint {
        address,
        port: read_port(port, protocol)?,
    })
}

/// Reads `ADDR[/LENGTH]`: an address, in brackets or without, or a host name, and how many of its
/// bits count; without a length, all. Numbers that are no address in full (`10`) are refused, for
/// `10/8` would not be what it looks like.
pub fn network(word: &[u8], hosts: &mut Hosts) -> Option<Network> {
    let mut parts = word.splitn(2, |byte| *byte == b'/');
    let (host, length) = (parts.next()?, parts.next());
    let bare = host
        .strip_prefix(b"[")
        .and_then(|host| host.strip_suffix(b"]"));
    let text = std::str::from_utf8(bare.unwrap_or(host)).ok()?;
    let is_number = |byte: u8| byte.is_ascii_digit() || byte == b'.';
    let address = match text.parse() {
        Ok(address) => address,
        Err(_) if bare.is_some() || host.iter().all(|byte| is_number(*byte)) => return None,
        Err(_) => [AddressFamily::Ipv4, AddressFamily::Ipv6]
            .into_iter()
            .find_map(|family| hosts.address(host, family))?,
    };
    match length {
        None => Some(Network::of_host(address)),
        Some(length) => Network::new(address, prefix_length(length)?),
    }
}

/// Reads the number of bits behind a slash, which is written in one way only.
fn prefix_length(word: &[u8]) -> Option<u32> {
    match word {
        [b'0'] | [b'1'..=b'9', ..] => values::number_u32(word, 0..=u128::BITS),
        _ => None,
    }
}

/// Reads a port that may be left out; returns `None` for what is no port.
fn read_port(word: Option<&[u8]>, protocol: Option<Protocol>) -> Option<Option<u16>> {
    match word {
        None => Some(None),
        Some(word) => port(word, protocol).map(Some),
    }
}

/// Reads a port: a number, or the name of a service of a protocol.
pub fn port(word: &[u8], protocol: Option<Protocol>) -> Option<u16> {
    values::number_u16(word, 0..=u16::MAX)
        .or_else(|| protocol.and_then(|protocol| names::service_port(word, protocol)))
}

fn ipv6(host: &[u8]) -> Option<Ipv6Addr> {
    std::str::from_utf8(host).ok()?.parse().ok()
}

/// Reads an IPv4 address as glibc's `inet_aton` does: one to four parts, each decimal, octal (`0…`)
/// or hexadecimal (`0x…`), the last filling the bytes that are left; a blank ends it, whatever
/// follows.
pub fn inet_aton(word: &[u8]) -> Option<Ipv4Addr> {
    let mut address: u32 = 0;
    let mut rest = word;
    for part in 0..4u32 {
        let (value, after) = inet_aton_part(rest)?;
        match after {
            [b'.', next @ ..] if part < 3 => {
                address |= u32::from(u8::try_from(value).ok()?) << (24 - 8 * part);
                rest = next;
            }
            [] | [b' ' | b'\t' | b'\n' | 0x0b | 0x0c | b'\r', ..] => {
                if value > (u32::MAX >> (8 * part)) {
                    return None;
                }
                return Some(Ipv4Addr::from(address | value));
            }
            _ => return None,
        }
    }
    None
}

/// Reads one number of an address; returns it with what follows it.
fn inet_aton_part(word: &[u8]) -> Option<(u32, &[u8])> {
    let (radix, digits) = match word {
        [b'0', b'x' | b'X', digits @ ..] => (16, digits),
        [b'0', ..] => (8, word),
        _ => (10, word),
    };
    let mut value: u32 = 0;
    let mut length = 0;
    while let Some(digit) = digits
        .get(length)
        .and_then(|byte| char::from(*byte).to_digit(radix))
    {
        value = value.checked_mul(radix)?.checked_add(digit)?;
        length += 1;
    }
    if length == 0 {
        return None;
    }
    Some((value, &digits[length..]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::LineReader;

    fn read(word: &str) -> Option<(String, Option<u16>)> {
        endpoint(word.as_bytes(), Some(Protocol::Tcp), &mut Hosts::default())
            .map(|endpoint| (endpoint.address.to_string(), endpoint.port))
    }

    #[test]
    fn ipv4_is_read_as_inet_aton_reads_it() {
        for (word, address) in [
            ("10.1", "10.0.0.1"),
            ("10.1.2", "10.1.0.2"),
            ("0x0a000001", "10.0.0.1"),
            ("012.1.1.1", "10.1.1.1"),
            ("4294967295", "255.255.255.255"),
            ("0", "0.0.0.0"),
            ("1.2.3.4 x", "1.2.3.4"),
            ("1.2.3.0xff", "1.2.3.255"),
            ("255.254.253.252\tx", "255.254.253.252"),
            ("1.16777215", "1.255.255.255"),
            ("1.2.65535", "1.2.255.255"),
            ("0X7F.0377", "127.0.0.255"),
        ] {
            assert_eq!(
                inet_aton(word.as_bytes()),
                Some(address.parse().unwrap()),
                "{word}"
            );
        }
        for word in [
            "",
            "1.",
            ".1",
            "+1",
            "0x",
            "256.1",
            "1.2.3.",
            "1.2.3.256",
            "1.2.3.4.5",
            "1.2.3.4.",
            "08",
            " 1.2.3.4",
            "4294967296",
            "1.16777216",
            "1.2.65536",
            "1.2.3.4x",
        ] {
            assert_eq!(inet_aton(word.as_bytes()), None, "{word:?}");
        }
    }

    #[test]
    fn a_name_stands_for_the_first_address_of_the_family_that_is_asked_first() {
        use AddressFamily::{Ipv4, Ipv6};
        let mut hosts = Hosts::answering(&[
            ("both", Ipv4, Some("192.0.2.7")),
            ("both", Ipv6, Some("2001:db8::7")),
            ("new", Ipv4, None),
            ("new", Ipv6, Some("2001:db8::8")),
            ("old", Ipv4, Some("192.0.2.9")),
            ("old", Ipv6, None),
            ("none", Ipv4, None),
            ("none", Ipv6, None),
            ("a:b", Ipv4, Some("192.0.2.10")),
            ("10.7", Ipv4, Some("192.0.2.11")),
            ("[both]", Ipv4, Some("192.0.2.12")),
        ]);
        for (word, expected) in [
            ("both:80", Some(("192.0.2.7", Some(80)))),
            ("both", Some(("192.0.2.7", None))),
            ("[both]:81", Some(("2001:db8::7", Some(81)))),
            ("new:82", Some(("2001:db8::8", Some(82)))),
            ("[old]:83", Some(("192.0.2.9", Some(83)))),
            ("a:b:86", Some(("192.0.2.10", Some(86)))),
            ("none:84", None),
            ("both:x-85", None),
        ] {
            let expected = expected.map(|(address, port)| Endpoint {
                address: address.parse().unwrap(),
                port,
            });
            let read = endpoint(word.as_bytes(), None, &mut hosts);
            assert_eq!(read, expected, "{word}");
        }
        for (word, address, length) in [
            ("both", "192.0.2.7", 32),
            ("both/25", "192.0.2.7", 25),
            ("new/33", "2001:db8::8", 33),
        ] {
            let expected = Network::new(address.parse().unwrap(), length);
            let of_host = Network::of_host(address.parse().unwrap());
            let read = network(word.as_bytes(), &mut hosts);
            match word.contains('/') {
                true => assert_eq!(read, expected, "{word}"),
                false => assert_eq!(read, Some(of_host), "{word}"),
            }
        }
        // Numbers and what is in brackets are no names, whatever the name services say.
        for word in ["none", "[both]", "10.7", "both/33", "both/08"] {
            assert_eq!(network(word.as_bytes(), &mut hosts), None, "{word}");
        }
    }

    #[test]
    fn a_reader_of_lines_asks_for_no_name_that_another_has_asked_for() {
        let known = Hosts::answering(&[("web.invalid", AddressFamily::Ipv4, Some("192.0.2.7"))]);
        let mut first = LineReader::knowing(known);
        let by_name = first.read(b"-D -t web.invalid:80");
        let mut second = LineReader::knowing(first.into_hosts());
        let by_number = second.read(b"-D -t 192.0.2.7:80");
        assert!(by_name.is_ok());
        assert_eq!(by_name, by_number);
        assert_eq!(second.read(b"-D -t web.invalid:80"), by_number);
    }

    #[test]
    fn what_a_writer_of_rules_wrote_is_read_back() {
        let read = |word: &str| read_back(word.as_bytes(), Some(Protocol::Udp));
        for (word, address, port) in [
            ("192.0.2.7:53", "192.0.2.7", Some(53)),
            ("192.0.2.8", "192.0.2.8", None),
            ("[2001:db8::7]:54", "2001:db8::7", Some(54)),
        ] {
            assert_eq!(read(word), Some((address.parse().unwrap(), port)), "{word}");
        }
        assert_eq!(read("192.0.2.7:"), None);
    }

    #[test]
    fn a_network_is_an_address_and_a_length() {
        let read = |word: &str| network(word.as_bytes(), &mut Hosts::default());
        let of = |address: &str, length| Network::new(address.parse().unwrap(), length);
        for (word, address, length) in [
            ("10.1.2.3/8", "10.0.0.0", 8),
            ("10.1.2.3/0", "0.0.0.0", 0),
            ("2001:db8::1/32", "2001:db8::", 32),
            ("[2001:db8::]/32", "2001:db8::", 32),
            ("::ffff:10.0.0.0/104", "::ffff:10.0.0.0", 104),
        ] {
            assert_eq!(read(word), of(address, length), "{word}");
        }
        for (word, address) in [("10.1.2.3", "10.1.2.3"), ("[::1]", "::1"), ("::1", "::1")] {
            let host = address.parse().ok().map(Network::of_host);
            assert_eq!(read(word), host, "{word}");
        }
        for word in [
            "",
            "/8",
            "10",
            "10/8",
            "10.0.0/8",
            "010.0.0.1",
            "10.0.0.1/",
            "10.0.0.1/33",
            "10.0.0.1/-1",
            "10.0.0.1/8/8",
            "10.0.0.1/255.0.0.0",
            "2001:db8::/129",
            "[10.0.0.1",
            "10.0.0.1:80",
        ] {
            assert_eq!(read(word), None, "{word:?}");
        }
    }

    #[test]
    fn an_endpoint_has_its_port_behind_the_last_colon_or_the_bracket() {
        for (word, address, port) in [
            ("1.2.3.4:80", "1.2.3.4", Some(80)),
            ("1.2.3.4", "1.2.3.4", None),
            ("1.2.3.4:+81", "1.2.3.4", Some(81)),
            ("[2001:db8::1]:80", "2001:db8::1", Some(80)),
            ("2001:db8::1:80", "2001:db8::1:80", None),
            ("::1", "::1", None),
            ("[1.2.3.4]:80", "1.2.3.4", Some(80)),
            ("[1.2.3.4:90]:80", "1.2.3.4", Some(90)),
        ] {
            assert_eq!(read(word), Some((address.to_owned(), port)), "{word}");
        }
        for word in [
            "",
            "80",
            "1.2.3.4:",
            "1.2.3.4:65536",
            "1.2.3.4:0x50",
            "[::1]",
            "[::1]80",
            "[::1]:",
            "[]:80",
            "[::1",
        ] {
            assert_eq!(read(word), None, "{word:?}");
        }
    }
}
