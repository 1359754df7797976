//! Reads the body of a request: so much, within so much time, and in so much memory of all bodies together.

use std::io::Read;

use axum::body::Body;
use bytes::Bytes;
use flate2::read::MultiGzDecoder;
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH};
use http::{HeaderMap, StatusCode};
use http_body_util::BodyExt as _;
use tokio::time::{Instant, timeout_at};

use crate::apart::apart;
use crate::limits::Limits;
use crate::problem::Problem;
use crate::room::Room;

/// Bytes that are unpacked at a time.
const UNPACKED: usize = 64 * 1024;

/// A body, and the room that it takes for as long as somebody has it.
pub(crate) struct Held {
    pub(crate) bytes: Bytes,
    pub(crate) room: Room,
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
    let held = collect(body, declared, room, limits).await?;
    if is_packed { unpack(held, limits).await } else { Ok(held) }
}

async fn collect(
    mut body: Body,
    declared: Option<u64>,
    mut room: Room,
    limits: &Limits,
) -> Result<Held, Problem> {
    let most =
        declared.and_then(|length| usize::try_from(length).ok()).unwrap_or(usize::MAX).min(limits.body_bytes);
    let mut bytes = Vec::new();
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
        append(&mut bytes, &data, most, &mut room)?;
    }
    Ok(Held { bytes: Bytes::from(bytes), room })
}

/// Appends, with room for all that is set aside: twice as much each time, but not more than `most`. What is only declared is not
/// set aside: who says much and sends nothing would keep it from the others.
fn append(bytes: &mut Vec<u8>, data: &[u8], most: usize, room: &mut Room) -> Result<(), Problem> {
    let wanted = bytes.len() + data.len();
    if wanted > bytes.capacity() {
        let capacity = (bytes.capacity() * 2).min(most).max(wanted);
        room.take(capacity - bytes.capacity())?;
        bytes.reserve_exact(capacity - bytes.len());
    }
    bytes.extend_from_slice(data);
    Ok(())
}

async fn unpack(held: Held, limits: &Limits) -> Result<Held, Problem> {
    let limits = *limits;
    // Megabytes take milliseconds, in which other requests want to be answered.
    let unpacked = apart(move || {
        // What was packed is gone once it is unpacked.
        let Held { bytes, room: mut packed } = held;
        let mut room = packed.split(0);
        let mut decoder = MultiGzDecoder::new(&bytes[..]);
        let mut unpacked = Vec::new();
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
            append(&mut unpacked, &buffer[..count], limits.body_bytes, &mut room)?;
        }
        Ok(Held { bytes: Bytes::from(unpacked), room })
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

#[cfg(test)]
mod tests {
    use std::io::Write as _;
    use std::sync::Arc;

    use flate2::Compression;
    use flate2::write::GzEncoder;
    use tokio::sync::Semaphore;

    use super::*;

    fn limits() -> Limits {
        Limits { body_bytes: 100_000, ..Limits::default() }
    }

    async fn read_packed(content: &[u8], room: &Arc<Semaphore>) -> Result<Held, Problem> {
        let mut packed = GzEncoder::new(Vec::new(), Compression::best());
        packed.write_all(content).expect("packed");
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_ENCODING, http::HeaderValue::from_static("gzip"));
        read(&headers, Body::from(packed.finish().expect("packed")), Room::new(room), &limits()).await
    }

    #[tokio::test]
    async fn what_is_packed_may_be_as_long_as_what_is_not_and_takes_the_room_of_what_it_is() {
        let room = Arc::new(Semaphore::new(1 << 20));
        let held = read_packed(&[b'x'; 100_000], &room).await.expect("a body");
        assert_eq!(held.bytes.len(), 100_000);
        let taken = (1 << 20) - room.available_permits();
        assert!((100_000..=2 * 100_000).contains(&taken), "{taken}");
        drop(held);
        // A bomb: a thousand times as long as it comes.
        assert_eq!(
            read_packed(&vec![0; 40 << 20], &room).await.err().map(|problem| problem.status),
            Some(413)
        );
        assert_eq!(room.available_permits(), 1 << 20);
    }

    #[test]
    fn what_is_set_aside_is_taken_from_the_room_and_no_more_than_was_declared() {
        let all = Arc::new(Semaphore::new(1_000));
        let (mut bytes, mut room) = (Vec::new(), Room::new(&all));
        for _ in 0..9 {
            append(&mut bytes, &[7; 100], 900, &mut room).expect("room");
        }
        assert_eq!((bytes.len(), bytes.capacity(), all.available_permits()), (900, 900, 100));
        assert!(append(&mut bytes, &[7; 200], usize::MAX, &mut room).is_err(), "there is no room");
    }
}
