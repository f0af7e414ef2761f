//! Samples for unit tests of what reads and writes a table. No two of their numbers are equal, so
//! that one in another's place is seen.

#![forbid(unsafe_code)]

use crate::model::{
    Destination, DestinationIdentity, DestinationState, Encapsulation, ForwardingMethod,
    KernelInfo, KernelName, Netmask, Protocol, SchedulerFlags, ServiceIdentity, ServiceState,
    Statistics, SyncDaemon, SyncDaemonRole, SyncDaemonState, Timeouts, TunnelChecksum,
    VirtualService,
};
use crate::screen::Screen;

pub const INFO: KernelInfo = KernelInfo {
    version: 0x01_02_03,
    connection_table_size: 4096,
};

pub const TIMEOUTS: Timeouts = Timeouts {
    tcp: 960,
    tcp_fin: 75,
    udp: 7200,
};

/// Returns a screen that shows all marks, and no colours.
pub const fn screen(width: usize) -> Screen {
    Screen {
        width,
        has_colours: false,
        has_unicode: true,
        has_fine_marks: true,
    }
}

/// Returns a screen that shows ASCII and no colours.
pub const fn ascii_screen(width: usize) -> Screen {
    Screen {
        has_unicode: false,
        has_fine_marks: false,
        ..screen(width)
    }
}

/// Returns ten numbers that begin with `first`, each seven more than the last.
pub fn statistics(first: u64) -> Statistics {
    Statistics {
        connections: first,
        incoming_packets: first + 7,
        outgoing_packets: first + 14,
        incoming_bytes: first + 21,
        outgoing_bytes: first + 28,
        connection_rate: first + 35,
        incoming_packet_rate: first + 42,
        outgoing_packet_rate: first + 49,
        incoming_byte_rate: first + 56,
        outgoing_byte_rate: first + 63,
    }
}

/// Returns a service that has all that a service can have.
pub fn service() -> ServiceState {
    ServiceState {
        service: VirtualService {
            identity: ServiceIdentity::Endpoint {
                protocol: Protocol::Tcp,
                address: "192.0.2.1".parse().unwrap(),
                port: 443,
            },
            scheduler: KernelName::from("sh"),
            scheduler_flags: SchedulerFlags::from_bits(0b011),
            persistence_timeout: Some(360),
            netmask: Netmask::Ipv4("255.255.254.0".parse().unwrap()),
            persistence_engine: KernelName::from("sip"),
            one_packet: true,
        },
        statistics: statistics(2001),
    }
}

/// Returns a destination that has all that a destination can have.
pub fn destination() -> DestinationState {
    DestinationState {
        destination: Destination {
            identity: DestinationIdentity {
                address: "198.51.100.7".parse().unwrap(),
                port: 8080,
            },
            forwarding_method: ForwardingMethod::Tunnel(Encapsulation::Gue {
                port: 6081,
                checksum: TunnelChecksum::Remote,
            }),
            weight: 31,
            upper_threshold: 1009,
            lower_threshold: 805,
        },
        active_connections: 62,
        inactive_connections: 47,
        persistent_connections: 58,
        statistics: statistics(3002),
    }
}

/// Returns a master, and a backup of which all is known.
pub fn sync_daemon_states() -> [SyncDaemonState; 2] {
    let master = sync_daemon();
    let backup = SyncDaemon {
        role: SyncDaemonRole::Backup,
        sync_id: 31,
        ..master
    };
    [
        SyncDaemonState {
            daemon: master,
            learnt: None,
            dropped: None,
        },
        SyncDaemonState {
            daemon: backup,
            learnt: Some(10_453),
            dropped: Some(29),
        },
    ]
}

/// Returns a sync daemon of which the kernel reports all that it can.
pub fn sync_daemon() -> SyncDaemon {
    SyncDaemon {
        role: SyncDaemonRole::Master,
        interface: KernelName::from("eth1"),
        sync_id: 17,
        max_length: Some(1472),
        group: Some("224.0.0.83".parse().unwrap()),
        port: Some(8849),
        ttl: Some(5),
    }
}
