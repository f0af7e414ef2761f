# UDP, with and without one-packet scheduling
# shellcheck shell=bash
title 'UDP, packet by packet'
one_network dr
serve rs1 udp:53
serve rs2 udp:53

say 'Datagrams from one port of a client belong together, for five minutes.'
director 'ipvsadm -A -u 1.1.1.254:53 -s rr'
director 'ipvsadm -a -u 1.1.1.254:53 -r 1.1.1.10 -g'
director 'ipvsadm -a -u 1.1.1.254:53 -r 1.1.1.20 -g'
client 'ask udp 1.1.1.254:53 6'
director 'ipvsadm -lnc'

say 'With one-packet scheduling, each is on its own, and nothing is remembered.'
director 'ipvsadm -E -u 1.1.1.254:53 -s rr -o'
client 'ask udp 1.1.1.254:53 6'
director 'ipvsadm -ln'
