//! Draws connection entries.
//!
//! A connection is one row if client, virtual service and real server have room side by side. If
//! not, they stand below each other: for connections with long addresses, or for all.
#![forbid(unsafe_code)]

use crate::model::Connection;
use crate::render::endpoints::EndpointWriter;
use crate::render::phrases::counted;
use crate::render::table::sheet::{Cell, Row, Sheet, Tint};
use crate::render::table::{Memory, endpoint, foreign};
use crate::screen::Screen;

/// Up to this length, that of IPv4, an address and port should stand beside others.
const USUAL_ADDRESS: usize = 21;

/// An arrangement of the addresses of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Arrangement {
    Beside,
    /// Long addresses below each other, others side by side.
    Mixed,
    Downwards,
}

impl Arrangement {
    const ALL: [Arrangement; 3] = [
        Arrangement::Beside,
        Arrangement::Mixed,
        Arrangement::Downwards,
    ];
}

/// A table of connections. All of them are counted, and those that are to be written are measured,
/// before the first is written. It may be a part of one.
pub struct ConnectionTable {
    screen: Screen,
    endpoints: EndpointWriter,
    with_engine_data: bool,
    arrangement: Arrangement,
    /// A drawing in each arrangement; one of them is used.
    sheets: [Sheet; 3],
    connections: usize,
}

impl ConnectionTable {
    /// Makes a table without connections.
    pub fn new(screen: Screen, numeric: bool, with_engine_data: bool) -> ConnectionTable {
        ConnectionTable::after(Memory::new(numeric), screen, with_engine_data)
    }

    /// Makes a table that follows another.
    pub fn after(memory: Memory, screen: Screen, with_engine_data: bool) -> ConnectionTable {
        let columns = [if with_engine_data { 8 } else { 6 }, 6, 4];
        let mut sheets = columns.map(|columns| Sheet::new(screen, columns));
        memory.recall(screen, &mut sheets);
        ConnectionTable {
            screen,
            endpoints: memory.endpoints,
            with_engine_data,
            arrangement: Arrangement::Beside,
            sheets,
            connections: 0,
        }
    }

    /// Counts connections that are there, be they written or not.
    pub fn count(&mut self, connections: usize) {
        self.connections += connections;
    }

    /// Measures the room that a connection needs.
    pub fn measure(&mut self, connection: &Connection<'_>) {
        for arrangement in Arrangement::ALL {
            for row in self.rows(connection, arrangement) {
                self.sheets[arrangement as usize].measure(&row);
            }
        }
    }

    /// Appends the line above the table and its titles.
    pub fn begin(&mut self, out: &mut Vec<u8>) {
        let line = match self.connections {
            0 => "No connections.\n".to_owned(),
            number => format!("{}\n", counted(number, "connection")),
        };
        out.extend_from_slice(line.as_bytes());
        if self.connections == 0 {
            return;
        }
        for arrangement in Arrangement::ALL {
            self.arrangement = arrangement;
            let titles = self.titles();
            let sheet = self.sheet();
            sheet.measure(&titles);
            sheet.fit(false);
            if sheet.has_room() {
                break;
            }
        }
        let titles = self.titles();
        let sheet = self.sheet();
        let rows = sheet.parted(titles);
        sheet.draw(out, rows);
    }

    fn titles(&self) -> Row {
        let addresses: &[&str] = match self.arrangement {
            Arrangement::Downwards => &["Client"],
            _ => &["Client", "Service", "Real server"],
        };
        let engine: &[&str] = match self.arrangement {
            Arrangement::Beside if self.with_engine_data => &["Engine", "Data"],
            _ => &[],
        };
        let titles = [addresses, &["Prot", "State", "Expires"], engine].concat();
        let title = |title: &&str| Cell::text(*title, Tint::Faint);
        titles.iter().map(title).collect()
    }

