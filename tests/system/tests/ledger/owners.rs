//! Whose runs and keyrings are, and how many there may be, by the ledger alone: whoever asks, and however many at once.

use chancery_keyring::Kek;
use chancery_kit::{TestLedger, TestRun};
use chancery_process::create_kek_file;
use chancery_store::{Limits, NewRun, Object, StoreError};
use futures::future::join_all;
use sqlx::AssertSqlSafe;
use uuid::Uuid;

/// When the namespaces of these tests were made: before everything.
const LONG_AGO: i64 = 1_000_000_000;

const RING: &str = "shared";

fn kek() -> anyhow::Result<Kek> {
    Ok(create_kek_file(&tempfile::tempdir()?.path().join("kek"))?)
}

/// An object in a namespace of its own.
fn somebody() -> Object {
    Object { namespace_uid: Uuid::new_v4(), object_uid: Uuid::new_v4(), namespace_made: Some(LONG_AGO) }
}

/// Another object of the same namespace.
fn beside(object: &Object) -> Object {
    Object { object_uid: Uuid::new_v4(), ..*object }
}

fn asked_by(object: Object, run: TestRun, kek: &Kek) -> NewRun {
    NewRun { object, ..run.new_run(kek) }
}

#[tokio::test]
async fn a_run_that_is_found_by_its_name_stays_its_owners() -> anyhow::Result<()> {
    let (ledger, kek) = (TestLedger::new().await?, kek()?);
    let (first, second) = (somebody(), somebody());
    let (made, created) = ledger.ledger.create_run(&asked_by(first, TestRun::new(), &kek)).await?;
    assert!(created);
    let (found, created) = ledger.ledger.create_run(&asked_by(second, TestRun::new(), &kek)).await?;
    assert!(!created && found.uid == made.uid);
    assert_eq!(found.owner.object_uid, first.object_uid);
    assert_eq!(found.owner.namespace_uid, Some(first.namespace_uid));

    let guess = Uuid::new_v4();
    assert!(!ledger.ledger.adopt_run(&found, guess, &second, None).await?, "by a guess");
    assert!(
        !ledger.ledger.adopt_run(&found, found.uid, &second, None).await?,
        "by what statements tell of the run"
    );
    assert!(!ledger.ledger.claim_run(&found, &second, None).await?, "it is kept whose it is");
    assert!(ledger.ledger.adopt_run(&found, first.object_uid, &second, None).await?);
    let taken = ledger.ledger.find_run("default", "demo").await?;
    assert_eq!(
        (taken.owner.object_uid, taken.owner.adopted_from),
        (second.object_uid, Some(first.object_uid))
    );
    assert_eq!(taken.keyring.owner.object_uid, second.object_uid, "with the ring of its own");
    assert!(!ledger.ledger.adopt_run(&found, first.object_uid, &somebody(), None).await?, "what proved once");
    Ok(())
}

#[tokio::test]
async fn of_many_that_take_a_run_over_at_once_one_gets_it() -> anyhow::Result<()> {
    let (ledger, kek) = (TestLedger::new().await?, kek()?);
    let first = somebody();
    let (run, _) = ledger.ledger.create_run(&asked_by(first, TestRun::new(), &kek)).await?;
    let others: Vec<Object> = (0..6).map(|_| somebody()).collect();
    let taken = others.iter().map(|other| ledger.ledger.adopt_run(&run, first.object_uid, other, None));
    let taken: Vec<bool> = join_all(taken).await.into_iter().collect::<Result<_, _>>()?;
    assert_eq!(taken.iter().filter(|taken| **taken).count(), 1, "{taken:?}");
    let owner = ledger.ledger.find_run("default", "demo").await?.owner;
    let winner = taken.iter().position(|taken| *taken).map(|place| others[place].object_uid);
    assert_eq!(Some(owner.object_uid), winner);
    Ok(())
}

