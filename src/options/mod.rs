//! The table of every command and option; [`matrix`] tells which goes with which.
//!
//! One table feeds them all: the reader of argv, the reader of rule lines, the check of options against commands, the
//! usage text, and the tests that hold man page and completions to it. It describes words; what a word's value means is
//! read in [`crate::cli`].
//!
//! Source: contract, section 2.

pub mod matrix;

/// What a word of the command line asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Meaning {
    /// To do something.
    Command(Command),
    /// How to do it.
    Choice(Choice),
}

/// The commands, in the order in which the usage text shows them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Command {
    /// `-A`.
    AddService,
    /// `-E`.
    EditService,
    /// `-D`.
    DeleteService,
    /// `-C`.
    Flush,
    /// `-a`.
    AddServer,
    /// `-e`.
    EditServer,
    /// `-d`.
    DeleteServer,
    /// `-L`.
    List,
    /// `-Z`.
    Zero,
    /// `-S`.
    Save,
    /// `-R`.
    Restore,
    /// `--set`.
    SetTimeouts,
    /// `--start-daemon`.
    StartDaemon,
    /// `--stop-daemon`.
    StopDaemon,
    /// `-h`.
    Help,
    /// `-v`.
    Version,
}

/// The options that go with a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the table below says what each is")]
pub enum Choice {
    TcpService,
    UdpService,
    SctpService,
    FirewallMarkService,
    Ipv6,
    Scheduler,
    SchedulerFlags,
    Persistent,
    Netmask,
    PersistenceEngine,
    OnePacket,
    RealServer,
    Gatewaying,
    Ipip,
    Masquerading,
    Weight,
    UpperThreshold,
    LowerThreshold,
    TunnelType,
    TunnelPort,
    TunnelNoChecksum,
    TunnelChecksum,
    TunnelRemoteChecksum,
    Numeric,
    Connection,
    Statistics,
    Rate,
    Exact,
    Thresholds,
    PersistentConnections,
    TunnelInfo,
    Timeout,
    Daemon,
    Sort,
    NoSort,
    McastInterface,
    McastGroup,
    McastPort,
    McastTtl,
    SyncId,
    SyncMaxLength,
    Json,
    Table,
}

