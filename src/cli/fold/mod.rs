//! The fold: a stream of options and values, left to right, becomes one request.
//!
//! Faults are found in the reference's order, and the first one wins
//! (`tests/parity/ipvsadm-1.31.md`, section 2): each option where it stands; then what takes all
//! words to judge (the values of `--set`, words too many, scheduler flags); then which option goes
//! with which command; then what the command itself asks for. Words may stand in any order all the
//! same: what one option takes from another (the family of `-M`, the port of `-r`) is looked up in
//! the whole stream. What the words come to is put together in [`changes`], [`edits`] and
//! [`questions`].

#![forbid(unsafe_code)]

mod changes;
mod edits;
mod questions;

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use crate::cli::address::{self, Endpoint, Hosts};
use crate::cli::given::Given;
use crate::cli::named_service::{LastService, NamedService};
use crate::cli::popt::Event;
use crate::cli::values::{self, FlagFault};
use crate::edit::{Addition, Edit, NamedFlags};
use crate::error::UsageError;
use crate::model::{
    AddressFamily, Change, Destination, KernelName, Netmask, Origin, ServiceIdentity,
    SyncDaemonRole, Timeouts, TunnelKind,
};
use crate::options::{Command, Meaning, Modifier, OptionSpec};
use crate::request::Request;
use crate::schedulers::DEFAULT_SCHEDULER;
use crate::screen::Colours;
use crate::selection::{CountKey, Selection};

/// The seconds that `-p` stands for by itself.
const DEFAULT_PERSISTENCE: u32 = 360;
/// The most seconds of a drain and of a ramp.
const LONGEST_CHANGE: u32 = i32::MAX as u32;
/// The largest payload of a UDP packet.
const LARGEST_SYNC_MESSAGE: u16 = 65507;
const DEFAULT_INTERVAL: Duration = Duration::from_secs(2);
/// The seconds for which `--listen` listens if it is not said, and the most.
const DEFAULT_LISTENING: Duration = Duration::from_secs(10);
const LONGEST_LISTENING: u32 = 300;
/// The client that a probe plays: an address for documentation (RFC 5737), that nobody has.
const DEFAULT_PROBE_FROM: Ipv4Addr = Ipv4Addr::new(198, 51, 100, 1);

/// Folds what was read into a request. `word_fault` is what ended the reading of words early, if
/// anything did. From line to line, `last_service` remembers which service was named last, and
/// `hosts` what the name services said.
pub fn fold<'a>(
    events: &[Event<'a>],
    word_fault: Option<UsageError>,
    last_service: &mut LastService<'a>,
    hosts: &mut Hosts,
) -> Result<Request, UsageError> {
    let commands = || events.iter().filter_map(|event| event.command());
    let lists_by_itself = match commands().next() {
        None if word_fault.is_none() && list_by_themselves(events) => true,
        None => return Err(UsageError::TryHelp),
        Some(Command::Version) => return Ok(Request::Version),
        Some(Command::Help) => return Ok(Request::Help(None)),
        Some(_) => false,
    };
    let mut draft = Draft::new(last_service.look_up(events, hosts));
    draft.command = lists_by_itself.then_some(Command::List);
    for event in events {
        match event {
            Event::Plain(word) => draft.plain.push(word),
            Event::Option {
                meaning: Meaning::Command(Command::Help),
                ..
            } => return Ok(Request::Help(draft.command)),
            Event::Option {
                meaning: Meaning::Command(command),
                value,
                word,
            } => {
                draft.set_command(*command, value.unwrap_or_default(), word)?;
            }
            Event::Option {
                meaning: Meaning::Modifier(modifier),
                value,
                ..
            } => draft.set_modifier(*modifier, *value, hosts)?,
        }
    }
    match word_fault {
        Some(fault) => Err(fault),
        None => draft.finish(),
    }
}

