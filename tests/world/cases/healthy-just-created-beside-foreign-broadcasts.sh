# kind: healthy
# cause: A service was just created, and nobody has asked yet; the director is strict, and dropped what a machine on the wire broadcasts from a network that the director has no route to.
# traffic: no
setup() { foreign_wire; }
traffic() { tries client 2.2.2.25 80; }
