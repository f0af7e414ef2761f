//! A kernel whose modules are not loaded, and cannot be.
//!
//! It takes IPVS away from the whole kernel for a while, so nothing else runs in that guest
//! meanwhile: a guest runs one module at a time, and one test of it.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};

use nix::mount::{MsFlags, mount};

use crate::support::modules::unload;
use crate::support::pair::{Pair, compare};
use crate::support::{Ending, Invocation, Namespace, Outcome, Program, SCRATCH, mount_memory};

/// Hides the modules' files from the thread that calls this, and from what it starts.
fn hide_modules() {
    mount_memory("/lib/modules");
}

/// While it lives the kernel asks nobody for modules; where it may, naming the netlink family loads
/// IPVS before any program has done a thing.
struct KernelAsksNobody(String);

/// The program that the kernel starts to load a module.
const KERNELS_WAY: &str = "/proc/sys/kernel/modprobe";

impl KernelAsksNobody {
    fn new() -> Self {
        let before = fs::read_to_string(KERNELS_WAY).unwrap();
        fs::write(KERNELS_WAY, "/nonexistent").unwrap();
        Self(before)
    }
}

impl Drop for KernelAsksNobody {
    fn drop(&mut self) {
        let _ = fs::write(KERNELS_WAY, self.0.trim());
    }
}

/// Runs a program's `-ln` as a user without any privilege.
fn run_unprivileged(namespace: &Namespace, program: &Program) -> Outcome {
    // Where it was built, another user may not be let in.
    let copy = format!("{SCRATCH}/{}", program.name);
    let command = program.command(OsStr::new("ipvsadm"));
    let original = command.get_program().to_owned();
    namespace.enter({
        let copy = copy.clone();
        move || fs::copy(original, copy).unwrap()
    });
    let mut command = Command::new("setpriv");
    command
        .args(["--reuid", "65534", "--clear-groups", &copy, "-ln"])
        .stdin(Stdio::null());
    namespace.output(command)
}

/// Returns the standard input of the stand-in for modprobe.
const EATEN: &str = "/media/eaten";

/// Puts a program that reads its input to the end in modprobe's place, for the thread that calls
/// this and what it starts.
fn replace_modprobe() {
    const NOTHING: Option<&str> = None;
    let script = format!("{SCRATCH}/modprobe");
    fs::write(&script, format!("#!/bin/sh\ncat >{EATEN}\nexit 1\n")).unwrap();
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
    let modprobe = fs::canonicalize("/sbin/modprobe").unwrap();
    mount(
        Some(script.as_str()),
        &modprobe,
        NOTHING,
        MsFlags::MS_BIND,
        NOTHING,
    )
    .unwrap();
}

/// Gives the thread that calls this, whose modules are hidden, some without IPVS.
fn show_other_modules() {
    let release = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap();
    let folder = format!("/lib/modules/{}", release.trim());
    fs::create_dir(&folder).unwrap();
    let list = "kernel/net/netfilter/x_tables.ko:\n";
    fs::write(format!("{folder}/modules.dep"), list).unwrap();
}

/// Returns the first finding of a diagnosis, which must have found a fault.
fn diagnosed(namespace: &Namespace) -> serde_json::Value {
    diagnosed_by(namespace, &[])
}

/// Returns the same, of the program started by `words`.
fn diagnosed_by(namespace: &Namespace, words: &[&str]) -> serde_json::Value {
    let program = Program::ours().command(OsStr::new("ipvsadm"));
    let mut words = words.iter().map(OsStr::new).chain([program.get_program()]);
    let mut command = Command::new(words.next().unwrap());
    command.args(words).args(["--diagnose", "--json"]);
    let outcome = namespace.output(command);
    assert_eq!(outcome.ending, Ending::Status(1), "{outcome}");
    assert!(outcome.stderr.is_empty(), "{outcome}");
    let document: serde_json::Value = serde_json::from_slice(&outcome.stdout).unwrap();
    document["findings"][0].clone()
}

fn shell(line: &str) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", line]).stdin(Stdio::null());
    command
}

