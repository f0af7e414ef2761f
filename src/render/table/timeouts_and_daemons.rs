//! Draws timeouts and sync daemons.
#![forbid(unsafe_code)]

use crate::model::{SyncDaemonRole, SyncDaemonState, Timeouts};
use crate::render::table::foreign;
use crate::render::table::quantities::{count, duration};
use crate::render::table::sheet::{Cell, Row, Sheet, Tint};
use crate::screen::Screen;

/// Appends the table of timeouts; in seconds if they are to be `exact`.
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

/// Appends the table of sync daemons; what is known of a backup alone, where there is one.
pub fn write_sync_daemons(
    out: &mut Vec<u8>,
    screen: Screen,
    exact: bool,
    daemons: &[SyncDaemonState],
) {
    if daemons.is_empty() {
        out.extend_from_slice(b"No sync daemon runs.\n");
        return;
    }
    let mut titles = vec![
        "Sync daemon",
        "Interface",
        "Id",
        "Group",
        "Port",
        "TTL",
        "Length",
    ];
    let has_backup = daemons
        .iter()
        .any(|state| state.daemon.role == SyncDaemonRole::Backup);
    if has_backup {
        titles.extend(["Learnt", "Dropped"]);
    }
    let row = |state: &SyncDaemonState| {
        let daemon = &state.daemon;
        let told = |value: Option<String>| Cell::text(value.unwrap_or_default(), Tint::Plain);
        let number = |value: Option<u64>, tint| {
            let shown = |number: u64| match exact {
                true => number.to_string(),
                false => count(number),
            };
            Cell::number(value.map(shown).unwrap_or_default(), tint)
        };
        let mut row = vec![
            Cell::text(daemon.role.word(), Tint::Strong),
            Cell::text(foreign(daemon.interface.as_bytes()), Tint::Plain),
            told(Some(daemon.sync_id.to_string())),
            told(daemon.group.map(|group| group.to_string())),
            told(daemon.port.map(|port| port.to_string())),
            told(daemon.ttl.map(|ttl| ttl.to_string())),
            told(daemon.max_length.map(|length| format!("{length} B"))),
        ];
        if has_backup {
            let tint = match state.dropped {
                None | Some(0) => Tint::Plain,
                Some(_) => Tint::Warning,
            };
            row.push(number(state.learnt, Tint::Plain));
            row.push(number(state.dropped, tint));
        }
        row
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples;

    const SCREEN: Screen = samples::screen(80);

    fn lines(out: &[u8]) -> Vec<&str> {
        std::str::from_utf8(out).unwrap().lines().collect()
    }

    #[test]
    fn timeouts_are_in_the_largest_unit_or_in_seconds() {
        let mut out = Vec::new();
        write_timeouts(&mut out, SCREEN, false, &samples::TIMEOUTS);
        assert_eq!(
            lines(&out),
            [
                "╭───────────────────────────────────────╮",
                "│ Connections      Kept without traffic │",
                "├───────────────────────────────────────┤",
                "│ TCP                            16 min │",
                "│ TCP after a FIN                  75 s │",
                "│ UDP                               2 h │",
                "╰───────────────────────────────────────╯",
            ]
        );
        let mut out = Vec::new();
        write_timeouts(&mut out, SCREEN, true, &samples::TIMEOUTS);
        let lines = lines(&out);
        for (line, kept) in lines[3..6].iter().zip([" 960 s │", " 75 s │", " 7200 s │"]) {
            assert!(line.ends_with(kept), "{line}");
        }
    }

    #[test]
    fn a_sync_daemon_is_a_row() {
        let mut out = Vec::new();
        let [master, backup] = samples::sync_daemon_states();
        write_sync_daemons(&mut out, SCREEN, false, &[master]);
        assert_eq!(
            lines(&out),
            [
                "╭───────────────────────────────────────────────────────────╮",
                "│ Sync daemon  Interface  Id  Group       Port  TTL  Length │",
                "├───────────────────────────────────────────────────────────┤",
                "│ master       eth1       17  224.0.0.83  8849  5    1472 B │",
                "╰───────────────────────────────────────────────────────────╯",
            ]
        );
        let mut out = Vec::new();
        write_sync_daemons(&mut out, SCREEN, false, &[master, backup]);
        assert_eq!(
            lines(&out),
            [
                "╭────────────────────────────────────────────────────────────────────────────╮",
                "│ Sync daemon  Interface  Id  Group       Port  TTL  Length  Learnt  Dropped │",
                "├────────────────────────────────────────────────────────────────────────────┤",
                "│ master       eth1       17  224.0.0.83  8849  5    1472 B                  │",
                "│ backup       eth1       31  224.0.0.83  8849  5    1472 B   10.5K       29 │",
                "╰────────────────────────────────────────────────────────────────────────────╯",
            ]
        );
        let mut out = Vec::new();
        write_sync_daemons(&mut out, SCREEN, true, &[backup]);
        assert!(lines(&out)[3].contains(" 10453 "), "{:?}", lines(&out));
        let mut out = Vec::new();
        write_sync_daemons(&mut out, SCREEN, false, &[]);
        assert_eq!(lines(&out), ["No sync daemon runs."]);
    }
}
