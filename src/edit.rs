//! The edit that `--keep` asks for, which names only what is to change, and is applied to the entry
//! that is there; and what `--exist` does where an entry is there already, or is not.
//!
//! Pure. Where the entry is read, in the kernel or in the rules before, is the business of
//! [`crate::commands`]: of `keep` and of `restore` there.

#![forbid(unsafe_code)]

use nix::errno::Errno;

use crate::error::{Operation, UsageError};
use crate::model::{
    AddressFamily, Change, Destination, DestinationIdentity, Encapsulation, ForwardingMethod,
    KernelName, Netmask, SchedulerFlags, ServiceIdentity, SyncDaemon, TunnelChecksum, TunnelKind,
    VirtualService,
};
use crate::options::{Modifier, Owner};

/// An edit of which the words name a part; the rest stays as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Edit {
    Service(ServiceEdit),
    Destination(DestinationEdit),
}

impl Edit {
    /// Returns the operation that the kernel is asked for in the end.
    pub fn operation(&self) -> Operation {
        match self {
            Edit::Service(_) => Operation::EditService,
            Edit::Destination(_) => Operation::EditDestination,
        }
    }
}

/// A change to a part of a virtual service. `None` leaves it as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ServiceEdit {
    pub identity: ServiceIdentity,
    pub scheduler: Option<KernelName>,
    pub scheduler_flags: Option<NamedFlags>,
    pub persistence_timeout: Option<u32>,
    pub netmask: Option<Netmask>,
    pub persistence_engine: Option<KernelName>,
    /// `false` leaves it as it is, too: there is no word that switches it off.
    pub one_packet: bool,
}

/// Flags as they were named, and the one scheduler to which they belong, if they do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NamedFlags {
    pub flags: SchedulerFlags,
    pub owner: Option<&'static str>,
}

impl ServiceEdit {
    /// Returns the service as it is to be.
    ///
    /// # Errors
    /// [`UsageError::SchedulerFlagOfAnother`] where the scheduler that is there has no such flag.
    pub fn of(&self, there: &VirtualService) -> Result<VirtualService, UsageError> {
        let scheduler = self.scheduler.unwrap_or(there.scheduler);
        let scheduler_flags = match self.scheduler_flags {
            Some(NamedFlags { flags, owner }) => {
                if let Some(owner) = owner.map(KernelName::from)
                    && owner != scheduler
                {
                    let flag = flags.words(owner).next().unwrap_or_default();
                    return Err(UsageError::SchedulerFlagOfAnother(flag.into()));
                }
                flags
            }
            None => kept_flags(there, scheduler),
        };
        Ok(VirtualService {
            identity: self.identity,
            scheduler,
            scheduler_flags,
            persistence_timeout: self.persistence_timeout.or(there.persistence_timeout),
            netmask: self.netmask.unwrap_or(there.netmask),
            persistence_engine: self.persistence_engine.unwrap_or(there.persistence_engine),
            one_packet: self.one_packet || there.one_packet,
        })
    }
}

/// Returns the flags that a service keeps. To another scheduler the same bits may mean something
/// else: they stay only where it calls them by the same words.
fn kept_flags(there: &VirtualService, scheduler: KernelName) -> SchedulerFlags {
    let flags = there.scheduler_flags;
    match flags.words(there.scheduler).eq(flags.words(scheduler)) {
        true => flags,
        false => SchedulerFlags::default(),
    }
}

/// A change to a part of a destination. `None` leaves it as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DestinationEdit {
    pub service: ServiceIdentity,
    pub identity: DestinationIdentity,
    /// `-g`, `-i` or `-m`.
    pub forwarding: Option<Modifier>,
    pub tunnel: TunnelEdit,
    pub weight: Option<u32>,
    pub upper_threshold: Option<u32>,
    pub lower_threshold: Option<u32>,
}

