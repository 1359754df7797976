//! The login of a delivery may bring the signed batches of its run to its sinks, and nothing else.

use std::collections::BTreeSet;

use chancery_kit::{SeededRun, TestLedger, TestRun};
use sqlx::{Connection, PgConnection};

use crate::{assert_denied, refusal, stored};

pub(crate) const CALLABLE: [&str; 22] = [
    "delivery_fail",
    "delivery_give_back",
    "delivery_records",
    "delivery_renew",
    "delivery_run",
    "delivery_settle",
    "delivery_sinks",
    "delivery_take",
    "ledger_version",
    "manifest_batches",
    "manifest_fail",
    "manifest_give_back",
    "manifest_head",
    "manifest_renew",
    "manifest_settle",
    "notification_fail",
    "notification_give_back",
    "notification_list",
    "notification_reached",
    "notification_records",
    "notification_settle",
    "notification_take",
];

const TAKE: &str = "SELECT task FROM chancery.delivery_take(1, 'me', sha256('x'), 10, 60)";

const TAKE_EVENTS: &str = "SELECT task FROM chancery.notification_take(1, 'me', sha256('x'), 10, 60)";

/// A run with a sink and a notification, that is signed.
async fn signed<'l>(ledger: &'l TestLedger, name: &str) -> anyhow::Result<SeededRun<'l>> {
    let run = TestRun::new().named(name).records(20).keys(1).sink("out");
    let run = run.telling("ops", "http://127.0.0.1:1/", &["batch.signed"]).seeded(ledger).await?;
    let (code, log) = run.start_signer("a signer")?.ended().await?;
    anyhow::ensure!(code == Some(0), "{log}");
    Ok(run)
}

async fn by_delivery(run: &SeededRun<'_>) -> anyhow::Result<PgConnection> {
    Ok(PgConnection::connect(&run.delivery_url().await?).await?)
}

#[tokio::test]
async fn a_delivery_reads_the_ledgers_uid_and_no_other_table_and_writes_to_none() -> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let run = signed(&ledger, "demo").await?;
    let mut delivery = by_delivery(&run).await?;
    let before = ledger.fingerprint().await?;
    assert_denied(&mut delivery, "TABLE chancery.signatures").await?;
    for (table, column) in stored(&ledger).await? {
        let read = format!("TABLE chancery.{table}");
        if table == "ledger" {
            assert_eq!(refusal(&mut delivery, &read).await?, None, "{read}");
        } else {
            assert_denied(&mut delivery, &read).await?;
        }
        for statement in [
            format!("INSERT INTO chancery.{table} DEFAULT VALUES"),
            format!("UPDATE chancery.{table} SET {column} = NULL"),
            format!("DELETE FROM chancery.{table}"),
            format!("TRUNCATE chancery.{table}"),
        ] {
            assert_denied(&mut delivery, &statement).await?;
        }
    }
    assert_eq!(ledger.fingerprint().await?, before);
    run.deliver().await?;
    run.assert_audit_holds().await
}

#[tokio::test]
async fn a_delivery_calls_what_takes_and_settles_batches_and_no_other_function() -> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let run = signed(&ledger, "demo").await?;
    let mut delivery = by_delivery(&run).await?;
    // Of a strict function with a null, the server makes a null without asking who may call it: so it is asked that.
    let callable: Vec<String> = sqlx::query_scalar(
        "SELECT DISTINCT p.proname::text FROM pg_proc p
          WHERE p.pronamespace = 'chancery'::regnamespace AND has_function_privilege(p.oid, 'EXECUTE')",
    )
    .fetch_all(&mut delivery)
    .await?;
    let callable: BTreeSet<_> = callable.iter().map(String::as_str).collect();
    assert_eq!(callable, BTreeSet::from(CALLABLE));
    run.deliver().await?;
    run.assert_audit_holds().await
}

