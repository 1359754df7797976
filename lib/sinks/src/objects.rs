//! An object store, or a folder: one object per batch, written only if nothing is there under its name.

use std::fs::{self, File};
use std::io;
use std::path::{Path as FilePath, PathBuf};

use bytes::Bytes;
use chancery_reading::{Credentials, FinalError, Objects, Said, Settings, Store, Written, said_by};
use futures::TryStreamExt as _;
use object_store::path::Path;
use object_store::{Error, ObjectStore as _, ObjectStoreExt as _, PutMode, PutOptions};

use crate::describe::{ContentFormat, ObjectsOfSink};
use crate::layout::{BadLayout, Layout, Names};
use crate::packed::{Unpacking, compressed};

/// A sink of objects, for one run.
#[derive(Clone, Debug)]
pub struct ObjectSink {
    written: Written,
    layout: Layout,
}

/// Why a sink cannot be as it is described.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadSink {
    /// Its url, its endpoint or its credentials.
    #[error(transparent)]
    Store(#[from] FinalError),
    /// Its layout.
    #[error("objects.layout is `{given}`: {why}")]
    Layout {
        /// As given.
        given: String,
        /// Why not.
        why: BadLayout,
    },
}

/// Why a batch is not there.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PutError {
    /// The sink does not take this batch: an answer about it.
    #[error("{0}")]
    Refused(String),
    /// The sink cannot be reached, does not know the login, or has no room. Nothing is known of the batch.
    #[error("{0}")]
    Unavailable(String),
}

impl ObjectSink {
    /// Opens the store that is described. Nothing is asked of it yet.
    ///
    /// # Errors
    ///
    /// [`BadSink`].
    pub fn open(
        described: &ObjectsOfSink,
        names: Names<'_>,
        credentials: &Credentials,
        settings: Settings,
    ) -> Result<Self, BadSink> {
        let ObjectsOfSink { url, endpoint, region, format: ContentFormat::Ndjson, layout } = described;
        let layout =
            Layout::new(layout, names).map_err(|why| BadSink::Layout { given: layout.clone(), why })?;
        let (endpoint, region) = (endpoint.clone(), region.clone());
        let objects =
            Objects { url: url.clone(), include: Vec::new(), exclude: Vec::new(), endpoint, region };
        let written = Store::open(&objects, credentials, settings)?.to_write();
        Ok(Self { written, layout })
    }

    /// The name under which a batch is there.
    #[must_use]
    pub fn name(&self, batch: i64) -> String {
        self.layout.name(batch)
    }

    /// Brings the content of a batch there, of which this is the SHA-256. Once this returns, it is there, whole, and stays so whatever
    /// crashes: whoever brought it, and when, is no matter.
    ///
    /// # Errors
    ///
    /// [`PutError`].
    pub async fn put(&self, batch: i64, content: Vec<u8>, digest: [u8; 32]) -> Result<(), PutError> {
        self.put_as(&self.name(batch), content, digest, self.layout.is_compressed()).await
    }

    /// The name under which a manifest is there.
    #[must_use]
    pub fn manifest_name(&self, number: i32) -> String {
        self.layout.manifest(number)
    }

    /// Brings a manifest there, as a batch is brought, and never compressed.
    ///
    /// # Errors
    ///
    /// [`PutError`].
    pub async fn put_manifest(
        &self,
        number: i32,
        content: Vec<u8>,
        digest: [u8; 32],
    ) -> Result<(), PutError> {
        self.put_as(&self.manifest_name(number), content, digest, false).await
    }

    async fn put_as(
        &self,
        name: &str,
        content: Vec<u8>,
        digest: [u8; 32],
        is_compressed: bool,
    ) -> Result<(), PutError> {
        let Written { store, prefix, folder } = &self.written;
        if let Some(folder) = folder {
            // Whatever is not mounted is not made.
            let is_there = fs::metadata(folder).is_ok_and(|found| found.is_dir());
            if !is_there {
                let folder = folder.display();
                return Err(PutError::Unavailable(format!("the folder {folder} is not there; create it")));
            }
        }
        let place: Path = prefix.parts().chain(Path::from(name).parts()).collect();
        let bytes = if is_compressed {
            let packed = tokio::task::spawn_blocking(move || compressed(&content)).await;
            let packed = packed.map_err(io::Error::other).flatten();
            packed.map_err(|error| PutError::Unavailable(format!("it cannot be compressed: {error}")))?
        } else {
            Bytes::from(content)
        };
        let if_absent = PutOptions::from(PutMode::Create);
        let put = store.put_opts(&place, bytes.into(), if_absent).await;
        let was_there = match put {
            Ok(_) => false,
            Err(Error::AlreadyExists { .. } | Error::Precondition { .. }) => {
                self.is_same(&place, digest, is_compressed).await?;
                true
            }
            Err(error) => return Err(unwritten(&error)),
        };
        if let Some(folder) = folder {
            let file = folder.join(name);
            tokio::task::spawn_blocking(move || clear_up(&file, was_there))
                .await
                .map_err(io::Error::other)
                .flatten()
                .map_err(|error| PutError::Unavailable(error.to_string()))?;
        }
        Ok(())
    }

