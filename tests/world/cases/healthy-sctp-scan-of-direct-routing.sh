# kind: healthy
# cause: Somebody scans directly routed servers of SCTP from an address that answers nobody; clients are answered.
# traffic: yes
setup() {
    modprobe sctp
    cluster dr
    answering rs1 sctp:3868
    answering rs2 sctp:3868
    ip -n client address add 1.1.1.111/32 dev net
    on client tc qdisc add dev net ingress
    on client tc filter add dev net ingress protocol ip flower dst_ip 1.1.1.111 action drop
    rules director "-A --sctp-service 1.1.1.254:3868 -s rr" "-a --sctp-service 1.1.1.254:3868 -r 1.1.1.10 -g" "-a --sctp-service 1.1.1.254:3868 -r 1.1.1.20 -g"
}
traffic() {
    tries client 1.1.1.254 3868 12 .5 sctp 1.1.1.111 >/dev/null
    tries client 1.1.1.254 3868 8 3 sctp
}
