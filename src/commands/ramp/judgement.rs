//! Which weight a server has at which second, what may be ramped, and how that is told. Pure: the
//! clock and the kernel are elsewhere.
#![forbid(unsafe_code)]

use std::time::Duration;

use crate::commands::entries::{Entry, minutes_and_seconds, time_left};
use crate::model::{Change, Destination, DestinationState, VirtualService};
use crate::render::endpoints::EndpointWriter;
use crate::render::phrases::counted;
use crate::render::rules;
use crate::schedulers::WeightChange;

/// The least weight that has steps worth the name below it.
const LEAST: u32 = 4;
/// The factor for weights that leave no room for steps.
const FACTOR: u32 = 100;

/// Returns the weight after so long of a ramp to `target`: from 1 in even steps, never beyond.
pub fn weight_at(gone_by: Duration, length: Duration, target: u32) -> u32 {
    let way = u128::from(target.saturating_sub(1));
    let gone_by = gone_by.min(length).as_millis();
    let gone = (way * gone_by).checked_div(length.as_millis());
    // No more than `way`, for no more has gone by than the whole length.
    let gone = gone.and_then(|gone| u32::try_from(gone).ok());
    gone.map_or(target, |gone| target.min(1 + gone))
}

/// Returns how long to wait for the next look: they are made at whole seconds, so that each step is
/// as long as the others.
pub fn pause_after(gone_by: Duration) -> Duration {
    let begun = Duration::from_nanos(gone_by.subsec_nanos().into());
    Duration::from_secs(1) - begun
}

/// Returns what speaks against a ramp of a server, and what to do instead, one line or more; none
/// if nothing does. The entry has the weight that is to be reached; `prefix` stands before
/// commands.
pub fn objection(
    service: &VirtualService,
    there: &[DestinationState],
    entry: &Entry,
    prefix: &str,
) -> Vec<Vec<u8>> {
    let scheduler = service.scheduler;
    let target = entry.destination.weight;
    let why = match WeightChange::with(scheduler.as_bytes()) {
        WeightChange::Nothing => format!(
            "{scheduler} does not heed weights, and the server has its share at once; {}",
            instead(service, prefix)
        ),
        WeightChange::Late => format!(
            "{scheduler} leaves the clients of an address with their server until that is \
             overloaded, and gives no share; {}",
            instead(service, prefix)
        ),
        WeightChange::Moves => format!(
            "{scheduler} sends clients to other servers with each new weight; \
             leave --ramp out, and they move once"
        ),
        WeightChange::AllOrNone => format!(
            "{scheduler} sends all new clients to the server of the greatest weight; \
             leave --ramp out, for there is no share in between"
        ),
        WeightChange::Share if target == 0 => {
            "its weight is 0; -w N is the one to be reached".to_owned()
        }
        WeightChange::Share if target < LEAST => return no_room(service, there, entry, prefix),
        WeightChange::Share => return Vec::new(),
    };
    vec![entry.line(&why)]
}

/// Returns the line that gives a service a scheduler which heeds weights.
fn instead(service: &VirtualService, prefix: &str) -> String {
    let scheduler = match service.scheduler.as_bytes() {
        b"rr" => "wrr",
        _ => "wlc",
    };
    let mut name = Vec::new();
    rules::write_service_name(&mut name, &mut EndpointWriter::numeric(), &service.identity);
    let name = String::from_utf8_lossy(&name);
    format!("{scheduler} does: {prefix}ipvsadm -E {name} -s {scheduler} --keep")
}

