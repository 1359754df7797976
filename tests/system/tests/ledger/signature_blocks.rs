//! Signatures are stored a batch at a time: one is found at once, and a ledger that has a row for each is rewritten.

use anyhow::Context as _;
use chancery_kit::{SeededRun, TestLedger, TestRun};
use chancery_store::lease::{Acquired, Library};
use chancery_store::query;
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Connection, PgConnection};

/// Signs so many batches with signatures that no one will verify.
async fn sign(run: &SeededRun<'_>, batches: usize) -> anyhow::Result<()> {
    let mut session = run.session("one").await?;
    for _ in 0..batches {
        let Acquired::Leased(lease) = session.acquire().await?.0 else { anyhow::bail!("no lease") };
        let signatures = vec![&[7_u8; 64][..]; usize::try_from(lease.records())?];
        session.store(&lease, &signatures, Library::AwsLcRs).await?;
    }
    Ok(())
}

#[tokio::test]
async fn the_signature_of_one_record_is_found_by_an_index() -> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let run = TestRun::new().records(6_000).keys(100).batch_size(3).seeded(&ledger).await?;
    sign(&run, 2_000).await?;
    let mut reader = PgConnection::connect(&ledger.url).await?;
    let of = |name: &str| query::ALL.iter().find(|query| query.name == name).context("no such query");
    let read = format!(
        "SET plan_cache_mode = force_custom_plan;
         PREPARE blocks (integer, bigint, bigint, bigint, bigint) AS {};
         PREPARE payloads (integer, bigint, bigint, integer) AS {};
         PREPARE leaves (integer, bigint, bigint) AS {}",
        of("audit_blocks")?.sql,
        of("audit_payloads")?.sql,
        of("signature_leaves")?.sql
    );
    sqlx::raw_sql(AssertSqlSafe(read)).execute(&mut reader).await?;
    let blocks = "SELECT pg_relation_size('chancery.signature_blocks_1') / 8192";
    let blocks: i64 = sqlx::query_scalar(blocks).fetch_one(&mut reader).await?;
    assert!(blocks > 50, "the table has {blocks} pages");
    let number = run.run.id;
    for read in [
        format!("blocks({number}, 4711, 4711, 4194304, 3)"),
        format!("payloads({number}, 4711, 4711, 1048576)"),
        format!("leaves({number}, 4711, 4711)"),
    ] {
        let explain = AssertSqlSafe(format!("EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) EXECUTE {read}"));
        let plan: Value = sqlx::query_scalar(explain).fetch_one(&mut reader).await?;
        let count = |name: &str| plan[0]["Plan"][name].as_i64().unwrap_or_default();
        let pages = count("Shared Hit Blocks") + count("Shared Read Blocks");
        assert!((1..20).contains(&pages), "{read} looks at {pages} pages: {plan:#}");
    }
    Ok(())
}

