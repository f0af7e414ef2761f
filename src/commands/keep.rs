//! `--keep` and `--exist`: changes that depend on what is there.
//!
//! Reading an entry and changing it are two steps: what others change about the same entry in
//! between goes back. The kernel has no way to do both at once.

#![forbid(unsafe_code)]

use nix::errno::Errno;

use crate::commands::make_change;
use crate::edit::{DestinationEdit, Edit, Instead};
use crate::error::{Error, KernelError};
use crate::ipvs::{Detail, Ipvs};
use crate::model::{Change, Destination};

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
    let mut destinations = Vec::new();
    ipvs.destinations(&edit.service, Detail::WithoutStatistics, &mut destinations)?;
    let found = destinations
        .into_iter()
        .map(|state| state.destination)
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

/// Makes a change that may have been made before.
pub fn exist(ipvs: &mut Ipvs, change: &Change) -> Result<(), Error> {
    let outcome = make_change(ipvs, change);
    let Err(Error::Kernel(_, KernelError::Errno(errno))) = &outcome else {
        return outcome;
    };
    match Instead::of(change, *errno) {
        Some(Instead::Edit(change)) => make_change(ipvs, &change),
        Some(Instead::Nothing) => Ok(()),
        None => outcome,
    }
}
