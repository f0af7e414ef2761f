//! The fewest changes that make one table another.
//!
//! Pure: it is given the wanted table and the kernel's, service by service, and returns changes.
//! Nothing that stays is touched; what differs is edited in place; additions and removals are kept
//! apart, so that no service and no client is without a server in between. An entry is removed
//! because it was seen and is not wanted, however often it was seen; one that is wanted is never.

#![forbid(unsafe_code)]

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, HashMap};

use nix::errno::Errno;

use super::ReadRule;
use crate::edit::{Edit, Instead};
use crate::error::{Error, KernelError, Operation, RuleLine};
use crate::model::{
    Change, Destination, DestinationIdentity, DestinationState, ForwardingMethod, ServiceIdentity,
    VirtualService,
};
use crate::request::Request;

/// A change and the line that asks for it; no line asks for a removal.
pub type PlannedChange<'t> = (Change, Option<RuleLine<'t>>);

/// A line that the kernel is bound to refuse, and its answer.
pub struct Refusal<'t> {
    pub operation: Operation,
    pub fault: KernelError,
    pub line: RuleLine<'t>,
}

/// The changes that a table needs, each part in the order in which it is to be made.
pub struct Plan<'t> {
    /// Adds to the table, or changes what stays.
    pub additions: Vec<PlannedChange<'t>>,
    /// Takes away from the table.
    pub removals: Vec<PlannedChange<'t>>,
}

/// A virtual service and its destinations as the rules describe them.
struct WantedService<'t> {
    service: VirtualService,
    line: RuleLine<'t>,
    destinations: BTreeMap<DestinationIdentity, WantedDestination<'t>>,
    /// The number of the comparison that saw it last.
    seen: usize,
}

struct WantedDestination<'t> {
    destination: Destination,
    line: RuleLine<'t>,
    /// The number of the comparison that saw it last.
    seen: usize,
}

