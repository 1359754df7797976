//! RS256, where signing is nearly all there is to do.

use chancery_bench::{Bound, Effort, Figure, Measured, Outcome, Samples};

use crate::site::Site;
use crate::work::Work;
use crate::{bare, command};

/// Records per batch, as they are shown, records in quick runs, and the share of the bare loop that is wanted: a batch costs the
/// database the same, whatever it holds.
const SIZES: [(u64, &str, u64, f64); 3] =
    [(100, "100", 6_000, 0.87), (1_000, "1,000", 24_000, 0.96), (10_000, "10,000", 40_000, 0.96)];

/// For some twenty seconds, of which the start of two signers takes a hundredth, and so does the time in which the last of
/// them is alone with a batch of 10,000.
const RECORDS: u64 = 480_000;

/// Two signers with PostgreSQL on the same cores, against a loop on two threads.
pub(crate) async fn measure(effort: Effort) -> Measured {
    let site = Site::start(&[]).await?;
    let mut outcome = Outcome::default();
    for (batch, shown, least, wanted) in SIZES {
        if effort.quick && batch == 10_000 {
            continue;
        }
        // A run of few large batches ends with one signer alone.
        let records = effort.of(RECORDS, least);
        let mut samples = Samples::default();
        for _ in 0..effort.pairs {
            let work = Work::new("RS256", records, 20, batch);
            let bare = bare::sign(work, 2).await?;
            let ran = command::seed_and_sign(&site, &work).await?;
            samples.add(ran.rate()? / bare.rate);
            site.delete(&ran.run).await?;
        }
        let title = format!("RS256, 2 signers, batches of {shown} / bare loop on 2 threads");
        outcome.figures.push(Figure::new(title, samples, Bound::AtLeast(wanted)));
    }
    Ok(outcome)
}
