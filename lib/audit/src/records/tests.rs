//! A range whose rows come in portions, and each way to spoil one. No key is in the ring: what is verified is
//! checked by the keyring's own tests, and on planted violations.

use std::sync::Arc;

use chancery_store::audit::BatchRow;
use chancery_store::lease::Library;
use uuid::Uuid;

use super::*;
use crate::fixtures;

fn batch(batch: i64, first_record: i64, last_record: i64, payload_bytes: i64) -> Part {
    let row = BatchRow {
        batch,
        first_record,
        last_record,
        payload_bytes,
        closed_early: false,
        endless: false,
        open_micros: Some(0),
        closed_by: "Full".to_owned(),
        state: "signed".to_owned(),
        lease_id: Some(batch),
        library: Library::AwsLcRs,
        lease_fits: true,
    };
    Part { first: first_record, last: last_record, batch: Arc::new(Batch::new(row)) }
}

/// Record `record` of 8 bytes, signed under its batch's lease.
fn row(record: i64) -> RecordRow {
    RecordRow {
        record,
        record_row: Some(record.unsigned_abs()),
        payload_bytes: Some(8),
        digest: None,
        payload: Some(vec![0; 8].into()),
        signature_row: Some(record.unsigned_abs()),
        signature: Some(vec![0; 64].into()),
        lease_id: Some((record - 1) / 4 + 1),
        key_id: Some(Uuid::nil()),
        lease_run: Some(1),
        lease_outcome: Some("signed".into()),
    }
}

/// What the laws 1, 3 and 4 say of the rows of the records 1 to 8, in portions of three.
fn found(rows: &[RecordRow]) -> [Vec<String>; 3] {
    let run = fixtures::run();
    let ring = Ring::new(&run.keyring, &[], 0);
    let range = Range { first: 1, last: 8, parts: vec![batch(1, 1, 4, 32), batch(2, 5, 8, 32)] };
    let mut check = RangeCheck::new(range, 10);
    for rows in rows.chunks(3) {
        check.rows(rows, &run, &ring);
    }
    let findings = check.finish();
    [Law::EveryRecordOnce, Law::OneKeyABatch, Law::NoSharedKey]
        .map(|law| findings.of(law).1.into_iter().map(str::to_owned).collect())
}

fn good() -> Vec<RecordRow> {
    (1..=8).map(row).collect()
}

const NOTHING: [Vec<String>; 3] = [Vec::new(), Vec::new(), Vec::new()];

#[test]
fn a_range_that_is_whole_holds() {
    assert_eq!(found(&good()), NOTHING);
}

#[test]
fn what_is_missing_is_told_in_one_sentence_across_portions() {
    let mut rows = good();
    rows.drain(1..5);
    assert_eq!(
        found(&rows)[0],
        ["the records 2 to 5 are missing", "the records 2 to 5 are without a signature"],
    );
    let expected: [&str; 2] =
        ["the records 1 to 8 are missing", "the records 1 to 8 are without a signature"];
    assert_eq!(found(&[])[0], expected);
}

#[test]
fn payloads_that_do_not_add_up_are_named_with_their_batch() {
    let mut rows = good();
    rows[1].payload_bytes = Some(9);
    assert_eq!(found(&rows)[1], ["batch 1 says that its payloads have 32 bytes, they have 33"]);
    rows[2].payload_bytes = Some(7);
    assert_eq!(found(&rows), NOTHING, "only a signature can tell");
    rows.remove(0);
    rows[0].payload_bytes = Some(1);
    assert_eq!(
        found(&rows)[1],
        Vec::<String>::new(),
        "of a batch with a missing record nothing can be added up"
    );
}

#[test]
fn a_payload_that_is_too_long_is_named_without_being_read() {
    let mut rows = good();
    rows[0].payload_bytes = Some(PAYLOAD_BYTES + 1);
    rows[0].payload = None;
    assert_eq!(found(&rows)[0], ["record 1 has 1048577 bytes, more than 1048576"]);
}

#[test]
fn a_signature_under_another_lease_or_run_is_named() {
    let mut rows = good();
    rows[4].lease_id = Some(1);
    rows[5].lease_run = Some(2);
    rows[6].lease_outcome = None;
    let [_, of_batch, of_lease] = found(&rows);
    assert_eq!(of_batch, ["record 5 of batch 2 was signed under lease 1, its batch under lease 2"]);
    assert_eq!(
        of_lease,
        [
            "the signature of record 6 was stored under lease 2, which is one of another run",
            "the signature of record 7 was stored under lease 2, which is still open"
        ]
    );
}

#[test]
fn a_row_that_is_joined_twice_counts_once_and_one_that_stands_twice_is_named() {
    let mut rows = good();
    rows.insert(0, RecordRow { signature_row: Some(99), ..row(1) });
    assert_eq!(found(&rows)[0], ["record 1 has 2 signatures"]);
    rows[0].record_row = Some(99);
    assert_eq!(found(&rows)[0], ["record 1 stands 2 times", "record 1 has 2 signatures"]);
}
