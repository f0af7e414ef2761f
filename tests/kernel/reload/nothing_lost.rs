//! No failed restore leaves less than before: input without rules, refused additions, names that
//! lead elsewhere, files as people write them.

use std::fs;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::{ours, reload, saved};
use crate::support::pair::{Pair, compare};
use crate::support::{Ending, Invocation, Namespace, Outcome, Program, Random, SCRATCH};

const TABLE: &str = "-A -t 10.0.0.1:80 -s rr\n-a -t 10.0.0.1:80 -r 10.1.0.1:80 -m -w 1\n";

const NO_RULES: &str = "no rules on standard input: nothing was changed (-C clears the table)\n";

/// Returns a namespace with this table.
fn with_table(rules: &str) -> Namespace {
    let namespace = Namespace::new();
    ours(&namespace, &Invocation::restore(rules));
    namespace
}

/// Runs a shell command in which `restore` stands for our `ipvsadm-restore`.
fn shell(namespace: &Namespace, script: &str) -> Outcome {
    let ours = env!("CARGO_BIN_EXE_ipvsadm");
    let text = format!("restore() {{ (exec -a ipvsadm-restore {ours} \"$@\"); }}\n{script}");
    let mut command = Command::new("bash");
    command.args(["-c", &text]).stdin(Stdio::null());
    namespace.output(command)
}

fn expect(outcome: &Outcome, status: i32, stderr: &str, what: &str) {
    assert_eq!(outcome.ending, Ending::Status(status), "{what}\n{outcome}");
    assert_eq!(outcome.stderr_text(), stderr, "{what}");
}

#[test]
fn without_a_rule_nothing_changes_unless_a_file_says_so() {
    let namespace = with_table(TABLE);
    let empty = Path::new(SCRATCH).join("empty");
    let remark = Path::new(SCRATCH).join("remark");
    let files = (empty.clone(), remark.clone());
    namespace.enter(move || {
        fs::write(files.0, "").unwrap();
        fs::write(files.1, "  # nothing yet\n\n").unwrap();
    });
    for script in [
        "restore </dev/null",
        "false | restore",
        "printf '# a remark\\n\\n' | restore",
        "false | restore --noflush",
        "false | restore --dry-run",
        "false | restore --test",
        "false | restore -n",
    ] {
        expect(&shell(&namespace, script), 1, NO_RULES, script);
        assert_eq!(saved(&namespace), TABLE, "{script}");
    }
    let named = NO_RULES.replace("on standard input", "in /dev/null");
    expect(
        &shell(&namespace, "restore /dev/null"),
        1,
        &named,
        "a device",
    );
    for script in ["restore <", "restore ", "restore --noflush <", "restore "] {
        ours(&namespace, &reload(&[], TABLE));
        let script = match script.ends_with('<') {
            true => format!("{script}{}", remark.display()),
            false => format!("{script}{}", empty.display()),
        };
        let keeps = script.contains("--noflush");
        expect(&shell(&namespace, &script), 0, "", &script);
        assert_eq!(
            saved(&namespace),
            if keeps { TABLE } else { "" },
            "{script}"
        );
    }
    // Where there is nothing to lose, there is nothing to say.
    for script in ["false | restore", "false | restore --dry-run"] {
        ours(&namespace, &Invocation::line("-C"));
        expect(&shell(&namespace, script), 0, "", script);
    }
}

#[test]
fn a_person_at_a_terminal_is_told_what_is_awaited_and_may_leave() {
    let namespace = with_table(TABLE);
    let ours = env!("CARGO_BIN_EXE_ipvsadm");
    let mut command = Command::new("script");
    let line = format!("bash -c 'exec -a ipvsadm-restore {ours}'");
    // script passes the end of its own input on as Ctrl-D.
    command
        .args(["--quiet", "--return", "--command", &line, "/dev/null"])
        .stdin(Stdio::null());
    let outcome = namespace.output(command);
    let text = outcome.stdout_text().replace('\r', "");
    assert!(text.contains("reading rules from the terminal"), "{text}");
    assert!(text.ends_with(NO_RULES), "{text}");
    assert_eq!(outcome.ending, Ending::Status(1));
    assert_eq!(saved(&namespace), TABLE);
}

