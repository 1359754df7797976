//! Fills the ledger of a run: fresh keys, then random records. Interrupted at any point, by anything,
//! it continues where it was; two at once share the work and nothing is made twice.

mod error;
mod keys;
mod new_run;
mod progress;
mod records;

use std::sync::Arc;

use chancery_keyring::Kek;
use chancery_store::{Ledger, Run};

pub use error::SeedError;
pub use new_run::new_run;
pub use progress::SeedProgress;

/// Seeds what the run still lacks. `progress` is told how much is there, not how much was added.
///
/// Memory does not depend on the run's size: records are made by the database itself.
///
/// # Errors
///
/// [`SeedError`]; what was seeded until then stays and is not made again.
pub async fn seed(
    ledger: &Ledger,
    run: &Run,
    kek: &Arc<Kek>,
    progress: impl Fn(SeedProgress) + Send + Sync,
) -> Result<(), SeedError> {
    if run.seeded {
        return Ok(());
    }
    let given = kek.fingerprint();
    if given != run.kek_fingerprint {
        return Err(SeedError::OtherKek { given, wanted: run.kek_fingerprint.clone() });
    }
    keys::seed(ledger, run, kek, &progress).await?;
    records::seed(ledger, run, &progress).await?;
    // The count is made in the database, by what is there: a seeder that was overtaken agrees.
    if ledger.mark_seeded(run).await? { Ok(()) } else { Err(SeedError::Incomplete) }
}
