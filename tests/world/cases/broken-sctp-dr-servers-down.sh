# kind: broken
# cause: Nobody listens at the SCTP port of directly routed servers.
# want: port-refused|client-unheard|handshake-stuck
# never: neighbour-failed|no-route|duplicate|address-|wrong-gateway
# traffic: yes
setup() {
    modprobe sctp
    cluster dr
    rules director "-A --sctp-service 1.1.1.254:3868 -s rr" "-a --sctp-service 1.1.1.254:3868 -r 1.1.1.10 -g" "-a --sctp-service 1.1.1.254:3868 -r 1.1.1.20 -g"
}
traffic() { tries client 1.1.1.254 3868 12 2 sctp; }
repair() { answering rs1 sctp:3868; answering rs2 sctp:3868; }
