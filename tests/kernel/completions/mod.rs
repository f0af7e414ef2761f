//! The completions in `completions/`, tried in the real shells on a real table.
//!
//! The options offered after a command are held to the program's own table, [`OPTIONS`]; the values
//! are held to cases written by hand, the same for each shell.

mod terminal;

use std::collections::BTreeSet;

use crate::support::{Ending, Invocation, Namespace, Program};
use ipvsadm::options::{Argument, Command, Meaning, OPTIONS, OptionSpec, Owner};
use nix::mount::{MsFlags, mount};
use terminal::{Seen, Shell, Terminal};

/// The table that the shells find.
const RULES: &str = "\
    -A -t 192.0.2.1:80 -s rr -p 360\n\
    -a -t 192.0.2.1:80 -r 10.0.0.10:80 -m -w 3\n\
    -a -t 192.0.2.1:80 -r 10.0.0.11:80 -m -w 2\n\
    -A -t 192.0.2.1:443 -s wlc\n\
    -a -t 192.0.2.1:443 -r 10.0.0.12:443 -g\n\
    -A -t [2001:db8::1]:80 -s wrr\n\
    -a -t [2001:db8::1]:80 -r [2001:db8::10]:80 -m\n\
    -A -u 192.0.2.53:53 -s rr -o\n\
    -A --sctp-service 192.0.2.1:5672 -s rr\n\
    -A -f 7 -s sh -b sh-port\n\
    -a -f 7 -r 10.0.0.20:0 -g\n\
    -A -f 8 -6 -s rr\n";

