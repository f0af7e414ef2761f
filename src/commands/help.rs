//! `-h` and `-v`: neither needs the kernel.
//!
//! All of the text but its first lines comes from the table of options. With a command, `-h` shows
//! the options of that command.

#![forbid(unsafe_code)]

use std::fmt::Write;

use crate::options::matrix::Owner;
use crate::options::{
    Argument, Command, Helper, Modifier, OPTIONS, OptionSpec, SCHEDULERS, Section,
};
use crate::request::Request;

const WIDTH: usize = 80;

/// The commands whose first examples stand in `-h`: those that build a table, and look at it.
const FIRST_STEPS: [Command; 4] = [
    Command::AddService,
    Command::AddServer,
    Command::EditServer,
    Command::List,
];

/// Writes the usage text of a helper.
pub fn write_helper_usage(out: &mut Vec<u8>, helper: Helper) {
    let words = || helper.options().map(OptionSpec::helper_word);
    let widest = words().map(|word| word.len()).max().unwrap_or(0);
    let mut text = format!("{}\n\n", helper.usage());
    for (word, row) in words().zip(helper.options()) {
        push_line(&mut text, format_args!("  {word:<widest$}  {}", row.help));
    }
    out.extend_from_slice(text.as_bytes());
}

/// Writes the version. The second word is the reference's whose behaviour this is; scripts read it.
pub fn write_version(out: &mut Vec<u8>) {
    let version = concat!(
        "ipvsadm v1.31 (ipvsadm-rs ",
        env!("CARGO_PKG_VERSION"),
        ")\n"
    );
    out.extend_from_slice(version.as_bytes());
}

/// Answers a request for help or the version; `false` where it is none.
pub fn answer(out: &mut Vec<u8>, request: &Request) -> bool {
    match request {
        Request::Help(command) => write_usage(out, *command),
        Request::Version => write_version(out),
        _ => return false,
    }
    true
}

/// Writes the usage text, of one command where one is named.
fn write_usage(out: &mut Vec<u8>, command: Option<Command>) {
    let text = match command {
        None | Some(Command::Help | Command::Version) => usage(),
        Some(command) => usage_of_command(command),
    };
    out.extend_from_slice(text.as_bytes());
}

fn usage() -> String {
    let mut text = String::from(
        "Usage: ipvsadm COMMAND [OPTION]...\n\
         Administers the Linux Virtual Server. Without a command it lists the table.\n\
         With a command, -h shows what goes with it: ipvsadm -A -h. More: man ipvsadm.\n\n",
    );
    write_sections(&mut text, |_| true);
    let first_steps = FIRST_STEPS
        .iter()
        .filter_map(|command| command.row().examples.first());
    write_examples(&mut text, first_steps);
    text
}

fn usage_of_command(command: Command) -> String {
    let owner = Owner::Command(command);
    let row = command.row();
    let name = match row.letter() {
        Some(letter) => format!("-{letter}"),
        None => format!("--{}{}", row.long, value(row)),
    };
    let service = match Modifier::TcpService.row() {
        service if service.needed_by.contains(&owner) => " SERVICE",
        service if service.is_of_use_to(owner) => " [SERVICE]",
        _ => "",
    };
    let needs_server = Modifier::RealServer.row().needed_by.contains(&owner);
    let server = if needs_server { " -r ADDR:PORT" } else { "" };
    let is_free = |row: &&OptionSpec| {
        row.section != Some(Section::Service)
            && row.is_of_use_to(owner)
            && !row.needed_by.contains(&owner)
    };
    let options = if OPTIONS.iter().any(|row| is_free(&row)) {
        " [OPTION]..."
    } else {
        ""
    };
    let help = row.help;
    let mut text = format!("Usage: ipvsadm {name}{service}{server}{options}    {help}\n\n");
    write_sections(&mut text, |row| {
        row.is_of_use_to(owner)
            || row.is_of_use_to(Owner::Variant(command, Modifier::Exist))
            || command == Command::List && row.section == Some(Section::Connections)
    });
    if Modifier::Scheduler.row().is_of_use_to(owner) {
        text.push_str("Schedulers\n");
        for (name, how) in SCHEDULERS {
            push_line(&mut text, format_args!("  {name:<6} {how}"));
        }
        text.push('\n');
    }
    write_examples(&mut text, row.examples.iter());
    text
}

