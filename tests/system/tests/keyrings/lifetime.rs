//! Keyrings that outlive their runs: what a run may ask of one, what a ring may forget, and keys that join and leave.

use chancery_audit::{AuditOptions, audit_keyring};
use chancery_keyring::{Algorithm, GeneratedKey, KeySpec, generate};
use chancery_kit::{SeededRun, TestLedger, TestRun, independent_keyring_audit};
use chancery_process::read_kek_file;
use chancery_store::keyring::NewKey;
use chancery_store::lease::Acquired;
use chancery_store::{NewRun, SignerSession, StoreError};

/// Both audits of the ring `shared`, over all its runs.
async fn assert_ring_holds(ledger: &TestLedger) -> anyhow::Result<()> {
    let report = audit_keyring(&ledger.ledger, "default", "shared", &AuditOptions::default()).await?;
    anyhow::ensure!(report.holds(), "the audit found violations: {:#?}", report.laws);
    let independent = independent_keyring_audit(&ledger.url, "default", "shared").await?;
    if let Some(report) = independent.filter(|report| !report.holds) {
        anyhow::bail!("the independent audit found violations: {:#?}", report.violations);
    }
    Ok(())
}

/// Ten batches on the ring `shared`, which has two keys.
fn ten_batches(name: &str) -> TestRun {
    TestRun::new().named(name).keyring("shared").keys(2).batch_size(20)
}

/// Up to which use sequence the log of the ring was forgotten, and those that are in it.
async fn log_of(ledger: &TestLedger) -> anyhow::Result<(i64, Vec<i64>)> {
    let forgotten = ledger.ledger.find_keyring("default", "shared").await?.forgotten_use;
    let uses = "SELECT use_sequence FROM chancery.leases ORDER BY 1";
    Ok((forgotten, sqlx::query_scalar(uses).fetch_all(ledger.ledger.pool()).await?))
}

async fn deleted_runs(ledger: &TestLedger) -> anyhow::Result<Vec<String>> {
    let names = "SELECT name FROM chancery.deleted_runs ORDER BY 1";
    Ok(sqlx::query_scalar(names).fetch_all(ledger.ledger.pool()).await?)
}

#[tokio::test]
async fn a_ring_forgets_what_is_older_than_every_last_use_and_of_no_run_in_the_ledger() -> anyhow::Result<()>
{
    let ledger = TestLedger::new().await?;
    let one = ten_batches("one").seeded(&ledger).await?;
    one.finish().await?;
    let two = ten_batches("two").seeded_beside(&one).await?;
    ledger.ledger.delete_run(&one.run).await?;
    // The newest lease of each key stays: it tells when the key was used last.
    let oldest = oldest_last_use(&ledger).await?;
    assert!(oldest > 1, "both keys were used");
    assert_eq!(log_of(&ledger).await?, (oldest - 1, (oldest..=10).collect()));
    assert_eq!(deleted_runs(&ledger).await?, ["one"]);
    assert_ring_holds(&ledger).await?;

    two.finish().await?;
    let three = ten_batches("three").seeded_beside(&two).await?;
    three.finish().await?;
    ledger.ledger.delete_run(&three.run).await?;
    // Run two is still there, and so is all that it was signed under.
    assert_eq!(log_of(&ledger).await?, (10, (11..=30).collect()));
    assert_eq!(deleted_runs(&ledger).await?, ["three"], "nothing is left of the first");
    assert_ring_holds(&ledger).await?;
    two.assert_audit_holds().await?;

    ledger.ledger.delete_run(&two.run).await?;
    let oldest = oldest_last_use(&ledger).await?;
    assert!(oldest > 20, "both keys were used by the run that came last");
    assert_eq!(log_of(&ledger).await?, (oldest - 1, (oldest..=30).collect()));
    assert_ring_holds(&ledger).await?;
    // No number is given out twice.
    let four = ten_batches("four").seeded_beside(&two).await?;
    four.finish().await?;
    assert_eq!(log_of(&ledger).await?, (oldest - 1, (oldest..=40).collect()));
    assert_ring_holds(&ledger).await
}

/// The last use of the key that was used longest ago. Two signing threads need not take turns.
async fn oldest_last_use(ledger: &TestLedger) -> anyhow::Result<i64> {
    let oldest = sqlx::query_scalar("SELECT min(last_use) FROM chancery.keys");
    Ok(oldest.fetch_one(ledger.ledger.pool()).await?)
}

#[tokio::test]
async fn an_open_lease_is_not_forgotten_nor_anything_after_it() -> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let doomed = ten_batches("doomed").seeded(&ledger).await?;
    let mut session = doomed.session("holder").await?;
    let held = leased(&mut session).await?;
    assert_eq!(held.use_sequence, 1);
    let other = ten_batches("other").seeded_beside(&doomed).await?;
    // All by the one key that is left.
    other.finish().await?;
    ledger.ledger.delete_run(&other.run).await?;
    ledger.ledger.delete_run(&doomed.run).await?;
    assert_eq!(log_of(&ledger).await?, (0, (1..=11).collect()));
    assert_ring_holds(&ledger).await
}

