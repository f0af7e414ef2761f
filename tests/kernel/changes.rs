//! `--keep` and `--exist` on a real kernel: an edit changes what it names and nothing else, and
//! what is there already, or not, is no fault.
//!
//! The kernel's table is read here from its own messages, byte for byte, not by our program: an
//! attribute that the program does not know would be lost on it unseen.

use std::collections::BTreeMap;

use neli::consts::socket::{Msg, NlFamily};
use neli::socket::NlSocket;
use neli::utils::Groups;

use crate::support::{Ending, Invocation, Namespace, Outcome, Program, Random};

/// The attributes of a message: each kind with its bytes.
type Attributes = BTreeMap<u16, Vec<u8>>;

const GENL_ID_CTRL: u16 = 0x10;
const CTRL_CMD_GETFAMILY: u8 = 3;
const CTRL_ATTR_FAMILY_ID: u16 = 1;
const CTRL_ATTR_FAMILY_NAME: u16 = 2;
const GET_SERVICE: u8 = 4;
const GET_DEST: u8 = 8;
const ATTR_SERVICE: u16 = 1;
const ATTR_DEST: u16 = 2;
const REQUEST: u16 = 1;
const DUMP: u16 = 0x300;
const NLMSG_ERROR: u16 = 2;
const NLMSG_DONE: u16 = 3;

/// The attributes that identify a service, or a destination of one: addresses, ports, marks.
const SERVICE_IDENTITY: [u16; 5] = [1, 2, 3, 4, 5];
const DESTINATION_IDENTITY: [u16; 3] = [1, 2, 11];
/// Of a service: the scheduler, its flags and persistence among others, the time, the mask, the
/// engine (`<linux/ip_vs.h>`).
const SCHEDULER: u16 = 6;
const FLAGS: u16 = 7;
const TIMEOUT: u16 = 8;
const NETMASK: u16 = 9;
const ENGINE: u16 = 11;
/// Of a destination.
const METHOD: u16 = 3;
const WEIGHT: u16 = 4;
const UPPER: u16 = 5;
const LOWER: u16 = 6;
const TUNNEL_TYPE: u16 = 13;
const TUNNEL_PORT: u16 = 14;
const TUNNEL_FLAGS: u16 = 15;
/// Counters and rates, which nobody sets.
const STATISTICS: [u16; 2] = [10, 12];

/// Returns all services with their destinations, without counters, as the kernel's messages give
/// them.
fn kernel_table(namespace: &Namespace) -> Vec<(Attributes, Vec<Attributes>)> {
    namespace.enter(|| {
        let socket = NlSocket::connect(NlFamily::Generic, None, Groups::empty()).unwrap();
        let name = attribute(CTRL_ATTR_FAMILY_NAME, b"IPVS\0");
        let family = ask(&socket, GENL_ID_CTRL, CTRL_CMD_GETFAMILY, REQUEST, &name);
        let family = u16::from_ne_bytes(family[0][&CTRL_ATTR_FAMILY_ID][..2].try_into().unwrap());
        let services = ask(&socket, family, GET_SERVICE, REQUEST | DUMP, &[]);
        let services = services.iter().map(|message| &message[&ATTR_SERVICE]);
        let mut services: Vec<_> = services
            .map(|service| {
                let named = attribute(ATTR_SERVICE, service);
                let destinations = ask(&socket, family, GET_DEST, REQUEST | DUMP, &named);
                let destinations = destinations.iter().map(|message| &message[&ATTR_DEST]);
                let mut destinations: Vec<_> = destinations
                    .map(|bytes| without_statistics(bytes))
                    .collect();
                destinations.sort_by_key(|destination| {
                    DESTINATION_IDENTITY.map(|kind| destination.get(&kind).cloned())
                });
                (without_statistics(service), destinations)
            })
            .collect();
        // From 7.2 on, the kernel changes their order as it likes.
        services
            .sort_by_key(|(service, _)| SERVICE_IDENTITY.map(|kind| service.get(&kind).cloned()));
        services
    })
}

fn without_statistics(bytes: &[u8]) -> Attributes {
    let mut attributes = read_attributes(bytes);
    attributes.retain(|kind, _| !STATISTICS.contains(kind));
    attributes
}

/// Returns an attribute, with what fills it up to four bytes.
fn attribute(kind: u16, bytes: &[u8]) -> Vec<u8> {
    let length = u16::try_from(bytes.len() + 4).unwrap();
    let mut attribute = [length.to_ne_bytes(), kind.to_ne_bytes()].concat();
    attribute.extend_from_slice(bytes);
    attribute.resize(attribute.len().next_multiple_of(4), 0);
    attribute
}

