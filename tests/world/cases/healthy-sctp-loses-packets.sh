# kind: healthy
# cause: SCTP, directly routed; the first answers are lost, and the clients are answered when they repeat themselves.
# traffic: yes
setup() {
    modprobe sctp
    cluster dr
    answering rs1 sctp:3868
    answering rs2 sctp:3868
    rules director "-A --sctp-service 1.1.1.254:3868 -s rr" "-a --sctp-service 1.1.1.254:3868 -r 1.1.1.10 -g" "-a --sctp-service 1.1.1.254:3868 -r 1.1.1.20 -g"
}
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
