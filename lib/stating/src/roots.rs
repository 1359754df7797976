//! The roots of batches, in portions: so a run of any size is sealed soon after its last record, and its last batch
//! stated soon after its signature.

use chancery_statement::leaf::{self, SignedUnder, Span};
use chancery_statement::merkle::Tree;
use chancery_statement::{Digest, DigestError};
use chancery_store::roots::{BatchTree, StatedBatch};
use chancery_store::{Ledger, Run};

use crate::StatingError;
use crate::made::Made;

/// Records whose leaves are asked for at a time.
const RECORDS_AT_ONCE: i64 = 20_000;

/// Bytes of payload that the server reads for that.
const BYTES_AT_ONCE: i64 = 32 << 20;

/// Batches that are looked at at a time.
const BATCHES_AT_ONCE: i64 = 1_000;

/// Makes the roots of the next batches, as many as one portion holds, and has them kept. False when there is none to make
/// for now: the next batch is not closed, or not signed, or its payloads have no root yet.
pub(crate) async fn make_roots(
    ledger: &Ledger,
    run: &Run,
    tree: BatchTree,
    made: &mut Made,
) -> Result<bool, StatingError> {
    let done = made.count(tree);
    let mut batches = ledger.stated_batches(run, done, BATCHES_AT_ONCE).await?;
    let ready = batches.iter().zip(done + 1..).take_while(|(batch, number)| {
        batch.batch == *number && (tree == BatchTree::Payloads || batch.signed)
    });
    let ready = ready.count();
    batches.truncate(match tree {
        BatchTree::Payloads => ready,
        BatchTree::Signatures => ready.min(made.unsigned().len()),
    });
    batches.truncate(portion(&batches));
    let (Some(first), Some(last)) = (batches.first(), batches.last()) else { return Ok(false) };
    let trees: Vec<Tree> = if batches.len() == 1 {
        vec![of_one(ledger, run, tree, first).await?]
    } else {
        let leaves = leaves(ledger, run, tree, first.first_record, last.last_record).await?;
        let mut leaves = leaves.into_iter();
        let own = |batch: &StatedBatch| {
            leaves.by_ref().take(count(batch.first_record, batch.last_record)).collect::<Tree>()
        };
        batches.iter().map(own).collect()
    };
    let roots = match tree {
        BatchTree::Payloads => batches
            .iter()
            .zip(&trees)
            .map(|(batch, own)| leaf::batch_of_payloads(&span(batch), &own.root()))
            .collect(),
        BatchTree::Signatures => batches
            .iter()
            .zip(&trees)
            .zip(made.unsigned())
            .map(|((batch, own), payloads)| of_signatures(run, batch, payloads, own))
            .collect::<Result<Vec<Digest>, StatingError>>()?,
    };
    let kept: Vec<Vec<u8>> = roots.iter().map(|root| root.0.to_vec()).collect();
    let other = ledger.keep_roots(run, tree, first.batch, &kept).await?;
    made.add(tree, roots, other);
    Ok(true)
}

/// How many of these batches one portion holds; one if it is larger than that.
fn portion(batches: &[StatedBatch]) -> usize {
    let (mut records, mut bytes) = (0, 0);
    let fit = batches.iter().take_while(|batch| {
        records += batch.last_record - batch.first_record + 1;
        bytes += batch.payload_bytes;
        records <= RECORDS_AT_ONCE && bytes <= BYTES_AT_ONCE
    });
    fit.count().max(1)
}

/// The tree of one batch, however large.
async fn of_one(
    ledger: &Ledger,
    run: &Run,
    tree: BatchTree,
    batch: &StatedBatch,
) -> Result<Tree, StatingError> {
    let records = batch.last_record - batch.first_record + 1;
    let by_bytes = BYTES_AT_ONCE / (batch.payload_bytes / records.max(1)).max(1);
    let at_once = by_bytes.clamp(1, RECORDS_AT_ONCE);
    let mut own = Tree::default();
    let mut first = batch.first_record;
    while first <= batch.last_record {
        let last = batch.last_record.min(first + at_once - 1);
        own.extend(leaves(ledger, run, tree, first, last).await?);
        first = last + 1;
    }
    Ok(own)
}

