//! Writes what `--json` prints: all that the kernel reports, as one document for programs.
//!
//! Every field is always there, `null` where it does not apply. Numbers are exact, addresses are
//! never names. `man/ipvsadm.schema.json` describes the documents, and a test holds them to it: add
//! a field in both places. Names of fields, once published, stay.
//!
//! A document is written item by item, each on a line of its own, so that a table of any size goes
//! through a small buffer. Names of the kernel need not be UTF-8: what is not becomes U+FFFD.
#![forbid(unsafe_code)]

use std::borrow::Cow;
use std::net::{IpAddr, Ipv4Addr};

use serde::ser::SerializeStruct;
use serde::{Serialize, Serializer};

use crate::model::{
    AddressFamily, Connection, DestinationIdentity, DestinationState, DrainState, Encapsulation,
    ForwardingMethod, KernelInfo, KernelName, Netmask, Origin, Protocol, ServiceIdentity,
    ServiceState, Standstill, Statistics, SyncDaemonState, Timeouts, TunnelChecksum,
};
use crate::render::counts::{Count, Counted};
use crate::render::endpoints::EndpointWriter;

/// A document whose one list is being written.
pub struct Document {
    has_items: bool,
    has_counters: bool,
}

impl Document {
    fn new() -> Document {
        Document {
            has_items: false,
            has_counters: true,
        }
    }

    /// Begins the document of a table. Counters and rates are `null` where counters stand still.
    pub fn of_services(
        out: &mut Vec<u8>,
        info: &KernelInfo,
        standstill: Option<Standstill>,
    ) -> Document {
        let (major, minor, patch) = info.version_parts();
        out.extend_from_slice(b"{\"ipvs\":");
        write(
            out,
            &Ipvs {
                version: format!("{major}.{minor}.{patch}"),
                connection_table_size: info.connection_table_size,
            },
        );
        out.extend_from_slice(b",\"services\":[");
        Document {
            has_counters: standstill.is_none(),
            ..Document::new()
        }
    }

    /// Begins the document of connections.
    pub fn of_connections(out: &mut Vec<u8>) -> Document {
        out.extend_from_slice(b"{\"connections\":[");
        Document::new()
    }

    /// Appends a service with its real servers.
    pub fn service(
        &mut self,
        out: &mut Vec<u8>,
        service: &ServiceState,
        destinations: &[DestinationState],
    ) {
        let mut service = Service::of(service, destinations);
        if !self.has_counters {
            service.forget_counters();
        }
        self.item(out, &service);
    }

    /// Appends a connection.
    pub fn connection(&mut self, out: &mut Vec<u8>, connection: &Connection<'_>) {
        self.item(out, &ConnectionEntry::of(connection));
    }

    fn item(&mut self, out: &mut Vec<u8>, item: &impl Serialize) {
        out.extend_from_slice(if self.has_items { b",\n" } else { b"\n" });
        self.has_items = true;
        write(out, item);
    }

    /// Ends the document.
    pub fn end(self, out: &mut Vec<u8>) {
        out.extend_from_slice(if self.has_items { b"\n]}\n" } else { b"]}\n" });
    }
}

/// Appends the document of counts. `key` is the word for what connections are counted by.
pub fn write_counts(out: &mut Vec<u8>, key: &'static str, counts: &[Count]) {
    out.extend_from_slice(b"{\"counts\":[");
    let mut document = Document::new();
    let mut endpoints = EndpointWriter::numeric();
    let mut name = Vec::new();
    let total: u64 = counts.iter().map(|count| count.connections).sum();
    let parts = counts
        .iter()
        .filter(|count| count.counted != Counted::Total);
    for count in parts {
        name.clear();
        count.counted.write(&mut name, &mut endpoints);
        let entry = CountEntry {
            key,
            name: text(&name),
            connections: count.connections,
        };
        document.item(out, &entry);
    }
    out.extend_from_slice(if document.has_items { b"\n" } else { b"" });
    out.extend_from_slice(format!("],\"total\":{total}}}\n").as_bytes());
}

