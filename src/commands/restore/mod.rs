//! `ipvsadm-restore`: makes the table what the rules say.
//!
//! All rules are read and checked before the kernel is asked for anything: one fault, and nothing
//! has changed. Rules that change tables describe one, the [`wanted`] one; [`difference`] finds the
//! fewest changes to the kernel's, so that what stays keeps its connections and counters, and
//! [`convergence`] makes them, while others change the table too. Additions go first, and if the
//! kernel refuses one of them, nothing is removed: there is never less than before. Only rules that
//! also list or zero are run as `-R` runs them, on a table that is cleared first. Restores of one
//! network namespace take turns, for which they wait in [`turn`].

#![forbid(unsafe_code)]

pub mod convergence;
pub mod difference;
mod rehearsal;
mod turn;
pub mod wanted;

use std::ffi::OsStr;
use std::fs::File;
use std::io::Read;

use memchr::memchr_iter;

use crate::cli::LineReader;
use crate::cli::helper::HelperOptions;
use crate::commands::console::{Console, InputKind};
use crate::commands::executor::{self, Executor, Flow};
use crate::commands::{hints, open_checked, refused_listing};
use crate::error::{Error, RuleLine, STATUS_DIFFERS, UsageError};
use crate::ipvs::{Detail, Ipvs};
use crate::model::Change;
use crate::options::Modifier;
use crate::render::endpoints::EndpointWriter;
use crate::render::rules;
use crate::request::Request;
use difference::{Kept, Plan};
use rehearsal::Rest;
use wanted::{Refusal, WantedTable};

/// A line and what it asks for.
#[derive(Clone, Debug)]
pub struct ReadRule<'t> {
    pub line: RuleLine<'t>,
    pub request: Request,
}

/// Runs `ipvsadm-restore`.
pub fn run_helper(console: &mut Console<'_>, options: &HelperOptions) -> Result<(), Error> {
    if options.has(Modifier::ExitCode) && !options.has(Modifier::DryRun) {
        return Err(Error::ExitCodeWithoutDryRun);
    }
    let (input, is_regular_file) = read_input(console, options.file.as_deref())?;
    let rules = read_rules(&input).map_err(|fault| match options.file {
        Some(_) => fault.in_named_file(),
        None => fault,
    })?;
    if rules.is_empty() && !is_regular_file {
        return without_rules(console, options);
    }
    let last_line = rules.last().map_or(0, |rule| rule.line.number);
    let only_adds = || rules.iter().all(|rule| is_addition(&rule.request));
    // Beside services that stay, a rule that takes away, or edits, may be about one of those.
    let wanted = match !options.has(Modifier::NoFlush) || only_adds() {
        true => WantedTable::of(&rules)?,
        false => None,
    };
    if wanted.is_none() && options.has(Modifier::KeepWeights) {
        return Err(Error::WeightsNotKept);
    }
    if options.has(Modifier::Test) {
        return match wanted {
            // Nothing else is asked of it, so any refusal is its answer.
            Some(wanted) => {
                report_refusals(console, &wanted.refusals);
                executor::outcome(!wanted.refusals.is_empty())
            }
            None => Ok(()),
        };
    }
    let ipvs = &mut open_checked(console)?;
    let _turn = match options.has(Modifier::DryRun) {
        true => None,
        false => turn::wait(console),
    };
    let keeps_all = options.has(Modifier::DryRun) || options.has(Modifier::NoFlush);
    let services = match rules.is_empty() && !keeps_all && console.is_interactive() {
        true => services(ipvs)?,
        false => 0,
    };
    match wanted {
        Some(wanted) => make_equal(console, ipvs, wanted, last_line, options)?,
        None => run_anew(console, ipvs, &rules, options)?,
    }
    console.keep_hint(hints::restore::without_rules(
        options.file.as_deref(),
        services,
    ));
    Ok(())
}

/// Returns the number of services that the kernel has.
fn services(ipvs: &mut Ipvs) -> Result<usize, Error> {
    let services = ipvs.services(Detail::WithoutStatistics);
    Ok(services.map_err(refused_listing)?.len())
}

/// Returns all of the input, and true if it is a regular file.
fn read_input(console: &mut Console<'_>, file: Option<&OsStr>) -> Result<(Vec<u8>, bool), Error> {
    let mut input = Vec::new();
    let Some(path) = file else {
        let kind = console.input_kind();
        if kind == InputKind::Terminal {
            console.report_that_rules_are_awaited();
        }
        while console.read(&mut input)? {}
        return Ok((input, kind == InputKind::RegularFile));
    };
    let fault = |fault| Error::ReadFile(path.to_owned(), fault);
    let mut file = File::open(path).map_err(fault)?;
    let is_regular_file = file.metadata().map_err(fault)?.is_file();
    file.read_to_end(&mut input).map_err(fault)?;
    Ok((input, is_regular_file))
}

/// Refuses input without a single rule, unless the table is empty already. From anything but a
/// file, it is most likely what is left of a pipe that broke, or of a redirection that nobody
/// carried out.
fn without_rules(console: &mut Console<'_>, options: &HelperOptions) -> Result<(), Error> {
    if !options.has(Modifier::Test) && services(&mut open_checked(console)?)? == 0 {
        return Ok(());
    }
    Err(Error::NoRules(options.file.clone()))
}

fn is_addition(request: &Request) -> bool {
    matches!(
        request,
        Request::Change(Change::AddService(_) | Change::AddDestination(..))
            | Request::Exist(Change::AddService(_) | Change::AddDestination(..))
    )
}

