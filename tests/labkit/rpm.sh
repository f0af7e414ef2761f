# shellcheck shell=bash disable=SC2034
# Our RPM, and what it is tried with. Sourced by tests/lab.
#
# The parts are in rpm/:
#   macros            what Debian's rpmbuild lacks
#   ipvsadm.spec.in   a stand-in for the package whose place ours takes. It has not the
#                     name of a spec file: there is to be one in an archive of all this
#   rpmlint.toml      what rpmlint need not say

PACKAGES_RPM=(rpm=rpmbuild rpmlint=rpmlint createrepo-c=createrepo_c)

# rpm_packages: have them as a repository, in LAB_PACKAGES: ours, one
# that upgrades it, and the stand-in. The program in it is the one that
# packages_ours has built.
rpm_packages() {
    local work repository=$LAB_PACKAGES/repository ours
    scratch "$LAB_CACHE/rpm"
    work=$SCRATCH
    cp -- "$LABKIT/rpm/ipvsadm.spec.in" "$work/ipvsadm.spec"
    rm -rf -- "$repository"
    mkdir -- "$repository"
    {
        rpm_ours 1 "$repository" && ours=$(echo "$repository"/ipvsadm-rs-*.rpm) && rpm_ours 2 "$repository" &&
            (cd -- "$LAB_REPOSITORY" && rpmbuild -bb --build-in-place "${RPM_WORDS[@]}" \
                --define "_topdir $work" --define "reference $LAB_CACHE/reference" \
                --define "required $(rpm -qp --requires "$ours" | grep -v '^rpmlib(\|^config(' | sort -u | tr '\n' ';')" \
                "$work/ipvsadm.spec") &&
            mv -- "$work"/RPMS/*/*.rpm "$repository" &&
            createrepo_c "$repository"
    } >"$work/log" 2>&1 || {
        tail -n 20 "$work/log" >&2
        fail "the RPMs do not build"
    }
    rm -rf -- "$work"
}

# What a build requires are packages of Debian's here, of which rpm knows nothing.
RPM_WORDS=(--nodeps --without check --load "$LABKIT/rpm/macros")

# rpm_ours REVISION FOLDER: our package.
rpm_ours() {
    PACKAGE_REVISION=$1 "$LAB_REPOSITORY/src/package/build" --output "$2" rpm -- "${RPM_WORDS[@]}"
}
