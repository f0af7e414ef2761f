//! `--watch` on a real kernel: in a real terminal, whose screen is read as a person sees it, and as
//! a stream.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Read};
use std::net::UdpSocket;
use std::num::NonZeroU16;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use nix::mount::{MsFlags, mount};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

use crate::bad_input::lay_over_connections;
use crate::support::busy::Busy;
use crate::support::pty::{PATIENCE, Pty};
use crate::support::schema::Schema;
use crate::support::standstill::settings;
use crate::support::synced::{Synced, take_in};
use crate::support::{Ending, Invocation, Namespace, Program, SCRATCH};

/// A terminal in which our program goes on listing, after a line that was there before.
struct Watch {
    pty: Pty,
    screen: vt100::Parser,
    columns: u16,
}

const BEFORE: &str = "what was there before";

impl Watch {
    fn start(namespace: &Namespace, words: &str, rows: u16, columns: u16) -> Watch {
        let script = format!("echo '{BEFORE}'; exec $IPVSADM {words}");
        Watch::script(namespace, &script, rows, columns)
    }

    /// Starts a script of bash, in which `$IPVSADM` is our program.
    fn script(namespace: &Namespace, script: &str, rows: u16, columns: u16) -> Watch {
        let mut command = Command::new("bash");
        command.args(["-c", script]).env_clear().envs([
            ("PATH", "/usr/sbin:/usr/bin:/sbin:/bin"),
            ("TERM", "xterm"),
            ("LC_ALL", "C.UTF-8"),
            ("TZ", "UTC"),
            ("IPVSADM", env!("CARGO_BIN_EXE_ipvsadm")),
        ]);
        Watch::of(Pty::start(namespace, command, rows, columns), rows, columns)
    }

    fn of(pty: Pty, rows: u16, columns: u16) -> Watch {
        let size = |number| NonZeroU16::new(number).unwrap();
        Watch {
            pty,
            screen: vt100::Parser::new(size(rows), size(columns), 0),
            columns,
        }
    }

    fn lines(&self) -> Vec<String> {
        let rows = self.screen.screen().rows(0, self.columns);
        rows.map(|row| row.trim_end().to_owned()).collect()
    }

    /// Returns true unless a page is just being drawn: at its end, the cursor is in the last line.
    fn is_whole(&self) -> bool {
        let screen = self.screen.screen();
        !screen.alternate_screen() || screen.cursor_position().0 + 1 == screen.size().0.get()
    }

    /// Reads on until the screen is as it is wanted.
    fn until(&mut self, what: &str, is_wanted: impl Fn(&[String]) -> bool) -> Vec<String> {
        let begun = Instant::now();
        loop {
            let lines = self.lines();
            if self.is_whole() && is_wanted(&lines) {
                return lines;
            }
            assert!(
                begun.elapsed() < PATIENCE,
                "no {what}:\n{}",
                lines.join("\n")
            );
            match self.pty.read() {
                Ok(bytes) => self.screen.process(&bytes),
                Err(error) => panic!("no {what} ({error}):\n{}", lines.join("\n")),
            }
        }
    }

    /// Reads on until a line has this text.
    fn until_shown(&mut self, text: &str) -> Vec<String> {
        self.until(text, |lines| lines.iter().any(|line| line.contains(text)))
    }

    /// Gives the terminal another size.
    fn resize(&mut self, rows: u16, columns: u16) {
        self.pty.resize(rows, columns);
        let size = |number| NonZeroU16::new(number).unwrap();
        let screen = self.screen.screen_mut();
        screen.set_size(size(rows), size(columns));
        self.columns = columns;
    }

    /// Presses keys, and reads on until the screen is as it is wanted then.
    fn press(
        &mut self,
        keys: &str,
        what: &str,
        is_wanted: impl Fn(&[String]) -> bool,
    ) -> Vec<String> {
        self.pty.press(keys);
        self.until(what, is_wanted)
    }

    /// Holds the terminal to what it was before, once the program has ended; and gives how.
    fn end(mut self) -> Ending {
        let ending = self.pty.process.wait().unwrap().into();
        self.until("old screen", |lines| {
            lines[0] == BEFORE && lines[2..].iter().all(String::is_empty)
        });
        self.screen.process(&self.pty.read_what_is_there());
        let screen = self.screen.screen();
        assert!(!screen.alternate_screen(), "{:?}", self.lines());
        assert!(!screen.hide_cursor());
        assert!(
            self.lines()[2..].iter().all(String::is_empty),
            "{:?}",
            self.lines()
        );
        let after = self.pty.settings();
        let flags = |settings: &libc::termios| {
            [
                settings.c_iflag,
                settings.c_oflag,
                settings.c_cflag,
                settings.c_lflag,
            ]
        };
        let before = self.pty.settings_before;
        assert_eq!(flags(&after), flags(&before));
        assert_eq!(after.c_cc, before.c_cc);
        ending
    }

    fn signal(&self, signal: Signal) {
        let process = Pid::from_raw(i32::try_from(self.pty.process.id()).unwrap());
        kill(process, signal).unwrap();
    }
}

