//! Of the sync daemons: who goes over to the other director keeps his connection only if it was
//! learnt there. No client waits for that now, so nothing here is a fault.

#![forbid(unsafe_code)]

use crate::diagnose::facts::{Facts, Interface};
use crate::diagnose::findings::{Basis, Claim, Finding};
use crate::model::{Change, SyncDaemon, SyncDaemonRole};

use super::{counted, listed};

/// Room for what a master sends while its backup is busy, in bytes.
const ROOM: u64 = 4 * 1024 * 1024;

pub fn overflow(facts: &Facts) -> Vec<Finding> {
    let director = &facts.director;
    let Some(backup) = director.daemon(SyncDaemonRole::Backup) else {
        return Vec::new();
    };
    let (dropped, added) = (director.sync_drops, director.sync_drops_added);
    if dropped == 0 {
        return Vec::new();
    }
    let text = format!(
        "{} found no room at the backup daemon's socket since it was started, {added} of them in \
         half a second: the connections in them are not known here.",
        counted(dropped, "datagram")
    );
    let (basis, claim) = match added {
        0 => (Basis::State, Claim::Informs),
        _ => (Basis::Traffic, Claim::HurtsSome),
    };
    let settings = director.settings;
    let room = ROOM.max(2 * settings.sync_sock_size);
    let mut finding = Finding::new(basis, claim, text)
        .seen("dropped", dropped)
        .seen("dropped_in_half_a_second", added)
        .seen("sync_sock_size", settings.sync_sock_size);
    // The kernel gives no socket more.
    if settings.rmem_max.is_none_or(|most| most < room) {
        finding = finding.by_setting_of_machine("net.core.rmem_max", room);
    }
    finding = finding.by_setting("net.ipv4.vs.sync_sock_size", room);
    vec![restarted(finding, backup, *backup)]
}

pub fn alone(facts: &Facts) -> Vec<Finding> {
    let daemons = &facts.director.daemons;
    let mut found: Vec<Finding> = daemons
        .iter()
        .filter_map(|daemon| cut_off(facts, daemon))
        .collect();
    found.extend(apart(facts));
    found
}

/// The interface of a daemon is that of nobody else.
fn cut_off(facts: &Facts, daemon: &SyncDaemon) -> Option<Finding> {
    let mut interfaces = facts.director.interfaces.iter();
    let is_its = |interface: &&Interface| interface.name.as_bytes() == daemon.interface.as_bytes();
    let interface = interfaces.find(is_its)?;
    if interface.is_loopback || interface.is_up && interface.can_be_reached() {
        return None;
    }
    let name = &interface.name;
    let state = match interface.is_up {
        true => "has no link. Is its cable in?",
        false => "is down.",
    };
    let does = match daemon.role {
        SyncDaemonRole::Master => "is heard by nobody",
        SyncDaemonRole::Backup => "hears nobody",
    };
    let role = daemon.role.word();
    let text = format!("The {role} daemon {does}: its interface {name} {state}");
    let finding = Finding::new(Basis::State, Claim::HurtsSome, text)
        .seen("role", role)
        .seen("interface", name.as_str())
        .seen("is_up", interface.is_up);
    Some(match interface.is_up {
        true => finding,
        false => finding.here(format!("ip link set {name} up")),
    })
}

/// Master and backup are of one group of directors, and would not hear each other.
fn apart(facts: &Facts) -> Option<Finding> {
    let director = &facts.director;
    let master = director.daemon(SyncDaemonRole::Master)?;
    let backup = director.daemon(SyncDaemonRole::Backup)?;
    if master.sync_id != backup.sync_id {
        return None;
    }
    let is_cut =
        matches!((master.max_length, backup.max_length), (Some(sent), Some(read)) if read < sent);
    let differing: Vec<&str> = [
        (master.interface != backup.interface, "interface"),
        (master.group != backup.group, "group"),
        (master.port != backup.port, "port"),
        (is_cut, "length"),
    ]
    .into_iter()
    .filter_map(|(differs, what)| differs.then_some(what))
    .collect();
    if differing.is_empty() {
        return None;
    }
    let text = format!(
        "Master and backup daemon here have syncid {} both, and differ in {}: of two directors \
         that are set up like this one, neither understands the other.",
        master.sync_id,
        listed(&differing)
    );
    let finding = Finding::new(Basis::State, Claim::Informs, text)
        .seen("sync_id", master.sync_id)
        .seen("differing", differing);
    let alike = SyncDaemon {
        role: SyncDaemonRole::Backup,
        ..*master
    };
    Some(restarted(finding, backup, alike))
}