/// Returns true for words without a command that ask for a listing all the same, as no word at all
/// does: one of them is ours, and says how to list or where; the rest go with that.
fn list_by_themselves(events: &[Event<'_>]) -> bool {
    let row = |event: &Event<'_>| match event {
        Event::Option { meaning, .. } => Some(meaning.row()),
        Event::Plain(_) => None,
    };
    let is_of_a_listing = |event: &Event<'_>| row(event).is_some_and(OptionSpec::is_of_a_listing);
    let lists = |event: &Event<'_>| row(event).is_some_and(OptionSpec::lists_by_itself);
    events.iter().all(is_of_a_listing) && events.iter().any(lists)
}

/// The request as far as the words are read.
struct Draft<'a> {
    service: NamedService,
    command: Option<Command>,
    role: SyncDaemonRole,
    given: Given,
    plain: Vec<&'a [u8]>,
    scheduler: KernelName,
    scheduler_flags: &'a [u8],
    persistence_timeout: Option<u32>,
    netmask: Option<Netmask>,
    persistence_engine: KernelName,
    server: Option<Endpoint>,
    forwarding: Modifier,
    weight: u32,
    upper_threshold: u32,
    lower_threshold: u32,
    tunnel_kind: TunnelKind,
    tunnel_port: u16,
    drain_seconds: Option<u32>,
    ramp_seconds: u32,
    interface: KernelName,
    sync_id: u32,
    max_length: Option<u16>,
    mcast_group: Option<IpAddr>,
    mcast_port: Option<u16>,
    mcast_ttl: Option<u8>,
    selection: Selection,
    count_key: Option<CountKey>,
    order: Option<&'a [u8]>,
    watch: Option<Duration>,
    colours: Colours,
    probe_from: Ipv4Addr,
    listen: Option<Duration>,
}

