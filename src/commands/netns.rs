//! `--netns`: the whole command in another network namespace, which has a table, name services and
//! interfaces of its own.
//!
//! It is entered before anything else is opened or looked up, so nothing behind this module knows
//! of it. The program has one thread: what that enters, the process is in, `/proc/net` with it.

#![forbid(unsafe_code)]

use std::ffi::{OsStr, OsString};
use std::fs::{self, DirEntry, File, OpenOptions};
use std::os::fd::AsRawFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, setns, unshare};
use nix::sys::statfs::{NSFS_MAGIC, fstatfs};

use crate::cli::popt::{self, Event};
use crate::error::{Error, errno_of};
use crate::options::{Command, Meaning, Modifier};

/// The folder where `ip netns` keeps namespaces by name.
const NAMES: &str = "/run/netns";
/// The folder where Docker keeps those of its networks, which `ip netns` does not know.
const NAMES_OF_DOCKER: &str = "/run/docker/netns";
/// The folder where `ip netns` looks for files of `/etc` that a namespace has for itself.
const FILES: &str = "/etc/netns";

/// A namespace that has been entered.
#[derive(Debug)]
pub struct Entered {
    /// The word that named it.
    pub name: String,
    /// The prefix, such as `ip netns exec NAME `, that runs a command there.
    pub command_prefix: String,
}

/// Enters the namespace that the words of a command line name, if they do. Help and version are the
/// same everywhere.
pub fn enter_named(arguments: &[OsString]) -> Result<Option<Entered>, Error> {
    let word = named_among(arguments).map(OsStr::from_bytes);
    word.map(enter).transpose()
}

fn named_among(arguments: &[OsString]) -> Option<&[u8]> {
    let is_named = |word: &OsString| word.as_bytes().starts_with(b"--netns");
    if !arguments.iter().any(is_named) {
        return None;
    }
    let (events, _) = popt::read(arguments.iter().map(|argument| argument.as_bytes()));
    let asks_for_text =
        |event: &Event<'_>| matches!(event.command(), Some(Command::Help | Command::Version));
    if events.iter().any(asks_for_text) {
        return None;
    }
    events.iter().find_map(|event| match event {
        Event::Option {
            meaning: Meaning::Modifier(Modifier::Netns),
            value,
            ..
        } => *value,
        _ => None,
    })
}

/// Returns the names there are, in order.
pub fn names() -> Vec<OsString> {
    let entries = [NAMES, NAMES_OF_DOCKER].into_iter().flat_map(entries);
    let mut names: Vec<_> = entries.map(|entry| entry.file_name()).collect();
    names.sort();
    names.dedup();
    names
}

/// Returns what people call the network namespace that the process is in.
pub fn own_namespace() -> String {
    let number = |path: &Path| {
        let file = fs::metadata(path).ok()?;
        Some((file.dev(), file.ino()))
    };
    let ours = number(Path::new("/proc/self/ns/net"));
    let mut named = entries(NAMES).filter(|entry| ours.is_some() && number(&entry.path()) == ours);
    match named.next() {
        Some(entry) => format!("namespace {}", entry.file_name().to_string_lossy()),
        None if ours == number(Path::new("/proc/1/ns/net")) => "default namespace".to_owned(),
        None => match ours {
            Some((_, inode)) => format!("namespace net:[{inode}]"),
            None => "unknown namespace".to_owned(),
        },
    }
}

/// Returns the entries of a folder; none if it cannot be read.
fn entries(folder: &str) -> impl Iterator<Item = DirEntry> {
    fs::read_dir(folder).into_iter().flatten().flatten()
}

/// A namespace as a word names it.
#[derive(Debug, PartialEq, Eq)]
enum Namespace {
    Name(PathBuf),
    Path(PathBuf),
    Process(PathBuf),
}

impl Namespace {
    /// As `ip -n` understands it, and besides a name of Docker's, and a process; a name may be made
    /// of digits, too.
    fn of(word: &OsStr, is_name: impl Fn(&Path) -> bool) -> Namespace {
        let named = Path::new(NAMES).join(word);
        let of_docker = Path::new(NAMES_OF_DOCKER).join(word);
        let bytes = word.as_bytes();
        if bytes.contains(&b'/') {
            Namespace::Path(PathBuf::from(word))
        } else if !bytes.is_empty() && !is_name(&named) && is_name(&of_docker) {
            Namespace::Path(of_docker)
        } else if !bytes.is_empty() && bytes.iter().all(u8::is_ascii_digit) && !is_name(&named) {
            Namespace::Process(Path::new("/proc").join(word).join("ns/net"))
        } else {
            Namespace::Name(named)
        }
    }

    /// Returns the prefix that runs a command in the namespace that a word names.
    fn command_prefix(&self, word: &OsStr) -> String {
        match self {
            Namespace::Name(_) => format!("ip netns exec {} ", quoted(&word.to_string_lossy())),
            Namespace::Path(path) | Namespace::Process(path) => {
                format!("nsenter --net={} ", quoted(&path.to_string_lossy()))
            }
        }
    }

    fn path(&self) -> &Path {
        match self {
            Namespace::Name(path) | Namespace::Path(path) | Namespace::Process(path) => path,
        }
    }

    /// Returns the advice for a word that names no namespace.
    fn advice(&self) -> &'static str {
        match self {
            Namespace::Name(_) => "ip netns shows the names there are",
            Namespace::Path(_) => "lsns -t net shows the namespaces there are",
            Namespace::Process(_) => "there is neither a name nor a process of this number",
        }
    }
}

