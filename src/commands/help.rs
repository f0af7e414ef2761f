//! `-h` and `-v`: neither needs the kernel.

use std::fmt::Write;

use crate::options::{Argument, Command, OPTIONS, OptionSpec};

/// Writes the version. The second word is the reference's whose behaviour this is; scripts read it.
pub fn write_version(out: &mut Vec<u8>) {
    let version = concat!(
        "ipvsadm v1.31 (",
        env!("CARGO_PKG_NAME"),
        " in Rust ",
        env!("CARGO_PKG_VERSION"),
        ")\n"
    );
    out.extend_from_slice(version.as_bytes());
}

/// Writes the usage text.
pub fn write_usage(out: &mut Vec<u8>, _command: Option<Command>) {
    let mut text = String::from("Usage: ipvsadm COMMAND [OPTION]...\n\n");
    for spec in OPTIONS {
        // Writing into a string cannot fail.
        let _ = writeln!(text, "  {:<34} {}", spelling(spec), spec.help);
    }
    out.extend_from_slice(text.as_bytes());
}

fn spelling(spec: &OptionSpec) -> String {
    let short = match spec.short.first() {
        Some(letter) => format!("-{}, ", char::from(*letter)),
        None => "    ".to_owned(),
    };
    let value = match spec.argument {
        Argument::None => String::new(),
        Argument::Required(name) => format!(" {name}"),
        Argument::Optional(name) => format!(" [{name}]"),
    };
    format!("{short}--{}{value}", spec.long)
}
