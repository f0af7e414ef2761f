# kind: broken
# cause: Of three services at one address, one's servers have no program; the others answer.
# want: port-refused
# never: address-|neighbour-failed|wrong-gateway|duplicate|no-route|port-silent
# traffic: yes
setup() {
    cluster nat; nat_service
    service director 2.2.2.25:22 -m 1.1.1.10:22 1.1.1.20:22
    service director 2.2.2.25:443 -m 1.1.1.10:443 1.1.1.20:443
}
traffic() { local a b c; a=$(tries client 2.2.2.25 80 4); b=$(tries client 2.2.2.25 443 4); c=$(tries client 2.2.2.25 22 4); echo $((${a%/*} + ${b%/*} + ${c%/*}))/12; }
repair() { answering rs1 http:443; answering rs2 http:443; }
