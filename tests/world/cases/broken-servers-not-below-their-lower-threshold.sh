# kind: broken
# cause: Both servers were at their upper threshold, and are not below three quarters of it yet: they get no connections.
# want: maybe-full|no-server
# never: address-|port-|neighbour-failed|handshake-stuck|client-unheard|not-forwarded
# traffic: yes
setup() {
    local i
    cluster dr
    D --set 900 3 300 # connections that are closed are soon forgotten
    rules director "-A -t 1.1.1.254:22 -s rr" "-a -t 1.1.1.254:22 -r 1.1.1.10 -g -x 8" "-a -t 1.1.1.254:22 -r 1.1.1.20 -g -x 8"
    mkfifo "$T/go"
    on client perl tests/labkit/guest/client.pl --hold tcp 1.1.1.254:22 14 <>"$T/go" >"$T/held" 2>&1 &
    for i in {1..50}; do [[ $(wc -l <"$T/held") -ge 14 ]] && break; sleep .2; done
    # Two more, which go after a while.
    on client perl tests/labkit/guest/client.pl --hold tcp 1.1.1.254:22 2 < <(sleep 3)
    sleep 5
}
traffic() { tries client 1.1.1.254 22 4 1.5; }
repair() { D -e -t 1.1.1.254:22 -r 1.1.1.10 -g -x 0; }
