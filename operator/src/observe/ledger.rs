//! The run's part of the ledger.

use std::time::Duration;

use chancery_api::ValidatedRun;
use chancery_store::{Ledger, Progress, Run, StoreError};
use k8s_openapi::jiff::{SignedDuration, Timestamp};
use kube::ResourceExt;

use super::Beside;
use crate::context::{Context, Target};
use crate::facts::{Background, Counts, JobView, LedgerRun, LedgerView, PodState, PodView};
use crate::progress::Followed;

/// How long after its end a signer's last statement may still be carried out by the database.
const MOURNING: SignedDuration = SignedDuration::from_secs(120);

/// How long the ledger may take to tell how far one run is.
const PATIENCE: Duration = Duration::from_secs(10);

pub(super) async fn view(context: &Context, target: &Target<'_>, beside: &Beside<'_>) -> LedgerView {
    let ledger = match context.database.get() {
        Ok(ledger) => ledger,
        Err(why) => return LedgerView::Away(why),
    };
    let reading = read(context, &ledger, target, beside);
    match tokio::time::timeout(PATIENCE, reading).await.unwrap_or(Err(StoreError::TimedOut(PATIENCE))) {
        Ok(Some(found)) => LedgerView::Present(Box::new(found)),
        Ok(None) => LedgerView::Absent,
        Err(error) => {
            context.database.doubt(&error);
            LedgerView::Away(error.to_string())
        }
    }
}

async fn read(
    context: &Context,
    ledger: &Ledger,
    &Target { reference, object, run }: &Target<'_>,
    &Beside { job, pods, background }: &Beside<'_>,
) -> Result<Option<LedgerRun>, StoreError> {
    let uid = object.uid().unwrap_or_default();
    let deleting = object.metadata.deletion_timestamp.is_some();
    let Followed { run: stored, progress, .. } = &match context.progress.of(&uid) {
        Some(followed) if !deleting && is_fresh_enough(&followed.progress, job, background) => followed,
        followed => {
            let found = match followed {
                Some(followed) if !deleting => Ok(followed.run),
                _ => ledger.find_run(&object.namespace().unwrap_or_default(), &object.name_any()).await,
            };
            match found {
                Ok(found) => match context.progress.look(ledger, &uid, reference, found).await? {
                    Some(followed) => followed,
                    None => return Ok(None),
                },
                Err(StoreError::NoRun(_)) => {
                    context.progress.forget(&uid);
                    return Ok(None);
                }
                Err(error) => return Err(error),
            }
        }
    };
    let open_holders = if progress.batches_leased > 0 && has_fresh_dead(context, &uid, pods) {
        let open = ledger.live_holders(stored).await?;
        context.memory.change(&uid, |remembered| {
            remembered.buried.extend(ended(pods).filter(|holder| !open.contains(holder)))
        });
        open
    } else {
        Vec::new()
    };
    Ok(Some(LedgerRun {
        conflict: run.and_then(|run| conflict(run, stored)),
        kek_fingerprint: stored.kek_fingerprint.clone(),
        suspended: progress.suspended,
        lease_duration: Duration::from_secs_f64(progress.lease_seconds.max(0.0)),
        seeded: progress.seeded,
        complete: progress.complete,
        deleted: progress.deleted,
        counts: Counts {
            records: progress.record_count,
            records_seeded: progress.records_seeded,
            records_signed: progress.records_signed,
            batches: progress.batch_count,
            batches_signed: progress.batches_signed,
            batches_leased: progress.batches_leased,
            keys: i64::from(progress.key_count),
            keys_leased: progress.keys_leased,
        },
        rate: context.progress.of(&uid).and_then(|followed| followed.rate()),
        open_holders,
    }))
}

/// Whether a second-old count may be decided by. Not when something else says that the run got a step
/// further: seeding has ended, or a signer has found nothing left to do.
fn is_fresh_enough(progress: &Progress, job: Option<&JobView>, background: &Background) -> bool {
    if progress.complete {
        return true;
    }
    if progress.seeded {
        job.is_none_or(|job| job.succeeded == 0)
    } else {
        *background == Background::Seeding
    }
}

fn ended(pods: &[PodView]) -> impl Iterator<Item = String> + '_ {
    pods.iter().filter(|pod| matches!(pod.state, PodState::Ended { .. })).map(|pod| pod.holder.clone())
}

/// Whether a signer has ended whose leases may still be open.
fn has_fresh_dead(context: &Context, uid: &str, pods: &[PodView]) -> bool {
    let buried = context.memory.of(uid).buried;
    pods.iter().any(|pod| match &pod.state {
        PodState::Ended { at, .. } => {
            !buried.contains(&pod.holder)
                || at.is_some_and(|at| Timestamp::now().duration_since(at) < MOURNING)
        }
        _ => false,
    })
}

/// In what the stored run differs from the spec, where the spec can not change.
fn conflict(run: &ValidatedRun, stored: &Run) -> Option<String> {
    let fields = [
        ("recordCount", stored.record_count.to_string(), run.record_count.to_string()),
        ("recordSize", stored.record_size.to_string(), run.record_size.to_string()),
        ("keyCount", stored.key_count.to_string(), run.key_count.to_string()),
        ("batchSize", stored.batch_size.to_string(), run.batch_size.to_string()),
        ("algorithm", stored.algorithm.clone(), run.algorithm.to_string()),
        ("keySize", shown(stored.key_size.map(i64::from)), shown(run.key_size.map(i64::from))),
    ];
    let differences: Vec<String> = fields
        .into_iter()
        .filter(|(_, there, here)| there != here)
        .map(|(field, there, here)| format!("its {field} is {there}, not {here}"))
        .collect();
    (!differences.is_empty()).then(|| differences.join("; "))
}

fn shown(number: Option<i64>) -> String {
    number.map_or_else(|| "none".to_owned(), |number| number.to_string())
}
