//! Reads all virtual services, to sort or draw them: both need every one before the first is
//! written.
#![forbid(unsafe_code)]

use std::time::Instant;

use super::Meanwhile;
use crate::commands::refused_listing;
use crate::commands::walk::Walk;
use crate::error::Error;
use crate::ipvs::{Detail, Ipvs, settings};
use crate::model::{KernelInfo, ServiceIdentity, Standstill};
use crate::order::{ServiceEntry, ServiceOrder};
use crate::rates::Rates;
use crate::request::{ListRequest, OutputFormat};

/// The virtual services of a listing.
#[derive(Default)]
pub struct Services {
    /// The facts of IPVS itself, unless the listing is of one service.
    pub info: Option<KernelInfo>,
    /// The services in the order of every listing, whatever other is asked for.
    pub entries: Vec<ServiceEntry>,
    /// The reason for which the kernel's counters stand still, if they do and are listed.
    pub standstill: Option<Standstill>,
    /// The moment at which the reading of counters began, if they are read.
    pub counted_at: Option<Instant>,
}

/// The services after which something else gets its turn.
const AT_ONCE: usize = 32;

impl Services {
    /// Measures how fast counters grow from one look to the next.
    pub fn measure(&self, rates: &mut Rates) {
        let Some(counted_at) = self.counted_at else {
            return;
        };
        rates.begin(counted_at, self.standstill);
        for (service, destinations) in &self.entries {
            let identity = service.service.identity;
            rates.note_service(identity, &service.statistics);
            for state in destinations {
                let server = state.destination.identity;
                rates.note_server(identity, server, &state.statistics);
            }
        }
        rates.end();
    }
}

/// Reads one virtual service, or all; nothing if `meanwhile` ends it.
///
/// # Errors
///
/// Those of the kernel, as faults of a listing, and of `meanwhile`.
pub fn read(
    ipvs: &mut Ipvs,
    request: &ListRequest,
    service: Option<&ServiceIdentity>,
    meanwhile: Meanwhile<'_>,
) -> Result<Option<Services>, Error> {
    let begun = Instant::now();
    let shows_statistics = match request.output_format {
        OutputFormat::Plain => request.format.columns.are_counters(),
        _ => true,
    };
    let detail = match shows_statistics || request.order == ServiceOrder::Rate {
        true => Detail::WithStatistics,
        false => Detail::WithoutStatistics,
    };
    let standstill = match detail {
        Detail::WithStatistics => settings::standstill(),
        Detail::WithoutStatistics => None,
    };
    let mut walk = Walk::begin(ipvs, service, detail, request.sorted)?;
    let info = match service {
        Some(_) => None,
        None => Some(ipvs.info().map_err(refused_listing)?),
    };
    let mut entries: Vec<ServiceEntry> = Vec::new();
    while let Some((service, destinations)) = walk.next(ipvs)? {
        entries.push((service, destinations.to_vec()));
        if entries.len().is_multiple_of(AT_ONCE) && !meanwhile()? {
            return Ok(None);
        }
    }
    Ok(Some(Services {
        info,
        entries,
        standstill,
        counted_at: (detail == Detail::WithStatistics).then_some(begun),
    }))
}

/// Reads services to be listed once, in the order that is asked for.
///
/// # Errors
///
/// Those of the kernel, as faults of a listing.
pub fn read_in_order(
    ipvs: &mut Ipvs,
    request: &ListRequest,
    service: Option<&ServiceIdentity>,
    mut rates: Option<&mut Rates>,
) -> Result<Services, Error> {
    // Nobody ends it early.
    let mut services = read(ipvs, request, service, &mut || Ok(true))?.unwrap_or_default();
    if let Some(rates) = rates.as_deref_mut() {
        services.measure(rates);
    }
    request.order.sort(&mut services.entries, rates.as_deref());
    Ok(services)
}
