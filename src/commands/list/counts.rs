//! How many connections there are of each client, server, service or state. What is held in memory
//! grows with these, not with the connections.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use super::connections::SelectedConnections;
use crate::error::Error;
use crate::ipvs::Ipvs;
use crate::model::{Connection, KernelName};
use crate::render::counts::{Count, Counted};
use crate::selection::{CountKey, Selection};

/// Counts the connections that are meant: most first, and equally many in the order of addresses and
/// names.
pub fn count(ipvs: &mut Ipvs, selection: &Selection, key: CountKey) -> Result<Vec<Count>, Error> {
    let mut numbers: BTreeMap<Counted, u64> = BTreeMap::new();
    SelectedConnections::open(ipvs, selection)?.for_each(|connection, _| {
        *numbers.entry(counted(connection, key)).or_default() += 1;
        Ok(())
    })?;
    let counts = numbers.into_iter().map(|(counted, connections)| Count {
        counted,
        connections,
    });
    let mut counts: Vec<Count> = counts.collect();
    counts.sort_by_key(|count| Reverse(count.connections));
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