#[test]
fn a_redirection_that_no_shell_carried_out_is_named() {
    let namespace = with_table(TABLE);
    // As systemd starts ExecStart=/sbin/ipvsadm-restore < /etc/ipvsadm.rules.
    for words in [&["<", "/etc/ipvsadm.rules"][..], &["</etc/ipvsadm.rules"]] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ipvsadm"));
        command
            .arg0("/sbin/ipvsadm-restore")
            .args(words)
            .stdin(Stdio::null());
        let outcome = namespace.output(command);
        assert_eq!(outcome.ending, Ending::Status(2), "{outcome}");
        assert!(
            outcome.stderr_text().starts_with("no shell read the '<'"),
            "{outcome}"
        );
        assert_eq!(outcome.stderr_text().lines().count(), 1, "{outcome}");
    }
    assert_eq!(saved(&namespace), TABLE);
}

#[test]
fn after_a_refused_addition_nothing_is_removed() {
    let wanted = "-A -t 10.0.0.2:80 -s rr\n\
                  -a -t 10.0.0.2:80 -r 10.1.0.2:80 -m -w 1\n\
                  -A -t 10.0.0.3:80 -s no-such-one\n\
                  -A -t 10.0.0.4:80 -s rr\n";
    for last in ["", "-A -f 7 -s rr\n"] {
        let namespace = with_table(TABLE);
        let outcome = namespace.run(&Program::ours(), &reload(&[], &format!("{wanted}{last}")));
        expect(
            &outcome,
            255,
            "line 3: Scheduler or persistence engine not found: -A -t 10.0.0.3:80 -s no-such-one\n\
             nothing was removed\n",
            last,
        );
        let left = saved(&namespace);
        for line in TABLE
            .lines()
            .chain(["-A -t 10.0.0.2:80 -s rr", "-A -t 10.0.0.4:80 -s rr"])
        {
            assert!(left.contains(line), "{line} is not in\n{left}");
        }
    }
}

#[test]
fn refused_edits_and_servers_keep_what_was_to_go() {
    for (rules, refused) in [
        ("-A -t 10.0.0.1:80 -s nosuch\n", "line 1"),
        (
            "-A -t 10.0.0.1:80 -s rr\n-a -t 10.0.0.1:80 -r 224.0.0.1:80 -m\n",
            "line 2",
        ),
    ] {
        let namespace = with_table(TABLE);
        let outcome = namespace.run(&Program::ours(), &reload(&[], rules));
        assert_eq!(outcome.ending, Ending::Status(255), "{outcome}");
        assert!(outcome.stderr_text().starts_with(refused), "{outcome}");
        assert!(
            outcome.stderr_text().ends_with("nothing was removed\n"),
            "{outcome}"
        );
        assert_eq!(saved(&namespace), TABLE, "{rules}");
    }
}

/// Lines that a kernel without a table is bound to refuse, whatever else it has.
const BOUND: [&str; 8] = [
    "-A -t 10.0.0.9:80 -s rr\n-A -t 10.0.0.9:80 -s rr\n",
    "-a -t 10.0.0.9:80 -r 10.1.0.9:80 -m\n",
    "-A -f 9\n-a -f 9 -r 10.1.0.9\n-a -f 9 -r 10.1.0.9 -w 3\n",
    "-E -f 9\n",
    "-D -f 9\n",
    "-A -f 9\n-e -f 9 -r 10.1.0.9\n",
    "-A -f 9\n-d -f 9 -r 10.1.0.9\n",
    "-A -f 9\n-a -f 9 -r 10.1.0.9 -x 1 -y 2\n",
];

