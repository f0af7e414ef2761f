//! The ladder of evidence: what may be said of whom.
//!
//! Checks state what they saw, on which [`Basis`], and how far that goes ([`Claim`]). This is the
//! one place that makes a [`Level`] of it. Traffic outranks probes, and probes outrank state:
//!
//! | claim | clients are answered | nothing is known | clients wait in vain |
//! | --- | --- | --- | --- |
//! | `Hinders`, by traffic or state | fault | fault | fault |
//! | `Hinders`, by a probe | note | risk | fault |
//! | `MayHinder` | note, by traffic a risk | risk | fault |
//! | `Suspects` | note | risk | risk |
//! | `Explains` | note | note | fault |
//! | `HurtsSome` | risk | risk | risk |
//! | `Informs` | note | note | note |
//!
//! [`standing`] judges how the clients of a server fare, from connections and counters.

#![forbid(unsafe_code)]

use crate::diagnose::facts::{Facts, Server, Service};
use crate::diagnose::findings::{Basis, Claim, Finding, Level};
use crate::diagnose::listen::listened::Funnel;
use crate::diagnose::probe::{PortAnswer, Probed};
use crate::model::{Protocol, ServiceIdentity};

/// The waiting connections that are no accident any more.
pub const WAITING_IN_VAIN: u64 = 5;
/// The waiting connections of a server that confirm what is known otherwise.
const WAITING_TO_CONFIRM: u64 = 2;
/// The packets without an answer that are no beginning any more.
const UNANSWERED_PACKETS: u64 = 10;

/// The fortunes of clients, by what their packets did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Clients have been heard to go on.
    Answers,
    /// Clients wait, and none that came as late has been heard to go on.
    Unanswered,
    /// There were no packets, or they do not show it.
    Unknown,
}

/// Sets the levels.
pub fn rank(facts: &Facts, findings: &mut [Finding]) {
    for finding in findings {
        finding.level = level(finding, standing_of_accused(facts, finding));
    }
}

fn level(finding: &Finding, standing: Standing) -> Level {
    match (finding.claim, finding.basis, standing) {
        (Claim::Informs, ..) => Level::Note,
        (Claim::HurtsSome, ..) => Level::Risk,
        (Claim::Hinders, Basis::Traffic | Basis::State, _) => Level::Fault,
        (Claim::Suspects, _, Standing::Unanswered) => Level::Risk,
        (_, _, Standing::Unanswered) => Level::Fault,
        (Claim::Explains, ..) => Level::Note,
        (Claim::MayHinder, Basis::Traffic, _) => Level::Risk,
        (_, _, Standing::Answers) => Level::Note,
        (_, _, Standing::Unknown) => Level::Risk,
    }
}

/// Returns true where there is a fault, or clients wait in vain, whatever was found.
pub fn is_faulty(facts: &Facts, findings: &[Finding]) -> bool {
    let mut faults = findings.iter().filter(|found| found.level == Level::Fault);
    faults.next().is_some() || unanswered(facts).next().is_some()
}

/// Returns the services whose clients wait in vain, whatever was found.
fn unanswered(facts: &Facts) -> impl Iterator<Item = &Service> {
    let services = facts.services.iter();
    services.filter(|service| standing_of_service(service) == Standing::Unanswered)
}

/// Returns the services whose clients wait in vain although no fault explains it.
pub fn unexplained(facts: &Facts, findings: &[Finding]) -> Vec<ServiceIdentity> {
    unanswered(facts)
        .map(Service::identity)
        .filter(|service| {
            !findings
                .iter()
                .any(|finding| finding.level == Level::Fault && finding.concerns(*service))
        })
        .collect()
}

