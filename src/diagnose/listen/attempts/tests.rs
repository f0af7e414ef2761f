#![forbid(unsafe_code)]

use super::*;
use crate::diagnose::checks::samples::{forward_by, healthy, identity, service};
use crate::diagnose::facts::Neighbour;
use crate::diagnose::listen::listened::{Fate, Step};
use crate::diagnose::listen::packets::IcmpReason;
use crate::model::ForwardingMethod;

const OUTER: u32 = 1;
const INNER: u32 = 2;
/// A VLAN on the outer one.
const VLAN: u32 = 9;
const END: Duration = Duration::from_secs(10);

/// The samples' service and servers, and the addresses that play with them.
const SERVICE: &str = "192.0.2.1:80";
const SERVERS: [&str; 2] = ["10.0.0.10:80", "10.0.0.20:80"];
const SERVER_HARDWARE: [HardwareAddress; 2] = [[2, 0, 0, 0, 0, 0x10], [2, 0, 0, 0, 0, 0x20]];

fn flow(protocol: Protocol, source: &str, destination: &str) -> Flow {
    Flow {
        protocol,
        source: source.parse().unwrap(),
        destination: destination.parse().unwrap(),
    }
}

fn frame(interface: u32, direction: Direction) -> Frame {
    Frame {
        interface,
        direction,
        hardware: None,
        mark: None,
    }
}

fn segment(source: &str, destination: &str, sequence: u32) -> Segment {
    Segment {
        flow: flow(Protocol::Tcp, source, destination),
        sequence,
        acknowledged: None,
        is_syn: false,
        is_reset: false,
    }
}

fn packet(content: Content) -> Packet {
    Packet {
        tunnel: None,
        content,
    }
}

/// A conversation that is heard, packet by packet, a tenth of a second apart.
struct Heard<'f> {
    attempts: Attempts<'f>,
    at: Duration,
}

impl<'f> Heard<'f> {
    fn of(facts: &'f Facts) -> Heard<'f> {
        Heard {
            attempts: Attempts::new(facts, None),
            at: Duration::ZERO,
        }
    }

    fn hear(&mut self, frame: Frame, packet: Packet) -> &mut Heard<'f> {
        self.at += Duration::from_millis(100);
        self.attempts.hear(&frame, &packet, self.at);
        self
    }

    fn syn(
        &mut self,
        frame: Frame,
        source: &str,
        destination: &str,
        sequence: u32,
    ) -> &mut Heard<'f> {
        let segment = Segment {
            is_syn: true,
            ..segment(source, destination, sequence)
        };
        self.hear(frame, packet(Content::Segment(segment)))
    }

    /// SYN and ACK for the SYN of this number.
    fn agrees(&mut self, frame: Frame, source: &str, destination: &str, to: u32) -> &mut Heard<'f> {
        let segment = Segment {
            acknowledged: Some(to.wrapping_add(1)),
            is_syn: true,
            ..segment(source, destination, 5_000_000)
        };
        self.hear(frame, packet(Content::Segment(segment)))
    }

    fn refuses(
        &mut self,
        frame: Frame,
        source: &str,
        destination: &str,
        to: u32,
    ) -> &mut Heard<'f> {
        let segment = Segment {
            acknowledged: Some(to.wrapping_add(1)),
            is_reset: true,
            ..segment(source, destination, 0)
        };
        self.hear(frame, packet(Content::Segment(segment)))
    }

    /// Adds a packet of the client's, so many bytes behind its SYN.
    fn goes_on(&mut self, source: &str, after: u32) -> &mut Heard<'f> {
        let segment = Segment {
            acknowledged: Some(5_000_001),
            ..segment(source, SERVICE, after.wrapping_add(1))
        };
        self.hear(
            frame(OUTER, Direction::In),
            packet(Content::Segment(segment)),
        )
    }

    /// Adds the same, as it leaves for a server or in a tunnel to one.
    fn goes_on_out(
        &mut self,
        frame: Frame,
        tunnel: Option<&str>,
        ends: (&str, &str),
        after: u32,
    ) -> &mut Heard<'f> {
        let segment = Segment {
            acknowledged: Some(5_000_001),
            ..segment(ends.0, ends.1, after.wrapping_add(1))
        };
        let packet = Packet {
            tunnel: tunnel.map(|end| end.parse().unwrap()),
            content: Content::Segment(segment),
        };
        self.hear(frame, packet)
    }

    fn datagram(&mut self, frame: Frame, source: &str, destination: &str) -> &mut Heard<'f> {
        let flow = flow(Protocol::Udp, source, destination);
        self.hear(frame, packet(Content::Datagram(flow)))
    }

    fn finish(self) -> Vec<(Attempt, Fate)> {
        let (attempts, ..) = self.attempts.finish();
        let with_fate = |attempt: Attempt| {
            let fate = attempt.fate(END);
            (attempt, fate)
        };
        attempts.into_iter().map(with_fate).collect()
    }

    fn only(self) -> (Attempt, Fate) {
        let mut all = self.finish();
        assert_eq!(all.len(), 1, "{all:?}");
        all.remove(0)
    }
}

