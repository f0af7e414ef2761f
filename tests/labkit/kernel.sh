# shellcheck shell=bash disable=SC2034
# Which kernel a guest boots, and getting it. Sourced by tests/lab.
#
# All are Debian's packages user-mode-linux, and have the name of their series;
# that of sid changes under us, and is called sid.

LAB_KERNELS=(5.10 6.1 6.12 sid)

# kernel_release KERNEL: the release of Debian that has it.
kernel_release() {
    case $1 in
        5.10) echo bullseye ;;
        6.1) echo bookworm ;;
        6.12) echo trixie ;;
        sid) echo sid ;;
        *) return 1 ;;
    esac
}

# kernel_select KERNEL: set LAB_KERNEL, the program, LAB_MODULES, the folder that
# holds its modules, and LAB_KERNEL_VERSION.
kernel_select() {
    local kernel=$1 folder=$LAB_CACHE/kernels/$1
    debian_fetch "kernel $kernel: user-mode-linux of Debian $(kernel_release "$kernel")" \
        "$folder" kernel_fetch "$kernel"
    LAB_KERNEL=$folder/usr/bin/linux.uml
    LAB_MODULES=$folder/usr/lib/uml/modules
    LAB_KERNEL_VERSION=$(ls "$LAB_MODULES")
    [[ $kernel != sid ]] || printf 'tests/lab: the kernel of sid is %s\n' "$LAB_KERNEL_VERSION" >&2
}

# Where the kernel wants a newer C library than this machine's, it gets that of
# its release, beside it.
kernel_fetch() {
    local work=$1 kernel=$2 files=$1/files version
    debian_release "$work" "$(kernel_release "$kernel")" &&
        debian_unpack "$work" user-mode-linux "$files" || return
    if [[ $(ldd "$files/usr/bin/linux.uml" 2>&1) == *'not found'* ]]; then
        kernel_own_libraries "$work" "$LAB_CACHE/kernels/$kernel" || return
    fi
    # The package makes these when it is installed.
    version=$(ls "$files/usr/lib/uml/modules")
    [[ -e $files/usr/lib/uml/modules/$version/modules.dep.bin ]] || {
        mkdir -p -- "$files/lib" && ln -s ../usr/lib/uml/modules "$files/lib/modules" &&
            PATH=$PATH:/usr/sbin:/sbin depmod --basedir "$files" "$version"
    }
}

# kernel_own_libraries WORK PLACE: have the program use its release's C library,
# under the names that it will have in PLACE, where WORK/files will be moved.
kernel_own_libraries() {
    local work=$1 place=$2 files=$1/files loader
    debian_unpack "$work" libc6 "$files/libc" || return
    # The oldest release's patchelf runs here too.
    debian_release "$work/tools" "$(kernel_release "${LAB_KERNELS[0]}")" &&
        debian_unpack "$work/tools" patchelf "$work/tools" || return
    loader=$(find "$files/libc" -name 'ld-linux*.so*' -type f)
    loader=$place${loader#"$files"}
    "$work/tools/usr/bin/patchelf" --set-interpreter "$loader" \
        --set-rpath "$(dirname -- "$loader")" "$files/usr/bin/linux.uml"
}
