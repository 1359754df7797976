//! An object store, or a folder: one object per batch, written only if nothing is there under its name.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path as FilePath;

use async_trait::async_trait;
use bytes::Bytes;
use chancery_reading::{Credentials, Objects, Said, Settings, Store, Written, said_by};
use futures::TryStreamExt as _;
use object_store::path::Path;
use object_store::{Error, GetResult, ObjectStore as _, ObjectStoreExt as _, PutMode, PutOptions};
use tokio::sync::OnceCell;

use crate::describe::{ContentFormat, ObjectsOfSink};
use crate::folder::{HeldFolder, Put};
use crate::layout::{BadLayout, Layout};
use crate::packed::{Hash, Unpacking, compressed};
use crate::parquet;
use crate::sink::{BadSink, Batch, Manifest, Of, PutError, Sink};

/// How much larger than the lines of a batch a file of Parquet may be that is read to see whether it is that batch.
const MOST_BESIDE: u64 = 1 << 20;

/// The object by which a store shows that it writes over nothing. It is below the url, and stays there.
const PROBE: &str = "_chancery-probe";

/// What is in it.
const PROBE_TEXT: &str = "By this object Chancery sees whether the store writes over what is there. It may be deleted, and is made again.\n";

/// Bytes of a file that are looked at together.
const PIECE: usize = 1 << 20;

/// Objects that one sender writes at the same time: most of the time that one takes is waiting for the disk.
const AT_A_TIME: usize = 8;

/// A sink of objects, for one run.
#[derive(Clone, Debug)]
pub struct ObjectSink {
    written: Written,
    layout: Layout,
    format: ContentFormat,
    /// That the store writes over nothing, once that has been seen.
    keeps: OnceCell<()>,
}

impl ObjectSink {
    /// Opens the store that is described. Nothing is asked of it yet.
    ///
    /// # Errors
    ///
    /// [`BadSink`].
    pub fn open(
        described: &ObjectsOfSink,
        of: Of<'_>,
        credentials: &Credentials,
        settings: Settings,
    ) -> Result<Self, BadSink> {
        let ObjectsOfSink { url, endpoint, region, format, layout } = described;
        let bad = |why| BadSink::Layout { given: layout.clone(), why };
        let named = Layout::new(layout, of).map_err(bad)?;
        if *format == ContentFormat::Parquet && named.is_compressed() {
            return Err(bad(BadLayout::Compressed));
        }
        let (endpoint, region) = (endpoint.clone(), region.clone());
        let objects =
            Objects { url: url.clone(), include: Vec::new(), exclude: Vec::new(), endpoint, region };
        let written = Store::open(&objects, credentials, settings)?.to_write();
        Ok(Self { written, layout: named, format: *format, keeps: OnceCell::new() })
    }

    /// The paths in their store that the first batch and the first manifest have.
    #[must_use]
    pub fn first(&self) -> [String; 2] {
        [self.layout.name(1), self.layout.manifest(1)].map(|name| self.place(&name).to_string())
    }

    fn place(&self, name: &str) -> Path {
        self.written.prefix.parts().chain(Path::from(name).parts()).collect()
    }

    /// What is stored of a batch.
    async fn packed(&self, batch: &Batch) -> Result<Bytes, PutError> {
        let (lines, format) = (batch.lines.clone(), self.format);
        if format == ContentFormat::Ndjson && !self.layout.is_compressed() {
            return Ok(lines);
        }
        let packed = tokio::task::spawn_blocking(move || match format {
            ContentFormat::Ndjson => compressed(&lines).map_err(|error| error.to_string()),
            ContentFormat::Parquet => parquet::packed(&lines).map_err(|error| error.to_string()),
        });
        let packed = packed.await.map_err(|error| error.to_string()).flatten();
        packed.map_err(|error| PutError::away(format!("it cannot be compressed: {error}")))
    }

