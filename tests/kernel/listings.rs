//! Listings of a table that traffic flows through: connections, counters, rates, persistence.
//!
//! A client, a director and real servers, each a network namespace, with real connections between
//! them. Both programs then list the one table of the director. Nothing flows meanwhile, but time
//! does: connections run out and rates fade. So where the two differ, ours is held to two listings
//! of the reference, one from before it and one from after.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::time::{Duration, Instant};

use crate::support::busy::{PATIENCE, serve};
use crate::support::pair::listed_by_both;
use crate::support::{Ending, Invocation, Namespace, Program};

/// The two virtual addresses: `vip.example.com` and `six.example.com` of the tests' hosts.
const VIRTUAL: [&str; 2] = ["192.0.2.1", "[2001:db8::1]"];

/// The director's rules.
const RULES: &str = "-A -t 192.0.2.1:80 -s rr
-a -t 192.0.2.1:80 -r 10.0.0.10:8080 -m -w 3 -x 1000 -y 500
-a -t 192.0.2.1:80 -r 10.0.0.11:8080 -m
-a -t 192.0.2.1:80 -r 10.0.0.12:8080 -m -w 0
-A -t 192.0.2.1:443 -s wlc -p 300 -M 255.255.255.0
-a -t 192.0.2.1:443 -r 10.0.0.10:8080 -m
-a -t 192.0.2.1:443 -r 10.0.0.11:8080 -m
-A -u 192.0.2.1:53 -s wrr
-a -u 192.0.2.1:53 -r 10.0.0.10:5353 -m -w 2
-a -u 192.0.2.1:53 -r 10.0.0.11:5353 -m
-A -u 192.0.2.1:5060 -s rr -p 200 --pe sip
-a -u 192.0.2.1:5060 -r 10.0.0.10:5353 -m
-a -u 192.0.2.1:5060 -r 10.0.0.11:5353 -m
-A -t [2001:db8::1]:80 -s sh -b sh-port
-a -t [2001:db8::1]:80 -r [2001:db8:1::10]:8080 -m
-a -t [2001:db8::1]:80 -r [2001:db8:1::11]:8080 -m
-A -t 192.0.2.1:81 -s rr
";

/// A client, a director and real servers.
struct Cluster {
    client: Namespace,
    director: Namespace,
    servers: Namespace,
}

impl Cluster {
    /// Makes the cluster with servers that answer, and the director's table filled.
    fn new() -> Self {
        let cluster = Self {
            client: Namespace::new(),
            director: Namespace::new(),
            servers: Namespace::new(),
        };
        cluster.director.ip_batch(&format!(
            "link add outside type veth peer name inside netns {}
             link add inside type veth peer name outside netns {}
             address add 192.0.2.1/24 dev outside
             address add 2001:db8::1/64 dev outside nodad
             address add 10.0.0.1/24 dev inside
             address add 2001:db8:1::1/64 dev inside nodad
             link set outside up
             link set inside up",
            cluster.client.thread_id(),
            cluster.servers.thread_id(),
        ));
        cluster.client.ip_batch(
            "address add 192.0.2.30/24 dev inside
             address add 192.0.2.99/24 dev inside
             address add 2001:db8::30/64 dev inside nodad
             link set inside up",
        );
        cluster.servers.ip_batch(
            "address add 10.0.0.10/24 dev outside
             address add 10.0.0.11/24 dev outside
             address add 2001:db8:1::10/64 dev outside nodad
             address add 2001:db8:1::11/64 dev outside nodad
             link set outside up
             route add default via 10.0.0.1
             route add default via 2001:db8:1::1",
        );
        cluster.director.enter(|| {
            for switch in ["ipv4/ip_forward", "ipv6/conf/all/forwarding"] {
                std::fs::write(format!("/proc/sys/net/{switch}"), "1").unwrap();
            }
        });
        cluster.servers.enter(|| {
            serve(TcpListener::bind("0.0.0.0:8080").unwrap());
            serve(TcpListener::bind("[2001:db8:1::10]:8080").unwrap());
            serve(TcpListener::bind("[2001:db8:1::11]:8080").unwrap());
            // Two sockets, since an answer must come from the address that was asked.
            for address in ["10.0.0.10:5353", "10.0.0.11:5353"] {
                echo(UdpSocket::bind(address).unwrap());
            }
        });
        let filled = cluster
            .director
            .run(&Program::reference(), &Invocation::restore(RULES));
        assert!(filled.stderr.is_empty(), "{filled}");
        cluster
    }

