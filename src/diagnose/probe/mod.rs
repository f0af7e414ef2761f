//! `--probe`: asks the real servers, all at once, in little more than a second.
//!
//! Each server is sent one SYN, as its clients' packets reach it, and an RST behind it, so that no
//! program there ever hears of a connection; a masqueraded one is sent another as from a client.
//! Frames are built and sent below the kernel's own stack: IPVS does not see them, and its table
//! and counters stay as they are. [`plan`] says whom to ask what, [`frames`] how that looks on an
//! Ethernet, [`wire`] sends and receives.
//!
//! Time is counted in small steps: where this process, or all of a virtual machine, stands still
//! for longer, that is no time for answers, and nobody is called silent for it.

mod frames;
mod plan;
mod wire;

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::net::{IpAddr, Ipv4Addr};
use std::time::{Duration, Instant};

use crate::diagnose::facts::{Facts, HardwareAddress, Rival};
use crate::error::KernelError;
use frames::{Arp, Received, Tcp};
use plan::ProbePlan;
use wire::Wire;

/// How long an answer is awaited before the question is repeated, once: a packet that was lost
/// accuses nobody.
const PATIENCE: Duration = Duration::from_millis(650);
/// How long is listened at least: another machine may yet answer for an address.
const SHORTEST: Duration = Duration::from_millis(500);
/// The longest wait at a time, and the most that counts of it.
const TICK: Duration = Duration::from_millis(20);
/// So many frames are sent at once, and then there is a pause: more might be too many for somebody
/// on the way, and their answers for us.
const BATCH: usize = 32;
const PAUSE: Duration = Duration::from_millis(2);

/// What came of asking a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Probed {
    /// It cannot be asked like this.
    Skipped(Reason),
    /// The next machine on the way does not say its hardware address.
    NoNeighbour,
    /// It was asked.
    Asked {
        port: PortAnswer,
        /// For a masqueraded server: where its answer to a client goes.
        way_back: Option<WayBack>,
    },
}

/// Why a server is not asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    Protocol,
    Mark,
    AnyPort,
    Tunnel,
    Ipv6,
    Link,
}

impl Reason {
    /// For programs.
    pub fn word(self) -> &'static str {
        match self {
            Reason::Protocol => "protocol",
            Reason::Mark => "firewall_mark",
            Reason::AnyPort => "all_ports",
            Reason::Tunnel => "tunnel",
            Reason::Ipv6 => "ipv6",
            Reason::Link => "link",
        }
    }

    /// For people, behind a colon.
    pub fn text(self) -> &'static str {
        match self {
            Reason::Protocol => "only TCP answers a first packet in a way that is known",
            Reason::Mark => "a firewall mark does not say which address and port to ask for",
            Reason::AnyPort => "the service is for all ports, none of which must be in use",
            Reason::Tunnel => "servers behind tunnels are not asked yet",
            Reason::Ipv6 => "servers with IPv6 are not asked yet",
            Reason::Link => "the way to the servers is no Ethernet",
        }
    }
}

/// What a server says to a SYN.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PortAnswer {
    /// SYN and ACK.
    Taken,
    /// RST.
    Refused,
    Silent,
}

/// Where a server's answer to a client goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WayBack {
    /// Through the director, where it was seen.
    Here,
    /// To a machine that the server asked for.
    Through(Ipv4Addr),
    /// It was not seen.
    Unseen,
}

