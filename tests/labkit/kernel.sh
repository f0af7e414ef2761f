# shellcheck shell=bash disable=SC2034,SC2153
# Which kernel a guest boots, and getting it. Sourced by tests/lab.
#
# A kernel has the name of its series; that of Debian's sid changes under us, and
# is called sid. The engine decides which package it is:
#   uml    user-mode Linux, a kernel that runs as an ordinary program
#   qemu   Debian's own kernel, in a machine that QEMU plays; slower, and for every
#          architecture that qemu.sh knows

LAB_KERNELS=(5.10 6.1 6.12 sid)
LAB_ENGINES=(uml qemu)

# The kernel that sid had when the tests were last run on it.
LAB_KERNEL_OF_SID=7.2

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

# kernel_engine: the engine of this machine, where none is asked for.
kernel_engine() {
    case $(dpkg --print-architecture 2>/dev/null) in
        amd64 | i386) echo uml ;;
        *) echo qemu ;;
    esac
}

# kernel_select KERNEL: set LAB_KERNEL, the program or the image, LAB_MODULES, the
# folder that holds its modules, LAB_KERNEL_VERSION, and LAB_ENGINE_OPTIONS, what
# else boot.pl is to know.
kernel_select() {
    local kernel=$1 folder=$LAB_CACHE/kernels/$1 package=user-mode-linux
    [[ $LAB_ENGINE == uml ]] || folder=$LAB_CACHE/qemu-kernels/$1 package=linux-image-$QEMU_FLAVOUR
    debian_fetch "kernel $kernel: $package of Debian $(kernel_release "$kernel")" \
        "$folder" "kernel_fetch_$LAB_ENGINE" "$kernel"
    "kernel_boot_$LAB_ENGINE" "$folder"
    LAB_KERNEL_VERSION=$(ls "$LAB_MODULES")
    [[ $kernel != sid ]] || kernel_of_sid "$folder" "$package"
}

# kernel_of_sid FOLDER PACKAGE: say what sid is, whether that is a series that the
# tests have not met, and, a week after it was last looked at, whether there is a
# newer one.
kernel_of_sid() {
    local folder=$1 package=$2 newest
    printf "tests/lab: the kernel of Debian's sid is %s\n" "$LAB_KERNEL_VERSION" >&2
    [[ $LAB_KERNEL_VERSION == "$LAB_KERNEL_OF_SID".* ]] ||
        printf 'tests/lab: sid has moved on from %s, which the tests were last run on\n' "$LAB_KERNEL_OF_SID" >&2
    [[ -n $(find "$folder/version" -mtime +6 2>/dev/null) ]] || return 0
    scratch "$LAB_CACHE/sid"
    # Whoever is offline is not told.
    debian_release "$SCRATCH" sid >"$SCRATCH/log" 2>&1 || return 0
    newest=$(debian_version "$SCRATCH" "$package")
    [[ $newest == "$(<"$folder/version")" ]] ||
        printf 'tests/lab: sid has moved on to %s %s; to have that: rm -r %s\n' "$package" "$newest" "$folder" >&2
    touch -- "$folder/version"
}

# kernel_has MODULE: succeed if the kernel that was selected has a module, or has it built in.
kernel_has() {
    grep -qE "/$1\\.ko(\\.[a-z0-9]+)?(:|\$)" "$LAB_MODULES/$LAB_KERNEL_VERSION"/modules.{dep,builtin}
}

kernel_boot_uml() {
    LAB_KERNEL=$1/usr/bin/linux.uml
    LAB_MODULES=$1/usr/lib/uml/modules
    LAB_ENGINE_OPTIONS=()
    ! grep -qwE 'amx_tile|apx' /proc/cpuinfo || kernel_with_all_registers
}

# kernel_with_all_registers: for processors with more registers than user-mode Linux
# knows; why is in uml/registers.c.
kernel_with_all_registers() {
    local library=$LAB_CACHE/uml-registers.so
    if [[ ! $library -nt $LABKIT/uml/registers.c ]]; then
        packages_need "${PACKAGES_BUILD[@]}"
        scratch "$LAB_CACHE/uml"
        cc -O2 -shared -fPIC -o "$SCRATCH/library" "$LABKIT/uml/registers.c" ||
            fail "uml/registers.c does not build"
        mv -- "$SCRATCH/library" "$library"
    fi
    LAB_ENGINE_OPTIONS+=(--preload "$library")
}

kernel_boot_qemu() {
    local folder=$1 module
    LAB_KERNEL=$(qemu_image "$folder")
    LAB_MODULES=$folder/lib/modules
    scratch "$LAB_CACHE/boot"
    qemu_pack_root "$SCRATCH/root"
    mkdir -- "$SCRATCH/root/machine"
    cp -- "$LABKIT/guest/initrd" "$SCRATCH/root/init"
    for module in virtio_pci virtio_console 9pnet_virtio 9p overlay; do
        qemu_pack_module "$module" "$SCRATCH/root/modules" "$folder"
    done
    qemu_pack "$SCRATCH/root" "$SCRATCH/initrd"
    LAB_ENGINE_OPTIONS=("${QEMU_COMMAND[@]/#/--qemu=}" --initrd "$SCRATCH/initrd" --console "$QEMU_CONSOLE")
}

kernel_fetch_qemu() {
    local work=$1 kernel=$2 files=$1/files
    qemu_fetch_kernel "$work" "$kernel" "$QEMU_FLAVOUR" &&
        debian_version "$work" "linux-image-$QEMU_FLAVOUR" >"$files/version" &&
        kernel_index "$files"
}

# kernel_index FILES: make what a package of a kernel makes when it is installed:
# lists of the modules, which lie in lib/modules.
kernel_index() {
    # Newer releases have all of it below usr.
    [[ -e $1/lib/modules ]] || ln -sfn usr/lib "$1/lib"
    PATH=$PATH:/usr/sbin:/sbin depmod --basedir "$1" "$(ls "$1/lib/modules")"
}

# Where the kernel wants a newer C library than this machine's, it gets that of
# its release, beside it.
kernel_fetch_uml() {
    local work=$1 kernel=$2 files=$1/files version
    debian_release "$work" "$(kernel_release "$kernel")" &&
        debian_unpack "$work" user-mode-linux "$files" &&
        debian_version "$work" user-mode-linux >"$files/version" || return
    if [[ $(ldd "$files/usr/bin/linux.uml" 2>&1) == *'not found'* ]]; then
        kernel_own_libraries "$work" "$LAB_CACHE/kernels/$kernel" || return
    fi
    version=$(ls "$files/usr/lib/uml/modules")
    [[ -e $files/usr/lib/uml/modules/$version/modules.dep.bin ]] || {
        mkdir -p -- "$files/lib" && ln -s ../usr/lib/uml/modules "$files/lib/modules" &&
            kernel_index "$files"
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
