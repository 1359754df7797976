//! The queries of `queries/`: each is a file, and has the file's name.

use sqlx::postgres::{PgArguments, PgRow};
use sqlx::query::{QueryAs, QueryScalar};
use sqlx::{FromRow, Postgres};

/// A query with its name, by which traces and errors call it.
#[derive(Clone, Copy, Debug)]
pub struct Query {
    /// The file's name without its ending.
    pub name: &'static str,
    /// The file's text.
    pub sql: &'static str,
}

impl Query {
    /// For plain rows, or none.
    pub(crate) fn rows(self) -> sqlx::query::Query<'static, Postgres, PgArguments> {
        sqlx::query(self.sql)
    }

    /// For rows of a type.
    pub(crate) fn rows_as<T>(self) -> QueryAs<'static, Postgres, T, PgArguments>
    where
        T: for<'r> FromRow<'r, PgRow>,
    {
        sqlx::query_as(self.sql)
    }

    /// For the one value of each row.
    pub(crate) fn scalars<T>(self) -> QueryScalar<'static, Postgres, T, PgArguments>
    where
        (T,): for<'r> FromRow<'r, PgRow>,
    {
        sqlx::query_scalar(self.sql)
    }
}

#[expect(non_upper_case_globals, reason = "a query is named as its file is")]
mod names {
    use super::Query;

    include!(concat!(env!("OUT_DIR"), "/queries.rs"));
}
pub use names::ALL;
pub(crate) use names::*;
