//! Another KEK takes the place of the one that wrapped the data keys: they are wrapped anew, beside everything else. No run
//! waits for that, and no signer notices.

use std::collections::BTreeSet;
use std::time::Duration;

use chancery_data_keys::{Rotation, RotationError, rotate};
use chancery_keyring::Keks;
use chancery_store::Ledger;

use crate::host::database::Database;
use crate::run::key_files::KeyFiles;
use crate::run::metrics::RunMetrics;

/// How often it is looked which KEKs have wrapped the data keys. The files are read again each time.
const INTERVAL: Duration = Duration::from_secs(15);

/// Data keys that are wrapped anew between two lines of the log.
const LINE: u64 = 1_000;

/// Wraps data keys anew for as long as it is waited for. It may be stopped at any point: the next leader goes on.
pub(crate) async fn keep(database: &Database, key_files: &KeyFiles, metrics: &RunMetrics) {
    let mut told = Told::default();
    loop {
        // Why a database is away, or a KEK cannot be read, is said elsewhere.
        if let (Ok(ledger), Ok(keks)) = (database.get(), key_files.read_keks()) {
            match round(&ledger, &keks, metrics).await {
                Ok(found) => told.tell(&keks, &found),
                Err(RotationError::Store(error)) => database.check_after(&error),
                Err(error) => tracing::warn!(%error, "data keys cannot be wrapped anew; it is tried again"),
            }
        }
        tokio::time::sleep(INTERVAL).await;
    }
}

async fn round(ledger: &Ledger, keks: &Keks, metrics: &RunMetrics) -> Result<Rotation, RotationError> {
    let found = rotate(ledger, keks, |done| {
        if done % LINE == 0 {
            tracing::info!(done, "data keys are wrapped anew");
        }
    });
    let found = found.await?;
    let fingerprints = keks.fingerprints();
    metrics.data_keys(&fingerprints, &found.keyrings);
    Ok(found)
}

/// What was said already.
#[derive(Debug, Default)]
struct Told {
    refused: BTreeSet<String>,
    /// The KEK of which it was said that no other is needed.
    alone: Option<String>,
}

impl Told {
    fn tell(&mut self, keks: &Keks, found: &Rotation) {
        let current = keks.current().fingerprint();
        let left = found.left(&current);
        if found.rewrapped > 0 {
            tracing::info!(
                rewrapped = found.rewrapped,
                left,
                kek = current,
                "data keys were wrapped anew by the KEK that has taken the place of another"
            );
        }
        for why in &found.refused {
            if !self.refused.contains(why) {
                tracing::warn!(%why, "a data key is not wrapped anew");
            }
        }
        self.refused = found.refused.iter().cloned().collect();
        if left > 0 {
            self.alone = None;
        } else if keks.fingerprints().len() > 1 && self.alone.as_ref() != Some(&current) {
            tracing::info!(
                kek = current,
                "every data key is wrapped by this KEK: former ones can be taken away (kek.former of the chart's values)"
            );
            self.alone = Some(current);
        }
    }
}
