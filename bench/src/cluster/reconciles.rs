//! Whether a large run is in the way of others.

use chancery_bench::{Bound, Effort, Figure, Measured, Samples};
use chancery_kit::cluster::{Cluster, ClusterRun, StandIn};

use crate::operated::{Operated, namespace};

const RECORDS: u64 = 10_000_000;

/// Of the reconciles beside the seeding, so many may take longer than 100 ms.
const WANTED: f64 = 0.01;

/// Share of reconciles above 100 ms while a large run is being seeded, and signed as far as it is, and small ones come
/// and go.
pub(crate) async fn measure(cluster: &Cluster, effort: Effort) -> Measured {
    let namespace = namespace(cluster).await?;
    let operated = Operated::start(&namespace).await?;
    let _stand_in = StandIn::start(&namespace)?;
    let large = ClusterRun::new(&namespace, "large").of(effort.of(RECORDS, 10_000), 100, 1_000);
    large.apply().await?;
    large.until_condition("Sealed", "False").await;
    let quick = "chancery_reconcile_duration_seconds_bucket{le=\"0.1\"}";
    let all = "chancery_reconcile_duration_seconds_count";
    let before = (operated.counted(quick, &[]).await?, operated.counted(all, &[]).await?);
    let mut number = 0;
    while large.condition("Sealed").await?["status"] != "True" {
        let small = ClusterRun::new(&namespace, &format!("small-{number}"));
        small.apply().await?;
        small.until_phase("Complete").await;
        number += 1;
    }
    let after = (operated.counted(quick, &[]).await?, operated.counted(all, &[]).await?);
    let (quick, all) = (after.0 - before.0, after.1 - before.1);
    let mut samples = Samples::default();
    samples.add((all - quick) / all / WANTED);
    let title = "share of reconciles above 100 ms beside a seeding of 10 million records / 0.01";
    Ok(Figure::new(title, samples, Bound::AtMost(1.0)).into())
}
