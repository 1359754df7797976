//! Reads a row of an answer into a struct, column by column.

/// Implements [`sqlx::FromRow`] for a struct. `field` is the column of that name, `field: "column"` another
/// column, `field: Type` a struct that is read from the same row. A field that is left out does not compile.
///
/// sqlx's derive macro does the same. But it brings all of sqlx into the compiler, with its PostgreSQL
/// driver and TLS, and so builds them a second time.
macro_rules! from_row {
    (@field $row:ident $field:ident) => {
        sqlx::Row::try_get($row, stringify!($field))?
    };
    (@field $row:ident $field:ident: $column:literal) => {
        sqlx::Row::try_get($row, $column)?
    };
    (@field $row:ident $field:ident: $part:ident) => {
        <$part as sqlx::FromRow<'_, sqlx::postgres::PgRow>>::from_row($row)?
    };
    ($name:ident { $($field:ident $(: $from:tt)?),+ $(,)? }) => {
        impl<'r> sqlx::FromRow<'r, sqlx::postgres::PgRow> for $name {
            fn from_row(row: &'r sqlx::postgres::PgRow) -> sqlx::Result<Self> {
                Ok(Self { $($field: from_row!(@field row $field $(: $from)?)),+ })
            }
        }
    };
}
pub(crate) use from_row;
