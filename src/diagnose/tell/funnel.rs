//! What listening brought, for people: how many attempts at a service got how far, and at each
//! server.

#![forbid(unsafe_code)]

use std::collections::BTreeMap;

use crate::diagnose::checks::listed;
use crate::diagnose::facts::{Facts, Route, Server, Service};
use crate::diagnose::listen::MOST_ATTEMPTS;
use crate::diagnose::listen::listened::{Attempt, Fate, Listened, Step};
use crate::model::{DestinationIdentity, ForwardingMethod, Protocol};
use crate::render::phrases::{counted, endpoint};
use crate::screen::Screen;

/// Formats how many tried a service: `12 attempts of 3 clients in 10 s`. `None` where nobody listened, or
/// the service is not one to listen to.
pub fn summary(facts: &Facts, service: &Service) -> Option<String> {
    let listened = facts.listened.as_ref()?;
    if service.identity().protocol() == Some(Protocol::Sctp) {
        return None;
    }
    let seconds = listened.seconds();
    let funnel = service.listened;
    Some(match funnel.count {
        0 => format!("nobody tried in {seconds} s"),
        count => format!(
            "{} of {} in {seconds} s",
            counted(count, "attempt"),
            counted(funnel.clients, "client")
        ),
    })
}

/// The steps that attempts at a service got to, then a line for each server that one was for.
/// Lines of steps are as long as the screen is wide.
pub fn lines(facts: &Facts, service: &Service, screen: Screen) -> Vec<String> {
    let Some(listened) = &facts.listened else {
        return Vec::new();
    };
    if service.listened.count == 0 {
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
        let ends = ends(listened, &attempts);
        lines.push(format!("    {name:<longest$}   {ends}"));
    }
    lines
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
/// are left out.
fn steps(facts: &Facts, listened: &Listened, service: &Service, screen: Screen) -> Vec<String> {
    let funnel = service.listened;
    let attempts = || listened.of(service.identity());
    let interfaces = Listened::interfaces(&facts.director, attempts());
    let comes_back = |server: &Server| {
        server.state.destination.forwarding_method == ForwardingMethod::Masquerading
            || server.route == Route::Local
    };
    let mut steps = vec![
        format!("arrived {} on {}", funnel.count, listed(&interfaces)),
        format!("scheduled {}", funnel.scheduled),
    ];
    if service
        .servers
        .iter()
        .any(|server| server.route != Route::Local)
    {
        steps.push(format!("left {}", funnel.left));
    }
    if service.servers.iter().any(comes_back) {
        steps.push(format!("answered {}", funnel.answered));
        steps.push(format!("answers left {}", funnel.answers_left));
    }
    if attempts().any(|attempt| attempt.protocol == Protocol::Tcp) {
        let heard = attempts().filter(|attempt| attempt.is_heard).count();
        steps.push(format!("heard {heard}"));
    }
    let separator = if screen.has_unicode { " · " } else { ", " };
    let mut lines: Vec<String> = Vec::new();
    for step in steps {
        let length = |text: &str| text.chars().count();
        match lines.last_mut() {
            Some(line) if length(line) + length(separator) + length(&step) <= screen.width => {
                line.push_str(separator);
                line.push_str(&step);
            }
            _ => lines.push(format!("  {step}")),
        }
    }
    lines
}

/// Formats what became of a server's attempts: `6 of 6 heard`, `0 of 6 heard: the clients repeat their
/// SYN`.
fn ends(listened: &Listened, attempts: &[&Attempt]) -> String {
    let mut others: BTreeMap<String, u64> = BTreeMap::new();
    let mut served = 0;
    for attempt in attempts {
        match end(attempt, listened.fate(attempt)) {
            Some(words) => *others.entry(words).or_default() += 1,
            None => served += 1,
        }
    }
    let is_tcp = attempts
        .iter()
        .any(|attempt| attempt.protocol == Protocol::Tcp);
    let what = if is_tcp { "heard" } else { "answered" };
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

/// Formats what became of an attempt that was not served.
fn end(attempt: &Attempt, fate: Fate) -> Option<String> {
    let words = match fate {
        Fate::Served => return None,
        Fate::Refused => "refused (RST)",
        Fate::Error(error) => return Some(format!("ICMP {}", error.text())),
        Fate::EndedAt(Step::Arrived) => "not taken by IPVS",
        Fate::EndedAt(Step::Scheduled) => "not sent",
        Fate::EndedAt(Step::Left) if attempt.is_translated() => "no answer came back",
        Fate::EndedAt(Step::Answered) => "the answer did not leave here",
        Fate::EndedAt(Step::Left | Step::AnswerLeft | Step::Heard) => "the client repeats its SYN",
        Fate::OutOfSight => "left, and answers do not come this way",
        Fate::Undecided => "undecided",
    };
    Some(words.to_owned())
}