#[test]
fn a_terminal_shows_the_listing_as_it_changes() {
    let busy = Busy::new();
    let mut watch = Watch::start(&busy.namespace, "-Ln --watch 0.3", 30, 80);
    let lines = watch.until_shown("TCP  192.0.2.10:80 wrr");
    assert!(
        lines[0].starts_with("every 0.3 s, namespace net:["),
        "{lines:?}"
    );
    let (_, time) = lines[0].split_at(80 - "2026-11-26 23:04:05".len());
    assert!(
        time.starts_with("20") && time.as_bytes()[13] == b':',
        "{lines:?}"
    );
    assert_eq!(lines[1], "");
    assert!(
        lines[2].starts_with("IP Virtual Server version "),
        "{lines:?}"
    );
    assert!(watch.screen.screen().alternate_screen() && watch.screen.screen().hide_cursor());
    // Below the listing nothing is left of an older one.
    busy.run("-C");
    let lines = watch.until("empty table", |lines| lines[5].is_empty());
    assert!(lines[5..29].iter().all(String::is_empty), "{lines:?}");
    assert!(lines[29].starts_with("no services  "), "{lines:?}");
    busy.run("-A -t 192.0.2.10:81");
    watch.until_shown("TCP  192.0.2.10:81 wlc");

    // Cut to the size, whatever that becomes.
    for port in 100..140 {
        busy.run(&format!("-A -u 192.0.2.10:{port}"));
    }
    let lines = watch.until("cut listing", |lines| {
        lines[29].starts_with("1–24 of 41 services  ")
    });
    assert_eq!(lines[28], "UDP  192.0.2.10:122 wlc");
    watch.resize(10, 24);
    let lines = watch.until("smaller listing", |lines| lines[9] == "1–4 of 41 services");
    assert_eq!(lines[2], "IP Virtual Server versio");
    assert_eq!(lines[8], "UDP  192.0.2.10:102 wlc");

    watch.pty.press("x \r");
    watch.pty.press("q");
    assert_eq!(watch.end(), Ending::Status(0));
}

#[test]
fn whatever_ends_it_the_terminal_is_what_it_was() {
    let busy = Busy::new();
    let start = || {
        let mut watch = Watch::start(&busy.namespace, "-Ln --table --watch", 30, 80);
        watch.until_shown("192.0.2.10:80");
        watch
    };
    let mut watch = start();
    watch.pty.press("\x03");
    assert_eq!(watch.end(), Ending::Status(0));
    for signal in [
        Signal::SIGTERM,
        Signal::SIGHUP,
        Signal::SIGQUIT,
        Signal::SIGABRT,
        Signal::SIGUSR1,
        Signal::SIGUSR2,
        Signal::SIGALRM,
        Signal::SIGVTALRM,
        Signal::SIGPROF,
        Signal::SIGXCPU,
        Signal::SIGIO,
        Signal::SIGPIPE,
    ] {
        let watch = start();
        watch.signal(signal);
        assert_eq!(watch.end(), Ending::Signal(signal as i32), "{signal}");
    }
}

#[test]
fn where_the_terminal_takes_keys_but_no_text_it_is_given_back() {
    let namespace = Namespace::new();
    // Standard output is the terminal, opened for reading.
    let script = format!("echo '{BEFORE}'; exec $IPVSADM -Ln --watch 1<$(tty)");
    let mut watch = Watch::script(&namespace, &script, 30, 80);
    watch.until_shown("cannot use the terminal: Bad file descriptor");
    assert_eq!(watch.pty.process.wait().unwrap().code(), Some(1));
    let (after, before) = (watch.pty.settings(), watch.pty.settings_before);
    assert_eq!(after.c_lflag, before.c_lflag);
    assert_eq!(after.c_cc, before.c_cc);
}

#[test]
fn a_signal_that_the_caller_ignores_does_not_end_it() {
    let busy = Busy::new();
    let script =
        format!("echo '{BEFORE}'; trap '' USR1 HUP TSTP; exec $IPVSADM -Ln --table --watch 0.2");
    let mut watch = Watch::script(&busy.namespace, &script, 30, 80);
    watch.until_shown("192.0.2.10:80");
    for signal in [Signal::SIGUSR1, Signal::SIGHUP, Signal::SIGTSTP] {
        watch.signal(signal);
    }
    busy.run("-A -t 192.0.2.10:81");
    watch.until_shown("192.0.2.10:81");
    watch.pty.press("q");
    assert_eq!(watch.end(), Ending::Status(0));
}

/// On the screen above what a shell says, so that [`Watch::end`] holds.
const CLEARED: &str = r"printf '\033[2J\033[H%s\n'";

#[test]
fn stopped_the_terminal_is_the_shells_until_it_goes_on() {
    let busy = Busy::new();
    let script = format!(
        "set -m; echo '{BEFORE}'; $IPVSADM -Ln --table --watch; echo stopped $?; read; \
         fg; status=$?; {CLEARED} '{BEFORE}'; exit $status"
    );
    let mut watch = Watch::script(&busy.namespace, &script, 30, 80);
    watch.until_shown("192.0.2.10:80");
    watch.pty.press("\x1a");
    let lines = watch.until_shown("stopped 148");
    assert_eq!(lines[0], BEFORE);
    let screen = watch.screen.screen();
    assert!(!screen.alternate_screen() && !screen.hide_cursor());
    let flags = watch.pty.settings().c_lflag;
    assert_eq!(flags, watch.pty.settings_before.c_lflag);
    watch.pty.press("\r");
    watch.until_shown("192.0.2.10:80");
    assert!(watch.screen.screen().alternate_screen());
    let flags = watch.pty.settings().c_lflag;
    assert_eq!(flags & (libc::ICANON | libc::ECHO), 0);
    watch.pty.press("q");
    assert_eq!(watch.end(), Ending::Status(0));
}

/// The first process on a terminal has nobody who could continue it.
#[test]
fn where_nobody_can_continue_it_it_does_not_stop() {
    let busy = Busy::new();
    let mut watch = Watch::start(&busy.namespace, "-Ln --table --watch 0.2", 30, 80);
    watch.until_shown("192.0.2.10:80");
    watch.pty.press("\x1a");
    busy.run("-A -t 192.0.2.10:81");
    watch.until_shown("192.0.2.10:81");
    watch.pty.press("q");
    assert_eq!(watch.end(), Ending::Status(0));
}

