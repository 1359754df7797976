//! Runs to which programs push: what was answered is there, what was not can be sent again, and the laws hold.

mod asked;
mod broken_clients;
mod by_others;
mod client;
mod commands;
mod crashes;
mod documented;
mod events;
mod fair;
mod judged;
mod killed;
mod page;
mod redriven;
mod requests;
mod signed;
mod traces;
mod verified;

use chancery_kit::{Chancery, Ended, Manifest, TestLedger, eventually, independent_audit};
use tokio::process::Child;

use crate::client::{DEMO, Served};

pub(crate) fn manifest() -> Manifest {
    Manifest::new().without("recordCount").without("recordSize").with("sources", "[{name: push, http: {}}]")
}

/// A run that is being signed, and an API.
pub(crate) struct Site {
    pub(crate) ledger: TestLedger,
    pub(crate) chancery: Chancery,
    pub(crate) served: Served,
    run: Child,
}

impl Site {
    pub(crate) async fn with(manifest: &Manifest) -> anyhow::Result<Self> {
        Self::on(TestLedger::new().await?, manifest).await
    }

    pub(crate) async fn on(ledger: TestLedger, manifest: &Manifest) -> anyhow::Result<Self> {
        let chancery = Chancery::on(&ledger.url)?;
        let run = chancery.start_signing(manifest, &["--output", "json"])?;
        let served = Served::start(&chancery).await?;
        let api = served.api.clone();
        eventually("there is the run", async || {
            api.get(&format!("{DEMO}/results")).await.is_ok_and(|answer| answer.status == 200)
        })
        .await;
        Ok(Self { ledger, chancery, served, run })
    }

    /// The end of a run that is sealed: signed, and audited twice. Its summary.
    pub(crate) async fn end(self) -> anyhow::Result<serde_json::Value> {
        let summary = Ended::of(self.run).await?.expect_code(0)?.json()?;
        anyhow::ensure!(summary["audit"] == "passed", "{summary}");
        holds(&self.ledger).await?;
        Ok(summary)
    }
}

/// The independent audit finds that all holds.
pub(crate) async fn holds(ledger: &TestLedger) -> anyhow::Result<()> {
    let report = independent_audit(&ledger.url, "default", "demo").await?;
    if let Some(report) = report.filter(|report| !report.holds) {
        anyhow::bail!("the independent audit found violations: {:#?}", report.violations);
    }
    Ok(())
}
