//! Network namespaces for tests on a real kernel, and programs run in them.
//!
//! A [`Namespace`] is a thread that has left the process's network and mount namespaces, so every
//! test has an IPVS table, name services and interfaces that nobody else touches, all in one boot.
//! The thread stays and only the programs under test are started from it: under user-mode Linux a
//! process start is the dearest thing there is. What is compared with what is the tests' business.

pub mod busy;
pub mod cluster;
pub mod modules;
pub mod pair;
pub mod pty;
pub mod schema;
pub mod standstill;
pub mod synced;
pub mod table;
pub mod traffic;

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::fs::{self, File};
use std::io::{Seek, SeekFrom, Write};
use std::os::fd::AsRawFd;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::{Once, mpsc};
use std::thread::JoinHandle;
use std::time::Duration;

use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, setns, unshare};
use nix::sys::memfd::{MFdFlags, memfd_create};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// The only variables a program under test sees: none that changes what it prints.
const ENVIRONMENT: [(&str, &str); 2] = [("PATH", "/usr/sbin:/usr/bin:/sbin:/bin"), ("LC_ALL", "C")];

/// The name services of every namespace, in place of whatever the machine has: file name in
/// `/etc`, and what it holds.
const NAME_SERVICES: [(&str, &str); 4] = [
    ("hosts", include_str!("../../parity/etc/hosts")),
    ("services", include_str!("../../parity/etc/services")),
    (
        "nsswitch.conf",
        include_str!("../../parity/etc/nsswitch.conf"),
    ),
    ("resolv.conf", include_str!("../../parity/etc/resolv.conf")),
];

/// A folder of every Debian machine, over which each namespace has a file system of its own: for
/// its name services, and for what a test needs. (Not /mnt: the lab's root for kernel 5.10 has
/// links into that.)
pub const SCRATCH: &str = "/media";

/// The time that a command may take. None takes nearly as long, even on a slow machine: one that
/// has not ended by then stands still.
const LIMIT: Duration = Duration::from_secs(300);

/// One of the two programs that are compared.
#[derive(Clone, Debug)]
pub struct Program {
    /// Its name in failure messages.
    pub name: &'static str,
    path: PathBuf,
    /// True if the helpers `ipvsadm-save` and `ipvsadm-restore` are files beside it, rather than
    /// the program itself under another name.
    helpers_are_files: bool,
}

impl Program {
    /// Returns the program whose behaviour is the standard.
    pub fn reference() -> Self {
        let path = std::env::var_os("IPVSADM_REFERENCE")
            .expect("needs a kernel with IPVS, and the reference: run tests/lab test");
        Self {
            name: "reference",
            path: path.into(),
            helpers_are_files: true,
        }
    }

    /// Returns our program, or the one that `IPVSADM_UNDER_TEST` names in its place: with the
    /// reference itself there, every comparison must come out equal.
    pub fn ours() -> Self {
        let reference = Self::reference();
        let path = std::env::var_os("IPVSADM_UNDER_TEST").map_or_else(
            || PathBuf::from(env!("CARGO_BIN_EXE_ipvsadm")),
            PathBuf::from,
        );
        Self {
            name: "ours",
            helpers_are_files: path == reference.path,
            path,
        }
    }

    /// Returns true if this is the reference, under either name.
    pub fn is_reference(&self) -> bool {
        self.helpers_are_files
    }

    /// Returns the command that runs this program under the name `argv0`, with nothing but the
    /// standard environment. The name decides about the helpers, as it does for an administrator.
    pub fn command(&self, argv0: &OsStr) -> Command {
        let base = Path::new(argv0).file_name().unwrap_or(argv0);
        let mut path = self.path.clone();
        if self.helpers_are_files && (base == "ipvsadm-save" || base == "ipvsadm-restore") {
            path.set_file_name(base);
        }
        let mut command = Command::new(path);
        command.arg0(argv0).env_clear().envs(ENVIRONMENT);
        command
    }
}

/// The words of one command, its own name first, and what it finds on its standard input.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Invocation {
    /// The name the program is called with.
    pub argv0: OsString,
    /// The words after the name.
    pub words: Vec<OsString>,
    /// All of the standard input.
    pub stdin: Vec<u8>,
}