#[test]
fn in_the_background_it_can_be_ended() {
    let busy = Busy::new();
    // The end of a script of which nothing is left on the screen but what it says.
    let ended = |script: &str, keys: &[(&str, &str)], expected: &str| {
        let script = format!("echo '{BEFORE}'; {script}");
        let mut watch = Watch::script(&busy.namespace, &script, 30, 80);
        for (shown, pressed) in keys {
            watch.until_shown(shown);
            watch.pty.press(pressed);
        }
        watch.until_shown(expected);
        assert_eq!(watch.lines()[0], BEFORE);
        let screen = watch.screen.screen();
        assert!(!screen.alternate_screen() && !screen.hide_cursor());
        let flags = watch.pty.settings().c_lflag;
        assert_eq!(flags, watch.pty.settings_before.c_lflag);
        watch.pty.process.wait().unwrap();
    };
    let stopped = "until [[ $(jobs -l) == *Stopped* ]]; do sleep 0.1; done";
    // bash may take the job for a stopped one for a while, so it is not waited for.
    let killed = "kill %1; while kill -0 $! 2>/dev/null; do sleep 0.1; done; jobs";
    ended(
        &format!("set -m; $IPVSADM -Ln --watch & {stopped}; {killed}"),
        &[],
        "Terminated",
    );
    // Without job control: `timeout` moves itself and its child to the background.
    ended(
        "timeout 1 $IPVSADM -Ln --watch; echo ended $?",
        &[],
        "ended 124",
    );
    // After Ctrl-Z, it is continued in the background, and stops for it needs the terminal.
    ended(
        &format!(
            "set -m; $IPVSADM -Ln --watch; bg; \
             until [[ $(jobs -l) == *'tty output'* ]]; do sleep 0.1; done; {killed}"
        ),
        &[("192.0.2.10:80", "\x1a")],
        "Terminated",
    );
}

#[test]
fn started_in_the_background_it_draws_in_the_foreground() {
    let busy = Busy::new();
    let script = format!(
        "set -m; echo '{BEFORE}'; $IPVSADM -Ln --table --watch & \
         until [[ $(jobs -l) == *Stopped* ]]; do sleep 0.1; done; \
         fg; status=$?; {CLEARED} '{BEFORE}'; exit $status"
    );
    let mut watch = Watch::script(&busy.namespace, &script, 30, 80);
    watch.until_shown("192.0.2.10:80");
    assert!(watch.screen.screen().alternate_screen());
    watch.pty.press("q");
    assert_eq!(watch.end(), Ending::Status(0));
}

/// Runs on the terminal of the test below, and in every other run does nothing.
#[test]
fn a_child_that_panics() {
    if std::env::var_os("IPVSADM_PANICKING_CHILD").is_some() {
        let terminal = ipvsadm::terminal::Terminal::take().unwrap().unwrap();
        // In the program, a panic aborts: nothing is dropped.
        std::mem::forget(terminal);
        print_on_terminal("it is taken");
        panic!("as it should");
    }
}

/// Writes past the test harness, which keeps what tests print.
fn print_on_terminal(text: &str) {
    nix::unistd::write(std::io::stdout(), text.as_bytes()).unwrap();
}

#[test]
fn a_panic_leaves_the_terminal_as_it_was() {
    let namespace = Namespace::new();
    let program = std::env::current_exe().unwrap();
    let mut command = Command::new("sh");
    let script = format!(
        "echo '{BEFORE}'; exec {} --exact watch::a_child_that_panics --nocapture >/dev/tty 2>&1",
        program.display()
    );
    command.args(["-c", &script]);
    command
        .env("IPVSADM_PANICKING_CHILD", "1")
        .env("TERM", "xterm");
    let mut watch = Watch::of(Pty::start(&namespace, command, 40, 100), 40, 100);
    watch.until_shown("as it should");
    assert!(!watch.screen.screen().alternate_screen());
    assert!(!watch.screen.screen().hide_cursor());
    let lines = watch.lines();
    assert_eq!(lines[0], BEFORE);
    assert!(
        !lines.iter().any(|line| line.contains("it is taken")),
        "{lines:?}"
    );
    assert_eq!(
        watch.pty.settings().c_lflag,
        watch.pty.settings_before.c_lflag
    );
}

#[test]
fn a_listing_that_fails_is_shown_in_its_place_and_tried_again() {
    let busy = Busy::new();
    let words = "-Ln -t 192.0.2.10:80 --watch 0.2";
    let mut watch = Watch::start(&busy.namespace, words, 24, 80);
    watch.until_shown("10.0.0.12:8080");
    busy.run("-D -t 192.0.2.10:80");
    let lines = watch.until_shown("No such service");
    assert_eq!(lines[3..23].concat(), "", "{lines:?}");
    busy.run("-A -t 192.0.2.10:80 -s sed");
    watch.until_shown("TCP  192.0.2.10:80 sed");
    watch.pty.press("q");
    assert_eq!(watch.end(), Ending::Status(0));
}

/// Our program with its standard output read line by line.
struct Stream {
    process: Child,
    lines: std::io::Lines<BufReader<std::process::ChildStdout>>,
}

impl Stream {
    fn start(namespace: &Namespace, words: &str) -> Stream {
        let mut command = Program::ours().command(OsStr::new("ipvsadm"));
        command.args(words.split(' ')).env("COLUMNS", "160");
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut process = namespace.enter(move || command.spawn()).unwrap();
        let output = process.stdout.take().unwrap();
        Stream {
            process,
            lines: BufReader::new(output).lines(),
        }
    }

    fn next(&mut self) -> String {
        self.lines.next().expect("a line").expect("text")
    }

    fn document(&mut self) -> Value {
        let line = self.next();
        Schema::new().check(&line)
    }

    /// Returns a listing up to the empty line behind it.
    fn listing(&mut self) -> Vec<String> {
        let lines = std::iter::from_fn(|| Some(self.next()));
        lines.take_while(|line| !line.is_empty()).collect()
    }

    /// Reads no more, and gives how the program ends then.
    fn leave(mut self) -> Ending {
        drop(self.lines);
        let ending = self.process.wait().unwrap().into();
        let mut errors = String::new();
        self.process
            .stderr
            .unwrap()
            .read_to_string(&mut errors)
            .unwrap();
        assert_eq!(errors, "");
        ending
    }
}

