//! Formats quantities as people read them: three digits and a unit, a duration, a share as a bar.
#![forbid(unsafe_code)]

use crate::screen::Screen;

const STEPS: [&str; 7] = ["", "K", "M", "G", "T", "P", "E"];

/// Formats a number of things: `999`, `12.3K`, `4.0M`.
pub fn count(number: u64) -> String {
    match scaled(number) {
        (0, number) => number,
        (step, number) => format!("{number}{}", STEPS[step]),
    }
}

/// Formats a number of bytes: `999 B`, `12.3 kB`, `4.0 MB`.
pub fn bytes(number: u64) -> String {
    match scaled(number) {
        (1, number) => format!("{number} kB"),
        (step, number) => format!("{number} {}B", STEPS[step]),
    }
}

/// Returns the index in [`STEPS`], and the number in that unit, with a decimal below 100.
fn scaled(number: u64) -> (usize, String) {
    if number < 1000 {
        return (0, number.to_string());
    }
    let mut step = 1;
    let mut unit: u64 = 1000;
    while number / unit >= 1000 {
        step += 1;
        unit *= 1000;
    }
    let rounded_to = |unit: u64| (u128::from(number) + u128::from(unit) / 2) / u128::from(unit);
    let (tenths, whole) = (rounded_to(unit / 10), rounded_to(unit));
    match (tenths, whole) {
        (0..1000, _) => (step, format!("{}.{}", tenths / 10, tenths % 10)),
        (_, 0..1000) => (step, whole.to_string()),
        _ => (step + 1, "1.0".to_owned()),
    }
}

/// Formats a number of seconds in the largest unit of which it is a whole number.
pub fn duration(seconds: u64) -> String {
    let (number, unit) = match seconds {
        0 => (0, "s"),
        _ if seconds.is_multiple_of(86400) => (seconds / 86400, "d"),
        _ if seconds.is_multiple_of(3600) => (seconds / 3600, "h"),
        _ if seconds.is_multiple_of(60) => (seconds / 60, "min"),
        _ => (seconds, "s"),
    };
    format!("{number} {unit}")
}

/// Formats the last numbers as low and high marks, the last one at the right end of a field of
/// `width` characters. `most` has the highest mark, 0 the lowest.
pub fn sparkline(
    numbers: impl DoubleEndedIterator<Item = f64> + ExactSizeIterator,
    most: f64,
    width: usize,
    screen: Screen,
) -> String {
    let marks: &[char] = screen.best_of([
        &['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'],
        &['_', '░', '▒', '█'],
        &['_', '.', ':', '-', '=', '+', '*', '#'],
    ]);
    let length = numbers.len();
    let blanks = std::iter::repeat_n(' ', width.saturating_sub(length));
    let last = numbers.skip(length.saturating_sub(width));
    let marks = last.map(|number| {
        let share = if most > 0.0 {
            (number / most).min(1.0)
        } else {
            0.0
        };
        let height = (share * (marks.len() - 1) as f64).ceil();
        // A share of at most 1: no more than the highest mark.
        marks[height as usize]
    });
    blanks.chain(marks).collect()
}

/// A part of a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Share {
    pub part: u128,
    /// The whole. A share of nothing is not shown.
    pub whole: u128,
}

impl Share {
    /// Formats the share in percent; as `<1%` if it is more than nothing but rounds to that.
    /// Returns `None` for a share of nothing.
    pub fn percent(self) -> Option<String> {
        let hundredths = self.rounded(100)?;
        Some(if hundredths == 0 && self.part > 0 {
            "<1%".to_owned()
        } else {
            format!("{hundredths}%")
        })
    }

