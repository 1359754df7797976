//! An operator that is killed at any point, and another that goes on without knowing anything.

use super::fake::{Failure, FakeApi};
use super::life::{assert_nothing_is_left, go_on, passing};
use super::world::{RUN, World, manifest};

/// More rounds than any life takes.
const MOST_ROUNDS: usize = 40;

/// Lets a run live. An operator whose request is left without an answer is killed, and another is
/// started. Tells how many were killed.
async fn live(world: &World) -> anyhow::Result<usize> {
    let mut killed = 0;
    let mut operator = world.operator().await;
    for _ in 0..MOST_ROUNDS {
        let unanswered = world.api.unanswered();
        let ends = tokio::select! {
            settled = operator.settle(RUN) => {
                settled?;
                false
            }
            () = unanswered => true,
        };
        if ends {
            killed += 1;
            drop(operator);
            operator = world.operator().await;
        } else if !go_on(world).await? {
            assert_nothing_is_left(world).await?;
            return Ok(killed);
        }
    }
    anyhow::bail!("it does not end: {:?}", world.run(RUN))
}

/// A fresh cluster, and the ledger as it was left.
fn begin(world: &mut World) {
    world.api = FakeApi::default();
    world.api.create("signingruns", manifest(RUN, passing()));
}

#[tokio::test]
async fn killed_at_any_request_whether_carried_out_or_not_it_comes_to_the_same_end() -> anyhow::Result<()> {
    let mut world = World::new().await?;
    begin(&mut world);
    assert_eq!(live(&world).await?, 0);
    let mut requests = world.api.told();
    requests.retain(|request| !request.starts_with("GET"));
    assert!(requests.len() >= 12, "{requests:?}");

    for failure in [Failure::Lost, Failure::AnswerLost] {
        for (at, request) in requests.iter().enumerate() {
            begin(&mut world);
            world.api.fail_after(at, 1, "", failure.clone());
            let outcome = live(&world).await;
            let what = format!("killed at request {at}, {request}, {failure:?}");
            assert_eq!(outcome.map_err(|error| error.context(what.clone()))?, 1, "{what}");
        }
    }
    Ok(())
}

#[tokio::test]
async fn killed_after_any_step_and_whatever_was_under_way_it_comes_to_the_same_end() -> anyhow::Result<()> {
    let mut world = World::new().await?;
    for steps in 0..8 {
        begin(&mut world);
        let mut operator = world.operator().await;
        for _ in 0..steps {
            operator.step(RUN).await?;
        }
        drop(operator);
        live(&world).await.map_err(|error| error.context(format!("killed after {steps} steps")))?;
    }
    Ok(())
}

#[tokio::test]
async fn killed_again_and_again_it_comes_to_the_same_end() -> anyhow::Result<()> {
    let mut world = World::new().await?;
    begin(&mut world);
    // Each operator comes two requests further than the one before.
    for nth in 1..=12 {
        world.api.fail_after(3 * nth, 1, "", Failure::AnswerLost);
    }
    assert!(live(&world).await? > 3);
    Ok(())
}