#[test]
fn a_stream_has_a_document_a_line() {
    let busy = Busy::new();
    let mut stream = Stream::start(&busy.namespace, "-L --json --watch 0.2");
    assert_eq!(stream.document()["services"].as_array().unwrap().len(), 8);
    assert_eq!(stream.document()["services"].as_array().unwrap().len(), 8);
    busy.run("-A -t 192.0.2.10:81");
    while stream.document()["services"].as_array().unwrap().len() != 9 {}
    // Whoever reads no more ends it, at once.
    let ending = stream.leave();
    assert!(
        ending == Ending::Status(0) || ending == Ending::Signal(Signal::SIGPIPE as i32),
        "{ending}"
    );
    let stream = Stream::start(&busy.namespace, "-L --json --watch 86400");
    let mut stream = stream;
    stream.document();
    assert_eq!(stream.leave(), Ending::Status(0));

    let mut stream = Stream::start(&busy.namespace, "-L -t 192.0.2.10:81 --json --watch 0.2");
    assert_eq!(stream.document()["services"][0]["port"], 81);
    busy.run("-D -t 192.0.2.10:81");
    while stream.document()["error"] != "No such service" {}
    busy.run("-A -t 192.0.2.10:81");
    while stream.document()["error"] != Value::Null {}
    stream.leave();

    for words in [
        "-L -c --json -t 192.0.2.10:80",
        "-L -c --count server --json",
        "-L --timeout --json",
        "-L --daemon --json",
    ] {
        let once = Schema::new().check(&busy.run(words));
        let mut stream = Stream::start(&busy.namespace, &format!("{words} --watch 0.1"));
        for _ in 0..2 {
            let document = stream.document();
            let names = |value: &Value| {
                value
                    .as_object()
                    .unwrap()
                    .keys()
                    .cloned()
                    .collect::<Vec<_>>()
            };
            assert_eq!(names(&document), names(&once), "{words}");
        }
        stream.leave();
    }
}

#[test]
fn a_stream_has_an_empty_line_between_listings() {
    let busy = Busy::new();
    for words in [
        "-Ln",
        "-Ln --daemon",
        "-Lnc --count state",
        "-Ln --timeout --table",
    ] {
        let once: Vec<String> = busy.run(words).lines().map(str::to_owned).collect();
        let mut stream = Stream::start(&busy.namespace, &format!("{words} --watch 0.1"));
        for _ in 0..3 {
            assert_eq!(stream.listing(), once, "{words}");
        }
        stream.leave();
    }
}

/// Sends datagrams to a service at a steady pace, each from another port: connections of one
/// packet. Stops when it is dropped.
struct Traffic {
    is_wanted: Arc<AtomicBool>,
    thread: Option<thread::JoinHandle<u64>>,
    begun: Instant,
}

impl Traffic {
    fn start(namespace: &Namespace, service: &'static str, each: Duration) -> Traffic {
        let is_wanted = Arc::new(AtomicBool::new(true));
        let goes_on = Arc::clone(&is_wanted);
        let begun = Instant::now();
        // A thread has the namespace of the one that starts it.
        let thread = namespace.enter(move || {
            thread::spawn(move || {
                let mut sent = 0;
                while goes_on.load(Ordering::Relaxed) {
                    let socket = UdpSocket::bind("192.0.2.10:0").unwrap();
                    socket.send_to(&[0; 72], service).unwrap();
                    sent += 1;
                    let due = begun + each * u32::try_from(sent).unwrap();
                    thread::sleep(due.saturating_duration_since(Instant::now()));
                }
                sent
            })
        });
        Traffic {
            is_wanted,
            thread: Some(thread),
            begun,
        }
    }

    /// Connections a second.
    fn stop(mut self) -> f64 {
        self.is_wanted.store(false, Ordering::Relaxed);
        let sent = self.thread.take().unwrap().join().unwrap();
        sent as f64 / self.begun.elapsed().as_secs_f64()
    }
}

/// Returns the number in a column of the row with a name; columns are known by the ends of their
/// titles.
fn cell(listing: &[String], name: &str, title: &str) -> Option<f64> {
    let titles = listing.iter().find(|line| line.contains("Conn/s"))?;
    let end = titles.find(title)? + title.len();
    let row = listing
        .iter()
        .find(|line| line.contains(&format!(" {name} ")))?;
    let text: String = row.chars().take(end).collect();
    text.split("  ").last()?.trim().parse().ok()
}

#[test]
fn rates_are_those_of_the_traffic() {
    let namespace = Namespace::new();
    namespace.ip_batch(
        "address add 192.0.2.10/32 dev lo
         address add 10.0.0.11/32 dev lo
         address add 10.0.0.12/32 dev lo",
    );
    let rules = "-A -u 192.0.2.10:53 -s rr\n-a -u 192.0.2.10:53 -r 10.0.0.11 -m\n\
                 -a -u 192.0.2.10:53 -r 10.0.0.12 -m\n-A -t 192.0.2.10:80 -s rr\n";
    let filled = namespace.run(&Program::ours(), &Invocation::restore(rules));
    assert_eq!(filled.ending, Ending::Status(0), "{filled}");
    namespace.enter(|| {
        // Somebody takes what is sent, so that no refusals come back.
        for server in ["10.0.0.11:53", "10.0.0.12:53"] {
            let socket = UdpSocket::bind(server).unwrap();
            thread::spawn(move || while socket.recv(&mut [0; 100]).is_ok() {});
        }
    });
    let traffic = Traffic::start(&namespace, "192.0.2.10:53", Duration::from_millis(50));
    let mut stream = Stream::start(&namespace, "-Ln --table --watch 2");
    let mut listings: Vec<Vec<String>> = (0..8).map(|_| stream.listing()).collect();
    stream.leave();
    let sent = traffic.stop();
    let shown = listings.concat().join("\n");
    // The first one has nothing to compare with.
    assert_eq!(
        cell(&listings[0], "UDP 192.0.2.10:53", "Conn/s"),
        None,
        "{shown}"
    );
    listings.remove(0);
    // A look may be late, on a busy machine, and see one of the kernel's steps more or less: so it
    // is their mean that is the traffic's.
    let mean = |name: &str, title: &str| {
        let cells = listings
            .iter()
            .filter_map(|listing| cell(listing, name, title));
        let cells: Vec<f64> = cells.collect();
        assert!(cells.len() >= 5, "{name} {title}: {cells:?}\n{shown}");
        cells.iter().sum::<f64>() / cells.len() as f64
    };
    for (name, title, expected) in [
        ("UDP 192.0.2.10:53", "Conn/s", sent),
        ("UDP 192.0.2.10:53", "Pkt/s in", sent),
        ("10.0.0.11:53", "Conn/s", sent / 2.0),
        ("10.0.0.12:53", "Conn/s", sent / 2.0),
        ("TCP 192.0.2.10:80", "Conn/s", 0.0),
    ] {
        let shown_mean = mean(name, title);
        assert!(
            (shown_mean - expected).abs() <= 0.35 * expected,
            "{name} {title}: {shown_mean}, sent {expected}\n{shown}"
        );
    }
    let last = listings.last().unwrap();
    assert!(
        last.iter()
            .any(|line| line.contains(" ##") || line.contains("█") || line.contains('#')),
        "{shown}"
    );
}

