//! EdDSA, ES256 and ES256K, where storing takes as long as signing.

use chancery_bench::{Bound, Effort, Figure, Measured, Outcome, Samples, Table};

use crate::site::Site;
use crate::work::Work;
use crate::{bare, command, copy};

pub(crate) async fn eddsa(effort: Effort) -> Measured {
    measure(effort, "EdDSA", 2_000_000, 0.8).await
}

pub(crate) async fn es256(effort: Effort) -> Measured {
    measure(effort, "ES256", 500_000, 0.6).await
}

pub(crate) async fn es256k(effort: Effort) -> Measured {
    measure(effort, "ES256K", 500_000, 0.7).await
}

/// `wanted` is a share of the slower of the two limits.
async fn measure(effort: Effort, algorithm: &'static str, records: u64, wanted: f64) -> Measured {
    let site = Site::start(&[]).await?;
    let work = Work::new(algorithm, effort.of(records, 200_000), 100, 1_000);
    let (mut shares, mut ended) = (Samples::default(), Samples::default());
    let (mut signed, mut copied) = (Samples::default(), Samples::default());
    let (mut by_aws_lc, mut shares_of_aws_lc) = (Samples::default(), Samples::default());
    for _ in 0..effort.pairs {
        let bare = bare::sign(work, 2).await?.rate;
        let copy = copy::rate(&site, &work).await?;
        // It signed these when a share of the loop was first asked for.
        let aws_lc = match algorithm {
            "EdDSA" | "ES256" => Some(bare::sign_by_aws_lc(work, 2).await?),
            _ => None,
        };
        let ran = command::seed_and_sign(&site, &work).await?;
        let rate = ran.rate()?;
        site.delete(&ran.run).await?;
        shares.add(rate / bare.min(copy));
        if let Some(aws_lc) = aws_lc {
            shares_of_aws_lc.add(rate / aws_lc.min(copy));
            by_aws_lc.add(aws_lc);
        }
        ended.add(rate);
        signed.add(bare);
        copied.add(copy);
    }
    let mut rates = Table::new("Medians of what the ratio is made of:", &["what", "per second"]);
    rates.row(["signed and stored by two signers, batches of 1,000".into(), ended.median().into()]);
    rates.row(["bare signing loop on two threads".into(), signed.median().into()]);
    rates.row(["bare binary COPY by two sessions into the same table".into(), copied.median().into()]);
    let title = format!("{algorithm}, 2 signers / the slower of bare loop and bare COPY");
    let mut figures = vec![Figure::new(title, shares, Bound::AtLeast(wanted))];
    if !by_aws_lc.is_empty() {
        rates.row(["bare signing loop on two threads, by AWS-LC".into(), by_aws_lc.median().into()]);
        let title = format!("{algorithm}, 2 signers / the slower of a bare loop on AWS-LC and bare COPY");
        figures.push(Figure::new(title, shares_of_aws_lc, Bound::AtLeast(wanted)));
    }
    Ok(Outcome { figures, tables: vec![rates], ..Outcome::default() })
}