impl<'a> Draft<'a> {
    fn new(service: NamedService) -> Draft<'a> {
        Draft {
            service,
            command: None,
            role: SyncDaemonRole::Master,
            given: Given::default(),
            plain: Vec::new(),
            scheduler: KernelName::default(),
            scheduler_flags: b"",
            persistence_timeout: None,
            netmask: None,
            persistence_engine: KernelName::default(),
            server: None,
            forwarding: Modifier::Gatewaying,
            weight: 1,
            upper_threshold: 0,
            lower_threshold: 0,
            tunnel_kind: TunnelKind::Ipip,
            tunnel_port: 0,
            drain_seconds: None,
            ramp_seconds: 0,
            interface: KernelName::default(),
            sync_id: 0,
            max_length: None,
            mcast_group: None,
            mcast_port: None,
            mcast_ttl: None,
            selection: Selection::default(),
            count_key: None,
            order: None,
            watch: None,
            colours: Colours::default(),
            probe_from: DEFAULT_PROBE_FROM,
            listen: None,
        }
    }

    fn set_command(
        &mut self,
        command: Command,
        value: &[u8],
        word: &[u8],
    ) -> Result<(), UsageError> {
        if self.command.replace(command).is_some() {
            return Err(UsageError::SecondCommand(word.to_vec()));
        }
        let fault = match command {
            Command::StartDaemon => UsageError::StartDaemon,
            Command::StopDaemon => UsageError::StopDaemon,
            _ => return Ok(()),
        };
        self.role = SyncDaemonRole::from_word(value).ok_or(fault)?;
        Ok(())
    }

    fn set_modifier(
        &mut self,
        modifier: Modifier,
        value: Option<&'a [u8]>,
        hosts: &mut Hosts,
    ) -> Result<(), UsageError> {
        self.given.insert(modifier)?;
        let word = value.unwrap_or_default();
        match modifier {
            Modifier::TcpService | Modifier::UdpService | Modifier::SctpService => {
                self.service.identity().ok_or(UsageError::ServiceAddress)?;
            }
            Modifier::FirewallMarkService => {
                self.service
                    .identity()
                    .ok_or_else(|| UsageError::FirewallMark(word.to_vec()))?;
            }
            Modifier::Ipv6 => match self.service {
                NamedService::Known(ServiceIdentity::FirewallMark { .. })
                | NamedService::Illegal(None) => {}
                _ => return Err(UsageError::Ipv6WithoutFirewallMark),
            },
            Modifier::Scheduler => self.scheduler = KernelName::truncated(word),
            Modifier::SchedulerFlags => self.scheduler_flags = word,
            Modifier::Persistent => {
                self.persistence_timeout = Some(match value {
                    None => DEFAULT_PERSISTENCE,
                    Some(word) => values::number_u32(word, 1..=values::LONGEST_TIMEOUT)
                        .ok_or_else(|| UsageError::Timeout(word.to_vec()))?,
                });
            }
            Modifier::Netmask => {
                self.netmask = Some(match self.service.family() {
                    AddressFamily::Ipv4 => Netmask::Ipv4(
                        values::ipv4_netmask(word, hosts).ok_or(UsageError::NetmaskIpv4)?,
                    ),
                    AddressFamily::Ipv6 => {
                        Netmask::Ipv6(values::ipv6_netmask(word).ok_or(UsageError::NetmaskIpv6)?)
                    }
                });
            }
            Modifier::PersistenceEngine => self.persistence_engine = KernelName::truncated(word),
            Modifier::RealServer => {
                self.server = Some(
                    address::endpoint(word, self.service.port_names(), hosts)
                        .ok_or(UsageError::ServerAddress)?,
                );
            }
            Modifier::Gatewaying | Modifier::Ipip | Modifier::Masquerading => {
                self.forwarding = modifier
            }
            Modifier::Weight => {
                self.weight =
                    values::number_u32(word, 0..=Destination::LARGEST).ok_or(UsageError::Weight)?
            }
            Modifier::UpperThreshold => {
                self.upper_threshold = values::number_u32(word, 0..=Destination::LARGEST)
                    .ok_or(UsageError::UpperThreshold)?;
            }
            Modifier::LowerThreshold => {
                self.lower_threshold = values::number_u32(word, 0..=Destination::LARGEST)
                    .ok_or(UsageError::LowerThreshold)?;
            }
            Modifier::TunnelType => {
                self.tunnel_kind = TunnelKind::from_word(word).ok_or(UsageError::TunnelType)?;
            }
            Modifier::TunnelPort => {
                self.tunnel_port =
                    values::number_u16(word, 1..=u16::MAX).ok_or(UsageError::TunnelPort)?;
            }
            Modifier::Drain => {
                self.drain_seconds = match value {
                    None => None,
                    Some(word) => Some(
                        values::number_u32(word, 0..=LONGEST_CHANGE)
                            .ok_or_else(|| UsageError::Timeout(word.to_vec()))?,
                    ),
                };
            }
            Modifier::Ramp => {
                self.ramp_seconds = values::number_u32(word, 1..=LONGEST_CHANGE)
                    .ok_or_else(|| UsageError::Timeout(word.to_vec()))?;
            }
            Modifier::McastInterface => self.interface = KernelName::truncated(word),
            Modifier::McastGroup => {
                let group =
                    values::multicast_group(word).map_err(
                        |looks_like_ipv6| match looks_like_ipv6 {
                            true => UsageError::McastGroupIpv6(word.to_vec()),
                            false => UsageError::McastGroupIpv4(word.to_vec()),
                        },
                    )?;
                self.mcast_group = Some(group);
            }
            Modifier::McastPort => {
                self.mcast_port =
                    Some(values::number_u16(word, 1..=u16::MAX).ok_or(UsageError::McastPort)?);
            }
            Modifier::McastTtl => {
                let ttl = values::number_u16(word, 1..=u16::from(u8::MAX))
                    .and_then(|ttl| u8::try_from(ttl).ok());
                self.mcast_ttl = Some(ttl.ok_or(UsageError::McastTtl)?);
            }
            Modifier::SyncId => {
                self.sync_id = values::number_u32(word, 0..=255).ok_or(UsageError::SyncId)?
            }
            Modifier::SyncMaxLength => {
                let length = values::number_u16(word, 1..=LARGEST_SYNC_MESSAGE);
                self.max_length = Some(length.ok_or(UsageError::SyncMaxLength)?);
            }
            Modifier::Client => {
                let network = address::network(word, hosts);
                self.selection.clients = Some(network.ok_or(UsageError::ClientNetwork)?);
            }
            Modifier::State => {
                let states = values::connection_states(word)
                    .map_err(|name| UsageError::ConnectionState(name.to_vec()))?;
                self.selection.states = Some(states);
            }
            Modifier::Origin => {
                let origin = Origin::from_word(word);
                let origin = origin.ok_or_else(|| UsageError::Origin(word.to_vec()))?;
                self.selection.origin = Some(origin);
            }
            Modifier::Count => {
                let key = CountKey::from_word(word);
                self.count_key = Some(key.ok_or_else(|| UsageError::CountKey(word.to_vec()))?);
            }
            // What it may be depends on what is listed.
            Modifier::Order => self.order = value,
            Modifier::Watch => {
                self.watch = Some(match value {
                    None => DEFAULT_INTERVAL,
                    Some(word) => values::interval(word)
                        .ok_or_else(|| UsageError::WatchInterval(word.to_vec()))?,
                });
            }
            Modifier::Colour => {
                self.colours = match value {
                    // As with ls.
                    None => Colours::Always,
                    Some(word) => Colours::from_word(word)
                        .ok_or_else(|| UsageError::Colours(word.to_vec()))?,
                };
            }
            Modifier::Listen => {
                self.listen = Some(match value {
                    None => DEFAULT_LISTENING,
                    Some(word) => {
                        let seconds = values::number_u32(word, 1..=LONGEST_LISTENING);
                        let seconds = seconds.ok_or_else(|| UsageError::Listen(word.to_vec()))?;
                        Duration::from_secs(seconds.into())
                    }
                });
            }
            Modifier::ProbeFrom => {
                let client = str::from_utf8(word).ok().and_then(|word| word.parse().ok());
                self.probe_from = client
                    .filter(|client: &Ipv4Addr| {
                        !client.is_unspecified()
                            && !client.is_loopback()
                            && !client.is_multicast()
                            && !client.is_broadcast()
                    })
                    .ok_or_else(|| UsageError::ProbeFrom(word.to_vec()))?;
            }
            // It is entered before the words are read.
            Modifier::Netns => {}
            // What a flag means is asked of `given`.
            flag => debug_assert!(!flag.row().takes_value(), "{flag:?} has a value"),
        }
        Ok(())
    }

    /// Judges what takes all words to judge, and returns the request that they make.
    fn finish(&mut self) -> Result<Request, UsageError> {
        let command = self.command.ok_or(UsageError::TryHelp)?;
        let timeouts = if command == Command::SetTimeouts {
            self.take_timeouts()?
        } else {
            Timeouts::default()
        };
        if let Some(word) = self.plain.first() {
            return Err(UsageError::UnexpectedArgument(word.to_vec()));
        }
        if self.scheduler.is_empty() {
            self.scheduler = KernelName::from(DEFAULT_SCHEDULER);
        }
        let keeps = self.given.has(Modifier::Keep);
        let keeps_scheduler = keeps && !self.given.has(Modifier::Scheduler);
        let scheduler = (!keeps_scheduler).then_some(self.scheduler);
        let flags = self.named_flags(scheduler)?;
        self.given.check(command)?;
        if self.given.has(Modifier::Drain) {
            return self.drain(command).map(Request::Drain);
        }
        if self.given.has(Modifier::Force) {
            return Err(UsageError::ForceWithoutDrain);
        }
        if self.given.has(Modifier::Ramp) {
            return Ok(Request::Ramp(Box::new(self.ramp(command)?)));
        }
        // The rules above make sure that a service is there wherever a command needs one.
        let service = || self.service.identity().ok_or(UsageError::TryHelp);
        let change = match command {
            Command::AddService if keeps => {
                return Ok(Request::AddMissing(Box::new(Addition::Service(
                    self.service_addition(service()?, flags)?,
                ))));
            }
            Command::AddServer if keeps => {
                return Ok(Request::AddMissing(Box::new(Addition::Destination(
                    self.destination_addition(service()?)?,
                ))));
            }
            Command::EditService if keeps => {
                return Ok(Request::Keep(Box::new(Edit::Service(
                    self.service_edit(service()?, flags)?,
                ))));
            }
            Command::EditServer if keeps => {
                return Ok(Request::Keep(Box::new(Edit::Destination(
                    self.destination_edit(service()?)?,
                ))));
            }
            Command::AddService => {
                Change::AddService(self.virtual_service(service()?, flags.flags)?)
            }
            Command::EditService => {
                Change::EditService(self.virtual_service(service()?, flags.flags)?)
            }
            Command::DeleteService => Change::DeleteService(service()?),
            Command::Flush => Change::Flush,
            Command::Zero => Change::Zero(self.service.identity()),
            Command::AddServer => Change::AddDestination(service()?, self.destination(service()?)?),
            Command::EditServer => {
                Change::EditDestination(service()?, self.destination(service()?)?)
            }
            Command::DeleteServer => {
                Change::DeleteDestination(service()?, self.destination_identity(service()?)?)
            }
            Command::SetTimeouts => Change::SetTimeouts(timeouts),
            Command::StartDaemon => Change::StartDaemon(self.sync_daemon()),
            Command::StopDaemon => Change::StopDaemon(self.role, self.sync_id),
            Command::List => return Ok(Request::List(Box::new(self.list()?))),
            Command::Diagnose => return self.diagnose().map(Request::Diagnose),
            Command::Save => {
                return Ok(Request::Save {
                    numeric: self.given.has(Modifier::Numeric),
                });
            }
            Command::Restore => return Ok(Request::ExecuteRules),
            // These are answered as soon as they are read.
            Command::Help | Command::Version => return Err(UsageError::TryHelp),
        };
        Ok(match self.given.has(Modifier::Exist) {
            true => Request::Exist(change),
            false => Request::Change(change),
        })
    }

    /// Reads the scheduler's flags; those of another than `scheduler` are a fault.
    fn named_flags(&self, scheduler: Option<KernelName>) -> Result<NamedFlags, UsageError> {
        values::scheduler_flags(self.scheduler_flags, scheduler).map_err(|fault| match fault {
            FlagFault::Unknown(flag) => UsageError::SchedulerFlag(flag.to_vec()),
            FlagFault::OfAnotherScheduler(flag) => {
                UsageError::SchedulerFlagOfAnother(flag.to_vec())
            }
        })
    }

    fn take_timeouts(&mut self) -> Result<Timeouts, UsageError> {
        let [tcp, tcp_fin, udp, ..] = self.plain[..] else {
            return Err(UsageError::TimeoutCount);
        };
        self.plain.drain(..3);
        let read = |word: &[u8]| {
            values::number_u32(word, 0..=values::LONGEST_TIMEOUT)
                .ok_or_else(|| UsageError::Timeout(word.to_vec()))
        };
        Ok(Timeouts {
            tcp: read(tcp)?,
            tcp_fin: read(tcp_fin)?,
            udp: read(udp)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli;
    use crate::options::OPTIONS;
    use crate::options::matrix::Owner;
    use crate::order::{ConnectionOrder, ServiceOrder};

    fn read(line: &str) -> Result<Request, UsageError> {
        cli::parse_words(line.split(' ').map(str::as_bytes))
    }

    #[test]
    fn every_value_is_read() {
        for row in OPTIONS.iter().filter(|row| row.takes_value()) {
            let long = format!("--{}", row.long);
            // Whatever comes of it, the fold does not pass over the value, which is no name to
            // look up.
            let _ = cli::parse_words([b"-L", long.as_bytes(), b"192.0.2.1"].into_iter());
        }
    }

    /// The texts are written out in `src/error.rs`, where the manual is held to them.
    #[test]
    fn a_fault_names_all_that_a_value_may_be() {
        let one_of = |words: &[(&str, &str)]| {
            let words: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
            let (last, others) = words.split_last().unwrap();
            format!(": it is {} or {last}", others.join(", "))
        };
        let seconds = |text: &str, most: u32| text.replace("MOST", &most.to_string());
        for (line, may_be) in [
            ("-L -c --origin x", one_of(&Origin::WORDS)),
            ("-L -c --count x", one_of(&CountKey::WORDS)),
            ("-L --table --order x", one_of(&ServiceOrder::WORDS)),
            ("-L -c --order x", one_of(&ConnectionOrder::WORDS)),
            (
                "-L --color=x",
                one_of(&Colours::WORDS).replace("it is ", ""),
            ),
            (
                "-L --watch=x",
                seconds(": seconds from 0.1 to MOST", values::LONGEST_TIMEOUT),
            ),
            (
                "--diagnose --listen=x",
                seconds(": 1 to MOST seconds", LONGEST_LISTENING),
            ),
        ] {
            let text = read(line).unwrap_err().to_string();
            assert!(text.ends_with(&may_be), "{text}, not {may_be}");
        }
    }

    /// The bounds that are taken are in the tests of [`changes`].
    #[test]
    fn a_value_out_of_its_bounds_is_named_as_the_reference_does() {
        let quoted = |fault: fn(Vec<u8>) -> UsageError, word: &str| fault(word.into());
        let timeout = |word| quoted(UsageError::Timeout, word);
        for (line, fault) in [
            ("-A -f 7 -p 0", timeout("0")),
            ("-A -f 7 -p 2678401", timeout("2678401")),
            ("-A -t 192.0.2.1:x", UsageError::ServiceAddress),
            ("-A --sctp-service 192.0.2", UsageError::ZeroPort),
            ("-A -f 0", quoted(UsageError::FirewallMark, "0")),
            ("-A -f 7x", quoted(UsageError::FirewallMark, "7x")),
            (
                "-A -f 4294967296",
                quoted(UsageError::FirewallMark, "4294967296"),
            ),
            ("-A -6 -u 192.0.2.1:53", UsageError::Ipv6WithoutFirewallMark),
            ("-A -f 7 -M 255.0.0.", UsageError::NetmaskIpv4),
            ("-A -f 7 -6 -M 129", UsageError::NetmaskIpv6),
            ("-A -f 7 -b x", quoted(UsageError::SchedulerFlag, "x")),
            (
                "-A -f 7 -b mh-port",
                quoted(UsageError::SchedulerFlagOfAnother, "mh-port"),
            ),
            ("-a -f 7 -r 80", UsageError::ServerAddress),
            ("-a -f 7 -w -1", UsageError::Weight),
            ("-a -f 7 -w 2147483648", UsageError::Weight),
            ("-a -f 7 -x 2147483648", UsageError::UpperThreshold),
            ("-a -f 7 -y 2147483648", UsageError::LowerThreshold),
            ("-a -f 7 --tun-type sit", UsageError::TunnelType),
            ("-a -f 7 --tun-port 0", UsageError::TunnelPort),
            ("-a -f 7 --tun-port 65536", UsageError::TunnelPort),
            ("-d --drain 2147483648", timeout("2147483648")),
            ("--start-daemon Master", UsageError::StartDaemon),
            ("--stop-daemon slave", UsageError::StopDaemon),
            (
                "--start-daemon master --mcast-group 192.0.2.1",
                quoted(UsageError::McastGroupIpv4, "192.0.2.1"),
            ),
            (
                "--start-daemon master --mcast-group 2001:db8::1",
                quoted(UsageError::McastGroupIpv6, "2001:db8::1"),
            ),
            (
                "--mcast-port 0 --start-daemon master",
                UsageError::McastPort,
            ),
            ("--start-daemon master --mcast-ttl 0", UsageError::McastTtl),
            (
                "--start-daemon master --mcast-ttl 256",
                UsageError::McastTtl,
            ),
            ("--start-daemon master --syncid 256", UsageError::SyncId),
            (
                "--start-daemon master --sync-maxlen 0",
                UsageError::SyncMaxLength,
            ),
            (
                "--start-daemon master --sync-maxlen 65508",
                UsageError::SyncMaxLength,
            ),
            ("-L -c --client 10/8", UsageError::ClientNetwork),
            (
                "-L -c --state CLOSE,SHUT",
                quoted(UsageError::ConnectionState, "SHUT"),
            ),
            ("-L -c --origin LOCAL", quoted(UsageError::Origin, "LOCAL")),
            (
                "-L -c --count clients",
                quoted(UsageError::CountKey, "clients"),
            ),
            ("-L --watch 0.09", quoted(UsageError::WatchInterval, "0.09")),
            ("--set 2678401 2 3", timeout("2678401")),
            ("--diagnose --listen 0", quoted(UsageError::Listen, "0")),
            ("--diagnose --listen 301", quoted(UsageError::Listen, "301")),
        ] {
            assert_eq!(read(line), Err(fault), "{line}");
        }
        for client in [
            "0.0.0.0",
            "127.0.0.2",
            "224.0.0.9",
            "255.255.255.255",
            "2001:db8::1",
            "198.51.100",
        ] {
            assert_eq!(
                read(&format!("--diagnose --probe --probe-from {client}")),
                Err(quoted(UsageError::ProbeFrom, client))
            );
        }
    }

    #[test]
    fn the_first_fault_wins_and_questions_come_before_it() {
        let owner = Owner::Command(Command::AddService);
        for (line, fault) in [
            ("-A -w x -Z -q", UsageError::Weight),
            ("-A -Z -w x -q", UsageError::SecondCommand(b"-Z".into())),
            ("-A -w 1 -q y", UsageError::UnknownOption(b"-q".into())),
            // Words too many are found after all options, and before what goes with what.
            ("-A y -n", UsageError::UnexpectedArgument(b"y".into())),
            ("-A -n -b x", UsageError::SchedulerFlag(b"x".into())),
            ("-A -n", UsageError::Illegal(Modifier::Numeric, owner)),
            (
                "-A -t 192.0.2.1 -w 1",
                UsageError::Illegal(Modifier::Weight, owner),
            ),
            ("-w x", UsageError::TryHelp),
            ("--netns x y", UsageError::TryHelp),
            ("--netns x -q", UsageError::TryHelp),
        ] {
            assert_eq!(read(line), Err(fault), "{line}");
        }
        for (line, request) in [
            ("-v -q", Request::Version),
            ("-h -w x", Request::Help(None)),
            ("-A -h -q", Request::Help(Some(Command::AddService))),
            (
                "-A -w 1 --help -w x",
                Request::Help(Some(Command::AddService)),
            ),
            ("--netns x", Request::List(Box::default())),
            ("-S", Request::Save { numeric: false }),
            ("-S -n", Request::Save { numeric: true }),
            ("-R", Request::ExecuteRules),
        ] {
            assert_eq!(read(line), Ok(request), "{line}");
        }
        assert_eq!(
            cli::parse_words(std::iter::empty()),
            Err(UsageError::TryHelp)
        );
    }

    #[test]
    fn exist_and_keep_say_how_a_change_is_meant() {
        let plain = |line: &str| match read(line) {
            Ok(Request::Change(change)) => change,
            other => panic!("{line}: {other:?}"),
        };
        for line in [
            "-A -f 7 -s rr",
            "-a -f 7 -r 198.51.100.7 -m",
            "-D -f 8",
            "-d -f 7 -r 198.51.100.8",
        ] {
            let meant = read(&format!("{line} --exist"));
            assert_eq!(meant, Ok(Request::Exist(plain(line))), "{line}");
        }
        for line in ["-E -f 7 -s rr --keep", "-e -f 7 -r 198.51.100.7 --keep"] {
            assert!(matches!(read(line), Ok(Request::Keep(_))), "{line}");
        }
        // The scheduler is the one that is there, which only the kernel knows.
        let unknown = read("-E -f 7 -b mh-port --keep");
        assert!(matches!(unknown, Ok(Request::Keep(_))), "{unknown:?}");
        assert_eq!(
            read("-E -f 7 -s rr -b mh-port --keep"),
            Err(UsageError::SchedulerFlagOfAnother(b"mh-port".into()))
        );
    }
}
