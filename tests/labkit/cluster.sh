# shellcheck shell=bash
# Clusters made of network namespaces, to be sourced by a bash inside the lab:
#
#   . tests/labkit/cluster.sh
#   cluster nat
#   on director ipvsadm -A -t 2.2.2.25:80 -s rr
#   on client curl -s http://2.2.2.25/
#   cluster_end
#
# A cluster has a client, a director and the real servers rs1 and rs2, with the
# addresses of the document that the demos follow. The real servers answer
# requests with their names: see guest/server.pl.
#
#   nat   public network 2.2.2.0/24, 2001:db8:2::/64: client .10, director .25
#         inner network  1.1.1.0/24, 2001:db8:1::/64: director .25, rs1 .10,
#         rs2 .20, for whom the director is the way out
#   dr    one network    1.1.1.0/24, 2001:db8:1::/64: client .100, director .25
#         and the virtual address .254, rs1 .10, rs2 .20, with the virtual
#         address on lo, hidden from ARP
#   tun   as dr, but the real servers take the virtual address' packets out of
#         tunnels: ipip, gre, and gue at UDP port 6080
#
# `cluster TOPOLOGY 2` has a second director, director2: .26 of each network.
# For a cluster of another shape, there are the pieces: cluster_hosts,
# cluster_network, cluster_address, serve. What they plan for a host is done by
# cluster_settle, all of it at once: in the lab, starting a program takes long.

