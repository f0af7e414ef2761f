//! Writes what `-L` prints of virtual services and their real servers
//! (`tests/parity/ipvsadm-1.31.md`, section 4).
#![forbid(unsafe_code)]

use std::net::IpAddr;

use crate::model::{
    AddressFamily, DestinationState, Encapsulation, ForwardingMethod, KernelInfo, Netmask,
    ServiceIdentity, ServiceState, TunnelChecksum,
};
use crate::render::endpoints::{EndpointWriter, write_address};
use crate::render::padding::{counter, left, number, number_left, number_right, pad};
use crate::render::phrases::write_service_name;
use crate::request::{Columns, ListFormat};

/// The width of a virtual service's name, its protocol included; longer IPv4 names are cut.
const SERVICE_WIDTH: usize = 33;
/// The width of the protocol in it.
const PROTOCOL_WIDTH: usize = 4;
/// The width of a real server's name behind its arrow; longer IPv4 names are cut.
const SERVER_WIDTH: usize = 28;
const SERVER_ARROW: &[u8] = b"  -> ";

/// Appends the first line of a listing of the whole table.
pub fn write_version(out: &mut Vec<u8>, info: &KernelInfo) {
    let (major, minor, patch) = info.version_parts();
    let line = format!(
        "IP Virtual Server version {major}.{minor}.{patch} (size={})\n",
        info.connection_table_size
    );
    out.extend_from_slice(line.as_bytes());
}

/// Appends the two lines of titles.
pub fn write_titles(out: &mut Vec<u8>, columns: Columns) {
    const SERVICE_TITLE: &str = "Prot LocalAddress:Port";
    const SERVER_TITLE: &str = "  -> RemoteAddress:Port";
    let five = |titles: [&str; 5]| {
        let titles: String = titles.map(|title| format!(" {title:>8}")).concat();
        format!("{SERVICE_TITLE:<SERVICE_WIDTH$}{titles}\n{SERVER_TITLE}\n")
    };
    let titles = match columns {
        Columns::Connections => {
            format!(
                "{SERVICE_TITLE} Scheduler Flags\n\
                 {SERVER_TITLE}           Forward Weight ActiveConn InActConn\n"
            )
        }
        Columns::TunnelInfo => format!(
            "{SERVICE_TITLE} Scheduler Flags\n\
             {SERVER_TITLE}           Forward TunnelInfo    Weight ActiveConn InActConn\n"
        ),
        Columns::Statistics => five(["Conns", "InPkts", "OutPkts", "InBytes", "OutBytes"]),
        Columns::Rate => five(["CPS", "InPPS", "OutPPS", "InBPS", "OutBPS"]),
        Columns::Thresholds => format!(
            "{SERVICE_TITLE:<SERVICE_WIDTH$} {:<10} {:<10} {:<10} {:<10}\n{SERVER_TITLE}\n",
            "Uthreshold", "Lthreshold", "ActiveConn", "InActConn"
        ),
        Columns::PersistentConnections => format!(
            "{SERVICE_TITLE:<SERVICE_WIDTH$} {:<9} {:<11} {:<10} {:<10}\n{SERVER_TITLE}\n",
            "Weight", "PersistConn", "ActiveConn", "InActConn"
        ),
    };
    out.extend_from_slice(titles.as_bytes());
}

/// Appends the line of a service, and those of its destinations.
pub fn write_entry(
    out: &mut Vec<u8>,
    format: &ListFormat,
    endpoints: &mut EndpointWriter,
    service: &ServiceState,
    destinations: &[DestinationState],
) {
    write_service(out, format, endpoints, service);
    for destination in destinations {
        let identity = &service.service.identity;
        write_destination(out, format, endpoints, identity, destination);
    }
}

/// Appends the line of a service.
fn write_service(
    out: &mut Vec<u8>,
    format: &ListFormat,
    endpoints: &mut EndpointWriter,
    state: &ServiceState,
) {
    let start = out.len();
    write_service_name(out, endpoints, &state.service.identity, PROTOCOL_WIDTH);
    if state.service.identity.family() == AddressFamily::Ipv4 {
        out.truncate(start + SERVICE_WIDTH);
    }
    if format.columns.are_counters() {
        pad(out, start, SERVICE_WIDTH);
    }
    let statistics = &state.statistics;
    match format.columns {
        Columns::Statistics => {
            for value in statistics.counters() {
                counter(out, value, format.exact);
            }
        }
        Columns::Rate => {
            for value in statistics.rates() {
                counter(out, value, format.exact);
            }
        }
        _ => write_scheduling(out, state),
    }
    out.push(b'\n');
}

