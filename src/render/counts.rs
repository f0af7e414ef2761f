//! What `-L -c --count` prints: a line for each client, server, service or state.

use std::net::IpAddr;

use crate::model::{KernelName, Protocol};
use crate::render::endpoints::EndpointWriter;
use crate::render::padding::number_right;

/// What connections are counted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Counted {
    Client(IpAddr),
    /// A real server's address and port.
    Server(IpAddr, u16),
    /// The protocol in upper case, as the kernel spells it, and a service's address and port.
    Service(KernelName, IpAddr, u16),
    State(KernelName),
}

/// How many connections there are of one of these.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Count {
    /// What it is called.
    pub key: Vec<u8>,
    pub connections: u64,
}

/// Writes what is counted by as listings do. A server's port has the name that TCP gives it: the
/// connections to it may have any protocol.
pub fn write_key(out: &mut Vec<u8>, endpoints: &mut EndpointWriter, counted: &Counted) {
    match *counted {
        Counted::Client(address) => endpoints.write_host(out, address),
        Counted::Server(address, port) => {
            endpoints.write(out, address, port, Some(Protocol::Tcp));
        }
        Counted::Service(protocol, address, port) => {
            let known = [Protocol::Tcp, Protocol::Udp, Protocol::Sctp].into_iter();
            let mut known = known.filter(|known| known.label().as_bytes() == protocol.as_bytes());
            out.extend_from_slice(protocol.as_bytes());
            out.push(b' ');
            endpoints.write(out, address, port, known.next());
        }
        Counted::State(state) => out.extend_from_slice(state.as_bytes()),
    }
}

/// Writes the counts as lines.
pub fn write(out: &mut Vec<u8>, counts: &[Count]) {
    for count in counts {
        number_right(out, count.connections, 8);
        out.push(b' ');
        out.extend_from_slice(&count.key);
        out.push(b'\n');
    }
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
        ]
        .map(|(counted, connections)| {
            let mut key = Vec::new();
            write_key(&mut key, &mut EndpointWriter::for_listing(true), &counted);
            Count { key, connections }
        });
        let mut out = Vec::new();
        write(&mut out, &counts);
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "123456789 192.0.2.1\n      \
                  12 ::ffff:192.0.2.1\n       \
                   3 10.0.0.1:80\n       \
                   2 SCTP [2001:db8::1]:80\n       \
                   2 IP 0.0.0.7:0\n       \
                   1 SYN_RECV\n"
        );
    }
}
