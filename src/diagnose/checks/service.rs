//! Checks of a virtual service: its scheduler, and its servers taken together.

#![forbid(unsafe_code)]

use crate::diagnose::facts::{Facts, Route, Server, Service};
use crate::diagnose::findings::{Basis, Claim, Finding};
use crate::model::{Change, Destination, ServiceIdentity, VirtualService};
use crate::schedulers::TurningAway;

use super::{about, counted, endpoint, listed, name, servers};

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
            opened.fold(finding, |finding, destination| {
                finding.by(&Change::EditDestination(service.identity(), destination))
            })
        })
        .collect()
}

pub fn maybe_full(facts: &Facts) -> Vec<Finding> {
    let find = |service: &Service| {
        let takers = service.servers.iter();
        let takers: Vec<&Server> = takers.filter(|server| server.takes_connections()).collect();
        let doubtful: Vec<&Server> = takers
            .iter()
            .copied()
            .filter(|server| server.state.may_be_full() && !takes_more(server))
            .collect();
        let first = doubtful.first()?;
        let names: Vec<String> = doubtful
            .iter()
            .map(|server| endpoint(server.identity()))
            .collect();
        let claim = match doubtful.len() == takers.len() {
            true => Claim::HurtsSome,
            false => Claim::Informs,
        };
        let text = format!(
            "{} may be full: once at the upper threshold, a server gets no connections until it \
             is below the lower one, or three quarters of the upper one.",
            listed(&names)
        );
        let widened = twice_as_wide(first.state.destination);
        Some(
            Finding::new(Basis::State, claim, text)
                .about(service.identity())
                .seen("servers", names)
                .by(&Change::EditDestination(service.identity(), widened)),
        )
    };
    facts.services.iter().filter_map(find).collect()
}

/// Returns true if a server was given new connections while it was looked at: it is not full.
fn takes_more(server: &Server) -> bool {
    let traffic = &server.traffic;
    traffic.growth.connections > 0 || traffic.attempts.scheduled > 0
}

/// A server with room for twice as many connections, and a lower threshold that those it has now are
/// below.
fn twice_as_wide(destination: Destination) -> Destination {
    let most = Destination::LARGEST;
    let upper = destination.upper_threshold;
    Destination {
        upper_threshold: upper.saturating_mul(2).min(most),
        lower_threshold: match destination.lower_threshold {
            0 => 0,
            _ => upper.saturating_add(1).min(most),
        },
        ..destination
    }
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
            .filter(|server| server.is_masqueraded() && server.route != Route::Local)
            .map(|server| endpoint(server.identity()))
            .collect();
        if masqueraded.is_empty() {
            return None;
        }
        let text = format!(
            "With one-packet scheduling nothing is remembered, so the answers of {} do not find \
             their way back through the director (-m): if there are any, they leave with the real \
             server's address.",
            listed(&masqueraded)
        );
        let claim = match is_answered_by_nature(service) {
            true => Claim::MayHinder,
            false => Claim::Explains,
        };
        let without = VirtualService {
            one_packet: false,
            ..*settings
        };
        Some(
            Finding::new(Basis::State, claim, text)
                .about(service.identity())
                .seen("masqueraded_servers", masqueraded)
                .by(&Change::EditService(without)),
        )
    };
    facts.services.iter().filter_map(find).collect()
}

/// Returns true for ports from which every question is answered: names, time, keys, calls and the
/// like. Traps, logs and metrics never are, and of other ports nobody knows.
fn is_answered_by_nature(service: &Service) -> bool {
    const PORTS: [u16; 22] = [
        7, 53, 67, 69, 88, 111, 123, 137, 161, 389, 443, 464, 500, 853, 1812, 1813, 3478, 4500,
        5060, 5353, 5683, 11211,
    ];
    matches!(service.identity(), ServiceIdentity::Endpoint { port, .. } if PORTS.contains(&port))
}

