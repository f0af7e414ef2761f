//! The target `moving_tables`: a table that somebody else changes all the time is saved as it is,
//! and restored to what is wanted.

#![forbid(unsafe_code)]

use std::collections::HashSet;

use crate::commands::restore::convergence::{self, Table as _};
use crate::commands::restore::difference::{Kept, PlannedChange};
use crate::commands::restore::read_rules;
use crate::commands::restore::wanted::WantedTable;
use crate::error::{Error, KernelError};
use crate::fuzzing::model::Table;
use crate::ipvs::steady::{self, Cut, Datagrams};
use crate::model::{
    Change, DestinationIdentity, DestinationState, ServiceIdentity, VirtualService,
};

/// Bytes as a table, as the rules of a wanted one, and as what somebody else does meanwhile:
/// between any two datagrams of a dump, and between any two changes.
///
/// - What is read has each entry that nobody touches exactly once.
/// - A restore takes nothing away that is wanted. If it ends well, what is wanted is there and
///   nothing else, but for what somebody else has touched.
/// - Once nobody touches the table any more, a restore leaves the wanted table.
pub fn moving_tables(bytes: &[u8]) {
    let mut draw = Draw(bytes);
    let there = draw_rules(&mut draw);
    let rules = draw_rules(&mut draw);
    let (there, rules) = match (read_rules(&there), read_rules(&rules)) {
        (Ok(there), Ok(rules)) => (Table::of(&there).0, rules),
        _ => panic!("{}{}", there.escape_ascii(), rules.escape_ascii()),
    };
    let Ok(Some(mut wanted)) = WantedTable::of(&rules) else {
        panic!("rules that only add make no table");
    };
    let mut kernel = Kernel {
        table: there,
        wanted: Table::of(&rules).0,
        room: 32 + draw.below(16),
        draw,
        touched: Touched::default(),
    };
    save(&mut kernel);
    kernel.touched = Touched::default();
    let mut refused = Vec::new();
    let outcome = convergence::make_equal(&mut kernel, &mut wanted, Kept::default(), &mut refused);
    if outcome.is_ok() && refused.is_empty() {
        kernel.expect_the_wanted_table();
    }
    kernel.draw = Draw(&[]);
    kernel.touched = Touched::default();
    refused.clear();
    let outcome = convergence::make_equal(&mut kernel, &mut wanted, Kept::default(), &mut refused);
    assert!(outcome.is_ok() && refused.is_empty(), "{outcome:?}");
    kernel.expect_the_wanted_table();
}

/// Reads everything, as a save does; or nothing, if it moves too much.
fn save(kernel: &mut Kernel<'_>) {
    let before = kernel.table.clone();
    let Ok(services) = kernel.services() else {
        return;
    };
    let mut read = Vec::new();
    for service in services {
        let mut destinations = Vec::new();
        match kernel.destinations(&service.identity, &mut destinations) {
            Ok(()) => read.push((service.identity, destinations)),
            Err(_) => return,
        }
    }
    let names: HashSet<_> = read.iter().map(|(service, _)| *service).collect();
    assert_eq!(names.len(), read.len(), "a service is there twice");
    for (service, destinations) in &read {
        let names = destinations.iter().map(|state| state.destination.identity);
        let names: HashSet<_> = names.collect();
        assert_eq!(names.len(), destinations.len(), "a server is there twice");
        let there = before.0.get(service);
        for name in there.iter().flat_map(|there| there.destinations.keys()) {
            assert!(
                names.contains(name) || kernel.touched.has_destination(service, name),
                "{name:?} is lost"
            );
        }
    }
    for service in before.0.keys() {
        assert!(
            names.contains(service) || kernel.touched.services.contains(service),
            "{service:?} is lost"
        );
    }
}

/// The bytes that decide; 0 once there are no more.
struct Draw<'a>(&'a [u8]);

impl Draw<'_> {
    fn byte(&mut self) -> u8 {
        match self.0.split_first() {
            None => 0,
            Some((byte, rest)) => {
                self.0 = rest;
                *byte
            }
        }
    }

    fn below(&mut self, limit: usize) -> usize {
        usize::from(self.byte()) % limit
    }
}

/// The most services, and the most destinations of one.
const MOST: usize = 120;

fn service_rule(service: usize) -> String {
    format!("-A -t 10.0.0.{service}:80 -s rr\n")
}

fn destination_rule(service: usize, destination: usize, weight: usize) -> String {
    format!("-a -t 10.0.0.{service}:80 -r 10.1.0.{destination}:80 -m -w {weight}\n")
}

/// Returns a table as rules: some services in a row but for holes, of which the first has many
/// destinations and each other one a few.
fn draw_rules(draw: &mut Draw<'_>) -> Vec<u8> {
    let first = draw.below(20);
    let end = first + draw.below(MOST - first);
    let (hole, weight) = (2 + draw.below(30), 1 + draw.below(3));
    let many = draw.below(MOST);
    let mut rules = String::new();
    for service in (first..end).filter(|service| service % hole != 1) {
        rules += &service_rule(service);
        let count = if service == first { many } else { service % 3 };
        for destination in (0..count).filter(|destination| destination % hole != 1) {
            rules += &destination_rule(service, destination, weight);
        }
    }
    rules.into_bytes()
}

/// Returns the change that a rule asks for.
fn change_of(rule: &str) -> Change {
    match read_rules(rule.as_bytes()).as_deref() {
        Ok([read]) => match read.request {
            crate::request::Request::Change(change) => change,
            _ => panic!("{rule}"),
        },
        _ => panic!("{rule}"),
    }
}