const UP: &str = "\x1b[A";
const DOWN: &str = "\x1bOB";
const PAGE_UP: &str = "\x1b[5~";
const PAGE_DOWN: &str = "\x1b[6~";
const HOME: &str = "\x1b[H";
const END: &str = "\x1b[4~";

/// Returns the name of a service, of which each block of 200 has an address.
fn service_name(number: usize) -> String {
    format!("192.0.{}.1:{}", number / 200, 1000 + number % 200)
}

/// Fills a namespace's table with so many services, each with one to three servers.
fn fill(namespace: &Namespace, count: usize) {
    let rules: String = (0..count)
        .map(|number| {
            let service = service_name(number);
            let servers = (1..=1 + number % 3).map(|server| {
                format!(
                    "-a -t {service} -r 10.0.0.{server}:80 -m -w {}\n",
                    number % 5
                )
            });
            format!("-A -t {service} -s rr\n") + &servers.collect::<String>()
        })
        .collect();
    let invocation = Invocation {
        stdin: rules.into_bytes(),
        ..Invocation::line("-R")
    };
    let filled = namespace.run(&Program::ours(), &invocation);
    assert_eq!(filled.ending, Ending::Status(0), "{filled}");
}

/// Returns the names of the services that are shown, from the first on.
fn shown_services(lines: &[String]) -> Vec<String> {
    let names = lines.iter().filter_map(|line| {
        let (_, rest) = line.split_once("TCP ")?;
        rest.split_whitespace().next().map(str::to_owned)
    });
    names.collect()
}

/// Holds a page to its outline: the heading, a frame as straight as it is long, the last line.
fn check_outline(lines: &[String]) {
    let page = lines.join("\n");
    assert!(lines[0].starts_with("every "), "{page}");
    assert!(lines[2].starts_with("IP Virtual Server "), "{page}");
    let frame: Vec<&String> = lines
        .iter()
        .filter(|line| line.starts_with(['╭', '│', '├', '╰']))
        .collect();
    assert!(
        frame[0].starts_with('╭') && frame[1].contains(" Active "),
        "{page}"
    );
    assert!(frame.last().unwrap().starts_with('╰'), "{page}");
    let width = frame[0].chars().count();
    assert!(
        frame.iter().all(|line| line.chars().count() == width),
        "{page}"
    );
    assert!(page.contains("drained: weight 0, unused"), "{page}");
    assert!(lines.last().unwrap().contains(" services"), "{page}");
}

#[test]
fn a_person_moves_in_tables_of_any_length_on_screens_of_any_size() {
    for count in [5, 500, 5000] {
        let namespace = Namespace::new();
        fill(&namespace, count);
        let last = service_name(count - 1);
        let mut watch = Watch::start(&namespace, "-Ln --table --watch 1", 24, 80);
        for (rows, columns) in [(24, 80), (40, 120), (50, 200)] {
            watch.resize(rows, columns);
            let is_full = |lines: &[String]| {
                lines.last().unwrap().contains(&format!("{count} services"))
                    && lines[0].chars().count() == usize::from(columns)
            };
            let lines = watch.until("the table", is_full);
            check_outline(&lines);
            assert_eq!(shown_services(&lines)[0], service_name(0));
            let lines = watch.press(END, "the end", |lines| {
                is_full(lines) && shown_services(lines).last() == Some(&last)
            });
            check_outline(&lines);
            let is_at_top = |lines: &[String]| {
                is_full(lines) && shown_services(lines).first() == Some(&service_name(0))
            };
            let lines = watch.press(HOME, "the top", is_at_top);
            let fits = shown_services(&lines).len() == count;
            let second = service_name(usize::from(!fits));
            let lines = watch.press(DOWN, "the second", |lines| {
                is_full(lines) && shown_services(lines).first() == Some(&second)
            });
            check_outline(&lines);
            watch.press(UP, "the first", is_at_top);
            let lines = watch.press(PAGE_DOWN, "the next page", |lines| {
                fits || is_full(lines) && !is_at_top(lines)
            });
            check_outline(&lines);
            watch.press(PAGE_UP, "the first page", is_at_top);
        }
        // The text may be typed as slowly as one likes.
        let wanted = service_name(count / 2);
        watch.pty.press("/");
        for key in wanted.chars() {
            watch.pty.press(&key.to_string());
        }
        let lines = watch.until("what was typed", |lines| {
            lines.last().unwrap().starts_with(&format!("/{wanted}_"))
        });
        assert_eq!(shown_services(&lines), std::slice::from_ref(&wanted));
        let lines = watch.press("\r", "the filter", |lines| {
            lines.last().unwrap().starts_with("1 service with ")
        });
        assert_eq!(shown_services(&lines), std::slice::from_ref(&wanted));
        let lines = watch.press("\x1b", "all of them", |lines| {
            lines.last().unwrap().contains(&format!("{count} services"))
        });
        check_outline(&lines);
        assert!(shown_services(&lines).contains(&wanted));
        watch.pty.press("q");
        assert_eq!(watch.end(), Ending::Status(0));
    }
}

