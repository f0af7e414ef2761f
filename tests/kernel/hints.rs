//! Hints: a person at a terminal reads them after a fault, and nobody else does.

use std::process::Command;

use crate::support::{Invocation, Namespace, Program, mount_memory};

/// Types `line` behind `ipvsadm` at a terminal of its own, as wide as any hint, and gives what that
/// shows.
fn type_at_terminal(namespace: &Namespace, line: &str) -> String {
    type_at_terminal_of_width(namespace, 999, line)
}

fn type_at_terminal_of_width(namespace: &Namespace, width: usize, line: &str) -> String {
    namespace.at_terminal(
        width,
        &format!("'{}' {line}", env!("CARGO_BIN_EXE_ipvsadm")),
    )
}

/// Returns a table with something to mistake.
fn table() -> Namespace {
    let namespace = Namespace::new();
    let rules = "-A -t 192.0.2.1:80 -s rr\n\
                 -a -t 192.0.2.1:80 -r 192.0.2.10:8080 -m\n\
                 -a -t 192.0.2.1:80 -r 192.0.2.11 -i\n\
                 -a -t 192.0.2.1:80 -r 192.0.2.12 -m\n\
                 -a -t 192.0.2.1:80 -r 192.0.2.13 -i --tun-type gue --tun-port 5555\n\
                 -A -f 3\n";
    let outcome = namespace.run(&Program::ours(), &Invocation::restore(rules));
    assert!(outcome.stderr.is_empty(), "{outcome}");
    namespace
}

/// Holds a line that is refused to its fault, which a hint follows at a terminal only.
fn assert_hint(namespace: &Namespace, line: &str, fault: &str, hint: &str) {
    let shown = type_at_terminal(namespace, line);
    assert_eq!(shown, format!("{fault}\nhint: {hint}\n"), "ipvsadm {line}");
    let outcome = namespace.run(&Program::ours(), &Invocation::line(line));
    assert_eq!(
        outcome.stderr_text(),
        format!("{fault}\n"),
        "ipvsadm {line}, in a script"
    );
}

#[test]
fn a_fault_at_a_terminal_is_followed_by_what_helps() {
    let namespace = table();
    for (line, fault, hint) in [
        (
            "-a -t 192.0.2.1 -r 192.0.2.20 -m",
            "Service not defined",
            "there is -t 192.0.2.1:80",
        ),
        (
            "-D -u 192.0.2.1:80",
            "No such service",
            "there is -t 192.0.2.1:80",
        ),
        (
            "-L -t 192.0.2.1:81",
            "No such service",
            "there is -t 192.0.2.1:80",
        ),
        ("-D -f 3 -6", "No such service", "there is -f 3"),
        (
            "-A -t 192.0.2.1:80",
            "Service already exists",
            "-E changes it; with --exist, -A does, too",
        ),
        (
            "-a -t 192.0.2.1:80 -r 192.0.2.11 -i",
            "Destination already exists",
            "-e changes it; with --exist, -a does, too",
        ),
        (
            "-e -t 192.0.2.1:80 -r 192.0.2.10 -w 0",
            "No such destination",
            "there is 192.0.2.10:8080 -m",
        ),
        (
            "-A -t 192.0.2.2:80 -s rr --pe sips",
            "Scheduler or persistence engine not found",
            "the module ip_vs_pe_sips is not loaded; modprobe ip_vs_pe_sips loads it, or says why not",
        ),
        (
            "-A -t 2001:db8::1:80",
            "Zero port specified for non-persistent service",
            "did you mean [2001:db8::1]:80? Port 0, every port, takes -p",
        ),
        (
            "-A -t [2001:db8::1]",
            "illegal virtual server address[:port] specified",
            "an address in brackets takes a port: [ADDRESS]:PORT",
        ),
        (
            "-A -t localhost:no-such-port",
            "illegal virtual server address[:port] specified",
            "'no-such-port' is not a port from 0 to 65535 nor the name of one for TCP",
        ),
        (
            "-A -t 192.0.2.1",
            "Zero port specified for non-persistent service",
            "a port is missing: 192.0.2.1:PORT; port 0, every port, takes -p",
        ),
        (
            "-a -t 192.0.2.1:80 -r 192.0.2.20 -m -x 5 -y 10",
            "Numerical result out of range",
            "-y cannot be more than -x",
        ),
        (
            "-e -t 192.0.2.1:80 -r 192.0.2.10:8080 -y 10 -x 5 --keep",
            "Numerical result out of range",
            "-y cannot be more than -x",
        ),
        (
            "-L --stat",
            "--stat: unknown option",
            "did you mean --stats?",
        ),
        (
            "-A -f 7 --shceduler rr",
            "--shceduler: unknown option",
            "did you mean --scheduler?",
        ),
        (
            "--start-daemon master",
            "No such device",
            "there is no interface eth0; --mcast-interface names another",
        ),
    ] {
        assert_hint(&namespace, line, fault, hint);
    }
}

