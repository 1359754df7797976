//! RS256, where signing is nearly all there is to do.

use chancery_bench::{Bound, Effort, Figure, Measured, Outcome, Samples};

use crate::site::Site;
use crate::work::Work;
use crate::{bare, command};

/// Of the bare loop.
const WANTED: Bound = Bound::AtLeast(0.95);

const RECORDS: u64 = 60_000;

/// Two signers with PostgreSQL on the same cores, against a loop on two threads.
pub(crate) async fn measure(effort: Effort) -> Measured {
    let site = Site::start(&[]).await?;
    let mut outcome = Outcome::default();
    for (batch, shown, least) in [(100, "100", 6_000), (1_000, "1,000", 24_000), (10_000, "10,000", 40_000)] {
        if effort.quick && batch == 10_000 {
            continue;
        }
        // A run of few large batches ends with one signer alone.
        let records = effort.of(RECORDS, least);
        let mut samples = Samples::default();
        for _ in 0..effort.pairs {
            let bare = bare::sign("RS256", 2, records).await?;
            let ran = command::seed_and_sign(&site, &Work::new("RS256", records, 20, batch)).await?;
            samples.add(ran.rate()? / bare.rate);
            site.delete(&ran.run).await?;
        }
        let title = format!("RS256, 2 signers, batches of {shown} / bare loop on 2 threads");
        outcome.figures.push(Figure::new(title, samples, WANTED));
    }
    Ok(outcome)
}
