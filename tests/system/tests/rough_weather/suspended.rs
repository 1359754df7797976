//! A run that is suspended for a moment.

use chancery_kit::{Chancery, Ended, Manifest, TestLedger, children_of, eventually, is_running};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::count;

#[tokio::test]
async fn a_signer_that_saw_the_run_suspended_for_a_moment_is_started_again() -> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let chancery = Chancery::on(&ledger.url)?;
    let manifest = Manifest::new().of(10_000, 4, 50).with("algorithm", "RS256").with("leaseDuration", "1h");
    let run = chancery.start_signing(&manifest, &["--signers", "2", "--output", "json"])?;
    let supervisor: i32 = run.id().ok_or_else(|| anyhow::anyhow!("it has ended"))?.try_into()?;
    eventually("records are signed", async || {
        count(&ledger, "SELECT count(*) FROM chancery.signatures").await > 0
    })
    .await;
    let signers = children_of(supervisor);
    let [sees, paused] = signers[..] else { anyhow::bail!("two signers, not {signers:?}") };
    // One does not see it, so that the run is not left as suspended.
    kill(Pid::from_raw(paused), Signal::SIGSTOP)?;
    ledger.execute("UPDATE chancery.runs SET suspended = true").await?;
    eventually("the other signer has ended", async || !is_running(sees)).await;
    ledger.execute("UPDATE chancery.runs SET suspended = false").await?;
    eventually("a signer is started in its place", async || {
        children_of(supervisor).iter().any(|pid| !signers.contains(pid) && is_running(*pid))
    })
    .await;
    kill(Pid::from_raw(paused), Signal::SIGCONT)?;
    let summary = Ended::of(run).await?.expect_code(0)?.json()?;
    assert_eq!((&summary["signed"], &summary["audit"]), (&10_000.into(), &"passed".into()), "{summary}");
    Ok(())
}
