//! Dead letters of deliveries: what was given up is taken up again, or discarded, by somebody, and that is written down.

use chancery_kit::{Chancery, SeededRun, TestLedger, TestRun};
use chancery_store::DeliverySession;
use chancery_store::delivery::DeliveryTask;
use serde_json::{Value, json};

use crate::{LONG, is_complete, numbers, refused, sign, standing, take, there};

/// Has a batch refused by a sink until it is given up, and all others delivered.
async fn give_up(delivery: &mut DeliverySession, sink: i32, batch: i64) -> anyhow::Result<()> {
    loop {
        let taken = match delivery.take(sink, 1, LONG).await? {
            DeliveryTask::Deliver(taken) => taken,
            DeliveryTask::Done => return Ok(()),
            other => anyhow::bail!("sink {sink} is given {other:?}"),
        };
        match numbers(&taken)[0] {
            number if number == batch => drop(delivery.fail(&taken, &[refused(batch)]).await?),
            other => anyhow::ensure!(delivery.settle(&taken, &there(&[other])).await? == 1),
        }
    }
}

/// What `chancery dead-letters` prints as JSON.
async fn letters(run: &SeededRun<'_>, command: &str, more: &[&str]) -> anyhow::Result<Value> {
    let arguments = [&["dead-letters", command, &run.run.name], more, &["-o", "json"]].concat();
    let printed = Chancery::on(&run.ledger.url)?.run(&arguments).await?.expect_code(0)?;
    Ok(serde_json::from_str(printed.stdout.lines().last().unwrap_or_default())?)
}

#[tokio::test]
async fn a_dead_letter_of_a_complete_run_is_taken_up_again_delivered_and_the_run_stays_complete()
-> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let run = TestRun::new().records(30).sink("one").sink("two").seeded(&ledger).await?;
    sign(&run).await?;
    let mut delivery = run.delivery("me").await?;
    give_up(&mut delivery, 1, 2).await?;
    give_up(&mut delivery, 2, 3).await?;
    assert!(is_complete(&run).await?);
    let completed = "SELECT completed_at::text FROM chancery.runs";
    let before: String = sqlx::query_scalar(completed).fetch_one(ledger.ledger.pool()).await?;

    let listed = letters(&run, "list", &["--deliveries"]).await?;
    let names: Vec<_> =
        listed["deadLetters"].as_array().into_iter().flatten().map(|row| &row["letter"]).collect();
    assert_eq!(names, ["one/2", "two/3"]);
    let first = &listed["deadLetters"][0];
    assert_eq!((&first["firstRecord"], &first["lastRecord"]), (&json!(11), &json!(20)));
    assert_eq!((&first["state"], &first["attempts"]), (&json!("dead"), &json!(3)));
    assert_eq!(first["reason"], "no room for batch 2");

    let redriven = letters(&run, "redrive", &["--deliveries", "--sink", "one"]).await?;
    assert_eq!((&redriven["act"], &redriven["redriven"]), (&json!(1), &json!(1)));
    assert_eq!(letters(&run, "list", &["--deliveries"]).await?["deadLetters"][0]["letter"], "two/3");
    assert_eq!(standing(&run).await?, [(2, 0, 0), (2, 1, 0)]);
    run.assert_audit_holds().await?;
    assert!(matches!(delivery.take(2, 10, LONG).await?, DeliveryTask::Done), "the other sink has nothing");
    let taken = take(&mut delivery, 1, 10).await?;
    assert_eq!((numbers(&taken), taken.batches[0].attempts), (vec![2], 0), "attempts count anew");
    assert_eq!(delivery.settle(&taken, &there(&[2])).await?, 1);
    assert!(matches!(delivery.take(1, 10, LONG).await?, DeliveryTask::Done));
    assert_eq!(standing(&run).await?, [(3, 0, 0), (2, 1, 0)]);
    let after: String = sqlx::query_scalar(completed).fetch_one(ledger.ledger.pool()).await?;
    assert_eq!(after, before, "it was complete, and is");

    let shown = letters(&run, "show", &["one/2"]).await?;
    assert_eq!((&shown["state"], &shown["redrives"]), (&json!("delivered"), &json!(1)));
    assert_eq!(shown["history"][0]["reason"], "no room for batch 2");
    let log = letters(&run, "log", &["--deliveries"]).await?;
    assert_eq!(log["acts"][0]["became"], json!({"delivered": 1, "dead": 0, "pending": 0}));
    assert_eq!(log["acts"][0]["selection"], "sink one");
    run.assert_audit_holds().await
}

