//! The kernel's connections, which netlink does not carry: they are read from
//! `/proc/net/ip_vs_conn`.
//!
//! The file has a line of titles, which is there even if no connection is, then a line for each
//! connection. Source of the format: `net/netfilter/ipvs/ip_vs_conn.c` of the kernel.

#![forbid(unsafe_code)]

use std::fs::File;
use std::io::{ErrorKind, Read};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::ops::Range;

use memchr::memchr;

use crate::error::Error;
use crate::model::Connection;

const FILE: &str = "/proc/net/ip_vs_conn";

/// The connections, one after another in the kernel's order.
pub struct Connections {
    file: File,
    /// Bytes of the file, up to `end`; behind it is room for more.
    buffer: Vec<u8>,
    end: usize,
    /// The place of the line in it.
    line: Range<usize>,
}

impl Connections {
    /// # Errors
    /// [`Error::CannotOpen`] without the module or without root, [`Error::UnexpectedInput`] if the
    /// file is empty.
    pub fn open() -> Result<Connections, Error> {
        let file = File::open(FILE).map_err(|_| Error::CannotOpen(FILE))?;
        let mut connections = Connections {
            file,
            buffer: vec![0; 64 * 1024],
            end: 0,
            line: 0..0,
        };
        if connections.read_line()? {
            Ok(connections)
        } else {
            Err(Error::UnexpectedInput(FILE))
        }
    }

    /// Goes on to the next connection; `false` after the last.
    ///
    /// # Errors
    /// [`Error::Read`].
    pub fn advance(&mut self) -> Result<bool, Error> {
        self.read_line()
    }

    /// Returns the connection.
    ///
    /// # Errors
    /// [`Error::UnexpectedInput`] for a line of another shape.
    pub fn connection(&self) -> Result<Connection<'_>, Error> {
        parse_connection(self.line()).ok_or(Error::UnexpectedInput(FILE))
    }

    /// Its line, the newline included.
    pub fn line(&self) -> &[u8] {
        &self.buffer[self.line.clone()]
    }

    /// Goes on to the next line; `false` at the end of the file. Lines are looked at where they
    /// were read: a `BufRead`, which copies each of them, adds a fifth to what a filter itself
    /// does.
    fn read_line(&mut self) -> Result<bool, Error> {
        let mut start = self.line.end;
        loop {
            if let Some(length) = memchr(b'\n', &self.buffer[start..self.end]) {
                self.line = start..start + length + 1;
                return Ok(true);
            }
            self.buffer.copy_within(start..self.end, 0);
            (start, self.end) = (0, self.end - start);
            if self.end == self.buffer.len() {
                self.buffer.resize(2 * self.end, 0);
            }
            match self.file.read(&mut self.buffer[self.end..]) {
                Ok(0) => {
                    self.line = 0..self.end;
                    return Ok(self.end > 0);
                }
                Ok(length) => self.end += length,
                Err(fault) if fault.kind() == ErrorKind::Interrupted => {}
                Err(fault) => return Err(Error::Read(FILE, fault)),
            }
        }
    }
}

/// Returns the connection that a line of the file describes; `None` for one of another shape.
///
/// A table may have millions of them, so this looks at each byte once.
pub fn parse_connection(line: &[u8]) -> Option<Connection<'_>> {
    let mut rest = line;
    let protocol = next_word(&mut rest)?;
    let client = parse_endpoint(&mut rest)?;
    let service = parse_endpoint(&mut rest)?;
    let destination = parse_endpoint(&mut rest)?;
    let state = next_word(&mut rest)?;
    let seconds = parse_decimal(next_word(&mut rest)?)?;
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
    let line = without_blanks(rest);
    let end = line.iter().position(is_blank);
    let (word, after) = line.split_at(end.unwrap_or(line.len()));
    *rest = after;
    Some(word).filter(|word| !word.is_empty())
}

fn without_blanks(mut rest: &[u8]) -> &[u8] {
    while let [byte, after @ ..] = rest
        && is_blank(byte)
    {
        rest = after;
    }
    rest
}

/// Returns true if a byte parts words. No word of the kernel's has one below the blank.
fn is_blank(byte: &u8) -> bool {
    *byte <= b' '
}

