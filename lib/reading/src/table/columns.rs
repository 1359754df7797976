//! What the columns of a query are, and how they are read.

use chancery_canonical::{name_order, write_string};

use crate::table::describe::Table;
use crate::table_error::TableError;

/// A column, as the server describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Column {
    pub(crate) name: String,
    /// The number of its type; of a domain, of what is below it.
    pub(crate) oid: u32,
}

/// What becomes of a value in a row's canonical form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Boolean,
    /// Of at most 32 bits, which a double holds.
    Integer,
    Single,
    Double,
    Bytes,
    Json,
    /// Anything else: a string with what PostgreSQL prints.
    Text,
}

impl Kind {
    /// Numbers of `pg_type`.
    pub(crate) fn of(oid: u32) -> Self {
        match oid {
            16 => Self::Boolean,
            21 | 23 | 26 => Self::Integer,
            700 => Self::Single,
            701 => Self::Double,
            17 => Self::Bytes,
            114 | 3802 => Self::Json,
            _ => Self::Text,
        }
    }
}

/// Whether values of a type are short, whatever they are: numbers, times, addresses, identifiers.
pub(crate) fn is_short(oid: u32) -> bool {
    const SHORT: [u32; 22] = [
        16, 18, 20, 21, 23, 26, 650, 700, 701, 774, 790, 829, 869, 1082, 1083, 1114, 1184, 1186, 1266, 2950,
        3220, 5069,
    ];
    SHORT.contains(&oid)
}

/// What is read of a row beside its key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// One column as it is.
    Payload { column: Column, bytes: bool },
    /// All of them, in the order of the canonical form, each with its name as JSON.
    Row(Vec<(Column, Vec<u8>)>),
}

/// Chooses it.
///
/// # Errors
///
/// [`TableError`]: columns that are not there, or not what they have to be.
pub(crate) fn shape(table: &Table, columns: Vec<Column>) -> Result<Shape, TableError> {
    for name in &table.order_by {
        find("orderBy", name, &columns)?;
    }
    if let Some(name) = &table.payload {
        let column = find("payload", name, &columns)?.clone();
        return match column.oid {
            17 => Ok(Shape::Payload { column, bytes: true }),
            25 | 114 | 1043 | 3802 => Ok(Shape::Payload { column, bytes: false }),
            _ => Err(TableError::BadPayload { column: column.name }),
        };
    }
    let mut columns = columns;
    columns.sort_by(|one, other| name_order(&one.name, &other.name));
    if let Some(twice) = columns.windows(2).find(|pair| pair[0].name == pair[1].name) {
        return Err(TableError::TwiceNamed { column: twice[0].name.clone() });
    }
    let named = columns.into_iter().map(|column| {
        let mut name = Vec::new();
        write_string(&mut name, &column.name);
        (column, name)
    });
    Ok(Shape::Row(named.collect()))
}

fn find<'a>(field: &'static str, name: &str, columns: &'a [Column]) -> Result<&'a Column, TableError> {
    let mut found = columns.iter().filter(|column| column.name == name);
    match (found.next(), found.next()) {
        (Some(column), None) => Ok(column),
        (Some(_), Some(_)) => Err(TableError::TwiceNamed { column: name.to_owned() }),
        (None, _) => {
            let names: Vec<&str> = columns.iter().map(|column| column.name.as_str()).collect();
            let column = name.to_owned();
            let columns = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
            Err(TableError::NoColumn { field, column, columns })
        }
    }
}
