//! `--ramp`: a server that returns gets its share by and by, and the clients that are on others
//! stay there.

use nix::sys::signal::Signal;

use super::lasting::{Lasting, ended, go_back, shown_at_terminal};
use crate::support::cluster::{Cluster, Host, eventually};
use crate::support::traffic::{Conversation, shares};

const SERVICE: &str = "-t 2.2.2.25:22";
const RS2: &str = "-t 2.2.2.25:22 -r 1.1.1.20:22";
const SHORTCUT: &str = "the rule on standard output, through ipvsadm -R, ends the ramp at once\n";

/// A director with rs1 in a service, at weight 100.
fn cluster_with(scheduler: &str) -> Cluster {
    let cluster = Cluster::new("cluster nat");
    cluster.director.ipvsadm_each(&[
        &format!("-A {SERVICE} -s {scheduler}"),
        &format!("-a {SERVICE} -r 1.1.1.10 -m -w 100"),
    ]);
    cluster
}

/// Returns the weight of rs2, where that is in the service.
fn weight_of_rs2(director: &Host) -> Option<u32> {
    let rules = director.ipvsadm("-Sn");
    let line = rules.lines().find(|line| line.contains(RS2))?;
    let (_, weight) = line.split_once(" -w ").expect("a weight");
    let weight = weight.split(' ').next().expect("a number");
    Some(weight.parse().expect("a number"))
}

fn open(client: &Host, count: usize) -> Vec<Conversation> {
    (0..count)
        .map(|_| Conversation::open(client, "2.2.2.25:22"))
        .collect()
}

fn on_rs2(open: &[Conversation]) -> usize {
    let servers: Vec<_> = open.iter().map(|open| open.server.clone()).collect();
    shares(&servers).get("rs2").copied().unwrap_or_default()
}

/// New connections all go to an empty server at full weight; to one that is ramped, a share does.
#[test]
fn a_server_that_returns_is_not_flooded() {
    let cluster = cluster_with("wlc");
    let (client, director) = (&cluster.client, &cluster.director);
    let mut before = open(client, 20);
    assert_eq!(on_rs2(&before), 0);

    director.ipvsadm(&format!("-a {RS2} -m -w 100"));
    let flood = open(client, 15);
    assert_eq!(on_rs2(&flood), 15);
    drop(flood);
    director.ipvsadm(&format!("-d {RS2}"));

    let mut ramping = Lasting::begin(director, &format!("-a {RS2} -m -w 100 --ramp 600"), 1);
    assert_eq!(ramping.written, format!("-e {RS2} -m -w 100\n"));
    eventually("it is there", || {
        weight_of_rs2(director).map(drop).ok_or("no".to_owned())
    });
    let gentle = open(client, 15);
    let taken = on_rs2(&gentle);
    assert!(taken <= 3, "{taken} of 15");
    ramping.assert_goes_on();
    // The rule ends it at once.
    director.ipvsadm(ramping.written.trim());
    assert_eq!(weight_of_rs2(director), Some(100));
    let outcome = ramping.end();
    ended(
        &outcome,
        3,
        &format!(
            "{RS2}: somebody has given it weight 100\n\
             somebody has other plans: weights are left as they are; {SHORTCUT}"
        ),
    );
    before.iter_mut().for_each(Conversation::goes_on);
}

/// The weight rises, each look finds no less than the one before, and none is beyond.
#[test]
fn its_weight_rises_to_the_last_and_not_beyond() {
    let cluster = cluster_with("wrr");
    let (client, director) = (&cluster.client, &cluster.director);
    director.ipvsadm(&format!("-a {RS2} -m -w 7 -x 900 -y 800"));
    for (line, target) in [
        ("-e -t 2.2.2.25:22 -r 1.1.1.20 -w 41 --ramp 4", 41),
        ("-e -t 2.2.2.25:22 -r 1.1.1.20 --keep --ramp 3", 41),
        ("-e -r 1.1.1.20 -w 30 --ramp 3", 30),
        ("-e -r 1.1.1.20:22 --ramp 2", 30),
    ] {
        let mut ramping = Lasting::begin(director, line, 1);
        assert_eq!(
            ramping.written,
            format!("-e {RS2} -m -w {target} -x 900 -y 800\n"),
            "{line}"
        );
        let mut seen = Vec::new();
        while ramping.is_going_on() {
            seen.extend(weight_of_rs2(director));
        }
        let outcome = ramping.end();
        ended(&outcome, 0, "");
        // The first looks may be older than its begin.
        let from_1 = seen.iter().skip_while(|weight| **weight != 1);
        let from_1: Vec<u32> = from_1.copied().collect();
        assert!(from_1.is_sorted(), "{line}: {seen:?}");
        assert!(
            from_1.iter().any(|weight| (2..target).contains(weight)),
            "{line}: {seen:?}"
        );
        assert!(
            from_1.iter().all(|weight| *weight <= target),
            "{line}: {seen:?}"
        );
        let rules = director.ipvsadm("-Sn");
        let expected = format!("-a {RS2} -m -w {target} -x 900 -y 800\n");
        assert!(rules.contains(&expected), "{rules}");
    }
    // wrr gives exactly the share that the weights say: 30 of 130.
    assert_eq!(on_rs2(&open(client, 26)), 6);
}

