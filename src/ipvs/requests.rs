//! The requests to IPVS: a change in, a netlink message out. The socket sends it.
//!
//! Headers are written by hand: neli's `Nlmsghdr` needs to know the length of its payload before it
//! is written, so the attributes would be built in a buffer of their own and copied.
//!
//! Source: `tests/parity/ipvsadm-1.31.md`, section 3, and the kernel's
//! `net/netfilter/ipvs/ip_vs_ctl.c`.

#![forbid(unsafe_code)]

use std::net::IpAddr;

use crate::ipvs::attributes::{Writer, align};
use crate::ipvs::constants::*;
use crate::model::{
    AddressFamily, Change, Destination, DestinationIdentity, Encapsulation, ForwardingMethod,
    KernelName, Netmask, ServiceIdentity, SyncDaemonRole, TunnelChecksum, VirtualService,
};

/// The bytes of a `struct nlmsghdr`.
pub const NLMSG_HEADER_LENGTH: usize = 16;
/// The bytes of a `struct genlmsghdr`.
pub const GENL_HEADER_LENGTH: usize = 4;
/// The bytes of the longest request: that of a destination with IPv6 addresses.
pub const LONGEST_REQUEST: usize = 164;

/// Appends a netlink message: its header (`struct nlmsghdr`) and the payload that `fill` appends.
///
/// `kind` is the message type, `flags` are `NLM_F_*`.
pub fn write_message(
    buffer: &mut Vec<u8>,
    kind: u16,
    flags: u16,
    sequence: u32,
    fill: impl FnOnce(&mut Vec<u8>),
) {
    let start = buffer.len();
    buffer.extend_from_slice(&[0; 4]);
    buffer.extend_from_slice(&kind.to_ne_bytes());
    buffer.extend_from_slice(&flags.to_ne_bytes());
    buffer.extend_from_slice(&sequence.to_ne_bytes());
    // Our port id; for 0 the kernel fills it in.
    buffer.extend_from_slice(&[0; 4]);
    fill(buffer);
    let length = (buffer.len() - start) as u32;
    buffer[start..start + 4].copy_from_slice(&length.to_ne_bytes());
    buffer.resize(align(buffer.len()), 0);
}

