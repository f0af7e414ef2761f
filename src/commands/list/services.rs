//! Reads all virtual services, to sort or draw them: both need every one before the first is
//! written.
#![forbid(unsafe_code)]

use std::time::Instant;

use crate::commands::refused_listing;
use crate::commands::walk::Walk;
use crate::error::Error;
use crate::ipvs::{Detail, Ipvs, estimation};
use crate::model::{KernelInfo, ServiceIdentity, Standstill};
use crate::order::ServiceEntry;
use crate::rates::Rates;
use crate::request::ListRequest;

/// The virtual services of a listing.
pub struct Services {
    /// The facts of IPVS itself, unless the listing is of one service.
    pub info: Option<KernelInfo>,
    /// The services in the order that was asked for.
    pub entries: Vec<ServiceEntry>,
    /// Why the kernel's counters stand still, if they do.
    pub standstill: Option<Standstill>,
}

/// Reads one virtual service, or all. `rates` measure from one look to the next.
///
/// # Errors
///
/// Those of the kernel, as faults of a listing.
pub fn read(
    ipvs: &mut Ipvs,
    request: &ListRequest,
    service: Option<&ServiceIdentity>,
    mut rates: Option<&mut Rates>,
) -> Result<Services, Error> {
    let standstill = estimation::standstill();
    let mut walk = Walk::begin(ipvs, service, Detail::WithStatistics, request.sorted)?;
    let info = match service {
        Some(_) => None,
        None => Some(ipvs.info().map_err(refused_listing)?),
    };
    let mut entries = Vec::new();
    if let Some(rates) = &mut rates {
        rates.begin(Instant::now(), standstill);
    }
    while let Some((mut service, destinations)) = walk.next(ipvs)? {
        let mut destinations = destinations.to_vec();
        if let Some(rates) = &mut rates {
            let identity = service.service.identity;
            rates.note_service(identity, &mut service.statistics);
            for state in &mut destinations {
                let server = state.destination.identity;
                rates.note_server(identity, server, &mut state.statistics);
            }
        }
        entries.push((service, destinations));
    }
    if let Some(rates) = &mut rates {
        rates.end();
    }
    request.order.sort(&mut entries, rates.as_deref());
    Ok(Services {
        info,
        entries,
        standstill,
    })
}
