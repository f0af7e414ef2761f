//! `--drain`: takes real servers out without cutting anyone off.
//!
//! A server may be in many services, and a service has many servers: each entry gets weight 0, and
//! all are waited for together. [`judgement`] says what may be begun, what a look at the entries
//! means, and how it is told. Here is what is asked of the kernel, and when.

#![forbid(unsafe_code)]

mod judgement;

use std::time::{Duration, Instant};

use nix::errno::Errno;

use crate::commands::console::Console;
use crate::commands::entries::{self, Entry};
use crate::commands::refused;
use crate::commands::walk::Walk;
use crate::error::{Error, KernelError, Operation, Unfinished};
use crate::ipvs::{Detail, Ipvs, settings};
use crate::model::{Change, Destination, DestinationState, ServiceIdentity, VirtualService};
use crate::render::endpoints::EndpointWriter;
use crate::render::rules;
use crate::request::{AfterDrain, DrainRequest};
use crate::waiting::Waiting;
use judgement::{Cause, DrainProgress, Seen, Verdict};

/// The time for which the counters are left alone.
const PAUSE: Duration = Duration::from_secs(1);
/// The setting with which persistence forgets a server of weight 0 when the client comes back, and
/// so does not hold anybody there.
const EXPIRES_TEMPLATES: &str = "expire_quiescent_template";

/// Drains what the request names, and deletes it if the request says so.
pub fn drain(
    console: &mut Console<'_>,
    ipvs: &mut Ipvs,
    request: &DrainRequest,
) -> Result<(), Error> {
    let found = find(ipvs, request)?;
    if found.is_nothing() {
        return match request.may_be_missing {
            true => Ok(()),
            false => Err(refused(operation(request), missing(request).into())),
        };
    }
    // A signal from here on finds the way back written, and the weights known.
    let mut waiting =
        Waiting::begin().map_err(|errno| refused(operation(request), errno.into()))?;
    write_way_back(console, &found, request.then)?;
    set_weights_to_zero(ipvs, &found.entries)?;
    let outcome = wait(console, ipvs, request, &found.entries, &mut waiting);
    if let Err(Error::Unfinished(fault)) = &outcome {
        console.keep_hint(judgement::how_to_go_on(fault));
    }
    let drained = outcome?;
    delete(ipvs, &found, request)?;
    console.report_end(&drained);
    Ok(())
}

/// Returns the operation that a refusal of the kernel refuses.
fn operation(request: &DrainRequest) -> Operation {
    match request.then {
        AfterDrain::Stay => Operation::EditDestination,
        AfterDrain::DeleteServers => Operation::DeleteDestination,
        AfterDrain::DeleteService => Operation::DeleteService,
    }
}

/// Returns the kernel's refusal where what is to be drained is not there.
fn missing(request: &DrainRequest) -> Errno {
    match request.then {
        AfterDrain::DeleteService => Errno::ESRCH,
        AfterDrain::Stay | AfterDrain::DeleteServers => Errno::ENOENT,
    }
}

/// The entries to be drained, as they were before.
#[derive(Default)]
struct Found {
    /// The service that is to be deleted in the end.
    service: Option<VirtualService>,
    /// The real servers.
    entries: Vec<Entry>,
}

impl Found {
    /// Returns true if nothing is there of what was named. A service may have no servers.
    fn is_nothing(&self) -> bool {
        self.service.is_none() && self.entries.is_empty()
    }
}

/// Finds what the request names, if it may all be drained.
fn find(ipvs: &mut Ipvs, request: &DrainRequest) -> Result<Found, Error> {
    match find_in_table(ipvs, request) {
        Err(Error::Kernel(_, KernelError::Errno(Errno::ESRCH))) if request.may_be_missing => {
            Ok(Found::default())
        }
        Err(Error::Kernel(_, fault)) => Err(refused(operation(request), fault)),
        found => found,
    }
}

