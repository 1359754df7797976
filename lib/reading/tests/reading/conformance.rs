//! One suite for every format, every compression and every store, and for tables.

use chancery_reading::{Arrival, Outcome, Position, RowKey, TableRow};

use crate::database::{Database, rows_from, table};
use crate::formats::{Sample, samples};
use crate::places::{self, Place};
use crate::{payloads, read_from, read_object};

/// With how many payloads, and whether it is resumed at each of them.
async fn conforms(count: usize, resumed_every: usize) {
    let samples = samples(count);
    for place in places::all().await {
        for sample in &samples {
            place.put(&sample.name, &sample.bytes).await;
        }
        for sample in &samples {
            // Chunks that end in the middle of everything where that is cheap.
            let chunk = match place {
                Place::Memory(_) => 7,
                Place::File(_) => 1_000,
                Place::S3 { .. } | Place::Google { .. } | Place::Azure { .. } => 40_000,
            };
            let chunk = if count > 900 { 16 * 1024 } else { chunk };
            one_conforms(&place, sample, chunk, resumed_every).await;
        }
    }
}

async fn one_conforms(place: &Place, sample: &Sample, chunk: usize, resumed_every: usize) {
    let Sample { name, format, bytes, payloads: wanted } = sample;
    let mut objects = place.objects();
    objects.include = vec![name.clone()];
    let store = place.store_of(&objects, chunk);
    let object = match &*store.list().await.expect("a listing") {
        [one] => one.clone(),
        several => panic!("{} objects are named {name}", several.len()),
    };
    assert_eq!(object.version.size, bytes.len() as u64);

    let whole = read_object(&store, format, &object, u64::MAX).await;
    let third = (bytes.len() as u64).div_ceil(3).max(1);
    assert_eq!(read_object(&store, format, &object, third).await, whole, "{name}, in splits of a third");
    assert_eq!(&payloads(&whole), wanted, "{name}");
    for split in store.split(&object, format, third).await.expect("splits") {
        let read = async |position: &Position| {
            let arrivals = read_from(&store, format, &split, *position).await;
            let behind = |arrival: Arrival| (arrival.next_position, arrival);
            arrivals.into_iter().map(behind).collect::<Vec<_>>()
        };
        let all = resumes(name, split.start(), resumed_every, read).await;
        for (number, arrival) in all.iter().enumerate().step_by(resumed_every) {
            let with = read_from(&store, format, &split, arrival.position).await;
            assert_eq!(with, all[number..], "{name}, resumed at {number}");
        }
        assert!(read_from(&store, format, &split, Position::END).await.is_empty());
    }
}

/// What holds of everything that is read, of whatever kind: the marks go up, and behind each mark comes what came behind
/// it before.
async fn resumes<Mark: PartialEq + std::fmt::Debug>(
    name: &str,
    start: Mark,
    resumed_every: usize,
    read: impl AsyncFn(&Mark) -> Vec<(Mark, Arrival)>,
) -> Vec<Arrival> {
    let all = read(&start).await;
    for pair in all.windows(2) {
        let [(_, one), (_, next)] = pair else { unreachable!("windows of two") };
        assert!(one.position < one.next_position && one.next_position <= next.position, "{name}");
    }
    for (number, (mark, _)) in all.iter().enumerate().step_by(resumed_every) {
        assert_eq!(read(mark).await, all[number + 1..], "{name}, resumed behind {number}");
    }
    all.into_iter().map(|(_, arrival)| arrival).collect()
}

/// Rows of a table, with their payloads as they are, and as canonical JSON.
async fn table_conforms(count: usize, resumed_every: usize) {
    let wanted: Vec<Vec<u8>> = (0..count)
        .map(|number| format!("{number}\0{}", "\u{e4}x\r".repeat(number * 7 % 97)).into())
        .collect();
    let database = Database::with_payloads(&wanted).await;
    let as_it_is = table("SELECT id, payload FROM payloads", &["id"], Some("payload"));
    let whole_row = table("SELECT id::int, octet_length(payload) AS length FROM payloads", &["id"], None);
    for table in [as_it_is, whole_row] {
        let source = database.source(&table);
        let read = async |(position, key): &(Position, Option<RowKey>)| {
            let rows = rows_from(&source, *position, key.as_ref()).await;
            let behind = |row: TableRow| ((row.arrival.next_position, Some(row.key)), row.arrival);
            rows.into_iter().map(behind).collect::<Vec<_>>()
        };
        assert!(rows_from(&source, Position::END, None).await.is_empty());
        let all = resumes("a table", (Position(0), None), resumed_every, read).await;
        if table.payload.is_some() {
            assert_eq!(payloads(&all), wanted);
        } else {
            let row =
                |(id, payload): (usize, &Vec<u8>)| format!("{{\"id\":{id},\"length\":{}}}", payload.len());
            let rows: Vec<Vec<u8>> =
                wanted.iter().enumerate().map(|row_of| row(row_of).into_bytes()).collect();
            assert_eq!(payloads(&all), rows);
        }
    }
}

#[tokio::test]
async fn an_empty_object_offers_nothing() {
    table_conforms(0, 1).await;
    for place in places::all().await {
        for sample in samples(0) {
            // Compressed, or as Parquet, nothing has some bytes.
            place
                .put(
                    &sample.name,
                    if sample.payloads.is_empty() && !packed(&sample) { b"" } else { &sample.bytes },
                )
                .await;
            let mut objects = place.objects();
            objects.include = vec![sample.name.clone()];
            let store = place.store_of(&objects, 100);
            let object = &store.list().await.expect("a listing")[0];
            assert!(read_object(&store, &sample.format, object, 10).await.is_empty(), "{}", sample.name);
        }
    }
}

fn packed(sample: &Sample) -> bool {
    sample.name.ends_with(".parquet") || sample.name.ends_with(".gz") || sample.name.ends_with(".zst")
}

#[tokio::test]
async fn one_payload_is_read() {
    conforms(1, 1).await;
    table_conforms(1, 1).await;
}

#[tokio::test]
async fn payloads_are_read_and_resumed_at_each_of_them() {
    conforms(30, 1).await;
    table_conforms(30, 1).await;
}

#[tokio::test]
async fn a_batch_of_payloads_is_read() {
    conforms(1_000, 333).await;
    table_conforms(1_000, 333).await;
}

#[tokio::test]
async fn many_payloads_are_read() {
    conforms(2_500, 2_000).await;
    table_conforms(2_500, 2_000).await;
}

#[tokio::test]
async fn an_event_has_the_identity_of_its_source_and_id() {
    let place = places::memory();
    let sample = samples(3).into_iter().find(|sample| sample.name == "events.json").expect("events");
    place.put(&sample.name, &sample.bytes).await;
    let store = place.store(100);
    let object = &store.list().await.expect("a listing")[0];
    let arrivals = read_object(&store, &sample.format, object, u64::MAX).await;
    let ids: Vec<_> = arrivals
        .iter()
        .map(|arrival| {
            assert!(matches!(arrival.outcome, Outcome::Payload(_)));
            let identity = arrival.identity.as_ref().expect("an identity");
            (identity.source.as_str(), identity.id.as_str())
        })
        .collect();
    assert_eq!(ids, [("/s", "0"), ("/s", "1"), ("/s", "2")]);
}
