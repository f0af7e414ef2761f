//! Columns of fixed width, and numbers that fit into them.
//!
//! The machinery of `std::fmt` costs more than all else in a listing of 100 000 lines; these few functions write the
//! same text.

use std::ops::Range;

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
    out.resize(out.len() + count, b' ');
}

/// The digits of a number.
struct Digits {
    bytes: [u8; 20],
    used: Range<usize>,
}

impl Digits {
    fn of(mut number: u64) -> Digits {
        let mut digits = Digits {
            bytes: [b'0'; 20],
            used: 20..20,
        };
        loop {
            digits.used.start -= 1;
            digits.bytes[digits.used.start] += (number % 10) as u8;
            number /= 10;
            if number == 0 {
                return digits;
            }
        }
    }

    fn as_bytes(&self) -> &[u8] {
        &self.bytes[self.used.clone()]
    }
}

/// A number without padding.
pub fn number(out: &mut Vec<u8>, number: u64) {
    out.extend_from_slice(Digits::of(number).as_bytes());
}

/// A number with blanks behind it up to `width`.
pub fn number_left(out: &mut Vec<u8>, number: u64, width: usize) {
    left(out, Digits::of(number).as_bytes(), width);
}

/// A number with blanks before it up to `width`.
pub fn number_right(out: &mut Vec<u8>, number: u64, width: usize) {
    let digits = Digits::of(number);
    blanks(out, width.saturating_sub(digits.as_bytes().len()));
    out.extend_from_slice(digits.as_bytes());
}

/// A counter or rate: a blank, then 8 places. A number that does not fit is told in thousands, millions and so on,
/// unless it is to be `exact`.
pub fn counter(out: &mut Vec<u8>, number: u64, exact: bool) {
    const STEPS: [(u64, u64, u8); 3] = [
        (1_000_000_000, 1_000, b'K'),
        (100_000_000_000, 1_000_000, b'M'),
        (100_000_000_000_000, 1_000_000_000, b'G'),
    ];
    if exact || number < 100_000_000 {
        out.push(b' ');
        number_right(out, number, 8);
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
