//! What somebody tries against the server who has the login of one run: its disk, its locks, its sessions.

use std::time::Duration;

use chancery_kit::{TestLedger, TestRun, eventually, server_with, throw_away};
use chancery_store::lease::Acquired;
use chancery_store::logins::ADMINISTRATOR_SQL;
use sqlx::{AssertSqlSafe, Connection, PgConnection, Row};

use crate::attacks::{Runs, lease, ledger};
use crate::stolen_login::{abandon, store};
use crate::{assert_denied, by_login, refusal};

const CHECK_VIOLATION: &str = "23514";
const OBJECT_NOT_IN_PREREQUISITE_STATE: &str = "55000";

#[tokio::test]
async fn nothing_is_written_into_the_server_but_signatures() -> anyhow::Result<()> {
    let ledger = ledger("attack_writes").await?;
    let runs = Runs::of(&ledger).await?;
    let before = ledger.fingerprint().await?;
    let mut thief = by_login(&runs.own).await?;
    for attempt in [
        "CREATE TEMPORARY TABLE mine AS SELECT generate_series(1, 10)",
        "CREATE SCHEMA mine",
        "CREATE TABLE public.mine (id integer)",
        "CREATE TABLE chancery.mine (id integer)",
        "SELECT lo_create(0)",
        "SELECT lo_creat(-1)",
        "SELECT lo_from_bytea(0, 'much')",
        "SELECT lo_import('/etc/hostname')",
        "SELECT pg_logical_emit_message(true, 'mine', repeat('x', 1000000))",
        "SELECT pg_logical_emit_message(false, 'mine', '\\x07'::bytea)",
        "SELECT pg_notify('mine', repeat('x', 7000))",
        "COPY (SELECT 1) TO '/tmp/mine'",
        "COPY (SELECT 1) TO PROGRAM 'true'",
        "SET temp_file_limit = -1",
        "SET session_replication_role = replica",
        "SELECT pg_switch_wal()",
        "CHECKPOINT",
    ] {
        assert_denied(&mut thief, attempt).await?;
    }
    let limit: String = sqlx::query_scalar("SHOW temp_file_limit").fetch_one(&mut thief).await?;
    assert_eq!(limit, "256MB");
    sqlx::raw_sql("SET work_mem = '64kB'").execute(&mut thief).await?;
    let spill = "SELECT count(*) FROM (SELECT repeat(md5(g::text), 40) AS t FROM generate_series(1, 400000) g ORDER BY 1) s";
    assert_eq!(
        refusal(&mut thief, spill).await?.as_deref(),
        Some("53400"),
        "its temporary files are limited"
    );
    assert_eq!(ledger.fingerprint().await?, before);
    runs.finish().await
}

#[tokio::test]
async fn a_login_writes_nothing_into_the_servers_log() -> anyhow::Result<()> {
    let server = throw_away();
    let ledger = TestLedger::create(&server, "chancery").await?;
    let run = TestRun::new().seeded(&ledger).await?;
    let mut thief = by_login(&run).await?;
    for attempt in [
        "SET log_min_messages = 'debug5'",
        "SET log_min_error_statement = 'debug5'",
        "SET log_statement = 'all'",
        "SET log_min_duration_statement = 0",
        "SET log_duration = on",
    ] {
        assert_denied(&mut thief, attempt).await?;
    }
    // Of itself it may reset what it may set.
    let reset = format!("ALTER ROLE {} RESET ALL", run.login.name());
    sqlx::raw_sql(AssertSqlSafe(reset)).execute(&mut thief).await?;
    thief.close().await?;
    let mut thief = by_login(&run).await?;
    let said = "DO $$ BEGIN RAISE LOG 'said by a thief'; RAISE WARNING 'said by a thief'; END $$";
    assert_eq!(refusal(&mut thief, said).await?, None);
    for failing in
        ["DO $$ BEGIN RAISE EXCEPTION 'said by a thief'; END $$", "SELECT 'said by a thief'::integer"]
    {
        assert!(refusal(&mut thief, failing).await?.is_some(), "{failing}");
    }
    // Its end is told of, and nothing of what it was at.
    let session: i32 = sqlx::query_scalar("SELECT pg_backend_pid()").fetch_one(&mut thief).await?;
    let sleep = tokio::spawn(async move {
        sqlx::raw_sql("SELECT 'said by a thief', pg_sleep(600)").execute(&mut thief).await.is_err()
    });
    eventually("it is at it", async || {
        let active = "SELECT count(*) FROM pg_stat_activity WHERE pid = $1 AND wait_event = 'PgSleep'";
        let active = sqlx::query_scalar::<_, i64>(active).bind(session).fetch_one(ledger.ledger.pool()).await;
        active.is_ok_and(|active| active == 1)
    })
    .await;
    assert!(ledger.ledger.end_session(run.login.name(), session).await?);
    assert!(sleep.await?, "it was ended");
    let log = std::fs::read_to_string(server.log())?;
    assert!(!log.contains("said by a thief"), "{log}");
    assert!(log.contains("terminating connection due to administrator command"), "{log}");
    run.finish().await
}

