# kind: broken
# cause: DNS is routed directly, and the servers' gateway to the clients is gone.
# want: note:wrong-gateway|answers-unseen
# never: address-|port-|neighbour-failed|duplicate|no-route
# traffic: yes
setup() {
    remote_dr
    answering rs1 udp:53; answering rs2 udp:53
    local r
    for r in rs1 rs2; do ip -n $r route replace default via 1.1.1.77; done
    rules director "-A -u 1.1.1.254:53 -s rr" "-a -u 1.1.1.254:53 -r 1.1.1.10 -g" "-a -u 1.1.1.254:53 -r 1.1.1.20 -g"
}
traffic() { tries client 1.1.1.254 53 12 1.5 udp; }
repair() { local r; for r in rs1 rs2; do ip -n $r route replace default via 1.1.1.1; done; }
