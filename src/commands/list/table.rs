//! Lists with `--table`: drawn for people.
//!
//! A column is as wide as its widest cell, so everything is read before anything is written.
#![forbid(unsafe_code)]

use super::connections::{ConnectionDetail, SelectedConnections};
use super::services::{self, Services};
use super::{counts, sync_daemon_states};
use crate::commands::console::Console;
use crate::commands::refused_listing;
use crate::error::Error;
use crate::ipvs::Ipvs;
use crate::ipvs::connections::parse_connection;
use crate::model::{Connection, ServiceIdentity};
use crate::order::ConnectionOrder;
use crate::rates::Rates;
use crate::render;
use crate::render::table::connections::ConnectionTable;
use crate::render::table::services::ServiceTable;
use crate::render::table::timeouts_and_daemons;
use crate::request::{ListFormat, ListRequest, Subject};
use crate::selection::Selection;

/// The connections drawn at once: many, since each drawing has a cost of its own; not all, since
/// each is held in memory.
const CONNECTIONS_AT_ONCE: usize = 500;

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
    let screen = console.screen();
    match &request.subject {
        Subject::Table(service) => list_table(console, ipvs, request, service.as_ref(), rates),
        Subject::ConnectionEntries(selection, order) => {
            list_connections(console, ipvs, &request.format, selection, *order)
        }
        Subject::ConnectionCounts(selection, key) => {
            let (counts, passed_over) = counts::count(ipvs, selection, *key, None)?;
            let numeric = request.format.numeric;
            render::table::counts::write(console.text(), screen, numeric, *key, &counts);
            passed_over.outcome()
        }
        Subject::Timeouts => {
            let timeouts = ipvs.timeouts().map_err(refused_listing)?;
            timeouts_and_daemons::write_timeouts(
                console.text(),
                screen,
                request.format.exact,
                &timeouts,
            );
            Ok(())
        }
        Subject::Daemons => {
            let daemons = sync_daemon_states(ipvs)?;
            timeouts_and_daemons::write_sync_daemons(
                console.text(),
                screen,
                request.format.exact,
                &daemons,
            );
            Ok(())
        }
    }
}

fn list_table(
    console: &mut Console<'_>,
    ipvs: &mut Ipvs,
    request: &ListRequest,
    service: Option<&ServiceIdentity>,
    mut rates: Option<&mut Rates>,
) -> Result<(), Error> {
    let Services {
        info,
        entries,
        standstill,
        ..
    } = services::read_in_order(ipvs, request, service, rates.as_deref_mut())?;
    let screen = console.screen();
    let rates = rates.as_deref();
    let mut table = ServiceTable::new(screen, request.format, rates, standstill, &entries);
    for (service, destinations) in &entries {
        table.measure(service, destinations);
    }
    table.begin(console.text(), info.as_ref());
    for (service, destinations) in &entries {
        table.write(console.text(), service, destinations);
        console.flush_if_large()?;
    }
    table.end(console.text());
    table.explain(console.text());
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
    let mut table = ConnectionTable::new(console.screen(), format.numeric, with_engine_data);
    let mut lines = Vec::new();
    let connections = SelectedConnections::open(ipvs, selection, detail)?;
    let passed_over = connections.for_each_in(order, |connection, line| {
        table.count(1);
        table.measure(connection);
        lines.extend_from_slice(line);
        Ok(())
    })?;
    table.begin(console.text());
    let mut rest = lines
        .split_inclusive(|byte| *byte == b'\n')
        .filter_map(parse_connection);
    loop {
        let some: Vec<Connection<'_>> = rest.by_ref().take(CONNECTIONS_AT_ONCE).collect();
        if some.is_empty() {
            break;
        }
        table.write(console.text(), &some);
        console.flush_if_large()?;
    }
    table.end(console.text());
    passed_over.outcome()
}
