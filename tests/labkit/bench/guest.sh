#!/bin/bash
# The first program of the benchmark's guest: does the job named on the kernel's
# command line, and writes what they cost on the console, a line for each
# command, parted by TABs: the job, the program, instructions, peak memory in KiB.
#
# Every table stands in a network namespace of its own, which stays to the end:
# the kernel takes a table down in the background, and that would be counted.

fail() {
    printf 'FAILED\t%s\n' "$*"
    poweroff -f
}

# in_namespace NAME COMMAND...: run a command there; the namespace is made with
# the first.
in_namespace() {
    local place=/namespaces/$1
    if [[ ! -e $place ]]; then
        : >"$place"
        unshare --net="$place" ip link set lo up || fail "no namespace $1"
    fi
    shift
    nsenter --net="$place" "$@"
}

# measure JOB PROGRAM NAMESPACE COMMAND...: what a command of the program costs
# there. It reads this function's input, and /tmp/PROGRAM has its output. Errors go
# to a file as well: at a terminal it would look for hints.
measure() {
    local job=$1 program=$2 namespace=$3 cost
    shift 3
    cost=$(in_namespace "$namespace" cost "/tmp/$program" "$@" 2>/tmp/errors) || fail "$job: $program: $cost $(</tmp/errors)"
    # shellcheck disable=SC2086 # two numbers
    printf '%s\t%s\t%s\t%s\n' "$job" "$program" ${cost}
}

# same JOB: both programs have written the same.
same() {
    cmp /tmp/reference /tmp/ours || fail "$1: the programs do not write the same"
}

# holds NAMESPACE RULES: the table there is the one that the rules describe.
holds() {
    in_namespace "$1" /ours/ipvsadm -Sn | sort >/tmp/held
    sort "$2" | cmp - /tmp/held || fail "$1: the table is not the one that was asked for"
}

# One call, start to finish, without anything to do and with one change.
job_single() {
    local program number
    for program in reference ours; do
        # Uncounted: the first call has the kernel load modules.
        in_namespace "single-$program" "/$program/ipvsadm" -A -t 10.0.0.1:80
        in_namespace "single-$program" "/$program/ipvsadm" -D -t 10.0.0.1:80
        for number in {1..40}; do
            measure "-ln, empty table" $program "single-$program" "/$program/ipvsadm" -ln
        done
    done
    same "-ln, empty table"
    for program in reference ours; do
        for number in {1..40}; do
            measure "one -A" $program "single-$program" "/$program/ipvsadm" -A -t "10.0.0.$number:80" -s wlc
        done
    done
}

# restore SERVICES TIMES: -R of so many services of ten servers. What it costs the
# kernel to make room for a server depends on how full its pages for such things
# happen to be; where that counts, it is done several times, in turns.
restore() {
    local rules=$(($1 * 11)) program time
    rules.sh "$1" 10 >/tmp/rules || fail "no rules"
    for ((time = 0; time < $2; time++)); do
        for program in reference ours; do
            measure "-R, $rules rules" $program "restore-$1-$time-$program" "/$program/ipvsadm" -R </tmp/rules
            holds "restore-$1-$time-$program" /tmp/rules
        done
        measure "-R, $rules rules" floor "restore-$1-$time-floor" floor restore "$1" 10
        holds "restore-$1-$time-floor" /tmp/rules
    done
}

job_restore() { restore 2000 3; }

# list SERVICES: the listings of so many services of ten servers.
list() {
    local rules=$(($1 * 11)) program command
    in_namespace "list-$1" floor restore "$1" 10
    for command in -ln -Sn "-ln --stats"; do
        for program in reference ours; do
            # The words of the command are to be parted.
            # shellcheck disable=SC2086
            measure "$command, $rules rules" $program "list-$1" "/$program/ipvsadm" $command
        done
        same "$command, $rules rules"
    done
    measure "-ln, $rules rules" floor "list-$1" floor list
}

job_list() { list 2000; }

job_large-restore() { restore 10000 1; }

job_large-list() { list 10000; }

