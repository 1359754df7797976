//! How much memory an operator takes.

use std::time::Duration;

use chancery_api::{Phase, SigningRun, SigningRunSpec};
use chancery_bench::{Bound, Effort, Figure, Measured, Samples, Table};
use chancery_kit::cluster::{Cluster, ClusterRun, StandIn};
use futures::{StreamExt, TryStreamExt, stream};
use kube::api::{ListParams, PostParams};

use crate::operated::{Operated, namespace};

const RUNS: u64 = 1_000;

/// What it may take, in KiB.
const WANTED: f64 = 64.0 * 1024.0;

/// With a thousand runs that are being signed, by Jobs whose pods have yet to come: after it has met
/// them one by one, and after a new operator has met them all at once.
pub(crate) async fn by_runs(cluster: &Cluster, effort: Effort) -> Measured {
    let namespace = namespace(cluster).await?;
    let operated = Operated::start(&namespace).await?;
    let runs = namespace.api::<SigningRun>();
    let count = effort.of(RUNS, 10);
    stream::iter(0..count)
        .map(async |number| {
            let run = SigningRun::new(&format!("run-{number}"), SigningRunSpec::new(10, 1, 10));
            runs.create(&PostParams::default(), &run).await
        })
        .buffer_unordered(8)
        .try_collect::<Vec<_>>()
        .await?;
    loop {
        let all = runs.list(&ListParams::default()).await?;
        let signing =
            |run: &&SigningRun| run.status.as_ref().and_then(|status| status.phase) == Some(Phase::Signing);
        if all.items.iter().filter(signing).count() as u64 == count {
            break;
        }
        tokio::time::sleep(Duration::from_secs(2)).await;
    }
    let mut samples = Samples::default();
    #[expect(clippy::cast_precision_loss, reason = "far below 2^52 KiB")]
    samples.add(operated.operator.resident_kib()? as f64 / WANTED);
    let Operated { operator, release, ledger: _ledger } = operated;
    operator.terminate().await?;
    let operator = chancery_kit::cluster::OperatorProcess::start(&release).await?;
    operator.ready().await;
    let series = "chancery_runs{phase=\"Signing\"}";
    #[expect(clippy::cast_precision_loss, reason = "a thousand")]
    while operator.metric(series).await? != Some(count as f64) {
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    #[expect(clippy::cast_precision_loss, reason = "far below 2^52 KiB")]
    samples.add(operator.resident_kib()? as f64 / WANTED);
    Ok(Figure::new("operator's memory with 1,000 runs / 64 MiB", samples, Bound::AtMost(1.0)).into())
}

/// After it has seeded runs of more and more records and seen them signed; the same operator all along.
pub(crate) async fn by_records(cluster: &Cluster, effort: Effort) -> Measured {
    let namespace = namespace(cluster).await?;
    let operated = Operated::start(&namespace).await?;
    let _stand_in = StandIn::start(&namespace)?;
    let mut table = Table::new("The operator, batches of 1,000:", &["records", "resident, MiB"]);
    for records in effort.steps(&[10_000, 100_000, 1_000_000]) {
        let records = effort.of(records, 1_000);
        let run = ClusterRun::new(&namespace, &format!("of-{records}")).of(records, 100, 1_000);
        run.apply().await?;
        run.completes(&operated.ledger).await?;
        #[expect(clippy::cast_precision_loss, reason = "far below 2^52 KiB")]
        table.row([records.into(), (operated.operator.resident_kib()? as f64 / 1024.0).into()]);
    }
    Ok(table.into())
}
