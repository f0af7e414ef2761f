//! Real servers in their services, as commands that take their time see them: what is looked at
//! again and again, and changed in between. What a look means is the command's business.
#![forbid(unsafe_code)]

use std::time::Duration;

use nix::errno::Errno;

use crate::commands::refused;
use crate::error::{Error, KernelError, Operation};
use crate::ipvs::{Detail, Ipvs};
use crate::model::{Change, Destination, DestinationState, ServiceIdentity};
use crate::render::endpoints::EndpointWriter;
use crate::render::rules;

/// A real server in one of its services.
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    pub service: ServiceIdentity,
    pub destination: Destination,
}

impl Entry {
    /// Returns `-t ADDR:PORT -r ADDR:PORT: ` and what there is to say.
    pub fn line(&self, what: &str) -> Vec<u8> {
        let mut line = Vec::new();
        rules::write_destination_name(
            &mut line,
            &mut EndpointWriter::numeric(),
            &self.service,
            &self.destination.identity,
        );
        line.extend_from_slice(b": ");
        line.extend_from_slice(what.as_bytes());
        line
    }

    /// Returns the edit that gives the server this weight, and all else that the entry says.
    pub fn with_weight(&self, weight: u32) -> Change {
        let destination = Destination {
            weight,
            ..self.destination
        };
        Change::EditDestination(self.service, destination)
    }
}

/// Returns what has become of each entry; `None` for one that is there no more. Entries of one
/// service stand together.
///
/// # Errors
///
/// Those of the kernel.
pub fn look(
    ipvs: &mut Ipvs,
    entries: &[Entry],
) -> Result<Vec<Option<DestinationState>>, KernelError> {
    let mut seen = Vec::with_capacity(entries.len());
    let mut destinations = Vec::new();
    for entries in entries.chunk_by(|one, next| one.service == next.service) {
        ipvs.destinations(
            &entries[0].service,
            Detail::WithoutStatistics,
            &mut destinations,
        )?;
        seen.extend(entries.iter().map(|entry| {
            let identity = entry.destination.identity;
            let mut all = destinations.iter();
            all.find(|state| state.destination.identity == identity)
                .copied()
        }));
    }
    Ok(seen)
}

/// Makes changes to entries. That one of them is there no more is no fault.
///
/// # Errors
///
/// The last other refusal of the kernel; all changes have been tried.
pub fn make_all(
    ipvs: &mut Ipvs,
    operation: Operation,
    changes: impl Iterator<Item = Change>,
) -> Result<(), Error> {
    let mut outcome = Ok(());
    let mut take = |_, fault| {
        if !matches!(fault, KernelError::Errno(Errno::ENOENT | Errno::ESRCH)) {
            outcome = Err(refused(operation, fault));
        }
    };
    for change in changes {
        if ipvs.queue(&change) {
            ipvs.send_queued(&mut take)
                .map_err(|fault| refused(operation, fault))?;
        }
    }
    ipvs.send_queued(&mut take)
        .map_err(|fault| refused(operation, fault))?;
    outcome
}

/// Returns what is left of a time, as whole seconds that are still to come.
pub fn time_left(left: Duration) -> String {
    minutes_and_seconds(left.as_millis().div_ceil(1000) as u64)
}

/// Returns a number of seconds as `1:12`, or as `1:02:03` from an hour on.
pub fn minutes_and_seconds(seconds: u64) -> String {
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    match hours {
        0 => format!("{minutes}:{seconds:02}"),
        _ => format!("{hours}:{minutes:02}:{seconds:02}"),
    }
}
