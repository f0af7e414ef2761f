# kind: healthy
# cause: A masqueraded DNS server was drained, and is off; the kernel remembers the questions that it has answered, each from a port that nobody asks from again.
# traffic: yes
setup() {
    cluster nat
    answering rs1 udp:53; answering rs2 udp:53
    rules director "-A -u 2.2.2.25:53 -s rr" "-a -u 2.2.2.25:53 -r 1.1.1.10:53 -m" "-a -u 2.2.2.25:53 -r 1.1.1.20:53 -m"
    tries client 2.2.2.25 53 12 2 udp
    D -e -u 2.2.2.25:53 -r 1.1.1.10:53 -m -w 0
    sleep 8
    ip -n rs1 link set inner down
}
traffic() { tries client 2.2.2.25 53 8 2 udp; }
