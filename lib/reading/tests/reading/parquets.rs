//! Parquet files: what other programs wrote, how they are cut, and what is wrong with damaged ones.

use std::path::PathBuf;

use chancery_reading::{Arrival, Dead, Format, Outcome, Part, Position, Reason, Split, Stage, Store};

use crate::places::{self, Place};
use crate::{payloads, read_from, read_object, read_split};

const PARQUET: Format = Format::Parquet {};

fn file(name: &str) -> Vec<u8> {
    let path: PathBuf = [env!("CARGO_MANIFEST_DIR"), "tests/data", name].iter().collect();
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn lines(name: &str) -> Vec<Vec<u8>> {
    let text = file(name);
    text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).map(<[u8]>::to_vec).collect()
}

async fn placed(name: &str, bytes: &[u8], chunk: usize) -> (Place, Store, Vec<Split>) {
    let place = places::memory();
    place.put(name, bytes).await;
    let store = place.store(chunk);
    let object = store.list().await.expect("a listing").remove(0);
    let splits = store.split(&object, &PARQUET, 1).await.expect("splits");
    (place, store, splits)
}

#[tokio::test]
async fn rows_are_what_pyarrow_makes_of_them() {
    for (name, expected) in [
        ("types-snappy", "types"),
        ("types-gzip-v2", "types"),
        ("types-brotli", "types"),
        ("types-zstd-v2", "types"),
        ("types-lz4", "types"),
        ("types-plain", "types"),
        ("encodings", "encodings"),
        ("int96", "int96"),
        ("pyarrow-v0.7.1", "pyarrow-v0.7.1"),
        ("pyarrow-v0.7.1.all-named-index", "pyarrow-v0.7.1.all-named-index"),
        ("pyarrow-v0.7.1.column-metadata-handling", "pyarrow-v0.7.1.column-metadata-handling"),
        ("pyarrow-v0.7.1.some-named-index", "pyarrow-v0.7.1.some-named-index"),
    ] {
        let (_place, store, splits) = placed("a.parquet", &file(&format!("{name}.parquet")), 1_000).await;
        let wanted = lines(&format!("{expected}.expected.ndjson"));
        let whole = read_object(&store, &PARQUET, &splits[0].object, u64::MAX).await;
        for (number, (given, wanted)) in payloads(&whole).iter().zip(&wanted).enumerate() {
            assert_eq!(
                String::from_utf8_lossy(given),
                String::from_utf8_lossy(wanted),
                "{name}, row {number}"
            );
        }
        assert_eq!(whole.len(), wanted.len(), "{name}");
        for (number, arrival) in (0..).zip(&whole) {
            assert_eq!((arrival.position, arrival.next_position), (Position(number), Position(number + 1)));
        }
    }
}

#[tokio::test]
async fn a_file_is_cut_at_its_row_groups_and_goes_on_at_any_row() {
    let (_place, store, splits) = placed("a.parquet", &file("types-plain.parquet"), 4_096).await;
    let parts: Vec<_> = splits.iter().map(|split| split.part).collect();
    let rows = |start, end| Part::Rows { start, end };
    assert_eq!(parts, [rows(0, 25), rows(25, 50), rows(50, 60)]);
    let whole = store.plan(&splits[0].object, &PARQUET, 1);
    assert_eq!(whole.len(), 1, "without a look at it, it is one split");
    let whole = read_split(&store, &PARQUET, &whole[0]).await;
    let mut together = Vec::new();
    for split in &splits {
        let all = read_split(&store, &PARQUET, split).await;
        for (number, arrival) in all.iter().enumerate() {
            assert_eq!(read_from(&store, &PARQUET, split, arrival.next_position).await, all[number + 1..]);
        }
        together.extend(all);
    }
    assert_eq!(together, whole);
    let two = store.split(&splits[0].object, &PARQUET, 10_000).await.expect("splits");
    assert!((1..=2).contains(&two.len()), "row groups are put together: {two:?}");
}

#[tokio::test]
async fn a_file_without_rows_offers_nothing() {
    let (place, _store, splits) = placed("a.parquet", &file("no-rows.parquet"), 1_000).await;
    assert_eq!(splits, []);
    let store = place.store(1_000);
    let object = store.list().await.expect("a listing").remove(0);
    let split = store.plan(&object, &PARQUET, 1).remove(0);
    assert!(read_split(&store, &PARQUET, &split).await.is_empty());
}

