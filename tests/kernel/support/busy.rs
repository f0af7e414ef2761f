//! A table that shows every feature, with traffic behind it, in a single namespace: clients,
//! virtual addresses and real servers all on `lo`. Enough where listings are looked at; traffic
//! over a network is in `tests/kernel/listings.rs`.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::time::Duration;

use super::{Invocation, Namespace, Program};

/// The table. The first service has traffic for all its servers, of which one is full
/// and one drained afterwards; the SIP service has seen a call.
const RULES: &str = "-A -t 192.0.2.10:80 -s wrr
-a -t 192.0.2.10:80 -r 10.0.0.11:8080 -m -w 3
-a -t 192.0.2.10:80 -r 10.0.0.12:8080 -m -w 2 -x 2 -y 1
-a -t 192.0.2.10:80 -r 10.0.0.13:8080 -m -w 1
-A -t 192.0.2.10:443 -s sh -b sh-fallback,sh-port -p 300 -M 255.255.255.0
-a -t 192.0.2.10:443 -r 10.0.0.11 -g -w 100
-a -t 192.0.2.10:443 -r 10.0.0.14 -i
-a -t 192.0.2.10:443 -r 10.0.0.15 -i --tun-type gue --tun-port 6080 --tun-remcsum
-a -t 192.0.2.10:443 -r 10.0.0.16 -i --tun-type gre --tun-csum -w 2147483647
-A -u 192.0.2.10:53 -s rr -o
-A -u 192.0.2.10:5060 -s rr -p 200 --pe sip
-a -u 192.0.2.10:5060 -r 10.0.0.11:5353 -m
-A --sctp-service 192.0.2.10:99 -s mh -b mh-port
-A -t [2001:db8:1111:2222:3333:4444:5555:6666]:8443 -s wlc -p 3600 -M 64
-a -t [2001:db8:1111:2222:3333:4444:5555:6666]:8443 -r [2001:db8:aaaa:bbbb:cccc:dddd:eeee:1]:443 -m
-A -f 4294967295 -s rr
-a -f 4294967295 -r 10.0.0.11:0 -g
-A -f 7 -6 -s lblcr -p
";

/// The namespace, and connections that stay open.
pub struct Busy {
    pub namespace: Namespace,
    _open: Vec<TcpStream>,
}

impl Busy {
    /// Fills the table and sends requests.
    pub fn new() -> Self {
        let namespace = Namespace::new();
        namespace.add_eth0();
        namespace.ip_batch(
            "address add 192.0.2.10/32 dev lo
             address add 10.0.0.11/32 dev lo
             address add 10.0.0.12/32 dev lo
             address add 10.0.0.13/32 dev lo",
        );
        let filled = namespace.run(&Program::ours(), &Invocation::restore(RULES));
        assert!(filled.stderr.is_empty(), "{filled}");
        let open = namespace.enter(|| {
            for server in ["10.0.0.11", "10.0.0.12", "10.0.0.13"] {
                serve(TcpListener::bind((server, 8080)).unwrap());
            }
            let call = b"OPTIONS sip:a@b SIP/2.0\r\nCall-ID: one@example.com\r\n\r\n";
            let socket = UdpSocket::bind("192.0.2.10:0").unwrap();
            socket.send_to(call, "192.0.2.10:5060").unwrap();
            // Twelve connections: six, four and two by weight, but for the server that is full
            // after two.
            (0..12).map(|_| request("192.0.2.10:80", 10_000)).collect()
        });
        let busy = Self {
            namespace,
            _open: open,
        };
        busy.run("-e -t 192.0.2.10:80 -r 10.0.0.13:8080 -m -w 0");
        for role in ["master", "backup"] {
            busy.run(&format!(
                "--start-daemon {role} --syncid 9 --sync-maxlen 1000"
            ));
        }
        busy.namespace.wait_until_counted();
        busy
    }

    /// Runs our program, which must do it, and hands back what it prints.
    pub fn run(&self, words: &str) -> String {
        let outcome = self
            .namespace
            .run(&Program::ours(), &Invocation::line(words));
        assert!(outcome.stderr.is_empty(), "ipvsadm {words}\n{outcome}");
        String::from_utf8(outcome.stdout).expect("a listing in UTF-8")
    }
}

/// The time that an answer may take.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// Answers every connection with as many bytes as it asks for, and keeps it open.
pub fn serve(listener: TcpListener) {
    std::thread::spawn(move || {
        for connection in listener.incoming() {
            let mut connection = connection.unwrap();
            std::thread::spawn(move || {
                let mut wanted = [0; 4];
                while connection.read_exact(&mut wanted).is_ok() {
                    let answer = vec![b'x'; u32::from_be_bytes(wanted) as usize];
                    connection.write_all(&answer).unwrap();
                }
            });
        }
    });
}

/// Asks the service at `address` for so many bytes, and takes them.
fn request(address: &str, length: u32) -> TcpStream {
    let mut connection = TcpStream::connect(address)
        .unwrap_or_else(|error| panic!("no connection to {address}: {error}"));
    connection.set_read_timeout(Some(PATIENCE)).unwrap();
    connection.write_all(&length.to_be_bytes()).unwrap();
    let mut answer = vec![0; length as usize];
    connection
        .read_exact(&mut answer)
        .unwrap_or_else(|error| panic!("no answer from {address}: {error}"));
    connection
}