/// Reads every rule of the input; the first fault ends it.
pub fn read_rules(input: &[u8]) -> Result<Vec<ReadRule<'_>>, Error> {
    let mut rules = Vec::new();
    let mut reader = LineReader::default();
    let mut start = 0;
    for (number, end) in (1..).zip(memchr_iter(b'\n', input).chain([input.len()])) {
        let text = &input[start..end];
        start = end + 1;
        let line = RuleLine { number, text };
        let request = match reader.read(text) {
            Ok(Some(Request::ExecuteRules)) => Err(UsageError::RestoreAmongRules),
            read => read,
        };
        let request = request.map_err(|fault| Error::Rule(fault, line.to_owned()))?;
        rules.extend(request.map(|request| ReadRule { line, request }));
    }
    Ok(rules)
}

/// Makes the kernel's table the wanted one, or prints the changes that would.
fn make_equal(
    console: &mut Console<'_>,
    ipvs: &mut Ipvs,
    mut wanted: WantedTable<'_>,
    last_line: usize,
    options: &HelperOptions,
) -> Result<(), Error> {
    let kept = Kept {
        others: options.has(Modifier::NoFlush),
        weights: options.has(Modifier::KeepWeights),
    };
    if options.has(Modifier::DryRun) {
        return print_difference(console, ipvs, wanted, kept, last_line, options);
    }
    let mut refused = Vec::new();
    let outcome = convergence::make_equal(ipvs, &mut wanted, kept, &mut refused);
    report_refusals(console, &refused);
    outcome?;
    keep_hint_about_drained(console, &wanted);
    // The status is the last line's, as it is with -R.
    executor::outcome(refused.iter().any(|refused| refused.is_of(last_line)))
}

/// Prints the changes that make the kernel's table the wanted one, and ends as making them would.
fn print_difference(
    console: &mut Console<'_>,
    ipvs: &mut Ipvs,
    mut wanted: WantedTable<'_>,
    kept: Kept,
    last_line: usize,
    options: &HelperOptions,
) -> Result<(), Error> {
    let Plan {
        additions,
        removals,
    } = convergence::look(ipvs, &mut wanted, kept)?;
    let mut others = Vec::new();
    let mut refusals = Vec::new();
    if !wanted.others.is_empty() {
        let mut rest = Rest::read(ipvs)?;
        for other in &wanted.others {
            match rest.take(other) {
                Ok(true) => others.push((other.change, Some(other.line))),
                Ok(false) => {}
                Err(refusal) => refusals.push(refusal),
            }
        }
        if rest.keeps_timeouts() {
            others.retain(|(change, _)| !matches!(change, Change::SetTimeouts(_)));
        }
    }
    refusals.append(&mut wanted.refusals);
    let mut endpoints = EndpointWriter::numeric();
    let changes = [additions, others, removals];
    for (change, _) in changes.iter().flatten() {
        rules::write_change(console.text(), &mut endpoints, change);
        console.flush_if_large()?;
    }
    console.flush()?;
    report_refusals(console, &refusals);
    keep_hint_about_drained(console, &wanted);
    let mut refusals = refusals.iter();
    executor::outcome(refusals.any(|refusal| refusal.is_of(last_line)))?;
    dry_outcome(options, changes.iter().any(|changes| !changes.is_empty()))
}

/// The end of a dry run that no refusal ends.
fn dry_outcome(options: &HelperOptions, differs: bool) -> Result<(), Error> {
    match differs && options.has(Modifier::ExitCode) {
        true => Err(Error::Status(STATUS_DIFFERS)),
        false => Ok(()),
    }
}

/// Names the servers at weight 0 that get clients again.
fn keep_hint_about_drained(console: &mut Console<'_>, wanted: &WantedTable<'_>) {
    if console.is_interactive() {
        console.keep_hint(hints::restore::drained(&wanted.drained()));
    }
}

fn report_refusals(console: &mut Console<'_>, refusals: &[Refusal<'_>]) {
    for refusal in refusals {
        console.report(&refusal.error());
    }
}

/// Clears the table and runs the rules one after another.
fn run_anew(
    console: &mut Console<'_>,
    ipvs: &mut Ipvs,
    rules: &[ReadRule<'_>],
    options: &HelperOptions,
) -> Result<(), Error> {
    if options.has(Modifier::DryRun) {
        let mut endpoints = EndpointWriter::numeric();
        if !options.has(Modifier::NoFlush) {
            rules::write_change(console.text(), &mut endpoints, &Change::Flush);
        }
        for rule in rules {
            match &rule.request {
                Request::Change(change) => {
                    rules::write_change(console.text(), &mut endpoints, change);
                }
                // What they come to depends on the table that they find.
                Request::Exist(_) | Request::Keep(_) | Request::AddMissing(_) => {
                    console
                        .text()
                        .extend_from_slice(rule.line.text.trim_ascii());
                    console.text().push(b'\n');
                }
                _ => {}
            }
            console.flush_if_large()?;
        }
        let is_cleared = !options.has(Modifier::NoFlush);
        let differs = options.has(Modifier::ExitCode)
            && rehearsal::changes_anything(ipvs, rules, is_cleared)?;
        return dry_outcome(options, differs);
    }
    let mut executor = Executor::new(console, ipvs);
    if !options.has(Modifier::NoFlush) {
        executor.change(&Change::Flush, None)?;
    }
    for rule in rules {
        if executor.request(&rule.request, Some(rule.line))? == Flow::End {
            return Ok(());
        }
    }
    executor.finish()
}
