//! The way from the kernel's table to the wanted one, while others change the kernel's.
//!
//! Each look at the table is followed by the changes that it asks for. A refusal that contradicts
//! the look (what was missing exists, what was there does not) says that somebody else was faster:
//! then the table is looked at again. Only what is refused at the last look counts as refused.
//! Other refusals end it before anything is removed.

#![forbid(unsafe_code)]

use std::collections::HashSet;
use std::mem;

use nix::errno::Errno;

use crate::commands::refused_listing;
use crate::error::{Error, KernelError, Operation, RuleLine};
use crate::ipvs::{Detail, Ipvs};
use crate::model::{Change, DestinationState, ServiceIdentity, VirtualService};

use super::difference::{Difference, Plan, PlannedChange, WantedTable};

/// How often the table is looked at. Who is overtaken so often is told what is in the way.
const MOST_LOOKS: usize = 20;

/// A table of virtual services, as far as a restore needs one: the kernel's, or a model of it.
pub trait Table {
    /// Returns all virtual services, each once.
    fn services(&mut self) -> Result<Vec<VirtualService>, KernelError>;

    /// Replaces `destinations` by those of a virtual service, each once; none if there is no such
    /// service.
    fn destinations(
        &mut self,
        service: &ServiceIdentity,
        destinations: &mut Vec<DestinationState>,
    ) -> Result<(), KernelError>;

    /// Makes changes, in order. Calls `refused(index, error)` for each rejected one.
    ///
    /// # Errors
    /// What keeps the rest from being made at all.
    fn make(
        &mut self,
        changes: &[PlannedChange<'_>],
        refused: impl FnMut(usize, KernelError),
    ) -> Result<(), Error>;
}

impl Table for Ipvs {
    fn services(&mut self) -> Result<Vec<VirtualService>, KernelError> {
        let states = Ipvs::services(self, Detail::WithoutStatistics)?;
        Ok(states.into_iter().map(|state| state.service).collect())
    }

    fn destinations(
        &mut self,
        service: &ServiceIdentity,
        destinations: &mut Vec<DestinationState>,
    ) -> Result<(), KernelError> {
        Ipvs::destinations(self, service, Detail::WithoutStatistics, destinations)
    }

    fn make(
        &mut self,
        changes: &[PlannedChange<'_>],
        mut refused: impl FnMut(usize, KernelError),
    ) -> Result<(), Error> {
        let mut first = 0;
        for (index, (change, _)) in changes.iter().enumerate() {
            if self.queue(change) || index + 1 == changes.len() {
                self.send_queued(|at, fault| refused(first + at, fault))
                    .map_err(|fault| Error::Kernel(Operation::from(change), fault))?;
                first = index + 1;
            }
        }
        Ok(())
    }
}

/// A change that the kernel refused.
#[derive(Clone, Copy)]
pub struct Refused<'t> {
    operation: Operation,
    fault: KernelError,
    line: Option<RuleLine<'t>>,
}

impl Refused<'_> {
    /// The message, which quotes the line that asked for the change, if one did.
    pub fn error(&self) -> Error {
        match self.line {
            None => Error::Kernel(self.operation, self.fault),
            Some(line) => Error::RefusedRule(self.operation, self.fault, line.to_owned()),
        }
    }

    /// Returns true if the line with this number asked for the change.
    pub fn is_of(&self, number: usize) -> bool {
        self.line.is_some_and(|line| line.number == number)
    }
}

/// Makes a table the wanted one. Appends to `refused` what was refused, in the order in which it is
/// to be told; also where the outcome is an error.
///
/// # Errors
/// [`Error::NothingRemoved`] where an addition was refused; [`Error::Kernel`] where the table cannot
/// be read, or nothing be sent.
pub fn make_equal<'t>(
    table: &mut impl Table,
    wanted: &mut WantedTable<'t>,
    keeps_others: bool,
    refused: &mut Vec<Refused<'t>>,
) -> Result<(), Error> {
    let mut refused_others = Vec::new();
    for looks in 1..=MOST_LOOKS {
        let is_last = looks == MOST_LOOKS;
        let plan = look(table, wanted, keeps_others)?;
        refused.clear();
        let was_overtaken = make(table, &plan.additions, refused)?;
        if was_overtaken && !is_last {
            continue;
        }
        let is_complete = refused.is_empty();
        let outcome = make(table, &mem::take(&mut wanted.others), &mut refused_others);
        refused.extend_from_slice(&refused_others);
        outcome?;
        refused.extend(wanted.refusals.iter().map(|refusal| Refused {
            operation: refusal.operation,
            fault: refusal.fault,
            line: Some(refusal.line),
        }));
        if !is_complete {
            return Err(Error::NothingRemoved);
        }
        let was_overtaken = make(table, &plan.removals, refused)?;
        if !was_overtaken || is_last {
            break;
        }
    }
    Ok(())
}

/// Looks at a table, and returns the changes that make it the wanted one.
pub fn look<'t>(
    table: &mut impl Table,
    wanted: &mut WantedTable<'t>,
    keeps_others: bool,
) -> Result<Plan<'t>, Error> {
    let services = table.services().map_err(refused_listing)?;
    let mut difference = Difference::new(wanted, keeps_others);
    let mut destinations = Vec::new();
    for service in services {
        destinations.clear();
        if difference.needs_destinations_of(&service) {
            table
                .destinations(&service.identity, &mut destinations)
                .map_err(refused_listing)?;
        }
        difference.compare(&service, &destinations);
    }
    Ok(difference.into_plan())
}

/// Makes changes and appends those refused. Returns true if one of them was refused because the
/// table is not what it was when it was looked at.
fn make<'t>(
    table: &mut impl Table,
    changes: &[PlannedChange<'t>],
    refused: &mut Vec<Refused<'t>>,
) -> Result<bool, Error> {
    let mut was_overtaken = false;
    // Services that are missing because they were refused.
    let mut not_added = HashSet::new();
    table.make(changes, |index, fault| {
        let Some((change, line)) = changes.get(index) else {
            return;
        };
        match judge(change, fault, &not_added) {
            Verdict::Done => return,
            Verdict::Overtaken => was_overtaken = true,
            Verdict::Refused => {
                if let Change::AddService(service) = change {
                    not_added.insert(service.identity);
                }
            }
        }
        refused.push(Refused {
            operation: Operation::from(change),
            fault,
            line: *line,
        });
    })?;
    Ok(was_overtaken)
}

/// What a refusal means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    /// Somebody else has made the change.
    Done,
    /// The table is not what it was.
    Overtaken,
    /// The kernel does not want it.
    Refused,
}

/// Judges a refused change by the errnos of `net/netfilter/ipvs/ip_vs_ctl.c`.
fn judge(change: &Change, fault: KernelError, not_added: &HashSet<ServiceIdentity>) -> Verdict {
    let KernelError::Errno(errno) = fault else {
        return Verdict::Refused;
    };
    match (change, errno) {
        (Change::DeleteService(_), Errno::ESRCH)
        | (Change::DeleteDestination(..), Errno::ENOENT) => Verdict::Done,
        (Change::AddService(_) | Change::AddDestination(..), Errno::EEXIST)
        | (Change::EditService(_), Errno::ESRCH)
        | (Change::EditDestination(..), Errno::ENOENT) => Verdict::Overtaken,
        (
            Change::AddDestination(service, _)
            | Change::EditDestination(service, _)
            | Change::DeleteDestination(service, _),
            Errno::ESRCH,
        ) if !not_added.contains(service) => Verdict::Overtaken,
        _ => Verdict::Refused,
    }
}
