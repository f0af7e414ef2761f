//! The comparison of the two programs: a namespace for each, and what differs as text that a person
//! can act on.

use std::fmt::Write;

use super::{Invocation, Namespace, Outcome, Program};

/// The two programs, each with a namespace of its own.
pub struct Pair {
    /// The program whose behaviour is the standard.
    pub reference: Program,
    pub ours: Program,
    /// The namespace of the reference.
    pub reference_namespace: Namespace,
    /// The namespace of ours.
    pub our_namespace: Namespace,
}

/// The reference's listings of both tables when a script is over. One process reads them all.
const FINAL_LISTINGS: &str = "-Sn
-ln
-ln --thresholds
-ln --tun-info
-ln --persistent-conn
-ln --stats
-L --timeout
-L --daemon
";

/// The number of lines in a row that a report shows before it only counts them.
const LINES_SHOWN: usize = 12;

impl Pair {
    /// Makes two fresh namespaces, both with an interface `eth0` if that is asked for.
    pub fn new(eth0: bool) -> Self {
        let pair = Self {
            reference: Program::reference(),
            ours: Program::ours(),
            reference_namespace: Namespace::new(),
            our_namespace: Namespace::new(),
        };
        if eth0 {
            pair.reference_namespace.add_eth0();
            pair.our_namespace.add_eth0();
        }
        pair
    }

    /// Runs the same command with both: the reference's outcome first.
    pub fn run(&self, invocation: &Invocation) -> (Outcome, Outcome) {
        (self.run_reference(invocation), self.run_ours(invocation))
    }

    /// Runs a command with the reference, in its namespace.
    pub fn run_reference(&self, invocation: &Invocation) -> Outcome {
        self.reference_namespace.run(&self.reference, invocation)
    }

    /// Runs a command with ours, in its namespace.
    pub fn run_ours(&self, invocation: &Invocation) -> Outcome {
        self.our_namespace.run(&self.ours, invocation)
    }

    /// Runs the same command with both programs in the reference's namespace.
    pub fn compare_on_one_table(&self, invocation: &Invocation) -> Result<(), String> {
        let got = self.reference_namespace.run(&self.ours, invocation);
        compare(&self.run_reference(invocation), &got)
    }

    /// Returns both tables as the reference lists them, or the difference between them.
    pub fn compare_tables(&self) -> Result<(), String> {
        let listings = Invocation::restore(FINAL_LISTINGS);
        let expected = self.run_reference(&listings);
        let got = self.our_namespace.run(&self.reference, &listings);
        compare(&in_one_order(expected), &in_one_order(got))
    }
}

/// The number of times that a listing is repeated because the table changed meanwhile.
const TRIES: usize = 100;

/// Lists by both programs, one after the other, a table that nobody changes, and returns our
/// listing, which must be the reference's. Time goes by meanwhile, on a busy machine more
/// than a second. So where the two differ the reference lists again, and ours must be what both its
/// listings are, but for what a connection has left, which may be any time between theirs. Where
/// the reference's differ in more than that (rates fade, connections run out), all is tried again.
pub fn listed_by_both(namespace: &Namespace, invocation: &Invocation) -> Outcome {
    let (reference, ours) = (Program::reference(), Program::ours());
    for _ in 0..TRIES {
        let before = namespace.run(&reference, invocation);
        let got = namespace.run(&ours, invocation);
        if got == before {
            return got;
        }
        let after = namespace.run(&reference, invocation);
        let [(before, longest), (listing, left), (after, shortest)] =
            [&before, &got, &after].map(without_clocks);
        if after != before || longest.iter().zip(&shortest).any(|(a, b)| a < b) {
            continue;
        }
        if let Err(difference) = compare(&before, &listing) {
            panic!("{:?} differs in\n{difference}", invocation.words);
        }
        let mut bounds = shortest.iter().zip(&longest);
        assert!(
            left.iter().all(|left| {
                let (shortest, longest) = bounds.next().expect("as many connections");
                (shortest..=longest).contains(&left)
            }),
            "{:?}: time left that is not between {shortest:?} and {longest:?}\n{got}",
            invocation.words
        );
        return got;
    }
    panic!(
        "{:?}: the reference never lists the same twice",
        invocation.words
    );
}

/// Returns a listing of connections without the times that they have left, and these, in seconds.
/// Any other listing is as it was.
fn without_clocks(listing: &Outcome) -> (Outcome, Vec<u64>) {
    let mut listing = listing.clone();
    let text = listing.stdout_text();
    let mut clocks = Vec::new();
    if !text.starts_with("IPVS connection entries\n") {
        return (listing, clocks);
    }
    // The protocol in four columns, and what is left as minutes and seconds.
    let without = |line: &str| -> String {
        let clock = line.get(4..).and_then(|rest| rest.split(' ').next());
        let Some((minutes, seconds)) = clock.and_then(|clock| clock.split_once(':')) else {
            return line.to_owned();
        };
        let number = |digits: &str| digits.parse::<u64>().expect("minutes and seconds");
        clocks.push(60 * number(minutes) + number(seconds));
        let end = 4 + minutes.len() + 1 + seconds.len();
        format!("{}{}{}", &line[..4], "#".repeat(end - 4), &line[end..])
    };
    listing.stdout = text
        .split_inclusive('\n')
        .map(without)
        .collect::<String>()
        .into_bytes();
    (listing, clocks)
}

/// Returns a listing with its services, and the real servers of each, in the order of their text.
/// The reference's own order is not the same for the same table in another namespace where
/// addresses are in a ring (192.0.2.1 before 10.0.0.1 before 127.0.0.1 before 192.0.2.1).
fn in_one_order(mut listing: Outcome) -> Outcome {
    let text = listing.stdout_text();
    let mut services: Vec<(&str, Vec<&str>)> = Vec::new();
    for line in text.split_inclusive('\n') {
        match services.last_mut() {
            Some((_, servers)) if line.starts_with("  ->") => servers.push(line),
            _ => services.push((line, Vec::new())),
        }
    }
    for (_, servers) in &mut services {
        servers.sort_unstable();
    }
    services.sort_unstable();
    listing.stdout = services
        .into_iter()
        .flat_map(|(service, servers)| std::iter::once(service).chain(servers))
        .collect::<String>()
        .into_bytes();
    listing
}

/// Compares two outcomes. The error is their difference line by line: `-` stands before what
/// only the reference printed, `+` before what only ours did.
pub fn compare(expected: &Outcome, got: &Outcome) -> Result<(), String> {
    if expected == got {
        return Ok(());
    }
    let (expected, got) = (expected.to_string(), got.to_string());
    let (expected, got): (Vec<_>, Vec<_>) = (expected.lines().collect(), got.lines().collect());
    let before = expected
        .iter()
        .zip(&got)
        .take_while(|(a, b)| a == b)
        .count();
    let after = expected[before..]
        .iter()
        .rev()
        .zip(got[before..].iter().rev())
        .take_while(|(a, b)| a == b)
        .count();
    let mut text = String::new();
    let mut write_lines = |mark: &str, lines: &[&str]| {
        for line in lines.iter().take(LINES_SHOWN) {
            let _ = writeln!(text, "  {mark} {line}");
        }
        if lines.len() > LINES_SHOWN {
            let _ = writeln!(
                text,
                "  {mark} … and {} lines more",
                lines.len() - LINES_SHOWN
            );
        }
    };
    write_lines(" ", &expected[before.saturating_sub(3)..before]);
    write_lines("-", &expected[before..expected.len() - after]);
    write_lines("+", &got[before..got.len() - after]);
    write_lines(" ", &expected[expected.len() - after..]);
    Err(text)
}
