//! The tables of a page.

/// The cells of each row below a heading, up to the next heading, without the marks of code.
pub(crate) fn rows(page: &str, heading: &str) -> Vec<Vec<String>> {
    let mut lines = page.lines().skip_while(|line| *line != heading);
    assert!(lines.next().is_some(), "the page has no heading {heading:?}");
    let table = lines.take_while(|line| !line.starts_with('#')).filter(|line| line.starts_with('|'));
    // The first two are the head of the table and the rule below it.
    let rows: Vec<_> = table.skip(2).map(cells).collect();
    assert!(!rows.is_empty(), "there is no table below {heading:?}");
    rows
}

fn cells(row: &str) -> Vec<String> {
    let row = row.trim().trim_start_matches('|').trim_end_matches('|');
    row.split(" | ").map(|cell| cell.trim().trim_matches('`').to_owned()).collect()
}