/// Finds what the request names, servers in the order of listings.
fn find_in_table(ipvs: &mut Ipvs, request: &DrainRequest) -> Result<Found, Error> {
    let mut found = Found::default();
    let only = request.service.as_ref();
    let mut walk = Walk::begin(ipvs, only, Detail::WithoutStatistics, true)?;
    let mut objections = Vec::new();
    while let Some((service, destinations)) = walk.next(ipvs)? {
        let service = &service.service;
        let is_named = |state: &DestinationState| request.names(&state.destination.identity);
        let objection = judgement::objection(service, destinations, is_named);
        objections.extend(objection.filter(|_| !request.is_forced));
        let named = destinations.iter().filter(|state| is_named(state));
        found.entries.extend(named.map(|state| Entry {
            service: service.identity,
            destination: state.destination,
        }));
        if request.then == AfterDrain::DeleteService {
            found.service = Some(*service);
        }
    }
    match objections.is_empty() {
        true => Ok(found),
        false => Err(Unfinished::DrainRefused(objections).into()),
    }
}

/// Writes the rules that put everything back; without them, nothing is begun. Those for what is to
/// be deleted say `--exist`: should it come to nothing, it is still there.
fn write_way_back(console: &mut Console<'_>, found: &Found, then: AfterDrain) -> Result<(), Error> {
    let mut endpoints = EndpointWriter::numeric();
    let service = found.service.iter().copied().map(Change::AddService);
    let servers = found.entries.iter().map(|entry| match then.deletes() {
        true => Change::AddDestination(entry.service, entry.destination),
        false => Change::EditDestination(entry.service, entry.destination),
    });
    let out = console.text();
    for change in service.chain(servers) {
        rules::write_change(out, &mut endpoints, &change);
        if then.deletes() {
            out.pop();
            out.extend_from_slice(b" --exist\n");
        }
    }
    console.deliver()
}

fn set_weights_to_zero(ipvs: &mut Ipvs, entries: &[Entry]) -> Result<(), Error> {
    let edits = entries.iter().filter(|entry| entry.destination.weight > 0);
    let edits = edits.map(|entry| entry.with_weight(0));
    // One that has gone meanwhile is found out by the first look.
    entries::make_all(ipvs, Operation::EditDestination, edits)
}

/// Deletes what the request says. A service takes its servers along, in one step.
fn delete(ipvs: &mut Ipvs, found: &Found, request: &DrainRequest) -> Result<(), Error> {
    let servers = found
        .entries
        .iter()
        .map(|entry| Change::DeleteDestination(entry.service, entry.destination.identity));
    let service = found.service.iter();
    let service = service.map(|service| Change::DeleteService(service.identity));
    match request.then {
        AfterDrain::Stay => Ok(()),
        AfterDrain::DeleteServers => entries::make_all(ipvs, operation(request), servers),
        AfterDrain::DeleteService => entries::make_all(ipvs, operation(request), service),
    }
}

