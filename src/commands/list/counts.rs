//! Counts the connections of each client, server, service, state or origin, or all of them. Memory
//! grows with what they are counted by, not with the connections.
#![forbid(unsafe_code)]

use std::cmp::Reverse;
use std::collections::BTreeMap;

use super::Meanwhile;
use super::connections::{ConnectionDetail, PassedOver, SelectedConnections};
use crate::error::Error;
use crate::ipvs::Ipvs;
use crate::model::{Connection, KernelName, Origin};
use crate::render::counts::{Count, Counted};
use crate::selection::{CountKey, Selection};

/// Counts the connections that a selection takes. The most come first, and equally many in the
/// order of addresses and names. By nothing, there is one count, of zero connections too. What has
/// its turn meanwhile may end it.
///
/// # Errors
///
/// Those of reading the connections.
pub fn count<'s>(
    ipvs: &mut Ipvs,
    selection: &'s Selection,
    key: CountKey,
    meanwhile: Option<Meanwhile<'s>>,
) -> Result<(Vec<Count>, PassedOver), Error> {
    let detail = ConnectionDetail {
        origin: key == CountKey::Origin,
        engine_data: false,
    };
    let connections = SelectedConnections::open(ipvs, selection, detail)?.beside(meanwhile);
    match key {
        CountKey::Client => tally(connections, |it| it.client.0, Counted::Client),
        CountKey::Server => tally(
            connections,
            |it| it.destination,
            |(address, port)| Counted::Server(address, port),
        ),
        CountKey::Service => tally(
            connections,
            |it| (KernelName::truncated(it.protocol), it.service),
            |(protocol, (address, port))| Counted::Service(protocol, address, port),
        ),
        CountKey::Total => {
            let mut number = 0;
            let passed_over = connections.for_each(|_, _| {
                number += 1;
                Ok(())
            })?;
            let total = Count {
                counted: Counted::Total,
                connections: number,
            };
            Ok((vec![total], passed_over))
        }
        CountKey::State => tally(
            connections,
            |it| KernelName::truncated(it.state),
            Counted::State,
        ),
        CountKey::Origin => tally(
            connections,
            |it| it.origin == Some(Origin::Sync),
            |is_learnt| {
                Counted::Origin(match is_learnt {
                    true => Origin::Sync,
                    false => Origin::Local,
                })
            },
        ),
    }
}

/// Counts by one key. There may be as many keys as connections, so they are no larger than they
/// must be, and become what is printed afterwards.
fn tally<K: Ord>(
    connections: SelectedConnections<'_>,
    key: impl Fn(&Connection<'_>) -> K,
    counted: impl Fn(K) -> Counted,
) -> Result<(Vec<Count>, PassedOver), Error> {
    let mut numbers: BTreeMap<K, u64> = BTreeMap::new();
    let passed_over = connections.for_each(|connection, _| {
        *numbers.entry(key(connection)).or_default() += 1;
        Ok(())
    })?;
    let counts = numbers.into_iter().map(|(key, connections)| Count {
        counted: counted(key),
        connections,
    });
    let mut counts: Vec<Count> = counts.collect();
    counts.sort_by_key(|count| Reverse(count.connections));
    Ok((counts, passed_over))
}