#[tokio::test]
async fn a_keyring_is_deleted_once_it_has_no_runs() -> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let run = ten_batches("one").seeded(&ledger).await?;
    run.finish().await?;
    let before = ledger.fingerprint().await?;
    let refused = ledger.ledger.delete_keyring("default", "shared").await;
    assert!(matches!(refused, Err(StoreError::KeyringInUse { runs: 1, .. })), "{refused:?}");
    assert_eq!(ledger.fingerprint().await?, before);

    ledger.ledger.delete_run(&run.run).await?;
    ledger.ledger.delete_keyring("default", "shared").await?;
    for table in ["keyrings", "keys", "key_material", "leases", "deleted_runs", "runs"] {
        let count = sqlx::AssertSqlSafe(format!("SELECT count(*) FROM chancery.{table}"));
        assert_eq!(sqlx::query_scalar::<_, i64>(count).fetch_one(ledger.ledger.pool()).await?, 0, "{table}");
    }
    let gone = ledger.ledger.delete_keyring("default", "shared").await;
    assert!(matches!(gone, Err(StoreError::NoKeyring(_))), "{gone:?}");
    Ok(())
}

/// What a run of this name asks of the ring `shared`.
fn asking(
    run: &SeededRun<'_>,
    name: &str,
    algorithm: Option<&str>,
    keys: Option<i32>,
) -> anyhow::Result<NewRun> {
    let mut new = ten_batches(name).new_run(&read_kek_file(&run.kek_file)?);
    new.keyring.algorithm = algorithm.map(str::to_owned);
    new.keyring.key_count = keys;
    Ok(new)
}

#[tokio::test]
async fn what_a_run_leaves_out_is_the_rings_and_what_it_asks_for_must_agree() -> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let one = ten_batches("one").seeded(&ledger).await?;
    let before = ledger.fingerprint().await?;
    for (algorithm, keys) in [(Some("ES256"), None), (None, Some(3)), (Some("EdDSA"), Some(1))] {
        let refused = ledger.ledger.create_run(&asking(&one, "two", algorithm, keys)?).await;
        let Err(StoreError::KeyringDiffers { keyring, found }) = refused else {
            anyhow::bail!("{algorithm:?} {keys:?}: {refused:?}")
        };
        assert_eq!(
            (keyring.as_str(), found.as_str()),
            ("default/shared", "algorithm EdDSA, keyCount 2, envelope Raw")
        );
    }
    assert_eq!(ledger.fingerprint().await?, before);

    let (two, created) = ledger.ledger.create_run(&asking(&one, "two", None, None)?).await?;
    assert!(created);
    assert_eq!((two.keyring.id, two.keyring.key_count), (one.run.keyring.id, 2));
    assert_eq!(two.keyring.algorithm, "EdDSA");
    let (three, _) = ledger.ledger.create_run(&asking(&one, "three", Some("EdDSA"), Some(2))?).await?;
    assert_eq!(three.keyring.id, two.keyring.id);
    Ok(())
}

#[tokio::test]
async fn a_ring_that_is_not_there_is_made_only_by_a_run_that_says_how_many_keys() -> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let other = TestRun::new().seeded(&ledger).await?;
    let before = ledger.fingerprint().await?;
    let refused = ledger.ledger.create_run(&asking(&other, "one", Some("EdDSA"), None)?).await;
    assert!(
        matches!(&refused, Err(StoreError::KeyringUnknown(ring)) if ring == "default/shared"),
        "{refused:?}"
    );
    assert_eq!(ledger.fingerprint().await?, before);
    // The ring of another namespace is another ring.
    let mut elsewhere = asking(&other, "one", Some("EdDSA"), Some(2))?;
    "elsewhere".clone_into(&mut elsewhere.namespace);
    ledger.ledger.create_run(&elsewhere).await?;
    let refused = ledger.ledger.create_run(&asking(&other, "one", None, None)?).await;
    assert!(matches!(refused, Err(StoreError::KeyringUnknown(_))), "{refused:?}");
    Ok(())
}

/// A fresh key of this number.
async fn join(run: &SeededRun<'_>, number: i32) -> anyhow::Result<bool> {
    let data_key = run.data_key()?;
    let keyring = &run.run.keyring;
    let GeneratedKey { id, public_key, wrapped } =
        generate(KeySpec::new(Algorithm::EdDsa, None)?, keyring.uid, &data_key)?;
    let key = NewKey { id, number, public_key, wrapped_key: wrapped };
    Ok(run.ledger.ledger.join_key(keyring, &key).await?)
}

