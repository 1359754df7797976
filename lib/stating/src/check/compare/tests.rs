use super::*;
use crate::check::walk::Compared;
use chancery_statement::Digest;
use chancery_statement::merkle::{Tree, leaf_hash};

fn tree(leaves: &[&[u8]]) -> Tree {
    leaves.iter().map(|leaf| leaf_hash(leaf)).collect()
}

fn batch(batch: i64) -> Batch {
    Batch { batch, first_record: batch * 10 - 9, last_record: batch * 10 }
}

fn said(tree: &Compared, kept_is_stated: bool, all_there: bool) -> Vec<String> {
    let mut report = StatementReport::default();
    let mut found = Findings { statement: "statement 2".to_owned(), report: &mut report };
    found.batches("payloads", "its payloads are others", tree, kept_is_stated, all_there);
    report.violations
}

#[test]
fn what_is_kept_tells_which_batches_differ_and_how_many_more() {
    let compared = Compared {
        tree: tree(&[b"1", b"other"]),
        kept: tree(&[b"1", b"2"]),
        differing: vec![batch(2)],
        differ: 5,
    };
    assert_eq!(
        said(&compared, true, true),
        [
            "statement 2: batch 2 (records 11 to 20): its payloads are others",
            "statement 2: so do 4 more batches differ"
        ]
    );
    let found = said(&compared, false, true);
    assert!(matches!(found.as_slice(), [one] if one.contains("cannot be told in which batch")), "{found:?}");
}

#[test]
fn a_tree_that_is_shorter_than_what_is_kept_is_a_violation_too() {
    let compared = Compared { tree: tree(&[b"1"]), kept: tree(&[b"1"]), differing: Vec::new(), differ: 0 };
    assert_eq!(
        said(&compared, false, false),
        ["statement 2: the run's payloads are others than were stated"]
    );
}

#[test]
fn a_lease_log_that_was_cut_altered_or_forgotten_is_a_violation() {
    let stated = LeaseLog { first_use: 3, last_use: 4, root: tree(&[b"3", b"4"]).root() };
    let said = |leases, root: Digest, forgotten| {
        let mut report = StatementReport::default();
        let mut found = Findings { statement: "statement 2".to_owned(), report: &mut report };
        found.log(&stated, &Log { leases, root, forgotten });
        report.violations.join("\n")
    };
    assert_eq!(said(2, stated.root, 2), "");
    assert!(said(1, tree(&[b"3"]).root(), 2).contains("has 2 leases from use 3 to 4, the ledger has 1"));
    assert!(said(2, tree(&[b"3", b"5"]).root(), 2).contains("is another than was stated"));
    assert!(said(1, stated.root, 3).contains("has forgotten"));
}
