//! The attempts that were heard: plain values.
#![forbid(unsafe_code)]

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use serde::Serialize;

use super::packets::{Flow, IcmpReason};
use super::sync::Master;
use crate::diagnose::facts::{Director, HardwareAddress, Service};
use crate::model::{DestinationIdentity, ForwardingMethod, Protocol, ServiceIdentity};

/// For so long the next step may take; what came later than that before the end is undecided.
const PATIENCE: Duration = Duration::from_millis(300);
/// For so long no client waits before it repeats its SYN.
const REPEATING: Duration = Duration::from_millis(3200);
/// The time that an answer over UDP may take.
const UDP_PATIENCE: Duration = Duration::from_secs(1);

/// The outcome of listening.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listened {
    pub duration: Duration,
    /// By the order in which they began.
    pub attempts: Vec<Attempt>,
    /// Attempts beyond those that are followed.
    pub attempts_not_followed: u64,
    /// Packets that were read, and those that came too fast for it.
    pub packets: u64,
    pub packets_lost: u64,
    /// The kernel's table of connections was not read to its end: what was not found may be there.
    pub is_table_cut: bool,
    /// The talk about the services' addresses, by ARP and its like.
    pub addresses: BTreeMap<IpAddr, AddressTalk>,
    /// The kernel's counters of dropped packets that grew meanwhile, by name, and by how much.
    pub drops: Vec<(&'static str, u64)>,
    /// The masters that spoke in the groups of the sync daemons here.
    pub masters: BTreeSet<Master>,
}

/// Tells a search for open ports: it is for so many ports, and so many clients or attempts at one port
/// are none.
const SEARCH: usize = 5;

/// The attempts at one port.
#[derive(Default)]
struct Tries {
    count: usize,
    clients: BTreeSet<IpAddr>,
    is_served: bool,
}

impl Listened {
    /// The attempts at a service.
    pub fn of(&self, service: ServiceIdentity) -> impl Iterator<Item = &Attempt> + Clone {
        self.attempts
            .iter()
            .filter(move |attempt| attempt.service == Some(service) && !attempt.is_search)
    }

    /// Returns true if anybody tried a service, be it in search of open ports.
    pub fn is_tried(&self, service: ServiceIdentity) -> bool {
        let mut attempts = self.attempts.iter();
        attempts.any(|attempt| attempt.service == Some(service))
    }

    /// Sets aside the attempts at a service of those who look for open ports. Where somebody is served
    /// at another port, few clients at one of a service of any port are such, and few attempts at one
    /// of a firewall mark, whose ports were chosen. Where nobody is, they are of clients that try
    /// many ports.
    pub fn set_searches_aside(&mut self, service: ServiceIdentity) {
        let takes_any = match service {
            ServiceIdentity::Endpoint { port: 0, .. } => true,
            ServiceIdentity::Endpoint { .. } => return,
            ServiceIdentity::FirewallMark { .. } => false,
        };
        let mut ports: BTreeMap<u16, Tries> = BTreeMap::new();
        let mut asked: BTreeMap<IpAddr, BTreeSet<u16>> = BTreeMap::new();
        for attempt in self.of(service) {
            let (client, port) = (attempt.client.ip(), attempt.address.port());
            asked.entry(client).or_default().insert(port);
            let tries = ports.entry(port).or_default();
            tries.count += 1;
            tries.clients.insert(client);
            tries.is_served |= self.fate(attempt) == Fate::Served;
        }
        let somebody_is_served = ports.values().any(|tries| tries.is_served);
        let is_search = |attempt: &Attempt| {
            let tries = &ports[&attempt.address.port()];
            let are_few = match takes_any {
                true => tries.clients.len() < SEARCH,
                false => tries.count < SEARCH,
            };
            let is_of_searcher = || asked[&attempt.client.ip()].len() >= SEARCH;
            !tries.is_served && are_few && (somebody_is_served || is_of_searcher())
        };
        for attempt in &mut self.attempts {
            if attempt.service == Some(service) {
                attempt.is_search = is_search(attempt);
            }
        }
    }

