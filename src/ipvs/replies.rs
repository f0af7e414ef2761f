//! What IPVS answers: the attributes of a message in, a value of the model out.
//!
//! Attributes that we do not know are skipped; one that a value cannot do without is a fault if it
//! is missing. Source: the kernel's `net/netfilter/ipvs/ip_vs_ctl.c`.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::error::KernelError;
use crate::ipvs::Detail;
use crate::ipvs::attributes::{Attributes, Fields, Payload};
use crate::ipvs::constants::*;
use crate::model::{
    AddressFamily, Destination, DestinationIdentity, DestinationState, Encapsulation,
    ForwardingMethod, KernelInfo, KernelName, Netmask, Protocol, SchedulerFlags, ServiceIdentity,
    ServiceState, Statistics, SyncDaemon, SyncDaemonRole, Timeouts, TunnelChecksum, VirtualService,
};

type MessageFields<'a> = Fields<'a, { IPVS_CMD_ATTR_TIMEOUT_UDP as usize + 1 }>;
type ServiceFields<'a> = Fields<'a, { IPVS_SVC_ATTR_STATS64 as usize + 1 }>;
type DestinationFields<'a> = Fields<'a, { IPVS_DEST_ATTR_TUN_FLAGS as usize + 1 }>;
type DaemonFields<'a> = Fields<'a, { IPVS_DAEMON_ATTR_MCAST_TTL as usize + 1 }>;
type StatisticsFields<'a> = Fields<'a, { IPVS_STATS_ATTR_OUTBPS as usize + 1 }>;
type InfoFields<'a> = Fields<'a, { IPVS_INFO_ATTR_CONN_TAB_SIZE as usize + 1 }>;
type FamilyFields<'a> = Fields<'a, { CTRL_ATTR_FAMILY_ID as usize + 1 }>;

/// The payload of an attribute, or the fault that it is missing, with its name.
macro_rules! needed {
    ($fields:expr, $attribute:ident) => {
        $fields
            .get($attribute)
            .ok_or(KernelError::MissingAttribute(stringify!($attribute)))
    };
}

/// A virtual service, from a `GET_SERVICE` reply. Without statistics they are 0.
pub fn read_service(
    attributes: Attributes<'_>,
    detail: Detail,
) -> Result<ServiceState, KernelError> {
    let message = MessageFields::of(attributes)?;
    let fields = ServiceFields::of(needed!(message, IPVS_CMD_ATTR_SERVICE)?.nested())?;
    let identity = read_service_identity(&fields)?;
    let flags = needed!(fields, IPVS_SVC_ATTR_FLAGS)?.u32()?;
    let timeout = needed!(fields, IPVS_SVC_ATTR_TIMEOUT)?.u32()?;
    let netmask = needed!(fields, IPVS_SVC_ATTR_NETMASK)?;
    let service = VirtualService {
        identity,
        scheduler: read_name(needed!(fields, IPVS_SVC_ATTR_SCHED_NAME)?),
        // Bits above the three are dropped.
        scheduler_flags: SchedulerFlags::from_bits((flags >> IP_VS_SVC_F_SCHED_SHIFT) as u8),
        persistence_timeout: (flags & IP_VS_SVC_F_PERSISTENT != 0).then_some(timeout),
        netmask: match identity.family() {
            AddressFamily::Ipv4 => Netmask::Ipv4(Ipv4Addr::from(netmask.first::<4>()?)),
            AddressFamily::Ipv6 => Netmask::Ipv6(netmask.u32()?),
        },
        persistence_engine: fields
            .get(IPVS_SVC_ATTR_PE_NAME)
            .map(read_name)
            .unwrap_or_default(),
        one_packet: flags & IP_VS_SVC_F_ONEPACKET != 0,
    };
    let statistics = fields
        .get(IPVS_SVC_ATTR_STATS64)
        .or(fields.get(IPVS_SVC_ATTR_STATS));
    Ok(ServiceState {
        service,
        statistics: read_statistics(statistics, detail)?,
    })
}

fn read_service_identity(fields: &ServiceFields<'_>) -> Result<ServiceIdentity, KernelError> {
    let family = read_family(needed!(fields, IPVS_SVC_ATTR_AF)?)?;
    let mark = fields
        .get(IPVS_SVC_ATTR_FWMARK)
        .map_or(Ok(0), Payload::u32)?;
    if mark != 0 {
        return Ok(ServiceIdentity::FirewallMark { mark, family });
    }
    let protocol = needed!(fields, IPVS_SVC_ATTR_PROTOCOL)?.u16()?;
    Ok(ServiceIdentity::Endpoint {
        protocol: Protocol::from_number(protocol)
            .ok_or(KernelError::Malformed("an unknown protocol"))?,
        address: read_address(needed!(fields, IPVS_SVC_ATTR_ADDR)?, family)?,
        port: needed!(fields, IPVS_SVC_ATTR_PORT)?.be16()?,
    })
}

