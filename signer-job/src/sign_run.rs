//! Signs one run with as many slots as the order says.

use std::sync::Arc;
use std::time::Instant;

use chancery_process::{Stop, peak_memory_kib};
use chancery_store::SignerSession;
use tokio::task::JoinSet;

use crate::error::SignerError;
use crate::metrics::Outcome;
use crate::signer::{Order, Signer};
use crate::slot::{self, Ended};

/// Signs the run until it is complete, and logs what was done.
pub(crate) async fn sign_run(order: Order, stop: Stop) -> Result<Ended, SignerError> {
    let (began, slots) = (Instant::now(), order.slots);
    let (signer, session) = Signer::start(order, stop).await?;
    let signer = Arc::new(signer);
    let outcome = run_slots(&signer, session, slots).await;
    let metrics = &signer.metrics;
    tracing::info!(
        batches = metrics.batches(Outcome::Stored),
        records = metrics.records(),
        keys_made = metrics.keys(),
        taken_over = metrics.takeovers(),
        not_stored = metrics.batches(Outcome::Lost),
        seconds = began.elapsed().as_secs_f64(),
        peak_memory_kib = peak_memory_kib("self").unwrap_or_default(),
        "signer ends"
    );
    outcome
}

/// Runs the slots to their end, all on this thread: Rust's type of a kernel timer stays on the thread that made
/// it. The first slot that fails asks the others to stop.
///
/// Until the ring is filled, there are no more slots than threads: a batch would wait for a key to be made.
async fn run_slots(signer: &Arc<Signer>, first: SignerSession, slots: usize) -> Result<Ended, SignerError> {
    let mut tasks = JoinSet::new();
    tasks.spawn_local(slot::run(Arc::clone(signer), first));
    let at_once = if signer.making.is_over() { slots } else { slots.min(signer.threads) };
    start(&mut tasks, signer, at_once - 1);
    let mut later = slots - at_once;
    let mut outcome = Ok(Ended::WorkLeft);
    loop {
        let ended = tokio::select! {
            ended = tasks.join_next() => ended,
            () = signer.making.over(), if later > 0 => {
                start(&mut tasks, signer, later);
                later = 0;
                continue;
            }
        };
        let Some(ended) = ended else { return outcome };
        // Where one finds nothing to do, more would not either.
        later = 0;
        match ended.map_err(SignerError::from).flatten() {
            // If one slot has seen that the run is complete, it is, whatever made the others end.
            Ok(Ended::Complete) => outcome = outcome.and(Ok(Ended::Complete)),
            Ok(Ended::WorkLeft) => {}
            Err(error) => {
                signer.stop.now();
                outcome = outcome.and(Err(error));
            }
        }
        // When one slot has nothing left to do, the others look at once.
        signer.progressed();
    }
}

/// Starts more slots, each with a connection of its own.
fn start(tasks: &mut JoinSet<Result<Ended, SignerError>>, signer: &Arc<Signer>, slots: usize) {
    for _ in 0..slots {
        let signer = Arc::clone(signer);
        tasks.spawn_local(async move {
            let session = signer.connect().await?;
            slot::run(signer, session).await
        });
    }
}
