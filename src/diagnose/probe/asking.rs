//! The questions of a probe, under way: sends them by and by, takes in the answers, repeats what is
//! not answered in time, and knows at the end what came of each.
#![forbid(unsafe_code)]

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::{Duration, Instant};

use super::frames::{Datagram, Packet, PacketKind, Received, Solicitation, Unreachable};
use super::plan::{ProbePlan, Question, Transport};
use super::wire::{self, Wire};
use super::{PortAnswer, Probed, WayBack};
use crate::diagnose::facts::HardwareAddress;
use crate::diagnose::listen::packets::{Flow, NeighbourTalk, Segment};
use crate::error::KernelError;

/// The time that an answer is awaited before the question is repeated, once: a packet that was lost
/// accuses nobody.
const PATIENCE: Duration = Duration::from_millis(650);
/// The longest wait at a time, and the most that counts of it.
const TICK: Duration = Duration::from_millis(20);
/// So many frames are sent at once, and then there is a pause: more might be too many for somebody
/// on the way, and their answers for us.
const BATCH: usize = 32;
const PAUSE: Duration = Duration::from_millis(2);
/// The client's address where services have IPv6: of the network for documentation, as 198.51.100.1
/// is, and nobody's.
const IPV6_CLIENT: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0xc633, 0x6401);

/// As whom, and for whose address, a question is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Voice {
    /// From the director, as packets of clients look when they come from it.
    Director,
    /// From the director, a SYN in place of a datagram: whoever has the address answers that.
    Address,
    /// From the director, a SYN for the server's own address.
    OwnAddress,
    /// From a client.
    Client,
}

const VOICES: [Voice; 4] = [
    Voice::Director,
    Voice::Address,
    Voice::OwnAddress,
    Voice::Client,
];

/// The progress of a question.
#[derive(Clone, Copy, Default)]
struct QuestionProgress {
    asked: bool,
    /// The question that is the same: another address of the same machine leads to it.
    same_as: Option<usize>,
    /// Set by voice once it was asked, and once nothing more is awaited to it.
    asked_by: [bool; VOICES.len()],
    done: [bool; VOICES.len()],
    port: Option<PortAnswer>,
    address_answers: bool,
    own_address_answers: bool,
    came_back: bool,
    gateway: Option<IpAddr>,
}

/// A neighbour: the interface's index, and its address.
pub type NextHop = (u32, IpAddr);

/// A machine that calls an address its own which is the director's.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct HeardRival {
    pub address: IpAddr,
    pub hardware: HardwareAddress,
    /// Whom it asks for in that address's name; none where it answers for it.
    pub asks_for: Option<IpAddr>,
}

/// A frame that is to be sent.
#[derive(Clone, Copy)]
enum Outgoing {
    /// For the hardware address of a neighbour; the second without a sender, where the first is
    /// silent.
    Solicit(NextHop),
    SolicitWithoutSender(NextHop),
    /// For that of a gateway which the server of this question asks for.
    SolicitGateway(usize, IpAddr),
    /// For whoever has an address that is the director's, by the number of the check.
    Check(usize),
    /// A question, by its number.
    Ask(usize, Voice),
}

/// A frame that was sent, the first time or again.
struct Sent {
    what: Outgoing,
    at: Duration,
    is_repeated: bool,
}

/// The questions, under way.
pub struct Asking<'p> {
    wire: Wire,
    plan: &'p ProbePlan,
    client: Ipv4Addr,
    /// The sequence number of the first question by the first voice; each further one has the next.
    first_sequence: u32,
    progress: Vec<QuestionProgress>,
    /// The hardware addresses of those who have said them.
    neighbours: BTreeMap<NextHop, HardwareAddress>,
    /// Those that answered only a request without a sender.
    shunning: HashSet<NextHop>,
    /// The machines that servers have asked for, and those of them that are there.
    gateways: HashMap<NextHop, bool>,
    /// The questions to be sent through each neighbour.
    waiting: HashMap<NextHop, Vec<usize>>,
    /// The first question of each kind to each machine.
    first: HashMap<Place, usize>,
    /// The frames to be sent; true for the second time.
    queue: VecDeque<(Outgoing, bool)>,
    /// The frames that an answer is awaited to, in the order in which they were sent.
    sent: VecDeque<Sent>,
    /// The time in which answers could have come so far.
    time: Duration,
    pub claims: Vec<HeardRival>,
}

