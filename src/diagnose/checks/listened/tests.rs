#![forbid(unsafe_code)]

use std::net::SocketAddr;
use std::time::Duration;

use super::*;

use crate::diagnose::checks::probes::HIDE_ADDRESSES;
use crate::diagnose::checks::samples::{commands, findings, forward_by, identity};
use crate::diagnose::facts::{HardwareAddress, Neighbour};
use crate::diagnose::findings::Level;
use crate::diagnose::listen;
use crate::diagnose::listen::listened::AddressTalk;
use crate::diagnose::listen::packets::IcmpReason;
use crate::diagnose::listen::samples::{SERVER, SERVICE, attempt, heard, leaves};
use crate::model::DestinationIdentity;

/// Returns what is found of attempts beside healthy facts, but for notes.
fn found(attempts: Vec<Attempt>, spoil: fn(&mut Facts)) -> Vec<(&'static str, Level)> {
    findings(|facts| {
        spoil(facts);
        listen::add(heard(attempts), facts);
    })
    .into_iter()
    .filter(|finding| finding.level != Level::Note)
    .map(|finding| (finding.id, finding.level))
    .collect()
}

/// Returns the findings of an id beside healthy facts of one server, while the kernel's counters
/// grew or not.
fn of_id(
    id: &str,
    attempts: Vec<Attempt>,
    drops: &[(&'static str, u64)],
    spoil: impl FnOnce(&mut Facts),
) -> Vec<Finding> {
    let mut all = findings(|facts| {
        facts.services[0].servers.truncate(1);
        spoil(facts);
        let mut listened = heard(attempts);
        listened.drops = drops.to_vec();
        listen::add(listened, facts);
    });
    all.retain(|finding| finding.id == id);
    all
}

/// Returns the one finding of an id.
fn the(id: &str, attempts: Vec<Attempt>, spoil: impl FnOnce(&mut Facts)) -> Finding {
    let [finding] = of_id(id, attempts, &[], spoil).try_into().unwrap();
    finding
}

/// Returns the value of an observation.
fn seen<'f>(finding: &'f Finding, name: &str) -> &'f serde_json::Value {
    let mut evidence = finding.evidence.iter();
    &evidence.find(|(known, _)| *known == name).unwrap().1
}

/// Returns a destination's identity.
fn identity_of(endpoint: &str) -> DestinationIdentity {
    let endpoint: SocketAddr = endpoint.parse().unwrap();
    DestinationIdentity {
        address: endpoint.ip(),
        port: endpoint.port(),
    }
}

/// Returns an attempt of this client.
fn attempt_of(protocol: Protocol, client: &str) -> Attempt {
    Attempt {
        client: client.parse().unwrap(),
        ..attempt(protocol)
    }
}

#[test]
fn where_attempts_end_is_what_is_found() {
    type Steps = fn(&mut Attempt);
    let masqueraded: [(Steps, &str); 7] = [
        (|_| (), "dropped-before-ipvs"),
        (
            |attempt| {
                leaves(attempt, SERVER);
                (attempt.exit, attempt.has_entry) = (None, true);
            },
            "not-forwarded",
        ),
        (|attempt| leaves(attempt, SERVER), "server-silent"),
        (
            |attempt| {
                leaves(attempt, SERVER);
                attempt.has_entry = true;
            },
            "server-silent",
        ),
        (
            |attempt| {
                leaves(attempt, SERVER);
                attempt.answer = Some(Answer::Agreed);
            },
            "answer-held",
        ),
        (
            |attempt| {
                leaves(attempt, SERVER);
                attempt.answer = Some(Answer::Agreed);
                attempt.answer_left = true;
            },
            "client-unheard",
        ),
        (
            |attempt| {
                leaves(attempt, SERVER);
                attempt.answer = Some(Answer::Refused);
                attempt.answer_left = true;
            },
            "port-refused",
        ),
    ];
    for (steps, id) in masqueraded {
        let mut ended = attempt(Protocol::Tcp);
        steps(&mut ended);
        assert_eq!(found(vec![ended.clone()], |_| ()), [(id, Level::Fault)]);
        // One that came only twice may be an accident.
        ended.arrivals = 2;
        assert_eq!(found(vec![ended.clone()], |_| ()), [(id, Level::Risk)]);
        // Who was heard is served, whatever was seen before.
        ended.is_heard = true;
        assert_eq!(found(vec![ended], |_| ()), []);
    }
    let mut direct = attempt(Protocol::Tcp);
    leaves(&mut direct, SERVICE);
    let routed = |facts: &mut Facts| forward_by(facts, ForwardingMethod::DirectRouting);
    assert_eq!(
        found(vec![direct.clone()], routed),
        [("client-unheard", Level::Fault)]
    );
    // Its client was answered, and what it sent then went nowhere.
    (direct.is_heard, direct.held_since) = (true, Some(Duration::from_secs(5)));
    assert_eq!(
        found(vec![direct], routed),
        [("dropped-before-ipvs", Level::Fault)]
    );
}

