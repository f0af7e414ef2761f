//! The two packages under test, ours and the reference's, as files of this machine.

use std::path::{Path, PathBuf};
use std::process::Command;

/// Returns the package that `tests/lab test` has built.
pub fn our_package() -> PathBuf {
    built("ipvsadm.deb")
}

/// Returns Debian's package of the reference.
pub fn reference_package() -> PathBuf {
    file("LAB_CACHE", "reference/ipvsadm.deb")
}

/// Returns a package, or a folder of them, that `tests/lab test` has built.
pub fn built(name: &str) -> PathBuf {
    file("LAB_PACKAGES", name)
}

/// Returns a file in a folder that the lab names in the environment.
fn file(folder: &str, name: &str) -> PathBuf {
    let folder = std::env::var_os(folder).expect("a folder: run tests/lab test");
    let path = PathBuf::from(folder).join(name);
    assert!(path.exists(), "{} is not there", path.display());
    path
}

/// Returns a field of a package's control data.
pub fn field(package: &Path, name: &str) -> String {
    read(&["--field", &package.to_string_lossy(), name])
        .trim()
        .to_owned()
}

/// Returns the list of the files in a package.
pub fn contents(package: &Path) -> String {
    read(&["--contents", &package.to_string_lossy()])
}

/// Returns the changelog that a package holds.
pub fn changelog(package: &Path) -> String {
    let output = Command::new("sh")
        .args(["-c", "dpkg-deb --fsys-tarfile \"$1\" | tar --extract --to-stdout --wildcards '*/changelog.Debian.gz' | gzip -d", "sh"])
        .arg(package)
        .output()
        .expect("sh");
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).expect("a changelog is text")
}

/// Unpacks a package's files in a folder.
pub fn unpack(package: &Path, folder: &Path) {
    read(&[
        "--extract",
        &package.to_string_lossy(),
        &folder.to_string_lossy(),
    ]);
}

/// Returns what `dpkg-deb` prints, called with these words.
fn read(words: &[&str]) -> String {
    let output = Command::new("dpkg-deb")
        .args(words)
        .output()
        .expect("dpkg-deb (package dpkg)");
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).expect("what dpkg-deb prints is text")
}
