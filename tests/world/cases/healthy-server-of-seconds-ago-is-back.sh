# kind: healthy
# cause: One masqueraded server's program was restarted a moment ago, while clients of it were refused; now all are answered.
# traffic: yes
setup() { cluster nat; nat_service; local p; for p in $(ip netns pids rs1); do kill "$p"; done; sleep .2; tries client 2.2.2.25 80 20 1; sleep .3; serve rs1 http:80; }
traffic() { tries client 2.2.2.25 80; }
