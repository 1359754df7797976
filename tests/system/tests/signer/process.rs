//! The signer process: how it ends, and what it leaves behind when it is stopped, killed, paused, or
//! cut off.

use std::time::Duration;

use chancery_kit::{SeededRun, SignerProcess, TestLedger, TestRun, eventually, throw_away};
use chancery_store::StoreError;
use chancery_store::lease::{Acquired, Library, Payloads};
use nix::sys::signal::Signal;

/// Enough work for a signal to arrive in the midst of it: some seconds of RS256.
const LONG_BATCH: i64 = 20_000;

async fn open_leases(run: &SeededRun<'_>, holder: &str) -> i64 {
    sqlx::query_scalar("SELECT count(*) FROM chancery.leases WHERE holder = $1 AND outcome IS NULL")
        .bind(holder)
        .fetch_one(run.ledger.ledger.pool())
        .await
        .unwrap_or(-1)
}

async fn outcomes(run: &SeededRun<'_>, outcome: &str) -> anyhow::Result<i64> {
    let count = "SELECT count(*) FROM chancery.leases WHERE outcome::text = $1";
    Ok(sqlx::query_scalar(count).bind(outcome).fetch_one(run.ledger.ledger.pool()).await?)
}

/// Waits until the process has used the processor for half a second: connecting and reading take a
/// fraction of that, so it is in the midst of signing.
async fn until_it_signs(signer: &SignerProcess) -> anyhow::Result<()> {
    let stat = format!("/proc/{}/stat", signer.pid()?);
    eventually("the signer is in the midst of a batch", async || {
        let stat = std::fs::read_to_string(&stat).unwrap_or_default();
        // Fields 14 and on, counted after the command's closing parenthesis: user time in 1/100 s.
        let user_time = stat.rsplit(')').next().and_then(|rest| rest.split_whitespace().nth(11));
        user_time.and_then(|ticks| ticks.parse::<u64>().ok()).is_some_and(|ticks| ticks >= 50)
    })
    .await;
    Ok(())
}

#[tokio::test]
async fn a_signer_killed_in_mid_batch_costs_nothing_but_that_batch() -> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let run = TestRun::new()
        .algorithm("RS256")
        .keys(2)
        .records(LONG_BATCH)
        .batch_size(LONG_BATCH)
        .seeded(&ledger)
        .await?;
    let mut signer = run.start_signer("victim")?;
    until_it_signs(&signer).await?;
    signer.signal(Signal::SIGKILL)?;
    assert_eq!(signer.exit_code().await?, None);
    assert_eq!(open_leases(&run, "victim").await, 1);
    assert_eq!(run.signed().await?, 0);
    // Its parent saw it die, and says so.
    assert_eq!(ledger.ledger.release_holders(&run.run, &["victim".to_owned()]).await?, 1);
    run.finish().await?;
    assert_eq!(outcomes(&run, "abandoned").await?, 1);
    Ok(())
}

#[tokio::test]
async fn the_batch_of_a_signer_whose_death_nobody_saw_is_taken_over_once_its_lease_runs_out()
-> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let run = TestRun::new().lease_duration(Duration::from_secs(1)).seeded(&ledger).await?;
    let mut session = run.session("vanished").await?;
    assert!(matches!(session.acquire().await?.0, Acquired::Leased(_)));
    drop(session);
    // The finisher signs all else, then waits for the lease to run out.
    run.finish().await?;
    assert_eq!(outcomes(&run, "expired").await?, 1);
    Ok(())
}

#[tokio::test]
async fn a_signer_paused_beyond_its_lease_does_not_live_to_use_the_key_again() -> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let run = TestRun::new()
        .algorithm("RS256")
        .keys(2)
        .records(LONG_BATCH)
        .batch_size(LONG_BATCH)
        .lease_duration(Duration::from_secs(5))
        .seeded(&ledger)
        .await?;
    let mut signer = run.start_signer("paused")?;
    until_it_signs(&signer).await?;
    signer.signal(Signal::SIGSTOP)?;
    // It is never continued: the kernel's timer ends it where it stands.
    assert_eq!(signer.exit_code().await?, None, "killed while it was stopped");
    assert_eq!(run.signed().await?, 0);
    run.finish().await?;
    assert_eq!(outcomes(&run, "expired").await?, 1);
    Ok(())
}

