//! An object that changes while it is read.

use std::io::{Seek, SeekFrom, Write};

use chancery_reading::{
    Arrival, Changed, Format, Outcome, Position, Reason, Split, SplitReader, Stage, Store, Versions,
};

use crate::places::{self, Place};
use crate::{payloads, read_from};

const LINES: usize = 1_000;

fn text(word: &str) -> String {
    (0..LINES).map(|number| format!("{word} {number:05}\n")).collect()
}

async fn planned(place: &Place, name: &str) -> (Store, Split) {
    let store = place.store(500);
    let object = store.list().await.expect("a listing").into_iter().find(|object| object.key.ends_with(name));
    let split = store.plan(&object.expect("the object"), &Format::Lines {}, u64::MAX).remove(0);
    (store, split)
}

/// Reads ten lines, has the object changed, and reads on: to the arrivals before, and the one that says so.
async fn interrupted(store: &Store, split: &Split, change: impl AsyncFnOnce()) -> (Vec<Arrival>, Arrival) {
    let mut reader = SplitReader::new(store, &Format::Lines {}, split, split.start()).expect("a reader");
    let mut arrivals = Vec::new();
    for _ in 0..10 {
        arrivals.push(reader.next().await.expect("readable").expect("a line"));
    }
    change().await;
    while let Some(arrival) = reader.next().await.expect("readable") {
        arrivals.push(arrival);
    }
    let last = arrivals.pop().expect("an arrival");
    // Whoever comes later, from where it was left, hears the same.
    let again = read_from(store, &Format::Lines {}, split, last.position).await;
    assert_eq!(again, std::slice::from_ref(&last));
    (arrivals, last)
}

fn assert_changed(split: &Split, before: &[Arrival], last: &Arrival) -> Changed {
    assert!(before.len() < LINES);
    for (number, payload) in payloads(before).iter().enumerate() {
        assert_eq!(
            String::from_utf8_lossy(payload),
            format!("first {number:05}"),
            "of the first version, all of them"
        );
    }
    assert_eq!(last.position, before.last().expect("some").next_position);
    assert_eq!(last.next_position, Position::END);
    let Outcome::Dead(dead) = &last.outcome else { panic!("{last:?}") };
    assert_eq!((dead.stage, dead.raw.len()), (Stage::Fetch, 0));
    let Reason::ObjectChanged(versions) = &dead.reason else { panic!("{dead:?}") };
    let Versions { was, now } = &**versions;
    assert_eq!(was, &split.object.version);
    let said = dead.reason.to_string();
    assert!(said.contains(was.e_tag.as_deref().expect("a tag")), "{said}");
    now.clone()
}

#[tokio::test]
async fn of_an_object_that_is_replaced_the_rest_is_one_dead_arrival_that_names_both_versions() {
    for place in places::all().await {
        place.put("a.txt", text("first").as_bytes()).await;
        let (store, split) = planned(&place, "a.txt").await;
        let other = text("other");
        let (before, last) =
            interrupted(&store, &split, async || place.put("a.txt", other.as_bytes()).await).await;
        let now = assert_changed(&split, &before, &last);
        let Changed::To(version) = now else { panic!("{now:?}") };
        let fresh = store.list().await.expect("a listing").remove(0);
        assert_eq!(version.e_tag, fresh.version.e_tag);
        assert_ne!(version.e_tag, split.object.version.e_tag);
    }
}

#[tokio::test]
async fn an_object_that_is_gone_is_a_change() {
    for place in places::all().await {
        place.put("a.txt", text("first").as_bytes()).await;
        let (store, split) = planned(&place, "a.txt").await;
        let (before, last) = interrupted(&store, &split, async || place.delete("a.txt").await).await;
        assert_eq!(assert_changed(&split, &before, &last), Changed::Gone);
    }
}

#[tokio::test]
async fn a_file_that_is_written_to_in_place_is_another_version() {
    let place = Place::File(tempfile::tempdir().expect("a folder"));
    place.put("a.txt", text("first").as_bytes()).await;
    let (store, split) = planned(&place, "a.txt").await;
    let path = place.path("a.txt");
    let written = std::fs::metadata(&path).and_then(|meta| meta.modified()).expect("a time");
    let (before, last) = interrupted(&store, &split, async || {
        // Until the clock of the file system has moved on, a change cannot be seen.
        loop {
            let mut file = std::fs::OpenOptions::new().write(true).open(&path).expect("the file");
            file.seek(SeekFrom::Start(0)).expect("its start");
            file.write_all(text("other").as_bytes()).expect("written");
            if file.metadata().and_then(|meta| meta.modified()).expect("a time") > written {
                break;
            }
        }
    })
    .await;
    assert_changed(&split, &before, &last);
}

#[tokio::test]
async fn a_file_that_grows_is_another_version() {
    let place = Place::File(tempfile::tempdir().expect("a folder"));
    place.put("a.txt", text("first").as_bytes()).await;
    let (store, split) = planned(&place, "a.txt").await;
    let path = place.path("a.txt");
    let (before, last) = interrupted(&store, &split, async || {
        let mut file = std::fs::OpenOptions::new().append(true).open(&path).expect("the file");
        file.write_all(b"more\n").expect("written");
    })
    .await;
    assert_changed(&split, &before, &last);
}

#[tokio::test]
async fn a_parquet_file_that_is_replaced_ends_where_the_next_bytes_would_be_fetched() {
    let place = places::memory();
    let file = std::fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/types-plain.parquet"));
    let file = file.expect("a file");
    place.put("a.parquet", &file).await;
    let store = place.store(4_096);
    let object = store.list().await.expect("a listing").remove(0);
    let format = Format::Parquet {};
    let split = store.plan(&object, &format, u64::MAX).remove(0);
    let mut reader = SplitReader::new(&store, &format, &split, split.start()).expect("a reader");
    let first = reader.next().await.expect("readable").expect("a row");
    place.put("a.parquet", &file).await;
    let mut rest = Vec::new();
    while let Some(arrival) = reader.next().await.expect("readable") {
        rest.push(arrival);
    }
    // The row group was in memory.
    assert_eq!(rest.len(), 25);
    let last = rest.pop().expect("an arrival");
    assert_eq!((last.position, last.next_position), (Position(25), Position::END));
    let Outcome::Dead(dead) = last.outcome else { panic!("alive") };
    assert!(matches!((dead.stage, dead.reason), (Stage::Fetch, Reason::ObjectChanged(_))));
    let again = read_from(&store, &format, &split, first.next_position).await;
    let [Arrival { position: Position(1), next_position: Position::END, .. }] = &*again else {
        panic!("{again:?}")
    };
}

#[tokio::test]
async fn the_start_of_a_csv_file_is_of_the_same_version_as_its_rest() {
    let place = places::memory();
    let format = Format::Csv { delimiter: ',', header: true };
    place.put("a.csv", b"a,b\n1,2\n3,4\n").await;
    let store = place.store(4);
    let object = store.list().await.expect("a listing").remove(0);
    let split = store.plan(&object, &format, u64::MAX).remove(0);
    let all = read_from(&store, &format, &split, split.start()).await;
    place.put("a.csv", b"b,a\n1,2\n3,4\n").await;
    let rest = read_from(&store, &format, &split, all[0].next_position).await;
    let [Arrival { position, outcome: Outcome::Dead(dead), .. }] = &*rest else { panic!("{rest:?}") };
    assert_eq!(*position, all[0].next_position);
    assert!(matches!(dead.reason, Reason::ObjectChanged(_)));
}
