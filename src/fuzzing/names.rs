//! Stands in for the name services, which a fuzzer must not flood with questions: one host and one
//! port have a name, and nothing else has.

#![forbid(unsafe_code)]

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::model::{AddressFamily, Protocol};

const HOST: &[u8] = b"web";
const HOST_IPV4: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 7));
const HOST_IPV6: IpAddr = IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 7));
const PORT: u16 = 80;
const PORT_NAME: &[u8] = b"http";

pub fn host_address(name: &[u8], family: AddressFamily) -> Option<IpAddr> {
    (name == HOST).then_some(match family {
        AddressFamily::Ipv4 => HOST_IPV4,
        AddressFamily::Ipv6 => HOST_IPV6,
    })
}

pub fn host_name(address: IpAddr) -> Option<Vec<u8>> {
    (address == HOST_IPV4 || address == HOST_IPV6).then(|| HOST.to_vec())
}

pub fn service_port(name: &[u8], protocol: Protocol) -> Option<u16> {
    (name == PORT_NAME && protocol == Protocol::Tcp).then_some(PORT)
}

pub fn service_name(port: u16, protocol: Protocol) -> Option<Vec<u8>> {
    (port == PORT && protocol == Protocol::Tcp).then(|| PORT_NAME.to_vec())
}

pub fn service_names(protocol: Protocol) -> Vec<Vec<u8>> {
    service_name(PORT, protocol).into_iter().collect()
}
