//! `--keep-weights`: a reload that leaves the weights alone of the servers that both have, and
//! nothing else.

use std::collections::{BTreeMap, BTreeSet};

use super::random_tables::Table;
use super::{ours, reload, saved};
use crate::support::cluster::Cluster;
use crate::support::traffic::Conversation;
use crate::support::{Ending, Invocation, Namespace, Program, Random};

/// A table, saved: each server's rule by its name, the weight apart. Services have no weight.
fn parts(rules: &str) -> BTreeMap<&str, (String, &str)> {
    let part = |rule| match rule_and_weight(rule) {
        None => (rule, (String::new(), "")),
        Some((name, weight, options)) => (name, (options, weight)),
    };
    rules.lines().map(part).collect()
}

/// The name in a rule of a server, its weight, and the rest.
fn rule_and_weight(rule: &str) -> Option<(&str, &str, String)> {
    let (front, rest) = rule.split_once(" -w ")?;
    let (weight, options) = rest.split_once(' ').unwrap_or((rest, ""));
    let (name, method) = front.rsplit_once(' ')?;
    Some((name, weight, format!("{method} {options}")))
}

/// The table that is to be left: the file's, but for the weights of servers that were there; with
/// `keeps_others` also the services that it does not name.
fn expected<'a>(
    before: &'a str,
    file: &'a str,
    keeps_others: bool,
) -> BTreeMap<&'a str, (String, &'a str)> {
    let there = parts(before);
    let mut table = parts(file);
    for (name, (_, weight)) in &mut table {
        if let Some((_, kept)) = there.get(name) {
            *weight = kept;
        }
    }
    if keeps_others {
        let service_of = |rule: &'a str| {
            let name = rule.split_once(" -s ").map_or(rule, |(name, _)| name);
            let name = name.split_once(" -r ").map_or(name, |(name, _)| name);
            &name[3..]
        };
        let named: BTreeSet<_> = table.keys().map(|rule| service_of(rule)).collect();
        let others = there.into_iter();
        table.extend(others.filter(|(rule, _)| !named.contains(service_of(rule))));
    }
    table
}

#[test]
fn everything_but_the_weights_of_servers_that_both_have_is_the_files() {
    let [director, copy, file] = [Namespace::new(), Namespace::new(), Namespace::new()];
    let mut random = Random::of_this_run();
    let mut table = Table::default();
    let mut kept = 0;
    let mut rounds = 0;
    // As many weights differ in a round as chance has it, so more rounds may be needed.
    while rounds < 20 || kept <= 20 {
        assert!(rounds < 100, "only {kept} weights differed");
        table.change(&mut random);
        ours(&director, &reload(&[], &table.rules(&mut random)));
        let before = saved(&director);
        ours(&copy, &reload(&[], &before));
        table.change(&mut random);
        let rules = table.rules(&mut random);
        ours(&file, &reload(&[], &rules));
        let of_file = saved(&file);

        let keeps_others = rounds % 3 == 2;
        let words: &[&str] = match keeps_others {
            true => &["--keep-weights", "--noflush"],
            false => &["--keep-weights"],
        };
        let dry_words = [words, &["--dry-run"]].concat();
        let changes = ours(&director, &reload(&dry_words, &rules));
        assert_eq!(saved(&director), before, "--dry-run changed the table");
        ours(&director, &reload(words, &rules));
        let after = saved(&director);
        let expected = expected(&before, &of_file, keeps_others);
        assert_eq!(parts(&after), expected, "from\n{before}\nto\n{rules}");
        ours(&copy, &Invocation::restore(changes.clone()));
        assert_eq!(parts(&saved(&copy)), expected, "{changes}");
        assert_eq!(ours(&director, &reload(&dry_words, &rules)), "");
        let of_file = parts(&of_file);
        let differs = |(name, (_, weight)): &(&&str, &(String, &str))| {
            of_file
                .get(*name)
                .is_some_and(|(_, wanted)| wanted != weight)
        };
        kept += expected.iter().filter(differs).count();
        // The rounds go on from the file's table.
        ours(&director, &reload(&[], &rules));
        rounds += 1;
    }
}

#[test]
fn rules_that_are_run_one_after_another_do_not_go_with_it() {
    const TABLE: &str = "-A -f 1 -s rr\n-a -f 1 -r 10.1.0.1:0 -g -w 0\n";
    let namespace = Namespace::new();
    ours(&namespace, &reload(&[], TABLE));
    for (words, more) in [
        (&["--keep-weights"][..], "-Z\n"),
        (&["--keep-weights", "--dry-run"], "-L\n"),
        (&["--keep-weights", "--test"], "-L\n"),
        (&["--keep-weights", "--noflush"], "-d -f 1 -r 10.1.0.1\n"),
    ] {
        let rules = format!("-A -f 1 -s rr\n-a -f 1 -r 10.1.0.1 -w 5\n{more}");
        let outcome = namespace.run(&Program::ours(), &reload(words, &rules));
        assert_eq!(
            (outcome.ending, outcome.stderr_text().as_str()),
            (
                Ending::Status(2),
                "--keep-weights takes rules that only describe a table: these list or zero as \
                 well, or change services that --noflush leaves\n"
            ),
            "{words:?} {more}"
        );
        assert_eq!(saved(&namespace), TABLE);
    }
}