/// The expectation after TAB.
enum Expected {
    /// The line is completed to this.
    Line(&'static str),
    /// The line is completed to this, and a host name may go on: what the shell writes after it
    /// varies.
    Host(&'static str),
    /// These are offered.
    Offers(&'static [&'static str]),
    /// The line stays as it is, and nothing is offered.
    Nothing,
}
use Expected::{Host, Line, Nothing, Offers};

/// Each line as it is typed behind `ipvsadm `, with the expectation.
const CASES: &[(&str, Expected)] = &[
    // Commands.
    ("--st", Offers(&["--start-daemon", "--stop-daemon"])),
    ("--add-serv", Offers(&["--add-server", "--add-service"])),
    ("--add-servi", Line("--add-service ")),
    ("-n --li", Line("-n --list ")),
    ("-n --sa", Line("-n --save ")),
    ("-n --add", Nothing),
    // Words that list without -L.
    ("--tab", Line("--table ")),
    ("-n --tab", Line("-n --table ")),
    ("--table --ti", Line("--table --timeout ")),
    ("--json --sta", Line("--json --stats ")),
    ("--json --di", Line("--json --diagnose ")),
    ("--table --clie", Nothing),
    ("--table -c --clie", Line("--table -c --client ")),
    (
        "--table -c --state est",
        Line("--table -c --state established "),
    ),
    ("--table --we", Nothing),
    ("--table --color n", Line("--table --color never ")),
    (
        "--table --color=a",
        Offers(&["--color=always", "--color=auto"]),
    ),
    (
        "--table --color never --ti",
        Line("--table --color never --timeout "),
    ),
    ("--table --color --ti", Line("--table --color --timeout ")),
    ("--table -t 192.0.2.1:4", Line("--table -t 192.0.2.1:443 ")),
    ("-R ", Line("-R --netns ")),
    ("-C ", Line("-C --netns ")),
    ("-C -", Line("-C --netns ")),
    ("-h ", Nothing),
    ("--set 90", Nothing),
    ("--set ", Line("--set --netns ")),
    ("-q", Nothing),
    ("-A -c", Nothing),
    ("-A -t 192.0.2.1:80 --tcp", Nothing),
    // Safe and gradual changes.
    ("-e -t 192.0.2.1:80 --k", Line("-e -t 192.0.2.1:80 --keep ")),
    ("-D --e", Line("-D --exist ")),
    ("-A --k", Nothing),
    ("-d --dr", Line("-d --drain ")),
    ("-D --dr", Line("-D --drain ")),
    ("-e --drain --we", Nothing),
    ("-a --ra", Line("-a --ramp ")),
    ("-d --ra", Nothing),
    (
        "-e --ramp 60 -r 10.0.0.2",
        Line("-e --ramp 60 -r 10.0.0.20 "),
    ),
    (
        "-d --drain 60 -r ",
        Offers(&[
            "10.0.0.10",
            "10.0.0.11",
            "10.0.0.12",
            "10.0.0.20",
            "2001:db8::10",
        ]),
    ),
    ("-e --drain -r 10.0.0.2", Line("-e --drain -r 10.0.0.20 ")),
    // Schedulers and their flags, apart, glued and joined.
    (
        "-A -s ",
        Offers(&[
            "rr", "wrr", "lc", "wlc", "lblc", "lblcr", "dh", "sh", "sed", "nq", "fo", "ovf", "mh",
            "twos",
        ]),
    ),
    ("-A -s wl", Line("-A -s wlc ")),
    ("-A -s tw", Line("-A -s twos ")),
    ("-A --scheduler=o", Line("-A --scheduler=ovf ")),
    (
        "-A --scheduler=lb",
        Offers(&["--scheduler=lblc", "--scheduler=lblcr"]),
    ),
    ("-A -sov", Line("-A -sovf ")),
    ("-A -s=ov", Line("-A -s=ovf ")),
    ("-As wr", Line("-As wrr ")),
    ("-C -s ", Nothing),
    ("-A -s sh -b ", Offers(&["sh-fallback", "sh-port"])),
    ("-A -s mh -b mh-f", Line("-A -s mh -b mh-fallback ")),
    (
        "-A -s mh -b mh-fallback,",
        Line("-A -s mh -b mh-fallback,mh-port "),
    ),
    (
        "-A -s wrr --sched-flags=",
        Offers(&[
            "--sched-flags=flag-1",
            "--sched-flags=flag-2",
            "--sched-flags=flag-3",
        ]),
    ),
    ("-A -b flag-1,", Offers(&["flag-1,flag-2", "flag-1,flag-3"])),
    ("-A --pe ", Line("-A --pe sip ")),
    ("-A -p 3", Nothing),
    ("-A -w", Nothing),
    ("-A -w ", Nothing),
    (
        "-A -s mh -b 'mh-port,m",
        Line("-A -s mh -b 'mh-port,mh-fallback' "),
    ),
    ("-a --weight=", Nothing),
    // Services that exist, of the kind asked for.
    (
        "-D -t ",
        Offers(&["192.0.2.1:80", "192.0.2.1:443", "[2001:db8::1]:80"]),
    ),
    ("-D -t 192.0.2.1:8", Line("-D -t 192.0.2.1:80 ")),
    (
        "-D -t 192.0.2.1:",
        Offers(&["192.0.2.1:80", "192.0.2.1:443"]),
    ),
    ("-D -t [", Line("-D -t [2001:db8::1]:80 ")),
    ("-D -t [2001:db8:", Line("-D -t [2001:db8::1]:80 ")),
    ("-D -t '[2001:db8:", Line("-D -t '[2001:db8::1]:80' ")),
    ("-D -tx", Nothing),
    (
        "-D --tcp-service=[2001:db8:",
        Line("-D --tcp-service=[2001:db8::1]:80 "),
    ),
    ("-Dt 192.0.2.1:4", Line("-Dt 192.0.2.1:443 ")),
    ("-Dt192.0.2.1:4", Line("-Dt192.0.2.1:443 ")),
    ("-E -u ", Line("-E -u 192.0.2.53:53 ")),
    (
        "-Z --sctp-service ",
        Line("-Z --sctp-service 192.0.2.1:5672 "),
    ),
    ("-L -u 1", Line("-L -u 192.0.2.53:53 ")),
    ("-L --sta", Line("-L --stats ")),
    ("-L -c --stal", Line("-L -c --stale ")),
    (
        "-L -c --count ",
        Offers(&["client", "server", "service", "state", "origin", "total"]),
    ),
    ("-L -c --orig", Line("-L -c --origin ")),
    ("-L -c --origin ", Offers(&["local", "sync"])),
    ("-L -c --origin s", Line("-L -c --origin sync ")),
    ("-L -c --state SYN_R", Line("-L -c --state SYN_RECV ")),
    ("-L -c --state est", Line("-L -c --state established ")),
    (
        "-L -c --state established,fin",
        Line("-L -c --state established,fin_wait "),
    ),
    ("-L -c -t 192.0.2.1:8", Line("-L -c -t 192.0.2.1:80 ")),
    (
        "-L -c -t 192.0.2.1:443 -r ",
        Line("-L -c -t 192.0.2.1:443 -r 10.0.0.12:443 "),
    ),
    ("-a -u ", Line("-a -u 192.0.2.53:53 ")),
    ("-D -f ", Offers(&["7", "8"])),
    ("-D -6 -f ", Line("-D -6 -f 8 ")),
    ("-A -f ", Nothing),
    // Real servers of the service that is named.
    (
        "-d -t 192.0.2.1:80 -r ",
        Offers(&["10.0.0.10:80", "10.0.0.11:80"]),
    ),
    (
        "-e -t 192.0.2.1:443 -r ",
        Line("-e -t 192.0.2.1:443 -r 10.0.0.12:443 "),
    ),
    (
        "-e -t vip:https -r ",
        Line("-e -t vip:https -r 10.0.0.12:443 "),
    ),
    (
        "-d -t [2001:db8::1]:80 -r ",
        Line("-d -t [2001:db8::1]:80 -r [2001:db8::10]:80 "),
    ),
    ("-d -f 7 -r ", Line("-d -f 7 -r 10.0.0.20:0 ")),
    ("-d -f 8 -6 -r ", Nothing),
    ("-d -t 192.0.2.9:80 -r ", Nothing),
    ("-d -r ", Nothing),
    // Names.
    ("-A -t tw", Host("-A -t twenty.mask.example.com")),
    ("-A -t vip:https", Line("-A -t vip:https ")),
    ("-A -t vip:am", Line("-A -t vip:amqp ")),
    ("-A -u vip:tf", Line("-A -u vip:tftp ")),
    ("-A -t vip:tf", Nothing),
    ("-A -t [2001:db8::1]:ssh", Line("-A -t [2001:db8::1]:ssh ")),
    (
        "-A -t '[2001:db8::1]:ss",
        Line("-A -t '[2001:db8::1]:ssh' "),
    ),
    ("-A -t 2001:db8::", Nothing),
    (
        "-a -u 192.0.2.53:53 -r exactly-t",
        Host("-a -u 192.0.2.53:53 -r exactly-twenty-five.chars"),
    ),
    (
        "-a -u 192.0.2.53:53 -r web1:tf",
        Line("-a -u 192.0.2.53:53 -r web1:tftp "),
    ),
    // What rules out what.
    ("-a -t 192.0.2.1:80 -r web1 -m --tun", Nothing),
    ("-a -i --tun-type ", Offers(&["ipip", "gue", "gre"])),
    (
        "-a -i --tun-type gre --tun-",
        Offers(&["--tun-csum", "--tun-nocsum"]),
    ),
    (
        "-a -i --tun-type gue --tun-csum --tun-",
        Line("-a -i --tun-type gue --tun-csum --tun-port "),
    ),
    ("-a -i --tun-type=ipip --tun-", Nothing),
    ("-A -t vip:80 --ops", Nothing),
    ("-A -f 1 --o", Line("-A -f 1 --ops ")),
    ("-D -t vip:80 ", Offers(&["--exist", "--drain", "--netns"])),
    (
        "-D -f 1 ",
        Offers(&["-6", "--ipv6", "--exist", "--drain", "--netns"]),
    ),
    ("-Lc --stats", Nothing),
    (
        "-L --stats --t",
        Offers(&["--table", "--tcp-service", "--thresholds", "--tun-info"]),
    ),
    ("-L --json --table", Nothing),
    ("-p -s o", Line("-p -s ovf ")),
    ("-A -p --pe", Line("-A -p --pe ")),
    ("-A -p ", Offers(PERSISTENT_SERVICE)),
    // Sync daemons.
    ("--start-daemon ", Offers(&["master", "backup"])),
    ("--start-daemon=m", Line("--start-daemon=master ")),
    ("--stop-daemon b", Line("--stop-daemon backup ")),
    (
        "--start-daemon master --mcast-interface dum",
        Line("--start-daemon master --mcast-interface dummy7 "),
    ),
    (
        // By a letter of theirs: tunnels in the kernel put interfaces into every namespace.
        "--start-daemon master --mcast-interface=l",
        Offers(&["--mcast-interface=lo", "--mcast-interface=lan"]),
    ),
];

/// The words that may follow `-A -p`.
const PERSISTENT_SERVICE: &[&str] = &[
    "-t",
    "--tcp-service",
    "-u",
    "--udp-service",
    "--sctp-service",
    "-f",
    "--fwmark-service",
    "-6",
    "--ipv6",
    "-s",
    "--scheduler",
    "-b",
    "--sched-flags",
    "-M",
    "--netmask",
    "--pe",
    "-o",
    "--ops",
    "--exist",
    "--netns",
];

/// The helpers, a program that may not read the table, and the files that a shell redirects to.
const LINES: &[(&str, Expected)] = &[
    ("ipvsadm-save -", Offers(&["-n", "--netns"])),
    (
        "ipvsadm-restore --",
        Offers(&[
            "--dry-run",
            "--exit-code",
            "--keep-weights",
            "--netns",
            "--noflush",
            "--test",
        ]),
    ),
    ("ipvsadm-restore --d", Line("ipvsadm-restore --dry-run ")),
    (
        "ipvsadm-restore --test -",
        Offers(&["--dry-run", "--keep-weights", "--netns", "--noflush"]),
    ),
    (
        "ipvsadm-restore --exit-code -",
        Offers(&["--dry-run", "--keep-weights", "--netns", "--noflush"]),
    ),
    ("ipvsadm-save -n -", Line("ipvsadm-save -n --netns ")),
    (
        "refused/ipvsadm -A -s wl",
        Line("refused/ipvsadm -A -s wlc "),
    ),
    ("refused/ipvsadm -D -t ", Nothing),
    (
        "~/programs/ipvsadm -A -s wl",
        Line("~/programs/ipvsadm -A -s wlc "),
    ),
    ("refused/ipvsadm -e -t 192.0.2.1:80 -r ", Nothing),
    (
        "ipvsadm -R <programs/ipvsadm-r",
        Line("ipvsadm -R <programs/ipvsadm-restore "),
    ),
    (
        "ipvsadm -R < programs/ipvsadm-r",
        Line("ipvsadm -R < programs/ipvsadm-restore "),
    ),
    (
        "ipvsadm -Sn >programs/ipvsadm-s",
        Line("ipvsadm -Sn >programs/ipvsadm-save "),
    ),
];

#[test]
fn bash_completes() {
    check_everything(Shell::Bash);
}

#[test]
fn zsh_completes() {
    check_everything(Shell::Zsh);
}

#[test]
fn fish_completes() {
    check_everything(Shell::Fish);
}

#[test]
fn bash_completes_with_the_package_bash_completion() {
    let namespace = namespace_with_table();
    let mut terminal = Terminal::open(Shell::BashCompletion, &namespace);
    let mut faults = Vec::new();
    for (typed, expected) in [
        // The helper first: its completion is found by its own name.
        ("ipvsadm-restore --d", Line("ipvsadm-restore --dry-run ")),
        (
            "ipvsadm -D -t [2001:db8:",
            Line("ipvsadm -D -t [2001:db8::1]:80 "),
        ),
        (
            "ipvsadm -D -t 192.0.2.1:4",
            Line("ipvsadm -D -t 192.0.2.1:443 "),
        ),
        (
            "ipvsadm -A --scheduler=o",
            Line("ipvsadm -A --scheduler=ovf "),
        ),
        (
            "ipvsadm -R < programs/ipvsadm-r",
            Line("ipvsadm -R < programs/ipvsadm-restore "),
        ),
    ] {
        check(&mut terminal, "", typed, &expected, &mut faults);
    }
    report(&faults);
}

fn check_everything(shell: Shell) {
    let namespace = namespace_with_table();
    let mut terminal = Terminal::open(shell, &namespace);
    let mut faults = Vec::new();
    check_options(&mut terminal, &mut faults);
    for (typed, expected) in CASES {
        check(&mut terminal, "ipvsadm ", typed, expected, &mut faults);
    }
    for (typed, expected) in LINES {
        check(&mut terminal, "", typed, expected, &mut faults);
    }
    report(&faults);
}

/// Returns a namespace with the table, and an interface that only it has.
fn namespace_with_table() -> Namespace {
    let namespace = Namespace::new();
    namespace.enter(|| {
        // /sys shows the interfaces of the namespace in which it was mounted.
        mount(
            Some("sysfs"),
            "/sys",
            Some("sysfs"),
            MsFlags::empty(),
            None::<&str>,
        )
        .expect("a /sys of its own");
    });
    namespace.ip_batch("link add dummy7 type veth peer name lan");
    let outcome = namespace.run(&Program::ours(), &Invocation::restore(RULES));
    assert!(outcome.ending == Ending::Status(0), "{outcome}");
    namespace
}

/// A shell need not read what does not go on from what is typed.
#[test]
fn only_what_goes_on_from_what_is_typed_is_offered() {
    let namespace = Namespace::new();
    let mut rules = "-A -t 10.0.0.1:80 -s rr\n".to_owned();
    for number in 0..300 {
        let (third, fourth) = (number / 100, number % 100);
        rules += &format!("-a -t 10.0.0.1:80 -r 10.1{third}.7.{fourth}:8080 -m\n");
    }
    namespace.run(&Program::ours(), &Invocation::restore(rules));
    let offered = |words: &[&str]| -> Vec<String> {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_ipvsadm"));
        command.env("IPVSADM_COMPLETE", "1").arg("--").args(words);
        let offers = namespace.output(command).stdout_text();
        let word = |line: &str| line.split('\t').next().unwrap().to_owned();
        offers.lines().map(word).collect()
    };
    let server = ["-d", "-t", "10.0.0.1:80", "-r"];
    let servers = offered(&[&server[..], &["10.11."]].concat());
    assert_eq!(servers.len(), 100);
    assert!(
        servers.iter().all(|word| word.starts_with("10.11.7.")),
        "{servers:?}"
    );
    assert_eq!(offered(&[&server[..], &[""]].concat()).len(), 300);
    assert_eq!(offered(&[&server[..], &["10.2"]].concat()), [""; 0]);
    assert_eq!(offered(&["-d", "-t10.0"]), ["-t10.0.0.1:80"]);
    assert_eq!(offered(&["-A", "-s", "w"]), ["wrr", "wlc"]);
    assert_eq!(
        offered(&["-A", "--scheduler=w"]),
        ["--scheduler=wrr", "--scheduler=wlc"]
    );
    assert_eq!(
        offered(&["-L", "-c", "--state", "UDP,C-"]),
        ["UDP,C-SENT", "UDP,C-REPLIED", "UDP,C-WAIT", "UDP,C-ECHOED"]
    );
    assert_eq!(
        offered(&["-L", "-c", "--count", "s"]),
        ["server", "service", "state"]
    );
    assert_eq!(offered(&["-L", "--j"]), ["--json"]);
    assert_eq!(offered(&["-L", "--color", "a"]), ["always", "auto"]);
    assert_eq!(offered(&["--watch", "--order", "a"]), ["address", "active"]);
    assert_eq!(
        offered(&["-L", "-c", "--order", ""]),
        ["expire", "client", "state"]
    );
    assert_eq!(offered(&["-L", "--x"]), [""; 0]);
}

/// Holds what is offered before and after each command to the program's table.
fn check_options(terminal: &mut Terminal, faults: &mut Vec<String>) {
    let commands = OPTIONS.iter().filter_map(|spec| match spec.meaning {
        Meaning::Command(command) => Some((spec, command)),
        Meaning::Modifier(_) => None,
    });
    // What says how anything is listed, or where, needs no command.
    let list = Owner::Command(Command::List);
    let lists = |spec: &&OptionSpec| spec.is_new && spec.is_of_use_to(list);
    let all = commands
        .clone()
        .map(|(spec, _)| spec)
        .chain(OPTIONS.iter().filter(lists))
        .flat_map(spellings)
        .collect();
    check_offers(terminal, "ipvsadm -", &all, faults);
    check_offers(terminal, "ipvsadm ", &all, faults);
    for (spec, command) in commands {
        let value = match spec.argument {
            Argument::Required(_) => " master",
            _ => "",
        };
        let modifiers = OPTIONS
            .iter()
            .filter(|spec| spec.is_of_use_to(Owner::Command(command)));
        let offered = modifiers.flat_map(spellings).collect();
        check_offers(
            terminal,
            &format!("ipvsadm --{}{value} -", spec.long),
            &offered,
            faults,
        );
        if command == Command::AddService {
            check_offers(
                terminal,
                &format!("ipvsadm --{}{value} ", spec.long),
                &offered,
                faults,
            );
        }
    }
}

fn spellings(spec: &OptionSpec) -> Vec<String> {
    let short = spec.letter().map(|letter| format!("-{letter}"));
    short
        .into_iter()
        .chain([format!("--{}", spec.long)])
        .collect()
}

fn check_offers(
    terminal: &mut Terminal,
    typed: &str,
    offered: &BTreeSet<String>,
    faults: &mut Vec<String>,
) {
    let seen = terminal.complete(typed);
    let fits = match offered.first() {
        None => seen.line == typed && seen.candidates.is_empty(),
        // The only one that fits is not offered but taken.
        Some(only) if offered.len() == 1 => {
            seen.line == format!("{}{only} ", typed.trim_end_matches('-'))
        }
        Some(_) => seen.candidates == *offered,
    };
    if !fits {
        faults.push(format!(
            "{typed:?}: expected {offered:?}\n{}",
            describe(&seen)
        ));
    }
}

fn check(
    terminal: &mut Terminal,
    program: &str,
    typed: &str,
    expected: &Expected,
    faults: &mut Vec<String>,
) {
    let typed = format!("{program}{typed}");
    let seen = terminal.complete(&typed);
    let (fits, wanted) = match expected {
        Line(wanted) => (
            seen.line == format!("{program}{wanted}"),
            format!("{program}{wanted:?}"),
        ),
        Host(wanted) => {
            let wanted = format!("{program}{wanted}");
            (
                seen.line.trim_end_matches([' ', ':']) == wanted,
                format!("{wanted:?}"),
            )
        }
        Nothing => (
            seen.line == typed && seen.candidates.is_empty(),
            "nothing".to_owned(),
        ),
        Offers(words) => (lists(&seen.candidates, words), format!("{words:?}")),
    };
    if !fits {
        faults.push(format!("{typed:?}: expected {wanted}\n{}", describe(&seen)));
    }
}

/// Returns true if these words are listed, whole or without a common beginning, which stands
/// on the line already.
fn lists(candidates: &BTreeSet<String>, words: &[&str]) -> bool {
    let shortest = words.iter().map(|word| word.len()).min().unwrap_or(0);
    (0..shortest).any(|cut| {
        words.iter().all(|word| word[..cut] == words[0][..cut])
            && words
                .iter()
                .map(|word| word[cut..].to_owned())
                .collect::<BTreeSet<_>>()
                == *candidates
    })
}

fn describe(seen: &Seen) -> String {
    format!(
        "    line: {:?}\n    candidates: {:?}\n{}\n",
        seen.line, seen.candidates, seen.screen
    )
}

fn report(faults: &[String]) {
    assert!(
        faults.is_empty(),
        "{} faults:\n{}",
        faults.len(),
        faults.join("\n")
    );
}
