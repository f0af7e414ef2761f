//! Random scripts: drawn from the table of options, others in every run, run by both programs, and
//! made as short as they will go where the two differ.
//!
//! Most commands are good, and a small model of the table they build (which services there are,
//! with which real servers) makes them good more often still; some are spoilt on purpose. The
//! differences that are wanted are kept out (the command comes first, then the service; no marks
//! above 2^31; no comments in rules; a spoilt line never in `ipvsadm-restore`; no sync daemon
//! stopped by the rules that start one, where the reference may wait for ever; no two blanks at the
//! end of rules without a newline, where the reference loses a rule), but for two, which are taken
//! out of our output before it is compared: the thresholds of `-S`, and the line that
//! `ipvsadm-restore` names with what the kernel refused.
//!
//! `IPVSADM_SEED` and `IPVSADM_SCRIPTS` choose which scripts, and how many.

use std::ffi::OsString;
use std::fmt::Write;

use crate::support::pair::{Pair, compare};
use crate::support::table::{OPTIONS, Opt};
use crate::support::{Ending, Invocation, Outcome, Random, number_from_environment, seed};

/// The number of scripts that are drawn unless `IPVSADM_SCRIPTS` says another.
const SCRIPTS: u64 = 100;

/// One option with its value, not yet spelt.
#[derive(Clone, Debug)]
struct Setting {
    long: &'static str,
    value: Option<String>,
}

fn flag(long: &'static str) -> Setting {
    Setting { long, value: None }
}

fn with(long: &'static str, value: impl Into<String>) -> Setting {
    Setting {
        long,
        value: Some(value.into()),
    }
}

/// A command before it is spelt: the word, the service, everything else.
struct Sentence {
    command: &'static str,
    arguments: Vec<String>,
    service: Vec<Setting>,
    settings: Vec<Setting>,
}

/// A service as the generator believes it to be.
#[derive(Clone, Debug)]
struct Service {
    words: Vec<Setting>,
    ipv6: bool,
    mark: bool,
    udp: bool,
    servers: Vec<String>,
}

impl Service {
    /// Returns true if two of the servers may be one.
    fn has_a_server_twice(&self) -> bool {
        let mut hosts: Vec<_> = self.servers.iter().map(|server| host(server)).collect();
        hosts.sort();
        hosts.windows(2).any(|pair| pair[0] == pair[1])
    }
}

const ADDRESSES: [&str; 6] = [
    "192.0.2.1",
    "10.0.0.1",
    "172.16.0.1",
    "198.51.100.7",
    "10.1",
    "vip",
];
const ADDRESSES_IPV6: [&str; 4] = ["2001:db8::1", "2001:db8::2", "fc00::1", "fe80::5"];
const PORTS: [&str; 6] = ["80", "443", "53", "8080", "65535", "domain"];
/// None three of these, nor of the services' addresses, are in a ring under the reference's order
/// (192.0.2.1 before 10.0.0.1 before 127.0.0.1 before 192.0.2.1): what it makes of a ring depends
/// on the order in which the kernel lists it, and that is another in every namespace.
const SERVERS: [&str; 7] = [
    "192.0.2.10",
    "192.0.2.11",
    "100.64.0.10",
    "172.16.0.10",
    "127.0.0.1",
    "web1",
    "203.0.113.9",
];
const SERVERS_IPV6: [&str; 4] = ["2001:db8::10", "2001:db8::11", "fc00::10", "::1"];
const SCHEDULERS: [&str; 13] = [
    "rr", "wrr", "lc", "wlc", "lblc", "lblcr", "dh", "sh", "sed", "nq", "fo", "ovf", "mh",
];
/// Values that are wrong for most options, or look wrong and are right.
const ODD_VALUES: [&str; 22] = [
    "",
    "0",
    "-1",
    "+5",
    "007",
    "0x10",
    " 9",
    "9 ",
    "2147483647",
    "2147483648",
    "99999999999999999999",
    "x",
    "rr",
    "-n",
    "--",
    "192.0.2.1",
    "192.0.2.1:0",
    ":80",
    "[::1]:80",
    "::1",
    "[::1]",
    "a:b",
];