    /// Sends requests of every kind. Hands back connections that stay open.
    fn send_requests(&self) -> Vec<TcpStream> {
        self.client.enter(|| {
            let mut open = Vec::new();
            for address in VIRTUAL {
                for round in 0..6_usize {
                    let connection = request(&format!("{address}:80"), 1000 << round);
                    if round < 2 {
                        open.push(connection);
                    }
                }
            }
            open.push(request("192.0.2.1:443", 10));
            request("192.0.2.1:443", 10);
            for (own, port, text) in [
                ("192.0.2.30:0", 53, "a question"),
                ("192.0.2.99:0", 53, "another question"),
                (
                    "192.0.2.30:0",
                    5060,
                    "OPTIONS sip:a@b SIP/2.0\r\nCall-ID: one@example.com\r\n\r\n",
                ),
                (
                    "192.0.2.99:0",
                    5060,
                    "OPTIONS sip:a@b SIP/2.0\r\nCall-ID: a-second-call\r\n\r\n",
                ),
            ] {
                let socket = UdpSocket::bind(own).unwrap();
                socket.set_read_timeout(Some(PATIENCE)).unwrap();
                socket
                    .send_to(text.as_bytes(), ("192.0.2.1", port))
                    .unwrap();
                let mut answer = [0; 100];
                let (length, _) = socket
                    .recv_from(&mut answer)
                    .unwrap_or_else(|error| panic!("no answer from port {port}: {error}"));
                assert_eq!(&answer[..length], text.as_bytes());
            }
            open
        })
    }

    /// Returns the reference's listing with these words.
    fn list(&self, words: &str) -> String {
        let outcome = self
            .director
            .run(&Program::reference(), &Invocation::line(words));
        outcome.stdout_text()
    }

    /// Holds ours to the reference's listing with these words.
    fn assert_listed_alike(&self, words: &str) {
        listed_by_both(&self.director, &Invocation::line(words));
    }
}

/// Answers every datagram with itself.
fn echo(socket: UdpSocket) {
    std::thread::spawn(move || {
        let mut datagram = [0; 1500];
        while let Ok((length, from)) = socket.recv_from(&mut datagram) {
            socket.send_to(&datagram[..length], from).unwrap();
        }
    });
}

/// Asks the service at `address` for so many bytes, and takes them.
fn request(address: &str, length: usize) -> TcpStream {
    let mut connection = TcpStream::connect(address)
        .unwrap_or_else(|error| panic!("no connection to {address}: {error}"));
    connection.set_read_timeout(Some(PATIENCE)).unwrap();
    let wanted = u32::try_from(length).unwrap().to_be_bytes();
    connection.write_all(&wanted).unwrap();
    let mut answer = vec![0; length];
    connection
        .read_exact(&mut answer)
        .unwrap_or_else(|error| panic!("no answer from {address}: {error}"));
    connection
}

/// Returns the numbers of the line of `listing` that begins with `name`.
fn numbers(listing: &str, name: &str) -> Vec<u64> {
    listing
        .lines()
        .find_map(|line| line.strip_prefix(name))
        .unwrap_or_else(|| panic!("no line {name} in\n{listing}"))
        .split_whitespace()
        .map(|number| number.parse().unwrap())
        .collect()
}

#[test]
fn a_table_with_life_is_listed_alike() {
    let cluster = Cluster::new();
    let open = cluster.send_requests();

    // Rates first: they fade within seconds.
    for words in [
        "-ln --rate",
        "-ln --rate --exact",
        "-l --rate",
        "-ln --rate -t 192.0.2.1:80",
    ] {
        cluster.assert_listed_alike(words);
    }
    // Taken now: two minutes after its end, a connection is forgotten.
    let entries = cluster.list("-lnc --persistent-conn");
    for words in [
        "-lnc",
        "-lc",
        "-lnc --persistent-conn",
        "-lc --persistent-conn",
        "-ln",
        "-l",
        "-ln --stats",
        "-ln --stats --exact",
        "-l --stats",
        "-ln --stats --nosort",
        "-ln --persistent-conn",
        "-ln --thresholds",
        "-ln --tun-info",
        "-ln -t 192.0.2.1:80",
        "-ln -t 192.0.2.1:80 --stats",
        "-ln -t 192.0.2.1:443 --persistent-conn",
        "-ln -u 192.0.2.1:5060 --stats --exact",
        "-l -t [2001:db8::1]:80",
    ] {
        cluster.assert_listed_alike(words);
    }

    // All this would prove little of a table where nothing had happened.
    cluster.director.wait_until_counted();
    let stats = cluster.list("-ln --stats --exact");
    let [connections, packets_in, packets_out, bytes_in, bytes_out] =
        numbers(&stats, "TCP  192.0.2.1:80 ")[..]
    else {
        panic!("{stats}");
    };
    assert!(
        connections == 6
            && packets_in > 24
            && packets_out > 24
            && bytes_in > 1000
            && bytes_out > 63_000,
        "{stats}"
    );
    assert_eq!(numbers(&stats, "TCP  [2001:db8::1]:80 ")[0], 6);
    assert_eq!(numbers(&stats, "UDP  192.0.2.1:53 ")[..3], [2, 2, 2]);
    for part in [
        "ESTABLISHED",
        "TIME_WAIT",
        "ASSURED",
        "UDP",
        "[2001:db8::30]:",
        "sip ",
        "one@example.com",
        "a-second-call",
    ] {
        assert!(entries.contains(part), "no {part} in\n{entries}");
    }
    let persistent = cluster.list("-ln --persistent-conn");
    assert!(
        persistent.lines().any(|line| {
            let words: Vec<_> = line.split_whitespace().collect();
            words.len() == 6 && words[0] == "->" && words[3] != "0"
        }),
        "{persistent}"
    );

    // Zeroed: the counters are, the connections are not.
    let zeroed = cluster
        .director
        .run(&Program::ours(), &Invocation::line("-Z -t 192.0.2.1:80"));
    assert!(zeroed.stderr.is_empty(), "{zeroed}");
    let stats = cluster.list("-ln --stats");
    assert_eq!(numbers(&stats, "TCP  192.0.2.1:80 "), [0; 5], "{stats}");
    assert_eq!(numbers(&stats, "UDP  192.0.2.1:53 ")[0], 2);
    cluster.assert_listed_alike("-ln --stats");
    cluster.assert_listed_alike("-ln");
    drop(open);
}

