//! The values that the program speaks of: virtual services, destinations, connections, sync
//! daemons, timeouts, counters, and the changes that can be made to them.
//!
//! Plain values that do no input or output. The command line is read into them, the kernel client
//! sends and receives them, the printers show them; this module knows none of the three.
//!
//! Integers are in host byte order. Only the kernel client knows how things look on the wire.

#![forbid(unsafe_code)]

use std::fmt;
use std::net::{IpAddr, Ipv4Addr};

/// An address family. A firewall mark has one without having an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum AddressFamily {
    /// `AF_INET`.
    Ipv4,
    /// `AF_INET6`.
    Ipv6,
}

impl AddressFamily {
    pub fn of(address: IpAddr) -> AddressFamily {
        match address {
            IpAddr::V4(_) => AddressFamily::Ipv4,
            IpAddr::V6(_) => AddressFamily::Ipv6,
        }
    }

    /// Returns the kernel's number of the family (`<linux/socket.h>`).
    pub fn number(self) -> u16 {
        match self {
            AddressFamily::Ipv4 => libc::AF_INET as u16,
            AddressFamily::Ipv6 => libc::AF_INET6 as u16,
        }
    }

    /// Returns the family with this number, if it is one that IPVS knows.
    pub fn from_number(number: u16) -> Option<AddressFamily> {
        [AddressFamily::Ipv4, AddressFamily::Ipv6]
            .into_iter()
            .find(|family| family.number() == number)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Protocol {
    /// `IPPROTO_TCP`, 6.
    Tcp,
    /// `IPPROTO_UDP`, 17.
    Udp,
    /// `IPPROTO_SCTP`, 132.
    Sctp,
}

impl Protocol {
    /// Every protocol.
    pub const ALL: [Protocol; 3] = [Protocol::Tcp, Protocol::Udp, Protocol::Sctp];

    /// Returns the protocol's number in an IP header.
    pub fn number(self) -> u16 {
        match self {
            Protocol::Tcp => libc::IPPROTO_TCP as u16,
            Protocol::Udp => libc::IPPROTO_UDP as u16,
            Protocol::Sctp => libc::IPPROTO_SCTP as u16,
        }
    }

    /// Returns the protocol with this number, if it is one that IPVS balances.
    pub fn from_number(number: u16) -> Option<Protocol> {
        Protocol::ALL
            .into_iter()
            .find(|protocol| protocol.number() == number)
    }

    /// Returns the protocol with this label, if it is one whose ports have names.
    pub fn from_label(label: &[u8]) -> Option<Protocol> {
        Protocol::ALL
            .into_iter()
            .find(|protocol| protocol.label().as_bytes() == label)
    }

    /// Returns the name in upper case, as listings print it.
    pub fn label(self) -> &'static str {
        match self {
            Protocol::Tcp => "TCP",
            Protocol::Udp => "UDP",
            Protocol::Sctp => "SCTP",
        }
    }

    /// Returns the name as the services database spells it.
    pub fn name(self) -> &'static str {
        match self {
            Protocol::Tcp => "tcp",
            Protocol::Udp => "udp",
            Protocol::Sctp => "sctp",
        }
    }
}

/// A name that the kernel stores in 16 bytes, the last of them a NUL: of a scheduler, a persistence
/// engine or an interface (`IP_VS_SCHEDNAME_MAXLEN`, `IP_VS_PENAME_MAXLEN`, `IP_VS_IFNAME_MAXLEN`
/// of `<linux/ip_vs.h>`).
///
/// Any bytes but NUL; it need not be UTF-8.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct KernelName {
    bytes: [u8; KernelName::MAX_LENGTH],
    length: u8,
}

impl KernelName {
    /// The most bytes a name holds.
    pub const MAX_LENGTH: usize = 15;

    /// Returns the name made of `word`, cut at its first NUL and after [`KernelName::MAX_LENGTH`]
    /// bytes, as the reference cuts longer words (`tests/parity/ipvsadm-1.31.md`, section 3).
    pub fn truncated(word: &[u8]) -> KernelName {
        let mut name = KernelName::default();
        for (slot, &byte) in name.bytes.iter_mut().zip(word) {
            if byte == 0 {
                break;
            }
            *slot = byte;
            name.length += 1;
        }
        name
    }

    /// Returns the bytes of the name, without a NUL.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.length)]
    }

    pub fn is_empty(&self) -> bool {
        self.length == 0
    }
}

impl From<&str> for KernelName {
    fn from(word: &str) -> KernelName {
        KernelName::truncated(word.as_bytes())
    }
}

