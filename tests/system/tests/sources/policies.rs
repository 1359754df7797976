//! Runs that a policy judges: each arrival is what the policy says, in exactly one state, whatever died in between.

use std::time::Duration;

use anyhow::ensure;
use chancery_kit::{Offered, Point, SeededRun, StepRelay, TestLedger, TestRun, server};
use serde_json::{Value, json};

use crate::every_step::{ended_before, intake_by, kept, socket_of};
use crate::{file, holds, lines};

/// Three is rejected, of eight and more all are flagged, five raises an alert, and six cannot be judged.
pub(crate) fn policy() -> Value {
    json!({"validations": [
        {"name": "not-three", "expression": "record.number != 3", "message": "three is refused", "action": "Reject"},
        {"name": "small", "expression": "record.number < 8", "message": "a large number", "action": "Flag"},
        {"name": "not-five", "expression": "record.number != 5", "message": "five", "action": "Alert"},
        {"name": "of-six", "expression": "record.number != 6 || record.none == 1", "message": "six", "action": "Reject"},
    ]})
}

fn line(number: usize) -> String {
    lines(number, number + 1).collect()
}

/// What becomes of these numbers, each once.
fn judged(numbers: impl IntoIterator<Item = usize>) -> Offered {
    let numbers: Vec<usize> = numbers.into_iter().collect();
    let of = |which: fn(usize) -> bool| -> Vec<String> {
        numbers.iter().filter(|number| which(**number)).map(|number| line(*number)).collect()
    };
    Offered::lines(of(|number| number != 3 && number != 6))
        .with_rejected(of(|number| number == 3))
        .with_dead(of(|number| number == 6))
}

/// The numbers of the flagged records, those with an alert, and the rules of what was refused.
async fn marks(run: &SeededRun<'_>) -> anyhow::Result<(Vec<i64>, Vec<i64>, Vec<String>)> {
    let number = "(convert_from(r.payload, 'UTF8')::jsonb ->> 'number')::bigint";
    let of = |table: &str| {
        format!(
            "SELECT {number} FROM chancery.{table} m JOIN chancery.records r ON r.run_id = m.run_id AND r.record = m.record
              WHERE m.run_id = $1 ORDER BY 1"
        )
    };
    let pool = run.ledger.ledger.pool();
    let flags = sqlx::AssertSqlSafe(of("flags"));
    let alerts = sqlx::AssertSqlSafe(of("alerts"));
    let rules =
        "SELECT state || ' ' || coalesce(stage, '') || ' ' || rule || ': ' || reason FROM chancery.arrivals
                  WHERE run_id = $1 AND rule IS NOT NULL ORDER BY 1";
    Ok((
        sqlx::query_scalar(flags).bind(run.run.id).fetch_all(pool).await?,
        sqlx::query_scalar(alerts).bind(run.run.id).fetch_all(pool).await?,
        sqlx::query_scalar(rules).bind(run.run.id).fetch_all(pool).await?,
    ))
}

#[tokio::test]
async fn each_arrival_is_what_the_policy_of_its_run_says() -> anyhow::Result<()> {
    let (ledger, folder) = (TestLedger::new().await?, tempfile::tempdir()?);
    file(folder.path(), "a.txt", lines(0, 12).chain(lines(9, 10)))?;
    let run = TestRun::new().keys(1).reads("files", folder.path()).judged_by("numbers", &policy());
    let run = run.created(&ledger).await?.stocked().await?;
    run.take_in().await?;
    let mut offered = judged(0..12);
    offered.payloads.push(line(9).into_bytes());
    holds(&run, &offered).await?;
    let (flags, alerts, rules) = marks(&run).await?;
    assert_eq!((flags, alerts), (vec![8, 9, 10, 11], vec![5]));
    assert_eq!(rules.len(), 2, "{rules:?}");
    assert!(rules[0].starts_with("Dead Policy of-six: "), "{rules:?}");
    assert_eq!(rules[1], "Rejected  not-three: three is refused");
    Ok(())
}

#[tokio::test]
async fn a_flood_of_what_is_rejected_is_no_flood_of_dead_letters() -> anyhow::Result<()> {
    let (ledger, folder) = (TestLedger::new().await?, tempfile::tempdir()?);
    file(folder.path(), "a.txt", lines(0, 30_000))?;
    let none =
        json!({"validations": [{"name": "none", "expression": "record.number < 5", "message": "too large"}]});
    let run = TestRun::new().keys(1).dead_limit(0).reads("files", folder.path()).judged_by("none", &none);
    let run = run.created(&ledger).await?.stocked().await?;
    run.take_in().await?;
    holds(&run, &Offered::lines(lines(0, 5)).with_rejected(lines(5, 30_000))).await
}

