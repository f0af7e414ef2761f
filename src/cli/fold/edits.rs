//! Puts together what `--keep` and `--drain` change: a part of what is there already. What is not
//! named stays as it is.

#![forbid(unsafe_code)]

use super::Draft;
use crate::edit::{
    DestinationAddition, DestinationEdit, NamedFlags, ServiceAddition, ServiceEdit, TunnelEdit,
};
use crate::error::UsageError;
use crate::model::ServiceIdentity;
use crate::options::{Command, Modifier};
use crate::request::DrainRequest;

impl Draft<'_> {
    pub(super) fn service_edit(
        &self,
        identity: ServiceIdentity,
        flags: NamedFlags,
    ) -> Result<ServiceEdit, UsageError> {
        Ok(ServiceEdit {
            identity,
            scheduler: self.named(Modifier::Scheduler, self.scheduler),
            scheduler_flags: self.named(Modifier::SchedulerFlags, flags),
            persistence_timeout: self.persistence_timeout,
            netmask: self.netmask,
            persistence_engine: self.named(Modifier::PersistenceEngine, self.persistence_engine),
            one_packet: self.one_packet(identity)?,
        })
    }

    pub(super) fn service_addition(
        &self,
        identity: ServiceIdentity,
        flags: NamedFlags,
    ) -> Result<ServiceAddition, UsageError> {
        let whole = self
            .named_flags(Some(self.scheduler))
            .and_then(|flags| self.virtual_service(identity, flags.flags));
        Ok(ServiceAddition {
            edit: self.service_edit(identity, flags)?,
            whole,
        })
    }

    pub(super) fn destination_addition(
        &self,
        service: ServiceIdentity,
    ) -> Result<DestinationAddition, UsageError> {
        Ok(DestinationAddition {
            edit: self.destination_edit(service)?,
            whole: self.destination(service),
        })
    }

    /// Returns the value of an option if that was given.
    fn named<T>(&self, modifier: Modifier, value: T) -> Option<T> {
        self.given.has(modifier).then_some(value)
    }

    pub(super) fn destination_edit(
        &self,
        service: ServiceIdentity,
    ) -> Result<DestinationEdit, UsageError> {
        let forwarding = self.named(self.forwarding, self.forwarding);
        let checksum = [
            Modifier::TunnelNoChecksum,
            Modifier::TunnelChecksum,
            Modifier::TunnelRemoteChecksum,
        ];
        Ok(DestinationEdit {
            service,
            // Where the method is not named, only the kernel knows whether the port counts.
            identity: match forwarding {
                Some(method) => self.destination_identity_with(service, method)?,
                None => self.destination_identity(service)?,
            },
            forwarding,
            tunnel: TunnelEdit {
                kind: self.named(Modifier::TunnelType, self.tunnel_type),
                port: self.named(Modifier::TunnelPort, self.tunnel_port),
                checksum: checksum
                    .into_iter()
                    .find(|modifier| self.given.has(*modifier))
                    .map(|modifier| (modifier, self.tunnel_checksum())),
            },
            weight: self.named(Modifier::Weight, self.weight),
            upper_threshold: self.named(Modifier::UpperThreshold, self.upper_threshold),
            lower_threshold: self.named(Modifier::LowerThreshold, self.lower_threshold),
        })
    }

    pub(super) fn drain(&self, command: Command) -> Result<DrainRequest, UsageError> {
        let service = self.service.identity();
        let server = self.server.ok_or(UsageError::ServerAddress)?;
        Ok(DrainRequest {
            service,
            address: server.address,
            port: server.port.or(service.map(|service| service.port())),
            deletes: command == Command::DeleteServer,
            seconds: self.drain_seconds,
            is_forced: self.given.has(Modifier::Force),
            may_be_missing: self.given.has(Modifier::Exist),
        })
    }
}

#[cfg(test)]
mod tests {
    use crate::cli;
    use crate::request::{DrainRequest, Request};

    fn read(line: &str) -> Request {
        cli::parse_words(line.split(' ').map(str::as_bytes)).unwrap()
    }

    #[test]
    fn a_drain_is_of_the_servers_that_are_named() {
        let address = "198.51.100.7".parse().unwrap();
        let Request::Change(crate::model::Change::DeleteService(service)) =
            read("-D -t 192.0.2.1:443")
        else {
            panic!("no service");
        };
        let everywhere = DrainRequest {
            service: None,
            address,
            port: None,
            deletes: false,
            seconds: None,
            is_forced: false,
            may_be_missing: false,
        };
        for (line, expected) in [
            ("-e -r 198.51.100.7 --drain", everywhere),
            (
                "-d -r 198.51.100.7:8080 --drain 77 --force",
                DrainRequest {
                    port: Some(8080),
                    deletes: true,
                    seconds: Some(77),
                    is_forced: true,
                    ..everywhere
                },
            ),
            (
                "-d -t 192.0.2.1:443 -r 198.51.100.7 --drain 0 --exist",
                DrainRequest {
                    service: Some(service),
                    port: Some(443),
                    deletes: true,
                    seconds: Some(0),
                    may_be_missing: true,
                    ..everywhere
                },
            ),
            (
                "-e -t 192.0.2.1:443 -r 198.51.100.7:8080 --drain",
                DrainRequest {
                    service: Some(service),
                    port: Some(8080),
                    ..everywhere
                },
            ),
        ] {
            assert_eq!(read(line), Request::Drain(expected), "{line}");
        }
    }
}
