//! How far the sinks of a run are, and whoever is told of it.

use std::collections::BTreeMap;

use chancery_api::Reason;
use chancery_store::SinkProgress;

use crate::run::facts::secret::SecretView;

/// The sinks of a run, as they stand in the ledger.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct SinksRead {
    /// The Secret of the delivery; none before one was named.
    pub(crate) secret: Option<SecretView>,
    /// How far each sink is, in the order of the manifest.
    pub(crate) sinks: Vec<SinkProgress>,
    /// What a sink said of a batch that was given up, by the name of the sink.
    pub(crate) said: BTreeMap<String, String>,
    /// Whether somebody is told of what happens to the run.
    pub(crate) tells: bool,
    /// Whether somebody is still to be told, of a run that is complete.
    pub(crate) untold: bool,
    /// Why the run failed, as far as it is written down for whoever is told.
    pub(crate) failure_told: Option<Reason>,
    /// Holders of pods that have ended, and of which it is not known that they have nothing in hand.
    pub(crate) open_holders: Vec<String>,
}

impl SinksRead {
    /// The first sink that cannot be reached.
    pub(crate) fn unavailable(&self) -> Option<&SinkProgress> {
        self.sinks.iter().find(|sink| sink.unavailable_micros.is_some())
    }

    /// Whether some sink has not all of so many batches yet, or not its manifest.
    pub(crate) fn is_behind(&self, batches: i64) -> bool {
        self.sinks.iter().any(|sink| sink.delivered + sink.dead < batches || sink.manifest_pending)
    }

    /// Batches that have ended, at all sinks together.
    pub(crate) fn ended(&self) -> i64 {
        self.sinks.iter().map(|sink| sink.delivered + sink.dead).sum()
    }
}
