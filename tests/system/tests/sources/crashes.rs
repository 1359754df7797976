//! The server crashes at every step of an intake, which connects again.

use std::time::Duration;

use chancery_kit::{Point, StepRelay, TestLedger, eventually, throw_away};

use crate::every_step::{ended_before, intake_by, kept, socket_of};
use crate::origins::{Held, Kind, OTHERS, Origin, reading};

/// More than any intake of these tests asks for.
const MOST: usize = 200;

async fn crashes_at_steps(kinds: &[Kind], held: &Held, point: Point, stride: usize) -> anyhow::Result<()> {
    let server = throw_away();
    let ledger = TestLedger::create(&server, "crashes").await?;
    let origins = Origin::all_holding(kinds, &ledger, held).await?;
    for step in (1..MOST).step_by(stride) {
        // What was handed out in an answer that nobody got is handed out again after this.
        let lease = Duration::from_secs(1);
        let (run, offered) = reading(&ledger, &origins, &format!("step-{step}"), lease).await?;
        let relay = StepRelay::to(&socket_of(&server), step, point).await?;
        let mut intake = intake_by(&relay, &run, "an intake").await?;
        let over = ended_before(&relay, &mut intake).await?;
        let whole = over.is_some();
        let (code, log) = match over {
            Some(ended) => ended,
            None => {
                server.stop_immediate()?;
                relay.cut();
                server.start_again()?;
                intake.ended().await?
            }
        };
        assert_eq!(code, Some(0), "step {step}, {point:?}: {log}");
        eventually("the ledger answers again", async || ledger.ledger.progress(&[run.run.id]).await.is_ok())
            .await;
        let kept = kept(&run, &offered, if whole { 1 } else { step }).await;
        assert!(kept.is_ok(), "the server crashed at step {step}, {point:?}: {kept:?}\n{log}");
        if whole {
            assert!(step > 10, "there are more steps than {step}");
            return Ok(());
        }
    }
    anyhow::bail!("an intake has more than {MOST} steps");
}

#[tokio::test]
async fn a_server_that_crashes_before_any_step_of_an_intake_loses_and_doubles_nothing() -> anyhow::Result<()>
{
    // What the ledger holds then is what it holds where the step before was not told of: at each, below.
    crashes_at_steps(&[Kind::Files], &Held::mixed(), Point::Unasked, 4).await
}

#[tokio::test]
async fn a_server_that_crashes_after_any_step_of_an_intake_loses_and_doubles_nothing() -> anyhow::Result<()> {
    crashes_at_steps(&[Kind::Files], &Held::mixed(), Point::Unanswered, 1).await
}

#[tokio::test]
async fn a_server_may_crash_in_the_middle_of_an_intake_of_a_bucket_a_table_and_another_run_too()
-> anyhow::Result<()> {
    // All steps take minutes. What is asked at those between is asked at others too, and for files at each.
    crashes_at_steps(OTHERS, &Held::short(), Point::Unanswered, 3).await
}
