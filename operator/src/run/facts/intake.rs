//! How far the sources of a run are read.

use chancery_store::intake::SourceState;
use chancery_store::{ArrivalCounts, DeadLetter};

use crate::run::alerting::Raised;
use crate::run::facts::secret::SecretView;

/// The sources of a run, as they stand in the ledger.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct SourcesRead {
    /// The Secret of the intake; none before one was named.
    pub(crate) secret: Option<SecretView>,
    pub(crate) counts: ArrivalCounts,
    /// Whether the run's policy asks others, which its intake does, also if nothing is read.
    pub(crate) asks: bool,
    /// The alerts that the run's policy has raised, as far as they are counted by rule.
    pub(crate) alerts: Raised,
    /// Whether the ledger has suspended the run, since more arrivals are dead than it allows.
    pub(crate) too_many_dead: bool,
    /// Why the ledger admits nothing for now: a limit, or the database's room.
    pub(crate) held: Option<String>,
    /// What happens to dead letters, as it was stored.
    pub(crate) dead_letter: DeadLetter,
    /// How far each source is, in the order of the manifest. Not read any more of a run that is known to be sealed.
    pub(crate) sources: Vec<SourceState>,
    /// Holders that have something in hand; read only when an intake pod has ended.
    pub(crate) open_holders: Vec<String>,
    /// What is said of an object that changed while it was read, when that is news.
    pub(crate) changed: Option<String>,
}

impl SourcesRead {
    /// The first source that the intake has asked in vain, and why.
    pub(crate) fn unavailable(&self) -> Option<(&str, &str)> {
        self.sources.iter().find_map(|source| Some((source.name.as_str(), source.last_error.as_deref()?)))
    }
}
