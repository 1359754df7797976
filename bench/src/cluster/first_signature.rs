//! How soon something is signed.

use std::time::{Duration, Instant};

use chancery_bench::{Bound, Effort, Figure, Measured, Samples};
use chancery_kit::cluster::{Cluster, ClusterRun, StandIn};

use crate::operated::{Operated, namespace};

/// What it may take.
const WANTED: Duration = Duration::from_secs(5);

const STORED: &str = "SELECT EXISTS (SELECT FROM chancery.leases l JOIN chancery.runs r ON r.id = l.run_id
                       WHERE r.name = $1 AND l.outcome = 'signed')";

/// From `kubectl apply` to the first signature in the ledger: 100 Ed25519 keys, 10,000 records.
pub(crate) async fn measure(cluster: &Cluster, effort: Effort) -> Measured {
    let namespace = namespace(cluster).await?;
    let operated = Operated::start(&namespace).await?;
    let _stand_in = StandIn::start(&namespace)?;
    let mut samples = Samples::default();
    for time in 0..effort.pairs {
        let run = ClusterRun::new(&namespace, &format!("first-{time}")).of(10_000, 100, 100);
        let began = Instant::now();
        run.apply().await?;
        while !sqlx::query_scalar(STORED).bind(&run.name).fetch_one(operated.ledger.ledger.pool()).await? {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        samples.add(began.elapsed().as_secs_f64() / WANTED.as_secs_f64());
        run.completes(&operated.ledger).await?;
    }
    let title = "seconds from kubectl apply to the first stored signature / 5";
    Ok(Figure::new(title, samples, Bound::AtMost(1.0)).into())
}