    /// Some stores know nothing of conditions, say that an object was written, and have lost the one that was there. So the same is put
    /// twice: of one that keeps to them, it is there at the second time, or was before.
    async fn probe(&self) -> Result<(), PutError> {
        let (Written { store, .. }, place) = (&self.written, self.place(PROBE));
        for _ in 0..2 {
            match store.put_opts(&place, PROBE_TEXT.into(), PutOptions::from(PutMode::Create)).await {
                Ok(_) => {}
                Err(Error::AlreadyExists { .. } | Error::Precondition { .. }) => return Ok(()),
                Err(error) => {
                    let why = match unwritten(&error) {
                        PutError::Refused(why) | PutError::Unavailable { why, .. } => why,
                    };
                    return Err(PutError::away(format!("{PROBE} cannot be written: {why}")));
                }
            }
        }
        Err(PutError::away(
            "the store writes over an object that is there, though it is asked not to (a conditional write, If-None-Match), so it could lose \
             what somebody else has put there; take a store that knows conditional writes",
        ))
    }

    /// Whether something may be put there: what is not mounted is not made, and a store that would write over what is there is given nothing.
    async fn is_fit(&self) -> Result<(), PutError> {
        match &self.written.folder {
            Some(folder) => HeldFolder::hold(folder).map(drop).map_err(|error| unheld(folder, &error)),
            None => self.keeps.get_or_try_init(|| self.probe()).await.copied(),
        }
    }

    /// Puts an object under its name if nothing is there. Returns its name.
    async fn bring(&self, object: Object) -> Result<String, PutError> {
        match self.written.folder.clone() {
            None => self.bring_to_store(object).await,
            Some(folder) => tokio::task::spawn_blocking(move || bring_to_folder(&folder, object))
                .await
                .map_err(PutError::away)
                .flatten(),
        }
    }

    async fn bring_to_store(&self, object: Object) -> Result<String, PutError> {
        let (Object { name, bytes, content }, Written { store, .. }) = (object, &self.written);
        let place = self.place(&name);
        match store.put_opts(&place, bytes.into(), PutOptions::from(PutMode::Create)).await {
            Ok(_) => Ok(name),
            // It counts only if it is this one.
            Err(Error::AlreadyExists { .. } | Error::Precondition { .. }) => {
                let found = store.get(&place).await.map_err(|error| unwritten(&error))?;
                if content.is_in(found).await? { Ok(name) } else { Err(another(&name)) }
            }
            Err(error) => Err(unwritten(&error)),
        }
    }
}

fn bring_to_folder(folder: &FilePath, object: Object) -> Result<String, PutError> {
    let held = HeldFolder::hold(folder).map_err(|error| unheld(folder, &error))?;
    bring_to_held(&held, folder, object)
}

/// The object counts only if the folder is in its place afterwards.
fn bring_to_held(held: &HeldFolder, folder: &FilePath, object: Object) -> Result<String, PutError> {
    let Object { name, bytes, content } = object;
    // The system's errors name no file.
    let failed = |error: io::Error| {
        PutError::away(format!("a file cannot be written: {error} ({})", folder.join(&name).display()))
    };
    if let Put::WasThere(file) = held.put(&name, &bytes).map_err(failed)?
        && !content.is_in_file(file).map_err(failed)?
    {
        return Err(another(&name));
    }
    if held.is_in_place().map_err(failed)? {
        Ok(name)
    } else {
        let folder = folder.display();
        Err(PutError::away(format!("the folder {folder} was taken away while a file was written")))
    }
}

/// What is put.
#[derive(Debug)]
struct Object {
    name: String,
    bytes: Bytes,
    content: Content,
}

/// What is known of an object that is there already.
#[derive(Debug)]
enum Content {
    Lines { digest: [u8; 32], is_compressed: bool },
    Rows(Batch),
}

impl Content {
    async fn is_in(&self, found: GetResult) -> Result<bool, PutError> {
        Ok(match self {
            Self::Lines { digest, is_compressed } => {
                digest_of_lines(found, *is_compressed).await? == Some(*digest)
            }
            Self::Rows(batch) if found.meta.size > most_of_rows(batch) => false,
            Self::Rows(batch) => {
                let (stored, batch) =
                    (found.bytes().await.map_err(|error| unwritten(&error))?, batch.clone());
                tokio::task::spawn_blocking(move || are_rows_of(stored, &batch)).await.unwrap_or(false)
            }
        })
    }

