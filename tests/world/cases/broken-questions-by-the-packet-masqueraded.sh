# kind: broken
# cause: A service of questions and answers, at a port of its own, is masqueraded with one-packet scheduling: the answers leave with the servers' addresses.
# want: note:ops-masquerading
# never: address-|port-|neighbour-failed|duplicate|no-route|forwarding-off|wrong-gateway
# traffic: yes
setup() {
    cluster nat
    answering rs1 udp:5300; answering rs2 udp:5300
    rules director "-A -u 2.2.2.25:5300 -s rr -o" "-a -u 2.2.2.25:5300 -r 1.1.1.10 -m" "-a -u 2.2.2.25:5300 -r 1.1.1.20 -m"
}
traffic() { tries client 2.2.2.25 5300 8 1.5 udp; }
repair() { D -E -u 2.2.2.25:5300 -s rr; }
