//! The format of the hand-written scripts: text to steps. Running them is `compare`'s.
//!
//! A script is read line by line; what stands here is all there is:
//!
//! ```text
//! # a comment; empty lines are nothing too
//! with eth0                       the namespace gets an interface eth0 (before the first command)
//! ipvsadm -A -t 192.0.2.1:80      a command: both programs run it and must do the same
//! ipvsadm -R                      …with lines for its standard input
//! | -A -f 1
//! @5 ipvsadm -nL                  a difference we want, by its number in the contract's list:
//! as ipvsadm -Ln                  ours must do what the reference does for this command (which may
//!                                 have lines of input too),
//! @2 ipvsadm -Sn
//! > -A -f 4294967295 -s wlc       or print this on stdout,
//! ! a message                     this on stderr,
//! = 0                             and end with this status (0 where none is given)
//! @crash ipvsadm -A -f 1 -b ,     a command of which the reference dies; the same ways to go on
//! @musl ipvsadm -A -t VIP:80      a difference where ours is built with musl; no such line, none
//! same ipvsadm -ln --nosort       both programs look at the same table, the reference's
//! ```
//!
//! Words are parted by blanks; `'…'` keeps blanks and may be empty; outside quotes and in `|` lines
//! `\t \r \n \0 \\ \s` (a blank) and `\xNN` are one byte. `\c` at the end of a `|` line leaves its
//! newline away. `...` at the end of a `>` or `!` line stands for the rest of that line; alone on
//! one, for all the rest of the output.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;

use crate::support::Invocation;

/// A script that has been read.
#[derive(Debug, Default)]
pub struct Script {
    /// True if the namespaces have an interface `eth0`.
    pub eth0: bool,
    /// The commands in their order.
    pub steps: Vec<Step>,
}

/// One command of a script.
#[derive(Debug)]
pub struct Step {
    /// The number of its line.
    pub line: usize,
    /// The line as it was written.
    pub source: String,
    /// The command itself.
    pub invocation: Invocation,
    /// True if both programs run it in the reference's namespace: the kernel's own order of
    /// services is another in every namespace.
    pub same_table: bool,
    /// The wanted difference from the reference, if any.
    pub difference: Option<Difference>,
}

/// A difference that is wanted.
#[derive(Debug)]
pub struct Difference {
    /// Why there is one.
    pub reason: Reason,
    /// The behaviour of ours.
    pub wanted: Wanted,
}

/// Why ours is to differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// The contract's list of differences says so, under this number.
    Listed(u8),
    /// The reference dies of the command.
    Crash,
    /// Ours is built with musl, whose name services are not those of the reference's glibc.
    Musl,
}

/// A wanted difference from the reference.
#[derive(Debug)]
pub enum Wanted {
    /// The same as the reference for another command.
    SameAs(Invocation),
    /// This output and this status.
    Output {
        /// The lines of stdout, some of them possibly patterns.
        stdout: Vec<String>,
        /// The lines of stderr, some of them possibly patterns.
        stderr: Vec<String>,
        /// The exit status.
        status: i32,
    },
}

