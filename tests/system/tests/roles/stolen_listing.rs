//! What somebody tries who has the login of an intake, and says that a source has what it has not.

use chancery_kit::TestLedger;
use serde_json::json;

use crate::intake::{by_intake, run};
use crate::refusal;
use crate::stolen_intake::{add, answer, next};

const PROGRAM_LIMIT_EXCEEDED: &str = "54000";

async fn number(ledger: &TestLedger, sql: &'static str) -> anyhow::Result<i64> {
    Ok(sqlx::query_scalar(sql).fetch_one(ledger.ledger.pool()).await?)
}

const SPLITS: &str = "SELECT count(*) FROM chancery.splits";
const TAKEN: &str = "SELECT chancery.run_taken(1)::bigint";

#[tokio::test]
async fn what_is_listed_counts_as_what_the_run_takes_and_has_an_end() -> anyhow::Result<()> {
    let (ledger, folder) = (TestLedger::new().await?, tempfile::tempdir()?);
    let run = run(&ledger, folder.path()).await?;
    let mut thief = by_intake(&run).await?;
    assert_eq!(next(&mut thief, "mine").await?["task"], "list");
    let before = number(&ledger, TAKEN).await?;
    let many = "chancery.splits_add(1, 'mine', 1, array_fill(to_json(repeat('x', 1000))::text, ARRAY[1000]),
                                    array_fill(0::bigint, ARRAY[1000]))";
    assert_eq!(answer(&mut thief, many).await?, json!([true]));
    let counted = number(&ledger, TAKEN).await? - before;
    assert_eq!(counted, 1_000 * (1_002 + 250), "each part, and its row");

    // As if they had gone on for long.
    ledger.execute("UPDATE chancery.sources SET listed_bytes = 4294967296 - 1000").await?;
    let call = |part: &str, first: i32| {
        format!("SELECT chancery.splits_add(1, 'mine', {first}, ARRAY[{part}], ARRAY[0]::bigint[])")
    };
    let larger = call("to_json(repeat('x', 749))::text", 1_001);
    assert_eq!(refusal(&mut thief, &larger).await?.as_deref(), Some(PROGRAM_LIMIT_EXCEEDED));
    assert_eq!(number(&ledger, SPLITS).await?, 1_000);
    assert_eq!(refusal(&mut thief, &call("to_json(repeat('x', 748))::text", 1_001)).await?, None);

    // Whoever lists it after them begins anew.
    assert_eq!(
        answer(&mut thief, "chancery.intake_give_back(1, NULL, 'mine', NULL, NULL)").await?,
        json!([true])
    );
    assert_eq!(next(&mut thief, "again").await?["task"], "list");
    assert_eq!((number(&ledger, SPLITS).await?, number(&ledger, TAKEN).await?), (0, before));
    assert_eq!(
        answer(&mut thief, "chancery.intake_give_back(1, NULL, 'again', NULL, NULL)").await?,
        json!([true])
    );
    run.take_in().await?;
    run.finish().await
}

#[tokio::test]
async fn nothing_is_listed_while_the_database_has_no_room() -> anyhow::Result<()> {
    let (ledger, folder) = (TestLedger::new().await?, tempfile::tempdir()?);
    let run = run(&ledger, folder.path()).await?;
    let mut thief = by_intake(&run).await?;
    assert_eq!(next(&mut thief, "mine").await?["task"], "list");
    ledger.ledger.hold_intake(run.run.id, Some("there is no room")).await?;
    let before = ledger.fingerprint().await?;
    assert_eq!(answer(&mut thief, &add("mine", &json!({}))).await?, json!([false]));
    assert_eq!(ledger.fingerprint().await?, before);
    ledger.ledger.hold_intake(run.run.id, None).await?;
    assert_eq!(
        answer(&mut thief, "chancery.intake_give_back(1, NULL, 'mine', NULL, NULL)").await?,
        json!([true])
    );
    run.take_in().await?;
    run.finish().await
}
