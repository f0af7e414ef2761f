# shellcheck shell=bash
# `tests/lab test`: all tests. Sourced by tests/lab.
#
# The machine builds them, once, and runs those that need no kernel: `cargo test`. The
# others are one program, tests/kernel, which runs in guests, a module at a time; those
# within another, as diagnose::ways, are modules of their own. Six guests boot at once,
# and each takes the next module of the list until none is left: a guest has one
# processor, which waits most of the time. tests/systemd boots guests itself, so it
# runs beside them on the machine, as one more module.
#
# NAME-musl is that module of tests/kernel built for musl, and so is the program that it
# tries. All tests on all kernels have the parity scripts so as well, on the first.
#
# What is printed does not depend on who was quicker: modules are shown in the order of
# the list, the first one that is not complete as it goes.

LAB_GUESTS=6

# How long a module may take before it counts as standing still.
declare -A TEST_MINUTES=([uml]=20 [qemu]=60)

test_usage() {
    cat <<'END'
Usage: tests/lab test [--all-kernels] [--test NAME]... [FILTER...] [-- WORD...]

  --all-kernels   on each of the kernels, one after the other, with what is ignored
                  otherwise: most demos, and systemd on Debian 12; and the parity
                  scripts for musl, where Rust has its target
  --test NAME     only the tests in tests/kernel/NAME, or those in tests/systemd; may
                  be repeated. With -musl behind its name, they and ours are built
                  for musl
  FILTER          only tests with this in their name
  WORD            is for the test programs, as in: tests/lab test -- --nocapture
END
}

