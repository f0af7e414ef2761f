//! `-R`: rules from standard input, a line each, as they come (contract, section 6).

use crate::cli::{self, words};
use crate::commands::apply::{Applier, Flow};
use crate::commands::console::Console;
use crate::error::Error;
use crate::ipvs::Ipvs;

/// Reads rules to the end of standard input, or to the first fault that ends the program. Whatever was read is carried
/// out before more input is waited for, so that whoever feeds rules line by line sees each of them done.
pub fn restore(console: &mut Console<'_>, ipvs: &mut Ipvs) -> Result<(), Error> {
    let mut applier = Applier::new(console, ipvs);
    let mut input = Vec::new();
    let mut searched = 0;
    loop {
        let is_at_end = !applier.console.read(&mut input)?;
        let mut parts = Vec::with_capacity(16);
        let mut start = 0;
        while let Some(length) = input[start.max(searched)..]
            .iter()
            .position(|&byte| byte == b'\n')
        {
            let end = start.max(searched) + length;
            if run_line(&mut applier, &input[start..end], &mut parts)? == Flow::End {
                return Ok(());
            }
            start = end + 1;
        }
        if is_at_end {
            run_line(&mut applier, &input[start..], &mut parts)?;
            return applier.finish();
        }
        applier.settle()?;
        input.drain(..start);
        searched = input.len();
    }
}

/// Runs a line; `parts` is for its words.
fn run_line<'l>(
    applier: &mut Applier<'_, '_, '_>,
    line: &'l [u8],
    parts: &mut Vec<&'l [u8]>,
) -> Result<Flow, Error> {
    if line.starts_with(b"#") {
        return Ok(Flow::GoOn);
    }
    words::split_line(line, parts);
    if parts.is_empty() {
        return Ok(Flow::GoOn);
    }
    match cli::parse_words(parts) {
        Ok(request) => applier.request(request, None),
        Err(fault) => applier.fault(fault).map(|()| Flow::GoOn),
    }
}