#[test]
fn a_server_returns_to_all_its_services_at_once() {
    let cluster = Cluster::new("cluster_hosts client director; cluster_settle");
    let director = &cluster.director;
    director.ipvsadm_each(&[
        "-A -t 192.0.2.1:80 -s wlc",
        "-a -t 192.0.2.1:80 -r 198.51.100.1:8080 -m -w 0 -x 9",
        "-A -f 7 -s sed",
        "-a -f 7 -r 198.51.100.1 -g -w 60",
        "-a -f 7 -r 198.51.100.2 -g -w 70",
    ]);
    let before = director.ipvsadm("-Sn");
    director.ipvsadm_refuses(
        "-e -r 198.51.100.1 --ramp 2",
        2,
        "-t 192.0.2.1:80 -r 198.51.100.1:8080: its weight is 0; -w N is the one to be reached",
    );
    assert_eq!(director.ipvsadm("-Sn"), before);
    let written = director.ipvsadm("-e -r 198.51.100.1 -w 50 --ramp 2");
    assert_eq!(
        written,
        "-e -t 192.0.2.1:80 -r 198.51.100.1:8080 -m -w 50 -x 9\n\
         -e -f 7 -r 198.51.100.1:0 -g -w 50\n"
    );
    let after = before
        .replace("-m -w 0", "-m -w 50")
        .replace("-w 60", "-w 50");
    assert_eq!(director.ipvsadm("-Sn"), after);
}

#[test]
fn others_may_have_other_plans() {
    let cluster = cluster_with("wlc");
    let director = &cluster.director;
    const PLANS: &str = "somebody has other plans: weights are left as they are";
    for (meddle, left, told) in [
        (
            "-e -t 2.2.2.25:22 -r 1.1.1.20 -m -w 0",
            Some(0),
            "given it weight 0",
        ),
        (
            "-e -t 2.2.2.25:22 -r 1.1.1.20 -m -w 999",
            Some(999),
            "given it weight 999",
        ),
        ("-d -t 2.2.2.25:22 -r 1.1.1.20", None, "deleted it"),
        ("-D -t 2.2.2.25:22", None, "deleted it"),
    ] {
        director.ipvsadm_each(&["-C", "-A -t 2.2.2.25:22 -s wlc"]);
        let ramping = Lasting::begin(director, &format!("-a {RS2} -m -w 100 --ramp 500"), 1);
        eventually("it is there", || {
            weight_of_rs2(director).map(drop).ok_or("no".to_owned())
        });
        director.ipvsadm(meddle);
        let outcome = ramping.end();
        ended(
            &outcome,
            3,
            &match left {
                Some(_) => format!("{RS2}: somebody has {told}\n{PLANS}; {SHORTCUT}"),
                None => format!("{RS2}: somebody has {told}\n{PLANS}\n"),
            },
        );
        assert_eq!(weight_of_rs2(director), left, "{meddle}");
    }

    // A drain of the same server wins, for it comes later.
    director.ipvsadm_each(&[
        "-C",
        "-A -t 2.2.2.25:22 -s wlc",
        "-a -t 2.2.2.25:22 -r 1.1.1.10 -m -w 100",
    ]);
    let ramping = Lasting::begin(director, &format!("-a {RS2} -m -w 100 --ramp 500"), 1);
    eventually("it is there", || {
        weight_of_rs2(director).map(drop).ok_or("no".to_owned())
    });
    ended(&director.try_ipvsadm(&format!("-e {RS2} --drain")), 0, "");
    let outcome = ramping.end();
    ended(
        &outcome,
        3,
        &format!("{RS2}: somebody has given it weight 0\n{PLANS}; {SHORTCUT}"),
    );
    assert_eq!(weight_of_rs2(director), Some(0));

    // Of two at once with different ends, one is left, and the weight is its.
    let first = Lasting::begin(director, &format!("-e {RS2} -w 1000 --ramp 5"), 1);
    let second = Lasting::begin(director, &format!("-e {RS2} -w 500 --ramp 5"), 1);
    let statuses = [first.end(), second.end()].map(|outcome| outcome.ending);
    let ok = crate::support::Ending::Status(0);
    let reached = match weight_of_rs2(director) {
        Some(1000) => statuses[0] == ok && statuses[1] != ok,
        Some(500) => statuses[1] == ok && statuses[0] != ok,
        _ => false,
    };
    assert!(reached, "{statuses:?} {:?}", weight_of_rs2(director));

    // What others change besides the weight stays.
    let ramping = Lasting::begin(director, &format!("-e {RS2} -w 100 --ramp 4"), 1);
    eventually("it has begun", || match weight_of_rs2(director) {
        Some(1) => Ok(()),
        other => Err(format!("{other:?}")),
    });
    director.ipvsadm(&format!("-e {RS2} --keep -x 77"));
    ended(&ramping.end(), 0, "");
    let rules = director.ipvsadm("-Sn");
    assert!(
        rules.contains(&format!("{RS2} -m -w 100 -x 77\n")),
        "{rules}"
    );
}

