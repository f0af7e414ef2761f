//! Our packages on a machine with systemd that reboots.
//!
//! Each test boots a Debian of its own, on this machine, and does there what an administrator does
//! to a director in service. (And, as no other test runs `tests/lab` on the machine: what that says
//! of a command line that makes no sense.)
//!
//! The tests in `tests/kernel/package` look closer at the packages, without systemd.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by panicking"
)]

mod booted;
mod release;

use std::process::Command;

use booted::{Booted, file};

/// A file of rules that make up the table, in the order in which they are listed.
const RULES: &str = "-A -t 192.0.2.1:80 -s wrr
-a -t 192.0.2.1:80 -r 198.51.100.1:80 -m -w 3
-a -t 192.0.2.1:80 -r 198.51.100.2:80 -m -w 1
-A -f 7 -s sh -p 300
-a -f 7 -r 198.51.100.3:0 -g -w 1
";

/// Restores the rules, and runs both daemons.
const SETTINGS: &str = "AUTO=\"true\"
DAEMON=\"both\"
IFACE=\"eth0\"
SYNCID=\"3\"
";

#[test]
#[ignore = "run with --all-kernels: Debian 13 shows the same of another release"]
fn on_debian_12_it_takes_the_references_place_and_gives_it_back() {
    takes_the_place_of_debians("12");
}

#[test]
fn on_debian_13_it_takes_the_references_place_and_gives_it_back() {
    takes_the_place_of_debians("13");
}

fn takes_the_place_of_debians(release: &str) {
    let mut debian = Booted::new(release);
    let ours = file("LAB_PACKAGES", "ipvsadm.deb");
    let reference = file("LAB_CACHE", &format!("systemd/{release}/ipvsadm.deb"));
    let install = |package: &str| {
        format!(
            "DEBIAN_FRONTEND=noninteractive apt-get install -y --allow-downgrades \
             -o Dpkg::Options::=--force-confold {package}"
        )
    };

    // A director in service.
    debian.write("/etc/default/ipvsadm", SETTINGS);
    debian.write("/etc/ipvsadm.rules", RULES);
    debian.succeed("systemctl restart ipvsadm");
    let in_service = debian.state();
    for part in [
        "192.0.2.1:80 -s wrr",
        "master sync daemon",
        "backup sync daemon",
        "syncid=3",
    ] {
        assert!(in_service.contains(part), "no {part} in\n{in_service}");
    }
    assert_eq!(debian.unit(), "enabled active");

    debian.succeed(&install(&ours));
    assert!(
        debian
            .succeed("ipvsadm -v")
            .contains(env!("CARGO_PKG_VERSION"))
    );
    assert_eq!(debian.state(), in_service, "after the installation");
    assert_eq!(debian.unit(), "enabled active");

    // The exposure is below 3 of 10.
    debian.succeed("systemd-analyze security --no-pager --threshold=30 ipvsadm");

    // Day by day.
    debian.succeed("ipvsadm -A -u 192.0.2.1:53 -s rr");
    let changed = debian.state();
    debian.succeed("service ipvsadm save");
    debian.succeed("ipvsadm -D -u 192.0.2.1:53; ipvsadm -A -u 192.0.2.9:53 -s rr");
    debian.succeed("systemctl reload ipvsadm");
    assert_eq!(debian.state(), changed, "after reload");
    debian.succeed("for n in 1 2 3 4 5 6 7; do systemctl restart ipvsadm || exit; done");
    assert_eq!(debian.state(), changed, "after many restarts");
    debian.succeed("systemctl stop ipvsadm");
    assert_eq!(debian.state(), "", "after stop");
    assert_eq!(debian.unit(), "enabled inactive");
    debian.succeed("systemctl start ipvsadm");
    assert_eq!(debian.state(), changed, "after start");

    debian.reboot();
    assert_eq!(debian.state(), changed, "after the reboot");
    assert_eq!(debian.unit(), "enabled active");

    // An upgrade leaves the kernel alone, with what nobody has saved.
    debian.succeed("ipvsadm -A -u 192.0.2.9:53 -s rr");
    let unsaved = debian.state();
    debian.succeed(&format!(
        "dpkg-deb --raw-extract {ours} /root/next && \
         sed -i 's/^Version: .*/Version: 9/' /root/next/DEBIAN/control && \
         dpkg-deb --build /root/next /root/next.deb"
    ));
    debian.succeed(&install("/root/next.deb"));
    assert_eq!(debian.state(), unsaved, "after the upgrade");
    assert_eq!(debian.unit(), "enabled active");

    // A removal that is given up, since the package that is to come cannot, ends well.
    debian.succeed("mkdir -p /root/other/DEBIAN");
    debian.write(
        "/root/other/DEBIAN/control",
        "Package: other\nVersion: 1\nArchitecture: all\nMaintainer: none\nDescription: none\n\
         Conflicts: ipvsadm-rs\nReplaces: ipvsadm-rs\n",
    );
    debian.write(
        "/root/other/DEBIAN/preinst",
        "#!/bin/sh\nsystemctl is-active ipvsadm >/root/meanwhile\nexit 1\n",
    );
    debian.succeed("chmod +x /root/other/DEBIAN/preinst && dpkg-deb --build /root/other");
    assert_ne!(debian.run("dpkg --install /root/other.deb").1, "0");
    assert_eq!(debian.succeed("cat /root/meanwhile"), "inactive\n");
    assert_eq!(debian.state(), changed, "after a removal that was given up");
    assert_eq!(debian.unit(), "enabled active");

    // A purge of what is left of the reference takes the settings, and nothing else.
    debian.succeed("apt-get purge -y ipvsadm");
    assert_eq!(debian.state(), changed, "after the purge of the reference");
    assert_eq!(debian.unit(), "enabled active");
    debian.write("/etc/default/ipvsadm", SETTINGS);
    debian.write("/etc/ipvsadm.rules", RULES);
    debian.reboot();
    assert_eq!(debian.state(), in_service, "after the purge and a reboot");

    debian.succeed(&install(&reference));
    debian.succeed("apt-get purge -y ipvsadm-rs");
    assert!(
        !debian
            .succeed("ipvsadm -v")
            .contains(env!("CARGO_PKG_VERSION"))
    );
    assert_eq!(debian.state(), in_service, "back at the reference");
    assert_eq!(debian.unit(), "enabled active");

    // What an administrator has disabled stays so, there and back.
    debian.succeed("systemctl disable --now ipvsadm");
    debian.succeed(&install(&ours));
    assert_eq!(
        debian.unit(),
        "disabled inactive",
        "installed over what is disabled"
    );

    // What a start has set up that failed in another part ends with the package all the same.
    debian.write("/etc/default/ipvsadm", &SETTINGS.replace("eth0", "eth9"));
    debian.run("systemctl start ipvsadm");
    assert_eq!(debian.unit(), "disabled failed");
    assert_eq!(debian.state(), RULES, "without the daemons' interface");
    debian.succeed(&install(&reference));
    assert_eq!(debian.unit(), "disabled inactive", "back at the reference");
    assert_eq!(debian.state(), "", "of a start that failed in part");
}

