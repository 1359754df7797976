//! More signers than cores: what does contention cost?

use chancery_bench::{Bound, Chart, Effort, Figure, Line, Measured, Outcome, Samples, Table};

use crate::signers::{self, Signed};
use crate::site::Site;
use crate::work::Work;

const STEPS: [u32; 7] = [1, 2, 4, 8, 16, 32, 64];

/// Enough keys for each of two slots of 64 signers, so that none waits for a key.
const EDDSA: Work = Work::new("EdDSA", 1_000_000, 130, 1_000);

/// Long enough that each of 128 sessions signs some batches after those that it begins with, for which it plans and reads
/// the catalogue.
const LONG_EDDSA: Work = Work::new("EdDSA", 2_500_000, 130, 1_000);
const LONG_RS256: Work = Work::new("RS256", 120_000, 130, 100);

const WANTED: Bound = Bound::AtLeast(0.9);

/// Steady rates: starting 64 processes takes processor time once, however long a run is.
pub(crate) async fn measure(effort: Effort) -> Measured {
    let site = Site::start(&[]).await?;
    let work = Work { records: effort.of(EDDSA.records, 200_000), ..EDDSA };
    let columns = [
        "signers",
        "signatures/s",
        "the same with start and end",
        "time to a lease p50, ms",
        "p99, ms",
        "a signer's peak, MiB",
        "processor time of PostgreSQL per batch, ms",
    ];
    let mut table = Table::new("EdDSA, 130 keys, batches of 1,000:", &columns);
    let mut points = Vec::new();
    for signers in effort.steps(&STEPS) {
        let signed = step(&site, &work, signers).await?;
        table.row([
            u64::from(signers).into(),
            signed.steady_rate.into(),
            signed.rate.into(),
            signed.waits.quantile(0.5).into(),
            signed.waits.quantile(0.99).into(),
            signed.signer_mib.into(),
            (signed.cpu.postgres() * 1e3 / work.batches()).into(),
        ]);
        points.push((f64::from(signers), signed.steady_rate));
    }
    let long = Work { records: effort.of(LONG_EDDSA.records, work.records), ..LONG_EDDSA };
    let mut figures = vec![share(&site, &long, effort).await?];
    // A hundred keys of RSA take seconds to make, which is most of what a quick look has.
    if !effort.quick {
        let work = Work { records: effort.of(LONG_RS256.records, 6_000), ..LONG_RS256 };
        figures.push(share(&site, &work, effort).await?);
    }
    let chart = Chart {
        name: "signers".to_owned(),
        title: "Signing rate by signers (EdDSA)".to_owned(),
        x: "signers".to_owned(),
        y: "signatures per second".to_owned(),
        lines: vec![Line { name: "EdDSA".to_owned(), points }],
    };
    Ok(Outcome { figures, tables: vec![table], charts: vec![chart], ..Outcome::default() })
}

/// 64 signers against 4.
async fn share(site: &Site, work: &Work, effort: Effort) -> anyhow::Result<Figure> {
    let mut samples = Samples::default();
    for _ in 0..effort.pairs {
        let four = step(site, work, 4).await?.steady_rate;
        samples.add(step(site, work, 64).await?.steady_rate / four);
    }
    let title = format!("rate of 64 signers / of 4, {} in batches of {}", work.algorithm, work.batch);
    Ok(Figure::new(title, samples, WANTED))
}

async fn step(site: &Site, work: &Work, signers: u32) -> anyhow::Result<Signed> {
    let (run, _) = site.seed("bench", work).await?;
    let signed = signers::sign(site, &run, signers).await?;
    site.delete(&run).await?;
    Ok(signed)
}
