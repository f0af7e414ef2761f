//! Reads the facts: each kind in one place. Nothing is sent to anyone but the kernel, and nothing
//! is changed.

#![forbid(unsafe_code)]

mod connections;
mod module;
pub mod network;
mod settings;
mod sockets;

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::iter;
use std::net::{IpAddr, Ipv4Addr};
use std::thread;
use std::time::Duration;

use nix::errno::Errno;

use crate::diagnose::facts::{
    Director, Facts, Growth, Interface, Neighbour, Route, Server, Service,
};
use crate::error::{Error, KernelError};
use crate::ipvs::{self, Detail, Ipvs, status};
use crate::model::{
    DestinationIdentity, ForwardingMethod, Protocol, ServiceIdentity, ServiceState, Statistics,
    SyncDaemon, SyncDaemonRole,
};
use crate::render::order;
pub use connections::MOST_CONNECTIONS;
use network::{Incoming, Rtnetlink};
pub use settings::drop_counters;
use sockets::Listening;

/// The time that a neighbour may take to say its hardware address before it counts as silent.
const RESOLVING: Duration = Duration::from_millis(100);

/// An address that is nobody's (RFC 5737).
const ELSEWHERE: Ipv4Addr = Ipv4Addr::new(198, 51, 100, 1);
/// Of how many clients that wait for a server the way back is looked at.
const MOST_FOLLOWED: usize = 8;
/// The time between two looks at the counters.
const BETWEEN_LOOKS: Duration = Duration::from_millis(500);

/// The facts where the kernel has no IPVS.
pub fn without_ipvs() -> Result<Facts, Error> {
    let mut network = Rtnetlink::open().map_err(Error::NotDiagnosed)?;
    let director = Director {
        missing_module: Some(module::why_missing()),
        interfaces: interfaces(&mut network).map_err(Error::NotDiagnosed)?,
        ..Director::default()
    };
    Ok(Facts {
        director,
        ..Facts::default()
    })
}

/// The facts of one virtual service, or of all, and of the director.
pub fn facts(ipvs: &mut Ipvs, only: Option<ServiceIdentity>) -> Result<Facts, Error> {
    let mut network = Rtnetlink::open().map_err(Error::NotDiagnosed)?;
    let mut director = director(ipvs, &mut network).map_err(Error::NotDiagnosed)?;
    // All of them, whichever is asked for: only so it is known which connections are nobody's.
    let mut services = services(ipvs).map_err(Error::NotDiagnosed)?;
    thread::sleep(BETWEEN_LOOKS);
    look_again(ipvs, &mut services).map_err(Error::NotDiagnosed)?;
    director.reverse_path_drops_added =
        settings::reverse_path_drops().saturating_sub(director.reverse_path_drops);
    director.sync_drops_added = sync_drops(&director.daemons).saturating_sub(director.sync_drops);
    if director.settings.standstill.is_some() {
        services.iter_mut().for_each(forget_counters);
    }
    let mut strays = connections::sum_up(&mut director, &mut services);
    if let Some(only) = only {
        services.retain(|service| service.identity() == only);
        strays.retain(|strays| strays.service == Some(only));
        if services.is_empty() {
            return Err(Error::NotDiagnosed(KernelError::Errno(Errno::ESRCH)));
        }
    }
    find_routes(&mut network, &director, &mut services)
        .and_then(|marks| follow_answers(&mut network, &director, &marks, &mut services))
        .and_then(|()| find_next_hops(&mut network, &director, &mut services))
        .map_err(Error::NotDiagnosed)?;
    look_for_listeners(&mut services);
    Ok(Facts {
        director,
        services,
        strays,
        is_probed: false,
        listened: None,
    })
}

/// The facts that listening needs: virtual services, and the director with its neighbours.
pub fn surroundings(ipvs: &mut Ipvs) -> Result<Facts, KernelError> {
    let mut network = Rtnetlink::open()?;
    let director = director(ipvs, &mut network)?;
    let mut services = services(ipvs)?;
    find_routes(&mut network, &director, &mut services)?;
    find_next_hops(&mut network, &director, &mut services)?;
    Ok(Facts {
        director,
        services,
        ..Facts::default()
    })
}

/// Reads the facts of one virtual service, without its connections and neighbours: enough to
/// judge how it is set up.
pub fn setup(ipvs: &mut Ipvs, only: ServiceIdentity) -> Result<Facts, KernelError> {
    let mut network = Rtnetlink::open()?;
    let state = ipvs.service(&only)?;
    let mut services = vec![service(ipvs, state)?];
    let director = director(ipvs, &mut network)?;
    find_routes(&mut network, &director, &mut services)?;
    Ok(Facts {
        director,
        services,
        ..Facts::default()
    })
}

/// The datagrams that a backup daemon, if one runs, had no room for.
fn sync_drops(daemons: &[SyncDaemon]) -> u64 {
    daemons
        .iter()
        .find(|daemon| daemon.role == SyncDaemonRole::Backup)
        .and_then(ipvs::sync_daemons::dropped)
        .unwrap_or(0)
}

