# Draining: a server is taken out, and nobody who is on it is cut off
# shellcheck shell=bash
title 'Taking a server out of service'
one_network dr

say 'A service with two real servers, and a connection to each.'
director 'ipvsadm -A -t 1.1.1.254:22 -s rr'
director 'ipvsadm -a -t 1.1.1.254:22 -r 1.1.1.10 -g'
director 'ipvsadm -a -t 1.1.1.254:22 -r 1.1.1.20 -g'
opens 2 1.1.1.254:22

say 'rs1 is to be repaired. First comes the way back; then it is waited for.'
begins director 'ipvsadm -d -r 1.1.1.10 --drain 300 | tee /tmp/back.rules'

say 'Nobody new gets there, and who is there stays.'
client 'ask tcp 1.1.1.254:22 4'
goes_on
director 'ipvsadm -ln --table'

say 'Its last connection is closed; the kernel knows it for some seconds more.'
director 'ipvsadm --set 0 5 0'
closes
ends
director 'ipvsadm -ln'

say 'It is repaired.'
director 'ipvsadm -R </tmp/back.rules'
director 'ipvsadm -ln'
client 'ask tcp 1.1.1.254:22 4'