#[test]
fn a_scheduler_that_this_kernel_has_not_got_is_answered_with_those_that_it_has() {
    let namespace = table();
    let mut schedulers = "rr wrr lc wlc lblc lblcr dh sh sed nq fo ovf mh".to_owned();
    // The only one of which Debian's kernels differ.
    let has_twos = Command::new("modprobe")
        .args(["--quiet", "--show-depends", "ip_vs_twos"])
        .output()
        .expect("modprobe (package kmod)")
        .status
        .success();
    if has_twos {
        schedulers += " twos";
    }
    let missing = if has_twos { "round-robin" } else { "twos" };
    let shown = type_at_terminal(&namespace, &format!("-A -t 192.0.2.2:80 -s {missing}"));
    let fault = "Scheduler or persistence engine not found";
    let hint = format!("the kernel's schedulers are {schedulers}");
    assert_eq!(shown, format!("{fault}\nhint: {hint}\n"));
    // The hint is true.
    for scheduler in schedulers.split(' ') {
        let rule = format!("-A -t 192.0.2.3:80 -s {scheduler}\n");
        namespace.run(&Program::ours(), &Invocation::restore(&*rule));
        let saved = namespace.run(&Program::ours(), &Invocation::line("-Sn"));
        assert!(saved.stdout_text().contains(&rule), "{scheduler}: {saved}");
        namespace.run(&Program::ours(), &Invocation::line("-D -t 192.0.2.3:80"));
    }

    // In a container the modules' folder is often empty, so that nobody knows.
    namespace.enter(|| mount_memory("/lib/modules"));
    let shown = type_at_terminal(&namespace, "-A -t 192.0.2.2:80 -s round-robin");
    let module = "ip_vs_round-robin";
    let hint =
        format!("the module {module} is not loaded; modprobe {module} loads it, or says why not");
    assert_eq!(shown, format!("{fault}\nhint: {hint}\n"));
}

#[test]
fn a_server_that_lost_its_forwarding_method_is_told_of() {
    let namespace = table();
    for (line, shown) in [
        ("-e -t 192.0.2.1:80 -r 192.0.2.12 -w 0 -m", ""),
        (
            "-e -t 192.0.2.1:80 -r 192.0.2.12 -w 0",
            "hint: the server was masqueraded and is now directly routed; -m or --keep keeps it as it was\n",
        ),
        ("-e -t 192.0.2.1:80 -r 192.0.2.12 -w 0", ""),
        (
            "-e -t 192.0.2.1:80 -r 192.0.2.11 -w 0",
            "hint: the server was tunnelled and is now directly routed; -i or --keep keeps it as it was\n",
        ),
        ("-e -t 192.0.2.1:80 -r 192.0.2.11 -w 0 -i", ""),
        ("-e -t 192.0.2.1:80 -r 192.0.2.11 -w 0 -g", ""),
        (
            "-e -t 192.0.2.1:80 -r 192.0.2.13 -w 0 -i",
            "hint: the server's tunnel is of type ipip now; \
             -i --tun-type gue --tun-port 5555 --tun-nocsum or --keep keeps it as it was\n",
        ),
        (
            "-e -t 192.0.2.1:80 -r 192.0.2.13 -w 0 -i --tun-type ipip",
            "",
        ),
        (
            "-e -t 192.0.2.1:80 -r 192.0.2.13 -w 0 -i --tun-type gre --tun-csum",
            "",
        ),
        (
            "-e -t 192.0.2.1:80 -r 192.0.2.13 -w 0",
            "hint: the server was tunnelled and is now directly routed; \
             -i --tun-type gre --tun-csum or --keep keeps it as it was\n",
        ),
    ] {
        assert_eq!(type_at_terminal(&namespace, line), shown, "ipvsadm {line}");
    }
}

