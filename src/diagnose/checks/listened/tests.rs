#![forbid(unsafe_code)]

use super::*;

use crate::diagnose::checks::samples::{commands, endpoint as identity, findings, forward_by};
use crate::diagnose::facts::HardwareAddress;
use crate::diagnose::findings::Level;
use crate::diagnose::listen;
use crate::diagnose::listen::listened::AddressTalk;
use crate::diagnose::listen::packets::IcmpReason;
use crate::diagnose::listen::samples::{SERVER, SERVICE, attempt, heard, leaves};

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
        found(vec![direct], routed),
        [("client-unheard", Level::Fault)]
    );
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
    served.is_heard = true;
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
    refused.server = Some(crate::model::DestinationIdentity {
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
        let rivals = rivals.iter().copied().collect();
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
