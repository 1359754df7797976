//! The signer with the environment that a pod gives it: how it ends, what it tells of itself.

mod collector;
mod metrics;
mod pod;
mod traces;

use std::time::Duration;

use chancery_kit::{TestLedger, TestRun, eventually};
use nix::sys::signal::Signal;

use crate::pod::PodSpec;

#[tokio::test]
async fn a_pod_that_has_signed_the_last_batch_succeeds() -> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let run = TestRun::new().seeded(&ledger).await?;
    let mut pod = PodSpec::of(&run)?.start()?;
    let (code, log) = pod.ended().await?;
    assert_eq!(code, Some(0), "{log}");
    assert_eq!(pod.last_words(), None);
    run.assert_audit_holds().await?;
    // So does one that comes late.
    let (code, log) = PodSpec::of(&run)?.start()?.ended().await?;
    assert_eq!(code, Some(0), "{log}");
    Ok(())
}

#[tokio::test]
async fn a_pod_that_is_terminated_with_work_left_does_not_succeed() -> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let run =
        TestRun::new().algorithm("RS256").keys(8).records(40_000).batch_size(100).seeded(&ledger).await?;
    let mut pod = PodSpec::of(&run)?.start()?;
    eventually("some is signed", async || run.signed().await.is_ok_and(|signed| signed > 0)).await;
    pod.signal(Signal::SIGTERM)?;
    let (code, log) = pod.ended().await?;
    assert_eq!(code, Some(130), "{log}");
    assert_eq!(pod.last_words(), None, "it did as it was told");
    assert!(run.signed().await? < 40_000, "work is left");
    assert_eq!(ledger.ledger.live_holders(&run.run).await?, Vec::<String>::new(), "nothing is in hand");
    Ok(())
}

#[tokio::test]
async fn a_pod_of_a_suspended_run_does_not_succeed() -> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let run = TestRun::new().seeded(&ledger).await?;
    ledger.ledger.set_mutable(&run.run, true, Duration::from_secs(30)).await?;
    let (code, log) = PodSpec::of(&run)?.start()?.ended().await?;
    assert_eq!(code, Some(130), "{log}");
    // On one machine nobody counts successes.
    let (code, log) = PodSpec::of(&run)?.without("CHANCERY_STOPPED_EXIT").start()?.ended().await?;
    assert_eq!(code, Some(0), "{log}");
    assert_eq!(run.signed().await?, 0);
    Ok(())
}

#[tokio::test]
async fn a_pod_with_the_data_key_of_another_ring_leaves_the_reason_in_its_termination_log()
-> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let run = TestRun::new().seeded(&ledger).await?;
    let other = TestRun::new().named("other").seeded_beside(&run).await?;
    let mut pod = PodSpec::of(&run)?.with("CHANCERY_DATA_KEY_FILE", &other.data_key_file).start()?;
    let (code, log) = pod.ended().await?;
    assert_eq!(code, Some(78), "{log}");
    let words = pod.last_words().expect("a reason");
    assert!(words.starts_with("the data key is not that of the run's keyring: "), "{words}");
    assert!(words.ends_with('\n') && words.lines().count() == 1 && words.len() <= 2_048, "{words}");
    assert_eq!(run.signed().await?, 0);
    Ok(())
}

#[tokio::test]
async fn a_termination_log_that_can_not_be_written_changes_nothing_else() -> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let run = TestRun::new().seeded(&ledger).await?;
    let missing = run.kek_file.with_file_name("missing");
    let mut pod = PodSpec::of(&run)?
        .with("CHANCERY_DATA_KEY_FILE", &missing)
        .with("CHANCERY_TERMINATION_LOG", missing.join("termination-log"))
        .start()?;
    let (code, log) = pod.ended().await?;
    assert_eq!(code, Some(78), "{log}");
    assert!(log.contains("the termination log cannot be written"), "{log}");
    Ok(())
}
