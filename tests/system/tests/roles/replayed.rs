//! What somebody tries who has the login of an intake, in SQL with that login and no other, to read records of another run.

use chancery_kit::{TestLedger, TestRun};
use serde_json::json;
use sqlx::AssertSqlSafe;

use crate::intake::{by_intake, run};
use crate::refusal;
use crate::stolen_intake::{INVALID_PARAMETER_VALUE, add, admit, answer, next};

#[tokio::test]
async fn a_split_of_ones_own_making_reads_no_other_run() -> anyhow::Result<()> {
    let (ledger, folder) = (TestLedger::new().await?, tempfile::tempdir()?);
    let own = run(&ledger, folder.path()).await?;
    let sealed = TestRun::new().named("sealed").records(20).keys(1).seeded_beside(&own).await?;
    // Another that still gets records, and has some.
    let open = TestRun::new().named("open").keys(1).without_idempotency().reads("files", folder.path());
    let open = open.created_beside(&own).await?.stocked().await?;
    let mut intake = by_intake(&open).await?;
    next(&mut intake, "theirs").await?;
    answer(&mut intake, &add("theirs", &json!({}))).await?;
    answer(&mut intake, "chancery.source_listed(1, 'theirs', 1)").await?;
    next(&mut intake, "theirs").await?;
    assert_eq!(answer(&mut intake, &admit("theirs")).await?[0]["answer"], "admitted");

    let mut thief = by_intake(&own).await?;
    assert_eq!(next(&mut thief, "mine").await?["task"], "list");
    let mut splits = 0;
    for run in [&sealed, &open] {
        for rows in ["Records", "DeadLetters"] {
            splits += 1;
            let part = json!({"run": run.run.uid, "rows": rows});
            let add = add("mine", &part).replace("'mine', 1,", &format!("'mine', {splits},"));
            assert_eq!(answer(&mut thief, &add).await?, json!([true]), "{add}");
        }
    }
    let listed = format!("chancery.source_listed(1, 'mine', {splits})");
    assert_eq!(answer(&mut thief, &listed).await?, json!([true]));
    for _ in 0..splits {
        let task = next(&mut thief, "mine").await?;
        assert_eq!(task["task"], "read");
        let read = format!("chancery.replay_read(1, {}, 'mine', 0)", task["split"]);
        assert_eq!(answer(&mut thief, &read).await?, json!([]), "{task}");
    }
    sealed.finish().await
}

#[tokio::test]
async fn a_source_that_is_a_run_is_read_as_its_description_says_and_nobody_adds_splits_to_it()
-> anyhow::Result<()> {
    let (ledger, folder) = (TestLedger::new().await?, tempfile::tempdir()?);
    let first = run(&ledger, folder.path()).await?;
    first.take_in().await?;
    let again = TestRun::new().named("again").keys(1).replays("demo", "DeadLetters");
    let again = again.created_beside(&first).await?.stocked().await?;
    let another = TestRun::new().named("another").records(20).keys(1).seeded_beside(&first).await?;
    let mut thief = by_intake(&again).await?;
    assert_eq!(next(&mut thief, "mine").await?["task"], "list");
    let before = ledger.fingerprint().await?;
    let own_part = add("mine", &json!({"run": first.run.uid, "rows": "Records"}));
    let refused = refusal(&mut thief, &format!("SELECT {own_part}")).await?;
    assert_eq!(refused.as_deref(), Some(INVALID_PARAMETER_VALUE));
    assert_eq!(ledger.fingerprint().await?, before);
    assert_eq!(answer(&mut thief, "chancery.replay_list(1, 'mine')").await?, json!(["listed"]));
    assert_eq!(next(&mut thief, "mine").await?["task"], "read");

    // Were such splits there all the same: as nobody but the owner can write them.
    let gone = json!([{"gone": true, "place": null, "payload": null, "stage": null, "reason": null, "traceparent": null}]);
    for (run, rows, nothing) in
        [(&first, "Records", json!([])), (&another, "Records", json!([])), (&another, "DeadLetters", gone)]
    {
        let part = json!({"run": run.run.uid, "rows": rows});
        let write = format!(
            "ALTER TABLE chancery.splits DISABLE TRIGGER splits_keep_their_shape;
             UPDATE chancery.splits SET part = '{part}' WHERE run_id = {};
             ALTER TABLE chancery.splits ENABLE TRIGGER splits_keep_their_shape",
            again.run.id
        );
        ledger.execute(AssertSqlSafe(write)).await?;
        let read = answer(&mut thief, "chancery.replay_read(1, 1, 'mine', 0)").await?;
        assert_eq!(read, nothing, "{part}");
    }
    first.finish().await?;
    another.finish().await
}
