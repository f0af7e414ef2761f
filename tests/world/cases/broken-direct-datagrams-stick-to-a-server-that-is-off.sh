# kind: broken
# cause: A directly routed server was drained and went off; clients that send from the ports that they have always had are sent there still.
# want: note:neighbour-failed|not-forwarded
# never: address-|port-|wrong-gateway|duplicate|no-route|forwarding-off
# traffic: yes
setup() {
    dns_at_the_address
    rules director "-A -u 1.1.1.254:53 -s rr" "-a -u 1.1.1.254:53 -r 1.1.1.10 -g"
    asks 1.1.1.254 >/dev/null
    rules director "-e -u 1.1.1.254:53 -r 1.1.1.10 -g -w 0" "-a -u 1.1.1.254:53 -r 1.1.1.20 -g"
    ip -n rs1 link set net down
}
traffic() { asks 1.1.1.254; }
repair() { ip -n rs1 link set net up; sleep 1; }
