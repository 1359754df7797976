//! How long after its last signature a run is audited, whatever its size.

use chancery_bench::{Bound, Effort, Figure, Measured, Outcome, Samples, Table};

use crate::command;
use crate::site::Site;
use crate::work::Work;

/// Records of runs that are signed and audited by one command.
const RECORDS: [u64; 2] = [100_000, 400_000];

/// What a few seconds are.
const SECONDS: f64 = 5.0;

/// Where a processor is left for the audit, which begins while the run is signed; and where none is.
const SIGNERS: [u32; 2] = [1, 2];

pub(crate) async fn measure(effort: Effort) -> Measured {
    let site = Site::start(&[]).await?;
    let columns = ["signers", "records", "seconds from the last signature to the end of the audit"];
    let mut table = Table::new("RS256, batches of 100, medians:", &columns);
    let mut figures = Vec::new();
    for signers in SIGNERS {
        for records in RECORDS {
            let work = Work::new("RS256", effort.of(records, 4_000), 20, 100);
            let mut seconds = Samples::default();
            for _ in 0..effort.pairs {
                let ran = command::seed_sign_and_audit(&site, &work, signers).await?;
                seconds.add(ran.audit_seconds()?);
                site.delete(&ran.run).await?;
            }
            table.row([u64::from(signers).into(), work.records.into(), seconds.median().into()]);
            if signers == SIGNERS[0] {
                let title = format!(
                    "seconds from the last of {records} signatures by one signer to the end of the audit"
                );
                figures.push(Figure::new(title, seconds, Bound::AtMost(SECONDS)));
            }
        }
    }
    Ok(Outcome { figures, tables: vec![table], ..Outcome::default() })
}
