//! Writes what `-L --prometheus` prints: the table as metrics, for the textfile collector of
//! prometheus-node-exporter.
//!
//! The text format is 0.0.4 (<https://prometheus.io/docs/instrumenting/exposition_formats/>): all
//! samples of a metric stand together, below its help and type. The labels that identify services
//! and servers are those of node_exporter's own collector of IPVS, with values spelled as there.
//! Names of metrics and labels, once published, stay.
#![forbid(unsafe_code)]

use crate::model::{
    AddressFamily, DestinationState, KernelInfo, Netmask, ServiceIdentity, ServiceState,
    Standstill, Statistics, SyncDaemon, SyncDaemonState, Timeouts,
};
use crate::render::padding::number;

/// A type of metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// A number that grows until it is zeroed.
    Counter,
    /// A number that grows and shrinks.
    Gauge,
}

/// A number of an item, with its name behind the item's prefix.
struct Metric<T, V = u64> {
    name: &'static str,
    kind: Kind,
    help: &'static str,
    value: fn(&T) -> V,
}

const fn gauge<T, V>(name: &'static str, help: &'static str, value: fn(&T) -> V) -> Metric<T, V> {
    Metric {
        name,
        kind: Kind::Gauge,
        help,
        value,
    }
}

const fn counter<T, V>(name: &'static str, help: &'static str, value: fn(&T) -> V) -> Metric<T, V> {
    Metric {
        kind: Kind::Counter,
        ..gauge(name, help, value)
    }
}

static TRAFFIC: [Metric<Statistics>; 5] = [
    counter("connections_total", "Connections scheduled.", |numbers| {
        numbers.connections
    }),
    counter(
        "incoming_packets_total",
        "Packets from clients.",
        |numbers| numbers.incoming_packets,
    ),
    counter(
        "outgoing_packets_total",
        "Packets to clients that the director saw.",
        |numbers| numbers.outgoing_packets,
    ),
    counter("incoming_bytes_total", "Bytes from clients.", |numbers| {
        numbers.incoming_bytes
    }),
    counter(
        "outgoing_bytes_total",
        "Bytes to clients that the director saw.",
        |numbers| numbers.outgoing_bytes,
    ),
];

static SERVER: [Metric<DestinationState>; 6] = [
    gauge(
        "weight",
        "The share of the connections; with 0, no new ones.",
        |state| u64::from(state.destination.weight),
    ),
    gauge(
        "active_connections",
        "Established TCP and SCTP connections.",
        |state| u64::from(state.active_connections),
    ),
    gauge("inactive_connections", "All other connections.", |state| {
        u64::from(state.inactive_connections)
    }),
    gauge(
        "persistent_connections",
        "Clients that persistence holds there.",
        |state| u64::from(state.persistent_connections),
    ),
    gauge(
        "upper_threshold",
        "With so many connections it is full; 0 is no limit.",
        |state| u64::from(state.destination.upper_threshold),
    ),
    gauge(
        "lower_threshold",
        "With fewer it is open again; 0 is three quarters of the upper threshold.",
        |state| u64::from(state.destination.lower_threshold),
    ),
];

/// The metrics of a backup daemon, where they are known.
static BACKUP: [Metric<SyncDaemonState, Option<u64>>; 2] = [
    gauge(
        "learnt_connections",
        "Connections here that the daemon learnt.",
        |state| state.learnt,
    ),
    counter(
        "dropped_datagrams_total",
        "Datagrams that found no room at the daemon's socket.",
        |state| state.dropped,
    ),
];

/// A service with its servers, and the labels that identify them.
pub struct LabelledService {
    state: ServiceState,
    labels: Labels,
    servers: Vec<(DestinationState, Labels)>,
}