    fn is_in_file(&self, mut file: File) -> io::Result<bool> {
        Ok(match self {
            Self::Lines { digest, is_compressed } => {
                let mut unpacking = Unpacking::new(*is_compressed);
                let mut piece = vec![0; PIECE];
                loop {
                    let read = file.read(&mut piece)?;
                    if read == 0 {
                        break unpacking.digest().is_ok_and(|found| found == *digest);
                    }
                    if unpacking.push(&piece[..read]).is_err() {
                        break false;
                    }
                }
            }
            Self::Rows(batch) if file.metadata()?.len() > most_of_rows(batch) => false,
            Self::Rows(batch) => {
                let mut stored = Vec::new();
                file.read_to_end(&mut stored)?;
                std::panic::catch_unwind(|| are_rows_of(stored.into(), batch)).unwrap_or(false)
            }
        })
    }
}

fn unheld(folder: &FilePath, error: &io::Error) -> PutError {
    let folder = folder.display();
    PutError::away(match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => {
            format!("the folder {folder} is not there; create it")
        }
        _ => format!("the folder {folder} cannot be opened: {error}"),
    })
}

fn another(name: &str) -> PutError {
    PutError::Refused(format!(
        "another object is there under the name {name}; move it away and redrive the batch, or make a run of another name"
    ))
}

#[async_trait]
impl Sink for ObjectSink {
    /// Returns the name of the object.
    async fn put(&self, batch: &Batch) -> Result<String, PutError> {
        self.is_fit().await?;
        let content = match self.format {
            ContentFormat::Ndjson => {
                Content::Lines { digest: batch.digest, is_compressed: self.layout.is_compressed() }
            }
            ContentFormat::Parquet => Content::Rows(batch.clone()),
        };
        let (name, bytes) = (self.layout.name(batch.number), self.packed(batch).await?);
        self.bring(Object { name, bytes, content }).await
    }

    fn at_a_time(&self) -> usize {
        AT_A_TIME
    }

    /// Returns the name of the object, which is never compressed.
    async fn put_manifest(&self, manifest: &Manifest) -> Result<String, PutError> {
        self.is_fit().await?;
        let Manifest { number, content, digest } = manifest;
        let (name, bytes) = (self.layout.manifest(*number), content.clone());
        let content = Content::Lines { digest: *digest, is_compressed: false };
        self.bring(Object { name, bytes, content }).await
    }
}

/// None for what holds no lines.
async fn digest_of_lines(found: GetResult, is_compressed: bool) -> Result<Option<[u8; 32]>, PutError> {
    let mut stored = found.into_stream();
    let mut unpacking = Unpacking::new(is_compressed);
    while let Some(piece) = stored.try_next().await.map_err(|error| unwritten(&error))? {
        if unpacking.push(&piece).is_err() {
            return Ok(None);
        }
    }
    Ok(unpacking.digest().ok())
}

fn most_of_rows(batch: &Batch) -> u64 {
    batch.lines.len() as u64 + MOST_BESIDE
}

/// Whether a file of Parquet has the rows of a batch. The reader may panic at what somebody else has made.
fn are_rows_of(stored: Bytes, batch: &Batch) -> bool {
    let records = batch.lines.iter().filter(|byte| **byte == b'\n').count();
    let mut hash = Hash::default();
    parquet::unpacked(stored, records, &mut hash).is_ok() && hash.digest() == batch.digest
}

