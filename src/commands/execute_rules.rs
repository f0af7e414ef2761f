//! `-R`: rules from standard input, one a line, carried out as they arrive.

use crate::cli::{LineReader, popt};
use crate::commands::apply::{Applier, Flow};
use crate::commands::console::Console;
use crate::commands::hints;
use crate::error::{Error, RuleLine, UsageError};
use crate::ipvs::Ipvs;

/// Carries out rules up to the end of standard input, or up to the first fault that ends the
/// program. What has arrived is done before we wait for more, so whoever feeds rules one by one
/// sees each take effect.
pub fn execute_rules(console: &mut Console<'_>, ipvs: &mut Ipvs) -> Result<(), Error> {
    let mut applier = Applier::new(console, ipvs);
    let mut input = Vec::new();
    let mut searched = 0;
    let mut number = 0;
    loop {
        let is_at_end = !applier.console.read(&mut input)?;
        let mut reader = LineReader::default();
        let mut start = 0;
        while let Some(end) = popt::end_of_line(&input, start.max(searched)) {
            number += 1;
            let text = &input[start..end];
            if run_line(&mut applier, &mut reader, RuleLine { number, text })? == Flow::End {
                return Ok(());
            }
            start = end + 1;
        }
        if is_at_end {
            number += 1;
            let text = &input[start..];
            run_line(&mut applier, &mut reader, RuleLine { number, text })?;
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
    line: RuleLine<'l>,
) -> Result<Flow, Error> {
    match reader.read(line.text) {
        Ok(None) => Ok(Flow::GoOn),
        Ok(Some(request)) => applier.request(&request, None),
        // The reference, which has no such options, names no lines either.
        Err(fault @ UsageError::AmongRules(_)) => {
            applier.flush()?;
            Err(Error::Rule(fault, line.to_owned()))
        }
        Err(fault) => {
            if !fault.lets_restore_go_on() {
                applier
                    .console
                    .keep_hint(hints::rule_line::about(line.text));
            }
            applier.fault(fault).map(|()| Flow::GoOn)
        }
    }
}
