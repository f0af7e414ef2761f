# kind: broken
# cause: One of two directly routed servers of SCTP does not have the service's address.
# want: address-missing|client-unheard|handshake-stuck
# never: neighbour-failed|no-route|duplicate|wrong-gateway|port-
# traffic: yes
setup() {
    modprobe sctp
    cluster dr
    answering rs1 sctp:3868
    answering rs2 sctp:3868
    ip -n rs2 addr del 1.1.1.254/32 dev lo
    rules director "-A --sctp-service 1.1.1.254:3868 -s rr" "-a --sctp-service 1.1.1.254:3868 -r 1.1.1.10 -g" "-a --sctp-service 1.1.1.254:3868 -r 1.1.1.20 -g"
}
traffic() { tries client 1.1.1.254 3868 16 4 sctp; }
repair() { ip -n rs2 addr add 1.1.1.254/32 dev lo; }
