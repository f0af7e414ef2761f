//! `-L -c` with filters and counts, on a real kernel: each filter alone and all together against
//! one that is written here, over the whole list as text.

use std::collections::BTreeMap;
use std::net::IpAddr;

use crate::support::busy::Busy;
use crate::support::schema::Schema;
use crate::support::synced::{KEPT, Synced, take_in};
use crate::support::{Ending, Invocation, Namespace, Program, Random};

/// A row of the list, as text.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Row {
    protocol: String,
    state: String,
    client: String,
    service: String,
    server: String,
}

/// Returns the rows of a plain list, sorted; how long each is kept is left out.
fn rows(listing: &str) -> Vec<Row> {
    let mut lines = listing.lines();
    assert_eq!(lines.next(), Some("IPVS connection entries"));
    assert!(lines.next().unwrap().starts_with("pro expire state"));
    let mut rows: Vec<Row> = lines
        .map(|line| {
            let words: Vec<_> = line.split_whitespace().map(str::to_owned).collect();
            let [protocol, _, state, client, service, server] = words.try_into().unwrap();
            Row {
                protocol,
                state,
                client,
                service,
                server,
            }
        })
        .collect();
    rows.sort();
    rows
}

/// Returns an address and port in text, parted.
fn parted(endpoint: &str) -> (IpAddr, u16) {
    let (address, port) = endpoint.rsplit_once(':').unwrap();
    let address = address.trim_matches(['[', ']']);
    (address.parse().unwrap(), port.parse().unwrap())
}

fn bits(address: IpAddr) -> String {
    match address {
        IpAddr::V4(address) => address.octets().map(|byte| format!("{byte:08b}")).concat(),
        IpAddr::V6(address) => address.octets().map(|byte| format!("{byte:08b}")).concat(),
    }
}

/// One of the filters: its words, and whether it takes a row.
struct Filter {
    words: String,
    takes: Box<dyn Fn(&Row) -> bool>,
}

impl Filter {
    fn service(option: &str, protocol: &'static str, endpoint: String) -> Self {
        let words = format!("{option} {endpoint}");
        let takes = move |row: &Row| row.protocol == protocol && is_at(&row.service, &endpoint);
        Self {
            words,
            takes: Box::new(takes),
        }
    }

    fn server(endpoint: String) -> Self {
        let words = format!("-r {endpoint}");
        Self {
            words,
            takes: Box::new(move |row| is_at(&row.server, &endpoint)),
        }
    }

    fn client(address: IpAddr, length: Option<usize>) -> Self {
        let (words, length) = match length {
            None => (format!("--client {address}"), bits(address).len()),
            Some(length) => (format!("--client {address}/{length}"), length),
        };
        let beginning = bits(address)[..length].to_owned();
        let takes = move |row: &Row| {
            let (client, _) = parted(&row.client);
            client.is_ipv4() == address.is_ipv4() && bits(client).starts_with(&beginning)
        };
        Self {
            words,
            takes: Box::new(takes),
        }
    }

    fn states(states: Vec<String>) -> Self {
        let words = format!("--state {}", states.join(",").to_lowercase());
        Self {
            words,
            takes: Box::new(move |row| states.contains(&row.state)),
        }
    }
}

/// Returns true if an endpoint of a row is the one in the words, which may lack a port.
fn is_at(endpoint: &str, wanted: &str) -> bool {
    endpoint == wanted || {
        let (address, _) = endpoint.rsplit_once(':').unwrap();
        address.trim_matches(['[', ']']) == wanted || wanted == format!("{address}:0")
    }
}

const TCP_STATES: u16 = 11;
const SCTP_STATES: u16 = 14;

