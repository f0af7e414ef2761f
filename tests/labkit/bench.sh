# shellcheck shell=bash
# `tests/lab bench`: what jobs cost, with the reference and with ours. Sourced by
# tests/lab.
#
# Both run in one boot of QEMU in software emulation, where one executed
# instruction is one nanosecond (`-icount shift=0`): what is counted is the same
# on every machine, however busy it is. The parts are in bench/:
#   guest.sh        the jobs; it is the guest's first program
#   rules.sh        the tables, as rules
#   cost.c          counts
#   floor.c         a bare client, below whose costs no program can get
#   connections.c   makes connections
#   synced.c        makes many, by a director's messages to its backup
#   lines.c         reads a file line by line
#   flood.c         sends packets, so many a second
#   capture.c       hears them, and looks at none

# The jobs, in the order in which they are done, and about how long they take on
# one processor of 2020. Each has a boot of its own: the kernel keeps the tables
# of all namespaces in one, and what another job left there would be counted.
BENCH_JOBS=(
    "single           10 s    one -A; -ln of an empty table"
    "restore          70 s    -R of 22 000 rules, the mean of three"
    "list             30 s    -ln, -Sn and -ln --stats of 22 000 rules"
    "reload           70 s    ipvsadm-restore of 33 000 rules, unchanged"
    "reload-changed   70 s    the same, 1 % changed"
    "connections      30 s    -lnc of 50 000 connections"
    "filters          3 min   filters and counts of 100 000 connections"
    "watch            1 min   a look of --watch at 1000 services"
    "looks            5 min   memory of --watch after 1000 and after 10 000 looks"
    "listen           1 min   a packet that --listen hears, of 20 000 a second"
    "large-restore    3 min   -R of 110 000 rules"
    "large-list       2 min   the listings of 110 000 rules"
    "large-filters    5 min   filters and counts of 1 000 000 connections; only --kernel sid"
)

PACKAGES_BENCH=(
    "${PACKAGES_QEMU[@]}" bash=bash grep=grep bsdutils=script "${PACKAGES_BUILD[@]}" "${PACKAGES_REFERENCE[@]}"
)

bench_usage() {
    cat <<'END'
Usage: tests/lab bench [JOB...]

Instructions that both programs execute, kernel included. Without a JOB, all that
the kernel is fit for:
END
    printf '  %s\n' "${BENCH_JOBS[@]}"
}