/// Who has the login of one run's delivery can name the batches of another, and gets, reads and changes nothing of them: not even
/// with the token of whoever has them.
#[tokio::test]
async fn the_login_of_one_runs_delivery_gets_nothing_of_another_run() -> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let (mine, other) = (signed(&ledger, "mine").await?, signed(&ledger, "other").await?);
    let mut holder = by_delivery(&other).await?;
    let taken: Vec<String> = sqlx::query_scalar(TAKE).fetch_all(&mut holder).await?;
    assert_eq!(taken, ["deliver", "deliver"]);
    let taken: Vec<String> = sqlx::query_scalar(TAKE_EVENTS).fetch_all(&mut holder).await?;
    assert_eq!(taken, ["tell", "tell"]);
    mine.deliver().await?;
    ledger.execute("UPDATE chancery.events SET state = 'Delivered', ended_at = now() WHERE run_id = 1; UPDATE chancery.notifications SET told = 2 WHERE run_id = 1").await?;
    let mut thief = by_delivery(&mine).await?;
    let before = ledger.fingerprint().await?;
    let told: Vec<String> = sqlx::query_scalar("SELECT name FROM chancery.delivery_run('default', 'other')")
        .fetch_all(&mut thief)
        .await?;
    assert!(told.is_empty(), "{told:?}");
    let task: Vec<String> = sqlx::query_scalar(TAKE).fetch_all(&mut thief).await?;
    assert_eq!(task, ["complete"], "that is its own");
    let task: Vec<String> = sqlx::query_scalar(TAKE_EVENTS).fetch_all(&mut thief).await?;
    assert_eq!(task, ["done"], "so is that");
    for (sql, says) in [
        ("SELECT count(*) FROM chancery.delivery_records(1, 'x', 1, 2, 0, 1000000)", 0),
        ("SELECT chancery.delivery_renew(1, 'x', ARRAY[1, 2], 60)", 0),
        ("SELECT chancery.delivery_settle(1, 'x', ARRAY[1], ARRAY['there'], ARRAY[sha256('')])", 0),
        ("SELECT put_off + dead FROM chancery.delivery_fail(1, 'x', ARRAY[1], ARRAY['no'], ARRAY[0])", 0),
        ("SELECT chancery.delivery_give_back(1, 'x', ARRAY[1, 2], 'away', 60)", 0),
        ("SELECT count(*) FROM chancery.manifest_head(1, 'x')", 0),
        ("SELECT count(*) FROM chancery.manifest_batches(1, 'x', 0, 100)", 0),
        ("SELECT chancery.manifest_settle(1, 'x', 'there', sha256(''))::integer::bigint", 0),
        ("SELECT chancery.manifest_renew(1, 'x', 3000)::integer::bigint", 0),
        ("SELECT coalesce(chancery.manifest_fail(1, 'x', 'no', 0), false)::integer::bigint", 0),
        ("SELECT chancery.manifest_give_back(1, 'x', 'away', 60)::integer::bigint", 0),
        ("SELECT chancery.notification_settle(1, 'x', ARRAY['batch.signed/1'])", 0),
        (
            "SELECT put_off + dead FROM chancery.notification_fail(1, 'x', ARRAY['batch.signed/1'], ARRAY['no'], ARRAY[0])",
            0,
        ),
        ("SELECT count(*) FROM chancery.notification_records(1, 'x', ARRAY['record.signed/1'], 100)", 0),
        (
            "SELECT held + dead FROM chancery.notification_reached(1, 'x', ARRAY['record.signed/1'], ARRAY[1], ARRAY[1], ARRAY['record.signed/1/1'], ARRAY['no'], ARRAY[0], 60)",
            0,
        ),
        (
            "SELECT given_back + dead FROM chancery.notification_give_back(1, 'x', ARRAY['batch.signed/1'], 'away', 60, 0)",
            0,
        ),
    ] {
        let did: i64 = sqlx::query_scalar(sql).fetch_one(&mut thief).await?;
        assert_eq!(did, says, "{sql}");
    }
    assert_eq!(ledger.fingerprint().await?, before);
    let own: i64 = sqlx::query_scalar("SELECT chancery.delivery_give_back(1, 'x', ARRAY[1, 2], NULL, NULL)")
        .fetch_one(&mut holder)
        .await?;
    assert_eq!(own, 2);
    let own: i64 = sqlx::query_scalar(
        "SELECT chancery.notification_settle(1, 'x', ARRAY['batch.signed/1', 'batch.signed/2'])",
    )
    .fetch_one(&mut holder)
    .await?;
    assert_eq!(own, 2);
    other.deliver().await?;
    other.assert_audit_holds().await
}

