//! A copy of the smallest Debian that this machine has in it: its essential packages, as dpkg's
//! books describe them.
//!
//! It needs no network and nothing but what is installed, and is the same on every kernel: some
//! cannot write above the machine's own files.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::fs;
use std::io::Write;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use nix::mount::{MsFlags, mount, umount};

/// Fills the folder `base` with the files of the essential packages, of those that `depends` names,
/// and of what these depend on, and with dpkg's books to match.
pub fn copy(base: &Path, depends: &str) {
    for folder in [
        "dev",
        "proc",
        "run",
        "tmp",
        "var/log",
        "usr/bin",
        "usr/sbin",
        "usr/lib",
        "etc/default",
    ] {
        fs::create_dir_all(base.join(folder)).unwrap();
    }
    // Debian's programs are in /usr. The machine's are too, or the package would not run there
    // either.
    for folder in ["bin", "sbin", "lib", "lib64"] {
        if Path::new("/usr").join(folder).exists() {
            fs::create_dir_all(base.join("usr").join(folder)).unwrap();
            symlink(format!("usr/{folder}"), base.join(folder)).unwrap();
        }
    }
    let packages = Books::read().closure(depends);
    packages.copy_files(base);
    packages.write_books(base);
    for file in ["passwd", "group"] {
        fs::copy(Path::new("/etc").join(file), base.join("etc").join(file)).unwrap();
    }
}

/// dpkg's books: by name, what it has noted down about each installed package.
struct Books(BTreeMap<String, String>);

impl Books {
    fn read() -> Self {
        let status = fs::read_to_string("/var/lib/dpkg/status").expect("the books of dpkg");
        Self(
            status
                .split("\n\n")
                .filter(|notes| field_of(notes, "Status") == Some("install ok installed"))
                .map(|notes| {
                    (
                        field_of(notes, "Package").unwrap().to_owned(),
                        notes.trim().to_owned(),
                    )
                })
                .collect(),
        )
    }

    /// Returns the essential packages, those that `depends` names, and all that they depend on.
    fn closure(mut self, depends: &str) -> Self {
        let mut found = BTreeMap::new();
        let mut wanted: Vec<String> = self
            .0
            .iter()
            .filter(|(_, notes)| field_of(notes, "Essential") == Some("yes"))
            .map(|(name, _)| name.clone())
            .collect();
        wanted.extend(names_in(depends).map(str::to_owned));
        while let Some(name) = wanted.pop() {
            let Some(notes) = self.0.remove(&name) else {
                continue; // there already, an alternative that is not installed, or provided by another
            };
            for field in ["Depends", "Pre-Depends"] {
                wanted.extend(names_in(field_of(&notes, field).unwrap_or("")).map(str::to_owned));
            }
            found.insert(name, notes);
        }
        Self(found)
    }

    /// Copies the files of these packages, but for documentation and translations.
    fn copy_files(&self, base: &Path) {
        const LEFT_OUT: [&str; 6] = [
            "doc/",
            "man/",
            "locale/",
            "info/",
            "lintian/",
            "bash-completion/",
        ];
        const FOLDERS_MADE: [&str; 6] = ["", ".", "bin", "sbin", "lib", "lib64"];
        let mut names = BTreeSet::new();
        for list in self.books("list") {
            let text = fs::read_to_string(&list).unwrap();
            let names_of_it = text
                .lines()
                .filter_map(|name| name.strip_prefix('/'))
                .filter(|name| {
                    name.strip_prefix("usr/share/")
                        .is_none_or(|rest| !LEFT_OUT.iter().any(|folder| rest.starts_with(folder)))
                });
            names.extend(
                names_of_it
                    .filter(|name| !FOLDERS_MADE.contains(name))
                    .map(str::to_owned),
            );
        }

        // The machine's files as they are: a guest may show a layer of links to them.
        let machine = base.with_extension("machine");
        fs::create_dir(&machine).unwrap();
        mount(
            Some("machine"),
            &machine,
            Some("hostfs"),
            MsFlags::MS_RDONLY,
            None::<&str>,
        )
        .expect("hostfs");
        // Some machines do without documentation and the like.
        names.retain(|name| machine.join(name).symlink_metadata().is_ok());
        let names: String = names.iter().map(|name| format!("{name}\0")).collect();

        let mut reader = Command::new("tar")
            .arg("--directory")
            .arg(&machine)
            .args(["--create", "--no-recursion", "--null", "--files-from=-"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("tar");
        let mut writer = Command::new("tar")
            .arg("--directory")
            .arg(base)
            .args(["--extract", "--keep-directory-symlink"])
            .stdin(reader.stdout.take().unwrap())
            .spawn()
            .expect("tar");
        reader
            .stdin
            .take()
            .unwrap()
            .write_all(names.as_bytes())
            .unwrap();
        for tar in [&mut reader, &mut writer] {
            assert!(
                tar.wait().unwrap().success(),
                "the copy of this machine's packages"
            );
        }
        umount(&machine).expect("an end to the copying");
    }

    fn write_books(&self, base: &Path) {
        let dpkg = base.join("var/lib/dpkg");
        for folder in ["info", "updates", "triggers", "alternatives", "parts"] {
            fs::create_dir_all(dpkg.join(folder)).unwrap();
        }
        let status: String = self
            .0
            .values()
            .map(|notes| format!("{notes}\n\n"))
            .collect();
        fs::write(dpkg.join("status"), status).unwrap();
        for kind in ["list", "conffiles", "md5sums"] {
            for file in self.books(kind) {
                fs::copy(&file, dpkg.join("info").join(file.file_name().unwrap())).unwrap();
            }
        }
        fs::write(dpkg.join("info/format"), "1\n").unwrap();
    }

    /// Returns the files of this kind that dpkg keeps about these packages.
    fn books(&self, kind: &str) -> Vec<PathBuf> {
        fs::read_dir("/var/lib/dpkg/info")
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.extension() == Some(OsStr::new(kind)))
            .filter(|path| {
                let stem = path.file_stem().unwrap().to_string_lossy();
                self.0.contains_key(stem.split(':').next().unwrap())
            })
            .collect()
    }
}

/// Returns the first line of a field in notes of dpkg's.
fn field_of<'a>(notes: &'a str, name: &str) -> Option<&'a str> {
    notes
        .lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
}

/// Returns the names of packages in a field like `a (>= 1), b | c`.
fn names_in(field: &str) -> impl Iterator<Item = &str> {
    field
        .split([',', '|'])
        .filter_map(|word| word.trim().split([' ', ':', '(']).next())
        .filter(|name| !name.is_empty())
}
