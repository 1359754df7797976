//! Runs that share a keyring: a payload is signed once in all of them.

use std::collections::HashSet;

use anyhow::bail;
use chancery_kit::{Chancery, Manifest, SeededRun, TestLedger, TestRun, eventually};
use chancery_store::IntakeSession;
use chancery_store::intake::{Admission, Reading, Refusal, Task};
use sqlx::{AssertSqlSafe, Connection, PgConnection, Row};

use crate::{counted, file, lines, payloads};

#[tokio::test]
async fn two_runs_that_read_the_same_at_the_same_time_sign_each_payload_once() -> anyhow::Result<()> {
    let (ledger, folder) = (TestLedger::new().await?, tempfile::tempdir()?);
    // In opposite orders: whoever took locks in the order of reading would wait for each other.
    let offered: Vec<String> = lines(0, 20_000).collect();
    let (one, two) = (folder.path().join("one"), folder.path().join("two"));
    for (path, lines) in [(&one, offered.clone()), (&two, offered.iter().rev().cloned().collect())] {
        std::fs::create_dir(path)?;
        file(path, "a.txt", lines)?;
    }
    let run = |name: &str, folder| {
        TestRun::new().named(name).keyring("shared").batch_size(1_000).reads("files", folder)
    };
    let first = run("one", &one).created(&ledger).await?.stocked().await?;
    let second = run("two", &two).created_beside(&first).await?.stocked().await?;
    let (mut of_first, mut of_second) = (first.start_intake("one").await?, second.start_intake("two").await?);
    for (code, log) in [of_first.ended().await?, of_second.ended().await?] {
        assert_eq!(code, Some(0), "{log}");
    }
    // They wait for each other, and never in a circle: the server would have cut one off, which would have come again.
    let deadlocks = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()";
    let deadlocks: i64 = sqlx::query_scalar(deadlocks).fetch_one(ledger.ledger.pool()).await?;
    assert_eq!(deadlocks, 0);
    let (in_one, in_two) = (payloads(&first).await?, payloads(&second).await?);
    let all: HashSet<&str> = in_one.iter().chain(&in_two).map(String::as_str).collect();
    assert_eq!((all.len(), in_one.len() + in_two.len()), (20_000, 20_000));
    for run in [&first, &second] {
        assert_eq!(counted(run).await?.0, 20_000);
        run.finish().await?;
    }
    Ok(())
}

#[tokio::test]
async fn a_payload_may_be_signed_again_once_the_run_that_had_it_is_deleted() -> anyhow::Result<()> {
    let (ledger, folder) = (TestLedger::new().await?, tempfile::tempdir()?);
    file(folder.path(), "a.txt", lines(0, 100))?;
    let run = |name: &str| TestRun::new().named(name).keyring("shared").reads("files", folder.path());
    let first = run("one").created(&ledger).await?.stocked().await?;
    first.take_in().await?;
    first.finish().await?;
    let second = run("two").created_beside(&first).await?.stocked().await?;
    second.take_in().await?;
    assert_eq!(counted(&second).await?, (100, 0, 100, 0));
    second.finish().await?;

    ledger.ledger.delete_run(&first.run).await?;
    // What it repeats is gone, and it says of what it was.
    second.assert_audit_holds().await?;
    let third = run("three").created_beside(&first).await?.stocked().await?;
    third.take_in().await?;
    assert_eq!(counted(&third).await?, (100, 100, 0, 0));
    third.finish().await
}

