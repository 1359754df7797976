//! When a run is complete: once its last batch is at its last sink, whoever sees that last.

use chancery_kit::{TestLedger, TestRun};
use chancery_store::delivery::DeliveryTask;

use crate::{LONG, is_complete, sign, take, there};

#[tokio::test]
async fn a_run_is_complete_once_each_sink_has_every_batch_and_not_before() -> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let run = TestRun::new().records(20).sink("one").sink("two").seeded(&ledger).await?;
    sign(&run).await?;
    assert!(!is_complete(&run).await?, "all is signed, and nothing delivered");
    // A signer finds nothing to do, and does not mark it complete.
    sign(&run).await?;
    assert!(!is_complete(&run).await?);
    let mut delivery = run.delivery("me").await?;
    let first = take(&mut delivery, 1, 10).await?;
    assert_eq!(delivery.settle(&first, &there(&[1, 2])).await?, 2);
    assert!(matches!(delivery.take(1, 10, LONG).await?, DeliveryTask::Done), "this sink has all");
    assert!(!is_complete(&run).await?, "the other has none");
    let second = take(&mut delivery, 2, 10).await?;
    assert_eq!(delivery.settle(&second, &there(&[1, 2])).await?, 2);
    assert!(matches!(delivery.take(2, 10, LONG).await?, DeliveryTask::Done));
    assert!(is_complete(&run).await?);
    assert!(matches!(delivery.take(2, 10, LONG).await?, DeliveryTask::Done), "for whoever asks later, too");
    run.assert_audit_holds().await
}

/// Who died between the last delivery and the question that follows has left it to the next one.
#[tokio::test]
async fn a_run_whose_delivery_died_after_the_last_batch_is_completed_by_the_next_one() -> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let run = TestRun::new().records(10).sink("out").seeded(&ledger).await?;
    sign(&run).await?;
    let mut delivery = run.delivery("one").await?;
    let taken = take(&mut delivery, 1, 10).await?;
    assert_eq!(delivery.settle(&taken, &there(&[1])).await?, 1);
    drop(delivery);
    assert!(!is_complete(&run).await?);
    let mut next = run.delivery("two").await?;
    assert!(matches!(next.take(1, 10, LONG).await?, DeliveryTask::Done));
    assert!(is_complete(&run).await?);
    run.assert_audit_holds().await
}

/// The last key joins after the last delivery has ended: then a signer sees last that nothing is left.
#[tokio::test]
async fn a_run_whose_ring_is_filled_after_its_last_delivery_is_completed_by_a_signer() -> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let run = TestRun::new().records(10).sink("out").seeded(&ledger).await?;
    sign(&run).await?;
    ledger
        .execute("SET session_replication_role = replica; UPDATE chancery.keyrings SET filled_at = NULL")
        .await?;
    assert_eq!(run.deliver().await?, 1);
    assert!(!is_complete(&run).await?, "keys are missing");
    ledger
        .execute("SET session_replication_role = replica; UPDATE chancery.keyrings SET filled_at = now()")
        .await?;
    sign(&run).await?;
    assert!(is_complete(&run).await?);
    run.assert_audit_holds().await
}

/// What waits for records to come is delivered meanwhile, and is not complete for it.
#[tokio::test]
async fn what_is_delivered_of_a_run_that_is_not_sealed_does_not_complete_it() -> anyhow::Result<()> {
    let (ledger, folder) = (TestLedger::new().await?, tempfile::tempdir()?);
    std::fs::write(folder.path().join("a.txt"), (0..25).map(|n| format!("line {n}\n")).collect::<String>())?;
    let run = TestRun::new().keys(1).reads("files", folder.path()).sink("out");
    let run = run.created(&ledger).await?.stocked().await?;
    let mut delivery = run.delivery("me").await?;
    let early = delivery.take(1, 10, LONG).await?;
    assert!(matches!(early, DeliveryTask::Wait(_)), "no batch is signed yet: {early:?}");
    run.take_in().await?;
    sign(&run).await?;
    let taken = take(&mut delivery, 1, 10).await?;
    let last = taken.batches.last().map(|one| (one.batch, one.first_record, one.last_record));
    assert_eq!(last, Some((3, 21, 25)), "the last batch is shorter");
    assert_eq!(delivery.settle(&taken, &there(&[1, 2, 3])).await?, 3);
    assert!(matches!(delivery.take(1, 10, LONG).await?, DeliveryTask::Done));
    assert!(is_complete(&run).await?);
    run.assert_audit_holds().await
}
