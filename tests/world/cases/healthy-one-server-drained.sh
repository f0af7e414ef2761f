# kind: healthy
# cause: One server is off for maintenance, at weight 0 and without connections.
# traffic: yes
setup() { cluster nat; nat_service; D -e -t 2.2.2.25:80 -r 1.1.1.20:80 -m -w 0; ip -n rs2 link set inner down; }
traffic() { tries client 2.2.2.25 80; }
