//! What IPVS answers: the kernel's attributes in, a value of the model out.
//!
//! Attributes we do not know are skipped; one that a value cannot do without is a clear error when it is missing. No
//! input or output here. Source: contract, section 3, and `net/netfilter/ipvs/ip_vs_ctl.c` of the kernel.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::error::KernelError;
use crate::ipvs::Detail;
use crate::ipvs::attributes::{Attribute, Attributes, Fields, Layout};
use crate::ipvs::constants::*;
use crate::model::{
    AddressFamily, Destination, DestinationIdentity, DestinationState, Encapsulation,
    ForwardingMethod, KernelInfo, KernelName, Netmask, Protocol, SchedulerFlags, ServiceIdentity,
    ServiceState, Statistics, SyncDaemon, SyncDaemonRole, Timeouts, TunnelChecksum, VirtualService,
};

fn needed<T>(value: Option<T>, name: &'static str) -> Result<T, KernelError> {
    value.ok_or(KernelError::MissingAttribute(name))
}

/// The attribute of a kind among the attributes of a message, which it must have.
fn find<'a>(
    mut attributes: Attributes<'a>,
    kind: u16,
    name: &'static str,
) -> Result<Attribute<'a>, KernelError> {
    let found = attributes.find(|attribute| {
        attribute
            .as_ref()
            .map_or(true, |attribute| attribute.kind == kind)
    });
    needed(found, name)?
}

fn read_family(attribute: &Attribute<'_>) -> Result<AddressFamily, KernelError> {
    match i32::from(attribute.u16()?) {
        libc::AF_INET => Ok(AddressFamily::Ipv4),
        libc::AF_INET6 => Ok(AddressFamily::Ipv6),
        _ => Err(KernelError::Malformed("an unknown address family")),
    }
}

fn read_address(attribute: &Attribute<'_>, family: AddressFamily) -> Result<IpAddr, KernelError> {
    match family {
        AddressFamily::Ipv4 => attribute
            .first::<4>()
            .map(|bytes| IpAddr::V4(Ipv4Addr::from(bytes))),
        AddressFamily::Ipv6 => attribute
            .first::<16>()
            .map(|bytes| IpAddr::V6(Ipv6Addr::from(bytes))),
    }
}

/// Counters and rates, whether as `STATS` (32 bits, some of 64) or as `STATS64`.
fn read_statistics(attribute: &Attribute<'_>) -> Result<Statistics, KernelError> {
    let mut statistics = Statistics::default();
    for attribute in attribute.nested() {
        let attribute = attribute?;
        let field = match attribute.kind {
            IPVS_STATS_ATTR_CONNS => &mut statistics.connections,
            IPVS_STATS_ATTR_INPKTS => &mut statistics.incoming_packets,
            IPVS_STATS_ATTR_OUTPKTS => &mut statistics.outgoing_packets,
            IPVS_STATS_ATTR_INBYTES => &mut statistics.incoming_bytes,
            IPVS_STATS_ATTR_OUTBYTES => &mut statistics.outgoing_bytes,
            IPVS_STATS_ATTR_CPS => &mut statistics.connection_rate,
            IPVS_STATS_ATTR_INPPS => &mut statistics.incoming_packet_rate,
            IPVS_STATS_ATTR_OUTPPS => &mut statistics.outgoing_packet_rate,
            IPVS_STATS_ATTR_INBPS => &mut statistics.incoming_byte_rate,
            IPVS_STATS_ATTR_OUTBPS => &mut statistics.outgoing_byte_rate,
            _ => continue,
        };
        *field = attribute.u32_or_u64()?;
    }
    Ok(statistics)
}

/// `STATS64` where the kernel gives it, else `STATS`; kernels before 4.1 give only that.
fn best_statistics(
    statistics: Option<Attribute<'_>>,
    statistics64: Option<Attribute<'_>>,
) -> Result<Statistics, KernelError> {
    statistics64
        .or(statistics)
        .map_or(Ok(Statistics::default()), |attribute| {
            read_statistics(&attribute)
        })
}

/// A reader of the messages of a dump.
pub trait Reader {
    /// What a message tells of.
    type Item;
    /// What tells it from all others.
    type Identity: PartialEq;