#[test]
fn whatever_else_an_edit_takes_away_is_told_of() {
    let namespace = Namespace::new();
    let rules = "-A -t 192.0.2.1:80 -s sh -b sh-port -p 300 -M 255.255.255.0\n\
                 -a -t 192.0.2.1:80 -r 192.0.2.10:80 -m -w 3 -x 200 -y 100\n\
                 -A -u 192.0.2.1:53 -s rr -o\n\
                 -A -u 192.0.2.1:5060 -s rr -p 60 --pe sip\n";
    let outcome = namespace.run(&Program::ours(), &Invocation::restore(rules));
    assert!(outcome.stderr.is_empty(), "{outcome}");
    for (line, shown) in [
        (
            "-e -t 192.0.2.1:80 -r 192.0.2.10 -m -x 200 -y 100",
            "hint: its weight was 3 and is now 1; -w 3 or --keep keeps it as it was\n",
        ),
        (
            "-e -t 192.0.2.1:80 -r 192.0.2.10 -m -w 1",
            "hint: its upper threshold was 200 and is now 0, \
             its lower threshold was 100 and is now 0; -x 200 -y 100 or --keep keep them as they were\n",
        ),
        ("-e -t 192.0.2.1:80 -r 192.0.2.10 -m -w 1", ""),
        (
            "-E -t 192.0.2.1:80 -s sh -p 300",
            "hint: its flags sh-port are gone, its mask 255.255.255.0 is gone; \
             -b sh-port -M 255.255.255.0 or --keep keep them as they were\n",
        ),
        (
            "-E -t 192.0.2.1:80 -p 60",
            "hint: the scheduler was sh and is now wlc; -s sh or --keep keeps it as it was\n",
        ),
        (
            "-E -t 192.0.2.1:80 -s wrr",
            "hint: its persistence of 60 seconds is gone; -p 60 or --keep keeps it as it was\n",
        ),
        ("-E -t 192.0.2.1:80 -s rr", ""),
        (
            "-E -u 192.0.2.1:53 -s wrr",
            "hint: it no longer schedules each packet by itself; -o or --keep keeps it as it was\n",
        ),
        (
            "-E -u 192.0.2.1:5060 -s rr -p 60",
            "hint: its persistence engine sip is gone; --pe sip or --keep keeps it as it was\n",
        ),
        (
            "-a -t 192.0.2.1:80 -r 192.0.2.11:8080",
            "hint: the real server's port is the service's, 80; 8080 takes -m\n",
        ),
        ("-a -t 192.0.2.1:80 -r 192.0.2.12:80", ""),
        (
            "-A -t 192.0.2.2:80 -p -M 24",
            "hint: -M 24 is the mask 0.0.0.24; the prefix length 24 is -M 255.255.255.0\n",
        ),
    ] {
        assert_eq!(type_at_terminal(&namespace, line), shown, "ipvsadm {line}");
    }
}

#[test]
fn a_hint_leads_to_what_was_looked_for_or_is_not_given() {
    let namespace = table();
    let json = "--json lists it for programs, --table for people";
    for (line, hint) in [
        ("-L --http", None),
        ("-L --verbose", None),
        ("-L --xml", Some(json)),
        ("-L --format=json", Some(json)),
        ("-L --output json", Some(json)),
        ("-L -o json", Some(json)),
        ("-lnc --timeout", None),
        ("-ln --stale", Some("that goes with -c")),
        ("-ln -r 10.0.0.10", Some("that goes with -c")),
        ("-ln -w 3", None),
        ("-L -c --stats", Some("--stats does not go with -c")),
        ("-d -r 192.0.2.12 --drain -w 0", None),
        (
            "-e -r 192.0.2.12 --drain -w 0",
            Some("--drain sets the weight to 0 and leaves the rest as it is"),
        ),
        (
            "-A -t 192.0.2.2:80 -s sh -b fallback",
            Some("the flags of sh are sh-fallback sh-port"),
        ),
        (
            "-A -t 192.0.2.2:80 -b sh-port",
            Some("the flags of wlc are flag-1 flag-2 flag-3"),
        ),
        (
            "-A -t 192.0.2.2:80 -p -M /24",
            Some("a mask is written in full, like -M 255.255.255.0"),
        ),
    ] {
        let shown = type_at_terminal(&namespace, line);
        let given = shown.lines().find_map(|line| line.strip_prefix("hint: "));
        assert_eq!(given, hint, "ipvsadm {line}: {shown}");
    }
}

