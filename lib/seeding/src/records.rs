//! Random records, made by the database, chunk by chunk.

use chancery_store::{Ledger, Run};
use futures::{StreamExt, TryStreamExt, stream};

use crate::error::SeedError;
use crate::progress::SeedProgress;

/// Chunks under way at the same time: beyond a few the database's own locks and log are what limits.
const AT_ONCE: usize = 4;

/// Numbers of missing chunks that are asked for at a time.
const ASKED: i64 = 1_000;

pub(crate) async fn seed(
    ledger: &Ledger,
    run: &Run,
    progress: &(impl Fn(SeedProgress) + Send + Sync),
) -> Result<(), SeedError> {
    let total = run.record_count.unsigned_abs();
    let mut done = ledger.seeded_records(run).await?.unsigned_abs();
    progress(SeedProgress::Records { done, total });
    let mut least = 1;
    loop {
        let missing = ledger.missing_chunks(run, least, ASKED).await?;
        let Some(last) = missing.last() else { return Ok(()) };
        least = last + 1;
        let mut seeded = stream::iter(missing)
            .map(|chunk| async move { ledger.seed_chunk(run, chunk).await.map(|_| chunk) })
            .buffer_unordered(AT_ONCE);
        while let Some(chunk) = seeded.try_next().await? {
            let records = run.seed_chunk.min(run.record_count - (chunk - 1) * run.seed_chunk);
            done = (done + records.unsigned_abs()).min(total);
            progress(SeedProgress::Records { done, total });
        }
    }
}
