//! `--dry-run --exit-code`: the status says whether the real run would change anything.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use super::random_tables::Table;
use super::{ours, reload, saved};
use crate::support::{Ending, Invocation, Namespace, Outcome, Program, Random};

/// The status of a dry run of rules.
fn status(namespace: &Namespace, words: &[&str], rules: &str) -> Outcome {
    let words = [&["--dry-run", "--exit-code"], words].concat();
    namespace.run(&Program::ours(), &reload(&words, rules))
}

fn state(namespace: &Namespace) -> String {
    let listings = Invocation::restore("-S -n\n-L --timeout\n-L --daemon\n");
    ours(namespace, &listings)
}

#[test]
fn it_is_3_exactly_where_the_real_run_changes_something() {
    let namespace = Namespace::new();
    namespace.add_eth0();
    let mut random = Random::of_this_run();
    let mut table = Table::default();
    let mut seen = [0, 0];
    for _ in 0..60 {
        if random.chance(50) {
            table.change(&mut random);
        }
        let mut rules = table.rules(&mut random);
        let words: &[&str] = random.pick(&[&[][..], &["--keep-weights"], &["--noflush"]]);
        // Beside services that stay, rules may only add.
        if !words.contains(&"--noflush") {
            for _ in 0..random.below(3) {
                rules += random.pick(&[
                    "--set 900 120 300\n",
                    "--set 0 0 300\n",
                    "--set 0 7 0\n",
                    "--set 0 0 0\n",
                ]);
            }
            // One at most: a daemon that is stopped and started anew is a change that leaves none.
            rules += random.pick(&[
                "",
                "--start-daemon master --syncid 3 --exist\n",
                "--start-daemon master --syncid 4 --exist\n",
                "--stop-daemon master --exist\n",
            ]);
        }
        let before = state(&namespace);
        let foreseen = status(&namespace, words, &rules);
        assert_eq!(state(&namespace), before, "a dry run changed something");
        let real = namespace.run(&Program::ours(), &reload(words, &rules));
        let differs = state(&namespace) != before;
        assert_eq!(foreseen.stderr_text(), real.stderr_text(), "{rules}");
        let expected = match real.ending {
            Ending::Status(0) => Ending::Status(if differs { 3 } else { 0 }),
            refused => refused,
        };
        assert_eq!(foreseen.ending, expected, "{before}{rules}{foreseen}");
        assert_eq!(
            foreseen.stdout.is_empty(),
            !differs,
            "{before}{rules}{foreseen}"
        );
        seen[usize::from(differs)] += 1;
    }
    assert!(seen.iter().all(|count| *count > 5), "{seen:?}");
}

#[test]
fn timeouts_that_end_as_they_began_are_no_difference() {
    let namespace = Namespace::new();
    ours(&namespace, &Invocation::line("--set 900 120 300"));
    let there_and_back = "--set 0 7 0\n--set 900 120 300\n";
    let there = "--set 900 120 300\n--set 0 7 0\n";
    for (rules, printed, expected) in [(there_and_back, "", 0), (there, "--set 0 7 0\n", 3)] {
        let foreseen = status(&namespace, &[], rules);
        assert_eq!(foreseen.stdout_text(), printed, "{foreseen}");
        assert_eq!(foreseen.ending, Ending::Status(expected), "{foreseen}");
    }
}

/// Rules that are run one after the other, and whether they change a table of `-f 1`, rr, with a
/// server 10.1.0.1 of weight 3.
const ONE_BY_ONE: &[(&[&str], &str, bool)] = &[
    (&["--noflush"], "-d -f 1 -r 10.1.0.9 --exist\n", false),
    (&["--noflush"], "-d -f 1 -r 10.1.0.1 --exist\n", true),
    (&["--noflush"], "-e -f 1 -r 10.1.0.1 -w 3 --keep\n", false),
    (&["--noflush"], "-e -f 1 -r 10.1.0.1 -w 4 --keep\n", true),
    (
        &["--noflush"],
        "-a -f 1 -r 10.1.0.1 --exist --keep\n",
        false,
    ),
    (
        &["--noflush"],
        "-a -f 1 -r 10.1.0.1 -w 3 --exist --keep\n",
        false,
    ),
    (&["--noflush"], "-a -f 1 -r 10.1.0.2 --exist --keep\n", true),
    (&["--noflush"], "-A -f 1 --exist --keep\n", false),
    (
        &["--noflush"],
        "-D -f 2 --exist\n-E -f 1 -s rr --keep\n",
        false,
    ),
    (
        &["--noflush"],
        "-D -f 2 --exist\n-E -f 1 -s wrr --keep\n",
        true,
    ),
    (&["--noflush"], "-L\n--set 0 0 0\n", false),
    (&["--noflush"], "-L\n--set 0 0 9\n", true),
    (&["--noflush"], "-Z -f 2\n", false),
    (&["--noflush"], "-Z -f 1\n", true),
    (&["--noflush"], "-C\n", true),
    (
        &["--noflush"],
        "-D -f 1\n-A -f 1 -s rr\n-a -f 1 -r 10.1.0.1 -m -w 3\n",
        true,
    ),
    (
        &[],
        "-L\n-A -f 1 -s rr\n-a -f 1 -r 10.1.0.1 -m -w 3\n",
        true,
    ),
    (&[], "-Z\n", true),
];

