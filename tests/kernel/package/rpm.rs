//! The RPM, as packagers and rpm look at it. What it does on a machine is tested in
//! `tests/systemd`.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Command;

use super::PROGRAMS;
use super::deb::built;

#[test]
fn it_stands_in_for_red_hats_ipvsadm() {
    let provided = query("[%{PROVIDENEVRS}\n]");
    assert!(
        provided.lines().any(|line| line == "ipvsadm = 1.31"),
        "{provided}"
    );
    assert_eq!(query("[%{CONFLICTNEVRS}\n]"), "ipvsadm\n");
    assert_eq!(
        query("%{LICENSE}"),
        "(MIT OR Apache-2.0) AND BSD-3-Clause AND MIT"
    );

    let files = query("[%{FILEMODES:perms} %{FILENAMES}\n]");
    let mut wanted = vec![
        "-rwxr-xr-x /usr/sbin/ipvsadm".to_owned(),
        "lrwxrwxrwx /usr/sbin/ipvsadm-save".to_owned(),
        "lrwxrwxrwx /usr/sbin/ipvsadm-restore".to_owned(),
        "-rw-r--r-- /usr/lib/systemd/system/ipvsadm.service".to_owned(),
        "-rwxr-xr-x /usr/libexec/ipvsadm-rs/service".to_owned(),
        "-rw------- /etc/sysconfig/ipvsadm-config".to_owned(),
        "-rw-r--r-- /usr/share/ipvsadm-rs/ipvsadm.schema.json".to_owned(),
        "-rw-r--r-- /usr/share/zsh/site-functions/_ipvsadm".to_owned(),
        "/third-party-licences\n".to_owned(),
    ];
    for program in PROGRAMS {
        // Compressed where the distribution's rpmbuild does that.
        wanted.push(format!("-rw-r--r-- /usr/share/man/man8/{program}.8"));
        wanted.push(format!(
            "-rw-r--r-- /usr/share/fish/vendor_completions.d/{program}.fish"
        ));
        wanted.push(format!(
            " /usr/share/bash-completion/completions/{program}\n"
        ));
    }
    for file in wanted {
        assert!(files.contains(&file), "{file} is not in\n{files}");
    }
    assert!(
        !files.contains(" /etc/sysconfig/ipvsadm\n"),
        "the rules are the administrator's"
    );
    assert_eq!(
        run(Command::new("rpm")
            .args(["-qp", "--configfiles"])
            .arg(our_rpm())),
        "/etc/sysconfig/ipvsadm-config\n"
    );
}

#[test]
fn its_changelog_is_of_this_version() {
    let version = concat!(env!("CARGO_PKG_VERSION"), "-1");
    assert_eq!(query("%{VERSION}-%{RELEASE}"), version);
    let newest = query("%{CHANGELOGNAME}");
    assert!(newest.ends_with(version), "{newest}");
    let first = query("%{CHANGELOGTEXT}");
    assert!(first.starts_with("- The same options"), "{first}");
}

#[test]
fn rpmlint_has_nothing_to_say_that_matters() {
    run(Command::new("rpmlint")
        .args(["--strict", "--config"])
        .arg(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/tests/labkit/rpm/rpmlint.toml"
        ))
        .arg(our_rpm()));
}

/// As far as unpacking it: `rpmbuild -ta` finds one spec file in the archive of the sources, and
/// the folder that the spec expects.
#[test]
fn an_archive_of_the_sources_can_be_built_from() {
    let name = concat!("ipvsadm-rs-", env!("CARGO_PKG_VERSION"));
    let folder = PathBuf::from("/run/rpm-archive");
    fs::create_dir(&folder).unwrap();
    let printed = run(Command::new("rpmbuild")
        .args(["-tp", "--nodeps", "--define", "_buildhost localhost"])
        .arg("--define")
        .arg(format!("_topdir {}", folder.display()))
        .arg("--load")
        .arg(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/tests/labkit/rpm/macros"
        ))
        .arg(built(&format!("{name}.tar.gz"))));
    let unpacked = folder.join("BUILD").join(name).join("Cargo.toml");
    assert!(unpacked.exists(), "{printed}");
}

/// A root with nothing but a shell, as one is when an image is made.
#[test]
fn its_scripts_run_in_an_empty_root() {
    let root = PathBuf::from("/run/rpm-test");
    fs::create_dir_all(root.join("bin")).unwrap();
    fs::copy("/bin/sh", root.join("bin/sh")).unwrap();
    let libraries = run(Command::new("ldd").arg("/bin/sh"));
    for library in libraries
        .split_whitespace()
        .filter(|word| word.starts_with('/'))
    {
        let copy = root.join(library.strip_prefix('/').unwrap());
        fs::create_dir_all(copy.parent().unwrap()).unwrap();
        fs::copy(library, copy).unwrap();
    }
    let rpm = |words: &[&str]| {
        let mut command = Command::new("rpm");
        run(command.arg("--root").arg(&root).args(words))
    };
    // Debian 12's rpm warns of what is no Debian package; a plugin of 13's, of any other root.
    let change: &[&str] = match run(Command::new("rpm").arg("--help")).contains("--force-debian") {
        true => &["--force-debian", "--nodeps"],
        false => &["--noplugins", "--nodeps"],
    };
    let upgrade = our_rpm()
        .to_string_lossy()
        .replace("-1.x86_64", "-2.x86_64");
    let settings = root.join("etc/sysconfig/ipvsadm-config");

    rpm(&["--initdb"]);
    assert_eq!(
        rpm(&[change, &["--install", &our_rpm().to_string_lossy()]].concat()),
        ""
    );
    assert_eq!(
        fs::metadata(&settings).unwrap().permissions().mode() & 0o777,
        0o600
    );
    assert_eq!(rpm(&[change, &["--upgrade", &upgrade]].concat()), "");
    assert_eq!(
        rpm(&["--query", "ipvsadm-rs"]),
        concat!("ipvsadm-rs-", env!("CARGO_PKG_VERSION"), "-2.x86_64\n")
    );
    assert_eq!(rpm(&[change, &["--erase", "ipvsadm-rs"]].concat()), "");
    for gone in [
        "usr/sbin/ipvsadm",
        "etc/sysconfig/ipvsadm-config",
        "var/lib/rpm-state",
    ] {
        assert!(!root.join(gone).exists(), "{gone} is left");
    }
}

fn our_rpm() -> PathBuf {
    built(concat!(
        "repository/ipvsadm-rs-",
        env!("CARGO_PKG_VERSION"),
        "-1.x86_64.rpm"
    ))
}

/// Returns fields of the header, in the words of `rpm --queryformat`.
fn query(format: &str) -> String {
    run(Command::new("rpm")
        .args(["-qp", "--queryformat", format])
        .arg(our_rpm()))
}

/// Runs a command that must succeed; all that it prints.
fn run(command: &mut Command) -> String {
    let output = command
        .output()
        .unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let mut printed = String::from_utf8_lossy(&output.stdout).into_owned();
    printed.push_str(&String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{command:?}\n{printed}");
    printed
}
