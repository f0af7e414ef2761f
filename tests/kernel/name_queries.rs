//! The number of questions to the name service. Where it is down, each costs the administrator
//! its whole patience, so a name is asked for once a command and address family, found or not.
//!
//! The name service here is the test's own, on the namespace's loopback, and counts.

use std::collections::BTreeMap;
use std::fs;
use std::net::UdpSocket;
use std::path::Path;
use std::sync::{Arc, Mutex};

use crate::support::{Invocation, Namespace, Program, SCRATCH};
use nix::mount::{MsFlags, mount};

/// Types of questions: A, PTR and AAAA (RFC 1035, RFC 3596).
const A: u16 = 1;
const PTR: u16 = 12;
const AAAA: u16 = 28;

/// The number of questions, by name and type.
type Questions = BTreeMap<(String, u16), usize>;

/// Returns a namespace whose one source of names is a server that knows `web.example`, 192.0.2.7,
/// does not answer for addresses, and notes all questions. Programs wait for so many seconds.
fn namespace_with_name_service(seconds: u32) -> (Namespace, Arc<Mutex<Questions>>) {
    let namespace = Namespace::new();
    let questions = Arc::new(Mutex::new(Questions::new()));
    let noted = Arc::clone(&questions);
    namespace.enter(move || {
        let resolver = format!("nameserver 127.0.0.1\noptions timeout:{seconds} attempts:1\n");
        let files = [
            ("resolv.conf", resolver.as_str()),
            ("nsswitch.conf", "hosts: dns\nservices: files\n"),
        ];
        for (name, text) in files {
            let source = Path::new(SCRATCH).join(format!("queries-{name}"));
            fs::write(&source, text).expect("a file for the name services");
            let target = Path::new("/etc").join(name);
            let none = None::<&str>;
            mount(Some(&source), &target, none, MsFlags::MS_BIND, none).expect("a file in /etc");
        }
        let socket = UdpSocket::bind("127.0.0.1:53").expect("the name service's port");
        std::thread::spawn(move || serve(&socket, &noted));
    });
    (namespace, questions)
}

fn serve(socket: &UdpSocket, questions: &Mutex<Questions>) {
    let mut buffer = [0; 512];
    while let Ok((length, from)) = socket.recv_from(&mut buffer) {
        let query = &buffer[..length];
        let (name, kind, end) = question(query);
        let is_known = name == "web.example" && kind == A;
        *questions
            .lock()
            .expect("no panic")
            .entry((name, kind))
            .or_default() += 1;
        if kind == PTR {
            continue;
        }
        let mut answer = query[..end].to_vec();
        // A response, recursion available; no such name, unless it is the one that is known.
        answer[2] = 0x81;
        answer[3] = if is_known { 0x80 } else { 0x83 };
        answer[6..12].copy_from_slice(&[0, u8::from(is_known), 0, 0, 0, 0]);
        if is_known {
            // The name of the question, A, IN, a minute, four bytes.
            answer.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 192, 0, 2, 7]);
        }
        if socket.send_to(&answer, from).is_err() {
            return;
        }
    }
}

/// Returns the name and type of a query's question, and where it ends.
fn question(query: &[u8]) -> (String, u16, usize) {
    let mut labels = Vec::new();
    let mut at = 12;
    while query[at] != 0 {
        let end = at + 1 + usize::from(query[at]);
        labels.push(String::from_utf8_lossy(&query[at + 1..end]).into_owned());
        at = end;
    }
    (
        labels.join("."),
        u16::from_be_bytes([query[at + 1], query[at + 2]]),
        at + 5,
    )
}

/// Returns the questions that a command line leads to.
fn asked_by(program: &Program, invocation: &Invocation) -> Vec<(String, u16, usize)> {
    let (namespace, questions) = namespace_with_name_service(30);
    namespace.run(program, invocation);
    let questions = questions.lock().expect("no panic");
    questions
        .iter()
        .map(|((name, kind), count)| (name.clone(), *kind, *count))
        .collect()
}

fn once(questions: &[(&str, u16)]) -> Vec<(String, u16, usize)> {
    questions
        .iter()
        .map(|(name, kind)| ((*name).to_owned(), *kind, 1))
        .collect()
}

#[test]
fn a_name_is_asked_for_once_a_command_and_family() {
    let missing: &[_] = &[("no.example", A), ("no.example", AAAA)];
    for (line, questions) in [
        ("-A -t no.example:80", missing),
        ("-A -t no.example:80 -D", missing),
        ("-A -t no.example:80 --no-such-option", missing),
        ("-a -t 192.0.2.1:80 -r no.example", missing),
        ("-A -t 192.0.2.1:80 -p -M no.example", &[("no.example", A)]),
        ("-A -t web.example:80", &[("web.example", A)]),
        (
            "-a -t web.example:80 -r web.example:8080 -m",
            &[("web.example", A)],
        ),
    ] {
        let asked = asked_by(&Program::ours(), &Invocation::line(line));
        assert_eq!(asked, once(questions), "{line}");
    }
}

#[test]
fn rules_ask_once_for_all_of_them() {
    let rules = "-A -t web.example:80\n-a -t web.example:80 -r 192.0.2.8 -m\n\
                 -A -t 192.0.2.1:80\n-a -t 192.0.2.1:80 -r web.example -m\n\
                 -A -t 192.0.2.2:80\n-a -t 192.0.2.2:80 -r web.example -m\n";
    let asked = |program, invocation| asked_by(&program, &invocation);
    assert_eq!(
        asked(Program::reference(), Invocation::restore(rules)),
        [("web.example".to_owned(), A, 4)]
    );
    let helper = |words: &[&str]| Invocation {
        argv0: "ipvsadm-restore".into(),
        stdin: rules.into(),
        ..Invocation::new(words)
    };
    for invocation in [Invocation::restore(rules), helper(&[]), helper(&["--test"])] {
        let asked = asked(Program::ours(), invocation);
        assert_eq!(asked, once(&[("web.example", A)]));
    }
}

#[test]
fn many_rules_ask_once_however_they_arrive() {
    // More than is read at once. That the kernel refuses them costs no question.
    let rules = "-e -t web.example:80 -r 192.0.2.8:8080 -m -w 3\n".repeat(5_000);
    let asked = asked_by(&Program::ours(), &Invocation::restore(rules));
    assert_eq!(asked, once(&[("web.example", A)]));
}

#[test]
fn the_reference_asks_once_as_well() {
    let asked = asked_by(
        &Program::reference(),
        &Invocation::line("-A -t no.example:80"),
    );
    assert_eq!(asked, once(&[("no.example", A)]));
}

#[test]
fn a_drawing_asks_a_silent_name_service_once() {
    let rules = "-A -t 203.0.113.1:8001\n-a -t 203.0.113.1:8001 -r 203.0.113.2:8002 -m\n\
                 -a -t 203.0.113.1:8001 -r 203.0.113.3:8003 -m\n";
    for (line, expected) in [("-L", 3), ("-L --table", 1)] {
        let (namespace, questions) = namespace_with_name_service(1);
        namespace.run(&Program::ours(), &Invocation::restore(rules));
        let listing = namespace.run(&Program::ours(), &Invocation::line(line));
        let text = listing.stdout_text();
        for row in ["203.0.113.1:8001", "203.0.113.2:8002", "203.0.113.3:8003"] {
            assert!(text.contains(row), "{line}\n{text}");
        }
        assert_eq!(
            questions.lock().expect("no panic").len(),
            expected,
            "{line}"
        );
    }
}
