//! Pages that must agree with the code.

use chancery_policy::FUNCTIONS;

use crate::support::read;

#[test]
fn every_function_is_on_its_page() {
    let page = read("docs/reference/policy-functions.md");
    let rows: Vec<&str> = page.lines().filter(|line| line.starts_with("| `")).collect();
    let wanted: Vec<String> = FUNCTIONS
        .iter()
        .map(|row| format!("| `{}` | {} |", row.form.replace('|', r"\|"), row.does))
        .collect();
    assert_eq!(rows, wanted);
}
