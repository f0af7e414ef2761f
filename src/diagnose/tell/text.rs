//! Findings for a person in an outage: by service, the worst first, each with what to do. Always in
//! numbers. Words are as wide as the screen, up to 100 columns; a command stays in one piece, on a
//! line of its own, so that it can be copied.

#![forbid(unsafe_code)]

use std::collections::HashMap;
use std::mem;

use tabled::settings::Color;

use crate::diagnose::facts::{Facts, Server, Service};
use crate::diagnose::findings::{Finding, Level};
use crate::diagnose::probe::{PortAnswer, Probed, WayBack};
use crate::diagnose::tell::funnel;
use crate::diagnose::{checks, ladder};
use crate::model::{ForwardingMethod, ServiceIdentity};
use crate::render::endpoints::EndpointWriter;
use crate::render::phrases::{counted, in_lines, service_in_sentence, write_service_name};
use crate::screen::Screen;

/// No line of words is longer, however wide the terminal is: longer ones are hard to read.
const MOST_WIDE: usize = 100;
/// The column at which texts begin, behind the level.
const INDENT: usize = 9;
/// The column at which commands begin, below the word for their place.
const COMMAND_INDENT: usize = 11;
/// The most commands of a finding. Those that take in many services have one for each.
const MOST_REMEDIES: usize = 8;
const DIRECTOR: &str = "This director";
const SEVERAL: &str = "Servers of several services";
/// Of how many services the same note is told.
const MOST_ALIKE: usize = 3;

/// Appends findings, as wide as a screen.
pub fn write(out: &mut Vec<u8>, screen: Screen, facts: &Facts, findings: &[Finding]) {
    let mut by_service: HashMap<Option<ServiceIdentity>, Vec<&Finding>> = HashMap::new();
    for finding in findings {
        by_service.entry(finding.service).or_default().push(finding);
    }
    let of = |service| {
        let mut found = by_service.get(&service).cloned().unwrap_or_default();
        found.sort_by_key(|finding| finding.level);
        found
    };
    let mut page = Page::new(screen);
    let (of_servers, of_director): (Vec<&Finding>, Vec<&Finding>) = of(None)
        .into_iter()
        .partition(|finding| finding.real_server.is_some() && !finding.touches.is_empty());
    let is_urgent = of_director
        .iter()
        .any(|finding| finding.level != Level::Note);
    if is_urgent {
        page.write_group(DIRECTOR, "", &[], &of_director);
    }
    page.write_group(SEVERAL, "", &[], &of_servers);
    let is_one = facts.services.len() == 1;
    for service in &facts.services {
        let found = of(Some(service.identity()));
        if is_one || !found.is_empty() || service.attempts.count > 0 {
            let heard = funnel::lines(facts, service, page.screen);
            let summary =
                funnel::summary(facts, service).unwrap_or_else(|| summary(facts, service));
            page.write_group(&title(service), &summary, &heard, &found);
        }
    }
    page.write_rest();
    if !is_urgent {
        page.write_group(DIRECTOR, "", &[], &of_director);
    }
    page.end_group();
    for line in funnel::masters(facts).iter().chain(&funnel::gaps(facts)) {
        page.write_line(line);
    }
    for paragraph in conclusion(facts, findings).lines() {
        in_lines(paragraph, page.screen.width)
            .iter()
            .for_each(|line| page.write_line(line));
    }
    out.extend_from_slice(page.text.as_bytes());
}

/// The text written so far.
struct Page {
    text: String,
    /// With no more width than is used.
    screen: Screen,
    /// The notes that were told, which need not be told of every service, with how many there are.
    notes: Vec<(&'static str, usize)>,
}

impl Page {
    fn new(screen: Screen) -> Page {
        Page {
            text: String::new(),
            screen: Screen {
                width: screen.width.min(MOST_WIDE),
                ..screen
            },
            notes: Vec::new(),
        }
    }

