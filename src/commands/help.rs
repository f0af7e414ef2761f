//! `-h` and `-v`: neither needs the kernel.
//!
//! The usage text is made of the table of options; here stand only the sections, in the order of a reader's questions,
//! and the examples. With a command, `-h` shows what goes with that command.

use std::fmt::Write;

use crate::options::matrix::{Group, Rule};
use crate::options::{Argument, Choice, Command, Meaning, OPTIONS, OptionSpec, SCHEDULERS};

const WIDTH: usize = 80;

/// A heading and the choices under it.
struct Section {
    title: &'static str,
    choices: &'static [Choice],
}

const SECTIONS: [Section; 6] = [
    Section {
        title: "Which virtual service",
        choices: &[
            Choice::TcpService,
            Choice::UdpService,
            Choice::SctpService,
            Choice::FirewallMarkService,
            Choice::Ipv6,
        ],
    },
    Section {
        title: "How a virtual service works (-A, -E)",
        choices: &[
            Choice::Scheduler,
            Choice::SchedulerFlags,
            Choice::Persistent,
            Choice::Netmask,
            Choice::PersistenceEngine,
            Choice::OnePacket,
        ],
    },
    Section {
        title: "Which real server, and how it is reached (-a, -e)",
        choices: &[
            Choice::RealServer,
            Choice::Gatewaying,
            Choice::Ipip,
            Choice::Masquerading,
            Choice::Weight,
            Choice::UpperThreshold,
            Choice::LowerThreshold,
        ],
    },
    Section {
        title: "How a tunnel is made (-a, -e with -i)",
        choices: &[
            Choice::TunnelType,
            Choice::TunnelPort,
            Choice::TunnelNoChecksum,
            Choice::TunnelChecksum,
            Choice::TunnelRemoteChecksum,
        ],
    },
    Section {
        title: "What is listed, and how (-L; -S has -n)",
        choices: &[
            Choice::Numeric,
            Choice::Exact,
            Choice::Statistics,
            Choice::Rate,
            Choice::Thresholds,
            Choice::PersistentConnections,
            Choice::TunnelInfo,
            Choice::Connection,
            Choice::Timeout,
            Choice::Daemon,
            Choice::Sort,
            Choice::NoSort,
            Choice::Json,
            Choice::Table,
        ],
    },
    Section {
        title: "Sync daemons (--start-daemon, --stop-daemon); ROLE is master or backup",
        choices: &[
            Choice::McastInterface,
            Choice::McastGroup,
            Choice::McastPort,
            Choice::McastTtl,
            Choice::SyncId,
            Choice::SyncMaxLength,
        ],
    },
];

/// By command, in the order in which `-h` shows some of them.
const EXAMPLES: [(Command, &str); 20] = [
    (Command::AddService, "ipvsadm -A -t 192.0.2.1:80 -s rr"),
    (
        Command::AddService,
        "ipvsadm -A -t '[2001:db8::1]:443' -s wlc -p 300",
    ),
    (
        Command::AddServer,
        "ipvsadm -a -t 192.0.2.1:80 -r 10.0.0.10 -m",
    ),
    (
        Command::AddServer,
        "ipvsadm -a -t 192.0.2.1:80 -r 10.0.0.11 -i --tun-type gue --tun-port 5555",
    ),
    (
        Command::EditServer,
        "ipvsadm -e -t 192.0.2.1:80 -r 10.0.0.10 -m -w 0",
    ),
    (
        Command::EditService,
        "ipvsadm -E -t 192.0.2.1:80 -s wrr -p 300",
    ),
    (
        Command::DeleteServer,
        "ipvsadm -d -t 192.0.2.1:80 -r 10.0.0.10",
    ),
    (Command::DeleteService, "ipvsadm -D -t 192.0.2.1:80"),
    (Command::Flush, "ipvsadm -C"),
    (Command::List, "ipvsadm -Ln --stats"),
    (Command::List, "ipvsadm -Ln -t 192.0.2.1:80 --table"),
    (Command::List, "ipvsadm -Lnc"),
    (Command::Zero, "ipvsadm -Z"),
    (Command::Zero, "ipvsadm -Z -t 192.0.2.1:80"),
    (Command::Save, "ipvsadm -Sn > /etc/ipvsadm.rules"),
    (Command::Restore, "ipvsadm -R < more.rules"),
    (Command::SetTimeouts, "ipvsadm --set 900 120 300"),
    (Command::SetTimeouts, "ipvsadm --set 3600 0 0"),
    (
        Command::StartDaemon,
        "ipvsadm --start-daemon master --mcast-interface eth1 --syncid 7",
    ),
    (Command::StopDaemon, "ipvsadm --stop-daemon master"),
];

