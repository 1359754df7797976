use super::fetch::of_partition;
use super::*;
use crate::query;

/// Bytes of a part.
const PART: i64 = 4 << 20;

fn lease(records: i64, payload_bytes: i64) -> Lease {
    Lease {
        id: 1,
        token: Token::random(),
        key: Uuid::nil(),
        wrapped_key_hash: Vec::new(),
        batch: 3,
        first_record: 101,
        last_record: 100 + records,
        payload_bytes,
        use_sequence: 1,
        duration: Duration::from_secs(30),
    }
}

#[test]
fn a_batch_that_fits_into_one_part_is_read_whole() {
    assert_eq!(lease(10, 0).last_of_part(101, PART), None);
    assert_eq!(lease(1 << 20, PART).last_of_part(101, PART), None);
}

#[test]
fn a_part_reaches_as_far_as_records_of_the_average_size_fit() {
    let of_64_kib = lease(100, 100 << 16);
    assert_eq!(of_64_kib.last_of_part(101, PART), Some(164));
    assert_eq!(of_64_kib.last_of_part(165, PART), Some(200), "not beyond the batch");
    let of_one_byte = lease(PART + 1, PART + 1);
    assert_eq!(of_one_byte.last_of_part(101, PART), Some(100 + PART));
}

#[test]
fn a_part_reaches_its_first_record_at_least() {
    let of_5_mib = lease(2, 10 << 20);
    assert_eq!(of_5_mib.last_of_part(101, PART), Some(101));
    assert_eq!(of_5_mib.last_of_part(102, PART), Some(102));
}

#[test]
fn a_bound_stays_right_for_the_largest_numbers() {
    assert_eq!(lease(1, i64::MAX).last_of_part(101, PART), Some(101));
    assert_eq!(lease(i64::MAX - 100, i64::MAX).last_of_part(101, PART), Some(101));
}

#[test]
fn payloads_of_no_bytes_are_payloads() {
    let mut payloads = Payloads::default();
    for payload in [&b""[..], b"one", b"", b""] {
        payloads.push(payload);
    }
    assert_eq!(payloads.len(), 4);
    assert!(payloads.iter().eq([&b""[..], b"one", b"", b""]));
    payloads.clear();
    assert!(payloads.is_empty() && payloads.iter().next().is_none());
}

#[test]
fn each_way_to_fetch_reads_the_runs_own_partition() {
    for query in [query::records_fetch, query::records_fetch_part, query::batch_store_fetch] {
        let sql = of_partition(query, 7);
        assert!(sql.contains("FROM chancery.records_7 r") || sql.contains(", chancery.records_7 r"));
        assert!(!sql.contains("chancery.records r"), "{sql}");
    }
}
