//! The login of a command's signers: made before they start, and dropped when they have ended.

use chancery_store::logins::sessions_for;
use chancery_store::{Run, RunLogin};

use crate::database::Database;
use crate::error::CliError;

/// A login for the signers of this command. No signer has the owner's.
pub(crate) struct SignersLogin<'a> {
    database: &'a Database,
    run: &'a Run,
    login: RunLogin,
}

impl<'a> SignersLogin<'a> {
    pub(crate) async fn make(database: &'a Database, run: &'a Run, signers: u32) -> Result<Self, CliError> {
        let login = database.ledger.make_login(run, sessions_for(signers)).await?;
        Ok(Self { database, run, login })
    }

    /// The URL that the signers are given.
    pub(crate) fn url(&self) -> Result<String, CliError> {
        Ok(self.database.ledger.url().for_login(&self.login)?)
    }

    /// Drops the login, and those that earlier commands for the run left behind because they were killed. Whatever
    /// keeps it from that is told, and is no failure of the run: the login goes with the run at the latest.
    pub(crate) async fn drop(self) {
        let ledger = &self.database.ledger;
        let mut dropped = ledger.drop_login(self.login.name()).await;
        if dropped.is_ok() {
            dropped = ledger.drop_idle_logins(self.run).await;
        }
        if let Err(error) = dropped {
            tracing::warn!(login = self.login.name(), "the login of the signers is left: {error}");
        }
    }
}
