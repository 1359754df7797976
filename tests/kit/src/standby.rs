//! A primary and its standby, and an address that moves from the one to the other.

use std::io::Write as _;
use std::os::unix::fs::symlink;
use std::sync::Once;

use chancery_local_postgres::{ThrowAway, find_binaries};
use sqlx::{Connection, PgConnection};
use tempfile::TempDir;

use crate::server::{folder, options, throw_away};
use crate::wait::eventually;

const MISSING: &str = "no pg_basebackup beside PostgreSQL's server programs, so no standby can be made";

static SAID: Once = Once::new();

/// Whether there is what standbys are made with. If not, says so in one line, once a process.
pub(crate) fn standbys_can_be_made() -> anyhow::Result<bool> {
    let can_be = find_binaries()?.program("pg_basebackup").is_file();
    if !can_be {
        SAID.call_once(|| {
            // Past the capture of the test harness, which would hide it.
            let _ = writeln!(std::io::stdout(), "skipped: {MISSING}");
        });
    }
    Ok(can_be)
}

/// When a commit is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Replication {
    /// When the standby has it on its disk too.
    Synchronous,
    /// Without waiting for the standby.
    Asynchronous,
}

/// A primary and a standby that follows it.
#[derive(Debug)]
pub struct Pair {
    /// The server that is the primary at first.
    pub primary: ThrowAway,
    /// The one that follows it.
    pub standby: ThrowAway,
    /// Holds a link to the socket of the server in charge, as a Service of Kubernetes leads to it.
    address: TempDir,
}

impl Pair {
    /// Starts both. Where no standby can be made, says so in one line, once a process.
    ///
    /// # Errors
    ///
    /// A server that does not start.
    pub async fn start(replication: Replication) -> anyhow::Result<Option<Self>> {
        if !standbys_can_be_made()? {
            return Ok(None);
        }
        let primary = throw_away();
        let standby = primary.start_standby(&folder(), options())?;
        let pair = Self { primary, standby, address: tempfile::tempdir()? };
        pair.lead_to(&pair.primary)?;
        if replication == Replication::Synchronous {
            let mut admin = PgConnection::connect(&pair.primary.url("postgres")).await?;
            sqlx::raw_sql("ALTER SYSTEM SET synchronous_standby_names = '*'").execute(&mut admin).await?;
            sqlx::raw_sql("SELECT pg_reload_conf()").execute(&mut admin).await?;
            eventually("commits wait for the standby", async || {
                let state = "SELECT count(*) = 1 FROM pg_stat_replication WHERE sync_state = 'sync'";
                sqlx::query_scalar(state).fetch_one(&mut admin).await.is_ok_and(|synchronous| synchronous)
            })
            .await;
        }
        Ok(Some(pair))
    }

    /// The URL of a database of the server in charge.
    #[must_use]
    pub fn url(&self, database: &str) -> String {
        let (address, user) = (self.address.path().display(), chancery_local_postgres::SUPERUSER);
        let port = self.primary.port();
        format!("postgresql:///{database}?host={address}&port={port}&user={user}&sslmode=disable")
    }

    /// Waits until the standby has all that the primary has committed, and stops it.
    ///
    /// # Errors
    ///
    /// A server that does not answer or stop.
    pub async fn catch_up_and_stop_standby(&self) -> anyhow::Result<()> {
        let mut admin = PgConnection::connect(&self.primary.url("postgres")).await?;
        eventually("the standby has caught up", async || {
            let lag = "SELECT coalesce(bool_and(flush_lsn >= pg_current_wal_lsn()), false) FROM pg_stat_replication";
            sqlx::query_scalar(lag).fetch_one(&mut admin).await.is_ok_and(|caught_up| caught_up)
        })
        .await;
        Ok(self.standby.stop_immediate()?)
    }

    /// Crashes the primary for good, makes the standby the primary, and has the address lead there.
    ///
    /// # Errors
    ///
    /// A server that does not stop, start or let itself be promoted.
    pub async fn fail_over(&self) -> anyhow::Result<()> {
        self.primary.stop_immediate()?;
        self.standby.start_again()?;
        let mut admin = PgConnection::connect(&self.standby.url("postgres")).await?;
        let promoted: bool = sqlx::query_scalar("SELECT pg_promote()").fetch_one(&mut admin).await?;
        anyhow::ensure!(promoted, "the standby was not promoted");
        self.lead_to(&self.standby)
    }

    fn lead_to(&self, server: &ThrowAway) -> anyhow::Result<()> {
        let name = format!(".s.PGSQL.{}", server.port());
        let next = self.address.path().join("next");
        symlink(server.socket_dir().join(&name), &next)?;
        Ok(std::fs::rename(next, self.address.path().join(name))?)
    }
}