#[tokio::test]
async fn the_login_of_a_signer_delivers_nothing_and_that_of_a_delivery_signs_nothing() -> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let run = signed(&ledger, "demo").await?;
    let mut signer = crate::by_login(&run).await?;
    assert_denied(&mut signer, TAKE).await?;
    assert_denied(&mut signer, TAKE_EVENTS).await?;
    let mut delivery = by_delivery(&run).await?;
    assert_denied(&mut delivery, "SELECT chancery.signer_run('default', 'demo')").await?;
    assert_denied(&mut delivery, "SELECT chancery.intake_next('me', sha256('x'))").await?;
    // Were the roles mixed up, the functions would still look at what the login is for.
    ledger.execute(sqlx::AssertSqlSafe(format!("GRANT chancery_delivery TO {}", run.login.name()))).await?;
    let task: String = sqlx::query_scalar(TAKE).fetch_one(&mut crate::by_login(&run).await?).await?;
    assert_eq!(task, "unknown");
    run.deliver().await?;
    run.assert_audit_holds().await
}

/// What a delivery says is bounded, whatever it says.
#[tokio::test]
async fn a_delivery_is_believed_no_more_than_its_row_can_hold() -> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let run = signed(&ledger, "demo").await?;
    let mut delivery = by_delivery(&run).await?;
    let before = ledger.fingerprint().await?;
    for (sql, code) in [
        ("SELECT chancery.delivery_take(1, repeat('x', 1025), sha256('x'), 10, 60)", "23514"),
        ("SELECT chancery.delivery_take(1, 'me', 'short', 10, 60)", "23514"),
        ("SELECT chancery.delivery_take(1, NULL, sha256('x'), 10, 60)", "22023"),
        ("SELECT chancery.delivery_settle(1, 'x', ARRAY[1, 2], ARRAY['there'], ARRAY[sha256('')])", "22023"),
        ("SELECT chancery.delivery_settle(1, 'x', NULL, NULL, NULL)", "22023"),
        ("SELECT chancery.delivery_fail(1, 'x', ARRAY[1], ARRAY[NULL], ARRAY[0])", "22023"),
        ("SELECT chancery.delivery_give_back(1, 'x', ARRAY[1], 'away', NULL)", "22023"),
        ("SELECT chancery.manifest_settle(1, 'x', 'there', NULL)", "22023"),
        ("SELECT chancery.manifest_renew(1, 'x', NULL)", "22023"),
        ("SELECT chancery.manifest_fail(1, 'x', NULL, 0)", "22023"),
        ("SELECT chancery.manifest_give_back(1, 'x', 'away', NULL)", "22023"),
        ("SELECT chancery.notification_take(1, repeat('x', 1025), sha256('x'), 10, 60)", "23514"),
        ("SELECT chancery.notification_take(1, 'me', 'short', 10, 60)", "23514"),
        ("SELECT chancery.notification_take(1, NULL, sha256('x'), 10, 60)", "22023"),
        ("SELECT chancery.notification_settle(1, 'x', NULL)", "22023"),
        ("SELECT chancery.notification_fail(1, 'x', ARRAY['a'], ARRAY[NULL], ARRAY[0])", "22023"),
        ("SELECT chancery.notification_give_back(1, 'x', ARRAY['a'], 'away', NULL, 0)", "22023"),
        ("SELECT chancery.notification_records(1, 'x', NULL, 100)", "22023"),
        (
            "SELECT chancery.notification_reached(1, 'x', ARRAY['a'], ARRAY[1, 2], ARRAY[1], ARRAY[]::text[], ARRAY[]::text[], ARRAY[]::float8[], 60)",
            "22023",
        ),
        (
            "SELECT chancery.notification_reached(1, 'x', ARRAY['a'], ARRAY[NULL]::bigint[], ARRAY[1], ARRAY[]::text[], ARRAY[]::text[], ARRAY[]::float8[], 60)",
            "22023",
        ),
    ] {
        assert_eq!(refusal(&mut delivery, sql).await?.as_deref(), Some(code), "{sql}");
    }
    assert_eq!(ledger.fingerprint().await?, before);
    sqlx::query(TAKE).execute(&mut delivery).await?;
    for (sql, code) in [
        (
            "SELECT chancery.delivery_settle(1, 'x', ARRAY[1], ARRAY[repeat('x', 1025)], ARRAY[sha256('')])",
            "23514",
        ),
        (
            "SELECT chancery.delivery_settle(1, 'x', ARRAY[1], ARRAY['there'], ARRAY['short']::bytea[])",
            "23514",
        ),
        ("SELECT chancery.delivery_settle(1, 'x', ARRAY[1], ARRAY[NULL], ARRAY[sha256('')])", "23514"),
    ] {
        assert_eq!(refusal(&mut delivery, sql).await?.as_deref(), Some(code), "{sql}");
    }
    let said = "SELECT chancery.delivery_give_back(1, 'x', ARRAY[1, 2], repeat('x', 100000), 1e9)";
    sqlx::query(said).execute(&mut delivery).await?;
    let (bytes, far): (i32, bool) = sqlx::query_as(
        "SELECT octet_length(last_error), not_before > now() + interval '1 hour' FROM chancery.sinks",
    )
    .fetch_one(ledger.ledger.pool())
    .await?;
    assert_eq!((bytes, far), (1_024, false));
    ledger.execute("UPDATE chancery.sinks SET not_before = now()").await?;
    run.deliver().await?;
    run.assert_audit_holds().await
}

