# kind: healthy
# cause: A second director is the backup of the first, by sync daemons.
# traffic: yes
directors=(director director2)
setup() {
    cluster dr 2
    dr_service; dr_service director2
    D --start-daemon master --mcast-interface net --syncid 7
    on director2 "$IPVSADM" --start-daemon backup --mcast-interface net --syncid 7
}
traffic() { tries client 1.1.1.254 80; }
teardown() { D --stop-daemon master; on director2 "$IPVSADM" --stop-daemon backup; }