/// Returns a word as a shell takes it for one.
fn quoted(word: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/._-:@%+".contains(&byte);
    match word.bytes().all(is_plain) {
        true => word.to_owned(),
        false => format!("'{}'", word.replace('\'', "'\\''")),
    }
}

fn is_name(path: &Path) -> bool {
    path.symlink_metadata().is_ok()
}

/// Enters the namespace that a word names.
pub fn enter(word: &OsStr) -> Result<Entered, Error> {
    let namespace = Namespace::of(word, is_name);
    let fault = |errno: Errno| {
        let reason = match errno {
            Errno::ENOENT => format!("{}; {}", errno.desc(), namespace.advice()),
            Errno::EINVAL => {
                "it is no network namespace; lsns -t net shows those that are".to_owned()
            }
            Errno::EPERM | Errno::EACCES => format!("{} (you must be root)", errno.desc()),
            errno => errno.desc().to_owned(),
        };
        Error::Namespace(namespace.path().into(), reason)
    };
    let file = open(namespace.path()).map_err(fault)?;
    setns(file, CloneFlags::CLONE_NEWNET).map_err(fault)?;
    if let Namespace::Name(_) = namespace {
        take_files(&Path::new(FILES).join(word))?;
    }
    Ok(Entered {
        name: word.to_string_lossy().into_owned(),
        command_prefix: namespace.command_prefix(word),
    })
}

/// Opens a namespace, and nothing else: opening a device may act, a pipe would be waited for. What
/// the path leads to is held first, and opened only once it is known; `EINVAL` for what is none.
fn open(path: &Path) -> Result<File, Errno> {
    let open_with = |flags, path: &Path| {
        let file = OpenOptions::new().read(true).custom_flags(flags).open(path);
        file.map_err(|fault| Errno::from_raw(errno_of(&fault)))
    };
    let held = open_with(libc::O_PATH, path)?;
    if fstatfs(&held)?.filesystem_type() != NSFS_MAGIC {
        return Err(Errno::EINVAL);
    }
    let number = held.as_raw_fd();
    open_with(0, Path::new(&format!("/proc/self/fd/{number}")))
}

/// Puts a namespace's own files of `/etc` in place of the machine's, for this process alone, as
/// `ip -n` and `ip netns exec` do: with them, host names are looked up as everything else there
/// does. Files that `/etc` does not have are for somebody else.
fn take_files(folder: &Path) -> Result<(), Error> {
    const NOTHING: Option<&str> = None;
    let Ok(entries) = fs::read_dir(folder) else {
        return Ok(());
    };
    let fault = |path: &Path, errno: Errno| {
        Error::Namespace(path.into(), format!("it cannot be used: {}", errno.desc()))
    };
    unshare(CloneFlags::CLONE_NEWNS).map_err(|errno| fault(folder, errno))?;
    // What is mounted from here on stays with us; what the machine unmounts goes here, too.
    let slave = MsFlags::MS_SLAVE | MsFlags::MS_REC;
    mount(NOTHING, "/", NOTHING, slave, NOTHING).map_err(|errno| fault(folder, errno))?;
    for entry in entries.flatten() {
        let (own, general) = (entry.path(), Path::new("/etc").join(entry.file_name()));
        match mount(Some(&own), &general, NOTHING, MsFlags::MS_BIND, NOTHING) {
            Ok(()) | Err(Errno::ENOENT) => {}
            Err(errno) => return Err(fault(&own, errno)),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<OsString> {
        line.split(' ').map(OsString::from).collect()
    }

    #[test]
    fn a_command_is_led_into_the_namespace_that_is_named() {
        for (word, expected) in [
            ("blue", "ip netns exec blue "),
            ("/x/y", "nsenter --net=/x/y "),
            ("4000000000", "nsenter --net=/proc/4000000000/ns/net "),
            ("it's", "ip netns exec 'it'\\''s' "),
        ] {
            let word = OsStr::new(word);
            let prefix = Namespace::of(word, is_name).command_prefix(word);
            assert_eq!(prefix, expected);
        }
    }

    #[test]
    fn a_word_is_a_name_a_path_or_a_process() {
        let there = [
            "/run/netns/12",
            "/run/docker/netns/12",
            "/run/docker/netns/1-x",
        ];
        let is_name = |path: &Path| there.iter().any(|name| path == Path::new(name));
        let of = |word: &str| Namespace::of(OsStr::new(word), is_name);
        let named = |name: &str| Namespace::Name(Path::new(NAMES).join(name));
        assert_eq!(of("blue"), named("blue"));
        assert_eq!(of("12"), named("12"));
        assert_eq!(of(""), named(""));
        let of_docker = Namespace::Path("/run/docker/netns/1-x".into());
        assert_eq!(of("1-x"), of_docker);
        assert_eq!(of("13"), Namespace::Process("/proc/13/ns/net".into()));
        assert_eq!(of("./13"), Namespace::Path("./13".into()));
        assert_eq!(of("/run/x"), Namespace::Path("/run/x".into()));
    }

    #[test]
    fn it_is_found_wherever_it_stands_but_not_in_other_options_values() {
        for (line, name) in [
            ("-L --netns blue -n", Some("blue")),
            ("--netns=blue -L", Some("blue")),
            ("-L -s --netns blue", None),
            ("-L -- --netns blue", None),
            ("-L --netns", None),
            ("-L --netnsx blue", None),
            ("--netns blue -h", None),
            ("-v --netns blue", None),
            ("-L -n", None),
        ] {
            let line_words = words(line);
            let found = named_among(&line_words);
            assert_eq!(found, name.map(str::as_bytes), "{line}");
        }
    }
}