    /// All that a message tells, in the detail that is asked for.
    fn read(&mut self, attributes: Attributes<'_>) -> Result<Self::Item, KernelError>;

    /// What it tells of.
    fn read_identity(&mut self, attributes: Attributes<'_>) -> Result<Self::Identity, KernelError>;

    /// What was told of before.
    fn identity(item: &Self::Item) -> Self::Identity;
}

const SERVICE_FIELDS: usize = IPVS_SVC_ATTR_STATS64 as usize + 1;
const DESTINATION_FIELDS: usize = IPVS_DEST_ATTR_TUN_FLAGS as usize + 1;

/// A reader of `GET_SERVICE` replies.
#[derive(Default)]
pub struct ServiceReader {
    layout: Layout<SERVICE_FIELDS>,
}

impl ServiceReader {
    fn fields<'a>(
        &mut self,
        attributes: Attributes<'a>,
    ) -> Result<Fields<'a, '_, SERVICE_FIELDS>, KernelError> {
        let service = find(attributes, IPVS_CMD_ATTR_SERVICE, "IPVS_CMD_ATTR_SERVICE")?;
        Fields::of(service.nested(), &mut self.layout)
    }
}

impl Reader for ServiceReader {
    type Item = VirtualService;
    type Identity = ServiceIdentity;

    fn read(&mut self, attributes: Attributes<'_>) -> Result<VirtualService, KernelError> {
        read_service(&self.fields(attributes)?)
    }

    fn read_identity(
        &mut self,
        attributes: Attributes<'_>,
    ) -> Result<ServiceIdentity, KernelError> {
        read_service_identity(&self.fields(attributes)?)
    }

    fn identity(service: &VirtualService) -> ServiceIdentity {
        service.identity
    }
}

/// A reader of `GET_SERVICE` replies with their counters and rates.
#[derive(Default)]
pub struct ServiceStateReader(ServiceReader);

impl Reader for ServiceStateReader {
    type Item = ServiceState;
    type Identity = ServiceIdentity;

    fn read(&mut self, attributes: Attributes<'_>) -> Result<ServiceState, KernelError> {
        let fields = self.0.fields(attributes)?;
        Ok(ServiceState {
            service: read_service(&fields)?,
            statistics: best_statistics(
                fields.get(IPVS_SVC_ATTR_STATS),
                fields.get(IPVS_SVC_ATTR_STATS64),
            )?,
        })
    }

    fn read_identity(
        &mut self,
        attributes: Attributes<'_>,
    ) -> Result<ServiceIdentity, KernelError> {
        self.0.read_identity(attributes)
    }

    fn identity(state: &ServiceState) -> ServiceIdentity {
        state.service.identity
    }
}

/// A reader of `GET_DEST` replies, for one service after another.
pub struct DestinationReader {
    /// The service's, and each destination's that does not tell its own: kernels before 3.18 do not.
    family: AddressFamily,
    detail: Detail,
    layout: Layout<DESTINATION_FIELDS>,
}

impl Default for DestinationReader {
    fn default() -> DestinationReader {
        DestinationReader {
            family: AddressFamily::Ipv4,
            detail: Detail::WithoutStatistics,
            layout: Layout::default(),
        }
    }
}

impl DestinationReader {
    /// From here on, reads so much detail of destinations of a service of a family.
    pub fn begin(&mut self, family: AddressFamily, detail: Detail) {
        self.family = family;
        self.detail = detail;
    }

    fn fields<'a>(
        &mut self,
        attributes: Attributes<'a>,
    ) -> Result<Fields<'a, '_, DESTINATION_FIELDS>, KernelError> {
        let destination = find(attributes, IPVS_CMD_ATTR_DEST, "IPVS_CMD_ATTR_DEST")?;
        Fields::of(destination.nested(), &mut self.layout)
    }
}

impl Reader for DestinationReader {
    type Item = DestinationState;
    type Identity = DestinationIdentity;

    fn read(&mut self, attributes: Attributes<'_>) -> Result<DestinationState, KernelError> {
        let (family, detail) = (self.family, self.detail);
        read_destination(&self.fields(attributes)?, family, detail)
    }

