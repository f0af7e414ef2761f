//! Walks through the kernel's table, as every listing does: the virtual services in their order,
//! each with its destinations.
//!
//! Only one service's destinations are in memory at a time. Others may change the table meanwhile:
//! a service that is gone when the walk gets there is left out, rather than shown without servers.
//! In a walk of one service, its absence is a fault.

#![forbid(unsafe_code)]

use nix::errno::Errno;

use crate::error::{Error, KernelError};
use crate::ipvs::{Detail, Ipvs};
use crate::model::{DestinationState, ServiceIdentity, ServiceState};
use crate::render::order;

use super::refused_listing;

/// A walk: the services that are still to come.
pub struct Walk {
    services: std::vec::IntoIter<ServiceState>,
    destinations: Vec<DestinationState>,
    detail: Detail,
    is_sorted: bool,
    /// True if one virtual service is asked for, and not all.
    is_of_one: bool,
}

impl Walk {
    /// Begins a walk through one virtual service, or all; in the listing's order, or the kernel's.
    ///
    /// # Errors
    ///
    /// Those of the kernel, as faults of a listing.
    pub fn begin(
        ipvs: &mut Ipvs,
        only: Option<&ServiceIdentity>,
        detail: Detail,
        is_sorted: bool,
    ) -> Result<Walk, Error> {
        let services = match only {
            Some(identity) => ipvs.service(identity).map(|state| vec![state]),
            None => ipvs.services(detail),
        };
        let mut services = services.map_err(refused_listing)?;
        if is_sorted {
            order::sort_services(&mut services, |state| &state.service.identity);
        }
        Ok(Walk {
            services: services.into_iter(),
            destinations: Vec::new(),
            detail,
            is_sorted,
            is_of_one: only.is_some(),
        })
    }

    /// Returns the next virtual service and its destinations; `None` at the end.
    ///
    /// # Errors
    ///
    /// Those of the kernel, as faults of a listing.
    pub fn next(
        &mut self,
        ipvs: &mut Ipvs,
    ) -> Result<Option<(ServiceState, &[DestinationState])>, Error> {
        for service in self.services.by_ref() {
            let identity = &service.service.identity;
            ipvs.destinations(identity, self.detail, &mut self.destinations)
                .map_err(refused_listing)?;
            if self.destinations.is_empty()
                // A dump does not show that a service has been removed.
                && let Err(fault) = ipvs.service(identity)
            {
                if fault == IS_GONE && !self.is_of_one {
                    continue;
                }
                return Err(refused_listing(fault));
            }
            if self.is_sorted {
                order::sort_destinations(&mut self.destinations);
            }
            return Ok(Some((service, &self.destinations)));
        }
        Ok(None)
    }
}

/// The answer to a question about a service that has been removed.
const IS_GONE: KernelError = KernelError::Errno(Errno::ESRCH);
