//! Reads what IPVS answers: the attributes of a message in, a value of the model out.
//!
//! Attributes that we do not know are skipped; one that a value cannot do without is a fault if it
//! is missing. Source: the kernel's `net/netfilter/ipvs/ip_vs_ctl.c`.

#![forbid(unsafe_code)]

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

/// Returns a virtual service, from a `GET_SERVICE` reply. Without statistics they are 0.
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

/// Returns a destination, from a `GET_DEST` reply. Without statistics they are 0.
///
/// Kernels before 3.18 do not report a destination's family; it is its service's then.
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

/// Reads how a tunnel wraps its packets. Kernels before 5.2 know only one way, and do not report
/// it.
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

/// Returns a sync daemon, from a `GET_DAEMON` reply.
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

/// Returns the timeouts, from a `GET_CONFIG` reply. A kernel without TCP or UDP balancing leaves
/// theirs out; they are 0 then.
pub fn read_timeouts(attributes: Attributes<'_>) -> Result<Timeouts, KernelError> {
    let message = MessageFields::of(attributes)?;
    let seconds = |kind| message.get(kind).map_or(Ok(0), Payload::u32);
    Ok(Timeouts {
        tcp: seconds(IPVS_CMD_ATTR_TIMEOUT_TCP)?,
        tcp_fin: seconds(IPVS_CMD_ATTR_TIMEOUT_TCP_FIN)?,
        udp: seconds(IPVS_CMD_ATTR_TIMEOUT_UDP)?,
    })
}

/// Returns version and table size, from a `GET_INFO` reply.
pub fn read_info(attributes: Attributes<'_>) -> Result<KernelInfo, KernelError> {
    let fields = InfoFields::of(attributes)?;
    Ok(KernelInfo {
        version: needed!(fields, IPVS_INFO_ATTR_VERSION)?.u32()?,
        connection_table_size: needed!(fields, IPVS_INFO_ATTR_CONN_TAB_SIZE)?.u32()?,
    })
}

/// Returns the message type of a generic netlink family, from a `GETFAMILY` reply.
pub fn read_family_id(attributes: Attributes<'_>) -> Result<u16, KernelError> {
    needed!(FamilyFields::of(attributes)?, CTRL_ATTR_FAMILY_ID)?.u16()
}

