//! The attempts of clients, and the step that each reaches: a state machine fed with packets.
//!
//! An attempt of TCP is known by the sequence number of its SYN, which neither IPVS nor a firewall
//! that translates addresses changes; one of UDP by its client's port. A packet that is seen at
//! several interfaces, a bridge and its port for one, is one packet: what is counted is counted at
//! the first of them.
#![forbid(unsafe_code)]

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use super::capture::{Direction, Frame};
use super::listened::{AddressTalk, Answer, Attempt, ErrorAnswer, Exit, Sighting};
use super::packets::{Content, Flow, IcmpError, NeighbourTalk, Packet, Segment};
use crate::diagnose::facts::{Facts, HardwareAddress, Service};
use crate::model::{AddressFamily, DestinationIdentity, Protocol, ServiceIdentity};

/// The most attempts that are followed.
pub const MOST_ATTEMPTS: usize = 4096;
/// The most packets that may yet turn out to be of a firewall mark's service; the oldest is
/// forgotten for the next.
const MOST_CANDIDATES: usize = 4096;
/// The most machines that are told apart around one address.
const MOST_NEIGHBOURS: usize = 64;
/// An acknowledged byte is no further from the first than a window.
const LARGEST_WINDOW: u32 = 1 << 30;

/// The attempts that are followed.
pub struct Attempts<'f> {
    services: &'f [Service],
    only: Option<ServiceIdentity>,
    by_endpoint: HashMap<(Protocol, SocketAddr), usize>,
    marks: Vec<usize>,
    own_addresses: HashSet<IpAddr>,
    own_hardware: BTreeSet<HardwareAddress>,
    attempts: HashMap<u32, Attempt>,
    next: u32,
    by_flow: HashMap<Flow, u32>,
    /// By the sequence number of TCP's SYN, or the client's port of UDP.
    by_number: HashMap<(Protocol, u32), Vec<u32>>,
    candidates: VecDeque<u32>,
    followed: usize,
    ended: HashSet<u32>,
    not_followed: u64,
    addresses: BTreeMap<IpAddr, AddressTalk>,
}