#[tokio::test]
async fn a_batch_longer_than_its_lease_is_renewed() -> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let run = TestRun::new()
        .algorithm("RS256")
        .keys(1)
        .records(LONG_BATCH)
        .batch_size(LONG_BATCH)
        .lease_duration(Duration::from_secs(2))
        .seeded(&ledger)
        .await?;
    run.finish().await?;
    assert_eq!(outcomes(&run, "signed").await?, 1, "no lease was lost on the way");
    let prolonged =
        "SELECT count(*) FROM chancery.leases WHERE expires_at > acquired_at + interval '2 seconds'";
    assert_eq!(sqlx::query_scalar::<_, i64>(prolonged).fetch_one(ledger.ledger.pool()).await?, 1);
    Ok(())
}

#[tokio::test]
async fn a_lease_duration_that_is_shortened_under_a_living_signer_takes_nothing_from_it() -> anyhow::Result<()>
{
    let ledger = TestLedger::new().await?;
    let run = TestRun::new().records(20).batch_size(10).keys(2).seeded(&ledger).await?;
    let mut session = run.session("living").await?;
    let Acquired::Leased(lease) = session.acquire().await?.0 else { anyhow::bail!("no lease") };
    assert_eq!(lease.duration, Duration::from_secs(30));
    ledger.ledger.set_mutable(&run.run, false, Duration::from_millis(1)).await?;
    // Renewing tells of the new duration, and takes nothing away from what was granted.
    assert_eq!(session.renew(&lease).await?, Some(Duration::from_millis(1)));
    assert!(session.abandon(&lease).await?, "it was not taken over");
    ledger.ledger.set_mutable(&run.run, false, Duration::from_secs(30)).await?;
    run.finish().await?;
    assert_eq!(outcomes(&run, "expired").await?, 0);
    Ok(())
}

#[tokio::test]
async fn sigterm_leaves_nothing_in_hand_and_exits_0() -> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let run =
        TestRun::new().algorithm("RS256").keys(8).records(40_000).batch_size(100).seeded(&ledger).await?;
    let mut signer = run.start_signer_with("stopped", &["--threads", "2"])?;
    eventually("some is signed", async || run.signed().await.is_ok_and(|signed| signed > 0)).await;
    signer.signal(Signal::SIGTERM)?;
    let (code, log) = signer.ended().await?;
    assert_eq!(code, Some(0), "{log}");
    assert_eq!(open_leases(&run, "stopped").await, 0);
    let signed = run.signed().await?;
    assert!(signed < 40_000, "it stopped before the end");
    Ok(())
}

#[tokio::test]
async fn without_grace_sigterm_gives_a_long_batch_back_unsigned() -> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let run = TestRun::new()
        .algorithm("RS256")
        .keys(2)
        .records(LONG_BATCH)
        .batch_size(LONG_BATCH)
        .seeded(&ledger)
        .await?;
    let mut signer = run.start_signer_with("stopped", &["--grace", "0"])?;
    until_it_signs(&signer).await?;
    signer.signal(Signal::SIGTERM)?;
    let (code, log) = signer.ended().await?;
    assert_eq!(code, Some(0), "{log}");
    assert_eq!(open_leases(&run, "stopped").await, 0);
    assert_eq!(outcomes(&run, "abandoned").await?, 1);
    assert_eq!(run.signed().await?, 0);
    Ok(())
}

