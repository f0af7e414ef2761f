# kind: healthy
# cause: The servers are far away: each packet takes a second, so that clients repeat their SYN once and are then answered.
# traffic: yes
setup() { cluster dr; modprobe sch_netem; local r; for r in rs1 rs2; do on $r tc qdisc add dev net root netem delay 1200ms || return; done; dr_service; }
traffic() { tries client 1.1.1.254 80 8 8; }