    /// Writes what there is of a service: its title, what was heard of it, what was found.
    fn write_group(&mut self, title: &str, summary: &str, heard: &[String], findings: &[&Finding]) {
        let mut told = Vec::new();
        for finding in findings {
            if self.is_worth_telling(finding) {
                told.push(*finding);
            }
        }
        let is_heard = !heard.is_empty();
        if told.is_empty() && !is_heard && (summary.is_empty() || !findings.is_empty()) {
            return;
        }
        self.end_group();
        let used = title.chars().count() + summary.chars().count();
        let gap = self.screen.width.saturating_sub(used).max(2);
        let line = match summary {
            "" => title.to_owned(),
            _ => format!("{title}{}{summary}", " ".repeat(gap)),
        };
        self.write_line(&line);
        heard.iter().for_each(|line| self.write_line(line));
        for finding in told {
            self.write_finding(finding);
        }
    }

    /// Leaves a line empty behind what was written.
    fn end_group(&mut self) {
        if !self.text.is_empty() {
            self.text.push('\n');
        }
    }

    fn write_line(&mut self, line: &str) {
        self.text.push_str(line);
        self.text.push('\n');
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

    fn write_rest(&mut self) {
        let mut more = mem::take(&mut self.notes);
        more.retain(|(_, count)| *count > MOST_ALIKE);
        if !more.is_empty() {
            self.end_group();
            self.write_line("Other services");
        }
        for (id, count) in more {
            let words = format!("The same of {} more.", count - MOST_ALIKE);
            self.write_words(Level::Note, &words, id);
        }
    }

    fn write_finding(&mut self, finding: &Finding) {
        self.write_words(finding.level, &finding.text, finding.id);
        let mut place = "";
        for remedy in finding.remedy.iter().take(MOST_REMEDIES) {
            if place != remedy.place.word() {
                place = remedy.place.word();
                self.write_line(&format!("{}{place}:", " ".repeat(INDENT)));
            }
            self.write_line(&format!("{}{}", " ".repeat(COMMAND_INDENT), remedy.command));
        }
        if finding.remedy.len() > MOST_REMEDIES {
            let more = finding.remedy.len() - MOST_REMEDIES;
            let more = format!("and {more} more, in --json");
            self.write_line(&format!("{}{more}", " ".repeat(INDENT)));
        }
    }

    /// Writes the level, then words in lines, then the id at the right edge.
    fn write_words(&mut self, level: Level, words: &str, id: &str) {
        let id = format!("[{id}]");
        let mut lines = in_lines(words, self.screen.width.saturating_sub(INDENT));
        let last = lines.last().map_or(0, |line| line.chars().count());
        let has_room = INDENT + last + 2 + id.len() <= self.screen.width;
        if !has_room {
            lines.push(String::new());
        }
        let count = lines.len();
        for (index, line) in lines.into_iter().enumerate() {
            let begin = match index {
                0 => {
                    let word = self.tinted(level.word(), colour_of(level));
                    format!("  {word}{}", " ".repeat(INDENT - 2 - level.word().len()))
                }
                _ => " ".repeat(INDENT),
            };
            let line = match index + 1 == count {
                true => {
                    let used = INDENT + line.chars().count() + id.len();
                    let gap = " ".repeat(self.screen.width.saturating_sub(used));
                    format!("{begin}{line}{gap}{}", self.tinted(&id, Color::DIMMED))
                }
                false => format!("{begin}{line}"),
            };
            self.write_line(&line);
        }
    }

    fn tinted(&self, text: &str, colour: Color) -> String {
        match self.screen.has_colours {
            true => colour.colorize(text),
            false => text.to_owned(),
        }
    }
}

fn colour_of(level: Level) -> Color {
    match level {
        Level::Fault => Color::FG_RED,
        // On white, yellow cannot be read.
        Level::Risk => Color::FG_MAGENTA,
        Level::Note => Color::DIMMED,
    }
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
    let asked: Vec<&Server> = service.servers.iter().filter(|it| was_asked(it)).collect();
    if !facts.is_probed || asked.is_empty() {
        return servers;
    }
    let servers = match asked.len() == count {
        true => servers,
        false => format!("{servers}, {} asked", asked.len()),
    };
    match asked.into_iter().filter(|server| is_well(server)).count() {
        0 => format!("{servers}, none answers"),
        1 => format!("{servers}, 1 answers"),
        answering => format!("{servers}, {answering} answer"),
    }
}

/// Returns true for a server that was asked what it has to answer.
fn was_asked(server: &Server) -> bool {
    !matches!(
        server.probed,
        None | Some(
            Probed::Skipped(_)
                | Probed::Asked {
                    port: PortAnswer::Unknown,
                    ..
                }
        )
    )
}

/// Returns true for a server that answered, past the director where it must.
fn is_well(server: &Server) -> bool {
    let Some(Probed::Asked {
        port: PortAnswer::Taken,
        way_back,
        ..
    }) = server.probed
    else {
        return false;
    };
    let method = server.state.destination.forwarding_method;
    method != ForwardingMethod::Masquerading || way_back.is_none_or(|way| way == WayBack::Here)
}

/// Counts the findings of each level, and names what else could be done if there are none.
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
    use crate::diagnose::checks::samples::{
        asked, forward_by, healthy, identity, rival, service, strays,
    };
    use crate::diagnose::facts::Strays;
    use crate::model::{ForwardingMethod, Statistics};
    use crate::samples;

