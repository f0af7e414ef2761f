//! Writes addresses and ports, as numbers or by the names that the name services know.
//!
//! Looks each address and each port up once, however often it is written.
#![forbid(unsafe_code)]

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::net::{IpAddr, Ipv4Addr};
use std::time::{Duration, Instant};

use crate::model::{Protocol, ServiceIdentity};
use crate::names;
use crate::render::padding::number;

/// The most bytes of an address and port in a listing: those that the reference's buffer holds.
const LONGEST_ENDPOINT: usize = 59;
/// The time of a vain question that shows a person's name service to be down: each other would take
/// as long.
const PATIENCE: Duration = Duration::from_secs(1);

/// Reads an address, and a port if there is one, as rules are read.
pub type ReadsBack = fn(&[u8], Option<Protocol>) -> Option<(IpAddr, Option<u16>)>;

/// Writes endpoints, and remembers the names that it has looked up.
pub struct EndpointWriter {
    numeric: bool,
    longest: usize,
    /// True if no further host is looked up once that has taken too long.
    may_give_up: bool,
    has_given_up: bool,
    reads_back: Option<ReadsBack>,
    host_names: BTreeMap<IpAddr, Box<[u8]>>,
    /// Hosts without names, kept apart: they may be all addresses of a large table.
    nameless_hosts: BTreeSet<IpAddr>,
    port_names: BTreeMap<(Protocol, u16), Option<Box<[u8]>>>,
    last_service: Option<ServiceIdentity>,
    last_service_name: Vec<u8>,
}

impl EndpointWriter {
    /// Makes a writer for a drawing, where names are whole, and looked up while the name services
    /// answer.
    pub fn new(numeric: bool) -> EndpointWriter {
        EndpointWriter {
            numeric,
            longest: usize::MAX,
            may_give_up: true,
            has_given_up: false,
            reads_back: None,
            host_names: BTreeMap::new(),
            nameless_hosts: BTreeSet::new(),
            port_names: BTreeMap::new(),
            last_service: None,
            last_service_name: Vec::new(),
        }
    }

    /// Makes a writer for a listing, whose columns cut long names. It asks for each name, however
    /// long that takes.
    pub fn for_listing(numeric: bool) -> EndpointWriter {
        EndpointWriter {
            may_give_up: false,
            ..EndpointWriter::for_watching(numeric)
        }
    }

    /// Makes a writer for a listing that somebody sits before.
    pub fn for_watching(numeric: bool) -> EndpointWriter {
        EndpointWriter {
            longest: LONGEST_ENDPOINT,
            ..EndpointWriter::new(numeric)
        }
    }

    /// Makes a writer that looks nothing up.
    pub fn numeric() -> EndpointWriter {
        EndpointWriter::new(true)
    }

    /// Makes a writer for rules with names, which are to be read back. It uses a name only if that
    /// is read as the very address or port again: several addresses may have one name, and a name
    /// may lead elsewhere.
    pub fn for_rules(reads_back: ReadsBack) -> EndpointWriter {
        EndpointWriter {
            reads_back: Some(reads_back),
            may_give_up: false,
            ..EndpointWriter::new(false)
        }
    }

    /// Appends an address and a port (host byte order). The port has the name that `protocol` gives
    /// it; without a protocol it stays a number.
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
        out.truncate(start.saturating_add(self.longest));
    }

    /// Appends an address by itself, without brackets.
    pub fn write_host(&mut self, out: &mut Vec<u8>, address: IpAddr) {
        let start = out.len();
        self.host(out, address);
        out.truncate(start.saturating_add(self.longest));
    }

    /// Appends the name of a service, which `write` makes. Uses the last text again if the service
    /// is the same: rules name it in the line of each of its real servers.
    pub fn write_service_name(
        &mut self,
        out: &mut Vec<u8>,
        identity: &ServiceIdentity,
        write: impl Fn(&mut Vec<u8>, &mut EndpointWriter, &ServiceIdentity),
    ) {
        if self.last_service.as_ref() != Some(identity) {
            let mut name = std::mem::take(&mut self.last_service_name);
            name.clear();
            write(&mut name, self, identity);
            self.last_service_name = name;
            self.last_service = Some(*identity);
        }
        out.extend_from_slice(&self.last_service_name);
    }

    fn host(&mut self, out: &mut Vec<u8>, address: IpAddr) {
        match self.host_name(address) {
            Some(name) => out.extend_from_slice(name),
            None => write_address(out, address),
        }
    }

    fn host_name(&mut self, address: IpAddr) -> Option<&[u8]> {
        if self.numeric || self.nameless_hosts.contains(&address) {
            return None;
        }
        match self.host_names.entry(address) {
            Entry::Occupied(entry) => Some(entry.into_mut()),
            Entry::Vacant(_) if self.has_given_up => None,
            Entry::Vacant(entry) => {
                let begin = Instant::now();
                if let Some(name) = look_up_host(address, self.reads_back) {
                    return Some(entry.insert(name.into_boxed_slice()));
                }
                self.has_given_up = self.may_give_up && begin.elapsed() >= PATIENCE;
                self.nameless_hosts.insert(address);
                None
            }
        }
    }

    fn port(&mut self, out: &mut Vec<u8>, port: u16, protocol: Option<Protocol>) {
        if let Some(protocol) = protocol.filter(|_| !self.numeric) {
            let look_up =
                || look_up_port(port, protocol, self.reads_back).map(Vec::into_boxed_slice);
            let key = (protocol, port);
            if let Some(name) = self.port_names.entry(key).or_insert_with(look_up) {
                out.extend_from_slice(name);
                return;
            }
        }
        number(out, port);
    }
}

