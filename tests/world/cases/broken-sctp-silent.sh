# kind: broken
# cause: The masqueraded servers of SCTP have another gateway.
# want: wrong-gateway|server-silent|handshake-stuck|answers-elsewhere
# never: neighbour-failed|no-route|duplicate|address-
# traffic: yes
setup() {
    modprobe sctp
    cluster nat
    answering rs1 sctp:3868
    answering rs2 sctp:3868
    for r in 1 2; do ip -n rs$r route replace default via 1.1.1.99; done
    rules director "-A --sctp-service 2.2.2.25:3868 -s rr" "-a --sctp-service 2.2.2.25:3868 -r 1.1.1.10:3868 -m" "-a --sctp-service 2.2.2.25:3868 -r 1.1.1.20:3868 -m"
}
traffic() { tries client 2.2.2.25 3868 24 4 sctp; }