/// Appends the document that says why there is no listing, in a stream of listings.
pub fn write_fault(out: &mut Vec<u8>, fault: &[u8]) {
    out.extend_from_slice(b"{\"error\":");
    write(out, &text(fault.trim_ascii_end()));
    out.extend_from_slice(b"}\n");
}

/// Appends the document of timeouts.
pub fn write_timeouts(out: &mut Vec<u8>, timeouts: &Timeouts) {
    #[derive(Serialize)]
    struct Fields {
        tcp_seconds: u32,
        tcp_fin_seconds: u32,
        udp_seconds: u32,
    }
    out.extend_from_slice(b"{\"timeouts\":");
    write(
        out,
        &Fields {
            tcp_seconds: timeouts.tcp,
            tcp_fin_seconds: timeouts.tcp_fin,
            udp_seconds: timeouts.udp,
        },
    );
    out.extend_from_slice(b"}\n");
}

/// Appends the document of sync daemons.
pub fn write_sync_daemons(out: &mut Vec<u8>, daemons: &[SyncDaemonState]) {
    #[derive(Serialize)]
    struct Daemon<'a> {
        role: &'static str,
        interface: Cow<'a, str>,
        sync_id: u32,
        max_length: Option<u16>,
        group: Option<IpAddr>,
        port: Option<u16>,
        ttl: Option<u8>,
        connections_learnt: Option<u64>,
        datagrams_dropped: Option<u64>,
    }
    out.extend_from_slice(b"{\"sync_daemons\":[");
    let mut document = Document::new();
    for state in daemons {
        let daemon = &state.daemon;
        let fields = Daemon {
            role: daemon.role.word(),
            interface: text(daemon.interface.as_bytes()),
            sync_id: daemon.sync_id,
            max_length: daemon.max_length,
            group: daemon.group,
            port: daemon.port,
            ttl: daemon.ttl,
            connections_learnt: state.learnt,
            datagrams_dropped: state.dropped,
        };
        document.item(out, &fields);
    }
    document.end(out);
}

fn write(out: &mut Vec<u8>, value: &impl Serialize) {
    // Writing into a vector cannot fail, nor can fields that are numbers, texts and lists.
    let _ = serde_json::to_writer(out, value);
}

fn text(bytes: &[u8]) -> Cow<'_, str> {
    String::from_utf8_lossy(bytes)
}

fn name(name: &KernelName) -> Option<Cow<'_, str>> {
    (!name.is_empty()).then(|| text(name.as_bytes()))
}

#[derive(Serialize)]
struct Ipvs {
    version: String,
    connection_table_size: u32,
}

#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum Family {
    Ipv4,
    Ipv6,
}

impl From<AddressFamily> for Family {
    fn from(family: AddressFamily) -> Family {
        match family {
            AddressFamily::Ipv4 => Family::Ipv4,
            AddressFamily::Ipv6 => Family::Ipv6,
        }
    }
}

/// The fields that identify a virtual service.
#[derive(Serialize)]
pub struct ServiceFields {
    protocol: Option<&'static str>,
    address: Option<IpAddr>,
    port: Option<u16>,
    firewall_mark: Option<u32>,
    family: Family,
}

impl From<ServiceIdentity> for ServiceFields {
    fn from(identity: ServiceIdentity) -> ServiceFields {
        let (address, port, firewall_mark) = match identity {
            ServiceIdentity::Endpoint { address, port, .. } => (Some(address), Some(port), None),
            ServiceIdentity::FirewallMark { mark, .. } => (None, None, Some(mark)),
        };
        ServiceFields {
            protocol: identity.protocol().map(Protocol::name),
            address,
            port,
            firewall_mark,
            family: identity.family().into(),
        }
    }
}

#[derive(Serialize)]
struct Service<'a> {
    #[serde(flatten)]
    identity: ServiceFields,
    scheduler: Cow<'a, str>,
    scheduler_flags: Vec<&'static str>,
    persistence: Option<Persistence>,
    persistence_engine: Option<Cow<'a, str>>,
    one_packet: bool,
    counters: Option<Numbers>,
    rates: Option<Numbers>,
    real_servers: Vec<RealServer>,
}

