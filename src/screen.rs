//! Finds out what the terminal can show: its size, colours, more than ASCII. Listings ask about
//! standard output; progress, faults and hints ask for the width of standard error. Nothing is
//! drawn here.

use std::env;
use std::ffi::OsString;
use std::io::{self, IsTerminal};
use std::os::fd::AsRawFd;

/// The width in characters, if neither the terminal nor `COLUMNS` names one.
const USUAL_WIDTH: usize = 80;
/// The height in lines, if the terminal does not name one.
const USUAL_HEIGHT: usize = 24;

/// The abilities of a screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Screen {
    /// The characters of a line.
    pub width: usize,
    /// True if colours are shown and wanted.
    pub has_colours: bool,
    /// True if lines and bars can be drawn with more than ASCII.
    pub has_unicode: bool,
    /// True if parts of blocks and discs can be drawn, too, which Linux's own console has not got
    /// in the fonts that Debian loads there.
    pub has_fine_marks: bool,
}

/// When there are colours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Colours {
    /// Everywhere.
    Always,
    /// Nowhere.
    Never,
    /// On a terminal that shows them, unless `NO_COLOR` is set.
    #[default]
    Auto,
}

impl Colours {
    /// The word for each, with what it means.
    pub const WORDS: [(&'static str, &'static str); 3] = [
        ("always", "in a pipe, too"),
        ("never", "not on a terminal either"),
        ("auto", "on a terminal, unless NO_COLOR is set"),
    ];

    /// Returns the choice that a word names.
    pub fn from_word(word: &[u8]) -> Option<Colours> {
        match word {
            b"always" => Some(Colours::Always),
            b"never" => Some(Colours::Never),
            b"auto" => Some(Colours::Auto),
            _ => None,
        }
    }
}

impl Screen {
    /// Returns the screen that standard output is shown on.
    pub fn of_standard_output() -> Screen {
        let output = io::stdout();
        Screen::of(&TerminalFacts {
            is_terminal: output.is_terminal(),
            terminal_width: terminal_size(&output).1,
            variable: &|name| env::var_os(name),
        })
    }

    /// Returns what this screen can show: one with fine marks the first, any other with more than
    /// ASCII the second.
    pub fn best_of<T>(self, [fine, plain, ascii]: [T; 3]) -> T {
        match (self.has_fine_marks, self.has_unicode) {
            (true, _) => fine,
            (false, true) => plain,
            (false, false) => ascii,
        }
    }

    /// Returns the screen with colours as they are chosen.
    pub fn with(self, colours: Colours) -> Screen {
        let has_colours = match colours {
            Colours::Always => true,
            Colours::Never => false,
            Colours::Auto => self.has_colours,
        };
        Screen {
            has_colours,
            ..self
        }
    }

    fn of(facts: &TerminalFacts<'_>) -> Screen {
        let variable = |name| (facts.variable)(name).filter(|value| !value.is_empty());
        let columns = || {
            variable("COLUMNS")?
                .to_str()?
                .parse()
                .ok()
                .filter(|width| *width > 0)
        };
        let terminal_width = facts.terminal_width.filter(|_| facts.is_terminal);
        let kind = variable("TERM").unwrap_or_default();
        let is_dumb = kind == "dumb";
        let locale = ["LC_ALL", "LC_CTYPE", "LANG"]
            .into_iter()
            .find_map(variable);
        let locale = locale
            .unwrap_or_default()
            .to_string_lossy()
            .to_ascii_lowercase();
        let has_unicode = !is_dumb && (locale.contains("utf-8") || locale.contains("utf8"));
        let shows_colours = facts.is_terminal && !is_dumb && !kind.is_empty();
        Screen {
            width: terminal_width.or_else(columns).unwrap_or(USUAL_WIDTH),
            has_colours: shows_colours && variable("NO_COLOR").is_none(),
            has_unicode,
            has_fine_marks: has_unicode && !kind.to_string_lossy().contains("linux"),
        }
    }
}

/// Returns true if standard output is a terminal.
pub fn is_terminal() -> bool {
    io::stdout().is_terminal()
}

/// Returns the height of the terminal behind standard output, in lines.
pub fn height_of_standard_output() -> usize {
    terminal_size(&io::stdout()).0.unwrap_or(USUAL_HEIGHT)
}

/// Returns the width of the terminal behind standard error, where progress is shown, in characters.
pub fn width_of_standard_error() -> usize {
    terminal_size(&io::stderr()).1.unwrap_or(USUAL_WIDTH)
}

