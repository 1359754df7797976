//! A record's way to the statement about its run's signatures.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chancery_statement::merkle::path;
use chancery_statement::statement::{Claim, Kind};
use chancery_statement::{BatchOfProof, Proof};
use chancery_store::audit::{KeyRow, RecordRow};
use chancery_store::roots::{BatchTree, StatedBatch};
use chancery_store::{Ledger, Run, StoreError};
use futures::TryStreamExt;

use crate::StatingError;
use crate::claims::run_leaves;
use crate::roots::{leaves, name};

/// Proves that a record is in its run as that was stated. Whoever checks the proof needs no ledger, and none is
/// trusted here: a proof that would not lead to the statement is not given.
///
/// # Errors
///
/// [`StatingError`]: nothing is stated of the run's signatures, there is no such record, or the ledger does not hold
/// what was stated.
pub async fn prove(ledger: &Ledger, run: &Run, record: i64) -> Result<Proof, StatingError> {
    let differs = || StatingError::Differs { run: name(run), record };
    let rows = ledger.statements_about(run).await?;
    let row = rows.iter().find(|row| row.kind == Kind::Signed.name());
    let statement = crate::envelope(row.ok_or_else(|| StatingError::NotStated(name(run)))?);
    let stated = statement.statement().map_err(|_| differs())?;
    let Claim::Signed(signed) = &stated.claim else { return Err(differs()) };
    let no_record = || StatingError::NoRecord { run: name(run), record };
    if !(1..=signed.records).contains(&record) {
        return Err(no_record());
    }
    let batch = ledger.batch_of(run, record).await?.ok_or_else(differs)?;
    let batch = ledger.stated_batches(run, batch - 1, 1).await?.pop().ok_or_else(differs)?;
    let (first, last) = (batch.first_record, batch.last_record);
    let payloads = leaves(ledger, run, BatchTree::Payloads, first, last).await?;
    let signatures = leaves(ledger, run, BatchTree::Signatures, first, last).await?;
    let of_run = run_leaves(ledger, run, BatchTree::Signatures, signed.batches).await?;
    let place = |first: i64, number: i64| usize::try_from(number - first).unwrap_or(usize::MAX);
    let (payload, signature) = stored(ledger, run, record).await?.ok_or_else(no_record)?;
    let proof = Proof {
        record,
        payload: STANDARD.encode(payload),
        signature: STANDARD.encode(signature),
        path_in_payloads: path(&payloads, place(first, record)).ok_or_else(differs)?,
        path_in_signatures: path(&signatures, place(first, record)).ok_or_else(differs)?,
        path_in_run: path(&of_run, place(1, batch.batch)).ok_or_else(differs)?,
        batch: batch_of_proof(ledger, run, batch).await?.ok_or_else(differs)?,
        statement,
    };
    proof.follow(&stated).map(|_| proof).map_err(|_| differs())
}

/// Payload and signature of a record.
async fn stored(ledger: &Ledger, run: &Run, record: i64) -> Result<Option<(Vec<u8>, Vec<u8>)>, StoreError> {
    let snapshot = ledger.snapshot().await?;
    let mut reader = snapshot.reader().await?;
    let row = std::pin::pin!(reader.records(run, record, record, run.batch_size)).try_next().await?;
    Ok(row.and_then(|RecordRow { payload, signature, .. }| Some((payload?.to_vec(), signature?.to_vec()))))
}

async fn batch_of_proof(
    ledger: &Ledger,
    run: &Run,
    batch: StatedBatch,
) -> Result<Option<BatchOfProof>, StoreError> {
    let keys = ledger.stated_keys(&run.keyring).await?;
    let public_key = |id| {
        keys.into_iter().find(|key: &KeyRow| key.id == id).and_then(|KeyRow { public_key, .. }| public_key)
    };
    let StatedBatch {
        batch,
        first_record,
        last_record,
        payload_bytes: _,
        signed: _,
        lease_id,
        use_sequence,
        key_id,
        public_key_hash: _,
        holder,
        acquired_at,
        signed_at,
    } = batch;
    let whole = || {
        let key = key_id?;
        Some(BatchOfProof {
            batch,
            first_record,
            last_record,
            lease: lease_id?,
            use_sequence: use_sequence?,
            key,
            public_key: STANDARD.encode(public_key(key)?),
            holder: holder?,
            acquired_at: acquired_at?,
            signed_at: signed_at?,
        })
    };
    Ok(whole())
}
