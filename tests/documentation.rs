//! What is written about the program, held to the program: an option that is added to [`OPTIONS`]
//! and forgotten in the manual, in `-h` or in a completion fails here.
//!
//! Nothing here needs a kernel. That completions work is shown by `tests/completions`, and that the
//! manual's examples do by `tests/manual.rs`.

#![allow(clippy::expect_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use ipvsadm::options::{Argument, Meaning, OPTIONS, OptionSpec, SCHEDULERS};

const PAGES: [&str; 3] = ["ipvsadm.8", "ipvsadm-save.8", "ipvsadm-restore.8"];

/// The options of `ipvsadm-restore`, which has no table.
const RESTORE_OPTIONS: [&str; 3] = ["dry-run", "noflush", "test"];

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
fn the_manual_has_every_scheduler() {
    let page = read("man/ipvsadm.8");
    for (name, _) in SCHEDULERS {
        assert!(page.contains(&format!("\n.TP\n.B {name}\n")), "{name}");
    }
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

/// The names of all fields that a schema describes.
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
        let short = spec
            .short
            .first()
            .map(|letter| format!("-{}, ", char::from(*letter)));
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
fn the_completions_have_the_programs_table() {
    let wanted: BTreeSet<String> = OPTIONS.iter().map(row).collect();
    for file in ["ipvsadm.bash", "_ipvsadm", "ipvsadm.fish"] {
        let rows = rows(&read(&format!("completions/{file}")));
        let missing: Vec<_> = wanted.difference(&rows).collect();
        let strange: Vec<_> = rows.difference(&wanted).collect();
        assert!(
            missing.is_empty() && strange.is_empty(),
            "completions/{file}\n  lacks {missing:#?}\n  has {strange:#?}"
        );
    }
}

#[test]
fn the_options_of_restore_are_told_everywhere() {
    for option in RESTORE_OPTIONS {
        let rendered = option.replace('-', "\\-");
        let page = read("man/ipvsadm-restore.8");
        assert!(
            page.contains(&format!("\n.TP\n.B \\-\\-{rendered}\n")),
            "{option}"
        );
        for file in ["ipvsadm.bash", "_ipvsadm"] {
            let completion = read(&format!("completions/{file}"));
            assert!(
                completion.contains(&format!("--{option}")),
                "{file}: {option}"
            );
        }
        let completion = read("completions/ipvsadm-restore.fish");
        assert!(completion.contains(&format!("-l {option} ")), "{option}");
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

/// An option as the manual heads its paragraph.
fn heading(spec: &OptionSpec) -> String {
    let mut spellings: Vec<String> = spec
        .short
        .iter()
        .map(|letter| format!("\\fB\\-{}\\fR", char::from(*letter)))
        .collect();
    spellings.push(format!("\\fB\\-\\-{}\\fR", spec.long.replace('-', "\\-")));
    let value = match spec.argument {
        Argument::None => String::new(),
        Argument::Required(name) | Argument::Words(name) => format!(" \\fI{name}\\fR"),
        Argument::Optional(name) => format!(" [\\fI{name}\\fR]"),
    };
    spellings.join(", ") + &value
}

/// The value of an option as the usage text names it.
fn value(spec: &OptionSpec) -> String {
    match spec.argument {
        Argument::None => String::new(),
        Argument::Required(name) | Argument::Words(name) => format!(" {name}"),
        Argument::Optional(name) => format!(" [{name}]"),
    }
}

/// An option as a row of a completion's table: letters, name, whether it has a value, kind.
fn row(spec: &OptionSpec) -> String {
    let letters = match spec.short {
        [] => "-".to_owned(),
        letters => letters.iter().copied().map(char::from).collect(),
    };
    let value = match spec.argument {
        Argument::Required(_) => "=",
        Argument::Optional(_) => "?",
        // The words after --set are none that belong to it alone.
        Argument::None | Argument::Words(_) => "-",
    };
    let kind = match spec.meaning {
        Meaning::Command(_) => "command",
        Meaning::Choice(choice) => choice.group().map_or(spec.long, |group| group.name()),
    };
    format!("{letters} {} {value} {kind}", spec.long)
}

/// The rows in the table of a completion. They are the lines with one of the three signs for values
/// as their third word.
fn rows(completion: &str) -> BTreeSet<String> {
    completion
        .lines()
        .filter_map(|line| {
            let mut words = line
                .trim_start()
                .trim_start_matches('\'')
                .split_whitespace();
            let (letters, name, value, kind) =
                (words.next()?, words.next()?, words.next()?, words.next()?);
            let is_row =
                ["=", "?", "-"].contains(&value) && letters.len() <= 2 && !name.contains('$');
            is_row.then(|| format!("{letters} {name} {value} {kind}"))
        })
        .collect()
}

fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

fn read(name: &str) -> String {
    fs::read_to_string(path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}
