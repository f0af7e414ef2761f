# kind: healthy
# cause: Datagrams of logs, which nobody answers; the director gives them a source of its own, at ports by chance.
# traffic: yes
# needs: iptable_nat
setup() {
    cluster nat
    local r
    for r in rs1 rs2; do
        on $r perl -MSocket -e 'socket S, AF_INET, SOCK_DGRAM, 0; bind S, pack_sockaddr_in(514, INADDR_ANY) or die; $| = 1; while (1) { recv S, $d, 99, 0; print "got\n" }' >>"$T/got" 2>/dev/null &
    done
    put director vs/conntrack=1
    ipt director -t nat -A POSTROUTING -d 1.1.1.0/24 -j MASQUERADE --random-fully
    rules director "-A -u 2.2.2.25:514 -s rr" "-a -u 2.2.2.25:514 -r 1.1.1.10:514 -m" "-a -u 2.2.2.25:514 -r 1.1.1.20:514 -m"
    bound 514 rs1 rs2
}
traffic() { : >"$T/got"; tries client 2.2.2.25 514 6 1 udp >/dev/null; echo "$(grep -c got "$T/got")/6"; }
