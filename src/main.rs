//! The process: argv, the standard streams, the exit status; nothing else.
//!
//! C's `main` is ours, and nothing of Rust's runtime comes before it: SIGPIPE means what the caller
//! has it mean, and a standard stream that is closed is still seen to be. What the runtime does
//! besides, nothing here needs: argv is read as the C library passes it, and commands write out
//! their output before they return. Without it each command executes some 0.4 million instructions
//! fewer, about a fifth: an `-A` on kernel 6.1 takes 1.58 million, the reference's 1.94 (`tests/lab
//! bench single`).
#![no_main]

use std::ffi::{CStr, OsStr, OsString, c_char, c_int};
use std::io::IsTerminal;
use std::os::fd::BorrowedFd;
use std::os::unix::ffi::OsStrExt;

use ipvsadm::screen::Screen;
use ipvsadm::unbuffered::Unbuffered;
use ipvsadm::{InputKind, Streams};

// Panics abort, but the standard library refers to what would unwind them. As a shared library it
// would cost each command more than all other linking.
#[cfg(target_env = "gnu")]
#[link(name = "gcc_eh", kind = "static")]
unsafe extern "C" {}

/// The C library's entry, glibc's and musl's alike.
// SAFETY: the name is C's for it, and so is the type; there is no other `main`.
#[unsafe(no_mangle)]
extern "C" fn main(count: c_int, words: *const *const c_char) -> c_int {
    let [input, output, errors] = standard_streams();
    let word = |index: c_int| {
        // SAFETY: the C library passes `count` strings that end in NUL, and stay to the end.
        let word = unsafe { CStr::from_ptr(*words.offset(index as isize)) };
        OsStr::from_bytes(word.to_bytes())
    };
    let mut words = (0..count).map(|index| word(index).to_owned());
    let program = words.next().unwrap_or_default();
    let arguments: Vec<OsString> = words.collect();
    let status = ipvsadm::run(
        &program,
        &arguments,
        Streams {
            input: &mut Unbuffered(input),
            output: &mut Unbuffered(output),
            errors: &mut Unbuffered(errors),
            is_interactive: errors.is_terminal(),
            input_kind: || InputKind::of(&std::io::stdin()),
            screen: Screen::of_standard_output,
        },
    );
    c_int::from(status)
}

/// Returns standard input, output and error.
///
/// Opens `/dev/null` for each that is closed, so that no socket takes its number. It is opened the
/// wrong way around: reading standard input or writing the other two stays the fault (EBADF) that
/// it is with a closed stream.
fn standard_streams() -> [BorrowedFd<'static>; 3] {
    let streams = [
        (libc::STDIN_FILENO, libc::O_WRONLY),
        (libc::STDOUT_FILENO, libc::O_RDONLY),
        (libc::STDERR_FILENO, libc::O_RDONLY),
    ];
    streams.map(|(number, wrong_way)| {
        // SAFETY: the calls take numbers, and a string that ends in NUL. The kernel gives the
        // lowest free number, which is this one. Nobody closes it.
        unsafe {
            if libc::fcntl(number, libc::F_GETFD) == -1
                && libc::open(c"/dev/null".as_ptr(), wrong_way) != number
            {
                libc::abort();
            }
            BorrowedFd::borrow_raw(number)
        }
    })
}