#[test]
fn where_the_director_lets_in_the_first_packet_alone_no_server_is_accused() {
    let all = findings(|facts| {
        let servers = facts.services[0].servers.iter();
        let held = servers.map(|server| {
            let mut held = attempt(Protocol::Tcp);
            leaves(&mut held, SERVICE);
            held.server = Some(server.identity());
            (held.is_heard, held.held_since) = (true, Some(Duration::from_secs(5)));
            held
        });
        let held = held.collect();
        forward_by(facts, ForwardingMethod::DirectRouting);
        listen::add(heard(held), facts);
    });
    assert_eq!(all.len(), 1, "{all:?}");
    let (id, server) = (all[0].id, all[0].real_server);
    assert_eq!((id, server), ("dropped-before-ipvs", None));
    assert!(
        all[0].text.starts_with("2 attempts of 198.51.100.7 left"),
        "{}",
        all[0].text
    );
}

#[test]
fn datagrams_whose_answers_go_elsewhere_are_a_note() {
    let mut sent = attempt(Protocol::Udp);
    leaves(&mut sent, SERVICE);
    let unseen = the("answers-unseen", vec![sent.clone(), sent], |facts| {
        facts.services[0].state.service.identity = identity("-u 192.0.2.1:80");
        forward_by(facts, ForwardingMethod::DirectRouting);
    });
    assert_eq!(unseen.level, Level::Note);
    assert_eq!(seen(&unseen, "attempts"), 2);
}

#[test]
fn what_was_not_heard_is_held_against_nobody_where_packets_were_lost() {
    let levels = |ended: &Attempt, packets_lost, is_table_cut| -> Vec<(&str, Level)> {
        let all = findings(|facts| {
            listen::add(
                Listened {
                    packets_lost,
                    is_table_cut,
                    ..heard(vec![ended.clone(), ended.clone()])
                },
                facts,
            );
        });
        let levels = all.into_iter().map(|finding| (finding.id, finding.level));
        levels.collect()
    };
    let unscheduled = attempt(Protocol::Tcp);
    let mut left = unscheduled.clone();
    leaves(&mut left, SERVER);
    let mut kept = left.clone();
    (kept.exit, kept.has_entry) = (None, true);
    let mut answered = left.clone();
    answered.answer = Some(Answer::Agreed);
    let mut unheard = answered.clone();
    unheard.answer_left = true;
    let mut refused_here = unscheduled.clone();
    refused_here.answer = Some(Answer::Refused);
    for (ended, id) in [
        (&unscheduled, "dropped-before-ipvs"),
        (&refused_here, "dropped-before-ipvs"),
        (&kept, "not-forwarded"),
        (&left, "server-silent"),
        (&answered, "answer-held"),
        (&unheard, "client-unheard"),
    ] {
        assert_eq!(levels(ended, 0, false), [(id, Level::Fault)]);
        assert_eq!(levels(ended, 37, false), [(id, Level::Note)]);
    }
    // What was heard stays.
    let mut refused = unheard.clone();
    refused.answer = Some(Answer::Refused);
    assert_eq!(
        levels(&refused, 37, false),
        [("port-refused", Level::Fault)]
    );
    // An entry of the kernel's table that was not read may be there.
    let id = "dropped-before-ipvs";
    assert_eq!(levels(&unscheduled, 0, true), [(id, Level::Note)]);
    assert_eq!(levels(&left, 0, true), [("server-silent", Level::Fault)]);
}

#[test]
fn where_others_are_served_it_hurts_some() {
    let mut ended = attempt(Protocol::Tcp);
    leaves(&mut ended, SERVER);
    let mut served = ended.clone();
    (served.is_heard, served.arrivals) = (true, 1);
    let risk = [("server-silent", Level::Risk)];
    assert_eq!(found(vec![ended.clone(), served.clone()], |_| ()), risk);
    ended.arrivals = 2;
    assert_eq!(found(vec![ended, served], |_| ()), []);
}

#[test]
fn who_has_answered_others_is_not_silent_because_of_one() {
    let mut silent = attempt(Protocol::Tcp);
    leaves(&mut silent, SERVER);
    let mut answered = silent.clone();
    answered.answer = Some(Answer::Agreed);
    // One whose client came not again: it is not served, and was answered.
    (answered.arrivals, answered.answer_left) = (1, true);
    let of = |count: usize, and: &[&Attempt]| {
        let all = vec![&silent; count].into_iter().chain(and.iter().copied());
        found(all.cloned().collect(), |_| ())
    };
    assert_eq!(of(1, &[]), [("server-silent", Level::Fault)]);
    assert_eq!(of(1, &[&answered]), []);
    assert_eq!(of(2, &[&answered]), [("server-silent", Level::Fault)]);
}

#[test]
fn a_director_that_takes_a_server_for_itself_refuses_in_its_place() {
    let mut refused = attempt(Protocol::Tcp);
    refused.has_entry = true;
    refused.answer = Some(Answer::Refused);
    refused.server = Some(DestinationIdentity {
        address: "10.0.0.10".parse().unwrap(),
        port: 80,
    });
    let covered: fn(&mut Facts) = |facts| {
        let lo = &mut facts.director.interfaces[0];
        lo.addresses.push(([10, 0, 0, 254].into(), 24));
        facts.services[0].servers.truncate(1);
    };
    assert_eq!(
        found(vec![refused.clone(), refused], covered),
        [("prefix-on-loopback", Level::Fault)]
    );
}

#[test]
fn no_route_is_what_the_directors_own_icmp_tells() {
    let mut ended = attempt(Protocol::Tcp);
    leaves(&mut ended, SERVER);
    (ended.exit, ended.has_entry) = (None, true);
    ended.answer = Some(Answer::Error(ErrorAnswer {
        reporter: "192.0.2.1".parse().unwrap(),
        reason: IcmpReason {
            is_ipv6: false,
            kind: 3,
            code: 1,
        },
        is_of_tunnel: false,
    }));
    let no_route: fn(&mut Facts) = |facts| facts.services[0].servers[0].route = Route::Nowhere;
    assert_eq!(
        found(vec![ended.clone(), ended], no_route),
        [("no-route", Level::Fault)]
    );
}

