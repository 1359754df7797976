//! The tables of a sink of the kind `table`.

use std::path::Path;

use anyhow::Context as _;

/// The statements by which the documentation says that they are created.
///
/// # Errors
///
/// When the page cannot be read, or has none.
pub fn sink_tables() -> anyhow::Result<String> {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/reference/sinks.md");
    let page = std::fs::read_to_string(page)?;
    let (_, sql) = page.split_once("```sql\nCREATE TABLE ").context("the page has no table")?;
    let (sql, _) = sql.split_once("```").context("the table does not end")?;
    Ok(format!("CREATE TABLE {sql}"))
}