#[test]
fn a_hint_is_broken_between_words_and_commands_stay_whole() {
    let namespace = table();
    let line = "-e -t 192.0.2.1:80 -r 192.0.2.13 -w 3 -g";
    assert_eq!(type_at_terminal(&namespace, line), "");
    let again = "-e -t 192.0.2.1:80 -r 192.0.2.13 -w 3 -i --tun-type gue --tun-port 5555";
    let line = "-e -t 192.0.2.1:80 -r 192.0.2.13";
    for (width, shown) in [
        (
            80,
            "hint: the server was tunnelled and is now directly routed, its weight was 3 and\n      \
             is now 1; -i --tun-type gue --tun-port 5555 --tun-nocsum -w 3 or --keep\n      \
             keep them as they were\n",
        ),
        (
            40,
            "hint: the server was tunnelled and is\n      now directly routed, its weight\n      \
             was 3 and is now 1;\n      \
             -i --tun-type gue --tun-port 5555 --tun-nocsum -w 3\n      \
             or --keep keep them as they were\n",
        ),
        (
            0, // as a serial line, which does not know its own
            "hint: the server was tunnelled and is now directly routed, its weight was 3 and\n      \
             is now 1; -i --tun-type gue --tun-port 5555 --tun-nocsum -w 3 or --keep\n      \
             keep them as they were\n",
        ),
    ] {
        assert_eq!(type_at_terminal(&namespace, again), "");
        assert_eq!(type_at_terminal_of_width(&namespace, width, line), shown);
    }
}

#[test]
fn words_that_others_use_are_understood_or_explained() {
    let namespace = table();
    let outcome = namespace.run(&Program::ours(), &Invocation::line("-A -f 256 -6"));
    assert!(outcome.stderr.is_empty(), "{outcome}");
    let states = "the states are ESTABLISHED SYN_SENT SYN_RECV FIN_WAIT TIME_WAIT CLOSE CLOSE_WAIT \
                  LAST_ACK LISTEN SYNACK UDP INIT1 INIT C-SENT C-REPLIED C-WAIT COOKIE C-ECHOED \
                  S-SENT S-RECEIVED S-ACK-SENT REJECTED CLOSED NONE ASSURED ERR!";
    for (line, fault, hint) in [
        (
            "-a -f 0x3 -r 192.0.2.20",
            "invalid fwmark value `0x3' specified",
            "0x3 is 3: there is -f 3",
        ),
        (
            "-L -f 0x100",
            "invalid fwmark value `0x100' specified",
            "0x100 is 256: there is -f 256 -6",
        ),
        (
            "-A -f 0X1f",
            "invalid fwmark value `0X1f' specified",
            "0X1f is 31: -f 31",
        ),
        (
            "-A -f 0x0",
            "invalid fwmark value `0x0' specified",
            "a mark is a number from 1 to 4294967295",
        ),
        (
            "-A -f web",
            "invalid fwmark value `web' specified",
            "a mark is a number from 1 to 4294967295",
        ),
        (
            "-L -c --state timewait",
            "invalid connection state `timewait'",
            states,
        ),
        (
            "-A 192.0.2.9:80 -s rr",
            "unexpected argument 192.0.2.9:80",
            "an address takes -t for TCP, -u for UDP: -t 192.0.2.9:80",
        ),
        (
            "-L [2001:db8::1]:443",
            "unexpected argument [2001:db8::1]:443",
            "an address takes -t for TCP, -u for UDP: -t [2001:db8::1]:443",
        ),
        (
            "-a -t 192.0.2.1:80 192.0.2.20 -m",
            "unexpected argument 192.0.2.20",
            "a real server takes -r: -r 192.0.2.20",
        ),
        (
            "-d -r 192.0.2.12 192.0.2.1:http",
            "unexpected argument 192.0.2.1:http",
            "an address takes -t for TCP, -u for UDP: -t 192.0.2.1:http",
        ),
    ] {
        assert_hint(&namespace, line, fault, hint);
    }
    for line in ["-C web", "-L -c x:y:z"] {
        let shown = type_at_terminal(&namespace, line);
        assert!(!shown.contains("hint"), "ipvsadm {line}: {shown}");
    }
    // ss(8) has these; both spellings are one state.
    for state in ["time-wait", "TIME_WAIT,close-wait", "syn_recv", "c_sent"] {
        let line = format!("-L -n -c --state {state}");
        let outcome = namespace.run(&Program::ours(), &Invocation::line(&line));
        assert!(outcome.stderr.is_empty(), "ipvsadm {line}: {outcome}");
    }
}

