//! Explains what is wrong with a word that is no `HOST:PORT`.
//!
//! Nothing is looked up in the network: a name that did not resolve would be waited for once more.

#![forbid(unsafe_code)]

use std::net::{IpAddr, Ipv6Addr};

use super::as_typed::OptionsAsTyped;
use crate::cli::address;
use crate::model::Protocol;
use crate::options::Modifier;
use crate::render::phrases::whole;

/// Explains what is wrong with a word that [`address::endpoint`] has refused; `None` if that is
/// unknown. Without a protocol only numbers are ports.
pub fn about(word: &str, protocol: Option<Protocol>) -> Option<String> {
    let told = |text: &str| Some(text.to_owned());
    if word.contains('/') {
        return told("there is no slash in ADDRESS:PORT");
    }
    if let Some(inner) = word.strip_prefix('[') {
        return match inner.split_once(']') {
            None => told("the closing bracket is missing: [ADDRESS]:PORT"),
            Some((_, "")) => told("an address in brackets takes a port: [ADDRESS]:PORT"),
            Some((host, rest)) => match rest.strip_prefix(':') {
                None => told("a colon is missing behind the bracket: [ADDRESS]:PORT"),
                Some(port) => about_parts(host, port, protocol),
            },
        };
    }
    let (host, port) = match word.rsplit_once(':') {
        Some((host, port)) => (host, Some(port)),
        None => (word, None),
    };
    if host.is_empty() || word.bytes().all(|byte| byte.is_ascii_digit()) {
        return told("an address comes first: ADDRESS:PORT");
    }
    if looks_like_ipv6(word) {
        return told("an IPv6 address with a port takes brackets: [ADDRESS]:PORT");
    }
    about_parts(host, port.unwrap_or("0"), protocol)
}

/// Explains what is wrong with a host or a port, one of which is at fault. The port is looked at
/// first: the services database is on this machine.
fn about_parts(host: &str, port: &str, protocol: Option<Protocol>) -> Option<String> {
    if port.is_empty() {
        return Some("a port is missing behind the colon".to_owned());
    }
    if address::port(port.as_bytes(), protocol).is_none() {
        let port_text = format!("'{port}' is not a port from 0 to 65535");
        return Some(match protocol {
            Some(protocol) => format!("{port_text} nor the name of one for {}", protocol.label()),
            None => port_text,
        });
    }
    let is_numeric = host.contains(':')
        || host
            .bytes()
            .all(|byte| byte.is_ascii_digit() || byte == b'.');
    Some(match is_numeric {
        true => format!("'{host}' is not an address"),
        false => format!("the name '{host}' does not resolve"),
    })
}

/// Explains which option leads an address that stands there without one; `None` for a word that
/// looks like no address.
pub fn about_bare(word: &[u8], given: &OptionsAsTyped<'_>) -> Option<String> {
    let text = str::from_utf8(word).ok()?;
    let is_address = text.parse::<IpAddr>().is_ok()
        || text.rsplit_once(':').is_some_and(|(host, port)| {
            !host.is_empty()
                && (!host.contains(':') || host.starts_with('['))
                && address::port(port.as_bytes(), Some(Protocol::Tcp)).is_some()
        });
    if !is_address {
        return None;
    }
    let takes_server = given.service().is_some() && !given.has(Modifier::RealServer);
    Some(match takes_server {
        true => format!("a real server takes -r: {}", whole(&format!("-r {text}"))),
        false => format!(
            "an address takes -t for TCP, -u for UDP: {}",
            whole(&format!("-t {text}"))
        ),
    })
}

/// Returns true if a word has only characters of IPv6 addresses, and more colons than a host with a
/// port.
fn looks_like_ipv6(word: &str) -> bool {
    let is_part = |byte: u8| byte.is_ascii_hexdigit() || byte == b':' || byte == b'.';
    let (first, rest) = word.split_once(':').unwrap_or((word, ""));
    rest.contains(':') && !first.contains('.') && word.bytes().all(is_part)
}

/// Explains how to name the port of a service that has none. It was forgotten, or stands in an IPv6
/// address for want of brackets.
pub fn about_missing_port(word: &str) -> String {
    const EVERY_PORT: &str = "port 0, every port, takes -p";
    let is_ipv6 = |word: &str| word.parse::<Ipv6Addr>().is_ok();
    match word.rsplit_once(':') {
        Some((address, port)) if is_ipv6(word) && is_ipv6(address) && !port.is_empty() => {
            format!("did you mean [{address}]:{port}? Port 0, every port, takes -p")
        }
        _ if is_ipv6(word) => format!("a port is missing: [{word}]:PORT; {EVERY_PORT}"),
        _ if word.parse::<IpAddr>().is_ok() => {
            format!("a port is missing: {word}:PORT; {EVERY_PORT}")
        }
        _ => EVERY_PORT.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_at_fault_is_named() {
        for (word, told) in [
            ("80", "an address comes first"),
            ("", "an address comes first"),
            (":80", "an address comes first"),
            ("[2001:db8::1]", "takes a port"),
            ("[2001:db8::1]80", "a colon is missing"),
            ("[2001:db8::1]:", "a port is missing"),
            ("[2001:db8::1]:99999", "'99999' is not a port"),
            ("[2001:db8::g]:80", "'2001:db8::g' is not an address"),
            ("[2001:db8::1:80", "closing bracket"),
            ("2001:db8:::1:80", "takes brackets"),
            ("2001:db8:1:2:3:4:5:6:80", "takes brackets"),
            ("::1:99999", "takes brackets"),
            ("192.0.2.1:", "a port is missing"),
            ("192.0.2.1:99999", "'99999' is not a port"),
            ("192.0.2.1:80:81", "'192.0.2.1:80' is not an address"),
            ("192.0.2.300:80", "'192.0.2.300' is not an address"),
            ("192.0.2.300", "'192.0.2.300' is not an address"),
            ("http://192.0.2.1:80", "no slash"),
            ("192.0.2.0/24:80", "no slash"),
            (
                "localhost:no-such-port",
                "'no-such-port' is not a port from 0 to 65535 nor the name of one for TCP",
            ),
            ("10.1:99999", "'99999' is not a port"),
            ("no-such.invalid:80", "does not resolve"),
            ("no-such.invalid", "does not resolve"),
        ] {
            let hint = about(word, Some(Protocol::Tcp)).unwrap_or_default();
            assert!(hint.contains(told), "{word}: {hint}");
        }
        assert_eq!(
            about("localhost:http", None).as_deref(),
            Some("'http' is not a port from 0 to 65535")
        );
    }

    #[test]
    fn a_missing_port_is_put_where_it_belongs() {
        for (word, told) in [
            ("2001:db8::1:80", "did you mean [2001:db8::1]:80? "),
            ("::1", "a port is missing: [::1]:PORT; "),
            (
                "2001:db8:1:2:3:4:5:80",
                "a port is missing: [2001:db8:1:2:3:4:5:80]:PORT; ",
            ),
            ("192.0.2.1", "a port is missing: 192.0.2.1:PORT; "),
            ("192.0.2.1:0", "port 0, every port, takes -p"),
            ("vip.example", "port 0, every port, takes -p"),
        ] {
            let hint = about_missing_port(word);
            assert!(hint.starts_with(told), "{word}: {hint}");
        }
    }
}
