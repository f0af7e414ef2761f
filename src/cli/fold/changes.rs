//! Puts together what `-A`, `-E`, `-a`, `-e`, `-d` and `--start-daemon` describe: a virtual service,
//! a destination, a sync daemon, each whole. What is not named has its default.

#![forbid(unsafe_code)]

use super::Draft;
use crate::error::UsageError;
use crate::model::{
    AddressFamily, Destination, DestinationIdentity, Encapsulation, ForwardingMethod, KernelName,
    Netmask, Protocol, SchedulerFlags, ServiceIdentity, SyncDaemon, TunnelChecksum, VirtualService,
};
use crate::options::Modifier;
use crate::options::matrix::TunnelType;

const DEFAULT_INTERFACE: &str = "eth0";

impl Draft<'_> {
    pub(super) fn virtual_service(
        &self,
        identity: ServiceIdentity,
        scheduler_flags: SchedulerFlags,
    ) -> Result<VirtualService, UsageError> {
        if let ServiceIdentity::Endpoint { port: 0, .. } = identity
            && self.persistence_timeout.is_none()
        {
            return Err(UsageError::ZeroPort);
        }
        let one_packet = self.one_packet(identity)?;
        Ok(VirtualService {
            identity,
            scheduler: self.scheduler,
            scheduler_flags,
            persistence_timeout: self.persistence_timeout,
            netmask: self
                .netmask
                .unwrap_or_else(|| Netmask::single_host(identity.family())),
            persistence_engine: self.persistence_engine,
            one_packet,
        })
    }

    pub(super) fn one_packet(&self, service: ServiceIdentity) -> Result<bool, UsageError> {
        let one_packet = self.given.has(Modifier::OnePacket);
        match service.protocol() {
            Some(Protocol::Tcp | Protocol::Sctp) if one_packet => {
                Err(UsageError::OnePacketWithoutUdp)
            }
            _ => Ok(one_packet),
        }
    }

    pub(super) fn destination_identity(
        &self,
        service: ServiceIdentity,
    ) -> Result<DestinationIdentity, UsageError> {
        let server = self.server.ok_or(UsageError::ServerAddress)?;
        Ok(DestinationIdentity {
            address: server.address,
            port: server.port.unwrap_or(service.port()),
        })
    }

    /// Returns the destination's identity, given that it is to have this forwarding method.
    pub(super) fn destination_identity_with(
        &self,
        service: ServiceIdentity,
        forwarding: Modifier,
    ) -> Result<DestinationIdentity, UsageError> {
        let mut identity = self.destination_identity(service)?;
        let keeps_its_port = forwarding == Modifier::Masquerading
            || matches!(service, ServiceIdentity::FirewallMark { .. });
        if !keeps_its_port {
            identity.port = service.port();
        }
        Ok(identity)
    }

    pub(super) fn destination(&self, service: ServiceIdentity) -> Result<Destination, UsageError> {
        let identity = self.destination_identity_with(service, self.forwarding)?;
        let is_tunnel = self.forwarding == Modifier::Ipip;
        if AddressFamily::of(identity.address) != service.family() && !is_tunnel {
            return Err(UsageError::FamilyWithoutTunnel);
        }
        if self.given.has_tunnel_options() && !is_tunnel {
            return Err(UsageError::TunnelOptionsWithoutTunnel);
        }
        let forwarding_method = match self.forwarding {
            Modifier::Masquerading => ForwardingMethod::Masquerading,
            Modifier::Ipip => ForwardingMethod::Tunnel(self.encapsulation()?),
            _ => ForwardingMethod::DirectRouting,
        };
        Ok(Destination {
            identity,
            forwarding_method,
            weight: self.weight,
            upper_threshold: self.upper_threshold,
            lower_threshold: self.lower_threshold,
        })
    }

    pub(super) fn tunnel_checksum(&self) -> TunnelChecksum {
        if self.given.has(Modifier::TunnelChecksum) {
            TunnelChecksum::Full
        } else if self.given.has(Modifier::TunnelRemoteChecksum) {
            TunnelChecksum::Remote
        } else {
            TunnelChecksum::None
        }
    }

    fn encapsulation(&self) -> Result<Encapsulation, UsageError> {
        self.given.check_tunnel(self.tunnel_type)?;
        let checksum = self.tunnel_checksum();
        Ok(match self.tunnel_type {
            TunnelType::Ipip => Encapsulation::Ipip,
            TunnelType::Gue => Encapsulation::Gue {
                port: self.tunnel_port,
                checksum,
            },
            TunnelType::Gre => Encapsulation::Gre { checksum },
        })
    }

    pub(super) fn sync_daemon(&self) -> SyncDaemon {
        let interface = if self.interface.is_empty() {
            KernelName::from(DEFAULT_INTERFACE)
        } else {
            self.interface
        };
        SyncDaemon {
            role: self.role,
            interface,
            sync_id: self.sync_id,
            max_length: self.max_length,
            group: self.mcast_group,
            port: self.mcast_port,
            ttl: self.mcast_ttl,
        }
    }
}