#[test]
fn what_was_heard_to_come_is_not_said_not_to_have_come() {
    let mut ended = attempt(Protocol::Tcp);
    leaves(&mut ended, SERVER);
    let ids: Vec<&str> = findings(|facts| {
        facts.services[0].state.statistics = crate::model::Statistics::default();
        listen::add(heard(vec![ended]), facts);
    })
    .iter()
    .map(|finding| finding.id)
    .collect();
    assert_eq!(ids, ["server-silent"]);
}

#[test]
fn a_silence_over_udp_is_a_risk_only_where_others_were_answered() {
    let as_udp: fn(&mut Facts) =
        |facts| facts.services[0].state.service.identity = identity("-u 192.0.2.1:80");
    let mut silent = attempt(Protocol::Udp);
    leaves(&mut silent, SERVER);
    assert_eq!(found(vec![silent.clone()], as_udp), []);
    let mut answered = attempt(Protocol::Udp);
    leaves(&mut answered, "10.0.0.20:80");
    answered.server = None;
    answered.answer = Some(Answer::Agreed);
    answered.answer_left = true;
    assert_eq!(
        found(vec![silent, answered], as_udp),
        [("server-silent", Level::Risk)]
    );
}

#[test]
fn what_keeps_attempts_from_leaving_explains_that_they_do_not() {
    let mut ended = attempt(Protocol::Tcp);
    leaves(&mut ended, SERVER);
    (ended.exit, ended.has_entry) = (None, true);
    let no_route: fn(&mut Facts) = |facts| facts.services[0].servers[0].route = Route::Nowhere;
    assert_eq!(
        found(vec![ended.clone(), ended.clone()], no_route),
        [("no-route", Level::Fault)]
    );
    // A risk explains no fault.
    assert_eq!(
        found(vec![ended], no_route),
        [("no-route", Level::Risk), ("not-forwarded", Level::Fault)]
    );
}

#[test]
fn an_address_is_unanswered_if_somebody_asks_in_vain_and_duplicate_if_another_has_it() {
    let after_losing = |packets_lost, questions, is_announced_here, rivals: &[HardwareAddress]| {
        let rivals = rivals.iter().map(|hardware| (3, *hardware)).collect();
        let mut all = findings(|facts| {
            let mut listened = heard(Vec::new());
            listened.packets_lost = packets_lost;
            let talk = AddressTalk {
                questions: [("192.0.2.77".parse().unwrap(), (2, questions))].into(),
                is_announced_here,
                rivals,
            };
            listened
                .addresses
                .insert("192.0.2.1".parse().unwrap(), talk);
            listen::add(listened, facts);
        });
        all.retain(|finding| finding.level != Level::Note);
        all
    };
    let with = |questions: u32, is_announced_here: bool, rivals: &[HardwareAddress]| {
        after_losing(0, questions, is_announced_here, rivals)
    };
    let ids =
        |findings: &[Finding]| -> Vec<&str> { findings.iter().map(|finding| finding.id).collect() };
    assert_eq!(ids(&with(2, false, &[])), ["address-unanswered"]);
    assert_eq!(ids(&with(1, false, &[])), [""; 0]);
    assert_eq!(ids(&with(2, true, &[])), [""; 0]);
    let rival = with(2, false, &[[2, 0, 0, 0, 0, 0x66]]);
    assert_eq!(ids(&rival), ["duplicate-address"]);
    assert_eq!(commands(&rival[0]), [""; 0]);
    assert_eq!(ids(&after_losing(3, 2, false, &[])), [""; 0]);
}

#[test]
fn nobody_is_a_note_and_says_how_to_try() {
    let all = findings(|facts| listen::add(heard(Vec::new()), facts));
    let nothing = all.iter().find(|finding| finding.id == "nothing-arrives");
    let nothing = nothing.unwrap();
    assert_eq!(
        (nothing.level, nothing.basis),
        (Level::Note, Basis::Traffic)
    );
    assert!(
        nothing.text.contains("nc -z -w 3 192.0.2.1 80"),
        "{}",
        nothing.text
    );
    let after_losses = findings(|facts| {
        let mut listened = heard(Vec::new());
        listened.packets_lost = 3;
        listen::add(listened, facts);
    });
    assert_eq!(after_losses, []);
}

#[test]
fn that_nothing_comes_for_a_mark_is_said_once() {
    let with = |connections| {
        let all = findings(|facts| {
            let service = &mut facts.services[0];
            service.state.service.identity = identity("-f 9");
            service.state.statistics = crate::model::Statistics::default();
            service.state.statistics.connections = connections;
            listen::add(heard(Vec::new()), facts);
        });
        let ids = all.into_iter().map(|finding| finding.id);
        ids.collect::<Vec<_>>()
    };
    assert_eq!(with(0), ["mark-unseen"]);
    assert_eq!(with(3), ["nothing-arrives"]);
}