/// Returns the errno at the start of an `NLMSG_ERROR` or `NLMSG_DONE` message; `Ok` for 0.
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ipvs::attributes::Writer;
    use crate::samples;

    fn message(fill: impl FnOnce(&mut Writer<'_>)) -> Vec<u8> {
        let mut buffer = Vec::new();
        fill(&mut Writer::new(&mut buffer));
        buffer
    }

    fn u64(fields: &mut Writer<'_>, kind: u16, value: u64) {
        fields.bytes(kind, value.to_ne_bytes());
    }

    /// Writes all statistics in 64 bits.
    fn write_stats64(fields: &mut Writer<'_>, kind: u16, numbers: &Statistics) {
        fields.nested(kind, |fields| {
            u64(fields, IPVS_STATS_ATTR_CONNS, numbers.connections);
            u64(fields, IPVS_STATS_ATTR_INPKTS, numbers.incoming_packets);
            u64(fields, IPVS_STATS_ATTR_OUTPKTS, numbers.outgoing_packets);
            u64(fields, IPVS_STATS_ATTR_INBYTES, numbers.incoming_bytes);
            u64(fields, IPVS_STATS_ATTR_OUTBYTES, numbers.outgoing_bytes);
            u64(fields, IPVS_STATS_ATTR_CPS, numbers.connection_rate);
            u64(fields, IPVS_STATS_ATTR_INPPS, numbers.incoming_packet_rate);
            u64(fields, IPVS_STATS_ATTR_OUTPPS, numbers.outgoing_packet_rate);
            u64(fields, IPVS_STATS_ATTR_INBPS, numbers.incoming_byte_rate);
            u64(fields, IPVS_STATS_ATTR_OUTBPS, numbers.outgoing_byte_rate);
        });
    }

    /// Writes statistics as old kernels do: all but the bytes in 32 bits.
    fn write_stats(fields: &mut Writer<'_>, kind: u16, numbers: &Statistics) {
        let short = |number: u64| u32::try_from(number).unwrap();
        fields.nested(kind, |fields| {
            fields.u32(IPVS_STATS_ATTR_CONNS, short(numbers.connections));
            fields.u32(IPVS_STATS_ATTR_INPKTS, short(numbers.incoming_packets));
            fields.u32(IPVS_STATS_ATTR_OUTPKTS, short(numbers.outgoing_packets));
            u64(fields, IPVS_STATS_ATTR_INBYTES, numbers.incoming_bytes);
            u64(fields, IPVS_STATS_ATTR_OUTBYTES, numbers.outgoing_bytes);
            fields.u32(IPVS_STATS_ATTR_CPS, short(numbers.connection_rate));
            fields.u32(IPVS_STATS_ATTR_INPPS, short(numbers.incoming_packet_rate));
            fields.u32(IPVS_STATS_ATTR_OUTPPS, short(numbers.outgoing_packet_rate));
            fields.u32(IPVS_STATS_ATTR_INBPS, short(numbers.incoming_byte_rate));
            fields.u32(IPVS_STATS_ATTR_OUTBPS, short(numbers.outgoing_byte_rate));
        });
    }

    /// Writes one attribute of [`samples::service`].
    fn write_service_field(fields: &mut Writer<'_>, kind: u16) {
        match kind {
            IPVS_SVC_ATTR_AF => fields.u16(kind, 2),
            IPVS_SVC_ATTR_PROTOCOL => fields.u16(kind, 6),
            IPVS_SVC_ATTR_ADDR => fields.bytes(kind, [192, 0, 2, 1, 9, 9, 9, 9]),
            IPVS_SVC_ATTR_PORT => fields.bytes(kind, [1, 187]),
            IPVS_SVC_ATTR_SCHED_NAME => fields.bytes(kind, *b"sh\0"),
            // Persistent, hashed, one packet, the first and second scheduler flags, and a bit above
            // the third.
            IPVS_SVC_ATTR_FLAGS => fields.bytes(kind, 0b101_1111u32.to_ne_bytes()),
            IPVS_SVC_ATTR_TIMEOUT => fields.u32(kind, 360),
            IPVS_SVC_ATTR_NETMASK => fields.bytes(kind, [255, 255, 254, 0]),
            IPVS_SVC_ATTR_PE_NAME => fields.bytes(kind, *b"sip\0"),
            IPVS_SVC_ATTR_STATS => write_stats(fields, kind, &samples::statistics(501)),
            IPVS_SVC_ATTR_STATS64 => write_stats64(fields, kind, &samples::statistics(2001)),
            _ => {}
        }
    }

    fn service_message(is_written: impl Fn(u16) -> bool) -> Vec<u8> {
        message(|message| {
            message.nested(IPVS_CMD_ATTR_SERVICE, |fields| {
                for kind in (1..=IPVS_SVC_ATTR_STATS64).filter(|kind| is_written(*kind)) {
                    write_service_field(fields, kind);
                }
            });
        })
    }

    fn service(message: &[u8], detail: Detail) -> Result<ServiceState, KernelError> {
        read_service(Attributes::new(message), detail)
    }

    #[test]
    fn a_service_is_read_with_all_that_it_has() {
        let message = service_message(|_| true);
        let all = service(&message, Detail::WithStatistics).unwrap();
        assert_eq!(all, samples::service());
        let without = service(&message, Detail::WithoutStatistics).unwrap();
        assert_eq!(without.service, all.service);
        assert_eq!(without.statistics, Statistics::default());
        // What kernels before 4.1 have.
        let message = service_message(|kind| kind != IPVS_SVC_ATTR_STATS64);
        let old = service(&message, Detail::WithStatistics).unwrap();
        assert_eq!(old.statistics, samples::statistics(501));
        let message = service_message(|kind| kind < IPVS_SVC_ATTR_STATS);
        let bare = service(&message, Detail::WithStatistics).unwrap();
        assert_eq!(bare.statistics, Statistics::default());
        assert!(bare.service.persistence_engine.is_empty());
    }

    #[test]
    fn a_service_that_lacks_what_it_needs_is_a_fault_with_the_name_of_that() {
        for (kind, name) in [
            (IPVS_SVC_ATTR_AF, "IPVS_SVC_ATTR_AF"),
            (IPVS_SVC_ATTR_PROTOCOL, "IPVS_SVC_ATTR_PROTOCOL"),
            (IPVS_SVC_ATTR_ADDR, "IPVS_SVC_ATTR_ADDR"),
            (IPVS_SVC_ATTR_PORT, "IPVS_SVC_ATTR_PORT"),
            (IPVS_SVC_ATTR_SCHED_NAME, "IPVS_SVC_ATTR_SCHED_NAME"),
            (IPVS_SVC_ATTR_FLAGS, "IPVS_SVC_ATTR_FLAGS"),
            (IPVS_SVC_ATTR_TIMEOUT, "IPVS_SVC_ATTR_TIMEOUT"),
            (IPVS_SVC_ATTR_NETMASK, "IPVS_SVC_ATTR_NETMASK"),
        ] {
            let message = service_message(|written| written != kind);
            let read = service(&message, Detail::WithStatistics);
            assert_eq!(read, Err(KernelError::MissingAttribute(name)));
        }
        let read = service(&[], Detail::WithStatistics);
        let name = "IPVS_CMD_ATTR_SERVICE";
        assert_eq!(read, Err(KernelError::MissingAttribute(name)));
    }

    #[test]
    fn flags_of_a_service_are_read_one_by_one() {
        let read = |flags: u32| {
            let message = message(|message| {
                message.nested(IPVS_CMD_ATTR_SERVICE, |fields| {
                    fields.u16(IPVS_SVC_ATTR_AF, 10);
                    fields.u32(IPVS_SVC_ATTR_FWMARK, 0x8000_0007);
                    write_service_field(fields, IPVS_SVC_ATTR_SCHED_NAME);
                    fields.u32(IPVS_SVC_ATTR_FLAGS, flags);
                    fields.u32(IPVS_SVC_ATTR_TIMEOUT, 77);
                    fields.u32(IPVS_SVC_ATTR_NETMASK, 64);
                });
            });
            let service = service(&message, Detail::WithStatistics).unwrap().service;
            let family = AddressFamily::Ipv6;
            let mark = 0x8000_0007;
            let identity = ServiceIdentity::FirewallMark { mark, family };
            assert_eq!(service.identity, identity);
            assert_eq!(service.netmask, Netmask::Ipv6(64));
            (
                service.persistence_timeout,
                service.one_packet,
                service.scheduler_flags.bits(),
            )
        };
        assert_eq!(read(0), (None, false, 0));
        assert_eq!(read(0b1), (Some(77), false, 0));
        assert_eq!(read(0b10), (None, false, 0));
        assert_eq!(read(0b100), (None, true, 0));
        assert_eq!(read(0b1000), (None, false, 0b1));
        assert_eq!(read(0b10_0000), (None, false, 0b100));
        assert_eq!(read(0b100_0000), (None, false, 0));
    }

    #[test]
    fn a_family_or_protocol_that_is_not_known_is_a_fault() {
        for (family, protocol) in [(3, 6), (2, 7)] {
            let message = message(|message| {
                message.nested(IPVS_CMD_ATTR_SERVICE, |fields| {
                    fields.u16(IPVS_SVC_ATTR_AF, family);
                    fields.u16(IPVS_SVC_ATTR_PROTOCOL, protocol);
                    for kind in IPVS_SVC_ATTR_ADDR..IPVS_SVC_ATTR_STATS {
                        write_service_field(fields, kind);
                    }
                });
            });
            let read = service(&message, Detail::WithStatistics);
            assert!(matches!(read, Err(KernelError::Malformed(_))), "{read:?}");
        }
    }

    /// Writes one attribute of [`samples::destination`].
    fn write_destination_field(fields: &mut Writer<'_>, kind: u16) {
        match kind {
            IPVS_DEST_ATTR_ADDR => fields.bytes(kind, [198, 51, 100, 7, 9, 9, 9, 9]),
            IPVS_DEST_ATTR_PORT => fields.bytes(kind, [31, 144]),
            // Of what else the kernel keeps there, nothing is a method.
            IPVS_DEST_ATTR_FWD_METHOD => fields.u32(kind, 0x108 | IP_VS_CONN_F_TUNNEL),
            IPVS_DEST_ATTR_WEIGHT => fields.u32(kind, 31),
            IPVS_DEST_ATTR_U_THRESH => fields.u32(kind, 1009),
            IPVS_DEST_ATTR_L_THRESH => fields.u32(kind, 805),
            IPVS_DEST_ATTR_ACTIVE_CONNS => fields.u32(kind, 62),
            IPVS_DEST_ATTR_INACT_CONNS => fields.u32(kind, 47),
            IPVS_DEST_ATTR_PERSIST_CONNS => fields.u32(kind, 58),
            IPVS_DEST_ATTR_STATS => write_stats(fields, kind, &samples::statistics(601)),
            IPVS_DEST_ATTR_ADDR_FAMILY => fields.u16(kind, 2),
            IPVS_DEST_ATTR_STATS64 => write_stats64(fields, kind, &samples::statistics(3002)),
            IPVS_DEST_ATTR_TUN_TYPE => fields.u8(kind, IP_VS_CONN_F_TUNNEL_TYPE_GUE),
            IPVS_DEST_ATTR_TUN_PORT => fields.bytes(kind, [23, 193]),
            IPVS_DEST_ATTR_TUN_FLAGS => fields.u16(kind, IP_VS_TUNNEL_ENCAP_FLAG_REMCSUM),
            _ => {}
        }
    }

    fn destination_message(is_written: impl Fn(u16) -> bool) -> Vec<u8> {
        message(|message| {
            message.nested(IPVS_CMD_ATTR_DEST, |fields| {
                for kind in (1..=IPVS_DEST_ATTR_TUN_FLAGS).filter(|kind| is_written(*kind)) {
                    write_destination_field(fields, kind);
                }
            });
        })
    }

    fn destination(message: &[u8]) -> Result<DestinationState, KernelError> {
        let (family, detail) = (AddressFamily::Ipv6, Detail::WithStatistics);
        read_destination(Attributes::new(message), family, detail)
    }

    #[test]
    fn a_destination_is_read_with_all_that_it_has() {
        let message = destination_message(|_| true);
        assert_eq!(destination(&message).unwrap(), samples::destination());
        let without = read_destination(
            Attributes::new(&message),
            AddressFamily::Ipv4,
            Detail::WithoutStatistics,
        );
        assert_eq!(without.unwrap().statistics, Statistics::default());
        // What kernels before 4.1, 3.18 and 5.2 have.
        let message = destination_message(|kind| kind <= IPVS_DEST_ATTR_STATS);
        let (family, detail) = (AddressFamily::Ipv4, Detail::WithStatistics);
        let old = read_destination(Attributes::new(&message), family, detail).unwrap();
        assert_eq!(old.statistics, samples::statistics(601));
        let identity = samples::destination().destination.identity;
        assert_eq!(old.destination.identity, identity);
        let ipip = ForwardingMethod::Tunnel(Encapsulation::Ipip);
        assert_eq!(old.destination.forwarding_method, ipip);
    }

    #[test]
    fn a_destination_that_lacks_what_it_needs_is_a_fault_with_the_name_of_that() {
        for (kind, name) in [
            (IPVS_DEST_ATTR_ADDR, "IPVS_DEST_ATTR_ADDR"),
            (IPVS_DEST_ATTR_PORT, "IPVS_DEST_ATTR_PORT"),
            (IPVS_DEST_ATTR_FWD_METHOD, "IPVS_DEST_ATTR_FWD_METHOD"),
            (IPVS_DEST_ATTR_WEIGHT, "IPVS_DEST_ATTR_WEIGHT"),
            (IPVS_DEST_ATTR_U_THRESH, "IPVS_DEST_ATTR_U_THRESH"),
            (IPVS_DEST_ATTR_L_THRESH, "IPVS_DEST_ATTR_L_THRESH"),
            (IPVS_DEST_ATTR_ACTIVE_CONNS, "IPVS_DEST_ATTR_ACTIVE_CONNS"),
            (IPVS_DEST_ATTR_INACT_CONNS, "IPVS_DEST_ATTR_INACT_CONNS"),
            (IPVS_DEST_ATTR_PERSIST_CONNS, "IPVS_DEST_ATTR_PERSIST_CONNS"),
        ] {
            let message = destination_message(|written| written != kind);
            let read = destination(&message);
            assert_eq!(read, Err(KernelError::MissingAttribute(name)));
        }
    }

    #[test]
    fn every_way_of_forwarding_is_read() {
        let forwarding = |method: u32, tunnel_type: u8, flags: u16| {
            let message = message(|message| {
                message.nested(IPVS_CMD_ATTR_DEST, |fields| {
                    for kind in 1..=IPVS_DEST_ATTR_TUN_FLAGS {
                        match kind {
                            IPVS_DEST_ATTR_FWD_METHOD => fields.u32(kind, method),
                            IPVS_DEST_ATTR_TUN_TYPE => fields.u8(kind, tunnel_type),
                            IPVS_DEST_ATTR_TUN_FLAGS => fields.u16(kind, flags),
                            _ => write_destination_field(fields, kind),
                        }
                    }
                });
            });
            destination(&message).unwrap().destination.forwarding_method
        };
        use ForwardingMethod::{DirectRouting, Local, Masquerading, Tunnel};
        let gue = |checksum| {
            Tunnel(Encapsulation::Gue {
                port: 6081,
                checksum,
            })
        };
        let gre = |checksum| Tunnel(Encapsulation::Gre { checksum });
        for (method, tunnel_type, flags, expected) in [
            (0, 1, 0, Masquerading),
            (1, 1, 0, Local),
            (3, 1, 0, DirectRouting),
            (2, 0, 1, Tunnel(Encapsulation::Ipip)),
            (2, 1, 0, gue(TunnelChecksum::None)),
            (2, 1, 1, gue(TunnelChecksum::Full)),
            (2, 1, 2, gue(TunnelChecksum::Remote)),
            (2, 2, 0, gre(TunnelChecksum::None)),
            (2, 2, 1, gre(TunnelChecksum::Full)),
            (2, 3, 0, Tunnel(Encapsulation::Ipip)),
        ] {
            assert_eq!(forwarding(method, tunnel_type, flags), expected);
        }
    }

    #[test]
    fn a_destination_s_family_may_be_another_than_its_service_s() {
        let message = message(|message| {
            message.nested(IPVS_CMD_ATTR_DEST, |fields| {
                for kind in 1..=IPVS_DEST_ATTR_TUN_FLAGS {
                    match kind {
                        IPVS_DEST_ATTR_ADDR => {
                            fields.bytes(kind, [32, 1, 13, 184, 0, 0, 0, 0, 0, 0, 0, 0, 0, 3, 0, 7])
                        }
                        IPVS_DEST_ATTR_ADDR_FAMILY => fields.u16(kind, 10),
                        _ => write_destination_field(fields, kind),
                    }
                }
            });
        });
        let (family, detail) = (AddressFamily::Ipv4, Detail::WithoutStatistics);
        let read = read_destination(Attributes::new(&message), family, detail).unwrap();
        let address: IpAddr = "2001:db8::3:7".parse().unwrap();
        assert_eq!(read.destination.identity.address, address);
    }

    /// Writes one attribute of [`samples::sync_daemon`].
    fn write_daemon_field(fields: &mut Writer<'_>, kind: u16) {
        match kind {
            IPVS_DAEMON_ATTR_STATE => fields.u32(kind, IP_VS_STATE_MASTER),
            IPVS_DAEMON_ATTR_MCAST_IFN => fields.bytes(kind, *b"eth1\0"),
            IPVS_DAEMON_ATTR_SYNC_ID => fields.u32(kind, 17),
            IPVS_DAEMON_ATTR_SYNC_MAXLEN => fields.u16(kind, 1472),
            IPVS_DAEMON_ATTR_MCAST_GROUP => fields.bytes(kind, [224, 0, 0, 83]),
            IPVS_DAEMON_ATTR_MCAST_PORT => fields.u16(kind, 8849),
            IPVS_DAEMON_ATTR_MCAST_TTL => fields.u8(kind, 5),
            _ => {}
        }
    }

    fn daemon(fill: impl FnOnce(&mut Writer<'_>)) -> Result<SyncDaemon, KernelError> {
        let message = message(|message| message.nested(IPVS_CMD_ATTR_DAEMON, fill));
        read_sync_daemon(Attributes::new(&message))
    }

    #[test]
    fn a_sync_daemon_is_read_with_what_the_kernel_tells() {
        let all = daemon(|fields| {
            for kind in 1..=IPVS_DAEMON_ATTR_MCAST_TTL {
                write_daemon_field(fields, kind);
            }
        });
        assert_eq!(all.unwrap(), samples::sync_daemon());
        let old = daemon(|fields| {
            fields.u32(IPVS_DAEMON_ATTR_STATE, IP_VS_STATE_BACKUP);
            write_daemon_field(fields, IPVS_DAEMON_ATTR_MCAST_IFN);
            write_daemon_field(fields, IPVS_DAEMON_ATTR_SYNC_ID);
        });
        let expected = SyncDaemon {
            role: SyncDaemonRole::Backup,
            max_length: None,
            group: None,
            port: None,
            ttl: None,
            ..samples::sync_daemon()
        };
        assert_eq!(old.unwrap(), expected);
        let group = daemon(|fields| {
            for kind in 1..=IPVS_DAEMON_ATTR_SYNC_ID {
                write_daemon_field(fields, kind);
            }
            let group = [255, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 81];
            fields.bytes(IPVS_DAEMON_ATTR_MCAST_GROUP6, group);
        });
        assert_eq!(group.unwrap().group, Some("ff02::51".parse().unwrap()));
    }

    #[test]
    fn a_sync_daemon_that_lacks_what_it_needs_is_a_fault() {
        for missing in 1..=IPVS_DAEMON_ATTR_SYNC_ID {
            let read = daemon(|fields| {
                let others = (1..=IPVS_DAEMON_ATTR_SYNC_ID).filter(|kind| *kind != missing);
                others.for_each(|kind| write_daemon_field(fields, kind));
            });
            assert!(matches!(read, Err(KernelError::MissingAttribute(_))));
        }
        let read = daemon(|fields| {
            fields.u32(IPVS_DAEMON_ATTR_STATE, 3);
            write_daemon_field(fields, IPVS_DAEMON_ATTR_MCAST_IFN);
            write_daemon_field(fields, IPVS_DAEMON_ATTR_SYNC_ID);
        });
        assert!(matches!(read, Err(KernelError::Malformed(_))));
    }

    #[test]
    fn timeouts_information_and_the_family_s_number_are_read() {
        let timeouts = message(|message| {
            message.u32(IPVS_CMD_ATTR_TIMEOUT_TCP, 960);
            message.u32(IPVS_CMD_ATTR_TIMEOUT_TCP_FIN, 75);
            message.u32(IPVS_CMD_ATTR_TIMEOUT_UDP, 7200);
        });
        let read = read_timeouts(Attributes::new(&timeouts));
        assert_eq!(read, Ok(samples::TIMEOUTS));
        assert_eq!(read_timeouts(Attributes::new(&[])), Ok(Timeouts::default()));
        let info = message(|message| {
            message.u32(IPVS_INFO_ATTR_VERSION, 0x01_02_03);
            message.u32(IPVS_INFO_ATTR_CONN_TAB_SIZE, 4096);
        });
        assert_eq!(read_info(Attributes::new(&info)), Ok(samples::INFO));
        let family = message(|message| message.u16(CTRL_ATTR_FAMILY_ID, 31));
        assert_eq!(read_family_id(Attributes::new(&family)), Ok(31));
        assert!(read_family_id(Attributes::new(&[])).is_err());
    }

    #[test]
    fn a_verdict_is_an_errno_below_zero() {
        assert_eq!(read_verdict(&[]), Ok(()));
        assert_eq!(read_verdict(&0i32.to_ne_bytes()), Ok(()));
        let refused = read_verdict(&(-libc::EEXIST).to_ne_bytes());
        assert_eq!(refused, Err(KernelError::from_errno(libc::EEXIST)));
    }
}