/// Draws commands, and remembers what they should have done.
struct Generator {
    random: Random,
    services: Vec<Service>,
    /// True if all that is drawn is to be good.
    only_good: bool,
}

impl Generator {
    fn new(seed: u64) -> Self {
        Self {
            random: Random::new(seed),
            services: Vec::new(),
            only_good: false,
        }
    }

    /// Returns a whole script.
    fn script(&mut self) -> Vec<Invocation> {
        let steps = 3 + self.random.below(3);
        (0..steps)
            .map(|step| match self.random.below(100) {
                // Tables fill up from rules first.
                _ if step == 0 => self.rules(12),
                0..35 => self.rules(8),
                35..42 => self.restore(),
                _ => self.command_line(),
            })
            .collect()
    }

    /// Returns one command of its own.
    fn command_line(&mut self) -> Invocation {
        let words = self.words();
        Invocation::new(words)
    }

    /// Rules for `-R`.
    fn rules(&mut self, most: usize) -> Invocation {
        let mut text = Vec::new();
        let mut starts_a_daemon = false;
        for _ in 0..=self.random.below(most) {
            if self.random.chance(8) {
                text.extend_from_slice(self.random.pick(&[
                    &b"\n"[..],
                    b"  \t\n",
                    b"\r\n",
                    b"ipvsadm\n",
                ]));
            }
            if self.random.chance(15) {
                text.extend_from_slice(self.random.pick(&[&b"ipvsadm "[..], b"\t", b"   "]));
            }
            let words = self.words();
            starts_a_daemon |= words[0] == "--start-daemon";
            // The kernel stops a daemon that has not run yet, but does not answer.
            if starts_a_daemon && words[0] == "--stop-daemon" {
                text.push(b'\n');
                continue;
            }
            for word in words {
                text.extend_from_slice(word.as_bytes());
                text.push(if self.random.chance(5) { b'\t' } else { b' ' });
            }
            text.push(b'\n');
        }
        if self.random.chance(10) {
            text.pop();
            // With two blanks at the end of all, the reference passes over the last line.
            while let [.., b' ' | b'\t', b' ' | b'\t'] = text[..] {
                text.pop();
            }
        }
        Invocation::restore(text)
    }

    /// Returns a table for `ipvsadm-restore`: good rules only.
    fn restore(&mut self) -> Invocation {
        self.services.clear();
        self.only_good = true;
        let mut text = Vec::new();
        for _ in 0..=self.random.below(12) {
            let before = self.services.clone();
            let sentence = if before.is_empty() || self.random.chance(40) {
                self.add_service()
            } else {
                self.add_server()
            };
            // A second rule for the same real server would be refused.
            if self.services.iter().any(Service::has_a_server_twice) {
                self.services = before;
                continue;
            }
            let words = self.spell(sentence);
            text.extend_from_slice(words.join(" ").as_bytes());
            text.push(b'\n');
        }
        self.only_good = false;
        Invocation {
            argv0: "ipvsadm-restore".into(),
            words: Vec::new(),
            stdin: text,
        }
    }

    /// Returns the words of one command, some of them spoilt.
    fn words(&mut self) -> Vec<String> {
        let mut sentence = match self.random.below(100) {
            _ if self.services.is_empty() => self.add_service(),
            0..24 => self.add_service(),
            24..56 => self.add_server(),
            56..63 => self.edit_service(),
            63..71 => self.edit_server(),
            71..74 => self.delete_service(),
            74..78 => self.delete_server(),
            78..90 => self.list(),
            90..93 => self.save(),
            93..95 => self.zero(),
            95..97 => self.set(),
            97..99 => self.daemon(),
            _ => {
                self.services.clear();
                Sentence::bare("-C")
            }
        };
        let spoil = self.random.chance(8);
        if spoil {
            self.spoil(&mut sentence);
        }
        let mut words = self.spell(sentence);
        if spoil && self.random.chance(15) {
            let at = 1 + self.random.below(words.len());
            let word =
                self.random
                    .pick(&["x", "-q", "--bogus", "--numeric=3", "-", "-C", "--", ""]);
            words.insert(at, word.to_owned());
        }
        words
    }

