# shellcheck shell=bash
# Words for the cases. run.sh sources this before each case; IPVSADM names the program, T
# an empty folder.
# shellcheck source=tests/labkit/cluster.sh
. tests/labkit/cluster.sh
directors=(director)

# D ARGUMENT...: the program on the director. rules HOST RULE...: several commands at once.
D() { on director "$IPVSADM" "$@"; }
rules() {
    local host=$1
    shift
    printf '%s\n' "$@" | on "$host" "$IPVSADM" -R
}

# service HOST VIP:PORT METHOD SERVER...: a TCP service with rr.
service() {
    local host=$1 vip=$2 method=$3 server lines=()
    shift 3
    lines=("-A -t $vip -s rr")
    for server; do lines+=("-a -t $vip -r $server $method"); done
    rules "$host" "${lines[@]}"
}
nat_service() { service director 2.2.2.25:80 -m 1.1.1.10:80 1.1.1.20:80; }
dr_service() { service "${1-director}" 1.1.1.254:80 -g 1.1.1.10 1.1.1.20; }

# tries HOST ADDRESS PORT [N] [SECONDS] [tcp|udp] [FROM]: N requests at once. Prints
# ANSWERED/N; who answered is in $T/names.
tries() {
    on "$1" perl "$WORLD/tries.pl" "$2" "$3" "${4-8}" "${5-3}" "${6-tcp}" "${7-}" 2>"$T/names"
}
# knocks HOST ADDRESS PORT: twelve clients who wait in vain, long enough to repeat their SYN.
knocks() { tries "$1" "$2" "$3" 12 2.3; }

# answering HOST WHAT:PORT...: as serve, and no loss if it was there already.
answering() { serve "$@"; }

# bound PORT HOST...: wait until a program takes datagrams at a port of each host.
bound() {
    local host port
    printf -v port ':%04X ' "$1"
    for host in "${@:2}"; do
        until on "$host" grep -q "$port" /proc/net/udp; do sleep .1; done
    done
}

# remote_dr [ARP_ANNOUNCE]: direct routing, the client behind a router.
remote_dr() {
    local r
    cluster_hosts client router director rs1 rs2
    cluster_network out client router
    cluster_network net router director rs1 rs2
    cluster_address client out 2.2.2.10/24
    cluster_address router out 2.2.2.1/24
    cluster_address router net 1.1.1.1/24
    cluster_plan client "route add default via 2.2.2.1"
    cluster_set router ipv4/ip_forward=1
    cluster_address director net 1.1.1.25/24 1.1.1.254/32
    cluster_plan director "route add default via 1.1.1.1"
    for r in 1 2; do
        cluster_address rs$r net 1.1.1.${r}0/24
        cluster_set rs$r ipv4/conf/{all,lo}/arp_announce="${1-2}" ipv4/conf/{all,lo}/arp_ignore=1
        cluster_address rs$r lo 1.1.1.254/32
        cluster_plan rs$r "route add default via 1.1.1.1"
    done
    cluster_settle
    serve rs1 http:80
    serve rs2 http:80
}