/// One test, since what it does to the kernel allows no other beside it.
#[test]
fn modules_are_loaded_where_they_are_and_missed_where_not() {
    let pair = Pair::new(false);
    let hidden = Pair::new(false);
    hidden.reference_namespace.enter(hide_modules);
    hidden.our_namespace.enter(hide_modules);

    // Without the module's file: modprobe's own line, then ours.
    unload();
    let kernel_asks_nobody = KernelAsksNobody::new();
    for line in ["", "-ln", "-A -f 1", "-C", "-R", "-q", "-Sn", "-A -t x"] {
        let (expected, got) = hidden.run(&Invocation::line(line));
        if let Err(difference) = compare(&expected, &got) {
            panic!("ipvsadm {line} without IPVS differs in\n{difference}");
        }
        assert_eq!(got.ending, Ending::Status(2), "{line}\n{got}");
        assert!(
            got.stderr_text().ends_with(
                "Are you sure that IP Virtual Server is built in the kernel or as module?\n"
            ),
            "{got}"
        );
    }
    if !hidden.ours.is_reference() {
        for line in ["-h", "-v"] {
            let got = hidden.run_ours(&Invocation::line(line));
            assert_eq!(got.ending, Ending::Status(0), "{line}\n{got}");
            assert!(got.stderr.is_empty(), "{line}\n{got}");
        }
    }

    // To a diagnosis it is a finding, and loading is left to whoever reads it.
    if !hidden.ours.is_reference() {
        let missing = diagnosed(&hidden.our_namespace);
        assert_eq!(missing["id"], "module-missing");
        assert_eq!(missing["evidence"]["reason"], "no-modules-here");
        hidden.our_namespace.enter(show_other_modules);
        let missing = diagnosed(&hidden.our_namespace);
        assert_eq!(missing["evidence"]["reason"], "not-among-them");
        let without = ["setpriv", "--bounding-set", "-sys_module"];
        let missing = diagnosed_by(&pair.our_namespace, &without);
        assert_eq!(missing["evidence"]["reason"], "not-allowed");
        let missing = diagnosed(&pair.our_namespace);
        assert_eq!(missing["evidence"]["reason"], "not-loaded");
        let command = missing["remedy"][0]["command"].as_str().unwrap().to_owned();
        let outcome = pair.our_namespace.output(shell(&command));
        assert_eq!(outcome.ending, Ending::Status(0), "{outcome}");
        // Who lacks the modules, or may not load them, has IPVS by the same command elsewhere.
        for namespace in [&pair.our_namespace, &hidden.our_namespace] {
            let outcome = namespace.run(&Program::ours(), &Invocation::line("--diagnose"));
            assert_eq!(outcome.ending, Ending::Status(0), "{outcome}");
        }
        unload();
    }

    // The missing privilege is named first.
    let (expected, got) = (
        run_unprivileged(&hidden.reference_namespace, &hidden.reference),
        run_unprivileged(&hidden.our_namespace, &hidden.ours),
    );
    if let Err(difference) = compare(&expected, &got) {
        panic!("without privilege and IPVS it differs in\n{difference}");
    }
    assert!(
        got.stderr_text()
            .contains("Permission denied (you must be root)\n"),
        "{got}"
    );

    // Standard input holds the rules, which are not for modprobe to read.
    if !hidden.ours.is_reference() {
        hidden.our_namespace.enter(replace_modprobe);
        hidden.run_ours(&Invocation::restore("-A -f 1\n"));
        let eaten = hidden.our_namespace.enter(|| fs::read(EATEN).unwrap());
        assert!(
            eaten.is_empty(),
            "modprobe has read {}",
            eaten.escape_ascii()
        );
    }

    // With it: loaded by either program.
    for line in ["-ln", "-C", "-Z"] {
        unload();
        let expected = pair.run_reference(&Invocation::line(line));
        let (reference, clear) = (&pair.reference, Invocation::line("-C"));
        pair.reference_namespace.run(reference, &clear);
        unload();
        let got = pair.run_ours(&Invocation::line(line));
        pair.our_namespace.run(reference, &clear);
        if let Err(difference) = compare(&expected, &got) {
            panic!("ipvsadm {line} that loads IPVS differs in\n{difference}");
        }
        assert_eq!(got.ending, Ending::Status(0), "{line}\n{got}");
    }

    // The kernel asks for a scheduler itself; one that it does not get is not found.
    let add = Invocation::line("-A -t 192.0.2.1:80 -s fo");
    let (expected, got) = pair.run(&add);
    if let Err(difference) = compare(&expected, &got) {
        panic!("a scheduler that is not there differs in\n{difference}");
    }
    assert_eq!(
        got.stderr_text(),
        "Scheduler or persistence engine not found\n"
    );
    drop(kernel_asks_nobody);
    let (expected, got) = pair.run(&add);
    assert_eq!(compare(&expected, &got), Ok(()));
    assert_eq!(got.ending, Ending::Status(0), "{got}");
}
