//! Somebody who has the login of a run and is no signer of it, in SQL.

use anyhow::{bail, ensure};
use chancery_store::logins::sessions_for;
use chancery_store::{LedgerUrl, Run, RunLogin};
use sqlx::{Connection, PgConnection};

use super::world::World;

/// Asks for a lease of the run with this number and uid, whose token is `token`.
const ACQUIRE: &str = "SELECT answer, lease_id, first_record, last_record
                         FROM chancery.lease_acquire($1, $2, 'somebody', sha256('token'), 0, 1)";

/// Stores what has the length of signatures of Ed25519.
const STORE: &str = "SELECT chancery.batch_store($1::bigint, 'token', $2::bigint, $3::bigint,
                            decode(repeat('07', (64 * ($3::bigint - $2::bigint + 1))::integer), 'hex'), true, 'aws-lc-rs')";

/// See the module.
pub(crate) struct Thief {
    pub(crate) connection: PgConnection,
    pub(crate) login: RunLogin,
    run: Run,
}

impl Thief {
    /// With another login of the run than its signers have.
    pub(crate) async fn of(world: &World, name: &str) -> anyhow::Result<Self> {
        let run = world.stored(name).await?;
        let login = world.ledger.ledger.make_login(&run, sessions_for(1)).await?;
        let connection = Self::connect(world, &login).await?;
        Ok(Self { connection, login, run })
    }

    async fn connect(world: &World, login: &RunLogin) -> anyhow::Result<PgConnection> {
        let url = world.ledger.url.parse::<LedgerUrl>()?.for_login(login)?;
        let mut connection = PgConnection::connect(&url).await?;
        sqlx::raw_sql("SET idle_in_transaction_session_timeout = 0").execute(&mut connection).await?;
        Ok(connection)
    }

    /// Comes again, in a session more.
    pub(crate) async fn again(&mut self, world: &World) -> anyhow::Result<()> {
        self.connection = Self::connect(world, &self.login).await?;
        Ok(())
    }

    /// Leases a batch in a transaction that stays open: nobody else of the ring gets a turn.
    pub(crate) async fn keep_turn(&mut self) -> anyhow::Result<()> {
        sqlx::raw_sql("BEGIN").execute(&mut self.connection).await?;
        self.lease().await
    }

    /// Stores the same bytes for each record, until the run is complete. How many batches that were.
    pub(crate) async fn complete_without_signing(&mut self) -> anyhow::Result<usize> {
        let mut batches = 0;
        loop {
            match self.acquire().await? {
                (answer, Some(lease), Some(first), Some(last)) if answer == "leased" => {
                    let store = sqlx::query(STORE).bind(lease).bind(first).bind(last);
                    store.execute(&mut self.connection).await?;
                    batches += 1;
                }
                (answer, ..) if answer == "complete" => return Ok(batches),
                other => bail!("{other:?}"),
            }
        }
    }

    /// Leases a batch.
    pub(crate) async fn lease(&mut self) -> anyhow::Result<()> {
        let (answer, ..) = self.acquire().await?;
        ensure!(answer == "leased", "{answer}");
        Ok(())
    }

    /// Leases and gives back, so many times.
    pub(crate) async fn waste_leases(&mut self, times: i64) -> anyhow::Result<()> {
        for _ in 0..times {
            let (answer, lease, ..) = self.acquire().await?;
            ensure!(answer == "leased", "{answer}");
            let give_back = sqlx::query("SELECT chancery.lease_abandon($1, 'token')").bind(lease);
            give_back.execute(&mut self.connection).await?;
        }
        Ok(())
    }

    async fn acquire(&mut self) -> anyhow::Result<(String, Option<i64>, Option<i64>, Option<i64>)> {
        let acquire = sqlx::query_as(ACQUIRE).bind(self.run.id).bind(self.run.uid);
        Ok(acquire.fetch_one(&mut self.connection).await?)
    }
}
