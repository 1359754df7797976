//! Rows of Parquet files in canonical form (RFC 8785). `docs/internals/reading-parquet.md` says what becomes of each type.
//!
//! Columns are read by the typed readers of the crate `parquet`, levels and all, and put together here: its own rows lose
//! nanoseconds, and its arrays of Arrow the days that 64 bits of them do not reach.

mod assemble;
mod calendar;
mod column;
mod decimal;
mod footer;
mod group;
mod pages;
mod reader;
mod scalar;
mod schema;
mod thrift;

pub(crate) use footer::{parts, read as read_footer};
pub(crate) use reader::ParquetRows;
