# kind: broken
# cause: The program of the masqueraded servers hangs: nobody takes connections out of its queue, which is full.
# want: server-silent|answers-elsewhere|handshake-stuck|port-silent
# never: address-|no-route|neighbour-failed|duplicate
# traffic: yes
setup() {
    cluster nat
    for r in 1 2; do on rs$r perl -MIO::Socket::INET -e 'my $s = IO::Socket::INET->new(LocalPort => 8080, Listen => 1, ReuseAddr => 1) or die; my @c = map { IO::Socket::INET->new(PeerAddr => "127.0.0.1:8080", Blocking => 0) } 1 .. 4; sleep 99' >/dev/null 2>&1 & done
    sleep 1
    service director 2.2.2.25:80 -m 1.1.1.10:8080 1.1.1.20:8080
}
traffic() { knocks client 2.2.2.25 80; }
