//! Records of any size from 0 bytes to 1 MiB are signed and audited.

use std::sync::Arc;

use chancery_kit::{Chancery, Manifest, SeededRun, TestLedger, TestRun, fill};
use chancery_store::StoreError;
use chancery_store::lease::{Acquired, PART_BYTES, Payloads};

const MIB: usize = 1 << 20;
const PART: usize = 4 * MIB;

/// A run of one batch whose payloads have these sizes in bytes, in the order of the records. The source makes
/// records of one size, so the owner admits others in their place.
async fn run_of<'l>(ledger: &'l TestLedger, sizes: &[usize]) -> anyhow::Result<SeededRun<'l>> {
    let records = i64::try_from(sizes.len())?;
    let run = TestRun::new().records(records).batch_size(records).keys(1).created(ledger).await?;
    fill(&ledger.ledger, &run.run.keyring, &Arc::new(run.data_key()?)).await?;
    let mut transaction = ledger.ledger.pool().begin().await?;
    for (record, size) in (1_i64..).zip(sizes) {
        let payload: Vec<u8> = record.to_be_bytes().into_iter().rev().cycle().take(*size).collect();
        sqlx::query("INSERT INTO chancery.records (record, run_id, payload) VALUES ($1, $2, $3)")
            .bind(record)
            .bind(run.run.id)
            .bind(payload)
            .execute(&mut *transaction)
            .await?;
    }
    sqlx::query("SELECT chancery.run_turn($1)").bind(run.run.id).execute(&mut *transaction).await?;
    sqlx::query("SELECT chancery.batches_close($1, $2)")
        .bind(run.run.id)
        .bind(records)
        .execute(&mut *transaction)
        .await?;
    transaction.commit().await?;
    assert!(ledger.ledger.seal(&run.run).await?);
    Ok(run)
}

/// Reads the run's batch part by part, as a signer does. Returns the sizes of the payloads in each part.
async fn parts(run: &SeededRun<'_>) -> anyhow::Result<Vec<Vec<usize>>> {
    let mut session = run.session("reader").await?;
    let Acquired::Leased(lease) = session.acquire().await?.0 else { anyhow::bail!("no lease") };
    let (mut parts, mut payloads, mut first) = (Vec::new(), Payloads::default(), lease.first_record);
    while first <= lease.last_record {
        let read = session.fetch_part(&lease, first, PART_BYTES, &mut payloads).await?;
        assert_eq!(usize::try_from(read)?, payloads.len());
        first += read;
        parts.push(payloads.iter().map(<[u8]>::len).collect());
    }
    assert!(session.abandon(&lease).await?);
    Ok(parts)
}

/// Reads, signs and audits a run of these sizes. Returns its parts.
async fn parts_of(sizes: &[usize]) -> anyhow::Result<Vec<Vec<usize>>> {
    let ledger = TestLedger::new().await?;
    let run = run_of(&ledger, sizes).await?;
    let parts = parts(&run).await?;
    assert_eq!(parts.concat(), sizes, "every record once, in order");
    for part in &parts {
        assert!(part.len() == 1 || part.iter().sum::<usize>() <= PART, "{part:?}");
    }
    run.finish().await?;
    assert_eq!(run.signed().await?, i64::try_from(sizes.len())?);
    Ok(parts)
}

#[tokio::test]
async fn records_of_no_bytes_and_of_one_byte_are_signed() -> anyhow::Result<()> {
    assert_eq!(parts_of(&[0; 10]).await?.len(), 1);
    assert_eq!(parts_of(&[1; 10]).await?.len(), 1);
    Ok(())
}

#[tokio::test]
async fn a_batch_of_exactly_one_part_is_read_at_once_and_one_byte_more_is_not() -> anyhow::Result<()> {
    assert_eq!(parts_of(&[MIB; 4]).await?.len(), 1);
    let with_one_byte = [MIB, MIB, MIB, MIB, 1];
    assert_eq!(parts_of(&with_one_byte).await?.len(), 2);
    Ok(())
}

#[tokio::test]
async fn a_batch_of_the_largest_records_is_signed_in_several_parts() -> anyhow::Result<()> {
    let parts = parts_of(&[MIB; 10]).await?;
    assert_eq!(parts.iter().map(Vec::len).collect::<Vec<_>>(), [4, 4, 2]);
    Ok(())
}

#[tokio::test]
async fn a_batch_that_mixes_all_sizes_is_signed_in_parts_that_end_by_their_bytes() -> anyhow::Result<()> {
    // The largest lie together: by the average size many more would fit into a part.
    let mut sizes = vec![0; 300];
    sizes.extend([MIB; 9]);
    sizes.extend((0..300).map(|number| number % 3));
    sizes.push(MIB);
    assert!(parts_of(&sizes).await?.len() > 2);
    Ok(())
}

#[tokio::test]
async fn a_record_that_is_missing_in_a_large_batch_is_named() -> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let run = run_of(&ledger, &[MIB; 6]).await?;
    let mut session = run.session("reader").await?;
    let Acquired::Leased(lease) = session.acquire().await?.0 else { anyhow::bail!("no lease") };
    let mut transaction = ledger.ledger.pool().begin().await?;
    sqlx::query("SET LOCAL session_replication_role = replica").execute(&mut *transaction).await?;
    sqlx::query("DELETE FROM chancery.records WHERE record = 3").execute(&mut *transaction).await?;
    transaction.commit().await?;
    let error = session.fetch_part(&lease, 1, PART_BYTES, &mut Payloads::default()).await.expect_err("a gap");
    assert!(matches!(&error, StoreError::Corrupt(what) if what.contains("record 3 is missing")), "{error}");
    Ok(())
}

#[tokio::test]
async fn the_source_makes_records_of_the_least_and_of_the_largest_size() -> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    for size in [0, 1, 63, 64, 65, 1 << 20] {
        let run = TestRun::new().named(&format!("of-{size}")).records(11).batch_size(4).record_size(size);
        let run = run.seeded(&ledger).await?;
        let sizes: Vec<i32> = sqlx::query_scalar(
            "SELECT DISTINCT octet_length(payload) FROM chancery.records WHERE run_id = $1",
        )
        .bind(run.run.id)
        .fetch_all(ledger.ledger.pool())
        .await?;
        assert_eq!(sizes, [size]);
        run.finish().await?;
    }
    Ok(())
}

#[tokio::test]
async fn the_command_line_signs_records_of_no_bytes() -> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let chancery = Chancery::on(&ledger.url)?;
    let manifest = Manifest::new().with("recordSize", 0);
    let summary = chancery.sign(&manifest, &["--output", "json"]).await?.expect_code(0)?.json()?;
    assert_eq!((&summary["audit"], &summary["signed"]), (&"passed".into(), &200.into()), "{summary}");
    Ok(())
}
