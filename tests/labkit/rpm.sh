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
    sed 's/^Release: .*/Release: 2/' "$LAB_REPOSITORY/src/package/rpm/ipvsadm-rs.spec" >"$work/upgrade.spec"
    cp -- "$LABKIT/rpm/ipvsadm.spec.in" "$work/ipvsadm.spec"
    rm -rf -- "$repository"
    mkdir -- "$repository"
    {
        rpm_build "$work" "$LAB_REPOSITORY/src/package/rpm/ipvsadm-rs.spec" &&
            ours=$(find "$work/RPMS" -name 'ipvsadm-rs-*.rpm') &&
            rpm_build "$work" "$work/upgrade.spec" &&
            rpm_build "$work" "$work/ipvsadm.spec" \
                --define "reference $LAB_CACHE/reference" \
                --define "required $(rpm -qp --requires "$ours" | grep -v '^rpmlib(\|^config(' | sort -u | tr '\n' ';')" &&
            mv -- "$work"/RPMS/*/*.rpm "$repository" &&
            createrepo_c "$repository"
    } >"$work/log" 2>&1 || {
        tail -n 20 "$work/log" >&2
        fail "the RPMs do not build"
    }
    rm -rf -- "$work"
}

# rpm_build WORK SPEC [OPTION...]: into WORK/RPMS.
rpm_build() {
    local work=$1 spec=$2
    shift 2
    # What a build requires are packages of Debian's here, of which rpm knows nothing.
    (cd -- "$LAB_REPOSITORY" && rpmbuild -bb --build-in-place --nodeps --without check \
        --load "$LABKIT/rpm/macros" --define "_topdir $work" "$@" "$spec")
}
