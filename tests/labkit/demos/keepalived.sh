# Beside keepalived: we list its table, and it keeps what we change
# needs keepalived=keepalived
# shellcheck shell=bash disable=SC2016
title 'Beside keepalived'
one_network dr
cat >/tmp/keepalived.conf <<'END'
virtual_server 1.1.1.254 80 {
    delay_loop 1
    lvs_sched wrr
    lvs_method DR
    protocol TCP
    real_server 1.1.1.10 80 {
        TCP_CHECK {
            connect_timeout 2
        }
    }
    real_server 1.1.1.20 80 {
        TCP_CHECK {
            connect_timeout 2
        }
    }
}
END

say 'keepalived makes a table, and checks the real servers.'
director 'cat /tmp/keepalived.conf'
director 'keepalived --check --use-file /tmp/keepalived.conf'
awaits director '[[ $(ipvsadm -Sn | grep -c -e ^-a) -eq 2 ]]'
director 'ipvsadm -ln'
say 'Both programs list it, to the byte the same.'
director 'diff <(ipvsadm.reference -ln) <(ipvsadm -ln) && echo the same'

say 'We change a weight.'
director 'ipvsadm -e -t 1.1.1.254:80 -r 1.1.1.10 -g -w 3'

say 'rs2 fails. keepalived takes it out, and leaves our weight as it is.'
rs2 'ip link set net down'
awaits director '! ipvsadm -Sn | grep -q 1.1.1.20'
director 'ipvsadm -ln'

say 'rs2 is back.'
rs2 'ip link set net up'
awaits director 'ipvsadm -Sn | grep -q 1.1.1.20'
director 'ipvsadm -ln'
client 'curl -0s "http://1.1.1.254?[1-8]"'
tally
