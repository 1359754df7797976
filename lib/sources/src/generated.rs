//! Random records, made by the database, chunk by chunk. Interrupted at any point, by anything, it continues where it
//! was; two at once share the work and no record is made twice.

use chancery_store::{Ledger, Run, StoreError};
use futures::TryStreamExt;
use futures::stream::FuturesUnordered;

/// Chunks under way at the same time where nothing speaks for fewer: beyond a few the database's own locks and log are what
/// limits.
pub const AT_ONCE: usize = 4;

/// Numbers of missing chunks that are asked for at a time.
const ASKED: i64 = 1_000;

/// How far a source is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecordProgress {
    /// Records that are there.
    pub done: u64,
    /// Records in the end.
    pub total: u64,
}

/// Why a source stopped.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// The ledger.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Records were taken away while the source was at work.
    #[error("records are missing after all were made: somebody removed them meanwhile; run it again")]
    Incomplete,
}

/// Makes the records that the run still lacks, and seals the run. `progress` is told how many are there, not how many
/// were added. Signers may sign the first batches meanwhile. Before each chunk, `room` is waited for.
///
/// `at_once` is asked, again and again, how many chunks may be under way. The first is made by itself, whatever it says: none is
/// admitted before the first, and signers wait for that.
///
/// Memory does not depend on the run's size: records are made by the database itself. Of a run with sources, nothing is made.
///
/// # Errors
///
/// [`SourceError`]; the records that were made until then stay and are not made again.
pub async fn supply<R: Future<Output = ()> + Send>(
    ledger: &Ledger,
    run: &Run,
    at_once: impl Fn() -> usize + Send + Sync,
    room: impl Fn() -> R + Send + Sync,
    progress: impl Fn(RecordProgress) + Send + Sync,
) -> Result<(), SourceError> {
    let Some(source) = run.input.generated().filter(|_| !run.sealed) else { return Ok(()) };
    let total = source.record_count.unsigned_abs();
    let mut done = ledger.generated_records(run).await?.unsigned_abs();
    progress(RecordProgress { done, total });
    let mut least = 1;
    loop {
        let missing = ledger.missing_chunks(run, least, ASKED).await?;
        let Some(last) = missing.last() else { break };
        least = last + 1;
        let mut chunks = missing.into_iter();
        let mut under_way = FuturesUnordered::new();
        loop {
            let most = if done == 0 { 1 } else { at_once().max(1) };
            let room = &room;
            let begun = chunks.by_ref().take(most.saturating_sub(under_way.len())).map(|chunk| async move {
                room().await;
                ledger.generate_chunk(run, chunk).await.map(|_| chunk)
            });
            under_way.extend(begun);
            let Some(chunk) = under_way.try_next().await? else { break };
            done = (done + source.records_in(chunk).unsigned_abs()).min(total);
            progress(RecordProgress { done, total });
        }
    }
    // The ledger counts the records itself: a caller that was overtaken by another one agrees.
    if ledger.seal(run).await? { Ok(()) } else { Err(SourceError::Incomplete) }
}
