//! What there is to sign: records. What to sign with, the signers make.

use std::sync::OnceLock;

use chancery_sources::generated;
use chancery_store::{Run, StoreError};
use tokio::sync::watch;

use crate::database::Database;
use crate::display::{Display, Stage, StageBar};
use crate::error::CliError;
use crate::run::room::Room;

/// Makes the records that the run lacks and seals it, as a stage that is shown, while there is room. `told` is told of
/// each that comes.
pub(crate) async fn make_records(
    database: &Database,
    run: &Run,
    room: &Room,
    display: &Display,
    told: impl Fn(u64) + Send + Sync,
) -> Result<(), CliError> {
    let bar = OnceLock::new();
    let shown = |progress: generated::RecordProgress| {
        show(&bar, display, Stage::MakingRecords, progress.done, progress.total);
        told(progress.done);
    };
    let supplied = generated::supply(&database.ledger, run, || room.wait(display), shown).await;
    bar.get().inspect(|bar| bar.end());
    Ok(supplied?)
}

/// Waits until the run has batches for as many signers as are wanted, or keys to be made, or is sealed, and tells how
/// many signers that are; `wanted` is given the number of unsigned batches or missing keys. None when the records end
/// without being sealed. `heard` changes as records come, and is closed when no more will.
pub(crate) async fn enough_work(
    database: &Database,
    run: &Run,
    heard: &mut watch::Receiver<()>,
    wanted: impl Fn(u64) -> u32,
) -> Result<Option<u32>, CliError> {
    loop {
        let more = heard.has_changed().is_ok();
        let progress = database.ledger.progress(&[run.id]).await?.pop();
        let progress =
            progress.ok_or_else(|| StoreError::NoRun(format!("{}/{}", run.namespace, run.name)))?;
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