#[test]
fn a_signal_leaves_it_where_it_is() {
    let cluster = cluster_with("wlc");
    let director = &cluster.director;
    director.ipvsadm(&format!("-a {RS2} -m -w 9"));
    for (signal, status) in [
        (Signal::SIGINT, 130),
        (Signal::SIGTERM, 143),
        (Signal::SIGHUP, 129),
    ] {
        let ramping = Lasting::begin(director, &format!("-e {RS2} -w 2000 --ramp 20"), 1);
        eventually("it has steps behind it", || match weight_of_rs2(director) {
            Some(2..2000) => Ok(()),
            other => Err(format!("{other:?}")),
        });
        ramping.send(signal);
        let outcome = ramping.end();
        let left = weight_of_rs2(director).expect("a server");
        assert!(1 < left && left < 2000, "{left}");
        ended(
            &outcome,
            status,
            &format!("{RS2}: left at weight {left} of 2000\ninterrupted: {SHORTCUT}"),
        );
        go_back(director, &outcome);
        assert_eq!(weight_of_rs2(director), Some(2000));
        director.ipvsadm(&format!("-e {RS2} -m -w 9"));
    }
    // A person sees one line, and how it ended.
    let shown = shown_at_terminal(director, "-e -r 1.1.1.20 -w 40 --ramp 2");
    let mut parts = shown.split('\r').map(|part| part.trim_matches(['\n', ' ']));
    assert_eq!(
        parts.next(),
        Some("-e -t 2.2.2.25:22 -r 1.1.1.20:22 -m -w 40")
    );
    assert_eq!(
        parts.next(),
        Some("1.1.1.20: weight 1 of 40 in 1 service, 0:00 gone by, 0:02 left"),
        "{shown:?}"
    );
    assert!(
        shown
            .trim_end()
            .ends_with("1.1.1.20 has reached weight 40 after 0:02"),
        "{shown:?}"
    );
    // Without anybody who reads the rule, nothing is begun.
    let before = director.ipvsadm("-Sn");
    let line = format!(
        "'{}' -e {RS2} -w 100 --ramp 5",
        env!("CARGO_BIN_EXE_ipvsadm")
    );
    director.shell(&format!(
        "if {line} >/dev/full 2>/media/told; then false; fi"
    ));
    assert_eq!(director.ipvsadm("-Sn"), before);
}

