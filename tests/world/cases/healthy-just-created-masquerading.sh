# kind: healthy
# cause: Masqueraded servers that nobody has asked for yet.
# traffic: no
setup() { cluster nat; nat_service; }
traffic() { tries client 2.2.2.25 80; }
