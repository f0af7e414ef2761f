//! Findings for a person in an outage: by service, the worst first, each with what to do. Always in
//! numbers, and never wider than 80 columns but for commands, which stay in one piece.

use std::collections::HashMap;

use crate::diagnose::facts::{Facts, Service};
use crate::diagnose::findings::{Finding, Level};
use crate::diagnose::probe::{PortAnswer, Probed, WayBack};
use crate::diagnose::{checks, ladder};
use crate::model::ServiceIdentity;
use crate::render::endpoints::EndpointWriter;
use crate::render::phrases::{counted, service_in_sentence, write_service_name};

const WIDTH: usize = 80;
/// Where texts begin, behind the level.
const INDENT: usize = 9;
/// Where the id stands, behind the last words.
const ID_COLUMN: usize = 55;
const DIRECTOR: &str = "This director";
/// Of how many services the same note is told.
const MOST_ALIKE: usize = 3;

pub fn write(out: &mut Vec<u8>, facts: &Facts, findings: &[Finding]) {
    let mut text = String::new();
    let mut by_service: HashMap<Option<ServiceIdentity>, Vec<&Finding>> = HashMap::new();
    for finding in findings {
        by_service.entry(finding.service).or_default().push(finding);
    }
    let of = |service| {
        let mut found = by_service.get(&service).cloned().unwrap_or_default();
        found.sort_by_key(|finding| finding.level);
        found
    };
    let mut group = Group::default();
    let of_director = of(None);
    let is_urgent = of_director
        .iter()
        .any(|finding| finding.level != Level::Note);
    if is_urgent {
        group.write(&mut text, DIRECTOR, "", &of_director);
    }
    let is_one = facts.services.len() == 1;
    for service in &facts.services {
        let found = of(Some(service.identity()));
        if is_one || !found.is_empty() {
            group.write(&mut text, &title(service), &summary(facts, service), &found);
        }
    }
    group.write_rest(&mut text);
    if !is_urgent {
        group.write(&mut text, DIRECTOR, "", &of_director);
    }
    text.push_str(&conclusion(facts, findings));
    out.extend_from_slice(text.as_bytes());
}

/// The notes that were told, which need not be told of every service.
#[derive(Default)]
struct Group {
    notes: Vec<(&'static str, usize)>,
}

impl Group {
    fn write(&mut self, text: &mut String, title: &str, summary: &str, findings: &[&Finding]) {
        let told: Vec<&&Finding> = findings
            .iter()
            .filter(|finding| self.is_worth_telling(finding))
            .collect();
        if told.is_empty() && (summary.is_empty() || !findings.is_empty()) {
            return;
        }
        let gap = WIDTH.saturating_sub(title.chars().count() + summary.chars().count());
        let line = match summary {
            "" => title.to_owned(),
            _ => format!("{title}{}{summary}", " ".repeat(gap.max(2))),
        };
        text.push_str(&line);
        text.push('\n');
        for finding in told {
            write_finding(text, finding);
        }
    }

    fn is_worth_telling(&mut self, finding: &Finding) -> bool {
        if finding.level != Level::Note || finding.service.is_none() {
            return true;
        }
        let known = self.notes.iter_mut().find(|(id, _)| *id == finding.id);
        match known {
            Some((_, count)) => {
                *count += 1;
                *count <= MOST_ALIKE
            }
            None => {
                self.notes.push((finding.id, 1));
                true
            }
        }
    }

