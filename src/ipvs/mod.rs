//! The kernel's side: a generic netlink client for IPVS whose methods are called as the domain
//! calls things.
//!
//! `socket` moves messages, `requests` and `replies` know what they say, `attributes` how they are
//! laid out, `batch` collects changes, `steady` makes dumps of a moving table one that is right.
//! `connections` reads the connections, which the kernel gives in a file and not over netlink, and
//! `settings`, `status` and `sync_daemons` other files of its own. The client neither prints nor
//! decides.

pub mod attributes;
mod batch;
pub mod connections;
mod constants;
pub mod replies;
pub mod requests;
pub mod settings;
pub mod socket;
pub mod status;
pub mod steady;
pub mod sync_daemons;

use std::env;
use std::ffi::CString;
use std::hash::Hash;
use std::os::unix::ffi::OsStrExt;

use neli::consts::nl::GenlId;
use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::spawn::{PosixSpawnAttr, PosixSpawnFileActions, posix_spawn};
use nix::sys::socket::{SockFlag, SockProtocol, SockType};
use nix::sys::stat::Mode;
use nix::sys::wait::waitpid;

use crate::error::KernelError;
use crate::model::{
    Change, DestinationState, KernelInfo, ServiceIdentity, ServiceState, SyncDaemon, Timeouts,
};
use attributes::{Attributes, Writer};
use batch::Batch;
use constants::*;
use socket::Socket;
use steady::Cut;

/// The part that is read of services and destinations. Counters and rates are most of what the
/// kernel sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Detail {
    /// Counters and rates stay 0.
    WithoutStatistics,
    /// Counters and rates are read.
    WithStatistics,
}

/// A connection to the kernel's IPVS.
pub struct Ipvs {
    socket: Socket,
    family: u16,
    batch: Batch,
    info: Option<KernelInfo>,
}

impl Ipvs {
    /// Opens the connection. If the kernel has no IPVS, loads the module and tries once more, as
    /// the reference does.
    ///
    /// # Errors
    /// `ENOPROTOOPT` where there is no IPVS, `EPERM` where there is none and we are not privileged;
    /// else what the socket said.
    pub fn open() -> Result<Ipvs, KernelError> {
        let opened = match Ipvs::open_loaded() {
            Err(KernelError::Errno(Errno::ENOENT)) => {
                // If this fails, the family is not found the next time either.
                let _ = load_module();
                Ipvs::open_loaded()
            }
            opened => opened,
        };
        opened.map_err(|fault| match fault {
            KernelError::Errno(Errno::ENOENT) => KernelError::Errno(errno_without_ipvs()),
            fault => fault,
        })
    }

    /// Opens the connection if the kernel has IPVS already.
    ///
    /// # Errors
    /// `ENOENT` where it has not.
    pub fn open_loaded() -> Result<Ipvs, KernelError> {
        let mut socket = Socket::open()?;
        let family = find_family(&mut socket)?;
        let batch = Batch::new(socket.changes_held());
        Ok(Ipvs {
            socket,
            family,
            batch,
            info: None,
        })
    }

    /// Returns version and table size. Doubles as the permission check. Cached: the reference asks
    /// once, and kernels from 7.2 on resize the table later.
    ///
    /// # Errors
    /// `EPERM` without `CAP_NET_ADMIN`.
    pub fn info(&mut self) -> Result<KernelInfo, KernelError> {
        if let Some(info) = self.info {
            return Ok(info);
        }
        let info = self
            .socket
            .query(self.family, IPVS_CMD_GET_INFO, |_| {}, replies::read_info)?;
        self.info = Some(info);
        Ok(info)
    }

    /// Makes [`Ipvs::info`] ask the kernel again.
    pub fn forget_info(&mut self) {
        self.info = None;
    }

    /// Returns all virtual services, in the kernel's order but for those that come and go
    /// meanwhile.
    ///
    /// # Errors
    /// The kernel's refusal, or a fault of the socket.
    pub fn services(&mut self, detail: Detail) -> Result<Vec<ServiceState>, KernelError> {
        let mut services = Vec::new();
        self.steady_dump(
            IPVS_CMD_GET_SERVICE,
            |_| {},
            &mut services,
            |attributes| replies::read_service(attributes, detail),
            |state| state.service.identity,
        )?;
        Ok(services)
    }

    /// Returns one virtual service, with statistics.
    ///
    /// # Errors
    /// `ESRCH` where there is no such service.
    pub fn service(&mut self, identity: &ServiceIdentity) -> Result<ServiceState, KernelError> {
        self.socket.query(
            self.family,
            IPVS_CMD_GET_SERVICE,
            |writer| requests::write_service_identity(writer, identity),
            |attributes| replies::read_service(attributes, Detail::WithStatistics),
        )
    }

    /// Replaces `destinations` by those of a virtual service, in the kernel's order. A service that
    /// does not exist has none: the kernel makes no difference.
    ///
    /// # Errors
    /// The kernel's refusal, or a fault of the socket.
    pub fn destinations(
        &mut self,
        service: &ServiceIdentity,
        detail: Detail,
        destinations: &mut Vec<DestinationState>,
    ) -> Result<(), KernelError> {
        let family = service.family();
        self.steady_dump(
            IPVS_CMD_GET_DEST,
            |writer| requests::write_service_identity(writer, service),
            destinations,
            |attributes| replies::read_destination(attributes, family, detail),
            |state| state.destination.identity,
        )
    }

