//! Where the processor time goes. It does not depend on who else uses the machine.

use std::thread::available_parallelism;

use chancery_bench::{Cell, Effort, Measured, Table};

use super::SIGNERS;
use crate::site::Site;
use crate::work::Work;
use crate::{bare, signers};

const WORK: [Work; 5] = [
    Work::new("RS256", 40_000, 20, 100),
    Work::new("RS256", 40_000, 20, 1_000),
    Work::new("ES256", 300_000, 20, 1_000),
    Work::new("EdDSA", 300_000, 20, 100),
    Work::new("EdDSA", 600_000, 20, 1_000),
];

/// Processor time a record: of a bare signature, of all else that signers do, and of PostgreSQL.
pub(crate) async fn measure(effort: Effort) -> Measured {
    let columns = [
        "run",
        "µs a record",
        "signatures %",
        "else in signers %",
        "PostgreSQL's sessions %",
        "its writers %",
        "idle, or taken by others %",
    ];
    let mut table = Table::new(
        "Where the time of all cores goes, in percent of the time from the start of the first signer to the end \
         of the last, by the kernel's accounts:",
        &columns,
    );
    for work in effort.steps(&WORK) {
        let work = Work { records: effort.of(work.records, 10 * work.batch), ..work };
        let site = Site::start(&[]).await?;
        let before = bare::sign(work.algorithm, 2, work.records).await?;
        let (run, _) = site.seed("bench", &work).await?;
        let signed = signers::sign_unseen(&site, &run, SIGNERS).await?;
        let after = bare::sign(work.algorithm, 2, work.records).await?;
        #[expect(clippy::cast_precision_loss, reason = "far below 2^53")]
        let (records, cores) = (work.records as f64, available_parallelism()?.get() as f64);
        let whole = signed.seconds * cores;
        let signing = f64::midpoint(before.cpu, after.cpu) * records;
        let cpu = signed.cpu;
        let share = |seconds: f64| Cell::from(100.0 * seconds / whole);
        table.row([
            format!("{}, batches of {}", work.algorithm, work.batch).into(),
            (whole / records * 1e6).into(),
            share(signing),
            share(cpu.children - signing),
            share(cpu.sessions),
            share(cpu.writers),
            share(whole - cpu.children - cpu.postgres()),
        ]);
    }
    Ok(table.into())
}
