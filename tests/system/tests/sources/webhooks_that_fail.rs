//! Webhooks that are slow, wrong or dead: what needs them waits and is asked for again, and what does not goes on.

use chancery_kit::{Conduct, Offered, SeededRun, TestLedger, TestRun, WebhookServer, eventually};
use serde_json::json;

use crate::webhooks::{judged, kept, law_7_holds, line, policy, reading, retried};
use crate::{counts, file, holds, lines};

/// The dead letters of a run: rule and reason.
async fn dead(run: &SeededRun<'_>) -> anyhow::Result<Vec<String>> {
    let dead = "SELECT stage || ' ' || rule || ': ' || reason FROM chancery.arrivals WHERE run_id = $1 AND state = 'Dead' ORDER BY position";
    Ok(sqlx::query_scalar(dead).bind(run.run.id).fetch_all(run.ledger.ledger.pool()).await?)
}

#[tokio::test]
async fn what_does_not_need_a_slow_webhook_is_admitted_and_what_does_keeps_the_run_open() -> anyhow::Result<()>
{
    let (ledger, folder) = (TestLedger::new().await?, tempfile::tempdir()?);
    file(folder.path(), "a.txt", lines(0, 8))?;
    let server = WebhookServer::scoring().await?;
    server.conduct(Conduct::Silent);
    let mut policy = policy(&server, &json!({}));
    policy["matchConditions"] = json!([{"name": "small", "expression": "record.number < 3"}]);
    let run = reading(&ledger, folder.path(), TestRun::new(), &policy).await?;
    let mut intake = run.start_intake("an intake").await?;
    server.called(1).await;
    eventually("the others are admitted", async || {
        counts(&run).await.is_ok_and(|counts| (counts.admitted, counts.pending) == (5, 3))
    })
    .await;
    let progress = ledger.ledger.progress(&[run.run.id]).await?;
    assert!(progress.iter().all(|progress| !progress.sealed));
    law_7_holds(&run).await?;
    server.conduct(Conduct::Answers);
    let (code, log) = intake.ended().await?;
    assert_eq!(code, Some(0), "{log}");
    holds(&run, &Offered::lines((0..8).map(line))).await
}

#[tokio::test]
async fn who_gives_no_answer_is_asked_again_up_to_the_limit_and_then_it_is_a_dead_letter()
-> anyhow::Result<()> {
    for (conduct, says) in [
        (Conduct::Status(503), "it answered with status 503"),
        (Conduct::OfOthers, "it answered for a record that it was not asked about"),
        (Conduct::Nonsense, "its answer cannot be read"),
        (Conduct::CutOff, "broken off"),
        (Conduct::Endless, "the answer has more than"),
    ] {
        let (ledger, folder) = (TestLedger::new().await?, tempfile::tempdir()?);
        file(folder.path(), "a.txt", lines(0, 2))?;
        let server = WebhookServer::scoring().await?;
        server.conduct(conduct);
        let run = reading(&ledger, folder.path(), TestRun::new(), &retried(&server, 2)).await?;
        run.take_in().await?;
        // Both in one call, or, where their pauses ended one after the other, in one each.
        let mut asked = server.asked_about();
        asked.sort();
        let times: Vec<usize> = asked.chunk_by(|one, other| one == other).map(<[_]>::len).collect();
        assert_eq!(times, [3, 3], "{conduct:?}");
        assert_eq!(kept(&run).await?, (2, 3), "{conduct:?}");
        let dead = dead(&run).await?;
        assert!(
            dead.iter()
                .all(|dead| dead.starts_with("Policy model: ") && dead.ends_with("it was asked 3 times")),
            "{dead:?}"
        );
        assert!(dead.iter().all(|dead| dead.contains(says)), "{says:?} is not in {dead:?}");
        holds(&run, &Offered::lines([""; 0]).with_dead((0..2).map(line))).await?;
    }
    Ok(())
}

