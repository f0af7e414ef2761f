//! Timeouts and sync daemons.

use crate::model::{SyncDaemon, Timeouts};
use crate::render::table::foreign;
use crate::render::table::quantities::duration;
use crate::render::table::sheet::{Cell, Row, Sheet, Tint};
use crate::screen::Screen;

pub fn write_timeouts(out: &mut Vec<u8>, screen: Screen, exact: bool, timeouts: &Timeouts) {
    let kept = |seconds: u32| match exact {
        true => format!("{seconds} s"),
        false => duration(u64::from(seconds)),
    };
    let row = |name: &str, seconds| {
        vec![
            Cell::text(name, Tint::Strong),
            Cell::number(kept(seconds), Tint::Plain),
        ]
    };
    let rows = vec![
        row("TCP", timeouts.tcp),
        row("TCP after a FIN", timeouts.tcp_fin),
        row("UDP", timeouts.udp),
    ];
    draw(out, screen, &["Connections", "Kept without traffic"], rows);
}

pub fn write_sync_daemons(out: &mut Vec<u8>, screen: Screen, daemons: &[SyncDaemon]) {
    if daemons.is_empty() {
        out.extend_from_slice(b"No sync daemon runs.\n");
        return;
    }
    let titles = [
        "Sync daemon",
        "Interface",
        "Sync id",
        "Group",
        "Port",
        "TTL",
        "Max length",
    ];
    let row = |daemon: &SyncDaemon| {
        let told = |value: Option<String>| Cell::text(value.unwrap_or_default(), Tint::Plain);
        vec![
            Cell::text(daemon.role.word(), Tint::Strong),
            Cell::text(foreign(daemon.interface.as_bytes()), Tint::Plain),
            told(Some(daemon.sync_id.to_string())),
            told(daemon.group.map(|group| group.to_string())),
            told(daemon.port.map(|port| port.to_string())),
            told(daemon.ttl.map(|ttl| ttl.to_string())),
            told(daemon.max_length.map(|length| format!("{length} B"))),
        ]
    };
    draw(out, screen, &titles, daemons.iter().map(row).collect());
}

fn draw(out: &mut Vec<u8>, screen: Screen, titles: &[&str], rows: Vec<Row>) {
    let title = |title: &&str| Cell::text(*title, Tint::Faint);
    let titles: Row = titles.iter().map(title).collect();
    let mut sheet = Sheet::new(screen, titles.len());
    sheet.measure(&titles);
    for row in &rows {
        sheet.measure(row);
    }
    sheet.fit(false);
    sheet.draw(out, vec![titles]);
    sheet.draw(out, rows);
    sheet.end(out);
}
