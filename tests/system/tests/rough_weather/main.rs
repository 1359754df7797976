//! Weather that a ledger and its signers have to stand: clocks that are set, connections that break or carry little,
//! ledgers and runs that are made anew under a signer that lives on. `docs/internals/rough-weather.md` lists it.

mod clocks;
mod connections;
mod made_anew;
mod quorum;
mod standstill;
mod suspended;
mod versions;

use chancery_kit::{SeededRun, TestLedger};
use chancery_store::SignerSession;
use chancery_store::lease::{Acquired, Lease};

async fn leased(session: &mut SignerSession) -> anyhow::Result<Lease> {
    match session.acquire().await?.0 {
        Acquired::Leased(lease) => Ok(lease),
        other => anyhow::bail!("no lease but {other:?}"),
    }
}

async fn count(ledger: &TestLedger, sql: &'static str) -> i64 {
    sqlx::query_scalar(sql).fetch_one(ledger.ledger.pool()).await.unwrap_or(-1)
}

/// How many leases of the run ended, or did not end, so: `signed`, `expired`, `abandoned`, `open`.
async fn outcomes(run: &SeededRun<'_>) -> anyhow::Result<Vec<String>> {
    let outcomes =
        "SELECT coalesce(outcome::text, 'open') FROM chancery.leases WHERE run_id = $1 ORDER BY id";
    Ok(sqlx::query_scalar(outcomes).bind(run.run.id).fetch_all(run.ledger.ledger.pool()).await?)
}