/// Appends a request to a generic netlink family: a message that begins with a second header
/// (`struct genlmsghdr`), then the attributes that `fill` writes.
pub fn write_request(
    buffer: &mut Vec<u8>,
    family: u16,
    flags: u16,
    sequence: u32,
    command: u8,
    fill: impl FnOnce(&mut Writer<'_>),
) {
    write_message(buffer, family, flags, sequence, |buffer| {
        buffer.extend_from_slice(&[command, IPVS_GENL_VERSION, 0, 0]);
        fill(&mut Writer::new(buffer));
    });
}

/// Returns the IPVS command for a change.
pub fn command_of(change: &Change) -> u8 {
    match change {
        Change::AddService(_) => IPVS_CMD_NEW_SERVICE,
        Change::EditService(_) => IPVS_CMD_SET_SERVICE,
        Change::DeleteService(_) => IPVS_CMD_DEL_SERVICE,
        Change::Flush => IPVS_CMD_FLUSH,
        Change::Zero(_) => IPVS_CMD_ZERO,
        Change::AddDestination(..) => IPVS_CMD_NEW_DEST,
        Change::EditDestination(..) => IPVS_CMD_SET_DEST,
        Change::DeleteDestination(..) => IPVS_CMD_DEL_DEST,
        Change::SetTimeouts(_) => IPVS_CMD_SET_CONFIG,
        Change::StartDaemon(_) => IPVS_CMD_NEW_DAEMON,
        Change::StopDaemon(..) => IPVS_CMD_DEL_DAEMON,
    }
}

/// Writes the attributes of a change.
pub fn write_change(writer: &mut Writer<'_>, change: &Change) {
    match change {
        Change::AddService(service) | Change::EditService(service) => {
            write_service(writer, service)
        }
        Change::DeleteService(identity) | Change::Zero(Some(identity)) => {
            write_service_identity(writer, identity)
        }
        Change::Flush | Change::Zero(None) => {}
        Change::AddDestination(service, destination)
        | Change::EditDestination(service, destination) => {
            write_service_identity(writer, service);
            writer.nested(IPVS_CMD_ATTR_DEST, |attributes| {
                write_destination_identity(attributes, &destination.identity);
                write_destination(attributes, destination);
            });
        }
        Change::DeleteDestination(service, identity) => {
            write_service_identity(writer, service);
            writer.nested(IPVS_CMD_ATTR_DEST, |attributes| {
                write_destination_identity(attributes, identity)
            });
        }
        Change::SetTimeouts(timeouts) => {
            writer.u32(IPVS_CMD_ATTR_TIMEOUT_TCP, timeouts.tcp);
            writer.u32(IPVS_CMD_ATTR_TIMEOUT_TCP_FIN, timeouts.tcp_fin);
            writer.u32(IPVS_CMD_ATTR_TIMEOUT_UDP, timeouts.udp);
        }
        Change::StartDaemon(daemon) => writer.nested(IPVS_CMD_ATTR_DAEMON, |attributes| {
            attributes.u32(IPVS_DAEMON_ATTR_STATE, state_of(daemon.role));
            attributes.name(IPVS_DAEMON_ATTR_MCAST_IFN, &daemon.interface);
            attributes.u32(IPVS_DAEMON_ATTR_SYNC_ID, daemon.sync_id);
            if let Some(length) = daemon.max_length {
                attributes.u16(IPVS_DAEMON_ATTR_SYNC_MAXLEN, length);
            }
            match daemon.group {
                Some(IpAddr::V4(group)) => {
                    attributes.bytes(IPVS_DAEMON_ATTR_MCAST_GROUP, group.octets())
                }
                Some(IpAddr::V6(group)) => {
                    attributes.bytes(IPVS_DAEMON_ATTR_MCAST_GROUP6, group.octets())
                }
                None => {}
            }
            if let Some(port) = daemon.port {
                attributes.u16(IPVS_DAEMON_ATTR_MCAST_PORT, port);
            }
            if let Some(ttl) = daemon.ttl {
                attributes.u8(IPVS_DAEMON_ATTR_MCAST_TTL, ttl);
            }
        }),
        Change::StopDaemon(role, sync_id) => writer.nested(IPVS_CMD_ATTR_DAEMON, |attributes| {
            attributes.u32(IPVS_DAEMON_ATTR_STATE, state_of(*role));
            attributes.name(IPVS_DAEMON_ATTR_MCAST_IFN, &KernelName::default());
            attributes.u32(IPVS_DAEMON_ATTR_SYNC_ID, *sync_id);
        }),
    }
}

/// Writes the attributes by which the kernel finds a virtual service.
pub fn write_service_identity(writer: &mut Writer<'_>, identity: &ServiceIdentity) {
    writer.nested(IPVS_CMD_ATTR_SERVICE, |attributes| {
        write_identity(attributes, identity)
    });
}

fn write_identity(attributes: &mut Writer<'_>, identity: &ServiceIdentity) {
    attributes.u16(IPVS_SVC_ATTR_AF, identity.family().number());
    match identity {
        ServiceIdentity::FirewallMark { mark, .. } => attributes.u32(IPVS_SVC_ATTR_FWMARK, *mark),
        ServiceIdentity::Endpoint {
            protocol,
            address,
            port,
        } => {
            attributes.u16(IPVS_SVC_ATTR_PROTOCOL, protocol.number());
            attributes.bytes(IPVS_SVC_ATTR_ADDR, address_bytes(*address));
            attributes.be16(IPVS_SVC_ATTR_PORT, *port);
        }
    }
}

fn write_service(writer: &mut Writer<'_>, service: &VirtualService) {
    writer.nested(IPVS_CMD_ATTR_SERVICE, |attributes| {
        write_identity(attributes, &service.identity);
        attributes.name(IPVS_SVC_ATTR_SCHED_NAME, &service.scheduler);
        if !service.persistence_engine.is_empty() {
            attributes.name(IPVS_SVC_ATTR_PE_NAME, &service.persistence_engine);
        }
        let mut flags = u32::from(service.scheduler_flags.bits()) << IP_VS_SVC_F_SCHED_SHIFT;
        if service.persistence_timeout.is_some() {
            flags |= IP_VS_SVC_F_PERSISTENT;
        }
        if service.one_packet {
            flags |= IP_VS_SVC_F_ONEPACKET;
        }
        let mut flags_and_mask = [0xff; 8];
        flags_and_mask[..4].copy_from_slice(&flags.to_ne_bytes());
        attributes.bytes(IPVS_SVC_ATTR_FLAGS, flags_and_mask);
        attributes.u32(
            IPVS_SVC_ATTR_TIMEOUT,
            service.persistence_timeout.unwrap_or(0),
        );
        match service.netmask {
            Netmask::Ipv4(mask) => attributes.bytes(IPVS_SVC_ATTR_NETMASK, mask.octets()),
            Netmask::Ipv6(prefix) => attributes.u32(IPVS_SVC_ATTR_NETMASK, prefix),
        }
    });
}

fn write_destination_identity(attributes: &mut Writer<'_>, identity: &DestinationIdentity) {
    attributes.u16(
        IPVS_DEST_ATTR_ADDR_FAMILY,
        AddressFamily::of(identity.address).number(),
    );
    attributes.bytes(IPVS_DEST_ATTR_ADDR, address_bytes(identity.address));
    attributes.be16(IPVS_DEST_ATTR_PORT, identity.port);
}

fn write_destination(attributes: &mut Writer<'_>, destination: &Destination) {
    let method = match destination.forwarding_method {
        ForwardingMethod::Masquerading => IP_VS_CONN_F_MASQ,
        ForwardingMethod::Local => IP_VS_CONN_F_LOCALNODE,
        ForwardingMethod::DirectRouting => IP_VS_CONN_F_DROUTE,
        ForwardingMethod::Tunnel(_) => IP_VS_CONN_F_TUNNEL,
    };
    // Without a tunnel these mean nothing, but the reference sends them all the same.
    let (tunnel_type, tunnel_port, checksum) = match destination.forwarding_method {
        ForwardingMethod::Tunnel(Encapsulation::Gue { port, checksum }) => {
            (IP_VS_CONN_F_TUNNEL_TYPE_GUE, port, checksum)
        }
        ForwardingMethod::Tunnel(Encapsulation::Gre { checksum }) => {
            (IP_VS_CONN_F_TUNNEL_TYPE_GRE, 0, checksum)
        }
        _ => (IP_VS_CONN_F_TUNNEL_TYPE_IPIP, 0, TunnelChecksum::None),
    };
    attributes.u32(IPVS_DEST_ATTR_FWD_METHOD, method);
    attributes.u32(IPVS_DEST_ATTR_WEIGHT, destination.weight);
    attributes.u8(IPVS_DEST_ATTR_TUN_TYPE, tunnel_type);
    attributes.be16(IPVS_DEST_ATTR_TUN_PORT, tunnel_port);
    let checksum = match checksum {
        TunnelChecksum::None => IP_VS_TUNNEL_ENCAP_FLAG_NOCSUM,
        TunnelChecksum::Full => IP_VS_TUNNEL_ENCAP_FLAG_CSUM,
        TunnelChecksum::Remote => IP_VS_TUNNEL_ENCAP_FLAG_REMCSUM,
    };
    attributes.u16(IPVS_DEST_ATTR_TUN_FLAGS, checksum);
    attributes.u32(IPVS_DEST_ATTR_U_THRESH, destination.upper_threshold);
    attributes.u32(IPVS_DEST_ATTR_L_THRESH, destination.lower_threshold);
}

/// Returns the kernel's `union nf_inet_addr`: 16 bytes, an IPv4 address in the first four.
fn address_bytes(address: IpAddr) -> [u8; 16] {
    match address {
        IpAddr::V4(address) => {
            let mut bytes = [0; 16];
            bytes[..4].copy_from_slice(&address.octets());
            bytes
        }
        IpAddr::V6(address) => address.octets(),
    }
}

fn state_of(role: SyncDaemonRole) -> u32 {
    match role {
        SyncDaemonRole::Master => IP_VS_STATE_MASTER,
        SyncDaemonRole::Backup => IP_VS_STATE_BACKUP,
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv6Addr;

    use super::*;
    use crate::model::{Protocol, SchedulerFlags, SyncDaemon};

    #[test]
    fn the_longest_request_is_as_long_as_its_constant() {
        let address = IpAddr::V6(Ipv6Addr::LOCALHOST);
        let name = KernelName::from("fifteen letters");
        let identity = ServiceIdentity::Endpoint {
            protocol: Protocol::Tcp,
            address,
            port: 80,
        };
        let service = VirtualService {
            identity,
            scheduler: name,
            scheduler_flags: SchedulerFlags::default(),
            persistence_timeout: Some(1),
            netmask: Netmask::Ipv6(128),
            persistence_engine: name,
            one_packet: false,
        };
        let destination = Destination {
            identity: DestinationIdentity { address, port: 80 },
            forwarding_method: ForwardingMethod::Masquerading,
            weight: 1,
            upper_threshold: 0,
            lower_threshold: 0,
        };
        let daemon = SyncDaemon {
            role: SyncDaemonRole::Master,
            interface: name,
            sync_id: 1,
            max_length: Some(1),
            group: Some(address),
            port: Some(1),
            ttl: Some(1),
        };
        let length_of = |change: Change| {
            let mut request = Vec::new();
            write_request(&mut request, 20, 1, 1, command_of(&change), |writer| {
                write_change(writer, &change)
            });
            request.len()
        };
        let lengths = [
            Change::AddService(service),
            Change::AddDestination(identity, destination),
            Change::StartDaemon(daemon),
        ]
        .map(length_of);
        assert_eq!(
            lengths.into_iter().max(),
            Some(LONGEST_REQUEST),
            "{lengths:?}"
        );
    }

    /// The same on machines of either byte order.
    #[test]
    fn ports_and_addresses_are_in_network_byte_order_and_numbers_in_the_machines() {
        let identity = ServiceIdentity::Endpoint {
            protocol: Protocol::Tcp,
            address: IpAddr::from([192, 0, 2, 1]),
            port: 0x1234,
        };
        let destination = Destination {
            identity: DestinationIdentity {
                address: IpAddr::V6(Ipv6Addr::LOCALHOST),
                port: 0x5678,
            },
            forwarding_method: ForwardingMethod::Masquerading,
            weight: 0x0102_0304,
            upper_threshold: 0,
            lower_threshold: 0,
        };
        let change = Change::AddDestination(identity, destination);
        let mut request = Vec::new();
        write_request(&mut request, 0x0a0b, 1, 1, command_of(&change), |writer| {
            write_change(writer, &change)
        });
        assert_eq!(request[..4], (request.len() as u32).to_ne_bytes());
        assert_eq!(request[4..6], 0x0a0b_u16.to_ne_bytes());
        let holds = |bytes: &[u8]| request.windows(bytes.len()).any(|window| window == bytes);
        assert!(holds(&[192, 0, 2, 1]));
        assert!(holds(&[0x12, 0x34]) && !holds(&[0x34, 0x12]));
        assert!(holds(&[0x56, 0x78]) && !holds(&[0x78, 0x56]));
        assert!(holds(&0x0102_0304_u32.to_ne_bytes()));
    }
}
