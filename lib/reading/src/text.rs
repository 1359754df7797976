//! The text of an object: its bytes, or what they are when they are no longer compressed.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};

use async_compression::tokio::bufread::{GzipDecoder, ZstdDecoder};
use async_compression::zstd::DParameter;
use bytes::{Bytes, BytesMut};
use futures::stream::try_unfold;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio_util::io::StreamReader;

use crate::arrival::Reason;
use crate::chunks::Chunks;
use crate::fault::Fault;
use crate::memory::{self, Held};
use crate::object::{Compression, PinnedObject};
use crate::store::Store;
use crate::zstd_frame;

/// Bytes that are decompressed at a time.
const UNPACKED: usize = 256 * 1024;

/// zstd looks back at most 2^23 bytes, 8 MiB, in what is read: that much is held. `zstd` itself compresses so, but
/// with `--ultra` or `--long`.
const ZSTD_WINDOW: u32 = 23;

pub(crate) enum Text {
    /// All there.
    Held(Option<Bytes>),
    Plain(Box<Chunks>),
    Packed {
        reader: Pin<Box<dyn AsyncRead + Send>>,
        skip: u64,
        /// For as long as the decoder is there, also once it has read all.
        _held: Arc<OnceLock<Held>>,
    },
}

impl Text {
    /// The text from byte `offset` on. What comes before is decompressed too, and thrown away. Of an object that is
    /// not compressed, no more than `limit` bytes are read.
    pub(crate) fn open(store: &Store, object: &PinnedObject, offset: u64, limit: u64) -> Result<Self, Fault> {
        let compression = object.compression();
        if compression == Compression::None {
            return Ok(Self::Plain(Box::new(Chunks::new(
                store,
                object,
                offset,
                offset.saturating_add(limit),
            )?)));
        }
        let chunks = Chunks::new(store, object, 0, u64::MAX)?;
        let held = Arc::new(OnceLock::new());
        let window = Arc::clone(&held);
        let packed = try_unfold(chunks, move |mut chunks| {
            let held = Arc::clone(&window);
            async move {
                let Some(bytes) = chunks.next().await.map_err(Carried::into_io)? else { return Ok(None) };
                // Before the decoder sees the first frame, and takes what that looks back.
                if held.get().is_none() {
                    let bytes = zstd_frame::window(&bytes).unwrap_or_default();
                    let _first = held.set(memory::hold(bytes).await);
                }
                Ok::<_, io::Error>(Some((bytes, chunks)))
            }
        });
        let packed = StreamReader::new(Box::pin(packed));
        let reader: Pin<Box<dyn AsyncRead + Send>> = if compression == Compression::Gzip {
            let mut decoder = GzipDecoder::new(packed);
            decoder.multiple_members(true);
            Box::pin(decoder)
        } else {
            let mut decoder = ZstdDecoder::with_params(packed, &[DParameter::window_log_max(ZSTD_WINDOW)]);
            decoder.multiple_members(true);
            Box::pin(decoder)
        };
        Ok(Self::Packed { reader, skip: offset, _held: held })
    }

    /// The next bytes; none at the end.
    pub(crate) async fn next(&mut self) -> Result<Option<Bytes>, Fault> {
        match self {
            Self::Held(bytes) => Ok(bytes.take().filter(|bytes| !bytes.is_empty())),
            Self::Plain(chunks) => chunks.next().await,
            Self::Packed { reader, skip, _held } => loop {
                let mut bytes = BytesMut::with_capacity(UNPACKED);
                if reader.read_buf(&mut bytes).await.map_err(unpacked)? == 0 {
                    return Ok(None);
                }
                let skipped = usize::try_from(*skip).map_or(bytes.len(), |skip| skip.min(bytes.len()));
                *skip -= u64::try_from(skipped).unwrap_or(*skip);
                let rest = bytes.freeze().slice(skipped..);
                if !rest.is_empty() {
                    return Ok(Some(rest));
                }
            },
        }
    }
}

/// A fault of the object, on its way through a decoder.
#[derive(Debug, thiserror::Error)]
#[error("the object cannot be read")]
struct Carried(Fault);

impl Carried {
    fn into_io(fault: Fault) -> io::Error {
        io::Error::other(Self(fault))
    }
}

fn unpacked(error: io::Error) -> Fault {
    let kind = error.kind();
    let text = error.to_string();
    match error.into_inner().map(|inner| inner.downcast::<Carried>()) {
        Some(Ok(carried)) => carried.0,
        _ if kind == io::ErrorKind::UnexpectedEof => Fault::Corrupt(Reason::CutOff),
        _ => Fault::Corrupt(Reason::Damaged(text)),
    }
}
