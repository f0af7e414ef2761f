//! `--ramp`: gives a server that returns its share by and by, so that it is not flooded.
//!
//! [`judgement`] says which weight comes when, what is not begun, and how it is told. Here is what
//! is asked of the kernel, and when. Reading a weight and changing it are two steps, as with
//! `--keep`: who sets one in between loses it, and sees that if it looks again.

#![forbid(unsafe_code)]

mod judgement;

use std::time::{Duration, Instant};

use nix::errno::Errno;

use crate::commands::console::Console;
use crate::commands::entries::{self, Entry};
use crate::commands::walk::Walk;
use crate::commands::{make_change, refused};
use crate::error::{Error, KernelError, Operation, Unfinished, UsageError};
use crate::ipvs::{Detail, Ipvs};
use crate::model::{Change, Destination, DestinationState};
use crate::render::phrases;
use crate::request::{RampRequest, Returning};
use crate::waiting::Waiting;

/// Gives the servers that the request names their weights, by and by.
pub fn ramp(
    console: &mut Console<'_>,
    ipvs: &mut Ipvs,
    request: &RampRequest,
) -> Result<(), Error> {
    let operation = operation(request);
    let entries = find(ipvs, request, console.command_prefix())?;
    if entries.is_empty() {
        return Err(refused(operation, KernelError::Errno(Errno::ENOENT)));
    }
    // A signal from here on finds written what ends the ramp at once.
    let mut waiting = Waiting::begin().map_err(|errno| refused(operation, errno.into()))?;
    for entry in &entries {
        let edit = entry.with_weight(entry.destination.weight);
        judgement::write_rule(console.text(), &edit);
    }
    console.deliver()?;
    match &request.returning {
        Returning::Added(service, destination) => {
            let destination = Destination {
                weight: 1,
                ..*destination
            };
            make_change(ipvs, &Change::AddDestination(*service, destination))?;
        }
        Returning::Edited(_) | Returning::Everywhere(..) => {
            let edits = entries.iter().map(|entry| entry.with_weight(1));
            // One that has gone meanwhile is found out by the first look.
            entries::make_all(ipvs, operation, edits)?;
        }
    }
    climb(console, ipvs, request, &entries, &mut waiting)
}

/// Returns the operation that a refusal of the kernel refuses.
fn operation(request: &RampRequest) -> Operation {
    match request.returning {
        Returning::Added(..) => Operation::AddDestination,
        Returning::Edited(_) | Returning::Everywhere(..) => Operation::EditDestination,
    }
}

/// Finds the servers, in the order of listings, each with the weight that it is to reach.
fn find(ipvs: &mut Ipvs, request: &RampRequest, prefix: &str) -> Result<Vec<Entry>, Error> {
    let only = match &request.returning {
        Returning::Added(service, _) => Some(service),
        Returning::Edited(edit) => Some(&edit.service),
        Returning::Everywhere(..) => None,
    };
    let refused = |fault| match fault {
        Error::Kernel(_, fault) => refused(operation(request), fault),
        fault => fault,
    };
    let mut walk = Walk::begin(ipvs, only, Detail::WithoutStatistics, true).map_err(refused)?;
    let mut found = Vec::new();
    let mut objections = Vec::new();
    while let Some((service, there)) = walk.next(ipvs).map_err(refused)? {
        for destination in targets(&request.returning, there)? {
            let entry = Entry {
                service: service.service.identity,
                destination,
            };
            objections.extend(judgement::objection(
                &service.service,
                there,
                &entry,
                prefix,
            ));
            found.push(entry);
        }
    }
    match objections.is_empty() {
        true => Ok(found),
        false => Err(Unfinished::RampRefused(objections).into()),
    }
}

/// Returns the destinations of a service that the request is about, as they are to be.
fn targets(returning: &Returning, there: &[DestinationState]) -> Result<Vec<Destination>, Error> {
    let there = there.iter().map(|state| &state.destination);
    match returning {
        Returning::Added(_, destination) => {
            let mut same = there.filter(|there| there.identity == destination.identity);
            match same.next() {
                Some(_) => {
                    let fault = KernelError::Errno(Errno::EEXIST);
                    Err(refused(Operation::AddDestination, fault))
                }
                None => Ok(vec![*destination]),
            }
        }
        Returning::Edited(edit) => {
            let there = there.filter(|there| there.identity == edit.identity);
            let edited: Result<Vec<_>, UsageError> = there.map(|there| edit.of(there)).collect();
            edited.map_err(Error::from)
        }
        Returning::Everywhere(server, weight) => {
            let named = there.filter(|there| server.is(&there.identity));
            let edited = named.map(|there| Destination {
                weight: weight.unwrap_or(there.weight),
                ..*there
            });
            Ok(edited.collect())
        }
    }
}

/// Raises the weights from 1, a look a second.
fn climb(
    console: &mut Console<'_>,
    ipvs: &mut Ipvs,
    request: &RampRequest,
    entries: &[Entry],
    waiting: &mut Waiting,
) -> Result<(), Error> {
    let name = match &request.returning {
        Returning::Added(_, destination) => phrases::endpoint(destination.identity),
        Returning::Edited(edit) => phrases::endpoint(edit.identity),
        Returning::Everywhere(server, _) => phrases::named_server(*server),
    };
    let begin = Instant::now();
    let length = Duration::from_secs(request.seconds.into());
    let mut given = vec![1; entries.len()];
    let outcome = loop {
        let refused = |fault| refused(Operation::EditDestination, fault);
        let seen = entries::look(ipvs, entries).map_err(refused)?;
        let looks = || entries.iter().zip(&seen);
        let disturbances = looks().zip(&given).filter_map(|((entry, seen), given)| {
            judgement::disturbance(entry, *given, seen.as_ref())
        });
        let mut disturbances: Vec<_> = disturbances.collect();
        if !disturbances.is_empty() {
            let all_are_there = seen.iter().all(Option::is_some);
            let prefix = console.command_prefix();
            disturbances.push(judgement::other_plans(all_are_there, prefix));
            break Err(Unfinished::GivenUp(disturbances));
        }
        let gone_by = begin.elapsed();
        let mut steps = Vec::new();
        for ((entry, seen), given) in looks().zip(&mut given) {
            let weight = judgement::weight_at(gone_by, length, entry.destination.weight);
            // What others have changed of it meanwhile, but for the weight, is theirs.
            if let Some(state) = seen
                && weight != *given
            {
                let destination = state.destination;
                let now = Entry {
                    destination,
                    ..*entry
                };
                steps.push(now.with_weight(weight));
                *given = weight;
            }
        }
        entries::make_all(ipvs, Operation::EditDestination, steps.into_iter())?;
        if gone_by >= length {
            break Ok(gone_by);
        }
        console.show_progress(&judgement::progress(
            &name, entries, &given, gone_by, length,
        ));
        if let Some(signal) = waiting.pause(judgement::pause_after(gone_by)) {
            let lines = judgement::interrupted(entries, &given, console.command_prefix());
            break Err(Unfinished::Interrupted(signal, lines));
        }
    };
    console.end_progress();
    let gone_by = outcome?;
    console.report_end(&judgement::reached(&name, entries, gone_by));
    Ok(())
}
