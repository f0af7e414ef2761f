# kind: healthy
# cause: The director is strict, and a machine on the servers' wire broadcasts from a network that the director has no route to; that is dropped, and clients are served.
# traffic: yes
setup() {
    foreign_wire; nat_service
    put director conf/all/rp_filter=1
    tries client 2.2.2.25 80 1
}
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
}
traffic() { tries client 2.2.2.25 80; }
