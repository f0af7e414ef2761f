# kind: healthy
# cause: SCTP, directly routed, with many associations that are answered.
# traffic: yes
setup() {
    modprobe sctp
    cluster dr
    answering rs1 sctp:3868
    answering rs2 sctp:3868
    rules director "-A --sctp-service 1.1.1.254:3868 -s rr" "-a --sctp-service 1.1.1.254:3868 -r 1.1.1.10 -g" "-a --sctp-service 1.1.1.254:3868 -r 1.1.1.20 -g"
}
traffic() { tries client 1.1.1.254 3868 40 3 sctp; }