#[test]
fn rates_are_listed_while_they_are_there() {
    let cluster = Cluster::new();
    // The kernel works them out every two seconds, from what has come since.
    let end = Instant::now() + Duration::from_secs(60);
    loop {
        cluster.client.enter(|| {
            for _ in 0..10 {
                request("192.0.2.1:80", 50_000);
            }
        });
        cluster.assert_listed_alike("-ln --rate");
        let rates = cluster.list("-ln --rate");
        let rates = numbers(&rates, "TCP  192.0.2.1:80 ");
        if rates.iter().all(|rate| *rate > 0) {
            return;
        }
        assert!(
            Instant::now() < end,
            "the kernel never gave a rate in all five columns"
        );
    }
}

/// Words of ours that say how to list, or where, list without `-L`. Those that the reference has
/// are refused without a command as it refuses them, and so are ours among rules.
#[test]
fn words_that_the_reference_never_heard_of_list_by_themselves() {
    let namespace = Namespace::new();
    let rules = "-A -t 192.0.2.1:80 -s rr\n-a -t 192.0.2.1:80 -r 192.0.2.10:8080 -m -w 3\n\
                 -A -f 7 -s wlc\n";
    namespace.run(&Program::ours(), &Invocation::restore(rules));
    let run = |line: &str| namespace.run(&Program::ours(), &Invocation::line(line));
    for line in [
        "--table",
        "--json",
        "--prometheus",
        "--table -n --stats",
        "-n --json",
        "--json -t 192.0.2.1:80",
        "--json -c --client 192.0.2.0/24",
        "--table --timeout",
    ] {
        let (alone, spelled) = (run(line), run(&format!("-L {line}")));
        assert!(alone.ending == Ending::Status(0), "{line}: {alone}");
        assert!(!alone.stdout.is_empty(), "{line}: {alone}");
        assert_eq!(alone.stdout_text(), spelled.stdout_text(), "{line}");
    }
    let try_help = "Try `ipvsadm -h' or 'ipvsadm --help' for more information.\n";
    for line in [
        "-n",
        "-c",
        "--stats",
        "--timeout",
        "-t 192.0.2.1:80",
        "-n --stats -X",
    ] {
        let (ours, theirs) = (
            run(line),
            namespace.run(&Program::reference(), &Invocation::line(line)),
        );
        assert_eq!(theirs.stderr_text(), try_help, "{line}");
        assert_eq!(ours.stderr_text(), theirs.stderr_text(), "{line}");
        assert_eq!(ours.ending, theirs.ending, "{line}");
    }
    for line in [
        "--netns x -t 192.0.2.1:80 -r 192.0.2.10 -m",
        "--json --probe",
        "--table x",
        "--keep",
    ] {
        let outcome = run(line);
        let is_refused = outcome.ending != Ending::Status(0) && outcome.stdout.is_empty();
        assert!(is_refused, "{line}: {outcome}");
    }
    let outcome = namespace.run(&Program::ours(), &Invocation::restore("--table\n"));
    assert!(outcome.stdout.is_empty(), "{outcome}");
    assert_eq!(outcome.stderr_text(), try_help);
}
