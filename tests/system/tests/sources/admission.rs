//! What an intake's login cannot get into the ledger, whatever it says.

use anyhow::bail;
use chancery_kit::{SeededRun, TestLedger, TestRun};
use chancery_store::IntakeSession;
use chancery_store::intake::{Admission, DeadArrival, Reading, Refusal, Task};
use sqlx::{AssertSqlSafe, Connection, PgConnection};

use crate::interrupted::list;
use crate::{counted, file, lines};

async fn listed<'l>(ledger: &'l TestLedger, folder: &std::path::Path) -> anyhow::Result<SeededRun<'l>> {
    file(folder, "a.txt", lines(0, 10))?;
    file(folder, "b.txt", lines(0, 10))?;
    let run =
        TestRun::new().keys(1).batch_size(4).reads("files", folder).created(ledger).await?.stocked().await?;
    list(&run).await?;
    Ok(run)
}

pub(crate) async fn reading(intake: &mut IntakeSession) -> anyhow::Result<Reading> {
    match intake.next().await? {
        Task::Read(reading) => Ok(reading),
        other => bail!("nothing to read: {other:?}"),
    }
}

fn admission(from: i64, payloads: &[(i64, &str)], next: i64) -> Admission {
    let mut admission = Admission::from(from);
    for (position, payload) in payloads {
        admission.payloads.push(payload.as_bytes());
        admission.positions.push(*position);
    }
    admission.next = next;
    admission
}

#[tokio::test]
async fn what_was_admitted_is_never_admitted_again() -> anyhow::Result<()> {
    let (ledger, folder) = (TestLedger::new().await?, tempfile::tempdir()?);
    let run = listed(&ledger, folder.path()).await?;
    let mut intake = run.intake("one").await?;
    let split = reading(&mut intake).await?;
    let first = admission(0, &[(0, "one"), (5, "two")], 10);
    let admitted = intake.admit(&split, &first).await?.expect("a run").expect("ours");
    assert_eq!((admitted.records, admitted.position, admitted.done), (2, 10, false));
    // As after an answer that was lost.
    assert_eq!(intake.admit(&split, &first).await?, Ok(None));
    // As somebody who would leave something out.
    assert_eq!(intake.admit(&split, &admission(20, &[(20, "three")], 25)).await?, Ok(None));
    assert_eq!(counted(&run).await?, (2, 2, 0, 0));

    // Another split is another reader's, and its token is.
    let mut other = run.intake("two").await?;
    let of_other = reading(&mut other).await?;
    assert_ne!(of_other.held.split, split.held.split);
    let mut forged = split;
    forged.held.split = of_other.held.split;
    assert_eq!(intake.admit(&forged, &admission(0, &[(0, "four")], 5)).await?, Ok(None));
    assert!(!intake.renew(&forged.held).await?);
    assert_eq!(counted(&run).await?, (2, 2, 0, 0));
    Ok(())
}

#[tokio::test]
async fn a_sealed_or_suspended_run_admits_nothing() -> anyhow::Result<()> {
    let (ledger, folder) = (TestLedger::new().await?, tempfile::tempdir()?);
    let run = listed(&ledger, folder.path()).await?;
    let mut intake = run.intake("one").await?;
    let split = reading(&mut intake).await?;
    let some = admission(0, &[(0, "one")], 10);
    ledger.ledger.set_mutable(&run.run, true, std::time::Duration::from_secs(30)).await?;
    assert_eq!(intake.admit(&split, &some).await?, Err(Refusal::Suspended));
    assert!(matches!(intake.next().await?, Task::Nothing(Refusal::Suspended)));
    ledger.ledger.set_mutable(&run.run, false, std::time::Duration::from_secs(30)).await?;
    assert!(intake.give_back(&split.held, None).await?);
    run.take_in().await?;
    assert_eq!(intake.admit(&split, &some).await?, Err(Refusal::Sealed));
    assert_eq!(counted(&run).await?, (20, 10, 10, 0));
    run.finish().await
}