fn unwritten(error: &Error) -> PutError {
    match said_by(error) {
        Said::Unavailable(why) => PutError::away(why),
        Said::Refused(why) => PutError::Refused(why),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use sha2::{Digest as _, Sha256};
    use uuid::Uuid;

    use super::*;

    const OF: Of<'_> = Of { uid: Uuid::nil(), namespace: "default", run: "demo", sink: "out" };

    fn open(folder: &FilePath, format: ContentFormat, layout: &str) -> Result<ObjectSink, BadSink> {
        let described = ObjectsOfSink {
            url: format!("file://{}", folder.display()),
            endpoint: None,
            region: None,
            format,
            layout: layout.to_owned(),
        };
        ObjectSink::open(&described, OF, &Credentials::Anonymous, Settings::default())
    }

    fn sink(folder: &FilePath, layout: &str) -> ObjectSink {
        open(folder, ContentFormat::Ndjson, layout).expect("a sink")
    }

    async fn put(sink: &ObjectSink, number: i64, content: &[u8]) -> Result<(), PutError> {
        let lines = Bytes::copy_from_slice(content);
        let batch = Batch { number, lines, digest: Sha256::digest(content).into() };
        let name = sink.put(&batch).await?;
        assert_eq!(name, sink.layout.name(number));
        Ok(())
    }

    /// A line of a record with this payload.
    fn line(payload: &str) -> String {
        format!(
            "{{\"run\":\"default/demo\",\"record\":1,\"batch\":7,\"digest\":\"ab\",\"payload\":\"{payload}\",\"key\":\"k\",\
             \"algorithm\":\"EdDSA\",\"signature\":\"AQID\",\"signedAt\":\"2026-11-29T12:00:00.000001Z\"}}\n"
        )
    }

    #[tokio::test]
    async fn a_manifest_is_there_once_and_never_compressed() {
        let folder = tempfile::tempdir().expect("a folder");
        let sink = sink(folder.path(), "{run}/{batch}.ndjson.gz");
        let bring = async |number, content: &'static [u8]| {
            let digest = Sha256::digest(content).into();
            sink.put_manifest(&Manifest { number, content: Bytes::from_static(content), digest }).await
        };
        assert_eq!(bring(1, b"one").await.as_deref(), Ok("demo/manifest.json"));
        assert_eq!(bring(1, b"one").await.as_deref(), Ok("demo/manifest.json"));
        let other = bring(1, b"two").await;
        assert!(
            matches!(&other, Err(PutError::Refused(why)) if why.contains("demo/manifest.json")),
            "{other:?}"
        );
        assert_eq!(bring(2, b"two").await.as_deref(), Ok("demo/manifest-2.json"));
        let read = |name| fs::read(folder.path().join(name)).expect("it is there");
        assert_eq!(
            (read("demo/manifest.json"), read("demo/manifest-2.json")),
            (b"one".to_vec(), b"two".to_vec())
        );
    }

    #[tokio::test]
    async fn a_file_of_parquet_is_known_again_by_its_rows() {
        let folder = tempfile::tempdir().expect("a folder");
        let parquet = open(folder.path(), ContentFormat::Parquet, "{run}/{batch}.parquet").expect("a sink");
        let (one, other) = (line("AQID"), line("BAUG"));
        put(&parquet, 7, one.as_bytes()).await.expect("it is new");
        put(&parquet, 7, one.as_bytes()).await.expect("it is the same");
        let said = put(&parquet, 7, other.as_bytes()).await;
        assert!(matches!(&said, Err(PutError::Refused(why)) if why.contains("another object")), "{said:?}");
        // What somebody else has made is no batch, whatever it is.
        let file = folder.path().join("demo/0000000007.parquet");
        let whole = fs::read(&file).expect("it is there");
        let cut = whole[..whole.len() - 9].to_vec();
        for stored in [Vec::new(), b"PAR1".to_vec(), one.into_bytes(), cut, vec![0; 2 << 20]] {
            fs::write(&file, &stored).expect("it is written");
            let said = put(&parquet, 7, line("AQID").as_bytes()).await;
            assert!(matches!(said, Err(PutError::Refused(_))), "{said:?}");
            assert_eq!(fs::read(&file).expect("it is there"), stored);
        }
        let packed_twice = open(folder.path(), ContentFormat::Parquet, "{run}/{batch}.gz").map(drop);
        assert!(matches!(packed_twice, Err(BadSink::Layout { why: BadLayout::Compressed, .. })));
    }

    #[tokio::test]
    async fn a_batch_may_be_brought_as_often_as_anybody_likes_and_another_never_takes_its_place() {
        let folder = tempfile::tempdir().expect("a folder");
        for layout in ["{run}/{batch}.ndjson", "{run}/{batch}.ndjson.gz"] {
            let sink = sink(folder.path(), layout);
            let file = folder.path().join(sink.layout.name(7));
            put(&sink, 7, b"one\n").await.expect("it is new");
            let stored = fs::read(&file).expect("it is there");
            put(&sink, 7, b"one\n").await.expect("it is the same");
            let other = put(&sink, 7, b"another\n").await;
            assert!(
                matches!(&other, Err(PutError::Refused(why)) if why.contains("demo/0000000007")),
                "{other:?}"
            );
            assert_eq!(fs::read(&file).expect("it is there"), stored);
        }
    }

    #[tokio::test]
    async fn two_that_bring_the_same_at_once_both_find_it_there() {
        let folder = tempfile::tempdir().expect("a folder");
        let sink = sink(folder.path(), "{run}/{batch}");
        let content = b"a line\n".repeat(100_000);
        for batch in 1..=20 {
            let (one, other) = tokio::join!(put(&sink, batch, &content), put(&sink, batch, &content));
            // One of them may have lost the file that it was still writing, and tries again.
            let is_fine =
                |put: &Result<(), PutError>| matches!(put, Ok(()) | Err(PutError::Unavailable { .. }));
            assert!(is_fine(&one) && is_fine(&other) && (one.is_ok() || other.is_ok()), "{one:?} {other:?}");
            put(&sink, batch, &content).await.expect("it is there");
            assert_eq!(fs::read(folder.path().join(sink.layout.name(batch))).expect("it is there"), content);
        }
        let files = fs::read_dir(folder.path().join("demo")).expect("a folder").count();
        assert_eq!(files, 20, "nothing is left of attempts");
    }

    #[tokio::test]
    async fn a_batch_counts_only_if_its_folder_is_in_its_place() {
        let place = tempfile::tempdir().expect("a folder");
        let (folder, elsewhere) = (place.path().join("mounted"), place.path().join("elsewhere"));
        fs::create_dir(&folder).expect("it is made");
        let object = || Object {
            name: "demo/1".to_owned(),
            bytes: Bytes::from_static(b"one\n"),
            content: Content::Lines { digest: Sha256::digest(b"one\n").into(), is_compressed: false },
        };
        let held = HeldFolder::hold(&folder).expect("it is there");
        fs::rename(&folder, &elsewhere).expect("it is taken away");
        let away = bring_to_held(&held, &folder, object());
        assert!(
            matches!(&away, Err(PutError::Unavailable { why, .. }) if why.contains("taken away")),
            "{away:?}"
        );
        fs::rename(&elsewhere, &folder).expect("it comes back");
        assert_eq!(bring_to_held(&held, &folder, object()).as_deref(), Ok("demo/1"));
    }

    /// Somebody takes the folder away and brings it back, again and again, while batches are brought: none is lost, and no other folder is made.
    #[tokio::test(flavor = "multi_thread")]
    async fn a_folder_that_is_taken_away_while_batches_are_written_has_all_when_it_is_back() {
        let place = tempfile::tempdir().expect("a folder");
        let (folder, elsewhere) = (place.path().join("mounted"), place.path().join("elsewhere"));
        fs::create_dir(&folder).expect("it is made");
        let sink = sink(&folder, "{run}-{batch}.ndjson");
        let mover = tokio::task::spawn_blocking({
            let (folder, elsewhere) = (folder.clone(), elsewhere.clone());
            move || {
                for _ in 0..500 {
                    fs::rename(&folder, &elsewhere).expect("it is taken away");
                    std::thread::yield_now();
                    fs::rename(&elsewhere, &folder).expect("nobody has made another");
                    std::thread::yield_now();
                }
            }
        });
        for number in 1..=50 {
            while let Err(error) = put(&sink, number, b"content\n").await {
                assert!(matches!(error, PutError::Unavailable { .. }), "{error:?}");
            }
        }
        mover.await.expect("no folder was in the way");
        for number in 1..=50 {
            let stored = fs::read(folder.join(sink.layout.name(number))).expect("it is there");
            assert_eq!(stored, b"content\n", "{number}");
        }
    }

    #[tokio::test]
    async fn a_folder_that_is_missing_is_not_made_and_one_that_refuses_is_away() {
        let folder = tempfile::tempdir().expect("a folder");
        let missing = folder.path().join("missing");
        let away = put(&sink(&missing, "{run}/{batch}"), 1, b"one\n").await;
        assert!(
            matches!(&away, Err(PutError::Unavailable { why, .. }) if why.contains("create it")),
            "{away:?}"
        );
        assert!(!missing.exists());
        // A file where a folder should be: somebody has to mend that.
        fs::write(folder.path().join("demo"), "a file").expect("it is written");
        let away = put(&sink(folder.path(), "{run}/{batch}"), 1, b"one\n").await;
        let of = folder.path().join("demo").display().to_string();
        assert!(matches!(&away, Err(PutError::Unavailable { why, .. }) if why.contains(&of)), "{away:?}");
    }
}