# reload JOB WORDS...: ipvsadm-restore of what rules.sh writes with the words, over
# the table that it writes without them.
reload() {
    local program job=$1
    shift
    rules.sh 3000 10 "$@" >/tmp/rules || fail "no rules"
    for program in reference ours; do
        in_namespace "reload-$program" floor restore 3000 10
        measure "ipvsadm-restore, 33000 rules, $job" \
            $program "reload-$program" "/$program/ipvsadm-restore" </tmp/rules
        holds "reload-$program" /tmp/rules
    done
}

job_reload() { reload "unchanged"; }

job_reload-changed() { reload "1 % changed" changed; }

# connected NAMESPACE COUNT: make a service there, and so many connections to it.
connected() {
    in_namespace "$1" ip address add 10.0.0.1/32 dev lo
    in_namespace "$1" ip address add 10.0.0.2/32 dev lo
    in_namespace "$1" /ours/ipvsadm --set 0 0 3600
    in_namespace "$1" /ours/ipvsadm -A -u 10.0.0.1:53 -s rr
    in_namespace "$1" /ours/ipvsadm -a -u 10.0.0.1:53 -r 10.0.0.2 -m
    in_namespace "$1" connections 10.0.0.1 53 "$2"
}

# The list of connections.
job_connections() {
    local program
    connected connections 50000
    for program in reference ours; do
        measure "-lnc, 50000 connections" $program connections "/$program/ipvsadm" -lnc
        [[ $(wc -l <"/tmp/$program") -eq 50002 ]] || fail "$program does not list 50000 connections"
    done
}

# filters COUNT: filters and counts of so many connections, beside reading their
# file line by line.
filters() {
    local words floor
    in_namespace filters ip link set lo multicast on
    in_namespace filters ip route add 224.0.0.0/4 dev lo
    for words in 192.0.2.{1..3}:80; do
        in_namespace filters /ours/ipvsadm -A -t "$words" -s rr
        in_namespace filters /ours/ipvsadm -a -t "$words" -r 10.255.0.1:8080 -m
    done
    in_namespace filters /ours/ipvsadm --start-daemon backup --mcast-interface lo
    sleep 1
    in_namespace filters synced "$1"
    sleep 1
    floor=$(in_namespace filters cost /tmp/floor lines /proc/net/ip_vs_conn) || fail "lines: $floor"
    [[ $(</tmp/floor) -eq $(($1 + 1)) ]] || fail "$(</tmp/floor) lines of $1 connections"
    for words in "-r 10.255.0.7" "--state syn_recv --count state" \
        "--stale --count server" "--count client" "--origin sync --count client"; do
        # shellcheck disable=SC2086 # two numbers
        printf '%s\t%s\t%s\t%s\n' "-Lnc $words, $1" floor ${floor}
        # shellcheck disable=SC2086
        measure "-Lnc $words, $1" ours filters /ours/ipvsadm -Lnc $words
    done
}

job_filters() { filters 100000; }

job_large-filters() { filters 1000000; }

# watching NAMESPACE INTERVAL WORDS...: list again and again, on a terminal of the
# usual size. WATCHING is the process.
watching() {
    local namespace=$1 interval=$2
    shift 2
    in_namespace "$namespace" script -qc "exec /ours/ipvsadm $* --watch $interval" /dev/null >/dev/null &
    sleep 0.55
    WATCHING=$(pidof ipvsadm) || fail "$*: has ended"
}

watching_end() {
    kill "$WATCHING"
    wait
}

