//! Lists with `--table`: drawn for people.
//!
//! A column is as wide as its widest cell, so everything is read before anything is written.
#![forbid(unsafe_code)]

use std::time::Instant;

use super::connections::SelectedConnections;
use super::{counts, sync_daemons};
use crate::commands::console::Console;
use crate::commands::refused_listing;
use crate::commands::walk::Walk;
use crate::error::Error;
use crate::ipvs::connections::parse_connection;
use crate::ipvs::{Detail, Ipvs, estimation};
use crate::model::{Connection, ServiceIdentity};
use crate::rates::Rates;
use crate::render;
use crate::render::table::connections::ConnectionTable;
use crate::render::table::services::ServiceTable;
use crate::render::table::timeouts_and_daemons;
use crate::request::{Columns, ListFormat, ListRequest, Subject};
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
        Subject::ConnectionEntries(selection) => {
            list_connections(console, ipvs, &request.format, selection)
        }
        Subject::ConnectionCounts(selection, key) => {
            let (counts, passed_over) = counts::count(ipvs, selection, *key)?;
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
            let daemons = sync_daemons(ipvs)?;
            timeouts_and_daemons::write_sync_daemons(console.text(), screen, &daemons);
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
    let standstill = estimation::standstill();
    let mut walk = Walk::begin(ipvs, service, Detail::WithStatistics, request.sorted)?;
    let info = match service {
        Some(_) => None,
        None => Some(ipvs.info().map_err(refused_listing)?),
    };
    let mut all = Vec::new();
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
        all.push((service, destinations));
    }
    if let Some(rates) = &mut rates {
        rates.end();
    }
    let (screen, rates) = (console.screen(), rates.as_deref());
    let mut table = ServiceTable::new(screen, request.format, rates, standstill, &all);
    // Rows are dear, so none is made of services that a page has no room for.
    let room = console.page().map_or(usize::MAX, |page| page.room());
    let mut lines = 0;
    let (mut shown, mut left_out) = (0, 0);
    for (service, destinations) in &all {
        let more = ServiceTable::fewest_lines(destinations);
        if lines < room {
            table.measure(service, destinations);
            shown += 1;
        } else {
            left_out += more;
        }
        lines += more;
    }
    table.begin(console.text(), info.as_ref());
    for (service, destinations) in &all[..shown] {
        table.write(console.text(), service, destinations);
        console.flush_if_large()?;
    }
    if let Some(page) = console.page() {
        page.leave_out(left_out);
    }
    table.end(console.text());
    Ok(())
}

fn list_connections(
    console: &mut Console<'_>,
    ipvs: &mut Ipvs,
    format: &ListFormat,
    selection: &Selection,
) -> Result<(), Error> {
    let with_engine_data = format.columns == Columns::PersistentConnections;
    let mut table = ConnectionTable::new(console.screen(), format.numeric, with_engine_data);
    let mut lines = Vec::new();
    let entries = SelectedConnections::open(ipvs, selection)?;
    let passed_over = entries.for_each(|connection, line| {
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
