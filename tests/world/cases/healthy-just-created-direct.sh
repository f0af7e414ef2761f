# kind: healthy
# cause: Directly routed servers that nobody has asked for yet.
# traffic: no
setup() { cluster dr; dr_service; }
traffic() { tries client 1.1.1.254 80; }
