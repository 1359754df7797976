//! A Lease does not fence: two operators that both believe that they lead.

use super::clock::pass;
use super::life::{assert_nothing_is_left, go_on, passing};
use super::test_operator::{A_WHILE, TestOperator};
use super::world::{RUN, World, spec};

/// More rounds than any life takes.
const MOST_ROUNDS: usize = 60;

async fn wait_for_background(operator: &mut TestOperator) {
    if operator.is_busy(RUN) {
        operator.woken.recv().await;
    }
}

#[tokio::test]
async fn two_operators_that_take_turns_do_what_one_would_have_done() -> anyhow::Result<()> {
    let world = World::with_run(passing()).await?;
    let (mut one, mut other) = (world.operator().await, world.operator().await);
    for round in 0..MOST_ROUNDS {
        // One of them sees what was a while ago.
        other.is_blind = round % 3 == 1;
        for operator in [&mut one, &mut other] {
            // A conflict with the other is tried again.
            let _conflict = operator.step(RUN).await;
        }
        wait_for_background(&mut one).await;
        wait_for_background(&mut other).await;
        pass(A_WHILE).await;
        if !go_on(&world).await? {
            return assert_nothing_is_left(&world).await;
        }
    }
    anyhow::bail!("it does not end: {:?}", world.run(RUN))
}

#[tokio::test]
async fn two_operators_at_the_same_time_do_what_one_would_have_done() -> anyhow::Result<()> {
    let world = World::with_run(passing()).await?;
    let (mut one, mut other) = (world.operator().await, world.operator().await);
    for _ in 0..MOST_ROUNDS {
        let _conflicts = tokio::join!(one.step(RUN), other.step(RUN));
        tokio::join!(wait_for_background(&mut one), wait_for_background(&mut other));
        pass(A_WHILE).await;
        if !go_on(&world).await? {
            return assert_nothing_is_left(&world).await;
        }
    }
    anyhow::bail!("it does not end: {:?}", world.run(RUN))
}

#[tokio::test]
async fn two_operators_come_to_rest() -> anyhow::Result<()> {
    let world = World::with_run(spec()).await?;
    let (mut one, mut other) = (world.operator().await, world.operator().await);
    one.settle(RUN).await?;
    other.settle(RUN).await?;
    world.api.told();
    one.settle(RUN).await?;
    other.settle(RUN).await?;
    assert!(world.api.told().is_empty(), "neither takes back what the other wrote");
    Ok(())
}
