//! The login of an operator, for an installation whose owner's login may make roles.

use sqlx::AssertSqlSafe;

use super::verifier::verifier;
use crate::answer::{LONG, answered};
use crate::connect::{Ledger, LedgerUrl, OPERATOR_ROLE, OWNER_STATEMENT_TIMEOUT};
use crate::error::StoreError;
use crate::query;

impl Ledger {
    /// Makes the login that the URL names, with the password that is in it, and gives it what operators may do. One that is
    /// there gets the password, unless it works and is an operator's already.
    ///
    /// # Errors
    ///
    /// [`StoreError::OwnerAsOperator`] when it is the owner, or a superuser; [`StoreError::LacksRights`] when this login may not
    /// make others; [`StoreError::BadUrl`]; and a database that is away or refuses.
    pub async fn make_operator(&self, operator: &LedgerUrl) -> Result<(), StoreError> {
        let login = operator.login().to_owned();
        let standing = self.ask(query::operator_standing, async |query, connection| {
            query.rows_as::<(bool, bool, bool)>().bind(&login).fetch_one(connection).await
        });
        let (exists, is_operator, is_more) = standing.await?;
        if is_more {
            return Err(StoreError::OwnerAsOperator(login));
        }
        if is_operator && operator.connect(OWNER_STATEMENT_TIMEOUT).await.is_ok() {
            return Ok(());
        }
        let verifier = operator.password()?.map(|password| verifier(&password));
        let make = self.ask(query::operator_make, async |query, connection| {
            let query = query.scalars::<String>().bind(&login).bind(&verifier).bind(exists);
            query.fetch_one(connection).await
        });
        let make = make.await?;
        self.lend(async |connection| {
            // The server wrote it itself, names and values in quotes.
            let made = sqlx::raw_sql(AssertSqlSafe(make)).execute(connection);
            answered("the operator's login", LONG, made).await.map(|_| ())
        })
        .await?;
        tracing::info!(login, role = OPERATOR_ROLE, "the operator's login is made");
        Ok(())
    }
}