#[tokio::test]
async fn a_server_that_crashes_and_comes_back_is_waited_for() -> anyhow::Result<()> {
    let server = throw_away();
    let ledger = TestLedger::create(&server, "crash").await?;
    // Leases that the crash catches in flight are taken over after five seconds.
    let run = TestRun::long().seeded(&ledger).await?;
    let mut signers = [run.start_signer("one")?, run.start_signer("two")?];
    eventually("some is signed", async || run.signed().await.is_ok_and(|signed| signed > 2_000)).await;
    server.stop_immediate()?;
    server.start_again()?;
    for signer in &mut signers {
        let (code, log) = signer.ended().await?;
        assert_eq!(code, Some(0), "{log}");
    }
    run.assert_audit_holds().await
}

#[tokio::test]
async fn a_lease_that_was_fetched_under_survives_a_crash() -> anyhow::Result<()> {
    let server = throw_away();
    let ledger = TestLedger::create(&server, "durable").await?;
    let run = TestRun::new().records(10).seeded(&ledger).await?;
    // Nobody but the fetch is to bring the lease to the disk.
    for statement in ["ALTER SYSTEM SET wal_writer_delay = '10s'", "SELECT pg_reload_conf()"] {
        ledger.execute(statement).await?;
    }
    let mut session = run.session("one").await?;
    let Acquired::Leased(lease) = session.acquire().await?.0 else { anyhow::bail!("no lease") };
    session.fetch(lease.first_record, lease.last_record, &mut Payloads::default()).await?;
    server.stop_immediate()?;
    server.start_again()?;
    eventually("the lease is there", async || open_leases(&run, "one").await != -1).await;
    assert_eq!(open_leases(&run, "one").await, 1);
    Ok(())
}

#[tokio::test]
async fn a_database_that_stays_away_is_worth_another_try() -> anyhow::Result<()> {
    let server = throw_away();
    let ledger = TestLedger::create(&server, "away").await?;
    let run = TestRun::new().seeded(&ledger).await?;
    server.stop_immediate()?;
    let (code, log) = run.start_signer_with("one", &["--reconnect-for", "0"])?.ended().await?;
    assert_eq!(code, Some(75), "{log}");
    assert!(log.contains("does not answer"), "{log}");
    Ok(())
}

#[tokio::test]
async fn what_will_never_work_is_said_and_exits_78() -> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let run = TestRun::new().seeded(&ledger).await?;

    // The same KEK has wrapped the data key of this ring. Neither that nor the KEK itself opens another ring's keys.
    let other = TestRun::new().named("other").seeded_beside(&run).await?;
    for file in [&other.data_key_file, &run.kek_file] {
        let mut wrong = SignerProcess::start(&run.url()?, "demo", "wrong-data-key", file, &[])?;
        let (code, log) = wrong.ended().await?;
        assert_eq!(code, Some(78), "{log}");
        assert!(log.contains("the data key is not that of the run's keyring"), "{log}");
    }
    assert_eq!(run.signed().await?, 0);

    let missing = run.kek_file.with_file_name("missing");
    let (code, log) =
        SignerProcess::start(&run.url()?, "demo", "no-data-key", &missing, &[])?.ended().await?;
    assert_eq!(code, Some(78), "{log}");
    assert!(log.contains("cannot be read"), "{log}");

    let (code, log) =
        SignerProcess::start(&run.url()?, "nothing", "no-run", &run.data_key_file, &[])?.ended().await?;
    assert_eq!(code, Some(78), "{log}");
    assert!(log.contains("there is no run default/nothing"), "{log}");

    ledger
        .execute(
            "INSERT INTO chancery.schema_migrations (version, description, success, checksum, execution_time)
             VALUES (999, 'from the future', true, '', 0)",
        )
        .await?;
    let (code, log) = run.start_signer("too-old")?.ended().await?;
    assert_eq!(code, Some(78), "{log}");
    assert!(log.contains("the ledger is at version 999"), "{log}");
    assert_eq!(run.signed().await?, 0);
    Ok(())
}