impl LabelledService {
    /// Labels a service and its destinations, each with `common` first.
    pub fn new(
        common: &Labels,
        state: ServiceState,
        destinations: &[DestinationState],
    ) -> LabelledService {
        let labels = common.of_service(&state.service.identity);
        let servers = destinations.iter().map(|destination| {
            let server = destination.destination.identity;
            let labels = labels
                .with("remote_address", server.address.to_string())
                .with("remote_port", server.port.to_string());
            (*destination, labels)
        });
        LabelledService {
            state,
            servers: servers.collect(),
            labels,
        }
    }
}

/// The fill of the connection table; `None` for what the kernel does not tell.
#[derive(Clone, Copy, Debug, Default)]
pub struct Population {
    /// Its entries.
    pub connections: Option<u64>,
    /// The number of entries with which no connection is taken.
    pub most: Option<u64>,
}

/// Appends the metrics of IPVS as a whole, each with the labels `common`.
pub fn write_director(
    out: &mut Vec<u8>,
    common: &Labels,
    info: &KernelInfo,
    population: Population,
    timeouts: &Timeouts,
    daemons: &[SyncDaemonState],
) {
    let (major, minor, patch) = info.version_parts();
    let version = common.with("version", format!("{major}.{minor}.{patch}"));
    write_heading(out, "ipvs_info", Kind::Gauge, "IPVS in the kernel.");
    write_sample(out, "ipvs_info", &version, 1);

    let name = "ipvs_connection_table_size";
    write_heading(out, name, Kind::Gauge, "Buckets of the connection table.");
    let size = u64::from(info.connection_table_size);
    write_sample(out, name, common, size);

    for (name, help, number) in [
        (
            "ipvs_connections",
            "Entries of the connection table.",
            population.connections,
        ),
        (
            "ipvs_connections_max",
            "With so many entries no connection is taken.",
            population.most,
        ),
    ] {
        if let Some(number) = number {
            write_heading(out, name, Kind::Gauge, help);
            write_sample(out, name, common, number);
        }
    }

    let name = "ipvs_timeout_seconds";
    let help = "For how long a connection without traffic is kept.";
    write_heading(out, name, Kind::Gauge, help);
    for (connection, seconds) in [
        ("tcp", timeouts.tcp),
        ("tcp_fin", timeouts.tcp_fin),
        ("udp", timeouts.udp),
    ] {
        let labels = common.with("connection", connection);
        write_sample(out, name, &labels, u64::from(seconds));
    }

    if !daemons.is_empty() {
        let name = "ipvs_sync_daemon_info";
        write_heading(out, name, Kind::Gauge, "A sync daemon that runs.");
        for state in daemons {
            write_sample(out, name, &common.of_daemon(&state.daemon), 1);
        }
    }
    for metric in &BACKUP {
        let known = daemons.iter().filter_map(|state| {
            let labels = common.with("role", state.daemon.role.word());
            Some((labels, (metric.value)(state)?))
        });
        let known: Vec<(Labels, u64)> = known.collect();
        if !known.is_empty() {
            let name = format!("ipvs_sync_daemon_{}", metric.name);
            write_heading(out, &name, metric.kind, metric.help);
            for (labels, value) in known {
                write_sample(out, &name, &labels, value);
            }
        }
    }
}

