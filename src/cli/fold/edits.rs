//! Puts together what `--keep`, `--drain` and `--ramp` change: a part of what is there already. The
//! rest stays as it is.

#![forbid(unsafe_code)]

use super::Draft;
use crate::edit::{
    DestinationAddition, DestinationEdit, NamedFlags, ServiceAddition, ServiceEdit, TunnelEdit,
};
use crate::error::UsageError;
use crate::model::ServiceIdentity;
use crate::options::{Command, Modifier, Owner};
use crate::request::{AfterDrain, DrainRequest, NamedServer, RampRequest, Returning};

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
                kind: self.named(Modifier::TunnelType, self.tunnel_kind),
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
        let then = match command {
            Command::DeleteService => AfterDrain::DeleteService,
            Command::DeleteServer => AfterDrain::DeleteServers,
            _ => AfterDrain::Stay,
        };
        Ok(DrainRequest {
            service: self.service.identity(),
            server: match then {
                AfterDrain::DeleteService => None,
                _ => Some(self.named_server()?),
            },
            then,
            seconds: self.drain_seconds,
            // That new clients find no server is what the end of a service is about.
            is_forced: self.given.has(Modifier::Force) || then == AfterDrain::DeleteService,
            may_be_missing: self.given.has(Modifier::Exist),
        })
    }

    pub(super) fn ramp(&self, command: Command) -> Result<RampRequest, UsageError> {
        let returning = match self.service.identity() {
            Some(service) if command == Command::AddServer => {
                Returning::Added(service, self.destination(service)?)
            }
            Some(service) => Returning::Edited(self.destination_edit(service)?),
            None => {
                // A weight is all that a server can be given in every service alike.
                if self.given.describes_a_server_beyond_its_weight() {
                    let owner = Owner::Variant(command, Modifier::Ramp);
                    return Err(UsageError::Needed(Modifier::TcpService, owner));
                }
                let weight = self.named(Modifier::Weight, self.weight);
                Returning::Everywhere(self.named_server()?, weight)
            }
        };
        Ok(RampRequest {
            returning,
            seconds: self.ramp_seconds,
        })
    }

    /// Returns the real server as it was named; in one service, its port is that one's.
    fn named_server(&self) -> Result<NamedServer, UsageError> {
        let server = self.server.ok_or(UsageError::ServerAddress)?;
        let service = self.service.identity();
        Ok(NamedServer {
            address: server.address,
            port: server.port.or(service.map(|service| service.port())),
        })
    }
}

#[cfg(test)]
mod tests {
    use crate::cli;
    use crate::request::{AfterDrain, DrainRequest, NamedServer, Request, Returning};

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
        let at = |port| Some(NamedServer { address, port });
        let everywhere = DrainRequest {
            service: None,
            server: at(None),
            then: AfterDrain::Stay,
            seconds: None,
            is_forced: false,
            may_be_missing: false,
        };
        for (line, expected) in [
            ("-e -r 198.51.100.7 --drain", everywhere),
            (
                "-d -r 198.51.100.7:8080 --drain 77 --force",
                DrainRequest {
                    server: at(Some(8080)),
                    then: AfterDrain::DeleteServers,
                    seconds: Some(77),
                    is_forced: true,
                    ..everywhere
                },
            ),
            (
                "-d -t 192.0.2.1:443 -r 198.51.100.7 --drain 0 --exist",
                DrainRequest {
                    service: Some(service),
                    server: at(Some(443)),
                    then: AfterDrain::DeleteServers,
                    seconds: Some(0),
                    may_be_missing: true,
                    ..everywhere
                },
            ),
            (
                "-e -t 192.0.2.1:443 -r 198.51.100.7:8080 --drain",
                DrainRequest {
                    service: Some(service),
                    server: at(Some(8080)),
                    ..everywhere
                },
            ),
            (
                "-D -t 192.0.2.1:443 --drain 9",
                DrainRequest {
                    service: Some(service),
                    server: None,
                    then: AfterDrain::DeleteService,
                    seconds: Some(9),
                    is_forced: true,
                    ..everywhere
                },
            ),
        ] {
            assert_eq!(read(line), Request::Drain(expected), "{line}");
        }
    }
    #[test]
    fn a_ramp_is_of_the_servers_that_are_named() {
        let ramp = |line: &str| match read(line) {
            Request::Ramp(request) => *request,
            other => panic!("{line}: {other:?}"),
        };
        let everywhere = ramp("-e -r 198.51.100.7 -w 90 --ramp 60");
        assert_eq!(everywhere.seconds, 60);
        let server = NamedServer {
            address: "198.51.100.7".parse().unwrap(),
            port: None,
        };
        assert_eq!(
            everywhere.returning,
            Returning::Everywhere(server, Some(90))
        );
        let kept = ramp("-e -r 198.51.100.7 --keep --ramp 60");
        assert_eq!(kept.returning, Returning::Everywhere(server, None));
        let Returning::Edited(edit) = ramp("-e -f 7 -r 198.51.100.7 -w 90 --ramp 5").returning
        else {
            panic!("no edit");
        };
        // What is not named stays.
        assert_eq!((edit.weight, edit.forwarding), (Some(90), None));
        let Returning::Added(_, added) =
            ramp("-a -f 7 -r 198.51.100.7 -m -w 90 --ramp 5").returning
        else {
            panic!("nothing is added");
        };
        assert_eq!(added.weight, 90);
    }
}
