//! Compares who made a connection, as `--origin` and the documents say it, with the kernel's own
//! file: two directors, and a third that hears them and heeds another number.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, UdpSocket};

use serde_json::Value;

use crate::support::cluster::{Cluster, Host, eventually};
use crate::support::schema::Schema;
use crate::support::traffic::Conversation;

/// Three directors, of which the first has the virtual address.
const DIRECTORS: &str = "
    cluster_hosts client director director2 director3 rs1 rs2
    cluster_dr director director2 director3
    cluster_settle
    serve rs1 http:80 line:22
    serve rs2 http:80 line:22";

/// Connections of TCP, of both families and held by persistence; a call that an engine knows.
const RULES: [&str; 8] = [
    "-A -t 1.1.1.254:22 -s rr",
    "-a -t 1.1.1.254:22 -r 1.1.1.10 -g",
    "-A -t 1.1.1.254:80 -s rr -p 300",
    "-a -t 1.1.1.254:80 -r 1.1.1.20 -g",
    "-A -t [2001:db8:1::254]:22 -s rr -p 200",
    "-a -t [2001:db8:1::254]:22 -r 2001:db8:1::10 -g",
    "-A -u 1.1.1.254:5060 -s rr -p 100 --pe sip",
    "-a -u 1.1.1.254:5060 -r 1.1.1.10 -g",
];

/// A row of the kernel's file: its words but for the seconds, and the origin apart.
type Row = (Vec<String>, String);

/// Returns the rows of the kernel's file.
fn kernels(director: &Host) -> Vec<Row> {
    let file = director.shell("cat /proc/thread-self/net/ip_vs_conn_sync");
    let mut rows: Vec<Row> = file
        .lines()
        .skip(1)
        .map(|line| {
            let words: Vec<&str> = line.split_whitespace().collect();
            let [
                protocol,
                from,
                from_port,
                to,
                to_port,
                at,
                at_port,
                state,
                origin,
                _,
            ] = words[..].try_into().expect("ten words");
            let end = |address: &str, port: &str| {
                let port = u16::from_str_radix(port, 16).expect("a port");
                match address.parse::<IpAddr>() {
                    Ok(address) => format!("[{address}]:{port}"),
                    Err(_) => {
                        let number = u32::from_str_radix(address, 16).expect("an address");
                        format!("{}:{port}", Ipv4Addr::from(number))
                    }
                }
            };
            let ends = [end(from, from_port), end(to, to_port), end(at, at_port)];
            let row = [protocol, state].map(str::to_owned).into_iter().chain(ends);
            (row.collect(), origin.to_lowercase())
        })
        .collect();
    rows.sort();
    rows
}

/// Returns the rows of a plain list.
fn listed(director: &Host, words: &str) -> Vec<Vec<String>> {
    let listing = director.ipvsadm(&format!("-Lnc {words}"));
    let mut rows: Vec<Vec<String>> = listing
        .lines()
        .skip(2)
        .map(|line| {
            let words: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
            [&words[..1], &words[2..]].concat()
        })
        .collect();
    rows.sort();
    rows
}

/// Returns the rows of the document.
fn documented(director: &Host) -> Vec<Row> {
    let document = Schema::new().check(&director.ipvsadm("-L -c --json"));
    let connections = document["connections"].as_array().expect("a list");
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    let end = |value: &Value| {
        let address = text(&value["address"]);
        match address.contains(':') {
            true => format!("[{address}]:{}", value["port"]),
            false => format!("{address}:{}", value["port"]),
        }
    };
    let mut rows: Vec<Row> = connections
        .iter()
        .map(|entry| {
            let row = vec![
                text(&entry["protocol"]).to_uppercase(),
                text(&entry["state"]),
                end(&entry["client"]),
                end(&entry["service"]),
                end(&entry["real_server"]),
            ];
            (row, text(&entry["origin"]))
        })
        .collect();
    rows.sort();
    rows
}

/// Waits until every listing agrees with the kernel's file, which may change meanwhile, and returns
/// how many are local, and how many learnt.
fn agrees(director: &Host) -> [usize; 2] {
    let mut numbers = [0; 2];
    eventually("all listings say what the kernel says", || {
        let rows = kernels(director);
        let mut lines = Vec::new();
        let mut filtered = Vec::new();
        for (number, origin) in numbers.iter_mut().zip(["local", "sync"]) {
            let mut of_it = listed(director, &format!("--origin {origin}"));
            *number = of_it.len();
            let total = director.ipvsadm(&format!("-Lnc --origin {origin} --count total"));
            if total != format!("{number:8} total\n") {
                return Err(total);
            }
            if *number > 0 {
                lines.push((*number, origin));
            }
            filtered.extend(of_it.drain(..).map(|row| (row, origin.to_owned())));
        }
        filtered.sort();
        lines.sort_by_key(|(number, _)| std::cmp::Reverse(*number));
        let lines = lines
            .iter()
            .map(|(number, origin)| format!("{number:8} {origin}\n"));
        let counted = director.ipvsadm("-Lnc --count origin");
        let documented = documented(director);
        if filtered == rows && documented == rows && counted == lines.collect::<String>() {
            Ok(())
        } else {
            Err(format!(
                "{rows:#?}\n{filtered:#?}\n{documented:#?}\n{counted}"
            ))
        }
    });
    numbers
}

/// Sends a datagram from a new socket of the client.
fn send(client: &Host, from: &'static str, to: &'static str, text: String) {
    client.enter(move || {
        let socket = UdpSocket::bind(from).expect("a socket");
        socket.send_to(text.as_bytes(), to).expect("sent");
    });
}

