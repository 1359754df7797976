//! A primary that answers a commit when any one of its two standbys has it on its disk.

use chancery_local_postgres::ThrowAway;
use sqlx::{Connection, PgConnection};

use crate::server::{folder, options, throw_away};
use crate::standby::standbys_can_be_made;
use crate::wait::eventually;

/// A primary and two standbys, `synchronous_standby_names = 'ANY 1 (*)'`.
#[derive(Debug)]
pub struct Quorum {
    /// The server that programs use.
    pub primary: ThrowAway,
    /// Those that follow it.
    pub standbys: [ThrowAway; 2],
}

impl Quorum {
    /// Starts all three. Where no standby can be made, says so in one line, once a process.
    ///
    /// # Errors
    ///
    /// A server that does not start.
    pub async fn start() -> anyhow::Result<Option<Self>> {
        if !standbys_can_be_made()? {
            return Ok(None);
        }
        let primary = throw_away();
        let standbys =
            [primary.start_standby(&folder(), options())?, primary.start_standby(&folder(), options())?];
        let mut admin = PgConnection::connect(&primary.url("postgres")).await?;
        sqlx::raw_sql("ALTER SYSTEM SET synchronous_standby_names = 'ANY 1 (*)'").execute(&mut admin).await?;
        sqlx::raw_sql("SELECT pg_reload_conf()").execute(&mut admin).await?;
        let quorum = Self { primary, standbys };
        quorum.until_followed_by(2).await?;
        Ok(Some(quorum))
    }

    /// Waits until so many standbys count.
    ///
    /// # Errors
    ///
    /// A primary that does not answer.
    pub async fn until_followed_by(&self, standbys: i64) -> anyhow::Result<()> {
        let mut admin = PgConnection::connect(&self.primary.url("postgres")).await?;
        eventually("the standbys count", async || {
            let counted = "SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'quorum'";
            sqlx::query_scalar(counted)
                .fetch_one(&mut admin)
                .await
                .is_ok_and(|counted: i64| counted == standbys)
        })
        .await;
        Ok(())
    }

    /// Waits until somebody waits for a standby.
    ///
    /// # Errors
    ///
    /// A primary that does not answer.
    pub async fn until_a_commit_waits(&self) -> anyhow::Result<()> {
        let mut admin = PgConnection::connect(&self.primary.url("postgres")).await?;
        eventually("a commit waits for a standby", async || {
            let waits = "SELECT count(*) > 0 FROM pg_stat_activity WHERE wait_event = 'SyncRep'";
            sqlx::query_scalar(waits).fetch_one(&mut admin).await.is_ok_and(|waits| waits)
        })
        .await;
        Ok(())
    }
}
