//! `-R`: rules from standard input, one a line, carried out as they arrive.

#![forbid(unsafe_code)]

use crate::cli::address::Hosts;
use crate::cli::{LineReader, popt};
use crate::commands::console::Console;
use crate::commands::executor::{Executor, Flow};
use crate::commands::hints;
use crate::error::{Error, RuleLine, UsageError};
use crate::ipvs::Ipvs;

/// Carries out rules up to the end of standard input, or up to the first fault that ends the
/// program. What has arrived is done before we wait for more, so whoever feeds rules one by one
/// sees each take effect.
pub fn execute_rules(console: &mut Console<'_>, ipvs: &mut Ipvs) -> Result<(), Error> {
    let mut executor = Executor::new(console, ipvs);
    let mut input = Vec::new();
    let mut searched = 0;
    let mut number = 0;
    let mut hosts = Hosts::default();
    loop {
        let is_at_end = !executor.console.read(&mut input)?;
        let mut reader = LineReader::knowing(hosts);
        let mut start = 0;
        while let Some(end) = popt::end_of_line(&input, start.max(searched)) {
            number += 1;
            let text = &input[start..end];
            if run_line(&mut executor, &mut reader, RuleLine { number, text })? == Flow::End {
                return Ok(());
            }
            start = end + 1;
        }
        if is_at_end {
            number += 1;
            let text = &input[start..];
            run_line(&mut executor, &mut reader, RuleLine { number, text })?;
            return executor.finish();
        }
        executor.flush()?;
        // The reader borrows the lines; the hosts that it has looked up are good for the next ones.
        hosts = reader.into_hosts();
        input.drain(..start);
        searched = input.len();
    }
}

fn run_line<'l>(
    executor: &mut Executor<'_, '_, '_>,
    reader: &mut LineReader<'l>,
    line: RuleLine<'l>,
) -> Result<Flow, Error> {
    match reader.read(line.text) {
        Ok(None) => Ok(Flow::GoOn),
        Ok(Some(request)) => executor.request(&request, None),
        // The reference, which has no such options, names no lines either.
        Err(fault @ UsageError::AmongRules(_)) => {
            executor.flush()?;
            Err(Error::Rule(fault, line.to_owned()))
        }
        Err(fault) => {
            if !fault.lets_restore_go_on() {
                executor
                    .console
                    .keep_hint(hints::rule_line::about(line.text));
            }
            executor.fault(fault).map(|()| Flow::GoOn)
        }
    }
}
