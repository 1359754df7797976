//! What envelopes cost: signing in one, and its audit, against the payloads as they are.

use std::time::Instant;

use anyhow::ensure;
use chancery_audit::{AuditOptions, audit};
use chancery_bench::{Bound, Effort, Figure, Measured, Outcome, Samples};
use chancery_store::Run;

use crate::command;
use crate::site::Site;
use crate::work::Work;

/// Algorithms, with records: where signing is most of the work, and where an envelope weighs most.
const SIGNED: [(&str, u64); 2] = [("RS256", 100_000), ("EdDSA", 500_000)];

/// Envelopes that are audited, with algorithms that have them.
const AUDITED: [(&str, &str); 5] = [
    ("JWS", "EdDSA"),
    ("JWSDetached", "EdDSA"),
    ("COSESign1", "EdDSA"),
    ("DSSE", "EdDSA"),
    ("EIP191", "ES256K"),
];

pub(crate) async fn measure(effort: Effort) -> Measured {
    let site = Site::start(&[]).await?;
    let mut figures = Vec::new();
    for (algorithm, records) in SIGNED {
        let raw = Work::new(algorithm, effort.of(records, 20_000), 100, 1_000);
        let works = [raw, raw.within("JWS")];
        let shares = shares(effort.pairs, async |place| signed(&site, &works[place]).await).await?;
        let title = format!("{algorithm} signatures per second, as JWS / Raw");
        figures.push(Figure::new(title, shares, Bound::AtLeast(0.97)));
    }
    for (envelope, algorithm) in AUDITED {
        let raw = Work::new(algorithm, effort.of(200_000, 20_000), 100, 1_000);
        let runs = [
            command::seed_and_sign(&site, &raw).await?.run,
            command::seed_and_sign(&site, &raw.within(envelope)).await?.run,
        ];
        let shares = shares(effort.pairs, async |place| audited(&site, &runs[place]).await).await?;
        for run in &runs {
            site.delete(run).await?;
        }
        let title = format!("{algorithm} signatures audited per second, as {envelope} / Raw");
        figures.push(Figure::new(title, shares, Bound::AtLeast(0.97)));
    }
    Ok(Outcome { figures, ..Outcome::default() })
}

/// The second of two rates by the first. Each begins as many pairs: what the one that begins leaves to the other, both have as often.
async fn shares(pairs: usize, rate: impl AsyncFn(usize) -> anyhow::Result<f64>) -> anyhow::Result<Samples> {
    let mut shares = Samples::default();
    for pair in 0..pairs {
        let mut rates = [0.0; 2];
        for place in [pair % 2, 1 - pair % 2] {
            rates[place] = rate(place).await?;
        }
        shares.add(rates[1] / rates[0]);
    }
    Ok(shares)
}

/// Signatures per second.
async fn signed(site: &Site, work: &Work) -> anyhow::Result<f64> {
    let ran = command::seed_and_sign(site, work).await?;
    site.delete(&ran.run).await?;
    ran.rate()
}

/// Audits per second.
async fn audited(site: &Site, run: &Run) -> anyhow::Result<f64> {
    let began = Instant::now();
    let report = audit(&site.ledger, &run.namespace, &run.name, &AuditOptions::default(), |_| {}).await?;
    let rate = 1.0 / began.elapsed().as_secs_f64();
    ensure!(report.holds(), "a law is broken: {report:?}");
    Ok(rate)
}
