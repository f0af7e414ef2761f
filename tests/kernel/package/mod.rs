//! The Debian package, as `src/package/build deb` builds it: installed, used and removed, in the
//! place of the reference's. (The RPM has a part of its own: [`rpm`].)
//!
//! Each test has a small Debian to itself: [`debian`]. It has no systemd, so the commands of the
//! unit are read from its file and run here, and what they leave is compared with what the
//! reference's init script leaves. A Debian with systemd is what `tests/systemd` has.

mod deb;
mod debian;
mod machine;
mod rpm;

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs;
use std::path::Path;
use std::process::Command;

use crate::support::Ending;
use deb::{our_package, reference_package};
use debian::Debian;

/// The programs of the package.
const PROGRAMS: [&str; 3] = ["ipvsadm", "ipvsadm-restore", "ipvsadm-save"];

/// A file of rules as the reference's init script writes it.
const RULES: &str = "# ipvsadm.rules
-A -t 192.0.2.1:80 -s wrr
-a -t 192.0.2.1:80 -r 198.51.100.1:80 -m -w 3
-a -t 192.0.2.1:80 -r 198.51.100.2:80 -m -w 1
-A -f 7 -s sh -p 300
-a -f 7 -r 198.51.100.3:0 -g -w 1
";

// ---------------------------------------------------------------------------------------------
// What is in it

#[test]
fn it_stands_in_for_the_reference_and_needs_the_c_library_alone() {
    let field = |name| deb::field(&our_package(), name);
    assert_eq!(field("Package"), "ipvsadm-rs");
    assert_eq!(field("Conflicts"), "ipvsadm");
    assert_eq!(field("Replaces"), "ipvsadm");
    // Of the same epoch and upstream version; Debian's own revision differs between its releases.
    let version = deb::field(&reference_package(), "Version");
    let (upstream, _) = version.split_once('-').unwrap_or((&version, ""));
    let provided = field("Provides");
    assert!(
        provided.starts_with(&format!("ipvsadm (= {upstream}-")),
        "provides {provided}, the reference is {version}"
    );
    for dependency in field("Depends").split(", ") {
        let (name, _) = dependency.split_once(' ').unwrap_or((dependency, ""));
        assert!(
            ["libc6", "libgcc-s1"].contains(&name),
            "depends on {dependency}"
        );
    }
}

#[test]
fn it_asks_for_no_newer_c_library_than_the_program_needs() {
    let depends = deb::field(&our_package(), "Depends");
    let asked = depends
        .split(", ")
        .find_map(|name| version(name.strip_prefix("libc6 (>= ")?.strip_suffix(')')?))
        .expect("a version of libc6");
    assert_eq!(asked, needed_c_library(), "{depends}");
}

/// A package that is built on Debian 12 can be installed on what is older. One that is
/// built with a newer C library cannot, so the lab leaves this test out where the machine has one.
#[test]
fn it_installs_where_the_c_library_is_that_of_debian_12() {
    // 2.35 is what the unwinder asks for, which is linked in.
    let needed = needed_c_library();
    assert!(needed <= vec![2, 35], "{needed:?}");
}

/// Returns the newest version of the C library that the program has a symbol of.
fn needed_c_library() -> Vec<u32> {
    let folder = debian::new_folder();
    deb::unpack(&our_package(), &folder);
    let program = fs::read(folder.join("usr/sbin/ipvsadm")).unwrap();
    // The versions of symbols, in the program's table of strings.
    program
        .split(|byte| *byte == 0)
        .filter_map(|name| version(std::str::from_utf8(name).ok()?.strip_prefix("GLIBC_")?))
        .max()
        .expect("a program linked with the C library")
}

fn version(text: &str) -> Option<Vec<u32>> {
    text.split('.').map(|part| part.parse().ok()).collect()
}

#[test]
fn it_holds_what_makes_the_programs_at_home_on_debian() {
    let listing = deb::contents(&our_package());
    let mut wanted = vec![
        "/usr/sbin/ipvsadm".to_owned(),
        "/usr/sbin/ipvsadm-save -> ipvsadm".to_owned(),
        "/usr/sbin/ipvsadm-restore -> ipvsadm".to_owned(),
        "/usr/share/zsh/vendor-completions/_ipvsadm".to_owned(),
        "/usr/share/ipvsadm-rs/ipvsadm.schema.json".to_owned(),
        "/usr/share/doc/ipvsadm-rs/third-party-licences".to_owned(),
    ];
    for program in PROGRAMS {
        wanted.push(format!("/usr/share/man/man8/{program}.8.gz"));
        wanted.push(format!("/usr/share/bash-completion/completions/{program}"));
        wanted.push(format!(
            "/usr/share/fish/vendor_completions.d/{program}.fish"
        ));
    }
    for name in wanted {
        assert!(
            listing.lines().any(|line| {
                line.split_once(" .").is_some_and(|(_, path)| {
                    path == name
                        || path
                            .split_once(" -> ")
                            .is_some_and(|(link, _)| link == name)
                })
            }),
            "{name} is not in\n{listing}"
        );
    }
}

