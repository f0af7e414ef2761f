# kind: broken
# cause: With masquerading, nobody listens at the servers' UDP port.
# want: port-refused|nobody-listens|server-silent
# never: wrong-gateway|address-missing|neighbour-failed|port-silent
# traffic: yes
setup() {
    cluster nat
    rules director "-A -u 2.2.2.25:53 -s rr" "-a -u 2.2.2.25:53 -r 1.1.1.10:53 -m" "-a -u 2.2.2.25:53 -r 1.1.1.20:53 -m"
}
traffic() { tries client 2.2.2.25 53 6 1 udp; }
