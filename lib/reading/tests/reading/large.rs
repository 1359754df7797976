//! What takes much memory is read by one reader of the process at a time.

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use chancery_reading::{Dead, Format, Outcome, Reason, Split, SplitReader, Store};
use parquet::data_type::{ByteArray, ByteArrayType};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;

use crate::places;

/// More than all readers share.
const LARGE: usize = 10 << 20;

/// A file of one row group, of that many bytes.
fn large_group() -> Vec<u8> {
    let schema = Arc::new(parse_message_type("message schema { required binary p; }").expect("a schema"));
    let properties = WriterProperties::builder().set_dictionary_enabled(false).build();
    let mut writer = SerializedFileWriter::new(Vec::new(), schema, Arc::new(properties)).expect("a writer");
    let mut rows = writer.next_row_group().expect("a row group");
    let mut column = rows.next_column().expect("a column").expect("a column");
    let values: Vec<ByteArray> = (0..LARGE / 1_000).map(|_| ByteArray::from(vec![7; 1_000])).collect();
    column.typed::<ByteArrayType>().write_batch(&values, None, None).expect("written");
    column.close().expect("a column");
    rows.close().expect("a row group");
    writer.into_inner().expect("a file")
}

/// Lines that are compressed so that the decoder has to look so far back.
fn looking_back(window_log: u32) -> Vec<u8> {
    let mut encoder = zstd::Encoder::new(Vec::new(), 1).expect("an encoder");
    encoder.window_log(window_log).expect("a window");
    for line in 0..LARGE / 100 {
        writeln!(encoder, "{line:0>99}").expect("compressed");
    }
    encoder.finish().expect("compressed")
}

async fn placed(name: &str, bytes: &[u8], format: &Format) -> (Store, Split) {
    let place = places::memory();
    place.put(name, bytes).await;
    let store = place.store(1 << 20);
    let object = store.list().await.expect("a listing").remove(0);
    let split = store.split(&object, format, u64::MAX).await.expect("splits").remove(0);
    (store, split)
}

/// Two readers of the same: the second has nothing before the first is done.
async fn one_after_the_other(name: &str, bytes: &[u8], format: Format, all: usize) {
    let (store, split) = placed(name, bytes, &format).await;
    let mut first = SplitReader::new(&store, &format, &split, split.start()).expect("a reader");
    assert!(matches!(first.next().await, Ok(Some(_))));
    let is_done = Arc::new(AtomicBool::new(false));
    let second = tokio::spawn({
        let (is_done, format) = (Arc::clone(&is_done), format.clone());
        async move {
            let mut second = SplitReader::new(&store, &format, &split, split.start()).expect("a reader");
            assert!(matches!(second.next().await, Ok(Some(_))));
            is_done.load(Ordering::SeqCst)
        }
    });
    let mut arrivals = 1;
    while let Some(_arrival) = first.next().await.expect("readable") {
        arrivals += 1;
        // The last: with what comes behind it, nothing is held any more.
        if arrivals == all {
            is_done.store(true, Ordering::SeqCst);
        }
        tokio::task::yield_now().await;
    }
    drop(first);
    assert!(second.await.expect("a task"), "{name}: both were held at once");
    assert_eq!(arrivals, all);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_row_group_is_held_by_one_reader() {
    one_after_the_other("a.parquet", &large_group(), Format::Parquet {}, LARGE / 1_000).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_text_of_zstd_that_looks_far_back_is_held_by_one_reader() {
    one_after_the_other("a.txt.zst", &looking_back(23), Format::Lines {}, LARGE / 100).await;
}

#[tokio::test]
async fn a_frame_that_looks_further_back_than_8_mib_is_a_dead_letter() {
    for (log, is_read) in [(22, true), (23, true), (24, false), (27, false)] {
        let (store, split) = placed("a.txt.zst", &looking_back(log), &Format::Lines {}).await;
        let mut reader =
            SplitReader::new(&store, &Format::Lines {}, &split, split.start()).expect("a reader");
        let first = reader.next().await.expect("readable").expect("an arrival");
        match first.outcome {
            Outcome::Payload(line) => assert!(is_read && line.len() == 99, "{log}"),
            Outcome::Dead(Dead { reason: Reason::Damaged(why), .. }) => assert!(!is_read, "{log}: {why}"),
            other => panic!("{log}: {other:?}"),
        }
    }
}