impl<'a> Service<'a> {
    fn of(state: &'a ServiceState, destinations: &[DestinationState]) -> Service<'a> {
        let service = &state.service;
        Service {
            identity: service.identity.into(),
            scheduler: text(service.scheduler.as_bytes()),
            scheduler_flags: service.scheduler_flags.words(service.scheduler).collect(),
            persistence: service
                .persistence_timeout
                .map(|seconds| Persistence::of(seconds, service.netmask)),
            persistence_engine: name(&service.persistence_engine),
            one_packet: service.one_packet,
            counters: Some(Numbers::counters(&state.statistics)),
            rates: Some(Numbers::rates(&state.statistics)),
            real_servers: destinations.iter().map(RealServer::of).collect(),
        }
    }

    fn forget_counters(&mut self) {
        (self.counters, self.rates) = (None, None);
        for server in &mut self.real_servers {
            (server.counters, server.rates) = (None, None);
        }
    }
}

#[derive(Serialize)]
struct Persistence {
    timeout_seconds: u32,
    netmask: Option<Ipv4Addr>,
    prefix_length: Option<u32>,
}

impl Persistence {
    fn of(timeout_seconds: u32, mask: Netmask) -> Persistence {
        let (netmask, prefix_length) = match mask {
            Netmask::Ipv4(mask) => (Some(mask), None),
            Netmask::Ipv6(length) => (None, Some(length)),
        };
        Persistence {
            timeout_seconds,
            netmask,
            prefix_length,
        }
    }
}

/// Counters since they were last zeroed, or rates a second.
#[derive(Serialize)]
struct Numbers {
    connections: u64,
    incoming_packets: u64,
    outgoing_packets: u64,
    incoming_bytes: u64,
    outgoing_bytes: u64,
}

impl Numbers {
    fn counters(statistics: &Statistics) -> Numbers {
        Numbers {
            connections: statistics.connections,
            incoming_packets: statistics.incoming_packets,
            outgoing_packets: statistics.outgoing_packets,
            incoming_bytes: statistics.incoming_bytes,
            outgoing_bytes: statistics.outgoing_bytes,
        }
    }

    fn rates(statistics: &Statistics) -> Numbers {
        Numbers {
            connections: statistics.connection_rate,
            incoming_packets: statistics.incoming_packet_rate,
            outgoing_packets: statistics.outgoing_packet_rate,
            incoming_bytes: statistics.incoming_byte_rate,
            outgoing_bytes: statistics.outgoing_byte_rate,
        }
    }
}

#[derive(Serialize)]
struct RealServer {
    address: IpAddr,
    port: u16,
    family: Family,
    forwarding_method: &'static str,
    tunnel: Option<Tunnel>,
    weight: u32,
    drain_state: Option<&'static str>,
    upper_threshold: u32,
    lower_threshold: u32,
    active_connections: u32,
    inactive_connections: u32,
    persistent_connections: u32,
    counters: Option<Numbers>,
    rates: Option<Numbers>,
}

impl RealServer {
    fn of(state: &DestinationState) -> RealServer {
        let destination = &state.destination;
        let (forwarding_method, tunnel) = match destination.forwarding_method {
            ForwardingMethod::Masquerading => ("masquerading", None),
            ForwardingMethod::Local => ("local", None),
            ForwardingMethod::Tunnel(encapsulation) => ("tunnel", Some(Tunnel::of(encapsulation))),
            ForwardingMethod::DirectRouting => ("direct_routing", None),
        };
        RealServer {
            address: destination.identity.address,
            port: destination.identity.port,
            family: AddressFamily::of(destination.identity.address).into(),
            forwarding_method,
            tunnel,
            weight: destination.weight,
            drain_state: state.drain_state().map(|drain_state| match drain_state {
                DrainState::Draining => "draining",
                DrainState::Drained => "drained",
            }),
            upper_threshold: destination.upper_threshold,
            lower_threshold: destination.lower_threshold,
            active_connections: state.active_connections,
            inactive_connections: state.inactive_connections,
            persistent_connections: state.persistent_connections,
            counters: Some(Numbers::counters(&state.statistics)),
            rates: Some(Numbers::rates(&state.statistics)),
        }
    }
}

#[derive(Serialize)]
struct Tunnel {
    r#type: &'static str,
    port: Option<u16>,
    checksum: Option<&'static str>,
}

impl Tunnel {
    fn of(encapsulation: Encapsulation) -> Tunnel {
        let word = |checksum| match checksum {
            TunnelChecksum::None => "none",
            TunnelChecksum::Full => "full",
            TunnelChecksum::Remote => "remote",
        };
        let (port, checksum) = match encapsulation {
            Encapsulation::Ipip => (None, None),
            Encapsulation::Gue { port, checksum } => (Some(port), Some(word(checksum))),
            Encapsulation::Gre { checksum } => (None, Some(word(checksum))),
        };
        Tunnel {
            r#type: encapsulation.kind().word(),
            port,
            checksum,
        }
    }
}

#[derive(Serialize)]
struct ConnectionEntry<'a> {
    protocol: String,
    state: Cow<'a, str>,
    origin: Option<&'static str>,
    expires_in_seconds: u64,
    client: Endpoint,
    service: Endpoint,
    real_server: Endpoint,
    persistence_engine: Option<EngineData<'a>>,
}

