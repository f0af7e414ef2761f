//! The target `rule_files`: a reload from any table to any other gets there, and loses nothing on
//! the way.

#![forbid(unsafe_code)]

use crate::cli::LineReader;
use crate::commands::restore::difference::{Difference, Kept, Plan};
use crate::commands::restore::wanted::WantedTable;
use crate::commands::restore::{ReadRule, read_rules};
use crate::error::KernelError;
use crate::fuzzing::model::Table;
use crate::model::{Change, Netmask, SchedulerFlags, VirtualService};
use crate::render::endpoints::EndpointWriter;
use crate::render::rules;
use crate::request::Request;

/// Parts the two files: a byte that UTF-8 does not have.
const BETWEEN_FILES: u8 = 0xff;

/// Reads two rule files. The first makes a table, as the kernel would have it; the plan to restore
/// the second one there leaves what the second one makes of an empty table. On the way there,
/// nothing is refused, and nothing is missing that both tables have.
pub fn rule_files(bytes: &[u8]) {
    let mut files = bytes.splitn(2, |byte| *byte == BETWEEN_FILES);
    let there = readable(files.next().unwrap_or_default());
    let wanted = readable(files.next().unwrap_or_default());
    let (there, _) = Table::of(&rules_of(&there));
    restore(&there, &rules_of(&wanted));
}

/// Returns the lines of a file that are no fault and change tables, timeouts or daemons. The file
/// is read as well as its lines are.
fn readable(file: &[u8]) -> Vec<u8> {
    let lines = file.split(|byte| *byte == b'\n');
    let lines: Vec<_> = lines
        .map(|line| (line, LineReader::default().read(line)))
        .collect();
    let is_fault = |read: &_| matches!(read, Err(_) | Ok(Some(Request::ExecuteRules)));
    let is_good = lines.iter().all(|(_, read)| !is_fault(read));
    let rules = read_rules(file);
    assert_eq!(rules.is_ok(), is_good);
    if let Ok(rules) = rules {
        let _ = WantedTable::of(&rules);
    }
    let changes = lines.into_iter().filter_map(|(line, read)| match read {
        Ok(Some(Request::Change(change))) if !matches!(change, Change::Zero(_)) => Some(line),
        _ => None,
    });
    changes.collect::<Vec<_>>().join(&b'\n')
}

/// Reads a file of good lines, each of which means the same by itself.
fn rules_of(file: &[u8]) -> Vec<ReadRule<'_>> {
    let rules = read_rules(file).unwrap_or_else(|fault| panic!("{fault:?}"));
    for rule in &rules {
        let alone = LineReader::default().read(rule.line.text);
        assert_eq!(alone, Ok(Some(rule.request.clone())));
    }
    rules
}