#[test]
fn the_place_is_kept_while_services_come_and_go() {
    let namespace = Namespace::new();
    fill(&namespace, 500);
    let run = |words: &str| {
        let outcome = namespace.run(&Program::ours(), &Invocation::line(words));
        assert_eq!(outcome.ending, Ending::Status(0), "{words}: {outcome}");
    };
    for words in ["-Ln --table --watch 0.3", "-Ln --watch 0.3"] {
        let mut watch = Watch::start(&namespace, words, 24, 80);
        watch.until_shown("of 500 services");
        watch.pty.press(&PAGE_DOWN.repeat(30));
        // Once this is answered, all that was pressed before has been.
        watch.press("/", "a text", |lines| {
            lines.last().unwrap().starts_with("/_ ")
        });
        let lines = watch.press("\x1b", "the table", |lines| {
            lines.last().unwrap().contains(" of 500 ")
        });
        let settled = shown_services(&lines);
        assert!(settled[0] > service_name(50), "{settled:?}");
        run("-A -t 192.0.0.1:1");
        let lines = watch.until("one more", |lines| {
            lines.last().unwrap().contains(" of 501 ")
        });
        assert_eq!(shown_services(&lines), settled);
        run("-D -t 192.0.0.1:1001");
        run(&format!("-D -t {}", service_name(499)));
        let lines = watch.until("less", |lines| lines.last().unwrap().contains(" of 499 "));
        assert_eq!(shown_services(&lines), settled);
        // The second in view goes: what is above it stays.
        run(&format!("-D -t {}", settled[1]));
        let lines = watch.until("less", |lines| lines.last().unwrap().contains(" of 498 "));
        assert_eq!(shown_services(&lines)[0], settled[0]);
        assert_eq!(shown_services(&lines)[1], settled[2]);
        watch.pty.press("q");
        assert_eq!(watch.end(), Ending::Status(0));
        run("-C");
        fill(&namespace, 500);
    }
}

#[test]
fn keys_choose_what_is_shown_and_how() {
    let busy = Busy::new();
    let mut watch = Watch::start(&busy.namespace, "-Ln --table --watch 0.3", 30, 80);
    watch.until_shown("192.0.2.10:443");
    // The sequence of orders; the busiest service comes first, and the others stay in order.
    watch.press("o", "the active first", |lines| {
        let last = lines.last().unwrap();
        last.contains("services, the most active connections first")
            && shown_services(lines)[0] == "192.0.2.10:80"
    });
    watch.press("oo", "the order by rate", |lines| {
        lines
            .last()
            .unwrap()
            .contains("the most bytes a second first")
    });
    watch.press("o", "the usual order", |lines| {
        !lines.last().unwrap().contains("first")
    });
    // Held still, it shows the table as it was.
    let lines = watch.press(" ", "stillness", |lines| {
        lines[0].starts_with("held still, ")
    });
    busy.run("-A -t 192.0.2.9:81");
    thread::sleep(Duration::from_millis(700));
    watch.pty.press("?");
    watch.until_shown("hold still, go on");
    watch.pty.press("?");
    let again = watch.until("the table", |lines| lines[2].starts_with("IP "));
    assert_eq!(again, lines);
    watch.pty.press(" ");
    watch.until_shown("192.0.2.9:81");
    watch.press("+", "a longer interval", |lines| {
        lines[0].starts_with("every 0.5 s, ")
    });
    watch.press("--", "a shorter interval", |lines| {
        lines[0].starts_with("every 0.1 s, ")
    });
    // What is no key is passed over, also in pieces.
    watch.pty.press("x\x1b[1");
    watch.pty.press("5~\x1b[<0;1;1M");
    busy.run("-A -t 192.0.2.9:82");
    watch.until_shown("192.0.2.9:82");
    // In a text, q is a letter; Ctrl-C ends it all the same.
    watch.press("/q", "a text", |lines| {
        lines.last().unwrap().starts_with("/q_")
    });
    watch.pty.press("\x03");
    assert_eq!(watch.end(), Ending::Status(0));
}

#[test]
fn connections_and_counts_are_moved_in_likewise() {
    let namespace = Namespace::new();
    let connections: Vec<Synced> = (0..60)
        .map(|number: u16| Synced {
            protocol: 6,
            state: 1 + number % 3,
            client: ([10, 1, 0, number as u8].into(), 40000 + number),
            service: ([192, 0, 2, 1].into(), 80),
            server: ([10, 0, 0, 1 + number as u8 % 2].into(), 80),
            is_template: false,
            seconds: 2000 + u32::from(number) * 7 % 61 * 10,
        })
        .collect();
    take_in(&namespace, &connections);
    let client = |lines: &[String]| {
        let rows = lines[..23].iter();
        let rows = rows.filter_map(|line| line.split_once("10.1.0."));
        let rows = rows.map(|(_, rest)| rest.split([':', ' ']).next().unwrap().to_owned());
        rows.collect::<Vec<String>>()
    };
    for format in ["", " --table"] {
        let words = format!("-Lnc --watch 0.3{format}");
        let mut watch = Watch::start(&namespace, &words, 24, 80);
        watch.until_shown(" of 60 connections");
        watch.pty.press("oo");
        let lines = watch.until_shown("of 60 connections, by the clients' addresses");
        assert_eq!(client(&lines)[..3], ["0", "1", "2"], "{lines:?}");
        let lines = watch.press(END, "the end", |lines| {
            client(lines).last().is_some_and(|client| client == "59")
        });
        let titles = match format {
            "" => lines[3].starts_with("pro expire state"),
            _ => lines[4].contains(" Client "),
        };
        assert!(titles, "{lines:?}");
        watch.pty.press("/10.1.0.33:");
        watch.press("\r", "one client", |lines| client(lines) == ["33"]);
        watch.until_shown("1 connection, by the clients' addresses with ");
        watch.pty.press("q");
        assert_eq!(watch.end(), Ending::Status(0));
        let words = format!("-Lnc --count client --watch 0.3{format}");
        let mut watch = Watch::start(&namespace, &words, 24, 80);
        watch.until_shown(" of 60 clients");
        watch.press(END, "the end", |lines| {
            lines.last().unwrap().contains("–60 of 60 clients")
        });
        watch.pty.press("q");
        assert_eq!(watch.end(), Ending::Status(0));
    }
    let mut watch = Watch::start(&namespace, "-Lc --json --watch 0.3", 24, 80);
    watch.until_shown(" lines  ");
    watch.press(END, "the end", |lines| {
        lines
            .iter()
            .any(|line| line.starts_with("]}") || line == "}")
    });
    watch.pty.press("q");
    assert_eq!(watch.end(), Ending::Status(0));
}

