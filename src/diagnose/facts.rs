//! What a diagnosis knows: the table, the director's network and settings, the connections, and
//! what probing has brought. Plain values, joined so that a check finds all of a server with the
//! server.
//!
//! What could not be read is `None`, or looks as if all were well: a check accuses nobody for want
//! of knowledge.

#![forbid(unsafe_code)]

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr};

use crate::diagnose::probe::Probed;
use crate::model::{
    DestinationIdentity, DestinationState, ServiceIdentity, ServiceState, SyncDaemonRole, Timeouts,
};

/// Everything.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    pub director: Director,
    pub services: Vec<Service>,
    /// Connections to what is no server of their service any more.
    pub strays: Vec<Strays>,
    pub is_probed: bool,
}

/// The machine itself.
#[derive(Clone, Debug, Default)]
pub struct Director {
    /// Why the kernel has no IPVS, where it has none.
    pub missing_module: Option<MissingModule>,
    pub interfaces: Vec<Interface>,
    pub daemons: Vec<SyncDaemonRole>,
    pub timeouts: Timeouts,
    pub settings: Settings,
    pub conntrack: Option<Conntrack>,
    /// How many packets failed the check of their source since the machine booted.
    pub reverse_path_drops: u64,
    pub kernel: KernelVersion,
    /// How many connections were looked at, where there were more.
    pub connections_cut_at: Option<usize>,
}

/// The first three numbers of a kernel's release.
pub type KernelVersion = (u32, u32, u32);

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

/// Settings of the kernel, by their names in `/proc/sys/net/ipv4/vs` or as said.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    pub backup_only: bool,
    pub conn_reuse_mode: u32,
    pub conntrack: bool,
    pub expire_nodest_conn: bool,
    pub expire_quiescent_template: bool,
    /// `net.ipv4.ip_forward`.
    pub forwards_ipv4: bool,
    /// `net.ipv6.conf.all.forwarding`.
    pub forwards_ipv6: bool,
}

/// How full the firewall's table of connections is.
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
    /// Whether there is a link: a cable, and somebody at its other end.
    pub has_link: bool,
    pub is_loopback: bool,
    /// In bytes.
    pub mtu: u32,
    /// Only where its packets travel in Ethernet frames.
    pub hardware: Option<HardwareAddress>,
    /// With the lengths of their prefixes.
    pub addresses: Vec<(IpAddr, u8)>,
    /// Whether it forwards IPv4.
    pub forwards_ipv4: bool,
    /// Whether it drops packets whose answers would leave elsewhere (`rp_filter` 1).
    pub is_strict: bool,
    /// Whether it is silent on addresses of other interfaces (`arp_ignore`).
    pub hides_others: bool,
}

impl Interface {
    /// Whether an address is in one of its networks.
    pub fn has_on_link(&self, address: IpAddr) -> bool {
        self.addresses
            .iter()
            .any(|(own, length)| is_in(address, *own, *length))
    }

    /// Whether an address is its own.
    pub fn has(&self, address: IpAddr) -> bool {
        self.addresses.iter().any(|(own, _)| *own == address)
    }
}

/// Whether an address begins as another does, for so many bits.
pub fn is_in(address: IpAddr, network: IpAddr, length: u8) -> bool {
    let bits = |address| match address {
        IpAddr::V4(address) => (u128::from(u32::from(address)) << 96, 32),
        IpAddr::V6(address) => (u128::from(address), 128),
    };
    let ((address, width), (network, other_width)) = (bits(address), bits(network));
    let differing = address ^ network;
    width == other_width && (length == 0 || differing >> (128 - u32::from(length.min(128))) == 0)
}

/// How the kernel would send to an address.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Route {
    /// To itself: the address is the director's own.
    Local,
    /// Out of an interface.
    Out(Way),
    /// Not at all.
    #[default]
    Nowhere,
}

impl Route {
    /// The way out, if it is one.
    pub fn way(self) -> Option<Way> {
        match self {
            Route::Out(way) => Some(way),
            Route::Local | Route::Nowhere => None,
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

/// A virtual service.
#[derive(Clone, Debug)]
pub struct Service {
    pub state: ServiceState,
    /// How packets to its address go; none for a firewall mark.
    pub address: Option<Route>,
    pub servers: Vec<Server>,
    /// Who else answers ARP for its address.
    pub rivals: Vec<Rival>,
}

impl Service {
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

/// A machine that answers ARP for an address which is the director's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rival {
    pub hardware: HardwareAddress,
    /// Where a real server has this network card.
    pub server: Option<Ipv4Addr>,
}

/// A real server of a virtual service.
#[derive(Clone, Debug)]
pub struct Server {
    pub state: DestinationState,
    pub route: Route,
    /// What the director believes of the next machine on the way to it.
    pub next_hop: Option<Neighbour>,
    pub handshakes: Handshakes,
    /// Whether a socket listens, where the server is the director itself.
    pub listens: Option<bool>,
    /// What it said when it was asked.
    pub probed: Option<Probed>,
}

impl Server {
    pub fn identity(&self) -> DestinationIdentity {
        self.state.destination.identity
    }

    /// Whether it gets new connections or has open ones. What is wrong with another server hurts
    /// nobody: connections that are over, or were never opened, wait for nothing any more.
    pub fn is_in_use(&self) -> bool {
        // The kernel's own count of active connections has those that are not open yet.
        self.state.destination.weight > 0 || self.handshakes.open > 0
    }

    /// Whether it takes new connections.
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
    /// Whether it was asked for its hardware address in vain of late, or is being asked.
    pub is_silent: bool,
}

/// The connections of a server that are not beyond being opened, and those that are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Handshakes {
    /// The clients of those in `SYN_RECV`.
    pub stuck_clients: BTreeSet<IpAddr>,
    /// How many are in `SYN_RECV`.
    pub stuck: u64,
    /// The clients of those that are open.
    pub open_clients: BTreeSet<IpAddr>,
    /// How many are open.
    pub open: u64,
}

/// Open connections to what is no server of their service any more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Strays {
    /// Their service, if that is there.
    pub service: Option<ServiceIdentity>,
    pub server: DestinationIdentity,
    pub count: u64,
}