    /// Adds, repeats, drops or breaks a setting.
    fn spoil(&mut self, sentence: &mut Sentence) {
        match self.random.below(5) {
            0 => {
                let option = self.random.pick(&OPTIONS);
                // The reference does not narrow a list of connections.
                let narrows = sentence.command == "-L"
                    && (option.long == "connection"
                        || option.long == "real-server"
                        || option.long.ends_with("-service"));
                if option.long != "nosort" && option.long != "ipv6" && !narrows {
                    sentence.settings.push(Setting {
                        long: option.long,
                        value: option.value.sample().map(str::to_owned),
                    });
                }
            }
            1 if !sentence.settings.is_empty() => {
                let setting = self.random.pick(&sentence.settings);
                sentence.settings.push(setting);
            }
            2 if !sentence.settings.is_empty() => {
                let at = self.random.below(sentence.settings.len());
                sentence.settings.remove(at);
            }
            3 if !sentence.service.is_empty() => {
                let odd = self.random.pick(&ODD_VALUES).to_owned();
                // The reference lists such a mark as a negative number.
                if sentence.service[0].long != "fwmark-service" || odd != "2147483648" {
                    sentence.service[0].value = Some(odd);
                }
            }
            _ => {
                let odd = self.random.pick(&ODD_VALUES).to_owned();
                let mut valued: Vec<_> = sentence
                    .settings
                    .iter_mut()
                    .filter(|setting| setting.value.is_some())
                    .collect();
                if !valued.is_empty() {
                    let at = self.random.below(valued.len());
                    valued[at].value = Some(odd);
                }
            }
        }
    }

    /// Returns the words of a sentence, each option in one of its spellings.
    fn spell(&mut self, sentence: Sentence) -> Vec<String> {
        let mut words = vec![sentence.command.to_owned()];
        words.extend(sentence.arguments);
        if sentence.command == "-L" && self.random.chance(50) {
            words[0] = "-l".to_owned();
        }
        let mut settings = sentence.settings;
        if !self.only_good || self.random.chance(50) {
            self.random.shuffle(&mut settings);
        }
        // `-p` takes the next word for its value, so what comes next must be an option.
        for (at, setting) in sentence.service.into_iter().chain(settings).enumerate() {
            let option = option(setting.long);
            self.spell_option(&mut words, option, setting.value, at == 0);
        }
        words
    }

    fn spell_option(
        &mut self,
        words: &mut Vec<String>,
        option: &Opt,
        value: Option<String>,
        first: bool,
    ) {
        let short = option.short.filter(|_| self.random.chance(80));
        let optional = option.long == "persistent";
        // Rules have no quotes: an empty value or one with blanks stands there as it can.
        match (short, value) {
            (Some(letter), None) => {
                let last = words.last_mut().unwrap();
                let groups = first && last.len() == 2 && last.starts_with('-');
                if groups && self.random.chance(50) {
                    last.push(letter);
                } else {
                    words.push(format!("-{letter}"));
                }
            }
            (None, None) => words.push(format!("--{}", option.long)),
            (Some(letter), Some(value)) => {
                let last = words.last_mut().unwrap();
                let groups = first && last.len() == 2 && last.starts_with('-');
                let word = if groups && self.random.chance(40) {
                    format!("{}{letter}", words.pop().unwrap())
                } else {
                    format!("-{letter}")
                };
                match self.random.below(10) {
                    0 if !value.is_empty() && !value.starts_with('=') => {
                        words.push(word + &value);
                    }
                    1 => words.push(format!("{word}={value}")),
                    _ if optional && value.starts_with('-') => {
                        words.push(format!("{word}={value}"))
                    }
                    _ => words.extend([word, value]),
                }
            }
            (None, Some(value)) => {
                if self.random.chance(50) || (optional && value.starts_with('-')) {
                    words.push(format!("--{}={value}", option.long));
                } else {
                    words.extend([format!("--{}", option.long), value]);
                }
            }
        }
    }

