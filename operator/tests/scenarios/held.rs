//! Runs with sources that are beyond a limit wait, and go on once they are not.

use std::time::Duration;

use anyhow::{bail, ensure};
use chancery_kit::TestRun;
use chancery_operator::run::{Bounds, Capacity, Limits};
use chancery_store::intake::{Admission, Refusal, Task};

use super::clock::pass;
use super::test_operator::let_time_pass;
use super::world::World;

/// Far more time than it takes.
const LATEST: Duration = Duration::from_secs(60);

/// Why a run is held once it is, or is not, by an operator within these bounds.
async fn held(world: &World, run: i32, bounds: Bounds, is_held: bool) -> anyhow::Result<Option<String>> {
    let mut operator = world.operator_within(bounds).await;
    operator.keep_held();
    let mut passed = Duration::ZERO;
    loop {
        let progress = world.ledger.ledger.progress(&[run]).await?.pop();
        let held = progress.and_then(|progress| progress.held);
        if held.is_some() == is_held {
            return Ok(held);
        }
        ensure!(passed < LATEST, "held: {held:?}");
        pass(Duration::from_secs(1)).await;
        let_time_pass().await;
        passed += Duration::from_secs(1);
    }
}

#[tokio::test]
async fn a_run_that_reads_more_than_it_or_its_namespace_may_have_or_than_fits_waits() -> anyhow::Result<()> {
    let (world, folder) = (World::new().await?, tempfile::tempdir()?);
    let run = TestRun::new().keys(1).reads("files", folder.path()).created(&world.ledger).await?;
    let mut intake = run.intake("by hand").await?;
    let Task::List(listing) = intake.next().await? else { bail!("nothing to list") };
    assert!(intake.listed(&listing, [("{}".to_owned(), 0)].into_iter()).await?);
    let Task::Read(split) = intake.next().await? else { bail!("nothing to read") };
    let mut admission = Admission::from(0);
    admission.payloads.push(&[b'x'; 20_000]);
    admission.positions.push(0);
    admission.next = 20_001;
    assert!(matches!(intake.admit(&split, &admission).await?, Ok(Some(_))));
    admission.begin_again(20_001);
    admission.done = true;

    let limited = |limits| Bounds { limits, capacity: None };
    let of_run = limited(Limits { bytes_per_run: 20_000, ..Limits::default() });
    let of_namespace = limited(Limits { bytes_per_namespace: 20_000, ..Limits::default() });
    let small = Bounds { capacity: Some(Capacity::new(1_000, Some(0))), ..Bounds::default() };
    for (bounds, words) in [
        (of_run, "one run may take 19.5 KiB"),
        (of_namespace, "the runs of the namespace take"),
        (small, "the database takes"),
    ] {
        let why = held(&world, run.run.id, bounds, true).await?.unwrap_or_default();
        assert!(why.contains(words), "{why}");
        assert_eq!(intake.admit(&split, &admission).await?, Err(Refusal::Held));
        assert_eq!(held(&world, run.run.id, Bounds::default(), false).await?, None);
    }
    assert!(matches!(intake.admit(&split, &admission).await?, Ok(Some(admitted)) if admitted.done));
    Ok(())
}