fn read_attributes(mut bytes: &[u8]) -> Attributes {
    let mut attributes = Attributes::new();
    while bytes.len() >= 4 {
        let length = usize::from(u16::from_ne_bytes([bytes[0], bytes[1]]));
        let kind = u16::from_ne_bytes([bytes[2], bytes[3]]) & 0x3fff;
        attributes.insert(kind, bytes[4..length].to_vec());
        bytes = &bytes[length.next_multiple_of(4).min(bytes.len())..];
    }
    attributes
}

/// Sends a request and gives the attributes of each message that answers it.
fn ask(socket: &NlSocket, family: u16, command: u8, flags: u16, payload: &[u8]) -> Vec<Attributes> {
    let length = u32::try_from(20 + payload.len()).unwrap();
    let mut request = length.to_ne_bytes().to_vec();
    request.extend([family, flags].iter().flat_map(|word| word.to_ne_bytes()));
    request.extend_from_slice(&[0; 8]);
    request.extend_from_slice(&[command, 1, 0, 0]);
    request.extend_from_slice(payload);
    socket.send(&request, Msg::empty()).unwrap();
    let mut found = Vec::new();
    loop {
        let mut buffer = vec![0; 64 * 1024];
        let (length, _) = socket.recv(&mut buffer, Msg::empty()).unwrap();
        let mut rest = &buffer[..length];
        while rest.len() >= 16 {
            let length = u32::from_ne_bytes(rest[..4].try_into().unwrap()) as usize;
            let kind = u16::from_ne_bytes([rest[4], rest[5]]);
            match kind {
                NLMSG_DONE => return found,
                NLMSG_ERROR => panic!("the kernel refuses {command}: {:?}", &rest[16..20]),
                _ => found.push(read_attributes(&rest[20..length])),
            }
            rest = &rest[length.next_multiple_of(4).min(rest.len())..];
        }
        if flags & DUMP == 0 {
            return found;
        }
    }
}

fn ours(namespace: &Namespace, line: &str) -> Outcome {
    namespace.run(&Program::ours(), &Invocation::line(line))
}

/// Runs our program, which must succeed in silence.
fn done(namespace: &Namespace, line: &str) {
    let outcome = ours(namespace, line);
    assert!(
        outcome.ending == Ending::Status(0)
            && outcome.stderr.is_empty()
            && outcome.stdout.is_empty(),
        "ipvsadm {line}\n{outcome}"
    );
}

/// Runs our program, which must refuse with this status and line.
fn refused(namespace: &Namespace, line: &str, status: i32, message: &str) {
    let outcome = ours(namespace, line);
    assert_eq!(
        (outcome.ending, outcome.stderr_text()),
        (Ending::Status(status), format!("{message}\n")),
        "ipvsadm {line}"
    );
}

fn restored(namespace: &Namespace, rules: &str) -> Outcome {
    namespace.run(&Program::ours(), &Invocation::restore(rules))
}

fn saved(namespace: &Namespace) -> String {
    ours(namespace, "-Sn").stdout_text()
}

/// The options that edit a service, each with the attributes that it may change.
const OF_A_SERVICE: [(&str, &[u16]); 6] = [
    ("-s lc", &[SCHEDULER, FLAGS]),
    ("-b flag-3", &[FLAGS]),
    ("-p 77", &[FLAGS, TIMEOUT]),
    ("-M 255.0.0.0", &[NETMASK]),
    ("--pe sip", &[ENGINE]),
    ("-o", &[FLAGS]),
];

/// The options that edit a real server.
const OF_A_SERVER: [(&str, &[u16]); 6] = [
    ("-w 0", &[WEIGHT]),
    ("-w 9", &[WEIGHT]),
    ("-x 900", &[UPPER]),
    ("-y 1 -x 901", &[UPPER, LOWER]),
    ("-m", &[METHOD, TUNNEL_TYPE, TUNNEL_PORT, TUNNEL_FLAGS]),
    (
        "-i --tun-type gue --tun-port 9999",
        &[METHOD, TUNNEL_TYPE, TUNNEL_PORT, TUNNEL_FLAGS],
    ),
];

