//! Each hazard of leasing keys through PostgreSQL, by name. What guards against it is in
//! `docs/internals/hazards.md`.

use chancery_kit::{SeededRun, TestLedger, TestRun, eventually, stock};
use chancery_store::lease::{Acquired, Lease, Library, Payloads};
use chancery_store::{Ledger, query};
use sqlx::{AssertSqlSafe, Connection, PgConnection};

/// By hand, within a transaction of one's own.
const ACQUIRE: &str = "chancery.lease_acquire($1, $2, 'test', sha256('test'), 0, 1)";

async fn raw(ledger: &TestLedger) -> anyhow::Result<PgConnection> {
    Ok(PgConnection::connect(&ledger.url).await?)
}

/// A connection of a signer, past all that a signer does with it.
async fn by_login(run: &SeededRun<'_>) -> anyhow::Result<PgConnection> {
    Ok(PgConnection::connect(&run.url()?).await?)
}

/// Leases inside a transaction that the test holds open.
async fn acquire_in(connection: &mut PgConnection, run: &SeededRun<'_>) -> anyhow::Result<(i64, uuid::Uuid)> {
    Ok(sqlx::query_as(AssertSqlSafe(format!("SELECT lease_id, key_id FROM {ACQUIRE}")))
        .bind(run.run.id)
        .bind(run.run.uid)
        .fetch_one(connection)
        .await?)
}

async fn advisory_locks(ledger: &TestLedger) -> anyhow::Result<i64> {
    Ok(sqlx::query_scalar(
        "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND classid = 1128814158
          AND database = (SELECT oid FROM pg_database WHERE datname = current_database())",
    )
    .fetch_one(ledger.ledger.pool())
    .await?)
}

fn leased(acquired: Acquired) -> anyhow::Result<Lease> {
    match acquired {
        Acquired::Leased(lease) => Ok(lease),
        other => anyhow::bail!("no lease but {other:?}"),
    }
}

#[tokio::test]
async fn lock_functions_run_for_every_row_a_scan_visits() -> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let run = TestRun::new().keys(50).seeded(&ledger).await?;
    let mut connection = by_login(&run).await?;
    let mut transaction = connection.begin().await?;
    acquire_in(&mut transaction, &run).await?;
    assert_eq!(advisory_locks(&ledger).await?, 1, "one lock, although fifty keys were candidates");
    Ok(())
}

#[tokio::test]
async fn advisory_locks_are_reentrant_within_a_session() -> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let run = TestRun::new().keys(2).seeded(&ledger).await?;
    let mut connection = by_login(&run).await?;
    let mut transaction = connection.begin().await?;
    let (_, first) = acquire_in(&mut transaction, &run).await?;
    // The lock is granted again; what keeps the key is its lease.
    let (_, second) = acquire_in(&mut transaction, &run).await?;
    assert_ne!(first, second);
    let third: String = sqlx::query_scalar(AssertSqlSafe(format!("SELECT answer FROM {ACQUIRE}")))
        .bind(run.run.id)
        .bind(run.run.uid)
        .fetch_one(&mut *transaction)
        .await?;
    assert_eq!(third, "no_key");
    Ok(())
}

#[tokio::test]
async fn a_candidate_list_goes_stale_between_snapshot_and_lock() -> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let run = TestRun::new().keys(3).seeded(&ledger).await?;
    let mut connection = by_login(&run).await?;
    let mut transaction = connection.begin().await?;
    let (_, first) = acquire_in(&mut transaction, &run).await?;

    let mut session = run.session("second").await?;
    let second = tokio::spawn(async move { session.acquire().await });
    eventually("the second signer waits for its turn", async || {
        let waiting = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted";
        sqlx::query_scalar::<_, i64>(waiting).fetch_one(ledger.ledger.pool()).await.is_ok_and(|n| n == 1)
    })
    .await;
    transaction.commit().await?;

    let second = leased(second.await??.0)?;
    assert_ne!(second.key, first, "it chose by what was true once it had the lock");
    assert_eq!((second.use_sequence, second.batch), (2, 2));
    Ok(())
}

