//! Writes numbers and texts, padded to the width of their column.
//!
//! `std::fmt` is too slow for a listing of 100 000 lines. These few functions write the same text.
#![forbid(unsafe_code)]

use itoa::{Buffer, Integer};

/// The widest column of all listings.
const WIDEST: usize = 40;

/// Appends blanks until `width` bytes stand behind `start`. Longer texts stay whole.
pub fn pad(out: &mut Vec<u8>, start: usize, width: usize) {
    let missing = (start + width).saturating_sub(out.len());
    out.extend_from_slice(&[b' '; WIDEST][..missing.min(WIDEST)]);
}

/// Appends a text, and blanks behind it up to `width`.
pub fn left(out: &mut Vec<u8>, text: &[u8], width: usize) {
    let start = out.len();
    out.extend_from_slice(text);
    pad(out, start, width);
}

/// Appends a text, and blanks before it up to `width`.
pub fn right(out: &mut Vec<u8>, text: &[u8], width: usize) {
    let start = out.len();
    pad(out, start, width.saturating_sub(text.len()));
    out.extend_from_slice(text);
}

/// Appends a number.
pub fn number(out: &mut Vec<u8>, number: impl Integer) {
    out.extend_from_slice(Buffer::new().format(number).as_bytes());
}

/// Appends a number, and blanks behind it up to `width`.
pub fn number_left(out: &mut Vec<u8>, number: impl Integer, width: usize) {
    left(out, Buffer::new().format(number).as_bytes(), width);
}

/// Appends a number, and blanks before it up to `width`.
pub fn number_right(out: &mut Vec<u8>, number: impl Integer, width: usize) {
    right(out, Buffer::new().format(number).as_bytes(), width);
}

/// Appends a counter or rate: a blank, then 8 places. Shows a number that does not fit in
/// thousands, millions and so on, unless it is to be `exact`.
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
    fn columns_are_padded_and_nothing_is_cut() {
        let mut out = b"x".to_vec();
        left(&mut out, b"ab", 4);
        number_left(&mut out, 7u64, 3);
        number_right(&mut out, 42u64, 4);
        assert_eq!(out, b"xab  7    42");
        left(&mut out, b"longer", 4);
        number_right(&mut out, 12345u64, 4);
        assert_eq!(&out[12..], b"longer12345");
    }
}
