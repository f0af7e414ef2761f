# shellcheck shell=bash
# `tests/lab test`: all tests. Sourced by tests/lab.
#
# The machine builds them, once, and runs the unit tests. The integration tests,
# one program a file of tests/*.rs, run in guests. Two guests boot at once, and each
# takes the next program of the list until none is left: a guest has one processor,
# the machine mostly more. One program, systemd, boots guests itself, so it runs
# beside them on the machine.
#
# NAME-musl is tests/NAME.rs built for musl, and so is the program that it tries. All
# tests on all kernels have the parity scripts so as well, on the first of them.
#
# What is printed does not depend on who was quicker: programs are shown in the
# order of the list, the first one that is not complete as it goes.

LAB_GUESTS=2

# How long a test program may take before it counts as standing still.
declare -A TEST_MINUTES=([uml]=20 [qemu]=60)

test_usage() {
    cat <<'END'
Usage: tests/lab test [--all-kernels] [--test NAME]... [--] [FILTER...]

  --all-kernels   on each of the kernels, one after the other; all tests are then
                  also the parity scripts for musl, where Rust has its target
  --test NAME     only the integration tests in tests/NAME.rs; may be repeated.
                  With -musl behind its name, they and ours are built for musl
  FILTER          only tests with this in their name; what else follows is for
                  the test programs too, as in: tests/lab test -- --nocapture
END
}

