# kind: healthy
# cause: Both servers have more than three quarters of their upper threshold's connections, and never had more; everybody is served.
# traffic: yes
setup() {
    local i
    cluster dr
    rules director "-A -t 1.1.1.254:22 -s rr" "-a -t 1.1.1.254:22 -r 1.1.1.10 -g -x 24" "-a -t 1.1.1.254:22 -r 1.1.1.20 -g -x 24"
    mkfifo "$T/go"
    on client perl tests/labkit/guest/client.pl --hold tcp 1.1.1.254:22 38 <>"$T/go" >"$T/held" 2>&1 &
    for i in {1..50}; do [[ $(wc -l <"$T/held") -ge 38 ]] && break; sleep .2; done
}
# Closed connections count, too, as long as they are remembered.
traffic() { tries client 1.1.1.254 22 2; }
