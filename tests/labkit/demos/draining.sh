# Weight 0: a server keeps its connections and gets no new ones
# shellcheck shell=bash
title 'Taking a server out of service'
cluster nat

say 'A service with two real servers, and a connection to each.'
director 'ipvsadm -A -t 2.2.2.25:22 -s rr'
director 'ipvsadm -a -t 2.2.2.25:22 -r 1.1.1.10 -m'
director 'ipvsadm -a -t 2.2.2.25:22 -r 1.1.1.20 -m'
opens 2 2.2.2.25:22

say 'rs1 is to be repaired. (-m must be said again: a server is rewritten whole.)'
director 'ipvsadm -e -t 2.2.2.25:22 -r 1.1.1.10 -m -w 0'
client 'ask tcp 2.2.2.25:22 4'
goes_on
director 'ipvsadm -ln'

say 'When its last connection is closed, nobody misses it.'
closes
director 'ipvsadm -ln'
