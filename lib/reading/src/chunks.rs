//! The bytes of one pinned object, a chunk per request. Every request asks for the pinned version, so no two chunks are
//! ever of two versions, however long somebody takes between them.

use std::fs::File;
use std::os::fd::AsRawFd;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::PathBuf;

use bytes::Bytes;
use object_store::path::Path;
use object_store::{GetOptions, GetRange, GetResultPayload, ObjectMeta, ObjectStoreExt};

use crate::arrival::Changed;
use crate::error::{FinalError, TransientError};
use crate::fault::{self, Fault};
use crate::object::{PinnedObject, Version};
use crate::store::Store;

pub(crate) struct Chunks {
    store: Store,
    object: PinnedObject,
    location: Path,
    offset: u64,
    end: u64,
}

impl Chunks {
    /// From `offset` on, up to `end` or the end of the object.
    pub(crate) fn new(store: &Store, object: &PinnedObject, offset: u64, end: u64) -> Result<Self, Fault> {
        let location = Path::parse(&object.key).map_err(|error| {
            Fault::Read(
                FinalError::Other { source_url: store.source_url.clone(), why: error.to_string() }.into(),
            )
        })?;
        let end = end.min(object.version.size);
        Ok(Self { store: store.clone(), object: object.clone(), location, offset, end })
    }

    /// The next bytes; none at the end.
    pub(crate) async fn next(&mut self) -> Result<Option<Bytes>, Fault> {
        if self.offset >= self.end {
            return Ok(None);
        }
        let chunk = u64::try_from(self.store.settings.chunk.max(1)).unwrap_or(u64::MAX);
        let range = self.offset..self.end.min(self.offset.saturating_add(chunk));
        let bytes = tokio::time::timeout(self.store.settings.timeout, self.fetch(range.clone()))
            .await
            .map_err(|_| Fault::Read(self.store.late()))??;
        let given = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        if given != range.end - range.start {
            let why = format!("{given} bytes came where {} were asked for", range.end - range.start);
            let source_url = self.store.source_url.clone();
            return Err(Fault::Read(TransientError::Unavailable { source_url, why }.into()));
        }
        self.offset = range.end;
        Ok(Some(bytes))
    }

    async fn fetch(&self, range: std::ops::Range<u64>) -> Result<Bytes, Fault> {
        let pinned = &self.object.version;
        let options = GetOptions {
            range: Some(GetRange::Bounded(range)),
            if_match: pinned.e_tag.clone(),
            version: pinned.version.clone(),
            ..GetOptions::default()
        };
        let failed = |error: object_store::Error| fault::of_object(&self.store.source_url, &error);
        let result = self.store.inner.get_opts(&self.location, options).await;
        let result = match result.map_err(failed) {
            Err(Fault::Changed(Changed::Unknown)) => return Err(Fault::Changed(self.what_is_there().await)),
            other => other?,
        };
        // A store may not know conditions.
        let now = Version::from(&result.meta);
        if now.e_tag != pinned.e_tag || now.size != pinned.size {
            return Err(Fault::Changed(Changed::To(now)));
        }
        match result.payload {
            GetResultPayload::File(file, path) => {
                self.read_file(file, path, result.range, &result.meta).await
            }
            GetResultPayload::Stream(_) => result.bytes().await.map_err(failed),
        }
    }

    /// For the message only.
    async fn what_is_there(&self) -> Changed {
        match self.store.inner.head(&self.location).await {
            Ok(meta) => Changed::To(Version::from(&meta)),
            Err(object_store::Error::NotFound { .. }) => Changed::Gone,
            Err(_) => Changed::Unknown,
        }
    }

    /// A file may be written to while it is read, under the same handle: what was read counts only if the file's times
    /// and size are the same before and after.
    async fn read_file(
        &self,
        file: File,
        path: PathBuf,
        range: std::ops::Range<u64>,
        meta: &ObjectMeta,
    ) -> Result<Bytes, Fault> {
        // To the nanosecond, where the tag has microseconds.
        let now = Version::from(meta);
        if now.modified != self.object.version.modified {
            return Err(Fault::Changed(Changed::To(now)));
        }
        let written =
            (meta.last_modified.timestamp(), i64::from(meta.last_modified.timestamp_subsec_nanos()));
        let folder = self.store.folder.clone();
        let read = tokio::task::spawn_blocking(move || read_unchanged(&file, folder, range, written));
        let read = read.await.map_err(std::io::Error::other).and_then(std::convert::identity);
        let source_url = self.store.source_url.clone();
        match read {
            Ok(Read::Same(bytes)) => Ok(bytes),
            Ok(Read::Changed) => Err(Fault::Changed(self.what_is_there().await)),
            Ok(Read::Outside) => {
                let key = path.display().to_string();
                Err(Fault::Read(FinalError::OutsideFolder { source_url, key }.into()))
            }
            Err(error) => {
                let why = format!("{}: {error}", path.display());
                Err(Fault::Read(TransientError::Unavailable { source_url, why }.into()))
            }
        }
    }
}

enum Read {
    Same(Bytes),
    Changed,
    Outside,
}

fn read_unchanged(
    file: &File,
    folder: Option<PathBuf>,
    range: std::ops::Range<u64>,
    written: (i64, i64),
) -> std::io::Result<Read> {
    if let Some(folder) = folder {
        // Of the handle, not of the name: a link may be put there at any time.
        let real = std::fs::read_link(format!("/proc/self/fd/{}", file.as_raw_fd()))?;
        if !real.starts_with(std::fs::canonicalize(folder)?) {
            return Ok(Read::Outside);
        }
    }
    let before = file.metadata()?;
    let length = usize::try_from(range.end - range.start).map_err(std::io::Error::other)?;
    let mut bytes = vec![0; length];
    match file.read_exact_at(&mut bytes, range.start) {
        Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => return Ok(Read::Changed),
        other => other?,
    }
    let after = file.metadata()?;
    let marks =
        |of: &std::fs::Metadata| (of.size(), of.mtime(), of.mtime_nsec(), of.ctime(), of.ctime_nsec());
    if marks(&before) != marks(&after) || (before.mtime(), before.mtime_nsec()) != written {
        return Ok(Read::Changed);
    }
    Ok(Read::Same(bytes.into()))
}