CLUSTER_FOLDER=${BASH_SOURCE[0]%/*}
CLUSTER_HOSTS=()
declare -A CLUSTER_PLAN=()      # by host: lines for ip
declare -A CLUSTER_VARIABLES=() # by host: words NAME=VALUE

# on HOST COMMAND [ARGUMENT...]: run a command on a host.
on() {
    local host=$1
    shift
    nsenter --net="/run/netns/$host" -- "$@"
}

# cluster TOPOLOGY [DIRECTORS]
cluster() {
    local topology=$1 directors=(director)
    [[ ${2-1} -eq 1 ]] || directors+=(director2)
    cluster_hosts client "${directors[@]}" rs1 rs2
    "cluster_$topology" "${directors[@]}"
    cluster_settle
    serve rs1 http:80 line:22
    serve rs2 http:80 line:22
}

# cluster_end: take all of it away.
cluster_end() {
    local host process
    for host in "${CLUSTER_HOSTS[@]}"; do
        for process in $(ip netns pids "$host"); do
            kill "$process" 2>/dev/null
        done
    done
    printf 'netns del %s\n' "${CLUSTER_HOSTS[@]}" | ip -batch -
    CLUSTER_HOSTS=()
}

# cluster_hosts NAME...: hosts, each a network namespace, and one more to hold
# the bridges between them.
cluster_hosts() {
    local host
    CLUSTER_HOSTS=(switch "$@")
    printf 'netns add %s\n' "${CLUSTER_HOSTS[@]}" | ip -batch -
    for host in "$@"; do
        cluster_plan "$host" 'link set lo up'
    done
}

# cluster_plan HOST LINE...: have ip do these lines on a host.
cluster_plan() {
    local lines
    printf -v lines '%s\n' "${@:2}"
    CLUSTER_PLAN[$1]+=$lines
}

# cluster_settle: do what is planned.
cluster_settle() {
    local host
    for host in "${CLUSTER_HOSTS[@]}"; do # the switch is the first
        # Variables go first: whether an address is to be hidden, for one.
        if [[ -n ${CLUSTER_VARIABLES[$host]-} ]]; then
            # shellcheck disable=SC2016,SC2086 # for the bash there; words
            on "$host" bash -c 'for pair; do echo "${pair#*=}" >"/proc/sys/net/${pair%%=*}"; done' \
                - ${CLUSTER_VARIABLES[$host]} || return
        fi
        if [[ -n ${CLUSTER_PLAN[$host]-} ]]; then
            ip -n "$host" -batch - <<<"${CLUSTER_PLAN[$host]}" || return
        fi
    done
    CLUSTER_PLAN=()
    CLUSTER_VARIABLES=()
}

# cluster_network NAME HOST...: join hosts by a bridge. Each gets an interface
# that is named as the network is.
cluster_network() {
    local network=$1 host
    shift
    # A bridge forwards at once where the spanning tree has no delay.
    cluster_plan switch "link add name $network type bridge forward_delay 0" "link set $network up"
    for host in "$@"; do
        cluster_plan switch \
            "link add name $network-$host type veth peer name $network netns $host" \
            "link set $network-$host master $network up"
        cluster_plan "$host" "link set $network up"
    done
}

# cluster_address HOST INTERFACE ADDRESS...: give a host addresses. IPv6 ones
# are not looked for on the network first: that would take seconds.
cluster_address() {
    local host=$1 interface=$2 address
    shift 2
    for address in "$@"; do
        case $address in
            *:*) cluster_plan "$host" "address add $address dev $interface nodad" ;;
            *) cluster_plan "$host" "address add $address dev $interface" ;;
        esac
    done
}

# cluster_set HOST NAME=VALUE...: set kernel variables of a host.
cluster_set() {
    CLUSTER_VARIABLES[$1]+=" ${*:2}"
}

# serve HOST WHAT:PORT...: start a server on a host, and wait until it listens.
serve() {
    local host=$1 ready
    shift
    exec {ready}< <(on "$host" perl "$CLUSTER_FOLDER/guest/server.pl" "$host" "$@" 2>&1)
    local line
    read -r line <&"$ready"
    if [[ $line != ready ]]; then
        printf '%s\n' "$line" >&2
        return 1
    fi
}

cluster_nat() {
    cluster_network public client "$@"
    cluster_network inner "$@" rs1 rs2
    cluster_address client public 2.2.2.10/24 2001:db8:2::10/64
    cluster_directors_in public 2.2.2 2001:db8:2 "$@"
    cluster_directors_in inner 1.1.1 2001:db8:1 "$@"
    cluster_real_server rs1 inner 10
    cluster_real_server rs2 inner 20
    local host
    for host in rs1 rs2; do
        cluster_plan "$host" 'route add default via 1.1.1.25' 'route add default via 2001:db8:1::25'
    done
}

cluster_dr() {
    cluster_one_network "$@"
    cluster_virtual_address rs1
    cluster_virtual_address rs2
}

# Give a real server the virtual address too, which it neither answers nor asks
# for by ARP, as the document does it.
cluster_virtual_address() {
    cluster_set "$1" ipv4/conf/{all,lo}/arp_announce=2 ipv4/conf/{all,lo}/arp_ignore=1
    cluster_address "$1" lo 1.1.1.254/32 2001:db8:1::254/128
}

cluster_tun() {
    # These modules give every host a device each that takes its tunnel's packets
    # from anyone; IPv6 in IPv6 needs one made for the host's own address.
    modprobe -a ipip ip6_tunnel ip_gre ip6_gre fou fou6
    cluster_one_network "$@"
    local host
    for host in rs1 rs2; do
        cluster_plan "$host" \
            "link add name ip6tnl1 type ip6tnl mode any local 2001:db8:1::${host/rs/}0" \
            'link set '{tunl0,ip6tnl1,gre0,ip6gre0}' up' \
            'fou add port 6080 gue'{,' -6'}
        # What comes out of a tunnel came from the client, who is elsewhere.
        cluster_set "$host" ipv4/conf/{all,tunl0,gre0}/rp_filter=0
        cluster_virtual_address "$host"
    done
}

# What dr and tun have in common.
cluster_one_network() {
    cluster_network net client "$@" rs1 rs2
    cluster_address client net 1.1.1.100/24 2001:db8:1::100/64
    cluster_directors_in net 1.1.1 2001:db8:1 "$@"
    cluster_address director net 1.1.1.254/32
    # Deprecated, that is never the source of a tunnel's packets: a real server,
    # who has the address too, would take them for its own.
    cluster_plan director 'address add 2001:db8:1::254/128 dev net nodad preferred_lft 0'
    cluster_real_server rs1 net 10
    cluster_real_server rs2 net 20
}

cluster_real_server() {
    cluster_address "$1" "$2" "1.1.1.$3/24" "2001:db8:1::$3/64"
}

# cluster_directors_in NETWORK PREFIX4 PREFIX6 DIRECTOR...
cluster_directors_in() {
    local network=$1 prefix4=$2 prefix6=$3 director number=25
    shift 3
    for director in "$@"; do
        cluster_address "$director" "$network" "$prefix4.$number/24" "$prefix6::$number/64"
        cluster_set "$director" ipv4/ip_forward=1 ipv6/conf/all/forwarding=1
        number=$((number + 1))
    done
}

# cluster_mark ADDRESS MARK PORT...: the command that marks what comes for these
# ports of an address: by iptables, as the document does it, or, with a kernel
# that has none any more, by the filter of the interface `net`.
cluster_mark() {
    local address=$1 mark=$2 protocol=ip iptables=iptables ports port
    shift 2
    if [[ $address == *:* ]]; then
        protocol=ipv6 iptables=ip6tables
    fi
    if modprobe -q "${iptables%s}_mangle"; then
        printf -v ports ',%s' "$@"
        # The older kind: user-mode Linux lacks what the newer one needs.
        printf '%s-legacy -t mangle -A PREROUTING -d %s -p tcp -m multiport --dports %s -j MARK --set-mark %s' \
            "$iptables" "$address" "${ports#,}" "$mark"
    else
        printf 'tc qdisc add dev net ingress'
        for port in "$@"; do
            printf '; tc filter add dev net ingress protocol %s flower ip_proto tcp dst_ip %s dst_port %s action skbedit mark %s' \
                "$protocol" "$address" "$port" "$mark"
        done
    fi
}
