//! A pseudo-terminal with a program in it: keys are pressed as a person presses them, and what the
//! program writes comes as it is written.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command};
use std::sync::mpsc::{self, Receiver};
use std::time::Duration;

use nix::pty::{Winsize, openpty};

use super::Namespace;

/// The time that a program may take for anything before the test fails: long, for busy machines.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// The terminal, and the program whose controlling terminal it is.
pub struct Pty {
    pub process: Child,
    master: File,
    output: Receiver<Vec<u8>>,
    /// The program's end, which stays open when the program has ended.
    slave: OwnedFd,
    /// The terminal's settings before the program started.
    pub settings_before: libc::termios,
}

impl Pty {
    /// Starts a program in a namespace, on a terminal of this size.
    pub fn start(namespace: &Namespace, mut command: Command, rows: u16, columns: u16) -> Pty {
        let ends = openpty(&size(rows, columns), None).expect("a pseudo-terminal");
        let stream = || File::from(ends.slave.try_clone().expect("a descriptor"));
        command.stdin(stream()).stdout(stream()).stderr(stream());
        // SAFETY: between fork and exec, setsid and ioctl are called, which are safe there, and
        // nothing is allocated.
        unsafe {
            command.pre_exec(|| {
                nix::unistd::setsid()?;
                if libc::ioctl(0, libc::TIOCSCTTY, 0) < 0 {
                    return Err(io::Error::last_os_error());
                }
                Ok(())
            });
        }
        let settings_before = settings(&ends.slave);
        let process = namespace
            .enter(move || command.spawn())
            .expect("the program starts");
        let master = File::from(ends.master);
        let output = read_in_background(master.try_clone().expect("a descriptor"));
        Pty {
            process,
            master,
            output,
            slave: ends.slave,
            settings_before,
        }
    }

    /// Presses keys.
    pub fn press(&mut self, keys: &str) {
        self.master
            .write_all(keys.as_bytes())
            .expect("the program lives");
    }

    /// Returns what the program writes next, or a fault if it writes nothing for long.
    pub fn read(&self) -> Result<Vec<u8>, mpsc::RecvTimeoutError> {
        self.output.recv_timeout(PATIENCE)
    }

    /// Returns what it has written by now.
    pub fn read_what_is_there(&self) -> Vec<u8> {
        self.output.try_iter().flatten().collect()
    }

    /// Gives the terminal another size, of which the program is notified.
    pub fn resize(&self, rows: u16, columns: u16) {
        let size = size(rows, columns);
        // SAFETY: the descriptor is open, and TIOCSWINSZ reads one winsize, which lives to its end.
        let done =
            unsafe { libc::ioctl(self.master.as_raw_fd(), libc::TIOCSWINSZ, &raw const size) };
        assert_eq!(done, 0, "{}", io::Error::last_os_error());
    }

    /// Returns the terminal's present settings.
    pub fn settings(&self) -> libc::termios {
        settings(&self.slave)
    }
}

impl Drop for Pty {
    fn drop(&mut self) {
        // A program that has ended already is no matter here.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn settings(terminal: &OwnedFd) -> libc::termios {
    let settings = nix::sys::termios::tcgetattr(terminal);
    settings.expect("the terminal's settings").into()
}

fn size(rows: u16, columns: u16) -> Winsize {
    Winsize {
        ws_row: rows,
        ws_col: columns,
        ws_xpixel: 0,
        ws_ypixel: 0,
    }
}

/// Reads the terminal's output as it comes: a terminal that is not read from stops its writer.
fn read_in_background(mut from: File) -> Receiver<Vec<u8>> {
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        let mut buffer = [0; 4096];
        // It ends with an error when nobody has the other end open.
        while let Ok(count @ 1..) = from.read(&mut buffer) {
            if sender.send(buffer[..count].to_vec()).is_err() {
                return;
            }
        }
    });
    receiver
}
