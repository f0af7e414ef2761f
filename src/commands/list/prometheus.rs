//! Lists with `--prometheus`: the table, timeouts and sync daemons as metrics.
//!
//! The samples of a metric stand together, so everything is read before anything is written.
#![forbid(unsafe_code)]

use super::sync_daemon_states;
use crate::commands::console::Console;
use crate::commands::refused_listing;
use crate::commands::walk::Walk;
use crate::error::Error;
use crate::ipvs::{Detail, Ipvs};
use crate::render::prometheus::{self, LabelledService};
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
    let mut walk = Walk::begin(ipvs, service, Detail::WithStatistics, request.sorted)?;
    let mut services = Vec::new();
    while let Some((service, destinations)) = walk.next(ipvs)? {
        services.push(LabelledService::new(service, destinations));
    }
    prometheus::write_director(console.text(), &info, &timeouts, &daemons);
    for metric in prometheus::metrics(&services) {
        console.text().extend_from_slice(&metric);
        console.flush_if_large()?;
    }
    Ok(())
}