#[test]
fn a_row_that_is_not_understood_is_told_of_below_the_others() {
    let namespace = Namespace::new();
    let row = |client: u32, state: &str| {
        format!("TCP C00002{client:02X} 9C40 C0000201 0050 C000020A 0050 {state} 7\n")
    };
    let rows = |state: &str| format!("titles\n{}TCP odd\n{}", row(21, state), row(22, state));
    let (text, with_origins) = (rows("FIN_WAIT"), rows("FIN_WAIT SYNC"));
    namespace.enter(move || {
        lay_over_connections(text.as_bytes());
        std::fs::write("/proc/net/ip_vs_conn_sync", with_origins).unwrap();
    });
    const MESSAGE: &str = "unexpected input from /proc/net/ip_vs_conn";
    let clients = ["192.0.2.21", "192.0.2.22"];
    for words in ["", " --count client", " --table", " --count client --table"] {
        let words = format!("-Lnc --watch{words}");
        let mut watch = Watch::start(&namespace, &words, 24, 80);
        let lines = watch.until_shown(MESSAGE);
        let place = |text: &str| lines.iter().position(|line| line.contains(text));
        let places = [place(clients[0]), place(clients[1]), place(MESSAGE)];
        assert!(places.is_sorted() && places[0].is_some(), "{lines:?}");
        watch.pty.press("q");
        assert_eq!(watch.end(), Ending::Status(0));
    }
    let mut stream = Stream::start(&namespace, "-Lnc --watch 0.2");
    let listing = stream.listing();
    assert_eq!((listing.len(), &*listing[4]), (5, MESSAGE), "{listing:?}");
    stream.leave();
    let mut stream = Stream::start(&namespace, "-Lnc --json --watch 0.2");
    let listed = stream.document();
    assert_eq!(listed["connections"].as_array().unwrap().len(), 2);
    assert_eq!(stream.document()["error"], format!("{MESSAGE}_sync"));
    stream.leave();
}

#[test]
fn a_long_name_is_found_by_any_part_of_it() {
    let namespace = Namespace::new();
    namespace.enter(|| {
        let hosts = Path::new(SCRATCH).join("watch-hosts");
        std::fs::write(&hosts, "10.0.0.11 web-01.prod.eu-west.example.com\n").unwrap();
        let none = None::<&str>;
        mount(Some(&hosts), "/etc/hosts", none, MsFlags::MS_BIND, none).unwrap();
    });
    let rules = "-A -t 192.0.2.1:8001 -s rr\n-a -t 192.0.2.1:8001 -r 10.0.0.11:8011 -m\n\
                 -A -t 192.0.2.2:8002 -s rr\n";
    let filled = namespace.run(&Program::ours(), &Invocation::restore(rules));
    assert_eq!(filled.ending, Ending::Status(0), "{filled}");
    let mut watch = Watch::start(&namespace, "-L --table --watch 0.3", 24, 80);
    watch.until_shown("web-01.prod.eu-west.example.com:8011");
    for part in ["web-01", "example.com", ":8011"] {
        let lines = watch.press(&format!("/{part}\r"), "the filter", |lines| {
            lines.last().unwrap().starts_with("1 service with ")
        });
        assert_eq!(shown_services(&lines), ["192.0.2.1:8001"], "{part}");
        watch.press("\x1b", "all of them", |lines| {
            lines.iter().any(|line| line.contains("192.0.2.2:8002"))
        });
    }
    watch.pty.press("q");
    assert_eq!(watch.end(), Ending::Status(0));
}

/// In every listing but the first, which has measured nothing yet. How calmly they keep their
/// places is shown beside the code.
#[test]
fn by_rate_the_busiest_come_first() {
    let namespace = Namespace::new();
    namespace.ip_batch(
        "address add 192.0.2.10/32 dev lo
         address add 10.0.0.11/32 dev lo",
    );
    let ports = ["53", "54", "55", "56"];
    let rules: String = ports
        .iter()
        .map(|port| {
            format!(
                "-A -u 192.0.2.10:{port} -s rr\n-a -u 192.0.2.10:{port} -r 10.0.0.11:{port} -m\n"
            )
        })
        .collect();
    let filled = namespace.run(&Program::ours(), &Invocation::restore(rules));
    assert_eq!(filled.ending, Ending::Status(0), "{filled}");
    namespace.enter(move || {
        for port in ports {
            let socket = UdpSocket::bind(format!("10.0.0.11:{port}")).unwrap();
            thread::spawn(move || while socket.recv(&mut [0; 100]).is_ok() {});
        }
    });
    let milliseconds = Duration::from_millis;
    let traffic = [
        Traffic::start(&namespace, "192.0.2.10:53", milliseconds(400)),
        Traffic::start(&namespace, "192.0.2.10:54", milliseconds(50)),
        Traffic::start(&namespace, "192.0.2.10:56", milliseconds(48)),
    ];
    let order = |listing: &[String]| -> Vec<String> {
        let services = listing
            .iter()
            .filter_map(|line| line.split_once("192.0.2.10:"));
        services.map(|(_, rest)| rest[..2].to_owned()).collect()
    };
    thread::scope(|scope| {
        for words in ["-Ln --table --order rate", "-Ln --order rate"] {
            let namespace = &namespace;
            scope.spawn(move || {
                let mut stream = Stream::start(namespace, &format!("{words} --watch 2"));
                let first = stream.listing();
                assert_eq!(order(&first), ports, "{words}");
                // From the third on, all have been measured for a whole step.
                let orders: Vec<_> = (0..7).map(|_| order(&stream.listing())).collect();
                stream.leave();
                for order in &orders[2..] {
                    let busiest: BTreeSet<&str> = order[..2].iter().map(String::as_str).collect();
                    assert_eq!(busiest, BTreeSet::from(["54", "56"]), "{words}: {orders:?}");
                    assert_eq!(order[2..], ["53", "55"], "{words}: {orders:?}");
                }
            });
        }
    });
    for traffic in traffic {
        traffic.stop();
    }
}