fn director(ipvs: &mut Ipvs, network: &mut Rtnetlink) -> Result<Director, KernelError> {
    let daemons = ipvs.sync_daemons()?;
    let buckets = ipvs.info()?.connection_table_size;
    Ok(Director {
        interfaces: interfaces(network)?,
        sync_drops: sync_drops(&daemons),
        daemons,
        timeouts: ipvs.timeouts()?,
        settings: settings::settings(),
        conntrack: settings::conntrack(),
        reverse_path_drops: settings::reverse_path_drops(),
        neighbours_refused: settings::neighbours_refused(),
        connections: status::connections(),
        fixed_buckets: Some(buckets).filter(|buckets| status::is_of_fixed_size(*buckets)),
        unread: settings::unread().into_iter().collect(),
        ..Director::default()
    })
}

fn interfaces(network: &mut Rtnetlink) -> Result<Vec<Interface>, KernelError> {
    let mut interfaces = network.interfaces()?;
    interfaces.iter_mut().for_each(settings::complete);
    Ok(interfaces)
}

fn services(ipvs: &mut Ipvs) -> Result<Vec<Service>, KernelError> {
    let mut states = ipvs.services(Detail::WithStatistics)?;
    order::sort_services(&mut states, |state| &state.service.identity);
    states
        .into_iter()
        .map(|state| service(ipvs, state))
        .collect()
}

fn service(ipvs: &mut Ipvs, state: ServiceState) -> Result<Service, KernelError> {
    let mut destinations = Vec::new();
    ipvs.destinations(
        &state.service.identity,
        Detail::WithStatistics,
        &mut destinations,
    )?;
    order::sort_destinations(&mut destinations);
    let servers = destinations.into_iter().map(Server::new).collect();
    Ok(Service::new(state, servers))
}

/// Forgets counters that the kernel does not add up: nothing is to be concluded from them.
fn forget_counters(service: &mut Service) {
    service.state.statistics = Statistics::default();
    service.growth = Growth::default();
    for server in &mut service.servers {
        server.state.statistics = Statistics::default();
        server.traffic.growth = Growth::default();
    }
}

/// Reads the counters once more. Of a service or server that is gone since, or new, there is
/// nothing to compare.
fn look_again(ipvs: &mut Ipvs, services: &mut [Service]) -> Result<(), KernelError> {
    let later = self::services(ipvs)?;
    let mut later: HashMap<ServiceIdentity, Service> = later
        .into_iter()
        .map(|service| (service.identity(), service))
        .collect();
    for service in services {
        let Some(later) = later.remove(&service.identity()) else {
            continue;
        };
        service.growth = Growth::between(&service.state.statistics, &later.state.statistics);
        service.state.statistics = later.state.statistics;
        let servers: HashMap<DestinationIdentity, Server> = later
            .servers
            .into_iter()
            .map(|server| (server.identity(), server))
            .collect();
        for server in &mut service.servers {
            if let Some(later) = servers.get(&server.identity()) {
                server.traffic.growth =
                    Growth::between(&server.state.statistics, &later.state.statistics);
                server.state = later.state;
            }
        }
    }
    Ok(())
}

/// Finds out how packets go to the services' addresses and to their servers. Returns the marks that
/// rules of routing ask for.
fn find_routes(
    network: &mut Rtnetlink,
    director: &Director,
    services: &mut [Service],
) -> Result<Vec<u32>, KernelError> {
    let marks = network.marks_of_rules()?;
    let mut routes = HashMap::new();
    let mut homes = HashMap::new();
    for service in services.iter_mut() {
        if let Some(address) = service.virtual_address() {
            service.address = Some(match homes.entry(address) {
                Entry::Occupied(entry) => *entry.get(),
                Entry::Vacant(entry) => *entry.insert(arrival(network, director, &marks, address)?),
            });
        }
        for server in &mut service.servers {
            server.route = match routes.entry(server.identity().address) {
                Entry::Occupied(entry) => *entry.get(),
                Entry::Vacant(entry) => *entry.insert(network.route(server.identity().address)?),
            };
        }
    }
    Ok(marks)
}

/// Returns how packets from elsewhere go to an address: to the director itself if that is so by any
/// interface that is up, or with any mark; else as its own would.
fn arrival(
    network: &mut Rtnetlink,
    director: &Director,
    marks: &[u32],
    address: IpAddr,
) -> Result<Route, KernelError> {
    let own = network.route(address)?;
    if own == Route::Local {
        return Ok(own);
    }
    let interfaces = director.interfaces.iter();
    for interface in interfaces.filter(|interface| interface.is_up && !interface.is_loopback) {
        for mark in iter::once(0).chain(marks.iter().copied()) {
            let incoming = Incoming {
                interface: interface.index,
                source: somebody_at(interface, address),
                mark,
                is_strict: interface.is_strict,
            };
            if network.route_in(address, incoming)? == Route::Local {
                return Ok(Route::Local);
            }
        }
    }
    Ok(own)
}

