//! A page on a terminal: a line about it, a listing below, cut to the size of the screen.

use crate::screen::Screen;

/// How large a page is.
#[derive(Clone, Copy, Debug)]
pub struct Page {
    pub screen: Screen,
    /// The lines of the screen.
    pub height: usize,
}

/// From this height on, a line may stay empty.
const ROOMY: usize = 8;

/// The least blanks between the two texts above a listing.
const GAP: usize = 2;

impl Page {
    /// How many lines there are for a listing; one less if more of it is left out.
    pub fn listing_height(&self) -> usize {
        self.height.saturating_sub(self.lines_above())
    }

    fn lines_above(&self) -> usize {
        if self.height >= ROOMY { 2 } else { 1 }
    }

    /// Writes a page over the one that is on the screen: a text at the left, and at the right the
    /// date and time; then the listing, of which some lines may have been left out already.
    pub fn write(
        &self,
        out: &mut Vec<u8>,
        [left, right]: [&str; 2],
        listing: &[u8],
        left_out: usize,
    ) {
        let width = self.screen.width;
        let (dim, plain) = match self.screen.has_colours {
            true => ("\x1b[2m", "\x1b[m"),
            false => ("", ""),
        };
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
        let heading = format!("{dim}{left}{:blanks$}{right}{plain}", "");
        out.extend_from_slice(b"\x1b[H");
        self.write_line(out, heading.as_bytes());
        if self.lines_above() > 1 {
            out.extend_from_slice(b"\r\n\x1b[K");
        }
        let room = self.listing_height();
        let text = listing.strip_suffix(b"\n").unwrap_or(listing);
        let lines: Vec<&[u8]> = text.split(|byte| *byte == b'\n').collect();
        let shown = match lines.len() + left_out > room {
            true => lines.len().min(room.saturating_sub(1)),
            false => lines.len(),
        };
        for line in &lines[..shown] {
            out.extend_from_slice(b"\r\n");
            self.write_line(out, line);
        }
        let more = lines.len() - shown + left_out;
        if more > 0 && room > 0 {
            let dots = if self.screen.has_unicode {
                "…"
            } else {
                "..."
            };
            out.extend_from_slice(b"\r\n");
            self.write_line(out, format!("{dim}{dots} {more} more{plain}").as_bytes());
        }
        out.extend_from_slice(b"\x1b[J");
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

/// The length of a command that sets colours, if one stands at the beginning.
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

    /// A page as a terminal shows it.
    fn shown(width: u16, height: u16, listing: &str, left_out: usize) -> Vec<String> {
        let page = Page {
            screen: Screen {
                width: usize::from(width),
                has_colours: true,
                has_unicode: true,
            },
            height: usize::from(height),
        };
        let size = |number| std::num::NonZeroU16::new(number).unwrap();
        let mut terminal = vt100::Parser::new(size(height), size(width), 0);
        terminal.process(&b"old text\r\n".repeat(50));
        let mut out = Vec::new();
        page.write(&mut out, ["left", "day time"], listing.as_bytes(), left_out);
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
        assert_eq!(shown(12, 1, "1\n2\n", 0)[0], "left    time");
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
