//! Writing to standard output and standard error.

use std::error::Error;
use std::io::{self, Write};

use comfy_table::{CellAlignment, Table, presets};

use crate::error::CliError;

/// Says on standard error what went wrong, in one paragraph.
#[expect(clippy::print_stderr, reason = "an error message is for the person at the keyboard")]
pub(crate) fn complain(error: &CliError) {
    eprintln!("error: {error}");
    let mut source = error.source();
    // Most messages name their cause already; only what they leave out is added.
    while let Some(cause) = source {
        let text = cause.to_string();
        if !error.to_string().contains(&text) {
            eprintln!("  because: {text}");
        }
        source = cause.source();
    }
}

/// Writes a line to standard output. Whoever closed it early has read enough.
pub(crate) fn line(text: &str) -> Result<(), CliError> {
    match writeln!(io::stdout().lock(), "{text}") {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => other.map_err(CliError::Write),
    }
}

/// A table of two columns: what, and how much.
pub(crate) fn facts(rows: &[(&str, String)]) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    for (what, value) in rows {
        table.add_row([*what, value.as_str()]);
    }
    if let Some(column) = table.column_mut(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table.to_string()
}
