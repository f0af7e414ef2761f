# kind: broken
# cause: Nobody listens at the servers' SCTP port.
# want: port-refused|server-silent|handshake-stuck|answers-elsewhere
# never: neighbour-failed|no-route|duplicate|address-
# traffic: yes
setup() {
    modprobe sctp
    cluster nat
    rules director "-A --sctp-service 2.2.2.25:3868 -s rr" "-a --sctp-service 2.2.2.25:3868 -r 1.1.1.10:3868 -m" "-a --sctp-service 2.2.2.25:3868 -r 1.1.1.20:3868 -m"
}
traffic() { tries client 2.2.2.25 3868 12 2 sctp; }
