//! `-S` and `ipvsadm-save`: the table as rules.

#![forbid(unsafe_code)]

use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::{fs, io, mem};

use nix::sys::stat::fstat;

use crate::cli::address;
use crate::cli::helper::HelperOptions;
use crate::commands::console::Console;
use crate::commands::open_checked;
use crate::commands::replace::replace;
use crate::commands::walk::Walk;
use crate::error::Error;
use crate::ipvs::{Detail, Ipvs};
use crate::model::Change;
use crate::options::Modifier;
use crate::render::endpoints::EndpointWriter;
use crate::render::rules;

/// Runs `ipvsadm-save`. A file is replaced once the whole table has been read.
pub fn run_helper(console: &mut Console<'_>, options: &HelperOptions) -> Result<(), Error> {
    let mut ipvs = open_checked(console)?;
    let numeric = options.has(Modifier::Numeric);
    match &options.file {
        Some(file) if !is_standard_output(Path::new(file)) => {
            console.hold();
            let saved = save(console, &mut ipvs, numeric);
            let text = mem::take(console.text());
            saved?;
            replace(Path::new(file), &text).map_err(|fault| Error::WriteFile(file.clone(), fault))
        }
        _ => {
            save(console, &mut ipvs, numeric)?;
            console.deliver()
        }
    }
}

/// Returns true if a path leads to what standard output is, as `/dev/stdout` does.
fn is_standard_output(path: &Path) -> bool {
    let output = fstat(io::stdout()).map(|output| (output.st_dev, output.st_ino));
    fs::metadata(path).is_ok_and(|file| Ok((file.dev(), file.ino())) == output)
}

/// Writes the table as rules.
pub fn save(console: &mut Console<'_>, ipvs: &mut Ipvs, numeric: bool) -> Result<(), Error> {
    let mut endpoints = match numeric {
        true => EndpointWriter::numeric(),
        false => EndpointWriter::for_rules(address::read_back),
    };
    let mut walk = Walk::begin(ipvs, None, Detail::WithoutStatistics, true)?;
    // Half a table, saved, would be restored as a table.
    console.add_whole(|text| {
        while let Some((service, destinations)) = walk.next(ipvs)? {
            let identity = service.service.identity;
            let add = Change::AddService(service.service);
            rules::write_change(text, &mut endpoints, &add);
            for state in destinations {
                let add = Change::AddDestination(identity, state.destination);
                rules::write_change(text, &mut endpoints, &add);
            }
        }
        Ok(())
    })
}
