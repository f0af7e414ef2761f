//! The choice of a server: by the client's address, by thresholds, by a weight of 0.

use std::io;

use crate::support::Ending;
use crate::support::cluster::{Cluster, Host, eventually};
use crate::support::traffic::{
    Conversation, Transport, assert_all, greeting_from, greetings, greetings_from, refused, shares,
};

const SERVICE: &str = "1.1.1.254:22";

/// Addresses of the client: so many that they will not all be hashed to one server.
const CLIENTS: std::ops::Range<u8> = 101..117;

fn cluster_with_many_clients() -> Cluster {
    let addresses: Vec<String> = CLIENTS.map(|last| format!("1.1.1.{last}/24")).collect();
    Cluster::new(&format!(
        "cluster dr; cluster_address client net {}; cluster_settle; \
         on director sysctl -qw net.ipv4.icmp_ratelimit=0",
        addresses.join(" ")
    ))
}

/// Returns the server that greets each address of the client, if the connection is not refused.
fn greeting_of_each(client: &Host) -> Vec<Option<String>> {
    let sources = CLIENTS.map(|last| [1, 1, 1, last].into()).collect();
    let greetings = greetings_from(client, sources, SERVICE).into_iter();
    greetings
        .map(|greeting| match greeting {
            Ok(server) => Some(server),
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => None,
            Err(error) => panic!("{error}"),
        })
        .collect()
}

/// Drains a server, and returns true if that is refused. Else its weight is 0 from now on.
fn is_objected_to(director: &Host, server: &str) -> bool {
    let outcome = director.try_ipvsadm(&format!("-e -t {SERVICE} -r {server} --drain 0"));
    match outcome.ending {
        // Nobody is on it, or somebody still is.
        Ending::Status(0 | 3) => false,
        Ending::Status(255) => true,
        _ => panic!("{outcome}"),
    }
}

/// Asserts that both servers are chosen, and by the same clients each time; flags change what they
/// are for.
fn hashes_the_client(scheduler: &str) {
    let cluster = cluster_with_many_clients();
    let (client, director) = (&cluster.client, &cluster.director);
    director.ipvsadm_each(&[
        &format!("-A -t {SERVICE} -s {scheduler}"),
        &format!("-a -t {SERVICE} -r 1.1.1.10 -g"),
        &format!("-a -t {SERVICE} -r 1.1.1.20 -g"),
    ]);
    let first = greeting_of_each(client);
    let of_rs1 = first
        .iter()
        .filter(|server| server.as_deref() == Some("rs1"))
        .count();
    assert!(
        0 < of_rs1 && of_rs1 < first.len(),
        "one server gets all: {first:?}"
    );
    assert!(!first.contains(&None), "{first:?}");
    assert_eq!(greeting_of_each(client), first);

    // rs1 is drained, which is objected to. Its clients are turned away: they have no other server.
    assert!(is_objected_to(director, "1.1.1.10"));
    director.ipvsadm(&format!("-e -t {SERVICE} -r 1.1.1.10 -g -w 0"));
    let without_rs1 = greeting_of_each(client);
    for (before, now) in first.iter().zip(&without_rs1) {
        let expected = before.as_deref().filter(|server| *server == "rs2");
        assert_eq!(now.as_deref(), expected, "{first:?} {without_rs1:?}");
    }

    // With the flag, they go to the other server.
    let fallback = format!("{scheduler}-fallback");
    director.ipvsadm_each(&[
        &format!("-e -t {SERVICE} -r 1.1.1.10 -g -w 1"),
        &format!("-E -t {SERVICE} -s {scheduler} -b {fallback}"),
    ]);
    assert!(!is_objected_to(director, "1.1.1.10"));
    assert_all(&greetings(client, SERVICE, 2), "rs2");
    assert!(
        greeting_of_each(client)
            .iter()
            .all(|server| server.as_deref() == Some("rs2"))
    );

    // With the other flag, every connection of one client is on its own.
    let port = format!("{scheduler}-port");
    director.ipvsadm_each(&[
        &format!("-e -t {SERVICE} -r 1.1.1.10 -g -w 1"),
        &format!("-E -t {SERVICE} -s {scheduler} -b {port}"),
    ]);
    let answers = greetings(client, SERVICE, 24);
    assert_eq!(shares(&answers).len(), 2, "{answers:?}");
    let listing = director.listed_by_both("-ln");
    assert!(
        listing.contains(&format!("TCP  {SERVICE} {scheduler} ({port})\n")),
        "{listing}"
    );
}