impl Invocation {
    /// Makes `ipvsadm` with these words and an empty standard input.
    pub fn new<W: Into<OsString>>(words: impl IntoIterator<Item = W>) -> Self {
        Self {
            argv0: "ipvsadm".into(),
            words: words.into_iter().map(Into::into).collect(),
            stdin: Vec::new(),
        }
    }

    /// Makes `ipvsadm` with the words of `line`, parted by blanks.
    pub fn line(line: &str) -> Self {
        Self::new(line.split_whitespace())
    }

    /// Makes `ipvsadm -R`, fed with `rules`.
    pub fn restore(rules: impl Into<Vec<u8>>) -> Self {
        Self {
            stdin: rules.into(),
            ..Self::new(["-R"])
        }
    }
}

/// A program's end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// By itself, with this exit status.
    Status(i32),
    /// By this signal.
    Signal(i32),
}

impl From<ExitStatus> for Ending {
    fn from(status: ExitStatus) -> Self {
        match (status.code(), status.signal()) {
            (Some(code), _) => Self::Status(code),
            (None, signal) => Self::Signal(signal.unwrap_or_default()),
        }
    }
}

impl fmt::Display for Ending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Status(code) => write!(f, "status {code}"),
            Self::Signal(signal) => write!(f, "killed by signal {signal}"),
        }
    }
}

/// All that a program leaves behind apart from the kernel's state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// Its end.
    pub ending: Ending,
    /// Its standard output.
    pub stdout: Vec<u8>,
    /// Its standard error.
    pub stderr: Vec<u8>,
}

impl Outcome {
    /// Returns the standard output as text, for tests that know it is.
    pub fn stdout_text(&self) -> String {
        String::from_utf8_lossy(&self.stdout).into_owned()
    }

    /// Returns the standard error as text, for tests that know it is.
    pub fn stderr_text(&self) -> String {
        String::from_utf8_lossy(&self.stderr).into_owned()
    }
}

impl fmt::Display for Outcome {
    /// Returns every line with a mark for where it came from: `>` stdout, `!` stderr, `=` the
    /// ending.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (mark, bytes) in [('>', &self.stdout), ('!', &self.stderr)] {
            for line in bytes.split_inclusive(|byte| *byte == b'\n') {
                match line.strip_suffix(b"\n") {
                    Some(line) => writeln!(f, "{mark} {}", line.escape_ascii())?,
                    None => writeln!(f, "{mark} {} (no newline)", line.escape_ascii())?,
                }
            }
        }
        writeln!(f, "= {}", self.ending)
    }
}

/// Work sent to a namespace's thread.
type Job = Box<dyn FnOnce() + Send>;

/// A thread in a network namespace of its own with `lo` up, and a mount namespace of its own with
/// the tests' name services. It ends, and the kernel's table with it, when this value is dropped.
pub struct Namespace {
    jobs: Option<mpsc::Sender<Job>>,
    thread: Option<JoinHandle<()>>,
    /// The thread's id.
    thread_id: i32,
}

impl Namespace {
    /// Makes a fresh namespace with nothing but `lo`.
    pub fn new() -> Self {
        load_ipvs();
        Self::start(leave_for_new_namespaces)
    }

    /// Returns a thread with this one's files, in the network namespace that `ip netns` keeps at
    /// `file`.
    pub fn join(&self, file: PathBuf) -> Self {
        // A thread begins in the namespaces of the one that starts it.
        self.enter(|| {
            Self::start(move || {
                let place = File::open(&file)
                    .unwrap_or_else(|error| panic!("no host at {}: {error}", file.display()));
                setns(place, CloneFlags::CLONE_NEWNET).expect("a network namespace to join");
            })
        })
    }

    /// Returns a thread that makes itself at home, and then works off what it is sent.
    fn start(settle: impl FnOnce() + Send + 'static) -> Self {
        let (jobs, queue) = mpsc::channel::<Job>();
        let (thread_id, settled) = mpsc::channel();
        let thread = std::thread::spawn(move || {
            settle();
            let _ = thread_id.send(nix::unistd::gettid().as_raw());
            for job in queue {
                job();
            }
        });
        Self {
            jobs: Some(jobs),
            thread: Some(thread),
            thread_id: settled.recv().expect("a thread at home"),
        }
    }

    /// Does `work` on the namespace's thread and hands back what it returns.
    pub fn enter<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> T {
        self.begin(work)
            .recv()
            .expect("the work in the namespace runs to its end")
    }

