# kind: healthy
# cause: A server of weight 0 keeps the connections of clients that are gone without a word, and is off.
# traffic: yes
setup() { cluster dr; dr_service; serve client line:1
    on client bash -c 'exec 3<>/dev/tcp/1.1.1.254/80; exec 4<>/dev/tcp/1.1.1.254/80; sleep 90' >/dev/null 2>&1 &
    sleep .5; D -e -t 1.1.1.254:80 -r 1.1.1.10 -g -w 0; ip -n rs1 link set net down; }
traffic() { tries client 1.1.1.254 80; }