impl DestinationEdit {
    /// Returns the destination as it is to be.
    ///
    /// # Errors
    /// An option that does not go with the forwarding method, or the tunnel, that it has or is to
    /// have.
    pub fn of(&self, there: &Destination) -> Result<Destination, UsageError> {
        use ForwardingMethod::{DirectRouting, Masquerading, Tunnel};
        let forwarding_method = match (self.forwarding, there.forwarding_method) {
            (Some(Modifier::Masquerading), _) => Masquerading,
            (None | Some(Modifier::Ipip), Tunnel(was)) => Tunnel(self.tunnel.of(was)?),
            (Some(Modifier::Ipip), _) => Tunnel(self.tunnel.of(Encapsulation::Ipip)?),
            (Some(_), _) => DirectRouting,
            (None, method) => method,
        };
        if !matches!(forwarding_method, Tunnel(_)) {
            if self.tunnel != TunnelEdit::default() {
                return Err(UsageError::TunnelOptionsWithoutTunnel);
            }
            if AddressFamily::of(self.identity.address) != self.service.family() {
                return Err(UsageError::FamilyWithoutTunnel);
            }
        }
        Ok(Destination {
            identity: self.identity,
            forwarding_method,
            weight: self.weight.unwrap_or(there.weight),
            upper_threshold: self.upper_threshold.unwrap_or(there.upper_threshold),
            lower_threshold: self.lower_threshold.unwrap_or(there.lower_threshold),
        })
    }
}

/// A change to the way in which a tunnel wraps its packets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TunnelEdit {
    pub kind: Option<TunnelKind>,
    /// The UDP port of the real server, host byte order.
    pub port: Option<u16>,
    /// The option that names a checksum, and what it names.
    pub checksum: Option<(Modifier, TunnelChecksum)>,
}

impl TunnelEdit {
    fn of(&self, was: Encapsulation) -> Result<Encapsulation, UsageError> {
        let (port, checksum) = match was {
            Encapsulation::Ipip => (None, TunnelChecksum::None),
            Encapsulation::Gue { port, checksum } => (Some(port), checksum),
            Encapsulation::Gre { checksum } => (None, checksum),
        };
        let kind = self.kind.unwrap_or(was.kind());
        let owner = Owner::Tunnel(kind);
        let named = [
            self.port.map(|_| Modifier::TunnelPort),
            self.checksum.map(|(modifier, _)| modifier),
        ];
        for modifier in named.into_iter().flatten() {
            if !modifier.row().is_of_use_to(owner) {
                return Err(UsageError::Illegal(modifier, owner));
            }
        }
        let checksum = self.checksum.map_or(checksum, |(_, checksum)| checksum);
        Ok(match (kind, self.port.or(port)) {
            (TunnelKind::Ipip, _) => Encapsulation::Ipip,
            (TunnelKind::Gue, None) => {
                return Err(UsageError::Needed(Modifier::TunnelPort, owner));
            }
            (TunnelKind::Gue, Some(port)) => Encapsulation::Gue { port, checksum },
            (TunnelKind::Gre, _) => Encapsulation::Gre {
                // Only gue knows the remote one.
                checksum: match checksum {
                    TunnelChecksum::Remote => TunnelChecksum::None,
                    checksum => checksum,
                },
            },
        })
    }
}

/// An addition of what may be there already, and then changes only as far as it is named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Addition {
    Service(ServiceAddition),
    Destination(DestinationAddition),
}

impl Addition {
    /// Returns the service that it is about.
    pub fn service(&self) -> &ServiceIdentity {
        match self {
            Addition::Service(addition) => &addition.edit.identity,
            Addition::Destination(addition) => &addition.edit.service,
        }
    }

    /// Returns the operation that the kernel is asked for where the entry is missing.
    pub fn operation(&self) -> Operation {
        match self {
            Addition::Service(_) => Operation::AddService,
            Addition::Destination(_) => Operation::AddDestination,
        }
    }
}

/// An addition of a virtual service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceAddition {
    /// The change where it is there.
    pub edit: ServiceEdit,
    /// The entry to add where it is missing; a fault of the words counts only then.
    pub whole: Result<VirtualService, UsageError>,
}

impl ServiceAddition {
    /// Returns the change to make of the service that is there, or is missing; `None` where nothing
    /// is to change.
    ///
    /// # Errors
    /// Those of [`ServiceEdit::of`], and what keeps a missing one from being added.
    pub fn change(&self, there: Option<&VirtualService>) -> Result<Option<Change>, UsageError> {
        let Some(there) = there else {
            return self.whole.clone().map(Change::AddService).map(Some);
        };
        let becomes = self.edit.of(there)?;
        let is_new = !is_same_service(there, &becomes);
        Ok(is_new.then_some(Change::EditService(becomes)))
    }
}

/// An addition of a destination.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DestinationAddition {
    /// The change where it is there.
    pub edit: DestinationEdit,
    /// The entry to add where it is missing; a fault of the words counts only then.
    pub whole: Result<Destination, UsageError>,
}