#[test]
fn what_can_be_foreseen_is_foreseen() {
    for bound in BOUND {
        for rules in [bound.to_owned(), format!("{bound}-A -f 1\n")] {
            let pair = Pair::new(false);
            ours(&pair.our_namespace, &Invocation::restore(TABLE));
            let foreseen = [&["--test"][..], &["--dry-run"]].map(|words| {
                pair.our_namespace
                    .run(&Program::ours(), &reload(words, &rules))
            });
            let real = pair.run_ours(&reload(&[], &rules));
            let expected = pair.run_reference(&reload(&[], &rules));
            assert!(!real.stderr.is_empty(), "{rules}{real}");
            assert_eq!(real.ending, expected.ending, "{rules}");
            // --test is a question, and each refusal is a no to it; --dry-run ends as the run will.
            for (outcome, ending) in foreseen.iter().zip([Ending::Status(255), real.ending]) {
                assert_eq!(outcome.stderr_text(), real.stderr_text(), "{rules}");
                assert_eq!(outcome.ending, ending, "{rules}");
            }
            // Reported as the reference reports them, with the line besides.
            let told = real.stderr_text();
            for line in expected.stderr_text().lines() {
                assert!(told.contains(&format!(": {line}: ")), "{rules}{told}");
            }
            pair.compare_tables()
                .unwrap_or_else(|difference| panic!("{rules}{difference}"));
        }
    }
}

#[test]
fn files_are_read_as_people_write_them() {
    let written = "\u{feff}# the web\r\n\t# indented\r\n\r\n\t-A -t 10.0.0.1:80 -s rr\r\n\
                   \t-a -t 10.0.0.1:80 -r 10.1.0.1:80 -m -w 1\r\n# end";
    for argv0 in ["ipvsadm", "ipvsadm-restore"] {
        let namespace = Namespace::new();
        let invocation = match argv0 {
            "ipvsadm" => Invocation::restore(written),
            _ => reload(&[], written),
        };
        ours(&namespace, &invocation);
        assert_eq!(saved(&namespace), TABLE, "{argv0}");
    }
    let namespace = Namespace::new();
    let file = Path::new(SCRATCH).join("web rules");
    let place = file.clone();
    namespace.enter(move || fs::write(place, written).unwrap());
    let words = [file.to_str().unwrap()];
    ours(&namespace, &reload(&words, "-A -f 9\n"));
    assert_eq!(saved(&namespace), TABLE);
    let missing = namespace.run(&Program::ours(), &reload(&["/no/such/file"], TABLE));
    expect(
        &missing,
        1,
        "cannot read /no/such/file: No such file or directory\n",
        "a missing file",
    );
    let folder = namespace.run(&Program::ours(), &reload(&["/etc"], TABLE));
    expect(&folder, 1, "cannot read /etc: Is a directory\n", "a folder");
    assert_eq!(saved(&namespace), TABLE);
}

#[test]
fn a_line_without_a_command_is_told_as_one() {
    let namespace = with_table(TABLE);
    let outcome = namespace.run(
        &Program::ours(),
        &reload(&[], "-A -f 1\n-t 10.0.0.1:80 -s rr\n"),
    );
    expect(
        &outcome,
        255,
        "line 2: no command: -t 10.0.0.1:80 -s rr\n",
        "no command",
    );
    assert_eq!(saved(&namespace), TABLE);
}

/// Files that are no rules, in part with words of our options, and the status that each ends with.
const SECRETS: [(&str, i32); 8] = [
    ("root:$6$SECRET:19000:0:::\n", 255),
    ("-----BEGIN SECRET KEY-----\n", 255),
    ("--- SECRET\n", 255),
    ("--password=SECRET -A -f 1\n", 255),
    ("user -A -f 1 --SECRET\n", 255),
    ("SECRET -A -f 1\n", 2),
    ("SECRET -A -f 1 -A\n", 2),
    ("\u{feff}SECRET\0-A -f 1 -w\n", 255),
];

#[test]
fn a_file_that_is_none_of_rules_gives_nothing_away() {
    let namespace = with_table(TABLE);
    let file = Path::new(SCRATCH).join("secret");
    for (text, status) in SECRETS {
        let place = file.clone();
        namespace.enter(move || fs::write(place, text).unwrap());
        for words in ["", "--test ", "--dry-run ", "--noflush "] {
            let script = format!("restore {words}{}", file.display());
            let outcome = shell(&namespace, &script);
            assert_eq!(outcome.ending, Ending::Status(status), "{text}{outcome}");
            let told = outcome.stderr_text();
            assert!(
                [
                    "line 1: no command\n",
                    "line 1: it does not begin as a rule does\n"
                ]
                .contains(&told.as_str()),
                "{text}{told}"
            );
        }
        // Nor at a terminal, where a hint follows.
        let script = format!(
            "script -qc \"bash -c 'exec -a ipvsadm-restore {} {}'\" /dev/null </dev/null",
            env!("CARGO_BIN_EXE_ipvsadm"),
            file.display()
        );
        let text = shell(&namespace, &script).stdout_text();
        assert!(
            text.starts_with("line 1: ") && !text.contains("SECRET"),
            "{text}"
        );
    }
    // What begins as a rule is shown, with or without the program's name.
    for (text, what) in [
        ("-t 10.0.0.1:80 -q\n", "no command"),
        ("ipvsadm --add-service -q\n", "-q: unknown option"),
    ] {
        let place = file.clone();
        namespace.enter(move || fs::write(place, text).unwrap());
        let outcome = shell(&namespace, &format!("restore {}", file.display()));
        expect(&outcome, 255, &format!("line 1: {what}: {text}"), text);
    }
    assert_eq!(saved(&namespace), TABLE);
}

