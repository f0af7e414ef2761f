# kind: broken
# cause: All servers have weight 0.
# want: no-server
# never: address-|port-|neighbour|gateway|nothing|handshake
# traffic: yes
setup() { cluster nat; nat_service; rules director "-e -t 2.2.2.25:80 -r 1.1.1.10:80 -m -w 0" "-e -t 2.2.2.25:80 -r 1.1.1.20:80 -m -w 0"; }
traffic() { knocks client 2.2.2.25 80; }
repair() { rules director "-e -t 2.2.2.25:80 -r 1.1.1.10:80 -m -w 1"; }
