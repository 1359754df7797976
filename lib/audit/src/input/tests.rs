//! What a run says of its input, right and wrong.

use super::*;
use crate::fixtures;

fn admitted(records: i64) -> AdmissionRow {
    AdmissionRow { records, batches: 3, batched: records, waiting: false }
}

fn found(run: &Run, admissions: &[AdmissionRow]) -> Vec<String> {
    let findings = check(run, admissions, 10);
    let texts = |law| findings.of(law).1.into_iter().map(str::to_owned).collect::<Vec<_>>();
    [texts(Law::EveryRecordOnce), texts(Law::OneKeyABatch), texts(Law::LeastRecentlyUsed)].concat()
}

#[test]
fn a_sealed_run_with_all_that_its_source_had_holds() {
    assert_eq!(found(&fixtures::run(), &[admitted(10)]), Vec::<String>::new());
    assert_eq!(records_of(&fixtures::run(), &[admitted(3)]), 10, "what it is sealed with counts");
}

#[test]
fn a_run_that_is_not_sealed_does_not_pass_and_has_the_records_that_are_admitted() {
    let run = Run { sealed: false, sealed_records: None, complete: false, ..fixtures::run() };
    assert_eq!(found(&run, &[admitted(7)]), ["the input of demo is not complete: the run is not sealed"]);
    assert_eq!(records_of(&run, &[admitted(7)]), 7);
    assert_eq!(records_of(&run, &[]), 0);
    let complete = Run { complete: true, ..run };
    assert!(found(&complete, &[admitted(7)]).contains(&"demo is complete, yet it is not sealed".to_owned()));
    let more = found(&complete, &[admitted(11)]);
    assert!(
        more.contains(&"demo says that 11 records are admitted, its source has 10".to_owned()),
        "{more:?}"
    );
}

#[test]
fn a_run_that_is_complete_has_the_ring_that_it_asked_for() {
    let keyring = chancery_store::Keyring { filled: false, ..fixtures::keyring() };
    let run = Run { keyring, ..fixtures::run() };
    assert_eq!(found(&run, &[admitted(10)]), ["demo is complete, yet its ring is not filled"]);
    assert_eq!(found(&Run { complete: false, ..run }, &[admitted(10)]), Vec::<String>::new());
}

#[test]
fn numbers_that_do_not_agree_are_named() {
    let fewer = Run { sealed_records: Some(9), ..fixtures::run() };
    assert_eq!(
        found(&fewer, &[admitted(10)]),
        [
            "demo is sealed with 9 records, its source has 10",
            "demo is sealed with 9 records, it says that 10 are admitted"
        ]
    );
    let waiting = AdmissionRow { waiting: true, ..admitted(10) };
    assert_eq!(
        found(&fixtures::run(), &[waiting]),
        ["demo says that records wait for a batch, or since when, but not both"]
    );
    for rows in [vec![], vec![admitted(10), admitted(10)]] {
        let expected =
            format!("demo says {} times how many records are admitted, expected is once", rows.len());
        assert_eq!(found(&fixtures::run(), &rows), [expected]);
    }
}
