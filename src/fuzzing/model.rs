//! A model of the kernel's table, to which it may be held what restoring does.

#![forbid(unsafe_code)]

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use nix::errno::Errno;

use crate::commands::restore::ReadRule;
use crate::model::{
    Change, Destination, DestinationIdentity, DestinationState, ForwardingMethod, ServiceIdentity,
    Statistics, VirtualService,
};
use crate::request::Request;

/// The kernel's table, as simple as can be.
#[derive(Clone, Default)]
pub struct Table(pub BTreeMap<ServiceIdentity, Service>);

/// A virtual service and its destinations.
#[derive(Clone)]
pub struct Service {
    pub service: VirtualService,
    pub destinations: BTreeMap<DestinationIdentity, Destination>,
}

impl Table {
    /// Returns the table that rules make, one after another; and the lines that are refused, with
    /// the errno.
    pub fn of(rules: &[ReadRule<'_>]) -> (Table, Vec<(usize, Errno)>) {
        let mut table = Table::default();
        let mut refusals = Vec::new();
        for rule in rules {
            let Request::Change(change) = &rule.request else {
                panic!("{:?}", rule.request);
            };
            if let Err(errno) = table.execute(change) {
                refusals.push((rule.line.number, errno));
            }
        }
        (table, refusals)
    }

    /// Makes a change, or refuses it as `net/netfilter/ipvs/ip_vs_ctl.c` does.
    pub fn execute(&mut self, change: &Change) -> Result<(), Errno> {
        match change {
            Change::AddService(service) => match self.0.entry(service.identity) {
                Entry::Occupied(_) => return Err(Errno::EEXIST),
                Entry::Vacant(entry) => drop(entry.insert(Service {
                    service: *service,
                    destinations: BTreeMap::new(),
                })),
            },
            Change::EditService(service) => self.service(&service.identity)?.service = *service,
            Change::DeleteService(identity) => {
                self.0.remove(identity).ok_or(Errno::ESRCH)?;
            }
            Change::Flush => self.0.clear(),
            Change::AddDestination(service, destination) => {
                let service = self.service(service)?;
                check_thresholds(destination)?;
                if service.destinations.contains_key(&destination.identity) {
                    return Err(Errno::EEXIST);
                }
                service
                    .destinations
                    .insert(destination.identity, *destination);
            }
            Change::EditDestination(service, destination) => {
                let service = self.service(service)?;
                check_thresholds(destination)?;
                let there = service.destinations.get_mut(&destination.identity);
                *there.ok_or(Errno::ENOENT)? = *destination;
            }
            Change::DeleteDestination(service, identity) => {
                let service = self.service(service)?;
                service.destinations.remove(identity).ok_or(Errno::ENOENT)?;
            }
            Change::Zero(_)
            | Change::SetTimeouts(_)
            | Change::StartDaemon(_)
            | Change::StopDaemon(..) => {}
        }
        Ok(())
    }

    fn service(&mut self, identity: &ServiceIdentity) -> Result<&mut Service, Errno> {
        self.0.get_mut(identity).ok_or(Errno::ESRCH)
    }
}

impl Service {
    /// Returns the destinations as the kernel shows them: newest first for all we know, and local
    /// ones as such where nothing is translated.
    pub fn shown(&self) -> Vec<DestinationState> {
        let states = self.destinations.values().rev().map(|destination| {
            let is_local = destination.identity.address.is_loopback()
                && destination.forwarding_method == ForwardingMethod::DirectRouting;
            let mut destination = *destination;
            if is_local {
                destination.forwarding_method = ForwardingMethod::Local;
            }
            DestinationState {
                destination,
                active_connections: 0,
                inactive_connections: 0,
                persistent_connections: 0,
                statistics: Statistics::default(),
            }
        });
        states.collect()
    }
}

fn check_thresholds(destination: &Destination) -> Result<(), Errno> {
    match destination.lower_threshold > destination.upper_threshold {
        true => Err(Errno::ERANGE),
        false => Ok(()),
    }
}