fn standing_of_accused(facts: &Facts, finding: &Finding) -> Standing {
    let concerned = || {
        let services = facts.services.iter();
        services.filter(|service| finding.concerns(service.identity()))
    };
    match finding.real_server {
        Some(identity) => worst(
            concerned()
                .flat_map(|service| service.servers.iter().map(move |server| (service, server)))
                .filter(|(_, server)| server.identity() == identity)
                .map(|(service, server)| standing(service, server)),
        ),
        None => {
            let of_servers = concerned().flat_map(|service| {
                let servers = service.servers.iter();
                let touched = servers.filter(|server| {
                    finding
                        .servers
                        .contains(&(service.identity(), server.identity()))
                });
                touched.map(move |server| standing(service, server))
            });
            // That others of the service answer tells nothing of those.
            match worst(of_servers) {
                Standing::Unanswered => Standing::Unanswered,
                _ => worst(concerned().map(standing_of_service)),
            }
        }
    }
}

/// Unanswered clients anywhere count more than answered ones elsewhere.
fn worst(standings: impl Iterator<Item = Standing>) -> Standing {
    standings.fold(Standing::Unknown, |worst, standing| {
        match (worst, standing) {
            (Standing::Unanswered, _) | (_, Standing::Unanswered) => Standing::Unanswered,
            (Standing::Answers, _) | (_, Standing::Answers) => Standing::Answers,
            _ => Standing::Unknown,
        }
    })
}

/// Returns what the clients of a server meet.
pub fn standing(service: &Service, server: &Server) -> Standing {
    let traffic = &server.traffic;
    // What was heard just now says more than connections that are left from before.
    if let Some(standing) =
        standing_of_attempts(&traffic.attempts, has_answered_datagrams(service, server))
    {
        return standing;
    }
    if traffic.waiting_in_vain() >= WAITING_TO_CONFIRM || waits_for_the_mute(server) {
        Standing::Unanswered
    } else if traffic.heard.count > 0 || has_answered_datagrams(service, server) {
        Standing::Answers
    } else if counts_in_vain(service, server) {
        Standing::Unanswered
    } else {
        Standing::Unknown
    }
}

/// Returns what those met whose attempts were listened to; `None` where these show too little, as
/// datagrams do for which nothing came back, unless such ones have been answered before.
fn standing_of_attempts(funnel: &Funnel, has_answered_datagrams: bool) -> Option<Standing> {
    let undue = match has_answered_datagrams {
        true => 0,
        false => funnel.datagrams_sent,
    };
    if funnel.served > 0 {
        Some(Standing::Answers)
    } else if funnel.unserved() >= WAITING_TO_CONFIRM + undue {
        Some(Standing::Unanswered)
    } else {
        None
    }
}

/// Returns what the clients of a service meet: unanswered are those of a service of which nobody is
/// heard.
fn standing_of_service(service: &Service) -> Standing {
    let servers = || service.servers.iter().filter(|server| server.is_in_use());
    let has_answered = servers().any(|server| has_answered_datagrams(service, server));
    if let Some(standing) = standing_of_attempts(&service.attempts, has_answered) {
        return standing;
    }
    let is_heard = servers().any(|server| standing(service, server) == Standing::Answers);
    let waiting: u64 = servers()
        .map(|server| server.traffic.waiting_in_vain())
        .sum();
    if is_heard {
        Standing::Answers
    } else if waiting >= WAITING_IN_VAIN || servers().any(|server| counts_in_vain(service, server))
    {
        Standing::Unanswered
    } else {
        Standing::Unknown
    }
}

/// Returns true where a masqueraded server of UDP has answered: nothing else shows it. The ICMP
/// errors of one whose port is closed are counted, too, and are no answers.
fn has_answered_datagrams(service: &Service, server: &Server) -> bool {
    let is_of_datagrams = match service.identity().protocol() {
        Some(protocol) => protocol == Protocol::Udp,
        None => server.traffic.datagrams > 0,
    };
    server.is_masqueraded()
        && is_of_datagrams
        && server.state.statistics.outgoing_packets > 0
        && !matches!(
            server.probed,
            Some(Probed::Asked {
                port: PortAnswer::Refused,
                ..
            })
        )
}

