//! The table that rules describe.
//!
//! Pure: rules are taken one after another, as a kernel would that begins without a table, and what
//! it is bound to refuse is remembered. What to change for it is the business of
//! [`super::difference`].

#![forbid(unsafe_code)]

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, HashMap};

use nix::errno::Errno;

use super::ReadRule;
use crate::edit::{Addition, Edit, Instead};
use crate::error::{Error, KernelError, Operation, RuleLine, UsageError};
use crate::model::{Change, Destination, DestinationIdentity, ServiceIdentity, VirtualService};
use crate::request::Request;

/// A change that has nothing to do with the table: of timeouts, or of a sync daemon.
#[derive(Clone, Copy)]
pub struct Other<'t> {
    pub change: Change,
    /// It is no fault if that is so already (`--exist`).
    pub may_be_so: bool,
    pub line: RuleLine<'t>,
}

impl<'t> Other<'t> {
    /// Returns what a rule asks for, if it is that.
    pub fn of(rule: &ReadRule<'t>) -> Option<Other<'t>> {
        let (change, may_be_so) = match rule.request {
            Request::Change(change) => (change, false),
            Request::Exist(change) => (change, true),
            _ => return None,
        };
        matches!(
            change,
            Change::SetTimeouts(_) | Change::StartDaemon(_) | Change::StopDaemon(..)
        )
        .then_some(Other {
            change,
            may_be_so,
            line: rule.line,
        })
    }
}

/// The kernel's answer to a change that it refuses, or is bound to refuse.
#[derive(Clone, Copy)]
pub struct Refusal<'t> {
    pub operation: Operation,
    pub fault: KernelError,
    /// The line that asks for the change, if one does.
    pub line: Option<RuleLine<'t>>,
}

impl Refusal<'_> {
    /// Returns the message.
    pub fn error(&self) -> Error {
        Error::of_refusal(self.operation, self.fault, self.line)
    }

    /// Returns true if the line with this number asks for the change.
    pub fn is_of(&self, number: usize) -> bool {
        self.line.is_some_and(|line| line.number == number)
    }
}

/// The table that rules leave behind where there was none before; and the lines that the kernel is
/// bound to refuse then, like one that adds what is there or changes what is not.
#[derive(Default)]
pub struct WantedTable<'t> {
    pub services: HashMap<ServiceIdentity, WantedService<'t>>,
    /// Changes that are no matter of the table.
    pub others: Vec<Other<'t>>,
    /// In the order of their lines.
    pub refusals: Vec<Refusal<'t>>,
    /// The number of comparisons so far.
    pub comparisons: usize,
}

/// A virtual service and its destinations as the rules describe them.
pub struct WantedService<'t> {
    pub service: VirtualService,
    pub line: RuleLine<'t>,
    pub destinations: BTreeMap<DestinationIdentity, WantedDestination<'t>>,
    /// The number of the comparison that saw it last.
    pub seen: usize,
}

pub struct WantedDestination<'t> {
    pub destination: Destination,
    pub line: RuleLine<'t>,
    /// The number of the comparison that saw it last.
    pub seen: usize,
    /// True if a comparison found it at weight 0, and it is to get another.
    pub was_drained: bool,
}

