//! The fewest changes that make one table another.
//!
//! Pure: it is given the wanted table and the kernel's, service by service, and returns changes.
//! Nothing that stays is touched; what differs is edited in place; additions and removals are kept
//! apart, so that no service and no client is without a server in between. An entry is removed
//! because it was seen and is not wanted, however often it was seen; one that is wanted is never.

#![forbid(unsafe_code)]

use super::wanted::WantedTable;
use crate::edit::{is_same_destination, is_same_service};
use crate::error::RuleLine;
use crate::model::{Change, Destination, DestinationState, VirtualService};

/// A change and the line that asks for it; no line asks for a removal.
pub type PlannedChange<'t> = (Change, Option<RuleLine<'t>>);

/// The changes that a table needs, each part in the order in which it is to be made.
pub struct Plan<'t> {
    /// Adds to the table, or changes what stays.
    pub additions: Vec<PlannedChange<'t>>,
    /// Takes away from the table.
    pub removals: Vec<PlannedChange<'t>>,
}

/// The parts of a table that a restore leaves as they are, whatever the rules say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Kept {
    /// Services that the rules do not name.
    pub others: bool,
    /// The weights of the destinations that are there.
    pub weights: bool,
}

/// A comparison of the kernel's table with the wanted one, service by service.
pub struct Difference<'w, 't> {
    wanted: &'w mut WantedTable<'t>,
    kept: Kept,
    edited_services: Vec<PlannedChange<'t>>,
    added_destinations: Vec<PlannedChange<'t>>,
    edited_destinations: Vec<PlannedChange<'t>>,
    removed_destinations: Vec<PlannedChange<'t>>,
    removed_services: Vec<PlannedChange<'t>>,
}