impl<'f> Attempts<'f> {
    /// Follows what is for one service, or for all.
    pub fn new(facts: &'f Facts, only: Option<ServiceIdentity>) -> Attempts<'f> {
        let services = &facts.services;
        let mut by_endpoint = HashMap::new();
        let mut marks = Vec::new();
        let is_wanted = |service: &Service| only.is_none_or(|only| service.identity() == only);
        for (index, service) in services.iter().enumerate() {
            if !is_wanted(service) {
                continue;
            }
            match service.identity() {
                ServiceIdentity::Endpoint {
                    protocol,
                    address,
                    port,
                } => {
                    by_endpoint.insert((protocol, SocketAddr::new(address, port)), index);
                }
                ServiceIdentity::FirewallMark { .. } => marks.push(index),
            }
        }
        let interfaces = &facts.director.interfaces;
        let addresses = services
            .iter()
            .filter(|service| is_wanted(service))
            .filter_map(Service::virtual_address);
        Attempts {
            services,
            only,
            by_endpoint,
            marks,
            own_addresses: interfaces
                .iter()
                .flat_map(|interface| interface.addresses.iter().map(|(address, _)| *address))
                .collect(),
            own_hardware: interfaces
                .iter()
                .filter_map(|interface| interface.hardware)
                .collect(),
            attempts: HashMap::new(),
            next: 0,
            by_flow: HashMap::new(),
            by_number: HashMap::new(),
            candidates: VecDeque::new(),
            followed: 0,
            ended: HashSet::new(),
            not_followed: 0,
            addresses: addresses
                .map(|address| (address, AddressTalk::default()))
                .collect(),
        }
    }

    /// Takes in a packet; `at` is the time since listening began.
    pub fn hear(&mut self, frame: &Frame, packet: &Packet, at: Duration) {
        match (packet.content, frame.direction) {
            (Content::Neighbour(talk), direction) => self.neighbour(frame, direction, talk),
            // What is for another machine says nothing of this one.
            (_, Direction::PassingBy) => {}
            // It will be seen again where it leaves the tunnel.
            (_, Direction::In) if packet.tunnel.is_some() => {}
            (Content::Segment(segment), Direction::In) => self.segment_in(frame, segment, at),
            (Content::Segment(segment), Direction::Out) => {
                self.segment_out(frame, packet.tunnel, segment);
            }
            (Content::Datagram(flow), Direction::In) => self.datagram_in(frame, flow, at),
            (Content::Datagram(flow), Direction::Out) => {
                self.datagram_out(frame, packet.tunnel, flow);
            }
            (Content::Error(error), direction) => self.error(direction, error),
        }
    }

    /// Returns the number of attempts that came to their end.
    pub fn ended(&self) -> usize {
        self.ended.len()
    }

    /// Returns true while an attempt that began before `moment` may yet come to its end.
    pub fn has_open_ones_from_before(&self, moment: Duration) -> bool {
        self.attempts.iter().any(|(number, attempt)| {
            attempt.service.is_some() && attempt.began < moment && !self.ended.contains(number)
        })
    }

    /// Returns true if there is an attempt of which it is not known whether IPVS took it, or whom
    /// it chose.
    pub fn has_unknown_ones(&self) -> bool {
        let mut attempts = self.attempts.values();
        attempts.any(|attempt| !attempt.is_scheduled() || attempt.server.is_none())
    }

    /// Takes in an entry of the kernel's table of connections: the client and the address that it
    /// came to, and the server, which is `place` among the services' servers.
    pub fn scheduled(
        &mut self,
        protocol: Protocol,
        client: SocketAddr,
        address: SocketAddr,
        place: (usize, DestinationIdentity),
    ) {
        let flow = Flow {
            protocol,
            source: client,
            destination: address,
        };
        let Some(number) = self.by_flow.get(&flow).copied() else {
            return;
        };
        let (service, server) = place;
        let identity = self.services[service].identity();
        if self.only.is_some_and(|only| only != identity) {
            return;
        }
        if self.adopt(number, service)
            && let Some(attempt) = self.attempts.get_mut(&number)
        {
            attempt.has_entry = true;
            attempt.server = Some(server);
        }
    }

    /// Returns the attempts by the order in which they began, what was said about the addresses,
    /// and how many attempts were not followed.
    pub fn finish(self) -> (Vec<Attempt>, BTreeMap<IpAddr, AddressTalk>, u64) {
        let mut attempts: Vec<(u32, Attempt)> = self
            .attempts
            .into_iter()
            .filter(|(_, attempt)| attempt.service.is_some())
            .collect();
        attempts.sort_by_key(|(number, _)| *number);
        let attempts = attempts.into_iter().map(|(_, attempt)| attempt).collect();
        (attempts, self.addresses, self.not_followed)
    }

    fn segment_in(&mut self, frame: &Frame, segment: Segment, at: Duration) {
        let flow = segment.flow;
        match (segment.is_syn, segment.acknowledged) {
            (true, None) => self.arrival(frame, flow, segment.sequence, at),
            _ => match self.by_flow.get(&flow).copied() {
                Some(number) => self.client_goes_on(number, segment, at),
                None => self.answer_in(segment),
            },
        }
    }

    fn segment_out(&mut self, frame: &Frame, tunnel: Option<IpAddr>, segment: Segment) {
        match (segment.is_syn, segment.acknowledged) {
            (true, None) => self.departure(frame, tunnel, segment.flow, segment.sequence),
            (true, Some(_)) => self.answer_out(segment),
            (false, _) if !segment.is_reset && self.goes_on_out(tunnel, segment) => {}
            (false, _) => self.answer_out(segment),
        }
    }

    fn datagram_in(&mut self, frame: &Frame, flow: Flow, at: Duration) {
        let is_from_client = self.by_flow.contains_key(&flow);
        let number = u32::from(flow.destination.port());
        let answered = match is_from_client {
            true => None,
            false => self.find(flow.protocol, number, |attempts, attempt| {
                attempts.is_server_of(attempt, flow.source) && attempts.is_to_client(attempt, flow)
            }),
        };
        match answered {
            Some(number) => self.update(number, |attempt| {
                attempt.answer.get_or_insert(Answer::Agreed);
            }),
            None => self.arrival(frame, flow, u32::from(flow.source.port()), at),
        }
    }

    fn datagram_out(&mut self, frame: &Frame, tunnel: Option<IpAddr>, flow: Flow) {
        match self.by_flow.get(&flow.reversed()).copied() {
            Some(number) => self.update(number, |attempt| {
                attempt.answer.get_or_insert(Answer::Agreed);
                attempt.answer_left = true;
            }),
            None => self.departure(frame, tunnel, flow, u32::from(flow.source.port())),
        }
    }

    /// A packet that may begin an attempt, or repeats the beginning of one.
    fn arrival(&mut self, frame: &Frame, flow: Flow, number: u32, at: Duration) {
        let known = self.by_flow.get(&flow).copied();
        if let Some(known) = known
            && let Some(attempt) = self.attempts.get(&known)
            && attempt.number == number
        {
            return self.update(known, |attempt| attempt.arrives_again(frame.interface, at));
        }
        let service = self.service_at(&flow);
        if service.is_none() && !self.may_be_marked(&flow) {
            return;
        }
        if service.is_some() {
            if self.followed == MOST_ATTEMPTS {
                self.not_followed += 1;
                return;
            }
            self.followed += 1;
        }
        let key = self.next;
        self.next = self.next.wrapping_add(1);
        let sighting = Sighting {
            interface: frame.interface,
            hardware: frame.hardware.map(|(_, destination)| destination),
        };
        let service_identity = service.map(|index| self.services[index].identity());
        let attempt = Attempt::new(service_identity, flow, number, sighting, at);
        self.attempts.insert(key, attempt);
        self.by_flow.insert(flow, key);
        self.by_number
            .entry((flow.protocol, number))
            .or_default()
            .push(key);
        if service.is_none() {
            self.candidates.push_back(key);
            if self.candidates.len() > MOST_CANDIDATES {
                self.forget_oldest_candidate();
            }
        }
    }

    /// A first packet of a client's that goes out.
    fn departure(&mut self, frame: &Frame, tunnel: Option<IpAddr>, flow: Flow, number: u32) {
        let Some(found) = self.find_departed(tunnel, flow, number) else {
            return;
        };
        let exit = Exit {
            sighting: Sighting {
                interface: frame.interface,
                hardware: frame.hardware.map(|(_, destination)| destination),
            },
            tunnel,
            destination: flow.destination,
        };
        let service = self.service_of_exit(found, frame.mark, &exit);
        if let Some(service) = service {
            self.adopt(found, service);
        }
        let server = service.and_then(|service| exit.server_among(&self.services[service]));
        self.update(found, |attempt| {
            attempt.leaves(exit);
            attempt.server = server.or(attempt.server);
        });
    }

    /// The attempt whose packet goes out, be it for the server that was chosen.
    fn find_departed(&self, tunnel: Option<IpAddr>, flow: Flow, number: u32) -> Option<u32> {
        self.find(flow.protocol, number, |attempts, attempt| {
            let is_as_it_came = flow == attempt.flow();
            let is_translated = tunnel.is_none()
                && attempts.is_server_of(attempt, flow.destination)
                && (flow.source == attempt.client
                    || (attempts.own_addresses.contains(&flow.source.ip())
                        && attempt
                            .exit
                            .is_none_or(|exit| exit.destination == flow.destination)));
            is_as_it_came || is_translated
        })
    }

    /// Takes in a packet of a client's behind its SYN, which proves that it got the answer. The
    /// first of them must leave as the SYN did.
    fn client_goes_on(&mut self, number: u32, segment: Segment, at: Duration) {
        self.update(number, |attempt| {
            let first = attempt.number.wrapping_add(1);
            let distance = segment.sequence.wrapping_sub(first);
            let is_of_it = match segment.is_reset {
                // It answers a packet that acknowledges this, be it one that it did not want.
                true => distance == 0,
                false => segment.acknowledged.is_some() && distance < LARGEST_WINDOW,
            };
            let is_first = is_of_it && distance == 0 && !segment.is_reset;
            if is_first && !attempt.is_heard && attempt.exit.is_some() {
                attempt.held_since = Some(at);
            }
            attempt.is_heard |= is_of_it;
        });
    }

    /// Takes in that the first packet behind a SYN goes out; `false` if it is another packet.
    fn goes_on_out(&mut self, tunnel: Option<IpAddr>, segment: Segment) -> bool {
        let number = segment.sequence.wrapping_sub(1);
        let Some(found) = self.find_departed(tunnel, segment.flow, number) else {
            return false;
        };
        self.update(found, |attempt| attempt.held_since = None);
        true
    }

    fn answer_in(&mut self, segment: Segment) {
        let Some(answer) = answer_in(&segment) else {
            return;
        };
        let flow = segment.flow;
        let found = self.find_answered(&segment, |attempts, attempt| {
            attempts.is_to_client(attempt, flow)
                && (flow.source == attempt.address || attempts.is_server_of(attempt, flow.source))
        });
        if let Some(number) = found {
            self.update(number, |attempt| {
                attempt.answer.get_or_insert(answer);
                attempt.answer_came_from_address |= flow.source == attempt.address;
            });
        }
    }

    fn answer_out(&mut self, segment: Segment) {
        let Some(answer) = answer_in(&segment) else {
            return;
        };
        let flow = segment.flow;
        let found = self.find_answered(&segment, |_, attempt| flow == attempt.flow().reversed());
        if let Some(number) = found {
            self.update(number, |attempt| {
                attempt.answer.get_or_insert(answer);
                attempt.answer_left = true;
            });
        }
    }

    fn error(&mut self, direction: Direction, error: IcmpError) {
        let flow = error.flow;
        let number = match error.sequence {
            Some(sequence) => sequence,
            None => u32::from(flow.source.port()),
        };
        let found = self.find(flow.protocol, number, |attempts, attempt| {
            flow == attempt.flow()
                || (flow.source == attempt.client
                    || attempts.own_addresses.contains(&flow.source.ip()))
                    && attempts.is_server_of(attempt, flow.destination)
        });
        let Some(number) = found else {
            return;
        };
        self.update(number, |attempt| {
            attempt.answer.get_or_insert(Answer::Error(ErrorAnswer {
                reporter: error.reporter,
                reason: error.reason,
                is_of_tunnel: error.tunnel.is_some(),
            }));
            attempt.answer_left |= direction == Direction::Out;
        });
    }

    fn neighbour(&mut self, frame: &Frame, direction: Direction, talk: NeighbourTalk) {
        let hardware = talk
            .sender_hardware
            .or(frame.hardware.map(|(source, _)| source));
        if let Some(about) = self.addresses.get_mut(&talk.sender) {
            let is_another = |hardware: &HardwareAddress| !self.own_hardware.contains(hardware);
            if direction == Direction::Out {
                about.is_announced_here = true;
            } else if let Some(hardware) = hardware.filter(is_another)
                && about.rivals.len() < MOST_NEIGHBOURS
            {
                about.rivals.insert((frame.interface, hardware));
            }
        }
        let is_asked = talk.is_question
            && direction == Direction::In
            && !talk.sender.is_unspecified()
            && talk.sender != talk.target;
        if is_asked && let Some(about) = self.addresses.get_mut(&talk.target) {
            let is_full = about.questions.len() == MOST_NEIGHBOURS;
            if is_full && !about.questions.contains_key(&talk.sender) {
                return;
            }
            let question = about
                .questions
                .entry(talk.sender)
                .or_insert((frame.interface, 0));
            question.1 += u32::from(question.0 == frame.interface);
        }
    }

    /// The service that takes what comes to an address and port: that of the port, or that of all
    /// ports.
    fn service_at(&self, flow: &Flow) -> Option<usize> {
        let address = flow.destination.ip();
        [flow.destination.port(), 0].into_iter().find_map(|port| {
            let place = (flow.protocol, SocketAddr::new(address, port));
            self.by_endpoint.get(&place).copied()
        })
    }

    /// Returns true where a packet may be of a firewall mark's service.
    fn may_be_marked(&self, flow: &Flow) -> bool {
        let family = AddressFamily::of(flow.destination.ip());
        let mut marks = self.marks.iter();
        marks.any(|index| self.services[*index].identity().family() == family)
    }

    /// The service whose server an attempt leaves to: that of the packet's mark, the one that it
    /// came to, or that of the first mark which has the server.
    fn service_of_exit(&self, number: u32, mark: Option<u32>, exit: &Exit) -> Option<usize> {
        let attempt = self.attempts.get(&number)?;
        let family = AddressFamily::of(attempt.address.ip());
        let mut marks = self
            .marks
            .iter()
            .copied()
            .filter(|index| self.services[*index].identity().family() == family);
        let own = attempt.service.and_then(|service| self.index_of(service));
        if let Some(mark) = mark {
            let of_mark = ServiceIdentity::FirewallMark { mark, family };
            let of_mark = marks.find(|index| self.services[*index].identity() == of_mark);
            return of_mark.or(own);
        }
        let has_server = |index: &usize| exit.server_among(&self.services[*index]).is_some();
        let is_own = |own: &usize| !exit.is_translation_of(attempt.address) || has_server(own);
        own.filter(is_own).or_else(|| marks.find(has_server))
    }

    fn index_of(&self, identity: ServiceIdentity) -> Option<usize> {
        self.services
            .iter()
            .position(|service| service.identity() == identity)
    }

    /// Makes an attempt one of a service; `false` where there are too many.
    fn adopt(&mut self, number: u32, service: usize) -> bool {
        let Some(attempt) = self.attempts.get_mut(&number) else {
            return false;
        };
        if attempt.service.is_none() {
            if self.followed == MOST_ATTEMPTS {
                self.not_followed += 1;
                return false;
            }
            self.followed += 1;
            self.candidates.retain(|candidate| *candidate != number);
        }
        attempt.service = Some(self.services[service].identity());
        true
    }

    fn forget_oldest_candidate(&mut self) {
        let Some(oldest) = self.candidates.pop_front() else {
            return;
        };
        let Some(attempt) = self.attempts.remove(&oldest) else {
            return;
        };
        let flow = attempt.flow();
        if self.by_flow.get(&flow) == Some(&oldest) {
            self.by_flow.remove(&flow);
        }
        let key = (flow.protocol, attempt.number);
        if let Some(numbers) = self.by_number.get_mut(&key) {
            numbers.retain(|number| *number != oldest);
            if numbers.is_empty() {
                self.by_number.remove(&key);
            }
        }
    }

    /// The latest attempt of a number that fits.
    fn find(
        &self,
        protocol: Protocol,
        number: u32,
        fits: impl Fn(&Attempts<'_>, &Attempt) -> bool,
    ) -> Option<u32> {
        let numbers = self.by_number.get(&(protocol, number))?;
        let mut latest_first = numbers.iter().rev().copied();
        latest_first.find(|number| {
            let attempt = self.attempts.get(number);
            attempt.is_some_and(|attempt| fits(self, attempt))
        })
    }

    fn find_answered(
        &self,
        segment: &Segment,
        fits: impl Fn(&Attempts<'_>, &Attempt) -> bool,
    ) -> Option<u32> {
        let number = segment.acknowledged?.wrapping_sub(1);
        self.find(segment.flow.protocol, number, fits)
    }

    fn update(&mut self, number: u32, change: impl FnOnce(&mut Attempt)) {
        if let Some(attempt) = self.attempts.get_mut(&number) {
            change(attempt);
            if attempt.service.is_some() && attempt.has_come_to_its_end() {
                self.ended.insert(number);
            }
        }
    }

    /// Returns true for a server of an attempt's service, or of any firewall mark's.
    fn is_server_of(&self, attempt: &Attempt, server: SocketAddr) -> bool {
        let own = attempt.service.and_then(|service| self.index_of(service));
        let mut services = own.into_iter().chain(self.marks.iter().copied());
        services.any(|index| is_among(&self.services[index], server))
    }

    /// Returns true for what goes to an attempt's client, or to an address of the director's that
    /// stands for it at the server.
    fn is_to_client(&self, attempt: &Attempt, flow: Flow) -> bool {
        flow.destination == attempt.client || self.own_addresses.contains(&flow.destination.ip())
    }
}

/// Returns true for a server of a service, whose port may be any where the service has none.
fn is_among(service: &Service, server: SocketAddr) -> bool {
    service.servers.iter().any(|known| {
        let identity = known.identity();
        identity.address == server.ip() && (identity.port == 0 || identity.port == server.port())
    })
}

/// Returns the answer that a segment gives to a SYN, if it gives one.
fn answer_in(segment: &Segment) -> Option<Answer> {
    segment.acknowledged?;
    match (segment.is_reset, segment.is_syn) {
        (true, _) => Some(Answer::Refused),
        (false, true) => Some(Answer::Agreed),
        (false, false) => None,
    }
}

#[cfg(test)]
mod tests;