/// The end of a question: the machine, the address and port there, and the address of the tunnel.
type Place = (HardwareAddress, Transport, IpAddr, u16, Option<IpAddr>);

impl<'p> Asking<'p> {
    pub fn new(wire: Wire, plan: &'p ProbePlan, client: Ipv4Addr) -> Asking<'p> {
        let mut waiting: HashMap<_, Vec<usize>> = HashMap::new();
        for (index, question) in plan.questions.iter().enumerate() {
            let next_hop = (question.interface, question.next_hop);
            waiting.entry(next_hop).or_default().push(index);
        }
        let checks = (0..plan.checks.len()).map(Outgoing::Check);
        let neighbours = waiting.keys().copied().map(Outgoing::Solicit);
        Asking {
            wire,
            plan,
            client,
            first_sequence: wire::unforeseen_number(),
            progress: vec![QuestionProgress::default(); plan.questions.len()],
            neighbours: BTreeMap::new(),
            shunning: HashSet::new(),
            gateways: HashMap::new(),
            queue: checks.chain(neighbours).map(|what| (what, false)).collect(),
            waiting,
            first: HashMap::new(),
            sent: VecDeque::new(),
            time: Duration::ZERO,
            claims: Vec::new(),
        }
    }

    /// Asks until all is answered, or has been awaited long enough.
    pub fn run(&mut self) -> Result<(), KernelError> {
        loop {
            let begin = Instant::now();
            while let Some((interface, received)) = self.wire.receive()? {
                self.hear(interface, received);
            }
            self.look_for_silence();
            self.send_batch();
            if self.queue.is_empty() && self.sent.iter().all(|sent| self.is_answered(sent.what)) {
                return Ok(());
            }
            let pause = match self.queue.is_empty() {
                true => TICK,
                false => PAUSE,
            };
            self.wire.wait(pause)?;
            self.time += begin.elapsed().min(TICK);
        }
    }

    /// Returns true where nothing is awaited to a frame. To a check, several may answer, and mostly
    /// nobody does: it is awaited to its end.
    fn is_answered(&self, what: Outgoing) -> bool {
        match what {
            Outgoing::Check(_) => false,
            Outgoing::Solicit(next_hop) => self.neighbours.contains_key(&next_hop),
            Outgoing::SolicitWithoutSender(next_hop) => self.shunning.contains(&next_hop),
            Outgoing::SolicitGateway(index, gateway) => {
                let place = (self.plan.questions[index].interface, gateway);
                self.gateways.get(&place) == Some(&true)
            }
            Outgoing::Ask(index, voice) => self.progress[index].done[voice as usize],
        }
    }

    /// Repeats what was not answered in time, once; gives it up the second time.
    fn look_for_silence(&mut self) {
        let now = self.time;
        let is_due = |sent: &Sent| sent.at + PATIENCE <= now;
        while self.sent.front().is_some_and(is_due)
            && let Some(sent) = self.sent.pop_front()
        {
            match sent.what {
                what if self.is_answered(what) => {}
                what if !sent.is_repeated => self.queue.push_back((what, true)),
                Outgoing::Solicit(next_hop) if next_hop.1.is_ipv4() => {
                    let again = Outgoing::SolicitWithoutSender(next_hop);
                    self.queue.push_back((again, false));
                }
                Outgoing::Ask(index, voice) => {
                    self.take_back(index, voice);
                    self.conclude(index, voice);
                }
                _ => {}
            }
        }
    }

    fn send_batch(&mut self) {
        for _ in 0..BATCH {
            let Some((what, is_repeated)) = self.queue.pop_front() else {
                break;
            };
            match what {
                Outgoing::Check(index) => {
                    let check = &self.plan.checks[index];
                    let hardware = check.hardware;
                    self.solicit(
                        check.interface,
                        hardware,
                        check.solicits_from,
                        check.address,
                    );
                }
                Outgoing::Solicit(next_hop) => self.solicit_neighbour(next_hop, false),
                Outgoing::SolicitWithoutSender(next_hop) => self.solicit_neighbour(next_hop, true),
                Outgoing::SolicitGateway(index, gateway) => {
                    let question = &self.plan.questions[index];
                    let (hardware, sender) = (question.hardware, question.solicits_from);
                    self.solicit(question.interface, hardware, sender, gateway);
                }
                Outgoing::Ask(index, voice) => self.ask(index, voice),
            }
            self.sent.push_back(Sent {
                what,
                at: self.time,
                is_repeated,
            });
        }
    }

    fn solicit(&self, interface: u32, hardware: HardwareAddress, sender: IpAddr, target: IpAddr) {
        let solicitation = Solicitation {
            hardware,
            sender,
            target,
        };
        if let Some(frame) = solicitation.frame() {
            self.wire.send(interface, &frame);
        }
    }

    /// Asks a neighbour for its hardware address. This is said from the director's own address, as
    /// the kernel says it: so a server need not ask back, which it might do from an address that is
    /// to be hidden.
    fn solicit_neighbour(&self, next_hop: NextHop, as_nobody: bool) {
        let (interface, address) = next_hop;
        let questions = self.waiting.get(&next_hop);
        if let Some(index) = questions.and_then(|questions| questions.first()) {
            let question = &self.plan.questions[*index];
            let sender = match as_nobody {
                true => Ipv4Addr::UNSPECIFIED.into(),
                false => question.solicits_from,
            };
            self.solicit(interface, question.hardware, sender, address);
        }
    }

    fn ask(&mut self, index: usize, voice: Voice) {
        self.progress[index].asked_by[voice as usize] = true;
        let kind = match transport(&self.plan.questions[index], voice) {
            Transport::Tcp => PacketKind::Syn(self.sequence(index, voice)),
            Transport::Udp => PacketKind::Datagram,
        };
        self.send(index, voice, kind);
    }

    /// Takes back what a SYN has begun.
    fn take_back(&self, index: usize, voice: Voice) {
        if transport(&self.plan.questions[index], voice) == Transport::Tcp {
            let reset = PacketKind::Reset(self.sequence(index, voice));
            self.send(index, voice, reset);
        }
    }

    fn send(&self, index: usize, voice: Voice, kind: PacketKind) {
        let question = &self.plan.questions[index];
        let next_hop = (question.interface, question.next_hop);
        let Some(to) = self.neighbours.get(&next_hop) else {
            return;
        };
        let destination = destination(question, voice);
        let source = match (voice, destination) {
            (Voice::Client, IpAddr::V4(_)) => self.client.into(),
            (Voice::Client, IpAddr::V6(_)) => IPV6_CLIENT.into(),
            _ => question.source,
        };
        let packet = Packet {
            source: SocketAddr::new(source, self.wire.port()),
            destination: SocketAddr::new(destination, question.port),
            tag: self.sequence(index, voice) as u16,
            kind,
        };
        if let Some(frame) = packet.frame(question.hardware, *to, question.tunnel) {
            self.wire.send(question.interface, &frame);
        }
    }

    fn sequence(&self, index: usize, voice: Voice) -> u32 {
        let number = VOICES.len() * index + voice as usize;
        self.first_sequence.wrapping_add(number as u32)
    }

    /// Returns the question, and its voice, that went out with a sequence number.
    fn by_sequence(&self, sequence: u32) -> Option<(usize, Voice)> {
        let number = sequence.wrapping_sub(self.first_sequence) as usize;
        let index = number / VOICES.len();
        (index < self.plan.questions.len()).then_some((index, VOICES[number % VOICES.len()]))
    }

    /// Returns the question, and its voice, that went out with a tag to an address, by itself or
    /// around it.
    fn by_tag(&self, tag: u16, to: IpAddr) -> Option<(usize, Voice)> {
        let lowest = u32::from(tag.wrapping_sub(self.first_sequence as u16));
        (lowest..)
            .step_by(1 << 16)
            .map_while(|number| self.by_sequence(self.first_sequence.wrapping_add(number)))
            .find(|(index, voice)| {
                let question = &self.plan.questions[*index];
                destination(question, *voice) == to || is_tunnel_to(question, to)
            })
    }

    fn hear(&mut self, interface: u32, received: Received) {
        match received {
            Received::Neighbour(hardware, talk) => self.hear_neighbour(interface, hardware, talk),
            Received::Segment(segment) => self.hear_segment(&segment),
            Received::Datagram(datagram) => self.hear_datagram(&datagram),
            Received::Unreachable(unreachable) => self.hear_unreachable(unreachable),
        }
    }

    fn hear_neighbour(&mut self, interface: u32, hardware: HardwareAddress, heard: NeighbourTalk) {
        if self.plan.own_hardware.contains(&hardware) {
            return;
        }
        self.note_claim(interface, hardware, heard);
        let place = (interface, heard.sender);
        if let Some(is_there) = self.gateways.get_mut(&place) {
            *is_there = true;
        }
        if self.waiting.contains_key(&place) && !self.neighbours.contains_key(&place) {
            // The answer to a request without a sender has no target.
            match heard.is_question || !heard.target.is_unspecified() {
                true => self.meet(place, hardware),
                false => {
                    self.shunning.insert(place);
                }
            }
        }
        if heard.is_question && !self.plan.own_addresses.contains(&heard.target) {
            self.note_gateway(interface, hardware, heard.target);
        }
    }

    /// Notes who else calls an address its own that is the director's.
    fn note_claim(&mut self, interface: u32, hardware: HardwareAddress, heard: NeighbourTalk) {
        let asks_for = (heard.is_question && heard.target != heard.sender).then_some(heard.target);
        let mut checks = self.plan.checks.iter();
        let is_checked =
            checks.any(|check| check.interface == interface && check.address == heard.sender);
        let claim = HeardRival {
            address: heard.sender,
            hardware,
            asks_for,
        };
        let is_known = |known: &HeardRival| {
            known.address == claim.address
                && known.hardware == claim.hardware
                && known.asks_for.is_some() == claim.asks_for.is_some()
        };
        if is_checked && !self.claims.iter().any(is_known) {
            self.claims.push(claim);
        }
    }

    /// Asks what was to be asked through a neighbour, now that its hardware address is known.
    fn meet(&mut self, place: NextHop, hardware: HardwareAddress) {
        self.neighbours.insert(place, hardware);
        for index in self.waiting.get(&place).cloned().unwrap_or_default() {
            let question = &self.plan.questions[index];
            let place = (
                hardware,
                question.transport,
                question.destination,
                question.port,
                question.tunnel.map(|(_, (_, server))| server),
            );
            let first = *self.first.entry(place).or_insert(index);
            self.progress[index].asked = true;
            match first == index {
                true => self
                    .queue
                    .push_back((Outgoing::Ask(index, Voice::Director), false)),
                false => self.progress[index].same_as = Some(first),
            }
        }
    }

    /// Notes whom a server looks for right after it was asked as by a client.
    fn note_gateway(&mut self, interface: u32, asking: HardwareAddress, target: IpAddr) {
        for (place, hardware) in &self.neighbours {
            if place.0 != interface || *hardware != asking {
                continue;
            }
            for index in self.waiting.get(place).into_iter().flatten() {
                let progress = &mut self.progress[*index];
                if progress.asked_by[Voice::Client as usize] && progress.gateway.is_none() {
                    progress.gateway = Some(target);
                    if self.gateways.insert((interface, target), false).is_none() {
                        let solicit = Outgoing::SolicitGateway(*index, target);
                        self.queue.push_back((solicit, false));
                    }
                }
            }
        }
    }

    /// Takes in a packet from the port that all questions come from, or to it: an answer
    /// acknowledges the sequence number of one.
    fn hear_segment(&mut self, heard: &Segment) {
        let Some(acknowledged) = heard.acknowledged else {
            if heard.is_syn
                && let Some((index, Voice::Director)) = self.by_sequence(heard.sequence)
            {
                self.hear_sent_back(index, &heard.flow);
            }
            return;
        };
        let Some((index, voice)) = self.by_sequence(acknowledged.wrapping_sub(1)) else {
            return;
        };
        let question = &self.plan.questions[index];
        if heard.flow.source != SocketAddr::new(destination(question, voice), question.port) {
            return;
        }
        let answer = match (heard.is_reset, heard.is_syn) {
            (true, _) => PortAnswer::Refused,
            (false, true) => PortAnswer::Taken,
            _ => return,
        };
        if answer == PortAnswer::Taken {
            self.take_back(index, voice);
        }
        self.take_answer(index, voice, answer);
    }

    /// Takes in a datagram. It acknowledges nothing; which server has sent it, the hardware address
    /// says where several have the address.
    fn hear_datagram(&mut self, heard: &Datagram) {
        let Flow {
            source,
            destination,
            ..
        } = heard.flow;
        if source.port() == self.wire.port() {
            if let Some((index, Voice::Director)) = self.by_tag(heard.tag, destination.ip()) {
                self.hear_sent_back(index, &heard.flow);
            }
            return;
        }
        let answers = |question: &Question| {
            let next_hop = (question.interface, question.next_hop);
            question.transport == Transport::Udp
                && source == SocketAddr::new(question.destination, question.port)
                && self.neighbours.get(&next_hop) == Some(&heard.hardware)
        };
        if let Some(index) = self.plan.questions.iter().position(answers) {
            self.take_answer(index, Voice::Director, PortAnswer::Taken);
        }
    }

    fn hear_sent_back(&mut self, index: usize, flow: &Flow) {
        let question = &self.plan.questions[index];
        let is_ours = flow.source == SocketAddr::new(question.source, self.wire.port())
            && flow.destination.ip() == question.destination;
        // Another server may yet answer.
        if is_ours && self.progress[index].port.is_none() {
            self.progress[index].port = Some(PortAnswer::SentBack);
        }
    }

    fn hear_unreachable(&mut self, heard: Unreachable) {
        let Some((index, voice)) = self.by_tag(heard.tag, heard.destination) else {
            return;
        };
        let question = &self.plan.questions[index];
        let is_about_tunnel = is_tunnel_to(question, heard.destination);
        let answer = match question.transport {
            _ if is_about_tunnel && heard.sender == heard.destination => {
                PortAnswer::TunnelRejected(heard.reason)
            }
            Transport::Udp if heard.reason.is_port_unreachable() && !is_about_tunnel => {
                PortAnswer::Refused
            }
            _ => PortAnswer::Rejected(heard.reason, heard.sender),
        };
        match voice {
            // Who rejects a packet for an address may well have it.
            Voice::Director | Voice::Address => self.take_answer(index, voice, answer),
            // Somebody on the way has no say in where answers go.
            Voice::OwnAddress | Voice::Client => self.conclude(index, voice),
        }
    }

    fn take_answer(&mut self, index: usize, voice: Voice, answer: PortAnswer) {
        let progress = &mut self.progress[index];
        match voice {
            Voice::Director => progress.port = Some(answer),
            Voice::Address => progress.address_answers = true,
            Voice::OwnAddress => progress.own_address_answers = true,
            Voice::Client => progress.came_back = true,
        }
        self.conclude(index, voice);
    }

    /// Goes on to what is to be asked next, once nothing more is awaited to a question by one
    /// voice. One after the other: many questions may be to one machine, which keeps only so many
    /// connections that are not open.
    fn conclude(&mut self, index: usize, voice: Voice) {
        let progress = &mut self.progress[index];
        if std::mem::replace(&mut progress.done[voice as usize], true) {
            return;
        }
        let question = &self.plan.questions[index];
        let is_silent = matches!(progress.port, None | Some(PortAnswer::SentBack));
        let doubted = match (voice, question.transport) {
            (Voice::Director, Transport::Tcp) => Some(Voice::OwnAddress),
            (Voice::Director, Transport::Udp) => Some(Voice::Address),
            (Voice::Address, _) if !progress.address_answers => Some(Voice::OwnAddress),
            _ => None,
        };
        let doubted = doubted.filter(|_| is_silent && question.own_address.is_some());
        let as_client =
            (voice == Voice::Director && question.from_client.is_some()).then_some(Voice::Client);
        let next = doubted.into_iter().chain(as_client);
        self.queue
            .extend(next.map(|voice| (Outgoing::Ask(index, voice), false)));
    }

    /// Returns what came of a question.
    pub fn outcome(&self, index: usize) -> Probed {
        let question = &self.plan.questions[index];
        let next_hop = (question.interface, question.next_hop);
        let progress = self.progress[index];
        let progress = progress
            .same_as
            .map_or(progress, |first| self.progress[first]);
        if !progress.asked {
            return match self.shunning.contains(&next_hop) {
                true => Probed::ShunsDirector(question.solicits_from),
                false => Probed::NoNeighbour,
            };
        }
        let hardware = self.neighbours.get(&next_hop);
        // Whoever answers the director does not take its address for its own.
        let takes_for_itself = self.claims.iter().any(|claim| {
            progress.port.is_none()
                && claim.address == question.source
                && claim.asks_for.is_none()
                && Some(&claim.hardware) == hardware
        });
        if takes_for_itself {
            return Probed::TakesForItself(question.source);
        }
        let way_back = match progress.gateway {
            _ if progress.came_back => WayBack::Here,
            Some(gateway) => WayBack::Through {
                gateway,
                is_there: self.gateways.get(&(question.interface, gateway)) == Some(&true),
            },
            None => WayBack::Unseen,
        };
        // A datagram need not be answered, and where the address is not, it does not arrive.
        let is_address_silent = progress.own_address_answers && !progress.address_answers;
        Probed::Asked {
            port: progress.port.unwrap_or(match question.transport {
                Transport::Udp if !is_address_silent => PortAnswer::Unknown,
                Transport::Tcp | Transport::Udp => PortAnswer::Silent,
            }),
            own_address_answers: progress.asked_by[Voice::OwnAddress as usize]
                .then_some(progress.own_address_answers),
            way_back: progress.asked_by[Voice::Client as usize].then_some(way_back),
        }
    }

    /// Returns the server with a network card.
    pub fn server_with(&self, hardware: HardwareAddress) -> Option<IpAddr> {
        let mut known = self.neighbours.iter();
        let (place, _) = known.find(|(_, known)| **known == hardware)?;
        Some(place.1)
    }

    /// Returns the neighbours that have answered, each with the address that asked them.
    pub fn answered(&self) -> HashSet<(NextHop, Option<IpAddr>)> {
        let asked_from = |place: &NextHop| {
            let index = self.waiting.get(place)?.first()?;
            Some(self.plan.questions[*index].solicits_from)
        };
        self.neighbours
            .keys()
            .map(|place| (*place, asked_from(place)))
            .collect()
    }
}

/// Returns the protocol in which a question is asked.
fn transport(question: &Question, voice: Voice) -> Transport {
    match voice {
        Voice::Director => question.transport,
        Voice::Address | Voice::OwnAddress | Voice::Client => Transport::Tcp,
    }
}

/// Returns the address that a question is for.
fn destination(question: &Question, voice: Voice) -> IpAddr {
    match (voice, question.own_address) {
        (Voice::OwnAddress, Some(own)) => own,
        _ => question.destination,
    }
}

/// Returns true where a question is asked through a tunnel that ends at `server`.
fn is_tunnel_to(question: &Question, server: IpAddr) -> bool {
    matches!(question.tunnel, Some((_, (_, end))) if end == server)
}
