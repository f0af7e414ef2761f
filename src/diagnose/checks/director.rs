//! Checks of the director itself.

#![forbid(unsafe_code)]

use crate::diagnose::facts::{Facts, MissingReason, REVERSE_PATH_DROPS, Route, Server, Service};
use crate::diagnose::findings::{Basis, Claim, Finding};
use crate::model::{Change, Protocol, ServiceIdentity, Timeouts};

use super::{counted, servers, servers_in_use, way_to};

/// The share of the firewall's table of connections that may be used, in percent.
const FULL_PERCENT: u64 = 95;
/// After how many seconds TCP's keepalive first looks after an idle connection, unless told
/// otherwise (`net.ipv4.tcp_keepalive_time`).
const KEEPALIVE_SECONDS: u32 = 7200;

/// The values of `drop_packet` and `drop_entry` while they are at work by themselves, and when they
/// always are.
const AT_WORK: u32 = 2;
const ALWAYS: u32 = 3;

pub fn module_missing(facts: &Facts) -> Vec<Finding> {
    let Some(missing) = &facts.director.missing_module else {
        return Vec::new();
    };
    let release = &missing.release;
    let (reason, text) = match missing.reason {
        MissingReason::NoModulesHere => (
            "no-modules-here",
            format!(
                "IPVS is not in the kernel, and the modules of kernel {release} are not here: a \
                 container uses those of its host. On the host: modprobe ip_vs"
            ),
        ),
        MissingReason::NotAmongThem => (
            "not-among-them",
            format!(
                "IPVS is not in the kernel, and no module ip_vs is among those of kernel \
                 {release}: some distributions have it in a package of further modules; else it \
                 takes another kernel."
            ),
        ),
        MissingReason::NotAllowed => (
            "not-allowed",
            "IPVS is not loaded, and this process may not load modules: it lacks the capability \
             CAP_SYS_MODULE, or kernel.modules_disabled is 1. On the host, as root: modprobe ip_vs"
                .to_owned(),
        ),
        MissingReason::NotLoaded => ("not-loaded", "IPVS is not loaded.".to_owned()),
    };
    let finding = Finding::new(Basis::State, Claim::Hinders, text)
        .seen("kernel", release.as_str())
        .seen("reason", reason);
    vec![match missing.reason {
        MissingReason::NotLoaded => finding.here("modprobe ip_vs"),
        _ => finding,
    }]
}

pub fn lo_down(facts: &Facts) -> Vec<Finding> {
    let lo = facts
        .director
        .interfaces
        .iter()
        .find(|interface| interface.is_loopback && !interface.is_up);
    lo.map(|lo| {
        Finding::new(
            Basis::State,
            Claim::Hinders,
            format!(
                "The interface {} is down: the director has no way to itself, takes no packets \
                 for its own addresses, and no real server can be added.",
                lo.name
            ),
        )
        .seen("interface", lo.name.as_str())
        .here(format!("ip link set {} up", lo.name))
    })
    .into_iter()
    .collect()
}

pub fn conntrack_full(facts: &Facts) -> Vec<Finding> {
    let full = facts
        .director
        .conntrack
        .filter(|table| table.max > 0 && table.count * 100 >= table.max * FULL_PERCENT);
    full.map(|table| {
        Finding::new(
            Basis::State,
            Claim::Hinders,
            format!(
                "The firewall keeps {} of at most {}: when its table is full, new ones are \
                 dropped, before IPVS or behind it.",
                counted(table.count, "connection"),
                table.max
            ),
        )
        .seen("count", table.count)
        .seen("max", table.max)
        .by_setting_of_machine("net.netfilter.nf_conntrack_max", table.max * 2)
    })
    .into_iter()
    .collect()
}

pub fn rp_filter(facts: &Facts) -> Vec<Finding> {
    let mut findings = answers_refused(facts);
    findings.extend(sources_refused(facts));
    findings
}

