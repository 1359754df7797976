//! What each setting of PostgreSQL buys: the same run with and without it, alternately.

use chancery_bench::{Effort, Measured, Samples, Table};

use crate::signers;
use crate::site::Site;
use crate::work::Work;

/// A setting, the value that is tried against the one that `chancery run` chooses, and how many records
/// it takes until it matters.
const TRIED: [(&str, &str, &str, u64); 8] = [
    ("shared_buffers", "128MB", "256MB (chosen) / 128MB (PostgreSQL's own)", 600_000),
    ("max_wal_size", "1GB", "4GB (chosen) / 1GB (PostgreSQL's own)", 3_000_000),
    ("jit", "on", "off (chosen) / on (PostgreSQL's own)", 600_000),
    ("wal_compression", "lz4", "off (chosen) / lz4", 600_000),
    ("wal_buffers", "64MB", "by shared_buffers, 8MB (chosen) / 64MB", 600_000),
    ("commit_delay", "200", "0 (chosen) / 200 µs", 600_000),
    ("full_page_writes", "off", "on (chosen) / off, unsafe", 600_000),
    ("synchronous_commit", "off", "on (chosen) / off, which breaks law 6", 600_000),
];

/// What one run came to.
struct Rates {
    seeding: f64,
    signing: f64,
    wal: f64,
}

pub(crate) async fn measure(effort: Effort) -> Measured {
    let mut table = Table::new(
        "Chosen setting / the other, EdDSA in batches of 100, 2 signers; above 1 the chosen one is faster, or writes more WAL:",
        &["setting", "chosen / other", "seeding rate", "signing rate", "WAL"],
    );
    let tried = effort.steps(&TRIED);
    for (name, value, shown, records) in tried {
        let mut ratios = [Samples::default(), Samples::default(), Samples::default()];
        // One pair: what is below some percent does not matter here.
        let chosen = rates(&[], effort.of(records, 10_000)).await?;
        let other = rates(&[(name, value)], effort.of(records, 10_000)).await?;
        ratios[0].add(chosen.seeding / other.seeding);
        ratios[1].add(chosen.signing / other.signing);
        ratios[2].add(chosen.wal / other.wal);
        let [seeding, signing, wal] = ratios.map(|samples| samples.median());
        table.row([name.into(), shown.into(), seeding.into(), signing.into(), wal.into()]);
    }
    Ok(table.into())
}

async fn rates(settings: &[(&str, &str)], records: u64) -> anyhow::Result<Rates> {
    let site = Site::start(settings).await?;
    let (run, seconds) = site.seed("bench", &Work::new("EdDSA", records, 20, 100)).await?;
    let signed = signers::sign(&site, &run, 2).await?;
    let wal = site.number("SELECT pg_current_wal_insert_lsn() - '0/0'").await?;
    #[expect(clippy::cast_precision_loss, reason = "far below 2^53")]
    Ok(Rates { seeding: records as f64 / seconds, signing: signed.rate, wal })
}
