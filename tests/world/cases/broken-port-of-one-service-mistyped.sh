# kind: broken
# cause: Two services share their servers at different ports; the port of one is mistyped, and nobody listens there.
# want: port-refused
# never: address-|port-silent|neighbour-failed|wrong-gateway|no-route
# traffic: yes
setup() {
    cluster nat
    answering rs1 http:8443; answering rs2 http:8443
    nat_service
    service director 2.2.2.25:443 -m 1.1.1.10:8444 1.1.1.20:8444
}
traffic() { local a b; a=$(tries client 2.2.2.25 80 6); b=$(tries client 2.2.2.25 443 6); echo $((${a%/*} + ${b%/*}))/12; }
