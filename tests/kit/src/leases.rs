//! What tests need to know of leases, and of which the typed calls tell nothing.

use sqlx::PgPool;

use crate::eventually;

/// Waits until the next turn of the ring takes this lease back: it has run out, and some turn has seen since half of its
/// time that nobody renews it.
///
/// # Panics
///
/// When the lease does not run out within a minute.
pub async fn until_run_out(pool: &PgPool, lease: i64) {
    doubt(pool, lease).await;
    let run_out = "SELECT expires_at <= clock_timestamp() FROM chancery.leases WHERE id = $1";
    eventually("the lease has run out", async || {
        sqlx::query_scalar(run_out).bind(lease).fetch_one(pool).await.unwrap_or(false)
    })
    .await;
}

/// Has a lease doubted as a turn would that came when half of its time was over.
///
/// # Panics
///
/// When there is no such lease.
pub async fn doubt(pool: &PgPool, lease: i64) {
    let doubt = "UPDATE chancery.leases SET doubted_at = expires_at - duration / 2 WHERE id = $1";
    let doubted = sqlx::query(doubt).bind(lease).execute(pool).await.expect("the lease can be doubted");
    assert_eq!(doubted.rows_affected(), 1, "lease {lease}");
}
