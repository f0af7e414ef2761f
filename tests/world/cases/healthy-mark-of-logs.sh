# kind: healthy
# cause: A mark of logs by UDP, masqueraded, which nobody ever answers.
# traffic: yes
# needs: iptable_mangle
setup() {
    cluster nat
    local r
    for r in rs1 rs2; do on $r perl -MSocket -e 'socket S, AF_INET, SOCK_DGRAM, 0; bind S, pack_sockaddr_in(5140, INADDR_ANY) or die; open F, ">>", $ARGV[0]; F->autoflush; while (recv S, $d, 99, 0) { print F "x\n" }' "$T/log" >/dev/null 2>&1 & done
    ipt director -t mangle -A PREROUTING -p udp -d 2.2.2.25 --dport 5140 -j MARK --set-mark 7
    rules director "-A -f 7 -s rr" "-a -f 7 -r 1.1.1.10 -m" "-a -f 7 -r 1.1.1.20 -m"
    bound 5140 rs1 rs2
}
traffic() { : >"$T/log"; tries client 2.2.2.25 5140 40 .5 udp >/dev/null; sleep 1; echo "$(wc -l <"$T/log")/40"; }
