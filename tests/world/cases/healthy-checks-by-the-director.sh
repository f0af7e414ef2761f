# kind: healthy
# cause: The director asks the directly routed servers themselves, twice a second, and there is one client now and then.
# traffic: yes
setup() {
    cluster dr; dr_service
    on director perl -MIO::Socket::INET -MTime::HiRes=sleep -e 'while (1) { IO::Socket::INET->new(PeerAddr => "1.1.1.$_", PeerPort => 80, Timeout => 1) for 10, 20; sleep .5 }' >/dev/null 2>&1 &
}
traffic() { local a b; a=$(tries client 1.1.1.254 80 1); sleep 2; b=$(tries client 1.1.1.254 80 1); echo $((${a%/*} + ${b%/*}))/2; }