/// An hour is over at once by setting back what was noted.
#[tokio::test]
async fn with_a_window_a_keyring_knows_the_payloads_of_a_deleted_run_until_it_is_over() -> anyhow::Result<()>
{
    let (ledger, folder) = (TestLedger::new().await?, tempfile::tempdir()?);
    file(folder.path(), "a.txt", lines(0, 100))?;
    let run = |name: &str| TestRun::new().named(name).keyring("shared").reads("files", folder.path());
    let hour = std::time::Duration::from_secs(3600);
    let first = run("one").digest_window(hour).created(&ledger).await?.stocked().await?;
    first.take_in().await?;
    first.finish().await?;
    ledger.ledger.delete_run(&first.run).await?;
    // What was broken off is carried on, and changes nothing.
    ledger.ledger.delete_run(&first.run).await?;
    assert_eq!(ledger.ledger.sweep_digests().await?, 0, "the hour is not over");
    let second = run("two").created_beside(&first).await?.stocked().await?;
    second.take_in().await?;
    assert_eq!(counted(&second).await?, (100, 0, 100, 0));
    // What it repeats is gone, and it says of what it was.
    second.finish().await?;

    let over = "UPDATE chancery.kept_digests SET until = until - interval '1 hour'";
    sqlx::query(over).execute(ledger.ledger.pool()).await?;
    assert_eq!(ledger.ledger.sweep_digests().await?, 100);
    assert_eq!(ledger.ledger.sweep_digests().await?, 0);
    let third = run("three").digest_window(hour).created_beside(&first).await?.stocked().await?;
    third.take_in().await?;
    assert_eq!(counted(&third).await?, (100, 100, 0, 0));
    third.finish().await?;

    // A keyring takes what was kept for it with it.
    for run in [&second, &third] {
        ledger.ledger.delete_run(&run.run).await?;
    }
    ledger.ledger.delete_keyring("default", "shared").await?;
    let left: i64 = sqlx::query_scalar("SELECT count(*) FROM chancery.kept_digests")
        .fetch_one(ledger.ledger.pool())
        .await?;
    assert_eq!(left, 0);
    Ok(())
}

/// `chancery run` forgets what is over before it makes a run, and refuses a window that could not be kept.
#[tokio::test]
async fn windows_are_asked_for_by_manifests() -> anyhow::Result<()> {
    let (ledger, folder) = (TestLedger::new().await?, tempfile::tempdir()?);
    file(folder.path(), "a.txt", lines(0, 30))?;
    let chancery = Chancery::on(&ledger.url)?;
    let url = format!("file://{}", folder.path().display());
    let source = format!("[{{name: files, objects: {{url: \"{url}\"}}, format: {{type: Lines}}}}]");
    let manifest = |name: &str, idempotency: &str| {
        let manifest = Manifest::new().named(name).without("recordCount").without("recordSize");
        manifest.with("sources", &source).with("idempotency", idempotency)
    };
    for (idempotency, words) in [
        ("{window: 1h}", "applies to a keyring that outlives its runs; name one with keyringRef"),
        ("{by: None, window: 1h}", "applies to payloads that are known again"),
        ("{window: 0s}", "must be at least 1s and at most 87600h"),
        ("{window: soon}", "spec.idempotency.window"),
    ] {
        let refused = chancery.sign(&manifest("bad", idempotency), &[]).await?.expect_code(2)?;
        assert!(refused.stderr.contains(words), "{words}\n{}", refused.stderr);
    }
    let shared = |name: &str| manifest(name, "{window: 1h}").with("keyringRef", "{name: shared}");
    let signed = async |manifest: &Manifest| {
        let summary = chancery.sign(manifest, &["--output", "json"]).await?.expect_code(0)?.json()?;
        anyhow::Ok(summary["signed"].clone())
    };
    assert_eq!(signed(&shared("one")).await?, 30);
    let other = manifest("one", "{window: 2h}").with("keyringRef", "{name: shared}");
    let refused = chancery.sign(&other, &[]).await?.expect_code(2)?;
    assert!(refused.stderr.contains("spec.idempotency.window"), "{}", refused.stderr);
    chancery.run(&["delete", "one"]).await?.expect_code(0)?;
    assert_eq!(signed(&shared("two")).await?, 0);
    let over = "UPDATE chancery.kept_digests SET until = until - interval '1 hour'";
    sqlx::query(over).execute(ledger.ledger.pool()).await?;
    assert_eq!(signed(&shared("three")).await?, 30);
    Ok(())
}

#[tokio::test]
async fn nothing_is_left_of_runs_and_keyrings_that_are_deleted() -> anyhow::Result<()> {
    let (ledger, folder) = (TestLedger::new().await?, tempfile::tempdir()?);
    file(folder.path(), "a.txt", lines(0, 100))?;
    let tables = async || {
        let tables = "SELECT relname FROM pg_class WHERE relnamespace = 'chancery'::regnamespace
                       AND relkind = 'r' AND relname ~ '_[0-9]+$'";
        let rows = sqlx::query(tables).fetch_all(ledger.ledger.pool()).await?;
        anyhow::Ok(rows.into_iter().map(|row| row.get::<String, _>(0)).collect::<Vec<_>>())
    };
    let named = TestRun::new().named("one").keyring("shared").reads("files", folder.path());
    let named = named.created(&ledger).await?.stocked().await?;
    let own =
        TestRun::new().named("two").reads("files", folder.path()).created(&ledger).await?.stocked().await?;
    for run in [&named, &own] {
        run.take_in().await?;
        ledger.ledger.delete_run(&run.run).await?;
    }
    assert_eq!(tables().await?, [format!("digests_{}", named.run.keyring.id)]);
    ledger.ledger.delete_keyring("default", "shared").await?;
    assert_eq!(tables().await?, Vec::<String>::new());
    for table in ["intakes", "sources", "splits", "digests", "arrivals", "records"] {
        let left: i64 =
            sqlx::query_scalar(sqlx::AssertSqlSafe(format!("SELECT count(*) FROM chancery.{table}")))
                .fetch_one(ledger.ledger.pool())
                .await?;
        assert_eq!(left, 0, "{table}");
    }
    Ok(())
}

