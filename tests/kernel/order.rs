//! `--order` on a real kernel: services with real connections, connections of all states, each
//! order against one that is worked out here.

use std::net::{IpAddr, TcpListener, TcpStream};
use std::time::{Duration, Instant};

use crate::support::busy::{PATIENCE, serve};
use crate::support::synced::{Synced, take_in};
use crate::support::{Ending, Invocation, Namespace, Program};

/// Runs our program, which must do it, and hands back what it prints.
fn list(namespace: &Namespace, words: &str) -> String {
    let outcome = namespace.run(&Program::ours(), &Invocation::line(words));
    assert_eq!(
        outcome.ending,
        Ending::Status(0),
        "ipvsadm {words}\n{outcome}"
    );
    outcome.stdout_text()
}

/// The ports of services, and how many connections to each are open, and how many were.
const CONNECTIONS: [(u16, usize, usize); 4] = [(80, 3, 7), (81, 4, 0), (82, 0, 0), (83, 6, 1)];

const RULES: &str = "-A -t 192.0.2.10:80 -s wrr
-a -t 192.0.2.10:80 -r 10.0.0.11:8080 -m -w 1
-a -t 192.0.2.10:80 -r 10.0.0.12:8080 -m -w 2
-A -t 192.0.2.10:81 -s wrr
-a -t 192.0.2.10:81 -r 10.0.0.11:8081 -m -w 1
-a -t 192.0.2.10:81 -r 10.0.0.12:8081 -m -w 3
-A -t 192.0.2.10:82 -s rr
-A -t 192.0.2.10:83 -s wrr
-a -t 192.0.2.10:83 -r 10.0.0.11:8083 -m -w 0
-a -t 192.0.2.10:83 -r 10.0.0.12:8083 -m -w 1
";

/// A namespace with these services, and the connections that are open.
fn busy() -> (Namespace, Vec<TcpStream>) {
    let namespace = Namespace::new();
    namespace.ip_batch(
        "address add 192.0.2.10/32 dev lo
         address add 10.0.0.11/32 dev lo
         address add 10.0.0.12/32 dev lo",
    );
    let filled = namespace.run(&Program::ours(), &Invocation::restore(RULES));
    assert_eq!(filled.ending, Ending::Status(0), "{filled}");
    let open = namespace.enter(|| {
        for server in ["10.0.0.11", "10.0.0.12"] {
            for port in [8080, 8081, 8083] {
                serve(TcpListener::bind((server, port)).unwrap());
            }
        }
        let mut open = Vec::new();
        for (port, stay, leave) in CONNECTIONS {
            let connect = |_| TcpStream::connect(("192.0.2.10", port)).unwrap();
            open.extend((0..stay).map(connect));
            drop((0..leave).map(connect).collect::<Vec<_>>());
        }
        open
    });
    // Until the kernel has seen that some are closed.
    let active: usize = CONNECTIONS.iter().map(|(_, stay, _)| stay).sum();
    let begun = Instant::now();
    while list(&namespace, "-Lnc --state established --count total")
        .trim()
        .split(' ')
        .next()
        != Some(active.to_string().as_str())
    {
        assert!(begun.elapsed() < PATIENCE, "{}", list(&namespace, "-Lnc"));
        std::thread::sleep(Duration::from_millis(20));
    }
    (namespace, open)
}

/// Returns the last parts of the addresses and ports of services and servers, as they follow each
/// other in a listing.
fn endpoints(listing: &str) -> Vec<String> {
    let words = listing.split_whitespace();
    let known = words.filter_map(|word| {
        let service = word.strip_prefix("192.0.2.10:").map(str::to_owned);
        let server = word.strip_prefix("10.0.0.");
        service.or(server.map(|server| server[..2].to_owned()))
    });
    known.collect()
}

#[test]
fn the_busiest_services_and_servers_come_first() {
    let (namespace, _open) = busy();
    for (order, expected) in [
        ("", "80 11 12 81 11 12 82 83 11 12"),
        (" --order address", "80 11 12 81 11 12 82 83 11 12"),
        (" --order active", "83 12 11 81 12 11 80 12 11 82"),
        (" --order connections", "80 12 11 83 12 11 81 12 11 82"),
    ] {
        for columns in ["", " --stats", " --thresholds"] {
            let words = format!("-Ln --table{columns}{order}");
            let listing = list(&namespace, &words);
            assert_eq!(
                endpoints(&listing).join(" "),
                expected,
                "{words}\n{listing}"
            );
        }
    }
    let one = list(&namespace, "-Ln -t 192.0.2.10:81 --table --order active");
    assert_eq!(endpoints(&one), ["81", "12", "11"], "{one}");
}

