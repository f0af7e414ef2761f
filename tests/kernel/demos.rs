//! The demos of `tests/lab demo`, played to their end in the lab's own stage.
//!
//! Their claims are asserted, request by request, by the [clusters](crate::clusters). Here every
//! command of a demo succeeds but for the slips that are part of the show, and what it waits for
//! comes. A usual run plays one of them; `--all-kernels` plays all.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use crate::support::{Ending, Namespace, Outcome, SCRATCH, bash_with_own_names, names_in};

const REPOSITORY: &str = env!("CARGO_MANIFEST_DIR");

/// The exit statuses that the demos show, in their order. No command of the others fails.
const SLIPS: &[(&str, &[i32])] = &[
    // A diagnosis that finds a fault.
    ("diagnose", &[1, 1, 1]),
    // A real server without brackets and port.
    ("ipv6", &[2]),
    // The service is at another port, and so nobody is at this one.
    ("logins", &[255, 111]),
    // The service is named without its port.
    ("lvs-nat", &[255]),
    // Port 0 without persistence.
    ("persistence", &[2]),
    // All servers are full.
    ("thresholds", &[111]),
    // A daemon is stopped twice.
    ("two-directors", &[255]),
];

/// The faults and risks that are left when a demo is over; all others leave a director that is
/// well.
const LEFT: &[(&str, &[&str])] = &[
    // The servers are full of connections that are kept.
    ("thresholds", &["no-server"]),
    // The first director is the one that went: its link is down.
    (
        "two-directors",
        &["address-without-link", "no-route", "no-route"],
    ),
];

/// The file for the findings of a diagnosis at the end of a demo.
const DIAGNOSIS: &str = "/media/diagnosis";

/// Plays the demo in `file`, with ours as `ipvsadm` and the reference beside it.
fn play(namespace: &Namespace, file: &Path) -> Outcome {
    let programs = Path::new(SCRATCH).join("programs");
    let folder = programs.clone();
    namespace.enter(move || {
        fs::create_dir(&folder).unwrap();
        for name in ["ipvsadm", "ipvsadm-save", "ipvsadm-restore"] {
            symlink(env!("CARGO_BIN_EXE_ipvsadm"), folder.join(name)).unwrap();
        }
        let reference = std::env::var_os("IPVSADM_REFERENCE").unwrap();
        symlink(reference, folder.join("ipvsadm.reference")).unwrap();
    });
    let kit = PathBuf::from(REPOSITORY).join("tests/labkit");
    let mut command = bash_with_own_names();
    command
        .arg(kit.join("stage.sh"))
        .arg(file)
        .env_clear()
        .env(
            "PATH",
            format!("{}:/usr/sbin:/usr/bin:/sbin:/bin", programs.display()),
        )
        .env("LABKIT", &kit)
        .env("LC_ALL", "C.UTF-8")
        .env("STAGE_DIAGNOSIS", DIAGNOSIS)
        .stdin(Stdio::null());
    namespace.output(command)
}

/// Returns the faults and risks that are left when a demo is over.
fn findings_left(namespace: &Namespace) -> Vec<String> {
    let diagnosis = namespace.enter(|| fs::read(DIAGNOSIS).unwrap());
    let diagnosis: serde_json::Value = serde_json::from_slice(&diagnosis).unwrap();
    let findings = diagnosis["findings"].as_array().unwrap().iter();
    findings
        .filter(|finding| finding["level"] != "note")
        .map(|finding| finding["id"].as_str().unwrap().to_owned())
        .collect()
}

/// One test for each demo, and one that no file of the folder is forgotten. A name has `_` for `-`.
macro_rules! demos {
    ($($(#[$attribute:meta])* $name:ident)*) => {
        $(
            #[test]
            $(#[$attribute])*
            fn $name() {
                shows_what_it_is_about(&stringify!($name).replace('_', "-"));
            }
        )*

        #[test]
        fn every_demo_is_listed() {
            let mut names = [$(stringify!($name)),*];
            names.sort();
            assert_eq!(names_in("tests/labkit/demos", "sh"), names);
        }
    };
}

demos! {
    draining
    #[ignore = "played with --all-kernels"]
    diagnose
    #[ignore = "played with --all-kernels"]
    hashing
    #[ignore = "played with --all-kernels"]
    ipv6
    #[ignore = "played with --all-kernels"]
    keepalived
    #[ignore = "played with --all-kernels"]
    logins
    #[ignore = "played with --all-kernels"]
    lvs_dr
    #[ignore = "played with --all-kernels"]
    lvs_nat
    #[ignore = "played with --all-kernels"]
    lvs_tun
    #[ignore = "played with --all-kernels"]
    marks
    #[ignore = "played with --all-kernels"]
    persistence
    #[ignore = "played with --all-kernels"]
    returning
    #[ignore = "played with --all-kernels"]
    sctp
    #[ignore = "played with --all-kernels"]
    thresholds
    #[ignore = "played with --all-kernels"]
    two_directors
    #[ignore = "played with --all-kernels"]
    udp
}

fn demos() -> PathBuf {
    Path::new(REPOSITORY).join("tests/labkit/demos")
}

fn shows_what_it_is_about(name: &str) {
    let namespace = Namespace::new();
    let outcome = play(&namespace, &demos().join(name).with_extension("sh"));
    assert!(
        outcome.ending == Ending::Status(0) && outcome.stderr.is_empty(),
        "{outcome}"
    );
    let shown = outcome.stdout_text();
    let statuses: Vec<i32> = shown
        .lines()
        .filter_map(|line| line.strip_prefix("(exit status ")?.strip_suffix(')'))
        .map(|status| status.parse().unwrap())
        .collect();
    let slips = SLIPS.iter().find(|(with_slips, _)| *with_slips == name);
    assert_eq!(
        statuses,
        slips.map_or(&[][..], |(_, statuses)| statuses),
        "{shown}"
    );
    let expected = LEFT.iter().find(|(with_faults, _)| *with_faults == name);
    assert_eq!(
        findings_left(&namespace),
        expected.map_or(&[][..], |(_, left)| left),
        "{shown}"
    );
}

#[test]
fn a_demo_ends_at_a_command_that_is_not_installed() {
    const DEMO: &str = "cluster_hosts director; cluster_settle
        director 'echo before'
        director 'echo x | no-such-command | cat; true'
        director 'echo behind'";
    let namespace = Namespace::new();
    let file = Path::new(SCRATCH).join("demo.sh");
    let written = file.clone();
    namespace.enter(move || fs::write(written, DEMO).unwrap());
    let outcome = play(&namespace, &file);
    assert_eq!(outcome.ending, Ending::Status(1), "{outcome}");
    let shown = outcome.stdout_text();
    assert!(shown.contains("\nbefore\n"), "{shown}");
    assert!(
        shown.ends_with("(the demo ends here, as this machine has no no-such-command)\n"),
        "{shown}"
    );
}