    fn new_service(&mut self) -> Service {
        let kind = self.random.below(10);
        let ipv6 = self.random.chance(30);
        if kind < 2 {
            let mark = (1 + self.random.below(9)).to_string();
            let mut words = vec![with("fwmark-service", mark)];
            if ipv6 {
                words.push(flag("ipv6"));
            }
            return Service {
                words,
                ipv6,
                mark: true,
                udp: false,
                servers: Vec::new(),
            };
        }
        let long = match kind {
            2..7 => "tcp-service",
            7..9 => "udp-service",
            _ => "sctp-service",
        };
        let port = match self.random.pick(&PORTS) {
            "domain" if long == "sctp-service" => "80",
            port => port,
        };
        let address = if ipv6 {
            format!("[{}]:{port}", self.random.pick(&ADDRESSES_IPV6))
        } else {
            format!("{}:{port}", self.random.pick(&ADDRESSES))
        };
        Service {
            words: vec![with(long, address)],
            ipv6,
            mark: false,
            udp: long == "udp-service",
            servers: Vec::new(),
        }
    }

    /// Returns the settings of `-A` and `-E`.
    fn service_settings(&mut self, service: &Service) -> Vec<Setting> {
        let mut settings = Vec::new();
        if self.random.chance(80) {
            let scheduler = self.random.pick(&SCHEDULERS);
            settings.push(with("scheduler", scheduler));
            if self.random.chance(40) {
                let flags: &[&str] = match scheduler {
                    "sh" => &["sh-port", "sh-fallback", "sh-port,sh-fallback"],
                    "mh" => &["mh-port", "mh-fallback", "mh-fallback,mh-port"],
                    _ => &["flag-1", "flag-2", "flag-3", "flag-1,flag-3"],
                };
                settings.push(with("sched-flags", self.random.pick(flags)));
            }
        }
        if self.random.chance(40) {
            let timeout = 1 + self.random.below(3000);
            settings.push(if self.random.chance(30) {
                flag("persistent")
            } else {
                with("persistent", timeout.to_string())
            });
            if self.random.chance(40) {
                settings.push(if service.ipv6 {
                    with("netmask", (1 + self.random.below(128)).to_string())
                } else {
                    let masks = ["255.255.255.0", "255.255.0.0", "255.255.255.255", "0.0.0.0"];
                    with("netmask", self.random.pick(&masks))
                });
            }
            if self.random.chance(20) {
                settings.push(with("pe", "sip"));
            }
        }
        if (service.udp || service.mark) && self.random.chance(30) {
            settings.push(flag("ops"));
        }
        settings
    }

    fn add_service(&mut self) -> Sentence {
        let mut service = self.new_service();
        for _ in 0..20 {
            if !self.knows(&service) {
                break;
            }
            service = self.new_service();
        }
        if self.only_good && self.knows(&service) {
            return self.add_server();
        }
        let settings = self.service_settings(&service);
        let sentence = Sentence {
            command: "-A",
            arguments: Vec::new(),
            service: service.words.clone(),
            settings,
        };
        self.services.push(service);
        sentence
    }

    /// Returns true if there is this service already. A name stands for its address.
    fn knows(&self, service: &Service) -> bool {
        let key = |service: &Service| {
            service
                .words
                .iter()
                .map(|word| format!("{}{:?}", word.long, word.value))
                .collect::<String>()
                .replace("vip", "192.0.2.1")
                .replace("10.1:", "10.0.0.1:")
                .replace("domain", "53")
        };
        self.services.iter().any(|known| key(known) == key(service))
    }

