//! `--netns` on a real kernel: every command in a namespace that is named by its name, by a path,
//! by a process; and what is said of one that is none.

use std::ffi::OsString;
use std::process::Command;

use crate::support::{Ending, Invocation, Namespace, Outcome, Program, SCRATCH};

/// Returns a namespace from which others can be entered, by the names `blue`, `red` and `7`.
fn director() -> Namespace {
    let namespace = Namespace::new();
    shell(
        &namespace,
        "mkdir -p /run/netns && mount -t tmpfs names /run/netns
         for name in blue red 7; do
             ip netns add $name && ip -n $name link set lo up
         done
         ip -n blue link add eth0 type dummy && ip -n blue link set eth0 up",
    );
    namespace
}

fn shell(namespace: &Namespace, script: &str) -> String {
    let mut command = Command::new("bash");
    let ours = format!(
        "ipvsadm() {{ '{}' \"$@\"; }}\n",
        env!("CARGO_BIN_EXE_ipvsadm")
    );
    command.args(["-ec", &(ours + script)]);
    let outcome = namespace.output(command);
    assert!(outcome.ending == Ending::Status(0), "{script}\n{outcome}");
    outcome.stdout_text()
}

fn ours(namespace: &Namespace, line: &str) -> Outcome {
    namespace.run(&Program::ours(), &Invocation::line(line))
}

/// Returns what our program prints; it must succeed.
fn printed(namespace: &Namespace, line: &str) -> String {
    let outcome = ours(namespace, line);
    assert!(
        outcome.ending == Ending::Status(0) && outcome.stderr.is_empty(),
        "ipvsadm {line}\n{outcome}"
    );
    outcome.stdout_text()
}

fn helper(namespace: &Namespace, name: &str, words: &[&str], input: &str) -> Outcome {
    let invocation = Invocation {
        argv0: name.into(),
        words: words.iter().map(OsString::from).collect(),
        stdin: input.into(),
    };
    namespace.run(&Program::ours(), &invocation)
}

#[test]
fn advice_leads_into_the_namespace() {
    let director = director();
    printed(&director, "-A -f 6 -s rr --netns blue");
    printed(&director, "-a -f 6 -r 198.51.100.1 -g --netns blue");
    let outcome = ours(
        &director,
        "-e -f 6 -r 198.51.100.1 -g -w 50 --ramp 7 --netns blue",
    );
    assert!(outcome.ending == Ending::Status(2), "{outcome}");
    let advice = "; wrr does: ip netns exec blue ipvsadm -E -f 6 -s wrr --keep\n";
    let errors = String::from_utf8_lossy(&outcome.stderr);
    assert!(errors.ends_with(advice), "{errors}");
}

#[test]
fn every_command_works_there_and_touches_nothing_here() {
    let director = director();
    printed(&director, "-A -f 9 -s rr");
    let timeouts = printed(&director, "-L --timeout");
    let here = printed(&director, "-Sn");
    for line in [
        "--netns blue -A -t 192.0.2.1:80 -s rr",
        "-a --netns blue -t 192.0.2.1:80 -r 198.51.100.1 -m",
        "-a -t 192.0.2.1:80 -r 198.51.100.2 -m --netns=blue",
        "-E -t 192.0.2.1:80 -s wrr --netns blue",
        "-e -t 192.0.2.1:80 -r 198.51.100.1 -w 3 --keep --netns blue",
        "-d -t 192.0.2.1:80 -r 198.51.100.2 --netns blue",
        "-A -f 5 --netns blue",
        "-D -f 5 --netns blue",
        "-Z --netns blue",
        "--set 77 66 55 --netns blue",
        "--start-daemon master --mcast-interface eth0 --syncid 3 --netns blue",
    ] {
        assert_eq!(printed(&director, line), "", "{line}");
    }
    let there = "-A -t 192.0.2.1:80 -s wrr\n-a -t 192.0.2.1:80 -r 198.51.100.1:80 -m -w 3\n";
    assert_eq!(printed(&director, "-Sn --netns blue"), there);
    let listing = printed(&director, "-Ln --netns blue");
    assert!(listing.contains("198.51.100.1:80 "), "{listing}");
    assert_eq!(
        printed(&director, "--netns blue"),
        printed(&director, "-L --netns blue")
    );
    assert_eq!(
        printed(&director, "--netns blue -n"),
        printed(&director, "-Ln --netns blue")
    );
    assert!(printed(&director, "-L --json --netns blue").contains("\"198.51.100.1\""));
    // A server without a connection is drained at once; what is printed is the way back.
    printed(
        &director,
        "-a -t 192.0.2.1:80 -r 198.51.100.2 -m --netns blue",
    );
    let back = printed(
        &director,
        "-d -t 192.0.2.1:80 -r 198.51.100.2 --drain --netns blue",
    );
    assert!(back.contains("-r 198.51.100.2:80"), "{back}");
    assert_eq!(printed(&director, "-Sn --netns blue"), there);
    assert!(printed(&director, "-L --timeout --netns blue").contains("77 66 55"));
    let daemons = printed(&director, "-L --daemon --netns blue");
    assert!(daemons.contains("mcast=eth0"), "{daemons}");
    printed(&director, "--stop-daemon master --netns blue");
    assert_eq!(printed(&director, "-L --daemon --netns blue"), "");

    let rules = Invocation {
        words: ["-R", "--netns", "red"].map(OsString::from).to_vec(),
        ..Invocation::restore("-A -f 1 -s rr\n")
    };
    let outcome = director.run(&Program::ours(), &rules);
    assert!(outcome.ending == Ending::Status(0), "{outcome}");
    assert_eq!(printed(&director, "-Sn --netns red"), "-A -f 1 -s rr\n");
    assert_eq!(printed(&director, "-Sn --netns blue"), there);
    printed(&director, "-C --netns red");
    assert_eq!(printed(&director, "-Sn --netns red"), "");

    assert_eq!(printed(&director, "-Sn"), here);
    assert_eq!(printed(&director, "-L --timeout"), timeouts);
    assert_eq!(printed(&director, "-L --daemon"), "");
}

