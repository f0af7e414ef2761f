# kind: healthy
# cause: The director is strict, and a machine on the servers' wire broadcasts from a network that the director has no route to; that is dropped, and clients are served.
# traffic: yes
setup() { foreign_wire; tries client 2.2.2.25 80 1; }
traffic() { tries client 2.2.2.25 80; }
