//! The turns that restores of one network namespace take.
//!
//! The lock is an abstract Unix socket: its name belongs to the network namespace, as the table
//! does, and the kernel frees it with the process that bound it, however that ends. Who finds the
//! name taken connects to its holder, which never answers, and waits for the connection to end.
//! Anybody may bind the name, so only somebody who might restore as well is waited for. Where there
//! is no such lock to be had, the restore goes on without: it converges all the same.

#![forbid(unsafe_code)]

use std::io::{self, ErrorKind, Read};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener, UnixStream};
use std::thread;
use std::time::Duration;

use nix::sys::socket::{getsockopt, sockopt};
use nix::unistd::geteuid;

use crate::commands::console::Console;

/// The name of the lock; a NUL stands before it.
const NAME: &[u8] = b"ipvsadm-restore";

/// The time between two attempts while the holder has the name and does not listen yet.
const MOMENT: Duration = Duration::from_millis(1);

/// The turn, which ends when this is dropped.
pub struct Turn {
    _listener: UnixListener,
}

/// Waits for the turn of this restore. Returns `None` where there are no turns to be had.
pub fn wait(console: &mut Console<'_>) -> Option<Turn> {
    let name = SocketAddr::from_abstract_name(NAME).ok()?;
    let mut has_waited = false;
    loop {
        match UnixListener::bind_addr(&name) {
            Ok(listener) => {
                return Some(Turn {
                    _listener: listener,
                });
            }
            Err(fault) if fault.kind() == ErrorKind::AddrInUse => {}
            Err(_) => return None,
        }
        match UnixStream::connect_addr(&name) {
            Ok(mut holder) => {
                if !may_restore(&holder) {
                    return None;
                }
                if !has_waited {
                    console.tell_that_a_turn_is_awaited();
                    has_waited = true;
                }
                wait_for_end(&mut holder);
            }
            // The holder has gone, or does not listen yet.
            Err(fault) if is_for_a_moment(&fault) => thread::sleep(MOMENT),
            Err(_) => return None,
        }
    }
}

/// Returns true if the one at the other end is root, or who we are.
fn may_restore(holder: &UnixStream) -> bool {
    getsockopt(holder, sockopt::PeerCredentials)
        .is_ok_and(|peer| peer.uid() == 0 || peer.uid() == geteuid().as_raw())
}

/// Waits until the other end is closed. It sends nothing.
fn wait_for_end(holder: &mut UnixStream) {
    let mut byte = [0];
    while holder
        .read(&mut byte)
        .is_err_and(|fault| fault.kind() == ErrorKind::Interrupted)
    {}
}

fn is_for_a_moment(fault: &io::Error) -> bool {
    matches!(
        fault.kind(),
        ErrorKind::ConnectionRefused | ErrorKind::Interrupted
    )
}
