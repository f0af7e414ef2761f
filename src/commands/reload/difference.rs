//! The fewest changes that make one table another.
//!
//! Pure: it is shown the wanted table and the kernel's, service by service, and gives changes. Nothing that stays is
//! touched; what differs is edited in place; all that is added comes before anything is removed, so that no service and
//! no client is without a server in between.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use nix::errno::Errno;

use super::Rule;
use super::hash::QuickHash;
use crate::error::{KernelError, Operation, RuleLine};
use crate::model::{
    Change, Destination, DestinationIdentity, DestinationState, ForwardingMethod, ServiceIdentity,
    VirtualService,
};
use crate::request::Request;

/// A change, and the line it came from; a removal comes from none.
pub type PlannedChange<'t> = (Change, Option<RuleLine<'t>>);

/// A line that the kernel would refuse on an empty table, and why.
pub struct Refusal<'t> {
    /// What the line asks for.
    pub operation: Operation,
    /// The kernel's answer to it.
    pub fault: KernelError,
    /// The line.
    pub line: RuleLine<'t>,
}

impl<'t> Refusal<'t> {
    fn of(line: RuleLine<'t>, operation: Operation, errno: Errno) -> Refusal<'t> {
        Refusal {
            operation,
            fault: KernelError::Errno(errno),
            line,
        }
    }
}

/// What there is to do.
pub struct Plan<'t> {
    /// The changes, in the order in which they are to be made.
    pub changes: Vec<PlannedChange<'t>>,
    /// The lines that add what lines before them have added, or add it to nothing; in their order.
    pub refusals: Vec<Refusal<'t>>,
}

/// A virtual service and its destinations as the rules, which are kept, describe them.
struct WantedService<'r, 't> {
    service: &'r VirtualService,
    line: RuleLine<'t>,
    destinations: Vec<(&'r Destination, &'r RuleLine<'t>)>,
}

/// The table that a list of rules describes.
pub struct WantedTable<'r, 't> {
    services: Vec<WantedService<'r, 't>>,
    places: HashMap<ServiceIdentity, usize, QuickHash>,
    refusals: Vec<Refusal<'t>>,
    last_line: usize,
}

impl<'r, 't> WantedTable<'r, 't> {
    /// The table that the rules leave on an empty one; `None` where they do more than add.
    pub fn of(rules: &'r [Rule<'t>]) -> Option<WantedTable<'r, 't>> {
        let mut table = WantedTable {
            services: Vec::new(),
            places: HashMap::default(),
            refusals: Vec::new(),
            last_line: rules.last().map_or(0, |rule| rule.line.number),
        };
        for Rule { line, request } in rules {
            match request {
                Request::Change(Change::AddService(service)) => {
                    match table.places.entry(service.identity) {
                        Entry::Occupied(_) => {
                            let refusal = Refusal::of(*line, Operation::AddService, Errno::EEXIST);
                            table.refusals.push(refusal);
                        }
                        Entry::Vacant(entry) => {
                            entry.insert(table.services.len());
                            table.services.push(WantedService {
                                service,
                                line: *line,
                                destinations: Vec::new(),
                            });
                        }
                    }
                }
                Request::Change(Change::AddDestination(service, destination)) => {
                    match table.places.get(service) {
                        Some(&place) => {
                            table.services[place].destinations.push((destination, line))
                        }
                        None => {
                            let refusal =
                                Refusal::of(*line, Operation::AddDestination, Errno::ESRCH);
                            table.refusals.push(refusal);
                        }
                    }
                }
                _ => return None,
            }
        }
        Some(table)
    }

    /// The number of the last line.
    pub fn last_line(&self) -> usize {
        self.last_line
    }
}

/// The difference between the kernel's table and the wanted one, gathered service by service.
pub struct Difference<'r, 't> {
    wanted: WantedTable<'r, 't>,
    keeps_others: bool,
    is_there: Vec<bool>,
    /// Room for the places of the destinations of one service among those that are wanted.
    positions: HashMap<DestinationIdentity, usize, QuickHash>,
    edited_services: Vec<PlannedChange<'t>>,
    added_destinations: Vec<PlannedChange<'t>>,
    edited_destinations: Vec<PlannedChange<'t>>,
    removed_destinations: Vec<PlannedChange<'t>>,
    removed_services: Vec<PlannedChange<'t>>,
}

/// What the kernel has of a destination that is wanted.
#[derive(Clone, Copy)]
enum Counterpart<'d> {
    /// Nothing.
    Missing,
    /// This.
    There(&'d Destination),
    /// Another line wants the same destination, and came first.
    Repeated,
}

