//! An answer about a batch counts; that a sink cannot be reached does not.

use std::time::Duration;

use chancery_kit::{TestLedger, TestRun};
use chancery_store::delivery::{DeliveryTask, Refused};

use crate::{LONG, is_complete, numbers, refused, sign, standing, take, there};

#[tokio::test]
async fn with_as_many_refusals_as_its_sink_allows_a_batch_is_a_dead_letter_that_says_why()
-> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let run = TestRun::new().records(30).sink("out").seeded(&ledger).await?;
    sign(&run).await?;
    let mut delivery = run.delivery("me").await?;
    for attempt in 0..3 {
        let taken = take(&mut delivery, 1, 10).await?;
        assert!(numbers(&taken).contains(&2), "{taken:?}");
        let of_two = taken.batches.iter().find(|one| one.batch == 2).map(|one| one.attempts);
        assert_eq!(of_two, Some(attempt), "each refusal counts");
        let others: Vec<i64> = numbers(&taken).into_iter().filter(|batch| *batch != 2).collect();
        assert_eq!(
            delivery.settle(&taken, &there(&others)).await?,
            others.len() as i64,
            "one's trouble is not another's"
        );
        let ended = delivery.fail(&taken, &[refused(2)]).await?;
        assert_eq!(ended, if attempt < 2 { (1, 0) } else { (0, 1) });
        assert_eq!(delivery.fail(&taken, &[refused(2)]).await?, (0, 0), "nothing counts twice");
    }
    assert!(matches!(delivery.take(1, 10, LONG).await?, DeliveryTask::Done));
    assert_eq!(standing(&run).await?, [(2, 1, 0)]);
    let dead: (i64, i32, String) =
        sqlx::query_as("SELECT batch, attempts, last_error FROM chancery.deliveries WHERE state = 'Dead'")
            .fetch_one(ledger.ledger.pool())
            .await?;
    assert_eq!(dead, (2, 3, "no room for batch 2".to_owned()));
    assert!(is_complete(&run).await?, "what is given up is not waited for");
    run.assert_audit_holds().await
}

#[tokio::test]
async fn a_refused_batch_is_left_alone_for_as_long_as_it_was_said() -> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let run = TestRun::new().records(20).sink("out").seeded(&ledger).await?;
    sign(&run).await?;
    let mut delivery = run.delivery("me").await?;
    let taken = take(&mut delivery, 1, 1).await?;
    let later = Refused { pause: Duration::from_secs(600), ..refused(1) };
    assert_eq!(delivery.fail(&taken, &[later]).await?, (1, 0));
    let other = take(&mut delivery, 1, 10).await?;
    assert_eq!(numbers(&other), [2]);
    assert_eq!(delivery.settle(&other, &there(&[2])).await?, 1);
    assert!(matches!(delivery.take(1, 10, LONG).await?, DeliveryTask::Wait(_)));
    // No longer than an hour, whatever is asked for.
    let (soon, late): (bool, bool) = sqlx::query_as(
        "SELECT bool_or(not_before < now() + interval '9 minutes'), bool_or(not_before > now() + interval '10 minutes')
           FROM chancery.deliveries WHERE state = 'Pending'",
    )
    .fetch_one(ledger.ledger.pool())
    .await?;
    assert!(!soon && !late);
    assert!(!is_complete(&run).await?, "one is pending");
    ledger.execute("UPDATE chancery.deliveries SET not_before = now() WHERE state = 'Pending'").await?;
    let again = take(&mut delivery, 1, 10).await?;
    assert_eq!(delivery.settle(&again, &there(&[1])).await?, 1);
    run.assert_audit_holds().await
}

#[tokio::test]
async fn a_sink_that_cannot_be_reached_costs_no_attempt_and_is_left_alone_while_others_are_not()
-> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let run = TestRun::new().records(30).sink("away").sink("there").seeded(&ledger).await?;
    sign(&run).await?;
    let mut delivery = run.delivery("me").await?;
    for failures in 1..=5 {
        let taken = take(&mut delivery, 1, 2).await?;
        assert!(taken.batches.iter().all(|one| one.attempts == 0), "{taken:?}");
        let away = Some(("the bucket does not answer", LONG));
        assert_eq!(delivery.give_back(&taken, &numbers(&taken), away).await?, 2);
        assert_eq!(standing(&run).await?[0], (0, 0, failures));
        assert!(matches!(delivery.take(1, 10, LONG).await?, DeliveryTask::Wait(_)), "it is left alone");
        ledger.execute("UPDATE chancery.sinks SET not_before = now() WHERE sink = 1").await?;
    }
    let sinks = ledger.ledger.sinks_progress(&[run.run.id]).await?;
    assert_eq!(sinks[0].last_error.as_deref(), Some("the bucket does not answer"));
    assert!(sinks[0].unavailable_micros.is_some() && sinks[1].unavailable_micros.is_none());
    let other = take(&mut delivery, 2, 10).await?;
    assert_eq!(delivery.settle(&other, &there(&numbers(&other))).await?, 3);
    assert!(!is_complete(&run).await?);
    // Whoever stops gives back what it has, and says nothing of the sink.
    let taken = take(&mut delivery, 1, 10).await?;
    assert_eq!(delivery.give_back(&taken, &numbers(&taken), None).await?, 3);
    // An answer, even a refusal, shows that it can be reached.
    let taken = take(&mut delivery, 1, 10).await?;
    delivery.fail(&taken, &[refused(1)]).await?;
    assert_eq!(standing(&run).await?, [(0, 0, 0), (3, 0, 0)]);
    assert_eq!(delivery.settle(&taken, &there(&[2, 3])).await?, 2);
    let taken = take(&mut delivery, 1, 10).await?;
    assert_eq!(delivery.settle(&taken, &there(&[1])).await?, 1);
    run.assert_audit_holds().await
}
