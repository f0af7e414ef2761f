//! Writes lines over those on a terminal's screen, each as far as it fits.
//!
//! Which lines there are, and how many, is for others to say.
#![forbid(unsafe_code)]

use crate::screen::Screen;

/// The least blanks between two texts in a line.
const GAP: usize = 2;

/// Writes lines from the top of the screen on, and wipes out what is left below them.
pub fn write(out: &mut Vec<u8>, screen: Screen, lines: &[Vec<u8>]) {
    out.extend_from_slice(b"\x1b[H");
    for (place, line) in lines.iter().enumerate() {
        if place > 0 {
            out.extend_from_slice(b"\r\n");
        }
        if place + 1 == lines.len() {
            // Not behind it: a line that fills the screen leaves the cursor on its last character.
            out.extend_from_slice(b"\x1b[J");
        }
        write_line(out, screen.width, line);
    }
}

/// Returns a line of two texts, the second at the right end: the first of several that fits beside
/// the first text, or else the last of them, for which that text is cut.
pub fn between(screen: Screen, left: &str, rights: &[&str]) -> String {
    let length = left.chars().count();
    let fits = |right: &&&str| length + GAP + right.chars().count() <= screen.width;
    let right = rights.iter().find(fits).or(rights.last());
    let right = right.copied().unwrap_or_default();
    let taken = match right.chars().count() {
        0 => 0,
        length => GAP + length,
    };
    let room = screen.width.saturating_sub(taken);
    let left: String = left.chars().take(room).collect();
    let blanks = screen.width - right.chars().count().min(screen.width) - left.chars().count();
    match right {
        "" => left,
        _ => format!("{left}{:blanks$}{right}", ""),
    }
}

/// Returns the text dimmed, if the screen has colours.
pub fn dimmed(screen: Screen, text: &str) -> Vec<u8> {
    match screen.has_colours {
        true => format!("\x1b[2m{text}\x1b[m").into_bytes(),
        false => text.as_bytes().to_vec(),
    }
}

/// Writes a line as far as it fits. Colours take no room; whatever else could move the cursor
/// becomes a question mark.
fn write_line(out: &mut Vec<u8>, width: usize, line: &[u8]) {
    let text = String::from_utf8_lossy(line);
    let mut rest = text.as_ref();
    let mut room = width;
    while let Some(character) = rest.chars().next() {
        if let Some(length) = colour_length(rest) {
            out.extend_from_slice(&rest.as_bytes()[..length]);
            rest = &rest[length..];
            continue;
        }
        rest = &rest[character.len_utf8()..];
        if room == 0 {
            continue;
        }
        room -= 1;
        let shown = if character.is_control() {
            '?'
        } else {
            character
        };
        out.extend_from_slice(shown.encode_utf8(&mut [0; 4]).as_bytes());
    }
    // A line that fills the screen leaves the cursor on its last character.
    if room > 0 {
        out.extend_from_slice(b"\x1b[K");
    }
}

/// Returns the length of the command that sets colours at the beginning of `text`, if there is one.
fn colour_length(text: &str) -> Option<usize> {
    let parameters = text.strip_prefix("\x1b[")?;
    let end = parameters.find(|character: char| !matches!(character, '0'..='9' | ';'))?;
    parameters[end..]
        .starts_with('m')
        .then_some("\x1b[".len() + end + 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples;

    /// Returns a screen of six lines on which these were written over others.
    fn shown(width: u16, lines: &[&str]) -> Vec<String> {
        let screen = samples::screen(usize::from(width));
        let size = |number| std::num::NonZeroU16::new(number).unwrap();
        let mut terminal = vt100::Parser::new(size(6), size(width), 0);
        terminal.process(&b"old text\r\n".repeat(50));
        let lines: Vec<Vec<u8>> = lines.iter().map(|line| line.as_bytes().to_vec()).collect();
        let mut out = Vec::new();
        write(&mut out, screen, &lines);
        terminal.process(&out);
        terminal.screen().rows(0, width).collect()
    }

    #[test]
    fn lines_are_written_over_others_as_far_as_they_fit() {
        assert_eq!(
            shown(12, &["\x1b[32mone\x1b[m", "", "two"]),
            ["one", "", "two", "", "", ""]
        );
        assert_eq!(
            shown(
                5,
                &[
                    "12345",
                    "123456789",
                    "\x1b[1m12345\x1b[m",
                    "a",
                    "b",
                    "12345"
                ]
            ),
            ["12345", "12345", "12345", "a", "b", "12345"]
        );
        assert_eq!(
            shown(5, &["1", "\x1b[1;31m12345678\x1b[m"]),
            ["1", "12345", "", "", "", ""]
        );
        assert_eq!(shown(5, &[""]), ["", "", "", "", "", ""]);
    }

    #[test]
    fn nothing_in_a_line_moves_the_cursor() {
        assert_eq!(
            shown(12, &["a\x1b[2Jb\tc", "\x1b]0;x\u{7}", "\x1b[31", "\u{9b}m"])[..4],
            ["a?[2Jb?c", "?]0;x?", "?[31", "?m"]
        );
    }

    #[test]
    fn a_text_at_the_right_end_is_the_first_that_fits() {
        let line = |width, left, rights: &[&str]| between(samples::screen(width), left, rights);
        let times = ["day time", "time"];
        assert_eq!(line(14, "left", &times), "left  day time");
        assert_eq!(line(13, "left", &times), "left     time");
        assert_eq!(line(10, "left", &times), "left  time");
        assert_eq!(line(8, "left", &times), "le  time");
        assert_eq!(line(10, "left", &["much too long", ""]), "left");
        assert_eq!(line(3, "left", &["much", ""]), "lef");
        assert_eq!(line(2, "left", &times), "time");
    }

    #[test]
    fn a_screen_without_colours_has_none() {
        let plain = samples::screen(40);
        assert_eq!(dimmed(plain, "a"), b"a");
        let coloured = Screen {
            has_colours: true,
            ..plain
        };
        assert_eq!(dimmed(coloured, "a"), b"\x1b[2ma\x1b[m");
    }
}
