//! A small Debian of one's own to install packages in.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use nix::mount::{MsFlags, mount};

use super::deb::{self, reference_package};
use super::machine;
use crate::support::{Ending, Namespace, Outcome};

/// A Debian of one's own, and a network namespace to run its programs in.
///
/// Its files are a layer above [`essential`], or above [`with_reference`], so that it costs little
/// to make. They lie in the guest's memory until the guest ends.
pub struct Debian {
    pub namespace: Namespace,
    /// The path of its root for this process.
    pub root: PathBuf,
}

impl Debian {
    /// Makes a Debian with the essential packages only.
    pub fn new() -> Self {
        Self::above(&[essential()], &new_folder())
    }

    /// Makes a Debian with the reference's package installed.
    pub fn with_reference() -> Self {
        Self::above(&[with_reference(), essential()], &new_folder())
    }

    /// Makes a Debian of the files of these layers, the upper ones first. What is changed goes to a
    /// folder `changes` in `folder`.
    fn above(layers: &[&Path], folder: &Path) -> Self {
        let layers: Vec<_> = layers.iter().map(|layer| layer.to_string_lossy()).collect();
        let layers = layers.join(":");
        let namespace = Namespace::new();
        // Mounted in the namespace, where nobody else sees it: from here the way leads through the
        // namespace's thread.
        let id = namespace.thread_id();
        let folder = folder.to_owned();
        namespace.enter(move || mount_root(&layers, &folder));
        Self {
            namespace,
            root: PathBuf::from(format!("/proc/{id}/root{MOUNT_POINT}")),
        }
    }

    /// Runs a shell's command line inside.
    pub fn run(&self, line: &str) -> Outcome {
        let mut command = Command::new("chroot");
        command
            .arg(MOUNT_POINT)
            .args(["/bin/sh", "-c", line])
            .env_clear()
            .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
            .env("LC_ALL", "C")
            .env("DEBIAN_FRONTEND", "noninteractive")
            .stdin(Stdio::null());
        self.namespace.output(command)
    }

    /// Runs a shell's command line that must succeed, and hands back its standard output.
    pub fn succeed(&self, line: &str) -> String {
        let outcome = self.run(line);
        assert_eq!(outcome.ending, Ending::Status(0), "{line}\n{outcome}");
        outcome.stdout_text()
    }

    /// Runs dpkg on a package file of this machine.
    pub fn dpkg(&self, action: &str, package: &Path) {
        let copy = Path::new("/tmp").join(package.file_name().unwrap());
        fs::copy(package, self.place(&copy)).expect("a copy of the package");
        self.succeed(&format!(
            "dpkg --force-unsafe-io {action} {}",
            copy.display()
        ));
    }

    /// Builds an empty package with these fields in its control data; where it is, inside.
    pub fn build_package(&self, name: &str, fields: &str) -> String {
        let control = format!("/tmp/{name}/DEBIAN/control");
        fs::create_dir_all(self.place(&control).parent().unwrap()).unwrap();
        self.write(
            &control,
            &format!("Package: {name}\nVersion: 1\nArchitecture: all\nMaintainer: none\nDescription: none\n{fields}"),
        );
        self.succeed(&format!("dpkg-deb --build /tmp/{name} /tmp/{name}.deb"));
        format!("/tmp/{name}.deb")
    }

    /// Returns dpkg's status of a package: `installed`, `config-files`, ...
    pub fn package_status(&self, name: &str) -> String {
        self.succeed(&format!(
            "dpkg-query --show --showformat='${{db:Status-Status}}' {name}"
        ))
    }

    /// Returns the kernel's table and sync daemons.
    pub fn state(&self) -> String {
        self.succeed("printf -- '-S -n\\n-L --daemon\\n' | ipvsadm -R")
    }

    /// Returns the path of a file inside for this process.
    pub fn place(&self, path: impl AsRef<Path>) -> PathBuf {
        self.root.join(path.as_ref().strip_prefix("/").unwrap())
    }

    /// Returns true if there is such a file, be it a dangling link.
    pub fn exists(&self, path: &str) -> bool {
        self.place(path).symlink_metadata().is_ok()
    }

    /// Returns all of a file.
    pub fn read(&self, path: &str) -> String {
        fs::read_to_string(self.place(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    /// Writes a file anew.
    pub fn write(&self, path: &str, text: &str) {
        fs::write(self.place(path), text).unwrap_or_else(|error| panic!("{path}: {error}"));
    }

    /// Returns all files and folders but those of dpkg's own books.
    pub fn files(&self) -> BTreeSet<String> {
        self.succeed(
            "find / -xdev \\( -path /var/lib/dpkg -o -path /var/log -o -path /tmp -o -path '/var/cache/*' \\) -prune -o -print",
        )
        .lines()
        .map(str::to_owned)
        .collect()
    }
}

/// The path of the root in the namespace's own thread.
const MOUNT_POINT: &str = "/mnt/debian";

/// Puts the root together, in the calling thread's mount namespace.
fn mount_root(layers: &str, folder: &Path) {
    const NOTHING: Option<&str> = None;
    let root = Path::new(MOUNT_POINT);
    // Another test of this boot may have made it; what is mounted there is ours alone.
    fs::create_dir_all(root).unwrap();
    let (changes, work) = (folder.join("changes"), folder.join("work"));
    for folder in [&changes, &work] {
        fs::create_dir(folder).unwrap();
    }
    let options = format!(
        "lowerdir={layers},upperdir={},workdir={}",
        changes.display(),
        work.display()
    );
    let none = MsFlags::empty();
    mount(
        Some("overlay"),
        root,
        Some("overlay"),
        none,
        Some(options.as_str()),
    )
    .expect("an overlay");
    mount(
        Some("proc"),
        &root.join("proc"),
        Some("proc"),
        none,
        NOTHING,
    )
    .expect("proc");
    mount(
        Some("/dev"),
        &root.join("dev"),
        NOTHING,
        MsFlags::MS_BIND,
        NOTHING,
    )
    .expect("dev");
}

/// Returns the files of the essential packages, and of those that the reference needs.
fn essential() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        let depends = deb::field(&reference_package(), "Depends");
        let folder = new_folder();
        machine::copy(&folder, &depends);
        folder
    })
}

/// Returns the changes that installing the reference made to these files.
fn with_reference() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        let folder = new_folder();
        Debian::above(&[essential()], &folder).dpkg("--install", &reference_package());
        folder.join("changes")
    })
}

/// Returns a new folder in memory.
pub fn new_folder() -> PathBuf {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let folder = PathBuf::from(format!("/run/package-test.{}.{count}", std::process::id()));
    fs::create_dir(&folder).expect("a folder in /run");
    folder
}
