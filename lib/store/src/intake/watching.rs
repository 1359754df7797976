//! How far intakes are with a run, for whoever watches them.

use crate::connect::Ledger;
use crate::error::StoreError;
use crate::query;
use crate::row::from_row;
use crate::run::Run;

/// Most splits of a source that are looked at, of those that are left.
pub const SPLITS_LOOKED_AT: i64 = 10_000;

/// How far a source is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceState {
    /// Its name.
    pub name: String,
    /// Whether it is known what it consists of.
    pub listed: bool,
    /// Splits that it consists of.
    pub splits: i64,
    /// Splits that are not read to their end, up to [`SPLITS_LOOKED_AT`].
    pub splits_left: i64,
    /// The first of those.
    pub at_split: Option<i32>,
    /// Up to where that one is accounted for.
    pub at_position: Option<i64>,
    /// Why the last attempt to list or to read failed, until one succeeds.
    pub last_error: Option<String>,
}

from_row!(SourceState { name, listed, splits, splits_left, at_split, at_position, last_error });

/// The objects that changed while they were read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectsChanged {
    /// Splits that ended with that.
    pub splits: i64,
    /// The source of the last one.
    pub source: Option<String>,
    /// What is said of it.
    pub reason: Option<String>,
}

from_row!(ObjectsChanged { splits, source, reason });

impl Ledger {
    /// How far each source of a run is read, in the order of the manifest.
    ///
    /// # Errors
    ///
    /// A database that is away or refuses.
    pub async fn sources_state(&self, run: &Run) -> Result<Vec<SourceState>, StoreError> {
        self.ask(query::sources_state, async |query, connection| {
            query.rows_as().bind(run.id).fetch_all(connection).await
        })
        .await
    }

    /// Whoever has a source or a split of the run in hand.
    ///
    /// # Errors
    ///
    /// A database that is away or refuses.
    pub async fn intake_holders(&self, run: &Run) -> Result<Vec<String>, StoreError> {
        self.ask(query::intake_holders, async |query, connection| {
            query.scalars().bind(run.id).fetch_all(connection).await
        })
        .await
    }

    /// The objects of a run that changed while they were read: those whose last arrival has a reason that begins so.
    ///
    /// # Errors
    ///
    /// A database that is away or refuses.
    pub async fn objects_changed(&self, run: &Run, reason: &str) -> Result<ObjectsChanged, StoreError> {
        self.ask(query::objects_changed, async |query, connection| {
            query.rows_as().bind(run.id).bind(reason).fetch_one(connection).await
        })
        .await
    }
}
