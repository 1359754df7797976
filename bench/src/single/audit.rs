//! How fast a run is audited.

use std::time::Instant;

use anyhow::ensure;
use chancery_audit::{AuditOptions, audit};
use chancery_bench::{Bound, Effort, Figure, Measured, Outcome, Samples};

use crate::bare;
use crate::command;
use crate::site::Site;
use crate::work::Work;

/// Audits per second of RS256 with 2048 bits, and of EdDSA, on both cores of a machine with two.
const WANTED: [(&str, u64, f64); 2] = [("RS256", 200_000, 100_000.0), ("EdDSA", 500_000, 50_000.0)];

/// As many as an audit has on that machine, and the share of what they verify by themselves that is left for an audit. The rates
/// above are those of a given machine; the share tells what a slower one owes to its processor.
const THREADS: u32 = 2;
const SHARE: f64 = 0.8;

pub(crate) async fn measure(effort: Effort) -> Measured {
    let site = Site::start(&[]).await?;
    let mut figures = Vec::new();
    for (algorithm, records, wanted) in WANTED {
        let records = effort.of(records, 20_000);
        let work = Work::new(algorithm, records, 100, 100);
        let ran = command::seed_and_sign(&site, &work).await?;
        let (mut rates, mut shares) = (Samples::default(), Samples::default());
        for _ in 0..effort.pairs {
            let began = Instant::now();
            let report =
                audit(&site.ledger, &ran.run.namespace, &ran.run.name, &AuditOptions::default(), |_| {})
                    .await?;
            #[expect(clippy::cast_precision_loss, reason = "far below 2^53")]
            let rate = records as f64 / began.elapsed().as_secs_f64();
            rates.add(rate / wanted);
            shares.add(rate / bare::verify(work, THREADS).await?);
            ensure!(report.holds(), "a law is broken: {report:?}");
        }
        site.delete(&ran.run).await?;
        let title = format!("{algorithm} signatures audited per second, batches of 100 / {wanted:.0}");
        figures.push(Figure::new(title, rates, Bound::AtLeast(1.0)));
        let title = format!("{algorithm}, the same / a bare loop of verifying on {THREADS} threads");
        figures.push(Figure::new(title, shares, Bound::AtLeast(SHARE)));
    }
    Ok(Outcome { figures, ..Outcome::default() })
}
