//! Completion: answers a shell that asks which words may stand at the cursor.
//!
//! A shell asks with `IPVSADM_COMPLETE=1 ipvsadm -- WORD...`, where the last word is the one at the
//! cursor, as far as it is typed. Without the variable such a line is a fault, to the reference as
//! well, so no mistake about who is asked can change a table. The answer has a line for each word
//! that may stand there: the word, a TAB, what it means. A line `TAB hosts TAB FRONT TAB END`
//! stands for the host names that the shell knows, each between FRONT and END; what END is makes a
//! difference only to shells that add a blank to what is complete. Only words that go on from what
//! is typed are among them: of thousands of services, a shell need not read the others. What cannot
//! be found out, for want of privilege or otherwise, is left out without a word.

#![forbid(unsafe_code)]

use std::collections::{BTreeMap, BTreeSet};
use std::env;
use std::ffi::OsString;
use std::net::IpAddr;
use std::os::unix::ffi::OsStrExt;

use nix::net::if_::if_nameindex;

use crate::cli::address::Hosts;
use crate::cli::helper;
use crate::cli::named_service::LastService;
use crate::cli::popt::{self, Event};
use crate::commands::netns;
use crate::ipvs::{Detail, Ipvs};
use crate::model::{
    AddressFamily, Change, KernelName, Protocol, SchedulerFlags, ServiceState, TunnelKind,
};
use crate::names;
use crate::options::matrix::{Modifiers, Owner};
use crate::options::{
    self, Argument, Command, Completion, Helper, Meaning, Modifier, OPTIONS, OptionSpec,
};
use crate::order::{ConnectionOrder, ServiceOrder};
use crate::render::endpoints::EndpointWriter;
use crate::render::phrases::counted;
use crate::render::{listing, rules};
use crate::selection::States;

/// The word that stands at the cursor while the words before it are read: whether it is read as an
/// option or as a value shows which words may stand there.
const AT_CURSOR: &[u8] = b"-h";

/// Returns the words of a line to complete, if a shell asks for it.
pub fn asked_words(arguments: &[OsString]) -> Option<&[OsString]> {
    match arguments {
        [dashes, words @ ..] if dashes == "--" => env::var_os("IPVSADM_COMPLETE").map(|_| words),
        _ => None,
    }
}

/// Answers for `ipvsadm`, or for a helper.
pub fn write_answer(out: &mut Vec<u8>, helper: Option<Helper>, words: &[OsString]) {
    let Some((typed, before)) = words.split_last() else {
        return;
    };
    let before = before.iter().map(|word| word.as_bytes());
    let line: Vec<&[u8]> = before.chain([AT_CURSOR]).collect();
    if let Some(helper) = helper {
        let (events, _) = helper::events(helper, line.into_iter());
        return write_helper_answer(out, helper, events, typed.as_bytes());
    }
    let (mut events, fault) = popt::read(line.into_iter());
    if fault.is_some() {
        return;
    }
    let Some(Event::Option { meaning, value, .. }) = events.pop() else {
        return;
    };
    let is_there = netns::enter_named(&words[..words.len() - 1]).is_ok();
    let typed = typed.as_bytes();
    let mut line = Line {
        out,
        typed,
        given: events,
        is_there,
    };
    match (meaning, value) {
        (meaning, Some(_)) if line.may_come(meaning.row()) => {
            line.offer_values(meaning.row(), b"", typed);
        }
        (Meaning::Command(Command::Help), None) => {
            line.offer_word(typed);
            // A value that may be left out may still come.
            if let Some((meaning, None)) = line.given().last()
                && let Argument::Optional(_) = meaning.row().argument
                && matches!(line.given.last(), Some(Event::Option { .. }))
            {
                line.offer_values(meaning.row(), b"", typed);
            }
        }
        _ => {}
    }
}

/// Answers for a helper: values, or the options that are not there yet.
fn write_helper_answer<'a>(
    out: &mut Vec<u8>,
    helper: Helper,
    mut events: Vec<Event<'a>>,
    typed: &'a [u8],
) {
    let Some(Event::Option { meaning, value, .. }) = events.pop() else {
        return;
    };
    let mut line = Line {
        out,
        typed,
        given: events,
        is_there: false,
    };
    if value.is_some() {
        return line.offer_values(meaning.row(), b"", typed);
    }
    let is_word = |row: &&OptionSpec| !matches!(row.argument, Argument::Operands(_));
    for row in helper.options().filter(is_word) {
        let stands_in_its_way =
            |given: Meaning| given == row.meaning || are_rivals(row.meaning, given);
        if !line.given().any(|(given, _)| stands_in_its_way(given)) {
            line.offer(&[row.shortest_spelling().as_bytes()], row.help);
        }
    }
}

