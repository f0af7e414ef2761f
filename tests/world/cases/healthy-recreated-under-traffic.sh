# kind: healthy
# cause: The rules were restored a second ago while long connections go on; new clients are answered.
# traffic: yes
setup() { cluster nat; nat_service; serve rs1 line:22; service director 2.2.2.25:22 -m 1.1.1.10:22
    on client bash -c 'exec 3<>/dev/tcp/2.2.2.25/80; exec 4<>/dev/tcp/2.2.2.25/80; sleep 90' >/dev/null 2>&1 &
    sleep .5; D -C; nat_service; }
traffic() { tries client 2.2.2.25 80; }
