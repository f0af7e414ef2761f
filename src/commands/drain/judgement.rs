//! The rules of a drain: what may be drained, when it is, and the words for it. Pure: the counters
//! come from outside.

#![forbid(unsafe_code)]

use std::time::Duration;

use crate::commands::entries::{Entry, minutes_and_seconds, time_left};
use crate::error::Unfinished;
use crate::model::{DestinationState, Protocol, VirtualService};
use crate::render::endpoints::EndpointWriter;
use crate::render::phrases::{self, counted, whole};
use crate::render::rules;
use crate::request::{AfterDrain, DrainRequest};
use crate::schedulers::TurningAway;

/// A look at an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seen {
    /// It is not there any more, or its service is not.
    Gone,
    /// Somebody has given it a weight again.
    Raised(u32),
    /// It takes nothing new.
    Quiet {
        active: u32,
        inactive: u32,
        persistent: u32,
    },
}

impl Seen {
    pub fn of(state: Option<&DestinationState>) -> Seen {
        let Some(state) = state else {
            return Seen::Gone;
        };
        match state.destination.weight {
            0 => Seen::Quiet {
                active: state.active_connections,
                inactive: state.inactive_connections,
                persistent: state.persistent_connections,
            },
            weight => Seen::Raised(weight),
        }
    }

    /// Active, inactive, persistent.
    fn counts(self) -> [u32; 3] {
        match self {
            Seen::Quiet {
                active,
                inactive,
                persistent,
            } => [active, inactive, persistent],
            Seen::Gone | Seen::Raised(_) => [0; 3],
        }
    }
}

/// The meaning of a look at all entries.
#[derive(Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Nobody is on them.
    Drained,
    NotYet,
    /// Somebody else has other plans; why, one line an entry.
    Disturbed(Vec<Vec<u8>>),
}

/// Returns the objection to draining servers of a service, if there is one: the harm to new
/// connections. A server of weight 0 has none to lose.
pub fn objection(
    service: &VirtualService,
    destinations: &[DestinationState],
    is_named: impl Fn(&DestinationState) -> bool,
) -> Option<Vec<u8>> {
    let takes_connections = |state: &DestinationState| state.destination.weight > 0;
    let has_such = |wanted: bool| {
        let mut all = destinations.iter();
        all.any(|state| takes_connections(state) && is_named(state) == wanted)
    };
    if !has_such(true) {
        return None;
    }
    let why = if !has_such(false) {
        "no real server would be left for new connections".to_owned()
    } else {
        let without_fallback = TurningAway::by(service)?
            .fallback
            .map_or(String::new(), |(_, word)| format!(", without -b {word}"));
        let scheduler = service.scheduler;
        format!("{scheduler} turns away clients whose server has weight 0{without_fallback}")
    };
    let mut line = Vec::new();
    rules::write_service_name(&mut line, &mut EndpointWriter::numeric(), &service.identity);
    line.extend_from_slice(format!(": {why}; --force drains it all the same").as_bytes());
    Some(line)
}

/// Returns the outcome of a look. A server that is to be deleted and is gone is as good as drained.
pub fn verdict(
    entries: &[Entry],
    seen: &[Seen],
    newcomers: &[Entry],
    expires_templates: bool,
    then: AfterDrain,
) -> Verdict {
    let mut disturbed: Vec<_> = entries
        .iter()
        .zip(seen)
        .filter_map(|(entry, seen)| match seen {
            Seen::Raised(weight) => {
                Some(entry.line(&format!("somebody has given it weight {weight} again")))
            }
            Seen::Gone if !then.deletes() => Some(entry.line("somebody has deleted it")),
            _ => None,
        })
        .collect();
    disturbed.extend(
        newcomers
            .iter()
            .map(|new| new.line("somebody has added it")),
    );
    if !disturbed.is_empty() {
        return Verdict::Disturbed(disturbed);
    }
    let is_idle = |seen: &Seen| {
        let [active, inactive, persistent] = seen.counts();
        active == 0 && inactive == 0 && (persistent == 0 || expires_templates)
    };
    match seen.iter().all(is_idle) {
        true => Verdict::Drained,
        false => Verdict::NotYet,
    }
}

