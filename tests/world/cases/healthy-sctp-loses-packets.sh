# kind: healthy
# cause: SCTP, directly routed; the first answers are lost, and the clients are answered when they repeat themselves.
# traffic: yes
setup() { sctp_direct; }
# For a second, what servers send is lost.
traffic() {
    local r
    for r in rs1 rs2; do
        on $r tc qdisc add dev net clsact
        on $r tc filter add dev net egress protocol ip flower dst_ip 1.1.1.100 action drop
    done
    { sleep 1; for r in rs1 rs2; do on $r tc qdisc del dev net clsact; done; } &
    tries client 1.1.1.254 3868 8 6 sctp
    wait $!
}
