//! More signers than cores: what does contention cost?

use chancery_bench::{Bound, Chart, Effort, Figure, Line, Measured, Outcome, Samples, Table};

use crate::signers::{self, Signed};
use crate::site::Site;
use crate::work::Work;

const STEPS: [u32; 7] = [1, 2, 4, 8, 16, 32, 64];

/// Enough keys for each of two slots of 64 signers, so that none waits for a key.
const WORK: [Work; 2] = [Work::new("RS256", 40_000, 130, 100), Work::new("EdDSA", 1_000_000, 130, 1_000)];

const WANTED: Bound = Bound::AtLeast(0.9);

pub(crate) async fn measure(effort: Effort) -> Measured {
    let site = Site::start(&[]).await?;
    let columns = [
        "algorithm",
        "signers",
        "signatures/s",
        "time to a lease p50, ms",
        "p99, ms",
        "a signer's peak, MiB",
        "processor time of PostgreSQL a batch, ms",
    ];
    let mut table = Table::new("130 keys; RS256 in batches of 100, EdDSA in batches of 1,000:", &columns);
    let (mut figures, mut charts) = (Vec::new(), Vec::new());
    for work in WORK {
        let work = Work { records: effort.of(work.records, 150 * work.batch), ..work };
        let mut points = Vec::new();
        for signers in effort.steps(&STEPS) {
            let signed = step(&site, &work, signers).await?;
            table.row([
                work.algorithm.into(),
                u64::from(signers).into(),
                signed.rate.into(),
                signed.waits.quantile(0.5).into(),
                signed.waits.quantile(0.99).into(),
                signed.signer_mib.into(),
                (signed.cpu.postgres() * 1e3 / work.batches()).into(),
            ]);
            points.push((f64::from(signers), signed.rate));
        }
        let mut samples = Samples::default();
        for _ in 0..effort.pairs {
            let four = step(&site, &work, 4).await?.rate;
            samples.add(step(&site, &work, 64).await?.rate / four);
        }
        let title = format!("rate of 64 signers / of 4, {}", work.algorithm);
        figures.push(Figure::new(title, samples, WANTED));
        charts.push(Chart {
            name: format!("signers-{}", work.algorithm.to_lowercase()),
            title: format!("Signing rate by signers ({})", work.algorithm),
            x: "signers".to_owned(),
            y: "signatures a second".to_owned(),
            lines: vec![Line { name: work.algorithm.to_owned(), points }],
        });
    }
    Ok(Outcome { figures, tables: vec![table], charts })
}

async fn step(site: &Site, work: &Work, signers: u32) -> anyhow::Result<Signed> {
    let (run, _) = site.seed("bench", work).await?;
    let signed = signers::sign(site, &run, signers).await?;
    site.delete(&run).await?;
    Ok(signed)
}