impl<'t> WantedDestination<'t> {
    fn of(destination: Destination, line: RuleLine<'t>) -> WantedDestination<'t> {
        WantedDestination {
            destination,
            line,
            seen: 0,
            was_drained: false,
        }
    }
}

impl<'t> WantedTable<'t> {
    /// Returns the table that the rules make; `None` if they do more than change tables, timeouts
    /// and daemons.
    ///
    /// # Errors
    /// [`Error::Rule`] for an edit that does not go with what the rules before it have left.
    pub fn of(rules: &[ReadRule<'t>]) -> Result<Option<WantedTable<'t>>, Error> {
        let mut table = WantedTable::default();
        // Rules of one service mostly come together, and then the service is looked up once.
        for rules in rules.chunk_by(|a, b| service_of(a) == service_of(b)) {
            match service_of(&rules[0]) {
                Some(identity) => table.take_rules_of(*identity, rules)?,
                None => {
                    let taken = rules.iter().try_for_each(|rule| table.take_other(rule));
                    if taken.is_none() {
                        return Ok(None);
                    }
                }
            }
        }
        Ok(Some(table))
    }

    /// Takes rules that are all about one service.
    fn take_rules_of(
        &mut self,
        identity: ServiceIdentity,
        rules: &[ReadRule<'t>],
    ) -> Result<(), Error> {
        let mut wanted = self.services.remove(&identity);
        for ReadRule { request, line } in rules {
            let (operation, taken) = match request {
                Request::Change(change) => (
                    Operation::from(change),
                    take_change(&mut wanted, change, *line),
                ),
                Request::Exist(change) => {
                    (Operation::from(change), exist(&mut wanted, change, *line))
                }
                Request::Keep(edit) => {
                    let taken = match edited(wanted.as_ref(), edit) {
                        Ok(change) => take_change(&mut wanted, &change, *line),
                        Err(Error::Kernel(_, KernelError::Errno(errno))) => Err(errno),
                        Err(Error::Usage(fault)) => {
                            return Err(Error::Rule(fault, RuleLine::to_owned(*line)));
                        }
                        Err(fault) => return Err(fault),
                    };
                    (edit.operation(), taken)
                }
                Request::AddMissing(addition) => {
                    let change = supplied(wanted.as_ref(), addition);
                    let change =
                        change.map_err(|fault| Error::Rule(fault, RuleLine::to_owned(*line)))?;
                    let Some(change) = change else { continue };
                    (
                        Operation::from(&change),
                        take_change(&mut wanted, &change, *line),
                    )
                }
                _ => continue,
            };
            if let Err(errno) = taken {
                self.refusals.push(Refusal {
                    operation,
                    fault: KernelError::Errno(errno),
                    line: Some(*line),
                });
            }
        }
        self.services
            .extend(wanted.map(|wanted| (identity, wanted)));
        Ok(())
    }

    /// Adds a service that is there, whatever the rules say of it.
    pub fn hold(&mut self, service: VirtualService, destinations: Vec<Destination>) {
        let line = RuleLine {
            number: 0,
            text: b"",
        };
        let destinations = destinations.into_iter();
        let destinations = destinations
            .map(|destination| {
                (
                    destination.identity,
                    WantedDestination::of(destination, line),
                )
            })
            .collect();
        self.services.insert(
            service.identity,
            WantedService {
                service,
                line,
                destinations,
                seen: 0,
            },
        );
    }

    /// Takes a rule, as a kernel with this table would. Returns true if it changes the table, or
    /// sets counters in it to zero.
    ///
    /// # Errors
    /// [`Error::Rule`] for an edit that does not go with what is there.
    pub fn take(&mut self, rule: &ReadRule<'t>) -> Result<bool, Error> {
        if let Some(identity) = service_of(rule) {
            let before = self.held(identity);
            self.take_rules_of(*identity, std::slice::from_ref(rule))?;
            return Ok(self.held(identity) != before);
        }
        let has_services = !self.services.is_empty();
        Ok(match rule.request {
            Request::Change(Change::Zero(Some(service))) => self.services.contains_key(&service),
            Request::Change(Change::Zero(None)) => has_services,
            Request::Change(Change::Flush) => {
                self.services.clear();
                has_services
            }
            _ => false,
        })
    }

    /// Returns a service, with its destinations in order.
    fn held(&self, identity: &ServiceIdentity) -> Option<(VirtualService, Vec<Destination>)> {
        let wanted = self.services.get(identity)?;
        let destinations = wanted.destinations.values();
        let destinations = destinations.map(|wanted| wanted.destination).collect();
        Some((wanted.service, destinations))
    }

    /// Returns the destinations that a comparison saw at weight 0, and that are to have another, in
    /// the order of their lines.
    pub fn drained(&self) -> Vec<(ServiceIdentity, DestinationIdentity)> {
        let mut drained = Vec::new();
        for (service, wanted) in &self.services {
            let destinations = wanted.destinations.values();
            drained.extend(
                destinations
                    .filter(|wanted| wanted.was_drained)
                    .map(|wanted| (wanted.line.number, (*service, wanted.destination.identity))),
            );
        }
        drained.sort_by_key(|(line, _)| *line);
        drained.into_iter().map(|(_, name)| name).collect()
    }

    /// Takes a rule that is about no service.
    fn take_other(&mut self, rule: &ReadRule<'t>) -> Option<()> {
        match rule.request {
            Request::Change(Change::Flush) => self.services.clear(),
            _ => self.others.push(Other::of(rule)?),
        }
        Some(())
    }
}

/// Returns the change that an edit comes to. What the edit does not name stays as it is.
fn edited(wanted: Option<&WantedService<'_>>, edit: &Edit) -> Result<Change, Error> {
    let missing = |errno| Error::Kernel(edit.operation(), KernelError::Errno(errno));
    let wanted = wanted.ok_or_else(|| missing(Errno::ESRCH))?;
    Ok(match edit {
        Edit::Service(edit) => Change::EditService(edit.of(&wanted.service)?),
        Edit::Destination(edit) => {
            let there = wanted.destinations.get(&edit.identity);
            let there = there.ok_or_else(|| missing(Errno::ENOENT))?;
            Change::EditDestination(edit.service, edit.of(&there.destination)?)
        }
    })
}

/// Returns the change that an addition comes to; `None` where nothing is to change.
fn supplied(
    wanted: Option<&WantedService<'_>>,
    addition: &Addition,
) -> Result<Option<Change>, UsageError> {
    match addition {
        Addition::Service(addition) => addition.change(wanted.map(|wanted| &wanted.service)),
        Addition::Destination(addition) => addition.change(|identity| {
            let there = wanted?.destinations.get(identity)?;
            Some(there.destination)
        }),
    }
}

/// Makes a change that may have been made before.
fn exist<'t>(
    wanted: &mut Option<WantedService<'t>>,
    change: &Change,
    line: RuleLine<'t>,
) -> Result<(), Errno> {
    take_change(wanted, change, line).or_else(|errno| match Instead::of(change, errno) {
        Some(Instead::Edit(change)) => take_change(wanted, &change, line),
        Some(Instead::Nothing) => Ok(()),
        Some(Instead::NothingIfSame(_)) | None => Err(errno),
    })
}

/// Makes a change to a service as the kernel would, which answers with an errno where that service
/// or destination is there already, or is not.
fn take_change<'t>(
    wanted: &mut Option<WantedService<'t>>,
    change: &Change,
    line: RuleLine<'t>,
) -> Result<(), Errno> {
    match *change {
        Change::AddService(service) => match wanted {
            Some(_) => return Err(Errno::EEXIST),
            None => {
                let destinations = BTreeMap::new();
                *wanted = Some(WantedService {
                    service,
                    line,
                    destinations,
                    seen: 0,
                });
            }
        },
        Change::EditService(service) => {
            let wanted = wanted.as_mut().ok_or(Errno::ESRCH)?;
            (wanted.service, wanted.line) = (service, line);
        }
        Change::DeleteService(_) => drop(wanted.take().ok_or(Errno::ESRCH)?),
        Change::AddDestination(_, destination) => {
            let wanted = wanted.as_mut().ok_or(Errno::ESRCH)?;
            check_destination(&destination)?;
            match wanted.destinations.entry(destination.identity) {
                Entry::Vacant(entry) => entry.insert(WantedDestination::of(destination, line)),
                Entry::Occupied(_) => return Err(Errno::EEXIST),
            };
        }
        Change::EditDestination(_, destination) => {
            let wanted = wanted.as_mut().ok_or(Errno::ESRCH)?;
            check_destination(&destination)?;
            let there = wanted.destinations.get_mut(&destination.identity);
            *there.ok_or(Errno::ENOENT)? = WantedDestination::of(destination, line);
        }
        Change::DeleteDestination(_, identity) => {
            let wanted = wanted.as_mut().ok_or(Errno::ESRCH)?;
            wanted.destinations.remove(&identity).ok_or(Errno::ENOENT)?;
        }
        _ => {}
    }
    Ok(())
}

/// Checks what the kernel checks of a destination whatever else there is (`ip_vs_add_dest` in
/// `net/netfilter/ipvs/ip_vs_ctl.c`).
fn check_destination(destination: &Destination) -> Result<(), Errno> {
    if destination.lower_threshold > destination.upper_threshold {
        return Err(Errno::ERANGE);
    }
    Ok(())
}

/// Returns the service that a rule is about.
pub fn service_of<'r>(rule: &'r ReadRule<'_>) -> Option<&'r ServiceIdentity> {
    match &rule.request {
        Request::Change(change) | Request::Exist(change) => match change {
            Change::AddService(service) | Change::EditService(service) => Some(&service.identity),
            Change::DeleteService(service)
            | Change::AddDestination(service, _)
            | Change::EditDestination(service, _)
            | Change::DeleteDestination(service, _) => Some(service),
            _ => None,
        },
        Request::Keep(edit) => Some(match edit.as_ref() {
            Edit::Service(edit) => &edit.identity,
            Edit::Destination(edit) => &edit.service,
        }),
        Request::AddMissing(addition) => Some(addition.service()),
        _ => None,
    }
}