#[test]
fn sh_sends_the_same_client_to_the_same_server() {
    hashes_the_client("sh");
}

#[test]
fn mh_sends_the_same_client_to_the_same_server() {
    hashes_the_client("mh");
}

/// All connections to one address go to one server, and where that has weight 0, nobody is served:
/// no flag has `dh` look for another.
#[test]
fn dh_sends_all_clients_of_an_address_to_one_server() {
    let cluster = cluster_with_many_clients();
    let (client, director) = (&cluster.client, &cluster.director);
    director.ipvsadm_each(&[
        &format!("-A -t {SERVICE} -s dh"),
        &format!("-a -t {SERVICE} -r 1.1.1.10 -g"),
        &format!("-a -t {SERVICE} -r 1.1.1.20 -g"),
    ]);
    let all = greeting_of_each(client);
    let Some(chosen) = all[0].clone() else {
        panic!("nobody greets: {all:?}");
    };
    assert!(
        all.iter().all(|server| *server == Some(chosen.clone())),
        "{all:?}"
    );
    let (chosen_address, other_address) = match chosen.as_str() {
        "rs1" => ("1.1.1.10", "1.1.1.20"),
        _ => ("1.1.1.20", "1.1.1.10"),
    };
    assert!(is_objected_to(director, chosen_address));
    director.ipvsadm(&format!("-e -t {SERVICE} -r {other_address} -g -w 0"));
    assert_eq!(greeting_of_each(client), all);
    director.ipvsadm_each(&[
        &format!("-e -t {SERVICE} -r {other_address} -g -w 1"),
        &format!("-e -t {SERVICE} -r {chosen_address} -g -w 0"),
    ]);
    for flags in ["", " -b flag-1", " -b flag-1,flag-2,flag-3"] {
        director.ipvsadm(&format!("-E -t {SERVICE} -s dh{flags}"));
        let without = greeting_of_each(client);
        assert!(without.iter().all(Option::is_none), "{flags}: {without:?}");
    }
}

/// A server of weight 0 from the first has slots with `sh`, and none with `mh`.
#[test]
fn a_server_that_is_added_at_weight_0_turns_clients_away_with_sh_only() {
    let cluster = cluster_with_many_clients();
    let (client, director) = (&cluster.client, &cluster.director);
    for (scheduler, turns_away) in [("sh", true), ("mh", false)] {
        director.ipvsadm_each(&[
            "-C",
            &format!("-A -t {SERVICE} -s {scheduler}"),
            &format!("-a -t {SERVICE} -r 1.1.1.10 -g -w 0"),
            &format!("-a -t {SERVICE} -r 1.1.1.20 -g"),
        ]);
        let greetings = greeting_of_each(client);
        let refused = greetings.iter().filter(|server| server.is_none()).count();
        assert_eq!(refused > 0, turns_away, "{scheduler}: {greetings:?}");
        assert!(refused < greetings.len(), "{scheduler}: {greetings:?}");
    }
}

/// A scheduler that looks for another server does so whichever is drained, and that is not objected
/// to. Not every kernel has `twos`.
#[test]
fn other_schedulers_turn_nobody_away() {
    let cluster = cluster_with_many_clients();
    let (client, director) = (&cluster.client, &cluster.director);
    director.ipvsadm_each(&[
        &format!("-A -t {SERVICE} -s rr"),
        &format!("-a -t {SERVICE} -r 1.1.1.10 -g"),
        &format!("-a -t {SERVICE} -r 1.1.1.20 -g"),
    ]);
    for scheduler in [
        "rr", "wrr", "lc", "wlc", "lblc", "lblcr", "sed", "nq", "fo", "ovf", "twos",
    ] {
        let outcome = director.try_ipvsadm(&format!("-E -t {SERVICE} -s {scheduler}"));
        if scheduler == "twos" && outcome.ending == Ending::Status(255) {
            continue;
        }
        assert_eq!(outcome.ending, Ending::Status(0), "{outcome}");
        for (closed, open, greeted) in [
            ("1.1.1.10", "1.1.1.20", "rs2"),
            ("1.1.1.20", "1.1.1.10", "rs1"),
        ] {
            director.ipvsadm_each(&[
                &format!("-e -t {SERVICE} -r {open} -g -w 1"),
                &format!("-e -t {SERVICE} -r {closed} -g -w 1"),
            ]);
            assert!(!is_objected_to(director, closed), "{scheduler}");
            // One after another, for `ovf` counts those that are open.
            for last in CLIENTS {
                let answer = greeting_from(client, &format!("1.1.1.{last}"), SERVICE);
                assert_eq!(answer.expect("a greeting"), greeted, "{scheduler}");
            }
        }
    }
}