#[test]
fn its_changelog_is_of_this_version() {
    let version = deb::field(&our_package(), "Version");
    assert_eq!(version, concat!(env!("CARGO_PKG_VERSION"), "-1"));
    let changelog = deb::changelog(&our_package());
    assert!(
        changelog.starts_with(&format!("ipvsadm-rs ({version}) ")),
        "{changelog}"
    );
    assert!(changelog.contains("\n  * The same options"), "{changelog}");
}

/// Whoever gets the program must get the licenses of all crates that are linked in.
#[test]
fn the_file_of_licenses_names_what_is_linked_in() {
    let output = Command::new(env!("CARGO"))
        .args(["tree", "--locked", "--offline", "--target", "all"])
        .args(["--edges", "normal,no-proc-macro", "--prefix", "none"])
        .args(["--format", "{p}", "--manifest-path"])
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"))
        .output()
        .expect("cargo");
    assert!(output.status.success(), "{output:?}");
    let listed = String::from_utf8(output.stdout).unwrap();
    let linked: BTreeSet<&str> = listed
        .lines()
        .filter_map(|line| line.split_once(' '))
        .map(|(name, _)| name)
        .filter(|name| *name != env!("CARGO_PKG_NAME"))
        .collect();
    let named: BTreeSet<&str> = include_str!("../../../src/package/third-party-licences")
        .lines()
        .filter_map(|line| line.split_once(": "))
        .map(|(name, _)| name)
        .filter(|name| !name.contains(' '))
        .collect();
    assert_eq!(linked, named, "linked, and named in the file");
}

// ---------------------------------------------------------------------------------------------
// Installed over the reference

#[test]
fn debians_init_script_works_with_it_unchanged() {
    let reference = Debian::with_reference();
    let ours = Debian::with_reference();
    ours.dpkg("--install", &our_package());
    for debian in [&reference, &ours] {
        debian.namespace.add_eth0();
        debian.write("/etc/default/ipvsadm", &settings("true", "both", "3"));
        debian.write("/etc/ipvsadm.rules", RULES);
    }
    let mut said = String::new();
    // Each verb in the state that the ones before it have left.
    for verb in [
        "status",
        "start",
        "rate",
        "start",
        "reload",
        "save",
        "stop",
        "stop",
        "load",
        "restart",
        "force-reload",
        "nonsense",
    ] {
        let command = format!(
            "/etc/init.d/ipvsadm {verb}; echo \"status $?\"
            printf -- '-S -n\\n-L --daemon\\n' | ipvsadm -R; cat /etc/ipvsadm.rules"
        );
        let expected = reference.run(&command);
        let got = ours.run(&command);
        assert_eq!(expected.to_string(), got.to_string(), "{verb}");
        said.push_str(&got.stdout_text());
    }
    // It has done something, in both.
    for part in [
        "wrr", "syncid=3", "InPPS", "Usage: ", "status 0", "status 1",
    ] {
        assert!(said.contains(part), "no {part} in\n{said}");
    }
}

#[test]
fn installed_over_the_reference_it_takes_its_place_and_keeps_its_settings() {
    let debian = Debian::with_reference();
    debian.namespace.add_eth0();
    let settings = settings("true", "master", "9");
    debian.write("/etc/default/ipvsadm", &settings);
    debian.write("/etc/ipvsadm.rules", RULES);
    debian.succeed("/etc/init.d/ipvsadm start");
    let before = debian.state();
    assert!(
        before.contains("wrr") && before.contains("master sync daemon"),
        "{before}"
    );

    debian.dpkg("--install", &our_package());

    assert_eq!(debian.package_status("ipvsadm-rs"), "installed");
    assert_eq!(debian.package_status("ipvsadm"), "config-files");
    for program in PROGRAMS {
        assert!(
            debian.exists(&format!("/usr/sbin/{program}")),
            "{program} is gone"
        );
        assert_eq!(
            debian.succeed(&format!("dpkg-query --search /usr/sbin/{program}")),
            format!("ipvsadm-rs: /usr/sbin/{program}\n")
        );
    }
    let version = debian.succeed("ipvsadm -v");
    assert!(version.contains(env!("CARGO_PKG_VERSION")), "{version}");
    assert_eq!(
        debian.succeed("dpkg-divert --list '*ipvsadm*'"),
        "",
        "a diversion is left"
    );
    assert_eq!(debian.read("/etc/default/ipvsadm"), settings);
    assert_eq!(debian.read("/etc/ipvsadm.rules"), RULES);
    assert!(debian.exists("/etc/init.d/ipvsadm"));
    // The reference's package stopped the service when it was removed; ours has started it again.
    assert_eq!(debian.state(), before);
}