#[test]
fn of_one_packet_scheduling_it_is_not_seen_whether_a_packet_was_taken() {
    let text = |ended: Attempt, one_packet: bool| {
        let all = findings(|facts| {
            facts.services[0].state.service.identity = ended.service.unwrap();
            facts.services[0].state.service.one_packet = one_packet;
            listen::add(heard(vec![ended]), facts);
        });
        let mut found = all.into_iter().filter(|found| found.id == "not-forwarded");
        found.next().map(|found| found.text)
    };
    let says_so = |text: Option<String>| text.map(|text| text.contains("--ops"));
    assert_eq!(says_so(text(attempt(Protocol::Udp), true)), Some(true));
    assert_eq!(says_so(text(attempt(Protocol::Udp), false)), None);
    let mut scheduled = attempt(Protocol::Tcp);
    scheduled.has_entry = true;
    assert_eq!(says_so(text(scheduled, false)), Some(false));
}

#[test]
fn who_tried_and_how_many_others_were_served_is_said() {
    let clients = [
        "198.51.100.9:40002",
        "198.51.100.7:40003",
        "198.51.100.9:40004",
    ];
    let mut attempts: Vec<Attempt> = clients
        .map(|client| attempt_of(Protocol::Tcp, client))
        .into();
    let with = |served: usize| {
        attempts.iter_mut().for_each(|it| leaves(it, SERVER));
        let mut other = attempt_of(Protocol::Tcp, "198.51.100.33:40005");
        leaves(&mut other, SERVER);
        (other.is_heard, other.arrivals) = (true, 1);
        let others = vec![other; served];
        the("server-silent", [&attempts[..], &others].concat(), |_| ())
    };
    let [nobody, two] = [0, 2].map(with);
    assert!(
        nobody
            .text
            .starts_with("3 attempts of 198.51.100.7 and 198.51.100.9 went to 10.0.0.10:80,"),
        "{nobody:?}"
    );
    assert!(nobody.text.ends_with("another way."), "{nobody:?}");
    assert!(
        two.text.ends_with("another way. 2 others were served."),
        "{two:?}"
    );
    for (finding, served) in [(nobody, 0), (two, 2)] {
        assert_eq!(*seen(&finding, "attempts"), 3);
        assert_eq!(*seen(&finding, "served"), served);
        assert_eq!(
            *seen(&finding, "clients"),
            serde_json::json!(["198.51.100.7", "198.51.100.9"])
        );
    }
}

