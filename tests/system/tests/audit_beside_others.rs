//! Audits while other runs come and go, and while the audited run itself goes. An audit that finds what is not
//! there is not believed again: it reads one instant, the tables of each run included.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use anyhow::{Context as _, ensure};
use chancery_audit::{Ahead, AuditOptions, Report, audit, audit_after, audit_ahead, audit_keyring};
use chancery_kit::{SeededRun, TestLedger, TestRun, eventually, independent_audit, throw_away};
use chancery_local_postgres::ThrowAway;
use chancery_store::lease::Acquired;
use chancery_store::{StoreError, query};
use futures::TryStreamExt;
use sqlx::{AssertSqlSafe, Connection, PgConnection, Row};

/// Runs that come and go in each of two rings, and how often at least each audit looks meanwhile.
const RUNS: u32 = 8;
const AUDITS: u32 = 8;

/// Makes runs and deletes them again, beside `run` with its ring or each with a ring of its own.
async fn come_and_go(run: &SeededRun<'_>, keyring: Option<&str>) -> anyhow::Result<()> {
    for number in 0..RUNS {
        let other = TestRun::new().named(&format!("{}-{number}", keyring.unwrap_or("own"))).records(20);
        let other = keyring.into_iter().fold(other, TestRun::keyring).seeded_beside(run).await?;
        // A lease of it stays in the log of its ring.
        other.session("passer-by").await?.acquire().await?;
        run.ledger.ledger.delete_run(&other.run).await?;
    }
    Ok(())
}

/// Audits until there was enough of it and the others are done.
async fn keep_auditing(
    others_are_done: &AtomicBool,
    mut look: impl AsyncFnMut() -> anyhow::Result<()>,
) -> anyhow::Result<u32> {
    let mut looks = 0;
    while looks < AUDITS || !others_are_done.load(Ordering::Relaxed) {
        look().await?;
        looks += 1;
    }
    Ok(looks)
}

fn assert_holds(report: &Report) -> anyhow::Result<()> {
    ensure!(report.holds(), "violations that are not there: {:#?}", report.laws);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn audits_find_nothing_wrong_while_other_runs_come_and_go() -> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let (own, shared) = (TestRun::new(), TestRun::new().named("shared").keyring("ring"));
    let (own, shared) = (own.seeded(&ledger).await?, shared.seeded(&ledger).await?);
    own.finish().await?;
    shared.finish().await?;

    let (done, options) = (AtomicBool::new(false), AuditOptions::default());
    let others = async {
        let gone = tokio::try_join!(come_and_go(&own, None), come_and_go(&shared, Some("ring")));
        done.store(true, Ordering::Relaxed);
        gone
    };
    let of_run =
        async |name: &str| assert_holds(&audit(&ledger.ledger, "default", name, &options, |_| {}).await?);
    let of_ring = async || assert_holds(&audit_keyring(&ledger.ledger, "default", "ring", &options).await?);
    let second = AtomicU32::new(0);
    let independently = async || {
        let name = if second.fetch_add(1, Ordering::Relaxed).is_multiple_of(2) { "demo" } else { "shared" };
        match independent_audit(&ledger.url, "default", name).await? {
            Some(report) => ensure!(report.holds, "violations that are not there: {report:#?}"),
            // Not installed: nothing to wait for.
            None => tokio::task::yield_now().await,
        }
        Ok(())
    };
    tokio::try_join!(
        others,
        keep_auditing(&done, async || of_run("demo").await),
        keep_auditing(&done, async || of_run("shared").await),
        keep_auditing(&done, of_ring),
        keep_auditing(&done, independently),
    )?;
    assert_eq!(ledger.ledger.list_runs().await?.len(), 2);
    Ok(())
}

/// Whether somebody has tried to detach one of the run's tables, and comes again.
async fn is_kept_from_detaching(server: &ThrowAway, run: i32) -> bool {
    let statement = format!("DETACH PARTITION chancery.batches_{run}");
    std::fs::read_to_string(server.log())
        .is_ok_and(|log| log.contains("lock timeout") && log.contains(&statement))
}

