//! `--watch`: lists again and again. On a terminal each listing is drawn over the last, and a
//! person moves in it; elsewhere one follows the other.
//!
//! On a terminal, a look [finds](found) the listing and holds it; the [`view`] shows the part of it
//! that there is room for, and another when [`keys`] are pressed, without a look.
//!
//! A look that fails shows its fault and is tried again: the service may come back, and the module.
//! The time and memory of a look depend on the table, not on the looks before.
#![forbid(unsafe_code)]

mod found;
mod keys;
mod view;

use std::time::{Duration, Instant};

use nix::errno::Errno;

use super::console::Console;
use super::list::{self, connections::PassedOver};
use super::netns;
use crate::clock;
use crate::error::{Error, KernelError};
use crate::ipvs::Ipvs;
use crate::rates::Rates;
use crate::render::json;
use crate::render::page;
use crate::request::{ListRequest, OutputFormat};
use crate::screen;
use crate::terminal::{Terminal, Waking, wait_for_moment_or_reader};
use found::{Found, Line};
use keys::{Key, Keys};
use view::{Answer, Paper, View};

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
    terminal: Terminal,
) -> Result<(), Error> {
    let namespace = match console.namespace() {
        Some(name) => format!("namespace {name}"),
        None => netns::own_namespace(),
    };
    let view = View::new(looks.request, interval, namespace, terminal.has_keys());
    let mut session = Session {
        console,
        terminal,
        keys: Keys::default(),
        undecided: None,
        view,
        wanted: Wanted::Look,
    };
    session.show(&looks.rates)?;
    let mut begun = Instant::now();
    let mut due = None;
    while !session.is_at_end() {
        let now = Instant::now();
        let is_due = due.is_some_and(|due| due <= now);
        if session.wanted == Wanted::Look || is_due {
            begun = due.filter(|_| is_due).unwrap_or(now);
            session.wanted = Wanted::Nothing;
            if let Some(found) = looks.find(&mut session) {
                session.view.take(found, clock::local_time(), &looks.rates);
                session.show(&looks.rates)?;
            }
        }
        // Looks keep their time, whatever each takes.
        let interval = session.view.interval();
        due = interval.map(|interval| next(begun, interval, Instant::now()));
        if session.wanted == Wanted::Nothing {
            session.answer_until(due, &looks.rates)?;
        }
    }
    Ok(())
}

/// A person at a terminal.
struct Session<'s, 'c> {
    console: &'s mut Console<'c>,
    terminal: Terminal,
    keys: Keys,
    /// The moment from which on the beginning of a key is taken for all of it.
    undecided: Option<Instant>,
    view: View,
    wanted: Wanted,
}

/// A wish of the person that is not carried out yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wanted {
    Nothing,
    /// A look, before it is due.
    Look,
    /// To see no more.
    End,
}

impl Session<'_, '_> {
    /// Returns true if nobody looks any more.
    fn is_at_end(&self) -> bool {
        self.wanted == Wanted::End || self.console.reader_has_left()
    }

    /// Draws the page over the one on the screen.
    fn show(&mut self, rates: &Rates) -> Result<(), Error> {
        let paper = self.paper(rates);
        let page = self.view.page(paper);
        page::write(self.console.text(), paper.screen, &page);
        self.console.flush()
    }

