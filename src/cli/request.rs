//! What a command line asks for, once it is read. Plain values; the commands carry them out.

use crate::model::{Change, ListFormat, ServiceIdentity};
use crate::options::Command;

/// What a command line asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Request {
    /// A change to the kernel's table.
    Change(Change),
    /// A listing.
    List(ListRequest),
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
    pub form: Form,
}

impl Default for ListRequest {
    fn default() -> ListRequest {
        ListRequest {
            subject: Subject::Table(None),
            format: ListFormat::default(),
            sorted: true,
            form: Form::Plain,
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
pub enum Form {
    /// As the reference prints it.
    Plain,
    /// For programs.
    Json,
    /// For people.
    Table,
}
