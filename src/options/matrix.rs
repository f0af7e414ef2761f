//! Which options go with which command, and with which type of tunnel.
//!
//! Options are known here by the names that messages use, in the order in which the check looks at them (contract,
//! section 2). The check itself is in [`crate::cli`].

use super::{Choice, Command};

/// The name under which the check of options against commands knows an option, in the order in which it looks at them.
/// Options of one group stand for each other and come once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[expect(missing_docs, reason = "the names are those that `Group::name` gives")]
pub enum Group {
    Numeric,
    Connection,
    ServiceAddress,
    Scheduler,
    Persistent,
    Netmask,
    RealServer,
    ForwardingMethod,
    Weight,
    UpperThreshold,
    LowerThreshold,
    McastInterface,
    Timeout,
    Daemon,
    Statistics,
    Rate,
    Thresholds,
    PersistentConnections,
    NoSort,
    SyncId,
    Exact,
    OnePacket,
    PersistenceEngine,
    SchedulerFlags,
    McastGroup,
    McastPort,
    McastTtl,
    SyncMaxLength,
    TunnelInfo,
    TunnelType,
    TunnelPort,
    TunnelNoChecksum,
    TunnelChecksum,
    TunnelRemoteChecksum,
    Json,
    Table,
}

impl Group {
    /// All groups with the names that messages use, in matrix order.
    pub const ALL: [(Group, &'static str); 36] = [
        (Group::Numeric, "numeric"),
        (Group::Connection, "connection"),
        (Group::ServiceAddress, "service-address"),
        (Group::Scheduler, "scheduler"),
        (Group::Persistent, "persistent"),
        (Group::Netmask, "netmask"),
        (Group::RealServer, "real-server"),
        (Group::ForwardingMethod, "forwarding-method"),
        (Group::Weight, "weight"),
        (Group::UpperThreshold, "u-threshold"),
        (Group::LowerThreshold, "l-threshold"),
        (Group::McastInterface, "mcast-interface"),
        (Group::Timeout, "timeout"),
        (Group::Daemon, "daemon"),
        (Group::Statistics, "stats"),
        (Group::Rate, "rate"),
        (Group::Thresholds, "thresholds"),
        (Group::PersistentConnections, "persistent-conn"),
        (Group::NoSort, "nosort"),
        (Group::SyncId, "syncid"),
        (Group::Exact, "exact"),
        (Group::OnePacket, "ops"),
        (Group::PersistenceEngine, "pe"),
        (Group::SchedulerFlags, "sched-flags"),
        (Group::McastGroup, "mcast-group"),
        (Group::McastPort, "mcast-port"),
        (Group::McastTtl, "mcast-ttl"),
        (Group::SyncMaxLength, "sync-maxlen"),
        (Group::TunnelInfo, "tun-info"),
        (Group::TunnelType, "tun-type"),
        (Group::TunnelPort, "tun-port"),
        (Group::TunnelNoChecksum, "tun-nocsum"),
        (Group::TunnelChecksum, "tun-csum"),
        (Group::TunnelRemoteChecksum, "tun-remcsum"),
        (Group::Json, "json"),
        (Group::Table, "table"),
    ];

    /// The name that messages use.
    pub fn name(self) -> &'static str {
        Group::ALL[self as usize].1
    }
}

impl Choice {
    /// The group that the check of options against commands knows it under; `None` for the two that every command may
    /// have as often as it likes.
    pub fn group(self) -> Option<Group> {
        Some(match self {
            Choice::TcpService
            | Choice::UdpService
            | Choice::SctpService
            | Choice::FirewallMarkService => Group::ServiceAddress,
            Choice::Ipv6 | Choice::Sort => return None,
            Choice::Scheduler => Group::Scheduler,
            Choice::SchedulerFlags => Group::SchedulerFlags,
            Choice::Persistent => Group::Persistent,
            Choice::Netmask => Group::Netmask,
            Choice::PersistenceEngine => Group::PersistenceEngine,
            Choice::OnePacket => Group::OnePacket,
            Choice::RealServer => Group::RealServer,
            Choice::Gatewaying | Choice::Ipip | Choice::Masquerading => Group::ForwardingMethod,
            Choice::Weight => Group::Weight,
            Choice::UpperThreshold => Group::UpperThreshold,
            Choice::LowerThreshold => Group::LowerThreshold,
            Choice::TunnelType => Group::TunnelType,
            Choice::TunnelPort => Group::TunnelPort,
            Choice::TunnelNoChecksum => Group::TunnelNoChecksum,
            Choice::TunnelChecksum => Group::TunnelChecksum,
            Choice::TunnelRemoteChecksum => Group::TunnelRemoteChecksum,
            Choice::Numeric => Group::Numeric,
            Choice::Connection => Group::Connection,
            Choice::Statistics => Group::Statistics,
            Choice::Rate => Group::Rate,
            Choice::Exact => Group::Exact,
            Choice::Thresholds => Group::Thresholds,
            Choice::PersistentConnections => Group::PersistentConnections,
            Choice::TunnelInfo => Group::TunnelInfo,
            Choice::Timeout => Group::Timeout,
            Choice::Daemon => Group::Daemon,
            Choice::NoSort => Group::NoSort,
            Choice::McastInterface => Group::McastInterface,
            Choice::McastGroup => Group::McastGroup,
            Choice::McastPort => Group::McastPort,
            Choice::McastTtl => Group::McastTtl,
            Choice::SyncId => Group::SyncId,
            Choice::SyncMaxLength => Group::SyncMaxLength,
            Choice::Json => Group::Json,
            Choice::Table => Group::Table,
        })
    }
}

