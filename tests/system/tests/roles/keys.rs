//! What somebody tries with the keys of a ring who has the login of a run, in SQL with that login and no other.

use chancery_kit::{SeededRun, TestLedger, TestRun};
use sqlx::{AssertSqlSafe, PgConnection};

use crate::attacks::ledger;
use crate::{by_login, refusal};

const CHECK_VIOLATION: &str = "23514";

/// So many bytes, as SQL.
fn bytes(count: usize) -> String {
    format!("decode(repeat('07', {count}), 'hex')")
}

/// What a key of Ed25519 looks like to the ledger.
fn key(run: &SeededRun<'_>, number: i32) -> String {
    of_lengths(run, number, 44, 77)
}

fn of_lengths(run: &SeededRun<'_>, number: i32, public: usize, wrapped: usize) -> String {
    let (id, uid) = (run.run.id, run.run.uid);
    let (public, wrapped) = (bytes(public), bytes(wrapped));
    format!("SELECT chancery.key_add({id}, '{uid}', gen_random_uuid(), {number}, {public}, {wrapped})")
}

fn missing(run: &SeededRun<'_>) -> String {
    format!("SELECT answer FROM chancery.keys_missing({}, '{}', 0, 10)", run.run.id, run.run.uid)
}

async fn answer(connection: &mut PgConnection, sql: &str) -> anyhow::Result<String> {
    Ok(sqlx::query_scalar(AssertSqlSafe(sql.to_owned())).fetch_one(connection).await?)
}

/// Nothing that was tried is in the ledger, and the run is signed to its end by honest signers.
async fn finish(run: SeededRun<'_>, before: &str) -> anyhow::Result<()> {
    assert_eq!(run.ledger.fingerprint().await?, before);
    run.stocked().await?.finish().await
}

#[tokio::test]
async fn no_key_is_added_to_the_ring_of_another_run_nor_is_it_told_what_is_missing() -> anyhow::Result<()> {
    let ledger = ledger("attack_keys").await?;
    let own = TestRun::new().named("own").keys(3).created(&ledger).await?;
    let other = TestRun::new().named("other").keys(3).created(&ledger).await?;
    let mut thief = by_login(&own).await?;
    let before = ledger.fingerprint().await?;
    for role in ["RESET ROLE", "SET ROLE chancery_signer"] {
        sqlx::raw_sql(role).execute(&mut thief).await?;
        assert_eq!(answer(&mut thief, &key(&other, 1)).await?, "unknown", "{role}");
        assert_eq!(answer(&mut thief, &missing(&other)).await?, "unknown", "{role}");
        // Its own number with the uid of the other.
        let mixed = key(&own, 1).replace(&own.run.uid.to_string(), &other.run.uid.to_string());
        assert_eq!(answer(&mut thief, &mixed).await?, "unknown", "{role}");
    }
    finish(other, &before).await?;
    own.stocked().await?.finish().await
}

#[tokio::test]
async fn a_ring_that_is_filled_takes_no_key() -> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let run = TestRun::new().keys(2).seeded(&ledger).await?;
    let mut thief = by_login(&run).await?;
    let before = ledger.fingerprint().await?;
    assert_eq!(answer(&mut thief, &missing(&run)).await?, "filled");
    sqlx::raw_sql("BEGIN").execute(&mut thief).await?;
    for number in [1, 2] {
        assert_eq!(answer(&mut thief, &key(&run, number)).await?, "filled");
    }
    let locks = "SELECT count(*)::text FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()";
    assert_eq!(answer(&mut thief, locks).await?, "0", "the turn of the ring is not taken for it");
    sqlx::raw_sql("ROLLBACK").execute(&mut thief).await?;
    let beyond = refusal(&mut thief, &key(&run, 3)).await?;
    assert_eq!(beyond.as_deref(), Some(CHECK_VIOLATION), "as many as it was made for");
    assert_eq!(ledger.fingerprint().await?, before);
    // A key that left the ring leaves no room for another.
    let first: uuid::Uuid = sqlx::query_scalar("SELECT id FROM chancery.keys WHERE number = 1")
        .fetch_one(ledger.ledger.pool())
        .await?;
    ledger.ledger.retire_key(first).await?;
    let before = ledger.fingerprint().await?;
    assert_eq!(answer(&mut thief, &key(&run, 1)).await?, "filled");
    finish(run, &before).await
}