/// A destination, from a `GET_DEST` reply. Without statistics they are 0.
///
/// Kernels before 3.18 do not tell a destination's family; it is its service's then.
pub fn read_destination(
    attributes: Attributes<'_>,
    service_family: AddressFamily,
    detail: Detail,
) -> Result<DestinationState, KernelError> {
    let message = MessageFields::of(attributes)?;
    let fields = DestinationFields::of(needed!(message, IPVS_CMD_ATTR_DEST)?.nested())?;
    let family = fields
        .get(IPVS_DEST_ATTR_ADDR_FAMILY)
        .map_or(Ok(service_family), read_family)?;
    let method = needed!(fields, IPVS_DEST_ATTR_FWD_METHOD)?.u32()?;
    let destination = Destination {
        identity: DestinationIdentity {
            address: read_address(needed!(fields, IPVS_DEST_ATTR_ADDR)?, family)?,
            port: needed!(fields, IPVS_DEST_ATTR_PORT)?.be16()?,
        },
        forwarding_method: match method & IP_VS_CONN_F_FWD_MASK {
            IP_VS_CONN_F_MASQ => ForwardingMethod::Masquerading,
            IP_VS_CONN_F_LOCALNODE => ForwardingMethod::Local,
            IP_VS_CONN_F_TUNNEL => ForwardingMethod::Tunnel(read_encapsulation(&fields)?),
            _ => ForwardingMethod::DirectRouting,
        },
        weight: needed!(fields, IPVS_DEST_ATTR_WEIGHT)?.u32()?,
        upper_threshold: needed!(fields, IPVS_DEST_ATTR_U_THRESH)?.u32()?,
        lower_threshold: needed!(fields, IPVS_DEST_ATTR_L_THRESH)?.u32()?,
    };
    let statistics = fields
        .get(IPVS_DEST_ATTR_STATS64)
        .or(fields.get(IPVS_DEST_ATTR_STATS));
    Ok(DestinationState {
        destination,
        active_connections: needed!(fields, IPVS_DEST_ATTR_ACTIVE_CONNS)?.u32()?,
        inactive_connections: needed!(fields, IPVS_DEST_ATTR_INACT_CONNS)?.u32()?,
        persistent_connections: needed!(fields, IPVS_DEST_ATTR_PERSIST_CONNS)?.u32()?,
        statistics: read_statistics(statistics, detail)?,
    })
}

/// How a tunnel wraps its packets. Kernels before 5.2 do not tell, and know only one way.
fn read_encapsulation(fields: &DestinationFields<'_>) -> Result<Encapsulation, KernelError> {
    let flags = fields
        .get(IPVS_DEST_ATTR_TUN_FLAGS)
        .map_or(Ok(0), Payload::u16)?;
    let checksum = if flags & IP_VS_TUNNEL_ENCAP_FLAG_CSUM != 0 {
        TunnelChecksum::Full
    } else if flags & IP_VS_TUNNEL_ENCAP_FLAG_REMCSUM != 0 {
        TunnelChecksum::Remote
    } else {
        TunnelChecksum::None
    };
    let tunnel_type = fields
        .get(IPVS_DEST_ATTR_TUN_TYPE)
        .map_or(Ok(IP_VS_CONN_F_TUNNEL_TYPE_IPIP), Payload::u8)?;
    Ok(match tunnel_type {
        IP_VS_CONN_F_TUNNEL_TYPE_GUE => Encapsulation::Gue {
            port: fields
                .get(IPVS_DEST_ATTR_TUN_PORT)
                .map_or(Ok(0), Payload::be16)?,
            checksum,
        },
        IP_VS_CONN_F_TUNNEL_TYPE_GRE => Encapsulation::Gre { checksum },
        _ => Encapsulation::Ipip,
    })
}

/// Counters and rates: `STATS64`, or `STATS`, all that kernels before 4.1 have, where some are of
/// 32 bits.
fn read_statistics(
    payload: Option<Payload<'_>>,
    detail: Detail,
) -> Result<Statistics, KernelError> {
    let (Some(payload), Detail::WithStatistics) = (payload, detail) else {
        return Ok(Statistics::default());
    };
    let fields = StatisticsFields::of(payload.nested())?;
    let number = |kind| fields.get(kind).map_or(Ok(0), Payload::u32_or_u64);
    Ok(Statistics {
        connections: number(IPVS_STATS_ATTR_CONNS)?,
        incoming_packets: number(IPVS_STATS_ATTR_INPKTS)?,
        outgoing_packets: number(IPVS_STATS_ATTR_OUTPKTS)?,
        incoming_bytes: number(IPVS_STATS_ATTR_INBYTES)?,
        outgoing_bytes: number(IPVS_STATS_ATTR_OUTBYTES)?,
        connection_rate: number(IPVS_STATS_ATTR_CPS)?,
        incoming_packet_rate: number(IPVS_STATS_ATTR_INPPS)?,
        outgoing_packet_rate: number(IPVS_STATS_ATTR_OUTPPS)?,
        incoming_byte_rate: number(IPVS_STATS_ATTR_INBPS)?,
        outgoing_byte_rate: number(IPVS_STATS_ATTR_OUTBPS)?,
    })
}

