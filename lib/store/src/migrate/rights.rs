//! The roles of a ledger, and an administrator's part in making them.

use sha2::{Digest, Sha256};
use sqlx::postgres::PgConnection;

use super::failed;
use crate::answer::{LONG, SHORT, answered};
use crate::error::{StoreError, said};
use crate::logins::ADMINISTRATOR_SQL;
use crate::query;
use crate::row::from_row;

/// Roles belong to the whole server. Programs that migrate several ledgers of one server at once may meet there.
const ATTEMPTS: u32 = 10;

/// PostgreSQL's SQLSTATEs for two that changed one role at once.
const MET: [&str; 2] = ["XX000", "23505"];

/// What there is of the roles, and what of their rights they have.
pub(super) struct Rights {
    /// There are all, and this login can use them.
    pub(super) roles: bool,
    /// This login can have logins of runs made.
    logins: bool,
    /// What nobody needs is taken from everybody.
    hardened: bool,
    superuser: bool,
    createrole: bool,
    /// The roles have the rights of `roles.sql`, and no others.
    pub(super) tables: bool,
    /// There is a function that everybody may call.
    pub(super) open_to_all: bool,
    /// Each after the name of a role that may call it.
    pub(super) functions: Vec<String>,
}

from_row!(Rights { roles, logins, hardened, superuser, createrole, tables, open_to_all, functions });

impl Rights {
    pub(super) async fn look(connection: &mut PgConnection) -> Result<Self, StoreError> {
        let rights = query::rights.rows_as::<Self>().bind(login_maker_hash());
        answered(query::rights.name, LONG, rights.fetch_one(connection)).await
    }

    /// Whether an administrator's part is missing, as far as this login can see to it.
    pub(super) fn want_an_administrator(&self) -> bool {
        let (has_all, may) = (self.roles && self.logins, self.superuser || self.createrole);
        (may && !has_all) || (self.superuser && !self.hardened)
    }
}

/// What there is of the roles, of a ledger of any version.
struct Roles {
    roles: bool,
    may_make_them: bool,
}

from_row!(Roles { roles, may_make_them });

impl Roles {
    async fn look(connection: &mut PgConnection) -> Result<Self, StoreError> {
        let roles = query::roles.rows_as::<Self>();
        answered(query::roles.name, SHORT, roles.fetch_one(connection)).await
    }
}

/// Sees to it that there are the roles of a ledger, by this login if it may, and refuses to go on without them.
pub(super) async fn want_roles(connection: &mut PgConnection) -> Result<(), StoreError> {
    let mut found = Roles::look(connection).await?;
    if !found.roles && found.may_make_them {
        administer(connection).await?;
        found = Roles::look(connection).await?;
    }
    if found.roles {
        return Ok(());
    }
    let missing = "the roles of a ledger are missing on this server, or not granted to this login";
    Err(StoreError::NoLoginMaker(missing.to_owned()))
}

/// The body of the function that makes logins, as this program knows it, by its SHA-256.
fn login_maker_hash() -> String {
    let body = ADMINISTRATOR_SQL
        .split_once("CREATE FUNCTION chancery_logins.change(")
        .and_then(|(_, rest)| rest.split_once("AS $$"))
        .and_then(|(_, rest)| rest.split_once("$$;"))
        .map_or("", |(body, _)| body);
    Sha256::digest(body).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Does an administrator's part, by a login that may. From PostgreSQL 16 on, whoever may make roles may not give away those
/// that others have made: then what is missing is left to those.
pub(super) async fn administer(connection: &mut PgConnection) -> Result<(), StoreError> {
    let mut left = ATTEMPTS;
    loop {
        left -= 1;
        let done =
            answered("administrator.sql", LONG, sqlx::raw_sql(ADMINISTRATOR_SQL).execute(&mut *connection));
        match done.await {
            Ok(_) => return Ok(()),
            Err(error)
                if left > 0
                    && (matches!(error, StoreError::GaveUp { .. })
                        || MET.iter().any(|code| error.is_refusal(code))) =>
            {
                tracing::debug!(%error, "another program changes the same roles; once more");
            }
            Err(StoreError::LacksRights(reason)) => {
                tracing::debug!("the administrator's part is left to others: {}", said(&reason));
                return Ok(());
            }
            Err(error) => return Err(failed("administrator.sql", error)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_body_of_the_maker_of_logins_is_found() {
        let of_nothing = Sha256::digest("").iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        assert_ne!(login_maker_hash(), of_nothing);
        assert_eq!(ADMINISTRATOR_SQL.matches("CREATE FUNCTION").count(), 1, "one function has that right");
    }
}
