//! `--probe`: asks the real servers, all at once, in a few seconds.
//!
//! Each server is sent what its clients' packets look like when they reach it: one SYN, and an RST
//! behind it, so that no program there ever hears of a connection, or an empty datagram. Then
//! another SYN as from a client, to see where the answer goes. Frames are built and sent below the
//! kernel's own stack: IPVS does not see them, and its table and counters stay as they are.
//! [`plan`] says whom to ask what, [`asking`] does that, [`frames`] says how it looks on an
//! Ethernet, [`wire`] sends and receives.
//!
//! A server speaks for this director, and no more: it may let in its clients alone. The checks say
//! what an answer means.
//!
//! Time is counted in small steps: where this process, or all of a virtual machine, stands still
//! for longer, that is no time for answers, and nobody is called silent for it.

mod asking;
mod frames;
mod plan;
mod wire;

use std::net::{IpAddr, Ipv4Addr};

use crate::diagnose::facts::{Facts, Rival};
use crate::diagnose::listen::packets::IcmpReason;
use crate::error::KernelError;
use asking::Asking;
use plan::ProbePlan;
use wire::Wire;

/// The outcome of asking a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Probed {
    /// It cannot be asked like this.
    Skipped(Reason),
    /// The next machine on the way does not say its hardware address.
    NoNeighbour,
    /// It answers a request without a sender, but none from the director's address, which stands
    /// here.
    ShunsDirector(IpAddr),
    /// It answers for the director's address, which stands here, as if that were its own.
    TakesForItself(IpAddr),
    /// It was asked.
    Asked {
        port: PortAnswer,
        /// Set where the service's address was silent, and the server's own was asked: true if that
        /// answers.
        own_address_answers: Option<bool>,
        /// The way of its answer to a client, if it was asked as from one.
        way_back: Option<WayBack>,
    },
}

/// Why a server is not asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    Protocol,
    Mark,
    AnyPort,
    Link,
    NoAddress,
}

impl Reason {
    /// For programs.
    pub fn word(self) -> &'static str {
        match self {
            Reason::Protocol => "protocol",
            Reason::Mark => "firewall_mark",
            Reason::AnyPort => "all_ports",
            Reason::Link => "link",
            Reason::NoAddress => "no_address",
        }
    }

    /// For people, behind a colon.
    pub fn text(self) -> &'static str {
        match self {
            Reason::Protocol => "SCTP does not answer a first packet in a way that is known",
            Reason::Mark => "a firewall mark does not say which address and port to ask for",
            Reason::AnyPort => "the service is for all ports, none of which must be in use",
            Reason::Link => "the way to the servers is no Ethernet",
            Reason::NoAddress => {
                "the director has no address to ask from that the servers do not have, too"
            }
        }
    }
}

/// A server's answer to a first packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PortAnswer {
    /// SYN and ACK; to a datagram, another one.
    Taken,
    /// RST; to a datagram, ICMP port unreachable.
    Refused,
    /// An ICMP error of somebody.
    Rejected(IcmpReason, IpAddr),
    /// An ICMP error of the server about the tunnel.
    TunnelRejected(IcmpReason),
    /// It sent the packet back to the director, as another director does that has chosen this one.
    SentBack,
    /// Nothing, to a SYN; or to a datagram, by a machine that answers a SYN for its own address and
    /// none for the service's.
    Silent,
    /// Nothing, to a datagram, which need not be answered.
    Unknown,
}

/// The way of a server's answer to a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WayBack {
    /// To the director, where it was seen.
    Here,
    /// To a machine that the server asked for. `is_there` is set where that one said its hardware
    /// address to the director.
    Through { gateway: IpAddr, is_there: bool },
    /// It was not seen.
    Unseen,
}

/// Asks the servers, and adds to the facts what they say. `client` is the address that the packets
/// come from which ask as from a client, where the service has IPv4.
///
/// # Errors
/// `EPERM` without `CAP_NET_RAW`; else what the sockets said.
pub fn probe(facts: &mut Facts, client: Ipv4Addr) -> Result<(), KernelError> {
    let plan = ProbePlan::of(facts);
    let mut asking = Asking::new(Wire::open()?, &plan, client);
    asking.run()?;
    for (index, question) in plan.questions.iter().enumerate() {
        let probed = asking.outcome(index);
        for (service, server) in &question.servers {
            facts.services[*service].servers[*server].probed = Some(probed);
        }
    }
    for (service, server, reason) in &plan.skipped {
        facts.services[*service].servers[*server].probed = Some(Probed::Skipped(*reason));
    }
    let answered = asking.answered();
    let servers = facts
        .services
        .iter_mut()
        .flat_map(|service| &mut service.servers);
    for server in servers {
        let source = server.route.way().and_then(|way| way.source);
        // The kernel's state of a neighbour is out of date where the neighbour answers the very
        // question that the kernel asks.
        if let Some(next_hop) = &mut server.next_hop
            && answered.contains(&((next_hop.interface, next_hop.address), source))
        {
            next_hop.is_silent = false;
        }
    }
    for claim in &asking.claims {
        let server = asking.server_with(claim.hardware);
        let services = facts.services.iter_mut();
        for service in services.filter(|known| known.virtual_address() == Some(claim.address)) {
            service.rivals.push(Rival {
                hardware: claim.hardware,
                server,
                asks_for: claim.asks_for,
            });
        }
    }
    facts.is_probed = true;
    Ok(())
}