/// Returns a UDP service, which may have everything, and its options at random.
fn random_service(random: &mut Random, number: usize) -> (String, String) {
    let name = match random.below(3) {
        0 => format!("-u 192.0.2.{number}:53"),
        1 => format!("-f {number}"),
        _ => format!("-f {number} -6"),
    };
    let mut options = random
        .pick(&[
            "-s sh -b sh-port,sh-fallback",
            "-s sh -b sh-port",
            "-s rr -b flag-1,flag-2",
            "-s wrr",
            "-s dh",
        ])
        .to_owned();
    if random.chance(60) {
        options += random.pick(&[" -p 300", " -p", " -p 1"]);
        if random.chance(50) {
            options += match name.contains("-6") {
                true => " -M 64",
                false => " -M 255.255.0.0",
            };
        }
        if random.chance(50) {
            options += " --pe sip";
        }
    }
    if random.chance(50) {
        options += " -o";
    }
    (name, options)
}

fn random_server(random: &mut Random, service: &str, number: usize) -> (String, String) {
    let is_ipv6 = service.contains("-6");
    let method = random.pick(&[
        "-m",
        "-g",
        "-i",
        "-i --tun-type gue --tun-port 6080 --tun-csum",
        "-i --tun-type gue --tun-port 6081 --tun-remcsum",
        "-i --tun-type gre --tun-csum",
    ]);
    let name = match is_ipv6 {
        true => format!("-r 2001:db8::{number}"),
        false => format!("-r 198.51.100.{number}"),
    };
    let mut options = format!("{method} -w {}", random.below(9));
    if random.chance(50) {
        let upper = 100 + random.below(99);
        options += &format!(" -x {upper} -y {}", random.below(upper));
    }
    (name, options)
}

#[test]
fn nothing_changes_but_what_is_named() {
    let namespace = Namespace::new();
    let mut random = Random::of_this_run();
    let mut edits = Vec::new();
    let mut rules = String::new();
    for number in 1..=12 {
        let (service, options) = random_service(&mut random, number);
        rules += &format!("-A {service} {options}\n");
        edits.push((format!("-E {service}"), "--keep", &OF_A_SERVICE));
        edits.push((format!("-A {service}"), "--exist --keep", &OF_A_SERVICE));
        for number in 1..=3 {
            let (server, options) = random_server(&mut random, &service, number);
            rules += &format!("-a {service} {server} {options}\n");
            edits.push((format!("-e {service} {server}"), "--keep", &OF_A_SERVER));
            let addition = format!("-a {service} {server}");
            edits.push((addition, "--exist --keep", &OF_A_SERVER));
        }
    }
    let outcome = restored(&namespace, &rules);
    assert!(outcome.stderr.is_empty(), "{rules}{outcome}");

    let mut before = kernel_table(&namespace);
    for (command, keep, named) in &edits {
        // Nothing named, nothing changed.
        done(&namespace, &format!("{command} {keep}"));
        assert!(
            kernel_table(&namespace) == before,
            "{command} {keep}\n{rules}"
        );

        let (mut words, attributes) = random.pick(&named[..]);
        if command.contains("-6") && words.contains("-M") {
            words = "-M 48";
        }
        let line = format!("{command} {words} {keep}");
        done(&namespace, &line);
        let after = kernel_table(&namespace);
        assert_eq!(kept(&before, &after, attributes), Ok(()), "{line}\n{rules}");
        before = after;
    }
}

/// Asserts that two tables differ in one entry at the most, and there only in these attributes.
fn kept(
    before: &[(Attributes, Vec<Attributes>)],
    after: &[(Attributes, Vec<Attributes>)],
    named: &[u16],
) -> Result<(), String> {
    let entries = |table: &[(Attributes, Vec<Attributes>)]| -> Vec<Attributes> {
        table
            .iter()
            .flat_map(|(service, servers)| [&[service.clone()][..], servers].concat())
            .collect()
    };
    let (before, after) = (entries(before), entries(after));
    if before.len() != after.len() {
        return Err(format!("{} entries became {}", before.len(), after.len()));
    }
    let differing: Vec<_> = before
        .iter()
        .zip(&after)
        .filter(|(was, is)| was != is)
        .collect();
    if differing.len() > 1 {
        return Err(format!("more than one entry differs: {differing:?}"));
    }
    for (was, is) in differing {
        let kinds = was.keys().chain(is.keys());
        for kind in kinds.filter(|kind| !named.contains(kind)) {
            if was.get(kind) != is.get(kind) {
                return Err(format!("attribute {kind} differs: {was:?} {is:?}"));
            }
        }
    }
    Ok(())
}

