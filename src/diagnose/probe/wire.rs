//! Packet sockets: frames out of an interface, and those in that a probe waits for. Source:
//! packet(7), `<linux/filter.h>`.

#![forbid(unsafe_code)]

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::time::Duration;

use etherparse::{EtherType, Ethernet2Header, Ipv6Header, icmpv4, icmpv6};
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::socket::{
    LinkAddr, MsgFlags, SockFlag, SockType, SockaddrLike, SockaddrStorage, bind, getsockname,
    recvfrom, sendto, socket,
};

use crate::diagnose::packet_socket;
use crate::diagnose::probe::frames::{self, Received};
use crate::error::KernelError;

/// As much of a frame as is read: all of ARP, all headers, and those that an ICMP error is about.
const LONGEST: usize = 256;
/// The ports that are tried before one is free for TCP and UDP alike.
const PORTS_TRIED: usize = 16;

/// The sockets of a probe.
pub struct Wire {
    /// One a protocol: ARP, IPv4, IPv6.
    sockets: [OwnedFd; 3],
    /// Keep the port from everybody else.
    _reserved: [OwnedFd; 2],
    port: u16,
}

impl Wire {
    /// # Errors
    /// `EPERM` without `CAP_NET_RAW`.
    pub fn open() -> Result<Wire, KernelError> {
        let (reserved, port) = reserve_port().map_err(KernelError::Errno)?;
        let (ipv4, ipv6) = (ipv4_filter(port), ipv6_filter(port));
        Ok(Wire {
            sockets: [
                filtered(EtherType::ARP, None)?,
                filtered(EtherType::IPV4, Some(&ipv4))?,
                filtered(EtherType::IPV6, Some(&ipv6))?,
            ],
            _reserved: reserved,
            port,
        })
    }

    /// Returns the probe's own port, of TCP and UDP.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Sends a frame out of an interface. One that cannot be sent is one that is lost: whoever
    /// waits for the answer finds out.
    pub fn send(&self, interface: u32, frame: &[u8]) {
        if let Some(address) = packet_socket::link_address(0, interface) {
            let [any, ..] = &self.sockets;
            let _ = sendto(any.as_raw_fd(), frame, &address, MsgFlags::MSG_DONTWAIT);
        }
    }

    /// Waits until a frame has come, or for so long.
    ///
    /// # Errors
    /// The fault of `poll`.
    pub fn wait(&self, time: Duration) -> Result<(), KernelError> {
        let mut watched = self
            .sockets
            .each_ref()
            .map(|socket| PollFd::new(socket.as_fd(), PollFlags::POLLIN));
        // Less than a millisecond would be no wait at all.
        let milliseconds = time.as_millis().max(1);
        let timeout = PollTimeout::try_from(milliseconds).unwrap_or(PollTimeout::MAX);
        match poll(&mut watched, timeout) {
            Ok(_) | Err(Errno::EINTR) => Ok(()),
            Err(errno) => Err(KernelError::Errno(errno)),
        }
    }

    /// Returns the next frame that means something to a probe, if it has come, and the index of the
    /// interface that it came by.
    ///
    /// # Errors
    /// The fault of a socket, except that an interface went down: that is no fault of the others.
    pub fn receive(&self) -> Result<Option<(u32, Received)>, KernelError> {
        let mut frame = [0; LONGEST];
        for socket in &self.sockets {
            loop {
                match recvfrom::<LinkAddr>(socket.as_raw_fd(), &mut frame) {
                    // What a network card hears of other machines' talk is none of ours.
                    Ok((length, Some(address))) if address.pkttype() != libc::PACKET_OTHERHOST => {
                        let frame = frame.get(..length).unwrap_or(&frame);
                        if let Some(received) = frames::read(frame) {
                            return Ok(Some((address.ifindex() as u32, received)));
                        }
                    }
                    Ok(_) => {}
                    Err(Errno::EAGAIN | Errno::EINTR | Errno::ENETDOWN) => break,
                    Err(errno) => return Err(KernelError::Errno(errno)),
                }
            }
        }
        Ok(None)
    }
}

/// Returns a number that nobody else foresees, so that a stranger's packet is not taken for an
/// answer.
pub fn unforeseen_number() -> u32 {
    // The keys of a hash map are drawn at random.
    RandomState::new().build_hasher().finish() as u32
}

/// Makes two sockets that hold a port of TCP and UDP, and take nothing there. With IPv6 in the
/// kernel, they hold it for IPv4 and IPv6 alike.
fn reserve_port() -> Result<([OwnedFd; 2], u16), Errno> {
    let mut outcome = Err(Errno::EADDRINUSE);
    for _ in 0..PORTS_TRIED {
        let (tcp, port) = hold(SockType::Stream, 0)?;
        match hold(SockType::Datagram, port) {
            Ok((udp, _)) => return Ok(([tcp, udp], port)),
            Err(errno) => outcome = Err(errno),
        }
    }
    outcome
}

/// Makes a socket that holds a port, any with 0, and returns the port with it.
fn hold(kind: SockType, port: u16) -> Result<(OwnedFd, u16), Errno> {
    let ipv6 = SocketAddr::from((Ipv6Addr::UNSPECIFIED, port));
    let ipv4 = SocketAddr::from((Ipv4Addr::UNSPECIFIED, port));
    match hold_address(kind, ipv6) {
        Err(Errno::EADDRINUSE) => Err(Errno::EADDRINUSE),
        Err(_) => hold_address(kind, ipv4),
        held => held,
    }
}