test_main() {
    local kernels=("$LAB_KERNEL_NAME") only=()
    TEST_FILTERS=() TEST_WORDS=() TEST_ALL=''
    while [[ $# -gt 0 ]]; do
        case $1 in
            --all-kernels) TEST_ALL=1 ;;
            --test)
                [[ $# -gt 1 ]] || fail "test: --test which?"
                test_is_there "$2" || fail "test: there is no tests/kernel/$2"
                only+=("$2")
                shift
                ;;
            -h | --help)
                test_usage
                return
                ;;
            --)
                TEST_WORDS+=("${@:2}")
                break
                ;;
            -*)
                test_usage >&2
                return 2
                ;;
            *) TEST_FILTERS+=("$1") ;;
        esac
        shift
    done
    if [[ $TEST_ALL ]]; then
        kernels=("${LAB_KERNELS[@]}")
        TEST_WORDS+=(--include-ignored)
    fi

    packages_need_cargo
    packages_need "${PACKAGES_BUILD[@]}" "${PACKAGES_GUEST[@]}" "${PACKAGES_TEST[@]}" \
        "${PACKAGES_RPM[@]}" "${PACKAGES_SYSTEMD[@]}"
    packages_reference
    local kernel
    for kernel in "${kernels[@]}"; do
        kernel_select "$kernel" # now, rather than after the first kernel's tests
    done

    # Other random tables and scripts in every run, and the same again where asked for.
    export IPVSADM_SEED=${IPVSADM_SEED:-$SRANDOM} LAB_TEST_MINUTES=${TEST_MINUTES[$LAB_ENGINE]}
    scratch "$LAB_CACHE/test"
    TEST_WORK=$SCRATCH
    : >"$TEST_WORK/results" # there may be none: where the kernel does not boot
    : >"$TEST_WORK/times"
    trap test_end EXIT
    cd -- "$LAB_REPOSITORY" || return
    # Fetching waits for others, and a release is linked by one processor for the most part.
    # What filters leave is known when all is built.
    local early=("${only[@]}")
    [[ ${#only[@]} -gt 0 || ${#TEST_FILTERS[@]} -gt 0 ]] || early=(package systemd)
    (
        scratch_own
        test_build_release "${early[@]}" &
        building=$!
        test_fetch "${early[@]}"
        wait "$building"
    ) 2>"$TEST_WORK/fetched" &
    local fetching=$! is_fetched=1
    test_build "${only[@]}"

    local failures=0
    if [[ ${#only[@]} -eq 0 ]]; then
        test_on_this_machine || failures=1
    fi
    wait "$fetching" || is_fetched=0
    cat -- "$TEST_WORK/fetched" >&2
    [[ $is_fetched -eq 1 ]] || exit 1 # why is in there
    if grep -q '^\(package\|systemd\)[: ]' "$TEST_WORK/modules"; then
        # shellcheck disable=SC2046 # names
        test_fetch $(sed 's/[: ].*//' "$TEST_WORK/modules")
        say "building our packages"
        packages_ours
        rpm_packages
        # What is installed is what is tested; and it starts sooner, some thousand times.
        export LAB_PACKAGED=$LAB_TARGET/release/ipvsadm
    fi
    for kernel in "${kernels[@]}"; do
        [[ -s $TEST_WORK/modules ]] || break
        kernel_select "$kernel"
        LAB_ENGINE_OPTIONS+=(--cached) # nothing changes there any more
        test_in_guests "$kernel" || failures=1
        # It has kernels of its own; and to the C library all are the same: once is enough.
        sed -i '/^\(systemd\|[^ ]*-musl\) /d' "$TEST_WORK/modules"
    done
    test_sum || failures=1
    return "$failures"
}

# test_is_there NAME: succeed if --test may have that name.
test_is_there() {
    local file=$LAB_REPOSITORY/tests/kernel/${1%-musl}
    [[ $1 == systemd || -e $file.rs || -e $file/mod.rs ]]
}

# test_fetch [NAME...]: have in the cache what these modules want beside a kernel.
test_fetch() {
    if [[ " $* " == *' systemd '* && $(kernel_engine) == uml ]]; then
        systemd_prepare 13 ${TEST_ALL:+12}
    fi
    if [[ " $* " == *' systemd '* || " $* " == *' package '* ]]; then
        packages_tool cargo-deb
    fi
}

# test_build_release [NAME...]: have ours built as it is packaged, where these modules want
# that.
test_build_release() {
    [[ " $* " != *' systemd '* && " $* " != *' package '* ]] ||
        cargo build --locked --quiet --release --bin ipvsadm || fail "ours does not build"
}

# test_build [NAME...]: build all tests, or these modules. Leaves the file modules with
# lines "NAME PROGRAM", those that have tests to be run, and tests/NAME with their names.
test_build() {
    say "building the tests"
    mkdir -- "$TEST_WORK/tests"
    : >"$TEST_WORK/listed"
    local name programs=() for_musl='' target
    if [[ $# -eq 0 ]]; then
        programs=(--lib '--test=*')
        for_musl=$TEST_ALL
    fi
    for name in "$@"; do
        case $name in
            systemd) programs+=(--test=systemd) ;;
            *-musl) for_musl=1 ;;
            *) programs+=(--test=kernel) ;;
        esac
    done
    [[ ${#programs[@]} -eq 0 ]] || test_build_some '' "${programs[@]}"
    if [[ $for_musl ]]; then
        target=$(rustc --version --verbose | sed -n 's/^host: \(.*\)-gnu\(.*\)/\1-musl\2/p')
        if [[ -d $(rustc --print sysroot)/lib/rustlib/$target ]]; then
            test_build_some -musl --target "$target" --test=kernel
        else
            printf 'tests for musl, which want: rustup target add %s\n' "$target" >>"$TEST_WORK/not-run"
        fi
    fi
    test_longest_first |
        awk -v only=" $* " '{
            name = $1
            sub("::[^-]*", "", name)
        } only == "  " ? !/^[^ ]*-musl / || name == "parity-musl" : index(only, " " name " ")' \
            >"$TEST_WORK/modules"
}

# test_build_some SUFFIX [ARGUMENT...]: build what `cargo test ARGUMENT...` runs, and list
# what of it runs in guests, as test_build does. The suffix is for the modules' names.
test_build_some() {
    local suffix=$1 messages=$TEST_WORK/messages name program
    shift
    cargo test --locked --quiet --no-run --message-format=json-render-diagnostics "$@" >"$messages" ||
        fail "the tests do not build"
    { grep '"profile":{[^}]*"test":true' "$messages" || true; } |
        sed -n 's/.*"name":"\(kernel\|systemd\)".*"executable":"\([^"]*\)".*/\1 \2/p' |
        while read -r name program; do
            "$program" --list --format terse "${TEST_FILTERS[@]}" "${TEST_WORDS[@]}" |
                sed -n 's/: test$//p' |
                awk -v name="$name" -v folder="$TEST_WORK/tests" -v suffix="$suffix" '{
                    module = $0
                    sub("::[^:]*$", suffix, module)
                    if (name != "kernel") module = name
                    if (!seen[module]++) print module
                    print >(folder "/" module)
                }' |
                sed "s|\$| $program|" >>"$TEST_WORK/listed"
        done
}

# The listed modules, those that take minutes first, the longest before all: whichever
# guest ends first, the other has little left to do then. Before them comes the one that
# unloads IPVS, which takes the kernel a minute where many namespaces have used it.
test_longest_first() {
    local name
    {
        for name in missing_module crowded world diagnose clusters parity watch random reload completions package matrix bad_input; do
            grep "^${name}[-: ]" "$TEST_WORK/listed" || true
        done
        cat "$TEST_WORK/listed"
    } | awk '!seen[$0]++'
}

# The tests that need no kernel.
test_on_this_machine() {
    local status=0
    say "unit tests and documentation, on this machine"
    cargo test --locked --quiet --no-fail-fast -- "${TEST_FILTERS[@]}" "${TEST_WORDS[@]}" \
        </dev/null >"$TEST_WORK/output" 2>&1 || status=$?
    cat "$TEST_WORK/output"
    grep -a '^test result: ' "$TEST_WORK/output" >>"$TEST_WORK/results" || true
    [[ $status -eq 0 ]] || printf 'failed (%s)\n' "$status"
    return "$status"
}

# test_in_guests KERNEL: run the modules in guests.
test_in_guests() {
    local kernel=$1 name program guest guests runner status failures=0
    local results=$TEST_WORK/$kernel
    mkdir -- "$results" "$results/taken"
    local one
    cp -r -- "$TEST_WORK/tests" "$results/tests" # of which some are not for this kernel
    while read -r name program; do
        if test_cannot "$name" "$kernel" >"$TEST_WORK/reason"; then
            say "$(test_title "$name" "$kernel"): not run: $(<"$TEST_WORK/reason")" >&3
            printf '%s on %s\n' "$name" "$kernel" >>"$TEST_WORK/not-run"
            continue
        fi
        one=$(test_of_debian_12 "$name")
        if grep -qx "$one" "$results/tests/$name" && test_machine_is_newer >"$TEST_WORK/reason"; then
            say "$(test_title "$name" "$kernel"), $one: not run: $(<"$TEST_WORK/reason")" >&3
            printf '%s, %s\n' "$name" "$one" >>"$TEST_WORK/not-run"
            sed -i "/^$one\$/d" "$results/tests/$name"
        fi
        if [[ $name == world ]]; then
            test_possible_cases "$kernel" <"$TEST_WORK/tests/$name" >"$results/tests/$name"
        fi
        [[ -s $results/tests/$name ]] || continue
        printf '%s %s\n' "$name" "$program"
    done <"$TEST_WORK/modules" 3>&1 >"$results/modules"

    TEST_RUNNERS=()
    program=$(sed -n 's/^systemd //p' "$results/modules")
    [[ -z $program ]] || test_start "$results" beside test_beside "$results" "$program"
    sed '/^systemd /d' "$results/modules" >"$results/for-guests"
    guests=$(wc -l <"$results/for-guests")
    [[ $guests -le $LAB_GUESTS ]] || guests=$LAB_GUESTS
    say "guests to boot: $guests, with kernel $LAB_KERNEL_VERSION; IPVSADM_SEED=$IPVSADM_SEED"
    for ((guest = 0; guest < guests; guest++)); do
        test_start "$results" "$guest" test_guest "$results"
    done

    while read -r name program; do
        until [[ -e $results/$name ]] || ! test_alive "$results"; do sleep 0.1; done
        say "$(test_title "$name" "$kernel")"
        if [[ -e $results/$name ]]; then
            exec 3<"$results/$name"
            until [[ -e $results/$name.status ]] || ! test_alive "$results"; do
                cat <&3
                sleep 0.1
            done
            cat <&3
            exec 3<&-
            grep -a '^test result: ' "$results/$name" >>"$TEST_WORK/results" || true
        fi
        status=$(cat "$results/$name.status" 2>/dev/null) || status="no status: its guest ended early"
        if [[ $status != 0 ]]; then
            printf '%s: failed (%s)\n' "$(test_title "$name" "$kernel")" "$status"
            failures=1
            # What has not come to its end has no result of its own, and one test of it failed.
            grep -qa '^test result: ' "$results/$name" 2>/dev/null ||
                echo 'test result: FAILED. 0 passed; 1 failed; 0 ignored' >>"$TEST_WORK/results"
        fi
    done <"$results/modules"

    while test_alive "$results"; do sleep 0.1; done
    for runner in "${TEST_RUNNERS[@]}"; do
        [[ $(<"$results/ended.$runner") == 0 ]] || failures=1
    done
    return "$failures"
}

# test_title NAME KERNEL: what a module of the list is called.
test_title() {
    local name=${1//:://}
    case $name in
        systemd) echo 'tests/systemd, kernels of its own' ;;
        *-musl) echo "tests/kernel/${name%-musl} for musl, kernel $2" ;;
        *) echo "tests/kernel/$name, kernel $2" ;;
    esac
}

# test_start RESULTS RUNNER COMMAND...: start what runs programs.
test_start() {
    local results=$1 runner=$2
    shift 2
    TEST_RUNNERS+=("$runner")
    {
        local status=0
        "$@" || status=$?
        printf '%s\n' "$status" >"$results/ended.new.$runner"
        mv -- "$results/ended.new.$runner" "$results/ended.$runner"
    } </dev/null &
}

# Succeed while a runner is there. Files show it, since a long run may see the number of
# a process that has ended given to another one.
test_alive() {
    local results=$1 runner
    for runner in "${TEST_RUNNERS[@]}"; do
        [[ -e $results/ended.$runner ]] || return 0
    done
    return 1
}

# test_beside RESULTS PROGRAM: run tests/systemd on the machine, as guest/tests runs a
# module. What it boots is one guest at a time; that ends when the program does.
test_beside() {
    local program=$2 tests sorter status=0 minutes=40
    [[ -z $TEST_ALL ]] || minutes=120 # it builds all that is handed out, twice
    mapfile -t tests <"$1/tests/systemd"
    exec 4> >(test_sort_out "$1")
    sorter=$!
    printf '\001begin systemd\n' >&4
    RUST_TEST_THREADS=1 timeout --kill-after=10 "${minutes}m" "$program" --exact "${tests[@]}" "${TEST_WORDS[@]}" >&4 2>&1 &
    # shellcheck disable=SC2064 # that process, whatever is started later
    trap "kill $! 2>/dev/null; exit 143" TERM # by test_end: nobody reads results any more
    wait $! || status=$?
    [[ $status -ne 124 ]] || status="not done after $minutes minutes"
    printf '\001end %s\n' "$status" >&4
    exec 4>&-
    wait "$sorter"
}

# test_cannot NAME KERNEL: succeed if a kernel's lab lacks what a module needs, and say what
# that is. What is not run is named again at the end.
test_cannot() {
    if [[ $1 == package* && $2 == 5.10 && $LAB_ENGINE == uml ]]; then
        echo "it installs packages in a layer over this machine's files, which this kernel cannot read there"
    elif [[ $1 == systemd && $(kernel_engine) != uml ]]; then
        echo "it boots user-mode Linux, which this machine has not"
    else
        return 1
    fi
}

# test_possible_cases KERNEL: of the tests on standard input, print those whose case in
# tests/world needs no module that the kernel lacks.
test_possible_cases() {
    local test case module
    while read -r test; do
        case=${test#*::}
        case=$LAB_REPOSITORY/tests/world/cases/${case//_/-}.sh
        if [[ -e $case ]]; then
            # shellcheck disable=SC2013 # words
            for module in $(sed -n 's/^# needs: *//p' "$case"); do
                kernel_has "$module" && continue
                printf '%s on %s: it has no %s\n' "$test" "$1" "$module" >>"$TEST_WORK/not-run"
                continue 2
            done
        fi
        printf '%s\n' "$test"
    done
}

# test_of_debian_12 NAME: the one among a program's tests that holds only where ours is
# built with a C library as old as that of Debian 12.
test_of_debian_12() {
    case $1 in
        package) echo package::it_installs_where_the_c_library_is_that_of_debian_12 ;;
        systemd) echo on_debian_12_it_takes_the_references_place_and_gives_it_back ;;
    esac
}

# Succeed if this machine's C library is newer than that, and say what follows.
test_machine_is_newer() {
    local version
    version=$(getconf GNU_LIBC_VERSION)
    version=${version##* }
    [[ $(printf '%s\n' 2.36 "$version" | sort --version-sort | tail -n 1) != 2.36 ]] || return 1
    echo "built with this machine's C library, $version, ours installs on none that is as old"
}

# test_guest RESULTS: one guest, and what it prints.
test_guest() {
    boot "$LABKIT/guest/tests" "$1/for-guests" "$1/tests" "$1/taken" "${TEST_WORDS[@]}" 2>&1 |
        test_sort_out "$1"
}

# test_sort_out RESULTS: take apart what a runner prints: guest/tests marks where a
# module begins and ends.
test_sort_out() {
    local results=$1 line name='' status
    while IFS= read -r line || [[ -n $line ]]; do
        case $line in
            $'\001begin '*)
                name=${line#* }
                : >"$results/$name"
                ;;
            *$'\001end '*) # what is before it had no newline
                [[ $line == $'\001'* ]] || printf '%s\n' "${line%%$'\001'*}" >>"$results/$name"
                test_time "${results##*/}" "$name" "$line"
                status=${line#*$'\001end '}
                printf '%s\n' "$status" >"$results/$name.status.new"
                mv -- "$results/$name.status.new" "$results/$name.status"
                name=''
                ;;
            *)
                if [[ -n $name ]]; then
                    printf '%s\n' "$line" >>"$results/$name"
                    test_time "${results##*/}" "$name" "$line"
                else
                    printf '%s\n' "$line" >&2
                fi
                ;;
        esac
    done
}

# test_time KERNEL MODULE LINE: note what each test takes, as the lines arrive: one runs
# at a time, from the last line before its own to the last one before the next one's.
TEST_ONE='' TEST_BEGAN='' TEST_LAST=''
test_time() {
    local now=${EPOCHREALTIME/[^0-9]/}
    case $3 in
        'test '*' ... '* | *$'\001end '*)
            [[ -z $TEST_ONE ]] || printf '%s %s\n' "$((TEST_LAST - TEST_BEGAN))" "$TEST_ONE" >>"$TEST_WORK/times"
            TEST_ONE=''
            if [[ $3 == 'test '* ]]; then
                TEST_ONE=${3#test } TEST_BEGAN=$TEST_LAST
                TEST_ONE="${TEST_ONE%% *}, $(test_title "$2" "$1")"
            fi
            ;;
    esac
    TEST_LAST=$now
}

# The closing lines of the whole run.
test_sum() {
    local passed=0 failed=0 ignored=0 line runs=0
    while read -r line; do
        [[ $line =~ ([0-9]+)\ passed\;\ ([0-9]+)\ failed\;\ ([0-9]+)\ ignored ]] || continue
        passed=$((passed + BASH_REMATCH[1]))
        failed=$((failed + BASH_REMATCH[2]))
        ignored=$((ignored + BASH_REMATCH[3]))
        runs=$((runs + 1))
    done <"$TEST_WORK/results"
    if [[ -s $TEST_WORK/times ]]; then
        say "the slowest tests, in seconds"
        sort -rn "$TEST_WORK/times" | awk 'NR <= 10 { $1 = sprintf("%8.1f ", $1 / 1e6); print }'
    fi
    say "all: $passed passed, $failed failed, $ignored ignored in $runs runs"
    [[ ! -e $TEST_WORK/not-run ]] || sed 's/^/not run: /' "$TEST_WORK/not-run"
    if [[ $((passed + failed)) -eq 0 ]]; then
        printf 'no test has been run\n'
        return 1
    fi
    local result=ok
    [[ $failed -eq 0 ]] || result=FAILED
    # In the words that each of the programs ends with.
    printf 'test result: %s. %s passed; %s failed; %s ignored\n' "$result" "$passed" "$failed" "$ignored"
    [[ $failed -eq 0 ]]
}

test_end() {
    local guests
    guests=$(jobs -p)
    # shellcheck disable=SC2086 # a list of numbers
    [[ -z $guests ]] || kill $guests 2>/dev/null || true
    scratch_remove
}