#[tokio::test]
async fn what_is_taken_up_again_may_die_again_and_what_is_discarded_is_left_alone() -> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let run = TestRun::new().records(30).sink("out").seeded(&ledger).await?;
    sign(&run).await?;
    let mut delivery = run.delivery("me").await?;
    give_up(&mut delivery, 1, 2).await?;
    for act in 1..=2 {
        let redriven = letters(&run, "redrive", &["--deliveries", "--batch", "2"]).await?;
        assert_eq!(redriven["act"], act);
        give_up(&mut delivery, 1, 2).await?;
        assert_eq!(standing(&run).await?, [(2, 1, 0)]);
        run.assert_audit_holds().await?;
    }
    let chancery = Chancery::on(&ledger.url)?;
    chancery.run(&["dead-letters", "discard", "demo", "--deliveries"]).await?.expect_code(2)?;
    let other = ["dead-letters", "discard", "demo", "--deliveries", "--reason", "elsewhere"];
    chancery.run(&other).await?.expect_code(2)?;
    let discarded = letters(&run, "discard", &["--deliveries", "--reason", "no room"]).await?;
    assert_eq!(discarded["discarded"], 1);
    assert_eq!(letters(&run, "list", &["--deliveries"]).await?["deadLetters"][0]["state"], "discarded");
    chancery.run(&["dead-letters", "redrive", "demo", "--deliveries"]).await?.expect_code(2)?;
    assert!(matches!(delivery.take(1, 10, LONG).await?, DeliveryTask::Done));
    let log = letters(&run, "log", &["--deliveries"]).await?;
    let kinds: Vec<_> = log["acts"].as_array().into_iter().flatten().map(|act| &act["kind"]).collect();
    assert_eq!(kinds, ["Redrive", "Redrive", "Discard"]);
    assert_eq!(letters(&run, "show", &["out/2"]).await?["history"].as_array().map(Vec::len), Some(3));
    run.assert_audit_holds().await
}

/// Of a sink that takes batches in order, what was given up comes out of it; all others still come in theirs.
#[tokio::test]
async fn what_is_taken_up_again_holds_up_no_other_batch_of_a_sink_that_takes_them_in_order()
-> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let run = TestRun::new().records(50).sink_in_order("queue").seeded(&ledger).await?;
    sign(&run).await?;
    let mut delivery = run.delivery("me").await?;
    for batch in [1, 2, 2, 2, 3] {
        let taken = take(&mut delivery, 1, 10).await?;
        assert_eq!(numbers(&taken), [batch]);
        if batch == 2 {
            delivery.fail(&taken, &[refused(batch)]).await?;
        } else {
            assert_eq!(delivery.settle(&taken, &there(&[batch])).await?, 1);
        }
    }
    letters(&run, "redrive", &["--deliveries"]).await?;
    let taken = take(&mut delivery, 1, 10).await?;
    assert_eq!(numbers(&taken), [2, 4], "the next one, and what is taken up again");
    assert!(
        matches!(delivery.take(1, 10, LONG).await?, DeliveryTask::Wait(_)),
        "the fifth is not its turn yet"
    );
    assert_eq!(delivery.settle(&taken, &there(&[4])).await?, 1);
    let next = take(&mut delivery, 1, 10).await?;
    assert_eq!(numbers(&next), [5], "whatever the second waits for");
    run.assert_audit_holds().await?;
    assert_eq!(delivery.settle(&taken, &there(&[2])).await?, 1);
    assert_eq!(delivery.settle(&next, &there(&[5])).await?, 1);
    assert!(matches!(delivery.take(1, 10, LONG).await?, DeliveryTask::Done));
    assert!(is_complete(&run).await?);
    run.assert_audit_holds().await
}
