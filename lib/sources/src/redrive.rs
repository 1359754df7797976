//! The run that reads the dead letters of another one again: made as that one was, as far as the ledger knows it.

use std::time::Duration;

use chancery_api::{
    Algorithm, DeadLetterSpec, Envelope, IdempotencyBy, IdempotencySpec, KeyringRef, LeaseDuration,
    PolicyRef, ReplaySelect, RunSource, SigningRun, SigningRunSpec, SourceSpec,
};
use chancery_store::{Idempotency, Run, Sources};

use crate::replay::{NotReadAgain, Reader, may_be_read_again};
use crate::{notifications, sinks};

/// The name of its source.
pub const SOURCE: &str = "dead-letters";

/// The run of this name that reads the dead letters of `run`, if they can be read again.
///
/// # Errors
///
/// [`NotReadAgain`].
pub fn redriven(run: &Run, into: &str) -> Result<SigningRun, NotReadAgain> {
    may_be_read_again(run, reader(run), ReplaySelect::DeadLetters)?;
    let mut redriven = as_it_was(run, into);
    if !leaves_sinks_out(run) {
        let unknown = |_| NotReadAgain::Unknown(run.name.clone());
        let sinks: Vec<_> =
            run.sinks.0.iter().map(sinks::asked).collect::<Result<_, _>>().map_err(unknown)?;
        let told = run.notifications.0.iter().map(notifications::asked);
        let told: Vec<_> = told.collect::<Result<_, _>>().map_err(unknown)?;
        redriven.spec.sinks = Some(sinks).filter(|sinks| !sinks.is_empty());
        redriven.spec.notifications = Some(told).filter(|told| !told.is_empty());
    }
    Ok(redriven)
}

/// Whether the run has sinks, or somebody whom it tells, and the run that reads its dead letters does not: of a cluster's run, what these
/// need (Secrets, a claim of a volume) is in its SigningRun, and not in the ledger.
#[must_use]
pub fn leaves_sinks_out(run: &Run) -> bool {
    reader(run) == Reader::SigningRun && !(run.sinks.0.is_empty() && run.notifications.0.is_empty())
}

/// Who may read the run again.
#[must_use]
pub fn reader(run: &Run) -> Reader {
    if run.owner.has_no_cluster() { Reader::Command } else { Reader::SigningRun }
}

fn as_it_was(run: &Run, into: &str) -> SigningRun {
    let int = |number: i64| i32::try_from(number).unwrap_or(i32::MAX);
    let ring = &run.keyring;
    let mut spec = SigningRunSpec::new(1, ring.key_count, int(run.batch_size));
    spec.record_count = None;
    spec.algorithm = ring.algorithm.parse::<Algorithm>().ok();
    spec.key_size = ring.key_size;
    spec.envelope = ring.envelope.parse::<Envelope>().ok();
    spec.content_type.clone_from(&ring.content_type);
    spec.keyring_ref = ring.name.clone().map(|name| KeyringRef { name });
    spec.sources = Some(vec![SourceSpec {
        name: SOURCE.to_owned(),
        objects: None,
        format: None,
        table: None,
        run: Some(RunSource { name: run.name.clone(), select: ReplaySelect::DeadLetters }),
        http: None,
        confirm: false,
    }]);
    spec.policy_ref = run.policy.as_ref().map(|policy| PolicyRef { name: policy.name.clone() });
    if let Some(sources) = run.input.sources() {
        spec.idempotency = Some(idempotency(sources));
        spec.dead_letter = Some(DeadLetterSpec {
            retention: LeaseDuration::from(sources.dead_letter.retention),
            limit: sources.dead_letter.limit,
        });
    }
    let mut redriven = SigningRun::new(into, spec);
    redriven.metadata.namespace = Some(run.namespace.clone());
    redriven
}

fn idempotency(sources: &Sources) -> IdempotencySpec {
    let window = Some(sources.digest_window).filter(|window| *window > Duration::ZERO);
    IdempotencySpec {
        by: match &sources.idempotency {
            Idempotency::Content => IdempotencyBy::Content,
            Idempotency::Expression(_) => IdempotencyBy::Expression,
            Idempotency::None => IdempotencyBy::None,
        },
        expression: sources.idempotency.expression().map(str::to_owned),
        window: window.map(LeaseDuration::from),
    }
}
