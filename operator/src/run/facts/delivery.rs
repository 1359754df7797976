//! How far the sinks of a run are, and whoever is told of it.

use std::time::Duration;

use chancery_api::Reason;
use chancery_store::SinkProgress;
use k8s_openapi::jiff::{SignedDuration, Timestamp};

use crate::run::facts::secret::SecretView;

/// For how long a sink is away before a condition and an Event say so. One that takes so many batches per minute and no more is away for
/// a few seconds, time and again.
pub(crate) const AWAY_FOR: Duration = Duration::from_secs(30);

/// The sinks of a run, as they stand in the ledger.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct SinksRead {
    /// The Secret of the delivery; none before one was named.
    pub(crate) secret: Option<SecretView>,
    /// How far each sink is, in the order of the manifest.
    pub(crate) sinks: Vec<SinkProgress>,
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
    /// Whether some sink cannot be reached, be it only since just now.
    pub(crate) fn waits_for_one(&self) -> bool {
        self.sinks.iter().any(|sink| sink.unavailable_micros.is_some())
    }

    /// The sinks that cannot be reached, for so long that it is to be said.
    pub(crate) fn unavailable(&self, now: Timestamp) -> impl Iterator<Item = &SinkProgress> {
        self.sinks.iter().filter(move |sink| said_at(sink).is_some_and(|at| at <= now))
    }

    /// When the next sink that cannot be reached has been away for so long.
    pub(crate) fn next_unavailable(&self, now: Timestamp) -> Option<Timestamp> {
        self.sinks.iter().filter_map(said_at).filter(|at| *at > now).min()
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

/// When it is to be said of a sink that it cannot be reached, unless it is until then. A server whose clock is ahead of this one's delays it.
fn said_at(sink: &SinkProgress) -> Option<Timestamp> {
    let since = Timestamp::from_microsecond(sink.unavailable_micros?).unwrap_or(Timestamp::MIN);
    let for_long = SignedDuration::try_from(AWAY_FOR).unwrap_or(SignedDuration::MAX);
    Some(since.checked_add(for_long).unwrap_or(Timestamp::MAX))
}
