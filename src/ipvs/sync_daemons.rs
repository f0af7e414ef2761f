//! Finds out how well sync daemons do, which netlink does not say: what they have learnt is seen in
//! the list of connections, what they have missed at the kernel's own sockets.

#![forbid(unsafe_code)]

use std::net::{IpAddr, Ipv4Addr};

use super::connections;
use crate::model::{SyncDaemon, SyncDaemonRole, SyncDaemonState};
use crate::sockets::{self, Socket};

/// The group and port that the kernel chooses where none are named (`IP_VS_SYNC_GROUP`,
/// `IP_VS_SYNC_PORT`); older kernels have no others, and say none.
const DEFAULT_GROUP: Ipv4Addr = Ipv4Addr::new(224, 0, 0, 81);
const DEFAULT_PORT: u16 = 8848;

/// Returns a daemon with what is to be seen of it.
pub fn state(daemon: SyncDaemon) -> SyncDaemonState {
    let is_backup = daemon.role == SyncDaemonRole::Backup;
    SyncDaemonState {
        daemon,
        learnt: is_backup.then(connections::count_learnt).flatten(),
        dropped: is_backup.then(|| dropped(&daemon)).flatten(),
    }
}

/// Returns the multicast group of a daemon, and its first port.
pub fn group_and_port(daemon: &SyncDaemon) -> (IpAddr, u16) {
    (
        daemon.group.unwrap_or(DEFAULT_GROUP.into()),
        daemon.port.unwrap_or(DEFAULT_PORT),
    )
}

/// Returns the datagrams that found no room at a backup's sockets.
pub fn dropped(daemon: &SyncDaemon) -> Option<u64> {
    let (group, port) = group_and_port(daemon);
    let list = match group {
        IpAddr::V4(_) => "udp",
        IpAddr::V6(_) => "udp6",
    };
    let sockets = sockets::list(list)?.filter(|socket| socket.address == group);
    sum(port, sockets.collect())
}

/// Adds up what the sockets of a daemon dropped: with `sync_ports`, it has one at each of so many
/// ports on end. `None` if it has none.
fn sum(first_port: u16, sockets: Vec<Socket>) -> Option<u64> {
    let at = |port: u16| sockets.iter().find(|socket| socket.port == port)?.drops;
    let drops = (first_port..=u16::MAX).map_while(at);
    drops.reduce(|all, drops| all + drops)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_daemon_has_sockets_at_ports_on_end() {
        let sockets = [(8850, 4), (8848, 1), (8849, 2), (8852, 8)].map(|(port, drops)| Socket {
            address: DEFAULT_GROUP.into(),
            port,
            state: 7,
            drops: Some(drops),
        });
        assert_eq!(sum(8848, sockets.to_vec()), Some(7));
        assert_eq!(sum(8852, sockets.to_vec()), Some(8));
        assert_eq!(sum(8847, sockets.to_vec()), None);
    }
}