/// By interface: the answers of servers that it refuses, although clients wait for them.
fn answers_refused(facts: &Facts) -> Vec<Finding> {
    let refused = |index| {
        servers(facts).filter(move |(_, server)| {
            let way = server.route.way();
            way.is_some_and(|way| way.interface == index)
                && server
                    .lost_clients
                    .iter()
                    .any(|(_, route)| *route == Route::Refused)
        })
    };
    let interfaces = facts.director.interfaces.iter();
    interfaces
        .filter_map(|interface| {
            let (_, first) = refused(interface.index).next()?;
            let address = first.identity().address;
            let text = format!(
                "{} is strict (rp_filter 1) and would not send to {address} itself: answers from \
                 there are dropped, and clients wait for them.",
                interface.name
            );
            Some(
                Finding::new(Basis::State, Claim::MayHinder, text)
                    .touching_servers(refused(interface.index))
                    .seen("interface", interface.name.as_str())
                    .seen("server", address.to_string())
                    .by_setting(&format!("net/ipv4/conf/{}/rp_filter", interface.name), 2),
            )
        })
        .collect()
}

fn sources_refused(facts: &Facts) -> Vec<Finding> {
    let added = facts.director.reverse_path_drops_added;
    let drops = facts.director.reverse_path_drops;
    let strict: Vec<&str> = facts
        .director
        .interfaces
        .iter()
        .filter(|interface| interface.is_strict && interface.is_up && !interface.is_loopback)
        .map(|interface| interface.name.as_str())
        .collect();
    if drops == 0 || strict.is_empty() || facts.services.is_empty() {
        return Vec::new();
    }
    let text = format!(
        "The director dropped {} since boot that came in by an interface which it would not \
         answer by; {} so strict (rp_filter 1).",
        counted(drops, "packet"),
        match strict.as_slice() {
            [one] => format!("{one} is"),
            several => format!("{} are", super::listed(several)),
        }
    );
    let grew_while_somebody_asked = facts.listened.as_ref().is_some_and(|listened| {
        let mut drops = listened.drops.iter();
        !listened.attempts.is_empty() && drops.any(|(name, _)| *name == REVERSE_PATH_DROPS)
    });
    let somebody_waits = servers(facts).any(|(_, server)| server.traffic.waiting_in_vain() > 0);
    // Strangers' packets are counted, too, and those that are long over.
    let claim = match grew_while_somebody_asked || somebody_waits {
        true => Claim::Suspects,
        false => Claim::Informs,
    };
    let basis = match added > 0 || grew_while_somebody_asked {
        true => Basis::Traffic,
        false => Basis::State,
    };
    vec![
        Finding::new(basis, claim, text)
            .seen("dropped_since_boot", drops)
            .seen("dropped_in_half_a_second", added)
            .seen("strict_interfaces", strict)
            .by_setting("net.ipv4.conf.all.rp_filter", 2),
    ]
}

pub fn idle_timeout(facts: &Facts) -> Vec<Finding> {
    let seconds = facts.director.timeouts.tcp;
    let takes_tcp = facts
        .services
        .iter()
        .any(|service| match service.identity() {
            ServiceIdentity::Endpoint { protocol, .. } => protocol == Protocol::Tcp,
            ServiceIdentity::FirewallMark { .. } => true,
        });
    if !takes_tcp || seconds >= KEEPALIVE_SECONDS {
        return Vec::new();
    }
    let longer = Timeouts {
        tcp: KEEPALIVE_SECONDS + 60,
        ..Timeouts::default()
    };
    vec![
        Finding::new(
            Basis::State,
            Claim::Informs,
            format!(
                "TCP connections are forgotten after {seconds} idle seconds, and TCP's own \
                 keepalive looks after them only after {KEEPALIVE_SECONDS}: longer silence cuts \
                 them off."
            ),
        )
        .seen("tcp_seconds", seconds)
        .by(&Change::SetTimeouts(longer)),
    ]
}

/// Refused on purpose: the kernel's defences against floods, at work.
pub fn dropped_on_purpose(facts: &Facts) -> Vec<Finding> {
    let settings = facts.director.settings;
    if facts.services.is_empty() {
        return Vec::new();
    }
    let packets = match (settings.drop_packet, settings.am_droprate) {
        (ALWAYS, 1) => Some((
            Claim::Hinders,
            "The director drops the first packet of every connection on purpose (drop_packet 3, \
             am_droprate 1)."
                .to_owned(),
        )),
        (ALWAYS, rate) if rate > 0 => Some((
            Claim::HurtsSome,
            format!(
                "The director drops the first packet of one connection in {rate} on purpose \
                 (drop_packet 3): its client waits a second or longer."
            ),
        )),
        (AT_WORK, _) => Some((
            Claim::HurtsSome,
            "The director drops the first packets of some connections on purpose, since memory \
             runs short (drop_packet 2)."
                .to_owned(),
        )),
        _ => None,
    };
    let packets = packets.map(|(claim, text)| {
        Finding::new(Basis::State, claim, text)
            .seen("drop_packet", settings.drop_packet)
            .seen("am_droprate", settings.am_droprate)
            .by_setting("net.ipv4.vs.drop_packet", 0)
    });
    let entries = (settings.drop_entry >= AT_WORK).then(|| {
        let text = format!(
            "The director forgets connections at random (drop_entry {}): their clients are cut off.",
            settings.drop_entry
        );
        Finding::new(Basis::State, Claim::HurtsSome, text)
            .seen("drop_entry", settings.drop_entry)
            .by_setting("net.ipv4.vs.drop_entry", 0)
    });
    packets.into_iter().chain(entries).collect()
}

