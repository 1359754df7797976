//! Many runs at once.

use chancery_kit::TestLedger;
use chancery_kit::cluster::{Cluster, ClusterRun, OperatorProcess, Release, StandIn};
use serde_json::Value;

const RUNS: usize = 200;

/// The requests that the operator has made of the API server.
async fn requests(operator: &OperatorProcess) -> anyhow::Result<f64> {
    let (_, metrics) = operator.get("/metrics").await?;
    let of_requests = metrics.lines().filter(|line| line.starts_with("chancery_kubernetes_requests_total{"));
    Ok(of_requests.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum())
}

#[tokio::test]
async fn two_hundred_runs_at_once_are_all_completed() -> anyhow::Result<()> {
    let Some(cluster) = Cluster::with_chart() else { return Ok(()) };
    let namespace = cluster.namespace("many").await?;
    let ledger = TestLedger::new().await?;
    let release = Release::install(&namespace, &ledger.url).await?;
    let operator = OperatorProcess::start(&release).await?;
    let _stand_in = StandIn::start(&namespace)?;
    let runs: Vec<ClusterRun<'_>> = (0..RUNS)
        .map(|number| {
            ClusterRun::new(&namespace, &format!("run-{number}")).of(40, 2, 10).with("parallelism", 1)
        })
        .collect();
    ClusterRun::apply_all(&namespace, &runs).await?;
    let kubectl = namespace.kubectl();
    let wait = ["wait", "--for=condition=Complete", "--timeout=900s", "signingruns", "--all"];
    kubectl.run(&wait).await?;
    for run in &runs {
        run.assert_audit_holds(&ledger).await?;
    }
    assert_eq!(operator.metric("chancery_runs{phase=\"Complete\"}").await?, Some(200.0));
    let allocated = operator.allocated_kib()?;
    assert!(allocated < 32 * 1024, "the operator takes {allocated} KiB beside its program");
    let made = requests(&operator).await?;
    assert!(made / (RUNS as f64) < 40.0, "{made} requests for {RUNS} small runs");
    let all: Value = serde_json::from_str(&kubectl.run(&["get", "signingruns", "--output=json"]).await?)?;
    for run in all["items"].as_array().into_iter().flatten() {
        assert!(run["status"].to_string().len() < 4_096, "{run}");
    }
    Ok(())
}