#[tokio::test]
async fn a_snapshot_older_than_the_lock_is_refused() -> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let run = TestRun::new().seeded(&ledger).await?;
    let mut connection = by_login(&run).await?;
    sqlx::raw_sql("BEGIN ISOLATION LEVEL REPEATABLE READ").execute(&mut connection).await?;
    let error = acquire_in(&mut connection, &run).await.expect_err("refused").to_string();
    assert!(error.contains("READ COMMITTED"), "{error}");
    Ok(())
}

#[tokio::test]
async fn a_choice_that_is_rolled_back_leaves_the_order_of_use_unbroken() -> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let run = TestRun::new().keys(3).seeded(&ledger).await?;
    let mut connection = by_login(&run).await?;
    let mut transaction = connection.begin().await?;
    let (_, first) = acquire_in(&mut transaction, &run).await?;
    let mut session = run.session("second").await?;
    let second = tokio::spawn(async move { session.acquire().await });
    // Whatever it waits for: it has seen the choice that is going to be rolled back.
    eventually("the second signer waits", async || {
        let waits = "SELECT count(*) FROM pg_stat_activity
                      WHERE application_name = 'second' AND wait_event_type = 'Lock'";
        sqlx::query_scalar::<_, i64>(waits).fetch_one(ledger.ledger.pool()).await.is_ok_and(|n| n == 1)
    })
    .await;
    transaction.rollback().await?;
    // Nobody passed the first key over on the strength of a choice that never was.
    let second = leased(second.await??.0)?;
    assert_eq!(second.key, first);
    ledger.ledger.release_holders(&run.run, &["second".to_owned()]).await?;
    run.finish().await
}

#[tokio::test]
async fn a_call_that_is_cancelled_leaves_no_lock_behind() -> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let run = TestRun::new().seeded(&ledger).await?;
    let mut connection = by_login(&run).await?;
    let mut transaction = connection.begin().await?;
    acquire_in(&mut transaction, &run).await?;

    let mut session = run.session("cancelled").await?;
    let waiting = tokio::spawn(async move { session.acquire().await });
    eventually("the call waits", async || advisory_locks(&ledger).await.is_ok_and(|n| n == 2)).await;
    waiting.abort();
    assert!(waiting.await.is_err_and(|ended| ended.is_cancelled()));
    transaction.rollback().await?;

    eventually("no lock is left", async || advisory_locks(&ledger).await.is_ok_and(|n| n == 0)).await;
    // What the cancelled call may have leased belongs to a holder that is known to be dead.
    ledger.ledger.release_holders(&run.run, &["cancelled".to_owned()]).await?;
    run.finish().await
}

#[tokio::test]
async fn no_lock_outlives_its_statement_so_that_a_pooler_may_share_the_session() -> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let run = TestRun::new().seeded(&ledger).await?;
    let mut session = run.session("one").await?;
    let lease = leased(session.acquire().await?.0)?;
    assert_eq!(advisory_locks(&ledger).await?, 0);
    session.abandon(&lease).await?;
    assert_eq!(advisory_locks(&ledger).await?, 0);
    run.finish().await
}

#[tokio::test]
async fn a_session_whose_peer_vanished_does_not_stay_for_hours() -> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let run = TestRun::new().seeded(&ledger).await?;
    let _session = run.session("one").await?;
    for (setting, wanted) in [
        ("tcp_keepalives_idle", "'10'"),
        ("tcp_keepalives_interval", "'5'"),
        ("tcp_keepalives_count", "'3'"),
        ("tcp_user_timeout", "'25s'"),
        ("idle_in_transaction_session_timeout", "'30s'"),
    ] {
        // On a Unix socket PostgreSQL reports no keepalives, whatever was set: so the query is asked.
        let settings = query::ALL.iter().find(|query| query.name == "session_settings").expect("a query");
        assert!(settings.sql.contains(&format!("set_config('{setting}', {wanted}, false)")), "{setting}");
    }
    Ok(())
}

#[tokio::test]
async fn a_session_compiles_nothing_whatever_the_servers_default_is() -> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    ledger
        .execute("DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET jit = on', current_database()); END $$")
        .await?;
    let jit = |url: String| async move {
        let session = Ledger::connect(url.parse()?, 1).await?;
        anyhow::Ok(sqlx::query_scalar::<_, String>("SHOW jit").fetch_one(session.pool()).await?)
    };
    assert_eq!(jit(ledger.url.clone()).await?, "off");
    let run = TestRun::new().seeded(&ledger).await?;
    assert_eq!(jit(run.url()?).await?, "off");
    Ok(())
}