const IN: fn(u32) -> Frame = |interface| frame(interface, Direction::In);
const OUT: fn(u32) -> Frame = |interface| frame(interface, Direction::Out);

/// The facts of direct routing, with neighbours that are known.
fn direct() -> Facts {
    let mut facts = healthy();
    forward_by(&mut facts, ForwardingMethod::DirectRouting);
    for (server, hardware) in facts.services[0].servers.iter_mut().zip(SERVER_HARDWARE) {
        server.next_hop = Some(Neighbour {
            address: server.identity().address,
            interface: INNER,
            hardware: Some(hardware),
            is_silent: false,
        });
    }
    facts
}

#[test]
fn a_masqueraded_attempt_is_followed_step_by_step() {
    let facts = healthy();
    let client = "198.51.100.7:40001";
    let steps: [fn(&mut Heard<'_>); 5] = [
        |heard| {
            heard.syn(IN(OUTER), "198.51.100.7:40001", SERVICE, 71);
        },
        |heard| {
            heard.syn(OUT(INNER), "198.51.100.7:40001", SERVERS[1], 71);
        },
        |heard| {
            heard.agrees(IN(INNER), SERVERS[1], "198.51.100.7:40001", 71);
        },
        |heard| {
            heard.agrees(OUT(OUTER), SERVICE, "198.51.100.7:40001", 71);
        },
        |heard| {
            let client = "198.51.100.7:40001";
            heard
                .goes_on(client, 71)
                .goes_on_out(OUT(INNER), None, (client, SERVERS[1]), 71);
        },
    ];
    let reached = [
        Step::Arrived,
        Step::Left,
        Step::Answered,
        Step::AnswerLeft,
        Step::Heard,
    ];
    for (count, expected) in (1..).zip(reached) {
        let mut heard = Heard::of(&facts);
        steps[..count].iter().for_each(|step| step(&mut heard));
        // The client repeats itself, unless it was heard to go on.
        heard.syn(IN(OUTER), client, SERVICE, 71);
        assert_eq!(heard.attempts.ended(), 1);
        let (attempt, fate) = heard.only();
        assert_eq!(attempt.step(), expected);
        let expected_fate = match expected {
            Step::Heard => Fate::Served,
            step => Fate::EndedAt(step),
        };
        assert_eq!(fate, expected_fate);
        let server = (count > 1).then(|| facts.services[0].servers[1].identity());
        assert_eq!(attempt.server, server);
    }
    // Without that, nothing is decided before it is answered.
    let mut heard = Heard::of(&facts);
    steps[..4].iter().for_each(|step| step(&mut heard));
    assert_eq!(heard.attempts.ended(), 0);
    assert!(heard.attempts.has_open_ones_from_before(END));
    assert_eq!(heard.only().1, Fate::Undecided);
}

#[test]
fn a_source_that_is_translated_as_well_is_known_by_the_sequence_number() {
    let facts = healthy();
    let client = "198.51.100.7:40002";
    let mut heard = Heard::of(&facts);
    // 10.0.0.1 is the director's.
    heard
        .syn(IN(OUTER), client, SERVICE, 72)
        .syn(OUT(INNER), "10.0.0.1:61002", SERVERS[0], 72)
        .agrees(IN(INNER), SERVERS[0], "10.0.0.1:61002", 72)
        .agrees(OUT(OUTER), SERVICE, client, 72)
        .goes_on(client, 72)
        .goes_on_out(OUT(INNER), None, ("10.0.0.1:61002", SERVERS[0]), 72);
    let (attempt, fate) = heard.only();
    assert_eq!(fate, Fate::Served);
    assert_eq!(
        (attempt.answer, attempt.answer_left),
        (Some(Answer::Agreed), true)
    );
}

#[test]
fn a_directly_routed_attempt_goes_to_a_hardware_address_and_is_heard_or_repeated() {
    let facts = direct();
    let out = |server: usize| Frame {
        hardware: Some(([2, 0, 0, 0, 0, 1], SERVER_HARDWARE[server])),
        ..OUT(INNER)
    };
    let mut heard = Heard::of(&facts);
    heard
        .syn(IN(OUTER), "198.51.100.7:40003", SERVICE, 73)
        .syn(out(0), "198.51.100.7:40003", SERVICE, 73)
        .goes_on("198.51.100.7:40003", 73)
        .goes_on_out(out(0), None, ("198.51.100.7:40003", SERVICE), 73)
        .syn(IN(OUTER), "198.51.100.7:40004", SERVICE, 74)
        .syn(out(1), "198.51.100.7:40004", SERVICE, 74)
        .syn(IN(OUTER), "198.51.100.7:40004", SERVICE, 74)
        .syn(out(1), "198.51.100.7:40004", SERVICE, 74);
    let ended = heard.finish();
    let server = |index: usize| Some(facts.services[0].servers[index].identity());
    assert_eq!((ended[0].0.server, ended[0].1), (server(0), Fate::Served));
    assert_eq!(
        (ended[1].0.server, ended[1].1),
        (server(1), Fate::EndedAt(Step::Left))
    );
    assert_eq!((ended[1].0.arrivals, ended[1].0.departures), (2, 2));
    assert!(!ended[1].0.was_repeated_before_it_left);
}

#[test]
fn what_is_seen_at_several_interfaces_is_one_packet() {
    let facts = healthy();
    let client = "198.51.100.7:40005";
    let mut heard = Heard::of(&facts);
    heard
        .syn(IN(OUTER), client, SERVICE, 75)
        .syn(IN(VLAN), client, SERVICE, 75)
        .syn(OUT(INNER), client, SERVERS[0], 75)
        .syn(OUT(8), client, SERVERS[0], 75);
    let (attempt, fate) = heard.only();
    assert_eq!((attempt.arrivals, attempt.departures), (1, 1));
    assert_eq!((attempt.arrived_on, fate), (VLAN, Fate::Undecided));
    // For somebody else, and in a tunnel that ends here, it does not arrive.
    let mut heard = Heard::of(&facts);
    heard.syn(frame(OUTER, Direction::PassingBy), client, SERVICE, 76);
    let syn = Segment {
        is_syn: true,
        ..segment(client, SERVICE, 76)
    };
    let tunnelled = Packet {
        tunnel: Some("10.0.0.1".parse().unwrap()),
        content: Content::Segment(syn),
    };
    heard.hear(IN(OUTER), tunnelled);
    assert_eq!(heard.finish(), []);
}

#[test]
fn a_tunnel_names_the_server() {
    let facts = healthy();
    let client = "198.51.100.7:40006";
    let mut heard = Heard::of(&facts);
    heard.syn(IN(OUTER), client, SERVICE, 77);
    let syn = Segment {
        is_syn: true,
        ..segment(client, SERVICE, 77)
    };
    let tunnelled = Packet {
        tunnel: Some("10.0.0.20".parse().unwrap()),
        content: Content::Segment(syn),
    };
    heard.hear(OUT(INNER), tunnelled).goes_on(client, 77);
    let tunnel = Some("10.0.0.20");
    heard.goes_on_out(OUT(INNER), tunnel, (client, SERVICE), 77);
    let (attempt, fate) = heard.only();
    assert_eq!(
        attempt.server,
        Some(facts.services[0].servers[1].identity())
    );
    assert_eq!(fate, Fate::Served);
    assert!(!attempt.is_translated());
}

#[test]
fn refusals_and_errors_are_what_becomes_of_an_attempt() {
    let facts = healthy();
    let mut heard = Heard::of(&facts);
    let reason = IcmpReason {
        is_ipv6: false,
        kind: 3,
        code: 10,
    };
    let reporter = "10.0.0.20".parse().unwrap();
    let error = |source: &str, destination: &str| {
        packet(Content::Error(IcmpError {
            reporter,
            reason,
            flow: flow(Protocol::Tcp, source, destination),
            tunnel: None,
            sequence: Some(79),
        }))
    };
    heard
        .syn(IN(OUTER), "198.51.100.7:40007", SERVICE, 78)
        .syn(OUT(INNER), "198.51.100.7:40007", SERVERS[0], 78)
        .refuses(IN(INNER), SERVERS[0], "198.51.100.7:40007", 78)
        .refuses(OUT(OUTER), SERVICE, "198.51.100.7:40007", 78)
        .syn(IN(OUTER), "198.51.100.8:40008", SERVICE, 79)
        .syn(OUT(INNER), "198.51.100.8:40008", SERVERS[1], 79)
        .hear(IN(INNER), error("198.51.100.8:40008", SERVERS[1]))
        .hear(OUT(OUTER), error("198.51.100.8:40008", SERVICE));
    assert_eq!(heard.attempts.ended(), 2);
    let ended = heard.finish();
    assert_eq!(ended[0].1, Fate::Refused);
    let error = ErrorAnswer {
        reporter,
        reason,
        is_of_tunnel: false,
    };
    assert_eq!(ended[1].1, Fate::Error(error));
    assert!(ended.iter().all(|(attempt, _)| attempt.answer_left));
}

#[test]
fn an_answer_that_comes_from_the_service_s_own_address_is_known() {
    let facts = direct();
    let client = "198.51.100.7:40009";
    let mut heard = Heard::of(&facts);
    heard
        .syn(IN(OUTER), client, SERVICE, 80)
        .syn(OUT(INNER), client, SERVICE, 80)
        .agrees(IN(INNER), SERVICE, client, 80)
        .syn(IN(OUTER), client, SERVICE, 80);
    let (attempt, fate) = heard.only();
    assert!(attempt.answer_came_from_address);
    assert_eq!(fate, Fate::EndedAt(Step::Answered));
}

#[test]
fn only_what_follows_the_syn_is_a_sign_that_the_answer_was_heard() {
    let facts = healthy();
    let client = "198.51.100.7:40010";
    let with = |sequence: u32, is_reset: bool| {
        let mut heard = Heard::of(&facts);
        heard.syn(IN(OUTER), client, SERVICE, u32::MAX);
        let segment = Segment {
            acknowledged: (!is_reset).then_some(5_000_001),
            is_reset,
            ..segment(client, SERVICE, sequence)
        };
        heard.hear(IN(OUTER), packet(Content::Segment(segment)));
        heard.only().0.is_heard
    };
    assert!(with(0, false));
    // The first that is seen may have data before it.
    assert!(with(1400, false));
    assert!(!with(u32::MAX - 1400, false));
    assert!(with(0, true));
    assert!(!with(1400, true));
}

#[test]
fn what_follows_the_syn_must_leave_as_that_did() {
    let facts = direct();
    let client = "198.51.100.7:40018";
    let with = |goes_on: fn(&mut Heard<'_>)| {
        let mut heard = Heard::of(&facts);
        heard.syn(IN(OUTER), "198.51.100.7:40018", SERVICE, 87).syn(
            OUT(INNER),
            "198.51.100.7:40018",
            SERVICE,
            87,
        );
        goes_on(&mut heard);
        let ended = heard.attempts.ended();
        (heard.only().1, ended)
    };
    let held = (Fate::EndedAt(Step::Heard), 0);
    let served = (Fate::Served, 1);
    assert_eq!(
        with(|heard| {
            heard.goes_on("198.51.100.7:40018", 87);
        }),
        held
    );
    assert_eq!(
        with(|heard| {
            let ends = ("198.51.100.7:40018", SERVICE);
            heard.goes_on(ends.0, 87);
            heard.goes_on_out(OUT(INNER), None, ends, 88);
        }),
        held,
        "it is not the first"
    );
    assert_eq!(
        with(|heard| {
            let ends = ("198.51.100.7:40018", SERVICE);
            heard.goes_on(ends.0, 87);
            heard.goes_on_out(OUT(INNER), None, ends, 87);
        }),
        served
    );
    // A reset says nothing to the server.
    assert_eq!(
        with(|heard| {
            let reset = Segment {
                is_reset: true,
                ..segment("198.51.100.7:40018", SERVICE, 88)
            };
            heard
                .goes_on("198.51.100.7:40018", 87)
                .hear(OUT(INNER), packet(Content::Segment(reset)));
        }),
        held
    );
    // The first was not heard: it is not looked for.
    assert_eq!(
        with(|heard| {
            heard.goes_on("198.51.100.7:40018", 88);
        }),
        served
    );
    // A program on the director has it.
    let mut heard = Heard::of(&facts);
    heard
        .syn(IN(OUTER), client, SERVICE, 89)
        .goes_on(client, 89);
    assert_eq!(heard.only().1, Fate::Served);
    // It has just come.
    let mut heard = Heard::of(&facts);
    heard.at = END - Duration::from_millis(400);
    heard
        .syn(IN(OUTER), client, SERVICE, 90)
        .syn(OUT(INNER), client, SERVICE, 90)
        .goes_on(client, 90);
    assert_eq!(heard.only().1, Fate::Undecided);
}

#[test]
fn datagrams_are_known_by_their_client_s_port() {
    let mut facts = healthy();
    facts.services[0].state.service.identity = identity("-u 192.0.2.1:80");
    let client = "198.51.100.7:40011";
    let mut heard = Heard::of(&facts);
    heard
        .datagram(IN(OUTER), client, SERVICE)
        .datagram(OUT(INNER), client, SERVERS[0])
        .datagram(IN(INNER), SERVERS[0], client)
        .datagram(OUT(OUTER), SERVICE, client)
        .datagram(IN(OUTER), client, SERVICE);
    let (attempt, fate) = heard.only();
    assert_eq!((attempt.arrivals, fate), (2, Fate::Served));
    // Held here; silent; of another way of forwarding, out of sight.
    let mut held = Heard::of(&facts);
    held.datagram(IN(OUTER), client, SERVICE)
        .datagram(OUT(INNER), client, SERVERS[0])
        .datagram(IN(INNER), SERVERS[0], client);
    assert_eq!(held.only().1, Fate::EndedAt(Step::Answered));
    let mut silent = Heard::of(&facts);
    silent
        .datagram(IN(OUTER), client, SERVICE)
        .datagram(OUT(INNER), client, SERVERS[0]);
    assert_eq!(silent.only().1, Fate::EndedAt(Step::Left));
    let mut direct = Heard::of(&facts);
    direct
        .datagram(IN(OUTER), client, SERVICE)
        .datagram(OUT(INNER), client, SERVICE);
    assert_eq!(direct.only().1, Fate::OutOfSight);
    // Too young to be in vain.
    let mut young = Heard::of(&facts);
    young.at = END - Duration::from_millis(500);
    young.datagram(IN(OUTER), client, SERVICE);
    assert_eq!(young.only().1, Fate::Undecided);
}

#[test]
fn a_mark_s_attempt_is_known_once_it_goes_to_its_server() {
    let mut facts = healthy();
    let mut marked = service("-f 7");
    marked.servers = facts.services[0].servers.clone();
    marked.servers.remove(0);
    marked.servers[0].state.destination.identity.port = 0;
    facts.services.push(marked);
    let mark = facts.services[1].identity();
    let (client, address) = ("198.51.100.7:40012", "203.0.113.9:443");
    let mut heard = Heard::of(&facts);
    heard
        .syn(IN(OUTER), client, address, 81)
        .syn(IN(OUTER), "198.51.100.7:40013", "203.0.113.9:22", 82)
        .syn(OUT(INNER), client, "10.0.0.20:443", 81);
    let (attempt, _) = heard.only();
    assert_eq!(attempt.service, Some(mark));
    assert_eq!(
        attempt.server,
        Some(facts.services[1].servers[0].identity())
    );
    // Where the kernel says which mark it has, that counts.
    for (number, expected) in [(7, Some(mark)), (0, None)] {
        let mut heard = Heard::of(&facts);
        let out = Frame {
            mark: Some(number),
            ..OUT(INNER)
        };
        heard
            .syn(IN(OUTER), client, address, 83)
            .syn(out, client, "10.0.0.20:443", 83);
        let ended = heard.finish();
        let service = ended.first().and_then(|(attempt, _)| attempt.service);
        assert_eq!(service, expected);
    }
    // And in the table of connections it is that service's as well.
    let mut heard = Heard::of(&facts);
    heard.syn(IN(OUTER), client, address, 84);
    let server = facts.services[1].servers[0].identity();
    heard.attempts.scheduled(
        Protocol::Tcp,
        client.parse().unwrap(),
        address.parse().unwrap(),
        (1, server),
    );
    assert_eq!(heard.only().0.step(), Step::Scheduled);
}

#[test]
fn no_more_are_followed_than_there_is_room_for() {
    let mut facts = healthy();
    facts.services.push(service("-f 7"));
    let mut heard = Heard::of(&facts);
    for number in 0..MOST_ATTEMPTS as u32 + 3 {
        let client = format!("198.51.{}.{}:40014", number / 256, number % 256);
        heard.syn(IN(OUTER), &client, SERVICE, number);
    }
    assert_eq!(heard.attempts.not_followed, 3);
    // Those that may be marked make room for each other.
    for number in 0..MOST_CANDIDATES as u32 + 5 {
        let client = format!("198.51.{}.{}:40015", number / 256, number % 256);
        heard.syn(IN(OUTER), &client, "203.0.113.9:443", 1_000_000 + number);
    }
    assert_eq!(
        heard.attempts.attempts.len(),
        MOST_ATTEMPTS + MOST_CANDIDATES
    );
    assert_eq!(
        heard.attempts.by_flow.len(),
        MOST_ATTEMPTS + MOST_CANDIDATES
    );
    assert_eq!(
        heard.attempts.by_number.len(),
        MOST_ATTEMPTS + MOST_CANDIDATES
    );
    assert_eq!(heard.finish().len(), MOST_ATTEMPTS);
}

#[test]
fn only_the_service_that_is_asked_for_is_followed() {
    let mut facts = healthy();
    let mut other = service("-t 192.0.2.1:443");
    other.servers = facts.services[0].servers.clone();
    facts.services.push(other);
    let only = facts.services[1].identity();
    let mut heard = Heard {
        attempts: Attempts::new(&facts, Some(only)),
        at: Duration::ZERO,
    };
    heard.syn(IN(OUTER), "198.51.100.7:40016", SERVICE, 85).syn(
        IN(OUTER),
        "198.51.100.7:40017",
        "192.0.2.1:443",
        86,
    );
    assert_eq!(heard.only().0.service, Some(only));
}

#[test]
fn who_asks_for_an_address_and_who_says_it_has_it_is_remembered() {
    let facts = healthy();
    let interfaces = &facts.director.interfaces;
    let own = interfaces.iter().find_map(|one| one.hardware).unwrap();
    let talk = |is_question, sender: &str, hardware, target: &str| {
        packet(Content::Neighbour(NeighbourTalk {
            is_question,
            sender: sender.parse().unwrap(),
            sender_hardware: Some(hardware),
            target: target.parse().unwrap(),
        }))
    };
    let client = [2, 0, 0, 0, 0, 0x77];
    let rival = [2, 0, 0, 0, 0, 0x66];
    let mut heard = Heard::of(&facts);
    heard
        .hear(IN(OUTER), talk(true, "192.0.2.7", client, "192.0.2.1"))
        // The same at a bridge's port.
        .hear(IN(VLAN), talk(true, "192.0.2.7", client, "192.0.2.1"))
        .hear(IN(OUTER), talk(true, "192.0.2.7", client, "192.0.2.1"))
        // Of an address that is not the service's, and of nobody yet.
        .hear(IN(OUTER), talk(true, "192.0.2.8", client, "192.0.2.3"))
        .hear(IN(OUTER), talk(true, "0.0.0.0", client, "192.0.2.1"))
        .hear(IN(OUTER), talk(false, "192.0.2.1", own, "192.0.2.7"));
    let address = "192.0.2.1".parse().unwrap();
    let about = &heard.attempts.addresses[&address];
    assert_eq!(
        about.questions,
        [("192.0.2.7".parse().unwrap(), (OUTER, 2))].into()
    );
    assert!(!about.is_announced_here && about.rivals.is_empty());
    heard
        .hear(OUT(OUTER), talk(false, "192.0.2.1", own, "192.0.2.7"))
        .hear(IN(OUTER), talk(false, "192.0.2.1", rival, "192.0.2.7"));
    let about = &heard.attempts.addresses[&address];
    assert!(about.is_announced_here);
    assert_eq!(about.rivals, [(OUTER, rival)].into());
}