/// Returns an address that a packet from outside could have: of the interface's own network, so
/// that no check of the source minds it; without one, of a network that is for documents.
fn somebody_at(interface: &Interface, destination: IpAddr) -> Option<IpAddr> {
    if destination.is_ipv6() {
        return None;
    }
    let neighbour = interface.addresses.iter().find_map(|(own, length)| {
        let IpAddr::V4(own) = own else { return None };
        (*length < 31).then(|| Ipv4Addr::from(u32::from(*own) ^ 0b11))
    });
    Some(neighbour.unwrap_or(ELSEWHERE).into())
}

/// Finds the clients that wait for masqueraded servers and that answers would not go on to.
fn follow_answers(
    network: &mut Rtnetlink,
    director: &Director,
    marks: &[u32],
    services: &mut [Service],
) -> Result<(), KernelError> {
    let mut routes: HashMap<(IpAddr, Incoming), Route> = HashMap::new();
    for server in services.iter_mut().flat_map(|service| &mut service.servers) {
        let (Some(way), ForwardingMethod::Masquerading) = (
            server.route.way(),
            server.state.destination.forwarding_method,
        ) else {
            continue;
        };
        let address = server.identity().address;
        let interface = director.interface(way.interface);
        let is_strict = interface.is_some_and(|interface| interface.is_strict);
        let incoming = |mark| Incoming {
            interface: way.interface,
            source: Some(address),
            mark,
            is_strict,
        };
        for client in server.traffic.waiting.addresses.iter().take(MOST_FOLLOWED) {
            if director.has(*client) || client.is_ipv4() != address.is_ipv4() {
                continue;
            }
            // The firewall may mark answers, for a rule of routing.
            let mut lost = None;
            for mark in iter::once(0).chain(marks.iter().copied()) {
                let route = match routes.entry((*client, incoming(mark))) {
                    Entry::Occupied(entry) => *entry.get(),
                    Entry::Vacant(entry) => {
                        *entry.insert(network.route_in(*client, incoming(mark))?)
                    }
                };
                if !matches!(route, Route::Nowhere | Route::Refused) {
                    lost = None;
                    break;
                }
                lost = lost.or(Some((*client, route)));
            }
            server.lost_clients.extend(lost);
        }
    }
    Ok(())
}

/// Finds out what is known of the next machines on the ways to the servers.
fn find_next_hops(
    network: &mut Rtnetlink,
    director: &Director,
    services: &mut [Service],
) -> Result<(), KernelError> {
    let mut neighbours = index(network.neighbours()?);
    let next_hops = |neighbours: &HashMap<_, Neighbour>, services: &mut [Service]| {
        let mut is_silent = false;
        for server in services.iter_mut().flat_map(|service| &mut service.servers) {
            server.next_hop = next_hop_of(server, director)
                .and_then(|place| neighbours.get(&place))
                .copied();
            is_silent |= server.next_hop.is_some_and(|next_hop| next_hop.is_silent);
        }
        is_silent
    };
    if next_hops(&neighbours, services) {
        // One that is being asked just now may be about to answer.
        thread::sleep(RESOLVING);
        neighbours = index(network.neighbours()?);
        next_hops(&neighbours, services);
    }
    Ok(())
}

/// The next machine on the way to a server: the interface's index, and the address.
fn next_hop_of(server: &Server, director: &Director) -> Option<(u32, IpAddr)> {
    let way = server.route.way()?;
    director.interface(way.interface)?.hardware?;
    let address = way.next_hop(server.identity().address);
    Some((way.interface, address))
}

fn index(neighbours: Vec<Neighbour>) -> HashMap<(u32, IpAddr), Neighbour> {
    neighbours
        .into_iter()
        .map(|neighbour| ((neighbour.interface, neighbour.address), neighbour))
        .collect()
}

/// Looks whether somebody listens at the servers that are the director itself.
fn look_for_listeners(services: &mut [Service]) {
    let mut listening: HashMap<Protocol, Option<Listening>> = HashMap::new();
    for service in services {
        let ServiceIdentity::Endpoint {
            protocol, address, ..
        } = service.identity()
        else {
            continue;
        };
        for server in &mut service.servers {
            let identity = server.identity();
            if server.route != Route::Local || identity.port == 0 {
                continue;
            }
            let sockets = listening
                .entry(protocol)
                .or_insert_with(|| Listening::read(protocol));
            // Only masquerading gives a packet the server's address.
            let expected = match server.state.destination.forwarding_method {
                ForwardingMethod::Masquerading => identity.address,
                _ => address,
            };
            server.listens = sockets
                .as_ref()
                .map(|sockets| sockets.has(expected, identity.port));
        }
    }
}