    fn write_rest(&self, text: &mut String) {
        let mut more = self
            .notes
            .iter()
            .filter(|(_, count)| *count > MOST_ALIKE)
            .peekable();
        if more.peek().is_some() {
            text.push_str("Other services\n");
        }
        for (id, count) in more {
            let words = format!("The same of {} more.", count - MOST_ALIKE);
            write_words(text, Level::Note, &words, id);
        }
    }
}

fn write_finding(text: &mut String, finding: &Finding) {
    write_words(text, finding.level, &finding.text, finding.id);
    for remedy in &finding.remedy {
        let place = remedy.place.word();
        text.push_str(&format!(
            "{}{place}: {}\n",
            " ".repeat(INDENT),
            remedy.command
        ));
    }
}

fn write_words(text: &mut String, level: Level, words: &str, id: &str) {
    let mut line = format!("  {:<width$}", level.word(), width = INDENT - 2);
    let mut is_empty = true;
    for word in words.split(' ') {
        if !is_empty && line.chars().count() + 1 + word.chars().count() > WIDTH {
            text.push_str(&line);
            text.push('\n');
            line = " ".repeat(INDENT);
            is_empty = true;
        }
        if !is_empty {
            line.push(' ');
        }
        line.push_str(word);
        is_empty = false;
    }
    if line.chars().count() + 1 > ID_COLUMN {
        text.push_str(&line);
        text.push('\n');
        line.clear();
    }
    text.push_str(&format!("{line:<ID_COLUMN$}[{id}]\n"));
}

/// `TCP 192.0.2.1:80 rr`.
fn title(service: &Service) -> String {
    let mut name = Vec::new();
    let settings = &service.state.service;
    write_service_name(
        &mut name,
        &mut EndpointWriter::numeric(),
        &settings.identity,
        0,
    );
    format!("{} {}", String::from_utf8_lossy(&name), settings.scheduler)
}

/// `4 servers`, how many of them were asked if not all were, and how many answered.
fn summary(facts: &Facts, service: &Service) -> String {
    let count = service.servers.len();
    let servers = match count {
        0 => "no server".to_owned(),
        _ => counted(count, "server"),
    };
    let was_asked = |probed: Probed| !matches!(probed, Probed::Skipped(_));
    let probed = service.servers.iter().filter_map(|server| server.probed);
    let asked: Vec<Probed> = probed.filter(|probed| was_asked(*probed)).collect();
    if !facts.is_probed || asked.is_empty() {
        return servers;
    }
    let servers = match asked.len() == count {
        true => servers,
        false => format!("{servers}, {} asked", asked.len()),
    };
    match asked.into_iter().filter(|probed| is_well(*probed)).count() {
        0 => format!("{servers}, none answers"),
        1 => format!("{servers}, 1 answers"),
        answering => format!("{servers}, {answering} answer"),
    }
}

fn is_well(probed: Probed) -> bool {
    match probed {
        Probed::Asked {
            port: PortAnswer::Taken,
            way_back,
        } => way_back.is_none_or(|way| way == WayBack::Here),
        _ => false,
    }
}

/// How many of each level; and what else could be done where nothing was found.
fn conclusion(facts: &Facts, findings: &[Finding]) -> String {
    let counts = [Level::Fault, Level::Risk, Level::Note].map(|level| {
        let count = findings
            .iter()
            .filter(|finding| finding.level == level)
            .count();
        (count, level.word())
    });
    let told: Vec<String> = counts
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, word)| counted(*count, word))
        .collect();
    let unexplained = ladder::unexplained(facts, findings);
    let is_well = findings.iter().all(|finding| finding.level == Level::Note);
    let mut text = match (is_well, told.is_empty()) {
        (true, _) if !unexplained.is_empty() => "Nothing found explains it.".to_owned(),
        (true, true) => "No fault and no risk found.".to_owned(),
        (true, false) => format!("No fault and no risk found; {}.", told.join(", ")),
        (false, _) => format!("{}.", told.join(", ")),
    };
    if !unexplained.is_empty() {
        let names: Vec<String> = unexplained.into_iter().map(service_in_sentence).collect();
        text.push_str(&format!(
            "\nClients of {} wait in vain: --listen shows where their packets end.",
            checks::listed(&names)
        ));
    } else if is_well && !facts.is_probed && !facts.services.is_empty() {
        text.push_str("\nWith --probe, the real servers are asked, too.");
    }
    text.push('\n');
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnose::checks::judge;
    use crate::diagnose::checks::samples::{asked, endpoint, forward_by, healthy, rival, service};
    use crate::model::{ForwardingMethod, Statistics};

    fn told(facts: &Facts) -> String {
        let mut out = Vec::new();
        write(&mut out, facts, &judge(facts));
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_service_that_was_asked_for_is_told_of_where_all_is_well() {
        let mut facts = healthy();
        let line = format!("TCP 192.0.2.1:80 rr{}2 servers\n", " ".repeat(52));
        assert!(told(&facts).starts_with(&line), "{}", told(&facts));
        facts.services.push(service("-t 192.0.2.1:443"));
        facts.services[1].servers = facts.services[0].servers.clone();
        assert_eq!(
            told(&facts),
            "No fault and no risk found.\nWith --probe, the real servers are asked, too.\n"
        );
    }

    #[test]
    fn a_finding_is_told_with_its_id_at_its_place() {
        let mut facts = healthy();
        facts.is_probed = true;
        facts.services[0].rivals.push(rival(Some([10, 0, 0, 20])));
        forward_by(&mut facts, ForwardingMethod::DirectRouting);
        facts.services[0].servers[0].probed = asked(PortAnswer::Taken, None);
        facts.services[0].servers[1].probed = asked(PortAnswer::Refused, None);
        let expected = "\
TCP 192.0.2.1:80 rr                                         2 servers, 1 answers
  risk   10.0.0.20 (02:00:00:00:00:bc) answers ARP for 192.0.2.1: clients that
         hear it first go there, past this director.   [duplicate-address]
         there: sysctl -w net.ipv4.conf.all.arp_ignore=1
         there: sysctl -w net.ipv4.conf.all.arp_announce=2
  risk   10.0.0.20 refuses 192.0.2.1:80: it has the address, and nobody listens
         there.                                        [port-refused]
2 risks.
";
        assert_eq!(told(&facts), expected);
    }

    #[test]
    fn who_was_not_asked_is_not_missed_among_those_who_answer() {
        let mut facts = healthy();
        facts.is_probed = true;
        let title = |facts: &Facts| told(facts).lines().next().unwrap().to_owned();
        facts.services[0].servers[0].probed = asked(PortAnswer::Taken, Some(WayBack::Here));
        assert!(title(&facts).ends_with("  2 servers, 1 asked, 1 answers"));
        facts.services[0].servers[1].probed = Some(Probed::NoNeighbour);
        assert!(title(&facts).ends_with("  2 servers, 1 answers"));
    }

    #[test]
    fn notes_that_are_alike_are_cut_short() {
        let mut facts = healthy();
        for port in 1..=20 {
            let mut other = service(&format!("-t 192.0.2.1:{port}"));
            other.state.statistics = Statistics::default();
            other.servers = facts.services[0].servers.clone();
            facts.services.push(other);
        }
        let told = told(&facts);
        assert_eq!(
            told.matches("[nothing-arrives]").count(),
            MOST_ALIKE + 1,
            "{told}"
        );
        assert!(told.contains("  note   The same of 17 more."), "{told}");
        assert!(told.contains("found; 20 notes."), "{told}");
    }

    #[test]
    fn no_words_are_wider_than_a_terminal() {
        let mut facts = healthy();
        facts.director.interfaces[0].is_up = false;
        facts.director.settings.forwards_ipv4 = false;
        facts.director.interfaces[1].forwards_ipv4 = false;
        facts.director.timeouts.tcp = 900;
        facts.services[0].state.service.identity = endpoint("-t [2001:db8:1:2:3:4:5:6]:65535");
        for line in told(&facts).lines().filter(|line| !line.contains("here: ")) {
            assert!(line.chars().count() <= WIDTH, "{line}");
        }
    }
}
