//! `-R`: rules from standard input, a line each, as they come (contract, section 6).

use crate::cli::{LineReader, words};
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
        let mut reader = LineReader::default();
        let mut start = 0;
        while let Some(end) = words::end_of_line(&input, start.max(searched)) {
            if run_line(&mut applier, &mut reader, &input[start..end])? == Flow::End {
                return Ok(());
            }
            start = end + 1;
        }
        if is_at_end {
            run_line(&mut applier, &mut reader, &input[start..])?;
            return applier.finish();
        }
        applier.flush()?;
        input.drain(..start);
        searched = input.len();
    }
}

fn run_line<'l>(
    applier: &mut Applier<'_, '_, '_>,
    reader: &mut LineReader<'l>,
    line: &'l [u8],
) -> Result<Flow, Error> {
    match reader.read(line) {
        Ok(None) => Ok(Flow::GoOn),
        Ok(Some(request)) => applier.request(request, None),
        Err(fault) => applier.fault(fault).map(|()| Flow::GoOn),
    }
}
