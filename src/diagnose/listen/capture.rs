//! A packet socket that hears what every interface receives and sends, as far as a filter lets it
//! pass. It sends nothing, and changes nothing at the interfaces: promiscuous they stay or not. For
//! as long as a socket of its own is there, it may be in a multicast group. Source: packet(7),
//! socket(7), `<linux/if_packet.h>`.
//!
//! The unsafe code of listening is here: nix does not have what the kernel says beside a packet.

use std::mem::MaybeUninit;
use std::net::IpAddr;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use nix::errno::Errno;
use nix::sys::socket::{AddressFamily, SockFlag, SockType, setsockopt, socket, sockopt};

use super::filter::{Interest, LONGEST};
use crate::diagnose::facts::HardwareAddress;
use crate::diagnose::packet_socket::{self, attach_filter, set_option};
use crate::error::KernelError;

/// Room for packets that wait to be read, in bytes, of which the kernel counts a few hundred for
/// each beside its own.
const ROOM: usize = 8 * 1024 * 1024;
/// Kernels from 5.19 on give a packet's firewall mark with it; libc has no name for that.
const SO_RCVMARK: i32 = 75;
/// Before an IP packet in an Ethernet frame.
const ETHERNET_HEADER: usize = 14;

/// Which way a frame goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// To this machine, or to everybody.
    In,
    Out,
    /// To another machine: a bridge or a switch shows what is not for us.
    PassingBy,
}

/// A frame, without the packet in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame {
    /// The interface's index.
    pub interface: u32,
    pub direction: Direction,
    /// Source and destination, where they are Ethernet's.
    pub hardware: Option<(HardwareAddress, HardwareAddress)>,
    /// The firewall mark, 0 without one; `None` where the kernel does not say.
    pub mark: Option<u32>,
}

/// A socket that hears packets.
pub struct Capture {
    socket: OwnedFd,
    buffer: [u8; LONGEST],
}

impl Capture {
    /// # Errors
    /// `EPERM` without `CAP_NET_RAW`; else what the kernel said.
    pub fn open(interest: &Interest) -> Result<Capture, KernelError> {
        let socket = packet_socket::open()?;
        attach_filter(&socket, &interest.program())?;
        // Beyond the limit for everybody, where that is allowed.
        if setsockopt(&socket, sockopt::RcvBufForce, &ROOM).is_err() {
            let _ = setsockopt(&socket, sockopt::RcvBuf, &ROOM);
        }
        set_option(&socket, libc::SOL_PACKET, libc::PACKET_AUXDATA, &1i32)?;
        // Older kernels do without.
        let _ = set_option(&socket, libc::SOL_SOCKET, SO_RCVMARK, &1i32);
        packet_socket::hear(&socket, libc::ETH_P_ALL as u16)?;
        Ok(Capture {
            socket,
            buffer: [0; LONGEST],
        })
    }

    /// Returns the next packet that waits, from its network header on, and the frame that it was
    /// in.
    ///
    /// # Errors
    /// The kernel's; that an interface went down is none.
    pub fn next(&mut self) -> Result<Option<(Frame, &[u8])>, KernelError> {
        loop {
            let Some(message) = self.receive()? else {
                return Ok(None);
            };
            let bytes = &self.buffer[..message.length.min(LONGEST)];
            let (header, packet) = match bytes.split_at_checked(message.network_offset) {
                Some(parts) => parts,
                None => continue,
            };
            let address = message.address;
            let is_ethernet = matches!(
                address.sll_hatype,
                libc::ARPHRD_ETHER | libc::ARPHRD_LOOPBACK
            );
            let hardware = match header.first_chunk::<ETHERNET_HEADER>() {
                Some(&[d0, d1, d2, d3, d4, d5, s0, s1, s2, s3, s4, s5, _, _]) if is_ethernet => {
                    Some(([s0, s1, s2, s3, s4, s5], [d0, d1, d2, d3, d4, d5]))
                }
                _ => None,
            };
            let frame = Frame {
                interface: address.sll_ifindex as u32,
                direction: match address.sll_pkttype {
                    libc::PACKET_OUTGOING => Direction::Out,
                    libc::PACKET_OTHERHOST => Direction::PassingBy,
                    _ => Direction::In,
                },
                hardware,
                mark: message.mark,
            };
            // The borrow of the loop ends here: the place in the buffer is what is given.
            let start = message.network_offset;
            let end = start + packet.len();
            return Ok(Some((frame, &self.buffer[start..end])));
        }
    }

