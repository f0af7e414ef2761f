//! Holds what a diagnosis knows: the table, the director's network and settings, the connections,
//! and what probing has brought. Plain values, joined so that a check finds all of a server with
//! the server.
//!
//! A fact that could not be read is `None`, or looks as if all were well: a check accuses nobody for
//! want of knowledge.

#![forbid(unsafe_code)]

use std::collections::BTreeSet;
use std::net::IpAddr;

use crate::diagnose::listen::listened::{Funnel, Listened};
use crate::diagnose::probe::Probed;
use crate::model::{
    DestinationIdentity, DestinationState, ForwardingMethod, ServiceIdentity, ServiceState,
    Standstill, Statistics, SyncDaemon, SyncDaemonRole, Timeouts,
};

/// The facts of a diagnosis.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    pub director: Director,
    pub services: Vec<Service>,
    /// Connections to what is no server of their service any more.
    pub strays: Vec<Strays>,
    pub is_probed: bool,
    /// The attempts that were heard, where somebody listened.
    pub listened: Option<Listened>,
}

/// The times since the machine booted that there was no room for a further neighbour.
#[derive(Clone, Copy, Debug, Default)]
pub struct NeighboursRefused {
    /// In the table of ARP.
    pub ipv4: u64,
    /// In the table of IPv6's neighbour discovery.
    pub ipv6: u64,
}

/// The machine itself.
#[derive(Clone, Debug, Default)]
pub struct Director {
    /// Why the kernel has no IPVS, where it has none.
    pub missing_module: Option<MissingModule>,
    pub interfaces: Vec<Interface>,
    pub daemons: Vec<SyncDaemon>,
    /// Datagrams that found no room at the backup daemon's socket since it was started.
    pub sync_drops: u64,
    /// Those of them that came between the two looks, half a second apart.
    pub sync_drops_added: u64,
    pub timeouts: Timeouts,
    pub settings: Settings,
    pub conntrack: Option<Conntrack>,
    /// Packets that failed the check of their source since the machine booted.
    pub reverse_path_drops: u64,
    /// Those of them that came between the two looks, half a second apart.
    pub reverse_path_drops_added: u64,
    pub neighbours_refused: NeighboursRefused,
    /// Connections that IPVS knows: as the kernel counts them (`Conns:`), or as many as were read.
    pub connections: Option<u64>,
    /// Buckets of the connection table; `None` for one that grows.
    pub fixed_buckets: Option<u32>,
    /// Sources that could not be read, for want of `/proc` or of rights.
    pub unread: Vec<&'static str>,
    /// Connections that were looked at, if there were more.
    pub connections_cut_at: Option<usize>,
}

impl Director {
    /// Returns the sync daemon of a role, if one runs.
    pub fn daemon(&self, role: SyncDaemonRole) -> Option<&SyncDaemon> {
        self.daemons.iter().find(|daemon| daemon.role == role)
    }

    /// Returns the interface with an index, if there is one.
    pub fn interface(&self, index: u32) -> Option<&Interface> {
        let mut interfaces = self.interfaces.iter();
        interfaces.find(|interface| interface.index == index)
    }

    /// Returns true if an address is one of the director's own.
    pub fn has(&self, address: IpAddr) -> bool {
        let mut interfaces = self.interfaces.iter();
        interfaces.any(|interface| interface.has(address))
    }
}

/// Why there is no IPVS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MissingModule {
    /// The kernel, as `uname -r` names it.
    pub release: String,
    pub reason: MissingReason,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MissingReason {
    /// The modules of this kernel are not here, as in a container.
    NoModulesHere,
    /// They are, without IPVS.
    NotAmongThem,
    /// It is among them, and this process may not load it.
    NotAllowed,
    /// It is among them, and not loaded.
    NotLoaded,
}

/// The kernel's counter of packets that came in by an interface that their answers would not take.
pub const REVERSE_PATH_DROPS: &str = "IPReversePathFilter";

/// Settings of the kernel, by their names in `/proc/sys/net/ipv4/vs` or as said.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    pub am_droprate: u32,
    pub backup_only: bool,
    /// The most connections, where the kernel has such a limit.
    pub conn_max: Option<u64>,
    pub conntrack: bool,
    pub drop_entry: u32,
    pub drop_packet: u32,
    pub expire_nodest_conn: bool,
    pub expire_quiescent_template: bool,
    /// Why counters stand still, if they do.
    pub standstill: Option<Standstill>,
    /// `net.core.rmem_max`: no socket is given more room, in bytes. `None` where it is not told.
    pub rmem_max: Option<u64>,
    /// In bytes; 0 leaves it to the machine.
    pub sync_sock_size: u64,
    /// `net.ipv4.ip_forward`.
    pub forwards_ipv4: bool,
    /// `net.ipv6.conf.all.forwarding`.
    pub forwards_ipv6: bool,
}

/// The use of the firewall's table of connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Conntrack {
    pub count: u64,
    pub max: u64,
}

/// The address of a network card.
pub type HardwareAddress = [u8; 6];

