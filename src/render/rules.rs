//! Writes changes as the command lines that make them. `-S` prints the table as the changes that
//! build it (`tests/parity/ipvsadm-1.31.md`, section 5).
#![forbid(unsafe_code)]

use crate::model::{
    AddressFamily, Change, Destination, DestinationIdentity, Encapsulation, ForwardingMethod,
    Protocol, ServiceIdentity, SyncDaemon, Timeouts, TunnelChecksum, VirtualService,
};
use crate::render::endpoints::EndpointWriter;
use crate::render::listing::write_netmask;
use crate::render::padding::number;

/// Appends the command line that makes a change.
pub fn write_change(out: &mut Vec<u8>, endpoints: &mut EndpointWriter, change: &Change) {
    match change {
        Change::AddService(service) => write_service(out, endpoints, b"-A ", service),
        Change::EditService(service) => write_service(out, endpoints, b"-E ", service),
        Change::DeleteService(identity) => {
            out.extend_from_slice(b"-D ");
            write_service_name(out, endpoints, identity);
        }
        Change::Flush => out.extend_from_slice(b"-C"),
        Change::Zero(identity) => {
            out.extend_from_slice(b"-Z");
            if let Some(identity) = identity {
                out.push(b' ');
                write_service_name(out, endpoints, identity);
            }
        }
        Change::AddDestination(service, destination) => {
            write_destination(out, endpoints, b"-a ", service, destination)
        }
        Change::EditDestination(service, destination) => {
            write_destination(out, endpoints, b"-e ", service, destination)
        }
        Change::DeleteDestination(service, identity) => {
            out.extend_from_slice(b"-d ");
            write_destination_name(out, endpoints, service, identity);
        }
        Change::SetTimeouts(Timeouts { tcp, tcp_fin, udp }) => {
            out.extend_from_slice(format!("--set {tcp} {tcp_fin} {udp}").as_bytes());
        }
        Change::StartDaemon(daemon) => write_sync_daemon(out, daemon),
        Change::StopDaemon(role, sync_id) => {
            out.extend_from_slice(
                format!("--stop-daemon {} --syncid {sync_id}", role.word()).as_bytes(),
            );
        }
    }
    out.push(b'\n');
}

fn write_service(
    out: &mut Vec<u8>,
    endpoints: &mut EndpointWriter,
    command: &[u8],
    service: &VirtualService,
) {
    out.extend_from_slice(command);
    write_service_name(out, endpoints, &service.identity);
    word(out, b" -s ", service.scheduler.as_bytes());
    if let Some(seconds) = service.persistence_timeout {
        numbered(out, b" -p ", seconds);
        if !service.netmask.is_single_host() {
            out.extend_from_slice(b" -M ");
            write_netmask(out, service.netmask);
        }
    }
    if !service.persistence_engine.is_empty() {
        word(out, b" --pe ", service.persistence_engine.as_bytes());
    }
    if service.one_packet {
        out.extend_from_slice(b" -o");
    }
    for (index, flag) in service.scheduler_flags.words(service.scheduler).enumerate() {
        word(
            out,
            if index == 0 { b" -b " } else { b"," },
            flag.as_bytes(),
        );
    }
}

fn write_destination(
    out: &mut Vec<u8>,
    endpoints: &mut EndpointWriter,
    command: &[u8],
    service: &ServiceIdentity,
    destination: &Destination,
) {
    out.extend_from_slice(command);
    write_destination_name(out, endpoints, service, &destination.identity);
    out.extend_from_slice(match destination.forwarding_method {
        ForwardingMethod::Masquerading => b" -m",
        ForwardingMethod::Tunnel(_) => b" -i",
        // The kernel finds out by itself which servers are local.
        ForwardingMethod::Local | ForwardingMethod::DirectRouting => b" -g",
    });
    numbered(out, b" -w ", destination.weight);
    if destination.upper_threshold != 0 {
        numbered(out, b" -x ", destination.upper_threshold);
    }
    if destination.lower_threshold != 0 {
        numbered(out, b" -y ", destination.lower_threshold);
    }
    if let ForwardingMethod::Tunnel(encapsulation) = destination.forwarding_method {
        write_encapsulation(out, encapsulation);
    }
}