    /// Sends `work` to the namespace's thread, and returns the channel of its result.
    fn begin<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> mpsc::Receiver<T> {
        let (sender, receiver) = mpsc::channel();
        let job: Job = Box::new(move || {
            // A receiver that is gone has panicked, and says so itself.
            let _ = sender.send(work());
        });
        self.jobs
            .as_ref()
            .expect("the queue lives as long as the namespace")
            .send(job)
            .expect("the namespace's thread waits for work");
        receiver
    }

    /// Runs `invocation` of `program` here, to its end.
    pub fn run(&self, program: &Program, invocation: &Invocation) -> Outcome {
        let mut command = program.command(&invocation.argv0);
        command
            .args(&invocation.words)
            .stdin(file_with(&invocation.stdin))
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        self.output(command)
    }

    /// Runs a shell's line at a terminal of its own, of so many columns, and returns what that
    /// shows.
    pub fn at_terminal(&self, columns: usize, line: &str) -> String {
        let mut command = Command::new("script");
        let line = format!("stty columns {columns}; {line}");
        command.args(["--quiet", "--command", &line, "/dev/null"]);
        self.output(command).stdout_text().replace('\r', "")
    }

    /// Runs `command` here as it stands, to its end. One that has not ended after [`LIMIT`] fails
    /// the test, which then says where it stands still.
    pub fn output(&self, mut command: Command) -> Outcome {
        let words = format!("{command:?}");
        let outcome = self.begin(move || {
            let output = command
                .output()
                .unwrap_or_else(|error| panic!("cannot run {command:?}: {error}"));
            Outcome {
                ending: output.status.into(),
                stdout: output.stdout,
                stderr: output.stderr,
            }
        });
        match outcome.recv_timeout(LIMIT) {
            Ok(outcome) => outcome,
            Err(mpsc::RecvTimeoutError::Disconnected) => panic!("{words} was not run to its end"),
            Err(mpsc::RecvTimeoutError::Timeout) => {
                let report = end_children(&format!("/proc/self/task/{}", self.thread_id));
                panic!("{words} has not ended after {LIMIT:?}:\n{report}");
            }
        }
    }

    /// Carries out `lines` with `ip` of iproute2; all of them must succeed.
    pub fn ip_batch(&self, lines: &str) {
        let mut command = Command::new("ip");
        command
            .args(["-batch", "-"])
            .stdin(file_with(lines.as_bytes()));
        let outcome = self.output(command);
        assert!(
            outcome.ending == Ending::Status(0),
            "ip -batch (package iproute2) of\n{lines}\n{outcome}"
        );
    }

    /// Adds an interface `eth0` that leads nowhere, for the sync daemons. It has an address of
    /// IPv6 that may be used at once: the one that the kernel gives it is looked for on the
    /// network first, and without one a daemon cannot be started in a group of IPv6.
    pub fn add_eth0(&self) {
        self.ip_batch(
            "link add eth0 type veth peer name eth0-peer
             address add 10.99.0.1/24 dev eth0
             address add fe80::99:1/64 dev eth0 nodad
             link set eth0 up
             link set eth0-peer up",
        );
    }