test_main() {
    local kernels=("$LAB_KERNEL_NAME") only=() words=()
    TEST_OF_ALL=('*')
    while [[ $# -gt 0 ]]; do
        case $1 in
            --all-kernels)
                kernels=("${LAB_KERNELS[@]}")
                TEST_OF_ALL=('*' parity-musl)
                ;;
            --test)
                [[ $# -gt 1 ]] || fail "test: --test which?"
                only+=("$2")
                shift
                ;;
            -h | --help)
                test_usage
                return
                ;;
            --)
                words+=("${@:2}")
                break
                ;;
            -*)
                test_usage >&2
                return 2
                ;;
            *) words+=("$1") ;;
        esac
        shift
    done

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
    trap test_end EXIT
    cd -- "$LAB_REPOSITORY" || return
    # Fetching waits for others for the most part, building does not.
    test_fetch "${only[@]}" 2>"$TEST_WORK/fetched" &
    local fetching=$! is_fetched=1
    test_build "${only[@]}"

    local failures=0
    if [[ ${#only[@]} -eq 0 ]]; then
        test_on_this_machine "${words[@]}" || failures=1
    fi
    wait "$fetching" || is_fetched=0
    cat -- "$TEST_WORK/fetched" >&2
    [[ $is_fetched -eq 1 ]] || exit 1 # why is in there
    if [[ -s $TEST_WORK/programs ]]; then
        if grep -q '^\(package\|systemd\) ' "$TEST_WORK/programs"; then
            say "building our packages"
            packages_ours
            rpm_packages
            # What is installed is what is tested; and it starts sooner, some thousand times.
            export LAB_PACKAGED=$LAB_TARGET/release/ipvsadm
        fi
        for kernel in "${kernels[@]}"; do
            kernel_select "$kernel"
            LAB_ENGINE_OPTIONS+=(--cached) # nothing changes there any more
            test_in_guests "$kernel" "${words[@]}" || failures=1
            # It has kernels of its own; and to the C library all are the same: once is enough.
            sed -i '/^\(systemd\|[^ ]*-musl\) /d' "$TEST_WORK/programs"
        done
    fi
    test_sum || failures=1
    return "$failures"
}

# test_fetch [NAME...]: have in the cache what these integration tests, or all, want
# beside a kernel.
test_fetch() {
    scratch_own
    [[ $# -gt 0 ]] || set -- systemd package
    if [[ " $* " == *' systemd '* && $(kernel_engine) == uml ]]; then
        systemd_prepare
    fi
    if [[ " $* " == *' systemd '* || " $* " == *' package '* ]]; then
        packages_tool cargo-deb
    fi
}

# test_build [NAME...]: build these integration tests, or all and the unit tests.
# Leaves lists of lines "NAME PROGRAM": units, those for this machine, and
# programs, those for a guest.
test_build() {
    say "building the tests"
    : >"$TEST_WORK/units"
    : >"$TEST_WORK/built"
    if [[ $# -eq 0 ]]; then
        test_build_some "$TEST_WORK/units"
        ! grep '^test ' "$TEST_WORK/units" >&2 || fail "cargo test runs these too: Cargo.toml is to say test = false"
        set -- "${TEST_OF_ALL[@]}"
    fi
    local name names=() for_musl=() target
    for name in "$@"; do
        case $name in
            *-musl) for_musl+=("${name%-musl}") ;;
            *) names+=("$name") ;;
        esac
    done
    if [[ ${#names[@]} -gt 0 ]]; then
        test_build_some "$TEST_WORK/tests" "${names[@]/#/--test=}"
        sed -n 's/^test //p' "$TEST_WORK/tests" >"$TEST_WORK/built"
    fi
    if [[ ${#for_musl[@]} -gt 0 ]]; then
        target=$(rustc --version --verbose | sed -n 's/^host: \(.*\)-gnu\(.*\)/\1-musl\2/p')
        if [[ -d $(rustc --print sysroot)/lib/rustlib/$target ]]; then
            test_build_some "$TEST_WORK/tests-musl" --target "$target" "${for_musl[@]/#/--test=}"
            sed -n 's/^test \([^ ]*\)/\1-musl/p' "$TEST_WORK/tests-musl" >>"$TEST_WORK/built"
        else
            printf "%s-musl, which wants \`rustup target add $target\`\n" "${for_musl[@]}" >>"$TEST_WORK/not-run"
        fi
    fi
    test_longest_first <"$TEST_WORK/built" >"$TEST_WORK/programs"
}

# test_build_some FILE [ARGUMENT...]: build what `cargo test ARGUMENT...` runs, and
# list it: "KIND NAME PROGRAM".
test_build_some() {
    local list=$1
    shift
    cargo test --locked --quiet --no-run --message-format=json-render-diagnostics "$@" >"$list.built" ||
        fail "the tests do not build"
    local kind='.*"target":{"kind":\["\([a-z]*\)"\]' name='.*"name":"\([^"]*\)"' \
        executable='.*"executable":"\([^"]*\)".*'
    { grep '"profile":{[^}]*"test":true' "$list.built" || true; } |
        sed -n "s/$kind$name$executable/\1 \2 \3/p" |
        sort >"$list"
}

# Bring the programs that take minutes to the front, the longest first: whichever
# guest ends first, the other has little left to do then. Before them comes the one that
# unloads IPVS, which takes the kernel a minute where many namespaces have used it.
test_longest_first() {
    local name list
    list=$(cat)
    {
        for name in missing_module clusters parity parity-musl demos diagnose watch random reload completions package matrix bad_input; do
            grep "^$name " <<<"$list" || true
        done
        printf '%s\n' "$list"
    } | awk 'NF && !seen[$0]++'
}

test_on_this_machine() {
    local kind program failures=0
    while read -r kind _ program; do
        say "unit tests ($kind), on this machine"
        test_keep_results "$program" "$@" || failures=1
    done <"$TEST_WORK/units"
    return "$failures"
}

# Run a test program, show what it prints, and keep its closing line.
test_keep_results() {
    local status=0
    "$@" </dev/null >"$TEST_WORK/output" 2>&1 || status=$?
    cat "$TEST_WORK/output"
    grep -a '^test result: ' "$TEST_WORK/output" >>"$TEST_WORK/results"
    [[ $status -eq 0 ]] || printf 'failed (%s)\n' "$status"
    return "$status"
}

# test_in_guests KERNEL [WORD...]: run the list of programs in guests.
test_in_guests() {
    local kernel=$1 name program guest runner status failures=0
    shift
    local results=$TEST_WORK/$kernel
    mkdir -- "$results" "$results/taken"
    printf '%s\n' "$@" >"$TEST_WORK/words"
    local one
    while read -r name program; do
        if test_cannot "$name" "$kernel" >"$TEST_WORK/reason"; then
            say "$(test_title "$name"), kernel $kernel: not run: $(<"$TEST_WORK/reason")" >&3
            printf '%s on %s\n' "$name" "$kernel" >>"$TEST_WORK/not-run"
            continue
        fi
        one=$(test_of_debian_12 "$name")
        if [[ -n $one ]] && test_machine_is_newer >"$TEST_WORK/reason"; then
            say "$(test_title "$name"), $one: not run: $(<"$TEST_WORK/reason")" >&3
            printf '%s, %s\n' "$name" "$one" >>"$TEST_WORK/not-run"
            program+=" --skip $one"
        fi
        printf '%s %s\n' "$name" "$program"
    done <"$TEST_WORK/programs" 3>&1 >"$results/programs"

    say "booting $LAB_GUESTS guests with kernel $LAB_KERNEL_VERSION, IPVSADM_SEED=$IPVSADM_SEED"
    TEST_RUNNERS=()
    program=$(sed -n 's/^systemd //p' "$results/programs")
    if [[ -n $program ]]; then
        mkdir -- "$results/taken/systemd"
        # shellcheck disable=SC2086 # a program, and words
        test_start "$results" beside test_beside "$results" systemd $program "$@"
    fi
    for ((guest = 0; guest < LAB_GUESTS; guest++)); do
        test_start "$results" "$guest" test_guest "$results"
    done

    while read -r name program; do
        until [[ -e $results/$name ]] || ! test_alive "$results"; do sleep 0.1; done
        if [[ $name == systemd ]]; then
            say "tests/$name, kernels of its own"
        else
            say "$(test_title "$name"), kernel $kernel"
        fi
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
            printf '%s failed on kernel %s (%s)\n' "$(test_title "$name")" "$kernel" "$status"
            failures=1
        fi
    done <"$results/programs"

    while test_alive "$results"; do sleep 0.1; done
    for runner in "${TEST_RUNNERS[@]}"; do
        [[ $(<"$results/ended.$runner") == 0 ]] || failures=1
    done
    return "$failures"
}

# test_title NAME: what a program of the list is called.
test_title() {
    case $1 in
        *-musl) echo "tests/${1%-musl}.rs, for musl" ;;
        *) echo "tests/$1.rs" ;;
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

# Whether a runner is still there. Files tell, since a long run may see the number of
# a process that has ended given to another one.
test_alive() {
    local results=$1 runner
    for runner in "${TEST_RUNNERS[@]}"; do
        [[ -e $results/ended.$runner ]] || return 0
    done
    return 1
}

# test_beside RESULTS NAME PROGRAM [WORD...]: run a program on the machine. What it
# boots is one guest at a time; that ends when the program does.
test_beside() {
    local results=$1 name=$2 status=0
    RUST_TEST_THREADS=1 timeout --kill-after=10 2400 "${@:3}" >"$results/$name" 2>&1 &
    # shellcheck disable=SC2064 # that process, whatever is started later
    trap "kill $! 2>/dev/null; exit 143" TERM # by test_end: nobody reads results any more
    wait $! || status=$?
    [[ $status -ne 124 ]] || status='not done after 40 minutes'
    printf '%s\n' "$status" >"$results/$name.status.new"
    mv -- "$results/$name.status.new" "$results/$name.status"
}

# test_cannot NAME KERNEL: whether a kernel's lab has not what a test program
# needs; says what that is. What is not run is told, again at the end.
test_cannot() {
    if [[ $1 == package && $2 == 5.10 && $LAB_ENGINE == uml ]]; then
        echo "it installs packages in a layer over this machine's files, which this kernel cannot read there"
    elif [[ $1 == systemd && $(kernel_engine) != uml ]]; then
        echo "it boots user-mode Linux, which this machine has not"
    else
        return 1
    fi
}

# test_of_debian_12 NAME: the one among a program's tests that holds only where ours is
# built with a C library as old as that of Debian 12.
test_of_debian_12() {
    case $1 in
        package) echo it_installs_where_the_c_library_is_that_of_rhel_9 ;;
        systemd) echo on_debian_12_it_takes_the_references_place_and_gives_it_back ;;
    esac
}

# Whether this machine's C library is newer than that; says what follows.
test_machine_is_newer() {
    local version
    version=$(getconf GNU_LIBC_VERSION)
    version=${version##* }
    [[ $(printf '%s\n' 2.36 "$version" | sort --version-sort | tail -n 1) != 2.36 ]] || return 1
    echo "built with this machine's C library, $version, ours installs on none that is as old"
}

# One guest, and its output taken apart: guest/tests marks where a program
# begins and ends.
test_guest() {
    local results=$1 line name='' status
    boot "$LABKIT/guest/tests" "$results/programs" "$TEST_WORK/words" "$results" 2>&1 |
        while IFS= read -r line || [[ -n $line ]]; do
            case $line in
                $'\001begin '*)
                    name=${line#* }
                    : >"$results/$name"
                    ;;
                *$'\001end '*) # what is before it had no newline
                    [[ $line == $'\001'* ]] || printf '%s\n' "${line%%$'\001'*}" >>"$results/$name"
                    status=${line#* }
                    printf '%s\n' "$status" >"$results/$name.status.new"
                    mv -- "$results/$name.status.new" "$results/$name.status"
                    name=''
                    ;;
                *)
                    if [[ -n $name ]]; then
                        printf '%s\n' "$line" >>"$results/$name"
                    else
                        printf '%s\n' "$line" >&2
                    fi
                    ;;
            esac
        done
}

# The closing line of the whole run.
test_sum() {
    local passed=0 failed=0 ignored=0 line programs=0
    while read -r line; do
        [[ $line =~ ([0-9]+)\ passed\;\ ([0-9]+)\ failed\;\ ([0-9]+)\ ignored ]] || continue
        passed=$((passed + BASH_REMATCH[1]))
        failed=$((failed + BASH_REMATCH[2]))
        ignored=$((ignored + BASH_REMATCH[3]))
        programs=$((programs + 1))
    done <"$TEST_WORK/results"
    say "all: $passed passed, $failed failed, $ignored ignored in $programs runs of test programs"
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
