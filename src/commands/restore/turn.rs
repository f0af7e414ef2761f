//! The turns that restores of one network namespace take.
//!
//! The lock is an abstract Unix socket: its name belongs to the network namespace, as the table
//! does, and the kernel frees it with the process that bound it, however that ends. Who finds the
//! name taken connects to its holder, which never answers, and waits for the connection to end.
//! Anybody may bind the name, and then not listen, or listen without room for us. So only somebody
//! who might restore as well is waited for. Where there is no such lock to be had, the restore goes
//! on without: it converges all the same.

#![forbid(unsafe_code)]

use std::io::{ErrorKind, Read};
use std::os::fd::AsRawFd;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener, UnixStream};
use std::thread;
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::socket::{
    AddressFamily, SockFlag, SockType, UnixAddr, connect, getsockopt, socket, sockopt,
};
use nix::unistd::geteuid;

use crate::commands::console::Console;

/// The name of the lock; a NUL stands before it.
const NAME: &[u8] = b"ipvsadm-restore";

/// The time between two attempts while the holder has the name and does not listen yet.
const MOMENT: Duration = Duration::from_millis(1);

/// The most such attempts in a row: a holder that does not listen by then is no restore.
const MOST_MOMENTS: usize = 1000;

/// The turn, which ends when this is dropped.
pub struct Turn {
    _listener: UnixListener,
}

/// Waits for the turn of this restore. Returns `None` where there are no turns to be had.
pub fn wait(console: &mut Console<'_>) -> Option<Turn> {
    let name = SocketAddr::from_abstract_name(NAME).ok()?;
    let mut has_waited = false;
    let mut moments = 0;
    while moments < MOST_MOMENTS {
        match UnixListener::bind_addr(&name) {
            Ok(listener) => {
                return Some(Turn {
                    _listener: listener,
                });
            }
            Err(fault) if fault.kind() == ErrorKind::AddrInUse => {}
            Err(_) => return None,
        }
        match connect_to_holder() {
            Ok(mut holder) => {
                if !may_restore(&holder) {
                    return None;
                }
                if !has_waited {
                    console.report_that_a_turn_is_awaited();
                    has_waited = true;
                }
                wait_for_end(&mut holder);
                moments = 0;
            }
            // The holder has gone, or does not listen yet.
            Err(Errno::ECONNREFUSED) => {
                thread::sleep(MOMENT);
                moments += 1;
            }
            Err(_) => return None,
        }
    }
    None
}

/// Connects to the holder of the name. Fails where the kernel would wait for room in the queue of
/// those who connect: who listens with a short one might never make any.
fn connect_to_holder() -> nix::Result<UnixStream> {
    let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
    let socket = socket(AddressFamily::Unix, SockType::Stream, flags, None)?;
    connect(socket.as_raw_fd(), &UnixAddr::new_abstract(NAME)?)?;
    let holder = UnixStream::from(socket);
    let made_to_wait = holder.set_nonblocking(false);
    made_to_wait.map_err(|fault| Errno::from_raw(fault.raw_os_error().unwrap_or(libc::EIO)))?;
    Ok(holder)
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