    /// Returns the time spent listening, in seconds and tenths.
    pub fn seconds(&self) -> f64 {
        (self.duration.as_secs_f64() * 10.0).round() / 10.0
    }

    /// Returns what became of an attempt.
    pub fn fate(&self, attempt: &Attempt) -> Fate {
        attempt.fate(self.duration)
    }

    /// The names of the interfaces that attempts came to.
    pub fn interfaces<'a>(
        director: &Director,
        attempts: impl IntoIterator<Item = &'a Attempt>,
    ) -> Vec<String> {
        let indices: BTreeSet<u32> = attempts
            .into_iter()
            .map(|attempt| attempt.arrived_on)
            .collect();
        let interfaces = indices.into_iter();
        let interfaces = interfaces.filter_map(|index| director.interface(index));
        interfaces.map(|interface| interface.name.clone()).collect()
    }

    /// Sums up attempts.
    pub fn funnel<'a>(&self, attempts: impl IntoIterator<Item = &'a Attempt>) -> Funnel {
        let mut funnel = Funnel {
            has_gaps: self.packets_lost > 0,
            ..Funnel::default()
        };
        let mut clients = BTreeSet::new();
        for attempt in attempts {
            clients.insert(attempt.client.ip());
            funnel.count += 1;
            funnel.scheduled += u64::from(attempt.is_scheduled());
            funnel.left += u64::from(attempt.exit.is_some());
            funnel.answered += u64::from(attempt.answer.is_some());
            funnel.answers_left += u64::from(attempt.answer_left);
            let fate = self.fate(attempt);
            let may_want_no_answer = attempt.protocol == Protocol::Udp;
            let may_have_left = matches!(fate, Fate::EndedAt(Step::Scheduled | Step::Left));
            funnel.datagrams_sent += u64::from(may_want_no_answer && may_have_left);
            match fate {
                Fate::Served => funnel.served += 1,
                Fate::Refused | Fate::Error(_) => funnel.refused += 1,
                Fate::EndedAt(_) => funnel.in_vain += 1,
                Fate::OutOfSight => funnel.out_of_sight += 1,
                Fate::Undecided => funnel.undecided += 1,
            }
        }
        funnel.clients = clients.len() as u64;
        funnel
    }
}

/// Counts of attempts by how far they got.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Funnel {
    pub count: u64,
    pub clients: u64,
    pub scheduled: u64,
    pub left: u64,
    pub answered: u64,
    pub answers_left: u64,
    /// Each attempt is in one of these, by its [`Fate`].
    pub served: u64,
    pub refused: u64,
    pub in_vain: u64,
    pub out_of_sight: u64,
    pub undecided: u64,
    /// Those in vain that are datagrams and left for a server, or may have, from another port: of
    /// themselves they do not show that an answer is due.
    #[serde(skip)]
    pub datagrams_sent: u64,
    /// Packets were lost meanwhile: what was not heard may have been among them.
    #[serde(skip)]
    pub has_gaps: bool,
}

impl Funnel {
    /// Returns how many are known to have got nothing, or a refusal.
    pub fn unserved(&self) -> u64 {
        match self.has_gaps {
            true => self.refused,
            false => self.refused + self.in_vain,
        }
    }
}

/// The place where a packet was seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sighting {
    /// The interface's index.
    pub interface: u32,
    /// For whom the frame was, on an Ethernet.
    pub hardware: Option<HardwareAddress>,
}

/// The way out of a client's first packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exit {
    pub sighting: Sighting,
    /// The end of the tunnel that it was in.
    pub tunnel: Option<IpAddr>,
    /// For whom it was, in the tunnel if there was one.
    pub destination: SocketAddr,
}

impl Exit {
    /// Returns true where another address stands in it than the client asked for.
    pub fn is_translation_of(&self, address: SocketAddr) -> bool {
        self.destination != address
    }