/// Connections of every protocol, state and family, among few addresses so that filters find some.
fn every_kind() -> Vec<Synced> {
    let address = |text: &str| text.parse::<IpAddr>().unwrap();
    let families = [
        (
            ["10.1.1.1", "10.1.1.2", "10.1.2.1", "192.0.2.77"].map(address),
            ["192.0.2.1", "192.0.2.2"].map(address),
            ["10.0.0.1", "10.0.0.2"].map(address),
        ),
        (
            [
                "2001:db8:1::1",
                "2001:db8:2::1",
                "::ffff:10.1.1.1",
                "fe80::1",
            ]
            .map(address),
            ["2001:db8::1", "::ffff:192.0.2.1"].map(address),
            ["2001:db8:9::1", "::ffff:10.0.0.1"].map(address),
        ),
    ];
    let mut connections = Vec::new();
    for (clients, services, servers) in families {
        let states = (0..TCP_STATES).map(|state| (6, state));
        let states = states
            .chain([(17, 0)])
            .chain((0..SCTP_STATES).map(|state| (132, state)));
        for (index, (protocol, state)) in states.enumerate() {
            for (offset, client) in clients.into_iter().enumerate() {
                let number = index + offset;
                connections.push(Synced {
                    protocol,
                    state,
                    client: (client, 40000 + u16::try_from(number).unwrap()),
                    service: (services[number % 2], [80, 443, 65000][number % 3]),
                    server: (servers[number / 2 % 2], [80, 8080][number / 3 % 2]),
                    is_template: false,
                    seconds: KEPT,
                });
            }
        }
        connections.push(Synced {
            protocol: 6,
            state: 0,
            client: (clients[0], 0),
            service: (services[0], 80),
            server: (servers[0], 80),
            is_template: true,
            seconds: KEPT,
        });
    }
    connections.push(Synced {
        protocol: 0,
        state: 0,
        client: (address("10.1.1.1"), 0),
        service: (address("0.0.0.7"), 0),
        server: (address("10.0.0.1"), 0),
        is_template: true,
        seconds: KEPT,
    });
    connections
}

fn list(namespace: &Namespace, words: &str) -> String {
    let outcome = namespace.run(&Program::ours(), &Invocation::line(words));
    assert_eq!(
        outcome.ending,
        Ending::Status(0),
        "ipvsadm {words}\n{outcome}"
    );
    assert!(outcome.stderr.is_empty(), "ipvsadm {words}\n{outcome}");
    outcome.stdout_text()
}

/// Counts the rows by a key, and returns the lines that the program prints of that.
fn counted(rows: &[Row], key: &str) -> String {
    if key == "total" {
        return format!("{:8} total\n", rows.len());
    }
    let mut counts = BTreeMap::new();
    for row in rows {
        let key = match key {
            "client" => parted(&row.client).0.to_string(),
            "server" => row.server.clone(),
            "service" => format!("{} {}", row.protocol, row.service),
            _ => row.state.clone(),
        };
        *counts.entry(key).or_insert(0) += 1;
    }
    // Ties are in the order of addresses, those of IPv4 first, and ports.
    let rank = |key: &str| {
        let (protocol, endpoint) = key.rsplit_once(' ').unwrap_or(("", key));
        let address = endpoint.parse().ok().map(|address| (address, 0));
        let is_endpoint = endpoint.contains(':');
        let place = address.or_else(|| is_endpoint.then(|| parted(endpoint)));
        (protocol.to_owned(), place, key.to_owned())
    };
    let mut counts: Vec<(String, i32)> = counts.into_iter().collect();
    counts.sort_by_cached_key(|(key, number)| (-number, rank(key)));
    let lines = counts
        .iter()
        .map(|(key, number)| format!("{number:8} {key}\n"));
    lines.collect()
}

