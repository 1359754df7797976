//! Reads a table, row by row.

use futures::Stream;

use crate::arrival::{Arrival, Position};
use crate::error::{FinalError, ReadError};
use crate::table::database::Database;
use crate::table::describe::Table;
use crate::table::key::RowKey;
use crate::table::place::{Place, Route, TableLogin};
use crate::table::rows::{Rows, Wanted};

/// A table that can be read.
#[derive(Clone)]
pub struct TableSource {
    pub(crate) place: Place,
    pub(crate) table: Table,
}

/// Not what is within: the place holds a password.
impl std::fmt::Debug for TableSource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("TableSource").field(&self.place.shown).finish()
    }
}

impl TableSource {
    /// The rows of a query, at the database of a `postgres://` URL. Nothing is asked of it yet.
    ///
    /// # Errors
    ///
    /// What URL or description have wrong. The URL is never repeated.
    pub fn open(url: &str, table: &Table) -> Result<Self, FinalError> {
        table.check()?;
        Ok(Self { place: Place::parse(url)?, table: table.clone() })
    }

    /// The same at a database that was opened before.
    ///
    /// # Errors
    ///
    /// What the description has wrong.
    pub fn at(Database { place }: Database, table: &Table) -> Result<Self, FinalError> {
        table.check()?;
        Ok(Self { place, table: table.clone() })
    }

    /// Where the URL leads, and as whom.
    #[must_use]
    pub const fn login(&self) -> &TableLogin {
        &self.place.login
    }

    /// The same with a password, which comes from elsewhere than the URL.
    #[must_use]
    pub fn with_password(mut self, password: &str) -> Self {
        self.place = self.place.with_password(password);
        self
    }

    /// Whether the URL leads to a Unix socket. Who reads for others refuses that: what listens at a socket of this machine
    /// may let its own user in without a password.
    #[must_use]
    pub fn is_by_socket(&self) -> bool {
        matches!(self.place.route, Route::Socket)
    }
}

/// A row as an arrival, and the key behind which reading goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableRow {
    /// The arrival. Its positions count rows: `position` those before it, `next_position` itself, too.
    pub arrival: Arrival,
    /// Its key, which is to be stored together with its `next_position`.
    pub key: RowKey,
}

/// A table that is being read, in the memory of some rows.
pub struct TableReader {
    state: State,
    count: u64,
}

enum State {
    Unopened(Box<Wanted>),
    Reading(Rows),
    Done,
    Failed(ReadError),
}

impl TableReader {
    /// A reader from the first row on (`Position(0)` and no key), or behind a row that was read before, by whomever and
    /// whenever: with its `next_position` and its key.
    ///
    /// All rows that one reader yields are of one snapshot. The next reader has a newer one: of what changed in between
    /// it meets what lies behind the key. At [`Position::END`] there is nothing.
    #[must_use]
    pub fn new(source: &TableSource, position: Position, after: Option<&RowKey>) -> Self {
        let TableSource { place, table } = source.clone();
        let Position(before) = position;
        let wanted = Wanted { place, table, before, after: after.cloned() };
        let unread = position != Position::END;
        let state = if unread { State::Unopened(Box::new(wanted)) } else { State::Done };
        Self { state, count: before }
    }

    /// The next row; none when all have been read.
    ///
    /// # Errors
    ///
    /// The table cannot be read. This reader says the same from then on: make another one, behind the last row.
    pub async fn next(&mut self) -> Result<Option<TableRow>, ReadError> {
        if let State::Unopened(_) = &self.state
            && let State::Unopened(wanted) = std::mem::replace(&mut self.state, State::Done)
        {
            self.state = State::Reading(Rows::start(*wanted));
        }
        match &mut self.state {
            State::Reading(rows) => match rows.next().await {
                Ok(Some(fetched)) => {
                    let position = Position(self.count);
                    self.count += 1;
                    let next_position = Position(self.count);
                    let arrival = Arrival {
                        position,
                        next_position,
                        outcome: fetched.outcome,
                        identity: None,
                        trace: None,
                    };
                    Ok(Some(TableRow { arrival, key: fetched.key }))
                }
                Ok(None) => {
                    self.state = State::Done;
                    Ok(None)
                }
                Err(error) => {
                    self.state = State::Failed(error.clone());
                    Err(error)
                }
            },
            State::Failed(error) => Err(error.clone()),
            State::Unopened(_) | State::Done => Ok(None),
        }
    }

    /// The rows as a stream, which reads no further than it is asked but for some rows, and ends after an error.
    pub fn into_stream(self) -> impl Stream<Item = Result<TableRow, ReadError>> + Send {
        futures::stream::try_unfold(self, |mut reader| async move {
            Ok(reader.next().await?.map(|row| (row, reader)))
        })
    }
}
