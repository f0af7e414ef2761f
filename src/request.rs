//! The request that a command line makes. Plain values; the commands carry them out.

#![forbid(unsafe_code)]

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use crate::edit::{Addition, Edit};
use crate::model::{Change, DestinationIdentity, ServiceIdentity};
use crate::options::Command;
use crate::selection::{CountKey, Selection};

/// The request that a command line makes.
///
/// A file of rules is one for each line, nearly all of them changes, so what is larger is boxed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    /// A change to the kernel's table.
    Change(Change),
    /// A change that is to be so, whether or not it is already (`--exist`).
    Exist(Change),
    /// An edit that leaves what it does not name as it is (`--keep`).
    Keep(Box<Edit>),
    /// An addition that leaves what it does not name as it is, if it is there already
    /// (`--exist --keep`).
    AddMissing(Box<Addition>),
    /// Real servers that are to be left by their clients (`--drain`).
    Drain(DrainRequest),
    List(Box<ListRequest>),
    /// Why services do not answer.
    Diagnose(DiagnoseRequest),
    /// The table as rules.
    Save {
        /// Addresses and ports as numbers.
        numeric: bool,
    },
    /// Rules from standard input.
    ExecuteRules,
    /// The usage text, of one command where one was named.
    Help(Option<Command>),
    Version,
}

/// The real servers to drain, and what becomes of them then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DrainRequest {
    /// Of which virtual service; of all, where none is named.
    pub service: Option<ServiceIdentity>,
    /// The real server.
    pub address: IpAddr,
    /// Its port, host byte order; every port, where none is named.
    pub port: Option<u16>,
    /// True if they are deleted in the end.
    pub deletes: bool,
    /// The most seconds to wait; without them, for as long as it takes.
    pub seconds: Option<u32>,
    /// Even where new clients will find no server.
    pub is_forced: bool,
    /// True if it is no fault that there is no such server (`--exist`).
    pub may_be_missing: bool,
}

impl DrainRequest {
    /// Returns true if it is about this destination, of a service that it is about.
    pub fn names(&self, destination: &DestinationIdentity) -> bool {
        self.address == destination.address && self.port.is_none_or(|port| port == destination.port)
    }
}

/// The services to diagnose, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DiagnoseRequest {
    /// One virtual service, or all.
    pub service: Option<ServiceIdentity>,
    /// The client to probe as; without one, nothing is sent.
    pub probe_from: Option<Ipv4Addr>,
    /// The most time to listen to what becomes of real packets; without it, nobody listens.
    pub listen: Option<Duration>,
    /// For programs.
    pub json: bool,
}

/// The listing to make.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ListRequest {
    /// Its subject.
    pub subject: Subject,
    /// Its look.
    pub format: ListFormat,
    /// In order, not as the kernel gives it.
    pub sorted: bool,
    /// For whom it is written.
    pub output_format: OutputFormat,
    /// Again and again, so far apart.
    pub watch: Option<Duration>,
}

impl Default for ListRequest {
    fn default() -> ListRequest {
        ListRequest {
            subject: Subject::Table(None),
            format: ListFormat::default(),
            sorted: true,
            output_format: OutputFormat::Plain,
            watch: None,
        }
    }
}

/// The subject of a listing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    /// Virtual services: one, or all.
    Table(Option<ServiceIdentity>),
    /// The connection table.
    ConnectionEntries(Selection),
    /// The number of connections of each client, service and so on.
    ConnectionCounts(Selection, CountKey),
    Timeouts,
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
    /// For the textfile collector of prometheus-node-exporter.
    Prometheus,
}

/// The columns of a listing of virtual services.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Columns {
    /// Forwarding, weight, connections: those without an option.
    Connections,
    Statistics,
    Rate,
    Thresholds,
    /// Persistence entries; with connection entries, their engines' data.
    PersistentConnections,
    /// The first ones with the tunnels' kinds.
    TunnelInfo,
}

/// The look of a listing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ListFormat {
    /// Its columns.
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
