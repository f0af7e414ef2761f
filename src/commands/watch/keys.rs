//! Makes keys of the bytes that a terminal sends. It does nothing else: what a key means is
//! [`super::view`]'s.
//!
//! A key may be several bytes, and those may come in several reads. The escape key is the first
//! byte of others: it is that key if nothing follows soon, which only the reader's clock can tell.
#![forbid(unsafe_code)]

/// The byte of the escape key, and the first of keys that have several.
const ESCAPE: u8 = 0x1b;
/// The most bytes of a key that is waited for; what is longer is none.
const LONGEST: usize = 32;

/// A key that was pressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Key {
    /// One that stands for a character.
    Character(char),
    /// The one that ends a line.
    Enter,
    /// The one that takes the last character back.
    Backspace,
    /// Ctrl-U, which takes the line back.
    EraseLine,
    /// The one that ends what was begun.
    Escape,
    /// Arrows.
    Up,
    Down,
    PageUp,
    PageDown,
    Home,
    End,
    /// Ctrl-L, which asks for the screen anew.
    Redraw,
}

/// Reads keys; remembers the beginning of one whose end has not come yet.
#[derive(Debug, Default)]
pub struct Keys {
    begun: Vec<u8>,
}

impl Keys {
    /// Returns the keys that are complete with these bytes.
    pub fn read(&mut self, bytes: &[u8]) -> Vec<Key> {
        self.begun.extend_from_slice(bytes);
        let mut keys = Vec::new();
        let mut rest = &self.begun[..];
        while !rest.is_empty() {
            match first(rest) {
                Read::Key(key, length) => {
                    keys.push(key);
                    rest = &rest[length..];
                }
                Read::Nothing(length) => rest = &rest[length..],
                Read::Begun if rest.len() > LONGEST => rest = &[],
                Read::Begun => break,
            }
        }
        self.begun = rest.to_vec();
        keys
    }

    /// Returns true if a key has begun that may be another by what comes next.
    pub fn has_begun(&self) -> bool {
        !self.begun.is_empty()
    }

    /// Ends a key that has begun and does not go on: it was the escape key, or nothing.
    pub fn give_up(&mut self) -> Option<Key> {
        let begun = std::mem::take(&mut self.begun);
        (begun == [ESCAPE]).then_some(Key::Escape)
    }
}

/// The beginning of some bytes.
enum Read {
    /// A key, so many bytes long.
    Key(Key, usize),
    /// A key that does nothing, so many bytes long.
    Nothing(usize),
    /// The beginning of a key.
    Begun,
}

/// Reads the first key.
fn first(bytes: &[u8]) -> Read {
    match bytes {
        [ESCAPE] => Read::Begun,
        [ESCAPE, b'[', rest @ ..] => sequence(rest),
        [ESCAPE, b'O'] => Read::Begun,
        [ESCAPE, b'O', letter, ..] => named(&[], *letter, 3),
        [ESCAPE, ..] => Read::Key(Key::Escape, 1),
        [b'\r' | b'\n', ..] => Read::Key(Key::Enter, 1),
        [0x7f | 0x08, ..] => Read::Key(Key::Backspace, 1),
        [0x15, ..] => Read::Key(Key::EraseLine, 1),
        [0x0c, ..] => Read::Key(Key::Redraw, 1),
        _ => character(bytes),
    }
}

/// Reads what follows `ESC [`: parameters, then a byte that says which key it is.
fn sequence(bytes: &[u8]) -> Read {
    let is_parameter = |byte: &&u8| matches!(byte, 0x20..=0x3f);
    let length = bytes.iter().take_while(is_parameter).count();
    let whole = "\x1b[".len() + length + 1;
    match bytes.get(length) {
        // The console's function keys have one more letter.
        Some(b'[') => match bytes.get(length + 1) {
            Some(_) => Read::Nothing(whole + 1),
            None => Read::Begun,
        },
        Some(end) => named(&bytes[..length], *end, whole),
        None => Read::Begun,
    }
}

/// Returns the key that these parameters and this byte stand for. A modifier beside it makes no
/// difference.
fn named(parameters: &[u8], end: u8, length: usize) -> Read {
    let number = parameters.split(|byte| *byte == b';').next();
    let key = match (number.unwrap_or_default(), end) {
        (_, b'A') => Key::Up,
        (_, b'B') => Key::Down,
        (_, b'H') | (b"1" | b"7", b'~') => Key::Home,
        (_, b'F') | (b"4" | b"8", b'~') => Key::End,
        (b"5", b'~') => Key::PageUp,
        (b"6", b'~') => Key::PageDown,
        (_, b'M') if parameters.is_empty() => Key::Enter,
        _ => return Read::Nothing(length),
    };
    Read::Key(key, length)
}

