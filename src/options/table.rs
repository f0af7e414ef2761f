//! The table: a row for each command and option, in the order in which `-h` shows them.
//!
//! See [`super`] for what else an option takes.

#![forbid(unsafe_code)]

use super::matrix::Owner;
use super::{Argument, Completion, Helper, Meaning, OptionSpec, Section};
use crate::model::{Origin, TunnelKind};
use crate::schedulers::SCHEDULERS;
use crate::screen::Colours;
use crate::selection::CountKey;

/// Makes the enums of commands and options, and the table in the order of their variants.
macro_rules! table {
    (
        commands { $($command:ident = $command_row:expr;)* }
        options { $($modifier:ident = $modifier_row:expr;)* }
        helpers { $($helpers:ident = $helpers_row:expr;)* }
    ) => {
        /// The commands; each is described by its row.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[expect(missing_docs, reason = "the rows say what each is")]
        pub enum Command { $($command,)* }

        /// The options that go with commands and helpers; each is described by its row.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[expect(missing_docs, reason = "the rows say what each is")]
        pub enum Modifier { $($modifier,)* $($helpers,)* }

        /// The rows of `ipvsadm`, then those that only its helpers know.
        pub(super) static ROWS: &[OptionSpec] = &[
            $(OptionSpec { meaning: Meaning::Command(Command::$command), ..$command_row },)*
            $(OptionSpec { meaning: Meaning::Modifier(Modifier::$modifier), ..$modifier_row },)*
            $(OptionSpec { meaning: Meaning::Modifier(Modifier::$helpers), ..$helpers_row },)*
        ];

        /// The number of rows before the first option.
        pub(super) const COMMAND_COUNT: usize = [$(Command::$command),*].len();

        /// Every option, in the order of their rows.
        pub(super) const MODIFIERS: &[Modifier] =
            &[$(Modifier::$modifier,)* $(Modifier::$helpers,)*];

        const MODIFIER_COUNT: usize = [$(Modifier::$modifier),*].len();
    };
}

/// The commands and options of `ipvsadm`.
pub static OPTIONS: &[OptionSpec] = ROWS.split_at(COMMAND_COUNT + MODIFIER_COUNT).0;

const ADD_SERVICE: Owner = Owner::Command(Command::AddService);
const EDIT_SERVICE: Owner = Owner::Command(Command::EditService);
const DELETE_SERVICE: Owner = Owner::Command(Command::DeleteService);
const ADD_SERVER: Owner = Owner::Command(Command::AddServer);
const EDIT_SERVER: Owner = Owner::Command(Command::EditServer);
const DELETE_SERVER: Owner = Owner::Command(Command::DeleteServer);
const EDIT_DRAINING: Owner = Owner::Variant(Command::EditServer, Modifier::Drain);
const DELETE_DRAINING: Owner = Owner::Variant(Command::DeleteServer, Modifier::Drain);
const ADD_SERVICE_EXISTING: Owner = Owner::Variant(Command::AddService, Modifier::Exist);
const ADD_SERVER_EXISTING: Owner = Owner::Variant(Command::AddServer, Modifier::Exist);
const EDIT_RAMPING: Owner = Owner::Variant(Command::EditServer, Modifier::Ramp);
const FLUSH: Owner = Owner::Command(Command::Flush);
const LIST: Owner = Owner::Command(Command::List);
const CONNECTIONS: Owner = Owner::CONNECTIONS;
const ZERO: Owner = Owner::Command(Command::Zero);
const DIAGNOSE: Owner = Owner::Command(Command::Diagnose);
const SAVE: Owner = Owner::Command(Command::Save);
const RESTORE: Owner = Owner::Command(Command::Restore);
const SET_TIMEOUTS: Owner = Owner::Command(Command::SetTimeouts);
const START_DAEMON: Owner = Owner::Command(Command::StartDaemon);
const STOP_DAEMON: Owner = Owner::Command(Command::StopDaemon);
const IPVSADM_SAVE: Owner = Owner::Helper(Helper::Save);
const IPVSADM_RESTORE: Owner = Owner::Helper(Helper::Restore);
const IPIP: Owner = Owner::Tunnel(TunnelKind::Ipip);
const GUE: Owner = Owner::Tunnel(TunnelKind::Gue);
const GRE: Owner = Owner::Tunnel(TunnelKind::Gre);

