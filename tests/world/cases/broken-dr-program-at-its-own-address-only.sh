# kind: broken
# cause: With direct routing, the servers' program listens at the servers' own addresses and not at the service's.
# want: port-refused
# never: address-missing|port-silent|neighbour-failed|wrong-gateway|duplicate-address|no-route
# traffic: yes
setup() {
    remote_dr
    for r in 1 2; do on rs$r perl -MIO::Socket::INET -e 'my $s = IO::Socket::INET->new(LocalAddr => $ARGV[0], LocalPort => 8080, Listen => 5, ReuseAddr => 1) or die; 1 while $s->accept' 1.1.1.${r}0 >/dev/null 2>&1 & done
    service director 1.1.1.254:8080 -g 1.1.1.10 1.1.1.20
}
traffic() { tries client 1.1.1.254 8080 12 2.3; }
