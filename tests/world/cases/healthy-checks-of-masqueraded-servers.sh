# kind: healthy
# cause: Nobody asks but two health checkers; one opens connections and resets them, one resets what it is answered.
# traffic: yes
setup() { cluster nat; nat_service; ip -n client address add 2.2.2.11/24 dev public; }
# checks FROM ACKNOWLEDGES: begins 10 connections one after the other, and resets each. Without
# acknowledgement, RST goes out in its place.
checks() {
    # shellcheck disable=SC2016
    on client perl -MSocket=:all -MTime::HiRes=sleep -e '
        for (1 .. 10) {
            socket my $s, AF_INET, SOCK_STREAM, 0 or die;
            setsockopt $s, IPPROTO_TCP, 12, $ARGV[1] + 0 or die $!;
            setsockopt $s, SOL_SOCKET, SO_LINGER, pack "ii", 1, 0;
            bind $s, pack_sockaddr_in(0, inet_aton($ARGV[0]));
            $answered++ if connect $s, pack_sockaddr_in(80, inet_aton("2.2.2.25"));
            close $s;
            sleep 1;
        }
        print $answered + 0' "$@"
}
traffic() { echo $(($(checks 2.2.2.10 1) + $(checks 2.2.2.11 0)))/20; }