    fn edit_service(&mut self) -> Sentence {
        let service = self.some_service();
        let settings = self.service_settings(&service);
        Sentence {
            command: "-E",
            arguments: Vec::new(),
            service: service.words,
            settings,
        }
    }

    fn delete_service(&mut self) -> Sentence {
        let at = self.random.below(self.services.len());
        let service = self.services.swap_remove(at);
        Sentence {
            command: "-D",
            arguments: Vec::new(),
            service: service.words,
            settings: Vec::new(),
        }
    }

    fn some_service(&mut self) -> Service {
        self.random.pick(&self.services)
    }

    /// Returns the settings of `-a` and `-e` but for the server itself.
    fn server_settings(&mut self, tunnel: bool) -> Vec<Setting> {
        let mut settings = Vec::new();
        if tunnel {
            settings.push(flag("ipip"));
            match self.random.below(6) {
                0 => settings.push(with("tun-type", "ipip")),
                1 | 2 => {
                    settings.push(with("tun-type", "gue"));
                    settings.push(with("tun-port", (1 + self.random.below(65535)).to_string()));
                    let sums = ["tun-nocsum", "tun-csum", "tun-remcsum"];
                    if self.random.chance(60) {
                        settings.push(flag(self.random.pick(&sums)));
                    }
                }
                3 => {
                    settings.push(with("tun-type", "gre"));
                    if self.random.chance(60) {
                        settings.push(flag(self.random.pick(&["tun-nocsum", "tun-csum"])));
                    }
                }
                _ => {}
            }
        } else if self.random.chance(70) {
            settings.push(flag(self.random.pick(&[
                "masquerading",
                "masquerading",
                "gatewaying",
            ])));
        }
        if self.random.chance(60) {
            let weight = self
                .random
                .pick(&["0", "1", "2", "5", "100", "65535", "2147483647"]);
            settings.push(with("weight", weight));
        }
        if self.random.chance(15) {
            let upper = 1 + self.random.below(1000);
            settings.push(with("u-threshold", upper.to_string()));
            if self.random.chance(60) {
                let lower = self.random.below(upper + 1);
                settings.push(with("l-threshold", lower.to_string()));
            }
        }
        settings
    }

    fn add_server(&mut self) -> Sentence {
        let at = self.random.below(self.services.len());
        let service = self.services[at].clone();
        // A sync daemon may be running, and does not take a server of the other family.
        let other_family = !self.only_good && self.random.chance(5);
        let ipv6 = service.ipv6 != other_family;
        let tunnel = other_family || self.random.chance(20);
        let mut server = self.server_address(ipv6);
        for _ in 0..10 {
            let host = |server: &String| server.replace("web1", "192.0.2.10");
            if !service
                .servers
                .iter()
                .any(|known| host(known) == host(&server))
            {
                break;
            }
            server = self.server_address(ipv6);
        }
        let mut settings = self.server_settings(tunnel);
        settings.push(with("real-server", server.clone()));
        self.services[at].servers.push(server);
        Sentence {
            command: "-a",
            arguments: Vec::new(),
            service: service.words,
            settings,
        }
    }

    fn server_address(&mut self, ipv6: bool) -> String {
        let (host, port) = if ipv6 {
            (self.random.pick(&SERVERS_IPV6), self.random.chance(60))
        } else {
            (self.random.pick(&SERVERS), self.random.chance(60))
        };
        match (ipv6, port) {
            (_, false) => host.to_owned(),
            (false, true) => format!("{host}:{}", self.random.pick(&["80", "8080", "0"])),
            (true, true) => format!("[{host}]:{}", self.random.pick(&["80", "8080", "0"])),
        }
    }

