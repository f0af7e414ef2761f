//! Lists with `--prometheus`: the table, timeouts and sync daemons as metrics.
//!
//! The samples of a metric stand together, so everything is read before anything is written.
#![forbid(unsafe_code)]

use super::sync_daemon_states;
use crate::commands::console::Console;
use crate::commands::refused_listing;
use crate::commands::walk::Walk;
use crate::error::Error;
use crate::ipvs::{Detail, Ipvs, settings, status};
use crate::render::prometheus::{self, LabelledService, Labels, Population};
use crate::request::{ListRequest, Subject};

/// Lists what a request asks for.
///
/// # Errors
///
/// Those of the kernel, and of standard output.
pub fn list(
    console: &mut Console<'_>,
    ipvs: &mut Ipvs,
    request: &ListRequest,
) -> Result<(), Error> {
    let service = match &request.subject {
        Subject::Table(service) => service.as_ref(),
        // The check of options lets nothing else come here.
        _ => None,
    };
    let info = ipvs.info().map_err(refused_listing)?;
    let timeouts = ipvs.timeouts().map_err(refused_listing)?;
    let daemons = sync_daemon_states(ipvs)?;
    let standstill = settings::standstill();
    let mut walk = Walk::begin(ipvs, service, Detail::WithStatistics, request.sorted)?;
    let common = Labels::of_namespace(console.namespace());
    let mut services = Vec::new();
    while let Some((service, destinations)) = walk.next(ipvs)? {
        services.push(LabelledService::new(&common, service, destinations));
    }
    let population = Population {
        connections: status::connections(),
        most: status::most_connections(),
    };
    prometheus::write_director(
        console.text(),
        &common,
        &info,
        population,
        &timeouts,
        &daemons,
    );
    for metric in prometheus::metrics(&services, standstill) {
        console.text().extend_from_slice(&metric);
        console.flush_if_large()?;
    }
    Ok(())
}