#[test]
fn flags_of_another_scheduler_go_and_its_own_stay() {
    let namespace = Namespace::new();
    done(&namespace, "-A -t 192.0.2.1:80 -s sh -b sh-port -p 300");
    done(&namespace, "-E -t 192.0.2.1:80 -p 60 --keep");
    assert_eq!(
        saved(&namespace),
        "-A -t 192.0.2.1:80 -s sh -p 60 -b sh-port\n"
    );
    done(&namespace, "-E -t 192.0.2.1:80 -s mh --keep");
    assert_eq!(saved(&namespace), "-A -t 192.0.2.1:80 -s mh -p 60\n");
    done(&namespace, "-E -t 192.0.2.1:80 -b mh-fallback --keep");
    assert_eq!(
        saved(&namespace),
        "-A -t 192.0.2.1:80 -s mh -p 60 -b mh-fallback\n"
    );
    refused(
        &namespace,
        "-E -t 192.0.2.1:80 -b sh-port --keep",
        2,
        "incompatible scheduler flag `sh-port'",
    );
}

#[test]
fn what_is_not_there_is_refused_as_without_keep() {
    let namespace = Namespace::new();
    done(&namespace, "-A -t 192.0.2.1:80 -s rr");
    done(&namespace, "-a -t 192.0.2.1:80 -r 198.51.100.1:8080 -m");
    for line in [
        "-E -t 192.0.2.2:80",
        "-e -t 192.0.2.2:80 -r 198.51.100.1",
        "-e -t 192.0.2.1:80 -r 198.51.100.2",
        "-e -t 192.0.2.1:80 -r 198.51.100.1:8081 -m",
        "-E -t 192.0.2.1:80 -s none-such",
    ] {
        let without = ours(&namespace, line);
        assert_eq!(without.ending, Ending::Status(255), "{line}\n{without}");
        let with = ours(&namespace, &format!("{line} --keep"));
        assert_eq!(with, without, "{line} --keep");
    }
    // Where it is named with its port, it is found whatever its forwarding method.
    done(
        &namespace,
        "-e -t 192.0.2.1:80 -r 198.51.100.1:8080 -w 0 --keep",
    );
    assert!(saved(&namespace).contains("-r 198.51.100.1:8080 -m -w 0\n"));
}

#[test]
fn what_exists_is_changed_and_what_does_not_is_gone() {
    let namespace = Namespace::new();
    for (line, left) in [
        ("-A -f 1 -s rr", "-A -f 1 -s rr\n"),
        ("-A -f 1 -s wrr -p 60", "-A -f 1 -s wrr -p 60\n"),
        ("-A -f 1 -s wrr", "-A -f 1 -s wrr\n"),
        (
            "-a -f 1 -r 198.51.100.1 -m -w 3",
            "-A -f 1 -s wrr\n-a -f 1 -r 198.51.100.1:0 -m -w 3\n",
        ),
        // All of it, as -e does.
        (
            "-a -f 1 -r 198.51.100.1 -w 5",
            "-A -f 1 -s wrr\n-a -f 1 -r 198.51.100.1:0 -g -w 5\n",
        ),
        (
            "-d -f 1 -r 198.51.100.10",
            "-A -f 1 -s wrr\n-a -f 1 -r 198.51.100.1:0 -g -w 5\n",
        ),
        ("-d -f 1 -r 198.51.100.1", "-A -f 1 -s wrr\n"),
        ("-d -f 1 -r 198.51.100.1", "-A -f 1 -s wrr\n"),
        ("-d -f 2 -r 198.51.100.1", "-A -f 1 -s wrr\n"),
        ("-D -f 2", "-A -f 1 -s wrr\n"),
        ("-D -f 1", ""),
        ("-D -f 1", ""),
    ] {
        done(&namespace, &format!("{line} --exist"));
        assert_eq!(saved(&namespace), left, "{line} --exist");
    }
    // Every other refusal stands.
    refused(
        &namespace,
        "-a -f 1 -r 198.51.100.1 --exist",
        255,
        "Service not defined",
    );
    refused(
        &namespace,
        "-A -f 1 -s none-such --exist",
        255,
        "Scheduler or persistence engine not found",
    );
}

#[test]
fn they_go_with_their_commands_only() {
    let namespace = Namespace::new();
    for (line, message) in [
        (
            "-A -f 1 --keep",
            "Illegal 'keep' option with the 'add-service' command",
        ),
        (
            "-d -f 1 -r 198.51.100.1 --keep",
            "Illegal 'keep' option with the 'delete-server' command",
        ),
        (
            "-E -f 1 --exist",
            "Illegal 'exist' option with the 'edit-service' command",
        ),
        (
            "-C --exist",
            "Illegal 'exist' option with the 'flush' command",
        ),
        ("-E -f 1 --keep --keep", "multiple 'keep' options specified"),
    ] {
        refused(&namespace, line, 2, message);
    }
}

