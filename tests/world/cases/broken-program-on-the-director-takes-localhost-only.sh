# kind: broken
# cause: The director is its own server, and its program listens at 127.0.0.1 alone.
# want: nobody-listens|port-refused
# never: address-|neighbour-failed|wrong-gateway|duplicate|no-route
# traffic: yes
setup() {
    cluster nat
    on director perl -MSocket -e 'socket S, AF_INET, SOCK_STREAM, 0; bind S, pack_sockaddr_in(8080, inet_aton("127.0.0.1")) or die; listen S, 9; sleep 1 while 1' >/dev/null 2>&1 &
    sleep 0.3
    service director 2.2.2.25:80 -m 2.2.2.25:8080
}
traffic() { knocks client 2.2.2.25 80; }