#[tokio::test]
async fn a_filling_that_was_interrupted_is_continued_by_another_run_of_the_ring() -> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let one = TestRun::new().named("one").keyring("shared").keys(6).created(&ledger).await?;
    for number in [1, 4] {
        assert!(join(&one, number).await?);
    }
    let ids = "SELECT id FROM chancery.keys WHERE number IN (1, 4) ORDER BY number";
    let first: Vec<uuid::Uuid> = sqlx::query_scalar(ids).fetch_all(ledger.ledger.pool()).await?;
    let two = TestRun::new().named("two").keyring("shared").keys(6).seeded_beside(&one).await?;
    assert!(two.run.keyring.filled);
    assert!(
        ledger.ledger.find_run("default", "one").await?.keyring.filled,
        "the ring is filled for all its runs"
    );
    assert_eq!(sqlx::query_scalar::<_, uuid::Uuid>(ids).fetch_all(ledger.ledger.pool()).await?, first);
    let one = one.stocked().await?;
    let numbers: Vec<i32> = sqlx::query_scalar("SELECT number FROM chancery.keys ORDER BY 1")
        .fetch_all(ledger.ledger.pool())
        .await?;
    assert_eq!(numbers, [1, 2, 3, 4, 5, 6]);
    two.finish().await?;
    one.finish().await?;
    assert_ring_holds(&ledger).await
}

async fn leased(session: &mut SignerSession) -> anyhow::Result<chancery_store::lease::Lease> {
    match session.acquire().await?.0 {
        Acquired::Leased(lease) => Ok(lease),
        other => anyhow::bail!("no lease but {other:?}"),
    }
}

/// The numbers of the keys that the next leases get, each given back at once.
async fn next(run: &SeededRun<'_>, session: &mut SignerSession, leases: usize) -> anyhow::Result<Vec<i32>> {
    let mut numbers = Vec::new();
    for _ in 0..leases {
        let lease = leased(session).await?;
        let number = "SELECT number FROM chancery.keys WHERE id = $1";
        numbers.push(sqlx::query_scalar(number).bind(lease.key).fetch_one(run.ledger.ledger.pool()).await?);
        assert!(session.abandon(&lease).await?);
    }
    Ok(numbers)
}

#[tokio::test]
async fn a_key_that_joins_is_chosen_in_its_turn_and_one_that_left_never_again() -> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let run = TestRun::new().keyring("shared").keys(3).seeded(&ledger).await?;
    let mut session = run.session("one").await?;
    assert_eq!(next(&run, &mut session, 4).await?, [1, 2, 3, 1]);
    // It joins behind all the uses there were: keys 2 and 3 come first, and 1, which was used last, by its number.
    assert!(join(&run, 4).await?);
    assert!(!join(&run, 4).await?, "the number is taken");
    assert_eq!(next(&run, &mut session, 6).await?, [2, 3, 1, 4, 2, 3]);

    let held = leased(&mut session).await?;
    let number: i32 = sqlx::query_scalar("SELECT number FROM chancery.keys WHERE id = $1")
        .bind(held.key)
        .fetch_one(ledger.ledger.pool())
        .await?;
    assert_eq!(number, 1);
    // In use, it leaves; its lease goes on to its end.
    assert!(ledger.ledger.retire_key(held.key).await?);
    assert!(!ledger.ledger.retire_key(held.key).await?, "it has left");
    assert!(session.renew(&held).await?.is_some());
    assert!(session.abandon(&held).await?);
    assert_eq!(next(&run, &mut session, 6).await?, [4, 2, 3, 4, 2, 3]);
    assert_ring_holds(&ledger).await?;
    run.finish().await?;
    let after = "SELECT count(*) FROM chancery.leases WHERE key_id = $1 AND use_sequence > $2";
    let after: i64 = sqlx::query_scalar(after)
        .bind(held.key)
        .bind(held.use_sequence)
        .fetch_one(ledger.ledger.pool())
        .await?;
    assert_eq!(after, 0);
    assert_ring_holds(&ledger).await
}

#[tokio::test]
async fn keys_join_and_leave_while_signers_sign() -> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let run = TestRun::new().keyring("shared").records(20_000).keys(4).batch_size(20).seeded(&ledger).await?;
    let mut signers = [run.start_signer("one")?, run.start_signer("two")?];
    for number in 5..=12 {
        chancery_kit::eventually("signing goes on", async || {
            run.signed().await.is_ok_and(|signed| signed >= i64::from(number - 4) * 1_000)
        })
        .await;
        assert!(join(&run, number).await?);
        let oldest = "SELECT id FROM chancery.keys WHERE state = 'active' ORDER BY number LIMIT 1";
        let oldest: uuid::Uuid = sqlx::query_scalar(oldest).fetch_one(ledger.ledger.pool()).await?;
        assert!(ledger.ledger.retire_key(oldest).await?);
    }
    for signer in &mut signers {
        let (code, log) = signer.ended().await?;
        assert_eq!(code, Some(0), "{log}");
    }
    let used = "SELECT count(DISTINCT key_id) FROM chancery.leases";
    let used: i64 = sqlx::query_scalar(used).fetch_one(ledger.ledger.pool()).await?;
    assert_eq!(used, 12, "each was chosen in its turn");
    run.assert_audit_holds().await?;
    assert_ring_holds(&ledger).await
}
