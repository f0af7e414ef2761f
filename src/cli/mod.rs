//! From words to a request: argv or a line of rules in, a [`Request`] or a [`UsageError`] out.
//!
//! Reading never acts. [`argv`] and [`popt`] turn words into a stream of options and values, both
//! by the table in [`crate::options`]. [`fold`] makes one request of the stream, left to right,
//! with the help of [`named_service`] (which service the words are about), [`given`] (what goes
//! with what), [`values`] and [`address`] (what stands in a value). [`helper`] reads the words of
//! `ipvsadm-save` and `ipvsadm-restore`. Nothing here touches the kernel; host and service names
//! are looked up with [`crate::names`].

#![forbid(unsafe_code)]

pub mod address;
pub mod argv;
pub mod fold;
pub mod given;
pub mod helper;
pub mod named_service;
pub mod popt;
pub mod values;

pub use argv::parse_arguments;

use crate::error::{BYTE_ORDER_MARK, UsageError};
use crate::request::Request;
use address::Hosts;
use named_service::LastService;
use popt::{Event, LineWords};

/// Reads words into a request by popt's rules.
pub fn parse_words<'a>(
    words: impl Iterator<Item = &'a [u8]> + Clone,
) -> Result<Request, UsageError> {
    LineReader::default().read_words(words)
}

/// A reader of lines of rules, one after another.
#[derive(Default)]
pub struct LineReader<'a> {
    /// The events of the line that is being read; kept to reuse their memory.
    events: Vec<Event<'a>>,
    last_service: LastService<'a>,
    hosts: Hosts,
}

impl<'a> LineReader<'a> {
    /// Returns a reader that knows what the name services have said to another one.
    pub fn knowing(hosts: Hosts) -> LineReader<'a> {
        LineReader {
            hosts,
            ..LineReader::default()
        }
    }

    /// Returns what the name services have said.
    pub fn into_hosts(self) -> Hosts {
        self.hosts
    }

    /// Reads a line; returns `None` for one that holds no word, or a remark. Editors of other
    /// systems put a byte order mark before the first word (`tests/parity/ipvsadm-1.31.md`, section
    /// 10).
    pub fn read(&mut self, line: &'a [u8]) -> Result<Option<Request>, UsageError> {
        let words = LineWords::of(line.strip_prefix(BYTE_ORDER_MARK).unwrap_or(line));
        // Most lines begin with a command: those need no second look at their first word.
        let may_be_remark = !line.starts_with(b"-");
        if may_be_remark && matches!(words.clone().next(), None | Some([b'#', ..])) {
            return Ok(None);
        }
        let fault = self.find_events(words);
        self.check_for_rules()?;
        self.fold(fault).map(Some)
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

    /// Refuses what only a command line may have.
    fn check_for_rules(&self) -> Result<(), UsageError> {
        for event in &self.events {
            if let Event::Option { meaning, .. } = event
                && !meaning.row().may_be_in_rules
            {
                return Err(UsageError::AmongRules(*meaning));
            }
        }
        // Words that list without a command are for people.
        match self.events.iter().any(|event| event.command().is_some()) {
            true => Ok(()),
            false => Err(UsageError::TryHelp),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options::matrix::Owner;
    use crate::options::{Command, Meaning, Modifier};

    fn fault(line: &str) -> UsageError {
        match parse_words(line.split(' ').map(str::as_bytes)) {
            Err(fault) => fault,
            Ok(request) => panic!("{line}: {request:?}"),
        }
    }

    /// Faults that the matrix does not know, since values or several options make them.
    #[test]
    fn words_that_make_no_sense_together_are_refused() {
        const SERVER: &str = "-r 10.0.0.1";
        for (line, expected) in [
            ("-n", UsageError::TryHelp),
            ("-L --netns x -L", UsageError::SecondCommand(b"-L".to_vec())),
            ("-L -c --stats", UsageError::ListConflict),
            ("-L --timeout --rate", UsageError::ListConflict),
            ("-L -c -f 7", UsageError::FirewallMarkOfConnections),
            ("-L -6", UsageError::Ipv6WithoutFirewallMark),
            ("-A -t 1.2.3.4:0", UsageError::ZeroPort),
            ("-A -t 1.2.3.4:80 -o", UsageError::OnePacketWithoutUdp),
            ("--set 1 2", UsageError::TimeoutCount),
            (
                "--set 1 2 3 4",
                UsageError::UnexpectedArgument(b"4".to_vec()),
            ),
            ("--set 1 2 x", UsageError::Timeout(b"x".to_vec())),
            ("-C x", UsageError::UnexpectedArgument(b"x".to_vec())),
            (
                "--diagnose --probe-from 10.0.0.7",
                UsageError::Needed(Modifier::Probe, Owner::Command(Command::Diagnose)),
            ),
            (
                "--diagnose --probe --probe-from 127.0.0.1",
                UsageError::ProbeFrom(b"127.0.0.1".to_vec()),
            ),
        ] {
            assert_eq!(fault(line), expected, "{line}");
        }
        for (line, expected) in [
            ("-d -t 1.2.3.4:80 --force", UsageError::ForceWithoutDrain),
            (
                "-a -f 7 -g --tun-type gre",
                UsageError::TunnelOptionsWithoutTunnel,
            ),
            ("-a -f 7 -6 -m", UsageError::FamilyWithoutTunnel),
        ] {
            assert_eq!(fault(&format!("{line} {SERVER}")), expected, "{line}");
        }
    }

    #[test]
    fn a_line_of_rules_may_be_a_remark_and_has_no_options_of_command_lines() {
        let mut reader = LineReader::default();
        for line in ["", " \t\r", "# -A", "  #x", "\u{feff}# x", "ipvsadm"] {
            let read = reader.read(line.as_bytes());
            assert!(matches!(read, Ok(None)), "{line:?}: {read:?}");
        }
        let read = reader.read("\u{feff}ipvsadm -C".as_bytes());
        assert!(matches!(read, Ok(Some(Request::Change(_)))), "{read:?}");
        for (line, meaning) in [
            ("-L --watch", Meaning::Modifier(Modifier::Watch)),
            ("-L --netns x", Meaning::Modifier(Modifier::Netns)),
            ("--diagnose", Meaning::Command(Command::Diagnose)),
        ] {
            let read = reader.read(line.as_bytes());
            assert_eq!(read, Err(UsageError::AmongRules(meaning)), "{line}");
        }
        assert!(reader.read(b"-L --json").is_ok());
        assert_eq!(reader.read(b"--json"), Err(UsageError::TryHelp));
    }
}