const RULES: &str = "-A -f 1 -s sh -b sh-port\n\
                     -a -f 1 -r 198.51.100.1 -m -w 3 --exist\n\
                     -a -f 1 -r 198.51.100.1 -m -w 4 --exist\n\
                     -E -f 1 -p 60 --keep\n\
                     -e -f 1 -r 198.51.100.1 -x 9 --keep\n\
                     -d -f 1 -r 198.51.100.2 --exist\n\
                     -D -f 9 --exist\n\
                     -A -f 2 -s rr --exist\n";
const RESULT: &str = "-A -f 1 -s sh -p 60 -b sh-port\n\
                      -a -f 1 -r 198.51.100.1:0 -m -w 4 -x 9\n\
                      -A -f 2 -s rr\n";

#[test]
fn lines_of_rules_may_have_them() {
    let namespace = Namespace::new();
    let outcome = restored(&namespace, RULES);
    assert!(
        outcome.ending == Ending::Status(0) && outcome.stderr.is_empty(),
        "{outcome}"
    );
    assert_eq!(saved(&namespace), RESULT);
    // A refusal is reported, and the next line read; the status is that of the last.
    let outcome = restored(
        &namespace,
        "-E -f 7 --keep\n-e -f 1 -r 198.51.100.9 --keep\n-A -f 3 -s rr --exist\n",
    );
    assert_eq!(
        (outcome.ending, outcome.stderr_text().as_str()),
        (Ending::Status(0), "No such service\nNo such destination\n")
    );
    assert!(saved(&namespace).contains("-A -f 3 -s rr\n"));
    let outcome = restored(&namespace, "-e -f 1 -r 198.51.100.9 --keep\n");
    assert_eq!(outcome.ending, Ending::Status(255));
}

fn helper(namespace: &Namespace, words: &[&str], rules: &str) -> Outcome {
    let invocation = Invocation {
        argv0: "ipvsadm-restore".into(),
        words: words.iter().map(Into::into).collect(),
        stdin: rules.into(),
    };
    namespace.run(&Program::ours(), &invocation)
}

#[test]
fn ipvsadm_restore_understands_them() {
    let namespace = Namespace::new();
    for words in [&["--test"][..], &[], &[]] {
        let outcome = helper(&namespace, words, RULES);
        assert!(
            outcome.ending == Ending::Status(0) && outcome.stderr.is_empty(),
            "{words:?}\n{outcome}"
        );
    }
    assert_eq!(saved(&namespace), RESULT);
    let outcome = helper(&namespace, &["--dry-run"], RULES);
    assert!(outcome.stdout.is_empty(), "{outcome}");

    // Rules describe a table from its beginning: what --keep keeps are the rules before it.
    let alone = "-e -f 1 -r 198.51.100.1 -w 7 --keep\n";
    let outcome = helper(&namespace, &["--test"], alone);
    assert_eq!(
        (outcome.ending, outcome.stderr_text().as_str()),
        (
            Ending::Status(255),
            "line 1: Service not defined: -e -f 1 -r 198.51.100.1 -w 7 --keep\n"
        )
    );
    assert_eq!(saved(&namespace), RESULT);

    // Beside what stays, it is what is there.
    let outcome = helper(&namespace, &["--noflush", "--dry-run"], alone);
    assert_eq!(outcome.stdout_text(), alone);
    let outcome = helper(&namespace, &["--noflush"], alone);
    assert!(
        outcome.ending == Ending::Status(0) && outcome.stderr.is_empty(),
        "{outcome}"
    );
    assert_eq!(saved(&namespace), RESULT.replace("-w 4", "-w 7"));
    let outcome = helper(
        &namespace,
        &["--noflush"],
        "-e -f 1 -r 198.51.100.9 --keep\n",
    );
    assert_eq!(
        (outcome.ending, outcome.stderr_text().as_str()),
        (
            Ending::Status(255),
            "line 1: No such destination: -e -f 1 -r 198.51.100.9 --keep\n"
        )
    );

    // What does not go together is a fault, and nothing is changed.
    let outcome = helper(
        &namespace,
        &[],
        "-A -f 5 -s rr\n-E -f 5 -b sh-port --keep\n",
    );
    assert_eq!(
        (outcome.ending, outcome.stderr_text().as_str()),
        (
            Ending::Status(2),
            "line 2: incompatible scheduler flag `sh-port': -E -f 5 -b sh-port --keep\n"
        )
    );
    assert!(saved(&namespace).contains("-A -f 1 "));
}
