# kind: healthy
# cause: Forty clients, who were answered when they began, send a datagram of one byte every twenty seconds, to keep their way through NAT open; nobody answers that. New clients are answered.
# traffic: yes
setup() {
    cluster nat
    local r
    # shellcheck disable=SC2016
    for r in rs1 rs2; do
        on $r perl -MSocket -e 'socket S, AF_INET, SOCK_DGRAM, 0; bind S, pack_sockaddr_in(4500, INADDR_ANY) or die; while ($f = recv S, $d, 99, 0) { send S, "$ARGV[0]\n", 0, $f if $d ne "\xff" }' $r >/dev/null 2>&1 &
    done
    rules director "-A -u 2.2.2.25:4500 -s rr" "-a -u 2.2.2.25:4500 -r 1.1.1.10 -m" "-a -u 2.2.2.25:4500 -r 1.1.1.20 -m"
    bound 4500 rs1 rs2
    # shellcheck disable=SC2016
    on client perl -MSocket=:all -e '
        my @all;
        for (1 .. 40) {
            socket my $s, AF_INET, SOCK_DGRAM, 0 or die;
            connect $s, pack_sockaddr_in(4500, inet_aton("2.2.2.25"));
            send $s, "q", 0;
            push @all, $s;
        }
        for (1 .. 10) { for my $s (@all) { select undef, undef, undef, .5; send $s, "\xff", 0 } }' >/dev/null 2>&1 &
    sleep 3
}
traffic() { tries client 2.2.2.25 4500 8 2 udp; }