/// A ledger as it was before the migration: a row for each signature.
async fn undo_blocks(ledger: &TestLedger, runs: &[i32]) -> anyhow::Result<()> {
    let mut sql = "CREATE TABLE chancery.kept AS SELECT * FROM chancery.signatures;
         DROP VIEW chancery.signatures;
         DROP TABLE chancery.signature_blocks;
         DROP FUNCTION chancery.refuse_gap, chancery.lease_is_sound, chancery.key_is_sound, chancery.batch_is_sound,
             chancery.block_is_sound CASCADE;
         DROP INDEX chancery.leases_one_live_per_batch;
         ALTER TABLE chancery.leases DROP COLUMN returned, DROP COLUMN use_floor;
         DROP TABLE chancery.pushes;
         ALTER TABLE chancery.sources DROP COLUMN listed_bytes, DROP COLUMN confirm CASCADE;
         CREATE UNIQUE INDEX leases_one_live_per_batch ON chancery.leases (run_id, batch)
             WHERE outcome IS NULL OR outcome = 'signed';
         ALTER TABLE chancery.keyrings DROP COLUMN content_type CASCADE;
         CREATE TRIGGER keyrings_keep_their_shape BEFORE DELETE ON chancery.keyrings
             FOR EACH ROW EXECUTE FUNCTION chancery.refuse_change();
         DROP TABLE chancery.letter_moves, chancery.letter_acts;
         DROP TYPE chancery.letter_act, chancery.letter_end CASCADE;
         DROP FUNCTION chancery.refuse_lost_letter CASCADE;
         DROP TRIGGER splits_settle_what_is_left ON chancery.splits;
         DROP TABLE chancery.events, chancery.notifications, chancery.deliveries, chancery.delivery_moves, chancery.manifests, chancery.sinks;
         DROP FUNCTION chancery.delivery_is_sound, chancery.event_is_sound;
         DROP TYPE chancery.delivery_state;
         DROP TABLE chancery.flags, chancery.alerts, chancery.originals, chancery.judgements, chancery.pendings, chancery.answers, chancery.traces;
         DROP TYPE chancery.judgement CASCADE;
         ALTER TABLE chancery.runs DROP COLUMN policy_name CASCADE, DROP COLUMN policy_hash CASCADE;
         DROP TABLE chancery.policies;
         ALTER TABLE chancery.intakes DROP COLUMN rejected CASCADE, DROP COLUMN pending CASCADE, DROP COLUMN flagged, DROP COLUMN alerts, DROP COLUMN ignored,
             ADD CONSTRAINT intakes_check CHECK (received = admitted + duplicates + dead);
         ALTER TABLE chancery.intakes ADD CONSTRAINT intakes_check1 CHECK (admitted <= record_limit);
         DROP TRIGGER splits_are_done_once ON chancery.splits;
         ALTER TABLE chancery.splits DROP COLUMN rejected CASCADE, DROP COLUMN pending CASCADE,
             ADD CONSTRAINT splits_check2 CHECK (received = admitted + duplicates + dead);
         CREATE TRIGGER splits_are_done_once BEFORE DELETE ON chancery.splits
             FOR EACH ROW EXECUTE FUNCTION chancery.refuse_change();
         ALTER TABLE chancery.arrivals DROP COLUMN rule CASCADE;
         CREATE TRIGGER arrivals_never_change BEFORE DELETE ON chancery.arrivals
             FOR EACH ROW EXECUTE FUNCTION chancery.refuse_change();
         DELETE FROM chancery.functions;
         CREATE TABLE chancery.signatures (
             record bigint NOT NULL, lease_id bigint NOT NULL, run_id integer NOT NULL, signature bytea NOT NULL,
             PRIMARY KEY (record, run_id)) PARTITION BY LIST (run_id);"
        .to_owned();
    for run in runs {
        sql += &format!(
            "DROP FUNCTION chancery.batch_claim_{run}, chancery.batch_sign_{run};
             CREATE TABLE chancery.signatures_{run} PARTITION OF chancery.signatures FOR VALUES IN ({run});"
        );
    }
    sql += "INSERT INTO chancery.signatures SELECT record, lease_id, run_id, signature FROM chancery.kept;
            DROP TABLE chancery.kept;
            DELETE FROM chancery.schema_migrations WHERE version >= 11";
    ledger.execute(AssertSqlSafe(sql)).await
}

/// What the tables of a run refuse: their constraints and triggers.
async fn guards(ledger: &TestLedger, run: i32) -> anyhow::Result<Vec<String>> {
    let guards = "SELECT pg_get_constraintdef(c.oid) FROM pg_constraint c WHERE c.conrelid = t.oid
                   UNION ALL
                  SELECT replace(pg_get_triggerdef(g.oid), t.relname, 'TABLE') FROM pg_trigger g WHERE g.tgrelid = t.oid";
    let of_run = format!(
        "SELECT g.guard FROM pg_class t CROSS JOIN LATERAL ({guards}) AS g (guard)
          WHERE t.relname IN ('signature_blocks_{run}', 'batches_{run}') ORDER BY t.relname, g.guard"
    );
    Ok(sqlx::query_scalar(AssertSqlSafe(of_run)).fetch_all(ledger.ledger.pool()).await?)
}

/// Every signature, by record and run.
async fn signatures(ledger: &TestLedger) -> anyhow::Result<Vec<(i32, i64, i64, Vec<u8>)>> {
    let all = "SELECT run_id, record, lease_id, signature FROM chancery.signatures ORDER BY run_id, record";
    Ok(sqlx::query_as(all).fetch_all(ledger.ledger.pool()).await?)
}

