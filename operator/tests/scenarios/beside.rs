//! Records that are made beside the signing.

use chancery_api::Phase;
use chancery_api::condition::ConditionType;
use serde_json::{Value, json};

use super::test_operator::TestOperator;
use super::world::{JOB, RUN, World, spec};

/// 20 records of which one transaction makes no more than 4, in 4 batches.
fn long() -> Value {
    let mut spec = spec();
    spec["recordSize"] = json!(1_048_576);
    spec
}

/// A world in which 12 records are there; no other can be made.
async fn interrupted() -> anyhow::Result<(World, TestOperator)> {
    let world = World::with_run(long()).await?;
    let mut operator = world.operator().await;
    // The finalizer, and the run in the ledger.
    operator.step(RUN).await?;
    operator.step(RUN).await?;
    let run = world.stored(RUN).await?;
    for chunk in 1..=3 {
        world.ledger.ledger.generate_chunk(&run, chunk).await?;
    }
    world
        .ledger
        .execute(
            "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql
                 AS $$ BEGIN RAISE 'no more records today'; END $$;
             CREATE TRIGGER refuse BEFORE INSERT ON chancery.records FOR EACH ROW EXECUTE FUNCTION refuse()",
        )
        .await?;
    Ok((world, operator))
}

#[tokio::test]
async fn signing_begins_while_records_are_missing_and_ends_when_all_are_signed() -> anyhow::Result<()> {
    let (world, mut operator) = interrupted().await?;
    operator.settle(RUN).await?;
    assert_eq!(world.phase(RUN), Some(Phase::Signing));
    assert!(world.condition(RUN, ConditionType::KeyringReady).0);
    assert!(!world.condition(RUN, ConditionType::Sealed).0);
    let job = world.api.get("jobs", JOB).expect("the signers do not wait for the last record");
    assert_eq!(job["spec"]["suspend"], false);

    world.sign(RUN, usize::MAX).await?;
    operator.look(RUN).await?;
    operator.settle(RUN).await?;
    let status = world.run(RUN)["status"].clone();
    assert_eq!(status["records"], json!({"total": 20, "seeded": 12, "signed": 10}));
    assert_eq!((&status["batches"]["total"], &status["batches"]["signed"]), (&json!(2), &json!(2)));
    assert_eq!(world.phase(RUN), Some(Phase::Signing), "all that is there is signed, and more is to come");
    assert!(!world.condition(RUN, ConditionType::Complete).0);

    world.ledger.execute("DROP TRIGGER refuse ON chancery.records").await?;
    drop(operator);
    let mut operator = world.operator().await;
    operator.settle(RUN).await?;
    assert!(world.condition(RUN, ConditionType::Sealed).0);
    world.sign(RUN, usize::MAX).await?;
    operator.look(RUN).await?;
    operator.settle(RUN).await?;
    assert_eq!(world.phase(RUN), Some(Phase::Complete));
    assert_eq!(world.api.created("jobs"), 1);
    world.assert_audit_holds(RUN).await
}

#[tokio::test]
async fn making_records_that_fails_is_reported_while_the_signers_continue() -> anyhow::Result<()> {
    let (world, mut operator) = interrupted().await?;
    operator.settle(RUN).await?;
    let (progressing, reason, message) = world.condition(RUN, ConditionType::Progressing);
    assert_eq!((progressing, reason.as_str()), (false, "SourceFailed"), "{message}");
    assert!(message.contains("no more records today"), "{message}");
    assert_eq!(world.events().iter().filter(|reason| *reason == "SourceFailed").count(), 1);
    assert!(!world.condition(RUN, ConditionType::Failed).0);
    world.sign(RUN, 1).await?;
    operator.look(RUN).await?;
    operator.settle(RUN).await?;
    assert_eq!(world.run(RUN)["status"]["records"]["signed"], 5);
    Ok(())
}

#[tokio::test]
async fn a_run_that_the_ledger_lost_after_its_first_batches_is_not_created_again() -> anyhow::Result<()> {
    let (world, mut operator) = interrupted().await?;
    operator.settle(RUN).await?;
    let run = world.stored(RUN).await?;
    world.ledger.ledger.delete_run(&run).await?;
    drop(operator);
    let mut operator = world.operator().await;
    operator.settle(RUN).await?;
    assert_eq!(world.condition(RUN, ConditionType::Failed).1, "LedgerLost");
    assert!(world.stored_runs().await?.is_empty());
    Ok(())
}