bench_main() {
    local job jobs=("$@")
    for job in "${jobs[@]}"; do
        case $job in
            -h | --help)
                bench_usage
                return
                ;;
        esac
        [[ $'\n'$(printf '%s\n' "${BENCH_JOBS[@]}") == *$'\n'"$job "* ]] || {
            bench_usage >&2
            return 2
        }
    done
    [[ ${#jobs[@]} -gt 0 ]] || jobs=("${BENCH_JOBS[@]%% *}")
    # For each page that is read of the list of connections, older kernels go through all
    # that come before: with a million, a reader is busy for hours.
    if [[ $LAB_KERNEL_NAME != sid ]]; then
        mapfile -t jobs < <(printf '%s\n' "${jobs[@]}" | grep -vx large-filters)
        [[ ${#jobs[@]} -gt 0 ]] || fail "bench: large-filters wants --kernel sid: older kernels take hours for it"
    fi

    qemu_required
    packages_need_cargo
    packages_need "${PACKAGES_BENCH[@]}"
    packages_reference
    # Debian's kernel for clouds, which has few drivers and is soon booted.
    local flavour=cloud-$QEMU_FLAVOUR
    BENCH_KERNEL=$LAB_CACHE/bench-kernels/$LAB_KERNEL_NAME
    debian_fetch "kernel $LAB_KERNEL_NAME for the benchmark: linux-image-$flavour of Debian $(kernel_release "$LAB_KERNEL_NAME")" \
        "$BENCH_KERNEL" qemu_fetch_kernel "$LAB_KERNEL_NAME" "$flavour"

    scratch "$LAB_CACHE/bench"
    BENCH_WORK=$SCRATCH
    bench_build
    bench_pack
    : >"$BENCH_WORK/costs"
    for job in "${jobs[@]}"; do
        say "counting: $job"
        bench_boot "$job"
    done
    bench_table
}

bench_build() {
    local name
    say "building"
    (cd -- "$LAB_REPOSITORY" && cargo build --locked --quiet --release) || fail "ours does not build"
    for name in cost floor connections synced lines flood capture; do
        cc -O2 -Wall -Wextra -static -o "$BENCH_WORK/$name" "$LABKIT/bench/$name.c" || fail "$name.c does not build"
    done
}

# Pack the guest's files: an archive that the kernel unpacks into memory.
bench_pack() {
    local root=$BENCH_WORK/root file module
    qemu_pack_root "$root"
    mkdir -- "$root"/{namespaces,ours,reference}
    cp -- "$BENCH_WORK"/{cost,floor,connections,synced,lines,flood,capture} "$LABKIT/bench/rules.sh" \
        "$(type -P bash)" "$(type -P grep)" "$(type -P script)" "$root/bin"
    cp -- "$LABKIT/bench/guest.sh" "$root/init"
    ln -s bash "$root/bin/sh"
    cp -- "$LAB_TARGET/release/ipvsadm" "$root/ours"
    ln -s ipvsadm "$root/ours/ipvsadm-restore"
    cp -- "$IPVSADM_REFERENCE" "${IPVSADM_REFERENCE%/*}/ipvsadm-restore" "$root/reference"
    # Where the reference's ipvsadm-restore, a script, looks for it.
    ln -s /reference/ipvsadm "$root/sbin/ipvsadm"

    ldd "$root"/{ours,reference}/ipvsadm "$root"/bin/{bash,grep,script} | grep -o '/[^ ]*\.so[^ ]*' | sort -u |
        while read -r file; do
            mkdir -p -- "$root${file%/*}"
            cp -L -- "$file" "$root$file"
        done

    for module in ip_vs ip_vs_wlc ip_vs_rr veth; do
        qemu_pack_module "$module" "$root/modules" "$BENCH_KERNEL"
    done
    qemu_pack "$root" "$BENCH_WORK/initrd"
}

# bench_boot JOB: boot, do the job, add what it cost to the file costs.
bench_boot() {
    local line
    rm -f -- "$BENCH_WORK/done"
    "${QEMU_COMMAND[@]}" -icount shift=0,sleep=off -m 3G -serial stdio \
        -kernel "$(qemu_image "$BENCH_KERNEL")" -initrd "$BENCH_WORK/initrd" \
        -append "console=$QEMU_CONSOLE quiet panic=-1 job=$1" </dev/null 2>"$BENCH_WORK/errors" |
        while IFS= read -r line; do
            line=${line%$'\r'}
            case $line in
                DONE) : >"$BENCH_WORK/done" ;;
                *$'\t'*$'\t'*$'\t'*)
                    printf '%s\n' "$line" >>"$BENCH_WORK/costs"
                    printf '%-45s %s\n' "${line%%$'\t'*}" "$(cut -f 2 <<<"$line")" >&2
                    ;;
                *[![:space:]]*) printf '%s\n' "$line" >>"$BENCH_WORK/errors" ;;
            esac
        done || true # what is not done is told below
    if [[ ! -e $BENCH_WORK/done ]]; then
        tail -n 15 "$BENCH_WORK/errors" >&2
        fail "bench: the guest did not come to its end"
    fi
}

# The table; jobs that were done several times stand in it with their mean.
bench_table() {
    say "millions of instructions, start to finish, kernel included; peak memory in KiB"
    awk -F '\t' '
        function mean(program) { return count[job, program] ? sum[job, program] / count[job, program] / 1e6 : 0 }
        !($1 in place) { place[$1] = ++jobs; name[jobs] = $1 }
        { sum[$1, $2] += $3; count[$1, $2]++; if ($4 > memory[$1, $2]) memory[$1, $2] = $4 }
        END {
            line = "%-42s %10s %9s %6s %9s %11s\n"
            printf line, "job", "reference", "ours", "ratio", "floor", "memory"
            for (number = 1; number <= jobs; number++) {
                job = name[number]
                ours = mean("ours")
                floor = mean("floor")
                known = count[job, "reference"] # what is new is not known to it
                printf line, job, known ? sprintf("%.2f", mean("reference")) : "", sprintf("%.2f", ours),
                    known ? sprintf("%.1f", mean("reference") / ours) : "", floor ? sprintf("%.2f", floor) : "",
                    memory[job, "reference"] " " memory[job, "ours"]
            }
        }' "$BENCH_WORK/costs"
}
