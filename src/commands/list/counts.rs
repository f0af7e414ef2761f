//! How many connections there are of each client, server, service or state. What is held in memory
//! grows with these, not with the connections.

use std::collections::HashMap;

use super::connections::SelectedConnections;
use crate::error::Error;
use crate::ipvs::Ipvs;
use crate::model::{Connection, KernelName};
use crate::render::counts::{Count, Counted, write_key};
use crate::render::endpoints::EndpointWriter;
use crate::selection::{CountKey, Selection};

/// Counts the connections that are meant: most first, and of equally many in the order of how they
/// are spelled.
pub fn count(
    ipvs: &mut Ipvs,
    selection: &Selection,
    key: CountKey,
    endpoints: &mut EndpointWriter,
) -> Result<Vec<Count>, Error> {
    let mut numbers: HashMap<Counted, u64> = HashMap::new();
    SelectedConnections::open(ipvs, selection)?.for_each(|connection, _| {
        *numbers.entry(counted(connection, key)).or_default() += 1;
        Ok(())
    })?;
    let counts = numbers.into_iter().map(|(counted, connections)| {
        let mut key = Vec::new();
        write_key(&mut key, endpoints, &counted);
        Count { key, connections }
    });
    let mut counts: Vec<Count> = counts.collect();
    counts.sort_unstable_by(|one, other| {
        let by_number = other.connections.cmp(&one.connections);
        by_number.then_with(|| one.key.cmp(&other.key))
    });
    Ok(counts)
}

fn counted(connection: &Connection<'_>, key: CountKey) -> Counted {
    match key {
        CountKey::Client => Counted::Client(connection.client.0),
        CountKey::Server => {
            let (address, port) = connection.destination;
            Counted::Server(address, port)
        }
        CountKey::Service => {
            let (address, port) = connection.service;
            let protocol = KernelName::truncated(connection.protocol);
            Counted::Service(protocol, address, port)
        }
        CountKey::State => Counted::State(KernelName::truncated(connection.state)),
    }
}
