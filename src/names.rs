//! The system's name services: hosts and ports.
//!
//! Asks the C library, so that `/etc/hosts`, `/etc/services`, the resolver and whatever
//! `/etc/nsswitch.conf` names are heard, the same as for the reference. One of the few files that
//! hold `unsafe`, for that interface is C. It knows neither options nor listings.
//!
//! It is decided here what is a name, where glibc and musl differ. What musl cannot do stays so:
//!
//! - It does not read `/etc/nsswitch.conf`.
//! - It knows no names of SCTP's ports, and none of a port that has more than 15 characters.
//! - It takes the names in `/etc/hosts` as they are spelled there.
//! - It does not read an IPv6 address there as the IPv4 one that it stands for.
//! - For an address of that kind, it has the IPv4 one's name.
//! - It cannot list the services.
//!
//! Most of it is held by `tests/parity/c_library.script`.

use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::net::IpAddr;

use crate::model::{AddressFamily, Protocol};

// SAFETY: declared as the C library declares them, in netdb.h; the crate `libc` leaves them out.
unsafe extern "C" {
    fn gethostbyname2(name: *const c_char, family: c_int) -> *mut libc::hostent;
    fn gethostbyaddr(
        address: *const c_void,
        length: libc::socklen_t,
        family: c_int,
    ) -> *mut libc::hostent;
}

/// Returns the first address that a host has in a family. `None` where it has none, or where the
/// name cannot be one: an address with colons is none, though the resolver would read it; nor is
/// what looks like an IPv4 address, though `/etc/hosts` may name a host so.
pub fn host_address(name: &[u8], family: AddressFamily) -> Option<IpAddr> {
    if name.is_empty() || name.contains(&b':') || is_like_ipv4(name) {
        return None;
    }
    let name = CString::new(name).ok()?;
    match family {
        AddressFamily::Ipv4 => {
            first_address(&name, libc::AF_INET).map(|octets: [u8; 4]| octets.into())
        }
        AddressFamily::Ipv6 => {
            first_address(&name, libc::AF_INET6).map(|octets: [u8; 16]| octets.into())
        }
    }
}

/// Returns true if a name has only digits and dots, and no dot at its end.
fn is_like_ipv4(name: &[u8]) -> bool {
    let is_numeric = |byte: &u8| byte.is_ascii_digit() || *byte == b'.';
    name.iter().all(is_numeric) && !name.ends_with(b".")
}

/// Returns the first address of a host in a family of addresses of `N` bytes.
///
/// The newer getaddrinfo would give another one: it sorts the addresses of a host by how near they
/// are, where this and the reference keep the order of the name services; and this reads `::1` in
/// `/etc/hosts` as 127.0.0.1, and a mapped address as what it maps, where an IPv4 address is
/// wanted.
fn first_address<const N: usize>(name: &CStr, family: c_int) -> Option<[u8; N]> {
    // SAFETY: the name ends in NUL and outlives the call. The entry it returns is read before any
    // other call can overwrite it, for the program has one thread; its list of addresses ends in a
    // null pointer, and each holds `h_length` bytes.
    unsafe {
        let entry = gethostbyname2(name.as_ptr(), family).as_ref()?;
        if usize::try_from(entry.h_length) != Ok(N) {
            return None;
        }
        let first = *entry.h_addr_list.as_ref()?;
        first.cast::<[u8; N]>().as_ref().copied()
    }
}

/// Returns the port, host byte order, of a service name of a protocol. No name has a slash or a
/// blank, which musl would find in the lines of `/etc/services`.
pub fn service_port(name: &[u8], protocol: Protocol) -> Option<u16> {
    if name
        .iter()
        .any(|byte| *byte == b'/' || byte.is_ascii_whitespace())
    {
        return None;
    }
    let name = CString::new(name).ok()?;
    let protocol = CString::new(protocol.name()).ok()?;
    // SAFETY: both strings end in NUL and outlive the call; the entry it returns is read before any
    // other call can overwrite it, for the program has one thread.
    unsafe {
        let entry = libc::getservbyname(name.as_ptr(), protocol.as_ptr());
        // The low 16 bits of s_port hold the port in network byte order.
        (!entry.is_null()).then(|| u16::from_be((*entry).s_port as u16))
    }
}

/// Returns the names of all services of a protocol that the databases list.
pub fn service_names(protocol: Protocol) -> Vec<Vec<u8>> {
    let mut names = Vec::new();
    // SAFETY: each entry is read before the next call can overwrite it, for the program has one
    // thread; both of its names are NUL-terminated strings.
    unsafe {
        libc::setservent(1);
        while let Some(entry) = libc::getservent().as_ref() {
            if CStr::from_ptr(entry.s_proto).to_bytes() == protocol.name().as_bytes() {
                names.push(CStr::from_ptr(entry.s_name).to_bytes().to_vec());
            }
        }
    }
    names
}

/// Returns the name of a service at a port (host byte order).
pub fn service_name(port: u16, protocol: Protocol) -> Option<Vec<u8>> {
    let protocol = CString::new(protocol.name()).ok()?;
    // SAFETY: as above; `s_name` is a NUL-terminated string of the entry, copied at once.
    unsafe {
        let entry = libc::getservbyport(c_int::from(port.to_be()), protocol.as_ptr());
        (!entry.is_null()).then(|| CStr::from_ptr((*entry).s_name).to_bytes().to_vec())
    }
}

/// Returns the name of the host at an address. musl gives the address itself, as text, where there
/// is none.
pub fn host_name(address: IpAddr) -> Option<Vec<u8>> {
    let name = match address {
        IpAddr::V4(address) => name_at(&address.octets(), libc::AF_INET),
        IpAddr::V6(address) => name_at(&address.octets(), libc::AF_INET6),
    };
    let read = |name: &[u8]| std::str::from_utf8(name).ok()?.parse().ok();
    name.filter(|name| read(name) != Some(address))
}

/// Returns the name of the host at an address of a family, network byte order.
fn name_at<const N: usize>(address: &[u8; N], family: c_int) -> Option<Vec<u8>> {
    // SAFETY: the address is valid for the length it is given with. As above, the entry is read
    // before any other call; `h_name` is a NUL-terminated string of it, copied at once.
    unsafe {
        let entry =
            gethostbyaddr(address.as_ptr().cast(), N as libc::socklen_t, family).as_ref()?;
        Some(CStr::from_ptr(entry.h_name).to_bytes().to_vec())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Held by any C library, whatever its files say.
    #[test]
    fn what_cannot_be_a_name_is_not_asked_for() {
        for name in ["", "256.1.1.1", "1.2.3.4.5", "::1", "nul\0"] {
            for family in [AddressFamily::Ipv4, AddressFamily::Ipv6] {
                assert_eq!(host_address(name.as_bytes(), family), None, "{name:?}");
            }
        }
        for name in ["", " ", "80/tcp", "http ", "tcp\t"] {
            assert_eq!(
                service_port(name.as_bytes(), Protocol::Tcp),
                None,
                "{name:?}"
            );
        }
    }
}