impl<'r, 't> Difference<'r, 't> {
    /// Nothing compared yet. With `keeps_others`, services that the wanted table does not name stay.
    pub fn new(wanted: WantedTable<'r, 't>, keeps_others: bool) -> Difference<'r, 't> {
        Difference {
            keeps_others,
            is_there: vec![false; wanted.services.len()],
            wanted,
            positions: HashMap::default(),
            edited_services: Vec::new(),
            added_destinations: Vec::new(),
            edited_destinations: Vec::new(),
            removed_destinations: Vec::new(),
            removed_services: Vec::new(),
        }
    }

    /// Whether a service's destinations make a difference: one that goes or is not ours to touch has none that do.
    pub fn needs_destinations_of(&self, service: &VirtualService) -> bool {
        self.wanted.places.contains_key(&service.identity)
    }

    /// Compares a virtual service of the kernel's table, with its destinations.
    pub fn compare(&mut self, service: &VirtualService, destinations: &[DestinationState]) {
        let identity = service.identity;
        let Some(&place) = self.wanted.places.get(&identity) else {
            if !self.keeps_others {
                self.removed_services
                    .push((Change::DeleteService(identity), None));
            }
            return;
        };
        let wanted = &self.wanted.services[place];
        self.is_there[place] = true;
        if !is_same_service(service, wanted.service) {
            self.edited_services
                .push((Change::EditService(*wanted.service), Some(wanted.line)));
        }
        self.compare_destinations(place, destinations);
    }

    /// Compares the destinations of the kernel's service with those of the wanted one at `place`.
    fn compare_destinations(&mut self, place: usize, there: &[DestinationState]) {
        let wanted = &self.wanted.services[place];
        let service = wanted.service.identity;
        let mut counterparts = vec![Counterpart::Missing; wanted.destinations.len()];
        self.positions.clear();
        for (position, (destination, line)) in wanted.destinations.iter().enumerate() {
            match self.positions.entry(destination.identity) {
                Entry::Vacant(entry) => {
                    entry.insert(position);
                }
                Entry::Occupied(_) => {
                    counterparts[position] = Counterpart::Repeated;
                    let refusal = Refusal::of(**line, Operation::AddDestination, Errno::EEXIST);
                    self.wanted.refusals.push(refusal);
                }
            }
        }
        for DestinationState { destination, .. } in there {
            match self.positions.get(&destination.identity) {
                Some(&position) => counterparts[position] = Counterpart::There(destination),
                None => self.removed_destinations.push((
                    Change::DeleteDestination(service, destination.identity),
                    None,
                )),
            }
        }
        for ((destination, line), counterpart) in wanted.destinations.iter().zip(counterparts) {
            let line = Some(**line);
            match counterpart {
                Counterpart::Missing => self
                    .added_destinations
                    .push((Change::AddDestination(service, **destination), line)),
                Counterpart::There(there) if !is_same_destination(there, destination) => self
                    .edited_destinations
                    .push((Change::EditDestination(service, **destination), line)),
                Counterpart::There(_) | Counterpart::Repeated => {}
            }
        }
    }

    /// What there is to do, once every service of the kernel's table has been compared.
    pub fn into_plan(mut self) -> Plan<'t> {
        let added_to_services_there = std::mem::take(&mut self.added_destinations);
        let mut changes = Vec::new();
        for place in 0..self.is_there.len() {
            if !self.is_there[place] {
                let WantedService { service, line, .. } = self.wanted.services[place];
                changes.push((Change::AddService(*service), Some(line)));
                self.compare_destinations(place, &[]);
                changes.append(&mut self.added_destinations);
            }
        }
        changes.extend(self.edited_services);
        changes.extend(added_to_services_there);
        changes.extend(self.edited_destinations);
        changes.extend(self.removed_destinations);
        changes.extend(self.removed_services);
        let mut refusals = self.wanted.refusals;
        refusals.sort_by_key(|refusal| refusal.line.number);
        Plan { changes, refusals }
    }
}

/// Whether two descriptions of a service are the same to the kernel: without persistence a mask means nothing.
fn is_same_service(there: &VirtualService, wanted: &VirtualService) -> bool {
    let netmask = if wanted.persistence_timeout.is_none() {
        there.netmask
    } else {
        wanted.netmask
    };
    *there == VirtualService { netmask, ..*wanted }
}

