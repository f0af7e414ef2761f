//! From words to a request: argv or a line of rules in, a [`Request`] or a [`UsageError`] out.
//!
//! Reading never acts. [`argv`] and [`popt`] turn words into a stream of options and values, both
//! by the table in [`crate::options`]. [`fold`] makes one request of the stream, left to right,
//! with the help of [`named_service`] (which service the words are about), [`given`] (what goes
//! with what), [`values`] and [`address`] (what stands in a value). [`helper`] reads the words of
//! `ipvsadm-save` and `ipvsadm-restore`. Nothing here touches the kernel; host and service names are looked up with [`crate::names`].

pub mod address;
pub mod argv;
pub mod fold;
pub mod given;
pub mod helper;
pub mod named_service;
pub mod popt;
pub mod values;

pub use argv::parse_arguments;

use crate::error::UsageError;
use crate::request::Request;
use address::Hosts;
use named_service::LastService;
use popt::{Event, LineWords};

/// U+FEFF in UTF-8.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Words read into a request by popt's rules.
pub fn parse_words<'a>(
    words: impl Iterator<Item = &'a [u8]> + Clone,
) -> Result<Request, UsageError> {
    LineReader::default().read_words(words)
}

/// A reader of lines of rules, one after another.
#[derive(Default)]
pub struct LineReader<'a> {
    /// Room for what is found in a line.
    events: Vec<Event<'a>>,
    last_service: LastService<'a>,
    hosts: Hosts,
}

impl<'a> LineReader<'a> {
    /// Reads a line; `None` for one that holds no word, or a remark. Editors of other systems put a
    /// byte order mark before the first word (`tests/parity/ipvsadm-1.31.md`, section 10).
    pub fn read(&mut self, line: &'a [u8]) -> Result<Option<Request>, UsageError> {
        let words = LineWords::of(line.strip_prefix(BYTE_ORDER_MARK).unwrap_or(line));
        match words.clone().next() {
            None | Some([b'#', ..]) => Ok(None),
            Some(_) => {
                let fault = self.find_events(words);
                self.check_for_rules()?;
                self.fold(fault).map(Some)
            }
        }
    }

    fn read_words(
        &mut self,
        words: impl Iterator<Item = &'a [u8]> + Clone,
    ) -> Result<Request, UsageError> {
        let fault = self.find_events(words);
        self.fold(fault)
    }

    fn find_events(&mut self, words: impl Iterator<Item = &'a [u8]> + Clone) -> Option<UsageError> {
        self.events.clear();
        popt::read_into(&mut self.events, words).err()
    }

    fn fold(&mut self, fault: Option<UsageError>) -> Result<Request, UsageError> {
        fold::fold(&self.events, fault, &mut self.last_service, &mut self.hosts)
    }

    /// That the line has nothing which only a command line may have.
    fn check_for_rules(&self) -> Result<(), UsageError> {
        for event in &self.events {
            if let Event::Option { meaning, .. } = event
                && !meaning.row().may_be_in_rules
            {
                return Err(UsageError::AmongRules(*meaning));
            }
        }
        Ok(())
    }
}
