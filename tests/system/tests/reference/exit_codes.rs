//! `docs/reference/exit-codes.md`.

use std::collections::BTreeSet;

use crate::page::rows;

const PAGE: &str = include_str!("../../../../docs/reference/exit-codes.md");
const SOURCE: &str = include_str!("../../../../lib/process/src/exit.rs");

/// Code and name of every exit, as the match in the source gives them.
fn exits() -> BTreeSet<(String, String)> {
    let arms = SOURCE.lines().filter_map(|line| line.trim().strip_prefix("Self::")?.split_once(" => "));
    arms.map(|(name, code)| (code.trim_end_matches(',').to_owned(), name.to_owned())).collect()
}

#[test]
fn every_exit_code_is_documented_and_every_documented_one_exists() {
    let documented: BTreeSet<(String, String)> =
        rows(PAGE, "# Exit codes").into_iter().map(|row| (row[0].clone(), row[1].clone())).collect();
    assert!(exits().contains(&("75".to_owned(), "TryAgain".to_owned())), "{:?}", exits());
    assert_eq!(documented, exits());
}
