//! Selects the connections that a listing is of, before anything is done with them: none of the
//! others is written, measured or looked up by name.
#![forbid(unsafe_code)]

use super::Meanwhile;
use crate::attribution::Servers;
use crate::commands::walk::Walk;
use crate::error::Error;
use crate::ipvs::connections::{Connections, parse_connection};
use crate::ipvs::{Detail, Ipvs};
use crate::model::Connection;
use crate::order::ConnectionOrder;
use crate::request::Columns;
use crate::selection::Selection;

/// The connections that a selection takes.
pub struct SelectedConnections<'s> {
    entries: Connections,
    selection: &'s Selection,
    servers: Option<Servers>,
    meanwhile: Option<Meanwhile<'s>>,
}

/// The connections after which something else gets its turn.
const AT_ONCE: usize = 64;

/// The facts about connections that cost more to read.
#[derive(Clone, Copy, Default)]
pub struct ConnectionDetail {
    /// The directors that made them.
    pub origin: bool,
    /// The data of persistence engines.
    pub engine_data: bool,
}

impl ConnectionDetail {
    /// Returns the facts that a listing for people shows in these columns.
    pub fn of(columns: Columns) -> ConnectionDetail {
        ConnectionDetail {
            origin: false,
            engine_data: columns == Columns::PersistentConnections,
        }
    }
}

impl<'s> SelectedConnections<'s> {
    /// Opens the kernel's list of connections.
    ///
    /// # Errors
    ///
    /// Those of reading the list, and the table if stale connections are meant.
    pub fn open(
        ipvs: &mut Ipvs,
        selection: &'s Selection,
        detail: ConnectionDetail,
    ) -> Result<SelectedConnections<'s>, Error> {
        let servers = match selection.is_stale {
            true => Some(read_servers(ipvs)?),
            false => None,
        };
        let with_origins = detail.origin || selection.origin.is_some();
        Ok(SelectedConnections {
            entries: match with_origins {
                true => Connections::open_with_origins(detail.engine_data)?,
                false => Connections::open()?,
            },
            selection,
            servers,
            meanwhile: None,
        })
    }

    /// Gives something else its turn while they are read.
    pub fn beside(self, meanwhile: Option<Meanwhile<'s>>) -> SelectedConnections<'s> {
        SelectedConnections { meanwhile, ..self }
    }

    /// Calls `visit` for each of them, in the kernel's order, with its line of the kernel's file.
    /// Lines of another shape are passed over. What is beside it may end it.
    ///
    /// # Errors
    ///
    /// Those of reading the list, of what is beside it, and of `visit`, which end it.
    pub fn for_each(
        mut self,
        mut visit: impl FnMut(&Connection<'_>, &[u8]) -> Result<(), Error>,
    ) -> Result<PassedOver, Error> {
        let mut passed_over = PassedOver::NOTHING;
        for place in 1.. {
            if !self.entries.advance()? {
                break;
            }
            if let Some(meanwhile) = self.meanwhile.as_mut()
                && place % AT_ONCE == 0
                && !meanwhile()?
            {
                break;
            }
            let connection = match self.entries.connection() {
                Ok(connection) => connection,
                Err(fault) => {
                    passed_over = PassedOver(Err(fault));
                    continue;
                }
            };
            let servers = self.servers.as_ref();
            if self.selection.takes(&connection)
                && servers.is_none_or(|servers| servers.server_of(&connection).is_err())
            {
                visit(&connection, self.entries.line())?;
            }
        }
        Ok(passed_over)
    }

    /// Calls `visit` for each of them in an order. In any but the kernel's, all are held in memory
    /// first.
    ///
    /// # Errors
    ///
    /// Those of [`SelectedConnections::for_each`].
    pub fn for_each_in(
        self,
        order: ConnectionOrder,
        mut visit: impl FnMut(&Connection<'_>, &[u8]) -> Result<(), Error>,
    ) -> Result<PassedOver, Error> {
        if order == ConnectionOrder::Kernel {
            return self.for_each(visit);
        }
        let mut text = Vec::new();
        let mut lines = Vec::new();
        let passed_over = self.for_each(|connection, line| {
            let start = text.len();
            text.extend_from_slice(line);
            lines.push((order.key(connection), start..text.len()));
            Ok(())
        })?;
        lines.sort_by_key(|(key, _)| *key);
        for (_, place) in lines {
            let line = &text[place];
            if let Some(connection) = parse_connection(line) {
                visit(&connection, line)?;
            }
        }
        Ok(passed_over)
    }
}

/// The lines that a listing is without, which it says at its end.
#[must_use]
pub struct PassedOver(Result<(), Error>);

impl PassedOver {
    /// No line was passed over.
    pub const NOTHING: PassedOver = PassedOver(Ok(()));

    /// Ends a listing.
    ///
    /// # Errors
    /// [`Error::UnexpectedInput`] if it is not whole.
    pub fn outcome(self) -> Result<(), Error> {
        self.0
    }
}

/// Reads the real servers of each service, to find connections that go to none of them.
fn read_servers(ipvs: &mut Ipvs) -> Result<Servers, Error> {
    let mut servers = Servers::default();
    let mut walk = Walk::begin(ipvs, None, Detail::WithoutStatistics, false)?;
    while let Some((service, destinations)) = walk.next(ipvs)? {
        let identities = destinations.iter().map(|state| state.destination.identity);
        servers.insert(service.service.identity, identities);
    }
    Ok(servers)
}
