//! The two packages under test, ours and the reference's, as files of this machine.

use std::path::{Path, PathBuf};
use std::process::Command;

/// The package that `tests/lab test` has built.
pub fn our_package() -> PathBuf {
    in_the_cache("package/ipvsadm.deb")
}

/// Debian's package of the reference.
pub fn reference_package() -> PathBuf {
    in_the_cache("reference/ipvsadm.deb")
}

/// A file in the lab's cache.
pub fn in_the_cache(name: &str) -> PathBuf {
    let cache = std::env::var_os("LAB_CACHE").expect("a folder: run tests/lab test");
    let path = PathBuf::from(cache).join(name);
    assert!(path.exists(), "{} is not there", path.display());
    path
}

/// A field of a package's control data.
pub fn field(package: &Path, name: &str) -> String {
    read(&["--field", &package.to_string_lossy(), name])
        .trim()
        .to_owned()
}

/// The list of the files in a package.
pub fn contents(package: &Path) -> String {
    read(&["--contents", &package.to_string_lossy()])
}

/// Unpacks a package's files in a folder.
pub fn unpack(package: &Path, folder: &Path) {
    read(&[
        "--extract",
        &package.to_string_lossy(),
        &folder.to_string_lossy(),
    ]);
}

/// What `dpkg-deb` prints, called with these words.
fn read(words: &[&str]) -> String {
    let output = Command::new("dpkg-deb")
        .args(words)
        .output()
        .expect("dpkg-deb (package dpkg)");
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).expect("what dpkg-deb prints is text")
}
