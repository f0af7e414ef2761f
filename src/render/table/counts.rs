//! Draws counts of connections, each with its share as a bar.
#![forbid(unsafe_code)]

use crate::render::counts::Count;
use crate::render::endpoints::EndpointWriter;
use crate::render::phrases::counted;
use crate::render::table::quantities::Share;
use crate::render::table::sheet::{Cell, Row, Sheet, Tint};
use crate::render::table::{Memory, foreign};
use crate::screen::Screen;
use crate::selection::CountKey;

/// The rows drawn at once: many, since each drawing has a cost of its own; not all, since there may
/// be a great many.
const ROWS_AT_ONCE: usize = 500;

/// Appends the table of counts.
pub fn write(out: &mut Vec<u8>, screen: Screen, numeric: bool, key: CountKey, counts: &[Count]) {
    let mut table = CountTable::after(Memory::new(numeric), screen, key, counts);
    for count in counts {
        table.measure(count);
    }
    table.begin(out);
    for some in counts.chunks(ROWS_AT_ONCE) {
        table.write(out, some);
    }
    table.end(out);
}

/// A table of counts. Those that are to be written are measured before the first is written. It may
/// be a part of one.
pub struct CountTable {
    screen: Screen,
    endpoints: EndpointWriter,
    key: CountKey,
    /// The number of counts, and of all that they have counted.
    counts: usize,
    total: u64,
    sheet: Sheet,
}

impl CountTable {
    /// Makes a table of these counts that follows another.
    pub fn after(memory: Memory, screen: Screen, key: CountKey, counts: &[Count]) -> CountTable {
        let mut sheet = Sheet::new(screen, 4);
        memory.recall(screen, [&mut sheet]);
        CountTable {
            screen,
            endpoints: memory.endpoints,
            key,
            counts: counts.len(),
            total: counts.iter().map(|count| count.connections).sum(),
            sheet,
        }
    }

    /// Measures the room that a count needs.
    pub fn measure(&mut self, count: &Count) {
        let row = self.row(count, 0);
        self.sheet.measure(&row);
    }

    /// Appends the line above the table and its titles.
    pub fn begin(&mut self, out: &mut Vec<u8>) {
        let connections = counted(self.total, "connection");
        let word = self.key.word();
        let line = match (self.total, self.counts) {
            (0, _) => "No connections.\n".to_owned(),
            (1, _) => format!("{connections}\n"),
            _ if self.key == CountKey::Total => format!("{connections}\n"),
            (_, 1) => format!("{connections}, one {word}\n"),
            (_, number) => format!("{connections}, {}\n", counted(number, word)),
        };
        out.extend_from_slice(line.as_bytes());
        if !self.has_rows() {
            return;
        }
        let name = match self.key {
            CountKey::Total => "",
            CountKey::Client => "Client",
            CountKey::Server => "Real server",
            CountKey::Service => "Service",
            CountKey::State => "State",
            CountKey::Origin => "Origin",
        };
        let titles: Row = vec![
            Cell::text(name, Tint::Faint),
            Cell::number("Connections", Tint::Faint),
            Cell::text("Share", Tint::Faint).over(2),
        ];
        self.sheet.measure(&titles);
        self.sheet.fit(true);
        let titles = self.sheet.parted(titles);
        self.sheet.draw(out, titles);
    }

    /// Returns true if there are rows below the line.
    fn has_rows(&self) -> bool {
        self.counts > 0 && self.key != CountKey::Total
    }

    /// Appends the rows of some counts below a line, and returns how many each has. The last of
    /// them appear with the end of the frame.
    pub fn write(&mut self, out: &mut Vec<u8>, counts: &[Count]) -> Vec<usize> {
        if !self.has_rows() {
            return Vec::new();
        }
        let bar = self.sheet.width_over(3..4);
        let mut all = Vec::new();
        let mut heights = Vec::new();
        for count in counts {
            let row = self.row(count, bar);
            let parts = self.sheet.parted(row);
            heights.push(parts.len());
            all.extend(parts);
        }
        self.sheet.draw(out, all);
        heights
    }

    /// Appends the bottom of the frame.
    pub fn end(&mut self, out: &mut Vec<u8>) {
        self.sheet.end(out);
    }

    /// Returns what a table that follows may use of this one.
    pub fn into_memory(self) -> Memory {
        Memory::of(self.screen, self.endpoints, [&self.sheet])
    }

    fn row(&mut self, count: &Count, bar: usize) -> Row {
        let mut name = Vec::new();
        count.counted.write(&mut name, &mut self.endpoints);
        let share = Share {
            part: u128::from(count.connections),
            whole: u128::from(self.total),
        };
        vec![
            Cell::text(foreign(&name), Tint::Strong),
            Cell::number(count.connections.to_string(), Tint::Plain),
            Cell::number(share.percent().unwrap_or_default(), Tint::Plain),
            Cell::text(share.bar(bar, self.screen), Tint::Bar),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::counts::Counted;
    use crate::samples;

    fn drawn(width: usize, clients: &[(&str, u64)]) -> Vec<String> {
        let screen = samples::screen(width);
        let counts = clients.iter().map(|(client, connections)| Count {
            counted: Counted::Client(client.parse().unwrap()),
            connections: *connections,
        });
        let counts: Vec<Count> = counts.collect();
        let mut out = Vec::new();
        write(&mut out, screen, true, CountKey::Client, &counts);
        let text = String::from_utf8(out).unwrap();
        text.lines().map(str::to_owned).collect()
    }

    #[test]
    fn a_count_has_its_share_as_a_bar() {
        let clients = [
            ("192.0.2.1", 1_500_000_000_000),
            ("2001:db8::1", 500_000_000_000),
        ];
        assert_eq!(
            drawn(60, &clients),
            [
                "2000000000000 connections, 2 clients",
                "╭──────────────────────────────────────────────────────────╮",
                "│ Client         Connections  Share                        │",
                "├──────────────────────────────────────────────────────────┤",
                "│ 192.0.2.1    1500000000000  75%  █████████████████▎      │",
                "│ 2001:db8::1   500000000000  25%  █████▊                  │",
                "╰──────────────────────────────────────────────────────────╯",
            ],
        );
        assert_eq!(drawn(60, &[]), ["No connections."]);
        assert_eq!(drawn(60, &[("192.0.2.1", 1)])[0], "1 connection");
        assert_eq!(
            drawn(60, &[("192.0.2.1", 2)])[0],
            "2 connections, one client"
        );
    }

    #[test]
    fn the_frame_is_straight_at_any_width() {
        let clients = [
            ("192.0.2.1", 1_000_000_000_000),
            ("2001:db8:1111:2222:3333:4444:5555:6666", 1),
        ];
        for width in 1..200 {
            let lines = drawn(width, &clients);
            let widths = lines[1..].iter().map(|line| line.chars().count());
            assert_eq!(widths.clone().min(), widths.max(), "{}", lines.join("\n"));
        }
    }
}
