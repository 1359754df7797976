//! What somebody tries who has the login of a run to which programs push. Its batches may be closed before they are full, so that
//! its table of signatures has other guards.

use chancery_kit::{TestLedger, TestRun};
use serde_json::json;
use sqlx::{Connection, PgConnection};

use crate::stolen_login::{NOT_THE_BATCH, abandon, lease, store};
use crate::{by_login, refusal};

/// Ten payloads, which are a batch.
const PUSH: &str = "SELECT chancery.records_push(
    r.id, r.uid, 10, ARRAY (SELECT convert_to(n::text, 'UTF8') FROM generate_series(0, 9) n),
    ARRAY (SELECT n::bigint FROM generate_series(0, 9) n), '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', NULL, '{}', '{}', '{}')
  FROM chancery.runs r";

#[tokio::test]
async fn no_block_of_signatures_is_empty() -> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let http = json!({"http": {"maxPending": 100, "periodMicros": 1}});
    let run = TestRun::new().reads_described("push", http).batch_size(10).keys(1);
    let run = run.created(&ledger).await?.stocked().await?;
    ledger.execute(PUSH).await?;
    let mut thief = by_login(&run).await?;
    let lease = lease(&mut thief).await?;
    let before = ledger.fingerprint().await?;
    let empty = format!("{};", store(lease, 1, 0, false));
    let whole = format!("{};", store(lease, 1, 10, true));
    let between = format!(
        "{}; {}; {};",
        store(lease, 1, 4, false),
        store(lease, 5, 0, false),
        store(lease, 5, 6, true)
    );
    for attempt in [format!("BEGIN; {} {whole} COMMIT", empty.repeat(3)), format!("BEGIN; {between} COMMIT")]
    {
        assert_eq!(refusal(&mut thief, &attempt).await?.as_deref(), Some(NOT_THE_BATCH), "{attempt}");
        sqlx::raw_sql("ROLLBACK").execute(&mut thief).await?;
        assert_eq!(ledger.fingerprint().await?, before, "{attempt}");
    }
    abandon(&mut thief, lease).await?;
    ledger.execute("SELECT chancery.pushes_seal(r.id, r.uid) FROM chancery.runs r").await?;
    run.finish().await
}

#[tokio::test]
async fn a_push_of_nothing_is_no_push() -> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let http = json!({"http": {"maxPending": 100, "periodMicros": 1}});
    TestRun::new().reads_described("push", http).created(&ledger).await?;
    let before = ledger.fingerprint().await?;
    let call = |place: usize| {
        let mut arguments = ["1", "gen_random_uuid()", "0"].map(str::to_owned).to_vec();
        arguments.resize(18, "'{}'".to_owned());
        // Of a run without a policy, nothing is judged.
        for null in [14, place] {
            "NULL".clone_into(&mut arguments[null]);
        }
        format!("SELECT chancery.records_push({})", arguments.join(", "))
    };
    let mut operator = PgConnection::connect(&ledger.operator_url).await?;
    for place in (0..14).chain(15..18) {
        let refused = refusal(&mut operator, &call(place)).await?;
        assert_eq!(refused.as_deref(), Some("22004"), "{}", call(place));
    }
    assert_eq!(ledger.fingerprint().await?, before);
    Ok(())
}
