//! Replaces the content of a file whole or not at all.
//!
//! The new content goes into a file beside it and to the disk, then takes its name. Whatever fails
//! before, the file is what it was.

#![forbid(unsafe_code)]

use std::fs::{self, File, Metadata, OpenOptions, Permissions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt, fchown};
use std::path::{Path, PathBuf};
use std::process;

use nix::errno::Errno;
use nix::sys::statfs::{PROC_SUPER_MAGIC, statfs};

/// The symbolic links that the kernel follows, too.
const MOST_LINKS: usize = 40;
/// Names of files beside it that may be taken by others.
const MOST_NAMES: u32 = 1000;

/// Makes `text` the content of the file at `path`, or makes that file.
///
/// Mode and owner stay, and so do symbolic links: what they lead to is replaced. What has no
/// content to be replaced, such as a pipe, is written to, and so is what a path below `/proc` or
/// `/dev/fd` stands for: who holds it open would go on with the file that was replaced.
///
/// # Errors
///
/// The kernel's refusals. The file is then as it was.
pub fn replace(path: &Path, text: &[u8]) -> io::Result<()> {
    let there = match fs::metadata(path) {
        // A link that leads nowhere is somebody's slip, or a trap in a folder that all may write.
        Err(fault) if fault.kind() == ErrorKind::NotFound && !path.is_symlink() => {
            return replace_at(path, None, text);
        }
        there => there?,
    };
    let place = followed(path)?;
    match there.is_file() && is_at(&there, &place) {
        true => replace_at(&place, Some(&there), text),
        // Only a file, of which that was a descriptor, is cut to nothing first.
        false => File::options()
            .write(true)
            .truncate(true)
            .open(path)?
            .write_all(text),
    }
}

/// Returns the place where the symbolic links at the end of a path lead. A link of procfs is the
/// end: it leads to an open file, and the place that it names is one where that may have been.
fn followed(path: &Path) -> io::Result<PathBuf> {
    let mut place = path.to_owned();
    for _ in 0..MOST_LINKS {
        match fs::read_link(&place) {
            Ok(_) if is_in_procfs(&place) => return Ok(place),
            Ok(target) => place = folder_of(&place).join(target),
            Err(_) => return Ok(place),
        }
    }
    Err(Errno::ELOOP.into())
}

fn is_in_procfs(place: &Path) -> bool {
    statfs(folder_of(place)).is_ok_and(|there| there.filesystem_type() == PROC_SUPER_MAGIC)
}

