//! Describes what a diagnosis finds: what is wrong, what that rests on, how bad it is, what was
//! seen, and what to do.

#![forbid(unsafe_code)]

use serde_json::Value;

use crate::diagnose::facts::{Server, Service};
use crate::model::{Change, DestinationIdentity, ServiceIdentity};
use crate::render::endpoints::EndpointWriter;
use crate::render::rules;

/// The severity of a finding, the worst first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// Packets are not answered.
    Fault,
    /// They will not be, under a condition.
    Risk,
    /// Good to know.
    Note,
}

impl Level {
    pub fn word(self) -> &'static str {
        match self {
            Level::Fault => "fault",
            Level::Risk => "risk",
            Level::Note => "note",
        }
    }
}

/// The evidence that a finding rests on, the strongest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Basis {
    /// Real packets: counters, connections, and packets seen on the wire.
    Traffic,
    /// Packets of ours.
    Probe,
    /// Tables and settings.
    State,
}

impl Basis {
    pub fn word(self) -> &'static str {
        match self {
            Basis::Traffic => "traffic",
            Basis::Probe => "probe",
            Basis::State => "state",
        }
    }
}

/// The reach of the evidence, taken by itself. [`ladder`](crate::diagnose::ladder) makes a
/// [`Level`] of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Claim {
    /// By state: no set-up can work like this. By traffic: packets were seen to end here. By a
    /// probe: ours did.
    Hinders,
    /// It keeps clients from being answered, under a condition that the text names.
    MayHinder,
    /// It is why clients wait, if they do, and says nothing where they do not.
    Explains,
    /// It may be why nobody is answered, and there is too little to accuse anyone.
    Suspects,
    /// It hurts some clients, whatever others meet.
    HurtsSome,
    /// Good to know.
    Informs,
}

/// The place to run a command at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RemedyPlace {
    /// On the director.
    Here,
    /// On the director, outside of network namespaces: the setting is the whole machine's.
    Machine,
    /// On the real server that the finding is about.
    There,
}

impl RemedyPlace {
    pub fn word(self) -> &'static str {
        match self {
            RemedyPlace::Here | RemedyPlace::Machine => "here",
            RemedyPlace::There => "there",
        }
    }
}

/// A command that helps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remedy {
    pub place: RemedyPlace,
    pub command: String,
}

/// Something found.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    /// The check's, filled in when its findings are gathered.
    pub id: &'static str,
    /// The ids of faults and risks that explain it, filled in likewise.
    pub unless: &'static [&'static str],
    pub basis: Basis,
    pub claim: Claim,
    /// Set by the ladder.
    pub level: Level,
    /// The virtual service that it is about; none for the director itself, or several.
    pub service: Option<ServiceIdentity>,
    /// The services that one about the director touches; all, where none is named.
    pub touches: Vec<ServiceIdentity>,
    /// The servers among those of [`touches`](Self::touches) that it keeps from their clients, where
    /// it is not about all of them.
    pub servers: Vec<(ServiceIdentity, DestinationIdentity)>,
    /// The real server that it is about.
    pub real_server: Option<DestinationIdentity>,
    /// Observations, by name.
    pub evidence: Vec<(&'static str, Value)>,
    /// One or two sentences.
    pub text: String,
    /// To be run in this order.
    pub remedy: Vec<Remedy>,
}

impl Finding {
    pub fn new(basis: Basis, claim: Claim, text: String) -> Finding {
        Finding {
            id: "",
            unless: &[],
            basis,
            claim,
            level: Level::Note,
            service: None,
            touches: Vec::new(),
            servers: Vec::new(),
            real_server: None,
            evidence: Vec::new(),
            text,
            remedy: Vec::new(),
        }
    }

    pub fn about(mut self, service: ServiceIdentity) -> Finding {
        self.service = Some(service);
        self
    }

    /// Touches servers, and so their services.
    pub fn touching_servers<'f>(
        mut self,
        servers: impl IntoIterator<Item = (&'f Service, &'f Server)>,
    ) -> Finding {
        for (service, server) in servers {
            self.touches.push(service.identity());
            self.servers.push((service.identity(), server.identity()));
        }
        self
    }

    pub fn of_server(mut self, server: DestinationIdentity) -> Finding {
        self.real_server = Some(server);
        self
    }

    pub fn seen(mut self, name: &'static str, value: impl Into<Value>) -> Finding {
        self.evidence.push((name, value.into()));
        self
    }

    pub fn here(self, command: impl Into<String>) -> Finding {
        self.at(RemedyPlace::Here, command.into())
    }

    pub fn there(self, command: impl Into<String>) -> Finding {
        self.at(RemedyPlace::There, command.into())
    }

    /// A change of the table.
    pub fn by(self, change: &Change) -> Finding {
        let mut command = b"ipvsadm ".to_vec();
        rules::write_change(&mut command, &mut EndpointWriter::numeric(), change);
        self.here(String::from_utf8_lossy(&command).trim_end())
    }

    /// A setting of the kernel.
    pub fn by_setting(self, name: &str, value: impl std::fmt::Display) -> Finding {
        self.here(format!("sysctl -w {name}={value}"))
    }

    /// A setting that all network namespaces have in common.
    pub fn by_setting_of_machine(self, name: &str, value: impl std::fmt::Display) -> Finding {
        self.at(RemedyPlace::Machine, format!("sysctl -w {name}={value}"))
    }

    /// A command for outside of network namespaces.
    pub fn on_machine(self, command: impl Into<String>) -> Finding {
        self.at(RemedyPlace::Machine, command.into())
    }

    /// Puts `prefix`, which enters a network namespace, before its commands for here.
    pub fn lead_into(&mut self, prefix: &str) {
        for remedy in &mut self.remedy {
            if remedy.place == RemedyPlace::Here {
                remedy.command.insert_str(0, prefix);
            }
        }
    }

    fn at(mut self, place: RemedyPlace, command: String) -> Finding {
        self.remedy.push(Remedy { place, command });
        self
    }

    /// Makes it about a server of several services, of which this is the first.
    pub fn of_many(mut self, services: usize) -> Finding {
        let more = services.saturating_sub(1);
        self.text
            .push_str(&format!(" The same in {more} more services."));
        self.touches.extend(self.service.take());
        self.seen("services", services)
    }

    /// Adds the service and the commands of one that says the same of the same machine, and is as
    /// bad as the worse of the two.
    pub fn take_in(&mut self, other: Finding) {
        self.level = self.level.min(other.level);
        self.touches.extend(other.service);
        for remedy in other.remedy {
            if !self.remedy.contains(&remedy) {
                self.remedy.push(remedy);
            }
        }
        let is_same = self.real_server == other.real_server;
        if let Some(server) = self.real_server.as_mut().filter(|_| !is_same) {
            server.port = 0;
        }
    }

    /// Returns true if it is about a service, or about the director in a way that touches it.
    pub fn concerns(&self, service: ServiceIdentity) -> bool {
        match self.service {
            Some(own) => own == service,
            None => self.touches.is_empty() || self.touches.contains(&service),
        }
    }

    /// Returns true if all that another finding is about is part of what this one is about.
    pub fn covers(&self, other: &Finding) -> bool {
        let is_of_service = match other.service {
            Some(service) => self.concerns(service),
            None => self.service.is_none() && self.touches.is_empty(),
        };
        let is_of_server = match (other.service, other.real_server) {
            (Some(service), Some(server)) if !self.servers.is_empty() => {
                self.servers.contains(&(service, server))
            }
            _ => true,
        };
        is_of_service
            && is_of_server
            && self
                .real_server
                .is_none_or(|server| other.real_server == Some(server))
    }
}
