//! What a run is, computed from its rows, batch by batch at constant memory.

use chancery_statement::Digest;
use chancery_statement::leaf;
use chancery_statement::merkle::Tree;
use chancery_statement::statement::LeaseLog;
use chancery_store::audit::{Reader, RecordRow, Snapshot};
use chancery_store::roots::{BatchTree, KeptRoot, StatedBatch};
use chancery_store::{Run, StoreError};
use futures::TryStreamExt;

use crate::claims;
use crate::roots::{signed_under, span};

/// Records that are read at a time.
const RECORDS_AT_ONCE: i64 = 4_000;

/// Batches that are told in words.
const BATCHES_SHOWN: usize = 10;

/// What a run is.
#[derive(Debug, Default)]
pub(super) struct Is {
    /// Batches that there are.
    pub(super) batches: i64,
    /// Sum of the lengths of all payloads.
    pub(super) payload_bytes: i64,
    pub(super) payloads: Compared,
    pub(super) signatures: Compared,
    /// The first signed batches whose lease or key is not there.
    pub(super) leaseless: Vec<i64>,
}

/// A tree of the run, beside what is kept of it.
#[derive(Debug, Default)]
pub(super) struct Compared {
    /// From the records.
    pub(super) tree: Tree,
    /// From the roots that are kept.
    pub(super) kept: Tree,
    /// The first batches of which both differ.
    pub(super) differing: Vec<Batch>,
    pub(super) differ: u64,
}

/// A batch, and the records that it has.
#[derive(Clone, Debug)]
pub(super) struct Batch {
    pub(super) batch: i64,
    pub(super) first_record: i64,
    pub(super) last_record: i64,
}

/// A stretch of a lease log.
#[derive(Debug)]
pub(super) struct Log {
    pub(super) leases: u64,
    pub(super) root: Digest,
    /// The ring has forgotten what was before this.
    pub(super) forgotten: i64,
}

/// Connections that read the run at one instant.
struct Readers {
    records: Reader,
    kept: Reader,
}

/// Walks through a run.
pub(super) async fn walk(snapshot: &Snapshot, run: &Run) -> Result<Is, StoreError> {
    let mut by_batch = snapshot.reader().await?;
    let mut readers = Readers { records: snapshot.reader().await?, kept: snapshot.reader().await? };
    let mut batches = std::pin::pin!(by_batch.stated_batches(run));
    let mut is = Is::default();
    let mut together: Vec<StatedBatch> = Vec::new();
    loop {
        let next = batches.try_next().await?;
        let belongs = next.as_ref().is_some_and(|batch| is_next_to(&together, batch));
        if !belongs && !together.is_empty() {
            is.add(&mut readers, run, &std::mem::take(&mut together)).await?;
        }
        let Some(batch) = next else { return Ok(is) };
        together.push(batch);
    }
}

/// Whether a batch follows these, and is small enough to be read with them.
fn is_next_to(together: &[StatedBatch], batch: &StatedBatch) -> bool {
    let (Some(first), Some(last)) = (together.first(), together.last()) else { return true };
    last.last_record.checked_add(1) == Some(batch.first_record)
        && last.batch.checked_add(1) == Some(batch.batch)
        && batch.last_record.saturating_sub(first.first_record) < RECORDS_AT_ONCE
}

/// The trees of one batch.
#[derive(Default)]
struct Own {
    payloads: Tree,
    signatures: Tree,
}

impl Is {
    /// Adds batches whose records follow each other.
    async fn add(
        &mut self,
        readers: &mut Readers,
        run: &Run,
        batches: &[StatedBatch],
    ) -> Result<(), StoreError> {
        let (Some(first), Some(last)) = (batches.first(), batches.last()) else { return Ok(()) };
        let mut own: Vec<Own> = batches.iter().map(|_| Own::default()).collect();
        let mut at = 0;
        let mut from = first.first_record;
        while from <= last.last_record {
            let to = last.last_record.min(from.saturating_add(RECORDS_AT_ONCE - 1));
            let mut rows = std::pin::pin!(readers.records.records(run, from, to, run.batch_size));
            let mut is_there = false;
            while let Some(row) = rows.try_next().await? {
                is_there = true;
                while batches.get(at).is_some_and(|batch| batch.last_record < row.record) {
                    at += 1;
                }
                self.payload_bytes += i64::from(row.payload_bytes.unwrap_or(0));
                if let Some(own) = own.get_mut(at) {
                    own.add(&row);
                }
            }
            // Bounds that were altered may be of any size.
            if !is_there {
                break;
            }
            from = to.saturating_add(1);
        }
        let (after, most) = (first.batch - 1, batches.len() as i64);
        let kept_payloads = readers.kept.kept_roots(run, BatchTree::Payloads, after, most).await?;
        let kept_signatures = readers.kept.kept_roots(run, BatchTree::Signatures, after, most).await?;
        for (batch, own) in batches.iter().zip(own) {
            self.batches += 1;
            let payloads = leaf::batch_of_payloads(&span(batch), &own.payloads.root());
            self.payloads.add(batch, Some(payloads), &kept_payloads);
            let under = signed_under(batch);
            if batch.signed && under.is_none() && self.leaseless.len() < BATCHES_SHOWN {
                self.leaseless.push(batch.batch);
            }
            let signatures = under.map(|under| {
                leaf::batch_of_signatures(&span(batch), &payloads, &under, &own.signatures.root())
            });
            self.signatures.add(batch, signatures, &kept_signatures);
        }
        Ok(())
    }
}

impl Own {
    /// A row of a record beside its signature. What is missing has no leaf, and what stands twice has two.
    fn add(&mut self, row: &RecordRow) {
        self.payloads.extend(row.payload.as_ref().map(|payload| leaf::payload(row.record, payload)));
        if let (Some(signature), Some(lease)) = (&row.signature, row.lease_id) {
            self.signatures.push(leaf::signature(row.record, signature, lease));
        }
    }
}

impl Compared {
    fn add(&mut self, batch: &StatedBatch, root: Option<Digest>, kept: &[KeptRoot]) {
        let kept = kept.iter().find(|kept| kept.batch == batch.batch);
        let kept = kept.and_then(|kept| Digest::try_from(kept.root.as_slice()).ok());
        self.tree.extend(root);
        self.kept.extend(kept);
        if kept.is_some() && kept != root {
            self.differ += 1;
            if self.differing.len() < BATCHES_SHOWN {
                let StatedBatch { batch, first_record, last_record, .. } = *batch;
                self.differing.push(Batch { batch, first_record, last_record });
            }
        }
    }
}

/// The stretch of the lease log that a statement speaks of, as it is now.
pub(super) async fn lease_log(snapshot: &Snapshot, run: &Run, stated: &LeaseLog) -> Result<Log, StoreError> {
    let mut reader = snapshot.reader().await?;
    let mut leases = std::pin::pin!(reader.stated_leases(&run.keyring, stated.first_use, stated.last_use));
    let mut tree = Tree::default();
    while let Some(line) = leases.try_next().await? {
        tree.push(claims::lease(line));
    }
    Ok(Log { leases: tree.size(), root: tree.root(), forgotten: run.keyring.forgotten_use })
}
