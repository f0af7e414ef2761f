//! The system's name services: hosts, ports, and the texts of errno.
//!
//! Asks the C library, so that `/etc/hosts`, `/etc/services`, the resolver and whatever `/etc/nsswitch.conf` names are
//! heard, the same as for the reference. One of the few files that hold `unsafe`, for that interface is C. It knows
//! neither options nor listings.

use std::ffi::{CStr, CString, c_char, c_int};
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};

use nix::errno::Errno;
use nix::sys::socket::{SockaddrLike, SockaddrStorage};

use crate::model::Protocol;

/// The address of a host: its first IPv4 address, or where it has none its first IPv6 address. `None` where the name
/// does not resolve or cannot be a name: an address with colons is none, though the resolver would read it.
pub fn host_address(name: &[u8]) -> Option<IpAddr> {
    let name = std::str::from_utf8(name)
        .ok()
        .filter(|name| !name.is_empty() && !name.contains(['\0', ':']))?;
    let addresses: Vec<IpAddr> = (name, 0)
        .to_socket_addrs()
        .ok()?
        .map(|address| address.ip())
        .collect();
    addresses
        .iter()
        .find(|address| address.is_ipv4())
        .or(addresses.first())
        .copied()
}

/// The port, host byte order, of a service name of a protocol.
pub fn service_port(name: &[u8], protocol: Protocol) -> Option<u16> {
    let name = CString::new(name).ok()?;
    let protocol = CString::new(protocol.name()).ok()?;
    // SAFETY: both strings end in NUL and outlive the call; the entry it returns is read before any other call can
    // overwrite it, for the program has one thread.
    unsafe {
        let entry = libc::getservbyname(name.as_ptr(), protocol.as_ptr());
        // The low 16 bits of s_port hold the port in network byte order.
        (!entry.is_null()).then(|| u16::from_be((*entry).s_port as u16))
    }
}

/// The name of a service at a port (host byte order).
pub fn service_name(port: u16, protocol: Protocol) -> Option<Vec<u8>> {
    let protocol = CString::new(protocol.name()).ok()?;
    // SAFETY: as above; `s_name` is a NUL-terminated string of the entry, copied at once.
    unsafe {
        let entry = libc::getservbyport(c_int::from(port.to_be()), protocol.as_ptr());
        (!entry.is_null()).then(|| CStr::from_ptr((*entry).s_name).to_bytes().to_vec())
    }
}

/// The name of the host at an address.
pub fn host_name(address: IpAddr) -> Option<Vec<u8>> {
    let address = SockaddrStorage::from(SocketAddr::new(address, 0));
    let mut name = [0 as c_char; libc::NI_MAXHOST as usize];
    // SAFETY: the address is valid for its length, the buffer for its own; on success it holds a NUL-terminated name.
    unsafe {
        let status = libc::getnameinfo(
            address.as_ptr(),
            address.len(),
            name.as_mut_ptr(),
            libc::NI_MAXHOST,
            std::ptr::null_mut(),
            0,
            libc::NI_NAMEREQD,
        );
        (status == 0).then(|| CStr::from_ptr(name.as_ptr()).to_bytes().to_vec())
    }
}

/// The C library's text for an errno, the one that the reference prints.
pub fn errno_text(errno: Errno) -> String {
    // SAFETY: strerror returns a NUL-terminated string that is copied before any other call; the program has one thread.
    unsafe {
        CStr::from_ptr(libc::strerror(errno as c_int))
            .to_string_lossy()
            .into_owned()
    }
}