/// Measures what a scheduler makes of the weight of a server that joins one of weight 100, on which
/// all clients are: the share of the new ones that it takes at weight 1, and at 100.
#[test]
fn weights_are_a_share_with_some_schedulers_only() {
    let cluster = Cluster::new("cluster dr");
    let (client, director) = (&cluster.client, &cluster.director);
    let taken = |scheduler: &str, weight: u32| {
        director.ipvsadm_each(&[
            "-C",
            &format!("-A -t {SERVICE} -s {scheduler}"),
            &format!("-a -t {SERVICE} -r 1.1.1.10 -g -w 100"),
        ]);
        let open = || -> Vec<Conversation> {
            (0..20)
                .map(|_| Conversation::open(client, SERVICE))
                .collect()
        };
        let before = open();
        director.ipvsadm(&format!("-a -t {SERVICE} -r 1.1.1.20 -g -w {weight}"));
        let new = open();
        let taken = new.iter().filter(|open| open.server == "rs2").count();
        drop((before, new));
        taken
    };
    for scheduler in ["wrr", "wlc", "sed", "nq"] {
        let [few, many] = [1, 100].map(|weight| taken(scheduler, weight));
        assert!(few <= 1 && many >= 10, "{scheduler}: {few}, then {many}");
    }
    // Clients come in turn, or go where fewest are, whatever the weights.
    for (scheduler, expected) in [("rr", 10), ("lc", 20)] {
        assert_eq!(
            [1, 100].map(|weight| taken(scheduler, weight)),
            [expected; 2],
            "{scheduler}"
        );
    }
    // Clients of an address are on their server already.
    for scheduler in ["lblc", "lblcr"] {
        assert_eq!(
            [1, 100].map(|weight| taken(scheduler, weight)),
            [0; 2],
            "{scheduler}"
        );
    }
    // All or none.
    assert_eq!([1, 101].map(|weight| taken("fo", weight)), [0, 20]);
}

#[test]
fn a_full_server_gets_no_more_until_it_has_room() {
    let cluster = Cluster::new("cluster dr");
    let (client, director) = (&cluster.client, &cluster.director);
    director.ipvsadm_each(&[
        // A connection that is closed counts until it is forgotten.
        "--set 0 1 0",
        &format!("-A -t {SERVICE} -s rr"),
        &format!("-a -t {SERVICE} -r 1.1.1.10 -g -x 2 -y 1"),
        &format!("-a -t {SERVICE} -r 1.1.1.20 -g -x 4"),
    ]);
    let mut open: Vec<Conversation> = (0..6)
        .map(|_| Conversation::open(client, SERVICE))
        .collect();
    let servers: Vec<String> = open.iter().map(|open| open.server.clone()).collect();
    assert_eq!(
        shares(&servers),
        [("rs1", 2), ("rs2", 4)].into(),
        "{servers:?}"
    );
    refused(client, SERVICE);
    let listing = director.listed_by_both("-ln --thresholds");
    for line in [
        "  -> 1.1.1.10:22                  2          1          2          0         \n",
        "  -> 1.1.1.20:22                  4          0          4          0         \n",
    ] {
        assert!(listing.contains(line), "{listing}");
    }

    // Down to its lower threshold, it is still full; below, it is not.
    let close_one = |open: &mut Vec<Conversation>, left: usize| {
        let index = open
            .iter()
            .position(|open| open.server == "rs1")
            .expect("one on rs1");
        open.remove(index);
        eventually("the connection is forgotten", || {
            let listing = director.ipvsadm(&format!("-ln -t {SERVICE}"));
            let gone = listing.contains(&format!(
                "  -> 1.1.1.10:22                  Route   1      {left}          0 "
            ));
            if gone { Ok(()) } else { Err(listing) }
        });
    };
    let mark = || {
        let drawn = director.shell(&format!(
            "LC_ALL=C.UTF-8 {} -Ln --table",
            env!("CARGO_BIN_EXE_ipvsadm")
        ));
        let row = drawn.lines().find(|line| line.contains(" 1.1.1.10:22 "));
        let mark = row.and_then(|row| row.split_whitespace().nth(1));
        let legend = drawn.lines().any(|line| line.contains("□ maybe full"));
        (mark.unwrap_or_default().to_owned(), legend)
    };
    assert_eq!(mark(), ("■".to_owned(), false));
    close_one(&mut open, 1);
    refused(client, SERVICE);
    assert_eq!(mark(), ("□".to_owned(), true));
    close_one(&mut open, 0);
    assert_eq!(mark(), ("1.1.1.10:22".to_owned(), false));
    let server = Conversation::open(client, SERVICE).server;
    assert_eq!(server, "rs1");
}

