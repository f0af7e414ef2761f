# kind: broken
# cause: The servers of SCTP behind tunnels do not have the service's address.
# want: address-missing|client-unheard|handshake-stuck
# never: neighbour-failed|no-route|duplicate|wrong-gateway|port-
# traffic: yes
setup() {
    modprobe sctp
    cluster tun
    local r
    for r in rs1 rs2; do answering $r sctp:3868; ip -n $r addr del 1.1.1.254/32 dev lo; done
    rules director "-A --sctp-service 1.1.1.254:3868 -s rr" "-a --sctp-service 1.1.1.254:3868 -r 1.1.1.10 -i" "-a --sctp-service 1.1.1.254:3868 -r 1.1.1.20 -i"
}
traffic() { tries client 1.1.1.254 3868 12 4 sctp; }
repair() { local r; for r in rs1 rs2; do ip -n $r addr add 1.1.1.254/32 dev lo; done; }