    /// The server of a service that it went to; `None` where that is none, or more than one.
    pub fn server_among(&self, service: &Service) -> Option<DestinationIdentity> {
        let mut fitting = service.servers.iter().filter(|server| {
            let identity = server.identity();
            if let Some(end) = self.tunnel {
                return identity.address == end;
            }
            let is_at_port = identity.port == 0 || identity.port == self.destination.port();
            let is_translated = identity.address == self.destination.ip() && is_at_port;
            let hardware = server.next_hop.and_then(|next_hop| next_hop.hardware);
            let is_direct =
                server.state.destination.forwarding_method == ForwardingMethod::DirectRouting;
            is_translated || (is_direct && hardware.is_some() && hardware == self.sighting.hardware)
        });
        match (fitting.next(), fitting.next()) {
            (Some(server), None) => Some(server.identity()),
            _ => None,
        }
    }
}

/// The first thing that comes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// SYN and ACK; a datagram.
    Agreed,
    /// RST.
    Refused,
    Error(ErrorAnswer),
}

/// An ICMP error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ErrorAnswer {
    pub reporter: IpAddr,
    pub reason: IcmpReason,
    /// It is about the tunnel that the packet was in: nobody takes it out there.
    pub is_of_tunnel: bool,
}

impl ErrorAnswer {
    /// Returns true where nobody listens at the port. To a tunnel that nobody unpacks, Linux says
    /// the same.
    pub fn is_refusal(self) -> bool {
        self.reason.is_port_unreachable() && !self.is_of_tunnel
    }

    /// Formats it, with who says it.
    pub fn text(self) -> String {
        let of_tunnel = match self.is_of_tunnel {
            true => " of the tunnel, which is not unpacked there",
            false => "",
        };
        format!("{}{of_tunnel} (from {})", self.reason.text(), self.reporter)
    }
}

/// The steps of an attempt, in their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    Arrived,
    Scheduled,
    Left,
    Answered,
    AnswerLeft,
    Heard,
}

/// The end of an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// The client was heard to go on; of UDP, an answer went out to it.
    Served,
    /// By RST.
    Refused,
    /// By ICMP.
    Error(ErrorAnswer),
    /// The client repeated itself, or waits in vain, and this is the last step that was seen. Of one
    /// that was heard, nothing behind the SYN left.
    EndedAt(Step),
    /// A datagram left, and its answer does not come this way.
    OutOfSight,
    Undecided,
}

/// An attempt of a client's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// `None` for what may yet be of a firewall mark's.
    pub service: Option<ServiceIdentity>,
    pub protocol: Protocol,
    pub client: SocketAddr,
    /// The address that it asked for.
    pub address: SocketAddr,
    /// The sequence number of its SYN, or its port.
    pub number: u32,
    pub began: Duration,
    pub last_arrival: Duration,
    pub arrival: Sighting,
    /// The last interface that saw it when it came the first time: the one nearest to IP, as
    /// a VLAN is, or a bridge.
    pub arrived_on: u32,
    /// The times that it came, and left.
    pub arrivals: u32,
    pub departures: u32,
    /// Its client looks for open ports.
    pub is_search: bool,
    /// It was repeated before it left.
    pub was_repeated_before_it_left: bool,
    pub exit: Option<Exit>,
    /// The kernel's table has it.
    pub has_entry: bool,
    pub server: Option<DestinationIdentity>,
    pub answer: Option<Answer>,
    /// The answer came in from the service's address, which is the director's own.
    pub answer_came_from_address: bool,
    pub answer_left: bool,
    pub is_heard: bool,
    /// The time at which the client went on behind its SYN, as long as nothing of that has left.
    pub held_since: Option<Duration>,
}

impl Attempt {
    pub fn new(
        service: Option<ServiceIdentity>,
        flow: Flow,
        number: u32,
        arrival: Sighting,
        began: Duration,
    ) -> Attempt {
        Attempt {
            service,
            protocol: flow.protocol,
            client: flow.source,
            address: flow.destination,
            number,
            began,
            last_arrival: began,
            arrival,
            arrived_on: arrival.interface,
            arrivals: 1,
            departures: 0,
            was_repeated_before_it_left: false,
            exit: None,
            has_entry: false,
            is_search: false,
            server: None,
            answer: None,
            answer_came_from_address: false,
            answer_left: false,
            is_heard: false,
            held_since: None,
        }
    }