/// Returns true where counters alone show that nobody is served.
fn counts_in_vain(service: &Service, server: &Server) -> bool {
    has_answered_nothing(service, server) || has_turned_all_away(service, server)
}

/// Returns true where packets of TCP or SCTP went to a masqueraded server, and none ever came back.
/// Of UDP, and of a mark that may be UDP's, that need not mean anything.
pub fn has_answered_nothing(service: &Service, server: &Server) -> bool {
    let must_answer = matches!(
        service.identity().protocol(),
        Some(Protocol::Tcp | Protocol::Sctp)
    );
    server.is_masqueraded() && must_answer && counts_no_answer(server)
}

/// Returns true where clients sent a server a first packet each, and after its answer no other. Of
/// TCP that is so where some for one port were reset just now, no handshake is still open, and each
/// connection had one packet back: who is sent SYN/ACKs and does not go on is sent several.
pub fn has_turned_all_away(service: &Service, server: &Server) -> bool {
    let counted = &server.state.statistics;
    let traffic = &server.traffic;
    let is_one_for_one = server.is_masqueraded()
        && server.state.active_connections == 0
        && counted.outgoing_packets == counted.connections;
    let is_turned_away = match service.identity().protocol() {
        Some(Protocol::Sctp) => {
            let is_answered = !server.is_masqueraded() || counted.outgoing_packets > 0;
            is_answered && counted.connections >= WAITING_IN_VAIN
        }
        Some(Protocol::Udp) => false,
        Some(Protocol::Tcp) | None => {
            // The kernel adds up what it counts every two seconds.
            let are_counted = counted.connections >= traffic.reset;
            let were_reset = traffic.reset >= WAITING_TO_CONFIRM && traffic.datagrams == 0;
            is_one_for_one && were_reset && are_counted
        }
    };
    is_turned_away
        && traffic.heard.count == 0
        && traffic.attempts.served == 0
        && counted.incoming_packets == counted.connections
}

/// Returns true where a client waits for a masqueraded server of which no packet ever came back: one
/// is enough then, once it has repeated itself.
fn waits_for_the_mute(server: &Server) -> bool {
    let counted = &server.state.statistics;
    server.is_masqueraded()
        && server.traffic.waiting_since_heard > 0
        && counted.incoming_packets > 1
        && counted.outgoing_packets == 0
}