/// Holds what the manual says of edits, `-x`: kernels since July 2026 judge a server anew at once.
#[test]
fn edited_thresholds_hold_at_once_or_from_the_next_connection_on() {
    let cluster = Cluster::new("cluster dr");
    let (client, director) = (&cluster.client, &cluster.director);
    director.ipvsadm_each(&[
        format!("-A -t {SERVICE} -s rr"),
        format!("-a -t {SERVICE} -r 1.1.1.10 -g -x 9"),
    ]);
    let mut open: Vec<Conversation> = (0..3)
        .map(|_| Conversation::open(client, SERVICE))
        .collect();
    let is_taken = ["-x 3", "-x 4 -y 4", "-x 4 -y 2", "-x 8 -y 1"].map(|edit| {
        director.ipvsadm(&format!("-e -t {SERVICE} -r 1.1.1.10 -g {edit}"));
        let another = Conversation::try_open(client, Transport::Tcp, None, SERVICE);
        let is_taken = another.is_ok();
        open.extend(another);
        is_taken
    });
    let (before, since) = ([true, true, false, true], [false, true, false, false]);
    assert!([before, since].contains(&is_taken), "{is_taken:?}");
    // Everywhere, one with fewer than both has room.
    director.ipvsadm(&format!("-e -t {SERVICE} -r 1.1.1.10 -g -x 9 -y 8"));
    Conversation::open(client, SERVICE);
}

#[test]
fn a_server_of_weight_0_keeps_its_connections_and_gets_no_others() {
    let cluster = Cluster::new("cluster nat");
    let (client, director) = (&cluster.client, &cluster.director);
    director.ipvsadm_each(&[
        "-A -t 2.2.2.25:22 -s rr",
        "-a -t 2.2.2.25:22 -r 1.1.1.10 -m",
        "-a -t 2.2.2.25:22 -r 1.1.1.20 -m",
    ]);
    let mut open: Vec<Conversation> = (0..2)
        .map(|_| Conversation::open(client, "2.2.2.25:22"))
        .collect();
    director.ipvsadm("-e -t 2.2.2.25:22 -r 1.1.1.10 -m -w 0");
    assert_all(&greetings(client, "2.2.2.25:22", 4), "rs2");
    for conversation in &mut open {
        conversation.goes_on();
    }
    let listing = director.listed_by_both("-ln");
    assert!(
        listing
            .contains("  -> 1.1.1.10:22                  Masq    0      1          0         \n"),
        "{listing}"
    );

    // Without -m, the server becomes directly routed: a trap for the day it is back, but what is
    // open goes on.
    director.ipvsadm("-e -t 2.2.2.25:22 -r 1.1.1.10 -w 0");
    for conversation in &mut open {
        conversation.goes_on();
    }
    let listing = director.listed_by_both("-ln");
    assert!(
        listing
            .contains("  -> 1.1.1.10:22                  Route   0      1          0         \n"),
        "{listing}"
    );

    director.ipvsadm("-e -t 2.2.2.25:22 -r 1.1.1.10 -m -w 1");
    let answers = greetings(client, "2.2.2.25:22", 4);
    assert_eq!(shares(&answers), [("rs1", 2), ("rs2", 2)].into());
}