/// Appends the options that name a destination of a virtual service.
pub fn write_destination_name(
    out: &mut Vec<u8>,
    endpoints: &mut EndpointWriter,
    service: &ServiceIdentity,
    identity: &DestinationIdentity,
) {
    write_service_name(out, endpoints, service);
    out.extend_from_slice(b" -r ");
    endpoints.write(out, identity.address, identity.port, service.protocol());
}

fn write_sync_daemon(out: &mut Vec<u8>, daemon: &SyncDaemon) {
    word(out, b"--start-daemon ", daemon.role.word().as_bytes());
    word(out, b" --mcast-interface ", daemon.interface.as_bytes());
    let mut rest = format!(" --syncid {}", daemon.sync_id);
    if let Some(length) = daemon.max_length {
        rest += &format!(" --sync-maxlen {length}");
    }
    if let Some(group) = daemon.group {
        rest += &format!(" --mcast-group {group}");
    }
    if let Some(port) = daemon.port {
        rest += &format!(" --mcast-port {port}");
    }
    if let Some(ttl) = daemon.ttl {
        rest += &format!(" --mcast-ttl {ttl}");
    }
    out.extend_from_slice(rest.as_bytes());
}

/// Appends the options of a tunnel.
pub fn write_encapsulation(out: &mut Vec<u8>, encapsulation: Encapsulation) {
    let with_checksum =
        |out: &mut Vec<u8>, checksum: TunnelChecksum| word(out, b" ", checksum.option().as_bytes());
    word(out, b" --tun-type ", encapsulation.kind().word().as_bytes());
    match encapsulation {
        Encapsulation::Ipip => {}
        Encapsulation::Gue { port, checksum } => {
            numbered(out, b" --tun-port ", u32::from(port));
            with_checksum(out, checksum);
        }
        Encapsulation::Gre { checksum } => with_checksum(out, checksum),
    }
}

/// Appends the option that names a virtual service.
pub fn write_service_name(
    out: &mut Vec<u8>,
    endpoints: &mut EndpointWriter,
    identity: &ServiceIdentity,
) {
    endpoints.write_service_name(out, identity, write_new_service_name);
}

fn write_new_service_name(
    out: &mut Vec<u8>,
    endpoints: &mut EndpointWriter,
    identity: &ServiceIdentity,
) {
    match *identity {
        ServiceIdentity::Endpoint {
            protocol,
            address,
            port,
        } => {
            out.extend_from_slice(match protocol {
                Protocol::Tcp => b"-t ",
                Protocol::Udp => b"-u ",
                Protocol::Sctp => b"--sctp-service ",
            });
            endpoints.write(out, address, port, Some(protocol));
        }
        ServiceIdentity::FirewallMark { mark, family } => {
            numbered(out, b"-f ", mark);
            if family == AddressFamily::Ipv6 {
                out.extend_from_slice(b" -6");
            }
        }
    }
}

fn word(out: &mut Vec<u8>, before: &[u8], word: &[u8]) {
    out.extend_from_slice(before);
    out.extend_from_slice(word);
}