#[tokio::test]
async fn a_tampered_key_is_named_and_signs_nothing() -> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let run = TestRun::new().keys(1).seeded(&ledger).await?;
    let key: uuid::Uuid = sqlx::query_scalar(
        "UPDATE chancery.key_material SET wrapped_key = set_byte(wrapped_key, 20, get_byte(wrapped_key, 20) # 1)
         RETURNING key_id",
    )
    .fetch_one(ledger.ledger.pool())
    .await?;
    let (code, log) = run.start_signer("one")?.ended().await?;
    assert_eq!(code, Some(78), "{log}");
    assert!(log.contains(&format!("key {key}")), "{log}");
    assert_eq!(run.signed().await?, 0);
    assert_eq!(open_leases(&run, "one").await, 0, "its batch is free for others");
    Ok(())
}

#[tokio::test]
async fn a_late_signer_stores_nothing() -> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let run = TestRun::new().records(10).batch_size(10).seeded(&ledger).await?;
    let mut session = run.session("late").await?;
    let Acquired::Leased(lease) = session.acquire().await?.0 else { anyhow::bail!("no lease") };
    ledger.ledger.release_holders(&run.run, &["late".to_owned()]).await?;
    let forged = [0_u8; 64];
    let error =
        session.store(&lease, &[&forged[..]; 10], Library::AwsLcRs).await.expect_err("lost").to_string();
    assert!(error.contains("is lost"), "{error}");
    assert_eq!(run.signed().await?, 0);
    assert_eq!(session.renew(&lease).await?, None);
    assert!(!session.abandon(&lease).await?);
    run.finish().await
}

#[tokio::test]
async fn signatures_that_do_not_cover_the_batch_are_not_stored() -> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let run = TestRun::new().records(10).batch_size(10).seeded(&ledger).await?;
    let mut session = run.session("sloppy").await?;
    let Acquired::Leased(lease) = session.acquire().await?.0 else { anyhow::bail!("no lease") };
    let forged = [0_u8; 64];
    let error =
        session.store(&lease, &[&forged[..]; 9], Library::AwsLcRs).await.expect_err("refused").to_string();
    assert!(error.contains("does not cover its batch"), "{error}");
    assert!(session.abandon(&lease).await?);
    run.finish().await
}

#[tokio::test]
async fn a_store_between_two_steps_of_a_deletion_says_that_the_run_is_gone() -> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let run = TestRun::new().records(10).batch_size(10).seeded(&ledger).await?;
    let mut session = run.session("one").await?;
    let Acquired::Leased(lease) = session.acquire().await?.0 else { anyhow::bail!("no lease") };
    ledger.execute("UPDATE chancery.runs SET deleted_at = clock_timestamp()").await?;
    let detach = format!(
        "ALTER TABLE chancery.signature_blocks DETACH PARTITION chancery.signature_blocks_{}",
        run.run.id
    );
    ledger.execute(sqlx::AssertSqlSafe(detach)).await?;
    let stored = session.store(&lease, &[&[7_u8; 64][..]; 10], Library::AwsLcRs).await;
    assert!(matches!(stored, Err(StoreError::NoRun(_))), "{stored:?}");
    ledger.ledger.delete_run(&run.run).await?;
    let fetched = session.fetch(lease.first_record, lease.last_record, &mut Payloads::default()).await;
    // The login went with the run, and the session with that.
    assert!(fetched.is_err(), "{fetched:?}");
    Ok(())
}

#[tokio::test]
async fn a_signer_whose_run_is_deleted_in_mid_batch_says_so_and_exits_78() -> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let run = TestRun::new()
        .algorithm("RS256")
        .keys(2)
        .records(LONG_BATCH)
        .batch_size(LONG_BATCH)
        .seeded(&ledger)
        .await?;
    let mut signer = run.start_signer("one")?;
    until_it_signs(&signer).await?;
    ledger.ledger.delete_run(&run.run).await?;
    let (code, log) = signer.ended().await?;
    assert_eq!(code, Some(78), "{log}");
    assert!(log.contains("the run was deleted"), "{log}");
    Ok(())
}
