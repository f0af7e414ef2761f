//! Packet sockets, for listening and for probes: how they are opened, filtered and bound. What a
//! packet says is not known here. Source: packet(7), socket(7), `<linux/filter.h>`.
//!
//! The unsafe code that both need is here: nix makes no address of a link out of its parts, and
//! neither attaches filters nor knows every option of a socket.

use std::os::fd::{AsFd, AsRawFd, OwnedFd};

use nix::errno::Errno;
use nix::sys::socket::{AddressFamily, LinkAddr, SockFlag, SockType, SockaddrLike, bind, socket};

use crate::error::KernelError;

/// Opens a socket that does not wait. It hears nothing until [`hear`]: a busy director would flood
/// it before its filter is there.
///
/// # Errors
/// `EPERM` without `CAP_NET_RAW`; else what the kernel said.
pub fn open() -> Result<OwnedFd, KernelError> {
    let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
    socket(AddressFamily::Packet, SockType::Raw, flags, None).map_err(KernelError::Errno)
}

/// Lets a socket hear the frames of a protocol at all interfaces. Those that go out are shown only
/// to who wants every protocol (`ETH_P_ALL`).
///
/// # Errors
/// The kernel's refusal.
pub fn hear(socket: &OwnedFd, ethertype: u16) -> Result<(), KernelError> {
    let address = link_address(ethertype, 0).ok_or(KernelError::Errno(Errno::EINVAL))?;
    bind(socket.as_raw_fd(), &address).map_err(KernelError::Errno)
}

/// Returns the address of a protocol at the interface of this index; 0 stands for all of them.
pub fn link_address(ethertype: u16, interface: u32) -> Option<LinkAddr> {
    let address = libc::sockaddr_ll {
        sll_family: libc::AF_PACKET as u16,
        sll_protocol: ethertype.to_be(),
        sll_ifindex: interface as i32,
        sll_hatype: 0,
        sll_pkttype: 0,
        sll_halen: 0,
        sll_addr: [0; 8],
    };
    let length = size_of::<libc::sockaddr_ll>() as libc::socklen_t;
    // SAFETY: the address is a whole sockaddr_ll, of that family and length, and is copied.
    unsafe { LinkAddr::from_raw((&raw const address).cast(), Some(length)) }
}

/// Attaches a filter: the kernel keeps from the socket what the program does not let pass.
///
/// # Errors
/// The kernel's refusal.
pub fn attach_filter(socket: &impl AsFd, program: &[libc::sock_filter]) -> Result<(), KernelError> {
    let program = libc::sock_fprog {
        len: program.len() as u16,
        // The kernel only reads it.
        filter: program.as_ptr().cast_mut(),
    };
    set_option(socket, libc::SOL_SOCKET, libc::SO_ATTACH_FILTER, &program)
}

/// Sets an option of any socket; `value` is the type that the kernel reads for it.
///
/// # Errors
/// The kernel's refusal.
pub fn set_option<T>(
    socket: &impl AsFd,
    level: i32,
    name: i32,
    value: &T,
) -> Result<(), KernelError> {
    // SAFETY: the socket is open; the kernel reads the value, and what it points to, during the
    // call, and both live until then.
    let outcome = unsafe {
        libc::setsockopt(
            socket.as_fd().as_raw_fd(),
            level,
            name,
            std::ptr::from_ref(value).cast(),
            size_of::<T>() as libc::socklen_t,
        )
    };
    Errno::result(outcome).map_err(KernelError::Errno)?;
    Ok(())
}
