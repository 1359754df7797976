//! Signing begins as soon as the first batches are there, beside the source that makes the others.

use std::sync::Arc;

use chancery_kit::{SeededRun, TestLedger, TestRun, eventually, fill};
use chancery_store::lease::Acquired;

/// Three chunks, of 2,000 records each but the last; the last batch has two records.
const RECORDS: i64 = 4_999;

/// A run whose ring is filled and of whose records there is none.
async fn with_keys(ledger: &TestLedger) -> anyhow::Result<SeededRun<'_>> {
    let run = TestRun::new().records(RECORDS).keys(3).batch_size(7).created(ledger).await?;
    fill(&ledger.ledger, &run.run.keyring, &Arc::new(run.data_key()?)).await?;
    Ok(run)
}

async fn until_signed(run: &SeededRun<'_>, records: i64) {
    eventually("all that is there is signed", async || {
        run.signed().await.is_ok_and(|signed| signed == records)
    })
    .await;
}

#[tokio::test]
async fn a_signer_signs_what_is_there_waits_for_the_rest_and_ends_once_the_run_is_sealed()
-> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let run = with_keys(&ledger).await?;
    let mut session = run.session("asks").await?;
    assert!(matches!(session.acquire().await?.0, Acquired::NoBatch), "no batch is closed yet");
    let mut signer = run.start_signer("early")?;

    for (chunk, records) in [(1, 2_000_i64), (2, 4_000), (3, RECORDS)] {
        ledger.ledger.generate_chunk(&run.run, chunk).await?;
        until_signed(&run, records / 7 * 7).await;
        let (acquired, _) = session.acquire().await?;
        assert!(matches!(acquired, Acquired::NoBatch), "not complete: {acquired:?}");
        let stored = ledger.ledger.find_run("default", "demo").await?;
        assert_eq!((stored.sealed, stored.complete, stored.sealed_records), (false, false, None));
        signer.pid()?;
    }
    // Two records wait for a batch, and only the seal tells that no more will come.
    assert!(ledger.ledger.seal(&run.run).await?);
    let (code, log) = signer.ended().await?;
    assert_eq!(code, Some(0), "{log}");
    assert_eq!(run.signed().await?, RECORDS);
    let stored = ledger.ledger.find_run("default", "demo").await?;
    assert_eq!((stored.sealed, stored.complete, stored.sealed_records), (true, true, Some(RECORDS)));
    run.assert_audit_holds().await
}

#[tokio::test]
async fn progress_counts_what_is_there_and_what_the_source_will_give() -> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let run = with_keys(&ledger).await?;
    let progress = async || -> anyhow::Result<_> {
        let progress = ledger.ledger.progress(&[run.run.id]).await?.pop();
        let progress = progress.ok_or_else(|| anyhow::anyhow!("no progress"))?;
        Ok((progress.record_count, progress.records_admitted, progress.batches_closed, progress.sealed))
    };
    assert_eq!(progress().await?, (RECORDS, 0, 0, false));
    ledger.ledger.generate_chunk(&run.run, 2).await?;
    assert_eq!(progress().await?, (RECORDS, 0, 0, false), "the first chunk is missing");
    ledger.ledger.generate_chunk(&run.run, 1).await?;
    assert_eq!(progress().await?, (RECORDS, 4_000, 4_000 / 7, false));
    ledger.ledger.generate_chunk(&run.run, 3).await?;
    assert_eq!(progress().await?, (RECORDS, RECORDS, RECORDS / 7, false));
    ledger.ledger.seal(&run.run).await?;
    assert_eq!(progress().await?, (RECORDS, RECORDS, RECORDS / 7 + 1, true));
    Ok(())
}

#[tokio::test]
async fn a_run_is_signed_while_its_records_are_made() -> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let run = with_keys(&ledger).await?;
    let mut signers = [run.start_signer("one")?, run.start_signer("two")?];
    chancery_sources::generated::supply(&ledger.ledger, &run.run, || 1, || std::future::ready(()), |_| {})
        .await?;
    for signer in &mut signers {
        let (code, log) = signer.ended().await?;
        assert_eq!(code, Some(0), "{log}");
    }
    assert_eq!(run.signed().await?, RECORDS);
    run.assert_audit_holds().await
}
