//! More keys.

use chancery_bench::{Chart, Effort, Line, Measured, Outcome, Table};

use super::SIGNERS;
use crate::signers;
use crate::site::Site;
use crate::work::Work;

const STEPS: [u32; 4] = [1, 10, 100, 1_000];

/// EdDSA in batches of 100: signing is short, so that choosing a key weighs most.
pub(crate) async fn measure(effort: Effort) -> Measured {
    let site = Site::start(&[]).await?;
    let columns = ["keys", "signatures/s", "wait for a lease p50, ms", "p99, ms", "signer's peak, MiB"];
    let mut table = Table::new("EdDSA, batches of 100, 2 signers:", &columns);
    let mut points = Vec::new();
    for keys in effort.steps(&STEPS) {
        let (run, _) = site.seed("bench", &Work::new("EdDSA", effort.of(200_000, 2_000), keys, 100)).await?;
        let signed = signers::sign(&site, &run, SIGNERS).await?;
        site.delete(&run).await?;
        table.row([
            u64::from(keys).into(),
            signed.rate.into(),
            signed.waits.quantile(0.5).into(),
            signed.waits.quantile(0.99).into(),
            signed.signer_mib.into(),
        ]);
        points.push((f64::from(keys), signed.rate));
    }
    let chart = Chart {
        name: "keys".to_owned(),
        title: "Signing rate by keys (EdDSA, batches of 100)".to_owned(),
        x: "keys of the run".to_owned(),
        y: "signatures per second".to_owned(),
        lines: vec![Line { name: "EdDSA".to_owned(), points }],
    };
    Ok(Outcome { tables: vec![table], charts: vec![chart], ..Outcome::default() })
}
