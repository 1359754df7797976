//! A look at a table before anything is made of it: what is wrong with it is said at once, and not after half of its rows.

use sqlx::{AssertSqlSafe, Connection};

use crate::error::ReadError;
use crate::table::connect::connect;
use crate::table::failure;
use crate::table::query;
use crate::table::reader::TableSource;
use crate::table::row::{bytes_of, number};
use crate::table::rows::Wanted;
use crate::table_error::TableError;

impl TableSource {
    /// Logs in, and makes sure that the query is one SELECT that has the columns that are named.
    ///
    /// # Errors
    ///
    /// [`ReadError`].
    pub async fn look(&self) -> Result<(), ReadError> {
        self.look_with(false).await
    }

    /// The same, and that the order tells all rows apart that there are now. The server looks at every row for that: without
    /// an index, it sorts them.
    ///
    /// # Errors
    ///
    /// [`ReadError`].
    pub async fn look_at_order(&self) -> Result<(), ReadError> {
        self.look_with(true).await
    }

    async fn look_with(&self, at_order: bool) -> Result<(), ReadError> {
        let Self { place, table } = self.clone();
        let wanted = Wanted { place, table, before: 0, after: None };
        let mut connection = connect(&wanted.place).await?;
        wanted.timed(wanted.begin(&mut connection)).await?;
        if at_order {
            wanted.timed(wanted.refuse_nulls(&mut connection)).await?;
            let asked = sqlx::raw_sql(AssertSqlSafe(query::equal_rows(&wanted.table)));
            let equal = wanted.timed(async {
                asked
                    .fetch_optional(&mut connection)
                    .await
                    .map_err(|error| failure::of(&wanted.place, &error))
            });
            if let Some(row) = equal.await? {
                let printed = bytes_of(&row, 0).and_then(|text| number(text.unwrap_or_default()));
                let row = printed.map_err(|error| failure::of(&wanted.place, &error))?;
                let columns = wanted.table.order_by.join(", ");
                return Err(TableError::NoUniqueOrder { row, columns }.into());
            }
        }
        // What was asked for is known, whatever becomes of the connection.
        let _closed = connection.close().await;
        Ok(())
    }
}
