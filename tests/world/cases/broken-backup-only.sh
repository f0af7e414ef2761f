# kind: broken
# cause: backup_only is 1 and a backup daemon runs on the director that has the address.
# want: backup-only
# never: port-|neighbour-failed|address-|handshake-stuck
# traffic: yes
setup() { cluster dr; dr_service; put director vs/backup_only=1; D --start-daemon backup --mcast-interface net --syncid 7; }
traffic() { tries client 1.1.1.254 80 4 1; }
teardown() { D --stop-daemon backup; }