    /// What is there counts only if it is this content.
    async fn is_same(&self, place: &Path, digest: [u8; 32], is_compressed: bool) -> Result<(), PutError> {
        let found = self.written.store.get(place).await.map_err(|error| unwritten(&error))?;
        let mut stored = found.into_stream();
        let mut unpacking = Unpacking::new(is_compressed);
        let another = || {
            PutError::Refused(format!(
                "another object is there under the name {place}; move it away, or give the sink another layout"
            ))
        };
        while let Some(piece) = stored.try_next().await.map_err(|error| unwritten(&error))? {
            unpacking.push(&piece).map_err(|_| another())?;
        }
        match unpacking.digest() {
            Ok(is) if is == digest => Ok(()),
            _ => Err(another()),
        }
    }
}

fn unwritten(error: &Error) -> PutError {
    match said_by(error) {
        Said::Unavailable(why) => PutError::Unavailable(why),
        Said::Refused(why) => PutError::Refused(why),
    }
}

/// Of a file that is there: removes what is left of attempts that were broken off, and, where somebody else has put it there, makes sure
/// that it is on the disk under its name. An attempt that is not broken off fails by that, and is made again.
fn clear_up(file: &FilePath, was_there: bool) -> io::Result<()> {
    for part in 1.. {
        let mut staged = file.as_os_str().to_owned();
        staged.push(format!("#{part}"));
        match fs::remove_file(PathBuf::from(staged)) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => break,
            Err(error) => return Err(error),
        }
    }
    if was_there {
        File::open(file)?.sync_all()?;
        if let Some(folder) = file.parent() {
            File::open(folder)?.sync_all()?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use sha2::{Digest as _, Sha256};

    use super::*;

    const NAMES: Names<'_> = Names { namespace: "default", run: "demo", sink: "out" };

    fn sink(folder: &FilePath, layout: &str) -> ObjectSink {
        let described = ObjectsOfSink {
            url: format!("file://{}", folder.display()),
            endpoint: None,
            region: None,
            format: ContentFormat::Ndjson,
            layout: layout.to_owned(),
        };
        ObjectSink::open(&described, NAMES, &Credentials::Anonymous, Settings::default()).expect("a sink")
    }

    async fn put(sink: &ObjectSink, batch: i64, content: &[u8]) -> Result<(), PutError> {
        sink.put(batch, content.to_vec(), Sha256::digest(content).into()).await
    }

    #[tokio::test]
    async fn a_batch_may_be_brought_as_often_as_anybody_likes_and_another_never_takes_its_place() {
        let folder = tempfile::tempdir().expect("a folder");
        for layout in ["{run}/{batch}.ndjson", "{run}/{batch}.ndjson.gz"] {
            let sink = sink(folder.path(), layout);
            let file = folder.path().join(sink.name(7));
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
    async fn a_manifest_is_there_once_and_never_compressed() {
        let folder = tempfile::tempdir().expect("a folder");
        let sink = sink(folder.path(), "{run}/{batch}.ndjson.gz");
        let digest = |content: &[u8]| Sha256::digest(content).into();
        let bring =
            async |number, content: &[u8]| sink.put_manifest(number, content.to_vec(), digest(content)).await;
        bring(1, b"one").await.expect("it is new");
        bring(1, b"one").await.expect("it is the same");
        let other = bring(1, b"two").await;
        assert!(matches!(other, Err(PutError::Refused(_))), "{other:?}");
        bring(2, b"two").await.expect("it is another one");
        let read = |name| fs::read(folder.path().join(name)).expect("it is there");
        assert_eq!(
            (read("demo/manifest.json"), read("demo/manifest-2.json")),
            (b"one".to_vec(), b"two".to_vec())
        );
    }

    #[tokio::test]
    async fn two_that_bring_the_same_at_once_both_find_it_there() {
        let folder = tempfile::tempdir().expect("a folder");
        let sink = sink(folder.path(), "{run}/{batch}");
        let content = b"a line\n".repeat(100_000);
        for batch in 1..=20 {
            let (one, other) = tokio::join!(put(&sink, batch, &content), put(&sink, batch, &content));
            // One of them may have lost the file that it was still writing, and tries again.
            let is_fine = |put: &Result<(), PutError>| matches!(put, Ok(()) | Err(PutError::Unavailable(_)));
            assert!(is_fine(&one) && is_fine(&other) && (one.is_ok() || other.is_ok()), "{one:?} {other:?}");
            put(&sink, batch, &content).await.expect("it is there");
            assert_eq!(fs::read(folder.path().join(sink.name(batch))).expect("it is there"), content);
        }
        let files = fs::read_dir(folder.path().join("demo")).expect("a folder").count();
        assert_eq!(files, 20, "nothing is left of attempts");
    }

    #[tokio::test]
    async fn a_folder_that_is_missing_is_not_made_and_one_that_refuses_is_away() {
        let folder = tempfile::tempdir().expect("a folder");
        let missing = folder.path().join("missing");
        let away = put(&sink(&missing, "{run}/{batch}"), 1, b"one\n").await;
        assert!(matches!(&away, Err(PutError::Unavailable(why)) if why.contains("create it")), "{away:?}");
        assert!(!missing.exists());
        // A file where a folder should be: somebody has to mend that.
        fs::write(folder.path().join("demo"), "a file").expect("it is written");
        let away = put(&sink(folder.path(), "{run}/{batch}"), 1, b"one\n").await;
        assert!(matches!(away, Err(PutError::Unavailable(_))), "{away:?}");
    }
}
