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
#   tally                count who answered to the last command
#   opens COUNT ADDRESS:PORT  have the client open connections, and keep them
#   goes_on              have it say something over each of them
#   closes               have it close them
#   counted              wait until the kernel has added up its counters
#
# A command that fails is shown with its exit status, and the demo goes on: what
# a user gets to see when the document has a slip belongs to the show.
#
# A client has curl, and `ask`, which is guest/client.pl. Where a demo needs more
# packages, it says so in its second line: see demo.sh.
set -u
# shellcheck source=tests/labkit/cluster.sh
. "${BASH_SOURCE[0]%/*}/cluster.sh"

if [[ -t 1 && -z ${NO_COLOR-} ]]; then
    BOLD=$'\e[1m' DIM=$'\e[2m' GREEN=$'\e[32m' CYAN=$'\e[36m' RED=$'\e[31m' PLAIN=$'\e[m'
else
    BOLD='' DIM='' GREEN='' CYAN='' RED='' PLAIN=''
fi
LAST_OUTPUT=

title() {
    printf '\n%s%s%s\n\n' "$BOLD" "$*" "$PLAIN"
}

picture() {
    local line
    while IFS= read -r line; do
        printf '%s%s%s\n' "$DIM" "$line" "$PLAIN"
    done
}

say() {
    printf '\n%s# %s%s\n' "$DIM" "$*" "$PLAIN"
}

director() { play director "$CYAN" '#' "$@"; }
director2() { play director2 "$CYAN" '#' "$@"; }
client() { play client "$GREEN" '$' "$@"; }
rs1() { play rs1 "$PLAIN" '#' "$@"; }
rs2() { play rs2 "$PLAIN" '#' "$@"; }

# play HOST COLOUR PROMPT COMMAND
play() {
    local host=$1 colour=$2 prompt=$3 status=0
    shift 3
    printf '%s%s%s%s %s%s%s\n' "$colour" "$host" "$prompt" "$PLAIN" "$BOLD" "$*" "$PLAIN"
    exec 3>&1
    LAST_OUTPUT=$(on "$host" bash -c "$*" 2>&1 | tee /dev/fd/3; exit "${PIPESTATUS[0]}") || status=$?
    exec 3>&-
    [[ $status -eq 0 ]] || printf '%s(exit status %s)%s\n' "$RED" "$status" "$PLAIN"
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
    echo >&"${HOLDER[1]}"
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
        read -r line <&"${HOLDER[0]}" || break
        printf '%s\n' "$line"
    done
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

counted() {
    sleep 2.2 # it does so every two seconds
}

# shellcheck source=/dev/null
. "$1"
cluster_end