    /// Waits until listings count every packet and connection that there has been. They do so
    /// late: each processor counts by itself, and the kernel adds that up every two seconds, for
    /// some services sooner than for others. (No service or real server that has been used may have
    /// been taken away or zeroed, for these are still counted here.)
    pub fn wait_until_counted(&self) {
        let stats = Invocation::line("-ln --stats --exact");
        for _ in 0..600 {
            let counted = self.enter(counted_by_processors);
            let listing = self.run(&Program::ours(), &stats).stdout_text();
            if [false, true].map(|servers| sum_of_rows(&listing, servers)) == [counted; 2] {
                return;
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        panic!("the kernel does not add up what it has counted");
    }

    /// Returns the thread's id: where others find this namespace as `/proc/ID/ns/net`.
    pub fn thread_id(&self) -> i32 {
        self.thread_id
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        self.jobs = None;
        if let Some(thread) = self.thread.take() {
            // Its panic has been reported by the thread itself.
            let _ = thread.join();
        }
    }
}

/// Connections, packets in and out, bytes in and out of the calling thread's namespace, as the
/// processors have counted them up to now.
fn counted_by_processors() -> [u64; 5] {
    let text = fs::read_to_string("/proc/thread-self/net/ip_vs_stats_percpu")
        .expect("the kernel's counters");
    let mut sum = [0; 5];
    // Two lines of titles, one for each processor, and `~` for what listings count.
    for line in text.lines().skip(2).take_while(|line| !line.contains('~')) {
        let numbers = line.split_whitespace().skip(1);
        for (sum, number) in sum.iter_mut().zip(numbers) {
            *sum += u64::from_str_radix(number, 16).expect("a hexadecimal number");
        }
    }
    sum
}

/// Returns the columns of a listing with `--stats`, summed up: of its services, or of its real
/// servers.
fn sum_of_rows(listing: &str, servers: bool) -> [u64; 5] {
    let mut sum = [0; 5];
    let rows = listing.lines().skip(3);
    for row in rows.filter(|row| row.starts_with("  ->") == servers) {
        let numbers = row.split_whitespace().rev();
        for (sum, number) in sum.iter_mut().rev().zip(numbers) {
            *sum += number.parse::<u64>().expect("a column of numbers");
        }
    }
    sum
}

/// Returns the names of the files in a folder of the repository that end in `.extension`, without
/// that and with `_` for `-`, as tests are called after them.
pub fn names_in(folder: &str, extension: &str) -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let mut names: Vec<String> = fs::read_dir(&folder)
        .unwrap_or_else(|error| panic!("{} must be there: {error}", folder.display()))
        .map(|entry| entry.unwrap().path())
        .filter(|file| file.extension() == Some(OsStr::new(extension)))
        .map(|file| {
            file.file_stem()
                .unwrap()
                .to_str()
                .unwrap()
                .replace('-', "_")
        })
        .collect();
    names.sort();
    names
}

/// Returns an anonymous file that holds `bytes`, read from its beginning: a standard input that,
/// unlike a pipe, never waits for its writer.
pub fn file_with(bytes: &[u8]) -> Stdio {
    if bytes.is_empty() {
        return Stdio::null();
    }
    let file = memfd_create(c"stdin", MFdFlags::MFD_CLOEXEC).expect("an anonymous file");
    let mut file = File::from(file);
    file.write_all(bytes).expect("room for the input");
    file.seek(SeekFrom::Start(0)).expect("a file can be sought");
    Stdio::from(file)
}

/// Kills what a task has started, and what that has started in turn, and says of each what it was
/// and where in the kernel it stood.
fn end_children(task: &str) -> String {
    let read = |path: String| {
        let bytes = fs::read(path).unwrap_or_default();
        String::from_utf8_lossy(&bytes).replace('\0', " ")
    };
    let mut report = String::new();
    for child in read(format!("{task}/children")).split_whitespace() {
        let process = format!("/proc/{child}");
        report += &read(format!("{process}/cmdline"));
        report += " stood in\n";
        report += &read(format!("{process}/stack"));
        report += &end_children(&format!("{process}/task/{child}"));
        // It may have ended just now.
        if let Ok(number) = child.parse() {
            let _ = kill(Pid::from_raw(number), Signal::SIGKILL);
        }
    }
    report
}

/// Loads IPVS, and IPv6 with it, once, by the reference, so that every namespace has both from its
/// beginning.
fn load_ipvs() {
    static LOADED: Once = Once::new();
    LOADED.call_once(|| {
        let output = Program::reference()
            .command(OsStr::new("ipvsadm"))
            .arg("-ln")
            .stdin(Stdio::null())
            .output()
            .expect("the reference can be run");
        assert!(
            output.status.success(),
            "the kernel has no IPVS: {}",
            String::from_utf8_lossy(&output.stderr)
        );
    });
}

/// Moves the calling thread into namespaces of its own.
fn leave_for_new_namespaces() {
    unshare(CloneFlags::CLONE_NEWNET | CloneFlags::CLONE_NEWNS)
        .expect("new namespaces (only root may)");
    bring_up_loopback();
    install_name_services();
    put_reference_on_path();
}

/// Sets `lo` up: without it the kernel calls every address 'not unicast'.
fn bring_up_loopback() {
    let socket = std::net::UdpSocket::bind("0.0.0.0:0").expect("a socket to configure lo with");
    // SAFETY: all-zero bytes are a valid ifreq, a C struct of integers, addresses and pointers.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    for (to, from) in request.ifr_name.iter_mut().zip(b"lo") {
        *to = libc::c_char::from_ne_bytes([*from]);
    }
    request.ifr_ifru.ifru_flags =
        libc::c_short::try_from(libc::IFF_UP | libc::IFF_RUNNING).expect("small flags");
    // C libraries give the number of a request different types.
    let set_flags = libc::SIOCSIFFLAGS as _;
    // SAFETY: the descriptor is open, and SIOCSIFFLAGS reads one ifreq, which lives to its end.
    let done = unsafe { libc::ioctl(socket.as_raw_fd(), set_flags, &raw const request) };
    assert_eq!(
        done,
        0,
        "lo cannot be set up: {}",
        std::io::Error::last_os_error()
    );
}

