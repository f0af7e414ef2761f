//! Shows people what listening brought: how many attempts at a service got how far, and at each
//! server.

#![forbid(unsafe_code)]

use std::collections::BTreeMap;

use crate::diagnose::checks::listed;
use crate::diagnose::facts::{Facts, Route, Server, Service};
use crate::diagnose::listen::MOST_ATTEMPTS;
use crate::diagnose::listen::listened::{Attempt, Fate, Listened, Step};
use crate::diagnose::listen::sync::Master;
use crate::model::{DestinationIdentity, ForwardingMethod, Protocol};
use crate::render::phrases::{counted, endpoint, in_lines};
use crate::screen::Screen;

/// The columns before and behind a server's name.
const BEFORE_SERVER: usize = 4;
const BEHIND_SERVER: usize = 3;

/// Formats how many tried a service: `12 attempts of 3 clients in 10 s`. `None` where nobody listened, or
/// the service is not one to listen to.
pub fn summary(facts: &Facts, service: &Service) -> Option<String> {
    let listened = facts.listened.as_ref()?;
    if service.identity().protocol() == Some(Protocol::Sctp) {
        return None;
    }
    let seconds = listened.seconds();
    let funnel = service.attempts;
    Some(match funnel.count {
        0 if funnel.has_gaps => format!("no attempt heard in {seconds} s"),
        0 => format!("nobody tried in {seconds} s"),
        count => format!(
            "{} of {} in {seconds} s",
            counted(count, "attempt"),
            counted(funnel.clients, "client")
        ),
    })
}

/// The steps that attempts at a service got to, then a line for each server that one was for.
/// Lines are no longer than a screen is wide.
pub fn lines(facts: &Facts, service: &Service, screen: Screen) -> Vec<String> {
    let Some(listened) = &facts.listened else {
        return Vec::new();
    };
    if service.attempts.count == 0 {
        return Vec::new();
    }
    let mut lines = steps(facts, listened, service, screen);
    let servers: Vec<(String, Vec<&Attempt>)> = service
        .servers
        .iter()
        .map(|server| Some(server.identity()))
        .chain([None])
        .map(|server| {
            let name = server.map_or("no server known".to_owned(), endpoint);
            (name, of_server(listened, service, server))
        })
        .filter(|(_, attempts)| !attempts.is_empty())
        .collect();
    let longest = servers.iter().map(|(name, _)| name.len()).max();
    let longest = longest.unwrap_or_default();
    for (name, attempts) in servers {
        let begin = BEFORE_SERVER + longest + BEHIND_SERVER;
        let ends = ends(listened, &attempts);
        let ends = in_lines(&ends, screen.width.saturating_sub(begin));
        for (index, words) in ends.into_iter().enumerate() {
            let name = if index == 0 { name.as_str() } else { "" };
            let name = format!("{}{name}", " ".repeat(BEFORE_SERVER));
            lines.push(format!("{name:<begin$}{words}"));
        }
    }
    lines
}

/// Returns a line for each master of sync daemons that was heard, without newlines.
pub fn masters(facts: &Facts) -> Vec<String> {
    let Some(listened) = &facts.listened else {
        return Vec::new();
    };
    let line = |master: &Master| {
        format!(
            "Heard the master daemon of {}: syncid {}, version {}.",
            master.address, master.sync_id, master.version
        )
    };
    listened.masters.iter().map(line).collect()
}

/// Returns what was not heard, a line each, without newlines.
pub fn gaps(facts: &Facts) -> Vec<String> {
    let Some(listened) = &facts.listened else {
        return Vec::new();
    };
    let mut gaps = Vec::new();
    if listened.attempts_not_followed > 0 {
        gaps.push(format!(
            "{} more began: no more than {MOST_ATTEMPTS} are followed.",
            counted(listened.attempts_not_followed, "attempt")
        ));
    }
    if listened.packets_lost > 0 {
        gaps.push(format!(
            "{} came too fast to be heard, besides {} that were.",
            counted(listened.packets_lost, "packet"),
            listened.packets
        ));
    }
    let is_sctp = |service: &&Service| service.identity().protocol() == Some(Protocol::Sctp);
    if facts.services.iter().any(|service| is_sctp(&service)) {
        gaps.push("Attempts over SCTP are not followed.".to_owned());
    }
    gaps
}

fn of_server<'l>(
    listened: &'l Listened,
    service: &Service,
    server: Option<DestinationIdentity>,
) -> Vec<&'l Attempt> {
    let attempts = listened.of(service.identity());
    attempts
        .filter(|attempt| attempt.server == server)
        .collect()
}

