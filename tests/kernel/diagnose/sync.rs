//! Sync daemons that lose what they are sent, that have nobody to talk to, or that nobody talks to.

use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use super::examination::Examination;
use crate::support::cluster::{Cluster, Host, eventually};
use crate::support::traffic::Conversation;

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
    let (cluster, other) = Cluster::of_two_directors();
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
    let (cluster, _) = Cluster::of_two_directors();
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
    let (cluster, _) = Cluster::of_two_directors();
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

/// For how long it is listened.
const SECONDS: u32 = 8;

/// Returns the masters that a director hears while connections go on, with the whole diagnosis.
fn heard(cluster: &Cluster, listener: &Host, talks: bool) -> (Vec<String>, Examination) {
    let mut open: Vec<Conversation> = match talks {
        true => (0..2)
            .map(|_| Conversation::open(&cluster.client, "1.1.1.254:22"))
            .collect(),
        false => Vec::new(),
    };
    let has_ended = AtomicBool::new(false);
    let examination = thread::scope(|scope| {
        let listening = scope.spawn(|| {
            let examination = Examination::new(listener, &format!("--listen {SECONDS}"));
            has_ended.store(true, Ordering::Relaxed);
            examination
        });
        while !has_ended.load(Ordering::Relaxed) && !listening.is_finished() {
            for conversation in &mut open {
                conversation.goes_on();
            }
            thread::sleep(Duration::from_millis(200));
        }
        listening.join().unwrap()
    });
    let masters = examination.listened["sync_masters"].as_array().unwrap();
    let masters = masters.iter().map(|master| {
        format!(
            "{} {} {} {} {}",
            master["address"].as_str().unwrap(),
            master["sync_id"],
            master["version"],
            master["group"].as_str().unwrap(),
            master["port"]
        )
    });
    (masters.collect(), examination)
}

/// Returns the memberships in the daemons' groups: who is in one, and how often, but for timers.
fn memberships(director: &Host) -> String {
    director.shell(
        "cat /proc/thread-self/net/igmp /proc/thread-self/net/igmp6 | \
         grep -i -e 510000E0 -e ff020000000000000000000000000051 | \
         sed 's/0:[0-9A-F]*//' || true",
    )
}

#[test]
fn a_backup_that_heeds_another_number_than_its_master_has() {
    // The director with the address is the master here, the other one is looked at.
    let (cluster, backup) = Cluster::of_two_directors();
    let master = &cluster.director;
    backup.ipvsadm_each(&[
        "-A -t 1.1.1.254:22 -s rr",
        "-a -t 1.1.1.254:22 -r 1.1.1.10 -g",
        "-a -t 1.1.1.254:22 -r 1.1.1.20 -g",
    ]);
    for director in [&backup, master] {
        director.shell("sysctl -qw net.ipv4.vs.sync_threshold='1 2'");
    }
    backup.ipvsadm("--start-daemon backup --mcast-interface net --syncid 9");
    let before = memberships(&backup);

    // Nobody is there: that may be an idle master, and is no more than a note.
    let (masters, examination) = heard(&cluster, &backup, false);
    assert_eq!(masters, [""; 0]);
    examination.assert_ids(&[]);
    assert!(examination.notes().contains(&"sync-unheard"));

    for version in [1, 0] {
        master.shell(&format!("sysctl -qw net.ipv4.vs.sync_version={version}"));
        master.ipvsadm("--start-daemon master --mcast-interface net --syncid 7");
        let (masters, examination) = heard(&cluster, &backup, true);
        assert_eq!(masters, [format!("1.1.1.25 7 {version} 224.0.0.81 8848")]);
        examination.assert_ids(&["sync-unheard"]);
        // The master hears nobody, and is told of nobody: what it says itself goes out.
        let (masters, of_master) = heard(&cluster, master, true);
        assert_eq!(masters, [""; 0]);
        of_master.assert_ids(&[]);
        repair(&backup, &examination, "sync-unheard");
        let (masters, examination) = heard(&cluster, &backup, true);
        assert_eq!(masters.len(), 1);
        examination.assert_ids(&[]);
        assert!(!examination.notes().contains(&"sync-unheard"));
        master.ipvsadm("--stop-daemon master");
        backup.ipvsadm("--stop-daemon backup");
        backup.ipvsadm("--start-daemon backup --mcast-interface net --syncid 9");
    }
    assert_eq!(memberships(&backup), before);
}

#[test]
fn a_master_hears_others_in_its_group_and_leaves_it_afterwards() {
    let (cluster, other) = Cluster::of_two_directors();
    let director = &cluster.director;
    other.shell("sysctl -qw net.ipv4.vs.sync_threshold='1 2'");
    let group = "--mcast-interface net --mcast-group ff02::51 --mcast-port 8850";
    director.shell("sysctl -qw net.ipv4.vs.sync_threshold='1 2'");
    director.ipvsadm(&format!("--start-daemon master {group} --syncid 7"));
    other.ipvsadm(&format!("--start-daemon master {group} --syncid 31"));
    let before = memberships(&other);
    let (masters, _) = heard(&cluster, &other, true);
    assert_eq!(masters.len(), 1, "{masters:?}");
    assert!(masters[0].ends_with(" 7 1 ff02::51 8850"), "{masters:?}");
    assert_eq!((before.as_str(), memberships(&other).as_str()), ("", ""));
    let text = thread::scope(|scope| {
        let listening = scope.spawn(|| other.ipvsadm("--diagnose --listen 6"));
        let mut conversation = Conversation::open(&cluster.client, "1.1.1.254:22");
        while !listening.is_finished() {
            conversation.goes_on();
            thread::sleep(Duration::from_millis(200));
        }
        listening.join().unwrap()
    });
    let line = text
        .lines()
        .find(|line| line.starts_with("Heard the master daemon of "));
    assert!(
        line.is_some_and(|line| line.ends_with(": syncid 7, version 1.")),
        "{text}"
    );
}