/// Waits until nobody is on the servers any more. Returns the sentence on that, for the end.
fn wait(
    console: &mut Console<'_>,
    ipvs: &mut Ipvs,
    request: &DrainRequest,
    entries: &[Entry],
    waiting: &mut Waiting,
) -> Result<String, Error> {
    let begin = Instant::now();
    let limit = request
        .seconds
        .map(|seconds| Duration::from_secs(seconds.into()));
    let given_up = |console: &Console<'_>, cause, mut lines: Vec<Vec<u8>>| {
        let prefix = console.command_prefix();
        lines.push(judgement::given_up(cause, request.then, prefix));
        lines
    };
    let mut has_told_of_persistence = false;
    let outcome = loop {
        let refused = |fault| refused(operation(request), fault);
        let seen = entries::look(ipvs, entries).map_err(refused)?;
        let seen: Vec<_> = seen.iter().map(|state| Seen::of(state.as_ref())).collect();
        let gone_by = begin.elapsed();
        let expires_templates = settings::is_on(EXPIRES_TEMPLATES);
        let verdict = |newcomers: &[Entry]| {
            judgement::verdict(entries, &seen, newcomers, expires_templates, request.then)
        };
        let verdict = match verdict(&[]) {
            // To go through the whole table takes its time, and is done once all else is.
            Verdict::NotYet if request.service.is_none() => Verdict::NotYet,
            Verdict::Drained | Verdict::NotYet => verdict(&newcomers(ipvs, request, entries)?),
            disturbed => disturbed,
        };
        match verdict {
            Verdict::Drained => {
                let prefix = console.command_prefix();
                break Ok(judgement::drained(request.then, &seen, gone_by, prefix));
            }
            Verdict::Disturbed(lines) => {
                let cause = match request.then {
                    AfterDrain::Stay if seen.contains(&Seen::Gone) => Cause::Deletion,
                    _ => Cause::OtherPlans,
                };
                break Err(Unfinished::GivenUp(given_up(console, cause, lines)));
            }
            Verdict::NotYet => {}
        }
        let left = limit.map(|limit| limit.saturating_sub(gone_by));
        if left == Some(Duration::ZERO) {
            let lines = judgement::what_is_left(entries, &seen);
            break Err(Unfinished::TimeIsUp(given_up(
                console,
                Cause::TimeIsUp,
                lines,
            )));
        }
        let progress = DrainProgress::of(request, entries, &seen, gone_by, left);
        if progress.persistent > 0 && !expires_templates && !has_told_of_persistence {
            has_told_of_persistence = true;
            let prefix = console.command_prefix();
            let hint = judgement::about_persistence(progress.persistent, prefix);
            console.keep_hint(Some(hint));
            console.report_hint();
        }
        console.show_progress(&progress.line());
        let pause = left.map_or(PAUSE, |left| left.min(PAUSE));
        if let Some(signal) = waiting.pause(pause) {
            let lines = judgement::what_is_left(entries, &seen);
            let lines = given_up(console, Cause::Signal, lines);
            break Err(Unfinished::Interrupted(signal, lines));
        }
    };
    console.end_progress();
    outcome.map_err(Error::from)
}

/// Returns the servers that somebody has added meanwhile, and that the request is about: new
/// clients go there, and the way back does not know them. Where all servers of a service are
/// drained, others may take their place; but not where the service is to go.
fn newcomers(
    ipvs: &mut Ipvs,
    request: &DrainRequest,
    entries: &[Entry],
) -> Result<Vec<Entry>, Error> {
    let deletes_service = request.then == AfterDrain::DeleteService;
    let mut newcomers = Vec::new();
    if request.server.is_none() && !deletes_service {
        return Ok(newcomers);
    }
    let mut note = |service: ServiceIdentity, destinations: &[DestinationState]| {
        let is_known = |destination: &Destination| {
            let mut known = entries.iter().filter(|entry| entry.service == service);
            known.any(|entry| entry.destination.identity == destination.identity)
        };
        let named = destinations.iter().map(|state| state.destination);
        let named = named.filter(|destination| request.names(&destination.identity));
        let new = named.filter(|destination| {
            (deletes_service || destination.weight > 0) && !is_known(destination)
        });
        newcomers.extend(new.map(|destination| Entry {
            service,
            destination,
        }));
    };
    match request.service {
        Some(service) => {
            let mut destinations = Vec::new();
            ipvs.destinations(&service, Detail::WithoutStatistics, &mut destinations)
                .map_err(|fault| refused(operation(request), fault))?;
            note(service, &destinations);
        }
        None => {
            let mut walk = Walk::begin(ipvs, None, Detail::WithoutStatistics, true)?;
            while let Some((service, destinations)) = walk.next(ipvs)? {
                note(service.service.identity, destinations);
            }
        }
    }
    Ok(newcomers)
}
