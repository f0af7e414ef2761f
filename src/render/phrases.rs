//! Phrases that several outputs share: what a virtual service is called, and how many there are of
//! something. Sentences are made by whoever says them.
#![forbid(unsafe_code)]

use std::fmt::Display;
use std::net::SocketAddr;

use crate::model::{AddressFamily, DestinationIdentity, Protocol, ServiceIdentity, Standstill};
use crate::render::endpoints::EndpointWriter;
use crate::render::padding::{left, number};
use crate::request::NamedServer;

/// Says why the counters of a listing stand still.
pub fn counters_stand_still(standstill: Standstill) -> String {
    let reason = standstill.reason();
    format!("The counters stand still: net.ipv4.vs.{reason}.")
}

/// Formats a number of things: `1 connection`, `2 connections`.
pub fn counted(number: impl Display + PartialEq + From<u8>, thing: &str) -> String {
    let plural = if number == 1.into() { "" } else { "s" };
    format!("{number} {thing}{plural}")
}

/// Appends the name of a virtual service, as a listing has it: `TCP 192.0.2.1:80`, `FWM 7`,
/// `FWM 7 IPv6`. Pads its first word to `width` bytes.
pub fn write_service_name(
    out: &mut Vec<u8>,
    endpoints: &mut EndpointWriter,
    identity: &ServiceIdentity,
    width: usize,
) {
    let protocol = identity.protocol();
    left(
        out,
        protocol.map_or("FWM", Protocol::label).as_bytes(),
        width,
    );
    out.push(b' ');
    match *identity {
        ServiceIdentity::Endpoint { address, port, .. } => {
            endpoints.write(out, address, port, protocol);
        }
        ServiceIdentity::FirewallMark { mark, family } => {
            number(out, mark);
            if family == AddressFamily::Ipv6 {
                out.extend_from_slice(b" IPv6");
            }
        }
    }
}

/// Formats a virtual service for a sentence: `192.0.2.1:80`, `mark 7`.
pub fn service_in_sentence(identity: ServiceIdentity) -> String {
    match identity {
        ServiceIdentity::Endpoint { address, port, .. } => {
            endpoint(DestinationIdentity { address, port })
        }
        ServiceIdentity::FirewallMark { mark, .. } => format!("mark {mark}"),
    }
}

/// Formats an address and port: `192.0.2.1:80`, `[2001:db8::1]:80`; the address alone where the
/// port is 0.
pub fn endpoint(identity: DestinationIdentity) -> String {
    match identity.port {
        0 => identity.address.to_string(),
        port => SocketAddr::new(identity.address, port).to_string(),
    }
}

/// Formats a real server as it was named: `192.0.2.1:80`, or `192.0.2.1` for all its ports.
pub fn named_server(server: NamedServer) -> String {
    endpoint(DestinationIdentity {
        address: server.address,
        port: server.port.unwrap_or(0),
    })
}

/// Stands for a blank at which no line ends.
const BOUND: char = '\u{a0}';

/// Returns a command, or a part of one, as [`in_lines`] keeps it in one piece.
pub fn whole(command: &str) -> String {
    command.replace(' ', BOUND.encode_utf8(&mut [0; 4]))
}

/// Puts a text in lines of at most `width` characters, broken between words; a word or a command
/// that is wider has a line of its own.
pub fn in_lines(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    let length = |text: &str| text.chars().count();
    for word in text.split(' ') {
        let word = word.replace(BOUND, " ");
        match lines.last_mut() {
            Some(line) if line.is_empty() => *line = word,
            Some(line) if length(line) + 1 + length(&word) <= width => {
                line.push(' ');
                line.push_str(&word);
            }
            _ => lines.push(word),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Protocol;

    #[test]
    fn lines_end_between_words_and_commands_stay_whole() {
        let text = format!("lo is down: {} puts it up", whole("ip link set lo up"));
        assert_eq!(
            in_lines(&text, 22),
            ["lo is down:", "ip link set lo up puts", "it up"]
        );
        assert_eq!(
            in_lines(&text, 6),
            ["lo is", "down:", "ip link set lo up", "puts", "it up"]
        );
        assert_eq!(
            in_lines(&text, 80),
            ["lo is down: ip link set lo up puts it up"]
        );
        assert_eq!(in_lines("", 80), [""]);
    }

    fn named(identity: ServiceIdentity) -> [String; 3] {
        let full = |width| {
            let mut out = Vec::new();
            write_service_name(&mut out, &mut EndpointWriter::numeric(), &identity, width);
            String::from_utf8(out).unwrap()
        };
        [full(0), full(4), service_in_sentence(identity)]
    }

    #[test]
    fn a_service_has_a_full_name_and_one_for_sentences() {
        let at = |protocol, address: &str, port| ServiceIdentity::Endpoint {
            protocol,
            address: address.parse().unwrap(),
            port,
        };
        let marked = |family| ServiceIdentity::FirewallMark { mark: 7, family };
        for (identity, names) in [
            (
                at(Protocol::Tcp, "192.0.2.1", 80),
                ["TCP 192.0.2.1:80", "TCP  192.0.2.1:80", "192.0.2.1:80"],
            ),
            (
                at(Protocol::Sctp, "2001:db8::1", 443),
                [
                    "SCTP [2001:db8::1]:443",
                    "SCTP [2001:db8::1]:443",
                    "[2001:db8::1]:443",
                ],
            ),
            (
                at(Protocol::Udp, "192.0.2.2", 0),
                ["UDP 192.0.2.2:0", "UDP  192.0.2.2:0", "192.0.2.2"],
            ),
            (marked(AddressFamily::Ipv4), ["FWM 7", "FWM  7", "mark 7"]),
            (
                marked(AddressFamily::Ipv6),
                ["FWM 7 IPv6", "FWM  7 IPv6", "mark 7"],
            ),
        ] {
            assert_eq!(named(identity), names);
        }
    }

    #[test]
    fn one_thing_is_singular_and_none_are_many() {
        assert_eq!(counted(0usize, "service"), "0 services");
        assert_eq!(counted(1u64, "service"), "1 service");
        assert_eq!(counted(11u32, "service"), "11 services");
    }
}
