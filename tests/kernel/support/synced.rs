//! Connections of every kind, without anyone who makes them: a director's messages to its backup,
//! written here, and a backup that takes them in. What is in the table then is as real as any.
//!
//! Source of the format: `net/netfilter/ipvs/ip_vs_sync.c` of the kernel, messages of version 1.

use std::net::{IpAddr, UdpSocket};

use crate::support::{Ending, Invocation, Namespace, Program};

/// A connection that the backup daemon is to know.
#[derive(Clone, Debug)]
pub struct Synced {
    /// The number in an IP header; 0 for what the persistence of a mark remembers.
    pub protocol: u8,
    /// The kernel's number of the state.
    pub state: u16,
    pub client: (IpAddr, u16),
    pub service: (IpAddr, u16),
    pub server: (IpAddr, u16),
    /// True if it is a template of persistence.
    pub is_template: bool,
    /// For how many seconds the kernel keeps it.
    pub seconds: u32,
}

const TEMPLATE: u32 = 0x1000;
/// For how many seconds the kernel keeps a connection of which nothing else is said.
pub const KEPT: u32 = 3000;
/// Of the longer kind, so many go into a packet.
const IN_A_MESSAGE: usize = 19;

/// Sends connections to a namespace's backup daemon, and waits until it has taken them in.
pub fn take_in(namespace: &Namespace, connections: &[Synced]) {
    start_backup(namespace);
    let messages: Vec<_> = connections.chunks(IN_A_MESSAGE).map(message).collect();
    let wanted = connections.len();
    namespace.enter(move || {
        let socket = UdpSocket::bind("127.0.0.1:0").expect("a socket");
        let mut sent = 0;
        for (index, message) in messages.iter().enumerate() {
            // The daemon may not have joined its group yet, or may be behind.
            for _ in 0..600 {
                socket.send_to(message, "224.0.0.81:8848").expect("sent");
                let due = wanted.min((index + 1) * IN_A_MESSAGE);
                sent += 1;
                for _ in 0..10 {
                    if held() >= due {
                        break;
                    }
                    std::thread::sleep(std::time::Duration::from_millis(10));
                }
                if held() >= due {
                    break;
                }
            }
        }
        assert_eq!(held(), wanted, "connections taken in of {sent} messages");
    });
}

/// Sends about so many connections, each from another client, to a namespace's backup daemon.
/// Some may be lost on the way: counting so many would take long.
pub fn take_in_many(namespace: &Namespace, wanted: usize) {
    /// So many messages find room where the daemon has them wait.
    const AT_ONCE: usize = 32;
    start_backup(namespace);
    let connections: Vec<Synced> = (0..wanted as u32)
        .map(|number| Synced {
            protocol: 6,
            state: 1,
            client: ((0x0a00_0000 + number).to_be_bytes().into(), 1024),
            service: ([192, 0, 2, 1].into(), 80),
            server: ([192, 0, 2, 2].into(), 80),
            is_template: false,
            seconds: KEPT,
        })
        .collect();
    let messages: Vec<_> = connections.chunks(IN_A_MESSAGE).map(message).collect();
    namespace.enter(move || {
        let socket = UdpSocket::bind("127.0.0.1:0").expect("a socket");
        for (index, message) in messages.iter().enumerate() {
            socket.send_to(message, "224.0.0.81:8848").expect("sent");
            if index % AT_ONCE == 0 {
                std::thread::sleep(std::time::Duration::from_millis(5));
            }
        }
    });
}

fn start_backup(namespace: &Namespace) {
    namespace.ip_batch(
        "link set lo multicast on
         route add 224.0.0.0/4 dev lo",
    );
    let started = namespace.run(
        &Program::ours(),
        &Invocation::line("--start-daemon backup --mcast-interface lo"),
    );
    assert!(started.ending == Ending::Status(0), "{started}");
}

/// Returns the number of connections in the calling thread's namespace.
fn held() -> usize {
    let text = std::fs::read_to_string("/proc/thread-self/net/ip_vs_conn").expect("the file");
    text.lines().count() - 1
}

fn message(connections: &[Synced]) -> Vec<u8> {
    let bodies: Vec<u8> = connections.iter().flat_map(body).collect();
    let size = u16::try_from(8 + bodies.len()).expect("a short message");
    let count = u8::try_from(connections.len()).expect("few connections");
    let mut message = vec![0, 0];
    message.extend(size.to_be_bytes());
    message.extend([count, 1, 0, 0]);
    message.extend(bodies);
    message
}

fn body(connection: &Synced) -> Vec<u8> {
    let (client, service, server) = (connection.client, connection.service, connection.server);
    let addresses: Vec<u8> = [client.0, service.0, server.0]
        .into_iter()
        .flat_map(|address| match address {
            IpAddr::V4(address) => address.octets().to_vec(),
            IpAddr::V6(address) => address.octets().to_vec(),
        })
        .collect();
    let size = u16::try_from(24 + addresses.len()).expect("short");
    let mut body = vec![u8::from(client.0.is_ipv6()), connection.protocol];
    body.extend(size.to_be_bytes());
    let flags = if connection.is_template { TEMPLATE } else { 0 };
    body.extend(flags.to_be_bytes());
    body.extend(connection.state.to_be_bytes());
    for (_, port) in [client, service, server] {
        body.extend(port.to_be_bytes());
    }
    body.extend(0_u32.to_be_bytes());
    body.extend(connection.seconds.to_be_bytes());
    body.extend(addresses);
    body
}