#[tokio::test]
async fn a_deletion_waits_for_an_audit_that_began_before_it_and_signers_wait_for_neither()
-> anyhow::Result<()> {
    let server = throw_away();
    let ledger = TestLedger::create(&server, "chancery").await?;
    let run = TestRun::new().seeded(&ledger).await?;
    run.finish().await?;
    let other = TestRun::new().named("other").seeded_beside(&run).await?;

    let mut snapshot = ledger.ledger.snapshot().await?;
    let audited = snapshot.run("default", "demo").await?;
    let deletion = {
        let (ledger, run) = (ledger.ledger.clone(), run.run.clone());
        tokio::spawn(async move { ledger.delete_run(&run).await })
    };
    eventually("the deletion waits", async || is_kept_from_detaching(&server, run.run.id).await).await;
    other.finish().await?;

    // All that the audit looks at only now is still there.
    let mut reader = snapshot.reader().await?;
    let batches: Vec<_> = reader.batches(&audited, 1).try_collect().await?;
    let records: Vec<_> = reader.records(&audited, 1, 200, audited.batch_size).try_collect().await?;
    let strays = reader.strays(&audited, 200, 20, 10).await?;
    assert_eq!((batches.len(), records.len(), strays.len()), (20, 200, 0));
    assert!(records.iter().all(|record| record.payload.is_some() && record.signature.is_some()));

    drop((reader, snapshot));
    deletion.await??;
    let gone = ledger.ledger.find_run("default", "demo").await;
    assert!(matches!(gone, Err(StoreError::NoRun(_))), "{gone:?}");
    Ok(())
}

#[tokio::test]
async fn what_the_audit_says_of_tables_is_of_its_instant() -> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let run = TestRun::new().seeded(&ledger).await?;
    let going = TestRun::new().named("going").seeded_beside(&run).await?;
    let forged = TestRun::new().named("forged").seeded_beside(&run).await?.run.id;
    ledger
        .execute(AssertSqlSafe(format!(
            "ALTER TABLE chancery.batches DETACH PARTITION chancery.batches_{forged};
             TRUNCATE chancery.batches_{forged};
             ALTER TABLE chancery.batches ATTACH PARTITION chancery.batches_{forged} FOR VALUES IN (99)"
        )))
        .await?;
    let strays = query::ALL.iter().find(|query| query.name == "audit_run_strays").context("the query")?;
    let mut snapshot = PgConnection::connect(&ledger.url).await?;
    sqlx::raw_sql("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1").execute(&mut snapshot).await?;
    // Without the lock of an audit both go at once: a run that was whole, and a table that never was right.
    ledger.ledger.delete_run(&going.run).await?;
    ledger.execute(AssertSqlSafe(format!("DROP TABLE chancery.batches_{forged}"))).await?;
    let found = sqlx::query(strays.sql).bind(run.run.id).bind(200_i64).bind(20_i64).bind(true).bind(10_i64);
    let found: Vec<String> =
        found.map(|row: sqlx::postgres::PgRow| row.get("name")).fetch_all(&mut snapshot).await?;
    assert_eq!(found, [format!("batches_{forged}")]);
    Ok(())
}

/// How often signatures of a run's blocks were looked up, each of which stands apart from its row: once as it is stored, when a number for
/// it is looked for, and whenever it is read.
async fn blocks_read(ledger: &TestLedger, run: i32) -> i64 {
    let read = "SELECT t.idx_scan FROM pg_stat_all_tables t JOIN pg_class c ON c.reltoastrelid = t.relid WHERE c.relname = $1";
    let read = sqlx::query_scalar(read).bind(format!("signature_blocks_{run}"));
    read.fetch_one(ledger.ledger.pool()).await.expect("the table has a second one for long values")
}

#[tokio::test]
async fn what_was_checked_before_the_end_of_a_run_is_not_read_again() -> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let run = TestRun::new().records(2_000).batch_size(100).keys(5).seeded(&ledger).await?;
    let (id, name, options) = (run.run.id, run.run.name.as_str(), AuditOptions::default());
    let mut ahead = Ahead::default();
    // The first batch is in hand: it is not final, and nothing behind it is looked at.
    let mut session = run.session("one").await?;
    let (Acquired::Leased(lease), _) = session.acquire().await? else { anyhow::bail!("nothing to lease") };
    assert!(!audit_ahead(&ledger.ledger, "default", name, &mut ahead).await?);
    assert_eq!(ahead.records(), 0);
    session.abandon(&lease).await?;
    let (code, log) = run.start_signer("two")?.ended().await?;
    ensure!(code == Some(0), "{log}");
    ledger.ledger.settle(&run.run).await?;

    while audit_ahead(&ledger.ledger, "default", name, &mut ahead).await? {}
    assert_eq!(ahead.records(), 2_000);
    eventually("all blocks were read", async || blocks_read(&ledger, id).await >= 40).await;
    let after = audit_after(&ledger.ledger, "default", name, &options, &ahead, |_| {}).await?;
    let whole = audit(&ledger.ledger, "default", name, &options, |_| {}).await?;
    assert_eq!(serde_json::to_value(&after)?, serde_json::to_value(&whole)?);
    assert_holds(&after)?;
    // The server counts in order: what the audit in between had read would be there before what the whole one read.
    eventually("all blocks were read again", async || blocks_read(&ledger, id).await >= 60).await;
    let read = blocks_read(&ledger, id).await;
    assert!(read < 80, "20 blocks were looked up {read} times: stored, and read by more than two of three");
    Ok(())
}
