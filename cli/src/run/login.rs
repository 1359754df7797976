//! The logins of a command's signers, of its intake and of its delivery: made before they start, and dropped when they have ended.

use chancery_store::logins::sessions_for;
use chancery_store::{Run, RunLogin};

use crate::database::Database;
use crate::error::CliError;

/// A login for the programs that this command starts. None of them has the owner's.
pub(crate) struct ChildLogin<'a> {
    database: &'a Database,
    login: RunLogin,
}

impl<'a> ChildLogin<'a> {
    pub(crate) async fn for_signers(
        database: &'a Database,
        run: &Run,
        signers: u32,
    ) -> Result<Self, CliError> {
        let login = database.ledger.make_login(run, sessions_for(signers)).await?;
        Ok(Self { database, login })
    }

    pub(crate) async fn for_intake(
        database: &'a Database,
        run: &Run,
        sessions: u32,
    ) -> Result<Self, CliError> {
        let login = database.ledger.make_intake_login(run, sessions).await?;
        Ok(Self { database, login })
    }

    pub(crate) async fn for_delivery(
        database: &'a Database,
        run: &Run,
        sessions: u32,
    ) -> Result<Self, CliError> {
        let login = database.ledger.make_delivery_login(run, sessions).await?;
        Ok(Self { database, login })
    }

    /// The URL that they are given.
    pub(crate) fn url(&self) -> Result<String, CliError> {
        Ok(self.database.ledger.url().for_login(&self.login)?)
    }

    /// Drops the login. Whatever keeps it from that is told, and is no failure of the run: the login goes with the run at the latest.
    pub(crate) async fn drop(self) {
        if let Err(error) = self.database.ledger.drop_login(self.login.name()).await {
            tracing::warn!(
                login = self.login.name(),
                "the login of a program that has ended is left: {error}"
            );
        }
    }
}

/// Drops the logins that earlier commands for the run left behind because they were killed, once it is complete. Before all programs of this
/// command have ended, that could be one of theirs.
pub(crate) async fn drop_left_behind(database: &Database, run: &Run) {
    if let Err(error) = database.ledger.drop_idle_logins(run).await {
        tracing::warn!("logins of programs that have ended are left: {error}");
    }
}
