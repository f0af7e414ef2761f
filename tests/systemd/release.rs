//! Builds what `src/package/build release` hands out, twice from the same sources, and installs it
//! in new roots without a kernel of their own.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::thread;

/// Runs a script in a shell, with positional parameters. Returns what it prints.
fn succeed(script: &str, words: &[&Path]) -> String {
    let output = Command::new("sh")
        .args(["-ec", script, "sh"])
        .args(words)
        .output()
        .expect("sh");
    assert!(output.status.success(), "{script}\n{output:?}");
    String::from_utf8(output.stdout).expect("text")
}

#[test]
#[ignore = "run with --all-kernels: it builds in eight new roots of Debian, as root"]
fn what_is_handed_out_is_the_same_twice_and_installs_where_it_belongs() {
    let work = std::env::temp_dir().join(format!("ipvsadm-release-{}", std::process::id()));
    let folders = ["one", "another/folder"].map(|name| work.join(name));
    let build = |folder: &Path| {
        fs::create_dir_all(folder).unwrap();
        succeed(
            "git clone --quiet \"$1\" \"$2/sources\"
             \"$2/sources/src/package/build\" --output \"$2/out\" release >&2
             cat \"$2/out/SHA256SUMS\"",
            &[Path::new(env!("CARGO_MANIFEST_DIR")), folder],
        )
    };
    // Both at once: most of a build is one processor's work.
    let sums = thread::scope(|scope| {
        let other = scope.spawn(|| build(&folders[1]));
        [build(&folders[0]), other.join().unwrap()]
    });
    assert_eq!(sums[0], sums[1]);
    assert_eq!(sums[0].lines().count(), 5, "{}", sums[0]);
    let out = folders[0].join("out");

    let version = concat!(
        "ipvsadm v1.31 (ipvsadm-rs ",
        env!("CARGO_PKG_VERSION"),
        ")\n"
    );
    let root = work.join("root");
    for (release, number) in [("bookworm", "12"), ("trixie", "13")] {
        let package = format!(
            "ipvsadm-rs_{}-1+deb{number}_amd64.deb",
            env!("CARGO_PKG_VERSION")
        );
        let printed = succeed(
            "mmdebstrap --quiet --variant=minbase \"$1\" \"$2\"
             cp \"$3\" \"$2/ours.deb\"
             chroot \"$2\" apt-get install -qq -y /ours.deb >&2
             chroot \"$2\" ipvsadm -v
             rm -rf --one-file-system \"$2\"",
            &[Path::new(release), &root, &out.join(package)],
        );
        assert_eq!(printed, version, "on Debian {number}");
    }

    // The C library of Debian 11 is older than that of EL 9.
    let package = format!("ipvsadm-rs-{}-1.x86_64.rpm", env!("CARGO_PKG_VERSION"));
    let printed = succeed(
        "mmdebstrap --quiet --variant=minbase --include=rpm bullseye \"$1\"
         cp \"$2\" \"$1/ours.rpm\"
         chroot \"$1\" rpm --install --nodeps --force-debian /ours.rpm >&2
         chroot \"$1\" ipvsadm -v
         rm -rf --one-file-system \"$1\"",
        &[&root, &out.join(package)],
    );
    assert_eq!(printed, version, "by rpm");

    // No C library, nor anything else.
    let name = format!("ipvsadm-rs-{}-linux-x86_64", env!("CARGO_PKG_VERSION"));
    let printed = succeed(
        "mkdir \"$1\"
         tar --extract --gzip --file \"$2\" --directory \"$1\"
         chroot \"$1\" \"/$3/sbin/ipvsadm\" -v
         printf '%s\\n' '-A -t 192.0.2.1:80' | chroot \"$1\" \"/$3/sbin/ipvsadm-restore\" --test
         ls \"$1/$3/share/man/man8\"",
        &[&root, &out.join(format!("{name}.tar.gz")), Path::new(&name)],
    );
    assert_eq!(
        printed,
        format!("{version}ipvsadm-restore.8\nipvsadm-save.8\nipvsadm.8\n")
    );
    fs::remove_dir_all(work).unwrap();
}
