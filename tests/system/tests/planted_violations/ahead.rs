//! The audit that begins while a run is signed, of ledgers that are broken after it began: it has to say the same as a whole one.

use std::collections::HashMap;

use anyhow::{Context, ensure};
use chancery_audit::{Ahead, AuditOptions, audit, audit_after, audit_ahead};
use chancery_store::Ledger;
use tokio::sync::OnceCell;

/// What was checked of each run before anything was changed.
static AHEAD: OnceCell<HashMap<&str, Ahead>> = OnceCell::const_new();

const RUNS: [&str; 12] = [
    "demo",
    "other",
    "one",
    "two",
    "first",
    "second",
    "third",
    "judged",
    "letters",
    "asked",
    "delivered",
    "told",
];

/// Checks all runs. Copies of the ledger have the same rows at the same places.
pub(crate) async fn check(ledger: &Ledger) -> anyhow::Result<()> {
    let made = AHEAD.get_or_try_init(async || {
        let mut made = HashMap::new();
        for run in RUNS {
            let mut ahead = Ahead::default();
            while audit_ahead(ledger, "default", run, &mut ahead).await? {}
            made.insert(run, ahead);
        }
        anyhow::Ok(made)
    });
    let made = made.await?;
    ensure!((made["demo"].records(), made["other"].records()) == (60, 8), "these are signed: {made:?}");
    Ok(())
}

/// Both audits say the same.
pub(crate) async fn is_audited_alike(url: &str, run: &str) -> anyhow::Result<()> {
    let ledger = Ledger::connect(url.parse()?, 2).await?;
    let ahead = AHEAD.get().and_then(|ahead| ahead.get(run)).with_context(|| format!("nothing of {run}"))?;
    let options = AuditOptions::default();
    let whole = audit(&ledger, "default", run, &options, |_| {}).await?;
    let after = audit_after(&ledger, "default", run, &options, ahead, |_| {}).await?;
    ledger.close().await;
    let (whole, after) = (serde_json::to_string(&whole)?, serde_json::to_string(&after)?);
    ensure!(whole == after, "the whole audit says {whole}, the other {after}");
    Ok(())
}
