//! Splits together are the whole, whatever is in the text and wherever it is cut.

use chancery_reading::{Arrival, Format, Outcome};
use proptest::prelude::*;

use crate::places::{self, Place};
use crate::{read_from, read_object, read_split};

/// What a person would do with the whole text in hand.
fn by_hand(text: &[u8]) -> Vec<Vec<u8>> {
    let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
    let mut lines: Vec<&[u8]> = text.split(|byte| *byte == b'\n').collect();
    let last = lines.pop().expect("split yields one part at least");
    let ended = lines.into_iter().map(|line| line.strip_suffix(b"\r").unwrap_or(line));
    ended.chain([last]).filter(|line| !line.is_empty()).map(<[u8]>::to_vec).collect()
}

fn given(arrivals: &[Arrival]) -> Vec<Vec<u8>> {
    let bytes = |arrival: &Arrival| match &arrival.outcome {
        Outcome::Payload(payload) => payload.to_vec(),
        Outcome::Dead(dead) => dead.raw.to_vec(),
    };
    arrivals.iter().map(bytes).collect()
}

fn texts() -> impl Strategy<Value = Vec<u8>> {
    let part = prop_oneof![
        4 => Just(b"\n".to_vec()),
        2 => Just(b"\r\n".to_vec()),
        1 => Just(b"\r".to_vec()),
        1 => Just(b"\xef\xbb\xbf".to_vec()),
        2 => Just(b"\"".to_vec()),
        2 => Just(b",".to_vec()),
        3 => proptest::collection::vec(any::<u8>(), 0..6),
        2 => Just(b"{\"a\":1}".to_vec()),
    ];
    proptest::collection::vec(part, 0..30).prop_map(|parts| parts.concat())
}

async fn check(place: &Place, text: &[u8], split_bytes: u64, chunk: usize) {
    place.put("text.txt", text).await;
    let store = place.store(chunk);
    let object = &store.list().await.expect("a listing")[0];
    let lines = Format::Lines {};
    let whole = read_object(&store, &lines, object, u64::MAX).await;
    assert_eq!(given(&whole), by_hand(text));
    assert_eq!(read_object(&store, &lines, object, split_bytes).await, whole);
    for split in store.plan(object, &lines, split_bytes) {
        let all = read_split(&store, &lines, &split).await;
        for (number, arrival) in all.iter().enumerate() {
            assert_eq!(read_from(&store, &lines, &split, arrival.next_position).await, all[number + 1..]);
        }
    }
    for format in [
        Format::Ndjson {},
        Format::Csv { delimiter: ',', header: true },
        Format::Csv { delimiter: ',', header: false },
    ] {
        let whole = read_object(&store, &format, object, u64::MAX).await;
        assert_eq!(read_object(&store, &format, object, split_bytes).await, whole, "{format:?}");
        for split in store.plan(object, &format, u64::MAX) {
            for (number, arrival) in whole.iter().enumerate() {
                let rest = read_from(&store, &format, &split, arrival.next_position).await;
                assert_eq!(rest, whole[number + 1..], "{format:?}");
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn split_by_split_is_the_whole(text in texts(), split_bytes in 1_u64..40, chunk in 1_usize..20) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(check(&places::memory(), &text, split_bytes, chunk));
    }
}

#[tokio::test]
async fn splits_need_not_hold_a_line() {
    let place = places::memory();
    let text = format!("{}\nb\n", "a".repeat(1_000));
    check(&place, text.as_bytes(), 10, 64).await;
}
