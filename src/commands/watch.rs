//! `--watch`: lists again and again. On a terminal each listing is drawn over the last, with a
//! heading; elsewhere one follows the other.
//!
//! A look that fails shows its fault and is tried again: the service may come back, and the module.
//! The time and memory of a look depend on the table, not on the looks before.
#![forbid(unsafe_code)]

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::{Duration, Instant};

use nix::errno::Errno;

use super::console::Console;
use super::list;
use crate::clock;
use crate::error::{Error, KernelError};
use crate::ipvs::Ipvs;
use crate::rates::Rates;
use crate::render::json;
use crate::render::page::Page;
use crate::request::{ListRequest, OutputFormat};
use crate::screen;
use crate::terminal::{Terminal, Waking, wait_for_moment_or_reader};

/// Lists every `interval`, until a person has seen enough or nobody reads it any more.
///
/// # Errors
///
/// [`Error::Terminal`] and [`Error::Write`], if the terminal or standard output fails. Faults of a
/// look are shown in its place.
pub fn watch(
    console: &mut Console<'_>,
    ipvs: &mut Ipvs,
    request: &ListRequest,
    interval: Duration,
) -> Result<(), Error> {
    let looks = Looks {
        ipvs,
        request,
        rates: Rates::new(interval),
    };
    match Terminal::take().map_err(Error::Terminal)? {
        Some(terminal) => on_terminal(console, looks, interval, terminal),
        None => into_stream(console, looks, interval),
    }
}

fn on_terminal(
    console: &mut Console<'_>,
    mut looks: Looks<'_>,
    interval: Duration,
    mut terminal: Terminal,
) -> Result<(), Error> {
    let heading = heading(interval);
    let mut due = Instant::now();
    loop {
        let height = screen::height_of_standard_output();
        console.begin_page(Page::new(console.screen(), height));
        looks.look(console);
        console.flush_page([&heading, &clock::local_time()])?;
        if console.reader_has_left() {
            return Ok(());
        }
        let now = Instant::now();
        while due <= now {
            due += interval;
        }
        match terminal.wait(due).map_err(Error::Terminal)? {
            Waking::Due | Waking::Redraw => {}
            Waking::Enough => return Ok(()),
        }
    }
}

fn into_stream(
    console: &mut Console<'_>,
    mut looks: Looks<'_>,
    interval: Duration,
) -> Result<(), Error> {
    let is_json = looks.request.output_format == OutputFormat::Json;
    let mut due = Instant::now();
    let mut is_first = true;
    loop {
        console.hold();
        looks.look(console);
        let listing = console.text();
        if is_json {
            // Newlines stand between items, and nowhere in them.
            listing.retain(|byte| *byte != b'\n');
            listing.push(b'\n');
        } else if !is_first {
            listing.insert(0, b'\n');
        }
        is_first = false;
        console.flush()?;
        due = (due + interval).max(Instant::now());
        if console.reader_has_left() || !wait_for_moment_or_reader(due).map_err(Error::Terminal)? {
            return Ok(());
        }
    }
}

/// The things that looks share with those before.
struct Looks<'l> {
    ipvs: &'l mut Ipvs,
    request: &'l ListRequest,
    rates: Rates,
}

impl Looks<'_> {
    /// Writes a listing, or in its place the reason why there is none.
    fn look(&mut self, console: &mut Console<'_>) {
        self.ipvs.forget_info();
        let fault = match list::list(console, self.ipvs, self.request, Some(&mut self.rates)) {
            Ok(()) => return,
            Err(fault) => fault,
        };
        let fault = reason(fault, self.reopen());
        let text = console.fault_text(&fault);
        console.take_back();
        match self.request.output_format {
            OutputFormat::Json => json::write_fault(console.text(), &text),
            _ => console.text().extend_from_slice(&text),
        }
    }

    /// Opens a new connection to IPVS, if there is one to be had: a module that was taken away and
    /// is there again is not found under its old number.
    fn reopen(&mut self) -> Result<(), KernelError> {
        *self.ipvs = Ipvs::open_loaded()?;
        Ok(())
    }
}

/// Returns why a look failed, by what it met and by how it went to open IPVS anew.
fn reason(fault: Error, reopening: Result<(), KernelError>) -> Error {
    let no_entry = KernelError::Errno(Errno::ENOENT);
    let no_module = Error::Initialize(KernelError::Errno(Errno::ENOPROTOOPT));
    match (fault, reopening) {
        (_, Err(cause)) if cause == no_entry => no_module,
        (_, Err(cause)) => Error::Initialize(cause),
        (Error::Kernel(_, cause), Ok(())) if cause == no_entry => no_module,
        (fault, Ok(())) => fault,
    }
}

/// Returns the heading, left of the time.
fn heading(interval: Duration) -> String {
    let seconds = interval.as_secs_f64();
    format!("every {seconds} s, {}, q ends", namespace())
}

/// Returns the name of the network namespace, as people call it.
fn namespace() -> String {
    let number = |path: &Path| {
        let file = fs::metadata(path).ok()?;
        Some((file.dev(), file.ino()))
    };
    let ours = number(Path::new("/proc/self/ns/net"));
    let named = fs::read_dir("/run/netns").into_iter().flatten().flatten();
    let mut names = named.filter(|entry| ours.is_some() && number(&entry.path()) == ours);
    match names.next() {
        Some(entry) => format!("namespace {}", entry.file_name().to_string_lossy()),
        None if ours == number(Path::new("/proc/1/ns/net")) => "default namespace".to_owned(),
        None => match ours {
            Some((_, inode)) => format!("namespace net:[{inode}]"),
            None => "unknown namespace".to_owned(),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Operation;

    #[test]
    fn a_module_that_is_gone_is_named_whichever_way_it_is_missed() {
        let text = |fault: Error| {
            let text = fault.text("ipvsadm".as_ref());
            String::from_utf8(text).unwrap()
        };
        let refused = |errno| Error::Kernel(Operation::List, KernelError::Errno(errno));
        let initialize = |errno| Error::Initialize(KernelError::Errno(errno));
        let failed = |errno| Err(KernelError::Errno(errno));
        for (fault, reopening, expected) in [
            // The kernel knows its number no more, or the module has come back under another.
            (
                Errno::ENOENT,
                failed(Errno::ENOENT),
                initialize(Errno::ENOPROTOOPT),
            ),
            (Errno::ENOENT, Ok(()), initialize(Errno::ENOPROTOOPT)),
            (
                Errno::ESRCH,
                failed(Errno::ENOENT),
                initialize(Errno::ENOPROTOOPT),
            ),
            // Other faults are what they are.
            (Errno::ESRCH, Ok(()), refused(Errno::ESRCH)),
            (
                Errno::ENOENT,
                failed(Errno::EPERM),
                initialize(Errno::EPERM),
            ),
        ] {
            assert_eq!(text(reason(refused(fault), reopening)), text(expected));
        }
    }
}
