//! How soon a signer has its first lease, and how large the programs are.

use std::fs;
use std::time::{SystemTime, UNIX_EPOCH};

use chancery_bench::{Effort, Measured, Outcome, Samples, Table};
use chancery_kit::program;

use crate::signers;
use crate::site::Site;
use crate::work::Work;

/// Signers that are started one after the other, each for a run of its own.
const TIMES: u64 = 10;

pub(crate) async fn measure(effort: Effort) -> Measured {
    let site = Site::start(&[]).await?;
    let mut waits = Vec::new();
    for _ in 0..effort.of(TIMES, 3) {
        let (run, _) = site.seed("bench", &Work::new("EdDSA", 10, 1, 10)).await?;
        // The ledger's clock is this machine's clock.
        let began = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs_f64();
        signers::sign(&site, &run, 1).await?;
        let leased = format!(
            "SELECT extract(epoch FROM min(acquired_at)) FROM chancery.leases WHERE run_id = {}",
            run.id
        );
        waits.push((site.number(&leased).await? - began) * 1e3);
        site.delete(&run).await?;
    }
    waits.sort_by(f64::total_cmp);
    let mut table = Table::new(
        "Milliseconds from the start of a signer's process to its first lease:",
        &["median", "least", "greatest"],
    );
    let samples: Samples = waits.iter().copied().collect();
    table.row([samples.median().into(), waits[0].into(), waits[waits.len() - 1].into()]);

    let mut sizes = Table::new("Programs, built with `--release`:", &["program", "MiB"]);
    let folder = program("chancery");
    for name in ["chancery", "chancery-signer", "chancery-operator"] {
        // `make bench` builds no operator; it is told of if it is there.
        if let Ok(file) = fs::metadata(folder.with_file_name(name)) {
            #[expect(clippy::cast_precision_loss, reason = "some megabytes")]
            sizes.row([name.into(), (file.len() as f64 / f64::from(1 << 20)).into()]);
        }
    }
    Ok(Outcome { tables: vec![table, sizes], ..Outcome::default() })
}