/// Writes the connections left on each entry that is not idle, one line each.
pub fn what_is_left(entries: &[Entry], seen: &[Seen]) -> Vec<Vec<u8>> {
    let left = entries.iter().zip(seen);
    let left = left.filter(|(_, seen)| seen.counts() != [0; 3]);
    left.map(|(entry, seen)| {
        let [active, inactive, persistent] = seen.counts();
        let clients = match persistent {
            0 => String::new(),
            _ => format!(
                ", and {} held by persistence",
                counted(persistent, "client")
            ),
        };
        let count = format!("{active} active and {inactive} inactive connections left{clients}");
        entry.line(&count)
    })
    .collect()
}

/// The end of the waiting before the servers were left by all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    TimeIsUp,
    Signal,
    OtherPlans,
    /// Others have deleted a server that was to stay: its rule would change nothing.
    Deletion,
}

/// Returns the sentence on what a drain that was given up has done, what not, and what to do now.
pub fn given_up(end: Cause, then: AfterDrain, prefix: &str) -> Vec<u8> {
    let (cause, weights) = match end {
        Cause::TimeIsUp => ("time is up", "left at weight 0"),
        Cause::Signal => ("interrupted", "left at weight 0"),
        Cause::OtherPlans | Cause::Deletion => {
            ("somebody has other plans", "weights are left as they are")
        }
    };
    let not_done = match then {
        AfterDrain::Stay => "",
        AfterDrain::DeleteServers | AfterDrain::DeleteService => "not deleted, and ",
    };
    let way_back = match end {
        Cause::Deletion => String::new(),
        _ => format!("; {}", way_back(prefix)),
    };
    format!("{cause}: {not_done}{weights}{way_back}").into_bytes()
}

/// Returns the hint after a drain that did not come to its end. Where others changed what was
/// drained, they are to be asked.
pub fn how_to_go_on(fault: &Unfinished) -> Option<String> {
    matches!(fault, Unfinished::TimeIsUp(_) | Unfinished::Interrupted(..)).then(|| {
        "the same command again goes on; the way back is the one that was written first".to_owned()
    })
}

/// Returns the sentence on what a drain has done that came to its end, by the last look. What
/// others have deleted was not drained. `prefix` stands before commands.
pub fn drained(then: AfterDrain, seen: &[Seen], gone_by: Duration, prefix: &str) -> String {
    let gone = seen.iter().filter(|seen| **seen == Seen::Gone).count();
    let done = match then {
        AfterDrain::Stay => "drained, and left at weight 0",
        _ if gone > 0 && gone == seen.len() => "deleted by somebody else",
        _ if gone > 0 => "drained and deleted, in part by somebody else,",
        AfterDrain::DeleteServers => "drained and deleted",
        AfterDrain::DeleteService => "drained, and the service is deleted",
    };
    let gone_by = minutes_and_seconds(gone_by.as_secs());
    format!("{done} after {gone_by}; {}", way_back(prefix))
}

/// Returns the words about the rules that were written first; `prefix` stands before commands.
fn way_back(prefix: &str) -> String {
    format!("the way back is on standard output, for {prefix}ipvsadm -R")
}

/// The setting that gets rid of clients that persistence brings back.
pub fn about_persistence(clients: u64, prefix: &str) -> String {
    format!(
        "persistence brings its clients back (held: {clients}); {} lets them go elsewhere",
        whole(&format!(
            "{prefix}sysctl -w net.ipv4.vs.expire_quiescent_template=1"
        ))
    )
}

