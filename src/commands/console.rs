//! The standard streams as the commands see them: text is collected and written in large pieces,
//! faults are printed at once.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{ErrorKind, IsTerminal, Read, Write};
use std::os::fd::AsFd;

use crate::error::Error;
use crate::screen::Screen;

/// Bytes of text that are worth a write.
const PIECE_LENGTH: usize = 16 * 1024;
/// Bytes of input that are asked for at once.
const INPUT_LENGTH: usize = 64 * 1024;

/// The standard streams of the process.
pub struct Streams<'a> {
    /// Standard input.
    pub input: &'a mut dyn Read,
    /// Standard output.
    pub output: &'a mut dyn Write,
    /// Standard error.
    pub errors: &'a mut dyn Write,
    /// Whether standard error is a terminal: hints follow faults there, and control characters are
    /// made visible.
    pub is_interactive: bool,
    /// Finds out what standard input is. Only `ipvsadm-restore` asks.
    pub input_kind: fn() -> InputKind,
    /// Finds out what standard output is shown on. Only `--table` and `--watch` ask.
    pub screen: fn() -> Screen,
}

/// What standard input is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InputKind {
    /// A file, whose end is where its writer meant it to be.
    RegularFile,
    /// A person.
    Terminal,
    /// A pipe, a device, a socket, or nothing at all.
    Other,
}

impl InputKind {
    /// What is behind a descriptor.
    pub fn of(input: &(impl AsFd + IsTerminal)) -> InputKind {
        let file = input.as_fd().try_clone_to_owned().map(File::from);
        let metadata = file.and_then(|file| file.metadata());
        let is_regular_file = metadata.is_ok_and(|metadata| metadata.is_file());
        match (is_regular_file, input.is_terminal()) {
            (true, _) => InputKind::RegularFile,
            (_, true) => InputKind::Terminal,
            _ => InputKind::Other,
        }
    }
}

/// The streams, and what waits to be written.
pub struct Console<'a> {
    program: OsString,
    streams: Streams<'a>,
    text: Vec<u8>,
    held: Option<Held>,
    reader_has_left: bool,
    hint: Option<String>,
    /// The characters of a line of progress that stands there.
    progress_width: usize,
}

/// That text is kept, rather than written.
#[derive(Default)]
struct Held {
    /// Lines beyond so many are only counted.
    most_lines: Option<usize>,
    /// How many lines have been left out.
    left_out: usize,
    /// How many lines are kept in so many bytes of the text.
    lines: usize,
    bytes: usize,
}

