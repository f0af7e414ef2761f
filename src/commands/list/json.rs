//! Lists with `--json`: one document.
#![forbid(unsafe_code)]

use super::connections::{ConnectionDetail, PassedOver, SelectedConnections};
use super::{counts, sync_daemon_states};
use crate::commands::console::Console;
use crate::commands::refused_listing;
use crate::commands::walk::Walk;
use crate::error::Error;
use crate::ipvs::{Detail, Ipvs, settings};
use crate::model::ServiceIdentity;
use crate::render::json::{self, Document};
use crate::request::{ListRequest, Subject};
use crate::selection::Selection;

/// Lists what a request asks for. If that fails, drops what has not been written yet: a reader gets
/// nothing, or the beginning of a document, which no parser takes for a whole one.
///
/// # Errors
///
/// Those of the kernel, and of standard output.
pub fn list(
    console: &mut Console<'_>,
    ipvs: &mut Ipvs,
    request: &ListRequest,
) -> Result<(), Error> {
    let start = console.text().len();
    let outcome = match &request.subject {
        Subject::Table(service) => {
            list_table(console, ipvs, request, service.as_ref()).map(|()| PassedOver::NOTHING)
        }
        Subject::ConnectionEntries(selection, _) => list_connections(console, ipvs, selection),
        Subject::ConnectionCounts(selection, key) => counts::count(ipvs, selection, *key, None)
            .map(|(counts, passed_over)| {
                json::write_counts(console.text(), key.word(), &counts);
                passed_over
            }),
        Subject::Timeouts => ipvs
            .timeouts()
            .map(|timeouts| {
                json::write_timeouts(console.text(), &timeouts);
                PassedOver::NOTHING
            })
            .map_err(refused_listing),
        Subject::Daemons => sync_daemon_states(ipvs).map(|daemons| {
            json::write_sync_daemons(console.text(), &daemons);
            PassedOver::NOTHING
        }),
    };
    match outcome {
        Ok(passed_over) => passed_over.outcome(),
        Err(fault) => {
            console.text().truncate(start);
            Err(fault)
        }
    }
}

fn list_table(
    console: &mut Console<'_>,
    ipvs: &mut Ipvs,
    request: &ListRequest,
    service: Option<&ServiceIdentity>,
) -> Result<(), Error> {
    let info = ipvs.info().map_err(refused_listing)?;
    let standstill = settings::standstill();
    let mut walk = Walk::begin(ipvs, service, Detail::WithStatistics, request.sorted)?;
    let mut document = Document::of_services(console.text(), &info, standstill);
    while let Some((service, destinations)) = walk.next(ipvs)? {
        document.service(console.text(), &service, destinations);
    }
    document.end(console.text());
    Ok(())
}

fn list_connections(
    console: &mut Console<'_>,
    ipvs: &mut Ipvs,
    selection: &Selection,
) -> Result<PassedOver, Error> {
    let detail = ConnectionDetail {
        origin: true,
        engine_data: true,
    };
    let entries = SelectedConnections::open(ipvs, selection, detail)?;
    let mut document = Document::of_connections(console.text());
    let passed_over = entries.for_each(|connection, _| {
        document.connection(console.text(), connection);
        console.flush_if_large()
    })?;
    document.end(console.text());
    Ok(passed_over)
}
