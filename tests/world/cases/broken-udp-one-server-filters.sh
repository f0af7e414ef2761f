# kind: broken
# cause: One of two masqueraded DNS servers drops all questions.
# want: server-silent|answers-elsewhere|port-silent
# never: address-|port-refused|neighbour-failed|duplicate|no-route
# traffic: yes
setup() {
    cluster nat
    answering rs1 udp:53; answering rs2 udp:53
    on rs2 tc qdisc add dev inner ingress
    on rs2 tc filter add dev inner ingress protocol ip flower ip_proto udp action drop
    rules director "-A -u 2.2.2.25:53 -s rr" "-a -u 2.2.2.25:53 -r 1.1.1.10:53 -m" "-a -u 2.2.2.25:53 -r 1.1.1.20:53 -m"
}
traffic() { tries client 2.2.2.25 53 12 1.5 udp; }
repair() { on rs2 tc qdisc del dev inner ingress; }
