//! What somebody tries who has the login of a run, in SQL with it, against that run. After each attempt the honest signers
//! complete the run.

use std::collections::BTreeSet;

use anyhow::Context as _;
use chancery_kit::{TestLedger, TestRun};
use sqlx::{AssertSqlSafe, PgConnection};

use crate::attacks::LEASE_LOST;
use crate::{by_login, refusal};

/// `batch_store` and the schema: the records are not those of the batch.
pub(crate) const NOT_THE_BATCH: &str = "CH002";
const NULL_VALUE_NOT_ALLOWED: &str = "22004";
const CHECK_VIOLATION: &str = "23514";
const INVALID_TRANSACTION_STATE: &str = "25000";

/// `count` times as many bytes as a signature of Ed25519 has.
fn signatures(count: i64) -> String {
    format!("decode(repeat('07', {}), 'hex')", 64 * count)
}

/// A call that stores so many signatures from a record on.
pub(crate) fn store(lease: i64, first: i64, count: i64, last: bool) -> String {
    let (end, bytes) = (first + count - 1, signatures(count));
    format!("SELECT chancery.batch_store({lease}, 'token', {first}, {end}, {bytes}, {last}, 'aws-lc-rs')")
}

/// A call that asks for a lease of the run number 1, whose token is `token`.
const ACQUIRE: &str = "chancery.lease_acquire(
    1, (SELECT uid FROM chancery.signer_run('default', 'demo')), 'somebody', sha256('token'), 0, 1)";

/// A lease of the first batch for whoever has the login.
pub(crate) async fn lease(thief: &mut PgConnection) -> anyhow::Result<i64> {
    let acquire = format!("SELECT lease_id FROM {ACQUIRE}");
    sqlx::query_scalar::<_, Option<i64>>(AssertSqlSafe(acquire)).fetch_one(thief).await?.context("no lease")
}

pub(crate) async fn abandon(thief: &mut PgConnection, lease: i64) -> anyhow::Result<()> {
    sqlx::query("SELECT chancery.lease_abandon($1, 'token')").bind(lease).execute(thief).await?;
    Ok(())
}

/// A run of two batches of 100 records.
fn two_batches() -> TestRun {
    TestRun::new().records(200).batch_size(100).keys(2)
}

#[tokio::test]
async fn nothing_is_stored_for_records_outside_of_the_batch_of_the_lease() -> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let run = two_batches().seeded(&ledger).await?;
    let mut thief = by_login(&run).await?;
    let lease = lease(&mut thief).await?;
    let before = ledger.fingerprint().await?;
    for (first, count) in [(1, 2_000), (1, 101), (1_000_000, 1), (101, 100), (0, 100), (-99, 100), (2, 99)] {
        for last in [true, false] {
            let store = store(lease, first, count, last);
            assert_eq!(refusal(&mut thief, &store).await?.as_deref(), Some(NOT_THE_BATCH), "{store}");
        }
    }
    // All but the last record, as if that were all; all of them, as if more were to come.
    for (count, last) in [(99, true), (100, false), (0, true)] {
        let store = store(lease, 1, count, last);
        assert_eq!(refusal(&mut thief, &store).await?.as_deref(), Some(NOT_THE_BATCH), "{store}");
    }
    assert_eq!(ledger.fingerprint().await?, before);
    abandon(&mut thief, lease).await?;
    run.finish().await
}

#[tokio::test]
async fn a_batch_is_stored_whole_or_its_transaction_does_not_commit() -> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let run = two_batches().seeded(&ledger).await?;
    let mut thief = by_login(&run).await?;
    let lease = lease(&mut thief).await?;
    let before = ledger.fingerprint().await?;
    let part = |first, count, last| format!("{};", store(lease, first, count, last));
    for attempt in [
        part(1, 50, false),
        format!("BEGIN; {} COMMIT", part(1, 50, false)),
        format!("BEGIN; {} SELECT chancery.lease_abandon({lease}, 'token'); COMMIT", part(1, 50, false)),
        format!("BEGIN; {} SAVEPOINT s; {} ROLLBACK TO s; COMMIT", part(1, 50, false), part(51, 50, true)),
        format!("BEGIN; SET CONSTRAINTS ALL IMMEDIATE; {} COMMIT", part(1, 50, false)),
        // As if the first half had been stored.
        format!("BEGIN; {} {} COMMIT", part(51, 50, false), part(101, 0, true)),
        // The parts leave a gap, come in another order, or overlap.
        format!("BEGIN; {} {} COMMIT", part(1, 50, false), part(52, 49, true)),
        format!("BEGIN; {} {} COMMIT", part(51, 49, false), part(1, 100, true)),
        format!("BEGIN; {} {} COMMIT", part(1, 50, false), part(50, 51, true)),
    ] {
        assert_eq!(refusal(&mut thief, &attempt).await?.as_deref(), Some(NOT_THE_BATCH), "{attempt}");
        sqlx::raw_sql("ROLLBACK").execute(&mut thief).await?;
        assert_eq!(ledger.fingerprint().await?, before, "{attempt}");
    }
    let whole =
        format!("BEGIN; {} {} {} COMMIT", part(1, 50, false), part(51, 30, false), part(81, 20, true));
    assert_eq!(refusal(&mut thief, &whole).await?, None);
    assert_eq!(run.signed().await?, 100);
    Ok(())
}

