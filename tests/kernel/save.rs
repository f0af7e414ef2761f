//! `ipvsadm-save FILE`: the file is the whole table or what it was.

use std::fs;
use std::process::{Command, Stdio};

use super::support::{Ending, Invocation, Namespace, Outcome, Program, SCRATCH};

const TABLE: &str = "-A -t 192.0.2.1:80 -s rr
-a -t 192.0.2.1:80 -r 192.0.2.10:80 -m -w 3
-A -f 7 -s wlc
";

/// The rules that were saved before.
const BEFORE: &str = "-A -f 9 -s sh\n";

/// Returns a namespace with [`TABLE`], and a folder of its own in which `rules` holds [`BEFORE`].
fn director() -> (Namespace, String) {
    let namespace = Namespace::new();
    let filled = namespace.run(&Program::ours(), &Invocation::restore(TABLE));
    assert_eq!(filled.ending, Ending::Status(0), "{filled}");
    let folder = format!("{SCRATCH}/saved");
    let place = folder.clone();
    namespace.enter(move || {
        let _ = fs::remove_dir_all(&place);
        fs::create_dir(&place).unwrap();
        fs::write(format!("{place}/rules"), BEFORE).unwrap();
    });
    (namespace, folder)
}

/// Runs a script in which `save` and `restore` are our helpers, in the folder.
fn shell((namespace, folder): &(Namespace, String), script: &str) -> Outcome {
    let ours = env!("CARGO_BIN_EXE_ipvsadm");
    let text = format!(
        "save() {{ (exec -a ipvsadm-save {ours} \"$@\"); }}
         restore() {{ (exec -a ipvsadm-restore {ours} \"$@\"); }}
         cd {folder} && {script}"
    );
    let mut command = Command::new("bash");
    command.args(["-c", &text]).stdin(Stdio::null());
    namespace.output(command)
}

/// Holds a script to its output, to silence on stderr and to status 0.
#[track_caller]
fn prints(director: &(Namespace, String), script: &str, expected: &str) {
    let outcome = shell(director, script);
    assert!(
        outcome.ending == Ending::Status(0) && outcome.stderr.is_empty(),
        "{script}\n{outcome}"
    );
    assert_eq!(outcome.stdout_text(), expected, "{script}");
}

#[test]
fn the_file_is_replaced_and_stays_whose_it_was() {
    let director = director();
    prints(
        &director,
        "save -n rules && cat rules && ls -A",
        &format!("{TABLE}rules\n"),
    );
    prints(
        &director,
        "umask 027; save new -n && cat new && stat -c %a new",
        &format!("{TABLE}640\n"),
    );
    let script = "echo x >rules; chown 12:34 rules; chmod 640 rules; ln -s rules link
         save -n link; stat -c '%a %u %g %s' rules; readlink link; ls -A";
    let size = TABLE.len();
    prints(
        &director,
        script,
        &format!("640 12 34 {size}\nrules\nlink\nnew\nrules\n"),
    );
    // Saved and restored, nothing differs.
    prints(&director, "restore --dry-run rules", "");
}

#[test]
fn what_is_no_file_is_written_to() {
    let director = director();
    for script in [
        "save -n /dev/stdout",
        "save -n /dev/stdout | cat",
        "save -n /dev/stdout >out; cat out",
        "save -n /proc/self/fd/1 | cat",
        "mkfifo pipe; cat pipe & save -n pipe; wait",
        "save -n >(cat); sleep 0.5",
    ] {
        prints(&director, script, TABLE);
    }
    prints(
        &director,
        "echo kept >out; save -n /dev/stdout >>out; cat out",
        &format!("kept\n{TABLE}"),
    );
    // Who holds the file open goes on behind the table.
    prints(
        &director,
        "exec 7>>held; echo before >&7; save -n /dev/fd/7; echo more >&7; cat held",
        &format!("{TABLE}more\n"),
    );
    prints(
        &director,
        "exec 2>>held; save -n /dev/stderr; echo more >&2; cat held",
        &format!("{TABLE}more\n"),
    );
}

#[test]
fn whatever_fails_the_file_is_what_it_was() {
    let director = director();
    let (namespace, _) = &director;
    for (script, told) in [
        (
            "save -n none/rules",
            "cannot write none/rules: No such file or directory",
        ),
        ("save -n .", "cannot write .: Is a directory"),
        ("save -n rules/", "cannot write rules/: Not a directory"),
        (
            "save -n /dev/full",
            "cannot write /dev/full: No space left on device",
        ),
        (
            "save -n >&-",
            "cannot write to standard output: Bad file descriptor",
        ),
        (
            "mkdir full; mount -t tmpfs -o size=4k small full; cp rules full
             head -c 4096 /dev/zero >full/zero 2>/dev/null; cp rules full/rules 2>/dev/null
             save -n full/rules; status=$?; ls -A full >&3; exit $status",
            "cannot write full/rules: No space left on device",
        ),
        (
            "mount --bind rules rules; save -n rules; status=$?; umount rules; exit $status",
            "cannot write rules: Device or resource busy",
        ),
        (
            "ln -s nowhere lost; save -n lost",
            "cannot write lost: No such file or directory",
        ),
        (
            // Somebody's link in a folder that all may write, which the kernel does not follow.
            "mkdir -m 1777 all; ln -s $PWD/rules all/link; chown -h 65534 all/link
             echo 1 >/proc/sys/fs/protected_symlinks; save -n all/link",
            "cannot write all/link: Permission denied",
        ),
        (
            "mkdir read; cp rules read; mount -t tmpfs -o ro none read; save -n read/rules
             status=$?; umount read; exit $status",
            "cannot write read/rules: Read-only file system",
        ),
        (
            "save -n '>rules'",
            "no shell read the '>': name the file without it, or run the line with sh -c",
        ),
    ] {
        let outcome = shell(&director, &format!("exec 3>/dev/null; {script}"));
        assert_eq!(
            outcome.stderr_text(),
            format!("{told}\n"),
            "{script}\n{outcome}"
        );
        let status = if script.contains("'>") { 2 } else { 1 };
        assert_eq!(outcome.ending, Ending::Status(status), "{script}");
        prints(&director, "cat rules; ls -A | grep '^[.]' || :", BEFORE);
    }
    // Without privilege there is no table to be read.
    let script = "chmod 777 .; setpriv --reuid 65534 --clear-groups bash -c 'exec -a ipvsadm-save \
                  $0 rules' /proc/self/exe";
    let script = script.replace("/proc/self/exe", env!("CARGO_BIN_EXE_ipvsadm"));
    let outcome = shell(&director, &script);
    assert_ne!(outcome.ending, Ending::Status(0), "{outcome}");
    prints(&director, "cat rules", BEFORE);
    // A file that may not be written in a folder that may not is none of these.
    let saved = namespace.run(&Program::reference(), &Invocation::line("-Sn"));
    assert_eq!(saved.stdout_text(), TABLE);
}

#[test]
fn killed_at_any_moment_it_leaves_one_or_the_other() {
    let director = director();
    let script = format!(
        "for delay in 0.001 0.002 0.004 0.006 0.008 0.010 0.015 0.020; do
             for signal in TERM KILL; do
                 cp rules was
                 timeout -s $signal $delay bash -c 'exec -a ipvsadm-save {} -n rules'
                 cmp -s rules was || [ \"$(cat rules)\" = \"$(save -n)\" ] || echo neither
                 printf '%s' '{BEFORE}' >rules
             done
         done 2>/dev/null",
        env!("CARGO_BIN_EXE_ipvsadm")
    );
    prints(&director, &script, "");
}

#[test]
fn a_file_without_rules_says_at_a_terminal_how_many_services_went() {
    let director = director();
    let at_terminal = |words: &str| {
        let ours = env!("CARGO_BIN_EXE_ipvsadm");
        let script = format!(
            ": >empty; script -qec \"bash -c 'exec -a ipvsadm-restore {ours} {words}'\" /dev/null"
        );
        shell(&director, &script).stdout_text().replace('\r', "")
    };
    assert_eq!(at_terminal("--noflush empty"), "");
    let dry = at_terminal("--dry-run empty");
    assert!(!dry.contains("hint") && dry.lines().count() == 2, "{dry}");
    let told = "hint: empty has no rules: that deleted 2 services\n";
    assert_eq!(at_terminal("empty"), told);
    assert_eq!(at_terminal("empty"), "");
    prints(&director, "save -n", "");
}
