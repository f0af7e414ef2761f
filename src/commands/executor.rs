//! Executes requests in order, sending consecutive changes as one batch.
//!
//! `-R` and `ipvsadm-restore` share it, where the latter runs rules one after another. A batch is
//! sent when it is full and before anything is printed, so refusals, listings and faults come out
//! in the order of the lines.

#![forbid(unsafe_code)]

use crate::commands::console::Console;
use crate::commands::{execute, help};
use crate::error::{Error, Operation, RuleLine, STATUS_REFUSED, UsageError};
use crate::ipvs::Ipvs;
use crate::model::Change;
use crate::request::Request;

/// The course after a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flow {
    /// More requests may follow.
    GoOn,
    /// Help or the version was printed, which ends the program.
    End,
}

/// A change that is queued, as far as the message about its refusal quotes it.
struct QueuedChange<'t> {
    operation: Operation,
    line: Option<RuleLine<'t>>,
}

/// Executes requests, and remembers what it has queued.
pub struct Executor<'c, 's, 't> {
    /// Prints listings and faults.
    pub console: &'c mut Console<'s>,
    ipvs: &'c mut Ipvs,
    queued: Vec<QueuedChange<'t>>,
    status: u8,
}

impl<'c, 's, 't> Executor<'c, 's, 't> {
    /// Makes an executor with nothing queued.
    pub fn new(console: &'c mut Console<'s>, ipvs: &'c mut Ipvs) -> Executor<'c, 's, 't> {
        Executor {
            console,
            ipvs,
            queued: Vec::new(),
            status: 0,
        }
    }

    /// Queues a change. If it is refused, the message quotes `line`, if there is one.
    pub fn change(&mut self, change: &Change, line: Option<RuleLine<'t>>) -> Result<(), Error> {
        self.queued.push(QueuedChange {
            operation: Operation::from(change),
            line,
        });
        if self.ipvs.queue(change) {
            self.flush()
        } else {
            Ok(())
        }
    }

    /// Executes a request, or queues it if it is a change. `-R` among rules is a fault.
    pub fn request(
        &mut self,
        request: &Request,
        line: Option<RuleLine<'t>>,
    ) -> Result<Flow, Error> {
        if let Request::Change(change) = request {
            self.change(change, line)?;
            return Ok(Flow::GoOn);
        }
        self.flush()?;
        if help::answer(self.console.text(), request) {
            return Ok(Flow::End);
        }
        match request {
            Request::ExecuteRules => return Err(UsageError::RestoreAmongRules.into()),
            Request::Exist(_) | Request::Keep(_) | Request::AddMissing(_) => {
                self.change_what_is_there(request, line)?;
                return Ok(Flow::GoOn);
            }
            _ => {}
        }
        execute(self.console, self.ipvs, request)?;
        self.console.flush()?;
        self.status = 0;
        Ok(Flow::GoOn)
    }

    /// Executes a change that depends on what the changes before it have made of the table.
    fn change_what_is_there(
        &mut self,
        request: &Request,
        line: Option<RuleLine<'t>>,
    ) -> Result<(), Error> {
        let fault = execute(self.console, self.ipvs, request).err();
        self.status = match (fault, line) {
            (None, _) => 0,
            (Some(Error::Kernel(operation, fault)), line) => {
                self.console
                    .report(&Error::of_refusal(operation, fault, line));
                STATUS_REFUSED
            }
            (Some(Error::Usage(fault)), Some(line)) => {
                return Err(Error::Rule(fault, line.to_owned()));
            }
            (Some(fault), _) => return Err(fault),
        };
        Ok(())
    }

    /// Prints a fault in a line, or returns it if it ends the program, after the changes before it.
    pub fn fault(&mut self, fault: UsageError) -> Result<(), Error> {
        self.flush()?;
        if !fault.lets_restore_go_on() {
            return Err(fault.into());
        }
        let fault = Error::from(fault);
        self.console.report(&fault);
        self.status = fault.status();
        Ok(())
    }

    /// Sends the queued changes and prints which of them the kernel refused.
    pub fn flush(&mut self) -> Result<(), Error> {
        let Some(last) = self.queued.len().checked_sub(1) else {
            return Ok(());
        };
        let (console, queued, status) = (&mut *self.console, &self.queued, &mut self.status);
        *status = 0;
        let outcome = self.ipvs.send_queued(|index, fault| {
            let Some(change) = queued.get(index) else {
                return;
            };
            console.report(&Error::of_refusal(change.operation, fault, change.line));
            if index == last {
                *status = STATUS_REFUSED;
            }
        });
        let operation = self.queued[last].operation;
        self.queued.clear();
        outcome.map_err(|fault| Error::Kernel(operation, fault))
    }

    /// Sends what is queued. The status is that of the last request.
    pub fn finish(mut self) -> Result<(), Error> {
        self.flush()?;
        outcome(self.status != 0)
    }
}

/// Returns how a run ends whose refusals have been printed.
pub fn outcome(is_refused: bool) -> Result<(), Error> {
    match is_refused {
        true => Err(Error::Status(STATUS_REFUSED)),
        false => Ok(()),
    }
}
