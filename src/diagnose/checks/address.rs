//! Checks of a virtual service's address, and of what comes for it.

#![forbid(unsafe_code)]

use std::net::IpAddr;

use crate::diagnose::facts::{
    Facts, Interface, Rival, Route, Server, Service, is_in, whole_length,
};
use crate::diagnose::findings::{Basis, Claim, Finding};
use crate::model::{ServiceIdentity, SyncDaemonRole};

use super::{name, servers_in_use};

fn has_backup(facts: &Facts) -> bool {
    facts.director.daemon(SyncDaemonRole::Backup).is_some()
}

/// A standby that waits for the address lacks it rightly. Where somebody can be asked for it, it
/// depends on the answer: only if nobody has it, nobody is served.
pub fn address_not_local(facts: &Facts) -> Vec<Finding> {
    let find = |service: &Service| {
        let (address, route) = (service.virtual_address()?, service.address?);
        if route == Route::Local {
            return None;
        }
        let counted = service.state.statistics.incoming_packets;
        let (basis, claim, text) = not_local(facts, service, address);
        let finding = Finding::new(basis, claim, text)
            .about(service.identity())
            .seen("address", address.to_string())
            .seen("packets_counted", counted);
        Some(match claim {
            Claim::Informs => finding,
            _ if given_up_at(facts, address).is_some() => finding,
            _ => finding.here(format!(
                "ip address add {address}/{} dev {}",
                whole_length(address),
                home_of(facts, address)
            )),
        })
    };
    facts.services.iter().filter_map(find).collect()
}

fn not_local(facts: &Facts, service: &Service, address: IpAddr) -> (Basis, Claim, String) {
    let lacks = format!("The director does not have {address}");
    let is_of_server = |rival: &Rival| {
        let mut servers = service.servers.iter();
        rival
            .server
            .is_some_and(|own| servers.any(|server| server.identity().address == own))
    };
    if let Some(interface) = given_up_at(facts, address) {
        let text = format!(
            "{} has {address}, and the director does not use it: another machine was found to have \
             it (dadfailed in `ip address`), or that is not yet known (tentative).",
            interface.name
        );
        (Basis::State, Claim::MayHinder, text)
    } else if has_backup(facts) {
        let text = format!("{lacks}, which is right as long as another director has it.");
        (Basis::State, Claim::Informs, text)
    } else if service.state.statistics.incoming_packets > 0 {
        let text =
            format!("{lacks}, but packets for it were counted: it was here, or they are marked.");
        (Basis::State, Claim::Informs, text)
    } else if service.rivals.iter().any(|rival| !is_of_server(rival)) {
        let text = format!("{lacks}, and another machine answers for it.");
        (Basis::Probe, Claim::Informs, text)
    } else if !can_be_asked_for(facts, address) {
        let text =
            format!("{lacks}: packets for it are not delivered here, and IPVS never sees them.");
        (Basis::State, Claim::MayHinder, text)
    } else if facts.is_probed {
        let text = format!("{lacks}, and no other director in its network answers for it.");
        (Basis::Probe, Claim::MayHinder, text)
    } else {
        let text = format!(
            "{lacks}, which is right as long as another one has it: --probe asks who does."
        );
        (Basis::State, Claim::Explains, text)
    }
}

/// Returns the interface that has an address of IPv6 which is not the director's own: that is so
/// while duplicate address detection is at work, and once it has failed.
fn given_up_at(facts: &Facts, address: IpAddr) -> Option<&Interface> {
    let mut interfaces = facts.director.interfaces.iter();
    interfaces.find(|interface| address.is_ipv6() && interface.is_up && interface.has(address))
}

