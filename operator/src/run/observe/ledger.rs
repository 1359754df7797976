//! The run's part of the ledger.

use std::time::Duration;

use chancery_api::{FieldChange, KeyringStatus, SigningRun, StatementStatus, StatementsStatus, ValidatedRun};
use chancery_sources::differences;
use chancery_stating::{StatementHead, StatingError, heads};
use chancery_store::{Keyring, Ledger, Progress, Run, StoreError};
use k8s_openapi::jiff::Timestamp;
use kube::ResourceExt;
use serde_json::Value;
use uuid::Uuid;

use crate::host::background::WorkState;
use crate::run::context::Context;
use crate::run::facts::{
    Background, Belongs, Counts, JobView, LedgerRun, LedgerView, PodView, Refusal, StoredRun,
};
use crate::run::observe::addresses::addresses;
use crate::run::observe::delivery;
use crate::run::observe::ended::{ended, has_recently_ended};
use crate::run::observe::intake;
use crate::run::observe::reading::{Now, Reading};
use crate::run::observe::secret::secret;
use crate::run::progress::{Followed, Read};
use crate::run::room::Room;
use crate::run::watched::Target;

/// How long the ledger may take to answer about one run.
const TIMEOUT: Duration = Duration::from_secs(10);

/// What is known of a run beside the ledger. It shows whether a count is too old.
pub(super) struct Beside<'a> {
    pub(super) job: Option<&'a JobView>,
    pub(super) pods: &'a [PodView],
    pub(super) intake_job: Option<&'a JobView>,
    pub(super) intake_pods: &'a [PodView],
    pub(super) delivery_job: Option<&'a JobView>,
    pub(super) delivery_pods: &'a [PodView],
    pub(super) background: &'a Background,
}

/// What the ledger has of a run, and what was read to know it.
pub(super) struct Seen {
    pub(super) view: LedgerView,
    pub(super) room: Room,
    pub(super) reading: Reading,
    /// Holders that have ended and have nothing in hand.
    pub(super) released: Vec<String>,
    /// How many splits have ended since their object changed, if that was looked at.
    pub(super) changed: Option<i64>,
    /// Why the run cannot be made in the ledger, as far as its sources go.
    pub(super) refusal: Option<Refusal>,
}

impl Seen {
    fn without_run(view: LedgerView, reading: Reading) -> Self {
        Self { view, room: Room::Enough, reading, released: Vec::new(), changed: None, refusal: None }
    }
}

pub(super) async fn view(context: &Context, target: &Target<'_>, beside: &Beside<'_>, now: Now) -> Seen {
    let ledger = match context.services.database.get() {
        Ok(ledger) => ledger,
        Err(why) => return Seen::without_run(LedgerView::Away(why), Reading::Nothing),
    };
    let reading = read(context, &ledger, target, beside, now);
    match tokio::time::timeout(TIMEOUT, reading).await.unwrap_or(Err(StoreError::TimedOut(TIMEOUT))) {
        Ok(seen) => seen,
        Err(error) => Seen::without_run(LedgerView::Away(error.to_string()), Reading::Failed(error)),
    }
}

async fn read(
    context: &Context,
    ledger: &Ledger,
    target: &Target<'_>,
    beside: &Beside<'_>,
    now: Now,
) -> Result<Seen, StoreError> {
    let &Target { reference, object, run } = target;
    let &Beside { pods, intake_pods, delivery_pods, .. } = beside;
    let uid = object.uid().unwrap_or_default();
    let deleting = object.metadata.deletion_timestamp.is_some();
    let gone = || Seen::without_run(LedgerView::Absent, Reading::Gone);
    let absent = async || {
        let refusal = if deleting { None } else { intake::refusal(ledger, target).await? };
        Ok(Seen { refusal, ..gone() })
    };
    let (followed, reading) = match context.progress.of(&uid) {
        Some(followed) if !deleting && is_fresh_enough(&followed, beside) => (followed, Reading::Nothing),
        before => {
            let stored = match &before {
                Some(followed) if !deleting => followed.run.clone(),
                _ => match ledger.find_run(&object.namespace().unwrap_or_default(), &object.name_any()).await
                {
                    Ok(stored) => stored,
                    Err(StoreError::NoRun(_)) => return absent().await,
                    Err(error) => return Err(error),
                },
            };
            let Some(read) = Read::of(ledger, &stored).await? else { return Ok(gone()) };
            let mut followed = before
                .unwrap_or_else(|| Followed::new(stored.clone(), reference, &read.progress, now.instant));
            followed.run = stored.clone();
            let reading = Reading::Fresh(Box::new((stored, read.clone())));
            (followed.with(read, now.instant), reading)
        }
    };
    let Followed { run: stored, progress, .. } = &followed;
    let (open_holders, mut released) = if progress.batches_leased > 0
        && has_recently_ended(&context.memory.of(&uid).released, pods, now.time)
    {
        let open = ledger.live_holders(stored).await?;
        let released = ended(pods).filter(|holder| !open.contains(holder)).collect();
        (open, released)
    } else {
        (Vec::new(), Vec::new())
    };
    let read = intake::read(context, ledger, target, (stored, progress), intake_pods, now).await?;
    let (sources, changed) = match read {
        Some(read) => {
            released.extend(read.released);
            (Some(read.sources), read.changed)
        }
        None => (None, None),
    };
    let sinks = delivery::read(context, ledger, target, &followed, delivery_pods).await?;
    let statements = match &context.key_files.statement_key {
        Some(_) => Some(statements(ledger, object, stored, progress).await?),
        None => None,
    };
    let room = if deleting || progress.sealed || progress.suspended {
        Room::Enough
    } else {
        context.room.look(ledger, &context.progress, &uid, progress).await?
    };
    let addresses = addresses(context, ledger, &uid, &stored.keyring, progress.filled).await?;
    let view = LedgerView::Present(Box::new(LedgerRun {
        stored: StoredRun(stored.clone()),
        belongs: belongs(object, stored),
        conflict: run.and_then(|run| conflict(run, stored)),
        keyring: keyring(&stored.keyring, addresses),
        kek_fingerprint: progress.kek_fingerprint.clone(),
        secret: secret(progress.secret(), &uid, context.memory.of(&uid).secret.as_ref()),
        sources,
        sinks,
        suspended: progress.suspended,
        lease_duration: Duration::from_secs_f64(progress.lease_seconds.max(0.0)),
        filled: progress.filled,
        sealed: progress.sealed,
        complete: progress.complete,
        created_at: instant(progress.created_micros),
        completed_at: progress.completed_micros.map(instant),
        deleted: progress.deleted,
        counts: counts(progress),
        rate: followed.rate(),
        statements,
        open_holders,
        still_for: followed.still_for(now.instant),
        standing: followed.standing.clone(),
    }));
    Ok(Seen { view, room, reading, released, changed, refusal: None })
}

