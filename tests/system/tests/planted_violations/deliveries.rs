//! Cases of deliveries: law 8, of the run `delivered`, number 12: 10 records in 5 batches, and the sinks `out` and `queue`, which takes
//! batches in order. Each has all of them but the second, which was given up.

use anyhow::ensure;
use chancery_kit::{TestLedger, TestRun};
use chancery_store::delivery::{DeliveryTask, Refused};
use std::time::Duration;

use crate::{Audited, Case, each_of_is_caught};

const DELIVERED: Audited = Audited { run: "delivered", keyring: None };

pub(crate) async fn make(ledger: &TestLedger) -> anyhow::Result<()> {
    let run = TestRun::new().named("delivered").records(10).keys(1).batch_size(2);
    let run = run.sink_of_lines("out").sink_in_order("queue").seeded(ledger).await?;
    ensure!(run.run.id == 12, "the run is number {}", run.run.id);
    let (code, log) = run.start_signer("one")?.ended().await?;
    ensure!(code == Some(0), "{log}");
    let mut delivery = run.delivery("one").await?;
    for sink in [1, 2] {
        // Of the second, one comes after the other: the first, and then what is given up.
        while run
            .ledger
            .ledger
            .sinks_progress(&[12])
            .await?
            .iter()
            .any(|at| at.dead == 0 && at.name == ["out", "queue"][sink - 1])
        {
            let sink = i32::try_from(sink)?;
            let DeliveryTask::Deliver(taken) = delivery.take(sink, 2, Duration::from_secs(60)).await? else {
                anyhow::bail!("nothing is due for sink {sink}")
            };
            for one in &taken.batches {
                let batch = one.batch;
                let refused = Refused { batch, error: "no room".to_owned(), pause: Duration::ZERO };
                if batch == 2 {
                    delivery.fail(&taken, &[refused]).await?;
                } else {
                    let there = run.content(&mut delivery, &taken, one).await?;
                    delivery.settle(&taken, &[there]).await?;
                }
            }
        }
    }
    run.deliver().await?;
    run.assert_audit_holds().await
}