/// One that has the only split of a run in hand.
async fn at_work(run: &SeededRun<'_>, holder: &str) -> anyhow::Result<(IntakeSession, Reading)> {
    let mut intake = run.intake(holder).await?;
    let Task::List(held) = intake.next().await? else { bail!("nothing to list") };
    anyhow::ensure!(intake.listed(&held, [("{}".to_owned(), 0)].into_iter()).await?);
    let Task::Read(reading) = intake.next().await? else { bail!("nothing to read") };
    Ok((intake, reading))
}

fn all_of<'p>(payloads: impl Iterator<Item = &'p String>) -> Admission {
    let mut admission = Admission::from(0);
    for (position, payload) in (0..).zip(payloads) {
        admission.payloads.push(payload.as_bytes());
        admission.positions.push(position);
        admission.next = position + 1;
    }
    admission.done = true;
    admission
}

/// Waits until so many intakes wait for the commit of another.
async fn waiting(ledger: &TestLedger, wanted: i64) {
    let waiting = "SELECT count(*) FROM pg_stat_activity
                    WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE '%admit%'";
    eventually("they wait", async || {
        let waiting = sqlx::query_scalar::<_, i64>(waiting).fetch_one(ledger.ledger.pool()).await;
        waiting.is_ok_and(|waiting| waiting == wanted)
    })
    .await;
}

#[tokio::test]
async fn runs_that_meet_at_the_same_payloads_wait_for_each_other_and_never_in_a_circle() -> anyhow::Result<()>
{
    let (ledger, folder) = (TestLedger::new().await?, tempfile::tempdir()?);
    let run = |name: &str| TestRun::new().named(name).keys(1).keyring("shared").reads("files", folder.path());
    let first = run("one").created(&ledger).await?.stocked().await?;
    let second = run("two").created_beside(&first).await?.stocked().await?;
    let (mut one, of_one) = at_work(&first, "one").await?;
    let (mut two, of_two) = at_work(&second, "two").await?;
    let payloads: Vec<String> = sqlx::query_scalar(
        "SELECT p FROM unnest(ARRAY['first', 'second', 'third']) p ORDER BY sha256(convert_to(p, 'UTF8'))",
    )
    .fetch_all(ledger.ledger.pool())
    .await?;

    // Somebody else has the one in the middle, and gives it up once both wait.
    let mut third = PgConnection::connect(&ledger.url).await?;
    let taken = format!(
        "BEGIN; INSERT INTO chancery.digests_{ring} (digest, record, keyring_id, run_id)
         VALUES (sha256(convert_to('{}', 'UTF8')), 1, {ring}, 0)",
        payloads[1],
        ring = first.run.keyring.id
    );
    sqlx::raw_sql(AssertSqlSafe(taken)).execute(&mut third).await?;
    let (ascending, descending) = (all_of(payloads.iter()), all_of(payloads.iter().rev()));
    let given_up = async {
        waiting(&ledger, 2).await;
        sqlx::raw_sql("ROLLBACK").execute(&mut third).await
    };
    let later = async {
        waiting(&ledger, 1).await;
        two.admit(&of_two, &descending).await
    };
    let (of_first, of_second, gave_up) = tokio::join!(one.admit(&of_one, &ascending), later, given_up);
    gave_up?;
    let records = [of_first, of_second].map(|admitted| {
        admitted.expect("no deadlock").expect("both runs take some").expect("their own").records
    });
    assert_eq!(records, [3, 0]);
    for (run, mut intake) in [(&first, one), (&second, two)] {
        assert!(matches!(intake.next().await?, Task::Nothing(Refusal::Sealed)));
        run.finish().await?;
    }
    Ok(())
}