fn write_scheduling(out: &mut Vec<u8>, state: &ServiceState) {
    let service = &state.service;
    out.push(b' ');
    out.extend_from_slice(service.scheduler.as_bytes());
    if !service.scheduler_flags.is_empty() {
        out.extend_from_slice(b" (");
        for (index, word) in service.scheduler_flags.words(service.scheduler).enumerate() {
            if index > 0 {
                out.push(b',');
            }
            out.extend_from_slice(word.as_bytes());
        }
        out.push(b')');
    }
    if let Some(seconds) = service.persistence_timeout {
        out.extend_from_slice(b" persistent ");
        number(out, seconds);
        if !service.netmask.is_single_host() {
            out.extend_from_slice(b" mask ");
            write_netmask(out, service.netmask);
        }
        if !service.persistence_engine.is_empty() {
            out.extend_from_slice(b" pe ");
            out.extend_from_slice(service.persistence_engine.as_bytes());
        }
    }
    if service.one_packet {
        out.extend_from_slice(b" ops");
    }
}

/// Appends a dotted mask for IPv4, a prefix length for IPv6.
pub fn write_netmask(out: &mut Vec<u8>, netmask: Netmask) {
    match netmask {
        Netmask::Ipv4(mask) => write_address(out, IpAddr::V4(mask)),
        Netmask::Ipv6(prefix) => number(out, prefix),
    }
}

/// Appends the line of a destination of `service`.
fn write_destination(
    out: &mut Vec<u8>,
    format: &ListFormat,
    endpoints: &mut EndpointWriter,
    service: &ServiceIdentity,
    state: &DestinationState,
) {
    let destination = &state.destination;
    out.extend_from_slice(SERVER_ARROW);
    let start = out.len();
    endpoints.write(
        out,
        destination.identity.address,
        destination.identity.port,
        service.protocol(),
    );
    if destination.identity.address.is_ipv4() {
        out.truncate(start + SERVER_WIDTH);
    }
    pad(out, start, SERVER_WIDTH);
    let statistics = &state.statistics;
    let in_columns = |out: &mut Vec<u8>, values: &[(u32, usize)]| {
        for &(value, width) in values {
            out.push(b' ');
            number_left(out, value, width);
        }
    };
    match format.columns {
        Columns::Connections | Columns::TunnelInfo => {
            out.push(b' ');
            left(
                out,
                forwarding_label(destination.forwarding_method).as_bytes(),
                7,
            );
            if format.columns == Columns::TunnelInfo {
                out.push(b' ');
                left(
                    out,
                    tunnel_label(destination.forwarding_method).as_bytes(),
                    13,
                );
            }
            in_columns(
                out,
                &[
                    (destination.weight, 6),
                    (state.active_connections, 10),
                    (state.inactive_connections, 10),
                ],
            );
        }
        Columns::Thresholds => in_columns(
            out,
            &[
                (destination.upper_threshold, 10),
                (destination.lower_threshold, 10),
                (state.active_connections, 10),
                (state.inactive_connections, 10),
            ],
        ),
        Columns::PersistentConnections => in_columns(
            out,
            &[
                (destination.weight, 9),
                (state.persistent_connections, 11),
                (state.active_connections, 10),
                (state.inactive_connections, 10),
            ],
        ),
        Columns::Statistics => {
            for value in statistics.counters() {
                counter(out, value, format.exact);
            }
        }
        Columns::Rate => {
            let [connections, incoming, outgoing, bytes @ ..] = statistics.rates();
            // The first three are never shortened.
            for value in [connections, incoming, outgoing] {
                out.push(b' ');
                number_right(out, value, 8);
            }
            for value in bytes {
                counter(out, value, format.exact);
            }
        }
    }
    out.push(b'\n');
}

/// Returns the word for a forwarding method.
pub fn forwarding_label(method: ForwardingMethod) -> &'static str {
    match method {
        ForwardingMethod::Masquerading => "Masq",
        ForwardingMethod::Local => "Local",
        ForwardingMethod::Tunnel(_) => "Tunnel",
        ForwardingMethod::DirectRouting => "Route",
    }
}