#[test]
fn filters_and_counts_find_what_a_reader_of_the_whole_list_finds() {
    let namespace = Namespace::new();
    let connections = every_kind();
    take_in(&namespace, &connections);
    let (mut random, schema) = (Random::of_this_run(), Schema::new());
    let all = rows(&list(&namespace, "-Lnc"));
    assert_eq!(all.len(), connections.len());

    let services = [
        "192.0.2.1",
        "192.0.2.2:443",
        "192.0.2.1:80",
        "192.0.2.1:0",
        "192.0.2.1:9",
    ]
    .into_iter()
    .chain([
        "2001:db8::1",
        "[2001:db8::1]:80",
        "::ffff:192.0.2.1",
        "[::ffff:192.0.2.1]:80",
    ]);
    let services: Vec<_> = services.collect();
    let servers = [
        "10.0.0.1",
        "10.0.0.1:80",
        "10.0.0.2:8080",
        "10.0.0.1:0",
        "2001:db8:9::1",
    ]
    .into_iter()
    .chain([
        "[2001:db8:9::1]:8080",
        "::ffff:10.0.0.1",
        "[::ffff:10.0.0.1]:80",
    ]);
    let servers: Vec<_> = servers.collect();
    let states: Vec<String> = all.iter().map(|row| row.state.clone()).collect();
    let clients: Vec<IpAddr> = all.iter().map(|row| parted(&row.client).0).collect();

    let draw_service = |random: &mut Random| {
        let kinds = [("-t", "TCP"), ("-u", "UDP"), ("--sctp-service", "SCTP")];
        let (option, protocol) = random.pick(&kinds);
        Filter::service(option, protocol, random.pick(&services).to_owned())
    };
    let draw_client = |random: &mut Random| {
        let client = random.pick(&clients);
        let longest = bits(client).len();
        let length = random.chance(70).then(|| random.below(longest + 1));
        Filter::client(client, length)
    };
    let draw_states = |random: &mut Random| {
        let number = 1 + random.below(4);
        Filter::states((0..number).map(|_| random.pick(&states)).collect())
    };

    let mut tries: Vec<Vec<Filter>> = Vec::new();
    for _ in 0..12 {
        tries.push(vec![draw_service(&mut random)]);
        tries.push(vec![Filter::server(random.pick(&servers).to_owned())]);
        tries.push(vec![draw_client(&mut random)]);
        tries.push(vec![draw_states(&mut random)]);
        tries.push(vec![
            draw_service(&mut random),
            Filter::server(random.pick(&servers).to_owned()),
            draw_client(&mut random),
            draw_states(&mut random),
        ]);
        tries.push(vec![draw_client(&mut random), draw_states(&mut random)]);
    }
    // Every state has a name that may be asked for.
    tries.extend(
        states
            .iter()
            .map(|state| vec![Filter::states(vec![state.clone()])])
            .step_by(3),
    );
    let mut found = 0;
    for filters in tries {
        let mut words: Vec<String> = filters.iter().map(|filter| filter.words.clone()).collect();
        random.shuffle(&mut words);
        let words = words.join(" ");
        let expected: Vec<Row> = all
            .iter()
            .filter(|row| filters.iter().all(|filter| (filter.takes)(row)))
            .cloned()
            .collect();
        found += usize::from(!expected.is_empty());
        assert_eq!(
            rows(&list(&namespace, &format!("-Lnc {words}"))),
            expected,
            "{words}"
        );
        let key = random.pick(&["client", "server", "service", "state", "total"]);
        let counts = list(&namespace, &format!("-Lnc {words} --count {key}"));
        assert_eq!(counts, counted(&expected, key), "{words} --count {key}");
    }
    assert!(found > 20, "only {found} filters found anything");

    for key in ["client", "server", "service", "state"] {
        let plain = list(&namespace, &format!("-Lnc --count {key}"));
        assert_eq!(plain, counted(&all, key));
        // Documents never have names.
        let document = schema.check(&list(&namespace, &format!("-Lc --count {key} --json")));
        let counts = document["counts"].as_array().unwrap();
        let lines = counts.iter().map(|count| {
            let name = count[key].as_str().unwrap();
            format!("{:8} {name}\n", count["connections"].as_u64().unwrap())
        });
        assert_eq!(lines.collect::<String>(), plain);
        assert_eq!(document["total"], all.len());
        let table = list(&namespace, &format!("-Lnc --count {key} --table"));
        for line in plain.lines() {
            let words: Vec<_> = line.split_whitespace().collect();
            let name = words[1..].join(" ");
            assert!(
                table
                    .lines()
                    .any(|line| line.contains(&format!("| {name} "))
                        && line.contains(&format!(" {} ", words[0]))),
                "{name} in\n{table}"
            );
        }
    }
    let total = |words: &str| list(&namespace, &format!("-Lnc --count total {words}"));
    assert_eq!(total(""), format!("{:8} total\n", all.len()));
    let document = schema.check(&total("--json"));
    assert_eq!(document["counts"], serde_json::json!([]));
    assert_eq!(document["total"], all.len());
    assert_eq!(total("--table"), format!("{} connections\n", all.len()));
    let nobody = "--client 198.18.0.1";
    assert_eq!(total(nobody), "       0 total\n");
    assert_eq!(
        schema.check(&total(&format!("{nobody} --json")))["total"],
        0
    );
    assert_eq!(total(&format!("{nobody} --table")), "No connections.\n");
    let document = schema.check(&list(&namespace, "-Lc --json -r 10.0.0.1 --state udp"));
    let expected = all
        .iter()
        .filter(|row| row.state == "UDP" && is_at(&row.server, "10.0.0.1"));
    let listed = document["connections"].as_array().unwrap();
    assert_eq!(listed.len(), expected.count());
}

