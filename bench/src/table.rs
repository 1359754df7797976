//! Tables of what was measured.

use chancery_process::grouped;
use serde::{Deserialize, Serialize};

/// One cell. Numbers stay numbers in the results and are rounded where they are shown.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Cell {
    /// A number; its unit is in the head of the column.
    Number(f64),
    /// Words.
    Text(String),
    /// Nothing was measured here.
    Empty,
}

impl From<f64> for Cell {
    fn from(number: f64) -> Self {
        Self::Number(number)
    }
}

impl From<u64> for Cell {
    fn from(number: u64) -> Self {
        #[expect(clippy::cast_precision_loss, reason = "shown with three digits")]
        Self::Number(number as f64)
    }
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<Option<f64>> for Cell {
    fn from(number: Option<f64>) -> Self {
        number.map_or(Self::Empty, Self::Number)
    }
}

impl Cell {
    fn shown(&self) -> String {
        match self {
            Self::Number(number) => rounded(*number),
            Self::Text(text) => text.clone(),
            Self::Empty => String::new(),
        }
    }
}

/// Three digits or so, and thousands apart.
fn rounded(number: f64) -> String {
    if number == 0.0 {
        return "0".to_owned();
    }
    let decimals = match number.abs() {
        100.0.. => 0,
        10.0.. => 1,
        1.0.. => 2,
        _ => 3,
    };
    let text = format!("{number:.decimals$}");
    let (whole, fraction) = text.split_once('.').map_or((text.as_str(), None), |(a, b)| (a, Some(b)));
    let (sign, digits) = whole.strip_prefix('-').map_or(("", whole), |digits| ("-", digits));
    // What is no number, such as a ratio to nothing, is shown as it is.
    let shown =
        digits.parse().map_or_else(|_| whole.to_owned(), |digits| format!("{sign}{}", grouped(digits)));
    // What is exact is shown as it is.
    match fraction.filter(|_| number.fract() != 0.0) {
        Some(fraction) => format!("{shown}.{fraction}"),
        None => shown,
    }
}

/// Rows under a head.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Table {
    title: String,
    columns: Vec<String>,
    rows: Vec<Vec<Cell>>,
}

impl Table {
    /// Without rows yet; a unit belongs into the column's name.
    #[must_use]
    pub fn new(title: &str, columns: &[&str]) -> Self {
        let columns = columns.iter().map(|name| (*name).to_owned()).collect();
        Self { title: title.to_owned(), columns, rows: Vec::new() }
    }

    /// Adds a row.
    pub fn row<const N: usize>(&mut self, cells: [Cell; N]) {
        debug_assert_eq!(N, self.columns.len(), "{}", self.title);
        self.rows.push(cells.to_vec());
    }

    /// As Markdown, the title before it.
    #[must_use]
    pub fn markdown(&self) -> String {
        let line = |cells: Vec<String>| format!("| {} |\n", cells.join(" | "));
        let numeric =
            |column: usize| self.rows.iter().any(|row| matches!(row.get(column), Some(Cell::Number(_))));
        let rule = (0..self.columns.len()).map(|it| if numeric(it) { "---:" } else { "---" }.to_owned());
        let rows = self.rows.iter().map(|row| line(row.iter().map(Cell::shown).collect()));
        let head = [line(self.columns.clone()), line(rule.collect())];
        format!("{}\n\n{}", self.title, head.into_iter().chain(rows).collect::<String>())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_shown_with_about_three_digits() {
        let shown: Vec<_> =
            [1_234_567.8, 999.6, 100.0, 12.34, 4.0, 0.123_4, 0.0, -1_234.5].map(rounded).to_vec();
        assert_eq!(shown, ["1,234,568", "1,000", "100", "12.3", "4", "0.123", "0", "-1,234"]);
    }

    #[test]
    fn a_table_is_markdown() {
        let mut table = Table::new("Sizes", &["file", "MB"]);
        table.row(["a".into(), 1.5.into()]);
        assert_eq!(table.markdown(), "Sizes\n\n| file | MB |\n| --- | ---: |\n| a | 1.50 |\n");
    }
}
