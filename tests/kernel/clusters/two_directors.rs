//! Two directors: the backup learns the master's connections over the network, and takes them over.

use crate::support::cluster::{Cluster, Host, eventually};
use crate::support::traffic::Conversation;
use crate::support::{Invocation, Program};

const SERVICE: &str = "1.1.1.254:22";

/// Waits until a director knows of this many open connections.
fn knows_connections(director: &Host, count: usize) {
    eventually("the director knows the connections", || {
        let connections = director.ipvsadm("-lnc");
        let open = connections
            .lines()
            .filter(|line| line.contains(" ESTABLISHED "));
        if open.count() == count {
            Ok(())
        } else {
            Err(connections)
        }
    });
}

/// Returns the number of datagrams that a director has received by IPv6. Nothing
/// else than the daemon takes any.
fn datagrams_heard(director: &Host) -> u64 {
    let counters = director.shell("cat /proc/thread-self/net/snmp6");
    let mut words = counters
        .split_whitespace()
        .skip_while(|word| *word != "Udp6InDatagrams");
    let number = words.nth(1).expect("the counter of datagrams");
    number.parse().expect("a number")
}

#[test]
fn an_open_connection_outlives_the_master() {
    let (cluster, backup) = Cluster::of_two_directors();
    let (client, master) = (&cluster.client, &cluster.director);
    // The backup gets the master's table, as it is written down.
    let rules = master.ipvsadm("-S -n");
    let outcome = backup.run(&Program::ours(), &Invocation::restore(rules.as_str()));
    assert!(outcome.stderr.is_empty(), "{outcome}");
    assert_eq!(backup.ipvsadm("-S -n"), rules);

    master.ipvsadm("--start-daemon master --mcast-interface net --syncid 7");
    backup.ipvsadm("--start-daemon backup --mcast-interface net --syncid 7");
    assert_eq!(
        master.listed_by_both("-L --daemon"),
        "master sync daemon (mcast=net, syncid=7, maxlen=1472, group=224.0.0.81, port=8848, ttl=1)\n"
    );
    assert_eq!(
        backup.listed_by_both("-L --daemon"),
        "backup sync daemon (mcast=net, syncid=7, maxlen=1472, group=224.0.0.81, port=8848, ttl=1)\n"
    );

    let mut open: Vec<Conversation> = (0..2)
        .map(|_| Conversation::open(client, SERVICE))
        .collect();
    // The master sends a connection when it has seen a few packets of it.
    for conversation in &mut open {
        conversation.goes_on();
        conversation.goes_on();
    }
    knows_connections(&backup, 2);
    backup.listed_by_both("-lnc");

    // The master goes, the backup takes the virtual address, and the client finds it there.
    master.shell("ip link set net down");
    backup.shell("ip address add 1.1.1.254/32 dev net");
    client.shell("ip neighbour flush dev net");
    for conversation in &mut open {
        conversation.goes_on();
    }
    assert_ne!(open[0].server, open[1].server);
    Conversation::open(client, SERVICE).goes_on();
}

#[test]
fn a_backup_hears_the_master_with_its_syncid_only() {
    let (cluster, director2) = Cluster::of_two_directors();
    let (client, director) = (&cluster.client, &cluster.director);
    // Each is master and backup at once, in a group of IPv6.
    let group = "--mcast-interface net --mcast-group ff02::51 --mcast-port 8850 --mcast-ttl 3 \
                 --sync-maxlen 1000";
    // A backup takes messages of 1024 bytes at least, whatever is asked for.
    for (host, sends, hears) in [(director, 1, 2), (&director2, 3, 4)] {
        host.ipvsadm(&format!("--start-daemon master {group} --syncid {sends}"));
        host.ipvsadm(&format!("--start-daemon backup {group} --syncid {hears}"));
        assert_eq!(
            host.listed_by_both("-L --daemon"),
            format!(
                "master sync daemon (mcast=net, syncid={sends}, maxlen=1000, group=ff02::51, \
                 port=8850, ttl=3)\n\
                 backup sync daemon (mcast=net, syncid={hears}, maxlen=1024, group=ff02::51, \
                 port=8850, ttl=3)\n"
            )
        );
    }
    director.ipvsadm_refuses(
        "--start-daemon master --mcast-interface net",
        255,
        "Daemon has already run",
    );
    // The interface that is taken where none is named is eth0.
    director.ipvsadm_refuses("--start-daemon master", 255, "No such device");

    let mut conversation = Conversation::open(client, SERVICE);
    conversation.goes_on();
    conversation.goes_on();
    knows_connections(director, 1);
    // The other one listens for 4, and is sent 1: it hears it, and does not heed it.
    eventually(
        "the other director has heard of the connection",
        || match datagrams_heard(&director2) {
            0 => Err(director.ipvsadm("-lnc")),
            _ => Ok(()),
        },
    );
    knows_connections(&director2, 0);
    // When it listens for 1, it learns of the connections that are made from then on.
    director2.ipvsadm_each(&[
        "--stop-daemon backup",
        &format!("--start-daemon backup {group} --syncid 1"),
    ]);
    let mut second = Conversation::open(client, SERVICE);
    second.goes_on();
    second.goes_on();
    knows_connections(&director2, 1);
    let connections = director2.listed_by_both("-lnc");
    assert!(
        !connections.contains(&conversation.client_address()),
        "{connections}"
    );
    assert!(
        connections.contains(&second.client_address()),
        "{connections}"
    );

    for host in [director, &director2] {
        for state in ["master", "backup"] {
            host.ipvsadm(&format!("--stop-daemon {state}"));
            host.ipvsadm_refuses(
                &format!("--stop-daemon {state}"),
                255,
                "No daemon is running",
            );
        }
        assert_eq!(host.listed_by_both("-L --daemon"), "");
    }
}
