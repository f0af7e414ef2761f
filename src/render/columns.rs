//! Columns of fixed width, and numbers that fit into them.
//!
//! The machinery of `std::fmt` costs more than all else in a listing of 100 000 lines; these few functions write the
//! same text. They write a piece of a length that the compiler knows, which is a few stores rather than a call, and cut
//! off what was too much.

/// The widest column that is padded.
const WIDEST: usize = 40;
/// The widest column of numbers, and the digits of the largest number.
const MOST_DIGITS: usize = 20;

/// A column's text, blanks behind it up to `width`. Longer texts are not cut.
pub fn left(out: &mut Vec<u8>, text: &[u8], width: usize) {
    let start = out.len();
    out.extend_from_slice(text);
    pad(out, start, width);
}

/// Cuts what stands behind `start` to `longest` bytes, then pads it with blanks to `width`.
pub fn cut_and_pad(out: &mut Vec<u8>, start: usize, longest: usize, width: usize) {
    out.truncate(start + longest);
    pad(out, start, width);
}

/// Adds blanks until `width` bytes stand behind `start`; `width` is at most 40.
fn pad(out: &mut Vec<u8>, start: usize, width: usize) {
    let length = out.len() - start;
    if length < width {
        out.extend_from_slice(&[b' '; WIDEST]);
        out.truncate(start + width.min(length + WIDEST));
    }
}

/// How many digits a number has.
fn digits(number: u64) -> usize {
    match number {
        0..10 => 1,
        10..100 => 2,
        _ => number.ilog10() as usize + 1,
    }
}

/// Writes the digits of a number, which fill `place`.
fn write_digits(place: &mut [u8], mut number: u64) {
    for digit in place.iter_mut().rev() {
        *digit = b'0' + (number % 10) as u8;
        number /= 10;
    }
}

/// A number without padding.
pub fn number(out: &mut Vec<u8>, number: u64) {
    number_left(out, number, 0);
}

/// A number with blanks behind it up to `width`, which is at most 20.
pub fn number_left(out: &mut Vec<u8>, number: u64, width: usize) {
    let start = out.len();
    let length = digits(number);
    out.extend_from_slice(&[b' '; MOST_DIGITS]);
    write_digits(&mut out[start..start + length], number);
    out.truncate(start + length.max(width));
}

/// A number with blanks before it up to `width`, which is at most 20.
pub fn number_right(out: &mut Vec<u8>, number: u64, width: usize) {
    let start = out.len();
    let length = digits(number);
    out.extend_from_slice(&[b' '; MOST_DIGITS]);
    let end = start + length.max(width);
    write_digits(&mut out[end - length..end], number);
    out.truncate(end);
}

/// The digits of each number that an octet holds, a dot behind them, and how many bytes those are.
const OCTETS: [([u8; 4], u8); 256] = {
    let mut octets = [([b'.'; 4], 0); 256];
    let mut number = 0;
    while number < octets.len() {
        let digits = [number / 100, number / 10 % 10, number % 10];
        let mut at = if number >= 100 {
            0
        } else if number >= 10 {
            1
        } else {
            2
        };
        let (text, length) = &mut octets[number];
        while at < digits.len() {
            text[*length as usize] = b'0' + digits[at] as u8;
            *length += 1;
            at += 1;
        }
        *length += 1;
        number += 1;
    }
    octets
};

/// The text of an IPv4 address, a dot behind it, in a piece that has room for a port too; and its length without the dot.
fn dotted_text(octets: [u8; 4]) -> ([u8; 24], usize) {
    let mut piece = [b' '; 24];
    let mut end = 0;
    for octet in octets {
        let (text, length) = &OCTETS[usize::from(octet)];
        piece[end..end + text.len()].copy_from_slice(text);
        end += usize::from(*length);
    }
    (piece, end - 1)
}

/// An IPv4 address.
pub fn dotted(out: &mut Vec<u8>, octets: [u8; 4]) {
    let start = out.len();
    let (piece, end) = dotted_text(octets);
    out.extend_from_slice(&piece);
    out.truncate(start + end);
}

/// An IPv4 address, a colon, a port.
pub fn dotted_with_port(out: &mut Vec<u8>, octets: [u8; 4], port: u16) {
    let start = out.len();
    let (mut piece, end) = dotted_text(octets);
    let port = u64::from(port);
    let length = digits(port);
    piece[end] = b':';
    write_digits(&mut piece[end + 1..end + 1 + length], port);
    out.extend_from_slice(&piece);
    out.truncate(start + end + 1 + length);
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