fn keyring(ring: &Keyring, addresses: Option<Vec<String>>) -> KeyringStatus {
    KeyringStatus {
        name: ring.name.clone(),
        algorithm: ring.algorithm.clone(),
        key_size: ring.key_size,
        envelope: Some(&ring.envelope).filter(|envelope| *envelope != "Raw").cloned(),
        key_count: ring.key_count,
        addresses,
        // The ring of a run's own is its run's.
        made_by: ring.name.as_ref().map(|_| ring.owner.object_uid.to_string()),
    }
}

/// Whose the run is that the ledger holds. One of the time before that was kept may be that of an object that was there
/// before it: whoever makes an object of the name anew makes it later.
fn belongs(object: &SigningRun, stored: &Run) -> Belongs {
    let owner = &stored.owner;
    let made_at = Timestamp::from_second(stored.made_at).unwrap_or(Timestamp::MIN);
    let is_older = || object.creation_timestamp().is_some_and(|created| created.0 <= made_at);
    if object.uid().and_then(|uid| Uuid::parse_str(&uid).ok()) == Some(owner.object_uid) {
        Belongs::Ours { adopted_from: owner.adopted_from }
    } else if owner.namespace_uid.is_none() && is_older() {
        Belongs::Unclaimed
    } else {
        Belongs::Anothers { object: owner.object_uid, since: made_at }
    }
}

/// What is stated of a run. Both statements, once made, never change: then the status has them.
async fn statements(
    ledger: &Ledger,
    object: &SigningRun,
    stored: &Run,
    progress: &Progress,
) -> Result<StatementsStatus, StoreError> {
    let before = object.status.as_ref().and_then(|status| status.statements.clone()).unwrap_or_default();
    if !progress.sealed || before.signed.is_some() {
        return Ok(before);
    }
    let made = heads(ledger, stored).await.map_err(|error| match error {
        StatingError::Store(error) => error,
        other => StoreError::Corrupt(other.to_string()),
    })?;
    let status = |head: StatementHead| StatementStatus {
        number: head.number,
        sha256: head.hash.to_string(),
        key: head.key,
    };
    Ok(StatementsStatus { sealed: made.sealed.map(status), signed: made.signed.map(status) })
}

/// What a clock of the database showed.
fn instant(micros: i64) -> Timestamp {
    Timestamp::from_microsecond(micros).unwrap_or(Timestamp::MIN)
}

fn counts(progress: &Progress) -> Counts {
    Counts {
        records: progress.record_count,
        records_admitted: progress.records_admitted,
        records_signed: progress.records_signed,
        batches: progress.batches_closed,
        batches_signed: progress.batches_signed,
        batches_leased: progress.batches_leased,
        keys_made: progress.keys_joined,
        keys_leased: progress.keys_leased,
    }
}

/// Whether to decide by a count that may be a second old. Not when something else shows that the run got
/// further: the making of records has ended, or a signer has found nothing left to do. While only sinks are waited for, that it has is known.
fn is_fresh_enough(followed: &Followed, beside: &Beside<'_>) -> bool {
    let Followed { run, progress, .. } = followed;
    let Beside { job, intake_job, delivery_job, background, .. } = beside;
    let is_done = |job: &Option<&JobView>| job.is_some_and(|job| job.succeeded > 0);
    let is_signed = progress.sealed && progress.filled && progress.batches_signed == progress.batches_closed;
    let only_delivered = is_signed && !run.sinks.0.is_empty();
    let none_is_done = (only_delivered || !is_done(job)) && !is_done(delivery_job);
    match progress {
        Progress { complete: true, .. } => true,
        Progress { sealed: false, arrivals: Some(_), .. } => none_is_done && !is_done(intake_job),
        Progress { sealed: false, .. } => none_is_done && background.generating == WorkState::UnderWay,
        _ => none_is_done,
    }
}

/// In what the stored run differs from the spec, where the spec cannot change.
fn conflict(run: &ValidatedRun, stored: &Run) -> Option<String> {
    let differences: Vec<String> = differences(stored, run).iter().map(sentence).collect();
    (!differences.is_empty()).then(|| differences.join("; "))
}

fn sentence(FieldChange { path, old, new }: &FieldChange) -> String {
    let said = |value: &Option<Value>| match value {
        None => "not set".to_owned(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    };
    format!("its {} is {}, not {}", path.strip_prefix("spec.").unwrap_or(path), said(old), said(new))
}