async fn dead(name: &str, bytes: &[u8]) -> (Vec<Arrival>, Dead) {
    let (_place, store, splits) = placed(name, bytes, 1_000).await;
    let [split] = &*splits else { panic!("{splits:?}") };
    assert_eq!(split.part, Part::Object {});
    let mut arrivals = read_split(&store, &PARQUET, split).await;
    let last = arrivals.pop().expect("an arrival");
    assert_eq!(last.next_position, Position::END);
    let Outcome::Dead(dead) = last.outcome else { panic!("alive") };
    (arrivals, dead)
}

#[tokio::test]
async fn what_is_no_parquet_file_is_one_dead_letter() {
    let good = file("types-plain.parquet");
    let mut long_footer = good.clone();
    let length = long_footer.len();
    long_footer[length - 8..length - 4].copy_from_slice(&u32::MAX.to_le_bytes());
    let mut longer_than_itself = good.clone();
    longer_than_itself[length - 8..length - 4].copy_from_slice(&100_000_u32.to_le_bytes());
    let mut encrypted = good.clone();
    encrypted[length - 4..].copy_from_slice(b"PARE");
    let mut damaged = good.clone();
    damaged[length - 200..length - 100].fill(0xff);
    for (name, bytes, wanted) in [
        ("a.parquet", b"".as_slice(), "it is too short"),
        ("a.parquet", b"PAR1", "it is too short"),
        ("a.parquet", b"a,b\n1,2\n3,4\n", "Invalid Parquet file"),
        ("a.parquet", &good[..length - 1], "Invalid Parquet file"),
        ("a.parquet", &long_footer, "its footer is longer than 16 MiB"),
        ("a.parquet", &longer_than_itself, "its footer is longer than itself"),
        ("a.parquet", &encrypted, "it is encrypted"),
        ("a.parquet", &damaged, "its footer is damaged"),
        ("a.parquet.gz", &good, "its name says that all of it is compressed"),
    ] {
        let (before, dead) = dead(name, bytes).await;
        assert_eq!(before, []);
        assert_eq!(dead.stage, Stage::Parse);
        let said = dead.reason.to_string();
        assert!(said.starts_with("it cannot be read as Parquet: ") && said.contains(wanted), "{said}");
    }
}

#[tokio::test]
async fn of_a_row_group_that_is_damaged_the_rest_is_one_dead_letter_and_other_splits_are_read() {
    let good = file("types-snappy.parquet");
    let (_place, store, splits) = placed("a.parquet", &good, 4_096).await;
    let mut rows = Vec::new();
    for split in &splits {
        rows.push(read_split(&store, &PARQUET, split).await);
    }
    // Headers of pages are in the first quarter; the row groups lie one behind the other.
    let mut damaged = good.clone();
    damaged[40..60].fill(0xff);
    let (_place, store, splits) = placed("a.parquet", &damaged, 4_096).await;
    let first = read_split(&store, &PARQUET, &splits[0]).await;
    let Some(Arrival { next_position: Position::END, outcome: Outcome::Dead(dead), .. }) = first.last()
    else {
        panic!("{first:?}")
    };
    assert!(matches!(dead.reason, Reason::NotParquet(_)), "{}", dead.reason);
    for (split, wanted) in splits.iter().zip(&rows).skip(1) {
        assert_eq!(&read_split(&store, &PARQUET, split).await, wanted);
    }
}

/// No damage ends the process, loops, or comes back as anything else than rows and one dead letter at the end.
#[tokio::test]
async fn whatever_is_damaged_reading_ends() {
    for name in ["types-plain", "types-gzip-v2", "encodings"] {
        let good = file(&format!("{name}.parquet"));
        let step = good.len() / 150;
        for at in (0..good.len()).step_by(step) {
            let mut damaged = good.clone();
            damaged[at] ^= 0x41;
            let (_place, store, splits) = placed("a.parquet", &damaged, 1 << 20).await;
            for split in &splits {
                let arrivals = read_split(&store, &PARQUET, split).await;
                assert!(arrivals.len() <= 1_001, "{name} at {at}");
                let ends = arrivals.iter().filter(|arrival| arrival.next_position == Position::END).count();
                assert!(ends <= 1, "{name} at {at}");
            }
        }
    }
}