#[test]
fn counters_that_grew_meanwhile_are_named_beside_what_was_dropped() {
    let early = attempt(Protocol::Tcp);
    let mut held = attempt(Protocol::Tcp);
    leaves(&mut held, SERVER);
    let mut late = held.clone();
    held.answer = Some(Answer::Agreed);
    (late.was_repeated_before_it_left, late.is_heard) = (true, true);
    for (ended, id) in [
        (early, "dropped-before-ipvs"),
        (late, "dropped-before-ipvs"),
        (held, "answer-held"),
    ] {
        let text = |drops: &[(&'static str, u64)]| {
            let of_two = of_id(id, vec![ended.clone(); 2], drops, |_| ());
            let [finding] = of_two.try_into().unwrap();
            finding.text
        };
        assert!(!text(&[]).contains("counters"), "{}", text(&[]));
        let grown = text(&[("InDiscards", 3), ("IPReversePathFilter", 8)]);
        let grew =
            " Meanwhile the kernel's counters grew: InDiscards by 3 and IPReversePathFilter by 8.";
        assert!(grown.ends_with(grew), "{grown}");
    }
}

#[test]
fn two_that_left_only_when_they_were_repeated_are_no_accident() {
    let with = |count, change: fn(&mut Attempt)| {
        let mut late = attempt(Protocol::Tcp);
        leaves(&mut late, SERVER);
        (late.was_repeated_before_it_left, late.is_heard) = (true, true);
        change(&mut late);
        of_id("dropped-before-ipvs", vec![late; count], &[], |_| ())
    };
    let [two] = with(2, |_| ()).try_into().unwrap();
    assert!(
        two.text
            .starts_with("2 attempts of 198.51.100.7 left this director only when"),
        "{two:?}"
    );
    assert_eq!(
        (two.level, seen(&two, "attempts")),
        (Level::Risk, &2.into())
    );
    assert_eq!(with(1, |_| ()), []);
    assert_eq!(with(2, |late| late.was_repeated_before_it_left = false), []);
    assert_eq!(with(2, |late| late.exit = None), []);
    assert_eq!(with(2, |late| late.departures = late.arrivals), []);
    assert_eq!(with(2, |late| late.protocol = Protocol::Udp), []);
}

#[test]
fn what_the_director_itself_answers_went_to_no_server() {
    let with = |answer, has_entry| {
        let mut ended = attempt(Protocol::Tcp);
        (ended.answer, ended.has_entry) = (Some(answer), has_entry);
        let found = of_id("dropped-before-ipvs", vec![ended], &[], |_| ());
        found.into_iter().next().map(|finding| finding.text)
    };
    let said = |answer: &str| {
        Some(format!(
            "This director itself answered 1 attempt of 198.51.100.7 with {answer}: its firewall \
             rejects them, or IPVS does not take them."
        ))
    };
    assert_eq!(with(Answer::Refused, false), said("RST"));
    let error = Answer::Error(unreachable(3));
    let of_port = said("ICMP port unreachable (from 192.0.2.1)");
    assert_eq!(with(error, false), of_port);
    assert_eq!(with(Answer::Refused, true), None);
    assert_eq!(with(error, true), None);
}

/// Returns an error of this code by ICMP.
fn unreachable(code: u8) -> ErrorAnswer {
    ErrorAnswer {
        reporter: "192.0.2.1".parse().unwrap(),
        reason: IcmpReason {
            is_ipv6: false,
            kind: 3,
            code,
        },
        is_of_tunnel: false,
    }
}

#[test]
fn one_packet_scheduling_leaves_nothing_by_which_to_see_what_was_dropped() {
    let with = |one_packet| {
        of_id(
            "dropped-before-ipvs",
            vec![attempt(Protocol::Tcp)],
            &[],
            |facts| {
                facts.services[0].state.service.one_packet = one_packet;
            },
        )
        .len()
    };
    assert_eq!([with(false), with(true)], [1, 0]);
}

#[test]
fn a_silent_server_is_shown_the_way_back_and_one_here_is_told_apart() {
    let mut sent = attempt(Protocol::Tcp);
    leaves(&mut sent, SERVER);
    let silent = the("server-silent", vec![sent.clone()], |_| ());
    assert_eq!(commands(&silent), ["ip route replace default via 10.0.0.1"]);
    assert_eq!(*seen(&silent, "server"), "10.0.0.10");
    // Once is not enough for a command.
    sent.arrivals = 2;
    let once = the("server-silent", vec![sent.clone()], |_| ());
    assert_eq!(commands(&once), [""; 0]);
    (sent.exit, sent.has_entry) = (None, true);
    let local = the("server-silent", vec![sent.clone()], |facts| {
        facts.services[0].servers[0].route = Route::Local;
    });
    assert!(
        local
            .text
            .starts_with("IPVS gave 1 attempt of 198.51.100.7 to 10.0.0.10:80 on this director,"),
        "{local:?}"
    );
    assert_eq!(of_id("server-silent", vec![sent], &[], |_| ()), []);
}

#[test]
fn a_refusal_is_one_by_rst_or_by_an_error_about_the_port() {
    let with = |answer, is_scheduled| {
        let mut ended = attempt(Protocol::Tcp);
        if is_scheduled {
            leaves(&mut ended, SERVER);
        }
        (ended.answer, ended.answer_left) = (Some(answer), true);
        let found = findings(|facts| {
            facts.services[0].servers.truncate(1);
            listen::add(heard(vec![ended]), facts);
        });
        let mut found = found.into_iter();
        let (id, text) = found.next().map(|it| (it.id, it.text)).unwrap();
        let rest = text.strip_prefix("10.0.0.10:80 refuses connections by ");
        (id, rest.map(str::to_owned))
    };
    let by = |answer: &str| Some(format!("{answer}: 1 attempt of 198.51.100.7."));
    assert_eq!(with(Answer::Refused, true), ("port-refused", by("RST")));
    let (of_port, of_host) = (unreachable(3), unreachable(1));
    assert_eq!(
        with(Answer::Error(of_port), true),
        ("port-refused", by("ICMP port unreachable (from 192.0.2.1)"))
    );
    assert_eq!(with(Answer::Error(of_host), true), ("icmp-error", None));
    for answer in [
        Answer::Refused,
        Answer::Error(of_port),
        Answer::Error(of_host),
    ] {
        assert_eq!(with(answer, false), ("dropped-before-ipvs", None));
    }
}

#[test]
fn each_error_is_named_once() {
    let with = |error| {
        let mut ended = attempt(Protocol::Tcp);
        leaves(&mut ended, SERVER);
        (ended.answer, ended.answer_left) = (Some(Answer::Error(error)), true);
        ended
    };
    let errors = [unreachable(1), unreachable(0), unreachable(1)];
    let finding = the("icmp-error", errors.map(with).into(), |_| ());
    let [network, host] = [
        "network unreachable (from 192.0.2.1)",
        "host unreachable (from 192.0.2.1)",
    ];
    assert_eq!(
        finding.text,
        format!("3 attempts of 198.51.100.7 to 10.0.0.10:80 ended by ICMP: {network} and {host}.")
    );
    assert_eq!(*seen(&finding, "icmp"), serde_json::json!([network, host]));
}

#[test]
fn why_clients_are_not_reached_hangs_on_where_it_ends_and_by_which_method() {
    let text = |words: &str, method| {
        let mut ended = attempt(Protocol::Tcp);
        ended.service = Some(identity(words));
        leaves(&mut ended, SERVICE);
        let finding = the("client-unheard", vec![ended], |facts| {
            facts.services[0].state.service.identity = identity(words);
            forward_by(facts, method);
        });
        assert_eq!(*seen(&finding, "answers_left"), 0);
        let (_, why) = finding.text.split_once("repeat their SYN. ").unwrap();
        why.to_owned()
    };
    let tunnel = ForwardingMethod::Tunnel(crate::model::Encapsulation::Ipip);
    let routed = ForwardingMethod::DirectRouting;
    for (words, method, start) in [
        (
            "-t 192.0.2.1:80",
            routed,
            "It lacks 192.0.2.1, its firewall",
        ),
        (
            "-f 7",
            routed,
            "It lacks the service's address, its firewall",
        ),
        (
            "-t 192.0.2.1:80",
            tunnel,
            "It does not unpack the tunnel or drops what came in it (rp_filter), it lacks 192.0.2.1,",
        ),
    ] {
        let text = text(words, method);
        assert!(text.starts_with(start), "{text}");
    }
    let mut answered = attempt(Protocol::Tcp);
    leaves(&mut answered, SERVER);
    (answered.answer, answered.answer_left) = (Some(Answer::Agreed), true);
    let finding = the("client-unheard", vec![answered; 4], |_| ());
    assert_eq!(*seen(&finding, "answers_left"), 4);
    assert!(
        finding.text.starts_with(
            "10.0.0.10:80 answered 4 attempts of 198.51.100.7, the answers left here,"
        ),
        "{finding:?}"
    );
}

#[test]
fn how_to_try_a_service_hangs_on_what_it_is_for() {
    let text = |words: &str| {
        let all = findings(|facts| {
            facts.services[0].state.service.identity = identity(words);
            let mut nothing = heard(Vec::new());
            nothing.duration = Duration::from_millis(2345);
            listen::add(nothing, facts);
        });
        let nothing = all.into_iter().find(|it| it.id == "nothing-arrives")?;
        assert_eq!(nothing.evidence, [("milliseconds", 2345.into())]);
        Some(nothing.text)
    };
    for (words, trial) in [
        ("-t 192.0.2.1:80", "`nc -z -w 3 192.0.2.1 80` tries it."),
        ("-u 192.0.2.1:53", "`nc -uz -w 3 192.0.2.1 53` tries it."),
        (
            "-t 192.0.2.1:0",
            "programs on this director ask for is not seen.",
        ),
        (
            "-f 7",
            "no packet went to one of its servers, or to IPVS, that was seen to come.",
        ),
    ] {
        let text = text(words).unwrap();
        assert!(text.contains(" in 2.3 s"), "{text}");
        assert!(text.ends_with(trial), "{text}");
    }
    assert_eq!(text("--sctp-service 192.0.2.1:80"), None);
    let not_followed = findings(|facts| {
        let mut nothing = heard(Vec::new());
        nothing.attempts_not_followed = 1;
        listen::add(nothing, facts);
    });
    assert!(not_followed.iter().all(|it| it.id != "nothing-arrives"));
}

/// Returns the finding of an id of those who talk about the first service's address.
fn of_talk(id: &str, talk: AddressTalk, spoil: impl FnOnce(&mut Facts)) -> Option<Finding> {
    let all = findings(|facts| {
        spoil(facts);
        let mut listened = heard(Vec::new());
        let address = facts.services[0].virtual_address().unwrap();
        listened.addresses.insert(address, talk);
        listen::add(listened, facts);
    });
    all.into_iter().find(|finding| finding.id == id)
}

#[test]
fn who_asks_in_vain_where_is_said_and_why_nobody_answers() {
    let with = |spoil: fn(&mut Facts)| {
        let questions = [
            ("192.0.2.75", (3, 1)),
            ("192.0.2.77", (3, 2)),
            ("192.0.2.79", (3, 4)),
        ];
        let talk = AddressTalk {
            questions: questions
                .map(|(asker, asked)| (asker.parse().unwrap(), asked))
                .into(),
            ..AddressTalk::default()
        };
        let found = of_talk("address-unanswered", talk, spoil).unwrap();
        let start = "192.0.2.77 and 192.0.2.79 ask";
        assert!(found.text.starts_with(start), "{found:?}");
        assert_eq!(
            *seen(&found, "asked_by"),
            serde_json::json!(["192.0.2.77", "192.0.2.79"])
        );
        assert_eq!(*seen(&found, "asked_at"), "public");
        let (_, why) = found.text.split_once(" no answer is heard here. ").unwrap();
        (why.to_owned(), commands(&found).join("; "))
    };
    let does_not_answer = "This director has it, and does not answer either.";
    assert_eq!(with(|_| ()), (does_not_answer.to_owned(), String::new()));
    let settings = "sysctl -w net.ipv4.conf.all.arp_ignore=0; \
                    sysctl -w net/ipv4/conf/public/arp_ignore=0";
    let hides: fn(&mut Facts) = |facts| facts.director.interfaces[2].hides_others = true;
    assert_eq!(
        with(hides),
        (does_not_answer.to_owned(), settings.to_owned())
    );
    let on_lo: fn(&mut Facts) = |facts| {
        let public = &mut facts.director.interfaces[2];
        (public.hides_others, public.addresses) = (true, Vec::new());
    };
    assert_eq!(
        with(on_lo),
        (
            "This director has it, and public does not answer for addresses of other interfaces \
             (arp_ignore)."
                .to_owned(),
            settings.to_owned()
        )
    );
    let not_here: fn(&mut Facts) = |facts| {
        facts.services[0].address = Some(Route::Nowhere);
        facts.director.interfaces[2].hides_others = true;
    };
    assert_eq!(
        with(not_here),
        ("This director does not have it.".to_owned(), String::new())
    );
    let by_ipv6: fn(&mut Facts) = |facts| {
        facts.services[0].state.service.identity = identity("-t [2001:db8::1]:80");
        facts.director.interfaces[2].hides_others = true;
    };
    assert_eq!(with(by_ipv6).1, "");
}

#[test]
fn who_speaks_as_the_address_is_named_if_it_is_a_server_and_told_to_hide_it() {
    let with = |route, hardware: HardwareAddress| {
        let talk = AddressTalk {
            rivals: [(3, hardware)].into(),
            ..AddressTalk::default()
        };
        of_talk("duplicate-address", talk, |facts| {
            facts.services[0].address = Some(route);
            set_next_hop(&mut facts.services[0].servers[1], false);
        })
    };
    let known = with(Route::Local, [2, 0, 0, 0, 0, 0x66]).unwrap();
    assert!(
        known
            .text
            .starts_with("10.0.0.20 (02:00:00:00:00:66) speaks as 192.0.2.1 to"),
        "{known:?}"
    );
    assert_eq!(commands(&known), HIDE_ADDRESSES);
    assert!(known.real_server.is_some());
    let talk = AddressTalk {
        rivals: [(3, [2, 0, 0, 0, 0, 0x66])].into(),
        ..AddressTalk::default()
    };
    let of_ipv6 = of_talk("duplicate-address", talk, |facts| {
        facts.services[0].state.service.identity = identity("-t [2001:db8::1]:80");
        facts.services[0].address = Some(Route::Local);
        let own = "2001:db8::1".parse().unwrap();
        facts.director.interfaces[2].addresses.push((own, 64));
        set_next_hop(&mut facts.services[0].servers[1], false);
    });
    let of_ipv6 = of_ipv6.unwrap();
    assert!(
        of_ipv6
            .text
            .contains("speaks as 2001:db8::1 to its neighbours (neighbour discovery): those"),
        "{of_ipv6:?}"
    );
    assert_eq!(
        commands(&of_ipv6),
        ["ipvsadm -e -t [2001:db8::1]:80 -r 10.0.0.20:80 -m -w 0"]
    );
    assert!(of_ipv6.real_server.is_some());
    let unknown = with(Route::Local, [2, 0, 0, 0, 0, 0x67]).unwrap();
    assert!(
        unknown
            .text
            .starts_with("Another machine (02:00:00:00:00:67) speaks as"),
        "{unknown:?}"
    );
    assert_eq!(unknown.real_server, None);
    assert_eq!(
        unknown.evidence,
        [
            ("address", "192.0.2.1".into()),
            ("hardware_address", "02:00:00:00:00:67".into())
        ]
    );
    assert_eq!(with(Route::Nowhere, [2, 0, 0, 0, 0, 0x67]), None);
}

#[test]
fn why_nothing_leaves_is_said_as_far_as_it_is_known() {
    let text = |spoil: fn(&mut Facts)| {
        let mut ended = attempt(Protocol::Tcp);
        (ended.has_entry, ended.server) = (true, Some(listen::samples::server()));
        let found = of_id("not-forwarded", vec![ended], &[], |facts| {
            forward_by(facts, ForwardingMethod::DirectRouting);
            spoil(facts);
        });
        found.into_iter().next().map(|finding| finding.text)
    };
    let said = |why: &str| {
        Some(format!(
            "1 attempt of 198.51.100.7 came to inner and did not leave for 10.0.0.10:80. {why}"
        ))
    };
    let firewall = said("A firewall here (OUTPUT, POSTROUTING) may hold them.");
    assert_eq!(text(|_| ()), firewall);
    let silent: fn(&mut Facts) = |facts| set_next_hop(&mut facts.services[0].servers[0], true);
    assert_eq!(
        text(silent),
        said("10.0.0.254 does not answer when it is asked for its hardware address.")
    );
    let speaks: fn(&mut Facts) = |facts| set_next_hop(&mut facts.services[0].servers[0], false);
    assert_eq!(text(speaks), firewall);
    let no_route: fn(&mut Facts) = |facts| facts.services[0].servers[0].route = Route::Nowhere;
    assert_eq!(text(no_route), said("There is no route to it."));
    let local: fn(&mut Facts) = |facts| facts.services[0].servers[0].route = Route::Local;
    assert_eq!(text(local), None);
}

#[test]
fn a_syn_that_came_no_oftener_than_one_that_was_served_may_yet_be() {
    let with = |arrivals| {
        let mut served = attempt(Protocol::Tcp);
        leaves(&mut served, SERVER);
        (served.is_heard, served.arrivals) = (true, 2);
        let mut waiting = attempt(Protocol::Tcp);
        leaves(&mut waiting, SERVER);
        waiting.arrivals = arrivals;
        found(vec![served, waiting.clone(), waiting], |_| ())
    };
    assert_eq!(with(2), []);
    assert_eq!(with(3), [("server-silent", Level::Risk)]);
}

#[test]
fn datagrams_that_may_have_left_from_another_port_accuse_nobody() {
    let with = |translates| {
        let mut taken = attempt(Protocol::Udp);
        (taken.has_entry, taken.server) = (true, Some(listen::samples::server()));
        found(
            vec![taken.clone(), taken],
            match translates {
                true => |facts| {
                    facts.services[0].state.service.identity = identity("-u 192.0.2.1:80");
                    facts.director.settings.conntrack = true;
                },
                false => |facts| {
                    facts.services[0].state.service.identity = identity("-u 192.0.2.1:80");
                },
            },
        )
    };
    assert_eq!(with(true), []);
    assert_eq!(with(false), [("not-forwarded", Level::Fault)]);
}

/// Sends packets for a server to a neighbour.
fn set_next_hop(server: &mut Server, is_silent: bool) {
    server.next_hop = Some(Neighbour {
        address: [10, 0, 0, 254].into(),
        interface: 2,
        hardware: Some([2, 0, 0, 0, 0, 0x66]),
        is_silent,
    });
}

#[test]
fn a_forged_answer_is_told_apart_from_one_that_is_held() {
    let text = |is_forged| {
        let mut held = attempt(Protocol::Tcp);
        leaves(&mut held, SERVER);
        (held.answer, held.answer_came_from_address) = (Some(Answer::Agreed), is_forged);
        the("answer-held", vec![held], |_| ()).text
    };
    assert!(text(true).contains("and do not leave: they come from the service's address,"));
    assert!(text(false).contains("and do not leave: a firewall here (FORWARD),"));
    for is_forged in [true, false] {
        let text = text(is_forged);
        assert!(text.ends_with('.') && !text.ends_with(".."), "{text}");
    }
}

#[test]
fn who_speaks_as_an_address_that_is_hidden_here_or_of_another_network_takes_nothing_away() {
    let with = |index, spoil: fn(&mut Facts)| {
        let talk = AddressTalk {
            rivals: [(index, [2, 0, 0, 0, 0, 0x66])].into(),
            ..AddressTalk::default()
        };
        of_talk("duplicate-address", talk, spoil).is_some()
    };
    assert!(with(3, |_| ()));
    assert!(!with(2, |_| ()), "the servers' network");
    let on_lo: fn(&mut Facts) = |facts| {
        let [lo, _, public] = &mut facts.director.interfaces[..] else {
            unreachable!()
        };
        lo.addresses.push(([192, 0, 2, 1].into(), 32));
        public.addresses = vec![([192, 0, 2, 25].into(), 24)];
    };
    assert!(with(3, on_lo));
    assert!(!with(3, |facts| {
        facts.director.interfaces[2].addresses = vec![([192, 0, 2, 25].into(), 24)];
        facts.director.interfaces[2].hides_others = true;
    }));
}

#[test]
fn who_looks_for_open_ports_accuses_nobody() {
    let at_ports = |service: &'static str, ports: Vec<u16>, is_served: bool| {
        ports.into_iter().enumerate().map(move |(number, port)| {
            let mut attempt = attempt(Protocol::Tcp);
            attempt.service = Some(identity(service));
            attempt.address.set_port(port);
            attempt.client.set_port(50_000 + number as u16);
            leaves(&mut attempt, SERVER);
            attempt.is_heard = is_served;
            if !is_served {
                attempt.answer = Some(Answer::Refused);
                attempt.answer_left = true;
            }
            attempt
        })
    };
    let with = |service: &'static str, served: usize, in_vain: Vec<u16>| {
        let served = at_ports(service, vec![80; served], true);
        let attempts = served.chain(at_ports(service, in_vain, false));
        let all = findings(|facts| {
            facts.services[0].state.service.identity = identity(service);
            listen::add(heard(attempts.collect()), facts);
        });
        let ids: Vec<&str> = all.iter().map(|finding| finding.id).collect();
        assert!(!ids.contains(&"nothing-arrives"), "{ids:?}");
        ids.contains(&"port-refused")
    };
    let (any_port, mark) = ("-t 192.0.2.1:0", "-f 7");
    assert!(!with(any_port, 3, vec![443; 9]));
    assert!(!with(mark, 3, vec![443; 4]));
    assert!(with(mark, 3, vec![443; 5]));
    for service in [any_port, mark] {
        assert!(!with(service, 0, vec![21, 22, 23, 25, 443]), "{service}");
        assert!(with(service, 0, vec![21, 22, 443, 443]), "{service}");
    }
    assert!(with("-t 192.0.2.1:80", 3, vec![80; 2]));
}

