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
            let option = row.helper_spelling();
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

/// What `tests/lab shell` shows first, and what its help shows.
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
