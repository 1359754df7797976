//! Caches that lag behind.

use chancery_api::Phase;
use serde_json::json;

use super::clock::pass;
use super::courier::{DELIVERY, delivering};
use super::reader::{INTAKE, reading};
use super::test_operator::A_WHILE;
use super::world::{JOB, RUN, World, spec};

#[tokio::test]
async fn a_job_that_the_watch_has_not_brought_yet_is_not_made_twice() -> anyhow::Result<()> {
    let world = World::with_run(spec()).await?;
    let mut operator = world.operator().await;
    operator.is_blind = true;
    operator.settle(RUN).await?;
    assert_eq!(world.api.created("jobs"), 1);
    let job = world.api.get("jobs", JOB);
    world.api.told();
    for _ in 0..3 {
        operator.step(RUN).await?;
    }
    assert_eq!(world.api.get("jobs", JOB), job, "applied again, it is the same");
    operator.is_blind = false;
    operator.settle(RUN).await?;
    world.api.told();
    operator.settle(RUN).await?;
    assert!(world.api.told().is_empty());
    Ok(())
}

/// Made again it would name another Secret, and a Job does not change what its pods are given.
#[tokio::test]
async fn the_job_of_an_intake_or_a_delivery_that_the_watch_has_not_brought_yet_is_not_made_again()
-> anyhow::Result<()> {
    for job in [INTAKE, DELIVERY] {
        let (world, mut operator) = if job == INTAKE {
            let world = World::with_run(reading()).await?;
            let operator = world.operator().await;
            (world, operator)
        } else {
            let (world, operator) = World::signing(delivering()).await?;
            world.sign(RUN, 2).await?;
            operator.look(RUN).await?;
            (world, operator)
        };
        operator.is_blind = true;
        for _ in 0..20 {
            operator.step(RUN).await?;
            if operator.is_busy(RUN) {
                operator.woken.recv().await;
            }
            let status = world.run(RUN)["status"].to_string();
            assert!(!status.contains("JobRefused"), "{status}");
        }
        let made = world.api.get("jobs", job).expect("the Job");
        let secrets = world.api.created("secrets");
        world.api.told();
        operator.step(RUN).await?;
        assert_eq!(world.api.get("jobs", job), Some(made));
        assert_eq!(world.api.created("secrets"), secrets);
        assert!(!world.api.told().contains(&format!("APPLY jobs/{job}")));

        operator.is_blind = false;
        operator.settle(RUN).await?;
        assert_eq!(world.api.get("jobs", job).expect("the Job")["spec"]["suspend"], false);
        assert_eq!(world.api.created("secrets"), secrets);
    }
    Ok(())
}

#[tokio::test]
async fn a_job_that_is_gone_before_the_watch_says_so_comes_back_once_it_does() -> anyhow::Result<()> {
    let (world, mut operator) = World::signing(spec()).await?;
    operator.is_blind = true;
    world.api.remove("jobs", JOB);
    operator.settle(RUN).await?;
    assert!(world.api.told().is_empty());
    // Deleting what is gone is no error.
    world.api.edit("signingruns", RUN, json!({"spec": {"signerTemplate": {"nodeSelector": {"a": "b"}}}}));
    operator.step(RUN).await?;
    operator.is_blind = false;
    operator.settle(RUN).await?;
    assert_eq!(world.api.created("jobs"), 2);
    assert_eq!(world.phase(RUN), Some(Phase::Signing));
    Ok(())
}

#[tokio::test]
async fn a_job_that_took_the_name_meanwhile_is_not_deleted() -> anyhow::Result<()> {
    let (world, mut operator) = World::signing(spec()).await?;
    operator.is_blind = true;
    world.api.remove("jobs", JOB);
    let foreign = world.api.create(
        "jobs",
        json!({
            "apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": JOB}, "spec": {"template": {}},
        }),
    );
    world.api.delete("signingruns", RUN);
    operator.settle(RUN).await?;
    assert_eq!(world.api.get("jobs", JOB), Some(foreign));
    assert!(world.api.get("signingruns", RUN).is_none());
    Ok(())
}

#[tokio::test]
async fn a_run_that_is_older_than_the_written_status_does_not_take_the_status_back() -> anyhow::Result<()> {
    let world = World::with_run(spec()).await?;
    let mut operator = world.operator().await;
    operator.step(RUN).await?;
    let old = operator.watched(RUN).expect("the run");
    operator.settle(RUN).await?;
    let transitions = |world: &World| world.run(RUN)["status"]["conditions"].clone();
    let (status, seeded) = (world.run(RUN)["status"].clone(), transitions(&world));
    let events = world.events();
    world.api.told();
    operator.step_with(old).await?;
    pass(A_WHILE).await;
    operator.settle(RUN).await?;
    assert_eq!(world.run(RUN)["status"]["phase"], status["phase"]);
    assert_eq!(transitions(&world), seeded);
    assert_eq!(world.events(), events);
    Ok(())
}

#[tokio::test]
async fn a_run_that_is_seen_without_its_finalizer_although_it_has_it_loses_nothing() -> anyhow::Result<()> {
    let world = World::with_run(spec()).await?;
    let mut operator = world.operator().await;
    let old = operator.watched(RUN).expect("the run");
    operator.step(RUN).await?;
    operator.step_with(old).await.expect_err("a conflict: the object is newer");
    operator.settle(RUN).await?;
    assert_eq!(world.phase(RUN), Some(Phase::Signing));
    Ok(())
}
