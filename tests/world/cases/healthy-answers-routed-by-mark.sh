# kind: healthy
# cause: A rule routes the servers' answers by a mark that they are given where they come in, and no other route leads to the clients; one of them scans, and answers nobody.
# traffic: yes
setup() { answers_by_mark; drops client out dst_ip 198.51.100.66; }
traffic() {
    tries client 2.2.2.25 80 20 .3 tcp 198.51.100.66 >/dev/null
    tries client 2.2.2.25 80
}