/// For hints, which are read by people. Output that is read back takes [`KernelName::as_bytes`].
impl fmt::Display for KernelName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&String::from_utf8_lossy(self.as_bytes()))
    }
}

impl fmt::Debug for KernelName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&String::from_utf8_lossy(self.as_bytes()), f)
    }
}

/// The identity of a virtual service: no two in the kernel's table have the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ServiceIdentity {
    /// A protocol, an address and a port; port 0 is every port.
    Endpoint {
        protocol: Protocol,
        address: IpAddr,
        /// The port, host byte order.
        port: u16,
    },
    /// Every packet that the firewall marked.
    FirewallMark {
        /// The mark, never 0.
        mark: u32,
        family: AddressFamily,
    },
}

impl ServiceIdentity {
    /// Returns the family of the packets that the service takes.
    pub fn family(&self) -> AddressFamily {
        match *self {
            ServiceIdentity::Endpoint { address, .. } => AddressFamily::of(address),
            ServiceIdentity::FirewallMark { family, .. } => family,
        }
    }

    /// Returns the port, host byte order; 0 for a firewall mark.
    pub fn port(&self) -> u16 {
        match *self {
            ServiceIdentity::Endpoint { port, .. } => port,
            ServiceIdentity::FirewallMark { .. } => 0,
        }
    }

    /// Returns the protocol whose service names apply to the ports of the service and of its
    /// destinations; none for a firewall mark, whose ports stay numbers.
    pub fn protocol(&self) -> Option<Protocol> {
        match *self {
            ServiceIdentity::Endpoint { protocol, .. } => Some(protocol),
            ServiceIdentity::FirewallMark { .. } => None,
        }
    }
}

/// The bits of a client's address that count for persistence: clients that are equal in them share
/// one entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Netmask {
    /// A dotted mask.
    Ipv4(Ipv4Addr),
    /// A prefix length, 1 to 128.
    Ipv6(u32),
}

impl Netmask {
    /// Returns the mask under which no two clients are the same.
    pub fn single_host(family: AddressFamily) -> Netmask {
        match family {
            AddressFamily::Ipv4 => Netmask::Ipv4(Ipv4Addr::BROADCAST),
            AddressFamily::Ipv6 => Netmask::Ipv6(128),
        }
    }

    /// Returns an address with the bits alone that count.
    pub fn applied_to(self, address: IpAddr) -> IpAddr {
        match (self, address) {
            (Netmask::Ipv4(mask), IpAddr::V4(address)) => IpAddr::V4(address & mask),
            (Netmask::Ipv6(length), IpAddr::V6(address)) => {
                let mask = u128::MAX.checked_shl(128_u32.saturating_sub(length));
                IpAddr::V6((u128::from(address) & mask.unwrap_or(0)).into())
            }
            _ => address,
        }
    }

    pub fn is_single_host(self) -> bool {
        self == Netmask::Ipv4(Ipv4Addr::BROADCAST) || self == Netmask::Ipv6(128)
    }
}

/// The flags that a scheduler reads, three bits whose meaning is the scheduler's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub struct SchedulerFlags(u8);

/// Every flag word: its scheduler, where it belongs to one alone, and its bit.
const SCHEDULER_FLAG_WORDS: [(&str, Option<&str>, u8); 7] = [
    ("sh-fallback", Some("sh"), 0),
    ("sh-port", Some("sh"), 1),
    ("mh-fallback", Some("mh"), 0),
    ("mh-port", Some("mh"), 1),
    ("flag-1", None, 0),
    ("flag-2", None, 1),
    ("flag-3", None, 2),
];

impl SchedulerFlags {
    /// Makes the flags of three bits, `flag-1` in the lowest; others are dropped.
    pub fn from_bits(bits: u8) -> SchedulerFlags {
        SchedulerFlags(bits & 0b111)
    }

    /// Returns the three bits, `flag-1` in the lowest.
    pub fn bits(self) -> u8 {
        self.0
    }

    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Returns the flag that a word stands for, and the scheduler if it belongs to one alone;
    /// `None` if the word is no flag.
    pub fn from_word(word: &[u8]) -> Option<(SchedulerFlags, Option<&'static str>)> {
        let (_, scheduler, bit) = SCHEDULER_FLAG_WORDS
            .iter()
            .find(|(flag, ..)| flag.as_bytes() == word)?;
        Some((SchedulerFlags(1 << bit), *scheduler))
    }

