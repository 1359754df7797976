//! Logins of runs: each signs one run, and reads its records, or admits records to it, or brings its signed batches to its sinks. It
//! can do nothing else to the ledger.
//!
//! The database roles are made and dropped by one function, `chancery_logins.change`, which an administrator puts into
//! the database (`migrations/administrator.sql`), or [`Ledger::migrate`] where its login may. The ledger keeps which
//! login is which run's, and every function that signers call looks there.

mod login;
mod member;
mod verifier;

use std::time::Duration;

use sqlx::Connection;
use sqlx::postgres::PgConnection;
use sqlx::types::Uuid;

pub use self::login::{RunLogin, Work};
use self::verifier::verifier;
use crate::answer::{LONG, answered};
use crate::connect::Ledger;
use crate::error::codes::RUN_GETS_NO_LOGIN;
use crate::error::{StoreError, said};
use crate::query;
use crate::row::from_row;
use crate::run::Run;

/// The SQL that an administrator of the server runs once in a ledger's database.
pub const ADMINISTRATOR_SQL: &str = include_str!("../../../migrations/administrator.sql");

/// Sessions that a login needs for so many signers: each has one more than its threads, some more for a moment as it
/// starts, and as many again while the server has not noticed that those of a dead one are gone.
#[must_use]
pub fn sessions_for(signers: u32) -> u32 {
    signers.saturating_mul(12).saturating_add(12).min(100_000)
}

/// A login of a run, as the ledger and the server know it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownLogin {
    /// The name of its role.
    pub name: String,
    /// What it is for.
    pub work: Work,
    /// Whether the server has such a role, and lets it log in.
    pub works: bool,
    /// Whether it has sessions.
    pub in_use: bool,
}

from_row!(KnownLogin { name, work: Work, works, in_use });

/// A transaction that a login of a run, or of a gateway, has open.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct LoginTransaction {
    /// The name of its role.
    pub login: String,
    /// Whether it is a gateway's, and no run's.
    pub is_gateway: bool,
    /// The server's process that serves the session.
    pub pid: i32,
    /// Tells the transaction from every other one of the server.
    pub transaction: String,
    /// Whether its session holds an advisory lock.
    pub holds_turn: bool,
    /// Whether one of them is the turn of a ring.
    pub holds_ring: bool,
}

from_row!(LoginTransaction { login, is_gateway, pid, transaction, holds_turn, holds_ring });

/// A login of a run, and a session of it, if it has any.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoginSession {
    /// The name of its role.
    pub login: String,
    /// The server's process that serves the session.
    pub pid: Option<i32>,
}

from_row!(LoginSession { login, pid });

impl Ledger {
    /// Makes a login for the run, with a new password; it may have `sessions` sessions at once. Those that the run has
    /// already stay as they are.
    ///
    /// # Errors
    ///
    /// [`StoreError::NoLoginMaker`] when this login may not have others made, [`StoreError::BeingDeleted`] when the run
    /// is; and a database that is away or refuses.
    pub async fn make_login(&self, run: &Run, sessions: u32) -> Result<RunLogin, StoreError> {
        self.make(run, Work::Sign, sessions).await
    }

    /// The same for a login that admits records to the run, and does nothing else.
    ///
    /// # Errors
    ///
    /// Those of [`Ledger::make_login`].
    pub async fn make_intake_login(&self, run: &Run, sessions: u32) -> Result<RunLogin, StoreError> {
        self.make(run, Work::Admit, sessions).await
    }

    /// The same for a login that brings the run's signed batches to its sinks, and does nothing else.
    ///
    /// # Errors
    ///
    /// Those of [`Ledger::make_login`].
    pub async fn make_delivery_login(&self, run: &Run, sessions: u32) -> Result<RunLogin, StoreError> {
        self.make(run, Work::Deliver, sessions).await
    }

