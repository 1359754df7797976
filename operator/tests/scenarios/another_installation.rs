//! Two installations of Chancery watch one namespace: whichever came first operates a run, and the other leaves it alone.

use chancery_api::{Phase, names};
use kube::runtime::controller::Action;
use serde_json::{Value, json};

use super::test_operator::{INSTALLATION, TestOperator};
use super::world::{JOB, RUN, World, spec};

const ANOTHER: &str = "team-a/chancery-operator";

fn operated_by(installation: Option<&str>) -> Value {
    json!({"metadata": {"annotations": {names::ANNOTATION_OPERATED_BY: installation}}})
}

fn warnings(world: &World) -> usize {
    world.events().iter().filter(|reason| *reason == "OperatedByAnother").count()
}

#[tokio::test]
async fn the_first_writes_that_it_operates_the_run_and_then_makes_something_for_it() -> anyhow::Result<()> {
    let world = World::with_run(spec()).await?;
    let mut operator = world.operator().await;
    operator.step(RUN).await?;
    let run = world.run(RUN);
    assert_eq!(run["metadata"]["annotations"][names::ANNOTATION_OPERATED_BY], INSTALLATION);
    assert_eq!(run["metadata"]["finalizers"], json!([names::FINALIZER]));
    assert!(world.stored_runs().await?.is_empty(), "nothing was made before that was written");
    operator.settle(RUN).await?;
    assert_eq!(world.phase(RUN), Some(Phase::Signing));
    Ok(())
}

#[tokio::test]
async fn the_second_writes_nothing_but_one_event_that_says_whose_the_run_is() -> anyhow::Result<()> {
    let world = World::with_run(spec()).await?;
    world.api.edit("signingruns", RUN, operated_by(Some(ANOTHER)));
    let before = world.run(RUN);
    let mut operator = world.operator().await;
    assert_eq!(operator.settle(RUN).await?, Action::await_change());
    assert_eq!(operator.settle(RUN).await?, Action::await_change());
    assert_eq!(world.run(RUN), before);
    assert!(world.stored_runs().await?.is_empty());
    assert_eq!(warnings(&world), 1);
    let note = world.api.all("events")[0]["note"].to_string();
    assert!(note.contains(ANOTHER) && note.contains(INSTALLATION), "{note}");
    assert!(note.contains("kubectl annotate -n default signingrun demo chancery.dev/operated-by-"), "{note}");

    // Its deletion is the other's as well: the other has its part of the ledger.
    world.api.edit("signingruns", RUN, json!({"metadata": {"finalizers": [names::FINALIZER]}}));
    world.api.delete("signingruns", RUN);
    operator.settle(RUN).await?;
    assert_eq!(world.run(RUN)["metadata"]["finalizers"], json!([names::FINALIZER]));
    assert_eq!(warnings(&world), 1);
    Ok(())
}

#[tokio::test]
async fn of_two_that_come_at_the_same_time_one_is_refused() -> anyhow::Result<()> {
    let world = World::with_run(spec()).await?;
    let mut operator = world.operator().await;
    let nobodys = operator.watched(RUN).expect("it is there");
    world.api.edit("signingruns", RUN, operated_by(Some(ANOTHER)));
    operator.step_with(nobodys).await.expect_err("the object has changed meanwhile");
    assert_eq!(world.run(RUN)["metadata"]["annotations"][names::ANNOTATION_OPERATED_BY], ANOTHER);
    assert!(world.stored_runs().await?.is_empty());
    assert_eq!(operator.settle(RUN).await?, Action::await_change());
    assert!(world.api.get("jobs", JOB).is_none());
    Ok(())
}

#[tokio::test]
async fn a_run_that_is_given_over_goes_on() -> anyhow::Result<()> {
    let world = World::with_run(spec()).await?;
    world.api.edit("signingruns", RUN, operated_by(Some(ANOTHER)));
    let mut operator = world.operator().await;
    operator.settle(RUN).await?;
    world.api.edit("signingruns", RUN, operated_by(None));
    operator.settle(RUN).await?;
    assert_eq!(world.run(RUN)["metadata"]["annotations"][names::ANNOTATION_OPERATED_BY], INSTALLATION);
    assert_eq!(world.phase(RUN), Some(Phase::Signing));
    Ok(())
}

#[tokio::test]
async fn a_run_that_another_takes_is_let_go_of_each_time() -> anyhow::Result<()> {
    let (world, mut operator) = World::signing(spec()).await?;
    let counted = |operator: &TestOperator| -> anyhow::Result<Vec<String>> {
        let mut shown = operator.shown("chancery_runs{")?;
        shown.retain(|line| !line.ends_with(" 0"));
        Ok(shown)
    };
    for times in 1..=2 {
        assert_eq!(counted(&operator)?, ["chancery_runs{phase=\"Signing\"} 1"]);
        world.api.edit("signingruns", RUN, operated_by(Some(ANOTHER)));
        operator.settle(RUN).await?;
        assert!(counted(&operator)?.is_empty(), "it is the other's to count");
        assert_eq!(warnings(&world), times);
        world.api.edit("signingruns", RUN, operated_by(None));
        operator.settle(RUN).await?;
    }
    assert_eq!(world.phase(RUN), Some(Phase::Signing));
    Ok(())
}
