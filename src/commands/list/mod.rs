//! Lists the table, one virtual service, connections, timeouts, sync daemons (`-L`).
//!
//! The reference's format is here; [`json`], [`prometheus`] and [`table`] have formats that it does
//! not have. What the text looks like is a matter of [`render`].
#![forbid(unsafe_code)]

pub mod connections;
pub mod counts;
mod json;
mod prometheus;
pub mod services;
mod table;

use crate::commands::console::{Console, visible};
use crate::commands::walk::Walk;
use crate::commands::{hints, refused_listing};
use crate::error::Error;
use crate::ipvs::{self, Detail, Ipvs, settings};
use crate::model::{Connection, ServiceIdentity, SyncDaemon, SyncDaemonState};
use crate::order::{ConnectionOrder, ServiceOrder};
use crate::rates::Rates;
use crate::render::endpoints::EndpointWriter;
use crate::render::{self, listing, order, timeouts_and_daemons};
use crate::request::{ListFormat, ListRequest, OutputFormat, Subject};
use crate::screen;
use crate::selection::Selection;
use connections::{ConnectionDetail, SelectedConnections};
use services::Services;

/// Something else that gets its turn now and then while much is read, and ends that with `false`.
pub type Meanwhile<'m> = &'m mut dyn FnMut() -> Result<bool, Error>;

/// Lists what a request asks for. If looks follow each other, `rates` measures from one to the
/// next.
///
/// # Errors
///
/// Those of the kernel, and of standard output.
pub fn list(
    console: &mut Console<'_>,
    ipvs: &mut Ipvs,
    request: &ListRequest,
    rates: Option<&mut Rates>,
) -> Result<(), Error> {
    match request.output_format {
        OutputFormat::Plain => list_plainly(console, ipvs, request, rates),
        OutputFormat::Json => json::list(console, ipvs, request),
        OutputFormat::Table => table::list(console, ipvs, request, rates),
        OutputFormat::Prometheus => prometheus::list(console, ipvs, request),
    }
}

fn list_plainly(
    console: &mut Console<'_>,
    ipvs: &mut Ipvs,
    request: &ListRequest,
    rates: Option<&mut Rates>,
) -> Result<(), Error> {
    match request.subject {
        Subject::Table(service) if request.order == ServiceOrder::Address => {
            list_table(console, ipvs, request, service.as_ref())
        }
        Subject::Table(service) => {
            list_sorted_table(console, ipvs, request, service.as_ref(), rates)
        }
        Subject::ConnectionEntries(selection, order) => {
            list_connections(console, ipvs, &request.format, &selection, order)
        }
        Subject::ConnectionCounts(selection, key) => {
            let mut endpoints = EndpointWriter::for_listing(request.format.numeric);
            let (counts, passed_over) = counts::count(ipvs, &selection, key, None)?;
            for count in counts {
                render::counts::write_row(console.text(), &mut endpoints, &count);
                console.flush_if_large()?;
            }
            passed_over.outcome()
        }
        Subject::Timeouts => {
            let timeouts = ipvs.timeouts().map_err(refused_listing)?;
            timeouts_and_daemons::write_timeouts(console.text(), &timeouts);
            Ok(())
        }
        Subject::Daemons => {
            let daemons = sync_daemons(ipvs)?;
            timeouts_and_daemons::write_sync_daemons(console.text(), &daemons);
            Ok(())
        }
    }
}

fn list_table(
    console: &mut Console<'_>,
    ipvs: &mut Ipvs,
    request: &ListRequest,
    service: Option<&ServiceIdentity>,
) -> Result<(), Error> {
    let format = &request.format;
    let detail = match format.columns.are_counters() {
        true => Detail::WithStatistics,
        false => Detail::WithoutStatistics,
    };
    let mut walk = Walk::begin(ipvs, service, detail, request.sorted)?;
    let mut endpoints = EndpointWriter::for_listing(format.numeric);
    console.add_whole(|text| {
        if service.is_none() {
            let info = ipvs.info().map_err(refused_listing)?;
            listing::write_version(text, &info);
        }
        listing::write_titles(text, format.columns);
        while let Some((service, destinations)) = walk.next(ipvs)? {
            listing::write_entry(text, format, &mut endpoints, &service, destinations);
        }
        Ok(())
    })?;
    if detail == Detail::WithStatistics {
        hint_if_counters_stand_still(console);
    }
    Ok(())
}

/// Keeps a hint for a person at a terminal if the counters of a plain listing stand still.
fn hint_if_counters_stand_still(console: &mut Console<'_>) {
    if console.is_interactive() {
        console.keep_hint(settings::standstill().map(hints::counters_stand_still));
    }
}

fn list_sorted_table(
    console: &mut Console<'_>,
    ipvs: &mut Ipvs,
    request: &ListRequest,
    service: Option<&ServiceIdentity>,
    rates: Option<&mut Rates>,
) -> Result<(), Error> {
    let Services { info, entries, .. } = services::read_in_order(ipvs, request, service, rates)?;
    let format = &request.format;
    let mut endpoints = EndpointWriter::for_listing(format.numeric);
    if let Some(info) = info {
        listing::write_version(console.text(), &info);
    }
    listing::write_titles(console.text(), format.columns);
    for (service, destinations) in &entries {
        let text = console.text();
        listing::write_entry(text, format, &mut endpoints, service, destinations);
        console.flush_if_large()?;
    }
    Ok(())
}

fn list_connections(
    console: &mut Console<'_>,
    ipvs: &mut Ipvs,
    format: &ListFormat,
    selection: &Selection,
    order: ConnectionOrder,
) -> Result<(), Error> {
    let detail = ConnectionDetail::of(format.columns);
    let with_engine_data = detail.engine_data;
    let mut endpoints = EndpointWriter::for_listing(format.numeric);
    let is_on_terminal = with_engine_data && screen::is_terminal();
    let entries = SelectedConnections::open(ipvs, selection, detail)?;
    render::connections::write_titles(console.text(), with_engine_data);
    let passed_over = entries.for_each_in(order, |connection, _| {
        match is_on_terminal {
            true => write_visible_row(console.text(), &mut endpoints, connection),
            false => render::connections::write_row(
                console.text(),
                &mut endpoints,
                connection,
                with_engine_data,
            ),
        }
        console.flush_if_large()
    })?;
    passed_over.outcome()
}

/// Returns the sync daemons in the order of every listing, with how well they do.
fn sync_daemon_states(ipvs: &mut Ipvs) -> Result<Vec<SyncDaemonState>, Error> {
    let daemons = sync_daemons(ipvs)?.into_iter();
    Ok(daemons.map(ipvs::sync_daemons::state).collect())
}

/// Appends the row of a connection with the data of its engine, for a terminal: clients choose
/// these bytes, which must not move its cursor.
pub fn write_visible_row(
    out: &mut Vec<u8>,
    endpoints: &mut EndpointWriter,
    connection: &Connection<'_>,
) {
    let shown = connection.engine.map(|(name, data)| (name, visible(data)));
    let engine = shown.as_ref().map(|(name, data)| (*name, data.as_bytes()));
    let connection = Connection {
        engine,
        ..*connection
    };
    render::connections::write_row(out, endpoints, &connection, true);
}

/// Returns the sync daemons in the order of every listing.
fn sync_daemons(ipvs: &mut Ipvs) -> Result<Vec<SyncDaemon>, Error> {
    let mut daemons = ipvs.sync_daemons().map_err(refused_listing)?;
    order::sort_sync_daemons(&mut daemons);
    Ok(daemons)
}
