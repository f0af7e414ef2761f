# kind: healthy
# cause: The second director is a backup with backup_only and a server of the first, which sends it what comes through a tunnel; it has the address on the tunnel's device.
# traffic: yes
# needs: ipip
directors=(director director2)
setup() {
    modprobe ipip
    cluster dr 2
    put director2 conf/all/arp_ignore=1 conf/all/arp_announce=2
    ip -n director2 link set tunl0 up; ip -n director2 addr add 1.1.1.254/32 dev tunl0
    put director2 conf/all/rp_filter=0 conf/tunl0/rp_filter=0
    serve director2 http:80
    local d
    for d in director director2; do
        rules $d "-A -t 1.1.1.254:80 -s rr" "-a -t 1.1.1.254:80 -r 1.1.1.10 -g" "-a -t 1.1.1.254:80 -r 1.1.1.26 -i"
    done
    put director2 vs/backup_only=1
    D --start-daemon master --mcast-interface net --syncid 7
    on director2 "$IPVSADM" --start-daemon backup --mcast-interface net --syncid 7
}
traffic() { tries client 1.1.1.254 80; }
teardown() { D --stop-daemon master; on director2 "$IPVSADM" --stop-daemon backup; }
