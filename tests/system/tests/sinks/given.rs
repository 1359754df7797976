//! To whom a batch is given, and what they are shown of it.

use std::ops::RangeInclusive;
use std::time::Duration;

use chancery_kit::{TestLedger, TestRun};
use chancery_store::delivery::{Delivery, DeliveryRefusal, DeliveryTask};
use futures::TryStreamExt as _;
use sha2::{Digest as _, Sha256};

use crate::{LONG, numbers, refused, sign, standing, take, there};

const fn alone(one: &Delivery) -> RangeInclusive<i64> {
    one.batch..=one.batch
}

#[tokio::test]
async fn a_delivery_reads_what_an_export_has_in_portions_as_large_as_it_asks_for() -> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let run = TestRun::new().records(25).keys(2).sink("out").seeded(&ledger).await?;
    sign(&run).await?;
    let mut exporter = ledger.ledger.export("default", "demo").await?;
    let exported: Vec<_> = exporter.signed().try_collect().await?;
    drop(exporter);
    let mut delivery = run.delivery("me").await?;
    assert_eq!((delivery.run().algorithm.as_str(), delivery.run().envelope.as_str()), ("EdDSA", "Raw"));
    let taken = take(&mut delivery, 1, 10).await?;
    let mut read = Vec::new();
    for one in &taken.batches {
        let first = delivery.records(&taken, alone(one), 0, 1).await?;
        assert_eq!(first.len(), 1, "one record has more bytes than that");
        let rest = delivery.records(&taken, alone(one), first[0].record, i64::MAX).await?;
        let two = delivery.records(&taken, alone(one), 0, 65).await?;
        assert_eq!(two.len(), 2, "records of 64 bytes");
        let end = delivery.records(&taken, alone(one), one.last_record, i64::MAX).await?;
        assert!(end.is_empty(), "nothing comes behind the batch: {end:?}");
        read.extend(first.into_iter().chain(rest).map(|record| (one.clone(), record)));
    }
    assert_eq!(read.len(), 25);
    // Several at once, and those that are too long for that one after the other.
    let all = delivery.records(&taken, 1..=3, 0, i64::MAX).await?;
    assert!(all.iter().eq(read.iter().map(|(_, record)| record)), "{all:?}");
    let behind = delivery.records(&taken, 1..=3, 12, 13 * 64).await?;
    assert!(behind.iter().eq(all[12..].iter().take(behind.len())) && !behind.is_empty(), "{behind:?}");
    let (mut portions, mut last) = (Vec::new(), 0);
    while last < 25 {
        let portion = delivery.records(&taken, 1..=3, last, 129).await?;
        assert!((1..=3).contains(&portion.len()), "{portion:?}");
        last = portion[portion.len() - 1].record;
        portions.extend(portion);
    }
    assert_eq!(portions, all);
    let mut keys: Vec<_> = exported.iter().map(|line| line.key_id).collect();
    keys.sort();
    keys.dedup();
    for ((of, record), line) in read.iter().zip(&exported) {
        assert_eq!((record.record, &record.payload[..]), (line.record, &line.payload[..]));
        assert_eq!((&record.signature[..], &record.digest[..]), (&line.signature[..], &line.digest[..]));
        assert_eq!(record.digest, Sha256::digest(&record.payload).to_vec());
        assert_eq!((of.batch, &of.signed_at), (line.batch, &line.signed_at));
    }
    let public: std::collections::BTreeSet<_> = read.iter().map(|(of, _)| of.public_key.clone()).collect();
    assert_eq!(public.len(), keys.len(), "each batch comes with the key that it was signed with");
    assert_eq!(delivery.settle(&taken, &there(&[1, 2, 3])).await?, 3);
    run.assert_audit_holds().await
}

#[tokio::test]
async fn a_batch_is_in_one_hand_and_what_another_has_is_neither_read_nor_settled() -> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let run = TestRun::new().records(40).sink("out").seeded(&ledger).await?;
    sign(&run).await?;
    let (mut one, mut other) = (run.delivery("one").await?, run.delivery("other").await?);
    let late = take(&mut one, 1, 3).await?;
    let rest = take(&mut other, 1, 10).await?;
    assert_eq!((numbers(&late), numbers(&rest)), (vec![1, 2, 3], vec![4]));
    assert!(matches!(other.take(1, 10, LONG).await?, DeliveryTask::Wait(_)), "all are in somebody's hands");
    // By the token of another batch, and of another sink's number.
    assert_eq!(other.settle(&rest, &there(&[1, 4])).await?, 1, "of both, one is its own");
    assert!(other.records(&rest, alone(&late.batches[0]), 0, i64::MAX).await?.is_empty());
    // Two of them are handed out again: their time has run out.
    ledger.execute("UPDATE chancery.deliveries SET not_before = now() WHERE batch <= 2").await?;
    let again = take(&mut other, 1, 10).await?;
    assert_eq!(numbers(&again), [1, 2]);
    assert_eq!(one.renew(&late, &[1, 2, 3], LONG).await?, 1, "one of them is left to the first");
    assert!(one.records(&late, alone(&late.batches[0]), 0, i64::MAX).await?.is_empty());
    assert!(one.records(&late, 1..=3, 0, i64::MAX).await?.is_empty(), "the first of them is another's");
    let first = other.records(&again, 1..=3, 0, i64::MAX).await?;
    assert_eq!(first.last().map(|record| record.record), Some(again.batches[0].last_record), "the third is");
    assert_eq!(one.settle(&late, &there(&[1, 2, 3])).await?, 1);
    assert_eq!(one.settle(&late, &there(&[3])).await?, 0, "nothing is settled twice");
    assert_eq!(one.give_back(&late, &[1, 2, 3], Some(("away", LONG))).await?, 0);
    assert_eq!(standing(&run).await?, [(2, 0, 0)], "a holder that is late knows nothing of the sink");
    assert_eq!(other.settle(&again, &there(&[1, 2])).await?, 2);
    run.assert_audit_holds().await
}