    pub fn flow(&self) -> Flow {
        Flow {
            protocol: self.protocol,
            source: self.client,
            destination: self.address,
        }
    }

    /// Takes in the first packet once more.
    pub fn arrives_again(&mut self, interface: u32, at: Duration) {
        if interface != self.arrival.interface {
            if self.arrivals == 1 {
                self.arrived_on = interface;
            }
            return;
        }
        self.arrivals += 1;
        self.last_arrival = at;
        self.was_repeated_before_it_left |= self.exit.is_none();
    }

    /// Takes in that it goes out.
    pub fn leaves(&mut self, exit: Exit) {
        let first = self.exit.get_or_insert(exit);
        if first.sighting.interface == exit.sighting.interface {
            *first = exit;
            self.departures += 1;
        }
    }

    /// Returns true if IPVS took it.
    pub fn is_scheduled(&self) -> bool {
        self.has_entry || self.exit.is_some()
    }

    /// Returns true where the server's answers come back this way, as they do masqueraded.
    pub fn is_translated(&self) -> bool {
        self.exit
            .is_some_and(|exit| exit.is_translation_of(self.address) && exit.tunnel.is_none())
    }

    /// Returns the last step that was seen.
    pub fn step(&self) -> Step {
        if self.is_heard {
            Step::Heard
        } else if self.answer_left {
            Step::AnswerLeft
        } else if self.answer.is_some() {
            Step::Answered
        } else if self.exit.is_some() {
            Step::Left
        } else if self.has_entry {
            Step::Scheduled
        } else {
            Step::Arrived
        }
    }

    /// Returns true once nothing more is to be learned from it.
    pub fn has_come_to_its_end(&self) -> bool {
        let is_served = self.is_heard && self.held_since.is_none();
        let is_refused = matches!(self.answer, Some(Answer::Refused | Answer::Error(_)));
        is_served
            || is_refused
            || match self.protocol {
                Protocol::Udp => self.answer_left || (self.exit.is_some() && !self.is_translated()),
                _ => self.arrivals > 1,
            }
    }

    /// Returns true for a SYN that left for a server whose answers do not come this way, and that its
    /// client had time to repeat and did not.
    pub fn asked_once_only(&self, end: Duration) -> bool {
        self.protocol == Protocol::Tcp
            && self.arrivals == 1
            && self.exit.is_some()
            && !self.is_translated()
            && end.saturating_sub(self.last_arrival) >= REPEATING
    }

    /// Returns what became of it, `end` being when listening ended.
    pub fn fate(&self, end: Duration) -> Fate {
        let is_udp = self.protocol == Protocol::Udp;
        let waited = end.saturating_sub(self.last_arrival);
        let waits_in_vain = match is_udp {
            true => waited >= UDP_PATIENCE,
            false => self.arrivals > 1 && waited >= PATIENCE,
        };
        let is_held = self.is_translated() && !self.answer_left && waits_in_vain;
        if let Some(since) = self.held_since {
            return match end.saturating_sub(since) < PATIENCE {
                true => Fate::Undecided,
                false => Fate::EndedAt(Step::Heard),
            };
        }
        match self.answer {
            _ if self.is_heard => Fate::Served,
            Some(_) if is_held => Fate::EndedAt(Step::Answered),
            Some(Answer::Refused) => Fate::Refused,
            Some(Answer::Error(error)) => Fate::Error(error),
            Some(Answer::Agreed) if is_udp && self.answer_left => Fate::Served,
            _ if is_udp && self.exit.is_some() && !self.is_translated() => Fate::OutOfSight,
            _ if waits_in_vain => Fate::EndedAt(self.step()),
            _ => Fate::Undecided,
        }
    }
}

/// The talk about an address, by ARP or what IPv6 has in its place.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AddressTalk {
    /// The machines that asked for it: at which interface, and how often.
    pub questions: BTreeMap<IpAddr, (u32, u32)>,
    /// This machine said that it has it.
    pub is_announced_here: bool,
    /// The others that said so, each behind the index of the interface that heard it.
    pub rivals: BTreeSet<(u32, HardwareAddress)>,
}
