# kind: broken
# cause: The service is at 127.0.0.1, for programs on the director; what comes from that address does not go out to a server elsewhere.
# want: client-on-director|handshake-stuck|not-forwarded|loopback-masqueraded
# never: address-|port-|neighbour-failed|wrong-gateway|duplicate|no-route|answers-elsewhere|server-silent|forwarding-off
# traffic: yes
setup() { cluster nat; service director 127.0.0.1:8080 -m 1.1.1.10:80 1.1.1.20:80; }
traffic() { knocks director 127.0.0.1 8080; }
