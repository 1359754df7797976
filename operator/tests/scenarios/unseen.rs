//! What the operator sees too late, or never: a watch that is held back while the world moves on, and
//! changes that come and go between two looks.

use super::clock::pass;
use super::life::{assert_nothing_is_left, go_on, passing};
use super::test_operator::{A_WHILE, TestOperator};
use super::world::{RUN, World};

/// More rounds than any life takes, however little is seen of it.
const MOST_ROUNDS: usize = 200;

/// More than the rounds of a life in which everything is seen at once.
const ROUNDS: usize = 12;

/// What the operator sees in one round.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sight {
    /// All there is.
    Now,
    /// What there was when it was held back.
    Held,
    /// Nothing tells it that anything has changed.
    Nothing,
}

/// Lets a run live while the operator sees what `sight` says, round by round.
async fn live(sight: impl Fn(usize) -> Sight) -> anyhow::Result<()> {
    let world = World::with_run(passing()).await?;
    let mut operator = world.operator().await;
    let mut held = None;
    for round in 0..MOST_ROUNDS {
        let sight = sight(round);
        operator.is_blind = sight == Sight::Held;
        match (sight, held.clone().or_else(|| operator.watched(RUN))) {
            // What is refused, because it was decided on what is no more, is tried again.
            (Sight::Held, Some(run)) => {
                held = Some(run.clone());
                let _refused = operator.step_with(run).await;
            }
            (Sight::Now, _) => {
                held = None;
                let _refused = operator.step(RUN).await;
            }
            (Sight::Held, None) | (Sight::Nothing, _) => {}
        }
        wait_for_background(&mut operator).await;
        pass(A_WHILE).await;
        let is_gone = !go_on(&world).await?;
        if is_gone && sight == Sight::Now {
            return assert_nothing_is_left(&world).await;
        }
    }
    anyhow::bail!("it does not end: {:?}", world.run(RUN))
}

async fn wait_for_background(operator: &mut TestOperator) {
    if operator.is_busy(RUN) {
        operator.woken.recv().await;
    }
}

#[tokio::test]
async fn a_watch_that_is_held_back_at_any_point_delays_the_same_end() -> anyhow::Result<()> {
    for from in 0..ROUNDS {
        for rounds in [1, 3, 8] {
            let held = from..from + rounds;
            let sight = |round| if held.contains(&round) { Sight::Held } else { Sight::Now };
            live(sight).await.map_err(|error| error.context(format!("held back in {held:?}")))?;
        }
    }
    Ok(())
}

#[tokio::test]
async fn a_watch_that_is_held_back_again_and_again_delays_the_same_end() -> anyhow::Result<()> {
    for every in 2..6 {
        let sight = |round| if round % every == 0 { Sight::Now } else { Sight::Held };
        live(sight).await.map_err(|error| error.context(format!("brought up to date every {every}")))?;
    }
    Ok(())
}

#[tokio::test]
async fn changes_that_it_is_never_told_of_lead_to_the_same_end() -> anyhow::Result<()> {
    for every in 2..6 {
        for first in 0..every {
            let sight = |round| if round % every == first { Sight::Now } else { Sight::Nothing };
            let what = || format!("told of every {every}th change from {first} on");
            live(sight).await.map_err(|error| error.context(what()))?;
        }
    }
    Ok(())
}
