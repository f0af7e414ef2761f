# kind: healthy
# cause: SCTP, masqueraded, with associations that are answered.
# traffic: yes
setup() {
    modprobe sctp
    cluster nat
    answering rs1 sctp:3868
    answering rs2 sctp:3868
    rules director "-A --sctp-service 2.2.2.25:3868 -s rr" "-a --sctp-service 2.2.2.25:3868 -r 1.1.1.10:3868 -m" "-a --sctp-service 2.2.2.25:3868 -r 1.1.1.20:3868 -m"
}
traffic() { tries client 2.2.2.25 3868 8 3 sctp; }