/// The entries that somebody else has touched.
#[derive(Default)]
struct Touched {
    services: HashSet<ServiceIdentity>,
    destinations: HashSet<(ServiceIdentity, DestinationIdentity)>,
}

impl Touched {
    fn has_destination(
        &self,
        service: &ServiceIdentity,
        destination: &DestinationIdentity,
    ) -> bool {
        self.services.contains(service) || self.destinations.contains(&(*service, *destination))
    }
}

/// A kernel whose dumps are resumed by counting entries.
struct Kernel<'a> {
    table: Table,
    wanted: Table,
    /// The number of entries that fill a datagram.
    room: usize,
    draw: Draw<'a>,
    touched: Touched,
}

impl Kernel<'_> {
    /// Answers a dump: the entries that `list` finds in the table, a datagram at a time.
    fn dump<T>(
        &mut self,
        cut: Cut,
        items: &mut Vec<T>,
        list: impl Fn(&Table) -> Vec<T>,
    ) -> Result<Datagrams, KernelError> {
        items.clear();
        let mut rooms = match cut {
            Cut::AsUsual => vec![],
            Cut::Shifted(shift) => vec![self.room / 2 + shift % 8 * self.room / 16, self.room / 4],
        };
        let mut datagrams = Datagrams::default();
        loop {
            let room = rooms.pop().unwrap_or(self.room);
            let left = list(&self.table).into_iter().skip(items.len());
            let before = items.len();
            items.extend(left.take(room));
            if items.len() == before {
                return Ok(datagrams);
            }
            // The program cannot know by the byte what would have fitted.
            datagrams.push(items.len(), items.len() + 1 < before + room);
            self.let_others_change();
        }
    }

    /// Makes a change of somebody else, or none.
    fn let_others_change(&mut self) {
        let (kind, service) = (self.draw.byte(), self.draw.below(MOST));
        let add_service = change_of(&service_rule(service));
        let Change::AddService(VirtualService { identity, .. }) = add_service else {
            return;
        };
        match kind % 4 {
            1 => {
                self.touched.services.insert(identity);
                if self.table.execute(&add_service).is_err() {
                    let _ = self.table.execute(&Change::DeleteService(identity));
                }
            }
            // The services with many destinations are among the first.
            2 | 3 => {
                let service = service % 20;
                let destination = usize::from(kind / 4) * 2;
                let add = change_of(&destination_rule(service, destination % MOST, 9));
                let Change::AddDestination(identity, destination) = add else {
                    return;
                };
                let name = destination.identity;
                self.touched.destinations.insert((identity, name));
                if self.table.execute(&add).is_err() {
                    let delete = Change::DeleteDestination(identity, name);
                    let _ = self.table.execute(&delete);
                }
            }
            _ => {}
        }
    }

    /// Panics if the table is not the wanted one, but for what was touched.
    fn expect_the_wanted_table(&self) {
        let (table, wanted) = (&self.table.0, &self.wanted.0);
        for name in table.keys().chain(wanted.keys()) {
            if self.touched.services.contains(name) {
                continue;
            }
            let (Some(here), Some(wanted)) = (table.get(name), wanted.get(name)) else {
                panic!("{name:?} is in one of the tables");
            };
            assert_eq!(here.service, wanted.service);
            let names = here
                .destinations
                .keys()
                .chain(wanted.destinations.keys())
                .filter(|destination| !self.touched.has_destination(name, destination));
            for destination in names {
                assert_eq!(
                    here.destinations.get(destination),
                    wanted.destinations.get(destination)
                );
            }
        }
    }
}

impl convergence::Table for Kernel<'_> {
    fn services(&mut self) -> Result<Vec<VirtualService>, KernelError> {
        let mut services = Vec::new();
        steady::read(
            &mut services,
            |service: &VirtualService| service.identity,
            |cut, items| {
                self.dump(cut, items, |table| {
                    table.0.values().map(|service| service.service).collect()
                })
            },
        )?;
        Ok(services)
    }

    fn destinations(
        &mut self,
        service: &ServiceIdentity,
        destinations: &mut Vec<DestinationState>,
    ) -> Result<(), KernelError> {
        steady::read(
            destinations,
            |state| state.destination.identity,
            |cut, items| {
                self.dump(cut, items, |table| {
                    let service = table.0.get(service);
                    service.map_or_else(Vec::new, |service| service.shown())
                })
            },
        )
    }

    fn make(
        &mut self,
        changes: &[PlannedChange<'_>],
        mut refused: impl FnMut(usize, KernelError),
    ) -> Result<(), Error> {
        for (index, (change, _)) in changes.iter().enumerate() {
            self.let_others_change();
            let is_wanted = match change {
                Change::DeleteService(service) => self.wanted.0.contains_key(service),
                Change::DeleteDestination(service, name) => {
                    let wanted = self.wanted.0.get(service);
                    wanted.is_none_or(|wanted| wanted.destinations.contains_key(name))
                }
                _ => false,
            };
            assert!(!is_wanted, "{change:?} takes away what is wanted");
            if let Err(errno) = self.table.execute(change) {
                refused(index, KernelError::Errno(errno));
            }
        }
        Ok(())
    }

    fn exist(&mut self, change: &Change) -> Result<(), Error> {
        panic!("{change:?} is not about tables");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Bytes that look drawn, by Marsaglia's xorshift.
    fn drawn(seed: u64, length: usize) -> Vec<u8> {
        let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        let draw = std::iter::repeat_with(|| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state >> 32) as u8
        });
        draw.take(length).collect()
    }

    #[test]
    fn saves_and_restores_hold_while_others_change_the_table() {
        for seed in 0..60 {
            // From a table that soon stands still to one that moves all the time.
            moving_tables(&drawn(seed, 12 + 30 * seed as usize));
        }
    }
}