#[test]
fn it_is_named_by_name_path_or_process_and_a_name_may_be_a_number() {
    let director = director();
    for (name, mark) in [("blue", 1), ("red", 2), ("7", 3)] {
        printed(&director, &format!("-A -f {mark} -s rr --netns {name}"));
    }
    let rule = |mark: u32| format!("-A -f {mark} -s rr\n");
    // No process 7 is asked: the name comes first.
    for (word, mark) in [
        ("7", 3),
        ("/run/netns/blue", 1),
        ("/var/run/netns/red", 2),
        ("/run/netns/../netns/7", 3),
    ] {
        assert_eq!(
            printed(&director, &format!("-Sn --netns {word}")),
            rule(mark),
            "{word}"
        );
    }
    let by_process = shell(
        &director,
        "ip netns exec red sleep 300 & process=$!
         until [[ /proc/$process/ns/net -ef /run/netns/red ]]; do :; done
         ipvsadm -Sn --netns $process
         cd /proc/$process/ns && ipvsadm -Sn --netns ./net
         kill $process",
    );
    assert_eq!(by_process, rule(2) + &rule(2));
}

#[test]
fn the_helpers_take_it() {
    let director = director();
    let rules = "-A -f 1 -s rr\n-a -f 1 -r 198.51.100.1:0 -m -w 1\n";
    for words in [
        &["--netns", "blue"][..],
        &["--netns=blue", "--dry-run"],
        &["--noflush", "--netns", "blue"],
    ] {
        let outcome = helper(&director, "ipvsadm-restore", words, rules);
        assert!(
            outcome.ending == Ending::Status(0)
                && outcome.stdout.is_empty()
                && outcome.stderr.is_empty(),
            "{words:?}\n{outcome}"
        );
    }
    for words in [&["-n", "--netns", "blue"][..], &["--netns=blue", "-n"]] {
        let outcome = helper(&director, "ipvsadm-save", words, "");
        assert_eq!(outcome.stdout_text(), rules, "{words:?}");
    }
    assert_eq!(printed(&director, "-Sn"), "");
    for name in ["ipvsadm-save", "ipvsadm-restore"] {
        let outcome = helper(&director, name, &["--netns"], rules);
        assert_eq!(outcome.ending, Ending::Status(1), "{name}\n{outcome}");
        let outcome = helper(&director, name, &["--netns", "green"], rules);
        assert_eq!(outcome.ending, Ending::Status(2), "{name}\n{outcome}");
        // Help is the same everywhere.
        let outcome = helper(&director, name, &["--netns", "green", "-h"], "");
        assert_eq!(outcome.ending, Ending::Status(0), "{name}\n{outcome}");
        assert!(outcome.stdout_text().contains("\n  --netns"), "{outcome}");
    }
}

#[test]
fn connections_are_those_there() {
    let director = director();
    shell(
        &director,
        "for name in blue 7; do
             ipvsadm -A -u 127.0.0.1:99 -s rr --netns $name
             ipvsadm -a -u 127.0.0.1:99 -r 127.0.0.1:98 -m --netns $name
         done
         ip netns exec blue bash -c 'echo hello >/dev/udp/127.0.0.1/99'",
    );
    let there = printed(&director, "-Lnc --netns blue");
    assert_eq!(there.lines().count(), 3, "{there}");
    assert!(there.contains("127.0.0.1:99 "), "{there}");
    for line in ["-Lnc", "-Lnc --netns 7"] {
        let elsewhere = printed(&director, line);
        assert_eq!(elsewhere.lines().count(), 2, "{line}: {elsewhere}");
    }
}

