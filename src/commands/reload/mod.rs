//! `ipvsadm-restore`: makes the table what the rules on standard input say.
//!
//! All rules are read and checked before the kernel is asked for anything: one fault, and nothing
//! has changed. Rules that only add (what `-S` writes) describe a table; [`difference`] finds the
//! fewest changes to the kernel's, so that what stays keeps its connections and counters. Other
//! rules are run as `-R` runs them, on a table that is cleared first.

mod difference;

use std::ffi::OsString;

use crate::cli::{LineReader, words};
use crate::commands::apply::{Applier, Flow};
use crate::commands::console::Console;
use crate::commands::{open_checked, refused_listing};
use crate::error::{Error, RuleLine, UsageError};
use crate::ipvs::{Detail, Ipvs};
use crate::model::{Change, ServiceState};
use crate::render::endpoints::EndpointWriter;
use crate::render::rules;
use crate::request::Request;
use difference::{Difference, Plan, WantedTable};

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Options {
    /// `--dry-run`: print the changes, make none.
    dry_run: bool,
    /// `--test`: check the rules, and end.
    test: bool,
    /// `--noflush`: leave alone the services that the rules do not name.
    no_flush: bool,
}

const HELP: &str = "usage: ipvsadm-restore [--dry-run] [--test] [--noflush] < RULES\n\
    Makes the table what the rules say; prints the changes, only checks, or spares other services.";

impl Options {
    /// The reference's helper ignores its words, and scripts give it none that begins with `--`. An
    /// unknown one is one of ours misspelled, and who wanted a dry run must not get a real one.
    fn read(arguments: &[OsString]) -> Result<Options, Error> {
        let mut options = Options::default();
        for argument in arguments {
            match argument.as_encoded_bytes() {
                b"--dry-run" => options.dry_run = true,
                b"--test" => options.test = true,
                b"--noflush" => options.no_flush = true,
                [b'-', b'-', _, ..] => return Err(Error::HelperUsage(HELP)),
                _ => {}
            }
        }
        Ok(options)
    }
}

/// A line and what it asks for.
#[derive(Clone, Copy, Debug)]
struct Rule<'t> {
    line: RuleLine<'t>,
    request: Request,
}

pub fn run_helper(console: &mut Console<'_>, arguments: &[OsString]) -> Result<(), Error> {
    // The reference's helper is a script around `ipvsadm`, which is the name in its messages.
    console.rename("ipvsadm");
    let options = Options::read(arguments)?;
    let mut input = Vec::new();
    while console.read(&mut input)? {}
    let rules = read_rules(&input)?;
    if options.test {
        return Ok(());
    }
    let ipvs = &mut open_checked(console)?;
    match WantedTable::of(&rules) {
        Some(wanted) => {
            let last_line = rules.last().map_or(0, |rule| rule.line.number);
            make_equal(console, ipvs, wanted, last_line, options)
        }
        None => run_anew(console, ipvs, &rules, options),
    }
}

/// Reads every rule of the input; the first fault ends it.
fn read_rules(input: &[u8]) -> Result<Vec<Rule<'_>>, Error> {
    let mut rules = Vec::new();
    let mut reader = LineReader::default();
    let mut start = 0;
    for number in 1.. {
        let end = words::end_of_line(input, start);
        let text = &input[start..end.unwrap_or(input.len())];
        let line = RuleLine { number, text };
        let request = match reader.read(text) {
            Ok(Some(Request::Restore)) => Err(UsageError::TryHelp),
            read => read,
        };
        let request = request.map_err(|fault| Error::Rule(fault, line.to_owned()))?;
        rules.extend(request.map(|request| Rule { line, request }));
        match end {
            Some(end) => start = end + 1,
            None => break,
        }
    }
    Ok(rules)
}

/// Sends the fewest changes that make the kernel's table the wanted one.
fn make_equal(
    console: &mut Console<'_>,
    ipvs: &mut Ipvs,
    wanted: WantedTable<'_, '_>,
    last_line: usize,
    options: Options,
) -> Result<(), Error> {
    let mut difference = Difference::new(wanted, options.no_flush);
    let mut destinations = Vec::new();
    let services = ipvs
        .services(Detail::WithoutStatistics)
        .map_err(refused_listing)?;
    for ServiceState { service, .. } in services {
        if difference.needs_destinations_of(&service) {
            ipvs.destinations(
                &service.identity,
                Detail::WithoutStatistics,
                &mut destinations,
            )
            .map_err(refused_listing)?;
        } else {
            destinations.clear();
        }
        difference.compare(&service, &destinations);
    }
    let Plan { changes, refusals } = difference.into_plan();
    if options.dry_run {
        let mut endpoints = EndpointWriter::for_rules(true);
        for (change, _) in &changes {
            rules::write_change(console.text(), &mut endpoints, change);
            console.flush_if_large()?;
        }
        return Ok(());
    }
    let mut applier = Applier::new(console, ipvs);
    for (change, line) in &changes {
        applier.change(change, *line)?;
    }
    for refusal in refusals {
        applier.refuse(refusal.operation, refusal.fault, refusal.line)?;
    }
    // The status is the last line's, as it is with -R.
    applier.finish_with_line(last_line)
}

/// Clears the table and runs the rules one after another.
fn run_anew(
    console: &mut Console<'_>,
    ipvs: &mut Ipvs,
    rules: &[Rule<'_>],
    options: Options,
) -> Result<(), Error> {
    if options.dry_run {
        let mut endpoints = EndpointWriter::for_rules(true);
        let flush = (!options.no_flush).then_some(Change::Flush);
        let changes = rules.iter().filter_map(|rule| match &rule.request {
            Request::Change(change) => Some(change),
            _ => None,
        });
        for change in flush.iter().chain(changes) {
            rules::write_change(console.text(), &mut endpoints, change);
            console.flush_if_large()?;
        }
        return Ok(());
    }
    let mut applier = Applier::new(console, ipvs);
    if !options.no_flush {
        applier.change(&Change::Flush, None)?;
    }
    for rule in rules {
        if applier.request(rule.request, Some(rule.line))? == Flow::End {
            return Ok(());
        }
    }
    applier.finish()
}
