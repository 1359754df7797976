//! Where signed records go, and who is told of what happens: what the ledger keeps of each batch and each event on its way.

mod brought;
mod by_command;
mod complete;
mod confirmed;
mod conformance;
mod given;
mod lines;
mod manifests;
mod notified;
mod places;
mod redriven;
mod refusals;
mod told;
mod written;

use std::time::Duration;

use chancery_kit::SeededRun;
use chancery_store::DeliverySession;
use chancery_store::delivery::{
    DeliveryTask, Digested, NotificationTask, Refused, RefusedEvent, TakenDeliveries, TakenEvents,
    Unreachable,
};

/// Longer than any test takes.
pub(crate) const LONG: Duration = Duration::from_secs(3_000);

/// What is due for a sink, at most so many batches.
pub(crate) async fn take(
    delivery: &mut DeliverySession,
    sink: i32,
    most: i32,
) -> anyhow::Result<TakenDeliveries> {
    match delivery.take(sink, most, LONG).await? {
        DeliveryTask::Deliver(taken) => Ok(taken),
        other => anyhow::bail!("sink {sink} is given {other:?}"),
    }
}

/// The numbers of batches.
pub(crate) fn numbers(taken: &TakenDeliveries) -> Vec<i64> {
    taken.batches.iter().map(|delivery| delivery.batch).collect()
}

/// That a sink has these.
pub(crate) fn there(batches: &[i64]) -> Vec<Digested> {
    let of = |batch: &i64| Digested { batch: *batch, object: format!("batch {batch}"), digest: [7; 32] };
    batches.iter().map(of).collect()
}

/// That a sink refused a batch, which is handed out again at once.
pub(crate) fn refused(batch: i64) -> Refused {
    Refused { batch, error: format!("no room for batch {batch}"), pause: Duration::ZERO }
}

/// What is due for a notification, at most so many events.
pub(crate) async fn told_of(
    delivery: &mut DeliverySession,
    notification: i32,
    most: i32,
) -> anyhow::Result<TakenEvents> {
    match delivery.take_events(notification, most, LONG).await? {
        NotificationTask::Tell(taken) => Ok(taken),
        other => anyhow::bail!("notification {notification} is given {other:?}"),
    }
}

/// That a receiver refused an event, which is handed out again at once.
pub(crate) fn refused_event(what: &str) -> RefusedEvent {
    RefusedEvent { what: what.to_owned(), error: format!("no {what} here"), pause: Duration::ZERO }
}

/// That a receiver cannot be reached, is tried again at once, and is waited for so long once the run is complete.
pub(crate) const fn tell_nobody(patience: Duration) -> Unreachable<'static> {
    Unreachable { error: "nobody listens", pause: Duration::ZERO, patience }
}

/// Of each sink, how many batches it has, how many were given up, and how often it could not be reached.
pub(crate) async fn standing(run: &SeededRun<'_>) -> anyhow::Result<Vec<(i64, i64, i32)>> {
    let sinks = run.ledger.ledger.sinks_progress(&[run.run.id]).await?;
    Ok(sinks.iter().map(|sink| (sink.delivered, sink.dead, sink.failures)).collect())
}

pub(crate) async fn is_complete(run: &SeededRun<'_>) -> anyhow::Result<bool> {
    Ok(run.ledger.ledger.progress(&[run.run.id]).await?.iter().all(|progress| progress.complete))
}

/// Has the run signed by one signer.
pub(crate) async fn sign(run: &SeededRun<'_>) -> anyhow::Result<()> {
    let (code, log) = run.start_signer("a signer")?.ended().await?;
    anyhow::ensure!(code == Some(0), "the signer ended with {code:?}: {log}");
    // As if all had been signed at one instant: of those that are due as long, the lower numbers come first.
    let alike =
        "UPDATE chancery.deliveries SET not_before = now() - interval '1 minute' WHERE state = 'Pending'";
    run.ledger.execute(alike).await
}