#[test]
fn the_helpers_tell_of_themselves() {
    let namespace = Namespace::new();
    for (name, word, begins) in [
        ("ipvsadm-restore", "-h", "usage: ipvsadm-restore "),
        ("ipvsadm-restore", "--help", "usage: ipvsadm-restore "),
        ("ipvsadm-save", "-h", "usage: ipvsadm-save "),
        ("ipvsadm-save", "--help", "usage: ipvsadm-save "),
        ("ipvsadm-save", "-v", "ipvsadm v1.31 "),
        ("ipvsadm-restore", "--version", "ipvsadm v1.31 "),
    ] {
        let invocation = Invocation {
            argv0: name.into(),
            ..Invocation::new([word])
        };
        let text = ours(&namespace, &invocation);
        assert!(text.starts_with(begins), "{name} {word}: {text}");
    }
}

/// Hosts that collide, resolve elsewhere, have several addresses, look like something else or do
/// not resolve at all: what random tables are made of.
const HOSTS: &str = "\
127.0.0.1 localhost
10.0.0.1 plain.example plain
10.0.0.2 twin.example
10.0.0.3 twin.example
10.0.0.4 elsewhere.example
10.9.9.9 several.example
10.0.0.5 several.example
10.0.0.6 10.1
10.0.0.7 0x0a000007
10.0.0.8 -dashed.example
10.0.0.9 #remark.example
10.0.0.10 a-host-name-that-is-longer-than-fifty-nine-characters.and-still-goes-on.example
10.0.0.11 ipvsadm
10.0.0.12 both.example
10.0.0.13 1234567
2001:db8::1 six.example
2001:db8::2 sixtwin.example
2001:db8::3 sixtwin.example
2001:db8::4 both.example
2001:db8::5 plain.example
";

/// Makes hosts files in which `elsewhere.example` is 10.0.0.4 by address, and something else by
/// name.
fn install_hosts() {
    let hosts = HOSTS.replace(
        "10.0.0.4 else",
        "10.0.0.44 elsewhere.example\n10.0.0.4 else",
    );
    fs::write(PathBuf::from(SCRATCH).join("hosts"), hosts).unwrap();
}

/// Rules for a table of such hosts, with ports that have names and ports that have none.
fn random_rules(random: &mut Random) -> String {
    let mut rules = String::new();
    let ports = [80, 443, 53, 22, 21, 8080, 40000];
    let endpoint = |random: &mut Random, is_ipv6| match is_ipv6 {
        true => format!(
            "[2001:db8::{}]:{}",
            1 + random.below(7),
            random.pick(&ports)
        ),
        false => format!("10.0.0.{}:{}", 1 + random.below(15), random.pick(&ports)),
    };
    for _ in 0..1 + random.below(6) {
        let is_ipv6 = random.chance(30);
        let service = match random.below(4) {
            0 => format!("-u {}", endpoint(random, is_ipv6)),
            1 => format!("--sctp-service {}", endpoint(random, is_ipv6)),
            2 if !is_ipv6 => format!("-f {}", 1 + random.below(3)),
            _ => format!("-t {}", endpoint(random, is_ipv6)),
        };
        rules += &format!("-A {service} -s rr\n");
        for _ in 0..random.below(5) {
            rules += &format!("-a {service} -r {} -m -w 1\n", endpoint(random, is_ipv6));
        }
    }
    rules
}

