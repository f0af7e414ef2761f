# kind: healthy
# cause: The second director is a backup with backup_only and a server of the first; it has the address on a dummy, and does not answer ARP for it.
# traffic: yes
directors=(director director2)
setup() {
    modprobe dummy
    cluster dr 2
    put director2 conf/all/arp_ignore=1 conf/all/arp_announce=2
    ip -n director2 link add dummy0 type dummy; ip -n director2 link set dummy0 up
    ip -n director2 addr add 1.1.1.254/32 dev dummy0
    serve director2 http:80
    service director 1.1.1.254:80 -g 1.1.1.10 1.1.1.26; service director2 1.1.1.254:80 -g 1.1.1.10 1.1.1.26
    put director2 vs/backup_only=1
    D --start-daemon master --mcast-interface net --syncid 7
    on director2 "$IPVSADM" --start-daemon backup --mcast-interface net --syncid 7
}
traffic() { tries client 1.1.1.254 80; }
teardown() { D --stop-daemon master; on director2 "$IPVSADM" --stop-daemon backup; }
