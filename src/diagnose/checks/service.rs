//! Of a virtual service: its address, its scheduler, its servers taken together.

use std::net::IpAddr;

use crate::diagnose::facts::{Facts, Route, Service};
use crate::diagnose::findings::{Basis, Claim, Finding};
use crate::model::{
    Change, Destination, SchedulerFlags, ServiceIdentity, SyncDaemonRole, VirtualService,
};

use super::{about, counted, endpoint, is_masqueraded, listed, name, servers, whole_length};

/// The most servers of a service for which a remedy is written out.
const MOST_REMEDIES: usize = 4;

pub fn no_server(facts: &Facts) -> Vec<Finding> {
    let without = facts.services.iter().filter(|service| {
        !service
            .servers
            .iter()
            .any(|server| server.takes_connections())
    });
    without
        .map(|service| {
            let (mut full, mut drained) = (Vec::new(), Vec::new());
            for server in &service.servers {
                match server.state.destination.weight {
                    0 => drained.push(server.state.destination),
                    _ => full.push(server.state.destination),
                }
            }
            let why = match (drained.is_empty(), full.is_empty()) {
                (true, true) => "it has none",
                (false, true) => "all have weight 0",
                (true, false) => "all are at their upper threshold",
                (false, false) => "each has weight 0, or is at its upper threshold",
            };
            let text = format!(
                "No real server of {} takes connections: {why}. Clients are refused.",
                name(service.identity())
            );
            let finding = Finding::new(Basis::State, Claim::Hinders, text)
                .about(service.identity())
                .seen("servers", service.servers.len())
                .seen("of_weight_0", drained.len())
                .seen("full", full.len());
            let opened = full.into_iter().map(twice_as_wide);
            let opened = opened.chain(drained.into_iter().map(|destination| Destination {
                weight: 1,
                ..destination
            }));
            opened
                .take(MOST_REMEDIES)
                .fold(finding, |finding, destination| {
                    finding.by(&Change::EditDestination(service.identity(), destination))
                })
        })
        .collect()
}

/// A server with room for twice as many connections.
fn twice_as_wide(destination: Destination) -> Destination {
    Destination {
        upper_threshold: destination
            .upper_threshold
            .saturating_mul(2)
            .min(i32::MAX as u32),
        ..destination
    }
}

pub fn address_not_local(facts: &Facts) -> Vec<Finding> {
    let has_backup = facts.director.daemons.contains(&SyncDaemonRole::Backup);
    let find = |service: &Service| {
        let (address, route) = (service.virtual_address()?, service.address?);
        if route == Route::Local {
            return None;
        }
        let has_counted = service.state.statistics.incoming_packets > 0;
        let finding = if has_backup || has_counted {
            let why = match has_backup {
                true => "which is right as long as another director has it",
                false => "but packets for it were counted: it was here, or they are marked",
            };
            Finding::new(
                Basis::State,
                Claim::Informs,
                format!("The director does not have {address}, {why}."),
            )
        } else {
            Finding::new(
                Basis::State,
                Claim::MayHinder,
                format!(
                    "The director does not have {address}: packets for it are not delivered \
                     here, and IPVS never sees them."
                ),
            )
            .here(format!(
                "ip address add {address}/{} dev {}",
                whole_length(address),
                home_of(facts, address)
            ))
        };
        Some(
            finding
                .about(service.identity())
                .seen("address", address.to_string())
                .seen("packets_counted", service.state.statistics.incoming_packets),
        )
    };
    facts.services.iter().filter_map(find).collect()
}

