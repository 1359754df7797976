//! Somebody else's transaction that stays open: no vacuum removes what has changed since.

use chancery_bench::{Bound, Effort, Figure, Measured, Outcome, Samples, Table};
use sqlx::Connection;

use super::SIGNERS;
use crate::signers;
use crate::site::Site;
use crate::work::Work;

const WANTED: Bound = Bound::AtLeast(0.8);

/// So long, at the rate of the run before.
const SECONDS: f64 = 60.0;

/// EdDSA in batches of 100: of all, what changes most rows per second.
pub(crate) async fn measure(effort: Effort) -> Measured {
    let site = Site::start(&[]).await?;
    #[expect(clippy::cast_precision_loss, reason = "a small number")]
    let seconds = SECONDS / effort.divide as f64;
    let mut rate = sign(&site, 50_000, false).await?.0;
    let mut table = Table::new(
        "EdDSA, 100 keys, batches of 100, 2 signers, one after the other:",
        &["snapshot held open", "records", "s", "signatures/s"],
    );
    // One sample, between two runs without a snapshot: it takes minutes.
    let mut samples = Samples::default();
    let mut rates = [0.0; 3];
    for (index, held) in [false, true, false].into_iter().enumerate() {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "some millions")]
        let records = ((rate * seconds) as u64).max(1_000);
        let (now, took) = sign(&site, records, held).await?;
        table.row([if held { "yes" } else { "no" }.into(), records.into(), took.into(), now.into()]);
        rates[index] = now;
        rate = now;
    }
    samples.add(rates[1] / f64::midpoint(rates[0], rates[2]));
    let figure = Figure::new(
        "rate while a snapshot is held open for the whole run / before and after",
        samples,
        WANTED,
    );
    Ok(Outcome { figures: vec![figure], tables: vec![table], ..Outcome::default() })
}

async fn sign(site: &Site, records: u64, held: bool) -> anyhow::Result<(f64, f64)> {
    let (run, _) = site.seed("bench", &Work::new("EdDSA", records, 100, 100)).await?;
    let mut other = site.connection().await?;
    if held {
        sqlx::raw_sql("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT pg_current_snapshot()")
            .execute(&mut other)
            .await?;
    }
    let signed = signers::sign(site, &run, SIGNERS).await?;
    other.close().await?;
    site.delete(&run).await?;
    Ok((signed.rate, signed.seconds))
}
