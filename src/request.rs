//! What a command line asks for, once it is read. Plain values; the commands carry them out.

use std::net::Ipv4Addr;

use crate::model::{Change, ServiceIdentity};
use crate::options::Command;

/// What a command line asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Request {
    /// A change to the kernel's table.
    Change(Change),
    /// A listing.
    List(ListRequest),
    /// Why services do not answer.
    Diagnose(DiagnoseRequest),
    /// The table as rules.
    Save {
        /// Addresses and ports as numbers.
        numeric: bool,
    },
    /// Rules from standard input.
    Restore,
    /// The usage text, of one command where one was named.
    Help(Option<Command>),
    /// The version.
    Version,
}

/// What to diagnose, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DiagnoseRequest {
    /// One virtual service, or all.
    pub service: Option<ServiceIdentity>,
    /// The client to probe as; without one, nothing is sent.
    pub probe_from: Option<Ipv4Addr>,
    /// For programs.
    pub json: bool,
}

/// What to list, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ListRequest {
    /// What.
    pub subject: Subject,
    /// How it looks.
    pub format: ListFormat,
    /// In order, not as the kernel gives it.
    pub sorted: bool,
    /// For whom it is written.
    pub output_format: OutputFormat,
}

impl Default for ListRequest {
    fn default() -> ListRequest {
        ListRequest {
            subject: Subject::Table(None),
            format: ListFormat::default(),
            sorted: true,
            output_format: OutputFormat::Plain,
        }
    }
}

/// What a listing is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    /// Virtual services: one, or all.
    Table(Option<ServiceIdentity>),
    /// The connection table.
    ConnectionEntries,
    /// The timeouts.
    Timeouts,
    /// The sync daemons.
    Daemons,
}

/// For whom a listing is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OutputFormat {
    /// As the reference prints it.
    Plain,
    /// For programs.
    Json,
    /// For people.
    Table,
}

/// The columns of a listing of virtual services.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Columns {
    /// Forwarding, weight, connections: those without an option.
    Connections,
    /// Counters.
    Statistics,
    /// Rates.
    Rate,
    /// Thresholds.
    Thresholds,
    /// Persistence entries; with connection entries, their engines' data.
    PersistentConnections,
    /// The first ones with the tunnels' kinds.
    TunnelInfo,
}

/// How a listing looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ListFormat {
    /// Which columns.
    pub columns: Columns,
    /// Addresses and ports as numbers.
    pub numeric: bool,
    /// Counters in full.
    pub exact: bool,
}

impl Default for ListFormat {
    fn default() -> ListFormat {
        ListFormat {
            columns: Columns::Connections,
            numeric: false,
            exact: false,
        }
    }
}