/// Makes `ipvsadm` the reference, for this thread and what it starts: the reference's helpers are
/// shell scripts that look for it in the system's folders.
fn put_reference_on_path() {
    const NOTHING: Option<&str> = None;
    let reference = Program::reference().path;
    let installed = Path::new("/usr/sbin/ipvsadm");
    if installed.exists() {
        mount(
            Some(&reference),
            installed,
            NOTHING,
            MsFlags::MS_BIND,
            NOTHING,
        )
        .expect("the reference over the installed program");
    } else {
        let folder = Path::new("/usr/local/sbin");
        mount_memory(folder);
        std::os::unix::fs::symlink(&reference, folder.join("ipvsadm")).expect("a link to it");
    }
}

/// Puts an empty tmpfs over a folder, for this thread and what it starts.
pub fn mount_memory(folder: impl AsRef<Path>) {
    let folder = folder.as_ref();
    const NOTHING: Option<&str> = None;
    mount(
        Some("tmpfs"),
        folder,
        Some("tmpfs"),
        MsFlags::empty(),
        NOTHING,
    )
    .unwrap_or_else(|errno| panic!("a tmpfs on {}: {errno}", folder.display()));
}

/// Returns a bash for the script, with its arguments, that is added to it. No other command sees
/// the names of network namespaces that the script makes.
pub fn bash_with_own_names() -> Command {
    let mut command = Command::new("bash");
    command.args([
        "-c",
        "mkdir -p /run/netns && mount -t tmpfs names /run/netns && exec bash \"$@\"",
        "-",
    ]);
    command
}

/// Puts the tests' name services over the machine's, for this thread and what it starts.
fn install_name_services() {
    const NOTHING: Option<&str> = None;
    mount(
        NOTHING,
        "/",
        NOTHING,
        MsFlags::MS_REC | MsFlags::MS_PRIVATE,
        NOTHING,
    )
    .expect("private mounts");
    let folder = Path::new(SCRATCH);
    mount_memory(folder);
    for (name, text) in NAME_SERVICES {
        let file = folder.join(name);
        fs::write(&file, text).expect("room on the tmpfs");
        let place = Path::new("/etc").join(name);
        if !place.exists() {
            // A bare machine has none, or a link that leads nowhere here; what is written stays in
            // the guest.
            let _ = fs::remove_file(&place);
            fs::write(&place, "").expect("room in the guest");
        }
        mount(Some(&file), &place, NOTHING, MsFlags::MS_BIND, NOTHING)
            .unwrap_or_else(|error| panic!("over {}: {error}", place.display()));
    }
}

/// Returns the seed of this run: `tests/lab test` draws one, or takes the one it is given, and
/// names it.
pub fn seed() -> u64 {
    number_from_environment("IPVSADM_SEED").expect("IPVSADM_SEED is set: run tests/lab test")
}

/// Returns a number that may be set from outside.
pub fn number_from_environment(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(
        text.parse()
            .unwrap_or_else(|_| panic!("{name}={text} is no number")),
    )
}

/// A small generator of random numbers (SplitMix64): the same numbers from the same seed anywhere.
pub struct Random(u64);

impl Random {
    /// Returns the generator of this run.
    pub fn of_this_run() -> Self {
        Self::new(seed())
    }

    /// Makes the generator that begins with this seed.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Returns the next 64 random bits.
    pub fn next_bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Returns a number below `end`.
    pub fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next_bits() % end as u64).unwrap()
    }

    /// Returns true in `percent` of 100 cases.
    pub fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    /// Returns one of these.
    pub fn pick<T: Clone>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())].clone()
    }

    /// Brings the items in a random order.
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for end in (1..items.len()).rev() {
            items.swap(end, self.below(end + 1));
        }
    }
}
