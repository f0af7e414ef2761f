//! `--drain`: takes real servers out without cutting anyone off.
//!
//! A server may be in many services: each entry gets weight 0, and all are waited for together.
//! [`judgement`] says what may be begun, what a look at the entries means, and how it is told;
//! [`crate::waiting`] lets the time pass. Here is what is asked of the kernel, and when.

#![forbid(unsafe_code)]

mod judgement;

use std::fs;
use std::time::{Duration, Instant};

use nix::errno::Errno;

use crate::commands::console::Console;
use crate::commands::refused;
use crate::commands::walk::Walk;
use crate::error::{DrainFault, Error, KernelError, Operation};
use crate::ipvs::{Detail, Ipvs};
use crate::model::{Change, Destination, DestinationState};
use crate::render::endpoints::EndpointWriter;
use crate::render::rules;
use crate::request::DrainRequest;
use crate::screen;
use crate::waiting::Waiting;
use judgement::{DrainProgress, Entry, Seen, Verdict};

/// How long the counters are left alone.
const PAUSE: Duration = Duration::from_secs(1);
/// Whether persistence forgets a server of weight 0 when the client comes back, and so does not
/// hold anybody there.
const EXPIRES_TEMPLATES: &str = "/proc/sys/net/ipv4/vs/expire_quiescent_template";

/// Drains the servers that the request names, and deletes them if it says so.
pub fn drain(
    console: &mut Console<'_>,
    ipvs: &mut Ipvs,
    request: &DrainRequest,
) -> Result<(), Error> {
    let entries = find_entries(ipvs, request)?;
    if entries.is_empty() {
        return match request.may_be_missing {
            true => Ok(()),
            false => Err(refused(
                operation(request),
                KernelError::Errno(Errno::ENOENT),
            )),
        };
    }
    // A signal from here on finds the way back written, and the weights known.
    let mut waiting =
        Waiting::begin().map_err(|errno| refused(operation(request), errno.into()))?;
    write_way_back(console, &entries, request.deletes)?;
    set_weights_to_zero(ipvs, &entries)?;
    wait(console, ipvs, request, &entries, &mut waiting)?;
    match request.deletes {
        true => delete(ipvs, &entries),
        false => Ok(()),
    }
}

/// What a refusal of the kernel is a refusal of.
fn operation(request: &DrainRequest) -> Operation {
    match request.deletes {
        true => Operation::DeleteDestination,
        false => Operation::EditDestination,
    }
}

/// Every entry of the server, in the order of listings, if they may all be drained.
fn find_entries(ipvs: &mut Ipvs, request: &DrainRequest) -> Result<Vec<Entry>, Error> {
    let only = request.service.as_ref();
    let mut walk = match Walk::begin(ipvs, only, Detail::WithoutStatistics, true) {
        Ok(walk) => walk,
        Err(Error::Kernel(_, KernelError::Errno(Errno::ESRCH))) if request.may_be_missing => {
            return Ok(Vec::new());
        }
        Err(Error::Kernel(_, fault)) => return Err(refused(operation(request), fault)),
        Err(fault) => return Err(fault),
    };
    let mut entries = Vec::new();
    let mut objections = Vec::new();
    while let Some((service, destinations)) = walk.next(ipvs)? {
        let service = &service.service;
        let is_named = |state: &DestinationState| request.names(&state.destination.identity);
        let objection = judgement::objection(service, destinations, is_named);
        objections.extend(objection.filter(|_| !request.is_forced));
        let named = destinations.iter().filter(|state| is_named(state));
        entries.extend(named.map(|state| Entry {
            service: service.identity,
            destination: state.destination,
        }));
    }
    match objections.is_empty() {
        true => Ok(entries),
        false => Err(DrainFault::Refused(objections).into()),
    }
}

/// Writes the rules that put everything back; without them, nothing is begun. Those for servers that are to be deleted say
/// `--exist`: should it come to nothing, they are still there.
fn write_way_back(
    console: &mut Console<'_>,
    entries: &[Entry],
    deletes: bool,
) -> Result<(), Error> {
    let mut endpoints = EndpointWriter::numeric();
    for Entry {
        service,
        destination,
    } in entries
    {
        let out = console.text();
        if deletes {
            let add = Change::AddDestination(*service, *destination);
            rules::write_change(out, &mut endpoints, &add);
            out.pop();
            out.extend_from_slice(b" --exist\n");
        } else {
            let edit = Change::EditDestination(*service, *destination);
            rules::write_change(out, &mut endpoints, &edit);
        }
    }
    console.deliver()
}

