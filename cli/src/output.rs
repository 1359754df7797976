//! Writing to standard output and standard error.

use std::borrow::Cow;
use std::io::{self, Write};

use chancery_process::{chain, say};
use comfy_table::{CellAlignment, Table, presets};

use crate::error::CliError;

/// Says on standard error what went wrong, in one paragraph.
pub(crate) fn complain(error: &CliError) {
    say(&format!("error: {}", chain(error)));
}

/// Writes a line to standard output. Whoever closed it early has read enough.
pub(crate) fn line(text: &str) -> Result<(), CliError> {
    write(format!("{text}\n").as_bytes())
}

/// Writes to standard output. Whoever closed it early has read enough.
pub(crate) fn write(bytes: &[u8]) -> Result<(), CliError> {
    let mut out = io::stdout().lock();
    match out.write_all(bytes).and_then(|()| out.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => other.map_err(CliError::Write),
    }
}

/// What others say, as a person may be shown it: a terminal does what some characters tell it, and holders of leases, intakes and
/// whoever pushes say what they like.
pub(crate) fn printable(text: &str) -> Cow<'_, str> {
    if !text.contains(char::is_control) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        if character.is_control() {
            shown.extend(character.escape_debug());
        } else {
            shown.push(character);
        }
    }
    Cow::Owned(shown)
}

/// A table of two columns: what, and how much.
pub(crate) fn facts(rows: &[(&str, String)]) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    for (what, value) in rows {
        table.add_row([printable(what), printable(value)]);
    }
    if let Some(column) = table.column_mut(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table.to_string()
}

/// A table with a header, and the columns of `numbers` to the right.
pub(crate) fn table<const N: usize>(
    header: [&str; N],
    rows: impl IntoIterator<Item = [String; N]>,
    numbers: std::ops::Range<usize>,
) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header(header);
    table.add_rows(rows.into_iter().map(|row| row.map(|cell| printable(&cell).into_owned())));
    for column in numbers {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOSTILE: &str = "signer-1\u{1b}]0;mine\u{7}\u{9b}31m\r\nall is well";
    const HARMLESS: &str = r"signer-1\u{1b}]0;mine\u{7}\u{9b}31m\r\nall is well";

    #[test]
    fn nothing_that_tells_a_terminal_what_to_do_is_in_a_table_or_in_facts() {
        let row = || [HOSTILE.to_owned(), "7".to_owned()];
        for shown in [table(["HOLDER", "KEY"], [row()], 1..2), facts(&[("holder", HOSTILE.to_owned())])] {
            assert!(shown.contains(HARMLESS), "{shown:?}");
            assert!(
                !shown.contains(|character: char| character.is_control() && character != '\n'),
                "{shown:?}"
            );
        }
    }

    #[test]
    fn what_is_no_control_character_is_shown_as_it_is() {
        let text = "\u{dc}ber 'alles' \\ \"\u{1f511}\"";
        assert_eq!(printable(text), text);
    }
}
