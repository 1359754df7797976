//! The run that reads the dead letters of another one again: made as that one was.

use std::time::Duration;

use chancery_api::{
    Algorithm, DeadLetterSpec, IdempotencyBy, IdempotencySpec, KeyringRef, LeaseDuration, PolicyRef,
    ReplaySelect, RunSource, SigningRun, SigningRunSpec, SourceSpec,
};
use chancery_store::{Idempotency, Run, Sources};

use crate::replay::{NotReadAgain, Reader, may_be_read_again};

/// The name of its source.
pub const SOURCE: &str = "dead-letters";

/// The run of this name that reads the dead letters of `run`, if they can be read again.
///
/// # Errors
///
/// [`NotReadAgain`].
pub fn redriven(run: &Run, into: &str) -> Result<SigningRun, NotReadAgain> {
    may_be_read_again(run, reader(run), ReplaySelect::DeadLetters)?;
    Ok(as_it_was(run, into))
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
