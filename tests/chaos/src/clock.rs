//! The clock of the server is set. To a ledger that looks as if all its instants were set the other way, between two
//! turns of a ring.

use std::time::{Duration, Instant};

use anyhow::Context as _;
use sqlx::{Connection, PgConnection};

use crate::place::Stage;

/// How long it may take to get between the others; some fault may be on.
const MOST: Duration = Duration::from_secs(60);
const PAUSE: Duration = Duration::from_millis(100);

/// Sets the clock by so many seconds. False if the server is down.
pub(crate) async fn set(stage: &Stage, seconds: i32) -> anyhow::Result<bool> {
    let began = Instant::now();
    loop {
        let Ok(mut connection) = PgConnection::connect(&stage.direct).await else { return Ok(false) };
        match shift(&mut connection, seconds).await {
            Ok(()) => return Ok(true),
            // It met a store or a give-back in a deadlock, or its session was ended.
            Err(error) if began.elapsed() > MOST => return Err(error).context("the clock cannot be set"),
            Err(_) => tokio::time::sleep(PAUSE).await,
        }
    }
}

async fn shift(connection: &mut PgConnection, seconds: i32) -> sqlx::Result<()> {
    let mut transaction = connection.begin().await?;
    // In the rings' turns: a lease that is granted meanwhile would keep its instants.
    sqlx::query("SELECT pg_advisory_xact_lock(1128814158, k.id) FROM chancery.keyrings k")
        .execute(&mut *transaction)
        .await?;
    sqlx::query(
        "UPDATE chancery.leases l
            SET acquired_at = l.acquired_at - s.by, expires_at = l.expires_at - s.by,
                doubted_at = l.doubted_at - s.by, signed_at = l.signed_at - s.by,
                released_at = l.released_at - s.by
           FROM make_interval(secs => $1) AS s (by)",
    )
    .bind(f64::from(seconds))
    .execute(&mut *transaction)
    .await?;
    transaction.commit().await
}