#[tokio::test]
async fn deliveries_that_do_not_fit_their_batches_are_caught() -> anyhow::Result<()> {
    let cases = [
        Case {
            what: "a signed batch without a delivery",
            sql: "DELETE FROM chancery.deliveries WHERE run_id = 12 AND sink = 1 AND batch = 4;
                  UPDATE chancery.sinks SET delivered = 3 WHERE run_id = 12 AND sink = 1",
            names: "batch 4",
            laws: &[8],
            says: &["batch 4 is signed, and nothing says that it is to be delivered to out"],
        },
        Case {
            what: "a delivery of no batch",
            sql: "INSERT INTO chancery.deliveries (batch, sink, run_id, state, object, digest, ended_at)
                  VALUES (6, 1, 12, 'Delivered', 'delivered/6', sha256(''), now());
                  UPDATE chancery.sinks SET delivered = 5 WHERE run_id = 12 AND sink = 1",
            names: "batch 6",
            laws: &[8],
            says: &["batch 6 is to be delivered to out, and is not signed"],
        },
        Case {
            what: "a delivery to no sink",
            sql: "INSERT INTO chancery.deliveries (batch, sink, run_id, state, object, digest, ended_at)
                  VALUES (3, 7, 12, 'Delivered', 'delivered/3', sha256(''), now())",
            names: "sink 7",
            laws: &[8],
            says: &["batch 3 is to be delivered to sink 7, which the run has not"],
        },
        Case {
            what: "a complete run with a pending delivery",
            sql: "UPDATE chancery.deliveries SET state = 'Pending', object = NULL, digest = NULL, ended_at = NULL
                   WHERE run_id = 12 AND sink = 2 AND batch = 5;
                  UPDATE chancery.sinks SET delivered = 3 WHERE run_id = 12 AND sink = 2",
            names: "sink queue",
            laws: &[8],
            says: &["the run is complete, and 1 deliveries to queue are pending"],
        },
        Case {
            what: "a delivery that stands twice",
            sql: "INSERT INTO chancery.deliveries SELECT * FROM chancery.deliveries WHERE run_id = 12 AND sink = 2 AND batch = 3;
                  UPDATE chancery.sinks SET delivered = 5 WHERE run_id = 12 AND sink = 2",
            names: "batch 3",
            laws: &[8],
            says: &["the delivery of batch 3 to sink 2 stands 2 times", "2 batches are delivered to sink 2 as delivered/3"],
        },
        Case {
            what: "counts of a sink that are not those of its deliveries",
            sql: "UPDATE chancery.sinks SET delivered = 3 WHERE run_id = 12 AND sink = 1",
            names: "sink out",
            laws: &[8],
            says: &["out says that 3 batches are delivered and 1 dead, there are 4 and 1"],
        },
        Case {
            what: "a dead letter that says not why",
            sql: "UPDATE chancery.deliveries SET last_error = NULL WHERE run_id = 12 AND sink = 1 AND batch = 2",
            names: "batch 2",
            laws: &[8],
            says: &["the delivery of batch 2 to out is a dead letter after 3 refusals of 3, and says not why"],
        },
        Case {
            what: "a dead letter that was given up early",
            sql: "UPDATE chancery.deliveries SET attempts = 1 WHERE run_id = 12 AND sink = 2 AND batch = 2",
            names: "batch 2",
            laws: &[8],
            says: &["the delivery of batch 2 to queue is a dead letter after 1 refusals of 3, which are too few"],
        },
        Case {
            what: "an object without a digest",
            sql: "UPDATE chancery.deliveries SET digest = NULL WHERE run_id = 12 AND sink = 1 AND batch = 1",
            names: "batch 1",
            laws: &[8],
            says: &["batch 1 is delivered to sink 1, and nothing says as what"],
        },
        Case {
            what: "a digest that is not the batch's",
            sql: "UPDATE chancery.deliveries SET digest = sha256('') WHERE run_id = 12 AND sink = 1 AND batch = 5",
            names: "batch 5",
            laws: &[8],
            says: &["batch 5 was delivered to out as something else than it is"],
        },
        Case {
            what: "two batches in one object",
            sql: "UPDATE chancery.deliveries SET object = 'delivered/1' WHERE run_id = 12 AND sink = 1 AND batch = 3",
            names: "batch 3",
            laws: &[8],
            says: &["2 batches are delivered to sink 1 as delivered/1"],
        },
        Case {
            what: "a batch out of its order",
            sql: "UPDATE chancery.runs SET completed_at = NULL WHERE id = 12;
                  UPDATE chancery.deliveries SET state = 'Pending', object = NULL, digest = NULL, ended_at = NULL
                   WHERE run_id = 12 AND sink = 2 AND batch = 3;
                  UPDATE chancery.sinks SET delivered = 3 WHERE run_id = 12 AND sink = 2",
            names: "batch 4",
            laws: &[8],
            says: &["queue takes batches in order, and batch 5 was delivered before one of those before it"],
        },
        Case {
            what: "a batch that is taken up again, as nobody has written down",
            sql: "UPDATE chancery.deliveries SET state = 'Pending', redrives = 1, attempts = 0, ended_at = NULL
                   WHERE run_id = 12 AND sink = 2 AND batch = 2;
                  UPDATE chancery.sinks SET dead = 0, redriven = 1 WHERE run_id = 12 AND sink = 2",
            names: "batch 2",
            laws: &[8],
            says: &["batch 2 was taken up again 1 times for sink 2, and written down is that it was 0 times"],
        },
        Case {
            what: "a count of what is taken up again that is not so",
            sql: "UPDATE chancery.sinks SET redriven = 2 WHERE run_id = 12 AND sink = 2",
            names: "sink queue",
            laws: &[8],
            says: &["queue says that 2 batches are taken up again, there are 0"],
        },
        Case {
            what: "a dead letter that is taken up, and stays what it was",
            sql: "INSERT INTO chancery.delivery_moves (run_id, sink, batch, attempt, act, kind, attempts, last_error, died_at, selection, actor)
                  VALUES (12, 1, 2, 1, 1, 'Discard', 3, 'no room', now(), '', 'somebody')",
            names: "batch 2",
            laws: &[8],
            says: &["batch 2 was taken up again 0 times for sink 1, and written down is that it was 0 times, and discarded"],
        },
        Case {
            what: "a manifest of another content",
            sql: "UPDATE chancery.manifests SET digest = sha256('') WHERE run_id = 12",
            names: "sink out",
            laws: &[8],
            says: &["out has another manifest 1 than its batches make"],
        },
        Case {
            what: "a reason in a manifest that was another",
            sql: "UPDATE chancery.deliveries SET last_error = 'another' WHERE run_id = 12 AND sink = 1 AND batch = 2",
            names: "sink out",
            laws: &[8],
            says: &["out has another manifest 1 than its batches make"],
        },
        Case {
            what: "a complete run without its manifest",
            sql: "UPDATE chancery.manifests SET object = NULL, digest = NULL, ended_at = NULL WHERE run_id = 12",
            names: "sink out",
            laws: &[8],
            says: &["the run is complete, and the manifest of out is pending"],
        },
        Case {
            what: "a sink without a manifest",
            sql: "DELETE FROM chancery.manifests WHERE run_id = 12",
            names: "sink out",
            laws: &[8],
            says: &["out has no manifest"],
        },
        Case {
            what: "a manifest of a sink that takes none",
            sql: "INSERT INTO chancery.manifests (run_id, sink) VALUES (12, 2)",
            names: "sink queue",
            laws: &[8],
            says: &["queue has a manifest, and takes none"],
        },
        Case {
            what: "a manifest that was given up early",
            sql: "UPDATE chancery.manifests SET object = NULL, digest = NULL, attempts = 1, last_error = 'no' WHERE run_id = 12",
            names: "sink out",
            laws: &[8],
            says: &["the manifest of out was given up after 1 refusals of 3"],
        },
        Case {
            what: "sinks that are gone",
            sql: "DELETE FROM chancery.sinks WHERE run_id = 12",
            names: "sink 1",
            laws: &[8],
            says: &["batch 1 is to be delivered to sink 1, which the run has not"],
        },
    ];
    each_of_is_caught(DELIVERED, "deliveries", &cases).await
}
