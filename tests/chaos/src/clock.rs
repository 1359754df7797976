//! The clock of the server is set. To a ledger that looks as if all its instants were set the other way, between two
//! turns of a ring.

use std::time::{Duration, Instant};

use anyhow::Context as _;
use sqlx::{Connection, PgConnection};

use crate::place::Stage;

/// How long it may take to get between the others; some fault may be on.
const MOST: Duration = Duration::from_secs(60);
const PAUSE: Duration = Duration::from_millis(100);

/// Whether a run has a sink. What was delivered says when it was signed, and no clock that is set changes that: it cannot look so to a ledger.
const DELIVERS: &str = "SELECT EXISTS (SELECT FROM chancery.sinks)";

/// Sets the clock by so many seconds. False if the server is down, or what is signed is delivered.
pub(crate) async fn set(stage: &Stage, seconds: i32) -> anyhow::Result<bool> {
    let began = Instant::now();
    loop {
        let Ok(mut connection) = PgConnection::connect(&stage.direct).await else { return Ok(false) };
        let delivers = sqlx::query_scalar(DELIVERS).fetch_one(&mut connection).await;
        if delivers.is_ok_and(|delivers: bool| delivers) {
            return Ok(false);
        }
        match shift(&mut connection, seconds).await {
            Ok(true) => return Ok(true),
            Ok(false) => {
                anyhow::ensure!(began.elapsed() <= MOST, "leases are open that nobody renews or takes back");
            }
            // It met a store or a give-back in a deadlock, or its session was ended.
            Err(error) if began.elapsed() > MOST => return Err(error).context("the clock cannot be set"),
            Err(_) => {}
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// False, and nothing is done, if the clock was set forward already since a lease that is open was renewed last: that
/// is outside of assumption 2 of the protocol.
async fn shift(connection: &mut PgConnection, seconds: i32) -> sqlx::Result<bool> {
    const LATE: &str = "SELECT EXISTS (
        SELECT FROM chancery.leases l
         WHERE l.released_at IS NULL AND l.outcome IS NULL
           AND (l.doubted_at IS NOT NULL OR l.expires_at < clock_timestamp() + l.duration / 2))";
    let mut transaction = connection.begin().await?;
    // In the rings' turns: a lease that is granted meanwhile would keep its instants.
    sqlx::query("SELECT pg_advisory_xact_lock(1128814158, k.id) FROM chancery.keyrings k")
        .execute(&mut *transaction)
        .await?;
    if seconds > 0 && sqlx::query_scalar(LATE).fetch_one(&mut *transaction).await? {
        transaction.rollback().await?;
        return Ok(false);
    }
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
    transaction.commit().await?;
    Ok(true)
}

#[cfg(test)]
mod tests {
    use chancery_kit::{TestLedger, TestRun};
    use chancery_store::lease::Acquired;

    use super::*;

    #[tokio::test]
    async fn the_clock_is_set_forward_once_between_two_renewals_of_a_lease_and_back_at_any_time()
    -> anyhow::Result<()> {
        let ledger = TestLedger::new().await?;
        let run = TestRun::new().keys(1).seeded(&ledger).await?;
        let mut holder = run.session("holder").await?;
        let Acquired::Leased(lease) = holder.acquire().await?.0 else { anyhow::bail!("no lease") };
        let mut connection = PgConnection::connect(&ledger.url).await?;
        assert!(shift(&mut connection, 3_600).await?);
        assert!(!shift(&mut connection, 3_600).await?, "it was not renewed since");
        // A turn doubts the lease.
        run.session("other").await?.acquire().await?;
        assert!(shift(&mut connection, -3_600).await?);
        assert!(!shift(&mut connection, 3_600).await?, "the doubt of before would be ripe");
        assert!(holder.renew(&lease).await?.is_some());
        assert!(shift(&mut connection, 3_600).await?);
        assert!(holder.renew(&lease).await?.is_some() && holder.abandon(&lease).await?);
        Ok(())
    }
}
