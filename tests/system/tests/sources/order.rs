//! What is handed out, and when a run is sealed.

use anyhow::bail;
use chancery_kit::{Offered, SeededRun, TestLedger, TestRun};
use chancery_store::intake::Task;

use crate::interrupted::list;
use crate::{counted, file, holds, lines};

async fn of_one_file<'l>(ledger: &'l TestLedger, folder: &std::path::Path) -> anyhow::Result<SeededRun<'l>> {
    file(folder, "a.txt", lines(0, 30))?;
    TestRun::new().keys(1).reads("files", folder).created(ledger).await?.stocked().await
}

async fn is_sealed(run: &SeededRun<'_>) -> anyhow::Result<bool> {
    Ok(run.ledger.ledger.progress(&[run.run.id]).await?.iter().all(|progress| progress.sealed))
}

#[tokio::test]
async fn nothing_is_read_of_a_source_whose_listing_is_not_over() -> anyhow::Result<()> {
    let (ledger, folder) = (TestLedger::new().await?, tempfile::tempdir()?);
    let run = of_one_file(&ledger, folder.path()).await?;
    let mut lister = run.intake("lister").await?;
    let Task::List(held) = lister.next().await? else { bail!("nothing to list") };
    // As after the first call of a listing of two.
    let first = "INSERT INTO chancery.splits (run_id, source, split, part, start, position) VALUES ($1, 1, 1, '{}', 0, 0)";
    sqlx::query(first).bind(run.run.id).execute(ledger.ledger.pool()).await?;
    let mut other = run.intake("other").await?;
    let next = other.next().await?;
    assert!(matches!(next, Task::Wait(_)), "{next:?}");
    assert!(!is_sealed(&run).await?);
    assert!(lister.give_back(&held, None).await?);
    run.take_in().await?;
    holds(&run, &Offered::lines(lines(0, 30))).await
}

#[tokio::test]
async fn a_run_is_not_sealed_while_a_split_of_it_is_in_somebodys_hands() -> anyhow::Result<()> {
    let (ledger, folder) = (TestLedger::new().await?, tempfile::tempdir()?);
    let run = of_one_file(&ledger, folder.path()).await?;
    list(&run).await?;
    let mut reader = run.intake("reader").await?;
    let Task::Read(reading) = reader.next().await? else { bail!("nothing to read") };
    let mut other = run.intake("other").await?;
    let next = other.next().await?;
    assert!(matches!(next, Task::Wait(_)), "{next:?}");
    assert!(!is_sealed(&run).await?);
    assert!(reader.give_back(&reading.held, None).await?);
    run.take_in().await?;
    holds(&run, &Offered::lines(lines(0, 30))).await
}

/// Whatever is done to it, a split counts what was read of it, and the run counts its splits.
#[tokio::test]
async fn the_counts_of_a_run_are_those_of_its_splits() -> anyhow::Result<()> {
    let (ledger, folder) = (TestLedger::new().await?, tempfile::tempdir()?);
    file(folder.path(), "a.txt", lines(0, 30).chain(lines(5, 9)))?;
    file(folder.path(), "b.txt", lines(20, 40).chain(["x".repeat((1 << 20) + 5)]))?;
    let run = TestRun::new().keys(1).reads("files", folder.path()).created(&ledger).await?.stocked().await?;
    run.take_in().await?;
    assert_eq!(counted(&run).await?, (55, 40, 14, 1));
    let of_splits = "SELECT split, received, admitted, duplicates, dead FROM chancery.splits WHERE run_id = $1 ORDER BY split";
    let of_splits: Vec<(i32, i64, i64, i64, i64)> =
        sqlx::query_as(of_splits).bind(run.run.id).fetch_all(ledger.ledger.pool()).await?;
    assert_eq!((of_splits[0].1, of_splits[1].1), (34, 21), "{of_splits:?}");
    assert_eq!(of_splits.iter().map(|split| split.2).sum::<i64>(), 40);
    let dead =
        Offered::lines(lines(0, 30).chain(lines(5, 9)).chain(lines(20, 40))).with_dead(["x".repeat(1 << 20)]);
    holds(&run, &dead).await
}
