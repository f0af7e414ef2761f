# kind: broken
# cause: backup_only is 1 and a backup daemon runs on the director that a router sends the address to; it has that on a dummy, would not answer ARP for it, and no program here takes connections.
# want: note:backup-only
# never: neighbour-failed|address-|handshake-stuck|port-silent|dropped-before-ipvs
# traffic: yes
setup() {
    modprobe dummy
    remote_dr
    service director 9.9.9.9:80 -g 1.1.1.10 1.1.1.20
    local r
    for r in rs1 rs2; do ip -n $r addr add 9.9.9.9/32 dev lo; done
    put director conf/all/arp_ignore=1
    ip -n router route add 9.9.9.9/32 via 1.1.1.25
    ip -n director link add dummy0 type dummy; ip -n director link set dummy0 up; ip -n director addr add 9.9.9.9/32 dev dummy0
    put director vs/backup_only=1; D --start-daemon backup --mcast-interface net --syncid 7
}
traffic() { tries client 9.9.9.9 80 4 1; }
repair() { put director vs/backup_only=0; }
teardown() { D --stop-daemon backup; }