#[tokio::test]
async fn what_a_delivery_had_that_is_known_to_be_dead_is_handed_out_at_once() -> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let run = TestRun::new().records(30).sink("out").seeded(&ledger).await?;
    sign(&run).await?;
    let mut dead = run.delivery("dead").await?;
    take(&mut dead, 1, 2).await?;
    let mut alive = run.delivery("alive").await?;
    let own = take(&mut alive, 1, 10).await?;
    assert_eq!(ledger.ledger.release_deliveries(&run.run, &["dead".to_owned()]).await?, 2);
    let taken = take(&mut alive, 1, 10).await?;
    assert_eq!((numbers(&own), numbers(&taken)), (vec![3], vec![1, 2]));
    assert_eq!(alive.settle(&own, &there(&[3])).await?, 1);
    assert_eq!(alive.settle(&taken, &there(&[1, 2])).await?, 2);
    run.assert_audit_holds().await
}

#[tokio::test]
async fn a_sink_that_takes_batches_in_order_is_given_one_after_the_other() -> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let run = TestRun::new().records(50).sink_in_order("queue").seeded(&ledger).await?;
    sign(&run).await?;
    let mut delivery = run.delivery("me").await?;
    // The second is refused as often as it takes until it is given up, and none comes before that has ended.
    for batch in [1, 2, 2, 2, 3, 4, 5] {
        let taken = take(&mut delivery, 1, 10).await?;
        assert_eq!(numbers(&taken), [batch], "one at a time");
        let next = delivery.take(1, 10, LONG).await?;
        assert!(matches!(next, DeliveryTask::Wait(_)), "one is in somebody's hands: {next:?}");
        if batch == 2 {
            delivery.fail(&taken, &[refused(batch)]).await?;
        } else {
            assert_eq!(delivery.settle(&taken, &there(&[batch])).await?, 1);
        }
    }
    assert_eq!(standing(&run).await?, [(4, 1, 0)]);
    run.assert_audit_holds().await
}

#[tokio::test]
async fn a_clock_that_was_set_back_holds_up_neither_a_batch_nor_a_sink() -> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let run = TestRun::new().records(20).sink("out").seeded(&ledger).await?;
    sign(&run).await?;
    let mut delivery = run.delivery("me").await?;
    take(&mut delivery, 1, 1).await?;
    // Ten minutes are no more than a batch, or a sink, may be put off for.
    ledger
        .execute(
            "UPDATE chancery.deliveries SET not_before = not_before + interval '10 minutes', put_off_at = now() + interval '10 minutes'",
        )
        .await?;
    ledger
        .execute(
            "UPDATE chancery.sinks SET unavailable_since = now(), failures = 1, last_error = 'away',
                                       not_before = now() + interval '11 minutes', tried_at = now() + interval '10 minutes'",
        )
        .await?;
    assert!(matches!(delivery.take(1, 10, LONG).await?, DeliveryTask::Wait(_)), "what strayed is found");
    let taken = take(&mut delivery, 1, 10).await?;
    assert_eq!(numbers(&taken), [1, 2]);
    assert_eq!(delivery.settle(&taken, &there(&[1, 2])).await?, 2);
    run.assert_audit_holds().await
}

#[tokio::test]
async fn a_run_that_is_suspended_or_being_deleted_delivers_nothing() -> anyhow::Result<()> {
    let ledger = TestLedger::new().await?;
    let run = TestRun::new().records(20).sink("out").seeded(&ledger).await?;
    sign(&run).await?;
    let mut delivery = run.delivery("me").await?;
    let lease = Duration::from_secs(30);
    ledger.ledger.set_mutable(&run.run, true, lease).await?;
    let suspended = delivery.take(1, 10, LONG).await?;
    assert!(matches!(suspended, DeliveryTask::Nothing(DeliveryRefusal::Suspended)), "{suspended:?}");
    ledger.ledger.set_mutable(&run.run, false, lease).await?;
    let unknown = delivery.take(2, 10, LONG).await?;
    assert!(matches!(unknown, DeliveryTask::Nothing(DeliveryRefusal::Gone)), "{unknown:?}");
    take(&mut delivery, 1, 1).await?;
    ledger.execute("UPDATE chancery.runs SET deleted_at = now()").await?;
    let deleted = delivery.take(1, 10, LONG).await?;
    assert!(matches!(deleted, DeliveryTask::Nothing(DeliveryRefusal::Gone)), "{deleted:?}");
    Ok(())
}