/// Formats the metrics of services and of servers, one after the other. Leaves traffic out where
/// its counters stand still.
pub fn metrics(
    services: &[LabelledService],
    standstill: Option<Standstill>,
) -> impl Iterator<Item = Vec<u8>> {
    let traffic: &[Metric<Statistics>] = match standstill {
        None => &TRAFFIC,
        Some(_) => &[],
    };
    let servers = || services.iter().flat_map(|service| &service.servers);
    let info = std::iter::once_with(|| {
        let labels: Vec<Labels> = services.iter().map(info_labels).collect();
        let samples = labels.iter().map(|labels| (labels, 1));
        let help = "How a service schedules.";
        written("ipvs_service_info", Kind::Gauge, help, samples)
    });
    let counts = std::iter::once_with(|| {
        let samples = services
            .iter()
            .map(|service| (&service.labels, service.servers.len() as u64));
        let help = "Real servers of a service.";
        written("ipvs_service_real_servers", Kind::Gauge, help, samples)
    });
    let of_services = traffic.iter().map(|metric| {
        let samples = services
            .iter()
            .map(|service| (&service.labels, (metric.value)(&service.state.statistics)));
        let name = format!("ipvs_service_{}", metric.name);
        written(&name, metric.kind, metric.help, samples)
    });
    let of_servers = traffic.iter().map(move |metric| {
        let samples = servers().map(|(state, labels)| (labels, (metric.value)(&state.statistics)));
        let name = format!("ipvs_real_server_{}", metric.name);
        written(&name, metric.kind, metric.help, samples)
    });
    let states = SERVER.iter().map(move |metric| {
        let samples = servers().map(|(state, labels)| (labels, (metric.value)(state)));
        let name = format!("ipvs_real_server_{}", metric.name);
        written(&name, metric.kind, metric.help, samples)
    });
    info.chain(counts)
        .chain(of_services)
        .chain(of_servers)
        .chain(states)
}

/// Formats a metric with its samples; nothing if there are none.
fn written<'l>(
    name: &str,
    kind: Kind,
    help: &str,
    samples: impl Iterator<Item = (&'l Labels, u64)>,
) -> Vec<u8> {
    let mut out = Vec::new();
    for (labels, value) in samples {
        if out.is_empty() {
            write_heading(&mut out, name, kind, help);
        }
        write_sample(&mut out, name, labels, value);
    }
    out
}

fn write_heading(out: &mut Vec<u8>, name: &str, kind: Kind, help: &str) {
    let kind = match kind {
        Kind::Counter => "counter",
        Kind::Gauge => "gauge",
    };
    let text = format!("# HELP {name} {help}\n# TYPE {name} {kind}\n");
    out.extend_from_slice(text.as_bytes());
}

fn write_sample(out: &mut Vec<u8>, name: &str, labels: &Labels, value: u64) {
    out.extend_from_slice(name.as_bytes());
    if !labels.text.is_empty() {
        out.push(b'{');
        out.extend_from_slice(labels.text.as_bytes());
        out.push(b'}');
    }
    out.push(b' ');
    number(out, value);
    out.push(b'\n');
}

/// Labels, as they stand between braces.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Labels {
    text: String,
}

impl Labels {
    /// Returns the labels that all metrics of a network namespace have: none, unless it is named.
    pub fn of_namespace(name: Option<&str>) -> Labels {
        let none = Labels::default();
        match name {
            Some(name) => none.with("netns", name),
            None => none,
        }
    }

    /// Returns these labels and those that identify a service. An IPv6 service of a firewall mark
    /// has one more than node_exporter gives it: its mark may have an IPv4 service, too.
    fn of_service(&self, identity: &ServiceIdentity) -> Labels {
        match *identity {
            ServiceIdentity::Endpoint {
                protocol,
                address,
                port,
            } => self
                .with("local_address", address.to_string())
                .with("local_port", port.to_string())
                .with("local_mark", "")
                .with("proto", protocol.label()),
            ServiceIdentity::FirewallMark { mark, family } => {
                let labels = self
                    .with("local_address", "")
                    .with("local_port", "0")
                    .with("local_mark", format!("{mark:08X}"))
                    .with("proto", "FWM");
                match family {
                    AddressFamily::Ipv4 => labels,
                    AddressFamily::Ipv6 => labels.with("family", "ipv6"),
                }
            }
        }
    }

