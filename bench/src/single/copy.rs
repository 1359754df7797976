//! The other limit: a row for each signature, with record, lease and run and found by its record, brought into a table by binary
//! COPY and without anything else.

use std::time::Instant;

use futures::future::try_join_all;
use sqlx::postgres::PgPoolCopyExt;
use sqlx::raw_sql;

use crate::site::Site;
use crate::work::Work;

/// Sessions that copy at the same time: as many as signers.
const SESSIONS: u64 = 2;

const TABLE: &str = "CREATE TABLE chancery.copied (record bigint, lease_id bigint, run_id integer, signature bytea,
                                                   PRIMARY KEY (record, run_id)) WITH (autovacuum_enabled = false)";

/// Bytes sent at a time.
const CHUNK: usize = 1 << 20;

/// Rows per second. The rows are made before the clock starts.
pub(crate) async fn rate(site: &Site, work: &Work) -> anyhow::Result<f64> {
    raw_sql(TABLE).execute(site.ledger.pool()).await?;
    let each = work.records / SESSIONS;
    let parts = (0..SESSIONS).map(|part| rows(part * each + 1, each)).collect::<Result<Vec<_>, _>>()?;
    let began = Instant::now();
    try_join_all(parts.iter().map(|part| copy(site, part))).await?;
    let seconds = began.elapsed().as_secs_f64();
    raw_sql("DROP TABLE chancery.copied").execute(site.ledger.pool()).await?;
    #[expect(clippy::cast_precision_loss, reason = "far below 2^53")]
    Ok((each * SESSIONS) as f64 / seconds)
}

async fn copy(site: &Site, rows: &[u8]) -> anyhow::Result<()> {
    let mut copying =
        site.ledger.pool().copy_in_raw("COPY chancery.copied FROM STDIN (FORMAT binary)").await?;
    for chunk in rows.chunks(CHUNK) {
        copying.send(chunk).await?;
    }
    copying.finish().await?;
    Ok(())
}

/// Rows with signatures of 64 bytes, as COPY reads them
/// ([the format](https://www.postgresql.org/docs/current/sql-copy.html#id-1.9.3.55.9.4)).
fn rows(first: u64, count: u64) -> anyhow::Result<Vec<u8>> {
    let mut bytes = b"PGCOPY\n\xff\r\n\0".to_vec();
    bytes.extend([0; 8]);
    let signature = [7_u8; 64];
    for record in first..first + count {
        bytes.extend(4_i16.to_be_bytes());
        for field in [record.to_be_bytes().as_slice(), &1_i64.to_be_bytes(), &1_i32.to_be_bytes(), &signature]
        {
            bytes.extend(i32::try_from(field.len())?.to_be_bytes());
            bytes.extend(field);
        }
    }
    bytes.extend((-1_i16).to_be_bytes());
    Ok(bytes)
}