/// `arrived 12 on eth0 · scheduled 12 · left 12 · heard 6`, of which steps that are not to be seen
/// are left out. Where they are too many for a line, the way back has another.
fn steps(facts: &Facts, listened: &Listened, service: &Service, screen: Screen) -> Vec<String> {
    let funnel = service.attempts;
    let attempts = || listened.of(service.identity());
    let interfaces = Listened::interfaces(&facts.director, attempts());
    let comes_back = |server: &Server| {
        server.state.destination.forwarding_method == ForwardingMethod::Masquerading
            || server.route == Route::Local
    };
    let mut there = vec![
        format!("arrived {} on {}", funnel.count, listed(&interfaces)),
        format!("scheduled {}", funnel.scheduled),
    ];
    if service
        .servers
        .iter()
        .any(|server| server.route != Route::Local)
    {
        there.push(format!("left {}", funnel.left));
    }
    let mut back = Vec::new();
    if service.servers.iter().any(comes_back) {
        back.push(format!("answered {}", funnel.answered));
        back.push(format!("answers left {}", funnel.answers_left));
    }
    match served_word(attempts()) {
        // Of datagrams the answers that left are the last that is seen.
        "answered" => (),
        word => back.push(format!("{word} {}", funnel.served)),
    }
    let of_both = in_rows(there.iter().chain(&back), screen);
    match of_both.len() {
        1 => of_both,
        _ => [in_rows(&there, screen), in_rows(&back, screen)].concat(),
    }
}

/// Joins steps to lines that are no longer than a screen is wide.
fn in_rows<'a>(steps: impl IntoIterator<Item = &'a String>, screen: Screen) -> Vec<String> {
    let separator = if screen.has_unicode { " · " } else { ", " };
    let length = |text: &str| text.chars().count();
    let mut rows: Vec<String> = Vec::new();
    for step in steps {
        match rows.last_mut() {
            Some(row) if length(row) + length(separator) + length(step) <= screen.width => {
                row.push_str(separator);
                row.push_str(step);
            }
            _ => rows.push(format!("  {step}")),
        }
    }
    rows
}

/// Formats what became of a server's attempts: `6 of 6 heard`, `0 of 6 heard: the clients repeat their
/// SYN`.
fn ends(listened: &Listened, attempts: &[&Attempt]) -> String {
    let mut others: BTreeMap<String, u64> = BTreeMap::new();
    let mut served = 0;
    for attempt in attempts {
        match end(listened, attempt) {
            Some(words) => *others.entry(words).or_default() += 1,
            None => served += 1,
        }
    }
    let what = served_word(attempts.iter().copied());
    let of_all = format!("{served} of {} {what}", attempts.len());
    let mut words: Vec<String> = others
        .iter()
        .map(|(words, count)| format!("{count} {words}"))
        .collect();
    if let (1, Some(only)) = (others.len(), others.keys().next()) {
        words = vec![only.clone()];
    }
    match words.is_empty() {
        true => of_all,
        false => format!("{of_all}: {}", words.join(", ")),
    }
}

/// Returns the word for attempts that were served: clients of TCP are heard to go on, datagrams are
/// answered, and a firewall mark may have both.
fn served_word<'a>(mut attempts: impl Iterator<Item = &'a Attempt> + Clone) -> &'static str {
    let is_tcp = |attempt: &Attempt| attempt.protocol == Protocol::Tcp;
    match (attempts.clone().any(is_tcp), attempts.all(is_tcp)) {
        (_, true) => "heard",
        (false, _) => "answered",
        _ => "served",
    }
}