#[test]
fn options_of_persistence_without_it_are_told_of() {
    let namespace = table();
    let mask = "hint: -M has no effect without -p\n";
    let engine = "hint: --pe has no effect without -p\n";
    // First, the module that the engine needs; a hint about that is another's business.
    let loaded = Command::new("modprobe")
        .arg("ip_vs_pe_sip")
        .status()
        .unwrap();
    assert!(loaded.success());
    for (line, shown) in [
        ("-A -t 192.0.2.1:81 -s rr -M 255.255.255.0", mask),
        ("-A -t 192.0.2.1:82 -s rr -M 255.255.255.0 -p", ""),
        ("-A -u 192.0.2.1:5060 -s rr --pe sip", engine),
        ("-A -u 192.0.2.1:5061 -s rr --pe sip -p", ""),
        ("-E -t 192.0.2.1:81 -s rr -M 255.255.0.0", mask),
        ("-E -t 192.0.2.1:81 -M 255.255.255.0 --keep", mask),
        ("-E -t 192.0.2.1:82 -M 255.255.0.0 --keep", ""),
        ("-E -t 192.0.2.1:82 -s wrr --keep", ""),
        ("-A -t 192.0.2.1:83 -M 255.255.255.0 --exist", mask),
        ("-A -t 192.0.2.1:84 -M 255.255.255.0 --exist --keep", mask),
    ] {
        let shown_there = type_at_terminal(&namespace, line);
        // That the address is not here is told of new services where nothing else is.
        let hint = shown_there.lines().find(|line| line.contains("no effect"));
        let hint = hint.map(|hint| format!("{hint}\n")).unwrap_or_default();
        assert_eq!(hint, shown, "ipvsadm {line}: {shown_there}");
    }
}

/// Kernels from 6.11 on heed who is root there.
#[test]
fn root_of_a_user_namespace_is_told_that_it_is_not_root_for_ipvs() {
    let namespace = Namespace::new();
    let line = format!("stty columns 999; {} -L", env!("CARGO_BIN_EXE_ipvsadm"));
    let mut command = Command::new("unshare");
    command.args(["--user", "--map-root-user", "--net", "script", "--quiet"]);
    command.args(["--command", &line, "/dev/null"]);
    let shown = namespace.output(command).stdout_text().replace('\r', "");
    if !shown.starts_with("IP Virtual Server version") {
        assert_eq!(
            shown,
            "Can't initialize ipvs: Permission denied (you must be root)\n\
             Are you sure that IP Virtual Server is built in the kernel or as module?\n\
             hint: root of a user namespace is not root for IPVS; on the host, \
             ipvsadm --netns PID works in the network namespace of the process PID\n"
        );
    }
    let mut command = Command::new("setpriv");
    command.args([
        "--bounding-set",
        "-net_admin",
        "--inh-caps",
        "-net_admin",
        "script",
    ]);
    command.args(["--quiet", "--command", &line, "/dev/null"]);
    let shown = namespace.output(command).stdout_text().replace('\r', "");
    let hint = "\nhint: this root lacks the capability CAP_NET_ADMIN\n";
    assert!(shown.ends_with(hint), "{shown}");
}

#[test]
fn a_line_that_was_written_for_a_shell_or_a_person_is_known() {
    let namespace = table();
    for (line, hint) in [
        (
            "IP Virtual Server version 1.2.1 (size=4096)",
            "this is a listing",
        ),
        (
            "-A -t 192.0.2.9:80 # the web",
            "a remark takes a line of its own",
        ),
        (
            "sudo ipvsadm -A -t 192.0.2.9:80",
            "a rule is what stands behind ipvsadm",
        ),
        ("-A -t \\\"192.0.2.9:80\\\"", "no shell reads this"),
    ] {
        for name in ["ipvsadm -R", "ipvsadm-restore"] {
            let ours = env!("CARGO_BIN_EXE_ipvsadm");
            let (argv0, words) = name.split_once(' ').unwrap_or((name, ""));
            let script = format!("echo \"{line}\" | (exec -a {argv0} {ours} {words})");
            let mut command = Command::new("script");
            command.args(["--quiet", "--command", &script, "/dev/null"]);
            // exec -a is bash's.
            command.env("SHELL", "/bin/bash");
            let shown = namespace.output(command).stdout_text().replace('\r', "");
            assert!(
                shown.contains(&format!("\nhint: {hint}")),
                "{name}: {line}: {shown}"
            );
        }
    }
}