    /// Appends the rows of some connections below a line, and returns how many each has. The last
    /// of them appear with the end of the frame.
    pub fn write(&mut self, out: &mut Vec<u8>, connections: &[Connection<'_>]) -> Vec<usize> {
        let arrangement = self.arrangement;
        let mut all = Vec::new();
        let mut heights = Vec::new();
        for connection in connections {
            let rows = self.rows(connection, arrangement).into_iter();
            let before = all.len();
            all.extend(rows.flat_map(|row| self.sheet().parted(row)));
            heights.push(all.len() - before);
        }
        self.sheet().draw(out, all);
        heights
    }

    /// Returns what a table that follows may use of this one.
    pub fn into_memory(self) -> Memory {
        Memory::of(self.screen, self.endpoints, &self.sheets)
    }

    /// Appends the bottom of the frame.
    pub fn end(&mut self, out: &mut Vec<u8>) {
        self.sheet().end(out);
    }

    fn sheet(&mut self) -> &mut Sheet {
        &mut self.sheets[self.arrangement as usize]
    }

    fn rows(&mut self, connection: &Connection<'_>, arrangement: Arrangement) -> Vec<Row> {
        let protocol = connection.named_protocol();
        let ends = [
            connection.client,
            connection.service,
            connection.destination,
        ];
        let ends = ends.map(|(host, port)| endpoint(&mut self.endpoints, host, port, protocol));
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
        let (columns, below) = match arrangement {
            Arrangement::Beside => (6, false),
            Arrangement::Mixed => (6, !fits),
            Arrangement::Downwards => (4, true),
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
        if arrangement == Arrangement::Beside && self.with_engine_data {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples;

    /// Returns the lines of a table of these connections.
    fn drawn(width: usize, connections: &[Connection<'_>]) -> Vec<String> {
        let screen = samples::screen(width);
        let mut table = ConnectionTable::new(screen, true, true);
        table.count(connections.len());
        for connection in connections {
            table.measure(connection);
        }
        let mut out = Vec::new();
        table.begin(&mut out);
        table.write(&mut out, connections);
        table.end(&mut out);
        let text = String::from_utf8(out).unwrap();
        text.lines().map(str::to_owned).collect()
    }

    #[test]
    fn a_connection_is_one_row_where_there_is_room() {
        let connection = |client: &str, state, seconds, engine| Connection {
            protocol: b"TCP",
            client: (client.parse().unwrap(), 34567),
            service: ("192.0.2.1".parse().unwrap(), 443),
            destination: ("10.0.0.10".parse().unwrap(), 8080),
            state,
            origin: None,
            seconds,
            engine,
        };
        let data = Some((&b"sip"[..], &b"call@host"[..]));
        let connections = [
            connection("192.0.2.100", b"ESTABLISHED", 899, None),
            connection("2001:db8::7", b"SYN_RECV", 5, data),
        ];
        let lines: Vec<String> = [101, 100, 80]
            .into_iter()
            .flat_map(|width| drawn(width, &connections))
            .collect();
        assert_eq!(
            lines.join("\n"),
            "\
2 connections
╭───────────────────────────────────────────────────────────────────────────────────────────────────╮
│ Client               Service        Real server     Prot  State        Expires  Engine  Data      │
├───────────────────────────────────────────────────────────────────────────────────────────────────┤
│ 192.0.2.100:34567    192.0.2.1:443  10.0.0.10:8080  TCP   ESTABLISHED    14:59                    │
│ [2001:db8::7]:34567  192.0.2.1:443  10.0.0.10:8080  TCP   SYN_RECV       00:05  sip     call@host │
╰───────────────────────────────────────────────────────────────────────────────────────────────────╯
2 connections
╭────────────────────────────────────────────────────────────────────────────────────────────╮
│ Client              Service       Real server    Prot State       Expires Engine Data      │
├────────────────────────────────────────────────────────────────────────────────────────────┤
│ 192.0.2.100:34567   192.0.2.1:443 10.0.0.10:8080 TCP  ESTABLISHED   14:59                  │
│ [2001:db8::7]:34567 192.0.2.1:443 10.0.0.10:8080 TCP  SYN_RECV      00:05 sip    call@host │
╰────────────────────────────────────────────────────────────────────────────────────────────╯
2 connections
╭───────────────────────────────────────────────────────────────────────────╮
│ Client              Service       Real server    Prot State       Expires │
├───────────────────────────────────────────────────────────────────────────┤
│ 192.0.2.100:34567   192.0.2.1:443 10.0.0.10:8080 TCP  ESTABLISHED   14:59 │
│ [2001:db8::7]:34567 192.0.2.1:443 10.0.0.10:8080 TCP  SYN_RECV      00:05 │
│     sip call@host                                                         │
╰───────────────────────────────────────────────────────────────────────────╯"
        );
        assert_eq!(drawn(80, &[]), ["No connections."]);
        assert_eq!(drawn(110, &connections[..1])[0], "1 connection");
    }

    #[test]
    fn a_client_that_is_too_long_stands_in_a_row_of_its_own() {
        let connection = |port, engine| Connection {
            protocol: b"TCP",
            client: ("192.0.2.100".parse().unwrap(), port),
            service: ("192.0.2.1".parse().unwrap(), 80),
            destination: ("10.0.0.10".parse().unwrap(), 8080),
            state: b"ESTABLISHED",
            origin: None,
            seconds: 899,
            engine,
        };
        let connections = [
            connection(34567, None),
            connection(0, Some((&b"sip"[..], &b"call@host"[..]))),
        ];
        let lines = drawn(40, &connections);
        assert_eq!(
            lines[3..],
            [
                "├─────────────────────────────────┤",
                "│ 192.0.2.100:34567               │",
                "│        TCP  ESTABLISHED   14:59 │",
                "│   → 192.0.2.1:80                │",
                "│   → 10.0.0.10:8080              │",
                "│ 192.0.2.100:0                   │",
                "│        TCP  ESTABLISHED   14:59 │",
                "│   → 192.0.2.1:80                │",
                "│   → 10.0.0.10:8080              │",
                "│     sip call@host               │",
                "╰─────────────────────────────────╯",
            ],
            "{}",
            lines.join("\n")
        );
    }

    #[test]
    fn the_frame_is_straight_at_any_width() {
        let connection = |client: &str| Connection {
            protocol: b"UDP",
            client: (client.parse().unwrap(), 5060),
            service: ("192.0.2.1".parse().unwrap(), 5060),
            destination: ("2001:db8::aaaa:bbbb:cccc:dddd".parse().unwrap(), 5060),
            state: b"UDP",
            origin: None,
            seconds: 300,
            engine: None,
        };
        let connections = [
            connection("192.0.2.100"),
            connection("2001:db8:1111:2222:3333:4444:5555:6666"),
        ];
        for width in 1..200 {
            let lines = drawn(width, &connections);
            let widths = lines[1..].iter().map(|line| line.chars().count());
            assert_eq!(widths.clone().min(), widths.max(), "{}", lines.join("\n"));
        }
    }
}