/// Asks the servers, and adds to the facts what they say. `client` is the address that the packets
/// to masqueraded servers come from the second time, as a client's do.
///
/// # Errors
/// `EPERM` without `CAP_NET_RAW`; else what the sockets said.
pub fn probe(facts: &mut Facts, client: Ipv4Addr) -> Result<(), KernelError> {
    let plan = ProbePlan::of(facts);
    let mut asking = Asking::new(Wire::open()?, &plan, client);
    asking.run()?;
    for (index, question) in plan.questions.iter().enumerate() {
        let progress = asking.progress_of(index);
        let probed = match progress.asked {
            false => Probed::NoNeighbour,
            true => Probed::Asked {
                port: progress.port.unwrap_or(PortAnswer::Silent),
                way_back: question.wants_way_back.then_some(progress.way_back()),
            },
        };
        for (service, server) in &question.servers {
            facts.services[*service].servers[*server].probed = Some(probed);
        }
    }
    for (service, server, reason) in &plan.skipped {
        facts.services[*service].servers[*server].probed = Some(Probed::Skipped(*reason));
    }
    // Who answers is there, whatever was believed before, for servers that were not asked, too.
    let servers = facts
        .services
        .iter_mut()
        .flat_map(|service| &mut service.servers);
    for next_hop in servers.filter_map(|server| server.next_hop.as_mut()) {
        if let IpAddr::V4(address) = next_hop.address
            && asking
                .neighbours
                .contains_key(&(next_hop.interface, address))
        {
            next_hop.is_silent = false;
        }
    }
    for (address, hardware) in &asking.rivals {
        let server = asking
            .neighbours
            .iter()
            .find(|(_, known)| *known == hardware)
            .map(|((_, server), _)| *server);
        for service in &mut facts.services {
            if service.virtual_address() == Some((*address).into()) {
                service.rivals.push(Rival {
                    hardware: *hardware,
                    server,
                });
            }
        }
    }
    facts.is_probed = true;
    Ok(())
}

/// How far a question has come.
#[derive(Clone, Copy, Default)]
struct QuestionProgress {
    asked: bool,
    /// The question that is the same: another address of the same machine leads to it.
    same_as: Option<usize>,
    asked_as_client: bool,
    port: Option<PortAnswer>,
    came_back: bool,
    other_gateway: Option<Ipv4Addr>,
}

impl QuestionProgress {
    fn way_back(&self) -> WayBack {
        match self.other_gateway {
            _ if self.came_back => WayBack::Here,
            Some(gateway) => WayBack::Through(gateway),
            None => WayBack::Unseen,
        }
    }
}

/// A neighbour: the interface's index, and its address.
type NextHop = (u32, Ipv4Addr);

/// A frame that is to be sent.
#[derive(Clone, Copy)]
enum Outgoing {
    /// For the hardware address of a neighbour.
    Arp(NextHop),
    /// For whoever has an address that is the director's, by the number of the check.
    Check(usize),
    /// A question, by its number, and whether it is asked as from a client.
    Syn(usize, bool),
}

/// A frame that was sent, the first time or again.
struct Sent {
    what: Outgoing,
    at: Duration,
    is_repeated: bool,
}

/// The questions, under way.
struct Asking<'p> {
    wire: Wire,
    plan: &'p ProbePlan,
    client: Ipv4Addr,
    /// The sequence number of the first SYN; each further SYN has the next but one.
    first_sequence: u32,
    progress: Vec<QuestionProgress>,
    /// Who has said its hardware address, by interface and address.
    neighbours: BTreeMap<NextHop, HardwareAddress>,
    /// The questions to be sent through each neighbour.
    waiting: HashMap<NextHop, Vec<usize>>,
    /// The first question to each machine for each address and port.
    first: HashMap<(HardwareAddress, Ipv4Addr, u16), usize>,
    /// What is to be sent, and whether that is the second time.
    queue: VecDeque<(Outgoing, bool)>,
    /// What an answer is awaited to, in the order in which it was sent.
    sent: VecDeque<Sent>,
    /// How long answers could have come so far.
    time: Duration,
    rivals: Vec<(Ipv4Addr, HardwareAddress)>,
}

