//! `--keep` and `--exist`: changes that depend on what is there.
//!
//! Reading an entry and changing it are two steps: what others change about the same entry in
//! between goes back. The kernel has no way to do both at once. Where they have added or deleted it
//! in between, it is looked at again.

#![forbid(unsafe_code)]

use nix::errno::Errno;

use crate::commands::{daemons, make_change};
use crate::edit::{Addition, DestinationEdit, Edit, Instead, MOST_LOOKS, contradicts_look};
use crate::error::{Error, KernelError};
use crate::ipvs::{Detail, Ipvs};
use crate::model::{Change, Destination, ServiceIdentity};

/// Makes an edit that leaves what it does not name as it is.
pub fn edit(ipvs: &mut Ipvs, edit: &Edit) -> Result<(), Error> {
    let refused = |fault| super::refused(edit.operation(), fault);
    let change = match edit {
        Edit::Service(edit) => {
            let there = ipvs.service(&edit.identity).map_err(refused)?;
            Change::EditService(edit.of(&there.service)?)
        }
        Edit::Destination(edit) => {
            let there = find_destination(ipvs, edit).map_err(refused)?;
            Change::EditDestination(edit.service, edit.of(&there)?)
        }
    };
    make_change(ipvs, &change)
}

/// Finds the destination to be edited.
///
/// # Errors
/// The kernel's refusal of an edit of what does not exist.
fn find_destination(ipvs: &mut Ipvs, edit: &DestinationEdit) -> Result<Destination, KernelError> {
    let found = destinations(ipvs, &edit.service)?
        .into_iter()
        .find(|destination| destination.identity == edit.identity);
    match found {
        Some(destination) => Ok(destination),
        // A service that does not exist has no destinations either.
        None => Err(ipvs
            .service(&edit.service)
            .err()
            .unwrap_or(KernelError::Errno(Errno::ENOENT))),
    }
}

fn destinations(
    ipvs: &mut Ipvs,
    service: &ServiceIdentity,
) -> Result<Vec<Destination>, KernelError> {
    let mut destinations = Vec::new();
    ipvs.destinations(service, Detail::WithoutStatistics, &mut destinations)?;
    let destinations = destinations.into_iter();
    Ok(destinations.map(|state| state.destination).collect())
}

/// Adds what is missing; what is there changes as far as it is named.
pub fn add_missing(ipvs: &mut Ipvs, addition: &Addition) -> Result<(), Error> {
    for looks in 1.. {
        let Some(change) = missing(ipvs, addition)? else {
            break;
        };
        let outcome = make_change(ipvs, &change);
        if looks == MOST_LOOKS || !is_overtaken(&change, &outcome) {
            return outcome;
        }
    }
    Ok(())
}

/// The change that an addition comes to; `None` where nothing is to change.
fn missing(ipvs: &mut Ipvs, addition: &Addition) -> Result<Option<Change>, Error> {
    let refused = |fault| super::refused(addition.operation(), fault);
    let change = match addition {
        Addition::Service(addition) => match ipvs.service(&addition.edit.identity) {
            Ok(there) => addition.change(Some(&there.service)),
            Err(KernelError::Errno(Errno::ESRCH)) => addition.change(None),
            Err(fault) => return Err(refused(fault)),
        },
        Addition::Destination(addition) => {
            let there = destinations(ipvs, &addition.edit.service).map_err(refused)?;
            addition.change(|identity| {
                let mut there = there.iter();
                there.find(|there| there.identity == *identity).copied()
            })
        }
    };
    Ok(change?)
}

/// Makes a change that may have been made before.
pub fn exist(ipvs: &mut Ipvs, change: &Change) -> Result<(), Error> {
    for looks in 1.. {
        let refusal = make_change(ipvs, change);
        let Err(Error::Kernel(_, KernelError::Errno(errno))) = refusal else {
            return refusal;
        };
        let is_last = looks == MOST_LOOKS;
        match Instead::of(change, errno) {
            None => return refusal,
            Some(Instead::Nothing) => break,
            Some(Instead::Edit(edit)) => {
                let outcome = make_change(ipvs, &edit);
                if is_last || !is_overtaken(&edit, &outcome) {
                    return outcome;
                }
            }
            Some(Instead::NothingIfSame(daemon)) => match daemons::is_running(ipvs, &daemon)? {
                Some(true) => break,
                None if !is_last => {}
                Some(false) | None => return refusal,
            },
        }
    }
    Ok(())
}

/// Returns true if a change was refused because the entry has been added, or deleted, meanwhile.
fn is_overtaken(change: &Change, outcome: &Result<(), Error>) -> bool {
    match outcome {
        Err(Error::Kernel(_, KernelError::Errno(errno))) => contradicts_look(change, *errno),
        _ => false,
    }
}