/// Returns the name of a host, if there is one that may stand for its address.
fn look_up_host(address: IpAddr, reads_back: Option<ReadsBack>) -> Option<Vec<u8>> {
    names::host_name(address).filter(|name| {
        reads_back.is_none_or(|read| {
            let word = match address {
                IpAddr::V4(_) => [name, &b":0"[..]].concat(),
                IpAddr::V6(_) => [b"[", &name[..], b"]:0"].concat(),
            };
            is_one_word(name) && read(&word, None) == Some((address, Some(0)))
        })
    })
}

/// Returns the name of a port, if there is one that may stand for its number.
fn look_up_port(port: u16, protocol: Protocol, reads_back: Option<ReadsBack>) -> Option<Vec<u8>> {
    names::service_name(port, protocol).filter(|name| {
        reads_back.is_none_or(|read| {
            let word = [b"0.0.0.0:", &name[..]].concat();
            let read = read(&word, Some(protocol)).and_then(|(_, port)| port);
            is_one_word(name) && read == Some(port)
        })
    })
}

/// Returns true if a name stays whole in a line of rules.
fn is_one_word(name: &[u8]) -> bool {
    !name
        .iter()
        .any(|byte| byte.is_ascii_whitespace() || byte.is_ascii_control())
}

/// Appends an address as `inet_ntop` writes it.
pub fn write_address(out: &mut Vec<u8>, address: IpAddr) {
    match address {
        IpAddr::V4(address) => write_ipv4_address(out, address),
        IpAddr::V6(address) => {
            // Writing into a vector cannot fail.
            let _ = match address.segments() {
                // The reference's inet_ntop writes these as `::192.0.2.1`, the standard library
                // does not.
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
    fn a_numeric_writer_looks_nothing_up() {
        let mut writer = EndpointWriter::numeric();
        let mut out = Vec::new();
        writer.write(&mut out, "::1".parse().unwrap(), 80, Some(Protocol::Tcp));
        out.push(b' ');
        writer.write_host(&mut out, "::1".parse().unwrap());
        writer.write_host(&mut out, "127.0.0.1".parse().unwrap());
        assert_eq!(out, b"[::1]:80 ::1127.0.0.1");
        assert!(writer.host_names.is_empty() && writer.nameless_hosts.is_empty());
        assert!(writer.port_names.is_empty());
    }

    #[test]
    fn a_port_has_its_name_where_that_is_read_back() {
        let name = names::service_name(80, Protocol::Tcp);
        assert_eq!(look_up_port(80, Protocol::Tcp, None), name);
        let reads = |_: &[u8], _| Some((IpAddr::from([0; 4]), Some(80)));
        assert_eq!(look_up_port(80, Protocol::Tcp, Some(reads)), name);
        let reads_other = |_: &[u8], _| Some((IpAddr::from([0; 4]), Some(81)));
        assert_eq!(look_up_port(80, Protocol::Tcp, Some(reads_other)), None);
    }

    #[test]
    fn a_name_that_would_be_two_words_is_none() {
        assert!(is_one_word(b"web-1.example.org"));
        for name in [&b"web 1"[..], b"web\t", b"web\x1b[m", b"web\x7f"] {
            assert!(!is_one_word(name), "{name:?}");
        }
    }

    #[test]
    fn the_last_service_is_named_again_and_another_anew() {
        let service = |mark| ServiceIdentity::FirewallMark {
            mark,
            family: crate::model::AddressFamily::Ipv4,
        };
        let mut writer = EndpointWriter::numeric();
        let (mut out, made) = (Vec::new(), std::cell::Cell::new(0));
        for mark in [7, 7, 8, 7] {
            writer.write_service_name(&mut out, &service(mark), |out, _, identity| {
                made.set(made.get() + 1);
                out.extend_from_slice(format!("{identity:?}").as_bytes());
            });
        }
        let expected = [7, 7, 8, 7]
            .map(|mark| format!("{:?}", service(mark)))
            .concat();
        assert_eq!(String::from_utf8(out).unwrap(), expected);
        assert_eq!(made.get(), 3);
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
