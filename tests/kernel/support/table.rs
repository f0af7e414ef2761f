//! The options and commands as the tests know them, apart from the program's own table: a test that
//! read that one would not see what it says wrongly. [`matrix`](crate::matrix) and
//! [`random`](crate::random) draw from it, and it must name every option that the program has.

/// An option of some command.
#[derive(Clone)]
pub struct Opt {
    /// Its letter, if it has one.
    pub short: Option<char>,
    /// Its long name.
    pub long: &'static str,
    /// The kind of its value.
    pub value: Value,
}

/// The kind of an option's value; `Flag` has none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Value {
    Flag,
    Service,
    Mark,
    Server,
    Scheduler,
    SchedulerFlags,
    Timeout,
    Netmask,
    Engine,
    Weight,
    Threshold,
    TunnelType,
    Port,
    Interface,
    Group,
    Ttl,
    SyncId,
    Length,
}

impl Value {
    /// Returns a value that is always good, `None` for a flag.
    pub fn sample(self) -> Option<&'static str> {
        Some(match self {
            Self::Flag => return None,
            Self::Service => "192.0.2.1:80",
            Self::Mark => "1",
            Self::Server => "192.0.2.10",
            Self::Scheduler => "sh",
            Self::SchedulerFlags => "sh-port",
            Self::Timeout => "100",
            Self::Netmask => "255.255.255.0",
            Self::Engine => "sip",
            Self::Weight => "3",
            Self::Threshold => "7",
            Self::TunnelType => "gue",
            Self::Port => "6080",
            Self::Interface => "lo",
            Self::Group => "224.0.0.82",
            Self::Ttl => "2",
            Self::SyncId => "3",
            Self::Length => "1000",
        })
    }
}

const fn opt(short: Option<char>, long: &'static str, value: Value) -> Opt {
    Opt { short, long, value }
}

/// Every option, in the order in which the check of options against commands looks at them.
pub const OPTIONS: [Opt; 41] = [
    opt(Some('n'), "numeric", Value::Flag),
    opt(Some('c'), "connection", Value::Flag),
    opt(Some('t'), "tcp-service", Value::Service),
    opt(Some('u'), "udp-service", Value::Service),
    opt(None, "sctp-service", Value::Service),
    opt(Some('f'), "fwmark-service", Value::Mark),
    opt(Some('6'), "ipv6", Value::Flag),
    opt(Some('s'), "scheduler", Value::Scheduler),
    opt(Some('p'), "persistent", Value::Timeout),
    opt(Some('M'), "netmask", Value::Netmask),
    opt(Some('r'), "real-server", Value::Server),
    opt(Some('m'), "masquerading", Value::Flag),
    opt(Some('i'), "ipip", Value::Flag),
    opt(Some('g'), "gatewaying", Value::Flag),
    opt(Some('w'), "weight", Value::Weight),
    opt(Some('x'), "u-threshold", Value::Threshold),
    opt(Some('y'), "l-threshold", Value::Threshold),
    opt(None, "mcast-interface", Value::Interface),
    opt(None, "timeout", Value::Flag),
    opt(None, "daemon", Value::Flag),
    opt(None, "stats", Value::Flag),
    opt(None, "rate", Value::Flag),
    opt(None, "thresholds", Value::Flag),
    opt(None, "persistent-conn", Value::Flag),
    opt(None, "nosort", Value::Flag),
    opt(None, "sort", Value::Flag),
    opt(None, "syncid", Value::SyncId),
    opt(Some('X'), "exact", Value::Flag),
    opt(Some('o'), "ops", Value::Flag),
    opt(None, "pe", Value::Engine),
    opt(Some('b'), "sched-flags", Value::SchedulerFlags),
    opt(None, "mcast-group", Value::Group),
    opt(None, "mcast-port", Value::Port),
    opt(None, "mcast-ttl", Value::Ttl),
    opt(None, "sync-maxlen", Value::Length),
    opt(None, "tun-info", Value::Flag),
    opt(None, "tun-type", Value::TunnelType),
    opt(None, "tun-port", Value::Port),
    opt(None, "tun-nocsum", Value::Flag),
    opt(None, "tun-csum", Value::Flag),
    opt(None, "tun-remcsum", Value::Flag),
];

/// Every command that does something, each with what it needs, so that an option more is all
/// there is to judge.
pub const COMMANDS: [&str; 14] = [
    "-A",
    "-E",
    "-D",
    "-C",
    "-a",
    "-e",
    "-d",
    "-L",
    "-Z",
    "-S",
    "-R",
    "--set 1 2 3",
    "--start-daemon master",
    "--stop-daemon backup",
];

/// Returns the words that a command cannot do without.
pub fn needs(command: &str) -> &'static [&'static str] {
    match command {
        "-A" | "-E" | "-D" => &["-t", "192.0.2.1:80"],
        "-a" | "-e" | "-d" => &["-t", "192.0.2.1:80", "-r", "192.0.2.10:80"],
        _ => &[],
    }
}
