//! What a run is created with in the ledger.

use chancery_api::ValidatedRun;
use chancery_store::NewRun;

/// The run to create in the ledger; `kek_fingerprint` tells which KEK is to wrap its keys.
#[must_use]
pub fn new_run(run: &ValidatedRun, kek_fingerprint: String) -> NewRun {
    // The bounds of the schema are far below what these types hold.
    let int = |number: u32| i32::try_from(number).unwrap_or(i32::MAX);
    NewRun {
        namespace: run.namespace.clone(),
        name: run.name.clone(),
        kek_fingerprint,
        record_count: i64::try_from(run.record_count).unwrap_or(i64::MAX),
        record_size: int(run.record_size),
        key_count: int(run.key_count),
        batch_size: i64::from(run.batch_size),
        algorithm: run.algorithm.to_string(),
        key_size: run.key_size.map(int),
        lease_duration: run.lease_duration,
        suspended: run.suspend,
    }
}