#[tokio::test]
async fn a_key_has_a_number_of_the_ring_and_the_lengths_that_it_gives() -> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let run = TestRun::new().keys(2).created(&ledger).await?;
    let mut thief = by_login(&run).await?;
    let before = ledger.fingerprint().await?;
    for number in [i32::MIN, -1, 0, 3, i32::MAX] {
        let refused = refusal(&mut thief, &key(&run, number)).await?;
        assert_eq!(refused.as_deref(), Some(CHECK_VIOLATION), "number {number}");
    }
    for (public, wrapped) in
        [(0, 77), (43, 77), (45, 77), (1 << 20, 77), (44, 0), (44, 76), (44, 78), (44, 1 << 20)]
    {
        let refused = refusal(&mut thief, &of_lengths(&run, 1, public, wrapped)).await?;
        assert_eq!(
            refused.as_deref(),
            Some(CHECK_VIOLATION),
            "{public} bytes in public, {wrapped} in private"
        );
    }
    finish(run, &before).await
}

#[tokio::test]
async fn a_run_that_is_suspended_or_being_deleted_gets_no_key() -> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let run = TestRun::new().keys(2).created(&ledger).await?;
    let mut thief = by_login(&run).await?;
    for (change, expected) in [
        ("UPDATE chancery.runs SET suspended = true", "suspended"),
        ("UPDATE chancery.runs SET deleted_at = now()", "deleted"),
    ] {
        ledger.execute(change).await?;
        let before = ledger.fingerprint().await?;
        assert_eq!(answer(&mut thief, &key(&run, 1)).await?, expected);
        assert_eq!(answer(&mut thief, &missing(&run)).await?, expected);
        assert_eq!(ledger.fingerprint().await?, before, "{expected}");
    }
    Ok(())
}

#[tokio::test]
async fn a_number_is_taken_once_and_a_key_once() -> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let run = TestRun::new().keys(2).created(&ledger).await?;
    let mut thief = by_login(&run).await?;
    let again = key(&run, 1).replace("gen_random_uuid()", "'00000000-0000-0000-0000-00000000000a'");
    assert_eq!(answer(&mut thief, &again).await?, "added");
    let before = ledger.fingerprint().await?;
    assert_eq!(answer(&mut thief, &again).await?, "taken");
    assert_eq!(answer(&mut thief, &key(&run, 1)).await?, "taken");
    let other_number = again.replace(", 1, decode", ", 2, decode");
    assert_ne!(other_number, again);
    assert_eq!(refusal(&mut thief, &other_number).await?.as_deref(), Some("23505"), "one key, two numbers");
    assert_eq!(ledger.fingerprint().await?, before);
    Ok(())
}

#[tokio::test]
async fn a_false_key_spoils_the_run_that_it_was_made_for_and_shows() -> anyhow::Result<()> {
    let ledger = ledger("attack_false_key").await?;
    let own = TestRun::new().named("own").keys(2).created(&ledger).await?;
    let other = TestRun::new().named("other").keys(2).seeded(&ledger).await?;
    let mut thief = by_login(&own).await?;
    assert_eq!(answer(&mut thief, &key(&own, 1)).await?, "added");
    let own = own.stocked().await?;
    let (code, log) = own.start_signer("honest")?.ended().await?;
    assert_eq!(code, Some(78), "no signer signs with what is no key of its own: {log}");
    assert!(own.assert_audit_holds().await.is_err(), "the audit reads every key");
    other.finish().await
}