# remote_tunnels [ADDRESS...]: tunnels to servers in another network, across the router that the
# clients are behind, too. The director's addresses in its own network may be others.
remote_tunnels() {
    local r
    [[ $# -gt 0 ]] || set -- 1.1.1.25/24 1.1.1.254/32
    modprobe ipip
    cluster_hosts client router director rs1 rs2
    cluster_network out client router; cluster_network net router director; cluster_network far router rs1 rs2
    cluster_address client out 2.2.2.10/24; cluster_address router out 2.2.2.1/24
    cluster_address router net 1.1.1.1/24; cluster_address router far 3.3.3.1/24
    cluster_address director net "$@"
    cluster_plan client "route add default via 2.2.2.1"; cluster_plan director "route add default via 1.1.1.1"
    cluster_set router ipv4/ip_forward=1
    for r in 1 2; do
        cluster_address rs$r far 3.3.3.${r}0/24
        cluster_plan rs$r "route add default via 3.3.3.1" "link set tunl0 up"
        cluster_set rs$r ipv4/conf/{all,tunl0}/rp_filter=0
        cluster_address rs$r tunl0 1.1.1.254/32
    done
    cluster_settle
    serve rs1 http:80; serve rs2 http:80
    service director 1.1.1.254:80 -i 3.3.3.10 3.3.3.20
}

# two_uplinks: masquerading; clients come in by one uplink, and the director's way to them is the
# other.
two_uplinks() {
    local r
    cluster_hosts client routera routerb director rs1 rs2
    cluster_network out client routera routerb; cluster_network upa routera director; cluster_network upb routerb director
    cluster_network inner director rs1 rs2
    cluster_address client out 198.51.100.8/24
    cluster_address routera out 198.51.100.1/24; cluster_address routerb out 198.51.100.2/24
    cluster_address routera upa 2.2.2.1/24; cluster_address routerb upb 7.7.7.1/24
    cluster_address director upa 2.2.2.25/24; cluster_address director upb 7.7.7.25/24; cluster_address director inner 1.1.1.25/24
    cluster_plan client "route add default via 198.51.100.1"
    cluster_plan director "route add default via 7.7.7.1"
    cluster_set routera ipv4/ip_forward=1; cluster_set routerb ipv4/ip_forward=1
    cluster_set director ipv4/ip_forward=1 ipv4/conf/{all,upa,upb}/rp_filter=2
    for r in 1 2; do cluster_address rs$r inner 1.1.1.${r}0/24; cluster_plan rs$r "route add default via 1.1.1.25"; done
    cluster_settle
    serve rs1 http:80; serve rs2 http:80
    nat_service
}

# put HOST NAME=VALUE...: kernel variables, below /proc/sys/net/ipv4.
put() {
    local host=$1
    shift
    # shellcheck disable=SC2016
    on "$host" bash -c 'for p; do echo "${p#*=}" >"/proc/sys/net/ipv4/${p%%=*}"; done' - "$@"
}

# ipt HOST RULE...: iptables on a host. mac HOST INTERFACE: its hardware address.
ipt() { on "$1" iptables-legacy "${@:2}"; }
mac() { ip -n "$1" -br link show "$2" | awk '{print $3}'; }

# two_marks METHOD DEVICE ADDRESS: a mark for each of two ports, 80 and 443, and both servers behind
# each.
two_marks() {
    local mark port
    on director tc qdisc add dev "$2" ingress
    for mark in 1 2; do
        port=80; [[ $mark == 1 ]] || port=443
        on director tc filter add dev "$2" ingress protocol ip flower ip_proto tcp dst_ip "$3" dst_port $port action skbedit mark $mark
        rules director "-A -f $mark -s rr" "-a -f $mark -r 1.1.1.10 $1" "-a -f $mark -r 1.1.1.20 $1"
    done
}

# drops HOST DEVICE WHAT...: what is like this is dropped where it comes in.
drops() {
    on "$1" tc qdisc add dev "$2" ingress
    on "$1" tc filter add dev "$2" ingress protocol ip flower "${@:3}" action drop
}

# answers_by_mark: two networks, masqueraded servers, and a rule that routes their answers by a mark
# which they are given where they come in; no other route leads to the clients.
answers_by_mark() {
    local r
    cluster_hosts client router director rs1 rs2
    cluster_network out client router; cluster_network public router director; cluster_network inner director rs1 rs2
    cluster_address client out 198.51.100.8/24 198.51.100.66/32; cluster_address router out 198.51.100.1/24
    cluster_address router public 2.2.2.1/24; cluster_address director public 2.2.2.25/24
    cluster_address director inner 1.1.1.25/24
    cluster_plan client "route add default via 198.51.100.1"
    cluster_plan director "rule add fwmark 1 lookup 100" "route add default via 2.2.2.1 table 100"
    cluster_set router ipv4/ip_forward=1
    cluster_set director ipv4/ip_forward=1 ipv4/conf/{all,public,inner}/rp_filter=0
    for r in 1 2; do cluster_address rs$r inner 1.1.1.${r}0/24; cluster_plan rs$r "route add default via 1.1.1.25"; done
    cluster_settle
    serve rs1 http:80; serve rs2 http:80
    on director tc qdisc add dev inner ingress
    on director tc filter add dev inner ingress protocol ip flower ip_proto tcp action skbedit mark 1
    nat_service
}

# asks ADDRESS: six questions to its port 53, always from the same ports; prints ANSWERED/6.
asks() {
    # shellcheck disable=SC2016
    on client perl -MSocket=:all -e '
        my (@all, $answered);
        for my $port (7001 .. 7006) {
            socket my $s, AF_INET, SOCK_DGRAM, 0 or die;
            bind $s, pack_sockaddr_in($port, INADDR_ANY) or die;
            setsockopt $s, SOL_SOCKET, SO_RCVTIMEO, pack "qq", 1, 0;
            send $s, "q", 0, pack_sockaddr_in(53, inet_aton($ARGV[0]));
            push @all, $s;
        }
        for my $s (@all) { $answered++ if recv $s, my $d, 99, 0 }
        print $answered + 0, "/6\n"' "$1"
}

# sessions REQUESTS: four connections of so many requests, which the client resets when it has all
# answers. The director forgets those after ten seconds.
sessions() {
    # shellcheck disable=SC2016
    on client perl -MSocket=:all -e '
        for (1 .. 4) {
            socket my $s, AF_INET, SOCK_STREAM, 0 or die;
            connect $s, pack_sockaddr_in(80, inet_aton("1.1.1.254")) or die "connect: $!";
            setsockopt $s, SOL_SOCKET, SO_LINGER, pack "ii", 1, 0;
            for (1 .. $ARGV[0]) {
                syswrite $s, "GET / HTTP/1.1\r\n\r\n";
                sysread $s, my $got, 9999 or die "no answer";
            }
            close $s;
        }' "$1"
    sleep 12
}

# foreign_wire: a machine on the servers' wire broadcasts from a network that the director has no
# route to, and the director is strict.
foreign_wire() {
    cluster nat
    ip netns add printer; CLUSTER_HOSTS+=(printer)
    ip -n switch link add inner-printer type veth peer name inner netns printer
    ip -n switch link set inner-printer master inner up
    ip -n printer link set inner up; ip -n printer address add 10.9.9.9/24 dev inner; ip -n printer route add default dev inner
    # shellcheck disable=SC2016
    on printer perl -MSocket=:all -e '
        socket my $s, AF_INET, SOCK_DGRAM, 0 or die;
        setsockopt $s, SOL_SOCKET, SO_BROADCAST, 1;
        for (1 .. 600) {
            send $s, "here", 0, pack_sockaddr_in(9100, inet_aton($_)) for "255.255.255.255", "10.9.9.255", "239.255.255.250";
            select undef, undef, undef, .2;
        }' >/dev/null 2>&1 &
    sleep 1
    nat_service
    put director conf/all/rp_filter=1
}

# sctp_direct: direct routing, and a service of SCTP whose servers answer.
sctp_direct() {
    modprobe sctp
    cluster dr
    answering rs1 sctp:3868
    answering rs2 sctp:3868
    rules director "-A --sctp-service 1.1.1.254:3868 -s rr" "-a --sctp-service 1.1.1.254:3868 -r 1.1.1.10 -g" "-a --sctp-service 1.1.1.254:3868 -r 1.1.1.20 -g"
}

# dns_at_the_address: direct routing, and servers that answer datagrams from the service's address.
dns_at_the_address() {
    local r
    cluster dr
    for r in rs1 rs2; do
        on $r perl -MSocket -e 'socket S, AF_INET, SOCK_DGRAM, 0; bind S, pack_sockaddr_in(53, inet_aton("1.1.1.254")) or die; while ($f = recv S, $d, 99, 0) { send S, "$ARGV[0]\n", 0, $f }' $r >/dev/null 2>&1 &
    done
    bound 53 rs1 rs2
}