    fn edit_server(&mut self) -> Sentence {
        let service = self.some_service();
        let server = match service.servers.is_empty() {
            true => self.server_address(service.ipv6),
            false => self.random.pick(&service.servers),
        };
        let tunnel = service.ipv6 != server.contains("::") || self.random.chance(15);
        let mut settings = self.server_settings(tunnel);
        settings.push(with("real-server", server));
        Sentence {
            command: "-e",
            arguments: Vec::new(),
            service: service.words,
            settings,
        }
    }

    fn delete_server(&mut self) -> Sentence {
        let at = self.random.below(self.services.len());
        let server = match self.services[at].servers.pop() {
            Some(server) => server,
            None => self.server_address(self.services[at].ipv6),
        };
        Sentence {
            command: "-d",
            arguments: Vec::new(),
            service: self.services[at].words.clone(),
            settings: vec![with("real-server", server)],
        }
    }

    fn list(&mut self) -> Sentence {
        let mut settings = Vec::new();
        let mut service = Vec::new();
        if self.random.chance(80) {
            settings.push(flag("numeric"));
        }
        match self.random.below(12) {
            0 => settings.push(flag("timeout")),
            1 => settings.push(flag("daemon")),
            2 => settings.push(flag("connection")),
            3..6 => service = self.some_service().words,
            _ => {}
        }
        let formats = [
            "stats",
            "rate",
            "thresholds",
            "persistent-conn",
            "tun-info",
            "exact",
            "sort",
        ];
        for _ in 0..self.random.below(3) {
            settings.push(flag(self.random.pick(&formats)));
        }
        settings.dedup_by_key(|setting| setting.long);
        Sentence {
            command: "-L",
            arguments: Vec::new(),
            service,
            settings,
        }
    }

    fn save(&mut self) -> Sentence {
        let mut sentence = Sentence::bare("-S");
        if self.random.chance(80) {
            sentence.settings.push(flag("numeric"));
        }
        sentence
    }

    fn zero(&mut self) -> Sentence {
        let mut sentence = Sentence::bare("-Z");
        if self.random.chance(60) {
            sentence.service = self.some_service().words;
        }
        sentence
    }

    fn set(&mut self) -> Sentence {
        let mut sentence = Sentence::bare("--set");
        sentence.arguments = (0..3)
            .map(|_| self.random.below(5000).to_string())
            .collect();
        sentence
    }

    fn daemon(&mut self) -> Sentence {
        let state = self.random.pick(&["master", "backup"]);
        let start = self.random.chance(70);
        let mut sentence = Sentence::bare(if start {
            "--start-daemon"
        } else {
            "--stop-daemon"
        });
        sentence.arguments.push(state.to_owned());
        let mut maybe = |setting: Setting, percent: usize| {
            if self.random.chance(percent) {
                sentence.settings.push(setting);
            }
        };
        maybe(with("syncid", "7"), 40);
        if start {
            maybe(with("mcast-interface", "lo"), 85);
            maybe(with("mcast-group", "239.1.1.1"), 20);
            maybe(with("mcast-port", "9000"), 20);
            maybe(with("mcast-ttl", "3"), 20);
            maybe(with("sync-maxlen", "1000"), 20);
        }
        sentence
    }
}

/// Returns the host of a real server's address, a name as what it stands for.
fn host(server: &str) -> String {
    let host = match server.strip_prefix('[') {
        Some(rest) => rest.split(']').next(),
        None if server.contains("::") => Some(server),
        None => server.split(':').next(),
    };
    host.unwrap_or_default().replace("web1", "192.0.2.10")
}

impl Sentence {
    /// Returns a command and nothing else.
    fn bare(command: &'static str) -> Self {
        Self {
            command,
            arguments: Vec::new(),
            service: Vec::new(),
            settings: Vec::new(),
        }
    }
}

/// Returns the row of the table with this long name.
fn option(long: &str) -> &'static Opt {
    OPTIONS
        .iter()
        .find(|option| option.long == long)
        .unwrap_or_else(|| panic!("{long} is in the table"))
}