#[test]
fn who_traces_the_way_accuses_nobody() {
    let with = |arrivals, kind| {
        let mut traced = attempt(Protocol::Tcp);
        traced.arrivals = arrivals;
        leaves(&mut traced, SERVER);
        traced.answer = Some(Answer::Error(ErrorAnswer {
            reporter: [192, 0, 2, 25].into(),
            reason: IcmpReason {
                is_ipv6: false,
                kind,
                code: 0,
            },
            is_of_tunnel: false,
        }));
        traced.answer_left = true;
        found(vec![traced.clone(), traced.clone(), traced], |_| ())
    };
    assert_eq!(with(1, 11), []);
    assert_eq!(with(2, 11), [("icmp-error", Level::Fault)]);
    assert_eq!(with(1, 3), [("icmp-error", Level::Fault)]);
}

#[test]
fn what_comes_for_a_server_that_was_removed_is_told_of_as_that() {
    let with = |served: bool, spoil: fn(&mut Facts)| {
        let mut stale = attempt(Protocol::Udp);
        (stale.has_entry, stale.server) = (true, Some(identity_of("10.0.0.30:80")));
        let mut attempts = vec![stale.clone(), stale];
        if served {
            let mut answered = attempt(Protocol::Udp);
            leaves(&mut answered, SERVER);
            (answered.answer, answered.answer_left) = (Some(Answer::Agreed), true);
            attempts.push(answered);
        }
        let all = findings(|facts| {
            facts.services[0].state.service.identity = identity("-u 192.0.2.1:80");
            spoil(facts);
            listen::add(heard(attempts), facts);
        });
        let all = all.into_iter().filter(|it| it.level != Level::Note);
        all.map(|it| (it.id, it.level)).collect::<Vec<_>>()
    };
    assert_eq!(with(false, |_| ()), [("stale-connections", Level::Fault)]);
    assert_eq!(with(true, |_| ()), [("stale-connections", Level::Risk)]);
    let expires: fn(&mut Facts) = |facts| facts.director.settings.expire_nodest_conn = true;
    assert_eq!(with(true, expires), []);
}