/// Sixty connections, each kept for another time, of two families and all states of TCP.
fn connections() -> Vec<Synced> {
    let address = |text: String| text.parse::<IpAddr>().unwrap();
    let connection = |number: u16| {
        let is_ipv6 = number.is_multiple_of(3);
        let [client, service, server] = match is_ipv6 {
            false => [
                format!("10.{}.0.{}", number * 7 % 5, number * 11 % 13),
                "192.0.2.1".to_owned(),
                "10.0.0.1".to_owned(),
            ],
            true => [
                format!("2001:db8::{:x}", number * 11 % 13),
                "2001:db8:1::1".to_owned(),
                "2001:db8:2::1".to_owned(),
            ],
        };
        Synced {
            protocol: 6,
            state: 1 + number % 9,
            client: (address(client), 40000 + number * 23 % 61),
            service: (address(service), 80),
            server: (address(server), 8080),
            is_template: false,
            seconds: 1000 + u32::from(number) * 17 % 61 * 20,
        }
    };
    (0..60).map(connection).collect()
}

#[test]
fn connections_are_in_the_order_of_what_is_looked_for() {
    let namespace = Namespace::new();
    take_in(&namespace, &connections());
    // Whatever is equal stays in the kernel's order, which stays the same between two looks.
    let rows = |words: &str| -> Vec<[String; 3]> {
        let listing = list(&namespace, words);
        let rows = listing.lines().skip(2).map(|line| {
            let words: Vec<&str> = line.split_whitespace().collect();
            // For how long, in what state, whose.
            [words[1], words[2], words[3]].map(str::to_owned)
        });
        rows.collect()
    };
    let seconds = |row: &[String; 3]| {
        let (minutes, seconds) = row[0].split_once(':').unwrap();
        60 * minutes.parse::<u32>().unwrap() + seconds.parse::<u32>().unwrap()
    };
    let client = |row: &[String; 3]| {
        let (address, port) = row[2].rsplit_once(':').unwrap();
        let address: IpAddr = address.trim_matches(['[', ']']).parse().unwrap();
        (address, port.parse::<u16>().unwrap())
    };
    let names = |rows: &[[String; 3]]| -> Vec<String> {
        let names = rows.iter().map(|row| format!("{} {}", row[1], row[2]));
        names.collect()
    };
    let all = rows("-Lnc");
    assert_eq!(all.len(), 60);
    let sorted = |by: &dyn Fn(&mut Vec<[String; 3]>)| {
        let mut rows = all.clone();
        by(&mut rows);
        assert_ne!(names(&rows), names(&all));
        names(&rows)
    };
    for (key, expected) in [
        ("expire", sorted(&|rows| rows.sort_by_key(seconds))),
        ("client", sorted(&|rows| rows.sort_by_key(client))),
        (
            "state",
            sorted(&|rows| rows.sort_by_key(|row| row[1].clone())),
        ),
    ] {
        let listed = rows(&format!("-Lnc --order {key}"));
        assert_eq!(names(&listed), expected, "{key}");
        // Drawn, the same.
        let drawn = list(&namespace, &format!("-Lnc --table --order {key}"));
        let drawn = drawn.split_whitespace().filter(|word| {
            let is_client = word.starts_with("10.") || word.starts_with("[2001:db8::");
            is_client && !word.ends_with(":8080")
        });
        let clients = expected.iter().map(|name| name.split_once(' ').unwrap().1);
        assert!(drawn.eq(clients), "{key}");
    }
    // Some of them, too.
    let some = rows("-Lnc --order expire --state established,close");
    assert!(some.len() > 5, "{some:?}");
    assert!(some.is_sorted_by_key(seconds), "{some:?}");
}

#[test]
fn what_makes_no_sense_is_said_in_one_line() {
    let namespace = Namespace::new();
    let one_order = "the plain listing of services has one order: --order needs --table or --watch";
    for (words, message) in [
        ("-L --order active", one_order),
        ("--order address", one_order),
        (
            "-L --table --order rate",
            "rates are measured from one look to the next: --order rate needs --watch",
        ),
        (
            "-L --table --order expire",
            "invalid order of services `expire': it is address, active, connections or rate",
        ),
        (
            "-L -c --order active",
            "invalid order of connections `active': it is expire, client or state",
        ),
    ] {
        let outcome = namespace.run(&Program::ours(), &Invocation::line(words));
        assert_eq!(outcome.stderr_text(), format!("{message}\n"), "{words}");
        assert!(outcome.stdout.is_empty(), "{words}");
        assert_eq!(outcome.ending, Ending::Status(2), "{words}");
    }
    for words in [
        "-L --table --nosort",
        "-L --json",
        "-L --prometheus",
        "-L --timeout --table",
        "-L --daemon --table",
        "-L -c --count client",
    ] {
        let words = format!("{words} --order active");
        let outcome = namespace.run(&Program::ours(), &Invocation::line(&words));
        assert_eq!(outcome.ending, Ending::Status(2), "{words}");
        let message = outcome.stderr_text();
        assert!(
            message.contains("'order'") && message.contains(" conflicts with "),
            "{message}"
        );
    }
}
