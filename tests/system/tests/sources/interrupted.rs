//! Intakes that die, at any step.

use chancery_kit::{Offered, SeededRun, TestLedger, TestRun, eventually};
use chancery_store::intake::{Admission, Task};
use sqlx::{AssertSqlSafe, Connection};

use crate::{counted, file, holds, lines};

/// Has the run's only source listed, and nothing read.
pub(crate) async fn list(run: &SeededRun<'_>) -> anyhow::Result<()> {
    let url = run.intake_url().await?;
    // The program itself lists; it is held back from reading until it is killed.
    let hold = "UPDATE chancery.splits SET not_before = now() + interval '50 seconds' WHERE run_id = $1";
    let mut blocker = sqlx::PgConnection::connect(&run.ledger.url).await?;
    sqlx::query(
        "CREATE FUNCTION public.hold() RETURNS trigger LANGUAGE plpgsql AS
                 'BEGIN NEW.not_before := now() + interval ''50 seconds''; RETURN NEW; END'",
    )
    .execute(&mut blocker)
    .await?;
    sqlx::query(
        "CREATE TRIGGER hold BEFORE INSERT ON chancery.splits FOR EACH ROW EXECUTE FUNCTION public.hold()",
    )
    .execute(&mut blocker)
    .await?;
    let intake = chancery_kit::IntakeProcess::start(&url, &run.run.name, "a lister", &[])?;
    eventually("the source is listed", async || {
        let listed = "SELECT bool_and(listed_at IS NOT NULL) FROM chancery.sources WHERE run_id = $1";
        let listed = sqlx::query_scalar::<_, bool>(listed).bind(run.run.id);
        listed.fetch_one(run.ledger.ledger.pool()).await.is_ok_and(|listed| listed)
    })
    .await;
    intake.kill().await?;
    // What it asked last is still answered, and must not take what is to be read.
    eventually("its sessions have ended", async || {
        let ended = "SELECT NOT EXISTS (SELECT FROM pg_stat_activity
                                         WHERE datname = current_database() AND application_name = 'a lister')";
        sqlx::query_scalar::<_, bool>(ended).fetch_one(run.ledger.ledger.pool()).await.is_ok_and(|ended| ended)
    })
    .await;
    sqlx::query("DROP TRIGGER hold ON chancery.splits").execute(&mut blocker).await?;
    sqlx::query(AssertSqlSafe(hold.replace("now() + interval '50 seconds'", "NULL")))
        .bind(run.run.id)
        .execute(&mut blocker)
        .await?;
    Ok(())
}

#[tokio::test]
async fn an_intake_that_is_killed_again_and_again_leaves_nothing_out_and_reads_nothing_twice()
-> anyhow::Result<()> {
    let (ledger, folder) = (TestLedger::new().await?, tempfile::tempdir()?);
    let offered: Vec<String> = lines(0, 120_000).chain(lines(1_000, 3_000)).collect();
    file(folder.path(), "a.txt", offered.iter().cloned())?;
    let run = TestRun::new().batch_size(1_000).keys(2).reads("files", folder.path());
    let run = run.created(&ledger).await?.stocked().await?;
    for round in 0..5_i64 {
        let holder = format!("killed {round}");
        let intake = run.start_intake(&holder).await?;
        let before = counted(&run).await?.0;
        eventually("it admits some", async || counted(&run).await.is_ok_and(|counts| counts.0 > before))
            .await;
        intake.kill().await?;
        // As whoever started it does.
        ledger.ledger.release_intakes(&run.run, &[holder]).await?;
    }
    run.take_in().await?;
    holds(&run, &Offered::lines(offered)).await
}