fn hold_address(kind: SockType, address: SocketAddr) -> Result<(OwnedFd, u16), Errno> {
    let address = SockaddrStorage::from(address);
    let family = address.family().ok_or(Errno::EAFNOSUPPORT)?;
    let socket = socket(family, kind, SockFlag::SOCK_CLOEXEC, None)?;
    bind(socket.as_raw_fd(), &address)?;
    let bound = getsockname::<SockaddrStorage>(socket.as_raw_fd())?;
    let port = match (bound.as_sockaddr_in(), bound.as_sockaddr_in6()) {
        (Some(address), _) => address.port(),
        (_, Some(address)) => address.port(),
        _ => return Err(Errno::EAFNOSUPPORT),
    };
    Ok((socket, port))
}

/// Makes a packet socket that hears the frames of a protocol at all interfaces, as far as its
/// filter lets them through.
fn filtered(
    ethertype: EtherType,
    filter: Option<&[libc::sock_filter]>,
) -> Result<OwnedFd, KernelError> {
    let socket = packet_socket::open()?;
    if let Some(filter) = filter {
        packet_socket::attach_filter(&socket, filter)?;
    }
    packet_socket::hear(&socket, ethertype.0)?;
    Ok(socket)
}

/// The steps of a filter: the kernel reads a frame from its Ethernet header on.
mod step {
    use libc::sock_filter;

    const fn new(code: u32, value: u32, then: u8, otherwise: u8) -> sock_filter {
        sock_filter {
            code: code as u16,
            jt: then,
            jf: otherwise,
            k: value,
        }
    }

    /// Loads the byte at a place.
    pub const fn byte(at: usize) -> sock_filter {
        new(libc::BPF_LD | libc::BPF_B | libc::BPF_ABS, at as u32, 0, 0)
    }

    /// Loads the 16 bits at a place.
    pub const fn half(at: usize) -> sock_filter {
        new(libc::BPF_LD | libc::BPF_H | libc::BPF_ABS, at as u32, 0, 0)
    }

    /// Remembers the length of the IPv4 header at a place.
    pub const fn header_length(at: usize) -> sock_filter {
        new(libc::BPF_LDX | libc::BPF_B | libc::BPF_MSH, at as u32, 0, 0)
    }

    /// Loads the byte, or the 16 bits, so far behind a header of the length that is remembered.
    pub const fn byte_behind(at: usize) -> sock_filter {
        new(libc::BPF_LD | libc::BPF_B | libc::BPF_IND, at as u32, 0, 0)
    }
    pub const fn half_behind(at: usize) -> sock_filter {
        new(libc::BPF_LD | libc::BPF_H | libc::BPF_IND, at as u32, 0, 0)
    }

    /// Skips so many steps where what was loaded is this, or shares a bit with it, and so many
    /// where not.
    pub const fn equals(value: u32, then: u8, otherwise: u8) -> sock_filter {
        let code = libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K;
        new(code, value, then, otherwise)
    }
    pub const fn shares(value: u32, then: u8, otherwise: u8) -> sock_filter {
        let code = libc::BPF_JMP | libc::BPF_JSET | libc::BPF_K;
        new(code, value, then, otherwise)
    }

    /// Lets so many bytes of the frame through.
    pub const fn take(length: usize) -> sock_filter {
        new(libc::BPF_RET | libc::BPF_K, length as u32, 0, 0)
    }
}

/// Lets through TCP and UDP to the port or from it, and ICMP errors.
fn ipv4_filter(port: u16) -> [libc::sock_filter; 15] {
    let ip = Ethernet2Header::LEN;
    [
        // No fragment but the first.
        step::half(ip + 6),
        step::shares(0x1fff, 12, 0),
        step::header_length(ip),
        step::byte(ip + 9),
        step::equals(libc::IPPROTO_TCP as u32, 4, 0),
        step::equals(libc::IPPROTO_UDP as u32, 3, 0),
        step::equals(libc::IPPROTO_ICMP as u32, 0, 7),
        step::byte_behind(ip),
        step::equals(u32::from(icmpv4::TYPE_DEST_UNREACH), 4, 5),
        step::half_behind(ip),
        step::equals(u32::from(port), 2, 0),
        step::half_behind(ip + 2),
        step::equals(u32::from(port), 0, 1),
        step::take(LONGEST),
        step::take(0),
    ]
}

/// Lets through TCP and UDP to the port or from it, ICMPv6 errors and neighbour discovery.
fn ipv6_filter(port: u16) -> [libc::sock_filter; 15] {
    let ip = Ethernet2Header::LEN;
    let content = ip + Ipv6Header::LEN;
    [
        step::byte(ip + 6),
        step::equals(libc::IPPROTO_TCP as u32, 7, 0),
        step::equals(libc::IPPROTO_UDP as u32, 6, 0),
        step::equals(libc::IPPROTO_ICMPV6 as u32, 0, 10),
        step::byte(content),
        step::equals(u32::from(icmpv6::TYPE_DST_UNREACH), 7, 0),
        step::equals(u32::from(icmpv6::TYPE_PARAMETER_PROBLEM), 6, 0),
        step::equals(u32::from(icmpv6::TYPE_NEIGHBOR_SOLICITATION), 5, 0),
        step::equals(u32::from(icmpv6::TYPE_NEIGHBOR_ADVERTISEMENT), 4, 5),
        step::half(content),
        step::equals(u32::from(port), 2, 0),
        step::half(content + 2),
        step::equals(u32::from(port), 0, 1),
        step::take(LONGEST),
        step::take(0),
    ]
}