    /// Returns these labels and those of a sync daemon.
    fn of_daemon(&self, daemon: &SyncDaemon) -> Labels {
        let told = |value: Option<String>| value.unwrap_or_default();
        self.with("role", daemon.role.word())
            .with("interface", text(daemon.interface.as_bytes()))
            .with("sync_id", daemon.sync_id.to_string())
            .with(
                "max_length",
                told(daemon.max_length.map(|it| it.to_string())),
            )
            .with("group", told(daemon.group.map(|it| it.to_string())))
            .with("port", told(daemon.port.map(|it| it.to_string())))
            .with("ttl", told(daemon.ttl.map(|it| it.to_string())))
    }

    /// Returns these labels and one more.
    fn with(&self, name: &str, value: impl AsRef<str>) -> Labels {
        let mut labels = self.clone();
        if !labels.text.is_empty() {
            labels.text.push(',');
        }
        labels.text.push_str(name);
        labels.text.push_str("=\"");
        for character in value.as_ref().chars() {
            match character {
                '\\' => labels.text.push_str("\\\\"),
                '"' => labels.text.push_str("\\\""),
                '\n' => labels.text.push_str("\\n"),
                character => labels.text.push(character),
            }
        }
        labels.text.push('"');
        labels
    }
}

/// Returns the labels that say how a service schedules. What does not apply is empty.
fn info_labels(service: &LabelledService) -> Labels {
    let LabelledService { state, labels, .. } = service;
    let service = &state.service;
    let flags: Vec<&str> = service.scheduler_flags.words(service.scheduler).collect();
    let (seconds, mask) = match service.persistence_timeout {
        None => (String::new(), String::new()),
        Some(seconds) => (
            seconds.to_string(),
            match service.netmask {
                Netmask::Ipv4(mask) => mask.to_string(),
                Netmask::Ipv6(length) => length.to_string(),
            },
        ),
    };
    labels
        .with("scheduler", text(service.scheduler.as_bytes()))
        .with("scheduler_flags", flags.join(","))
        .with("persistence_seconds", seconds)
        .with("persistence_mask", mask)
        .with(
            "persistence_engine",
            text(service.persistence_engine.as_bytes()),
        )
        .with("one_packet", service.one_packet.to_string())
}