/// Whether a word takes a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Argument {
    /// It takes none.
    None,
    /// It takes one, the next word whatever that looks like.
    Required(&'static str),
    /// It takes the next word unless that begins with `-`.
    Optional(&'static str),
    /// It takes none; the line's plain words, wherever they stand, are what it works with.
    Words(&'static str),
}

/// A row of the table: a word, its spellings, its value, what it is for.
#[derive(Clone, Copy, Debug)]
pub struct OptionSpec {
    /// What it asks for.
    pub meaning: Meaning,
    /// The spelling after `--`.
    pub long: &'static str,
    /// The spellings after `-`; the usage text shows the first.
    pub short: &'static [u8],
    /// Whether it takes a value, and what the usage text calls it.
    pub argument: Argument,
    /// A few words on what it does.
    pub help: &'static str,
}

const fn command(
    command: Command,
    short: &'static [u8],
    long: &'static str,
    argument: Argument,
    help: &'static str,
) -> OptionSpec {
    OptionSpec {
        meaning: Meaning::Command(command),
        long,
        short,
        argument,
        help,
    }
}

const fn flag(
    choice: Choice,
    short: &'static [u8],
    long: &'static str,
    help: &'static str,
) -> OptionSpec {
    OptionSpec {
        meaning: Meaning::Choice(choice),
        long,
        short,
        argument: Argument::None,
        help,
    }
}

const fn value(
    choice: Choice,
    short: &'static [u8],
    long: &'static str,
    value_name: &'static str,
    help: &'static str,
) -> OptionSpec {
    OptionSpec {
        meaning: Meaning::Choice(choice),
        long,
        short,
        argument: Argument::Required(value_name),
        help,
    }
}

/// The table.
pub const OPTIONS: &[OptionSpec] = &[
    command(
        Command::AddService,
        b"A",
        "add-service",
        Argument::None,
        "add a service",
    ),
    command(
        Command::EditService,
        b"E",
        "edit-service",
        Argument::None,
        "change a service",
    ),
    command(
        Command::DeleteService,
        b"D",
        "delete-service",
        Argument::None,
        "delete a service",
    ),
    command(
        Command::Flush,
        b"C",
        "clear",
        Argument::None,
        "clear the table",
    ),
    command(
        Command::AddServer,
        b"a",
        "add-server",
        Argument::None,
        "add a server",
    ),
    command(
        Command::EditServer,
        b"e",
        "edit-server",
        Argument::None,
        "change a server",
    ),
    command(
        Command::DeleteServer,
        b"d",
        "delete-server",
        Argument::None,
        "delete a server",
    ),
    command(
        Command::List,
        b"Ll",
        "list",
        Argument::None,
        "list the table",
    ),
    command(Command::Zero, b"Z", "zero", Argument::None, "zero counters"),
    command(Command::Save, b"S", "save", Argument::None, "write rules"),
    command(
        Command::Restore,
        b"R",
        "restore",
        Argument::None,
        "read rules",
    ),
    command(
        Command::SetTimeouts,
        b"",
        "set",
        Argument::Words("TCP FIN UDP"),
        "set timeouts",
    ),
    command(
        Command::StartDaemon,
        b"",
        "start-daemon",
        Argument::Required("ROLE"),
        "start syncing",
    ),
    command(
        Command::StopDaemon,
        b"",
        "stop-daemon",
        Argument::Required("ROLE"),
        "stop syncing",
    ),
    command(Command::Help, b"h", "help", Argument::None, "show this"),
    command(
        Command::Version,
        b"v",
        "version",
        Argument::None,
        "show version",
    ),
    value(
        Choice::TcpService,
        b"t",
        "tcp-service",
        "ADDR:PORT",
        "a TCP service",
    ),
    value(
        Choice::UdpService,
        b"u",
        "udp-service",
        "ADDR:PORT",
        "a UDP service",
    ),
    value(
        Choice::SctpService,
        b"",
        "sctp-service",
        "ADDR:PORT",
        "an SCTP service",
    ),
    value(
        Choice::FirewallMarkService,
        b"f",
        "fwmark-service",
        "MARK",
        "what the firewall marked",
    ),
    flag(Choice::Ipv6, b"6", "ipv6", "the marked packets are IPv6"),
    value(
        Choice::Scheduler,
        b"s",
        "scheduler",
        "NAME",
        "the scheduler (wlc)",
    ),
    value(
        Choice::SchedulerFlags,
        b"b",
        "sched-flags",
        "FLAGS",
        "flags of the scheduler, comma separated",
    ),
    OptionSpec {
        meaning: Meaning::Choice(Choice::Persistent),
        long: "persistent",
        short: b"p",
        argument: Argument::Optional("SECONDS"),
        help: "a client keeps its real server (360)",
    },
    value(
        Choice::Netmask,
        b"M",
        "netmask",
        "MASK",
        "clients under one mask count as one",
    ),
    value(
        Choice::PersistenceEngine,
        b"",
        "pe",
        "ENGINE",
        "persistence by content: sip",
    ),
    flag(
        Choice::OnePacket,
        b"o",
        "ops",
        "schedule each packet by itself (UDP)",
    ),
    value(
        Choice::RealServer,
        b"r",
        "real-server",
        "ADDR:PORT",
        "the real server",
    ),
    flag(
        Choice::Gatewaying,
        b"g",
        "gatewaying",
        "forward by direct routing (default)",
    ),
    flag(Choice::Ipip, b"i", "ipip", "forward through a tunnel"),
    flag(
        Choice::Masquerading,
        b"m",
        "masquerading",
        "forward by address translation (NAT)",
    ),
    value(
        Choice::Weight,
        b"w",
        "weight",
        "N",
        "the server's share (1); 0: nothing new",
    ),
    value(
        Choice::UpperThreshold,
        b"x",
        "u-threshold",
        "N",
        "full at N connections (0: never)",
    ),
    value(
        Choice::LowerThreshold,
        b"y",
        "l-threshold",
        "N",
        "open again below N connections",
    ),
    value(
        Choice::TunnelType,
        b"",
        "tun-type",
        "TYPE",
        "ipip, gue or gre",
    ),
    value(Choice::TunnelPort, b"", "tun-port", "PORT", "gue port"),
    flag(Choice::TunnelNoChecksum, b"", "tun-nocsum", "no checksum"),
    flag(Choice::TunnelChecksum, b"", "tun-csum", "checksum"),
    flag(
        Choice::TunnelRemoteChecksum,
        b"",
        "tun-remcsum",
        "remote checksum",
    ),
    flag(Choice::Numeric, b"n", "numeric", "numbers, no names"),
    flag(Choice::Connection, b"c", "connection", "connections"),
    flag(Choice::Statistics, b"", "stats", "counters"),
    flag(Choice::Rate, b"", "rate", "rates a second"),
    flag(Choice::Exact, b"X", "exact", "numbers in full"),
    flag(Choice::Thresholds, b"", "thresholds", "thresholds"),
    flag(
        Choice::PersistentConnections,
        b"",
        "persistent-conn",
        "persistence",
    ),
    flag(Choice::TunnelInfo, b"", "tun-info", "tunnels"),
    flag(Choice::Timeout, b"", "timeout", "timeouts"),
    flag(Choice::Daemon, b"", "daemon", "sync daemons"),
    flag(Choice::Sort, b"", "sort", "in order (always)"),
    flag(Choice::NoSort, b"", "nosort", "the kernel's order"),
    flag(Choice::Json, b"", "json", "all of it as JSON"),
    flag(Choice::Table, b"", "table", "drawn for people"),
    value(
        Choice::McastInterface,
        b"",
        "mcast-interface",
        "IF",
        "where (eth0)",
    ),
    value(Choice::McastGroup, b"", "mcast-group", "ADDR", "group"),
    value(Choice::McastPort, b"", "mcast-port", "PORT", "UDP port"),
    value(Choice::McastTtl, b"", "mcast-ttl", "N", "time to live"),
    value(Choice::SyncId, b"", "syncid", "N", "group's id"),
    value(
        Choice::SyncMaxLength,
        b"",
        "sync-maxlen",
        "BYTES",
        "message size",
    ),
];

/// The row of a short spelling.
pub fn by_short(letter: u8) -> Option<&'static OptionSpec> {
    OPTIONS.get(usize::from(ROWS_OF_LETTERS[usize::from(letter)]))
}

/// The place in the table of the row that each byte spells, for one that spells none a place behind the table. A line of
/// rules has five of them, too many to search the table for each.
static ROWS_OF_LETTERS: [u8; 256] = {
    assert!(OPTIONS.len() < u8::MAX as usize);
    let mut rows = [u8::MAX; 256];
    let mut row = 0;
    while row < OPTIONS.len() {
        let mut letters = OPTIONS[row].short;
        while let [letter, rest @ ..] = letters {
            rows[*letter as usize] = row as u8;
            letters = rest;
        }
        row += 1;
    }
    rows
};

/// The row of a long spelling; abbreviations are none.
pub fn by_long(name: &[u8]) -> Option<&'static OptionSpec> {
    OPTIONS.iter().find(|spec| spec.long.as_bytes() == name)
}

