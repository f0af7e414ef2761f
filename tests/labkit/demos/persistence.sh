# Persistence: clients stay with their server, by port or by client, for a time
# shellcheck shell=bash
title 'Clients that stay with their server'
one_network dr

say 'By port: each service on its own. A client is remembered for 3 seconds here.'
director 'ipvsadm -A -t 1.1.1.254:80 -s rr -p 3'
director 'ipvsadm -a -t 1.1.1.254:80 -r 1.1.1.10 -g'
director 'ipvsadm -a -t 1.1.1.254:80 -r 1.1.1.20 -g'
client 'curl -0s "http://1.1.1.254?[1-4]"'
director 'ipvsadm -lnc'

say 'The time is not up as long as connections are known; those that are closed, for 2 minutes.'
director 'ipvsadm -L --timeout'
say 'So that we need not wait: known for 1 second. And a new beginning.'
director 'ipvsadm --set 0 1 0'
director 'ipvsadm -C'
director 'ipvsadm -A -t 1.1.1.254:22 -s rr -p 3'
director 'ipvsadm -a -t 1.1.1.254:22 -r 1.1.1.10 -g'
director 'ipvsadm -a -t 1.1.1.254:22 -r 1.1.1.20 -g'
client 'ask tcp 1.1.1.254:22 4'
say 'The time is up.'
awaits director '! ipvsadm -lnc | grep -q 1.1.1.254:22'
client 'ask tcp 1.1.1.254:22 4'

say 'By client, whatever the port: a service at port 0, which must be persistent.'
director 'ipvsadm -C'
director 'ipvsadm -A -t 1.1.1.254:0 -s rr'
director 'ipvsadm -A -t 1.1.1.254:0 -s rr -p 3'
director 'ipvsadm -a -t 1.1.1.254:0 -r 1.1.1.10 -g'
director 'ipvsadm -a -t 1.1.1.254:0 -r 1.1.1.20 -g'
client 'curl -s http://1.1.1.254; ask tcp 1.1.1.254:22; curl -s http://1.1.1.254'
say 'The time is up: both ports go to the other server.'
awaits director '! ipvsadm -lnc | grep -q 1.1.1.254:0'
client 'curl -s http://1.1.1.254; ask tcp 1.1.1.254:22; curl -s http://1.1.1.254'

say 'Without a number, clients are remembered for six minutes.'
director 'ipvsadm -E -t 1.1.1.254:0 -s rr -p'
director 'ipvsadm -ln'