/// Which options go with something that takes options: a command, or a type of tunnel.
#[derive(Clone, Copy, Debug)]
pub struct Rule {
    /// The name that messages use.
    pub name: &'static str,
    /// Those it cannot do without.
    pub needs: &'static [Group],
    /// Those it may have.
    pub may: &'static [Group],
    /// Those of which it may have one.
    pub one_of: &'static [Group],
}

const SERVICE_RULE: Rule = Rule {
    name: "add-service",
    needs: &[Group::ServiceAddress],
    may: &[
        Group::Scheduler,
        Group::Persistent,
        Group::Netmask,
        Group::OnePacket,
        Group::PersistenceEngine,
        Group::SchedulerFlags,
    ],
    one_of: &[],
};

const SERVER_RULE: Rule = Rule {
    name: "add-server",
    needs: &[Group::ServiceAddress, Group::RealServer],
    may: &[
        Group::ForwardingMethod,
        Group::Weight,
        Group::UpperThreshold,
        Group::LowerThreshold,
        Group::TunnelType,
        Group::TunnelPort,
        Group::TunnelNoChecksum,
        Group::TunnelChecksum,
        Group::TunnelRemoteChecksum,
    ],
    one_of: &[],
};

const fn bare_rule(name: &'static str) -> Rule {
    Rule {
        name,
        needs: &[],
        may: &[],
        one_of: &[],
    }
}

impl Command {
    /// Which options go with it; `None` for the two that end before their options are looked at.
    pub fn rule(self) -> Option<Rule> {
        Some(match self {
            Command::AddService => SERVICE_RULE,
            Command::EditService => Rule {
                name: "edit-service",
                ..SERVICE_RULE
            },
            Command::DeleteService => Rule {
                needs: &[Group::ServiceAddress],
                ..bare_rule("delete-service")
            },
            Command::Flush => bare_rule("flush"),
            Command::AddServer => SERVER_RULE,
            Command::EditServer => Rule {
                name: "edit-server",
                ..SERVER_RULE
            },
            Command::DeleteServer => Rule {
                needs: &[Group::ServiceAddress, Group::RealServer],
                ..bare_rule("delete-server")
            },
            Command::List => Rule {
                name: "list",
                needs: &[],
                may: &[
                    Group::Numeric,
                    Group::Statistics,
                    Group::Rate,
                    Group::Thresholds,
                    Group::PersistentConnections,
                    Group::NoSort,
                    Group::SyncId,
                    Group::Exact,
                    Group::TunnelInfo,
                    Group::Json,
                    Group::Table,
                ],
                one_of: &[
                    Group::Connection,
                    Group::ServiceAddress,
                    Group::Timeout,
                    Group::Daemon,
                ],
            },
            Command::Zero => Rule {
                may: &[Group::ServiceAddress],
                ..bare_rule("zero")
            },
            Command::Save => Rule {
                may: &[Group::Numeric],
                ..bare_rule("save")
            },
            Command::Restore => bare_rule("restore"),
            Command::SetTimeouts => bare_rule("set"),
            Command::StartDaemon => Rule {
                name: "start-daemon",
                needs: &[],
                may: &[
                    Group::McastInterface,
                    Group::SyncId,
                    Group::McastGroup,
                    Group::McastPort,
                    Group::McastTtl,
                    Group::SyncMaxLength,
                ],
                one_of: &[],
            },
            Command::StopDaemon => Rule {
                may: &[Group::SyncId],
                ..bare_rule("stop-daemon")
            },
            Command::Help | Command::Version => return None,
        })
    }
}

const TUNNEL_CHECKSUMS: [Group; 3] = [
    Group::TunnelNoChecksum,
    Group::TunnelChecksum,
    Group::TunnelRemoteChecksum,
];

/// The tunnel types, with the options that go with each.
pub const TUNNEL_TYPES: [Rule; 3] = [
    bare_rule("ipip"),
    Rule {
        name: "gue",
        needs: &[Group::TunnelPort],
        may: &[],
        one_of: &TUNNEL_CHECKSUMS,
    },
    Rule {
        name: "gre",
        needs: &[],
        may: &[],
        one_of: &[Group::TunnelNoChecksum, Group::TunnelChecksum],
    },
];

/// The options that only a tunnelled real server has.
pub const TUNNEL_GROUPS: [Group; 5] = [
    Group::TunnelType,
    Group::TunnelPort,
    Group::TunnelNoChecksum,
    Group::TunnelChecksum,
    Group::TunnelRemoteChecksum,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_stand_in_the_order_of_their_numbers() {
        for (index, (group, _)) in Group::ALL.iter().enumerate() {
            assert_eq!(*group as usize, index);
        }
    }
}
