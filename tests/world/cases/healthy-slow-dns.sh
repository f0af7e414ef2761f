# kind: healthy
# cause: Masqueraded DNS servers answer, after two seconds.
# traffic: yes
setup() {
    cluster nat
    local r
    for r in rs1 rs2; do
        on $r perl -MSocket -e 'socket S, AF_INET, SOCK_DGRAM, 0; bind S, pack_sockaddr_in(53, INADDR_ANY) or die; while ($f = recv S, $d, 99, 0) { if (!fork) { sleep 2; send S, "$ARGV[0]\n", 0, $f; exit } }' $r >/dev/null 2>&1 &
    done
    rules director "-A -u 2.2.2.25:53 -s rr" "-a -u 2.2.2.25:53 -r 1.1.1.10:53 -m" "-a -u 2.2.2.25:53 -r 1.1.1.20:53 -m"
    bound 53 rs1 rs2
}
traffic() { tries client 2.2.2.25 53 8 3 udp; }
