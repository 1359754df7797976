//! Reads the body of a request: so much, within so much time, and in so much memory of all bodies together.

use std::io::Read;
use std::sync::Arc;

use axum::body::Body;
use bytes::{Bytes, BytesMut};
use flate2::read::MultiGzDecoder;
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH};
use http::{HeaderMap, StatusCode};
use http_body_util::BodyExt as _;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout_at};

use crate::limits::Limits;
use crate::problem::Problem;

/// Bytes that are unpacked at a time.
const UNPACKED: usize = 64 * 1024;

/// A body, and the room that it takes for as long as somebody has it.
pub(crate) struct Held {
    pub(crate) bytes: Bytes,
    pub(crate) room: Room,
}

/// Room in the memory of all bodies.
pub(crate) struct Room {
    of: Arc<Semaphore>,
    taken: Option<OwnedSemaphorePermit>,
}

impl Room {
    pub(crate) fn new(of: &Arc<Semaphore>) -> Self {
        Self { of: Arc::clone(of), taken: None }
    }

    /// Takes more. Nobody waits for it: those that wait would keep what they have from each other.
    fn take(&mut self, bytes: usize) -> Result<(), Problem> {
        let permits = u32::try_from(bytes).map_err(|_| Problem::busy())?;
        let more = Arc::clone(&self.of).try_acquire_many_owned(permits).map_err(|_| Problem::busy())?;
        match &mut self.taken {
            Some(taken) => taken.merge(more),
            taken @ None => *taken = Some(more),
        }
        Ok(())
    }
}

/// Reads it, and unpacks it if it is compressed.
pub(crate) async fn read(
    headers: &HeaderMap,
    body: Body,
    room: Room,
    limits: &Limits,
) -> Result<Held, Problem> {
    let is_packed = match headers.get(CONTENT_ENCODING).map(|value| value.as_bytes()) {
        None | Some(b"identity") => false,
        Some(encoding) if encoding.eq_ignore_ascii_case(b"gzip") => true,
        Some(other) => {
            return Err(Problem::new(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "encoding",
                "The encoding is unknown",
                format!(
                    "the content-encoding `{}` is unknown here; send the body as it is, or as gzip",
                    String::from_utf8_lossy(other).escape_debug()
                ),
            ));
        }
    };
    let declared = headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    if declared.is_some_and(|length| length > limits.body_bytes as u64) {
        return Err(too_long(limits));
    }
    let held = collect(body, room, limits).await?;
    if is_packed { unpack(held, limits).await } else { Ok(held) }
}

async fn collect(mut body: Body, mut room: Room, limits: &Limits) -> Result<Held, Problem> {
    let mut bytes = BytesMut::new();
    let end = Instant::now() + limits.body_time;
    loop {
        let pause = (Instant::now() + limits.body_pause).min(end);
        let frame = match timeout_at(pause, body.frame()).await {
            Ok(None) => break,
            Ok(Some(Ok(frame))) => frame,
            Ok(Some(Err(error))) => return Err(broken(&error)),
            Err(_) => return Err(too_slow()),
        };
        // Trailers say nothing here.
        let Ok(data) = frame.into_data() else { continue };
        if bytes.len() + data.len() > limits.body_bytes {
            return Err(too_long(limits));
        }
        room.take(data.len())?;
        bytes.extend_from_slice(&data);
    }
    Ok(Held { bytes: bytes.freeze(), room })
}

async fn unpack(held: Held, limits: &Limits) -> Result<Held, Problem> {
    let limits = *limits;
    // Megabytes take milliseconds, in which other requests want to be answered.
    let unpacked = tokio::task::spawn_blocking(move || {
        let Held { bytes, mut room } = held;
        let mut decoder = MultiGzDecoder::new(&bytes[..]);
        let mut unpacked = BytesMut::new();
        let mut buffer = vec![0; UNPACKED];
        loop {
            let count = decoder.read(&mut buffer).map_err(|error| {
                Problem::bad_request(format!(
                    "the body is not gzip to its end: {error}; nothing of it was taken in"
                ))
            })?;
            if count == 0 {
                break;
            }
            if unpacked.len() + count > limits.body_bytes {
                return Err(too_long(&limits));
            }
            room.take(count)?;
            unpacked.extend_from_slice(&buffer[..count]);
        }
        Ok(Held { bytes: unpacked.freeze(), room })
    });
    unpacked.await.unwrap_or_else(|error| {
        tracing::error!(%error, "a body could not be unpacked");
        Err(Problem::bad_request("the body could not be unpacked"))
    })
}

fn too_long(limits: &Limits) -> Problem {
    Problem::too_large(format!(
        "a body has at most {} bytes, also when it is unpacked; send its records in several requests",
        limits.body_bytes
    ))
}

fn too_slow() -> Problem {
    Problem::new(
        StatusCode::REQUEST_TIMEOUT,
        "slow",
        "The body came too slowly",
        "the body did not come in time; nothing of it was taken in: send it again",
    )
}

fn broken(error: &axum::Error) -> Problem {
    Problem::bad_request(format!("the body broke off: {error}; nothing of it was taken in"))
}
