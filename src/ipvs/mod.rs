//! The kernel: a generic netlink client for IPVS, whose verbs read like the domain.
//!
//! One socket and one look-up of the family serve the process for its life. `socket` moves messages, `requests` and
//! `replies` know what they say, `attributes` how they are laid out, `batch` gathers changes. The client neither prints nor
//! decides: it carries out what it is told and gives back what the kernel said.

mod attributes;
mod batch;
pub mod connections;
mod constants;
mod replies;
mod requests;
mod socket;

use std::process::Command as Program;

use neli::consts::nl::GenlId;
use nix::errno::Errno;

use crate::error::KernelError;
use crate::model::{
    Change, DestinationState, KernelInfo, ServiceIdentity, ServiceState, SyncDaemon, Timeouts,
    VirtualService,
};
use attributes::Writer;
use batch::Batch;
use constants::*;
use replies::{DestinationReader, Reader, ServiceReader, ServiceStateReader};
use socket::Socket;

/// How often a table that changes is looked at before it is given up. Two looks at a table of 10 000 services lie some
/// milliseconds apart; whoever changes it faster than that, all the time, leaves no moment to list.
const MOST_LOOKS: usize = 100;

/// How much of a destination is read. Counters and rates are most of what the kernel tells of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Detail {
    /// All but counters and rates, which stay 0.
    WithoutStatistics,
    /// All.
    WithStatistics,
}

/// A connection to the kernel's IPVS.
pub struct Ipvs {
    socket: Socket,
    family: u16,
    batch: Batch,
    destination_reader: DestinationReader,
    info: Option<KernelInfo>,
}

impl Ipvs {
    /// Opens the connection. Where the family is missing, the module is loaded as the reference loads it, and the family
    /// asked for once more.
    ///
    /// # Errors
    /// `ENOPROTOOPT` where there is no IPVS; else what the socket said.
    pub fn open() -> Result<Ipvs, KernelError> {
        let mut socket = Socket::open()?;
        let family = match find_family(&mut socket) {
            Err(KernelError::Errno(Errno::ENOENT)) => {
                load_module();
                find_family(&mut socket)
            }
            found => found,
        };
        match family {
            Ok(family) => {
                let batch = Batch::new(socket.refusals_held());
                Ok(Ipvs {
                    socket,
                    family,
                    batch,
                    destination_reader: DestinationReader::default(),
                    info: None,
                })
            }
            Err(KernelError::Errno(Errno::ENOENT)) => Err(KernelError::Errno(Errno::ENOPROTOOPT)),
            Err(fault) => Err(fault),
        }
    }

    /// What the kernel tells of IPVS itself. Everything here takes the same privilege, so this tells as well whether we
    /// have it. It is asked once: the reference asks when it starts, and so a listing among the rules of `-R` shows the
    /// table's size of then, which kernels from 7.2 on change with the first service.
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

    /// All virtual services, in the kernel's order.
    ///
    /// # Errors
    /// What the kernel said.
    pub fn services(&mut self) -> Result<Vec<VirtualService>, KernelError> {
        self.dump_services(&mut ServiceReader::default())
    }

    /// All virtual services with their counters and rates, in the kernel's order.
    ///
    /// # Errors
    /// What the kernel said.
    pub fn service_states(&mut self) -> Result<Vec<ServiceState>, KernelError> {
        self.dump_services(&mut ServiceStateReader::default())
    }

    fn dump_services<R: Reader>(&mut self, reader: &mut R) -> Result<Vec<R::Item>, KernelError> {
        let mut services = Vec::new();
        steady_dump(
            &mut self.socket,
            self.family,
            IPVS_CMD_GET_SERVICE,
            |_| {},
            &mut services,
            reader,
        )?;
        Ok(services)
    }

    /// One virtual service with its counters and rates.
    ///
    /// # Errors
    /// `ESRCH` where there is none.
    pub fn service(&mut self, identity: &ServiceIdentity) -> Result<ServiceState, KernelError> {
        self.socket.query(
            self.family,
            IPVS_CMD_GET_SERVICE,
            |writer| requests::write_service_identity(writer, identity),
            |attributes| ServiceStateReader::default().read(attributes),
        )
    }