/// Each is refused before anything is stored.
#[tokio::test]
async fn no_lie_about_positions_or_lengths_is_stored() -> anyhow::Result<()> {
    let (ledger, folder) = (TestLedger::new().await?, tempfile::tempdir()?);
    let run = listed(&ledger, folder.path()).await?;
    let mut intake = run.intake("one").await?;
    let split = reading(&mut intake).await?;
    let long = "x".repeat((1 << 20) + 1);
    let dead = |position, raw: usize| DeadArrival::at_stage(position, "Parse", "no".to_owned(), vec![0; raw]);
    let with_dead = |mut admission: Admission, dead: Vec<DeadArrival>| {
        admission.dead = dead;
        admission
    };
    let mut short = admission(0, &[(0, "one")], 10);
    short.positions.clear();
    for (what, lie) in [
        ("two at one place", admission(0, &[(3, "one"), (3, "two")], 10)),
        ("not in order", admission(0, &[(5, "one"), (3, "two")], 10)),
        ("before the position", admission(0, &[(-1, "one")], 10)),
        ("behind the next position", admission(0, &[(10, "one")], 10)),
        ("a position less", short),
        ("backwards", admission(0, &[], -1)),
        ("too long", admission(0, &[(0, &long)], 10)),
        ("dead, at the place of another", with_dead(admission(0, &[(3, "one")], 10), vec![dead(3, 1)])),
        ("dead, not in order", with_dead(admission(0, &[], 10), vec![dead(5, 1), dead(3, 1)])),
        ("dead, too long", with_dead(admission(0, &[], 10), vec![dead(3, (1 << 20) + 1)])),
    ] {
        let refused = intake.admit(&split, &lie).await;
        assert!(refused.is_err(), "{what}: {refused:?}");
        assert_eq!(counted(&run).await?, (0, 0, 0, 0), "{what}");
    }
    // In SQL, where arrays may be stranger still.
    let mut by_hand = PgConnection::connect(&run.intake_url().await?).await?;
    let token = "'\\x00'::bytea";
    for arrays in [
        "ARRAY[NULL]::bytea[], ARRAY[0]::bigint[]",
        "ARRAY['a']::bytea[], ARRAY[NULL]::bigint[]",
        "'[0:0]={a}'::bytea[], ARRAY[0]::bigint[]",
        "ARRAY['a']::bytea[], '[7:7]={99}'::bigint[]",
        "ARRAY[ARRAY['a','b']]::bytea[], ARRAY[0, 1]::bigint[]",
        "array_fill('a'::bytea, ARRAY[100001]), ARRAY (SELECT n::bigint FROM generate_series(0, 100000) n)",
    ] {
        let call = format!(
            "SELECT chancery.admit(1, 1, {token}, 0, 1000000, '', false, {arrays}, '{{}}', '{{}}', '{{}}', '{{}}', '{{}}', \
             ROW (NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)::chancery.judgement, '{{}}', '{{}}', '{{}}')"
        );
        let refused = sqlx::raw_sql(AssertSqlSafe(call)).execute(&mut by_hand).await.expect_err(arrays);
        let code = refused.as_database_error().and_then(|error| error.code()).unwrap_or_default();
        assert_eq!(code, "22023", "{arrays}: {refused}");
    }
    run.take_in().await?;
    run.finish().await
}

#[tokio::test]
async fn positions_and_counts_of_a_split_never_change_once_it_is_done() -> anyhow::Result<()> {
    let (ledger, folder) = (TestLedger::new().await?, tempfile::tempdir()?);
    let run = listed(&ledger, folder.path()).await?;
    run.take_in().await?;
    for statement in [
        "UPDATE chancery.splits SET position = 0",
        "UPDATE chancery.splits SET done_at = NULL",
        "UPDATE chancery.splits SET part = '{}'",
        "UPDATE chancery.sources SET description = '{}'",
        "UPDATE chancery.sources SET listed_at = NULL",
        "UPDATE chancery.intakes SET record_limit = 5",
        "UPDATE chancery.intakes SET admitted = admitted + 1",
        "UPDATE chancery.arrivals SET duplicate_record = 1",
        "UPDATE chancery.arrivals SET raw = 'x'",
        "DELETE FROM chancery.arrivals",
    ] {
        let refused = sqlx::query(statement).execute(ledger.ledger.pool()).await;
        assert!(refused.is_err(), "{statement}: {refused:?}");
    }
    run.finish().await
}