    /// Formats the share as a bar in a field of `width` characters. The bar ends on an eighth of a
    /// character if the screen can show that.
    pub fn bar(self, width: usize, screen: Screen) -> String {
        const EIGHTHS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];
        if !screen.has_fine_marks {
            let mark = if screen.has_unicode { "█" } else { "#" };
            return mark.repeat(self.rounded(width).unwrap_or(0));
        }
        let eighths = match self.rounded(8 * width) {
            Some(0) if self.part > 0 && width > 0 => 1,
            eighths => eighths.unwrap_or(0),
        };
        "█".repeat(eighths / 8) + EIGHTHS[eighths % 8]
    }

    /// Returns the share in parts of `scale`, at most all of them; `None` for a share of nothing.
    fn rounded(self, scale: usize) -> Option<usize> {
        if self.whole == 0 {
            return None;
        }
        let part = self.part.min(self.whole);
        let scaled = (part.saturating_mul(scale as u128) + self.whole / 2) / self.whole;
        usize::try_from(scaled).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples;

    #[test]
    fn numbers_have_three_digits_and_a_unit() {
        for (number, text) in [
            (0, "0"),
            (999, "999"),
            (1000, "1.0K"),
            (1049, "1.0K"),
            (1050, "1.1K"),
            (12_345, "12.3K"),
            (99_949, "99.9K"),
            (99_950, "100K"),
            (123_456, "123K"),
            (999_499, "999K"),
            (999_500, "1.0M"),
            (1_000_000, "1.0M"),
            (4_500_000, "4.5M"),
            (99_949_999, "99.9M"),
            (99_950_000, "100M"),
            (1_000_000_000_000, "1.0T"),
            (999_500_000_000_000_000, "1.0E"),
            (u64::from(u32::MAX), "4.3G"),
            (u64::MAX, "18.4E"),
        ] {
            assert_eq!(count(number), text, "{number}");
        }
        assert_eq!(bytes(312), "312 B");
        assert_eq!(bytes(12_345), "12.3 kB");
        assert_eq!(bytes(4_500_000), "4.5 MB");
    }

    #[test]
    fn durations_are_whole_numbers_of_the_largest_unit() {
        for (seconds, text) in [
            (0, "0 s"),
            (90, "90 s"),
            (360, "6 min"),
            (60, "1 min"),
            (900, "15 min"),
            (3600, "1 h"),
            (5400, "90 min"),
            (86_400, "1 d"),
            (90_000, "25 h"),
            (7200, "2 h"),
            (2_678_400, "31 d"),
        ] {
            assert_eq!(duration(seconds), text);
        }
    }

    const FINE: Screen = samples::screen(80);
    const CONSOLE: Screen = Screen {
        has_fine_marks: false,
        ..FINE
    };
    const ASCII: Screen = samples::ascii_screen(80);

    #[test]
    fn the_last_numbers_are_marks_at_the_right() {
        let line = |numbers: &[f64], width, screen| {
            let most = numbers.iter().copied().fold(0.0, f64::max);
            sparkline(numbers.iter().copied(), most, width, screen)
        };
        assert_eq!(line(&[], 3, FINE), "   ");
        assert_eq!(line(&[0.0, 0.0], 3, FINE), " ▁▁");
        assert_eq!(line(&[0.0, 0.01, 50.0, 100.0], 6, FINE), "  ▁▂▅█");
        assert_eq!(line(&[9.0, 0.0, 50.0, 100.0], 3, ASCII), "_=#");
        assert_eq!(line(&[0.0, 9.0, 50.0, 100.0], 4, CONSOLE), "_░▒█");
        assert_eq!(sparkline([5.0].into_iter(), 2.0, 2, FINE), " █");
        assert_eq!(line(&[1.0], 0, FINE), "");
    }

    #[test]
    fn a_share_is_a_percentage_and_a_bar() {
        for (part, whole, percent, bar, ascii) in [
            (1, 2, Some("50%"), "████", "####"),
            (1, 3, Some("33%"), "██▋", "###"),
            (8, 8, Some("100%"), "████████", "########"),
            (9, 8, Some("100%"), "████████", "########"),
            (3, 4, Some("75%"), "██████", "######"),
            (13, 64, Some("20%"), "█▋", "##"),
            (1, 200, Some("1%"), "▏", ""),
            (1, 201, Some("<1%"), "▏", ""),
            (1, 1000, Some("<1%"), "▏", ""),
            (0, 7, Some("0%"), "", ""),
            (0, 0, None, "", ""),
        ] {
            let share = Share { part, whole };
            assert_eq!(share.percent().as_deref(), percent, "{share:?}");
            assert_eq!(share.bar(8, FINE), bar, "{share:?}");
            assert_eq!(share.bar(8, ASCII), ascii, "{share:?}");
            assert_eq!(share.bar(8, CONSOLE), ascii.replace('#', "█"), "{share:?}");
            assert_eq!(share.bar(0, FINE), "");
        }
    }
}