fn set_weights_to_zero(ipvs: &mut Ipvs, entries: &[Entry]) -> Result<(), Error> {
    let edits = entries.iter().filter(|entry| entry.destination.weight > 0);
    let edits = edits.map(|entry| {
        let destination = Destination {
            weight: 0,
            ..entry.destination
        };
        Change::EditDestination(entry.service, destination)
    });
    // One that has gone meanwhile is found out by the first look.
    make_all(ipvs, Operation::EditDestination, edits)
}

fn delete(ipvs: &mut Ipvs, entries: &[Entry]) -> Result<(), Error> {
    let deletions = entries
        .iter()
        .map(|entry| Change::DeleteDestination(entry.service, entry.destination.identity));
    make_all(ipvs, Operation::DeleteDestination, deletions)
}

/// Makes changes to destinations. That one of them is there no more is no fault.
fn make_all(
    ipvs: &mut Ipvs,
    operation: Operation,
    changes: impl Iterator<Item = Change>,
) -> Result<(), Error> {
    let mut outcome = Ok(());
    let mut take = |_, fault| {
        if !matches!(fault, KernelError::Errno(Errno::ENOENT | Errno::ESRCH)) {
            outcome = Err(refused(operation, fault));
        }
    };
    for change in changes {
        if ipvs.queue(&change) {
            ipvs.send_queued(&mut take)
                .map_err(|fault| refused(operation, fault))?;
        }
    }
    ipvs.send_queued(&mut take)
        .map_err(|fault| refused(operation, fault))?;
    outcome
}

/// Waits until nobody is on the servers any more.
fn wait(
    console: &mut Console<'_>,
    ipvs: &mut Ipvs,
    request: &DrainRequest,
    entries: &[Entry],
    waiting: &mut Waiting,
) -> Result<(), Error> {
    let begin = Instant::now();
    let limit = request
        .seconds
        .map(|seconds| Duration::from_secs(seconds.into()));
    let mut has_told_of_persistence = false;
    let outcome = loop {
        let seen = look(ipvs, entries).map_err(|fault| refused(operation(request), fault))?;
        let expires_templates = expires_templates();
        match judgement::verdict(entries, &seen, expires_templates, request.deletes) {
            Verdict::Drained => break Ok(()),
            Verdict::Disturbed(lines) => break Err(DrainFault::NotDrained(lines)),
            Verdict::NotYet => {}
        }
        let gone_by = begin.elapsed();
        let left = limit.map(|limit| limit.saturating_sub(gone_by));
        if left == Some(Duration::ZERO) {
            break Err(DrainFault::NotDrained(judgement::what_is_left(
                entries, &seen,
            )));
        }
        let progress = DrainProgress::of(request, entries, &seen, gone_by, left);
        if progress.persistent > 0 && !expires_templates && !has_told_of_persistence {
            has_told_of_persistence = true;
            console.keep_hint(Some(judgement::about_persistence(progress.persistent)));
            console.tell_hint();
        }
        if console.is_interactive() {
            console.show_progress(&progress.line(screen::width_of_standard_error()));
        }
        let pause = left.map_or(PAUSE, |left| left.min(PAUSE));
        if let Some(signal) = waiting.pause(pause) {
            let lines = judgement::what_is_left(entries, &seen);
            break Err(DrainFault::Interrupted(signal, lines));
        }
    };
    console.end_progress();
    outcome.map_err(Error::from)
}

/// What has become of each entry.
fn look(ipvs: &mut Ipvs, entries: &[Entry]) -> Result<Vec<Seen>, KernelError> {
    let mut seen = Vec::with_capacity(entries.len());
    let mut destinations = Vec::new();
    for entries in entries.chunk_by(|one, next| one.service == next.service) {
        ipvs.destinations(
            &entries[0].service,
            Detail::WithoutStatistics,
            &mut destinations,
        )?;
        seen.extend(entries.iter().map(|entry| {
            let identity = entry.destination.identity;
            destinations
                .iter()
                .find(|state| state.destination.identity == identity)
                .map_or(Seen::Gone, Seen::of)
        }));
    }
    Ok(seen)
}

fn expires_templates() -> bool {
    fs::read_to_string(EXPIRES_TEMPLATES).is_ok_and(|value| value.trim() != "0")
}