/// Writes those rows of the table that are wanted, under their headings.
fn write_sections(text: &mut String, wanted: impl Fn(&OptionSpec) -> bool) {
    for section in Section::ALL {
        let rows = OPTIONS
            .iter()
            .filter(|row| row.section == Some(section) && wanted(row));
        write_section(text, section.title(), &rows.collect::<Vec<_>>());
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

/// Returns spellings and helps of some rows, in line with each other.
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

fn write_examples<'a>(text: &mut String, examples: impl Iterator<Item = &'a &'a str>) {
    push_line(text, format_args!("Examples"));
    for line in examples {
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

/// Returns both spellings of an option and its value.
fn spelling(spec: &OptionSpec) -> String {
    let short = match spec.letter() {
        Some(letter) => format!("-{letter}, "),
        None => "    ".to_owned(),
    };
    format!("{short}--{}{}", spec.long, value(spec))
}

/// Returns the value of an option as the usage text names it, with a blank before it.
fn value(spec: &OptionSpec) -> String {
    match spec.argument {
        Argument::None => String::new(),
        Argument::Required(name) | Argument::Operands(name) => format!(" {name}"),
        Argument::Optional(name) => format!(" [{name}]"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli;
    use crate::options::Meaning;

    fn commands() -> impl Iterator<Item = Command> {
        OPTIONS.iter().filter_map(|row| match row.meaning {
            Meaning::Command(Command::Help | Command::Version) | Meaning::Modifier(_) => None,
            Meaning::Command(command) => Some(command),
        })
    }

    #[test]
    fn no_line_is_wider_than_a_terminal() {
        let of_helper = |helper| {
            let mut text = Vec::new();
            write_helper_usage(&mut text, helper);
            String::from_utf8(text).unwrap()
        };
        let texts = [usage()]
            .into_iter()
            .chain(commands().map(usage_of_command))
            .chain(Helper::ALL.map(of_helper));
        for text in texts {
            for line in text.lines() {
                assert!(line.chars().count() <= WIDTH, "{line}");
                assert_eq!(line, line.trim_end(), "{line}");
            }
        }
    }

    #[test]
    fn every_command_has_examples_that_are_requests_for_it() {
        for command in commands() {
            assert!(!command.row().examples.is_empty(), "{}", command.row().long);
            for line in command.row().examples {
                let line = line.split(['>', '<']).next().unwrap_or_default();
                let line = line.trim_end().replace('\'', "");
                let words: Vec<&[u8]> = line.split(' ').skip(1).map(str::as_bytes).collect();
                let (events, fault) = cli::popt::read(words.iter().copied());
                assert_eq!(fault, None);
                let is_there = events.iter().any(|event| event.command() == Some(command));
                assert!(is_there, "{line}");
                assert!(cli::parse_words(words.iter().copied()).is_ok(), "{line}");
            }
        }
    }

    #[test]
    fn options_stand_under_the_headings_of_what_they_are_about() {
        let headings = |text: String| -> Vec<String> {
            let lines = text
                .lines()
                .filter(|line| line.starts_with(char::is_uppercase));
            let headings = lines.filter(|line| !line.starts_with("Usage: "));
            headings.map(str::to_owned).collect()
        };
        for (command, expected) in [
            (
                Command::EditService,
                &[
                    "Which virtual service",
                    "How a virtual service works (-A, -E)",
                    "Safe and gradual changes (-A, -E, -D, -a, -e, -d)",
                    "With every command",
                    "Schedulers",
                    "Examples",
                ][..],
            ),
            (
                Command::AddServer,
                &[
                    "Which virtual service",
                    "Which real server, and how it is reached (-a, -e)",
                    "How a tunnel is made (-a, -e with -i)",
                    "Safe and gradual changes (-A, -E, -D, -a, -e, -d)",
                    "With every command",
                    "Examples",
                ],
            ),
            (
                Command::List,
                &[
                    "Which virtual service",
                    "Listing (-L; -S has -n)",
                    "Choosing connections (-L -c, which also takes SERVICE and -r)",
                    "With every command",
                    "Examples",
                ],
            ),
            (
                Command::Diagnose,
                &[
                    "Which virtual service",
                    "Listing (-L; -S has -n)",
                    "What else is tried (--diagnose)",
                    "With every command",
                    "Examples",
                ],
            ),
            (
                Command::StartDaemon,
                &[
                    "Safe and gradual changes (-A, -E, -D, -a, -e, -d)",
                    "Sync daemons (--start-daemon, --stop-daemon); ROLE is master or backup",
                    "With every command",
                    "Examples",
                ],
            ),
        ] {
            assert_eq!(headings(usage_of_command(command)), expected);
        }
        let all = headings(usage());
        assert!(all.contains(&"Commands".to_owned()), "{all:?}");
    }
}
