//! A table source as its manifest describes it.

use std::fmt::Debug;

use serde::{Deserialize, Serialize};

use crate::table_error::TableError;

/// Which rows, in which order, and what of them. The database's URL holds a password, and comes apart from this.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Table {
    /// One SELECT.
    pub query: String,
    /// Columns of the query by which rows are ordered: together unique, and never NULL.
    pub order_by: Vec<String>,
    /// The column that is the payload, of bytes or text; without it, the row in canonical form.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payload: Option<String>,
}

impl Table {
    /// Looks for what can be seen without the database.
    ///
    /// # Errors
    ///
    /// [`TableError::BadField`].
    pub fn check(&self) -> Result<(), TableError> {
        let Self { query, order_by, payload: _ } = self;
        let bad = |field, given: &dyn Debug, wanted| {
            Err(TableError::BadField { field, given: format!("{given:?}"), wanted })
        };
        if query.trim().is_empty() || query.contains('\0') {
            return bad("query", query, "one SELECT, such as SELECT id, payload FROM payments");
        }
        if order_by.is_empty() {
            return bad("orderBy", order_by, "the columns that tell rows apart, such as [id]");
        }
        if order_by.iter().enumerate().any(|(number, name)| order_by[..number].contains(name)) {
            return bad("orderBy", order_by, "each column once");
        }
        Ok(())
    }
}
