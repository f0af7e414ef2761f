# kind: broken
# cause: A persistent service of all ports is masqueraded, and nobody listens at the port that its clients want.
# want: port-refused|server-silent
# never: address-|wrong-gateway|answers-elsewhere|neighbour-failed|no-route|duplicate|forwarding-off
# traffic: yes
setup() {
    cluster nat
    ip -n client address add 2.2.2.11/24 dev public
    rules director "-A -t 2.2.2.25:0 -s rr -p 300" "-a -t 2.2.2.25:0 -r 1.1.1.10:0 -m" "-a -t 2.2.2.25:0 -r 1.1.1.20:0 -m"
}
# Two clients, one for each server.
traffic() {
    local a b
    a=$(tries client 2.2.2.25 443 4 1 tcp 2.2.2.10); b=$(tries client 2.2.2.25 443 4 1 tcp 2.2.2.11)
    echo $((${a%/*} + ${b%/*}))/8
}
repair() { serve rs1 http:443; serve rs2 http:443; }
