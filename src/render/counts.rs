//! Writes what `-L -c --count` prints: a line for each client, server, service, state
//! or origin, or one for all.
#![forbid(unsafe_code)]

use std::net::IpAddr;

use crate::model::{KernelName, Origin, Protocol};
use crate::render::endpoints::EndpointWriter;
use crate::render::padding::number_right;

/// A thing that connections are counted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Counted {
    Client(IpAddr),
    /// A real server's address and port.
    Server(IpAddr, u16),
    /// The protocol in upper case, as the kernel spells it, and a service's address and port.
    Service(KernelName, IpAddr, u16),
    State(KernelName),
    Origin(Origin),
    /// All connections.
    Total,
}

impl Counted {
    /// Appends it as listings write it. A server's port has the name that TCP gives it: the
    /// connections to it may have any protocol.
    pub fn write(&self, out: &mut Vec<u8>, endpoints: &mut EndpointWriter) {
        match *self {
            Counted::Client(address) => endpoints.write_host(out, address),
            Counted::Server(address, port) => {
                endpoints.write(out, address, port, Some(Protocol::Tcp));
            }
            Counted::Service(protocol, address, port) => {
                let known = Protocol::from_label(protocol.as_bytes());
                out.extend_from_slice(protocol.as_bytes());
                out.push(b' ');
                endpoints.write(out, address, port, known);
            }
            Counted::State(state) => out.extend_from_slice(state.as_bytes()),
            Counted::Origin(origin) => out.extend_from_slice(origin.word().as_bytes()),
            Counted::Total => out.extend_from_slice(b"total"),
        }
    }
}

/// The number of connections of one thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Count {
    pub counted: Counted,
    pub connections: u64,
}

/// Appends the line of a count.
pub fn write_row(out: &mut Vec<u8>, endpoints: &mut EndpointWriter, count: &Count) {
    number_right(out, count.connections, 8);
    out.push(b' ');
    count.counted.write(out, endpoints);
    out.push(b'\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_count_is_a_number_and_what_is_counted() {
        let address = |text: &str| text.parse::<IpAddr>().unwrap();
        let name = KernelName::from;
        let counts = [
            (Counted::Client(address("192.0.2.1")), 123_456_789),
            (Counted::Client(address("::ffff:192.0.2.1")), 12),
            (Counted::Server(address("10.0.0.1"), 80), 3),
            (
                Counted::Service(name("SCTP"), address("2001:db8::1"), 80),
                2,
            ),
            (Counted::Service(name("IP"), address("0.0.0.7"), 0), 2),
            (Counted::State(name("SYN_RECV")), 1),
            (Counted::Origin(Origin::Sync), 7),
            (Counted::Total, 0),
        ];
        let mut out = Vec::new();
        for (counted, connections) in counts {
            let count = Count {
                counted,
                connections,
            };
            write_row(&mut out, &mut EndpointWriter::for_listing(true), &count);
        }
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "123456789 192.0.2.1\n      \
                  12 ::ffff:192.0.2.1\n       \
                   3 10.0.0.1:80\n       \
                   2 SCTP [2001:db8::1]:80\n       \
                   2 IP 0.0.0.7:0\n       \
                   1 SYN_RECV\n       \
                   7 sync\n       \
                   0 total\n"
        );
    }
}