fn restore(there: &Table, rules: &[ReadRule<'_>]) {
    let (wanted, refusals) = Table::of(rules);
    let mut table = wanted_by(rules);
    let plan = plan(there, &mut table, Kept::default());
    let foreseen = table.refusals.iter().map(|refusal| match refusal.fault {
        KernelError::Errno(errno) => (refusal.line.map_or(0, |line| line.number), errno),
        fault => panic!("{fault:?}"),
    });
    assert_eq!(foreseen.collect::<Vec<_>>(), refusals);
    let others = rules.iter().map(|rule| *change_of(rule));
    let others: Vec<_> = others.filter(|change| !is_about_tables(change)).collect();
    let planned: Vec<_> = table.others.iter().map(|other| other.change).collect();
    assert_eq!(planned, others);
    carry_out(there, &plan, &wanted);

    let is_addition =
        |change: &Change| matches!(change, Change::AddService(_) | Change::AddDestination(..));
    if rules.iter().all(|rule| is_addition(change_of(rule))) {
        let mut both = there.clone();
        both.0.extend(wanted.0);
        let kept = Kept {
            others: true,
            ..Kept::default()
        };
        let plan = self::plan(there, &mut wanted_by(rules), kept);
        carry_out(there, &plan, &both);
    }
}

/// Carries a plan out on the table that is there, for which `wanted` must come out.
fn carry_out(there: &Table, plan: &Plan<'_>, wanted: &Table) {
    let mut table = there.clone();
    for (change, _) in plan.additions.iter().chain(&plan.removals) {
        assert_eq!(table.execute(change), Ok(()), "{change:?}");
        assert!(has_what_both_have(&table, there, wanted), "{change:?}");
        print(change);
    }
    let names = |table: &Table| -> Vec<_> {
        let services = table.0.iter();
        let names = services.map(|(name, service)| (*name, service.destinations.clone()));
        names.collect()
    };
    assert_eq!(names(&table), names(wanted));
    for (name, service) in &table.0 {
        let wanted = wanted.0[name].service;
        assert_eq!(meaning_of(service.service), meaning_of(wanted));
    }
}

/// Asserts that a change of a dry run is a rule that asks for that change.
fn print(change: &Change) {
    let mut rule = Vec::new();
    rules::write_change(&mut rule, &mut EndpointWriter::numeric(), change);
    let Ok(read) = read_rules(&rule) else {
        panic!("{:?}", rule.escape_ascii().to_string());
    };
    let read: Vec<_> = read.iter().map(|rule| spelled(change_of(rule))).collect();
    assert_eq!(read, [spelled(change)]);
}

/// Reduces a change to what a rule can say of it: a scheduler with flags of its own has no words
/// for others, and `ipvsadm` is no word of a rule.
fn spelled(change: &Change) -> Change {
    let spelled = |service: &VirtualService| {
        let words = service.scheduler_flags.words(service.scheduler);
        let flags = words.filter_map(|word| SchedulerFlags::from_word(word.as_bytes()));
        VirtualService {
            scheduler_flags: flags
                .fold(SchedulerFlags::default(), |all, (flag, _)| all.union(flag)),
            ..meaning_of(*service)
        }
    };
    match change {
        Change::AddService(service) => Change::AddService(spelled(service)),
        Change::EditService(service) => Change::EditService(spelled(service)),
        change => *change,
    }
}

/// Returns a service without a mask that means nothing, for want of persistence.
fn meaning_of(service: VirtualService) -> VirtualService {
    let netmask = match service.persistence_timeout {
        Some(_) => service.netmask,
        None => Netmask::single_host(service.identity.family()),
    };
    VirtualService { netmask, ..service }
}

fn change_of<'r>(rule: &'r ReadRule<'_>) -> &'r Change {
    match &rule.request {
        Request::Change(change) => change,
        request => panic!("{request:?}"),
    }
}

fn is_about_tables(change: &Change) -> bool {
    !matches!(
        change,
        Change::SetTimeouts(_) | Change::StartDaemon(_) | Change::StopDaemon(..)
    )
}

fn wanted_by<'t>(rules: &[ReadRule<'t>]) -> WantedTable<'t> {
    match WantedTable::of(rules) {
        Ok(Some(wanted)) => wanted,
        _ => panic!("rules that only change tables make none"),
    }
}

/// Returns the changes that restoring comes to.
fn plan<'t>(there: &Table, wanted: &mut WantedTable<'t>, kept: Kept) -> Plan<'t> {
    let mut difference = Difference::new(wanted, kept);
    for service in there.0.values() {
        let destinations = match difference.needs_destinations_of(&service.service) {
            true => service.shown(),
            false => Vec::new(),
        };
        difference.compare(&service.service, &destinations);
    }
    difference.into_plan()
}

/// Returns true if a table has every service and destination that two others both have.
fn has_what_both_have(table: &Table, one: &Table, other: &Table) -> bool {
    one.0.iter().all(|(name, one)| {
        let Some(other) = other.0.get(name) else {
            return true;
        };
        table.0.get(name).is_some_and(|here| {
            let mut in_both = one
                .destinations
                .keys()
                .filter(|name| other.destinations.contains_key(name));
            in_both.all(|name| here.destinations.contains_key(name))
        })
    })
}