pub fn hash_turns_away(facts: &Facts) -> Vec<Finding> {
    let find = |service: &Service| {
        let settings = &service.state.service;
        let turning_away = TurningAway::by(settings)?;
        // A server that was added to `mh` with weight 0 never had a slot there, and turns away
        // nobody.
        let had_a_slot = |server: &Server| {
            settings.scheduler.as_bytes() != b"mh"
                || server.state.destination.weight > 0
                || server.state.statistics.connections > 0
        };
        let closed: Vec<String> = service
            .servers
            .iter()
            .filter(|server| !server.takes_connections() && had_a_slot(server))
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
        // `dh` goes by the address asked for: one server has all that are for one address.
        let is_for_one =
            settings.scheduler.as_bytes() == b"dh" && service.virtual_address().is_some();
        let claim = match is_for_one {
            true if service.servers.iter().any(is_chosen) => return None,
            true => Claim::Explains,
            false => Claim::HurtsSome,
        };
        let finding = Finding::new(Basis::State, claim, text)
            .about(service.identity())
            .seen("scheduler", settings.scheduler.to_string())
            .seen("closed_servers", closed);
        Some(match turning_away.fallback {
            Some((flag, _)) => finding.by(&Change::EditService(VirtualService {
                scheduler_flags: settings.scheduler_flags.union(flag),
                ..*settings
            })),
            None => finding,
        })
    };
    facts.services.iter().filter_map(find).collect()
}

/// Returns true if a server takes connections, and has some, or has just had.
fn is_chosen(server: &Server) -> bool {
    let traffic = &server.traffic;
    let has_some = traffic.heard.count > 0 || traffic.open > 0 || takes_more(server);
    server.takes_connections() && has_some
}

