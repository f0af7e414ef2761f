# kind: healthy
# cause: Forwarding is on at the inner interface alone, where the answers come in.
# traffic: yes
setup() { cluster nat; put director ip_forward=0 conf/inner/forwarding=1; nat_service; }
traffic() { tries client 2.2.2.25 80; }
