//! The other limit: rows of signatures brought into the table that Chancery brings them into, by binary
//! COPY and without anything else.

use std::time::Instant;

use futures::future::try_join_all;
use sqlx::postgres::PgPoolCopyExt;

use crate::site::Site;
use crate::work::Work;

/// Sessions that copy at the same time: as many as signers.
const SESSIONS: u64 = 2;

/// Bytes sent at a time.
const CHUNK: usize = 1 << 20;

/// Rows per second. The rows are made before the clock starts.
pub(crate) async fn rate(site: &Site, work: &Work) -> anyhow::Result<f64> {
    let new = work.new_run("copied", &site.kek)?;
    let (run, _) = site.ledger.create_run(&new).await?;
    let each = work.records / SESSIONS;
    let parts =
        (0..SESSIONS).map(|part| rows(run.id, part * each + 1, each)).collect::<Result<Vec<_>, _>>()?;
    let began = Instant::now();
    try_join_all(parts.iter().map(|part| copy(site, run.id, part))).await?;
    let seconds = began.elapsed().as_secs_f64();
    site.delete(&run).await?;
    #[expect(clippy::cast_precision_loss, reason = "far below 2^53")]
    Ok((each * SESSIONS) as f64 / seconds)
}

async fn copy(site: &Site, run: i32, rows: &[u8]) -> anyhow::Result<()> {
    let statement = format!(
        "COPY chancery.signatures_{run} (record, lease_id, run_id, signature) FROM STDIN (FORMAT binary)"
    );
    let mut copying = site.ledger.pool().copy_in_raw(&statement).await?;
    for chunk in rows.chunks(CHUNK) {
        copying.send(chunk).await?;
    }
    copying.finish().await?;
    Ok(())
}

/// Rows with signatures of 64 bytes, as COPY reads them
/// ([the format](https://www.postgresql.org/docs/current/sql-copy.html#id-1.9.3.55.9.4)).
fn rows(run: i32, first: u64, count: u64) -> anyhow::Result<Vec<u8>> {
    let mut bytes = b"PGCOPY\n\xff\r\n\0".to_vec();
    bytes.extend([0; 8]);
    let signature = [7_u8; 64];
    for record in first..first + count {
        bytes.extend(4_i16.to_be_bytes());
        for field in [record.to_be_bytes().as_slice(), &1_i64.to_be_bytes(), &run.to_be_bytes(), &signature] {
            bytes.extend(i32::try_from(field.len())?.to_be_bytes());
            bytes.extend(field);
        }
    }
    bytes.extend((-1_i16).to_be_bytes());
    Ok(bytes)
}