/// An address and a port (host byte order).
#[derive(Serialize)]
pub struct Endpoint {
    address: IpAddr,
    port: u16,
}

impl From<DestinationIdentity> for Endpoint {
    fn from(identity: DestinationIdentity) -> Endpoint {
        Endpoint {
            address: identity.address,
            port: identity.port,
        }
    }
}

#[derive(Serialize)]
struct EngineData<'a> {
    name: Cow<'a, str>,
    data: Cow<'a, str>,
}

impl<'a> ConnectionEntry<'a> {
    fn of(connection: &Connection<'a>) -> ConnectionEntry<'a> {
        let endpoint = |(address, port)| Endpoint { address, port };
        ConnectionEntry {
            protocol: text(connection.protocol).to_ascii_lowercase(),
            state: text(connection.state),
            origin: connection.origin.map(Origin::word),
            expires_in_seconds: connection.seconds,
            client: endpoint(connection.client),
            service: endpoint(connection.service),
            real_server: endpoint(connection.destination),
            persistence_engine: connection.engine.map(|(name, data)| EngineData {
                name: text(name),
                data: text(data),
            }),
        }
    }
}

/// A count. Its first field is called by `key`.
struct CountEntry<'a> {
    key: &'static str,
    name: Cow<'a, str>,
    connections: u64,
}

