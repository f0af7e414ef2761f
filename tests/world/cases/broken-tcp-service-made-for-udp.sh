# kind: broken
# cause: The service was made for UDP and clients ask by TCP.
# want: note: nothing-arrives
# never: port-|neighbour-failed|wrong-gateway|no-route|address-|answers-elsewhere|server-silent
# traffic: yes
setup() {
    cluster nat
    answering rs1 udp:53 line:53; answering rs2 udp:53 line:53
    rules director "-A -u 2.2.2.25:53 -s rr" "-a -u 2.2.2.25:53 -r 1.1.1.10:53 -m" "-a -u 2.2.2.25:53 -r 1.1.1.20:53 -m"
}
traffic() { tries client 2.2.2.25 53 6 1; }
