//! What `-L` prints of virtual services and their real servers (`tests/parity/ipvsadm-1.31.md`,
//! section 4).

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

/// Writes the first line of a listing of the whole table.
pub fn write_version(out: &mut Vec<u8>, info: &KernelInfo) {
    let (major, minor, patch) = info.version_parts();
    let line = format!(
        "IP Virtual Server version {major}.{minor}.{patch} (size={})\n",
        info.connection_table_size
    );
    out.extend_from_slice(line.as_bytes());
}

/// Writes the two lines of titles.
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

pub fn write_service(
    out: &mut Vec<u8>,
    format: &ListFormat,
    endpoints: &mut EndpointWriter,
    state: &ServiceState,
) {
    let shows_numbers = matches!(format.columns, Columns::Statistics | Columns::Rate);
    let start = out.len();
    write_service_name(out, endpoints, &state.service.identity, PROTOCOL_WIDTH);
    if state.service.identity.family() == AddressFamily::Ipv4 {
        out.truncate(start + SERVICE_WIDTH);
    }
    if shows_numbers {
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

/// Writes a dotted mask for IPv4, a prefix length for IPv6.
pub fn write_netmask(out: &mut Vec<u8>, netmask: Netmask) {
    match netmask {
        Netmask::Ipv4(mask) => write_address(out, IpAddr::V4(mask)),
        Netmask::Ipv6(prefix) => number(out, prefix),
    }
}

/// Writes the line of a destination of `service`.
pub fn write_destination(
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
    use crate::model::{
        Destination, DestinationIdentity, KernelName, Protocol, SchedulerFlags, Statistics,
        VirtualService,
    };

    fn service(statistics: Statistics) -> ServiceState {
        ServiceState {
            service: VirtualService {
                identity: ServiceIdentity::Endpoint {
                    protocol: Protocol::Tcp,
                    address: "192.0.2.1".parse().unwrap(),
                    port: 80,
                },
                scheduler: KernelName::from("sh"),
                scheduler_flags: SchedulerFlags::from_bits(0b101),
                persistence_timeout: Some(360),
                netmask: Netmask::Ipv4("255.255.255.0".parse().unwrap()),
                persistence_engine: KernelName::from("sip"),
                one_packet: false,
            },
            statistics,
        }
    }

    fn line(columns: Columns, exact: bool, statistics: Statistics) -> (String, String) {
        let format = ListFormat {
            columns,
            numeric: true,
            exact,
        };
        let mut endpoints = EndpointWriter::for_listing(true);
        let service = service(statistics);
        let destination = DestinationState {
            destination: Destination {
                identity: DestinationIdentity {
                    address: "198.51.100.7".parse().unwrap(),
                    port: 8080,
                },
                forwarding_method: ForwardingMethod::Tunnel(Encapsulation::Gue {
                    port: 6080,
                    checksum: TunnelChecksum::Remote,
                }),
                weight: 3,
                upper_threshold: 10,
                lower_threshold: 5,
            },
            active_connections: 2,
            inactive_connections: 1,
            persistent_connections: 4,
            statistics,
        };
        let (mut first, mut second) = (Vec::new(), Vec::new());
        write_service(&mut first, &format, &mut endpoints, &service);
        write_destination(
            &mut second,
            &format,
            &mut endpoints,
            &service.service.identity,
            &destination,
        );
        (
            String::from_utf8(first).unwrap(),
            String::from_utf8(second).unwrap(),
        )
    }

    #[test]
    fn a_service_shows_its_scheduler_with_the_schedulers_own_flags_and_its_persistence() {
        let (service, server) = line(Columns::TunnelInfo, false, Statistics::default());
        assert_eq!(
            service,
            "TCP  192.0.2.1:80 sh (sh-fallback) persistent 360 mask 255.255.255.0 pe sip\n"
        );
        assert_eq!(
            server,
            "  -> 198.51.100.7:8080            Tunnel  gue:6080:r+c  3      2          1         \n"
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
        let (service, server) = line(Columns::Statistics, false, statistics);
        assert_eq!(
            service,
            "TCP  192.0.2.1:80                  100000K    4294M    1099G    1125T18446744T\n"
        );
        assert_eq!(
            server,
            "  -> 198.51.100.7:8080             100000K    4294M    1099G    1125T18446744T\n"
        );
        let (service, _) = line(Columns::Statistics, true, statistics);
        assert_eq!(
            service,
            "TCP  192.0.2.1:80                 100000000 4294967296 1099511627776 1125899906842624 \
             18446744073709551615\n"
        );
    }

    #[test]
    fn a_servers_first_three_rates_are_never_shortened() {
        let statistics = Statistics {
            connection_rate: 100_000_000,
            incoming_packet_rate: 100_000_000,
            outgoing_packet_rate: 100_000_000,
            incoming_byte_rate: 100_000_000,
            outgoing_byte_rate: 7,
            ..Statistics::default()
        };
        let (service, server) = line(Columns::Rate, false, statistics);
        assert_eq!(
            service,
            "TCP  192.0.2.1:80                  100000K  100000K  100000K  100000K        7\n"
        );
        assert_eq!(
            server,
            "  -> 198.51.100.7:8080            100000000 100000000 100000000  100000K        7\n"
        );
    }
}
