# kind: healthy
# cause: A rule routes the servers' answers by a mark that they are given where they come in, and no other route leads to the clients; those were served and are gone, and a scan that answers nobody came behind them.
# traffic: yes
setup() {
    cluster_hosts client router director rs1 rs2
    cluster_network out client router; cluster_network public router director; cluster_network inner director rs1 rs2
    cluster_address client out 198.51.100.8/24 198.51.100.66/32; cluster_address router out 198.51.100.1/24
    cluster_address router public 2.2.2.1/24; cluster_address director public 2.2.2.25/24
    cluster_address director inner 1.1.1.25/24
    cluster_plan client "route add default via 198.51.100.1"
    cluster_plan director "rule add fwmark 1 lookup 100" "route add default via 2.2.2.1 table 100"
    cluster_set router ipv4/ip_forward=1
    cluster_set director ipv4/ip_forward=1 ipv4/conf/{all,public,inner}/rp_filter=0
    local r
    for r in 1 2; do cluster_address rs$r inner 1.1.1.${r}0/24; cluster_plan rs$r "route add default via 1.1.1.25"; done
    cluster_settle
    serve rs1 http:80; serve rs2 http:80
    on director tc qdisc add dev inner ingress
    on director tc filter add dev inner ingress protocol ip flower ip_proto tcp action skbedit mark 1
    on client tc qdisc add dev out ingress
    on client tc filter add dev out ingress protocol ip flower dst_ip 198.51.100.66 action drop
    nat_service
}
# Clients reset what they are done with, which IPVS remembers for ten seconds.
resets() {
    # shellcheck disable=SC2016
    on client perl -MSocket=:all -e '
        for (1 .. 6) {
            socket my $s, AF_INET, SOCK_STREAM, 0 or die;
            setsockopt $s, SOL_SOCKET, SO_LINGER, pack "ii", 1, 0;
            connect $s, pack_sockaddr_in(80, inet_aton("2.2.2.25")) or next;
            syswrite $s, "GET / HTTP/1.0\r\n\r\n";
            $answered++ if sysread $s, my $answer, 99;
            close $s;
        }
        print $answered + 0, "/6\n"'
}
traffic() {
    local answered
    answered=$(resets); sleep 11
    tries client 2.2.2.25 80 20 .3 tcp 198.51.100.66 >/dev/null
    echo "$answered"
}