#[test]
fn no_rate_is_shown_of_a_standstill_nor_taken_over_it() {
    const SERVICE: &str = "UDP 192.0.2.10:53";
    let namespace = Namespace::new();
    namespace.ip_batch("address add 192.0.2.10/32 dev lo\naddress add 10.0.0.11/32 dev lo");
    let rules = "-A -u 192.0.2.10:53 -s rr\n-a -u 192.0.2.10:53 -r 10.0.0.11 -m\n";
    let filled = namespace.run(&Program::ours(), &Invocation::restore(rules));
    assert_eq!(filled.ending, Ending::Status(0), "{filled}");
    let send = |count: usize| {
        namespace.enter(move || {
            let server = UdpSocket::bind("10.0.0.11:53").unwrap();
            for _ in 0..count {
                let socket = UdpSocket::bind("192.0.2.10:0").unwrap();
                socket.send_to(&[0; 72], "192.0.2.10:53").unwrap();
            }
            drop(server);
        });
    };
    let rate = |listing: &[String]| cell(listing, SERVICE, "Conn/s");
    for setting in settings(&namespace) {
        let mut stream = Stream::start(&namespace, "-Ln --table --watch 0.5");
        // Returns the looks up to the first that is wanted. A minute is longer than any takes.
        let mut until = |what: &str, is_wanted: &dyn Fn(&[String]) -> bool| {
            let mut looks = Vec::new();
            while looks
                .last()
                .is_none_or(|look: &Vec<String>| !is_wanted(look))
            {
                assert!(looks.len() < 120, "{setting:?}: no {what}\n{looks:#?}");
                looks.push(stream.listing());
            }
            looks
        };
        until("rate", &|look| rate(look) == Some(0.0));
        setting.stop(&namespace);
        let line = format!("The counters stand still: net.ipv4.vs.{}.", setting.reason);
        until("standstill", &|look| look.contains(&line));
        send(1000);
        namespace.run(&Program::ours(), &Invocation::line("-A -t 192.0.2.10:98"));
        let looks = until("look", &|look| look.concat().contains(":98 "));
        for look in &looks {
            assert!(look.contains(&line) && rate(look).is_none(), "{look:#?}");
        }
        setting.go_on(&namespace);
        namespace.wait_until_counted();
        namespace.run(&Program::ours(), &Invocation::line("-A -t 192.0.2.10:99"));
        let looks = until("look", &|look| look.concat().contains(":99 "));
        let later = until("rate", &|look| rate(look).is_some());
        for look in looks.iter().chain(&later) {
            assert_eq!(rate(look).unwrap_or(0.0), 0.0, "{look:#?}");
        }
        // A kernel that was slow to stop has counted all by then. The first step after it is taken
        // for what was counted meanwhile.
        until("traffic", &|look| {
            send(20);
            rate(look) > Some(0.0)
        });
        stream.leave();
        for service in ["-D -t 192.0.2.10:98", "-D -t 192.0.2.10:99"] {
            namespace.run(&Program::ours(), &Invocation::line(service));
        }
    }
}

/// Here a few looks, for they are in real time; `tests/lab bench looks` takes 10 000.
#[test]
fn no_memory_grows_with_the_looks() {
    let busy = Busy::new();
    thread::scope(|scope| {
        for words in ["-Ln --table", "-Ln --json", "-Lnc --count client"] {
            let namespace = &busy.namespace;
            scope.spawn(move || no_memory_grows_with_the_looks_of(namespace, words));
        }
    });
}

fn no_memory_grows_with_the_looks_of(namespace: &Namespace, words: &str) {
    let mut stream = Stream::start(namespace, &format!("{words} --watch 0.1"));
    let id = stream.process.id();
    let pages = || {
        let text = std::fs::read_to_string(format!("/proc/{id}/statm")).unwrap();
        text.split(' ').nth(1).unwrap().parse::<u64>().unwrap()
    };
    let mut look = |times: usize| {
        for _ in 0..times {
            match words.contains("json") {
                true => drop(stream.next()),
                false => drop(stream.listing()),
            }
        }
    };
    // By then, what is remembered of each service is all there.
    look(80);
    let before = pages();
    look(120);
    assert!(
        pages() <= before + 4,
        "{words}: {before} pages, then {}",
        pages()
    );
    stream.leave();
}

#[test]
fn what_makes_no_sense_is_said_in_one_line() {
    let namespace = Namespace::new();
    for (words, message) in [
        (
            "-L --watch 0",
            "invalid watch interval `0': seconds from 0.1 to 2678400",
        ),
        (
            "-L --watch 1s",
            "invalid watch interval `1s': seconds from 0.1 to 2678400",
        ),
        ("-L --watch --watch", "multiple 'watch' options specified"),
        (
            "-S --watch",
            "Illegal 'watch' option with the 'save' command",
        ),
        (
            "-L --watch --prometheus",
            "The option 'watch' conflicts with the 'prometheus' option in the 'list' command",
        ),
        (
            "-L -c --stats --watch",
            "options conflicts in the list command",
        ),
    ] {
        let outcome = namespace.run(&Program::ours(), &Invocation::line(words));
        assert_eq!(outcome.stderr_text(), format!("{message}\n"), "{words}");
        assert_eq!(outcome.ending, Ending::Status(2), "{words}");
        assert!(outcome.stdout.is_empty(), "{words}");
    }
}
