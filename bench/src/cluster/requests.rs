//! How much an operator asks of the API server.

use std::time::{Duration, Instant};

use chancery_bench::{Bound, Figure, Measured, Outcome, Samples};
use chancery_kit::cluster::{Cluster, ClusterRun, StandIn};

use crate::operated::{Operated, namespace};

/// What one run may cost, in requests per minute.
const WANTED: f64 = 70.0;

const COUNTER: &str = "chancery_kubernetes_requests_total";

/// For how long requests are counted.
const LOOK: Duration = Duration::from_secs(30);

pub(crate) async fn measure(cluster: &Cluster) -> Measured {
    let figures = vec![while_signing(cluster).await?, while_idle(cluster).await?];
    Ok(Outcome { figures, ..Outcome::default() })
}

/// Requests per minute, those for the Lease too, while one run is being signed.
async fn while_signing(cluster: &Cluster) -> anyhow::Result<Figure> {
    let namespace = namespace(cluster).await?;
    let operated = Operated::start(&namespace).await?;
    let _stand_in = StandIn::start(&namespace)?;
    let run = ClusterRun::new(&namespace, "long").of(1_000_000, 8, 100).with("algorithm", "RS256");
    run.apply().await?;
    run.until_signed(1_000).await;
    let (began, before) = (Instant::now(), operated.counted(COUNTER, &[]).await?);
    tokio::time::sleep(LOOK).await;
    let requests = operated.counted(COUNTER, &[]).await? - before;
    let mut samples = Samples::default();
    samples.add(requests * 60.0 / began.elapsed().as_secs_f64() / WANTED);
    Ok(Figure::new("API requests per minute while signing / 70", samples, Bound::AtMost(1.0)))
}

/// Requests that are neither a watch nor the Lease's, once every run is complete.
async fn while_idle(cluster: &Cluster) -> anyhow::Result<Figure> {
    let namespace = namespace(cluster).await?;
    let operated = Operated::start(&namespace).await?;
    let _stand_in = StandIn::start(&namespace)?;
    let run = ClusterRun::new(&namespace, "short");
    run.apply().await?;
    run.completes(&operated.ledger).await?;
    // The last write of the status may be under way.
    tokio::time::sleep(LOOK / 3).await;
    // Only a Lease is written by PUT.
    let apart = ["\"WATCH\"", "\"PUT\""];
    let before = operated.counted(COUNTER, &apart).await?;
    tokio::time::sleep(LOOK).await;
    let mut samples = Samples::default();
    samples.add(operated.counted(COUNTER, &apart).await? - before);
    let title = "API requests in half a minute while idle, but for the Lease";
    Ok(Figure::new(title, samples, Bound::AtMost(0.0)))
}