pub fn address_without_link(facts: &Facts) -> Vec<Finding> {
    let find = |service: &Service| {
        let address = service.virtual_address()?;
        let mut with = facts
            .director
            .interfaces
            .iter()
            .filter(|interface| interface.has(address));
        // On one of these alone, clients find it if they look for it there.
        let interface = with.next()?;
        let is_cut_off = interface.hardware.is_some() && !(interface.is_up && interface.has_link);
        if !is_cut_off || with.next().is_some() {
            return None;
        }
        let name = &interface.name;
        let state = match interface.is_up {
            true => "has no link. Is its cable in?",
            false => "is down.",
        };
        let text = format!(
            "Clients who look for {address} at {name} do not find it: the interface {state}"
        );
        let finding = Finding::new(Basis::State, Claim::MayHinder, text)
            .about(service.identity())
            .seen("interface", name.as_str())
            .seen("is_up", interface.is_up);
        Some(match interface.is_up {
            true => finding,
            false => finding.here(format!("ip link set {name} up")),
        })
    };
    facts.services.iter().filter_map(find).collect()
}

/// The interface to give an address to: the one in whose network it is; else it is routed here, and
/// `lo` will do.
fn home_of(facts: &Facts, address: IpAddr) -> &str {
    facts
        .director
        .interfaces
        .iter()
        .find(|interface| !interface.is_loopback && interface.has_on_link(address))
        .map_or("lo", |interface| &interface.name)
}

pub fn backup_only(facts: &Facts) -> Vec<Finding> {
    let director = &facts.director;
    if !director.settings.backup_only || !director.daemons.contains(&SyncDaemonRole::Backup) {
        return Vec::new();
    }
    let has_master = director.daemons.contains(&SyncDaemonRole::Master);
    let find = |service: &Service| {
        let address = service.virtual_address()?;
        if service.address != Some(Route::Local) {
            return None;
        }
        // A backup that is a real server of the master has the address on lo, where it hides: for
        // such directors the setting was made.
        let hides = !has_master && is_hidden(facts, address);
        let text = format!(
            "IPVS lets packets for {address} pass by while a backup sync daemon runs \
             (net.ipv4.vs.backup_only is 1){}",
            match hides {
                true => ", which is right as long as this is a real server of the master.",
                false => ", and yet the director has the address.",
            }
        );
        let claim = if hides {
            Claim::Informs
        } else {
            Claim::Hinders
        };
        let finding = Finding::new(Basis::State, claim, text)
            .about(service.identity())
            .seen("address", address.to_string())
            .seen("has_master_daemon", has_master);
        Some(match claim {
            Claim::Informs => finding,
            _ => finding.by_setting("net.ipv4.vs.backup_only", 0),
        })
    };
    facts.services.iter().filter_map(find).collect()
}

/// Whether the director has an address on `lo` alone.
fn is_hidden(facts: &Facts, address: IpAddr) -> bool {
    let mut with = facts
        .director
        .interfaces
        .iter()
        .filter(|interface| interface.has(address))
        .peekable();
    with.peek().is_some() && with.all(|interface| interface.is_loopback)
}

pub fn ops_masquerading(facts: &Facts) -> Vec<Finding> {
    let find = |service: &Service| {
        let settings = &service.state.service;
        // A persistence engine knows the answers, too.
        if !settings.one_packet || !settings.persistence_engine.is_empty() {
            return None;
        }
        let masqueraded: Vec<String> = service
            .servers
            .iter()
            .filter(|server| is_masqueraded(server) && server.route != Route::Local)
            .map(|server| endpoint(server.identity()))
            .collect();
        if masqueraded.is_empty() {
            return None;
        }
        let text = format!(
            "With one-packet scheduling nothing is remembered, so the answers of {} do not find \
             their way back through the director (-m): they leave with the real server's address.",
            listed(&masqueraded)
        );
        let without = VirtualService {
            one_packet: false,
            ..*settings
        };
        Some(
            Finding::new(Basis::State, Claim::Hinders, text)
                .about(service.identity())
                .seen("masqueraded_servers", masqueraded)
                .by(&Change::EditService(without)),
        )
    };
    facts.services.iter().filter_map(find).collect()
}

