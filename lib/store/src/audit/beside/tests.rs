//! Each way in which payloads and blocks can miss each other.

use futures::stream;

use super::*;

fn payload(record: i64) -> PayloadRow {
    PayloadRow { record, payload_bytes: Some(1), payload: None, digest: None }
}

/// A block of these bytes, under the lease of its first record's number.
fn block(place: &str, first_record: i64, last_record: i64, signatures: &[u8]) -> BlockRow {
    BlockRow {
        place: place.to_owned(),
        first_record,
        last_record,
        signatures: Some(signatures.to_vec()),
        lease_id: first_record,
        key_id: None,
        lease_run: Some(1),
        lease_outcome: Some("signed".to_owned()),
    }
}

/// A row as record, number of its payload, number of its block, signature.
type Seen = (i64, Option<u64>, Option<u64>, Option<Vec<u8>>);

async fn seen(payloads: Vec<PayloadRow>, blocks: Vec<BlockRow>, range: (i64, i64)) -> Vec<Seen> {
    let payloads = stream::iter(payloads.into_iter().map(Ok::<_, StoreError>));
    let mut beside = Beside::new(Box::pin(payloads), blocks, range);
    let mut seen = Vec::new();
    while let Some(row) = beside.row().await.expect("nothing fails") {
        seen.push((
            row.record,
            row.record_row,
            row.signature_row,
            row.signature.map(|signature| signature.to_vec()),
        ));
    }
    seen
}

fn is(record: i64, payload: u64, block: u64, signature: &[u8]) -> Seen {
    (record, Some(payload), Some(block), Some(signature.to_vec()))
}

#[tokio::test]
async fn each_record_is_beside_its_signature() {
    let payloads = (1..=5).map(payload).collect();
    let blocks = vec![block("a", 1, 3, b"abcdef"), block("b", 4, 5, b"ghij")];
    assert_eq!(
        seen(payloads, blocks, (1, 5)).await,
        [is(1, 1, 0, b"ab"), is(2, 2, 0, b"cd"), is(3, 3, 0, b"ef"), is(4, 4, 1, b"gh"), is(5, 5, 1, b"ij")]
    );
}

#[tokio::test]
async fn a_range_may_begin_and_end_within_a_block() {
    let payloads = vec![payload(2), payload(3)];
    let blocks = vec![block("a", 1, 4, b"abcd")];
    assert_eq!(seen(payloads, blocks, (2, 3)).await, [is(2, 1, 0, b"b"), is(3, 2, 0, b"c")]);
}

#[tokio::test]
async fn the_last_signature_has_all_bytes_that_are_left() {
    let payloads = vec![payload(1), payload(2)];
    assert_eq!(
        seen(payloads, vec![block("a", 1, 2, b"abcde")], (1, 2)).await,
        [is(1, 1, 0, b"ab"), is(2, 2, 0, b"cde")]
    );
}

#[tokio::test]
async fn what_is_missing_on_one_side_is_not_on_the_other() {
    let payloads = vec![payload(1), payload(4), payload(7)];
    let blocks = vec![block("a", 2, 2, b"a"), block("b", 4, 5, b"bc")];
    assert_eq!(
        seen(payloads, blocks, (1, 9)).await,
        [
            (1, Some(1), None, None),
            (2, None, Some(0), Some(b"a".to_vec())),
            is(4, 2, 1, b"b"),
            (5, None, Some(1), Some(b"c".to_vec())),
            (7, Some(3), None, None),
        ]
    );
}

#[tokio::test]
async fn a_block_that_says_of_itself_what_cannot_be_gives_no_more_than_the_range() {
    let blocks = vec![block("a", -5, i64::MAX - 1, b"ab")];
    let seen = seen(Vec::new(), blocks, (3, 5)).await;
    assert_eq!(seen.iter().map(|row| row.0).collect::<Vec<_>>(), [3, 4, 5]);
}

#[tokio::test]
async fn what_stands_twice_is_in_each_pair() {
    let payloads = vec![payload(1), payload(1)];
    let blocks = vec![block("a", 1, 1, b"a"), block("b", 1, 1, b"b")];
    assert_eq!(
        seen(payloads, blocks, (1, 1)).await,
        [is(1, 1, 0, b"a"), is(1, 1, 1, b"b"), is(1, 2, 0, b"a"), is(1, 2, 1, b"b")]
    );
}

#[tokio::test]
async fn a_block_beside_two_leases_of_one_id_is_one() {
    let blocks = vec![block("a", 1, 1, b"a"), block("a", 1, 1, b"a")];
    assert_eq!(seen(vec![payload(1)], blocks, (1, 1)).await, [is(1, 1, 0, b"a"), is(1, 1, 0, b"a")]);
}

#[tokio::test]
async fn a_block_within_another_takes_nothing_from_it() {
    let payloads = (1..=4).map(payload).collect();
    let blocks = vec![block("a", 1, 4, b"abcd"), block("b", 2, 2, b"x")];
    assert_eq!(
        seen(payloads, blocks, (1, 4)).await,
        [is(1, 1, 0, b"a"), is(2, 2, 0, b"b"), is(2, 2, 1, b"x"), is(3, 3, 0, b"c"), is(4, 4, 0, b"d")]
    );
}

#[tokio::test]
async fn signatures_that_were_not_read_are_there_all_the_same() {
    let blocks = vec![BlockRow { signatures: None, ..block("a", 1, 1, b"") }];
    assert_eq!(seen(vec![payload(1)], blocks, (1, 1)).await, [(1, Some(1), Some(0), None)]);
}
