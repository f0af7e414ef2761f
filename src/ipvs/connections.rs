//! The kernel's connections, which netlink does not carry: they are read from
//! `/proc/net/ip_vs_conn`, or from `/proc/net/ip_vs_conn_sync`, which says of each who made it, and
//! lacks the data of persistence engines.
//!
//! A file has a line of titles, which is there even if no connection is, then a line for each
//! connection. Source of the formats: `net/netfilter/ipvs/ip_vs_conn.c` of the kernel.

#![forbid(unsafe_code)]

use std::collections::{HashMap, VecDeque};
use std::fs::File;
use std::io::{ErrorKind, Read};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::ops::Range;
use std::time::{Duration, Instant};

use memchr::memchr;

use crate::error::Error;
use crate::model::{Connection, ConnectionIdentity, Origin};

const FILE: &str = "/proc/net/ip_vs_conn";
const FILE_WITH_ORIGINS: &str = "/proc/net/ip_vs_conn_sync";

/// The connections, one after another in the kernel's order.
pub struct Connections {
    name: &'static str,
    file: File,
    /// Bytes of the file, up to `end`; behind it is room for more.
    buffer: Vec<u8>,
    end: usize,
    /// The place of the line in it.
    line: Range<usize>,
    /// The data of engines, where it is to be added.
    engines: Option<Engines>,
    /// The line with the data of its engine; empty where it has none.
    joined: Vec<u8>,
}

impl Connections {
    /// Opens the list without origins.
    ///
    /// # Errors
    /// [`Error::CannotOpen`] without the module or without root, [`Error::UnexpectedInput`] if the
    /// file is empty.
    pub fn open() -> Result<Connections, Error> {
        Connections::open_file(FILE)
    }

    /// Opens the list with origins. To add the data of engines takes a reading of the other file,
    /// once an entry comes that may have some.
    ///
    /// # Errors
    /// Those of [`Connections::open`].
    pub fn open_with_origins(with_engine_data: bool) -> Result<Connections, Error> {
        let mut connections = Connections::open_file(FILE_WITH_ORIGINS)?;
        connections.engines = with_engine_data.then(Engines::default);
        Ok(connections)
    }

    fn open_file(name: &'static str) -> Result<Connections, Error> {
        let file = File::open(name).map_err(|_| Error::CannotOpen(name))?;
        let mut connections = Connections {
            name,
            file,
            buffer: vec![0; 64 * 1024],
            end: 0,
            line: 0..0,
            engines: None,
            joined: Vec::new(),
        };
        if connections.read_line()? {
            Ok(connections)
        } else {
            Err(Error::UnexpectedInput(name))
        }
    }

    /// Goes on to the next connection; `false` after the last.
    ///
    /// # Errors
    /// [`Error::Read`], and those of [`Connections::open`] for the data of engines.
    pub fn advance(&mut self) -> Result<bool, Error> {
        self.joined.clear();
        let is_there = self.read_line()?;
        if is_there && let Some(engines) = &mut self.engines {
            engines.join(&self.buffer[self.line.clone()], &mut self.joined)?;
        }
        Ok(is_there)
    }

    /// Returns the connection.
    ///
    /// # Errors
    /// [`Error::UnexpectedInput`] for a line of another shape.
    pub fn connection(&self) -> Result<Connection<'_>, Error> {
        let has_origin = self.name == FILE_WITH_ORIGINS;
        parse_connection(self.line())
            .filter(|connection| connection.origin.is_some() == has_origin)
            .ok_or(Error::UnexpectedInput(self.name))
    }

    /// Takes the connections one after another, or the fault of one that is not understood. Returns
    /// their number if it stopped before the end: at `most`, or when `longest` was over.
    ///
    /// # Errors
    /// Those of [`Connections::advance`].
    pub fn each_within(
        mut self,
        most: usize,
        longest: Duration,
        mut take: impl FnMut(Result<Connection<'_>, Error>),
    ) -> Result<Option<usize>, Error> {
        let begin = Instant::now();
        let mut count = 0;
        while self.advance()? {
            let is_late = count % CLOCK_STEP == 0 && begin.elapsed() > longest;
            if count == most || is_late {
                return Ok(Some(count));
            }
            count += 1;
            take(self.connection());
        }
        Ok(None)
    }

    /// Returns its line, the newline included.
    pub fn line(&self) -> &[u8] {
        match self.joined.is_empty() {
            true => &self.buffer[self.line.clone()],
            false => &self.joined,
        }
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
                Err(fault) => return Err(Error::Read(self.name, fault)),
            }
        }
    }
}

/// For how long a table is looked through that others only want to know something of. Older
/// kernels, 6.1 among them, go through their table from the beginning for each page of the file:
/// where there are many, the whole of it takes minutes.
pub const LONGEST_LOOK: Duration = Duration::from_secs(2);
/// The number of connections between two looks at the clock.
const CLOCK_STEP: usize = 64;

