//! The store fails at any request, and nothing is lost, doubled or taken for dead.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use bytes::Bytes;
use chancery_reading::{Objects, ReadError, Settings, Split, SplitReader, Store};
use futures::StreamExt;
use futures::stream::BoxStream;
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, GetResultPayload, ListResult, MultipartUpload, ObjectMeta,
    ObjectStore, ObjectStoreExt, PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};

use crate::formats::{Sample, samples};
use crate::read_split;

/// Answers from memory, but for the request whose number is `failing`: that one fails, or breaks off after one byte.
#[derive(Debug, Default)]
struct Faulty {
    inner: InMemory,
    requests: AtomicU64,
    failing: AtomicU64,
    /// How.
    breaking_off: bool,
}

impl std::fmt::Display for Faulty {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Faulty")
    }
}

fn broken() -> Error {
    Error::Generic {
        store: "Faulty",
        source: Box::new(std::io::Error::from(std::io::ErrorKind::ConnectionReset)),
    }
}

impl Faulty {
    fn fails(&self) -> bool {
        self.requests.fetch_add(1, Ordering::Relaxed) == self.failing.load(Ordering::Relaxed)
    }
}

#[async_trait]
impl ObjectStore for Faulty {
    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        let fails = self.fails();
        if fails && !self.breaking_off {
            return Err(broken());
        }
        let mut result = self.inner.get_opts(location, options).await?;
        if fails {
            let GetResultPayload::Stream(stream) = result.payload else { unreachable!("memory streams") };
            let first = stream.take(1).map(|bytes| bytes.map(|bytes: Bytes| bytes.slice(..1)));
            let cut = first.chain(futures::stream::once(async { Err(broken()) }));
            result.payload = GetResultPayload::Stream(cut.boxed());
        }
        Ok(result)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        if self.fails() {
            let all = self.inner.list(prefix).take(1);
            return all.chain(futures::stream::once(async { Err(broken()) })).boxed();
        }
        self.inner.list(prefix)
    }

    async fn put_opts(&self, location: &Path, payload: PutPayload, options: PutOptions) -> Result<PutResult> {
        self.inner.put_opts(location, payload, options).await
    }

    async fn put_multipart_opts(&self, _: &Path, _: PutMultipartOptions) -> Result<Box<dyn MultipartUpload>> {
        unreachable!("nothing is written by readers")
    }

    async fn get_ranges(&self, _: &Path, _: &[Range<u64>]) -> Result<Vec<Bytes>> {
        unreachable!("one range at a time")
    }

    fn delete_stream(&self, _: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        unreachable!("nothing is deleted by readers")
    }

    async fn list_with_delimiter(&self, _: Option<&Path>) -> Result<ListResult> {
        unreachable!("all is listed")
    }

    async fn copy_opts(&self, _: &Path, _: &Path, _: CopyOptions) -> Result<()> {
        unreachable!("nothing is copied by readers")
    }
}

fn store(faulty: &Arc<Faulty>) -> Store {
    let objects = Objects {
        url: "faulty:///in".into(),
        include: vec![],
        exclude: vec![],
        endpoint: None,
        region: None,
    };
    let settings = Settings { chunk: 300, ..Settings::default() };
    Store::with(Arc::clone(faulty) as _, &objects, "in", settings).expect("a store")
}

async fn survives(sample: &Sample, breaking_off: bool) {
    let Sample { name, format, bytes, payloads: _ } = sample;
    let faulty = Arc::new(Faulty { breaking_off, failing: u64::MAX.into(), ..Faulty::default() });
    faulty.put(&Path::from(format!("in/{name}")), bytes.clone().into()).await.expect("put");
    let store = store(&faulty);
    let object = store.list().await.expect("a listing").remove(0);
    for split in store.split(&object, format, 2_000).await.expect("splits") {
        faulty.requests.store(0, Ordering::Relaxed);
        let wanted = read_split(&store, format, &split).await;
        let requests = faulty.requests.load(Ordering::Relaxed);
        assert!(requests > 0);
        for failing in 0..requests {
            faulty.requests.store(0, Ordering::Relaxed);
            faulty.failing.store(failing, Ordering::Relaxed);
            let (arrivals, failures) = read_again_and_again(&store, sample, &split).await;
            assert_eq!(arrivals, wanted, "{name}, request {failing} failing");
            assert_eq!(failures, 1, "{name}, request {failing} failing");
        }
        faulty.failing.store(u64::MAX, Ordering::Relaxed);
    }
}

/// As intake does: after an error another reader, from where the last arrival ended.
async fn read_again_and_again(
    store: &Store,
    sample: &Sample,
    split: &Split,
) -> (Vec<chancery_reading::Arrival>, u64) {
    let (mut arrivals, mut failures, mut position) = (Vec::new(), 0, split.start());
    'again: loop {
        let mut reader = SplitReader::new(store, &sample.format, split, position).expect("a reader");
        loop {
            match reader.next().await {
                Ok(Some(arrival)) => {
                    position = arrival.next_position;
                    arrivals.push(arrival);
                }
                Ok(None) => return (arrivals, failures),
                Err(error) => {
                    assert!(matches!(error, ReadError::Transient(_)), "{error}");
                    assert_eq!(reader.next().await, Err(error), "an error stays");
                    failures += 1;
                    continue 'again;
                }
            }
        }
    }
}

#[tokio::test]
async fn a_request_that_fails_is_waited_for() {
    for sample in samples(60).iter().chain(&samples(1)) {
        survives(sample, false).await;
    }
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_waited_for() {
    for sample in samples(60).iter().chain(&samples(1)) {
        survives(sample, true).await;
    }
}

#[tokio::test]
async fn a_listing_that_breaks_off_is_no_listing() {
    let faulty = Arc::new(Faulty { failing: 0.into(), ..Faulty::default() });
    for name in ["a", "b", "c"] {
        faulty.put(&Path::from(format!("in/{name}")), PutPayload::from_static(b"x")).await.expect("put");
    }
    let store = store(&faulty);
    let error = store.list().await.expect_err("half a listing");
    assert!(matches!(error, ReadError::Transient(_)));
    assert_eq!(
        error.to_string(),
        "the source faulty:///in is not available: connection reset; reading continues once it answers"
    );
    assert_eq!(store.list().await.expect("a listing").len(), 3);
}
