# kind: healthy
# cause: Tunnelled servers before the first client.
# traffic: no
setup() { cluster tun; service director 1.1.1.254:80 -i 1.1.1.10 1.1.1.20; }
traffic() { tries client 1.1.1.254 80; }
