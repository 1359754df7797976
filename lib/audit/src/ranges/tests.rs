//! Every record is in one range, whatever the batches say; and a range is as large as a worker may hold.

use chancery_store::lease::Library;
use proptest::prelude::*;

use super::*;

fn row(batch: i64, first_record: i64, last_record: i64, payload_bytes: i64) -> BatchRow {
    BatchRow {
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
    }
}

fn ranges_of(records: i64, rows: impl IntoIterator<Item = BatchRow>) -> Vec<Range> {
    let mut ranges = Ranges::new(records);
    for row in rows {
        ranges.batch(row);
    }
    ranges.finish();
    std::iter::from_fn(|| ranges.take()).collect()
}

fn bounds(ranges: &[Range]) -> Vec<(i64, i64, usize)> {
    ranges.iter().map(|range| (range.first, range.last, range.parts.len())).collect()
}

#[test]
fn small_batches_are_read_together_up_to_the_records_that_a_worker_holds() {
    let rows = (0..5).map(|n| row(n + 1, n * 1_000 + 1, (n + 1) * 1_000, 1_000));
    assert_eq!(bounds(&ranges_of(5_000, rows)), [(1, 4_000, 4), (4_001, 5_000, 1)]);
}

#[test]
fn a_large_batch_is_cut_by_the_bytes_of_its_records() {
    let mebibyte = 1 << 20;
    let ranges = ranges_of(10, [row(1, 1, 10, 10 * mebibyte)]);
    assert_eq!(bounds(&ranges), [(1, 4, 1), (5, 8, 1), (9, 10, 1)]);
}

#[test]
fn a_batch_that_claims_more_than_there_can_be_is_not_cut_without_end() {
    let ranges = ranges_of(i64::MAX - 1, [row(1, 1, i64::MAX - 1, i64::MAX)]);
    assert!(ranges.len() <= 1_026, "{}", ranges.len());
    let ranges = ranges_of(1_000, [row(1, 1, 1_000, i64::MAX)]);
    assert_eq!(ranges.len(), 1_000);
}

#[test]
fn a_batch_tells_its_bytes_once_all_its_records_were_read() {
    let batch = Batch::new(row(1, 1, 3, 9));
    assert_eq!(batch.add(1, 2), None);
    assert_eq!(batch.add(1, 3), None);
    assert_eq!(batch.add(1, 0), Some(5));
}

proptest! {
    #[test]
    fn every_record_is_in_one_range_and_at_most_one_part(
        records in 0_i64..30_000,
        rows in proptest::collection::vec((-50_i64..35_000, -50_i64..35_000, any::<i64>()), 0..20),
    ) {
        let rows = rows.into_iter().zip(1..).map(|((first, last, bytes), batch)| row(batch, first, last, bytes));
        let mut next = 1;
        for range in ranges_of(records, rows) {
            prop_assert_eq!(range.first, next);
            prop_assert!(range.last >= range.first);
            let mut within = range.first;
            for part in &range.parts {
                prop_assert!(within <= part.first && part.first <= part.last && part.last <= range.last);
                prop_assert!(part.batch.row.first_record <= part.first && part.last <= part.batch.row.last_record);
                within = part.last + 1;
            }
            next = range.last + 1;
        }
        prop_assert_eq!(next, records + 1);
    }
}