/// The progress, for a person who waits.
#[derive(Debug)]
pub struct DrainProgress {
    name: String,
    active: u64,
    inactive: u64,
    pub persistent: u64,
    /// `2 services` that the server leaves, or `2 servers` that the service has.
    places: String,
    /// True if inactive connections are closing, as those of TCP and SCTP are.
    has_states: bool,
    gone_by: Duration,
    left: Option<Duration>,
}

impl DrainProgress {
    pub fn of(
        request: &DrainRequest,
        entries: &[Entry],
        seen: &[Seen],
        gone_by: Duration,
        left: Option<Duration>,
    ) -> DrainProgress {
        let sum = |kind: usize| seen.iter().map(|seen| u64::from(seen.counts()[kind])).sum();
        let name = match request.server {
            Some(server) => phrases::named_server(server),
            None => request
                .service
                .map(phrases::service_in_sentence)
                .unwrap_or_default(),
        };
        let services = entries.chunk_by(|one, next| one.service == next.service);
        let places = match request.server {
            Some(_) => counted(services.count(), "service"),
            None => counted(entries.len(), "server"),
        };
        let has_states = |entry: &Entry| {
            matches!(
                entry.service.protocol(),
                Some(Protocol::Tcp | Protocol::Sctp)
            )
        };
        DrainProgress {
            name,
            active: sum(0),
            inactive: sum(1),
            persistent: sum(2),
            places,
            has_states: entries.iter().all(has_states),
            gone_by,
            left,
        }
    }