    fn read_identity(
        &mut self,
        attributes: Attributes<'_>,
    ) -> Result<DestinationIdentity, KernelError> {
        let family = self.family;
        read_destination_identity(&self.fields(attributes)?, family)
    }

    fn identity(state: &DestinationState) -> DestinationIdentity {
        state.destination.identity
    }
}

fn read_service_identity(
    fields: &Fields<'_, '_, SERVICE_FIELDS>,
) -> Result<ServiceIdentity, KernelError> {
    let field = |kind, name| needed(fields.get(kind), name);
    let family = read_family(&field(IPVS_SVC_ATTR_AF, "IPVS_SVC_ATTR_AF")?)?;
    let mark = fields
        .get(IPVS_SVC_ATTR_FWMARK)
        .map_or(Ok(0), |attribute| attribute.u32())?;
    if mark != 0 {
        return Ok(ServiceIdentity::FirewallMark { mark, family });
    }
    let protocol = field(IPVS_SVC_ATTR_PROTOCOL, "IPVS_SVC_ATTR_PROTOCOL")?.u16()?;
    Ok(ServiceIdentity::Endpoint {
        protocol: match i32::from(protocol) {
            libc::IPPROTO_TCP => Protocol::Tcp,
            libc::IPPROTO_UDP => Protocol::Udp,
            libc::IPPROTO_SCTP => Protocol::Sctp,
            _ => return Err(KernelError::Malformed("an unknown protocol")),
        },
        address: read_address(&field(IPVS_SVC_ATTR_ADDR, "IPVS_SVC_ATTR_ADDR")?, family)?,
        port: field(IPVS_SVC_ATTR_PORT, "IPVS_SVC_ATTR_PORT")?.be16()?,
    })
}

fn read_service(fields: &Fields<'_, '_, SERVICE_FIELDS>) -> Result<VirtualService, KernelError> {
    let field = |kind, name| needed(fields.get(kind), name);
    let identity = read_service_identity(fields)?;
    let scheduler = field(IPVS_SVC_ATTR_SCHED_NAME, "IPVS_SVC_ATTR_SCHED_NAME")?;
    let flags = field(IPVS_SVC_ATTR_FLAGS, "IPVS_SVC_ATTR_FLAGS")?.u32()?;
    let timeout = field(IPVS_SVC_ATTR_TIMEOUT, "IPVS_SVC_ATTR_TIMEOUT")?.u32()?;
    let netmask = field(IPVS_SVC_ATTR_NETMASK, "IPVS_SVC_ATTR_NETMASK")?;
    Ok(VirtualService {
        identity,
        scheduler: KernelName::truncated(scheduler.string()),
        // Bits above the three are dropped.
        scheduler_flags: SchedulerFlags::from_bits((flags >> IP_VS_SVC_F_SCHED_SHIFT) as u8),
        persistence_timeout: (flags & IP_VS_SVC_F_PERSISTENT != 0).then_some(timeout),
        netmask: match identity.family() {
            AddressFamily::Ipv4 => Netmask::Ipv4(Ipv4Addr::from(netmask.first::<4>()?)),
            AddressFamily::Ipv6 => Netmask::Ipv6(netmask.u32()?),
        },
        persistence_engine: fields
            .get(IPVS_SVC_ATTR_PE_NAME)
            .map_or_else(KernelName::default, |name| {
                KernelName::truncated(name.string())
            }),
        one_packet: flags & IP_VS_SVC_F_ONEPACKET != 0,
    })
}

fn read_destination_identity(
    fields: &Fields<'_, '_, DESTINATION_FIELDS>,
    service_family: AddressFamily,
) -> Result<DestinationIdentity, KernelError> {
    let field = |kind, name| needed(fields.get(kind), name);
    let family = match fields.get(IPVS_DEST_ATTR_ADDR_FAMILY) {
        Some(attribute) => read_family(&attribute)?,
        None => service_family,
    };
    Ok(DestinationIdentity {
        address: read_address(&field(IPVS_DEST_ATTR_ADDR, "IPVS_DEST_ATTR_ADDR")?, family)?,
        port: field(IPVS_DEST_ATTR_PORT, "IPVS_DEST_ATTR_PORT")?.be16()?,
    })
}

