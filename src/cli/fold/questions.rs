//! Puts together what `-L` and `--diagnose` ask: what is to be seen, and how it is to be shown.

#![forbid(unsafe_code)]

use super::Draft;
use crate::cli::address::Endpoint;
use crate::error::UsageError;
use crate::model::ServiceIdentity;
use crate::options::matrix::Owner;
use crate::options::{Command, Modifier};
use crate::request::{Columns, DiagnoseRequest, ListFormat, ListRequest, OutputFormat, Subject};
use crate::selection::{SelectedEndpoint, SelectedService, Selection};

impl Draft<'_> {
    /// Returns the connections that are meant.
    fn selection(&self) -> Result<Selection, UsageError> {
        let service = match self.service.identity() {
            None => None,
            Some(ServiceIdentity::Endpoint {
                protocol,
                address,
                port,
            }) => Some(SelectedService {
                protocol,
                endpoint: SelectedEndpoint::new(address, port),
            }),
            Some(ServiceIdentity::FirewallMark { .. }) => {
                return Err(UsageError::FirewallMarkOfConnections);
            }
        };
        let server = self
            .server
            .map(|Endpoint { address, port }| SelectedEndpoint::new(address, port.unwrap_or(0)));
        Ok(Selection {
            service,
            server,
            clients: self.clients,
            states: self.states,
            is_stale: self.given.has(Modifier::Stale),
        })
    }

    pub(super) fn diagnose(&self) -> Result<DiagnoseRequest, UsageError> {
        let probes = self.given.has(Modifier::Probe);
        if !probes && self.given.has(Modifier::ProbeFrom) {
            let owner = Owner::Command(Command::Diagnose);
            return Err(UsageError::Needed(Modifier::Probe, owner));
        }
        Ok(DiagnoseRequest {
            service: self.service.identity(),
            probe_from: probes.then_some(self.probe_from),
            listen: self.listen,
            json: self.given.has(Modifier::Json),
        })
    }

    pub(super) fn list(&self) -> Result<ListRequest, UsageError> {
        let given = self.given;
        match given.rivals() {
            // A firewall mark is what `-6` stands beside.
            Some((Modifier::Ipv6, Modifier::Connection)) => {
                return Err(UsageError::FirewallMarkOfConnections);
            }
            Some(_) => return Err(UsageError::ListConflict),
            None => {}
        }
        let output_format = if given.has(Modifier::Json) {
            OutputFormat::Json
        } else if given.has(Modifier::Table) {
            OutputFormat::Table
        } else if given.has(Modifier::Prometheus) {
            OutputFormat::Prometheus
        } else {
            OutputFormat::Plain
        };
        let subject = if given.has(Modifier::Connection) {
            let selection = self.selection()?;
            match self.count_key {
                Some(key) => Subject::ConnectionCounts(selection, key),
                None => Subject::ConnectionEntries(selection),
            }
        } else if given.has(Modifier::Timeout) {
            Subject::Timeouts
        } else if given.has(Modifier::Daemon) {
            Subject::Daemons
        } else {
            Subject::Table(self.service.identity())
        };
        let columns = [
            (Modifier::Statistics, Columns::Statistics),
            (Modifier::Rate, Columns::Rate),
            (Modifier::Thresholds, Columns::Thresholds),
            (
                Modifier::PersistentConnections,
                Columns::PersistentConnections,
            ),
            (Modifier::TunnelInfo, Columns::TunnelInfo),
        ]
        .into_iter()
        .find(|(modifier, _)| given.has(*modifier))
        .map_or(Columns::Connections, |(_, columns)| columns);
        Ok(ListRequest {
            subject,
            format: ListFormat {
                columns,
                numeric: given.has(Modifier::Numeric),
                exact: given.has(Modifier::Exact),
            },
            sorted: !given.has(Modifier::NoSort),
            output_format,
            watch: self.watch,
        })
    }
}
