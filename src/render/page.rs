//! A page on a terminal: a heading, and as much of a listing as there is room for below it.
//!
//! The page alone knows how many lines there are. It takes a listing as that is made, keeps the
//! lines that it shows and counts the others.
#![forbid(unsafe_code)]

use crate::screen::Screen;

/// A page that collects a listing and is then written.
#[derive(Debug)]
pub struct Page {
    screen: Screen,
    /// The lines above the listing.
    heading_height: usize,
    /// The lines that there are for the listing.
    room: usize,
    /// The lines of the listing that there is room for, each with its end.
    text: Vec<u8>,
    /// The number of lines in `text`.
    kept: usize,
    left_out: usize,
}

/// From this height on, the line below the heading stays empty.
const ROOMY: usize = 8;

/// The least blanks between the two texts of the heading.
const GAP: usize = 2;

impl Page {
    /// Makes an empty page for a screen of `height` lines.
    pub fn new(screen: Screen, height: usize) -> Page {
        let heading_height = if height >= ROOMY { 2 } else { 1 };
        Page {
            screen,
            heading_height,
            room: height.saturating_sub(heading_height),
            text: Vec::new(),
            kept: 0,
            left_out: 0,
        }
    }

    /// Returns how many lines of a listing the page has room for.
    pub fn room(&self) -> usize {
        self.room
    }

    /// Moves whole lines of a listing to the page.
    pub fn take(&mut self, lines: &mut Vec<u8>) {
        for line in lines.split_inclusive(|byte| *byte == b'\n') {
            if self.kept < self.room {
                self.text.extend_from_slice(line);
                self.kept += 1;
            } else {
                self.left_out += 1;
            }
        }
        lines.clear();
    }

    /// Counts lines that were not even made, since there is no room for them.
    pub fn leave_out(&mut self, lines: usize) {
        self.left_out += lines;
    }

    /// Drops the listing.
    pub fn clear(&mut self) {
        self.text.clear();
        (self.kept, self.left_out) = (0, 0);
    }

    /// Writes the page over the one on the screen: the first text of the heading at the left, the
    /// second, a date and time, at the right; then the listing. If lines are left out, the last
    /// line of the screen says how many.
    pub fn write(&self, out: &mut Vec<u8>, heading: [&str; 2]) {
        out.extend_from_slice(b"\x1b[H");
        self.write_heading(out, heading);
        if self.heading_height > 1 {
            out.extend_from_slice(b"\r\n\x1b[K");
        }
        let shown = match self.left_out {
            0 => self.kept,
            _ => self.kept.min(self.room.saturating_sub(1)),
        };
        for line in self.text.split_inclusive(|byte| *byte == b'\n').take(shown) {
            out.extend_from_slice(b"\r\n");
            self.write_line(out, line.strip_suffix(b"\n").unwrap_or(line));
        }
        let more = self.left_out + self.kept - shown;
        if more > 0 && self.room > 0 {
            let dots = if self.screen.has_unicode {
                "…"
            } else {
                "..."
            };
            out.extend_from_slice(b"\r\n");
            self.write_line(out, self.dimmed(&format!("{dots} {more} more")).as_bytes());
        }
        out.extend_from_slice(b"\x1b[J");
    }

    fn write_heading(&self, out: &mut Vec<u8>, [left, right]: [&str; 2]) {
        let width = self.screen.width;
        // If both do not fit, the right text is reduced to its last word, the time of day, and the
        // end of the left one is cut off.
        let length = left.chars().count();
        let right = match length + GAP + right.len() <= width {
            true => right,
            false => right.rsplit(' ').next().unwrap_or_default(),
        };
        let room = width.saturating_sub(GAP + right.len());
        let left: String = left.chars().take(room).collect();
        let blanks = GAP + room.saturating_sub(length);
        let line = self.dimmed(&format!("{left}{:blanks$}{right}", ""));
        self.write_line(out, line.as_bytes());
    }

