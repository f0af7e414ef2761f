//! A walk through the kernel's table, as every listing makes it: the virtual services in their order, each with its
//! destinations.
//!
//! Only one service's destinations are in memory at a time. What others change meanwhile is seen as it is when the walk
//! comes by: a service that is gone by then is left out, not shown without its servers.

use nix::errno::Errno;

use crate::error::{Error, KernelError};
use crate::ipvs::{Detail, Ipvs};
use crate::model::{DestinationState, ServiceIdentity, ServiceState, Statistics, VirtualService};
use crate::render::order;

use super::refused_listing;

/// What is left of a walk.
pub struct Walk {
    services: Services,
    destinations: Vec<DestinationState>,
    detail: Detail,
    is_sorted: bool,
}

/// The services to come, in no more detail than is asked for: there may be many.
enum Services {
    Plain(std::vec::IntoIter<VirtualService>),
    Counted(std::vec::IntoIter<ServiceState>),
}

impl Services {
    fn next(&mut self) -> Option<ServiceState> {
        match self {
            Services::Plain(services) => services.next().map(|service| ServiceState {
                service,
                statistics: Statistics::default(),
            }),
            Services::Counted(states) => states.next(),
        }
    }
}

impl Walk {
    /// Through one virtual service, or all; sorted, or in the kernel's order. Without detail all counters are 0.
    pub fn begin(
        ipvs: &mut Ipvs,
        only: Option<&ServiceIdentity>,
        detail: Detail,
        is_sorted: bool,
    ) -> Result<Walk, Error> {
        let services = match (only, detail) {
            (Some(identity), _) => {
                let state = ipvs.service(identity).map_err(refused_listing)?;
                Services::Counted(vec![state].into_iter())
            }
            (None, Detail::WithoutStatistics) => {
                let mut services = ipvs.services().map_err(refused_listing)?;
                if is_sorted {
                    order::sort_services(&mut services, |service| &service.identity);
                }
                Services::Plain(services.into_iter())
            }
            (None, Detail::WithStatistics) => {
                let mut states = ipvs.service_states().map_err(refused_listing)?;
                if is_sorted {
                    order::sort_services(&mut states, |state| &state.service.identity);
                }
                Services::Counted(states.into_iter())
            }
        };
        Ok(Walk {
            services,
            destinations: Vec::new(),
            detail,
            is_sorted,
        })
    }

    /// The next virtual service and its destinations.
    pub fn next(
        &mut self,
        ipvs: &mut Ipvs,
    ) -> Result<Option<(ServiceState, &[DestinationState])>, Error> {
        while let Some(service) = self.services.next() {
            let identity = &service.service.identity;
            ipvs.destinations(identity, self.detail, &mut self.destinations)
                .map_err(refused_listing)?;
            if self.destinations.is_empty() && is_gone(ipvs, identity)? {
                continue;
            }
            if self.is_sorted {
                order::sort_destinations(&mut self.destinations);
            }
            return Ok(Some((service, &self.destinations)));
        }
        Ok(None)
    }
}

/// Whether a service without destinations is one that was removed: the kernel's answer is the same.
fn is_gone(ipvs: &mut Ipvs, identity: &ServiceIdentity) -> Result<bool, Error> {
    match ipvs.service(identity) {
        Ok(_) => Ok(false),
        Err(KernelError::Errno(Errno::ESRCH)) => Ok(true),
        Err(fault) => Err(refused_listing(fault)),
    }
}
