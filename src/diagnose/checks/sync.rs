//! Checks of the sync daemons: who goes over to the other director keeps his connection only if it was
//! learnt there. No client waits for that now, so nothing here is a fault.

#![forbid(unsafe_code)]

use std::collections::BTreeSet;
use std::time::Duration;

use crate::diagnose::facts::{Facts, Interface};
use crate::diagnose::findings::{Basis, Claim, Finding};
use crate::diagnose::listen::sync::Master;
use crate::ipvs::sync_daemons::group_and_port;
use crate::model::{Change, SyncDaemon, SyncDaemonRole};

use super::{counted, listed};

/// Room for what a master sends while its backup is busy, in bytes.
const ROOM: u64 = 4 * 1024 * 1024;

/// A master sends what it has to say within two seconds.
const LONG_ENOUGH: Duration = Duration::from_secs(5);

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

/// A master that has nothing to say is silent, so who is not heard may be there.
pub fn unheard(facts: &Facts) -> Vec<Finding> {
    let backup = facts.director.daemon(SyncDaemonRole::Backup);
    let (Some(listened), Some(backup)) = (&facts.listened, backup) else {
        return Vec::new();
    };
    if listened.duration < LONG_ENOUGH || listened.packets_lost > 0 {
        return Vec::new();
    }
    let (group, port) = group_and_port(backup);
    let heard: Vec<&Master> = listened
        .masters
        .iter()
        .filter(|master| (master.group, master.port) == (group, port))
        .collect();
    let id = backup.sync_id;
    let is_heeded = |master: &&Master| id == 0 || u32::from(master.sync_id) == id;
    if heard.iter().any(is_heeded) {
        return Vec::new();
    }
    let seconds = listened.seconds();
    let ids: BTreeSet<u8> = heard.iter().map(|master| master.sync_id).collect();
    let ids: Vec<u8> = ids.into_iter().collect();
    let shown: Vec<String> = ids.iter().map(u8::to_string).collect();
    let addresses: Vec<String> = heard.iter().map(|it| it.address.to_string()).collect();
    // Where the master of that number is here, the other one is a backup, and says nothing.
    let master = facts.director.daemon(SyncDaemonRole::Master);
    let claim = match master.is_some_and(|master| master.sync_id == id) {
        true => Claim::Informs,
        false => Claim::HurtsSome,
    };
    let (claim, text) = match heard.is_empty() {
        true => (
            Claim::Informs,
            format!(
                "The backup daemon heard no master in {seconds} s: there is none, or its messages \
                 do not come here, or it has nothing to say."
            ),
        ),
        false => (
            claim,
            format!(
                "The backup daemon heeds syncid {id} alone, and in {seconds} s {} spoke with {}: \
                 if that is its master, the numbers must be the same.",
                listed(&addresses),
                listed(&ids)
            ),
        ),
    };
    let finding = Finding::new(Basis::Traffic, claim, text)
        .seen("sync_id", id)
        .seen("heard_sync_ids", shown)
        .seen("heard_addresses", addresses);
    vec![match ids.as_slice() {
        [other] => restarted(
            finding,
            backup,
            SyncDaemon {
                sync_id: u32::from(*other),
                ..*backup
            },
        ),
        _ => finding,
    }]
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
    use crate::diagnose::listen::listened::Listened;

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

    fn master(sync_id: u8, port: u16) -> Master {
        Master {
            address: [10, 0, 0, 2].into(),
            sync_id,
            version: 1,
            group: [224, 0, 0, 83].into(),
            port,
        }
    }

    /// Returns what is found of the backup: that no client came is noted, too.
    fn of_backup(spoil: impl FnOnce(&mut Facts)) -> Vec<Finding> {
        let findings = findings(spoil).into_iter();
        findings
            .filter(|finding| finding.id == "sync-unheard")
            .collect()
    }

    fn heard(spoil: impl FnOnce(&mut Facts)) -> Vec<(&'static str, Level)> {
        let findings = of_backup(spoil).into_iter();
        findings.map(|found| (found.id, found.level)).collect()
    }

    #[test]
    fn a_backup_is_to_hear_its_own_number() {
        let with = |id: u32, masters: Vec<Master>| {
            move |facts: &mut Facts| {
                let backup = SyncDaemon {
                    sync_id: id,
                    ..daemon(BACKUP)
                };
                facts.director.daemons = vec![backup];
                facts.listened = Some(Listened {
                    duration: Duration::from_secs(6),
                    masters: masters.into_iter().collect(),
                    ..Listened::default()
                });
            }
        };
        let [own, other, another] = [17, 9, 8].map(|id| master(id, 8849));
        assert_eq!(heard(with(17, vec![other, own])), NONE);
        assert_eq!(heard(with(0, vec![other])), NONE);
        let nobody = [("sync-unheard", Level::Note)];
        assert_eq!(heard(with(17, Vec::new())), nobody);
        assert_eq!(heard(with(0, Vec::new())), nobody);
        assert_eq!(heard(with(17, vec![master(17, 8850)])), nobody);
        let several = of_backup(with(17, vec![other, another]));
        assert_eq!(
            (several[0].id, several[0].level),
            ("sync-unheard", Level::Risk)
        );
        assert!(commands(&several[0]).is_empty());
        let one = of_backup(with(17, vec![other]));
        assert_eq!((one[0].id, one[0].level), ("sync-unheard", Level::Risk));
        assert_eq!(
            commands(&one[0]),
            [
                "ipvsadm --stop-daemon backup --syncid 17",
                &START.replace("syncid 17", "syncid 9"),
            ]
        );
        // Too short, or not all was heard.
        for spoil in [
            (|listened| listened.duration = Duration::from_secs(4)) as fn(&mut Listened),
            |listened| listened.packets_lost = 1,
        ] {
            let found = heard(|facts| {
                with(17, vec![other])(facts);
                spoil(facts.listened.as_mut().unwrap());
            });
            assert_eq!(found, NONE);
        }
    }
}
