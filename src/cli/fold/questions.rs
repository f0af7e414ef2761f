//! Puts together what `-L` and `--diagnose` ask: what is to be seen, and how it is to be shown.

#![forbid(unsafe_code)]

use super::Draft;
use crate::cli::address::Endpoint;
use crate::error::UsageError;
use crate::model::ServiceIdentity;
use crate::options::matrix::Owner;
use crate::options::{Command, Modifier};
use crate::order::{ConnectionOrder, ServiceOrder};
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
            is_stale: self.given.has(Modifier::Stale),
            ..self.selection
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
            colours: self.colours,
        })
    }

    /// Returns the order of virtual services. What scripts read has one.
    fn service_order(&self, format: OutputFormat) -> Result<ServiceOrder, UsageError> {
        let Some(word) = self.order else {
            return Ok(ServiceOrder::default());
        };
        let order =
            ServiceOrder::from_word(word).ok_or_else(|| UsageError::ServiceOrder(word.to_vec()))?;
        match (order, self.watch, format) {
            (_, None, OutputFormat::Plain) => Err(UsageError::OrderOfPlainListing),
            (ServiceOrder::Rate, None, _) => Err(UsageError::RateWithoutWatch),
            _ => Ok(order),
        }
    }

    fn connection_order(&self) -> Result<ConnectionOrder, UsageError> {
        let Some(word) = self.order else {
            return Ok(ConnectionOrder::default());
        };
        ConnectionOrder::from_word(word).ok_or_else(|| UsageError::ConnectionOrder(word.to_vec()))
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
                None => Subject::ConnectionEntries(selection, self.connection_order()?),
            }
        } else if given.has(Modifier::Timeout) {
            Subject::Timeouts
        } else if given.has(Modifier::Daemon) {
            Subject::Daemons
        } else {
            Subject::Table(self.service.identity())
        };
        let order = match subject {
            Subject::Table(_) => self.service_order(output_format)?,
            _ => ServiceOrder::default(),
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
            order,
            output_format,
            watch: self.watch,
            colours: self.colours,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;
    use std::time::Duration;

    use super::*;
    use crate::cli;
    use crate::model::{AddressFamily, Origin, Protocol};
    use crate::request::Request;
    use crate::screen::Colours;
    use crate::selection::{CountKey, Network, States};

    fn read(line: &str) -> Request {
        cli::parse_words(line.split(' ').map(str::as_bytes)).unwrap()
    }

    fn listing(line: &str) -> ListRequest {
        match read(line) {
            Request::List(request) => *request,
            other => panic!("{line}: {other:?}"),
        }
    }

    const SERVICE: ServiceIdentity = ServiceIdentity::Endpoint {
        protocol: Protocol::Udp,
        address: IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1)),
        port: 53,
    };

    #[test]
    fn a_listing_is_of_what_is_named() {
        let mark = ServiceIdentity::FirewallMark {
            mark: 7,
            family: AddressFamily::Ipv6,
        };
        for (line, subject) in [
            ("-L", Subject::Table(None)),
            ("-l -u 192.0.2.1:53", Subject::Table(Some(SERVICE))),
            ("-L -f 7 -6", Subject::Table(Some(mark))),
            ("-L --timeout", Subject::Timeouts),
            ("-L --daemon --syncid 3", Subject::Daemons),
            (
                "-L -c",
                Subject::ConnectionEntries(Selection::default(), ConnectionOrder::Kernel),
            ),
            (
                "-L -c --order expire",
                Subject::ConnectionEntries(Selection::default(), ConnectionOrder::Expire),
            ),
        ] {
            let expected = ListRequest {
                subject,
                ..ListRequest::default()
            };
            assert_eq!(listing(line), expected, "{line}");
        }
    }

    #[test]
    fn connections_are_those_that_are_selected() {
        let endpoint = |address: &str, port| SelectedEndpoint {
            address: address.parse().unwrap(),
            port,
        };
        let service = |port| {
            Some(SelectedService {
                protocol: Protocol::Udp,
                endpoint: endpoint("192.0.2.1", port),
            })
        };
        let mut states = States::default();
        assert!(states.insert(b"SYN_RECV") && states.insert(b"CLOSE"));
        for (line, selection) in [
            (
                "-u 192.0.2.1:53",
                Selection {
                    service: service(Some(53)),
                    ..Selection::default()
                },
            ),
            (
                "-u 192.0.2.1 --stale",
                Selection {
                    service: service(None),
                    is_stale: true,
                    ..Selection::default()
                },
            ),
            (
                "-r 198.51.100.7 --client 203.0.113.9/28",
                Selection {
                    server: Some(endpoint("198.51.100.7", None)),
                    clients: Network::new([203, 0, 113, 0].into(), 28),
                    ..Selection::default()
                },
            ),
            (
                "-r 198.51.100.7:8080 --state close,syn_recv",
                Selection {
                    server: Some(endpoint("198.51.100.7", Some(8080))),
                    states: Some(states),
                    ..Selection::default()
                },
            ),
            (
                "--origin sync",
                Selection {
                    origin: Some(Origin::Sync),
                    ..Selection::default()
                },
            ),
            (
                "--origin local",
                Selection {
                    origin: Some(Origin::Local),
                    ..Selection::default()
                },
            ),
        ] {
            assert_eq!(
                listing(&format!("-L -c {line}")).subject,
                Subject::ConnectionEntries(selection, ConnectionOrder::Kernel),
                "{line}"
            );
            for (word, key) in [
                ("client", CountKey::Client),
                ("server", CountKey::Server),
                ("service", CountKey::Service),
                ("state", CountKey::State),
                ("origin", CountKey::Origin),
            ] {
                assert_eq!(
                    listing(&format!("-L -c {line} --count {word}")).subject,
                    Subject::ConnectionCounts(selection, key),
                    "{line} {word}"
                );
            }
        }
    }

    #[test]
    fn a_listing_looks_as_its_options_say() {
        for (options, columns) in [
            ("--stats", Columns::Statistics),
            ("--rate", Columns::Rate),
            ("--thresholds", Columns::Thresholds),
            ("--persistent-conn", Columns::PersistentConnections),
            ("--tun-info", Columns::TunnelInfo),
            ("--tun-info --rate", Columns::Rate),
        ] {
            let columns = ListFormat {
                columns,
                ..ListFormat::default()
            };
            assert_eq!(listing(&format!("-L {options}")).format, columns);
        }
        let plain = ListRequest::default();
        let format = plain.format;
        let watched = |milliseconds| ListRequest {
            watch: Some(Duration::from_millis(milliseconds)),
            ..plain
        };
        let written = |output_format| ListRequest {
            output_format,
            ..plain
        };
        let coloured = |colours| ListRequest { colours, ..plain };
        for (options, expected) in [
            ("--sort", plain),
            (
                "--nosort",
                ListRequest {
                    sorted: false,
                    ..plain
                },
            ),
            (
                "-n",
                ListRequest {
                    format: ListFormat {
                        numeric: true,
                        ..format
                    },
                    ..plain
                },
            ),
            (
                "--exact",
                ListRequest {
                    format: ListFormat {
                        exact: true,
                        ..format
                    },
                    ..plain
                },
            ),
            ("--json", written(OutputFormat::Json)),
            ("--table", written(OutputFormat::Table)),
            ("--prometheus", written(OutputFormat::Prometheus)),
            (
                "--table --order connections",
                ListRequest {
                    order: ServiceOrder::Connections,
                    ..written(OutputFormat::Table)
                },
            ),
            (
                "--order rate --watch",
                ListRequest {
                    order: ServiceOrder::Rate,
                    ..watched(2000)
                },
            ),
            ("--watch", watched(2000)),
            ("--watch 0.3", watched(300)),
            ("--color", coloured(Colours::Always)),
            ("--color=never", coloured(Colours::Never)),
            ("--color auto", plain),
        ] {
            assert_eq!(listing(&format!("-L {options}")), expected, "{options}");
        }
    }

    #[test]
    fn a_diagnosis_is_of_what_is_named_and_sends_what_it_may() {
        let reading = DiagnoseRequest {
            service: None,
            probe_from: None,
            listen: None,
            json: false,
            colours: Colours::Auto,
        };
        for (options, expected) in [
            ("-n", reading),
            (
                "-u 192.0.2.1:53 --json",
                DiagnoseRequest {
                    service: Some(SERVICE),
                    json: true,
                    ..reading
                },
            ),
            (
                "--listen",
                DiagnoseRequest {
                    listen: Some(Duration::from_secs(10)),
                    ..reading
                },
            ),
            (
                "--listen 300",
                DiagnoseRequest {
                    listen: Some(Duration::from_secs(300)),
                    ..reading
                },
            ),
            (
                "--probe",
                DiagnoseRequest {
                    probe_from: Some([198, 51, 100, 1].into()),
                    ..reading
                },
            ),
            (
                "--probe-from 203.0.113.9 --probe",
                DiagnoseRequest {
                    probe_from: Some([203, 0, 113, 9].into()),
                    ..reading
                },
            ),
        ] {
            assert_eq!(
                read(&format!("--diagnose {options}")),
                Request::Diagnose(expected),
                "{options}"
            );
        }
    }
}
