# shellcheck shell=bash
# Plays a demo, inside the lab: bash stage.sh demos/NAME.sh
#
# A demo is written in these words:
#
#   title WORDS          what is shown
#   picture <<END        the cluster, drawn
#   cluster TOPOLOGY     build it; see cluster.sh, whose words are there too
#   say WORDS            what happens next, and why
#   director COMMAND     show a command at the host's prompt, and run it there
#   client COMMAND       the same; also rs1, rs2, director2
#   begins HOST COMMAND  show a command and what it says first; it goes on meanwhile
#   ends                 wait for its end, and show what else it says until then
#   tally                count who answered to the last command
#   opens COUNT ADDRESS:PORT  have the client open connections, and keep them
#   goes_on              have it say something over each of them
#   closes               have it close them
#   awaits HOST CONDITION  wait, off stage, until a command succeeds on the host
#   counted              wait until the kernel has added up its counters
#
# A command that fails is shown with its exit status, and the demo goes on: what
# a user gets to see when the document has a slip belongs to the show. The demo
# itself fails where something that it waits for does not come, or where a client
# loses a connection that it keeps. It ends where a command is not installed.
#
# A client has curl, and `ask`, which is guest/client.pl. Where a demo needs more
# packages, it says so in its second line: see demo.sh.
set -u
# shellcheck source=tests/labkit/cluster.sh
. "${BASH_SOURCE[0]%/*}/cluster.sh"

# Whether there is a terminal, the machine knows: a demo is given none, so that it
# reads nothing from it.
if [[ -n ${LAB_COLOURS-} ]]; then
    BOLD=$'\e[1m' DIM=$'\e[2m' GREEN=$'\e[32m' CYAN=$'\e[36m' RED=$'\e[31m' PLAIN=$'\e[m'
else
    BOLD='' DIM='' GREEN='' CYAN='' RED='' PLAIN=''
fi
LAST_OUTPUT=
STAGE_STATUS=0
export STAGE_MISSING SHELL=/bin/bash
STAGE_MISSING=$(mktemp)

# Bash calls this where it finds no such command, in whatever part of a line.
command_not_found_handle() {
    printf '%s\n' "$1" >>"$STAGE_MISSING"
    printf '%s: command not found\n' "$1" >&2
    return 127
}
export -f command_not_found_handle

# End the demo if a command was not found: what comes after it would show nothing true.
end_if_missing() {
    local missing
    read -r missing <"$STAGE_MISSING" || return 0
    goes_wrong "the demo ends here, as this machine has no $missing"
    cluster_end
    exit 1
}

title() {
    printf '\n%s%s%s\n' "$BOLD" "$*" "$PLAIN"
}

picture() {
    local line
    printf '\n'
    while IFS= read -r line; do
        printf '%s%s%s\n' "$DIM" "$line" "$PLAIN"
    done
}