/// Starts a daemon anew, which forgets no connection.
fn restarted(finding: Finding, daemon: &SyncDaemon, wanted: SyncDaemon) -> Finding {
    finding
        .by(&Change::StopDaemon(daemon.role, daemon.sync_id))
        .by(&Change::StartDaemon(wanted))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnose::checks::samples::{INNER, NONE, commands, daemon, findings, found};
    use crate::diagnose::findings::Level;

    const MASTER: SyncDaemonRole = SyncDaemonRole::Master;
    const BACKUP: SyncDaemonRole = SyncDaemonRole::Backup;
    const START: &str = "ipvsadm --start-daemon backup --mcast-interface inner --syncid 17 \
                         --sync-maxlen 1472 --mcast-group 224.0.0.83 --mcast-port 8849 \
                         --mcast-ttl 5";

    #[test]
    fn what_found_no_room_is_a_risk_while_it_happens() {
        let with = |dropped, added, role| {
            move |facts: &mut Facts| {
                facts.director.daemons = vec![daemon(role)];
                facts.director.sync_drops = dropped;
                facts.director.sync_drops_added = added;
            }
        };
        assert_eq!(found(with(9, 4, MASTER)), NONE);
        assert_eq!(found(with(0, 0, BACKUP)), NONE);
        assert_eq!(found(with(9, 0, BACKUP)), [("sync-overflow", Level::Note)]);
        let findings = findings(with(9, 4, BACKUP));
        assert_eq!(
            (findings[0].id, findings[0].level),
            ("sync-overflow", Level::Risk)
        );
        assert_eq!(
            commands(&findings[0]),
            [
                "sysctl -w net.core.rmem_max=4194304",
                "sysctl -w net.ipv4.vs.sync_sock_size=4194304",
                "ipvsadm --stop-daemon backup --syncid 17",
                START,
            ]
        );
    }

    #[test]
    fn more_room_than_was_given_is_asked_for() {
        let findings = findings(|facts| {
            facts.director.daemons = vec![daemon(BACKUP)];
            facts.director.sync_drops = 1;
            facts.director.settings.sync_sock_size = 5_000_000;
            facts.director.settings.rmem_max = Some(10_000_000);
        });
        assert_eq!(
            commands(&findings[0])[0],
            "sysctl -w net.ipv4.vs.sync_sock_size=10000000"
        );
    }

    #[test]
    fn nobody_is_at_the_end_of_an_interface_without_a_link() {
        let with = |is_up, has_link| {
            move |facts: &mut Facts| {
                facts.director.daemons = vec![daemon(BACKUP)];
                let mut interfaces = facts.director.interfaces.iter_mut();
                let inner = interfaces.find(|interface| interface.index == INNER);
                let inner = inner.unwrap();
                (inner.is_up, inner.has_link) = (is_up, has_link);
            }
        };
        assert_eq!(found(with(true, true)), NONE);
        assert_eq!(found(with(true, false)), [("sync-alone", Level::Risk)]);
        let findings = findings(with(false, false));
        assert_eq!(commands(&findings[0]), ["ip link set inner up"]);
    }

    #[test]
    fn daemons_of_one_number_are_to_be_alike() {
        let with = |spoil: fn(&mut SyncDaemon)| {
            move |facts: &mut Facts| {
                let mut backup = daemon(BACKUP);
                spoil(&mut backup);
                facts.director.daemons = vec![daemon(MASTER), backup];
            }
        };
        assert_eq!(found(with(|_| ())), NONE);
        assert_eq!(found(with(|backup| backup.ttl = Some(1))), NONE);
        assert_eq!(found(with(|backup| backup.max_length = Some(1473))), NONE);
        let another: fn(&mut SyncDaemon) = |backup| {
            backup.sync_id = 18;
            backup.port = Some(8850);
        };
        assert_eq!(found(with(another)), NONE);
        let spoils: [fn(&mut SyncDaemon); 4] = [
            |backup| backup.interface = "public".into(),
            |backup| backup.group = Some([224, 0, 0, 84].into()),
            |backup| backup.port = Some(8850),
            |backup| backup.max_length = Some(1471),
        ];
        for (spoil, what) in spoils
            .into_iter()
            .zip(["interface", "group", "port", "length"])
        {
            let findings = findings(with(spoil));
            assert_eq!(
                (findings[0].id, findings[0].level),
                ("sync-alone", Level::Note)
            );
            assert_eq!(findings[0].evidence[1].1[0], what);
            assert_eq!(
                commands(&findings[0]),
                ["ipvsadm --stop-daemon backup --syncid 17", START]
            );
        }
    }
}
