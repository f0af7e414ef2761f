//! The standard streams, as the commands see them: text is gathered and written in large pieces, faults are told at
//! once.

use std::ffi::{OsStr, OsString};
use std::io::{ErrorKind, Read, Write};

use crate::error::Error;
use crate::screen::Screen;

/// How much text is gathered before it is written.
const PIECE_LENGTH: usize = 16 * 1024;
/// How much input is asked for at once.
const INPUT_LENGTH: usize = 64 * 1024;

/// The standard streams of the process.
pub struct Streams<'a> {
    /// Standard input.
    pub input: &'a mut dyn Read,
    /// Standard output.
    pub output: &'a mut dyn Write,
    /// Standard error.
    pub errors: &'a mut dyn Write,
    /// Whether standard error is a terminal, so that hints may follow a fault.
    pub is_interactive: bool,
    /// Looks at what standard output is shown on; asked only by what is drawn.
    pub screen: fn() -> Screen,
}

/// The streams, with what waits to be written.
pub struct Console<'a> {
    program: OsString,
    streams: Streams<'a>,
    text: Vec<u8>,
    hint: Option<String>,
}

impl<'a> Console<'a> {
    /// A console for a program of this name.
    pub fn new(program: &OsStr, streams: Streams<'a>) -> Console<'a> {
        Console {
            program: program.to_owned(),
            streams,
            text: Vec::new(),
            hint: None,
        }
    }

    /// Names the program as messages are to name it.
    pub fn rename(&mut self, program: &str) {
        self.program = OsString::from(program);
    }

    /// What standard output is shown on.
    pub fn screen(&self) -> Screen {
        (self.streams.screen)()
    }

    /// The text that waits; more is written behind it.
    pub fn text(&mut self) -> &mut Vec<u8> {
        &mut self.text
    }

    /// Writes the text that waits if it has grown large. To be called now and then by whoever writes much.
    pub fn flush_if_large(&mut self) -> Result<(), Error> {
        if self.text.len() < PIECE_LENGTH {
            Ok(())
        } else {
            self.flush()
        }
    }

    /// Writes the text that waits.
    pub fn flush(&mut self) -> Result<(), Error> {
        let written = self
            .streams
            .output
            .write_all(&self.text)
            .and_then(|()| self.streams.output.flush());
        self.text.clear();
        written.map_err(Error::Write)
    }

    /// Tells of a fault. Where standard error takes nothing, nobody is there to be told.
    pub fn tell(&mut self, fault: &Error) {
        let _ = self.streams.errors.write_all(&fault.text(&self.program));
        let _ = self.streams.errors.flush();
    }

    /// Whether a person reads the faults, so that a hint is worth finding.
    pub fn is_interactive(&self) -> bool {
        self.streams.is_interactive
    }

    /// Keeps a hint until the fault that it follows is told, or the command has ended.
    pub fn keep_hint(&mut self, hint: Option<String>) {
        self.hint = hint.filter(|_| self.streams.is_interactive);
    }

    /// Tells the hint that was kept.
    pub fn tell_hint(&mut self) {
        if let Some(hint) = self.hint.take() {
            let _ = writeln!(self.streams.errors, "hint: {hint}");
        }
    }

    /// Reads what standard input has behind what `buffer` holds, waiting only if there is nothing. `false` at its end.
    pub fn read(&mut self, buffer: &mut Vec<u8>) -> Result<bool, Error> {
        let start = buffer.len();
        buffer.resize(start + INPUT_LENGTH, 0);
        let length = loop {
            match self.streams.input.read(&mut buffer[start..]) {
                Err(fault) if fault.kind() == ErrorKind::Interrupted => {}
                Err(fault) => {
                    buffer.truncate(start);
                    return Err(Error::Read("standard input", fault));
                }
                Ok(length) => break length,
            }
        };
        buffer.truncate(start + length);
        Ok(length > 0)
    }
}
