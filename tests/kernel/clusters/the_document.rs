//! The first cluster of the document that the demos follow, with its own command lines: NAT, round
//! robin, weights, a failed server, the sorry server, logins. Its slips are in it too: each test
//! says what one who copies them gets to see.

use crate::support::cluster::Cluster;
use crate::support::traffic::{
    Conversation, assert_all, assert_turns, greetings, http, refused, shares,
};

#[test]
fn with_rr_the_servers_take_turns() {
    let cluster = Cluster::new("cluster nat");
    let director = &cluster.director;
    director.ipvsadm_each(&[
        "-A -t 2.2.2.25:80 -s rr",
        "-a -t 2.2.2.25:80 -r 1.1.1.10 -m",
    ]);
    // The document's first example stops here, with one real server.
    assert_all(&http(&cluster.client, "2.2.2.25:80", 4), "rs1");
    // Its second one changes a server that nobody has added.
    director.ipvsadm_refuses(
        "-e -t 2.2.2.25:80 -r 1.1.1.20 -m -w 2",
        255,
        "No such destination",
    );

    director.ipvsadm("-a -t 2.2.2.25:80 -r 1.1.1.20 -m");
    assert_turns(&http(&cluster.client, "2.2.2.25:80", 10));
    assert_eq!(
        director.listed_by_both("-ln -t 2.2.2.25:80"),
        "Prot LocalAddress:Port Scheduler Flags\n\
         \x20 -> RemoteAddress:Port           Forward Weight ActiveConn InActConn\n\
         TCP  2.2.2.25:80 rr\n\
         \x20 -> 1.1.1.10:80                  Masq    1      0          9         \n\
         \x20 -> 1.1.1.20:80                  Masq    1      0          5         \n"
    );
    director.listed_by_both("-ln");
    let connections = director.listed_by_both("-lnc");
    assert_eq!(connections.lines().count(), 2 + 14, "{connections}");
}

#[test]
fn with_wrr_the_shares_are_three_to_two_and_a_deleted_server_gets_nothing() {
    let cluster = Cluster::new("cluster nat; serve director http:80");
    let director = &cluster.director;
    director.ipvsadm_each(&[
        "-A -t 2.2.2.25:80 -s rr",
        "-a -t 2.2.2.25:80 -r 1.1.1.10 -m",
        "-a -t 2.2.2.25:80 -r 1.1.1.20 -m",
        "-E -t 2.2.2.25:80 -s wrr",
        "-e -t 2.2.2.25:80 -r 1.1.1.10 -m -w 3",
        "-e -t 2.2.2.25:80 -r 1.1.1.20 -m -w 2",
    ]);
    let answers = http(&cluster.client, "2.2.2.25:80", 15);
    for five in answers.windows(5) {
        assert_eq!(shares(five), [("rs1", 3), ("rs2", 2)].into(), "{answers:?}");
    }

    director.ipvsadm("-d -t 2.2.2.25:80 -r 1.1.1.20");
    assert_all(&http(&cluster.client, "2.2.2.25:80", 5), "rs1");

    // The sorry server, named as in the document: without the service's port.
    director.ipvsadm_refuses("-a -t 2.2.2.25 -r 127.0.0.1 -g", 255, "Service not defined");
    director.ipvsadm("-a -t 2.2.2.25:80 -r 127.0.0.1 -g");
    // As long as rs1 is there, the director is one of two.
    let answers = http(&cluster.client, "2.2.2.25:80", 4);
    assert_eq!(shares(&answers), [("director", 1), ("rs1", 3)].into());
    director.ipvsadm("-d -t 2.2.2.25:80 -r 1.1.1.10");
    assert_all(&http(&cluster.client, "2.2.2.25:80", 3), "director");
}

#[test]
fn with_wlc_logins_go_where_fewer_are_logged_in() {
    let cluster = Cluster::new("cluster nat");
    let director = &cluster.director;
    director.ipvsadm_each(&[
        "-A -t 2.2.2.25:80 -s wrr",
        "-a -t 2.2.2.25:80 -r 1.1.1.10 -m",
        "-A -t 2.2.2.25:22 -s wlc",
    ]);
    // The document adds the servers to port 80: one is there already, and the other comes back,
    // to the service it had been taken from. Nobody takes a login.
    director.ipvsadm_refuses(
        "-a -t 2.2.2.25:80 -r 1.1.1.10 -m",
        255,
        "Destination already exists",
    );
    director.ipvsadm("-a -t 2.2.2.25:80 -r 1.1.1.20 -m");
    refused(&cluster.client, "2.2.2.25:22");

    director.ipvsadm_each(&[
        "-a -t 2.2.2.25:22 -r 1.1.1.10 -m",
        "-a -t 2.2.2.25:22 -r 1.1.1.20 -m",
    ]);
    let mut open: Vec<Conversation> = (0..4)
        .map(|_| Conversation::open(&cluster.client, "2.2.2.25:22"))
        .collect();
    let servers = |open: &[Conversation]| -> Vec<String> {
        open.iter()
            .map(|conversation| conversation.server.clone())
            .collect()
    };
    assert_eq!(shares(&servers(&open)), [("rs1", 2), ("rs2", 2)].into());
    let listing = director.listed_by_both("-ln -t 2.2.2.25:22");
    assert!(
        listing
            .contains("  -> 1.1.1.10:22                  Masq    1      2          0         \n"),
        "{listing}"
    );

    // Those on rs1 log out: the next ones go there. A connection that is closed counts little.
    open.retain(|conversation| conversation.server == "rs2");
    assert_all(&greetings(&cluster.client, "2.2.2.25:22", 3), "rs1");
    for conversation in &mut open {
        conversation.goes_on();
    }
}