    /// Returns the words of the flags that are set, spelled for `scheduler`. One with flag words of
    /// its own has no words for the other flags: it does not read them.
    pub fn words(self, scheduler: KernelName) -> impl Iterator<Item = &'static str> {
        let owner = SCHEDULER_FLAG_WORDS
            .iter()
            .filter_map(|(_, owner, _)| *owner)
            .find(|owner| owner.as_bytes() == scheduler.as_bytes());
        SCHEDULER_FLAG_WORDS
            .iter()
            .filter(move |(_, of, bit)| *of == owner && self.0 & (1 << *bit) != 0)
            .map(|(word, ..)| *word)
    }

    pub fn union(self, other: SchedulerFlags) -> SchedulerFlags {
        SchedulerFlags(self.0 | other.0)
    }
}

/// A virtual service as an administrator describes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VirtualService {
    pub identity: ServiceIdentity,
    /// The scheduler's name; `none` where the kernel runs without one.
    pub scheduler: KernelName,
    pub scheduler_flags: SchedulerFlags,
    /// For how many seconds a client stays with its real server; `None` is no persistence.
    pub persistence_timeout: Option<u32>,
    /// The mask of persistence; without persistence it means nothing.
    pub netmask: Netmask,
    /// The persistence engine, empty for none.
    pub persistence_engine: KernelName,
    /// True if each packet is scheduled by itself (UDP).
    pub one_packet: bool,
}

/// The way in which the header checksum of an encapsulated packet is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum TunnelChecksum {
    #[default]
    None,
    Full,
    /// A remote checksum (gue only).
    Remote,
}

impl TunnelChecksum {
    /// Returns the word that `-S` writes and the parser reads.
    pub fn option(self) -> &'static str {
        match self {
            TunnelChecksum::None => "--tun-nocsum",
            TunnelChecksum::Full => "--tun-csum",
            TunnelChecksum::Remote => "--tun-remcsum",
        }
    }
}

/// The kinds of tunnel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TunnelKind {
    /// IP in IP.
    Ipip,
    /// Generic UDP encapsulation.
    Gue,
    /// Generic routing encapsulation.
    Gre,
}

impl TunnelKind {
    /// Every kind.
    pub const ALL: [TunnelKind; 3] = [TunnelKind::Ipip, TunnelKind::Gue, TunnelKind::Gre];

    /// The word for each, in the order of [`TunnelKind::ALL`], with what it means.
    pub const WORDS: [(&str, &str); 3] = [
        ("ipip", "IP in IP"),
        ("gue", "generic UDP encapsulation"),
        ("gre", "generic routing encapsulation"),
    ];

    /// Returns the kind of this word.
    pub fn from_word(word: &[u8]) -> Option<TunnelKind> {
        TunnelKind::ALL
            .into_iter()
            .find(|kind| kind.word().as_bytes() == word)
    }

    /// Returns the word for it, on the command line and in documents.
    pub fn word(self) -> &'static str {
        TunnelKind::WORDS[self as usize].0
    }
}

/// The way in which a tunnelled packet is wrapped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Encapsulation {
    Ipip,
    Gue {
        /// The UDP port of the real server, host byte order.
        port: u16,
        checksum: TunnelChecksum,
    },
    Gre {
        checksum: TunnelChecksum,
    },
}

impl Encapsulation {
    /// Returns the kind of tunnel.
    pub fn kind(self) -> TunnelKind {
        match self {
            Encapsulation::Ipip => TunnelKind::Ipip,
            Encapsulation::Gue { .. } => TunnelKind::Gue,
            Encapsulation::Gre { .. } => TunnelKind::Gre,
        }
    }
}

/// The forwarding method: the way in which packets reach a real server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ForwardingMethod {
    /// Address translation, both ways through the director.
    Masquerading,
    /// The director itself is the real server. The kernel sets it; nobody asks for it.
    Local,
    /// Wrapped into another packet.
    Tunnel(Encapsulation),
    /// The frame's address is exchanged, the packet stays as it is.
    DirectRouting,
}

/// The identity of a destination: no two of a virtual service have the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DestinationIdentity {
    pub address: IpAddr,
    /// The port, host byte order.
    pub port: u16,
}

/// A destination (a real server of a virtual service) as an administrator describes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Destination {
    pub identity: DestinationIdentity,
    pub forwarding_method: ForwardingMethod,
    /// Its share; 0 takes no new connections.
    pub weight: u32,
    /// At so many connections it takes no more; 0 is no limit.
    pub upper_threshold: u32,
    /// Below so many it takes them again; 0 is three quarters of the upper.
    pub lower_threshold: u32,
}

impl Destination {
    /// The largest weight, and the largest threshold.
    pub const LARGEST: u32 = i32::MAX as u32;
}

