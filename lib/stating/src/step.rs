//! What is to be done next for the statements about a run. All of it may be repeated, and done by several at once.

use chancery_statement::statement::{Claim, Kind, RunOfStatement};
use chancery_statement::{Digest, Envelope, Statement, StatementKey};
use chancery_store::roots::BatchTree;
use chancery_store::statements::{NewStatement, StatementRow};
use chancery_store::{Ledger, Progress, Run, StoreError};

use crate::made::Made;
use crate::report::{Heads, StatementHead};
use crate::roots::{digest, make_roots, name};
use crate::{StatingError, claims};

/// How often it is tried to append a statement while others append theirs.
const ATTEMPTS: u32 = 100;

/// What a step has come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Something was done; there may be more to do at once.
    Advanced,
    /// Nothing is to be done until the run gets further.
    Waiting,
    /// Both statements are made: nothing will ever be to be done.
    Stated,
}

/// Takes one step: some roots, or a statement. `now` is the time that a statement bears, in RFC 3339; `made` is what this
/// process has computed of the run so far.
///
/// # Errors
///
/// [`StatingError`]; what was done until then stays done. A run that is gone, or being deleted, is such an error.
pub async fn step(
    ledger: &Ledger,
    run: &Run,
    key: &StatementKey,
    now: impl Fn() -> String,
    made: &mut Made,
) -> Result<Step, StatingError> {
    let stated = heads(ledger, run).await?;
    if stated.signed.is_some() {
        return Ok(Step::Stated);
    }
    let progress = progress(ledger, run).await?;
    let (payloads, signatures) = (BatchTree::Payloads, BatchTree::Signatures);
    if made.count(payloads) < progress.batches_closed && make_roots(ledger, run, payloads, made).await? {
        return Ok(Step::Advanced);
    }
    if stated.sealed.is_none()
        && progress.sealed
        && progress.filled
        && let Some(root) = made.root(payloads, progress.batches_closed)
    {
        let claim = claims::sealed(ledger, run, progress.record_count, root).await?;
        append(ledger, run, key, &now, claim).await?;
        return Ok(Step::Advanced);
    }
    if made.count(signatures) < progress.batches_signed.min(made.count(payloads))
        && make_roots(ledger, run, signatures, made).await?
    {
        return Ok(Step::Advanced);
    }
    match (stated.sealed, made.root(signatures, progress.batches_closed)) {
        (Some(sealing), Some(root)) if progress.is_signed() => {
            let claim = claims::signed(ledger, run, progress.record_count, sealing.hash, root).await?;
            append(ledger, run, key, &now, claim).await?;
            Ok(Step::Advanced)
        }
        _ => Ok(Step::Waiting),
    }
}

/// The statements about a run, as far as they are made.
///
/// # Errors
///
/// A database that is away or refuses.
pub async fn heads(ledger: &Ledger, run: &Run) -> Result<Heads, StatingError> {
    let mut heads = Heads::default();
    for row in ledger.statements_about(run).await? {
        let kind = if row.kind == Kind::Sealed.name() { Kind::Sealed } else { Kind::Signed };
        let head = head(&row, kind)?;
        match kind {
            Kind::Sealed => heads.sealed = Some(head),
            Kind::Signed => heads.signed = Some(head),
        }
    }
    Ok(heads)
}

fn head(row: &StatementRow, kind: Kind) -> Result<StatementHead, StatingError> {
    let hash = hash(&row.hash)?;
    Ok(StatementHead { kind, number: row.number, hash, key: row.key_id.clone() })
}

fn hash(bytes: &[u8]) -> Result<Digest, StatingError> {
    digest(bytes).map_err(|error| StoreError::Corrupt(format!("a statement's hash is none: {error}")).into())
}

async fn progress(ledger: &Ledger, run: &Run) -> Result<Progress, StatingError> {
    match ledger.progress(&[run.id]).await?.pop() {
        Some(progress) if !progress.deleted => Ok(progress),
        Some(_) => Err(StoreError::BeingDeleted(name(run)).into()),
        None => Err(StoreError::NoRun(name(run)).into()),
    }
}

/// Signs a claim and appends it to the chain; or finds that another has stated the same.
async fn append(
    ledger: &Ledger,
    run: &Run,
    key: &StatementKey,
    now: &impl Fn() -> String,
    claim: Claim,
) -> Result<(), StatingError> {
    let ledger_uid = ledger.uid().await?;
    let mut last = None;
    for _ in 0..ATTEMPTS {
        last = ledger.last_statement().await?;
        let (number, previous) = match &last {
            Some(last) => (last.number + 1, Some(hash(&last.hash)?)),
            None => (1, None),
        };
        let statement = Statement {
            number,
            previous,
            stated_at: now(),
            ledger: ledger_uid,
            run: RunOfStatement { uid: run.uid, namespace: run.namespace.clone(), name: run.name.clone() },
            claim: claim.clone(),
        };
        let Envelope { body, key_id, signature } = Envelope::sign(&statement, key);
        let new = NewStatement {
            number,
            previous: previous.map(|hash| hash.0.to_vec()),
            run_uid: run.uid,
            kind: statement.kind().name(),
            key_id,
            body,
            signature,
        };
        if ledger.append_statement(&new).await? {
            return Ok(());
        }
        progress(ledger, run).await?;
        let made = heads(ledger, run).await?;
        let made = if statement.kind() == Kind::Sealed { made.sealed } else { made.signed };
        if made.is_some() {
            return Ok(());
        }
    }
    Err(StatingError::NoEnd(last.map_or(0, |last| last.number)))
}