    /// Returns the timeouts, in seconds.
    ///
    /// # Errors
    /// The kernel's refusal, or a fault of the socket.
    pub fn timeouts(&mut self) -> Result<Timeouts, KernelError> {
        self.socket.query(
            self.family,
            IPVS_CMD_GET_CONFIG,
            |_| {},
            replies::read_timeouts,
        )
    }

    /// Returns the running sync daemons, in the kernel's order.
    ///
    /// # Errors
    /// The kernel's refusal, or a fault of the socket.
    pub fn sync_daemons(&mut self) -> Result<Vec<SyncDaemon>, KernelError> {
        let mut daemons = Vec::new();
        self.socket.dump(
            self.family,
            IPVS_CMD_GET_DAEMON,
            |_| {},
            &mut daemons,
            replies::read_sync_daemon,
        )?;
        Ok(daemons)
    }

    /// Queues a change for [`Ipvs::send_queued`], which is due if this returns `true`: there is no
    /// room for another.
    pub fn queue(&mut self, change: &Change) -> bool {
        let sequence = self.socket.next_sequence();
        self.batch.push(self.family, sequence, change);
        self.batch.is_full()
    }

    /// Sends the queued changes. Calls `refused(index, error)` for each rejected one, in order.
    ///
    /// # Errors
    /// Socket failures only.
    pub fn send_queued(
        &mut self,
        refused: impl FnMut(usize, KernelError),
    ) -> Result<(), KernelError> {
        if self.batch.is_empty() {
            return Ok(());
        }
        if self.batch.needs_fence() {
            let sequence = self.socket.next_sequence();
            self.batch.push_fence(sequence);
        }
        let (requests, first, last) = self.batch.requests();
        let outcome = self.socket.send_batch(requests, first, last, refused);
        self.batch.clear();
        outcome
    }

    /// Makes one change.
    ///
    /// # Errors
    /// The kernel's refusal.
    pub fn change(&mut self, change: &Change) -> Result<(), KernelError> {
        self.queue(change);
        let mut verdict = Ok(());
        self.send_queued(|_, fault| verdict = Err(fault))?;
        verdict
    }

    /// Reads all entries of a kind, none of them lost or twice whatever others change meanwhile.
    fn steady_dump<T, I: Eq + Hash>(
        &mut self,
        command: u8,
        fill: impl Fn(&mut Writer<'_>),
        items: &mut Vec<T>,
        read: impl Fn(Attributes<'_>) -> Result<T, KernelError>,
        identity: impl Fn(&T) -> I,
    ) -> Result<(), KernelError> {
        let (socket, family) = (&mut self.socket, self.family);
        steady::read(items, identity, |cut, items| match cut {
            Cut::AsUsual => socket.dump(family, command, &fill, items, &read),
            Cut::Shifted(shift) => Socket::open()?
                .with_shifted_datagrams(shift)
                .dump(family, command, &fill, items, &read),
        })
    }
}

fn find_family(socket: &mut Socket) -> Result<u16, KernelError> {
    socket.query(
        u16::from(GenlId::Ctrl),
        CTRL_CMD_GETFAMILY,
        |writer| writer.bytes(CTRL_ATTR_FAMILY_NAME, IPVS_GENL_NAME),
        replies::read_family_id,
    )
}

/// Loads `ip_vs`. Standard input is not modprobe's: under `-R` it holds the rules.
///
/// `std::process::Command` would do the same. But it refers to 24 functions of the C library that
/// nothing else here needs. The standard library has its functions looked up at the start, which
/// takes a fiftieth of each command's instructions.
fn load_module() -> nix::Result<()> {
    let mut files = PosixSpawnFileActions::init()?;
    files.add_open(
        libc::STDIN_FILENO,
        "/dev/null",
        OFlag::O_RDONLY,
        Mode::empty(),
    )?;
    let words = [c"/sbin/modprobe", c"--", c"ip_vs"];
    let environment: Vec<CString> = env::vars_os()
        .filter_map(|(name, value)| {
            CString::new([name.as_bytes(), b"=", value.as_bytes()].concat()).ok()
        })
        .collect();
    let attributes = PosixSpawnAttr::init()?;
    let modprobe = posix_spawn(words[0], &files, &attributes, &words, &environment)?;
    waitpid(modprobe, None).map(drop)
}

/// Returns why there is no IPVS. The reference turns to the older interface then, which begins with
/// a raw socket, so that is the fault of whoever may not open one.
fn errno_without_ipvs() -> Errno {
    let raw = nix::sys::socket::socket(
        nix::sys::socket::AddressFamily::Inet,
        SockType::Raw,
        SockFlag::SOCK_CLOEXEC,
        SockProtocol::Raw,
    );
    raw.err().unwrap_or(Errno::ENOPROTOOPT)
}
