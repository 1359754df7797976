//! The walk along batches that are right, and along each way to spoil them.

use chancery_store::lease::Library;

use super::*;

/// Batches of 4 records up to record 10, the last closed by the sealing.
fn good() -> Vec<BatchRow> {
    [(1, 1, 4, "Full"), (2, 5, 8, "Full"), (3, 9, 10, "Sealed")]
        .map(|(batch, first_record, last_record, closed_by)| BatchRow {
            batch,
            first_record,
            last_record,
            payload_bytes: 0,
            closed_early: false,
            endless: false,
            open_micros: Some(0),
            closed_by: closed_by.to_owned(),
            state: "signed".to_owned(),
            lease_id: Some(batch),
            library: Library::AwsLcRs,
            lease_fits: true,
        })
        .into()
}

fn walk(rows: &[BatchRow], sealed: bool) -> (Vec<String>, i64) {
    walk_with(None, rows, sealed)
}

fn walk_with(period: Option<Duration>, rows: &[BatchRow], sealed: bool) -> (Vec<String>, i64) {
    let mut geometry = Geometry {
        batch_size: 4,
        period,
        sealed,
        records: 10,
        last: None,
        next_first: Some(1),
        findings: Findings::new(10),
    };
    for row in rows {
        geometry.batch(row);
    }
    let (batches, batched) = rows.last().map_or((0, 0), |row| (row.batch, row.last_record));
    let said = AdmissionRow { records: 10, batches, batched, waiting: false };
    let (findings, last) = geometry.finish(&[said]);
    (findings.of(Law::OneKeyABatch).1.into_iter().map(str::to_owned).collect(), last)
}

#[test]
fn batches_that_follow_each_other_hold() {
    assert_eq!(walk(&good(), true), (Vec::new(), 3));
    assert_eq!(walk(&good()[..2], false), (Vec::new(), 2), "the last one waits for its records");
}

#[test]
fn each_wrong_row_is_named_and_accuses_no_other() {
    type Spoil = fn(&mut Vec<BatchRow>);
    let cases: [(Spoil, &[&str]); 8] = [
        (|rows| rows[1].batch = 1, &["batch 1 stands 2 times", "batch 2 is missing"]),
        (
            |rows| rows[1].last_record = 7,
            &[
                "batch 2 was closed as full with 3 records instead of 4",
                "batch 3 begins with record 9, expected is 8",
            ],
        ),
        (
            |rows| rows[0].closed_by = "Sealed".to_owned(),
            &["batch 2 follows batch 1, which was closed by the sealing of the run"],
        ),
        (
            |rows| rows[2].closed_by = "Period".to_owned(),
            &["batch 3 was closed because a period had passed, but its run declares no period"],
        ),
        (|rows| rows[0].closed_early = true, &["batch 1 was closed before it was opened"]),
        (
            |rows| {
                rows.pop();
            },
            &["the last batch, 2, ends with record 8, the run has 10 records"],
        ),
        (|rows| rows[0].state = "unsigned".to_owned(), &["batch 1 is marked unsigned, yet names lease 1"]),
        (
            |rows| rows[0].lease_fits = false,
            &["batch 1 is marked signed under lease 1, which is no signed lease of this batch"],
        ),
    ];
    for (spoil, expected) in cases {
        let mut rows = good();
        spoil(&mut rows);
        assert_eq!(walk(&rows, true).0, expected);
    }
}

#[test]
fn a_batch_that_a_period_closed_was_open_for_that_long_and_is_not_full() {
    let closed = |records: i64, open_micros: Option<i64>| {
        let mut rows = good();
        rows.truncate(2);
        rows[1].last_record = 4 + records;
        rows[1].closed_by = "Period".to_owned();
        rows[1].open_micros = open_micros;
        walk_with(Some(Duration::from_millis(50)), &rows, false).0
    };
    assert_eq!(closed(3, Some(50_000)), [""; 0]);
    assert_eq!(closed(1, Some(1_000_000)), [""; 0]);
    assert_eq!(
        closed(3, Some(49_999)),
        ["batch 2 was closed because a period of 50ms had passed, after 49999 microseconds"]
    );
    assert_eq!(
        closed(4, Some(50_000)),
        ["batch 2 was closed because a period had passed, with 4 records, as many as fill it"]
    );
}

#[test]
fn bounds_at_the_ends_of_the_numbers_are_named_and_overflow_nothing() {
    let mut rows = good();
    rows[0].first_record = i64::MIN;
    rows[0].last_record = i64::MAX;
    rows[2].batch = i64::MAX;
    let (texts, last) = walk(&rows, true);
    assert_eq!(last, i64::MAX);
    assert!(texts.iter().any(|text| text.contains("the batches 3 to")), "{texts:?}");
}
