# kind: healthy
# cause: The servers' gateway is an address of its own, which VRRP keeps on the director beside its first, as it does the service's.
# traffic: yes
setup() {
    cluster nat
    ip -n director addr add 1.1.1.1/32 dev inner; ip -n director addr add 2.2.2.100/32 dev public
    ip -n rs1 route replace default via 1.1.1.1; ip -n rs2 route replace default via 1.1.1.1
    service director 2.2.2.100:80 -m 1.1.1.10:80 1.1.1.20:80
}
traffic() { tries client 2.2.2.100 80; }
