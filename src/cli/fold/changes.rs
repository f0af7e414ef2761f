//! Puts together what `-A`, `-E`, `-a`, `-e`, `-d` and `--start-daemon` describe: a virtual
//! service, a destination, a sync daemon, each whole. What is not named has its default.

#![forbid(unsafe_code)]

use super::Draft;
use crate::error::UsageError;
use crate::model::{
    AddressFamily, Destination, DestinationIdentity, Encapsulation, ForwardingMethod, KernelName,
    Netmask, Protocol, SchedulerFlags, ServiceIdentity, SyncDaemon, TunnelChecksum, TunnelKind,
    VirtualService,
};
use crate::options::Modifier;

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
        self.given.check_tunnel(self.tunnel_kind)?;
        let checksum = self.tunnel_checksum();
        Ok(match self.tunnel_kind {
            TunnelKind::Ipip => Encapsulation::Ipip,
            TunnelKind::Gue => Encapsulation::Gue {
                port: self.tunnel_port,
                checksum,
            },
            TunnelKind::Gre => Encapsulation::Gre { checksum },
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

#[cfg(test)]
mod tests {
    use crate::cli;
    use crate::render::endpoints::EndpointWriter;
    use crate::render::rules::write_change;
    use crate::request::Request;

    /// Reads a line; returns the change that it asks for as the line that names all of it.
    fn in_full(line: &str) -> String {
        let change = match cli::parse_words(line.split(' ').map(str::as_bytes)) {
            Ok(Request::Change(change)) => change,
            other => panic!("{line}: {other:?}"),
        };
        let mut out = Vec::new();
        write_change(&mut out, &mut EndpointWriter::numeric(), &change);
        String::from_utf8(out).unwrap().trim_end().to_owned()
    }

    #[test]
    fn what_is_named_is_in_the_change() {
        for line in [
            "-A -t 192.0.2.1:80 -s rr",
            "-A -t 192.0.2.1:0 -s wrr -p 61",
            "-E -u 192.0.2.1:53 -s sh -p 62 -M 255.255.254.0 --pe sip -o -b sh-fallback,sh-port",
            "-A --sctp-service [2001:db8::1]:38412 -s mh -p 63 -M 48 -b mh-port",
            "-A -f 7 -6 -s lc -p 2678400 -M 49 -o",
            "-D -u 192.0.2.1:53",
            "-D -f 8 -6",
            "-C",
            "-Z",
            "-Z -f 9",
            "-a -t 192.0.2.1:80 -r 198.51.100.7:8080 -m -w 3 -x 1009 -y 805",
            "-e -f 7 -r 198.51.100.7:8081 -g -w 2147483647 -x 2147483646 -y 2147483645",
            "-a -u 192.0.2.1:53 -r [2001:db8::7]:53 -i -w 0 --tun-type gue --tun-port 6081 --tun-csum",
            "-e -f 7 -r 198.51.100.7:0 -i -w 4 --tun-type gue --tun-port 65535 --tun-remcsum",
            "-a -f 7 -r 198.51.100.7:82 -i -w 5 --tun-type gre --tun-csum",
            "-d -t 192.0.2.1:80 -r 198.51.100.7:8080",
            "--set 2678400 3 4",
            "--start-daemon backup --mcast-interface eth1 --syncid 255 --sync-maxlen 65507 \
             --mcast-group 224.0.0.83 --mcast-port 8849 --mcast-ttl 254",
            "--start-daemon master --mcast-interface eth2 --syncid 17 --mcast-group ff02::83 \
             --mcast-port 65535 --mcast-ttl 255",
            "--stop-daemon backup --syncid 18",
            "--stop-daemon master --syncid 19",
        ] {
            assert_eq!(in_full(line), line);
        }
    }

    #[test]
    fn what_is_not_named_has_its_default() {
        for (line, whole) in [
            ("-A -t 192.0.2.1:80", "-A -t 192.0.2.1:80 -s wlc"),
            ("-A -p -u 192.0.2.1", "-A -u 192.0.2.1:0 -s wlc -p 360"),
            ("-E -M 50 -p 64 -6 -f 7", "-E -f 7 -6 -s wlc -p 64 -M 50"),
            // By default, a mask of either family is one of single hosts.
            ("-A -p 65 -6 -f 7", "-A -f 7 -6 -s wlc -p 65"),
            (
                "-a -t 192.0.2.1:80 -r 198.51.100.7",
                "-a -t 192.0.2.1:80 -r 198.51.100.7:80 -g -w 1",
            ),
            (
                "-a -f 7 -r 198.51.100.7 -m",
                "-a -f 7 -r 198.51.100.7:0 -m -w 1",
            ),
            (
                "-a -f 7 -r 198.51.100.7:83 -i",
                "-a -f 7 -r 198.51.100.7:83 -i -w 1 --tun-type ipip",
            ),
            (
                "-a -f 7 -r 198.51.100.7:83 -i --tun-type gre",
                "-a -f 7 -r 198.51.100.7:83 -i -w 1 --tun-type gre --tun-nocsum",
            ),
            (
                "-d -t 192.0.2.1:80 -r 198.51.100.7",
                "-d -t 192.0.2.1:80 -r 198.51.100.7:80",
            ),
            (
                "--start-daemon master",
                "--start-daemon master --mcast-interface eth0 --syncid 0",
            ),
            ("--stop-daemon backup", "--stop-daemon backup --syncid 0"),
        ] {
            assert_eq!(in_full(line), whole, "{line}");
        }
    }

    #[test]
    fn only_masquerading_and_firewall_marks_change_ports() {
        const SERVER: &str = "-t 192.0.2.1:80 -r 198.51.100.7";
        for (forwarding, port, rest) in [
            ("-g", 80, "-g -w 1"),
            ("-i", 80, "-i -w 1 --tun-type ipip"),
            ("-m", 8080, "-m -w 1"),
        ] {
            assert_eq!(
                in_full(&format!("-e {SERVER}:8080 {forwarding}")),
                format!("-e {SERVER}:{port} {rest}")
            );
        }
    }
}