#[tokio::test]
async fn a_signature_has_the_length_that_the_ring_gives() -> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let run = two_batches().seeded(&ledger).await?;
    let mut thief = by_login(&run).await?;
    let lease = lease(&mut thief).await?;
    let before = ledger.fingerprint().await?;
    for bytes in [0, 1, 63, 65, 256] {
        let forged = format!("decode(repeat('07', 100 * {bytes}), 'hex')");
        let store =
            format!("SELECT chancery.batch_store({lease}, 'token', 1, 100, {forged}, true, 'aws-lc-rs')");
        assert_eq!(refusal(&mut thief, &store).await?.as_deref(), Some(CHECK_VIOLATION), "{bytes} bytes");
    }
    assert_eq!(ledger.fingerprint().await?, before);
    abandon(&mut thief, lease).await?;
    run.finish().await
}

#[tokio::test]
async fn a_null_changes_nothing_in_the_place_of_any_argument() -> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let run = two_batches().seeded(&ledger).await?;
    let mut thief = by_login(&run).await?;
    let lease = lease(&mut thief).await?;
    let uid: uuid::Uuid =
        sqlx::query_scalar("SELECT uid FROM chancery.runs").fetch_one(ledger.ledger.pool()).await?;
    let before = ledger.fingerprint().await?;
    let whole = signatures(100);
    let calls = [
        (
            "batch_store",
            [&*format!("{lease}"), "'token'", "1", "100", &whole, "true", "'aws-lc-rs'"]
                .map(str::to_owned)
                .to_vec(),
        ),
        ("lease_renew", vec![format!("{lease}"), "'token'".to_owned()]),
        ("lease_key", vec![format!("{lease}"), "'token'".to_owned()]),
        ("leases_durable", vec![format!("'{uid}'")]),
        ("signer_run", vec!["'default'".to_owned(), "'demo'".to_owned()]),
        ("lease_abandon", vec![format!("{lease}"), "'token'".to_owned()]),
        ("keys_missing", ["1", &format!("'{uid}'"), "0", "1"].map(str::to_owned).to_vec()),
        (
            "key_add",
            ["1", &format!("'{uid}'"), "gen_random_uuid()", "1", "'public'", "'wrapped'"]
                .map(str::to_owned)
                .to_vec(),
        ),
        (
            "lease_acquire",
            ["1", &format!("'{uid}'"), "'somebody'", "sha256('token')", "0", "1"].map(str::to_owned).to_vec(),
        ),
    ];
    let called: BTreeSet<_> = calls.iter().map(|(name, _)| *name).collect();
    let with_arguments = crate::CALLABLE.into_iter().filter(|name| *name != "ledger_version").collect();
    assert_eq!(called, with_arguments);
    for (name, arguments) in calls {
        for place in 0..arguments.len() {
            let mut arguments = arguments.clone();
            "NULL".clone_into(&mut arguments[place]);
            let call = format!("SELECT chancery.{name}({})", arguments.join(", "));
            let refused = refusal(&mut thief, &call).await?;
            let expected = (name == "batch_store").then_some(NULL_VALUE_NOT_ALLOWED);
            assert_eq!(refused.as_deref(), expected, "{call}");
            assert_eq!(ledger.fingerprint().await?, before, "{call}");
        }
    }
    abandon(&mut thief, lease).await?;
    run.finish().await
}