/// A line up to the cursor.
struct Line<'a, 'o> {
    out: &'o mut Vec<u8>,
    /// The word at the cursor.
    typed: &'a [u8],
    given: Vec<Event<'a>>,
    /// True if the process is in the namespace of the command: only there are its table and
    /// interfaces.
    is_there: bool,
}

impl<'a> Line<'a, '_> {
    /// Returns the options and commands that stand there, each with its value.
    fn given(&self) -> impl Iterator<Item = (Meaning, Option<&'a [u8]>)> {
        self.given.iter().filter_map(|event| match *event {
            Event::Option { meaning, value, .. } => Some((meaning, value)),
            Event::Plain(_) => None,
        })
    }

    fn command(&self) -> Option<Command> {
        self.given.iter().find_map(Event::command)
    }

    fn value_of(&self, wanted: Modifier) -> Option<&'a [u8]> {
        let is_wanted = |(meaning, _): &(Meaning, _)| *meaning == Meaning::Modifier(wanted);
        self.given().find(is_wanted).and_then(|(_, value)| value)
    }

    fn has(&self, wanted: Modifier) -> bool {
        self.given()
            .any(|(meaning, _)| meaning == Meaning::Modifier(wanted))
    }

    fn modifiers(&self) -> Modifiers {
        let modifiers = self.given().filter_map(|(meaning, _)| match meaning {
            Meaning::Modifier(modifier) => Some(modifier),
            Meaning::Command(_) => None,
        });
        modifiers.collect()
    }

    /// Returns true if an option may still come: the command and what is given already would not
    /// refuse it.
    fn may_come(&self, row: &OptionSpec) -> bool {
        let command = self.command();
        let given = self.modifiers();
        let fits_the_command = match (row.meaning, command) {
            (Meaning::Command(_), Some(_)) => false,
            (Meaning::Command(command), None) => self
                .given()
                .all(|(other, _)| goes_with(other.row(), command, given)),
            (Meaning::Modifier(_), Some(command)) => goes_with(row, command, given),
            (Meaning::Modifier(_), None) => true,
        };
        let tunnel = self
            .value_of(Modifier::TunnelType)
            .and_then(TunnelKind::from_word);
        let fits_the_tunnel = row.section != Modifier::TunnelType.row().section
            || tunnel.is_none_or(|tunnel| row.is_of_use_to(Owner::Tunnel(tunnel)));
        let stand_apart = |other: &OptionSpec| {
            other.name == row.name
                || are_rivals(row.meaning, other.meaning)
                || !narrows(row, other)
                    && row
                        .alternative_in
                        .iter()
                        .any(|owner| other.alternative_in.contains(owner))
        };
        fits_the_command
            && fits_the_tunnel
            && !self.given().any(|(given, _)| stand_apart(given.row()))
    }

    /// Offers what a word that is no value may become.
    fn offer_word(&mut self, typed: &[u8]) {
        if matches!(self.command(), Some(Command::Help | Command::Version)) {
            return;
        }
        match typed {
            [] | [b'-'] => self.offer_options(),
            [b'-', b'-', long @ ..] => match long.iter().position(|byte| *byte == b'=') {
                None => self.offer_options(),
                Some(end) => {
                    let row = options::by_long(&long[..end]).filter(|row| row.takes_value());
                    if let Some(row) = row.filter(|row| self.may_come(row)) {
                        let (front, value) = typed.split_at(end + 3);
                        self.offer_values(row, front, value);
                    }
                }
            },
            [b'-', letters @ ..] => self.offer_letters(typed, letters),
            _ => {}
        }
    }

    /// Offers the options that may come next; where there is no command yet, commands, and what
    /// lists without one.
    fn offer_options(&mut self) {
        let has_command = self.command().is_some();
        let may_list = self.given().all(|(given, _)| given.row().is_of_a_listing());
        let lists = self.given().any(|(given, _)| given.row().lists_by_itself());
        for row in OPTIONS {
            let is_due = match row.meaning {
                Meaning::Command(_) => true,
                Meaning::Modifier(_) if has_command => true,
                Meaning::Modifier(_) => {
                    may_list
                        && (lists || row.lists_by_itself())
                        && goes_with(row, Command::List, self.modifiers())
                }
            };
            if is_due && self.may_come(row) {
                if let Some(letter) = row.letter() {
                    self.offer(&[format!("-{letter}").as_bytes()], row.help);
                }
                self.offer(&[b"--", row.long.as_bytes()], row.help);
            }
        }
    }

    /// Completes one dash with letters, of which the last may have its value glued on.
    fn offer_letters(&mut self, typed: &[u8], letters: &[u8]) {
        for (index, letter) in letters.iter().enumerate() {
            let Some(row) = options::by_short(*letter).filter(|row| self.may_come(row)) else {
                return;
            };
            let after = &letters[index + 1..];
            if row.takes_value() && !after.is_empty() {
                let equals_sign = usize::from(after[0] == b'=');
                let (front, value) = typed.split_at(index + 2 + equals_sign);
                return self.offer_values(row, front, value);
            }
            self.given.push(Event::Option {
                meaning: row.meaning,
                value: None,
                word: b"",
            });
        }
        self.offer(&[typed], "");
    }

    /// Offers the values of an option, each behind `front`, which stands in the same word.
    fn offer_values(&mut self, row: &OptionSpec, front: &[u8], typed: &[u8]) {
        match row.completion {
            Completion::Nothing => {}
            Completion::OneOf(words) => {
                for (word, help) in words {
                    self.offer(&[front, word.as_bytes()], help);
                }
            }
            Completion::SchedulerFlags => {
                let scheduler = self.value_of(Modifier::Scheduler).unwrap_or_default();
                let flags = SchedulerFlags::from_bits(u8::MAX);
                self.offer_list(front, typed, flags.words(KernelName::truncated(scheduler)));
            }
            // In either case, as they may be written.
            Completion::States if typed.iter().any(u8::is_ascii_lowercase) => {
                let names = States::NAMES.map(str::to_ascii_lowercase);
                self.offer_list(front, typed, names.iter().map(String::as_str));
            }
            Completion::Order => {
                let words: &[(&str, &str)] = match self.has(Modifier::Connection) {
                    true => &ConnectionOrder::WORDS,
                    false => &ServiceOrder::WORDS,
                };
                for (word, help) in words {
                    self.offer(&[front, word.as_bytes()], help);
                }
            }
            Completion::States => self.offer_list(front, typed, States::NAMES.into_iter()),
            Completion::Namespace => {
                for name in netns::names() {
                    self.offer(&[front, name.as_bytes()], "");
                }
            }
            _ if !self.is_there => {}
            Completion::Interface => {
                for interface in if_nameindex().iter().flatten() {
                    self.offer(&[front, interface.name().to_bytes()], "");
                }
            }
            Completion::Service => match (row.meaning, self.command()) {
                (Meaning::Modifier(Modifier::FirewallMarkService), Some(Command::AddService)) => {}
                (meaning, Some(Command::AddService)) => {
                    self.offer_endpoint(row, front, typed, protocol_of(meaning));
                }
                (meaning, _) => self.offer_services(front, meaning),
            },
            Completion::RealServer => match self.command() {
                None | Some(Command::EditServer | Command::DeleteServer | Command::List) => {
                    self.offer_servers(front);
                }
                _ => {
                    let protocol = self.given().find_map(|(meaning, _)| protocol_of(meaning));
                    self.offer_endpoint(row, front, typed, protocol);
                }
            },
        }
    }

    /// Offers the words for a comma separated list that are not in it yet.
    fn offer_list<'w>(&mut self, front: &[u8], typed: &[u8], words: impl Iterator<Item = &'w str>) {
        let end_of_list = typed
            .iter()
            .rposition(|byte| *byte == b',')
            .map_or(0, |comma| comma + 1);
        let list = &typed[..end_of_list];
        for word in words {
            if !list
                .split(|byte| *byte == b',')
                .any(|given| given.eq_ignore_ascii_case(word.as_bytes()))
            {
                self.offer(&[front, list, word.as_bytes()], "");
            }
        }
    }

    /// Offers the services that exist, of the kind that an option names.
    fn offer_services(&mut self, front: &[u8], naming: Meaning) {
        let opened = Ipvs::open_loaded();
        let read = opened.and_then(|mut ipvs| ipvs.services(Detail::WithoutStatistics));
        let only_ipv6 = self.has(Modifier::Ipv6);
        let mut endpoints = EndpointWriter::numeric();
        for ServiceState { service, .. } in read.into_iter().flatten() {
            let is_of_the_family = !only_ipv6 || service.identity.family() == AddressFamily::Ipv6;
            if service.identity.protocol() != protocol_of(naming) || !is_of_the_family {
                continue;
            }
            let mut rule = Vec::new();
            rules::write_change(&mut rule, &mut endpoints, &Change::AddService(service));
            // `-A -t ADDR:PORT`, then how it works.
            let mut words = rule.trim_ascii().splitn(4, |byte| *byte == b' ').skip(2);
            if let (Some(name), Some(how)) = (words.next(), words.next()) {
                self.offer(&[front, name], how);
            }
        }
    }

    /// Offers the real servers of the service that is named.
    fn offer_servers(&mut self, front: &[u8]) {
        let service = LastService::default().look_up(&self.given, &mut Hosts::default());
        let mut destinations = Vec::new();
        let Some(service) = service.identity() else {
            if self.has(Modifier::Drain) || self.has(Modifier::Ramp) {
                self.offer_addresses_of_servers(front);
            }
            return;
        };
        let read = Ipvs::open_loaded().and_then(|mut ipvs| {
            ipvs.destinations(&service, Detail::WithoutStatistics, &mut destinations)
        });
        if read.is_err() {
            return;
        }
        let mut endpoints = EndpointWriter::numeric();
        for state in &destinations {
            let destination = &state.destination;
            let mut name = Vec::new();
            endpoints.write(
                &mut name,
                destination.identity.address,
                destination.identity.port,
                None,
            );
            let method = listing::forwarding_label(destination.forwarding_method);
            self.offer(
                &[front, &name],
                format!("{method}, weight {}", destination.weight),
            );
        }
    }

    /// Offers the address of every real server, whatever its service: a server leaves all of them.
    fn offer_addresses_of_servers(&mut self, front: &[u8]) {
        let Ok(mut ipvs) = Ipvs::open_loaded() else {
            return;
        };
        let mut services_of: BTreeMap<IpAddr, usize> = BTreeMap::new();
        let mut destinations = Vec::new();
        let services = ipvs.services(Detail::WithoutStatistics);
        for ServiceState { service, .. } in services.into_iter().flatten() {
            let detail = Detail::WithoutStatistics;
            let read = ipvs.destinations(&service.identity, detail, &mut destinations);
            if read.is_err() {
                return;
            }
            let addresses = destinations.iter();
            let addresses = addresses.map(|state| state.destination.identity.address);
            for address in addresses.collect::<BTreeSet<_>>() {
                *services_of.entry(address).or_default() += 1;
            }
        }
        for (address, services) in services_of {
            let help = format!("in {}", counted(services, "service"));
            self.offer(&[front, address.to_string().as_bytes()], &help);
        }
    }

    /// Offers host names, and after a host's colon the names of ports; without a protocol those of
    /// TCP.
    fn offer_endpoint(
        &mut self,
        row: &OptionSpec,
        front: &[u8],
        typed: &[u8],
        protocol: Option<Protocol>,
    ) {
        let colons = typed.iter().filter(|byte| **byte == b':').count();
        let host_end = match typed {
            [b'[', ..] => typed
                .windows(2)
                .position(|pair| pair == b"]:")
                .map(|at| at + 2),
            // A bare address of IPv6 has no port.
            _ if colons > 1 => None,
            _ => typed
                .iter()
                .position(|byte| *byte == b':')
                .map(|at| at + 1)
                .filter(|end| *end > 1),
        };
        match host_end {
            Some(end) => {
                for port in names::service_names(protocol.unwrap_or(Protocol::Tcp)) {
                    self.offer(&[front, &typed[..end], &port], "");
                }
            }
            None if colons == 0 && !typed.starts_with(b"[") => {
                let end = if row.completion == Completion::Service {
                    ":"
                } else {
                    ""
                };
                self.write(&[b"\thosts\t", front].concat(), end.as_bytes());
            }
            None => {}
        }
    }

    /// Offers the word that these parts make, if it goes on from what is typed.
    fn offer(&mut self, parts: &[&[u8]], help: impl AsRef<[u8]>) {
        let word = parts.concat();
        if word.starts_with(self.typed) {
            self.write(&word, help.as_ref());
        }
    }

    fn write(&mut self, word: &[u8], help: &[u8]) {
        self.out.extend_from_slice(word);
        self.out.push(b'\t');
        self.out.extend_from_slice(help);
        self.out.push(b'\n');
    }
}

/// Returns true if an option goes with a command, as those that are given make it work.
fn goes_with(row: &OptionSpec, command: Command, given: Modifiers) -> bool {
    row.is_of_use_to(Owner::Command(command)) || row.is_of_use_to(Owner::of_command(command, given))
}

/// Returns true if one of the two lists connections, and the other narrows that list.
fn narrows(one: &OptionSpec, other: &OptionSpec) -> bool {
    let connections = |row: &OptionSpec| row.meaning == Meaning::Modifier(Modifier::Connection);
    let narrow = |row: &OptionSpec| {
        row.is_of_use_to(Owner::CONNECTIONS)
            && row.meaning != Meaning::Modifier(Modifier::FirewallMarkService)
    };
    connections(one) && narrow(other) || connections(other) && narrow(one)
}

fn are_rivals(one: Meaning, other: Meaning) -> bool {
    match (one, other) {
        (Meaning::Modifier(one), Meaning::Modifier(other)) => {
            Modifiers::from_iter([one, other]).rivals().next().is_some()
        }
        _ => false,
    }
}

fn protocol_of(naming: Meaning) -> Option<Protocol> {
    match naming {
        Meaning::Modifier(modifier) => modifier.protocol(),
        Meaning::Command(_) => None,
    }
}
