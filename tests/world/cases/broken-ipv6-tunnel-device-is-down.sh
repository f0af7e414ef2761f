# kind: broken
# cause: The IPv6 tunnel's device is down at the servers.
# want: tunnel-refused|tunnel-silent|client-unheard|handshake-stuck|icmp-error
# never: address-|neighbour-failed|wrong-gateway|duplicate|no-route|port-
# traffic: yes
setup() {
    cluster tun
    ip -n rs1 link set ip6tnl1 down; ip -n rs2 link set ip6tnl1 down
    service director '[2001:db8:1::254]:80' -i '[2001:db8:1::10]:80' '[2001:db8:1::20]:80'
}
traffic() { knocks client 2001:db8:1::254 80; }
repair() { ip -n rs1 link set ip6tnl1 up; ip -n rs2 link set ip6tnl1 up; }