impl<'t> WantedDestination<'t> {
    fn of(destination: Destination, line: RuleLine<'t>) -> WantedDestination<'t> {
        WantedDestination {
            destination,
            line,
            seen: 0,
        }
    }
}

/// The table that rules leave behind where there was none before; and the lines that the kernel is
/// bound to refuse then, like one that adds what is there or changes what is not.
#[derive(Default)]
pub struct WantedTable<'t> {
    services: HashMap<ServiceIdentity, WantedService<'t>>,
    /// Changes that are no matter of the table: timeouts, sync daemons.
    pub others: Vec<PlannedChange<'t>>,
    /// In the order of their lines.
    pub refusals: Vec<Refusal<'t>>,
    /// The number of comparisons so far.
    comparisons: usize,
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
                _ => continue,
            };
            if let Err(errno) = taken {
                self.refusals.push(Refusal {
                    operation,
                    fault: KernelError::Errno(errno),
                    line: *line,
                });
            }
        }
        self.services
            .extend(wanted.map(|wanted| (identity, wanted)));
        Ok(())
    }

    /// Takes a rule that is about no service.
    fn take_other(&mut self, rule: &ReadRule<'t>) -> Option<()> {
        match rule.request {
            Request::Change(Change::Flush) => self.services.clear(),
            Request::Change(
                change @ (Change::SetTimeouts(_) | Change::StartDaemon(_) | Change::StopDaemon(..)),
            ) => self.others.push((change, Some(rule.line))),
            _ => return None,
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

/// Makes a change that may have been made before.
fn exist<'t>(
    wanted: &mut Option<WantedService<'t>>,
    change: &Change,
    line: RuleLine<'t>,
) -> Result<(), Errno> {
    take_change(wanted, change, line).or_else(|errno| match Instead::of(change, errno) {
        Some(Instead::Edit(change)) => take_change(wanted, &change, line),
        Some(Instead::Nothing) => Ok(()),
        None => Err(errno),
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
fn service_of<'r>(rule: &'r ReadRule<'_>) -> Option<&'r ServiceIdentity> {
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
        _ => None,
    }
}

/// A comparison of the kernel's table with the wanted one, service by service.
pub struct Difference<'w, 't> {
    wanted: &'w mut WantedTable<'t>,
    keeps_others: bool,
    edited_services: Vec<PlannedChange<'t>>,
    added_destinations: Vec<PlannedChange<'t>>,
    edited_destinations: Vec<PlannedChange<'t>>,
    removed_destinations: Vec<PlannedChange<'t>>,
    removed_services: Vec<PlannedChange<'t>>,
}

impl<'w, 't> Difference<'w, 't> {
    /// Begins a comparison. With `keeps_others`, services that the wanted table does not name stay.
    pub fn new(wanted: &'w mut WantedTable<'t>, keeps_others: bool) -> Difference<'w, 't> {
        wanted.comparisons += 1;
        Difference {
            wanted,
            keeps_others,
            edited_services: Vec::new(),
            added_destinations: Vec::new(),
            edited_destinations: Vec::new(),
            removed_destinations: Vec::new(),
            removed_services: Vec::new(),
        }
    }

    /// Returns true if the service's destinations must be read: it will neither be deleted nor left
    /// alone.
    pub fn needs_destinations_of(&self, service: &VirtualService) -> bool {
        self.wanted.services.contains_key(&service.identity)
    }

    /// Compares a virtual service of the kernel's table, with its destinations.
    pub fn compare(&mut self, service: &VirtualService, destinations: &[DestinationState]) {
        let identity = service.identity;
        let comparison = self.wanted.comparisons;
        let Some(wanted) = self.wanted.services.get_mut(&identity) else {
            if !self.keeps_others {
                self.removed_services
                    .push((Change::DeleteService(identity), None));
            }
            return;
        };
        wanted.seen = comparison;
        if !is_same_service(service, &wanted.service) {
            self.edited_services
                .push((Change::EditService(wanted.service), Some(wanted.line)));
        }
        let mut edited = Vec::new();
        for DestinationState { destination, .. } in destinations {
            let Some(wanted) = wanted.destinations.get_mut(&destination.identity) else {
                let removal = Change::DeleteDestination(identity, destination.identity);
                self.removed_destinations.push((removal, None));
                continue;
            };
            if wanted.seen != comparison {
                wanted.seen = comparison;
                if !is_same_destination(destination, &wanted.destination) {
                    edited.push((wanted.destination, wanted.line));
                }
            }
        }
        self.edited_destinations
            .extend(in_line_order(edited, |destination| {
                Change::EditDestination(identity, destination)
            }));
        let missing = wanted.destinations.values();
        let missing = missing.filter(|wanted| wanted.seen != comparison);
        self.added_destinations.extend(in_line_order(
            missing
                .map(|wanted| (wanted.destination, wanted.line))
                .collect(),
            |destination| Change::AddDestination(identity, destination),
        ));
    }

    /// Returns the changes that are needed, once every service of the kernel's table has been
    /// compared.
    pub fn into_plan(self) -> Plan<'t> {
        let comparison = self.wanted.comparisons;
        let services = self.wanted.services.values();
        let mut missing: Vec<_> = services
            .filter(|wanted| wanted.seen != comparison)
            .collect();
        missing.sort_by_key(|wanted| wanted.line.number);
        let mut additions = Vec::new();
        for wanted in missing {
            let service = wanted.service;
            additions.push((Change::AddService(service), Some(wanted.line)));
            let destinations = wanted.destinations.values();
            additions.extend(in_line_order(
                destinations
                    .map(|wanted| (wanted.destination, wanted.line))
                    .collect(),
                |destination| Change::AddDestination(service.identity, destination),
            ));
        }
        additions.extend(self.edited_services);
        additions.extend(self.added_destinations);
        additions.extend(self.edited_destinations);
        let mut removals = self.removed_destinations;
        removals.extend(self.removed_services);
        Plan {
            additions,
            removals,
        }
    }
}

/// Returns the changes that destinations ask for, in the order of their lines.
fn in_line_order<'t>(
    mut destinations: Vec<(Destination, RuleLine<'t>)>,
    change: impl Fn(Destination) -> Change,
) -> impl Iterator<Item = PlannedChange<'t>> {
    destinations.sort_by_key(|(_, line)| line.number);
    destinations
        .into_iter()
        .map(move |(destination, line)| (change(destination), Some(line)))
}

/// Returns true if two descriptions of a service are the same to the kernel. Without persistence a
/// mask means nothing.
fn is_same_service(there: &VirtualService, wanted: &VirtualService) -> bool {
    let netmask = if wanted.persistence_timeout.is_none() {
        there.netmask
    } else {
        wanted.netmask
    };
    *there == VirtualService { netmask, ..*wanted }
}

/// Returns true if two descriptions of a destination are the same to the kernel, which finds out by
/// itself that a server is local and then shows that instead of direct routing.
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

    fn rules(text: &str) -> Vec<ReadRule<'_>> {
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

    fn wanted<'t>(rules: &[ReadRule<'t>]) -> WantedTable<'t> {
        WantedTable::of(rules).unwrap().unwrap()
    }

    /// Returns the plan from one list of rules to another.
    fn plan<'t>(from: &[ReadRule<'_>], to: &mut WantedTable<'t>, keeps_others: bool) -> Plan<'t> {
        let from = wanted(from);
        let mut difference = Difference::new(to, keeps_others);
        for service in from.services.values() {
            let destinations = service.destinations.values();
            let destinations: Vec<_> = destinations.map(|there| state(there.destination)).collect();
            difference.compare(&service.service, &destinations);
        }
        difference.into_plan()
    }

    /// Returns the changes from one list of rules to another, as rules.
    fn changes(from: &str, to: &str, keeps_others: bool) -> Vec<String> {
        let mut endpoints = crate::render::endpoints::EndpointWriter::numeric();
        let Plan {
            additions,
            removals,
        } = plan(&rules(from), &mut wanted(&rules(to)), keeps_others);
        additions
            .iter()
            .chain(&removals)
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
    fn a_second_sight_removes_nothing() {
        let from = rules(TABLE);
        let to = rules(
            "-A -t 10.0.0.1:80 -s rr\n\
             -a -t 10.0.0.1:80 -r 10.1.0.1:80 -m -w 3\n\
             -a -t 10.0.0.1:80 -r 10.1.0.9:80 -m\n\
             -A -f 7 -s wlc -p 300",
        );
        let mut to = wanted(&to);
        let from = wanted(&from);
        // A comparison after another knows nothing of that.
        for _ in 0..2 {
            let mut difference = Difference::new(&mut to, false);
            for service in from.services.values() {
                let destinations = service.destinations.values();
                let once: Vec<_> = destinations.map(|there| state(there.destination)).collect();
                let twice = [&once[..], &once[..]].concat();
                difference.compare(&service.service, &twice);
                difference.compare(&service.service, &once);
            }
            let plan = difference.into_plan();
            let about = |changes: &[PlannedChange<'_>]| -> Vec<_> {
                let about = changes.iter().map(|(change, line)| match change {
                    Change::AddDestination(_, destination)
                    | Change::EditDestination(_, destination) => {
                        (destination.identity.address, line.map(|line| line.number))
                    }
                    Change::DeleteDestination(_, identity) => (identity.address, None),
                    change => panic!("{change:?}"),
                });
                about.collect()
            };
            let address = |text: &str| text.parse().unwrap();
            let mut additions = about(&plan.additions);
            additions.dedup();
            additions.sort();
            additions.dedup();
            let expected = [
                (address("10.1.0.1"), Some(2)),
                (address("10.1.0.9"), Some(3)),
            ];
            assert_eq!(additions, expected);
            let removals = about(&plan.removals);
            let is_unwanted = |removed: &_| *removed == (address("10.1.0.2"), None);
            assert!(removals.iter().all(is_unwanted) && !removals.is_empty());
        }
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
        let wanted = wanted(&rules);
        let refusals: Vec<_> = wanted
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
    fn rules_that_change_what_they_added_describe_what_is_left() {
        let rules = "-A -f 9\n-C\n-A -f 1 -s rr\n-a -f 1 -r 10.1.0.1\n-a -f 1 -r 10.1.0.2\n\
                     -E -f 1 -s wrr\n-e -f 1 -r 10.1.0.1 -w 7\n-d -f 1 -r 10.1.0.2\n\
                     -A -f 2\n-D -f 2\n";
        assert_eq!(
            changes("", rules, false),
            ["-A -f 1 -s wrr", "-a -f 1 -r 10.1.0.1:0 -g -w 7"]
        );
    }

    #[test]
    fn rules_with_keep_and_exist_describe_what_is_left() {
        let rules = "-A -f 1 -s sh -b sh-port -p 60\n-E -f 1 -p 90 --keep\n\
                     -a -f 1 -r 10.1.0.1 -m -w 3\n-e -f 1 -r 10.1.0.1 -w 0 --keep\n\
                     -a -f 1 -r 10.1.0.2 -m --exist\n-a -f 1 -r 10.1.0.2 -m -w 5 --exist\n\
                     -D -f 2 --exist\n-A -f 2 -s rr --exist\n-A -f 2 -s wrr --exist\n\
                     -d -f 2 -r 10.1.0.1 --exist\n-d -f 3 -r 10.1.0.1 --exist\n";
        assert_eq!(
            changes("", rules, false),
            [
                "-A -f 1 -s sh -p 90 -b sh-port",
                "-a -f 1 -r 10.1.0.1:0 -m -w 0",
                "-a -f 1 -r 10.1.0.2:0 -m -w 5",
                "-A -f 2 -s wrr"
            ]
        );
    }

    #[test]
    fn an_edit_that_keeps_needs_what_it_edits_and_goes_with_it() {
        let refused = rules("-E -f 1 --keep\n-A -f 1\n-e -f 1 -r 10.1.0.1 --keep\n");
        let refused = wanted(&refused).refusals;
        let refused: Vec<_> = refused
            .iter()
            .map(|refusal| (refusal.line.number, refusal.fault))
            .collect();
        let errno = KernelError::Errno;
        assert_eq!(
            refused,
            [(1, errno(Errno::ESRCH)), (3, errno(Errno::ENOENT))]
        );
        let fault = WantedTable::of(&rules("-A -f 1\n-E -f 1 -b sh-port --keep\n"));
        assert_eq!(
            fault.err().map(|fault| fault.to_string()).as_deref(),
            Some("line 2: incompatible scheduler flag `sh-port': -E -f 1 -b sh-port --keep")
        );
    }

    #[test]
    fn lines_that_the_kernel_is_bound_to_refuse_are_known() {
        let rules = rules(
            "-E -f 1\n-D -f 1\n-A -f 1\n-e -f 1 -r 10.1.0.1\n-d -f 1 -r 10.1.0.1\n\
             -a -f 1 -r 10.1.0.1 -x 1 -y 2\n",
        );
        let wanted = wanted(&rules);
        let refusals = wanted.refusals.iter().map(|refusal| refusal.fault);
        let refusals: Vec<_> = refusals.collect();
        let errnos = [
            Errno::ESRCH,
            Errno::ESRCH,
            Errno::ENOENT,
            Errno::ENOENT,
            Errno::ERANGE,
        ];
        assert_eq!(refusals, errnos.map(KernelError::Errno));
    }

    #[test]
    fn daemons_and_timeouts_are_kept_apart_and_listings_describe_no_table() {
        let rules_text = "--set 1 2 3\n-A -f 1\n--start-daemon master\n";
        assert_eq!(wanted(&rules(rules_text)).others.len(), 2);
        for text in ["-A -f 1\n-Z", "-l", "-S"] {
            assert!(WantedTable::of(&rules(text)).unwrap().is_none(), "{text}");
        }
        assert!(WantedTable::of(&[]).unwrap().is_some());
    }

    #[test]
    fn changes_of_a_service_are_in_the_order_of_their_lines() {
        let from = "-A -f 1 -s rr\n-a -f 1 -r 10.1.0.1\n-a -f 1 -r 10.1.0.2";
        let to = "-A -f 9 -s wrr\n-a -f 9 -r 10.1.0.8\n-a -f 9 -r 10.1.0.7\n\
                  -A -f 8 -s lc\n\
                  -A -f 1 -s rr\n\
                  -a -f 1 -r 10.1.0.6\n-a -f 1 -r 10.1.0.5\n\
                  -a -f 1 -r 10.1.0.2 -w 4\n-a -f 1 -r 10.1.0.1 -w 3";
        assert_eq!(
            changes(from, to, false),
            [
                "-A -f 9 -s wrr",
                "-a -f 9 -r 10.1.0.8:0 -g -w 1",
                "-a -f 9 -r 10.1.0.7:0 -g -w 1",
                "-A -f 8 -s lc",
                "-a -f 1 -r 10.1.0.6:0 -g -w 1",
                "-a -f 1 -r 10.1.0.5:0 -g -w 1",
                "-e -f 1 -r 10.1.0.2:0 -g -w 4",
                "-e -f 1 -r 10.1.0.1:0 -g -w 3",
            ]
        );
    }

    #[test]
    fn a_mask_counts_with_persistence_and_local_is_direct_routing() {
        let masked = |seconds: &str| format!("-A -f 1 -s rr{seconds} -M 255.0.0.0");
        let bare = |seconds: &str| format!("-A -f 1 -s rr{seconds}");
        assert_eq!(
            changes(&masked(" -p 61"), &bare(" -p 61"), false),
            ["-E -f 1 -s rr -p 61"]
        );
        assert_eq!(
            changes(&masked(" -p 62"), &bare(""), false),
            ["-E -f 1 -s rr"]
        );
        let rules = rules("-A -f 1\n-a -f 1 -r 10.1.0.1 -w 3\n-a -f 1 -r 10.1.0.2 -w 4 -m");
        let mut wanted = wanted(&rules);
        let service = wanted.services.values().next().unwrap();
        let (identity, service) = (service.service.identity, service.service);
        let local: Vec<_> = wanted.services[&identity]
            .destinations
            .values()
            .map(|wanted| {
                state(Destination {
                    forwarding_method: ForwardingMethod::Local,
                    ..wanted.destination
                })
            })
            .collect();
        let mut difference = Difference::new(&mut wanted, false);
        assert!(difference.needs_destinations_of(&service));
        difference.compare(&service, &local);
        let additions = difference.into_plan().additions;
        let lines: Vec<_> = additions
            .iter()
            .map(|(_, line)| line.map(|line| line.number))
            .collect();
        assert_eq!(lines, [Some(3)]);
    }

    #[test]
    fn the_destinations_of_a_service_that_is_not_wanted_need_not_be_read() {
        let rules = rules("-A -f 1");
        let mut wanted = wanted(&rules);
        let service = wanted.services.values().next().unwrap().service;
        let other = VirtualService {
            identity: ServiceIdentity::FirewallMark {
                mark: 2,
                family: crate::model::AddressFamily::Ipv4,
            },
            ..service
        };
        let difference = Difference::new(&mut wanted, false);
        assert!(difference.needs_destinations_of(&service));
        assert!(!difference.needs_destinations_of(&other));
    }

    #[test]
    fn a_lower_threshold_may_be_as_high_as_the_upper() {
        let rules = rules(
            "-A -f 1\n-a -f 1 -r 10.1.0.1 -x 5 -y 5\n-e -f 1 -r 10.1.0.1 -x 6 -y 7\n\
             -a -f 1 -r 10.1.0.2 -x 9 -y 8",
        );
        let wanted = wanted(&rules);
        let refused: Vec<_> = wanted
            .refusals
            .iter()
            .map(|refusal| (refusal.line.number, refusal.fault))
            .collect();
        assert_eq!(refused, [(3, KernelError::Errno(Errno::ERANGE))]);
    }
}
