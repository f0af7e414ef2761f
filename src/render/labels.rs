//! Addresses and ports as people read them: numbers, or the names that the name services know.
//!
//! Each distinct address and each distinct port is looked up once, however often it is written.

use std::collections::HashMap;
use std::io::Write;
use std::net::IpAddr;

use crate::model::{Protocol, ServiceIdentity};
use crate::names;
use crate::render::columns;

/// The most characters of an address and port in a listing; the reference's buffer for them holds no more.
const LONGEST_ENDPOINT: usize = 59;

/// A writer of addresses and ports.
pub struct Labels {
    numeric: bool,
    cuts_names: bool,
    hosts: HashMap<IpAddr, Option<Vec<u8>>>,
    services: HashMap<(u16, Protocol), Option<Vec<u8>>>,
    last_service: Option<ServiceIdentity>,
    last_name: Vec<u8>,
}

impl Labels {
    /// For a listing, whose columns cut long names.
    pub fn for_listing(numeric: bool) -> Labels {
        Labels {
            numeric,
            cuts_names: true,
            hosts: HashMap::new(),
            services: HashMap::new(),
            last_service: None,
            last_name: Vec::new(),
        }
    }

    /// For rules, which are read back, and for tables: names are whole.
    pub fn for_rules(numeric: bool) -> Labels {
        Labels {
            cuts_names: false,
            ..Labels::for_listing(numeric)
        }
    }

    /// Writes an address and a port (host byte order). Names of ports are those of `protocol`; without one they stay
    /// numbers.
    pub fn endpoint(
        &mut self,
        out: &mut Vec<u8>,
        address: IpAddr,
        port: u16,
        protocol: Option<Protocol>,
    ) {
        if let (IpAddr::V4(address), true) = (address, self.numeric) {
            columns::dotted_with_port(out, address.octets(), port);
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
        write: impl Fn(&mut Vec<u8>, &mut Labels, &ServiceIdentity),
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
            let name = self
                .hosts
                .entry(address)
                .or_insert_with(|| names::host_name(address));
            if let Some(name) = name {
                out.extend_from_slice(name);
                return;
            }
        }
        write_address(out, address);
    }

    fn port(&mut self, out: &mut Vec<u8>, port: u16, protocol: Option<Protocol>) {
        if let Some(protocol) = protocol.filter(|_| !self.numeric) {
            let name = self
                .services
                .entry((port, protocol))
                .or_insert_with(|| names::service_name(port, protocol));
            if let Some(name) = name {
                out.extend_from_slice(name);
                return;
            }
        }
        columns::number(out, u64::from(port));
    }
}

/// Writes an address in numbers: dotted, or as `inet_ntop` shortens it.
pub fn write_address(out: &mut Vec<u8>, address: IpAddr) {
    match address {
        IpAddr::V4(address) => columns::dotted(out, address.octets()),
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

#[cfg(test)]
mod tests {
    use super::*;

    fn numeric(address: &str, port: u16) -> String {
        let mut out = Vec::new();
        Labels::for_listing(true).endpoint(
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