/// Returns true if an address is in a network of the director's, where its owner says so.
fn can_be_asked_for(facts: &Facts, address: IpAddr) -> bool {
    let mut interfaces = facts.director.interfaces.iter();
    interfaces.any(|interface| {
        interface.is_up && interface.hardware.is_some() && interface.has_on_link(address)
    })
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
        let is_cut_off = interface.hardware.is_some() && !interface.can_be_reached();
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

/// Nobody says whose the address is where the only interface in its network leaves that to the one
/// that has it.
pub fn address_unanswered(facts: &Facts) -> Vec<Finding> {
    if has_backup(facts) {
        return Vec::new();
    }
    let find = |service: &Service| {
        let address = service.virtual_address().filter(IpAddr::is_ipv4)?;
        let interfaces = &facts.director.interfaces;
        let asked: Vec<&Interface> = interfaces
            .iter()
            .filter(|interface| {
                !interface.is_loopback
                    && interface.is_up
                    && interface.asks_neighbours
                    && interface.has_on_link(address)
            })
            .collect();
        let first = asked.first()?;
        let is_silent = |interface: &&Interface| interface.hides_others && !interface.has(address);
        if service.address != Some(Route::Local) || !asked.iter().all(is_silent) {
            return None;
        }
        let holder = interfaces.iter().find(|interface| interface.has(address));
        let holder = holder.map(|interface| interface.name.as_str());
        let text = format!(
            "{address} is in the network of {}, which does not answer ARP for addresses of other \
             interfaces (arp_ignore){}: clients of that network do not find it, unless another \
             director answers.",
            first.name,
            holder.map_or(String::new(), |holder| format!(", and is on {holder}"))
        );
        Some(
            Finding::new(Basis::State, Claim::Suspects, text)
                .about(service.identity())
                .seen("asked_at", first.name.as_str())
                .seen("is_on", holder)
                .by_setting("net.ipv4.conf.all.arp_ignore", 0)
                .by_setting(&format!("net/ipv4/conf/{}/arp_ignore", first.name), 0),
        )
    };
    facts.services.iter().filter_map(find).collect()
}

/// Servers that are the director's only because a prefix on `lo` covers them. One of full length
/// covers but what is the director's own.
pub fn prefix_on_loopback(facts: &Facts) -> Vec<Finding> {
    let interfaces = &facts.director.interfaces;
    let mut prefixes: Vec<(&Interface, IpAddr, u8)> = Vec::new();
    for interface in interfaces.iter().filter(|interface| interface.is_loopback) {
        for (address, length) in &interface.addresses {
            if !address.is_loopback() {
                prefixes.push((interface, *address, *length));
            }
        }
    }
    prefixes
        .into_iter()
        .filter_map(|(lo, address, length)| {
            let taken: Vec<(&Service, &Server)> = servers_in_use(facts)
                .filter(|(_, server)| {
                    let server = server.identity().address;
                    is_in(server, address, length) && !facts.director.has(server)
                })
                .collect();
            let server = taken.first()?.1.identity().address;
            let text = format!(
                "{} has {address}/{length}, so that the director takes all of that network for \
                 itself, the server {server} too.",
                lo.name
            );
            let whole = whole_length(address);
            Some(
                Finding::new(Basis::State, Claim::MayHinder, text)
                    .touching_servers(taken)
                    .seen("interface", lo.name.as_str())
                    .seen("address", format!("{address}/{length}"))
                    .here(format!("ip address del {address}/{length} dev {}", lo.name))
                    .here(format!("ip address add {address}/{whole} dev {}", lo.name)),
            )
        })
        .collect()
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
    if !director.settings.backup_only || director.daemon(SyncDaemonRole::Backup).is_none() {
        return Vec::new();
    }
    let has_master = director.daemon(SyncDaemonRole::Master).is_some();
    let find = |service: &Service| {
        let address = service.virtual_address()?;
        if service.address != Some(Route::Local) {
            return None;
        }
        // A backup that is a real server of the master has the address where it hides: for such
        // directors the setting was made.
        let is_asked_in_vain = service.attempts.unserved() > 0 && service.attempts.scheduled == 0;
        let hides = !has_master && !is_asked_in_vain && is_hidden(facts, address);
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

/// Returns true if the director has an address where its neighbours do not find it: on `lo` alone, or
/// on others that nobody asks, as a dummy or a tunnel, while those that are asked are silent about it.
fn is_hidden(facts: &Facts, address: IpAddr) -> bool {
    let interfaces = facts.director.interfaces.iter();
    let (holders, others): (Vec<&Interface>, Vec<&Interface>) =
        interfaces.partition(|interface| interface.has(address));
    let are = |condition: fn(&&Interface) -> bool| holders.iter().all(condition);
    let are_asked_by_nobody = are(|it| it.is_loopback || !it.asks_neighbours);
    let mut others = others.iter().filter(|it| !it.is_loopback);
    let others_are_silent =
        others.all(|it| !it.is_up || !it.asks_neighbours || it.hides_others || address.is_ipv6());
    !holders.is_empty() && (are(|it| it.is_loopback) || are_asked_by_nobody && others_are_silent)
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

/// The services that nothing came for, as `words` tell of them.
fn unseen(facts: &Facts, words: impl Fn(ServiceIdentity) -> Option<String>) -> Vec<Finding> {
    let find = |service: &Service| {
        let text = words(service.identity())?;
        Some(
            Finding::new(Basis::State, Claim::Informs, text)
                .about(service.identity())
                .seen("packets_counted", service.state.statistics.incoming_packets),
        )
    };
    let services = facts.services.iter();
    services
        .filter(|service| is_unseen(facts, service))
        .filter_map(find)
        .collect()
}

/// Returns true if nothing ever came for a service, as far as counters tell. The kernel adds up what
/// it counts every two seconds only; connections are there at once.
pub fn is_unseen(facts: &Facts, service: &Service) -> bool {
    let counted = service.state.statistics;
    let is_counted = !has_backup(facts) && facts.director.settings.standstill.is_none();
    let mut servers = service.servers.iter();
    is_counted
        && counted.connections == 0
        && counted.incoming_packets == 0
        && service.attempts.count == 0
        && !servers.any(|server| server.state.connections() > 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnose::checks::samples::{
        NONE, commands, daemon, findings, first, found, identity, quiet, rival,
    };
    use crate::diagnose::findings::Level;
    use crate::model::{Standstill, Statistics};

    fn forget_counters(service: &mut Service) {
        service.state.statistics = Statistics::default();
    }

    #[test]
    fn an_address_that_is_elsewhere_is_missed_where_nobody_has_it() {
        let with = |spoil: fn(&mut Facts)| {
            findings(|facts| {
                quiet(facts);
                facts.services[0].address = Some(Route::Nowhere);
                facts.director.interfaces[2].addresses = vec![([192, 0, 2, 7].into(), 24)];
                spoil(facts);
            })
        };
        let level = |spoil: fn(&mut Facts)| {
            let findings = with(spoil);
            let found = findings
                .iter()
                .find(|found| found.id == "address-not-local");
            found.unwrap().level
        };
        assert_eq!(level(|_| ()), Level::Note);
        let nobody = with(|facts| facts.is_probed = true);
        assert_eq!(
            (nobody[0].id, nobody[0].level),
            ("address-not-local", Level::Risk)
        );
        assert_eq!(
            commands(&nobody[0]),
            ["ip address add 192.0.2.1/32 dev public"]
        );
        let standby: fn(&mut Facts) = |facts| {
            facts.is_probed = true;
            facts.services[0].rivals.push(rival(None));
        };
        assert_eq!(level(standby), Level::Note);
        let routed: fn(&mut Facts) =
            |facts| facts.director.interfaces[2].addresses = vec![([203, 0, 113, 7].into(), 24)];
        assert_eq!(level(routed), Level::Risk);
        let backup: fn(&mut Facts) = |facts| {
            facts.is_probed = true;
            facts.director.daemons = vec![daemon(SyncDaemonRole::Backup)];
        };
        assert_eq!(level(backup), Level::Note);
        let counted = found(|facts| facts.services[0].address = Some(Route::Nowhere));
        assert_eq!(counted, [("address-not-local", Level::Note)]);
    }

    #[test]
    fn an_address_that_was_found_elsewhere_is_the_director_s_no_more() {
        let findings = findings(|facts| {
            quiet(facts);
            let service = &mut facts.services[0];
            service.state.service.identity = identity("-t [2001:db8::1]:80");
            service.address = Some(Route::Nowhere);
            service.rivals.push(rival(None));
            facts.director.interfaces[2].addresses = vec![("2001:db8::1".parse().unwrap(), 128)];
        });
        assert_eq!(
            (findings[0].id, findings[0].level),
            ("address-not-local", Level::Risk)
        );
        assert!(commands(&findings[0]).is_empty());
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
    fn interfaces_that_need_no_link_may_have_the_address() {
        for spoil in [
            (|interface: &mut Interface| interface.kind = "dummy".to_owned()) as fn(&mut Interface),
            |interface| interface.kind = "bridge".to_owned(),
            |interface| interface.asks_neighbours = false,
        ] {
            let found = found(|facts| {
                facts.director.interfaces[2].has_link = false;
                spoil(&mut facts.director.interfaces[2]);
            });
            assert_eq!(found, NONE);
        }
    }

    #[test]
    fn an_address_that_the_asked_interface_is_silent_about_is_not_found() {
        let with = |spoil: fn(&mut Facts)| {
            found(|facts| {
                quiet(facts);
                let [lo, _, public] = &mut facts.director.interfaces[..] else {
                    unreachable!()
                };
                lo.addresses.push(([192, 0, 2, 1].into(), 32));
                public.addresses = vec![([192, 0, 2, 7].into(), 24)];
                public.hides_others = true;
                spoil(facts);
            })
        };
        assert_eq!(with(|_| ()), [("address-unanswered", Level::Risk)]);
        let nothing_came = [("nothing-arrives", Level::Note)];
        let answers = with(|facts| facts.director.interfaces[2].hides_others = false);
        assert_eq!(answers, nothing_came);
        let has_it = with(|facts| {
            let public = &mut facts.director.interfaces[2];
            public.addresses.push(([192, 0, 2, 1].into(), 32));
        });
        assert_eq!(has_it, nothing_came);
        assert_eq!(
            with(|facts| facts.director.daemons = vec![daemon(SyncDaemonRole::Backup)]),
            NONE
        );
    }

    #[test]
    fn a_prefix_on_lo_takes_the_servers_too() {
        let with = |length| {
            findings(|facts| {
                let lo = &mut facts.director.interfaces[0];
                lo.addresses.push(([10, 0, 0, 254].into(), length));
            })
        };
        let covered = with(24);
        assert_eq!(covered.len(), 1, "{covered:?}");
        assert_eq!(covered[0].id, "prefix-on-loopback");
        assert_eq!(
            commands(&covered[0]),
            [
                "ip address del 10.0.0.254/24 dev lo",
                "ip address add 10.0.0.254/32 dev lo",
            ]
        );
        assert_eq!(with(32), []);
        assert_eq!(with(28), []);
    }

    #[test]
    fn a_backup_that_is_told_to_do_nothing_is_at_fault_where_it_has_the_address() {
        use SyncDaemonRole::{Backup, Master};
        let with = |daemons: &[SyncDaemonRole], is_on_lo: bool| {
            found(|facts| {
                facts.director.settings.backup_only = true;
                facts.director.daemons = daemons.iter().copied().map(daemon).collect();
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
    fn counters_at_0_are_worth_a_note() {
        let unseen = found(|facts| forget_counters(&mut facts.services[0]));
        assert_eq!(unseen, [("nothing-arrives", Level::Note)]);
        let only_packets = found(|facts| {
            forget_counters(&mut facts.services[0]);
            facts.services[0].state.statistics.incoming_packets = 3;
        });
        assert_eq!(only_packets, NONE);
        let only_connections = found(|facts| {
            forget_counters(&mut facts.services[0]);
            facts.services[0].state.statistics.connections = 3;
        });
        assert_eq!(only_connections, NONE);
        let not_added_up = found(|facts| {
            forget_counters(&mut facts.services[0]);
            first(facts).state.inactive_connections = 1;
        });
        assert_eq!(not_added_up, NONE);
        let stopped = found(|facts| {
            forget_counters(&mut facts.services[0]);
            facts.director.settings.standstill = Some(Standstill::NotEstimated);
        });
        assert_eq!(stopped, [("counters-stopped", Level::Note)]);
        let marked = found(|facts| {
            let service = &mut facts.services[0];
            forget_counters(service);
            service.state.service.identity = identity("-f 7");
            service.address = None;
        });
        assert_eq!(marked, [("mark-unseen", Level::Note)]);
    }

    /// Returns the finding of an id.
    fn the(id: &str, spoil: impl FnOnce(&mut Facts)) -> Option<Finding> {
        let all = findings(spoil);
        all.into_iter().find(|finding| finding.id == id)
    }

    #[test]
    fn why_the_address_is_missed_or_not_is_said_in_this_order() {
        let text = |spoil: fn(&mut Facts)| {
            let lacks = the("address-not-local", |facts| {
                facts.services[0].address = Some(Route::Nowhere);
                facts.services[0].state.statistics.incoming_packets = 0;
                facts.director.interfaces[2].addresses = vec![([192, 0, 2, 7].into(), 24)];
                spoil(facts);
            });
            let lacks = lacks.unwrap();
            let text = lacks
                .text
                .strip_prefix("The director does not have 192.0.2.1");
            (
                text.unwrap().to_owned(),
                commands(&lacks).join("; "),
                lacks.evidence,
            )
        };
        let (unasked, command, evidence) = text(|_| ());
        assert!(unasked.ends_with(": --probe asks who does."), "{unasked}");
        assert_eq!(command, "ip address add 192.0.2.1/32 dev public");
        assert_eq!(
            evidence,
            [
                ("address", "192.0.2.1".into()),
                ("packets_counted", 0.into())
            ]
        );
        let nobody = text(|facts| facts.is_probed = true).0;
        assert!(
            nobody.contains("no other director in its network"),
            "{nobody}"
        );
        // A server that answers for it is no other director.
        let of_a_server = text(|facts| {
            facts.is_probed = true;
            facts.services[0].rivals.push(rival(Some([10, 0, 0, 20])));
        });
        assert_eq!(of_a_server.0, nobody);
        let of_others: fn(&mut Facts) = |facts| {
            facts.services[0].rivals.push(rival(Some([10, 0, 0, 20])));
            facts.services[0].rivals.push(rival(Some([10, 0, 0, 77])));
        };
        let (another, command, _) = text(of_others);
        assert_eq!(another, ", and another machine answers for it.");
        assert_eq!(command, "");
        let counted: fn(&mut Facts) =
            |facts| facts.services[0].state.statistics.incoming_packets = 1;
        let (counted, _, evidence) = text(counted);
        assert!(
            counted.starts_with(", but packets for it were counted:"),
            "{counted}"
        );
        assert_eq!(evidence[1].1, 1);
        let unseen = ": packets for it are not delivered here, and IPVS never sees them.";
        let elsewhere: fn(&mut Facts) =
            |facts| facts.director.interfaces[2].addresses = vec![([203, 0, 113, 7].into(), 24)];
        assert_eq!(
            text(elsewhere),
            (
                unseen.to_owned(),
                "ip address add 192.0.2.1/32 dev lo".to_owned(),
                text(|_| ()).2
            )
        );
        assert_eq!(
            text(|facts| facts.director.interfaces[2].is_up = false).0,
            unseen
        );
        assert_eq!(
            text(|facts| facts.director.interfaces[2].hardware = None).0,
            unseen
        );
    }

    #[test]
    fn an_address_that_is_not_used_yet_is_one_of_ipv6_at_an_interface_that_is_up() {
        let is_given_up = |spoil: fn(&mut Facts)| {
            let lacks = the("address-not-local", |facts| {
                quiet(facts);
                let service = &mut facts.services[0];
                service.state.service.identity = identity("-t [2001:db8::1]:80");
                service.address = Some(Route::Nowhere);
                facts.director.interfaces[2].addresses =
                    vec![("2001:db8::1".parse().unwrap(), 128)];
                spoil(facts);
            });
            lacks.unwrap().text.starts_with("public has 2001:db8::1,")
        };
        assert!(is_given_up(|_| ()));
        assert!(!is_given_up(
            |facts| facts.director.interfaces[2].is_up = false
        ));
        let it_has_another: fn(&mut Facts) = |facts| {
            facts.director.interfaces[2].addresses = vec![("2001:db8::7".parse().unwrap(), 64)];
        };
        assert!(!is_given_up(it_has_another));
        let of_ipv4: fn(&mut Facts) = |facts| {
            facts.services[0].state.service.identity = identity("-t 192.0.2.1:80");
            facts.director.interfaces[2].addresses = vec![([192, 0, 2, 1].into(), 32)];
        };
        assert!(!is_given_up(of_ipv4));
    }

    #[test]
    fn an_interface_that_is_cut_off_is_told_of_with_its_state() {
        let with = |is_up| {
            let cut_off = the("address-without-link", |facts| {
                facts.director.interfaces[2].is_up = is_up;
                facts.director.interfaces[2].has_link = false;
            });
            let cut_off = cut_off.unwrap();
            (cut_off.text, cut_off.evidence)
        };
        let start = "Clients who look for 192.0.2.1 at public do not find it: the interface";
        for (is_up, state) in [(true, "has no link. Is its cable in?"), (false, "is down.")] {
            let (text, evidence) = with(is_up);
            assert_eq!(text, format!("{start} {state}"));
            assert_eq!(
                evidence,
                [("interface", "public".into()), ("is_up", is_up.into())]
            );
        }
        let no_card = the("address-without-link", |facts| {
            facts.director.interfaces[2].has_link = false;
            facts.director.interfaces[2].hardware = None;
        });
        assert_eq!(no_card, None);
    }

    #[test]
    fn all_that_are_asked_must_be_silent_for_nobody_to_answer() {
        let with = |spoil: fn(&mut Facts)| {
            the("address-unanswered", |facts| {
                quiet(facts);
                let [lo, inner, public] = &mut facts.director.interfaces[..] else {
                    unreachable!()
                };
                lo.addresses.push(([192, 0, 2, 1].into(), 24));
                inner.addresses.push(([192, 0, 2, 8].into(), 24));
                public.addresses = vec![([192, 0, 2, 7].into(), 24)];
                (inner.hides_others, public.hides_others) = (true, true);
                spoil(facts);
            })
        };
        let silent = with(|_| ()).unwrap();
        assert!(
            silent
                .text
                .starts_with("192.0.2.1 is in the network of inner,"),
            "{silent:?}"
        );
        assert_eq!(
            silent.evidence,
            [("asked_at", "inner".into()), ("is_on", "lo".into())]
        );
        assert_eq!(
            commands(&silent),
            [
                "sysctl -w net.ipv4.conf.all.arp_ignore=0",
                "sysctl -w net/ipv4/conf/inner/arp_ignore=0"
            ]
        );
        let inner = |change: fn(&mut Interface)| {
            move |facts: &mut Facts| {
                facts.director.interfaces[1].hides_others = false;
                change(&mut facts.director.interfaces[1]);
            }
        };
        let found = |change: fn(&mut Interface)| {
            let all = findings(|facts| {
                quiet(facts);
                facts.director.interfaces[0]
                    .addresses
                    .push(([192, 0, 2, 1].into(), 32));
                facts.director.interfaces[2].addresses = vec![([192, 0, 2, 7].into(), 24)];
                facts.director.interfaces[2].hides_others = true;
                facts.director.interfaces[1]
                    .addresses
                    .push(([192, 0, 2, 8].into(), 24));
                inner(change)(facts);
            });
            all.iter().any(|finding| finding.id == "address-unanswered")
        };
        // One that answers is enough, unless it cannot be asked.
        assert!(!found(|_| ()));
        assert!(found(|inner| inner.is_up = false));
        assert!(found(|inner| inner.asks_neighbours = false));
        assert!(found(|inner| inner.is_loopback = true));
        assert!(found(|inner| inner.addresses.truncate(1)));
        let not_here = with(|facts| facts.services[0].address = Some(Route::Nowhere));
        assert_eq!(not_here, None);
    }

    #[test]
    fn a_server_whose_address_is_the_director_s_own_is_not_taken_by_a_prefix() {
        let with = |spoil: fn(&mut Facts)| {
            the("prefix-on-loopback", |facts| {
                let lo = &mut facts.director.interfaces[0];
                lo.addresses.push(([10, 0, 0, 254].into(), 28));
                first(facts).state.destination.identity.address = [10, 0, 0, 250].into();
                spoil(facts);
            })
        };
        let taken = with(|_| ()).unwrap();
        assert_eq!(
            taken.text,
            "lo has 10.0.0.254/28, so that the director takes all of that network for itself, the \
             server 10.0.0.250 too."
        );
        assert_eq!(
            taken.evidence,
            [
                ("interface", "lo".into()),
                ("address", "10.0.0.254/28".into())
            ]
        );
        assert_eq!(taken.servers.len(), 1);
        let own: fn(&mut Facts) = |facts| {
            let inner = &mut facts.director.interfaces[1].addresses;
            inner.push(([10, 0, 0, 250].into(), 24));
        };
        let on_a_card: fn(&mut Facts) = |facts| facts.director.interfaces[0].is_loopback = false;
        let of_lo_itself: fn(&mut Facts) = |facts| {
            facts.director.interfaces[0].addresses.truncate(1);
            first(facts).state.destination.identity.address = [127, 0, 0, 9].into();
        };
        for spoil in [own, on_a_card, of_lo_itself] {
            assert_eq!(with(spoil), None);
        }
    }

    #[test]
    fn a_backup_that_does_nothing_is_said_to_be_right_only_where_it_hides_the_address() {
        use SyncDaemonRole::{Backup, Master};
        let with = |daemons: &[SyncDaemonRole], spoil: fn(&mut Facts)| {
            the("backup-only", |facts| {
                facts.director.settings.backup_only = true;
                facts.director.daemons = daemons.iter().copied().map(daemon).collect();
                spoil(facts);
            })
        };
        let on_lo: fn(&mut Facts) = |facts| {
            let address = facts.director.interfaces[2].addresses.remove(0);
            facts.director.interfaces[0].addresses.push(address);
        };
        let on_both: fn(&mut Facts) = |facts| {
            let address = facts.director.interfaces[2].addresses[0];
            facts.director.interfaces[0].addresses.push(address);
        };
        let of_rules: fn(&mut Facts) = |facts| {
            facts.director.interfaces[2].addresses.clear();
        };
        fn on_dummy(facts: &mut Facts) {
            let dummy = Interface {
                name: "dummy0".to_owned(),
                asks_neighbours: false,
                addresses: vec![facts.director.interfaces[2].addresses.remove(0)],
                ..facts.director.interfaces[2].clone()
            };
            facts.director.interfaces.push(dummy);
        }
        fn on_dummy_and_hidden(facts: &mut Facts) {
            on_dummy(facts);
            for interface in &mut facts.director.interfaces {
                interface.hides_others = true;
            }
        }
        let asked: fn(&mut Facts) = |facts| {
            on_dummy_and_hidden(facts);
            facts.services[0].attempts.in_vain = 1;
        };
        let yet = ", and yet the director has the address.";
        let setting = &["sysctl -w net.ipv4.vs.backup_only=0"][..];
        for (daemons, spoil, end, remedy, has_master) in [
            (
                &[Backup][..],
                on_lo,
                ", which is right as long as this is a real server of the master.",
                &[][..],
                false,
            ),
            (
                &[Backup],
                on_dummy_and_hidden,
                ", which is right as long as this is a real server of the master.",
                &[],
                false,
            ),
            (&[Backup], on_dummy, yet, setting, false),
            (&[Backup], asked, yet, setting, false),
            (&[Backup], on_both, yet, setting, false),
            (&[Backup], of_rules, yet, setting, false),
            (&[Backup, Master], on_lo, yet, setting, true),
        ] {
            let found = with(daemons, spoil).unwrap();
            assert!(found.text.ends_with(end), "{found:?}");
            assert_eq!(commands(&found), remedy);
            assert_eq!(found.evidence[1], ("has_master_daemon", has_master.into()));
        }
        let not_here: fn(&mut Facts) = |facts| facts.services[0].address = Some(Route::Nowhere);
        let not_set: fn(&mut Facts) = |facts| facts.director.settings.backup_only = false;
        for spoil in [not_here, not_set] {
            assert_eq!(with(&[Backup], spoil), None);
        }
    }

    #[test]
    fn what_did_not_come_is_named_as_the_service_is() {
        let text = |words: &str| {
            let all = findings(|facts| {
                quiet(facts);
                facts.services[0].state.service.identity = identity(words);
            });
            let unseen = all.into_iter().find(|it| it.id.starts_with(['n', 'm']));
            unseen.unwrap().text
        };
        assert!(text("-f 7").starts_with("No packet with mark 7 has come."));
        assert!(text("-t 192.0.2.1:80").starts_with(
            "No packet for 192.0.2.1:80 has come. Does whoever asks for 192.0.2.1 reach"
        ));
        let was_heard = the("nothing-arrives", |facts| {
            quiet(facts);
            facts.services[0].attempts.count = 1;
        });
        assert_eq!(was_heard, None);
        let is_backup = the("nothing-arrives", |facts| {
            quiet(facts);
            facts.director.daemons = vec![daemon(SyncDaemonRole::Backup)];
        });
        assert_eq!(is_backup, None);
    }
}
