//! Intakes that are killed at every step of what they say to the database.

use std::time::Duration;

use chancery_kit::{IntakeProcess, Offered, Point, SeededRun, StepRelay, TestLedger, server};

use crate::origins::{Held, Kind, OTHERS, Origin, reading};
use crate::{accounted, holds};

/// More than any intake of these tests asks for.
const MOST: usize = 200;

/// Where a server listens.
pub(crate) fn socket_of(server: &chancery_local_postgres::ThrowAway) -> std::path::PathBuf {
    server.socket_dir().join(format!(".s.PGSQL.{}", server.port()))
}

/// The name of the database of a URL.
pub(crate) fn database_of(url: &str) -> &str {
    let path = url.split(['?']).next().unwrap_or_default();
    path.rsplit('/').next().unwrap_or_default()
}

/// What a run was offered is accounted for. Some are signed and audited, too: that takes far longer.
pub(crate) async fn kept(run: &SeededRun<'_>, offered: &Offered, step: usize) -> anyhow::Result<()> {
    if step % 8 == 1 { holds(run, offered).await } else { accounted(run, offered).await }
}

/// A login's way to a ledger by way of a relay.
pub(crate) async fn intake_by(
    relay: &StepRelay,
    run: &SeededRun<'_>,
    holder: &str,
) -> anyhow::Result<IntakeProcess> {
    let url = run.intake_url_by(&relay.url("nobody", database_of(&run.ledger.url))).await?;
    // One reader, so that each step is there each time.
    IntakeProcess::start_with(&url, &run.run.name, holder, &["--readers", "1"], &[])
}

/// Waits until the relay stands. If the intake ends before, how it ended.
pub(crate) async fn ended_before(
    relay: &StepRelay,
    intake: &mut IntakeProcess,
) -> anyhow::Result<Option<(Option<i32>, String)>> {
    tokio::select! {
        ended = intake.ended() => ended.map(Some),
        () = relay.stands() => Ok(None),
    }
}

/// Kills an intake at each step in turn; another one goes on, which is told of the death or has to wait for the end of the
/// lease.
async fn killed_at_every_step(kinds: &[Kind], held: &Held, point: Point, told: bool) -> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let origins = Origin::all_holding(kinds, &ledger, held).await?;
    let lease = if told { Duration::from_secs(30) } else { Duration::from_secs(1) };
    for step in 1..MOST {
        let (run, offered) = reading(&ledger, &origins, &format!("step-{step}"), lease).await?;
        let relay = StepRelay::to(&socket_of(server()), step, point).await?;
        let mut intake = intake_by(&relay, &run, "killed").await?;
        if let Some((code, log)) = ended_before(&relay, &mut intake).await? {
            assert_eq!(code, Some(0), "{log}");
            assert!(step > 10, "there are more steps than {step}");
            return holds(&run, &offered).await;
        }
        intake.kill().await?;
        relay.cut();
        if told {
            ledger.ledger.release_intakes(&run.run, &["killed".to_owned()]).await?;
        }
        run.take_in().await?;
        let kept = kept(&run, &offered, step).await;
        assert!(kept.is_ok(), "killed at step {step}, {point:?}: {kept:?}");
    }
    anyhow::bail!("an intake has more than {MOST} steps");
}

#[tokio::test]
async fn an_intake_that_is_killed_before_any_step_leaves_nothing_out_and_reads_nothing_twice()
-> anyhow::Result<()> {
    killed_at_every_step(&[Kind::Files], &Held::mixed(), Point::Unasked, true).await
}

#[tokio::test]
async fn an_intake_that_is_killed_before_it_hears_of_any_commit_leaves_nothing_out_and_reads_nothing_twice()
-> anyhow::Result<()> {
    killed_at_every_step(&[Kind::Files], &Held::mixed(), Point::Unanswered, true).await
}

#[tokio::test]
async fn what_an_intake_had_whose_death_nobody_saw_is_read_once_its_time_has_run_out() -> anyhow::Result<()> {
    killed_at_every_step(&[Kind::Files], &Held::mixed(), Point::Unanswered, false).await
}

#[tokio::test]
async fn an_intake_of_a_bucket_a_table_and_another_run_may_be_killed_at_any_step_too() -> anyhow::Result<()> {
    killed_at_every_step(OTHERS, &Held::short(), Point::Unanswered, true).await
}