    /// Returns the text as it is said by the way, if the screen has colours.
    fn dimmed(&self, text: &str) -> String {
        match self.screen.has_colours {
            true => format!("\x1b[2m{text}\x1b[m"),
            false => text.to_owned(),
        }
    }

    /// Writes a line as far as it fits. Colours take no room; whatever else could move the cursor
    /// becomes a question mark.
    fn write_line(&self, out: &mut Vec<u8>, line: &[u8]) {
        let text = String::from_utf8_lossy(line);
        let mut rest = text.as_ref();
        let mut room = self.screen.width;
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

    /// Returns a page as a terminal shows it.
    fn shown(width: u16, height: u16, listing: &str, left_out: usize) -> Vec<String> {
        let screen = Screen {
            has_colours: true,
            ..samples::screen(usize::from(width))
        };
        let mut page = Page::new(screen, usize::from(height));
        let size = |number| std::num::NonZeroU16::new(number).unwrap();
        let mut terminal = vt100::Parser::new(size(height), size(width), 0);
        terminal.process(&b"old text\r\n".repeat(50));
        page.take(&mut b"what is taken back\n".repeat(50));
        page.clear();
        for line in listing.split_inclusive('\n') {
            page.take(&mut line.as_bytes().to_vec());
        }
        page.leave_out(left_out);
        let mut out = Vec::new();
        page.write(&mut out, ["left", "day time"]);
        terminal.process(&out);
        terminal.screen().rows(0, width).collect()
    }

    #[test]
    fn a_listing_is_cut_to_the_screen() {
        assert_eq!(
            shown(12, 9, "\x1b[32mone\x1b[m\ntwo\n", 0),
            ["left    time", "", "one", "two", "", "", "", "", ""]
        );
        assert_eq!(
            shown(12, 5, "1\n2\n3\n4\n", 0),
            ["left    time", "1", "2", "3", "4"]
        );
        assert_eq!(
            shown(12, 5, "1\n2\n3\n4\n5\n6\n", 0),
            ["left    time", "1", "2", "3", "… 3 more"]
        );
        assert_eq!(
            shown(12, 5, "1\n2\n3\n4\n", 14),
            ["left    time", "1", "2", "3", "… 15 more"]
        );
        assert_eq!(shown(12, 1, "1\n2\n", 0), ["left    time"]);
        assert_eq!(shown(12, 2, "1\n2\n", 0), ["left    time", "… 2 more"]);
        assert_eq!(
            shown(12, 7, "1\n2\n3\n4\n5\n6\n", 0),
            ["left    time", "1", "2", "3", "4", "5", "6"]
        );
        assert_eq!(
            shown(12, 8, "1\n2\n3\n4\n5\n6\n7\n", 0),
            ["left    time", "", "1", "2", "3", "4", "5", "… 2 more"]
        );
    }

    #[test]
    fn a_page_has_room_for_what_is_below_its_heading() {
        let screen = samples::ascii_screen(80);
        let room = |height| Page::new(screen, height).room();
        assert_eq!([0, 1, 5, 24].map(room), [0, 0, 4, 22]);
    }

    #[test]
    fn a_narrow_screen_tells_the_time_of_day() {
        for (width, heading) in [
            (15, "left   day time"),
            (14, "left  day time"),
            (13, "left     time"),
            (10, "left  time"),
            (9, "lef  time"),
            (6, "  time"),
            (3, "  t"),
        ] {
            assert_eq!(shown(width, 5, "1\n", 0)[0], heading, "{width}");
        }
    }

    #[test]
    fn a_line_is_cut_to_the_screen_and_moves_nothing() {
        assert_eq!(
            shown(
                8,
                5,
                "123456789\n\x1b[1m12\x1b[m34567890\n\x1b[2J\u{7}\nä–█x\n",
                0
            ),
            ["le  time", "12345678", "12345678", "?[2J?", "ä–█x"]
        );
    }
}