#[tokio::test]
async fn more_signers_than_keys_wait_for_their_turn() -> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let run = TestRun::new().records(2_000).keys(2).batch_size(20).seeded(&ledger).await?;
    let mut signers = (0..8).map(|n| run.start_signer(&format!("s{n}"))).collect::<Result<Vec<_>, _>>()?;
    for signer in &mut signers {
        assert_eq!(signer.exit_code().await?, Some(0));
    }
    run.assert_audit_holds().await
}

#[tokio::test]
async fn a_signer_that_finds_no_free_key_waits_while_others_hold_them() -> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let run = TestRun::new().keys(2).seeded(&ledger).await?;
    let mut session = run.session("holder").await?;
    let held = [leased(session.acquire().await?.0)?, leased(session.acquire().await?.0)?];
    let mut signer = run.start_signer("waiter")?;
    until_it_asked_five_times(&ledger, "waiter").await;
    signer.pid()?;
    for lease in held {
        session.abandon(&lease).await?;
    }
    assert_eq!(signer.exit_code().await?, Some(0));
    assert_eq!(run.signed().await?, 200, "it signed all that the others gave back");
    run.assert_audit_holds().await
}

/// Waits until a signer has asked for a lease again and again, and has not ended.
async fn until_it_asked_five_times(ledger: &TestLedger, holder: &str) {
    let asked = "SELECT coalesce(max(extract(epoch FROM state_change))::text, '') FROM pg_stat_activity
                  WHERE application_name = $1 AND query LIKE '%lease_acquire%'";
    let mut seen = std::collections::HashSet::new();
    eventually("it asked five times", async || {
        seen.extend(
            sqlx::query_scalar::<_, String>(asked).bind(holder).fetch_one(ledger.ledger.pool()).await,
        );
        seen.len() >= 5
    })
    .await;
}

#[tokio::test]
async fn a_signer_that_finds_no_claimable_batch_waits_while_another_holds_one() -> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let run = TestRun::new().records(30).batch_size(10).seeded(&ledger).await?;
    let mut session = run.session("holder").await?;
    let lease = leased(session.acquire().await?.0)?;
    let mut signer = run.start_signer("waiter")?;
    eventually("the others are signed", async || run.signed().await.is_ok_and(|signed| signed == 20)).await;
    until_it_asked_five_times(&ledger, "waiter").await;
    signer.pid()?;
    session.abandon(&lease).await?;
    assert_eq!(signer.exit_code().await?, Some(0));
    run.assert_audit_holds().await
}

#[tokio::test]
async fn no_row_is_updated_by_every_signer() -> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let run = TestRun::new().seeded(&ledger).await?;
    let versions =
        "SELECT (SELECT xmin::text FROM chancery.runs) || '/' || (SELECT xmin::text FROM chancery.keyrings)";
    let before: String = sqlx::query_scalar(versions).fetch_one(ledger.ledger.pool()).await?;
    let mut session = run.session("one").await?;
    for _ in 0..4 {
        let lease = leased(session.acquire().await?.0)?;
        session.abandon(&lease).await?;
    }
    let after: String = sqlx::query_scalar(versions).fetch_one(ledger.ledger.pool()).await?;
    assert_eq!(before, after);
    run.finish().await
}

/// Pages that one acquisition looks at.
async fn pages_of_acquiring(run: &SeededRun<'_>, use_floor: i64, batch_floor: i64) -> anyhow::Result<i64> {
    let mut connection = by_login(run).await?;
    let mut transaction = connection.begin().await?;
    let explain = "EXPLAIN (ANALYZE, BUFFERS, TIMING OFF, FORMAT JSON)
                   SELECT answer FROM chancery.lease_acquire(
                       $1, $4, 'probe', sha256('probe'), $2, $3)";
    let mut pages = 0;
    // The first call of a session also reads the catalogue.
    for _ in 0..2 {
        sqlx::raw_sql("SAVEPOINT probe").execute(&mut *transaction).await?;
        let plan: sqlx::types::Json<serde_json::Value> = sqlx::query_scalar(explain)
            .bind(run.run.id)
            .bind(use_floor)
            .bind(batch_floor)
            .bind(run.run.uid)
            .fetch_one(&mut *transaction)
            .await?;
        pages = plan.0[0]["Plan"]["Shared Hit Blocks"].as_i64().unwrap_or_default();
        sqlx::raw_sql("ROLLBACK TO probe").execute(&mut *transaction).await?;
    }
    Ok(pages)
}