#[test]
fn connections_are_stale_once_their_server_is_gone() {
    let busy = Busy::new();
    let all = rows(&busy.run("-Lnc"));
    let is_remembered = |row: &Row| row.client.ends_with(":0");
    assert_eq!(rows(&busy.run("-Lnc --stale")), [], "{all:?}");

    busy.run("-d -t 192.0.2.10:80 -r 10.0.0.11:8080");
    let gone: Vec<Row> = all
        .iter()
        .filter(|row| row.service == "192.0.2.10:80" && row.server == "10.0.0.11:8080")
        .cloned()
        .collect();
    assert!(
        gone.len() >= 4 && !gone.iter().any(is_remembered),
        "{all:?}"
    );
    assert_eq!(rows(&busy.run("-Lnc --stale")), gone);
    assert_eq!(
        rows(&busy.run("-Lnc --stale -r 10.0.0.11 -t 192.0.2.10:80")),
        gone
    );
    assert_eq!(rows(&busy.run("-Lnc --stale -r 10.0.0.12")), []);
    let counts = format!("{:8} 10.0.0.11:8080\n", gone.len());
    assert_eq!(busy.run("-Lnc --stale --count server"), counts);

    // The same server of another protocol, port or service is another one.
    busy.run("-A -u 192.0.2.10:80 -s rr");
    busy.run("-a -u 192.0.2.10:80 -r 10.0.0.11:8080 -m");
    busy.run("-a -t 192.0.2.10:80 -r 10.0.0.11:8081 -m");
    assert_eq!(rows(&busy.run("-Lnc --stale")), gone);
    // A service that is gone has no servers, but a firewall mark may have brought connections to
    // those of its own.
    busy.run("-D -t 192.0.2.10:80");
    let left = rows(&busy.run("-Lnc --stale -t 192.0.2.10:80"));
    let of_no_mark = all
        .iter()
        .filter(|row| row.service == "192.0.2.10:80" && !row.server.starts_with("10.0.0.11:"));
    assert_eq!(left, of_no_mark.cloned().collect::<Vec<_>>());
    busy.run("-D -f 4294967295");
    let of_service = all
        .iter()
        .filter(|row| row.service == "192.0.2.10:80")
        .cloned();
    assert_eq!(
        rows(&busy.run("-Lnc --stale -t 192.0.2.10:80")),
        of_service.collect::<Vec<_>>()
    );
    busy.run("-C");
    assert_eq!(rows(&busy.run("-Lnc --stale")), all);
}

