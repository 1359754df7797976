//! A certificate that changes while the API is served.

use std::fs;

use chancery_kit::cluster::{Cluster, GatewayProcess};
use chancery_kit::{TestLedger, eventually};

use crate::client::Client;
use crate::{install, make_certificate};

#[tokio::test]
async fn a_certificate_that_changes_is_shown_and_one_that_cannot_be_used_is_not() -> anyhow::Result<()> {
    let Some(cluster) = Cluster::with_chart() else { return Ok(()) };
    let (namespace, folder) = (cluster.namespace("certificates").await?, tempfile::tempdir()?);
    let ledger = TestLedger::new().await?;
    let release = install(&namespace, &ledger, folder.path()).await?;
    let gateway = GatewayProcess::start(&release).await?;
    let url = gateway.url().await;
    let trusting = |name: &str| Client::new(&url, &folder.path().join(format!("{name}-ca.crt")), "");
    make_certificate(folder.path(), "two")?;
    trusting("one").get("/openapi.json").await?.expect(200)?;
    assert!(trusting("two").get("/openapi.json").await.is_err(), "it is vouched for by the other");

    // Half of a change, as it may be seen for a moment, and what is no certificate at all.
    let mounted = gateway.tls_folder();
    let give = |from: &str, to: &str| fs::copy(folder.path().join(from), mounted.join(to));
    give("two.crt", "tls.crt")?;
    let failed = |log: &str| log.matches("the one before is still shown").count();
    eventually("it is told", async || failed(&gateway.log()) >= 1).await;
    fs::write(mounted.join("tls.key"), "no key")?;
    eventually("it is told again", async || failed(&gateway.log()) >= 2).await;
    trusting("one").get("/openapi.json").await?.expect(200)?;
    let (_, metrics) = gateway.get("/metrics").await?;
    assert!(!metrics.contains("certificate_reloads_total{outcome=\"failed\"} 0"), "{metrics}");

    give("two.key", "tls.key")?;
    eventually("the other is shown", async || {
        trusting("two").get("/openapi.json").await.is_ok_and(|answer| answer.status == 200)
    })
    .await;
    assert!(trusting("one").get("/openapi.json").await.is_err(), "the first is gone");
    let (_, metrics) = gateway.get("/metrics").await?;
    assert!(metrics.contains("certificate_reloads_total{outcome=\"loaded\"} 1"), "{metrics}");
    Ok(())
}