    /// Returns the screen as it is now.
    fn paper<'r>(&self, rates: &'r Rates) -> Paper<'r> {
        Paper {
            screen: self.console.screen(),
            height: screen::height_of_standard_output(),
            rates,
        }
    }

    /// Answers the keys that were pressed while a look is taken. Returns true if that is to go on.
    fn answer_meanwhile(&mut self, rates: &Rates) -> Result<bool, Error> {
        self.answer_until(Some(Instant::now()), rates)?;
        Ok(!self.is_at_end() && self.view.wants_looks())
    }

    /// Waits for keys, at the latest until this moment, and shows what they lead to.
    fn answer_until(&mut self, due: Option<Instant>, rates: &Rates) -> Result<(), Error> {
        let until = [due, self.undecided].into_iter().flatten().min();
        let pressed = match self.terminal.wait(until).map_err(Error::Terminal)? {
            Waking::Redraw => Vec::new(),
            Waking::Due => match self.undecided.take_if(|until| *until <= Instant::now()) {
                Some(_) => self.keys.give_up().into_iter().collect(),
                None => return Ok(()),
            },
            Waking::Typed(bytes) => {
                let pressed = self.keys.read(&bytes);
                let has_begun = self.keys.has_begun();
                self.undecided = has_begun.then(|| Instant::now() + ESCAPE_TIME);
                pressed
            }
        };
        self.answer(&pressed, rates);
        self.show(rates)
    }

    /// Returns the lines that say what was passed over.
    fn missing(&self, passed_over: PassedOver) -> Vec<Line> {
        let fault = passed_over.outcome().err();
        fault.map_or(Vec::new(), |fault| {
            found::lines(&self.console.fault_text(&fault))
        })
    }

    fn answer(&mut self, pressed: &[Key], rates: &Rates) {
        for key in pressed {
            match self.view.press(*key, self.paper(rates)) {
                Answer::Show => {}
                Answer::Look => self.wanted = Wanted::Look,
                Answer::Enough => {
                    self.wanted = Wanted::End;
                    return;
                }
            }
            // The next key goes on from what this one shows.
            self.view.page(self.paper(rates));
        }
    }
}

/// Returns the first moment after `now` that is whole intervals after another.
fn next(since: Instant, interval: Duration, now: Instant) -> Instant {
    let elapsed = now.saturating_duration_since(since).as_nanos();
    let rest = elapsed % interval.as_nanos().max(1);
    now + interval.saturating_sub(Duration::from_nanos(u64::try_from(rest).unwrap_or(0)))
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
        if !is_json && !is_first {
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

/// The time after which nothing follows the escape key any more: a terminal sends the rest of
/// another key at once.
const ESCAPE_TIME: Duration = Duration::from_millis(50);

/// The things that looks share with those before.
struct Looks<'l> {
    ipvs: &'l mut Ipvs,
    request: &'l ListRequest,
    rates: Rates,
}

impl Looks<'_> {
    /// Writes a listing, and the reason why it is not whole; of one that failed, only that.
    fn look(&mut self, console: &mut Console<'_>) {
        self.ipvs.forget_info();
        let outcome = list::list(console, self.ipvs, self.request, Some(&mut self.rates));
        let listing = console.text();
        if self.request.output_format == OutputFormat::Json && !listing.is_empty() {
            // Newlines stand between items, and nowhere in them.
            listing.retain(|byte| *byte != b'\n');
            listing.push(b'\n');
        }
        if let Err(fault) = outcome {
            // What has only passed over a line stays.
            if !matches!(fault, Error::UnexpectedInput(_)) {
                console.take_back();
            }
            let text = self.recover(console, fault);
            console.text().extend_from_slice(&text);
        }
    }

    /// Finds what a person sees, or the reason why there is nothing, as text; `None` if nobody
    /// looks any more.
    fn find(&mut self, session: &mut Session<'_, '_>) -> Option<Result<Found, Vec<u8>>> {
        self.ipvs.forget_info();
        if let Some(interval) = session.view.interval() {
            self.rates.plan(interval);
        }
        let found = Found::read(session, self.ipvs, &mut self.rates).transpose()?;
        Some(found.map_err(|fault| {
            session.console.take_back();
            self.recover(session.console, fault)
        }))
    }

    /// Reopens IPVS, and returns what is shown in place of a listing.
    fn recover(&mut self, console: &Console<'_>, fault: Error) -> Vec<u8> {
        let fault = reason(fault, self.reopen());
        let text = console.fault_text(&fault);
        match self.request.output_format {
            OutputFormat::Json => {
                let mut document = Vec::new();
                json::write_fault(&mut document, &text);
                document
            }
            _ => text,
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Operation;

    #[test]
    fn looks_keep_their_time_whatever_each_takes() {
        let start = Instant::now();
        let at = |milliseconds| start + Duration::from_millis(milliseconds);
        let interval = Duration::from_millis(300);
        for (now, expected) in [(0, 300), (299, 300), (300, 600), (301, 600), (7000, 7200)] {
            assert_eq!(next(start, interval, at(now)), at(expected), "{now}");
        }
    }

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
