//! Draws what `--table` prints: the listings for people, as wide as the screen.
//!
//! A drawing shows what the plain listing with the same options shows, in quantities that can be
//! read at a glance. It is not for programs and may change. [`services`], [`connections`],
//! [`counts`] and [`timeouts_and_daemons`] say what is in a table, [`sheet`] draws it,
//! [`quantities`] writes numbers.
#![forbid(unsafe_code)]

pub mod connections;
pub mod counts;
pub mod quantities;
pub mod services;
pub mod sheet;
pub mod timeouts_and_daemons;

use std::net::IpAddr;

use sheet::{Measures, Sheet};

use crate::model::Protocol;
use crate::render::endpoints::EndpointWriter;
use crate::screen::Screen;

/// The things that drawings of one listing share, where several follow each other: the names that
/// were looked up, and the room that cells needed, so that columns do not move to and fro.
pub struct Memory {
    endpoints: EndpointWriter,
    screen: Option<Screen>,
    measures: Vec<Measures>,
}

impl Memory {
    /// Makes the memory of a first drawing.
    pub fn new(numeric: bool) -> Memory {
        Memory {
            endpoints: EndpointWriter::new(numeric),
            screen: None,
            measures: Vec::new(),
        }
    }

    /// Gives the cells of drawings the room that they needed before, on the same screen.
    fn recall<'s>(&self, screen: Screen, sheets: impl IntoIterator<Item = &'s mut Sheet>) {
        if self.screen == Some(screen) {
            for (sheet, measures) in sheets.into_iter().zip(&self.measures) {
                sheet.widen_to(measures);
            }
        }
    }

    /// Makes the memory of drawings that have been made.
    fn of<'s>(
        screen: Screen,
        endpoints: EndpointWriter,
        sheets: impl IntoIterator<Item = &'s Sheet>,
    ) -> Memory {
        let measures = sheets.into_iter().map(|sheet| sheet.measures().clone());
        Memory {
            endpoints,
            screen: Some(screen),
            measures: measures.collect(),
        }
    }

    /// Returns the names that were looked up, and looks up others.
    pub fn endpoints(&mut self) -> &mut EndpointWriter {
        &mut self.endpoints
    }
}

/// The lines of a part of a table, in the order in which they are drawn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Height {
    /// The lines that it begins with, the one above it included.
    pub head: usize,
    /// The lines of each thing that follows.
    pub rest: Vec<usize>,
}

/// Returns a text of others with question marks for what is not printable ASCII. Name services and
/// kernel modules may say anything: it could move the cursor or have any width.
fn foreign(text: &[u8]) -> String {
    let shown = |byte: &u8| match byte {
        b' '..=b'~' => char::from(*byte),
        _ => '?',
    };
    text.iter().map(shown).collect()
}

/// Formats an address and port, with question marks for what is not printable ASCII in its names.
fn endpoint(
    endpoints: &mut EndpointWriter,
    address: IpAddr,
    port: u16,
    protocol: Option<Protocol>,
) -> String {
    let mut text = Vec::new();
    endpoints.write(&mut text, address, port, protocol);
    foreign(&text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_printable_ascii_becomes_a_question_mark() {
        assert_eq!(foreign(b" a~\x7f\x1f\x1b[m\xc3\xa4"), " a~???[m??");
    }
}
