//! Counts of connections, each with its share as a bar.

use crate::render::counts::Count;
use crate::render::endpoints::EndpointWriter;
use crate::render::table::foreign;
use crate::render::table::quantities::Share;
use crate::render::table::sheet::{Cell, Row, Sheet, Tint};
use crate::screen::Screen;
use crate::selection::CountKey;

/// Rows drawn at once: many, since each drawing has a cost of its own; not all, since there may be
/// many.
const ROWS_AT_ONCE: usize = 500;

pub fn write(out: &mut Vec<u8>, screen: Screen, numeric: bool, key: CountKey, counts: &[Count]) {
    let total: u64 = counts.iter().map(|count| count.connections).sum();
    let line = match (total, counts.len()) {
        (0, _) => "No connections.\n".to_owned(),
        (1, _) => "1 connection\n".to_owned(),
        (_, 1) => format!("{total} connections, one {}\n", key.word()),
        (_, number) => format!("{total} connections, {number} {}s\n", key.word()),
    };
    out.extend_from_slice(line.as_bytes());
    if counts.is_empty() {
        return;
    }
    let mut sheet = Sheet::new(screen, 4);
    let name = match key {
        CountKey::Client => "Client",
        CountKey::Server => "Real server",
        CountKey::Service => "Service",
        CountKey::State => "State",
    };
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
            Cell::text(share.bar(bar, screen.has_unicode), Tint::Bar),
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