/// Kills an intake at every second step; another one goes on. What the ledger holds before one step is what it holds where the step
/// before that was not told of: so the two points meet each state of it between them.
async fn killed_at_every_step(point: Point) -> anyhow::Result<()> {
    let (ledger, folder) = (TestLedger::new().await?, tempfile::tempdir()?);
    file(folder.path(), "a.txt", lines(0, 7))?;
    file(folder.path(), "b.txt", lines(7, 12))?;
    for step in (1..200).step_by(2) {
        let run =
            TestRun::new().named(&format!("step-{step}")).keys(1).lease_duration(Duration::from_secs(30));
        let run = run.reads("files", folder.path()).judged_by("numbers", &policy());
        let run = run.created(&ledger).await?.stocked().await?;
        let relay = StepRelay::to(&socket_of(server()), step, point).await?;
        let mut intake = intake_by(&relay, &run, "killed").await?;
        if let Some((code, log)) = ended_before(&relay, &mut intake).await? {
            assert_eq!(code, Some(0), "{log}");
            assert!(step > 10, "there are more steps than {step}");
            return holds(&run, &judged(0..12)).await;
        }
        intake.kill().await?;
        relay.cut();
        ledger.ledger.release_intakes(&run.run, &["killed".to_owned()]).await?;
        run.take_in().await?;
        let kept = kept(&run, &judged(0..12), step).await;
        assert!(kept.is_ok(), "killed at step {step}, {point:?}: {kept:?}");
        let (flags, alerts, rules) = marks(&run).await?;
        ensure!(
            (flags, alerts) == (vec![8, 9, 10, 11], vec![5]) && rules.len() == 2,
            "at step {step}: {rules:?}"
        );
    }
    anyhow::bail!("an intake has more than 200 steps");
}

#[tokio::test]
async fn an_intake_that_is_killed_before_any_step_judges_nothing_twice_and_leaves_nothing_unjudged()
-> anyhow::Result<()> {
    killed_at_every_step(Point::Unasked).await
}

#[tokio::test]
async fn an_intake_that_is_killed_before_it_hears_of_any_commit_judges_nothing_twice() -> anyhow::Result<()> {
    killed_at_every_step(Point::Unanswered).await
}

#[tokio::test]
async fn what_is_signed_is_enriched_and_what_came_is_kept_and_known_again() -> anyhow::Result<()> {
    let (ledger, folder) = (TestLedger::new().await?, tempfile::tempdir()?);
    file(
        folder.path(),
        "a.txt",
        ["{\"number\": 1}", "{\"number\": 2}", "{\"number\": 1}"].map(str::to_owned),
    )?;
    let plain =
        TestRun::new().named("plain").keyring("ring").keys(1).reads("files", folder.path()).record_limit(1);
    let plain = plain.created(&ledger).await?.stocked().await?;
    plain.take_in().await?;
    plain.finish().await?;
    let doubled = json!({"enrichments": [{"field": "doubled", "expression": "record.number * 2"}]});
    let run = TestRun::new().named("enriched").keyring("ring").keys(1).reads("files", folder.path());
    let run = run.judged_by("doubled", &doubled).created_beside(&plain).await?.stocked().await?;
    run.take_in().await?;
    run.finish().await?;
    let pool = ledger.ledger.pool();
    let records: Vec<(String, String, bool)> = sqlx::query_as(
        "SELECT convert_from(r.payload, 'UTF8'), convert_from(o.payload, 'UTF8'), r.identity = sha256(o.payload)
           FROM chancery.records r JOIN chancery.originals o ON o.run_id = r.run_id AND o.record = r.record
          WHERE r.run_id = $1",
    )
    .bind(run.run.id)
    .fetch_all(pool)
    .await?;
    let wanted = ("{\"doubled\":4,\"number\":2}".to_owned(), "{\"number\": 2}".to_owned(), true);
    assert_eq!(records, [wanted]);
    let repeats: Vec<i64> = sqlx::query_scalar(
        "SELECT duplicate_run::bigint FROM chancery.arrivals WHERE run_id = $1 AND state = 'Duplicate'",
    )
    .bind(run.run.id)
    .fetch_all(pool)
    .await?;
    assert_eq!(
        repeats,
        [i64::from(plain.run.id); 2],
        "what the plain run signed comes again, as it came there"
    );

    // Read again, it is what came, and is enriched by whoever reads it.
    let again = TestRun::new().named("again").keys(1).replays("enriched", "All");
    let again = again.created(&ledger).await?.stocked().await?;
    again.take_in().await?;
    holds(&again, &Offered::lines(["{\"number\": 2}"])).await
}

#[tokio::test]
async fn what_was_rejected_is_read_again_and_judged_anew() -> anyhow::Result<()> {
    let (ledger, folder) = (TestLedger::new().await?, tempfile::tempdir()?);
    file(folder.path(), "a.txt", lines(0, 8))?;
    let run =
        TestRun::new().named("first").keys(1).reads("files", folder.path()).judged_by("numbers", &policy());
    let run = run.created(&ledger).await?.stocked().await?;
    run.take_in().await?;
    holds(&run, &judged(0..8)).await?;
    for (name, select, number) in [("rejected", "Rejected", 3), ("dead", "DeadLetters", 6)] {
        let again = TestRun::new().named(name).keys(1).replays("first", select);
        let again = again.created(&ledger).await?.stocked().await?;
        again.take_in().await?;
        holds(&again, &Offered::lines([line(number)])).await?;
    }
    let judged_again = TestRun::new().named("again").keys(1).replays("first", "Rejected");
    let judged_again = judged_again.judged_by("numbers", &policy()).created(&ledger).await?.stocked().await?;
    judged_again.take_in().await?;
    holds(&judged_again, &Offered::lines([""; 0]).with_rejected([line(3)])).await
}
