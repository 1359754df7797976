//! Rows of a PostgreSQL query as arrivals: by keys, in one snapshot, resumable behind any row.

mod columns;
mod connect;
mod database;
mod describe;
mod failure;
mod key;
mod look;
mod lookup;
mod place;
mod query;
mod reader;
mod relay;
mod row;
mod rows;

pub use database::Database;
pub use describe::Table;
pub use key::RowKey;
pub use lookup::{KeyLookup, Looked};
pub use place::TableLogin;
pub use reader::{TableReader, TableRow, TableSource};