impl DestinationAddition {
    /// Returns the change to make, given the way to find a destination that is there; `None` where
    /// nothing is to change.
    ///
    /// The port that is named counts first, for what is there may be masqueraded; then the one that
    /// a new destination would have.
    ///
    /// # Errors
    /// Those of [`DestinationEdit::of`], and what keeps a missing one from being added.
    pub fn change(
        &self,
        find: impl Fn(&DestinationIdentity) -> Option<Destination>,
    ) -> Result<Option<Change>, UsageError> {
        let find_new = || find(&self.whole.as_ref().ok()?.identity);
        let service = self.edit.service;
        let Some(there) = find(&self.edit.identity).or_else(find_new) else {
            let whole = self.whole.clone()?;
            return Ok(Some(Change::AddDestination(service, whole)));
        };
        let edit = DestinationEdit {
            identity: there.identity,
            ..self.edit
        };
        let becomes = edit.of(&there)?;
        let is_new = !is_same_destination(&there, &becomes);
        Ok(is_new.then_some(Change::EditDestination(service, becomes)))
    }
}

/// Returns true if two descriptions of a service are the same to the kernel. Without persistence a
/// mask means nothing.
pub fn is_same_service(there: &VirtualService, wanted: &VirtualService) -> bool {
    let netmask = if wanted.persistence_timeout.is_none() {
        there.netmask
    } else {
        wanted.netmask
    };
    *there == VirtualService { netmask, ..*wanted }
}

/// Returns true if two descriptions of a destination are the same to the kernel, which finds out by
/// itself that a server is local and then shows that instead of direct routing.
pub fn is_same_destination(there: &Destination, wanted: &Destination) -> bool {
    let forwarding_method = match (there.forwarding_method, wanted.forwarding_method) {
        (ForwardingMethod::Local, ForwardingMethod::DirectRouting) => ForwardingMethod::Local,
        (_, method) => method,
    };
    *there
        == Destination {
            forwarding_method,
            ..*wanted
        }
}

/// The most looks at what others change, too. What is refused after the last one stays refused.
pub const MOST_LOOKS: usize = 20;

/// Returns true if this refusal of a change contradicts the look that the change was based on: what
/// was missing exists, or what was there does not. Somebody else was faster.
pub fn contradicts_look(change: &Change, errno: Errno) -> bool {
    use Errno::{EEXIST, ENOENT, ESRCH};
    matches!(
        (change, errno),
        (Change::AddService(_) | Change::AddDestination(..), EEXIST)
            | (Change::EditService(_), ESRCH)
            | (Change::EditDestination(..), ENOENT)
    )
}

/// The answer of `--exist` to a refusal that says no more than that an entry is there already, or
/// not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Instead {
    /// Change the entry to what was to be added.
    Edit(Change),
    /// Nothing is left to do.
    Nothing,
    /// Nothing is left to do if the daemon that runs in this role is the same.
    NothingIfSame(SyncDaemon),
}