/// Returns that there is no room for steps, and the lines that make some: all shares stay.
fn no_room(
    service: &VirtualService,
    there: &[DestinationState],
    entry: &Entry,
    prefix: &str,
) -> Vec<Vec<u8>> {
    let room = entry.destination.weight.saturating_mul(FACTOR);
    let in_use = there.iter().filter(|state| state.destination.weight > 0);
    let multiplied = in_use.map(|state| {
        let there = Entry {
            service: service.identity,
            destination: state.destination,
        };
        let weight = state.destination.weight.saturating_mul(FACTOR);
        let mut line = format!("{prefix}ipvsadm ").into_bytes();
        write_rule(
            &mut line,
            &there.with_weight(weight.min(Destination::LARGEST)),
        );
        line.pop();
        line
    });
    let multiplied: Vec<_> = multiplied.collect();
    let first = match multiplied.is_empty() {
        true => "",
        false => "multiply this service's weights, then ",
    };
    let colon = if multiplied.is_empty() { "" } else { ":" };
    let why = format!(
        "weights are whole numbers: {FACTOR} in place of 1 leaves room for steps; \
         {first}ramp to -w {room}{colon}"
    );
    let mut lines = vec![entry.line(&why)];
    lines.extend(multiplied);
    lines
}

/// Appends a rule and its newline.
pub fn write_rule(out: &mut Vec<u8>, change: &Change) {
    rules::write_change(out, &mut EndpointWriter::numeric(), change);
}

/// Returns what others have done to a server that was given this weight; `None` if nothing.
pub fn disturbance(entry: &Entry, given: u32, seen: Option<&DestinationState>) -> Option<Vec<u8>> {
    match seen.map(|state| state.destination.weight) {
        None => Some(entry.line("somebody has deleted it")),
        Some(weight) if weight != given => {
            Some(entry.line(&format!("somebody has given it weight {weight}")))
        }
        Some(_) => None,
    }
}

/// Returns the lines on servers that a signal leaves on their way, and what to do now; `prefix`
/// stands before commands.
pub fn interrupted(entries: &[Entry], weights: &[u32], prefix: &str) -> Vec<Vec<u8>> {
    let left = entries.iter().zip(weights);
    let left = left.map(|(entry, weight)| {
        let target = entry.destination.weight;
        entry.line(&format!("left at weight {weight} of {target}"))
    });
    let sentence = format!("interrupted: {}", shortcut(prefix)).into_bytes();
    left.chain([sentence]).collect()
}

/// Returns the sentence on a ramp that others have ended, and what to do now: of a server that they
/// have deleted, the rules change nothing. `prefix` stands before commands.
pub fn other_plans(all_are_there: bool, prefix: &str) -> Vec<u8> {
    let left = "somebody has other plans: weights are left as they are";
    match all_are_there {
        true => format!("{left}; {}", shortcut(prefix)).into_bytes(),
        false => left.into(),
    }
}

/// Returns the words about the rules that were written first.
fn shortcut(prefix: &str) -> String {
    format!("the rule on standard output, through {prefix}ipvsadm -R, ends the ramp at once")
}

/// Returns the sentence on a ramp that came to its end.
pub fn reached(name: &str, entries: &[Entry], gone_by: Duration) -> String {
    let weights = weights(entries.iter().map(|entry| entry.destination.weight));
    let gone_by = minutes_and_seconds(gone_by.as_secs());
    format!("{name} has reached weight {weights} after {gone_by}")
}

/// Returns the line of progress.
pub fn progress(
    name: &str,
    entries: &[Entry],
    given: &[u32],
    gone_by: Duration,
    length: Duration,
) -> String {
    let targets = weights(entries.iter().map(|entry| entry.destination.weight));
    let given = weights(given.iter().copied());
    let services = entries.chunk_by(|one, next| one.service == next.service);
    let services = counted(services.count(), "service");
    let left = time_left(length.saturating_sub(gone_by));
    let gone_by = minutes_and_seconds(gone_by.as_secs());
    format!("{name}: weight {given} of {targets} in {services}, {gone_by} gone by, {left} left")
}

