//! An API server that refuses, fails, or does not answer.

use std::sync::Arc;
use std::time::Duration;

use chancery_api::Phase;
use chancery_api::condition::ConditionType;
use chancery_kit::stock;
use chancery_process::read_kek_file;
use kube::runtime::controller::Action;

use super::clock;
use super::fake::Failure;
use super::test_operator::TestOperator;
use super::world::{JOB, RUN, World, spec};
use chancery_operator::run::{ReconcileError, on_error};

/// A world whose run is seeded and has no Job yet.
async fn seeded() -> anyhow::Result<(World, TestOperator)> {
    let world = World::with_run(spec()).await?;
    let mut operator = world.operator().await;
    // The finalizer, and the run in the ledger.
    operator.step(RUN).await?;
    operator.step(RUN).await?;
    stock(&world.ledger.ledger, &world.stored(RUN).await?, &read_kek_file(&world.kek_file())?).await?;
    world.api.told();
    Ok((world, operator))
}

fn pause_after(operator: &TestOperator, error: &ReconcileError) -> Action {
    let watched = operator.watched(RUN).expect("the run");
    on_error(watched, error, Arc::clone(&operator.context))
}

#[tokio::test]
async fn a_job_that_is_refused_is_told_with_the_servers_sentence_and_recovers() -> anyhow::Result<()> {
    let (world, mut operator) = seeded().await?;
    // The Secret of the signers comes first.
    operator.step(RUN).await?;
    let said = "Job.batch \"demo-signer\" is invalid: spec.template.spec.priorityClassName: not found";
    world.api.fail(usize::MAX, "APPLY jobs", Failure::Refused(422, said));
    let mut pauses = Vec::new();
    for _ in 0..8 {
        let error = operator.step(RUN).await.expect_err("the Job is refused");
        assert_eq!(error.label(), "Job");
        pauses.push(pause_after(&operator, &error));
    }
    let wanted = [1, 2, 4, 8, 16, 32, 60, 60].map(|seconds| Action::requeue(Duration::from_secs(seconds)));
    assert_eq!(pauses, wanted, "later each time");
    let (progressing, reason, message) = world.condition(RUN, ConditionType::Progressing);
    assert_eq!((progressing, reason.as_str()), (false, "JobRefused"));
    assert!(message.contains(said), "{message}");
    assert_eq!(world.events().iter().filter(|reason| *reason == "JobRefused").count(), 1, "told once");
    assert_eq!(world.phase(RUN), Some(Phase::Signing));

    world.api.mend();
    operator.settle(RUN).await?;
    assert!(world.api.get("jobs", JOB).is_some());
    assert!(world.condition(RUN, ConditionType::Progressing).0);
    world.api.fail(1, "APPLY jobs", Failure::Refused(500, "etcd leader changed"));
    world.api.delete("jobs", JOB);
    let error = operator.step(RUN).await.expect_err("the Job is refused");
    assert_eq!(pause_after(&operator, &error), Action::requeue(Duration::from_secs(1)), "a fresh count");
    Ok(())
}

#[tokio::test]
async fn a_request_that_is_never_answered_ends_the_step_which_is_taken_again() -> anyhow::Result<()> {
    for failure in [Failure::Lost, Failure::AnswerLost] {
        let (world, mut operator) = seeded().await?;
        // The Secret of the signers comes first.
        operator.step(RUN).await?;
        world.api.fail(1, "APPLY jobs", failure);
        let unanswered = world.api.unanswered();
        let late = async {
            unanswered.await;
            clock::pass(Duration::from_secs(61)).await;
        };
        let (outcome, ()) = tokio::join!(operator.step(RUN), late);
        assert_eq!(outcome.expect_err("too late").label(), "TimedOut");
        operator.settle(RUN).await?;
        assert_eq!(world.api.created("jobs"), 1);
        assert!(world.condition(RUN, ConditionType::Progressing).0);
    }
    Ok(())
}

#[tokio::test]
async fn a_status_that_is_not_taken_is_written_on_the_next_step() -> anyhow::Result<()> {
    let (world, mut operator) = seeded().await?;
    world.api.fail(1, "APPLY signingruns/demo/status", Failure::Refused(500, "try again"));
    // The step that makes the Secret has nothing to tell if all records were told of before; that of the Job has.
    let error = match operator.step(RUN).await {
        Err(error) => error,
        Ok(_) => operator.step(RUN).await.expect_err("the status is not taken"),
    };
    assert_eq!(
        (error.label(), pause_after(&operator, &error)),
        ("Status", Action::requeue(Duration::from_secs(1)))
    );
    assert_eq!(world.api.all("secrets").len(), 1, "what was done stays done");
    operator.settle(RUN).await?;
    assert_eq!(world.phase(RUN), Some(Phase::Signing));
    assert!(world.events().contains(&"Sealed".to_owned()), "reported with the status that was taken");
    Ok(())
}

#[tokio::test]
async fn an_api_server_that_fails_every_other_request_delays_a_run_and_no_more() -> anyhow::Result<()> {
    let world = World::with_run(spec()).await?;
    let mut operator = world.operator().await;
    for request in 0..20 {
        world.api.fail_after(2 * request, 1, "", Failure::Refused(503, "apiserver is shutting down"));
    }
    operator.settle_at_last(RUN).await?;
    world.api.mend();
    operator.settle(RUN).await?;
    assert_eq!(world.phase(RUN), Some(Phase::Signing));
    assert_eq!(world.api.created("jobs"), 1);
    Ok(())
}