/// Writes the version. The second word is the reference's whose behaviour this is; scripts read it.
pub fn write_version(out: &mut Vec<u8>) {
    let version = concat!(
        "ipvsadm v1.31 (ipvsadm-rs ",
        env!("CARGO_PKG_VERSION"),
        ")\n"
    );
    out.extend_from_slice(version.as_bytes());
}

/// Writes the usage text, of one command where one is named.
pub fn write_usage(out: &mut Vec<u8>, command: Option<Command>) {
    let text = match command.and_then(|command| Some((command, command.rule()?))) {
        Some((command, rule)) => usage_of_command(command, &rule),
        None => usage(),
    };
    out.extend_from_slice(text.as_bytes());
}

fn usage() -> String {
    let mut text = String::from(
        "Usage: ipvsadm COMMAND [OPTION]...\n\
         Administers the Linux Virtual Server. Without a command it lists the table.\n\
         With a command, -h shows what goes with it: ipvsadm -A -h. More: man ipvsadm.\n\n",
    );
    let commands = OPTIONS
        .iter()
        .filter(|spec| matches!(spec.meaning, Meaning::Command(_)));
    write_section(&mut text, "Commands", &commands.collect::<Vec<_>>());
    for section in &SECTIONS {
        write_section(&mut text, section.title, &section.rows(|_| true));
    }
    let first_steps = [
        Command::AddService,
        Command::AddServer,
        Command::EditServer,
        Command::List,
    ];
    let mut first = EXAMPLES
        .iter()
        .filter(|(command, _)| first_steps.contains(command))
        .collect::<Vec<_>>();
    first.dedup_by_key(|(command, _)| *command);
    write_examples(&mut text, &first);
    text
}

fn usage_of_command(command: Command, rule: &Rule) -> String {
    let mut text = String::new();
    for spec in OPTIONS
        .iter()
        .filter(|spec| spec.meaning == Meaning::Command(command))
    {
        let name = match spec.short.first() {
            Some(letter) => format!("-{}", char::from(*letter)),
            None => format!("--{}{}", spec.long, value(spec)),
        };
        let needs = |group| rule.needs.contains(&group);
        let may_have = |group| rule.may.contains(&group) || rule.one_of.contains(&group);
        let service = if needs(Group::ServiceAddress) {
            " SERVICE"
        } else if may_have(Group::ServiceAddress) {
            " [SERVICE]"
        } else {
            ""
        };
        let server = if needs(Group::RealServer) {
            " -r ADDR:PORT"
        } else {
            ""
        };
        let mut others = rule.may.iter().chain(rule.one_of);
        let takes_options = others.any(|group| *group != Group::ServiceAddress);
        let options = if takes_options { " [OPTION]..." } else { "" };
        let help = spec.help;
        push_line(
            &mut text,
            format_args!("Usage: ipvsadm {name}{service}{server}{options}    {help}"),
        );
    }
    text.push('\n');
    let goes_with = |choice: Choice| match choice.group() {
        // A listing may have it, and it means nothing there.
        Some(Group::SyncId) if command == Command::List => false,
        Some(group) => [rule.needs, rule.may, rule.one_of]
            .iter()
            .any(|groups| groups.contains(&group)),
        None => choice == Choice::Sort && command == Command::List,
    };
    let takes_marks = goes_with(Choice::FirewallMarkService);
    for section in &SECTIONS {
        let rows =
            section.rows(|choice| goes_with(choice) || (takes_marks && choice == Choice::Ipv6));
        write_section(&mut text, section.title, &rows);
    }
    if goes_with(Choice::Scheduler) {
        text.push_str("Schedulers\n");
        for (name, how) in SCHEDULERS {
            push_line(&mut text, format_args!("  {name:<6} {how}"));
        }
        text.push('\n');
    }
    let examples = EXAMPLES.iter().filter(|(example, _)| *example == command);
    write_examples(&mut text, &examples.collect::<Vec<_>>());
    text
}

