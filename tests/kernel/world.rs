//! Set-ups as administrators have them, broken and healthy: `--diagnose` names the cause in the one,
//! and is quiet in the other.
//!
//! A case is a file in `tests/world/cases`; `tests/world/run.sh` sets it up and judges what is said.
//! That a single fault is found and its remedy works is the business of
//! [`diagnose`](crate::diagnose).

use std::fs;
use std::path::Path;
use std::process::Stdio;

use crate::support::{Ending, Namespace, Program, bash_with_own_names, names_in};

const REPOSITORY: &str = env!("CARGO_MANIFEST_DIR");

/// One test for each case, and one that no file is forgotten. A name has `_` for `-`. A case takes
/// up to twenty seconds, so those that are not `usual` are left to runs on all kernels.
macro_rules! cases {
    (usual { $($usual:ident)* } all_kernels { $($other:ident)* }) => {
        $(
            #[test]
            fn $usual() {
                is_judged_right(&stringify!($usual).replace('_', "-"));
            }
        )*

        $(
            #[test]
            #[ignore = "tried with --all-kernels"]
            fn $other() {
                is_judged_right(&stringify!($other).replace('_', "-"));
            }
        )*

        #[test]
        fn every_case_is_listed() {
            let mut names = vec![$(stringify!($usual),)* $(stringify!($other)),*];
            names.sort_unstable();
            assert_eq!(names_in("tests/world/cases", "sh"), names);
        }
    };
}