#[test]
fn rules_that_are_run_one_after_the_other_count_as_well() {
    for (words, rules, changes) in ONE_BY_ONE {
        let namespace = Namespace::new();
        let before = "-A -f 1 -s rr\n-a -f 1 -r 10.1.0.1:0 -m -w 3\n";
        ours(&namespace, &reload(&[], before));
        let foreseen = status(&namespace, words, rules);
        assert_eq!(saved(&namespace), before);
        let expected = Ending::Status(if *changes { 3 } else { 0 });
        assert_eq!(foreseen.ending, expected, "{rules}{foreseen}");
        let before = state(&namespace);
        namespace.run(&Program::ours(), &reload(words, rules));
        let is_seen = state(&namespace) != before;
        // Counters set to zero, and a table made anew, do not show there.
        assert!(*changes || !is_seen, "{rules}");
    }
    let empty = Namespace::new();
    for (rules, code) in [
        ("-Z\n-L\n", 0),
        ("-L\n-A -f 1\n", 3),
        ("-L\n-D -f 1 --exist\n", 0),
    ] {
        let foreseen = status(&empty, &[], rules);
        assert_eq!(foreseen.ending, Ending::Status(code), "{rules}{foreseen}");
    }
}

#[test]
fn refusals_and_faults_are_what_they_were() {
    let namespace = Namespace::new();
    ours(&namespace, &reload(&[], "-A -f 1 -s rr\n"));
    for (words, rules, code, said) in [
        (
            &["--exit-code"][..],
            "-A -f 2 -s rr\n",
            2,
            "--exit-code takes --dry-run, and does not go with --test\n",
        ),
        (
            &["--exit-code", "--dry-run", "--test"],
            "-A -f 2 -s rr\n",
            2,
            "--exit-code takes --dry-run, and does not go with --test\n",
        ),
        (
            &["--exit-code", "--dry-run"],
            "-A -f 2 -s rr\n-D -f 3\n",
            255,
            "line 2: No such service: -D -f 3\n",
        ),
        (
            &["--exit-code", "--dry-run"],
            "-D -f 3\n-A -f 1 -s rr\n",
            0,
            "line 1: No such service: -D -f 3\n",
        ),
        (
            &["--exit-code", "--dry-run"],
            "-A -f 1 -s rr -M x\n",
            2,
            "line 1: illegal virtual server persistent mask specified: -A -f 1 -s rr -M x\n",
        ),
    ] {
        let outcome = namespace.run(&Program::ours(), &reload(words, rules));
        assert_eq!(
            (outcome.ending, outcome.stderr_text().as_str()),
            (Ending::Status(code), said),
            "{words:?} {rules}"
        );
        assert_eq!(saved(&namespace), "-A -f 1 -s rr\n");
    }
}

/// The manual's examples, and a folder with the programs that they name.
struct Manual {
    page: String,
    programs: PathBuf,
}

impl Manual {
    fn new(name: &str) -> Manual {
        let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("man/ipvsadm-restore.8");
        let page = fs::read_to_string(page).unwrap();
        let page = page
            .replace("\\e\n", "")
            .replace("\\-", "-")
            .replace("\\(dq", "\"");
        let programs = std::env::temp_dir().join(format!("{name}-{}", std::process::id()));
        fs::create_dir_all(&programs).unwrap();
        for name in ["ipvsadm", "ipvsadm-save", "ipvsadm-restore"] {
            symlink(env!("CARGO_BIN_EXE_ipvsadm"), programs.join(name)).unwrap();
        }
        Manual { page, programs }
    }

    /// Returns what stands behind this in the only line that has it.
    fn line_behind(&self, front: &str) -> &str {
        let mut lines = self.page.lines().filter_map(|line| line.split_once(front));
        let (_, line) = lines
            .next()
            .unwrap_or_else(|| panic!("{front} is not there"));
        assert!(lines.next().is_none(), "{front} is there twice");
        line
    }

