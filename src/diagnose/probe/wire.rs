//! Packet sockets: frames out of an interface, and those in that a probe waits for. All the unsafe
//! code of a diagnosis is here, since neither the standard library nor nix knows this kind of
//! socket. Source: packet(7), socket(7), `<linux/filter.h>`.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::socket::{AddressFamily, SockFlag, SockType, SockaddrIn, bind, getsockname, socket};

use crate::diagnose::probe::frames::{self, ETHERTYPE_ARP, ETHERTYPE_IPV4, Received};
use crate::error::KernelError;

/// As much of a frame as is read: all of ARP, all headers of TCP.
const LONGEST: usize = 256;

/// The sockets of a probe.
pub struct Wire {
    arp: OwnedFd,
    tcp: OwnedFd,
    /// Keeps the port from everybody else.
    _reserved: OwnedFd,
    port: u16,
}

impl Wire {
    /// # Errors
    /// `EPERM` without `CAP_NET_RAW`.
    pub fn open() -> Result<Wire, KernelError> {
        let (reserved, port) = reserve_port()?;
        let arp = packet_socket()?;
        listen(&arp, ETHERTYPE_ARP)?;
        let tcp = packet_socket()?;
        // Before it hears anything: a busy director would flood it.
        attach_filter(&tcp, port)?;
        listen(&tcp, ETHERTYPE_IPV4)?;
        Ok(Wire {
            arp,
            tcp,
            _reserved: reserved,
            port,
        })
    }

    /// The TCP port that is the probe's own; packets to it are what [`Wire::receive`] gives.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Sends a frame out of an interface. One that cannot be sent is one that is lost: whoever
    /// waits for the answer finds out.
    pub fn send(&self, interface: u32, frame: &[u8]) {
        let address = link_address(0, interface);
        // SAFETY: the socket is open; the frame is read up to its length, and the address, a
        // sockaddr_ll, up to its size; both outlive the call.
        unsafe {
            libc::sendto(
                self.arp.as_raw_fd(),
                frame.as_ptr().cast(),
                frame.len(),
                libc::MSG_DONTWAIT,
                (&raw const address).cast(),
                size_of::<libc::sockaddr_ll>() as libc::socklen_t,
            );
        }
    }

    /// Waits until a frame has come, or for so long.
    pub fn wait(&self, time: Duration) -> Result<(), KernelError> {
        let watch = |socket: &OwnedFd| libc::pollfd {
            fd: socket.as_raw_fd(),
            events: libc::POLLIN,
            revents: 0,
        };
        let mut watched = [watch(&self.arp), watch(&self.tcp)];
        let milliseconds = i32::try_from(time.as_millis()).unwrap_or(i32::MAX);
        // SAFETY: poll reads and writes as many pollfd as it is told, which live to its end.
        let count = unsafe {
            libc::poll(
                watched.as_mut_ptr(),
                watched.len() as libc::nfds_t,
                // Less than one would be no wait at all.
                milliseconds.max(1),
            )
        };
        match io::Error::last_os_error() {
            fault if count < 0 && fault.kind() != io::ErrorKind::Interrupted => Err(fault.into()),
            _ => Ok(()),
        }
    }

    /// The next frame that means something to a probe, if it has come.
    pub fn receive(&self) -> Result<Option<Received>, KernelError> {
        for socket in [&self.arp, &self.tcp] {
            while let Some((interface, frame)) = receive(socket)? {
                if let Some(received) = frames::read(interface, &frame) {
                    return Ok(Some(received));
                }
            }
        }
        Ok(None)
    }
}

/// A number that nobody else foresees, so that a stranger's packet is not taken for an answer.
pub fn unforeseen_number() -> u32 {
    // The keys of a hash map are drawn at random.
    RandomState::new().build_hasher().finish() as u32
}

/// A socket that holds a TCP port and listens at none.
fn reserve_port() -> Result<(OwnedFd, u16), KernelError> {
    let reserve = || {
        let socket = socket(
            AddressFamily::Inet,
            SockType::Stream,
            SockFlag::SOCK_CLOEXEC,
            None,
        )?;
        bind(socket.as_raw_fd(), &SockaddrIn::new(0, 0, 0, 0, 0))?;
        let port = getsockname::<SockaddrIn>(socket.as_raw_fd())?.port();
        Ok((socket, port))
    };
    reserve().map_err(KernelError::Errno)
}

