//! What `-L -c` prints: the connection entries of `/proc/net/ip_vs_conn` (contract, section 4).
//!
//! Netlink does not carry connections; the file's lines are read here, and written as the listing shows them. Source of
//! the file's format: `net/netfilter/ipvs/ip_vs_conn.c` of the kernel.

use std::net::{IpAddr, Ipv4Addr};

use crate::model::Protocol;
use crate::render::endpoints::EndpointWriter;
use crate::render::padding::{left, number, pad};

/// The file.
pub const CONNECTIONS_FILE: &str = "/proc/net/ip_vs_conn";

/// Writes the two lines of titles.
pub fn write_titles(out: &mut Vec<u8>, with_engine_data: bool) {
    let titles = match with_engine_data {
        false => format!(
            "pro expire {:<11} {:<18} {:<18} {}\n",
            "state", "source", "virtual", "destination"
        ),
        true => format!(
            "pro expire {:<11} {:<18} {:<18} {:<18} {:<16} {}\n",
            "state", "source", "virtual", "destination", "pe name", "pe_data"
        ),
    };
    out.extend_from_slice(b"IPVS connection entries\n");
    out.extend_from_slice(titles.as_bytes());
}

/// A connection, as a line of the file tells of it. Ports are in host byte order.
pub struct Connection<'a> {
    /// The protocol, in upper case.
    pub protocol: &'a [u8],
    /// Where it comes from.
    pub client: (IpAddr, u16),
    /// The virtual service it came to; of a firewall mark the mark stands in the address.
    pub service: (IpAddr, u16),
    /// The real server it went to.
    pub destination: (IpAddr, u16),
    /// Its state, in upper case.
    pub state: &'a [u8],
    /// For how many seconds it is kept if nothing more comes.
    pub seconds: u64,
    /// The persistence engine's name, and what that knows it by.
    pub engine: Option<(&'a [u8], &'a [u8])>,
}

impl<'a> Connection<'a> {
    /// Reads a line; `None` for one of another shape.
    pub fn read(line: &'a [u8]) -> Option<Connection<'a>> {
        let mut rest = line;
        let protocol = next_word(&mut rest)?;
        let client = (
            read_address(next_word(&mut rest)?)?,
            read_port(next_word(&mut rest)?)?,
        );
        let service = (
            read_address(next_word(&mut rest)?)?,
            read_port(next_word(&mut rest)?)?,
        );
        let destination = (
            read_address(next_word(&mut rest)?)?,
            read_port(next_word(&mut rest)?)?,
        );
        let state = next_word(&mut rest)?;
        let seconds = std::str::from_utf8(next_word(&mut rest)?)
            .ok()?
            .parse()
            .ok()?;
        let engine = next_word(&mut rest).map(|name| (name, rest.trim_ascii()));
        Some(Connection {
            protocol,
            client,
            service,
            destination,
            state,
            seconds,
            engine,
        })
    }

    /// The protocol, where it is one whose ports have names.
    pub fn named_protocol(&self) -> Option<Protocol> {
        [Protocol::Tcp, Protocol::Udp, Protocol::Sctp]
            .into_iter()
            .find(|protocol| protocol.label().as_bytes() == self.protocol)
    }
}

fn next_word<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let line = rest.trim_ascii_start();
    let end = line
        .iter()
        .position(u8::is_ascii_whitespace)
        .unwrap_or(line.len());
    let (word, after) = line.split_at(end);
    *rest = after;
    (!word.is_empty()).then_some(word)
}

fn read_hex(word: &[u8]) -> Option<u32> {
    word.iter().try_fold(0u32, |value, byte| {
        let digit = char::from(*byte).to_digit(16)?;
        value.checked_mul(16)?.checked_add(digit)
    })
}

/// Eight hexadecimal digits, or an IPv6 address.
fn read_address(word: &[u8]) -> Option<IpAddr> {
    if word.contains(&b':') {
        return std::str::from_utf8(word).ok()?.parse().ok();
    }
    read_hex(word).map(|bits| IpAddr::V4(Ipv4Addr::from(bits)))
}

fn read_port(word: &[u8]) -> Option<u16> {
    read_hex(word).and_then(|port| u16::try_from(port).ok())
}

/// Writes the row of a connection.
pub fn write_row(
    out: &mut Vec<u8>,
    endpoints: &mut EndpointWriter,
    connection: &Connection<'_>,
    with_engine_data: bool,
) {
    let protocol = connection.named_protocol();
    left(out, connection.protocol, 3);
    out.push(b' ');
    let start = out.len();
    two_digits(out, connection.seconds / 60);
    out.push(b':');
    two_digits(out, connection.seconds % 60);
    pad(out, start, 6);
    out.push(b' ');
    left(out, connection.state, 11);
    let mut endpoint = |out: &mut Vec<u8>, (address, port): (IpAddr, u16), width| {
        out.push(b' ');
        let start = out.len();
        endpoints.write(out, address, port, protocol);
        pad(out, start, width);
    };
    endpoint(out, connection.client, 18);
    endpoint(out, connection.service, 18);
    match connection.engine.filter(|_| with_engine_data) {
        None => endpoint(out, connection.destination, 0),
        Some((name, data)) => {
            endpoint(out, connection.destination, 16);
            out.push(b' ');
            left(out, name, 18);
            out.push(b' ');
            out.extend_from_slice(data);
        }
    }
    out.push(b'\n');
}

fn two_digits(out: &mut Vec<u8>, number: u64) {
    if number < 10 {
        out.push(b'0');
    }
    self::number(out, number);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(line: &str, with_engine_data: bool) -> Option<String> {
        let connection = Connection::read(line.as_bytes())?;
        let mut out = Vec::new();
        let mut endpoints = EndpointWriter::for_listing(true);
        write_row(&mut out, &mut endpoints, &connection, with_engine_data);
        Some(String::from_utf8(out).unwrap())
    }

    #[test]
    fn a_line_of_the_kernel_becomes_a_row() {
        assert_eq!(
            row(
                "TCP 0A000002 9C40 0A000001 0050 C0A80002 0050 ESTABLISHED     899",
                false
            )
            .unwrap(),
            "TCP 14:59  ESTABLISHED 10.0.0.2:40000     10.0.0.1:80        192.168.0.2:80\n"
        );
        assert_eq!(
            row("UDP 2001:0db8:0000:0000:0000:0000:0000:0002 9C40 2001:0db8:0000:0000:0000:0000:0000:0001 0050 \
                 0A000003 0050 UDP         7", false).unwrap(),
            "UDP 00:07  UDP         [2001:db8::2]:40000 [2001:db8::1]:80   10.0.0.3:80\n"
        );
    }

    #[test]
    fn engine_data_is_shown_where_it_is_asked_for() {
        let line = "UDP 0A000002 0000 0A000001 13C4 C0A80002 13C4 UDP         290 sip 6cb 1@x";
        assert_eq!(
            row(line, true).unwrap(),
            "UDP 04:50  UDP         10.0.0.2:0         10.0.0.1:5060      192.168.0.2:5060 sip                6cb 1@x\n"
        );
        assert_eq!(
            row(line, false).unwrap(),
            "UDP 04:50  UDP         10.0.0.2:0         10.0.0.1:5060      192.168.0.2:5060\n"
        );
    }

    #[test]
    fn a_line_of_another_shape_is_refused() {
        for line in [
            "",
            "TCP",
            "TCP 0A000002 9C40 0A000001 0050 C0A80002 0050 ESTABLISHED",
            "TCP x y z",
        ] {
            assert_eq!(row(line, false), None, "{line:?}");
        }
    }
}
