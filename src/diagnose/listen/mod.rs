//! `--listen`: what becomes of real packets.
//!
//! [`capture`] hears what all interfaces receive and send, as far as [`filter`] lets it pass, and
//! sends nothing itself; it is in the groups of sync daemons meanwhile, of whose messages [`sync`]
//! knows. [`packets`] reads headers, [`attempts`] follows what clients attempt, and
//! [`listened`] says how far each attempt got. What that means is left to the checks.

mod attempts;
pub mod capture;
mod filter;
pub mod listened;
pub mod packets;
#[cfg(test)]
pub mod samples;
pub mod sync;

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use crate::attribution::{Lost, Servers, Whose};
use crate::diagnose::facts::{Facts, Server, Service};
use crate::diagnose::look;
use crate::error::KernelError;
use crate::ipvs::connections::Connections;
use crate::model::{
    AddressFamily, DestinationIdentity, Encapsulation, ForwardingMethod, ServiceIdentity,
};
use crate::waiting::Waiting;
pub use attempts::MOST_ATTEMPTS;

use attempts::Attempts;
use capture::Capture;
use filter::Interest;
use listened::Listened;
use sync::Groups;

/// The number of attempts that are enough, once they have ended.
const ENOUGH: usize = 50;
/// The time that attempts which are open then have left: a SYN is repeated after a second.
const LAST_PATIENCE: Duration = Duration::from_millis(1500);
/// The time between two looks at the kernel's table of connections, which keeps what is not answered
/// for a minute.
const LOOK_INTERVAL: Duration = Duration::from_secs(20);
/// The most time of one look: what comes meanwhile has to find room.
const LONGEST_LOOK: Duration = Duration::from_millis(500);
/// The most masters that are told apart: anyone can send what looks like a message of one.
const MOST_MASTERS: usize = 64;
/// The number of packets between two looks at the clock.
const CLOCK_STEP: u64 = 64;
/// The longest time between two lines of progress.
const TICK: Duration = Duration::from_millis(500);

/// Listens for so long, or until a signal comes or enough was heard, to what is for one of the
/// services, or for all. `facts` are those of all of the table's services. `progress` is given the
/// time that is left and the number of attempts that came to their end.
///
/// # Errors
/// `EPERM` without `CAP_NET_RAW`; else what the kernel said.
pub fn listen(
    facts: &Facts,
    only: Option<ServiceIdentity>,
    length: Duration,
    mut progress: impl FnMut(Duration, usize),
) -> Result<Listened, KernelError> {
    let mut waiting = Waiting::begin().map_err(KernelError::Errno)?;
    let drops_before = look::drop_counters();
    let gue_ports = gue_ports(&facts.services);
    let groups = Groups::join(&facts.director);
    let mut masters = BTreeSet::new();
    let mut interest = interest(facts, only);
    interest.addresses.extend(groups.addresses());
    let mut capture = Capture::open(&interest)?;
    let mut attempts = Attempts::new(facts, only);
    let begin = Instant::now();
    let mut packets = 0;
    let mut packets_lost = 0;
    let mut next_look = LOOK_INTERVAL;
    let mut enough_at = None;
    let mut next_word = Duration::ZERO;
    loop {
        let mut now = begin.elapsed();
        if now >= next_word {
            progress(length.saturating_sub(now), attempts.ended());
            next_word = now + TICK;
        }
        // Signals, and what has a time of its own, are looked at between two words, in a flood, too.
        while now < length.min(next_word)
            && let Some((frame, packet)) = capture.next()?
        {
            if packets % CLOCK_STEP == 0 {
                now = begin.elapsed();
            }
            packets += 1;
            if let Some(master) = groups.master(&frame, packet) {
                if masters.len() < MOST_MASTERS {
                    masters.insert(master);
                }
            } else if let Some(packet) = packets::read(packet, &gue_ports) {
                attempts.hear(&frame, &packet, now);
            }
            if enough_at.is_none() && attempts.ended() >= ENOUGH {
                enough_at = Some(now);
            }
        }
        packets_lost += capture.take_drops();
        now = begin.elapsed();
        let is_enough = enough_at.is_some_and(|moment| {
            now >= moment + LAST_PATIENCE || !attempts.has_open_ones_from_before(moment)
        });
        if now >= length || is_enough {
            break;
        }
        if now >= next_look {
            look_at_connections(facts, &mut attempts);
            next_look = begin.elapsed() + LOOK_INTERVAL;
        }
        let pause = TICK.min(length - now);
        if waiting.pause_or_read(pause, capture.as_fd()).is_some() {
            break;
        }
    }
    waiting.end();
    let duration = begin.elapsed();
    let is_table_cut = !look_at_connections(facts, &mut attempts);
    let drops = grown(&drops_before, look::drop_counters());
    let (attempts, addresses, attempts_not_followed) = attempts.finish();
    Ok(Listened {
        duration,
        attempts,
        attempts_not_followed,
        packets,
        packets_lost,
        is_table_cut,
        addresses,
        drops,
        masters,
    })
}

