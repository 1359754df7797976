//! Somebody reads the log, but not now: no signer waits for that.

use std::process::Stdio;

use chancery_kit::{Chancery, Ended, Manifest, TestLedger, TestRun, eventually, program};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::process::Command;

#[tokio::test]
async fn signers_that_log_everything_sign_on_while_their_supervisor_stands_still() -> anyhow::Result<()> {
    const RECORDS: u32 = 30_000;
    let ledger = TestLedger::new().await?;
    let signatures = async || {
        let signed = "SELECT count(*) FROM chancery.signatures";
        sqlx::query_scalar::<_, i64>(signed).fetch_one(ledger.ledger.pool()).await.unwrap_or(0)
    };
    let chancery = Chancery::on(&ledger.url)?;
    let manifest = Manifest::new().of(RECORDS, 20, 20).with("parallelism", 2);
    // The supervisor makes the records: it has to be done with that.
    chancery.sign(&manifest.clone().with("suspend", true), &[]).await?.expect_code(0)?;
    let file = chancery.write("manifest.yaml", &manifest.with("suspend", false).to_string())?;
    let file = file.to_string_lossy();
    let signing = chancery.command(&["run", "--file", &file]).env("RUST_LOG", "trace").spawn()?;
    let supervisor = Pid::from_raw(signing.id().expect("it runs").try_into()?);
    // What the supervisor writes is read all the time: that is not what its signers could wait for.
    let ended = tokio::spawn(Ended::of(signing));
    eventually("some is signed", async || signatures().await > 0).await;
    kill(supervisor, Signal::SIGSTOP)?;
    let left = i64::from(RECORDS) - signatures().await;
    assert!(left > i64::from(RECORDS) / 2, "it was in mid-run: {left} are left");
    eventually("all is signed", async || signatures().await == i64::from(RECORDS)).await;
    kill(supervisor, Signal::SIGCONT)?;
    let ended = ended.await??.expect_code(0)?;
    assert!(ended.stdout.contains("passed"), "{}", ended.stdout);
    Ok(())
}

#[tokio::test]
async fn a_signer_whose_log_is_read_late_says_how_many_lines_are_missing() -> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let run = TestRun::long().records(60_000).batch_size(20).seeded(&ledger).await?;
    let signer = Command::new(program("chancery-signer"))
        .args(["--run", "demo", "--holder", "one", "--log-format", "json", "--data-key-file"])
        .arg(&run.data_key_file)
        .env("DATABASE_URL", run.url()?)
        .env("RUST_LOG", "trace")
        .stdin(Stdio::null())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()?;
    eventually("much is signed", async || run.signed().await.is_ok_and(|signed| signed > 40_000)).await;
    let ended = Ended::of(signer).await?.expect_code(0)?;
    let notices: Vec<serde_json::Value> = ended
        .stderr
        .lines()
        .filter(|line| line.contains("log lines were dropped"))
        .map(serde_json::from_str)
        .collect::<Result<_, _>>()?;
    assert!(notices.first().is_some_and(|notice| notice["dropped"].as_u64() > Some(0)), "{notices:?}");
    run.assert_audit_holds().await
}