/// A network interface.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Interface {
    pub index: u32,
    pub name: String,
    pub is_up: bool,
    /// There is a link: a cable, and somebody at its other end.
    pub has_link: bool,
    pub is_loopback: bool,
    /// As `ip -d link` names it: `dummy`, `bridge`, `vrf`; empty for a card.
    pub kind: String,
    /// The index of the interface that it is a port of.
    pub master: Option<u32>,
    /// Asks by ARP or neighbour discovery for who it sends to, and answers who asks.
    pub asks_neighbours: bool,
    /// In bytes.
    pub mtu: u32,
    /// Only where its packets travel in Ethernet frames.
    pub hardware: Option<HardwareAddress>,
    /// With the lengths of their prefixes.
    pub addresses: Vec<(IpAddr, u8)>,
    /// Forwards IPv4.
    pub forwards_ipv4: bool,
    /// Drops packets whose answers would leave elsewhere (`rp_filter` 1).
    pub is_strict: bool,
    /// Is silent about addresses of other interfaces (`arp_ignore`).
    pub hides_others: bool,
}

impl Interface {
    /// Returns true if an address is in one of its networks.
    pub fn has_on_link(&self, address: IpAddr) -> bool {
        self.addresses
            .iter()
            .any(|(own, length)| is_in(address, *own, *length))
    }

    /// Returns true if it has a link, or needs none to be of use: a dummy, or a bridge without
    /// ports, may be there for its addresses alone.
    pub fn can_be_reached(&self) -> bool {
        let needs_none = !self.asks_neighbours || matches!(self.kind.as_str(), "dummy" | "bridge");
        needs_none || self.is_up && self.has_link
    }

    /// Returns true if an address is its own.
    pub fn has(&self, address: IpAddr) -> bool {
        self.addresses.iter().any(|(own, _)| *own == address)
    }
}

/// Returns the length of the prefix of a single address, in bits.
pub fn whole_length(address: IpAddr) -> u8 {
    match address {
        IpAddr::V4(_) => 32,
        IpAddr::V6(_) => 128,
    }
}

/// Returns true if the first `length` bits of two addresses are the same.
pub fn is_in(address: IpAddr, network: IpAddr, length: u8) -> bool {
    let bits = |address| match address {
        IpAddr::V4(address) => (u128::from(u32::from(address)) << 96, 32),
        IpAddr::V6(address) => (u128::from(address), 128),
    };
    let ((address, width), (network, other_width)) = (bits(address), bits(network));
    let differing = address ^ network;
    width == other_width && (length == 0 || differing >> (128 - u32::from(length.min(128))) == 0)
}

/// A way that the kernel sends packets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Route {
    /// To itself: the address is the director's own.
    Local,
    /// Out of an interface.
    Out(Way),
    /// Not at all.
    #[default]
    Nowhere,
    /// A packet that comes in there fails the check of its source (`rp_filter`).
    Refused,
}

impl Route {
    /// The way out, if it is one.
    pub fn way(self) -> Option<Way> {
        match self {
            Route::Out(way) => Some(way),
            Route::Local | Route::Nowhere | Route::Refused => None,
        }
    }
}

/// The way to an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Way {
    /// The interface's index.
    pub interface: u32,
    pub gateway: Option<IpAddr>,
    /// The address that the director sends from.
    pub source: Option<IpAddr>,
    /// In bytes, where the route has one of its own.
    pub mtu: Option<u32>,
}

impl Way {
    /// Returns the next machine on the way to an address: the gateway, or who has the address.
    pub fn next_hop(self, to: IpAddr) -> IpAddr {
        self.gateway.unwrap_or(to)
    }
}

/// A virtual service.
#[derive(Clone, Debug)]
pub struct Service {
    pub state: ServiceState,
    /// The route of packets to its address: to the director itself if that is so for those that
    /// come in by some interface, or with some mark that a rule of routing asks for. None for a
    /// firewall mark.
    pub address: Option<Route>,
    pub servers: Vec<Server>,
    /// Growth of its counters between two looks; see [`Traffic::growth`].
    pub growth: Growth,
    /// The steps that attempts reached, where somebody listened.
    pub attempts: Funnel,
    /// Other machines that call its address their own.
    pub rivals: Vec<Rival>,
}

impl Service {
    /// Returns a service and its servers of which nothing else is known yet.
    pub fn new(state: ServiceState, servers: Vec<Server>) -> Service {
        Service {
            state,
            address: None,
            servers,
            growth: Growth::default(),
            attempts: Funnel::default(),
            rivals: Vec::new(),
        }
    }

    pub fn identity(&self) -> ServiceIdentity {
        self.state.service.identity
    }

    /// Its address; none for a firewall mark.
    pub fn virtual_address(&self) -> Option<IpAddr> {
        match self.identity() {
            ServiceIdentity::Endpoint { address, .. } => Some(address),
            ServiceIdentity::FirewallMark { .. } => None,
        }
    }
}

