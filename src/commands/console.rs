//! The standard streams as the commands see them: collects text and writes it in large pieces,
//! prints faults at once. What the text says is others' business.
#![forbid(unsafe_code)]

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{ErrorKind, IsTerminal, Read, Write};
use std::os::fd::AsFd;

use nix::errno::Errno;

use crate::commands::netns::Entered;
use crate::error::Error;
use crate::render::phrases::{in_lines, whole};
use crate::screen::{self, Colours, Screen};

/// The bytes of text that are worth a write.
const PIECE_LENGTH: usize = 16 * 1024;
/// The bytes of input that one read asks for.
const INPUT_LENGTH: usize = 64 * 1024;

/// The standard streams of the process.
pub struct Streams<'a> {
    /// Standard input.
    pub input: &'a mut dyn Read,
    /// Standard output.
    pub output: &'a mut dyn Write,
    /// Standard error.
    pub errors: &'a mut dyn Write,
    /// True if standard error is a terminal: hints follow faults there, and control characters are
    /// made visible.
    pub is_interactive: bool,
    /// Returns what standard input is. Only `ipvsadm-restore` asks.
    pub input_kind: fn() -> InputKind,
    /// Returns the screen that standard output is shown on. Only what is drawn asks.
    pub screen: fn() -> Screen,
}

/// The kinds of standard input.
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
    /// Returns the kind of an open descriptor; `Other` if it cannot be found out.
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

/// The streams, and the text that waits to be written.
pub struct Console<'a> {
    program: OsString,
    streams: Streams<'a>,
    text: Vec<u8>,
    /// True if nothing is written until it is flushed.
    is_held: bool,
    reader_has_left: bool,
    hint: Option<String>,
    /// The characters of a line of progress that stands there.
    progress_width: usize,
    colours: Colours,
    namespace: Option<Entered>,
}

