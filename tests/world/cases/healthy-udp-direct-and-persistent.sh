# kind: healthy
# cause: Datagrams of persistent clients, directly routed; the answers go past the director, from the service's address.
# traffic: yes
setup() {
    cluster dr
    local r
    for r in rs1 rs2; do
        on $r perl -MSocket -e 'socket S, AF_INET, SOCK_DGRAM, 0; bind S, pack_sockaddr_in(443, inet_aton("1.1.1.254")) or die; while ($f = recv S, $d, 99, 0) { send S, "$ARGV[0]\n", 0, $f }' $r >/dev/null 2>&1 &
    done
    rules director "-A -u 1.1.1.254:443 -s sh -p 60" "-a -u 1.1.1.254:443 -r 1.1.1.10 -g" "-a -u 1.1.1.254:443 -r 1.1.1.20 -g"
    bound 443 rs1 rs2
}
traffic() { tries client 1.1.1.254 443 8 2 udp; }