/// Counters since the last zeroing, and rates as the kernel estimates them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Statistics {
    /// Connections scheduled.
    pub connections: u64,
    /// Packets from clients.
    pub incoming_packets: u64,
    /// Packets to clients that the director saw.
    pub outgoing_packets: u64,
    /// Bytes from clients.
    pub incoming_bytes: u64,
    /// Bytes to clients that the director saw.
    pub outgoing_bytes: u64,
    pub connection_rate: u64,
    /// Packets a second from clients.
    pub incoming_packet_rate: u64,
    /// Packets a second to clients.
    pub outgoing_packet_rate: u64,
    /// Bytes a second from clients.
    pub incoming_byte_rate: u64,
    /// Bytes a second to clients.
    pub outgoing_byte_rate: u64,
}

impl Statistics {
    /// Returns the counters, in the order of a listing's columns.
    pub fn counters(&self) -> [u64; 5] {
        [
            self.connections,
            self.incoming_packets,
            self.outgoing_packets,
            self.incoming_bytes,
            self.outgoing_bytes,
        ]
    }

    /// Returns the rates, in the order of a listing's columns.
    pub fn rates(&self) -> [u64; 5] {
        [
            self.connection_rate,
            self.incoming_packet_rate,
            self.outgoing_packet_rate,
            self.incoming_byte_rate,
            self.outgoing_byte_rate,
        ]
    }
}

/// Why the counters of services and destinations stand still: the kernel does not add them up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standstill {
    /// `run_estimation` is 0.
    NotEstimated,
    /// `est_cpulist` is empty, so that no processor may do it.
    NoProcessor,
}

impl Standstill {
    /// Returns the name of the setting, in `net.ipv4.vs`.
    pub fn setting(self) -> &'static str {
        match self {
            Standstill::NotEstimated => "run_estimation",
            Standstill::NoProcessor => "est_cpulist",
        }
    }

    /// Returns what the setting is, in words.
    pub fn reason(self) -> &'static str {
        match self {
            Standstill::NotEstimated => "run_estimation is 0",
            Standstill::NoProcessor => "est_cpulist is empty",
        }
    }

    /// Returns a value of the setting with which the counters move.
    pub fn cure(self) -> &'static str {
        match self {
            Standstill::NotEstimated => "1",
            Standstill::NoProcessor => "all",
        }
    }
}

/// A virtual service as the kernel reports it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ServiceState {
    pub service: VirtualService,
    pub statistics: Statistics,
}

/// A destination as the kernel reports it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DestinationState {
    pub destination: Destination,
    pub active_connections: u32,
    /// Connections that are ending, or of a protocol that has no state.
    pub inactive_connections: u32,
    /// Persistence entries.
    pub persistent_connections: u32,
    pub statistics: Statistics,
}

/// The stage of a destination of weight 0 on its way out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DrainState {
    /// Somebody is on it: a connection, or a client that persistence holds.
    Draining,
    /// Nobody is.
    Drained,
}

impl DestinationState {
    /// Returns the connections that the kernel compares with the thresholds.
    pub fn connections(&self) -> u64 {
        u64::from(self.active_connections) + u64::from(self.inactive_connections)
    }

    /// Returns true if it is at its upper threshold.
    pub fn is_full(&self) -> bool {
        let upper = u64::from(self.destination.upper_threshold);
        upper > 0 && self.connections() >= upper
    }

    /// Returns true if it is below its upper threshold, and full if it was at it before: until it
    /// is below the lower one, or three quarters of the upper one (`ip_vs_dest_update_overload` of
    /// the kernel). Nothing says which it is.
    pub fn may_be_full(&self) -> bool {
        let upper = u64::from(self.destination.upper_threshold);
        let lower = u64::from(self.destination.lower_threshold);
        let has_room = match lower {
            0 => self.connections() * 4 < upper * 3,
            _ => self.connections() < lower,
        };
        upper > 0 && !has_room && !self.is_full()
    }

    /// Returns its stage on the way out; `None` for one that takes new connections.
    pub fn drain_state(&self) -> Option<DrainState> {
        let is_idle = self.connections() == 0 && self.persistent_connections == 0;
        (self.destination.weight == 0).then_some(match is_idle {
            true => DrainState::Drained,
            false => DrainState::Draining,
        })
    }
}

