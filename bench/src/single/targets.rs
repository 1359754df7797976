//! Rates that were promised as numbers, for a machine like the reference machine.

use chancery_bench::{Bound, Effort, Figure, Measured, Outcome, Samples};

use crate::command;
use crate::site::Site;
use crate::work::Work;

const SEEDING_RATE: f64 = 150_000.0;
const EDDSA_RATE: f64 = 60_000.0;

pub(crate) async fn measure(effort: Effort) -> Measured {
    let site = Site::start(&[]).await?;
    let records = effort.of(1_000_000, 10_000);
    let (mut seeded, mut signed) = (Samples::default(), Samples::default());
    for _ in 0..effort.pairs {
        let ran = command::seed(&site, &Work::new("EdDSA", records, 1, 1_000)).await?;
        #[expect(clippy::cast_precision_loss, reason = "far below 2^53")]
        seeded.add(records as f64 / ran.seeding_seconds / SEEDING_RATE);
        site.delete(&ran.run).await?;
        let ran = command::seed_and_sign(&site, &Work::new("EdDSA", records, 100, 1_000)).await?;
        signed.add(ran.rate()? / EDDSA_RATE);
        site.delete(&ran.run).await?;
    }
    let figures = vec![
        Figure::new("records of 256 bytes seeded per second / 150,000", seeded, Bound::AtLeast(1.0)),
        Figure::new("EdDSA signatures per second, batches of 1,000 / 60,000", signed, Bound::AtLeast(1.0)),
    ];
    Ok(Outcome { figures, ..Outcome::default() })
}