# looks JOB COUNT SECONDS: let it look so often, which takes so long; writes what a
# look costs, and the memory held after the last one, which is HELD, too. Here a
# nanosecond is an instruction, and the kernel knows how many of them a process has
# run; while nobody runs, the clock is put forward.
looks() {
    local job=$1 before after
    read -r before _ <"/proc/$WATCHING/schedstat"
    sleep "$3"
    read -r after _ <"/proc/$WATCHING/schedstat" || fail "$job: has ended"
    HELD=$(grep VmRSS "/proc/$WATCHING/status") || fail "$job: no memory is told"
    HELD=${HELD//[!0-9]/}
    printf '%s\t%s\t%s\t%s\n' "$job" ours $(((after - before) / $2)) "$HELD"
}

# What a look of --watch costs; beside it what `watch ipvsadm` starts for each of
# its own, without what it draws.
job_watch() {
    local job="a look of -Ln --watch, 1000 services"
    in_namespace watch floor restore 1000 2
    watching watch 1 -Ln
    looks "$job" 20 20
    watching_end
    measure "$job" reference watch sh -c 'exec /reference/ipvsadm -Ln'
    measure "$job" floor watch floor list
    watching watch 1 -Ln --table
    looks "a look of -Ln --table --watch, 1000 services" 20 20
    watching_end
}

# The memory after 1000 looks and after 10 000.
job_looks() {
    local words held
    in_namespace looks floor restore 2 2
    connected looks 20
    for words in "-Ln" "-Ln --table" "-L --json" "-Lnc --count client"; do
        watching looks 0.1 "$words"
        looks "a look of $words, the first 1000" 1000 100
        held=$HELD
        looks "a look of $words, 9000 more" 9000 900
        watching_end
        # A page more or less is no growth: less than two bytes a look.
        [[ $HELD -le $((held + 16)) ]] || fail "$words --watch: $held KiB, then $HELD KiB"
    done
}

# What a packet costs that --listen hears, beside a capture that looks at none: 20 000 a
# second for two seconds, 1000 of them SYNs in a second. A nanosecond is an instruction
# here: below 50 000 for each, one core keeps up.
job_listen() {
    local packets=40000 program before after process memory
    # The kernel calls the other end veth0: this ip cannot name it.
    in_namespace listen ip link add inside type veth
    in_namespace flood true
    in_namespace flood sleep 1000 &
    sleep 0.5
    process=$(pidof sleep) || fail "no namespace to flood from"
    in_namespace listen ip link set veth0 netns "${process%% *}"
    in_namespace listen ip link set inside up
    in_namespace flood ip link set veth0 up
    # Not the service's: what comes for that is heard, and goes no further.
    in_namespace listen ip address add 10.9.9.9/8 dev inside
    printf '%s\n' '-A -t 10.0.0.1:80 -s rr' '-a -t 10.0.0.1:80 -r 10.0.0.2 -m' |
        in_namespace listen /ours/ipvsadm -R
    for program in floor ours; do
        case $program in
            floor) in_namespace listen capture & ;;
            ours) in_namespace listen /ours/ipvsadm --diagnose --listen 5 --json >/tmp/listened 2>/tmp/errors & ;;
        esac
        sleep 1
        process=$(pidof capture ipvsadm) || fail "$program: does not run"
        read -r before _ <"/proc/$process/schedstat"
        in_namespace flood flood veth0 20 2000 || fail "no flood"
        sleep 0.2
        read -r after _ <"/proc/$process/schedstat" || fail "$program: has ended"
        memory=$(grep VmHWM "/proc/$process/status") || fail "$program: no memory is told"
        printf '%s\t%s\t%s\t%s\n' "a packet that --listen hears, of 40 000" $program \
            $(((after - before) / packets)) "${memory//[!0-9]/}"
        if [[ $program == floor ]]; then kill "$process"; fi
        wait %%
    done
    grep -q '"packets_lost":0,' /tmp/listened || fail "packets were lost: $(grep -o '"packets[^,]*' /tmp/listened)"
    grep -q '"count":2000,' /tmp/listened || fail "not all attempts were followed"
}

export PATH=/bin:/sbin
/bin/busybox --install -s /bin
mount -t devtmpfs dev /dev
exec </dev/null >/dev/console 2>&1
mkdir /dev/pts
mount -t devpts devpts /dev/pts
mount -t proc proc /proc
mount -t tmpfs -o size=90% tmp /tmp
while read -r module; do
    insmod "/modules/$module"
done </modules/order

read -r -a words </proc/cmdline
for word in "${words[@]}"; do
    case $word in
        job=*) "job_${word#job=}" </dev/null ;;
    esac
done
echo DONE
poweroff -f