#[test]
fn what_is_saved_with_names_is_read_back_as_what_it_was() {
    let mut random = Random::new(20_261_126);
    let namespaces = [Namespace::new(), Namespace::new()];
    for namespace in &namespaces {
        namespace.enter(install_hosts);
    }
    let [from, to] = &namespaces;
    let mut with_names = 0;
    for _ in 0..60 {
        // A rule that comes twice is refused the second time; what is there then is the table.
        from.run(
            &Program::ours(),
            &Invocation::restore("-C\n".to_owned() + &random_rules(&mut random)),
        );
        let table = saved(from);
        let rules = ours(from, &Invocation::line("-S"));
        with_names += usize::from(rules != table);
        ours(to, &Invocation::restore(format!("-C\n{rules}")));
        assert_eq!(saved(to), table, "{rules}");
        // And a restore of it changes nothing.
        let words = if table.is_empty() {
            &[][..]
        } else {
            &["--dry-run"]
        };
        let invocation = reload(words, &rules);
        assert_eq!(ours(from, &invocation), "", "{rules}");
    }
    assert!(with_names > 30, "only {with_names} tables had names");
}

#[test]
fn names_stand_where_they_are_good_and_numbers_elsewhere() {
    let namespace = Namespace::new();
    namespace.enter(install_hosts);
    let lines: String = (1..=14)
        .map(|number| format!("-A -t 10.0.0.{number}:80 -s rr\n"))
        .chain((1..=6).map(|number| format!("-A -t [2001:db8::{number}]:22 -s rr\n")))
        .collect();
    ours(&namespace, &Invocation::restore(lines));
    let rules = ours(&namespace, &Invocation::line("-S"));
    for name in [
        "-t plain.example:http ",
        "-t twin.example:http ",
        "-t 10.0.0.3:http ",
        "-t 10.0.0.4:http ",
        "-t 10.0.0.5:http ",
        "-t 10.0.0.6:http ",
        "-t a-host-name-that-is-longer-than-fifty-nine-characters.and-still-goes-on.example:http ",
        "-t both.example:http ",
        "-t [six.example]:ssh ",
        "-t [2001:db8::3]:ssh ",
        "-t [both.example]:ssh ",
    ] {
        assert!(rules.contains(name), "{name} is not in\n{rules}");
    }
}

#[test]
fn a_leading_clear_and_daemons_among_the_rules_are_no_reason_to_clear() {
    let namespace = with_table(TABLE);
    namespace.add_eth0();
    let rules = format!("-C\n--set 100 0 0\n{TABLE}--start-daemon master --syncid 3\n");
    ours(&namespace, &reload(&[], &rules));
    assert_eq!(saved(&namespace), TABLE);
    let timeouts = ours(&namespace, &Invocation::line("-L --timeout"));
    assert!(
        timeouts.starts_with("Timeout (tcp tcpfin udp): 100 "),
        "{timeouts}"
    );
    // Once more: the daemon runs already, which keeps nothing from being removed.
    let rules = "-A -f 1 -s rr\n--start-daemon master --syncid 3\n";
    let outcome = namespace.run(&Program::ours(), &reload(&[], rules));
    expect(
        &outcome,
        255,
        "line 2: Daemon has already run: --start-daemon master --syncid 3\n",
        rules,
    );
    assert_eq!(saved(&namespace), "-A -f 1 -s rr\n");
}

#[test]
fn rules_that_change_what_they_added_leave_what_the_reference_leaves() {
    let rules = "-A -t 10.0.0.1:80 -s rr\n-a -t 10.0.0.1:80 -r 10.1.0.1:80 -m\n\
                 -a -t 10.0.0.1:80 -r 10.1.0.2:80 -m\n-e -t 10.0.0.1:80 -r 10.1.0.2:80 -m -w 5\n\
                 -E -t 10.0.0.1:80 -s wrr -p 60\n-A -f 3\n-D -f 3\n\
                 -d -t 10.0.0.1:80 -r 10.1.0.1:80\n";
    let pair = Pair::new(false);
    let (expected, got) = pair.run(&reload(&[], rules));
    compare(&expected, &got).unwrap_or_else(|difference| panic!("{difference}"));
    pair.compare_tables()
        .unwrap_or_else(|difference| panic!("{difference}"));
}
