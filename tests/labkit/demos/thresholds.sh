# Thresholds: a server that is full gets no more connections
# shellcheck shell=bash
title 'Full is full'
one_network dr

say 'rs1 takes two connections at most, rs2 four.'
director 'ipvsadm -A -t 1.1.1.254:22 -s rr'
director 'ipvsadm -a -t 1.1.1.254:22 -r 1.1.1.10 -g -x 2 -y 1'
director 'ipvsadm -a -t 1.1.1.254:22 -r 1.1.1.20 -g -x 4'
opens 6 1.1.1.254:22
director 'ipvsadm -ln --thresholds'

say 'Both are full. The seventh is turned away.'
client 'ask tcp 1.1.1.254:22'
