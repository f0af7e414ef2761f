#![forbid(unsafe_code)]

use super::*;
use std::net::Ipv6Addr;

use etherparse::{ArpHardwareId, ArpPacket, EtherType, PacketBuilder};

/// A SYN from its network header on.
pub fn syn(source: &str, destination: &str, sequence: u32) -> Vec<u8> {
    tcp(source, destination, |tcp| tcp.syn(), sequence)
}

type Tcp = etherparse::PacketBuilderStep<etherparse::TcpHeader>;

fn tcp(source: &str, destination: &str, flag: fn(Tcp) -> Tcp, sequence: u32) -> Vec<u8> {
    let (source, destination): (SocketAddr, SocketAddr) =
        (source.parse().unwrap(), destination.parse().unwrap());
    let ip = ip(source.ip(), destination.ip());
    let mut packet = Vec::new();
    flag(ip.tcp(source.port(), destination.port(), sequence, 64240))
        .write(&mut packet, &[])
        .unwrap();
    packet
}

fn ip(source: IpAddr, destination: IpAddr) -> etherparse::PacketBuilderStep<etherparse::IpHeaders> {
    match (source, destination) {
        (IpAddr::V4(source), IpAddr::V4(destination)) => {
            PacketBuilder::ipv4(source.octets(), destination.octets(), 61)
        }
        (IpAddr::V6(source), IpAddr::V6(destination)) => {
            PacketBuilder::ipv6(source.octets(), destination.octets(), 62)
        }
        _ => panic!("one family"),
    }
}

pub fn udp(source: &str, destination: &str, load: &[u8]) -> Vec<u8> {
    let (source, destination): (SocketAddr, SocketAddr) =
        (source.parse().unwrap(), destination.parse().unwrap());
    let mut packet = Vec::new();
    ip(source.ip(), destination.ip())
        .udp(source.port(), destination.port())
        .write(&mut packet, load)
        .unwrap();
    packet
}

/// A packet with a load of this protocol.
fn carrying(source: &str, destination: &str, protocol: u8, load: &[u8]) -> Vec<u8> {
    let mut packet = Vec::new();
    ip(source.parse().unwrap(), destination.parse().unwrap())
        .write(&mut packet, IpNumber(protocol), load)
        .unwrap();
    packet
}

fn flow(protocol: Protocol, source: &str, destination: &str) -> Flow {
    Flow {
        protocol,
        source: source.parse().unwrap(),
        destination: destination.parse().unwrap(),
    }
}

const CLIENT: &str = "198.51.100.7:40123";
const SERVICE: &str = "192.0.2.9:80";
const CLIENT6: &str = "[2001:db8:7::5]:40124";
const SERVICE6: &str = "[2001:db8:2::9]:443";

fn expected_syn(source: &str, destination: &str, sequence: u32) -> Content {
    Content::Segment(Segment {
        flow: flow(Protocol::Tcp, source, destination),
        sequence,
        acknowledged: None,
        is_syn: true,
        is_reset: false,
    })
}

#[test]
fn segments_are_read_in_both_families() {
    for (source, destination) in [(CLIENT, SERVICE), (CLIENT6, SERVICE6)] {
        let read = read(&syn(source, destination, 77001), &[]).unwrap();
        assert_eq!(read.content, expected_syn(source, destination, 77001));
        assert_eq!(read.tunnel, None);
    }
    let answer = tcp(SERVICE, CLIENT, |tcp| tcp.syn().ack(77002), 5);
    let Some(Content::Segment(answer)) = read(&answer, &[]).map(|packet| packet.content) else {
        panic!("no segment");
    };
    assert_eq!((answer.acknowledged, answer.is_syn), (Some(77002), true));
}

