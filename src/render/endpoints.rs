//! Addresses and ports as people read them: numbers, or the names that the name services know.
//!
//! Each distinct address and each distinct port is looked up once, however often it is written.

use std::collections::BTreeMap;
use std::io::Write;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::model::{Protocol, ServiceIdentity};
use crate::names;
use crate::render::padding::number;

/// The most characters of an address and port in a listing; the reference's buffer for them holds no more.
const LONGEST_ENDPOINT: usize = 59;

/// A writer of addresses and ports.
pub struct EndpointWriter {
    numeric: bool,
    cuts_names: bool,
    ipv4_hosts: KnownNames<u32>,
    ipv6_hosts: KnownNames<Ipv6Addr>,
    ports: KnownNames<u32>,
    last_service: Option<ServiceIdentity>,
    last_name: Vec<u8>,
}

impl EndpointWriter {
    /// For a listing, whose columns cut long names.
    pub fn for_listing(numeric: bool) -> EndpointWriter {
        EndpointWriter {
            numeric,
            cuts_names: true,
            ipv4_hosts: KnownNames::new(),
            ipv6_hosts: KnownNames::new(),
            ports: KnownNames::new(),
            last_service: None,
            last_name: Vec::new(),
        }
    }

    /// For rules, which are read back, and for tables: names are whole.
    pub fn for_rules(numeric: bool) -> EndpointWriter {
        EndpointWriter {
            cuts_names: false,
            ..EndpointWriter::for_listing(numeric)
        }
    }

    /// Writes an address and a port (host byte order). Names of ports are those of `protocol`; without one they stay
    /// numbers.
    pub fn write(
        &mut self,
        out: &mut Vec<u8>,
        address: IpAddr,
        port: u16,
        protocol: Option<Protocol>,
    ) {
        if let (IpAddr::V4(address), true) = (address, self.numeric) {
            write_ipv4_address(out, address);
            out.push(b':');
            number(out, port);
            return;
        }
        let start = out.len();
        let brackets = address.is_ipv6();
        if brackets {
            out.push(b'[');
        }
        self.host(out, address);
        if brackets {
            out.push(b']');
        }
        out.push(b':');
        self.port(out, port, protocol);
        if self.cuts_names {
            out.truncate(start + LONGEST_ENDPOINT);
        }
    }

    /// Writes a service's name with `write`, or once more what that wrote, if no other service came in between: in rules
    /// the name stands in the line of each of its real servers.
    pub fn once_a_service(
        &mut self,
        out: &mut Vec<u8>,
        identity: &ServiceIdentity,
        write: impl Fn(&mut Vec<u8>, &mut EndpointWriter, &ServiceIdentity),
    ) {
        if self.last_service.as_ref() != Some(identity) {
            let mut name = std::mem::take(&mut self.last_name);
            name.clear();
            write(&mut name, self, identity);
            self.last_name = name;
            self.last_service = Some(*identity);
        }
        out.extend_from_slice(&self.last_name);
    }

    fn host(&mut self, out: &mut Vec<u8>, address: IpAddr) {
        if !self.numeric {
            let look_up = || names::host_name(address);
            let name = match address {
                IpAddr::V4(address) => self.ipv4_hosts.name_of(address.to_bits(), look_up),
                IpAddr::V6(address) => self.ipv6_hosts.name_of(address, look_up),
            };
            if let Some(name) = name {
                out.extend_from_slice(name);
                return;
            }
        }
        write_address(out, address);
    }

    fn port(&mut self, out: &mut Vec<u8>, port: u16, protocol: Option<Protocol>) {
        if let Some(protocol) = protocol.filter(|_| !self.numeric) {
            let look_up = || names::service_name(port, protocol);
            let key = (protocol as u32) << 16 | u32::from(port);
            if let Some(name) = self.ports.name_of(key, look_up) {
                out.extend_from_slice(name);
                return;
            }
        }
        number(out, port);
    }
}

/// What has been looked up, kept small: a table may have a hundred thousand addresses, most of them without a name.
struct KnownNames<K> {
    /// The keys without a name: a bit for each of 32 neighbours, for real servers are numbered through.
    nameless: BTreeMap<K, u32>,
    /// Where a key's name begins in `text`.
    places: BTreeMap<K, u32>,
    /// The names, each between NULs.
    text: Vec<u8>,
}

/// What a name belongs to.
trait Key: Copy + Ord {
    /// Which neighbours it has, and its own bit among the 32 of them.
    fn neighbours(self) -> (Self, u32);
}

impl Key for u32 {
    fn neighbours(self) -> (u32, u32) {
        (self / 32, 1 << (self % 32))
    }
}

impl Key for Ipv6Addr {
    fn neighbours(self) -> (Ipv6Addr, u32) {
        let number = self.to_bits();
        (Ipv6Addr::from_bits(number / 32), 1 << (number % 32))
    }
}

impl<K: Key> KnownNames<K> {
    fn new() -> KnownNames<K> {
        KnownNames {
            nameless: BTreeMap::new(),
            places: BTreeMap::new(),
            text: Vec::new(),
        }
    }