/// Reads a character of UTF-8. Bytes that are none, and control characters, are passed over.
fn character(bytes: &[u8]) -> Read {
    let length = match bytes {
        [0xc2..=0xdf, ..] => 2,
        [0xe0..=0xef, ..] => 3,
        [0xf0..=0xf4, ..] => 4,
        _ => 1,
    };
    let known = &bytes[..length.min(bytes.len())];
    match std::str::from_utf8(known) {
        Ok(text) => match text.chars().next() {
            Some(character) if !character.is_control() => {
                Read::Key(Key::Character(character), length)
            }
            _ => Read::Nothing(length),
        },
        Err(fault) if fault.error_len().is_none() => Read::Begun,
        Err(_) => Read::Nothing(1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the bytes that a terminal sends, each with its keys.
    fn typed() -> Vec<(&'static [u8], Vec<Key>)> {
        let characters = |text: &str| text.chars().map(Key::Character).collect();
        vec![
            (b"jk qQ", characters("jk qQ")),
            ("äß€𝄞".as_bytes(), characters("äß€𝄞")),
            (b"\x1b[A\x1b[B", vec![Key::Up, Key::Down]),
            (b"\x1bOA\x1bOB", vec![Key::Up, Key::Down]),
            (b"\x1b[1;5A\x1b[1;2B", vec![Key::Up, Key::Down]),
            (b"\x1b[5~\x1b[6~", vec![Key::PageUp, Key::PageDown]),
            (b"\x1b[5;3~", vec![Key::PageUp]),
            (b"\x1b[H\x1b[1~\x1b[7~\x1bOH", vec![Key::Home; 4]),
            (b"\x1b[F\x1b[4~\x1b[8~\x1bOF", vec![Key::End; 4]),
            (b"\r\n\x1bOM", vec![Key::Enter; 3]),
            (b"\x7f\x08", vec![Key::Backspace; 2]),
            (b"\x15\x0c", vec![Key::EraseLine, Key::Redraw]),
            // The escape key, and what was typed after it.
            (b"\x1bq", vec![Key::Escape, Key::Character('q')]),
            (b"\x1b\x1b[A", vec![Key::Escape, Key::Up]),
            // Function keys, a mouse, the ends of a paste, what is no text.
            (b"\x1b[11~\x1b[[Ax\x1bOPy", characters("xy")),
            (b"\x1b[<0;10;20Mz\x1b[200~a\x1b[201~", characters("za")),
            (b"\x01\x00\xffb\xc3(", characters("b(")),
            ("\u{9b}c".as_bytes(), characters("c")),
        ]
    }

    #[test]
    fn bytes_are_keys() {
        for (bytes, expected) in typed() {
            let mut keys = Keys::default();
            assert_eq!(keys.read(bytes), expected, "{bytes:?}");
            assert!(!keys.has_begun(), "{bytes:?}");
            assert_eq!(keys.give_up(), None);
        }
    }

    #[test]
    fn it_makes_no_difference_in_how_many_reads_they_come() {
        for (bytes, expected) in typed() {
            for size in 1..bytes.len() {
                let mut keys = Keys::default();
                let pieces = bytes.chunks(size);
                let read: Vec<Key> = pieces.flat_map(|piece| keys.read(piece)).collect();
                assert_eq!(read, expected, "{bytes:?}");
            }
        }
    }

    #[test]
    fn an_escape_that_nothing_follows_is_a_key() {
        let mut keys = Keys::default();
        assert_eq!(keys.read(b"\x1b"), []);
        assert!(keys.has_begun());
        assert_eq!(keys.give_up(), Some(Key::Escape));
        // What breaks off is nothing, and takes nothing with it.
        for begun in [&b"\x1b["[..], b"\x1b[5", b"\x1bO", b"\xe2\x82"] {
            assert_eq!(keys.read(begun), []);
            assert_eq!(keys.give_up(), None);
            assert_eq!(keys.read(b"a"), [Key::Character('a')]);
        }
        // Nor does what never ends.
        assert_eq!(keys.read(b"\x1b["), []);
        assert_eq!(keys.read(&[b'1'; 100]), []);
        assert_eq!(keys.read(b"a"), [Key::Character('a')]);
    }
}