    /// Reads the destinations of a virtual service into `destinations`, in so much detail, in the kernel's order. None for
    /// a service that is not there: the kernel makes no difference.
    ///
    /// # Errors
    /// What the kernel said.
    pub fn destinations(
        &mut self,
        service: &ServiceIdentity,
        detail: Detail,
        destinations: &mut Vec<DestinationState>,
    ) -> Result<(), KernelError> {
        self.destination_reader.begin(service.family(), detail);
        steady_dump(
            &mut self.socket,
            self.family,
            IPVS_CMD_GET_DEST,
            |writer| requests::write_service_identity(writer, service),
            destinations,
            &mut self.destination_reader,
        )
    }

    /// The timeouts.
    ///
    /// # Errors
    /// What the kernel said.
    pub fn timeouts(&mut self) -> Result<Timeouts, KernelError> {
        self.socket.query(
            self.family,
            IPVS_CMD_GET_CONFIG,
            |_| {},
            replies::read_timeouts,
        )
    }

    /// The sync daemons that run.
    ///
    /// # Errors
    /// What the kernel said.
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

    /// Puts a change behind those that wait to be carried out together. `true` where there is no room for another:
    /// [`Ipvs::send_queued`] is due.
    pub fn queue(&mut self, change: &Change) -> bool {
        let sequence = self.socket.next_sequence();
        self.batch.push(self.family, sequence, change);
        self.batch.is_full()
    }

    /// Carries out the changes that wait, in their order, and tells `refused` of each that the kernel refused, by its
    /// place among them, counted from 0.
    ///
    /// # Errors
    /// What befell the socket. The kernel's refusals are none.
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

    /// Carries out one change.
    ///
    /// # Errors
    /// What the kernel refused it with.
    pub fn apply(&mut self, change: &Change) -> Result<(), KernelError> {
        self.queue(change);
        let mut verdict = Ok(());
        self.send_queued(|_, fault| verdict = Err(fault))?;
        verdict
    }
}

/// Dumps until the dump is of one moment: it came in one datagram, or a second look finds the same. The kernel
/// counts its way through a list that others change; between two datagrams of a dump it loses or repeats entries
/// that nobody touched, and does not tell.
fn steady_dump<R: Reader>(
    socket: &mut Socket,
    family: u16,
    command: u8,
    fill: impl Fn(&mut Writer<'_>),
    items: &mut Vec<R::Item>,
    reader: &mut R,
) -> Result<(), KernelError> {
    for _ in 0..MOST_LOOKS {
        let pieces = socket.dump(family, command, &fill, items, |attributes| {
            reader.read(attributes)
        })?;
        if pieces <= 1 {
            return Ok(());
        }
        if command == IPVS_CMD_GET_DEST {
            // Of services there is one dump; of destinations there are as many as services, and the next one's may
            // fit where these do not.
            socket.ask_for_larger_datagrams();
        }
        let mut differences = 0;
        let mut before = items.iter();
        let mut seen = Vec::new();
        socket.dump(family, command, &fill, &mut seen, |attributes| {
            let now = reader.read_identity(attributes)?;
            let is_there = before.next().is_some_and(|item| R::identity(item) == now);
            differences += usize::from(!is_there);
            Ok(())
        })?;
        if differences == 0 && before.next().is_none() {
            return Ok(());
        }
    }
    Err(KernelError::Unsteady)
}

fn find_family(socket: &mut Socket) -> Result<u16, KernelError> {
    socket.query(
        u16::from(GenlId::Ctrl),
        libc::CTRL_CMD_GETFAMILY as u8,
        |writer| writer.bytes(libc::CTRL_ATTR_FAMILY_NAME as u16, IPVS_GENL_NAME),
        replies::read_family_id,
    )
}

/// Loads `ip_vs`. Whether that worked shows when the family is asked for again.
fn load_module() {
    let _ = Program::new("/sbin/modprobe")
        .args(["--", "ip_vs"])
        .status();
}
