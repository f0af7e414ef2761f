# kind: broken
# cause: A server was removed; the datagrams of clients that send from the ports that they have always had are dropped, as long as the kernel remembers them.
# want: note:stale-connections|not-forwarded
# never: address-|port-|wrong-gateway|duplicate|no-route|forwarding-off|neighbour-failed|server-silent|dropped-before-ipvs
# traffic: yes
setup() {
    cluster nat
    answering rs1 udp:53; answering rs2 udp:53
    rules director "-A -u 2.2.2.25:53 -s rr" "-a -u 2.2.2.25:53 -r 1.1.1.10:53 -m"
    asks 2.2.2.25 >/dev/null
    rules director "-a -u 2.2.2.25:53 -r 1.1.1.20:53 -m" "-d -u 2.2.2.25:53 -r 1.1.1.10:53"
}
traffic() { asks 2.2.2.25; }
repair() { put director vs/expire_nodest_conn=1; asks 2.2.2.25 >/dev/null; }