/// The result of a script.
#[derive(Default)]
struct Tally {
    commands: usize,
    succeeded: usize,
    /// The first difference, if there is one.
    difference: Option<String>,
}

/// Runs a script until the programs differ.
fn run(script: &[Invocation]) -> Tally {
    let pair = Pair::new(false);
    let mut tally = Tally::default();
    for invocation in script {
        let (expected, got) = pair.run(invocation);
        tally.commands += 1;
        tally.succeeded += usize::from(expected.ending == Ending::Status(0));
        let got = without_rules(invocation, without_thresholds(got));
        if let Err(difference) = compare(&expected, &got) {
            tally.difference = Some(format!("{}\n{difference}", as_script(invocation)));
            return tally;
        }
    }
    tally.difference = pair
        .compare_tables()
        .err()
        .map(|difference| format!("the tables afterwards\n{difference}"));
    tally
}

/// Returns our output without the thresholds that only ours writes, where it is a table as rules.
fn without_thresholds(mut outcome: Outcome) -> Outcome {
    let mut stdout = Vec::with_capacity(outcome.stdout.len());
    for line in outcome.stdout.split_inclusive(|byte| *byte == b'\n') {
        if !line.starts_with(b"-a ") {
            stdout.extend_from_slice(line);
            continue;
        }
        let mut words = line.split(|byte| *byte == b' ');
        let mut separator: &[u8] = b"";
        while let Some(word) = words.next() {
            if word == b"-x" || word == b"-y" {
                let number = words.next().unwrap_or_default();
                if number.ends_with(b"\n") {
                    stdout.push(b'\n');
                }
                continue;
            }
            stdout.extend_from_slice(separator);
            stdout.extend_from_slice(word);
            separator = b" ";
        }
    }
    outcome.stdout = stdout;
    outcome
}

/// Returns our output without the rules that `ipvsadm-restore` names, as in `line 3: FAULT: RULE`.
fn without_rules(invocation: &Invocation, mut outcome: Outcome) -> Outcome {
    if invocation.argv0 != "ipvsadm-restore" {
        return outcome;
    }
    let rules = String::from_utf8_lossy(&invocation.stdin);
    let mut stderr = String::new();
    for line in outcome.stderr_text().lines() {
        let fault = line
            .strip_prefix("line ")
            .and_then(|rest| rest.split_once(": "))
            .and_then(|(number, rest)| {
                let rule = rules.lines().nth(number.parse::<usize>().ok()? - 1)?;
                rest.strip_suffix(rule)?.strip_suffix(": ")
            });
        let _ = writeln!(stderr, "{}", fault.unwrap_or(line));
    }
    outcome.stderr = stderr.into_bytes();
    outcome
}

/// Leaves away steps, and lines of rules, for as long as the programs still differ.
fn shrink(mut script: Vec<Invocation>) -> Vec<Invocation> {
    let mut at = script.len();
    while at > 0 {
        at -= 1;
        let step = script.remove(at);
        if run(&script).difference.is_some() {
            continue;
        }
        script.insert(at, step);
        let mut lines: Vec<Vec<u8>> = script[at]
            .stdin
            .split_inclusive(|byte| *byte == b'\n')
            .map(<[u8]>::to_vec)
            .collect();
        let mut line = lines.len();
        while line > 0 && lines.len() > 1 {
            line -= 1;
            let dropped = lines.remove(line);
            let before = std::mem::replace(&mut script[at].stdin, lines.concat());
            if run(&script).difference.is_none() {
                script[at].stdin = before;
                lines.insert(line, dropped);
            }
        }
    }
    script
}

