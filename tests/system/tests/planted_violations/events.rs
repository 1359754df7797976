//! Cases of events: law 8, of the run `told`, number 13. It reads the numbers 0 to 7: three is rejected, five raises an alert and six is a
//! dead letter, and so there are six records in three batches. Its sink `out` has given up the second. The notification `all` lists
//! everything, and was told of all but the first batch and, of the records that ask for it, the second, which it refused; `few` lists how the run ends, and could not be reached.

use std::time::Duration;

use anyhow::ensure;
use chancery_kit::{TestLedger, TestRun};
use chancery_store::delivery::{DeliveryTask, NotificationTask, Reached, Refused, RefusedEvent, Unreachable};
use serde_json::json;

use crate::{Audited, Case, each_of_is_caught};

const TOLD: Audited = Audited { run: "told", keyring: None };

const NOWHERE: &str = "http://127.0.0.1:1/events";

pub(crate) async fn make(ledger: &TestLedger) -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let lines: String = (0..8).map(|number| format!("{{\"n\":{number}}}\n")).collect();
    std::fs::write(folder.path().join("a.txt"), lines)?;
    let policy = json!({"validations": [
        {"name": "not-three", "expression": "record.n != 3", "message": "three is refused"},
        {"name": "not-five", "expression": "record.n != 5", "message": "five", "action": "Alert"},
        {"name": "of-six", "expression": "record.n != 6 || record.none == 1", "message": "six"},
    ]});
    let run = TestRun::new().named("told").keys(1).batch_size(2).reads("files", folder.path());
    let run = run.judged_by("of-told", &policy).sink("out").confirming("files");
    let run = run.telling(
        "all",
        NOWHERE,
        &[
            "run.started",
            "run.completed",
            "run.failed",
            "batch.signed",
            "record.signed",
            "record.rejected",
            "record.dead",
            "policy.alert",
            "delivery.dead",
        ],
    );
    let run = run.telling("few", NOWHERE, &["run.completed"]).created(ledger).await?.stocked().await?;
    ensure!(run.run.id == 13, "the run is number {}", run.run.id);
    run.take_in().await?;
    let (code, log) = run.start_signer("one")?.ended().await?;
    ensure!(code == Some(0), "{log}");
    let mut delivery = run.delivery("one").await?;
    while ledger.ledger.sinks_progress(&[13]).await?.iter().any(|at| at.dead == 0) {
        let DeliveryTask::Deliver(taken) = delivery.take(1, 3, Duration::from_secs(60)).await? else {
            anyhow::bail!("nothing is due")
        };
        for one in &taken.batches {
            let batch = one.batch;
            if batch == 2 {
                let refused = Refused { batch, error: "no room".to_owned(), pause: Duration::ZERO };
                delivery.fail(&taken, &[refused]).await?;
            } else {
                let there = run.content(&mut delivery, &taken, one).await?;
                delivery.settle(&taken, &[there]).await?;
            }
        }
    }
    run.deliver().await?;
    while let NotificationTask::Tell(taken) = delivery.take_events(1, 100, Duration::from_secs(60)).await? {
        let refused = |what| RefusedEvent { what, error: "no".to_owned(), pause: Duration::ZERO };
        let mut reached: Vec<Reached> = Vec::new();
        let mut apart = Vec::new();
        for of in delivery.take_records(&taken, 100).await? {
            let told = i64::from(of.record != 2);
            match reached.last_mut().filter(|at| at.batch == of.batch) {
                Some(at) => (at.record, at.told) = (of.record, at.told + told),
                None => reached.push(Reached { batch: of.batch, record: of.record, told }),
            }
            if told == 0 {
                apart.push(refused(of.event.what));
            }
        }
        delivery.note_records(&taken, &reached, &apart, Duration::from_secs(60)).await?;
        let whats = taken.events.iter().map(|event| &event.what).chain(&taken.batches).cloned();
        let (no, yes): (Vec<_>, Vec<_>) =
            whats.partition(|what| what == "batch.signed/1" || what == "record.signed/1/2");
        delivery.settle_events(&taken, &yes).await?;
        delivery.fail_events(&taken, &no.into_iter().map(refused).collect::<Vec<_>>()).await?;
    }
    let NotificationTask::Tell(taken) = delivery.take_events(2, 100, Duration::from_secs(60)).await? else {
        anyhow::bail!("it is complete, and nobody is to be told")
    };
    let away = Unreachable { error: "nobody listens", pause: Duration::ZERO, patience: Duration::ZERO };
    let ended = delivery.give_back_events(&taken, &["run.completed".to_owned()], Some(away)).await?;
    ensure!(ended == (1, 1), "{ended:?}");
    run.assert_audit_holds().await
}