/// Formats what became of an attempt that was not served.
fn end(listened: &Listened, attempt: &Attempt) -> Option<String> {
    let words = match listened.fate(attempt) {
        Fate::Served => return None,
        Fate::Refused => "refused (RST)",
        Fate::Error(error) => return Some(format!("ICMP {}", error.text())),
        Fate::EndedAt(Step::Arrived) => "not taken by IPVS",
        Fate::EndedAt(Step::Scheduled) => "not sent",
        Fate::EndedAt(Step::Left) if attempt.is_translated() => "no answer came back",
        Fate::EndedAt(Step::Answered) => "the answer did not leave here",
        Fate::EndedAt(Step::Left | Step::AnswerLeft) => "the client repeats its SYN",
        Fate::EndedAt(Step::Heard) => "what followed the SYN did not leave here",
        Fate::OutOfSight => "left, and answers do not come this way",
        Fate::Undecided if attempt.asked_once_only(listened.duration) => {
            "the client asks once: refused past here, or gone"
        }
        Fate::Undecided => "undecided",
    };
    Some(words.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnose::checks::samples::{healthy, identity};
    use crate::diagnose::listen;
    use crate::diagnose::listen::listened::{Answer, ErrorAnswer};
    use crate::diagnose::listen::packets::IcmpReason;
    use crate::diagnose::listen::samples::{heard, leaves, server};
    use crate::samples;
    use std::time::Duration;

    /// Tells of attempts that came for the first server, by lines of so many columns.
    fn told(width: usize, attempts: Vec<Attempt>) -> Vec<String> {
        let mut facts = healthy();
        listen::add(heard(attempts), &mut facts);
        let screen = samples::ascii_screen(width);
        lines(&facts, &facts.services[0], screen)
    }

    /// Returns an attempt that came once for the first server, whatever its protocol.
    fn attempt(protocol: Protocol) -> Attempt {
        Attempt {
            service: Some(identity("-t 192.0.2.1:80")),
            server: Some(server()),
            arrivals: 1,
            ..listen::samples::attempt(protocol)
        }
    }

    #[test]
    fn datagrams_are_answered_clients_are_heard_and_both_are_served() {
        let mut heard = attempt(Protocol::Tcp);
        heard.is_heard = true;
        let mut answered = attempt(Protocol::Udp);
        leaves(&mut answered, "10.0.0.10:80");
        (answered.answer, answered.answer_left) = (Some(Answer::Agreed), true);
        let last = |attempts| told(100, attempts).pop().unwrap();
        assert!(last(vec![heard.clone()]).ends_with("1 of 1 heard"));
        assert!(last(vec![answered.clone()]).ends_with("1 of 1 answered"));
        let both = told(100, vec![heard, answered]);
        assert!(both[0].ends_with(", served 2"), "{both:?}");
        assert!(both[1].ends_with("2 of 2 served"), "{both:?}");
    }

    #[test]
    fn what_was_not_heard_is_told_and_what_was_is_not() {
        let told = |packets_lost, attempts_not_followed| {
            let mut facts = healthy();
            let mut listened = heard(Vec::new());
            (listened.packets, listened.packets_lost) = (700, packets_lost);
            listened.attempts_not_followed = attempts_not_followed;
            listen::add(listened, &mut facts);
            gaps(&facts)
        };
        assert_eq!(told(0, 0), [""; 0]);
        let lost = ["1 packet came too fast to be heard, besides 700 that were."];
        assert_eq!(told(1, 0), lost);
        assert_eq!(
            told(0, 2),
            ["2 attempts more began: no more than 4096 are followed."]
        );
    }

    #[test]
    fn a_client_that_asks_once_was_refused_past_here_or_is_gone() {
        let told = |began| {
            let mut once = attempt(Protocol::Tcp);
            leaves(&mut once, "192.0.2.1:80");
            once.last_arrival = Duration::from_millis(began);
            told(100, vec![once]).pop().unwrap()
        };
        assert!(told(6000).ends_with("the client asks once: refused past here, or gone"));
        assert!(told(7000).ends_with("undecided"));
    }

    #[test]
    fn where_one_line_is_too_short_the_way_back_has_another() {
        let mut heard = attempt(Protocol::Tcp);
        leaves(&mut heard, "10.0.0.10:80");
        (heard.answer, heard.answer_left) = (Some(Answer::Agreed), true);
        heard.is_heard = true;
        let there = "  arrived 1 on inner, scheduled 1, left 1";
        let back = "answered 1, answers left 1, heard 1";
        let rows = |width| told(width, vec![heard.clone()]);
        assert_eq!(rows(80)[0], format!("{there}, {back}"));
        assert_eq!(rows(70)[..2], [there.to_owned(), format!("  {back}")]);
    }

    #[test]
    fn no_line_is_longer_than_the_screen_is_wide() {
        let mut refused = attempt(Protocol::Tcp);
        refused.has_entry = true;
        refused.answer = Some(Answer::Error(ErrorAnswer {
            reporter: "2001:db8:17:29::254".parse().unwrap(),
            reason: IcmpReason {
                is_ipv6: true,
                kind: 1,
                code: 4,
            },
            is_of_tunnel: false,
        }));
        let lines = told(60, vec![refused, attempt(Protocol::Tcp)]);
        assert!(lines.iter().all(|line| line.len() <= 60), "{lines:?}");
        assert!(
            lines.last().unwrap().ends_with(", 1 undecided"),
            "{lines:?}"
        );
    }
}