pub fn connections_full(facts: &Facts) -> Vec<Finding> {
    let director = &facts.director;
    let (Some(count), Some(max)) = (director.connections, director.settings.conn_max) else {
        return Vec::new();
    };
    if max == 0 || count < max {
        return Vec::new();
    }
    let text = format!(
        "IPVS keeps {} of at most {max} (conn_max): further clients wait without a word.",
        counted(count, "connection")
    );
    vec![
        Finding::new(Basis::State, Claim::Hinders, text)
            .seen("count", count)
            .seen("max", max)
            .by_setting("net.ipv4.vs.conn_max", max.saturating_mul(2)),
    ]
}

/// So many connections to a bucket are many: each packet is compared with half of them.
const CROWD: u64 = 10;
/// The most that older kernels take for `conn_tab_bits`.
const MOST_BITS: u32 = 20;

pub fn table_crowded(facts: &Facts) -> Vec<Finding> {
    let director = &facts.director;
    let (Some(count), Some(buckets)) = (director.connections, director.fixed_buckets) else {
        return Vec::new();
    };
    if buckets == 0 || count < CROWD * u64::from(buckets) {
        return Vec::new();
    }
    let text = format!(
        "IPVS keeps {count} connections in {}, and its table does not grow: each packet is \
         compared with many of them.",
        counted(buckets, "bucket"),
    );
    let finding = Finding::new(Basis::State, Claim::Informs, text)
        .seen("connections", count)
        .seen("buckets", buckets);
    let bits = count.next_power_of_two().ilog2().min(MOST_BITS);
    vec![match bits > buckets.ilog2() {
        // It counts when the module is loaded. The file may be there, with other options.
        true => finding.on_machine(format!(
            "echo 'options ip_vs conn_tab_bits={bits}' >>/etc/modprobe.d/ip_vs.conf"
        )),
        false => finding,
    }]
}

/// Without room for a neighbour, the kernel does not even note that it asked for it.
pub fn neighbour_table_full(facts: &Facts) -> Vec<Finding> {
    let refused = facts.director.neighbours_refused;
    let tables = [
        (true, refused.ipv4, "net.ipv4.neigh.default.gc_thresh3"),
        (false, refused.ipv6, "net.ipv6.neigh.default.gc_thresh3"),
    ];
    let full = tables.into_iter().filter(|(_, refused, _)| *refused > 0);
    full.filter_map(|(is_ipv4, refused, limit)| {
        let unknown: Vec<(&Service, &Server)> = servers_in_use(facts)
            .filter(|(_, server)| {
                server.next_hop.is_none()
                    && server.traffic.waiting_since_heard > 0
                    && way_to(facts, server).is_some_and(|(way, interface)| {
                        let next_hop = way.next_hop(server.identity().address);
                        next_hop.is_ipv4() == is_ipv4 && interface.hardware.is_some()
                    })
            })
            .collect();
        let server = unknown.first()?.1.identity().address;
        let text = format!(
            "The machine had no room for a further neighbour {} since boot, and knows none on the \
             way to {server}, whose clients wait.",
            counted(refused, "time")
        );
        Some(
            Finding::new(Basis::State, Claim::MayHinder, text)
                .touching_servers(unknown)
                .seen("refused_since_boot", refused)
                .seen("server", server.to_string())
                // A network namespace does not show the machine's limit.
                .by_setting_of_machine(limit, format!("$((2 * $(sysctl -n {limit})))")),
        )
    })
    .collect()
}