/// Adds what was heard to facts that were read when listening had ended: by then the director knew
/// its neighbours.
pub fn add(mut listened: Listened, facts: &mut Facts) {
    for attempt in &mut listened.attempts {
        let mut services = facts.services.iter();
        let service = services.find(|service| Some(service.identity()) == attempt.service);
        if let (None, Some(exit), Some(service)) = (attempt.server, attempt.exit, service) {
            attempt.server = exit.server_among(service);
        }
    }
    for service in &mut facts.services {
        listened.set_searches_aside(service.identity());
        let attempts = listened.of(service.identity());
        service.attempts = listened.funnel(attempts.clone());
        for server in &mut service.servers {
            let identity = server.identity();
            let its = attempts
                .clone()
                .filter(|attempt| attempt.server == Some(identity));
            server.traffic.attempts = listened.funnel(its);
        }
    }
    facts.listened = Some(listened);
}

/// The addresses of the services that are listened to, and of their servers.
fn interest(facts: &Facts, only: Option<ServiceIdentity>) -> Interest {
    let mut interest = Interest::default();
    let wanted = facts
        .services
        .iter()
        .filter(|service| only.is_none_or(|only| service.identity() == only));
    for service in wanted {
        match service.identity() {
            ServiceIdentity::Endpoint { address, .. } => {
                interest.addresses.insert(address);
            }
            ServiceIdentity::FirewallMark { family, .. } => match family {
                AddressFamily::Ipv4 => interest.all_ipv4 = true,
                AddressFamily::Ipv6 => interest.all_ipv6 = true,
            },
        }
        let servers = service.servers.iter();
        interest
            .addresses
            .extend(servers.map(|server| server.identity().address));
    }
    interest
}

/// The UDP ports at which servers take packets out of tunnels.
fn gue_ports(services: &[Service]) -> Vec<u16> {
    let servers = services.iter().flat_map(|service| &service.servers);
    let ports: BTreeSet<u16> = servers
        .filter_map(|server| match server.state.destination.forwarding_method {
            ForwardingMethod::Tunnel(Encapsulation::Gue { port, .. }) => Some(port),
            _ => None,
        })
        .collect();
    ports.into_iter().collect()
}

/// Finds out which attempts IPVS took, and whom it chose for them. Returns false where some of the
/// table was not read: that an attempt was not found accuses nobody then.
fn look_at_connections(facts: &Facts, attempts: &mut Attempts<'_>) -> bool {
    if !attempts.has_unknown_ones() {
        return true;
    }
    let Ok(connections) = Connections::open() else {
        return false;
    };
    let mut servers = Servers::default();
    let mut numbers = BTreeMap::new();
    for (number, service) in facts.services.iter().enumerate() {
        let identities = service.servers.iter().map(Server::identity);
        servers.insert(service.identity(), identities);
        numbers.insert(service.identity(), number);
    }
    let mut is_understood = true;
    let cut = connections.each_within(look::MOST_CONNECTIONS, LONGEST_LOOK, |connection| {
        let Ok(connection) = connection else {
            is_understood = false;
            return;
        };
        let Some(protocol) = connection.named_protocol() else {
            return;
        };
        let endpoint = |(address, port)| SocketAddr::new(address, port);
        let (service, server) = match servers.server_of(&connection) {
            Ok(Whose::Of((service, server))) => {
                (service, facts.services[service].servers[server].identity())
            }
            // Its server was removed.
            Err(Lost {
                service: Some(lost),
            }) => {
                let Some(service) = numbers.get(&lost).copied() else {
                    return;
                };
                let (address, port) = connection.destination;
                (service, DestinationIdentity { address, port })
            }
            Ok(Whose::OneOf(_)) | Err(Lost { service: None }) => return,
        };
        attempts.scheduled(
            protocol,
            endpoint(connection.client),
            endpoint(connection.service),
            (service, server),
        );
    });
    is_understood && matches!(cut, Ok(None))
}

/// The counters that grew, and by how much.
fn grown(
    before: &[(&'static str, u64)],
    after: Vec<(&'static str, u64)>,
) -> Vec<(&'static str, u64)> {
    after
        .into_iter()
        .filter_map(|(name, count)| {
            let (_, was) = before.iter().find(|(known, _)| *known == name)?;
            let more = count.checked_sub(*was)?;
            (more > 0).then_some((name, more))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_that_stand_still_or_begin_anew_are_left_out() {
        let before = [("InNoRoutes", 3), ("IPReversePathFilter", 7), ("drop", 9)];
        let after = vec![("InNoRoutes", 8), ("IPReversePathFilter", 7), ("drop", 2)];
        assert_eq!(grown(&before, after), [("InNoRoutes", 5)]);
    }
}
