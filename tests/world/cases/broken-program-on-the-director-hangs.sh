# kind: broken
# cause: The director is its own server, and the program there takes no more connections.
# want: server-silent|handshake-stuck|not-forwarded|port-silent
# never: address-|neighbour-failed|duplicate|no-route|nobody-listens|dropped-before|forwarding-off
# traffic: yes
setup() {
    cluster nat
    on director perl -MSocket -e 'socket S, AF_INET, SOCK_STREAM, 0; bind S, pack_sockaddr_in(8080, INADDR_ANY) or die; listen S, 0; sleep 1 while 1' >/dev/null 2>&1 &
    sleep 0.5
    service director 2.2.2.25:80 -m 2.2.2.25:8080
    tries client 2.2.2.25 80 4 1 >/dev/null
}
traffic() { knocks client 2.2.2.25 80; }
