# kind: healthy
# cause: The clients are behind a satellite: their packets take 0.7 seconds.
# traffic: yes
# needs: sch_netem
setup() { cluster nat; on client tc qdisc add dev public root netem delay 700ms || return; nat_service; }
traffic() { tries client 2.2.2.25 80 8 6; }
