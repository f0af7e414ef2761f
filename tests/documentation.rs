//! The documentation, held to the program: an option that is added to [`OPTIONS`]
//! and forgotten in the manual fails here.
//!
//! Nothing here needs a kernel. `tests/kernel/completions` shows that completions work, and
//! `tests/kernel/manual.rs` that the manual's examples do.

#![allow(clippy::expect_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use ipvsadm::options::{Argument, Helper, OPTIONS, OptionSpec, SCHEDULERS};

const PAGES: [&str; 3] = ["ipvsadm.8", "ipvsadm-save.8", "ipvsadm-restore.8"];

#[test]
fn the_manual_has_every_option_with_its_value() {
    let page = read("man/ipvsadm.8");
    let missing: Vec<String> = OPTIONS
        .iter()
        .map(heading)
        .filter(|heading| !page.contains(&format!("\n.TP\n{heading}\n")))
        .collect();
    assert!(
        missing.is_empty(),
        "not in man/ipvsadm.8:\n{}",
        missing.join("\n")
    );
}

#[test]
fn the_synopsis_names_every_command_and_option() {
    let page = read("man/ipvsadm.8");
    let (_, section) = page.split_once(".SH SYNOPSIS\n").expect("the section");
    let (section, _) = section.split_once("\n.SH ").expect("a section behind it");
    let section = ["\\fB", "\\fI", "\\fR"]
        .iter()
        .fold(section.replace("\\-", "-"), |text, font| {
            text.replace(font, " ")
        });
    let words: BTreeSet<&str> = section
        .split(|character: char| !(character.is_ascii_alphanumeric() || character == '-'))
        .collect();
    for spec in OPTIONS {
        let has_letter = spec
            .short
            .chars()
            .any(|letter| words.contains(format!("-{letter}").as_str()));
        let has_name = words.contains(format!("--{}", spec.long).as_str());
        assert!(
            has_letter || has_name,
            "not in the synopsis: --{}",
            spec.long
        );
    }
}

#[test]
fn the_manual_has_every_scheduler() {
    let page = read("man/ipvsadm.8");
    for (name, _) in SCHEDULERS {
        assert!(page.contains(&format!("\n.TP\n.B {name}\n")), "{name}");
    }
}

#[test]
fn the_manual_has_every_finding_of_a_diagnosis_and_no_others() {
    let page = read("man/ipvsadm.8");
    let (_, section) = page.split_once(".SH DIAGNOSIS\n").expect("the section");
    let (section, _) = section.split_once("\n.SH ").expect("a section behind it");
    let headings: BTreeSet<&str> = section
        .split("\n.TP\n")
        .skip(1)
        .filter_map(|paragraph| paragraph.lines().next()?.strip_prefix(".B "))
        .collect();
    let ids: BTreeSet<&str> = ipvsadm::finding_ids().collect();
    assert_eq!(headings, ids);
}

/// The modules whose texts are messages, from the first line to their tests.
const MESSAGES: [&str; 3] = [
    "src/error.rs",
    "src/commands/drain/judgement.rs",
    "src/commands/ramp/judgement.rs",
];

/// Parts of texts that are no messages: an errno's number, which is cut off, and the line of
/// progress.
const NO_MESSAGES: [&str; 2] = ["os error", "gone by"];

/// The system's own texts that the manual explains; others stand behind a message of ours.
const OF_THE_SYSTEM: [&str; 2] = ["No such device", "Network is unreachable"];

#[test]
fn the_manual_has_every_message_and_no_others() {
    let page = read("man/ipvsadm.8");
    let (_, section) = page.split_once("\n.SH MESSAGES\n").expect("the section");
    let (section, _) = section.split_once("\n.SH ").expect("a section behind it");
    let told = as_read(section);
    let fragments: Vec<String> = MESSAGES
        .iter()
        .flat_map(|file| fragments(&read(file)))
        .filter(|text| !NO_MESSAGES.iter().any(|other| text.contains(other)))
        .collect();
    assert!(fragments.len() > 100, "{fragments:?}");
    let missing: Vec<_> = fragments
        .iter()
        .filter(|text| !told.contains(text.as_str()))
        .collect();
    assert!(missing.is_empty(), "not in man/ipvsadm.8: {missing:#?}");

    let headings = section.lines().scan("", |before, line| {
        let is_heading = matches!(*before, ".TP" | ".TQ");
        *before = line;
        Some(line).filter(|_| is_heading).or(Some(""))
    });
    // The alternate pieces of a heading, those in italics, stand for what is named.
    let invented: Vec<String> = headings
        .flat_map(|line| line.split('"').map(as_read).collect::<Vec<_>>())
        .map(|piece| {
            piece
                .trim_start_matches(".B ")
                .trim_matches(PUNCTUATION)
                .to_owned()
        })
        .filter(|piece| !OF_THE_SYSTEM.contains(&piece.as_str()))
        .filter(|piece| piece.contains(' ') && !piece.starts_with('.'))
        .filter(|piece| !fragments.iter().any(|text| are_one(text, piece)))
        .collect();
    assert!(invented.is_empty(), "no message of ours: {invented:#?}");
}

