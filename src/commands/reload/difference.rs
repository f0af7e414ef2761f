//! The fewest changes that make one table another.
//!
//! Pure: it is given the wanted table and the kernel's, service by service, and gives changes.
//! Nothing that stays is touched; what differs is edited in place; every addition comes before any
//! removal, so that no service and no client is without a server in between.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use nix::errno::Errno;

use super::Rule;
use crate::error::{KernelError, Operation, RuleLine};
use crate::model::{
    Change, Destination, DestinationIdentity, DestinationState, ForwardingMethod, ServiceIdentity,
    VirtualService,
};
use crate::request::Request;

/// A change and the line that asks for it; no line asks for a removal.
pub type PlannedChange<'t> = (Change, Option<RuleLine<'t>>);

/// A line that the kernel would refuse on an empty table, and its answer.
pub struct Refusal<'t> {
    pub operation: Operation,
    pub fault: KernelError,
    pub line: RuleLine<'t>,
}

pub struct Plan<'t> {
    /// In the order in which they are to be made.
    pub changes: Vec<PlannedChange<'t>>,
    /// In the order of their lines.
    pub refusals: Vec<Refusal<'t>>,
}

/// A virtual service and its destinations as the rules describe them.
struct WantedService<'r, 't> {
    service: &'r VirtualService,
    line: RuleLine<'t>,
    destinations: BTreeMap<DestinationIdentity, WantedDestination<'r, 't>>,
}

struct WantedDestination<'r, 't> {
    destination: &'r Destination,
    line: &'r RuleLine<'t>,
}

/// The table that rules describe, and the lines that an empty table would refuse: duplicates, and
/// servers of services that no line before them adds.
pub struct WantedTable<'r, 't> {
    services: BTreeMap<ServiceIdentity, WantedService<'r, 't>>,
    refusals: Vec<Refusal<'t>>,
}

impl<'r, 't> WantedTable<'r, 't> {
    /// `None` if the rules do more than add.
    pub fn of(rules: &'r [Rule<'t>]) -> Option<WantedTable<'r, 't>> {
        let mut services = BTreeMap::new();
        let mut refusals = Vec::new();
        // Rules of one service mostly come together, and then the service is looked up once.
        for rules in rules.chunk_by(|a, b| service_of(a) == service_of(b)) {
            let identity = *service_of(&rules[0])?;
            let mut wanted: Option<WantedService<'r, 't>> = services.remove(&identity);
            for Rule { line, request } in rules {
                let mut refuse = |operation, errno| {
                    refusals.push(Refusal {
                        operation,
                        fault: KernelError::Errno(errno),
                        line: *line,
                    });
                };
                match (request, &mut wanted) {
                    (Request::Change(Change::AddService(service)), None) => {
                        wanted = Some(WantedService {
                            service,
                            line: *line,
                            destinations: BTreeMap::new(),
                        });
                    }
                    (Request::Change(Change::AddService(_)), Some(_)) => {
                        refuse(Operation::AddService, Errno::EEXIST);
                    }
                    (Request::Change(Change::AddDestination(_, destination)), Some(wanted)) => {
                        match wanted.destinations.entry(destination.identity) {
                            Entry::Vacant(entry) => {
                                entry.insert(WantedDestination { destination, line });
                            }
                            Entry::Occupied(_) => refuse(Operation::AddDestination, Errno::EEXIST),
                        }
                    }
                    (Request::Change(Change::AddDestination(..)), None) => {
                        refuse(Operation::AddDestination, Errno::ESRCH);
                    }
                    _ => return None,
                }
            }
            services.extend(wanted.map(|wanted| (identity, wanted)));
        }
        Some(WantedTable { services, refusals })
    }
}

/// The service that a rule adds, or adds a destination to; `None` if it does something else.
fn service_of<'r>(rule: &'r Rule<'_>) -> Option<&'r ServiceIdentity> {
    match &rule.request {
        Request::Change(Change::AddService(service)) => Some(&service.identity),
        Request::Change(Change::AddDestination(service, _)) => Some(service),
        _ => None,
    }
}