say() {
    local line=# word words
    read -ra words <<<"$*"
    printf '\n'
    for word in "${words[@]}"; do
        if ((${#line} + 1 + ${#word} > 80)); then
            printf '%s%s%s\n' "$DIM" "$line" "$PLAIN"
            line=#
        fi
        line+=" $word"
    done
    printf '%s%s%s\n' "$DIM" "$line" "$PLAIN"
}

director() { play director "$CYAN" '#' "$@"; }
director2() { play director2 "$CYAN" '#' "$@"; }
client() { play client "$GREEN" '$' "$@"; }
rs1() { play rs1 "$PLAIN" '#' "$@"; }
rs2() { play rs2 "$PLAIN" '#' "$@"; }

# play HOST COLOUR PROMPT COMMAND
play() {
    local host=$1 colour=$2 prompt=$3 output process line status=0
    shift 3
    printf '%s%s%s%s %s%s%s\n' "$colour" "$host" "$prompt" "$PLAIN" "$BOLD" "$*" "$PLAIN"
    exec {output}< <(on "$host" bash -c "$*" 2>&1)
    process=$!
    LAST_OUTPUT=
    while IFS= read -r line || [[ -n $line ]]; do
        printf '%s\n' "$line"
        LAST_OUTPUT+=${LAST_OUTPUT:+$'\n'}$line
    done <&"$output"
    exec {output}<&-
    wait "$process" || status=$?
    [[ $status -eq 0 ]] || printf '%s(exit status %s)%s\n' "$RED" "$status" "$PLAIN"
    end_if_missing
}

# Where a person watches, it has a terminal, and shows how far it is.
begins() {
    local host=$1 line
    shift
    printf '%s%s#%s %s%s%s\n' "$CYAN" "$host" "$PLAIN" "$BOLD" "$*" "$PLAIN"
    BEGUN=$(mktemp)
    if [[ -n ${LAB_COLOURS-} ]]; then
        on "$host" script --quiet --flush --return --command "$*" /dev/null >"$BEGUN" </dev/null &
    else
        on "$host" bash -c "$*" >"$BEGUN" 2>&1 </dev/null &
    fi
    BEGUN_PROCESS=$!
    until read -r line <"$BEGUN" || ! kill -0 "$BEGUN_PROCESS" 2>/dev/null; do
        sleep 0.1
    done
    printf '%s\n' "$line"
    BEGUN_SHOWN=$((${#line} + 1))
}

ends() {
    local status=0
    tail --sleep-interval=0.2 --pid="$BEGUN_PROCESS" --bytes=+$((BEGUN_SHOWN + 1)) --follow "$BEGUN"
    wait "$BEGUN_PROCESS" || status=$?
    [[ $status -eq 0 ]] || printf '%s(exit status %s)%s\n' "$RED" "$status" "$PLAIN"
    rm -- "$BEGUN"
    end_if_missing
}

ask() {
    perl "$LABKIT/guest/client.pl" "$@"
}
export -f ask

opens() {
    HELD=$1
    say_what_client_does "opens $1 connections to $2 and keeps them"
    coproc HOLDER { on client perl "$LABKIT/guest/client.pl" --hold tcp "$2" "$1" 2>&1; }
    answers
}

goes_on() {
    say_what_client_does 'says something over each of them'
    [[ -z ${HOLDER[1]-} ]] || echo >&"${HOLDER[1]}"
    answers
}

closes() {
    say_what_client_does 'closes them'
    local process=$HOLDER_PID input=${HOLDER[1]}
    exec {input}>&-
    wait "$process"
}

say_what_client_does() {
    printf '%sclient%s (%s)\n' "$GREEN" "$PLAIN" "$*"
}

# Show who answers to the client's connections.
answers() {
    local line index
    for ((index = 0; index < HELD; index++)); do
        # When the client has given up, it has said why, and there is no more HOLDER.
        if [[ -z ${HOLDER[0]-} ]] || ! read -r line <&"${HOLDER[0]}"; then
            goes_wrong 'not every connection is answered'
            return
        fi
        printf '%s\n' "$line"
    done
}

goes_wrong() {
    printf '%s(%s)%s\n' "$RED" "$*" "$PLAIN"
    STAGE_STATUS=1
}

# one_network TOPOLOGY [DIRECTORS]: build a cluster that is all in one network,
# and show it.
one_network() {
    picture <<END
   client 1.1.1.100 ──┬── director 1.1.1.25, and the virtual address 1.1.1.254
                      ├── rs1      1.1.1.10
                      └── rs2      1.1.1.20
END
    cluster "$@"
}

tally() {
    local name count bar
    printf '\n'
    while read -r count name; do
        printf -v bar '%*s' "$count" ''
        printf '    %s%-9s%s %s%s%s %s\n' "$BOLD" "$name" "$PLAIN" "$GREEN" "${bar// /■}" "$PLAIN" "$count"
    done < <(sort <<<"$LAST_OUTPUT" | uniq -c)
    printf '\n'
}

awaits() {
    local host=$1 end=$((SECONDS + 150))
    shift
    until on "$host" bash -c "$*" >/dev/null 2>&1; do
        end_if_missing
        if [[ $SECONDS -ge $end ]]; then
            goes_wrong "waited in vain until: $*"
            return
        fi
        sleep 0.2
    done
}

# It does so every two seconds; meanwhile, what its processors have counted is in
# a file, in hexadecimal. In a listing, the lines are the services' and the real
# servers', who both had all of it.
counted() {
    # shellcheck disable=SC2016 # for the bash there
    awaits director 'while read -r cpu connections in out _; do
            [[ $cpu != "~" ]] || break
            [[ ! $cpu =~ ^[0-9]+$ ]] || counted=$((counted + 2 * (16#$connections + 16#$in + 16#$out)))
        done </proc/net/ip_vs_stats_percpu
        while read -r -a words; do
            [[ ${words[-1]} =~ ^[0-9]+$ ]] || continue
            listed=$((listed + words[-5] + words[-4] + words[-3]))
        done < <(ipvsadm -ln --stats --exact | tail -n +4)
        [[ $listed -eq $counted ]]'
}

# shellcheck source=/dev/null
. "$1"
# A test of the demos wants to know what a diagnosis finds in the end.
if [[ -n ${STAGE_DIAGNOSIS-} ]]; then
    on director ipvsadm --diagnose --probe --json >"$STAGE_DIAGNOSIS"
fi
cluster_end
[[ $STAGE_STATUS -eq 0 ]]
