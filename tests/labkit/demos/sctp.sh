# SCTP, by NAT
# shellcheck shell=bash
title 'SCTP'
cluster nat
serve rs1 sctp:2905
serve rs2 sctp:2905

say 'SCTP needs nothing more than its own option.'
director 'ipvsadm -A --sctp-service 2.2.2.25:2905 -s rr'
director 'ipvsadm -a --sctp-service 2.2.2.25:2905 -r 1.1.1.10 -m'
director 'ipvsadm -a --sctp-service 2.2.2.25:2905 -r 1.1.1.20 -m'
client 'ask sctp 2.2.2.25:2905 4'
director 'ipvsadm -ln'
director 'ipvsadm -lnc'