const OF_A_SERVICE: &[Owner] = &[
    ADD_SERVICE,
    EDIT_SERVICE,
    DELETE_SERVICE,
    ADD_SERVER,
    EDIT_SERVER,
    DELETE_SERVER,
];
const EVERYWHERE: &[Owner] = &[
    ADD_SERVICE,
    EDIT_SERVICE,
    DELETE_SERVICE,
    FLUSH,
    ADD_SERVER,
    EDIT_SERVER,
    DELETE_SERVER,
    LIST,
    DIAGNOSE,
    ZERO,
    SAVE,
    RESTORE,
    SET_TIMEOUTS,
    START_DAEMON,
    STOP_DAEMON,
    IPVSADM_SAVE,
    IPVSADM_RESTORE,
];
const SETS_A_SERVICE: &[Owner] = &[ADD_SERVICE, EDIT_SERVICE];
const SETS_A_SERVER: &[Owner] = &[ADD_SERVER, EDIT_SERVER];
const DESCRIBES_A_SERVER: &[Modifier] = &[
    Modifier::Gatewaying,
    Modifier::Ipip,
    Modifier::Masquerading,
    Modifier::Weight,
    Modifier::UpperThreshold,
    Modifier::LowerThreshold,
    Modifier::TunnelType,
    Modifier::TunnelPort,
    Modifier::TunnelNoChecksum,
    Modifier::TunnelChecksum,
    Modifier::TunnelRemoteChecksum,
];
const NO_TUNNEL: &[Modifier] = &[Modifier::Gatewaying, Modifier::Masquerading];

const ROLES: Completion = Completion::OneOf(&[
    ("master", "sends its connections"),
    ("backup", "receives them"),
]);

