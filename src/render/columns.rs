//! Columns of fixed width, and numbers that fit into them.
//!
//! The machinery of `std::fmt` costs more than all else in a listing of 100 000 lines; these few functions write the
//! same text.

/// A column's text, blanks behind it up to `width`. Longer texts are not cut.
pub fn left(out: &mut Vec<u8>, text: &[u8], width: usize) {
    out.extend_from_slice(text);
    blanks(out, width.saturating_sub(text.len()));
}

/// Cuts what stands behind `start` to `longest` bytes, then pads it with blanks to `width`.
pub fn cut_and_pad(out: &mut Vec<u8>, start: usize, longest: usize, width: usize) {
    out.truncate(start + longest);
    let length = out.len() - start;
    blanks(out, width.saturating_sub(length));
}

fn blanks(out: &mut Vec<u8>, count: usize) {
    const MANY: [u8; 64] = [b' '; 64];
    match MANY.get(..count) {
        Some(blanks) => out.extend_from_slice(blanks),
        None => out.resize(out.len() + count, b' '),
    }
}

/// The digits of a number, with blanks on both sides so that a column is one piece of them.
struct Digits {
    bytes: [u8; Digits::END + Digits::WIDEST],
    start: usize,
}

impl Digits {
    /// The widest column, and the digits of the largest number.
    const WIDEST: usize = 20;
    /// Where the digits end.
    const END: usize = Digits::WIDEST;

    fn of(mut number: u64) -> Digits {
        let mut digits = Digits {
            bytes: [b' '; Digits::END + Digits::WIDEST],
            start: Digits::END,
        };
        loop {
            digits.start -= 1;
            digits.bytes[digits.start] = b'0' + (number % 10) as u8;
            number /= 10;
            if number == 0 {
                return digits;
            }
        }
    }
}

/// A number without padding.
pub fn number(out: &mut Vec<u8>, number: u64) {
    let digits = Digits::of(number);
    out.extend_from_slice(&digits.bytes[digits.start..Digits::END]);
}

/// A number with blanks behind it up to `width`.
pub fn number_left(out: &mut Vec<u8>, number: u64, width: usize) {
    let digits = Digits::of(number);
    let end = Digits::END.max(digits.start + width.min(Digits::WIDEST));
    out.extend_from_slice(&digits.bytes[digits.start..end]);
}

/// A number with blanks before it up to `width`.
pub fn number_right(out: &mut Vec<u8>, number: u64, width: usize) {
    let digits = Digits::of(number);
    let start = digits.start.min(Digits::END - width.min(Digits::WIDEST));
    out.extend_from_slice(&digits.bytes[start..Digits::END]);
}

/// The text of an IPv4 address and a port, gathered to be written as one piece.
struct DottedText {
    bytes: [u8; 21],
    length: usize,
}

impl DottedText {
    fn of(octets: [u8; 4]) -> DottedText {
        let mut text = DottedText {
            bytes: [b'.'; 21],
            length: 0,
        };
        for octet in octets {
            text.number(u16::from(octet), [100, 10]);
            // The dot is there already.
            text.length += 1;
        }
        text.length -= 1;
        text
    }

    /// Adds a number below ten times the first of `units`, the powers of ten from there down to ten.
    fn number<const N: usize>(&mut self, number: u16, units: [u16; N]) {
        for unit in units {
            if number >= unit {
                self.push(b'0' + (number / unit % 10) as u8);
            }
        }
        self.push(b'0' + (number % 10) as u8);
    }

    fn push(&mut self, byte: u8) {
        self.bytes[self.length] = byte;
        self.length += 1;
    }

    fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.length]
    }
}

/// An IPv4 address.
pub fn dotted(out: &mut Vec<u8>, octets: [u8; 4]) {
    out.extend_from_slice(DottedText::of(octets).as_bytes());
}

/// An IPv4 address, a colon, a port.
pub fn dotted_with_port(out: &mut Vec<u8>, octets: [u8; 4], port: u16) {
    let mut text = DottedText::of(octets);
    text.push(b':');
    text.number(port, [10_000, 1_000, 100, 10]);
    out.extend_from_slice(text.as_bytes());
}

/// A counter or rate: a blank, then 8 places. A number that does not fit is told in thousands, millions and so on,
/// unless it is to be `exact`.
pub fn counter(out: &mut Vec<u8>, number: u64, exact: bool) {
    const STEPS: [(u64, u64, u8); 3] = [
        (1_000_000_000, 1_000, b'K'),
        (100_000_000_000, 1_000_000, b'M'),
        (100_000_000_000_000, 1_000_000_000, b'G'),
    ];
    if number < 100_000_000 {
        number_right(out, number, 9);
        return;
    }
    if exact {
        out.push(b' ');
        self::number(out, number);
        return;
    }
    let (_, unit, letter) = STEPS
        .into_iter()
        .find(|(limit, ..)| number < *limit)
        .unwrap_or((u64::MAX, 1_000_000_000_000, b'T'));
    number_right(out, number / unit, 8);
    out.push(letter);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counted(number: u64, exact: bool) -> String {
        let mut out = Vec::new();
        counter(&mut out, number, exact);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_counter_shrinks_to_its_column() {
        for (number, text) in [
            (0, "        0"),
            (99_999_999, " 99999999"),
            (100_000_000, "  100000K"),
            (999_999_999, "  999999K"),
            (1_000_000_000, "    1000M"),
            (99_999_999_999, "   99999M"),
            (100_000_000_000, "     100G"),
            (99_999_999_999_999, "   99999G"),
            (100_000_000_000_000, "     100T"),
            (u64::MAX, "18446744T"),
        ] {
            assert_eq!(counted(number, false), text);
        }
    }

    #[test]
    fn an_exact_counter_grows_out_of_its_column_beyond_32_bits() {
        assert_eq!(counted(7, true), "        7");
        assert_eq!(counted(12_345_678, true), " 12345678");
        assert_eq!(counted(123_456_789, true), " 123456789");
        assert_eq!(counted(u64::from(u32::MAX) + 1, true), " 4294967296");
        assert_eq!(counted(u64::MAX, true), " 18446744073709551615");
    }

    #[test]
    fn addresses_are_written_as_the_standard_library_writes_them() {
        for octets in [[0, 0, 0, 0], [255, 255, 255, 255], [10, 9, 100, 99]] {
            for port in [0, 9, 80, 443, 8080, 65535] {
                let address = std::net::SocketAddrV4::new(octets.into(), port);
                let mut out = Vec::new();
                dotted_with_port(&mut out, octets, port);
                assert_eq!(out, address.to_string().as_bytes());
                out.clear();
                dotted(&mut out, octets);
                assert_eq!(out, address.ip().to_string().as_bytes());
            }
        }
    }

    #[test]
    fn columns_are_padded_and_cut() {
        let mut out = b"x".to_vec();
        left(&mut out, b"ab", 4);
        number_left(&mut out, 7, 3);
        number_right(&mut out, 42, 4);
        assert_eq!(out, b"xab  7    42");
        let start = out.len();
        out.extend_from_slice(b"abcdef");
        cut_and_pad(&mut out, start, 4, 6);
        assert_eq!(&out[start..], b"abcd  ");
    }
}