/// Returns an address, eight hexadecimal digits or IPv6 as text, and a port, four digits.
fn parse_endpoint(rest: &mut &[u8]) -> Option<(IpAddr, u16)> {
    let address = match next_digits::<8>(rest) {
        Some(number) => IpAddr::V4(Ipv4Addr::from(number)),
        None => IpAddr::V6(parse_ipv6(next_word(rest)?)?),
    };
    let port = next_digits::<4>(rest)?;
    Some((address, u16::try_from(port).ok()?))
}

/// Returns an address of IPv6 as the kernel writes it here, all its digits there; or in any other
/// way.
fn parse_ipv6(word: &[u8]) -> Option<Ipv6Addr> {
    let mut segments = [0; 8];
    if word.len() == "0000:".len() * segments.len() - 1 {
        for (segment, digits) in segments.iter_mut().zip(word.chunks(5)) {
            let (mut digits, colon) = digits.split_at(4);
            if !matches!(colon, b":" | b"") {
                return None;
            }
            *segment = u16::try_from(next_digits::<4>(&mut digits)?).ok()?;
        }
        return Some(Ipv6Addr::from(segments));
    }
    std::str::from_utf8(word).ok()?.parse().ok()
}

/// Returns the next word as a number of so many hexadecimal digits; if it is none, it is left where
/// it is.
fn next_digits<const COUNT: usize>(rest: &mut &[u8]) -> Option<u32> {
    let (word, after) = without_blanks(rest).split_first_chunk::<COUNT>()?;
    let ends = after.first().is_none_or(is_blank);
    // Checking all digits at once, after the loop, is faster than stopping at the first bad one.
    let mut number = 0;
    let mut seen = 0;
    for byte in word {
        let digit = HEXADECIMAL_DIGITS[usize::from(*byte)];
        number = number << 4 | u32::from(digit);
        seen |= digit;
    }
    if !ends || seen >= NO_DIGIT {
        return None;
    }
    *rest = after;
    Some(number)
}

const NO_DIGIT: u8 = 16;

/// The value of each byte as a digit.
static HEXADECIMAL_DIGITS: [u8; 256] = {
    let mut digits = [NO_DIGIT; 256];
    let mut byte = 0;
    while byte < digits.len() {
        if let Some(digit) = char::to_digit(byte as u8 as char, 16) {
            digits[byte] = digit as u8;
        }
        byte += 1;
    }
    digits
};

fn parse_decimal(word: &[u8]) -> Option<u64> {
    word.iter().try_fold(0u64, |value, byte| {
        let digit = byte.checked_sub(b'0').filter(|digit| *digit < 10)?;
        value.checked_mul(10)?.checked_add(u64::from(digit))
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
    fn an_ipv4_mapped_address_stays_one_of_ipv6() {
        let line = b"TCP 0000:0000:0000:0000:0000:ffff:c000:0209 9C40 \
            ::ffff:192.0.2.1 0050 0000:0000:0000:0000:0000:ffff:0a00:0001 0050 NONE 7\n";
        let connection = parse_connection(line).unwrap();
        assert_eq!(connection.client.0.to_string(), "::ffff:192.0.2.9");
        assert_eq!(connection.service.0.to_string(), "::ffff:192.0.2.1");
        assert_eq!(connection.destination.0.to_string(), "::ffff:10.0.0.1");
        let strange = b"TCP 0000:0000:0000:0000:0000:ffff-c000:0209 9C40 ";
        assert_eq!(parse_connection(strange), None);
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
            "TCP 0A000002 C40 0A000001 0050 C0A80002 0050 ESTABLISHED 7",
            "TCP 0A000002 19C40 0A000001 0050 C0A80002 0050 ESTABLISHED 7",
            "TCP 0A00000g 9C40 0A000001 0050 C0A80002 0050 ESTABLISHED 7",
            "TCP 10A000002 9C40 0A000001 0050 C0A80002 0050 ESTABLISHED 7",
            "TCP 0A000002 9C40 0A000001 0050 C0A80002 0050 ESTABLISHED -7",
        ] {
            assert_eq!(parse_connection(line.as_bytes()), None, "{line:?}");
        }
    }
}