cases! {
    usual {
        broken_all_servers_full
        broken_director_has_only_the_address
        broken_director_hides_its_address
        broken_director_without_route_to_clients
        broken_dr_client_on_director
        broken_dr_one_server_lacks_the_address
        broken_dr_udp_program_down
        broken_drop_packet_always
        broken_forward_drop
        broken_mark_service_forwarding_off
        broken_masquerade_without_conntrack
        broken_nat_servers_with_another_gateway
        broken_public_cable_unplugged
        broken_server_vip_with_prefix_24
        broken_snat_one_server_filters
        broken_tunnel_strict_rp_filter
        healthy_address_in_a_vrf
        healthy_clients_on_the_director_only
        healthy_defences_on_standby
        healthy_dr_servers_let_in_clients_only
        healthy_kube_ipvs0
        healthy_mark_made_local_by_rule
        healthy_next_hop_is_ipv6
        healthy_pods_behind_proxy_arp
        healthy_servers_on_the_director
        healthy_snat_servers_with_another_gateway
        healthy_two_cards_in_one_network
        healthy_vlans
    }
    all_kernels {
        broken_address_forgotten
        broken_address_lost_after_a_day_of_sessions
        broken_answers_leave_by_a_policy
        broken_backup_only
        broken_backup_only_with_a_routed_address
        broken_backup_only_with_the_address_on_dummy
        broken_behind_a_router_with_direct_routing
        broken_blackhole_to_one_server
        broken_bridge_lost_its_card
        broken_client_beside_server
        broken_clients_in_a_bridge_s_network
        broken_datagrams_stick_to_a_server_that_is_off
        broken_datagrams_stick_to_a_server_that_was_removed
        broken_direct_datagrams_stick_to_a_server_that_is_off
        broken_direct_routing_to_another_port
        broken_dr6_one_server_lacks_the_address
        broken_dr6_servers_found_the_address_taken
        broken_dr_one_client_tries_and_tries
        broken_dr_program_at_its_own_address_only
        broken_dr_server_s_gateway_is_gone
        broken_dr_server_strict_with_two_cards
        broken_dr_servers_gateway_is_director
        broken_dr_servers_let_in_the_director_only
        broken_dr_udp_servers_gateway_is_gone
        broken_firewall_limits_connections
        broken_firewall_table_full
        broken_first_of_two_marks_is_filtered
        broken_forward_drops_datagrams
        broken_gre_sent_where_ipip_is_unpacked
        broken_gue_port_closed
        broken_hash_at_weight_0
        broken_icmpv6_filtered
        broken_inner_card_is_down
        broken_inner_interface_strict
        broken_input_drop
        broken_invalid_is_dropped
        broken_ipv6_address_found_elsewhere
        broken_ipv6_forward_drop
        broken_ipv6_forwarding_off
        broken_ipv6_tunnel_device_is_down
        broken_ipv6_wrong_gateway
        broken_mark_never_set
        broken_mark_of_datagrams_with_another_gateway
        broken_mark_s_local_route_missing
        broken_masquerading_program_down
        broken_masquerading_to_localhost
        broken_nat_one_client_waits_at_another_gateway
        broken_nat_servers_let_in_the_director_only
        broken_nat_servers_reject
        broken_nat_udp_program_down
        broken_neighbour_written_wrong
        broken_nobody_listens_behind_a_mark
        broken_nobody_listens_behind_all_ports
        broken_one_of_two_busy_marks_is_filtered
        broken_one_request_and_no_other
        broken_one_server_filters_behind_answers_routed_by_mark
        broken_one_service_of_three
        broken_ops_dns_servers_lack_the_address
        broken_output_drop
        broken_persistence_holds_at_a_dead_server
        broken_port_forwarding_takes_what_comes
        broken_port_of_one_service_mistyped
        broken_prefix_on_the_directors_lo
        broken_program_on_the_director_hangs
        broken_program_on_the_director_takes_localhost_only
        broken_program_takes_nobody
        broken_questions_by_the_packet_masqueraded
        broken_redirected_to_another_port_here
        broken_reverse_path_of_clients
        broken_router_drops_tunnels
        broken_router_forbids_tunnels
        broken_router_in_front_is_strict
        broken_router_sends_to_an_old_card
        broken_router_sends_to_the_wrong_machine
        broken_rule_for_the_address_leads_nowhere
        broken_rule_throws_away_answers
        broken_sctp_dr_one_server_lacks_the_address
        broken_sctp_dr_servers_down
        broken_sctp_dr_servers_lack_the_address
        broken_sctp_servers_down
        broken_sctp_silent
        broken_sctp_tunnel_servers_lack_the_address
        broken_second_director_answers_arp
        broken_second_of_two_marks_is_filtered
        broken_second_of_two_marks_is_refused
        broken_server_address_taken_twice
        broken_server_announces_the_address
        broken_server_bans_a_client
        broken_server_has_no_way_to_the_clients
        broken_server_in_another_vlan
        broken_server_is_its_own_client
        broken_server_off
        broken_server_vip_with_prefix_24_answers_for_all
        broken_server_vip_with_prefix_24_loose
        broken_server_without_the_address_forwards
        broken_servers_are_in_a_vrf
        broken_servers_filter_behind_answers_routed_by_mark
        broken_servers_filter_everybody
        broken_servers_have_a_card_at_the_clients
        broken_servers_not_below_their_lower_threshold
        broken_service_at_localhost
        broken_snat_and_a_dns_server_that_filters
        broken_snat_to_an_address_nobody_routes
        broken_sorry_server_is_down
        broken_stateful_firewall_at_direct_routing
        broken_strict_interface_and_a_rule_for_the_clients
        broken_tc_drops_what_comes
        broken_tcp_service_made_for_udp
        broken_tunnel_comes_from_the_address
        broken_tunnel_device_missing
        broken_tunnel_s_size_is_not_heard
        broken_tunnel_servers_lack_the_address
        broken_two_directors_in_circles
        broken_udp_one_server_filters
        broken_udp_one_server_with_another_gateway
        broken_uplink_drops_foreign_sources
        broken_way_back_to_clients_is_dead
        broken_weight_0_everywhere
        healthy_address_moved_a_moment_ago
        healthy_address_on_dummy_at_the_servers
        healthy_all_ports_of_servers_that_open_one
        healthy_all_ports_persistent
        healthy_answers_by_another_uplink_loose
        healthy_answers_routed_by_mark
        healthy_backup_with_sync
        healthy_beside_routed_traffic
        healthy_bonded_cards
        healthy_bridge_on_the_director
        healthy_checks_by_the_director
        healthy_checks_of_masqueraded_servers
        healthy_checks_of_servers_that_know_the_clients_only
        healthy_clients_behind_nat_asymmetric
        healthy_clients_come_and_go_by_satellite
        healthy_clients_come_by_a_tunnel
        healthy_clients_far_away
        healthy_clients_give_up_at_once
        healthy_clients_lose_packets
        healthy_clients_of_direct_routing_lose_packets
        healthy_closed_port_of_a_marked_address
        healthy_direct_routing_back_through_the_director
        healthy_direct_routing_over_point_to_point_links
        healthy_director_is_the_servers_way_out
        healthy_director_without_route_to_clients
        healthy_dns_direct_by_the_packet
        healthy_dns_server_was_removed
        healthy_dr_address_of_another_network
        healthy_dr_address_of_another_network_with_new_clients
        healthy_drained_dns_server_is_off
        healthy_drained_masqueraded_dns_server_is_off
        healthy_drained_server_is_off_with_old_connections
        healthy_drained_with_persistence
        healthy_firewall_on_the_director
        healthy_foreign_broadcasts_at_a_strict_interface
        healthy_forwarding_by_interface
        healthy_four_hundred_services
        healthy_ftp_passive
        healthy_gre_and_gue_tunnels
        healthy_hairpin_with_snat
        healthy_half_open_checks_of_direct_routing
        healthy_half_open_noise
        healthy_hash_beside_a_drained_server
        healthy_hash_with_fallback
        healthy_ingress_by_mark
        healthy_inner_virtual_gateway
        healthy_ipv6_direct
        healthy_ipv6_in_ipv4_tunnel
        healthy_ipv6_mark_masqueraded
        healthy_ipv6_masquerading
        healthy_ipv6_only_behind_a_router
        healthy_just_created_beside_foreign_broadcasts
        healthy_just_created_direct
        healthy_just_created_masquerading
        healthy_keepalives_of_old_flows
        healthy_logs_by_the_packet_at_another_port
        healthy_logs_with_snat
        healthy_macvlan
        healthy_mark_beside_routed_traffic
        healthy_mark_of_ipv6_direct
        healthy_mark_of_logs
        healthy_mark_of_tcp_and_udp
        healthy_mark_of_two_ports
        healthy_metrics_by_the_packet_at_a_port_of_their_own
        healthy_mixed_forwarding_methods
        healthy_nat_servers_know_the_clients_only
        healthy_nat_servers_let_in_clients_only
        healthy_nat_servers_reset_the_director
        healthy_ntp_beside_logs_by_the_packet
        healthy_one_server_drained
        healthy_policy_routing_for_answers
        healthy_port_scan_of_the_address
        healthy_recreated_under_traffic
        healthy_routed_address_on_lo
        healthy_scan_of_all_ports
        healthy_scan_of_direct_routing
        healthy_sctp_answered
        healthy_sctp_beside_tcp
        healthy_sctp_direct
        healthy_sctp_direct_one_association
        healthy_sctp_loses_packets
        healthy_sctp_scan_of_direct_routing
        healthy_server_of_seconds_ago_is_back
        healthy_servers_answer_by_a_policy
        healthy_servers_behind_a_link_local_hop
        healthy_servers_behind_a_router
        healthy_servers_in_a_vxlan
        healthy_servers_let_in_the_service_only
        healthy_servers_of_several_services
        healthy_sessions_of_the_day_and_a_scan
        healthy_sessions_of_the_day_and_one_check
        healthy_slow_dns
        healthy_slow_servers
        healthy_snat_of_datagrams_from_any_port
        healthy_sorry_server_elsewhere
        healthy_sorry_server_on_the_director
        healthy_standby_hears_questions_as_from_the_address
        healthy_standby_hears_questions_for_the_address
        healthy_standby_hears_the_address_announced
        healthy_standby_serves_with_the_address_on_dummy
        healthy_standby_serves_with_the_address_on_its_tunnel
        healthy_standby_without_the_address
        healthy_stateful_firewall_knows_of_connections
        healthy_strict_everywhere
        healthy_sync_beside_another_cluster
        healthy_syslog_one_packet
        healthy_traceroute_by_tcp
        healthy_traceroute_by_udp
        healthy_traceroute_of_direct_routing
        healthy_tunnels_across_a_router
        healthy_tunnels_idle
        healthy_two_directors_at_once
        healthy_two_directors_serve_each_other
        healthy_two_uplinks_by_rules
        healthy_two_ways_at_once
        healthy_udp_direct_and_persistent
        healthy_udp_masquerading
        healthy_udp_that_never_answers
    }
}

/// Some kernels lack the tables of iptables, and the set-up is not possible there.
#[test]
fn a_case_with_iptables_says_that_it_needs_them() {
    for name in names_in("tests/world/cases", "sh") {
        let file = format!("tests/world/cases/{}.sh", name.replace('_', "-"));
        let case = fs::read_to_string(Path::new(REPOSITORY).join(file)).unwrap();
        let says_so = case
            .lines()
            .any(|line| line.starts_with("# needs: iptable_"));
        let (uses, needed) = (case.contains("ipt "), says_so);
        assert_eq!(uses, needed, "{name}");
    }
}

fn is_judged_right(case: &str) {
    let mut command = bash_with_own_names();
    command
        .arg(Path::new(REPOSITORY).join("tests/world/run.sh"))
        .arg(Program::ours().command("ipvsadm".as_ref()).get_program())
        .arg(case)
        .env("LABKIT", Path::new(REPOSITORY).join("tests/labkit"))
        .env("LC_ALL", "C.UTF-8")
        .stdin(Stdio::null());
    let outcome = Namespace::new().output(command);
    assert!(
        outcome.ending == Ending::Status(0),
        "{}{}",
        outcome.stdout_text(),
        outcome.stderr_text()
    );
}