/// Formats weights: one, or the least and the greatest.
fn weights(all: impl Iterator<Item = u32> + Clone) -> String {
    let least = all.clone().min().unwrap_or_default();
    let greatest = all.max().unwrap_or_default();
    match least == greatest {
        true => greatest.to_string(),
        false => format!("{least} to {greatest}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli;
    use crate::model::Statistics;
    use crate::request::Request;

    #[test]
    fn steps_are_even_and_never_beyond() {
        let at = |milliseconds, length, target| {
            let (gone_by, length) = (
                Duration::from_millis(milliseconds),
                Duration::from_secs(length),
            );
            weight_at(gone_by, length, target)
        };
        let all: Vec<u32> = (0..=6).map(|second| at(second * 1000, 5, 101)).collect();
        assert_eq!(all, [1, 21, 41, 61, 81, 101, 101]);
        // Fewer weights than looks.
        let all: Vec<u32> = (0..=9).map(|second| at(second * 1000, 9, 4)).collect();
        assert_eq!(all, [1, 1, 1, 2, 2, 2, 3, 3, 3, 4]);
        // A look that is late.
        assert_eq!(at(1999, 5, 101), 40);
        assert_eq!(at(86_400_000, 5, 101), 101);
        let greatest = Destination::LARGEST;
        assert_eq!(at(0, 2_147_483_647, greatest), 1);
        assert_eq!(at(2_147_483_647_000, 2_147_483_647, greatest), greatest);
        assert_eq!(at(2_147_483_646_999, 2_147_483_647, greatest), greatest - 1);
    }

    #[test]
    fn looks_are_at_whole_seconds() {
        let pause = |milliseconds| pause_after(Duration::from_millis(milliseconds)).as_millis();
        assert_eq!(
            [0, 1, 999, 1000, 3004].map(pause),
            [1000, 999, 1, 1000, 996]
        );
    }

    fn change(line: &str) -> Change {
        match cli::parse_words(line.split(' ').map(str::as_bytes)).unwrap() {
            Request::Change(change) => change,
            request => panic!("{request:?}"),
        }
    }

    fn entry(line: &str) -> Entry {
        match change(&format!("-a -t 10.9.9.9:80 -r {line}")) {
            Change::AddDestination(service, destination) => Entry {
                service,
                destination,
            },
            other => panic!("{other:?}"),
        }
    }

    fn seen(line: &str) -> DestinationState {
        DestinationState {
            destination: entry(line).destination,
            active_connections: 0,
            inactive_connections: 0,
            persistent_connections: 0,
            statistics: Statistics::default(),
        }
    }

    fn objection_to(scheduler: &str, server: &str) -> String {
        let Change::AddService(service) = change(&format!("-A -t 10.9.9.9:80 -s {scheduler}"))
        else {
            panic!("{scheduler}");
        };
        let there = ["10.0.0.2 -m -w 3 -x 9", "10.0.0.3 -m -w 0", "10.0.0.4 -g"].map(seen);
        let lines = objection(&service, &there, &entry(server), "in-blue ");
        String::from_utf8(lines.join(&b'\n')).unwrap()
    }

    #[test]
    fn a_ramp_that_would_do_nothing_good_is_not_begun() {
        const SERVER: &str = "10.0.0.1 -m -w 100";
        const NAME: &str = "-t 10.9.9.9:80 -r 10.0.0.1:80: ";
        for scheduler in ["wrr", "wlc", "sed", "nq", "ovf", "twos", "ours"] {
            assert_eq!(objection_to(scheduler, SERVER), "", "{scheduler}");
            assert_eq!(objection_to(scheduler, "10.0.0.1 -w 4"), "", "{scheduler}");
        }
        for (scheduler, why) in [
            (
                "rr",
                "rr does not heed weights, and the server has its share at once; \
                 wrr does: in-blue ipvsadm -E -t 10.9.9.9:80 -s wrr --keep",
            ),
            (
                "dh",
                "dh does not heed weights, and the server has its share at once; \
                 wlc does: in-blue ipvsadm -E -t 10.9.9.9:80 -s wlc --keep",
            ),
            (
                "lblcr",
                "lblcr leaves the clients of an address with their server until that is \
                 overloaded, and gives no share; \
                 wlc does: in-blue ipvsadm -E -t 10.9.9.9:80 -s wlc --keep",
            ),
            (
                "mh",
                "mh sends clients to other servers with each new weight; \
                 leave --ramp out, and they move once",
            ),
            (
                "fo",
                "fo sends all new clients to the server of the greatest weight; \
                 leave --ramp out, for there is no share in between",
            ),
        ] {
            assert_eq!(objection_to(scheduler, SERVER), format!("{NAME}{why}"));
        }
        assert_eq!(
            objection_to("wlc", "10.0.0.1 -w 0"),
            format!("{NAME}its weight is 0; -w N is the one to be reached")
        );
    }

    #[test]
    fn where_there_is_no_room_lines_make_some() {
        assert_eq!(
            objection_to("wlc", "10.0.0.1 -w 3"),
            "-t 10.9.9.9:80 -r 10.0.0.1:80: weights are whole numbers: 100 in place of 1 leaves \
             room for steps; multiply this service's weights, then ramp to -w 300:\n\
             in-blue ipvsadm -e -t 10.9.9.9:80 -r 10.0.0.2:80 -m -w 300 -x 9\n\
             in-blue ipvsadm -e -t 10.9.9.9:80 -r 10.0.0.4:80 -g -w 100"
        );
        let Change::AddService(service) = change("-A -t 10.9.9.9:80 -s wlc") else {
            panic!("no service");
        };
        let alone = objection(&service, &[], &entry("10.0.0.1 -w 2"), "in-blue ");
        assert_eq!(
            String::from_utf8(alone.concat()).unwrap(),
            "-t 10.9.9.9:80 -r 10.0.0.1:80: weights are whole numbers: 100 in place of 1 leaves \
             room for steps; ramp to -w 200"
        );
    }

    #[test]
    fn who_is_there_no_more_has_no_rule_to_end_the_ramp() {
        let left = "somebody has other plans: weights are left as they are";
        assert_eq!(other_plans(false, "in-blue "), left.as_bytes());
        let told = format!("{left}; {}", shortcut("in-blue "));
        assert_eq!(other_plans(true, "in-blue "), told.as_bytes());
        assert!(told.ends_with(", through in-blue ipvsadm -R, ends the ramp at once"));
    }

    #[test]
    fn what_others_do_is_seen() {
        let entry = entry("10.0.0.1 -w 9");
        let told = |given, line: Option<&str>| {
            let state = line.map(seen);
            let line = disturbance(&entry, given, state.as_ref()).unwrap_or_default();
            String::from_utf8(line).unwrap()
        };
        assert_eq!(told(5, Some("10.0.0.1 -w 5 -x 3")), "");
        assert_eq!(
            told(5, Some("10.0.0.1 -w 0")),
            "-t 10.9.9.9:80 -r 10.0.0.1:80: somebody has given it weight 0"
        );
        assert_eq!(
            told(5, None),
            "-t 10.9.9.9:80 -r 10.0.0.1:80: somebody has deleted it"
        );
    }

    #[test]
    fn progress_names_the_least_and_the_greatest_weight() {
        let entries = ["10.0.0.1 -w 100", "10.0.0.1 -w 40"].map(entry);
        let line = |count: usize| {
            let (gone_by, length) = (Duration::from_millis(12_003), Duration::from_secs(60));
            let (entries, given) = (&entries[..count], &[20, 8][..count]);
            progress("10.0.0.1", entries, given, gone_by, length)
        };
        assert_eq!(
            line(1),
            "10.0.0.1: weight 20 of 100 in 1 service, 0:12 gone by, 0:48 left"
        );
        let two = line(2);
        assert!(
            two.starts_with("10.0.0.1: weight 8 to 20 of 40 to 100 in "),
            "{two}"
        );
    }
}