pub fn hash_turns_away(facts: &Facts) -> Vec<Finding> {
    let find = |service: &Service| {
        let settings = &service.state.service;
        let flag = missing_fallback(service)?;
        let closed: Vec<String> = service
            .servers
            .iter()
            .filter(|server| !server.takes_connections())
            .map(|server| endpoint(server.identity()))
            .collect();
        if closed.is_empty() {
            return None;
        }
        let text = format!(
            "The scheduler {} turns away the clients whose server is {}, which {}: it looks for \
             no other.",
            settings.scheduler,
            listed(&closed),
            match closed.len() {
                1 => "has weight 0 or is full",
                _ => "have weight 0 or are full",
            }
        );
        let with_fallback = VirtualService {
            scheduler_flags: settings.scheduler_flags.union(flag),
            ..*settings
        };
        Some(
            Finding::new(Basis::State, Claim::HurtsSome, text)
                .about(service.identity())
                .seen("scheduler", settings.scheduler.to_string())
                .seen("closed_servers", closed)
                .by(&Change::EditService(with_fallback)),
        )
    };
    facts.services.iter().filter_map(find).collect()
}

/// The flag that would have a hashing scheduler look for another server, where it has none.
fn missing_fallback(service: &Service) -> Option<SchedulerFlags> {
    let settings = &service.state.service;
    let fallback: &str = match settings.scheduler.as_bytes() {
        b"sh" => "sh-fallback",
        b"mh" => "mh-fallback",
        _ => return None,
    };
    let (flag, _) = SchedulerFlags::from_word(fallback.as_bytes())?;
    (settings.scheduler_flags.union(flag) != settings.scheduler_flags).then_some(flag)
}

/// Whether a server of weight 0 would have clients turned away, although others take them.
pub fn turns_away_from_weight_0(service: &Service) -> bool {
    missing_fallback(service).is_some() || service.state.service.scheduler.as_bytes() == b"dh"
}

pub fn held_at_draining(facts: &Facts) -> Vec<Finding> {
    if facts.director.settings.expire_quiescent_template {
        return Vec::new();
    }
    let holds = |service: &Service, clients: u32, weight: u32| {
        weight == 0 && clients > 0 && service.state.service.persistence_timeout.is_some()
    };
    servers(facts)
        .filter(|(service, server)| {
            let state = &server.state;
            holds(
                service,
                state.persistent_connections,
                state.destination.weight,
            )
        })
        .map(|(service, server)| {
            let clients = server.state.persistent_connections;
            let text = format!(
                "Persistence brings {} back to {}, although its weight is 0.",
                counted(u64::from(clients), "client"),
                endpoint(server.identity())
            );
            about(Basis::State, Claim::HurtsSome, service, server, text)
                .seen("clients", clients)
                .by_setting("net.ipv4.vs.expire_quiescent_template", 1)
        })
        .collect()
}

pub fn stale_connections(facts: &Facts) -> Vec<Finding> {
    if facts.director.settings.expire_nodest_conn {
        return Vec::new();
    }
    facts
        .strays
        .iter()
        .map(|strays| {
            let (verb, pronoun) = match strays.count {
                1 => ("leads", "its"),
                _ => ("lead", "their"),
            };
            let text = format!(
                "{} {verb} to {}, which is no server any more; {pronoun} packets are dropped.",
                counted(strays.count, "connection"),
                endpoint(strays.server)
            );
            Finding {
                service: strays.service,
                ..Finding::new(Basis::State, Claim::HurtsSome, text)
            }
            .of_server(strays.server)
            .seen("connections", strays.count)
            .by_setting("net.ipv4.vs.expire_nodest_conn", 1)
        })
        .collect()
}

pub fn mark_unseen(facts: &Facts) -> Vec<Finding> {
    unseen(facts, |identity| {
        let ServiceIdentity::FirewallMark { mark, .. } = identity else {
            return None;
        };
        Some(format!(
            "No packet with mark {mark} has come. The mark must be set before IPVS looks, in \
             PREROUTING; and IPVS looks behind INPUT, which may have dropped it."
        ))
    })
}