    async fn make(&self, run: &Run, work: Work, sessions: u32) -> Result<RunLogin, StoreError> {
        self.lend(async |connection| {
            let uid = query::ledger_uid.scalars::<Uuid>().fetch_one(&mut *connection);
            let uid = answered(query::ledger_uid.name, LONG, uid).await?;
            let login = RunLogin::random(uid, run.id, work);
            let mut transaction =
                answered("the login's transaction", LONG, Connection::begin(&mut *connection)).await?;
            let change = Change {
                verifier: Some(verifier(login.password())),
                sessions: Some(i32::try_from(sessions).unwrap_or(i32::MAX)),
                ..Change::new("make", login.name())
            };
            change.ask(&mut transaction).await?;
            let bind = query::login_bind.rows().bind(run.id).bind(login.name());
            answered(query::login_bind.name, LONG, bind.execute(&mut *transaction)).await.map_err(
                |error| match error.is_refusal(RUN_GETS_NO_LOGIN) {
                    true => StoreError::BeingDeleted(format!("{}/{}", run.namespace, run.name)),
                    false => error,
                },
            )?;
            answered("the login's commit", LONG, transaction.commit()).await?;
            Ok(login)
        })
        .await
    }

    /// Changes how many sessions a login may have at once. False when there is no such login.
    ///
    /// # Errors
    ///
    /// Those of [`Ledger::drop_login`].
    pub async fn limit_login(&self, name: &str, sessions: u32) -> Result<bool, StoreError> {
        let sessions = Some(i32::try_from(sessions).unwrap_or(i32::MAX));
        let change = Change { sessions, ..Change::new("limit", name) };
        self.lend(async |connection| change.ask(connection).await).await.map(|ended| ended.is_some())
    }

    /// Ends the sessions of a login and drops it; it is gone for its run, too. One that is gone already is no error.
    ///
    /// # Errors
    ///
    /// [`StoreError::NoLoginMaker`] when this login may not have others dropped; a database that is away or refuses, as it does
    /// when the login owns something in another database. Then nobody can log in with it any more.
    pub async fn drop_login(&self, name: &str) -> Result<(), StoreError> {
        self.lend(async |connection| {
            // In a transaction of its own: nobody logs in while the sessions are ended.
            let known = Change::new("bar", name).ask(connection).await?.is_some();
            let mut transaction =
                answered("the login's transaction", LONG, Connection::begin(&mut *connection)).await?;
            let unbind = query::login_unbind.rows().bind(name);
            answered(query::login_unbind.name, LONG, unbind.execute(&mut *transaction)).await?;
            if known {
                Change::new("drop", name).ask(&mut transaction).await?;
            }
            answered("the login's commit", LONG, transaction.commit()).await
        })
        .await
    }

    /// Drops the logins of the run that are for this.
    ///
    /// # Errors
    ///
    /// Those of [`Ledger::drop_login`].
    pub async fn drop_logins_for(&self, run: &Run, work: Work) -> Result<(), StoreError> {
        for login in self.logins(run).await?.into_iter().filter(|login| login.work == work) {
            self.drop_login(&login.name).await?;
        }
        Ok(())
    }

    /// Drops every login that the run has.
    ///
    /// # Errors
    ///
    /// Those of [`Ledger::drop_login`].
    pub async fn drop_logins(&self, run: &Run) -> Result<(), StoreError> {
        for login in self.logins(run).await? {
            self.drop_login(&login.name).await?;
        }
        Ok(())
    }

    /// Drops every login of a run that is not, or no more, whose it was. What cannot be dropped at all is left, with a warning: it
    /// must not keep the run from going its way, and is looked for again (`unneeded_logins`).
    pub(crate) async fn end_logins(&self, run: &Run) -> Result<(), StoreError> {
        match self.drop_logins(run).await {
            Err(error) if !error.is_transient() => {
                tracing::warn!(run = run.id, "former logins of a run are left: {error}");
                Ok(())
            }
            ended => ended,
        }
    }

    /// Drops the logins of the run that have no session: those of programs that were killed. One that was just made for another program is
    /// in danger, too; so only once the run is complete, and by whoever knows that its own programs have ended.
    ///
    /// # Errors
    ///
    /// Those of [`Ledger::drop_login`].
    pub async fn drop_idle_logins(&self, run: &Run) -> Result<(), StoreError> {
        let progress = self.progress(&[run.id]).await?;
        if !progress.iter().all(|progress| progress.complete) {
            return Ok(());
        }
        for login in self.logins(run).await?.into_iter().filter(|login| !login.in_use) {
            self.drop_login(&login.name).await?;
        }
        Ok(())
    }