#[test]
fn a_loopback_interface_that_is_down_is_found_out() {
    // The namespaces of the tests have lo up already, and what was up once counts on.
    let ipvsadm = concat!("'", env!("CARGO_BIN_EXE_ipvsadm"), "'");
    let line =
        format!("{ipvsadm} -A -t 192.0.2.1:80; {ipvsadm} -a -t 192.0.2.1:80 -r 192.0.2.30 -m");
    let mut command = Command::new("unshare");
    command.args([
        "--net",
        "script",
        "--quiet",
        "--command",
        &line,
        "/dev/null",
    ]);
    assert_eq!(
        Namespace::new()
            .output(command)
            .stdout_text()
            .replace('\r', ""),
        "Invalid operation.  Possibly wrong module version, address not unicast, ...\n\
         hint: lo is down here, so no address counts as unicast: ip link set lo up\n"
    );
}

#[test]
fn who_is_not_root_is_told_so() {
    let namespace = table();
    // Where the program was built, another user may not be let in.
    let program = std::env::temp_dir().join("ipvsadm-for-anyone");
    std::fs::copy(env!("CARGO_BIN_EXE_ipvsadm"), &program).unwrap();
    let line = format!("{} -L", program.display());
    let mut command = Command::new("setpriv");
    command.args([
        "--reuid",
        "65534",
        "--clear-groups",
        "script",
        "--quiet",
        "--command",
        &line,
    ]);
    command.arg("/dev/null");
    assert_eq!(
        namespace.output(command).stdout_text().replace('\r', ""),
        "Can't initialize ipvs: Permission denied (you must be root)\n\
         Are you sure that IP Virtual Server is built in the kernel or as module?\n\
         hint: it takes root, for example sudo ipvsadm ...\n"
    );
}

#[test]
fn what_is_new_and_lacks_something_is_told_of() {
    let namespace = Namespace::new();
    namespace.ip_batch(
        "link add inner type veth peer name inner-peer
         address add 10.97.0.1/24 dev inner
         link set inner up
         link set inner-peer up
         route add 10.96.0.0/24 via 10.97.0.99",
    );
    let set = |value: &'static str| {
        let write = move || std::fs::write("/proc/sys/net/ipv4/ip_forward", value).unwrap();
        namespace.enter(write);
    };
    let said = |line: &str| type_at_terminal(&namespace, line);
    set("0");
    assert_eq!(
        said("-A -t 10.97.0.50:80 -s rr"),
        "hint: the director does not have 10.97.0.50, which is right as long as another one has it: \
         --probe asks who does; ip address add 10.97.0.50/32 dev inner\n"
    );
    assert_eq!(said("-A -t 10.97.0.1:80 -s rr"), "");
    assert_eq!(said("-a -t 10.97.0.1:80 -r 10.97.0.10 -g"), "");
    assert_eq!(
        said("-a -t 10.97.0.1:80 -r 10.97.0.11 -m"),
        "hint: the director does not forward what comes in by inner, so the answers of its \
         masqueraded servers are dropped there: of 10.97.0.11; sysctl -w net.ipv4.ip_forward=1\n"
    );
    set("1");
    assert_eq!(said("-a -t 10.97.0.1:80 -r 10.97.0.12 -m"), "");
    let behind_a_router = said("-a -t 10.97.0.1:80 -r 10.96.0.9 -g");
    assert!(
        behind_a_router.starts_with("hint: 10.96.0.9 is behind the router 10.97.0.99, ")
            && behind_a_router.ends_with(
                "; ipvsadm -e -t 10.97.0.1:80 -r 10.96.0.9:80 -i -w 1 --tun-type ipip\n"
            ),
        "{behind_a_router}"
    );
    // What is wrong with a server does not follow one that is right.
    assert_eq!(said("-a -t 10.97.0.1:80 -r 10.97.0.13 -g"), "");
    assert_eq!(said("-A -u 10.97.0.1:53 -s rr -o"), "");
    let one_packet = said("-a -u 10.97.0.1:53 -r 10.97.0.10 -m");
    assert!(
        one_packet.starts_with("hint: with one-packet scheduling "),
        "{one_packet}"
    );

    // Scripts see nothing of it.
    let outcome = namespace.run(&Program::ours(), &Invocation::line("-A -t 10.97.0.51:80"));
    assert!(
        outcome.stderr.is_empty() && outcome.stdout.is_empty(),
        "{outcome}"
    );
}
