//! `--watch`: a listing that goes on. On a terminal it is drawn over itself, with a line above it;
//! elsewhere one listing follows the other.
//!
//! A look that fails is shown in its place and tried again: the service may come back, and the
//! module. What a look costs and holds depends on the table, not on the looks before.

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

/// Lists again and again, until a person has seen enough or nobody reads it any more.
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
        let page = Page {
            screen: console.screen(),
            height: screen::height_of_standard_output(),
        };
        looks.look(console, Some(page.listing_height()));
        let (listing, left_out) = console.release();
        let time = clock::local_time();
        page.write(console.text(), [&heading, &time], &listing, left_out);
        console.flush()?;
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
        looks.look(console, None);
        let (mut listing, _) = console.release();
        if is_json {
            // Newlines stand between items, and nowhere in them.
            listing.retain(|byte| *byte != b'\n');
            listing.push(b'\n');
        } else if !is_first {
            console.text().push(b'\n');
        }
        is_first = false;
        console.text().append(&mut listing);
        console.flush()?;
        due = (due + interval).max(Instant::now());
        if console.reader_has_left() || !wait_for_moment_or_reader(due).map_err(Error::Terminal)? {
            return Ok(());
        }
    }
}

/// One look after the other.
struct Looks<'l> {
    ipvs: &'l mut Ipvs,
    request: &'l ListRequest,
    rates: Rates,
}

impl Looks<'_> {
    /// Has the console hold a listing, or in its place why there is none.
    fn look(&mut self, console: &mut Console<'_>, most_lines: Option<usize>) {
        self.ipvs.forget_info();
        console.hold(most_lines);
        let fault = match list::list(console, self.ipvs, self.request, Some(&mut self.rates)) {
            Ok(()) => return,
            Err(fault) => self.reopened(fault),
        };
        let text = console.fault_text(&fault);
        console.release();
        console.hold(most_lines);
        match self.request.output_format {
            OutputFormat::Json => json::write_fault(console.text(), &text),
            _ => console.text().extend_from_slice(&text),
        }
    }

    /// A module that was taken away and is there again is not found under its old number. So the
    /// next look is through a new connection, if there is one to be had; if not, that is the fault.
    fn reopened(&mut self, fault: Error) -> Error {
        let no_entry = KernelError::Errno(Errno::ENOENT);
        let no_module = Error::Initialize(KernelError::Errno(Errno::ENOPROTOOPT));
        match Ipvs::open_loaded() {
            Ok(ipvs) => {
                *self.ipvs = ipvs;
                match fault {
                    Error::Kernel(_, cause) if cause == no_entry => no_module,
                    fault => fault,
                }
            }
            Err(cause) if cause == no_entry => no_module,
            Err(cause) => Error::Initialize(cause),
        }
    }
}

/// What stands above a listing, left of the time.
fn heading(interval: Duration) -> String {
    let seconds = interval.as_secs_f64();
    format!("every {seconds} s, {}, q ends", namespace())
}

/// The network namespace, as people call it.
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
