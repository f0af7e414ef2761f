//! Draws virtual services and their real servers.
//!
//! A service stands below a line, with its scheduling beside it. Its real servers follow, each with
//! its share of what they carry together. Servers that take no connections and services without
//! servers stand out, with and without colours. `columns` chooses the columns, `condition` says who
//! takes connections, `promise` what weights promise, `description` describes in words.
#![forbid(unsafe_code)]

mod columns;
mod condition;
mod description;
mod promise;

use crate::model::{
    DestinationState, KernelInfo, ServiceIdentity, ServiceState, Standstill, Statistics,
};
use crate::order::ServiceEntry;
use crate::rates::{Meter, Rates};
use crate::render::endpoints::EndpointWriter;
use crate::render::listing::forwarding_label;
use crate::render::phrases::{counted, counters_stand_still, write_service_name};
use crate::render::table::quantities::{Share, bytes, count, sparkline};
use crate::render::table::sheet::{Cell, Row, Sheet, Tint};
use crate::render::table::{Height, Memory, endpoint, foreign};
use crate::request::{Columns, ListFormat};
use crate::screen::Screen;
use columns::{Column, columns_of, columns_of_rates, title, with_promises};
use condition::Condition;
use description::{indented, scheduling, tunnel, wrapped};

/// A table of virtual services. All of them are counted, and those that are to be written are
/// measured, before the first is written. It may be a part of one.
pub struct ServiceTable<'r> {
    screen: Screen,
    /// The rates that looks have measured; with them, the columns are others.
    rates: Option<&'r Rates>,
    /// Why there are no counters to be shown, if that is so.
    standstill: Option<Standstill>,
    format: ListFormat,
    endpoints: EndpointWriter,
    columns: Vec<Column>,
    sheet: Sheet,
    services: usize,
    servers: usize,
    /// The conditions that are to be explained.
    conditions: Vec<Condition>,
}