#[tokio::test]
async fn leases_of_others_are_neither_renewed_nor_ended_nor_their_keys_read() -> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let run = two_batches().seeded(&ledger).await?;
    let mut honest = run.session("honest").await?;
    let chancery_store::lease::Acquired::Leased(held) = honest.acquire().await?.0 else {
        anyhow::bail!("no lease")
    };
    let mut thief = by_login(&run).await?;
    let own = lease(&mut thief).await?;
    let before = ledger.fingerprint().await?;
    let others = "generate_series(1, 1000) AS g (lease) WHERE g.lease <> ";
    for attempt in [
        "chancery.lease_renew(g.lease, 'token') IS NOT NULL",
        "chancery.lease_renew(g.lease, '') IS NOT NULL",
        "chancery.lease_abandon(g.lease, 'token')",
        "chancery.lease_abandon(g.lease, sha256('token'))",
        "(SELECT k.wrapped_key IS NOT NULL OR k.public_key IS NOT NULL FROM chancery.lease_key(g.lease, 'token') k)",
    ] {
        let sql = format!("SELECT coalesce(bool_or({attempt}), false) FROM {others} {own}");
        assert!(!sqlx::query_scalar::<_, bool>(AssertSqlSafe(sql)).fetch_one(&mut thief).await?, "{attempt}");
        assert_eq!(ledger.fingerprint().await?, before, "{attempt}");
    }
    for (count, last) in [(100, true), (50, false)] {
        let store = store(held.id, held.first_record, count, last);
        assert_eq!(refusal(&mut thief, &store).await?.as_deref(), Some(LEASE_LOST), "{store}");
        assert_eq!(ledger.fingerprint().await?, before, "{store}");
    }
    abandon(&mut thief, own).await?;
    assert!(honest.abandon(&held).await?, "the honest signer has its lease still");
    run.finish().await
}

#[tokio::test]
async fn whoever_gets_a_key_is_in_the_log_of_leases() -> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let run = two_batches().seeded(&ledger).await?;
    let keys: Vec<String> =
        sqlx::query_scalar("SELECT encode(wrapped_key, 'hex') FROM chancery.key_material")
            .fetch_all(ledger.ledger.pool())
            .await?;
    assert_eq!(keys.len(), 2);
    let before = ledger.fingerprint().await?;
    let mut thief = by_login(&run).await?;

    // What the lease itself answers holds no key, as text or as bytes of text.
    sqlx::raw_sql("BEGIN").execute(&mut thief).await?;
    let answer = format!("SELECT a::text FROM {ACQUIRE} a");
    let answer: String = sqlx::query_scalar(AssertSqlSafe(answer)).fetch_one(&mut thief).await?;
    assert!(!keys.iter().any(|key| answer.contains(key)), "{answer}");
    sqlx::raw_sql("ROLLBACK").execute(&mut thief).await?;

    let take = format!("SELECT (chancery.lease_key(a.lease_id, 'token')).wrapped_key FROM {ACQUIRE} a");
    for attempt in [
        take.clone(),
        format!("BEGIN; {take}; ROLLBACK"),
        format!("BEGIN; SAVEPOINT s; {take}; ROLLBACK TO s; COMMIT"),
        format!(
            "BEGIN; SAVEPOINT s; CREATE TEMP TABLE mine AS SELECT a.lease_id FROM {ACQUIRE} a; RELEASE s;
             SELECT (chancery.lease_key(lease_id, 'token')).wrapped_key FROM mine; ROLLBACK"
        ),
    ] {
        let refused = refusal(&mut thief, &attempt).await?;
        assert_eq!(refused.as_deref(), Some(INVALID_TRANSACTION_STATE), "{attempt}");
        sqlx::raw_sql("ROLLBACK").execute(&mut thief).await?;
    }
    assert_eq!(ledger.fingerprint().await?, before, "and no lease is left");

    let lease = lease(&mut thief).await?;
    let given: String =
        sqlx::query_scalar("SELECT encode(wrapped_key, 'hex') FROM chancery.lease_key($1, 'token')")
            .bind(lease)
            .fetch_one(&mut thief)
            .await?;
    assert!(keys.contains(&given));
    let (holder, key): (String, String) = sqlx::query_as(
        "SELECT l.holder, encode(m.wrapped_key, 'hex') FROM chancery.leases l JOIN chancery.key_material m USING (key_id)",
    )
    .fetch_one(ledger.ledger.pool())
    .await?;
    assert_eq!((holder.as_str(), key), ("somebody", given));
    abandon(&mut thief, lease).await?;
    run.finish().await
}

#[tokio::test]
async fn a_holder_of_two_hundred_megabytes_is_refused() -> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let run = two_batches().seeded(&ledger).await?;
    let mut thief = by_login(&run).await?;
    let before = ledger.fingerprint().await?;
    let acquire = ACQUIRE.replace("'somebody'", "repeat('x', 200000000)");
    let refused = refusal(&mut thief, &format!("SELECT FROM {acquire}")).await?;
    assert_eq!(refused.as_deref(), Some(CHECK_VIOLATION));
    assert_eq!(ledger.fingerprint().await?, before);
    run.finish().await
}
