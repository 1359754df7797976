//! What a batch asks of PostgreSQL, by its own accounts.

use chancery_bench::{Effort, Measured, Outcome, Table};
use sqlx::Row;

use crate::signers;
use crate::site::Site;
use crate::work::Work;

/// So many that the start of sessions is little beside them.
const WORK: [Work; 4] = [
    Work::new("RS256", 200_000, 20, 100),
    Work::new("RS256", 400_000, 20, 1_000),
    Work::new("EdDSA", 500_000, 20, 100),
    Work::new("EdDSA", 2_000_000, 20, 1_000),
];

/// Statements of signers, by what only one of them names.
const STATEMENTS: &str = "
    SELECT CASE WHEN query LIKE '%FROM chancery.lease_acquire(%' THEN '1 acquire'
                WHEN query LIKE '%chancery.leases_durable(%' THEN '2 fetch'
                WHEN query LIKE '%chancery.batch_store(%' THEN '3 store' ELSE '4 other' END AS statement,
           sum(calls)::float8 AS calls, sum(total_exec_time)::float8 AS milliseconds, sum(wal_bytes)::float8 AS wal
      FROM pg_stat_statements
     WHERE userid IN (SELECT m.member FROM pg_auth_members m WHERE m.roleid = 'chancery_signer'::regrole)
       AND dbid = (SELECT oid FROM pg_database WHERE datname = current_database())
     GROUP BY 1 ORDER BY 1";

pub(crate) async fn measure(effort: Effort) -> Measured {
    let mut batches = Table::new(
        "What a batch costs the database (2 signers; asking again for want of a batch or key, connecting, and what \
         PostgreSQL does by itself are in it):",
        &[
            "run",
            "round trips",
            "transactions",
            "waits for the disk",
            "WAL, KiB",
            "WAL per record, bytes",
            "processor time, ms",
        ],
    );
    let mut statements = Table::new(
        "The same by statement; the time is from its start to its end, waits for the disk and for others in it:",
        &["run", "statement", "calls per batch", "ms per call", "WAL per call, KiB"],
    );
    for work in effort.steps(&WORK) {
        let work = Work { records: effort.of(work.records, 10 * work.batch), ..work };
        let site = Site::start(&[("shared_preload_libraries", "pg_stat_statements")]).await?;
        site.execute("CREATE EXTENSION pg_stat_statements").await?;
        let (run, _) = site.seed("bench", &work).await?;
        site.execute("SELECT pg_stat_statements_reset(), pg_stat_reset_shared('wal')").await?;
        let before = transactions(&site).await?;
        let signed = signers::sign_unseen(&site, &run, 2).await?;
        let (after, of) = (transactions(&site).await?, work.batches());
        let milliseconds = signed.cpu.postgres() * 1e3 / of;
        let rows = sqlx::query(STATEMENTS).fetch_all(site.ledger.pool()).await?;
        let sum = |name: &str| rows.iter().map(|row| row.get::<f64, _>(name)).sum::<f64>();
        let name = format!("{}, batches of {}", work.algorithm, work.batch);
        let wal = site.number("SELECT wal_bytes FROM pg_stat_wal").await?;
        let syncs = site.number("SELECT wal_sync FROM pg_stat_wal").await?;
        #[expect(clippy::cast_precision_loss, reason = "far below 2^53")]
        batches.row([
            name.clone().into(),
            (sum("calls") / of).into(),
            ((after - before) / of).into(),
            (syncs / of).into(),
            (wal / 1024.0 / of).into(),
            (wal / work.records as f64).into(),
            milliseconds.into(),
        ]);
        for row in &rows {
            let calls: f64 = row.get("calls");
            statements.row([
                name.clone().into(),
                row.get::<String, _>("statement")[2..].into(),
                (calls / of).into(),
                (row.get::<f64, _>("milliseconds") / calls).into(),
                (row.get::<f64, _>("wal") / 1024.0 / calls).into(),
            ]);
        }
    }
    Ok(Outcome { tables: vec![batches, statements], ..Outcome::default() })
}

/// Of all sessions; nobody but signers has much to ask.
async fn transactions(site: &Site) -> anyhow::Result<f64> {
    site.number("SELECT xact_commit + xact_rollback FROM pg_stat_database WHERE datname = current_database()")
        .await
}
