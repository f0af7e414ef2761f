# kind: broken
# cause: One server has banned one of the two clients, and answers the other.
# want: server-silent|answers-elsewhere|handshake-stuck|client-unheard
# never: address-|port-|neighbour-failed|wrong-gateway|duplicate|no-route|forwarding-off
# traffic: yes
setup() {
    cluster nat; nat_service
    ip -n client addr add 2.2.2.11/24 dev public
    on rs2 tc qdisc add dev inner ingress
    on rs2 tc filter add dev inner ingress protocol ip flower ip_proto tcp src_ip 2.2.2.11 action drop
}
traffic() {
    local a b
    tries client 2.2.2.25 80 8 2.3 tcp 2.2.2.10 >"$T/a" &
    b=$(tries client 2.2.2.25 80 8 2.3 tcp 2.2.2.11); wait $!
    a=$(cat "$T/a")
    echo $((${a%/*} + ${b%/*}))/16
}
repair() { on rs2 tc qdisc del dev inner ingress; }
