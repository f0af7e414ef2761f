//! Facts to try checks on: a director where all is well, of which a test spoils one thing.

#![forbid(unsafe_code)]

use std::net::IpAddr;

use crate::diagnose::checks::judge;
use crate::diagnose::facts::{
    Director, Facts, Interface, Rival, Route, Server, Service, Settings, Strays, Way,
};
use crate::diagnose::findings::{Finding, Level};
use crate::diagnose::probe::{PortAnswer, Probed, WayBack};
use crate::model::{
    AddressFamily, Destination, DestinationIdentity, DestinationState, ForwardingMethod,
    KernelName, Netmask, Protocol, SchedulerFlags, ServiceIdentity, ServiceState, Statistics,
    SyncDaemon, SyncDaemonRole, Timeouts, VirtualService,
};
use crate::samples;

/// The index of the interface to the servers.
pub const INNER: u32 = 2;

/// A sync daemon on the interface to the servers.
pub fn daemon(role: SyncDaemonRole) -> SyncDaemon {
    SyncDaemon {
        role,
        interface: KernelName::from("inner"),
        ..samples::sync_daemon()
    }
}

/// A service by the words that name it: `-t ADDR:PORT`, `-u ADDR:PORT` or `-f MARK`.
pub fn identity(words: &str) -> ServiceIdentity {
    let (option, value) = words.split_once(' ').unwrap();
    if option == "-f" {
        return ServiceIdentity::FirewallMark {
            mark: value.parse().unwrap(),
            family: AddressFamily::Ipv4,
        };
    }
    let place: std::net::SocketAddr = value.parse().unwrap();
    ServiceIdentity::Endpoint {
        protocol: match option {
            "-t" => Protocol::Tcp,
            "--sctp-service" => Protocol::Sctp,
            _ => Protocol::Udp,
        },
        address: place.ip(),
        port: place.port(),
    }
}

/// A service that packets come to, without servers.
pub fn service(words: &str) -> Service {
    let identity = identity(words);
    let state = ServiceState {
        service: VirtualService {
            identity,
            scheduler: KernelName::from("rr"),
            scheduler_flags: SchedulerFlags::default(),
            persistence_timeout: None,
            netmask: Netmask::single_host(identity.family()),
            persistence_engine: KernelName::default(),
            one_packet: false,
        },
        statistics: Statistics {
            connections: 7,
            incoming_packets: 40,
            ..Statistics::default()
        },
    };
    Service {
        address: matches!(identity, ServiceIdentity::Endpoint { .. }).then_some(Route::Local),
        ..Service::new(state, Vec::new())
    }
}

/// A masqueraded server in the inner network, which answers.
pub fn server(place: &str) -> Server {
    let place: std::net::SocketAddr = place.parse().unwrap();
    let state = DestinationState {
        destination: Destination {
            identity: DestinationIdentity {
                address: place.ip(),
                port: place.port(),
            },
            forwarding_method: ForwardingMethod::Masquerading,
            weight: 1,
            upper_threshold: 0,
            lower_threshold: 0,
        },
        active_connections: 0,
        inactive_connections: 0,
        persistent_connections: 0,
        statistics: Statistics {
            connections: 7,
            incoming_packets: 40,
            outgoing_packets: 40,
            ..Statistics::default()
        },
    };
    Server {
        route: Route::Out(Way {
            interface: INNER,
            gateway: None,
            source: Some(IpAddr::from([10, 0, 0, 1])),
            mtu: None,
        }),
        ..Server::new(state)
    }
}

/// A service with two servers on a director where all is well.
pub fn healthy() -> Facts {
    let interface = |index, name: &str, address: IpAddr| Interface {
        index,
        name: name.to_owned(),
        is_up: true,
        has_link: true,
        is_loopback: name == "lo",
        kind: String::new(),
        master: None,
        asks_neighbours: true,
        mtu: 1500,
        hardware: (name != "lo").then_some([2, 0, 0, 0, 0, 1]),
        addresses: vec![(address, if name == "lo" { 8 } else { 24 })],
        forwards_ipv4: true,
        is_strict: false,
        hides_others: false,
    };
    let mut service = service("-t 192.0.2.1:80");
    service.servers = vec![server("10.0.0.10:80"), server("10.0.0.20:80")];
    Facts {
        director: Director {
            interfaces: vec![
                interface(1, "lo", IpAddr::from([127, 0, 0, 1])),
                interface(INNER, "inner", IpAddr::from([10, 0, 0, 1])),
                interface(3, "public", IpAddr::from([192, 0, 2, 1])),
            ],
            timeouts: Timeouts {
                tcp: 7260,
                tcp_fin: 120,
                udp: 300,
            },
            settings: Settings {
                forwards_ipv4: true,
                forwards_ipv6: true,
                ..Settings::default()
            },
            ..Director::default()
        },
        services: vec![service],
        ..Facts::default()
    }
}

/// No finding.
pub const NONE: [(&str, Level); 0] = [];

/// The first server of the first service.
pub fn first(facts: &mut Facts) -> &mut Server {
    &mut facts.services[0].servers[0]
}

/// Zeroes all counters: no packet ever came.
pub fn quiet(facts: &mut Facts) {
    for service in &mut facts.services {
        service.state.statistics = Statistics::default();
        for server in &mut service.servers {
            server.state.statistics = Statistics::default();
        }
    }
}

/// Makes clients wait for a server in vain.
pub fn keep_waiting(server: &mut Server, count: u64) {
    server.traffic.waiting.count = count;
    server.traffic.waiting.addresses = [IpAddr::from([198, 51, 100, 7])].into();
    server.traffic.waiting_since_heard = count;
}

/// Sets the forwarding method of all servers of the first service.
pub fn forward_by(facts: &mut Facts, method: ForwardingMethod) {
    for server in &mut facts.services[0].servers {
        server.state.destination.forwarding_method = method;
    }
}

/// Connections to a server that is none any more.
pub fn strays(count: u64) -> Strays {
    Strays {
        service: Some(identity("-t 192.0.2.1:80")),
        server: server("10.0.0.30:80").identity(),
        count,
        datagrams: 0,
    }
}

/// Somebody else at the service's address.
pub fn rival(server: Option<[u8; 4]>) -> Rival {
    Rival {
        hardware: [2, 0, 0, 0, 0, 0xbc],
        server: server.map(IpAddr::from),
        asks_for: None,
    }
}

/// A server's answer to the probe.
pub fn asked(port: PortAnswer, way_back: Option<WayBack>) -> Option<Probed> {
    Some(Probed::Asked {
        port,
        own_address_answers: None,
        way_back,
    })
}

/// The commands that a finding names.
pub fn commands(finding: &Finding) -> Vec<&str> {
    let remedy = finding.remedy.iter();
    remedy.map(|step| step.command.as_str()).collect()
}

/// Returns the ids and levels found in the healthy facts once `spoil` has been at them.
pub fn found(spoil: impl FnOnce(&mut Facts)) -> Vec<(&'static str, Level)> {
    findings(spoil)
        .into_iter()
        .map(|finding| (finding.id, finding.level))
        .collect()
}

/// Returns the whole findings.
pub fn findings(spoil: impl FnOnce(&mut Facts)) -> Vec<Finding> {
    let mut facts = healthy();
    spoil(&mut facts);
    judge(&facts)
}