/// Counts the connections that the sync daemon learnt; `None` where they cannot be read, or where
/// that takes too long.
pub fn count_learnt() -> Option<u64> {
    let connections = Connections::open_with_origins(false).ok()?;
    let (mut learnt, mut is_understood) = (0, true);
    let cut = connections.each_within(usize::MAX, LONGEST_LOOK, |connection| match connection {
        Ok(connection) => learnt += u64::from(connection.origin == Some(Origin::Sync)),
        Err(_) => is_understood = false,
    });
    (cut.ok()?.is_none() && is_understood).then_some(learnt)
}

/// The data by which persistence engines know clients, as the file without origins has it.
#[derive(Default)]
struct Engines {
    /// The ends of lines; `None` until they are needed. One client may have several entries to the
    /// same server, in the order of the file.
    ends: Option<HashMap<ConnectionIdentity, VecDeque<Vec<u8>>>>,
}

impl Engines {
    /// Writes a line with the data of its engine to `joined`; nothing if it has none.
    fn join(&mut self, line: &[u8], joined: &mut Vec<u8>) -> Result<(), Error> {
        if !may_have_engine(line) {
            return Ok(());
        }
        let Some(connection) = parse_connection(line) else {
            return Ok(());
        };
        let ends = match &mut self.ends {
            Some(ends) => ends,
            ends => ends.insert(read_engines()?),
        };
        if let Some(end) = ends
            .get_mut(&connection.identity())
            .and_then(VecDeque::pop_front)
        {
            joined.extend_from_slice(line.trim_ascii_end());
            joined.extend(end);
        }
        Ok(())
    }
}

fn read_engines() -> Result<HashMap<ConnectionIdentity, VecDeque<Vec<u8>>>, Error> {
    let mut ends: HashMap<ConnectionIdentity, VecDeque<Vec<u8>>> = HashMap::new();
    let mut connections = Connections::open()?;
    while connections.advance()? {
        if may_have_engine(connections.line())
            && let Ok(connection) = connections.connection()
            && let Some((name, data)) = connection.engine
        {
            let end = [b" ", name, b" ", data, b"\n"].concat();
            ends.entry(connection.identity())
                .or_default()
                .push_back(end);
        }
    }
    Ok(ends)
}

/// Returns true if a line is of what persistence remembers, which is of no port of the client's.
fn may_have_engine(line: &[u8]) -> bool {
    let mut words = line.split(is_blank).filter(|word| !word.is_empty());
    words.nth(2) == Some(b"0000")
}

/// Returns the connection that a line of either file describes; `None` for one of another shape.
///
/// A table may have millions of them, so this looks at each byte once.
pub fn parse_connection(line: &[u8]) -> Option<Connection<'_>> {
    let mut rest = line;
    let protocol = next_word(&mut rest)?;
    let client = parse_endpoint(&mut rest)?;
    let service = parse_endpoint(&mut rest)?;
    let destination = parse_endpoint(&mut rest)?;
    let state = next_word(&mut rest)?;
    let mut word = next_word(&mut rest)?;
    let origin = match word {
        b"LOCAL" => Some(Origin::Local),
        b"SYNC" => Some(Origin::Sync),
        _ => None,
    };
    if origin.is_some() {
        word = next_word(&mut rest)?;
    }
    let seconds = parse_decimal(word)?;
    let engine = next_word(&mut rest).map(|name| (name, rest.trim_ascii()));
    Some(Connection {
        protocol,
        client,
        service,
        destination,
        state,
        origin,
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
            origin: None,
            seconds: 899,
            engine: None,
        };
        assert_eq!(parse_connection(line), Some(expected));
    }

    #[test]
    fn the_other_file_says_who_made_it() {
        for (word, origin) in [("LOCAL ", Origin::Local), ("SYNC  ", Origin::Sync)] {
            let line = format!(
                "TCP 0A000002 9C40 0A000001 0050 C0A80002 1F90 FIN_WAIT    {word}      17\n"
            );
            let connection = parse_connection(line.as_bytes()).unwrap();
            assert_eq!(connection.origin, Some(origin));
            assert_eq!(
                (connection.state, connection.seconds),
                (&b"FIN_WAIT"[..], 17)
            );
        }
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
            "TCP 0A000002 9C40 0A000001 0050 C0A80002 0050 ESTABLISHED LOCAL",
            "TCP 0A000002 9C40 0A000001 0050 C0A80002 0050 ESTABLISHED ELSE 7",
            "TCP 0A000002 9C40 0A000001 0050 C0A80002 0050 ESTABLISHED SYNC LOCAL 7",
        ] {
            assert_eq!(parse_connection(line.as_bytes()), None, "{line:?}");
        }
    }
}
