//! The kernel's connections, which netlink does not carry: they are read from
//! `/proc/net/ip_vs_conn`.
//!
//! The file has a line of titles, which is there even if no connection is, then a line for each
//! connection. Source of the format: `net/netfilter/ipvs/ip_vs_conn.c` of the kernel.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::net::{IpAddr, Ipv4Addr};

use crate::error::Error;
use crate::model::Connection;

const FILE: &str = "/proc/net/ip_vs_conn";

/// The connections, one after another in the kernel's order.
pub struct Connections {
    lines: BufReader<File>,
    line: Vec<u8>,
}

impl Connections {
    /// # Errors
    /// [`Error::CannotOpen`] without the module or without root, [`Error::UnexpectedInput`] if the
    /// file is empty.
    pub fn open() -> Result<Connections, Error> {
        let file = File::open(FILE).map_err(|_| Error::CannotOpen(FILE))?;
        let mut connections = Connections {
            lines: BufReader::with_capacity(64 * 1024, file),
            line: Vec::new(),
        };
        if connections.read_line()? {
            Ok(connections)
        } else {
            Err(Error::UnexpectedInput(FILE))
        }
    }

    /// The next connection, `None` after the last.
    ///
    /// # Errors
    /// [`Error::Read`], and [`Error::UnexpectedInput`] for a line of another shape.
    pub fn read_next(&mut self) -> Result<Option<Connection<'_>>, Error> {
        if !self.read_line()? {
            return Ok(None);
        }
        let connection = parse_connection(&self.line);
        connection.map(Some).ok_or(Error::UnexpectedInput(FILE))
    }

    /// The line of the connection that was read last, its newline included.
    pub fn line(&self) -> &[u8] {
        &self.line
    }

    /// Reads a line; `false` at the end of the file.
    fn read_line(&mut self) -> Result<bool, Error> {
        self.line.clear();
        let length = self.lines.read_until(b'\n', &mut self.line);
        length
            .map(|length| length > 0)
            .map_err(|fault| Error::Read(FILE, fault))
    }
}

/// The connection that a line of the file describes; `None` for one of another shape.
pub fn parse_connection(line: &[u8]) -> Option<Connection<'_>> {
    let mut rest = line;
    let protocol = next_word(&mut rest)?;
    let client = parse_endpoint(&mut rest)?;
    let service = parse_endpoint(&mut rest)?;
    let destination = parse_endpoint(&mut rest)?;
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

/// An address, eight hexadecimal digits or IPv6 as text, and a port in hexadecimal digits.
fn parse_endpoint(rest: &mut &[u8]) -> Option<(IpAddr, u16)> {
    let word = next_word(rest)?;
    let address = if word.contains(&b':') {
        std::str::from_utf8(word).ok()?.parse().ok()?
    } else {
        IpAddr::V4(Ipv4Addr::from(parse_hexadecimal(word)?))
    };
    let port = parse_hexadecimal(next_word(rest)?)?;
    Some((address, u16::try_from(port).ok()?))
}

fn parse_hexadecimal(word: &[u8]) -> Option<u32> {
    word.iter().try_fold(0u32, |value, byte| {
        let digit = char::from(*byte).to_digit(16)?;
        value.checked_mul(16)?.checked_add(digit)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_the_kernel_becomes_a_connection() {
        let line = b"TCP 0A000002 9C40 0A000001 0050 C0A80002 1F90 ESTABLISHED     899\n";
        let expected = Connection {
            protocol: b"TCP",
            client: ("10.0.0.2".parse().unwrap(), 40000),
            service: ("10.0.0.1".parse().unwrap(), 80),
            destination: ("192.168.0.2".parse().unwrap(), 8080),
            state: b"ESTABLISHED",
            seconds: 899,
            engine: None,
        };
        assert_eq!(parse_connection(line), Some(expected));
    }

    #[test]
    fn families_may_be_mixed() {
        let line = b"UDP 2001:0db8:0000:0000:0000:0000:0000:0002 9C40 \
            2001:0db8:0000:0000:0000:0000:0000:0001 0050 0A000003 0050 UDP         7\n";
        let connection = parse_connection(line).unwrap();
        assert_eq!(connection.client.0.to_string(), "2001:db8::2");
        assert_eq!(connection.service.0.to_string(), "2001:db8::1");
        assert_eq!(connection.destination.0.to_string(), "10.0.0.3");
    }

    #[test]
    fn the_data_of_a_persistence_engine_may_hold_blanks() {
        let line = b"UDP 0A000002 0000 0A000001 13C4 C0A80002 13C4 UDP         290 sip 6cb 1@x\n";
        let connection = parse_connection(line).unwrap();
        assert_eq!(connection.engine, Some((&b"sip"[..], &b"6cb 1@x"[..])));
    }

    #[test]
    fn a_line_of_another_shape_is_refused() {
        for line in [
            "",
            "TCP",
            "TCP 0A000002 9C40 0A000001 0050 C0A80002 0050 ESTABLISHED",
            "TCP x y z",
            "TCP 0A000002 19C40 0A000001 0050 C0A80002 0050 ESTABLISHED 7",
            "TCP 10A000002 9C40 0A000001 0050 C0A80002 0050 ESTABLISHED 7",
            "TCP 0A000002 9C40 0A000001 0050 C0A80002 0050 ESTABLISHED -7",
        ] {
            assert_eq!(parse_connection(line.as_bytes()), None, "{line:?}");
        }
    }
}
