//! Describes services and servers in words.
#![forbid(unsafe_code)]

use crate::model::{Encapsulation, ForwardingMethod, Netmask, ServiceState, TunnelChecksum};
use crate::render::listing::forwarding_label;
use crate::render::table::foreign;
use crate::render::table::quantities::duration;

/// Describes how packets reach a real server, with the kind of a tunnel.
pub fn tunnel(method: ForwardingMethod) -> String {
    let checksum_word = |checksum| match checksum {
        TunnelChecksum::None => "",
        TunnelChecksum::Full => " csum",
        TunnelChecksum::Remote => " remcsum",
    };
    match method {
        ForwardingMethod::Tunnel(Encapsulation::Ipip) => "ipip".to_owned(),
        ForwardingMethod::Tunnel(Encapsulation::Gue { port, checksum }) => {
            format!("gue {port}{}", checksum_word(checksum))
        }
        ForwardingMethod::Tunnel(Encapsulation::Gre { checksum }) => {
            format!("gre{}", checksum_word(checksum))
        }
        method => forwarding_label(method).to_owned(),
    }
}

/// Indents a text that stands below a name.
pub fn indented(text: &str) -> String {
    format!("  {text}")
}

/// Describes how a service schedules, in pieces after which a line may end.
pub fn scheduling(state: &ServiceState) -> Vec<String> {
    let service = &state.service;
    let mut scheduler = foreign(service.scheduler.as_bytes());
    let flags: Vec<&str> = service.scheduler_flags.words(service.scheduler).collect();
    if !flags.is_empty() {
        scheduler += &format!(" ({})", flags.join(", "));
    }
    let mut pieces = vec![scheduler];
    if let Some(seconds) = service.persistence_timeout {
        pieces.push(format!("persistent {}", duration(u64::from(seconds))));
        if !service.netmask.is_single_host() {
            pieces.push(match service.netmask {
                Netmask::Ipv4(mask) => format!("mask {mask}"),
                Netmask::Ipv6(length) => format!("mask /{length}"),
            });
        }
        if !service.persistence_engine.is_empty() {
            let engine = foreign(service.persistence_engine.as_bytes());
            pieces.push(format!("by {engine}"));
        }
    }
    if service.one_packet {
        pieces.push("each packet by itself".to_owned());
    }
    pieces
}

/// Puts pieces in indented lines of at most `width` bytes, unless one piece alone is longer.
pub fn wrapped(pieces: &[String], width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for piece in pieces {
        match lines.last_mut() {
            Some(line) if line.len() + ", ".len() + piece.len() < width => {
                line.push_str(", ");
                line.push_str(piece);
            }
            Some(line) => {
                line.push(',');
                lines.push(indented(piece));
            }
            None => lines.push(indented(piece)),
        }
    }
    lines
}