#[tokio::test]
async fn an_administrators_part_of_before_makes_logins_as_before() -> anyhow::Result<()> {
    let server = throw_away();
    let ledger = TestLedger::create(&server, "chancery").await?;
    // What it granted, on the server where nobody has run the newest.
    ledger
        .execute(
            "REVOKE SET ON PARAMETER log_min_messages, log_min_error_statement, temp_file_limit FROM chancery_logins;
             REVOKE pg_signal_backend FROM chancery_logins",
        )
        .await?;
    TestRun::new().seeded(&ledger).await?.finish().await
}

#[tokio::test]
async fn what_is_stored_and_rolled_back_over_and_over_is_collected() -> anyhow::Result<()> {
    let server = server_with(&[("autovacuum_naptime", "1s")]);
    let ledger = TestLedger::create(&server, "chancery").await?;
    let run = TestRun::new().records(200).batch_size(100).keys(2).seeded(&ledger).await?;
    let table = format!("chancery.signature_blocks_{}", run.run.id);
    // So that it takes some kilobytes and not a hundred megabytes.
    let soon = format!(
        "ALTER TABLE {table} SET (autovacuum_vacuum_threshold = 0, toast.autovacuum_vacuum_threshold = 0)"
    );
    ledger.execute(AssertSqlSafe(soon)).await?;
    let mut thief = by_login(&run).await?;
    let held = lease(&run, &mut thief).await?;
    let attempt = format!("BEGIN; {}; ROLLBACK", store(held, 1, 99, false));
    let collected = "SELECT bool_and(s.autovacuum_count > 0) FROM pg_class c JOIN pg_stat_all_tables s ON s.relid IN (c.oid, c.reltoastrelid)
                      WHERE c.oid = $1::regclass";
    tokio::time::timeout(Duration::from_secs(120), async {
        loop {
            sqlx::raw_sql(AssertSqlSafe(attempt.clone())).execute(&mut thief).await?;
            if sqlx::query_scalar(collected).bind(&table).fetch_one(ledger.ledger.pool()).await? {
                return anyhow::Ok(());
            }
        }
    })
    .await??;
    abandon(&mut thief, held).await?;
    run.finish().await
}

#[tokio::test]
async fn nobody_drops_or_takes_over_what_all_signers_have() -> anyhow::Result<()> {
    let server = throw_away();
    let ledger = TestLedger::create(&server, "chancery").await?;
    let run = TestRun::new().seeded(&ledger).await?;
    let granted = async || -> anyhow::Result<Vec<String>> {
        let all = "SELECT format('%s %s %s', relname, relowner, relacl) FROM pg_class WHERE relnamespace = 'chancery'::regnamespace
                    UNION ALL
                   SELECT format('%s %s %s', oid, proowner, proacl) FROM pg_proc WHERE pronamespace = 'chancery'::regnamespace
                    ORDER BY 1";
        Ok(sqlx::query_scalar(all).fetch_all(ledger.ledger.pool()).await?)
    };
    let before = granted().await?;
    let mut thief = by_login(&run).await?;
    for attempt in [
        "DROP OWNED BY chancery_signer",
        "DROP OWNED BY chancery_signer CASCADE",
        "REASSIGN OWNED BY chancery_signer TO CURRENT_USER",
        "DROP OWNED BY chancery_operator",
        "REASSIGN OWNED BY chancery TO CURRENT_USER",
    ] {
        // Whether it is refused, or does nothing, is the server's affair.
        refusal(&mut thief, attempt).await?;
        assert_eq!(granted().await?, before, "{attempt}");
    }
    run.finish().await
}

