# kind: healthy
# cause: Directly routed DNS servers drop all but datagrams to the service's port at its address.
# traffic: yes
# needs: iptable_filter
setup() {
    cluster dr
    local r
    for r in rs1 rs2; do
        on $r perl -MSocket -e 'socket S, AF_INET, SOCK_DGRAM, 0; bind S, pack_sockaddr_in(5353, inet_aton("1.1.1.254")) or die; while ($f = recv S, $d, 99, 0) { send S, "$ARGV[0]\n", 0, $f }' $r >/dev/null 2>&1 &
        ipt $r -A INPUT -p udp -d 1.1.1.254 --dport 5353 -j ACCEPT; ipt $r -A INPUT -d 1.1.1.254 -j DROP
    done
    rules director "-A -u 1.1.1.254:5353 -s rr" "-a -u 1.1.1.254:5353 -r 1.1.1.10 -g" "-a -u 1.1.1.254:5353 -r 1.1.1.20 -g"
    bound 5353 rs1 rs2
}
traffic() { tries client 1.1.1.254 5353 8 2 udp; }
