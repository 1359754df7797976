//! Runs the controller of one kind in one scope.

use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use chancery_process::Stop;
use futures::StreamExt;
use futures::stream::unfold;
use kube::Resource;
use kube::runtime::controller::{Action, Config, Controller, Error};
use kube::runtime::reflector::ObjectRef;
use serde::de::DeserializeOwned;
use tokio::sync::{mpsc, watch};

use crate::host::complaints::Complaints;
use crate::host::database::Database;

/// How many objects are reconciled at the same time. A reconcile waits for others most of its time.
const AT_ONCE: u16 = 32;

/// Pauses after a reconcile that failed.
const LEAST_PAUSE: Duration = Duration::from_millis(500);
const MOST_PAUSE: Duration = Duration::from_secs(60);

/// Reconciles objects as `controller`'s watches, `woken` and changes of the database's state say, until
/// asked to stop.
pub(crate) async fn drive<K, C, E, F>(
    controller: Controller<K>,
    woken: mpsc::UnboundedReceiver<ObjectRef<K>>,
    (database, complaints): (&Database, &Complaints),
    stop: Stop,
    (reconcile, on_error, context): (
        impl FnMut(Arc<K>, Arc<C>) -> F,
        impl Fn(Arc<K>, &E, Arc<C>) -> Action,
        Arc<C>,
    ),
) where
    K: Resource<DynamicType = ()> + Clone + Debug + DeserializeOwned + Send + Sync + 'static,
    E: std::error::Error + Send + 'static,
    F: Future<Output = Result<Action, E>> + Send + 'static,
{
    let controller = controller
        .reconcile_on(unfold(woken, |mut woken| async { woken.recv().await.map(|object| (object, woken)) }))
        .reconcile_all_on(changes_of(database.subscribe()));
    drive_alone(controller, complaints, stop, (reconcile, on_error, context)).await;
}

/// Reconciles objects as `controller`'s watches say, until asked to stop.
pub(crate) async fn drive_alone<K, C, E, F>(
    controller: Controller<K>,
    complaints: &Complaints,
    stop: Stop,
    (reconcile, on_error, context): (
        impl FnMut(Arc<K>, Arc<C>) -> F,
        impl Fn(Arc<K>, &E, Arc<C>) -> Action,
        Arc<C>,
    ),
) where
    K: Resource<DynamicType = ()> + Clone + Debug + DeserializeOwned + Send + Sync + 'static,
    E: std::error::Error + Send + 'static,
    F: Future<Output = Result<Action, E>> + Send + 'static,
{
    controller
        .with_config(Config::default().concurrency(AT_ONCE))
        .graceful_shutdown_on(async move { stop.asked().await })
        .run(reconcile, on_error, context)
        .for_each(|outcome| async {
            match outcome {
                // `on_error` logs the first; an object that is gone needs nothing.
                Ok(_) | Err(Error::ReconcilerFailed(..) | Error::ObjectNotFound(_)) => {}
                Err(error) => {
                    complaints.complain("the API server cannot be watched; the watch is retried", &error);
                }
            }
        })
        .await;
}

/// How long to wait after so many reconciles in a row failed: longer each time.
pub(crate) fn pause_after(failures: u32) -> Duration {
    LEAST_PAUSE.saturating_mul(1 << failures.min(10)).min(MOST_PAUSE)
}

/// Each change of the database's state.
fn changes_of<T: Clone + Send + Sync + 'static>(
    receiver: watch::Receiver<T>,
) -> impl futures::Stream<Item = ()> + Send + 'static {
    unfold(receiver, |mut receiver| async { receiver.changed().await.ok().map(|()| ((), receiver)) })
}