#[test]
fn two_processes_are_in_two_of_them_at_once() {
    let director = director();
    // Each has begun before the other ends.
    shell(
        &director,
        "feed() {
             echo \"-A -f $1 -s rr\"; touch $2
             until [[ -e $3 ]]; do :; done
             echo \"-A -f 1$1 -s rr\"
         }
         cd $(mktemp -d)
         feed 1 one two | ipvsadm -R --netns blue & first=$!
         feed 2 two one | ipvsadm -R --netns red
         wait $first",
    );
    for (name, mark) in [("blue", 1), ("red", 2)] {
        assert_eq!(
            printed(&director, &format!("-Sn --netns {name}")),
            format!("-A -f {mark} -s rr\n-A -f 1{mark} -s rr\n")
        );
    }
}

#[test]
fn host_names_are_looked_up_as_there() {
    let director = director();
    shell(
        &director,
        // The folder is every test's, so the name is this one's.
        "ip netns add vips
         mkdir -p /etc/netns/vips/folder
         echo 192.0.2.77 vip.inside >/etc/netns/vips/hosts
         echo 'for somebody else' >/etc/netns/vips/no-such-file-in-etc",
    );
    printed(&director, "-A -t vip.inside:80 -s rr --netns vips");
    assert_eq!(
        printed(&director, "-Sn --netns vips"),
        "-A -t 192.0.2.77:80 -s rr\n"
    );
    assert!(printed(&director, "-L --netns vips").contains("TCP  vip.inside:"));
    // Elsewhere, nobody has heard of it.
    for line in [
        "-A -t vip.inside:80 -s rr",
        "-A -t vip.inside:80 -s rr --netns red",
    ] {
        let outcome = ours(&director, line);
        assert_eq!(
            outcome.stderr_text(),
            "illegal virtual server address[:port] specified\n",
            "{line}"
        );
    }
    // What the program has mounted is gone with it.
    assert!(!shell(&director, "cat /etc/hosts").contains("vip.inside"));
}

#[test]
fn what_is_none_is_told_in_one_line() {
    let director = director();
    shell(
        &director,
        "touch /run/netns/stale
         mkfifo /run/netns/pipe",
    );
    const CANNOT: &str = "cannot enter the network namespace";
    const NONE: &str = "it is no network namespace; lsns -t net shows those that are";
    const MISSING: &str = "No such file or directory";
    for (word, told) in [
        (
            "green",
            format!("/run/netns/green: {MISSING}; ip netns shows the names there are"),
        ),
        (
            "/no/such/place",
            format!("/no/such/place: {MISSING}; lsns -t net shows the namespaces there are"),
        ),
        (
            "99999999",
            format!(
                "/proc/99999999/ns/net: {MISSING}; \
                 there is neither a name nor a process of this number"
            ),
        ),
        ("stale", format!("/run/netns/stale: {NONE}")),
        ("pipe", format!("/run/netns/pipe: {NONE}")),
        ("/etc/hosts", format!("/etc/hosts: {NONE}")),
        ("/proc/self/ns/mnt", format!("/proc/self/ns/mnt: {NONE}")),
        (SCRATCH, format!("{SCRATCH}: {NONE}")),
    ] {
        for line in ["-Ln", "-C", "-A -f 1"] {
            let outcome = ours(&director, &format!("{line} --netns {word}"));
            assert_eq!(
                (outcome.ending, outcome.stderr_text()),
                (Ending::Status(2), format!("{CANNOT} {told}\n")),
                "{line} --netns {word}"
            );
        }
    }
    assert_eq!(printed(&director, "-Sn"), "");
}

#[test]
fn who_is_not_root_is_told_so() {
    let director = director();
    let told = shell(
        &director,
        &format!(
            "cp '{}' {SCRATCH}/anyone
             anyone() {{
                 setpriv --reuid 65534 --clear-groups {SCRATCH}/anyone \"$@\" 2>&1 || echo $?
             }}
             anyone -Ln --netns blue
             anyone -Ln --netns 1
             anyone -h --netns blue | head -1",
            env!("CARGO_BIN_EXE_ipvsadm")
        ),
    );
    assert_eq!(
        told,
        "cannot enter the network namespace /run/netns/blue: \
         Operation not permitted (you must be root)\n2\n\
         cannot enter the network namespace /proc/1/ns/net: \
         Permission denied (you must be root)\n2\n\
         Usage: ipvsadm COMMAND [OPTION]...\n"
    );
}