impl Script {
    /// Reads a script; a line that is none of the format's is a panic that names it.
    pub fn parse(name: &str, text: &str) -> Self {
        let mut script = Self::default();
        for (index, source) in text.lines().enumerate() {
            let line = index + 1;
            let fault = |what: &str| -> ! { panic!("{name}:{line}: {what}: {source}") };
            let step = script.steps.last_mut();
            match source.split_once(' ').unwrap_or((source, "")) {
                ("", _) | ("#", _) => {}
                ("with", "eth0") if step.is_none() => script.eth0 = true,
                ("|", rules) => match step {
                    Some(Step {
                        difference:
                            Some(Difference {
                                wanted: Wanted::SameAs(other),
                                ..
                            }),
                        ..
                    }) => read_input(&mut other.stdin, rules),
                    Some(step) => read_input(&mut step.invocation.stdin, rules),
                    None => fault("input before any command"),
                },
                ("as", command) => match step.and_then(|step| step.difference.as_mut()) {
                    Some(difference) => difference.wanted = Wanted::SameAs(read_command(command)),
                    None => fault("not after a command marked with @"),
                },
                (mark @ (">" | "!" | "="), rest) => {
                    match step.and_then(|step| step.difference.as_mut()) {
                        Some(Difference {
                            wanted:
                                Wanted::Output {
                                    stdout,
                                    stderr,
                                    status,
                                },
                            ..
                        }) => match mark {
                            ">" => stdout.push(rest.to_owned()),
                            "!" => stderr.push(rest.to_owned()),
                            _ => match rest.parse() {
                                Ok(number) => *status = number,
                                Err(_) => fault("not a status"),
                            },
                        },
                        _ => fault("not after a command marked with @"),
                    }
                }
                (first, rest) => {
                    let difference = first.strip_prefix('@').map(|mark| Difference {
                        reason: match mark.parse() {
                            Ok(number @ 1..=17) => Reason::Listed(number),
                            _ if mark == "crash" => Reason::Crash,
                            _ if mark == "musl" => Reason::Musl,
                            _ => fault("a difference is @1 to @17, @crash or @musl"),
                        },
                        wanted: Wanted::Output {
                            stdout: Vec::new(),
                            stderr: Vec::new(),
                            status: 0,
                        },
                    });
                    let same_table = first == "same";
                    let marked = difference.is_some() || same_table;
                    let invocation = read_command(if marked { rest } else { source });
                    if !invocation.argv0.to_string_lossy().contains("ipvsadm") {
                        fault("neither a command nor anything else of the format");
                    }
                    script.steps.push(Step {
                        line,
                        source: source.to_owned(),
                        invocation,
                        same_table,
                        difference,
                    });
                }
            }
        }
        script
    }
}

/// Returns the words of a command line.
fn read_command(line: &str) -> Invocation {
    let mut words = Vec::new();
    let mut word: Option<Vec<u8>> = None;
    let mut rest = line.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        match byte {
            b' ' => words.extend(word.take()),
            b'\'' => {
                let end = rest
                    .iter()
                    .position(|byte| *byte == b'\'')
                    .unwrap_or_else(|| panic!("a quote is not closed: {line}"));
                word.get_or_insert_default().extend(&rest[..end]);
                rest = &rest[end + 1..];
            }
            b'\\' => word.get_or_insert_default().extend(read_escape(&mut rest)),
            _ => word.get_or_insert_default().push(byte),
        }
    }
    words.extend(word);
    let mut words = words.into_iter().map(OsString::from_vec);
    Invocation {
        argv0: words.next().unwrap_or_default(),
        words: words.collect(),
        stdin: Vec::new(),
    }
}

/// Adds a line of input to `stdin`.
fn read_input(stdin: &mut Vec<u8>, line: &str) {
    let mut rest = line.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        if byte != b'\\' {
            stdin.push(byte);
        } else if rest == b"c" {
            return;
        } else {
            stdin.extend(read_escape(&mut rest));
        }
    }
    stdin.push(b'\n');
}

/// Returns the byte that an escape stands for; `rest` begins after the backslash and is moved past
/// it.
fn read_escape(rest: &mut &[u8]) -> Option<u8> {
    let (&letter, after) = rest
        .split_first()
        .expect("a backslash stands before something");
    *rest = after;
    Some(match letter {
        b't' => b'\t',
        b'r' => b'\r',
        b'n' => b'\n',
        b's' => b' ',
        b'0' => 0,
        b'x' => {
            let (digits, after) = rest.split_at(2);
            *rest = after;
            let digits = std::str::from_utf8(digits).expect("hexadecimal digits");
            u8::from_str_radix(digits, 16).expect("hexadecimal digits")
        }
        other => other,
    })
}