/// Returns true if one of two texts has the other in it.
fn are_one(one: &str, other: &str) -> bool {
    one.contains(other) || other.contains(one)
}

const PUNCTUATION: [char; 8] = [' ', ':', ';', ',', '`', '\'', '(', ')'];

/// Returns what a reader sees of a piece of the manual, in one line.
fn as_read(roff: &str) -> String {
    let signs = [
        ("\\fB", ""),
        ("\\fI", ""),
        ("\\fR", ""),
        ("\\-", "-"),
        ("\\ ", " "),
        ("\\(ga", "`"),
        ("\\(aq", "'"),
    ];
    let text = signs.iter().fold(roff.to_owned(), |text, (sign, read)| {
        text.replace(sign, read)
    });
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Returns what stands between the variable parts of a source file's texts, as far as it has
/// several words.
fn fragments(source: &str) -> Vec<String> {
    let (code, _) = source.split_once("#[cfg(test)]").unwrap_or((source, ""));
    let code: Vec<&str> = code
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .collect();
    let code = code.join("\n").replace("\\\"", "'");
    // Between quotes stands a text, then code, and so on.
    let texts = code.split('"').skip(1).step_by(2);
    texts
        .flat_map(|text| {
            let text = text.replace("\\\n", "").replace("\\n", "{}");
            text.split('{')
                .map(|piece| {
                    piece
                        .split_once('}')
                        .map_or(piece, |(_, rest)| rest)
                        .to_owned()
                })
                .collect::<Vec<_>>()
        })
        .map(|piece| as_read(piece.trim_matches(PUNCTUATION)))
        .filter(|piece| piece.contains(' '))
        .collect()
}

#[test]
fn the_manual_has_every_field_of_the_documents() {
    let page = read("man/ipvsadm.8");
    let (_, section) = page.split_once(".SH JSON OUTPUT\n").expect("the section");
    let (section, _) = section.split_once("\n.SH ").expect("a section behind it");
    let words: BTreeSet<&str> = section
        .split(|character: char| !(character.is_ascii_alphanumeric() || character == '_'))
        .collect();
    let schema: serde_json::Value =
        serde_json::from_str(&read("man/ipvsadm.schema.json")).expect("JSON");
    let mut fields = BTreeSet::new();
    collect_fields(&schema, &mut fields);
    assert!(fields.contains("tcp_fin_seconds"), "{fields:?}");
    let missing: Vec<_> = fields
        .iter()
        .filter(|field| !words.contains(field.as_str()))
        .collect();
    assert!(missing.is_empty(), "not in man/ipvsadm.8: {missing:?}");
}

/// Adds the names of all fields that a schema describes.
fn collect_fields(schema: &serde_json::Value, fields: &mut BTreeSet<String>) {
    if let Some(properties) = schema.get("properties").and_then(|value| value.as_object()) {
        fields.extend(properties.keys().cloned());
    }
    if let Some(parts) = schema.as_object() {
        parts.values().for_each(|part| collect_fields(part, fields));
    }
    if let Some(parts) = schema.as_array() {
        parts.iter().for_each(|part| collect_fields(part, fields));
    }
}

#[test]
fn the_usage_text_has_every_option_with_its_value() {
    let output = Command::new(env!("CARGO_BIN_EXE_ipvsadm"))
        .arg("-h")
        .output()
        .expect("our program starts");
    let usage = String::from_utf8(output.stdout).expect("text");
    for spec in OPTIONS {
        let short = spec.letter().map(|letter| format!("-{letter}, "));
        let spelling = format!(
            "{}--{}{}",
            short.unwrap_or_default(),
            spec.long,
            value(spec)
        );
        // Behind an option stands what it does, behind a blank.
        assert!(
            usage.contains(&format!("{spelling} ")),
            "{spelling}\n{usage}"
        );
    }
}

#[test]
fn the_manual_has_every_option_of_the_helpers() {
    for helper in Helper::ALL {
        let page = read(&format!("man/{}.8", helper.name()));
        for row in helper.options() {
            let option = row.shortest_spelling();
            let font = match row.argument {
                Argument::Operands(_) => 'I',
                _ => 'B',
            };
            let heading = format!("\n.TP\n.{font} {}", option.replace('-', "\\-"));
            // Behind it the line ends, or its value follows.
            let is_there = |end| page.contains(&(heading.clone() + end));
            assert!(
                ["\n", " \\fI"].into_iter().any(is_there),
                "{}: {option}",
                helper.name()
            );
        }
    }
}

/// The program itself answers what may come next, so that an option is added in one place.
#[test]
fn completions_name_no_options_and_are_short() {
    for file in fs::read_dir(path("completions")).expect("the folder") {
        let name = file
            .expect("a file")
            .file_name()
            .into_string()
            .expect("text");
        let text = read(&format!("completions/{name}"));
        assert!(text.lines().count() <= 40, "{name} is long");
        for spec in OPTIONS {
            let named = text.contains(&format!("--{}", spec.long));
            assert!(!named, "{name} names --{}", spec.long);
        }
    }
}

/// Measures the lines that `tests/lab shell` shows first, and those of the lab's help.
#[test]
fn the_lab_s_own_texts_fit_a_terminal() {
    for (file, least) in [("tests/labkit/guest/shell", 20), ("tests/lab", 20)] {
        let text = read(file);
        let mut shown = 0;
        let mut is_shown = false;
        for line in text.lines() {
            match line {
                "END" => is_shown = false,
                _ if line.contains("<<") => is_shown = true,
                _ if is_shown => {
                    assert!(line.chars().count() <= 80, "{file}: {line}");
                    shown += 1;
                }
                _ => {}
            }
        }
        assert!(shown >= least, "{file}: {shown} lines");
    }
}

#[test]
fn mandoc_finds_nothing_wrong_in_the_manual() {
    for page in PAGES {
        let mut command = Command::new("mandoc");
        command.args(["-T", "lint"]).arg(path("man").join(page));
        let (said, complaints) = run(&mut command, "mandoc");
        assert!(
            said.is_empty() && complaints.is_empty(),
            "{said}{complaints}"
        );
    }
}

#[test]
fn groff_finds_nothing_wrong_in_the_manual() {
    for page in PAGES {
        let mut command = Command::new("man");
        command
            .args(["--warnings", "-E", "UTF-8", "-l"])
            .arg(path("man").join(page))
            .env("LC_ALL", "C.UTF-8")
            .env("MANWIDTH", "80");
        let (text, complaints) = run(&mut command, "man-db");
        assert!(complaints.is_empty(), "{page}: {complaints}");
        assert!(text.lines().count() > 20, "{page} is empty");
        for line in text.lines() {
            assert!(
                line.chars().count() <= 80,
                "{page} is wider than a terminal: {line}"
            );
        }
    }
}

/// Runs a program that the Debian package `package` brings, and gives what it wrote to standard
/// output and to standard error.
fn run(command: &mut Command, package: &str) -> (String, String) {
    let output = command.output().unwrap_or_else(|error| {
        let program = command.get_program().display();
        panic!("{program} cannot be run ({error}): apt-get install {package}")
    });
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (text(&output.stdout), text(&output.stderr))
}

/// Returns an option as the manual heads its paragraph.
fn heading(spec: &OptionSpec) -> String {
    let mut spellings: Vec<String> = spec
        .short
        .chars()
        .map(|letter| format!("\\fB\\-{letter}\\fR"))
        .collect();
    spellings.push(format!("\\fB\\-\\-{}\\fR", spec.long.replace('-', "\\-")));
    let value = match spec.argument {
        Argument::None => String::new(),
        Argument::Required(name) | Argument::Operands(name) => format!(" \\fI{name}\\fR"),
        Argument::Optional(name) => format!(" [\\fI{name}\\fR]"),
    };
    spellings.join(", ") + &value
}

/// Returns the value of an option as the usage text names it.
fn value(spec: &OptionSpec) -> String {
    match spec.argument {
        Argument::None => String::new(),
        Argument::Required(name) | Argument::Operands(name) => format!(" {name}"),
        Argument::Optional(name) => format!(" [{name}]"),
    }
}

fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

fn read(name: &str) -> String {
    fs::read_to_string(path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}
