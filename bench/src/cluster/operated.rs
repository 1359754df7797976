//! A namespace with a ledger and an operator of its own.

use chancery_kit::TestLedger;
use chancery_kit::cluster::{Cluster, Namespace, OperatorProcess, Release};

/// A namespace with a ledger and an operator of its own.
pub(crate) struct Operated<'n> {
    pub(crate) ledger: TestLedger,
    pub(crate) operator: OperatorProcess,
    pub(crate) release: Release<'n>,
}

impl<'n> Operated<'n> {
    pub(crate) async fn start(namespace: &'n Namespace<'n>) -> anyhow::Result<Self> {
        let ledger = TestLedger::new().await?;
        let release = Release::install(namespace, &ledger.url).await?;
        let operator = OperatorProcess::start(&release).await?;
        operator.ready().await;
        Ok(Self { ledger, operator, release })
    }

    /// The sum of a counter over all its labels, but for series that hold `without`.
    pub(crate) async fn counted(&self, counter: &str, without: &[&str]) -> anyhow::Result<f64> {
        let (_, text) = self.operator.get("/metrics").await?;
        Ok(text
            .lines()
            .filter(|line| line.starts_with(counter) && !without.iter().any(|word| line.contains(word)))
            .filter_map(|line| line.rsplit_once(' ')?.1.parse::<f64>().ok())
            .sum())
    }
}

/// A namespace for one measurement.
pub(crate) async fn namespace(cluster: &Cluster) -> anyhow::Result<Namespace<'_>> {
    cluster.namespace("bench").await
}