/// Returns the calls that an engine knows, each with its origin.
fn calls(director: &Host, words: &str) -> BTreeSet<(String, String)> {
    let document = Schema::new().check(&director.ipvsadm(&format!("-L -c --json {words}")));
    let connections = document["connections"].as_array().expect("a list");
    connections
        .iter()
        .filter_map(|entry| {
            let call = entry["persistence_engine"]["data"].as_str()?;
            Some((call.to_owned(), entry["origin"].as_str()?.to_owned()))
        })
        .collect()
}

fn learns_what_it_is_sent(version: u8) {
    let cluster = Cluster::new(DIRECTORS);
    let (client, master) = (&cluster.client, &cluster.director);
    let (backup, other) = (cluster.host("director2"), cluster.host("director3"));
    for director in [master, &backup, &other] {
        director.ipvsadm_each(&RULES);
        director.shell(&format!(
            "sysctl -qw net.ipv4.vs.sync_version={version} net.ipv4.vs.sync_threshold='1 2'"
        ));
    }
    master.ipvsadm("--start-daemon master --mcast-interface net --syncid 7");
    backup.ipvsadm("--start-daemon backup --mcast-interface net --syncid 7");
    other.ipvsadm("--start-daemon backup --mcast-interface net --syncid 9");
    assert_eq!(agrees(&backup), [0, 0]);

    let has_ipv6 = version == 1;
    let services = ["1.1.1.254:22", "1.1.1.254:22", "[2001:db8:1::254]:22"];
    let services = if has_ipv6 {
        &services[..]
    } else {
        &services[..2]
    };
    let mut open: Vec<_> = services
        .iter()
        .map(|service| Conversation::open(client, service))
        .collect();
    for _ in 0..4 {
        crate::support::traffic::http(client, "1.1.1.254:80", 1);
        for conversation in &mut open {
            conversation.goes_on();
        }
        // The templates of calls are sent as they are found again.
        for call in ["one@x", "two@x"] {
            let call = format!("OPTIONS sip:a@b SIP/2.0\r\nCall-ID: {call}\r\n\r\n");
            send(client, "0.0.0.0:0", "1.1.1.254:5060", call);
        }
    }
    // Of its own, the backup has one of each family.
    let families = [
        (
            "-A -u 1.1.1.26:53 -s rr",
            "-a -u 1.1.1.26:53 -r 1.1.1.10 -g",
        ),
        (
            "-A -u [2001:db8:1::26]:53 -s rr",
            "-a -u [2001:db8:1::26]:53 -r 2001:db8:1::10 -g",
        ),
    ];
    for (service, server) in families {
        backup.ipvsadm_each(&[service, server]);
    }
    send(client, "0.0.0.0:0", "1.1.1.26:53", "q".to_owned());
    send(client, "[::]:0", "[2001:db8:1::26]:53", "q".to_owned());

    eventually("the backup has learnt them", || {
        let rows = kernels(&backup);
        let has = |wanted: &str, origin: &str| {
            rows.iter()
                .any(|(row, of)| of == origin && row.join(" ").contains(wanted))
        };
        let all = has("ESTABLISHED 1.1.1.100", "sync")
            && has("1.1.1.100:0 1.1.1.254:80 1.1.1.20:80", "sync")
            && has("UDP 1.1.1.100", "local")
            && has("UDP [2001:db8:1::100]", "local")
            && (!has_ipv6 || has("ESTABLISHED [2001:db8:1::100]", "sync"))
            && (!has_ipv6 || has("[2001:db8:1::100]:0 ", "sync"));
        if all {
            Ok(())
        } else {
            Err(format!("{rows:#?}"))
        }
    });
    let [local, learnt] = agrees(&backup);
    assert_eq!(local, 2);
    assert!(learnt >= 4, "{learnt}");
    let [local, learnt] = agrees(master);
    assert!(local >= 4 && learnt == 0, "{local} {learnt}");
    assert_eq!(agrees(&other), [0, 0], "it heeds another number");

    // Two calls of a client have the same addresses: each keeps the data of its own.
    let is = |origin: &str| {
        let calls = ["one@x", "two@x"].map(|call| (call.to_owned(), origin.to_owned()));
        BTreeSet::from(calls)
    };
    assert_eq!(calls(master, ""), is("local"));
    let with_data = master.ipvsadm("-Lnc --origin local --persistent-conn");
    assert!(
        with_data.contains("sip                one@x\n"),
        "{with_data}"
    );
    let drawn = master.ipvsadm("-Lnc --origin local --persistent-conn --table");
    assert!(drawn.contains("two@x"), "{drawn}");
    if has_ipv6 {
        // Version 0 does not carry them.
        assert_eq!(calls(&backup, "--origin sync"), is("sync"));
        assert_eq!(calls(&backup, "--origin local"), BTreeSet::new());
    }

    // The backup takes over: what it has learnt stays learnt, what comes now is its own.
    master.shell("ip link set net down");
    backup.shell("ip address add 1.1.1.254/32 dev net");
    client.shell("ip neighbour flush dev net");
    open[0].goes_on();
    open[1].goes_on();
    let before = agrees(&backup);
    let mut new = Conversation::open(client, "1.1.1.254:22");
    new.goes_on();
    assert_eq!(agrees(&backup), [before[0] + 1, before[1]]);
}

#[test]
fn a_connection_is_of_who_made_it() {
    learns_what_it_is_sent(1);
}

#[test]
fn a_connection_is_of_who_made_it_in_the_older_messages_too() {
    learns_what_it_is_sent(0);
}