#[tokio::test]
async fn the_login_of_signers_is_needed_no_more_once_all_is_signed_though_a_sink_is_away()
-> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let run = signed(&ledger, "demo").await?;
    let unneeded = async || ledger.ledger.unneeded_logins().await;
    assert_eq!(unneeded().await?, Vec::<String>::new(), "a signer may still come and look");
    ledger.execute("ALTER TABLE chancery.runs DISABLE TRIGGER runs_are_sealed_once").await?;
    for past in [
        "UPDATE chancery.runs SET sealed_at = sealed_at - interval '6 minutes'",
        "UPDATE chancery.keyrings SET filled_at = filled_at - interval '6 minutes'",
        "UPDATE chancery.leases SET signed_at = signed_at - interval '6 minutes', acquired_at = acquired_at - interval '6 minutes', released_at = released_at - interval '6 minutes'",
    ] {
        ledger.execute(sqlx::AssertSqlSafe(past)).await?;
    }
    assert_eq!(unneeded().await?, Vec::<String>::new(), "it was made just now");
    ledger.execute("UPDATE chancery.logins SET made_at = made_at - interval '6 minutes'").await?;
    assert_eq!(unneeded().await?, [run.login.name()]);
    ledger.ledger.drop_login(run.login.name()).await?;
    run.deliver().await?;
    let complete = "SELECT count(*) FROM chancery.runs WHERE completed_at IS NOT NULL";
    assert_eq!(sqlx::query_scalar::<_, i64>(complete).fetch_one(ledger.ledger.pool()).await?, 1);
    run.assert_audit_holds().await
}

#[tokio::test]
async fn the_login_of_a_delivery_is_needed_as_long_as_somebody_is_to_be_told() -> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let run = signed(&ledger, "demo").await?;
    run.deliver().await?;
    ledger.execute("UPDATE chancery.runs SET completed_at = now() - interval '10 minutes'").await?;
    let of_deliveries = async || {
        let unneeded = ledger.ledger.unneeded_logins().await?;
        anyhow::Ok(
            unneeded
                .iter()
                .filter(|name| name.split('_').nth(2).is_some_and(|part| part.starts_with('d')))
                .count(),
        )
    };
    assert_eq!(of_deliveries().await?, 0, "somebody is to be told that two batches are signed");
    ledger.execute("UPDATE chancery.events SET state = 'Delivered', ended_at = now()").await?;
    ledger.execute("UPDATE chancery.notifications SET told = 2").await?;
    assert_eq!(of_deliveries().await?, 1);
    run.assert_audit_holds().await
}