/// The leaves of records, of which none may be missing.
pub(crate) async fn leaves(
    ledger: &Ledger,
    run: &Run,
    tree: BatchTree,
    first: i64,
    last: i64,
) -> Result<Vec<Digest>, StatingError> {
    let found = ledger.leaves(run, tree, first, last).await?;
    if found.records != last - first + 1 {
        let what = format!("of the records {first} to {last} only {} are there", found.records);
        return Err(StatingError::Incomplete { run: name(run), what });
    }
    let (leaves, _) = found.leaves.as_chunks::<32>();
    Ok(leaves.iter().map(|leaf| Digest(*leaf)).collect())
}

/// What stands for a batch in its run's tree of signatures.
fn of_signatures(
    run: &Run,
    batch: &StatedBatch,
    payloads: &Digest,
    own: &Tree,
) -> Result<Digest, StatingError> {
    let under = signed_under(batch).ok_or_else(|| StatingError::Incomplete {
        run: name(run),
        what: format!("batch {} is signed under no lease or key that is there", batch.batch),
    })?;
    Ok(leaf::batch_of_signatures(&span(batch), payloads, &under, &own.root()))
}

pub(crate) const fn span(batch: &StatedBatch) -> Span {
    Span { batch: batch.batch, first_record: batch.first_record, last_record: batch.last_record }
}

/// The lease under which a batch was signed; none if part of it is missing.
pub(crate) fn signed_under(batch: &StatedBatch) -> Option<SignedUnder> {
    Some(SignedUnder {
        lease: batch.lease_id?,
        use_sequence: batch.use_sequence?,
        key: batch.key_id?,
        public_key: digest(batch.public_key_hash.as_deref()?).ok()?,
        holder: batch.holder.clone()?,
        acquired_at: batch.acquired_at?,
        signed_at: batch.signed_at?,
    })
}

pub(crate) fn digest(bytes: &[u8]) -> Result<Digest, DigestError> {
    bytes.try_into()
}

pub(crate) fn name(run: &Run) -> String {
    format!("{}/{}", run.namespace, run.name)
}

fn count(first: i64, last: i64) -> usize {
    usize::try_from(last - first + 1).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn batch(records: i64, payload_bytes: i64) -> StatedBatch {
        StatedBatch {
            batch: 1,
            first_record: 1,
            last_record: records,
            payload_bytes,
            signed: true,
            lease_id: Some(1),
            use_sequence: Some(1),
            key_id: Some(uuid::Uuid::nil()),
            public_key_hash: Some(vec![0; 32]),
            holder: Some("signer".to_owned()),
            acquired_at: Some(1),
            signed_at: Some(2),
        }
    }

    #[test]
    fn a_portion_holds_as_many_whole_batches_as_fit_and_at_least_one() {
        assert_eq!(portion(&vec![batch(10_000, 1); 5]), 2);
        assert_eq!(portion(&vec![batch(1, BYTES_AT_ONCE / 2); 5]), 2);
        assert_eq!(portion(&vec![batch(RECORDS_AT_ONCE + 1, 1); 5]), 1);
        assert_eq!(portion(&vec![batch(1, BYTES_AT_ONCE + 1); 5]), 1);
        assert_eq!(portion(&vec![batch(10, 0); 5]), 5);
    }

    #[test]
    fn a_batch_of_which_part_of_the_lease_is_missing_was_signed_under_none() {
        assert!(signed_under(&batch(1, 1)).is_some());
        let alterations: [fn(&mut StatedBatch); 4] = [
            |batch| batch.lease_id = None,
            |batch| batch.public_key_hash = None,
            |batch| batch.public_key_hash = Some(vec![0; 31]),
            |batch| batch.signed_at = None,
        ];
        for alter in alterations {
            let mut batch = batch(1, 1);
            alter(&mut batch);
            assert_eq!(signed_under(&batch), None);
        }
    }
}