table! {
    commands {
        AddService = command("A", "add-service", "add a service").examples(&[
            "ipvsadm -A -t 192.0.2.1:80 -s rr",
            "ipvsadm -A -t '[2001:db8::1]:443' -s wlc -p 300",
        ]);
        EditService = command("E", "edit-service", "change a service")
            .examples(&["ipvsadm -E -t 192.0.2.1:80 -s wrr -p 300"]);
        DeleteService = command("D", "delete-service", "delete a service")
            .examples(&["ipvsadm -D -t 192.0.2.1:80", "ipvsadm -D -t 192.0.2.1:80 --drain 300"]);
        Flush = command("C", "clear", "clear the table").named("flush").examples(&["ipvsadm -C"]);
        AddServer = command("a", "add-server", "add a server").examples(&[
            "ipvsadm -a -t 192.0.2.1:80 -r 10.0.0.10 -m",
            "ipvsadm -a -t 192.0.2.1:80 -r 10.0.0.11 -i --tun-type gue --tun-port 5555",
        ]);
        EditServer = command("e", "edit-server", "change a server")
            .examples(&[
                "ipvsadm -e -t 192.0.2.1:80 -r 10.0.0.10 -w 0 --keep",
                "ipvsadm -e -r 10.0.0.10 -w 100 --ramp 60",
            ]);
        DeleteServer = command("d", "delete-server", "delete a server")
            .examples(&[
                "ipvsadm -d -t 192.0.2.1:80 -r 10.0.0.10",
                "ipvsadm -d -r 10.0.0.10 --drain 300",
            ]);
        List = command("Ll", "list", "list the table").examples(&[
            "ipvsadm -Ln --stats",
            "ipvsadm -Ln -t 192.0.2.1:80 --table",
            "ipvsadm -Ln --table --order active",
            "ipvsadm -Lnc",
            "ipvsadm -Lnc -t 192.0.2.1:80 --count client",
        ]);
        Diagnose = command("", "diagnose", "why a service does not answer").ours().not_among_rules().examples(&[
            "ipvsadm --diagnose",
            "ipvsadm --diagnose --probe -t 192.0.2.1:80",
            "ipvsadm --diagnose --listen 30",
        ]);
        Zero = command("Z", "zero", "zero counters")
            .examples(&["ipvsadm -Z", "ipvsadm -Z -t 192.0.2.1:80"]);
        Save = command("S", "save", "write rules").examples(&["ipvsadm -S -n"]);
        Restore = command("R", "restore", "read rules").examples(&["ipvsadm -R < more.rules"]);
        SetTimeouts = command("", "set", "set timeouts")
            .takes(Argument::Operands("TCP FIN UDP"))
            .examples(&["ipvsadm --set 900 120 300", "ipvsadm --set 3600 0 0"]);
        StartDaemon = command("", "start-daemon", "start syncing")
            .takes(Argument::Required("ROLE")).offers(ROLES)
            .examples(&["ipvsadm --start-daemon master --mcast-interface eth1 --syncid 7"]);
        StopDaemon = command("", "stop-daemon", "stop syncing")
            .takes(Argument::Required("ROLE")).offers(ROLES)
            .examples(&["ipvsadm --stop-daemon master"]);
        Help = command("h", "help", "show this");
        Version = command("v", "version", "show version");
    }

    options {
        TcpService = value("t", "tcp-service", "ADDR:PORT", "a TCP service").service();
        UdpService = value("u", "udp-service", "ADDR:PORT", "a UDP service").service();
        SctpService = value("", "sctp-service", "ADDR:PORT", "an SCTP service").service();
        FirewallMarkService =
            value("f", "fwmark-service", "MARK", "what the firewall marked").service();
        Ipv6 = flag("6", "ipv6", "the marked packets are IPv6").in_section(Section::Service)
            .with(&[
                ADD_SERVICE, EDIT_SERVICE, DELETE_SERVICE, ADD_SERVER, EDIT_SERVER, DELETE_SERVER,
                ZERO, LIST, DIAGNOSE,
            ])
            .not_beside(&[
                Modifier::TcpService, Modifier::UdpService, Modifier::SctpService,
                Modifier::Connection, Modifier::Timeout, Modifier::Daemon,
            ]);

        Scheduler = value("s", "scheduler", "NAME", "the scheduler (wlc)")
            .in_section(Section::Scheduling).with(SETS_A_SERVICE)
            .offers(Completion::OneOf(&SCHEDULERS));
        SchedulerFlags =
            value("b", "sched-flags", "FLAGS", "flags of the scheduler, comma separated")
            .in_section(Section::Scheduling).with(SETS_A_SERVICE)
            .offers(Completion::SchedulerFlags);
        Persistent = flag("p", "persistent", "a client keeps its real server (360)")
            .takes(Argument::Optional("SECONDS"))
            .in_section(Section::Scheduling).with(SETS_A_SERVICE);
        Netmask = value("M", "netmask", "MASK", "clients under one mask count as one")
            .in_section(Section::Scheduling).with(SETS_A_SERVICE);
        PersistenceEngine = value("", "pe", "ENGINE", "persistence by content: sip")
            .in_section(Section::Scheduling).with(SETS_A_SERVICE)
            .offers(Completion::OneOf(&[("sip", "calls of the Session Initiation Protocol")]));
        OnePacket = flag("o", "ops", "schedule each packet by itself (UDP)")
            .in_section(Section::Scheduling).with(SETS_A_SERVICE)
            .not_beside(&[Modifier::TcpService, Modifier::SctpService]);

        RealServer = value("r", "real-server", "ADDR:PORT", "the real server")
            .in_section(Section::Server)
            .needed_by(&[ADD_SERVER, EDIT_SERVER, DELETE_SERVER])
            .with(&[CONNECTIONS])
            .offers(Completion::RealServer);
        Gatewaying = flag("g", "gatewaying", "forward by direct routing (default)")
            .forwarding_method();
        Ipip = flag("i", "ipip", "forward through a tunnel").forwarding_method();
        Masquerading = flag("m", "masquerading", "forward by address translation (NAT)")
            .forwarding_method();
        Weight = value("w", "weight", "N", "the server's share (1); 0: nothing new")
            .in_section(Section::Server).with(SETS_A_SERVER);
        UpperThreshold = value("x", "u-threshold", "N", "full at N connections (0: never)")
            .in_section(Section::Server).with(SETS_A_SERVER);
        LowerThreshold = value("y", "l-threshold", "N", "open again below N connections")
            .in_section(Section::Server).with(SETS_A_SERVER);

        TunnelType = value("", "tun-type", "TYPE", "ipip, gue or gre")
            .in_section(Section::Tunnel).with(&[ADD_SERVER, EDIT_SERVER, IPIP, GUE, GRE]).not_beside(NO_TUNNEL)
            .offers(Completion::OneOf(&TunnelKind::WORDS));
        TunnelPort = value("", "tun-port", "PORT", "gue port")
            .in_section(Section::Tunnel).with(SETS_A_SERVER).not_beside(NO_TUNNEL)
            .needed_by(&[GUE]);
        TunnelNoChecksum = flag("", "tun-nocsum", "no checksum")
            .in_section(Section::Tunnel).with(SETS_A_SERVER).not_beside(NO_TUNNEL)
            .alternative_in(&[GUE, GRE]);
        TunnelChecksum = flag("", "tun-csum", "checksum")
            .in_section(Section::Tunnel).with(SETS_A_SERVER).not_beside(NO_TUNNEL)
            .alternative_in(&[GUE, GRE]);
        TunnelRemoteChecksum = flag("", "tun-remcsum", "remote checksum")
            .in_section(Section::Tunnel).with(SETS_A_SERVER).not_beside(NO_TUNNEL)
            .alternative_in(&[GUE]);

        Keep = flag("", "keep", "leave what is not named as it is")
            .in_section(Section::Change)
            .with(&[EDIT_SERVICE, EDIT_SERVER, ADD_SERVICE_EXISTING, ADD_SERVER_EXISTING]).ours();
        Exist = flag("", "exist", "no error if it exists, or is already gone")
            .in_section(Section::Change)
            .with(&[
                ADD_SERVICE, ADD_SERVER, DELETE_SERVICE, DELETE_SERVER, START_DAEMON, STOP_DAEMON,
            ]).ours();

        Drain = flag("", "drain", "first let its clients leave")
            .takes(Argument::Optional("SECONDS"))
            .in_section(Section::Change).with(&[EDIT_SERVER, DELETE_SERVER, DELETE_SERVICE]).ours()
            .not_among_rules().not_beside(DESCRIBES_A_SERVER);
        Ramp = value("", "ramp", "SECONDS", "raise its weight from 1, by and by")
            .in_section(Section::Change).with(SETS_A_SERVER).ours()
            .not_among_rules().not_beside(&[Modifier::Drain, Modifier::Exist]);
        Force = flag("", "force", "drain it though new clients find no server")
            .in_section(Section::Change).with(&[EDIT_SERVER, DELETE_SERVER]).ours()
            .not_among_rules();

        Numeric = flag("n", "numeric", "numbers, no names")
            .in_section(Section::Listing).with(&[LIST, SAVE, IPVSADM_SAVE])
            .ignored_by(&[DIAGNOSE]);
        Exact = flag("X", "exact", "numbers in full")
            .in_section(Section::Listing).with(&[LIST]);
        Statistics = flag("", "stats", "counters")
            .in_section(Section::Listing).with(&[LIST])
            .not_beside(&[Modifier::Connection, Modifier::Timeout, Modifier::Daemon]);
        Rate = flag("", "rate", "rates a second")
            .in_section(Section::Listing).with(&[LIST])
            .not_beside(&[Modifier::Connection, Modifier::Timeout, Modifier::Daemon]);
        Thresholds = flag("", "thresholds", "thresholds")
            .in_section(Section::Listing).with(&[LIST])
            .not_beside(&[Modifier::Connection, Modifier::Timeout, Modifier::Daemon]);
        PersistentConnections = flag("", "persistent-conn", "persistence")
            .in_section(Section::Listing).with(&[LIST])
            .not_beside(&[Modifier::Timeout, Modifier::Daemon]);
        TunnelInfo = flag("", "tun-info", "tunnels")
            .in_section(Section::Listing).with(&[LIST]);
        Connection = flag("c", "connection", "connections")
            .in_section(Section::Listing).alternative_in(&[LIST]);
        Timeout = flag("", "timeout", "timeouts")
            .in_section(Section::Listing).alternative_in(&[LIST]);
        Daemon = flag("", "daemon", "sync daemons")
            .in_section(Section::Listing).alternative_in(&[LIST]);
        Sort = flag("", "sort", "in order (always)").in_section(Section::Listing).with(&[LIST]);
        NoSort = flag("", "nosort", "the kernel's order")
            .in_section(Section::Listing).with(&[LIST]);
        Json = flag("", "json", "all of it as JSON")
            .in_section(Section::Listing).with(&[LIST, DIAGNOSE]).ours();
        Table = flag("", "table", "drawn for people")
            .in_section(Section::Listing).with(&[LIST]).ours()
            .not_beside(&[Modifier::Json]);
        Prometheus = flag("", "prometheus", "as metrics, for node_exporter")
            .in_section(Section::Listing).with(&[LIST]).ours().not_among_rules()
            .not_beside(&[
                Modifier::Json, Modifier::Table, Modifier::Connection, Modifier::Timeout, Modifier::Daemon,
            ]);
        Colour = flag("", "color", "in colours: always, never, auto")
            .takes(Argument::Optional("WHEN"))
            .in_section(Section::Listing).with(&[LIST, DIAGNOSE]).ours().not_among_rules()
            .offers(Completion::OneOf(&Colours::WORDS));
        Order = value("", "order", "KEY", "the busiest first, or another order")
            .in_section(Section::Listing).with(&[LIST]).ours().not_among_rules()
            .offers(Completion::Order)
            .not_beside(&[
                Modifier::NoSort, Modifier::Json, Modifier::Prometheus, Modifier::Timeout, Modifier::Daemon,
                Modifier::Count,
            ]);
        Watch = flag("", "watch", "again and again; q ends it (2)")
            .takes(Argument::Optional("SECONDS"))
            .in_section(Section::Listing).with(&[LIST]).ours().not_among_rules()
            .not_beside(&[Modifier::Prometheus]);

        Client = value("", "client", "ADDR[/LEN]", "of this client or network")
            .in_section(Section::Connections).with(&[CONNECTIONS]).ours().not_among_rules();
        State = value("", "state", "NAME[,NAME]", "in one of these states")
            .in_section(Section::Connections).with(&[CONNECTIONS]).ours().not_among_rules()
            .offers(Completion::States);
        Origin = value("", "origin", "WHO", "made here (local), or learnt (sync)")
            .in_section(Section::Connections).with(&[CONNECTIONS]).ours().not_among_rules()
            .offers(Completion::OneOf(&Origin::WORDS));
        Stale = flag("", "stale", "whose server is no longer in the table")
            .in_section(Section::Connections).with(&[CONNECTIONS]).ours().not_among_rules();
        Count = value("", "count", "KEY", "how many: total, or by client and so on")
            .in_section(Section::Connections).with(&[CONNECTIONS]).ours().not_among_rules()
            .offers(Completion::OneOf(&CountKey::WORDS));

        Probe = flag("", "probe", "ask the servers")
            .in_section(Section::Diagnosis).with(&[DIAGNOSE]).ours().not_among_rules();
        ProbeFrom = value("", "probe-from", "ADDR", "as this client (198.51.100.1)")
            .in_section(Section::Diagnosis).with(&[DIAGNOSE]).ours().not_among_rules();

        Listen = flag("", "listen", "watch what becomes of real packets (10)")
            .takes(Argument::Optional("SECONDS"))
            .in_section(Section::Diagnosis).with(&[DIAGNOSE]).ours().not_among_rules();

        McastInterface = value("", "mcast-interface", "IF", "where (eth0)")
            .in_section(Section::SyncDaemon).with(&[START_DAEMON])
            .offers(Completion::Interface);
        McastGroup = value("", "mcast-group", "ADDR", "group")
            .in_section(Section::SyncDaemon).with(&[START_DAEMON]);
        McastPort = value("", "mcast-port", "PORT", "UDP port")
            .in_section(Section::SyncDaemon).with(&[START_DAEMON]);
        McastTtl = value("", "mcast-ttl", "N", "time to live")
            .in_section(Section::SyncDaemon).with(&[START_DAEMON]);
        SyncId = value("", "syncid", "N", "group's id")
            .in_section(Section::SyncDaemon).with(&[START_DAEMON, STOP_DAEMON])
            .ignored_by(&[LIST]);
        SyncMaxLength = value("", "sync-maxlen", "BYTES", "message size")
            .in_section(Section::SyncDaemon).with(&[START_DAEMON]);

        Netns = value("", "netns", "NAME|PATH|PID", "in that network namespace")
            .in_section(Section::Anywhere).with(EVERYWHERE).ours().not_among_rules()
            .offers(Completion::Namespace);
    }

    helpers {
        DryRun = flag("", "dry-run", "print the changes, make none").with(&[IPVSADM_RESTORE]).ours();
        ExitCode = flag("", "exit-code", "end with status 3 if there are changes")
            .with(&[IPVSADM_RESTORE]).ours().not_beside(&[Modifier::Test]);
        NoFlush = flag("", "noflush", "leave services alone that no rule names")
            .with(&[IPVSADM_RESTORE]).ours();
        KeepWeights = flag("", "keep-weights", "leave the weights of servers that are there")
            .with(&[IPVSADM_RESTORE]).ours();
        Test = flag("", "test", "check the rules, change nothing").with(&[IPVSADM_RESTORE]).ours();
        File = flag("", "", "the rules, in place of a standard stream").takes(Argument::Operands("FILE"))
            .with(&[IPVSADM_SAVE, IPVSADM_RESTORE]).ours();
    }
}

