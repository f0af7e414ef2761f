# kind: healthy
# cause: A directly routed DNS server was drained, and is off; the kernel remembers the questions that it has answered, each from a port that nobody asks from again.
# traffic: yes
setup() {
    dns_at_the_address
    rules director "-A -u 1.1.1.254:53 -s rr" "-a -u 1.1.1.254:53 -r 1.1.1.10 -g" "-a -u 1.1.1.254:53 -r 1.1.1.20 -g"
    tries client 1.1.1.254 53 12 2 udp
    D -e -u 1.1.1.254:53 -r 1.1.1.10 -g -w 0
    sleep 8
    ip -n rs1 link set net down
}
traffic() { tries client 1.1.1.254 53 8 2 udp; }
