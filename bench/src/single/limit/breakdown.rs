//! Where the processor time goes. It does not depend on who else uses the machine.

use std::collections::{BTreeMap, BTreeSet};
use std::thread::available_parallelism;

use chancery_bench::{Cell, Effort, Measured, Outcome, Table};

use super::SIGNERS;
use super::profile::Profile;
use crate::site::Site;
use crate::work::Work;
use crate::{bare, signers};

/// So many that the start of signers and of their sessions is little beside them.
const WORK: [Work; 5] = [
    Work::new("RS256", 200_000, 20, 100),
    Work::new("RS256", 400_000, 20, 1_000),
    Work::new("ES256", 600_000, 20, 1_000),
    Work::new("EdDSA", 1_000_000, 20, 100),
    Work::new("EdDSA", 3_000_000, 20, 1_000),
];

/// Processor time per record: of a bare signature, of all else that signers do, and of PostgreSQL; then the
/// same by function, from a run of its own, where there is `perf`.
pub(crate) async fn measure(effort: Effort) -> Measured {
    let columns = [
        "run",
        "µs per record",
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
        let before = bare::sign(work, 2).await?;
        let (run, _) = site.seed("bench", &work).await?;
        let signed = signers::sign_unseen(&site, &run, SIGNERS).await?;
        let after = bare::sign(work, 2).await?;
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
    let mut tables = vec![table];
    tables.extend(by_function(effort).await?);
    Ok(Outcome { tables, ..Outcome::default() })
}

#[expect(clippy::print_stderr, reason = "what is skipped is said")]
async fn by_function(effort: Effort) -> anyhow::Result<Option<Table>> {
    let works = [WORK[0], WORK[4]];
    let mut columns: Vec<BTreeMap<&'static str, f64>> = Vec::new();
    for work in works {
        let work = Work { records: effort.of(work.records, 10 * work.batch), ..work };
        let site = Site::start(&[]).await?;
        let (run, _) = site.seed("bench", &work).await?;
        let Some(profile) = Profile::start(&site).await? else {
            eprintln!("skipped: no perf that may look at other processes, so no samples by function");
            return Ok(None);
        };
        signers::sign_unseen(&site, &run, SIGNERS).await?;
        columns.push(profile.end().await?);
    }
    let names = works.map(|work| format!("{}, batches of {}, %", work.algorithm, work.batch));
    let mut table = Table::new(
        "The same by what the functions are for, of samples that `perf` took of signers and PostgreSQL:",
        &["what", &names[0], &names[1]],
    );
    let kinds: BTreeSet<_> = columns.iter().flat_map(BTreeMap::keys).copied().collect();
    // Signers first.
    for kind in kinds.iter().rev() {
        let share = |column: usize| columns[column].get(kind).copied().into();
        table.row([(*kind).into(), share(0), share(1)]);
    }
    Ok(Some(table))
}