#[tokio::test]
async fn dead_tuples_under_a_held_snapshot_do_not_slow_claiming() -> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let run = TestRun::new().records(3_000).keys(100).batch_size(2).seeded(&ledger).await?;
    let mut held = raw(&ledger).await?;
    sqlx::raw_sql("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM chancery.leases")
        .execute(&mut held)
        .await?;
    let mut session = run.session("one").await?;
    let (mut payloads, signature) = (Payloads::default(), [7_u8; 64]);
    let mut pages = Vec::new();
    for round in 1..=1_400 {
        let lease = leased(session.acquire().await?.0)?;
        session.fetch(lease.first_record, lease.last_record, &mut payloads).await?;
        session.store(&lease, &[&signature, &signature], Library::AwsLcRs).await?;
        if round == 200 || round == 1_400 {
            let floors = (lease.use_sequence - 100, lease.batch);
            pages.push(pages_of_acquiring(&run, floors.0, floors.1).await?);
        }
    }
    let without = pages_of_acquiring(&run, 0, 1).await?;
    // Seven times as many dead rows: what grows is the number of dead versions of each single key.
    assert!(pages[1] < 2 * pages[0], "{pages:?} pages with the floors, {without} without");
    assert!(without > pages[1] * 3 / 2, "the floors are what helps: {pages:?} with, {without} without");
    Ok(())
}

#[tokio::test]
async fn nothing_listens_or_notifies() -> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let functions = "SELECT proname::text, prosrc FROM pg_proc WHERE pronamespace = 'chancery'::regnamespace";
    let functions: Vec<(String, String)> = sqlx::query_as(functions).fetch_all(ledger.ledger.pool()).await?;
    assert!(functions.iter().any(|(name, _)| name == "batch_store"));
    let queries = query::ALL.iter().map(|query| (query.name, query.sql));
    let functions = functions.iter().map(|(name, source)| (name.as_str(), source.as_str()));
    for (name, sql) in queries.chain(functions) {
        let sql = sql.to_uppercase();
        // Whether somebody may do it is another question.
        let notifies = sql.contains("NOTIFY ") || sql.contains("PG_NOTIFY(");
        assert!(!notifies, "{name} takes a lock on the whole server at commit");
    }
    Ok(())
}

#[tokio::test]
async fn the_same_pod_started_twice_is_two_signers() -> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let run = TestRun::new().records(1_000).seeded(&ledger).await?;
    let mut twins = [run.start_signer("pod")?, run.start_signer("pod")?];
    for twin in &mut twins {
        assert_eq!(twin.exit_code().await?, Some(0));
    }
    run.assert_audit_holds().await
}

#[tokio::test]
async fn two_leaders_that_seed_at_once_make_everything_once() -> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let folder = tempfile::tempdir()?;
    let kek = chancery_process::create_kek_file(&folder.path().join("kek"))?;
    let new = TestRun::new().records(45_000).keys(30).new_run(&kek);
    let stocking = || async {
        let (run, _) = ledger.ledger.create_run(&new).await?;
        stock(&ledger.ledger, &run, &kek).await?;
        anyhow::Ok(run)
    };
    let (one, two, three) = tokio::try_join!(stocking(), stocking(), stocking())?;
    assert_eq!((one.id, two.id), (two.id, three.id));
    let counts: (i64, i64, i64) = sqlx::query_as(
        "SELECT (SELECT count(*) FROM chancery.records), (SELECT count(*) FROM chancery.batches),
                (SELECT count(*) FROM chancery.key_material)",
    )
    .fetch_one(ledger.ledger.pool())
    .await?;
    assert_eq!(counts, (45_000, 4_500, 30));
    Ok(())
}