fn numbered(out: &mut Vec<u8>, before: &[u8], value: u32) {
    out.extend_from_slice(before);
    number(out, value);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{KernelName, Netmask, SchedulerFlags, SyncDaemonRole};
    use crate::samples;

    fn line(change: &Change) -> String {
        let mut out = Vec::new();
        write_change(&mut out, &mut EndpointWriter::numeric(), change);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn every_change_is_a_line() {
        let service = samples::service().service;
        let destination = samples::destination().destination;
        let (name, of_service) = (destination.identity, service.identity);
        let mark = ServiceIdentity::FirewallMark {
            mark: 7,
            family: AddressFamily::Ipv6,
        };
        let of_service_options = "-t 192.0.2.1:443 -s sh -p 360 -M 255.255.254.0 --pe sip -o \
                                  -b sh-fallback,sh-port\n";
        let of_destination = "-t 192.0.2.1:443 -r 198.51.100.7:8080";
        let options = "-i -w 31 -x 1009 -y 805 --tun-type gue --tun-port 6081 --tun-remcsum\n";
        for (change, expected) in [
            (
                Change::AddService(service),
                format!("-A {of_service_options}"),
            ),
            (
                Change::EditService(service),
                format!("-E {of_service_options}"),
            ),
            (
                Change::DeleteService(of_service),
                "-D -t 192.0.2.1:443\n".to_owned(),
            ),
            (Change::DeleteService(mark), "-D -f 7 -6\n".to_owned()),
            (Change::Flush, "-C\n".to_owned()),
            (Change::Zero(None), "-Z\n".to_owned()),
            (
                Change::Zero(Some(of_service)),
                "-Z -t 192.0.2.1:443\n".to_owned(),
            ),
            (
                Change::AddDestination(of_service, destination),
                format!("-a {of_destination} {options}"),
            ),
            (
                Change::EditDestination(of_service, destination),
                format!("-e {of_destination} {options}"),
            ),
            (
                Change::DeleteDestination(of_service, name),
                format!("-d {of_destination}\n"),
            ),
            (
                Change::SetTimeouts(samples::TIMEOUTS),
                "--set 960 75 7200\n".to_owned(),
            ),
            (
                Change::StartDaemon(samples::sync_daemon()),
                "--start-daemon master --mcast-interface eth1 --syncid 17 --sync-maxlen 1472 \
                 --mcast-group 224.0.0.83 --mcast-port 8849 --mcast-ttl 5\n"
                    .to_owned(),
            ),
            (
                Change::StopDaemon(SyncDaemonRole::Backup, 18),
                "--stop-daemon backup --syncid 18\n".to_owned(),
            ),
        ] {
            assert_eq!(line(&change), expected);
        }
    }

    #[test]
    fn what_a_service_has_not_got_is_left_out() {
        let bare = VirtualService {
            identity: ServiceIdentity::Endpoint {
                protocol: Protocol::Udp,
                address: "2001:db8::1".parse().unwrap(),
                port: 53,
            },
            scheduler: KernelName::from("rr"),
            scheduler_flags: SchedulerFlags::default(),
            persistence_timeout: None,
            netmask: Netmask::Ipv6(64),
            persistence_engine: KernelName::default(),
            one_packet: false,
        };
        let added = line(&Change::AddService(bare));
        assert_eq!(added, "-A -u [2001:db8::1]:53 -s rr\n");
        let persistent = VirtualService {
            persistence_timeout: Some(77),
            ..bare
        };
        let added = line(&Change::AddService(persistent));
        assert_eq!(added, "-A -u [2001:db8::1]:53 -s rr -p 77 -M 64\n");
        let of_single_hosts = VirtualService {
            netmask: Netmask::Ipv6(128),
            ..persistent
        };
        let added = line(&Change::AddService(of_single_hosts));
        assert_eq!(added, "-A -u [2001:db8::1]:53 -s rr -p 77\n");
    }

    #[test]
    fn every_way_of_forwarding_has_its_options() {
        let service = ServiceIdentity::Endpoint {
            protocol: Protocol::Sctp,
            address: "192.0.2.1".parse().unwrap(),
            port: 38412,
        };
        let gre = |checksum| ForwardingMethod::Tunnel(Encapsulation::Gre { checksum });
        for (forwarding_method, options) in [
            (ForwardingMethod::Masquerading, "-m -w 5"),
            (ForwardingMethod::Local, "-g -w 5"),
            (ForwardingMethod::DirectRouting, "-g -w 5"),
            (
                ForwardingMethod::Tunnel(Encapsulation::Ipip),
                "-i -w 5 --tun-type ipip",
            ),
            (
                gre(TunnelChecksum::None),
                "-i -w 5 --tun-type gre --tun-nocsum",
            ),
            (
                gre(TunnelChecksum::Full),
                "-i -w 5 --tun-type gre --tun-csum",
            ),
        ] {
            let destination = Destination {
                forwarding_method,
                weight: 5,
                upper_threshold: 0,
                lower_threshold: 0,
                ..samples::destination().destination
            };
            assert_eq!(
                line(&Change::AddDestination(service, destination)),
                format!("-a --sctp-service 192.0.2.1:38412 -r 198.51.100.7:8080 {options}\n")
            );
        }
    }

    #[test]
    fn an_interface_keeps_its_bytes() {
        let daemon = SyncDaemon {
            role: SyncDaemonRole::Master,
            interface: KernelName::truncated(b"eth\xff"),
            sync_id: 7,
            max_length: Some(1472),
            group: None,
            port: None,
            ttl: Some(1),
        };
        let mut out = Vec::new();
        let mut endpoints = EndpointWriter::numeric();
        write_change(&mut out, &mut endpoints, &Change::StartDaemon(daemon));
        assert_eq!(
            out,
            b"--start-daemon master --mcast-interface eth\xff --syncid 7 --sync-maxlen 1472 \
              --mcast-ttl 1\n"
        );
    }
}
