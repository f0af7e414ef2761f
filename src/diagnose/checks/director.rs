//! Of the machine itself.

use crate::diagnose::facts::{Facts, MissingReason};
use crate::diagnose::findings::{Basis, Claim, Finding};
use crate::model::{Change, Protocol, ServiceIdentity, Timeouts};

use super::counted;

/// How full the firewall's table of connections may be, in percent.
const FULL_PERCENT: u64 = 95;
/// After how many seconds TCP's keepalive first looks after an idle connection, unless told
/// otherwise (`net.ipv4.tcp_keepalive_time`).
const KEEPALIVE_SECONDS: u32 = 7200;

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
        "{} since boot came in by an interface that the director would not answer by, and were \
         dropped; {} so strict (rp_filter 1).",
        counted(drops, "packet"),
        match strict.as_slice() {
            [one] => format!("{one} is"),
            several => format!("{} are", super::listed(several)),
        }
    );
    vec![
        Finding::new(Basis::State, Claim::MayHinder, text)
            .seen("dropped_since_boot", drops)
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
    use crate::diagnose::checks::samples::{findings, found, healthy, service};
    use crate::diagnose::facts::{Conntrack, MissingModule};
    use crate::diagnose::findings::Level;

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
    }

    #[test]
    fn strict_interfaces_are_a_risk_where_packets_were_dropped() {
        let with = |drops, strict| {
            found(|facts| {
                facts.director.reverse_path_drops = drops;
                facts.director.interfaces[1].is_strict = strict;
            })
        };
        assert_eq!(with(3, true), [("rp-filter", Level::Risk)]);
        assert_eq!(with(3, false), []);
        assert_eq!(with(0, true), []);
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
}
