//! What is between our packages, systemd and a reboot: each test boots a Debian of its own, on this
//! machine, and does there what an administrator does to a director in service.
//!
//! The tests in `tests/package` look closer at the packages, without systemd.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by panicking"
)]

mod booted;

use booted::{Booted, in_the_cache};

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
fn on_debian_12_it_takes_the_references_place_and_gives_it_back() {
    takes_the_place_of_debians("12");
}

#[test]
fn on_debian_13_it_takes_the_references_place_and_gives_it_back() {
    takes_the_place_of_debians("13");
}

fn takes_the_place_of_debians(release: &str) {
    let mut debian = Booted::new(release);
    let ours = in_the_cache("package/ipvsadm.deb");
    let reference = in_the_cache(&format!("systemd/{release}/ipvsadm.deb"));
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

    // Day by day.
    debian.succeed("ipvsadm -A -u 192.0.2.1:53 -s rr");
    let changed = debian.state();
    debian.succeed("service ipvsadm save");
    debian.succeed("ipvsadm -D -u 192.0.2.1:53; ipvsadm -A -u 192.0.2.9:53 -s rr");
    debian.succeed("systemctl reload ipvsadm");
    assert_eq!(debian.state(), changed, "after reload");
    debian.succeed("systemctl restart ipvsadm");
    assert_eq!(debian.state(), changed, "after restart");
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

    // A purge of what is left of the reference takes the settings, and nothing else.
    debian.succeed("apt-get purge -y ipvsadm");
    assert_eq!(debian.state(), unsaved, "after the purge of the reference");
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
    debian.succeed(&install(&reference));
    assert_eq!(debian.unit(), "disabled inactive", "back at the reference");
}