/// Returns true where enough packets went to a server to tell that none came back.
pub fn counts_no_answer(server: &Server) -> bool {
    let counted = &server.state.statistics;
    counted.incoming_packets >= UNANSWERED_PACKETS && counted.outgoing_packets == 0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnose::checks::samples::{asked, first, healthy, identity, keep_waiting, quiet};
    use crate::diagnose::facts::Traffic;
    use crate::model::ForwardingMethod;

    #[test]
    fn traffic_outranks_probes_and_probes_outrank_state() {
        use Level::{Fault, Note, Risk};
        let of_first = |basis, claim, spoil: fn(&mut Facts)| {
            let mut facts = healthy();
            quiet(&mut facts);
            spoil(&mut facts);
            let service = &facts.services[0];
            let mut findings = [Finding::new(basis, claim, String::new())
                .about(service.identity())
                .of_server(service.servers[0].identity())];
            rank(&facts, &mut findings);
            findings[0].level
        };
        let answered: fn(&mut Facts) = |facts| first(facts).traffic.heard.count = 1;
        let unknown: fn(&mut Facts) = |_| ();
        let waiting: fn(&mut Facts) = |facts| keep_waiting(first(facts), WAITING_TO_CONFIRM);
        let rows = [
            (Basis::Traffic, Claim::Hinders, [Fault, Fault, Fault]),
            (Basis::State, Claim::Hinders, [Fault, Fault, Fault]),
            (Basis::Probe, Claim::Hinders, [Note, Risk, Fault]),
            (Basis::Traffic, Claim::MayHinder, [Risk, Risk, Fault]),
            (Basis::Probe, Claim::MayHinder, [Note, Risk, Fault]),
            (Basis::State, Claim::MayHinder, [Note, Risk, Fault]),
            (Basis::State, Claim::Suspects, [Note, Risk, Risk]),
            (Basis::Probe, Claim::Explains, [Note, Note, Fault]),
            (Basis::State, Claim::HurtsSome, [Risk, Risk, Risk]),
            (Basis::Traffic, Claim::Informs, [Note, Note, Note]),
        ];
        for (basis, claim, levels) in rows {
            let given = [answered, unknown, waiting].map(|spoil| of_first(basis, claim, spoil));
            assert_eq!(given, levels, "{claim:?} by {basis:?}");
        }
    }

    #[test]
    fn who_is_turned_away_sends_one_packet_and_gets_one_as_far_as_is_counted() {
        let with = |words: &str, spoil: fn(&mut Server)| {
            let mut facts = healthy();
            facts.services[0].state.service.identity = identity(words);
            let server = first(&mut facts);
            server.traffic = Traffic {
                reset: 4,
                ..Traffic::default()
            };
            server.state.active_connections = 0;
            let counted = &mut server.state.statistics;
            (counted.connections, counted.incoming_packets) = (7, 7);
            counted.outgoing_packets = 7;
            spoil(server);
            has_turned_all_away(&facts.services[0], &facts.services[0].servers[0])
        };
        for words in ["-t 192.0.2.1:80", "-t 192.0.2.1:0", "-f 7"] {
            assert!(with(words, |_| ()), "{words}");
            for spoil in [
                (|it| it.traffic.reset = 1) as fn(&mut Server),
                // More were reset than are counted so far.
                |it| it.traffic.reset = 8,
                |it| it.traffic.heard.count = 1,
                |it| it.traffic.attempts.served = 1,
                |it| it.traffic.datagrams = 1,
                |it| it.state.active_connections = 1,
                |it| it.state.statistics.incoming_packets = 8,
                |it| it.state.statistics.outgoing_packets = 8,
                |it| {
                    it.state.destination.forwarding_method = ForwardingMethod::DirectRouting;
                },
            ] {
                assert!(!with(words, spoil), "{words}");
            }
        }
        assert!(!with("-u 192.0.2.1:80", |_| ()));
        let sctp = "--sctp-service 192.0.2.1:80";
        assert!(with(sctp, |it| it.traffic.reset = 0));
        assert!(with(sctp, |it| {
            it.state.destination.forwarding_method = ForwardingMethod::DirectRouting;
            it.state.statistics.outgoing_packets = 0;
        }));
        assert!(!with(sctp, |it| it.state.statistics.outgoing_packets = 0));
        assert!(!with(sctp, |it| {
            it.state.statistics.connections = WAITING_IN_VAIN - 1;
            it.state.statistics.incoming_packets = WAITING_IN_VAIN - 1;
        }));
    }

    #[test]
    fn clients_that_wait_make_a_diagnosis_that_found_nothing_a_faulty_one() {
        let with = |count, heard| {
            let mut facts = healthy();
            quiet(&mut facts);
            keep_waiting(first(&mut facts), count);
            facts.services[0].servers[1].traffic.heard.count = heard;
            (is_faulty(&facts, &[]), unexplained(&facts, &[]).len())
        };
        assert_eq!(with(WAITING_IN_VAIN, 0), (true, 1));
        assert_eq!(with(WAITING_IN_VAIN - 1, 0), (false, 0));
        assert_eq!(with(WAITING_IN_VAIN, 1), (false, 0));
        let mut checked = healthy();
        quiet(&mut checked);
        keep_waiting(first(&mut checked), WAITING_IN_VAIN);
        first(&mut checked).traffic.waiting_like_checks = 1;
        assert!(!is_faulty(&checked, &[]));
        let mut facts = healthy();
        keep_waiting(first(&mut facts), WAITING_IN_VAIN);
        let mut fault = Finding::new(Basis::Traffic, Claim::Hinders, String::new());
        fault.level = Level::Fault;
        assert_eq!(unexplained(&facts, &[fault]), []);
    }

    #[test]
    fn a_fault_makes_a_diagnosis_a_faulty_one_and_explains_its_own_service_only() {
        let mut facts = healthy();
        let of = |service, level| {
            let mut finding = Finding::new(Basis::State, Claim::Hinders, String::new());
            finding.level = level;
            [finding.about(identity(service))]
        };
        let (here, elsewhere) = ("-t 192.0.2.1:80", "-t 192.0.2.1:443");
        assert!(is_faulty(&facts, &of(elsewhere, Level::Fault)));
        assert!(!is_faulty(&facts, &of(here, Level::Risk)));
        keep_waiting(first(&mut facts), WAITING_IN_VAIN);
        assert_eq!(unexplained(&facts, &of(here, Level::Fault)), []);
        for unrelated in [of(elsewhere, Level::Fault), of(here, Level::Risk)] {
            assert_eq!(unexplained(&facts, &unrelated), [identity(here)]);
        }
    }

    #[test]
    fn one_that_was_served_outweighs_those_that_were_not() {
        let with = |served| {
            let mut facts = healthy();
            let listened = &mut first(&mut facts).traffic.attempts;
            (listened.served, listened.in_vain) = (served, 12);
            let service = &facts.services[0];
            standing(service, &service.servers[0])
        };
        assert_eq!(with(0), Standing::Unanswered);
        assert_eq!(with(1), Standing::Answers);
    }

    #[test]
    fn where_packets_were_lost_refusals_count_and_silence_does_not() {
        let with = |refused, has_gaps| {
            let mut facts = healthy();
            quiet(&mut facts);
            let listened = &mut first(&mut facts).traffic.attempts;
            (listened.in_vain, listened.refused) = (12, refused);
            listened.has_gaps = has_gaps;
            let service = &facts.services[0];
            standing(service, &service.servers[0])
        };
        assert_eq!(with(0, false), Standing::Unanswered);
        assert_eq!(with(0, true), Standing::Unknown);
        assert_eq!(with(3, true), Standing::Unanswered);
    }

    #[test]
    fn datagrams_out_are_answers_unless_the_port_is_closed() {
        let mut facts = healthy();
        facts.services[0].state.service.identity = identity("-u 192.0.2.1:53");
        let service = &facts.services[0];
        assert_eq!(standing(service, &service.servers[0]), Standing::Answers);
        first(&mut facts).probed = asked(PortAnswer::Refused, None);
        let service = &facts.services[0];
        assert_eq!(standing(service, &service.servers[0]), Standing::Unknown);
    }

    #[test]
    fn silence_for_datagrams_is_unanswered_only_where_they_were_answered_before() {
        let with = |outgoing, datagrams_sent| {
            let mut facts = healthy();
            facts.services[0].state.service.identity = identity("-u 192.0.2.1:514");
            let server = first(&mut facts);
            server.state.statistics.outgoing_packets = outgoing;
            server.traffic.attempts.in_vain = 12;
            server.traffic.attempts.datagrams_sent = datagrams_sent;
            let service = &facts.services[0];
            standing(service, &service.servers[0])
        };
        assert_ne!(with(0, 12), Standing::Unanswered);
        assert_eq!(with(0, 9), Standing::Unanswered);
        assert_eq!(with(7, 12), Standing::Unanswered);
    }

    #[test]
    fn packets_of_tcp_without_any_answer_are_unanswered_and_datagrams_are_not() {
        let mut facts = healthy();
        first(&mut facts).state.statistics.outgoing_packets = 0;
        let service = &facts.services[0];
        assert_eq!(standing(service, &service.servers[0]), Standing::Unanswered);
        first(&mut facts).state.statistics.incoming_packets = UNANSWERED_PACKETS - 1;
        let service = &facts.services[0];
        assert_eq!(standing(service, &service.servers[0]), Standing::Unknown);
        // What a server sends that is not masqueraded does not come this way.
        first(&mut facts).state.statistics.incoming_packets = UNANSWERED_PACKETS;
        let directly = ForwardingMethod::DirectRouting;
        first(&mut facts).state.destination.forwarding_method = directly;
        let service = &facts.services[0];
        assert_eq!(standing(service, &service.servers[0]), Standing::Unknown);
    }

    #[test]
    fn one_client_is_enough_where_a_masqueraded_server_never_answered() {
        let with = |waiting, incoming, outgoing, method| {
            let mut facts = healthy();
            quiet(&mut facts);
            keep_waiting(first(&mut facts), waiting);
            let state = &mut first(&mut facts).state;
            state.statistics.incoming_packets = incoming;
            state.statistics.outgoing_packets = outgoing;
            state.destination.forwarding_method = method;
            let service = &facts.services[0];
            standing(service, &service.servers[0])
        };
        let masqueraded = ForwardingMethod::Masquerading;
        assert_eq!(with(1, 2, 0, masqueraded), Standing::Unanswered);
        for (waiting, incoming, outgoing, method) in [
            (0, 2, 0, masqueraded),
            (1, 1, 0, masqueraded),
            (1, 2, 3, masqueraded),
            (1, 2, 0, ForwardingMethod::DirectRouting),
        ] {
            let standing = with(waiting, incoming, outgoing, method);
            assert_eq!(
                standing,
                Standing::Unknown,
                "{waiting} {incoming} {outgoing}"
            );
        }
    }

    #[test]
    fn associations_of_sctp_go_on_behind_the_first_packet_or_were_turned_away() {
        let with = |associations, incoming_packets| {
            let mut facts = healthy();
            facts.services[0].state.service.identity = identity("--sctp-service 192.0.2.1:3868");
            let counted = &mut first(&mut facts).state.statistics;
            counted.connections = associations;
            counted.incoming_packets = incoming_packets;
            counted.outgoing_packets = associations;
            let service = &facts.services[0];
            standing(service, &service.servers[0])
        };
        assert_eq!(with(6, 6), Standing::Unanswered);
        assert_ne!(with(6, 7), Standing::Unanswered);
        assert_ne!(with(4, 4), Standing::Unanswered);
    }

    #[test]
    fn clients_that_persistence_holds_to_a_drained_server_wait_in_vain() {
        let with = |persistent_connections| {
            let mut facts = healthy();
            quiet(&mut facts);
            let server = first(&mut facts);
            server.state.destination.weight = 0;
            server.state.persistent_connections = persistent_connections;
            keep_waiting(server, WAITING_IN_VAIN);
            server.traffic.open = 0;
            is_faulty(&facts, &[])
        };
        assert!(with(1));
        assert!(!with(0), "drained, and nobody is brought back");
    }

    #[test]
    fn that_others_answer_does_not_excuse_what_keeps_some_servers_from_their_clients() {
        let level = |is_about_all: bool| {
            let mut facts = healthy();
            quiet(&mut facts);
            keep_waiting(first(&mut facts), WAITING_TO_CONFIRM);
            facts.services[0].servers[1].traffic.heard.count = 9;
            let service = &facts.services[0];
            let finding = Finding::new(Basis::State, Claim::MayHinder, String::new());
            let mut findings = [match is_about_all {
                true => finding,
                false => finding.touching_servers([(service, &service.servers[0])]),
            }];
            rank(&facts, &mut findings);
            findings[0].level
        };
        assert_eq!(level(true), Level::Note);
        assert_eq!(level(false), Level::Fault);
    }
}
