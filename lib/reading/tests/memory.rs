//! However much there is to read, and however long its lines are, little is held of it.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use chancery_local_postgres::{ServerOptions, ThrowAway};
use chancery_reading::{
    Credentials, Format, MAX_PAYLOAD, Objects, Outcome, Part, PinnedObject, Position, Reason, Settings,
    Split, SplitReader, Store, Table, TableReader, TableSource, Version,
};
use futures::StreamExt;
use futures::stream::BoxStream;
use object_store::path::Path;
use object_store::{
    CopyOptions, GetOptions, GetRange, GetResult, GetResultPayload, ListResult, MultipartUpload, ObjectMeta,
    ObjectStore, PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};
use parquet::data_type::{ByteArray, ByteArrayType};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;

/// An object that is nowhere: lines of a length, made as they are asked for.
#[derive(Debug)]
struct Endless {
    size: u64,
    line: u64,
}

impl fmt::Display for Endless {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Endless")
    }
}

#[async_trait]
impl ObjectStore for Endless {
    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        let Some(GetRange::Bounded(range)) = options.range else { unreachable!("ranges are asked for") };
        let mut bytes = vec![b'x'; usize::try_from(range.end - range.start).expect("a chunk")];
        let first = self.line - 1 - range.start % self.line;
        let step = usize::try_from(self.line).expect("a length");
        for at in (usize::try_from(first).expect("a length")..bytes.len()).step_by(step) {
            bytes[at] = b'\n';
        }
        let last_modified = "2026-01-01T00:00:00Z".parse().expect("a time");
        let meta = ObjectMeta {
            location: location.clone(),
            last_modified,
            size: self.size,
            e_tag: Some("same".to_owned()),
            version: None,
        };
        let payload =
            GetResultPayload::Stream(futures::stream::once(async { Ok(Bytes::from(bytes)) }).boxed());
        Ok(GetResult { payload, meta, range, attributes: Default::default(), extensions: Default::default() })
    }

    fn list(&self, _: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        unreachable!("nothing is listed")
    }

    async fn put_opts(&self, _: &Path, _: PutPayload, _: PutOptions) -> Result<PutResult> {
        unreachable!("nothing is written")
    }

    async fn put_multipart_opts(&self, _: &Path, _: PutMultipartOptions) -> Result<Box<dyn MultipartUpload>> {
        unreachable!("nothing is written")
    }

    fn delete_stream(&self, _: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        unreachable!("nothing is deleted")
    }

    async fn list_with_delimiter(&self, _: Option<&Path>) -> Result<ListResult> {
        unreachable!("nothing is listed")
    }

    async fn copy_opts(&self, _: &Path, _: &Path, _: CopyOptions) -> Result<()> {
        unreachable!("nothing is copied")
    }
}

fn endless(size: u64, line: u64) -> (Store, Split) {
    let objects =
        Objects { url: "endless:///".into(), include: vec![], exclude: vec![], endpoint: None, region: None };
    let store =
        Store::with(Arc::new(Endless { size, line }), &objects, "", Settings::default()).expect("a store");
    let version = Version { e_tag: Some("same".into()), version: None, size, modified: String::new() };
    let object = PinnedObject { key: "lines".into(), version };
    (store, Split { object, part: Part::Bytes { start: 0, end: size } })
}

/// The most memory that the process has had, in MiB.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("the status");
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).expect("the peak");
    line.split_whitespace().nth(1).and_then(|kib| kib.parse::<u64>().ok()).expect("KiB") / 1024
}