#[test]
fn what_a_tunnel_carries_is_read_with_its_end() {
    let inner = syn(CLIENT, SERVICE, 77003);
    let inner6 = syn(CLIENT6, SERVICE6, 77004);
    let gre = [&[0, 0, 8, 0][..], &inner].concat();
    let gre_with_checksum = [&[0x80, 0, 8, 0, 1, 2, 3, 4][..], &inner].concat();
    // One word of options.
    let gue = [&[1, 4, 0, 0, 9, 9, 9, 9][..], &inner].concat();
    let (director, server) = ("10.0.0.3", "10.0.0.14");
    let (director6, server6) = ("2001:db8:1::3", "2001:db8:1::14");
    for (packet, end, content) in [
        (
            carrying(director, server, 4, &inner),
            server,
            expected_syn(CLIENT, SERVICE, 77003),
        ),
        (
            carrying(director6, server6, 41, &inner6),
            server6,
            expected_syn(CLIENT6, SERVICE6, 77004),
        ),
        (
            carrying(director, server, 41, &inner6),
            server,
            expected_syn(CLIENT6, SERVICE6, 77004),
        ),
        (
            carrying(director, server, 47, &gre),
            server,
            expected_syn(CLIENT, SERVICE, 77003),
        ),
        (
            carrying(director, server, 47, &gre_with_checksum),
            server,
            expected_syn(CLIENT, SERVICE, 77003),
        ),
        (
            udp("10.0.0.3:61234", "10.0.0.14:6080", &gue),
            server,
            expected_syn(CLIENT, SERVICE, 77003),
        ),
    ] {
        let expected = Packet {
            tunnel: Some(end.parse().unwrap()),
            content,
        };
        assert_eq!(read(&packet, &[6080]), Some(expected));
    }
    // At another port it is a datagram.
    let datagram = read(&udp("10.0.0.3:61234", "10.0.0.14:6081", &gue), &[6080]).unwrap();
    assert_eq!(
        datagram.content,
        Content::Datagram(flow(Protocol::Udp, "10.0.0.3:61234", "10.0.0.14:6081"))
    );
}

#[test]
fn an_error_is_about_what_it_quotes_be_it_cut() {
    let quoted = syn(CLIENT, "10.0.0.14:8080", 77005);
    let header = [3, 3, 0xab, 0xcd, 0, 0, 0, 0];
    let expected = IcmpError {
        reporter: "10.0.0.14".parse().unwrap(),
        reason: IcmpReason {
            is_ipv6: false,
            kind: 3,
            code: 3,
        },
        flow: flow(Protocol::Tcp, CLIENT, "10.0.0.14:8080"),
        tunnel: None,
        sequence: Some(77005),
    };
    for length in [28, quoted.len()] {
        let packet = [&header[..], &quoted[..length]].concat();
        let packet = carrying("10.0.0.14", "198.51.100.7", 1, &packet);
        assert_eq!(
            read(&packet, &[]).unwrap().content,
            Content::Error(expected)
        );
    }
    let short = [&header[..], &quoted[..27]].concat();
    assert_eq!(
        read(&carrying("10.0.0.14", "198.51.100.7", 1, &short), &[]),
        None
    );
    assert!(expected.reason.is_port_unreachable());
    // Of a packet in a tunnel.
    let outer = carrying("10.0.0.3", "10.0.0.14", 4, &quoted);
    let packet = [&[3, 2, 0, 0, 0, 0, 0, 0][..], &outer].concat();
    let read_outer = read(&carrying("10.0.0.14", "10.0.0.3", 1, &packet), &[]).unwrap();
    let Content::Error(error) = read_outer.content else {
        panic!("{read_outer:?}");
    };
    assert_eq!(error.tunnel, Some("10.0.0.14".parse().unwrap()));
    assert_eq!(error.flow, expected.flow);
    assert_eq!(error.reason.text(), "protocol unreachable");
    // That a packet is too large ends nothing.
    let packet = [&[3, 4, 0, 0, 0, 0, 5, 6][..], &quoted].concat();
    assert_eq!(
        read(&carrying("10.0.0.14", "198.51.100.7", 1, &packet), &[]),
        None
    );
}

#[test]
fn errors_of_ipv6_are_read_as_well() {
    let quoted = udp(CLIENT6, SERVICE6, b"ask");
    let packet = [&[1, 4, 0, 0, 0, 0, 0, 0][..], &quoted].concat();
    let packet = carrying("2001:db8:1::14", "2001:db8:7::5", 58, &packet);
    let Some(Content::Error(error)) = read(&packet, &[]).map(|packet| packet.content) else {
        panic!("no error");
    };
    assert_eq!(error.flow, flow(Protocol::Udp, CLIENT6, SERVICE6));
    assert_eq!(error.sequence, None);
    assert!(error.reason.is_port_unreachable());
}