impl Section {
    fn rows(&self, wanted: impl Fn(Choice) -> bool) -> Vec<&'static OptionSpec> {
        let row = |choice: &Choice| {
            OPTIONS
                .iter()
                .find(|spec| spec.meaning == Meaning::Choice(*choice))
        };
        self.choices
            .iter()
            .filter(|choice| wanted(**choice))
            .filter_map(row)
            .collect()
    }
}

/// Writes a section, in two columns that are read downwards where all its rows are short enough.
fn write_section(text: &mut String, title: &str, rows: &[&OptionSpec]) {
    if rows.is_empty() {
        return;
    }
    push_line(text, format_args!("{title}"));
    let (left, right) = rows.split_at(rows.len().div_ceil(2));
    let (left, right) = (cells(left), cells(right));
    let widest = |cells: &[String]| cells.iter().map(String::len).max().unwrap_or(0);
    let left_width = widest(&left);
    if rows.len() > 4 && left_width + widest(&right) < WIDTH {
        for (row, cell) in left.iter().enumerate() {
            let beside = right.get(row).map_or("", String::as_str);
            push_line(text, format_args!("{cell:<left_width$} {beside}"));
        }
    } else {
        for cell in cells(rows) {
            push_line(text, format_args!("{cell}"));
        }
    }
    text.push('\n');
}

/// Spellings and helps of some rows, in line with each other.
fn cells(rows: &[&OptionSpec]) -> Vec<String> {
    let widest = rows
        .iter()
        .map(|spec| spelling(spec).len())
        .max()
        .unwrap_or(0);
    rows.iter()
        .map(|spec| format!("  {:<widest$} {}", spelling(spec), spec.help))
        .collect()
}

fn write_examples(text: &mut String, examples: &[&(Command, &str)]) {
    push_line(text, format_args!("Examples"));
    for (_, line) in examples {
        push_line(text, format_args!("  {line}"));
    }
}

/// Writes a line without blanks at its end.
fn push_line(text: &mut String, line: std::fmt::Arguments<'_>) {
    // Writing into a string cannot fail.
    let _ = write!(text, "{line}");
    text.truncate(text.trim_end_matches(' ').len());
    text.push('\n');
}

/// Both spellings of an option and its value.
fn spelling(spec: &OptionSpec) -> String {
    let short = match spec.short.first() {
        Some(letter) => format!("-{}, ", char::from(*letter)),
        None => "    ".to_owned(),
    };
    format!("{short}--{}{}", spec.long, value(spec))
}

/// The value of an option as the usage text names it, with a blank before it.
fn value(spec: &OptionSpec) -> String {
    match spec.argument {
        Argument::None => String::new(),
        Argument::Required(name) | Argument::Words(name) => format!(" {name}"),
        Argument::Optional(name) => format!(" [{name}]"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli;

    #[test]
    fn every_choice_stands_in_one_section() {
        for spec in OPTIONS {
            if let Meaning::Choice(choice) = spec.meaning {
                let sections = SECTIONS
                    .iter()
                    .filter(|section| section.choices.contains(&choice))
                    .count();
                assert_eq!(sections, 1, "{}", spec.long);
            }
        }
    }

    #[test]
    fn no_line_is_wider_than_a_terminal() {
        let mut texts = vec![usage()];
        for spec in OPTIONS {
            if let Meaning::Command(command) = spec.meaning {
                texts.extend(command.rule().map(|rule| usage_of_command(command, &rule)));
            }
        }
        for line in texts.iter().flat_map(|text| text.lines()) {
            assert!(line.chars().count() <= WIDTH, "{line}");
            assert_eq!(line, line.trim_end(), "{line}");
        }
    }

    #[test]
    fn every_command_has_an_example() {
        for spec in OPTIONS {
            if let Meaning::Command(command) = spec.meaning
                && command.rule().is_some()
            {
                let has_one = EXAMPLES.iter().any(|(example, _)| *example == command);
                assert!(has_one, "{}", spec.long);
            }
        }
    }

    #[test]
    fn the_examples_are_requests_of_their_commands() {
        for (command, line) in EXAMPLES {
            let line = line.split(['>', '<']).next().unwrap_or_default();
            let line = line.trim_end().replace('\'', "");
            let words: Vec<&[u8]> = line.split(' ').skip(1).map(str::as_bytes).collect();
            let (events, fault) = cli::words::read(words.iter().copied());
            assert_eq!(fault, None);
            assert!(
                events.iter().any(|event| event.command() == Some(command)),
                "{line}"
            );
            assert!(cli::parse_words(words.iter().copied()).is_ok(), "{line}");
        }
    }
}
