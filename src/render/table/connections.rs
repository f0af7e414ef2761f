//! Connection entries.
//!
//! A row each where the addresses have room side by side. Where they have not, the way of a connection, from client to
//! virtual service to real server, reads downwards: of those with long addresses, or of all.

use crate::render::connections::Connection;
use crate::render::labels::Labels;
use crate::render::table::sheet::{Cell, Row, Sheet, Tint};
use crate::render::table::{endpoint, foreign};
use crate::screen::Screen;

/// An address and port that are no longer should stand side by side with others: IPv4.
const USUAL_ADDRESS: usize = 21;

/// How the connections are laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Layout {
    /// All side by side.
    Beside,
    /// Those with long addresses downwards.
    Mixed,
    /// All downwards.
    Downwards,
}

impl Layout {
    const ALL: [Layout; 3] = [Layout::Beside, Layout::Mixed, Layout::Downwards];
}

/// A table of connections. All of them are measured first, then written in the same order.
pub struct ConnectionTable {
    screen: Screen,
    labels: Labels,
    with_engine_data: bool,
    layout: Layout,
    /// The drawing in each layout, of which one is made.
    sheets: [Sheet; 3],
    connections: usize,
}

impl ConnectionTable {
    /// A table for a screen.
    pub fn new(screen: Screen, numeric: bool, with_engine_data: bool) -> ConnectionTable {
        let columns = [if with_engine_data { 8 } else { 6 }, 6, 4];
        ConnectionTable {
            screen,
            labels: Labels::for_rules(numeric),
            with_engine_data,
            layout: Layout::Beside,
            sheets: columns.map(|columns| Sheet::new(screen, columns)),
            connections: 0,
        }
    }

    /// Takes note of a connection and what room it needs.
    pub fn measure(&mut self, connection: &Connection<'_>) {
        self.connections += 1;
        for layout in Layout::ALL {
            for row in self.rows(connection, layout) {
                self.sheets[layout as usize].measure(&row);
            }
        }
    }

    /// Begins the table.
    pub fn begin(&mut self, out: &mut Vec<u8>) {
        let line = match self.connections {
            0 => "No connections.\n".to_owned(),
            1 => "1 connection\n".to_owned(),
            number => format!("{number} connections\n"),
        };
        out.extend_from_slice(line.as_bytes());
        if self.connections == 0 {
            return;
        }
        for layout in Layout::ALL {
            self.layout = layout;
            let titles = self.titles();
            let sheet = self.sheet();
            sheet.measure(&titles);
            sheet.fit(false);
            if sheet.has_room() {
                break;
            }
        }
        let titles = self.titles();
        self.sheet().draw(out, vec![titles]);
    }

    fn titles(&self) -> Row {
        let addresses: &[&str] = match self.layout {
            Layout::Downwards => &["Client"],
            _ => &["Client", "Service", "Real server"],
        };
        let engine: &[&str] = match self.layout {
            Layout::Beside if self.with_engine_data => &["Engine", "Data"],
            _ => &[],
        };
        let titles = [addresses, &["Prot", "State", "Expires"], engine].concat();
        let title = |title: &&str| Cell::text(*title, Tint::Faint);
        titles.iter().map(title).collect()
    }

    /// Writes some connections.
    pub fn write(&mut self, out: &mut Vec<u8>, connections: &[Connection<'_>]) {
        let layout = self.layout;
        let rows = connections.iter();
        let rows = rows.flat_map(|connection| self.rows(connection, layout));
        let rows: Vec<Row> = rows.collect();
        self.sheet().draw(out, rows);
    }

    /// Ends the table.
    pub fn end(&mut self, out: &mut Vec<u8>) {
        self.sheet().end(out);
    }

    fn sheet(&mut self) -> &mut Sheet {
        &mut self.sheets[self.layout as usize]
    }

    fn rows(&mut self, connection: &Connection<'_>, layout: Layout) -> Vec<Row> {
        let protocol = connection.named_protocol();
        let ends = [
            connection.client,
            connection.service,
            connection.destination,
        ];
        let ends = ends.map(|(host, port)| endpoint(&mut self.labels, host, port, protocol));
        let tint = match connection.state {
            b"ESTABLISHED" => Tint::Good,
            b"NONE" | b"TIME_WAIT" | b"CLOSE" => Tint::Faint,
            _ => Tint::Plain,
        };
        let seconds = connection.seconds;
        let expires = format!("{:02}:{:02}", seconds / 60, seconds % 60);
        let rest = [
            Cell::text(foreign(connection.protocol), Tint::Plain),
            Cell::text(foreign(connection.state), tint),
            Cell::number(expires, Tint::Plain),
        ];
        let engine = connection.engine.filter(|_| self.with_engine_data);
        let engine = engine.map(|(name, data)| (foreign(name), foreign(data)));
        let fits = ends.iter().all(|end| end.len() <= USUAL_ADDRESS);
        let [client, service, server] = ends;
        let client = Cell::text(client, Tint::Strong);
        let (columns, below) = match layout {
            Layout::Beside => (6, false),
            Layout::Mixed => (6, !fits),
            Layout::Downwards => (4, true),
        };
        let mut first = Row::new();
        let mut rows = Vec::new();
        if below {
            let arrow = if self.screen.has_unicode { "→" } else { ">" };
            first.push(client.over(columns - rest.len()));
            for end in [service, server] {
                let text = format!("  {arrow} {end}");
                rows.push(vec![Cell::text(text, Tint::Plain).over(columns)]);
            }
        } else {
            first.push(client);
            first.extend([service, server].map(|end| Cell::text(end, Tint::Plain)));
        }
        first.extend(rest);
        if layout == Layout::Beside && self.with_engine_data {
            let (name, data) = engine.unwrap_or_default();
            first.extend([name, data].map(|text| Cell::text(text, Tint::Plain)));
        } else if let Some((name, data)) = engine {
            let text = format!("    {name} {data}");
            rows.push(vec![Cell::text(text, Tint::Faint).over(columns)]);
        }
        rows.insert(0, first);
        rows
    }
}