/// A machine that calls an address its own which is the director's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rival {
    pub hardware: HardwareAddress,
    /// The address of the real server that has this network card, if one does.
    pub server: Option<IpAddr>,
    /// Whom it asks for in that address's name; none where it answers for it.
    pub asks_for: Option<IpAddr>,
}

/// A real server of a virtual service.
#[derive(Clone, Debug)]
pub struct Server {
    pub state: DestinationState,
    pub route: Route,
    /// The next machine on the way to it, as the director knows it.
    pub next_hop: Option<Neighbour>,
    pub traffic: Traffic,
    /// The clients that wait for it and that its answers, once they come in here, do not go on to:
    /// with where they go instead.
    pub lost_clients: Vec<(IpAddr, Route)>,
    /// A socket listens; known only if the server is the director itself.
    pub listens: Option<bool>,
    /// Its answer to the probe.
    pub probed: Option<Probed>,
}

impl Server {
    /// Returns a server of which nothing else is known yet.
    pub fn new(state: DestinationState) -> Server {
        Server {
            state,
            route: Route::default(),
            next_hop: None,
            traffic: Traffic::default(),
            lost_clients: Vec::new(),
            listens: None,
            probed: None,
        }
    }

    pub fn identity(&self) -> DestinationIdentity {
        self.state.destination.identity
    }

    pub fn is_masqueraded(&self) -> bool {
        self.state.destination.forwarding_method == ForwardingMethod::Masquerading
    }

    /// Returns true if it gets new connections, be it that persistence brings clients back, or has
    /// open ones. A fault of any other server hurts nobody: connections that are over, or were never
    /// opened, wait for nothing any more.
    pub fn is_in_use(&self) -> bool {
        // The kernel's own count of active connections has those that are not open yet.
        let is_held_to = self.state.persistent_connections > 0 && self.traffic.waiting.count > 0;
        self.state.destination.weight > 0 || self.traffic.open > 0 || is_held_to
    }

    /// Returns true if it takes new connections.
    pub fn takes_connections(&self) -> bool {
        self.state.destination.weight > 0 && !self.state.is_full()
    }
}

/// A neighbour, as far as the director knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Neighbour {
    pub address: IpAddr,
    /// The interface's index.
    pub interface: u32,
    pub hardware: Option<HardwareAddress>,
    /// Was asked for its hardware address in vain of late, or is being asked.
    pub is_silent: bool,
}

/// The traffic of a server: connections and counters.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// The connections in `SYN_RECV`, for SCTP in `INIT`, whose last packet is between one second and
    /// half a minute old: long enough for an answer, and not long enough for a repair.
    pub waiting: Clients,
    /// Those of them whose last packet came after the last that was heard to go on.
    pub waiting_since_heard: u64,
    /// Those of the latter that may be health checks, whose clients reset what they are answered.
    pub waiting_like_checks: u64,
    /// The connections whose clients were heard to go on behind the handshake. By UDP nobody is.
    pub heard: Clients,
    /// Open connections, those of UDP too that had a datagram in the last ten seconds.
    pub open: u64,
    /// The connections of UDP, of the last minutes.
    pub datagrams: u64,
    /// The connections of TCP for one port that were reset in the last seconds, if those are most of
    /// all that were.
    pub reset: u64,
    /// The connections that were opened, by who made them.
    pub crowd: Crowd,
    /// Growth of the counters between two looks, half a second apart. The kernel adds up
    /// every two seconds, so that none does not mean that nothing came.
    pub growth: Growth,
    /// The steps that attempts reached, where somebody listened.
    pub attempts: Funnel,
}

impl Traffic {
    /// Returns how many of what waits since somebody was heard are no health checks.
    pub fn waiting_in_vain(&self) -> u64 {
        self.waiting_since_heard - self.waiting_like_checks
    }
}

/// Connections, and who made them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Clients {
    pub count: u64,
    /// The first thousand.
    pub addresses: BTreeSet<IpAddr>,
}

/// Opened connections of a server that are known, closed ones among them, and who made them. Clients
/// that persistence takes for one are one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Crowd {
    pub connections: u64,
    pub clients: u64,
    /// The client with the most connections, and their number.
    pub largest: Option<(IpAddr, u64)>,
}

/// Growth of counters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Growth {
    pub connections: u64,
    pub incoming_packets: u64,
    pub outgoing_packets: u64,
}

impl Growth {
    pub fn between(earlier: &Statistics, later: &Statistics) -> Growth {
        let added = |count: fn(&Statistics) -> u64| count(later).saturating_sub(count(earlier));
        Growth {
            connections: added(|counted| counted.connections),
            incoming_packets: added(|counted| counted.incoming_packets),
            outgoing_packets: added(|counted| counted.outgoing_packets),
        }
    }
}

/// Connections, open ones of TCP and any of UDP, to what is no server of their service any more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Strays {
    /// Their service, if that is there.
    pub service: Option<ServiceIdentity>,
    pub server: DestinationIdentity,
    pub count: u64,
    /// Those of them that are UDP's: clients may ask from another port next time.
    pub datagrams: u64,
}
