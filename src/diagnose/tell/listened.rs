//! The outcome of listening, for programs: the attempts at each service and server, by step.

#![forbid(unsafe_code)]

use std::collections::BTreeMap;

use serde::Serialize;

use crate::diagnose::facts::Facts;
use crate::diagnose::listen::listened::{Funnel, Listened};
use crate::diagnose::listen::sync::Master;
use crate::render::json::{Endpoint, ServiceFields};

/// All that was heard.
#[derive(Serialize)]
pub struct ListenedFields {
    seconds: f64,
    packets: u64,
    packets_lost: u64,
    attempts_not_followed: u64,
    drops: BTreeMap<&'static str, u64>,
    sync_masters: Vec<Master>,
    services: Vec<ServiceTraffic>,
}

#[derive(Serialize)]
struct ServiceTraffic {
    service: ServiceFields,
    interfaces: Vec<String>,
    attempts: Funnel,
    real_servers: Vec<ServerTraffic>,
}

#[derive(Serialize)]
struct ServerTraffic {
    real_server: Endpoint,
    attempts: Funnel,
}

impl ListenedFields {
    pub fn of(facts: &Facts, listened: &Listened) -> ListenedFields {
        let services = facts.services.iter().map(|service| {
            let identity = service.identity();
            let attempts = listened.of(identity);
            let servers = service.servers.iter().map(|server| ServerTraffic {
                real_server: Endpoint::from(server.identity()),
                attempts: server.traffic.attempts,
            });
            ServiceTraffic {
                service: ServiceFields::from(identity),
                interfaces: Listened::interfaces(&facts.director, attempts),
                real_servers: servers.collect(),
                attempts: service.attempts,
            }
        });
        ListenedFields {
            seconds: listened.seconds(),
            packets: listened.packets,
            packets_lost: listened.packets_lost,
            attempts_not_followed: listened.attempts_not_followed,
            drops: listened.drops.iter().copied().collect(),
            sync_masters: listened.masters.iter().copied().collect(),
            services: services.collect(),
        }
    }
}
