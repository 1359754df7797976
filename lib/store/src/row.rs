//! Reads a row of an answer into a struct, column by column.

/// Implements [`sqlx::FromRow`] for a struct. `field` is the column of that name, `field: "column"` another
/// column, `field: Type` a struct that is read from the same row, `field: (Option Type if "column")` one that is there if
/// that column is not null. A field that is left out does not compile.
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
    (@field $row:ident $field:ident: (Option $part:ident if $column:literal)) => {
        match sqlx::Row::try_get_raw($row, $column)? {
            raw if sqlx::ValueRef::is_null(&raw) => None,
            _ => Some(<$part as sqlx::FromRow<'_, sqlx::postgres::PgRow>>::from_row($row)?),
        }
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