fn read_destination(
    fields: &Fields<'_, '_, DESTINATION_FIELDS>,
    service_family: AddressFamily,
    detail: Detail,
) -> Result<DestinationState, KernelError> {
    let field = |kind, name| needed(fields.get(kind), name);
    let number = |kind, name| field(kind, name)?.u32();
    let method = number(IPVS_DEST_ATTR_FWD_METHOD, "IPVS_DEST_ATTR_FWD_METHOD")?;
    Ok(DestinationState {
        destination: Destination {
            identity: read_destination_identity(fields, service_family)?,
            forwarding_method: match method & IP_VS_CONN_F_FWD_MASK {
                IP_VS_CONN_F_MASQ => ForwardingMethod::Masquerading,
                IP_VS_CONN_F_LOCALNODE => ForwardingMethod::Local,
                IP_VS_CONN_F_TUNNEL => ForwardingMethod::Tunnel(read_encapsulation(fields)?),
                _ => ForwardingMethod::DirectRouting,
            },
            weight: number(IPVS_DEST_ATTR_WEIGHT, "IPVS_DEST_ATTR_WEIGHT")?,
            upper_threshold: number(IPVS_DEST_ATTR_U_THRESH, "IPVS_DEST_ATTR_U_THRESH")?,
            lower_threshold: number(IPVS_DEST_ATTR_L_THRESH, "IPVS_DEST_ATTR_L_THRESH")?,
        },
        active_connections: number(IPVS_DEST_ATTR_ACTIVE_CONNS, "IPVS_DEST_ATTR_ACTIVE_CONNS")?,
        inactive_connections: number(IPVS_DEST_ATTR_INACT_CONNS, "IPVS_DEST_ATTR_INACT_CONNS")?,
        persistent_connections: number(
            IPVS_DEST_ATTR_PERSIST_CONNS,
            "IPVS_DEST_ATTR_PERSIST_CONNS",
        )?,
        statistics: match detail {
            Detail::WithoutStatistics => Statistics::default(),
            Detail::WithStatistics => best_statistics(
                fields.get(IPVS_DEST_ATTR_STATS),
                fields.get(IPVS_DEST_ATTR_STATS64),
            )?,
        },
    })
}

/// How a tunnel wraps its packets; kernels before 5.2 do not tell, and know only one way.
fn read_encapsulation(
    fields: &Fields<'_, '_, DESTINATION_FIELDS>,
) -> Result<Encapsulation, KernelError> {
    let checksum = match fields
        .get(IPVS_DEST_ATTR_TUN_FLAGS)
        .map_or(Ok(0), |attribute| attribute.u16())?
    {
        flags if flags & IP_VS_TUNNEL_ENCAP_FLAG_CSUM != 0 => TunnelChecksum::Full,
        flags if flags & IP_VS_TUNNEL_ENCAP_FLAG_REMCSUM != 0 => TunnelChecksum::Remote,
        _ => TunnelChecksum::None,
    };
    let tunnel_type = fields
        .get(IPVS_DEST_ATTR_TUN_TYPE)
        .map_or(Ok(IP_VS_CONN_F_TUNNEL_TYPE_IPIP), |attribute| {
            attribute.u8()
        })?;
    Ok(match tunnel_type {
        IP_VS_CONN_F_TUNNEL_TYPE_GUE => Encapsulation::Gue {
            port: fields
                .get(IPVS_DEST_ATTR_TUN_PORT)
                .map_or(Ok(0), |attribute| attribute.be16())?,
            checksum,
        },
        IP_VS_CONN_F_TUNNEL_TYPE_GRE => Encapsulation::Gre { checksum },
        _ => Encapsulation::Ipip,
    })
}

