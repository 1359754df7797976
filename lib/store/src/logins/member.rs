//! The logins of an operator and of a gateway, for an installation whose owner's login may make roles.

use sqlx::AssertSqlSafe;

use super::verifier::verifier;
use crate::answer::{LONG, answered};
use crate::connect::{
    AUDITOR_ROLE, DELIVERY_ROLE, GATEWAY_ROLE, INTAKE_ROLE, Ledger, LedgerUrl, OPERATOR_ROLE,
    OWNER_STATEMENT_TIMEOUT, SIGNER_ROLE,
};
use crate::error::StoreError;
use crate::query;

/// What a gateway's login must not be: whoever reaches a gateway from outside would have that within reach.
const BEYOND_A_GATEWAY: [&str; 5] = [OPERATOR_ROLE, AUDITOR_ROLE, SIGNER_ROLE, INTAKE_ROLE, DELIVERY_ROLE];

/// Sessions that a gateway's login may have at once: those of five pods, and of one that takes the place of another. A thief of it would otherwise take all that the server has.
const GATEWAY_SESSIONS: i32 = 50;

impl Ledger {
    /// Makes the login that the URL names, with the password that is in it, and gives it what operators may do. One that is
    /// there gets the password, unless it works and is an operator's already.
    ///
    /// # Errors
    ///
    /// [`StoreError::OwnerAsOperator`] when it is the owner, or a superuser; [`StoreError::LacksRights`] when this login may not
    /// make others; [`StoreError::BadUrl`]; and a database that is away or refuses.
    pub async fn make_operator(&self, operator: &LedgerUrl) -> Result<(), StoreError> {
        self.make_member(operator, OPERATOR_ROLE, None, &[], StoreError::OwnerAsOperator).await
    }

    /// The same for the login of a gateway.
    ///
    /// # Errors
    ///
    /// [`StoreError::TooMuchForGateway`] when it is the owner, a superuser, or an operator's, an auditor's or a run's; and
    /// those of [`Ledger::make_operator`].
    pub async fn make_gateway(&self, gateway: &LedgerUrl) -> Result<(), StoreError> {
        let sessions = Some(GATEWAY_SESSIONS);
        self.make_member(gateway, GATEWAY_ROLE, sessions, &BEYOND_A_GATEWAY, StoreError::TooMuchForGateway)
            .await
    }

    async fn make_member(
        &self,
        url: &LedgerUrl,
        role: &'static str,
        sessions: Option<i32>,
        beyond: &[&str],
        too_much: fn(String) -> StoreError,
    ) -> Result<(), StoreError> {
        let login = url.login().to_owned();
        let standing = self.ask(query::member_standing, async |query, connection| {
            let query = query.rows_as::<(bool, bool, bool)>().bind(&login).bind(role).bind(beyond);
            query.fetch_one(connection).await
        });
        let (exists, is_member, is_more) = standing.await?;
        if is_more {
            return Err(too_much(login));
        }
        if is_member && url.connect(OWNER_STATEMENT_TIMEOUT).await.is_ok() {
            return Ok(());
        }
        let verifier = url.password()?.map(|password| verifier(&password));
        let make = self.ask(query::member_make, async |query, connection| {
            let query =
                query.scalars::<String>().bind(&login).bind(&verifier).bind(exists).bind(role).bind(sessions);
            query.fetch_one(connection).await
        });
        let make = make.await?;
        self.lend(async |connection| {
            // The server wrote it itself, names and values in quotes.
            let made = sqlx::raw_sql(AssertSqlSafe(make)).execute(connection);
            answered("the making of a login", LONG, made).await.map(|_| ())
        })
        .await?;
        tracing::info!(login, role, "the login is made");
        Ok(())
    }
}
