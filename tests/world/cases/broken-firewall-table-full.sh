# kind: broken
# cause: The firewall's table of connections is full.
# want: conntrack-full
# never: neighbour-failed|no-route|duplicate|address-|wrong-gateway|port-
# traffic: yes
# needs: iptable_filter
setup() {
    modprobe -a nf_conntrack xt_conntrack
    cluster nat; nat_service
    MAX=$(cat /proc/sys/net/netfilter/nf_conntrack_max)
    ipt director -A INPUT -m conntrack --ctstate INVALID -j DROP
    ipt director -A FORWARD -m conntrack --ctstate INVALID -j DROP
    put director vs/conntrack=1
    echo 20 >/proc/sys/net/netfilter/nf_conntrack_max
    on client perl -MIO::Socket::INET -e 'IO::Socket::INET->new(Proto => "udp", PeerAddr => "2.2.2.25", PeerPort => 1000 + $_)->send("x") for 1 .. 40'
}
traffic() { knocks client 2.2.2.25 80; }
teardown() { echo "$MAX" >/proc/sys/net/netfilter/nf_conntrack_max; }
