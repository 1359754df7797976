//! Intakes that die while something waits for a webhook, and servers that crash meanwhile.

use std::time::Duration;

use anyhow::ensure;
use chancery_kit::{
    Conduct, Point, StepRelay, TestLedger, TestRun, WebhookServer, eventually, server, throw_away,
};

use crate::every_step::{ended_before, intake_by, kept as accounted_at, socket_of};
use crate::webhooks::{judged, kept, law_7_holds, reading, retried};
use crate::{counts, file, holds, lines};

/// Kills an intake at every second step; another one goes on. What the ledger holds before one step is what it holds where the step
/// before that was not told of: so the two points meet each state of it between them.
async fn killed_at_every_step(point: Point) -> anyhow::Result<()> {
    let (ledger, folder) = (TestLedger::new().await?, tempfile::tempdir()?);
    file(folder.path(), "a.txt", lines(0, 7))?;
    file(folder.path(), "b.txt", lines(7, 12))?;
    let webhook = WebhookServer::scoring().await?;
    for step in (1..400).step_by(2) {
        let run = TestRun::new().named(&format!("step-{step}")).lease_duration(Duration::from_secs(30));
        let run = reading(&ledger, folder.path(), run, &retried(&webhook, 3)).await?;
        let relay = StepRelay::to(&socket_of(server()), step, point).await?;
        let mut intake = intake_by(&relay, &run, "killed").await?;
        if let Some((code, log)) = ended_before(&relay, &mut intake).await? {
            assert_eq!(code, Some(0), "{log}");
            assert!(step > 20, "there are more steps than {step}");
            return holds(&run, &judged(0..12)).await;
        }
        intake.kill().await?;
        relay.cut();
        ledger.ledger.release_intakes(&run.run, &["killed".to_owned()]).await?;
        run.take_in().await?;
        let accounted = accounted_at(&run, &judged(0..12), step).await;
        assert!(accounted.is_ok(), "killed at step {step}, {point:?}: {accounted:?}");
        let (answers, attempts) = kept(&run).await?;
        ensure!((answers, attempts) == (12, 1), "at step {step}: {answers} answers, {attempts} attempts");
    }
    anyhow::bail!("an intake has more than 400 steps");
}

#[tokio::test]
async fn an_intake_that_is_killed_before_any_step_leaves_nothing_waiting_and_settles_nothing_twice()
-> anyhow::Result<()> {
    killed_at_every_step(Point::Unasked).await
}

#[tokio::test]
async fn an_intake_that_is_killed_before_it_hears_of_any_commit_settles_nothing_twice() -> anyhow::Result<()>
{
    killed_at_every_step(Point::Unanswered).await
}

#[tokio::test]
async fn an_intake_that_is_killed_while_a_webhook_is_silent_leaves_what_waits_to_another()
-> anyhow::Result<()> {
    let (ledger, folder) = (TestLedger::new().await?, tempfile::tempdir()?);
    file(folder.path(), "a.txt", lines(0, 12))?;
    let webhook = WebhookServer::scoring().await?;
    webhook.conduct(Conduct::Silent);
    let run = reading(&ledger, folder.path(), TestRun::new(), &retried(&webhook, 3)).await?;
    let intake = run.start_intake("killed").await?;
    webhook.called(1).await;
    intake.kill().await?;
    law_7_holds(&run).await?;
    assert_eq!(counts(&run).await?.pending, 12);
    ledger.ledger.release_intakes(&run.run, &["killed".to_owned()]).await?;
    webhook.conduct(Conduct::Answers);
    run.take_in().await?;
    assert_eq!(kept(&run).await?, (12, 1), "a death is no failure of the webhook");
    holds(&run, &judged(0..12)).await
}

#[tokio::test]
async fn a_server_that_crashes_while_a_webhook_is_asked_loses_nothing_that_waits() -> anyhow::Result<()> {
    let server = throw_away();
    let (ledger, folder) = (TestLedger::create(&server, "webhooks").await?, tempfile::tempdir()?);
    file(folder.path(), "a.txt", lines(0, 12))?;
    let webhook = WebhookServer::scoring().await?;
    webhook.conduct(Conduct::Silent);
    let run = reading(&ledger, folder.path(), TestRun::new(), &retried(&webhook, 3)).await?;
    let mut intake = run.start_intake("an intake").await?;
    webhook.called(1).await;
    server.stop_immediate()?;
    webhook.conduct(Conduct::Answers);
    server.start_again()?;
    let (code, log) = intake.ended().await?;
    assert_eq!(code, Some(0), "{log}");
    eventually("the ledger answers again", async || ledger.ledger.progress(&[run.run.id]).await.is_ok())
        .await;
    holds(&run, &judged(0..12)).await
}

#[tokio::test]
async fn an_intake_that_is_asked_to_stop_gives_back_what_waits_at_once() -> anyhow::Result<()> {
    let (ledger, folder) = (TestLedger::new().await?, tempfile::tempdir()?);
    file(folder.path(), "a.txt", lines(0, 12))?;
    let webhook = WebhookServer::scoring().await?;
    webhook.conduct(Conduct::Silent);
    let run = reading(&ledger, folder.path(), TestRun::new(), &retried(&webhook, 3)).await?;
    let mut intake = run.start_intake("an intake").await?;
    webhook.called(1).await;
    intake.terminate()?;
    let (code, log) = intake.ended().await?;
    assert_eq!(code, Some(0), "{log}");
    let held: i64 = sqlx::query_scalar("SELECT count(*) FROM chancery.pendings WHERE holder IS NOT NULL")
        .fetch_one(ledger.ledger.pool())
        .await?;
    assert_eq!((held, counts(&run).await?.pending), (0, 12));
    webhook.conduct(Conduct::Answers);
    run.take_in().await?;
    holds(&run, &judged(0..12)).await
}
