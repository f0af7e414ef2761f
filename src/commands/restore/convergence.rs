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

use crate::commands::{keep, refused_listing};
use crate::edit::{MOST_LOOKS, contradicts_look};
use crate::error::{Error, KernelError, Operation};
use crate::ipvs::{Detail, Ipvs};
use crate::model::{Change, DestinationState, ServiceIdentity, VirtualService};

use super::difference::{Difference, Kept, Plan, PlannedChange};
use super::wanted::{Other, Refusal, WantedTable};

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
    /// The fault that keeps the rest from being made at all.
    fn make(
        &mut self,
        changes: &[PlannedChange<'_>],
        refused: impl FnMut(usize, KernelError),
    ) -> Result<(), Error>;

    /// Makes a change that may have been made before.
    ///
    /// # Errors
    /// [`Error::Kernel`] where it is rejected.
    fn exist(&mut self, change: &Change) -> Result<(), Error>;
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

    fn exist(&mut self, change: &Change) -> Result<(), Error> {
        keep::exist(self, change)
    }
}

/// Makes a table the wanted one. Appends to `refused` what was refused, in the order in which it is
/// to be reported; also where the outcome is an error.
///
/// # Errors
/// [`Error::NothingRemoved`] where an addition was refused; [`Error::Kernel`] where the table
/// cannot be read, or nothing be sent.
pub fn make_equal<'t>(
    table: &mut impl Table,
    wanted: &mut WantedTable<'t>,
    kept: Kept,
    refused: &mut Vec<Refusal<'t>>,
) -> Result<(), Error> {
    let mut refused_others = Vec::new();
    for looks in 1..=MOST_LOOKS {
        let is_last = looks == MOST_LOOKS;
        let plan = look(table, wanted, kept)?;
        refused.clear();
        let was_overtaken = make(table, &plan.additions, refused)?;
        if was_overtaken && !is_last {
            continue;
        }
        let is_complete = refused.is_empty();
        let outcome = make_others(table, &mem::take(&mut wanted.others), &mut refused_others);
        refused.extend_from_slice(&refused_others);
        outcome?;
        refused.extend_from_slice(&wanted.refusals);
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
    kept: Kept,
) -> Result<Plan<'t>, Error> {
    let services = table.services().map_err(refused_listing)?;
    let mut difference = Difference::new(wanted, kept);
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
    refused: &mut Vec<Refusal<'t>>,
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
        refused.push(Refusal {
            operation: Operation::from(change),
            fault,
            line: *line,
        });
    })?;
    Ok(was_overtaken)
}

/// Makes changes that have nothing to do with the table, and appends those refused.
fn make_others<'t>(
    table: &mut impl Table,
    others: &[Other<'t>],
    refused: &mut Vec<Refusal<'t>>,
) -> Result<(), Error> {
    for other in others {
        if !other.may_be_so {
            make(table, &[(other.change, Some(other.line))], refused)?;
            continue;
        }
        match table.exist(&other.change) {
            Err(Error::Kernel(operation, fault)) => refused.push(Refusal {
                operation,
                fault,
                line: Some(other.line),
            }),
            outcome => outcome?,
        }
    }
    Ok(())
}