#[test]
fn a_package_that_asks_for_ipvsadm_is_content_with_it() {
    let debian = Debian::new();
    let asking = debian.build_package("asking", "Depends: ipvsadm (>= 1:1.28)\n");
    let refused = debian.run(&format!("dpkg --install {asking}"));
    assert_ne!(refused.ending, Ending::Status(0), "{refused}");
    debian.dpkg("--install", &our_package());
    debian.succeed("dpkg --configure asking");
    assert_eq!(debian.package_status("asking"), "installed");
}

#[test]
fn the_reference_can_come_back() {
    let debian = Debian::with_reference();
    let settings = debian.read("/etc/default/ipvsadm");
    debian.write("/etc/ipvsadm.rules", RULES);
    debian.dpkg("--install", &our_package());
    debian.succeed("dpkg --remove ipvsadm-rs");
    debian.dpkg("--install", &reference_package());
    debian.succeed("dpkg --purge ipvsadm-rs");
    for program in PROGRAMS {
        assert_eq!(
            debian.succeed(&format!("dpkg-query --search /sbin/{program}")),
            format!("ipvsadm: /sbin/{program}\n")
        );
    }
    assert!(debian.succeed("ipvsadm -v").contains("1.31"));
    assert!(
        !debian
            .succeed("ipvsadm -v")
            .contains(env!("CARGO_PKG_VERSION"))
    );
    assert_eq!(debian.read("/etc/default/ipvsadm"), settings);
    assert_eq!(debian.read("/etc/ipvsadm.rules"), RULES);
    assert!(
        !debian.exists("/etc/systemd/system/ipvsadm.service"),
        "the service is masked"
    );
}

// ---------------------------------------------------------------------------------------------
// On its own

#[test]
fn removed_and_purged_it_leaves_nothing_behind() {
    let debian = Debian::new();
    let before = debian.files();

    debian.dpkg("--install", &our_package());
    assert_eq!(
        debian.read("/etc/default/ipvsadm"),
        include_str!("../../../src/package/debian/default")
    );
    assert!(debian.exists("/etc/systemd/system/multi-user.target.wants/ipvsadm.service"));
    let listed: BTreeSet<String> = debian
        .succeed("dpkg-query --listfiles ipvsadm-rs")
        .lines()
        .map(str::to_owned)
        .collect();
    for file in &listed {
        assert!(debian.exists(file), "{file} is not there");
    }

    debian.succeed("dpkg --remove ipvsadm-rs");
    assert!(
        !debian.exists("/etc/default/ipvsadm"),
        "settings that nobody has changed"
    );

    debian.dpkg("--install", &our_package());
    debian.write("/etc/default/ipvsadm", &settings("true", "none", "0"));
    debian.write("/etc/ipvsadm.rules", RULES);
    debian.succeed("dpkg --remove ipvsadm-rs");
    assert_eq!(
        debian.read("/etc/default/ipvsadm"),
        settings("true", "none", "0")
    );
    assert_eq!(debian.read("/etc/ipvsadm.rules"), RULES);

    debian.succeed("dpkg --purge ipvsadm-rs");
    let after = debian.files();
    let left: Vec<_> = after.difference(&before).collect();
    let lost: Vec<_> = before.difference(&after).collect();
    assert!(
        left.is_empty() && lost.is_empty(),
        "left {left:?}, lost {lost:?}"
    );
}

#[test]
fn an_upgrade_leaves_the_kernels_table_and_daemons_alone() {
    let debian = Debian::with_reference();
    debian.namespace.add_eth0();
    debian.dpkg("--install", &our_package());
    debian.write("/etc/default/ipvsadm", &settings("true", "backup", "1"));
    debian.write("/etc/ipvsadm.rules", RULES);
    debian.succeed("ipvsadm -A -u 192.0.2.9:53 -s rr");
    debian.succeed("ipvsadm --start-daemon master --syncid 4");
    let before = debian.state();
    debian.dpkg("--install", &our_package());
    assert_eq!(debian.state(), before);
}