#[tokio::test]
async fn an_intake_that_dies_while_it_lists_leaves_no_split_behind() -> anyhow::Result<()> {
    let (ledger, folder) = (TestLedger::new().await?, tempfile::tempdir()?);
    file(folder.path(), "a.txt", lines(0, 30))?;
    let run = TestRun::new().keys(1).reads("files", folder.path()).created(&ledger).await?.stocked().await?;
    let mut dying = run.intake("dying").await?;
    let Task::List(_held) = dying.next().await? else { anyhow::bail!("nothing to list") };
    // What it had told until then: a part that is no part of anything.
    sqlx::query("INSERT INTO chancery.splits (run_id, source, split, part, start, position) VALUES ($1, 1, 7, '{}', 0, 0)")
        .bind(run.run.id)
        .execute(ledger.ledger.pool())
        .await?;
    drop(dying);
    assert_eq!(ledger.ledger.release_intakes(&run.run, &["dying".to_owned()]).await?, 1);
    run.take_in().await?;
    holds(&run, &Offered::lines(lines(0, 30))).await
}

#[tokio::test]
async fn one_that_was_taken_for_dead_admits_nothing_any_more() -> anyhow::Result<()> {
    let (ledger, folder) = (TestLedger::new().await?, tempfile::tempdir()?);
    file(folder.path(), "a.txt", lines(0, 30))?;
    let run = TestRun::new().keys(1).reads("files", folder.path()).created(&ledger).await?.stocked().await?;
    list(&run).await?;
    let mut late = run.intake("late").await?;
    let Task::Read(reading) = late.next().await? else { anyhow::bail!("nothing to read") };
    let mut admission = Admission::from(reading.position);
    admission.payloads.push(b"one of the late one's");
    admission.positions.push(0);
    admission.next = 30;
    ledger.ledger.release_intakes(&run.run, &["late".to_owned()]).await?;
    let mut other = run.intake("other").await?;
    let Task::Read(again) = other.next().await? else { anyhow::bail!("nothing to read") };
    assert_eq!(again.position, 0);
    assert_eq!(late.admit(&reading, &admission).await?, Ok(None));
    assert!(!late.renew(&reading.held).await? && !late.give_back(&reading.held, None).await?);
    assert!(other.give_back(&again.held, None).await?);
    run.take_in().await?;
    holds(&run, &Offered::lines(lines(0, 30))).await
}

/// As for leases of keys: what was written by a clock that was ahead does not stay.
#[tokio::test]
async fn a_clock_that_was_set_back_holds_up_neither_what_the_dead_had_nor_what_failed() -> anyhow::Result<()>
{
    let (ledger, folder) = (TestLedger::new().await?, tempfile::tempdir()?);
    file(folder.path(), "a.txt", lines(0, 30))?;
    let run = TestRun::new().keys(1).reads("files", folder.path()).created(&ledger).await?.stocked().await?;
    for table in ["sources", "splits"] {
        if table == "splits" {
            list(&run).await?;
        }
        let mut dead = run.intake("dead").await?;
        let held = dead.next().await?;
        anyhow::ensure!(matches!(held, Task::List(_) | Task::Read(_)), "{held:?}");
        let mut other = run.intake("other").await?;
        assert!(matches!(other.next().await?, Task::Wait(_)));
        let ahead = format!("UPDATE chancery.{table} SET expires_at = expires_at + interval '1 day'");
        sqlx::query(AssertSqlSafe(ahead)).execute(ledger.ledger.pool()).await?;
        let (Task::List(held) | Task::Read(chancery_store::intake::Reading { held, .. })) =
            other.next().await?
        else {
            anyhow::bail!("nothing of {table}");
        };
        assert!(other.give_back(&held, Some(("it failed", std::time::Duration::from_secs(9)))).await?);
        assert!(matches!(other.next().await?, Task::Wait(_)));
        let ahead = format!("UPDATE chancery.{table} SET not_before = not_before + interval '1 day'");
        sqlx::query(AssertSqlSafe(ahead)).execute(ledger.ledger.pool()).await?;
        let (Task::List(held) | Task::Read(chancery_store::intake::Reading { held, .. })) =
            other.next().await?
        else {
            anyhow::bail!("nothing of {table}");
        };
        assert!(other.give_back(&held, None).await?);
    }
    run.take_in().await?;
    holds(&run, &Offered::lines(lines(0, 30))).await
}
