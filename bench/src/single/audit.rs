//! How fast a run is audited.

use std::time::Instant;

use anyhow::ensure;
use chancery_audit::{AuditOptions, audit};
use chancery_bench::{Bound, Effort, Figure, Measured, Outcome, Samples};

use crate::command;
use crate::site::Site;
use crate::work::Work;

/// Audits per second of RS256 with 2048 bits, and of EdDSA, on both cores of a machine with two.
const WANTED: [(&str, u64, f64); 2] = [("RS256", 200_000, 100_000.0), ("EdDSA", 500_000, 50_000.0)];

pub(crate) async fn measure(effort: Effort) -> Measured {
    let site = Site::start(&[]).await?;
    let mut figures = Vec::new();
    for (algorithm, records, wanted) in WANTED {
        let records = effort.of(records, 20_000);
        let ran = command::seed_and_sign(&site, &Work::new(algorithm, records, 100, 100)).await?;
        let mut rates = Samples::default();
        for _ in 0..effort.pairs {
            let began = Instant::now();
            let report =
                audit(&site.ledger, &ran.run.namespace, &ran.run.name, &AuditOptions::default(), |_| {})
                    .await?;
            #[expect(clippy::cast_precision_loss, reason = "far below 2^53")]
            rates.add(records as f64 / began.elapsed().as_secs_f64() / wanted);
            ensure!(report.holds(), "a law is broken: {report:?}");
        }
        site.delete(&ran.run).await?;
        let title = format!("{algorithm} signatures audited per second, batches of 100 / {wanted:.0}");
        figures.push(Figure::new(title, rates, Bound::AtLeast(1.0)));
    }
    Ok(Outcome { figures, ..Outcome::default() })
}
