//! The sync daemon that may be running already: its settings, held against those that are wanted.
//!
//! The kernel chooses what is not named when the daemon starts (`start_sync_thread` in
//! `net/netfilter/ipvs/ip_vs_sync.c`), and shows it as if it had been named. So it is chosen here
//! in the same way.

#![forbid(unsafe_code)]

use std::net::IpAddr;

use crate::diagnose::look::network::Rtnetlink;
use crate::error::{Error, KernelError, Operation};
use crate::ipvs::{Ipvs, sync_daemons};
use crate::model::{KernelName, SyncDaemon, SyncDaemonRole};

const TTL: u8 = 1;
/// The MTU, in bytes, that a master counts on, and a backup at least.
const LEAST_MTU: u32 = 1500;
const LARGEST_MTU: u32 = 65535;
/// The shortest messages, in bytes, for which a backup can be made ready.
const LEAST_LENGTH_OF_BACKUP: u32 = 1024;

/// Returns true if the daemon that runs in this role has these settings; `None` where none runs.
///
/// # Errors
/// The kernel's answer where it refuses to list daemons or interfaces.
pub fn is_running(ipvs: &mut Ipvs, wanted: &SyncDaemon) -> Result<Option<bool>, Error> {
    let fault = |fault| Error::Kernel(Operation::StartDaemon, fault);
    let daemons = ipvs.sync_daemons().map_err(fault)?;
    let running = daemons.iter().find(|daemon| daemon.role == wanted.role);
    running
        .map(|running| is_same(running, wanted).map_err(fault))
        .transpose()
}

/// Returns true if a running daemon has these settings.
///
/// # Errors
/// The kernel's answer where it refuses to list interfaces.
pub fn is_same(running: &SyncDaemon, wanted: &SyncDaemon) -> Result<bool, KernelError> {
    let follows_mtu = wanted.role == SyncDaemonRole::Backup && wanted.max_length.is_none();
    let mtu = match follows_mtu {
        true => mtu(wanted.interface)?,
        false => LEAST_MTU,
    };
    Ok(is_same_with(running, wanted, mtu))
}

/// Returns the MTU of an interface, in bytes; the least where there is no such interface.
fn mtu(name: KernelName) -> Result<u32, KernelError> {
    let interfaces = Rtnetlink::open()?.interfaces()?;
    let interface = interfaces
        .iter()
        .find(|interface| KernelName::from(interface.name.as_str()) == name);
    Ok(interface.map_or(LEAST_MTU, |interface| interface.mtu))
}

fn is_same_with(running: &SyncDaemon, wanted: &SyncDaemon, mtu: u32) -> bool {
    let (group, port) = sync_daemons::group_and_port(wanted);
    // A kernel that does not know a setting does not show it.
    running.interface == wanted.interface
        && running.sync_id == wanted.sync_id
        && is_shown_as(running.group, group)
        && is_shown_as(running.port, port)
        && is_shown_as(running.ttl, wanted.ttl.unwrap_or(TTL))
        && is_shown_as(
            running.max_length.map(u32::from),
            length(wanted, group, mtu),
        )
}

fn is_shown_as<T: PartialEq>(shown: Option<T>, chosen: T) -> bool {
    shown.is_none_or(|shown| shown == chosen)
}

/// Returns the longest message in bytes, without headers, that the kernel comes to.
fn length(wanted: &SyncDaemon, group: IpAddr, mtu: u32) -> u32 {
    let headers = match group {
        IpAddr::V4(_) => 20 + 8,
        IpAddr::V6(_) => 40 + 8,
    };
    let (mtu, least) = match wanted.role {
        SyncDaemonRole::Master => (LEAST_MTU, 1),
        SyncDaemonRole::Backup => (mtu.clamp(LEAST_MTU, LARGEST_MTU), LEAST_LENGTH_OF_BACKUP),
    };
    match wanted.max_length {
        None => mtu - headers,
        Some(length) => u32::from(length).clamp(least, LARGEST_MTU - headers),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn daemon(role: SyncDaemonRole) -> SyncDaemon {
        SyncDaemon {
            role,
            interface: KernelName::from("eth0"),
            sync_id: 0,
            max_length: None,
            group: None,
            port: None,
            ttl: None,
        }
    }

    #[test]
    fn what_is_not_named_is_what_the_kernel_chooses() {
        use SyncDaemonRole::{Backup, Master};
        let group6 = "ff02::81".parse().ok();
        for (role, group, named, mtu, shown) in [
            (Master, None, None, 9000, 1472),
            (Master, group6, None, 9000, 1452),
            (Backup, None, None, 9000, 8972),
            (Backup, None, None, 900, 1472),
            (Backup, group6, None, 1500, 1452),
            (Backup, None, None, 70_000, 65507),
            (Backup, None, Some(500), 1500, 1024),
            (Backup, group6, Some(65507), 1500, 65487),
            (Master, None, Some(500), 1500, 500),
        ] {
            let wanted = SyncDaemon {
                group,
                max_length: named,
                ..daemon(role)
            };
            let running = SyncDaemon {
                group: group.or(Some("224.0.0.81".parse().unwrap())),
                port: Some(8848),
                ttl: Some(1),
                max_length: Some(shown),
                ..wanted
            };
            assert!(is_same_with(&running, &wanted, mtu), "{running:?}");
            for other in [
                SyncDaemon {
                    max_length: Some(shown - 1),
                    ..running
                },
                SyncDaemon {
                    group: "224.0.0.82".parse().ok(),
                    ..running
                },
                SyncDaemon {
                    port: Some(8849),
                    ..running
                },
                SyncDaemon {
                    ttl: Some(2),
                    ..running
                },
                SyncDaemon {
                    sync_id: 1,
                    ..running
                },
                SyncDaemon {
                    interface: KernelName::from("eth1"),
                    ..running
                },
            ] {
                assert!(!is_same_with(&other, &wanted, mtu), "{other:?}");
            }
            // As a kernel shows it that knows neither.
            let old = SyncDaemon {
                max_length: None,
                group: None,
                port: None,
                ttl: None,
                ..running
            };
            assert!(is_same_with(&old, &wanted, mtu));
        }
    }
}