impl Instead {
    /// Returns what to do in place of a change that the kernel has refused with this errno; `None`
    /// if the refusal stands.
    pub fn of(change: &Change, errno: Errno) -> Option<Instead> {
        use Errno::{EEXIST, ENOENT, ESRCH};
        match (change, errno) {
            (Change::AddService(service), EEXIST) => {
                Some(Instead::Edit(Change::EditService(*service)))
            }
            (Change::AddDestination(service, destination), EEXIST) => Some(Instead::Edit(
                Change::EditDestination(*service, *destination),
            )),
            (Change::DeleteService(_) | Change::StopDaemon(..), ESRCH)
            | (Change::DeleteDestination(..), ESRCH | ENOENT) => Some(Instead::Nothing),
            (Change::StartDaemon(daemon), EEXIST) => Some(Instead::NothingIfSame(*daemon)),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli;
    use crate::request::Request;

    /// Applies a line with `--keep` to what a line without it adds; returns the result as a rule.
    fn edited(there: &str, line: &str) -> Result<String, String> {
        let words = |line: &'static str| line.split(' ').map(str::as_bytes);
        let there: &'static str = there.to_owned().leak();
        let line: &'static str = line.to_owned().leak();
        let added = cli::parse_words(words(there)).unwrap();
        let fault = |fault: UsageError| fault.to_string();
        let Request::Keep(edit) = cli::parse_words(words(line)).map_err(fault)? else {
            panic!("{line} names no edit");
        };
        let change = match (added, *edit) {
            (Request::Change(Change::AddService(there)), Edit::Service(edit)) => {
                Change::EditService(edit.of(&there).map_err(fault)?)
            }
            (Request::Change(Change::AddDestination(service, there)), Edit::Destination(edit)) => {
                Change::EditDestination(service, edit.of(&there).map_err(fault)?)
            }
            other => panic!("{other:?}"),
        };
        let mut rule = Vec::new();
        let mut endpoints = crate::render::endpoints::EndpointWriter::numeric();
        crate::render::rules::write_change(&mut rule, &mut endpoints, &change);
        Ok(String::from_utf8(rule).unwrap().trim_end().to_owned())
    }

    #[test]
    fn what_is_not_named_stays() {
        const SERVICE: &str =
            "-A -u 10.0.0.1:53 -s sh -b sh-port,sh-fallback -p 300 -M 255.255.0.0 --pe sip -o";
        const SERVER: &str = "-a -t 10.0.0.1:80 -r 10.1.0.1:8080 -m -w 3 -x 9 -y 5";
        const TUNNEL: &str =
            "-a -t 10.0.0.1:80 -r 10.1.0.1 -i --tun-type gue --tun-port 7 --tun-remcsum -w 3";
        for (there, line, becomes) in [
            (
                SERVICE,
                "-E -u 10.0.0.1:53 --keep",
                "-E -u 10.0.0.1:53 -s sh -p 300 -M 255.255.0.0 --pe sip -o -b sh-fallback,sh-port",
            ),
            (
                SERVICE,
                "-E -u 10.0.0.1:53 --keep -s sh -p 5",
                "-E -u 10.0.0.1:53 -s sh -p 5 -M 255.255.0.0 --pe sip -o -b sh-fallback,sh-port",
            ),
            (
                "-A -f 2 -s sh -p 301 -b sh-port",
                "-E -f 2 --keep -o -M 255.0.0.0",
                "-E -f 2 -s sh -p 301 -M 255.0.0.0 -o -b sh-port",
            ),
            (
                "-A -f 2 -s rr -p 302",
                "-E -f 2 --keep --pe sip",
                "-E -f 2 -s rr -p 302 --pe sip",
            ),
            (
                SERVICE,
                "-E -u 10.0.0.1:53 --keep -s mh",
                "-E -u 10.0.0.1:53 -s mh -p 300 -M 255.255.0.0 --pe sip -o",
            ),
            (
                SERVICE,
                "-E -u 10.0.0.1:53 --keep -b sh-port",
                "-E -u 10.0.0.1:53 -s sh -p 300 -M 255.255.0.0 --pe sip -o -b sh-port",
            ),
            (
                "-A -f 1 -s rr -b flag-2",
                "-E -f 1 --keep -s wrr",
                "-E -f 1 -s wrr -b flag-2",
            ),
            (
                "-A -f 1 -s rr -b flag-2",
                "-E -f 1 --keep -s sh",
                "-E -f 1 -s sh",
            ),
            (
                SERVER,
                "-e -t 10.0.0.1:80 -r 10.1.0.1:8080 --keep -w 0",
                "-e -t 10.0.0.1:80 -r 10.1.0.1:8080 -m -w 0 -x 9 -y 5",
            ),
            (
                SERVER,
                "-e -t 10.0.0.1:80 -r 10.1.0.1:8080 --keep -y 6",
                "-e -t 10.0.0.1:80 -r 10.1.0.1:8080 -m -w 3 -x 9 -y 6",
            ),
            (
                SERVER,
                "-e -t 10.0.0.1:80 -r 10.1.0.1:8080 --keep -i --tun-type gre --tun-csum",
                "-e -t 10.0.0.1:80 -r 10.1.0.1:80 -i -w 3 -x 9 -y 5 --tun-type gre --tun-csum",
            ),
            (
                TUNNEL,
                "-e -t 10.0.0.1:80 -r 10.1.0.1 --keep --tun-nocsum",
                "-e -t 10.0.0.1:80 -r 10.1.0.1:80 -i -w 3 --tun-type gue --tun-port 7 --tun-nocsum",
            ),
            (
                TUNNEL,
                "-e -t 10.0.0.1:80 -r 10.1.0.1 --keep --tun-type ipip",
                "-e -t 10.0.0.1:80 -r 10.1.0.1:80 -i -w 3 --tun-type ipip",
            ),
            (
                SERVER,
                "-e -t 10.0.0.1:80 -r 10.1.0.1:8080 --keep -x 7",
                "-e -t 10.0.0.1:80 -r 10.1.0.1:8080 -m -w 3 -x 7 -y 5",
            ),
            (
                TUNNEL,
                "-e -t 10.0.0.1:80 -r 10.1.0.1 --keep -i -w 0",
                "-e -t 10.0.0.1:80 -r 10.1.0.1:80 -i -w 0 --tun-type gue --tun-port 7 --tun-remcsum",
            ),
            (
                TUNNEL,
                "-e -t 10.0.0.1:80 -r 10.1.0.1 --keep --tun-port 8",
                "-e -t 10.0.0.1:80 -r 10.1.0.1:80 -i -w 3 --tun-type gue --tun-port 8 --tun-remcsum",
            ),
            (
                TUNNEL,
                "-e -t 10.0.0.1:80 -r 10.1.0.1 --keep --tun-type gre",
                "-e -t 10.0.0.1:80 -r 10.1.0.1:80 -i -w 3 --tun-type gre --tun-nocsum",
            ),
            (
                TUNNEL,
                "-e -t 10.0.0.1:80 -r 10.1.0.1 --keep -g",
                "-e -t 10.0.0.1:80 -r 10.1.0.1:80 -g -w 3",
            ),
        ] {
            assert_eq!(edited(there, line).as_deref(), Ok(becomes), "{line}");
        }
    }

    #[test]
    fn what_does_not_go_with_what_is_there_is_a_fault() {
        const GRE: &str = "-a -f 1 -r 10.1.0.1 -i --tun-type gre";
        for (there, line, fault) in [
            (
                "-A -f 1 -s rr",
                "-E -f 1 --keep -b sh-port",
                "incompatible scheduler flag `sh-port'",
            ),
            (
                "-A -f 1 -s rr",
                "-E -f 1 --keep -b sh-port,mh-port",
                "incompatible scheduler flag `mh-port'",
            ),
            (
                "-a -f 1 -r 10.1.0.1 -m",
                "-e -f 1 -r 10.1.0.1 --keep --tun-csum",
                "Tunnel options conflict with forward method",
            ),
            (
                GRE,
                "-e -f 1 -r 10.1.0.1 --keep --tun-port 7",
                "Illegal 'tun-port' option with the 'gre' tunnel type",
            ),
            (
                GRE,
                "-e -f 1 -r 10.1.0.1 --keep --tun-type gue",
                "You need to supply the 'tun-port' option for the 'gue' tunnel type",
            ),
            (
                "-a -f 1 -r 2001:db8::1 -i",
                "-e -f 1 -r 2001:db8::1 --keep -m",
                "Different address family is allowed only for tunneling servers",
            ),
        ] {
            assert_eq!(edited(there, line), Err(fault.to_owned()), "{line}");
        }
    }

    #[test]
    fn exist_takes_no_refusal_for_its_own_that_says_something_else() {
        let parse = |line: &str| match cli::parse_words(line.split(' ').map(str::as_bytes)) {
            Ok(Request::Change(change)) => change,
            other => panic!("{line}: {other:?}"),
        };
        let edit = |line| Some(Instead::Edit(parse(line)));
        let nothing = Some(Instead::Nothing);
        let (service, server) = ("-t 10.0.0.1:80 -s rr", "-t 10.0.0.1:80 -r 10.1.0.1 -w 3");
        let name = "-t 10.0.0.1:80 -r 10.1.0.1";
        for (line, by_eexist, by_enoent, by_esrch) in [
            (
                format!("-A {service}"),
                edit(&format!("-E {service}")),
                None,
                None,
            ),
            (
                format!("-a {server}"),
                edit(&format!("-e {server}")),
                None,
                None,
            ),
            ("-D -f 7".to_owned(), None, None, nothing),
            (format!("-d {name}"), None, nothing, nothing),
            (format!("-E {service}"), None, None, None),
            (format!("-e {server}"), None, None, None),
            ("-C".to_owned(), None, None, None),
        ] {
            let change = parse(&line);
            for (errno, expected) in [
                (Errno::EEXIST, by_eexist),
                (Errno::ENOENT, by_enoent),
                (Errno::ESRCH, by_esrch),
                (Errno::EPERM, None),
            ] {
                assert_eq!(Instead::of(&change, errno), expected, "{line} {errno}");
            }
        }
    }

    #[test]
    fn an_edit_is_the_operation_that_it_comes_to() {
        for (line, operation) in [
            ("-E -f 7 --keep", Operation::EditService),
            ("-e -f 7 -r 10.1.0.1 --keep", Operation::EditDestination),
        ] {
            let Ok(Request::Keep(edit)) = cli::parse_words(line.split(' ').map(str::as_bytes))
            else {
                panic!("{line}");
            };
            assert_eq!(edit.operation(), operation);
        }
    }
}
