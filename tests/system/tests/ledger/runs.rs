//! Runs in the ledger: filling their rings, making their records and deleting them, all interrupted at any point.

use std::sync::Arc;

use anyhow::Context as _;
use chancery_keyring::{Algorithm, GeneratedKey, Kek, KeySpec, generate};
use chancery_kit::{TestLedger, TestRun, data_key_of, eventually, stock};
use chancery_process::create_kek_file;
use chancery_store::keyring::NewKey;
use chancery_store::lease::Acquired;
use chancery_store::{Run, StoreError};
use sqlx::{AssertSqlSafe, Connection, PgConnection};

/// Three chunks, of 10,000 records each but the last, whose borders no batch respects.
fn three_chunks() -> TestRun {
    TestRun::new().records(4_999).keys(5).batch_size(7)
}

/// A run that is there, with neither keys nor records.
async fn created(ledger: &TestLedger, run: &TestRun) -> anyhow::Result<(Run, Arc<Kek>)> {
    let folder = tempfile::tempdir()?;
    let kek = Arc::new(create_kek_file(&folder.path().join("kek"))?);
    let (run, _) = ledger.ledger.create_run(&run.new_run(&kek)).await?;
    Ok((run, kek))
}

async fn join_key(ledger: &TestLedger, run: &Run, kek: &Kek, number: i32) -> anyhow::Result<bool> {
    let spec = KeySpec::new(Algorithm::EdDsa, None)?;
    let data_key = data_key_of(&ledger.ledger, &run.keyring, kek).await?;
    let GeneratedKey { id, public_key, wrapped } = generate(spec, run.keyring.uid, &data_key)?;
    let key = NewKey { id, number, public_key, wrapped_key: wrapped };
    Ok(ledger.ledger.join_key(&run.keyring, &key).await?)
}

/// Everything is there exactly once, and as it should be.
async fn assert_stocked(ledger: &TestLedger, run: &Run) -> anyhow::Result<()> {
    let run = ledger.ledger.find_run(&run.namespace, &run.name).await?;
    assert!(run.is_stocked() && run.sealed && run.keyring.filled);
    let source = run.input.generated().context("a generated source")?;
    let n = source.record_count;
    assert_eq!(run.sealed_records, Some(n));
    let records: (i64, i64, i64, i64, bool) = sqlx::query_as(
        "SELECT count(*), min(record), max(record), count(DISTINCT payload),
                bool_and(octet_length(payload) = $2) FROM chancery.records WHERE run_id = $1",
    )
    .bind(run.id)
    .bind(source.record_size)
    .fetch_one(ledger.ledger.pool())
    .await?;
    assert_eq!(records, (n, 1, n, n, true), "count, least, greatest, distinct, of the right size");
    // The range of a batch by its own rule, whatever the ledger's functions make of it.
    let batches: (i64, i64, i64, bool, bool, bool) = sqlx::query_as(
        "SELECT count(*), min(batch), max(batch),
                bool_and(first_record = (batch - 1) * $2 + 1 AND last_record = least(batch * $2, $3)
                         AND payload_bytes = (last_record - first_record + 1) * $4 AND state = 'unsigned'),
                bool_and((closed_by = 'Full') = (last_record = batch * $2)
                         AND (closed_by = 'Sealed') = (last_record < batch * $2)),
                bool_and(opened_at <= closed_at)
           FROM chancery.batches WHERE run_id = $1",
    )
    .bind(run.id)
    .bind(run.batch_size)
    .bind(n)
    .bind(i64::from(source.record_size))
    .fetch_one(ledger.ledger.pool())
    .await?;
    let m = n.unsigned_abs().div_ceil(run.batch_size.unsigned_abs()).cast_signed();
    assert_eq!(
        batches,
        (m, 1, m, true, true, true),
        "count, least, greatest, of the right range, closed for the right reason, not before they were opened"
    );
    let keys: Vec<i32> = sqlx::query_scalar(
        "SELECT k.number FROM chancery.keys k JOIN chancery.key_material m ON m.key_id = k.id
          WHERE k.keyring_id = $1 ORDER BY 1",
    )
    .bind(run.keyring.id)
    .fetch_all(ledger.ledger.pool())
    .await?;
    assert_eq!(keys, (1..=run.keyring.key_count).collect::<Vec<_>>());
    Ok(())
}