fn folder_of(place: &Path) -> &Path {
    match place.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

/// Returns true if this is the file at that place. It is another one where the kernel would not
/// have followed the links, or where the path is that of a descriptor.
fn is_at(file: &Metadata, place: &Path) -> bool {
    let identity = |file: &Metadata| (file.dev(), file.ino());
    fs::symlink_metadata(place).is_ok_and(|there| identity(&there) == identity(file))
}

fn replace_at(place: &Path, before: Option<&Metadata>, text: &[u8]) -> io::Result<()> {
    place.file_name().ok_or(Errno::ENOENT)?;
    let (file, beside) = create_beside(place, before)?;
    let replaced = fill(file, before, text).and_then(|()| fs::rename(&beside, place));
    if replaced.is_err() {
        // A file that is left over is no fault beside that one.
        let _ = fs::remove_file(&beside);
        return replaced;
    }
    // Should the power fail before the folder is on the disk, the file is one or the other, whole.
    let _ = File::open(folder_of(place)).and_then(|folder| folder.sync_all());
    Ok(())
}

/// Creates an empty file in the folder of another, with a hidden name that nobody has. It is short:
/// that of the other may be as long as can be.
fn create_beside(place: &Path, before: Option<&Metadata>) -> io::Result<(File, PathBuf)> {
    let mut options = OpenOptions::new();
    // Until it has that of the file before, the mode is the strictest.
    options.write(true).create_new(true);
    options.mode(if before.is_some() { 0o600 } else { 0o666 });
    for number in 0..MOST_NAMES {
        let suffix = process::id().wrapping_add(number);
        let beside = place.with_file_name(format!(".ipvsadm-save.{suffix}"));
        match options.open(&beside) {
            Err(fault) if fault.kind() == ErrorKind::AlreadyExists => {}
            opened => return opened.map(|file| (file, beside)),
        }
    }
    Err(Errno::EEXIST.into())
}

fn fill(mut file: File, before: Option<&Metadata>, text: &[u8]) -> io::Result<()> {
    if let Some(before) = before {
        let new = file.metadata()?;
        if (new.uid(), new.gid()) != (before.uid(), before.gid()) {
            fchown(&file, Some(before.uid()), Some(before.gid()))?;
        }
        file.set_permissions(Permissions::from_mode(before.mode() & 0o7777))?;
    }
    file.write_all(text)?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsRawFd;
    use std::os::unix::fs::symlink;

    use super::*;

    /// A folder of its own for a test, gone at its end.
    struct Folder(PathBuf);

    impl Folder {
        fn new(name: &str) -> Folder {
            let folder = std::env::temp_dir().join(format!("replace-{name}-{}", process::id()));
            fs::create_dir(&folder).unwrap();
            Folder(folder)
        }

        /// Returns the names in it and what the files hold, in order.
        fn content(&self) -> Vec<(String, String)> {
            let mut content: Vec<_> = fs::read_dir(&self.0)
                .unwrap()
                .map(|entry| {
                    let entry = entry.unwrap();
                    let text = fs::read_to_string(entry.path());
                    (
                        entry.file_name().into_string().unwrap(),
                        text.unwrap_or_default(),
                    )
                })
                .collect();
            content.sort();
            content
        }

        fn holds(&self, expected: &[(&str, &str)]) {
            let content = self.content();
            let content: Vec<_> = content
                .iter()
                .map(|(name, text)| (name.as_str(), text.as_str()))
                .collect();
            assert_eq!(content, expected);
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn another_file_takes_the_name_with_the_mode() {
        let folder = Folder::new("mode");
        let file = folder.0.join("rules");
        replace(&file, b"one").unwrap();
        folder.holds(&[("rules", "one")]);
        fs::set_permissions(&file, Permissions::from_mode(0o640)).unwrap();
        let before = fs::metadata(&file).unwrap();
        let reader = File::open(&file).unwrap();
        replace(&file, b"second").unwrap();
        folder.holds(&[("rules", "second")]);
        let after = fs::metadata(&file).unwrap();
        assert_eq!(after.mode(), before.mode());
        assert_ne!(after.ino(), before.ino());
        // Who reads the file meanwhile reads the old one to its end.
        assert_eq!(io::read_to_string(reader).unwrap(), "one");
    }

    #[test]
    fn links_stay_and_what_they_lead_to_is_replaced() {
        let folder = Folder::new("links");
        let other = folder.0.join("other");
        fs::create_dir(&other).unwrap();
        symlink("other/first", folder.0.join("link")).unwrap();
        symlink("second", other.join("first")).unwrap();
        let fault = replace(&folder.0.join("link"), b"zero").unwrap_err();
        assert_eq!(fault.raw_os_error(), Some(libc::ENOENT));
        fs::write(other.join("second"), "zero").unwrap();
        for text in ["one", "two"] {
            replace(&folder.0.join("link"), text.as_bytes()).unwrap();
            let second = other.join("second");
            assert!(fs::symlink_metadata(&second).unwrap().is_file());
            assert_eq!(fs::read_to_string(second).unwrap(), text);
            folder.holds(&[("link", text), ("other", "")]);
        }
        symlink("round", folder.0.join("round")).unwrap();
        let fault = replace(&folder.0.join("round"), b"x").unwrap_err();
        assert_eq!(fault.raw_os_error(), Some(libc::ELOOP));
    }

    #[test]
    fn what_fails_leaves_the_file_and_nothing_beside_it() {
        let folder = Folder::new("faults");
        fs::create_dir(folder.0.join("rules")).unwrap();
        let fails = |path: PathBuf| replace(&path, b"new").unwrap_err().raw_os_error();
        assert_eq!(fails(folder.0.join("rules")), Some(libc::EISDIR));
        assert_eq!(fails(folder.0.join("new/")), Some(libc::ENOTDIR));
        assert_eq!(fails(folder.0.join("none/rules")), Some(libc::ENOENT));
        assert_eq!(fails(PathBuf::new()), Some(libc::ENOENT));
        folder.holds(&[("rules", "")]);
    }

    #[test]
    fn a_name_that_somebody_has_is_left_alone() {
        let folder = Folder::new("names");
        let file = folder.0.join("rules");
        let taken = format!(".ipvsadm-save.{}", process::id());
        fs::write(folder.0.join(&taken), "theirs").unwrap();
        replace(&file, b"ours").unwrap();
        folder.holds(&[(&taken, "theirs"), ("rules", "ours")]);
    }

    #[test]
    fn a_name_may_be_as_long_as_can_be() {
        let folder = Folder::new("long");
        let name = "n".repeat(255);
        for text in ["one", "two"] {
            replace(&folder.0.join(&name), text.as_bytes()).unwrap();
            folder.holds(&[(&name, text)]);
        }
    }

    #[test]
    fn who_holds_a_file_open_goes_on_behind_what_its_descriptor_was_given() {
        let folder = Folder::new("descriptor");
        let path = folder.0.join("rules");
        let mut options = OpenOptions::new();
        let mut held = options.append(true).create_new(true).open(path).unwrap();
        held.write_all(b"longer than what follows").unwrap();
        let number = held.as_raw_fd();
        for link in ["/proc/self/fd", "/dev/fd"] {
            replace(Path::new(&format!("{link}/{number}")), b"text").unwrap();
        }
        held.write_all(b" and more").unwrap();
        folder.holds(&[("rules", "text and more")]);
    }

    #[test]
    fn what_has_no_content_is_written_to() {
        replace(Path::new("/dev/null"), b"text").unwrap();
        let fault = replace(Path::new("/dev/full"), b"text").unwrap_err();
        assert_eq!(fault.raw_os_error(), Some(libc::ENOSPC));
        // A file without a name: what /proc says of it leads to no file.
        let folder = Folder::new("unnamed");
        let path = folder.0.join("rules");
        let file = File::options()
            .read(true)
            .write(true)
            .create_new(true)
            .open(&path)
            .unwrap();
        fs::write(&path, "longer than what follows").unwrap();
        fs::remove_file(path).unwrap();
        let number = file.as_raw_fd();
        replace(Path::new(&format!("/proc/self/fd/{number}")), b"text").unwrap();
        assert_eq!(io::read_to_string(file).unwrap(), "text");
        folder.holds(&[]);
    }
}
