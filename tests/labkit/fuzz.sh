# shellcheck shell=bash
# `tests/lab fuzz`: bytes that nobody thought of, through whatever reads bytes. Sourced by tests/lab.
#
# The targets are in tests/fuzz, what must hold in src/fuzzing. Each begins with
# seeds from the tests. What it gathers stays below the target folder, in
# fuzz/corpus, and is where the next run goes on; input that breaks something is
# put in fuzz/artifacts. No guest is needed: nothing here speaks to a kernel.

FUZZ_TARGETS=(command_lines rule_files netlink connections packets moving_tables)

# fuzz_main [SECONDS]
fuzz_main() {
    local seconds=${1-60} folder=$LAB_TARGET/fuzz target failed=()
    [[ $# -le 1 && $seconds =~ ^[1-9][0-9]*$ ]] || fail "fuzz: for how many seconds each?"
    fuzz_build "$folder"
    for target in "${FUZZ_TARGETS[@]}"; do
        say "$target, for $seconds seconds"
        fuzz_run "$folder" "$target" "$seconds" || failed+=("$target")
    done
    [[ ${#failed[@]} -eq 0 ]] || fail "found something: ${failed[*]}; the input is in $folder/artifacts"
}

# fuzz_build FOLDER: have the targets built in a folder.
fuzz_build() {
    packages_need_cargo
    rustup toolchain list 2>/dev/null | grep -q ^nightly ||
        fail "fuzz: needs a nightly toolchain: rustup toolchain install nightly"
    packages_need "${PACKAGES_BUILD[@]}" g++=c++
    packages_tool cargo-fuzz
    cargo +nightly fuzz build --fuzz-dir "$LAB_REPOSITORY/tests/fuzz" --target-dir "$1" ||
        fail "the fuzz targets do not build"
}

# fuzz_run FOLDER TARGET SECONDS: run a target, and print what libFuzzer counted.
fuzz_run() {
    local folder=$1 target=$2 seconds=$3 host status=0
    host=$(rustc +nightly -vV | sed -n 's/^host: //p')
    mkdir -p -- "$folder"/{corpus,seeds,artifacts}/"$target"
    fuzz_seeds "$target" "$folder/seeds/$target"
    "$folder/$host/release/$target" "$folder/corpus/$target" "$folder/seeds/$target" \
        -max_total_time="$seconds" -timeout=10 -max_len=1024 -print_final_stats=1 \
        -dict="$LAB_REPOSITORY/tests/fuzz/words.dict" \
        -artifact_prefix="$folder/artifacts/$target/" \
        </dev/null >"$folder/$target.log" 2>&1 || status=$?
    if [[ $status -ne 0 ]]; then
        tail -n 40 "$folder/$target.log"
    else
        grep -aE 'DONE  |^stat::(number_of_executed_units|average_exec_per_sec)' "$folder/$target.log"
    fi
    return "$status"
}

# fuzz_seeds TARGET FOLDER: make the files that a target begins with.
fuzz_seeds() {
    local scripts=$LAB_REPOSITORY/tests/parity
    case $1 in
        command_lines)
            # A word ends with a NUL, the last one with the file.
            sed -n 's/^ipvsadm //p' "$scripts"/*.script | grep -v "['\"\\\\]" |
                perl -ne 'chomp; s/ +/\0/g; open F, ">", "'"$2"'/$." or die; print F'
            ;;
        rule_files)
            # A few rules, the byte that parts the two files, some of them and the next few.
            fuzz_rules "$scripts"/*.script | perl -e '
                my @rules = <STDIN>;
                for (my $number = 0; @rules > 12; $number++) {
                    open my $file, ">:raw", "$ARGV[0]/$number" or die "$ARGV[0]/$number: $!\n";
                    print $file @rules[0 .. 7], "\xff", @rules[4 .. 11];
                    splice @rules, 0, 6;
                }' "$2"
            ;;
        netlink)
            perl "$LABKIT/fuzz/datagrams.pl" "$2"
            ;;
        connections)
            perl "$LABKIT/fuzz/connections.pl" "$2"
            ;;
        packets)
            perl "$LABKIT/fuzz/packets.pl" "$2"
            ;;
        moving_tables)
            # Two tables, a size of datagrams, and ever more of what somebody else does.
            perl -e '
                srand 1;
                for my $number (0 .. 29) {
                    open my $file, ">:raw", "$ARGV[0]/$number" or die "$ARGV[0]/$number: $!\n";
                    print $file map { chr int rand 256 } 1 .. 12 + 30 * $number;
                }' "$2"
            ;;
    esac
}

# fuzz_rules SCRIPT...: what scripts add, change and take away, as rules.
fuzz_rules() {
    grep -hE '^(ipvsadm|[|]) -[AaEeDdC]' "$@" | grep -v "['\"\\\\]" | sed 's/^[^ ]* //'
}