#[tokio::test]
async fn a_ledger_with_a_row_for_each_signature_is_rewritten() -> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let signed = TestRun::new().algorithm("RS256").keys(2).records(45).batch_size(10).seeded(&ledger).await?;
    signed.finish().await?;
    let begun = TestRun::new().named("begun").records(30).batch_size(10).keys(2).seeded(&ledger).await?;
    sign(&begun, 1).await?;
    // Of one that was being deleted, nothing is left to be rewritten.
    let going = TestRun::new().named("going").records(10).batch_size(10).seeded(&ledger).await?;
    sign(&going, 1).await?;
    undo_blocks(&ledger, &[signed.run.id, begun.run.id, going.run.id]).await?;
    let before: Vec<_> = signatures(&ledger).await?.into_iter().filter(|row| row.0 != going.run.id).collect();
    assert_eq!(before.len(), 55);
    let begin_deletion = format!(
        "UPDATE chancery.runs SET deleted_at = now() WHERE id = {0};
         ALTER TABLE chancery.signatures DETACH PARTITION chancery.signatures_{0}",
        going.run.id
    );
    ledger.execute(AssertSqlSafe(begin_deletion)).await?;

    ledger.ledger.migrate().await?;
    assert_eq!(signatures(&ledger).await?, before);
    let blocks = "SELECT count(*) FROM chancery.signature_blocks";
    assert_eq!(sqlx::query_scalar::<_, i64>(blocks).fetch_one(ledger.ledger.pool()).await?, 6);
    let made_since = TestRun::new().named("since").records(30).batch_size(10).keys(2).seeded(&ledger).await?;
    let guarded = guards(&ledger, made_since.run.id).await?;
    assert!(guarded.len() > 5, "{guarded:#?}");
    assert_eq!(guards(&ledger, begun.run.id).await?, guarded);
    signed.assert_audit_holds().await?;
    sign(&begun, 2).await?;
    assert_eq!(begun.signed().await?, 30);
    ledger.ledger.delete_run(&going.run).await?;
    let left = "SELECT count(*) FROM pg_tables WHERE schemaname = 'chancery' AND tablename ~ '^signatures'";
    assert_eq!(sqlx::query_scalar::<_, i64>(left).fetch_one(ledger.ledger.pool()).await?, 0);
    Ok(())
}

#[tokio::test]
async fn a_ledger_that_lacks_a_signature_is_not_rewritten() -> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let run = TestRun::new().records(30).batch_size(10).keys(2).seeded(&ledger).await?;
    sign(&run, 3).await?;
    undo_blocks(&ledger, &[run.run.id]).await?;
    ledger.execute("DELETE FROM chancery.signatures WHERE record = 15").await?;
    let before = ledger.fingerprint().await?;
    let refused = ledger.ledger.migrate().await.map_err(|error| error.to_string());
    let says = refused.expect_err("it lacks a signature");
    assert!(says.contains("run 1: signatures of lease 2 are missing"), "{says}");
    assert_eq!(ledger.fingerprint().await?, before);
    Ok(())
}

#[tokio::test]
async fn no_record_of_what_was_pushed_is_signed_twice() -> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let http = json!({"http": {"maxPending": 100, "periodMicros": 1}});
    TestRun::new().reads_described("push", http).batch_size(10).created(&ledger).await?;
    let store = async |first: i64, last: i64| {
        let block =
            "INSERT INTO chancery.signature_blocks VALUES ($1, $2, 1, 1, decode(repeat('07', $3), 'hex'))";
        let bytes = i32::try_from((last - first + 1) * 64)?;
        let stored =
            sqlx::query(block).bind(first).bind(last).bind(bytes).execute(ledger.ledger.pool()).await;
        anyhow::Ok(
            stored.map_err(|error| error.as_database_error().and_then(|error| error.code().map(Into::into))),
        )
    };
    // Batches that were closed before they were full: of three records, and of ten.
    let refused = Err(Some("23P01".to_owned()));
    for (first, last, wanted) in [
        (1, 3, true),
        (4, 13, true),
        (3, 3, false),
        (13, 14, false),
        (4, 4, false),
        (1, 20, false),
        (14, 14, true),
    ] {
        let stored = store(first, last).await?.map(drop);
        assert_eq!(stored, if wanted { Ok(()) } else { refused.clone() }, "{first} to {last}");
    }
    // Of no record at all.
    let empty = Err(Some("23514".to_owned()));
    assert_eq!(store(15, 14).await?.map(drop), empty);
    assert_eq!(store(4, 3).await?.map(drop), empty);
    Ok(())
}
