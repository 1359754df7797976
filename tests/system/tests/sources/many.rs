//! Many lines.

use std::collections::HashMap;

use chancery_kit::{Offered, TestLedger, TestRun};

use crate::origins::{Held, Kind, Origin, reading_as};
use crate::{file, holds, lines};

/// As many as can be read in a minute: a million by optimised programs (`make test-many`), of each kind of source.
const MANY: usize = if cfg!(debug_assertions) { 100_000 } else { 1_000_000 };

const KINDS: &[Kind] = if cfg!(debug_assertions) {
    &[Kind::Files]
} else {
    &[Kind::Files, Kind::Bucket, Kind::Table, Kind::Replay]
};

#[tokio::test]
async fn many_lines_are_each_a_record_or_a_duplicate() -> anyhow::Result<()> {
    // In eight parts, each of which repeats a tenth of the next.
    let part = MANY / 8;
    let parts = (0..8).map(|number| lines(number * part, number * part + part + part / 10).collect());
    let held = Held { parts: parts.collect(), too_long: false };
    for kind in KINDS {
        let ledger = TestLedger::new().await?;
        let Some(origin) = Origin::holding(*kind, &ledger, &held).await? else { continue };
        let run = TestRun::new().batch_size(5_000).keys(4);
        let origins = [origin];
        let (run, offered) = reading_as(&ledger, run, &origins).await?;
        run.take_in().await?;
        holds(&run, &offered).await.map_err(|error| error.context(format!("{kind:?}")))?;
    }
    Ok(())
}

/// Whoever counts by hand comes to the same: so that the counting of these tests is not taken on trust.
#[tokio::test]
async fn the_counting_of_these_tests_misses_nothing_that_is_changed() -> anyhow::Result<()> {
    let (ledger, folder) = (TestLedger::new().await?, tempfile::tempdir()?);
    let offered: Vec<String> = lines(0, 20).chain(lines(3, 5)).collect();
    file(folder.path(), "a.txt", offered.iter().cloned())?;
    let run = TestRun::new().keys(1).reads("files", folder.path()).created(&ledger).await?.stocked().await?;
    run.take_in().await?;
    let pool = ledger.ledger.pool();
    let by_hand: Vec<Vec<u8>> = sqlx::query_scalar("SELECT payload FROM chancery.records WHERE run_id = $1")
        .bind(run.run.id)
        .fetch_all(pool)
        .await?;
    let mut times = HashMap::<&str, usize>::new();
    for line in &offered {
        *times.entry(line).or_default() += 1;
    }
    assert_eq!(by_hand.len(), times.len());
    let mut connection = pool.acquire().await?;
    let all = Offered::lines(&offered);
    all.is_accounted_for(&mut connection, run.run.id).await?;
    let one_less = Offered::lines(&offered[1..]);
    let one_more = Offered::lines(offered.iter().chain(["another".to_owned()].iter()));
    let twice = Offered::lines(offered.iter().chain(&offered[..1]));
    let dead = all.clone().with_dead(["dead"]);
    for (what, wrong) in [("one less", one_less), ("one more", one_more), ("twice", twice), ("dead", dead)] {
        assert!(wrong.is_accounted_for(&mut connection, run.run.id).await.is_err(), "{what}");
    }
    Ok(())
}