// ---------------------------------------------------------------------------------------------
// The systemd unit

#[test]
fn the_unit_sets_up_what_the_init_script_sets_up() {
    let reference = Debian::with_reference();
    let ours = Debian::new();
    ours.dpkg("--install", &our_package());
    let unit = Unit::of(&ours);
    for debian in [&reference, &ours] {
        debian.namespace.add_eth0();
        debian.write("/etc/director.rules", RULES);
    }
    for (automatic, daemon) in [
        ("false", "none"),
        ("false", "both"),
        ("true", "master"),
        ("true", "backup"),
    ] {
        let mut settings = settings(automatic, daemon, "12");
        settings.push_str("IPVSADM_RULES=/etc/director.rules\n");
        for debian in [&reference, &ours] {
            debian.write("/etc/default/ipvsadm", &settings);
            debian.succeed("ipvsadm -C; ipvsadm -A -t 192.0.2.200:22 -s rr");
        }
        for (verb, command) in [
            ("start", &unit.start),
            ("reload", &unit.reload),
            ("stop", &unit.stop),
        ] {
            reference.succeed(&format!("/etc/init.d/ipvsadm {verb}"));
            assert_eq!(ours.succeed(command), "", "{command}");
            assert_eq!(
                reference.state(),
                ours.state(),
                "after {verb} with\n{settings}"
            );
        }
    }
}

#[test]
fn the_unit_starts_again_what_was_started_before() {
    let debian = Debian::new();
    debian.dpkg("--install", &our_package());
    debian.namespace.add_eth0();
    let unit = Unit::of(&debian);
    debian.write("/etc/ipvsadm.rules", RULES);
    debian.write("/etc/default/ipvsadm", &settings("true", "both", "1"));
    debian.succeed(&unit.start);
    debian.write("/etc/default/ipvsadm", &settings("true", "both", "2"));
    debian.succeed(&unit.start);
    let state = debian.state();
    assert!(
        state.contains("master sync daemon (mcast=eth0, syncid=2,"),
        "{state}"
    );
    debian.succeed(&unit.stop);
    debian.succeed(&unit.stop);
}

#[test]
fn the_unit_fails_where_rules_cannot_be_restored_but_starts_the_daemons() {
    let debian = Debian::new();
    debian.dpkg("--install", &our_package());
    debian.namespace.add_eth0();
    let unit = Unit::of(&debian);
    debian.write("/etc/ipvsadm.rules", "-A -t 192.0.2.1:80\n-a -t nonsense\n");
    debian.write("/etc/default/ipvsadm", &settings("true", "master", "1"));
    let outcome = debian.run(&unit.start);
    assert_eq!(outcome.ending, Ending::Status(1), "{outcome}");
    assert!(!outcome.stderr.is_empty());
    let state = debian.state();
    assert!(state.contains("master sync daemon"), "{state}");
    assert!(!state.contains("192.0.2.1"), "{state}");
}

#[test]
fn the_unit_names_settings_that_it_does_not_understand() {
    let debian = Debian::new();
    debian.dpkg("--install", &our_package());
    let unit = Unit::of(&debian);
    debian.write("/etc/ipvsadm.rules", RULES);
    for (settings, said) in [
        ("AUTO=\nDAEMON=\n", ""),
        (
            "AUTO=true\r\nDAEMON=Both\n",
            "/etc/default/ipvsadm: AUTO=\"true^M\" is not understood: \
             the rules are left alone, as with \"false\"\n\
             /etc/default/ipvsadm: DAEMON=\"Both\" is not understood: \
             no sync daemon is meant, as with \"none\"\n",
        ),
    ] {
        debian.write("/etc/default/ipvsadm", settings);
        let outcome = debian.run(&unit.start);
        assert_eq!(outcome.ending, Ending::Status(0), "{outcome}");
        assert_eq!(String::from_utf8_lossy(&outcome.stderr), said);
        assert_eq!(debian.state(), "");
    }
}

#[test]
fn systemd_finds_no_fault_with_the_unit() {
    let debian = Debian::new();
    debian.dpkg("--install", &our_package());
    // Its surroundings: the targets that every unit goes before or after.
    let units = Path::new("/usr/lib/systemd/system");
    let targets = fs::read_dir(units).expect("systemd's units (package systemd)");
    for target in targets.map(|entry| entry.unwrap().path()) {
        if target.extension() == Some(OsStr::new("target")) {
            fs::copy(&target, debian.place(&target)).unwrap();
        }
    }
    let mut command = Command::new("systemd-analyze");
    command
        .args(["verify", "--man=no", "--recursive-errors=no", "--root"])
        .arg(&debian.root)
        .arg("ipvsadm.service");
    let outcome = debian.namespace.output(command);
    assert_eq!(outcome.to_string(), "= status 0\n");
}

