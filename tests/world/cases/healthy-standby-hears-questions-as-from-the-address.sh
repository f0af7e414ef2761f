# kind: healthy
# cause: The second director is a backup and a server, with the address hidden on lo; the first serves clients itself, and asks for them by ARP as from the address.
# traffic: yes
directors=(director director2)
setup() {
    cluster_virtual_address director2
    cluster dr 2
    serve director http:80; serve director2 http:80
    service director 1.1.1.254:80 -g 1.1.1.25 1.1.1.26; service director2 1.1.1.254:80 -g 1.1.1.25 1.1.1.26
    put director2 vs/backup_only=1
    D --start-daemon master --mcast-interface net --syncid 7
    on director2 "$IPVSADM" --start-daemon backup --mcast-interface net --syncid 7
}
# Clients know the director's hardware address longer than it knows theirs.
traffic() { tries client 1.1.1.254 80 4 2 >/dev/null; ip -n director neigh flush dev net >&2; tries client 1.1.1.254 80; }
teardown() { D --stop-daemon master; on director2 "$IPVSADM" --stop-daemon backup; }