    /// Returns how many packets found no room since this was last asked.
    pub fn take_drops(&self) -> u64 {
        let mut counts = MaybeUninit::<libc::tpacket_stats>::zeroed();
        let mut length = size_of::<libc::tpacket_stats>() as libc::socklen_t;
        // SAFETY: the socket is open; no more than the struct's size is written to it, and all
        // zeros are a valid one.
        let counts = unsafe {
            libc::getsockopt(
                self.socket.as_raw_fd(),
                libc::SOL_PACKET,
                libc::PACKET_STATISTICS,
                counts.as_mut_ptr().cast(),
                &raw mut length,
            );
            counts.assume_init()
        };
        u64::from(counts.tp_drops)
    }

    fn receive(&mut self) -> Result<Option<Message>, KernelError> {
        /// Room for what is said beside a packet, aligned as its headers want it.
        #[repr(C, align(8))]
        struct Beside([u8; 128]);

        let mut beside = Beside([0; 128]);
        let mut part = libc::iovec {
            iov_base: self.buffer.as_mut_ptr().cast(),
            iov_len: self.buffer.len(),
        };
        let mut address = MaybeUninit::<libc::sockaddr_ll>::zeroed();
        // SAFETY: all zeros are a valid msghdr, and a valid sockaddr_ll. The pointers in it are to
        // what outlives the calls, with the sizes that are given; the kernel leaves a list of
        // whole control messages, which the macros walk through as they are meant to.
        unsafe {
            let mut header = MaybeUninit::<libc::msghdr>::zeroed().assume_init();
            header.msg_name = address.as_mut_ptr().cast();
            header.msg_namelen = size_of::<libc::sockaddr_ll>() as libc::socklen_t;
            header.msg_iov = &raw mut part;
            header.msg_iovlen = 1;
            header.msg_control = beside.0.as_mut_ptr().cast();
            header.msg_controllen = beside.0.len() as _;
            let length =
                libc::recvmsg(self.socket.as_raw_fd(), &raw mut header, libc::MSG_DONTWAIT);
            let Ok(length) = usize::try_from(length) else {
                return match Errno::last() {
                    Errno::EAGAIN | Errno::EINTR | Errno::ENETDOWN => Ok(None),
                    errno => Err(KernelError::Errno(errno)),
                };
            };
            let mut message = Message {
                address: address.assume_init(),
                length,
                network_offset: usize::MAX,
                mark: None,
            };
            let mut control = libc::CMSG_FIRSTHDR(&raw const header);
            while !control.is_null() {
                let data = libc::CMSG_DATA(control);
                match ((*control).cmsg_level, (*control).cmsg_type) {
                    (libc::SOL_PACKET, libc::PACKET_AUXDATA) => {
                        let beside: libc::tpacket_auxdata =
                            data.cast::<libc::tpacket_auxdata>().read_unaligned();
                        message.network_offset = usize::from(beside.tp_net);
                    }
                    (libc::SOL_SOCKET, libc::SO_MARK) => {
                        message.mark = Some(data.cast::<u32>().read_unaligned());
                    }
                    _ => {}
                }
                control = libc::CMSG_NXTHDR(&raw const header, control);
            }
            Ok(Some(message))
        }
    }
}

impl AsFd for Capture {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

/// The things that the kernel says beside a packet.
struct Message {
    address: libc::sockaddr_ll,
    length: usize,
    network_offset: usize,
    mark: Option<u32>,
}

/// Joins a multicast group on an interface; the membership ends with the socket.
///
/// # Errors
///
/// The kernel's refusal.
pub fn join(group: IpAddr, interface: u32) -> Result<OwnedFd, KernelError> {
    let family = match group {
        IpAddr::V4(_) => AddressFamily::Inet,
        IpAddr::V6(_) => AddressFamily::Inet6,
    };
    let socket = socket(family, SockType::Datagram, SockFlag::SOCK_CLOEXEC, None)
        .map_err(KernelError::Errno)?;
    match group {
        IpAddr::V4(group) => {
            let request = libc::ip_mreqn {
                imr_multiaddr: libc::in_addr {
                    s_addr: u32::from(group).to_be(),
                },
                imr_address: libc::in_addr { s_addr: 0 },
                imr_ifindex: interface as i32,
            };
            set_option(&socket, libc::IPPROTO_IP, libc::IP_ADD_MEMBERSHIP, &request)?;
        }
        IpAddr::V6(group) => {
            let request = libc::ipv6_mreq {
                ipv6mr_multiaddr: libc::in6_addr {
                    s6_addr: group.octets(),
                },
                ipv6mr_interface: interface,
            };
            set_option(
                &socket,
                libc::IPPROTO_IPV6,
                libc::IPV6_ADD_MEMBERSHIP,
                &request,
            )?;
        }
    }
    Ok(socket)
}
