# kind: healthy
# cause: The clients' line loses one packet in ten; all are served in the end.
# traffic: yes
# needs: sch_netem
setup() { cluster nat; on client tc qdisc add dev public root netem loss 10% || return; nat_service; }
traffic() { tries client 2.2.2.25 80 12 25; }
