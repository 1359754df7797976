//! What there is to sign: records. What to sign with, the signers make.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use chancery_process::Backoff;
use chancery_sources::generated::{self, SourceError};
use chancery_store::{Progress, Run};
use tokio::sync::watch;

use crate::database::Database;
use crate::display::{Display, Stage, StageBar};
use crate::error::CliError;
use crate::run::incoming;
use crate::run::room::Room;
use crate::run::supervisor::RECONNECT_FOR;

/// Pauses before records are made again, once the database was away.
const LEAST_PAUSE: Duration = Duration::from_millis(250);

const MOST_PAUSE: Duration = Duration::from_secs(5);

/// How many chunks of records are made at once. Signers have the same processors: one chunk, while they look for the primes of
/// keys, so that the first signature does not wait for records that nobody can sign yet.
#[derive(Debug, Default)]
pub(crate) struct AtOnce {
    ring_is_filled: AtomicBool,
}

impl AtOnce {
    /// Where nobody signs meanwhile.
    pub(crate) fn without_signers() -> Self {
        Self { ring_is_filled: AtomicBool::new(true) }
    }

    /// Takes to heart how far the run is.
    pub(crate) fn saw(&self, progress: &Progress) {
        self.ring_is_filled.store(progress.missing_keys() <= 0, Ordering::Relaxed);
    }

    fn chunks(&self) -> usize {
        if self.ring_is_filled.load(Ordering::Relaxed) { generated::AT_ONCE } else { 1 }
    }
}

/// Makes the records that the run lacks and seals it, as a stage that is shown, while there is room. `told` is told of
/// each that comes.
pub(crate) async fn make_records(
    database: &Database,
    run: &Run,
    at_once: &AtOnce,
    room: &Room,
    display: &Display,
    told: impl Fn(u64) + Send + Sync,
) -> Result<(), CliError> {
    let bar = OnceLock::new();
    let away_since = Mutex::new(None);
    let shown = |progress: generated::RecordProgress| {
        *away_since.lock().unwrap_or_else(PoisonError::into_inner) = None;
        show(&bar, display, Stage::MakingRecords, progress.done, progress.total);
        told(progress.done);
    };
    let mut pause = Backoff::new(LEAST_PAUSE, MOST_PAUSE);
    let supplied = loop {
        let chunks = || at_once.chunks();
        let supplied = generated::supply(&database.ledger, run, chunks, || room.wait(display), &shown).await;
        let Err(SourceError::Store(error)) = &supplied else { break supplied };
        let since =
            *away_since.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert_with(Instant::now);
        if !error.is_transient() || since.elapsed() > RECONNECT_FOR {
            break supplied;
        }
        // What was made stays, and it goes on there.
        display
            .above_bars(|| tracing::warn!("no records can be made for now, which is tried again: {error}"));
        tokio::time::sleep(pause.next_pause()).await;
    };
    bar.get().inspect(|bar| bar.end());
    Ok(supplied?)
}

/// Waits until the run has batches for as many signers as are wanted, or keys to be made, or is sealed, and tells how
/// many signers that are; `wanted` is given the number of unsigned batches or missing keys. None when the records end
/// without being sealed. `heard` changes as records come, and is closed when no more will.
pub(crate) async fn enough_work(
    database: &Database,
    run: &Run,
    at_once: &AtOnce,
    heard: &mut watch::Receiver<()>,
    wanted: impl Fn(u64) -> u32,
) -> Result<Option<u32>, CliError> {
    loop {
        let more = heard.has_changed().is_ok();
        let progress = incoming::progress(database, run).await?;
        at_once.saw(&progress);
        let (unsigned, missing_keys) =
            (progress.unsigned_batches().unsigned_abs(), progress.missing_keys().unsigned_abs());
        if progress.sealed {
            return Ok(Some(wanted(unsigned.max(missing_keys))));
        }
        let signers = wanted(u64::MAX);
        // What is pushed is signed as it comes: there may be no more for hours.
        let is_pushed = super::is_pushed(run);
        if is_pushed || missing_keys > 0 || unsigned >= u64::from(signers) {
            return Ok(Some(signers));
        }
        if !more {
            return Ok(None);
        }
        // Closed, it is looked at once more: the last records may have come, and the seal.
        let _closed = heard.changed().await;
    }
}

fn show(bar: &OnceLock<StageBar>, display: &Display, stage: Stage, done: u64, total: u64) {
    bar.get_or_init(|| display.stage(stage, total, done)).at(done);
}