impl Serialize for CountEntry<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut entry = serializer.serialize_struct("Count", 2)?;
        entry.serialize_field(self.key, &self.name)?;
        entry.serialize_field("connections", &self.connections)?;
        entry.end()
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use boon::{Compiler, Schemas};
    use serde_json::{Value, json};

    use super::*;
    use crate::model::{KernelName, SyncDaemon, SyncDaemonRole, VirtualService};
    use crate::samples;

    /// Returns the document, once the schema has been found to hold.
    pub(crate) fn checked(out: &[u8]) -> Value {
        const SCHEMA: &str = include_str!("../../man/ipvsadm.schema.json");
        let (mut schemas, mut compiler) = (Schemas::new(), Compiler::new());
        compiler.enable_format_assertions();
        compiler
            .add_resource("schema", serde_json::from_str(SCHEMA).unwrap())
            .unwrap();
        let schema = compiler.compile("schema", &mut schemas).unwrap();
        let document = serde_json::from_slice(out).unwrap();
        if let Err(fault) = schemas.validate(&document, schema) {
            panic!("{fault:#}\n{document:#}");
        }
        document
    }

    fn destination(forwarding_method: ForwardingMethod) -> DestinationState {
        let mut state = samples::destination();
        state.destination.forwarding_method = forwarding_method;
        state
    }

    fn services(items: &[(ServiceState, Vec<DestinationState>)]) -> Value {
        services_with(None, items)
    }

    fn services_with(
        standstill: Option<Standstill>,
        items: &[(ServiceState, Vec<DestinationState>)],
    ) -> Value {
        let mut out = Vec::new();
        let mut document = Document::of_services(&mut out, &samples::INFO, standstill);
        for (service, destinations) in items {
            document.service(&mut out, service, destinations);
        }
        document.end(&mut out);
        checked(&out)
    }

    #[test]
    fn each_field_has_its_own_number() {
        let numbers = |first: u64| {
            json!({
                "connections": first,
                "incoming_packets": first + 7,
                "outgoing_packets": first + 14,
                "incoming_bytes": first + 21,
                "outgoing_bytes": first + 28,
            })
        };
        assert_eq!(
            services(&[(samples::service(), vec![samples::destination()])]),
            json!({
                "ipvs": { "version": "1.2.3", "connection_table_size": 4096 },
                "services": [{
                    "protocol": "tcp",
                    "address": "192.0.2.1",
                    "port": 443,
                    "firewall_mark": null,
                    "family": "ipv4",
                    "scheduler": "sh",
                    "scheduler_flags": ["sh-fallback", "sh-port"],
                    "persistence": {
                        "timeout_seconds": 360,
                        "netmask": "255.255.254.0",
                        "prefix_length": null,
                    },
                    "persistence_engine": "sip",
                    "one_packet": true,
                    "counters": numbers(2001),
                    "rates": numbers(2036),
                    "real_servers": [{
                        "address": "198.51.100.7",
                        "port": 8080,
                        "family": "ipv4",
                        "forwarding_method": "tunnel",
                        "tunnel": { "type": "gue", "port": 6081, "checksum": "remote" },
                        "weight": 31,
                        "drain_state": null,
                        "upper_threshold": 1009,
                        "lower_threshold": 805,
                        "active_connections": 62,
                        "inactive_connections": 47,
                        "persistent_connections": 58,
                        "counters": numbers(3002),
                        "rates": numbers(3037),
                    }],
                }],
            })
        );
    }

    #[test]
    fn counters_that_stand_still_are_null_and_connections_stay() {
        let items = [(samples::service(), vec![samples::destination()])];
        let mut expected = services(&items);
        let service = &mut expected["services"][0];
        for path in ["", "/real_servers/0"] {
            let item = service.pointer_mut(path).unwrap();
            assert!(item["counters"].is_object() && item["rates"].is_object());
            (item["counters"], item["rates"]) = (Value::Null, Value::Null);
        }
        assert_eq!(
            services_with(Some(Standstill::NoProcessor), &items),
            expected
        );
    }

    #[test]
    fn timeouts_sync_daemons_and_connections_are_documents() {
        let mut out = Vec::new();
        write_timeouts(&mut out, &samples::TIMEOUTS);
        assert_eq!(
            checked(&out)["timeouts"],
            json!({ "tcp_seconds": 960, "tcp_fin_seconds": 75, "udp_seconds": 7200 })
        );
        let mut out = Vec::new();
        write_sync_daemons(&mut out, &samples::sync_daemon_states());
        assert_eq!(
            checked(&out)["sync_daemons"],
            json!([{
                "role": "master",
                "interface": "eth1",
                "sync_id": 17,
                "max_length": 1472,
                "group": "224.0.0.83",
                "port": 8849,
                "ttl": 5,
                "connections_learnt": null,
                "datagrams_dropped": null,
            }, {
                "role": "backup",
                "interface": "eth1",
                "sync_id": 31,
                "max_length": 1472,
                "group": "224.0.0.83",
                "port": 8849,
                "ttl": 5,
                "connections_learnt": 10_453,
                "datagrams_dropped": 29,
            }])
        );
        let connection = Connection {
            protocol: b"TCP",
            client: ("192.0.2.9".parse().unwrap(), 40_000),
            service: ("192.0.2.1".parse().unwrap(), 443),
            destination: ("198.51.100.7".parse().unwrap(), 8080),
            state: b"SYN_RECV",
            origin: Some(Origin::Sync),
            seconds: 59,
            engine: None,
        };
        let mut out = Vec::new();
        let mut document = Document::of_connections(&mut out);
        document.connection(&mut out, &connection);
        document.end(&mut out);
        assert_eq!(
            checked(&out)["connections"],
            json!([{
                "protocol": "tcp",
                "state": "SYN_RECV",
                "origin": "sync",
                "expires_in_seconds": 59,
                "client": { "address": "192.0.2.9", "port": 40_000 },
                "service": { "address": "192.0.2.1", "port": 443 },
                "real_server": { "address": "198.51.100.7", "port": 8080 },
                "persistence_engine": null,
            }])
        );
    }

    #[test]
    fn numbers_are_exact_up_to_the_last() {
        let mut service = samples::service();
        service.statistics.incoming_bytes = u64::MAX;
        service.statistics.outgoing_byte_rate = (1 << 53) + 1;
        let document = services(&[(service, Vec::new())]);
        let service = &document["services"][0];
        assert_eq!(service["counters"]["incoming_bytes"], u64::MAX);
        assert_eq!(service["rates"]["outgoing_bytes"], (1u64 << 53) + 1);
    }

    #[test]
    fn a_server_of_weight_0_is_draining_until_nobody_is_on_it() {
        let told = |active, inactive, persistent| {
            let mut server = samples::destination();
            server.destination.weight = 0;
            server.active_connections = active;
            server.inactive_connections = inactive;
            server.persistent_connections = persistent;
            let document = services(&[(samples::service(), vec![server])]);
            document["services"][0]["real_servers"][0]["drain_state"].clone()
        };
        assert_eq!(told(0, 0, 0), "drained");
        for (active, inactive, persistent) in [(2, 0, 0), (0, 3, 0), (0, 0, 4)] {
            assert_eq!(told(active, inactive, persistent), "draining");
        }
    }

    #[test]
    fn a_fault_is_a_document() {
        let mut out = Vec::new();
        write_fault(&mut out, b"No such\nservice\n");
        assert_eq!(checked(&out)["error"], "No such\nservice");
    }

    #[test]
    fn counts_are_called_by_their_keys() {
        let address = "192.0.2.1".parse().unwrap();
        let odd = KernelName::from("\"odd\"");
        for (key, counted, name) in [
            ("client", Counted::Client(address), "192.0.2.1"),
            ("server", Counted::Server(address, 80), "192.0.2.1:80"),
            (
                "service",
                Counted::Service(odd, address, 80),
                "\"odd\" 192.0.2.1:80",
            ),
            ("state", Counted::State(odd), "\"odd\""),
        ] {
            let counts = [3, 2].map(|connections| Count {
                counted,
                connections,
            });
            let mut out = Vec::new();
            write_counts(&mut out, key, &counts);
            let document = checked(&out);
            assert_eq!(document["total"], 5);
            assert_eq!(document["counts"][0][key], name);
            assert_eq!(document["counts"][1]["connections"], 2);
        }
        let mut out = Vec::new();
        write_counts(&mut out, "client", &[]);
        assert_eq!(out, b"{\"counts\":[],\"total\":0}\n");
        let all = Count {
            counted: Counted::Total,
            connections: 7,
        };
        out.clear();
        write_counts(&mut out, "total", &[all]);
        assert_eq!(out, b"{\"counts\":[],\"total\":7}\n");
    }

    #[test]
    fn every_kind_of_service_and_server_is_told() {
        let marked = ServiceState {
            service: VirtualService {
                identity: ServiceIdentity::FirewallMark {
                    mark: u32::MAX,
                    family: AddressFamily::Ipv6,
                },
                netmask: Netmask::Ipv6(64),
                persistence_engine: KernelName::default(),
                ..samples::service().service
            },
            ..samples::service()
        };
        let gue = Encapsulation::Gue {
            port: 6080,
            checksum: TunnelChecksum::Remote,
        };
        let gre = Encapsulation::Gre {
            checksum: TunnelChecksum::Full,
        };
        let methods = [
            ForwardingMethod::Masquerading,
            ForwardingMethod::Local,
            ForwardingMethod::DirectRouting,
            ForwardingMethod::Tunnel(Encapsulation::Ipip),
            ForwardingMethod::Tunnel(gue),
            ForwardingMethod::Tunnel(gre),
        ];
        let document = services(&[
            (samples::service(), methods.map(destination).to_vec()),
            (marked, Vec::new()),
        ]);
        let [first, second] = [0, 1].map(|index| &document["services"][index]);
        assert_eq!(second["firewall_mark"], u32::MAX);
        assert_eq!(second["persistence"]["prefix_length"], 64);
        assert_eq!(second["persistence_engine"], Value::Null);
        let server = |index: usize| &first["real_servers"][index];
        let told = [0, 1, 2, 3].map(|index| server(index)["forwarding_method"].clone());
        assert_eq!(told, ["masquerading", "local", "direct_routing", "tunnel"]);
        assert_eq!(server(0)["tunnel"], Value::Null);
        assert_eq!(
            server(4)["tunnel"],
            json!({ "type": "gue", "port": 6080, "checksum": "remote" })
        );
        assert_eq!(server(5)["tunnel"]["checksum"], "full");
    }

    #[test]
    fn an_empty_table_is_a_document_too() {
        assert_eq!(services(&[])["services"], json!([]));
        let mut out = Vec::new();
        Document::of_connections(&mut out).end(&mut out);
        assert_eq!(checked(&out), json!({ "connections": [] }));
    }

    #[test]
    fn text_that_is_not_utf8_leaves_a_document_that_can_be_read() {
        let daemon = SyncDaemon {
            role: SyncDaemonRole::Backup,
            interface: KernelName::truncated(b"a\xffb\"\n"),
            sync_id: 7,
            max_length: None,
            group: Some("224.0.0.81".parse().unwrap()),
            port: Some(8848),
            ttl: None,
        };
        let mut out = Vec::new();
        let state = SyncDaemonState {
            daemon,
            ..samples::sync_daemon_states()[0]
        };
        write_sync_daemons(&mut out, &[state]);
        let document = checked(&out);
        assert_eq!(
            document["sync_daemons"][0]["interface"], "a\u{fffd}b\"\n",
            "{document}"
        );

        let connection = Connection {
            protocol: b"UDP",
            client: ("10.0.0.2".parse().unwrap(), 0),
            service: ("10.0.0.1".parse().unwrap(), 5060),
            destination: ("192.168.0.2".parse().unwrap(), 5060),
            state: b"UDP",
            origin: Some(Origin::Local),
            seconds: 290,
            engine: Some((b"sip", b"\xfe1@x")),
        };
        let mut out = Vec::new();
        let mut document = Document::of_connections(&mut out);
        for _ in 0..2 {
            document.connection(&mut out, &connection);
        }
        document.end(&mut out);
        let document = checked(&out);
        let connection = &document["connections"][1];
        assert_eq!(connection["persistence_engine"]["data"], "\u{fffd}1@x");
        assert_eq!(connection["origin"], "local");
        assert_eq!(connection["client"]["address"], "10.0.0.2");
        assert_eq!(connection["expires_in_seconds"], 290);
    }

    #[test]
    fn timeouts_are_told_in_seconds() {
        let mut out = Vec::new();
        let timeouts = Timeouts {
            tcp: 900,
            tcp_fin: 120,
            udp: 300,
        };
        write_timeouts(&mut out, &timeouts);
        assert_eq!(checked(&out)["timeouts"]["tcp_fin_seconds"], 120);
    }
}