    /// The name of a key, asked of `look_up` the first time.
    fn name_of(&mut self, key: K, look_up: impl FnOnce() -> Option<Vec<u8>>) -> Option<&[u8]> {
        let (neighbours, bit) = key.neighbours();
        if self
            .nameless
            .get(&neighbours)
            .is_some_and(|bits| bits & bit != 0)
        {
            return None;
        }
        let place = match self.places.get(&key) {
            Some(place) => *place,
            None => {
                let Some(place) = look_up().and_then(|name| self.keep(&name)) else {
                    *self.nameless.entry(neighbours).or_default() |= bit;
                    return None;
                };
                self.places.insert(key, place);
                place
            }
        };
        let start = usize::try_from(place).ok()?;
        self.text[start..].split(|byte| *byte == 0).next()
    }

    /// Keeps a name; `None`, and it stays unknown, when there are 4 GiB of them.
    fn keep(&mut self, name: &[u8]) -> Option<u32> {
        self.text.push(0);
        let place = u32::try_from(self.text.len()).ok()?;
        self.text.extend_from_slice(name);
        Some(place)
    }
}

/// Writes an address in numbers: dotted, or as `inet_ntop` shortens it.
pub fn write_address(out: &mut Vec<u8>, address: IpAddr) {
    match address {
        IpAddr::V4(address) => write_ipv4_address(out, address),
        IpAddr::V6(address) => {
            // Writing into a vector cannot fail.
            let _ = match address.segments() {
                // inet_ntop, which the reference asks, writes these as `::192.0.2.1`; the standard library does not.
                [0, 0, 0, 0, 0, 0, high, _] if high != 0 => {
                    let [.., a, b, c, d] = address.octets();
                    write!(out, "::{a}.{b}.{c}.{d}")
                }
                _ => write!(out, "{address}"),
            };
        }
    }
}

fn write_ipv4_address(out: &mut Vec<u8>, address: Ipv4Addr) {
    let [a, b, c, d] = address.octets();
    number(out, a);
    for octet in [b, c, d] {
        out.push(b'.');
        number(out, octet);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numeric(address: &str, port: u16) -> String {
        let mut out = Vec::new();
        EndpointWriter::for_listing(true).write(
            &mut out,
            address.parse().unwrap(),
            port,
            Some(Protocol::Tcp),
        );
        String::from_utf8(out).unwrap()
    }

    /// Asks for each key twice, and checks that what is told is its own name, looked up the first time.
    fn check_names<K: Key + std::fmt::Debug>(keys: &[(K, Option<&str>)]) {
        let mut known = KnownNames::new();
        let mut asked = Vec::new();
        for _ in 0..2 {
            for &(key, name) in keys {
                let found = known.name_of(key, || {
                    asked.push(key);
                    name.map(|name| name.as_bytes().to_vec())
                });
                assert_eq!(found, name.map(str::as_bytes), "{key:?}");
            }
        }
        assert_eq!(asked, keys.iter().map(|(key, _)| *key).collect::<Vec<_>>());
    }

    #[test]
    fn each_name_is_looked_up_once_and_not_mixed_up_with_others() {
        check_names(&[
            (7, Some("a.example")),
            (8, None),
            (9, Some("")),
            (10, Some("b")),
            (31, None),
            (32, None),
            (40, Some("c")),
            (0, None),
            (u32::MAX, None),
            (u32::MAX - 1, Some("d")),
        ]);
        let ipv6 = |text: &str| text.parse::<Ipv6Addr>().unwrap();
        check_names(&[
            (ipv6("2001:db8::1f"), None),
            (ipv6("2001:db8::20"), Some("a")),
            (ipv6("2001:db8::21"), None),
            (ipv6("2001:db8:1::21"), Some("b")),
            (ipv6("::"), None),
            (ipv6("::1"), Some("c")),
        ]);
    }

    #[test]
    fn numbers_are_written_with_brackets_for_ipv6() {
        assert_eq!(numeric("10.0.0.1", 80), "10.0.0.1:80");
        assert_eq!(numeric("255.255.255.255", 65535), "255.255.255.255:65535");
        assert_eq!(numeric("0.9.10.99", 0), "0.9.10.99:0");
        assert_eq!(numeric("100.109.199.200", 9), "100.109.199.200:9");
        assert_eq!(numeric("2001:db8::1", 0), "[2001:db8::1]:0");
        assert_eq!(
            numeric("2001:db8:1111:2222:3333:4444:5555:6666", 65535),
            "[2001:db8:1111:2222:3333:4444:5555:6666]:65535"
        );
    }

    #[test]
    fn ipv6_addresses_made_of_ipv4_ones_are_dotted() {
        assert_eq!(numeric("::c000:201", 80), "[::192.0.2.1]:80");
        assert_eq!(numeric("::1:0", 80), "[::0.1.0.0]:80");
        assert_eq!(numeric("::ffff:c000:201", 80), "[::ffff:192.0.2.1]:80");
        assert_eq!(numeric("::ffff", 80), "[::ffff]:80");
        assert_eq!(numeric("::", 80), "[::]:80");
    }
}