#[tokio::test]
async fn a_ring_is_its_namespaces_and_is_told_nothing_of_to_others() -> anyhow::Result<()> {
    let (ledger, kek) = (TestLedger::new().await?, kek()?);
    let (first, other) = (somebody(), somebody());
    let on_ring = |name: &str| TestRun::new().named(name).keyring(RING);
    let (one, _) = ledger.ledger.create_run(&asked_by(first, on_ring("one"), &kek)).await?;
    let (two, _) = ledger.ledger.create_run(&asked_by(beside(&first), on_ring("two"), &kek)).await?;
    assert_eq!(two.keyring.id, one.keyring.id);
    assert_eq!(two.keyring.owner.object_uid, first.object_uid, "who made it");

    // Also when what is asked for is not what is there: that would tell what is.
    for run in [on_ring("three"), on_ring("three").keys(9), on_ring("three").algorithm("ES256")] {
        let refused = ledger.ledger.create_run(&asked_by(other, run, &kek)).await;
        let Err(StoreError::KeyringOfAnother { keyring, .. }) = &refused else { panic!("{refused:?}") };
        assert_eq!(keyring, "default/shared");
        let said = refused.expect_err("it is refused").to_string();
        assert!(!said.contains(&first.object_uid.to_string()) && !said.contains("EdDSA"), "{said}");
    }
    let guessed = NewRun { adopt_keyring: Some(one.keyring.uid), ..asked_by(other, on_ring("three"), &kek) };
    assert!(ledger.ledger.create_run(&guessed).await.is_err(), "the ring's own uid is in every statement");
    let named = NewRun { adopt_keyring: Some(first.object_uid), ..asked_by(other, on_ring("three"), &kek) };
    let (three, _) = ledger.ledger.create_run(&named).await?;
    assert_eq!(three.keyring.id, one.keyring.id);
    assert_eq!(three.keyring.owner.adopted_from, Some(first.object_uid));
    let back = ledger.ledger.create_run(&asked_by(beside(&first), on_ring("four"), &kek)).await;
    assert!(matches!(back, Err(StoreError::KeyringOfAnother { .. })), "it is the other's now: {back:?}");
    Ok(())
}

#[tokio::test]
async fn however_many_ask_at_once_a_namespace_gets_no_more_runs_than_it_may_have() -> anyhow::Result<()> {
    let (ledger, kek) = (TestLedger::new().await?, kek()?);
    let limits = Limits { namespace_runs: Some(3), ..Limits::default() };
    let asks: Vec<NewRun> = (0..8)
        .map(|number| NewRun {
            limits,
            ..asked_by(somebody(), TestRun::new().named(&format!("run-{number}")), &kek)
        })
        .collect();
    let outcomes = join_all(asks.iter().map(|ask| ledger.ledger.create_run(ask))).await;
    let made = outcomes.iter().filter(|outcome| outcome.is_ok()).count();
    assert_eq!(made, 3, "{outcomes:?}");
    for refused in outcomes.into_iter().filter_map(Result::err) {
        let StoreError::BeyondLimits(sentence) = &refused else { panic!("{refused:?}") };
        assert!(
            sentence
                .starts_with("the run would be number 4 of the namespace in the ledger, which may hold 3")
        );
    }
    assert_eq!(ledger.ledger.list_runs().await?.len(), 3);
    let rings: i64 =
        sqlx::query_scalar("SELECT count(*) FROM chancery.keyrings").fetch_one(ledger.ledger.pool()).await?;
    assert_eq!(rings, 3, "nothing is left of those that were refused");
    // Another namespace has its own count.
    let mut elsewhere = NewRun { limits, ..asked_by(somebody(), TestRun::new(), &kek) };
    elsewhere.namespace = "elsewhere".to_owned();
    assert!(ledger.ledger.create_run(&elsewhere).await?.1);
    Ok(())
}

#[tokio::test]
async fn each_limit_is_met_to_the_last_and_crossed_by_one() -> anyhow::Result<()> {
    let (ledger, kek) = (TestLedger::new().await?, kek()?);
    let bytes: i64 = sqlx::query_scalar("SELECT chancery.run_bytes(200, 200, 64, 10, 64)::bigint")
        .fetch_one(ledger.ledger.pool())
        .await?;
    let of = |limits: Limits, name: &str| NewRun {
        limits,
        ..asked_by(somebody(), TestRun::new().named(name).keys(4), &kek)
    };
    let run_bytes = |most| Limits { run_bytes: Some(most), ..Limits::default() };
    // EdDSA counts 256 bits per key.
    let key_bits = |most| Limits { key_bits: Some(most), ..Limits::default() };
    let namespace_bytes = |most| Limits { namespace_bytes: Some(most), ..Limits::default() };
    for (limits, name, fits) in [
        (run_bytes(bytes - 1), "one", false),
        (run_bytes(bytes), "one", true),
        (key_bits(4 * 256 - 1), "two", false),
        (key_bits(4 * 256), "two", true),
        (namespace_bytes(3 * bytes - 1), "three", false),
        (namespace_bytes(3 * bytes), "three", true),
    ] {
        let outcome = ledger.ledger.create_run(&of(limits, name)).await;
        assert_eq!(outcome.is_ok(), fits, "{name} within {limits:?}: {outcome:?}");
        assert!(fits || matches!(outcome, Err(StoreError::BeyondLimits(_))));
    }
    // A run that is there is found, whatever the limits are now.
    assert!(!ledger.ledger.create_run(&of(run_bytes(1), "one")).await?.1);
    Ok(())
}

