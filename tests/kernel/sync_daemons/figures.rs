//! Compares what a backup has learnt and missed with what it was sent.

use serde_json::Value;

use crate::support::cluster::eventually;
use crate::support::schema::Schema;
use crate::support::synced::take_in_many;
use crate::support::{Ending, Invocation, Namespace, Program};

/// The connections in each message that is sent.
const IN_A_MESSAGE: u64 = 19;
const MESSAGES: u64 = 263;

fn ours(namespace: &Namespace, words: &str) -> String {
    let outcome = namespace.run(&Program::ours(), &Invocation::line(words));
    assert!(
        outcome.ending == Ending::Status(0) && outcome.stderr.is_empty(),
        "ipvsadm {words}\n{outcome}"
    );
    outcome.stdout_text()
}

fn shell(namespace: &Namespace, line: &str) -> String {
    let mut command = std::process::Command::new("sh");
    command.args(["-c", line]);
    let outcome = namespace.output(command);
    assert!(outcome.ending == Ending::Status(0), "{line}\n{outcome}");
    outcome.stdout_text()
}

/// Returns the connections that the backup has learnt, and the datagrams that it has missed.
fn figures(namespace: &Namespace) -> (Value, Value) {
    let document = Schema::new().check(&ours(namespace, "-L --daemon --json"));
    let backup = &document["sync_daemons"][0];
    assert_eq!(backup["role"], "backup");
    (
        backup["connections_learnt"].clone(),
        backup["datagrams_dropped"].clone(),
    )
}

/// Returns what the namespace's datagrams found no room for, as the kernel counts it.
fn without_room(namespace: &Namespace) -> u64 {
    let counters = shell(namespace, "grep ^Udp: /proc/thread-self/net/snmp");
    let mut lines = counters.lines().map(|line| line.split(' '));
    let (mut names, mut numbers) = (lines.next().unwrap(), lines.next().unwrap());
    let place = names.position(|name| name == "RcvbufErrors").unwrap();
    numbers.nth(place).unwrap().parse().unwrap()
}

#[test]
fn what_a_backup_missed_is_what_it_was_sent_and_did_not_learn() {
    let namespace = Namespace::new();
    // Room for a datagram or two.
    shell(&namespace, "sysctl -qw net.ipv4.vs.sync_sock_size=2304");
    let sent = usize::try_from(MESSAGES * IN_A_MESSAGE).unwrap();
    // Only in the pauses is the backup let run, so it cannot keep up.
    let id = namespace.thread_id();
    shell(&namespace, &format!("chrt --fifo --pid 1 {id}"));
    take_in_many(&namespace, sent);
    shell(&namespace, &format!("chrt --other --pid 0 {id}"));
    let mut missed = 0;
    eventually("all that was sent is learnt or missed", || {
        let (learnt, dropped) = figures(&namespace);
        missed = dropped.as_u64().unwrap();
        match learnt.as_u64().unwrap() + missed * IN_A_MESSAGE == MESSAGES * IN_A_MESSAGE {
            true => Ok(()),
            false => Err(format!("{learnt} learnt, {dropped} dropped")),
        }
    });
    assert!(missed > 0 && missed < MESSAGES, "{missed}");
    assert_eq!(missed, without_room(&namespace));
    let learnt = (MESSAGES - missed) * IN_A_MESSAGE;
    let total = ours(&namespace, "-Lc --origin sync --count total");
    assert_eq!(total, format!("{learnt:8} total\n"));

    let metrics = ours(&namespace, "-L --prometheus");
    for line in [
        format!("ipvs_sync_daemon_learnt_connections{{role=\"backup\"}} {learnt}\n"),
        format!("ipvs_sync_daemon_dropped_datagrams_total{{role=\"backup\"}} {missed}\n"),
    ] {
        assert!(metrics.contains(&line), "{line} in\n{metrics}");
    }
    let table = ours(&namespace, "-L --daemon --table -X");
    let row = table.lines().find(|line| line.contains("backup")).unwrap();
    let words: Vec<&str> = row.split_whitespace().collect();
    let figures = [learnt.to_string(), missed.to_string()];
    assert_eq!(words[words.len() - 3..words.len() - 1], figures, "{table}");

    // A daemon that is started anew has missed nothing yet, and what was learnt is still there.
    ours(&namespace, "--stop-daemon backup");
    assert!(!ours(&namespace, "-L --prometheus").contains("dropped_datagrams"));
    ours(&namespace, "--start-daemon backup --mcast-interface lo");
    assert_eq!(self::figures(&namespace), (learnt.into(), 0.into()));
    let master = "--start-daemon master --mcast-interface lo";
    ours(&namespace, master);
    ours(&namespace, "--stop-daemon backup");
    let document = Schema::new().check(&ours(&namespace, "-L --daemon --json"));
    let daemon = &document["sync_daemons"][0];
    assert_eq!(daemon["connections_learnt"], Value::Null);
    assert_eq!(daemon["datagrams_dropped"], Value::Null);
}

#[test]
fn sockets_at_other_ports_and_groups_are_the_daemon_s_too() {
    let namespace = Namespace::new();
    shell(
        &namespace,
        "ip link add sync0 type veth peer name sync1
         sysctl -qw net.ipv6.conf.sync0.accept_dad=0 net.ipv6.conf.sync1.accept_dad=0 \
             net.ipv4.conf.sync0.accept_local=1 net.ipv4.conf.sync0.rp_filter=0 \
             net.ipv4.conf.all.rp_filter=0
         for name in lo sync0 sync1; do ip link set $name up; done
         ip address add 192.0.2.1/24 dev sync0; ip address add 192.0.2.2/24 dev sync1
         ip route add 224.0.0.0/4 dev sync1
         sysctl -qw net.ipv4.vs.sync_sock_size=2304 net.ipv4.vs.sync_ports=2",
    );
    for (group, to) in [("224.0.0.83", "224.0.0.83"), ("ff02::51", "ff02::51%sync1")] {
        ours(
            &namespace,
            &format!(
                "--start-daemon backup --mcast-interface sync0 --mcast-group {group} --mcast-port 8860"
            ),
        );
        assert_eq!(figures(&namespace), (0.into(), 0.into()));
        // The second of its two ports. The daemon is not let run meanwhile: it takes a few, and the
        // others find no room.
        let before = without_room_at(&namespace, group);
        shell(
            &namespace,
            &format!(
                "chrt -f 1 perl -e 'use Socket qw(:all); my ($error, $to) = getaddrinfo(\"{to}\", 8861, \
                 {{ socktype => SOCK_DGRAM }}); socket(my $socket, $to->{{family}}, SOCK_DGRAM, 0); \
                 send($socket, \"x\" x 1200, 0, $to->{{addr}}) or die $! for 1..400'"
            ),
        );
        let missed = without_room_at(&namespace, group) - before;
        assert!(missed > 0, "{group}");
        assert_eq!(figures(&namespace), (0.into(), missed.into()), "{group}");
        ours(&namespace, "--stop-daemon backup");
    }
}

/// Returns what found no room of the group's family.
fn without_room_at(namespace: &Namespace, group: &str) -> u64 {
    if !group.contains(':') {
        return without_room(namespace);
    }
    let counters = shell(
        namespace,
        "grep Udp6RcvbufErrors /proc/thread-self/net/snmp6",
    );
    let number = counters.split_whitespace().nth(1).unwrap();
    number.parse().unwrap()
}
