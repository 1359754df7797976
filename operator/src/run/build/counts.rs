//! What a status counts.

use chancery_api::{BatchCounts, KeyCounts, SignerCounts};

use crate::run::facts::{Counts, LedgerRun, Observed, PodState, PodView};

pub(super) fn batches(counts: Counts) -> BatchCounts {
    BatchCounts { total: counts.batches, signed: counts.batches_signed, leased: counts.batches_leased }
}

pub(super) fn keys(ledger: &LedgerRun) -> KeyCounts {
    KeyCounts {
        total: ledger.keyring.key_count.into(),
        made: ledger.counts.keys_made,
        leased: ledger.counts.keys_leased,
    }
}

/// Whether it is at work, and not only to be.
fn is_running(pod: &PodView) -> bool {
    matches!(pod.state, PodState::Running { .. })
}

pub(super) fn signers(observed: &Observed) -> SignerCounts {
    match observed.job.as_ref().filter(|job| job.ours) {
        Some(job) => SignerCounts {
            active: observed.pods.iter().filter(|pod| is_running(pod)).count().try_into().unwrap_or(i64::MAX),
            pods: job.active,
            succeeded: job.succeeded,
            failed: job.failed,
        },
        None => SignerCounts::default(),
    }
}

pub(super) fn saturated(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
