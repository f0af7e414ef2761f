# kind: healthy
# cause: Clients are beside the masqueraded servers, and the director translates their source.
# traffic: yes
# needs: iptable_nat
setup() {
    modprobe iptable_nat
    cluster nat
    put director vs/conntrack=1
    ipt director -t nat -A POSTROUTING -s 1.1.1.0/24 -d 1.1.1.0/24 -j MASQUERADE
    nat_service
}
traffic() { local a b; a=$(tries rs1 2.2.2.25 80 6); b=$(tries client 2.2.2.25 80 6); echo $((${a%/*} + ${b%/*}))/12; }
