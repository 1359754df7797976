//! The bytes of dead letters are kept for as long as the run says, and no longer.

use std::time::Duration;

use anyhow::{bail, ensure};
use chancery_kit::{SeededRun, TestLedger, TestRun};
use chancery_store::DeadLetter;
use chancery_store::intake::{Admission, DeadArrival, Task};

use super::clock::pass;
use super::test_operator::let_time_pass;
use super::world::World;

/// More than are swept at a time.
const DEAD: i64 = 250;

/// Far more time than it takes.
const LATEST: Duration = Duration::from_secs(120);

/// A run that reads nothing but dead letters.
async fn run<'l>(ledger: &'l TestLedger, name: &str) -> anyhow::Result<SeededRun<'l>> {
    let folder = tempfile::tempdir()?;
    let run = TestRun::new().named(name).keys(1).reads("files", folder.path()).created(ledger).await?;
    let mut intake = run.intake("by hand").await?;
    let Task::List(held) = intake.next().await? else { bail!("nothing to list") };
    assert!(intake.listed(&held, [("{}".to_owned(), 0)].into_iter()).await?);
    let Task::Read(split) = intake.next().await? else { bail!("nothing to read") };
    let mut admission = Admission::from(0);
    admission.dead.extend((0..DEAD).map(|position| {
        DeadArrival::at_stage(position, "Parse", "it is not JSON".to_owned(), b"no json".to_vec())
    }));
    (admission.next, admission.done) = (DEAD, true);
    assert!(matches!(intake.admit(&split, &admission).await?, Ok(Some(_))));
    Ok(run)
}

/// How many dead letters it has, how many of them with their bytes, and how many it counts.
async fn dead(run: &SeededRun<'_>) -> anyhow::Result<(i64, i64, i64)> {
    let dead = "SELECT count(*), count(raw), (SELECT dead FROM chancery.intakes WHERE run_id = $1)
                  FROM chancery.arrivals WHERE run_id = $1 AND state = 'Dead' AND reason = 'it is not JSON'";
    Ok(sqlx::query_as(dead).bind(run.run.id).fetch_one(run.ledger.ledger.pool()).await?)
}

#[tokio::test]
async fn bytes_of_dead_letters_are_removed_after_the_retention_and_their_counts_stay() -> anyhow::Result<()> {
    let world = World::new().await?;
    let (short, long) = (run(&world.ledger, "short").await?, run(&world.ledger, "long").await?);
    let retention = Duration::from_millis(1);
    world.ledger.ledger.set_dead_letter(&short.run, DeadLetter { limit: 1_000, retention }).await?;
    assert_eq!(dead(&short).await?, (DEAD, DEAD, DEAD));

    let mut operator = world.operator().await;
    operator.keep_swept();
    let mut passed = Duration::ZERO;
    // Until nothing is due any more, so that nobody looks through them again.
    while !world.ledger.ledger.runs_to_sweep(10).await?.is_empty() {
        ensure!(passed < LATEST, "the bytes stay: {:?}", dead(&short).await?);
        pass(Duration::from_secs(1)).await;
        let_time_pass().await;
        passed += Duration::from_secs(1);
    }
    assert_eq!(dead(&short).await?, (DEAD, 0, DEAD));
    assert_eq!(dead(&long).await?, (DEAD, DEAD, DEAD));
    let due = "SELECT r.name, i.sweep_at IS NULL FROM chancery.intakes i JOIN chancery.runs r ON r.id = i.run_id ORDER BY 1";
    let due: Vec<(String, bool)> = sqlx::query_as(due).fetch_all(world.ledger.ledger.pool()).await?;
    assert_eq!(due, [("long".to_owned(), false), ("short".to_owned(), true)]);
    Ok(())
}