/// Whether two descriptions of a destination are the same to the kernel, which finds out by itself that a server is
/// local and tells of it in place of direct routing.
fn is_same_destination(there: &Destination, wanted: &Destination) -> bool {
    let forwarding_method = match (there.forwarding_method, wanted.forwarding_method) {
        (ForwardingMethod::Local, ForwardingMethod::DirectRouting) => ForwardingMethod::Local,
        (_, method) => method,
    };
    *there
        == Destination {
            forwarding_method,
            ..*wanted
        }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(text: &str) -> Vec<Rule<'_>> {
        super::super::read_rules(text.as_bytes()).unwrap_or_default()
    }

    fn state(destination: Destination) -> DestinationState {
        DestinationState {
            destination,
            active_connections: 3,
            inactive_connections: 2,
            persistent_connections: 1,
            statistics: crate::model::Statistics::default(),
        }
    }

    /// What there is to do from one list of rules to another.
    fn plan<'t>(from: &[Rule<'_>], to: &[Rule<'t>], keeps_others: bool) -> Plan<'t> {
        let from = WantedTable::of(from).unwrap();
        let mut difference = Difference::new(WantedTable::of(to).unwrap(), keeps_others);
        for service in &from.services {
            let destinations: Vec<_> = service
                .destinations
                .iter()
                .map(|(there, _)| state(**there))
                .collect();
            difference.compare(service.service, &destinations);
        }
        difference.into_plan()
    }

    /// The changes from one list of rules to another, as rules.
    fn changes(from: &str, to: &str, keeps_others: bool) -> Vec<String> {
        let mut endpoints = crate::render::endpoints::EndpointWriter::for_rules(true);
        plan(&rules(from), &rules(to), keeps_others)
            .changes
            .iter()
            .map(|(change, _)| {
                let mut out = Vec::new();
                crate::render::rules::write_change(&mut out, &mut endpoints, change);
                String::from_utf8(out).unwrap().trim_end().to_owned()
            })
            .collect()
    }

    const TABLE: &str = "-A -t 10.0.0.1:80 -s rr\n\
                         -a -t 10.0.0.1:80 -r 10.1.0.1:80 -m -w 1\n\
                         -a -t 10.0.0.1:80 -r 10.1.0.2:80 -m -w 1\n\
                         -A -f 7 -s wlc -p 300";

    #[test]
    fn nothing_is_changed_where_nothing_differs() {
        assert_eq!(changes(TABLE, TABLE, false), Vec::<String>::new());
        assert_eq!(
            changes("-A -t 10.0.0.1:80 -M 255.0.0.0", "-A -t 10.0.0.1:80", false),
            Vec::<String>::new()
        );
    }

    #[test]
    fn what_is_added_comes_first_and_what_is_removed_last() {
        let wanted = "-A -t 10.0.0.1:80 -s wrr\n\
                      -a -t 10.0.0.1:80 -r 10.1.0.2:80 -m -w 5\n\
                      -a -t 10.0.0.1:80 -r 10.1.0.3:80 -m -w 1\n\
                      -A -u 10.0.0.1:53 -s rr\n\
                      -a -u 10.0.0.1:53 -r 10.1.0.9:53 -m -w 1";
        assert_eq!(
            changes(TABLE, wanted, false),
            [
                "-A -u 10.0.0.1:53 -s rr",
                "-a -u 10.0.0.1:53 -r 10.1.0.9:53 -m -w 1",
                "-E -t 10.0.0.1:80 -s wrr",
                "-a -t 10.0.0.1:80 -r 10.1.0.3:80 -m -w 1",
                "-e -t 10.0.0.1:80 -r 10.1.0.2:80 -m -w 5",
                "-d -t 10.0.0.1:80 -r 10.1.0.1:80",
                "-D -f 7",
            ]
        );
    }

    #[test]
    fn services_that_are_not_named_stay_where_others_are_kept() {
        assert_eq!(
            changes(TABLE, "-A -f 7 -s rr -p 300", true),
            ["-E -f 7 -s rr -p 300"]
        );
    }

    #[test]
    fn a_line_that_repeats_another_or_names_no_service_is_refused_as_the_kernel_would() {
        let rules = rules(
            "-A -f 1\n-A -f 1\n-a -f 2 -r 10.1.0.1\n-a -f 1 -r 10.1.0.1\n-a -f 1 -r 10.1.0.1 -w 3",
        );
        let plan = plan(&[], &rules, false);
        let refusals: Vec<_> = plan
            .refusals
            .iter()
            .map(|refusal| (refusal.line.number, refusal.fault))
            .collect();
        let errno = KernelError::Errno;
        assert_eq!(
            refusals,
            [
                (2, errno(Errno::EEXIST)),
                (3, errno(Errno::ESRCH)),
                (5, errno(Errno::EEXIST))
            ]
        );
    }

    #[test]
    fn rules_that_do_more_than_add_describe_no_table() {
        assert!(WantedTable::of(&rules("-A -f 1\n-D -f 1")).is_none());
        assert!(WantedTable::of(&rules("-C")).is_none());
        assert!(WantedTable::of(&rules("-l")).is_none());
        assert!(WantedTable::of(&[]).is_some());
    }
}