#[tokio::test]
async fn stocking_goes_on_wherever_it_was_interrupted() -> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    for (number, (keys, chunks)) in [
        (&[][..], &[][..]),
        (&[1], &[]),
        (&[2, 5], &[]),
        (&[1, 2, 3, 4, 5], &[]),
        (&[1, 2, 3, 4, 5], &[1]),
        (&[1, 2, 3, 4, 5], &[2]),
        (&[1, 2, 3, 4, 5], &[3]),
        (&[1, 2, 3, 4, 5], &[1, 3]),
        (&[1, 2, 3, 4, 5], &[3, 2, 1]),
        (&[3], &[2]),
    ]
    .into_iter()
    .enumerate()
    {
        let (run, kek) = created(&ledger, &three_chunks().named(&format!("run-{number}"))).await?;
        assert_eq!(ledger.ledger.missing_chunks(&run, 1, 10).await?, [1, 2, 3]);
        for key in keys {
            assert!(join_key(&ledger, &run, &kek, *key).await?);
        }
        for chunk in chunks {
            assert!(ledger.ledger.generate_chunk(&run, *chunk).await?);
        }
        stock(&ledger.ledger, &run, &kek).await?;
        assert_stocked(&ledger, &run).await.map_err(|error| error.context(format!("{keys:?} {chunks:?}")))?;
        ledger.ledger.delete_run(&run).await?;
    }
    Ok(())
}

#[tokio::test]
async fn stocking_again_changes_nothing() -> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let (run, kek) = created(&ledger, &three_chunks()).await?;
    stock(&ledger.ledger, &run, &kek).await?;
    let before = ledger.fingerprint().await?;
    // As somebody who still takes it for empty, and as somebody who knows better.
    stock(&ledger.ledger, &run, &kek).await?;
    let knows = ledger.ledger.find_run(&run.namespace, &run.name).await?;
    stock(&ledger.ledger, &knows, &kek).await?;
    assert!(!ledger.ledger.generate_chunk(&run, 2).await?);
    assert!(!join_key(&ledger, &run, &kek, 3).await?);
    assert!(ledger.ledger.seal(&run).await?);
    assert_eq!(ledger.fingerprint().await?, before);
    Ok(())
}

#[tokio::test]
async fn a_run_is_not_stocked_while_anything_is_missing() -> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let (run, kek) = created(&ledger, &three_chunks().keys(2)).await?;
    for number in [1, 2] {
        assert!(!ledger.ledger.find_run("default", "demo").await?.keyring.filled);
        join_key(&ledger, &run, &kek, number).await?;
    }
    assert!(ledger.ledger.find_run("default", "demo").await?.keyring.filled, "with its last key");
    for chunk in [3, 1, 2] {
        assert!(!ledger.ledger.seal(&run).await?);
        ledger.ledger.generate_chunk(&run, chunk).await?;
    }
    assert!(!ledger.ledger.find_run("default", "demo").await?.is_stocked());
    assert!(ledger.ledger.seal(&run).await?);
    assert_stocked(&ledger, &run).await
}

/// Batches that are closed, and the records in them.
async fn closed(ledger: &TestLedger, run: &Run) -> anyhow::Result<(i64, i64)> {
    let count = "SELECT count(*), coalesce(sum(last_record - first_record + 1), 0)::bigint
                   FROM chancery.batches WHERE run_id = $1";
    Ok(sqlx::query_as(count).bind(run.id).fetch_one(ledger.ledger.pool()).await?)
}

#[tokio::test]
async fn a_batch_is_made_once_all_records_up_to_its_last_are_there() -> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let (run, _) = created(&ledger, &three_chunks()).await?;
    // The records of chunks 2 and 3 wait for those of chunk 1.
    for chunk in [3, 2] {
        ledger.ledger.generate_chunk(&run, chunk).await?;
        assert_eq!(closed(&ledger, &run).await?, (0, 0));
    }
    ledger.ledger.generate_chunk(&run, 1).await?;
    assert_eq!(closed(&ledger, &run).await?, (4_999 / 7, 4_999 / 7 * 7), "the last two wait for the seal");
    assert!(ledger.ledger.seal(&run).await?);
    assert_eq!(closed(&ledger, &run).await?, (4_999 / 7 + 1, 4_999));
    let last: (String, i64) = sqlx::query_as(
        "SELECT closed_by::text, last_record - first_record + 1 FROM chancery.batches ORDER BY batch DESC LIMIT 1",
    )
    .fetch_one(ledger.ledger.pool())
    .await?;
    assert_eq!(last, ("Sealed".to_owned(), 4_999 % 7));
    Ok(())
}