pub fn nothing_arrives(facts: &Facts) -> Vec<Finding> {
    unseen(facts, |identity| {
        let ServiceIdentity::Endpoint { address, .. } = identity else {
            return None;
        };
        Some(format!(
            "No packet for {} has come. Does whoever asks for {address} reach this machine? And \
             IPVS looks behind INPUT, whose firewall may have dropped it.",
            name(identity)
        ))
    })
}

/// The services whose counters are 0, as `words` tell of them. The kernel adds up what it counts
/// every two seconds only; connections are there at once.
fn unseen(facts: &Facts, words: impl Fn(ServiceIdentity) -> Option<String>) -> Vec<Finding> {
    let find = |service: &Service| {
        let counted = service.state.statistics;
        let mut servers = service.servers.iter();
        if counted.connections > 0
            || counted.incoming_packets > 0
            || servers.any(|server| server.state.connections() > 0)
        {
            return None;
        }
        let text = words(service.identity())?;
        Some(
            Finding::new(Basis::State, Claim::Informs, text)
                .about(service.identity())
                .seen("packets_counted", counted.incoming_packets),
        )
    };
    facts.services.iter().filter_map(find).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnose::checks::samples::{
        NONE, commands, endpoint, findings, first, found, strays,
    };
    use crate::diagnose::findings::Level;
    use crate::model::{KernelName, Statistics};

    fn forget_counters(service: &mut Service) {
        service.state.statistics = Statistics::default();
    }

    #[test]
    fn a_service_without_an_open_server_says_why_and_how_to_open_one() {
        let findings = findings(|facts| {
            let servers = &mut facts.services[0].servers;
            servers[0].state.destination.weight = 0;
            servers[1].state.destination.upper_threshold = 1;
            servers[1].state.active_connections = 1;
        });
        assert_eq!(findings.len(), 1);
        assert_eq!(findings[0].id, "no-server");
        assert_eq!(
            commands(&findings[0]),
            [
                "ipvsadm -e -t 192.0.2.1:80 -r 10.0.0.20:80 -m -w 1 -x 2",
                "ipvsadm -e -t 192.0.2.1:80 -r 10.0.0.10:80 -m -w 1",
            ]
        );
        assert_eq!(
            found(|facts| facts.services[0].servers.clear()),
            [("no-server", Level::Fault)]
        );
        let one_is_open = found(|facts| first(facts).state.destination.weight = 0);
        assert_eq!(one_is_open, NONE);
    }

    #[test]
    fn an_address_that_is_elsewhere_is_a_fault_unless_that_may_be_right() {
        let take_away = |facts: &mut Facts| {
            facts.services[0].address = Some(Route::Nowhere);
            forget_counters(&mut facts.services[0]);
        };
        let elsewhere = findings(take_away);
        assert_eq!(elsewhere.len(), 1, "{elsewhere:?}");
        assert_eq!(elsewhere[0].level, Level::Risk);
        assert_eq!(
            commands(&elsewhere[0]),
            ["ip address add 192.0.2.1/32 dev public"]
        );
        let at_the_backup = found(|facts| {
            take_away(facts);
            facts.director.daemons = vec![SyncDaemonRole::Backup];
        });
        assert_eq!(at_the_backup[0], ("address-not-local", Level::Note));
        let counted = found(|facts| facts.services[0].address = Some(Route::Nowhere));
        assert_eq!(counted, [("address-not-local", Level::Note)]);
    }

    #[test]
    fn an_address_at_an_interface_that_is_cut_off_is_a_risk() {
        let with = |is_up, has_link| {
            findings(|facts| {
                facts.director.interfaces[2].is_up = is_up;
                facts.director.interfaces[2].has_link = has_link;
            })
        };
        assert_eq!(with(true, true), []);
        let unplugged = with(true, false);
        assert_eq!(unplugged[0].id, "address-without-link");
        assert!(commands(&unplugged[0]).is_empty());
        assert_eq!(commands(&with(false, false)[0]), ["ip link set public up"]);
        let elsewhere_too = found(|facts| {
            facts.director.interfaces[2].has_link = false;
            let address = facts.director.interfaces[2].addresses[0];
            facts.director.interfaces[0].addresses.push(address);
        });
        assert_eq!(elsewhere_too, NONE);
    }

    #[test]
    fn a_backup_that_is_told_to_do_nothing_is_at_fault_where_it_has_the_address() {
        use SyncDaemonRole::{Backup, Master};
        let with = |daemons: &[SyncDaemonRole], is_on_lo: bool| {
            found(|facts| {
                facts.director.settings.backup_only = true;
                facts.director.daemons = daemons.to_vec();
                if is_on_lo {
                    let address = facts.director.interfaces[2].addresses.remove(0);
                    facts.director.interfaces[0].addresses.push(address);
                }
            })
        };
        assert_eq!(with(&[Backup], false), [("backup-only", Level::Fault)]);
        assert_eq!(with(&[Backup], true), [("backup-only", Level::Note)]);
        assert_eq!(
            with(&[Master, Backup], true),
            [("backup-only", Level::Fault)]
        );
        assert_eq!(with(&[Master], false), NONE);
    }

    #[test]
    fn one_packet_scheduling_forgets_the_way_back() {
        let spoil = |facts: &mut Facts| facts.services[0].state.service.one_packet = true;
        let with_one_packet = findings(spoil);
        assert_eq!(with_one_packet[0].id, "ops-masquerading");
        assert_eq!(
            commands(&with_one_packet[0]),
            ["ipvsadm -E -t 192.0.2.1:80 -s rr"]
        );
        let with_an_engine = found(|facts| {
            spoil(facts);
            facts.services[0].state.service.persistence_engine = KernelName::from("sip");
        });
        assert_eq!(with_an_engine, NONE);
    }

    #[test]
    fn hashing_turns_clients_away_unless_it_may_fall_back() {
        let with = |flags| {
            findings(|facts| {
                let service = &mut facts.services[0];
                service.state.service.scheduler = KernelName::from("sh");
                service.state.service.scheduler_flags = SchedulerFlags::from_bits(flags);
                service.servers[0].state.destination.weight = 0;
            })
        };
        let turned_away = with(0b10);
        assert_eq!(turned_away[0].id, "hash-turns-away");
        assert_eq!(
            commands(&turned_away[0]),
            ["ipvsadm -E -t 192.0.2.1:80 -s sh -b sh-fallback,sh-port"]
        );
        assert_eq!(with(0b01), []);
    }

    #[test]
    fn persistence_holds_clients_at_a_draining_server() {
        let with = |expires| {
            found(|facts| {
                facts.director.settings.expire_quiescent_template = expires;
                facts.services[0].state.service.persistence_timeout = Some(360);
                let state = &mut first(facts).state;
                state.destination.weight = 0;
                state.persistent_connections = 3;
            })
        };
        assert_eq!(with(false), [("held-at-draining", Level::Risk)]);
        assert_eq!(with(true), NONE);
    }

    #[test]
    fn connections_of_a_removed_server_are_counted() {
        let with = |expires| {
            findings(|facts| {
                facts.director.settings.expire_nodest_conn = expires;
                facts.strays.push(strays(214));
            })
        };
        let stale = with(false);
        assert_eq!(stale[0].id, "stale-connections");
        assert!(
            stale[0]
                .text
                .starts_with("214 connections lead to 10.0.0.30:80,")
        );
        assert_eq!(with(true), []);
    }

    #[test]
    fn counters_at_0_are_worth_a_note() {
        let unseen = found(|facts| forget_counters(&mut facts.services[0]));
        assert_eq!(unseen, [("nothing-arrives", Level::Note)]);
        let not_added_up = found(|facts| {
            forget_counters(&mut facts.services[0]);
            first(facts).state.inactive_connections = 1;
        });
        assert_eq!(not_added_up, NONE);
        let marked = found(|facts| {
            let service = &mut facts.services[0];
            forget_counters(service);
            service.state.service.identity = endpoint("-f 7");
            service.address = None;
        });
        assert_eq!(marked, [("mark-unseen", Level::Note)]);
    }
}