impl<'r> ServiceTable<'r> {
    /// Makes a table without services. With `rates`, it shows those where it can. With
    /// `standstill`, it leaves empty what is known from counters. `services` are all that there
    /// are, be they written or not.
    pub fn new(
        screen: Screen,
        format: ListFormat,
        rates: Option<&'r Rates>,
        standstill: Option<Standstill>,
        services: &[ServiceEntry],
    ) -> ServiceTable<'r> {
        ServiceTable::after(
            Memory::new(format.numeric),
            screen,
            format,
            rates,
            standstill,
            services,
        )
    }

    /// Makes a table that follows another.
    pub fn after(
        memory: Memory,
        screen: Screen,
        mut format: ListFormat,
        rates: Option<&'r Rates>,
        standstill: Option<Standstill>,
        services: &[ServiceEntry],
    ) -> ServiceTable<'r> {
        let shows_traffic = format.columns != Columns::Thresholds;
        let shows_rates = matches!(format.columns, Columns::Connections | Columns::Rate);
        let rates = rates.filter(|_| shows_rates);
        let columns = match rates {
            None => columns_of(format.columns, screen.width),
            Some(_) => {
                format.columns = Columns::Rate;
                columns_of_rates(screen.width)
            }
        };
        let shows_shares = shows_traffic && standstill.is_none();
        let has_promises = services
            .iter()
            .any(|(service, destinations)| promise::whole(service, destinations).is_some());
        let columns = match shows_shares && has_promises {
            true => with_promises(columns, screen.width),
            false => columns,
        };
        let servers = || services.iter().flat_map(|(_, destinations)| destinations);
        let is_met = |condition: &Condition| servers().any(|it| Condition::of(it) == *condition);
        let mut sheet = Sheet::new(screen, columns.len());
        memory.recall(screen, [&mut sheet]);
        ServiceTable {
            screen,
            rates,
            standstill: standstill.filter(|_| shows_traffic),
            format,
            endpoints: memory.endpoints,
            sheet,
            columns,
            services: services.len(),
            servers: servers().count(),
            conditions: Condition::EXPLAINED.into_iter().filter(is_met).collect(),
        }
    }

    /// Measures the room that a service needs.
    pub fn measure(&mut self, service: &ServiceState, destinations: &[DestinationState]) {
        let name = Cell::text(self.service_name(&service.service.identity), Tint::Strong);
        let numbers = self.numbers_of_service(service);
        let row: Row = std::iter::once(name).chain(numbers).collect();
        self.sheet.measure(&row);
        if !self.format.columns.are_counters() {
            let (before, traffic) = self.traffic(service);
            let row: Row = std::iter::once(Cell::empty().over(before))
                .chain(traffic)
                .collect();
            self.sheet.measure(&row);
            for piece in scheduling(service) {
                // A comma may follow.
                let text = indented(&piece) + ",";
                let cell = Cell::text(text, Tint::Plain).over(self.columns.len());
                self.sheet.measure(&[cell]);
            }
        }
        let wholes = self.wholes(service, destinations);
        for destination in destinations {
            let row = self.server_row(service, destination, &wholes);
            self.sheet.measure(&row);
        }
    }

    /// Appends the titles; with `info`, the line above them, too. If counters stand still, a line
    /// says so.
    pub fn begin(&mut self, out: &mut Vec<u8>, info: Option<&KernelInfo>) {
        if let Some(info) = info {
            let (major, minor, patch) = info.version_parts();
            let line = format!(
                "IP Virtual Server {major}.{minor}.{patch} (size={}): {}, {}\n",
                info.connection_table_size,
                counted(self.services, "service"),
                counted(self.servers, "real server"),
            );
            out.extend_from_slice(line.as_bytes());
        }
        if self.services == 0 {
            return;
        }
        if let Some(standstill) = self.standstill {
            let line = counters_stand_still(standstill);
            out.extend_from_slice(self.sheet.tinted(&line, Tint::Warning).as_bytes());
            out.push(b'\n');
        }
        let titles = self.columns.iter();
        let titles = titles.map(|column| title(*column, self.format.columns, self.screen.width));
        let titles: Row = titles.collect();
        self.sheet.measure(&titles);
        self.sheet.fit(true);
        let (all, share_place) = (self.columns.len(), self.share_place());
        let fitting = |texts: &[&'static str], width: usize| {
            let fits = |text: &&str| text.len() <= width;
            texts.iter().copied().find(fits).unwrap_or_default()
        };
        let name = fitting(
            &["Service / real server", "Server"],
            self.sheet.width_over(0..1),
        );
        let has_promises = self.columns.contains(&Column::Promised);
        let share_titles: &[&str] = match (self.format.columns, self.rates, has_promises) {
            (Columns::Thresholds, ..) => &["Room taken", "Taken"],
            (_, Some(_), false) => &["Share, bytes over time", "Share"],
            (_, None, false) => &["Share of traffic", "Share"],
            (_, Some(_), true) => &[
                "Share (by weight), bytes over time",
                "Share (by weight)",
                "% (by weight)",
            ],
            (_, None, true) => &[
                "Share of traffic (by weight)",
                "Share (by weight)",
                "% (by weight)",
            ],
        };
        let share = fitting(share_titles, self.sheet.width_over(share_place..all));
        let mut row = vec![Cell::text(name, Tint::Faint)];
        row.extend_from_slice(&titles[1..share_place]);
        row.push(Cell::text(share, Tint::Faint).over(all - share_place));
        self.sheet.draw(out, vec![row]);
    }

    /// Appends the rows of a service and its destinations, and returns how many lines they are. The
    /// last service appears with the end of the frame.
    pub fn write(
        &mut self,
        out: &mut Vec<u8>,
        service: &ServiceState,
        destinations: &[DestinationState],
    ) -> Height {
        let mut rows = self.heading(service);
        let mut height = Height {
            head: 1 + rows.len(),
            rest: Vec::new(),
        };
        let wholes = self.wholes(service, destinations);
        for destination in destinations {
            let row = self.server_row(service, destination, &wholes);
            let parts = self.sheet.parted(row);
            height.rest.push(parts.len());
            rows.extend(parts);
        }
        if destinations.is_empty() {
            let text = indented("no real servers: nobody takes its connections");
            let text = match text.len() <= self.sheet.width_over(0..self.columns.len()) {
                true => text,
                false => indented("no real servers"),
            };
            rows.push(vec![Cell::text(text, Tint::Alarm).over(self.columns.len())]);
            height.rest.push(1);
        }
        self.sheet.draw(out, rows);
        height
    }

    /// Ends the frame.
    pub fn end(&mut self, out: &mut Vec<u8>) {
        self.sheet.end(out);
    }

    /// Returns what a table that follows may use of this one.
    pub fn into_memory(self) -> Memory {
        Memory::of(self.screen, self.endpoints, [&self.sheet])
    }

    /// Explains the marks.
    pub fn explain(&self, out: &mut Vec<u8>) {
        let met = self.conditions.iter();
        let marks: Vec<String> = met
            .clone()
            .map(|condition| self.explained(*condition))
            .collect();
        let width: usize = met
            .map(|condition| "  x ".len() + condition.meaning().len())
            .sum();
        let parted_by = match width + marks.len() <= self.screen.width + 1 {
            true => " ",
            false => "\n",
        };
        if !marks.is_empty() {
            out.extend_from_slice(marks.join(parted_by).as_bytes());
            out.push(b'\n');
        }
    }

    fn explained(&self, condition: Condition) -> String {
        let mark = condition.mark(self.screen);
        let mark = self.sheet.tinted(mark, condition.tint());
        let meaning = self.sheet.tinted(condition.meaning(), Tint::Faint);
        format!("  {mark} {meaning}")
    }

    /// Returns the rows of a service itself.
    fn heading(&mut self, service: &ServiceState) -> Vec<Row> {
        let name = self.service_name(&service.service.identity);
        let width = name.chars().count();
        let name = Cell::text(name, Tint::Strong);
        let all = self.columns.len();
        let mut rows = Vec::new();
        if self.format.columns.are_counters() {
            let mut row = vec![name];
            row.extend(self.numbers_of_service(service));
            rows.extend(self.sheet.parted(row));
            return rows;
        }
        let (before, traffic) = self.traffic(service);
        let with_traffic = |cells: Vec<Cell>| cells.into_iter().chain(traffic.clone()).collect();
        let pieces = scheduling(service);
        let beside = pieces.join(", ");
        let fits = beside.len() <= self.sheet.width_over(1..before);
        if width <= self.sheet.width_over(0..1) && fits {
            let beside = Cell::text(beside, Tint::Plain).over(before - 1);
            rows.push(with_traffic(vec![name, beside]));
            return rows;
        }
        if width <= self.sheet.width_over(0..before) {
            rows.push(with_traffic(vec![name.over(before)]));
        } else {
            rows.push(vec![name.over(all)]);
            if traffic.iter().any(|cell| cell.width() > 0) {
                rows.push(with_traffic(vec![Cell::empty().over(before)]));
            }
        }
        for line in wrapped(&pieces, self.sheet.width_over(0..all)) {
            rows.push(vec![Cell::text(line, Tint::Plain).over(all)]);
        }
        rows
    }

    /// Returns the cells with what a service carried, which stand above its servers' parts of it,
    /// and the number of columns before them.
    fn traffic(&self, service: &ServiceState) -> (usize, Vec<Cell>) {
        let text = match (self.format.columns, sum_of_bytes(&service.statistics)) {
            (Columns::Thresholds, _) | (_, 0) => String::new(),
            _ if self.standstill.is_some() => String::new(),
            (_, number) => self.bytes(number),
        };
        let share_place = self.share_place();
        let columns = self.columns.len() - share_place;
        match self.columns[share_place - 1] {
            Column::Traffic => {
                let traffic = Cell::number(text, Tint::Plain);
                (share_place - 1, vec![traffic, Cell::empty().over(columns)])
            }
            _ => (
                share_place,
                vec![Cell::text(text, Tint::Plain).over(columns)],
            ),
        }
    }

    /// Returns the place of the column of shares, from which on all columns are about them.
    fn share_place(&self) -> usize {
        let mut columns = self.columns.iter();
        // Every table has that column, and never as the first.
        columns
            .position(|column| *column == Column::Share)
            .unwrap_or(1)
    }

    fn service_name(&mut self, identity: &ServiceIdentity) -> String {
        let mut name = Vec::new();
        write_service_name(&mut name, &mut self.endpoints, identity, 0);
        foreign(&name)
    }

    /// Returns the cells behind a service's name in a table with numbers of services.
    fn numbers_of_service(&self, service: &ServiceState) -> Vec<Cell> {
        let [_, columns @ ..] = &self.columns[..] else {
            return Vec::new();
        };
        let meter = self.meter(|rates| rates.of_service(&service.service.identity));
        let cell = |column: &Column| match (self.format.columns.are_counters(), meter) {
            (false, _) => Cell::empty(),
            _ if self.is_unknown(*column) => Cell::empty(),
            (true, None) => self.counter(*column, &service.statistics, Tint::Plain),
            (true, Some(meter)) => {
                let most = meter.history().fold(0.0, f64::max);
                self.measured(*column, meter, most, Tint::Plain)
            }
        };
        columns.iter().map(cell).collect()
    }

    /// Returns true for what counters that stand still do not tell.
    fn is_unknown(&self, column: Column) -> bool {
        self.standstill.is_some() && column.is_counted()
    }

    /// Finds one of the meters, if they are shown.
    fn meter(&self, find: impl FnOnce(&'r Rates) -> Option<&'r Meter>) -> Option<&'r Meter> {
        self.rates.and_then(find)
    }

    /// Returns the cell of what has been measured. `most` has the highest mark in the line of the
    /// last looks.
    fn measured(&self, column: Column, meter: &Meter, most: f64, tint: Tint) -> Cell {
        if column == Column::Bar {
            let last = self.columns.len() - 1;
            let width = self.sheet.width_over(last..last + 1);
            let is_idle = meter.history().all(|bytes| bytes == 0.0);
            let tint = match tint {
                Tint::Plain if !is_idle => Tint::Bar,
                tint => tint.or_faint(),
            };
            let line = sparkline(meter.history(), most, width, self.screen);
            return Cell::text(line, tint);
        }
        if !column.is_measured() {
            return Cell::empty();
        }
        let Some(pace) = meter.pace() else {
            return Cell::number(self.nothing(), tint.or_faint());
        };
        let (number, is_bytes) = match column {
            Column::Connections => (pace.connections, false),
            Column::Packets => (pace.packets(), false),
            Column::IncomingPackets => (pace.incoming_packets, false),
            Column::OutgoingPackets => (pace.outgoing_packets, false),
            Column::Traffic => (pace.bytes(), true),
            Column::IncomingBytes => (pace.incoming_bytes, true),
            Column::OutgoingBytes => (pace.outgoing_bytes, true),
            _ => return Cell::empty(),
        };
        let text = match (is_bytes, self.format.exact) {
            (false, false) if number < 9.95 && number > 0.0 => format!("{number:.1}"),
            (false, _) => self.count(number.round() as u64),
            (true, _) => self.bytes(number.round() as u128),
        };
        Cell::number(text, if number == 0.0 { tint.or_faint() } else { tint })
    }

    fn server_row(
        &mut self,
        service: &ServiceState,
        state: &DestinationState,
        wholes: &Wholes,
    ) -> Row {
        let identity = &state.destination.identity;
        let protocol = service.service.identity.protocol();
        let name = endpoint(
            &mut self.endpoints,
            identity.address,
            identity.port,
            protocol,
        );
        let condition = Condition::of(state);
        let mark = condition.mark(self.screen);
        let name = Cell::text(format!("{mark} {name}"), condition.tint());
        let of_service = &service.service.identity;
        let meter = self.meter(|rates| rates.of_server(of_service, identity));
        let of_all = self.meter(|rates| rates.of_service(of_service));
        let cells: Vec<Cell> = self.columns[1..]
            .iter()
            .map(|column| match meter {
                _ if self.is_unknown(*column) => Cell::empty(),
                Some(meter) if column.is_measured() => {
                    let most = of_all.map_or(0.0, |all| all.history().fold(0.0, f64::max));
                    self.measured(*column, meter, most, condition.tint())
                }
                _ => self.server_cell(*column, state, condition, wholes),
            })
            .collect();
        std::iter::once(name).chain(cells).collect()
    }

    fn server_cell(
        &self,
        column: Column,
        state: &DestinationState,
        condition: Condition,
        wholes: &Wholes,
    ) -> Cell {
        let destination = &state.destination;
        let tint = condition.tint();
        let number = |number: u32| {
            let tint = if number == 0 { tint.or_faint() } else { tint };
            Cell::number(self.count(u64::from(number)), tint)
        };
        let share = Share {
            part: self.part(state),
            whole: match self.format.columns {
                Columns::Thresholds => u128::from(destination.upper_threshold),
                _ => wholes.traffic,
            },
        };
        match column {
            Column::Name => Cell::empty(),
            Column::Forwarding => Cell::text(forwarding_label(destination.forwarding_method), tint),
            Column::Tunnel => Cell::text(tunnel(destination.forwarding_method), tint),
            Column::Weight => Cell::number(destination.weight.to_string(), tint),
            Column::UpperThreshold => self.threshold(destination.upper_threshold, tint),
            Column::LowerThreshold => self.threshold(destination.lower_threshold, tint),
            Column::Persistent => number(state.persistent_connections),
            Column::Active => number(state.active_connections),
            Column::Inactive => number(state.inactive_connections),
            Column::Traffic => match share.part {
                0 => Cell::number(self.nothing(), tint.or_faint()),
                bytes => Cell::number(self.bytes(bytes), tint),
            },
            Column::Share => match share.percent() {
                Some(percent) if share.part > 0 => Cell::number(percent, tint),
                Some(percent) => Cell::number(percent, tint.or_faint()),
                None => Cell::number(self.nothing(), tint.or_faint()),
            },
            Column::Promised => match wholes.weights {
                Some(whole) if destination.weight > 0 => {
                    let part = u128::from(destination.weight);
                    let percent = Share { part, whole }.percent().unwrap_or_default();
                    Cell::number(format!("({percent})"), tint.or_faint())
                }
                _ => Cell::empty(),
            },
            Column::Bar => {
                let last = self.columns.len() - 1;
                let width = self.sheet.width_over(last..last + 1);
                let tint = match condition {
                    Condition::Open | Condition::MaybeFull => Tint::Bar,
                    _ => tint,
                };
                Cell::text(share.bar(width, self.screen), tint)
            }
            _ => self.counter(column, &state.statistics, tint),
        }
    }

    fn counter(&self, column: Column, numbers: &Statistics, tint: Tint) -> Cell {
        let is_rate = self.format.columns == Columns::Rate;
        let (counter, rate) = match column {
            Column::Connections => (numbers.connections, numbers.connection_rate),
            Column::IncomingPackets => (numbers.incoming_packets, numbers.incoming_packet_rate),
            Column::OutgoingPackets => (numbers.outgoing_packets, numbers.outgoing_packet_rate),
            Column::IncomingBytes => (numbers.incoming_bytes, numbers.incoming_byte_rate),
            Column::OutgoingBytes => (numbers.outgoing_bytes, numbers.outgoing_byte_rate),
            _ => return Cell::empty(),
        };
        let number = if is_rate { rate } else { counter };
        let text = match column {
            Column::IncomingBytes | Column::OutgoingBytes => self.bytes(u128::from(number)),
            _ => self.count(number),
        };
        Cell::number(text, if number == 0 { tint.or_faint() } else { tint })
    }

    /// Returns what a real server has of the whole.
    fn part(&self, state: &DestinationState) -> u128 {
        match self.format.columns {
            Columns::Thresholds => u128::from(state.connections()),
            Columns::Rate => {
                u128::from(state.statistics.incoming_byte_rate)
                    + u128::from(state.statistics.outgoing_byte_rate)
            }
            _ => sum_of_bytes(&state.statistics),
        }
    }

    /// Returns what the real servers of a service have together.
    fn wholes(&self, service: &ServiceState, destinations: &[DestinationState]) -> Wholes {
        Wholes {
            traffic: destinations.iter().map(|state| self.part(state)).sum(),
            weights: promise::whole(service, destinations),
        }
    }

    fn count(&self, number: u64) -> String {
        match self.format.exact {
            true => number.to_string(),
            false => count(number),
        }
    }

    fn bytes(&self, number: u128) -> String {
        match self.format.exact {
            true => number.to_string(),
            false => bytes(u64::try_from(number).unwrap_or(u64::MAX)),
        }
    }

    fn threshold(&self, number: u32, tint: Tint) -> Cell {
        match number {
            0 => Cell::number(self.nothing(), tint.or_faint()),
            _ => Cell::number(number.to_string(), tint),
        }
    }

    fn nothing(&self) -> &'static str {
        match self.screen.has_unicode {
            true => "–",
            false => "-",
        }
    }
}

