# kind: healthy
# cause: The second director has the services and waits for the address, as VRRP leaves it; the first has that.
# traffic: yes
directors=(director director2)
setup() { cluster dr 2; dr_service; dr_service director2; }
traffic() { tries client 1.1.1.254 80; }