    /// The logins of a run, oldest first.
    ///
    /// # Errors
    ///
    /// A database that is away or refuses.
    pub async fn logins(&self, run: &Run) -> Result<Vec<KnownLogin>, StoreError> {
        self.ask(query::logins_of_run, async |query, connection| {
            query.rows_as().bind(run.id).fetch_all(connection).await
        })
        .await
    }

    /// Logins for which nobody has a use: of runs that are complete or gone, of signers whose run waits for its sinks alone, and of those who had a run before it was taken
    /// over.
    ///
    /// # Errors
    ///
    /// A database that is away or refuses.
    pub async fn unneeded_logins(&self) -> Result<Vec<String>, StoreError> {
        self.ask(query::logins_unneeded, async |query, connection| {
            query.scalars().fetch_all(connection).await
        })
        .await
    }

    /// What the logins of runs and of gateways have open.
    ///
    /// # Errors
    ///
    /// A database that is away or refuses.
    pub async fn login_transactions(&self) -> Result<Vec<LoginTransaction>, StoreError> {
        self.ask(query::login_transactions, async |query, connection| {
            query.rows_as().fetch_all(connection).await
        })
        .await
    }

    /// Logins of runs of which more leases ended unsigned in the last `window` than `most` for each session that they may
    /// have, or whose leases are renewed for hours: each with each of its sessions.
    ///
    /// # Errors
    ///
    /// A database that is away or refuses.
    pub async fn logins_wasting_leases(
        &self,
        window: Duration,
        most: i64,
    ) -> Result<Vec<LoginSession>, StoreError> {
        self.ask(query::logins_wasting_leases, async |query, connection| {
            query.rows_as().bind(window.as_secs_f64()).bind(most).fetch_all(connection).await
        })
        .await
    }

    /// Ends a session of a login, of a run or of a gateway. False when it has ended already.
    ///
    /// # Errors
    ///
    /// Those of [`Ledger::drop_login`]. Where an administrator's part is of a former version, a session of a gateway is not ended, and that
    /// is an error that is not transient.
    pub async fn end_session(&self, login: &str, pid: i32) -> Result<bool, StoreError> {
        let change = Change { session: Some(pid), ..Change::new("end", login) };
        let ended = self.lend(async |connection| change.ask(connection).await).await?;
        Ok(ended.is_some_and(|ended| ended > 0))
    }
}

/// What `chancery_logins.change` is asked for.
struct Change<'a> {
    action: &'static str,
    login: &'a str,
    verifier: Option<String>,
    sessions: Option<i32>,
    session: Option<i32>,
}

impl<'a> Change<'a> {
    fn new(action: &'static str, login: &'a str) -> Self {
        Self { action, login, verifier: None, sessions: None, session: None }
    }

    /// How many sessions were ended; none when there is no such login.
    async fn ask(&self, connection: &mut PgConnection) -> Result<Option<i64>, StoreError> {
        let Self { action, login, verifier, sessions, session } = self;
        let change = query::login_change.scalars::<Option<i64>>();
        let change = change.bind(action).bind(login).bind(verifier).bind(sessions).bind(session);
        answered(query::login_change.name, LONG, change.fetch_one(connection)).await.map_err(no_login_maker)
    }
}

/// That the function is missing, or not for this login, where the database says so.
fn no_login_maker(error: StoreError) -> StoreError {
    match error {
        StoreError::LacksRights(reason) | StoreError::OtherFunctions { reason, .. } => {
            StoreError::NoLoginMaker(said(&reason))
        }
        StoreError::Query { reason, .. }
            if reason
                .as_database_error()
                .is_some_and(|refusal| refusal.code().as_deref() == Some("3F000")) =>
        {
            StoreError::NoLoginMaker(said(&reason))
        }
        other => other,
    }
}
