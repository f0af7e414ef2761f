# Logins by NAT, to the server with the fewest connections: the scheduler wlc
# shellcheck shell=bash
title 'Logins, where fewer are logged in'
cluster nat

say 'Weighted least connections is the scheduler where none is named.'
director 'ipvsadm -A -t 2.2.2.25:22 -s wlc'

say 'A slip: the servers are added to port 80, where there is no service.'
director 'ipvsadm -a -t 2.2.2.25:80 -r 1.1.1.10 -m'
client 'ask tcp 2.2.2.25:22'

say 'To port 22, then.'
director 'ipvsadm -a -t 2.2.2.25:22 -r 1.1.1.10 -m'
director 'ipvsadm -a -t 2.2.2.25:22 -r 1.1.1.20 -m'
opens 4 2.2.2.25:22
director 'ipvsadm -ln'
