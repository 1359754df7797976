//! Larger batches: fewer round trips, more memory.

use chancery_bench::{Chart, Effort, Line, Measured, Outcome, Table};

use super::SIGNERS;
use crate::signers;
use crate::site::Site;
use crate::work::Work;

/// Batch size, and records that are signed in a few seconds.
const STEPS: [(&str, [(u64, u64); 5]); 2] = [
    ("RS256", [(1, 4_000), (10, 15_000), (100, 20_000), (1_000, 20_000), (10_000, 40_000)]),
    ("EdDSA", [(1, 4_000), (10, 40_000), (100, 200_000), (1_000, 500_000), (10_000, 500_000)]),
];

pub(crate) async fn measure(effort: Effort) -> Measured {
    let site = Site::start(&[]).await?;
    let columns = [
        "algorithm",
        "records per batch",
        "signatures/s",
        "batches/s",
        "signer's peak, MiB",
        "processor time of PostgreSQL per batch, ms",
    ];
    let mut table = Table::new("2 signers, 20 keys, payloads of 256 bytes:", &columns);
    let mut charts = Vec::new();
    for (algorithm, steps) in STEPS {
        let mut points = Vec::new();
        for (batch, records) in effort.steps(&steps) {
            let work = Work::new(algorithm, effort.of(records, 4 * batch), 20, batch);
            let (run, _) = site.seed("bench", &work).await?;
            let signed = signers::sign(&site, &run, SIGNERS).await?;
            site.delete(&run).await?;
            #[expect(clippy::cast_precision_loss, reason = "far below 2^53")]
            let size = batch as f64;
            table.row([
                algorithm.into(),
                batch.into(),
                signed.rate.into(),
                (signed.rate / size).into(),
                signed.signer_mib.into(),
                (signed.cpu.postgres() * 1e3 / work.batches()).into(),
            ]);
            points.push((size, signed.rate));
        }
        charts.push(Chart {
            name: format!("batch-size-{}", algorithm.to_lowercase()),
            title: format!("Signing rate by batch size ({algorithm})"),
            x: "records per batch".to_owned(),
            y: "signatures per second".to_owned(),
            lines: vec![Line { name: algorithm.to_owned(), points }],
        });
    }
    Ok(Outcome { tables: vec![table], charts, ..Outcome::default() })
}