/// A sync daemon, from a `GET_DAEMON` reply.
pub fn read_sync_daemon(attributes: Attributes<'_>) -> Result<SyncDaemon, KernelError> {
    let message = MessageFields::of(attributes)?;
    let fields = DaemonFields::of(needed!(message, IPVS_CMD_ATTR_DAEMON)?.nested())?;
    let group = |kind, family| {
        fields
            .get(kind)
            .map(|payload| read_address(payload, family))
            .transpose()
    };
    Ok(SyncDaemon {
        role: match needed!(fields, IPVS_DAEMON_ATTR_STATE)?.u32()? {
            IP_VS_STATE_MASTER => SyncDaemonRole::Master,
            IP_VS_STATE_BACKUP => SyncDaemonRole::Backup,
            _ => return Err(KernelError::Malformed("an unknown state of a sync daemon")),
        },
        interface: read_name(needed!(fields, IPVS_DAEMON_ATTR_MCAST_IFN)?),
        sync_id: needed!(fields, IPVS_DAEMON_ATTR_SYNC_ID)?.u32()?,
        max_length: fields
            .get(IPVS_DAEMON_ATTR_SYNC_MAXLEN)
            .map(Payload::u16)
            .transpose()?,
        group: match group(IPVS_DAEMON_ATTR_MCAST_GROUP6, AddressFamily::Ipv6)? {
            None => group(IPVS_DAEMON_ATTR_MCAST_GROUP, AddressFamily::Ipv4)?,
            group => group,
        },
        port: fields
            .get(IPVS_DAEMON_ATTR_MCAST_PORT)
            .map(Payload::u16)
            .transpose()?,
        ttl: fields
            .get(IPVS_DAEMON_ATTR_MCAST_TTL)
            .map(Payload::u8)
            .transpose()?,
    })
}

/// The timeouts, from a `GET_CONFIG` reply. A kernel without TCP or UDP balancing leaves theirs
/// out; they are 0 then.
pub fn read_timeouts(attributes: Attributes<'_>) -> Result<Timeouts, KernelError> {
    let message = MessageFields::of(attributes)?;
    let seconds = |kind| message.get(kind).map_or(Ok(0), Payload::u32);
    Ok(Timeouts {
        tcp: seconds(IPVS_CMD_ATTR_TIMEOUT_TCP)?,
        tcp_fin: seconds(IPVS_CMD_ATTR_TIMEOUT_TCP_FIN)?,
        udp: seconds(IPVS_CMD_ATTR_TIMEOUT_UDP)?,
    })
}

/// Version and table size, from a `GET_INFO` reply.
pub fn read_info(attributes: Attributes<'_>) -> Result<KernelInfo, KernelError> {
    let fields = InfoFields::of(attributes)?;
    Ok(KernelInfo {
        version: needed!(fields, IPVS_INFO_ATTR_VERSION)?.u32()?,
        connection_table_size: needed!(fields, IPVS_INFO_ATTR_CONN_TAB_SIZE)?.u32()?,
    })
}

/// The message type of a generic netlink family, from a `GETFAMILY` reply.
pub fn read_family_id(attributes: Attributes<'_>) -> Result<u16, KernelError> {
    needed!(FamilyFields::of(attributes)?, CTRL_ATTR_FAMILY_ID)?.u16()
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

fn read_family(payload: Payload<'_>) -> Result<AddressFamily, KernelError> {
    AddressFamily::from_number(payload.u16()?)
        .ok_or(KernelError::Malformed("an unknown address family"))
}

fn read_address(payload: Payload<'_>, family: AddressFamily) -> Result<IpAddr, KernelError> {
    Ok(match family {
        AddressFamily::Ipv4 => IpAddr::V4(Ipv4Addr::from(payload.first::<4>()?)),
        AddressFamily::Ipv6 => IpAddr::V6(Ipv6Addr::from(payload.first::<16>()?)),
    })
}

fn read_name(payload: Payload<'_>) -> KernelName {
    KernelName::truncated(payload.string())
}