/// The difference between the kernel's table and the wanted one, gathered service by service.
pub struct Difference<'r, 't> {
    /// What the kernel has not been seen to have.
    missing: WantedTable<'r, 't>,
    keeps_others: bool,
    edited_services: Vec<PlannedChange<'t>>,
    added_destinations: Vec<PlannedChange<'t>>,
    edited_destinations: Vec<PlannedChange<'t>>,
    removed_destinations: Vec<PlannedChange<'t>>,
    removed_services: Vec<PlannedChange<'t>>,
}

impl<'r, 't> Difference<'r, 't> {
    /// With `keeps_others`, services that the wanted table does not name stay.
    pub fn new(wanted: WantedTable<'r, 't>, keeps_others: bool) -> Difference<'r, 't> {
        Difference {
            missing: wanted,
            keeps_others,
            edited_services: Vec::new(),
            added_destinations: Vec::new(),
            edited_destinations: Vec::new(),
            removed_destinations: Vec::new(),
            removed_services: Vec::new(),
        }
    }

    /// Whether the service's destinations must be read: not if it will be deleted or left alone.
    pub fn needs_destinations_of(&self, service: &VirtualService) -> bool {
        self.missing.services.contains_key(&service.identity)
    }

    /// Compares a virtual service of the kernel's table, with its destinations.
    pub fn compare(&mut self, service: &VirtualService, destinations: &[DestinationState]) {
        let identity = service.identity;
        let Some(wanted) = self.missing.services.remove(&identity) else {
            if !self.keeps_others {
                self.removed_services
                    .push((Change::DeleteService(identity), None));
            }
            return;
        };
        if !is_same_service(service, wanted.service) {
            self.edited_services
                .push((Change::EditService(*wanted.service), Some(wanted.line)));
        }
        let mut missing = wanted.destinations;
        let mut edited = Vec::new();
        for DestinationState { destination, .. } in destinations {
            match missing.remove(&destination.identity) {
                None => self.removed_destinations.push((
                    Change::DeleteDestination(identity, destination.identity),
                    None,
                )),
                Some(wanted) if !is_same_destination(destination, wanted.destination) => {
                    edited.push(wanted);
                }
                Some(_) => {}
            }
        }
        self.edited_destinations
            .extend(in_line_order(edited, |destination| {
                Change::EditDestination(identity, destination)
            }));
        self.added_destinations.extend(in_line_order(
            missing.into_values().collect(),
            |destination| Change::AddDestination(identity, destination),
        ));
    }

    /// What there is to do, once every service of the kernel's table has been compared.
    pub fn into_plan(self) -> Plan<'t> {
        let WantedTable { services, refusals } = self.missing;
        let mut services: Vec<_> = services.into_values().collect();
        services.sort_by_key(|wanted| wanted.line.number);
        let mut changes = Vec::new();
        for WantedService {
            service,
            line,
            destinations,
        } in services
        {
            changes.push((Change::AddService(*service), Some(line)));
            changes.extend(in_line_order(
                destinations.into_values().collect(),
                |destination| Change::AddDestination(service.identity, destination),
            ));
        }
        changes.extend(self.edited_services);
        changes.extend(self.added_destinations);
        changes.extend(self.edited_destinations);
        changes.extend(self.removed_destinations);
        changes.extend(self.removed_services);
        Plan { changes, refusals }
    }
}

/// The changes that destinations ask for, in the order of their lines.
fn in_line_order<'t>(
    mut destinations: Vec<WantedDestination<'_, 't>>,
    change: impl Fn(Destination) -> Change,
) -> impl Iterator<Item = PlannedChange<'t>> {
    destinations.sort_by_key(|wanted| wanted.line.number);
    destinations
        .into_iter()
        .map(move |wanted| (change(*wanted.destination), Some(*wanted.line)))
}

/// Whether two descriptions of a service are the same to the kernel. Without persistence a mask
/// means nothing.
fn is_same_service(there: &VirtualService, wanted: &VirtualService) -> bool {
    let netmask = if wanted.persistence_timeout.is_none() {
        there.netmask
    } else {
        wanted.netmask
    };
    *there == VirtualService { netmask, ..*wanted }
}

/// Whether two descriptions of a destination are the same to the kernel, which finds out by itself
/// that a server is local and then shows that instead of direct routing.
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
        for service in from.services.values() {
            let destinations = service.destinations.values();
            let destinations: Vec<_> = destinations
                .map(|there| state(*there.destination))
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