/// A packet socket that hears nothing yet.
fn packet_socket() -> Result<OwnedFd, KernelError> {
    // SAFETY: socket takes three numbers.
    let socket = unsafe {
        libc::socket(
            libc::AF_PACKET,
            libc::SOCK_RAW | libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK,
            0,
        )
    };
    if socket < 0 {
        return Err(io::Error::last_os_error().into());
    }
    // SAFETY: the descriptor is open, and nobody else's.
    Ok(unsafe { OwnedFd::from_raw_fd(socket) })
}

/// Has a socket hear the frames of a protocol at all interfaces.
fn listen(socket: &OwnedFd, ethertype: u16) -> Result<(), KernelError> {
    let address = link_address(ethertype, 0);
    // SAFETY: the socket is open, and the address is read up to its size.
    let outcome = unsafe {
        libc::bind(
            socket.as_raw_fd(),
            (&raw const address).cast(),
            size_of::<libc::sockaddr_ll>() as libc::socklen_t,
        )
    };
    checked(outcome)
}

/// Has a socket hear only TCP packets to a port: the kernel's filter reads a frame from its
/// Ethernet header on.
fn attach_filter(socket: &OwnedFd, port: u16) -> Result<(), KernelError> {
    const FRAGMENT_OFFSET: u32 = 0x1fff;
    let (load_byte, load_half) = (
        libc::BPF_LD | libc::BPF_B | libc::BPF_ABS,
        libc::BPF_LD | libc::BPF_H | libc::BPF_ABS,
    );
    let jump = |test| libc::BPF_JMP | test | libc::BPF_K;
    let step = |code: u32, value, jump_if, jump_else| libc::sock_filter {
        code: code as u16,
        jt: jump_if,
        jf: jump_else,
        k: value,
    };
    let mut program = [
        // The protocol of the IP header.
        step(load_byte, 23, 0, 0),
        step(jump(libc::BPF_JEQ), libc::IPPROTO_TCP as u32, 0, 6),
        // No fragment but the first.
        step(load_half, 20, 0, 0),
        step(jump(libc::BPF_JSET), FRAGMENT_OFFSET, 4, 0),
        // Behind the IP header, the port that it is for.
        step(libc::BPF_LDX | libc::BPF_B | libc::BPF_MSH, 14, 0, 0),
        step(libc::BPF_LD | libc::BPF_H | libc::BPF_IND, 16, 0, 0),
        step(jump(libc::BPF_JEQ), u32::from(port), 0, 1),
        step(libc::BPF_RET | libc::BPF_K, LONGEST as u32, 0, 0),
        step(libc::BPF_RET | libc::BPF_K, 0, 0, 0),
    ];
    let program = libc::sock_fprog {
        len: program.len() as u16,
        filter: program.as_mut_ptr(),
    };
    // SAFETY: the socket is open; the kernel copies the program, which lives until then, and reads
    // as many steps as it has.
    let outcome = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_ATTACH_FILTER,
            (&raw const program).cast(),
            size_of::<libc::sock_fprog>() as libc::socklen_t,
        )
    };
    checked(outcome)
}

/// The next frame that a socket holds, with the index of the interface that it came by.
fn receive(socket: &OwnedFd) -> Result<Option<(u32, Vec<u8>)>, KernelError> {
    let mut frame = vec![0; LONGEST];
    let mut address = link_address(0, 0);
    let mut address_length = size_of::<libc::sockaddr_ll>() as libc::socklen_t;
    // SAFETY: the socket is open; no more is written to frame and address than their lengths, which
    // are given.
    let length = unsafe {
        libc::recvfrom(
            socket.as_raw_fd(),
            frame.as_mut_ptr().cast(),
            frame.len(),
            libc::MSG_DONTWAIT,
            (&raw mut address).cast(),
            &raw mut address_length,
        )
    };
    let Ok(length) = usize::try_from(length) else {
        return match Errno::last() {
            Errno::EAGAIN | Errno::EINTR => Ok(None),
            // An interface that went down is no fault of the others.
            Errno::ENETDOWN => Ok(None),
            errno => Err(KernelError::Errno(errno)),
        };
    };
    frame.truncate(length);
    Ok(Some((address.sll_ifindex as u32, frame)))
}

fn link_address(ethertype: u16, interface: u32) -> libc::sockaddr_ll {
    libc::sockaddr_ll {
        sll_family: libc::AF_PACKET as u16,
        sll_protocol: ethertype.to_be(),
        sll_ifindex: interface as i32,
        sll_hatype: 0,
        sll_pkttype: 0,
        sll_halen: 0,
        sll_addr: [0; 8],
    }
}

fn checked(outcome: i32) -> Result<(), KernelError> {
    match outcome {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error().into()),
    }
}