/// Runs `ipvsadm-restore` at a terminal, and returns what that shows.
fn at_terminal(namespace: &Namespace, words: &str, rules: &str) -> String {
    let ours = env!("CARGO_BIN_EXE_ipvsadm");
    let line = format!(
        "cd /media && printf '%s' '{rules}' >rules && \
         bash -c 'exec -a ipvsadm-restore {ours} {words} rules'"
    );
    namespace.at_terminal(999, &line)
}

#[test]
fn who_gets_clients_again_is_named_at_a_terminal() {
    let server = |number: usize, weight: u32| {
        format!("-a -t 2.2.2.25:80 -r 1.1.1.{number}:80 -m -w {weight}\n")
    };
    let table = |weights: [u32; 5]| {
        let servers = weights.iter().enumerate();
        let servers: String = servers
            .map(|(index, weight)| server(10 * (index + 1), *weight))
            .collect();
        format!("-A -t 2.2.2.25:80 -s wrr\n{servers}")
    };
    let again =
        |names: &str| format!("hint: {names} clients again; --keep-weights leaves weights alone\n");
    let name = |number: usize| format!("-t 2.2.2.25:80 -r 1.1.1.{number}:80");
    let namespace = Namespace::new();
    let file = table([3, 0, 5, 6, 7]);
    for (weights, shown) in [
        (
            [0, 0, 5, 6, 7],
            again(&format!("{} was drained, and gets", name(10))),
        ),
        (
            [3, 0, 0, 1, 0],
            again(&format!("{}, {} were drained, and get", name(30), name(50))),
        ),
        (
            [0; 5],
            again(&format!(
                "{}, {}, {}, more were drained, and get",
                name(10),
                name(30),
                name(40)
            )),
        ),
        ([1, 2, 3, 4, 5], String::new()),
        ([3, 9, 5, 6, 7], String::new()),
    ] {
        let before = table(weights);
        ours(&namespace, &reload(&[], &before));
        assert_eq!(at_terminal(&namespace, "--keep-weights", &file), "");
        assert_eq!(saved(&namespace), before);
        let told: String = at_terminal(&namespace, "--dry-run", &file)
            .lines()
            .filter(|line| line.starts_with("hint"))
            .map(|line| format!("{line}\n"))
            .collect();
        assert_eq!(told, shown);
        assert_eq!(at_terminal(&namespace, "", &file), shown);
        assert_eq!(at_terminal(&namespace, "", &file), "");
        assert_eq!(saved(&namespace), file);
        // Nobody else hears of it.
        ours(&namespace, &reload(&[], &before));
        ours(&namespace, &reload(&[], &file));
    }
}

#[test]
fn a_drain_goes_on_through_ten_reloads_and_ends() {
    let cluster = Cluster::new("cluster nat");
    let director = &cluster.director;
    let rules = |more: usize| {
        let more: String = (0..more)
            .map(|port| format!("-a -t 2.2.2.25:22 -r 1.1.1.20:{} -m -w 1\n", 8000 + port))
            .collect();
        format!(
            "-A -t 2.2.2.25:22 -s wrr\n-a -t 2.2.2.25:22 -r 1.1.1.10:22 -m -w 7\n\
             {more}-a -t 2.2.2.25:22 -r 1.1.1.20:22 -m -w 5\n"
        )
    };
    let restore = |words: &[&str], more| {
        let outcome = director.run(&Program::ours(), &reload(words, &rules(more)));
        assert!(
            outcome.ending == Ending::Status(0) && outcome.stderr.is_empty(),
            "{outcome}"
        );
    };
    restore(&[], 0);
    let mut conversations: Vec<_> = (0..4)
        .map(|_| Conversation::open(&cluster.client, "2.2.2.25:22"))
        .collect();
    let mut command = Program::ours().command("ipvsadm".as_ref());
    command.args(["-e", "-t", "2.2.2.25:22", "-r", "1.1.1.10", "--drain"]);
    let mut drain = director.enter(move || command.spawn().expect("our program starts"));
    crate::support::cluster::eventually("the weight is 0", || {
        let rules = director.ipvsadm("-Sn");
        match rules.contains("-r 1.1.1.10:22 -m -w 0") {
            true => Ok(()),
            false => Err(rules),
        }
    });
    let connections = || {
        director.wait_until_counted();
        let counters = director.ipvsadm("-ln --stats");
        let server = counters.lines().find(|line| line.contains("1.1.1.10:22"));
        let words = server.expect("the server").split_whitespace();
        words.skip(2).take(1).collect::<String>()
    };
    let before = connections();
    for more in 1..=10 {
        restore(&["--keep-weights"], more);
        conversations.iter_mut().for_each(Conversation::goes_on);
        assert_eq!(drain.try_wait().expect("a child of ours"), None);
    }
    assert_eq!(connections(), before, "a drained server got a client");
    // A connection that is reset is forgotten after ten seconds, one that is closed after two
    // minutes.
    conversations.into_iter().for_each(Conversation::reset);
    let status = drain.wait().expect("a child of ours");
    assert_eq!(status.code(), Some(0));
    let left = director.ipvsadm("-Sn");
    assert!(left.contains("-r 1.1.1.10:22 -m -w 0\n"), "{left}");
}
