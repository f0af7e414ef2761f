//! Writes what `-L -c` prints (`tests/parity/ipvsadm-1.31.md`, section 4).
#![forbid(unsafe_code)]

use std::net::IpAddr;

use crate::model::Connection;
use crate::render::endpoints::EndpointWriter;
use crate::render::padding::{left, number, pad};

/// Appends the two lines of titles.
pub fn write_titles(out: &mut Vec<u8>, with_engine_data: bool) {
    let titles = match with_engine_data {
        false => format!(
            "pro expire {:<11} {:<18} {:<18} {}\n",
            "state", "source", "virtual", "destination"
        ),
        true => format!(
            "pro expire {:<11} {:<18} {:<18} {:<18} {:<16} {}\n",
            "state", "source", "virtual", "destination", "pe name", "pe_data"
        ),
    };
    out.extend_from_slice(b"IPVS connection entries\n");
    out.extend_from_slice(titles.as_bytes());
}

/// Appends the row of a connection.
pub fn write_row(
    out: &mut Vec<u8>,
    endpoints: &mut EndpointWriter,
    connection: &Connection<'_>,
    with_engine_data: bool,
) {
    let protocol = connection.named_protocol();
    left(out, connection.protocol, 3);
    out.push(b' ');
    let start = out.len();
    two_digits(out, connection.seconds / 60);
    out.push(b':');
    two_digits(out, connection.seconds % 60);
    pad(out, start, 6);
    out.push(b' ');
    left(out, connection.state, 11);
    let mut endpoint = |out: &mut Vec<u8>, (address, port): (IpAddr, u16), width| {
        out.push(b' ');
        let start = out.len();
        endpoints.write(out, address, port, protocol);
        pad(out, start, width);
    };
    endpoint(out, connection.client, 18);
    endpoint(out, connection.service, 18);
    match connection.engine.filter(|_| with_engine_data) {
        None => endpoint(out, connection.destination, 0),
        Some((name, data)) => {
            endpoint(out, connection.destination, 16);
            out.push(b' ');
            left(out, name, 18);
            out.push(b' ');
            out.extend_from_slice(data);
        }
    }
    out.push(b'\n');
}

fn two_digits(out: &mut Vec<u8>, number: u64) {
    if number < 10 {
        out.push(b'0');
    }
    self::number(out, number);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(connection: &Connection<'_>, with_engine_data: bool) -> String {
        let mut out = Vec::new();
        let mut endpoints = EndpointWriter::for_listing(true);
        write_row(&mut out, &mut endpoints, connection, with_engine_data);
        String::from_utf8(out).unwrap()
    }

    fn connection() -> Connection<'static> {
        Connection {
            protocol: b"TCP",
            client: ("10.0.0.2".parse().unwrap(), 40000),
            service: ("10.0.0.1".parse().unwrap(), 80),
            destination: ("192.168.0.2".parse().unwrap(), 80),
            state: b"ESTABLISHED",
            origin: None,
            seconds: 899,
            engine: None,
        }
    }

    #[test]
    fn a_connection_is_a_row() {
        assert_eq!(
            row(&connection(), false),
            "TCP 14:59  ESTABLISHED 10.0.0.2:40000     10.0.0.1:80        192.168.0.2:80\n"
        );
        let connection = Connection {
            protocol: b"UDP",
            client: ("2001:db8::2".parse().unwrap(), 40000),
            service: ("2001:db8::1".parse().unwrap(), 80),
            destination: ("10.0.0.3".parse().unwrap(), 80),
            state: b"UDP",
            origin: None,
            seconds: 7,
            engine: None,
        };
        assert_eq!(
            row(&connection, false),
            "UDP 00:07  UDP         [2001:db8::2]:40000 [2001:db8::1]:80   10.0.0.3:80\n"
        );
    }

    #[test]
    fn engine_data_is_shown_where_it_is_asked_for() {
        let connection = Connection {
            engine: Some((b"sip", b"6cb 1@x")),
            ..connection()
        };
        assert_eq!(
            row(&connection, true),
            "TCP 14:59  ESTABLISHED 10.0.0.2:40000     10.0.0.1:80        192.168.0.2:80   \
             sip                6cb 1@x\n"
        );
        assert_eq!(
            row(&connection, false),
            "TCP 14:59  ESTABLISHED 10.0.0.2:40000     10.0.0.1:80        192.168.0.2:80\n"
        );
    }
}