/// The meaning of a refusal.
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
        _ if contradicts_look(change, errno) => Verdict::Overtaken,
        (
            Change::AddDestination(service, _)
            | Change::EditDestination(service, _)
            | Change::DeleteDestination(service, _),
            Errno::ESRCH,
        ) if !not_added.contains(service) => Verdict::Overtaken,
        _ => Verdict::Refused,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::restore::read_rules;
    use crate::render::endpoints::EndpointWriter;
    use crate::render::rules::write_change;

    /// A table that always shows services 7 and 8, and refuses what its test wants refused.
    struct Scripted<F> {
        looks: usize,
        refuse: F,
        /// The changes made or refused, as rules, each behind the number of its look.
        made: Vec<String>,
    }

    impl<F: Fn(usize, &str) -> Option<Errno>> Table for Scripted<F> {
        fn services(&mut self) -> Result<Vec<VirtualService>, KernelError> {
            self.looks += 1;
            let read = read_rules(b"-A -f 7 -s rr\n-A -f 8 -s rr\n");
            let services = read.into_iter().flatten().map(|rule| match rule.request {
                crate::request::Request::Change(Change::AddService(service)) => service,
                request => panic!("{request:?}"),
            });
            Ok(services.collect())
        }

        fn destinations(
            &mut self,
            _: &ServiceIdentity,
            destinations: &mut Vec<DestinationState>,
        ) -> Result<(), KernelError> {
            destinations.clear();
            Ok(())
        }

        fn make(
            &mut self,
            changes: &[PlannedChange<'_>],
            mut refused: impl FnMut(usize, KernelError),
        ) -> Result<(), Error> {
            for (index, (change, _)) in changes.iter().enumerate() {
                let mut rule = Vec::new();
                write_change(&mut rule, &mut EndpointWriter::numeric(), change);
                let rule = String::from_utf8_lossy(&rule).trim_end().to_owned();
                if let Some(errno) = (self.refuse)(self.looks, &rule) {
                    refused(index, KernelError::Errno(errno));
                }
                self.made.push(format!("{} {rule}", self.looks));
            }
            Ok(())
        }

        fn exist(&mut self, change: &Change) -> Result<(), Error> {
            panic!("{change:?} is not about tables");
        }
    }

    /// Restores rules to such a table. Returns the outcome, the refusals and the changes.
    fn restore(
        rules: &str,
        refuse: impl Fn(usize, &str) -> Option<Errno>,
    ) -> (Result<(), String>, Vec<String>, Vec<String>) {
        let mut table = Scripted {
            looks: 0,
            refuse,
            made: Vec::new(),
        };
        let rules = read_rules(rules.as_bytes()).unwrap();
        let mut wanted = WantedTable::of(&rules).unwrap().unwrap();
        let mut refused = Vec::new();
        let outcome = make_equal(&mut table, &mut wanted, Kept::default(), &mut refused);
        let told = refused.iter().map(|refused| refused.error().to_string());
        (
            outcome.map_err(|fault| fault.to_string()),
            told.collect(),
            table.made,
        )
    }

    /// Refuses a change that begins so, at the first looks.
    fn refuse_until(
        looks: usize,
        begins: &str,
        errno: Errno,
    ) -> impl Fn(usize, &str) -> Option<Errno> {
        move |look, rule| (look <= looks && rule.starts_with(begins)).then_some(errno)
    }

    #[test]
    fn where_nothing_is_refused_one_look_is_enough() {
        let (outcome, told, made) = restore("--set 1 2 3\n-A -f 7 -s wrr\n-A -f 9\n", |_, _| None);
        assert_eq!((outcome, told), (Ok(()), vec![]));
        assert_eq!(
            made,
            [
                "1 -A -f 9 -s wlc",
                "1 -E -f 7 -s wrr",
                "1 --set 1 2 3",
                "1 -D -f 8"
            ]
        );
    }

    #[test]
    fn a_refusal_that_contradicts_the_look_makes_it_look_again() {
        for (begins, errno) in [
            ("-A", Errno::EEXIST),
            ("-E", Errno::ESRCH),
            ("-a -f 7", Errno::EEXIST),
            ("-a -f 7", Errno::ESRCH),
        ] {
            let rules = "-A -f 7 -s wrr\n-a -f 7 -r 10.0.0.1\n-A -f 9\n--set 1 2 3\n";
            let (outcome, told, made) = restore(rules, refuse_until(2, begins, errno));
            assert_eq!((outcome, told), (Ok(()), vec![]), "{begins}");
            let about = |text: &str| {
                let made = made.iter().filter(|made| made.contains(text));
                made.map(|made| made[..1].to_owned()).collect::<Vec<_>>()
            };
            assert_eq!(about(begins), ["1", "2", "3"]);
            // What is no matter of the table is done once, and nothing is removed too early.
            assert_eq!(about("--set"), ["3"]);
            assert_eq!(about("-D -f 8"), ["3"]);
        }
    }

    #[test]
    fn a_restore_that_is_always_overtaken_reports_it_at_last() {
        let refuse = refuse_until(usize::MAX, "-A -f 9", Errno::EEXIST);
        let (outcome, told, made) = restore("-A -f 9\n-A -f 7 -s rr\n", refuse);
        assert_eq!(outcome, Err("nothing was removed".to_owned()));
        assert_eq!(told, ["line 1: Service already exists: -A -f 9"]);
        assert_eq!(made.len(), MOST_LOOKS);
    }

    #[test]
    fn a_refusal_of_a_table_that_stands_still_is_reported_at_once() {
        let rules = "-A -f 9 -s no\n-a -f 9 -r 10.0.0.1\n-A -f 9\n";
        let refuse = |_: usize, rule: &str| match &rule[..2] {
            "-A" => Some(Errno::ENOENT),
            "-a" => Some(Errno::ESRCH),
            _ => None,
        };
        let (outcome, told, made) = restore(rules, refuse);
        assert_eq!(outcome, Err("nothing was removed".to_owned()));
        assert_eq!(
            told,
            [
                "line 1: Scheduler or persistence engine not found: -A -f 9 -s no",
                "line 2: Service not defined: -a -f 9 -r 10.0.0.1",
                "line 3: Service already exists: -A -f 9",
            ]
        );
        assert_eq!(made.len(), 2);
    }

    #[test]
    fn what_is_gone_already_needs_no_removal() {
        let refuse = refuse_until(usize::MAX, "-D", Errno::ESRCH);
        let (outcome, told, made) = restore("-A -f 7 -s rr\n", refuse);
        assert_eq!((outcome, told), (Ok(()), vec![]));
        assert_eq!(made, ["1 -D -f 8"]);
        // Another refusal is one, and only one of the last line is the status.
        let refuse = refuse_until(usize::MAX, "-D", Errno::EBUSY);
        let (outcome, told, _) = restore("-A -f 7 -s rr\n", refuse);
        assert_eq!(outcome, Ok(()));
        assert_eq!(told, ["Device or resource busy"]);
    }

    #[test]
    fn refusals_judge_by_change_and_errno() {
        let read = read_rules(
            b"-A -f 1\n-E -f 1\n-D -f 1\n\
              -a -f 1 -r 10.0.0.1\n-e -f 1 -r 10.0.0.1\n-d -f 1 -r 10.0.0.1\n",
        );
        let expected = [
            // EEXIST, ESRCH, ENOENT; and ESRCH where the service was refused before.
            "O R R R", "R O R O", "R D R D", "O O R R", "R O O R", "R O D R",
        ];
        for (rule, expected) in read.unwrap().iter().zip(expected) {
            let crate::request::Request::Change(change) = &rule.request else {
                panic!("{rule:?}");
            };
            let not_added = HashSet::from([ServiceIdentity::FirewallMark {
                mark: 1,
                family: crate::model::AddressFamily::Ipv4,
            }]);
            let verdict = |errno, not_added: &HashSet<_>| match judge(
                change,
                KernelError::Errno(errno),
                not_added,
            ) {
                Verdict::Done => "D",
                Verdict::Overtaken => "O",
                Verdict::Refused => "R",
            };
            let none = HashSet::new();
            let judged = [
                verdict(Errno::EEXIST, &none),
                verdict(Errno::ESRCH, &none),
                verdict(Errno::ENOENT, &none),
                verdict(Errno::ESRCH, &not_added),
            ];
            assert_eq!(judged.join(" "), expected, "{change:?}");
        }
    }
}
