# kind: broken
# cause: A server went off and was given weight 0; clients that send from the ports that they have always had are sent there still.
# want: note:neighbour-failed|not-forwarded|answers-elsewhere|icmp-error|server-silent
# never: address-|port-|wrong-gateway|duplicate|no-route|forwarding-off
# traffic: yes
setup() {
    cluster nat
    answering rs1 udp:53; answering rs2 udp:53
    rules director "-A -u 2.2.2.25:53 -s rr" "-a -u 2.2.2.25:53 -r 1.1.1.10:53 -m"
    asks 2.2.2.25 >/dev/null
    rules director "-e -u 2.2.2.25:53 -r 1.1.1.10:53 -m -w 0" "-a -u 2.2.2.25:53 -r 1.1.1.20:53 -m"
    ip -n rs1 link set inner down
}
traffic() { asks 2.2.2.25; }
repair() { ip -n rs1 link set inner up; }
