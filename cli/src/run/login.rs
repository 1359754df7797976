//! The logins of a command's signers, of its intake and of its delivery: made before they start, and dropped when they have ended.

use chancery_store::logins::{Work, sessions_for};
use chancery_store::{Run, RunLogin};

use crate::database::Database;
use crate::error::CliError;

/// A login for the programs that this command starts. None of them has the owner's.
pub(crate) struct ChildLogin<'a> {
    database: &'a Database,
    run: &'a Run,
    work: Work,
    login: RunLogin,
}

impl<'a> ChildLogin<'a> {
    pub(crate) async fn for_signers(
        database: &'a Database,
        run: &'a Run,
        signers: u32,
    ) -> Result<Self, CliError> {
        let login = database.ledger.make_login(run, sessions_for(signers)).await?;
        Ok(Self { database, run, work: Work::Sign, login })
    }

    pub(crate) async fn for_intake(
        database: &'a Database,
        run: &'a Run,
        sessions: u32,
    ) -> Result<Self, CliError> {
        let login = database.ledger.make_intake_login(run, sessions).await?;
        Ok(Self { database, run, work: Work::Admit, login })
    }

    pub(crate) async fn for_delivery(
        database: &'a Database,
        run: &'a Run,
        sessions: u32,
    ) -> Result<Self, CliError> {
        let login = database.ledger.make_delivery_login(run, sessions).await?;
        Ok(Self { database, run, work: Work::Deliver, login })
    }

    /// The URL that they are given.
    pub(crate) fn url(&self) -> Result<String, CliError> {
        Ok(self.database.ledger.url().for_login(&self.login)?)
    }

    /// Drops the login, and those of the kind that earlier commands for the run left behind because they were killed. Whatever
    /// keeps it from that is told, and is no failure of the run: the login goes with the run at the latest.
    pub(crate) async fn drop(self) {
        let ledger = &self.database.ledger;
        let mut dropped = ledger.drop_login(self.login.name()).await;
        if dropped.is_ok() {
            dropped = ledger.drop_idle_logins(self.run, self.work).await;
        }
        if let Err(error) = dropped {
            tracing::warn!(
                login = self.login.name(),
                "the login of a program that has ended is left: {error}"
            );
        }
    }
}