#[tokio::test]
async fn a_webhook_that_gives_no_answer_in_time_is_given_up_or_passed_over_as_the_policy_says()
-> anyhow::Result<()> {
    let (ledger, folder) = (TestLedger::new().await?, tempfile::tempdir()?);
    file(folder.path(), "a.txt", lines(0, 2))?;
    let server = WebhookServer::scoring().await?;
    server.conduct(Conduct::Silent);
    let mut policy = policy(&server, &json!({"timeout": "10ms", "failurePolicy": "Ignore"}));
    policy["retryStrategy"] = json!({"limit": 0});
    let run = reading(&ledger, folder.path(), TestRun::new(), &policy).await?;
    run.take_in().await?;
    let ignored: i64 = sqlx::query_scalar("SELECT ignored FROM chancery.intakes WHERE run_id = $1")
        .bind(run.run.id)
        .fetch_one(ledger.ledger.pool())
        .await?;
    assert_eq!(ignored, 2);
    holds(&run, &Offered::lines((0..2).map(line))).await
}

#[tokio::test]
async fn a_webhook_that_recovers_is_asked_again_and_its_failures_stay_counted() -> anyhow::Result<()> {
    let (ledger, folder) = (TestLedger::new().await?, tempfile::tempdir()?);
    file(folder.path(), "a.txt", lines(0, 4))?;
    let server = WebhookServer::scoring().await?;
    server.conduct(Conduct::Status(500));
    let mut policy = retried(&server, 20);
    policy["retryStrategy"]["backoff"] = json!({"duration": "1s", "factor": 1, "maxDuration": "1s"});
    let run = reading(&ledger, folder.path(), TestRun::new(), &policy).await?;
    let mut intake = run.start_intake("an intake").await?;
    server.called(2).await;
    server.conduct(Conduct::Answers);
    let (code, log) = intake.ended().await?;
    assert_eq!(code, Some(0), "{log}");
    let (answers, attempts) = kept(&run).await?;
    assert!(answers == 4 && attempts >= 3, "{answers} {attempts}");
    holds(&run, &judged(0..4)).await
}

#[tokio::test]
async fn while_a_webhook_is_left_alone_what_needs_it_uses_its_attempts_up_and_no_call_is_made_for_that()
-> anyhow::Result<()> {
    let (ledger, folder) = (TestLedger::new().await?, tempfile::tempdir()?);
    file(folder.path(), "a.txt", lines(0, 50))?;
    let server = WebhookServer::saying(|_| json!({"score": 1})).await?;
    server.conduct(Conduct::Status(500));
    let mut policy = retried(&server, 3);
    policy["webhooks"][0]["batch"] = json!(1);
    policy["webhooks"][0]["concurrency"] = json!(1);
    let run = reading(&ledger, folder.path(), TestRun::new(), &policy).await?;
    run.take_in().await?;
    let calls = server.calls().len();
    assert!((5..200).contains(&calls), "{calls} calls for 50 records with 4 attempts each");
    assert_eq!(kept(&run).await?, (50, 4));
    holds(&run, &Offered::lines([""; 0]).with_dead(lines(0, 50))).await
}

#[tokio::test]
async fn a_webhook_that_may_be_ignored_is_passed_over_at_once_while_it_is_left_alone() -> anyhow::Result<()> {
    let (ledger, folder) = (TestLedger::new().await?, tempfile::tempdir()?);
    file(folder.path(), "a.txt", lines(0, 50))?;
    let server = WebhookServer::saying(|_| json!({"score": 1})).await?;
    server.conduct(Conduct::Status(500));
    let mut policy = policy(&server, &json!({"batch": 1, "concurrency": 1, "failurePolicy": "Ignore"}));
    policy["retryStrategy"] = json!({"limit": 0});
    let run = reading(&ledger, folder.path(), TestRun::new(), &policy).await?;
    run.take_in().await?;
    let calls = server.calls().len();
    assert!((5..50).contains(&calls), "{calls} calls for 50 records");
    holds(&run, &Offered::lines(lines(0, 50))).await
}