/// Half a million rows, and two that are longer than all that may be held.
async fn read_table() {
    let folder = std::env::temp_dir().join("chancery-tests");
    std::fs::create_dir_all(&folder).expect("a folder for servers");
    let server = tokio::task::spawn_blocking(move || ThrowAway::start(&folder, ServerOptions::default()));
    let server = server.await.expect("a task").expect("PostgreSQL starts; `make setup` installs it");
    let query = "SELECT n, repeat('x', CASE WHEN n % 250000 = 0 THEN 150000000 ELSE 100 END) AS p
                 FROM generate_series(1, 500000) AS n";
    let table = Table { query: query.into(), order_by: vec!["n".into()], payload: Some("p".into()) };
    let source = TableSource::open(&server.url("postgres"), &table).expect("a source");
    let mut reader = TableReader::new(&source, Position(0), None);
    let (mut rows, mut long) = (0_u64, 0);
    while let Some(row) = reader.next().await.expect("readable") {
        rows += 1;
        match row.arrival.outcome {
            Outcome::Payload(payload) => assert_eq!(payload.len(), 100),
            Outcome::Dead(dead) => {
                let length = (dead.reason, dead.raw.len());
                assert_eq!(length, (Reason::TooLong { bytes: 150_000_000 }, MAX_PAYLOAD));
                long += 1;
            }
        }
    }
    assert_eq!((rows, long), (500_000, 2));
}

/// A file of 100 row groups, each of two MiB.
async fn read_parquet() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = std::fs::File::create(folder.path().join("a.parquet")).expect("a file");
    let schema = Arc::new(parse_message_type("message schema { required binary p; }").expect("a schema"));
    let properties = WriterProperties::builder().set_dictionary_enabled(false).build();
    let mut writer = SerializedFileWriter::new(file, schema, Arc::new(properties)).expect("a writer");
    for group in 0..100_u8 {
        let mut rows = writer.next_row_group().expect("a row group");
        let mut column = rows.next_column().expect("a column").expect("a column");
        let values: Vec<ByteArray> = (0..2_000).map(|_| ByteArray::from(vec![group; 1_000])).collect();
        column.typed::<ByteArrayType>().write_batch(&values, None, None).expect("written");
        column.close().expect("a column");
        rows.close().expect("a row group");
    }
    writer.close().expect("a file");
    let url = format!("file://{}", folder.path().display());
    let objects = Objects { url, include: vec![], exclude: vec![], endpoint: None, region: None };
    let store = Store::open(&objects, &Credentials::Anonymous, Settings::default()).expect("a store");
    let object = store.list().await.expect("a listing").remove(0);
    let split = store.plan(&object, &Format::Parquet {}, u64::MAX).remove(0);
    let mut reader = SplitReader::new(&store, &Format::Parquet {}, &split, split.start()).expect("a reader");
    let mut rows = 0_u64;
    while let Some(arrival) = reader.next().await.expect("readable") {
        assert!(matches!(arrival.outcome, Outcome::Payload(_)));
        rows += 1;
    }
    assert_eq!(rows, 200_000);
}

/// One test, since the peak is the process's.
#[tokio::test]
async fn whatever_is_read_and_however_long_it_is_takes_less_than_64_mib() {
    read_table().await;
    read_parquet().await;
    let (store, split) = endless(10_000_000 * 32, 32);
    let mut reader = SplitReader::new(&store, &Format::Lines {}, &split, split.start()).expect("a reader");
    let mut lines = 0_u64;
    while let Some(arrival) = reader.next().await.expect("readable") {
        assert!(matches!(arrival.outcome, Outcome::Payload(payload) if payload.len() == 31));
        lines += 1;
    }
    assert_eq!(lines, 10_000_000);

    let long = 2 * 1024 * 1024 * 1024;
    let (store, split) = endless(long + 1_000, long);
    let mut reader = SplitReader::new(&store, &Format::Lines {}, &split, split.start()).expect("a reader");
    let first = reader.next().await.expect("readable").expect("a line");
    let Outcome::Dead(dead) = first.outcome else { panic!("alive") };
    assert_eq!((dead.reason, dead.raw.len()), (Reason::TooLong { bytes: long - 1 }, MAX_PAYLOAD));
    assert_eq!(first.next_position.0, long);
    let second = reader.next().await.expect("readable").expect("a line");
    assert!(matches!(second.outcome, Outcome::Payload(payload) if payload.len() == 1_000));

    let peak = peak();
    assert!(peak < 64, "{peak} MiB");
}
