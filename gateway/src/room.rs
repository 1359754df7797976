//! Room in memory: what requests and answers take of it is bounded, all together.

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderValue};
use serde::Serialize;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::problem::Problem;

/// Room that is taken, for as long as somebody has it. Of the semaphore, a permit is a byte.
#[derive(Debug)]
pub(crate) struct Room {
    of: Arc<Semaphore>,
    taken: Option<OwnedSemaphorePermit>,
}

impl Room {
    /// None of it yet.
    pub(crate) fn new(of: &Arc<Semaphore>) -> Self {
        Self { of: Arc::clone(of), taken: None }
    }

    /// Takes more. Nobody waits for it: those that wait would keep what they have from each other.
    pub(crate) fn take(&mut self, bytes: usize) -> Result<(), Problem> {
        let permits = u32::try_from(bytes).map_err(|_| Problem::busy())?;
        let more = Arc::clone(&self.of).try_acquire_many_owned(permits).map_err(|_| Problem::busy())?;
        match &mut self.taken {
            Some(taken) => taken.merge(more),
            taken @ None => *taken = Some(more),
        }
        Ok(())
    }

    /// Has so much from now on: takes what is missing, or gives back what is too much.
    pub(crate) fn resize(&mut self, bytes: usize) -> Result<(), Problem> {
        let taken = self.taken.as_ref().map_or(0, OwnedSemaphorePermit::num_permits);
        if bytes > taken {
            return self.take(bytes - taken);
        }
        let _given_back = self.split(taken - bytes);
        Ok(())
    }

    /// So much of it, which ends by itself.
    pub(crate) fn split(&mut self, bytes: usize) -> Self {
        Self { of: Arc::clone(&self.of), taken: self.taken.as_mut().and_then(|taken| taken.split(bytes)) }
    }
}

/// A text that takes room until its client has all of it.
struct Kept {
    text: Vec<u8>,
    _room: Room,
}

impl AsRef<[u8]> for Kept {
    fn as_ref(&self) -> &[u8] {
        &self.text
    }
}

/// An answer of this type, which keeps the room until it is sent.
pub(crate) fn answer(content_type: &'static str, text: Vec<u8>, room: Room) -> Response {
    let mut response = Response::new(Body::from(Bytes::from_owner(Kept { text, _room: room })));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

/// The same, as JSON.
pub(crate) fn json(value: &impl Serialize, room: Room) -> Response {
    match serde_json::to_vec(value) {
        Ok(text) => answer("application/json", text, room),
        // Says why.
        Err(_) => Json(value).into_response(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_taken_is_there_again_once_nobody_has_it() {
        let all = Arc::new(Semaphore::new(100));
        let mut room = Room::new(&all);
        room.take(60).expect("room");
        let answers = room.split(20);
        assert_eq!(Room::new(&all).take(41).expect_err("no room").status, 429);
        drop(room);
        assert_eq!(all.available_permits(), 80);
        let sent = answer("text/plain", b"text".to_vec(), answers);
        assert_eq!(all.available_permits(), 80);
        drop(sent);
        assert_eq!(all.available_permits(), 100);
        let mut room = Room::new(&all);
        for bytes in [40, 70, 10, 0] {
            room.resize(bytes).expect("room");
            assert_eq!(all.available_permits(), 100 - bytes);
        }
        assert_eq!(room.resize(101).expect_err("no room").status, 429);
        assert_eq!(Room::new(&all).split(7).taken.map_or(0, |taken| taken.num_permits()), 0);
    }
}