    fn screen(width: usize) -> Screen {
        samples::ascii_screen(width)
    }

    fn told(facts: &Facts) -> String {
        let mut out = Vec::new();
        write(&mut out, screen(80), facts, &judge(facts));
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
    fn of_many_commands_the_first_eight_are_shown() {
        let mut facts = healthy();
        let like = facts.services[0].servers[0].clone();
        facts.services[0].servers = (1..=11)
            .map(|number| {
                let mut server = like.clone();
                let destination = &mut server.state.destination;
                destination.identity.address = [10, 0, 0, number].into();
                destination.weight = 0;
                server
            })
            .collect();
        let told = told(&facts);
        assert_eq!(told.matches("ipvsadm -e -t").count(), 8, "{told}");
        let rest = format!("\n{}and 3 more, in --json\n", " ".repeat(INDENT));
        assert!(told.contains(&rest), "{told}");
    }

    #[test]
    fn connections_of_a_service_that_is_gone_are_the_directors() {
        let mut facts = healthy();
        let stray = strays(2);
        facts.strays.push(Strays {
            service: None,
            ..stray
        });
        let told = told(&facts);
        assert!(told.starts_with(DIRECTOR), "{told}");
        assert!(!told.contains(SEVERAL), "{told}");
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
         hear it first go there, past this director.         [duplicate-address]
         there:
           sysctl -w net.ipv4.conf.all.arp_ignore=1
           sysctl -w net.ipv4.conf.all.arp_announce=2
  risk   10.0.0.20 refuses this director's SYN for 192.0.2.1:80 (RST): it has
         the address, and usually nobody listens there.           [port-refused]

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
        facts.services[0].state.service.identity = identity("-t [2001:db8:1:2:3:4:5:6]:65535");
        let findings = judge(&facts);
        for width in [64, 80, 99, 160] {
            let mut out = Vec::new();
            write(&mut out, screen(width), &facts, &findings);
            let told = String::from_utf8(out).unwrap();
            let command = " ".repeat(COMMAND_INDENT);
            let lines = told.lines().filter(|line| !line.starts_with(&command));
            let widest = lines.map(|line| line.chars().count()).max().unwrap();
            assert!(widest <= width.min(MOST_WIDE), "{width}: {told}");
        }
    }

    #[test]
    fn levels_have_their_colours_and_nothing_else_changes() {
        let mut facts = healthy();
        facts.director.interfaces[0].is_up = false;
        facts.services[0].rivals.push(rival(None));
        let findings = judge(&facts);
        let mut out = Vec::new();
        let mut coloured = screen(80);
        coloured.has_colours = true;
        write(&mut out, coloured, &facts, &findings);
        let coloured = String::from_utf8(out).unwrap();
        assert!(
            coloured.contains("\u{1b}[31mfault\u{1b}[39m"),
            "{coloured:?}"
        );
        assert!(
            coloured.contains("\u{1b}[35mrisk\u{1b}[39m"),
            "{coloured:?}"
        );
        let plain = [
            "\u{1b}[31m",
            "\u{1b}[35m",
            "\u{1b}[39m",
            "\u{1b}[2m",
            "\u{1b}[22m",
        ]
        .iter()
        .fold(coloured, |text, code| text.replace(code, ""));
        assert_eq!(plain, told(&facts));
    }
}
