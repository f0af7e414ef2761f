# kind: healthy
# cause: A persistent service of all ports; browsers try 443 first, which the servers have never opened, and are served at 80.
# traffic: yes
setup() { cluster nat; rules director "-A -t 2.2.2.25:0 -s wlc -p 300" "-a -t 2.2.2.25:0 -r 1.1.1.10:0 -m" "-a -t 2.2.2.25:0 -r 1.1.1.20:0 -m"; }
traffic() { tries client 2.2.2.25 443 6 1 >/dev/null; tries client 2.2.2.25 80; }