pub fn held_at_draining(facts: &Facts) -> Vec<Finding> {
    if facts.director.settings.expire_quiescent_template {
        return Vec::new();
    }
    servers(facts)
        .filter(|(service, server)| {
            server.state.destination.weight == 0
                && server.state.persistent_connections > 0
                && service.state.service.persistence_timeout.is_some()
        })
        .map(|(service, server)| {
            let clients = server.state.persistent_connections;
            let text = format!(
                "Persistence brings {} back to {}, although its weight is 0.",
                counted(u64::from(clients), "client"),
                endpoint(server.identity())
            );
            about(Basis::State, Claim::Explains, service, server, text)
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
                "{} {verb} to {}, which is no server any more; {pronoun} packets are dropped{}.",
                counted(strays.count, "connection"),
                endpoint(strays.server),
                if strays.datagrams > 0 {
                    ", if any come"
                } else {
                    ""
                },
            );
            let claim = match strays.datagrams == strays.count {
                true => Claim::Informs,
                false => Claim::HurtsSome,
            };
            Finding {
                service: strays.service,
                ..Finding::new(Basis::State, claim, text)
            }
            .of_server(strays.server)
            .seen("connections", strays.count)
            .by_setting("net.ipv4.vs.expire_nodest_conn", 1)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnose::checks::samples::{
        NONE, commands, findings, first, found, identity as named, keep_waiting, server, strays,
    };
    use crate::diagnose::facts::Strays;
    use crate::diagnose::findings::Level;
    use crate::model::{ForwardingMethod, KernelName, SchedulerFlags};

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
        let with = |scheduler, flags| {
            findings(|facts| {
                let service = &mut facts.services[0];
                service.state.service.scheduler = KernelName::from(scheduler);
                service.state.service.scheduler_flags = SchedulerFlags::from_bits(flags);
                service.servers[0].state.destination.weight = 0;
            })
        };
        let turned_away = with("sh", 0b10);
        assert_eq!(turned_away[0].id, "hash-turns-away");
        assert_eq!(
            commands(&turned_away[0]),
            ["ipvsadm -E -t 192.0.2.1:80 -s sh -b sh-fallback,sh-port"]
        );
        assert_eq!(with("sh", 0b01), []);
        let without_remedy = with("dh", 0b01);
        assert_eq!(without_remedy[0].id, "hash-turns-away");
        assert!(commands(&without_remedy[0]).is_empty());
    }

    #[test]
    fn maglev_turns_clients_away_only_where_the_server_ever_had_some() {
        let with = |weight, full: bool, connections| {
            found(|facts| {
                let service = &mut facts.services[0];
                service.state.service.scheduler = KernelName::from("mh");
                let state = &mut service.servers[0].state;
                state.destination.weight = weight;
                state.statistics.connections = connections;
                if full {
                    state.destination.upper_threshold = 1;
                    state.active_connections = 1;
                }
            })
        };
        let turned_away = [("hash-turns-away", Level::Risk)];
        assert_eq!(with(0, false, 0), NONE);
        assert_eq!(with(0, false, 1), turned_away);
        assert_eq!(with(3, true, 0), turned_away);
        assert_eq!(with(3, false, 1), NONE);
    }

    #[test]
    fn persistence_holds_clients_at_a_draining_server() {
        let with = |expires, waiting| {
            found(|facts| {
                facts.director.settings.expire_quiescent_template = expires;
                facts.services[0].state.service.persistence_timeout = Some(360);
                let server = first(facts);
                server.state.destination.weight = 0;
                server.state.persistent_connections = 3;
                keep_waiting(server, waiting);
            })
        };
        assert_eq!(with(false, 0), [("held-at-draining", Level::Note)]);
        assert_eq!(with(true, 0), NONE);
        let held = ("held-at-draining", Level::Fault);
        assert_eq!(with(false, 4)[0], held);
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
    fn a_server_holds_clients_where_it_is_drained_and_its_service_brings_them_back() {
        let with = |weight, clients, persistence| {
            let all = findings(|facts| {
                facts.services[0].state.service.persistence_timeout = persistence;
                let state = &mut first(facts).state;
                state.destination.weight = weight;
                state.persistent_connections = clients;
            });
            let mut held = all.into_iter().filter(|it| it.id == "held-at-draining");
            held.next()
        };
        let held = with(0, 3, Some(360)).unwrap();
        assert_eq!(
            held.text,
            "Persistence brings 3 clients back to 10.0.0.10:80, although its weight is 0."
        );
        assert_eq!(held.evidence, [("clients", 3.into())]);
        assert_eq!(
            commands(&held),
            ["sysctl -w net.ipv4.vs.expire_quiescent_template=1"]
        );
        assert!(with(0, 1, Some(360)).is_some());
        assert_eq!(with(1, 3, Some(360)), None);
        assert_eq!(with(0, 0, Some(360)), None);
        assert_eq!(with(0, 3, None), None);
    }

    #[test]
    fn why_no_server_takes_connections_is_said_with_a_command_for_each() {
        let with = |drained: usize, full: usize| {
            let all = findings(|facts| {
                let like = facts.services[0].servers[0].clone();
                let mut closed = vec![like.clone(); drained + full];
                for (index, server) in closed.iter_mut().enumerate() {
                    server.state.destination.identity.port = 8001 + index as u16;
                    match index < drained {
                        true => server.state.destination.weight = 0,
                        false => {
                            server.state.destination.upper_threshold = 5;
                            server.state.active_connections = 5;
                        }
                    }
                }
                facts.services[0].servers = closed;
            });
            all.into_iter().find(|it| it.id == "no-server").unwrap()
        };
        for (drained, full, why) in [
            (0, 0, "it has none"),
            (2, 0, "all have weight 0"),
            (0, 3, "all are at their upper threshold"),
            (4, 3, "each has weight 0, or is at its upper threshold"),
        ] {
            let found = with(drained, full);
            assert_eq!(
                found.text,
                format!(
                    "No real server of 192.0.2.1:80 takes connections: {why}. Clients are refused."
                )
            );
            assert_eq!(
                found.evidence,
                [
                    ("servers", (drained + full).into()),
                    ("of_weight_0", drained.into()),
                    ("full", full.into())
                ]
            );
            assert_eq!(found.remedy.len(), drained + full);
        }
    }

    #[test]
    fn a_server_may_be_full_from_its_lower_threshold_or_three_quarters_of_the_upper_one() {
        let with = |upper, lower, connections| {
            let mut state = server("10.0.0.10:80").state;
            state.destination.upper_threshold = upper;
            state.destination.lower_threshold = lower;
            state.inactive_connections = connections;
            state.may_be_full()
        };
        assert!(with(8, 0, 6));
        assert!(!with(8, 0, 5));
        assert!(with(8, 3, 3));
        assert!(!with(8, 3, 2));
        assert!(!with(0, 0, 9));
        assert!(!with(0, 3, 9));
    }

    #[test]
    fn a_wider_server_has_a_lower_threshold_above_those_that_it_has_now() {
        let widened = |upper_threshold, lower_threshold| {
            let destination = Destination {
                upper_threshold,
                lower_threshold,
                ..server("10.0.0.10:80").state.destination
            };
            let wide = twice_as_wide(destination);
            (wide.upper_threshold, wide.lower_threshold)
        };
        let most = Destination::LARGEST;
        assert_eq!(widened(7, 0), (14, 0));
        assert_eq!(widened(7, 5), (14, 8));
        assert_eq!(widened(most, 9), (most, most));
    }

    #[test]
    fn servers_that_may_be_full_hurt_where_no_other_takes_connections() {
        let with = |count: usize| {
            let all = findings(|facts| {
                for server in &mut facts.services[0].servers[..count] {
                    server.state.destination.upper_threshold = 8;
                    server.state.active_connections = 7;
                }
            });
            all.into_iter().find(|it| it.id == "maybe-full")
        };
        assert_eq!(with(0), None);
        let one = with(1).unwrap();
        assert!(one.text.starts_with("10.0.0.10:80 may be full:"), "{one:?}");
        let both = with(2).unwrap();
        assert!(
            both.text
                .starts_with("10.0.0.10:80 and 10.0.0.20:80 may be full:"),
            "{both:?}"
        );
        assert_eq!((one.level, both.level), (Level::Note, Level::Risk));
        assert_eq!(
            both.evidence,
            [(
                "servers",
                serde_json::json!(["10.0.0.10:80", "10.0.0.20:80"])
            )]
        );
        assert_eq!(
            commands(&both),
            ["ipvsadm -e -t 192.0.2.1:80 -r 10.0.0.10:80 -m -w 1 -x 16"]
        );
    }

    #[test]
    fn answers_are_lost_by_one_packet_scheduling_where_there_may_be_some() {
        let with = |words: &str, spoil: fn(&mut Server)| {
            let all = findings(|facts| {
                let service = &mut facts.services[0];
                service.state.service.identity = named(words);
                service.state.service.one_packet = true;
                service.servers.iter_mut().for_each(spoil);
            });
            all.into_iter().find(|it| it.id == "ops-masquerading")
        };
        let lost = with("-u 192.0.2.1:53", |_| ()).unwrap();
        assert!(
            lost.text
                .contains("the answers of 10.0.0.10:80 and 10.0.0.20:80 do not find"),
            "{lost:?}"
        );
        assert_eq!(
            lost.evidence,
            [(
                "masqueraded_servers",
                serde_json::json!(["10.0.0.10:80", "10.0.0.20:80"])
            )]
        );
        assert_eq!(lost.claim, Claim::MayHinder);
        // Of what may be one way, or not, nothing is concluded.
        assert_eq!(
            with("-u 192.0.2.1:514", |_| ()).unwrap().claim,
            Claim::Explains
        );
        let local: fn(&mut Server) = |server| server.route = Route::Local;
        let routed: fn(&mut Server) = |server| {
            server.state.destination.forwarding_method = ForwardingMethod::DirectRouting;
        };
        for spoil in [local, routed] {
            assert_eq!(with("-u 192.0.2.1:53", spoil), None);
        }
    }

    #[test]
    fn the_closed_servers_of_a_hash_are_counted_and_named() {
        let text = |count: usize| {
            let all = findings(|facts| {
                let service = &mut facts.services[0];
                service.state.service.scheduler = KernelName::from("sh");
                let more = server("10.0.0.30:80");
                service.servers.push(more);
                for server in &mut service.servers[..count] {
                    server.state.destination.weight = 0;
                }
            });
            let found = all.into_iter().find(|it| it.id == "hash-turns-away");
            found.map(|finding| finding.text)
        };
        let said = |who: &str| {
            Some(format!(
                "The scheduler sh turns away the clients whose server is {who} weight 0 or {} \
                 full: it looks for no other.",
                if who.ends_with("has") { "is" } else { "are" }
            ))
        };
        assert_eq!(text(0), None);
        assert_eq!(text(1), said("10.0.0.10:80, which has"));
        assert_eq!(text(2), said("10.0.0.10:80 and 10.0.0.20:80, which have"));
    }

    #[test]
    fn one_stray_connection_is_told_of_as_one() {
        let all = findings(|facts| facts.strays.push(strays(1)));
        assert_eq!(
            all[0].text,
            "1 connection leads to 10.0.0.30:80, which is no server any more; its packets are \
             dropped."
        );
        assert_eq!(all[0].evidence, [("connections", 1.into())]);
        assert_eq!(
            commands(&all[0]),
            ["sysctl -w net.ipv4.vs.expire_nodest_conn=1"]
        );
    }

    #[test]
    fn strays_of_udp_alone_are_a_note() {
        let with = |count, datagrams| {
            let all = findings(|facts| {
                facts.strays.push(Strays {
                    datagrams,
                    ..strays(count)
                });
            });
            let end = all[0].text.rsplit("; ").next().unwrap().to_owned();
            (all[0].level, end)
        };
        let dropped = "their packets are dropped";
        assert_eq!(with(7, 0), (Level::Risk, format!("{dropped}.")));
        assert_eq!(
            with(7, 6),
            (Level::Risk, format!("{dropped}, if any come."))
        );
        assert_eq!(
            with(7, 7),
            (Level::Note, format!("{dropped}, if any come."))
        );
    }

    #[test]
    fn of_an_address_a_hash_of_addresses_has_one_server() {
        let with = |words: &str, spoil: fn(&mut Facts)| {
            let all = findings(|facts| {
                let state = &mut facts.services[0].state.service;
                state.identity = named(words);
                state.scheduler = KernelName::from("dh");
                let [closed, other] = &mut facts.services[0].servers[..] else {
                    unreachable!()
                };
                closed.state.destination.weight = 0;
                (other.traffic.heard.count, other.traffic.open) = (0, 0);
                spoil(facts);
            });
            let mut turned = all.into_iter().filter(|it| it.id == "hash-turns-away");
            turned.next().map(|it| it.claim)
        };
        let address = "-t 192.0.2.1:80";
        assert_eq!(with(address, |_| ()), Some(Claim::Explains));
        assert_eq!(with("-f 7", |_| ()), Some(Claim::HurtsSome));
        for spoil in [
            (|facts| facts.services[0].servers[1].traffic.heard.count = 1) as fn(&mut Facts),
            |facts| facts.services[0].servers[1].traffic.open = 1,
            |facts| facts.services[0].servers[1].traffic.growth.connections = 1,
            |facts| facts.services[0].servers[1].traffic.attempts.scheduled = 1,
        ] {
            assert_eq!(with(address, spoil), None);
        }
    }

    #[test]
    fn who_was_just_given_connections_is_not_full() {
        let with = |spoil: fn(&mut Server)| {
            let all = findings(|facts| {
                for server in &mut facts.services[0].servers {
                    server.state.destination.upper_threshold = 8;
                    server.state.active_connections = 7;
                    server.state.inactive_connections = 0;
                }
                spoil(first(facts));
            });
            let found = all.into_iter().find(|it| it.id == "maybe-full");
            found.map(|it| it.level)
        };
        assert_eq!(with(|_| ()), Some(Level::Risk));
        assert_eq!(
            with(|it| it.traffic.growth.connections = 1),
            Some(Level::Note)
        );
        assert_eq!(
            with(|it| it.traffic.attempts.scheduled = 1),
            Some(Level::Note)
        );
    }
}