    fn write_program(&self, name: &str, script: &str) {
        let program = self.programs.join(name);
        fs::write(&program, format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// Returns an example from this on.
    fn example_from(&self, front: &str) -> &str {
        let start = self
            .page
            .find(front)
            .unwrap_or_else(|| panic!("{front} is not there"));
        let rest = &self.page[start..];
        rest.split("\n.EE").next().unwrap_or(rest)
    }

    /// Runs a shell's line, which finds the rules in a file of the test's.
    fn run(&self, namespace: &Namespace, line: &str) -> Outcome {
        let programs = self.programs.display().to_string();
        let line = line.replace("/etc/ipvsadm.rules", &format!("{programs}/ipvsadm.rules"));
        let mut command = Command::new("sh");
        command.args(["-c", &format!("PATH={programs}:$PATH\n{line}")]);
        namespace.output(command)
    }

    fn write_rules(&self, rules: &str) {
        fs::write(self.programs.join("ipvsadm.rules"), rules).unwrap();
    }
}

impl Drop for Manual {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.programs);
    }
}

const RULES: &str = "-A -t 2.2.2.25:80 -s wrr\n-a -t 2.2.2.25:80 -r 1.1.1.10:80 -m -w 3\n";

#[test]
fn two_directors_are_compared_as_the_manual_says() {
    let manual = Manual::new("two-directors");
    let line = manual.example_from("ssh director2 ipvsadm-save -n |");
    let [director1, director2] = [Namespace::new(), Namespace::new()];
    let there = format!(
        "[ \"$1\" = director2 ] || exit 255; shift\n\
         exec nsenter --net=/proc/{}/ns/net -- sh -c \"PATH='{}':\\$PATH; $*\"",
        director2.thread_id(),
        manual.programs.display()
    );
    manual.write_program("ssh", &there);
    for director in [&director1, &director2] {
        ours(director, &reload(&[], RULES));
    }
    let outcome = manual.run(&director1, line);
    assert_eq!(outcome.ending, Ending::Status(0), "{outcome}");
    assert!(outcome.stdout.is_empty(), "{outcome}");
    ours(&director2, &Invocation::line("-A -f 7 -s rr"));
    let outcome = manual.run(&director1, line);
    assert_eq!(outcome.ending, Ending::Status(3), "{outcome}");
    assert_eq!(outcome.stdout_text(), "-A -f 7 -s rr\n");
    assert_eq!(saved(&director1), RULES);
    // A director that cannot be reached is no director that is the same.
    let outcome = manual.run(&director1, &line.replace("director2", "director3"));
    assert_eq!(outcome.ending, Ending::Status(1), "{outcome}");
}

#[test]
fn cron_reports_a_difference_as_the_manual_says() {
    let manual = Manual::new("cron");
    let crontab = manual.example_from("DIFF=");
    let (variable, line) = crontab.split_once("\n7 * * * * root ").unwrap();
    // As cron does it: what is behind the equals sign is the value, and the rest is for a shell.
    let line = &format!("{}'\n{line}", variable.replacen('=', "='", 1));
    let log = manual.programs.join("log");
    manual.write_program("logger", &format!("echo \"$@\" >>'{}'", log.display()));
    let namespace = Namespace::new();
    manual.write_rules(RULES);
    ours(&namespace, &reload(&[], RULES));
    let outcome = manual.run(&namespace, line);
    assert_eq!(outcome.to_string(), "= status 0\n");
    assert!(!log.exists());
    ours(&namespace, &Invocation::line("-C"));
    let outcome = manual.run(&namespace, line);
    assert_eq!(outcome.to_string(), "= status 0\n");
    let logged = fs::read_to_string(&log).unwrap();
    assert!(logged.starts_with("-p daemon.warning "), "{logged}");
    assert_eq!(saved(&namespace), "");
}

#[test]
fn ansible_is_told_of_a_change_as_the_manual_says() {
    let manual = Manual::new("ansible");
    let task = manual.example_from("ansible.builtin.command:");
    let command = task.lines().nth(1).unwrap().trim();
    let changed = manual.line_behind("changed_when: ipvs.rc == ");
    let good = manual.line_behind("failed_when: ipvs.rc not in ");
    let good: Vec<&str> = good.trim_matches(['[', ']']).split(", ").collect();
    let namespace = Namespace::new();
    for (rules, is_changed, has_failed) in [
        (RULES, true, false),
        ("", false, false),
        ("-A -t nonsense\n", false, true),
    ] {
        ours(&namespace, &Invocation::line("-C"));
        manual.write_rules(rules);
        let outcome = manual.run(&namespace, command);
        let Ending::Status(code) = outcome.ending else {
            panic!("{outcome}");
        };
        let code = code.to_string();
        assert_eq!(code == changed, is_changed, "{rules}{outcome}");
        assert_eq!(
            !good.contains(&code.as_str()),
            has_failed,
            "{rules}{outcome}"
        );
    }
}