#[test]
fn extension_headers_are_passed_over() {
    let segment = syn(CLIENT6, SERVICE6, 77006)[40..].to_vec();
    // Destination options: the next header is TCP, no further words, padding.
    let load = [&[6, 0, 1, 4, 0, 0, 0, 0][..], &segment].concat();
    let packet = carrying("2001:db8:7::5", "2001:db8:2::9", 60, &load);
    let read = read(&packet, &[]).unwrap();
    assert_eq!(read.content, expected_syn(CLIENT6, SERVICE6, 77006));
}

#[test]
fn a_tunnel_whose_length_is_out_of_date_is_read_all_the_same() {
    // In namespaces of one kernel, the receiver takes the tunnel's headers off the length in
    // the very packet that the sender is seen to send.
    let gue = [&[0, 4, 0, 0][..], &syn(CLIENT, SERVICE, 77009)].concat();
    let mut packet = udp("10.0.0.3:61234", "10.0.0.14:6080", &gue);
    let length = packet.len() as u16 - 12;
    packet[2..4].copy_from_slice(&length.to_be_bytes());
    let read = read(&packet, &[6080]).unwrap();
    assert_eq!(read.content, expected_syn(CLIENT, SERVICE, 77009));
}

#[test]
fn fragments_say_nothing() {
    let mut packet = syn(CLIENT, SERVICE, 77007);
    packet[6..8].copy_from_slice(&3u16.to_be_bytes());
    assert_eq!(read(&packet, &[]), None);
}

#[test]
fn neighbours_are_asked_for_and_announced() {
    let mut arp = Vec::new();
    let mut question = ArpPacket::new(
        ArpHardwareId::ETHERNET,
        EtherType::IPV4,
        ArpOperation::REQUEST,
        &[2, 0, 0, 0, 0, 7],
        &[198, 51, 100, 7],
        &[0; 6],
        &[192, 0, 2, 9],
    )
    .unwrap();
    question.write(&mut arp).unwrap();
    let expected = NeighbourTalk {
        is_question: true,
        sender: "198.51.100.7".parse().unwrap(),
        sender_hardware: Some([2, 0, 0, 0, 0, 7]),
        target: "192.0.2.9".parse().unwrap(),
    };
    assert_eq!(
        read(&arp, &[]).unwrap().content,
        Content::Neighbour(expected)
    );
    question.operation = ArpOperation::REPLY;
    let mut reply = Vec::new();
    question.write(&mut reply).unwrap();
    let Content::Neighbour(reply) = read(&reply, &[]).unwrap().content else {
        panic!("no reply");
    };
    assert!(!reply.is_question);
    let about = "2001:db8:2::9".parse::<Ipv6Addr>().unwrap().octets();
    for (kind, is_question, sender, target) in [
        (135, true, "2001:db8:7::5", "2001:db8:2::9"),
        (136, false, "2001:db8:2::9", "ff02::1"),
    ] {
        let load = [&[kind, 0, 0, 0, 0, 0, 0, 0][..], &about].concat();
        let source = if is_question {
            "2001:db8:7::5"
        } else {
            "2001:db8:2::7"
        };
        let packet = carrying(source, "ff02::1", 58, &load);
        let expected = NeighbourTalk {
            is_question,
            sender: sender.parse().unwrap(),
            sender_hardware: None,
            target: target.parse().unwrap(),
        };
        assert_eq!(
            read(&packet, &[]).unwrap().content,
            Content::Neighbour(expected)
        );
    }
}

#[test]
fn what_is_cut_short_is_no_packet_and_no_crash() {
    let inner = syn(CLIENT, SERVICE, 77008);
    let whole = carrying("10.0.0.3", "10.0.0.14", 4, &inner);
    for length in 0..whole.len() {
        assert_eq!(read(&whole[..length], &[6080]), None, "{length}");
    }
    let nested = (0..5).fold(inner, |load, _| carrying("10.0.0.3", "10.0.0.14", 4, &load));
    assert_eq!(read(&nested, &[]), None);
}