/// A connection as the kernel reports it. Ports are in host byte order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Connection<'a> {
    /// The protocol, in upper case.
    pub protocol: &'a [u8],
    pub client: (IpAddr, u16),
    /// The virtual service it came to; for a firewall mark, the mark stands in the address.
    pub service: (IpAddr, u16),
    pub destination: (IpAddr, u16),
    /// The state, in upper case.
    pub state: &'a [u8],
    /// The director that made it; `None` where the kernel was not asked.
    pub origin: Option<Origin>,
    /// For how many seconds it is kept if no packet comes.
    pub seconds: u64,
    /// The persistence engine's name, and the data by which the engine knows the connection.
    pub engine: Option<(&'a [u8], &'a [u8])>,
}

/// The protocol, client, service and destination of a connection. Entries that persistence keeps
/// may have the same.
pub type ConnectionIdentity = (KernelName, [(IpAddr, u16); 3]);

impl Connection<'_> {
    /// Returns what it is found again by.
    pub fn identity(&self) -> ConnectionIdentity {
        (
            KernelName::truncated(self.protocol),
            [self.client, self.service, self.destination],
        )
    }

    /// Returns the protocol, if it is one whose ports have names.
    pub fn named_protocol(&self) -> Option<Protocol> {
        Protocol::from_label(self.protocol)
    }
}

/// The director that made a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Origin {
    /// This director, for a client's packet.
    Local,
    /// Another director: the sync daemon learnt it. It stays learnt when its packets come here.
    Sync,
}

impl Origin {
    const ALL: [Origin; 2] = [Origin::Local, Origin::Sync];

    /// The word for each, in the order of [`Origin::ALL`], with what it means.
    pub const WORDS: [(&str, &str); 2] = [
        ("local", "made here"),
        ("sync", "learnt from another director"),
    ];

    /// Returns the word for it, on the command line and in listings.
    pub fn word(self) -> &'static str {
        Origin::WORDS[self as usize].0
    }

    pub fn from_word(word: &[u8]) -> Option<Origin> {
        Origin::ALL
            .into_iter()
            .find(|origin| origin.word().as_bytes() == word)
    }
}

/// The two kinds of sync daemon.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SyncDaemonRole {
    /// Sends its connections to the others.
    Master,
    /// Listens to a master.
    Backup,
}

impl SyncDaemonRole {
    /// Returns the word for it, on the command line and in listings.
    pub fn word(self) -> &'static str {
        match self {
            SyncDaemonRole::Master => "master",
            SyncDaemonRole::Backup => "backup",
        }
    }

    pub fn from_word(word: &[u8]) -> Option<SyncDaemonRole> {
        [SyncDaemonRole::Master, SyncDaemonRole::Backup]
            .into_iter()
            .find(|role| role.word().as_bytes() == word)
    }
}

/// A sync daemon: what it is started with, and what the kernel reports of it. `None` leaves a value
/// to the kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SyncDaemon {
    pub role: SyncDaemonRole,
    pub interface: KernelName,
    /// The group of directors it belongs to, 0 to 255.
    pub sync_id: u32,
    /// The longest message in bytes, without headers.
    pub max_length: Option<u16>,
    pub group: Option<IpAddr>,
    pub port: Option<u16>,
    pub ttl: Option<u8>,
}

/// A sync daemon that runs, and how well it does. `None` is what is not known, or not of its role.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SyncDaemonState {
    pub daemon: SyncDaemon,
    /// The connections here that a backup learnt.
    pub learnt: Option<u64>,
    /// The datagrams that found no room at a backup's sockets since it was started.
    pub dropped: Option<u64>,
}

/// For how many seconds connections without traffic are kept. In a request, 0 leaves one as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Timeouts {
    pub tcp: u32,
    pub tcp_fin: u32,
    pub udp: u32,
}

/// The facts that the kernel reports of IPVS itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KernelInfo {
    /// The version, a byte each for major, minor and patch.
    pub version: u32,
    /// Buckets of the connection table.
    pub connection_table_size: u32,
}

impl KernelInfo {
    pub fn version_parts(&self) -> (u32, u32, u32) {
        (
            (self.version >> 16) & 0xff,
            (self.version >> 8) & 0xff,
            self.version & 0xff,
        )
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    AddService(VirtualService),
    /// Change a virtual service; its destinations stay.
    EditService(VirtualService),
    /// Remove a virtual service and its destinations.
    DeleteService(ServiceIdentity),
    Flush,
    /// Set the counters of one virtual service, or of all, to 0.
    Zero(Option<ServiceIdentity>),
    AddDestination(ServiceIdentity, Destination),
    EditDestination(ServiceIdentity, Destination),
    DeleteDestination(ServiceIdentity, DestinationIdentity),
    SetTimeouts(Timeouts),
    StartDaemon(SyncDaemon),
    StopDaemon(SyncDaemonRole, u32),
}
