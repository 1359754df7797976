//! Signing records of one's own against signing generated ones: both are in the ledger before the first signer starts.

use std::fs;

use anyhow::Context;
use chancery_bench::{Bound, Effort, Figure, Measured, Outcome, Samples};
use chancery_kit::stock;
use chancery_store::Run;

use crate::signers::sign;
use crate::site::Site;
use crate::taken::{create, line, take_in, write_lines};
use crate::work::Work;

const SIGNERS: u32 = 2;

pub(crate) async fn measure(effort: Effort) -> Measured {
    let site = Site::start(&[]).await?;
    let records = effort.of(100_000, 6_000);
    let work = Work::new("RS256", records, 20, 100);
    let folder = site.folder().join("lines");
    fs::create_dir(&folder)?;
    write_lines(&folder.join("lines.ndjson"), (0..records).map(line))?;
    let mut ratio = Samples::default();
    for _ in 0..effort.pairs {
        let (run, _) = site.seed("generated", &work).await?;
        let generated = rate(&site, &run).await?;
        let run = create(&site, "own", &work, &folder, "NDJSON").await?;
        take_in(&site, &run, records).await?;
        stock(&site.ledger, &run, &site.kek).await?;
        let run = site.ledger.find_run("default", "own").await?;
        ratio.add(rate(&site, &run).await? / generated);
    }
    let title = "RS256, 2 signers, batches of 100: records of one's own / generated";
    Ok(Outcome::from(Figure::new(title, ratio, Bound::AtLeast(0.95))))
}

/// Signatures per second; then the run is removed.
async fn rate(site: &Site, run: &Run) -> anyhow::Result<f64> {
    run.sealed_records.context("its records are not all there")?;
    let signed = sign(site, run, SIGNERS).await?;
    site.delete(run).await?;
    Ok(signed.rate)
}