#[test]
fn what_would_not_be_a_ramp_is_refused() {
    let cluster = Cluster::new("cluster_hosts client director; cluster_settle");
    let director = &cluster.director;
    director.ipvsadm_each(&[
        "-A -t 192.0.2.1:80 -s rr",
        "-a -t 192.0.2.1:80 -r 198.51.100.1 -m -w 50",
        "-a -t 192.0.2.1:80 -r 198.51.100.2 -m -w 3 -x 9",
    ]);
    const SERVER: &str = "-t 192.0.2.1:80 -r 198.51.100.1:80";
    for (scheduler, why) in [
        (
            "rr",
            "rr does not heed weights, and the server has its share at once; \
             wrr does: ipvsadm -E -t 192.0.2.1:80 -s wrr --keep",
        ),
        (
            "lc",
            "lc does not heed weights, and the server has its share at once; \
             wlc does: ipvsadm -E -t 192.0.2.1:80 -s wlc --keep",
        ),
        (
            "dh",
            "dh does not heed weights, and the server has its share at once; \
             wlc does: ipvsadm -E -t 192.0.2.1:80 -s wlc --keep",
        ),
        (
            "lblc",
            "lblc leaves the clients of an address with their server until that is overloaded, \
             and gives no share; wlc does: ipvsadm -E -t 192.0.2.1:80 -s wlc --keep",
        ),
        (
            "sh",
            "sh sends clients to other servers with each new weight; \
             leave --ramp out, and they move once",
        ),
        (
            "fo",
            "fo sends all new clients to the server of the greatest weight; \
             leave --ramp out, for there is no share in between",
        ),
    ] {
        director.ipvsadm(&format!("-E -t 192.0.2.1:80 -s {scheduler}"));
        let before = director.ipvsadm("-Sn");
        let told = format!("{SERVER}: {why}");
        for line in [
            format!("-e {SERVER} -w 100 --ramp 3"),
            "-e -r 198.51.100.1 -w 100 --ramp 3".to_owned(),
        ] {
            director.ipvsadm_refuses(&line, 2, &told);
        }
        assert_eq!(director.ipvsadm("-Sn"), before);
    }
    // The line that the message has helps.
    director.ipvsadm_each(&["-E -t 192.0.2.1:80 -s wlc --keep"]);
    director.ipvsadm(&format!("-e {SERVER} -w 50 --ramp 1"));

    let outcome = director.try_ipvsadm("-a -t 192.0.2.1:80 -r 198.51.100.3 -m -w 2 --ramp 9");
    let told = outcome.stderr_text();
    ended(
        &outcome,
        2,
        "-t 192.0.2.1:80 -r 198.51.100.3:80: weights are whole numbers: 100 in place of 1 \
         leaves room for steps; multiply this service's weights, then ramp to -w 200:\n\
         ipvsadm -e -t 192.0.2.1:80 -r 198.51.100.1:80 -m -w 5000\n\
         ipvsadm -e -t 192.0.2.1:80 -r 198.51.100.2:80 -m -w 300 -x 9\n",
    );
    for line in told.lines().skip(1) {
        director.ipvsadm(line.strip_prefix("ipvsadm ").expect("a command"));
    }
    director.ipvsadm("-a -t 192.0.2.1:80 -r 198.51.100.3 -m -w 200 --ramp 1");

    let before = director.ipvsadm("-Sn");
    for (line, status, message) in [
        (
            format!("-a {SERVER} -m -w 9 --ramp 3"),
            255,
            "Destination already exists",
        ),
        (
            "-a -t 192.0.2.9:80 -r 198.51.100.1 -m -w 9 --ramp 3".to_owned(),
            255,
            "Service not defined",
        ),
        (
            "-e -t 192.0.2.1:80 -r 198.51.100.9 -w 9 --ramp 3".to_owned(),
            255,
            "No such destination",
        ),
        (
            "-e -r 198.51.100.9 -w 9 --ramp 3".to_owned(),
            255,
            "No such destination",
        ),
        (
            format!("-e {SERVER} -w 9 --ramp 0"),
            2,
            "invalid timeout value `0' specified",
        ),
        (
            format!("-e {SERVER} -w 9 --ramp soon"),
            2,
            "invalid timeout value `soon' specified",
        ),
        (
            format!("-e {SERVER} -w 9 --ramp 3 --drain"),
            2,
            "The option 'drain' conflicts with the 'weight' option in the 'edit-server' command",
        ),
        (
            format!("-e {SERVER} --ramp 3 --drain"),
            2,
            "The option 'ramp' conflicts with the 'drain' option in the 'edit-server' command",
        ),
        (
            format!("-a {SERVER} -m -w 9 --ramp 3 --exist"),
            2,
            "The option 'ramp' conflicts with the 'exist' option in the 'add-server' command",
        ),
        (
            format!("-e {SERVER} -w 9 --ramp 3 --force"),
            2,
            "You need to supply the 'drain' option for the 'force' option",
        ),
        (
            format!("-d {SERVER} --ramp 3"),
            2,
            "Illegal 'ramp' option with the 'delete-server' command",
        ),
        (
            "-a -r 198.51.100.1 -w 9 --ramp 3".to_owned(),
            2,
            "You need to supply the 'service-address' option for the 'add-server' command",
        ),
        (
            "-e -r 198.51.100.1 -w 9 -m --ramp 3".to_owned(),
            2,
            "You need to supply the 'service-address' option for the 'edit-server' command",
        ),
    ] {
        director.ipvsadm_refuses(&line, status, message);
    }
    assert_eq!(director.ipvsadm("-Sn"), before);
}
