# kind: healthy
# cause: Tunnelled servers in another network, behind the router that the answers take, too.
# traffic: yes
setup() { remote_tunnels; }
traffic() { tries client 1.1.1.254 80; }
