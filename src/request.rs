//! The request that a command line makes. Plain values; the commands carry them out.

#![forbid(unsafe_code)]

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use crate::edit::{Addition, DestinationEdit, Edit};
use crate::model::{Change, Destination, DestinationIdentity, ServiceIdentity};
use crate::options::Command;
use crate::order::{ConnectionOrder, ServiceOrder};
use crate::screen::Colours;
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
    /// Real servers that are to get their share by and by (`--ramp`).
    Ramp(Box<RampRequest>),
    List(Box<ListRequest>),
    /// Why services do not answer.
    Diagnose(DiagnoseRequest),
    /// The table as rules.
    Save {
        /// True if addresses and ports are numbers.
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
    /// The real server; all of the service, where none is named.
    pub server: Option<NamedServer>,
    /// The end of the drain.
    pub then: AfterDrain,
    /// The most seconds to wait; without them, for as long as it takes.
    pub seconds: Option<u32>,
    /// True if it is done even where new clients will find no server.
    pub is_forced: bool,
    /// True if it is no fault that there is no such server (`--exist`).
    pub may_be_missing: bool,
}

impl DrainRequest {
    /// Returns true if it is about this destination, of a service that it is about.
    pub fn names(&self, destination: &DestinationIdentity) -> bool {
        self.server.is_none_or(|server| server.is(destination))
    }
}

/// The end of servers and services that have been drained.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AfterDrain {
    /// The real servers stay, at weight 0.
    Stay,
    /// The real servers are deleted.
    DeleteServers,
    /// Their virtual service is deleted, and they with it.
    DeleteService,
}

impl AfterDrain {
    /// Returns true if the real servers are there no more in the end.
    pub fn deletes(self) -> bool {
        self != AfterDrain::Stay
    }
}

/// A real server as it was named: at one port, or at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NamedServer {
    /// The address.
    pub address: IpAddr,
    /// The port, host byte order; every port, where none is named.
    pub port: Option<u16>,
}

impl NamedServer {
    /// Returns true if this is a destination of that name.
    pub fn is(self, destination: &DestinationIdentity) -> bool {
        self.address == destination.address && self.port.is_none_or(|port| port == destination.port)
    }
}

/// Which real servers to give their weights by and by, and in how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RampRequest {
    /// The real servers.
    pub returning: Returning,
    /// The seconds from weight 1 to the last.
    pub seconds: u32,
}

/// Real servers that get their share by and by, and the weights that they are to reach.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Returning {
    /// One that is added to a service.
    Added(ServiceIdentity, Destination),
    /// One that is there; what is not named stays.
    Edited(DestinationEdit),
    /// One in all its services, to this weight, or in each to the one that it has there.
    Everywhere(NamedServer, Option<u32>),
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
    /// True if findings are written for programs.
    pub json: bool,
    /// When there are colours.
    pub colours: Colours,
}

/// The listing to make.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ListRequest {
    /// Its subject.
    pub subject: Subject,
    /// Its look.
    pub format: ListFormat,
    /// True if it is in order, not as the kernel gives it.
    pub sorted: bool,
    /// The order of virtual services, where there is a choice.
    pub order: ServiceOrder,
    /// For whom it is written.
    pub output_format: OutputFormat,
    /// The interval of `--watch`.
    pub watch: Option<Duration>,
    /// When what is drawn has colours.
    pub colours: Colours,
}

impl Default for ListRequest {
    fn default() -> ListRequest {
        ListRequest {
            subject: Subject::Table(None),
            format: ListFormat::default(),
            sorted: true,
            order: ServiceOrder::default(),
            output_format: OutputFormat::Plain,
            watch: None,
            colours: Colours::default(),
        }
    }
}

/// The subject of a listing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    /// Virtual services: one, or all.
    Table(Option<ServiceIdentity>),
    /// The connection table.
    ConnectionEntries(Selection, ConnectionOrder),
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

impl Columns {
    /// Returns true if they hold counters, or the rates at which those grow.
    pub fn are_counters(self) -> bool {
        matches!(self, Columns::Statistics | Columns::Rate)
    }
}

/// The look of a listing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ListFormat {
    /// Its columns.
    pub columns: Columns,
    /// True if addresses and ports are numbers.
    pub numeric: bool,
    /// True if counters are in full.
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
