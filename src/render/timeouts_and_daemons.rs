//! Writes what `-L --timeout` and `-L --daemon` print (`tests/parity/ipvsadm-1.31.md`, section 4).
#![forbid(unsafe_code)]

use crate::model::{SyncDaemon, Timeouts};

/// Appends the line of timeouts.
pub fn write_timeouts(out: &mut Vec<u8>, timeouts: &Timeouts) {
    let Timeouts { tcp, tcp_fin, udp } = timeouts;
    out.extend_from_slice(format!("Timeout (tcp tcpfin udp): {tcp} {tcp_fin} {udp}\n").as_bytes());
}

/// Appends a line for each sync daemon, without what the kernel does not report.
pub fn write_sync_daemons(out: &mut Vec<u8>, daemons: &[SyncDaemon]) {
    for daemon in daemons {
        out.extend_from_slice(daemon.role.word().as_bytes());
        out.extend_from_slice(b" sync daemon (mcast=");
        out.extend_from_slice(daemon.interface.as_bytes());
        let mut rest = format!(", syncid={}", daemon.sync_id);
        if let Some(length) = daemon.max_length {
            rest += &format!(", maxlen={length}");
        }
        if let Some(group) = daemon.group {
            rest += &format!(", group={group}");
        }
        if let Some(port) = daemon.port {
            rest += &format!(", port={port}");
        }
        if let Some(ttl) = daemon.ttl {
            rest += &format!(", ttl={ttl}");
        }
        out.extend_from_slice(rest.as_bytes());
        out.extend_from_slice(b")\n");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{KernelName, SyncDaemonRole};
    use crate::render::order;
    use crate::samples;

    #[test]
    fn timeouts_are_a_line() {
        let mut out = Vec::new();
        write_timeouts(&mut out, &samples::TIMEOUTS);
        assert_eq!(out, b"Timeout (tcp tcpfin udp): 960 75 7200\n");
    }

    #[test]
    fn an_interface_keeps_its_bytes() {
        let daemon = SyncDaemon {
            role: SyncDaemonRole::Backup,
            interface: KernelName::truncated(b"eth\xff"),
            sync_id: 7,
            max_length: None,
            group: None,
            port: None,
            ttl: None,
        };
        let mut out = Vec::new();
        write_sync_daemons(&mut out, &[daemon]);
        assert_eq!(out, b"backup sync daemon (mcast=eth\xff, syncid=7)\n");
    }

    #[test]
    fn what_the_kernel_does_not_tell_of_a_daemon_is_left_out() {
        let bare = SyncDaemon {
            role: SyncDaemonRole::Backup,
            interface: KernelName::from("eth1"),
            sync_id: 7,
            max_length: None,
            group: None,
            port: None,
            ttl: None,
        };
        let mut out = Vec::new();
        let mut daemons = [bare, samples::sync_daemon()];
        order::sort_sync_daemons(&mut daemons);
        write_sync_daemons(&mut out, &daemons);
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "master sync daemon (mcast=eth1, syncid=17, maxlen=1472, group=224.0.0.83, port=8849, \
             ttl=5)\n\
             backup sync daemon (mcast=eth1, syncid=7)\n"
        );
    }
}
