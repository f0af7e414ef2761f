# shellcheck shell=bash
# `tests/lab bench`: what jobs cost, with the reference and with ours. Sourced by
# tests/lab.
#
# Both run in one boot of QEMU in software emulation, where one executed
# instruction is one nanosecond (`-icount shift=0`): what is counted is the same
# on every machine, however busy it is. /dev/kvm is of no use here. The parts
# are in bench/:
#   guest.sh        the jobs; it is the guest's first program
#   rules.sh        the tables, as rules
#   cost.c          counts
#   floor.c         a bare client, below whose costs no program can get
#   connections.c   makes connections

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
    "large-restore   3 min    -R of 110 000 rules"
    "large-list      2 min    the listings of 110 000 rules"
)

PACKAGES_BENCH=(
    qemu-system-x86=qemu-system-x86_64 busybox-static=/usr/share/doc/busybox-static bash=bash grep=grep
    "${PACKAGES_BUILD[@]}" "${PACKAGES_REFERENCE[@]}"
)

bench_usage() {
    cat <<'END'
Usage: tests/lab bench [JOB...]

Instructions that both programs execute, kernel included. Without a JOB, all:
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
    [[ $(uname -m) == x86_64 ]] || fail "bench: counts instructions of x86-64 only"

    packages_need_cargo
    packages_need "${PACKAGES_BENCH[@]}"
    packages_reference
    [[ -e $LAB_CACHE/bench-kernel ]] || bench_fetch_kernel "$LAB_CACHE/bench-kernel"

    BENCH_WORK=$(mktemp -d "$LAB_CACHE/bench.XXXXXX")
    trap 'rm -rf -- "$BENCH_WORK"' EXIT
    bench_build
    bench_pack
    : >"$BENCH_WORK/costs"
    for job in "${jobs[@]}"; do
        say "counting: $job"
        bench_boot "$job"
    done
    bench_table
}

# Debian's kernel for clouds, which has few drivers and is soon booted.
bench_fetch_kernel() {
    local folder=$1 work
    printf 'tests/lab: fetching the kernel for the benchmark\n' >&2
    work=$(mktemp -d "$LAB_CACHE/bench-kernel.XXXXXX")
    if ! bench_fetch_kernel_into "$work" >"$work/log" 2>&1; then
        tail -n 3 "$work/log" >&2
        rm -rf -- "$work"
        fail "could not fetch linux-image-cloud-amd64 of Debian $(kernel_release 6.1)"
    fi
    mv -T -- "$work/files" "$folder" 2>/dev/null || true # another lab may have been first
    rm -rf -- "$work"
}

bench_fetch_kernel_into() {
    local work=$1 package
    kernel_apt "$work" "$(kernel_release 6.1)" || return
    package=$(APT_CONFIG=$work/apt.conf apt-cache depends linux-image-cloud-amd64 |
        sed -n 's/.*Depends: \(linux-image-6\.1\.[^ ]*\)$/\1/p')
    [[ -n $package ]] && kernel_unpack "$work" "$package" "$work/files"
}

bench_build() {
    local name
    say "building"
    cargo build --quiet --release --manifest-path "$LAB_REPOSITORY/Cargo.toml" --target-dir "$LAB_TARGET" ||
        fail "ours does not build"
    for name in cost floor connections; do
        cc -O2 -Wall -Wextra -static -o "$BENCH_WORK/$name" "$LABKIT/bench/$name.c" || fail "$name.c does not build"
    done
}

# Pack the guest's files: an archive that the kernel unpacks into memory.
bench_pack() {
    local root=$BENCH_WORK/root file module modules
    mkdir -p -- "$root"/{bin,sbin,dev,proc,tmp,namespaces,modules,ours,reference}
    cp -- "$BENCH_WORK"/{cost,floor,connections} "$LABKIT/bench/rules.sh" \
        "$(type -P busybox)" "$(type -P bash)" "$(type -P grep)" "$root/bin"
    cp -- "$LABKIT/bench/guest.sh" "$root/init"
    ln -s bash "$root/bin/sh"
    cp -- "$LAB_TARGET/release/ipvsadm" "$root/ours"
    ln -s ipvsadm "$root/ours/ipvsadm-restore"
    cp -- "$IPVSADM_REFERENCE" "${IPVSADM_REFERENCE%/*}/ipvsadm-restore" "$root/reference"
    # Where the reference's ipvsadm-restore, a script, looks for it.
    ln -s /reference/ipvsadm "$root/sbin/ipvsadm"

    ldd "$root"/{ours,reference}/ipvsadm "$root"/bin/{bash,grep} | grep -o '/[^ ]*\.so[^ ]*' | sort -u |
        while read -r file; do
            mkdir -p -- "$root${file%/*}"
            cp -L -- "$file" "$root$file"
        done

    modules=$(echo "$LAB_CACHE"/bench-kernel/lib/modules/*/kernel)
    # In this order, since each needs those before it.
    for module in lib/libcrc32c net/ipv4/netfilter/nf_defrag_ipv4 net/ipv6/netfilter/nf_defrag_ipv6 \
        net/netfilter/nf_conntrack net/netfilter/ipvs/ip_vs{,_wlc,_rr}; do
        cp -- "$modules/$module.ko" "$root/modules"
        printf '%s.ko\n' "${module##*/}" >>"$root/modules/order"
    done
    (cd -- "$root" && find . | busybox cpio -o -H newc 2>/dev/null) >"$BENCH_WORK/initrd"
}

# bench_boot JOB: boot, do the job, add what it cost to the file costs.
bench_boot() {
    local line
    rm -f -- "$BENCH_WORK/done"
    qemu-system-x86_64 -accel tcg -icount shift=0,sleep=off -m 3G -nodefaults -no-reboot \
        -display none -serial stdio -kernel "$LAB_CACHE"/bench-kernel/boot/vmlinuz* \
        -initrd "$BENCH_WORK/initrd" \
        -append "console=ttyS0 quiet panic=-1 job=$1" </dev/null 2>"$BENCH_WORK/errors" |
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
        done
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
                printf line, job, sprintf("%.2f", mean("reference")), sprintf("%.2f", ours),
                    sprintf("%.1f", mean("reference") / ours), floor ? sprintf("%.2f", floor) : "",
                    memory[job, "reference"] " " memory[job, "ours"]
            }
        }' "$BENCH_WORK/costs"
}