/// The scripts of both packages, on a table with a drained server.
#[test]
fn a_reload_keeps_weights_where_the_settings_say_so() {
    const FILE: &str = "-A -f 7 -s wrr\n-a -f 7 -r 192.0.2.10:0 -g -w 3\n";
    const DRAINED: &str = "-A -f 7 -s wrr\n-a -f 7 -r 192.0.2.10:0 -g -w 0\n";
    let debian = Debian::new();
    debian.dpkg("--install", &our_package());
    let unit = Unit::of(&debian);
    fs::create_dir_all(debian.place("/etc/sysconfig")).unwrap();
    debian.write(
        "/etc/rpm-service",
        include_str!("../../../src/package/rpm/service"),
    );
    let of_rpm = |verb: &str| format!("sh /etc/rpm-service {verb}");
    let name = "KEEP_WEIGHTS";
    let rpm_name = "IPVS_KEEP_WEIGHTS_ON_RELOAD";
    let said = |file: &str, name: &str, word: &str, default: &str| {
        format!(
            "{file}: {name}=\"{word}\" is not understood: weights follow the file, as with \
             \"{default}\"\n"
        )
    };
    let (default, config) = ("/etc/default/ipvsadm", "/etc/sysconfig/ipvsadm-config");
    for (setting, rpm_setting, state, complaints) in [
        (
            String::new(),
            String::new(),
            FILE,
            [String::new(), String::new()],
        ),
        (
            format!("{name}=true # for now\n"),
            format!("X=$NOWHERE\n{rpm_name}=\"yes\"\n"),
            DRAINED,
            [String::new(), String::new()],
        ),
        (
            format!("{name}=Yes\n"),
            format!("{rpm_name}=true\r\n"),
            FILE,
            [
                said(default, name, "Yes", "false"),
                said(config, rpm_name, "true^M", "no"),
            ],
        ),
    ] {
        debian.write(default, &format!("AUTO=true\n{setting}"));
        debian.write(config, &rpm_setting);
        debian.write("/etc/ipvsadm.rules", FILE);
        debian.write("/etc/sysconfig/ipvsadm", FILE);
        let reloads = [unit.reload.clone(), of_rpm("reload")];
        for (reload, complaint) in reloads.iter().zip(complaints) {
            debian
                .succeed("ipvsadm -C; ipvsadm -A -f 7 -s wrr; ipvsadm -a -f 7 -r 192.0.2.10 -w 0");
            let outcome = debian.run(reload);
            assert_eq!(outcome.ending, Ending::Status(0), "{outcome}");
            assert_eq!(outcome.stderr_text(), complaint);
            assert_eq!(debian.state(), state, "{reload} with {setting}");
        }
        // At boot there is nothing to keep, and whoever starts the service means the file.
        for start in [unit.start.clone(), of_rpm("start")] {
            debian
                .succeed("ipvsadm -C; ipvsadm -A -f 7 -s wrr; ipvsadm -a -f 7 -r 192.0.2.10 -w 0");
            debian.run(&start);
            assert_eq!(debian.state(), FILE, "{start} with {setting}");
        }
    }
}

/// The commands of the package's unit.
struct Unit {
    start: String,
    reload: String,
    stop: String,
}

impl Unit {
    /// Reads them from the installed unit.
    fn of(debian: &Debian) -> Self {
        let text = debian.read("/usr/lib/systemd/system/ipvsadm.service");
        let command = |key: &str| {
            let commands: Vec<_> = text
                .lines()
                .filter_map(|line| line.strip_prefix(key)?.strip_prefix('='))
                .collect();
            assert_eq!(commands.len(), 1, "{key} in\n{text}");
            assert!(commands[0].starts_with('/'), "{key}={}", commands[0]);
            commands[0].to_owned()
        };
        Self {
            start: command("ExecStart"),
            reload: command("ExecReload"),
            stop: command("ExecStop"),
        }
    }
}

/// Returns an `/etc/default/ipvsadm` as an administrator may have written it: a shell reads more
/// than plain assignments.
fn settings(automatic: &str, daemon: &str, sync_id: &str) -> String {
    format!(
        "# ours\nSITE=$SET_NOWHERE\nAUTO=\"{automatic}\"\nDAEMON={daemon} # for now\nIFACE=\"eth0\"\t\nSYNCID={sync_id}\n"
    )
}