#[test]
fn the_rpm_takes_the_place_of_red_hats_and_gives_it_back() {
    let mut director = Booted::new("13");
    let repository = file("LAB_PACKAGES", "repository");
    let dnf = |words: &str| {
        format!("dnf --assumeyes --releasever=9 --disablerepo='*' --enablerepo=lab {words}")
    };
    let saved = "cat /etc/sysconfig/ipvsadm";

    // As if this were no Debian: where there is a package from the beginning, it is an RPM.
    director.succeed("dpkg --purge ipvsadm");
    director.succeed("mkdir -p /etc/systemd/system-preset /etc/yum.repos.d");
    director.write(
        "/etc/systemd/system-preset/99-default-disable.preset",
        "disable *\n",
    );
    director.write(
        "/etc/yum.repos.d/lab.repo",
        &format!("[lab]\nname=lab\nbaseurl=file://{repository}\ngpgcheck=0\n"),
    );
    director.succeed(&dnf("install ipvsadm distribution"));
    director.write("/etc/sysconfig/ipvsadm", RULES);
    director.succeed("systemctl enable --now ipvsadm");
    director.succeed("ipvsadm -A -u 192.0.2.1:53 -s rr");
    let in_service = director.state();
    assert!(in_service.contains("192.0.2.1:80 -s wrr"), "{in_service}");

    // The old package's last deed is to disable and stop what is ours by then.
    let version = env!("CARGO_PKG_VERSION");
    director.succeed(&dnf(&format!(
        "swap ipvsadm {repository}/ipvsadm-rs-{version}-1.x86_64.rpm"
    )));
    assert!(
        director
            .succeed("ipvsadm -v")
            .contains(env!("CARGO_PKG_VERSION"))
    );
    assert_eq!(director.state(), in_service, "after the swap");
    assert_eq!(director.unit(), "enabled active");
    assert!(
        director
            .succeed("rpm -q --whatprovides ipvsadm")
            .starts_with("ipvsadm-rs-")
    );
    assert_eq!(
        director.succeed("stat --format='%a' /etc/sysconfig/ipvsadm-config"),
        "600\n"
    );

    // What nobody has saved is saved by whatever stops the service.
    director.succeed("ipvsadm -A -u 192.0.2.2:53 -s rr");
    let changed = director.state();
    director.succeed("systemctl restart ipvsadm");
    assert_eq!(director.state(), changed, "after restart");
    director.succeed("ipvsadm -A -u 192.0.2.3:53 -s rr");
    let changed = director.state();
    director.reboot();
    assert_eq!(director.state(), changed, "after the reboot");
    assert_eq!(director.unit(), "enabled active");
    director.succeed("systemctl stop ipvsadm");
    assert_eq!(director.state(), "", "after stop");
    assert_eq!(director.succeed(saved), changed, "saved by stop");
    director.write("/etc/sysconfig/ipvsadm", RULES);
    director.succeed("systemctl start ipvsadm");
    assert_eq!(director.state(), RULES, "after start");
    director.succeed("ipvsadm -D -f 7; ipvsadm -A -u 192.0.2.4:53 -s rr");
    director.succeed("systemctl reload ipvsadm");
    assert_eq!(director.state(), RULES, "after reload");

    // What cannot be saved is not cleared, and what was saved stays.
    director.succeed("mv /usr/sbin/ipvsadm-save /root && ln -s /bin/false /usr/sbin/ipvsadm-save");
    director.run("systemctl stop ipvsadm");
    assert_eq!(director.unit(), "enabled failed");
    assert_eq!(director.state(), RULES, "after a stop that could not save");
    assert_eq!(director.succeed(saved), RULES);
    director.succeed("mv /root/ipvsadm-save /usr/sbin && systemctl start ipvsadm");

    // An upgrade leaves the kernel and its settings alone.
    director.succeed("sed -i s/no/yes/ /etc/sysconfig/ipvsadm-config");
    let settings = director.succeed("cat /etc/sysconfig/ipvsadm-config");
    director.succeed("ipvsadm -A -u 192.0.2.5:53 -s rr");
    let unsaved = director.state();
    director.succeed(&dnf("upgrade ipvsadm-rs"));
    assert!(
        director
            .succeed("rpm -q ipvsadm-rs")
            .contains(&format!("{version}-2"))
    );
    assert_eq!(director.state(), unsaved, "after the upgrade");
    assert_eq!(director.succeed(saved), RULES, "after the upgrade");
    assert_eq!(director.unit(), "enabled active");
    assert_eq!(
        director.succeed("cat /etc/sysconfig/ipvsadm-config"),
        settings
    );

    // The first start on a new director: there is nothing to restore.
    director.succeed("systemctl stop ipvsadm; rm /etc/sysconfig/ipvsadm; systemctl start ipvsadm");
    assert_eq!(director.unit(), "enabled active");
    director.succeed("ipvsadm -A -u 192.0.2.6:53 -s rr");
    let state = director.state();

    // The way back. That package disables its own unit whenever it is installed.
    director.succeed(&dnf("swap ipvsadm-rs ipvsadm"));
    assert!(
        !director
            .succeed("ipvsadm -v")
            .contains(env!("CARGO_PKG_VERSION"))
    );
    assert_eq!(director.succeed(saved), state, "saved on the way back");
    director.succeed("systemctl enable --now ipvsadm");
    assert_eq!(director.state(), state, "back at Red Hat's");

    // Who had it neither enabled nor running has ours so too.
    director.succeed("systemctl disable --now ipvsadm");
    director.succeed(&dnf("swap ipvsadm ipvsadm-rs"));
    assert_eq!(director.unit(), "disabled inactive");
}

#[test]
fn the_lab_says_in_a_line_what_it_cannot_do() {
    for (words, status, said) in [
        (
            "--kernel=6.1 run true",
            2,
            "--kernel=6.1 is to be two words: --kernel 6.1",
        ),
        ("--nonsense", 2, "there is no option --nonsense"),
        ("nonsense", 2, "there is no command nonsense"),
        (
            "--engine qemu systemd 13 true",
            1,
            "systemd: it takes user-mode Linux, on amd64 or i386; the engine here is qemu",
        ),
    ] {
        let output = Command::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/lab"))
            .args(words.split(' '))
            .output()
            .expect("tests/lab");
        assert_eq!(output.status.code(), Some(status), "{words}");
        let printed = String::from_utf8_lossy(&output.stderr);
        assert_eq!(
            printed.lines().next(),
            Some(format!("tests/lab: {said}").as_str()),
            "{words}"
        );
    }
}
