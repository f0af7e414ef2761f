# kind: healthy
# cause: SCTP, directly routed: one association was opened long ago, and stays open; the peers send heartbeats.
# traffic: yes
setup() {
    local i
    sctp_direct
    mkfifo "$T/go"
    echo 1000 | on client tee /proc/sys/net/sctp/hb_interval >/dev/null
    on client perl tests/labkit/guest/client.pl --hold sctp 1.1.1.254:3868 1 <>"$T/go" >"$T/held" 2>&1 &
    for i in {1..50}; do [[ $(wc -l <"$T/held") -ge 1 ]] && break; sleep .2; done
}
# Each of the calls is answered by whom the association is with.
traffic() {
    local i before after
    before=$(wc -l <"$T/held")
    for i in 1 2 3; do echo >"$T/go"; sleep 1; done
    after=$(wc -l <"$T/held")
    echo "$((after - before))/3"
}