/// The schedulers that kernels come with, each a module `ip_vs_NAME`, with a few words on how it chooses; kernels before
/// 4.18 lack `mh`.
pub const SCHEDULERS: [(&str, &str); 13] = [
    ("rr", "round robin"),
    ("wrr", "weighted round robin"),
    ("lc", "least connections"),
    ("wlc", "weighted least connections"),
    ("lblc", "least connections, by locality"),
    ("lblcr", "the same with replication"),
    ("dh", "destination hashing"),
    ("sh", "source hashing"),
    ("sed", "shortest expected delay"),
    ("nq", "never queue"),
    ("fo", "weighted failover"),
    ("ovf", "weighted overflow"),
    ("mh", "Maglev hashing"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_spelling_is_used_twice() {
        for (index, spec) in OPTIONS.iter().enumerate() {
            for other in &OPTIONS[index + 1..] {
                assert_ne!(spec.long, other.long);
                assert!(
                    !spec.short.iter().any(|letter| other.short.contains(letter)),
                    "{}",
                    spec.long
                );
                assert_ne!(spec.meaning, other.meaning);
            }
        }
    }

    #[test]
    fn help_is_short_and_begins_in_lower_case() {
        for spec in OPTIONS {
            assert!(spec.help.len() <= 45, "{}", spec.long);
            assert!(!spec.help.ends_with('.'), "{}", spec.long);
        }
    }
}
