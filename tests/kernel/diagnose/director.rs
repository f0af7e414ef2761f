//! The director itself: its interfaces, its settings, its sync daemons.

use std::fs;
use std::process::Command;

use super::examination::{Examination, found_and_repaired, masqueraded, routed};
use crate::support::cluster::{Cluster, Host};
use crate::support::synced::take_in_many;
use crate::support::traffic::Conversation;

#[test]
fn a_loopback_interface_that_is_down() {
    let cluster = masqueraded();
    cluster.director.shell("ip link set lo down");
    found_and_repaired(&cluster, "", &["lo-down"]);
}

#[test]
fn a_backup_that_lets_packets_pass_though_it_has_the_address() {
    let cluster = routed();
    let director = &cluster.director;
    director.shell("sysctl -w net.ipv4.vs.backup_only=1");
    Examination::new(director, "").assert_ids(&[]);
    director.ipvsadm("--start-daemon backup --mcast-interface net --syncid 1");
    found_and_repaired(&cluster, "", &["backup-only"]);
    Conversation::open(&cluster.client, "1.1.1.254:22").goes_on();

    // A master beside it changes nothing.
    director.shell("sysctl -w net.ipv4.vs.backup_only=1");
    director.ipvsadm("--start-daemon master --mcast-interface net --syncid 2");
    found_and_repaired(&cluster, "", &["backup-only"]);

    // A backup that is one of the master's real servers is set up like this on purpose.
    director.shell(
        "sysctl -w net.ipv4.vs.backup_only=1; ip address del 1.1.1.254/32 dev net; \
         ip address add 1.1.1.254/32 dev lo",
    );
    director.ipvsadm("--stop-daemon master");
    let examination = Examination::new(director, "");
    examination.assert_ids(&[]);
    assert!(examination.notes().contains(&"backup-only"));
}

#[test]
fn the_firewall_s_table_is_full() {
    const MAX: &str = "/proc/sys/net/netfilter/nf_conntrack_max";
    let cluster = masqueraded();
    let director = &cluster.director;
    keep_connections(director);
    let _open: Vec<Conversation> = (0..8)
        .map(|_| Conversation::open(&cluster.client, "2.2.2.25:22"))
        .collect();
    Examination::new(director, "").assert_ids(&[]);
    // The limit is the whole kernel's, and set where the machine has its own network. No other
    // test keeps connections in this table.
    let before = fs::read_to_string(MAX).unwrap();
    fs::write(MAX, "8").unwrap();
    let examination = Examination::new(director, "");
    let ids: Vec<String> = examination
        .ids()
        .iter()
        .map(|id| (*id).to_owned())
        .collect();
    let remedy = examination.finding("conntrack-full")["remedy"][0].clone();
    assert_eq!(remedy["place"], "here");
    let mut command = Command::new("sh");
    command.args(["-c", remedy["command"].as_str().unwrap()]);
    assert!(command.status().unwrap().success(), "{remedy}");
    let after = Examination::new(director, "");
    fs::write(MAX, before.trim()).unwrap();
    assert_eq!(ids, ["conntrack-full"]);
    after.assert_ids(&[]);
}

/// Makes the firewall track the director's connections, IPVS's too. Kernels differ in what
/// they have of firewalls, but a masqueraded server of FTP needs the table everywhere.
fn keep_connections(director: &Host) {
    director.ipvsadm_each(&[
        "-A -t 2.2.2.25:21 -s rr",
        "-a -t 2.2.2.25:21 -r 1.1.1.10 -m",
    ]);
    director.shell("sysctl -w net.ipv4.vs.conntrack=1");
}

#[test]
fn more_connections_than_are_looked_at_are_said() {
    let cluster = Cluster::new("cluster dr");
    let director = &cluster.director;
    Examination::new(director, "").assert_ids(&[]);
    take_in_many(director, 200_001);
    let examination = Examination::new(director, "");
    examination.assert_ids(&[]);
    let finding = examination.finding("connections-unread");
    let count = finding["evidence"]["looked_at"].as_u64().unwrap();
    // Slower kernels do not come as far as that.
    assert!((1..=200_000).contains(&count), "{count}");
}

#[test]
fn idle_connections_are_noted_until_they_are_kept_long_enough() {
    let cluster = masqueraded();
    let examination = Examination::new(&cluster.director, "");
    let remedy = examination.finding("idle-timeout")["remedy"][0]["command"].clone();
    cluster.director.shell(remedy.as_str().unwrap());
    let notes = Examination::new(&cluster.director, "");
    assert_eq!(notes.notes(), ["nothing-arrives"]);
}

#[test]
fn a_mark_that_no_packet_carries_is_noted() {
    let cluster = Cluster::new("cluster dr");
    cluster
        .director
        .ipvsadm_each(&["-A -f 7 -s rr", "-a -f 7 -r 1.1.1.10 -g"]);
    let examination = Examination::new(&cluster.director, "-f 7");
    examination.assert_ids(&[]);
    assert!(examination.notes().contains(&"mark-unseen"));
    assert_eq!(
        examination.finding("mark-unseen")["service"]["firewall_mark"],
        7
    );
}

/// Diagnoses by a command of the shell, in which `$ipvsadm` is the program.
fn diagnosed_by(director: &Host, line: &str) -> Examination {
    let program = env!("CARGO_BIN_EXE_ipvsadm");
    Examination::of(&director.shell(&format!("ipvsadm={program}; {line}")))
}

#[test]
fn what_is_hidden_of_proc_is_said_to_be_unread() {
    let cluster = masqueraded();
    let director = &cluster.director;
    for (folder, what) in [
        ("/proc/sys/net/ipv4/vs", "settings of IPVS"),
        ("/proc/sys", "settings"),
    ] {
        // What is not read looks as if all were well: the director does not forward.
        director.shell("sysctl -w net.ipv4.ip_forward=0");
        let hidden = diagnosed_by(
            director,
            &format!(
                "unshare --mount bash -c 'mount --bind /proc/self/fdinfo {folder} || exit
                 exec '$ipvsadm' --diagnose --json || true'"
            ),
        );
        assert!(hidden.notes().contains(&"not-read"), "{:?}", hidden.notes());
        assert_eq!(hidden.finding("not-read")["evidence"]["unread"][0], what);
    }
    let examination = Examination::new(director, "");
    examination.assert_ids(&["forwarding-off"]);
    assert!(!examination.notes().contains(&"not-read"));
}

#[test]
fn settings_that_the_kernel_hides_from_a_container_without_root_are_unread() {
    let cluster = masqueraded();
    // A namespace of such a container, entered by the machine's root.
    let inside = |command: &str| {
        format!(
            "unshare --user --map-root-user --net sleep 600 & container=$!
             until [[ $(readlink /proc/$container/ns/net) != $(readlink /proc/self/ns/net) ]]; do
                 sleep 0.1
             done
             nsenter --net=/proc/$container/ns/net bash -c '{command}'
             kill $container"
        )
    };
    let director = &cluster.director;
    let shown = director.shell(&inside("ls /proc/sys/net/ipv4/vs"));
    let examination = diagnosed_by(director, &inside("'$ipvsadm' --diagnose --json || true"));
    assert_eq!(
        examination.notes().contains(&"not-read"),
        shown.is_empty(),
        "{shown}"
    );
}