const fn command(short: &'static str, long: &'static str, help: &'static str) -> OptionSpec {
    flag(short, long, help).in_section(Section::Commands)
}

const fn flag(short: &'static str, long: &'static str, help: &'static str) -> OptionSpec {
    OptionSpec {
        // The macro puts in which one it is.
        meaning: Meaning::Command(Command::Help),
        short,
        long,
        argument: Argument::None,
        completion: Completion::Nothing,
        help,
        section: None,
        examples: &[],
        name: long,
        needed_by: &[],
        goes_with: &[],
        alternative_in: &[],
        ignored_by: &[],
        rivals: &[],
        is_new: false,
        may_be_in_rules: true,
    }
}

const fn value(
    short: &'static str,
    long: &'static str,
    value: &'static str,
    help: &'static str,
) -> OptionSpec {
    flag(short, long, help).takes(Argument::Required(value))
}

/// Builds rows; each method sets one field.
impl OptionSpec {
    const fn takes(mut self, argument: Argument) -> Self {
        self.argument = argument;
        self
    }

    const fn offers(mut self, completion: Completion) -> Self {
        self.completion = completion;
        self
    }

    const fn in_section(mut self, section: Section) -> Self {
        self.section = Some(section);
        self
    }

    const fn examples(mut self, examples: &'static [&'static str]) -> Self {
        self.examples = examples;
        self
    }

    const fn named(mut self, name: &'static str) -> Self {
        self.name = name;
        self
    }

    const fn needed_by(mut self, owners: &'static [Owner]) -> Self {
        self.needed_by = owners;
        self
    }

    const fn with(mut self, owners: &'static [Owner]) -> Self {
        self.goes_with = owners;
        self
    }

    const fn alternative_in(mut self, owners: &'static [Owner]) -> Self {
        self.alternative_in = owners;
        self
    }

    const fn ignored_by(mut self, owners: &'static [Owner]) -> Self {
        self.ignored_by = owners;
        self
    }

    const fn not_beside(mut self, rivals: &'static [Modifier]) -> Self {
        self.rivals = rivals;
        self
    }

    const fn ours(mut self) -> Self {
        self.is_new = true;
        self
    }

    const fn not_among_rules(mut self) -> Self {
        self.may_be_in_rules = false;
        self
    }

    /// Makes it one of the four ways to name a virtual service.
    const fn service(self) -> Self {
        self.in_section(Section::Service)
            .named("service-address")
            .needed_by(OF_A_SERVICE)
            .with(&[
                ZERO,
                CONNECTIONS,
                DIAGNOSE,
                EDIT_DRAINING,
                DELETE_DRAINING,
                EDIT_RAMPING,
            ])
            .alternative_in(&[LIST])
            .offers(Completion::Service)
    }

    /// Makes it one of the three ways to reach a real server.
    const fn forwarding_method(self) -> Self {
        self.in_section(Section::Server)
            .named("forwarding-method")
            .with(SETS_A_SERVER)
    }
}