#[tokio::test]
async fn a_run_whose_last_batch_is_full_has_no_batch_that_the_seal_closed() -> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let (run, kek) = created(&ledger, &TestRun::new()).await?;
    stock(&ledger.ledger, &run, &kek).await?;
    let closings: Vec<String> = sqlx::query_scalar("SELECT DISTINCT closed_by::text FROM chancery.batches")
        .fetch_all(ledger.ledger.pool())
        .await?;
    assert_eq!(closings, ["Full"]);
    assert_stocked(&ledger, &run).await
}

/// Waits until a statement waits for a lock of another.
async fn until_one_waits(ledger: &TestLedger) {
    eventually("it waits for the other", async || {
        let waits = "SELECT count(*) FROM pg_stat_activity
                      WHERE datname = current_database() AND wait_event_type = 'Lock'";
        sqlx::query_scalar::<_, i64>(waits).fetch_one(ledger.ledger.pool()).await.is_ok_and(|n| n == 1)
    })
    .await;
}

#[tokio::test]
async fn two_that_seal_a_run_at_once_agree_that_it_is_sealed() -> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let (run, kek) = created(&ledger, &three_chunks().keys(1)).await?;
    join_key(&ledger, &run, &kek, 1).await?;
    for chunk in [1, 2, 3] {
        ledger.ledger.generate_chunk(&run, chunk).await?;
    }
    let mut other = PgConnection::connect(&ledger.url).await?;
    let seal = format!("BEGIN; SELECT chancery.run_seal({})", run.id);
    sqlx::raw_sql(AssertSqlSafe(seal)).execute(&mut other).await?;
    let (owner, waiting) = (ledger.ledger.clone(), run.clone());
    let sealing = tokio::spawn(async move { owner.seal(&waiting).await });
    until_one_waits(&ledger).await;
    sqlx::raw_sql("COMMIT").execute(&mut other).await?;
    assert!(sealing.await??);
    assert_stocked(&ledger, &run).await
}

#[tokio::test]
async fn a_chunk_that_the_run_does_not_have_is_refused() -> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let (run, _) = created(&ledger, &three_chunks()).await?;
    let before = ledger.fingerprint().await?;
    ledger.ledger.generate_chunk(&run, 4).await.expect_err("there are three");
    assert_eq!(ledger.fingerprint().await?, before);
    Ok(())
}

/// Tables of the run that are left, attached or not.
async fn tables_of(ledger: &TestLedger, run: &Run) -> anyhow::Result<i64> {
    let count =
        "SELECT count(*) FROM pg_tables WHERE schemaname = 'chancery' AND tablename ~ ('_' || $1 || '$')";
    Ok(sqlx::query_scalar(count).bind(run.id).fetch_one(ledger.ledger.pool()).await?)
}

/// Nothing of the run is left, in any table that names one.
async fn assert_gone(ledger: &TestLedger, run: &Run) -> anyhow::Result<()> {
    assert_eq!(tables_of(ledger, run).await?, 0);
    for (table, column, number) in [
        ("runs", "id", run.id),
        ("admissions", "run_id", run.id),
        ("generated_sources", "run_id", run.id),
        ("generated_chunks", "run_id", run.id),
        ("deleted_runs", "run_id", run.id),
        ("leases", "run_id", run.id),
        ("keys", "keyring_id", run.keyring.id),
        ("keyrings", "id", run.keyring.id),
    ] {
        let count = AssertSqlSafe(format!("SELECT count(*) FROM chancery.{table} WHERE {column} = $1"));
        let left: i64 = sqlx::query_scalar(count).bind(number).fetch_one(ledger.ledger.pool()).await?;
        assert_eq!(left, 0, "{table}");
    }
    let functions = "SELECT count(*) FROM pg_proc WHERE proname ~ ('^batch_[a-z]+_' || $1 || '$')";
    let functions = sqlx::query_scalar(functions).bind(run.id);
    let functions: i64 = functions.fetch_one(ledger.ledger.pool()).await?;
    assert_eq!(functions, 0, "functions of the run");
    let orphans = "SELECT count(*) FROM chancery.key_material m
                    WHERE NOT EXISTS (SELECT FROM chancery.keys k WHERE k.id = m.key_id)";
    assert_eq!(sqlx::query_scalar::<_, i64>(orphans).fetch_one(ledger.ledger.pool()).await?, 0);
    let found = ledger.ledger.find_run(&run.namespace, &run.name).await;
    assert!(matches!(found, Err(StoreError::NoRun(_))), "{found:?}");
    Ok(())
}