/// A sync daemon from the attributes of a `GET_DAEMON` reply.
pub fn read_sync_daemon(attributes: Attributes<'_>) -> Result<SyncDaemon, KernelError> {
    let daemon = find(attributes, IPVS_CMD_ATTR_DAEMON, "IPVS_CMD_ATTR_DAEMON")?;
    let (mut state, mut interface, mut sync_id) = (None, None, None);
    let (mut max_length, mut group, mut port, mut ttl) = (None, None, None, None);
    for attribute in daemon.nested() {
        let attribute = attribute?;
        match attribute.kind {
            IPVS_DAEMON_ATTR_STATE => state = Some(attribute.u32()?),
            IPVS_DAEMON_ATTR_MCAST_IFN => {
                interface = Some(KernelName::truncated(attribute.string()))
            }
            IPVS_DAEMON_ATTR_SYNC_ID => sync_id = Some(attribute.u32()?),
            IPVS_DAEMON_ATTR_SYNC_MAXLEN => max_length = Some(attribute.u16()?),
            IPVS_DAEMON_ATTR_MCAST_GROUP => {
                group = Some(read_address(&attribute, AddressFamily::Ipv4)?)
            }
            IPVS_DAEMON_ATTR_MCAST_GROUP6 => {
                group = Some(read_address(&attribute, AddressFamily::Ipv6)?)
            }
            IPVS_DAEMON_ATTR_MCAST_PORT => port = Some(attribute.u16()?),
            IPVS_DAEMON_ATTR_MCAST_TTL => ttl = Some(attribute.u8()?),
            _ => {}
        }
    }
    Ok(SyncDaemon {
        role: match needed(state, "IPVS_DAEMON_ATTR_STATE")? {
            IP_VS_STATE_MASTER => SyncDaemonRole::Master,
            IP_VS_STATE_BACKUP => SyncDaemonRole::Backup,
            _ => return Err(KernelError::Malformed("an unknown state of a sync daemon")),
        },
        interface: needed(interface, "IPVS_DAEMON_ATTR_MCAST_IFN")?,
        sync_id: needed(sync_id, "IPVS_DAEMON_ATTR_SYNC_ID")?,
        max_length,
        group,
        port,
        ttl,
    })
}

/// The timeouts from the attributes of a `GET_CONFIG` reply. A kernel without a protocol leaves its timeouts out: 0.
pub fn read_timeouts(attributes: Attributes<'_>) -> Result<Timeouts, KernelError> {
    let mut timeouts = Timeouts::default();
    for attribute in attributes {
        let attribute = attribute?;
        match attribute.kind {
            IPVS_CMD_ATTR_TIMEOUT_TCP => timeouts.tcp = attribute.u32()?,
            IPVS_CMD_ATTR_TIMEOUT_TCP_FIN => timeouts.tcp_fin = attribute.u32()?,
            IPVS_CMD_ATTR_TIMEOUT_UDP => timeouts.udp = attribute.u32()?,
            _ => {}
        }
    }
    Ok(timeouts)
}

/// The kernel's own data from the attributes of a `GET_INFO` reply.
pub fn read_info(attributes: Attributes<'_>) -> Result<KernelInfo, KernelError> {
    let version = find(attributes, IPVS_INFO_ATTR_VERSION, "IPVS_INFO_ATTR_VERSION")?.u32()?;
    let size = find(
        attributes,
        IPVS_INFO_ATTR_CONN_TAB_SIZE,
        "IPVS_INFO_ATTR_CONN_TAB_SIZE",
    )?
    .u32()?;
    Ok(KernelInfo {
        version,
        connection_table_size: size,
    })
}

/// The message type of the IPVS family from the attributes of a `GETFAMILY` reply.
pub fn read_family_id(attributes: Attributes<'_>) -> Result<u16, KernelError> {
    find(
        attributes,
        libc::CTRL_ATTR_FAMILY_ID as u16,
        "CTRL_ATTR_FAMILY_ID",
    )?
    .u16()
}

/// The errno at the start of an `NLMSG_ERROR` or `NLMSG_DONE` message; `Ok` for 0.
pub fn read_verdict(payload: &[u8]) -> Result<(), KernelError> {
    let errno = payload
        .first_chunk::<4>()
        .map_or(0, |bytes| i32::from_ne_bytes(*bytes));
    match errno {
        0 => Ok(()),
        errno => Err(KernelError::from_errno(errno.wrapping_neg())),
    }
}
