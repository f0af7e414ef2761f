# kind: healthy
# cause: The clients' line loses one packet in ten; all are served in the end.
# traffic: yes
# needs: sch_netem
setup() { cluster dr; on client tc qdisc add dev net root netem loss 10% || return; dr_service; }
traffic() { tries client 1.1.1.254 80 12 25; }
