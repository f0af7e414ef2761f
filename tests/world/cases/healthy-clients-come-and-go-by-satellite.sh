# kind: healthy
# cause: Clients whose packets take two seconds come all the time: each repeats its SYN before it hears the answer.
# traffic: yes
# needs: sch_netem
setup() { cluster nat; on client tc qdisc add dev public root netem delay 2s || return; nat_service; }
traffic() {
    local i
    for i in 1 2 3 4 5 6 7 8 9 10 11 12; do
        tries client 2.2.2.25 80 4 9 >"$T/try.$i" &
        sleep .6
    done
    # shellcheck disable=SC2046 # numbers
    wait $(jobs -p | tail -12)
    echo "$(($(cut -d / -f 1 "$T"/try.* | paste -s -d +)))/48"
}