#[tokio::test]
async fn an_interrupted_deletion_is_finished_by_calling_again() -> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let other = TestRun::new().named("other").seeded(&ledger).await?;
    for (number, interrupted) in [
        "",
        "UPDATE chancery.runs SET deleted_at = now() WHERE id = RUN",
        "ALTER TABLE chancery.records DETACH PARTITION chancery.records_RUN",
        "ALTER TABLE chancery.records DETACH PARTITION chancery.records_RUN; DROP TABLE chancery.records_RUN",
        "DROP TABLE chancery.batches_RUN, chancery.records_RUN",
        "DROP TABLE chancery.batches_RUN, chancery.records_RUN, chancery.signature_blocks_RUN",
    ]
    .into_iter()
    .enumerate()
    {
        let run = TestRun::new().named(&format!("run-{number}")).seeded(&ledger).await?;
        run.finish().await?;
        let interrupted = interrupted.replace("RUN", &run.run.id.to_string());
        ledger.execute(AssertSqlSafe(interrupted)).await?;
        ledger.ledger.delete_run(&run.run).await?;
        assert_gone(&ledger, &run.run).await?;
        ledger.ledger.delete_run(&run.run).await?;
    }
    other.finish().await
}

#[tokio::test]
async fn a_detachment_of_a_former_version_that_was_broken_off_is_finished() -> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let run = TestRun::new().seeded(&ledger).await?;
    let other = TestRun::new().named("other").seeded(&ledger).await?;
    let mut reader = PgConnection::connect(&ledger.url).await?;
    sqlx::raw_sql("BEGIN; SELECT count(*) FROM chancery.batches").execute(&mut reader).await?;
    ledger.execute("UPDATE chancery.runs SET deleted_at = now() WHERE name = 'demo'").await?;
    let (owner, number) = (ledger.url.clone(), run.run.id);
    let detaching = tokio::spawn(async move {
        let mut owner = PgConnection::connect(&owner).await?;
        let detach =
            format!("ALTER TABLE chancery.batches DETACH PARTITION chancery.batches_{number} CONCURRENTLY");
        sqlx::raw_sql(AssertSqlSafe(detach)).execute(&mut owner).await
    });
    eventually("the detachment waits for the reader", async || {
        let pending = "SELECT count(*) FROM pg_inherits WHERE inhdetachpending";
        sqlx::query_scalar::<_, i64>(pending).fetch_one(ledger.ledger.pool()).await.is_ok_and(|n| n == 1)
    })
    .await;
    ledger
        .execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
              WHERE datname = current_database() AND query LIKE '%DETACH PARTITION%' AND pid <> pg_backend_pid()",
        )
        .await?;
    detaching.await?.expect_err("it was broken off");
    sqlx::raw_sql("COMMIT").execute(&mut reader).await?;
    assert!(ledger.ledger.find_run("default", "demo").await?.deleted);
    // PostgreSQL detaches nothing else while a detachment is pending: whoever deletes next finishes it.
    ledger.ledger.delete_run(&other.run).await?;
    assert_gone(&ledger, &other.run).await?;
    ledger.ledger.delete_run(&run.run).await?;
    assert_gone(&ledger, &run.run).await
}

#[tokio::test]
async fn two_that_delete_a_run_at_once_leave_nothing_of_it() -> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let run = TestRun::new().seeded(&ledger).await?;
    let (one, two) = tokio::join!(ledger.ledger.delete_run(&run.run), ledger.ledger.delete_run(&run.run));
    assert!(one.is_ok() || two.is_ok(), "{one:?} {two:?}");
    ledger.ledger.delete_run(&run.run).await?;
    assert_gone(&ledger, &run.run).await
}

#[tokio::test]
async fn nothing_is_leased_from_a_run_that_is_being_deleted() -> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let run = TestRun::new().seeded(&ledger).await?;
    let mut session = run.session("one").await?;
    ledger.execute("UPDATE chancery.runs SET deleted_at = now()").await?;
    assert!(matches!(session.acquire().await?.0, Acquired::Gone));
    Ok(())
}

#[tokio::test]
async fn signers_of_other_runs_go_on_while_a_run_is_made_and_deleted() -> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let signed = TestRun::new().records(20_000).keys(10).batch_size(50).seeded(&ledger).await?;
    let mut signer = signed.start_signer("one")?;
    let doomed = TestRun::new().named("doomed").records(15_000).seeded(&ledger).await?;
    doomed.finish().await?;
    ledger.ledger.delete_run(&doomed.run).await?;
    let (code, log) = signer.ended().await?;
    assert_eq!(code, Some(0), "{log}");
    assert!(log.contains("not_stored=0"), "{log}");
    signed.assert_audit_holds().await
}