    /// Returns the line that says it.
    pub fn line(&self) -> String {
        let DrainProgress {
            name,
            active,
            inactive,
            persistent,
            places,
            ..
        } = self;
        let inactive_word = match self.has_states {
            true => "closing",
            false => "inactive",
        };
        let persistent = match persistent {
            0 => String::new(),
            _ => format!(", {persistent} persistent"),
        };
        let gone_by = minutes_and_seconds(self.gone_by.as_secs());
        let left = self
            .left
            .map_or(String::new(), |left| format!(", {} left", time_left(left)));
        format!(
            "{name}: {active} active, {inactive} {inactive_word}{persistent} in {places}, \
             {gone_by} gone by{left}"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli;
    use crate::model::{Change, Statistics};
    use crate::request::{NamedServer, Request};

    fn change(line: &str) -> Change {
        match cli::parse_words(line.split(' ').map(str::as_bytes)).unwrap() {
            Request::Change(change) => change,
            request => panic!("{request:?}"),
        }
    }

    /// A service, and its servers in lines of options behind `-r`.
    fn service(line: &str, servers: &[&str]) -> (VirtualService, Vec<DestinationState>) {
        let Change::AddService(service) = change(&format!("-A {line}")) else {
            panic!("{line} adds no service");
        };
        let servers = servers.iter().map(|server| {
            let line = format!("-a -f 1 -r {server}");
            let Change::AddDestination(_, destination) = change(&line) else {
                panic!("{line} adds no server");
            };
            DestinationState {
                destination,
                active_connections: 0,
                inactive_connections: 0,
                persistent_connections: 0,
                statistics: Statistics::default(),
            }
        });
        let servers = servers.collect();
        (service, servers)
    }

    fn objection_to(line: &str, servers: &[&str]) -> String {
        let (service, servers) = service(line, servers);
        let is_named =
            |state: &DestinationState| state.destination.identity.address.to_string() == "10.0.0.1";
        let objection = objection(&service, &servers, is_named).unwrap_or_default();
        String::from_utf8(objection).unwrap()
    }

    #[test]
    fn the_way_back_leads_into_the_namespace() {
        let prefix = "ip netns exec blue ";
        let end = "; the way back is on standard output, for ip netns exec blue ipvsadm -R";
        for cause in [Cause::TimeIsUp, Cause::Signal, Cause::OtherPlans] {
            let sentence = given_up(cause, AfterDrain::Stay, prefix);
            assert!(sentence.ends_with(end.as_bytes()), "{cause:?}");
        }
        assert_eq!(
            given_up(Cause::Deletion, AfterDrain::Stay, prefix),
            b"somebody has other plans: weights are left as they are"
        );
        let sentence = drained(AfterDrain::Stay, &[], Duration::from_secs(7), prefix);
        assert_eq!(
            sentence,
            format!("drained, and left at weight 0 after 0:07{end}")
        );
        assert_eq!(
            about_persistence(8, prefix).replace('\u{a0}', " "),
            "persistence brings its clients back (held: 8); ip netns exec blue sysctl -w \
             net.ipv4.vs.expire_quiescent_template=1 lets them go elsewhere"
        );
    }

    #[test]
    fn a_service_is_not_left_without_servers() {
        const ALONE: &str = "-t 10.9.9.9:80: no real server would be left for new connections; \
                             --force drains it all the same";
        let rr = "-t 10.9.9.9:80 -s rr";
        for (servers, told) in [
            (&["10.0.0.1", "10.0.0.2"][..], ""),
            (&["10.0.0.1"], ALONE),
            (&["10.0.0.1", "10.0.0.2 -w 0"], ALONE),
            (&["10.0.0.1:80 -m", "10.0.0.1:81 -m"], ALONE),
            // There is nothing left to lose.
            (&["10.0.0.1 -w 0"], ""),
            (&["10.0.0.1 -w 0", "10.0.0.2 -w 0"], ""),
            (&["10.0.0.2"], ""),
        ] {
            assert_eq!(objection_to(rr, servers), told, "{servers:?}");
        }
    }

    #[test]
    fn a_scheduler_that_turns_clients_away_is_left_alone() {
        let both = &["10.0.0.1", "10.0.0.2"];
        for (line, told) in [
            (
                "-f 1 -s sh",
                "-f 1: sh turns away clients whose server has weight 0, without -b sh-fallback; \
                 --force drains it all the same",
            ),
            (
                "-f 1 -6 -s mh -b mh-port",
                "-f 1 -6: mh turns away clients whose server has weight 0, \
                 without -b mh-fallback; --force drains it all the same",
            ),
            ("-f 1 -s sh -b sh-fallback", ""),
            ("-f 1 -s mh -b mh-port,mh-fallback", ""),
            (
                "-f 1 -s dh",
                "-f 1: dh turns away clients whose server has weight 0; \
                 --force drains it all the same",
            ),
        ] {
            assert_eq!(objection_to(line, both), told, "{line}");
        }
        assert_eq!(
            objection_to("-f 1 -s sh", &["10.0.0.1 -w 0", "10.0.0.2"]),
            ""
        );
    }

    const STAY: AfterDrain = AfterDrain::Stay;
    const DELETE: AfterDrain = AfterDrain::DeleteServers;

    fn entries() -> Vec<Entry> {
        ["-a -t 10.9.9.9:80 -r 10.0.0.1 -m", "-a -f 7 -r 10.0.0.1"]
            .map(|line| match change(line) {
                Change::AddDestination(service, destination) => Entry {
                    service,
                    destination,
                },
                _ => panic!("{line} adds no server"),
            })
            .to_vec()
    }

    fn quiet(active: u32, inactive: u32, persistent: u32) -> Seen {
        Seen::Quiet {
            active,
            inactive,
            persistent,
        }
    }

    #[test]
    fn it_is_drained_when_nobody_is_on_any_entry() {
        let idle = quiet(0, 0, 0);
        for (seen, expires_templates, then, expected) in [
            ([idle, idle], false, STAY, Verdict::Drained),
            ([idle, quiet(1, 0, 0)], true, DELETE, Verdict::NotYet),
            ([quiet(0, 1, 0), idle], true, DELETE, Verdict::NotYet),
            ([idle, quiet(0, 0, 1)], false, DELETE, Verdict::NotYet),
            ([idle, quiet(0, 0, 1)], true, STAY, Verdict::Drained),
            ([idle, Seen::Gone], false, DELETE, Verdict::Drained),
            ([quiet(1, 0, 0), Seen::Gone], false, DELETE, Verdict::NotYet),
            (
                [quiet(1, 0, 0), Seen::Gone],
                false,
                STAY,
                Verdict::Disturbed(vec![
                    b"-f 7 -r 10.0.0.1:0: somebody has deleted it".to_vec(),
                ]),
            ),
            (
                [Seen::Raised(3), idle],
                false,
                DELETE,
                Verdict::Disturbed(vec![
                    b"-t 10.9.9.9:80 -r 10.0.0.1:80: somebody has given it weight 3 again".to_vec(),
                ]),
            ),
        ] {
            assert_eq!(
                verdict(&entries(), &seen, &[], expires_templates, then),
                expected,
                "{seen:?}"
            );
        }
        let newcomer = verdict(
            &entries()[..1],
            &[idle],
            &entries()[1..],
            false,
            AfterDrain::DeleteService,
        );
        let line = b"-f 7 -r 10.0.0.1:0: somebody has added it".to_vec();
        assert_eq!(newcomer, Verdict::Disturbed(vec![line]));
    }

    #[test]
    fn what_others_have_deleted_was_not_drained() {
        let (idle, gone) = (quiet(0, 0, 0), Seen::Gone);
        for (then, seen, done) in [
            (STAY, [idle, idle], "drained, and left at weight 0 after"),
            (DELETE, [idle, idle], "drained and deleted after"),
            (
                DELETE,
                [gone, idle],
                "drained and deleted, in part by somebody else, after",
            ),
            (DELETE, [gone, gone], "deleted by somebody else after"),
        ] {
            let sentence = drained(then, &seen, Duration::from_secs(67), "in-blue ");
            assert_eq!(sentence, format!("{done} 1:07; {}", way_back("in-blue ")));
        }
    }

    #[test]
    fn who_is_left_is_told_of_each_entry_that_is_in_use() {
        let told = |seen: [Seen; 2]| {
            let lines = what_is_left(&entries(), &seen);
            String::from_utf8(lines.join(&b'\n')).unwrap()
        };
        assert_eq!(
            told([quiet(2, 25, 0), quiet(0, 0, 0)]),
            "-t 10.9.9.9:80 -r 10.0.0.1:80: 2 active and 25 inactive connections left"
        );
        assert_eq!(
            told([Seen::Gone, quiet(0, 1, 3)]),
            "-f 7 -r 10.0.0.1:0: 0 active and 1 inactive connections left, \
             and 3 clients held by persistence"
        );
    }

    #[test]
    fn progress_says_what_is_left_of_connections_and_time() {
        let request = |port| DrainRequest {
            service: None,
            server: Some(NamedServer {
                address: "10.0.0.1".parse().unwrap(),
                port,
            }),
            then: AfterDrain::DeleteServers,
            seconds: None,
            is_forced: false,
            may_be_missing: false,
        };
        let seen = [quiet(0, 5, 0), quiet(2, 20, 7)];
        let line = |request, entries: &[Entry], seconds, left: Option<u64>| {
            let left = left.map(Duration::from_secs);
            let gone_by = Duration::from_secs(seconds);
            DrainProgress::of(&request, entries, &seen[..entries.len()], gone_by, left).line()
        };
        let entries = entries();
        assert_eq!(
            line(request(None), &entries, 72, Some(228)),
            "10.0.0.1: 2 active, 25 inactive, 7 persistent in 2 services, 1:12 gone by, 3:48 left"
        );
        assert_eq!(
            line(request(Some(80)), &entries[..1], 3723, None),
            "10.0.0.1:80: 0 active, 5 closing in 1 service, 1:02:03 gone by"
        );
    }
}
