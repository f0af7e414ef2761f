//! Draws counts of connections, each with its share as a bar.
#![forbid(unsafe_code)]

use crate::render::counts::Count;
use crate::render::endpoints::EndpointWriter;
use crate::render::phrases::counted;
use crate::render::table::foreign;
use crate::render::table::quantities::Share;
use crate::render::table::sheet::{Cell, Row, Sheet, Tint};
use crate::screen::Screen;
use crate::selection::CountKey;

/// The rows drawn at once: many, since each drawing has a cost of its own; not all, since there may
/// be a great many.
const ROWS_AT_ONCE: usize = 500;

/// Appends the table of counts.
pub fn write(out: &mut Vec<u8>, screen: Screen, numeric: bool, key: CountKey, counts: &[Count]) {
    let total: u64 = counts.iter().map(|count| count.connections).sum();
    let connections = counted(total, "connection");
    let line = match (total, counts.len()) {
        (0, _) => "No connections.\n".to_owned(),
        (1, _) => format!("{connections}\n"),
        _ if key == CountKey::Total => format!("{connections}\n"),
        (_, 1) => format!("{connections}, one {}\n", key.word()),
        (_, number) => format!("{connections}, {}\n", counted(number, key.word())),
    };
    out.extend_from_slice(line.as_bytes());
    let name = match key {
        CountKey::Total => return,
        CountKey::Client => "Client",
        CountKey::Server => "Real server",
        CountKey::Service => "Service",
        CountKey::State => "State",
        CountKey::Origin => "Origin",
    };
    if counts.is_empty() {
        return;
    }
    let mut sheet = Sheet::new(screen, 4);
    let titles: Row = vec![
        Cell::text(name, Tint::Faint),
        Cell::number("Connections", Tint::Faint),
        Cell::text("Share", Tint::Faint).over(2),
    ];
    sheet.measure(&titles);
    let mut endpoints = EndpointWriter::new(numeric);
    let mut row = |count: &Count, bar: usize| {
        let mut name = Vec::new();
        count.counted.write(&mut name, &mut endpoints);
        let share = Share {
            part: u128::from(count.connections),
            whole: u128::from(total),
        };
        vec![
            Cell::text(foreign(&name), Tint::Strong),
            Cell::number(count.connections.to_string(), Tint::Plain),
            Cell::number(share.percent().unwrap_or_default(), Tint::Plain),
            Cell::text(share.bar(bar, screen), Tint::Bar),
        ]
    };
    for count in counts {
        sheet.measure(&row(count, 0));
    }
    sheet.fit(true);
    let bar = sheet.width_over(3..4);
    let titles = sheet.parted(titles);
    sheet.draw(out, titles);
    for some in counts.chunks(ROWS_AT_ONCE) {
        let rows = some.iter().flat_map(|count| sheet.parted(row(count, bar)));
        let rows: Vec<Row> = rows.collect();
        sheet.draw(out, rows);
    }
    sheet.end(out);
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
