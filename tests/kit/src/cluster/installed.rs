//! What most tests of a cluster begin with.

use super::namespace::Namespace;
use super::operator::OperatorProcess;
use super::release::Release;
use super::stand_in::StandIn;
use super::start::Cluster;
use crate::ledger::TestLedger;

/// The chart in a namespace of its own, with an empty ledger, an operator at work, and what a cluster does besides.
pub struct Installed {
    // What ends first comes first.
    /// What makes pods, and runs them.
    pub stand_in: StandIn,
    /// The operator.
    pub operator: OperatorProcess,
    /// The ledger.
    pub ledger: TestLedger,
    /// Where all is.
    pub namespace: Namespace<'static>,
}

impl Installed {
    /// Installs it. None, with a line that says why, where there is no cluster or no `helm`.
    ///
    /// # Errors
    ///
    /// What does not start.
    pub async fn in_namespace(name: &str) -> anyhow::Result<Option<Self>> {
        let Some(cluster) = Cluster::with_chart() else { return Ok(None) };
        let namespace = cluster.namespace(name).await?;
        let ledger = TestLedger::new().await?;
        let operator = OperatorProcess::start(&Release::install(&namespace, &ledger.url).await?).await?;
        let stand_in = StandIn::start(&namespace)?;
        Ok(Some(Self { stand_in, operator, ledger, namespace }))
    }
}