/// The sums over the real servers of a service.
struct Wholes {
    traffic: u128,
    /// Their weights, if those promise shares.
    weights: Option<u128>,
}

fn sum_of_bytes(statistics: &Statistics) -> u128 {
    u128::from(statistics.incoming_bytes) + u128::from(statistics.outgoing_bytes)
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;
    use std::time::{Duration, Instant};

    use super::*;
    use crate::model::{
        AddressFamily, Destination, DestinationIdentity, Encapsulation, ForwardingMethod,
        KernelName, Netmask, Protocol, SchedulerFlags, TunnelChecksum, VirtualService,
    };
    use crate::samples;

    fn service(identity: ServiceIdentity, scheduler: &str, bytes: u64) -> ServiceState {
        ServiceState {
            service: VirtualService {
                identity,
                scheduler: KernelName::from(scheduler),
                scheduler_flags: SchedulerFlags::default(),
                persistence_timeout: None,
                netmask: Netmask::single_host(identity.family()),
                persistence_engine: KernelName::default(),
                one_packet: false,
            },
            statistics: traffic(bytes),
        }
    }

    /// Returns counters and rates, all different, of something that has carried so many bytes.
    fn traffic(bytes: u64) -> Statistics {
        Statistics {
            connections: bytes / 7000,
            incoming_packets: bytes / 600,
            outgoing_packets: bytes / 900,
            incoming_bytes: bytes / 4,
            outgoing_bytes: bytes - bytes / 4,
            connection_rate: bytes / 50_000,
            incoming_packet_rate: bytes / 2000,
            outgoing_packet_rate: bytes / 3000,
            incoming_byte_rate: bytes / 10,
            outgoing_byte_rate: bytes / 5,
        }
    }

    fn at(address: &str, port: u16) -> ServiceIdentity {
        ServiceIdentity::Endpoint {
            protocol: Protocol::Tcp,
            address: address.parse().unwrap(),
            port,
        }
    }

    fn server(address: &str, weight: u32, active: u32, bytes: u64) -> DestinationState {
        let address: IpAddr = address.parse().unwrap();
        DestinationState {
            destination: Destination {
                identity: DestinationIdentity { address, port: 80 },
                forwarding_method: ForwardingMethod::Masquerading,
                weight,
                upper_threshold: 0,
                lower_threshold: 0,
            },
            active_connections: active,
            inactive_connections: 2 * active + 5,
            persistent_connections: 3 * active + 8,
            statistics: traffic(bytes),
        }
    }

    /// Returns a service with servers in every condition, one with long addresses and much to say,
    /// one with nobody.
    fn cluster() -> Vec<(ServiceState, Vec<DestinationState>)> {
        let mut full = server("10.0.0.14", 6, 32, 100_000);
        full.destination.upper_threshold = 101;
        full.destination.lower_threshold = 80;
        let mut drained = server("10.0.0.15", 0, 0, 0);
        drained.inactive_connections = 0;
        drained.persistent_connections = 0;
        let mut limited = server("10.0.0.12", 2, 812, 3_000_000);
        limited.destination.upper_threshold = 5000;
        limited.destination.lower_threshold = 2000;
        let mut busy = service(at("2001:db8:1111:2222:3333:4444:5555:6666", 443), "sh", 0);
        busy.service.scheduler_flags = SchedulerFlags::from_bits(0b11);
        busy.service.persistence_timeout = Some(360);
        busy.service.netmask = Netmask::Ipv6(64);
        let mark = ServiceIdentity::FirewallMark {
            mark: 7,
            family: AddressFamily::Ipv4,
        };
        let mut tunnelled = server("2001:db8:aaaa:bbbb:cccc:dddd:eeee:1", 9, 0, 0);
        tunnelled.destination.forwarding_method = ForwardingMethod::Tunnel(Encapsulation::Gue {
            port: 6080,
            checksum: TunnelChecksum::Remote,
        });
        vec![
            (
                service(at("192.0.2.10", 80), "wlc", 9_150_000),
                vec![
                    server("10.0.0.11", 3, 12_345, 6_000_000),
                    limited,
                    server("10.0.0.13", 0, 4, 50_000),
                    full,
                    drained,
                ],
            ),
            (busy, vec![tunnelled]),
            (service(mark, "rr", 0), Vec::new()),
        ]
    }

    fn drawn(
        format: ListFormat,
        screen: Screen,
        cluster: &[(ServiceState, Vec<DestinationState>)],
    ) -> String {
        drawn_with(format, screen, None, None, cluster)
    }

    fn drawn_with(
        format: ListFormat,
        screen: Screen,
        rates: Option<&Rates>,
        standstill: Option<Standstill>,
        cluster: &[(ServiceState, Vec<DestinationState>)],
    ) -> String {
        let mut out = Vec::new();
        let mut table = ServiceTable::new(screen, format, rates, standstill, cluster);
        for (service, destinations) in cluster {
            table.measure(service, destinations);
        }
        table.begin(&mut out, Some(&samples::INFO));
        for (service, destinations) in cluster {
            table.write(&mut out, service, destinations);
        }
        table.end(&mut out);
        table.explain(&mut out);
        String::from_utf8(out).unwrap()
    }

    /// Returns what looks at the cluster have measured: nothing of what has carried nothing, and of
    /// all else another pace at each look.
    fn rates() -> Rates {
        let start = Instant::now();
        let mut rates = Rates::new(Duration::from_secs(2));
        for look in 0..6 {
            rates.begin(start + Duration::from_secs(2 * look), None);
            let counted = |statistics: &Statistics| {
                let more = |counter: u64| counter * look * (look + 1) / 500;
                Statistics {
                    connections: more(statistics.connections),
                    incoming_packets: more(statistics.incoming_packets),
                    outgoing_packets: more(statistics.outgoing_packets),
                    incoming_bytes: more(statistics.incoming_bytes),
                    outgoing_bytes: more(statistics.outgoing_bytes),
                    ..Statistics::default()
                }
            };
            for (service, destinations) in cluster() {
                let identity = service.service.identity;
                rates.note_service(identity, &counted(&service.statistics));
                for state in destinations {
                    let server = state.destination.identity;
                    rates.note_server(identity, server, &counted(&state.statistics));
                }
            }
            rates.end();
        }
        rates
    }

    fn drawn_at(width: usize, columns: Columns) -> String {
        let format = ListFormat {
            columns,
            numeric: true,
            exact: false,
        };
        let screen = samples::screen(width);
        drawn(format, screen, &cluster())
    }

    const EVERY_LISTING: [(&str, Columns); 6] = [
        ("-L", Columns::Connections),
        ("-L --stats", Columns::Statistics),
        ("-L --rate", Columns::Rate),
        ("-L --thresholds", Columns::Thresholds),
        ("-L --persistent-conn", Columns::PersistentConnections),
        ("-L --tun-info", Columns::TunnelInfo),
    ];

    /// Holds every listing of the cluster to a file of `tests/table`. With `UPDATE=1` the file is
    /// written anew: look at it before committing it.
    fn assert_drawn_as_in_file(width: usize) {
        let mut drawn: String = EVERY_LISTING
            .iter()
            .map(|(words, columns)| format!("{words}\n{}\n", drawn_at(width, *columns)))
            .collect();
        let screen = samples::screen(width);
        let format = ListFormat {
            numeric: true,
            ..ListFormat::default()
        };
        let watched = drawn_with(format, screen, Some(&rates()), None, &cluster());
        drawn += &format!("-L --watch\n{watched}\n");
        assert_as_in_file(&format!("{width}-columns"), &drawn);
    }

    fn assert_as_in_file(name: &str, drawn: &str) {
        let path = format!("{}/tests/table/{name}.txt", env!("CARGO_MANIFEST_DIR"));
        if std::env::var_os("UPDATE").is_some() {
            std::fs::write(&path, drawn).unwrap();
        }
        let expected = std::fs::read_to_string(&path).unwrap();
        assert!(
            drawn == expected,
            "{path} differs from what is drawn:\n{drawn}"
        );
    }

    /// Holds drawings at widths where something gives way to a file, likewise.
    #[test]
    fn what_gives_way_on_narrow_screens() {
        let mut drawn = String::new();
        for width in [20, 44, 60, 61, 66, 72, 92, 109, 110] {
            for (words, columns) in &EVERY_LISTING[..2] {
                drawn += &format!("{words} at {width}\n{}\n", drawn_at(width, *columns));
            }
        }
        assert_as_in_file("narrow", &drawn);
    }

    /// Holds drawings without counters to a file, likewise.
    #[test]
    fn counters_that_stand_still_leave_room() {
        let mut drawn = String::new();
        for (width, columns) in [
            (60, Columns::Statistics),
            (80, Columns::Connections),
            (80, Columns::Thresholds),
            (120, Columns::Connections),
        ] {
            let format = ListFormat {
                columns,
                numeric: true,
                exact: false,
            };
            let still = Some(Standstill::NotEstimated);
            let table = drawn_with(format, samples::screen(width), None, still, &cluster());
            drawn += &format!("{columns:?} at {width}\n{table}\n");
        }
        let format = ListFormat {
            numeric: true,
            ..ListFormat::default()
        };
        let (screen, still) = (samples::screen(80), Some(Standstill::NoProcessor));
        let watched = drawn_with(format, screen, Some(&rates()), still, &cluster());
        drawn += &format!("-L --watch\n{watched}\n");
        assert_as_in_file("standstill", &drawn);
    }

    #[test]
    fn marks_are_explained_in_one_line_if_that_has_room() {
        let legend = |width| {
            let drawn = drawn_at(width, Columns::Connections);
            let lines = drawn.lines().skip_while(|line| !line.starts_with('╰'));
            lines.skip(1).map(str::to_owned).collect::<Vec<_>>()
        };
        let line = legend(200).concat();
        let width = line.chars().count();
        assert_eq!(legend(width), [line]);
        assert_eq!(legend(width - 1).len(), 4);
    }

    #[test]
    fn at_80_columns() {
        assert_drawn_as_in_file(80);
    }

    #[test]
    fn at_160_columns() {
        assert_drawn_as_in_file(160);
    }

    #[test]
    fn no_line_is_wider_than_others_and_from_60_columns_on_all_fit() {
        for (_, columns) in EVERY_LISTING {
            for width in (1..120).chain([160, 250]) {
                let drawn = drawn_at(width, columns);
                let frame: Vec<usize> = drawn
                    .lines()
                    .filter(|line| line.starts_with(['╭', '│', '├', '╰']))
                    .map(|line| line.chars().count())
                    .collect();
                assert!(
                    frame.iter().all(|length| *length == frame[0]),
                    "{width}\n{drawn}"
                );
                assert!(frame[0] <= width.max(60), "{width}\n{drawn}");
                assert!(drawn.contains("[2001:db8:1111:2222:3333:4444:5555:6666]:443"));
                assert!(drawn.contains("[2001:db8:aaaa:bbbb:cccc:dddd:eeee:1]:80"));
            }
        }
    }

    #[test]
    fn without_unicode_it_is_ascii_and_exact_numbers_are_whole() {
        let format = ListFormat {
            columns: Columns::Statistics,
            numeric: true,
            exact: true,
        };
        let screen = samples::ascii_screen(80);
        let drawn = drawn(format, screen, &cluster());
        assert!(drawn.is_ascii(), "{drawn}");
        assert!(drawn.contains(" 2287500 "), "{drawn}");
        assert!(drawn.contains("| ~ 10.0.0.13:80 "), "{drawn}");
        assert!(drawn.contains("| ! 10.0.0.14:80 "), "{drawn}");
        assert!(drawn.contains("| o 10.0.0.15:80 "), "{drawn}");
    }

    #[test]
    fn colours_are_added_to_the_same_text() {
        let (format, mut screen) = (
            ListFormat {
                numeric: true,
                ..ListFormat::default()
            },
            samples::screen(80),
        );
        let plain = drawn(format, screen, &cluster());
        screen.has_colours = true;
        let coloured = drawn(format, screen, &cluster());
        assert!(coloured.contains("\u{1b}[35m"), "{coloured}");
        let mut without = String::new();
        let mut rest = coloured.as_str();
        while let Some((before, after)) = rest.split_once('\u{1b}') {
            without.push_str(before);
            rest = after.split_once('m').unwrap().1;
        }
        assert_eq!(without + rest, plain);
    }

    #[test]
    fn a_server_drains_while_anyone_is_on_it() {
        let of = |active, inactive, persistent| {
            let mut server = server("10.0.0.1", 0, active, 0);
            server.inactive_connections = inactive;
            server.persistent_connections = persistent;
            Condition::of(&server)
        };
        assert_eq!(of(1, 0, 0), Condition::Draining);
        assert_eq!(of(0, 1, 0), Condition::Draining);
        assert_eq!(of(0, 0, 1), Condition::Draining);
        assert_eq!(of(0, 0, 0), Condition::Drained);
    }

    #[test]
    fn an_empty_table_is_one_line() {
        let screen = samples::screen(80);
        assert_eq!(
            drawn(ListFormat::default(), screen, &[]),
            "IP Virtual Server 1.2.3 (size=4096): 0 services, 0 real servers\n"
        );
    }
}