#[tokio::test]
async fn no_batch_has_more_signatures_than_a_signer_holds_whatever_the_limits_are() -> anyhow::Result<()> {
    let (ledger, kek) = (TestLedger::new().await?, kek()?);
    let owner = somebody();
    let of = |name: &str, batch_size| {
        let run = TestRun::new().named(name).keyring(RING).algorithm("ML-DSA-44").batch_size(batch_size);
        asked_by(beside(&owner), run, &kek)
    };
    assert!(ledger.ledger.create_run(&of("fits", 27_730)).await?.1);
    // The algorithm is the ring's, and the run need not say it.
    let mut beyond = of("beyond", 27_731);
    beyond.keyring.algorithm = None;
    let refused = ledger.ledger.create_run(&beyond).await;
    let Err(StoreError::BeyondLimits(sentence)) = refused else { panic!("{refused:?}") };
    assert!(sentence.contains("a batchSize of at most 27730 with ML-DSA-44"), "{sentence}");
    Ok(())
}

#[tokio::test]
async fn a_ring_that_is_there_costs_no_bits() -> anyhow::Result<()> {
    let (ledger, kek) = (TestLedger::new().await?, kek()?);
    let owner = somebody();
    let limits = Limits { key_bits: Some(4 * 256), ..Limits::default() };
    for name in ["one", "two"] {
        let run = TestRun::new().named(name).keyring(RING);
        let new = NewRun { limits, ..asked_by(beside(&owner), run, &kek) };
        ledger.ledger.create_run(&new).await?;
    }
    Ok(())
}

#[tokio::test]
async fn what_a_run_takes_is_told_about_right_and_no_less() -> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    for (name, size, batch) in
        [("small", 0, 100), ("usual", 256, 100), ("alone", 64, 1), ("large", 10_000, 10)]
    {
        let run = TestRun::new()
            .named(name)
            .records(4_000)
            .record_size(size)
            .batch_size(batch)
            .seeded(&ledger)
            .await?;
        let expected = ledger.ledger.progress(&[run.run.id]).await?[0].bytes_to_come;
        run.finish().await?;
        // Where several append to a table at the same time, it gets twenty pages at once for each of them: those that are empty go.
        for table in ["records", "signature_blocks", "batches"] {
            let vacuum = format!("VACUUM (TRUNCATE) chancery.{table}_{}", run.run.id);
            ledger.execute(AssertSqlSafe(vacuum)).await?;
        }
        let taken: i64 = sqlx::query_scalar(
            "SELECT sum(pg_total_relation_size('chancery.' || t || '_' || $1))::bigint
               FROM unnest(ARRAY['signature_blocks', 'batches']) t",
        )
        .bind(run.run.id)
        .fetch_one(ledger.ledger.pool())
        .await?;
        let made: i64 = sqlx::query_scalar("SELECT pg_total_relation_size('chancery.records_' || $1)")
            .bind(run.run.id)
            .fetch_one(ledger.ledger.pool())
            .await?;
        let whole: i64 = sqlx::query_scalar("SELECT chancery.run_bytes(4000, 4000, $1, $2, 64)::bigint")
            .bind(size)
            .bind(batch)
            .fetch_one(ledger.ledger.pool())
            .await?;
        // A table of few rows has a page or two that are nearly empty. Each of five, with those of long values, has four pages of maps.
        let slack = 200_000 + 5 * 4 * 8_192;
        assert!(taken <= expected + slack, "{name}: {taken} of {expected} for signatures");
        assert!(made + taken <= whole + slack, "{name}: {made} and {taken} of {whole}");
        assert!(whole <= 3 * (made + taken), "{name}: {whole} for {made} and {taken}");
        assert_eq!(ledger.ledger.progress(&[run.run.id]).await?[0].bytes_to_come, 0);
    }
    Ok(())
}