/// Returns a name of the kernel's, which need not be UTF-8, as text.
fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{KernelName, SyncDaemonRole};
    use crate::samples;

    #[test]
    fn what_is_there_once_is_written_whole() {
        let written = |population, daemons: &[SyncDaemonState]| {
            let mut out = Vec::new();
            let common = Labels::default();
            write_director(
                &mut out,
                &common,
                &samples::INFO,
                population,
                &samples::TIMEOUTS,
                daemons,
            );
            String::from_utf8(out).unwrap()
        };
        let expected = "\
# HELP ipvs_info IPVS in the kernel.
# TYPE ipvs_info gauge
ipvs_info{version=\"1.2.3\"} 1
# HELP ipvs_connection_table_size Buckets of the connection table.
# TYPE ipvs_connection_table_size gauge
ipvs_connection_table_size 4096
# HELP ipvs_timeout_seconds For how long a connection without traffic is kept.
# TYPE ipvs_timeout_seconds gauge
ipvs_timeout_seconds{connection=\"tcp\"} 960
ipvs_timeout_seconds{connection=\"tcp_fin\"} 75
ipvs_timeout_seconds{connection=\"udp\"} 7200
";
        let untold = Population::default();
        assert_eq!(written(untold, &[]), expected);
        let connections = "\
# HELP ipvs_connections Entries of the connection table.
# TYPE ipvs_connections gauge
ipvs_connections 21
# HELP ipvs_connections_max With so many entries no connection is taken.
# TYPE ipvs_connections_max gauge
ipvs_connections_max 900
";
        let told = Population {
            connections: Some(21),
            most: Some(900),
        };
        let place = expected.find("# HELP ipvs_timeout").unwrap();
        let (before, after) = expected.split_at(place);
        assert_eq!(written(told, &[]), format!("{before}{connections}{after}"));
        let daemon = "\
# HELP ipvs_sync_daemon_info A sync daemon that runs.
# TYPE ipvs_sync_daemon_info gauge
ipvs_sync_daemon_info{role=\"master\",interface=\"eth1\",sync_id=\"17\",max_length=\"1472\",\
group=\"224.0.0.83\",port=\"8849\",ttl=\"5\"} 1
";
        assert_eq!(
            written(untold, &samples::sync_daemon_states()[..1]),
            format!("{expected}{daemon}")
        );
        let backup = "\
ipvs_sync_daemon_info{role=\"backup\",interface=\"eth1\",sync_id=\"31\",max_length=\"1472\",\
group=\"224.0.0.83\",port=\"8849\",ttl=\"5\"} 1
# HELP ipvs_sync_daemon_learnt_connections Connections here that the daemon learnt.
# TYPE ipvs_sync_daemon_learnt_connections gauge
ipvs_sync_daemon_learnt_connections{role=\"backup\"} 10453
# HELP ipvs_sync_daemon_dropped_datagrams_total Datagrams that found no room at the daemon's socket.
# TYPE ipvs_sync_daemon_dropped_datagrams_total counter
ipvs_sync_daemon_dropped_datagrams_total{role=\"backup\"} 29
";
        assert_eq!(
            written(untold, &samples::sync_daemon_states()),
            format!("{expected}{daemon}{backup}")
        );
    }

    #[test]
    fn each_metric_has_its_own_number() {
        let mut plain = samples::service();
        plain.service.persistence_timeout = None;
        plain.service.identity = ServiceIdentity::FirewallMark {
            mark: 10,
            family: AddressFamily::Ipv4,
        };
        plain.statistics = samples::statistics(5001);
        let common = Labels::default();
        let services = [
            LabelledService::new(&common, samples::service(), &[samples::destination()]),
            LabelledService::new(&common, plain, &[]),
        ];
        let written = |standstill| {
            let written: Vec<u8> = metrics(&services, standstill).flatten().collect();
            String::from_utf8(written).unwrap()
        };
        let without_traffic = written(Some(Standstill::NotEstimated));
        let written = written(None);
        let lines: Vec<&str> = written.lines().collect();
        let tcp = "local_address=\"192.0.2.1\",local_port=\"443\",local_mark=\"\",proto=\"TCP\"";
        let mark = "local_address=\"\",local_port=\"0\",local_mark=\"0000000A\",proto=\"FWM\"";
        let schedules = "scheduler=\"sh\",scheduler_flags=\"sh-fallback,sh-port\"";
        let rest = "persistence_engine=\"sip\",one_packet=\"true\"";
        let mut expected = vec![
            "# HELP ipvs_service_info How a service schedules.".to_owned(),
            "# TYPE ipvs_service_info gauge".to_owned(),
            format!(
                "ipvs_service_info{{{tcp},{schedules},persistence_seconds=\"360\",\
                 persistence_mask=\"255.255.254.0\",{rest}}} 1"
            ),
            format!(
                "ipvs_service_info{{{mark},{schedules},persistence_seconds=\"\",\
                 persistence_mask=\"\",{rest}}} 1"
            ),
            "# HELP ipvs_service_real_servers Real servers of a service.".to_owned(),
            "# TYPE ipvs_service_real_servers gauge".to_owned(),
            format!("ipvs_service_real_servers{{{tcp}}} 1"),
            format!("ipvs_service_real_servers{{{mark}}} 0"),
        ];
        let traffic = [
            ("connections_total", "Connections scheduled."),
            ("incoming_packets_total", "Packets from clients."),
            (
                "outgoing_packets_total",
                "Packets to clients that the director saw.",
            ),
            ("incoming_bytes_total", "Bytes from clients."),
            (
                "outgoing_bytes_total",
                "Bytes to clients that the director saw.",
            ),
        ];
        for (index, (name, help)) in traffic.into_iter().enumerate() {
            let name = format!("ipvs_service_{name}");
            expected.push(format!("# HELP {name} {help}"));
            expected.push(format!("# TYPE {name} counter"));
            expected.push(format!("{name}{{{tcp}}} {}", 2001 + 7 * index));
            expected.push(format!("{name}{{{mark}}} {}", 5001 + 7 * index));
        }
        let server = format!("{tcp},remote_address=\"198.51.100.7\",remote_port=\"8080\"");
        for (index, (name, help)) in traffic.into_iter().enumerate() {
            let name = format!("ipvs_real_server_{name}");
            expected.push(format!("# HELP {name} {help}"));
            expected.push(format!("# TYPE {name} counter"));
            expected.push(format!("{name}{{{server}}} {}", 3002 + 7 * index));
        }
        assert_eq!(lines[..expected.len()], expected);
        let values = lines[expected.len()..].iter().filter_map(|line| {
            let (name, value) = line.rsplit_once(' ')?;
            let name = name.strip_suffix(&format!("{{{server}}}"))?;
            Some((name.strip_prefix("ipvs_real_server_")?, value))
        });
        assert_eq!(
            values.collect::<Vec<_>>(),
            [
                ("weight", "31"),
                ("active_connections", "62"),
                ("inactive_connections", "47"),
                ("persistent_connections", "58"),
                ("upper_threshold", "1009"),
                ("lower_threshold", "805"),
            ]
        );
        let mut expected = lines;
        expected.retain(|line| !line.contains("s_total"));
        assert_eq!(without_traffic.lines().collect::<Vec<_>>(), expected);
    }

    #[test]
    fn every_sample_has_the_name_of_its_namespace() {
        let written = |common: &Labels| {
            let mut out = Vec::new();
            let daemons = samples::sync_daemon_states();
            let population = Population {
                connections: Some(21),
                most: Some(900),
            };
            write_director(
                &mut out,
                common,
                &samples::INFO,
                population,
                &samples::TIMEOUTS,
                &daemons,
            );
            let service =
                LabelledService::new(common, samples::service(), &[samples::destination()]);
            out.extend(metrics(&[service], None).flatten());
            String::from_utf8(out).unwrap()
        };
        let plain = written(&Labels::of_namespace(None));
        let with_name = |line: &str| match line.split_once(['{', ' ']) {
            _ if line.starts_with('#') => line.to_owned(),
            Some((name, rest)) if line.contains('{') => format!("{name}{{netns=\"a\\\"b\",{rest}"),
            Some((name, value)) => format!("{name}{{netns=\"a\\\"b\"}} {value}"),
            None => panic!("{line}"),
        };
        let expected: Vec<String> = plain.lines().map(with_name).collect();
        let named = written(&Labels::of_namespace(Some("a\"b")));
        assert_eq!(named.lines().collect::<Vec<_>>(), expected);
    }

    #[test]
    fn labels_are_escaped_and_of_a_mark_s_two_services_one_is_called_ipv6() {
        let daemon = SyncDaemon {
            role: SyncDaemonRole::Master,
            interface: KernelName::truncated(b"a\\b\"c\nd\xff"),
            sync_id: 7,
            max_length: None,
            group: None,
            port: None,
            ttl: None,
        };
        assert_eq!(
            Labels::default().of_daemon(&daemon).text,
            "role=\"master\",interface=\"a\\\\b\\\"c\\nd\u{fffd}\",sync_id=\"7\",max_length=\"\",\
             group=\"\",port=\"\",ttl=\"\""
        );
        let mark = |family| {
            Labels::default()
                .of_service(&ServiceIdentity::FirewallMark { mark: 255, family })
                .text
        };
        let labels = "local_address=\"\",local_port=\"0\",local_mark=\"000000FF\",proto=\"FWM\"";
        assert_eq!(mark(AddressFamily::Ipv4), labels);
        assert_eq!(
            mark(AddressFamily::Ipv6),
            format!("{labels},family=\"ipv6\"")
        );
    }
}
