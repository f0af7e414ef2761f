# kind: broken
# cause: backup_only is 1 and a backup daemon runs on the director that has the address, on a dummy, and answers ARP for it.
# want: backup-only
# never: port-|neighbour-failed|address-|handshake-stuck
# traffic: yes
setup() {
    modprobe dummy
    cluster dr; dr_service
    ip -n director addr del 1.1.1.254/32 dev net
    ip -n director link add dummy0 type dummy; ip -n director link set dummy0 up; ip -n director addr add 1.1.1.254/32 dev dummy0
    put director vs/backup_only=1; D --start-daemon backup --mcast-interface net --syncid 7
}
traffic() { tries client 1.1.1.254 80 4 1; }
repair() { put director vs/backup_only=0; }
teardown() { D --stop-daemon backup; }
