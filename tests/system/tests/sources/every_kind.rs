//! What every kind of source has in common, whatever it is.

use std::time::Duration;

use chancery_kit::{Offered, Point, StepRelay, TestLedger, TestRun, server};
use serde_json::json;

use crate::every_step::{database_of, ended_before, socket_of};
use crate::origins::{Held, Kind, OTHERS, Origin, reading};
use crate::tables::execute;
use crate::{accounted, counted, holds, lines};

const LEASE: Duration = Duration::from_secs(30);

/// More than any intake of these tests asks a table.
const MOST: usize = 50;

#[tokio::test]
async fn nothing_one_payload_and_exactly_a_batch_are_read_from_each_kind_of_source() -> anyhow::Result<()> {
    for kind in OTHERS {
        for count in [0, 1, 4] {
            let ledger = TestLedger::new().await?;
            // A store without an object is none that can be read: what is empty is one of no bytes.
            let held = Held::lines(lines(0, count));
            let Some(origin) = Origin::holding(*kind, &ledger, &held).await? else { continue };
            let origins = [origin];
            let (run, offered) = reading(&ledger, &origins, "demo", LEASE).await?;
            run.take_in().await?;
            let all = i64::try_from(count)?;
            assert_eq!(counted(&run).await?, (all, all, 0, 0), "{kind:?}");
            // Signing is the same for all of them.
            if count == 4 { holds(&run, &offered).await } else { accounted(&run, &offered).await }
                .map_err(|error| error.context(format!("{count} of {kind:?}")))?;
        }
    }
    Ok(())
}

#[tokio::test]
async fn two_intakes_at_once_share_sources_of_each_kind_and_read_nothing_twice() -> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let parts = (0..6).map(|part| lines(part * 500, part * 500 + 520).collect()).collect();
    let held = Held { parts, too_long: true };
    let origins = Origin::all_holding(&[OTHERS, &[Kind::Files]].concat(), &ledger, &held).await?;
    let (run, offered) = reading(&ledger, &origins, "demo", LEASE).await?;
    let (mut one, mut two) = (run.start_intake("one").await?, run.start_intake("two").await?);
    for (code, log) in [one.ended().await?, two.ended().await?] {
        assert_eq!(code, Some(0), "{log}");
    }
    holds(&run, &offered).await
}

/// Each request to the database of a table in turn; what was read before it counts, and it is asked again.
async fn breaks_off_at_every_request(point: Point) -> anyhow::Result<()> {
    let (ledger, url) = (TestLedger::new().await?, TestLedger::empty_database().await?);
    execute(
        &url,
        "CREATE TABLE payments AS SELECT n AS id, 'row ' || n / 2 AS p FROM generate_series(1, 3000) n",
    )
    .await?;
    let offered = Offered::lines((1..=3_000).map(|number| format!("row {}", number / 2)));
    for request in 1..MOST {
        let relay = StepRelay::to(&socket_of(server()), request, point).await?;
        let table = json!({"query": "TABLE payments", "orderBy": ["id"], "payload": "p"});
        let by_relay = json!({"table": table, "url": relay.url("chancery", database_of(&url))});
        let run =
            TestRun::new().named(&format!("request-{request}")).keys(1).reads_described("rows", by_relay);
        let run = run.created(&ledger).await?.stocked().await?;
        let mut intake = run.start_intake("patient").await?;
        let over = ended_before(&relay, &mut intake).await?;
        let whole = over.is_some();
        let (code, log) = match over {
            Some(ended) => ended,
            None => {
                relay.cut();
                intake.ended().await?
            }
        };
        assert_eq!(code, Some(0), "request {request}, {point:?}: {log}");
        let kept = accounted(&run, &offered).await;
        assert!(kept.is_ok(), "request {request}, {point:?}: {kept:?}\n{log}");
        if whole {
            assert!(request > 4, "a look at the query, a snapshot, and rows: {request}");
            return holds(&run, &offered).await;
        }
    }
    anyhow::bail!("an intake asks a table more than {MOST} times");
}

#[tokio::test]
async fn each_request_to_a_table_may_be_lost() -> anyhow::Result<()> {
    breaks_off_at_every_request(Point::Unasked).await
}

#[tokio::test]
async fn each_answer_of_a_table_may_be_lost() -> anyhow::Result<()> {
    breaks_off_at_every_request(Point::Unanswered).await
}