/// Returns a step as the hand-written scripts would have it.
fn as_script(invocation: &Invocation) -> String {
    let mut text = invocation.argv0.to_string_lossy().into_owned();
    for word in &invocation.words {
        let word: &OsString = word;
        let word = word.to_string_lossy();
        let plain = !word.is_empty() && !word.contains([' ', '\'', '\\', '\t']);
        let _ = match plain {
            true => write!(text, " {word}"),
            false => write!(text, " '{word}'"),
        };
    }
    text.push('\n');
    for line in invocation.stdin.split_inclusive(|byte| *byte == b'\n') {
        let end = if line.ends_with(b"\n") { "" } else { "\\c" };
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        let _ = writeln!(text, "| {}{end}", line.escape_ascii());
    }
    text
}

#[test]
fn random_scripts() {
    let seed = seed();
    let scripts = number_from_environment("IPVSADM_SCRIPTS").unwrap_or(SCRIPTS);
    let mut total = Tally::default();
    for index in 0..scripts {
        // Every script has a seed of its own, so that any one of them can be drawn again.
        let script = Generator::new(seed.wrapping_add(index << 32)).script();
        let tally = run(&script);
        total.commands += tally.commands;
        total.succeeded += tally.succeeded;
        if let Some(difference) = tally.difference {
            let whole: String = script.iter().map(as_script).collect();
            let short = shrink(script);
            let last = run(&short).difference.unwrap_or_default();
            let short: String = short.iter().map(as_script).collect();
            panic!(
                "script {index} of seed {seed} differs in\n\n{difference}\n\
                 as short as it goes:\n\n{short}\nwhich differs in\n\n{last}\nthe whole script:\n\n{whole}"
            );
        }
    }
    println!(
        "{scripts} scripts of seed {seed}: {} commands, {} of them succeeded",
        total.commands, total.succeeded
    );
    assert!(
        total.succeeded * 2 > total.commands,
        "most commands must succeed, or the tables stay empty and nothing is compared"
    );
}

/// Rings of addresses included: both programs list the same table, so the kernel's order is one.
#[test]
fn random_tables_are_listed_in_the_same_order() {
    let mut random = Random::of_this_run();
    for _ in 0..12 {
        let pair = Pair::new(false);
        let mut rules = String::new();
        for _ in 0..random.below(60) {
            let service = match random.below(4) {
                0 => format!("-f {}", 1 + random.below(0x7fff_ffff)),
                1 => format!("-t {}", address(&mut random, true)),
                2 => format!("-u {}", address(&mut random, false)),
                _ => format!("-t {}", address(&mut random, false)),
            };
            let _ = writeln!(rules, "-A {service}");
            if random.chance(20) {
                for _ in 0..random.below(12) {
                    let ipv6 = random.chance(30);
                    let server = address(&mut random, ipv6);
                    let _ = writeln!(rules, "-a {service} -r {server} -i");
                }
            }
        }
        // Some addresses are none for a real server; what counts is that the table is filled.
        pair.run_reference(&Invocation::restore(rules.clone()));
        for listing in ["-ln", "-Sn", "-ln --nosort"] {
            if let Err(difference) = pair.compare_on_one_table(&Invocation::line(listing)) {
                panic!("{listing} of the table of\n{rules}\ndiffers in\n{difference}");
            }
        }
    }
}

/// Returns any address with a port that is not 0.
fn address(random: &mut Random, ipv6: bool) -> String {
    let port = 1 + random.below(65535);
    let bits = random.next_bits();
    if ipv6 {
        // Few words that differ, and in more places than the first.
        let words: Vec<String> = (0..8)
            .map(|word| match (bits >> (word * 8)) & 3 {
                0 => "0".to_owned(),
                1 => "1".to_owned(),
                2 => "8000".to_owned(),
                _ => format!("{:x}", (bits >> (word * 4)) & 0xffff),
            })
            .collect();
        format!("[{}]:{port}", words.join(":"))
    } else {
        let [a, b, c, d, ..] = bits.to_be_bytes();
        format!("{a}.{b}.{c}.{d}:{port}")
    }
}
