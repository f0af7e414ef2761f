//! Chooses the columns of a table of services, and their titles.
#![forbid(unsafe_code)]

use crate::render::table::sheet::{Cell, Tint};
use crate::request::Columns;

/// A column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Column {
    Name,
    Forwarding,
    Tunnel,
    Weight,
    UpperThreshold,
    LowerThreshold,
    /// The clients that persistence holds there.
    Persistent,
    Active,
    Inactive,
    // The next five are counters, or rates per second.
    Connections,
    IncomingPackets,
    OutgoingPackets,
    IncomingBytes,
    OutgoingBytes,
    /// Packets both ways, of looks that follow each other.
    Packets,
    /// Bytes both ways, if the screen is wide and no other column has them.
    Traffic,
    /// A share as a number, with the bar beside it.
    Share,
    /// The share that a weight promises.
    Promised,
    /// The share as a bar, or what the last looks have measured as a line of marks.
    Bar,
}

impl Column {
    /// Returns true for what looks that follow each other measure.
    pub fn is_measured(self) -> bool {
        self.is_counted() && self != Column::Share
    }

    /// Returns true for what is known from counters, unless it is a share of thresholds.
    pub fn is_counted(self) -> bool {
        matches!(
            self,
            Column::Connections
                | Column::Packets
                | Column::IncomingPackets
                | Column::OutgoingPackets
                | Column::Traffic
                | Column::IncomingBytes
                | Column::OutgoingBytes
                | Column::Share
                | Column::Bar
        )
    }
}

/// The width from which on there is room for one more column.
const WIDE: usize = 110;
/// The width up to which titles are short.
const NARROW: usize = 71;

/// Returns the columns of a listing. The first is the name, the last two are the share and its bar.
/// The promised share, where there is any, goes between them with [`with_promises`].
pub fn columns_of(columns: Columns, screen_width: usize) -> Vec<Column> {
    use Column::{
        Active, Connections, Forwarding, Inactive, IncomingBytes, IncomingPackets, LowerThreshold,
        OutgoingBytes, OutgoingPackets, Persistent, Traffic, Tunnel, UpperThreshold, Weight,
    };
    let between: &[Column] = match columns {
        Columns::Connections => &[Forwarding, Weight, Active, Inactive, Traffic],
        Columns::TunnelInfo => &[Tunnel, Weight, Active, Inactive, Traffic],
        Columns::Thresholds => &[UpperThreshold, LowerThreshold, Active, Inactive],
        Columns::PersistentConnections => &[Weight, Persistent, Active, Inactive, Traffic],
        Columns::Statistics | Columns::Rate => &[
            Connections,
            IncomingPackets,
            OutgoingPackets,
            IncomingBytes,
            OutgoingBytes,
        ],
    };
    let is_wide = screen_width >= WIDE;
    let between = between.iter().copied();
    std::iter::once(Column::Name)
        .chain(between.filter(|column| is_wide || *column != Traffic))
        .chain([Column::Share, Column::Bar])
        .collect()
}

/// Returns the columns of looks that follow each other.
pub fn columns_of_rates(screen_width: usize) -> Vec<Column> {
    use Column::{
        Active, Bar, Connections, Forwarding, Inactive, IncomingBytes, IncomingPackets, Name,
        OutgoingBytes, OutgoingPackets, Packets, Share, Traffic, Weight,
    };
    let columns: &[Column] = match screen_width >= WIDE {
        true => &[
            Name,
            Forwarding,
            Weight,
            Active,
            Inactive,
            Connections,
            IncomingPackets,
            OutgoingPackets,
            IncomingBytes,
            OutgoingBytes,
            Share,
            Bar,
        ],
        false => &[
            Name,
            Active,
            Inactive,
            Connections,
            Packets,
            Traffic,
            Share,
            Bar,
        ],
    };
    columns.to_vec()
}

/// Adds the column of promised shares, if it leaves room for the others beside usual names.
pub fn with_promises(mut columns: Vec<Column>, screen_width: usize) -> Vec<Column> {
    let has = |column| columns.contains(&column);
    let needed = if has(Column::OutgoingBytes) {
        90
    } else if has(Column::Packets) || has(Column::Tunnel) {
        72
    } else {
        60
    };
    if screen_width >= needed {
        columns.insert(columns.len() - 1, Column::Promised);
    }
    columns
}

/// Returns the title of a column.
pub fn title(column: Column, columns: Columns, screen_width: usize) -> Cell {
    let is_rate = columns == Columns::Rate;
    let [title, short] = match (column, is_rate) {
        (Column::Name | Column::Promised | Column::Bar, _) => ["", ""],
        (Column::Forwarding, _) => ["Forward", "Fwd"],
        (Column::Tunnel, _) => ["Forward, tunnel", "Fwd"],
        (Column::Weight, _) => ["Weight", "Wt"],
        (Column::UpperThreshold, _) => ["Upper", "Upp"],
        (Column::LowerThreshold, _) => ["Lower", "Low"],
        (Column::Persistent, _) => ["Persistent", "Pers"],
        (Column::Active, _) => ["Active", "Act"],
        (Column::Inactive, _) => ["Inactive", "Inact"],
        (Column::Connections, false) => ["Conns", "Conns"],
        (Column::Connections, true) => ["Conn/s", "C/s"],
        (Column::IncomingPackets, false) => ["Pkts in", "Pin"],
        (Column::IncomingPackets, true) => ["Pkt/s in", "Pin/s"],
        (Column::OutgoingPackets, false) => ["Pkts out", "Pout"],
        (Column::OutgoingPackets, true) => ["Pkt/s out", "Pout/s"],
        (Column::IncomingBytes, false) => ["In", "In"],
        (Column::IncomingBytes, true) => ["In/s", "In/s"],
        (Column::OutgoingBytes, false) => ["Out", "Out"],
        (Column::OutgoingBytes, true) => ["Out/s", "Out/s"],
        (Column::Packets, _) => ["Pkt/s", "P/s"],
        (Column::Traffic, false) => ["Traffic", "Traffic"],
        (Column::Traffic, true) => ["Bytes/s", "B/s"],
        (Column::Share, _) => ["Share", "%"],
    };
    let title = match screen_width <= NARROW {
        true => short,
        false => title,
    };
    match column {
        Column::Name | Column::Forwarding | Column::Tunnel | Column::Bar => {
            Cell::text(title, Tint::Faint)
        }
        _ => Cell::number(title, Tint::Faint),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wide_screen_has_more_columns_and_a_narrow_one_short_titles() {
        let count = |width| columns_of(Columns::Connections, width).len();
        assert_eq!([count(109), count(110)], [7, 8]);
        let count = |width| columns_of_rates(width).len();
        assert_eq!([count(109), count(110)], [8, 12]);
        let width = |width| title(Column::Inactive, Columns::Connections, width).width();
        assert_eq!([width(71), width(72)], ["Inact".len(), "Inactive".len()]);
    }
}
