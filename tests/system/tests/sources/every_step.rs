//! Intakes that are killed at every step of what they say to the database.

use std::time::Duration;

use chancery_kit::{IntakeProcess, Offered, Point, SeededRun, StepRelay, TestLedger, TestRun, server};

use crate::{accounted, file, holds, lines};

/// More than any intake of these tests asks for.
const MOST: usize = 200;

/// A run of two files, in which there is a duplicate within a file, one across both, and a dead letter.
pub(crate) async fn two_files<'l>(
    ledger: &'l TestLedger,
    folder: &std::path::Path,
    name: &str,
    lease: Duration,
) -> anyhow::Result<(SeededRun<'l>, Offered)> {
    let one: Vec<String> = lines(0, 7).chain(lines(2, 3)).collect();
    let two: Vec<String> = lines(5, 12).collect();
    let dead = "x".repeat((1 << 20) + 1);
    file(folder, "a.txt", one.iter().cloned())?;
    file(folder, "b.txt", two.iter().cloned().chain([dead.clone()]))?;
    let run = TestRun::new().named(name).batch_size(4).keys(1).lease_duration(lease).reads("files", folder);
    let offered = Offered::lines(one.iter().chain(&two)).with_dead([&dead[..1 << 20]]);
    Ok((run.created(ledger).await?.stocked().await?, offered))
}

/// Where a server listens.
pub(crate) fn socket_of(server: &chancery_local_postgres::ThrowAway) -> std::path::PathBuf {
    server.socket_dir().join(format!(".s.PGSQL.{}", server.port()))
}

/// The name of the database of a ledger.
pub(crate) fn database_of(ledger: &TestLedger) -> &str {
    let path = ledger.url.split(['?']).next().unwrap_or_default();
    path.rsplit('/').next().unwrap_or_default()
}

/// What a run was offered is accounted for. Some are signed and audited, too: that takes far longer.
pub(crate) async fn kept(run: &SeededRun<'_>, offered: &Offered, step: usize) -> anyhow::Result<()> {
    if step.is_multiple_of(8) { holds(run, offered).await } else { accounted(run, offered).await }
}

/// A login's way to a ledger by way of a relay.
pub(crate) async fn intake_by(
    relay: &StepRelay,
    run: &SeededRun<'_>,
    holder: &str,
) -> anyhow::Result<IntakeProcess> {
    let url = run.intake_url_by(&relay.url("nobody", database_of(run.ledger))).await?;
    // One reader, so that each step is there each time.
    IntakeProcess::start_with(&url, &run.run.name, holder, &["--readers", "1"], &[])
}

/// Kills an intake at each step in turn; another one goes on, which is told of the death or has to wait for the end of the
/// lease.
async fn killed_at_every_step(point: Point, told: bool) -> anyhow::Result<()> {
    let (ledger, folder) = (TestLedger::new().await?, tempfile::tempdir()?);
    let lease = if told { Duration::from_secs(30) } else { Duration::from_secs(1) };
    for step in 1..MOST {
        let (run, offered) = two_files(&ledger, folder.path(), &format!("step-{step}"), lease).await?;
        let relay = StepRelay::to(&socket_of(server()), step, point).await?;
        let mut intake = intake_by(&relay, &run, "killed").await?;
        let over = tokio::select! {
            ended = intake.ended() => Some(ended?),
            () = relay.stands() => None,
        };
        if let Some((code, log)) = over {
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
    killed_at_every_step(Point::Unasked, true).await
}

#[tokio::test]
async fn an_intake_that_is_killed_before_it_hears_of_any_commit_leaves_nothing_out_and_reads_nothing_twice()
-> anyhow::Result<()> {
    killed_at_every_step(Point::Unanswered, true).await
}

#[tokio::test]
async fn what_an_intake_had_whose_death_nobody_saw_is_read_once_its_time_has_run_out() -> anyhow::Result<()> {
    killed_at_every_step(Point::Unanswered, false).await
}