impl<'a> Console<'a> {
    /// A console of the program that was called by this name.
    pub fn new(program: &OsStr, streams: Streams<'a>) -> Console<'a> {
        Console {
            program: program.to_owned(),
            streams,
            text: Vec::new(),
            held: None,
            reader_has_left: false,
            hint: None,
            progress_width: 0,
        }
    }

    /// Has messages call the program by another name.
    pub fn rename(&mut self, program: &str) {
        self.program = OsString::from(program);
    }

    /// What standard input is.
    pub fn input_kind(&self) -> InputKind {
        (self.streams.input_kind)()
    }

    /// Says to a person at a terminal why nothing happens.
    pub fn tell_that_rules_are_awaited(&mut self) {
        if self.streams.is_interactive {
            self.write_to_errors(
                b"reading rules from the terminal; Ctrl-D ends them, Ctrl-C changes nothing\n",
            );
        }
    }

    /// What standard output is shown on.
    pub fn screen(&self) -> Screen {
        (self.streams.screen)()
    }

    /// The text that waits to be written, for more to be added.
    pub fn text(&mut self) -> &mut Vec<u8> {
        &mut self.text
    }

    /// Writes the text that waits if there is enough of it. Long listings call this now and then.
    pub fn flush_if_large(&mut self) -> Result<(), Error> {
        if let Some(held) = &mut self.held {
            held.cut(&mut self.text);
            Ok(())
        } else if self.text.len() < PIECE_LENGTH {
            Ok(())
        } else {
            self.flush()
        }
    }

    /// Keeps the text that comes, or so many lines of it, until [`Console::release`].
    pub fn hold(&mut self, most_lines: Option<usize>) {
        self.held = Some(Held {
            most_lines,
            ..Held::default()
        });
    }

    /// How many lines will be kept; `None` for all.
    pub fn most_lines(&self) -> Option<usize> {
        self.held.as_ref().and_then(|held| held.most_lines)
    }

    /// Counts lines that were not even made, for they would have been left out.
    pub fn leave_out(&mut self, lines: usize) {
        if let Some(held) = &mut self.held {
            held.left_out += lines;
        }
    }

    /// Gives the text that was kept, and how many lines of it were left out.
    pub fn release(&mut self) -> (Vec<u8>, usize) {
        let mut text = std::mem::take(&mut self.text);
        let left_out = self.held.take().map_or(0, |mut held| {
            held.cut(&mut text);
            held.left_out
        });
        (text, left_out)
    }

    /// Whether nobody reads standard output any more.
    pub fn reader_has_left(&self) -> bool {
        self.reader_has_left
    }

    /// What is said of a fault.
    pub fn fault_text(&self, fault: &Error) -> Vec<u8> {
        fault.text(&self.program)
    }

    /// Writes the text that waits.
    ///
    /// A reader that has left is no fault: where SIGPIPE does not end the program then, because its
    /// caller ignores that signal, the command goes on to its end, as with the reference.
    pub fn flush(&mut self) -> Result<(), Error> {
        let output = &mut self.streams.output;
        let written = output.write_all(&self.text).and_then(|()| output.flush());
        self.text.clear();
        match written {
            Err(fault) if fault.kind() != ErrorKind::BrokenPipe => Err(Error::Write(fault)),
            Err(_) => {
                self.reader_has_left = true;
                Ok(())
            }
            Ok(()) => Ok(()),
        }
    }

    /// Shows how far a command is, in place of what was shown before. For a person at a terminal,
    /// and no wider than that.
    pub fn show_progress(&mut self, line: &str) {
        let width = line.chars().count();
        let rest = self.progress_width.saturating_sub(width);
        self.progress_width = 0;
        self.write_to_errors(line.as_bytes());
        // Blanks wipe out a longer line on every terminal; there are some that know nothing else.
        self.write_raw_to_errors(format!("{:rest$}\r", "").as_bytes());
        self.progress_width = width;
    }

    /// Wipes out the progress that stands there.
    pub fn end_progress(&mut self) {
        let width = std::mem::take(&mut self.progress_width);
        if width > 0 {
            self.write_raw_to_errors(format!("{:width$}\r", "").as_bytes());
        }
    }

    /// Prints a fault.
    pub fn tell(&mut self, fault: &Error) {
        self.write_to_errors(&fault.text(&self.program));
    }

    /// Writes to standard error. If that fails, nobody is left to be told.
    ///
    /// Text of a file or a command line must not move a terminal's cursor or rename its window, so
    /// there its control characters are shown as numbers. Elsewhere they stay: whoever compares
    /// with the reference's messages compares bytes.
    fn write_to_errors(&mut self, text: &[u8]) {
        self.end_progress();
        match self.streams.is_interactive {
            true => self.write_raw_to_errors(visible(text).as_bytes()),
            false => self.write_raw_to_errors(text),
        }
    }

    fn write_raw_to_errors(&mut self, text: &[u8]) {
        let errors = &mut self.streams.errors;
        let _ = errors.write_all(text).and_then(|()| errors.flush());
    }

    /// Whether a person reads the faults, and a hint is worth looking for.
    pub fn is_interactive(&self) -> bool {
        self.streams.is_interactive
    }

    /// Keeps a hint, if there is one, until the fault that it belongs to has been printed.
    pub fn keep_hint(&mut self, hint: Option<String>) {
        if self.streams.is_interactive && hint.is_some() {
            self.hint = hint;
        }
    }

    /// Prints the hint that was kept.
    pub fn tell_hint(&mut self) {
        if let Some(hint) = self.hint.take() {
            self.write_to_errors(format!("hint: {hint}\n").as_bytes());
        }
    }

    /// Appends what standard input holds by now to `buffer`; waits only where that is nothing.
    /// `false` at the end of the input.
    pub fn read(&mut self, buffer: &mut Vec<u8>) -> Result<bool, Error> {
        let start = buffer.len();
        buffer.resize(start + INPUT_LENGTH, 0);
        let read = self.streams.input.read(&mut buffer[start..]);
        buffer.truncate(start + read.as_ref().map_or(0, |length| *length));
        match read {
            Ok(length) => Ok(length > 0),
            Err(fault) if fault.kind() == ErrorKind::Interrupted => Ok(true),
            Err(fault) => Err(Error::Read("standard input", fault)),
        }
    }
}

impl Held {
    /// Looks at the text that has come since the last time, and cuts it.
    fn cut(&mut self, text: &mut Vec<u8>) {
        let Some(most) = self.most_lines else {
            return;
        };
        // What has been written may have been taken back.
        if text.len() < self.bytes {
            (self.lines, self.bytes) = (0, 0);
        }
        let ends = |text: &[u8]| text.iter().filter(|byte| **byte == b'\n').count();
        let new = &text[self.bytes..];
        // Where the last line ends that there is room for.
        let end = match most.saturating_sub(self.lines) {
            0 => Some(0),
            room => {
                let mut ends = new.iter().enumerate().filter(|(_, byte)| **byte == b'\n');
                ends.nth(room - 1).map(|(at, _)| at + 1)
            }
        };
        match end {
            None => self.lines += ends(new),
            Some(end) => {
                self.left_out += ends(&new[end..]);
                self.lines = most;
                text.truncate(self.bytes + end);
            }
        }
        self.bytes = text.len();
    }
}

/// The text with control characters, and bytes that are no text, as `\x1b`. Newlines and TABs stay.
fn visible(text: &[u8]) -> String {
    let mut shown = String::with_capacity(text.len());
    let show_bytes = |shown: &mut String, bytes: &[u8]| {
        for byte in bytes {
            shown.push_str(&format!("\\x{byte:02x}"));
        }
    };
    for chunk in text.utf8_chunks() {
        for character in chunk.valid().chars() {
            if character.is_control() && !matches!(character, '\n' | '\t') {
                show_bytes(&mut shown, character.encode_utf8(&mut [0; 4]).as_bytes());
            } else {
                shown.push(character);
            }
        }
        show_bytes(&mut shown, chunk.invalid());
    }
    shown
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;
    use crate::error::UsageError;

    /// Takes nothing, for this reason.
    struct Broken(ErrorKind);

    impl Write for Broken {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(self.0.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn with_console<T>(
        output: &mut dyn Write,
        errors: &mut dyn Write,
        is_interactive: bool,
        action: impl FnOnce(&mut Console<'_>) -> T,
    ) -> T {
        let screen = || panic!("nothing is drawn");
        let input = &mut io::empty();
        let streams = Streams {
            input,
            output,
            errors,
            is_interactive,
            input_kind: || InputKind::Other,
            screen,
        };
        action(&mut Console::new(OsStr::new("ipvsadm"), streams))
    }

    #[test]
    fn a_reader_that_left_is_no_fault_but_a_full_disk_is() {
        for (kind, is_fault) in [
            (ErrorKind::BrokenPipe, false),
            (ErrorKind::StorageFull, true),
        ] {
            let outcome = with_console(&mut Broken(kind), &mut io::sink(), false, |console| {
                console.text().extend(b"text");
                console.flush()
            });
            assert_eq!(matches!(outcome, Err(Error::Write(_))), is_fault, "{kind}");
        }
    }

    #[test]
    fn what_is_held_is_cut_to_its_lines_and_counted() {
        with_console(&mut io::empty(), &mut io::sink(), false, |console| {
            console.hold(Some(3));
            for number in 0..10_000 {
                console.text().extend(format!("{number}\n").bytes());
                console.flush_if_large().unwrap();
                assert!(console.text().len() < 2 * PIECE_LENGTH);
            }
            assert_eq!(console.release(), (b"0\n1\n2\n".to_vec(), 9_997));
            console.hold(Some(3));
            console.text().extend(b"a\nb\n");
            assert_eq!(console.release(), (b"a\nb\n".to_vec(), 0));
        });
    }

    #[test]
    fn progress_is_rewritten_in_place_and_makes_way() {
        let mut errors = Vec::new();
        with_console(&mut io::sink(), &mut errors, true, |console| {
            console.show_progress("1 of 10");
            console.show_progress("10");
            console.tell(&UsageError::TryHelp.into());
            console.end_progress();
        });
        assert_eq!(
            String::from_utf8(errors).unwrap(),
            "1 of 10\r10     \r  \rTry `ipvsadm -h' or 'ipvsadm --help' for more information.\n"
        );
    }

    #[test]
    fn a_terminal_is_shown_no_control_characters() {
        let word = b"-\x1b]0;x\x07\xc2\x9b\xff\x7f\t\xc3\xa4\r".to_vec();
        let told = |is_interactive| {
            let mut errors = Vec::new();
            with_console(&mut io::sink(), &mut errors, is_interactive, |console| {
                console.tell(&UsageError::UnknownOption(word.clone()).into());
                console.keep_hint(Some("\u{7}".to_owned()));
                console.tell_hint();
            });
            errors
        };
        assert_eq!(told(false), [&word[..], b": unknown option\n"].concat());
        assert_eq!(
            String::from_utf8(told(true)).unwrap(),
            "-\\x1b]0;x\\x07\\xc2\\x9b\\xff\\x7f\tä\\x0d: unknown option\nhint: \\x07\n"
        );
    }
}
