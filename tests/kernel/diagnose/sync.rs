//! Sync daemons that lose what they are sent, that have nobody to talk to, or that nobody talks to.

use std::process::Command;
use std::thread;

use super::examination::Examination;
use crate::support::cluster::{Cluster, Host, eventually};

/// A director with the service, and another beside it.
fn two_directors() -> (Cluster, Host) {
    let cluster = Cluster::new("cluster dr 2");
    cluster.director.ipvsadm_each(&[
        "-A -t 1.1.1.254:22 -s rr",
        "-a -t 1.1.1.254:22 -r 1.1.1.10 -g",
        "-a -t 1.1.1.254:22 -r 1.1.1.20 -g",
    ]);
    let other = cluster.host("director2");
    (cluster, other)
}

/// Carries out the remedy of a finding as it is printed. What is the machine's is set where it has
/// its own network.
fn repair(director: &Host, examination: &Examination, id: &str) {
    let remedy = examination.finding(id)["remedy"].as_array().unwrap();
    assert!(!remedy.is_empty(), "{id}");
    for step in remedy {
        assert_eq!(step["place"], "here");
        let command = step["command"].as_str().unwrap();
        if command.starts_with("sysctl -w net.core.") {
            let status = Command::new("sh").args(["-c", command]).status();
            assert!(status.unwrap().success(), "{command}");
        } else {
            director.shell(command);
        }
    }
}

/// Sends messages of another number, sixty at once, twenty times a second, until the file is there.
/// The backup is not let run while they are sent.
fn flood(director: &Host, end: &str) {
    director.shell(&format!(
        "chrt -f 1 perl -e '
             use Socket qw(:DEFAULT IPPROTO_IP IP_MULTICAST_IF);
             socket(my $socket, AF_INET, SOCK_DGRAM, 0) or die $!;
             setsockopt($socket, IPPROTO_IP, IP_MULTICAST_IF, inet_aton(\"1.1.1.26\")) or die $!;
             my $to = pack_sockaddr_in(8848, inet_aton(\"224.0.0.81\"));
             my $message = pack(\"CCnCCn\", 0, 99, 1200, 0, 1, 0) . \"\\0\" x 1192;
             until (-e \"{end}\") {{
                 send($socket, $message, 0, $to) for 1..60;
                 select(undef, undef, undef, 0.05);
             }}'"
    ));
}

#[test]
fn a_backup_without_room_for_what_comes_at_once() {
    let (cluster, other) = two_directors();
    let director = &cluster.director;
    director.shell("sysctl -qw net.ipv4.vs.sync_sock_size=2304");
    director.ipvsadm("--start-daemon backup --mcast-interface net --syncid 7");
    Examination::new(director, "").assert_ids(&[]);
    let folder = director.shell("mktemp -d");
    let end = format!("{}/end", folder.trim());
    thread::scope(|scope| {
        let flooding = scope.spawn(|| flood(&other, &end));
        let mut examination = None;
        eventually("drops are seen while they happen", || {
            let seen = Examination::new(director, "");
            let is_found = seen.ids() == ["sync-overflow"];
            let ids = format!("{:?} {:?}", seen.ids(), seen.notes());
            examination = Some(seen);
            if is_found { Ok(()) } else { Err(ids) }
        });
        let examination = examination.unwrap();
        let evidence = &examination.finding("sync-overflow")["evidence"];
        assert!(evidence["dropped_in_half_a_second"].as_u64().unwrap() > 0);
        repair(director, &examination, "sync-overflow");
        let after = Examination::new(director, "");
        director.shell(&format!("touch {end}"));
        flooding.join().unwrap();
        after.assert_ids(&[]);
        assert!(!after.notes().contains(&"sync-overflow"));
    });
}

#[test]
fn a_daemon_whose_interface_is_nobody_else_s() {
    let (cluster, _) = two_directors();
    let director = &cluster.director;
    director.shell(
        "ip link add sync0 type veth peer name sync1
         ip link set sync0 up; ip link set sync1 up; ip address add 192.0.2.1/24 dev sync0",
    );
    for role in ["master", "backup"] {
        director.ipvsadm(&format!(
            "--start-daemon {role} --mcast-interface sync0 --syncid 7"
        ));
        Examination::new(director, "").assert_ids(&[]);
        director.shell("ip link set sync1 down");
        let examination = Examination::new(director, "");
        examination.assert_ids(&["sync-alone"]);
        let finding = examination.finding("sync-alone");
        assert_eq!(finding["remedy"], serde_json::json!([]));
        assert!(finding["text"].as_str().unwrap().contains("has no link"));
        director.shell("ip link set sync1 up; ip link set sync0 down");
        let examination = Examination::new(director, "");
        examination.assert_ids(&["sync-alone"]);
        repair(director, &examination, "sync-alone");
        Examination::new(director, "").assert_ids(&[]);
        director.ipvsadm(&format!("--stop-daemon {role}"));
    }
}

#[test]
fn daemons_of_one_number_that_would_not_hear_each_other() {
    let (cluster, _) = two_directors();
    let director = &cluster.director;
    director.ipvsadm("--start-daemon master --mcast-interface net --syncid 7 --mcast-port 8850");
    for other in [
        "--mcast-port 8851",
        "--mcast-port 8850 --mcast-group 224.0.0.99",
    ] {
        director.ipvsadm(&format!(
            "--start-daemon backup --mcast-interface net --syncid 7 {other}"
        ));
        let examination = Examination::new(director, "");
        examination.assert_ids(&[]);
        assert!(examination.notes().contains(&"sync-alone"));
        repair(director, &examination, "sync-alone");
        let after = Examination::new(director, "");
        assert!(!after.notes().contains(&"sync-alone"));
        director.ipvsadm("--stop-daemon backup");
    }
    // Two numbers back up each other, over whatever they like.
    director.ipvsadm("--start-daemon backup --mcast-interface net --syncid 8");
    assert!(
        !Examination::new(director, "")
            .notes()
            .contains(&"sync-alone")
    );
}
