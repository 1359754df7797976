//! What is stated of a run, from what the ledger holds.

use chancery_statement::Digest;
use chancery_statement::leaf::{self, Lease};
use chancery_statement::merkle::Tree;
use chancery_statement::statement::{Claim, KeyringOfStatement, Keys, LeaseLog, Sealed, Signed, Source};
use chancery_store::audit::KeyRow;
use chancery_store::roots::BatchTree;
use chancery_store::statements::StatedLease;
use chancery_store::{Input, Keyring, Ledger, Run};

use crate::StatingError;
use crate::roots::{digest, name};

/// Roots that are read at a time.
const ROOTS_AT_ONCE: i64 = 10_000;

/// Leases that are read at a time.
const LEASES_AT_ONCE: i64 = 10_000;

/// The statement about the sealing of a run that has `records` records, whose tree of payloads has this root.
pub(crate) async fn sealed(
    ledger: &Ledger,
    run: &Run,
    records: i64,
    payloads: Digest,
) -> Result<Claim, StatingError> {
    let totals = ledger.batch_totals(run).await?;
    let keys = ledger.stated_keys(&run.keyring).await?;
    let sealed = Sealed {
        records,
        batches: totals.batches,
        payload_bytes: totals.payload_bytes,
        batch_size: run.batch_size,
        source: source(run),
        keyring: keyring(&run.keyring),
        keys: Keys { count: count(&keys), root: keys_root(run, &keys)? },
        payloads,
    };
    Ok(Claim::Sealed(Box::new(sealed)))
}

/// The statement about the signatures of a run, whose sealing was stated as `sealing` and whose tree of signatures has this root.
pub(crate) async fn signed(
    ledger: &Ledger,
    run: &Run,
    records: i64,
    sealing: Digest,
    signatures: Digest,
) -> Result<Claim, StatingError> {
    let totals = ledger.batch_totals(run).await?;
    let bounds = ledger.lease_bounds(run).await?;
    let last_use = bounds.last_use.unwrap_or(0);
    let first_use = bounds.first_use.unwrap_or(last_use + 1);
    let mut log = Tree::default();
    let mut next = first_use;
    while next <= last_use {
        let last = last_use.min(next + LEASES_AT_ONCE - 1);
        let leases = ledger.stated_leases(&run.keyring, next, last).await?;
        log.extend(leases.into_iter().map(lease));
        next = last + 1;
    }
    let signed = Signed {
        sealing,
        records,
        batches: totals.batches,
        keyring: keyring(&run.keyring),
        lease_log: LeaseLog { first_use, last_use, root: log.root() },
        signatures,
    };
    Ok(Claim::Signed(Box::new(signed)))
}

/// The leaves of a tree of the run, from the roots that are kept. None may be missing.
pub(crate) async fn run_leaves(
    ledger: &Ledger,
    run: &Run,
    tree: BatchTree,
    batches: i64,
) -> Result<Vec<Digest>, StatingError> {
    let mut leaves = Vec::new();
    let mut done = 0;
    while done < batches {
        let kept = ledger.kept_roots(run, tree, done, ROOTS_AT_ONCE).await?;
        let missing = |batch: i64| StatingError::Incomplete {
            run: name(run),
            what: format!("the root of batch {batch} is missing"),
        };
        if kept.is_empty() {
            return Err(missing(done + 1));
        }
        for root in kept.iter().take_while(|root| root.batch <= batches) {
            if root.batch != done + 1 {
                return Err(missing(done + 1));
            }
            leaves.push(digest(&root.root).map_err(|_| missing(root.batch))?);
            done += 1;
        }
    }
    Ok(leaves)
}

pub(crate) fn source(run: &Run) -> Source {
    match &run.input {
        Input::Generated(source) => Source::Generated {
            record_count: source.record_count,
            record_size: i64::from(source.record_size),
        },
        Input::Sources(sources) => Source::Sources {
            names: sources.sources.iter().map(|source| source.name.clone()).collect(),
            idempotency: sources.idempotency.name().to_owned(),
            record_limit: sources.record_limit,
        },
    }
}

pub(crate) fn keyring(ring: &Keyring) -> KeyringOfStatement {
    KeyringOfStatement {
        uid: ring.uid,
        name: ring.name.clone(),
        algorithm: ring.algorithm.clone(),
        key_size: ring.key_size,
        envelope: ring.envelope.clone(),
        content_type: ring.content_type.clone(),
    }
}

fn count(keys: &[KeyRow]) -> i64 {
    i64::try_from(keys.len()).unwrap_or(i64::MAX)
}

fn keys_root(run: &Run, keys: &[KeyRow]) -> Result<Digest, StatingError> {
    keys_tree(keys).map(|tree| tree.root()).ok_or_else(|| StatingError::Incomplete {
        run: name(run),
        what: "a key of its ring has no public key".to_owned(),
    })
}

/// The tree of these keys; none if one has no public key.
pub(crate) fn keys_tree(keys: &[KeyRow]) -> Option<Tree> {
    keys.iter().map(|key| Some(leaf::key(key.number.into(), key.id, key.public_key.as_deref()?))).collect()
}

pub(crate) fn lease(line: StatedLease) -> Digest {
    let StatedLease { use_sequence, id, run_id, batch, key_id, holder, acquired_at } = line;
    leaf::lease(&Lease {
        use_sequence,
        lease: id,
        run: run_id.into(),
        batch,
        key: key_id,
        holder,
        acquired_at,
    })
}