#[test]
fn names_are_shown_and_asked_for() {
    let namespace = Namespace::new();
    let address = |text: &str| text.parse::<IpAddr>().unwrap();
    let connection = |client, port| Synced {
        protocol: 6,
        state: 1,
        client: (address(client), 40000),
        service: (address("192.0.2.1"), port),
        server: (address("192.0.2.10"), port),
        is_template: false,
        seconds: KEPT,
    };
    let connections = [
        connection("192.0.2.20", 80),
        connection("192.0.2.21", 65000),
    ];
    take_in(&namespace, &connections);
    let whole = list(&namespace, "-Lc");
    let named = list(&namespace, "-Lc -t vip.example.com:http");
    assert_eq!(rows(&named).len(), 1, "{whole}");
    assert!(named.contains("vip.example.com:http"), "{named}");
    let counts = list(&namespace, "-Lc --count service");
    assert!(counts.contains("TCP vip.example.com:http\n"), "{counts}");
    assert!(counts.contains("TCP vip.example.com:65000\n"), "{counts}");
    assert_eq!(
        list(&namespace, "-Lc --client vip.example.com --count state"),
        ""
    );
}

#[test]
fn what_makes_no_sense_is_said_in_one_line() {
    let namespace = Namespace::new();
    let words_of = [
        (
            "-L --client 10.0.0.1",
            "Illegal 'client' option with the 'list' command",
        ),
        (
            "-L --count client",
            "Illegal 'count' option with the 'list' command",
        ),
        (
            "-S --stale",
            "Illegal 'stale' option with the 'save' command",
        ),
        (
            "-L -r 10.0.0.1",
            "Illegal 'real-server' option with the 'list' command",
        ),
        (
            "-L -c -f 1",
            "the kernel does not tell which firewall mark a connection came with",
        ),
        (
            "-L -c -f 1 --count client",
            "the kernel does not tell which firewall mark a connection came with",
        ),
        (
            "-L -c -f 1 -6 --json",
            "the kernel does not tell which firewall mark a connection came with",
        ),
        (
            "-L -c --client 10.0.0.1/+8",
            "illegal client address[/length] specified",
        ),
        (
            "-L -c --client 10.0.0.1/008",
            "illegal client address[/length] specified",
        ),
        (
            "-L -c --client 10/8",
            "illegal client address[/length] specified",
        ),
        (
            "-L -c --client 10.0.0.1/33",
            "illegal client address[/length] specified",
        ),
        (
            "-L -c --client nosuch.invalid",
            "illegal client address[/length] specified",
        ),
        ("-L -c --state established,", "invalid connection state `'"),
        ("-L -c --state open", "invalid connection state `open'"),
        (
            "-L -c --count clients",
            "invalid count key `clients': it is client, server, service, state, origin or total",
        ),
        (
            "-L -c --origin both",
            "invalid origin `both': it is local or sync",
        ),
        (
            "-L --origin sync",
            "Illegal 'origin' option with the 'list' command",
        ),
        (
            "-L -c --stale --stale",
            "multiple 'stale' options specified",
        ),
        (
            "-L -c -t 192.0.2.1:80 --count client -w 3",
            "Illegal 'weight' option with the 'list' command",
        ),
        (
            "-L -c --count client --stats",
            "options conflicts in the list command",
        ),
        (
            "-L -c --stale --timeout",
            "The option 'timeout' conflicts with the 'connection' option in the 'list' command",
        ),
    ];
    for (words, message) in words_of {
        let outcome = namespace.run(&Program::ours(), &Invocation::line(words));
        assert_eq!(outcome.stderr_text(), format!("{message}\n"), "{words}");
        assert_eq!(outcome.ending, Ending::Status(2), "{words}");
        assert!(outcome.stdout.is_empty(), "{words}");
    }
}