impl<'a> Console<'a> {
    /// Makes the console of a program that was called by this name.
    pub fn new(program: &OsStr, streams: Streams<'a>) -> Console<'a> {
        Console {
            program: program.to_owned(),
            streams,
            text: Vec::new(),
            is_held: false,
            reader_has_left: false,
            hint: None,
            progress_width: 0,
            colours: Colours::default(),
            namespace: None,
        }
    }

    /// Changes the name by which messages call the program.
    pub fn rename(&mut self, program: &str) {
        self.program = OsString::from(program);
    }

    /// Keeps the network namespace that the command line names.
    pub fn keep_namespace(&mut self, namespace: Option<Entered>) {
        self.namespace = namespace;
    }

    /// Returns the name by which the command line calls the network namespace, if it does.
    pub fn namespace(&self) -> Option<&str> {
        self.namespace.as_ref().map(|entered| entered.name.as_str())
    }

    /// Returns what stands before a command that is to run in this network namespace: nothing where
    /// the command line names none.
    pub fn command_prefix(&self) -> &str {
        let entered = self.namespace.as_ref();
        entered.map_or("", |entered| &entered.command_prefix)
    }

    /// Returns the kind of standard input.
    pub fn input_kind(&self) -> InputKind {
        (self.streams.input_kind)()
    }

    /// Says to a person at a terminal why nothing happens.
    pub fn report_that_rules_are_awaited(&mut self) {
        if self.streams.is_interactive {
            self.write_to_errors(
                b"reading rules from the terminal; Ctrl-D ends them, Ctrl-C changes nothing\n",
            );
        }
    }

    /// Adds text that is written whole or, where `write` fails, not at all.
    pub fn add_whole(
        &mut self,
        write: impl FnOnce(&mut Vec<u8>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let start = self.text.len();
        let outcome = write(&mut self.text);
        if outcome.is_err() {
            self.text.truncate(start);
        }
        outcome
    }

    /// Says to a person at a terminal that another restore, of this process, is waited for.
    pub fn report_that_a_turn_is_awaited(&mut self, holder: i32) {
        if self.streams.is_interactive {
            let line = format!("waiting for another ipvsadm-restore, process {holder}, to end\n");
            self.write_to_errors(line.as_bytes());
        }
    }

    /// Says to a person at a terminal how a command has ended that took its time.
    pub fn report_end(&mut self, sentence: &str) {
        if self.streams.is_interactive {
            self.write_in_lines(sentence);
        }
    }

    /// Returns the screen that standard output is shown on.
    pub fn screen(&self) -> Screen {
        (self.streams.screen)().with(self.colours)
    }

    /// Says when what is drawn has colours.
    pub fn choose_colours(&mut self, colours: Colours) {
        self.colours = colours;
    }

    /// Returns the text that waits to be written, for more to be added.
    pub fn text(&mut self) -> &mut Vec<u8> {
        &mut self.text
    }

    /// Passes the text on if there is enough of it. Long listings call this now and then.
    ///
    /// # Errors
    ///
    /// [`Error::Write`] if standard output takes no more.
    pub fn flush_if_large(&mut self) -> Result<(), Error> {
        match self.text.len() >= PIECE_LENGTH && !self.is_held {
            true => self.flush(),
            false => Ok(()),
        }
    }

    /// Holds the text that comes, until [`Console::flush`].
    pub fn hold(&mut self) {
        self.is_held = true;
    }

    /// Drops the text that has not been written.
    pub fn take_back(&mut self) {
        self.text.clear();
    }

    /// Returns true once nobody reads standard output any more.
    pub fn reader_has_left(&self) -> bool {
        self.reader_has_left
    }

    /// Returns the message of a fault.
    pub fn fault_text(&self, fault: &Error) -> Vec<u8> {
        fault.text(&self.program)
    }

    /// Writes the text that waits.
    ///
    /// A reader that has left is no fault. Where SIGPIPE does not end the program then, because its
    /// caller ignores that signal, the command goes on to its end, as the reference does.
    ///
    /// # Errors
    ///
    /// [`Error::Write`] if standard output takes no more.
    pub fn flush(&mut self) -> Result<(), Error> {
        self.is_held = false;
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

    /// Writes the text that waits where it must be read: a reader that has left is a fault, too.
    pub fn deliver(&mut self) -> Result<(), Error> {
        self.flush()?;
        match self.reader_has_left {
            true => Err(Error::Write(Errno::EPIPE.into())),
            false => Ok(()),
        }
    }

    /// Shows a person at a terminal how far a command is, in place of what was shown before.
    pub fn show_progress(&mut self, line: &str) {
        if !self.streams.is_interactive {
            return;
        }
        // Behind its last column a terminal goes to the next line.
        let room = screen::width_of_standard_error().saturating_sub(1);
        let line: String = line.chars().take(room).collect();
        let width = line.chars().count();
        let rest = self.progress_width.saturating_sub(width);
        self.progress_width = 0;
        self.write_to_errors(line.as_bytes());
        // Blanks wipe out a longer line on every terminal; some know nothing else.
        self.write_raw_to_errors(format!("{:rest$}\r", "").as_bytes());
        self.progress_width = width;
    }

    /// Wipes out the line of progress, if one stands there.
    pub fn end_progress(&mut self) {
        let width = std::mem::take(&mut self.progress_width);
        if width > 0 {
            self.write_raw_to_errors(format!("{:width$}\r", "").as_bytes());
        }
    }

    /// Prints a fault.
    pub fn report(&mut self, fault: &Error) {
        let text = fault.text(&self.program);
        match fault {
            // A rule stays as it was written.
            Error::Rule(..) | Error::RefusedRule(..) => self.write_to_errors(&text),
            _ if self.streams.is_interactive => {
                let text = visible(&text);
                text.lines().for_each(|line| self.write_in_lines(line));
            }
            _ => self.write_to_errors(&text),
        }
    }

    /// Writes a sentence to a terminal, in lines as wide as that; commands stay whole.
    fn write_in_lines(&mut self, sentence: &str) {
        let width = screen::width_of_standard_error();
        let lines = in_lines(&with_whole_commands(sentence), width);
        self.write_to_errors(format!("{}\n", lines.join("\n")).as_bytes());
    }

    /// Writes to standard error. If that fails, there is nobody to report it to.
    ///
    /// Text of a file or a command line must not move a terminal's cursor or rename its window. So
    /// control characters are shown as numbers there. Elsewhere they stay: a comparison with the
    /// reference's messages compares bytes.
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

    /// Returns true if a person reads the faults, so that a hint is worth looking for.
    pub fn is_interactive(&self) -> bool {
        self.streams.is_interactive
    }

    /// Keeps a hint, if there is one, until the fault that it belongs to has been printed.
    pub fn keep_hint(&mut self, hint: Option<String>) {
        if self.streams.is_interactive && hint.is_some() {
            self.hint = hint;
        }
    }

    /// Prints the hint that was kept, in lines as wide as the terminal.
    pub fn report_hint(&mut self) {
        const NAME: &str = "hint: ";
        if let Some(hint) = self.hint.take() {
            let room = screen::width_of_standard_error().saturating_sub(NAME.len());
            let indent = format!("\n{:width$}", "", width = NAME.len());
            let text = in_lines(&visible(hint.as_bytes()), room).join(&indent);
            self.write_to_errors(format!("{NAME}{text}\n").as_bytes());
        }
    }

    /// Appends to `buffer` what standard input holds by now; waits only if that is nothing. Returns
    /// `false` at the end of the input.
    ///
    /// # Errors
    ///
    /// [`Error::Read`] if standard input cannot be read.
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

/// Returns a sentence with its command, if there is one, as [`in_lines`] keeps it in one piece.
fn with_whole_commands(sentence: &str) -> String {
    let Some((before, rest)) = sentence.split_once("ipvsadm -") else {
        return sentence.to_owned();
    };
    let end = rest.find([',', ';']).unwrap_or(rest.len());
    let command = whole(&format!("ipvsadm -{}", &rest[..end]));
    format!("{before}{command}{}", &rest[end..])
}

/// Returns the text with its control characters, and bytes that are no text, as `\x1b`. Newlines
/// and TABs stay.
pub fn visible(text: &[u8]) -> String {
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
    fn text_is_written_in_large_pieces_or_held() {
        let mut output = Vec::new();
        with_console(&mut output, &mut io::sink(), false, |console| {
            console.text().extend([b'a'; PIECE_LENGTH - 1]);
            console.flush_if_large().unwrap();
            assert_eq!(console.text().len(), PIECE_LENGTH - 1);
            console.text().push(b'b');
            console.flush_if_large().unwrap();
            assert_eq!(console.text().len(), 0);
            console.hold();
            console.text().extend([b'c'; PIECE_LENGTH]);
            console.flush_if_large().unwrap();
            assert_eq!(console.text().len(), PIECE_LENGTH);
            console.take_back();
            console.text().extend(b"d");
            console.flush().unwrap();
            console.text().extend(b"f");
            console.flush().unwrap();
        });
        let expected = [[b'a'; PIECE_LENGTH - 1].as_slice(), b"bdf"].concat();
        assert_eq!(output, expected);
    }

    #[test]
    fn progress_is_rewritten_in_place_and_makes_way() {
        let mut errors = Vec::new();
        with_console(&mut io::sink(), &mut errors, true, |console| {
            console.show_progress("1 of 10");
            console.show_progress("10");
            console.report(&UsageError::TryHelp.into());
            console.end_progress();
        });
        assert_eq!(
            String::from_utf8(errors).unwrap(),
            "1 of 10\r10     \r  \rTry `ipvsadm -h' or 'ipvsadm --help' for more information.\n"
        );
    }

    #[test]
    fn progress_is_for_a_terminal_and_stays_in_one_line_of_it() {
        let shown = |is_interactive| {
            let mut errors = Vec::new();
            with_console(&mut io::sink(), &mut errors, is_interactive, |console| {
                console.show_progress(&"a".repeat(1000));
            });
            String::from_utf8(errors).unwrap()
        };
        let width = screen::width_of_standard_error();
        assert_eq!(shown(true), format!("{}\r", "a".repeat(width - 1)));
        assert_eq!(shown(false), "");
    }

    #[test]
    fn a_sentence_ends_its_lines_between_words_and_outside_commands() {
        let in_lines = |sentence| in_lines(&with_whole_commands(sentence), 40);
        assert_eq!(
            in_lines("rr heeds none; wrr does: ipvsadm -E -t 192.0.2.1:80 -s wrr --keep"),
            [
                "rr heeds none; wrr does:",
                "ipvsadm -E -t 192.0.2.1:80 -s wrr --keep"
            ]
        );
        assert_eq!(
            in_lines("the rule, through all of ipvsadm -R -x, ends it"),
            ["the rule, through all of ipvsadm -R -x,", "ends it"]
        );
    }

    #[test]
    fn a_terminal_is_shown_no_control_characters() {
        let word = b"-\x1b]0;x\x07\xc2\x9b\xff\x7f\t\xc3\xa4\r".to_vec();
        let told = |is_interactive| {
            let mut errors = Vec::new();
            with_console(&mut io::sink(), &mut errors, is_interactive, |console| {
                console.report(&UsageError::UnknownOption(word.clone()).into());
                console.keep_hint(Some("\u{7}".to_owned()));
                console.report_hint();
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
