//! How soon an operator is ready.

use std::time::Instant;

use chancery_bench::{Effort, Measured, Samples, Table};
use chancery_kit::TestLedger;
use chancery_kit::cluster::{Cluster, OperatorProcess, Release};

use crate::operated::namespace;

/// From the start of the process to its first answer that it is ready; asked every 10 ms.
pub(crate) async fn measure(cluster: &Cluster, effort: Effort) -> Measured {
    let namespace = namespace(cluster).await?;
    let ledger = TestLedger::new().await?;
    let release = Release::install(&namespace, &ledger.url).await?;
    let mut all = Vec::new();
    for _ in 0..effort.pairs {
        let began = Instant::now();
        let operator = OperatorProcess::start(&release).await?;
        operator.ready().await;
        all.push(began.elapsed().as_secs_f64() * 1e3);
        operator.terminate().await?;
    }
    all.sort_by(f64::total_cmp);
    let mut table = Table::new(
        "Milliseconds from the start of the operator's process to its being ready:",
        &["median", "least", "greatest"],
    );
    let samples: Samples = all.iter().copied().collect();
    table.row([samples.median().into(), all[0].into(), all[all.len() - 1].into()]);
    Ok(table.into())
}