#[tokio::test]
async fn events_that_do_not_fit_what_happened_are_caught() -> anyhow::Result<()> {
    let cases = [
        Case {
            what: "a signed batch of which nobody is told",
            sql: "DELETE FROM chancery.events WHERE run_id = 13 AND what = 'batch.signed/3';
                  UPDATE chancery.notifications SET told = told - 1 WHERE run_id = 13 AND notification = 1",
            names: "batch 3",
            laws: &[8],
            says: &["batch 3 is signed, and nothing says that all is to be told"],
        },
        Case {
            what: "an event of a batch that is not signed",
            sql: "UPDATE chancery.events SET what = 'batch.signed/9' WHERE run_id = 13 AND what = 'batch.signed/3'",
            names: "batch 9",
            laws: &[8],
            says: &["all is told that batch 9 is signed, which it is not"],
        },
        Case {
            what: "a signed batch of whose records nobody is told",
            sql: "DELETE FROM chancery.events WHERE run_id = 13 AND what = 'record.signed/3';
                  UPDATE chancery.notifications SET told = told - 2 WHERE run_id = 13 AND notification = 1",
            names: "batch 3",
            laws: &[8],
            says: &["batch 3 is signed, and nothing says that all is to be told of its records"],
        },
        Case {
            what: "records of a batch that is not signed",
            sql: "UPDATE chancery.events SET what = 'record.signed/9' WHERE run_id = 13 AND what = 'record.signed/3'",
            names: "batch 9",
            laws: &[8],
            says: &["all is told of the records of batch 9, which is not signed"],
        },
        Case {
            what: "a batch of which a record was not told",
            sql: "UPDATE chancery.events SET told = 1 WHERE run_id = 13 AND what = 'record.signed/2';
                  UPDATE chancery.notifications SET told = told - 1 WHERE run_id = 13 AND notification = 1",
            names: "batch 2",
            laws: &[8],
            says: &["all was told of 1 records of batch 2 and refused 0, and 2 come from sources that ask for it"],
        },
        Case {
            what: "a batch that is told to where it does not reach",
            sql: "UPDATE chancery.events SET told_to = 2 WHERE run_id = 13 AND what = 'record.signed/2'",
            names: "batch 2",
            laws: &[8],
            says: &["all was told of 2 records of batch 2"],
        },
        Case {
            what: "a record that did not ask for it",
            sql: "UPDATE chancery.events SET what = 'record.signed/1/9' WHERE run_id = 13 AND what = 'record.signed/1/2'",
            names: "record 9",
            laws: &[8],
            says: &["all is told that a record is signed which is not, or did not ask for it: record.signed/1/9"],
        },
        Case {
            what: "an event that is not listed",
            sql: "INSERT INTO chancery.events (what, notification, run_id, data, state, ended_at)
                  VALUES ('run.started', 2, 13, '{}', 'Delivered', now());
                  UPDATE chancery.notifications SET told = 1 WHERE run_id = 13 AND notification = 2",
            names: "notification few",
            laws: &[8],
            says: &["run.started is to be told to notification 2, which does not list it"],
        },
        Case {
            what: "an event of no notification",
            sql: "INSERT INTO chancery.events (what, notification, run_id, data, state, ended_at)
                  VALUES ('run.started', 7, 13, '{}', 'Delivered', now())",
            names: "notification 7",
            laws: &[8],
            says: &["run.started is to be told to notification 7, which the run has not"],
        },
        Case {
            what: "an event that stands twice",
            sql: "INSERT INTO chancery.events SELECT * FROM chancery.events WHERE run_id = 13 AND what = 'run.started';
                  UPDATE chancery.notifications SET told = told + 1 WHERE run_id = 13 AND notification = 1",
            names: "notification all",
            laws: &[8],
            says: &["run.started of notification 1 stands 2 times"],
        },
        Case {
            what: "a beginning of which nobody is told",
            sql: "DELETE FROM chancery.events WHERE run_id = 13 AND what = 'run.started';
                  UPDATE chancery.notifications SET told = told - 1 WHERE run_id = 13 AND notification = 1",
            names: "notification all",
            laws: &[8],
            says: &["nothing says that all is to be told of run.started"],
        },
        Case {
            what: "an end of which nobody is told",
            sql: "DELETE FROM chancery.events WHERE run_id = 13 AND what = 'run.completed' AND notification = 2;
                  UPDATE chancery.notifications SET dead = 0 WHERE run_id = 13 AND notification = 2",
            names: "notification few",
            laws: &[8],
            says: &["nothing says that few is to be told of run.completed"],
        },
        Case {
            what: "arrivals that were refused without a word",
            sql: "UPDATE chancery.events SET data = data || '{\"count\": 0}' WHERE run_id = 13 AND what LIKE 'record.rejected/%'",
            names: "notification all",
            laws: &[8],
            says: &["all is told of 0 rejected arrivals, there are 1"],
        },
        Case {
            what: "a dead letter without a word",
            sql: "UPDATE chancery.events SET data = data || '{\"count\": 0}' WHERE run_id = 13 AND what LIKE 'record.dead/%'",
            names: "notification all",
            laws: &[8],
            says: &["all is told of 0 dead letters, there are 1"],
        },
        Case {
            what: "more alerts than there are",
            sql: "UPDATE chancery.events SET data = data || '{\"count\": 2}' WHERE run_id = 13 AND what LIKE 'policy.alert/%'",
            names: "notification all",
            laws: &[8],
            says: &["all is told of 2 alerts, there are 1"],
        },
        Case {
            what: "a delivery that was given up without a word",
            sql: "DELETE FROM chancery.events WHERE run_id = 13 AND what LIKE 'delivery.dead/%';
                  UPDATE chancery.notifications SET told = told - 1 WHERE run_id = 13 AND notification = 1",
            names: "batch 2",
            laws: &[8],
            says: &["batch 2 was given up for out, and nothing says that all is to be told"],
        },
        Case {
            what: "a delivery that was not given up",
            sql: "UPDATE chancery.events SET what = 'delivery.dead/1/3/0' WHERE run_id = 13 AND what LIKE 'delivery.dead/%'",
            names: "notification all",
            laws: &[8],
            says: &["all is told of delivery.dead/1/3/0, and there is no such delivery"],
        },
        Case {
            what: "an event that was given up and says not why",
            sql: "UPDATE chancery.events SET last_error = NULL WHERE run_id = 13 AND what = 'batch.signed/1'",
            names: "notification all",
            laws: &[8],
            says: &["batch.signed/1 was given up for all after 3 refusals of 3, and says not why"],
        },
        Case {
            what: "an event that waits after its last refusal",
            sql: "UPDATE chancery.events SET state = 'Pending', ended_at = NULL WHERE run_id = 13 AND what = 'batch.signed/1';
                  UPDATE chancery.notifications SET dead = dead - 1 WHERE run_id = 13 AND notification = 1",
            names: "notification all",
            laws: &[8],
            says: &["batch.signed/1 waits for all after 3 refusals of 3"],
        },
        Case {
            what: "counts of a notification that are not those of its events",
            sql: "UPDATE chancery.notifications SET told = 3 WHERE run_id = 13 AND notification = 1",
            names: "notification all",
            laws: &[8],
            says: &["all says that it was told of 3 events and 2 are dead, there are 13 and 2"],
        },
        Case {
            what: "notifications that are gone",
            sql: "DELETE FROM chancery.notifications WHERE run_id = 13",
            names: "notification 1",
            laws: &[8],
            says: &["is to be told to notification 1, which the run has not"],
        },
    ];
    each_of_is_caught(TOLD, "events", &cases).await
}
