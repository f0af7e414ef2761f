# kind: healthy
# cause: A rule routes the servers' answers by a mark that they are given where they come in, and no other route leads to the clients; those were served and are gone, and a scan that answers nobody came behind them.
# traffic: yes
setup() { answers_by_mark; drops client out dst_ip 198.51.100.66; }
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
