# kind: healthy
# cause: SCTP, directly routed, with many associations that are answered.
# traffic: yes
setup() { sctp_direct; }
traffic() { tries client 1.1.1.254 3868 40 3 sctp; }