#[tokio::test]
async fn the_turn_of_a_ring_is_taken_by_no_lock_of_ones_own() -> anyhow::Result<()> {
    let ledger = ledger("attack_locks").await?;
    let runs = Runs::of(&ledger).await?;
    let mut thief = by_login(&runs.own).await?;
    for function in
        ["pg_advisory_lock", "pg_advisory_xact_lock", "pg_advisory_lock_shared", "pg_try_advisory_lock"]
    {
        for arguments in [format!("1128814158, {}", runs.own.run.keyring.id), "1".to_owned()] {
            assert_denied(&mut thief, &format!("SELECT {function}({arguments})")).await?;
        }
    }
    for table in ["runs", "leases", "keys", "batches", "records"] {
        assert_denied(&mut thief, &format!("BEGIN; LOCK TABLE chancery.{table}")).await?;
        sqlx::raw_sql("ROLLBACK").execute(&mut thief).await?;
    }
    runs.finish().await
}

#[tokio::test]
async fn a_login_has_no_more_sessions_than_it_was_given() -> anyhow::Result<()> {
    let ledger = ledger("attack_connections").await?;
    let runs = Runs::of(&ledger).await?;
    assert!(ledger.ledger.limit_login(runs.own.login.name(), 3).await?);
    let mut open = Vec::new();
    for _ in 0..3 {
        open.push(by_login(&runs.own).await?);
    }
    let refused = by_login(&runs.own).await.expect_err("a fourth session").to_string();
    assert!(refused.contains("too many connections for role"), "{refused}");
    let _others_are_not_concerned = by_login(&runs.other).await?;
    drop(open);
    assert!(ledger.ledger.limit_login(runs.own.login.name(), 1_000).await?);
    runs.finish().await
}

#[tokio::test]
async fn a_holder_or_token_of_two_hundred_megabytes_is_refused_before_anybody_waits() -> anyhow::Result<()> {
    let ledger = ledger("attack_holder").await?;
    let runs = Runs::of(&ledger).await?;
    let before = ledger.fingerprint().await?;
    let mut thief = by_login(&runs.own).await?;
    let (id, uid) = (runs.own.run.id, runs.own.run.uid);
    // Whoever had the ring's turn would keep this from being refused at once.
    let mut turn = PgConnection::connect(&ledger.url).await?;
    sqlx::raw_sql(AssertSqlSafe(format!("BEGIN; SELECT chancery.keyring_turn({})", runs.own.run.keyring.id)))
        .execute(&mut turn)
        .await?;
    for arguments in
        ["repeat('x', 200000000), sha256('token')", "'somebody', convert_to(repeat('x', 200000000), 'UTF8')"]
    {
        let acquire = format!("SELECT chancery.lease_acquire({id}, '{uid}', {arguments}, 0, 1)");
        assert_eq!(refusal(&mut thief, &acquire).await?.as_deref(), Some(CHECK_VIOLATION), "{arguments}");
    }
    sqlx::raw_sql("ROLLBACK").execute(&mut turn).await?;
    assert_eq!(ledger.fingerprint().await?, before);
    runs.finish().await
}

