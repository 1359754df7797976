//! The operator behind a pooler.

use chancery_kit::cluster::{Cluster, ClusterRun, OperatorProcess, Release, StandIn, condition};
use chancery_kit::{PgBouncer, TestLedger, eventually, throw_away};
use serde_json::Value;

fn says_why(run: &Value) -> bool {
    condition(run, "Progressing").is_some_and(|condition| {
        condition["reason"] == "DatabaseUnavailable"
            && condition["message"]
                .as_str()
                .is_some_and(|message| message.contains("transaction or statement pooling"))
    })
}

#[tokio::test]
async fn a_pool_in_transaction_mode_is_refused_and_one_in_session_mode_serves_operator_and_signers()
-> anyhow::Result<()> {
    let Some(cluster) = Cluster::with_chart() else { return Ok(()) };
    let server = throw_away();
    let Some(shared) = PgBouncer::start(&server, "transaction", &[]).await? else { return Ok(()) };
    let ledger = TestLedger::create(&server, "ledger").await?;

    let namespace = cluster.namespace("pooler-shared").await?;
    // Who migrates would refuse it, before the operator.
    let release = Release::install_as_owner(&namespace, &shared.url(&ledger.url)?).await?;
    let mut operator = OperatorProcess::start(&release).await?;
    let run = ClusterRun::new(&namespace, "demo");
    run.apply().await?;
    run.until("its condition says why", says_why).await;
    eventually("the operator is not ready", async || {
        operator.get("/readyz").await.is_ok_and(|(code, body)| code == 503 && body.contains("database"))
    })
    .await;
    assert!(operator.runs(), "it never exits because of the database");
    drop(operator);

    let Some(sessions) = PgBouncer::start(&server, "session", &[]).await? else { return Ok(()) };
    let namespace = cluster.namespace("pooler-sessions").await?;
    let release = Release::install(&namespace, &sessions.url(&ledger.url)?).await?;
    let operator = OperatorProcess::start(&release).await?;
    let _stand_in = StandIn::start(&namespace)?;
    operator.ready().await;
    let run = ClusterRun::new(&namespace, "demo");
    run.apply().await?;
    run.completes(&ledger).await
}
