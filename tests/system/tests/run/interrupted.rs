//! `chancery run` stopped, killed, or robbed of a signer in mid-run: the same command goes on, and the
//! audit holds.

use chancery_kit::{Chancery, Ended, Manifest, TestLedger, children_of, eventually, is_running, working_in};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;
use tokio::process::Child;

const RECORDS: i64 = 10_000;

/// Some seconds of work, so that a signal arrives in the midst of it. No lease runs out meanwhile: what
/// dies is to be noticed, not waited for.
fn long_run() -> Manifest {
    Manifest::new().of(10_000, 4, 50).with("algorithm", "RS256").with("leaseDuration", "1h")
}

fn pid_of(child: &Child) -> anyhow::Result<i32> {
    Ok(child.id().ok_or_else(|| anyhow::anyhow!("it has ended"))?.try_into()?)
}

fn send(pid: i32, signal: Signal) -> anyhow::Result<()> {
    Ok(kill(Pid::from_raw(pid), signal)?)
}

async fn count(ledger: &TestLedger, sql: &'static str) -> i64 {
    sqlx::query_scalar(sql).fetch_one(ledger.ledger.pool()).await.unwrap_or(-1)
}

async fn signatures(ledger: &TestLedger) -> i64 {
    count(ledger, "SELECT count(*) FROM chancery.signatures").await
}

/// Starts the run and waits until it is in the midst of signing.
async fn start_and_wait(chancery: &Chancery, ledger: &TestLedger) -> anyhow::Result<Child> {
    let run = chancery.start_signing(&long_run(), &["--output", "json"])?;
    eventually("some records are signed", async || signatures(ledger).await > 0).await;
    Ok(run)
}

/// The same command again signs what is left, and its audit holds.
async fn goes_on(chancery: &Chancery, ledger: &TestLedger) -> anyhow::Result<Value> {
    let left = RECORDS - signatures(ledger).await;
    assert!((1..RECORDS).contains(&left), "{left} of {RECORDS} are left");
    let summary = chancery.sign(&long_run(), &["--output", "json"]).await?.expect_code(0)?.json()?;
    assert_eq!(summary["audit"], "passed", "{summary}");
    assert_eq!(summary["signed"], RECORDS, "{summary}");
    assert!(summary["signedNow"].as_i64().is_some_and(|signed| (1..=left).contains(&signed)), "{summary}");
    Ok(summary)
}

async fn is_stopped_by(signal: Signal) -> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let chancery = Chancery::on(&ledger.url)?;
    let run = start_and_wait(&chancery, &ledger).await?;
    let signers = children_of(pid_of(&run)?);
    assert_eq!(signers.len(), 2);
    send(pid_of(&run)?, signal)?;
    let ended = Ended::of(run).await?.expect_code(130)?;
    assert!(ended.stderr.contains("the same command continues"), "{}", ended.stderr);
    assert_eq!(ended.stdout, "", "there is no result yet");
    assert!(!signers.into_iter().any(is_running), "no signer outlives it");
    let open = "SELECT count(*) FROM chancery.leases WHERE outcome IS NULL";
    assert_eq!(count(&ledger, open).await, 0, "nothing is left in hand");
    goes_on(&chancery, &ledger).await?;
    Ok(())
}

#[tokio::test]
async fn sigterm_stops_a_run_which_the_same_command_continues() -> anyhow::Result<()> {
    is_stopped_by(Signal::SIGTERM).await
}

#[tokio::test]
async fn ctrl_c_stops_a_run_which_the_same_command_continues() -> anyhow::Result<()> {
    is_stopped_by(Signal::SIGINT).await
}

#[tokio::test]
async fn the_signers_of_a_killed_supervisor_end_by_themselves() -> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let chancery = Chancery::on(&ledger.url)?;
    let mut run = start_and_wait(&chancery, &ledger).await?;
    let signers = children_of(pid_of(&run)?);
    assert_eq!(signers.len(), 2);
    send(pid_of(&run)?, Signal::SIGKILL)?;
    assert_eq!(run.wait().await?.code(), None);
    eventually("no signer is left", async || !signers.iter().any(|pid| is_running(*pid))).await;
    goes_on(&chancery, &ledger).await?;
    Ok(())
}

