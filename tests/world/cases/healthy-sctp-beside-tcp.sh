# kind: healthy
# cause: An SCTP service that has had no traffic, beside one of TCP with the same servers.
# traffic: yes
setup() { cluster nat; nat_service
    rules director "-A --sctp-service 2.2.2.25:3868 -s rr" "-a --sctp-service 2.2.2.25:3868 -r 1.1.1.10:3868 -m" "-a --sctp-service 2.2.2.25:3868 -r 1.1.1.20:3868 -m"; }
traffic() { tries client 2.2.2.25 80; }