#[tokio::test]
async fn what_a_login_leaves_behind_does_not_keep_it_from_being_dropped() -> anyhow::Result<()> {
    let ledger = ledger("attack_left_behind").await?;
    let runs = Runs::of(&ledger).await?;
    let name = runs.own.login.name();
    let mut thief = by_login(&runs.own).await?;
    let leave = format!(
        "ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO PUBLIC; ALTER ROLE {name} RESET ALL;
         ALTER ROLE {name} SET default_transaction_isolation = serializable; ALTER ROLE {name} PASSWORD 'mine'"
    );
    sqlx::raw_sql(AssertSqlSafe(leave)).execute(&mut thief).await?;
    ledger.ledger.drop_login(name).await?;
    let ended = sqlx::query("SELECT 1").execute(&mut thief).await;
    assert!(ended.is_err(), "its session was ended");
    let left: i64 = sqlx::query("SELECT count(*) FROM pg_roles WHERE rolname = $1")
        .bind(name)
        .fetch_one(ledger.ledger.pool())
        .await?
        .get(0);
    assert_eq!(left, 0);
    let refused = by_login(&runs.own).await.expect_err("it is gone").to_string();
    assert!(refused.contains("does not exist") || refused.contains("authentication failed"), "{refused}");
    let fresh = ledger.ledger.make_login(&runs.own.run, 10).await?;
    assert_ne!(fresh.name(), name);
    Ok(())
}

#[tokio::test]
async fn a_turn_is_kept_without_a_session_only_where_the_server_keeps_prepared_transactions()
-> anyhow::Result<()> {
    let ledger = ledger("attack_prepared").await?;
    let runs = Runs::of(&ledger).await?;
    let mut thief = by_login(&runs.own).await?;
    sqlx::raw_sql("BEGIN").execute(&mut thief).await?;
    let _held = lease(&runs.own, &mut thief).await?;
    let refused = refusal(&mut thief, "PREPARE TRANSACTION 'mine'").await?;
    assert_eq!(refused.as_deref(), Some(OBJECT_NOT_IN_PREREQUISITE_STATE));
    // PostgreSQL tells of an error before it has undone the transaction.
    sqlx::query("SELECT 1").execute(&mut thief).await?;
    assert_eq!(ledger.ledger.login_transactions().await?, []);
    runs.finish().await
}

#[tokio::test]
async fn an_administrator_is_warned_of_prepared_transactions() -> anyhow::Result<()> {
    for (most, warned) in [("0", false), ("5", true)] {
        let server = server_with(&[("max_prepared_transactions", most)]);
        let mut administrator = PgConnection::connect(&server.url("postgres")).await?;
        sqlx::raw_sql(ADMINISTRATOR_SQL).execute(&mut administrator).await?;
        let log = std::fs::read_to_string(server.log())?;
        assert_eq!(log.contains("WARNING:  max_prepared_transactions is 5"), warned, "{log}");
    }
    Ok(())
}

#[tokio::test]
async fn a_lease_in_a_transaction_that_stays_open_is_found_and_ended() -> anyhow::Result<()> {
    let ledger = ledger("attack_turn").await?;
    let runs = Runs::of(&ledger).await?;
    let mut thief = by_login(&runs.own).await?;
    sqlx::raw_sql("SET idle_in_transaction_session_timeout = 0; SET statement_timeout = 0; BEGIN")
        .execute(&mut thief)
        .await?;
    let _held = lease(&runs.own, &mut thief).await?;
    let open = ledger.ledger.login_transactions().await?;
    let [turn] = open.as_slice() else { anyhow::bail!("{open:?}") };
    assert_eq!((turn.login.as_str(), turn.holds_turn), (runs.own.login.name(), true));
    assert!(!ledger.ledger.end_session(runs.other.login.name(), turn.pid).await?, "of another login");
    assert!(ledger.ledger.end_session(&turn.login, turn.pid).await?);
    let mut honest = runs.other.session("honest").await?;
    assert!(matches!(honest.acquire().await?.0, Acquired::Leased(_)), "the ring goes on");
    assert!(sqlx::query("SELECT 1").execute(&mut thief).await.is_err());
    assert_eq!(ledger.ledger.login_transactions().await?, []);
    Ok(())
}