#[tokio::test]
async fn a_signer_that_is_killed_is_started_again() -> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let chancery = Chancery::on(&ledger.url)?;
    let run = start_and_wait(&chancery, &ledger).await?;
    let supervisor = pid_of(&run)?;
    let signers = children_of(supervisor);
    let victim = *signers.first().ok_or_else(|| anyhow::anyhow!("no signer"))?;
    send(victim, Signal::SIGKILL)?;
    eventually("another took its place", async || {
        let now = children_of(supervisor);
        now.len() == 2 && now != signers
    })
    .await;
    // Leases last an hour: what the victim held was given back, not waited for.
    let ended = Ended::of(run).await?.expect_code(0)?;
    assert!(ended.stderr.contains("starting it again"), "{}", ended.stderr);
    let summary = ended.json()?;
    assert_eq!((summary["audit"].as_str(), summary["signed"].as_i64()), (Some("passed"), Some(RECORDS)));
    assert_eq!(summary["leasesExpired"], 0, "{summary}");
    Ok(())
}

#[tokio::test]
async fn a_run_all_of_whose_signers_are_killed_completes() -> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let chancery = Chancery::on(&ledger.url)?;
    let run = start_and_wait(&chancery, &ledger).await?;
    for signer in children_of(pid_of(&run)?) {
        send(signer, Signal::SIGKILL)?;
    }
    let summary = Ended::of(run).await?.expect_code(0)?.json()?;
    assert_eq!((summary["audit"].as_str(), summary["signed"].as_i64()), (Some("passed"), Some(RECORDS)));
    Ok(())
}

#[tokio::test]
async fn a_run_stopped_while_it_is_seeded_continues() -> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let chancery = Chancery::on(&ledger.url)?;
    // Many keys that each take a good part of a second.
    let manifest = Manifest::new().of(200, 12, 10).with("algorithm", "RS256").with("keySize", 3072);
    let run = chancery.start_signing(&manifest, &[])?;
    let keys = "SELECT count(*) FROM chancery.keys";
    eventually("a key is made", async || count(&ledger, keys).await > 0).await;
    send(pid_of(&run)?, Signal::SIGTERM)?;
    Ended::of(run).await?.expect_code(130)?;
    assert!((1..12).contains(&count(&ledger, keys).await));
    let summary = chancery.sign(&manifest, &["--output", "json"]).await?.expect_code(0)?.json()?;
    assert_eq!((&summary["audit"], summary["signed"].as_i64()), (&"passed".into(), Some(200)), "{summary}");
    assert_eq!(count(&ledger, keys).await, 12);
    Ok(())
}

#[tokio::test]
async fn a_server_that_crashes_in_mid_run_is_waited_for() -> anyhow::Result<()> {
    let server = chancery_kit::throw_away();
    let ledger = TestLedger::create(&server, "crash").await?;
    let chancery = Chancery::on(&ledger.url)?;
    // What the crash catches in flight is taken over once its lease has run out.
    let manifest = long_run().with("leaseDuration", "5s");
    let run = chancery.start_signing(&manifest, &["--output", "json"])?;
    eventually("some records are signed", async || signatures(&ledger).await > 0).await;
    server.stop_immediate()?;
    server.start_again()?;
    let summary = Ended::of(run).await?.expect_code(0)?.json()?;
    assert_eq!(
        (&summary["audit"], summary["signed"].as_i64()),
        (&"passed".into(), Some(RECORDS)),
        "{summary}"
    );
    Ok(())
}

#[tokio::test]
async fn an_audit_that_is_stopped_leaves_no_private_server_behind() -> anyhow::Result<()> {
    let chancery = Chancery::private()?;
    let manifest = Manifest::new().of(60_000, 4, 1_000);
    chancery.sign(&manifest, &["--skip-audit"]).await?.expect_code(0)?;
    let servers = || working_in(chancery.folder());
    eventually("the first server is gone", async || servers().is_empty()).await;
    let audit = chancery.start(&["verify", "demo"])?;
    eventually("there is a server", async || !servers().is_empty()).await;
    send(pid_of(&audit)?, Signal::SIGINT)?;
    Ended::of(audit).await?.expect_code(130)?;
    eventually("the server is gone", async || servers().is_empty()).await;
    Ok(())
}