#[test]
fn a_line_of_rules_cannot_have_it() {
    let director = director();
    let rules = "-A -f 1 -s rr\n-A -f 2 -s rr --netns blue\n-A -f 3 -s rr\n";
    let told = "line 2: Illegal 'netns' option in a line of rules: -A -f 2 -s rr --netns blue\n";
    let outcome = director.run(&Program::ours(), &Invocation::restore(rules));
    assert_eq!(
        (outcome.ending, outcome.stderr_text().as_str()),
        (Ending::Status(2), told)
    );
    // What comes before it has been done, as with other faults.
    assert_eq!(printed(&director, "-Sn"), "-A -f 1 -s rr\n");
    let outcome = helper(&director, "ipvsadm-restore", &[], rules);
    assert_eq!(
        (outcome.ending, outcome.stderr_text().as_str()),
        (Ending::Status(2), told)
    );
    assert_eq!(printed(&director, "-Sn"), "-A -f 1 -s rr\n");
    assert_eq!(printed(&director, "-Sn --netns blue"), "");
}

#[test]
fn shells_are_offered_the_names_and_what_is_there() {
    let director = director();
    printed(&director, "-A -t 192.0.2.1:80 -s rr --netns blue");
    let offered = |words: &[&str], name: &str| -> Vec<String> {
        let mut command = Program::ours().command(name.as_ref());
        command.env("IPVSADM_COMPLETE", "1").arg("--").args(words);
        let outcome = director.output(command);
        let answer = outcome.stdout_text();
        let words = answer.lines().map(|line| line.split('\t').next().unwrap());
        words.map(str::to_owned).collect()
    };
    let names = ["7", "blue", "red"];
    assert_eq!(offered(&["-L", "--netns", ""], "ipvsadm"), names);
    assert_eq!(offered(&["--netns", ""], "ipvsadm-save"), names);
    assert_eq!(offered(&["--netns", ""], "ipvsadm-restore"), names);
    assert_eq!(
        offered(&["-L", "--netns="], "ipvsadm"),
        names.map(|name| format!("--netns={name}"))
    );
    for (name, services) in [
        ("blue", &["192.0.2.1:80"][..]),
        ("red", &[]),
        ("green", &[]),
    ] {
        assert_eq!(
            offered(&["--netns", name, "-D", "-t", ""], "ipvsadm"),
            services,
            "{name}"
        );
    }
}

/// Docker keeps the namespaces of its networks where `ip netns` does not look; a name of `ip netns`
/// comes first.
#[test]
fn names_of_docker_are_found() {
    let director = director();
    shell(
        &director,
        "mkdir -p /run/docker/netns && mount -t tmpfs names /run/docker/netns
         for name in ingress_sbox 123456789012 red; do
             touch /run/docker/netns/$name
             unshare --net=/run/docker/netns/$name true
         done",
    );
    for (name, mark) in [("ingress_sbox", 4), ("123456789012", 5), ("red", 6)] {
        printed(&director, &format!("-A -f {mark} -s rr --netns {name}"));
        let path = match name {
            "red" => "/run/netns/red".to_owned(),
            _ => format!("/run/docker/netns/{name}"),
        };
        let there = printed(&director, &format!("-Sn --netns {path}"));
        assert_eq!(there, format!("-A -f {mark} -s rr\n"), "{name}");
    }
    let mut command = Program::ours().command("ipvsadm".as_ref());
    command.env("IPVSADM_COMPLETE", "1");
    command.args(["--", "--netns", "ing"]);
    assert_eq!(director.output(command).stdout_text(), "ingress_sbox\t\n");
}

#[test]
fn nothing_but_a_namespace_is_opened() {
    let director = director();
    // Whoever opens the pipe to read it lets its writer go on.
    let script = format!(
        "cd {SCRATCH} && mkfifo pipe && mknod device c 1 8 && ln -s pipe link
         {{ : >pipe; : >opened; }} &
         for path in ./pipe ./link ./device /dev/tty . /proc/self/ns/mnt; do
             ! ipvsadm -L --netns $path 2>&1 || exit 9
             sleep 0.1
         done
         [ ! -e opened ] || echo the pipe was opened
         : <pipe
         wait"
    );
    let text = shell(&director, &script);
    for line in text.lines() {
        let is_told =
            line.ends_with(": it is no network namespace; lsns -t net shows those that are");
        assert!(
            line.starts_with("cannot enter the network namespace") && is_told,
            "{text}"
        );
    }
    assert_eq!(text.lines().count(), 6, "{text}");
}