impl<'w, 't> Difference<'w, 't> {
    /// Begins a comparison.
    pub fn new(wanted: &'w mut WantedTable<'t>, kept: Kept) -> Difference<'w, 't> {
        wanted.comparisons += 1;
        Difference {
            wanted,
            kept,
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
            if !self.kept.others {
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
                let mut becomes = wanted.destination;
                if self.kept.weights {
                    becomes.weight = destination.weight;
                }
                wanted.was_drained |= destination.weight == 0 && becomes.weight != 0;
                if !is_same_destination(destination, &becomes) {
                    edited.push((becomes, wanted.line));
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::restore::ReadRule;
    use crate::error::KernelError;
    use crate::model::{ForwardingMethod, ServiceIdentity};
    use nix::errno::Errno;

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
    fn plan<'t>(from: &[ReadRule<'_>], to: &mut WantedTable<'t>, kept: Kept) -> Plan<'t> {
        let from = wanted(from);
        let mut difference = Difference::new(to, kept);
        for service in from.services.values() {
            let destinations = service.destinations.values();
            let destinations: Vec<_> = destinations.map(|there| state(there.destination)).collect();
            difference.compare(&service.service, &destinations);
        }
        difference.into_plan()
    }

    /// Returns the changes from one list of rules to another, as rules.
    fn changes(from: &str, to: &str) -> Vec<String> {
        changes_with(Kept::default(), from, to)
    }

    fn changes_with(kept: Kept, from: &str, to: &str) -> Vec<String> {
        let mut endpoints = crate::render::endpoints::EndpointWriter::numeric();
        let Plan {
            additions,
            removals,
        } = plan(&rules(from), &mut wanted(&rules(to)), kept);
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
        assert_eq!(changes(TABLE, TABLE), Vec::<String>::new());
        assert_eq!(
            changes("-A -t 10.0.0.1:80 -M 255.0.0.0", "-A -t 10.0.0.1:80"),
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
            changes(TABLE, wanted),
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
            let mut difference = Difference::new(&mut to, Kept::default());
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
        let kept = Kept {
            others: true,
            ..Kept::default()
        };
        assert_eq!(
            changes_with(kept, TABLE, "-A -f 7 -s rr -p 300"),
            ["-E -f 7 -s rr -p 300"]
        );
    }

    const DRAINED: &str = "-A -f 7\n-a -f 7 -r 10.1.0.1 -m -w 0\n-a -f 7 -r 10.1.0.2 -m -w 9\n\
                           -a -f 7 -r 10.1.0.3 -m -w 0\n-a -f 7 -r 10.1.0.4 -m -w 0";
    const RELOADED: &str = "-A -f 7\n-a -f 7 -r 10.1.0.4 -m -w 3\n-a -f 7 -r 10.1.0.1 -i -w 5\n\
                            -a -f 7 -r 10.1.0.2 -m -w 4\n-a -f 7 -r 10.1.0.3 -m -w 0\n\
                            -a -f 7 -r 10.1.0.5 -m -w 8";

    #[test]
    fn weights_that_are_kept_are_those_of_servers_that_both_tables_have() {
        let kept = Kept {
            weights: true,
            ..Kept::default()
        };
        assert_eq!(
            changes_with(kept, DRAINED, RELOADED),
            [
                "-a -f 7 -r 10.1.0.5:0 -m -w 8",
                "-e -f 7 -r 10.1.0.1:0 -i -w 0 --tun-type ipip",
            ]
        );
    }

    #[test]
    fn servers_at_weight_0_that_are_to_have_another_are_remembered_in_order() {
        for (keeps_weights, expected) in [(false, &["10.1.0.4", "10.1.0.1"][..]), (true, &[])] {
            let kept = Kept {
                weights: keeps_weights,
                ..Kept::default()
            };
            let to = rules(RELOADED);
            let mut to = wanted(&to);
            plan(&rules(DRAINED), &mut to, kept);
            // Once it has its weight, it is no less a server that was drained.
            plan(&rules(RELOADED), &mut to, kept);
            let drained = to.drained().into_iter();
            let drained: Vec<_> = drained
                .map(|(_, server)| server.address.to_string())
                .collect();
            assert_eq!(drained, expected);
        }
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
            .map(|refusal| (refusal.line.unwrap().number, refusal.fault))
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
            changes("", rules),
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
            changes("", rules),
            [
                "-A -f 1 -s sh -p 90 -b sh-port",
                "-a -f 1 -r 10.1.0.1:0 -m -w 0",
                "-a -f 1 -r 10.1.0.2:0 -m -w 5",
                "-A -f 2 -s wrr"
            ]
        );
    }

    #[test]
    fn additions_that_keep_add_what_is_missing_and_leave_the_rest() {
        let rules = "-A -f 1 -s sh -b sh-port --exist --keep\n-A -f 1 -p 60 --exist --keep\n\
                     -a -f 1 -r 10.1.0.1:8080 -m -w 0 -x 9\n\
                     -a -f 1 -r 10.1.0.1:8080 --exist --keep\n\
                     -a -f 1 -r 10.1.0.2 -i --keep --exist\n\
                     -a -f 1 -r 10.1.0.2 -w 4 --keep --exist\n";
        assert_eq!(
            changes("", rules),
            [
                "-A -f 1 -s sh -p 60 -b sh-port",
                "-a -f 1 -r 10.1.0.1:8080 -m -w 0 -x 9",
                "-a -f 1 -r 10.1.0.2:0 -i -w 4 --tun-type ipip",
            ]
        );
        let lines = self::rules("-a -f 2 -r 10.1.0.1 --exist --keep\n");
        assert_eq!(
            wanted(&lines).refusals[0].fault,
            KernelError::Errno(Errno::ESRCH)
        );
        let lines = self::rules("-A -t 10.0.0.1:0 --exist --keep\n");
        let fault = WantedTable::of(&lines).err().map(|fault| fault.to_string());
        assert_eq!(
            fault.as_deref(),
            Some(
                "line 1: Zero port specified for non-persistent service: \
                 -A -t 10.0.0.1:0 --exist --keep"
            )
        );
    }

    #[test]
    fn an_edit_that_keeps_needs_what_it_edits_and_goes_with_it() {
        let refused = rules("-E -f 1 --keep\n-A -f 1\n-e -f 1 -r 10.1.0.1 --keep\n");
        let refused = wanted(&refused).refusals;
        let refused: Vec<_> = refused
            .iter()
            .map(|refusal| (refusal.line.unwrap().number, refusal.fault))
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
            changes(from, to),
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
            changes(&masked(" -p 61"), &bare(" -p 61")),
            ["-E -f 1 -s rr -p 61"]
        );
        assert_eq!(changes(&masked(" -p 62"), &bare("")), ["-E -f 1 -s rr"]);
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
        let mut difference = Difference::new(&mut wanted, Kept::default());
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
        let difference = Difference::new(&mut wanted, Kept::default());
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
            .map(|refusal| (refusal.line.unwrap().number, refusal.fault))
            .collect();
        assert_eq!(refused, [(3, KernelError::Errno(Errno::ERANGE))]);
    }
}
