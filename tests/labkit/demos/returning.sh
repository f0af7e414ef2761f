# A server returns: flooded, and with its share by and by
# shellcheck shell=bash
title 'A server that comes back'
one_network dr

say 'While rs2 is away, rs1 has all the clients.'
director 'ipvsadm -A -t 1.1.1.254:22 -s wlc'
director 'ipvsadm -a -t 1.1.1.254:22 -r 1.1.1.10 -g -w 100'
opens 12 1.1.1.254:22

say 'rs2 comes back with its full weight. It has no connections, so it gets all new ones.'
director 'ipvsadm -a -t 1.1.1.254:22 -r 1.1.1.20 -g -w 100'
client 'ask --hold tcp 1.1.1.254:22 10 </dev/null'
tally

say 'Once more, with a ramp: from weight 1 to 100. First comes the rule that ends it at once.'
director 'ipvsadm -d -t 1.1.1.254:22 -r 1.1.1.20'
begins director 'ipvsadm -a -t 1.1.1.254:22 -r 1.1.1.20 -g -w 100 --ramp 30'
awaits director 'ipvsadm -ln | grep 1.1.1.20'

say 'Its caches are cold, and it gets little.'
client 'ask --hold tcp 1.1.1.254:22 10 </dev/null'
tally
director 'ipvsadm -ln'

say 'Half of the time later it has half of its weight.'
# shellcheck disable=SC2016 # for the bash there
awaits director '[[ $(ipvsadm -Sn | sed -n "s/.*1.1.1.20:22 .*-w //p") -ge 50 ]]'
director 'ipvsadm -ln'
client 'ask --hold tcp 1.1.1.254:22 10 </dev/null'
tally
ends

say 'It is there. Who was on rs1 has stayed.'
director 'ipvsadm -ln'
goes_on
closes
