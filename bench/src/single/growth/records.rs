//! More records: does the rate hold, what do they take on disk, and how soon are they gone?

use chancery_bench::{Bound, Chart, Effort, Figure, Line, Measured, Outcome, Samples, Table};
use chancery_store::Run;

use crate::command::{self, Ran};
use crate::site::Site;
use crate::work::Work;

const STEPS: [u64; 4] = [10_000, 100_000, 1_000_000, 10_000_000];
const MEMORY_MIB: f64 = 64.0;

/// A minute is too long for the deletion of the largest run.
const DELETION_SECONDS: f64 = 10.0;

/// What one step came to.
struct Step {
    rate: f64,
    ran: Ran,
    bytes_a_record: f64,
    deletion_seconds: f64,
    /// Of the run's bytes, that stay in the database after its deletion.
    left: f64,
}

/// EdDSA in batches of 1,000 with 100 keys, by `chancery run`.
pub(crate) async fn measure(effort: Effort) -> Measured {
    let site = Site::start(&[]).await?;
    let columns = [
        "records",
        "signatures/s",
        "records seeded/s",
        "bytes on disk per record",
        "signer's peak, MiB",
        "command's peak, MiB",
        "deletion, s",
    ];
    let mut table =
        Table::new("EdDSA, 100 keys, batches of 1,000, payloads of 256 bytes, 2 signers:", &columns);
    let (mut rates, mut memory, mut points) = (Vec::new(), Samples::default(), Vec::new());
    let (mut deletion, mut left) = (Samples::default(), Samples::default());
    for records in effort.steps(&STEPS) {
        let records = effort.of(records, 10_000);
        let Step { rate, ran, bytes_a_record, deletion_seconds, left: stays } = step(&site, records).await?;
        #[expect(clippy::cast_precision_loss, reason = "far below 2^53")]
        let count = records as f64;
        table.row([
            records.into(),
            rate.into(),
            (count / ran.seeding_seconds).into(),
            bytes_a_record.into(),
            ran.signer_mib.into(),
            ran.command_mib.into(),
            deletion_seconds.into(),
        ]);
        memory.add(ran.signer_mib / MEMORY_MIB);
        points.push((count, rate));
        rates.push(rate);
        (deletion, left) = ([deletion_seconds].into_iter().collect(), [stays].into_iter().collect());
    }
    // On either side of the largest run, one of a hundredth of it.
    let (before, largest) = (rates[rates.len().saturating_sub(3)], rates[rates.len() - 1]);
    let after = step(&site, effort.of(STEPS[1], 10_000)).await?.rate;
    let held = [largest / f64::midpoint(before, after)].into_iter().collect();
    let held_title = if effort.divide == 1 {
        "rate at 10 million records / at 100 thousand"
    } else {
        "rate of the largest run / of the smallest"
    };
    let figures = vec![
        Figure::new(held_title, held, Bound::AtLeast(0.9)),
        Figure::new(
            "peak memory of a signer / 64 MiB, from the least to the most records",
            memory,
            Bound::AtMost(1.0),
        ),
        Figure::new(
            "seconds to delete the largest run / 10",
            over(&deletion, DELETION_SECONDS),
            Bound::AtMost(1.0),
        ),
        Figure::new("of its bytes, left in the database afterwards", left, Bound::AtMost(0.01)),
    ];
    let charts = vec![Chart {
        name: "records".to_owned(),
        title: "Signing rate as runs grow (EdDSA)".to_owned(),
        x: "records of the run".to_owned(),
        y: "signatures per second".to_owned(),
        lines: vec![Line { name: "EdDSA".to_owned(), points }],
    }];
    Ok(Outcome { figures, tables: vec![table], charts, ..Outcome::default() })
}

fn over(samples: &Samples, by: f64) -> Samples {
    [samples.median() / by].into_iter().collect()
}

async fn step(site: &Site, records: u64) -> anyhow::Result<Step> {
    const DATABASE: &str = "pg_database_size(current_database())";
    let empty = site.number(DATABASE).await?;
    let ran = command::seed_and_sign(site, &Work::new("EdDSA", records, 100, 1_000)).await?;
    let full = site.number(DATABASE).await?;
    let bytes = own_bytes(site, &ran.run).await?;
    let deletion_seconds = site.delete(&ran.run).await?;
    let left = (site.number(DATABASE).await? - empty) / (full - empty);
    #[expect(clippy::cast_precision_loss, reason = "far below 2^53")]
    let bytes_a_record = bytes / records as f64;
    Ok(Step { rate: ran.rate()?, ran, bytes_a_record, deletion_seconds, left })
}

/// Bytes of the run's own tables with their indexes.
async fn own_bytes(site: &Site, run: &Run) -> anyhow::Result<f64> {
    let tables = ["records", "batches", "signature_blocks"];
    let sizes = tables.map(|table| format!("pg_total_relation_size('chancery.{table}_{}')", run.id));
    site.number(&sizes.join(" + ")).await
}
