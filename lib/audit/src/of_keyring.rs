//! Laws 4 and 5 of a ring, over all runs that sign or signed with it.

use chancery_store::audit::{KeyRow, Snapshot};
use chancery_store::{Keyring, StoreError};
use futures::TryStreamExt;

use crate::lease_log::LeaseLog;
use crate::report::Findings;
use crate::{AuditError, STRAYS_SHOWN, ring};

/// Runs whose tables are locked at a time.
const RUNS_AT_A_TIME: usize = 100;

pub(crate) async fn audit(
    snapshot: &Snapshot,
    keyring: &Keyring,
    keys: &[KeyRow],
    shown: usize,
) -> Result<Findings, AuditError> {
    let mut findings = ring::check_keys(keyring, keys, shown);
    findings.merge(replay(snapshot, keyring, keys, shown).await?);
    let mut reader = snapshot.reader().await?;
    for stray in reader.keyring_strays(keyring, STRAYS_SHOWN).await? {
        findings.stray(&stray);
    }
    for runs in reader.runs(keyring).await?.chunks(RUNS_AT_A_TIME) {
        reader.begin_again().await?;
        for run in runs {
            for stray in reader.leaseless_batches(run, STRAYS_SHOWN).await? {
                findings.stray(&stray);
            }
        }
    }
    Ok(findings)
}

/// The lease log, event by event in the order of their instants.
async fn replay(
    snapshot: &Snapshot,
    keyring: &Keyring,
    keys: &[KeyRow],
    shown: usize,
) -> Result<Findings, StoreError> {
    let (mut by_acquisition, mut by_release) = (snapshot.reader().await?, snapshot.reader().await?);
    let mut acquisitions = std::pin::pin!(by_acquisition.acquisitions(keyring));
    let mut releases = std::pin::pin!(by_release.releases(keyring));
    let mut log = LeaseLog::new(keyring, keys, shown);
    let mut release = releases.try_next().await?;
    while let Some(lease) = acquisitions.try_next().await? {
        // A key that goes back at the very instant of a choice goes back before it.
        while let Some(back) = release.take_if(|back| back.released_at <= lease.acquired_at) {
            log.released(&back);
            release = releases.try_next().await?;
        }
        log.acquired(&lease);
    }
    while let Some(back) = release {
        log.released(&back);
        release = releases.try_next().await?;
    }
    Ok(log.finish())
}