/// The facts that a screen is judged by, apart from the process so that tests can make them up.
struct TerminalFacts<'f> {
    is_terminal: bool,
    terminal_width: Option<usize>,
    variable: &'f dyn Fn(&'static str) -> Option<OsString>,
}

/// Returns the height and the width of a terminal. Neither is known of what is no terminal, nor of
/// a serial line.
fn terminal_size(output: &impl AsRawFd) -> (Option<usize>, Option<usize>) {
    let mut size = libc::winsize {
        ws_row: 0,
        ws_col: 0,
        ws_xpixel: 0,
        ws_ypixel: 0,
    };
    // SAFETY: the descriptor is open, and TIOCGWINSZ writes one winsize, which lives to its end.
    // Where it fails, the sizes stay 0.
    unsafe { libc::ioctl(output.as_raw_fd(), libc::TIOCGWINSZ, &raw mut size) };
    let known = |size| Some(usize::from(size)).filter(|size| *size > 0);
    (known(size.ws_row), known(size.ws_col))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn screen(terminal_width: Option<usize>, variables: &[(&str, &str)]) -> Screen {
        let value = |name: &str| {
            let pair = variables.iter().find(|(known, _)| *known == name)?;
            Some(OsString::from(pair.1))
        };
        Screen::of(&TerminalFacts {
            is_terminal: terminal_width.is_some(),
            terminal_width: terminal_width.filter(|width| *width > 0),
            variable: &|name| value(name),
        })
    }

    #[test]
    fn a_terminal_knows_its_width_and_else_columns_tells_it() {
        assert_eq!(screen(Some(132), &[("COLUMNS", "90")]).width, 132);
        assert_eq!(screen(Some(0), &[("COLUMNS", "90")]).width, 90);
        assert_eq!(screen(None, &[("COLUMNS", "90")]).width, 90);
        for value in ["", "0", "-1", "wide", "99999999999999999999"] {
            assert_eq!(screen(None, &[("COLUMNS", value)]).width, 80, "{value}");
        }
    }

    #[test]
    fn colours_are_for_terminals_that_show_them_to_people_who_want_them() {
        let colours = |width, variables: &[(&str, &str)]| screen(width, variables).has_colours;
        assert!(colours(Some(80), &[("TERM", "xterm")]));
        assert!(colours(Some(80), &[("TERM", "xterm"), ("NO_COLOR", "")]));
        assert!(!colours(Some(80), &[("TERM", "xterm"), ("NO_COLOR", "1")]));
        assert!(!colours(Some(80), &[("TERM", "dumb")]));
        assert!(!colours(Some(80), &[]));
        assert!(!colours(None, &[("TERM", "xterm")]));
    }

    #[test]
    fn the_locale_tells_what_can_be_drawn_by_its_first_variable() {
        let unicode = |variables: &[(&str, &str)]| screen(None, variables).has_unicode;
        assert!(unicode(&[("LANG", "de_DE.UTF-8")]));
        assert!(unicode(&[("LC_ALL", ""), ("LC_CTYPE", "C.utf8")]));
        assert!(!unicode(&[("LC_ALL", "C"), ("LANG", "de_DE.UTF-8")]));
        assert!(!unicode(&[]));
        assert!(!unicode(&[("TERM", "dumb"), ("LANG", "de_DE.UTF-8")]));
    }

    #[test]
    fn a_console_draws_what_its_fonts_hold() {
        let drawn = |kind| {
            let screen = screen(Some(80), &[("TERM", kind), ("LANG", "C.UTF-8")]);
            (screen.has_unicode, screen.has_fine_marks)
        };
        assert_eq!(drawn("linux"), (true, false));
        assert_eq!(drawn("screen.linux"), (true, false));
        assert_eq!(drawn("xterm"), (true, true));
        assert_eq!(drawn("dumb"), (false, false));
    }

    #[test]
    fn a_choice_of_colours_comes_before_what_the_terminal_and_others_say() {
        let screens = [
            screen(Some(80), &[("TERM", "xterm")]),
            screen(Some(80), &[("TERM", "xterm"), ("NO_COLOR", "1")]),
            screen(None, &[]),
        ];
        for (word, expected) in [
            ("always", [true, true, true]),
            ("never", [false, false, false]),
            ("auto", [true, false, false]),
        ] {
            let colours = Colours::from_word(word.as_bytes()).unwrap();
            assert_eq!(
                screens.map(|screen| screen.with(colours).has_colours),
                expected
            );
        }
        assert!(
            Colours::WORDS
                .iter()
                .all(|(word, _)| Colours::from_word(word.as_bytes()).is_some())
        );
        assert_eq!(Colours::from_word(b"yes"), None);
    }
}
