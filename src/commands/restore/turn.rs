//! The turns that restores of one network namespace take.
//!
//! The lock is an abstract Unix socket: its name belongs to the network namespace, as the table
//! does, and the kernel frees it with the process that bound it, however that ends. Who finds the
//! name taken connects to its holder, which never answers, and waits for the connection to end.
//! Anybody may bind the name, and then not listen, or listen without room for us. So only somebody
//! who might restore as well is waited for, and not for ever: it may have been stopped. Where there
//! is no such lock to be had, the restore goes on without: it converges all the same.

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
use crate::error::errno_of;

/// The name of the lock; a NUL stands before it.
const NAME: &[u8] = b"ipvsadm-restore";

/// The time between two attempts while the holder has the name and does not listen yet.
const MOMENT: Duration = Duration::from_millis(1);

/// The most such attempts in a row: a holder that does not listen by then is no restore.
const MOST_MOMENTS: usize = 1000;

/// The longest wait for one holder. The largest tables take a few seconds.
const LONGEST_WAIT: Duration = Duration::from_secs(30);

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
                let credentials = getsockopt(&holder, sockopt::PeerCredentials).ok()?;
                if ![0, geteuid().as_raw()].contains(&credentials.uid()) {
                    return None;
                }
                if !has_waited {
                    console.report_that_a_turn_is_awaited(credentials.pid());
                    has_waited = true;
                }
                if !ends_in_time(&mut holder) {
                    return None;
                }
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
    made_to_wait.map_err(|fault| Errno::from_raw(errno_of(&fault)))?;
    Ok(holder)
}

/// Waits until the other end, which sends nothing, is closed. Returns false if that takes too long.
fn ends_in_time(holder: &mut UnixStream) -> bool {
    if holder.set_read_timeout(Some(LONGEST_WAIT)).is_err() {
        return false;
    }
    loop {
        match holder.read(&mut [0]) {
            Err(fault) if fault.kind() == ErrorKind::Interrupted => {}
            Err(fault) => return fault.kind() != ErrorKind::WouldBlock,
            Ok(_) => return true,
        }
    }
}
