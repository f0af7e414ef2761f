//! Rehearses for `--dry-run` what a restore does beside making one table another: it changes
//! timeouts and sync daemons, or runs rules one after the other.

#![forbid(unsafe_code)]

use std::collections::HashSet;

use nix::errno::Errno;

use super::ReadRule;
use super::wanted::{Other, Refusal, WantedTable, service_of};
use crate::commands::{daemons, refused_listing};
use crate::error::{Error, KernelError, Operation};
use crate::ipvs::{Detail, Ipvs};
use crate::model::{Change, SyncDaemon, SyncDaemonRole, Timeouts};
use crate::request::Request;

/// The timeouts and sync daemons, as the changes so far would leave them.
pub struct Rest {
    timeouts_before: Timeouts,
    timeouts: Timeouts,
    daemons: Vec<SyncDaemon>,
}

/// The outcome of a change.
enum Effect {
    Change,
    Nothing,
    Refusal(Errno),
}

impl Rest {
    /// Reads them.
    pub fn read(ipvs: &mut Ipvs) -> Result<Rest, Error> {
        let timeouts = ipvs.timeouts().map_err(refused_listing)?;
        Ok(Rest {
            timeouts_before: timeouts,
            timeouts,
            daemons: ipvs.sync_daemons().map_err(refused_listing)?,
        })
    }

    /// Takes a change. Returns true if it makes a difference, or else the refusal that is certain.
    pub fn take<'t>(&mut self, other: &Other<'t>) -> Result<bool, Refusal<'t>> {
        let effect = match &other.change {
            Change::SetTimeouts(timeouts) => self.set(timeouts),
            Change::StartDaemon(daemon) => self.start(daemon, other.may_be_so),
            Change::StopDaemon(role, _) => self.stop(*role, other.may_be_so),
            _ => Effect::Nothing,
        };
        match effect {
            Effect::Change => Ok(true),
            Effect::Nothing => Ok(false),
            Effect::Refusal(errno) => Err(Refusal {
                operation: Operation::from(&other.change),
                fault: KernelError::Errno(errno),
                line: Some(other.line),
            }),
        }
    }

    /// Returns true if the timeouts are in the end what they were before all changes.
    pub fn keeps_timeouts(&self) -> bool {
        self.timeouts == self.timeouts_before
    }

    fn set(&mut self, timeouts: &Timeouts) -> Effect {
        let before = self.timeouts;
        let chosen = |named, before| if named == 0 { before } else { named };
        self.timeouts = Timeouts {
            tcp: chosen(timeouts.tcp, before.tcp),
            tcp_fin: chosen(timeouts.tcp_fin, before.tcp_fin),
            udp: chosen(timeouts.udp, before.udp),
        };
        match self.timeouts == before {
            true => Effect::Nothing,
            false => Effect::Change,
        }
    }

    fn start(&mut self, daemon: &SyncDaemon, may_be_so: bool) -> Effect {
        let mut running = self.daemons.iter();
        let Some(running) = running.find(|running| running.role == daemon.role) else {
            self.daemons.push(*daemon);
            return Effect::Change;
        };
        // One that cannot be compared does not count as the same.
        match may_be_so && daemons::is_same(running, daemon).unwrap_or(false) {
            true => Effect::Nothing,
            false => Effect::Refusal(Errno::EEXIST),
        }
    }

    fn stop(&mut self, role: SyncDaemonRole, may_be_so: bool) -> Effect {
        let count = self.daemons.len();
        self.daemons.retain(|daemon| daemon.role != role);
        match self.daemons.len() < count {
            true => Effect::Change,
            false if may_be_so => Effect::Nothing,
            false => Effect::Refusal(Errno::ESRCH),
        }
    }
}

/// Returns true if rules that are run one after the other would change anything: beside the table
/// that is there, or, with `is_cleared`, after it is cleared.
pub fn changes_anything(
    ipvs: &mut Ipvs,
    rules: &[ReadRule<'_>],
    is_cleared: bool,
) -> Result<bool, Error> {
    let services = ipvs.services(Detail::WithoutStatistics);
    let services = services.map_err(refused_listing)?;
    if is_cleared && !services.is_empty() {
        return Ok(true);
    }
    let named: HashSet<_> = rules.iter().filter_map(service_of).collect();
    let mut table = WantedTable::default();
    let mut destinations = Vec::new();
    for state in services {
        let identity = state.service.identity;
        destinations.clear();
        if named.contains(&identity) {
            ipvs.destinations(&identity, Detail::WithoutStatistics, &mut destinations)
                .map_err(refused_listing)?;
        }
        let destinations = destinations.iter().map(|state| state.destination);
        table.hold(state.service, destinations.collect());
    }
    let mut rest = Rest::read(ipvs)?;
    for rule in rules {
        let changes = match Other::of(rule) {
            Some(other) => rest.take(&other).unwrap_or(false),
            None if matches!(rule.request, Request::Help(_) | Request::Version) => break,
            // A fault ends the real run, too.
            None => match table.take(rule) {
                Ok(changes) => changes,
                Err(_) => break,
            },
        };
        if changes {
            return Ok(true);
        }
    }
    Ok(false)
}