pub fn counters_stopped(facts: &Facts) -> Vec<Finding> {
    let Some(standstill) = facts.director.settings.standstill else {
        return Vec::new();
    };
    if facts.services.is_empty() {
        return Vec::new();
    }
    let (why, setting) = (standstill.reason(), standstill.setting());
    let text = format!(
        "The counters of services and servers stand still ({why}), so nothing was concluded from \
         them."
    );
    vec![
        Finding::new(Basis::State, Claim::Informs, text)
            .seen("setting", setting)
            .by_setting(&format!("net.ipv4.vs.{setting}"), standstill.cure()),
    ]
}

pub fn not_read(facts: &Facts) -> Vec<Finding> {
    let unread = &facts.director.unread;
    if unread.is_empty() {
        return Vec::new();
    }
    let text = format!(
        "Not read, for want of /proc or of rights, or not understood: {}. What hangs on that was \
         not looked at.",
        super::listed(unread)
    );
    vec![Finding::new(Basis::State, Claim::Informs, text).seen("unread", unread.clone())]
}

pub fn connections_unread(facts: &Facts) -> Vec<Finding> {
    let cut_at = facts.director.connections_cut_at;
    cut_at
        .map(|count| {
            Finding::new(
                Basis::State,
                Claim::Informs,
                format!(
                    "Only the first {count} connections were looked at; there are more, and what \
                     is told of connections may be incomplete."
                ),
            )
            .seen("looked_at", count)
        })
        .into_iter()
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnose::checks::samples::{
        commands, findings, first, found, healthy, keep_waiting, service,
    };
    use crate::diagnose::facts::{Conntrack, MissingModule, Neighbour, NeighboursRefused};
    use crate::diagnose::findings::Level;
    use crate::diagnose::listen;
    use crate::model::Standstill;

    #[test]
    fn where_all_is_well_nothing_is_found() {
        assert_eq!(found(|_| ()), []);
    }

    #[test]
    fn a_missing_module_says_where_it_is_missing() {
        for (reason, words) in [
            (MissingReason::NoModulesHere, "host"),
            (MissingReason::NotAmongThem, "another kernel"),
            (MissingReason::NotAllowed, "CAP_SYS_MODULE"),
            (MissingReason::NotLoaded, "not loaded"),
        ] {
            let found = findings(|facts| {
                facts.services.clear();
                facts.director.missing_module = Some(MissingModule {
                    release: "6.1.0".to_owned(),
                    reason,
                });
            });
            assert_eq!(found.len(), 1, "{found:?}");
            assert_eq!(found[0].level, Level::Fault);
            assert!(found[0].text.contains(words), "{}", found[0].text);
        }
    }

    #[test]
    fn lo_must_be_up() {
        let found = found(|facts| facts.director.interfaces[0].is_up = false);
        assert_eq!(found, [("lo-down", Level::Fault)]);
    }

    #[test]
    fn a_full_table_of_the_firewall_is_a_fault() {
        let with =
            |count| found(|facts| facts.director.conntrack = Some(Conntrack { count, max: 1000 }));
        assert_eq!(with(950), [("conntrack-full", Level::Fault)]);
        assert_eq!(with(949), []);
        let full = findings(|facts| {
            facts.director.conntrack = Some(Conntrack {
                count: 1000,
                max: 1001,
            });
        });
        assert_eq!(
            commands(&full[0]),
            ["sysctl -w net.netfilter.nf_conntrack_max=2002"]
        );
    }

    #[test]
    fn strict_interfaces_are_told_of_where_packets_were_dropped() {
        let with = |drops, added, strict| {
            found(|facts| {
                facts.director.reverse_path_drops = drops;
                facts.director.reverse_path_drops_added = added;
                facts.director.interfaces[1].is_strict = strict;
                for service in &mut facts.services {
                    for server in &mut service.servers {
                        server.traffic.heard.count = 0;
                    }
                }
            })
        };
        assert_eq!(with(3, 0, true), [("rp-filter", Level::Note)]);
        assert_eq!(with(3, 2, true), [("rp-filter", Level::Note)]);
        assert_eq!(with(3, 2, false), []);
        assert_eq!(with(0, 0, true), []);
        // Old ones are suspected where somebody waits, and while somebody asks.
        let level = |spoil: &dyn Fn(&mut Facts)| {
            let all = found(|facts| {
                facts.director.reverse_path_drops = 3;
                facts.director.interfaces[1].is_strict = true;
                first(facts).traffic.heard.count = 0;
                spoil(facts);
            });
            let mut levels = all.iter().filter(|(id, _)| *id == "rp-filter");
            levels.next().map(|(_, level)| *level)
        };
        let waiting = level(&|facts| keep_waiting(first(facts), 5));
        assert_eq!(waiting, Some(Level::Risk));
        let listening = |attempts: usize| {
            level(&|facts| {
                let attempts = vec![listen::samples::attempt(Protocol::Tcp); attempts];
                let mut listened = listen::samples::heard(attempts);
                listened.drops = vec![(REVERSE_PATH_DROPS, 7)];
                listen::add(listened, facts);
            })
        };
        assert_eq!(listening(0), Some(Level::Note));
        assert_eq!(listening(2), Some(Level::Risk));
    }

    #[test]
    fn what_is_dropped_on_purpose_is_a_fault_where_it_is_everything() {
        let with = |drop_packet, am_droprate, drop_entry| {
            found(|facts| {
                let settings = &mut facts.director.settings;
                settings.drop_packet = drop_packet;
                settings.am_droprate = am_droprate;
                settings.drop_entry = drop_entry;
            })
        };
        assert_eq!(with(3, 1, 0), [("dropped-on-purpose", Level::Fault)]);
        assert_eq!(with(3, 10, 0), [("dropped-on-purpose", Level::Risk)]);
        assert_eq!(with(2, 10, 0), [("dropped-on-purpose", Level::Risk)]);
        assert_eq!(with(1, 10, 2), [("dropped-on-purpose", Level::Risk)]);
        assert_eq!(with(1, 10, 1), []);
    }

    #[test]
    fn at_the_limit_of_connections_clients_wait() {
        let with = |count| {
            found(|facts| {
                facts.director.connections = Some(count);
                facts.director.settings.conn_max = Some(900);
            })
        };
        assert_eq!(with(900), [("connections-full", Level::Fault)]);
        assert_eq!(with(899), []);
    }

    #[test]
    fn many_connections_in_few_buckets_are_noted() {
        let with = |count, buckets| {
            findings(|facts| {
                facts.director.connections = Some(count);
                facts.director.fixed_buckets = buckets;
            })
        };
        let crowded = with(40_960, Some(4096));
        assert_eq!(crowded[0].id, "table-crowded");
        assert_eq!(crowded[0].level, Level::Note);
        assert_eq!(
            commands(&crowded[0]),
            ["echo 'options ip_vs conn_tab_bits=16' >>/etc/modprobe.d/ip_vs.conf"]
        );
        assert_eq!(with(40_959, Some(4096)), []);
        assert_eq!(with(40_960, None), []);
        assert_eq!(with(0, Some(0)), []);
        let most = with(90_000_000, Some(4096));
        assert!(commands(&most[0])[0].contains("conn_tab_bits=20'"));
        // There is no more to be set.
        assert_eq!(commands(&with(90_000_000, Some(1 << 20))[0]), [""; 0]);
    }

    #[test]
    fn a_neighbour_that_there_was_no_room_for_is_missed_by_those_who_wait() {
        let with = |refused, next_hop| {
            found(|facts| {
                facts.director.neighbours_refused.ipv4 = refused;
                keep_waiting(first(facts), 5);
                first(facts).next_hop = next_hop;
            })
        };
        assert_eq!(with(7, None), [("neighbour-table-full", Level::Fault)]);
        assert_eq!(with(0, None), [("handshake-stuck", Level::Fault)]);
        let known = Neighbour {
            address: [10, 0, 0, 10].into(),
            interface: 2,
            hardware: Some([2, 0, 0, 0, 0, 3]),
            is_silent: false,
        };
        assert_eq!(with(7, Some(known)), [("handshake-stuck", Level::Fault)]);
    }

    #[test]
    fn what_was_not_read_is_said() {
        let note = [("not-read", Level::Note)];
        assert_eq!(
            found(|facts| facts.director.unread = vec!["connections"]),
            note
        );
    }

    #[test]
    fn answers_that_fail_the_check_of_their_source_are_told_by_interface() {
        let spoil = |facts: &mut Facts| {
            keep_waiting(first(facts), 5);
            first(facts).lost_clients = vec![([198, 51, 100, 7].into(), Route::Refused)];
        };
        let refused = findings(spoil);
        assert_eq!(
            (refused[0].id, refused[0].level),
            ("rp-filter", Level::Fault)
        );
        assert_eq!(
            commands(&refused[0]),
            ["sysctl -w net/ipv4/conf/inner/rp_filter=2"]
        );
    }

    #[test]
    fn idle_connections_are_of_interest_where_there_are_some() {
        let with = |seconds, words: &str| {
            found(|facts| {
                facts.director.timeouts.tcp = seconds;
                facts.services[0].state.service.identity = service(words).identity();
            })
        };
        assert_eq!(
            with(900, "-t 192.0.2.1:80"),
            [("idle-timeout", Level::Note)]
        );
        assert_eq!(with(7200, "-t 192.0.2.1:80"), []);
        assert_eq!(with(900, "-u 192.0.2.1:80"), []);
        assert!(healthy().director.timeouts.tcp > 7200);
    }

    #[test]
    fn a_table_of_the_firewall_without_a_limit_is_never_full() {
        let with = |count, max| {
            let all = findings(|facts| facts.director.conntrack = Some(Conntrack { count, max }));
            all.into_iter().next()
        };
        assert_eq!(with(0, 0), None);
        assert_eq!(with(7, 0), None);
        // The share of so small a table has no whole number.
        assert_eq!(with(36, 38), None);
        let full = with(37, 38).unwrap();
        assert!(
            full.text
                .starts_with("The firewall keeps 37 connections of at most 38:"),
            "{full:?}"
        );
        assert_eq!(full.evidence, [("count", 37.into()), ("max", 38.into())]);
        assert_eq!(with(1, 1).unwrap().level, Level::Fault);
    }

    /// Returns the finding of an id.
    fn the(id: &str, spoil: impl FnOnce(&mut Facts)) -> Option<Finding> {
        let all = findings(spoil);
        all.into_iter().find(|finding| finding.id == id)
    }

    #[test]
    fn only_a_module_that_is_there_is_loaded_by_a_command() {
        let with = |reason| {
            let missing = the("module-missing", |facts| {
                facts.director.missing_module = Some(MissingModule {
                    release: "6.1.0".to_owned(),
                    reason,
                });
            });
            missing.unwrap()
        };
        for (reason, word, remedy) in [
            (MissingReason::NoModulesHere, "no-modules-here", &[][..]),
            (MissingReason::NotAmongThem, "not-among-them", &[]),
            (MissingReason::NotAllowed, "not-allowed", &[]),
            (MissingReason::NotLoaded, "not-loaded", &["modprobe ip_vs"]),
        ] {
            let missing = with(reason);
            assert_eq!(
                missing.evidence,
                [("kernel", "6.1.0".into()), ("reason", word.into())]
            );
            assert_eq!(commands(&missing), remedy);
        }
    }

    #[test]
    fn it_is_lo_that_must_be_up() {
        let down = the("lo-down", |facts| {
            facts.director.interfaces[0].is_up = false
        })
        .unwrap();
        assert_eq!(commands(&down), ["ip link set lo up"]);
        let another = the("lo-down", |facts| {
            facts.director.interfaces[1].is_up = false
        });
        assert_eq!(another, None);
    }

    #[test]
    fn drops_for_their_source_are_told_with_the_interfaces_that_are_strict() {
        let with = |spoil: fn(&mut Facts)| {
            the("rp-filter", |facts| {
                facts.director.reverse_path_drops = 31;
                let interfaces = &mut facts.director.interfaces;
                (interfaces[1].is_strict, interfaces[2].is_strict) = (true, true);
                spoil(facts);
            })
        };
        let two = with(|_| ()).unwrap();
        assert!(
            two.text
                .starts_with("The director dropped 31 packets since boot"),
            "{two:?}"
        );
        assert!(
            two.text
                .ends_with("; inner and public are so strict (rp_filter 1)."),
            "{two:?}"
        );
        assert_eq!(
            two.evidence,
            [
                ("dropped_since_boot", 31.into()),
                ("dropped_in_half_a_second", 0.into()),
                ("strict_interfaces", serde_json::json!(["inner", "public"]))
            ]
        );
        assert_eq!(commands(&two), ["sysctl -w net.ipv4.conf.all.rp_filter=2"]);
        assert_eq!((two.basis, two.claim), (Basis::State, Claim::Informs));
        let now = with(|facts| facts.director.reverse_path_drops_added = 1).unwrap();
        assert_eq!((now.basis, now.claim), (Basis::Traffic, Claim::Informs));
        let one_is_down = with(|facts| facts.director.interfaces[1].is_up = false).unwrap();
        assert!(
            one_is_down
                .text
                .ends_with("; public is so strict (rp_filter 1)."),
            "{one_is_down:?}"
        );
        let lo_alone: fn(&mut Facts) = |facts| {
            let [lo, inner, public] = &mut facts.director.interfaces[..] else {
                unreachable!()
            };
            (lo.is_strict, inner.is_strict, public.is_strict) = (true, false, false);
        };
        let no_service: fn(&mut Facts) = |facts| facts.services.clear();
        for spoil in [lo_alone, no_service] {
            assert_eq!(with(spoil), None);
        }
    }

    #[test]
    fn refused_answers_are_told_of_the_interface_that_they_come_in_by() {
        let with = |route| {
            the("rp-filter", |facts| {
                first(facts).lost_clients = vec![
                    ([198, 51, 100, 9].into(), Route::Nowhere),
                    ([198, 51, 100, 7].into(), route),
                ];
            })
        };
        let refused = with(Route::Refused).unwrap();
        assert!(
            refused
                .text
                .starts_with("inner is strict (rp_filter 1) and would not send to 10.0.0.10"),
            "{refused:?}"
        );
        assert_eq!(
            refused.evidence,
            [
                ("interface", "inner".into()),
                ("server", "10.0.0.10".into())
            ]
        );
        assert_eq!(refused.servers.len(), 1);
        assert_eq!(with(Route::Nowhere), None);
    }

    #[test]
    fn a_longer_timeout_is_offered_where_tcp_may_be_idle() {
        let with = |words: &str, seconds| {
            let short = the("idle-timeout", |facts| {
                facts.director.timeouts.tcp = seconds;
                facts.services[0].state.service.identity = service(words).identity();
            });
            short.map(|it| (it.evidence[0].1.clone(), commands(&it).join("; ")))
        };
        let offered = |seconds: u32| Some((seconds.into(), "ipvsadm --set 7260 0 0".to_owned()));
        assert_eq!(with("-f 7", 7199), offered(7199));
        assert_eq!(with("-f 7", 7200), None);
        assert_eq!(with("--sctp-service 192.0.2.1:80", 900), None);
    }

    #[test]
    fn each_way_of_dropping_on_purpose_is_ended_by_its_own_setting() {
        let with = |drop_packet, am_droprate, drop_entry| {
            findings(|facts| {
                let settings = &mut facts.director.settings;
                settings.drop_packet = drop_packet;
                settings.am_droprate = am_droprate;
                settings.drop_entry = drop_entry;
            })
        };
        let packet = "sysctl -w net.ipv4.vs.drop_packet=0";
        let entry = "sysctl -w net.ipv4.vs.drop_entry=0";
        for (drop_packet, am_droprate, drop_entry, said) in [
            (3, 1, 0, &[("packet of every connection", packet)][..]),
            (3, 11, 0, &[("one connection in 11 on", packet)]),
            (2, 10, 0, &[("packets of some connections on", packet)]),
            (3, 0, 2, &[("at random (drop_entry 2)", entry)]),
            (0, 10, 3, &[("at random (drop_entry 3)", entry)]),
            (
                2,
                10,
                3,
                &[("some connections on", packet), ("drop_entry 3", entry)],
            ),
            (3, 0, 1, &[]),
        ] {
            let found = with(drop_packet, am_droprate, drop_entry);
            assert_eq!(found.len(), said.len(), "{found:?}");
            for (finding, (words, command)) in found.iter().zip(said) {
                assert_eq!(finding.id, "dropped-on-purpose");
                assert!(finding.text.contains(words), "{}", finding.text);
                assert_eq!(commands(finding), [*command]);
            }
        }
        let evidence = |index: usize| with(2, 10, 3)[index].evidence.clone();
        let of_packets = [("drop_packet", 2.into()), ("am_droprate", 10.into())];
        assert_eq!(evidence(0), of_packets);
        assert_eq!(evidence(1), [("drop_entry", 3.into())]);
        let without_services = the("dropped-on-purpose", |facts| {
            facts.services.clear();
            facts.director.settings.drop_packet = 2;
        });
        assert_eq!(without_services, None);
    }

    #[test]
    fn a_limit_of_connections_is_doubled_and_0_is_none() {
        let with = |count, max| {
            the("connections-full", |facts| {
                facts.director.connections = Some(count);
                facts.director.settings.conn_max = Some(max);
            })
        };
        let full = with(903, 900).unwrap();
        assert!(
            full.text
                .starts_with("IPVS keeps 903 connections of at most 900 (conn_max):"),
            "{full:?}"
        );
        assert_eq!(full.evidence, [("count", 903.into()), ("max", 900.into())]);
        assert_eq!(commands(&full), ["sysctl -w net.ipv4.vs.conn_max=1800"]);
        assert_eq!(with(3, 0), None);
        assert_eq!(with(0, 0), None);
    }

    #[test]
    fn a_neighbour_is_missed_where_clients_wait_and_the_way_needs_one() {
        let with = |spoil: fn(&mut Facts)| {
            the("neighbour-table-full", |facts| {
                facts.director.neighbours_refused.ipv4 = 7;
                first(facts).traffic.waiting_since_heard = 1;
                spoil(facts);
            })
        };
        let full = with(|_| ()).unwrap();
        assert_eq!(
            full.evidence,
            [
                ("refused_since_boot", 7.into()),
                ("server", "10.0.0.10".into())
            ]
        );
        assert_eq!(full.servers.len(), 1);
        assert_eq!(
            commands(&full),
            ["sysctl -w net.ipv4.neigh.default.gc_thresh3=\
                 $((2 * $(sysctl -n net.ipv4.neigh.default.gc_thresh3)))"]
        );
        let nobody_waits: fn(&mut Facts) = |facts| first(facts).traffic.waiting_since_heard = 0;
        let no_ethernet: fn(&mut Facts) = |facts| facts.director.interfaces[1].hardware = None;
        let local: fn(&mut Facts) = |facts| first(facts).route = Route::Local;
        let behind_ipv6 = with(|facts| {
            facts.director.neighbours_refused = NeighboursRefused { ipv4: 7, ipv6: 9 };
            let Route::Out(way) = &mut first(facts).route else {
                unreachable!()
            };
            way.gateway = Some("fe80::1".parse().unwrap());
        });
        let behind_ipv6 = behind_ipv6.unwrap();
        assert_eq!(behind_ipv6.evidence[0], ("refused_since_boot", 9.into()));
        assert!(commands(&behind_ipv6)[0].contains("net.ipv6.neigh"));
        let the_other_table: fn(&mut Facts) = |facts| {
            facts.director.neighbours_refused = NeighboursRefused { ipv4: 0, ipv6: 7 };
        };
        for spoil in [nobody_waits, no_ethernet, local, the_other_table] {
            assert_eq!(with(spoil), None);
        }
    }

    #[test]
    fn why_counters_stand_still_is_said_with_the_setting() {
        let with = |standstill| {
            let stopped = the("counters-stopped", |facts| {
                facts.director.settings.standstill = standstill;
            });
            stopped.map(|it| {
                let (_, setting) = &it.evidence[0];
                (setting.clone(), commands(&it).join("; "))
            })
        };
        let said = |setting: &str, value: &str| {
            let command = format!("sysctl -w net.ipv4.vs.{setting}={value}");
            Some((setting.into(), command))
        };
        assert_eq!(
            with(Some(Standstill::NotEstimated)),
            said("run_estimation", "1")
        );
        assert_eq!(
            with(Some(Standstill::NoProcessor)),
            said("est_cpulist", "all")
        );
        assert_eq!(with(None), None);
        let without_services = the("counters-stopped", |facts| {
            facts.services.clear();
            facts.director.settings.standstill = Some(Standstill::NoProcessor);
        });
        assert_eq!(without_services, None);
    }

    #[test]
    fn what_was_not_looked_at_is_named() {
        let unread = the("not-read", |facts| {
            facts.director.unread = vec!["connections", "neighbours"];
        });
        let unread = unread.unwrap();
        assert!(
            unread
                .text
                .contains("understood: connections and neighbours. What"),
            "{unread:?}"
        );
        assert_eq!(
            unread.evidence,
            [("unread", serde_json::json!(["connections", "neighbours"]))]
        );
        let cut = the("connections-unread", |facts| {
            facts.director.connections_cut_at = Some(70_000);
        });
        let cut = cut.unwrap();
        assert!(
            cut.text
                .starts_with("Only the first 70000 connections were looked at;"),
            "{cut:?}"
        );
        assert_eq!(cut.evidence, [("looked_at", 70_000.into())]);
    }
}
