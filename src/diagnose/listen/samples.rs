//! Attempts to try on what judges and shows them: of one client, at the first service and server of
//! the healthy facts.

#![forbid(unsafe_code)]

use std::net::SocketAddr;
use std::time::Duration;

use super::listened::{Attempt, Exit, Listened, Sighting};
use super::packets::Flow;
use crate::diagnose::checks::samples::identity;
use crate::model::{DestinationIdentity, Protocol};

const CLIENT: &str = "198.51.100.7:40001";
pub const SERVICE: &str = "192.0.2.1:80";
pub const SERVER: &str = "10.0.0.10:80";
const SIGHTING: Sighting = Sighting {
    interface: 2,
    hardware: None,
};

/// Returns an attempt that came three times, and got no further.
pub fn attempt(protocol: Protocol) -> Attempt {
    let flow = Flow {
        protocol,
        source: CLIENT.parse().unwrap(),
        destination: SERVICE.parse().unwrap(),
    };
    let service = match protocol {
        Protocol::Udp => identity("-u 192.0.2.1:80"),
        _ => identity("-t 192.0.2.1:80"),
    };
    let mut attempt = Attempt::new(Some(service), flow, 71, SIGHTING, Duration::from_secs(1));
    attempt.arrivals = 3;
    attempt
}

/// Has an attempt leave for the server, under this address.
pub fn leaves(attempt: &mut Attempt, destination: &str) {
    attempt.exit = Some(Exit {
        sighting: SIGHTING,
        tunnel: None,
        destination: destination.parse().unwrap(),
    });
    attempt.server = Some(server());
}

/// Returns what ten seconds of listening heard.
pub fn heard(attempts: Vec<Attempt>) -> Listened {
    Listened {
        duration: Duration::from_secs(10),
        attempts,
        ..Listened::default()
    }
}

/// Returns the server that attempts leave for.
pub fn server() -> DestinationIdentity {
    let server: SocketAddr = SERVER.parse().unwrap();
    DestinationIdentity {
        address: server.ip(),
        port: server.port(),
    }
}