fn tunnel_label(method: ForwardingMethod) -> String {
    let checksum_label = |checksum| match checksum {
        TunnelChecksum::None => "-c",
        TunnelChecksum::Full => "+c",
        TunnelChecksum::Remote => "r+c",
    };
    match method {
        ForwardingMethod::Tunnel(Encapsulation::Ipip) => "ipip".to_owned(),
        ForwardingMethod::Tunnel(Encapsulation::Gue { port, checksum }) => {
            format!("gue:{port}:{}", checksum_label(checksum))
        }
        ForwardingMethod::Tunnel(Encapsulation::Gre { checksum }) => {
            format!("gre:{}", checksum_label(checksum))
        }
        _ => "n/a".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Statistics;
    use crate::samples;

    fn titles_and_lines(
        columns: Columns,
        exact: bool,
        service: &ServiceState,
        server: &DestinationState,
    ) -> String {
        let format = ListFormat {
            columns,
            numeric: true,
            exact,
        };
        let mut endpoints = EndpointWriter::for_listing(true);
        let mut out = Vec::new();
        write_titles(&mut out, columns);
        write_service(&mut out, &format, &mut endpoints, service);
        let identity = &service.service.identity;
        write_destination(&mut out, &format, &mut endpoints, identity, server);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn each_column_has_its_own_number() {
        let scheduling = "sh (sh-fallback,sh-port) persistent 360 mask 255.255.254.0 pe sip ops\n";
        for (columns, expected) in [
            (
                Columns::Connections,
                format!(
                    "Prot LocalAddress:Port Scheduler Flags\n  \
                       -> RemoteAddress:Port           Forward Weight ActiveConn InActConn\n\
                     TCP  192.0.2.1:443 {scheduling}  \
                       -> 198.51.100.7:8080            Tunnel  31     62         47        \n"
                ),
            ),
            (
                Columns::TunnelInfo,
                format!(
                    "Prot LocalAddress:Port Scheduler Flags\n  \
                       -> RemoteAddress:Port           Forward TunnelInfo    Weight ActiveConn \
                     InActConn\n\
                     TCP  192.0.2.1:443 {scheduling}  \
                       -> 198.51.100.7:8080            Tunnel  gue:6081:r+c  31     62         \
                     47        \n"
                ),
            ),
            (
                Columns::Thresholds,
                format!(
                    "Prot LocalAddress:Port            Uthreshold Lthreshold ActiveConn InActConn \
                     \n  \
                       -> RemoteAddress:Port\n\
                     TCP  192.0.2.1:443 {scheduling}  \
                       -> 198.51.100.7:8080            1009       805        62         47        \
                     \n"
                ),
            ),
            (
                Columns::PersistentConnections,
                format!(
                    "Prot LocalAddress:Port            Weight    PersistConn ActiveConn InActConn \
                     \n  \
                       -> RemoteAddress:Port\n\
                     TCP  192.0.2.1:443 {scheduling}  \
                       -> 198.51.100.7:8080            31        58          62         47        \
                     \n"
                ),
            ),
            (
                Columns::Statistics,
                "Prot LocalAddress:Port               Conns   InPkts  OutPkts  InBytes OutBytes\n  \
                   -> RemoteAddress:Port\n\
                 TCP  192.0.2.1:443                    2001     2008     2015     2022     2029\n  \
                   -> 198.51.100.7:8080                3002     3009     3016     3023     3030\n"
                    .to_owned(),
            ),
            (
                Columns::Rate,
                "Prot LocalAddress:Port                 CPS    InPPS   OutPPS    InBPS   OutBPS\n  \
                   -> RemoteAddress:Port\n\
                 TCP  192.0.2.1:443                    2036     2043     2050     2057     2064\n  \
                   -> 198.51.100.7:8080                3037     3044     3051     3058     3065\n"
                    .to_owned(),
            ),
        ] {
            let (service, server) = (samples::service(), samples::destination());
            let written = titles_and_lines(columns, false, &service, &server);
            assert_eq!(written, expected);
        }
    }

    #[test]
    fn the_first_line_names_the_version_and_the_size_of_the_connection_table() {
        let mut out = Vec::new();
        write_version(&mut out, &samples::INFO);
        assert_eq!(out, b"IP Virtual Server version 1.2.3 (size=4096)\n");
    }

    #[test]
    fn every_way_of_forwarding_and_every_tunnel_has_its_words() {
        let gue = |checksum| {
            ForwardingMethod::Tunnel(Encapsulation::Gue {
                port: 6081,
                checksum,
            })
        };
        let gre = |checksum| ForwardingMethod::Tunnel(Encapsulation::Gre { checksum });
        for (method, label, tunnel) in [
            (ForwardingMethod::Masquerading, "Masq", "n/a"),
            (ForwardingMethod::Local, "Local", "n/a"),
            (ForwardingMethod::DirectRouting, "Route", "n/a"),
            (
                ForwardingMethod::Tunnel(Encapsulation::Ipip),
                "Tunnel",
                "ipip",
            ),
            (gue(TunnelChecksum::None), "Tunnel", "gue:6081:-c"),
            (gue(TunnelChecksum::Full), "Tunnel", "gue:6081:+c"),
            (gre(TunnelChecksum::None), "Tunnel", "gre:-c"),
            (gre(TunnelChecksum::Full), "Tunnel", "gre:+c"),
        ] {
            assert_eq!(forwarding_label(method), label);
            assert_eq!(tunnel_label(method), tunnel);
        }
    }

    #[test]
    fn ipv4_names_are_cut_to_their_columns_and_ipv6_names_are_not() {
        let (mut service, mut server) = (samples::service(), samples::destination());
        service.service.scheduler_flags = Default::default();
        service.service.persistence_timeout = None;
        service.service.one_packet = false;
        let mask = "255.255.255.255".parse().unwrap();
        service.service.netmask = Netmask::Ipv4(mask);
        let lines = titles_and_lines(Columns::Connections, false, &service, &server);
        assert!(lines.contains("TCP  192.0.2.1:443 sh\n"), "{lines}");
        service.service.identity = ServiceIdentity::FirewallMark {
            mark: 3_000_000_000,
            family: AddressFamily::Ipv6,
        };
        service.service.netmask = Netmask::Ipv6(64);
        service.service.persistence_timeout = Some(361);
        service.service.persistence_engine = Default::default();
        server.destination.identity.address =
            "2001:db8:1111:2222:3333:4444:5555:6666".parse().unwrap();
        let lines = titles_and_lines(Columns::Connections, false, &service, &server);
        let (_, lines) = lines.split_once("InActConn\n").unwrap();
        assert_eq!(
            lines,
            "FWM  3000000000 IPv6 sh persistent 361 mask 64\n  \
               -> [2001:db8:1111:2222:3333:4444:5555:6666]:8080 Tunnel  31     62         47        \n"
        );
    }

    #[test]
    fn counters_beyond_32_bits_are_shown_whole_or_shortened() {
        let statistics = Statistics {
            connections: 100_000_000,
            incoming_packets: 4_294_967_296,
            outgoing_packets: 1 << 40,
            incoming_bytes: 1 << 50,
            outgoing_bytes: u64::MAX,
            ..Statistics::default()
        };
        let (mut service, mut server) = (samples::service(), samples::destination());
        (service.statistics, server.statistics) = (statistics, statistics);
        let lines = titles_and_lines(Columns::Statistics, false, &service, &server);
        let short = " 100000K    4294M    1099G    1125T18446744T\n";
        assert!(
            lines.ends_with(&format!(
                "TCP  192.0.2.1:443                {short}  \
                   -> 198.51.100.7:8080            {short}"
            )),
            "{lines}"
        );
        let lines = titles_and_lines(Columns::Statistics, true, &service, &server);
        let whole = "100000000 4294967296 1099511627776 1125899906842624 18446744073709551615\n";
        assert!(
            lines.ends_with(&format!(
                "TCP  192.0.2.1:443                {whole}  \
                   -> 198.51.100.7:8080            {whole}"
            )),
            "{lines}"
        );
    }

    #[test]
    fn a_servers_first_three_rates_are_never_shortened() {
        let statistics = Statistics {
            connection_rate: 100_000_001,
            incoming_packet_rate: 200_000_002,
            outgoing_packet_rate: 300_000_003,
            incoming_byte_rate: 400_000_004,
            outgoing_byte_rate: 7,
            ..Statistics::default()
        };
        let (mut service, mut server) = (samples::service(), samples::destination());
        (service.statistics, server.statistics) = (statistics, statistics);
        let lines = titles_and_lines(Columns::Rate, false, &service, &server);
        assert!(
            lines.ends_with(
                "TCP  192.0.2.1:443                 100000K  200000K  300000K  400000K        7\n  \
                   -> 198.51.100.7:8080            100000001 200000002 300000003  400000K        \
                 7\n"
            ),
            "{lines}"
        );
    }
}
