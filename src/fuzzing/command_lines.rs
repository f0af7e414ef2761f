//! The target `command_lines`: clap and popt's rules, on a command line and in a line of rules,
//! make the same of the same words.

#![forbid(unsafe_code)]

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;

use crate::cli::popt::{self, Event};
use crate::cli::{self, LineReader, argv};
use crate::error::UsageError;

/// Words, a NUL between each two, as argv. Where clap accepts them, popt's rules read the same; and
/// where a line of rules can hold them, that is the same request, or the same fault: unless one of
/// them has no place among rules, which is said first.
pub fn command_lines(bytes: &[u8]) {
    if bytes.is_empty() {
        return;
    }
    let words: Vec<&[u8]> = bytes.split(|byte| *byte == 0).collect();
    let arguments: Vec<OsString> = words
        .iter()
        .map(|word| OsStr::from_bytes(word).to_owned())
        .collect();
    let rows = argv::spelled_among(&arguments);
    if let Some(matches) = argv::read(&rows, &arguments) {
        let (mut events, fault) = popt::read(words.iter().copied());
        assert_eq!(fault, None, "clap accepts what popt refuses");
        for event in &mut events {
            // clap does not keep it.
            if let Event::Option { word, .. } = event {
                *word = b"";
            }
        }
        assert_eq!(argv::events(&rows, &matches), events);
    }
    let request = cli::parse_arguments(&arguments);
    if fits_a_line(&words) {
        let line = words.join(&b' ');
        let read = LineReader::default().read(&line);
        if !matches!(read, Err(UsageError::AmongRules(_))) {
            assert_eq!(read, request.map(Some));
        }
    }
}

/// Returns true if a line of these words, parted again, is these words, and no remark.
fn fits_a_line(words: &[&[u8]]) -> bool {
    let is_whole = |word: &&[u8]| {
        !word.is_empty()
            && *word != b"ipvsadm"
            && !word.iter().any(|byte| b" \t\r\n".contains(byte))
    };
    words.iter().all(is_whole)
        && !words[0].starts_with(b"#")
        && !words[0].starts_with(b"\xef\xbb\xbf")
}