impl<'p> Asking<'p> {
    fn new(wire: Wire, plan: &'p ProbePlan, client: Ipv4Addr) -> Asking<'p> {
        let mut waiting: HashMap<_, Vec<usize>> = HashMap::new();
        for (index, question) in plan.questions.iter().enumerate() {
            let next_hop = (question.interface, question.next_hop);
            waiting.entry(next_hop).or_default().push(index);
        }
        let checks = (0..plan.checks.len()).map(Outgoing::Check);
        let neighbours = waiting.keys().copied().map(Outgoing::Arp);
        Asking {
            wire,
            plan,
            client,
            first_sequence: wire::unforeseen_number(),
            progress: vec![QuestionProgress::default(); plan.questions.len()],
            neighbours: BTreeMap::new(),
            queue: checks.chain(neighbours).map(|what| (what, false)).collect(),
            waiting,
            first: HashMap::new(),
            sent: VecDeque::new(),
            time: Duration::ZERO,
            rivals: Vec::new(),
        }
    }

    /// Asks until all is answered, or has been awaited long enough.
    fn run(&mut self) -> Result<(), KernelError> {
        loop {
            let begin = Instant::now();
            self.hear_all()?;
            self.look_for_silence();
            self.send_batch();
            if self.time >= SHORTEST && self.is_complete() {
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

    fn is_complete(&self) -> bool {
        self.queue.is_empty() && self.sent.iter().all(|sent| self.needs_no_more(sent.what))
    }

    /// Whether nothing is awaited to a frame. A check is there for whoever answers while others are
    /// awaited: mostly nobody does, and that is well.
    fn needs_no_more(&self, what: Outgoing) -> bool {
        match what {
            Outgoing::Check(_) => true,
            Outgoing::Arp(next_hop) => self.neighbours.contains_key(&next_hop),
            Outgoing::Syn(index, true) => self.progress[index].came_back,
            Outgoing::Syn(index, false) => self.progress[index].port.is_some(),
        }
    }

    /// Has what was not answered in time sent again, and the second time taken back.
    fn look_for_silence(&mut self) {
        let is_due = |sent: &Sent| sent.at + PATIENCE <= self.time;
        while self.sent.front().is_some_and(is_due)
            && let Some(sent) = self.sent.pop_front()
        {
            match sent.what {
                Outgoing::Check(_) if !sent.is_repeated => self.queue.push_back((sent.what, true)),
                what if self.needs_no_more(what) => {}
                what if !sent.is_repeated => self.queue.push_back((what, true)),
                Outgoing::Syn(index, is_from_client) => self.take_back(index, is_from_client),
                Outgoing::Arp(_) | Outgoing::Check(_) => {}
            }
        }
    }

    fn send_batch(&mut self) {
        for _ in 0..BATCH {
            let Some((what, is_repeated)) = self.queue.pop_front() else {
                break;
            };
            match what {
                Outgoing::Check(index) => self.send_check(index),
                Outgoing::Arp(next_hop) => self.send_arp(next_hop),
                Outgoing::Syn(index, is_from_client) => self.send_syn(index, is_from_client),
            }
            self.sent.push_back(Sent {
                what,
                at: self.time,
                is_repeated,
            });
        }
    }

    fn progress_of(&self, index: usize) -> QuestionProgress {
        let progress = self.progress[index];
        progress
            .same_as
            .map_or(progress, |first| self.progress[first])
    }

    /// Asks who has a virtual address, as from nobody: so no neighbour learns anything by it.
    fn send_check(&self, index: usize) {
        let check = self.plan.checks[index];
        let request = Arp::request(check.hardware, Ipv4Addr::UNSPECIFIED, check.address);
        self.wire.send(check.interface, &request.frame());
    }

    /// Asks a neighbour for its hardware address. This is said from the director's own address, as
    /// the kernel says it: so a server need not ask back, which it might do from an address that is
    /// to be hidden.
    fn send_arp(&self, next_hop: NextHop) {
        let (interface, address) = next_hop;
        let questions = self.waiting.get(&next_hop);
        if let Some(index) = questions.and_then(|questions| questions.first()) {
            let question = &self.plan.questions[*index];
            let request = Arp::request(question.hardware, question.source, address);
            self.wire.send(interface, &request.frame());
        }
    }

    /// Takes in what has come.
    fn hear_all(&mut self) -> Result<(), KernelError> {
        while let Some(received) = self.wire.receive()? {
            match received {
                Received::Arp(interface, arp) => self.hear_arp(interface, &arp),
                Received::Tcp(tcp) => self.hear_tcp(&tcp),
            }
        }
        Ok(())
    }

    fn hear_arp(&mut self, interface: u32, arp: &Arp) {
        let (hardware, sender) = (arp.sender_hardware, arp.sender);
        if self.plan.own_hardware.contains(&hardware) {
            return;
        }
        let is_rival = self
            .plan
            .checks
            .iter()
            .any(|check| check.interface == interface && check.address == sender);
        if is_rival && !self.rivals.contains(&(sender, hardware)) {
            self.rivals.push((sender, hardware));
        }
        let place = (interface, sender);
        if let Some(questions) = self.waiting.get(&place) {
            if self.neighbours.insert(place, hardware).is_none() {
                for index in questions.clone() {
                    let question = &self.plan.questions[index];
                    let place = (hardware, question.destination, question.port);
                    let first = *self.first.entry(place).or_insert(index);
                    self.progress[index].asked = true;
                    match first == index {
                        true => self.queue.push_back((Outgoing::Syn(index, false), false)),
                        false => self.progress[index].same_as = Some(first),
                    }
                }
            } else if arp.is_request() && !self.plan.own_addresses.contains(&arp.target) {
                // A server that looks for somebody else right after it was asked as by a client.
                for question in questions {
                    let progress = &mut self.progress[*question];
                    if progress.asked_as_client {
                        progress.other_gateway = progress.other_gateway.or(Some(arp.target));
                    }
                }
            }
        }
    }

    fn send_syn(&self, index: usize, is_from_client: bool) {
        let question = &self.plan.questions[index];
        let next_hop = (question.interface, question.next_hop);
        if let Some(hardware) = self.neighbours.get(&next_hop) {
            let syn = self.packet(index, is_from_client).syn();
            self.wire
                .send(question.interface, &syn.frame(question.hardware, *hardware));
        }
    }

    /// Takes back what a question's SYN has begun.
    fn take_back(&self, index: usize, is_from_client: bool) {
        let question = &self.plan.questions[index];
        let next_hop = (question.interface, question.next_hop);
        if let Some(hardware) = self.neighbours.get(&next_hop) {
            let reset = self.packet(index, is_from_client).reset();
            self.wire.send(
                question.interface,
                &reset.frame(question.hardware, *hardware),
            );
        }
    }

    /// The packet of a question, still without flags.
    fn packet(&self, index: usize, is_from_client: bool) -> Tcp {
        let question = &self.plan.questions[index];
        let source = match is_from_client {
            true => self.client,
            false => question.source,
        };
        let number = 2 * index as u32 + u32::from(is_from_client);
        Tcp::new(
            (source, self.wire.port()),
            (question.destination, question.port),
            self.first_sequence.wrapping_add(number),
        )
    }

    /// Takes in a packet to the port that all questions come from: an answer acknowledges the
    /// sequence number of one.
    fn hear_tcp(&mut self, tcp: &Tcp) {
        let number = tcp
            .acknowledged
            .wrapping_sub(1)
            .wrapping_sub(self.first_sequence);
        let (index, is_from_client) = (number as usize / 2, number % 2 == 1);
        let Some(question) = self.plan.questions.get(index) else {
            return;
        };
        if tcp.source != question.destination || tcp.source_port != question.port {
            return;
        }
        let answer = match (tcp.is_reset(), tcp.is_syn()) {
            (true, _) => PortAnswer::Refused,
            (false, true) => PortAnswer::Taken,
            _ => return,
        };
        let wants_way_back = question.wants_way_back;
        if answer == PortAnswer::Taken {
            self.take_back(index, is_from_client);
        }
        let progress = &mut self.progress[index];
        match is_from_client {
            true => progress.came_back = true,
            false => progress.port = Some(answer),
        }
        // One after the other: many questions may be to one machine, which keeps only so many
        // connections that are not open.
        if wants_way_back && !progress.asked_as_client {
            progress.asked_as_client = true;
            self.queue.push_back((Outgoing::Syn(index, true), false));
        }
    }
}
